/*
 * entropy.h - random bytes and unbiased random numbers, behind an ops struct so that tests own
 * them.
 *
 * Layer:   vault/base/. Includes err.h only.
 * Threads: entropy_system is safe from any thread; a struct draw belongs to one thread.
 * Source:  NIST SP 800-90A rev. 1, section 10.2.1 (CTR_DRBG); OpenSSL RAND_priv_bytes(3);
 *          madvise(2); Lemire, "Fast Random Integer Generation in an Interval", ACM TOMACS 29(1),
 *          2019 (rejection keeps it exactly uniform).
 *
 * Forward-secure: who reads the memory learns nothing of what was drawn before. The generator is a
 * CTR_DRBG with AES-256 of each thread, which replaces its key with every fill and is seeded from
 * the kernel again after 2^16 fills, 7 minutes, or a fork, whichever comes first. A fill costs
 * the same for few bytes as for many, so each thread draws from a stock.
 */
#ifndef HUFU_BASE_ENTROPY_H
#define HUFU_BASE_ENTROPY_H

#include <stddef.h>
#include <stdint.h>

#include "vault/base/err.h"

struct entropy_ops {
    /* Fills out; HUFU_IO where the generator fails, and then the caller must fail too. */
    enum hufu_err (*fill)(const struct entropy_ops *e, uint8_t *out, size_t out_len) HUFU_MUST_USE;
};

/* The private generator of OpenSSL. */
extern const struct entropy_ops entropy_system;

#define DRAW_STOCK_BYTES 8192 /* with its count: whole pages */

/* Lies in pages of its own that the kernel zeroes in a child after fork, however it was made: the
 * child finds nothing left and fills anew. They are in no core dump. */
struct draw_stock {
    size_t left; /* bytes not yet used, at the end */
    uint8_t bytes[DRAW_STOCK_BYTES - sizeof(size_t)];
};

/* Random bytes from a stock; each byte is used once and wiped as it is handed out. */
struct draw {
    const struct entropy_ops *ops;
    struct draw_stock *stock; /* NULL: no such pages were to be had; each draw asks ops, slowly */
};

void draw_init(struct draw *d, const struct entropy_ops *ops);
void draw_done(struct draw *d); /* wipes; what is drawn afterwards comes without a stock */
/* HUFU_IO, out untouched. */
HUFU_MUST_USE enum hufu_err draw_bytes(struct draw *d, uint8_t *out, size_t out_len);
/* A number in 0..n-1, exactly uniform; n >= 1. HUFU_IO, out untouched. */
HUFU_MUST_USE enum hufu_err draw_below(struct draw *d, uint64_t n, uint64_t *out);

#endif
