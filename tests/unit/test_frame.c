#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

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

/* A link that reads, and the bare socket that feeds it. */
static int feeder_open(struct link *l)
{
    int fd[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd), 0);
    link_init(l, fd[0], OUT_MAX);
    return fd[1];
}

static void feed(int fd, const void *in, size_t in_len)
{
    assert_int_equal(write(fd, in, in_len), in_len);
}

static void test_frame_header_layout(void **state)
{
    const uint8_t want[FRAME_HEADER_LEN] = { 0x10, 0x32, 0x04, 0, 0x78, 0x56, 1, 0,
                                             8,    7,    6,    5, 4,    3,    2, 1 };
    uint8_t got[FRAME_HEADER_LEN];
    uint32_t body_len = 0;
    uint16_t type = 0;
    uint64_t id = 0;

    (void)state;
    frame_header_put(got, 0x043210, 0x5678, 0x0102030405060708ULL);
    assert_memory_equal(got, want, FRAME_HEADER_LEN);
    assert_int_equal(frame_header_get(got, &body_len, &type, &id), HUFU_OK);
    assert_int_equal(body_len, 0x043210);
    assert_int_equal(type, 0x5678);
    assert_true(id == 0x0102030405060708ULL);
}

static void test_frame_header_get_refuses_version_and_length(void **state)
{
    uint8_t header[FRAME_HEADER_LEN];
    uint32_t body_len = 77;
    uint16_t type = 88;
    uint64_t id = 99;

    (void)state;
    frame_header_put(header, FRAME_BODY_MAX, 1, 2);
    assert_int_equal(frame_header_get(header, &body_len, &type, &id), HUFU_OK);
    body_len = 77, type = 88, id = 99;
    header[0]++; /* one more than FRAME_BODY_MAX */
    assert_int_equal(frame_header_get(header, &body_len, &type, &id), HUFU_CORRUPT);
    frame_header_put(header, 0, 1, 2);
    for (unsigned version = 0; version < 65536; version++) {
        header[6] = (uint8_t)version;
        header[7] = (uint8_t)(version >> 8);
        if (version != FRAME_VERSION)
            assert_int_equal(frame_header_get(header, &body_len, &type, &id), HUFU_CORRUPT);
    }
    assert_int_equal(body_len, 77);
    assert_int_equal(type, 88);
    assert_int_equal(id, 99);
}

static void test_link_carries_frames_both_ways(void **state)
{
    struct frame f = { 0 };
    struct link a, b;

    (void)state;
    pair_open(&a, &b, OUT_MAX);
    assert_int_equal(link_next(&b, &f), HUFU_NOT_FOUND);
    assert_int_equal(link_fill(&b), HUFU_OK); /* nothing there */
    assert_int_equal(link_next(&b, &f), HUFU_NOT_FOUND);
    assert_int_equal(link_send(&a, 5, 6, view_str("hello")), HUFU_OK);
    assert_int_equal(link_send(&a, 7, 8, view_of(NULL, 0)), HUFU_OK);
    assert_int_equal(link_fill(&b), HUFU_OK);
    assert_int_equal(link_next(&b, &f), HUFU_OK);
    assert_int_equal(f.type, 5);
    assert_int_equal(f.id, 6);
    assert_true(view_is(f.body, "hello"));
    assert_int_equal(link_next(&b, &f), HUFU_OK);
    assert_int_equal(f.type, 7);
    assert_int_equal(f.body.len, 0);
    assert_int_equal(link_next(&b, &f), HUFU_NOT_FOUND);
    assert_int_equal(f.type, 7);
    assert_int_equal(link_send(&b, 9, 10, view_str("back")), HUFU_OK);
    assert_int_equal(link_fill(&a), HUFU_OK);
    assert_int_equal(link_next(&a, &f), HUFU_OK);
    assert_true(view_is(f.body, "back"));
    link_done(&a);
    link_done(&b);
}

static void test_link_next_waits_for_the_last_byte(void **state)
{
    uint8_t bytes[FRAME_HEADER_LEN + 3];
    struct frame f = { .type = 42 };
    struct link l;
    int fd;

    (void)state;
    fd = feeder_open(&l);
    frame_header_put(bytes, 3, 1, 2);
    memcpy(bytes + FRAME_HEADER_LEN, "abc", 3);
    for (size_t i = 0; i < sizeof(bytes); i++) {
        assert_int_equal(link_next(&l, &f), HUFU_NOT_FOUND);
        assert_int_equal(f.type, 42);
        feed(fd, bytes + i, 1);
        assert_int_equal(link_fill(&l), HUFU_OK);
    }
    assert_int_equal(link_next(&l, &f), HUFU_OK);
    assert_true(view_is(f.body, "abc"));
    link_done(&l);
    close(fd);
}

static void test_link_fill_wipes_what_was_taken(void **state)
{
    struct frame f;
    struct link a, b;
    const uint8_t *body;

    (void)state;
    pair_open(&a, &b, OUT_MAX);
    assert_int_equal(link_send(&a, 1, 1, view_str("4111111111111111")), HUFU_OK);
    assert_int_equal(link_fill(&b), HUFU_OK);
    assert_int_equal(link_next(&b, &f), HUFU_OK);
    body = f.body.p;
    assert_memory_equal(body, "4111111111111111", 16);
    assert_int_equal(link_fill(&b), HUFU_OK);
    for (size_t i = 0; i < 16; i++)
        assert_int_equal(body[i], 0);
    link_done(&a);
    link_done(&b);
}

static void test_link_next_refuses_a_bad_header_for_good(void **state)
{
    uint8_t header[FRAME_HEADER_LEN];
    struct frame f = { .type = 42 };
    struct link l;
    int fd;

    (void)state;
    fd = feeder_open(&l);
    frame_header_put(header, 0, 1, 1);
    header[6] = 2;
    feed(fd, header, sizeof(header));
    assert_int_equal(link_fill(&l), HUFU_OK);
    assert_int_equal(link_next(&l, &f), HUFU_CORRUPT);
    assert_int_equal(link_next(&l, &f), HUFU_CORRUPT);
    assert_int_equal(f.type, 42);
    link_done(&l);
    close(fd);
}

static void test_link_fill_tells_the_end_after_the_frames(void **state)
{
    struct frame f;
    struct link a, b;

    (void)state;
    pair_open(&a, &b, OUT_MAX);
    assert_int_equal(link_send(&a, 1, 1, view_str("one")), HUFU_OK);
    assert_int_equal(link_send(&a, 1, 2, view_str("two")), HUFU_OK);
    link_done(&a);
    assert_int_equal(link_fill(&b), HUFU_OK);
    assert_int_equal(link_fill(&b), HUFU_OK); /* the end is there, the frames are not taken */
    assert_int_equal(link_next(&b, &f), HUFU_OK);
    assert_int_equal(link_fill(&b), HUFU_OK);
    assert_int_equal(link_next(&b, &f), HUFU_OK);
    assert_true(view_is(f.body, "two"));
    assert_int_equal(link_fill(&b), HUFU_CLOSED);
    assert_int_equal(link_send(&b, 1, 1, view_str("x")), HUFU_CLOSED);
    link_done(&b);
    assert_int_equal(link_fill(&b), HUFU_CLOSED);
}

static void test_link_fill_tells_the_end_in_the_middle_of_a_frame(void **state)
{
    uint8_t header[FRAME_HEADER_LEN];
    struct frame f;
    struct link l;
    int fd;

    (void)state;
    fd = feeder_open(&l);
    frame_header_put(header, 1, 1, 1);
    feed(fd, header, sizeof(header));
    close(fd);
    assert_int_equal(link_fill(&l), HUFU_OK);
    assert_int_equal(link_next(&l, &f), HUFU_NOT_FOUND);
    assert_int_equal(link_fill(&l), HUFU_CLOSED);
    link_done(&l);
}

static void test_link_next_survives_random_bytes(void **state)
{
    uint64_t seed = 4711;

    (void)state;
    for (int round = 0; round < 3000; round++) {
        uint8_t bytes[3 * (FRAME_HEADER_LEN + 5)], *at = bytes;
        struct frame f;
        struct link l;
        int fd = feeder_open(&l);
        size_t cut, taken = 0;
        enum hufu_err err;

        for (uint64_t id = 0; id < 3; id++, at += FRAME_HEADER_LEN + 5) {
            frame_header_put(at, 5, 1, id);
            memcpy(at + FRAME_HEADER_LEN, "abcde", 5);
        }
        bytes[next_random(&seed) % sizeof(bytes)] ^= (uint8_t)(1U << next_random(&seed) % 8);
        cut = next_random(&seed) % (sizeof(bytes) + 1);
        feed(fd, bytes, cut);
        assert_int_equal(link_fill(&l), HUFU_OK);
        while ((err = link_next(&l, &f)) == HUFU_OK)
            taken += FRAME_HEADER_LEN + f.body.len;
        assert_true(err == HUFU_NOT_FOUND || err == HUFU_CORRUPT);
        assert_true(taken <= cut);
        link_done(&l);
        close(fd);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frame_header_layout),
        cmocka_unit_test(test_frame_header_get_refuses_version_and_length),
        cmocka_unit_test(test_link_carries_frames_both_ways),
        cmocka_unit_test(test_link_next_waits_for_the_last_byte),
        cmocka_unit_test(test_link_fill_wipes_what_was_taken),
        cmocka_unit_test(test_link_next_refuses_a_bad_header_for_good),
        cmocka_unit_test(test_link_fill_tells_the_end_after_the_frames),
        cmocka_unit_test(test_link_fill_tells_the_end_in_the_middle_of_a_frame),
        cmocka_unit_test(test_link_next_survives_random_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
