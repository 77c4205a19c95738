#include "vault/access/grant.h"

#include <string.h>

#include "vault/access/rowio.h"

const char *grant_state_name(unsigned state)
{
    static const char *const names[] = { "?",         "proposed", "granted", "denied",
                                         "withdrawn", "used_up",  "expired" };

    return state < sizeof(names) / sizeof(names[0]) ? names[state] : "?";
}

/* Where id is, or would be. */
static size_t place_of(const struct grant *g, const uint8_t id[static ENTRY_TOKEN_ID_LEN])
{
    size_t low = 0, high = g->token_count;

    while (low < high) {
        size_t mid = low + (high - low) / 2;

        if (memcmp(g->token_id[mid], id, ENTRY_TOKEN_ID_LEN) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

bool grant_names(const struct grant *g, const uint8_t id[static ENTRY_TOKEN_ID_LEN])
{
    size_t at = place_of(g, id);

    return at < g->token_count && memcmp(g->token_id[at], id, ENTRY_TOKEN_ID_LEN) == 0;
}

enum hufu_err grant_add_token(struct grant *g, const uint8_t id[static ENTRY_TOKEN_ID_LEN])
{
    size_t at = place_of(g, id);

    if (grant_names(g, id))
        return HUFU_CONFLICT;
    if (g->token_count == GRANT_TOKENS_MAX)
        return HUFU_RANGE;
    memmove(g->token_id[at + 1], g->token_id[at], (g->token_count - at) * sizeof(g->token_id[0]));
    memcpy(g->token_id[at], id, ENTRY_TOKEN_ID_LEN);
    g->token_count++;
    return HUFU_OK;
}

void grant_put(const struct grant *g, struct buf *out)
{
    buf_u8(out, ROW_FORMAT);
    buf_u8(out, g->state);
    buf_u32(out, g->user_id);
    buf_u32(out, g->domain_id);
    buf_u32(out, g->needed);
    buf_u64(out, g->count);
    buf_u64(out, g->remaining);
    buf_u64(out, g->created_ms);
    buf_u64(out, g->expires_ms);
    rowio_put(out, g->purpose);
    rowio_put(out, g->recipient);
    rowio_put(out, g->reason);
    buf_u8(out, (uint8_t)g->approval_count);
    for (size_t i = 0; i < g->approval_count; i++) {
        buf_u32(out, g->approval[i].user_id);
        buf_u64(out, g->approval[i].at_ms);
    }
    buf_u16(out, (uint16_t)g->token_count);
    for (size_t i = 0; i < g->token_count; i++)
        buf_put(out, g->token_id[i], sizeof(g->token_id[i]));
}

/* Text without a zero inside: it would not be written again as it was read. */
static bool take_text(struct reader *r, char *out, size_t out_len)
{
    struct view text = reader_lv8(r, out_len - 1);

    if (text.len > 0)
        memcpy(out, text.p, text.len);
    return strlen(out) == text.len;
}

static bool take_approvals(struct reader *r, struct grant *g)
{
    g->approval_count = reader_u8(r);
    if (g->approval_count > GRANT_APPROVALS_MAX)
        return false;
    for (size_t i = 0; i < g->approval_count; i++) {
        g->approval[i].user_id = reader_u32(r);
        g->approval[i].at_ms = reader_u64(r);
        if (i > 0 && g->approval[i].user_id == g->approval[0].user_id)
            return false;
    }
    return true;
}

static bool take_tokens(struct reader *r, struct grant *g)
{
    size_t count = reader_u16(r);

    if (count > GRANT_TOKENS_MAX)
        return false;
    for (size_t i = 0; i < count; i++) {
        uint8_t *id = g->token_id[i];

        reader_copy(r, id, ENTRY_TOKEN_ID_LEN);
        if (i > 0 && memcmp(g->token_id[i - 1], id, ENTRY_TOKEN_ID_LEN) >= 0)
            return false;
    }
    g->token_count = count;
    return true;
}

static bool numbers_fit(const struct grant *g)
{
    return g->state >= GRANT_PROPOSED && g->state <= GRANT_EXPIRED && g->needed >= 1 &&
           g->needed <= GRANT_APPROVALS_MAX && g->count >= 1 && g->count <= GRANT_COUNT_MAX &&
           g->remaining <= g->count && (g->state == GRANT_USED_UP) == (g->remaining == 0) &&
           (g->state != GRANT_GRANTED || g->approval_count >= g->needed);
}

enum hufu_err grant_get(struct view in, struct grant *out)
{
    struct grant g = { 0 };
    struct reader r;
    bool fits;

    if (!rowio_begin(&r, in))
        return HUFU_CORRUPT;
    g.state = reader_u8(&r);
    g.user_id = reader_u32(&r);
    g.domain_id = reader_u32(&r);
    g.needed = reader_u32(&r);
    g.count = reader_u64(&r);
    g.remaining = reader_u64(&r);
    g.created_ms = reader_u64(&r);
    g.expires_ms = reader_u64(&r);
    fits = take_text(&r, g.purpose, sizeof(g.purpose)) &&
           take_text(&r, g.recipient, sizeof(g.recipient)) &&
           take_text(&r, g.reason, sizeof(g.reason)) && take_approvals(&r, &g) &&
           take_tokens(&r, &g);
    if (!fits || reader_end(&r) != HUFU_OK || !numbers_fit(&g))
        return HUFU_CORRUPT;
    *out = g;
    return HUFU_OK;
}
