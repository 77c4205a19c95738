/*
 * merkle.h - RFC 6962 trees: growing one, proving from one, checking proofs.
 *
 * Layer:   vault/base/. Includes err.h, buf.h.
 * Threads: pure functions; a struct merkle belongs to one thread at a time.
 * Source:  RFC 6962 section 2.1; RFC 9162 sections 2.1.3.2 and 2.1.4.2 (the checks);
 *          C2SP tlog-tiles (tiles of 256 hashes).
 *
 * The tree's inner hashes are reached through a callback that gives hash n of tile level l: the
 * root of the complete subtree over leaves [n*256^l, (n+1)*256^l). Level 0 is a leaf's hash.
 */
#ifndef HUFU_BASE_MERKLE_H
#define HUFU_BASE_MERKLE_H

#include <stddef.h>
#include <stdint.h>

#include "vault/base/buf.h"
#include "vault/base/err.h"

#define MERKLE_HASH_LEN   32
#define MERKLE_PROOF_MAX  64 /* hashes */
#define MERKLE_TILE_WIDTH 256

struct merkle_hash {
    uint8_t b[MERKLE_HASH_LEN];
};

/* SHA-256(0x00 || line) */
void merkle_leaf(struct view line, struct merkle_hash *out);
/* SHA-256(0x01 || left || right); out may be either input */
void merkle_node(const struct merkle_hash *left, const struct merkle_hash *right,
                 struct merkle_hash *out);

/* The frontier: the roots of the complete subtrees of a tree of size leaves, largest first
 * (one per set bit of size). */
struct merkle {
    uint64_t size;
    struct merkle_hash
        peak[64]; /* peak[k]: the subtree of 2^k leaves, where bit k of size is set */
};
void merkle_init(struct merkle *m);
/*
 * Adds a leaf. Where this completes subtrees of 256^l leaves (l >= 1), done(arg, l, n, hash) is
 * called for each, lowest first; done may be NULL.
 */
void merkle_add(struct merkle *m, const struct merkle_hash *leaf,
                void (*done)(void *arg, unsigned level, uint64_t n, const struct merkle_hash *hash),
                void *arg);
/* SHA-256("") for an empty tree. */
void merkle_root(const struct merkle *m, struct merkle_hash *out);
#define MERKLE_STORED_MAX (8 + 64 * MERKLE_HASH_LEN)
/* u64 size, then the peaks of the set bits, lowest first. */
void merkle_put(const struct merkle *m, struct buf *out);
HUFU_MUST_USE enum hufu_err merkle_get(struct view in, struct merkle *out);

/* Reads count hashes of tile level `level` beginning with number n; HUFU_OK or the reader's error.
 */
struct merkle_source {
    enum hufu_err (*read)(void *arg, unsigned level, uint64_t n, size_t count,
                          struct merkle_hash *out);
    void *arg;
};

/* Root of a tree's first size leaves. HUFU_RANGE above 2^62, or the source's error. A root or proof
 * costs a few reads, each of at most one tile and never past the tree's first size (to) leaves. */
HUFU_MUST_USE enum hufu_err merkle_root_at(const struct merkle_source *src, uint64_t size,
                                           struct merkle_hash *out);
/* index < size <= 2^62. Gives at most MERKLE_PROOF_MAX hashes. HUFU_RANGE, or the source's error.
 */
HUFU_MUST_USE enum hufu_err merkle_prove(const struct merkle_source *src, uint64_t index,
                                         uint64_t size, struct merkle_hash *out, size_t *count_out);
/* 1 <= from <= to <= 2^62; no hashes where from == to. HUFU_RANGE, or the source's error. */
HUFU_MUST_USE enum hufu_err merkle_prove_grown(const struct merkle_source *src, uint64_t from,
                                               uint64_t to, struct merkle_hash *out,
                                               size_t *count_out);

/* HUFU_OK where the path leads from the leaf to the root; HUFU_CORRUPT else. */
HUFU_MUST_USE enum hufu_err merkle_check(const struct merkle_hash *leaf, uint64_t index,
                                         uint64_t size, const struct merkle_hash *path,
                                         size_t path_count, const struct merkle_hash *root);
/* HUFU_OK where the tree of `to` leaves begins with the tree of `from`; HUFU_CORRUPT else. */
HUFU_MUST_USE enum hufu_err merkle_check_grown(uint64_t from, const struct merkle_hash *from_root,
                                               uint64_t to, const struct merkle_hash *to_root,
                                               const struct merkle_hash *path, size_t path_count);

#endif
