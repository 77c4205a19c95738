/*
 * id.h - UUIDv7 for requests, grants and ceremonies.
 *
 * Layer:   vault/base/. Includes err.h, buf.h, entropy.h.
 * Threads: as the entropy and buffers given.
 * Source:  RFC 9562 section 5.7.
 */
#ifndef HUFU_BASE_ID_H
#define HUFU_BASE_ID_H

#include <stdint.h>

#include "vault/base/buf.h"
#include "vault/base/entropy.h"
#include "vault/base/err.h"

#define ID_LEN      16 /* bytes */
#define ID_TEXT_LEN 36 /* bytes of "0192…-…", without a NUL */

/* Makes an id of the time now_ms; HUFU_IO. */
HUFU_MUST_USE enum hufu_err id_make(struct draw *d, uint64_t now_ms, uint8_t out[static ID_LEN]);
void id_print(const uint8_t id[static ID_LEN], char out[static ID_TEXT_LEN + 1]);
/* Lower-case hex with dashes only; HUFU_SYNTAX, out untouched. */
HUFU_MUST_USE enum hufu_err id_parse(struct view text, uint8_t out[static ID_LEN]);

#endif
