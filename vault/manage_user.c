/* POST and GET /v1/users. */
#include "vault/manage.h"

#include <string.h>

#include "vault/access/totp.h"
#include "vault/base/secret.h"
#include "vault/ceremony.h"
#include "vault/handle.h"

#define EXPIRES_MAX_S 315360000ULL /* ten years */

static const char *user_name_at(struct core *core, size_t i)
{
    const struct user *u = directory_user_at(core->dir, i);

    return u == NULL ? NULL : u->name;
}

static void print_user_at(struct core *core, size_t i, struct json *j)
{
    const struct user *u = directory_user_at(core->dir, i);

    struct factor f;

    if (u == NULL)
        return;
    json_open(j);
    json_put_time(j, "created_at", u->created_ms);
    if (u->expires_ms != 0)
        json_put_time(j, "expires_at", u->expires_ms);
    json_put_str(j, "group", u->group);
    if (directory_factor(core->dir, u->id, &f) == HUFU_OK && f.login_ms != 0)
        json_put_time(j, "last_used_at", f.login_ms);
    json_put_str(j, "name", u->name);
    if (password_until(core, u) != 0)
        json_put_time(j, "password_expires_at", password_until(core, u));
    json_put_str(j, "role", role_name(u->role));
    json_put_str(j, "state", row_state_name(u->state));
    json_close(j);
}

enum hufu_err handle_user_list(struct worker *w, struct request *req, struct msg_where *where)
{
    return manage_list(w, req, where, user_name_at, print_user_at);
}

bool manage_is_privileged(unsigned role)
{
    return role != ROLE_OPERATOR && role != ROLE_SRE;
}

void manage_print_seed(const struct user *user, struct json *j)
{
    struct view seed = view_of(secret_read(user->seed), ROW_SEED_LEN);
    uint8_t base32_mem[64], uri_mem[256];
    struct buf base32, uri;

    buf_fixed(&base32, base32_mem, sizeof(base32_mem));
    buf_fixed(&uri, uri_mem, sizeof(uri_mem));
    text_base32(&base32, seed.p, seed.len);
    totp_uri(&uri, view_str(user->name), seed);
    json_put_text(j, "totp_secret", buf_view(&base32));
    json_put_text(j, "totp_uri", buf_view(&uri));
    buf_done(&base32);
    buf_done(&uri);
}

/* What the new person signs in with the first time: shown once, in this reply. Of a privileged one
 * only the password: the code secret is told to who seconds it (ceremony_people.c). */
static enum hufu_err print_credentials(struct request *req, const struct user *user,
                                       const struct ceremony *c)
{
    char id[ID_TEXT_LEN + 1];
    struct json j;

    if (request_body(req, 1024) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    json_init(&j, &req->body);
    json_open(&j);
    if (c != NULL) {
        id_print(c->id, id);
        json_put_str(&j, "ceremony", id);
        json_put_str(&j, "id", id);
    }
    json_put_str(&j, "initial_password", req->person.password);
    if (c == NULL)
        manage_print_seed(user, &j);
    json_close(&j);
    return buf_check(&req->body) == HUFU_OK ? HUFU_OK : HUFU_UNAVAILABLE;
}

/* Nobody can sign in to it before two have opened it: nothing is shown. */
static enum hufu_err print_sealed(struct request *req, const struct user *user)
{
    struct json j;

    if (request_body(req, 128) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    json_init(&j, &req->body);
    json_open(&j);
    json_put_str(&j, "name", user->name);
    json_put_str(&j, "state", row_state_name(user->state));
    json_close(&j);
    return buf_check(&req->body) == HUFU_OK ? HUFU_OK : HUFU_UNAVAILABLE;
}

static enum hufu_err draft_user(struct worker *w, struct request *req, struct user *user,
                                struct row_ids ids, uint64_t seq)
{
    enum hufu_err err;

    if (request_ops(req, 1, 3, 3, 0) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    op_expect_caller(req, &req->op[0]);
    request_entry(req, 0)->purpose = msg_text(&req->msg, MSG_NAME);
    user->id = ids.user++;
    user->seq = STORE_ABSENT;
    err = manage_write_ids(w, req, &ids, seq);
    return err == HUFU_OK ? manage_write_user(w, req, user) : err;
}

/* A break-glass account: whoever it is for, two open it. */
static enum hufu_err add_sealed(struct worker *w, struct request *req, struct user *user)
{
    struct row_ids ids;
    struct secret *seed; /* user_clear frees it */
    uint64_t seq;
    enum hufu_err err;

    if (req->who.user->once != USER_ONCE_NO)
        return HUFU_FORBIDDEN;
    user->state = ROW_SEALED;
    user->once = USER_ONCE_SEALED;
    err = manage_forget_secrets(w, user, &seed);
    if (err == HUFU_OK && directory_ids(w->core->dir, &ids, &seq) != HUFU_OK)
        err = HUFU_UNAVAILABLE;
    if (err == HUFU_OK)
        err = draft_user(w, req, user, ids, seq);
    if (err == HUFU_OK)
        err = print_sealed(req, user);
    req->reply.success = MSG_201;
    return err;
}

/* Operators and SREs begin at once; a privileged person when a second administrator approves. */
static enum hufu_err add_user(struct worker *w, struct request *req, struct user *user)
{
    bool privileged = manage_is_privileged(user->role);
    const struct ceremony_kind *kind = ceremony_kind_find(view_str("enrol-user"));
    struct ceremony c = { 0 };
    struct row_ids ids;
    uint64_t seq;
    enum hufu_err err;

    user->state = privileged ? ROW_PENDING : ROW_ACTIVE;
    if (!req->password_ok || secret_random(ROW_SEED_LEN, &user->seed) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    user->password = req->person.stored;
    user->password_by = req->who.user->id;
    user->seed_by = privileged ? 0 : req->who.user->id; /* else who seconds it is told */
    err = HUFU_OK;
    if (directory_ids(w->core->dir, &ids, &seq) != HUFU_OK)
        err = HUFU_UNAVAILABLE;
    if (err == HUFU_OK)
        err = draft_user(w, req, user, ids, seq);
    if (err == HUFU_OK && privileged)
        err = ceremony_begin(w, req, kind, view_str(user->name), view_str("enrol"), &c);
    if (err == HUFU_OK)
        err = print_credentials(req, user, privileged ? &c : NULL);
    req->reply.success = privileged ? MSG_202 : MSG_201;
    return err;
}

/* Members that say more than name and role: group, expires_in, sealed. */
static enum hufu_err read_options(struct worker *w, struct request *req, struct user *user,
                                  struct msg_where *where)
{
    const char *role = role_name(user->role);
    struct view group =
        msg_has(&req->msg, MSG_GROUP) ? msg_text(&req->msg, MSG_GROUP) : view_str(role);
    uint64_t expires_s = msg_u64(&req->msg, MSG_EXPIRES_IN, 0);
    bool expires = msg_has(&req->msg, MSG_EXPIRES_IN), sealed = msg_bool(&req->msg, MSG_SEALED);

    if (msg_has(&req->msg, MSG_GROUP) && !text_is_name(group))
        return manage_at(where, MSG_GROUP, HUFU_BAD_REQUEST);
    if (manage_copy(user->group, sizeof(user->group), group) != HUFU_OK)
        return manage_at(where, MSG_GROUP, HUFU_BAD_REQUEST);
    if (check_text(w, group) != HUFU_OK)
        return manage_at(where, MSG_GROUP, HUFU_VALUE_IN_TEXT);
    /* A break-glass account has its time when it is opened. */
    if (expires && (expires_s == 0 || expires_s > EXPIRES_MAX_S || sealed))
        return manage_at(where, MSG_EXPIRES_IN, HUFU_BAD_REQUEST);
    if (sealed && user->role != ROLE_OPERATOR && user->role != ROLE_SECURITY_ADMIN)
        return manage_at(where, MSG_SEALED, HUFU_BAD_REQUEST);
    user->created_ms = core_now(w->core);
    user->password_ms = user->created_ms;
    user->since_ms = user->created_ms;
    user->expires_ms = expires ? user->created_ms + expires_s * 1000 : 0;
    return HUFU_OK;
}

enum hufu_err handle_user_add(struct worker *w, struct request *req, struct msg_where *where)
{
    struct view name = msg_text(&req->msg, MSG_NAME);
    struct user user = { 0 };
    enum role role;
    enum hufu_err err;

    if (!text_is_name(name) || manage_copy(user.name, sizeof(user.name), name) != HUFU_OK)
        return manage_at(where, MSG_NAME, HUFU_BAD_REQUEST);
    if (check_text(w, name) != HUFU_OK)
        return manage_at(where, MSG_NAME, HUFU_VALUE_IN_TEXT);
    if (role_parse(msg_text(&req->msg, MSG_ROLE), &role) != HUFU_OK)
        return manage_at(where, MSG_ROLE, HUFU_BAD_REQUEST);
    user.role = (uint8_t)role;
    err = read_options(w, req, &user, where);
    if (err != HUFU_OK)
        return err;
    if (directory_user(w->core->dir, name) != NULL)
        return manage_at(where, MSG_NAME, HUFU_CONFLICT);
    err = msg_bool(&req->msg, MSG_SEALED) ? add_sealed(w, req, &user) : add_user(w, req, &user);
    if (err != HUFU_OK)
        req->draft.op_count = 0; /* the refusal drafts its own entry */
    user_clear(&user);
    return err;
}
