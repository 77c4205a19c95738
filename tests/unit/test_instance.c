#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "tools/instance.h"

static char dir[64];

static int setup(void **state)
{
    (void)state;
    snprintf(dir, sizeof(dir), "/tmp/hufu-test-XXXXXX");
    return mkdtemp(dir) ? 0 : -1;
}

static void path_in(const char *name, char out[static 128])
{
    snprintf(out, 128, "%s/%s", dir, name);
}

static int teardown(void **state)
{
    const char *const names[] = { "hufud.lock", "hufud.run", "init", "link", "notify" };
    char path[128];

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        path_in(names[i], path);
        unlink(path);
    }
    return rmdir(dir);
}

static void test_instance_lock_is_held_by_one(void **state)
{
    int first = -1, second = -7;

    (void)state;
    assert_int_equal(instance_lock(dir, 0, &first), HUFU_OK);
    assert_int_equal(instance_lock(dir, 50, &second), HUFU_BUSY);
    assert_int_equal(second, -7);
    close(first);
    assert_int_equal(instance_lock(dir, 0, &second), HUFU_OK);
    close(second);
    second = -7;
    assert_int_equal(instance_lock("/nonexistent", 0, &second), HUFU_IO);
    assert_int_equal(second, -7);
}

static void test_instance_listen_takes_a_free_port(void **state)
{
    uint16_t port = 0, other = 77;
    int fd = -1, again = -7;

    (void)state;
    assert_int_equal(instance_listen("127.0.0.1", 0, &fd, &port), HUFU_OK);
    assert_true(port != 0);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    assert_int_equal(instance_listen("127.0.0.1", port, &again, &other), HUFU_IO);
    assert_int_equal(instance_listen("localhost", 0, &again, &other), HUFU_SYNTAX);
    assert_int_equal(instance_listen("", 0, &again, &other), HUFU_SYNTAX);
    assert_int_equal(instance_listen("192.0.2.1", 0, &again, &other), HUFU_IO); /* not ours */
    assert_int_equal(again, -7);
    assert_int_equal(other, 77);
    close(fd);
}

static void test_instance_listen_takes_ipv6(void **state)
{
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in6 at = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
    uint16_t port = 0;

    (void)state;
    if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)) != 0) {
        print_message("no IPv6 loopback on this machine: skipped\n");
        if (fd >= 0)
            close(fd);
        skip();
    }
    close(fd);
    assert_int_equal(instance_listen("::1", 0, &fd, &port), HUFU_OK);
    assert_true(port != 0);
    close(fd);
}

static void test_instance_init_file_must_be_ours_alone(void **state)
{
    static const struct {
        mode_t mode;
        enum hufu_err err;
    } rows[] = {
        { 0600, HUFU_OK },        { 0400, HUFU_OK },        { 0640, HUFU_FORBIDDEN },
        { 0604, HUFU_FORBIDDEN }, { 0700, HUFU_FORBIDDEN },
    };
    char path[128], link_path[128];
    int fd, got = -7;

    (void)state;
    path_in("init", path);
    path_in("link", link_path);
    assert_int_equal(instance_init_file(path, &got), HUFU_IO);
    fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    close(fd);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(chmod(path, rows[i].mode), 0);
        got = -7;
        assert_int_equal(instance_init_file(path, &got), rows[i].err);
        if (rows[i].err == HUFU_OK)
            close(got);
        else
            assert_int_equal(got, -7);
    }
    assert_int_equal(chmod(path, 0600), 0);
    assert_int_equal(symlink(path, link_path), 0);
    assert_int_equal(instance_init_file(link_path, &got), HUFU_IO);
    assert_int_equal(instance_init_file(dir, &got), HUFU_FORBIDDEN);
}

static void test_instance_run_write_leaves_out_who_is_not_there(void **state)
{
    const struct instance_pid pids[] = { { "hsm", 11 }, { "core", 0 }, { "front", 13 } };
    char path[128], text[256] = "", want[256];
    struct stat st;
    FILE *f;

    (void)state;
    path_in("hufud.run", path);
    assert_int_equal(instance_run_write(dir, 8443, pids, 3), HUFU_OK);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    f = fopen(path, "re");
    assert_non_null(f);
    assert_true(fread(text, 1, sizeof(text) - 1, f) > 0);
    fclose(f);
    snprintf(want, sizeof(want), "pid %d\nport 8443\nhsm 11\nfront 13\n", (int)getpid());
    assert_string_equal(text, want);
    assert_int_equal(instance_run_write("/nonexistent", 1, pids, 3), HUFU_IO);
    instance_run_remove(dir);
    assert_int_equal(stat(path, &st), -1);
    instance_run_remove(dir); /* nothing there: fine */
}

static void test_instance_notify_speaks_to_the_socket(void **state)
{
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    char text[64] = "", path[128];

    (void)state;
    path_in("notify", path);
    memcpy(at.sun_path, path, strlen(path) + 1);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
    unsetenv("NOTIFY_SOCKET");
    instance_notify("READY=1");
    assert_int_equal(recv(fd, text, sizeof(text), 0), -1);
    setenv("NOTIFY_SOCKET", "relative", 1);
    instance_notify("READY=1");
    assert_int_equal(recv(fd, text, sizeof(text), 0), -1);
    setenv("NOTIFY_SOCKET", path, 1);
    instance_notify("READY=1");
    assert_int_equal(recv(fd, text, sizeof(text), 0), 7);
    assert_memory_equal(text, "READY=1", 7);
    unsetenv("NOTIFY_SOCKET");
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_instance_lock_is_held_by_one),
        cmocka_unit_test(test_instance_listen_takes_a_free_port),
        cmocka_unit_test(test_instance_listen_takes_ipv6),
        cmocka_unit_test(test_instance_init_file_must_be_ours_alone),
        cmocka_unit_test(test_instance_run_write_leaves_out_who_is_not_there),
        cmocka_unit_test(test_instance_notify_speaks_to_the_socket),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
