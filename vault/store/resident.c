#include "vault/store/resident.h"

#include <stdlib.h>
#include <string.h>

#include "vault/store/generation.h"

enum hufu_err resident_init(struct resident *r)
{
    *r = (struct resident){ 0 };
    return pthread_rwlock_init(&r->lock, NULL) == 0 ? HUFU_OK : HUFU_NOMEM;
}

void resident_done(struct resident *r)
{
    for (size_t i = 0; i < r->count; i++)
        resident_row_drop(r->row[i]);
    free(r->row);
    pthread_rwlock_destroy(&r->lock);
    *r = (struct resident){ 0 };
}

struct resident_row *resident_row_new(struct view key, uint64_t seq, struct view image,
                                      bool removed)
{
    size_t image_len = removed ? 0 : image.len;
    struct resident_row *row = malloc(sizeof(*row) + key.len + image_len);

    if (!row)
        return NULL;
    *row = (struct resident_row){ .seq = seq,
                                  .key_len = (uint16_t)key.len,
                                  .image_len = (uint32_t)image_len,
                                  .removed = removed };
    atomic_init(&row->refs, 1);
    memcpy(row->bytes, key.p, key.len);
    if (image_len > 0)
        memcpy(row->bytes + key.len, image.p, image_len);
    return row;
}

static struct resident_row *row_keep(struct resident_row *row)
{
    atomic_fetch_add_explicit(&row->refs, 1, memory_order_relaxed);
    return row;
}

void resident_row_drop(struct resident_row *row)
{
    if (row && atomic_fetch_sub_explicit(&row->refs, 1, memory_order_acq_rel) == 1)
        free(row);
}

struct view resident_key(const struct resident_row *row)
{
    return view_of(row->bytes, row->key_len);
}

struct view resident_image(const struct resident_row *row)
{
    return view_of(row->bytes + row->key_len, row->image_len);
}

enum hufu_err resident_reserve(struct resident *r, size_t more)
{
    struct resident_row **grown;
    size_t need, cap = r->cap < 64 ? 64 : r->cap;

    if (__builtin_add_overflow(r->count, more, &need) || need > SIZE_MAX / 32)
        return HUFU_NOMEM;
    if (need <= r->cap)
        return HUFU_OK;
    while (cap < need)
        cap *= 2;
    pthread_rwlock_wrlock(&r->lock);
    grown = realloc(r->row, cap * sizeof(*grown));
    if (grown) {
        r->row = grown;
        r->cap = cap;
    }
    pthread_rwlock_unlock(&r->lock);
    return grown ? HUFU_OK : HUFU_NOMEM;
}

/* Index of the first row with key >= key; count where there is none. */
static size_t row_seek(const struct resident *r, struct view key)
{
    size_t low = 0, high = r->count;

    while (low < high) {
        size_t mid = low + (high - low) / 2;

        if (generation_compare(resident_key(r->row[mid]), key) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static bool row_is_at(const struct resident *r, size_t at, struct view key)
{
    return at < r->count && view_equal(resident_key(r->row[at]), key);
}

static void row_put(struct resident *r, struct resident_row *row)
{
    size_t at = row_seek(r, resident_key(row));
    bool there = row_is_at(r, at, resident_key(row));

    if (there && r->row[at]->seq > row->seq) {
        resident_row_drop(row);
    } else if (there && row->removed) {
        resident_row_drop(r->row[at]);
        resident_row_drop(row);
        r->count--;
        memmove(r->row + at, r->row + at + 1, (r->count - at) * sizeof(*r->row));
    } else if (there) {
        resident_row_drop(r->row[at]);
        r->row[at] = row;
    } else if (row->removed) {
        resident_row_drop(row);
    } else {
        memmove(r->row + at + 1, r->row + at, (r->count - at) * sizeof(*r->row));
        r->row[at] = row;
        r->count++;
    }
}

void resident_put(struct resident *r, struct resident_row *const *rows, size_t count)
{
    if (count == 0)
        return;
    pthread_rwlock_wrlock(&r->lock);
    for (size_t i = 0; i < count; i++)
        row_put(r, rows[i]);
    pthread_rwlock_unlock(&r->lock);
}

struct resident_row *resident_get(struct resident *r, struct view key)
{
    struct resident_row *row = NULL;
    size_t at;

    pthread_rwlock_rdlock(&r->lock);
    at = row_seek(r, key);
    if (row_is_at(r, at, key))
        row = row_keep(r->row[at]);
    pthread_rwlock_unlock(&r->lock);
    return row;
}

const struct resident_row *resident_peek(const struct resident *r, struct view key)
{
    size_t at = row_seek(r, key);

    return row_is_at(r, at, key) ? r->row[at] : NULL;
}

static bool row_begins(const struct resident_row *row, struct view prefix)
{
    return row->key_len >= prefix.len && view_equal(view_of(row->bytes, prefix.len), prefix);
}

enum hufu_err resident_collect(struct resident *r, struct view prefix, struct view from, size_t max,
                               struct resident_row ***rows_out, size_t *count_out)
{
    struct view start = generation_compare(from, prefix) > 0 ? from : prefix;
    struct resident_row **rows;
    size_t at, end;

    pthread_rwlock_rdlock(&r->lock);
    at = end = row_seek(r, start);
    while (end < r->count && end - at < max && row_begins(r->row[end], prefix))
        end++;
    rows = malloc((end - at + 1) * sizeof(*rows));
    if (rows)
        for (size_t i = at; i < end; i++)
            rows[i - at] = row_keep(r->row[i]);
    pthread_rwlock_unlock(&r->lock);
    if (!rows)
        return HUFU_NOMEM;
    *rows_out = rows;
    *count_out = end - at;
    return HUFU_OK;
}

void resident_sum_add(uint8_t sum[static RESIDENT_SUM_LEN],
                      const uint8_t digest[static RESIDENT_SUM_LEN])
{
    unsigned carry = 0;

    for (size_t i = 0; i < RESIDENT_SUM_LEN; i++) {
        carry += (unsigned)sum[i] + digest[i];
        sum[i] = (uint8_t)carry;
        carry >>= 8;
    }
}

void resident_sum_take(uint8_t sum[static RESIDENT_SUM_LEN],
                       const uint8_t digest[static RESIDENT_SUM_LEN])
{
    unsigned borrow = 0;

    for (size_t i = 0; i < RESIDENT_SUM_LEN; i++) {
        unsigned d = digest[i] + borrow;

        borrow = sum[i] < d;
        sum[i] = (uint8_t)(sum[i] - d);
    }
}
