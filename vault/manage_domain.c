/* POST and GET /v1/domains. */
#include "vault/manage.h"

#include <string.h>

#include "vault/base/secret.h"
#include "vault/handle.h"

static const char *name_at(struct core *core, size_t i)
{
    const struct domain *d = directory_domain_at(core->dir, i);

    return d == NULL ? NULL : d->name;
}

uint64_t manage_capacity(const struct domain *d)
{
    uint64_t least = UINT64_MAX;

    for (size_t kind = 0; kind < format_kind_count(d->format); kind++) {
        struct format_capacity cap;

        format_capacity(d->format, d->keep, kind, &cap);
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

static void print_domain(struct core *core, const struct domain *d, struct json *j)
{
    json_open(j);
    json_put_u64(j, "batch_detokenize", d->batch_detokenize);
    json_put_u64(j, "capacity", shown(manage_capacity(d)));
    json_put_bool(j, "consent_required", d->needs_consent != 0);
    json_put_time(j, "created_at", d->created_ms);
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
    if (d->retention_days != 0)
        json_put_u64(j, "retention_days", d->retention_days);
    json_put_str(j, "state", row_state_name(d->state));
    json_put_str(j, "token_check", d->token_check == TOKEN_CHECK_NONE ? "none" : "fail");
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

static enum hufu_err read_partners(struct worker *w, struct request *req, struct domain *d)
{
    struct view list = req->msg.field[MSG_PARTNERS];
    size_t count = msg_list_count(list);
    struct reader r;

    if (count > ROW_PARTNERS_MAX)
        return HUFU_BAD_REQUEST;
    reader_init(&r, list.p, list.len);
    for (size_t i = 0; i < count; i++) {
        const struct partner *p = directory_partner(w->core->dir, msg_list_next(&r));

        if (p == NULL || domain_has_partner(d, p->id))
            return HUFU_BAD_REQUEST;
        d->partner[d->partner_count++] = p->id;
    }
    return HUFU_OK;
}

static enum hufu_err read_purposes(struct worker *w, struct request *req, struct domain *d)
{
    struct view list = req->msg.field[MSG_PURPOSES];
    size_t count = msg_list_count(list);
    struct reader r;

    if (count > ROW_PURPOSES_MAX)
        return HUFU_BAD_REQUEST;
    reader_init(&r, list.p, list.len);
    for (size_t i = 0; i < count; i++) {
        struct view text = msg_list_next(&r);

        if (check_text(w, text) != HUFU_OK)
            return HUFU_VALUE_IN_TEXT;
        if (manage_copy(d->purpose[d->purpose_count++], sizeof(d->purpose[0]), text) != HUFU_OK)
            return HUFU_BAD_REQUEST;
    }
    return HUFU_OK;
}

/* The domain keeps its format's whole definition: editing the file changes nothing for it. */
static enum hufu_err read_format(struct worker *w, struct request *req, struct domain *d)
{
    const struct format *found;
    struct buf text;
    enum hufu_err err;

    if (format_set_find(w->core->formats, msg_text(&req->msg, MSG_FORMAT), &found) != HUFU_OK ||
        !format_keeps_length(found)) /* records and replies hold a token as long as its value */
        return HUFU_BAD_REQUEST;
    buf_init(&text, FORMAT_TEXT_MAX);
    format_print(found, &text);
    err = buf_check(&text);
    if (err == HUFU_OK)
        err = format_parse(buf_view(&text), &d->format, NULL, 0);
    buf_done(&text);
    return err == HUFU_OK ? HUFU_OK : HUFU_UNAVAILABLE;
}

/* Every bucket holds its originals, or the expected population says how few there are; never more
 * than half full. */
static enum hufu_err judge_capacity(const struct domain *d, bool has_expected)
{
    bool ample = d->mode == MODE_DETERMINISTIC && format_is_ample(d->format, d->keep);

    if (!has_expected)
        return ample ? HUFU_OK : HUFU_BAD_REQUEST;
    return d->expected <= manage_capacity(d) / 2 || ample ? HUFU_OK : HUFU_BAD_REQUEST;
}

/* Tokens that nobody can tell from originals are had only by who says so: "none". */
static enum hufu_err read_token_check(const struct msg_request *msg, struct domain *d)
{
    struct view said = msg_text(msg, MSG_TOKEN_CHECK);
    bool none = view_is(said, "none");

    if (said.len > 0 && !none && !view_is(said, "fail"))
        return HUFU_UNSUPPORTED_MODE;
    d->token_check = none ? TOKEN_CHECK_NONE : TOKEN_CHECK_FAIL;
    return none == format_is_marked(d->format) ? HUFU_BAD_REQUEST : HUFU_OK;
}

static enum hufu_err read_numbers(struct request *req, struct domain *d, struct msg_where *where)
{
    const struct msg_request *msg = &req->msg;
    struct view keep = msg->field[MSG_KEEP];
    uint64_t batch = msg_u64(msg, MSG_BATCH_DETOKENIZE, 0);
    uint64_t days = msg_u64(msg, MSG_RETENTION_DAYS, 0);
    enum hufu_err err;

    if (keep.p != NULL)
        d->keep = (struct format_keep){ keep.p[0], keep.p[1] };
    if (format_keep_check(d->format, d->keep) != HUFU_OK)
        return manage_at(where, MSG_KEEP, HUFU_BAD_REQUEST);
    if (batch > MSG_ITEMS_MAX)
        return manage_at(where, MSG_BATCH_DETOKENIZE, HUFU_BAD_REQUEST);
    if (days > UINT32_MAX)
        return manage_at(where, MSG_RETENTION_DAYS, HUFU_BAD_REQUEST);
    err = read_token_check(msg, d);
    if (err != HUFU_OK)
        return manage_at(where, MSG_TOKEN_CHECK, err);
    d->batch_detokenize = (uint32_t)batch;
    d->retention_days = (uint32_t)days;
    d->needs_consent = msg_bool(msg, MSG_CONSENT_REQUIRED) ? 1 : 0;
    d->life_s = msg_u64(msg, MSG_EXPIRES_IN, 0);
    if (d->life_s > UINT32_MAX)
        return manage_at(where, MSG_EXPIRES_IN, HUFU_BAD_REQUEST);
    d->expected = msg_u64(msg, MSG_EXPECTED, 0);
    if (judge_capacity(d, d->expected > 0) != HUFU_OK)
        return manage_at(where, MSG_EXPECTED, HUFU_BAD_REQUEST);
    return HUFU_OK;
}

static enum hufu_err read_domain(struct worker *w, struct request *req, struct domain *d,
                                 struct msg_where *where)
{
    struct view name = msg_text(&req->msg, MSG_NAME);
    enum hufu_err err;

    if (!text_is_name(name) || manage_copy(d->name, sizeof(d->name), name) != HUFU_OK)
        return manage_at(where, MSG_NAME, HUFU_BAD_REQUEST);
    if (check_text(w, name) != HUFU_OK)
        return manage_at(where, MSG_NAME, HUFU_VALUE_IN_TEXT);
    if (domain_mode_parse(msg_text(&req->msg, MSG_MODE), &d->mode) != HUFU_OK)
        return manage_at(where, MSG_MODE, HUFU_BAD_REQUEST);
    err = read_format(w, req, d);
    if (err != HUFU_OK)
        return manage_at(where, MSG_FORMAT, err);
    err = read_partners(w, req, d);
    if (err != HUFU_OK)
        return manage_at(where, MSG_PARTNERS, err);
    err = read_purposes(w, req, d);
    if (err != HUFU_OK)
        return manage_at(where, MSG_PURPOSES, err);
    err = read_numbers(req, d, where);
    if (err == HUFU_OK && directory_domain(w->core->dir, name) != NULL)
        err = manage_at(where, MSG_NAME, HUFU_CONFLICT);
    return err;
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

/* Adds the rows of the two keys; a KEK rotation that began meanwhile would pass them over. */
static enum hufu_err write_keys(struct request *req)
{
    struct view kek = kek_key(req);
    enum hufu_err err = kek.p == NULL ? HUFU_UNAVAILABLE : HUFU_OK;

    if (err == HUFU_OK)
        op_expect(&req->op[0], kek, row_seen(req->new_key_kek_seq));
    for (size_t i = 0; i < 2 && err == HUFU_OK; i++)
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

static enum hufu_err draft_domain(struct worker *w, struct request *req, struct domain *d,
                                  struct row_ids ids, uint64_t ids_seq)
{
    struct json j;
    struct buf text;
    enum hufu_err err;

    if (request_ops(req, 1, 5 + d->partner_count, 4 + d->partner_count, 0) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    op_expect_caller(req, &req->op[0]);
    request_entry(req, 0)->domain = msg_text(&req->msg, MSG_NAME);
    if (d->token_check == TOKEN_CHECK_NONE)
        request_entry(req, 0)->purpose = view_str("token_check=none");
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
        err = request_body(req, 4096);
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

    err = read_domain(w, req, &d, where);
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
