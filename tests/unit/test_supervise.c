#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <sys/wait.h>
#include <time.h>

#include "tests/fake_role.h"
#include "tools/instance.h"
#include "tools/supervise.h"
#include "vault/base/clock.h"
#include "vault/base/log.h"

#define LONG_MS 20000 /* more than any step here takes, on a slow machine too */

struct run {
    char dir[64];
    uint16_t port;
    pid_t pid;
};

static uint64_t now_ms(void)
{
    return clock_system.boot_ms(&clock_system);
}

static void pause_ms(long ms)
{
    const struct timespec t = { ms / 1000, ms % 1000 * 1000000 };

    nanosleep(&t, NULL);
}

static void run_path(const struct run *r, const char *name, char out[static 128])
{
    snprintf(out, 128, "%s/%s", r->dir, name);
}

/* Reads a file of the instance; empty where it is not there. */
static void run_read(const struct run *r, const char *name, char out[static 1024])
{
    char path[128];
    size_t n = 0;
    FILE *f;

    run_path(r, name, path);
    f = fopen(path, "re");
    if (f) {
        n = fread(out, 1, 1023, f);
        fclose(f);
    }
    out[n] = 0;
}

/* The number behind a name in hufud.run; 0 where there is none. */
static long run_number(const struct run *r, const char *name)
{
    char text[1024], wanted[16], *line;

    run_read(r, "hufud.run", text);
    snprintf(wanted, sizeof(wanted), "%s ", name);
    line = strstr(text, wanted); /* no name is in another's line: lines are a name and digits */
    return line ? strtol(line + strlen(wanted), NULL, 10) : 0;
}

/* What the configuration says about the log when it is read again. */
static uint8_t level_debug(void *arg)
{
    (void)arg;
    return LOG_DEBUG;
}

/* The supervisor in a process of its own, with roles that play a scene. */
static void run_start(struct run *r, const char *scene, int init_fd)
{
    const char *args[3] = { r->dir, scene, NULL };
    struct supervise_plan plan = {
        .args = args, .data_dir = r->dir, .read_level = level_debug, .init_fd = init_fd
    };

    plan.has_alarm = strcmp(scene, "alarm") == 0;
    int lock_fd = -1, listen_fd = -1;

    snprintf(r->dir, sizeof(r->dir), "/tmp/hufu-test-XXXXXX");
    assert_non_null(mkdtemp(r->dir));
    assert_int_equal(instance_lock(r->dir, 0, &lock_fd), HUFU_OK);
    r->port = 0;
    if (init_fd < 0)
        assert_int_equal(instance_listen("127.0.0.1", 0, &listen_fd, &r->port), HUFU_OK);
    plan.lock_fd = lock_fd;
    plan.listen_fd = listen_fd;
    plan.port = r->port;
    r->pid = fork();
    assert_true(r->pid >= 0);
    if (r->pid == 0)
        _exit(supervise_run(&plan));
    close(lock_fd);
    if (listen_fd >= 0)
        close(listen_fd);
}

/* Waits for the supervisor's end and clears up; its exit status, or 128 and the signal. */
static int run_end(struct run *r, char story[static 1024])
{
    const char *const names[] = { "story", "hufud.lock", "hufud.run", "hufud.run.new" };
    char path[128];
    int how = 0;

    assert_int_equal(waitpid(r->pid, &how, 0), r->pid);
    run_read(r, "story", story);
    for (size_t i = 0; i < 4; i++) {
        run_path(r, names[i], path);
        unlink(path);
    }
    assert_int_equal(rmdir(r->dir), 0);
    return WIFEXITED(how) ? WEXITSTATUS(how) : 128 + WTERMSIG(how);
}

/* One question to the front over TCP; "" where nobody answers. */
static void ask(const struct run *r, char question, char out[static 64])
{
    struct sockaddr_in to = { .sin_family = AF_INET,
                              .sin_port = htons(r->port),
                              .sin_addr = { htonl(INADDR_LOOPBACK) } };
    const struct timeval limit = { 3, 0 };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ssize_t n = -1;

    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)), 0);
    if (connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0 && write(fd, &question, 1) == 1)
        n = read(fd, out, 63);
    out[n > 0 ? n : 0] = 0;
    close(fd);
}

/* Asks until the answer is "NAME PID" with the pid of hufud.run and another than before. */
static long await(const struct run *r, char question, const char *name, long before)
{
    uint64_t end = now_ms() + LONG_MS;

    while (now_ms() < end) {
        char line[64], want[64];
        long pid = run_number(r, name);

        snprintf(want, sizeof(want), "%s %ld", name, pid);
        ask(r, question, line);
        if (pid != 0 && pid != before && strcmp(line, want) == 0)
            return pid;
        pause_ms(20);
    }
    fail_msg("%s does not answer", name);
    return 0;
}

static void await_all(const struct run *r)
{
    await(r, 'f', "front", 0);
    await(r, 'c', "core", 0);
    await(r, 'h', "hsm", 0);
}

static void test_supervise_starts_three_and_ends_them_in_order(void **state)
{
    char story[1024], *tail;
    uint64_t began;
    struct run r;

    (void)state;
    run_start(&r, "well", -1);
    await_all(&r);
    assert_int_equal(run_number(&r, "pid"), r.pid);
    assert_int_equal(run_number(&r, "port"), r.port);
    began = now_ms();
    kill(r.pid, SIGTERM);
    assert_int_equal(run_end(&r, story), 0);
    assert_in_range(now_ms() - began, 0, 3500);
    tail = strstr(story, "front\n");
    assert_non_null(tail);
    assert_string_equal(tail, "front\ncore\nhsm\n"); /* drained, ended, ended */
}

static void test_supervise_restarts_each_role_and_links_it_again(void **state)
{
    static const struct {
        char question;
        const char *name;
    } rows[] = { { 'f', "front" }, { 'c', "core" }, { 'h', "hsm" } };
    char story[1024];
    struct run r;

    (void)state;
    run_start(&r, "well", -1);
    await_all(&r);
    for (int round = 0; round < 2; round++)
        for (size_t i = 0; i < 3; i++) {
            long before = run_number(&r, rows[i].name);

            assert_int_equal(kill((pid_t)before, SIGKILL), 0);
            await(&r, rows[i].question, rows[i].name, before);
            await_all(&r); /* the others reach it, and each other */
        }
    assert_int_equal(kill((pid_t)run_number(&r, "hsm"), SIGKILL), 0); /* two at once */
    assert_int_equal(kill((pid_t)run_number(&r, "core"), SIGKILL), 0);
    pause_ms(100);
    await_all(&r);
    kill(r.pid, SIGINT);
    assert_int_equal(run_end(&r, story), 0);
}

/* The alarm process is there only where somebody is to be told; it ends behind the core. */
static void test_supervise_starts_an_alarm_process_where_it_is_wanted(void **state)
{
    static const char *const names[] = { "alarm", "core", "alarm", "hsm" };
    char story[1024], line[64];
    struct run r;

    (void)state;
    run_start(&r, "well", -1);
    await_all(&r);
    assert_int_equal(run_number(&r, "alarm"), 0);
    ask(&r, 'a', line);
    assert_string_equal(line, "down");
    kill(r.pid, SIGTERM);
    assert_int_equal(run_end(&r, story), 0);
    assert_null(strstr(story, "alarm"));
    run_start(&r, "alarm", -1);
    await_all(&r);
    await(&r, 'a', "alarm", 0);
    for (size_t i = 0; i < 4; i++) { /* whichever dies: it is linked again */
        long before = run_number(&r, names[i]);

        assert_int_equal(kill((pid_t)before, SIGKILL), 0);
        while (run_number(&r, names[i]) == before)
            pause_ms(10);
        await(&r, 'a', "alarm", i % 2 == 0 ? before : 0);
    }
    await_all(&r);
    kill(r.pid, SIGTERM);
    assert_int_equal(run_end(&r, story), 0);
    assert_true(strstr(story, "core\n") < strstr(story, "alarm\n"));
}

static void test_supervise_ends_an_hsm_that_the_core_calls_stuck(void **state)
{
    char story[1024], line[64];
    long hsm, core;
    struct run r;

    (void)state;
    run_start(&r, "well", -1);
    await_all(&r);
    hsm = run_number(&r, "hsm");
    core = run_number(&r, "core");
    ask(&r, 's', line);
    await(&r, 'h', "hsm", hsm);
    assert_int_equal(run_number(&r, "core"), core);
    kill(r.pid, SIGTERM);
    assert_int_equal(run_end(&r, story), 0);
}

static void test_supervise_ends_a_role_that_says_what_is_not_its_to_say(void **state)
{
    char story[1024], line[64];
    struct run r;
    long before;

    (void)state;
    run_start(&r, "well", -1);
    await_all(&r);
    before = run_number(&r, "front");
    ask(&r, 'B', line);
    before = await(&r, 'f', "front", before);
    ask(&r, 'X', line); /* and one that simply exits */
    await(&r, 'f', "front", before);
    kill(r.pid, SIGTERM);
    assert_int_equal(run_end(&r, story), 0);
}

static void test_supervise_ends_with_78_where_a_role_must_not_start_again(void **state)
{
    char story[1024], line[64];
    struct run r;

    (void)state;
    run_start(&r, "core-config", -1);
    assert_int_equal(run_end(&r, story), SUPERVISE_EXIT_CONFIG);
    run_start(&r, "well", -1);
    await_all(&r);
    ask(&r, 'F', line); /* CONTROL_FATAL */
    assert_int_equal(run_end(&r, story), SUPERVISE_EXIT_CONFIG);
    run_start(&r, "well", -1);
    await_all(&r);
    ask(&r, '7', line); /* exit status 78 later on */
    assert_int_equal(run_end(&r, story), SUPERVISE_EXIT_CONFIG);
}

static void test_supervise_backs_off_from_a_role_that_dies_at_once(void **state)
{
    char story[1024], *at;
    unsigned starts = 0;
    struct run r;

    (void)state;
    run_start(&r, "front-dies", -1);
    pause_ms(2500); /* 0, 50, 100, 200, 400, 500, 500, 500: at most nine starts */
    kill(r.pid, SIGTERM);
    assert_int_equal(run_end(&r, story), 0);
    for (at = story; (at = strstr(at, "front-started")) != NULL; at++)
        starts++;
    assert_in_range(starts, 3, 9);
}

static void test_supervise_hands_reload_on(void **state)
{
    uint64_t end = now_ms() + LONG_MS;
    char story[1024], line[64] = "";
    struct run r;

    (void)state;
    run_start(&r, "well", -1);
    await_all(&r);
    kill(r.pid, SIGHUP);
    while (strcmp(line, "1 level 3") != 0 && now_ms() < end)
        ask(&r, 'r', line);
    assert_string_equal(line, "1 level 3");
    kill(r.pid, SIGTERM);
    assert_int_equal(run_end(&r, story), 0);
}

static void test_supervise_kills_what_does_not_end(void **state)
{
    char story[1024];
    uint64_t began;
    struct run r;

    (void)state;
    run_start(&r, "stubborn", -1);
    await_all(&r);
    began = now_ms();
    kill(r.pid, SIGTERM);
    assert_int_equal(run_end(&r, story), 0);
    assert_in_range(now_ms() - began, 4900, 15000);
}

static bool is_gone(long pid)
{
    char path[64], text[256] = "";
    size_t n = 0;
    FILE *f;

    snprintf(path, sizeof(path), "/proc/%ld/stat", pid);
    f = fopen(path, "re");
    if (f) {
        n = fread(text, 1, sizeof(text) - 1, f);
        fclose(f);
    }
    return n == 0 || strstr(text, ") Z ") || strstr(text, ") X ");
}

static void test_supervise_roles_do_not_outlive_it(void **state)
{
    uint64_t end = now_ms() + LONG_MS;
    char story[1024];
    long pids[3];
    struct run r;

    (void)state;
    run_start(&r, "well", -1);
    await_all(&r);
    pids[0] = run_number(&r, "front");
    pids[1] = run_number(&r, "core");
    pids[2] = run_number(&r, "hsm");
    kill(r.pid, SIGKILL);
    while (now_ms() < end && !(is_gone(pids[0]) && is_gone(pids[1]) && is_gone(pids[2])))
        pause_ms(20);
    for (int i = 0; i < 3; i++)
        assert_true(is_gone(pids[i]));
    assert_int_equal(run_end(&r, story), 128 + SIGKILL);
}

static void test_supervise_init_starts_no_front(void **state)
{
    char story[1024];
    struct run r;
    int fd[2];

    (void)state;
    assert_int_equal(pipe2(fd, O_CLOEXEC), 0);
    assert_int_equal(write(fd[1], "ok", 2), 2);
    run_start(&r, "init", fd[0]);
    assert_int_equal(run_end(&r, story), 0);
    assert_non_null(strstr(story, "ok\n"));
    assert_non_null(strstr(story, "core\nhsm\n"));
    assert_null(strstr(story, "front"));
    run_start(&r, "init-fails", fd[0]);
    assert_int_equal(run_end(&r, story), 1);
    run_start(&r, "core-config", fd[0]);
    assert_int_equal(run_end(&r, story), SUPERVISE_EXIT_CONFIG);
    close(fd[0]);
    close(fd[1]);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_supervise_starts_three_and_ends_them_in_order),
        cmocka_unit_test(test_supervise_restarts_each_role_and_links_it_again),
        cmocka_unit_test(test_supervise_starts_an_alarm_process_where_it_is_wanted),
        cmocka_unit_test(test_supervise_ends_an_hsm_that_the_core_calls_stuck),
        cmocka_unit_test(test_supervise_ends_a_role_that_says_what_is_not_its_to_say),
        cmocka_unit_test(test_supervise_ends_with_78_where_a_role_must_not_start_again),
        cmocka_unit_test(test_supervise_backs_off_from_a_role_that_dies_at_once),
        cmocka_unit_test(test_supervise_hands_reload_on),
        cmocka_unit_test(test_supervise_kills_what_does_not_end),
        cmocka_unit_test(test_supervise_roles_do_not_outlive_it),
        cmocka_unit_test(test_supervise_init_starts_no_front),
    };

    if (argc == 5 && strcmp(argv[1], "--role") == 0) /* started by the supervisor under test */
        return fake_role_main(argv[2], argv[3], argv[4]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
