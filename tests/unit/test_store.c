#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/store_look.h"

static void test_submit_bounds(void **state)
{
    struct house *h = *state;
    static char big[STORE_KEY_MAX + 1];
    static uint8_t image[STORE_IMAGE_MAX + 1];
    struct piece p;

    memset(big, 'k', sizeof(big));
    big[0] = TABLE_TOKEN;

    piece_init(&p);
    p.op.write_count = 1;
    p.write = (struct store_write){ view_of(big, STORE_KEY_MAX), image, STORE_IMAGE_MAX };
    assert_int_equal(piece_run(h, &p), HUFU_OK); /* both largest */
    house_flush(h);

    piece_init(&p);
    piece_write(&p, TOKEN, "x");
    p.write.key.len = 0;
    assert_int_equal(piece_run(h, &p), HUFU_ARG);
    p.write.key = view_of(big, sizeof(big));
    assert_int_equal(piece_run(h, &p), HUFU_ARG);
    p.write = (struct store_write){ piece_key(TOKEN), image, STORE_IMAGE_MAX + 1 };
    assert_int_equal(piece_run(h, &p), HUFU_ARG);
    p.write = (struct store_write){ piece_key(COUNT), image, 16 };
    assert_int_equal(piece_run(h, &p), HUFU_ARG); /* counters are the journal step's to write */

    piece_init(&p);
    piece_count(&p, TOKEN, 1, 1, 1);
    assert_int_equal(piece_run(h, &p), HUFU_ARG);
    piece_init(&p);
    piece_pre(&p, "", (struct store_seen){ 0, 0 });
    assert_int_equal(piece_run(h, &p), HUFU_ARG);
    piece_init(&p);
    p.op.entry = NULL;
    assert_int_equal(piece_run(h, &p), HUFU_ARG);
    piece_init(&p);
    p.draft.done = NULL;
    assert_int_equal(piece_run(h, &p), HUFU_ARG);
    assert_int_equal(p.done, 0);
}

static void test_submit_queue_full(void **state)
{
    struct house *h = *state;
    struct piece p[3];

    h->set.queue_max = 2;
    house_reopen(h);
    for (size_t i = 0; i < 3; i++) {
        piece_init(&p[i]);
        piece_write(&p[i], TOKEN, "x");
        assert_int_equal(store_submit(h->s, &p[i].draft), i < 2 ? HUFU_OK : HUFU_BUSY);
    }
    assert_true(store_journal_step(h->s));
    assert_int_equal(p[0].done + p[1].done + p[2].done, 2);
    assert_false(store_journal_step(h->s));
}

static void test_close_refuses_what_waits(void **state)
{
    struct house *h = *state;
    struct piece p;

    piece_init(&p);
    piece_write(&p, TOKEN, "x");
    assert_int_equal(store_submit(h->s, &p.draft), HUFU_OK);
    house_close(h);
    assert_int_equal(p.done, 1);
    assert_int_equal(p.draft.err, HUFU_UNAVAILABLE);
    assert_int_equal(house_open(h), HUFU_OK);
}

static void test_stop_refuses_and_wakes(void **state)
{
    struct house *h = *state;
    struct piece p;

    store_stop(h->s);
    store_journal_wait(h->s); /* both return at once */
    store_map_wait(h->s);
    piece_init(&p);
    piece_write(&p, TOKEN, "x");
    assert_int_equal(store_submit(h->s, &p.draft), HUFU_UNAVAILABLE);
}

static void test_find_in_every_layer(void **state)
{
    struct house *h = *state;
    static const char *const keys[] = { TOKEN, USER };

    for (size_t i = 0; i < 2; i++) {
        look_is(h, keys[i], NULL);
        assert_int_equal(piece_put(h, keys[i], "one"), HUFU_OK);
        look_is(h, keys[i], "one");
        assert_true(store_map_step(h->s, true)); /* rotated, not yet written */
        look_is(h, keys[i], "one");
        assert_int_equal(piece_put(h, keys[i], "two"), HUFU_OK);
        look_is(h, keys[i], "two");
        house_flush(h);
        look_is(h, keys[i], "two");
        assert_int_equal(piece_put(h, keys[i], NULL), HUFU_OK);
        look_is(h, keys[i], NULL);
        house_reopen(h);
        look_is(h, keys[i], NULL);
        house_flush(h);
        look_is(h, keys[i], NULL);
    }
}

static void test_find_small_buffer_is_untouched(void **state)
{
    struct house *h = *state;
    static const char *const keys[] = { TOKEN, USER };
    struct store_seen seen;
    uint8_t mem[8];
    struct buf b;

    for (size_t i = 0; i < 4; i++) {
        if (i < 2)
            assert_int_equal(piece_put(h, keys[i], "x"), HUFU_OK); /* 9 bytes */
        else
            house_flush(h);
        buf_fixed(&b, mem, sizeof(mem));
        assert_int_equal(store_find(h->r, piece_key(keys[i % 2]), &b, &seen), HUFU_RANGE);
        assert_int_equal(b.len, 0);
        assert_int_equal(buf_check(&b), HUFU_OK);
        assert_int_equal(store_find(h->r, piece_key(keys[i % 2]), NULL, &seen), HUFU_OK);
    }
}

static void test_pre_row_sees_the_group(void **state)
{
    struct house *h = *state;
    struct store_seen absent;
    struct piece p[2];
    char text[64];

    assert_int_equal(look_row(h, TOKEN, text, &absent), HUFU_NOT_FOUND);
    for (size_t i = 0; i < 2; i++) {
        piece_init(&p[i]);
        piece_pre(&p[i], TOKEN, absent);
        piece_write(&p[i], TOKEN, i == 0 ? "first" : "second");
        assert_int_equal(store_submit(h->s, &p[i].draft), HUFU_OK);
    }
    assert_true(store_journal_step(h->s));
    assert_int_equal(p[0].draft.err, HUFU_OK);
    assert_int_equal(p[1].draft.err, HUFU_PRECONDITION);
    assert_int_equal(p[1].draft.failed_op, 0);
    assert_int_equal(p[1].draft.failed_at, 0);
    look_is(h, TOKEN, "first");
}

/* The row is written and flushed behind the look-up's back: nothing in memory speaks of it. */
static void test_pre_row_reads_the_map_when_applied_moved(void **state)
{
    struct house *h = *state;
    struct store_seen absent, seen;
    struct piece p;
    char text[64];

    assert_int_equal(look_row(h, TOKEN, text, &absent), HUFU_NOT_FOUND);
    assert_int_equal(piece_put(h, TOKEN, "one"), HUFU_OK);
    house_flush(h);
    piece_init(&p);
    piece_pre(&p, TOKEN, absent);
    piece_write(&p, TOKEN, "two");
    assert_int_equal(piece_run(h, &p), HUFU_PRECONDITION);

    assert_int_equal(look_row(h, TOKEN, text, &seen), HUFU_OK);
    assert_int_equal(piece_put(h, OTHER, "x"), HUFU_OK);
    house_flush(h);
    piece_init(&p);
    piece_pre(&p, TOKEN, seen); /* applied moved, the row did not */
    piece_write(&p, TOKEN, "two");
    assert_int_equal(piece_run(h, &p), HUFU_OK);
    look_is(h, TOKEN, "two");
}

static void test_pre_until(void **state)
{
    struct house *h = *state;
    struct piece p;

    for (uint64_t d = 0; d < 2; d++) {
        piece_init(&p);
        piece_write(&p, TOKEN, "x");
        p.op.pre_count = 1;
        p.pre = (struct store_pre){ .kind = PRE_UNTIL, .until_ms = 1000000 + d };
        assert_int_equal(piece_run(h, &p), d == 0 ? HUFU_PRECONDITION : HUFU_OK);
        assert_int_equal(p.draft.now_ms, 1000000);
    }
}

static enum hufu_err piece_count_up(struct house *h, uint64_t add, uint64_t limit,
                                    uint64_t until_ms)
{
    struct piece p;

    piece_init(&p);
    piece_count(&p, COUNT, add, limit, until_ms);
    return piece_run(h, &p);
}

static void test_count_limit_and_window(void **state)
{
    struct house *h = *state;

    assert_int_equal(piece_count_up(h, 2, 3, 1000500), HUFU_OK);
    assert_int_equal(piece_count_up(h, 2, 3, 1000500), HUFU_LIMIT);
    assert_int_equal(piece_count_up(h, 1, 3, 9999999),
                     HUFU_OK); /* the window stays the first one's */
    assert_int_equal(piece_count_up(h, UINT64_MAX, UINT64_MAX, 1000500), HUFU_LIMIT); /* no wrap */
    house_flush(h);
    assert_int_equal(piece_count_up(h, 1, 3, 1000500), HUFU_LIMIT);
    house_reopen(h);
    atomic_store(&h->clock.now, 1000499);
    assert_int_equal(piece_count_up(h, 1, 3, 1000600), HUFU_LIMIT);
    atomic_store(&h->clock.now, 1000500); /* the end is outside */
    assert_int_equal(piece_count_up(h, 1, 3, 1000600), HUFU_OK);
    assert_int_equal(piece_count_up(h, 3, 3, 1000600), HUFU_LIMIT);
    /* decided before the window ended: it would begin anew for each of those */
    assert_int_equal(piece_count_up(h, 1, 3, 1000500), HUFU_PRECONDITION);
    atomic_store(&h->clock.now, 1000600);
    assert_int_equal(piece_count_up(h, 1, 3, 1000600), HUFU_PRECONDITION);
    assert_int_equal(piece_count_up(h, 3, 3, 1000700), HUFU_OK);
}

static void test_count_twice_in_a_draft_refused_whole(void **state)
{
    struct house *h = *state;
    struct store_count counts[2] = { { piece_key(COUNT), 1, 1, 2000000, 0 },
                                     { piece_key(COUNT), 1, 1, 2000000, 0 } };
    struct piece p;

    piece_init(&p);
    piece_write(&p, TOKEN, "x");
    p.op.count = counts;
    p.op.count_count = 2;
    assert_int_equal(piece_run(h, &p), HUFU_LIMIT);
    assert_int_equal(p.draft.failed_at, 1);
    look_is(h, TOKEN, NULL);
    assert_int_equal(piece_count_up(h, 1, 1, 2000000), HUFU_OK); /* the first raise left no trace */
}

static enum hufu_err piece_remove_count(struct house *h, struct piece *p)
{
    piece_init(p);
    piece_write(p, COUNT, NULL);
    return piece_run(h, p);
}

/* A limit forgets nothing while its window runs. */
static void test_count_removed_when_its_window_is_over(void **state)
{
    struct house *h = *state;
    struct store_seen seen, none = { STORE_ABSENT, 0 };
    struct piece p;

    for (unsigned flushed = 0; flushed < 3; flushed++) { /* in recent, the map, after a replay */
        uint64_t until_ms = 1000500 + 1000 * flushed;

        atomic_store(&h->clock.now, until_ms - 1);
        assert_int_equal(piece_remove_count(h, &p), HUFU_PRECONDITION); /* there is none */
        assert_int_equal(piece_count_up(h, 2, 3, until_ms), HUFU_OK);
        if (flushed == 1)
            house_flush(h);
        if (flushed == 2)
            house_reopen(h);
        assert_int_equal(piece_remove_count(h, &p), HUFU_PRECONDITION);
        assert_int_equal(p.draft.failed_at, 0);
        assert_int_equal(piece_count_up(h, 2, 3, until_ms), HUFU_LIMIT);
        assert_int_equal(store_find(h->r, piece_key(COUNT), NULL, &seen), HUFU_OK);

        atomic_store(&h->clock.now, until_ms);
        piece_init(&p); /* a precondition counts as ever */
        piece_pre(&p, COUNT, none);
        piece_write(&p, COUNT, NULL);
        assert_int_equal(piece_run(h, &p), HUFU_PRECONDITION);
        piece_init(&p);
        piece_pre(&p, COUNT, seen);
        piece_write(&p, COUNT, NULL);
        assert_int_equal(piece_run(h, &p), HUFU_OK);
        assert_int_equal(store_find(h->r, piece_key(COUNT), NULL, &seen), HUFU_NOT_FOUND);
        house_flush(h);
        house_reopen(h);
        assert_int_equal(store_find(h->r, piece_key(COUNT), NULL, &seen), HUFU_NOT_FOUND);
    }
}

/* What the group itself has counted speaks too; failed_at tells pre and write apart. */
static void test_count_removed_is_judged_in_its_group(void **state)
{
    struct house *h = *state;
    struct store_write writes[2] = { { piece_key(OTHER), NULL, 0 }, { piece_key(COUNT), NULL, 0 } };
    struct piece count, p;

    assert_int_equal(piece_count_up(h, 1, 3, 1000500), HUFU_OK);
    atomic_store(&h->clock.now, 1000500);
    piece_init(&count);
    piece_count(&count, COUNT, 1, 3, 1000900); /* a new window */
    piece_init(&p);
    p.op.write = writes;
    p.op.write_count = 2;
    p.op.pre_count = 1;
    p.pre = (struct store_pre){ .kind = PRE_UNTIL, .until_ms = UINT64_MAX };
    assert_int_equal(store_submit(h->s, &count.draft), HUFU_OK);
    assert_int_equal(piece_run(h, &p), HUFU_PRECONDITION);
    assert_int_equal(count.draft.err, HUFU_OK);
    assert_int_equal(p.draft.failed_at, 2);
    assert_int_equal(piece_count_up(h, 3, 3, 1000900), HUFU_LIMIT);
}

static void test_draft_closes_its_group(void **state)
{
    struct house *h = *state;
    struct store_numbers n;
    struct piece p[4];

    for (unsigned refused = 0; refused < 2; refused++) {
        for (size_t i = 0; i < 4; i++) {
            piece_init(&p[i]);
            piece_write(&p[i], i == 1 ? USER : TOKEN, "x");
            p[i].draft.closes_group = i == 1 || i == 3;
            p[i].entry.fails = i == 1 && refused;
            assert_int_equal(store_submit(h->s, &p[i].draft), HUFU_OK);
        }
        h->rooms.changed_count = h->rooms.gathered = 0;
        assert_true(store_journal_step(h->s));
        assert_true(h->rooms.gathered == 1 &&
                    !h->rooms.gathers); /* told together, and that is over */
        assert_int_equal(p[0].done + p[1].done, 2);
        assert_int_equal(p[1].draft.err, refused ? HUFU_UNAVAILABLE : HUFU_OK);
        assert_int_equal(h->rooms.changed_count, !refused);
        assert_int_equal(p[2].done + p[3].done, 0); /* they see what changed */
        atomic_fetch_add(&h->clock.now, 1);
        assert_true(store_journal_step(h->s));
        assert_int_equal(p[2].done + p[3].done, 2);
        assert_int_equal(p[2].draft.now_ms, p[0].draft.now_ms + 1);
        assert_false(store_journal_step(h->s));
        store_numbers(h->s, &n);
        assert_int_equal(n.groups, refused ? 4 : 2);
    }
}

static void test_time_never_runs_back(void **state)
{
    struct house *h = *state;

    assert_int_equal(piece_put(h, TOKEN, "x"), HUFU_OK);
    look_line_is(h, "line seq=0 now=1000000");
    atomic_store(&h->clock.now, 999999);
    assert_int_equal(piece_put(h, TOKEN, "x"), HUFU_OK);
    look_line_is(h, "line seq=1 now=1000000 held");
    house_reopen(h);
    assert_int_equal(piece_put(h, TOKEN, "x"), HUFU_OK);
    look_line_is(h, "line seq=2 now=1000000 held");
    atomic_store(&h->clock.now, 1000000);
    assert_int_equal(piece_put(h, TOKEN, "x"), HUFU_OK);
    look_line_is(h, "line seq=3 now=1000000");
}

static void test_failing_hooks_refuse_one_draft(void **state)
{
    struct house *h = *state;
    struct piece p[3];

    for (size_t i = 0; i < 3; i++) {
        piece_init(&p[i]);
        piece_write(&p[i], i == 2 ? OTHER : TOKEN, "x");
        assert_int_equal(store_submit(h->s, &p[i].draft), HUFU_OK);
    }
    p[0].image[0] = 0xee;    /* seal fails */
    p[1].entry.fails = true; /* line fails */
    assert_true(store_journal_step(h->s));
    assert_int_equal(p[0].draft.err, HUFU_UNAVAILABLE);
    assert_int_equal(p[1].draft.err, HUFU_UNAVAILABLE);
    assert_int_equal(p[2].draft.err, HUFU_OK);
    assert_int_equal(p[2].draft.first_seq, 0); /* the refused ones took no number */
    look_is(h, TOKEN, NULL);
    look_is(h, OTHER, "x");
    look_line_is(h, "line seq=0 now=1000000");
}

static void test_last_write_of_an_operation_counts(void **state)
{
    struct house *h = *state;
    uint8_t one[9] = "        1", two[9] = "        2";
    struct store_write writes[2] = { { piece_key(TOKEN), one, 9 }, { piece_key(TOKEN), two, 9 } };
    struct piece p;

    piece_init(&p);
    p.op.write = writes;
    p.op.write_count = 2;
    assert_int_equal(piece_run(h, &p), HUFU_OK);
    look_is(h, TOKEN, "2");
    house_reopen(h);
    look_is(h, TOKEN, "2");
    house_flush(h);
    look_is(h, TOKEN, "2");
}

static void test_meta_alone(void **state)
{
    struct house *h = *state;
    struct piece p;
    struct merkle log;
    struct buf b;

    piece_init(&p);
    p.draft.op_count = 0;
    p.draft.meta_key = piece_key("checkpoint");
    p.draft.meta_value = piece_key("size 0");
    assert_int_equal(piece_run(h, &p), HUFU_OK);
    house_reopen(h);
    store_log(h->s, &log);
    assert_int_equal(log.size, 0);
    buf_init(&b, 6);
    assert_int_equal(store_meta(h->r, piece_key("checkpoint"), &b), HUFU_OK);
    assert_true(view_is(buf_view(&b), "size 0"));
    assert_int_equal(store_meta(h->r, piece_key("checkpoint"), &b), HUFU_RANGE);
    assert_int_equal(store_meta(h->r, piece_key("frontier"), &b), HUFU_NOT_FOUND);
    assert_int_equal(b.len, 6);
    buf_done(&b);
}

static void test_draft_of_several_operations(void **state)
{
    struct house *h = *state;
    struct store_seen absent;
    struct store_op ops[3];
    struct piece p[3];
    char text[64];

    assert_int_equal(look_row(h, OTHER, text, &absent), HUFU_NOT_FOUND);
    for (size_t i = 0; i < 3; i++) {
        piece_init(&p[i]);
        piece_write(&p[i], i == 1 ? OTHER : TOKEN, "x");
    }
    piece_pre(&p[2], OTHER, absent); /* op 1 writes it */
    for (size_t i = 0; i < 3; i++)
        ops[i] = p[i].op;
    p[0].draft.op = ops;
    p[0].draft.op_count = 3;
    assert_int_equal(piece_run(h, &p[0]), HUFU_PRECONDITION);
    assert_int_equal(p[0].draft.failed_op, 2);
    look_is(h, TOKEN, NULL);
    p[0].draft.op_count = 2;
    p[0].done = 0;
    assert_int_equal(piece_run(h, &p[0]), HUFU_OK);
    assert_int_equal(p[0].draft.first_seq, 0);
    look_line_is(h, "line seq=1 now=1000000");
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, piece_setup, piece_teardown)
    const struct CMUnitTest tests[] = {
        T(test_submit_bounds),
        T(test_submit_queue_full),
        T(test_close_refuses_what_waits),
        T(test_stop_refuses_and_wakes),
        T(test_find_in_every_layer),
        T(test_find_small_buffer_is_untouched),
        T(test_pre_row_sees_the_group),
        T(test_pre_row_reads_the_map_when_applied_moved),
        T(test_pre_until),
        T(test_count_limit_and_window),
        T(test_count_twice_in_a_draft_refused_whole),
        T(test_count_removed_when_its_window_is_over),
        T(test_count_removed_is_judged_in_its_group),
        T(test_draft_closes_its_group),
        T(test_time_never_runs_back),
        T(test_failing_hooks_refuse_one_draft),
        T(test_last_write_of_an_operation_counts),
        T(test_meta_alone),
        T(test_draft_of_several_operations),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
