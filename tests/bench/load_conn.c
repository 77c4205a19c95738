/*
 * load_conn.c - one keep-alive connection of the load generator: TLS, a request, its answer.
 */
#include "tests/bench/load.h"

#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define REPLY_MAX (512 * 1024)
#define HEAD_MAX  1024

static pthread_mutex_t save_lock = PTHREAD_MUTEX_INITIALIZER;

void load_conn_init(struct load_conn *c, enum load_mode mode)
{
    *c = (struct load_conn){ .mode = mode, .fd = -1 };
    c->request = malloc(LOAD_BODY_MAX + HEAD_MAX);
    c->reply = malloc(REPLY_MAX);
    if (!c->request || !c->reply)
        load_die("malloc");
}

void load_conn_done(struct load_conn *c)
{
    load_conn_close(c);
    free(c->request);
    free(c->reply);
}

/* A person's requests must not come with a certificate. */
static bool has_session(const struct load_conn *c)
{
    return *load_options.session &&
           (c->mode == LOAD_DETOKENIZE || c->mode == LOAD_DETOKENIZE_BATCH);
}

void load_conn_open(struct load_conn *c, int epoll)
{
    struct epoll_event event = { .events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = c };
    int one = 1;

    c->fd = socket(load_server.addr.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c->fd < 0)
        load_die("socket");
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    if (connect(c->fd, (struct sockaddr *)&load_server.addr, load_server.addr_len) < 0 &&
        errno != EINPROGRESS)
        load_die("connect");
    c->ssl = SSL_new(has_session(c) ? load_server.plain : load_server.with_cert);
    if (!c->ssl || SSL_set_fd(c->ssl, c->fd) != 1)
        load_die("SSL_new");
    SSL_set_tlsext_host_name(c->ssl, load_options.host);
    SSL_set_connect_state(c->ssl);
    c->state = LOAD_HANDSHAKE;
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &event) < 0)
        load_die("epoll_ctl");
}

void load_conn_close(struct load_conn *c)
{
    SSL_free(c->ssl);
    if (c->fd >= 0)
        close(c->fd);
    c->ssl = NULL;
    c->fd = -1;
}

void load_conn_begin(struct load_conn *c, uint64_t *seed, uint64_t due_ns)
{
    static _Thread_local char body[LOAD_BODY_MAX];
    size_t len = load_body_print(c->mode, seed, body);
    bool session = has_session(c);
    char key[64] = "";
    int head;

    if (load_options.keyed)
        snprintf(key, sizeof(key), "Idempotency-Key: %016" PRIx64 "\r\n", *seed);
    head = snprintf(c->request, HEAD_MAX,
                    "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\n"
                    "Content-Length: %zu\r\n%s%s%s%s\r\n",
                    load_mode_paths[c->mode], load_options.host, len, key,
                    session ? "Authorization: Bearer " : "", session ? load_options.session : "",
                    session ? "\r\n" : "");
    memcpy(c->request + head, body, len);
    c->request_len = (size_t)head + len;
    c->sent = c->got = c->reply_len = 0;
    c->state = LOAD_WRITING;
    c->due_ns = due_ns;
}

/* Notes length and status once the head is complete; true when the whole answer is there. */
static bool reply_complete(struct load_conn *c)
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

/* What a call that did not go through means for the connection. */
static enum load_step stuck(SSL *ssl, int result)
{
    int why = SSL_get_error(ssl, result);

    return why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE ? LOAD_WAIT : LOAD_BROKEN;
}

static enum load_step reply_read(struct load_conn *c)
{
    while (!reply_complete(c)) {
        int n;

        if (c->got >= REPLY_MAX - 1)
            return LOAD_BROKEN;
        n = SSL_read(c->ssl, c->reply + c->got, (int)(REPLY_MAX - 1 - c->got));
        if (n <= 0)
            return stuck(c->ssl, n);
        c->got += (size_t)n;
    }
    c->reply[c->got] = 0;
    c->state = LOAD_READY;
    return LOAD_ANSWERED;
}

enum load_step load_conn_step(struct load_conn *c)
{
    int n;

    if (c->state == LOAD_HANDSHAKE) {
        n = SSL_do_handshake(c->ssl);
        if (n != 1)
            return stuck(c->ssl, n);
        c->state = LOAD_READY;
        return LOAD_FREE;
    }
    while (c->state == LOAD_WRITING) {
        n = SSL_write(c->ssl, c->request + c->sent, (int)(c->request_len - c->sent));
        if (n <= 0)
            return stuck(c->ssl, n);
        c->sent += (size_t)n;
        if (c->sent == c->request_len)
            c->state = LOAD_READING;
    }
    return c->state == LOAD_READING ? reply_read(c) : LOAD_WAIT;
}

bool load_conn_is_gone(struct load_conn *c)
{
    char byte;
    int n = SSL_peek(c->ssl, &byte, 1);

    return n > 0 || stuck(c->ssl, n) == LOAD_BROKEN; /* nothing may come that was not asked for */
}

void load_conn_save(const struct load_conn *c)
{
    const char *p = c->reply;

    pthread_mutex_lock(&save_lock);
    while ((p = strstr(p, "\"token\":\""))) {
        p += 9;
        fprintf(load_options.save, "%.*s\n", (int)strcspn(p, "\""), p);
    }
    pthread_mutex_unlock(&save_lock);
}
