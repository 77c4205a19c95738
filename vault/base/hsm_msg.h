/*
 * hsm_msg.h - the messages between core and the hsm process.
 *
 * Layer:   vault/base/. Includes err.h, buf.h, frame.h.
 * Threads: pure functions.
 *
 * One call, one reply with the same frame id; the reply's type is the call's | MSG_REPLY. Buffers
 * that held plaintext keys are wiped on both sides.
 */
#ifndef HUFU_BASE_HSM_MSG_H
#define HUFU_BASE_HSM_MSG_H

#include <stdint.h>

#include "vault/base/buf.h"
#include "vault/base/err.h"

/* clang-format off */
#define HSM_CALLS(X) /* id, frame type: what it takes -> what it gives (in the struct members named) */ \
    X(STATUS,       101) /* -> text: module, token label, serial; HSM_DOWN, HSM_PIN while not logged in */ \
    X(KEK_MAKE,     102) /* key_id -> text: attributes read back; refuses an id that exists (CONFLICT) */ \
    X(KEK_FIND,     103) /* key_id -> text as above; NOT_FOUND */                                        \
    X(KEK_DESTROY,  104) /* key_id; NOT_FOUND */                                                         \
    X(SEAL,         105) /* key_id, aad, data (1..4096 bytes) -> data: method u8, iv, ciphertext, tag */  \
    X(OPEN,         106) /* key_id, aad, data (what SEAL gave) -> data; CORRUPT where it does not open */ \
    X(SIGN_MAKE,    107) /* key_id: EC P-256 pair -> data: SubjectPublicKeyInfo DER; CONFLICT */          \
    X(SIGN_PUBLIC,  108) /* key_id -> data: SubjectPublicKeyInfo DER; NOT_FOUND */                        \
    X(SIGN,         109) /* key_id, data: message (1..4096) -> data: DER ECDSA over SHA-256(message) */   \
    X(RANDOM,       110) /* len -> data (1..256 bytes) of the token's generator */
/* clang-format on */
#define HSM_CALL_ENUM(id, type) HSM_##id = type,
enum hsm_call { HSM_CALLS(HSM_CALL_ENUM) };
#undef HSM_CALL_ENUM
#define HSM_CALL_ONE(id, type) +1
enum { HSM_CALL_COUNT = 0 HSM_CALLS(HSM_CALL_ONE) }; /* their types are neighbours */
#undef HSM_CALL_ONE

#define HSM_KEY_ID_MAX 32                   /* CKA_ID = CKA_LABEL, ASCII [a-z0-9-] */
#define HSM_DATA_MAX   4096                 /* bytes of data and aad each */
#define HSM_SEALED_MAX (HSM_DATA_MAX + 128) /* bytes of data that SEAL gives and OPEN takes */

struct hsm_request {
    uint16_t call;
    struct view request_id; /* text_is_key: for whom, for the logs; empty: for the vault itself */
    struct view key_id;     /* text_is_name */
    struct view aad;
    struct view data;
    uint32_t len;
};
struct hsm_reply {
    enum hufu_err err; /* OK, NOT_FOUND, CONFLICT, CORRUPT, HSM_DOWN, HSM_PIN, HSM_FAILED, RANGE */
    uint64_t ckr;      /* the CK_RV behind a failure, for the log; 0 else */
    struct view data;
    struct view text; /* printable ASCII, at most 1024 bytes */
};

/* "seal", …; "?" outside the enum. */
const char *hsm_call_name(uint16_t call);

/* Body: u8 request_id length, request_id, u8 key_id length, key_id, u32 aad length, aad, u32 data
 * length, data, u32 len. */
void hsm_request_put(struct buf *out, const struct hsm_request *req);
HUFU_MUST_USE enum hufu_err hsm_request_get(uint16_t call, struct view in, struct hsm_request *out);
/* Body: u16 err, u64 ckr, u32 data length, data, u32 text length, text. */
void hsm_reply_put(struct buf *out, const struct hsm_reply *reply);
HUFU_MUST_USE enum hufu_err hsm_reply_get(struct view in, struct hsm_reply *out);

#endif
