/*
 * fido_calls.h - people with keys in the core of core_rig.h: enrolled, signed in, stepped up.
 *
 * Layer:   tests/. Includes tests/core_suite.h, tests/fido_key.h.
 * Threads: one.
 */
#ifndef HUFU_TESTS_FIDO_CALLS_H
#define HUFU_TESTS_FIDO_CALLS_H

#include "tests/core_suite.h"
#include "tests/fido_key.h"

#define FIDO_ID_TEXT 64
#define FIDO_CODES   8

static char sara[MSG_SESSION_LEN + 1], sven[MSG_SESSION_LEN + 1], olga[MSG_SESSION_LEN + 1];
static char codes[FIDO_CODES][32]; /* the recovery codes that were shown last */
static struct soft_shown shown;    /* what a key shows next */

/* A vault with keys, and three people in it; failures are held against nobody for long. */
static inline void fido_start(const char *setting)
{
    fake_hsm_init(&hsm);
    rig_init(&rig, &hsm);
    rig_set(&rig, "fido.rp_id=" SOFT_RP_ID);
    rig_set(&rig, "fido.origin=https://other.vault.test, " SOFT_ORIGIN);
    rig_set(&rig, "auth.lock_s=1");
    if (setting != NULL)
        rig_set(&rig, setting);
    RIG_CHECK(rig_open(&rig) == HUFU_OK);
    RIG_CHECK(rig_setup(&rig) == HUFU_OK);
    rig_crash(&rig);
    RIG_CHECK(rig_open(&rig) == HUFU_OK);
    RIG_CHECK(rig_unseal(&rig));
    rig_login(&rig, "sara", sara);
    rig_login(&rig, "sven", sven);
    rig_login(&rig, "olga", olga);
}

/* Sends what has been put into b and empties it. session NULL: a stranger. */
static inline const struct rig_reply *fido_call(const char *session, uint16_t verb, struct buf *b)
{
    struct rig_who who = { .session = session };
    const struct rig_reply *r = rig_call(&rig, verb, &who, buf_view(b));

    buf_done(b);
    return r;
}

static inline void fido_put(struct buf *b, enum msg_tag tag, const struct soft_bytes *raw)
{
    struct buf text;

    buf_init(&text, 16384);
    text_base64url(&text, raw->p, raw->len);
    msg_put_text(b, tag, buf_view(&text));
    buf_done(&text);
}

/* A ceremony of that kind about a person, proposed by sara and seconded by sven. */
static inline enum hufu_err fido_ceremony(const char *kind, const char *subject,
                                          char id_out[static FIDO_ID_TEXT])
{
    const struct rig_reply *r = rig_propose(&rig, sara, kind, NULL, subject);
    struct buf b;

    if (r->err != HUFU_OK)
        return r->err;
    RIG_CHECK(rig_member(r->body, "id", id_out, FIDO_ID_TEXT) != NULL);
    buf_init(&b, 128);
    msg_put_text(&b, MSG_ID, view_str(id_out));
    return fido_call(sven, VERB_CEREMONY_APPROVE, &b)->err;
}

static inline enum hufu_err fido_key_challenge(const char *session, const char *ceremony,
                                               char out[static FIDO_CHALLENGE_TEXT + 1])
{
    const struct rig_reply *r;
    struct buf b;

    buf_init(&b, 128);
    msg_put_text(&b, MSG_ID, view_str(ceremony));
    r = fido_call(session, VERB_KEY_CHALLENGE, &b);
    if (r->err == HUFU_OK)
        RIG_CHECK(rig_member(r->body, "challenge", out, FIDO_CHALLENGE_TEXT + 1) != NULL);
    return r->err;
}

static inline void fido_put_enrol(struct buf *b, const char *ceremony)
{
    msg_put_text(b, MSG_ID, view_str(ceremony));
    fido_put(b, MSG_CLIENT_DATA, &shown.client_data);
    fido_put(b, MSG_ATTESTATION, &shown.object);
}

/* Hands in the new key that `shown` has. */
static inline const struct rig_reply *fido_enrol_shown(const char *session, const char *ceremony)
{
    struct buf b;

    buf_init(&b, 65536);
    fido_put_enrol(&b, ceremony);
    return fido_call(session, VERB_KEY_ENROL, &b);
}

static inline void fido_keep_codes(const char *body)
{
    const char *at = strstr(body, "\"recovery_codes\":[");

    RIG_CHECK(at != NULL);
    at += strlen("\"recovery_codes\":[");
    for (size_t i = 0; i < FIDO_CODES; i++, at += 22) { /* "XXXX-XXXX-XXXX-XXXX", */
        RIG_CHECK(at[0] == '"' && at[20] == '"');
        memcpy(codes[i], at + 1, 19);
        codes[i][19] = '\0';
    }
}

/* The whole way to a key, for a person who is in. */
static inline enum hufu_err fido_enrol(const char *session, const char *user, struct soft_key *k)
{
    char id[FIDO_ID_TEXT], challenge[FIDO_CHALLENGE_TEXT + 1];
    const struct rig_reply *r;

    RIG_CHECK(fido_ceremony("enrol-key", user, id) == HUFU_OK);
    RIG_CHECK(fido_key_challenge(session, id, challenge) == HUFU_OK);
    soft_attest(k, challenge, &shown);
    r = fido_enrol_shown(session, id);
    if (r->err == HUFU_OK) {
        RIG_CHECK(r->success == MSG_201);
        fido_keep_codes(r->body);
    }
    return r->err;
}

static inline void fido_challenge(const char *user, char out[static FIDO_CHALLENGE_TEXT + 1])
{
    const struct rig_reply *r;
    struct buf b;

    buf_init(&b, 128);
    msg_put_text(&b, MSG_USER, view_str(user));
    r = fido_call(NULL, VERB_CHALLENGE, &b);
    RIG_CHECK(r->err == HUFU_OK);
    RIG_CHECK(rig_member(r->body, "challenge", out, FIDO_CHALLENGE_TEXT + 1) != NULL);
}

static inline void fido_put_shown(struct buf *b)
{
    fido_put(b, MSG_CREDENTIAL, &shown.id);
    fido_put(b, MSG_CLIENT_DATA, &shown.client_data);
    fido_put(b, MSG_AUTH_DATA, &shown.auth_data);
    fido_put(b, MSG_SIGNATURE, &shown.signature);
}

static inline void fido_put_names(struct buf *b, const char *user)
{
    char password[64];

    snprintf(password, sizeof(password), "correct-horse-%c.%s", user[0], user + 1);
    msg_put_text(b, MSG_USER, view_str(user));
    msg_put_text(b, MSG_PASSWORD, view_str(password));
}

/* Signs in with what `shown` has. */
static inline const struct rig_reply *fido_login_shown(const char *user)
{
    struct buf b;

    buf_init(&b, 65536);
    fido_put_names(&b, user);
    fido_put_shown(&b);
    return fido_call(NULL, VERB_LOGIN, &b);
}

static inline const struct rig_reply *fido_login(const char *user, struct soft_key *k)
{
    char challenge[FIDO_CHALLENGE_TEXT + 1];

    fido_challenge(user, challenge);
    soft_assert(k, challenge, &shown);
    return fido_login_shown(user);
}

static inline const struct rig_reply *fido_login_code(const char *user, const char *code)
{
    struct buf b;

    buf_init(&b, 1024);
    fido_put_names(&b, user);
    msg_put_text(&b, MSG_RECOVERY_CODE, view_str(code));
    return fido_call(NULL, VERB_LOGIN, &b);
}

/* A challenge in a session; b has the members of the request that is meant, and its verb. */
static inline const struct rig_reply *fido_step_challenge(const char *session, struct buf *b,
                                                          char *out)
{
    const struct rig_reply *r = fido_call(session, VERB_STEP_UP_CHALLENGE, b);

    if (r->err == HUFU_OK)
        RIG_CHECK(rig_member(r->body, "challenge", out, FIDO_CHALLENGE_TEXT + 1) != NULL);
    return r;
}

static inline enum hufu_err fido_step_up_shown(const char *session)
{
    struct buf b;

    buf_init(&b, 65536);
    fido_put_shown(&b);
    return fido_call(session, VERB_STEP_UP, &b)->err;
}

/* A step-up for whatever is asked next. */
static inline enum hufu_err fido_step_up(const char *session, struct soft_key *k)
{
    char challenge[FIDO_CHALLENGE_TEXT + 1];
    struct buf b;

    buf_init(&b, 16);
    RIG_CHECK(fido_step_challenge(session, &b, challenge)->err == HUFU_OK);
    soft_assert(k, challenge, &shown);
    return fido_step_up_shown(session);
}

/* True where an entry of the log, as the auditor reads it, has the text. */
static inline bool fido_logged(const char *text)
{
    char aude[MSG_SESSION_LEN + 1];
    const struct rig_reply *r;
    struct buf b;

    rig_tick(&rig, 30000); /* a code of hers is good once */
    rig_login(&rig, "aude", aude);
    buf_init(&b, 64);
    msg_put_u64(&b, MSG_LIMIT, 1000);
    r = fido_call(aude, VERB_ENTRIES, &b);
    RIG_CHECK(r->err == HUFU_OK);
    return strstr(r->body, text) != NULL;
}

/* So many copies of one request at once; how many of them succeeded, and were told 401. */
struct fido_crowd {
    unsigned answered, won, refused;
};

static inline void fido_crowd_note(void *arg, uint64_t id, const struct msg_reply *reply)
{
    struct fido_crowd *crowd = arg;

    (void)id;
    crowd->answered++;
    crowd->won += reply->err == HUFU_OK;
    crowd->refused += reply->err == HUFU_UNAUTHENTICATED || reply->err == HUFU_STEP_UP;
}

static inline struct fido_crowd fido_at_once(const char *session, uint16_t verb, struct buf *b,
                                             unsigned n)
{
    struct fido_crowd crowd = { 0, 0, 0 };
    struct rig_who who = { .session = session };

    rig.on_reply = fido_crowd_note;
    rig.arg = &crowd;
    for (unsigned i = 0; i < n; i++)
        (void)rig_submit(&rig, verb, &who, buf_view(b));
    /* All are decided before any is committed: they lose the race one after another. */
    for (int i = 0; i < RIG_STEPS_MAX && crowd.answered < n; i++) {
        while (worker_step(&rig.worker))
            continue;
        (void)rig_round(&rig);
    }
    rig.on_reply = NULL;
    buf_done(b);
    return crowd;
}

#endif
