/*
 * cli_cert.h - when a certificate ends, and how loudly to say so.
 *
 * Layer:   tools/. Includes vault/base/ only.
 * Threads: pure functions, but for cli_cert_warn, which writes to stderr.
 * Source:  RFC 7468 (PEM); RFC 5280 section 4.1 (Certificate, Validity, UTCTime and
 *          GeneralizedTime); X.690 (DER: definite lengths).
 *
 * Only the end of validity is read, to warn in time. Whether a certificate is good is judged by
 * TLS.
 */
#ifndef HUFU_TOOLS_CLI_CERT_H
#define HUFU_TOOLS_CLI_CERT_H

#include <stdint.h>

#include "vault/base/buf.h"
#include "vault/base/err.h"

#define CLI_CERT_MAX   16384 /* bytes of a PEM file that are looked at */
#define CLI_CERT_WORDS 320   /* bytes of a warning and its NUL */

enum cli_cert_whose { CERT_CLIENT, CERT_SERVER };

/* The end of the first certificate in PEM text, in ms since 1970. HUFU_SYNTAX where there is none;
 * *ms_out is untouched then. */
HUFU_MUST_USE enum hufu_err cli_cert_end(struct view pem, uint64_t *ms_out);
/* The same of a file. HUFU_IO. */
HUFU_MUST_USE enum hufu_err cli_cert_file_end(const char *path, uint64_t *ms_out);
/* The warning that is due at now_ms: what ends when, and the next step, louder at 30, 7 and 1 days
 * and after the end. "" where none is. */
void cli_cert_words(enum cli_cert_whose whose, uint64_t end_ms, uint64_t now_ms,
                    char out[static CLI_CERT_WORDS]);
/* Says it on stderr. */
void cli_cert_warn(enum cli_cert_whose whose, uint64_t end_ms);

#endif
