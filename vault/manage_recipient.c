/* POST and GET /v1/recipients, POST /v1/recipients/{name}/{assessment,freeze,unfreeze}. */
#include "vault/manage_recipient.h"

#include <string.h>

#include "vault/base/digest.h"
#include "vault/handle.h"
#include "vault/manage.h"
#include "vault/recipient_cert.h"
#include "vault/share.h"

#define ROW_MAX   (RECIPIENT_CERT_MAX + 1024) /* bytes of its plaintext */
#define PRINT_MAX 2048                        /* bytes of one that is printed */
#define PAGE_MAX  1000
#define BODY_MAX  1048576 /* of a page: it ends early rather than not fit into a frame */
#define TAIL_MAX  256     /* what ends a page */
#define ABOUT_MAX 128

static const char *const kinds[] = { "?", "outside", "processor", "public" };

static const struct {
    enum msg_tag tag;
    size_t at; /* in struct recipient */
} papers[] = {
    { MSG_ASSESSMENT, offsetof(struct recipient, assessment) },
    { MSG_CHANNEL_CHECK, offsetof(struct recipient, channel_check) },
    { MSG_TOOL_CHECK, offsetof(struct recipient, tool_check) },
    { MSG_CONTRACT, offsetof(struct recipient, contract) },
};
#define PAPERS (sizeof(papers) / sizeof(papers[0]))

const char *manage_recipient_kind(unsigned kind)
{
    return kind < sizeof(kinds) / sizeof(kinds[0]) ? kinds[kind] : "?";
}

enum hufu_err manage_recipient_at(struct core *core, size_t i, struct recipient *out)
{
    uint8_t key_mem[4], text_mem[ROW_MAX];
    struct buf key, text;
    struct reader r;
    uint64_t seq;
    enum hufu_err err;

    buf_fixed(&key, key_mem, sizeof(key_mem));
    buf_fixed(&text, text_mem, sizeof(text_mem));
    err = directory_kept_at(core->dir, TABLE_RECIPIENT, i, &key, &text, &seq);
    if (err == HUFU_OK)
        err = recipient_get(buf_view(&text), out);
    if (err != HUFU_OK)
        return err;
    reader_init(&r, key.p, key.len);
    out->id = reader_be32(&r);
    out->seq = seq;
    return HUFU_OK;
}

enum hufu_err manage_recipient_find(struct core *core, struct view name, struct recipient *out)
{
    struct recipient r;
    enum hufu_err err;

    for (size_t i = 0; (err = manage_recipient_at(core, i, &r)) == HUFU_OK; i++)
        if (view_is(name, r.name)) {
            *out = r;
            return HUFU_OK;
        }
    return err;
}

static void print_paper(struct json *j, const char *name, const struct recipient_paper *p)
{
    if (p->until_ms == 0)
        return;
    json_name(j, name);
    json_open(j);
    json_put_str(j, "ref", p->ref);
    json_put_time(j, "valid_until", p->until_ms);
    json_close(j);
}

static void print_certificate(struct json *j, const struct recipient *r)
{
    struct view der = view_of(r->cert, r->cert_len);
    uint8_t hash[DIGEST_LEN], hex_mem[TEXT_HEX_LEN(DIGEST_LEN)];
    X509 *cert = r->cert_len == 0 ? NULL : recipient_cert_open(der);
    struct buf hex;

    if (cert == NULL)
        return;
    buf_fixed(&hex, hex_mem, sizeof(hex_mem));
    if (digest_sha256(&der, 1, hash) == HUFU_OK)
        text_hex(&hex, hash, sizeof(hash));
    json_name(j, "certificate");
    json_open(j);
    json_put_text(j, "sha256", buf_view(&hex));
    json_put_time(j, "valid_until", recipient_cert_until(cert));
    json_close(j);
    X509_free(cert);
}

static void print_recipient(const struct recipient *r, struct json *j)
{
    json_open(j);
    print_paper(j, "assessment", &r->assessment);
    print_certificate(j, r);
    print_paper(j, "channel_check", &r->channel_check);
    print_paper(j, "contract", &r->contract);
    json_put_time(j, "created_at", r->created_ms);
    json_put_str(j, "kind", manage_recipient_kind(r->kind));
    if (r->legal_basis[0] != '\0')
        json_put_str(j, "legal_basis", r->legal_basis);
    json_put_str(j, "name", r->name);
    json_put_str(j, "state", row_state_name(r->state));
    print_paper(j, "tool_check", &r->tool_check);
    if (r->use[0] != '\0')
        json_put_str(j, "use", r->use);
    json_put_time(j, "valid_until", share_until(r));
    json_close(j);
}

/* In the order in which they were enrolled: `after` names the last one seen. */
enum hufu_err handle_recipient_list(struct worker *w, struct request *req, struct msg_where *where)
{
    uint64_t limit = msg_u64(&req->msg, MSG_LIMIT, MANAGE_PAGE), shown = 0;
    struct view after = msg_text(&req->msg, MSG_AFTER);
    char last[TEXT_NAME_MAX + 1] = "";
    struct recipient r = { 0 };
    uint32_t behind = 0;
    bool more = false;
    size_t want;
    struct json j;

    if (limit == 0 || limit > PAGE_MAX)
        return manage_at(where, MSG_LIMIT, HUFU_BAD_REQUEST);
    if (msg_has(&req->msg, MSG_AFTER)) {
        if (manage_recipient_find(w->core, after, &r) != HUFU_OK)
            return manage_at(where, MSG_AFTER, HUFU_BAD_REQUEST);
        behind = r.id;
    }
    want = TAIL_MAX + ((size_t)limit + 1) * PRINT_MAX;
    if (request_body(req, want < BODY_MAX ? want : BODY_MAX) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    json_init(&j, &req->body);
    json_open(&j);
    json_name(&j, "items");
    json_list(&j);
    for (size_t i = 0; !more && manage_recipient_at(w->core, i, &r) == HUFU_OK; i++) {
        if (r.id <= behind)
            continue;
        more = shown++ == limit || req->body.cap - req->body.len < PRINT_MAX + TAIL_MAX;
        if (more)
            break;
        print_recipient(&r, &j);
        memcpy(last, r.name, sizeof(last));
    }
    manage_list_end(&j, more, last);
    return buf_check(&req->body) == HUFU_OK ? HUFU_OK : HUFU_UNAVAILABLE;
}

/* A reference and its last day, which must be to come; a member that is not there changes nothing.
 */
static enum hufu_err read_paper(struct worker *w, struct request *req, enum msg_tag tag,
                                struct recipient_paper *out)
{
    struct view in = req->msg.field[tag], ref;
    struct recipient_paper p = { 0 };
    struct reader r;
    enum hufu_err err;

    if (in.p == NULL)
        return HUFU_OK;
    reader_init(&r, in.p, in.len);
    ref = reader_lv16(&r, UINT16_MAX);
    p.until_ms = reader_u64(&r);
    if (reader_end(&r) != HUFU_OK || p.until_ms <= core_now(w->core) || ref.len == 0)
        return HUFU_BAD_REQUEST;
    if (check_text(w, ref) != HUFU_OK)
        return HUFU_VALUE_IN_TEXT;
    err = manage_copy(p.ref, sizeof(p.ref), ref);
    if (err == HUFU_OK)
        *out = p;
    return err;
}

/* Papers and certificate: what both enrolment and renewal bring. */
static enum hufu_err read_papers(struct worker *w, struct request *req, struct recipient *r,
                                 struct msg_where *where)
{
    struct buf der;
    enum hufu_err err;

    for (size_t i = 0; i < PAPERS; i++) {
        err = read_paper(w, req, papers[i].tag,
                         (struct recipient_paper *)(void *)((uint8_t *)r + papers[i].at));
        if (err != HUFU_OK)
            return manage_at(where, papers[i].tag, err);
    }
    if (!msg_has(&req->msg, MSG_CERT_PEM))
        return HUFU_OK;
    buf_fixed(&der, r->cert, sizeof(r->cert));
    err = recipient_cert_read(msg_text(&req->msg, MSG_CERT_PEM), core_now(w->core), &der);
    if (err != HUFU_OK)
        return manage_at(where, MSG_CERT_PEM, err);
    r->cert_len = der.len;
    r->cert_ms = core_now(w->core);
    return HUFU_OK;
}

static enum hufu_err read_kind(const struct request *req, struct recipient *r,
                               struct msg_where *where)
{
    for (uint8_t k = RECIPIENT_OUTSIDE; k <= RECIPIENT_PUBLIC; k++)
        if (view_is(msg_text(&req->msg, MSG_KIND), kinds[k]))
            r->kind = k;
    if (r->kind == 0)
        return manage_at(where, MSG_KIND, HUFU_BAD_REQUEST);
    if (r->kind == RECIPIENT_PROCESSOR && !msg_has(&req->msg, MSG_CONTRACT))
        return manage_at(where, MSG_CONTRACT, HUFU_BAD_REQUEST);
    if (r->kind == RECIPIENT_PUBLIC && !msg_has(&req->msg, MSG_LEGAL_BASIS))
        return manage_at(where, MSG_LEGAL_BASIS, HUFU_BAD_REQUEST);
    return HUFU_OK;
}

static enum hufu_err read_recipient(struct worker *w, struct request *req, struct recipient *r,
                                    struct msg_where *where)
{
    struct view name = msg_text(&req->msg, MSG_NAME);
    enum hufu_err err;

    if (!text_is_name(name) || manage_copy(r->name, sizeof(r->name), name) != HUFU_OK)
        return manage_at(where, MSG_NAME, HUFU_BAD_REQUEST);
    err = read_kind(req, r, where);
    if (err == HUFU_OK)
        err = read_papers(w, req, r, where);
    if (err == HUFU_OK)
        err = check_member(w, req, MSG_NAME, where);
    if (err == HUFU_OK)
        err = check_member(w, req, MSG_LEGAL_BASIS, where);
    if (err == HUFU_OK)
        err = check_member(w, req, MSG_USE, where);
    if (err != HUFU_OK)
        return err;
    if (manage_copy(r->legal_basis, sizeof(r->legal_basis), msg_text(&req->msg, MSG_LEGAL_BASIS)) !=
            HUFU_OK ||
        manage_copy(r->use, sizeof(r->use), msg_text(&req->msg, MSG_USE)) != HUFU_OK)
        return HUFU_BAD_REQUEST;
    return HUFU_OK;
}

static enum hufu_err draft(struct worker *w, struct request *req, const struct recipient *r)
{
    struct buf text;
    struct json j;
    enum hufu_err err;

    if (request_ops(req, 1, 2, 2, 0) != HUFU_OK || request_body(req, PRINT_MAX) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    op_expect_caller(req, &req->op[0]);
    buf_init(&text, MANAGE_ROW_MAX);
    recipient_put(r, &text);
    err = manage_write(w, req, TABLE_RECIPIENT, r->id, r->seq, &text);
    buf_done(&text);
    json_init(&j, &req->body);
    print_recipient(r, &j);
    return err == HUFU_OK && buf_check(&req->body) == HUFU_OK ? HUFU_OK : HUFU_UNAVAILABLE;
}

/* The entry says what was recorded: "kind=outside assessment=REF". */
static enum hufu_err name_kind(struct request *req, const struct recipient *r)
{
    uint8_t *mem = request_take(req, ABOUT_MAX);
    struct buf b;

    if (mem == NULL)
        return HUFU_UNAVAILABLE;
    buf_fixed(&b, mem, ABOUT_MAX);
    buf_str(&b, "kind=");
    buf_str(&b, manage_recipient_kind(r->kind));
    buf_str(&b, " assessment=");
    buf_str(&b, r->assessment.ref);
    request_entry(req, 0)->purpose = msg_text(&req->msg, MSG_NAME);
    request_entry(req, 0)->reason = buf_view(&b);
    return buf_check(&b) == HUFU_OK ? HUFU_OK : HUFU_UNAVAILABLE;
}

enum hufu_err handle_recipient_add(struct worker *w, struct request *req, struct msg_where *where)
{
    struct recipient r = { .state = ROW_ACTIVE, .seq = STORE_ABSENT }, other;
    struct row_ids ids;
    uint64_t seq;
    enum hufu_err err;

    err = read_recipient(w, req, &r, where);
    if (err != HUFU_OK)
        return err;
    if (manage_recipient_find(w->core, view_str(r.name), &other) == HUFU_OK)
        return manage_at(where, MSG_NAME, HUFU_CONFLICT);
    if (directory_ids(w->core->dir, &ids, &seq) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    r.id = ids.recipient++;
    r.created_ms = core_now(w->core);
    err = draft(w, req, &r);
    if (err == HUFU_OK) /* of two that bring one name at once, one is too late */
        err = manage_write_ids(w, req, &ids, seq);
    if (err == HUFU_OK)
        err = name_kind(req, &r);
    req->reply.success = MSG_201;
    return err;
}

/* "NAME assessment,contract": whose papers, and which are new. */
static enum hufu_err name_papers(struct request *req)
{
    uint8_t *mem = request_take(req, ABOUT_MAX);
    const char *before = " ";
    struct buf b;

    if (mem == NULL)
        return HUFU_UNAVAILABLE;
    buf_fixed(&b, mem, ABOUT_MAX);
    buf_put(&b, msg_text(&req->msg, MSG_NAME).p, msg_text(&req->msg, MSG_NAME).len);
    for (size_t i = 0; i <= PAPERS; i++) {
        enum msg_tag tag = i < PAPERS ? papers[i].tag : MSG_CERT_PEM;

        if (!msg_has(&req->msg, tag))
            continue;
        buf_str(&b, before);
        buf_str(&b, msg_fields[tag].name);
        before = ",";
    }
    request_entry(req, 0)->purpose = buf_view(&b);
    request_entry(req, 0)->reason = msg_text(&req->msg, MSG_REASON);
    return buf_check(&b) == HUFU_OK ? HUFU_OK : HUFU_UNAVAILABLE;
}

enum hufu_err handle_recipient_assess(struct worker *w, struct request *req,
                                      struct msg_where *where)
{
    bool brings = msg_has(&req->msg, MSG_CERT_PEM);
    struct recipient r = { 0 };
    bool known;
    enum hufu_err err;

    for (size_t i = 0; i < PAPERS; i++)
        brings = brings || msg_has(&req->msg, papers[i].tag);
    if (!brings)
        return HUFU_BAD_REQUEST;
    err = check_member(w, req, MSG_REASON, where);
    if (err != HUFU_OK)
        return err;
    known = manage_recipient_find(w->core, msg_text(&req->msg, MSG_NAME), &r) == HUFU_OK;
    err = read_papers(w, req, &r, where);
    if (err == HUFU_OK && !known)
        return HUFU_NOT_FOUND;
    if (err == HUFU_OK)
        err = draft(w, req, &r);
    return err == HUFU_OK ? name_papers(req) : err;
}

enum hufu_err handle_recipient_freeze(struct worker *w, struct request *req,
                                      struct msg_where *where)
{
    struct recipient r;
    enum hufu_err err = check_member(w, req, MSG_REASON, where);

    if (err != HUFU_OK)
        return err;
    if (manage_recipient_find(w->core, msg_text(&req->msg, MSG_NAME), &r) != HUFU_OK)
        return HUFU_NOT_FOUND;
    r.state = req->msg.verb == VERB_RECIPIENT_FREEZE ? ROW_FROZEN : ROW_ACTIVE;
    err = draft(w, req, &r);
    if (err == HUFU_OK) {
        request_entry(req, 0)->purpose = msg_text(&req->msg, MSG_NAME);
        request_entry(req, 0)->reason = msg_text(&req->msg, MSG_REASON);
    }
    return err;
}
