/*
 * digest.h - SHA-256 over a few parts.
 *
 * Layer:   vault/base/. Includes buf.h.
 * Threads: safe from any thread; each keeps a context of the library.
 * Source:  FIPS 180-4.
 */
#ifndef HUFU_BASE_DIGEST_H
#define HUFU_BASE_DIGEST_H

#include <stddef.h>
#include <stdint.h>

#include "vault/base/buf.h"
#include "vault/base/err.h"

#define DIGEST_LEN 32 /* bytes */

/* SHA-256 of the parts, one behind another. HUFU_IO where the library fails, out untouched. */
HUFU_MUST_USE enum hufu_err digest_sha256(const struct view *part, size_t part_count,
                                          uint8_t out[static DIGEST_LEN]);

#endif
