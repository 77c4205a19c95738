/* POST and GET /v1/partners, POST /v1/partners/{name}/certs. */
#include "vault/manage.h"

#include <string.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "vault/base/clock.h"
#include "vault/base/digest.h"
#include "vault/ff1_domain.h"
#include "vault/handle.h"

#define PARTNER_MAX 16384 /* bytes of one that is printed */

static const char *partner_name_at(struct core *core, size_t i)
{
    const struct partner *p = directory_partner_at(core->dir, i);

    return p == NULL ? NULL : p->name;
}

static void print_time(struct json *j, uint64_t ms)
{
    char text[CLOCK_TEXT_LEN + 1];

    if (ms == 0) { /* pinned by the file of a new vault: only the key is known */
        json_nil(j);
        return;
    }
    clock_print(ms, text);
    json_str(j, text);
}

static void print_partner(const struct partner *p, struct json *j)
{
    json_open(j);
    json_put_u64(j, "certificates", p->pin_count);
    json_name(j, "certificates_until");
    json_list(j);
    for (size_t i = 0; i < p->pin_count; i++)
        print_time(j, p->pin_until_ms[i]);
    json_end(j);
    json_put_time(j, "created_at", p->created_ms);
    json_name(j, "domains");
    json_list(j);
    for (size_t i = 0; i < p->domain_count; i++)
        json_str(j, p->domain[i]);
    json_end(j);
    if (p->is_entrusted != 0)
        json_put_bool(j, "entrusted", true);
    json_name(j, "formats");
    json_list(j);
    for (size_t i = 0; i < p->format_count; i++)
        json_str(j, p->format[i]);
    json_end(j);
    json_put_str(j, "name", p->name);
    if (p->qualified_until_ms != 0) {
        json_name(j, "qualification");
        json_open(j);
        json_put_str(j, "ref", p->qualification);
        json_put_time(j, "valid_until", p->qualified_until_ms);
        json_close(j);
    }
    json_put_str(j, "state", row_state_name(p->state));
    json_close(j);
}

static void print_partner_at(struct core *core, size_t i, struct json *j)
{
    const struct partner *p = directory_partner_at(core->dir, i);

    if (p != NULL)
        print_partner(p, j);
}

enum hufu_err handle_partner_list(struct worker *w, struct request *req, struct msg_where *where)
{
    return manage_list(w, req, where, partner_name_at, print_partner_at);
}

/* The end of the certificate's life; 0: it cannot be told. */
static uint64_t end_of(const X509 *cert)
{
    struct tm tm;
    time_t end;

    if (ASN1_TIME_to_tm(X509_get0_notAfter(cert), &tm) != 1)
        return 0;
    end = timegm(&tm);
    return end <= 0 ? 0 : (uint64_t)end * 1000;
}

/* Without it the library asks at the terminal for what opens an encrypted PEM. */
static int no_pass_phrase(char *out, int size, int writes, void *arg)
{
    (void)out;
    (void)size;
    (void)writes;
    (void)arg;
    return -1;
}

/* The certificate that comes with the request, while it lasts: SHA-256 of its SubjectPublicKeyInfo,
 * DER, and its end. */
static enum hufu_err read_certificate(const struct request *req, uint8_t pin[static MSG_PIN_LEN],
                                      uint64_t *until_ms_out)
{
    struct view pem = msg_text(&req->msg, MSG_CERT_PEM);
    BIO *bio = BIO_new_mem_buf(pem.p, (int)pem.len);
    X509 *cert = bio == NULL ? NULL : PEM_read_bio_X509(bio, NULL, no_pass_phrase, NULL);
    uint8_t *der = NULL;
    int len = cert == NULL ? -1 : i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &der);
    uint64_t until_ms = cert == NULL ? 0 : end_of(cert);
    enum hufu_err err = HUFU_BAD_REQUEST;

    if (len > 0 && until_ms > core_now(req->core)) {
        struct view spki = view_of(der, (size_t)len);

        err = digest_sha256(&spki, 1, pin) == HUFU_OK ? HUFU_OK : HUFU_UNAVAILABLE;
    }
    if (err == HUFU_OK)
        *until_ms_out = until_ms;
    OPENSSL_free(der);
    X509_free(cert);
    BIO_free(bio);
    ERR_clear_error();
    return err;
}

static enum hufu_err read_qualification(struct worker *w, struct request *req, struct partner *p)
{
    struct view in = req->msg.field[MSG_QUALIFICATION];
    struct reader r;
    struct view ref;

    if (in.p == NULL)
        return HUFU_OK;
    reader_init(&r, in.p, in.len);
    ref = reader_lv16(&r, UINT16_MAX);
    p->qualified_until_ms = reader_u64(&r);
    if (reader_end(&r) != HUFU_OK || p->qualified_until_ms == 0)
        return HUFU_BAD_REQUEST;
    if (check_text(w, ref) != HUFU_OK)
        return HUFU_VALUE_IN_TEXT;
    return manage_copy(p->qualification, sizeof(p->qualification), ref);
}

static enum hufu_err read_partner(struct worker *w, struct request *req, struct partner *p,
                                  struct msg_where *where)
{
    struct view name = msg_text(&req->msg, MSG_NAME);
    enum hufu_err err;

    if (!text_is_name(name) || manage_copy(p->name, sizeof(p->name), name) != HUFU_OK)
        return manage_at(where, MSG_NAME, HUFU_BAD_REQUEST);
    if (check_text(w, name) != HUFU_OK)
        return manage_at(where, MSG_NAME, HUFU_VALUE_IN_TEXT);
    err = read_certificate(req, p->pin[0], &p->pin_until_ms[0]);
    if (err != HUFU_OK)
        return manage_at(where, MSG_CERT_PEM, err);
    p->pin_count = 1;
    p->is_entrusted = msg_bool(&req->msg, MSG_ENTRUSTED) ? 1 : 0;
    if (manage_names(req->msg.field[MSG_FORMATS], p->format[0], sizeof(p->format[0]),
                     ROW_FORMATS_MAX, &p->format_count) != HUFU_OK)
        return manage_at(where, MSG_FORMATS, HUFU_BAD_REQUEST);
    if (manage_names(req->msg.field[MSG_DOMAINS], p->domain[0], sizeof(p->domain[0]),
                     ROW_FORMATS_MAX, &p->domain_count) != HUFU_OK)
        return manage_at(where, MSG_DOMAINS, HUFU_BAD_REQUEST);
    err = read_qualification(w, req, p);
    if (err != HUFU_OK)
        return manage_at(where, MSG_QUALIFICATION, err);
    if (directory_partner(w->core->dir, name) != NULL)
        return manage_at(where, MSG_NAME, HUFU_CONFLICT);
    if (directory_partner_pin(w->core->dir, p->pin[0]) != NULL)
        return manage_at(where, MSG_CERT_PEM, HUFU_CONFLICT);
    return HUFU_OK;
}

/* The domains that are there already and that the partner declares let it in. */
static enum hufu_err join_domains(struct worker *w, struct request *req, const struct partner *p)
{
    enum hufu_err err = HUFU_OK;

    for (size_t i = 0; i < p->domain_count && err == HUFU_OK; i++) {
        const struct domain *d = directory_domain(w->core->dir, view_str(p->domain[i]));
        struct domain changed;
        struct buf text;

        if (d == NULL)
            continue; /* one to come: it names its partners itself */
        if (ff1_domain_bars(d, p))
            return HUFU_UNSUPPORTED_MODE;
        if (d->partner_count == ROW_PARTNERS_MAX)
            return HUFU_BAD_REQUEST;
        changed = *d;
        changed.partner[changed.partner_count++] = p->id;
        buf_init(&text, MANAGE_ROW_MAX);
        domain_put(&changed, &text);
        err = manage_write(w, req, TABLE_DOMAIN, d->id, d->seq, &text);
        buf_done(&text);
    }
    return err;
}

enum hufu_err handle_partner_add(struct worker *w, struct request *req, struct msg_where *where)
{
    struct partner p = { .state = ROW_ACTIVE, .created_ms = core_now(w->core) };
    struct row_ids ids;
    struct buf text;
    struct json j;
    uint64_t seq;
    enum hufu_err err;

    err = read_partner(w, req, &p, where);
    if (err != HUFU_OK)
        return err;
    if (directory_ids(w->core->dir, &ids, &seq) != HUFU_OK ||
        request_ops(req, 1, 2 + p.domain_count, 2 + p.domain_count, 0) != HUFU_OK ||
        request_body(req, PARTNER_MAX) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    op_expect_caller(req, &req->op[0]);
    request_entry(req, 0)->purpose = msg_text(&req->msg, MSG_NAME);
    p.id = ids.partner++;
    buf_init(&text, MANAGE_ROW_MAX);
    partner_put(&p, &text);
    err = manage_write_ids(w, req, &ids, seq);
    if (err == HUFU_OK)
        err = manage_write(w, req, TABLE_PARTNER, p.id, STORE_ABSENT, &text);
    buf_done(&text);
    if (err == HUFU_OK)
        err = join_domains(w, req, &p);
    if (err == HUFU_BAD_REQUEST || err == HUFU_UNSUPPORTED_MODE) {
        req->draft.op_count = 0; /* the refusal drafts its own entry */
        return manage_at(where, MSG_DOMAINS, err);
    }
    json_init(&j, &req->body);
    print_partner(&p, &j);
    req->reply.success = MSG_201;
    return err == HUFU_OK && buf_check(&req->body) == HUFU_OK ? HUFU_OK : HUFU_UNAVAILABLE;
}

/* A third certificate takes the place of the older one: the change-over that this one was for is
 * over, and from the very next request on it is refused. */
static void add_pin(struct partner *p, const uint8_t pin[static MSG_PIN_LEN], uint64_t until_ms)
{
    if (p->pin_count == ROW_PINS_MAX) {
        memmove(p->pin[0], p->pin[1], sizeof(p->pin) - sizeof(p->pin[0]));
        memmove(p->pin_until_ms, p->pin_until_ms + 1, sizeof(p->pin_until_ms) - sizeof(uint64_t));
        p->pin_count--;
    }
    memcpy(p->pin[p->pin_count], pin, MSG_PIN_LEN);
    p->pin_until_ms[p->pin_count++] = until_ms;
}

static enum hufu_err draft_change(struct worker *w, struct request *req,
                                  const struct partner *changed)
{
    struct row_ids ids;
    struct buf text;
    struct json j;
    uint64_t seq;
    enum hufu_err err;

    if (directory_ids(w->core->dir, &ids, &seq) != HUFU_OK ||
        request_ops(req, 1, 2, 2, 0) != HUFU_OK || request_body(req, PARTNER_MAX) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    op_expect_caller(req, &req->op[0]);
    request_entry(req, 0)->purpose = msg_text(&req->msg, MSG_NAME);
    request_entry(req, 0)->reason = msg_text(&req->msg, MSG_REASON);
    buf_init(&text, MANAGE_ROW_MAX);
    partner_put(changed, &text);
    err = manage_write(w, req, TABLE_PARTNER, changed->id, changed->seq, &text);
    buf_done(&text);
    /* The ids row is written again: of two that bring one certificate at once, one is too late. */
    if (err == HUFU_OK)
        err = manage_write_ids(w, req, &ids, seq);
    json_init(&j, &req->body);
    print_partner(changed, &j);
    return err == HUFU_OK && buf_check(&req->body) == HUFU_OK ? HUFU_OK : HUFU_UNAVAILABLE;
}

enum hufu_err handle_partner_cert_add(struct worker *w, struct request *req,
                                      struct msg_where *where)
{
    const struct partner *p = directory_partner(w->core->dir, msg_text(&req->msg, MSG_NAME));
    uint8_t pin[MSG_PIN_LEN];
    struct partner changed;
    uint64_t until_ms = 0;
    enum hufu_err err;

    err = check_member(w, req, MSG_REASON, where);
    if (err != HUFU_OK)
        return err;
    err = read_certificate(req, pin, &until_ms);
    if (err != HUFU_OK)
        return manage_at(where, MSG_CERT_PEM, err);
    if (p == NULL)
        return HUFU_NOT_FOUND;
    if (directory_partner_pin(w->core->dir, pin) != NULL)
        return manage_at(where, MSG_CERT_PEM, HUFU_CONFLICT);
    changed = *p;
    add_pin(&changed, pin, until_ms);
    return draft_change(w, req, &changed);
}

/* C01: a new qualification in the place of the one recorded. */
enum hufu_err handle_partner_qualify(struct worker *w, struct request *req, struct msg_where *where)
{
    const struct partner *p = directory_partner(w->core->dir, msg_text(&req->msg, MSG_NAME));
    struct partner changed = { 0 };
    enum hufu_err err;

    err = check_member(w, req, MSG_REASON, where);
    if (err != HUFU_OK)
        return err;
    if (p != NULL)
        changed = *p;
    err = read_qualification(w, req, &changed);
    if (err == HUFU_OK && changed.qualified_until_ms <= core_now(w->core))
        err = HUFU_BAD_REQUEST; /* over before it begins */
    if (err != HUFU_OK)
        return manage_at(where, MSG_QUALIFICATION, err);
    return p == NULL ? HUFU_NOT_FOUND : draft_change(w, req, &changed);
}
