/*
 * recipient.h - a recipient's row: who outside may be given values, and on which grounds.
 *
 * Layer:   vault/access/. Includes vault/base/, rows.h.
 * Threads: pure functions.
 * Source:  control C25; vault/FORMATS.md section 5. recipient_get returns HUFU_OK or HUFU_CORRUPT,
 * out untouched then; id and seq are the caller's to set.
 */
#ifndef HUFU_ACCESS_RECIPIENT_H
#define HUFU_ACCESS_RECIPIENT_H

#include "vault/access/rows.h"

#define RECIPIENT_CERT_MAX 4096 /* bytes of a certificate, DER */
#define RECIPIENT_REF_MAX  64

enum recipient_kind {
    RECIPIENT_OUTSIDE = 1, /* another institution */
    RECIPIENT_PROCESSOR,   /* entrusted processing: needs a contract that is not over */
    RECIPIENT_PUBLIC,      /* public disclosure: needs a legal basis */
};

struct recipient_paper { /* an assessment, a check, a contract: a reference and its last day */
    char ref[RECIPIENT_REF_MAX + 1];
    uint64_t until_ms; /* 0: none recorded */
};

struct recipient {
    uint32_t id;
    uint64_t seq;
    char name[TEXT_NAME_MAX + 1];
    uint8_t kind, state;
    uint64_t created_ms;
    struct recipient_paper assessment, channel_check, tool_check, contract;
    char legal_basis[ROW_TEXT_MAX + 1], use[ROW_TEXT_MAX + 1];
    uint64_t cert_ms; /* when its present certificate was recorded */
    size_t cert_len;  /* 0: no export can be made for it */
    uint8_t cert[RECIPIENT_CERT_MAX];
};

void recipient_put(const struct recipient *r, struct buf *out);
HUFU_MUST_USE enum hufu_err recipient_get(struct view in, struct recipient *out);

#endif
