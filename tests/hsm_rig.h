/*
 * hsm_rig.h - a SoftHSM token in a temporary folder and the hsm process over it, for tests.
 *
 * Layer:   tests/. Included by test programs after cmocka.h.
 * Threads: one thread; the process under test is a child.
 */
#ifndef HUFU_TESTS_HSM_RIG_H
#define HUFU_TESTS_HSM_RIG_H

#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hsm/hsm.h"
#include "vault/base/clock.h"
#include "vault/base/conf.h"
#include "vault/base/frame.h"
#include "vault/base/hsm_msg.h"

#define RIG_MODULE  "/usr/lib/softhsm/libsofthsm2.so"
#define RIG_UTIL    "/usr/bin/softhsm2-util"
#define RIG_PIN     "rig-4711-pin"
#define RIG_WAIT_MS 15000 /* patience of the test; nothing here is slow but a busy machine */

struct rig {
    char dir[64];
    bool with_shim;
    const char *setting; /* one more, `section.key=value`, or NULL */
    pid_t pid;           /* 0: not running */
    int control;
    struct link link;
    uint64_t next_id;
    struct hsm_reply reply; /* borrowed from the link until the next call */
};

static inline const char *rig_path(const struct rig *rig, const char *name)
{
    static char paths[4][256]; /* a few at once in one expression */
    static unsigned turn;
    char *path = paths[turn++ % 4];

    assert_true((size_t)snprintf(path, 256, "%s/%s", rig->dir, name) < 256);
    return path;
}

/* Replaces the file as a whole, so that its identity changes. */
static inline void rig_write(const struct rig *rig, const char *name, const char *text, mode_t mode)
{
    char fresh[256];
    int fd;

    assert_true((size_t)snprintf(fresh, sizeof(fresh), "%s/%s.fresh", rig->dir, name) < 256);
    unlink(fresh);
    fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
    assert_int_equal(rename(fresh, rig_path(rig, name)), 0);
}

static inline void rig_exec(char *const argv[])
{
    int status = -1;
    pid_t pid = fork();

    if (pid == 0) {
        int null = open("/dev/null", O_RDWR | O_CLOEXEC);

        dup2(null, STDOUT_FILENO);
        execv(argv[0], argv);
        _exit(127);
    }
    assert_true(pid > 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static inline void rig_token(const struct rig *rig, const char *label)
{
    char *const argv[] = { (char *)RIG_UTIL, (char *)"--init-token",
                           (char *)"--free", (char *)"--label",
                           (char *)label,    (char *)"--so-pin",
                           (char *)"rig-so", (char *)"--pin",
                           (char *)RIG_PIN,  NULL };

    setenv("SOFTHSM2_CONF", rig_path(rig, "softhsm2.conf"), 1);
    rig_exec(argv);
    unsetenv("SOFTHSM2_CONF"); /* the process under test has it from its settings */
}

/* A folder with an empty token folder, settings for SoftHSM, and the right PIN. */
static inline void rig_open(struct rig *rig, bool with_shim)
{
    char text[256];

    *rig = (struct rig){ .with_shim = with_shim, .control = -1 };
    snprintf(rig->dir, sizeof(rig->dir), "/tmp/hufu-rig-XXXXXX");
    assert_non_null(mkdtemp(rig->dir));
    assert_int_equal(mkdir(rig_path(rig, "tokens"), 0700), 0);
    assert_int_equal(mkdir(rig_path(rig, "data"), 0700), 0);
    snprintf(text, sizeof(text), "directories.tokendir = %s/tokens\nlog.level = ERROR\n", rig->dir);
    rig_write(rig, "softhsm2.conf", text, 0600);
    rig_write(rig, "pin", RIG_PIN "\n", 0400);
    rig_write(rig, "control", "", 0600);
}

/* The shim lies beside the folder of the test program. */
static inline void rig_module(const struct rig *rig, char *out, size_t out_len)
{
    char self[200] = { 0 };
    ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);

    if (!rig->with_shim) {
        snprintf(out, out_len, "hsm.module=%s", RIG_MODULE);
        return;
    }
    assert_true(len > 0);
    for (int i = 0; i < 2; i++)
        *strrchr(self, '/') = '\0';
    snprintf(out, out_len, "hsm.module=%s/shim_p11.so", self);
    setenv("HUFU_SHIM_MODULE", RIG_MODULE, 1);
    setenv("HUFU_SHIM_CONTROL", rig_path(rig, "control"), 1);
    setenv("HUFU_SHIM_COUNTS", rig_path(rig, "counts"), 1);
}

static inline struct conf *rig_conf(const struct rig *rig)
{
    const char *keys[][2] = { { "vault.data", "data" },
                              { "hsm.pin_file", "pin" },
                              { "hsm.softhsm_conf", "softhsm2.conf" } };
    char line[320], err[128];
    struct conf *conf = NULL;

    assert_int_equal(conf_load(NULL, &conf, err, sizeof(err)), HUFU_OK);
    for (size_t i = 0; i < 3; i++) {
        snprintf(line, sizeof(line), "%s=%s/%s", keys[i][0], rig->dir, keys[i][1]);
        assert_int_equal(conf_set(conf, line, err, sizeof(err)), HUFU_OK);
    }
    rig_module(rig, line, sizeof(line));
    assert_int_equal(conf_set(conf, line, err, sizeof(err)), HUFU_OK);
    if (rig->setting)
        assert_int_equal(conf_set(conf, rig->setting, err, sizeof(err)), HUFU_OK);
    return conf;
}

/* Waits for the first word of the process. */
static inline void rig_wait_control(struct rig *rig, uint8_t want)
{
    struct pollfd pfd = { .fd = rig->control, .events = POLLIN };
    uint8_t kind = 0;
    int fd = -1;

    assert_int_equal(poll(&pfd, 1, RIG_WAIT_MS), 1);
    assert_int_equal(control_recv(rig->control, &kind, &fd), HUFU_OK);
    assert_int_equal(kind, want);
    assert_int_equal(fd, -1);
}

static inline void rig_spawn(struct rig *rig)
{
    struct conf *conf = rig_conf(rig);
    int control[2], core[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, control), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, core), 0);
    rig->pid = fork();
    assert_true(rig->pid >= 0);
    if (rig->pid == 0) {
        int status;

        prctl(PR_SET_PDEATHSIG, SIGKILL);
        close(control[0]);
        close(core[0]);
        status = hsm_main(conf, control[1], core[1]);
        conf_free(conf);
        _exit(status);
    }
    conf_free(conf);
    close(control[1]);
    close(core[1]);
    rig->control = control[0];
    link_init(&rig->link, core[0], 1024 * 1024);
}

static inline void rig_start(struct rig *rig)
{
    rig_spawn(rig);
    rig_wait_control(rig, CONTROL_READY);
}

/* Waits for the process and gives its exit status. */
static inline int rig_wait_end(struct rig *rig)
{
    int status = -1;

    assert_int_equal(waitpid(rig->pid, &status, 0), rig->pid);
    rig->pid = 0;
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static inline void rig_stop(struct rig *rig)
{
    assert_int_equal(kill(rig->pid, SIGTERM), 0);
    assert_int_equal(rig_wait_end(rig), 0);
    link_done(&rig->link);
    close(rig->control);
}

static inline int rig_remove(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static inline void rig_close(struct rig *rig)
{
    if (rig->pid > 0)
        rig_stop(rig);
    assert_int_equal(nftw(rig->dir, rig_remove, 16, FTW_DEPTH | FTW_PHYS), 0);
}

static inline void rig_send(struct rig *rig, const struct hsm_request *req)
{
    struct buf body;

    buf_init(&body, 65536);
    hsm_request_put(&body, req);
    assert_int_equal(buf_check(&body), HUFU_OK);
    assert_int_equal(link_send(&rig->link, req->call, ++rig->next_id, buf_view(&body)), HUFU_OK);
    buf_done(&body);
}

/* The next reply; fails the test where none comes. */
static inline void rig_receive(struct rig *rig, uint16_t call, uint64_t id)
{
    struct pollfd pfd = { .fd = rig->link.fd, .events = POLLIN };
    struct frame frame;
    enum hufu_err err;

    while ((err = link_next(&rig->link, &frame)) == HUFU_NOT_FOUND) {
        assert_int_equal(poll(&pfd, 1, RIG_WAIT_MS), 1);
        assert_int_equal(link_fill(&rig->link), HUFU_OK);
    }
    assert_int_equal(err, HUFU_OK);
    assert_int_equal(frame.id, id);
    assert_int_equal(frame.type, call | 0x8000);
    assert_int_equal(hsm_reply_get(frame.body, &rig->reply), HUFU_OK);
}

static inline enum hufu_err rig_call(struct rig *rig, struct hsm_request req)
{
    rig_send(rig, &req);
    rig_receive(rig, req.call, rig->next_id);
    return rig->reply.err;
}

static inline enum hufu_err rig_key(struct rig *rig, uint16_t call, const char *id)
{
    return rig_call(rig, (struct hsm_request){ .call = call, .key_id = view_str(id) });
}

static inline enum hufu_err rig_data(struct rig *rig, uint16_t call, const char *id,
                                     struct view aad, struct view data)
{
    return rig_call(rig, (struct hsm_request){
                             .call = call, .key_id = view_str(id), .aad = aad, .data = data });
}

static inline bool rig_says(const struct rig *rig, const char *word)
{
    return memmem(rig->reply.text.p, rig->reply.text.len, word, strlen(word)) != NULL;
}

/* Asks for the status until it is as wanted. */
static inline void rig_await(struct rig *rig, enum hufu_err want)
{
    uint64_t end = clock_system.boot_ms(&clock_system) + RIG_WAIT_MS;

    while (rig_call(rig, (struct hsm_request){ .call = HSM_STATUS }) != want) {
        assert_true(clock_system.boot_ms(&clock_system) < end);
        usleep(20000);
    }
}

/* A rig over the shim; the test makes the token and starts the process. */
static inline int rig_setup_bare(void **state)
{
    struct rig *rig = calloc(1, sizeof(*rig));

    rig_open(rig, true);
    *state = rig;
    return 0;
}

/* A running one, with the key "a" and the signing key "log". */
static inline int rig_setup_full(void **state)
{
    struct rig *rig;

    rig_setup_bare(state);
    rig = *state;
    rig_token(rig, "hufu");
    rig_start(rig);
    rig_await(rig, HUFU_OK);
    assert_int_equal(rig_key(rig, HSM_KEK_MAKE, "a"), HUFU_OK);
    assert_int_equal(rig_key(rig, HSM_SIGN_MAKE, "log"), HUFU_OK);
    return 0;
}

static inline int rig_teardown(void **state)
{
    rig_close(*state);
    free(*state);
    return 0;
}

/* How often the process called a function of the module, over all its lives. */
static inline unsigned rig_calls(const struct rig *rig, const char *function)
{
    FILE *f = fopen(rig_path(rig, "counts"), "re");
    char line[64];
    unsigned count = 0;

    if (!f)
        return 0;
    while (fgets(line, sizeof(line), f))
        count += strncmp(line, function, strlen(function)) == 0 && line[strlen(function)] == '\n';
    fclose(f);
    return count;
}

static inline void rig_faults(const struct rig *rig, const char *rules)
{
    rig_write(rig, "control", rules, 0600);
}

/* Makes it try to connect ten times; it must stay as it is. */
static inline void rig_stays(struct rig *rig, enum hufu_err still)
{
    for (int i = 0; i < 10; i++) {
        assert_int_equal(control_send(rig->control, CONTROL_RELOAD, -1), HUFU_OK);
        usleep(30000);
        assert_int_equal(rig_call(rig, (struct hsm_request){ .call = HSM_STATUS }), still);
    }
}

/* False where SoftHSM is missing: then main() says so, or fails where it is required. */
static inline bool rig_is_possible(int *status_out)
{
    if (access(RIG_MODULE, R_OK) == 0 && access(RIG_UTIL, X_OK) == 0)
        return true;
    *status_out = getenv("HUFU_REQUIRE_HSM") ? 1 : 0;
    printf("SoftHSM2 is not installed (package softhsm2): these tests need a token.\n");
    return false;
}

#endif
