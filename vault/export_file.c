#include "vault/export_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/rsa.h>

#include "vault/recipient_cert.h"

#define FOLDER       "exports"
#define NAME_MAX_LEN (ID_TEXT_LEN + 8)

struct export_file {
    int dir_fd, fd;
    char part[NAME_MAX_LEN], whole[NAME_MAX_LEN];
    CMS_ContentInfo *cms;
    BIO *hash;   /* over the file's descriptor: what is written is hashed … */
    BIO *stream; /* … and encrypted before that; it ends in `hash` */
};

static void name_it(char out[static NAME_MAX_LEN], const uint8_t id[static ID_LEN], const char *end)
{
    char text[ID_TEXT_LEN + 1];

    id_print(id, text);
    (void)snprintf(out, NAME_MAX_LEN, "%s%s", text, end);
}

/* The folder; makes it where it is to be made and not there. -1: errno says why. */
static int open_folder(const char *data, bool make)
{
    int data_fd = open(data, O_RDONLY | O_DIRECTORY | O_CLOEXEC), fd = -1;

    if (data_fd < 0)
        return -1;
    if (!make || mkdirat(data_fd, FOLDER, 0700) == 0 || errno == EEXIST)
        fd = openat(data_fd, FOLDER, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    (void)close(data_fd);
    return fd;
}

/* OAEP and SHA-256 in the place of what the library begins with: PKCS #1 v1.5 and SHA-1. */
static bool set_key_transport(EVP_PKEY_CTX *ctx)
{
    return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING) > 0 &&
           EVP_PKEY_CTX_set_rsa_oaep_md(ctx, EVP_sha256()) > 0 &&
           EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, EVP_sha256()) > 0;
}

static bool set_key_agreement(CMS_RecipientInfo *to, EVP_PKEY_CTX *ctx)
{
    EVP_CIPHER_CTX *wrap = CMS_RecipientInfo_kari_get0_ctx(to);

    return wrap != NULL && EVP_EncryptInit_ex(wrap, EVP_aes_256_wrap(), NULL, NULL, NULL) == 1 &&
           EVP_PKEY_CTX_set_ecdh_kdf_md(ctx, EVP_sha256()) > 0;
}

static bool add_recipient(CMS_ContentInfo *cms, X509 *cert)
{
    CMS_RecipientInfo *to = CMS_add1_recipient_cert(cms, cert, CMS_KEY_PARAM);
    EVP_PKEY_CTX *ctx = to == NULL ? NULL : CMS_RecipientInfo_get0_pkey_ctx(to);

    if (ctx == NULL)
        return false;
    if (CMS_RecipientInfo_type(to) == CMS_RECIPINFO_TRANS)
        return set_key_transport(ctx);
    return CMS_RecipientInfo_type(to) == CMS_RECIPINFO_AGREE && set_key_agreement(to, ctx);
}

static enum hufu_err open_stream(struct export_file *f, X509 *cert)
{
    BIO *fd = BIO_new_fd(f->fd, BIO_NOCLOSE);

    f->hash = BIO_new(BIO_f_md());
    if (fd == NULL || f->hash == NULL || BIO_set_md(f->hash, EVP_sha256()) != 1) {
        BIO_free(fd);
        return HUFU_NOMEM;
    }
    (void)BIO_push(f->hash, fd);
    f->cms = CMS_encrypt(NULL, NULL, EVP_aes_256_gcm(), CMS_BINARY | CMS_STREAM | CMS_PARTIAL);
    if (f->cms == NULL || !add_recipient(f->cms, cert))
        return HUFU_IO;
    f->stream = BIO_new_CMS(f->hash, f->cms);
    return f->stream == NULL ? HUFU_IO : HUFU_OK;
}

enum hufu_err export_file_begin(const char *data, const uint8_t id[static ID_LEN],
                                struct view cert_der, struct export_file **out)
{
    struct export_file *f = calloc(1, sizeof(*f));
    X509 *cert = recipient_cert_open(cert_der);
    enum hufu_err err = f == NULL ? HUFU_NOMEM : HUFU_OK;

    if (err == HUFU_OK && cert == NULL)
        err = HUFU_CORRUPT;
    if (f != NULL)
        f->dir_fd = f->fd = -1;
    if (err != HUFU_OK)
        goto out;
    name_it(f->part, id, ".part");
    name_it(f->whole, id, ".cms");
    err = HUFU_IO;
    f->dir_fd = open_folder(data, true);
    if (f->dir_fd >= 0)
        f->fd =
            openat(f->dir_fd, f->part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (f->fd >= 0)
        err = open_stream(f, cert);
    if (err == HUFU_OK) {
        *out = f;
        f = NULL;
    }
out:
    export_file_free(f);
    X509_free(cert);
    ERR_clear_error();
    return err;
}

enum hufu_err export_file_write(struct export_file *f, struct view text)
{
    bool ok = text.len <= INT32_MAX && BIO_write(f->stream, text.p, (int)text.len) == (int)text.len;

    ERR_clear_error();
    return ok ? HUFU_OK : HUFU_IO;
}

enum hufu_err export_file_end(struct export_file *f, uint64_t *bytes_out,
                              uint8_t hash_out[static DIGEST_LEN])
{
    uint8_t hash[EVP_MAX_MD_SIZE];
    struct stat st;
    bool ok = BIO_flush(f->stream) == 1 && BIO_gets(f->hash, (char *)hash, sizeof(hash)) == 32;

    ERR_clear_error();
    if (!ok || fsync(f->fd) != 0 || fstat(f->fd, &st) != 0 ||
        renameat(f->dir_fd, f->part, f->dir_fd, f->whole) != 0 || fsync(f->dir_fd) != 0)
        return HUFU_IO;
    for (size_t i = 0; i < DIGEST_LEN; i++)
        hash_out[i] = hash[i];
    *bytes_out = (uint64_t)st.st_size;
    return HUFU_OK;
}

void export_file_free(struct export_file *f)
{
    if (f == NULL)
        return;
    while (f->stream != NULL && f->stream != f->hash) { /* what BIO_new_CMS has put before it */
        BIO *next = BIO_pop(f->stream);

        BIO_free(f->stream);
        f->stream = next;
    }
    BIO_free_all(f->hash);
    CMS_ContentInfo_free(f->cms);
    if (f->fd >= 0)
        (void)close(f->fd);
    if (f->dir_fd >= 0)
        (void)close(f->dir_fd);
    free(f);
}

enum hufu_err export_file_remove(const char *data, const uint8_t id[static ID_LEN])
{
    char part[NAME_MAX_LEN], whole[NAME_MAX_LEN];
    int dir_fd = open_folder(data, false);
    bool ok;

    if (dir_fd < 0)
        return errno == ENOENT ? HUFU_OK : HUFU_IO;
    name_it(part, id, ".part");
    name_it(whole, id, ".cms");
    ok = unlinkat(dir_fd, part, 0) == 0 || errno == ENOENT;
    ok = (unlinkat(dir_fd, whole, 0) == 0 || errno == ENOENT) && ok;
    ok = fsync(dir_fd) == 0 && ok;
    (void)close(dir_fd);
    return ok ? HUFU_OK : HUFU_IO;
}

enum hufu_err export_file_read(const char *data, const uint8_t id[static ID_LEN], uint64_t offset,
                               size_t max, struct buf *out)
{
    char whole[NAME_MAX_LEN];
    int dir_fd = open_folder(data, false), fd = -1;
    uint8_t chunk[16384];
    ssize_t n = 1;

    name_it(whole, id, ".cms");
    if (dir_fd >= 0)
        fd = openat(dir_fd, whole, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (dir_fd >= 0)
        (void)close(dir_fd);
    if (fd < 0)
        return errno == ENOENT ? HUFU_NOT_FOUND : HUFU_IO;
    while (max > 0 && n > 0) {
        n = pread(fd, chunk, max < sizeof(chunk) ? max : sizeof(chunk), (off_t)offset);
        if (n > 0) {
            buf_put(out, chunk, (size_t)n);
            max -= (size_t)n;
            offset += (uint64_t)n;
        }
    }
    (void)close(fd);
    return n < 0 || buf_check(out) != HUFU_OK ? HUFU_IO : HUFU_OK;
}
