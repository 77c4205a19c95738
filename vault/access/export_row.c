#include "vault/access/export_row.h"

#include "vault/access/rowio.h"

const char *export_state_name(unsigned state)
{
    static const char *const names[] = { "?", "running", "running", "done", "stopped", "failed" };

    return state < sizeof(names) / sizeof(names[0]) ? names[state] : "?";
}

bool export_is_open(const struct export_row *row)
{
    return row->state == EXPORT_WAITING || row->state == EXPORT_RUNNING;
}

void export_row_put(const struct export_row *row, struct buf *out)
{
    buf_u8(out, ROW_FORMAT);
    buf_u8(out, row->state);
    buf_u8(out, row->is_removed);
    buf_u32(out, row->user_id);
    buf_u32(out, row->domain_id);
    buf_u64(out, row->began_ms);
    buf_u64(out, row->ended_ms);
    buf_u64(out, row->until_ms);
    buf_u64(out, row->total);
    buf_u64(out, row->done);
    buf_u64(out, row->skipped);
    buf_u64(out, row->file_bytes);
    buf_put(out, row->file_hash, DIGEST_LEN);
    buf_put(out, row->grant, ID_LEN);
    rowio_put(out, row->recipient);
    rowio_put(out, row->purpose);
    rowio_put(out, row->reason);
    rowio_put(out, row->source);
    rowio_put(out, row->request_id);
    rowio_put(out, row->why);
    buf_lv32(out, row->tokens.p, row->tokens.len);
}

enum hufu_err export_row_get(struct view in, struct export_row *out)
{
    struct export_row got = { 0 };
    struct reader r;

    if (!rowio_begin(&r, in))
        return HUFU_CORRUPT;
    got.state = reader_u8(&r);
    got.is_removed = reader_u8(&r);
    got.user_id = reader_u32(&r);
    got.domain_id = reader_u32(&r);
    got.began_ms = reader_u64(&r);
    got.ended_ms = reader_u64(&r);
    got.until_ms = reader_u64(&r);
    got.total = reader_u64(&r);
    got.done = reader_u64(&r);
    got.skipped = reader_u64(&r);
    got.file_bytes = reader_u64(&r);
    reader_copy(&r, got.file_hash, DIGEST_LEN);
    reader_copy(&r, got.grant, ID_LEN);
    rowio_take(&r, got.recipient, sizeof(got.recipient));
    rowio_take(&r, got.purpose, sizeof(got.purpose));
    rowio_take(&r, got.reason, sizeof(got.reason));
    rowio_take(&r, got.source, sizeof(got.source));
    rowio_take(&r, got.request_id, sizeof(got.request_id));
    rowio_take(&r, got.why, sizeof(got.why));
    got.tokens = reader_lv32(&r, EXPORT_NAMES_MAX);
    if (reader_end(&r) != HUFU_OK || got.state < EXPORT_WAITING || got.state > EXPORT_FAILED)
        return HUFU_CORRUPT;
    *out = got;
    return HUFU_OK;
}
