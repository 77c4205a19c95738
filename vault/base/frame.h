/*
 * frame.h - frames over a stream socket: the only thing the three processes say to each other.
 *
 * Layer:   vault/base/. Includes err.h, buf.h.
 * Threads: one thread reads a link; writing has a lock of its own and any thread may write.
 *
 * Header, 16 bytes, little-endian: u32 length of the body, u16 type, u16 version (1), u64 id.
 * The body is at most FRAME_BODY_MAX bytes. A header that breaks this closes the link.
 */
#ifndef HUFU_BASE_FRAME_H
#define HUFU_BASE_FRAME_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vault/base/buf.h"
#include "vault/base/err.h"

#define FRAME_VERSION    1
#define FRAME_HEADER_LEN 16
#define FRAME_MAX        (2U * 1024 * 1024) /* bytes, header and body */
#define FRAME_BODY_MAX   (FRAME_MAX - FRAME_HEADER_LEN)
#define FRAME_PARTS_MAX  2 /* pieces of a body */

struct frame {
    uint16_t type;
    uint64_t id;
    struct view body; /* borrowed from the link until the next read */
};

void frame_header_put(uint8_t out[static FRAME_HEADER_LEN], uint32_t body_len, uint16_t type,
                      uint64_t id);
/* HUFU_CORRUPT on a bad version or length; outputs untouched. */
HUFU_MUST_USE enum hufu_err frame_header_get(const uint8_t in[static FRAME_HEADER_LEN],
                                             uint32_t *body_len_out, uint16_t *type_out,
                                             uint64_t *id_out);

struct link {           /* one end of a socketpair */
    int fd;             /* non-blocking; -1: closed */
    pthread_mutex_t mu; /* guards out, out_off and holds */
    struct buf out;     /* bytes that the socket did not take yet */
    size_t out_off;
    unsigned holds; /* link_hold without its link_release: frames are gathered in out */
    struct buf in;  /* bytes read and not yet given out */
    size_t in_off;
};

/* Takes fd over and makes it non-blocking. out_max: bytes that may wait to be written. */
void link_init(struct link *l, int fd, size_t out_max);
/* Closes, wipes both buffers. */
void link_done(struct link *l);

/*
 * Sends one frame, or queues what the socket does not take now (never blocks).
 * HUFU_CLOSED; HUFU_BUSY where out_max would be passed (nothing is sent then); HUFU_RANGE.
 */
HUFU_MUST_USE enum hufu_err link_send(struct link *l, uint16_t type, uint64_t id, struct view body);
/* The same for a body that lies in FRAME_PARTS_MAX pieces at most: nobody has to join them first.
 */
HUFU_MUST_USE enum hufu_err link_send_parts(struct link *l, uint16_t type, uint64_t id,
                                            const struct view *part, size_t part_count);
/* Frames are gathered, to leave in one write, until everyone who said so has said link_release. A
 * large one leaves at once, with those before it. */
void link_hold(struct link *l);
/* Ends one link_hold and writes what waits, whoever else still gathers. As link_flush. */
HUFU_MUST_USE enum hufu_err link_release(struct link *l, bool *left_out);
/* Writes what waits; *left_out tells whether some still does (then wait for POLLOUT). HUFU_CLOSED.
 */
HUFU_MUST_USE enum hufu_err link_flush(struct link *l, bool *left_out);
bool link_wants_write(struct link *l); /* something waits for the socket, not for link_release */

/* Reads what is there into the input buffer: HUFU_OK (also when nothing was there), HUFU_CLOSED. */
HUFU_MUST_USE enum hufu_err link_fill(struct link *l);
/* Gives the next complete frame of the input buffer: HUFU_OK; HUFU_NOT_FOUND (none complete);
 * HUFU_CORRUPT (close the link). The body is valid until link_fill or link_done. */
HUFU_MUST_USE enum hufu_err link_next(struct link *l, struct frame *out);

/* Passes fd (or -1) with a one-byte kind over a control socket (SEQPACKET). HUFU_IO, HUFU_CLOSED.
 */
HUFU_MUST_USE enum hufu_err control_send(int control_fd, uint8_t kind, int fd);
/* Receives one; *fd_out is -1 where none came, else the caller's (CLOEXEC). Non-blocking socket:
 * HUFU_NOT_FOUND where nothing waits. HUFU_CLOSED, HUFU_CORRUPT. */
HUFU_MUST_USE enum hufu_err control_recv(int control_fd, uint8_t *kind_out, int *fd_out);

/* Kinds on the control sockets between hufud and its roles. */
enum control_kind {
    CONTROL_LINK_FRONT = 1, /* to core: a new link to the front comes along */
    CONTROL_LINK_HSM,       /* to core: a new link to the hsm process */
    CONTROL_LINK_CORE,      /* to front, hsm, alarm: a new link to the core */
    CONTROL_LINK_ALARM,     /* to core: a new link to the alarm process */
    CONTROL_READY,          /* from a role: it serves */
    CONTROL_HSM_STUCK, /* from core: the hsm process missed its deadline; end it, start it again */
    CONTROL_DRAIN,     /* to front: take no new connections, finish, then exit */
    CONTROL_RELOAD,    /* to a role: SIGHUP came */
    CONTROL_INIT_DONE, /* from core: `hufud --init` has finished */
    CONTROL_FATAL,     /* from a role: do not start me again (the reason is in its log) */
    CONTROL_LEVEL,     /* to a role: this plus an enum log_level; SIGHUP found that in the file */
    CONTROL_LAST = CONTROL_LEVEL + 3
};

#endif
