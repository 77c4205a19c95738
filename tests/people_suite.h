/*
 * people_suite.h - what the programs about people's life share: three who are signed in, the
 * sweeper, requests on their way.
 *
 * Layer:   tests/. Includes tests/people_calls.h, tests/core_suite.h.
 * Threads: one.
 */
#ifndef HUFU_TESTS_PEOPLE_SUITE_H
#define HUFU_TESTS_PEOPLE_SUITE_H

#include "tests/people_calls.h"
#include "tests/core_suite.h"

static char sara[MSG_SESSION_LEN + 1], sven[MSG_SESSION_LEN + 1], olga[MSG_SESSION_LEN + 1];

static inline int people_setup(void **state)
{
    (void)state;
    fake_hsm_init(&hsm);
    rig_start(&rig, &hsm);
    rig_login(&rig, "sara", sara);
    rig_login(&rig, "sven", sven);
    rig_login(&rig, "olga", olga);
    return 0;
}

static inline void open_with(const char *setting)
{
    rig_crash(&rig);
    rig_set(&rig, setting);
    assert_int_equal(rig_open(&rig), HUFU_OK);
    assert_true(rig_unseal(&rig));
}

static inline unsigned state_of(const char *name)
{
    return people_row(&rig, name)->state;
}

static inline enum hufu_err people_comes_in(const char *user)
{
    char password[64], code[7], session[MSG_SESSION_LEN + 1];

    rig_tick(&rig, PEOPLE_STEP_MS);
    snprintf(password, sizeof(password), "correct-horse-%c.%s", user[0], user + 1);
    rig_code(user, rig.clock.now / PEOPLE_STEP_MS, code);
    return people_login(&rig, user, password, code, session);
}

struct people_flights {
    uint64_t leave_id;
    unsigned answered, revealed, refused, other;
    enum hufu_err left;
};

static inline void people_land(void *arg, uint64_t id, const struct msg_reply *reply)
{
    struct people_flights *f = arg;

    f->answered++;
    if (id == f->leave_id)
        f->left = reply->err;
    else if (reply->err == HUFU_OK)
        f->revealed++;
    else if (reply->err == HUFU_UNAUTHENTICATED)
        f->refused++;
    else
        f->other++;
}

/* Reveals by olga, handed in only. */
static inline void send_reveals(const char *token, unsigned n)
{
    struct rig_who who = { .session = olga };
    struct buf b;

    buf_init(&b, 1024);
    msg_put_text(&b, MSG_DOMAIN, view_str("cards"));
    msg_put_text(&b, MSG_TOKEN, view_str(token));
    msg_put_text(&b, MSG_REASON, view_str("case 7"));
    msg_put_text(&b, MSG_PURPOSE, view_str("refund"));
    for (unsigned i = 0; i < n; i++)
        (void)rig_submit(&rig, VERB_DETOKENIZE, &who, buf_view(&b));
    buf_done(&b);
}

#endif
