#include "vault/subject_case.h"

#include <string.h>

#include "vault/handle.h"
#include "vault/manage.h"

#define NAME_BYTES 128 /* of "case=… kind=… subject=…" in an entry */

static bool is_over(const struct core *core, const struct case_row *c)
{
    return c->state == CASE_PROPOSED && core_now(core) >= c->expires_ms;
}

static enum hufu_err read_row(struct core *core, struct view id, const struct buf *text,
                              uint64_t seq, struct case_row *out)
{
    struct case_row c;

    if (id.len != ID_LEN || case_row_get(buf_view(text), &c) != HUFU_OK)
        return HUFU_NOT_FOUND;
    memcpy(c.id, id.p, ID_LEN);
    c.seq = seq;
    if (is_over(core, &c))
        c.state = CASE_EXPIRED;
    *out = c;
    return HUFU_OK;
}

enum hufu_err subject_case_at(struct core *core, size_t i, struct case_row *out)
{
    uint8_t key_mem[ID_LEN], mem[CASE_ROW_MAX];
    struct buf key, text;
    uint64_t seq;
    enum hufu_err err;

    buf_fixed(&key, key_mem, sizeof(key_mem));
    buf_fixed(&text, mem, sizeof(mem));
    err = directory_kept_at(core->dir, TABLE_CASE, i, &key, &text, &seq);
    if (err == HUFU_OK)
        err = read_row(core, buf_view(&key), &text, seq, out);
    buf_done(&text);
    return err == HUFU_OK ? HUFU_OK : HUFU_NOT_FOUND;
}

enum hufu_err subject_case_after(struct core *core, const uint8_t *after, struct case_row *out)
{
    struct view from = view_of(after, after == NULL ? 0 : ID_LEN);
    uint8_t key_mem[ID_LEN], mem[CASE_ROW_MAX];
    struct buf key, text;
    uint64_t seq;
    enum hufu_err err;

    buf_fixed(&key, key_mem, sizeof(key_mem));
    buf_fixed(&text, mem, sizeof(mem));
    err = directory_kept_after(core->dir, TABLE_CASE, from, &key, &text, &seq);
    if (err == HUFU_OK)
        err = read_row(core, buf_view(&key), &text, seq, out);
    buf_done(&text);
    return err == HUFU_OK ? HUFU_OK : HUFU_NOT_FOUND;
}

enum hufu_err subject_case_find(struct core *core, const uint8_t id[static ID_LEN],
                                struct case_row *out)
{
    struct view key = view_of(id, ID_LEN);
    uint8_t mem[CASE_ROW_MAX];
    struct buf text;
    uint64_t seq;
    enum hufu_err err;

    buf_fixed(&text, mem, sizeof(mem));
    err = directory_kept(core->dir, TABLE_CASE, key, &text, &seq);
    if (err == HUFU_OK)
        err = read_row(core, key, &text, seq, out);
    buf_done(&text);
    return err == HUFU_OK ? HUFU_OK : HUFU_NOT_FOUND;
}

enum hufu_err subject_case_write(struct worker *w, struct request *req, struct store_op *op,
                                 const struct case_row *c)
{
    struct view key = row_plain_key(req, TABLE_CASE, view_of(c->id, sizeof(c->id)));
    uint8_t mem[CASE_ROW_MAX];
    struct buf text;
    enum hufu_err err;

    buf_fixed(&text, mem, sizeof(mem));
    case_row_put(c, &text);
    err = row_write_control(w, req, op, key, row_seen(c->seq), &text);
    buf_done(&text);
    return err;
}

void subject_case_digest_text(const uint8_t digest[static CASE_DIGEST_LEN], struct buf *out)
{
    text_base64url(out, digest, CASE_NAME_LEN);
}

enum hufu_err subject_case_name(struct request *req, struct entry_draft *entry,
                                const struct case_row *c)
{
    uint8_t *mem = request_take(req, NAME_BYTES);
    char id[ID_TEXT_LEN + 1];
    struct buf b;

    if (mem == NULL)
        return HUFU_UNAVAILABLE;
    buf_fixed(&b, mem, NAME_BYTES);
    id_print(c->id, id);
    buf_str(&b, "case=");
    buf_str(&b, id);
    buf_str(&b, " kind=");
    buf_str(&b, case_kind_name(c->kind));
    buf_str(&b, " subject=");
    subject_case_digest_text(c->digest, &b);
    entry->purpose = buf_view(&b);
    return buf_check(&b) == HUFU_OK ? HUFU_OK : HUFU_UNAVAILABLE;
}

static enum hufu_err one_stands(struct request *req, struct store_op *op, uint32_t id,
                                enum role role, uint64_t at_ms)
{
    const struct user *user = directory_user_id(req->core->dir, id);
    struct view key = row_numbered_key(req, TABLE_USER, id);

    if (key.p == NULL)
        return HUFU_UNAVAILABLE;
    if (user == NULL || !user_stands(user, role, at_ms, core_now(req->core)))
        return HUFU_CONFLICT;
    if (op != NULL)
        op_expect(op, key, row_seen(user->seq));
    return HUFU_OK;
}

enum hufu_err subject_case_stands(struct request *req, struct store_op *op,
                                  const struct case_row *c)
{
    enum hufu_err err = one_stands(req, op, c->asked_by, ROLE_SECURITY_ADMIN, c->asked_ms);

    if (err == HUFU_OK && c->decided_by != 0)
        err = one_stands(req, op, c->decided_by, ROLE_APPROVER, c->decided_ms);
    return err;
}
