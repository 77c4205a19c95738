#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vault/base/frame.h"

static void feed(int fd, const void *in, size_t in_len)
{
    assert_int_equal(write(fd, in, in_len), in_len);
}

static void control_open(int fd[static 2])
{
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fd), 0);
}

static void test_control_passes_kind_and_descriptor(void **state)
{
    int fd[2], ends[2], got = -7;
    uint8_t kind = 0;
    char byte = 0;

    (void)state;
    control_open(fd);
    assert_int_equal(control_recv(fd[1], &kind, &got), HUFU_NOT_FOUND);
    assert_int_equal(got, -7);
    assert_int_equal(control_send(fd[0], CONTROL_READY, -1), HUFU_OK);
    assert_int_equal(control_recv(fd[1], &kind, &got), HUFU_OK);
    assert_int_equal(kind, CONTROL_READY);
    assert_int_equal(got, -1);
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(control_send(fd[0], CONTROL_LINK_CORE, ends[0]), HUFU_OK);
    close(ends[0]);
    assert_int_equal(control_recv(fd[1], &kind, &got), HUFU_OK);
    assert_int_equal(kind, CONTROL_LINK_CORE);
    assert_true(fcntl(got, F_GETFD) & FD_CLOEXEC);
    assert_int_equal(write(ends[1], "x", 1), 1);
    assert_int_equal(read(got, &byte, 1), 1);
    assert_int_equal(byte, 'x');
    close(got);
    close(ends[1]);
    close(fd[0]);
    assert_int_equal(control_recv(fd[1], &kind, &got), HUFU_CLOSED);
    assert_int_equal(control_send(fd[1], CONTROL_READY, -1), HUFU_CLOSED);
    assert_int_equal(control_send(-1, CONTROL_READY, -1), HUFU_IO);
    close(fd[1]);
}

static void test_control_recv_refuses_what_is_not_one(void **state)
{
    const uint8_t bad[][2] = { { 0, 0 }, { CONTROL_LAST + 1, 0 }, { 255, 0 } };
    uint8_t kind = 77;
    int fd[2], got = -7;

    (void)state;
    control_open(fd);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        feed(fd[0], bad[i], 1);
        assert_int_equal(control_recv(fd[1], &kind, &got), HUFU_CORRUPT);
    }
    feed(fd[0], "\x04\x04", 2);
    assert_int_equal(control_recv(fd[1], &kind, &got), HUFU_CORRUPT);
    assert_int_equal(kind, 77);
    assert_int_equal(got, -7);
    close(fd[0]);
    close(fd[1]);
}

/* Sends one kind with two descriptors, as control_send never does. */
static void send_two(int control_fd, int fd)
{
    const int fds[2] = { fd, fd };
    union {
        struct cmsghdr head;
        uint8_t bytes[CMSG_SPACE(sizeof(fds))];
    } room = { .bytes = { 0 } };
    uint8_t kind = CONTROL_LINK_CORE;
    struct iovec iov = { &kind, 1 };
    struct msghdr msg = { .msg_iov = &iov,
                          .msg_iovlen = 1,
                          .msg_control = room.bytes,
                          .msg_controllen = sizeof(room.bytes) };
    struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof(fds));
    memcpy(CMSG_DATA(c), fds, sizeof(fds));
    assert_int_equal(sendmsg(control_fd, &msg, 0), 1);
}

static void test_control_recv_leaks_no_descriptor(void **state)
{
    int fd[2], ends[2], got = -7;
    uint8_t kind = 77;
    char byte;

    (void)state;
    control_open(fd);
    assert_int_equal(pipe(ends), 0);
    send_two(fd[0], ends[1]);
    close(ends[1]);
    assert_int_equal(control_recv(fd[1], &kind, &got), HUFU_CORRUPT);
    assert_int_equal(kind, 77);
    assert_int_equal(read(ends[0], &byte, 1), 0); /* no copy of the writing end is left */
    close(ends[0]);
    close(fd[0]);
    close(fd[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_control_passes_kind_and_descriptor),
        cmocka_unit_test(test_control_recv_refuses_what_is_not_one),
        cmocka_unit_test(test_control_recv_leaks_no_descriptor),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
