#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dlfcn.h>
#include <lmdb.h>

#include "tests/unit/store_look.h"

static void test_open_second_is_busy(void **state)
{
    struct house *h = *state;
    struct store *other = NULL;

    assert_int_equal(store_open_lmdb(&h->set, &other), HUFU_BUSY);
    assert_null(other);
    house_reopen(h); /* the refused one took no lock away */
}

static void test_open_no_folder(void **state)
{
    struct house *h = *state;
    struct store_settings set = h->set;
    struct store *other = NULL;

    set.dir = "/nonexistent/hufu";
    assert_int_equal(store_open_lmdb(&set, &other), HUFU_IO);
    assert_null(other);
}

/* Stands before LMDB's own: what happens just before or after a look-up's map transaction begins.
 */
static void (*renew_hook)(void);
static bool renew_after;
static struct house *renew_house;

int mdb_txn_renew(MDB_txn *txn)
{
    union {
        void *p;
        int (*f)(MDB_txn *txn);
    } real = { .p = dlsym(RTLD_NEXT, "mdb_txn_renew") };
    void (*hook)(void) = renew_hook;
    int rc;

    renew_hook = NULL; /* once */
    if (hook && !renew_after)
        hook();
    rc = real.f(txn);
    if (hook && renew_after)
        hook();
    return rc;
}

/* Changes one value of a closed store, or deletes it where value is NULL. */
static void tamper(struct house *h, const char *sub, const char *table, struct view key,
                   const char *value)
{
    char path[128];
    MDB_env *env = NULL;
    MDB_txn *txn = NULL;
    MDB_dbi dbi;
    MDB_val k = { key.len, (void *)(uintptr_t)key.p };
    MDB_val v = { value ? strlen(value) : 0, (void *)(uintptr_t)value };

    house_close(h);
    snprintf(path, sizeof(path), "%s/%s", h->dir, sub);
    assert_int_equal(mdb_env_create(&env), 0);
    assert_int_equal(mdb_env_set_maxdbs(env, 8), 0);
    assert_int_equal(mdb_env_set_mapsize(env, h->set.file_bytes), 0);
    assert_int_equal(mdb_env_open(env, path, 0, 0600), 0);
    assert_int_equal(mdb_txn_begin(env, NULL, 0, &txn), 0);
    assert_int_equal(mdb_dbi_open(txn, table, 0, &dbi), 0);
    assert_int_equal(value ? mdb_put(txn, dbi, &k, &v, 0) : mdb_del(txn, dbi, &k, NULL), 0);
    assert_int_equal(mdb_txn_commit(txn), 0);
    mdb_env_close(env);
}

static void test_open_tampered_is_corrupt(void **state)
{
    static const struct {
        const char *sub, *table, *key;
        size_t key_len;
        const char *value;
    } rows[] = {
        { "journal", "entry", "\0\0\0\0\0\0\1\3", 8, "line seq=259 now=1000001" }, /* last tile */
        { "journal", "entry", "\0\0\0\0\0\0\1\4", 8, NULL },
        { "journal", "entry", "\0\0\0\0\0\0\1\5", 8, "one more" },
        { "journal", "write", "\0\0\0\0\0\0\0\7", 8, NULL },
        { "journal", "write", "\0\0\0\0\0\0\0\7", 8, "no operation" },
        { "journal", "node", "\1\0\0\0\0\0\0\0\0", 9, "0123456789abcdef0123456789abcdef" },
        { "journal", "node", "\1\0\0\0\0\0\0\0\0", 9, NULL },
        { "journal", "meta", "format", 6, "?" },
        { "journal", "meta", "\0frontier", 9, "x" },
        { "journal", "meta", "\0time", 5, NULL },
        { "map", "state", "format", 6, "\2\0\0" },
        { "map", "state", "applied", 7, "\xff\xff\xff\xff\xff\xff\xff\x7f" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct house h;
        enum hufu_err err;

        house_init(&h);
        assert_int_equal(house_open(&h), HUFU_OK);
        for (int n = 0; n < 3; n++) {
            assert_int_equal(piece_put(&h, TOKEN, "x"), HUFU_OK);
            if (n == 0)
                house_flush(&h); /* so that the map is not empty */
        }
        for (int n = 3; n < 261; n++)
            assert_int_equal(piece_put(&h, OTHER, "y"), HUFU_OK);
        tamper(&h, rows[i].sub, rows[i].table, view_of(rows[i].key, rows[i].key_len),
               rows[i].value);
        err = house_open(&h);
        if (err != HUFU_CORRUPT)
            print_error("row %zu: %s\n", i, err_name(err));
        assert_int_equal(err, HUFU_CORRUPT);
        assert_null(h.s);
        house_done(&h);
    }
}

static void test_open_map_newer_than_journal_is_corrupt(void **state)
{
    struct house *h = *state;
    char path[128];

    assert_int_equal(piece_put(h, TOKEN, "x"), HUFU_OK);
    house_flush(h);
    house_close(h);
    snprintf(path, sizeof(path), "%s/journal", h->dir);
    nftw(path, house_remove, 8, FTW_DEPTH | FTW_PHYS);
    assert_int_equal(house_open(h), HUFU_CORRUPT);
}

static void test_open_map_gone_is_corrupt_once_trimmed(void **state)
{
    struct house *h = *state;
    char path[128];

    assert_int_equal(piece_put(h, TOKEN, "x"), HUFU_OK);
    house_flush(h);
    assert_int_equal(piece_put(h, OTHER, "x"), HUFU_OK); /* trims the first one's writes */
    house_close(h);
    snprintf(path, sizeof(path), "%s/map", h->dir);
    nftw(path, house_remove, 8, FTW_DEPTH | FTW_PHYS);
    assert_int_equal(house_open(h), HUFU_CORRUPT);
}

static void test_changed_tells_of_resident_rows(void **state)
{
    struct house *h = *state;

    assert_int_equal(piece_put(h, TOKEN, "x"), HUFU_OK);
    assert_int_equal(h->rooms.changed_count, 0);
    assert_int_equal(piece_put(h, USER, "x"), HUFU_OK);
    assert_int_equal(h->rooms.changed_count, 1);
    assert_false(h->rooms.changed_removed);
    assert_int_equal(h->rooms.changed_key_len, 4);
    assert_memory_equal(h->rooms.changed_key, USER, 4);
    assert_int_equal(piece_put(h, USER, NULL), HUFU_OK);
    assert_int_equal(h->rooms.changed_count, 2);
    assert_true(h->rooms.changed_removed);
    look_is(h, USER, NULL);
}

static void test_digest(void **state)
{
    struct house *h = *state;

    assert_int_equal(store_digest_check(h->s), HUFU_OK); /* no row, no digest */
    assert_int_equal(piece_put(h, USER, "x"), HUFU_OK);
    assert_int_equal(store_digest_check(h->s), HUFU_CORRUPT); /* rows no digest vouches for */
    h->rooms.has_key = false;
    assert_int_equal(store_digest_start(h->s), HUFU_SEALED);
    h->rooms.has_key = true;
    assert_int_equal(store_digest_start(h->s), HUFU_OK);
    assert_int_equal(store_digest_check(h->s), HUFU_OK);
    house_reopen(h);
    assert_int_equal(store_digest_check(h->s), HUFU_OK);
    assert_int_equal(piece_put(h, USER, "y"), HUFU_OK);
    assert_int_equal(piece_put(h, "\x15zed", "z"), HUFU_OK);
    assert_int_equal(piece_put(h, USER, NULL), HUFU_OK);
    house_reopen(h);
    assert_int_equal(store_digest_check(h->s), HUFU_OK);
    h->rooms.has_key = false;
    assert_int_equal(store_digest_check(h->s), HUFU_SEALED);
    assert_int_equal(piece_put(h, USER, "no key"), HUFU_UNAVAILABLE);
    assert_int_equal(piece_put(h, TOKEN, "no resident row"), HUFU_OK);
    h->rooms.has_key = true;
    house_flush(h);
    tamper(h, "map", "row", piece_key("\x15zed"), "\3\3\3\3\3\3\3\3another");
    assert_int_equal(house_open(h), HUFU_OK);
    assert_int_equal(store_digest_check(h->s), HUFU_CORRUPT);
}

struct keys { /* what a scan gave, joined */
    char text[128];
    size_t stop;
};

static bool key_keep(void *arg, struct view key, uint64_t seq, struct view image)
{
    struct keys *keys = arg;
    size_t len = strlen(keys->text);

    (void)seq;
    (void)image;
    snprintf(keys->text + len, sizeof(keys->text) - len, "%.*s,", (int)key.len - 1,
             (const char *)key.p + 1);
    return keys->stop == 0 || --keys->stop > 0;
}

static void scan_is(struct house *h, const char *prefix, const char *from, size_t max, size_t stop,
                    const char *want, const char *next)
{
    struct keys keys = { .stop = stop };
    struct buf b;

    buf_init(&b, 64);
    assert_int_equal(store_scan(h->r, piece_key(prefix), piece_key(from), max, key_keep, &keys, &b),
                     HUFU_OK);
    assert_string_equal(keys.text, want);
    assert_true(view_is(buf_view(&b), next));
    buf_done(&b);
}

static void test_scan_merges_layers(void **state)
{
    struct house *h = *state;
    static const uint8_t tables[] = { TABLE_TOKEN, TABLE_USER };

    for (size_t i = 0; i < 2; i++) {
        char a[] = "?a", b[] = "?b", ba[] = "?ba", c[] = "?c", d[] = "?d", t[] = "?";

        a[0] = b[0] = ba[0] = c[0] = d[0] = t[0] = (char)tables[i];
        assert_int_equal(piece_put(h, a, "map"), HUFU_OK);
        assert_int_equal(piece_put(h, b, "map"), HUFU_OK);
        assert_int_equal(piece_put(h, d, "map"), HUFU_OK);
        house_flush(h);
        assert_int_equal(piece_put(h, c, "flushing"), HUFU_OK);
        assert_int_equal(piece_put(h, b, NULL), HUFU_OK);
        assert_true(store_map_step(h->s, true));
        assert_int_equal(piece_put(h, ba, "filling"), HUFU_OK);
        scan_is(h, t, "", 10, 0, "a,ba,c,d,", "");
        scan_is(h, t, "", 4, 0, "a,ba,c,d,", "");
        scan_is(h, t, "", 2, 0, "a,ba,", c);
        scan_is(h, t, c, 2, 0, "c,d,", "");
        scan_is(h, t, "", 10, 1, "a,", ba);
        scan_is(h, b, "", 10, 0, "ba,", "");
        scan_is(h, t, "", 0, 0, "", a);
        scan_is(h, d, a, 10, 0, "d,", "");
        house_flush(h);
        scan_is(h, t, "", 10, 0, "a,ba,c,d,", "");
    }
    scan_is(h, "", "", 100, 0, "a,ba,c,d,a,ba,c,d,", "");
}

static void test_log_reads(void **state)
{
    struct house *h = *state;
    struct merkle_hash hash[2];
    char text[64];

    assert_int_equal(store_entries(h->r, 0, 0, look_line, text), HUFU_OK);
    assert_int_equal(store_entries(h->r, 0, 1, look_line, text), HUFU_RANGE);
    for (int i = 0; i < 257; i++)
        assert_int_equal(piece_put(h, TOKEN, "x"), HUFU_OK);
    assert_int_equal(store_entries(h->r, 256, 1, look_line, text), HUFU_OK);
    assert_string_equal(text, "line seq=256 now=1000000");
    assert_int_equal(store_entries(h->r, 256, 2, look_line, text), HUFU_RANGE);
    assert_int_equal(store_entries(h->r, UINT64_MAX, 2, look_line, text), HUFU_RANGE);
    assert_int_equal(store_hashes(h->r, 0, 255, 2, hash), HUFU_OK);
    assert_int_equal(store_hashes(h->r, 0, 256, 2, hash), HUFU_RANGE);
    assert_int_equal(store_hashes(h->r, 1, 0, 1, hash), HUFU_OK);
    assert_int_equal(store_hashes(h->r, 1, 0, 2, hash), HUFU_RANGE);
    assert_int_equal(store_hashes(h->r, 8, 0, 1, hash), HUFU_RANGE);
}

static void put_both(struct house *h, const char *image)
{
    uint8_t mem[2][16] = { { 0 } };
    struct store_write writes[2];
    struct piece p;

    for (size_t i = 0; i < 2; i++) {
        memcpy(mem[i] + 8, image, 3);
        writes[i] = (struct store_write){ piece_key(i ? OTHER : TOKEN), mem[i], 11 };
    }
    piece_init(&p);
    p.op.write = writes;
    p.op.write_count = 2;
    assert_int_equal(piece_run(h, &p), HUFU_OK);
}

static void both_and_flush(void)
{
    assert_true(store_map_step(renew_house->s, true)); /* the scan's generation fills no more */
    put_both(renew_house, "new");
    house_flush(renew_house);
}

static bool image_keep(void *arg, struct view key, uint64_t seq, struct view image)
{
    char *text = arg;
    size_t len = strlen(text);

    (void)key;
    (void)seq;
    snprintf(text + len, 64 - len, "%.*s,", (int)image.len - 8, (const char *)image.p + 8);
    return true;
}

/* Both rows change and reach the map between the scan's references and its map transaction, or just
 * after that: it sees both as they were, or both as they are. */
static void test_scan_is_of_one_moment(void **state)
{
    struct house *h = *state;
    struct buf next;

    buf_init(&next, 64);
    for (int after = 0; after < 2; after++) {
        char text[64] = "";

        look_is(h, TOKEN, after ? "new" : NULL); /* the reader has a transaction to renew */
        put_both(h, "old");
        house_flush(h);
        assert_int_equal(piece_put(h, TOKEN, "old"), HUFU_OK); /* one of them in memory too */
        renew_house = h;
        renew_after = after;
        renew_hook = both_and_flush;
        assert_int_equal(
            store_scan(h->r, view_str("\x01"), (struct view){ 0 }, 9, image_keep, text, &next),
            HUFU_OK);
        assert_true(renew_hook == NULL); /* it did happen */
        assert_string_equal(text, "new,new,");
    }
    buf_done(&next);
}

static void flush_only(void)
{
    house_flush(renew_house);
}

/* A row leaves memory for the map while it is looked up: it is in one of them all the time. */
static void test_find_beside_a_flush(void **state)
{
    struct house *h = *state;

    for (int after = 0; after < 2; after++) {
        look_is(h, OTHER, NULL); /* the reader has a transaction to renew */
        assert_int_equal(piece_put(h, TOKEN, "x"), HUFU_OK);
        renew_house = h;
        renew_after = after;
        renew_hook = flush_only;
        look_is(h, TOKEN, "x");
        renew_hook = NULL;
        assert_int_equal(piece_put(h, TOKEN, NULL), HUFU_OK);
        house_flush(h);
    }
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, piece_setup, piece_teardown)
    const struct CMUnitTest tests[] = {
        T(test_open_second_is_busy),
        T(test_open_no_folder),
        T(test_open_tampered_is_corrupt),
        T(test_open_map_newer_than_journal_is_corrupt),
        T(test_open_map_gone_is_corrupt_once_trimmed),
        T(test_changed_tells_of_resident_rows),
        T(test_digest),
        T(test_scan_merges_layers),
        T(test_log_reads),
        T(test_scan_is_of_one_moment),
        T(test_find_beside_a_flush),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
