/* Grants as people and the log see them: GET /v1/grants and /v1/grants/{id}. */
#include "vault/grant_life.h"

#include <string.h>

#include "vault/handle.h"
#include "vault/manage.h"

#define PAGE_MAX   1000
#define ITEM_MAX   2048 /* bytes of one of a list */
#define BODY_MAX   1048576
#define TAIL_BYTES 256                     /* what ends a page */
#define TOKENS_MAX (GRANT_TOKENS_MAX * 26) /* bytes of all tokens' names printed */
#define ABOUT_MAX  512                     /* bytes of a grant in an entry */

static void put_ids(const struct grant *g, struct json *j)
{
    uint8_t mem[32];
    struct buf text;

    json_name(j, "token_ids");
    json_list(j);
    for (size_t i = 0; i < g->token_count; i++) {
        buf_fixed(&text, mem, sizeof(mem));
        text_base64url(&text, g->token_id[i], sizeof(g->token_id[i]));
        json_text(j, buf_view(&text));
    }
    json_end(j);
}

static const char *name_of(const struct user *user)
{
    return user == NULL ? "?" : user->name;
}

static const char *domain_of(struct core *core, const struct grant *g)
{
    const struct domain *d = directory_domain_id(core->dir, g->domain_id);

    return d == NULL ? "?" : d->name;
}

static const char *asker_of(struct core *core, const struct grant *g)
{
    return name_of(directory_user_id(core->dir, g->user_id));
}

enum hufu_err grant_digest(struct core *core, const struct grant *g, uint8_t out[static DIGEST_LEN])
{
    char id[ID_TEXT_LEN + 1];
    struct buf text;
    struct view part;
    struct json j;
    enum hufu_err err;

    id_print(g->id, id);
    buf_init(&text, ITEM_MAX + TOKENS_MAX);
    json_init(&j, &text);
    json_open(&j);
    json_put_str(&j, "asked_by", asker_of(core, g));
    json_put_u64(&j, "count", g->count);
    json_put_str(&j, "domain", domain_of(core, g));
    json_put_time(&j, "expires_at", g->expires_ms);
    json_put_str(&j, "id", id);
    json_put_str(&j, "purpose", g->purpose);
    if (g->recipient[0] != '\0')
        json_put_str(&j, "recipient", g->recipient);
    put_ids(g, &j);
    json_close(&j);
    part = buf_view(&text);
    err = buf_check(&text) == HUFU_OK ? digest_sha256(&part, 1, out) : HUFU_UNAVAILABLE;
    buf_done(&text);
    return err == HUFU_OK ? HUFU_OK : HUFU_UNAVAILABLE;
}

static void say(struct buf *b, const char *key, const char *value)
{
    buf_str(b, key);
    buf_str(b, value);
}

static void say_number(struct buf *b, const char *key, uint64_t n)
{
    buf_str(b, key);
    buf_dec(b, n);
}

/* "grant=ID state=granted count=3 …": the purpose comes last, it may have spaces. */
static void say_all(struct buf *b, const struct grant *g, const uint8_t digest[static DIGEST_LEN])
{
    char id[ID_TEXT_LEN + 1], until[CLOCK_TEXT_LEN + 1];

    id_print(g->id, id);
    clock_print(g->expires_ms, until);
    say(b, "grant=", id);
    say(b, " state=", grant_state_name(g->state));
    say_number(b, " count=", g->count);
    say_number(b, " remaining=", g->remaining);
    say_number(b, " tokens=", g->token_count);
    say_number(b, " needed=", g->needed);
    say_number(b, " approvals=", g->approval_count);
    say(b, " expires=", until);
    if (g->recipient[0] != '\0')
        say(b, " recipient=", g->recipient);
    buf_str(b, " digest=");
    text_base64url(b, digest, DIGEST_LEN);
    say(b, " for=", g->purpose);
}

enum hufu_err grant_name(struct request *req, const struct grant *g)
{
    uint8_t *mem = request_take(req, ABOUT_MAX), digest[DIGEST_LEN], *ids;
    struct entry_draft *e = request_entry(req, 0);
    struct buf text;

    ids = request_take(req, g->token_count * ENTRY_TOKEN_ID_LEN);
    if (mem == NULL || ids == NULL || grant_digest(req->core, g, digest) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    buf_fixed(&text, mem, ABOUT_MAX);
    say_all(&text, g, digest);
    e->purpose = buf_view(&text);
    if (g->token_count > 0) {
        memcpy(ids, g->token_id, g->token_count * ENTRY_TOKEN_ID_LEN);
        e->token_ids = ids;
        e->token_id_count = g->token_count;
    }
    return buf_check(&text) == HUFU_OK ? HUFU_OK : HUFU_UNAVAILABLE;
}

enum hufu_err grant_refuse(struct request *req, const struct grant *g, const char *why,
                           enum hufu_err err)
{
    uint8_t *mem = request_take(req, ABOUT_MAX);
    char id[ID_TEXT_LEN + 1];
    struct buf text;

    if (err == HUFU_UNAVAILABLE || mem == NULL || refuse_entry(req, err) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    id_print(g->id, id);
    buf_fixed(&text, mem, ABOUT_MAX);
    say(&text, "grant=", id);
    say(&text, " state=", grant_state_name(g->state));
    if (why != NULL)
        say(&text, " why=", why);
    request_entry(req, 0)->purpose = buf_view(&text);
    return err;
}

static void put_approvals(struct core *core, const struct grant *g, struct json *j)
{
    json_name(j, "approvals");
    json_list(j);
    for (size_t i = 0; i < g->approval_count; i++) {
        json_open(j);
        json_put_time(j, "at", g->approval[i].at_ms);
        json_put_str(j, "user", name_of(directory_user_id(core->dir, g->approval[i].user_id)));
        json_close(j);
    }
    json_end(j);
}

enum hufu_err grant_reply(struct request *req, const struct grant *g)
{
    char id[ID_TEXT_LEN + 1];
    struct json j;

    if (request_body(req, ITEM_MAX) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    id_print(g->id, id);
    json_init(&j, &req->body);
    json_open(&j);
    put_approvals(req->core, g, &j);
    json_put_time(&j, "expires_at", g->expires_ms);
    json_put_str(&j, "id", id);
    json_put_u64(&j, "needed", g->needed);
    json_put_u64(&j, "remaining", g->remaining);
    json_put_str(&j, "state", grant_state_name(g->state));
    json_close(&j);
    return buf_check(&req->body) == HUFU_OK ? HUFU_OK : HUFU_UNAVAILABLE;
}

/* All that one has to know to agree to it; with_ids: which tokens, too. */
static enum hufu_err print(struct core *core, const struct grant *g, bool with_ids, struct json *j)
{
    uint8_t digest[DIGEST_LEN];
    char id[ID_TEXT_LEN + 1];

    if (grant_digest(core, g, digest) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    id_print(g->id, id);
    json_open(j);
    put_approvals(core, g, j);
    json_put_str(j, "asked_by", asker_of(core, g));
    json_put_u64(j, "count", g->count);
    json_put_time(j, "created_at", g->created_ms);
    json_put_base64url(j, "digest", digest, sizeof(digest));
    json_put_str(j, "domain", domain_of(core, g));
    json_put_time(j, "expires_at", g->expires_ms);
    json_put_str(j, "id", id);
    json_put_u64(j, "needed", g->needed);
    json_put_str(j, "purpose", g->purpose);
    json_put_str(j, "reason", g->reason);
    if (g->recipient[0] != '\0')
        json_put_str(j, "recipient", g->recipient);
    json_put_u64(j, "remaining", g->remaining);
    json_put_str(j, "state", grant_state_name(g->state));
    if (with_ids)
        put_ids(g, j);
    json_put_u64(j, "tokens", g->token_count);
    json_close(j);
    return HUFU_OK;
}

static bool may_see(const struct request *req, const struct grant *g)
{
    return req->who.role == ROLE_APPROVER || g->user_id == req->who.user->id;
}

enum hufu_err handle_grant_show(struct worker *w, struct request *req, struct msg_where *where)
{
    uint8_t id[ID_LEN];
    struct grant g;
    struct json j;
    enum hufu_err err;

    (void)where;
    if (id_parse(msg_text(&req->msg, MSG_ID), id) != HUFU_OK)
        return HUFU_NOT_FOUND;
    err = grant_find(w->core, id, &g);
    if (err == HUFU_OK && !may_see(req, &g))
        err = HUFU_NOT_FOUND;
    if (err == HUFU_OK)
        err = request_body(req, ITEM_MAX + TOKENS_MAX);
    if (err != HUFU_OK)
        return err;
    json_init(&j, &req->body);
    err = print(w->core, &g, true, &j);
    return err == HUFU_OK && buf_check(&req->body) == HUFU_OK ? HUFU_OK : HUFU_UNAVAILABLE;
}

static size_t page_bytes(uint64_t limit)
{
    size_t want = TAIL_BYTES + ((size_t)limit + 1) * ITEM_MAX;

    return want < BODY_MAX ? want : BODY_MAX;
}

/* Puts what the caller may see behind `after`; last_out: the last one's id where there are more. */
static enum hufu_err print_page(struct request *req, uint64_t limit, uint8_t *at, size_t at_len,
                                struct json *j)
{
    char last[ID_TEXT_LEN + 1] = "";
    uint64_t shown = 0;
    bool more = false;
    struct grant g;
    enum hufu_err err;

    while (!more) {
        err = grant_next(req->core, at, at_len, &g);
        if (err == HUFU_NOT_FOUND)
            break;
        if (err != HUFU_OK)
            return err;
        memcpy(at, g.id, ID_LEN);
        at_len = ID_LEN;
        if (!may_see(req, &g))
            continue;
        grant_age(req->core, &g);
        more = shown == limit || req->body.cap - req->body.len < ITEM_MAX + TAIL_BYTES;
        if (more)
            break;
        if (print(req->core, &g, false, j) != HUFU_OK)
            return HUFU_UNAVAILABLE;
        id_print(g.id, last);
        shown++;
    }
    manage_list_end(j, more, last);
    return buf_check(&req->body) == HUFU_OK ? HUFU_OK : HUFU_UNAVAILABLE;
}

enum hufu_err handle_grant_list(struct worker *w, struct request *req, struct msg_where *where)
{
    uint64_t limit = msg_u64(&req->msg, MSG_LIMIT, MANAGE_PAGE);
    bool has_after = msg_has(&req->msg, MSG_AFTER);
    uint8_t after[ID_LEN] = { 0 };
    struct json j;

    (void)w;
    if (limit == 0 || limit > PAGE_MAX)
        return manage_at(where, MSG_LIMIT, HUFU_BAD_REQUEST);
    if (has_after && id_parse(msg_text(&req->msg, MSG_AFTER), after) != HUFU_OK)
        return manage_at(where, MSG_AFTER, HUFU_BAD_REQUEST);
    if (request_body(req, page_bytes(limit)) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    json_init(&j, &req->body);
    json_open(&j);
    json_name(&j, "items");
    json_list(&j);
    return print_page(req, limit, after, has_after ? ID_LEN : 0, &j);
}
