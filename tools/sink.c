#include "tools/sink.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "vault/base/frame.h"
#include "vault/base/log.h"

#define OUT_MAX  4096 /* bytes that may wait: replies are small */
#define ID_MAX   64
#define DONE_MAX 512

struct sink {
    int control_fd, signal_fd; /* -1: closed */
    const char *command;       /* "": none */
    uint64_t deadline_ms;
    struct sink_webhook *webhook; /* NULL: none */
    bool has_link;
    struct link link;
    char done[DONE_MAX]
             [ID_MAX + 1]; /* alarms that the program has had: the webhook may want more */
    size_t done_next;
    bool is_ending;
};

bool sink_is_wanted(const struct conf *conf)
{
    return conf_text(conf, CONF_ALARM_COMMAND)[0] != '\0' ||
           conf_text(conf, CONF_ALARM_WEBHOOK)[0] != '\0';
}

static void link_drop(struct sink *s, const char *why)
{
    if (!s->has_link)
        return;
    link_done(&s->link);
    s->has_link = false;
    log_event(LOG_INFO, "alarm.link_closed", "why", LOG_STR(why), NULL);
}

/* One line for each failure: the core's backs off, so these do too. */
static struct alarm_reply failed(enum alarm_sink_kind kind, enum hufu_err err, uint32_t status)
{
    log_event(LOG_WARN, "alarm.sink_failed", "sink", LOG_STR(alarm_sink_name(kind)), "err",
              LOG_ERR(err), "status", LOG_NUM(status), NULL);
    return (struct alarm_reply){ kind, status };
}

static bool is_done(const struct sink *s, struct view id)
{
    for (size_t i = 0; i < DONE_MAX; i++)
        if (view_is(id, s->done[i]))
            return true;
    return false;
}

static void note_done(struct sink *s, struct view id)
{
    char *place = s->done[s->done_next++ % DONE_MAX];

    memcpy(place, id.p, id.len);
    place[id.len] = '\0';
}

static struct alarm_reply deliver(struct sink *s, const struct alarm_msg *msg)
{
    struct alarm_reply none = { ALARM_SINK_NONE, 0 };
    uint32_t status = 0;
    enum hufu_err err;

    if (s->command[0] != '\0' && !is_done(s, msg->id)) {
        err = sink_command_run(s->command, msg, s->deadline_ms, s->signal_fd, &status);
        if (err != HUFU_OK)
            return failed(ALARM_SINK_COMMAND, err, status);
        note_done(s, msg->id);
    }
    if (s->webhook != NULL) {
        err = sink_webhook_post(s->webhook, msg, &status);
        if (err != HUFU_OK)
            return failed(ALARM_SINK_WEBHOOK, err, status);
    }
    return none;
}

/* Delivers one alarm. False: the link is of no use any more. */
static bool frame_serve(struct sink *s, const struct frame *frame)
{
    struct alarm_reply reply;
    struct alarm_msg msg;
    uint8_t mem[16];
    struct buf body;

    if (frame->type != ALARM_MSG_DELIVER || alarm_msg_get(frame->body, &msg) != HUFU_OK)
        return false;
    reply = deliver(s, &msg);
    log_event(LOG_DEBUG, "alarm.delivered", "id", LOG_VIEW(msg.id), "failed",
              LOG_STR(alarm_sink_name(reply.failed)), NULL);
    buf_fixed(&body, mem, sizeof(mem));
    alarm_reply_put(&body, &reply);
    return link_send(&s->link, frame->type | ALARM_MSG_REPLY, frame->id, buf_view(&body)) ==
           HUFU_OK;
}

static void step_serve(struct sink *s)
{
    struct frame frame;

    while (s->has_link && !s->is_ending && !link_wants_write(&s->link)) {
        enum hufu_err err = link_next(&s->link, &frame);

        if (err == HUFU_NOT_FOUND)
            return;
        if (err != HUFU_OK || !frame_serve(s, &frame))
            link_drop(s, "bad-frame");
    }
}

static void step_link(struct sink *s, short events)
{
    bool is_left = false;

    if (!s->has_link || events == 0)
        return;
    if ((events & POLLOUT) && link_flush(&s->link, &is_left) != HUFU_OK)
        link_drop(s, "write");
    else if ((events & (POLLIN | POLLHUP | POLLERR)) && link_fill(&s->link) != HUFU_OK)
        link_drop(s, "closed");
}

/* Nothing of ours goes into the program, whatever it is started with. */
static void link_take(struct sink *s, int fd)
{
    link_drop(s, "replaced");
    (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
    link_init(&s->link, fd, OUT_MAX);
    s->has_link = true;
}

static void step_control(struct sink *s, short events)
{
    enum hufu_err err = HUFU_OK;
    uint8_t kind = 0;

    while (events != 0 && s->control_fd >= 0 && err == HUFU_OK) {
        int fd = -1;

        err = control_recv(s->control_fd, &kind, &fd);
        if (err == HUFU_NOT_FOUND)
            return;
        if (err != HUFU_OK) {
            close(s->control_fd);
            s->control_fd = -1;
            return;
        }
        if (kind == CONTROL_LINK_CORE && fd >= 0)
            link_take(s, fd);
        else if (fd >= 0)
            close(fd);
        log_obey(kind);
    }
}

static void step_poll(struct sink *s)
{
    struct pollfd fds[3] = { { .fd = s->signal_fd, .events = POLLIN },
                             { .fd = s->control_fd, .events = POLLIN },
                             { .fd = -1 } };

    if (s->has_link) {
        fds[2].fd = s->link.fd;
        fds[2].events = link_wants_write(&s->link) ? POLLOUT : POLLIN;
        if (s->link.fd < 0)
            link_drop(s, "closed");
    }
    if (poll(fds, 3, -1) <= 0)
        return;
    if (fds[0].revents)
        s->is_ending = true;
    step_control(s, fds[1].revents);
    if (s->has_link && s->link.fd == fds[2].fd)
        step_link(s, fds[2].revents);
}

/* SIGTERM becomes readable; a terminal's SIGINT is hufud's business. */
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

static enum hufu_err start(struct sink *s, const struct conf *conf)
{
    const char *url = conf_text(conf, CONF_ALARM_WEBHOOK);
    int flags = fcntl(s->control_fd, F_GETFL);
    enum hufu_err err = HUFU_OK;

    s->command = conf_text(conf, CONF_ALARM_COMMAND);
    s->deadline_ms = conf_u64(conf, CONF_ALARM_DELIVER_MS);
    s->signal_fd = signals_open();
    if (url[0] != '\0')
        err = sink_webhook_new(url, conf_text(conf, CONF_ALARM_CA), s->deadline_ms, s->signal_fd,
                               &s->webhook);
    if (err != HUFU_OK)
        return err;
    if (s->signal_fd < 0 || flags < 0 || fcntl(s->control_fd, F_SETFL, flags | O_NONBLOCK) != 0 ||
        fcntl(s->control_fd, F_SETFD, FD_CLOEXEC) != 0)
        return HUFU_IO;
    return control_send(s->control_fd, CONTROL_READY, -1);
}

int sink_main(const struct conf *conf, int control_fd, int core_fd)
{
    struct sink s = { .control_fd = control_fd, .signal_fd = -1 };
    enum hufu_err err;

    log_setup("alarm", (enum log_level)conf_u64(conf, CONF_LOG_LEVEL));
    if (core_fd >= 0)
        link_take(&s, core_fd);
    err = start(&s, conf);
    if (err != HUFU_OK)
        log_event(LOG_ERROR_LEVEL, "alarm.start_failed", "err", LOG_ERR(err), NULL);
    while (err == HUFU_OK && !s.is_ending && (s.control_fd >= 0 || s.has_link)) {
        step_serve(&s);
        step_poll(&s);
    }
    link_drop(&s, "end");
    sink_webhook_free(s.webhook);
    if (s.control_fd >= 0)
        close(s.control_fd);
    if (s.signal_fd >= 0)
        close(s.signal_fd);
    return err == HUFU_OK ? 0 : 1;
}
