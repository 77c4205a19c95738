#include "api/front.h"

#include <errno.h>
#include <fcntl.h>
#include <gnutls/abstract.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "api/body.h"
#include "api/serve.h"
#include "vault/base/clock.h"
#include "vault/base/frame.h"
#include "vault/base/log.h"

#define EXIT_MEND     78 /* EX_CONFIG: hufud stops instead of starting it again */
#define DRAIN_MS      4000
#define DRAIN_STEP_MS 20
#define STOP_MS       500 /* for answers of what was given up at the end of DRAIN_MS */
#define HEADER_BYTES  32768
#define GROW_BYTES    4096
#define BACKLOG       1024

struct front {
    const struct conf *conf;
    struct serve serve;
    struct MHD_Daemon *daemon;
    int listen_fd;
};

static struct tls_files files_of(const struct conf *c)
{
    return (struct tls_files){ conf_text(c, CONF_TLS_CERT), conf_text(c, CONF_TLS_KEY),
                               conf_text(c, CONF_TLS_CA), conf_text(c, CONF_TLS_CRL) };
}

/* Targets with escapes are refused, so there is nothing to unescape; the bytes stay as they came.
 */
static size_t keep_escapes(void *cls, struct MHD_Connection *connection, char *text)
{
    size_t len = 0;

    (void)cls;
    (void)connection;
    while (text[len] != '\0')
        len++;
    return len;
}

/* Never called: each session has credentials of ours before its handshake begins. Without this the
 * library would want the key itself. */
static int no_certificate(gnutls_session_t session, const gnutls_datum_t *names, int names_count,
                          const gnutls_pk_algorithm_t *algos, int algos_count,
                          gnutls_pcert_st **cert, unsigned *cert_count, gnutls_privkey_t *key)
{
    (void)session;
    (void)names;
    (void)names_count;
    (void)algos;
    (void)algos_count;
    (void)cert;
    (void)cert_count;
    (void)key;
    return -1;
}

static struct MHD_Daemon *start_daemon(struct front *f)
{
    const unsigned flags =
        MHD_USE_POLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_TLS | MHD_USE_ITC;
    unsigned threads = (unsigned)conf_u64(f->conf, CONF_FRONT_THREADS);
    struct MHD_OptionItem pool[] = {
        { threads > 1 ? MHD_OPTION_THREAD_POOL_SIZE : MHD_OPTION_END, (intptr_t)threads, NULL },
        { MHD_OPTION_END, 0, NULL },
    };
    struct serve *s = &f->serve;

    return MHD_start_daemon(
        flags, 0, NULL, NULL, serve_request, s, MHD_OPTION_LISTEN_SOCKET, f->listen_fd,
        MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, MHD_OPTION_STRICT_FOR_CLIENT, 1,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)conf_u64(f->conf, CONF_CONNECTIONS),
        MHD_OPTION_PER_IP_CONNECTION_LIMIT, (unsigned)conf_u64(f->conf, CONF_PER_ADDRESS),
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HEADER_BYTES,
        MHD_OPTION_CONNECTION_MEMORY_INCREMENT, (size_t)GROW_BYTES, MHD_OPTION_HTTPS_PRIORITIES,
        TLS_PRIORITIES, MHD_OPTION_HTTPS_CERT_CALLBACK, no_certificate,
        MHD_OPTION_NOTIFY_CONNECTION, serve_connection, s, MHD_OPTION_NOTIFY_COMPLETED,
        serve_completed, s, MHD_OPTION_URI_LOG_CALLBACK, serve_target, s,
        MHD_OPTION_UNESCAPE_CALLBACK, keep_escapes, s, MHD_OPTION_ARRAY, pool, MHD_OPTION_END);
}

static enum hufu_err start(struct front *f, int core_fd)
{
    const struct core_limits limits = { conf_u64(f->conf, CONF_OUT_ITEMS),
                                        conf_u64(f->conf, CONF_OUT_BYTES),
                                        conf_u64(f->conf, CONF_ANSWER_MS) };
    const struct tls_files files = files_of(f->conf);
    enum hufu_err err;

    serve_init(&f->serve);
    f->serve.log_requests = (enum trace_choice)conf_u64(f->conf, CONF_LOG_REQUESTS);
    f->serve.header_ms = conf_u64(f->conf, CONF_HEADER_MS);
    f->serve.body_ms = conf_u64(f->conf, CONF_BODY_MS);
    f->serve.idle_ms = conf_u64(f->conf, CONF_IDLE_MS);
    err = tls_new(&files, &f->serve.tls);
    if (err != HUFU_OK && err != HUFU_NOMEM)
        err = HUFU_SYNTAX; /* a file that only a person can mend */
    if (err == HUFU_OK)
        err = watchdog_new(&f->serve.watchdog);
    if (err == HUFU_OK)
        err = core_link_new(&limits, &f->serve.core);
    if (err != HUFU_OK) {
        if (core_fd >= 0)
            close(core_fd);
        return err;
    }
    if (core_fd >= 0)
        core_link_attach(f->serve.core, core_fd);
    f->daemon = start_daemon(f);
    return f->daemon == NULL ? HUFU_IO : HUFU_OK;
}

static void rest(unsigned ms)
{
    const struct timespec ts = { ms / 1000, (long)(ms % 1000) * 1000000L };

    nanosleep(&ts, NULL);
}

/* Waits until no request is under way, at most wait_ms. */
static void wait_for_quiet(struct front *f, uint64_t wait_ms)
{
    uint64_t end = clock_system.boot_ms(&clock_system) + wait_ms;
    uint64_t all, busy = 1;

    while (busy != 0 && clock_system.boot_ms(&clock_system) < end) {
        watchdog_count(f->serve.watchdog, &all, &busy);
        if (busy != 0)
            rest(DRAIN_STEP_MS);
    }
}

/* Takes no new connections, lets what is in work end, gives the rest up. */
static void drain(struct front *f)
{
    log_event(LOG_INFO, "front.drain", NULL);
    if (MHD_quiesce_daemon(f->daemon) != MHD_INVALID_SOCKET) {
        close(f->listen_fd);
        f->listen_fd = -1;
    }
    atomic_store(&f->serve.drain, true);
    watchdog_drain(f->serve.watchdog);
    wait_for_quiet(f, DRAIN_MS);
    /* The library must not be stopped while a connection is suspended. */
    atomic_store(&f->serve.stop, true);
    rest(DRAIN_STEP_MS);
    core_link_fail_all(f->serve.core);
    wait_for_quiet(f, STOP_MS);
}

static void stop(struct front *f)
{
    if (f->daemon != NULL) {
        MHD_stop_daemon(f->daemon);
        if (f->listen_fd >= 0)
            f->listen_fd = -1; /* the library closed it */
    }
    core_link_free(f->serve.core);
    watchdog_free(f->serve.watchdog);
    tls_free(f->serve.tls);
    serve_done(&f->serve);
    if (f->listen_fd >= 0)
        close(f->listen_fd);
}

static void reload(struct front *f)
{
    const struct tls_files files = files_of(f->conf);
    enum hufu_err err = tls_reload(f->serve.tls, &files);

    if (err == HUFU_OK)
        log_event(LOG_INFO, "front.reload", NULL);
    else
        log_event(LOG_ERROR_LEVEL, "front.reload_failed", "err", LOG_ERR(err), NULL);
}

/* Obeys one message; false: the front must end. */
static bool obey(struct front *f, uint8_t kind, int fd)
{
    if (kind == CONTROL_LINK_CORE && fd >= 0) {
        core_link_attach(f->serve.core, fd);
        return true;
    }
    if (fd >= 0)
        close(fd);
    log_obey(kind);
    if (kind == CONTROL_RELOAD)
        reload(f);
    return kind != CONTROL_DRAIN;
}

static void control_loop(struct front *f, int control_fd)
{
    struct pollfd p = { control_fd, POLLIN, 0 };
    bool serving = true;

    while (serving) {
        enum hufu_err err;
        uint8_t kind;
        int fd;

        if (poll(&p, 1, -1) < 0 && errno != EINTR)
            return;
        err = control_recv(control_fd, &kind, &fd);
        if (err == HUFU_OK)
            serving = obey(f, kind, fd);
        else if (err != HUFU_NOT_FOUND)
            return; /* hufud is gone, or speaks nonsense: end in order */
    }
}

int front_main(const struct conf *c, int control_fd, int core_fd, int listen_fd)
{
    struct front *f = calloc(1, sizeof(*f));
    enum hufu_err err;

    if (f == NULL)
        return 1;
    f->conf = c;
    f->listen_fd = listen_fd;
    log_setup("front", (enum log_level)conf_u64(c, CONF_LOG_LEVEL));
    signal(SIGPIPE, SIG_IGN);
    /* the loop waits in poll, so that a message that is not there never blocks it */
    if (fcntl(control_fd, F_SETFL, O_NONBLOCK) != 0)
        log_event(LOG_WARN, "front.control", "errno", LOG_NUM(errno), NULL);
    body_setup();
    err = start(f, core_fd);
    if (err == HUFU_OK)
        err = control_send(control_fd, CONTROL_READY, -1);
    if (err == HUFU_OK) {
        log_event(LOG_INFO, "front.ready", NULL);
        control_loop(f, control_fd);
        drain(f);
    } else {
        log_event(LOG_ERROR_LEVEL, "front.start", "err", LOG_ERR(err), NULL);
    }
    stop(f);
    free(f);
    if (err == HUFU_SYNTAX)
        return EXIT_MEND;
    return err == HUFU_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
