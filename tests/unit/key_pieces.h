/*
 * key_pieces.h - keys for tests of what uses keys: with known bytes, in a ring or alone.
 *
 * Layer:   tests. Includes vault/keys/keyring.h; after cmocka.h.
 * Threads: one.
 */
#ifndef HUFU_TESTS_KEY_PIECES_H
#define HUFU_TESTS_KEY_PIECES_H

#include <stdlib.h>

#include "vault/keys/keyring.h"

#define HEAP_BYTES 262144

/* A key of KEY_LEN times fill; one lease is reserved. */
static inline struct key *key_new(uint32_t domain, enum key_kind kind, uint32_t version,
                                  uint8_t fill)
{
    struct key *k = calloc(1, sizeof(*k));

    assert_non_null(k);
    assert_int_equal(secret_new(KEY_LEN, &k->secret), HUFU_OK);
    memset(secret_write(k->secret), fill, KEY_LEN);
    k->domain = domain;
    k->kind = (uint8_t)kind;
    k->version = version;
    k->serial = (uint32_t)fill + 1;
    atomic_init(&k->state, KEY_ACTIVE);
    atomic_init(&k->leased, KEY_LEASE);
    return k;
}

static inline void key_drop(struct key *k)
{
    secret_free(k->secret);
    free(k);
}

static inline struct key *key_put(struct keyring *ring, uint32_t domain, enum key_kind kind,
                                  uint32_t version, uint8_t fill)
{
    struct key *k = key_new(domain, kind, version, fill);

    assert_int_equal(keyring_put(ring, k), HUFU_OK);
    return k;
}

static inline int heap_setup(void **state)
{
    (void)state;
    return secret_heap_init(HEAP_BYTES) == HUFU_OK ? 0 : -1;
}

#endif
