/*
 * signer.h - the checkpoint over the log: signed in the HSM, stored, then published.
 *
 * Layer:   vault/log/. Includes vault/base/, vault/keys/, vault/store/.
 * Threads: signer_step from one thread (its loop, or a test); the rest from any thread.
 * Source:  C2SP tlog-checkpoint; design.md section 7.
 *
 * Only a committed size is signed, and the note is durable before anyone sees it, so two
 * inconsistent checkpoints can never be signed, also not after a crash.
 */
#ifndef HUFU_LOG_SIGNER_H
#define HUFU_LOG_SIGNER_H

#include <stdbool.h>
#include <stdint.h>

#include "vault/base/buf.h"
#include "vault/base/clock.h"
#include "vault/base/err.h"
#include "vault/base/note.h"
#include "vault/keys/hsm_client.h"
#include "vault/store/store.h"

struct signer; /* opaque */

struct log_identity {
    char origin[NOTE_ORIGIN_MAX + 1];
    char key_id[HSM_KEY_ID_MAX + 1];
    uint8_t spki[NOTE_SPKI_MAX];
    size_t spki_len;
};

struct signer_settings {
    uint64_t pause_ms;   /* between signatures */
    uint64_t max_age_ms; /* beyond this, an unsigned log stops reveals */
    const struct clock_ops *clock;
};

HUFU_MUST_USE enum hufu_err signer_new(struct store *store, struct hsm_ops *hsm,
                                       const struct signer_settings *settings, struct signer **out);
void signer_free(struct signer *s); /* NULL is fine */
/* At unsealing: from now on steps sign. Reads the last stored note. HUFU_NOMEM, HUFU_IO. */
HUFU_MUST_USE enum hufu_err signer_start(struct signer *s, const struct log_identity *log);

/* Signs if it is time and something is new. True where a signature was asked for. */
bool signer_step(struct signer *s);

/* Appends the published note; HUFU_NOT_FOUND before the first. */
HUFU_MUST_USE enum hufu_err signer_note(struct signer *s, struct buf *out);
/* True where every entry older than max_age_ms is under a published signature. */
bool signer_is_fresh(struct signer *s);
/* Size of the published checkpoint, and the ms (UTC) when it was signed; 0 and 0 before the first.
 */
/* How long the log has been ahead of its last signature; 0: it is not. */
uint64_t signer_unsigned_ms(struct signer *s);
void signer_numbers(struct signer *s, uint64_t *size_out, uint64_t *signed_ms_out);

#endif
