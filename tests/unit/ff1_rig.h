/*
 * ff1_rig.h - a core with domains in ff1 mode, originals of their formats, and ceremonies on them.
 *
 * Layer:   tests. Includes cmocka first, then this.
 * Threads: one.
 */
#ifndef HUFU_TESTS_FF1_RIG_H
#define HUFU_TESTS_FF1_RIG_H

#include <stdlib.h>

#include "tests/life_calls.h"
#include "tests/core_suite.h"
#include "vault/format/format_rank.h"

#define FF1_TRIES 20000

static const struct rig_who acme = { .partner = "acme" };
static char sara[MSG_SESSION_LEN + 1], olga[MSG_SESSION_LEN + 1];
static char carl[MSG_SESSION_LEN + 1], cora[MSG_SESSION_LEN + 1];

struct ff1_ask { /* of a domain; what is NULL or 0 is not said */
    const char *name, *format, *mode, *partner, *token_check;
    uint8_t prefix, suffix;
    uint64_t expires_in, expected;
    bool consent;
};

static inline int ff1_setup(void **state)
{
    (void)state;
    srandom(7);
    fake_hsm_init(&hsm);
    rig_init(&rig, &hsm);
    rig_set(&rig, "limit.guesses_per_day=1000000000");
    rig_set(&rig, "limit.reveals_per_factor=1000000000");
    rig_set(&rig, "limit.reveals_per_day=1000000000");
    rig_set(&rig, "limit.reveals_per_purpose=1000000000");
    rig_set(&rig, "limit.reveals_per_minute=1000000000");
    rig_set(&rig, "limit.reveal_misses=1000000000");
    rig_set(&rig, "limit.reveal_sequence=33");
    RIG_CHECK(rig_open(&rig) == HUFU_OK);
    RIG_CHECK(rig_setup(&rig) == HUFU_OK);
    RIG_CHECK(rig_restart(&rig));
    rig_login(&rig, "sara", sara);
    rig_login(&rig, "olga", olga);
    rig_login(&rig, "carl", carl);
    rig_login(&rig, "cora", cora);
    return 0;
}

static inline void ff1_put_list(struct buf *b, enum msg_tag tag, const char *only)
{
    uint8_t mem[64];
    struct buf list;

    buf_fixed(&list, mem, sizeof(mem));
    buf_lv32(&list, (const uint8_t *)only, strlen(only));
    msg_put_text(b, tag, buf_view(&list));
}

static inline const struct rig_reply *ff1_add(struct ff1_ask ask)
{
    struct rig_who who = { .session = sara };
    uint8_t keep[2] = { ask.prefix, ask.suffix };
    const struct rig_reply *r;
    struct buf b;

    buf_init(&b, 4096);
    if (ask.expires_in > 0)
        msg_put_u64(&b, MSG_EXPIRES_IN, ask.expires_in);
    msg_put_text(&b, MSG_NAME, view_str(ask.name));
    msg_put_text(&b, MSG_FORMAT, view_str(ask.format));
    msg_put_text(&b, MSG_MODE, view_str(ask.mode == NULL ? "ff1" : ask.mode));
    ff1_put_list(&b, MSG_PARTNERS, ask.partner == NULL ? "acme" : ask.partner);
    msg_put_text(&b, MSG_KEEP, view_of(keep, sizeof(keep)));
    ff1_put_list(&b, MSG_PURPOSES, "refund");
    if (ask.expected > 0)
        msg_put_u64(&b, MSG_EXPECTED, ask.expected);
    if (ask.token_check != NULL)
        msg_put_text(&b, MSG_TOKEN_CHECK, view_str(ask.token_check));
    msg_put_u64(&b, MSG_BATCH_DETOKENIZE, 10);
    if (ask.consent)
        msg_put_bool(&b, MSG_CONSENT_REQUIRED, true);
    r = rig_call(&rig, VERB_DOMAIN_ADD, &who, buf_view(&b));
    buf_done(&b);
    return r;
}

/* A domain of the pan format that keeps the last four. */
static inline void ff1_cards(const char *name)
{
    assert_int_equal(ff1_add((struct ff1_ask){ .name = name, .format = "pan", .suffix = 4 })->err,
                     HUFU_OK);
}

/* Another original beside one: some of its digits, from `from` on, are drawn until it is valid. */
static inline void ff1_original(const char *format, const char *sample, size_t from, char *out)
{
    const struct format *fmt = NULL;
    size_t len = strlen(sample);

    RIG_CHECK(format_set_find(rig.core.formats, view_str(format), &fmt) == HUFU_OK);
    for (int i = 0; i < FF1_TRIES; i++) {
        memcpy(out, sample, len + 1);
        for (size_t at = from; at < len; at++)
            if (out[at] >= '0' && out[at] <= '9')
                out[at] = (char)('0' + random() % 10);
        if (format_check(fmt, view_str(out)) == HUFU_OK)
            return;
    }
    fail_msg("no original of %s was found", format);
}

static inline void ff1_token(const char *domain, const char *value, char out[static LIFE_TOKEN_MAX])
{
    life_token(&rig, &acme, domain, value, 0, 0, out);
}

static inline void ff1_value(const char *domain, const char *token, char out[static LIFE_TOKEN_MAX])
{
    const struct rig_reply *r = rig_reveal(&rig, olga, domain, token);

    assert_int_equal(r->err, HUFU_OK);
    assert_non_null(rig_member(r->body, "value", out, LIFE_TOKEN_MAX));
}

static inline const struct rig_reply *ff1_propose(const char *kind, const char *domain,
                                                  const char *subject)
{
    return rig_propose(&rig, carl, kind, domain, subject);
}

/* Proposed by carl, seconded by cora, and over. */
static inline void ff1_ceremony(const char *kind, const char *domain, const char *subject)
{
    const struct rig_reply *r = ff1_propose(kind, domain, subject);
    struct rig_who who = { .session = cora };
    char id[ID_TEXT_LEN + 1];
    uint8_t raw[ID_LEN];
    struct ceremony c;
    struct buf b;

    assert_int_equal(r->err, HUFU_OK);
    assert_non_null(rig_member(r->body, "id", id, sizeof(id)));
    buf_init(&b, 128);
    msg_put_text(&b, MSG_ID, view_str(id));
    assert_int_equal(rig_call(&rig, VERB_CEREMONY_APPROVE, &who, buf_view(&b))->err, HUFU_OK);
    buf_done(&b);
    assert_int_equal(id_parse(view_str(id), raw), HUFU_OK);
    for (int i = 0; i < FF1_TRIES; i++) {
        assert_int_equal(directory_ceremony(rig.core.dir, raw, &c), HUFU_OK);
        if (c.state != CEREMONY_RUNNING)
            break;
        rig_tick(&rig, 5); /* a destroyed key has a time of grace; a factor must stay fresh */
        (void)rig_round(&rig);
    }
    assert_int_equal(c.state, CEREMONY_DONE);
}

static inline uint32_t ff1_domain_id(const char *domain)
{
    return directory_domain(rig.core.dir, view_str(domain))->id;
}

#endif
