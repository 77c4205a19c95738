/* POST and GET /v1/partners and /v1/users. */
#include "vault/manage.h"

#include <string.h>

#include <openssl/pem.h>
#include <openssl/x509.h>

#include "vault/access/totp.h"
#include "vault/base/digest.h"
#include "vault/base/secret.h"
#include "vault/ceremony.h"
#include "vault/handle.h"

static const char *partner_name_at(struct core *core, size_t i)
{
    const struct partner *p = directory_partner_at(core->dir, i);

    return p == NULL ? NULL : p->name;
}

static void print_partner(const struct partner *p, struct json *j)
{
    json_open(j);
    json_put_u64(j, "certificates", p->pin_count);
    json_put_time(j, "created_at", p->created_ms);
    json_name(j, "domains");
    json_list(j);
    for (size_t i = 0; i < p->domain_count; i++)
        json_str(j, p->domain[i]);
    json_end(j);
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

static const char *user_name_at(struct core *core, size_t i)
{
    const struct user *u = directory_user_at(core->dir, i);

    return u == NULL ? NULL : u->name;
}

static void print_user_at(struct core *core, size_t i, struct json *j)
{
    const struct user *u = directory_user_at(core->dir, i);

    if (u == NULL)
        return;
    json_open(j);
    json_put_time(j, "created_at", u->created_ms);
    json_put_str(j, "group", u->group);
    json_put_str(j, "name", u->name);
    json_put_str(j, "role", role_name(u->role));
    json_put_str(j, "state", row_state_name(u->state));
    json_close(j);
}

enum hufu_err handle_user_list(struct worker *w, struct request *req, struct msg_where *where)
{
    return manage_list(w, req, where, user_name_at, print_user_at);
}

/* SHA-256 of the certificate's SubjectPublicKeyInfo, DER. */
static enum hufu_err pin_of(struct view pem, uint8_t out[static MSG_PIN_LEN])
{
    BIO *bio = BIO_new_mem_buf(pem.p, (int)pem.len);
    X509 *cert = bio == NULL ? NULL : PEM_read_bio_X509(bio, NULL, NULL, NULL);
    uint8_t *der = NULL;
    int len = cert == NULL ? -1 : i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &der);
    enum hufu_err err = HUFU_BAD_REQUEST;

    if (len > 0) {
        struct view spki = view_of(der, (size_t)len);

        err = digest_sha256(&spki, 1, out) == HUFU_OK ? HUFU_OK : HUFU_UNAVAILABLE;
    }
    OPENSSL_free(der);
    X509_free(cert);
    BIO_free(bio);
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
    err = pin_of(msg_text(&req->msg, MSG_CERT_PEM), p->pin[0]);
    if (err != HUFU_OK)
        return manage_at(where, MSG_CERT_PEM, err);
    p->pin_count = 1;
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
        request_body(req, 8192) != HUFU_OK)
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
    if (err == HUFU_BAD_REQUEST) {
        req->draft.op_count = 0; /* the refusal drafts its own entry */
        return manage_at(where, MSG_DOMAINS, err);
    }
    json_init(&j, &req->body);
    print_partner(&p, &j);
    req->reply.success = MSG_201;
    return err == HUFU_OK && buf_check(&req->body) == HUFU_OK ? HUFU_OK : HUFU_UNAVAILABLE;
}

void manage_print_seed(const struct user *user, struct json *j)
{
    struct view seed = view_of(secret_read(user->seed), ROW_SEED_LEN);
    uint8_t base32_mem[64], uri_mem[256];
    struct buf base32, uri;

    buf_fixed(&base32, base32_mem, sizeof(base32_mem));
    buf_fixed(&uri, uri_mem, sizeof(uri_mem));
    text_base32(&base32, seed.p, seed.len);
    totp_uri(&uri, view_str(user->name), seed);
    json_put_text(j, "totp_secret", buf_view(&base32));
    json_put_text(j, "totp_uri", buf_view(&uri));
    buf_done(&base32);
    buf_done(&uri);
}

/* What the new person signs in with the first time: shown once, in this reply. Of a privileged one
 * only the password: the code secret is told to who seconds it (ceremony.c). */
static enum hufu_err print_credentials(struct request *req, const struct user *user,
                                       const struct ceremony *c)
{
    char id[ID_TEXT_LEN + 1];
    struct json j;

    if (request_body(req, 1024) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    json_init(&j, &req->body);
    json_open(&j);
    if (c != NULL) {
        id_print(c->id, id);
        json_put_str(&j, "ceremony", id);
        json_put_str(&j, "id", id);
    }
    json_put_str(&j, "initial_password", req->person.password);
    if (c == NULL)
        manage_print_seed(user, &j);
    json_close(&j);
    return buf_check(&req->body) == HUFU_OK ? HUFU_OK : HUFU_UNAVAILABLE;
}

static enum hufu_err draft_user(struct worker *w, struct request *req, struct user *user,
                                struct row_ids ids, uint64_t seq)
{
    struct buf text;
    enum hufu_err err;

    if (request_ops(req, 1, 3, 3, 0) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    op_expect_caller(req, &req->op[0]);
    request_entry(req, 0)->purpose = msg_text(&req->msg, MSG_NAME);
    user->id = ids.user++;
    user->created_ms = core_now(w->core);
    user->password_ms = user->created_ms;
    buf_init(&text, MANAGE_ROW_MAX);
    user_put(user, &text);
    err = manage_write_ids(w, req, &ids, seq);
    if (err == HUFU_OK)
        err = manage_write(w, req, TABLE_USER, user->id, STORE_ABSENT, &text);
    buf_done(&text);
    return err;
}

/* Operators and SREs begin at once; a privileged person when a second administrator approves. */
static enum hufu_err add_user(struct worker *w, struct request *req, struct user *user)
{
    bool privileged = user->role != ROLE_OPERATOR && user->role != ROLE_SRE;
    const struct ceremony_kind *kind = ceremony_kind_find(view_str("enrol-user"));
    struct ceremony c;
    struct row_ids ids;
    uint64_t seq;
    enum hufu_err err;

    user->state = privileged ? ROW_PENDING : ROW_ACTIVE;
    if (!req->password_ok || secret_random(ROW_SEED_LEN, &user->seed) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    user->password = req->person.stored;
    err = HUFU_OK;
    if (directory_ids(w->core->dir, &ids, &seq) != HUFU_OK)
        err = HUFU_UNAVAILABLE;
    if (err == HUFU_OK)
        err = draft_user(w, req, user, ids, seq);
    if (err == HUFU_OK && privileged)
        err = ceremony_begin(w, req, kind, view_str(user->name), view_str("enrol"), &c);
    if (err == HUFU_OK)
        err = print_credentials(req, user, privileged ? &c : NULL);
    req->reply.success = privileged ? MSG_202 : MSG_201;
    return err;
}

enum hufu_err handle_user_add(struct worker *w, struct request *req, struct msg_where *where)
{
    struct view name = msg_text(&req->msg, MSG_NAME);
    struct user user = { 0 };
    enum role role;
    enum hufu_err err;

    if (!text_is_name(name) || manage_copy(user.name, sizeof(user.name), name) != HUFU_OK)
        return manage_at(where, MSG_NAME, HUFU_BAD_REQUEST);
    if (check_text(w, name) != HUFU_OK)
        return manage_at(where, MSG_NAME, HUFU_VALUE_IN_TEXT);
    if (role_parse(msg_text(&req->msg, MSG_ROLE), &role) != HUFU_OK)
        return manage_at(where, MSG_ROLE, HUFU_BAD_REQUEST);
    if (directory_user(w->core->dir, name) != NULL)
        return manage_at(where, MSG_NAME, HUFU_CONFLICT);
    user.role = (uint8_t)role;
    err = manage_copy(user.group, sizeof(user.group), view_str(role_name(role)));
    if (err == HUFU_OK)
        err = add_user(w, req, &user);
    user_clear(&user);
    return err;
}
