#include "vault/core.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "vault/alarm_courier.h"
#include "vault/base/frame.h"
#include "vault/base/log.h"
#include "vault/base/secret.h"
#include "vault/front_link.h"
#include "vault/handle.h"
#include "vault/keeper.h"

#define EXIT_MEND     78 /* EX_CONFIG: a restart does not help */
#define WORKERS_MAX   64
#define PAUSE_MS      100 /* of the threads that only look now and then */
#define DRAIN_MS      2500
#define INIT_FILE_MAX 262144
#define INIT_WAIT_MS  50000

struct threads {
    struct core *core;
    struct keeper keeper;
    struct worker worker[WORKERS_MAX + 1]; /* the last is the sweeper's */
    size_t workers;
    pthread_t worker_id[WORKERS_MAX];
    struct courier courier;
    pthread_t journal, map, password, signer, keeping, sweeper, carrying;
    _Atomic bool stop, stop_signing;
};

struct process {
    struct core core;
    struct threads *threads;
    struct front_link front;
    struct alarm_sink *alarm_sink;
    int control_fd, signal_fd, wake_fd;
};

static void nap(void)
{
    struct timespec t = { 0, PAUSE_MS * 1000000L };

    (void)nanosleep(&t, NULL);
}

static void *work(void *arg)
{
    struct worker *w = arg;

    for (;;) {
        bool last = queue_is_closed(&w->core->work); /* before the look: nothing comes after */

        if (worker_step(w))
            continue;
        if (last)
            return NULL; /* nothing is left, and no reply is held back */
        queue_wait(&w->core->work, 0);
    }
}

static void *journal(void *arg)
{
    struct threads *t = arg;

    while (!atomic_load(&t->stop))
        if (!store_journal_step(t->core->store))
            store_journal_wait(t->core->store);
    while (store_journal_step(t->core->store))
        continue;
    return NULL;
}

static void *flush(void *arg)
{
    struct threads *t = arg;

    while (!atomic_load(&t->stop))
        if (!store_map_step(t->core->store, false))
            store_map_wait(t->core->store);
    return NULL;
}

static void *hash(void *arg)
{
    struct threads *t = arg;

    while (!queue_is_closed(&t->core->passwords))
        if (!password_step(t->core))
            queue_wait(&t->core->passwords, 0);
    return NULL;
}

static void *sign(void *arg)
{
    struct threads *t = arg;

    while (!atomic_load(&t->stop_signing)) {
        (void)signer_step(t->core->signer);
        nap();
    }
    if (signer_step(t->core->signer)) /* the last entries get their signature */
        nap();
    return NULL;
}

static void *keep(void *arg)
{
    struct threads *t = arg;

    while (!atomic_load(&t->stop)) {
        if (keeper_step(&t->keeper))
            continue;
        if (queue_is_closed(&t->core->keys)) /* waiting for it ends at once */
            nap();
        else
            queue_wait(&t->core->keys, (uint32_t)t->keeper.pause_ms);
    }
    return NULL;
}

static void *sweep(void *arg)
{
    struct threads *t = arg;

    while (!atomic_load(&t->stop)) {
        (void)sweeper_step(&t->worker[WORKERS_MAX]);
        nap();
    }
    return NULL;
}

static void *carry(void *arg)
{
    struct threads *t = arg;

    while (!atomic_load(&t->stop))
        if (!courier_step(&t->courier))
            nap();
    return NULL;
}

static size_t worker_count(const struct conf *conf)
{
    uint64_t n = conf_u64(conf, CONF_WORKERS);
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);

    if (n == 0)
        n = cpus > 0 ? (uint64_t)cpus : 1;
    return n > WORKERS_MAX ? WORKERS_MAX : (size_t)n;
}

static bool spawn(pthread_t *id, void *(*run)(void *), void *arg)
{
    return pthread_create(id, NULL, run, arg) == 0;
}

static bool start_threads(struct threads *t, struct core *core, struct alarm_sink *sink)
{
    bool ok;

    t->core = core;
    t->workers = worker_count(core->conf);
    ok = keeper_init(&t->keeper, core) == HUFU_OK &&
         worker_init(&t->worker[WORKERS_MAX], core) == HUFU_OK &&
         courier_init(&t->courier, core, sink) == HUFU_OK;
    for (size_t i = 0; ok && i < t->workers; i++)
        ok = worker_init(&t->worker[i], core) == HUFU_OK;
    for (size_t i = 0; ok && i < t->workers; i++)
        ok = spawn(&t->worker_id[i], work, &t->worker[i]);
    return ok && spawn(&t->journal, journal, t) && spawn(&t->map, flush, t) &&
           spawn(&t->password, hash, t) && spawn(&t->signer, sign, t) &&
           spawn(&t->keeping, keep, t) && spawn(&t->sweeper, sweep, t) &&
           spawn(&t->carrying, carry, t);
}

/* What was accepted is finished, then nobody takes anything any more. */
static void stop_threads(struct threads *t)
{
    struct core *core = t->core;

    for (int ms = 0; atomic_load(&core->in_work) > 0 && ms < DRAIN_MS; ms += PAUSE_MS)
        nap();
    queue_close(&core->passwords);
    queue_close(&core->keys);
    queue_close(&core->work);
    for (size_t i = 0; i < t->workers; i++)
        pthread_join(t->worker_id[i], NULL);
    pthread_join(t->password, NULL);
    atomic_store(&t->stop_signing, true);
    pthread_join(t->signer, NULL);
    store_stop(core->store); /* before the journal's last step: nothing is handed in behind it */
    atomic_store(&t->stop, true);
    pthread_join(t->sweeper, NULL);
    pthread_join(t->carrying, NULL);
    pthread_join(t->journal, NULL);
    pthread_join(t->map, NULL);
    pthread_join(t->keeping, NULL);
    keeper_done(&t->keeper);
    for (size_t i = 0; i < t->workers; i++)
        worker_done(&t->worker[i]);
    worker_done(&t->worker[WORKERS_MAX]);
    courier_done(&t->courier);
}

static void hsm_stuck(void *arg)
{
    struct process *p = arg;

    log_event(LOG_ERROR_LEVEL, "hsm.stuck", NULL);
    if (control_send(p->control_fd, CONTROL_HSM_STUCK, -1) != HUFU_OK)
        log_event(LOG_ERROR_LEVEL, "control.send", NULL);
}

/* False where hufud is gone. */
static bool read_control(struct process *p)
{
    uint8_t kind;
    int fd;
    enum hufu_err err;

    while ((err = control_recv(p->control_fd, &kind, &fd)) == HUFU_OK) {
        log_obey(kind);
        if (kind == CONTROL_RELOAD && core_read_deny(&p->core) == HUFU_OK &&
            deny_count(p->core.deny) > 0)
            log_event(LOG_INFO, "core.deny_file", "passwords", LOG_NUM(deny_count(p->core.deny)),
                      NULL);
        if (kind == CONTROL_LINK_FRONT && fd >= 0) {
            front_link_replace(&p->front, fd);
        } else if (kind == CONTROL_LINK_HSM && fd >= 0) {
            hsm_client_relink(p->core.hsm, fd);
        } else if (kind == CONTROL_LINK_ALARM && fd >= 0) {
            alarm_link_replace(p->alarm_sink, fd);
        } else if (fd >= 0) {
            close(fd);
        }
    }
    return err == HUFU_NOT_FOUND;
}

/* Serves until told to end. Returns the exit status. */
static int loop(struct process *p)
{
    uint64_t woken;

    for (;;) {
        struct pollfd fds[4] = {
            { .fd = p->control_fd, .events = POLLIN },
            { .fd = p->signal_fd, .events = POLLIN },
            { .fd = p->wake_fd, .events = POLLIN },
            { .fd = front_link_fd(&p->front), .events = POLLIN },
        };

        if (link_wants_write(&p->front.link))
            fds[3].events |= POLLOUT;
        if (poll(fds, 4, 500) < 0 && errno != EINTR)
            return EXIT_FAILURE;
        if (fds[1].revents != 0)
            return EXIT_SUCCESS;
        if (fds[0].revents != 0 && !read_control(p))
            return EXIT_SUCCESS;
        if (fds[2].revents != 0 && read(p->wake_fd, &woken, sizeof(woken)) < 0)
            return EXIT_FAILURE;
        if ((fds[3].revents & POLLOUT) != 0)
            (void)front_link_write(&p->front);
        if ((fds[3].revents & (POLLIN | POLLHUP | POLLERR)) != 0 &&
            fds[3].fd == front_link_fd(&p->front))
            front_link_read(&p->front);
        if (!store_is_sound(p->core.store)) {
            log_event(LOG_ERROR_LEVEL, "store.failed", NULL);
            return EXIT_FAILURE; /* a failed sync is never tried again in the same process */
        }
    }
}

static int serve(struct process *p)
{
    struct threads *t = calloc(1, sizeof(*t));
    int status = EXIT_FAILURE;

    if (t == NULL || !start_threads(t, &p->core, p->alarm_sink))
        _exit(EXIT_FAILURE); /* half-started threads cannot be joined; nothing was answered yet */
    if (control_send(p->control_fd, CONTROL_READY, -1) == HUFU_OK)
        status = loop(p);
    if (status == EXIT_SUCCESS)
        stop_threads(t);
    else
        _exit(status);
    free(t);
    return status;
}

static enum hufu_err read_init_file(int fd, struct buf *out)
{
    uint8_t chunk[4096];
    ssize_t n;

    while ((n = read(fd, chunk, sizeof(chunk))) > 0)
        buf_put(out, chunk, (size_t)n);
    wipe(chunk, sizeof(chunk));
    close(fd);
    return n < 0 ? HUFU_IO : buf_check(out);
}

/* A new vault: driven by this one thread, then done. */
static int initialise(struct process *p, int init_fd)
{
    struct keeper keeper;
    struct buf text;
    enum hufu_err err;

    buf_init(&text, INIT_FILE_MAX);
    err = keeper_init(&keeper, &p->core);
    keeper.drives_journal = true;
    if (err == HUFU_OK)
        err = read_init_file(init_fd, &text);
    for (int ms = 0; err == HUFU_OK && ms < INIT_WAIT_MS; ms += PAUSE_MS) {
        if (hsm_status(p->core.hsm, NULL) == HUFU_OK)
            break;
        (void)read_control(p);
        nap();
    }
    if (err == HUFU_OK)
        err = setup_vault(&keeper, buf_view(&text));
    while (err == HUFU_OK && store_map_step(p->core.store, true))
        continue;
    log_event(err == HUFU_OK ? LOG_INFO : LOG_ERROR_LEVEL, "core.init", "err", LOG_ERR(err), NULL);
    buf_done(&text);
    keeper_done(&keeper);
    if (err != HUFU_OK || control_send(p->control_fd, CONTROL_INIT_DONE, -1) != HUFU_OK)
        return EXIT_MEND;
    return EXIT_SUCCESS;
}

static enum hufu_err prepare(struct process *p, const struct conf *conf,
                             const struct core_links *links)
{
    struct hsm_deadlines deadlines = { conf_u64(conf, CONF_HSM_CALL_MS),
                                       conf_u64(conf, CONF_HSM_LOGIN_MS),
                                       conf_u64(conf, CONF_HSM_KEYGEN_MS) };
    char why[FORMAT_ERR_MAX] = "";
    sigset_t set;
    enum hufu_err err;

    p->core.conf = conf;
    p->core.clock = &clock_system;
    p->core.entropy = &entropy_system;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, NULL);
    p->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    p->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (p->signal_fd < 0 || p->wake_fd < 0)
        return HUFU_IO;
    err = alarm_link_new(links->alarm_fd, &p->alarm_sink);
    if (err == HUFU_OK)
        err = hsm_client_new(links->hsm_fd, deadlines, hsm_stuck, p, &p->core.hsm);
    if (err == HUFU_OK)
        err = format_set_load(conf_text(conf, CONF_FORMATS), &p->core.formats, why, sizeof(why));
    if (err != HUFU_OK)
        log_event(LOG_ERROR_LEVEL, "formats.refused", "err", LOG_ERR(err), NULL);
    return err == HUFU_OK ? core_build(&p->core) : err;
}

int core_main(const struct conf *conf, const struct core_links *links)
{
    struct process p = { .control_fd = links->control_fd };
    enum hufu_err err;
    int status;

    log_setup("core", (enum log_level)conf_u64(conf, CONF_LOG_LEVEL));
    if (secret_heap_init((size_t)conf_u64(conf, CONF_HEAP_BYTES)) != HUFU_OK) {
        log_event(LOG_ERROR_LEVEL, "core.no-secure-heap", NULL);
        return EXIT_MEND;
    }
    err = prepare(&p, conf, links);
    front_link_init(&p.front, &p.core, links->front_fd, p.wake_fd);
    p.core.send = front_link_send;
    p.core.gather = front_link_gather;
    p.core.send_arg = &p.front;
    if (err != HUFU_OK) {
        log_event(LOG_ERROR_LEVEL, "core.start", "err", LOG_ERR(err), NULL);
        status = err == HUFU_IO || err == HUFU_BUSY || err == HUFU_NOMEM ? EXIT_FAILURE : EXIT_MEND;
    } else {
        status = links->init_fd >= 0 ? initialise(&p, links->init_fd) : serve(&p);
    }
    core_take_down(&p.core);
    front_link_done(&p.front);
    format_set_free(p.core.formats);
    hsm_client_free(p.core.hsm);
    alarm_link_free(p.alarm_sink);
    return status;
}
