#include "vault/store/census.h"

#include <stdlib.h>
#include <string.h>

#define NAME_PREFIX "rows:"
#define ID_LEN      5 /* table byte, be32 */
#define NAME_LEN    (sizeof(NAME_PREFIX) - 1 + ID_LEN)

void census_init(struct census *c)
{
    *c = (struct census){ 0 };
    pthread_mutex_init(&c->mu, NULL);
}

void census_done(struct census *c)
{
    free(c->sum);
    pthread_mutex_destroy(&c->mu);
}

static uint64_t id_read(const uint8_t *p)
{
    uint64_t id = 0;

    for (size_t i = 0; i < ID_LEN; i++)
        id = id << 8 | p[i];
    return id;
}

uint64_t census_id(struct view key)
{
    return key.len >= ID_LEN && key.p[0] == TABLE_TOKEN ? id_read(key.p) : 0;
}

/* Where the id stands, or would. */
static size_t place_of(const struct census *c, uint64_t id)
{
    size_t from = 0, to = c->count;

    while (from < to) {
        size_t mid = from + (to - from) / 2;

        if (c->sum[mid].id < id)
            from = mid + 1;
        else
            to = mid;
    }
    return from;
}

/* The id's sum, made where there is none; NULL without memory. */
static struct census_sum *sum_make(struct census *c, uint64_t id)
{
    size_t at = place_of(c, id);

    if (at < c->count && c->sum[at].id == id)
        return &c->sum[at];
    if (c->count == c->cap) {
        size_t cap = c->cap ? c->cap * 2 : 16;
        struct census_sum *sum = realloc(c->sum, cap * sizeof(*sum));

        if (!sum)
            return NULL;
        c->sum = sum;
        c->cap = cap;
    }
    memmove(&c->sum[at + 1], &c->sum[at], (c->count - at) * sizeof(c->sum[0]));
    c->sum[at] = (struct census_sum){ id, 0 };
    c->count++;
    return &c->sum[at];
}

enum hufu_err census_reserve(struct census *c, uint64_t id)
{
    bool there;

    if (c->reserved == id) /* one after another are of one domain, mostly */
        return HUFU_OK;
    pthread_mutex_lock(&c->mu);
    there = sum_make(c, id) != NULL;
    pthread_mutex_unlock(&c->mu);
    if (there)
        c->reserved = id;
    return there ? HUFU_OK : HUFU_NOMEM;
}

void census_add(struct census *c, uint64_t id, uint64_t rows)
{
    size_t at;

    pthread_mutex_lock(&c->mu);
    at = place_of(c, id);
    if (at < c->count && c->sum[at].id == id)
        c->sum[at].rows += rows;
    pthread_mutex_unlock(&c->mu);
}

uint64_t census_find(struct census *c, uint64_t id)
{
    uint64_t rows = 0;
    size_t at;

    pthread_mutex_lock(&c->mu);
    at = place_of(c, id);
    if (at < c->count && c->sum[at].id == id)
        rows = c->sum[at].rows;
    pthread_mutex_unlock(&c->mu);
    return rows;
}

static struct view name_print(uint64_t id, uint8_t mem[static NAME_LEN])
{
    struct buf b;

    buf_fixed(&b, mem, NAME_LEN);
    buf_str(&b, NAME_PREFIX);
    buf_u8(&b, (uint8_t)(id >> 32));
    buf_be32(&b, (uint32_t)id);
    return buf_view(&b);
}

enum hufu_err census_put(MDB_txn *txn, MDB_dbi state, uint64_t id, uint64_t rows)
{
    uint8_t name[NAME_LEN];
    struct env_seq mem;
    MDB_val key = env_val(name_print(id, name)), value;
    uint64_t before = 0;
    enum hufu_err err = env_err(mdb_get(txn, state, &key, &value));

    if (err == HUFU_OK)
        err = env_number_parse(env_view(&value), &before);
    if (err != HUFU_OK && err != HUFU_NOT_FOUND)
        return err;
    value = env_val(env_number_print(before + rows, &mem));
    return env_err(mdb_put(txn, state, &key, &value, 0));
}

static enum hufu_err row_load(struct census *c, const MDB_val *key, const MDB_val *value)
{
    struct census_sum *sum;
    uint64_t rows = 0;
    enum hufu_err err =
        key->mv_size == NAME_LEN ? env_number_parse(env_view(value), &rows) : HUFU_CORRUPT;

    if (err != HUFU_OK)
        return err;
    sum = sum_make(c, id_read((const uint8_t *)key->mv_data + sizeof(NAME_PREFIX) - 1));
    if (!sum)
        return HUFU_NOMEM;
    sum->rows += rows;
    return HUFU_OK;
}

static bool is_ours(const MDB_val *key)
{
    size_t len = sizeof(NAME_PREFIX) - 1;

    return key->mv_size >= len &&
           view_equal(view_of(key->mv_data, len), view_of((const uint8_t *)NAME_PREFIX, len));
}

enum hufu_err census_load(struct census *c, MDB_txn *txn, MDB_dbi state)
{
    MDB_val key = env_val(view_str(NAME_PREFIX)), value;
    MDB_cursor *cursor = NULL;
    enum hufu_err err = env_err(mdb_cursor_open(txn, state, &cursor));

    if (err != HUFU_OK)
        return err;
    err = env_err(mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE));
    pthread_mutex_lock(&c->mu);
    while (err == HUFU_OK && is_ours(&key)) {
        err = row_load(c, &key, &value);
        if (err == HUFU_OK)
            err = env_err(mdb_cursor_get(cursor, &key, &value, MDB_NEXT));
    }
    pthread_mutex_unlock(&c->mu);
    mdb_cursor_close(cursor);
    return err == HUFU_NOT_FOUND ? HUFU_OK : err;
}
