/* Cases about data subjects, as people see them. */
#include "vault/subject_case.h"

#include <string.h>

#include "vault/handle.h"
#include "vault/manage.h"

#define ITEM_MAX   2048 /* bytes of one printed: texts with every character escaped */
#define PAGE_MAX   1000
#define BODY_MAX   1048576 /* of a page: it ends early rather than not fit into a frame */
#define TAIL_BYTES 256     /* what ends a page */

static void put_who(struct core *core, struct json *j, const char *name, uint32_t id)
{
    const struct user *user = directory_user_id(core->dir, id);

    json_put_str(j, name, user == NULL ? "?" : user->name);
}

/* The reference itself is for those who decide about it, not for who reads along. */
static void print(struct core *core, const struct case_row *c, bool names_subject, struct json *j)
{
    char id[ID_TEXT_LEN + 1];

    id_print(c->id, id);
    json_open(j);
    json_put_time(j, "asked_at", c->asked_ms);
    put_who(core, j, "asked_by", c->asked_by);
    if (c->decided_by != 0) {
        json_put_time(j, "decided_at", c->decided_ms);
        put_who(core, j, "decided_by", c->decided_by);
    }
    json_put_u64(j, "done", c->done);
    if (c->error[0] != '\0')
        json_put_str(j, "error", c->error);
    json_put_time(j, "expires_at", c->expires_ms);
    json_put_u64(j, "held", c->held);
    json_put_str(j, "id", id);
    json_put_str(j, "kind", case_kind_name(c->kind));
    json_put_bool(j, "legal_hold", subject_is_held(core, c->digest));
    json_put_str(j, "reason", c->reason);
    json_put_str(j, "state", case_state_name(c->state));
    if (names_subject)
        json_put_str(j, "subject", c->subject);
    json_put_base64url(j, "subject_id", c->digest, CASE_NAME_LEN);
    json_put_u64(j, "total", c->total);
    json_close(j);
}

static bool may_see(const struct request *req)
{
    return req->who.role == ROLE_SECURITY_ADMIN || req->who.role == ROLE_APPROVER;
}

enum hufu_err subject_case_reply(struct request *req, const struct case_row *c)
{
    struct json j;

    if (request_body(req, ITEM_MAX) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    json_init(&j, &req->body);
    print(req->core, c, may_see(req), &j);
    return buf_check(&req->body) == HUFU_OK ? HUFU_OK : HUFU_UNAVAILABLE;
}

enum hufu_err subject_case_named(struct request *req, struct case_row *out)
{
    uint8_t id[ID_LEN];

    if (id_parse(msg_text(&req->msg, MSG_ID), id) != HUFU_OK)
        return HUFU_NOT_FOUND;
    return subject_case_find(req->core, id, out);
}

enum hufu_err handle_subject_show(struct worker *w, struct request *req, struct msg_where *where)
{
    struct case_row c;
    enum hufu_err err;

    (void)where;
    (void)w;
    err = subject_case_named(req, &c);
    return err == HUFU_OK ? subject_case_reply(req, &c) : err;
}

static size_t page_bytes(uint64_t limit)
{
    size_t want = TAIL_BYTES + ((size_t)limit + 1) * ITEM_MAX;

    return want < BODY_MAX ? want : BODY_MAX;
}

enum hufu_err handle_subject_list(struct worker *w, struct request *req, struct msg_where *where)
{
    uint64_t limit = msg_u64(&req->msg, MSG_LIMIT, MANAGE_PAGE), shown = 0;
    char last[ID_TEXT_LEN + 1] = "";
    uint8_t after[ID_LEN];
    const uint8_t *from = msg_has(&req->msg, MSG_AFTER) ? after : NULL;
    bool more = false;
    struct case_row c;
    struct json j;

    if (limit == 0 || limit > PAGE_MAX)
        return manage_at(where, MSG_LIMIT, HUFU_BAD_REQUEST);
    if (from != NULL && id_parse(msg_text(&req->msg, MSG_AFTER), after) != HUFU_OK)
        return manage_at(where, MSG_AFTER, HUFU_BAD_REQUEST);
    if (request_body(req, page_bytes(limit)) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    json_init(&j, &req->body);
    json_open(&j);
    json_name(&j, "items");
    json_list(&j);
    while (!more && subject_case_after(w->core, from, &c) == HUFU_OK) {
        more = shown == limit || req->body.cap - req->body.len < ITEM_MAX + TAIL_BYTES;
        if (more)
            break;
        print(w->core, &c, may_see(req), &j);
        id_print(c.id, last);
        memcpy(after, c.id, ID_LEN);
        from = after;
        shown++;
    }
    manage_list_end(&j, more, last);
    return buf_check(&req->body) == HUFU_OK ? HUFU_OK : HUFU_UNAVAILABLE;
}
