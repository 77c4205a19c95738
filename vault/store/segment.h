/*
 * segment.h - one file of the journal: preallocated, its groups one behind another, each on pages
 * of its own and under a checksum.
 *
 * Layer:   vault/store/. Includes vault/base/ only.
 * Threads: none of its own; the caller's locks (segments.h).
 *
 * A durable group is one write and one fdatasync of blocks that the file already has, so that the
 * file system has nothing of its own to write. Layout: vault/FORMATS.md, "Segments". A page that
 * holds a group is never written again, so that a torn write harms nothing that was answered.
 */
#ifndef HUFU_STORE_SEGMENT_H
#define HUFU_STORE_SEGMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vault/base/buf.h"
#include "vault/base/err.h"

#define SEGMENT_FORMAT     1
#define SEGMENT_PAGE       4096u
#define SEGMENT_SALT_LEN   16
#define SEGMENT_DIGEST_LEN 32
#define SEGMENT_HEADER_LEN 56  /* of the file */
#define SEGMENT_GROUP_LEN  116 /* of a group, before its body */
#define SEGMENT_ITEM_LEN   8
#define SEGMENT_SUM_LEN    32
#define SEGMENT_HEAD_LEN   (SEGMENT_GROUP_LEN - SEGMENT_SUM_LEN) /* what stands before it */

#define SEGMENT_GROUP_MAGIC 0x47554648u /* "HFUG" */

struct segment {
    int fd;                                 /* -1: none */
    uint64_t number;                        /* segments are filled in this order */
    uint64_t bytes;                         /* of the file */
    uint64_t used;                          /* where the next group begins */
    uint64_t groups;                        /* in it */
    uint64_t first_seq, end_seq, end_group; /* where it has groups: seq of its first operation, … */
    uint8_t salt[SEGMENT_SALT_LEN];         /* … and one past its last one and last group */
};

struct segment_item { /* one operation: where its bytes end in lines and in writes */
    size_t line_end, writes_end;
};
struct segment_group {
    uint64_t number; /* groups are counted from 0 on through all segments */
    uint64_t first_seq, now_ms;
    size_t item_count, meta_count;
    const struct segment_item *item; /* of a group that was read: NULL, … */
    struct view table;               /* … and this holds them: segment_item_at has both */
    struct view lines, writes;
    struct view metas;     /* lv16 key and lv32 value for each */
    const uint8_t *digest; /* SEGMENT_DIGEST_LEN bytes; NULL: none */
};

/* Writes zeros over [at, at + len) and makes them durable. HUFU_FULL, HUFU_IO. */
HUFU_MUST_USE enum hufu_err segment_clear(int fd, uint64_t at, uint64_t len);
/* Writes the header of a file of s->bytes zeros, with a new salt, durable. HUFU_FULL, HUFU_IO. */
HUFU_MUST_USE enum hufu_err segment_begin(struct segment *s);
/* Reads the header of s->fd; sets the rest. HUFU_CORRUPT, HUFU_IO. */
HUFU_MUST_USE enum hufu_err segment_load(struct segment *s);

/* A group's checksum. The salt makes bytes of the file's earlier life, or chosen by a caller, no
 * group of this one. HUFU_IO. */
HUFU_MUST_USE enum hufu_err segment_sum(const struct segment *s, struct view head,
                                        const struct view *body, size_t body_count,
                                        uint8_t out[static SEGMENT_SUM_LEN]);
/* Bytes that the group takes of a segment. */
uint64_t segment_need(const struct segment_group *g);
/*
 * One durable group behind those that are there. scratch is emptied and used for what leads it.
 * Returns: HUFU_OK; HUFU_RANGE (no room in this segment), HUFU_NOMEM, HUFU_FULL (nothing was
 * written: the next one begins at the same place); HUFU_IO (what is on the disk is not known).
 */
HUFU_MUST_USE enum hufu_err segment_write(struct segment *s, const struct segment_group *g,
                                          struct buf *scratch);

/* The groups of a segment, in order (segment_walk.c); what is given out borrows from the walk. */
struct segment_walk {
    struct segment *s;
    const uint8_t *bytes; /* the file's */
    bool trusts;          /* checksums were verified by an earlier walk */
    uint64_t at;
};
/* HUFU_NOMEM, HUFU_IO, HUFU_CORRUPT (the file is shorter than its header says). */
HUFU_MUST_USE enum hufu_err segment_walk_begin(struct segment_walk *w, struct segment *s);
/*
 * HUFU_OK; HUFU_NOT_FOUND (that was the last one: the end, or one that was never answered because
 * its write was cut off); HUFU_CORRUPT (a damaged one before a good one).
 */
HUFU_MUST_USE enum hufu_err segment_walk_next(struct segment_walk *w, struct segment_group *out);
void segment_walk_end(struct segment_walk *w);
/* Writes the bytes of [at, used) once more: a group that a failed sync left in memory alone would
 * be found, and lost with the power. HUFU_FULL, HUFU_IO, HUFU_NOMEM. */
HUFU_MUST_USE enum hufu_err segment_affirm(const struct segment *s, uint64_t at);
/* Item i < item_count. */
struct segment_item segment_item_at(const struct segment_group *g, size_t i);

#endif
