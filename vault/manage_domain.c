/* POST and GET /v1/domains. */
#include "vault/manage.h"

#include <string.h>

#include "vault/base/secret.h"
#include "vault/domain_read.h"
#include "vault/handle.h"

#define REPLY_MAX 24576 /* bytes: 64 partners, 16 purposes twice, all escaped, 8 channels */

static const char *name_at(struct core *core, size_t i)
{
    const struct domain *d = directory_domain_at(core->dir, i);

    return d == NULL ? NULL : d->name;
}

void manage_kind_capacity(const struct domain *d, size_t kind, struct format_capacity *out)
{
    format_capacity(d->format, d->keep, kind, out);
    if (d->mode == MODE_FF1) /* one token for each original */
        out->tokens = out->originals;
}

uint64_t manage_capacity(const struct domain *d)
{
    uint64_t least = UINT64_MAX;

    for (size_t kind = 0; kind < format_kind_count(d->format); kind++) {
        struct format_capacity cap;

        manage_kind_capacity(d, kind, &cap);
        if (cap.tokens < least)
            least = cap.tokens;
    }
    return least;
}

/* JSON numbers are exact up to 2^53. */
static uint64_t shown(uint64_t n)
{
    return n > (1ULL << 53) ? 1ULL << 53 : n;
}

static void print_names(struct json *j, const char *name, struct core *core, const struct domain *d)
{
    json_name(j, name);
    json_list(j);
    for (size_t i = 0; i < d->partner_count; i++) {
        const struct partner *p = directory_partner_id(core->dir, d->partner[i]);

        json_str(j, p == NULL ? "?" : p->name);
    }
    json_end(j);
}

static void print_channels(const struct domain *d, struct json *j)
{
    if (d->channel_count == 0)
        return;
    json_name(j, "channels");
    json_list(j);
    for (size_t i = 0; i < d->channel_count; i++)
        json_str(j, d->channel[i]);
    json_end(j);
}

/* The purposes that need so many approvals; nothing where there is none. */
static void print_purposes(const struct domain *d, uint8_t needed, const char *name, struct json *j)
{
    bool open = false;

    for (size_t i = 0; i < d->purpose_count; i++) {
        if (d->approvals[i] != needed)
            continue;
        if (!open) {
            json_name(j, name);
            json_list(j);
            open = true;
        }
        json_str(j, d->purpose[i]);
    }
    if (open)
        json_end(j);
}

static const char *token_check_name(const struct domain *d)
{
    if (d->token_check == TOKEN_CHECK_BIN)
        return "bin";
    return d->token_check == TOKEN_CHECK_NONE ? "none" : "fail";
}

static void print_domain(struct core *core, const struct domain *d, struct json *j)
{
    json_open(j);
    if (d->token_check == TOKEN_CHECK_BIN)
        json_put_u64(j, "assurance", d->assurance);
    json_put_u64(j, "batch_detokenize", d->batch_detokenize);
    json_put_u64(j, "capacity", shown(manage_capacity(d)));
    print_channels(d, j);
    json_put_bool(j, "consent_required", d->needs_consent != 0);
    json_put_time(j, "created_at", d->created_ms);
    if (d->escalation != ESCALATION_NONE)
        json_put_str(j, "escalation", domain_escalation_name(d->escalation));
    json_put_u64(j, "expected", shown(d->expected));
    if (d->life_s != 0)
        json_put_u64(j, "expires_in", d->life_s);
    json_put_str(j, "format", format_name(d->format));
    json_name(j, "keep");
    json_open(j);
    json_put_u64(j, "prefix", d->keep.prefix);
    json_put_u64(j, "suffix", d->keep.suffix);
    json_close(j);
    json_put_str(j, "mode", domain_mode_name(d->mode));
    json_put_str(j, "name", d->name);
    print_names(j, "partners", core, d);
    json_name(j, "purposes");
    json_list(j);
    for (size_t i = 0; i < d->purpose_count; i++)
        json_str(j, d->purpose[i]);
    json_end(j);
    print_purposes(d, 1, "purposes_one_approval", j);
    print_purposes(d, 2, "purposes_two_approvals", j);
    if (d->requestor[0] != '\0')
        json_put_str(j, "requestor", d->requestor);
    if (d->retention_days != 0)
        json_put_u64(j, "retention_days", d->retention_days);
    json_put_str(j, "state", row_state_name(d->state));
    json_put_str(j, "token_check", token_check_name(d));
    json_close(j);
}

static void print_at(struct core *core, size_t i, struct json *j)
{
    const struct domain *d = directory_domain_at(core->dir, i);

    if (d != NULL)
        print_domain(core, d, j);
}

enum hufu_err handle_domain_list(struct worker *w, struct request *req, struct msg_where *where)
{
    return manage_list(w, req, where, name_at, print_at);
}

/* The row of the KEK that the new keys lie under. */
static struct view kek_key(struct request *req)
{
    uint8_t mem[8];
    struct buf key;

    buf_fixed(&key, mem, sizeof(mem));
    kek_row_key(req->new_key[0].row.kek_version, &key);
    return row_plain_key(req, mem[0], view_of(mem + 1, key.len - 1));
}

/* The keeper has made keys for this domain's id, under the KEK that is active still. */
static bool has_keys(struct worker *w, struct request *req, uint32_t domain_id)
{
    struct store_seen seen;
    struct view key;

    if (req->new_key[0].key == NULL || req->new_key[0].row.domain != domain_id)
        return false;
    key = kek_key(req);
    return key.p != NULL && store_find(w->reader, key, NULL, &seen) == HUFU_OK &&
           seen.seq == req->new_key_kek_seq;
}

/* Adds the rows of the keys; a KEK rotation that began meanwhile would pass them over. */
static enum hufu_err write_keys(struct request *req)
{
    struct view kek = kek_key(req);
    enum hufu_err err = kek.p == NULL ? HUFU_UNAVAILABLE : HUFU_OK;

    if (err == HUFU_OK)
        op_expect(&req->op[0], kek, row_seen(req->new_key_kek_seq));
    for (size_t i = 0; i < REQUEST_KEYS_MAX && err == HUFU_OK; i++)
        if (req->new_key[i].key != NULL)
            err = row_write_keyset(req, &req->op[0], &req->new_key[i].row, STORE_ABSENT);
    return err;
}

/* Adds name to a partner's list where it is not there; HUFU_BAD_REQUEST where the list is full. */
static enum hufu_err declare(char (*list)[TEXT_NAME_MAX + 1], size_t *count, const char *name)
{
    if (manage_has(list[0], sizeof(list[0]), *count, name))
        return HUFU_OK;
    if (*count == ROW_FORMATS_MAX)
        return HUFU_BAD_REQUEST;
    return manage_copy(list[(*count)++], sizeof(list[0]), view_str(name));
}

/* C01: what the administrator records here is each partner's declaration of domain and format. */
static enum hufu_err declare_all(struct worker *w, struct request *req, const struct domain *d)
{
    enum hufu_err err = HUFU_OK;

    for (size_t i = 0; i < d->partner_count && err == HUFU_OK; i++) {
        const struct partner *p = directory_partner_id(w->core->dir, d->partner[i]);
        struct partner changed;
        struct buf text;

        if (p == NULL)
            return HUFU_UNAVAILABLE;
        changed = *p;
        err = declare(changed.domain, &changed.domain_count, d->name);
        if (err == HUFU_OK)
            err = declare(changed.format, &changed.format_count, format_name(d->format));
        if (err != HUFU_OK)
            return err;
        buf_init(&text, MANAGE_ROW_MAX);
        partner_put(&changed, &text);
        err = manage_write(w, req, TABLE_PARTNER, p->id, p->seq, &text);
        buf_done(&text);
    }
    return err;
}

/* What an auditor should not have to look for. */
static struct view said_of(const struct domain *d)
{
    bool none = d->token_check == TOKEN_CHECK_NONE;

    if (d->mode == MODE_FF1)
        return view_str(none ? "mode=ff1 token_check=none" : "mode=ff1");
    if (d->token_check == TOKEN_CHECK_BIN)
        return view_str("token_check=bin");
    return none ? view_str("token_check=none") : view_of(NULL, 0);
}

static enum hufu_err draft_domain(struct worker *w, struct request *req, struct domain *d,
                                  struct row_ids ids, uint64_t ids_seq)
{
    struct json j;
    struct buf text;
    enum hufu_err err;

    if (request_ops(req, 1, 6 + d->partner_count, 5 + d->partner_count, 0) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    op_expect_caller(req, &req->op[0]);
    request_entry(req, 0)->domain = msg_text(&req->msg, MSG_NAME);
    request_entry(req, 0)->purpose = said_of(d);
    d->id = ids.domain++;
    d->state = ROW_ACTIVE;
    d->index_version = 1;
    d->created_ms = core_now(w->core);
    buf_init(&text, MANAGE_ROW_MAX);
    domain_put(d, &text);
    err = buf_check(&text) == HUFU_OK ? manage_write_ids(w, req, &ids, ids_seq) : HUFU_UNAVAILABLE;
    if (err == HUFU_OK)
        err = manage_write(w, req, TABLE_DOMAIN, d->id, STORE_ABSENT, &text);
    if (err == HUFU_OK)
        err = declare_all(w, req, d);
    if (err == HUFU_OK)
        err = write_keys(req);
    if (err == HUFU_OK)
        err = request_body(req, REPLY_MAX);
    if (err == HUFU_OK) {
        json_init(&j, &req->body);
        print_domain(w->core, d, &j);
        req->reply.success = MSG_201;
        err = buf_check(&req->body) == HUFU_OK ? HUFU_OK : HUFU_UNAVAILABLE;
    }
    buf_done(&text);
    return err;
}

enum hufu_err handle_domain_add(struct worker *w, struct request *req, struct msg_where *where)
{
    struct domain d = { 0 };
    struct row_ids ids;
    uint64_t seq;
    enum hufu_err err;

    err = domain_read(w, req, &d, where);
    if (err == HUFU_OK && directory_ids(w->core->dir, &ids, &seq) != HUFU_OK)
        err = HUFU_UNAVAILABLE;
    if (err == HUFU_OK && !has_keys(w, req, ids.domain))
        err = HUFU_BUSY; /* its keys come first: handle.c sends it to the keeper */
    else if (err == HUFU_OK)
        err = draft_domain(w, req, &d, ids, seq);
    if (err == HUFU_BAD_REQUEST && where->tag == MSG_NONE) { /* a partner's list is full */
        req->draft.op_count = 0;
        err = manage_at(where, MSG_PARTNERS, err);
    }
    domain_clear(&d);
    return err;
}
