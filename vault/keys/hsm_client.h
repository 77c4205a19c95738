/*
 * hsm_client.h - calls to the hsm process, behind an ops struct so that tests can stand in for it.
 *
 * Layer:   vault/keys/. Includes vault/base/ only.
 * Threads: safe from any thread; calls wait for one another. No worker, journal or map thread
 * calls.
 */
#ifndef HUFU_KEYS_HSM_CLIENT_H
#define HUFU_KEYS_HSM_CLIENT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "vault/base/buf.h"
#include "vault/base/err.h"
#include "vault/base/hsm_msg.h"

struct hsm_numbers { /* since the start, for metrics */
    struct {
        _Atomic uint64_t calls, failures, us;
    } call[HSM_CALL_COUNT]; /* by enum hsm_call - HSM_STATUS */
    _Atomic uint64_t links; /* processes met: one more than its restarts */
    _Atomic bool up;        /* the last call was answered by a token that is there */
};

struct hsm_ops {
    /*
     * One call. mem holds what the views of out point to: wipe it with buf_done.
     * Returns: HUFU_OK where out->err is OK; else out->err, or HSM_DOWN (no process, no link, or
     * its deadline passed).
     */
    enum hufu_err (*call)(struct hsm_ops *hsm, const struct hsm_request *req, struct buf *mem,
                          struct hsm_reply *out);
    struct hsm_numbers numbers;
    uint8_t request_id[64]; /* of hsm_call_for; the keeper's own */
    size_t request_id_len;
};

struct hsm_deadlines {
    uint64_t call_ms, login_ms, keygen_ms;
};

/*
 * The real one: frames over a socket. stuck(arg) is called where a deadline passed: the process is
 * to be ended and started again. *out is the caller's. HUFU_NOMEM.
 */
HUFU_MUST_USE enum hufu_err hsm_client_new(int fd, struct hsm_deadlines deadlines,
                                           void (*stuck)(void *arg), void *arg,
                                           struct hsm_ops **out);
void hsm_client_free(struct hsm_ops *hsm); /* NULL is fine */
/* A new process is there: its socket replaces the old one at the next call. Takes fd over. */
void hsm_client_relink(struct hsm_ops *hsm, int fd);

/*
 * Names the request or ceremony that the calls from now on are made for, so that the hsm process
 * can log it; empty: the vault's own. For the keeper (and, before threads, whoever sets up): a
 * signature over the log belongs to nobody and carries no id, so the signer may call meanwhile.
 */
void hsm_call_for(struct hsm_ops *hsm, struct view request_id);

/* The calls as functions; each may return what hsm_msg.h names for it, or HSM_DOWN. */
HUFU_MUST_USE enum hufu_err hsm_status(struct hsm_ops *hsm, struct buf *text_out);
HUFU_MUST_USE enum hufu_err hsm_kek_make(struct hsm_ops *hsm, struct view id, struct buf *text_out);
HUFU_MUST_USE enum hufu_err hsm_kek_find(struct hsm_ops *hsm, struct view id, struct buf *text_out);
HUFU_MUST_USE enum hufu_err hsm_seal(struct hsm_ops *hsm, struct view id, struct view aad,
                                     struct view text, struct buf *out);
HUFU_MUST_USE enum hufu_err hsm_open(struct hsm_ops *hsm, struct view id, struct view aad,
                                     struct view sealed, struct buf *out);
HUFU_MUST_USE enum hufu_err hsm_sign_make(struct hsm_ops *hsm, struct view id,
                                          struct buf *spki_out);
HUFU_MUST_USE enum hufu_err hsm_sign_public(struct hsm_ops *hsm, struct view id,
                                            struct buf *spki_out);
HUFU_MUST_USE enum hufu_err hsm_sign(struct hsm_ops *hsm, struct view id, struct view message,
                                     struct buf *sig_out);

#endif
