#include "vault/access/shelf.h"

#include <stdlib.h>
#include <string.h>

static int order(struct view a, struct view b)
{
    size_t n = a.len < b.len ? a.len : b.len;
    int c = n == 0 ? 0 : memcmp(a.p, b.p, n); /* keys: names, ids, hashes; not secret */

    if (c != 0 || a.len == b.len)
        return c;
    return a.len < b.len ? -1 : 1;
}

void shelf_done(struct shelf *s)
{
    free(s->item);
    *s = (struct shelf){ 0 };
}

/* The first place whose key is not before key. */
static size_t place(const struct shelf *s, struct view key)
{
    size_t low = 0, high = s->count;

    while (low < high) {
        size_t mid = low + (high - low) / 2;

        if (order(s->item[mid].key, key) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

void *shelf_find(const struct shelf *s, struct view key)
{
    size_t at = place(s, key);

    return at < s->count && view_equal(s->item[at].key, key) ? s->item[at].object : NULL;
}

size_t shelf_after(const struct shelf *s, struct view key)
{
    size_t at = place(s, key);

    return at < s->count && view_equal(s->item[at].key, key) ? at + 1 : at;
}

enum hufu_err shelf_put(struct shelf *s, struct view key, void *object, void **old_out)
{
    size_t at = place(s, key);

    if (at < s->count && view_equal(s->item[at].key, key)) {
        *old_out = s->item[at].object;
        s->item[at] = (struct shelf_item){ key, object };
        return HUFU_OK;
    }
    if (s->count == s->cap) {
        size_t cap = s->cap == 0 ? 16 : 2 * s->cap;
        struct shelf_item *wider = realloc(s->item, cap * sizeof(*wider));

        if (wider == NULL)
            return HUFU_NOMEM;
        s->item = wider;
        s->cap = cap;
    }
    memmove(s->item + at + 1, s->item + at, (s->count - at) * sizeof(*s->item));
    s->item[at] = (struct shelf_item){ key, object };
    s->count++;
    *old_out = NULL;
    return HUFU_OK;
}

void *shelf_remove(struct shelf *s, struct view key)
{
    size_t at = place(s, key);
    void *object;

    if (at >= s->count || !view_equal(s->item[at].key, key))
        return NULL;
    object = s->item[at].object;
    memmove(s->item + at, s->item + at + 1, (s->count - at - 1) * sizeof(*s->item));
    s->count--;
    return object;
}

void *shelf_at(const struct shelf *s, size_t i)
{
    return i < s->count ? s->item[i].object : NULL;
}
