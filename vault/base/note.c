#include "vault/base/note.h"

#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "vault/base/text.h"

#define KEY_ID_LEN 4
#define DASH       "\xe2\x80\x94 " /* U+2014 and a space begin a signature line */

void checkpoint_print(const struct checkpoint *cp, struct buf *out)
{
    buf_str(out, cp->origin);
    buf_u8(out, '\n');
    buf_dec(out, cp->size);
    buf_u8(out, '\n');
    text_base64(out, cp->root.b, sizeof(cp->root.b));
    buf_u8(out, '\n');
}

static bool key_id(struct view spki, uint8_t out[static KEY_ID_LEN])
{
    uint8_t hash[EVP_MAX_MD_SIZE];

    if (EVP_Digest(spki.p, spki.len, hash, NULL, EVP_sha256(), NULL) != 1)
        return false;
    memcpy(out, hash, KEY_ID_LEN);
    return true;
}

void note_print(struct view text, const char *origin, struct view spki, struct view sig,
                struct buf *out)
{
    uint8_t blob[NOTE_MAX];
    struct buf b;

    buf_fixed(&b, blob, sizeof(blob));
    if (!key_id(spki, buf_space(&b, KEY_ID_LEN)))
        out->failed = true;
    buf_put(&b, sig.p, sig.len);
    if (buf_check(&b) != HUFU_OK)
        out->failed = true;
    buf_put(out, text.p, text.len);
    buf_str(out, "\n" DASH);
    buf_str(out, origin);
    buf_u8(out, ' ');
    text_base64(out, b.p, b.len);
    buf_u8(out, '\n');
}

/* Cuts the first line, without its LF, off text; false where there is no LF. */
static bool cut_line(struct view *text, struct view *out)
{
    const uint8_t *end = text->len > 0 ? memchr(text->p, '\n', text->len) : NULL;

    if (end == NULL)
        return false;
    *out = view_of(text->p, (size_t)(end - text->p));
    *text = view_of(end + 1, text->len - out->len - 1);
    return true;
}

/* A key's name: "non-empty, without spaces or plus"; ours are printable ASCII as well. */
static bool is_origin(struct view name)
{
    if (name.len == 0 || name.len > NOTE_ORIGIN_MAX)
        return false;
    for (size_t i = 0; i < name.len; i++)
        if (name.p[i] <= ' ' || name.p[i] > '~' || name.p[i] == '+')
            return false;
    return true;
}

/* Splits a note at its last blank line, and checks that it is UTF-8 without controls but LF. */
static bool split_note(struct view note, struct view *text, struct view *sigs)
{
    struct view rest = note, line;
    bool found = false;

    if (note.len == 0 || note.len > NOTE_MAX || note.p[note.len - 1] != '\n')
        return false;
    while (cut_line(&rest, &line)) {
        if (!text_is_utf8(line))
            return false;
        if (line.len == 0) {
            *text = view_of(note.p, (size_t)(line.p - note.p));
            *sigs = rest;
            found = true;
        }
    }
    return found && sigs->len > 0;
}

/* Reads the three lines and passes over extension lines, which may not be empty. */
static bool read_text(struct view text, struct checkpoint *out)
{
    struct checkpoint cp = { 0 };
    struct view line;
    struct buf root;

    buf_fixed(&root, cp.root.b, sizeof(cp.root.b));
    if (!cut_line(&text, &line) || !is_origin(line))
        return false;
    memcpy(cp.origin, line.p, line.len);
    if (!cut_line(&text, &line) || text_u64(line, 0, UINT64_MAX, &cp.size) != HUFU_OK)
        return false;
    if (!cut_line(&text, &line) || text_unbase64(line, &root) != HUFU_OK ||
        root.len != sizeof(cp.root.b))
        return false;
    while (text.len > 0)
        if (!cut_line(&text, &line) || line.len == 0)
            return false;
    *out = cp;
    return true;
}

/* Reads a signature line into its name and, in out, key id and signature. */
static bool read_sig(struct view line, struct view *name, struct buf *out)
{
    const size_t dash_len = sizeof(DASH) - 1;
    const uint8_t *space;

    if (line.len <= dash_len || !view_equal(view_of(line.p, dash_len), view_str(DASH)))
        return false;
    line = view_of(line.p + dash_len, line.len - dash_len);
    space = memchr(line.p, ' ', line.len);
    if (space == NULL || space == line.p)
        return false;
    *name = view_of(line.p, (size_t)(space - line.p));
    if (memchr(name->p, '+', name->len) != NULL)
        return false;
    line = view_of(space + 1, line.len - name->len - 1);
    return text_unbase64(line, out) == HUFU_OK && out->len > KEY_ID_LEN;
}

/* Gives the P-256 key of spki, or NULL. */
static EVP_PKEY *read_key(struct view spki)
{
    const unsigned char *at = spki.p;
    char group[32] = "";
    EVP_PKEY *key = NULL;

    if (spki.len > 0 && spki.len <= NOTE_SPKI_MAX)
        key = d2i_PUBKEY(NULL, &at, (long)spki.len);
    if (key != NULL &&
        (at != spki.p + spki.len || EVP_PKEY_get_group_name(key, group, sizeof(group), NULL) != 1 ||
         strcmp(group, "prime256v1") != 0)) {
        EVP_PKEY_free(key);
        key = NULL;
    }
    ERR_clear_error();
    return key;
}

static bool verify(struct view spki, struct view text, struct view sig)
{
    EVP_PKEY *key = read_key(spki);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool good = key != NULL && ctx != NULL &&
                EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, key) == 1 &&
                EVP_DigestVerify(ctx, sig.p, sig.len, text.p, text.len) == 1;

    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(key);
    ERR_clear_error();
    return good;
}

enum hufu_err note_read(struct view note, struct checkpoint *out)
{
    struct view text, sigs, line, name;
    uint8_t blob[NOTE_MAX];
    struct checkpoint cp;
    struct buf b;

    if (!split_note(note, &text, &sigs) || !read_text(text, &cp))
        return HUFU_SYNTAX;
    while (cut_line(&sigs, &line)) {
        buf_fixed(&b, blob, sizeof(blob));
        if (!read_sig(line, &name, &b))
            return HUFU_SYNTAX;
    }
    *out = cp;
    return HUFU_OK;
}

enum hufu_err note_check(struct view note, struct view spki, struct checkpoint *out)
{
    struct view text, sigs, line, name;
    uint8_t blob[NOTE_MAX], ours[KEY_ID_LEN];
    struct checkpoint cp;
    bool good = false;
    struct buf b;

    if (note_read(note, &cp) != HUFU_OK || !split_note(note, &text, &sigs))
        return HUFU_SYNTAX;
    if (!key_id(spki, ours))
        return HUFU_CORRUPT;
    while (cut_line(&sigs, &line)) {
        buf_fixed(&b, blob, sizeof(blob));
        if (!read_sig(line, &name, &b))
            return HUFU_SYNTAX;
        if (!view_is(name, cp.origin) ||
            !view_equal(view_of(b.p, KEY_ID_LEN), view_of(ours, KEY_ID_LEN)))
            continue;
        /* "If a known key's signature fails to verify, the whole note is rejected." */
        if (!verify(spki, text, view_of(b.p + KEY_ID_LEN, b.len - KEY_ID_LEN)))
            return HUFU_CORRUPT;
        good = true;
    }
    if (!good)
        return HUFU_CORRUPT;
    *out = cp;
    return HUFU_OK;
}

/* PEM_read_bio alone: unlike PEM_read_bio_PUBKEY it never asks a terminal for a pass phrase. */
enum hufu_err note_spki_from_pem(struct view pem, struct buf *out)
{
    char *name = NULL, *header = NULL;
    unsigned char *der = NULL;
    enum hufu_err err = HUFU_SYNTAX;
    EVP_PKEY *key = NULL;
    BIO *bio = NULL;
    long der_len = 0;

    if (pem.len > NOTE_MAX)
        return HUFU_RANGE;
    bio = BIO_new_mem_buf(pem.p, (int)pem.len);
    if (bio == NULL || PEM_read_bio(bio, &name, &header, &der, &der_len) != 1)
        goto out;
    if (strcmp(name, "PUBLIC KEY") != 0 || header[0] != '\0')
        goto out;
    key = read_key(view_of(der, (size_t)der_len));
    if (key == NULL)
        goto out;
    buf_put(out, der, (size_t)der_len);
    err = buf_check(out);
out:
    EVP_PKEY_free(key);
    OPENSSL_free(der);
    OPENSSL_free(header);
    OPENSSL_free(name);
    BIO_free(bio);
    ERR_clear_error();
    return err;
}

enum hufu_err note_spki_to_pem(struct view spki, struct buf *out)
{
    EVP_PKEY *key = read_key(spki);

    if (key == NULL)
        return HUFU_SYNTAX;
    EVP_PKEY_free(key);
    buf_str(out, "-----BEGIN PUBLIC KEY-----\n");
    for (size_t at = 0; at < spki.len; at += 48) { /* 64 characters a line */
        text_base64(out, spki.p + at, spki.len - at < 48 ? spki.len - at : 48);
        buf_u8(out, '\n');
    }
    buf_str(out, "-----END PUBLIC KEY-----\n");
    return buf_check(out);
}
