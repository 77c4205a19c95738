/*
 * reveal_calls.h - who reveals what for which purpose: requests for the tests of limits on it.
 *
 * Layer:   tests. Includes tests/life_calls.h, tests/guess_calls.h.
 * Threads: one.
 */
#ifndef HUFU_TESTS_REVEAL_CALLS_H
#define HUFU_TESTS_REVEAL_CALLS_H

#include "tests/guess_calls.h"
#include "tests/life_calls.h"

#define REVEAL_BATCH 10 /* of the rig's domains */

static const struct rig_who reveal_acme = { .partner = "acme" };

/* Cards of different buckets, and their tokens. */
static inline void reveal_tokens(struct core_rig *rig, const char *domain, size_t count,
                                 char (*out)[LIFE_TOKEN_MAX])
{
    static unsigned next;
    char card[GUESS_CARD];

    for (size_t i = 0; i < count; i++) {
        guess_card_of(++next, card);
        life_token(rig, &reveal_acme, domain, card, 0, 0, out[i]);
    }
}

static inline void reveal_put(struct buf *b, const char *domain, const char *purpose,
                              const char (*token)[LIFE_TOKEN_MAX], size_t count)
{
    uint8_t mem[REVEAL_BATCH * (LIFE_TOKEN_MAX + 4)];
    struct buf list;

    msg_put_text(b, MSG_DOMAIN, view_str(domain));
    buf_fixed(&list, mem, sizeof(mem));
    for (size_t i = 0; i < count; i++)
        buf_lv32(&list, (const uint8_t *)token[i], strlen(token[i]));
    RIG_CHECK(buf_check(&list) == HUFU_OK);
    if (count == 1)
        msg_put_text(b, MSG_TOKEN, view_str(token[0]));
    else
        msg_put_text(b, MSG_TOKENS, buf_view(&list));
    msg_put_text(b, MSG_REASON, view_str("case 7"));
    msg_put_text(b, MSG_PURPOSE, view_str(purpose));
}

/* One token as `token`, several as `tokens`. */
static inline const struct rig_reply *reveal_for(struct core_rig *rig, const char *session,
                                                 const char *domain, const char *purpose,
                                                 const char (*token)[LIFE_TOKEN_MAX], size_t count)
{
    struct rig_who who = { .session = session };
    const struct rig_reply *r;
    struct buf b;

    buf_init(&b, 4096);
    reveal_put(&b, domain, purpose, token, count);
    r = rig_call(rig, VERB_DETOKENIZE, &who, buf_view(&b));
    buf_done(&b);
    return r;
}

/* The same, handed in only. */
static inline uint64_t reveal_submit(struct core_rig *rig, const char *session, const char *domain,
                                     const char *token)
{
    struct rig_who who = { .session = session };
    struct buf b;
    uint64_t id;

    buf_init(&b, 1024);
    life_put(&b, domain, NULL, token, "case 7");
    msg_put_text(&b, MSG_PURPOSE, view_str("refund"));
    id = rig_submit(rig, VERB_DETOKENIZE, &who, buf_view(&b));
    buf_done(&b);
    return id;
}

/* A new factor for the session, half a minute later. */
static inline void reveal_step_up(struct core_rig *rig, const char *user, const char *session)
{
    struct rig_who who = { .session = session };
    uint8_t mem[64];
    char code[7];
    struct buf b;

    rig_tick(rig, 30000);
    rig_code(user, rig->clock.now / 30000, code);
    buf_fixed(&b, mem, sizeof(mem));
    msg_put_text(&b, MSG_OTP, view_str(code));
    RIG_CHECK(rig_call(rig, VERB_STEP_UP, &who, buf_view(&b))->err == HUFU_OK);
}

/* Answers that came in any order, by their code. */
struct reveal_tally {
    size_t count, of[HUFU_ERR_COUNT];
};

static inline void reveal_tally_note(void *arg, uint64_t id, const struct msg_reply *reply)
{
    struct reveal_tally *t = arg;

    (void)id;
    t->count++;
    t->of[reply->err]++;
}

/* Lets everybody work until so many requests are answered. */
static inline void reveal_run(struct core_rig *rig, struct reveal_tally *t, size_t count)
{
    rig->on_reply = reveal_tally_note;
    rig->arg = t;
    for (int i = 0; i < RIG_STEPS_MAX && t->count < count; i++)
        (void)rig_round(rig);
    rig->on_reply = NULL;
    RIG_CHECK(t->count == count);
}

/* How many rows a table has. */
static inline bool reveal_row(void *arg, struct view key, uint64_t seq, struct view image)
{
    (void)key;
    (void)seq;
    (void)image;
    ++*(size_t *)arg;
    return true;
}

static inline size_t reveal_rows(struct core_rig *rig, uint8_t table)
{
    struct view prefix = view_of(&table, 1);
    uint8_t mem[STORE_KEY_MAX];
    size_t count = 0;
    struct buf next;

    buf_fixed(&next, mem, sizeof(mem));
    RIG_CHECK(store_scan(rig->worker.reader, prefix, prefix, 100000, reveal_row, &count, &next) ==
              HUFU_OK);
    return count;
}

#endif
