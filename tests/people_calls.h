/*
 * people_calls.h - requests about people, and what they are told once, for the tests of the core.
 *
 * Layer:   tests. Includes tests/life_calls.h.
 * Threads: one.
 */
#ifndef HUFU_TESTS_PEOPLE_CALLS_H
#define HUFU_TESTS_PEOPLE_CALLS_H

#include <liboath/oath.h>

#include "tests/life_calls.h"

#define PEOPLE_STEP_MS  30000ULL
#define PEOPLE_DAY_MS   86400000ULL
#define PEOPLE_TEXT_MAX 64

struct people_words { /* of a request; what is NULL or 0 is not sent */
    const char *subject, *reason, *kind, *name, *role, *id, *after, *group;
    uint64_t expires_s, limit;
    bool zero_expires, sealed;
};

struct people_told { /* what came back; "" where it did not */
    enum hufu_err err;
    enum msg_success success;
    enum msg_tag field;
    char id[PEOPLE_TEXT_MAX], password[PEOPLE_TEXT_MAX], seed[PEOPLE_TEXT_MAX],
        state[PEOPLE_TEXT_MAX];
};

static inline void people_put_text(struct buf *b, enum msg_tag tag, const char *text)
{
    if (text != NULL)
        msg_put_text(b, tag, view_str(text));
}

static inline const struct rig_reply *people_ask(struct core_rig *rig, const char *session,
                                                 uint16_t verb, const struct people_words *w)
{
    struct rig_who who = { .session = session };
    const struct rig_reply *r;
    struct buf b;

    buf_init(&b, 1024);
    people_put_text(&b, MSG_SUBJECT, w->subject);
    if (w->expires_s > 0 || w->zero_expires)
        msg_put_u64(&b, MSG_EXPIRES_IN, w->expires_s);
    people_put_text(&b, MSG_REASON, w->reason);
    people_put_text(&b, MSG_KIND, w->kind);
    people_put_text(&b, MSG_NAME, w->name);
    people_put_text(&b, MSG_ROLE, w->role);
    people_put_text(&b, MSG_ID, w->id);
    if (w->limit > 0)
        msg_put_u64(&b, MSG_LIMIT, w->limit);
    people_put_text(&b, MSG_AFTER, w->after);
    people_put_text(&b, MSG_GROUP, w->group);
    if (w->sealed)
        msg_put_bool(&b, MSG_SEALED, true);
    r = rig_call(rig, verb, &who, buf_view(&b));
    buf_done(&b);
    return r;
}

static inline struct people_told people_call(struct core_rig *rig, const char *session,
                                             uint16_t verb, const struct people_words *w)
{
    const struct rig_reply *r = people_ask(rig, session, verb, w);
    struct people_told told = { .err = r->err,
                                .success = r->success,
                                .field = (enum msg_tag)r->where.tag };

    (void)rig_member(r->body, "id", told.id, sizeof(told.id));
    (void)rig_member(r->body, "initial_password", told.password, sizeof(told.password));
    (void)rig_member(r->body, "totp_secret", told.seed, sizeof(told.seed));
    (void)rig_member(r->body, "state", told.state, sizeof(told.state));
    return told;
}

static inline struct people_told people_add(struct core_rig *rig, const char *session,
                                            const char *name, const char *role)
{
    return people_call(rig, session, VERB_USER_ADD,
                       &(struct people_words){ .name = name, .role = role });
}

static inline struct people_told people_propose(struct core_rig *rig, const char *session,
                                                const char *kind, const char *subject,
                                                const char *role)
{
    return people_call(
        rig, session, VERB_CEREMONY_PROPOSE,
        &(struct people_words){
            .kind = kind, .subject = subject, .role = role, .reason = "asked for in person" });
}

static inline struct people_told people_by_id(struct core_rig *rig, const char *session,
                                              uint16_t verb, const char *id)
{
    return people_call(rig, session, verb, &(struct people_words){ .id = id });
}

static inline struct people_told people_approve(struct core_rig *rig, const char *session,
                                                const char *id)
{
    return people_by_id(rig, session, VERB_CEREMONY_APPROVE, id);
}

/* Freeze, unfreeze, leave. */
static inline struct people_told people_named(struct core_rig *rig, const char *session,
                                              uint16_t verb, const char *name)
{
    return people_call(rig, session, verb,
                       &(struct people_words){ .name = name, .reason = "case 12" });
}

static inline enum hufu_err people_whoami(struct core_rig *rig, const char *session)
{
    return people_ask(rig, session, VERB_WHOAMI, &(struct people_words){ 0 })->err;
}

/* The code of `steps` steps before now, of a secret as the vault shows it. */
static inline void people_code(struct core_rig *rig, const char *base32, uint64_t steps,
                               char out[static 7])
{
    uint64_t at = rig->clock.now / 1000 - 30 * steps;
    char *seed = NULL;
    size_t len = 0;

    RIG_CHECK(oath_base32_decode(base32, strlen(base32), &seed, &len) == OATH_OK);
    RIG_CHECK(oath_totp_generate(seed, len, (time_t)at, 30, 0, 6, out) == OATH_OK);
    free(seed);
}

static inline void people_put_login(struct buf *b, const char *user, const char *password,
                                    const char *code)
{
    msg_put_text(b, MSG_USER, view_str(user));
    msg_put_text(b, MSG_PASSWORD, view_str(password));
    msg_put_text(b, MSG_OTP, view_str(code));
}

static inline enum hufu_err people_login(struct core_rig *rig, const char *user,
                                         const char *password, const char *code,
                                         char session_out[static MSG_SESSION_LEN + 1])
{
    static const struct rig_who nobody = { 0 };
    const struct rig_reply *r;
    struct buf b;

    buf_init(&b, 1024);
    people_put_login(&b, user, password, code);
    r = rig_call(rig, VERB_LOGIN, &nobody, buf_view(&b));
    buf_done(&b);
    session_out[0] = '\0';
    (void)rig_member(r->body, "session", session_out, MSG_SESSION_LEN + 1);
    return r->err;
}

static inline struct people_told people_change_password(struct core_rig *rig, const char *session,
                                                        const char *old, const char *new)
{
    struct rig_who who = { .session = session };
    const struct rig_reply *r;
    struct buf b;

    buf_init(&b, 1024);
    msg_put_text(&b, MSG_PASSWORD, view_str(old));
    msg_put_text(&b, MSG_NEW_PASSWORD, view_str(new));
    r = rig_call(rig, VERB_PASSWORD_CHANGE, &who, buf_view(&b));
    buf_done(&b);
    return (struct people_told){ .err = r->err, .field = (enum msg_tag)r->where.tag };
}

static inline const struct user *people_row(struct core_rig *rig, const char *name)
{
    const struct user *user = directory_user(rig->core.dir, view_str(name));

    RIG_CHECK(user != NULL);
    return user;
}

/* Lets the sweeper come by for a while. */
static inline void people_sweep(struct core_rig *rig)
{
    for (int i = 0; i < 40; i++) {
        rig_tick(rig, 500);
        (void)sweeper_step(&rig->sweeper);
        while (store_journal_step(rig->core.store))
            continue;
    }
}

/* What waits is decided and answered, until nobody gets on. */
static inline void people_drive(struct core_rig *rig)
{
    for (int i = 0; i < RIG_STEPS_MAX && rig_round(rig); i++)
        continue;
}

#endif
