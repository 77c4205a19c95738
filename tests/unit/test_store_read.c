#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dlfcn.h>
#include <fcntl.h>
#include <lmdb.h>

#include "tests/unit/store_look.h"
#include "vault/store/lmdb_store.h"

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
        { "journal", "node", "\1\0\0\0\0\0\0\0\0", 9, "0123456789abcdef0123456789abcdef" },
        { "journal", "node", "\1\0\0\0\0\0\0\0\0", 9, NULL },
        { "journal", "meta", "format", 6, "?" },
        { "journal", "meta", "\0frontier", 9, "x" },
        { "journal", "meta", "\0time", 5, NULL },
        { "journal", "meta", "\0groups", 7, NULL },
        { "journal", "meta", "\0groups", 7, "\6\1\1\1\1\1\1\1" }, /* more than there are */
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
        house_flush(&h); /* all lines are in the archive */
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

static void path_of(const struct house *h, unsigned number, char out[static 128])
{
    snprintf(out, 128, "%s/journal/segment-%016x", h->dir, number);
}

static void bytes_read(const struct house *h, unsigned number, unsigned at, uint8_t *out, size_t n)
{
    char path[128];
    int fd;

    path_of(h, number, path);
    fd = open(path, O_RDONLY);
    assert_true(fd >= 0 && pread(fd, out, n, at) == (ssize_t)n);
    close(fd);
}

static void bytes_write(const struct house *h, unsigned number, unsigned at, const uint8_t *in,
                        size_t n)
{
    char path[128];
    int fd;

    path_of(h, number, path);
    fd = open(path, O_WRONLY);
    assert_true(fd >= 0 && pwrite(fd, in, n, at) == (ssize_t)n);
    close(fd);
}

enum harm {
    FLIP,    /* the byte at a */
    ZERO,    /* [a, b) */
    SWAP,    /* the pages a and b */
    COPY,    /* page a of the segment before it to the same place */
    CUT,     /* the file, to a bytes */
    REMOVE,  /* the file */
    ANOTHER, /* the file stands under the next number */
    LINK,    /* a symbolic link to it stands in its place */
};

static void segment_harm(const struct house *h, enum harm harm, unsigned number, unsigned a,
                         unsigned b)
{
    static uint8_t page[2][4096], none[65536];
    char path[128], other[136];

    path_of(h, number, path);
    snprintf(other, sizeof(other), "%s.", path);
    if (harm == FLIP) {
        bytes_read(h, number, a, page[0], 1);
        page[0][0] ^= 0x10;
        bytes_write(h, number, a, page[0], 1);
    } else if (harm == ZERO) {
        bytes_write(h, number, a, none, b - a);
    } else if (harm == SWAP || harm == COPY) {
        bytes_read(h, harm == COPY ? number - 1 : number, a * 4096, page[0], 4096);
        bytes_read(h, number, b * 4096, page[1], 4096);
        bytes_write(h, number, b * 4096, page[0], 4096);
        if (harm == SWAP)
            bytes_write(h, number, a * 4096, page[1], 4096);
    } else if (harm == CUT) {
        assert_int_equal(truncate(path, a), 0);
    } else if (harm == REMOVE) {
        assert_int_equal(unlink(path), 0);
    } else {
        assert_int_equal(rename(path, other), 0);
        if (harm == LINK)
            assert_int_equal(symlink(other, path), 0);
        else
            path_of(h, number + 1, path), assert_int_equal(rename(other, path), 0);
    }
}

/* 261 groups of a page each, fifteen in a segment; the seventeenth is current, one is ready behind
 * it, and the archive and the map have nothing but the first group. */
static void harmed_make(struct house *h)
{
    house_init(h);
    h->set.segment_bytes = 65536;
    assert_int_equal(house_open(h), HUFU_OK);
    assert_int_equal(piece_put(h, TOKEN, "x"), HUFU_OK);
    house_flush(h);
    for (int n = 1; n < 261; n++)
        assert_int_equal(piece_put(h, OTHER, "y"), HUFU_OK);
    while (store_map_step(h->s, false))
        ;
    house_close(h);
}

static const struct {
    const char *name;
    enum harm harm;
    unsigned number, a, b;
    enum hufu_err err;
    uint64_t left; /* operations, where it opens */
} harms[] = {
    { "magic", FLIP, 3, 0, 0, HUFU_CORRUPT, 0 },
    { "format", FLIP, 3, 4, 0, HUFU_CORRUPT, 0 },
    { "number", FLIP, 3, 8, 0, HUFU_CORRUPT, 0 },
    { "bytes", FLIP, 3, 16, 0, HUFU_CORRUPT, 0 },
    { "salt", FLIP, 3, 24, 0, HUFU_CORRUPT, 0 },
    { "checksum of the header", FLIP, 3, 40, 0, HUFU_CORRUPT, 0 },
    { "header", ZERO, 3, 0, 4096, HUFU_CORRUPT, 0 },
    { "header of what is ready", FLIP, 18, 24, 0, HUFU_CORRUPT, 0 },
    { "group of an older one", FLIP, 3, 5 * 4096 + 130, 0, HUFU_CORRUPT, 0 },
    { "its checksum", FLIP, 3, 5 * 4096 + 90, 0, HUFU_CORRUPT, 0 },
    { "its length", FLIP, 3, 5 * 4096 + 4, 0, HUFU_CORRUPT, 0 },
    { "first group of an older one", ZERO, 3, 4096, 8192, HUFU_CORRUPT, 0 },
    { "last group of an older one", FLIP, 3, 15 * 4096 + 130, 0, HUFU_CORRUPT, 0 },
    { "all groups of an older one", ZERO, 3, 4096, 65536, HUFU_CORRUPT, 0 },
    { "group of the current one", FLIP, 17, 5 * 4096 + 130, 0, HUFU_CORRUPT, 0 },
    { "last group, cut off", ZERO, 17, 6 * 4096 + 512, 7 * 4096, HUFU_OK, 261 },
    { "last group, cut off early", ZERO, 17, 6 * 4096 + 64, 7 * 4096, HUFU_OK, 260 },
    { "last group, its beginning missing", ZERO, 17, 6 * 4096, 6 * 4096 + 64, HUFU_OK, 260 },
    { "groups swapped", SWAP, 3, 5, 6, HUFU_CORRUPT, 0 },
    { "last groups swapped", SWAP, 17, 5, 6, HUFU_CORRUPT, 0 },
    { "group of another segment", COPY, 3, 5, 5, HUFU_CORRUPT, 0 },
    { "group twice", COPY, 17, 7, 7, HUFU_OK, 261 }, /* the salt is another one */
    { "file too short", CUT, 3, 61440, 0, HUFU_CORRUPT, 0 },
    { "file too long", CUT, 3, 69632, 0, HUFU_CORRUPT, 0 },
    { "file empty", CUT, 3, 0, 0, HUFU_CORRUPT, 0 },
    { "oldest file missing", REMOVE, 0, 0, 0, HUFU_CORRUPT, 0 },
    { "file missing", REMOVE, 3, 0, 0, HUFU_CORRUPT, 0 },
    { "current file missing", REMOVE, 17, 0, 0, HUFU_CORRUPT, 0 },
    { "name of another", ANOTHER, 18, 0, 0, HUFU_CORRUPT, 0 },
    { "symbolic link", LINK, 3, 0, 0, HUFU_IO, 0 },
};

static void test_open_harmed_segment(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(harms) / sizeof(harms[0]); i++) {
        struct store_numbers n;
        struct house h;
        enum hufu_err err;

        harmed_make(&h);
        segment_harm(&h, harms[i].harm, harms[i].number, harms[i].a, harms[i].b);
        err = house_open(&h);
        if (err != harms[i].err)
            print_error("%s: %s\n", harms[i].name, err_name(err));
        assert_int_equal(err, harms[i].err);
        if (err == HUFU_OK) {
            store_numbers(h.s, &n);
            if (n.seq != harms[i].left)
                print_error("%s: %u left\n", harms[i].name, (unsigned)n.seq);
            assert_int_equal(n.seq, harms[i].left);
            assert_int_equal(piece_put(&h, OTHER, "z"), HUFU_OK);
            house_reopen(&h);
            look_is(&h, OTHER, "z");
        }
        house_done(&h);
    }
}

/* An archive without its segments is half a journal, however often it is opened. */
static void test_open_without_segments_is_corrupt(void **state)
{
    char path[128];
    struct house h;

    (void)state;
    harmed_make(&h);
    for (unsigned number = 0; number < 20; number++) {
        path_of(&h, number, path);
        (void)unlink(path);
    }
    for (int i = 0; i < 3; i++)
        assert_int_equal(house_open(&h), HUFU_CORRUPT);
    house_done(&h);
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
    struct piece nothing;
    char path[128];

    piece_init(&nothing);
    nothing.draft.op_count = 0;
    assert_int_equal(piece_put(h, TOKEN, "x"), HUFU_OK);
    house_flush(h);
    assert_int_equal(piece_run(h, &nothing), HUFU_OK); /* so that the first one's writes go */
    house_flush(h);
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

/* A log that was written anew shows, and what is stored is not the sum: two of those would tell the
 * share of the row between them. */
static void digest_covers_the_log(struct house *h)
{
    struct lmdb_store *s = (struct lmdb_store *)h->s;
    struct tail_state *now = &s->journal.state;

    assert_int_equal(store_digest_check(h->s), HUFU_OK);
    assert_memory_not_equal(now->digest, s->sum, sizeof(now->digest));
    now->log.peak[0].b[0] ^= 1;
    now->log.peak[1].b[0] ^= 1; /* at least one of the three is part of it */
    now->log.peak[2].b[0] ^= 1;
    assert_int_equal(store_digest_check(h->s), HUFU_CORRUPT);
    for (int i = 0; i < 3; i++)
        now->log.peak[i].b[0] ^= 1;
    assert_int_equal(store_digest_check(h->s), HUFU_OK);
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
    assert_int_equal(piece_put(h, TOKEN, "no resident row"), HUFU_UNAVAILABLE); /* nor the log */
    h->rooms.has_key = true;
    digest_covers_the_log(h);
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
        T(test_open_harmed_segment),
        T(test_open_without_segments_is_corrupt),
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
