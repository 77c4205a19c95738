/* The rows that change while people work: factor, session, ceremony; and the vault's own two. */
#include "vault/access/rows.h"

#include <string.h>

#include "vault/access/rowio.h"
const char *ceremony_state_name(unsigned state)
{
    static const char *const names[] = { "?",      "proposed",  "running", "done",
                                         "failed", "cancelled", "expired" };

    return state < sizeof(names) / sizeof(names[0]) ? names[state] : "?";
}

void factor_put(const struct factor *f, struct buf *out)
{
    buf_u8(out, ROW_FORMAT);
    buf_u64(out, f->last_step);
    buf_u32(out, f->failures);
    buf_u64(out, f->failed_ms);
    buf_u32(out, f->step_failures);
    buf_u64(out, f->step_failed_ms);
    buf_u64(out, f->login_ms);
}

enum hufu_err factor_get(struct view in, struct factor *out)
{
    struct factor f = { 0 };
    struct reader r;

    if (!rowio_begin(&r, in))
        return HUFU_CORRUPT;
    f.last_step = reader_u64(&r);
    f.failures = reader_u32(&r);
    f.failed_ms = reader_u64(&r);
    f.step_failures = reader_u32(&r);
    f.step_failed_ms = reader_u64(&r);
    f.login_ms = reader_u64(&r);
    if (reader_end(&r) != HUFU_OK)
        return HUFU_CORRUPT;
    *out = f;
    return HUFU_OK;
}

void session_put(const struct session *s, struct buf *out)
{
    buf_u8(out, ROW_FORMAT);
    buf_u32(out, s->user_id);
    buf_u64(out, s->created_ms);
    buf_u64(out, s->expires_ms);
    buf_u64(out, s->factor_ms);
    buf_u8(out, s->is_bound);
    if (s->is_bound != 0)
        buf_put(out, s->bound, sizeof(s->bound));
}

enum hufu_err session_get(struct view in, struct session *out)
{
    struct session s = { 0 };
    struct reader r;

    if (!rowio_begin(&r, in))
        return HUFU_CORRUPT;
    s.user_id = reader_u32(&r);
    s.created_ms = reader_u64(&r);
    s.expires_ms = reader_u64(&r);
    s.factor_ms = reader_u64(&r);
    s.is_bound = reader_u8(&r);
    if (s.is_bound == 1)
        reader_copy(&r, s.bound, sizeof(s.bound));
    if (reader_end(&r) != HUFU_OK || s.is_bound > 1)
        return HUFU_CORRUPT;
    *out = s;
    return HUFU_OK;
}

void ceremony_put(const struct ceremony *c, struct buf *out)
{
    bool has_password;

    buf_u8(out, ROW_FORMAT);
    rowio_put(out, c->kind);
    buf_u8(out, c->state);
    buf_u32(out, c->needed);
    buf_u64(out, c->created_ms);
    buf_u64(out, c->expires_ms);
    buf_u64(out, c->changed_ms);
    buf_u64(out, c->done);
    buf_u64(out, c->total);
    buf_u32(out, c->domain_id);
    rowio_put(out, c->subject);
    rowio_put(out, c->reason);
    rowio_put(out, c->error);
    buf_u32(out, c->target);
    buf_u8(out, (uint8_t)c->approval_count);
    for (size_t i = 0; i < c->approval_count; i++) {
        buf_u32(out, c->approval[i].user_id);
        buf_u64(out, c->approval[i].at_ms);
    }
    /* A password that waits to be seconded; once it is decided, nothing of it stays. */
    has_password = c->state == CEREMONY_PROPOSED && c->password.kib != 0;
    buf_u8(out, has_password ? 1 : 0);
    if (has_password)
        password_put(&c->password, out);
}

enum hufu_err ceremony_get(struct view in, struct ceremony *out)
{
    struct ceremony c = { 0 };
    uint8_t has_password;
    struct reader r;

    if (!rowio_begin(&r, in))
        return HUFU_CORRUPT;
    rowio_take(&r, c.kind, sizeof(c.kind));
    c.state = reader_u8(&r);
    c.needed = reader_u32(&r);
    c.created_ms = reader_u64(&r);
    c.expires_ms = reader_u64(&r);
    c.changed_ms = reader_u64(&r);
    c.done = reader_u64(&r);
    c.total = reader_u64(&r);
    c.domain_id = reader_u32(&r);
    rowio_take(&r, c.subject, sizeof(c.subject));
    rowio_take(&r, c.reason, sizeof(c.reason));
    rowio_take(&r, c.error, sizeof(c.error));
    c.target = reader_u32(&r);
    c.approval_count = reader_u8(&r);
    if (c.approval_count > ROW_APPROVALS_MAX)
        return HUFU_CORRUPT;
    for (size_t i = 0; i < c.approval_count; i++) {
        c.approval[i].user_id = reader_u32(&r);
        c.approval[i].at_ms = reader_u64(&r);
    }
    has_password = reader_u8(&r);
    if (has_password == 1)
        password_get(&r, &c.password);
    if (has_password > 1 || reader_end(&r) != HUFU_OK || c.state < CEREMONY_PROPOSED ||
        c.state > CEREMONY_EXPIRED)
        return HUFU_CORRUPT;
    *out = c;
    return HUFU_OK;
}

void row_ids_put(const struct row_ids *ids, struct buf *out)
{
    buf_u8(out, ROW_FORMAT);
    buf_u32(out, ids->domain);
    buf_u32(out, ids->partner);
    buf_u32(out, ids->user);
    buf_u32(out, ids->recipient);
}

enum hufu_err row_ids_get(struct view in, struct row_ids *out)
{
    struct row_ids ids = { 0 };
    struct reader r;

    if (!rowio_begin(&r, in))
        return HUFU_CORRUPT;
    ids.domain = reader_u32(&r);
    ids.partner = reader_u32(&r);
    ids.user = reader_u32(&r);
    ids.recipient = reader_u32(&r);
    if (reader_end(&r) != HUFU_OK)
        return HUFU_CORRUPT;
    *out = ids;
    return HUFU_OK;
}

void log_identity_put(const struct log_identity *log, struct buf *out)
{
    buf_u8(out, ROW_FORMAT);
    rowio_put(out, log->origin);
    rowio_put(out, log->key_id);
    buf_lv16(out, log->spki, log->spki_len);
}

enum hufu_err log_identity_get(struct view in, struct log_identity *out)
{
    struct log_identity log = { 0 };
    struct view spki;
    struct reader r;

    if (!rowio_begin(&r, in))
        return HUFU_CORRUPT;
    rowio_take(&r, log.origin, sizeof(log.origin));
    rowio_take(&r, log.key_id, sizeof(log.key_id));
    spki = reader_lv16(&r, sizeof(log.spki));
    if (reader_end(&r) != HUFU_OK || spki.len == 0)
        return HUFU_CORRUPT;
    memcpy(log.spki, spki.p, spki.len);
    log.spki_len = spki.len;
    *out = log;
    return HUFU_OK;
}
