/*
 * recipient_cert.h - the certificate that a recipient's exports are encrypted to.
 *
 * Layer:   vault/ (verbs). Includes vault/base/; libcrypto.
 * Threads: pure functions.
 * Source:  RFC 5280 section 4.2.1.3 (key usage); NIST SP 800-57 part 1 (112 bits and more).
 */
#ifndef HUFU_RECIPIENT_CERT_H
#define HUFU_RECIPIENT_CERT_H

#include <stdint.h>

#include <openssl/x509.h>

#include "vault/base/buf.h"
#include "vault/base/err.h"

/*
 * Reads one certificate from PEM: RSA of 2048 to 8192 bits that may encipher keys, or a key on
 * P-256, P-384 or P-521 that may agree on keys, whose life is not over at now_ms.
 *
 * der_out: appended. Returns: HUFU_OK; HUFU_BAD_REQUEST, nothing appended.
 */
HUFU_MUST_USE enum hufu_err recipient_cert_read(struct view pem, uint64_t now_ms,
                                                struct buf *der_out);
/* From DER as it was stored; NULL where it is none. X509_free is the caller's. */
X509 *recipient_cert_open(struct view der);
/* The end of its life, ms UTC; 0 where it cannot be told. */
uint64_t recipient_cert_until(const X509 *cert);

#endif
