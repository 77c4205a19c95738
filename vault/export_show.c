/* GET /v1/exports, /v1/exports/{id}, /v1/exports/{id}/file. */
#include "vault/export.h"

#include <string.h>

#include "vault/export_file.h"
#include "vault/handle.h"
#include "vault/manage.h"
#include "vault/share.h"

#define PAGE_MAX  1000
#define ITEM_MAX  1536    /* bytes of one printed */
#define PART_MAX  1048576 /* bytes of a file in one reply; of a page: it ends early */
#define TAIL_MAX  256
#define ABOUT_MAX 128

static enum hufu_err decode(const struct buf *text, const uint8_t id[static ID_LEN], uint64_t seq,
                            struct export_row *out)
{
    struct export_row row;

    if (export_row_get(buf_view(text), &row) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    memcpy(row.id, id, ID_LEN);
    row.seq = seq;
    *out = row;
    return HUFU_OK;
}

enum hufu_err export_find(struct core *core, const uint8_t id[static ID_LEN], struct buf *text,
                          struct export_row *out)
{
    uint64_t seq;
    enum hufu_err err;

    buf_reset(text);
    err = directory_kept(core->dir, TABLE_EXPORT, view_of(id, ID_LEN), text, &seq);
    if (err != HUFU_OK)
        return err == HUFU_NOT_FOUND ? err : HUFU_UNAVAILABLE;
    return decode(text, id, seq, out);
}

enum hufu_err export_next(struct core *core, const uint8_t *id, struct buf *text,
                          struct export_row *out)
{
    struct view after = view_of(id, id == NULL ? 0 : ID_LEN);
    uint8_t key_mem[ID_LEN];
    struct buf key;
    uint64_t seq;
    enum hufu_err err;

    buf_reset(text);
    buf_fixed(&key, key_mem, sizeof(key_mem));
    err = directory_kept_after(core->dir, TABLE_EXPORT, after, &key, text, &seq);
    if (err == HUFU_OK && key.len != ID_LEN)
        err = HUFU_CORRUPT;
    if (err != HUFU_OK)
        return err == HUFU_NOT_FOUND ? err : HUFU_UNAVAILABLE;
    return decode(text, key_mem, seq, out);
}

static void print_file(struct json *j, const struct export_row *row)
{
    uint8_t hex_mem[TEXT_HEX_LEN(DIGEST_LEN)];
    struct buf hex;

    if (row->state != EXPORT_DONE)
        return;
    buf_fixed(&hex, hex_mem, sizeof(hex_mem));
    text_hex(&hex, row->file_hash, DIGEST_LEN);
    json_name(j, "file");
    json_open(j);
    json_put_u64(j, "bytes", row->file_bytes);
    json_put_text(j, "sha256", buf_view(&hex));
    json_put_time(j, "until", row->is_removed ? 0 : row->until_ms);
    json_close(j);
}

void export_print(struct core *core, const struct export_row *row, struct json *j)
{
    const struct domain *d = directory_domain_id(core->dir, row->domain_id);
    const struct user *u = directory_user_id(core->dir, row->user_id);
    char id[ID_TEXT_LEN + 1];

    json_open(j);
    json_put_time(j, "created_at", row->began_ms);
    json_put_str(j, "domain", d == NULL ? "?" : d->name);
    json_put_u64(j, "done", row->done);
    json_put_time(j, "ended_at", row->ended_ms);
    if (row->why[0] != '\0')
        json_put_str(j, "error", row->why);
    print_file(j, row);
    id_print(row->grant, id);
    json_put_str(j, "grant", id);
    id_print(row->id, id);
    json_put_str(j, "id", id);
    json_put_str(j, "purpose", row->purpose);
    json_put_str(j, "recipient", row->recipient);
    json_put_u64(j, "skipped", row->skipped);
    json_put_str(j, "state", export_state_name(row->state));
    json_name(j, "total");
    if (row->total == 0 && export_is_open(row))
        json_nil(j); /* not counted yet */
    else
        json_u64(j, row->total);
    json_put_str(j, "user", u == NULL ? "?" : u->name);
    json_close(j);
}

/* An operator sees what is his own, an auditor all. */
static bool may_see(const struct request *req, const struct export_row *row)
{
    return req->who.role == ROLE_AUDITOR || row->user_id == req->who.user->id;
}

static enum hufu_err print_page(struct request *req, uint64_t limit, const uint8_t *after)
{
    uint8_t id_mem[ID_LEN];
    char last[ID_TEXT_LEN + 1] = "";
    struct export_row row;
    uint64_t shown = 0;
    bool more = false;
    struct buf text;
    struct json j;

    buf_init(&text, EXPORT_ROW_MAX);
    json_init(&j, &req->body);
    json_open(&j);
    json_name(&j, "items");
    json_list(&j);
    while (!more && export_next(req->core, after, &text, &row) == HUFU_OK) {
        memcpy(id_mem, row.id, ID_LEN);
        after = id_mem;
        if (!may_see(req, &row))
            continue;
        more = shown++ == limit || req->body.cap - req->body.len < ITEM_MAX + TAIL_MAX;
        if (more)
            break;
        export_print(req->core, &row, &j);
        id_print(row.id, last);
    }
    buf_done(&text);
    manage_list_end(&j, more, last);
    return buf_check(&req->body) == HUFU_OK ? HUFU_OK : HUFU_UNAVAILABLE;
}

enum hufu_err handle_export_list(struct worker *w, struct request *req, struct msg_where *where)
{
    uint64_t limit = msg_u64(&req->msg, MSG_LIMIT, MANAGE_PAGE);
    uint8_t after[ID_LEN];
    bool has_after = msg_has(&req->msg, MSG_AFTER);
    size_t want;

    (void)w;
    if (limit == 0 || limit > PAGE_MAX)
        return manage_at(where, MSG_LIMIT, HUFU_BAD_REQUEST);
    if (has_after && id_parse(msg_text(&req->msg, MSG_AFTER), after) != HUFU_OK)
        return manage_at(where, MSG_AFTER, HUFU_BAD_REQUEST);
    want = TAIL_MAX + ((size_t)limit + 1) * ITEM_MAX;
    if (request_body(req, want < PART_MAX ? want : PART_MAX) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    return print_page(req, limit, has_after ? after : NULL);
}

/* The row that the path names; another's is not there. text is the caller's to end. */
static enum hufu_err find(struct request *req, struct buf *text, struct export_row *out)
{
    uint8_t id[ID_LEN];
    enum hufu_err err;

    if (id_parse(msg_text(&req->msg, MSG_ID), id) != HUFU_OK)
        return HUFU_NOT_FOUND;
    err = export_find(req->core, id, text, out);
    return err == HUFU_OK && !may_see(req, out) ? HUFU_NOT_FOUND : err;
}

enum hufu_err handle_export_show(struct worker *w, struct request *req, struct msg_where *where)
{
    struct export_row row;
    struct buf text;
    struct json j;
    enum hufu_err err;

    (void)w;
    (void)where;
    buf_init(&text, EXPORT_ROW_MAX);
    err = find(req, &text, &row);
    if (err == HUFU_OK)
        err = request_body(req, ITEM_MAX);
    if (err == HUFU_OK) {
        json_init(&j, &req->body);
        export_print(req->core, &row, &j);
        err = buf_check(&req->body) == HUFU_OK ? HUFU_OK : HUFU_UNAVAILABLE;
    }
    buf_done(&text);
    return err;
}

/* Which part of which export somebody took, and for whom it is. */
static enum hufu_err name_part(struct request *req, const struct export_row *row, uint64_t from)
{
    uint8_t *mem = request_take(req, 2 * ABOUT_MAX);
    char id[ID_TEXT_LEN + 1];
    struct buf b, n;

    if (mem == NULL)
        return HUFU_UNAVAILABLE;
    id_print(row->id, id);
    buf_fixed(&b, mem, ABOUT_MAX);
    buf_str(&b, "export=");
    buf_str(&b, id);
    buf_str(&b, " recipient=");
    buf_str(&b, row->recipient);
    buf_fixed(&n, mem + ABOUT_MAX, ABOUT_MAX);
    buf_str(&n, "from=");
    buf_dec(&n, from);
    buf_str(&n, " bytes=");
    buf_dec(&n, req->body.len);
    request_entry(req, 0)->purpose = buf_view(&b);
    request_entry(req, 0)->reason = buf_view(&n);
    return buf_check(&b) == HUFU_OK && buf_check(&n) == HUFU_OK ? HUFU_OK : HUFU_UNAVAILABLE;
}

static enum hufu_err draft_part(struct request *req, const struct export_row *row, uint64_t from,
                                size_t max)
{
    const char *data = conf_text(req->core->conf, CONF_DATA);
    struct view key;
    enum hufu_err err;

    if (request_ops(req, 1, 1, 0, 0) != HUFU_OK || request_body(req, max) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    op_expect_caller(req, &req->op[0]);
    key = row_plain_key(req, TABLE_EXPORT, view_of(row->id, ID_LEN));
    if (key.p == NULL)
        return HUFU_UNAVAILABLE;
    op_expect(&req->op[0], key, row_seen(row->seq));
    err = export_file_read(data, row->id, from, max, &req->body);
    if (err == HUFU_OK)
        err = name_part(req, row, from);
    req->reply.flags = MSG_BINARY;
    return err == HUFU_OK ? HUFU_OK : HUFU_UNAVAILABLE;
}

enum hufu_err handle_export_file(struct worker *w, struct request *req, struct msg_where *where)
{
    uint64_t from = msg_u64(&req->msg, MSG_FROM, 0);
    uint64_t limit = msg_u64(&req->msg, MSG_LIMIT, PART_MAX);
    struct export_row row;
    struct recipient to;
    struct buf text;
    enum hufu_err err;

    if (limit == 0 || limit > PART_MAX)
        return manage_at(where, MSG_LIMIT, HUFU_BAD_REQUEST);
    buf_init(&text, EXPORT_ROW_MAX);
    err = find(req, &text, &row);
    if (err == HUFU_OK && row.state != EXPORT_DONE)
        err = HUFU_CONFLICT;
    if (err == HUFU_OK && (row.is_removed || core_now(w->core) >= row.until_ms))
        err = HUFU_NOT_FOUND;
    if (err == HUFU_OK && share_recipient(w->core, view_str(row.recipient), &to) != HUFU_OK)
        err = HUFU_CONFLICT; /* frozen, or not assessed any more: it gets nothing */
    if (err == HUFU_OK && from > row.file_bytes)
        err = manage_at(where, MSG_FROM, HUFU_BAD_REQUEST);
    if (err == HUFU_OK)
        err = draft_part(req, &row, from, (size_t)limit);
    buf_done(&text);
    return err;
}
