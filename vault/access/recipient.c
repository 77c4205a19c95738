#include "vault/access/recipient.h"

#include "vault/access/rowio.h"

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

void recipient_put(const struct recipient *r, struct buf *out)
{
    buf_u8(out, ROW_FORMAT);
    rowio_put(out, r->name);
    buf_u8(out, r->kind);
    buf_u8(out, r->state);
    buf_u64(out, r->created_ms);
    put_paper(out, &r->assessment);
    put_paper(out, &r->channel_check);
    put_paper(out, &r->tool_check);
    put_paper(out, &r->contract);
    rowio_put(out, r->legal_basis);
    rowio_put(out, r->use);
    buf_u64(out, r->cert_ms);
    buf_lv16(out, r->cert, r->cert_len);
}

enum hufu_err recipient_get(struct view in, struct recipient *out)
{
    struct recipient got = { 0 };
    struct view cert;
    struct reader r;

    if (!rowio_begin(&r, in))
        return HUFU_CORRUPT;
    rowio_take(&r, got.name, sizeof(got.name));
    got.kind = reader_u8(&r);
    got.state = reader_u8(&r);
    got.created_ms = reader_u64(&r);
    take_paper(&r, &got.assessment);
    take_paper(&r, &got.channel_check);
    take_paper(&r, &got.tool_check);
    take_paper(&r, &got.contract);
    rowio_take(&r, got.legal_basis, sizeof(got.legal_basis));
    rowio_take(&r, got.use, sizeof(got.use));
    got.cert_ms = reader_u64(&r);
    cert = reader_lv16(&r, sizeof(got.cert));
    if (cert.len > 0)
        memcpy(got.cert, cert.p, cert.len);
    got.cert_len = cert.len;
    if (reader_end(&r) != HUFU_OK || got.kind < RECIPIENT_OUTSIDE || got.kind > RECIPIENT_PUBLIC ||
        (got.state != ROW_ACTIVE && got.state != ROW_FROZEN))
        return HUFU_CORRUPT;
    *out = got;
    return HUFU_OK;
}
