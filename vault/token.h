/*
 * token.h - what the verbs on one token share: its form, its record, its name in the log.
 *
 * Layer:   vault/ (verbs). Includes the rooms of the core.
 * Threads: as the worker given.
 */
#ifndef HUFU_TOKEN_H
#define HUFU_TOKEN_H

#include "vault/row.h"

struct token { /* SECRET once its record is read: wipe it */
    uint8_t text[FORMAT_TOKEN_MAX];
    size_t len;
    uint8_t id[ENTRY_TOKEN_ID_LEN];
    struct view key; /* of its row */
    struct store_seen seen;
    struct record rec;
};

/* Canonical form and shape of a token of req->domain, and its name for the log.
 * HUFU_NOT_TOKEN, HUFU_UNAVAILABLE. */
HUFU_MUST_USE enum hufu_err token_read(struct worker *w, struct request *req, struct view in,
                                       struct token *out);
/* Finds and opens its record, or decrypts the token where the domain stores none: t->seen is not
 * set then. HUFU_NOT_FOUND (after the same work), HUFU_UNAVAILABLE. */
HUFU_MUST_USE enum hufu_err token_find(struct worker *w, struct request *req, struct token *t);
/* One operation for a verb on this token, with room for rows_max writes and as many further
 * preconditions: its entry names the token, its row must stay as seen. HUFU_UNAVAILABLE. */
HUFU_MUST_USE enum hufu_err token_op(struct request *req, const struct token *t, size_t rows_max);
/*
 * domain, token, reason: what most verbs on a token begin with. The owner is a partner who sent the
 * value; people see all tokens of their domains. Sets req->domain; t->rec is read. A planted token
 * is touched by all but security administrators, who plant and end them.
 * FORBIDDEN, NOT_TOKEN, VALUE_IN_TEXT, UNSUPPORTED_MODE with *where; NOT_FOUND, its entry drafted;
 * UNAVAILABLE.
 */
HUFU_MUST_USE enum hufu_err token_begin(struct worker *w, struct request *req, struct token *t,
                                        struct msg_where *where);
/* True where the token is planted (C28): the alarm is noted. Whoever comes by a record and has not
 * to care for it asks first. */
bool token_touch(struct request *req, const struct record *rec);
/* As refuse_entry, with the token's name. */
HUFU_MUST_USE enum hufu_err token_refusal(struct request *req, const struct token *t,
                                          enum hufu_err err);
/* Makes {"state"} of it the reply. HUFU_UNAVAILABLE. */
HUFU_MUST_USE enum hufu_err token_print_state(struct worker *w, struct request *req,
                                              const struct token *t);

#endif
