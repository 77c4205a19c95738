/*
 * core_calls.h - whole requests to the core of core_rig.h: sent, driven, answered.
 *
 * Layer:   tests/. Includes tests/core_rig.h.
 * Threads: one.
 */
#ifndef HUFU_TESTS_CORE_CALLS_H
#define HUFU_TESTS_CORE_CALLS_H

#include "tests/core_rig.h"

#define RIG_STEPS_MAX 100000

/* One round of everybody; true where somebody got on. */
static inline bool rig_round(struct core_rig *rig)
{
    bool on = worker_step(&rig->worker);

    on = password_step(&rig->core) || on;
    on = store_journal_step(rig->core.store) || on;
    on = keeper_step(&rig->keeper) || on;
    return on;
}

static inline const struct rig_reply *rig_call(struct core_rig *rig, uint16_t verb,
                                               const struct rig_who *who, struct view fields)
{
    uint64_t id = rig_submit(rig, verb, who, fields);

    rig->reply_id = 0;
    for (int i = 0; i < RIG_STEPS_MAX && rig->reply_id != id; i++)
        (void)rig_round(rig);
    RIG_CHECK(rig->reply_id == id);
    return &rig->reply;
}

/* The text member of the reply's body, up to its closing quote; NULL where there is none. */
static inline const char *rig_member(const char *body, const char *name, char *out, size_t out_len)
{
    char mark[64];
    const char *at;
    size_t n;

    snprintf(mark, sizeof(mark), "\"%s\":\"", name);
    at = strstr(body, mark);
    if (at == NULL)
        return NULL;
    at += strlen(mark);
    n = strcspn(at, "\"");
    if (n >= out_len)
        return NULL;
    memcpy(out, at, n);
    out[n] = '\0';
    return out;
}

static inline void rig_put_login(struct buf *out, const char *user, uint64_t step)
{
    char password[64], code[7];

    snprintf(password, sizeof(password), "correct-horse-%c.%s", user[0], user + 1);
    rig_code(user, step, code);
    msg_put_text(out, MSG_USER, view_str(user));
    msg_put_text(out, MSG_PASSWORD, view_str(password));
    msg_put_text(out, MSG_OTP, view_str(code));
}

/* Signs a person in with the present step's code; session_out gets the token. */
static inline void rig_login(struct core_rig *rig, const char *user,
                             char session_out[static MSG_SESSION_LEN + 1])
{
    static const struct rig_who nobody = { 0 };
    const struct rig_reply *r;
    struct buf b;

    buf_init(&b, 1024);
    rig_put_login(&b, user, rig->clock.now / 30000);
    r = rig_call(rig, VERB_LOGIN, &nobody, buf_view(&b));
    buf_done(&b);
    RIG_CHECK(r->err == HUFU_OK && r->success == MSG_201);
    RIG_CHECK(rig_member(r->body, "session", session_out, MSG_SESSION_LEN + 1) != NULL);
}

static inline const struct rig_reply *rig_tokenize(struct core_rig *rig, const struct rig_who *who,
                                                   const char *domain, const char *value)
{
    const struct rig_reply *r;
    struct buf b;

    buf_init(&b, 1024);
    msg_put_text(&b, MSG_DOMAIN, view_str(domain));
    msg_put_text(&b, MSG_VALUE, view_str(value));
    r = rig_call(rig, VERB_TOKENIZE, who, buf_view(&b));
    buf_done(&b);
    return r;
}

static inline const struct rig_reply *rig_reveal(struct core_rig *rig, const char *session,
                                                 const char *domain, const char *token)
{
    struct rig_who who = { .session = session };
    const struct rig_reply *r;
    struct buf b;

    buf_init(&b, 1024);
    msg_put_text(&b, MSG_DOMAIN, view_str(domain));
    msg_put_text(&b, MSG_TOKEN, view_str(token));
    msg_put_text(&b, MSG_REASON, view_str("case 7"));
    msg_put_text(&b, MSG_PURPOSE, view_str("refund"));
    r = rig_call(rig, VERB_DETOKENIZE, &who, buf_view(&b));
    buf_done(&b);
    return r;
}

/* A custodian's ceremony; domain and subject may be NULL. */
static inline const struct rig_reply *rig_propose(struct core_rig *rig, const char *session,
                                                  const char *kind, const char *domain,
                                                  const char *subject)
{
    struct rig_who who = { .session = session };
    const struct rig_reply *r;
    struct buf b;

    buf_init(&b, 1024);
    if (domain != NULL)
        msg_put_text(&b, MSG_DOMAIN, view_str(domain));
    if (subject != NULL)
        msg_put_text(&b, MSG_SUBJECT, view_str(subject));
    msg_put_text(&b, MSG_REASON, view_str("cryptoperiod"));
    msg_put_text(&b, MSG_KIND, view_str(kind));
    r = rig_call(rig, VERB_CEREMONY_PROPOSE, &who, buf_view(&b));
    buf_done(&b);
    return r;
}

#endif
