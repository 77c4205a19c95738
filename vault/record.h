/*
 * record.h - the mapping record: what stands behind a token.
 *
 * Layer:   vault/ (verbs). Includes the rooms of the core.
 * Threads: pure functions.
 * Source:  vault/FORMATS.md section 4; JR/T 0149-2016 (token states); EMV Payment Tokenisation
 *          Specification, Technical Framework v2.3 (token requestor, assurance level, domain
 *          restriction controls).
 */
#ifndef HUFU_RECORD_H
#define HUFU_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "vault/access/rows.h"
#include "vault/base/buf.h"
#include "vault/base/err.h"
#include "vault/format/format.h"

#define RECORD_HEADER_MAX  512                                             /* bytes */
#define RECORD_TEXT_MAX    (1 + FORMAT_VALUE_MAX + 2 * (1 + ROW_TEXT_MAX)) /* of plaintext */
#define RECORD_CHANNEL_MAX 32

/* EXPIRED is what the sweeper leaves of an active or suspended one whose time is past; nobody sees
 * whether it has come by yet. */
enum record_state {
    RECORD_ACTIVE = 1,
    RECORD_SUSPENDED,
    RECORD_REVOKED,
    RECORD_DELETED,
    RECORD_EXPIRED,
};

struct record { /* SECRET once its text is read: wipe it */
    uint8_t state;
    uint64_t created_ms, changed_ms, expires_ms; /* expires 0: never */
    uint32_t uses_left;                          /* 0: not counted */
    uint8_t planted;                             /* 1: whoever touches it sets off an alarm (C28) */
    uint8_t assurance;                           /* of a payment network's token (C19) … */
    char requestor[ROW_REQUESTOR_LEN + 1];       /* … and who asked for it; "": nobody named */
    char channel[RECORD_CHANNEL_MAX + 1];
    char request_id[65];                /* of the request that brought the present value */
    uint32_t partner[ROW_PARTNERS_MAX]; /* who sent the value, in order */
    size_t partner_count;
    uint8_t value[FORMAT_VALUE_MAX];
    size_t value_len;
    char subject[ROW_TEXT_MAX + 1], consent[ROW_TEXT_MAX + 1];
};

void record_put_header(const struct record *rec, struct buf *out);
void record_put_text(const struct record *rec, struct buf *out);
/* Fill what the bytes hold. HUFU_CORRUPT: rec is then half filled, to be thrown away. */
HUFU_MUST_USE enum hufu_err record_get_header(struct view in, struct record *rec);
HUFU_MUST_USE enum hufu_err record_get_text(struct view in, struct record *rec);

/* "active", "suspended", "expired", "revoked", "deleted" at the time now_ms. */
const char *record_state_name(const struct record *rec, uint64_t now_ms);
/* True where its time is past, swept or not; says nothing about revoked and deleted ones. */
bool record_is_expired(const struct record *rec, uint64_t now_ms);
bool record_has_partner(const struct record *rec, uint32_t partner_id);

#endif
