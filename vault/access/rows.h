/*
 * rows.h - the control rows: who there is, what domains there are, what is going on.
 *
 * Layer:   vault/access/. Includes vault/base/, vault/format/, vault/store/ and access primitives.
 * Threads: pure functions.
 * Source:  vault/FORMATS.md section 5. Every *_get returns HUFU_OK or HUFU_CORRUPT (HUFU_NOMEM
 * where it says so), out untouched then.
 */
#ifndef HUFU_ACCESS_ROWS_H
#define HUFU_ACCESS_ROWS_H

#include <stdbool.h>
#include <stdint.h>

#include "vault/access/originals.h"
#include "vault/access/password.h"
#include "vault/access/rows_state.h"
#include "vault/access/rows_user.h"
#include "vault/base/buf.h"
#include "vault/base/err.h"
#include "vault/base/id.h"
#include "vault/base/msg.h"
#include "vault/base/text.h"
#include "vault/format/format.h"
#include "vault/log/signer.h"

#define ROW_PARTNERS_MAX  64 /* partners of one domain */
#define ROW_PURPOSES_MAX  16
#define ROW_PURPOSE_MAX   64  /* bytes */
#define ROW_PINS_MAX      2   /* certificates of one partner: two for a change-over */
#define ROW_FORMATS_MAX   128 /* formats, domains that a partner declared */
#define ROW_CHANNELS_MAX  8   /* of one domain */
#define ROW_CHANNEL_MAX   32  /* bytes */
#define ROW_REQUESTOR_LEN 11  /* digits of a token requestor's number */
#define ROW_ASSURANCE_MAX 99

enum row_state {
    ROW_ACTIVE = 1,
    ROW_FROZEN,
    ROW_PENDING, /* waits for a second administrator */
    ROW_LEFT,    /* of people: gone for good */
    ROW_SEALED,  /* of people: a break-glass account that nobody has opened */
};
/* What tells a token: a wrong check, nothing (unmarked), a token BIN before a right check. */
enum token_check { TOKEN_CHECK_FAIL, TOKEN_CHECK_NONE, TOKEN_CHECK_BIN };
enum escalation { ESCALATION_NONE, ESCALATION_STEP_UP, ESCALATION_GRANT };
enum domain_mode { MODE_DETERMINISTIC = 1, MODE_RANDOM, MODE_ONE_TIME, MODE_FF1 };

/* "deterministic", "active", …; "?" outside the enum. */
const char *domain_mode_name(unsigned mode);
const char *row_state_name(unsigned state);
const char *domain_escalation_name(unsigned escalation);
/* HUFU_NOT_FOUND, out untouched. */
HUFU_MUST_USE enum hufu_err domain_mode_parse(struct view text, uint8_t *out);

struct domain { /* constant once in the directory */
    uint32_t id;
    uint64_t seq;
    char name[TEXT_NAME_MAX + 1];
    uint8_t state, mode, token_check;
    struct format_keep keep;
    uint8_t needs_consent; /* 1: every value comes with a consent reference (C03) */
    uint8_t assurance;     /* level of a network's tokens, 0..99; goes onto each token (C19) */
    char requestor[ROW_REQUESTOR_LEN + 1]; /* who asked the network for tokens; "": nobody named */
    uint32_t batch_detokenize, retention_days;
    uint32_t index_version, index_next; /* next: 0, or the version that a re-index fills */
    uint32_t key_epoch;                 /* raised by every rotation of one of its keys */
    uint64_t expected, life_s, created_ms;
    uint32_t partner[ROW_PARTNERS_MAX];
    size_t partner_count;
    char purpose[ROW_PURPOSES_MAX][ROW_PURPOSE_MAX + 1];
    uint8_t approvals[ROW_PURPOSES_MAX]; /* that a reveal for this purpose needs: 0, 1 or 2 (C24) */
    size_t purpose_count;
    uint8_t escalation; /* enum escalation: a second data type of one subject (C29) */
    char channel[ROW_CHANNELS_MAX][ROW_CHANNEL_MAX + 1]; /* where its tokens may be asked for */
    size_t channel_count;                                /* 0: anywhere */
    struct format *format;                               /* owned */
    struct originals *originals; /* of its buckets: the directory's; NULL outside */
};

struct partner { /* constant once in the directory */
    uint32_t id;
    uint64_t seq;
    char name[TEXT_NAME_MAX + 1];
    uint8_t state;
    uint8_t is_entrusted; /* 1: it works for others: no ff1, which is encryption alone (C14) */
    uint64_t created_ms;
    uint8_t pin[ROW_PINS_MAX][MSG_PIN_LEN]; /* the older one first */
    uint64_t pin_until_ms[ROW_PINS_MAX];    /* end of its certificate; 0: not known */
    size_t pin_count;
    char format[ROW_FORMATS_MAX][TEXT_NAME_MAX + 1];
    size_t format_count;
    char domain[ROW_FORMATS_MAX][TEXT_NAME_MAX + 1];
    size_t domain_count;
    char qualification[ROW_TEXT_MAX / 2 + 1];
    uint64_t qualified_until_ms; /* 0: none recorded */
};

struct row_ids { /* the next free ones; never reused */
    uint32_t domain, partner, user, recipient;
};

bool domain_has_partner(const struct domain *d, uint32_t partner_id);
void domain_put(const struct domain *d, struct buf *out);
void partner_put(const struct partner *p, struct buf *out);
void row_ids_put(const struct row_ids *ids, struct buf *out);
void log_identity_put(const struct log_identity *log, struct buf *out);

/* Ids and seq are the caller's to set. domain_get allocates (the format): NOMEM; domain_clear
 * frees that. */
HUFU_MUST_USE enum hufu_err domain_get(struct view in, struct domain *out);
HUFU_MUST_USE enum hufu_err partner_get(struct view in, struct partner *out);
HUFU_MUST_USE enum hufu_err row_ids_get(struct view in, struct row_ids *out);
HUFU_MUST_USE enum hufu_err log_identity_get(struct view in, struct log_identity *out);
void domain_clear(struct domain *d);
#endif
