#include "api/tls.h"

#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <gnutls/x509.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "vault/base/secret.h"

struct tls_set {
    atomic_uint users;
    gnutls_certificate_credentials_t cred;
    uint64_t until_ms;      /* of the server's certificate */
    uint64_t list_until_ms; /* when the revocation list is over; UINT64_MAX: there is none */
};

struct tls {
    pthread_mutex_t mu; /* guards present */
    struct tls_set *present;
};

void tls_give(struct tls_set *set)
{
    if (set == NULL || atomic_fetch_sub(&set->users, 1) != 1)
        return;
    if (set->cred != NULL)
        gnutls_certificate_free_credentials(set->cred);
    free(set);
}

static enum hufu_err read_file(const char *path, gnutls_datum_t *out)
{
    return gnutls_load_file(path, out) == GNUTLS_E_SUCCESS ? HUFU_OK : HUFU_IO;
}

static void file_done(gnutls_datum_t *file)
{
    if (file->data == NULL)
        return;
    wipe(file->data, file->size);
    gnutls_free(file->data);
}

static enum hufu_err set_own(gnutls_certificate_credentials_t cred, const struct tls_files *files)
{
    gnutls_datum_t cert = { NULL, 0 }, key = { NULL, 0 };
    enum hufu_err err;

    err = read_file(files->cert, &cert);
    if (err == HUFU_OK)
        err = read_file(files->key, &key);
    /* It compares the two keys itself. */
    if (err == HUFU_OK &&
        gnutls_certificate_set_x509_key_mem(cred, &cert, &key, GNUTLS_X509_FMT_PEM) < 0)
        err = HUFU_SYNTAX;
    file_done(&cert);
    file_done(&key);
    return err;
}

/* A list that our CA has signed. It may be over: nobody is let in then, by tls_list_until_ms. */
static enum hufu_err read_list(gnutls_x509_crl_t crl, const gnutls_x509_crt_t *ca,
                               unsigned ca_count, uint64_t *until_ms)
{
    const unsigned when =
        GNUTLS_CERT_REVOCATION_DATA_SUPERSEDED | GNUTLS_CERT_REVOCATION_DATA_ISSUED_IN_FUTURE;
    time_t next = gnutls_x509_crl_get_next_update(crl);
    unsigned status = 0;

    if (gnutls_x509_crl_verify(crl, ca, ca_count, 0, &status) != GNUTLS_E_SUCCESS ||
        (status & ~(when | (unsigned)GNUTLS_CERT_INVALID)) != 0)
        return HUFU_SYNTAX;
    if ((status & when) == 0 && status != 0)
        return HUFU_SYNTAX;
    if (next >= 0 && (uint64_t)next * 1000 < *until_ms)
        *until_ms = (uint64_t)next * 1000;
    return HUFU_OK;
}

/* The library looks for a certificate in a list, and neither at the list's signature nor its end.
 */
static enum hufu_err read_lists(const gnutls_datum_t *ca_pem, const gnutls_datum_t *crl_pem,
                                uint64_t *until_ms_out)
{
    gnutls_x509_crt_t *ca = NULL;
    gnutls_x509_crl_t *crl = NULL;
    unsigned ca_count = 0, crl_count = 0;
    uint64_t until_ms = UINT64_MAX;
    enum hufu_err err = HUFU_SYNTAX;

    if (gnutls_x509_crt_list_import2(&ca, &ca_count, ca_pem, GNUTLS_X509_FMT_PEM, 0) >= 0 &&
        gnutls_x509_crl_list_import2(&crl, &crl_count, crl_pem, GNUTLS_X509_FMT_PEM, 0) >= 0)
        err = crl_count > 0 ? HUFU_OK : HUFU_SYNTAX;
    for (unsigned i = 0; i < crl_count && err == HUFU_OK; i++)
        err = read_list(crl[i], ca, ca_count, &until_ms);
    for (unsigned i = 0; i < ca_count; i++)
        gnutls_x509_crt_deinit(ca[i]);
    for (unsigned i = 0; i < crl_count; i++)
        gnutls_x509_crl_deinit(crl[i]);
    gnutls_free(ca);
    gnutls_free(crl);
    if (err == HUFU_OK)
        *until_ms_out = until_ms;
    return err;
}

static enum hufu_err set_trust(struct tls_set *set, const struct tls_files *files)
{
    gnutls_datum_t ca = { NULL, 0 }, crl = { NULL, 0 };
    enum hufu_err err;

    err = read_file(files->ca, &ca);
    if (err == HUFU_OK &&
        gnutls_certificate_set_x509_trust_mem(set->cred, &ca, GNUTLS_X509_FMT_PEM) < 1)
        err = HUFU_SYNTAX;
    if (err == HUFU_OK && files->crl[0] != '\0') {
        err = read_file(files->crl, &crl);
        if (err == HUFU_OK)
            err = read_lists(&ca, &crl, &set->list_until_ms);
        if (err == HUFU_OK &&
            gnutls_certificate_set_x509_crl_mem(set->cred, &crl, GNUTLS_X509_FMT_PEM) < 1)
            err = HUFU_SYNTAX;
    }
    file_done(&ca);
    file_done(&crl);
    return err;
}

/* The end of the first certificate of the chain that goes out. */
static uint64_t read_until(gnutls_certificate_credentials_t cred)
{
    gnutls_datum_t der = { NULL, 0 };
    gnutls_x509_crt_t cert;
    time_t until = (time_t)-1;

    if (gnutls_certificate_get_crt_raw(cred, 0, 0, &der) != GNUTLS_E_SUCCESS ||
        gnutls_x509_crt_init(&cert) != GNUTLS_E_SUCCESS)
        return 0;
    if (gnutls_x509_crt_import(cert, &der, GNUTLS_X509_FMT_DER) == GNUTLS_E_SUCCESS)
        until = gnutls_x509_crt_get_expiration_time(cert);
    gnutls_x509_crt_deinit(cert);
    return until < 0 ? 0 : (uint64_t)until * 1000;
}

static enum hufu_err set_new(const struct tls_files *files, struct tls_set **out)
{
    struct tls_set *set = calloc(1, sizeof(*set));
    enum hufu_err err = HUFU_NOMEM;

    if (set == NULL)
        return HUFU_NOMEM;
    atomic_init(&set->users, 1);
    set->list_until_ms = UINT64_MAX;
    if (gnutls_certificate_allocate_credentials(&set->cred) != GNUTLS_E_SUCCESS)
        goto out;
    err = set_own(set->cred, files);
    if (err == HUFU_OK)
        err = set_trust(set, files);
    if (err != HUFU_OK)
        goto out;
    set->until_ms = read_until(set->cred);
    *out = set;
    set = NULL;
out:
    tls_give(set);
    return err;
}

enum hufu_err tls_new(const struct tls_files *files, struct tls **out)
{
    struct tls *t = calloc(1, sizeof(*t));
    enum hufu_err err;

    if (t == NULL)
        return HUFU_NOMEM;
    err = set_new(files, &t->present);
    if (err != HUFU_OK) {
        free(t);
        return err;
    }
    pthread_mutex_init(&t->mu, NULL);
    *out = t;
    return HUFU_OK;
}

uint64_t tls_until_ms(struct tls *t)
{
    uint64_t until_ms;

    pthread_mutex_lock(&t->mu);
    until_ms = t->present->until_ms;
    pthread_mutex_unlock(&t->mu);
    return until_ms;
}

void tls_free(struct tls *t)
{
    if (t == NULL)
        return;
    tls_give(t->present);
    pthread_mutex_destroy(&t->mu);
    free(t);
}

enum hufu_err tls_reload(struct tls *t, const struct tls_files *files)
{
    struct tls_set *fresh, *old;
    enum hufu_err err = set_new(files, &fresh);

    if (err != HUFU_OK)
        return err;
    pthread_mutex_lock(&t->mu);
    old = t->present;
    t->present = fresh;
    pthread_mutex_unlock(&t->mu);
    tls_give(old);
    return HUFU_OK;
}

struct tls_set *tls_take(struct tls *t)
{
    struct tls_set *set;

    pthread_mutex_lock(&t->mu);
    set = t->present;
    atomic_fetch_add(&set->users, 1);
    pthread_mutex_unlock(&t->mu);
    return set;
}

bool tls_is_present(struct tls *t, const struct tls_set *set)
{
    bool same;

    pthread_mutex_lock(&t->mu);
    same = t->present == set;
    pthread_mutex_unlock(&t->mu);
    return same;
}

uint64_t tls_list_until_ms(const struct tls_set *set)
{
    return set->list_until_ms;
}

void tls_set_up(gnutls_session_t session, struct tls_set *set)
{
    gnutls_credentials_clear(session);
    /* A session without credentials fails its handshake, which is the safe end. */
    if (gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, set->cred) != GNUTLS_E_SUCCESS)
        gnutls_credentials_clear(session);
    gnutls_certificate_server_set_request(session, GNUTLS_CERT_REQUEST);
}

/* SHA-256 over the DER of the leaf's SubjectPublicKeyInfo, and when it ends. */
static bool read_leaf(const gnutls_datum_t *leaf, uint8_t pin_out[static MSG_PIN_LEN],
                      uint64_t *until_ms_out)
{
    gnutls_pubkey_t key = NULL;
    gnutls_x509_crt_t crt = NULL;
    gnutls_datum_t spki = { NULL, 0 };
    bool made = false;
    time_t end;

    if (gnutls_x509_crt_init(&crt) != GNUTLS_E_SUCCESS)
        goto out;
    if (gnutls_pubkey_init(&key) != GNUTLS_E_SUCCESS)
        goto out;
    if (gnutls_x509_crt_import(crt, leaf, GNUTLS_X509_FMT_DER) != GNUTLS_E_SUCCESS ||
        gnutls_pubkey_import_x509(key, crt, 0) != GNUTLS_E_SUCCESS ||
        gnutls_pubkey_export2(key, GNUTLS_X509_FMT_DER, &spki) != GNUTLS_E_SUCCESS)
        goto out;
    end = gnutls_x509_crt_get_expiration_time(crt);
    if (end < 0)
        goto out;
    *until_ms_out = (uint64_t)end * 1000;
    made = gnutls_hash_fast(GNUTLS_DIG_SHA256, spki.data, spki.size, pin_out) == GNUTLS_E_SUCCESS;
out:
    gnutls_free(spki.data);
    if (key != NULL)
        gnutls_pubkey_deinit(key);
    if (crt != NULL)
        gnutls_x509_crt_deinit(crt);
    return made;
}

enum tls_peer tls_check(gnutls_session_t session, uint8_t pin_out[static MSG_PIN_LEN],
                        uint64_t *until_ms_out)
{
    gnutls_typed_vdata_st purpose = { .type = GNUTLS_DT_KEY_PURPOSE_OID,
                                      .data = (unsigned char *)GNUTLS_KP_TLS_WWW_CLIENT };
    unsigned count = 0, status = 0;
    const gnutls_datum_t *chain = gnutls_certificate_get_peers(session, &count);

    if (chain == NULL || count == 0)
        return TLS_PEER_NONE;
    if (gnutls_certificate_type_get2(session, GNUTLS_CTYPE_PEERS) != GNUTLS_CRT_X509)
        return TLS_PEER_BAD;
    if (gnutls_certificate_verify_peers(session, &purpose, 1, &status) != GNUTLS_E_SUCCESS ||
        status != 0)
        return TLS_PEER_BAD;
    return read_leaf(&chain[0], pin_out, until_ms_out) ? TLS_PEER_GOOD : TLS_PEER_BAD;
}
