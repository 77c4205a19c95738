/*
 * share_calls.h - recipients with certificates, the sharing register, exports, for the tests of the
 * core.
 *
 * Layer:   tests. Includes tests/grant_suite.h.
 * Threads: one.
 */
#ifndef HUFU_TESTS_SHARE_CALLS_H
#define HUFU_TESTS_SHARE_CALLS_H

#include <dirent.h>
#include <sys/stat.h>

#include <openssl/cms.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include "tests/grant_calls.h"
#include "tests/grant_suite.h"
#include "vault/export.h"
#include "vault/manage_recipient.h"
#include "vault/share.h"

#define SHARE_DAY_MS    86400000ULL
#define SHARE_YEAR_MS   (365 * SHARE_DAY_MS)
#define SHARE_PEM_MAX   8192
#define SHARE_PLAIN_MAX 65536

static char aude[MSG_SESSION_LEN + 1];

struct share_key { /* a recipient's own */
    EVP_PKEY *key;
    X509 *cert;
    char pem[SHARE_PEM_MAX];
};

/* curve NULL: RSA of so many bits. The life is in ms UTC. usage: as OpenSSL has it, or NULL. */
static inline void share_key_make(struct share_key *out, const char *curve, size_t bits,
                                  uint64_t until_ms, const char *usage)
{
    X509 *x = X509_new();
    BIO *bio = BIO_new(BIO_s_mem());
    char *text;
    long len;

    out->key = curve != NULL ? EVP_EC_gen(curve) : EVP_RSA_gen((unsigned)bits);
    RIG_CHECK(x != NULL && bio != NULL && out->key != NULL);
    RIG_CHECK(X509_set_version(x, 2) == 1);
    RIG_CHECK(ASN1_INTEGER_set(X509_get_serialNumber(x), 7) == 1);
    RIG_CHECK(ASN1_TIME_set(X509_getm_notBefore(x), (time_t)(RIG_NOW_MS / 1000 - 1000)) != NULL);
    RIG_CHECK(ASN1_TIME_set(X509_getm_notAfter(x), (time_t)(until_ms / 1000)) != NULL);
    RIG_CHECK(X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC,
                                         (const unsigned char *)"recipient", -1, -1, 0) == 1);
    RIG_CHECK(X509_set_issuer_name(x, X509_get_subject_name(x)) == 1);
    RIG_CHECK(X509_set_pubkey(x, out->key) == 1);
    if (usage != NULL) {
        X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, NULL, NID_key_usage, usage);

        RIG_CHECK(ext != NULL && X509_add_ext(x, ext, -1) == 1);
        X509_EXTENSION_free(ext);
    }
    RIG_CHECK(X509_sign(x, out->key, EVP_sha256()) > 0);
    RIG_CHECK(PEM_write_bio_X509(bio, x) == 1);
    len = BIO_get_mem_data(bio, &text);
    RIG_CHECK(len > 0 && len < SHARE_PEM_MAX);
    memcpy(out->pem, text, (size_t)len);
    out->pem[len] = '\0';
    out->cert = x;
    BIO_free(bio);
}

static inline void share_key_free(struct share_key *k)
{
    EVP_PKEY_free(k->key);
    X509_free(k->cert);
    *k = (struct share_key){ .key = NULL };
}

struct share_who { /* a recipient to be enrolled; NULL: left out. until_ms 0: in a year */
    const char *name, *kind, *assessment, *channel_check, *tool_check, *contract, *legal_basis,
        *use, *pem;
    uint64_t until_ms;
};

static inline void share_put_paper(struct buf *b, enum msg_tag tag, const char *ref, uint64_t until)
{
    struct buf paper;

    if (ref == NULL)
        return;
    buf_init(&paper, 256);
    buf_lv16(&paper, ref, strlen(ref));
    buf_u64(&paper, until == 0 ? rig.clock.now + SHARE_YEAR_MS : until);
    msg_put_text(b, tag, buf_view(&paper));
    buf_done(&paper);
}

static inline void share_put_text(struct buf *b, enum msg_tag tag, const char *text)
{
    if (text != NULL)
        msg_put_text(b, tag, view_str(text));
}

/* VERB_RECIPIENT_ADD; VERB_RECIPIENT_ASSESS, whose reason is `use`. */
static inline const struct rig_reply *share_enrol(const char *session, uint16_t verb,
                                                  const struct share_who *r)
{
    struct rig_who who = { .session = session };
    const struct rig_reply *reply;
    struct buf b;

    buf_init(&b, 32768);
    if (verb == VERB_RECIPIENT_ASSESS)
        share_put_text(&b, MSG_REASON, r->use);
    share_put_text(&b, MSG_KIND, r->kind);
    share_put_text(&b, MSG_NAME, r->name);
    share_put_text(&b, MSG_CERT_PEM, r->pem);
    share_put_paper(&b, MSG_ASSESSMENT, r->assessment, r->until_ms);
    share_put_paper(&b, MSG_CHANNEL_CHECK, r->channel_check, r->until_ms);
    share_put_paper(&b, MSG_TOOL_CHECK, r->tool_check, r->until_ms);
    share_put_paper(&b, MSG_CONTRACT, r->contract, r->until_ms);
    share_put_text(&b, MSG_LEGAL_BASIS, r->legal_basis);
    if (verb == VERB_RECIPIENT_ADD)
        share_put_text(&b, MSG_USE, r->use);
    reply = rig_call(&rig, verb, &who, buf_view(&b));
    buf_done(&b);
    return reply;
}

/* freeze, unfreeze */
static inline enum hufu_err share_turn(uint16_t verb, const char *name)
{
    struct rig_who who = { .session = sara };
    enum hufu_err err;
    struct buf b;

    buf_init(&b, 256);
    msg_put_text(&b, MSG_REASON, view_str("incident"));
    msg_put_text(&b, MSG_NAME, view_str(name));
    err = rig_call(&rig, verb, &who, buf_view(&b))->err;
    buf_done(&b);
    return err;
}

/* An outside one with a certificate, or without where pem is NULL. */
static inline void share_partner(const char *name, const char *pem)
{
    struct share_who r = { .name = name,
                           .kind = "outside",
                           .assessment = "A-2026",
                           .use = "settlement of disputes",
                           .pem = pem };

    RIG_CHECK(share_enrol(sara, VERB_RECIPIENT_ADD, &r)->err == HUFU_OK);
}

/* A page of a list; NULL: left out. */
static inline const struct rig_reply *share_page(const char *session, uint16_t verb, uint64_t limit,
                                                 const char *after, const char *since,
                                                 const char *until)
{
    struct rig_who who = { .session = session };
    const struct rig_reply *reply;
    struct buf b;

    buf_init(&b, 512);
    if (limit > 0)
        msg_put_u64(&b, MSG_LIMIT, limit);
    share_put_text(&b, MSG_AFTER, after);
    share_put_text(&b, MSG_SINCE, since);
    share_put_text(&b, MSG_UNTIL, until);
    reply = rig_call(&rig, verb, &who, buf_view(&b));
    buf_done(&b);
    return reply;
}

static inline size_t share_count(const char *body, const char *part)
{
    size_t n = 0;

    for (const char *at = body; (at = strstr(at, part)) != NULL; at += strlen(part))
        n++;
    return n;
}

struct share_export { /* what is not said is fine */
    const char *grant, *domain, *purpose, *reason;
    const char *const *tokens;
    size_t token_count;
};

static inline const struct rig_reply *share_begin(const char *session, const struct share_export *e)
{
    struct rig_who who = { .session = session };
    const struct rig_reply *reply;
    struct buf b;

    buf_init(&b, 262144);
    msg_put_text(&b, MSG_DOMAIN, view_str(e->domain != NULL ? e->domain : "guarded"));
    if (e->token_count > 0)
        grant_put_tokens(&b, e->tokens, e->token_count);
    msg_put_text(&b, MSG_REASON, view_str(e->reason != NULL ? e->reason : "case 7"));
    msg_put_text(&b, MSG_PURPOSE, view_str(e->purpose != NULL ? e->purpose : "dispute"));
    msg_put_text(&b, MSG_GRANT, view_str(e->grant));
    reply = rig_call(&rig, VERB_EXPORT_BEGIN, &who, buf_view(&b));
    buf_done(&b);
    return reply;
}

/* Begins one, which must be taken; id_out gets its id. */
static inline void share_begun(const struct share_export *e, char id_out[static GRANT_ID_MAX])
{
    const struct rig_reply *r = share_begin(olga, e);

    RIG_CHECK(r->err == HUFU_OK && r->success == MSG_201);
    RIG_CHECK(rig_member(r->body, "id", id_out, GRANT_ID_MAX) != NULL);
}

/* Everybody works until nobody gets on. */
static inline void share_settle(void)
{
    for (int i = 0; i < RIG_STEPS_MAX && rig_round(&rig); i++)
        continue;
}

/* The row as the vault has it; its tokens are not looked at. */
static inline struct export_row share_row_of(const char *id_text)
{
    struct export_row row = { 0 };
    uint8_t id[ID_LEN];
    struct buf text;

    buf_init(&text, EXPORT_ROW_MAX);
    RIG_CHECK(id_parse(view_str(id_text), id) == HUFU_OK);
    RIG_CHECK(export_find(&rig.core, id, &text, &row) == HUFU_OK);
    row.tokens.p = NULL;
    buf_done(&text);
    return row;
}

/* Appends what one call for a part of the file gives. */
static inline enum hufu_err share_fetch(const char *session, const char *id, uint64_t from,
                                        uint64_t limit, struct buf *out)
{
    struct rig_who who = { .session = session };
    const struct rig_reply *r;
    struct buf b;

    buf_init(&b, 256);
    msg_put_text(&b, MSG_ID, view_str(id));
    if (limit > 0)
        msg_put_u64(&b, MSG_LIMIT, limit);
    msg_put_u64(&b, MSG_FROM, from);
    r = rig_call(&rig, VERB_EXPORT_FILE, &who, buf_view(&b));
    buf_done(&b);
    if (r->err == HUFU_OK && out != NULL) {
        RIG_CHECK((r->flags & MSG_BINARY) != 0);
        buf_put(out, r->body, r->body_len);
    }
    return r->err;
}

/* Opens a file with the recipient's key; plain gets the text. False where it does not open. */
static inline bool share_open(const struct share_key *to, struct view file, struct buf *plain)
{
    BIO *in = BIO_new_mem_buf(file.p, (int)file.len), *out = BIO_new(BIO_s_mem());
    CMS_ContentInfo *cms = d2i_CMS_bio(in, NULL);
    bool ok = cms != NULL && CMS_decrypt(cms, to->key, to->cert, NULL, out, CMS_BINARY) == 1;
    char *text;
    long len = BIO_get_mem_data(out, &text);

    if (ok)
        buf_put(plain, text, (size_t)len);
    CMS_ContentInfo_free(cms);
    BIO_free(in);
    BIO_free(out);
    return ok;
}

static inline bool share_file_has(const char *path, const char *part)
{
    FILE *f = fopen(path, "rb");
    size_t len = 0, part_len = strlen(part);
    char *all = NULL;
    struct stat st;
    bool has = false;

    RIG_CHECK(f != NULL && fstat(fileno(f), &st) == 0);
    all = malloc((size_t)st.st_size + 1);
    RIG_CHECK(all != NULL);
    len = fread(all, 1, (size_t)st.st_size, f);
    has = memmem(all, len, part, part_len) != NULL;
    free(all);
    fclose(f);
    return has;
}

static const char *share_sought;
static size_t share_files, share_hits;

static inline int share_look(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    (void)st;
    (void)ftw;
    if (kind == FTW_F) {
        share_files++;
        share_hits += share_file_has(path, share_sought);
    }
    return 0;
}

/* How many of all files of the vault's folder hold the text. */
static inline size_t share_holders(const char *text)
{
    share_sought = text;
    share_files = share_hits = 0;
    RIG_CHECK(nftw(rig.dir, share_look, 8, FTW_PHYS) == 0 && share_files > 2);
    return share_hits;
}

/* Files in DATA/exports. */
static inline size_t share_exports_on_disk(void)
{
    struct dirent *e;
    char path[96];
    size_t n = 0;
    DIR *d;

    snprintf(path, sizeof(path), "%s/exports", rig.dir);
    d = opendir(path);
    while (d != NULL && (e = readdir(d)) != NULL)
        n += e->d_name[0] != '.';
    if (d != NULL)
        closedir(d);
    return n;
}

/* A grant of olga's for these tokens (0: any), so many values, that recipient. */
static inline void share_grant(const char *recipient, size_t tokens, uint64_t count,
                               char id[static GRANT_ID_MAX])
{
    struct grant_ask what = {
        .recipient = recipient, .tokens = some, .token_count = tokens, .count = count
    };

    granted(&what, id);
}

/* The whole file, in parts of so many bytes (0: as many as there may be). */
static inline void share_fetch_all(const char *session, const char *id, uint64_t part,
                                   struct buf *out)
{
    uint64_t bytes = share_row_of(id).file_bytes;

    while (out->len < bytes)
        assert_int_equal(share_fetch(session, id, out->len, part, out), HUFU_OK);
    assert_int_equal(out->len, bytes);
}

/* Lines of the log that hold all of them (NULL: anything). */
static inline size_t share_entries(const char *a, const char *b, const char *c)
{
    struct life_lines found;

    return life_find_lines(&rig, &found, 0, a, b, c);
}

static inline void share_expect(const char *id, unsigned state, const char *why, uint64_t done)
{
    struct export_row row = share_row_of(id);

    if (row.state != state || strcmp(row.why, why) != 0 || row.done != done)
        fail_msg("state %u why %s done %llu", row.state, row.why, (unsigned long long)row.done);
}

/* The vault of grant_suite.h, with an auditor signed in. */
static inline int share_vault(void **state)
{
    int rc = grant_vault(state);

    rig_login(&rig, "aude", aude);
    return rc;
}

#endif
