/*
 * The tail: lines, inner hashes and values while they wait for the archive. The last test has two
 * threads that fill and empty it and two that look: for -fsanitize=thread too.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vault/store/tail.h"

#define LINE_LEN 16

struct feeder { /* what the journal step does for the tail */
    struct tail tail;
    struct tail_state state;
};

static void feeder_init(struct feeder *f)
{
    *f = (struct feeder){ 0 };
    merkle_init(&f->state.log);
    assert_int_equal(tail_init(&f->tail, &f->state), HUFU_OK);
}

static void line_print(uint64_t n, char out[static LINE_LEN + 1])
{
    snprintf(out, LINE_LEN + 1, "line %-11u", (unsigned)n);
}

static enum hufu_err feed(struct feeder *f, size_t count, const struct tail_node *node,
                          size_t nodes)
{
    struct segment_item *item = calloc(count + 1, sizeof(*item));
    struct segment_group g = { .item = item, .item_count = count };
    char text[LINE_LEN + 1];
    struct buf lines;
    enum hufu_err err;

    buf_init(&lines, (count + 1) * LINE_LEN);
    for (size_t i = 0; i < count; i++) {
        line_print(f->state.log.size + i, text);
        buf_str(&lines, text);
        item[i].line_end = lines.len;
    }
    g.lines = buf_view(&lines);
    err = tail_reserve(&f->tail, count, lines.len);
    if (err == HUFU_OK) {
        f->state.log.size += count;
        f->state.groups++;
        tail_put(&f->tail, &g, &f->state, node, nodes);
    }
    buf_done(&lines);
    free(item);
    return err;
}

struct seen {
    uint64_t next, stop_at;
    bool wrong;
};

static bool line_each(void *arg, uint64_t index, struct view line)
{
    struct seen *seen = arg;
    char want[LINE_LEN + 1];

    line_print(index, want);
    seen->wrong |= index != seen->next || !view_is(line, want);
    seen->next++;
    return index != seen->stop_at;
}

static bool lines_are(const struct tail_view *v, uint64_t from, uint64_t to)
{
    struct seen seen = { from, UINT64_MAX, false };

    tail_lines(v, from, to, line_each, &seen);
    return seen.next == to && !seen.wrong;
}

static void test_a_view_stays_as_it_was(void **state)
{
    struct tail_view early, late;
    struct seen seen = { 3, 5, false };
    struct feeder f;

    (void)state;
    feeder_init(&f);
    tail_take(&f.tail, &early);
    assert_int_equal(early.size, 0);
    assert_true(lines_are(&early, 0, 0));
    tail_view_drop(&early);
    assert_int_equal(feed(&f, 10, NULL, 0), HUFU_OK);
    tail_take(&f.tail, &early);
    for (unsigned i = 0; i < 50; i++)
        assert_int_equal(feed(&f, i % 3 * 100, NULL, 0), HUFU_OK);
    tail_take(&f.tail, &late);
    assert_int_equal(late.size, f.state.log.size);
    tail_drop(&f.tail, late.size, f.state.groups);
    assert_true(lines_are(&early, 0, 10));
    assert_true(lines_are(&late, 0, late.size));
    tail_lines(&late, 3, late.size, line_each, &seen);
    assert_int_equal(seen.next, 6); /* false ends it */
    tail_view_drop(&early);
    assert_true(lines_are(&late, 4, late.size));
    tail_view_drop(&late);
    tail_take(&f.tail, &late);
    assert_int_equal(late.first, late.size); /* all of it has left */
    tail_view_drop(&late);
    tail_done(&f.tail);
}

/* What is due ends where a chunk does, so that each piece is about as large as was asked for. */
static void test_due_goes_chunk_by_chunk(void **state)
{
    struct tail_state to = { 0 };
    struct tail_view v;
    struct feeder f;
    uint64_t before = 0;

    (void)state;
    feeder_init(&f);
    assert_false(tail_due(&f.tail, 0, true, &to)); /* nothing waits */
    assert_int_equal(feed(&f, 1, NULL, 0), HUFU_OK);
    assert_false(tail_due(&f.tail, LINE_LEN + 1, false, &to));
    assert_true(tail_due(&f.tail, LINE_LEN, false, &to));
    assert_true(tail_due(&f.tail, LINE_LEN + 1, true, &to));
    assert_int_equal(to.log.size, 1);
    assert_int_equal(to.groups, 1);
    for (unsigned i = 0; i < 100; i++) /* a chunk takes 1,024 lines: three groups */
        assert_int_equal(feed(&f, 300, NULL, 0), HUFU_OK);
    for (unsigned pieces = 0; tail_due(&f.tail, 3 * 300 * LINE_LEN * 4, false, &to); pieces++) {
        assert_true(pieces < 10);
        assert_int_equal(to.log.size - before, pieces == 0 ? 3601 : 3600);
        before = to.log.size;
        tail_drop(&f.tail, to.log.size, to.groups);
        tail_take(&f.tail, &v);
        assert_int_equal(v.first, before);
        assert_true(lines_are(&v, before, v.size));
        tail_view_drop(&v);
    }
    assert_true(tail_due(&f.tail, SIZE_MAX, true, &to));
    assert_int_equal(to.log.size, 30001);
    tail_drop(&f.tail, to.log.size, to.groups);
    assert_false(tail_due(&f.tail, 0, true, &to));
    assert_ptr_equal(f.tail.head, f.tail.last); /* the chunks are gone */
    tail_done(&f.tail);
}

/* A group of one line or of many, or whose bytes no chunk holds; room that nobody used. */
static void test_groups_of_any_size(void **state)
{
    struct tail_view v;
    struct feeder f;

    (void)state;
    feeder_init(&f);
    for (unsigned i = 0; i < 30; i++) {
        static const size_t counts[] = { 1, 1023, 1024, 1025, 0, 20000, 2 };

        assert_int_equal(tail_reserve(&f.tail, i * 500, i * 40000), HUFU_OK); /* the write failed */
        assert_int_equal(feed(&f, counts[i % 7], NULL, 0), HUFU_OK);
        if (i % 11 == 10)
            tail_drop(&f.tail, f.state.log.size, f.state.groups);
    }
    assert_int_equal(tail_groups(&f.tail), 30);
    tail_take(&f.tail, &v);
    assert_true(v.first > 0 && v.first < v.size);
    assert_true(lines_are(&v, v.first, v.size));
    tail_view_drop(&v);
    tail_done(&f.tail);
}

struct nodes {
    uint64_t sum;
    size_t count;
};

static enum hufu_err node_each(void *arg, const struct tail_node *node)
{
    struct nodes *nodes = arg;

    nodes->sum += node->n;
    return ++nodes->count == 5 ? HUFU_STALE : HUFU_OK;
}

static void test_nodes(void **state)
{
    struct tail_view early, v;
    struct nodes nodes = { 0, 0 };
    struct merkle_hash hash = { { 0 } };
    struct feeder f;

    (void)state;
    feeder_init(&f);
    for (uint64_t n = 0; n < 8; n++) { /* of 256 lines each; the fourth completes one above too */
        struct tail_node node[2] = { { 256 * (n + 1), n, 1, { { (uint8_t)n } } },
                                     { 256 * (n + 1), n / 4, 2, { { 99 } } } };

        assert_int_equal(feed(&f, 256, node, n == 3 ? 2 : 1), HUFU_OK);
        if (n == 1)
            tail_take(&f.tail, &early);
    }
    tail_take(&f.tail, &v);
    assert_true(tail_node_find(&v, 1, 7, &hash));
    assert_int_equal(hash.b[0], 7);
    assert_true(tail_node_find(&v, 2, 0, &hash));
    assert_int_equal(hash.b[0], 99);
    assert_false(tail_node_find(&v, 2, 1, &hash));
    assert_true(tail_node_find(&early, 1, 1, &hash));
    assert_false(tail_node_find(&early, 1, 2, &hash)); /* later than the view */
    assert_int_equal(hash.b[0], 1);
    assert_int_equal(tail_nodes(&v, 256, 1024, node_each, &nodes), HUFU_OK);
    assert_int_equal(nodes.count, 4); /* three of level 1, one of level 2 */
    assert_int_equal(nodes.sum, 1 + 2 + 3 + 0);
    assert_int_equal(tail_nodes(&v, 0, 2048, node_each, &nodes), HUFU_STALE);
    assert_int_equal(nodes.count, 5);
    tail_drop(&f.tail, 1024, 4);
    assert_true(tail_node_find(&v, 1, 0, &hash)); /* the view has it still */
    tail_view_drop(&early);
    tail_view_drop(&v);
    tail_done(&f.tail);
}

/* The bound is one: lines that complete as many nodes as lines can. */
static void test_nodes_max(void **state)
{
    (void)state;
    for (uint64_t lines = 0; lines < 300000; lines += lines < 2000 ? 1 : 509)
        for (uint64_t from = 0; from < 3; from++) {
            uint64_t begin = from == 0 ? 0 : (UINT64_C(1) << (from * 24)) - 1, nodes = 0;

            for (unsigned level = 1; level < 8; level++)
                nodes += ((begin + lines) >> (8 * level)) - (begin >> (8 * level));
            assert_true(nodes <= tail_nodes_max(lines));
        }
}

static bool meta_is(struct feeder *f, const char *key, const char *want)
{
    struct buf b;
    enum hufu_err err;
    bool is;

    buf_init(&b, 64);
    err = tail_meta_get(&f->tail, view_str(key), &b);
    is = want ? err == HUFU_OK && view_is(buf_view(&b), want) : err == HUFU_NOT_FOUND;
    buf_done(&b);
    return is;
}

static enum hufu_err stage(struct feeder *f, const char *key, const char *value)
{
    return tail_stage(&f->tail, view_str(key), view_str(value));
}

static enum hufu_err meta_each(void *arg, struct view key, struct view value)
{
    struct buf *b = arg;

    buf_put(b, key.p, key.len);
    buf_str(b, "=");
    buf_put(b, value.p, value.len);
    buf_str(b, ";");
    return key.p[0] == 'z' ? HUFU_STALE : HUFU_OK;
}

static void test_metas_are_superseded(void **state)
{
    struct feeder f;
    struct buf b;

    (void)state;
    feeder_init(&f);
    buf_init(&b, 256);
    assert_int_equal(stage(&f, "a", "1"), HUFU_OK);
    assert_true(meta_is(&f, "a", NULL)); /* not committed */
    tail_unstage(&f.tail);
    assert_int_equal(feed(&f, 1, NULL, 0), HUFU_OK);
    assert_true(meta_is(&f, "a", NULL));
    assert_int_equal(stage(&f, "a", "1"), HUFU_OK);
    assert_int_equal(stage(&f, "b", "1"), HUFU_OK);
    assert_int_equal(stage(&f, "a", "2"), HUFU_OK); /* of one group: the last one counts */
    assert_int_equal(feed(&f, 1, NULL, 0), HUFU_OK);
    assert_true(meta_is(&f, "a", "2") && meta_is(&f, "b", "1"));
    assert_int_equal(stage(&f, "a", "3"), HUFU_OK);
    assert_int_equal(feed(&f, 0, NULL, 0), HUFU_OK);
    assert_true(meta_is(&f, "a", "3"));
    assert_int_equal(tail_metas(&f.tail, 2, meta_each, &b), HUFU_OK);
    assert_true(view_is(buf_view(&b), "b=1;")); /* a's is of a later group */
    tail_drop(&f.tail, 2, 2);
    assert_true(meta_is(&f, "a", "3") && meta_is(&f, "b", NULL));
    buf_reset(&b);
    assert_int_equal(tail_metas(&f.tail, 3, meta_each, &b), HUFU_OK);
    assert_true(view_is(buf_view(&b), "a=3;"));
    assert_int_equal(stage(&f, "z", "9"), HUFU_OK);
    assert_int_equal(feed(&f, 0, NULL, 0), HUFU_OK);
    assert_int_equal(tail_metas(&f.tail, 4, meta_each, &b), HUFU_STALE);
    tail_drop(&f.tail, 2, 4);
    assert_true(meta_is(&f, "a", NULL));
    buf_done(&b);
    tail_done(&f.tail);
}

static void test_metas_are_few(void **state)
{
    char key[2] = "A";
    struct feeder f;
    struct buf b;

    (void)state;
    feeder_init(&f);
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < TAIL_META_MAX / 2; i++) {
            key[0] = (char)('A' + i + round * TAIL_META_MAX / 2);
            assert_int_equal(stage(&f, key, "x"), HUFU_OK);
        }
        if (round == 0)
            assert_int_equal(feed(&f, 0, NULL, 0), HUFU_OK);
    }
    assert_int_equal(stage(&f, "zz", "x"), HUFU_FULL);
    tail_unstage(&f.tail);
    assert_int_equal(stage(&f, "zz", "x"), HUFU_OK);
    buf_init(&b, 8);
    buf_str(&b, "12345678");
    assert_int_equal(tail_meta_get(&f.tail, view_str("A"), &b), HUFU_RANGE);
    assert_int_equal(b.len, 8);
    buf_done(&b);
    tail_done(&f.tail);
}

static struct feeder busy;
static atomic_bool ended;

#define BUSY_GROUPS 20000

static void *looks(void *arg)
{
    uint64_t last = 0;

    (void)arg;
    while (!atomic_load(&ended)) {
        struct merkle_hash hash;
        struct tail_view v;
        struct buf b;

        tail_take(&busy.tail, &v);
        if (v.size < last || v.first > v.size || !lines_are(&v, v.first, v.size))
            return "a view that is wrong";
        for (uint64_t n = v.first / 256 + 1; n < v.size / 256; n++)
            if (!tail_node_find(&v, 1, n, &hash) || hash.b[0] != (uint8_t)n)
                return "a node that is missing";
        last = v.size;
        tail_view_drop(&v);
        buf_init(&b, 64);
        if (tail_meta_get(&busy.tail, view_str("name"), &b) == HUFU_OK && b.len != 8)
            return "a value that is none";
        buf_done(&b);
    }
    return NULL;
}

static enum hufu_err meta_look(void *arg, struct view key, struct view value)
{
    (void)key;
    *(bool *)arg |= value.len != 8;
    return HUFU_OK;
}

static void *drops(void *arg)
{
    (void)arg;
    while (!atomic_load(&ended)) {
        struct tail_state to;
        bool wrong = false;

        if (!tail_due(&busy.tail, 4096, false, &to))
            continue;
        if (tail_metas(&busy.tail, to.groups, meta_look, &wrong) != HUFU_OK || wrong)
            return "a value that is none";
        tail_drop(&busy.tail, to.log.size, to.groups);
    }
    return NULL;
}

static void test_threads(void **state)
{
    pthread_t thread[3];
    void *said;

    (void)state;
    feeder_init(&busy);
    assert_int_equal(pthread_create(&thread[0], NULL, drops, NULL), 0);
    for (int i = 1; i < 3; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, looks, NULL), 0);
    for (unsigned i = 0; i < BUSY_GROUPS; i++) {
        size_t count = i % 7 == 0 ? 40 : i % 3;
        uint64_t size = busy.state.log.size, n = (size + count) / 256;
        struct tail_node node = { n * 256, n - 1, 1, { { (uint8_t)(n - 1) } } };

        if (i % 5 == 0)
            assert_int_equal(stage(&busy, "name", "12345678"), HUFU_OK);
        assert_int_equal(feed(&busy, count, &node, n > size / 256), HUFU_OK);
    }
    atomic_store(&ended, true);
    for (int i = 0; i < 3; i++) {
        pthread_join(thread[i], &said);
        if (said)
            print_error("%s\n", (const char *)said);
        assert_null(said);
    }
    tail_done(&busy.tail);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_view_stays_as_it_was),
        cmocka_unit_test(test_due_goes_chunk_by_chunk),
        cmocka_unit_test(test_groups_of_any_size),
        cmocka_unit_test(test_nodes),
        cmocka_unit_test(test_nodes_max),
        cmocka_unit_test(test_metas_are_superseded),
        cmocka_unit_test(test_metas_are_few),
        cmocka_unit_test(test_threads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
