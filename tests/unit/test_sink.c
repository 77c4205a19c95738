/* The alarm process: what its program gets, what is kept from it, and when it is ended. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tools/sink.h"
#include "vault/base/clock.h"
#include "vault/base/frame.h"
#include "vault/base/log.h"

#define LONG_MS  20000
#define ID       "0192aaaa-0000-7000-8000-000000000001"
#define OTHER_ID "0192aaaa-0000-7000-8000-000000000002"
#define JSON     "{\"grade\":\"high\",\"rule\":\"misses\"}"

static char dir[64];

static struct alarm_msg sample(const char *id)
{
    return (struct alarm_msg){ view_str(id), view_str("misses"), view_str("high"), view_str(JSON) };
}

static int setup(void **state)
{
    (void)state;
    log_setup("test", LOG_ERROR_LEVEL);
    snprintf(dir, sizeof(dir), "/tmp/hufu-sink-XXXXXX");
    return mkdtemp(dir) == NULL ? -1 : 0;
}

static const char *path_of(const char *name)
{
    static char path[128];

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    return path;
}

static int teardown(void **state)
{
    static const char *const names[] = { "sink", "out", "args", "env", "fds", "pid", "fail" };

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        unlink(path_of(names[i]));
    return rmdir(dir);
}

/* A program whose $d is the test's folder. */
static const char *script(const char *text)
{
    FILE *f = fopen(path_of("sink"), "we");

    assert_non_null(f);
    fprintf(f, "#!/bin/sh\nd=%s\n%s\n", dir, text);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(chmod(path_of("sink"), 0700), 0);
    return path_of("sink");
}

static const char *content(const char *name)
{
    static char text[4096];
    FILE *f = fopen(path_of(name), "re");
    size_t n = 0;

    if (f != NULL) {
        n = fread(text, 1, sizeof(text) - 1, f);
        fclose(f);
    }
    text[n] = '\0';
    return text;
}

static uint64_t now_ms(void)
{
    return clock_system.boot_ms(&clock_system);
}

static void pause_ms(long ms)
{
    const struct timespec t = { ms / 1000, ms % 1000 * 1000000 };

    nanosleep(&t, NULL);
}

static void test_C28_command_gets_the_alarm_and_nothing_else(void **state)
{
    struct alarm_msg msg = sample(ID);
    uint32_t status = 9;
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    int kept = fcntl(null, F_DUPFD, 200); /* not CLOEXEC, as somebody may forget */

    (void)state;
    assert_int_equal(kept, 200);
    assert_int_equal(setenv("HUFU_PROBE", "not for programs", 1), 0);
    assert_int_equal(sink_command_run(script("cat >$d/out; echo \"$# $1 $2\" >$d/args; env >$d/env;"
                                             "ls /proc/$$/fd >$d/fds; echo noise; echo noise >&2"),
                                      &msg, LONG_MS, -1, &status),
                     HUFU_OK);
    assert_int_equal(status, 0);
    assert_string_equal(content("out"), JSON "\n");
    assert_string_equal(content("args"), "2 high misses\n");
    assert_non_null(strstr(content("env"), "PATH=/usr/local/bin:/usr/bin:/bin\n"));
    assert_null(strstr(content("env"), "HUFU_PROBE"));
    /* 0, 1, 2 and the script that the shell itself has open */
    assert_true(strncmp(content("fds"), "0\n1\n", 4) == 0);
    assert_null(strstr(content("fds"), "\n200\n"));
    close(null);
    close(kept);
}

/* Names go to the program as they are: there is no shell that could read more into them. */
static void test_command_that_cannot_run_or_fails(void **state)
{
    struct alarm_msg msg = sample(ID);
    uint32_t status = 9;

    (void)state;
    assert_int_equal(sink_command_run(path_of("nothing"), &msg, LONG_MS, -1, &status), HUFU_IO);
    assert_int_equal(status, 0);
    assert_int_equal(sink_command_run("true; touch $d", &msg, LONG_MS, -1, &status), HUFU_IO);
    assert_int_equal(sink_command_run(script("exit 7"), &msg, LONG_MS, -1, &status), HUFU_CONFLICT);
    assert_int_equal(status, 7);
    assert_int_equal(sink_command_run(script("kill -9 $$"), &msg, LONG_MS, -1, &status),
                     HUFU_CONFLICT);
    assert_int_equal(status, 128 + 9);
    /* One that reads nothing is no fault, and its broken pipe is not ours. */
    assert_int_equal(sink_command_run(script("exec 0<&-; exit 0"), &msg, LONG_MS, -1, &status),
                     HUFU_OK);
}

static bool is_gone(pid_t pid)
{
    for (uint64_t end = now_ms() + LONG_MS; now_ms() < end; pause_ms(10))
        if (kill(pid, 0) != 0 && errno == ESRCH)
            return true;
    return false;
}

static void test_C28_command_is_ended_at_its_deadline_with_what_it_started(void **state)
{
    struct alarm_msg msg = sample(ID);
    uint64_t began = now_ms();
    uint32_t status = 9;
    pid_t pid;

    (void)state;
    assert_int_equal(
        sink_command_run(script("sleep 300 & echo $! >$d/pid; wait"), &msg, 700, -1, &status),
        HUFU_BUSY);
    assert_in_range(now_ms() - began, 700, LONG_MS);
    assert_int_equal(status, 0);
    pid = (pid_t)strtol(content("pid"), NULL, 10);
    assert_true(pid > 1 && is_gone(pid));
    /* What is left behind in its group goes too, though the program itself was well. */
    assert_int_equal(
        sink_command_run(script("sleep 300 & echo $! >$d/pid"), &msg, LONG_MS, -1, &status),
        HUFU_OK);
    pid = (pid_t)strtol(content("pid"), NULL, 10);
    assert_true(pid > 1 && is_gone(pid));
}

static void test_command_is_ended_where_we_are_to_stop(void **state)
{
    struct alarm_msg msg = sample(ID);
    uint64_t began = now_ms();
    uint32_t status;
    int stop[2];

    (void)state;
    assert_int_equal(pipe2(stop, O_CLOEXEC), 0);
    assert_int_equal(write(stop[1], "x", 1), 1);
    assert_int_equal(sink_command_run(script("sleep 300"), &msg, LONG_MS, stop[0], &status),
                     HUFU_BUSY);
    assert_in_range(now_ms() - began, 0, LONG_MS / 2);
    close(stop[0]);
    close(stop[1]);
}

/* ---- the process ---- */

struct process {
    pid_t pid;
    int control;
    struct link link;
};

static void process_start(struct process *p, const char *deadline)
{
    char why[200] = "", set[200];
    int control[2], link[2];
    struct conf *conf = NULL;

    assert_int_equal(conf_load("", &conf, why, sizeof(why)), HUFU_OK);
    assert_false(sink_is_wanted(conf));
    snprintf(set, sizeof(set), "alarm.command=%s", path_of("sink"));
    assert_int_equal(conf_set(conf, set, why, sizeof(why)), HUFU_OK);
    assert_int_equal(conf_set(conf, deadline, why, sizeof(why)), HUFU_OK);
    assert_int_equal(conf_set(conf, "log.level=error", why, sizeof(why)), HUFU_OK);
    assert_true(sink_is_wanted(conf));
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, control), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, link), 0);
    p->pid = fork();
    assert_true(p->pid >= 0);
    if (p->pid == 0) {
        close(control[0]);
        close(link[0]);
        _exit(sink_main(conf, control[1], link[1]));
    }
    close(control[1]);
    close(link[1]);
    p->control = control[0];
    link_init(&p->link, link[0], FRAME_MAX);
    conf_free(conf);
}

static void process_say(struct process *p, uint16_t type, uint64_t id, const struct alarm_msg *msg)
{
    uint8_t mem[4096];
    struct buf body;

    buf_fixed(&body, mem, sizeof(mem));
    alarm_msg_put(&body, msg);
    assert_int_equal(link_send(&p->link, type, id, buf_view(&body)), HUFU_OK);
}

/* HUFU_OK and what it answered; HUFU_CLOSED where it has closed the link. */
static enum hufu_err process_hear(struct process *p, uint64_t *id_out, struct alarm_reply *out)
{
    struct frame f;
    enum hufu_err err;

    while ((err = link_next(&p->link, &f)) == HUFU_NOT_FOUND) {
        struct pollfd fd = { .fd = p->link.fd, .events = POLLIN };

        assert_int_equal(poll(&fd, 1, LONG_MS), 1);
        if (link_fill(&p->link) != HUFU_OK)
            return HUFU_CLOSED;
    }
    assert_int_equal(err, HUFU_OK);
    assert_int_equal(f.type, ALARM_MSG_DELIVER | ALARM_MSG_REPLY);
    *id_out = f.id;
    return alarm_reply_get(f.body, out);
}

static int process_end(struct process *p, int sig)
{
    int how = 0;

    if (sig != 0)
        assert_int_equal(kill(p->pid, sig), 0);
    link_done(&p->link);
    close(p->control);
    assert_int_equal(waitpid(p->pid, &how, 0), p->pid);
    return WIFEXITED(how) ? WEXITSTATUS(how) : 128 + WTERMSIG(how);
}

static void test_C28_process_delivers_and_tells_what_came_of_it(void **state)
{
    struct alarm_msg one = sample(ID), other = sample(OTHER_ID);
    struct alarm_reply reply;
    struct process p;
    uint64_t id;

    (void)state;
    (void)script("[ -e $d/fail ] && exit 4; cat >>$d/out");
    process_start(&p, "alarm.deliver_ms=10000");
    process_say(&p, ALARM_MSG_DELIVER, 5, &one);
    assert_int_equal(process_hear(&p, &id, &reply), HUFU_OK);
    assert_int_equal(id, 5);
    assert_int_equal(reply.failed, ALARM_SINK_NONE);
    process_say(&p, ALARM_MSG_DELIVER, 6, &one); /* again: the program has had it */
    assert_int_equal(process_hear(&p, &id, &reply), HUFU_OK);
    assert_int_equal(id, 6);
    assert_int_equal(reply.failed, ALARM_SINK_NONE);
    assert_string_equal(content("out"), JSON "\n");
    fclose(fopen(path_of("fail"), "we"));
    process_say(&p, ALARM_MSG_DELIVER, 7, &other);
    assert_int_equal(process_hear(&p, &id, &reply), HUFU_OK);
    assert_int_equal(reply.failed, ALARM_SINK_COMMAND);
    assert_int_equal(reply.status, 4);
    unlink(path_of("fail"));
    process_say(&p, ALARM_MSG_DELIVER, 8, &other); /* what failed is tried again */
    assert_int_equal(process_hear(&p, &id, &reply), HUFU_OK);
    assert_int_equal(reply.failed, ALARM_SINK_NONE);
    assert_string_equal(content("out"), JSON "\n" JSON "\n");
    assert_int_equal(process_end(&p, SIGTERM), 0);
}

static void test_process_closes_a_link_that_says_what_it_may_not(void **state)
{
    struct alarm_msg bad = sample("no id"), good = sample(ID);
    struct alarm_reply reply;
    struct process p;
    uint64_t id;
    int next[2];

    (void)state;
    (void)script("cat >>$d/out");
    process_start(&p, "alarm.deliver_ms=10000");
    process_say(&p, ALARM_MSG_DELIVER, 1, &bad);
    assert_int_equal(process_hear(&p, &id, &reply), HUFU_CLOSED);
    /* It lives, and takes a new link. */
    link_done(&p.link);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, next), 0);
    assert_int_equal(control_send(p.control, CONTROL_LINK_CORE, next[1]), HUFU_OK);
    close(next[1]);
    link_init(&p.link, next[0], FRAME_MAX);
    process_say(&p, ALARM_MSG_DELIVER, 2, &good);
    assert_int_equal(process_hear(&p, &id, &reply), HUFU_OK);
    assert_int_equal(id, 2);
    process_say(&p, 17, 3, &good); /* of no type that it knows */
    assert_int_equal(process_hear(&p, &id, &reply), HUFU_CLOSED);
    assert_string_equal(content("out"), JSON "\n");
    assert_int_equal(process_end(&p, 0), 0); /* control and link are gone: it ends by itself */
}

static void test_process_ends_soon_though_its_program_hangs(void **state)
{
    struct alarm_msg msg = sample(ID);
    uint64_t began;
    struct process p;

    (void)state;
    (void)script("echo $$ >$d/pid; sleep 300");
    process_start(&p, "alarm.deliver_ms=60000");
    process_say(&p, ALARM_MSG_DELIVER, 1, &msg);
    for (began = now_ms(); content("pid")[0] == '\0' && now_ms() - began < LONG_MS;)
        pause_ms(10);
    began = now_ms();
    assert_int_equal(process_end(&p, SIGTERM), 0);
    assert_in_range(now_ms() - began, 0, 5000);
    assert_true(is_gone((pid_t)strtol(content("pid"), NULL, 10)));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_C28_command_gets_the_alarm_and_nothing_else),
        TEST(test_command_that_cannot_run_or_fails),
        TEST(test_C28_command_is_ended_at_its_deadline_with_what_it_started),
        TEST(test_command_is_ended_where_we_are_to_stop),
        TEST(test_C28_process_delivers_and_tells_what_came_of_it),
        TEST(test_process_closes_a_link_that_says_what_it_may_not),
        TEST(test_process_ends_soon_though_its_program_hangs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
