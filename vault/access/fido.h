/*
 * fido.h - what a FIDO2 key shows, judged: signatures over authenticator data, new keys.
 *
 * Layer:   vault/access/. Includes vault/base/ only.
 * Threads: pure functions.
 * Source:  W3C Web Authentication Level 2, sections 6.1 (authenticator data), 7.1 and 7.2 (what a
 * relying party checks), 8.2 and 8.7 (attestations packed and none); RFC 8152 (keys).
 *
 * Challenge, type and origin are in the client data: fido_client.h. Chains of attestation are not
 * looked at: a key is trusted because two administrators agreed to it, not because of its maker.
 */
#ifndef HUFU_ACCESS_FIDO_H
#define HUFU_ACCESS_FIDO_H

#include <stddef.h>
#include <stdint.h>

#include "vault/base/buf.h"
#include "vault/base/err.h"

#define FIDO_ID_MAX         512  /* bytes of a credential's id */
#define FIDO_PUBLIC_MAX     259  /* of a public key: RSA, 256 modulus and 3 exponent */
#define FIDO_AAGUID_LEN     16   /* which model of key it says it is */
#define FIDO_AUTH_DATA_MAX  3072 /* of authenticator data; the members of msg.h hold no more */
#define FIDO_SIGNATURE_MAX  768
#define FIDO_ATTESTED_MAX   6144 /* of an attestation object */
#define FIDO_CHALLENGE_TEXT 119  /* characters of a challenge: challenge.h */

/* clang-format off */
#define FIDO_FAULTS(X) /* what is wrong, as an entry has it; nobody else is told */ \
    X(NONE,         "none")          \
    X(FORM,         "form")          /* something does not parse */ \
    X(TYPE,         "type")          /* made for something else than asked */ \
    X(ORIGIN,       "origin")        \
    X(CROSS_ORIGIN, "cross-origin")  /* made inside a page of somebody else */ \
    X(FORGED,       "forged")        /* the challenge is not ours */ \
    X(FOREIGN,      "foreign")       /* it is ours, for somebody or something else */ \
    X(EXPIRED,      "expired")       \
    X(USED,         "used")          \
    X(CREDENTIAL,   "credential")    /* no key of this person */ \
    X(DISABLED,     "disabled")      \
    X(RP_ID,        "rp-id")         \
    X(PRESENCE,     "presence")      /* nobody touched the key … */ \
    X(VERIFICATION, "verification")  /* … or nobody proved to be its owner */ \
    X(SIGNATURE,    "signature")     \
    X(COUNTER,      "counter")       /* it went back: there are two of this key */
/* clang-format on */

#define FIDO_FAULT_ENUM(id, name) FIDO_##id,
enum fido_fault { FIDO_FAULTS(FIDO_FAULT_ENUM) FIDO_FAULT_COUNT };
#undef FIDO_FAULT_ENUM

/* "origin", …; "?" outside the enum. */
const char *fido_fault_name(unsigned fault);

enum fido_alg { FIDO_ES256 = 1, FIDO_EDDSA, FIDO_RS256 };

struct fido_public { /* as libfido2 has it: x and y; the key; modulus and exponent */
    uint8_t alg;     /* enum fido_alg */
    uint8_t key[FIDO_PUBLIC_MAX];
    size_t key_len;
};

/* Bytes of a public key of this algorithm; 0 outside the enum. */
size_t fido_public_len(unsigned alg);
/* A key that is nobody's, to do the same work for people who have none. */
struct fido_public fido_nobody(void);

/*
 * Judges an assertion: authenticator data of this relying party, made with presence and
 * verification of the person, and the key's signature over it and the client data. Data with more
 * behind its fixed part are refused: nobody asks for extensions.
 *
 * count_out: the key's counter; untouched on a fault. auth_data carries it at bytes 33..36.
 * Returns:   FIDO_NONE, FORM, RP_ID, PRESENCE, VERIFICATION, SIGNATURE (also where memory is
 *            missing). Where the form is right the signature is looked at, whatever else is wrong.
 */
HUFU_MUST_USE enum fido_fault fido_check(const struct fido_public *key, const char *rp_id,
                                         struct view auth_data, struct view client_data,
                                         struct view signature, uint32_t *count_out);

struct fido_attested { /* a key that was made for us */
    struct fido_public public;
    uint8_t id[FIDO_ID_MAX];
    size_t id_len;
    uint8_t aaguid[FIDO_AAGUID_LEN];
    uint8_t flags; /* of the authenticator data: 8 may be copied, 16 is copied */
    uint32_t count;
};

/*
 * Judges a new key: attestation `none`, or `packed` signed by the new key itself.
 *
 * object:  an attestation object, CBOR as CTAP2 writes it.
 * Returns: as fido_check. *out untouched on a fault.
 */
HUFU_MUST_USE enum fido_fault fido_attested_check(const char *rp_id, struct view object,
                                                  struct view client_data,
                                                  struct fido_attested *out);

/* What follows is for fido*.c and their tests. */

struct fido_head { /* the fixed part of authenticator data */
    struct view rp_id_hash;
    uint8_t flags;
    uint32_t count;
};
#define FIDO_HEAD_LEN        37
#define FIDO_FLAG_UP         0x01
#define FIDO_FLAG_UV         0x04
#define FIDO_FLAG_ATTESTED   0x40
#define FIDO_FLAG_EXTENSIONS 0x80

/* HUFU_SYNTAX where it is shorter, or longer than FIDO_AUTH_DATA_MAX; out untouched. */
HUFU_MUST_USE enum hufu_err fido_head_get(struct view auth_data, struct fido_head *out);
/* FIDO_NONE, RP_ID, PRESENCE, VERIFICATION; FORM where the library fails. */
HUFU_MUST_USE enum fido_fault fido_head_judge(const struct fido_head *head, const char *rp_id);

struct fido_object { /* the parts of an attestation object; views into it */
    struct view fmt, statement, auth_data;
};
/* HUFU_SYNTAX; out untouched. */
HUFU_MUST_USE enum hufu_err fido_object_get(struct view object, struct fido_object *out);

#endif
