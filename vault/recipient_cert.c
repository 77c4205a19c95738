#include "vault/recipient_cert.h"

#include <string.h>
#include <time.h>

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "vault/access/recipient.h"

#define RSA_MIN_BITS 2048
#define RSA_MAX_BITS 8192 /* above, one export would hold the keeper up */
#define GROUP_MAX    32

/* Without it the library asks at the terminal for what opens an encrypted PEM. */
static int no_pass_phrase(char *out, int size, int writes, void *arg)
{
    (void)out;
    (void)size;
    (void)writes;
    (void)arg;
    return -1;
}

uint64_t recipient_cert_until(const X509 *cert)
{
    struct tm tm;
    time_t end;

    if (ASN1_TIME_to_tm(X509_get0_notAfter(cert), &tm) != 1)
        return 0;
    end = timegm(&tm);
    return end <= 0 ? 0 : (uint64_t)end * 1000;
}

static bool is_good_curve(const EVP_PKEY *key)
{
    char name[GROUP_MAX] = "";
    int nid;

    if (EVP_PKEY_get_group_name(key, name, sizeof(name), NULL) != 1)
        return false;
    nid = OBJ_sn2nid(name);
    return nid == NID_X9_62_prime256v1 || nid == NID_secp384r1 || nid == NID_secp521r1;
}

/* A key that content can be encrypted to, and that is meant for it. */
static bool is_good_key(X509 *cert)
{
    EVP_PKEY *key = X509_get0_pubkey(cert);
    uint32_t usage = X509_get_key_usage(cert); /* all bits where the certificate does not say */

    if (key == NULL)
        return false;
    if (EVP_PKEY_is_a(key, "RSA"))
        return EVP_PKEY_get_bits(key) >= RSA_MIN_BITS && EVP_PKEY_get_bits(key) <= RSA_MAX_BITS &&
               (usage & KU_KEY_ENCIPHERMENT) != 0;
    return EVP_PKEY_is_a(key, "EC") && is_good_curve(key) && (usage & KU_KEY_AGREEMENT) != 0;
}

enum hufu_err recipient_cert_read(struct view pem, uint64_t now_ms, struct buf *der_out)
{
    BIO *bio = BIO_new_mem_buf(pem.p, (int)pem.len);
    X509 *cert = bio == NULL ? NULL : PEM_read_bio_X509(bio, NULL, no_pass_phrase, NULL);
    uint8_t *der = NULL;
    int len = cert == NULL ? -1 : i2d_X509(cert, &der);
    enum hufu_err err = HUFU_BAD_REQUEST;

    if (len > 0 && len <= RECIPIENT_CERT_MAX && recipient_cert_until(cert) > now_ms &&
        is_good_key(cert)) {
        buf_put(der_out, der, (size_t)len);
        err = buf_check(der_out) == HUFU_OK ? HUFU_OK : HUFU_BAD_REQUEST;
    }
    OPENSSL_free(der);
    X509_free(cert);
    BIO_free(bio);
    ERR_clear_error();
    return err;
}

X509 *recipient_cert_open(struct view der)
{
    const uint8_t *at = der.p;
    X509 *cert = d2i_X509(NULL, &at, (long)der.len);

    if (cert != NULL && at != der.p + der.len) {
        X509_free(cert);
        cert = NULL;
    }
    ERR_clear_error();
    return cert;
}
