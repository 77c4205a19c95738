#include "tools/supervise_role.h"

#include <assert.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tools/supervise.h"
#include "vault/base/clock.h"
#include "vault/base/frame.h"

#define ARGS_MAX       64
#define LIFE_ENOUGH_MS 1000 /* who lived that long was well: no back-off */
#define WAIT_FIRST_MS  50
#define WAIT_MAX_MS    500
#define FD_SAFE        20 /* above every number that a role gets */

const char *const supervise_role_names[SUPERVISE_ROLES] = { "hsm", "alarm", "core", "front" };

/* Puts each descriptor at its number: first all out of the way, then into place. */
static bool place_fds(const int fds[static SUPERVISE_FDS])
{
    int safe[SUPERVISE_FDS];

    for (int i = 0; i < SUPERVISE_FDS; i++) {
        safe[i] = fds[i] < 0 ? -1 : fcntl(fds[i], F_DUPFD_CLOEXEC, FD_SAFE);
        if (fds[i] >= 0 && safe[i] < 0)
            return false;
    }
    for (int i = 0; i < SUPERVISE_FDS; i++) {
        if (safe[i] < 0)
            close(SUPERVISE_FD_CONTROL + i);
        else if (dup2(safe[i], SUPERVISE_FD_CONTROL + i) < 0)
            return false;
    }
    return true;
}

/* The child: becomes the role, or ends with 1. */
static void become(const char *const *argv, const int fds[static SUPERVISE_FDS], pid_t parent)
{
    sigset_t none;

    sigemptyset(&none);
    /* A group of its own: a terminal's SIGINT is for hufud, which ends the roles in order. */
    if (setpgid(0, 0) != 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent ||
        !place_fds(fds) || sigprocmask(SIG_SETMASK, &none, NULL) != 0)
        _exit(1);
    execv("/proc/self/exe", (char *const *)argv);
    _exit(1);
}

enum hufu_err supervise_role_start(enum supervise_role role, const char *const *args,
                                   int fds[static SUPERVISE_FDS], struct supervise_child *c)
{
    const char *argv[ARGS_MAX] = { "hufud", "--role", supervise_role_names[role] };
    size_t count = 3;
    pid_t parent = getpid(), pid;
    int control[2];

    for (; *args; args++) {
        assert(count + 1 < ARGS_MAX);
        argv[count++] = *args;
    }
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, control) != 0)
        return HUFU_IO;
    fds[0] = control[1];
    pid = fork();
    if (pid == 0)
        become(argv, fds, parent);
    close(control[1]);
    if (pid < 0) {
        close(control[0]);
        return HUFU_IO;
    }
    c->pid = pid;
    c->control_fd = control[0];
    c->is_ready = false;
    c->born_ms = clock_system.boot_ms(&clock_system);
    return HUFU_OK;
}

void supervise_role_died(struct supervise_child *c, uint64_t now_ms)
{
    if (c->control_fd >= 0)
        close(c->control_fd);
    c->control_fd = -1;
    c->pid = 0;
    c->is_ready = false;
    if (now_ms - c->born_ms >= LIFE_ENOUGH_MS)
        c->wait_ms = 0;
    c->next_ms = now_ms + c->wait_ms;
    c->wait_ms = c->wait_ms == 0 ? WAIT_FIRST_MS : c->wait_ms * 2;
    if (c->wait_ms > WAIT_MAX_MS)
        c->wait_ms = WAIT_MAX_MS;
}

uint8_t supervise_role_link(enum supervise_role role)
{
    if (role == SUPERVISE_ALARM)
        return CONTROL_LINK_ALARM;
    return role == SUPERVISE_FRONT ? CONTROL_LINK_FRONT : CONTROL_LINK_HSM;
}

int supervise_role_signals(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGCHLD);
    if (sigprocmask(SIG_BLOCK, &set, NULL) != 0 || signal(SIGPIPE, SIG_IGN) == SIG_ERR)
        return -1;
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}
