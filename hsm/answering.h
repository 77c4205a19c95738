/*
 * answering.h - one request of the core: check it, run it, and decide what a failure means.
 *
 * Layer:   hsm/. Includes vault/base/ and the hsm headers below it.
 * Threads: one thread.
 */
#ifndef HUFU_HSM_ANSWERING_H
#define HUFU_HSM_ANSWERING_H

#include "hsm/module.h"
#include "vault/base/buf.h"
#include "vault/base/err.h"
#include "vault/base/hsm_msg.h"

#define CALL_TEXT_MAX 1024

struct answering_answer {
    enum hufu_err err; /* one that struct hsm_reply may carry */
    CK_RV rv;          /* behind a failure, else CKR_OK */
    struct buf data;   /* SECRET for OPEN */
    struct buf text;
    uint8_t data_mem[HSM_SEALED_MAX + 512];
    uint8_t text_mem[CALL_TEXT_MAX];
};

/* Begins an empty answer; answering_done wipes it. */
void answering_init(struct answering_answer *answer);
void answering_done(struct answering_answer *answer);

/*
 * Runs one request. A stale session or login is mended by connecting anew and trying once more; a
 * lost device closes the connection (m->state tells, the loop opens it again).
 */
void answering_run(struct module *m, const struct hsm_request *req,
                   struct answering_answer *answer);

#endif
