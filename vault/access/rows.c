#include "vault/access/rows.h"

#include <string.h>

#include "vault/access/rowio.h"

static const char *const modes[] = { "?", "deterministic", "random", "one-time", "ff1" };

const char *domain_mode_name(unsigned mode)
{
    return mode < sizeof(modes) / sizeof(modes[0]) ? modes[mode] : "?";
}

enum hufu_err domain_mode_parse(struct view text, uint8_t *out)
{
    for (uint8_t i = 1; i < sizeof(modes) / sizeof(modes[0]); i++)
        if (view_is(text, modes[i])) {
            *out = i;
            return HUFU_OK;
        }
    return HUFU_NOT_FOUND;
}

const char *domain_escalation_name(unsigned escalation)
{
    static const char *const names[] = { "none", "step-up", "grant" };

    return escalation < sizeof(names) / sizeof(names[0]) ? names[escalation] : "?";
}

const char *row_state_name(unsigned state)
{
    static const char *const names[] = { "?", "active", "frozen", "pending", "left", "sealed" };

    return state < sizeof(names) / sizeof(names[0]) ? names[state] : "?";
}

/* A u16 count of at most max; 0 and a failed reader else. */
static size_t take_count(struct reader *r, size_t max)
{
    size_t n = reader_u16(r);

    if (n > max) {
        r->failed = true;
        return 0;
    }
    return n;
}

bool domain_has_partner(const struct domain *d, uint32_t partner_id)
{
    for (size_t i = 0; i < d->partner_count; i++)
        if (d->partner[i] == partner_id)
            return true;
    return false;
}

void domain_put(const struct domain *d, struct buf *out)
{
    size_t at;

    buf_u8(out, ROW_FORMAT);
    rowio_put(out, d->name);
    buf_u8(out, d->state);
    buf_u8(out, d->mode);
    buf_u8(out, d->keep.prefix);
    buf_u8(out, d->keep.suffix);
    buf_u8(out, d->token_check);
    buf_u32(out, d->batch_detokenize);
    buf_u64(out, d->expected);
    buf_u32(out, d->retention_days);
    buf_u64(out, d->life_s);
    buf_u32(out, d->index_version);
    buf_u32(out, d->index_next);
    buf_u32(out, d->key_epoch);
    buf_u8(out, d->needs_consent);
    buf_u64(out, d->created_ms);
    buf_u8(out, d->assurance);
    rowio_put(out, d->requestor);
    buf_u16(out, (uint16_t)d->channel_count);
    for (size_t i = 0; i < d->channel_count; i++)
        rowio_put(out, d->channel[i]);
    buf_u16(out, (uint16_t)d->partner_count);
    for (size_t i = 0; i < d->partner_count; i++)
        buf_u32(out, d->partner[i]);
    buf_u16(out, (uint16_t)d->purpose_count);
    for (size_t i = 0; i < d->purpose_count; i++) {
        rowio_put(out, d->purpose[i]);
        buf_u8(out, d->approvals[i]);
    }
    buf_u8(out, d->escalation);
    at = out->len;
    buf_u16(out, 0);
    format_print(d->format, out);
    if (out->failed || out->len - at - 2 > UINT16_MAX) {
        out->failed = true;
        return;
    }
    out->p[at] = (uint8_t)(out->len - at - 2);
    out->p[at + 1] = (uint8_t)((out->len - at - 2) >> 8);
}

enum hufu_err domain_get(struct view in, struct domain *out)
{
    struct domain d = { 0 };
    struct view definition;
    struct reader r;
    enum hufu_err err;

    if (!rowio_begin(&r, in))
        return HUFU_CORRUPT;
    rowio_take(&r, d.name, sizeof(d.name));
    d.state = reader_u8(&r);
    d.mode = reader_u8(&r);
    d.keep.prefix = reader_u8(&r);
    d.keep.suffix = reader_u8(&r);
    d.token_check = reader_u8(&r);
    d.batch_detokenize = reader_u32(&r);
    d.expected = reader_u64(&r);
    d.retention_days = reader_u32(&r);
    d.life_s = reader_u64(&r);
    d.index_version = reader_u32(&r);
    d.index_next = reader_u32(&r);
    d.key_epoch = reader_u32(&r);
    d.needs_consent = reader_u8(&r);
    d.created_ms = reader_u64(&r);
    d.assurance = reader_u8(&r);
    rowio_take(&r, d.requestor, sizeof(d.requestor));
    d.channel_count = take_count(&r, ROW_CHANNELS_MAX);
    for (size_t i = 0; i < d.channel_count; i++)
        rowio_take(&r, d.channel[i], sizeof(d.channel[i]));
    d.partner_count = take_count(&r, ROW_PARTNERS_MAX);
    for (size_t i = 0; i < d.partner_count; i++)
        d.partner[i] = reader_u32(&r);
    d.purpose_count = take_count(&r, ROW_PURPOSES_MAX);
    for (size_t i = 0; i < d.purpose_count; i++) {
        rowio_take(&r, d.purpose[i], sizeof(d.purpose[i]));
        d.approvals[i] = reader_u8(&r);
    }
    d.escalation = reader_u8(&r);
    definition = reader_lv16(&r, UINT16_MAX);
    if (reader_end(&r) != HUFU_OK)
        return HUFU_CORRUPT;
    err = format_parse(definition, &d.format, NULL, 0);
    if (err != HUFU_OK)
        return err == HUFU_NOMEM ? err : HUFU_CORRUPT;
    if (format_keep_check(d.format, d.keep) != HUFU_OK) {
        format_free(d.format);
        return HUFU_CORRUPT;
    }
    *out = d;
    return HUFU_OK;
}

void domain_clear(struct domain *d)
{
    format_free(d->format);
    d->format = NULL;
}

void partner_put(const struct partner *p, struct buf *out)
{
    buf_u8(out, ROW_FORMAT);
    rowio_put(out, p->name);
    buf_u8(out, p->state);
    buf_u8(out, p->is_entrusted);
    buf_u64(out, p->created_ms);
    buf_u8(out, (uint8_t)p->pin_count);
    for (size_t i = 0; i < p->pin_count; i++) {
        buf_put(out, p->pin[i], MSG_PIN_LEN);
        buf_u64(out, p->pin_until_ms[i]);
    }
    buf_u16(out, (uint16_t)p->format_count);
    for (size_t i = 0; i < p->format_count; i++)
        rowio_put(out, p->format[i]);
    buf_u16(out, (uint16_t)p->domain_count);
    for (size_t i = 0; i < p->domain_count; i++)
        rowio_put(out, p->domain[i]);
    rowio_put(out, p->qualification);
    buf_u64(out, p->qualified_until_ms);
}

enum hufu_err partner_get(struct view in, struct partner *out)
{
    struct partner p = { 0 };
    struct reader r;

    if (!rowio_begin(&r, in))
        return HUFU_CORRUPT;
    rowio_take(&r, p.name, sizeof(p.name));
    p.state = reader_u8(&r);
    p.is_entrusted = reader_u8(&r);
    p.created_ms = reader_u64(&r);
    p.pin_count = reader_u8(&r);
    if (p.pin_count > ROW_PINS_MAX)
        return HUFU_CORRUPT;
    for (size_t i = 0; i < p.pin_count; i++) {
        reader_copy(&r, p.pin[i], MSG_PIN_LEN);
        p.pin_until_ms[i] = reader_u64(&r);
    }
    p.format_count = take_count(&r, ROW_FORMATS_MAX);
    for (size_t i = 0; i < p.format_count; i++)
        rowio_take(&r, p.format[i], sizeof(p.format[i]));
    p.domain_count = take_count(&r, ROW_FORMATS_MAX);
    for (size_t i = 0; i < p.domain_count; i++)
        rowio_take(&r, p.domain[i], sizeof(p.domain[i]));
    rowio_take(&r, p.qualification, sizeof(p.qualification));
    p.qualified_until_ms = reader_u64(&r);
    if (reader_end(&r) != HUFU_OK)
        return HUFU_CORRUPT;
    *out = p;
    return HUFU_OK;
}
