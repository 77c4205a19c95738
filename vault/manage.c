#include "vault/manage.h"

#include <string.h>

#include "vault/base/secret.h"
#include "vault/handle.h"

#define PAGE_MAX   1000
#define ITEM_MAX   16384   /* bytes of one item printed */
#define BODY_MAX   1048576 /* of a page: it ends early rather than not fit into a frame */
#define TAIL_BYTES 256     /* what ends a page */

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

static size_t page_bytes(uint64_t limit)
{
    size_t want = TAIL_BYTES + ((size_t)limit + 1) * ITEM_MAX;

    return want < BODY_MAX ? want : BODY_MAX;
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
    if (msg_has(&req->msg, MSG_AFTER) && !text_is_name(after))
        return manage_at(where, MSG_AFTER, HUFU_BAD_REQUEST);
    if (request_body(req, page_bytes(limit)) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    json_init(&j, &req->body);
    json_open(&j);
    json_name(&j, "items");
    json_list(&j);
    for (size_t i = 0; !more && (this = name(w->core, i)) != NULL; i++) {
        if (!is_after(this, after))
            continue; /* also one that moved up because another came in before it meanwhile */
        more = shown == limit || req->body.cap - req->body.len < ITEM_MAX + TAIL_BYTES;
        if (more)
            break;
        print(w->core, i, &j);
        last = this;
        after = view_str(this);
        shown++;
    }
    manage_list_end(&j, more, last);
    return buf_check(&req->body) == HUFU_OK ? HUFU_OK : HUFU_UNAVAILABLE;
}

/* Never back: a clock that was set back would let older sessions in again. */
void manage_end_sessions(const struct core *core, struct user *user)
{
    uint64_t now = core_now(core);

    user->sessions_from_ms = (now < user->sessions_from_ms ? user->sessions_from_ms : now) + 1;
}

enum hufu_err manage_forget_secrets(struct worker *w, struct user *user, struct secret **seed_out)
{
    struct password none;
    struct secret *seed = NULL;

    /* A hash that is no password's costs as much to try as any. */
    password_dummy((uint32_t)conf_u64(w->core->conf, CONF_ARGON_KIB),
                   (uint32_t)conf_u64(w->core->conf, CONF_ARGON_PASSES), &none);
    if (draw_bytes(&w->draw, none.salt, sizeof(none.salt)) != HUFU_OK ||
        draw_bytes(&w->draw, none.hash, sizeof(none.hash)) != HUFU_OK ||
        secret_random(ROW_SEED_LEN, &seed) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    user_set_password(user, &none, 0, core_now(w->core));
    wipe(&none, sizeof(none));
    user->password_by = 0;
    user->seed_by = 0;
    user->seed = seed;
    *seed_out = seed;
    return HUFU_OK;
}

/* True where an active security administrator goes on being one. */
static bool is_lasting_admin(const struct user *u)
{
    return u->role == ROLE_SECURITY_ADMIN && u->state == ROW_ACTIVE && u->expires_ms == 0 &&
           u->once == USER_ONCE_NO;
}

enum hufu_err manage_expect_admins(struct request *req, const struct user *without)
{
    const struct user *other;
    uint32_t first = without->id;
    size_t left = 0;

    if (!is_lasting_admin(without))
        return HUFU_OK;
    for (size_t i = 0; left < 2 && (other = directory_user_at(req->core->dir, i)) != NULL; i++) {
        if (other->id == without->id || !is_lasting_admin(other) || other->id == first)
            continue; /* the first again: somebody came in before it meanwhile, and all moved up */
        op_expect(&req->op[0], row_numbered_key(req, TABLE_USER, other->id), row_seen(other->seq));
        first = other->id;
        left++;
    }
    return left == 2 ? HUFU_OK : HUFU_CONFLICT;
}

enum hufu_err manage_write_user(struct worker *w, struct request *req, const struct user *user)
{
    struct buf text;
    enum hufu_err err;

    buf_init(&text, MANAGE_ROW_MAX);
    user_put(user, &text);
    err = manage_write(w, req, TABLE_USER, user->id, user->seq, &text);
    buf_done(&text);
    return err;
}
