#include "vault/keys/hsm_client.h"

#include <assert.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vault/base/clock.h"
#include "vault/base/frame.h"
#include "vault/base/msg.h"

#define CALL_BYTES_MAX (4 * HSM_DATA_MAX)

struct hsm_client {
    struct hsm_ops ops; /* first: callers hold this */
    pthread_mutex_t mu; /* one call at a time; guards link and next_id */
    struct link link;
    uint64_t next_id;
    _Atomic int new_fd; /* -1: none waits */
    struct hsm_deadlines deadlines;
    void (*stuck)(void *arg);
    void *arg;
};

static uint64_t deadline_of(const struct hsm_client *c, uint16_t call)
{
    switch (call) {
    case HSM_KEK_MAKE:
    case HSM_SIGN_MAKE:
        return c->deadlines.keygen_ms;
    case HSM_STATUS: /* may be waiting for load and login */
        return c->deadlines.login_ms;
    default:
        return c->deadlines.call_ms;
    }
}

/* Waits for the reply to id until the deadline. HSM_DOWN: link gone; BUSY: deadline. */
static enum hufu_err await(struct hsm_client *c, uint64_t id, uint64_t until_ms, struct buf *mem)
{
    struct frame f;
    enum hufu_err err;

    for (;;) {
        uint64_t now = clock_system.boot_ms(&clock_system);
        struct pollfd p = { .fd = c->link.fd, .events = POLLIN };

        while ((err = link_next(&c->link, &f)) == HUFU_OK) {
            if (f.id != id)
                continue; /* the answer to a call whose deadline passed */
            buf_put(mem, f.body.p, f.body.len);
            return buf_check(mem) == HUFU_OK ? HUFU_OK : HUFU_HSM_DOWN;
        }
        if (err != HUFU_NOT_FOUND)
            return HUFU_HSM_DOWN;
        if (now >= until_ms)
            return HUFU_BUSY;
        if (link_wants_write(&c->link))
            p.events |= POLLOUT;
        (void)poll(&p, 1, (int)(until_ms - now > 1000 ? 1000 : until_ms - now));
        if ((p.revents & POLLOUT) != 0) {
            bool left;

            if (link_flush(&c->link, &left) != HUFU_OK)
                return HUFU_HSM_DOWN;
        }
        if (p.revents != 0 && link_fill(&c->link) != HUFU_OK)
            return HUFU_HSM_DOWN;
    }
}

static void take_new_link(struct hsm_client *c)
{
    int fd = atomic_exchange(&c->new_fd, -1);

    if (fd < 0)
        return;
    atomic_fetch_add(&c->ops.numbers.links, 1);
    link_done(&c->link);
    link_init(&c->link, fd, FRAME_MAX);
}

static enum hufu_err exchange(struct hsm_client *c, const struct hsm_request *req, struct buf *mem)
{
    uint64_t until = clock_system.boot_ms(&clock_system) + deadline_of(c, req->call);
    struct buf body;
    enum hufu_err err;

    buf_init(&body, CALL_BYTES_MAX);
    hsm_request_put(&body, req);
    err = buf_check(&body);
    if (err != HUFU_OK)
        goto out;
    err = link_send(&c->link, req->call, ++c->next_id, buf_view(&body));
    if (err != HUFU_OK) {
        err = HUFU_HSM_DOWN;
        goto out;
    }
    err = await(c, c->next_id, until, mem);
out:
    buf_done(&body);
    return err;
}

static enum hufu_err client_call(struct hsm_ops *hsm, const struct hsm_request *req,
                                 struct buf *mem, struct hsm_reply *out)
{
    struct hsm_client *c = (struct hsm_client *)hsm;
    enum hufu_err err;

    pthread_mutex_lock(&c->mu);
    take_new_link(c);
    err = c->link.fd < 0 ? HUFU_HSM_DOWN : exchange(c, req, mem);
    if (err == HUFU_BUSY || err == HUFU_HSM_DOWN) {
        link_done(&c->link); /* a late answer must not meet a later call */
        if (err == HUFU_BUSY)
            c->stuck(c->arg);
        err = HUFU_HSM_DOWN;
    }
    pthread_mutex_unlock(&c->mu);
    if (err != HUFU_OK)
        return err;
    if (hsm_reply_get(buf_view(mem), out) != HUFU_OK)
        return HUFU_HSM_DOWN;
    return out->err;
}

enum hufu_err hsm_client_new(int fd, struct hsm_deadlines deadlines, void (*stuck)(void *arg),
                             void *arg, struct hsm_ops **out)
{
    struct hsm_client *c = calloc(1, sizeof(*c));

    if (c == NULL)
        return HUFU_NOMEM;
    c->ops.call = client_call;
    pthread_mutex_init(&c->mu, NULL);
    link_init(&c->link, fd, FRAME_MAX);
    if (fd >= 0)
        atomic_fetch_add(&c->ops.numbers.links, 1);
    atomic_init(&c->new_fd, -1);
    c->deadlines = deadlines;
    c->stuck = stuck;
    c->arg = arg;
    *out = &c->ops;
    return HUFU_OK;
}

void hsm_client_free(struct hsm_ops *hsm)
{
    struct hsm_client *c = (struct hsm_client *)hsm;

    if (c == NULL)
        return;
    take_new_link(c);
    link_done(&c->link);
    pthread_mutex_destroy(&c->mu);
    free(c);
}

void hsm_client_relink(struct hsm_ops *hsm, int fd)
{
    struct hsm_client *c = (struct hsm_client *)hsm;
    int old = atomic_exchange(&c->new_fd, fd);

    if (old >= 0)
        close(old);
}

void hsm_call_for(struct hsm_ops *hsm, struct view request_id)
{
    hsm->request_id_len = 0;
    if (request_id.len == 0 || request_id.len > sizeof(hsm->request_id))
        return;
    memcpy(hsm->request_id, request_id.p, request_id.len);
    hsm->request_id_len = request_id.len;
}

static void count(struct hsm_numbers *n, uint16_t call, enum hufu_err err, uint64_t us)
{
    size_t at = (size_t)call - HSM_STATUS;

    atomic_fetch_add(&n->call[at].calls, 1);
    atomic_fetch_add(&n->call[at].us, us);
    if (err != HUFU_OK)
        atomic_fetch_add(&n->call[at].failures, 1);
    atomic_store(&n->up, err != HUFU_HSM_DOWN && err != HUFU_HSM_PIN);
}

/* One call whose answer is data (or, with text, the text). */
static enum hufu_err simple(struct hsm_ops *hsm, const struct hsm_request *asked, bool text,
                            struct buf *out)
{
    struct hsm_request req = *asked;
    struct hsm_reply reply = { 0 };
    uint64_t began = clock_us();
    struct buf mem;
    enum hufu_err err;

    if (req.call != HSM_SIGN)
        req.request_id = view_of(hsm->request_id, hsm->request_id_len);
    buf_init(&mem, CALL_BYTES_MAX);
    err = hsm->call(hsm, &req, &mem, &reply);
    count(&hsm->numbers, req.call, err, clock_us() - began);
    if (err == HUFU_OK && out != NULL) {
        struct view got = text ? reply.text : reply.data;

        buf_put(out, got.p, got.len);
        err = buf_check(out);
    }
    buf_done(&mem);
    return err;
}

enum hufu_err hsm_status(struct hsm_ops *hsm, struct buf *text_out)
{
    return simple(hsm, &(struct hsm_request){ .call = HSM_STATUS }, true, text_out);
}

enum hufu_err hsm_kek_make(struct hsm_ops *hsm, struct view id, struct buf *text_out)
{
    return simple(hsm, &(struct hsm_request){ .call = HSM_KEK_MAKE, .key_id = id }, true, text_out);
}

enum hufu_err hsm_kek_find(struct hsm_ops *hsm, struct view id, struct buf *text_out)
{
    return simple(hsm, &(struct hsm_request){ .call = HSM_KEK_FIND, .key_id = id }, true, text_out);
}

enum hufu_err hsm_seal(struct hsm_ops *hsm, struct view id, struct view aad, struct view text,
                       struct buf *out)
{
    struct hsm_request req = { .call = HSM_SEAL, .key_id = id, .aad = aad, .data = text };

    return simple(hsm, &req, false, out);
}

enum hufu_err hsm_open(struct hsm_ops *hsm, struct view id, struct view aad, struct view sealed,
                       struct buf *out)
{
    struct hsm_request req = { .call = HSM_OPEN, .key_id = id, .aad = aad, .data = sealed };

    return simple(hsm, &req, false, out);
}

enum hufu_err hsm_sign_make(struct hsm_ops *hsm, struct view id, struct buf *spki_out)
{
    struct hsm_request req = { .call = HSM_SIGN_MAKE, .key_id = id };

    return simple(hsm, &req, false, spki_out);
}

enum hufu_err hsm_sign_public(struct hsm_ops *hsm, struct view id, struct buf *spki_out)
{
    struct hsm_request req = { .call = HSM_SIGN_PUBLIC, .key_id = id };

    return simple(hsm, &req, false, spki_out);
}

enum hufu_err hsm_sign(struct hsm_ops *hsm, struct view id, struct view message,
                       struct buf *sig_out)
{
    struct hsm_request req = { .call = HSM_SIGN, .key_id = id, .data = message };

    return simple(hsm, &req, false, sig_out);
}
