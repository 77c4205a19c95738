/*
 * password.h - Argon2id password hashes: making, checking, storing, and generating first passwords.
 *
 * Layer:   vault/access/. Includes vault/base/ only. The only user of libargon2.
 * Threads: pure functions; a call holds `kib` KiB of memory and a CPU for its time: only the
 *          password thread may call password_make and password_check.
 * Source:  RFC 9106 (Argon2id, version 0x13).
 */
#ifndef HUFU_ACCESS_PASSWORD_H
#define HUFU_ACCESS_PASSWORD_H

#include <stdbool.h>
#include <stdint.h>

#include "vault/base/buf.h"
#include "vault/base/entropy.h"
#include "vault/base/err.h"

#define PASSWORD_MAX           256 /* bytes */
#define PASSWORD_SALT_LEN      16
#define PASSWORD_HASH_LEN      32
#define PASSWORD_KIB_MIN       8 /* the algorithm's own; settings ask for far more */
#define PASSWORD_KIB_MAX       4194304
#define PASSWORD_PASSES_MAX    64
#define PASSWORD_GENERATED_LEN 20 /* characters of 31: 99 bits */
#define PASSWORD_STORED_LEN    (PASSWORD_SALT_LEN + PASSWORD_HASH_LEN + 12)

struct password { /* SECRET as a whole: wiped by who holds it */
    uint8_t salt[PASSWORD_SALT_LEN];
    uint8_t hash[PASSWORD_HASH_LEN];
    uint32_t kib, passes, lanes; /* lanes is 1 */
};

/*
 * Hashes a password under a new salt.
 *
 * password: SECRET, 1..PASSWORD_MAX bytes.
 * Returns:  HUFU_OK; HUFU_RANGE (length, kib or passes); HUFU_IO (no entropy); HUFU_NOMEM. Out
 *           untouched on failure.
 */
HUFU_MUST_USE enum hufu_err password_make(struct draw *draw, struct view password, uint32_t kib,
                                          uint32_t passes, struct password *out);

/* True where the password is the one; the compare takes constant time. False too where the memory
 * for the hash is not to be had, and where password is longer than PASSWORD_MAX. */
bool password_check(const struct password *stored, struct view password);

/* What no password fits and costs as much to check: for people who do not exist. */
void password_dummy(uint32_t kib, uint32_t passes, struct password *out);

/* Writes a random password and its NUL. HUFU_IO, out untouched. SECRET: the caller wipes it. */
HUFU_MUST_USE enum hufu_err password_generate(struct draw *draw,
                                              char out[static PASSWORD_GENERATED_LEN + 1]);

/* PASSWORD_STORED_LEN bytes: salt, hash, kib, passes, lanes. */
void password_put(const struct password *stored, struct buf *out);
/* Fails the reader where bytes are missing or a cost is out of its bounds; out is zero then. */
void password_get(struct reader *r, struct password *out);

#endif
