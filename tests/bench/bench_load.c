/*
 * bench_load.c - closed-loop load over mutual TLS: each connection sends its next request when the
 * last answer is complete. Keep-alive, unique values, latency percentiles, CPU of the server.
 *
 * bench_load MODE -A CA -C CERT -K KEY -p PORT ...; without arguments it prints its usage. MODE:
 * tokenize, batch, detokenize or lookup. Prints one line of name=value.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "tests/bench/load.h"

#define REPLY_MAX (512 * 1024)

enum phase { WARM, RUN, STOP };
static atomic_int phase;
static SSL_CTX *tls;
static struct sockaddr_storage server;
static socklen_t server_len;
static pthread_mutex_t save_lock = PTHREAD_MUTEX_INITIALIZER;

struct conn {
    enum { HANDSHAKE, WRITING, READING } state;
    int fd;
    SSL *ssl;
    char *request, *reply;
    size_t request_len, sent, got, reply_len; /* reply_len: 0 until the head is there */
    int status;
    uint64_t began_ns;
};
struct worker {
    pthread_t thread;
    unsigned long conns;
    uint64_t seed;
    struct load_tally tally;
};

static void die(const char *what)
{
    fprintf(stderr, "bench_load: %s: %s\n", what, errno ? strerror(errno) : "failed");
    exit(1);
}

static uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void request_begin(struct worker *w, struct conn *c)
{
    static _Thread_local char body[LOAD_BODY_MAX];
    size_t len = load_body_print(&w->seed, body);
    int head = snprintf(c->request, LOAD_BODY_MAX,
                        "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\n"
                        "Content-Length: %zu\r\n%s%s%s\r\n",
                        load_mode_paths[load_options.mode], load_options.host, len,
                        *load_options.session ? "Authorization: Bearer " : "", load_options.session,
                        *load_options.session ? "\r\n" : "");

    memcpy(c->request + head, body, len);
    c->request_len = (size_t)head + len;
    c->sent = c->got = c->reply_len = 0;
    c->state = WRITING;
    c->began_ns = now_ns();
}

static void conn_open(int epoll, struct conn *c)
{
    struct epoll_event event = { .events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = c };
    int one = 1;

    c->fd = socket(server.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c->fd < 0)
        die("socket");
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    if (connect(c->fd, (struct sockaddr *)&server, server_len) < 0 && errno != EINPROGRESS)
        die("connect");
    c->ssl = SSL_new(tls);
    if (!c->ssl || SSL_set_fd(c->ssl, c->fd) != 1)
        die("SSL_new");
    SSL_set_tlsext_host_name(c->ssl, load_options.host);
    SSL_set_connect_state(c->ssl);
    c->state = HANDSHAKE;
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &event) < 0)
        die("epoll_ctl");
}

static void conn_close(struct conn *c)
{
    SSL_free(c->ssl);
    close(c->fd);
    c->ssl = NULL;
}

/* Notes length and status once the head is complete; true when the whole answer is there. */
static bool reply_complete(struct conn *c)
{
    const char *end;
    const char *length;

    if (c->reply_len == 0) {
        c->reply[c->got] = 0;
        end = strstr(c->reply, "\r\n\r\n");
        if (!end || c->got < 12)
            return false;
        length = strcasestr(c->reply, "\r\nContent-Length:");
        c->status = (c->reply[9] - '0') * 100 + (c->reply[10] - '0') * 10 + (c->reply[11] - '0');
        c->reply_len = (size_t)(end - c->reply) + 4;
        if (length && length < end)
            c->reply_len += strtoul(length + 17, NULL, 10);
    }
    return c->got >= c->reply_len;
}

static void tokens_save(struct conn *c)
{
    const char *p = c->reply;

    c->reply[c->got] = 0;
    pthread_mutex_lock(&save_lock);
    while ((p = strstr(p, "\"token\":\""))) {
        p += 9;
        fprintf(load_options.save, "%.*s\n", (int)strcspn(p, "\""), p);
    }
    pthread_mutex_unlock(&save_lock);
}

static void reply_count(struct worker *w, struct conn *c)
{
    bool good = c->status >= 200 && c->status < 300;

    if (load_options.save && good)
        tokens_save(c);
    if (phase != RUN)
        return;
    load_tally_add(&w->tally, (now_ns() - c->began_ns) / 1000);
    if (!good && w->tally.refused++ == 0)
        fprintf(stderr, "bench_load: an answer has status %d: %.300s\n", c->status,
                strstr(c->reply, "\r\n\r\n") + 4);
}

/* True while the call only waits for the socket. */
static bool is_waiting(SSL *ssl, int result)
{
    int why = SSL_get_error(ssl, result);

    return why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE;
}

/* Reads what is there; 1 answer complete, 0 wait, -1 broken. */
static int conn_read(struct conn *c)
{
    while (!reply_complete(c)) {
        int n;

        if (c->got >= REPLY_MAX - 1)
            return -1;
        n = SSL_read(c->ssl, c->reply + c->got, (int)(REPLY_MAX - 1 - c->got));
        if (n <= 0)
            return is_waiting(c->ssl, n) ? 0 : -1;
        c->got += (size_t)n;
    }
    return 1;
}

/* Goes on as far as the socket allows; false where the connection broke. */
static bool conn_advance(struct worker *w, struct conn *c)
{
    for (;;) {
        int n = 1;

        if (c->state == HANDSHAKE) {
            n = SSL_do_handshake(c->ssl);
            if (n == 1)
                request_begin(w, c);
        } else if (c->state == WRITING) {
            n = SSL_write(c->ssl, c->request + c->sent, (int)(c->request_len - c->sent));
            c->sent += n > 0 ? (size_t)n : 0;
            if (c->sent == c->request_len)
                c->state = READING;
        } else {
            n = conn_read(c);
            if (n == 0)
                return true;
            if (n < 0)
                return false;
            reply_count(w, c);
            if (phase == STOP)
                return true;
            request_begin(w, c);
        }
        if (n <= 0)
            return is_waiting(c->ssl, n);
    }
}

static void *worker_run(void *arg)
{
    struct worker *w = arg;
    struct conn *conns = calloc(w->conns, sizeof(*conns));
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event events[128];

    if (!conns || epoll < 0)
        die("worker");
    for (unsigned long i = 0; i < w->conns; i++) {
        conns[i].request = malloc(LOAD_BODY_MAX + 1024);
        conns[i].reply = malloc(REPLY_MAX);
        if (!conns[i].request || !conns[i].reply)
            die("malloc");
        conn_open(epoll, &conns[i]);
    }
    while (phase != STOP) {
        int n = epoll_wait(epoll, events, 128, 100);

        for (int i = 0; i < n; i++) {
            struct conn *c = events[i].data.ptr;

            if (conn_advance(w, c))
                continue;
            if (w->tally.broken++ > 1000)
                die("too many broken connections");
            conn_close(c);
            conn_open(epoll, c);
        }
    }
    for (unsigned long i = 0; i < w->conns; i++) {
        conn_close(&conns[i]);
        free(conns[i].request);
        free(conns[i].reply);
    }
    free(conns);
    close(epoll);
    return NULL;
}

/* Sums the CPU time of the given processes, in microseconds (proc(5), stat: utime, stime). */
static uint64_t cpu_us(void)
{
    uint64_t ticks = 0;

    for (size_t i = 0; i < load_options.pids_count; i++) {
        char path[64];
        char line[1024] = { 0 };
        unsigned long user = 0;
        unsigned long kernel = 0;
        const char *p;
        FILE *in;

        snprintf(path, sizeof(path), "/proc/%lu/stat", load_options.pids[i]);
        in = fopen(path, "re");
        if (!in || !fgets(line, sizeof(line), in))
            die(path);
        fclose(in);
        p = strrchr(line, ')');
        if (!p || sscanf(p + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user,
                         &kernel) != 2)
            die(path);
        ticks += user + kernel;
    }
    return ticks * 1000000u / (uint64_t)sysconf(_SC_CLK_TCK);
}

static void pause_ms(unsigned long ms)
{
    struct timespec t = { .tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000 };

    nanosleep(&t, NULL);
}

static void server_find(void)
{
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_family = AF_INET };
    struct addrinfo *found = NULL;

    if (getaddrinfo(load_options.host, load_options.port, &hints, &found) != 0)
        die(load_options.host);
    memcpy(&server, found->ai_addr, found->ai_addrlen);
    server_len = found->ai_addrlen;
    freeaddrinfo(found);
}

static void tls_open(void)
{
    tls = SSL_CTX_new(TLS_client_method());
    if (!tls || SSL_CTX_set_min_proto_version(tls, TLS1_3_VERSION) != 1 ||
        SSL_CTX_load_verify_locations(tls, load_options.ca, NULL) != 1)
        die("TLS");
    SSL_CTX_set_verify(tls, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_mode(tls, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    if (load_options.cert &&
        (SSL_CTX_use_certificate_file(tls, load_options.cert, SSL_FILETYPE_PEM) != 1 ||
         SSL_CTX_use_PrivateKey_file(tls, load_options.key, SSL_FILETYPE_PEM) != 1))
        die("client certificate");
}

int main(int argc, char **argv)
{
    static struct load_tally all;
    struct worker *workers;
    uint64_t cpu;
    uint64_t took;

    load_options_read(argc, argv);
    server_find();
    tls_open();
    workers = calloc(load_options.threads, sizeof(*workers));
    if (!workers)
        die("calloc");
    for (unsigned long i = 0; i < load_options.threads; i++) {
        workers[i].conns = load_options.connections / load_options.threads +
                           (i < load_options.connections % load_options.threads);
        if (getrandom(&workers[i].seed, sizeof(workers[i].seed), 0) < 8 ||
            pthread_create(&workers[i].thread, NULL, worker_run, &workers[i]) != 0)
            die("worker");
    }
    pause_ms(load_options.warm_ms);
    cpu = cpu_us();
    took = now_ns();
    phase = RUN;
    pause_ms(load_options.run_ms);
    phase = STOP;
    took = now_ns() - took;
    cpu = cpu_us() - cpu;
    for (unsigned long i = 0; i < load_options.threads; i++) {
        pthread_join(workers[i].thread, NULL);
        load_tally_join(&all, &workers[i].tally);
    }
    if (load_options.save && fclose(load_options.save) != 0)
        die("tokens");
    printf("rps=%.0f p50_us=%" PRIu64 " p99_us=%" PRIu64 " refused=%" PRIu64 " broken=%" PRIu64
           " cpu_us=%.1f\n",
           (double)all.answers * 1e9 / (double)took, load_tally_quantile(&all, 50),
           load_tally_quantile(&all, 99), all.refused, all.broken,
           all.answers ? (double)cpu / (double)all.answers : 0.0);
    free(workers);
    SSL_CTX_free(tls);
    return all.answers == 0 || all.refused > 0;
}
