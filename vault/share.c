#include "vault/share.h"

#include <string.h>

#include "vault/handle.h"
#include "vault/manage_recipient.h"
#include "vault/row.h"

static uint64_t earlier(uint64_t until_ms, const struct recipient_paper *p)
{
    return p->until_ms != 0 && p->until_ms < until_ms ? p->until_ms : until_ms;
}

uint64_t share_until(const struct recipient *r)
{
    uint64_t until_ms = r->assessment.until_ms; /* always recorded */

    until_ms = earlier(until_ms, &r->channel_check);
    until_ms = earlier(until_ms, &r->tool_check);
    return r->kind == RECIPIENT_PROCESSOR ? earlier(until_ms, &r->contract) : until_ms;
}

enum hufu_err share_recipient(struct core *core, struct view name, struct recipient *out)
{
    struct recipient r;
    enum hufu_err err = manage_recipient_find(core, name, &r);

    if (err != HUFU_OK)
        return HUFU_NOT_FOUND;
    if (r.state != ROW_ACTIVE || core_now(core) >= share_until(&r))
        return HUFU_CONFLICT;
    *out = r;
    return HUFU_OK;
}

static void copy(char *out, size_t out_len, struct view text)
{
    size_t len = text.len < out_len ? text.len : out_len - 1;

    memset(out, 0, out_len);
    if (len > 0)
        memcpy(out, text.p, len);
}

void share_fill(const struct recipient *r, const struct grant *g, struct share_row *line)
{
    line->kind = r->kind;
    memcpy(line->grant, g->id, ID_LEN);
    memcpy(line->recipient, r->name, sizeof(line->recipient));
    memcpy(line->purpose, g->purpose, sizeof(line->purpose));
    copy(line->use, sizeof(line->use), view_str(r->use[0] != '\0' ? r->use : g->purpose));
    memcpy(line->legal_basis, r->legal_basis, sizeof(line->legal_basis));
    line->assessment = r->assessment;
    line->channel_check = r->channel_check;
    line->tool_check = r->tool_check;
    line->contract = r->contract;
}

enum hufu_err share_put(struct worker *w, struct request *req, struct store_op *op,
                        struct share_row *line)
{
    uint8_t mem[SHARE_ROW_MAX];
    struct view key;
    struct buf text;

    if (id_make(&w->draw, line->at_ms, line->id) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    key = row_plain_key(req, TABLE_SHARE, view_of(line->id, ID_LEN));
    buf_fixed(&text, mem, sizeof(mem));
    share_row_put(line, &text);
    return row_write_control(w, req, op, key, row_seen(STORE_ABSENT), &text);
}

enum hufu_err share_write(struct worker *w, struct request *req, struct store_op *op,
                          const struct grant_use *use, uint64_t n)
{
    struct share_row line = { .scale = n, .way = SHARE_REVEAL, .result = SHARE_OK };
    struct recipient r;
    struct view key;

    if (!use->used || use->grant.recipient[0] == '\0')
        return HUFU_OK;
    if (share_recipient(w->core, view_str(use->grant.recipient), &r) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    key = row_numbered_key(req, TABLE_RECIPIENT, r.id);
    if (key.p == NULL)
        return HUFU_UNAVAILABLE;
    op_expect(op, key, row_seen(r.seq));
    op_until(op, share_until(&r));
    share_fill(&r, &use->grant, &line);
    line.at_ms = core_now(w->core);
    line.class = (uint8_t)format_class(req->domain->format);
    copy(line.domain, sizeof(line.domain), view_str(req->domain->name));
    copy(line.format, sizeof(line.format), view_str(format_name(req->domain->format)));
    copy(line.principal, sizeof(line.principal),
         view_str(req->who.user == NULL ? "" : req->who.user->name));
    copy(line.reason, sizeof(line.reason), msg_text(&req->msg, MSG_REASON));
    copy(line.request_id, sizeof(line.request_id), req->msg.request_id);
    return share_put(w, req, op, &line);
}
