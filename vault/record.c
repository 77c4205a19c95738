#include "vault/record.h"

#include <string.h>

#include "vault/access/rowio.h"

#define RECORD_FORMAT 1

void record_put_header(const struct record *rec, struct buf *out)
{
    buf_u8(out, RECORD_FORMAT);
    buf_u8(out, rec->state);
    buf_u64(out, rec->created_ms);
    buf_u64(out, rec->changed_ms);
    buf_u64(out, rec->expires_ms);
    buf_u32(out, rec->uses_left);
    buf_u8(out, rec->planted);
    buf_u8(out, rec->assurance);
    rowio_put(out, rec->requestor);
    rowio_put(out, rec->channel);
    rowio_put(out, rec->request_id);
    buf_u8(out, (uint8_t)rec->partner_count);
    for (size_t i = 0; i < rec->partner_count; i++)
        buf_u32(out, rec->partner[i]);
}

void record_put_text(const struct record *rec, struct buf *out)
{
    buf_lv8(out, rec->value, rec->value_len);
    rowio_put(out, rec->subject);
    rowio_put(out, rec->consent);
}

enum hufu_err record_get_header(struct view in, struct record *rec)
{
    struct reader r;

    reader_init(&r, in.p, in.len);
    if (reader_u8(&r) != RECORD_FORMAT)
        return HUFU_CORRUPT;
    rec->state = reader_u8(&r);
    rec->created_ms = reader_u64(&r);
    rec->changed_ms = reader_u64(&r);
    rec->expires_ms = reader_u64(&r);
    rec->uses_left = reader_u32(&r);
    rec->planted = reader_u8(&r);
    rec->assurance = reader_u8(&r);
    rowio_take(&r, rec->requestor, sizeof(rec->requestor));
    rowio_take(&r, rec->channel, sizeof(rec->channel));
    rowio_take(&r, rec->request_id, sizeof(rec->request_id));
    rec->partner_count = reader_u8(&r);
    if (rec->partner_count == 0 || rec->partner_count > ROW_PARTNERS_MAX)
        return HUFU_CORRUPT;
    for (size_t i = 0; i < rec->partner_count; i++)
        rec->partner[i] = reader_u32(&r);
    if (rec->state < RECORD_ACTIVE || rec->state > RECORD_EXPIRED || rec->planted > 1)
        return HUFU_CORRUPT;
    return reader_end(&r);
}

enum hufu_err record_get_text(struct view in, struct record *rec)
{
    struct view value;
    struct reader r;

    reader_init(&r, in.p, in.len);
    value = reader_lv8(&r, sizeof(rec->value));
    if (value.len > 0)
        memcpy(rec->value, value.p, value.len);
    rec->value_len = value.len;
    rowio_take(&r, rec->subject, sizeof(rec->subject));
    rowio_take(&r, rec->consent, sizeof(rec->consent));
    return rec->value_len == 0 ? HUFU_CORRUPT : reader_end(&r);
}

bool record_is_expired(const struct record *rec, uint64_t now_ms)
{
    return rec->state == RECORD_EXPIRED || (rec->expires_ms != 0 && now_ms >= rec->expires_ms);
}

const char *record_state_name(const struct record *rec, uint64_t now_ms)
{
    switch (rec->state) {
    case RECORD_REVOKED:
        return "revoked";
    case RECORD_DELETED:
        return "deleted";
    default:
        if (record_is_expired(rec, now_ms))
            return "expired";
        return rec->state == RECORD_SUSPENDED ? "suspended" : "active";
    }
}

bool record_has_partner(const struct record *rec, uint32_t partner_id)
{
    for (size_t i = 0; i < rec->partner_count; i++)
        if (rec->partner[i] == partner_id)
            return true;
    return false;
}
