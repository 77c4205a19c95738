/*
 * grant_calls.h - requests about grants, and reveals under them, for the tests of the core.
 *
 * Layer:   tests. Includes tests/life_calls.h.
 * Threads: one.
 */
#ifndef HUFU_TESTS_GRANT_CALLS_H
#define HUFU_TESTS_GRANT_CALLS_H

#include "tests/life_calls.h"
#include "vault/grant_life.h"

#define GRANT_ID_MAX 64
#define GRANT_ZERO   (UINT64_MAX - 1) /* where 0 says nothing: 0 */

struct grant_ask { /* what is not said has a value that is fine */
    const char *domain, *purpose, *recipient, *reason;
    const char *const *tokens;
    size_t token_count;
    uint64_t count, life_s;
};

static inline uint64_t grant_number(uint64_t said, uint64_t otherwise)
{
    if (said == GRANT_ZERO)
        return 0;
    return said == 0 ? otherwise : said;
}

static inline void grant_put_tokens(struct buf *b, const char *const *tokens, size_t count)
{
    struct buf list;

    buf_init(&list, 65536);
    for (size_t i = 0; i < count; i++)
        buf_lv32(&list, tokens[i], strlen(tokens[i]));
    msg_put_text(b, MSG_TOKENS, buf_view(&list));
    buf_done(&list);
}

static inline void grant_put_ask(struct buf *b, const struct grant_ask *ask)
{
    msg_put_text(b, MSG_DOMAIN, view_str(ask->domain != NULL ? ask->domain : "guarded"));
    if (ask->token_count > 0)
        grant_put_tokens(b, ask->tokens, ask->token_count);
    msg_put_u64(b, MSG_EXPIRES_IN, grant_number(ask->life_s, 3600));
    msg_put_text(b, MSG_REASON, view_str(ask->reason != NULL ? ask->reason : "case 7"));
    msg_put_text(b, MSG_PURPOSE, view_str(ask->purpose != NULL ? ask->purpose : "dispute"));
    if (ask->recipient != NULL)
        msg_put_text(b, MSG_RECIPIENT, view_str(ask->recipient));
    msg_put_u64(b, MSG_COUNT, grant_number(ask->count, 3));
}

static inline const struct rig_reply *grant_ask_as(struct core_rig *rig, const struct rig_who *who,
                                                   const struct grant_ask *ask)
{
    const struct rig_reply *r;
    struct buf b;

    buf_init(&b, 65536);
    grant_put_ask(&b, ask);
    r = rig_call(rig, VERB_GRANT_ASK, who, buf_view(&b));
    buf_done(&b);
    return r;
}

/* A proposed one. */
static inline void grant_asked(struct core_rig *rig, const char *session,
                               const struct grant_ask *ask, char id[static GRANT_ID_MAX])
{
    struct rig_who who = { .session = session };
    const struct rig_reply *r = grant_ask_as(rig, &who, ask);

    RIG_CHECK(r->err == HUFU_OK && r->success == MSG_201);
    RIG_CHECK(rig_member(r->body, "id", id, GRANT_ID_MAX) != NULL);
}

/* Show, approve as it is, deny, withdraw. */
static inline const struct rig_reply *grant_call(struct core_rig *rig, const char *session,
                                                 uint16_t verb, const char *id)
{
    struct rig_who who = { .session = session };
    const struct rig_reply *r;
    struct buf b;

    buf_init(&b, 256);
    msg_put_text(&b, MSG_ID, view_str(id));
    r = rig_call(rig, verb, &who, buf_view(&b));
    buf_done(&b);
    return r;
}

struct grant_narrower { /* what an approval narrows it to; 0 and NULL: nothing said */
    const char *const *tokens;
    size_t token_count;
    uint64_t count, life_s;
    const char *digest;
};

static inline const struct rig_reply *grant_narrow(struct core_rig *rig, const char *session,
                                                   const char *id, const struct grant_narrower *to)
{
    struct rig_who who = { .session = session };
    const struct rig_reply *r;
    struct buf b;

    buf_init(&b, 65536);
    if (to->token_count > 0)
        grant_put_tokens(&b, to->tokens, to->token_count);
    if (to->life_s != 0)
        msg_put_u64(&b, MSG_EXPIRES_IN, grant_number(to->life_s, 0));
    if (to->count != 0)
        msg_put_u64(&b, MSG_COUNT, grant_number(to->count, 0));
    msg_put_text(&b, MSG_ID, view_str(id));
    if (to->digest != NULL)
        msg_put_text(&b, MSG_DIGEST, view_str(to->digest));
    r = rig_call(rig, VERB_GRANT_APPROVE, &who, buf_view(&b));
    buf_done(&b);
    return r;
}

struct grant_reveal {
    const char *domain, *purpose, *grant;
    const char *const *tokens; /* one: as `token`, unless batch */
    size_t token_count;
    bool batch;
};

static inline void grant_put_reveal(struct buf *b, const struct grant_reveal *reveal)
{
    msg_put_text(b, MSG_DOMAIN, view_str(reveal->domain != NULL ? reveal->domain : "guarded"));
    if (reveal->batch)
        grant_put_tokens(b, reveal->tokens, reveal->token_count);
    else
        msg_put_text(b, MSG_TOKEN, view_str(reveal->tokens[0]));
    msg_put_text(b, MSG_REASON, view_str("case 7"));
    msg_put_text(b, MSG_PURPOSE, view_str(reveal->purpose != NULL ? reveal->purpose : "dispute"));
    if (reveal->grant != NULL)
        msg_put_text(b, MSG_GRANT, view_str(reveal->grant));
}

static inline const struct rig_reply *grant_use_it(struct core_rig *rig, const char *session,
                                                   const struct grant_reveal *reveal)
{
    struct rig_who who = { .session = session };
    const struct rig_reply *r;
    struct buf b;

    buf_init(&b, 65536);
    grant_put_reveal(&b, reveal);
    r = rig_call(rig, VERB_DETOKENIZE, &who, buf_view(&b));
    buf_done(&b);
    return r;
}

/* The row as the vault has it. */
static inline struct grant grant_row(struct core_rig *rig, const char *id_text)
{
    struct grant g = { 0 };
    uint8_t id[ID_LEN];

    RIG_CHECK(id_parse(view_str(id_text), id) == HUFU_OK);
    RIG_CHECK(grant_find(&rig->core, id, &g) == HUFU_OK);
    return g;
}

/* Domain `guarded` of acme's cards: refund needs nobody, dispute one, court two approvals. */
static inline void grant_domain(struct core_rig *rig, const char *admin)
{
    struct rig_who who = { .session = admin };
    const char *const purposes[] = { "refund", "dispute", "court" };
    const struct rig_reply *r;
    struct buf b, list;

    buf_init(&b, 4096);
    msg_put_text(&b, MSG_NAME, view_str("guarded"));
    msg_put_text(&b, MSG_FORMAT, view_str("pan"));
    msg_put_text(&b, MSG_MODE, view_str("deterministic"));
    buf_init(&list, 256);
    buf_lv32(&list, "acme", 4);
    msg_put_text(&b, MSG_PARTNERS, buf_view(&list));
    buf_reset(&list);
    msg_put_text(&b, MSG_KEEP, view_of("\6\4", 2));
    for (size_t i = 0; i < 3; i++)
        buf_lv32(&list, purposes[i], strlen(purposes[i]));
    msg_put_text(&b, MSG_PURPOSES, buf_view(&list));
    msg_put_u64(&b, MSG_BATCH_DETOKENIZE, 10);
    buf_reset(&list);
    buf_lv32(&list, "dispute", 7);
    msg_put_text(&b, MSG_PURPOSES_ONE, buf_view(&list));
    buf_reset(&list);
    buf_lv32(&list, "court", 5);
    msg_put_text(&b, MSG_PURPOSES_TWO, buf_view(&list));
    r = rig_call(rig, VERB_DOMAIN_ADD, &who, buf_view(&b));
    buf_done(&list);
    buf_done(&b);
    RIG_CHECK(r->err == HUFU_OK);
}

#endif
