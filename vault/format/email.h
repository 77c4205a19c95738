/*
 * email.h - mail addresses: the one format that is no row of places. Private to vault/format/.
 *
 * Layer:   vault/format/. Includes vault/base/ and format.h.
 * Threads: pure functions; a struct draw belongs to one thread.
 * Source:  RFC 5321 4.1.2 and 4.5.3.1.1-3 (dot-string; local part 64, path 256); RFC 1123 2.1
 * (labels); RFC 2606 2
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

#define EMAIL_LEN_MIN   6   /* a@b.co */
#define EMAIL_LEN_MAX   254 /* a path of 256 without its brackets */
#define EMAIL_TOKEN_LEN 40  /* 26 characters of 5 bits, "@token.invalid" */
_Static_assert(EMAIL_LEN_MAX <= FORMAT_VALUE_MAX && EMAIL_TOKEN_LEN <= FORMAT_TOKEN_MAX, "room");

/* Copies with letters in lower case: both parts, as mail systems in use do. INVALID_VALUE where it
 * is too short, too long, or a byte is of no address; outputs untouched. */
HUFU_MUST_USE enum hufu_err email_fold(struct view in, uint8_t out[static FORMAT_VALUE_MAX],
                                       size_t *len_out);
/* True for an address in canonical form, other than below ".invalid". */
bool email_is_address(struct view canonical);
/* True for what email_draw makes. */
bool email_is_token(struct view canonical);
/* Writes EMAIL_TOKEN_LEN bytes, each of 2^130 as likely. HUFU_IO, out untouched. */
HUFU_MUST_USE enum hufu_err email_draw(struct draw *draw, uint8_t out[static FORMAT_TOKEN_MAX]);

#endif
