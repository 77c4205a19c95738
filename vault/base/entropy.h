/*
 * entropy.h - random bytes and unbiased random numbers, behind an ops struct so that tests own
 * them.
 *
 * Layer:   vault/base/. Includes err.h only.
 * Threads: entropy_system is safe from any thread; a struct draw belongs to one thread.
 * Source:  OpenSSL RAND_priv_bytes(3); Lemire, "Fast Random Integer Generation in an Interval",
 *          ACM TOMACS 29(1), 2019 (rejection keeps it exactly uniform).
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

/* A small stock of random bytes; each byte is used once and wiped. Not kept across fork. */
struct draw {
    const struct entropy_ops *ops;
    size_t left; /* bytes not yet used, at the end of stock */
    uint8_t stock[2048];
};

void draw_init(struct draw *d, const struct entropy_ops *ops);
void draw_done(struct draw *d);
HUFU_MUST_USE enum hufu_err draw_bytes(struct draw *d, uint8_t *out, size_t out_len);
/* A number in 0..n-1, exactly uniform; n >= 1. HUFU_IO, out untouched. */
HUFU_MUST_USE enum hufu_err draw_below(struct draw *d, uint64_t n, uint64_t *out);

#endif
