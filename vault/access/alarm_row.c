#include "vault/access/alarm_row.h"

#include "vault/access/rowio.h"

#define GRADE_LAST 3

void alarm_row_put(const struct alarm_row *a, struct buf *out)
{
    buf_u8(out, ROW_FORMAT);
    rowio_put(out, a->rule);
    buf_u8(out, a->grade);
    buf_u8(out, a->whose);
    buf_u32(out, a->whose_id);
    rowio_put(out, a->principal);
    rowio_put(out, a->role);
    rowio_put(out, a->domain);
    rowio_put(out, a->request_id);
    rowio_put(out, a->source);
    rowio_put(out, a->suspended);
    rowio_put(out, a->detail);
    buf_u64(out, a->raised_ms);
    buf_u64(out, a->delivered_ms);
    buf_u32(out, a->attempts);
    buf_u64(out, a->reviewed_ms);
    buf_u32(out, a->reviewed_by);
    rowio_put(out, a->reason);
}

enum hufu_err alarm_row_get(struct view in, struct alarm_row *out)
{
    struct alarm_row a = { 0 };
    struct reader r;

    if (!rowio_begin(&r, in))
        return HUFU_CORRUPT;
    rowio_take(&r, a.rule, sizeof(a.rule));
    a.grade = reader_u8(&r);
    a.whose = reader_u8(&r);
    a.whose_id = reader_u32(&r);
    rowio_take(&r, a.principal, sizeof(a.principal));
    rowio_take(&r, a.role, sizeof(a.role));
    rowio_take(&r, a.domain, sizeof(a.domain));
    rowio_take(&r, a.request_id, sizeof(a.request_id));
    rowio_take(&r, a.source, sizeof(a.source));
    rowio_take(&r, a.suspended, sizeof(a.suspended));
    rowio_take(&r, a.detail, sizeof(a.detail));
    a.raised_ms = reader_u64(&r);
    a.delivered_ms = reader_u64(&r);
    a.attempts = reader_u32(&r);
    a.reviewed_ms = reader_u64(&r);
    a.reviewed_by = reader_u32(&r);
    rowio_take(&r, a.reason, sizeof(a.reason));
    if (reader_end(&r) != HUFU_OK || !text_is_name(view_str(a.rule)) || a.grade == 0 ||
        a.grade > GRADE_LAST || a.whose > ALARM_OF_NETWORK)
        return HUFU_CORRUPT;
    *out = a;
    return HUFU_OK;
}
