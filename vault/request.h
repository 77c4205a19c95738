/*
 * request.h - one request on its way through the core.
 *
 * Layer:   vault/ (verbs). Includes the rooms of the core.
 * Threads: a request belongs to one thread at a time: the link's, a worker, the password thread,
 * the journal thread (between store_submit and done), a worker again.
 */
#ifndef HUFU_REQUEST_H
#define HUFU_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "vault/access/password.h"
#include "vault/keys/keyrow.h"
#include "vault/log/entry.h"
#include "vault/state.h"

#define REQUEST_ALARMS_MAX 4
#define REQUEST_WHY_MAX    72 /* "grant=ID why=WORD" */
#define REQUEST_KEYS_MAX   3  /* that a new domain needs: data, index, FF1 */

struct alarm_row;

struct who {
    enum role role; /* ROLE_NONE: nobody yet */
    const struct partner *partner;
    const struct user *user;
    struct session session;
};

struct request {
    struct qnode node; /* first */
    struct core *core;
    uint64_t frame_id;
    uint64_t link;     /* which link it came by */
    struct arena in;   /* the request itself and the frame's bytes */
    struct arena work; /* what one attempt makes */
    struct msg_request msg;
    struct who who;
    const struct domain *domain; /* once the verb has found it, for the entry */
    char source[46];
    unsigned attempt;
    uint64_t began_us;          /* clock_us when it came in */
    uint32_t created, revealed; /* mappings, values of this attempt: counted if it succeeds */
    bool limit_hit;             /* the last attempt passed a limit … */
    enum core_limit limit;      /* … this one */
    bool password_done, password_ok;
    struct new_person { /* made by the password thread; SECRET */
        char password[PASSWORD_GENERATED_LEN + 1];
        struct password stored;  /* its hash, or the one of a password that was sent */
        struct password checked; /* what the present password was held against */
        bool former;             /* the new password is one of the last they had */
    } person;
    struct new_key { /* domain-add: made by the keeper, put into the ring at the end */
        struct key *key;
        struct keyset_row row;
    } new_key[REQUEST_KEYS_MAX];
    uint64_t new_key_kek_seq; /* the row of the KEK that they lie under, as it was */
    /* outcome */
    struct msg_reply reply;
    struct buf body;    /* of the success, in work */
    struct view detail; /* of a BAD_REQUEST: more than its code says; empty or in work */
    size_t receipt_at;  /* where the receipt goes into the body; 0: none */
    uint8_t nonce[32];  /* the receipt's */
    uint8_t commit[32];
    struct store_draft draft;
    struct store_op *op;
    struct store_seen idem_seen; /* of the idempotency row */
    struct view idem_row;        /* its key; empty: not asked for */
    bool idem_kept;              /* the draft has it */
    struct noted_alarm {
        uint8_t rule;             /* enum alarm_rule */
        bool is_due;              /* to be raised: alarm_judge */
        const struct user *about; /* NULL: the caller */
        char why[REQUEST_WHY_MAX + 1];
    } alarm[REQUEST_ALARMS_MAX]; /* what this attempt set off */
    size_t alarm_count;
    struct alarm_row *raised; /* those that the draft has, in work */
    size_t raised_count;
    bool alarm_held; /* it has taken a day of a rule, which it keeps with its commit */
};

/* Makes a request from a frame's body; NULL where memory is missing or the frame is malformed
 * (*err_out tells which). */
struct request *request_new(struct core *core, uint16_t verb, struct view body,
                            enum hufu_err *err_out);
void request_free(struct request *req);
/* Frees keys that were made for a domain that did not come to be. */
void request_drop_keys(struct request *req);

/* Answers now: err with where, or the success in req->reply and req->body. Frees the request. */
void request_answer(struct request *req, enum hufu_err err, struct msg_where where);

/* Room for the body of a success: canonical JSON is written into it. HUFU_UNAVAILABLE. */
HUFU_MUST_USE enum hufu_err request_body(struct request *req, size_t max);

/*
 * Makes n operations for the draft, all zero, each with room for pre_max preconditions, write_max
 * writes and count_max counters (beside those of op_expect_caller and the idempotency row), each
 * with an entry that names verb, principal, source, domain and request id. HUFU_UNAVAILABLE.
 */
HUFU_MUST_USE enum hufu_err request_ops(struct request *req, size_t n, size_t pre_max,
                                        size_t write_max, size_t count_max);
/* Adds n more of the same kind behind those that the draft has, if any. HUFU_UNAVAILABLE. */
HUFU_MUST_USE enum hufu_err request_ops_more(struct request *req, size_t n, size_t pre_max,
                                             size_t write_max);
struct entry_draft *request_entry(struct request *req, size_t op);
/* Adds to an operation made by request_ops. */
void op_expect(struct store_op *op, struct view key, struct store_seen seen);
void op_until(struct store_op *op, uint64_t ms);
void op_write(struct store_op *op, struct view key, uint8_t *image, size_t image_len);
void op_count(struct store_op *op, struct view key, uint64_t add, uint64_t limit,
              uint64_t until_ms);
/* Says which limit the counter added last is for. */
void op_limit(struct store_op *op, enum core_limit what);
/* The rows that the decision rests on must not have changed: principal, session, domain. */
void op_expect_caller(struct request *req, struct store_op *op);

/* Hands the draft in; the reply leaves when it is durable. Frees or requeues the request. */
void request_commit(struct request *req);

/* Puts the receipt, which names the entry's index, into the body at req->receipt_at. */
void request_insert_receipt(struct request *req, uint64_t index);

/* A worker's memory in req->work; NULL where it is used up. */
void *request_take(struct request *req, size_t len);

HUFU_MUST_USE enum hufu_err worker_init(struct worker *w, struct core *core);
void worker_done(struct worker *w);

#endif
