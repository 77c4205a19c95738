#include "vault/grant_life.h"

#include <string.h>

#include "vault/handle.h"

bool grant_is_open(const struct grant *g)
{
    return g->state == GRANT_PROPOSED || g->state == GRANT_GRANTED;
}

void grant_age(struct core *core, struct grant *g)
{
    if (grant_is_open(g) && core_now(core) >= g->expires_ms)
        g->state = GRANT_EXPIRED;
}

enum hufu_err grant_find(struct core *core, const uint8_t id[static ID_LEN], struct grant *out)
{
    uint8_t mem[GRANT_ROW_MAX];
    struct buf text;
    uint64_t seq;
    enum hufu_err err;

    buf_fixed(&text, mem, sizeof(mem));
    err = directory_kept(core->dir, TABLE_GRANT, view_of(id, ID_LEN), &text, &seq);
    if (err == HUFU_NOMEM)
        return HUFU_UNAVAILABLE;
    if (err != HUFU_OK)
        return err;
    if (grant_get(buf_view(&text), out) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    memcpy(out->id, id, ID_LEN);
    out->seq = seq;
    grant_age(core, out);
    return HUFU_OK;
}

enum hufu_err grant_next(struct core *core, const uint8_t *after, size_t after_len,
                         struct grant *out)
{
    uint8_t mem[GRANT_ROW_MAX], key_mem[ID_LEN];
    struct buf text, key;
    uint64_t seq;
    enum hufu_err err;

    buf_fixed(&text, mem, sizeof(mem));
    buf_fixed(&key, key_mem, sizeof(key_mem));
    err =
        directory_kept_after(core->dir, TABLE_GRANT, view_of(after, after_len), &key, &text, &seq);
    if (err == HUFU_NOMEM || (err == HUFU_OK && key.len != ID_LEN))
        return HUFU_UNAVAILABLE;
    if (err != HUFU_OK)
        return err;
    if (grant_get(buf_view(&text), out) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    memcpy(out->id, key_mem, ID_LEN);
    out->seq = seq;
    return HUFU_OK;
}

void grant_since(struct core *core, uint8_t out[static ID_LEN])
{
    uint64_t now = core_now(core), ms = now > GRANT_RECENT_MS ? now - GRANT_RECENT_MS : 0;
    struct buf b;

    memset(out, 0, ID_LEN);
    buf_fixed(&b, out, ID_LEN);
    buf_be64(&b, ms << 16); /* RFC 9562 section 5.7: 48 bits of milliseconds first */
}

const struct user *grant_asker(struct core *core, const struct grant *g)
{
    const struct user *user = directory_user_id(core->dir, g->user_id);

    return user != NULL && user_stands(user, ROLE_OPERATOR, g->created_ms, core_now(core)) ? user
                                                                                           : NULL;
}

static bool counts(struct core *core, const struct user *user, const struct approval *a)
{
    return user != NULL && user_stands(user, ROLE_APPROVER, a->at_ms, core_now(core));
}

static bool stands(struct core *core, const struct approval *a)
{
    return counts(core, directory_user_id(core->dir, a->user_id), a);
}

uint32_t grant_count_standing(struct core *core, const struct grant *g)
{
    uint32_t n = 0;

    for (size_t i = 0; i < g->approval_count; i++)
        n += stands(core, &g->approval[i]);
    return n;
}

void grant_drop_void(struct core *core, struct grant *g)
{
    size_t kept = 0;

    for (size_t i = 0; i < g->approval_count; i++)
        if (stands(core, &g->approval[i]))
            g->approval[kept++] = g->approval[i];
    g->approval_count = kept;
}

/* Counted again, by the rows that are expected: one may have been frozen since. */
enum hufu_err grant_expect_approvers(struct request *req, struct store_op *op,
                                     const struct grant *g, uint32_t needed)
{
    uint32_t n = 0;

    for (size_t i = 0; i < g->approval_count; i++) {
        const struct user *user = directory_user_id(req->core->dir, g->approval[i].user_id);
        struct view key = row_numbered_key(req, TABLE_USER, g->approval[i].user_id);

        if (user == NULL || key.p == NULL)
            return HUFU_UNAVAILABLE;
        n += counts(req->core, user, &g->approval[i]);
        op_expect(op, key, row_seen(user->seq));
    }
    return n >= needed ? HUFU_OK : HUFU_UNAVAILABLE;
}

enum hufu_err grant_write(struct worker *w, struct request *req, struct store_op *op,
                          const struct grant *g)
{
    struct view key = row_plain_key(req, TABLE_GRANT, view_of(g->id, sizeof(g->id)));
    uint8_t mem[GRANT_ROW_MAX];
    struct buf text;

    buf_fixed(&text, mem, sizeof(mem));
    grant_put(g, &text);
    return row_write_control(w, req, op, key, row_seen(g->seq), &text);
}
