/* An alarm on the standard input of a program. */
#include "tools/sink.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vault/base/clock.h"
#include "vault/base/text.h"

#define LOOK_MS 1000 /* between two looks at a child that says nothing */

static uint64_t now_ms(void)
{
    return clock_system.boot_ms(&clock_system);
}

/* Everything but its input leads nowhere: what it prints may be anything. */
static bool actions_fill(posix_spawn_file_actions_t *actions, int in_fd)
{
    return posix_spawn_file_actions_adddup2(actions, in_fd, STDIN_FILENO) == 0 &&
           posix_spawn_file_actions_addopen(actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0) ==
               0 &&
           posix_spawn_file_actions_addopen(actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0) ==
               0 &&
           posix_spawn_file_actions_addclosefrom_np(actions, STDERR_FILENO + 1) == 0;
}

/* A group of its own, so that what it starts ends with it; signals as in a shell. */
static bool attr_fill(posix_spawnattr_t *attr)
{
    sigset_t none, all;

    sigemptyset(&none);
    sigfillset(&all);
    return posix_spawnattr_setpgroup(attr, 0) == 0 &&
           posix_spawnattr_setsigmask(attr, &none) == 0 &&
           posix_spawnattr_setsigdefault(attr, &all) == 0 &&
           posix_spawnattr_setflags(attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
                                              POSIX_SPAWN_SETSIGDEF) == 0;
}

static enum hufu_err start(const char *path, const struct alarm_msg *msg, int in_fd, pid_t *pid_out)
{
    char grade[TEXT_NAME_MAX + 1] = "", rule[TEXT_NAME_MAX + 1] = "";
    char *argv[] = { (char *)path, grade, rule, NULL };
    char *envp[] = { (char *)"PATH=/usr/local/bin:/usr/bin:/bin", NULL };
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attr;
    enum hufu_err err = HUFU_IO;

    memcpy(grade, msg->grade.p, msg->grade.len); /* names: at most TEXT_NAME_MAX */
    memcpy(rule, msg->rule.p, msg->rule.len);
    if (posix_spawn_file_actions_init(&actions) != 0)
        return HUFU_IO;
    if (posix_spawnattr_init(&attr) == 0) {
        if (actions_fill(&actions, in_fd) && attr_fill(&attr) &&
            posix_spawn(pid_out, path, &actions, &attr, argv, envp) == 0)
            err = HUFU_OK;
        posix_spawnattr_destroy(&attr);
    }
    posix_spawn_file_actions_destroy(&actions);
    return err;
}

/* The pipe holds all of it: nobody waits for a program that does not read. */
static bool feed(const int pipe_fd[static 2], const struct alarm_msg *msg)
{
    return write(pipe_fd[1], msg->json.p, msg->json.len) == (ssize_t)msg->json.len &&
           write(pipe_fd[1], "\n", 1) == 1;
}

static bool has_ended(pid_t pid)
{
    siginfo_t info = { 0 };

    /* It stays a zombie, so that its number, which its group has too, is nobody else's yet. */
    return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == pid;
}

/* True where it has ended by itself before the deadline, and before we are told to stop. */
static bool await(pid_t pid, uint64_t until, int stop_fd)
{
    int pid_fd = (int)syscall(SYS_pidfd_open, pid, 0);
    struct pollfd fds[2] = { { .fd = pid_fd, .events = POLLIN },
                             { .fd = stop_fd, .events = POLLIN } };
    uint64_t now = now_ms();
    bool ended;

    while (!(ended = has_ended(pid)) && now < until && fds[1].revents == 0) {
        uint64_t left = until - now;

        (void)poll(fds, 2, (int)(left > LOOK_MS ? LOOK_MS : left));
        now = now_ms();
    }
    if (pid_fd >= 0)
        close(pid_fd);
    return ended;
}

/* Ends it with all that it started, and takes its end. */
static void bury(pid_t pid, int *how_out)
{
    kill(-pid, SIGKILL);
    while (waitpid(pid, how_out, 0) < 0 && errno == EINTR)
        continue;
}

enum hufu_err sink_command_run(const char *path, const struct alarm_msg *msg, uint64_t deadline_ms,
                               int stop_fd, uint32_t *status_out)
{
    uint64_t until = now_ms() + deadline_ms;
    int pipe_fd[2], how = 0;
    enum hufu_err err = HUFU_IO;
    pid_t pid = 0;
    bool ended;

    *status_out = 0;
    if (pipe2(pipe_fd, O_CLOEXEC) != 0)
        return HUFU_IO;
    if (feed(pipe_fd, msg))
        err = start(path, msg, pipe_fd[0], &pid);
    close(pipe_fd[0]);
    close(pipe_fd[1]);
    if (err != HUFU_OK)
        return err;
    ended = await(pid, until, stop_fd);
    bury(pid, &how);
    if (!ended)
        return HUFU_BUSY;
    *status_out = (uint32_t)(WIFEXITED(how) ? WEXITSTATUS(how) : 128 + WTERMSIG(how));
    return *status_out == 0 ? HUFU_OK : HUFU_CONFLICT;
}
