#include "vault/manage.h"

#include <string.h>

#include "vault/base/secret.h"
#include "vault/handle.h"

#define PAGE_MAX 1000
#define ITEM_MAX 2048 /* bytes of one item printed */

enum hufu_err manage_at(struct msg_where *where, enum msg_tag tag, enum hufu_err err)
{
    *where = (struct msg_where){ (uint16_t)tag, MSG_NONE, MSG_NO_INDEX };
    return err;
}

enum hufu_err manage_copy(char *out, size_t out_len, struct view text)
{
    if (text.len >= out_len)
        return HUFU_BAD_REQUEST;
    if (text.len > 0)
        memcpy(out, text.p, text.len);
    out[text.len] = '\0';
    return HUFU_OK;
}

bool manage_has(const char *names, size_t out_len, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(names + i * out_len, name) == 0)
            return true;
    return false;
}

enum hufu_err manage_names(struct view list, char *out, size_t out_len, size_t max,
                           size_t *count_out)
{
    size_t count = msg_list_count(list);
    struct reader r;

    if (count > max)
        return HUFU_BAD_REQUEST;
    reader_init(&r, list.p, list.len);
    for (size_t i = 0; i < count; i++) {
        struct view text = msg_list_next(&r);

        if (!text_is_name(text) || manage_copy(out + i * out_len, out_len, text) != HUFU_OK ||
            manage_has(out, out_len, i, out + i * out_len))
            return HUFU_BAD_REQUEST; /* no name, or one named twice */
    }
    *count_out = count;
    return HUFU_OK;
}

enum hufu_err manage_write(struct worker *w, struct request *req, uint8_t table, uint32_t id,
                           uint64_t seq, const struct buf *text)
{
    return row_write_control(w, req, &req->op[0], row_numbered_key(req, table, id), row_seen(seq),
                             text);
}

enum hufu_err manage_write_ids(struct worker *w, struct request *req, const struct row_ids *ids,
                               uint64_t seq)
{
    struct view key = row_plain_key(req, TABLE_META, view_str("ids"));
    uint8_t mem[32];
    struct buf text;

    buf_fixed(&text, mem, sizeof(mem));
    row_ids_put(ids, &text);
    return row_write_control(w, req, &req->op[0], key, row_seen(seq), &text);
}

void manage_list_end(struct json *j, bool more, const char *last)
{
    json_end(j);
    json_name(j, "next");
    if (more)
        json_str(j, last);
    else
        json_nil(j);
    json_close(j);
}

static bool is_after(const char *name, struct view after)
{
    size_t len = strlen(name), n = len < after.len ? len : after.len;
    int c = n == 0 ? 0 : strncmp(name, (const char *)after.p, n);

    return c > 0 || (c == 0 && len > after.len);
}

enum hufu_err manage_list(struct worker *w, struct request *req, struct msg_where *where,
                          const char *(*name)(struct core *core, size_t i),
                          void (*print)(struct core *core, size_t i, struct json *j))
{
    uint64_t limit = msg_u64(&req->msg, MSG_LIMIT, MANAGE_PAGE), shown = 0;
    struct view after = msg_text(&req->msg, MSG_AFTER);
    const char *last = "", *this;
    bool more = false;
    struct json j;

    if (limit == 0 || limit > PAGE_MAX)
        return manage_at(where, MSG_LIMIT, HUFU_BAD_REQUEST);
    if (after.len > 0 && !text_is_name(after))
        return manage_at(where, MSG_AFTER, HUFU_BAD_REQUEST);
    if (request_body(req, 256 + (size_t)limit * ITEM_MAX) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    json_init(&j, &req->body);
    json_open(&j);
    json_name(&j, "items");
    json_list(&j);
    for (size_t i = 0; !more && (this = name(w->core, i)) != NULL; i++) {
        if (!is_after(this, after))
            continue;
        more = shown == limit;
        if (more)
            break;
        print(w->core, i, &j);
        last = this;
        shown++;
    }
    manage_list_end(&j, more, last);
    return buf_check(&req->body) == HUFU_OK ? HUFU_OK : HUFU_UNAVAILABLE;
}

static enum hufu_err print_state(struct request *req, const char *name, uint8_t state)
{
    struct json j;

    if (request_body(req, 128) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    json_init(&j, &req->body);
    json_open(&j);
    json_put_str(&j, "name", name);
    json_put_str(&j, "state", row_state_name(state));
    json_close(&j);
    return buf_check(&req->body) == HUFU_OK ? HUFU_OK : HUFU_UNAVAILABLE;
}

/* Two security administrators must be left, or nobody could lift anything any more. */
static bool is_needed(struct core *core, const struct user *user)
{
    const struct user *other;
    size_t active = 0;

    for (size_t i = 0; (other = directory_user_at(core->dir, i)) != NULL; i++)
        active += other->role == ROLE_SECURITY_ADMIN && other->state == ROW_ACTIVE;
    return user->role == ROLE_SECURITY_ADMIN && user->state == ROW_ACTIVE && active <= 2;
}

/* What is frozen or not: the row of one of three kinds, with its state changed. */
static enum hufu_err change_state(struct worker *w, struct request *req, uint8_t state)
{
    struct view name = msg_text(&req->msg, MSG_NAME);
    const struct domain *d = directory_domain(w->core->dir, name);
    const struct partner *p = directory_partner(w->core->dir, name);
    const struct user *u = directory_user(w->core->dir, name);
    uint16_t verb = req->msg.verb;
    const char *found = NULL;
    struct buf text;
    enum hufu_err err = HUFU_NOT_FOUND;

    buf_init(&text, MANAGE_ROW_MAX);
    if ((verb == VERB_DOMAIN_FREEZE || verb == VERB_DOMAIN_UNFREEZE) && d != NULL) {
        struct domain changed = *d;

        changed.state = state;
        domain_put(&changed, &text);
        found = d->name;
        err = manage_write(w, req, TABLE_DOMAIN, d->id, d->seq, &text);
    } else if ((verb == VERB_PARTNER_FREEZE || verb == VERB_PARTNER_UNFREEZE) && p != NULL) {
        struct partner changed = *p;

        changed.state = state;
        partner_put(&changed, &text);
        found = p->name;
        err = manage_write(w, req, TABLE_PARTNER, p->id, p->seq, &text);
    } else if ((verb == VERB_USER_FREEZE || verb == VERB_USER_UNFREEZE) && u != NULL) {
        struct user changed = *u;

        changed.state = state;
        if (state == ROW_FROZEN) /* what was open does not come back with the person */
            changed.sessions_from_ms = core_now(w->core);
        user_put(&changed, &text);
        found = u->name;
        err = u->state == ROW_PENDING || (state == ROW_FROZEN && is_needed(w->core, u))
                  ? HUFU_CONFLICT
                  : manage_write(w, req, TABLE_USER, u->id, u->seq, &text);
    }
    if (err == HUFU_OK)
        request_entry(req, 0)->purpose = view_str(found);
    if (err == HUFU_OK)
        err = print_state(req, found, state);
    buf_done(&text);
    return err;
}

enum hufu_err handle_freeze(struct worker *w, struct request *req, struct msg_where *where)
{
    uint16_t verb = req->msg.verb;
    bool freezes =
        verb == VERB_DOMAIN_FREEZE || verb == VERB_PARTNER_FREEZE || verb == VERB_USER_FREEZE;
    enum hufu_err err;

    err = check_member(w, req, MSG_REASON, where);
    if (err != HUFU_OK)
        return err;
    if (request_ops(req, 1, 1, 1, 0) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    op_expect_caller(req, &req->op[0]);
    request_entry(req, 0)->reason = msg_text(&req->msg, MSG_REASON);
    err = change_state(w, req, freezes ? ROW_FROZEN : ROW_ACTIVE);
    if (err != HUFU_OK)
        req->draft.op_count = 0; /* the refusal drafts its own entry */
    return err;
}
