#include "vault/store/generation_sort.h"

#include <endian.h>
#include <stdbool.h>
#include <string.h>

#include "vault/store/generation.h"

#define FEW       24 /* entries that are sorted one by one */
#define FETCH     16 /* entries ahead */
#define DIGITS    sizeof(uint64_t)
#define DEPTH_MAX 64 /* calls; keys that differ late in many places are rare, and wait longer */
#define LISTS     32 /* of 2^i rows each */

struct part { /* entries that agree in the first `digit` bytes of their keys */
    struct generation_entry *e;
    size_t count, digit;
    unsigned depth;
};

/* Eight bytes of the key from offset `from` on; zeros behind its end. */
static uint64_t window_at(struct view key, size_t from)
{
    uint64_t window = 0;

    if (key.len > from)
        memcpy(&window, key.p + from,
               key.len - from < sizeof(window) ? key.len - from : sizeof(window));
    return be64toh(window);
}

/* True where a key goes on behind offset `from`. */
static bool windows_load(struct generation_entry *e, size_t count, size_t from)
{
    bool more = false;

    for (size_t i = 0; i < count; i++) {
        struct view key;

        if (i + FETCH < count)
            __builtin_prefetch(e[i + FETCH].row);
        key = generation_key(e[i].row);
        more |= key.len > from;
        e[i].window = window_at(key, from);
    }
    return more;
}

static bool is_before(const struct generation_entry *a, const struct generation_entry *b)
{
    if (a->window != b->window)
        return a->window < b->window;
    return generation_compare(generation_key(a->row), generation_key(b->row)) < 0;
}

static void sort_few(struct generation_entry *e, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        struct generation_entry x = e[i];
        size_t at = i;

        for (; at > 0 && is_before(&x, &e[at - 1]); at--)
            e[at] = e[at - 1];
        e[at] = x;
    }
}

static void heap_sink(struct generation_entry *e, size_t at, size_t count)
{
    struct generation_entry x = e[at];

    for (size_t child; (child = 2 * at + 1) < count; at = child) {
        if (child + 1 < count && is_before(&e[child], &e[child + 1]))
            child++;
        if (!is_before(&x, &e[child]))
            break;
        e[at] = e[child];
    }
    e[at] = x;
}

static void sort_heap(struct generation_entry *e, size_t count)
{
    for (size_t i = count / 2; i-- > 0;)
        heap_sink(e, i, count);
    for (size_t i = count; i-- > 1;) {
        struct generation_entry x = e[0];

        e[0] = e[i];
        e[i] = x;
        heap_sink(e, 0, i);
    }
}

static unsigned digit_of(const struct generation_entry *e, size_t digit)
{
    return (unsigned)(e->window >> 8 * (DIGITS - 1 - digit % DIGITS)) & 255;
}

/* Puts each entry among those of its digit: at[d] is where the next one of d goes, end[d] where
 * they end. */
static void deal(struct generation_entry *e, size_t digit, size_t at[256], const size_t end[256])
{
    for (unsigned d = 0; d < 256; d++)
        while (at[d] < end[d]) {
            struct generation_entry x = e[at[d]];
            unsigned to;

            while ((to = digit_of(&x, digit)) != d) {
                struct generation_entry y = e[at[to]];

                e[at[to]++] = x;
                x = y;
            }
            e[at[d]++] = x;
        }
}

/* Sorts by one digit, the rest of each digit's entries after it. True: there is but one digit. */
static bool part_deal(const struct part *p, void (*sort)(struct part p))
{
    size_t at[256] = { 0 }, end[256], sum = 0;

    for (size_t i = 0; i < p->count; i++)
        at[digit_of(&p->e[i], p->digit)]++;
    if (at[digit_of(&p->e[0], p->digit)] == p->count)
        return true;
    for (unsigned d = 0; d < 256; d++) {
        size_t n = at[d];

        at[d] = sum;
        end[d] = sum += n;
    }
    deal(p->e, p->digit, at, end);
    for (unsigned d = 0; d < 256; d++) {
        size_t from = d > 0 ? end[d - 1] : 0;

        if (end[d] - from > 1)
            sort((struct part){ p->e + from, end[d] - from, p->digit + 1, p->depth + 1 });
    }
    return false;
}

static void part_sort(struct part p)
{
    for (bool more = true;; p.digit++) {
        if (p.digit % DIGITS == 0)
            more = windows_load(p.e, p.count, p.digit);
        if (p.count <= FEW) {
            sort_few(p.e, p.count);
            return;
        }
        if (!more || p.depth == DEPTH_MAX) { /* no more: only the lengths of the keys differ */
            sort_heap(p.e, p.count);
            return;
        }
        if (!part_deal(&p, part_sort))
            return;
    }
}

void generation_sort(struct generation_entry *e, size_t count)
{
    part_sort((struct part){ e, count, 0, 0 });
}

static struct generation_row *list_merge(struct generation_row *a, struct generation_row *b)
{
    struct generation_row *first = NULL, *last = NULL;

    while (a && b) {
        struct generation_row **from =
            generation_compare(generation_key(a), generation_key(b)) < 0 ? &a : &b;

        if (last)
            generation_lead(last, *from);
        else
            first = *from;
        last = *from;
        *from = generation_after(last);
    }
    if (last)
        generation_lead(last, a ? a : b);
    return first ? first : a ? a : b;
}

/* list[i] is NULL or has 2^i rows; the last has the rest. */
struct generation_row *generation_sort_list(struct generation_row *rest)
{
    struct generation_row *list[LISTS] = { 0 }, *sorted = NULL;

    while (rest) {
        struct generation_row *one = rest;
        size_t i = 0;

        rest = generation_after(one);
        generation_lead(one, NULL);
        for (; i < LISTS - 1 && list[i]; i++) {
            one = list_merge(one, list[i]);
            list[i] = NULL;
        }
        list[i] = list_merge(one, list[i]);
    }
    for (size_t i = 0; i < LISTS; i++)
        sorted = list_merge(sorted, list[i]);
    return sorted;
}
