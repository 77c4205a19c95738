/*
 * tls.h - the server's certificate, and what a client's certificate is worth.
 *
 * Layer:   api/. Includes vault/base/ only; gnutls.
 * Threads: every function is safe from any thread.
 * Source:  RFC 8446, RFC 5280 section 6 and 4.2.1.12 (extendedKeyUsage), RFC 8705 (binding a client
 *          to its certificate).
 *
 * Our credentials are put into each session before its handshake, so a reload serves the next
 * connection, and the HTTP library never holds the key. It only asks for a client certificate; who
 * may do what with one is decided by tls_check and by the core.
 */
#ifndef HUFU_API_TLS_H
#define HUFU_API_TLS_H

#include <gnutls/gnutls.h>

#include "vault/base/err.h"
#include "vault/base/msg.h"

#define TLS_PRIORITIES                                                                             \
    "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-CIPHER-ALL:+AES-256-GCM:+AES-128-GCM:"            \
    "+CHACHA20-POLY1305:-RSA:-DHE-RSA:%SERVER_PRECEDENCE"

struct tls_files { /* paths; crl empty: none */
    const char *cert, *key, *ca, *crl;
};

struct tls;     /* opaque */
struct tls_set; /* one reading of the files; counted, so that a reload takes nothing away */

/* Reads the files. HUFU_IO (cannot be read), HUFU_SYNTAX (not PEM, key and certificate are no pair,
 * or the CA has not signed the list), HUFU_NOMEM. *out is the caller's. */
HUFU_MUST_USE enum hufu_err tls_new(const struct tls_files *files, struct tls **out);
void tls_free(struct tls *t); /* NULL is fine */
/* Reads the files again; on failure (as tls_new) what was there goes on serving. */
HUFU_MUST_USE enum hufu_err tls_reload(struct tls *t, const struct tls_files *files);

/* End of the server's certificate as it is now, ms UTC; 0 where that cannot be told. */
uint64_t tls_until_ms(struct tls *t);

/* Takes the present set, to be given back; sets it in a session and asks for a certificate. */
struct tls_set *tls_take(struct tls *t);
void tls_give(struct tls_set *set); /* NULL is fine */
void tls_set_up(gnutls_session_t session, struct tls_set *set);
/* When the set's revocation list is over, ms UTC: from then on nobody can be checked, so nobody is
 * let in. UINT64_MAX where there is none. */
uint64_t tls_list_until_ms(const struct tls_set *set);
/* Whether set is still the present one. */
bool tls_is_present(struct tls *t, const struct tls_set *set);

enum tls_peer { TLS_PEER_NONE, TLS_PEER_BAD, TLS_PEER_GOOD };

/*
 * Judges the certificate of a session whose handshake is over: chain to the CA, validity now,
 * revocation list, extendedKeyUsage (clientAuth where there is one).
 * Returns: NONE: no certificate came. GOOD: pin_out is the SHA-256 of its SubjectPublicKeyInfo,
 *          until_ms_out the end of its life, ms UTC.
 */
enum tls_peer tls_check(gnutls_session_t session, uint8_t pin_out[static MSG_PIN_LEN],
                        uint64_t *until_ms_out);

#endif
