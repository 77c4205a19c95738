#include "vault/access/case_row.h"

#include "vault/access/rowio.h"

static const char *const kinds[] = { "?",     "report", "restrict", "lift-restriction",
                                     "erase", "hold",   "release" };
static const char *const states[] = { "?",      "proposed", "running", "done",
                                      "failed", "denied",   "expired" };
#define KINDS  (sizeof(kinds) / sizeof(kinds[0]))
#define STATES (sizeof(states) / sizeof(states[0]))

const char *case_kind_name(unsigned kind)
{
    return kind < KINDS ? kinds[kind] : "?";
}

const char *case_state_name(unsigned state)
{
    return state < STATES ? states[state] : "?";
}

enum hufu_err case_kind_parse(struct view text, uint8_t *out)
{
    for (size_t i = CASE_REPORT; i < KINDS; i++) {
        if (view_is(text, kinds[i])) {
            *out = (uint8_t)i;
            return HUFU_OK;
        }
    }
    return HUFU_SYNTAX;
}

void case_row_put(const struct case_row *c, struct buf *out)
{
    buf_u8(out, ROW_FORMAT);
    buf_u8(out, c->kind);
    buf_u8(out, c->state);
    buf_put(out, c->digest, sizeof(c->digest));
    rowio_put(out, c->subject);
    rowio_put(out, c->reason);
    rowio_put(out, c->error);
    buf_u32(out, c->asked_by);
    buf_u32(out, c->decided_by);
    buf_u64(out, c->asked_ms);
    buf_u64(out, c->decided_ms);
    buf_u64(out, c->changed_ms);
    buf_u64(out, c->expires_ms);
    buf_u64(out, c->done);
    buf_u64(out, c->total);
    buf_u64(out, c->held);
    buf_lv8(out, c->next, c->next_len);
}

static bool is_right(const struct case_row *c)
{
    return c->kind >= CASE_REPORT && c->kind < KINDS && c->state >= CASE_PROPOSED &&
           c->state < STATES && c->subject[0] != '\0' && c->asked_by != 0;
}

enum hufu_err case_row_get(struct view in, struct case_row *out)
{
    struct case_row c = { 0 };
    struct view next;
    struct reader r;

    if (!rowio_begin(&r, in))
        return HUFU_CORRUPT;
    c.kind = reader_u8(&r);
    c.state = reader_u8(&r);
    reader_copy(&r, c.digest, sizeof(c.digest));
    rowio_take(&r, c.subject, sizeof(c.subject));
    rowio_take(&r, c.reason, sizeof(c.reason));
    rowio_take(&r, c.error, sizeof(c.error));
    c.asked_by = reader_u32(&r);
    c.decided_by = reader_u32(&r);
    c.asked_ms = reader_u64(&r);
    c.decided_ms = reader_u64(&r);
    c.changed_ms = reader_u64(&r);
    c.expires_ms = reader_u64(&r);
    c.done = reader_u64(&r);
    c.total = reader_u64(&r);
    c.held = reader_u64(&r);
    next = reader_lv8(&r, sizeof(c.next));
    if (reader_end(&r) != HUFU_OK || !is_right(&c))
        return HUFU_CORRUPT;
    if (next.len > 0)
        memcpy(c.next, next.p, next.len);
    c.next_len = next.len;
    *out = c;
    return HUFU_OK;
}

void case_row_put_hold(const struct case_row *c, struct buf *out)
{
    buf_u8(out, ROW_FORMAT);
    buf_put(out, c->id, sizeof(c->id));
    buf_u64(out, c->decided_ms);
    rowio_put(out, c->subject);
}
