#include "vault/base/frame.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "vault/base/secret.h"

#define READ_BYTES  65536 /* asked of the socket at once */
#define LARGE_BYTES 16384 /* a frame from here on is not copied to wait for others */
#define CONTROL_FDS 4     /* descriptors that one control message could bring; one is allowed */

void frame_header_put(uint8_t out[static FRAME_HEADER_LEN], uint32_t body_len, uint16_t type,
                      uint64_t id)
{
    struct buf b;

    assert(body_len <= FRAME_BODY_MAX);
    buf_fixed(&b, out, FRAME_HEADER_LEN);
    buf_u32(&b, body_len);
    buf_u16(&b, type);
    buf_u16(&b, FRAME_VERSION);
    buf_u64(&b, id);
}

enum hufu_err frame_header_get(const uint8_t in[static FRAME_HEADER_LEN], uint32_t *body_len_out,
                               uint16_t *type_out, uint64_t *id_out)
{
    struct reader r;
    uint32_t body_len;
    uint16_t type;

    reader_init(&r, in, FRAME_HEADER_LEN);
    body_len = reader_u32(&r);
    type = reader_u16(&r);
    if (reader_u16(&r) != FRAME_VERSION || body_len > FRAME_BODY_MAX)
        return HUFU_CORRUPT;
    *body_len_out = body_len;
    *type_out = type;
    *id_out = reader_u64(&r);
    return HUFU_OK;
}

void link_init(struct link *l, int fd, size_t out_max)
{
    int flags = fcntl(fd, F_GETFL);

    assert(out_max <= SIZE_MAX / 2);
    *l = (struct link){ .fd = fd };
    pthread_mutex_init(&l->mu, NULL);
    /* Twice: bytes that were sent leave the front of the buffer only when they are half of it. */
    buf_init(&l->out, 2 * out_max);
    buf_init(&l->in, FRAME_MAX + READ_BYTES);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0)
        l->fd = -1; /* no descriptor at all: every call says HUFU_CLOSED */
}

void link_done(struct link *l)
{
    if (l->fd >= 0)
        close(l->fd);
    l->fd = -1;
    buf_done(&l->out);
    buf_done(&l->in);
    /* The mutex stays: another thread may be about to ask a closed link whether it wants writing.
     */
}

/* Sends what the socket takes of iov; *sent_out is 0 where it is full. */
static enum hufu_err send_some(int fd, struct iovec *iov, size_t iov_count, size_t *sent_out)
{
    struct msghdr msg = { .msg_iov = iov, .msg_iovlen = iov_count };
    ssize_t n;

    do {
        n = sendmsg(fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (n < 0 && errno == EINTR);
    if (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != ENOBUFS)
        return HUFU_CLOSED;
    *sent_out = n < 0 ? 0 : (size_t)n;
    return HUFU_OK;
}

/* Drops the first n bytes of b and closes the gap; nothing of them stays behind. */
static void drop_front(struct buf *b, size_t n)
{
    size_t left = b->len - n;

    if (n == 0)
        return;
    if (left > 0)
        memmove(b->p, b->p + n, left);
    wipe(b->p + left, n);
    b->len = left;
}

/* Appends what of the parts lies behind the first `skip` bytes. */
static enum hufu_err keep_rest(struct link *l, const struct iovec *part, size_t part_count,
                               size_t skip)
{
    if (l->out_off >= l->out.len - l->out_off) {
        drop_front(&l->out, l->out_off);
        l->out_off = 0;
    }
    for (size_t i = 0; i < part_count; i++) {
        size_t sent = skip < part[i].iov_len ? skip : part[i].iov_len;

        buf_put(&l->out, (const uint8_t *)part[i].iov_base + sent, part[i].iov_len - sent);
        skip -= sent;
    }
    if (buf_check(&l->out) == HUFU_OK)
        return HUFU_OK;
    /* Half a frame is out and there is no memory for the rest: the stream is of no use any more. */
    shutdown(l->fd, SHUT_RDWR);
    return HUFU_CLOSED;
}

/* Wipes and drops what was sent of the bytes that waited. */
static void out_sent(struct link *l, size_t sent)
{
    wipe(l->out.p + l->out_off, sent);
    l->out_off += sent;
    if (l->out_off == l->out.len) { /* all of it is wiped already */
        l->out.len = 0;
        l->out_off = 0;
    }
}

/* Sends neighbouring parts, what was gathered before them; keeps what the socket does not take. */
static enum hufu_err send_now(struct link *l, struct iovec *part, size_t part_count, size_t whole)
{
    size_t waited = l->out.len - l->out_off, sent = 0;
    struct iovec all[2 + FRAME_PARTS_MAX];
    size_t count = 0;
    enum hufu_err err;

    if (waited > 0)
        all[count++] = (struct iovec){ l->out.p + l->out_off, waited };
    for (size_t i = 0; i < part_count; i++)
        all[count++] = part[i];
    err = send_some(l->fd, all, count, &sent);
    if (err != HUFU_OK)
        return err;
    if (waited > 0)
        out_sent(l, sent < waited ? sent : waited);
    sent = sent < waited ? 0 : sent - waited;
    return sent < whole ? keep_rest(l, part, part_count, sent) : HUFU_OK;
}

/* Sends or keeps neighbouring parts; all or nothing from the caller's view. */
static enum hufu_err send_or_keep(struct link *l, struct iovec *part, size_t part_count,
                                  size_t whole)
{
    enum hufu_err err;

    pthread_mutex_lock(&l->mu);
    if (l->fd < 0 || l->out.failed)
        err = HUFU_CLOSED;
    else if (whole > l->out.max / 2 - (l->out.len - l->out_off))
        err = HUFU_BUSY;
    else if (l->holds > 0 ? whole >= LARGE_BYTES : l->out.len == l->out_off)
        err = send_now(l, part, part_count, whole);
    else
        err = keep_rest(l, part, part_count, 0);
    pthread_mutex_unlock(&l->mu);
    return err;
}

enum hufu_err link_send_parts(struct link *l, uint16_t type, uint64_t id, const struct view *part,
                              size_t part_count)
{
    uint8_t header[FRAME_HEADER_LEN];
    struct iovec all[1 + FRAME_PARTS_MAX] = { { header, sizeof(header) } };
    size_t len = 0, count = 1;

    assert(part_count <= FRAME_PARTS_MAX);
    for (size_t i = 0; i < part_count; i++) {
        if (part[i].len > FRAME_BODY_MAX - len)
            return HUFU_RANGE;
        len += part[i].len;
        if (part[i].len > 0)
            all[count++] = (struct iovec){ (void *)part[i].p, part[i].len };
    }
    frame_header_put(header, (uint32_t)len, type, id);
    return send_or_keep(l, all, count, sizeof(header) + len);
}

enum hufu_err link_send(struct link *l, uint16_t type, uint64_t id, struct view body)
{
    return link_send_parts(l, type, id, &body, 1);
}

void link_hold(struct link *l)
{
    pthread_mutex_lock(&l->mu);
    l->holds++;
    pthread_mutex_unlock(&l->mu);
}

enum hufu_err link_release(struct link *l, bool *left_out)
{
    pthread_mutex_lock(&l->mu);
    if (l->holds > 0) /* a link that replaced the one that was held begins at 0 */
        l->holds--;
    pthread_mutex_unlock(&l->mu);
    return link_flush(l, left_out);
}

enum hufu_err link_flush(struct link *l, bool *left_out)
{
    enum hufu_err err = HUFU_OK;
    size_t sent = 1;

    pthread_mutex_lock(&l->mu);
    if (l->fd < 0 || l->out.failed)
        err = HUFU_CLOSED;
    while (err == HUFU_OK && sent > 0 && l->out_off < l->out.len) {
        struct iovec iov = { l->out.p + l->out_off, l->out.len - l->out_off };

        err = send_some(l->fd, &iov, 1, &sent);
        if (err != HUFU_OK)
            break;
        out_sent(l, sent);
    }
    if (err == HUFU_OK)
        *left_out = l->out_off < l->out.len;
    pthread_mutex_unlock(&l->mu);
    return err;
}

bool link_wants_write(struct link *l)
{
    bool wants;

    pthread_mutex_lock(&l->mu);
    wants = l->out_off < l->out.len && l->holds == 0;
    pthread_mutex_unlock(&l->mu);
    return wants;
}

/* Whether a frame, or a header that link_next will refuse, stands complete in the input buffer. */
static bool has_next(const struct link *l)
{
    size_t have = l->in.len - l->in_off;
    uint32_t body_len;
    uint16_t type;
    uint64_t id;

    if (have < FRAME_HEADER_LEN)
        return false;
    if (frame_header_get(l->in.p + l->in_off, &body_len, &type, &id) != HUFU_OK)
        return true;
    return body_len <= have - FRAME_HEADER_LEN;
}

enum hufu_err link_fill(struct link *l)
{
    size_t room;
    ssize_t n;

    if (l->fd < 0)
        return HUFU_CLOSED;
    drop_front(&l->in, l->in_off);
    l->in_off = 0;
    if (l->in.len > FRAME_MAX)
        return HUFU_OK; /* the caller has frames to take first */
    if (l->in.cap - l->in.len < READ_BYTES) {
        if (!buf_space(&l->in, READ_BYTES))
            return HUFU_CLOSED;
        l->in.len -= READ_BYTES;
    }
    room = l->in.cap - l->in.len;
    do {
        n = recv(l->fd, l->in.p + l->in.len, room, 0);
    } while (n < 0 && errno == EINTR);
    if (n > 0)
        l->in.len += (size_t)n;
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        return HUFU_OK;
    return n > 0 || has_next(l) ? HUFU_OK : HUFU_CLOSED;
}

enum hufu_err link_next(struct link *l, struct frame *out)
{
    size_t have = l->in.len - l->in_off;
    const uint8_t *at;
    uint32_t body_len;
    enum hufu_err err;
    uint16_t type;
    uint64_t id;

    if (have == 0 && l->in_off > 0) { /* all was given out and read: values must not stay behind */
        buf_reset(&l->in);
        l->in_off = 0;
    }
    if (have < FRAME_HEADER_LEN)
        return HUFU_NOT_FOUND;
    at = l->in.p + l->in_off;
    err = frame_header_get(at, &body_len, &type, &id);
    if (err != HUFU_OK)
        return err;
    if (body_len > have - FRAME_HEADER_LEN)
        return HUFU_NOT_FOUND;
    *out = (struct frame){ type, id, view_of(at + FRAME_HEADER_LEN, body_len) };
    l->in_off += FRAME_HEADER_LEN + body_len;
    return HUFU_OK;
}

enum hufu_err control_send(int control_fd, uint8_t kind, int fd)
{
    union {
        struct cmsghdr head; /* for its alignment */
        uint8_t bytes[CMSG_SPACE(sizeof(int))];
    } room = { .bytes = { 0 } };
    struct iovec iov = { &kind, 1 };
    struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
    ssize_t n;

    if (fd >= 0) {
        struct cmsghdr *c;

        msg.msg_control = room.bytes;
        msg.msg_controllen = sizeof(room.bytes);
        c = CMSG_FIRSTHDR(&msg);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(c), &fd, sizeof(fd));
    }
    do {
        n = sendmsg(control_fd, &msg, MSG_NOSIGNAL);
    } while (n < 0 && errno == EINTR);
    if (n == 1)
        return HUFU_OK;
    return errno == EPIPE || errno == ECONNRESET || errno == ENOTCONN ? HUFU_CLOSED : HUFU_IO;
}

/* Takes over every descriptor of a message; returns how many there are. */
static size_t take_fds(struct msghdr *msg, int fds[static CONTROL_FDS])
{
    size_t count = 0;

    for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
        size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        for (size_t i = 0; i < n && count < CONTROL_FDS; i++)
            memcpy(&fds[count++], CMSG_DATA(c) + i * sizeof(int), sizeof(int));
    }
    return count;
}

enum hufu_err control_recv(int control_fd, uint8_t *kind_out, int *fd_out)
{
    union {
        struct cmsghdr head; /* for its alignment */
        uint8_t bytes[CMSG_SPACE(CONTROL_FDS * sizeof(int))];
    } room = { .bytes = { 0 } };
    uint8_t kind[2]; /* one too many, so that a longer message is noticed */
    struct iovec iov = { kind, sizeof(kind) };
    struct msghdr msg = { .msg_iov = &iov,
                          .msg_iovlen = 1,
                          .msg_control = room.bytes,
                          .msg_controllen = sizeof(room.bytes) };
    int fds[CONTROL_FDS];
    size_t fds_count;
    ssize_t n;

    do {
        n = recvmsg(control_fd, &msg, MSG_CMSG_CLOEXEC);
    } while (n < 0 && errno == EINTR);
    if (n < 0)
        return errno == EAGAIN || errno == EWOULDBLOCK ? HUFU_NOT_FOUND : HUFU_CLOSED;
    fds_count = take_fds(&msg, fds);
    if (n != 1 || fds_count > 1 || (msg.msg_flags & MSG_CTRUNC) || kind[0] < CONTROL_LINK_FRONT ||
        kind[0] > CONTROL_LAST) {
        for (size_t i = 0; i < fds_count; i++)
            close(fds[i]);
        return n == 0 ? HUFU_CLOSED : HUFU_CORRUPT;
    }
    *kind_out = kind[0];
    *fd_out = fds_count == 1 ? fds[0] : -1;
    return HUFU_OK;
}
