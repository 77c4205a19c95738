/*
 * keyring.h - the data, index and system keys that are unwrapped, by domain, kind and version.
 *
 * Layer:   vault/keys/. Includes vault/base/ only.
 * Threads: safe from any thread. A struct key that was found stays valid until keyring_free.
 * Source:  NIST SP 800-57 part 1 rev. 5, section 7 (key states).
 */
#ifndef HUFU_KEYS_KEYRING_H
#define HUFU_KEYS_KEYRING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "vault/base/err.h"
#include "vault/base/secret.h"

#define KEY_LEN       32           /* bytes, every kind */
#define KEY_SYSTEM    0            /* the domain of the system's own keys */
#define KEY_SEALS_MAX (1ULL << 32) /* SP 800-38D section 8.3, random nonces */
#define KEY_UNCOUNTED UINT64_MAX
#define KEY_LEASE     (1ULL << 20) /* seals reserved by one operation */

enum key_kind { KEY_DATA = 1, KEY_INDEX, KEY_CONTROL, KEY_LOGID, KEY_MAC, KEY_FF1 };

enum key_state {
    KEY_PRE_ACTIVE = 1,
    KEY_ACTIVE,
    KEY_DEACTIVATED,
    KEY_COMPROMISED,
    KEY_DESTROYED,
};

/* "pre-active", "active", …; "?" outside the enum. */
const char *key_state_name(unsigned state);
/* "data", "index", …; "?" outside the enum. */
const char *key_kind_name(unsigned kind);

struct key {
    uint32_t domain;
    uint8_t kind;
    uint32_t version;
    uint32_t serial;       /* of this process: contexts are cached by it */
    struct secret *secret; /* KEY_LEN bytes */
    _Atomic uint8_t state;
    _Atomic uint32_t kek_version;
    _Atomic uint64_t row_seq; /* the operation that wrote its row */
    _Atomic uint64_t used;    /* seals made, at most leased */
    _Atomic uint64_t leased;  /* seals that the journal has reserved */
    _Atomic uint64_t records; /* rows under it when they were last counted; KEY_UNCOUNTED */
    uint64_t created_ms;
};

struct keyring; /* opaque */

HUFU_MUST_USE enum hufu_err keyring_new(struct keyring **out);
void keyring_free(struct keyring *ring); /* wipes; NULL is fine */

/* Takes key over (also its secret) and gives it a serial. HUFU_CONFLICT where it is there already,
 * HUFU_NOMEM: the key stays the caller's. */
HUFU_MUST_USE enum hufu_err keyring_put(struct keyring *ring, struct key *key);

/* True where it is there, in whatever state. */
bool keyring_has(struct keyring *ring, uint32_t domain, enum key_kind kind, uint32_t version);
/* The version in state active, or NULL. */
struct key *keyring_active(struct keyring *ring, uint32_t domain, enum key_kind kind);
/* That version, or NULL; a destroyed one is not found. */
struct key *keyring_find(struct keyring *ring, uint32_t domain, enum key_kind kind,
                         uint32_t version);
/* The i-th key in order of domain, kind, version; NULL past the end. */
struct key *keyring_at(struct keyring *ring, size_t i);

/* True for the kinds that seal (data, control): only their uses are counted. */
bool key_seals(const struct key *key);
/* True for a domain's key that is deactivated: it may be destroyed once no row needs it. Of an FF1
 * key no row tells: whoever has it destroyed gives its tokens up. */
bool key_can_end(const struct key *key);
/* The secret of a key that nothing needs any more is wiped; from then on it is not found, only
 * listed. Nobody may be using it. */
void key_end(struct key *key);
/* How many keys of this process were ended: crypt.c forgets its contexts when that has changed. */
uint32_t key_ends(void);
/* Counts so many seals: HUFU_OK; HUFU_EXHAUSTED where the lease has fewer left: none is counted. */
HUFU_MUST_USE enum hufu_err key_count_seals(struct key *key, uint64_t count);
/* True where less than half a lease is left (and the limit of the key is not reached). */
bool key_wants_lease(const struct key *key);

#endif
