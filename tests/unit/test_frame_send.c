#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "vault/base/frame.h"

#define OUT_MAX (4U * 1024 * 1024)

static uint64_t next_random(uint64_t *seed) /* xorshift64 */
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

static void pair_open(struct link *a, struct link *b, size_t out_max)
{
    int fd[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd), 0);
    link_init(a, fd[0], out_max);
    link_init(b, fd[1], out_max);
}

/* Moves everything from a to b; each body must be all of the byte id & 0xff. */
static size_t pump(struct link *a, struct link *b)
{
    size_t count = 0;
    bool left = true;
    struct frame f;

    while (left || link_wants_write(a)) {
        assert_int_equal(link_flush(a, &left), HUFU_OK);
        for (int i = 0; i < 8; i++)
            assert_int_equal(link_fill(b), HUFU_OK);
        while (link_next(b, &f) == HUFU_OK) {
            assert_int_equal(f.type, count & 0xffff);
            assert_int_equal(f.id, count);
            for (size_t i = 0; i < f.body.len; i++)
                assert_int_equal(f.body.p[i], count & 0xff);
            count++;
        }
    }
    return count;
}

static void test_link_send_keeps_what_the_socket_does_not_take(void **state)
{
    uint8_t *body = malloc(300000);
    uint64_t seed = 12345;
    struct link a, b;
    size_t sent = 0;

    (void)state;
    pair_open(&a, &b, OUT_MAX);
    for (;;) {
        size_t len = next_random(&seed) % 300000;
        enum hufu_err err;

        memset(body, (int)(sent & 0xff), len);
        err = link_send(&a, (uint16_t)sent, sent, view_of(body, len));
        if (err == HUFU_BUSY)
            break;
        assert_int_equal(err, HUFU_OK);
        sent++;
    }
    assert_true(sent > 10);
    assert_true(link_wants_write(&a));
    assert_true(a.out.len - a.out_off <= OUT_MAX);
    assert_int_equal(pump(&a, &b), sent); /* nothing of the refused frame came through */
    assert_false(link_wants_write(&a));
    link_done(&a);
    link_done(&b);
    free(body);
}

static void test_link_send_and_flush_interleaved(void **state)
{
    uint64_t seed = 99;
    size_t sent = 0, got = 0;
    struct link a, b;
    struct frame f;

    (void)state;
    pair_open(&a, &b, OUT_MAX);
    while (got < 3000) {
        static uint8_t body[60000];
        bool left;

        for (uint64_t n = next_random(&seed) % 9; n > 0 && sent < 3000; n--) {
            size_t len = next_random(&seed) % sizeof(body);

            memset(body, (int)(sent & 0xff), len);
            if (link_send(&a, 1, sent, view_of(body, len)) != HUFU_OK)
                break;
            sent++;
        }
        assert_int_equal(link_flush(&a, &left), HUFU_OK);
        assert_int_equal(left, link_wants_write(&a));
        for (uint64_t n = next_random(&seed) % 5; n > 0; n--)
            assert_int_equal(link_fill(&b), HUFU_OK);
        while (link_next(&b, &f) == HUFU_OK) {
            assert_int_equal(f.id, got);
            assert_true(f.body.len == 0 || f.body.p[f.body.len - 1] == (got & 0xff));
            got++;
        }
    }
    link_done(&a);
    link_done(&b);
}

static void test_link_send_limits(void **state)
{
    uint8_t *body = calloc(1, FRAME_MAX);
    struct link a, b;
    struct frame f;
    bool left = true;

    (void)state;
    pair_open(&a, &b, FRAME_MAX);
    assert_int_equal(link_send(&a, 1, 1, view_of(body, FRAME_BODY_MAX + 1)), HUFU_RANGE);
    assert_int_equal(link_send(&a, 1, 1, view_of(body, FRAME_BODY_MAX)), HUFU_OK);
    while (link_next(&b, &f) != HUFU_OK) {
        if (left)
            assert_int_equal(link_flush(&a, &left), HUFU_OK);
        assert_int_equal(link_fill(&b), HUFU_OK);
    }
    assert_int_equal(f.body.len, FRAME_BODY_MAX);
    link_done(&a);
    link_done(&b);

    pair_open(&a, &b, FRAME_HEADER_LEN + 4);
    assert_int_equal(link_send(&a, 1, 1, view_str("12345")), HUFU_BUSY);
    assert_int_equal(link_send(&a, 1, 1, view_str("1234")), HUFU_OK);
    link_done(&a);
    link_done(&b);
    free(body);
}

/* Reads frames until one has this id; how many that are. */
static size_t frames_until(struct link *l, uint64_t id)
{
    struct frame f = { .id = id + 1 };
    size_t count = 0;

    while (f.id != id) {
        enum hufu_err err = link_next(l, &f);

        if (err == HUFU_NOT_FOUND) {
            assert_int_equal(link_fill(l), HUFU_OK);
            continue;
        }
        assert_int_equal(err, HUFU_OK);
        count++;
    }
    return count;
}

static void test_link_hold_gathers_until_release(void **state)
{
    struct link a, b;
    struct frame f;
    bool left = true;

    (void)state;
    pair_open(&a, &b, OUT_MAX);
    link_hold(&a);
    for (uint64_t id = 0; id < 3; id++)
        assert_int_equal(link_send(&a, 4, id, view_of((const uint8_t *)"abc", id)), HUFU_OK);
    assert_false(link_wants_write(&a)); /* nobody need wait for the socket */
    assert_int_equal(link_fill(&b), HUFU_OK);
    assert_int_equal(link_next(&b, &f), HUFU_NOT_FOUND);
    assert_int_equal(link_release(&a, &left), HUFU_OK);
    assert_false(left);
    assert_int_equal(link_send(&a, 4, 3, view_of(NULL, 0)), HUFU_OK); /* held no longer */
    assert_int_equal(link_fill(&b), HUFU_OK);
    for (uint64_t id = 0; id < 4; id++) {
        assert_int_equal(link_next(&b, &f), HUFU_OK);
        assert_int_equal(f.id, id);
        assert_int_equal(f.body.len, id % 3 == 0 ? 0 : id);
    }
    link_hold(&a);
    assert_int_equal(link_send(&a, 4, 9, view_of(NULL, 0)), HUFU_OK);
    link_done(&a);
    assert_int_equal(link_release(&a, &left), HUFU_CLOSED);
    link_done(&b);
}

/* What one lets go, and what is flushed, leaves; what comes later waits while the other holds. */
static void test_link_hold_counts_who_gathers(void **state)
{
    struct link a, b;
    struct frame f;
    bool left;

    (void)state;
    pair_open(&a, &b, OUT_MAX);
    link_hold(&a);
    link_hold(&a);
    assert_int_equal(link_send(&a, 4, 1, view_str("x")), HUFU_OK);
    assert_int_equal(link_release(&a, &left), HUFU_OK);
    assert_int_equal(frames_until(&b, 1), 1);
    assert_int_equal(link_send(&a, 4, 2, view_str("x")), HUFU_OK);
    assert_int_equal(link_flush(&a, &left), HUFU_OK);
    assert_int_equal(frames_until(&b, 2), 1);
    assert_int_equal(link_send(&a, 4, 3, view_str("x")), HUFU_OK);
    assert_int_equal(link_fill(&b), HUFU_OK);
    assert_int_equal(link_next(&b, &f), HUFU_NOT_FOUND);
    assert_int_equal(link_release(&a, &left), HUFU_OK);
    assert_int_equal(link_release(&a, &left), HUFU_OK); /* of a link that was replaced meanwhile */
    assert_int_equal(link_send(&a, 4, 4, view_str("x")), HUFU_OK);
    assert_int_equal(frames_until(&b, 4), 2);
    link_done(&a);
    link_done(&b);
}

static void test_link_hold_lets_a_large_frame_go(void **state)
{
    static uint8_t large[400000]; /* more than the socket takes at once */
    const struct view part[2] = { view_str("head"), view_of(large, sizeof(large)) };
    struct link a, b;
    struct frame f;
    bool left = true;

    (void)state;
    memset(large, 'L', sizeof(large));
    pair_open(&a, &b, 1u << 20);
    link_hold(&a);
    assert_int_equal(link_send(&a, 4, 1, view_str("small")), HUFU_OK);
    assert_int_equal(link_send_parts(&a, 4, 2, part, 2), HUFU_OK);
    assert_int_equal(link_send(&a, 4, 3, view_str("after")), HUFU_OK);
    assert_int_equal(frames_until(&b, 1), 1); /* it left with the large one */
    assert_int_equal(link_release(&a, &left), HUFU_OK);
    while (link_next(&b, &f) == HUFU_NOT_FOUND) {
        assert_int_equal(link_fill(&b), HUFU_OK);
        assert_int_equal(link_flush(&a, &left), HUFU_OK);
    }
    assert_int_equal(f.id, 2);
    assert_int_equal(f.body.len, 4 + sizeof(large));
    assert_memory_equal(f.body.p, "headLLLL", 8);
    assert_memory_equal(f.body.p + 4, large, sizeof(large));
    assert_int_equal(link_flush(&a, &left), HUFU_OK);
    assert_false(left);
    assert_int_equal(frames_until(&b, 3), 1);
    link_done(&a);
    link_done(&b);
}

static void test_link_send_parts_joins_them(void **state)
{
    const struct view part[2] = { view_str("ab"), view_str("cde") };
    const struct view none[2] = { view_of(NULL, 0), view_of(NULL, 0) };
    struct link a, b;
    struct frame f;

    (void)state;
    pair_open(&a, &b, OUT_MAX);
    assert_int_equal(link_send_parts(&a, 5, 1, part, 2), HUFU_OK);
    assert_int_equal(link_send_parts(&a, 5, 2, none, 2), HUFU_OK);
    assert_int_equal(link_send_parts(&a, 5, 3, part, 0), HUFU_OK);
    assert_int_equal(link_fill(&b), HUFU_OK);
    assert_int_equal(link_next(&b, &f), HUFU_OK);
    assert_true(f.type == 5 && f.id == 1 && view_is(f.body, "abcde"));
    assert_int_equal(link_next(&b, &f), HUFU_OK);
    assert_int_equal(f.body.len, 0);
    assert_int_equal(link_next(&b, &f), HUFU_OK);
    assert_true(f.id == 3 && f.body.len == 0);
    link_done(&a);
    link_done(&b);
}

static void test_link_send_parts_refuses_more_than_a_body(void **state)
{
    uint8_t *body = calloc(1, FRAME_BODY_MAX);
    struct view part[2] = { view_of(body, FRAME_BODY_MAX), view_str("1") };
    struct link a, b;
    struct frame f;

    (void)state;
    assert_non_null(body);
    pair_open(&a, &b, 2 * (size_t)FRAME_MAX);
    assert_int_equal(link_send_parts(&a, 1, 1, part, 2), HUFU_RANGE);
    part[1].len = SIZE_MAX; /* a sum that would turn over */
    assert_int_equal(link_send_parts(&a, 1, 1, part, 2), HUFU_RANGE);
    assert_int_equal(link_fill(&b), HUFU_OK);
    assert_int_equal(link_next(&b, &f), HUFU_NOT_FOUND);
    link_done(&a);
    link_done(&b);
    free(body);
}

static void *send_many(void *arg)
{
    uint8_t body[777];

    for (uint64_t i = 0; i < 2000; i++) {
        enum hufu_err err;

        memset(body, (int)(i & 0xff), sizeof(body));
        do {
            err = link_send(arg, (uint16_t)(i & 0xffff), i, view_of(body, i % sizeof(body)));
            sched_yield();
        } while (err == HUFU_BUSY);
        if (err != HUFU_OK)
            return arg;
    }
    return NULL;
}

static void test_link_send_from_many_threads_keeps_frames_whole(void **state)
{
    size_t got = 0;
    struct link a, b;
    pthread_t t[3];
    struct frame f;
    bool left;

    (void)state;
    pair_open(&a, &b, 100000);
    for (int i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&t[i], NULL, send_many, &a), 0);
    while (got < 6000) {
        assert_int_equal(link_flush(&a, &left), HUFU_OK);
        assert_int_equal(link_fill(&b), HUFU_OK);
        for (; link_next(&b, &f) == HUFU_OK; got++) {
            assert_int_equal(f.type, f.id);
            assert_int_equal(f.body.len, f.id % 777);
            for (size_t i = 0; i < f.body.len; i++)
                assert_int_equal(f.body.p[i], f.id & 0xff);
        }
    }
    for (int i = 0; i < 3; i++) {
        void *bad = NULL;

        assert_int_equal(pthread_join(t[i], &bad), 0);
        assert_null(bad);
    }
    link_done(&a);
    link_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_link_send_keeps_what_the_socket_does_not_take),
        cmocka_unit_test(test_link_send_and_flush_interleaved),
        cmocka_unit_test(test_link_send_limits),
        cmocka_unit_test(test_link_hold_gathers_until_release),
        cmocka_unit_test(test_link_hold_counts_who_gathers),
        cmocka_unit_test(test_link_hold_lets_a_large_frame_go),
        cmocka_unit_test(test_link_send_parts_joins_them),
        cmocka_unit_test(test_link_send_parts_refuses_more_than_a_body),
        cmocka_unit_test(test_link_send_from_many_threads_keeps_frames_whole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
