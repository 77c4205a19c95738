/*
 * totp.h - time-based one-time passwords: SHA-1, six digits, steps of 30 seconds.
 *
 * Layer:   vault/access/. Includes vault/base/ only.
 * Threads: pure functions.
 * Source:  RFC 6238; RFC 4226 section 5.3 (truncation); the otpauth URI of the authenticator apps.
 */
#ifndef HUFU_ACCESS_TOTP_H
#define HUFU_ACCESS_TOTP_H

#include <stdint.h>

#include "vault/base/buf.h"
#include "vault/base/err.h"

#define TOTP_DIGITS   6
#define TOTP_STEP_MS  30000
#define TOTP_SEED_LEN 20  /* bytes of the seeds we make: RFC 4226 section 4, R6 */
#define TOTP_SEED_MAX 128 /* bytes of any seed */

/*
 * Tells whether code is right for the step of now_ms or the one before, and later than last_step.
 * The work is the same whatever is wrong, for a seed of the same length.
 *
 * seed:      SECRET, 1..TOTP_SEED_MAX bytes; for an unknown person any TOTP_SEED_LEN bytes.
 * code:      SECRET, any bytes; right are exactly TOTP_DIGITS ASCII digits.
 * last_step: the step accepted last; 0 for none. The caller commits *step_out in its place before
 *            it tells anybody that the code was right.
 * Returns:   HUFU_OK; HUFU_UNAUTHENTICATED; HUFU_NOMEM (libcrypto failed). Out untouched on
 * failure.
 */
HUFU_MUST_USE enum hufu_err totp_check(struct view seed, struct view code, uint64_t now_ms,
                                       uint64_t last_step, uint64_t *step_out);

/* Appends otpauth://totp/hufu:NAME?secret=BASE32&issuer=hufu&… SECRET. name: text_is_name. */
void totp_uri(struct buf *out, struct view name, struct view seed);

#endif
