/* Challenges, for who is about to sign in and for who is in: what a key is asked to sign. */
#include "vault/handle.h"

#include "vault/base/json.h"
#include "vault/base/text.h"
#include "vault/key_enrol.h"
#include "vault/key_factor.h"
#include "vault/manage.h"
#include "vault/row.h"
#include "vault/step_up.h"

#define BODY_MAX (CREDENTIAL_KEYS_MAX * (FIDO_ID_MAX * 2) + 1024)

struct ids { /* of credentials; the bytes lie elsewhere */
    struct view id[CREDENTIAL_KEYS_MAX];
    size_t count;
};

/* In order of their bytes: a place tells nothing. */
static void add_id(struct ids *ids, struct view id)
{
    size_t at = ids->count++;

    while (at > 0) {
        struct view before = ids->id[at - 1];
        size_t len = before.len < id.len ? before.len : id.len, i = 0;

        while (i < len && before.p[i] == id.p[i])
            i++;
        if (i < len ? before.p[i] < id.p[i] : before.len <= id.len)
            break;
        ids->id[at] = before;
        at--;
    }
    ids->id[at] = id;
}

static void add_keys(const struct credential *found, size_t count, struct ids *ids)
{
    for (size_t i = 0; i < count; i++)
        if (found[i].state == CREDENTIAL_ACTIVE)
            add_id(ids, view_of(found[i].id, found[i].id_len));
}

/* The rest of the list: ids that are nobody's, the same for a name at all times. */
static enum hufu_err add_fakes(struct worker *w, struct view name,
                               uint8_t mem[static CREDENTIAL_KEYS_MAX][DIGEST_LEN], struct ids *ids)
{
    for (uint8_t i = 0; i < CREDENTIAL_KEYS_MAX; i++) {
        struct view part[2] = { name, view_of(&i, 1) };

        if (row_digest(w, ROW_FAKE_CREDENTIAL, part, 2, mem[i]) != HUFU_OK)
            return HUFU_UNAVAILABLE;
        if (ids->count < CREDENTIAL_KEYS_MAX)
            add_id(ids, view_of(mem[i], DIGEST_LEN));
    }
    return HUFU_OK;
}

static void print_ids(struct json *j, const char *name, const struct ids *ids)
{
    uint8_t mem[FIDO_ID_MAX * 2];
    struct buf text;

    json_name(j, name);
    json_list(j);
    for (size_t i = 0; i < ids->count; i++) {
        buf_fixed(&text, mem, sizeof(mem));
        text_base64url(&text, ids->id[i].p, ids->id[i].len);
        json_text(j, buf_view(&text));
    }
    json_end(j);
}

struct answer { /* of one of the three calls; members that are NULL are left out */
    const struct ids *credentials, *exclude;
    const uint8_t *digest;
    const char *user;
};

/* {"challenge","credentials"?,"digest"?,"exclude"?,"expires_at","rp_id","user"?} */
static enum hufu_err answer(struct worker *w, struct request *req, const struct challenge_use *use,
                            const struct answer *a)
{
    uint8_t mem[FIDO_CHALLENGE_TEXT + 1];
    uint64_t until_ms;
    struct buf text;
    struct json j;

    buf_fixed(&text, mem, sizeof(mem));
    if (challenge_make(w, use, a->digest, &text, &until_ms) != HUFU_OK ||
        request_body(req, BODY_MAX) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    json_init(&j, &req->body);
    json_open(&j);
    json_put_text(&j, "challenge", buf_view(&text));
    if (a->credentials != NULL)
        print_ids(&j, "credentials", a->credentials);
    if (a->digest != NULL)
        json_put_base64url(&j, "digest", a->digest, DIGEST_LEN);
    if (a->exclude != NULL)
        print_ids(&j, "exclude", a->exclude);
    json_put_time(&j, "expires_at", until_ms);
    json_put_str(&j, "rp_id", conf_text(w->core->conf, CONF_FIDO_RP_ID));
    if (a->user != NULL)
        json_put_str(&j, "user", a->user);
    json_close(&j);
    return buf_check(&req->body) == HUFU_OK ? HUFU_OK : HUFU_UNAVAILABLE;
}

enum hufu_err handle_challenge(struct worker *w, struct request *req, struct msg_where *where)
{
    struct view name = msg_text(&req->msg, MSG_USER);
    const struct user *user = directory_user(w->core->dir, name);
    struct challenge_use use = { CHALLENGE_LOGIN, { name }, 1 };
    struct credential found[CREDENTIAL_KEYS_MAX];
    uint8_t fakes[CREDENTIAL_KEYS_MAX][DIGEST_LEN];
    struct ids ids = { .count = 0 };
    struct answer a = { .credentials = &ids };

    (void)where;
    if (!key_factor_on(w->core))
        return HUFU_NOT_FOUND;
    /* People are numbered from 1: a name that nobody has is looked for like any other. */
    add_keys(found, credential_list(w->core->dir, user == NULL ? 0 : user->id, found), &ids);
    return add_fakes(w, name, fakes, &ids) == HUFU_OK ? answer(w, req, &use, &a) : HUFU_UNAVAILABLE;
}

/* The verb that is meant: one that this person may call and that needs a fresh factor. */
static enum hufu_err find_verb(const struct request *req, uint16_t *out)
{
    struct view name = msg_text(&req->msg, MSG_VERB);

    for (uint16_t verb = VERB_NONE + 1; verb < VERB_COUNT; verb++) {
        const struct msg_shape *shape = msg_shape(verb);

        if (shape == NULL || !view_is(name, shape->verb_name))
            continue;
        if (!verbs_may(verb, req->who.role))
            return HUFU_FORBIDDEN;
        if (verbs_find(verb)->factor != FACTOR_FRESH)
            return HUFU_BAD_REQUEST;
        *out = verb;
        return HUFU_OK;
    }
    return HUFU_BAD_REQUEST;
}

/* Exactly the members of a request of this verb: the tag of one that is too many or missing. */
static enum msg_tag misfit(const struct request *req, const struct msg_shape *shape)
{
    size_t at = 0;

    for (unsigned tag = MSG_NONE + 1; tag < MSG_TAG_COUNT; tag++) {
        bool known = at < shape->needs_count && shape->needs[at].tag == tag;
        bool there = tag != MSG_VERB && req->msg.field[tag].p != NULL;

        if (there ? !known : known && shape->needs[at].must)
            return (enum msg_tag)tag;
        at += known;
    }
    return MSG_NONE;
}

/* The digest of the request that is meant: its fields are ours, but for the one that names it. */
static enum hufu_err digest_meant(struct request *req, struct msg_where *where,
                                  uint8_t out[static DIGEST_LEN])
{
    struct view all = req->msg.fields, named = req->msg.field[MSG_VERB], fields[2];
    const uint8_t *head = named.p - 6; /* u16 tag, u32 length */
    enum msg_tag wrong;
    uint16_t verb;
    enum hufu_err err = find_verb(req, &verb);

    if (err != HUFU_OK)
        return manage_at(where, MSG_VERB, err);
    wrong = misfit(req, msg_shape(verb));
    if (wrong != MSG_NONE)
        return manage_at(where, wrong, HUFU_BAD_REQUEST);
    fields[0] = view_of(all.p, (size_t)(head - all.p));
    fields[1] = view_of(named.p + named.len, all.len - fields[0].len - 6 - named.len);
    return step_up_digest(verb, fields, out);
}

enum hufu_err handle_step_up_challenge(struct worker *w, struct request *req,
                                       struct msg_where *where)
{
    const struct session *s = &req->who.session;
    struct challenge_use use = { CHALLENGE_STEP_UP, { view_of(s->hash, sizeof(s->hash)) }, 1 };
    struct credential found[CREDENTIAL_KEYS_MAX];
    uint8_t digest[DIGEST_LEN];
    struct ids ids = { .count = 0 };
    struct answer a = { .credentials = &ids };
    enum hufu_err err = HUFU_OK;

    if (!key_factor_on(w->core))
        return HUFU_NOT_FOUND;
    if (msg_has(&req->msg, MSG_VERB)) {
        err = digest_meant(req, where, digest);
        a.digest = digest;
    } else if (req->msg.fields.len > 0) {
        err = manage_at(where, MSG_VERB, HUFU_BAD_REQUEST);
    }
    if (err != HUFU_OK)
        return err;
    add_keys(found, credential_list(w->core->dir, req->who.user->id, found), &ids);
    return answer(w, req, &use, &a);
}

enum hufu_err handle_key_challenge(struct worker *w, struct request *req, struct msg_where *where)
{
    struct credential found[CREDENTIAL_KEYS_MAX];
    struct ids ids = { .count = 0 };
    struct answer a = { .exclude = &ids, .user = req->who.user->name };
    struct challenge_use use;
    struct ceremony c;
    enum hufu_err err;

    (void)where;
    err = key_enrol_find(w, req, &c);
    if (err != HUFU_OK)
        return err;
    use = key_enrol_use(&c, req->who.user);
    add_keys(found, credential_list(w->core->dir, req->who.user->id, found), &ids);
    return answer(w, req, &use, &a);
}
