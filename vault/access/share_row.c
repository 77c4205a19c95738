#include "vault/access/share_row.h"

#include "vault/access/rowio.h"

const char *share_way_name(unsigned way)
{
    static const char *const names[] = { "?", "reveal", "export" };

    return way < sizeof(names) / sizeof(names[0]) ? names[way] : "?";
}

const char *share_result_name(unsigned result)
{
    static const char *const names[] = { "?", "ok", "stopped", "failed" };

    return result < sizeof(names) / sizeof(names[0]) ? names[result] : "?";
}

static void put_paper(struct buf *out, const struct recipient_paper *p)
{
    rowio_put(out, p->ref);
    buf_u64(out, p->until_ms);
}

static void take_paper(struct reader *r, struct recipient_paper *p)
{
    rowio_take(r, p->ref, sizeof(p->ref));
    p->until_ms = reader_u64(r);
}

void share_row_put(const struct share_row *line, struct buf *out)
{
    buf_u8(out, ROW_FORMAT);
    buf_u64(out, line->at_ms);
    buf_u64(out, line->scale);
    buf_u8(out, line->kind);
    buf_u8(out, line->way);
    buf_u8(out, line->result);
    buf_u8(out, line->class);
    buf_put(out, line->grant, ID_LEN);
    buf_put(out, line->export, ID_LEN);
    rowio_put(out, line->domain);
    rowio_put(out, line->format);
    rowio_put(out, line->recipient);
    rowio_put(out, line->principal);
    rowio_put(out, line->purpose);
    rowio_put(out, line->request_id);
    rowio_put(out, line->use);
    rowio_put(out, line->reason);
    rowio_put(out, line->legal_basis);
    put_paper(out, &line->assessment);
    put_paper(out, &line->channel_check);
    put_paper(out, &line->tool_check);
    put_paper(out, &line->contract);
}

static bool is_sound(const struct share_row *line)
{
    return line->kind >= RECIPIENT_OUTSIDE && line->kind <= RECIPIENT_PUBLIC &&
           line->way >= SHARE_REVEAL && line->way <= SHARE_EXPORT && line->result >= SHARE_OK &&
           line->result <= SHARE_FAILED;
}

enum hufu_err share_row_get(struct view in, struct share_row *out)
{
    struct share_row got = { 0 };
    struct reader r;

    if (!rowio_begin(&r, in))
        return HUFU_CORRUPT;
    got.at_ms = reader_u64(&r);
    got.scale = reader_u64(&r);
    got.kind = reader_u8(&r);
    got.way = reader_u8(&r);
    got.result = reader_u8(&r);
    got.class = reader_u8(&r);
    reader_copy(&r, got.grant, ID_LEN);
    reader_copy(&r, got.export, ID_LEN);
    rowio_take(&r, got.domain, sizeof(got.domain));
    rowio_take(&r, got.format, sizeof(got.format));
    rowio_take(&r, got.recipient, sizeof(got.recipient));
    rowio_take(&r, got.principal, sizeof(got.principal));
    rowio_take(&r, got.purpose, sizeof(got.purpose));
    rowio_take(&r, got.request_id, sizeof(got.request_id));
    rowio_take(&r, got.use, sizeof(got.use));
    rowio_take(&r, got.reason, sizeof(got.reason));
    rowio_take(&r, got.legal_basis, sizeof(got.legal_basis));
    take_paper(&r, &got.assessment);
    take_paper(&r, &got.channel_check);
    take_paper(&r, &got.tool_check);
    take_paper(&r, &got.contract);
    if (reader_end(&r) != HUFU_OK || !is_sound(&got))
        return HUFU_CORRUPT;
    *out = got;
    return HUFU_OK;
}
