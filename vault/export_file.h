/*
 * export_file.h - a file that only its recipient can open: CMS, written as it comes.
 *
 * Layer:   vault/ (verbs). Includes vault/base/; libcrypto.
 * Threads: one struct export_file belongs to one thread; the rest is safe from any.
 * Source:  RFC 5083 (AuthEnvelopedData), RFC 5084 (AES-256-GCM in CMS), RFC 5652, RFC 8017
 *          (RSAES-OAEP with SHA-256), RFC 5753 (ECDH: KDF with SHA-256, AES-256 key wrap).
 *
 * DATA/exports/ID.part while it is written, ID.cms once it is whole; both of mode 0600. What is
 * given to export_file_write is encrypted before it is handed to the file; the content's key is in
 * the library's memory until export_file_free.
 */
#ifndef HUFU_EXPORT_FILE_H
#define HUFU_EXPORT_FILE_H

#include <stdint.h>

#include "vault/base/buf.h"
#include "vault/base/digest.h"
#include "vault/base/err.h"
#include "vault/base/id.h"

struct export_file; /* opaque */

/*
 * Begins the file of export id in the vault's folder `data`, for the holder of the certificate's
 * key. *out is the caller's. HUFU_CORRUPT (no such certificate), HUFU_IO, HUFU_NOMEM.
 */
HUFU_MUST_USE enum hufu_err export_file_begin(const char *data, const uint8_t id[static ID_LEN],
                                              struct view cert_der, struct export_file **out);
/* Adds clear text. SECRET. HUFU_IO: the file is of no use any more. */
HUFU_MUST_USE enum hufu_err export_file_write(struct export_file *f, struct view text);
/* Ends it: on the disk under its own name, whole. HUFU_IO. */
HUFU_MUST_USE enum hufu_err export_file_end(struct export_file *f, uint64_t *bytes_out,
                                            uint8_t hash_out[static DIGEST_LEN]);
/* Lets go of the key; what was not ended stays as ID.part. NULL is fine. */
void export_file_free(struct export_file *f);
/* Takes away what there is of the export's files. HUFU_IO. */
HUFU_MUST_USE enum hufu_err export_file_remove(const char *data, const uint8_t id[static ID_LEN]);
/* Appends up to max bytes from offset on. HUFU_NOT_FOUND, HUFU_IO. */
HUFU_MUST_USE enum hufu_err export_file_read(const char *data, const uint8_t id[static ID_LEN],
                                             uint64_t offset, size_t max, struct buf *out);

#endif
