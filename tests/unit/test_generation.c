#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "vault/store/generation.h"
#include "vault/store/generation_sort.h"

void *__real_malloc(size_t len);
void *__wrap_malloc(size_t len);
void *__real_mmap(void *at, size_t len, int prot, int flags, int fd, off_t offset);
void *__wrap_mmap(void *at, size_t len, int prot, int flags, int fd, off_t offset);

static _Thread_local bool no_memory;

void *__wrap_malloc(size_t len)
{
    return no_memory ? NULL : __real_malloc(len);
}

void *__wrap_mmap(void *at, size_t len, int prot, int flags, int fd, off_t offset)
{
    return no_memory ? MAP_FAILED : __real_mmap(at, len, prot, flags, fd, offset);
}

/* ---- a model: every write kept, looked for one by one ---- */

enum { KEYS_MAX = 600, KEY_MAX = 24, WRITES_MAX = 6000 };

struct write {
    uint64_t seq;
    uint32_t serial; /* the image */
    size_t key;
};

struct model {
    struct generation *g;
    uint8_t key[KEYS_MAX][KEY_MAX];
    size_t key_len[KEYS_MAX], keys; /* sorted, each once */
    struct write write[WRITES_MAX];
    size_t writes;
    uint64_t seq, random;
};

static uint64_t draw(struct model *m, uint64_t below)
{
    m->random ^= m->random << 13;
    m->random ^= m->random >> 7;
    m->random ^= m->random << 17;
    return (m->random >> 11) % below;
}

static struct view key_of(const struct model *m, size_t i)
{
    return view_of(m->key[i], m->key_len[i]);
}

static int bytes_compare(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len)
{
    int rc = memcmp(a, b, a_len < b_len ? a_len : b_len);

    return rc != 0 ? rc : (a_len > b_len) - (a_len < b_len);
}

/* Few different bytes, zeros among them: keys that begin alike, and such that only length tells. */
static void keys_draw(struct model *m, size_t want)
{
    static const uint8_t alphabet[] = { 0, 0, 1, 9, 0xff };
    size_t same = draw(m, 3) == 0 ? 17 : 0;

    m->keys = 0;
    for (size_t tries = 0; tries < 3 * want && m->keys < want; tries++) {
        uint8_t key[KEY_MAX] = { 0 };
        size_t len = same + draw(m, KEY_MAX - same + 1), at = 0;
        int rc = 1;

        for (size_t i = same; i < len; i++)
            key[i] = alphabet[draw(m, sizeof(alphabet))];
        while (at < m->keys && (rc = bytes_compare(m->key[at], m->key_len[at], key, len)) < 0)
            at++;
        if (at < m->keys && rc == 0)
            continue;
        memmove(m->key[at + 1], m->key[at], (m->keys - at) * KEY_MAX);
        memmove(&m->key_len[at + 1], &m->key_len[at], (m->keys - at) * sizeof(size_t));
        memcpy(m->key[at], key, KEY_MAX);
        m->key_len[at] = len;
        m->keys++;
    }
}

static const struct write *newest(const struct model *m, size_t key, uint64_t limit)
{
    const struct write *best = NULL;

    for (size_t i = 0; i < m->writes; i++)
        if (m->write[i].key == key && m->write[i].seq < limit &&
            (!best || m->write[i].seq >= best->seq))
            best = &m->write[i];
    return best;
}

static void row_check(const struct model *m, const struct generation_row *row,
                      const struct write *want)
{
    struct view image;
    uint32_t serial;

    if (!want) {
        assert_null(row);
        return;
    }
    assert_non_null(row);
    assert_true(view_equal(generation_key(row), key_of(m, want->key)));
    assert_int_equal(row->seq, want->seq);
    assert_int_equal(row->removed, want->serial % 5 == 0);
    image = generation_image(row);
    if (row->removed) {
        assert_int_equal(image.len, 0);
        return;
    }
    assert_int_equal(image.len, sizeof(serial));
    memcpy(&serial, image.p, sizeof(serial));
    assert_int_equal(serial, want->serial);
}

static struct generation_row *row_make(struct model *m, size_t key, uint64_t seq, uint32_t serial)
{
    struct view image = view_of((const uint8_t *)&serial, sizeof(serial));

    return generation_make(m->g, key_of(m, key), seq, image, serial % 5 == 0);
}

/* A group of writes, published at once; some more that are made and taken back before it. */
static void group_write(struct model *m)
{
    struct generation_mark mark = generation_mark(m->g);
    struct generation_row *row[64];
    size_t count = 1 + draw(m, 64), hot = draw(m, m->keys);
    uint64_t used = m->g->used;

    for (size_t i = draw(m, 40); i > 0; i--)
        assert_non_null(row_make(m, draw(m, m->keys), m->seq, 1));
    generation_rollback(m->g, mark);
    assert_int_equal(m->g->used, used);
    assert_int_equal(m->g->table.waiting, 0);
    for (size_t i = 0; i < count && m->writes < WRITES_MAX; i++) {
        size_t key = draw(m, 3) == 0 ? hot : draw(m, m->keys);
        uint64_t seq = m->seq;

        if (draw(m, 10) == 0)
            seq = draw(m, m->seq + 1); /* an older one, late */
        row[i] = row_make(m, key, seq, (uint32_t)m->writes);
        assert_non_null(row[i]);
        m->write[m->writes] = (struct write){ seq, (uint32_t)m->writes, key };
        m->writes++;
        m->seq += draw(m, 2);
        if (i + 1 == count || m->writes == WRITES_MAX)
            generation_link_all(m->g, row, i + 1);
    }
}

static void finds_check(struct model *m)
{
    for (int i = 0; i < 20; i++) {
        size_t key = draw(m, m->keys);
        uint64_t limit = draw(m, 2) ? draw(m, m->seq + 2) : UINT64_MAX;

        row_check(m, generation_find(m->g, key_of(m, key), limit), newest(m, key, limit));
    }
}

static bool key_begins(struct view key, struct view prefix)
{
    return key.len >= prefix.len && memcmp(key.p, prefix.p, prefix.len) == 0;
}

static void walk_check(struct model *m)
{
    struct view start = key_of(m, draw(m, m->keys)), prefix = key_of(m, draw(m, m->keys));
    uint64_t limit = draw(m, 2) ? draw(m, m->seq + 2) : UINT64_MAX;
    size_t many = draw(m, 4) ? SIZE_MAX : draw(m, 20);
    struct generation_walk w;

    prefix.len = draw(m, 3) < prefix.len ? draw(m, 3) : 0;
    if (draw(m, 2))
        start = prefix;
    no_memory = draw(m, 8) == 0;
    if (generation_walk_begin(m->g, prefix, start, limit, &w) == HUFU_OK) {
        no_memory = false;
        for (size_t i = 0; i < m->keys && many > 0; i++) {
            const struct write *want = newest(m, i, limit);

            if (!want || !key_begins(key_of(m, i), prefix) ||
                generation_compare(key_of(m, i), start) < 0)
                continue;
            row_check(m, generation_walk_next(&w), want);
            many--;
        }
        if (many > 0) {
            assert_null(generation_walk_next(&w));
            assert_null(generation_walk_next(&w));
        }
    } else {
        assert_true(no_memory);
        assert_null(w.g);
    }
    no_memory = false;
    generation_walk_end(&w);
    generation_walk_end(&w);
}

static void flush_check(struct model *m)
{
    size_t from = draw(m, m->keys);
    uint64_t limit = draw(m, 2) ? draw(m, m->seq + 2) : UINT64_MAX;
    const struct generation_row *row;
    struct view start = { 0 };

    if (draw(m, 2))
        from = 0;
    if (from > 0)
        start = key_of(m, from);
    row = generation_seek(m->g, start, limit);
    for (size_t i = from; i < m->keys; i++)
        if (newest(m, i, limit)) {
            row_check(m, row, newest(m, i, limit));
            row = generation_next(row, limit);
        }
    assert_null(row);
}

static void test_generation_agrees_with_model(void **state)
{
    static struct model m;
    const char *seed = getenv("HUFU_SEED"), *seeds = getenv("HUFU_SEEDS");
    uint64_t first = seed ? strtoull(seed, NULL, 10) : 1;
    uint64_t last = first + (seeds ? strtoull(seeds, NULL, 10) : 40);

    (void)state;
    for (uint64_t n = first; n < last; n++) {
        size_t writes;

        m = (struct model){ .g = generation_new(0), .random = n * 0x9e3779b97f4a7c15u };
        assert_non_null(m.g);
        keys_draw(&m, 1 + draw(&m, KEYS_MAX - 1));
        writes = draw(&m, WRITES_MAX / (1 + draw(&m, 10)));
        while (m.writes < writes) {
            group_write(&m);
            finds_check(&m);
            if (draw(&m, 4) == 0)
                walk_check(&m);
        }
        no_memory = draw(&m, 3) == 0; /* both ways to put the keys in order */
        (void)generation_seek(m.g, (struct view){ 0 }, UINT64_MAX);
        no_memory = false;
        for (int i = 0; i < 4; i++) {
            flush_check(&m);
            finds_check(&m);
            walk_check(&m);
        }
        generation_drop(m.g);
    }
}

/* ---- many keys ---- */

/* As the map's: table, domain, and digits or a digest behind a version. */
static struct view row_key(uint64_t i, uint8_t key[static 24])
{
    uint64_t word = i * 0x9e3779b97f4a7c15u;

    memset(key, 0, 24);
    key[0] = i % 2 ? 1 : 2;
    key[4] = 5;
    if (i % 2) {
        snprintf((char *)key + 5, 19, "411111%012u", (unsigned)(word >> 32));
        return view_of(key, 23);
    }
    key[8] = 1;
    memcpy(key + 9, &word, sizeof(word));
    return view_of(key, 17);
}

static void rows_put(struct generation *g, uint64_t first, uint64_t count)
{
    uint8_t key[24];

    for (uint64_t i = first; i < first + count; i++) {
        struct generation_row *row =
            generation_make(g, row_key(i, key), i, view_str("image"), false);

        assert_non_null(row);
        generation_link(g, row);
    }
}

static void test_generation_sorts_many(void **state)
{
    enum { N = 300000 };
    struct generation *g = generation_new(0);
    const struct generation_row *row, *last = NULL;
    size_t n = 0;

    (void)state;
    rows_put(g, 0, N);
    for (row = generation_seek(g, (struct view){ 0 }, UINT64_MAX); row;
         row = generation_next(row, UINT64_MAX)) {
        assert_true(!last || generation_compare(generation_key(last), generation_key(row)) < 0);
        last = row;
        n++;
    }
    assert_int_equal(n, N);
    generation_drop(g);
}

/* Keys that differ late, one after the other, and keys that only their lengths tell apart. */
static void test_generation_sorts_odd_keys(void **state)
{
    enum { N = 150 };
    struct generation *g = generation_new(0);
    const struct generation_row *row;

    (void)state;
    for (size_t i = 0; i < N; i++) {
        size_t at = i * 97 % N;
        uint8_t key[N + 1] = { 0 };

        row = generation_make(g, view_of(key, at), 1, view_str("zeros"), false);
        assert_non_null(row);
        generation_link(g, (struct generation_row *)(uintptr_t)row);
        key[at] = 1;
        row = generation_make(g, view_of(key, at + 1), 1, view_str("one"), false);
        assert_non_null(row);
        generation_link(g, (struct generation_row *)(uintptr_t)row);
    }
    row = generation_seek(g, (struct view){ 0 }, UINT64_MAX);
    for (size_t i = 0; i < N; i++, row = generation_next(row, UINT64_MAX))
        assert_int_equal(generation_key(row).len, i); /* zeros sort before what is behind them */
    for (size_t i = N; i-- > 0; row = generation_next(row, UINT64_MAX)) {
        assert_int_equal(generation_key(row).len, i + 1);
        assert_int_equal(generation_key(row).p[i], 1);
    }
    assert_null(row);
    generation_drop(g);

    g = generation_new(0);
    for (size_t i = 0; i < N; i++) {
        static const uint8_t zeros[N];

        row = generation_make(g, view_of(zeros, i * 97 % N), 1, view_str("zeros"), false);
        assert_non_null(row);
        generation_link(g, (struct generation_row *)(uintptr_t)row);
    }
    row = generation_seek(g, (struct view){ 0 }, UINT64_MAX);
    for (size_t i = 0; i < N; i++, row = generation_next(row, UINT64_MAX))
        assert_int_equal(generation_key(row).len, i);
    assert_null(row);
    generation_drop(g);
}

/* Scans that come by often leave few runs, and memory of their size. */
static void test_generation_walks_keep_runs_few(void **state)
{
    static const uint8_t table = 1;
    struct generation *g = generation_new(0);
    uint64_t i = 0, used;
    struct generation_walk w;

    (void)state;
    for (unsigned round = 0; round < 3000; round++, i += 20) {
        rows_put(g, i, 20);
        assert_int_equal(
            generation_walk_begin(g, view_of(&table, 1), (struct view){ 0 }, UINT64_MAX, &w),
            HUFU_OK);
        assert_true(w.runs <= 35); /* seven of each tier below 32,768 keys */
        generation_walk_end(&w);
    }
    used = g->used - g->row_bytes - generation_table_bytes(&g->table);
    assert_in_range(used, i / 2 * sizeof(void *), i / 2 * sizeof(void *) + 64 * 16);
    generation_drop(g);
}

static void test_generation_counts_its_memory(void **state)
{
    enum { N = 100000 };
    struct generation *g = generation_new(0);
    struct generation_walk w;
    uint64_t rows, used;

    (void)state;
    rows_put(g, 0, N);
    rows = g->row_bytes;
    used = g->used;
    assert_true(used >= rows + (uint64_t)N * 128 / 10 && used <= rows + (uint64_t)N * 128 / 6);
    assert_non_null(generation_seek(g, (struct view){ 0 }, UINT64_MAX));
    assert_in_range(g->used - used, N * sizeof(void *), N * sizeof(void *) + 64);
    used = g->used;
    assert_int_equal(generation_walk_begin(g, (struct view){ 0 }, (struct view){ 0 }, 9, &w),
                     HUFU_OK);
    generation_walk_end(&w);
    assert_int_equal(g->used, used);
    generation_drop(g);
}

/* ---- without memory ---- */

static void test_generation_make_without_memory(void **state)
{
    struct generation *g = generation_new(0);
    struct generation_row *row[4096];
    size_t made = 0;

    (void)state;
    no_memory = true;
    assert_null(generation_new(0));
    no_memory = false;
    rows_put(g, 0, 1000);
    no_memory = true; /* what was made can be linked, whatever comes after it */
    while (made < 4096) {
        uint8_t key[24];

        row[made] = generation_make(g, row_key(1000 + made, key), 1000, view_str("x"), false);
        if (!row[made])
            break;
        made++;
    }
    assert_in_range(made, 1, 4095);
    generation_link_all(g, row, made);
    no_memory = false;
    for (size_t i = 0; i < 1000 + made; i++) {
        uint8_t key[24];

        assert_non_null(generation_find(g, row_key(i, key), UINT64_MAX));
    }
    generation_drop(g);
}

/* Keys of one hash: none is lost where buckets overflow and splitting does not help. */
static void test_generation_table_of_one_hash(void **state)
{
    enum { N = 500 };
    struct generation *g = generation_new(0);
    char key[8];

    (void)state;
    for (unsigned i = 0; i < N; i++) {
        struct generation_row *row;

        snprintf(key, sizeof(key), "%u", i);
        row = generation_make(g, view_str(key), i, view_str("x"), false);
        assert_non_null(row);
        assert_true(generation_table_put(&g->table, row, UINT32_MAX));
        generation_order_add(&g->order, row);
    }
    assert_int_equal(g->table.keys, N);
    assert_true(g->table.spilled >= (N - 10) / 10);
    assert_true(g->table.spilled <= g->table.keys);
    assert_non_null(generation_seek(g, (struct view){ 0 }, UINT64_MAX));
    generation_drop(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_generation_agrees_with_model),
        cmocka_unit_test(test_generation_sorts_many),
        cmocka_unit_test(test_generation_sorts_odd_keys),
        cmocka_unit_test(test_generation_walks_keep_runs_few),
        cmocka_unit_test(test_generation_counts_its_memory),
        cmocka_unit_test(test_generation_make_without_memory),
        cmocka_unit_test(test_generation_table_of_one_hash),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
