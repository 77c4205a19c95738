#include "hsm/hsm.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "hsm/answering.h"
#include "hsm/ckr.h"
#include "hsm/module.h"
#include "hsm/pin.h"
#include "vault/base/clock.h"
#include "vault/base/frame.h"
#include "vault/base/log.h"
#include "vault/base/secret.h"

#define HEAP_BYTES  65536 /* the PIN is the only secret that is kept, and not for long */
#define OUT_MAX     (1024 * 1024)
#define WAIT_MIN_MS 200 /* between attempts to connect: doubles up to the maximum */
#define WAIT_MAX_MS 2000
#define EXIT_CONFIG 78 /* EX_CONFIG of sysexits(3) */
#define REPLY_BIT   0x8000
#define BODY_MAX    (HSM_SEALED_MAX + CALL_TEXT_MAX + 64)

struct hsm {
    int control_fd; /* -1: closed */
    int signal_fd;
    bool has_link;
    struct link link;
    struct pin pin;
    struct module module;
    uint64_t next_ms; /* CLOCK_BOOTTIME: not before this */
    uint64_t wait_ms;
    const char *told; /* the state that was logged last */
    uint64_t told_generation;
    bool is_ending;
};

static uint64_t now_ms(void)
{
    return clock_system.boot_ms(&clock_system);
}

/* One line for each change, none for each attempt. */
static void tell_state(struct hsm *h)
{
    const struct module *m = &h->module;
    enum log_level level = m->state == HUFU_HSM_PIN ? LOG_ERROR_LEVEL : LOG_WARN;

    if (h->told == m->why && h->told_generation == m->generation)
        return;
    h->told = m->why;
    h->told_generation = m->generation;
    if (m->state == HUFU_OK)
        log_event(LOG_INFO, "hsm.up", "serial", LOG_STR(m->serial), "connection",
                  LOG_NUM(m->generation), NULL);
    else
        log_event(level, "hsm.down", "err", LOG_ERR(m->state), "why", LOG_STR(m->why), "call",
                  LOG_STR(m->called), "ckr", LOG_STR(ckr_name(m->rv)), NULL);
}

/* Tries to connect where it is time for that. A refused PIN stops at the record, before a login. */
static void step_connect(struct hsm *h)
{
    if (h->module.state == HUFU_OK || now_ms() < h->next_ms)
        return;
    if (module_open(&h->module) == HUFU_OK) {
        h->wait_ms = WAIT_MIN_MS;
        h->next_ms = 0;
    } else {
        h->next_ms = now_ms() + h->wait_ms;
        h->wait_ms = h->wait_ms * 2 < WAIT_MAX_MS ? h->wait_ms * 2 : WAIT_MAX_MS;
    }
    tell_state(h);
}

static void link_drop(struct hsm *h, const char *why)
{
    if (!h->has_link)
        return;
    link_done(&h->link);
    h->has_link = false;
    log_event(LOG_INFO, "hsm.link_closed", "why", LOG_STR(why), NULL);
}

static enum hufu_err reply_send(struct hsm *h, const struct frame *frame,
                                const struct answering_answer *answer)
{
    uint8_t mem[BODY_MAX];
    struct hsm_reply reply = { .err = answer->err,
                               .ckr = answer->rv,
                               .data = buf_view(&answer->data),
                               .text = buf_view(&answer->text) };
    struct buf body;
    enum hufu_err err;

    buf_fixed(&body, mem, sizeof(mem));
    hsm_reply_put(&body, &reply);
    err = buf_check(&body);
    if (err == HUFU_OK)
        err = link_send(&h->link, frame->type | REPLY_BIT, frame->id, buf_view(&body));
    buf_done(&body); /* wipes */
    return err;
}

/* A failure other than an answer about keys and blobs is logged here, once. */
static void tell_failure(const struct hsm *h, const struct frame *frame,
                         const struct answering_answer *answer)
{
    if (answer->err == HUFU_HSM_FAILED)
        log_event(LOG_WARN, "hsm.answering_failed", "call", LOG_NUM(frame->type), "at",
                  LOG_STR(h->module.called), "ckr", LOG_STR(ckr_name(answer->rv)), "code",
                  LOG_NUM(answer->rv), NULL);
}

/* One line for each call that a request or a ceremony waits for; of the vault's own at debug. */
static void tell_call(const struct hsm_request *req, const struct answering_answer *answer,
                      uint64_t began_us)
{
    enum log_level level = req->request_id.len > 0 ? LOG_INFO : LOG_DEBUG;

    if (!log_wants(level))
        return;
    log_event(level, "hsm.call", "request_id",
              LOG_VIEW(req->request_id.len > 0 ? req->request_id : view_str("-")), "call",
              LOG_STR(hsm_call_name(req->call)), "err", LOG_ERR(answer->err), "duration_us",
              LOG_NUM(clock_us() - began_us), NULL);
}

/* Runs one call. False: the link is of no use any more. */
static bool frame_serve(struct hsm *h, const struct frame *frame)
{
    struct hsm_request req;
    struct answering_answer answer;
    uint64_t began = clock_us();
    enum hufu_err err;

    err = hsm_request_get(frame->type, frame->body, &req);
    if (err == HUFU_OK) {
        answering_init(&answer);
        answering_run(&h->module, &req, &answer);
        tell_failure(h, frame, &answer);
        tell_call(&req, &answer, began);
        tell_state(h);
        err = reply_send(h, frame, &answer);
        answering_done(&answer);
    }
    wipe((void *)frame->body.p, frame->body.len); /* ours: the link's buffer, not read again */
    return err == HUFU_OK;
}

/* Serves what has come in, but nothing while replies wait to be taken: so they stay few. */
static void step_serve(struct hsm *h)
{
    struct frame frame;
    enum hufu_err err = HUFU_OK;

    while (h->has_link && !h->is_ending && !link_wants_write(&h->link)) {
        err = link_next(&h->link, &frame);
        if (err == HUFU_NOT_FOUND)
            return;
        if (err != HUFU_OK || !frame_serve(h, &frame))
            link_drop(h, "bad-frame");
    }
}

static void step_link(struct hsm *h, short events)
{
    bool is_left = false;

    if (!h->has_link || events == 0)
        return;
    if ((events & POLLOUT) && link_flush(&h->link, &is_left) != HUFU_OK)
        link_drop(h, "write");
    else if ((events & (POLLIN | POLLHUP | POLLERR)) && link_fill(&h->link) != HUFU_OK)
        link_drop(h, "closed");
}

static void link_take(struct hsm *h, int fd)
{
    link_drop(h, "replaced");
    link_init(&h->link, fd, OUT_MAX);
    h->has_link = true;
}

static void step_control(struct hsm *h, short events)
{
    enum hufu_err err = HUFU_OK;
    uint8_t kind = 0;
    int fd = -1;

    while (events != 0 && h->control_fd >= 0 && err == HUFU_OK) {
        fd = -1;
        err = control_recv(h->control_fd, &kind, &fd);
        if (err == HUFU_NOT_FOUND)
            return;
        if (err != HUFU_OK) {
            close(h->control_fd);
            h->control_fd = -1;
            return;
        }
        if (kind == CONTROL_LINK_CORE && fd >= 0)
            link_take(h, fd);
        else if (fd >= 0)
            close(fd);
        log_obey(kind);
        if (kind == CONTROL_RELOAD) { /* somebody may have mended something: look at once */
            h->wait_ms = WAIT_MIN_MS;
            h->next_ms = 0;
        }
    }
}

static int wait_ms(const struct hsm *h)
{
    uint64_t now = now_ms();

    if (h->module.state == HUFU_OK)
        return -1;
    return h->next_ms <= now ? 0 : (int)(h->next_ms - now);
}

static void step_poll(struct hsm *h)
{
    struct pollfd fds[3] = { { .fd = h->signal_fd, .events = POLLIN },
                             { .fd = h->control_fd, .events = POLLIN },
                             { .fd = -1 } };

    if (h->has_link) {
        fds[2].fd = h->link.fd;
        fds[2].events = link_wants_write(&h->link) ? POLLOUT : POLLIN;
        if (h->link.fd < 0)
            link_drop(h, "closed");
    }
    if (poll(fds, 3, wait_ms(h)) <= 0)
        return;
    if (fds[0].revents)
        h->is_ending = true;
    step_control(h, fds[1].revents);
    if (h->has_link && h->link.fd == fds[2].fd)
        step_link(h, fds[2].revents);
}

static void loop(struct hsm *h)
{
    while (!h->is_ending && (h->control_fd >= 0 || h->has_link)) {
        step_connect(h);
        step_serve(h);
        step_poll(h);
    }
}

/* SIGTERM becomes readable; a terminal's SIGINT is hufud's business, it ends us in its order. */
static int signals_open(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    if (sigprocmask(SIG_BLOCK, &set, NULL) != 0 || signal(SIGINT, SIG_IGN) == SIG_ERR ||
        signal(SIGPIPE, SIG_IGN) == SIG_ERR)
        return -1;
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static enum hufu_err start(struct hsm *h, const struct conf *conf)
{
    int flags = fcntl(h->control_fd, F_GETFL);
    enum hufu_err err;

    err = secret_heap_init(HEAP_BYTES);
    if (err == HUFU_OK)
        err = pin_init(&h->pin, conf);
    if (err == HUFU_OK)
        err = module_init(&h->module, conf, &h->pin);
    if (err != HUFU_OK)
        return err;
    h->signal_fd = signals_open();
    if (h->signal_fd < 0 || flags < 0 || fcntl(h->control_fd, F_SETFL, flags | O_NONBLOCK) != 0)
        return HUFU_IO;
    return control_send(h->control_fd, CONTROL_READY, -1);
}

int hsm_main(const struct conf *conf, int control_fd, int core_fd)
{
    struct hsm h = { .control_fd = control_fd, .signal_fd = -1, .wait_ms = WAIT_MIN_MS };
    enum hufu_err err;

    log_setup("hsm", (enum log_level)conf_u64(conf, CONF_LOG_LEVEL));
    if (core_fd >= 0)
        link_take(&h, core_fd);
    err = start(&h, conf);
    if (err == HUFU_OK) {
        loop(&h);
        module_close(&h.module, HUFU_HSM_DOWN, "end");
    } else {
        log_event(LOG_ERROR_LEVEL, "hsm.start_failed", "err", LOG_ERR(err), NULL);
        if (control_send(h.control_fd, CONTROL_FATAL, -1) != HUFU_OK)
            log_event(LOG_ERROR_LEVEL, "hsm.control_closed", NULL);
    }
    link_drop(&h, "end");
    if (h.control_fd >= 0)
        close(h.control_fd);
    if (h.signal_fd >= 0)
        close(h.signal_fd);
    return err == HUFU_OK ? 0 : EXIT_CONFIG;
}
