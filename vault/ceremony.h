/*
 * ceremony.h - what takes more than one person: its kinds, its row, its progress.
 *
 * Layer:   vault/ (verbs). Includes the rooms of the core.
 * Threads: ceremony_row_* as the worker given; keeper.c runs what was approved.
 * Source:  contract.md section 3 (ceremonies); controls C40, C43.
 */
#ifndef HUFU_CEREMONY_H
#define HUFU_CEREMONY_H

#include "vault/base/json.h"
#include "vault/row.h"

enum ceremony_about { /* what a ceremony is about; one of a kind and thing is open at a time */
                      ABOUT_VAULT,   /* nothing in particular */
                      ABOUT_DOMAIN,  /* member domain */
                      ABOUT_KEY,     /* member subject: the id of a key */
                      ABOUT_SUBJECT, /* member subject: the name of a person, partner or domain */
                      ABOUT_NEW_PERSON, /* the same, and begun by a call of its own */
};

struct ceremony_kind {
    const char *name;
    enum role role; /* who proposes and approves */
    enum ceremony_about about;
};

/* NULL where there is no such kind. */
const struct ceremony_kind *ceremony_kind_find(struct view name);

/* Adds the ceremony's row, as it stands in c, to the operation. HUFU_UNAVAILABLE. */
HUFU_MUST_USE enum hufu_err ceremony_row_write(struct worker *w, struct request *req,
                                               struct store_op *op, const struct ceremony *c);
/* Names it in the entry of operation 0: "change-role oscar auditor"; role may be NULL.
 * HUFU_UNAVAILABLE. */
HUFU_MUST_USE enum hufu_err ceremony_name(struct request *req, const char *kind,
                                          struct view subject, const char *role);
/* Appends the reply's object. */
void ceremony_print(struct core *core, const struct ceremony *c, struct json *j);

/*
 * Makes it the reply, with what is shown once: an initial password and the code secret of a person,
 * each NULL where there is none. SECRET. HUFU_UNAVAILABLE.
 */
HUFU_MUST_USE enum hufu_err ceremony_reply(struct request *req, const struct ceremony *c,
                                           const char *password, const struct user *seed_of);
/* Adds that nobody who approved changes before this is committed. HUFU_UNAVAILABLE, also where too
 * few of them have a say any more. */
HUFU_MUST_USE enum hufu_err ceremony_expect_approvers(struct request *req,
                                                      const struct ceremony *c);

/*
 * Begins a ceremony for the caller: fills *c, whose target and password are as the caller set them
 * (else zero), and adds its row to operation 0, whose entry it names.
 * The domain is req->domain. HUFU_CONFLICT where one of this kind is open about the same thing;
 * HUFU_UNAVAILABLE. Takes two writes and their preconditions.
 */
HUFU_MUST_USE enum hufu_err ceremony_begin(struct worker *w, struct request *req,
                                           const struct ceremony_kind *kind, struct view subject,
                                           struct view reason, struct ceremony *c);

#endif
