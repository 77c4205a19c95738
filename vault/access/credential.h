/*
 * credential.h - the keys and the recovery codes that a person has: their rows, found and written.
 *
 * Layer:   vault/access/. Includes fido.h, directory.h.
 * Threads: as the directory; the rest are pure functions.
 * Source:  vault/FORMATS.md section 5. Every *_get returns HUFU_OK or HUFU_CORRUPT, out untouched
 * then; seq and user_id are the caller's to set.
 *
 * Both lie in TABLE_CREDENTIAL: user id be32, then the first 16 bytes of SHA-256 of the
 * credential's id; 16 zeros for the recovery codes.
 */
#ifndef HUFU_ACCESS_CREDENTIAL_H
#define HUFU_ACCESS_CREDENTIAL_H

#include <stdbool.h>

#include "vault/access/directory.h"
#include "vault/access/fido.h"

#define CREDENTIAL_KEYS_MAX 4  /* of one person, disabled ones included */
#define CREDENTIAL_NAME_LEN 16 /* bytes of a credential's name: what the log calls it */
#define CREDENTIAL_KEY_LEN  (4 + CREDENTIAL_NAME_LEN)
#define CREDENTIAL_ROW_MAX  1024 /* bytes of either row */
#define RECOVERY_CODES      8

enum credential_state {
    CREDENTIAL_ACTIVE = 1,
    CREDENTIAL_DISABLED, /* its counter went back: somebody has a copy */
};

struct credential {
    uint32_t user_id;
    uint64_t seq;
    uint8_t state; /* enum credential_state */
    uint8_t flags; /* as it was enrolled: 8 may be copied, 16 is copied */
    uint8_t id[FIDO_ID_MAX];
    size_t id_len;
    struct fido_public public;
    uint8_t aaguid[FIDO_AAGUID_LEN];
    uint32_t count; /* of signatures; 0: the key does not count */
    uint64_t created_ms, used_ms;
};

struct recovery { /* what is left of the codes that were shown last */
    uint32_t user_id;
    uint64_t seq, created_ms;
    size_t count;
    uint8_t digest[RECOVERY_CODES][32]; /* keyed */
};

void credential_put(const struct credential *c, struct buf *out);
void recovery_put(const struct recovery *r, struct buf *out);
HUFU_MUST_USE enum hufu_err credential_get(struct view in, struct credential *out);
HUFU_MUST_USE enum hufu_err recovery_get(struct view in, struct recovery *out);

/* The first 16 bytes of SHA-256 of the id. HUFU_IO. */
HUFU_MUST_USE enum hufu_err credential_name(struct view id,
                                            uint8_t out[static CREDENTIAL_NAME_LEN]);
/* Its row's key without the table byte; recovery codes have a name of zeros. */
void credential_row_key(uint32_t user_id, const uint8_t name[static CREDENTIAL_NAME_LEN],
                        uint8_t out[static CREDENTIAL_KEY_LEN]);

/* A person's key by its id. HUFU_NOT_FOUND, HUFU_IO; out untouched then. */
HUFU_MUST_USE enum hufu_err credential_find(struct directory *d, uint32_t user_id, struct view id,
                                            struct credential *out);
/* All keys of a person, disabled ones too, in order of their names; how many there are. */
size_t credential_list(struct directory *d, uint32_t user_id,
                       struct credential out[static CREDENTIAL_KEYS_MAX]);
/* True where the person has a key that is not disabled. */
bool credential_has(struct directory *d, uint32_t user_id);
/* True where the id is a key of anybody. */
bool credential_is_taken(struct directory *d, struct view id);
/* The codes that are left. HUFU_NOT_FOUND, out untouched. */
HUFU_MUST_USE enum hufu_err recovery_find(struct directory *d, uint32_t user_id,
                                          struct recovery *out);

#endif
