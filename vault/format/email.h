/*
 * email.h - mail addresses: the one format that is no row of places. Private to vault/format/.
 *
 * Layer:   vault/format/. Includes vault/base/ and format.h.
 * Threads: pure functions; a struct draw belongs to one thread.
 * Source:  RFC 5321 4.1.2 and 4.5.3.1 (dot-string, lengths); RFC 1123 2.1 (labels); RFC 2606 2
 *          (".invalid" is never given out, so no token is an address).
 *
 * Quoted local parts, comments, address literals and other scripts are refused. Addresses are
 * SECRET.
 */
#ifndef HUFU_FORMAT_EMAIL_H
#define HUFU_FORMAT_EMAIL_H

#include <stdbool.h>

#include "vault/base/buf.h"
#include "vault/base/entropy.h"
#include "vault/base/err.h"
#include "vault/format/format.h"

#define EMAIL_LEN_MIN   6  /* a@b.co */
#define EMAIL_TOKEN_LEN 40 /* 26 characters of 5 bits, "@token.invalid" */

/* Copies with letters in lower case: both parts, as mail systems in use do. 0 where it is longer
 * than FORMAT_VALUE_MAX or a byte is of no address; else the length. */
size_t email_fold(struct view in, uint8_t out[static FORMAT_VALUE_MAX]);
/* True for an address in canonical form, other than below ".invalid". */
bool email_is_address(struct view canonical);
/* True for what email_draw makes. */
bool email_is_token(struct view canonical);
/* Writes EMAIL_TOKEN_LEN bytes, each of 2^130 as likely. HUFU_IO, out untouched. */
HUFU_MUST_USE enum hufu_err email_draw(struct draw *draw, uint8_t out[static FORMAT_VALUE_MAX]);

#endif
