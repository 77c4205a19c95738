/*
 * grant_suite.h - a vault with a guarded domain, three tokens, and all who ask and decide signed
 * in.
 *
 * Layer:   tests/. Includes tests/core_suite.h, tests/grant_calls.h.
 * Threads: one.
 */
#ifndef HUFU_TESTS_GRANT_SUITE_H
#define HUFU_TESTS_GRANT_SUITE_H

#include "tests/grant_calls.h" /* before the suite, whose vault it does not know */
#include "tests/core_suite.h"

#define GRANT_STEP_MS  30000ULL
#define GRANT_FRESH_MS 200000ULL

static char olga[MSG_SESSION_LEN + 1], omar[MSG_SESSION_LEN + 1], sara[MSG_SESSION_LEN + 1];
static char anna[MSG_SESSION_LEN + 1], abel[MSG_SESSION_LEN + 1], arno[MSG_SESSION_LEN + 1],
    alma[MSG_SESSION_LEN + 1];
static char token[3][LIFE_TOKEN_MAX];
static const char *const some[] = { token[0], token[1], token[2] };
static uint64_t came_in;

static inline void come_in(void)
{
    rig_tick(&rig, GRANT_STEP_MS);
    rig_login(&rig, "olga", olga);
    rig_login(&rig, "omar", omar);
    rig_login(&rig, "sara", sara);
    rig_login(&rig, "anna", anna);
    rig_login(&rig, "abel", abel);
    rig_login(&rig, "arno", arno);
    rig_login(&rig, "alma", alma);
    came_in = rig.clock.now;
}

static inline int grant_vault(void **state)
{
    static const char *const values[] = { "4111111111111111", "5500005555555559",
                                          "340000000000009" };
    struct rig_who acme = { .partner = "acme" };

    (void)state;
    fake_hsm_init(&hsm);
    rig_has_approvers = true;
    rig_start(&rig, &hsm);
    come_in();
    grant_domain(&rig, sara);
    for (size_t i = 0; i < 3; i++)
        life_token(&rig, &acme, "guarded", values[i], 0, 0, token[i]);
    return 0;
}

static inline int grant_vault_end(void **state)
{
    (void)state;
    rig_done(&rig);
    fake_hsm_done(&hsm);
    return 0;
}

/* Of a group whose tests share one vault. */
static inline int grant_group(void **state)
{
    return suite_heap(state) == 0 ? grant_vault(state) : -1;
}

/* A second factor that is fresh, whatever the test before did to the clock. */
static inline int fresh(void **state)
{
    (void)state;
    if (rig.clock.now - came_in > GRANT_FRESH_MS)
        come_in();
    return 0;
}

static inline enum hufu_err call(const char *session, uint16_t verb, const char *id)
{
    return grant_call(&rig, session, verb, id)->err;
}

static inline enum hufu_err approve(const char *session, const char *id)
{
    return call(session, VERB_GRANT_APPROVE, id);
}

/* Member number of the reply. */
static inline uint64_t number(const char *body, const char *name)
{
    char mark[64];
    const char *at;

    snprintf(mark, sizeof(mark), "\"%s\":", name);
    at = strstr(body, mark);
    assert_non_null(at);
    return strtoull(at + strlen(mark), NULL, 10);
}

static inline void asked(const struct grant_ask *what, char id[static GRANT_ID_MAX])
{
    grant_asked(&rig, olga, what, id);
}

/* Asked for by olga and agreed to by anna, and by abel where two are needed. */
static inline void granted(const struct grant_ask *what, char id[static GRANT_ID_MAX])
{
    asked(what, id);
    RIG_CHECK(approve(anna, id) == HUFU_OK);
    if (grant_row(&rig, id).state == GRANT_PROPOSED)
        RIG_CHECK(approve(abel, id) == HUFU_OK);
    RIG_CHECK(grant_row(&rig, id).state == GRANT_GRANTED);
}

#define TEST(f) cmocka_unit_test_setup(f, fresh)

#endif
