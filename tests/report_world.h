/*
 * report_world.h - two partners, two operators, two purposes, two days: what reports tell about.
 *
 * Layer:   tests/. Includes tests/report_calls.h; behind cmocka.h.
 * Threads: one.
 */
#ifndef HUFU_TESTS_REPORT_WORLD_H
#define HUFU_TESTS_REPORT_WORLD_H

#include "tests/report_calls.h"

#define PAN_A  "4111111111111111"
#define PAN_B  "4012888888881881"
#define PAN_C  "5555555555554444"
#define PAN_D  "5105105105105100"
#define DAY_MS 86400000ULL

static const struct rig_who world_acme = { .partner = "acme" }, world_zeta = { .partner = "zeta" };

static struct world {
    char a[LIFE_TOKEN_MAX], b[LIFE_TOKEN_MAX], c[LIFE_TOKEN_MAX], d[LIFE_TOKEN_MAX];
    char olga[MSG_SESSION_LEN + 1], omar[MSG_SESSION_LEN + 1], aude[MSG_SESSION_LEN + 1];
} world;

static inline void world_send(const struct rig_who *who, const char *domain, const char *value,
                              const char *subject, char token[static LIFE_TOKEN_MAX])
{
    const struct rig_reply *r;
    struct buf b;

    buf_init(&b, 1024);
    life_put(&b, domain, value, NULL, NULL);
    if (subject != NULL)
        msg_put_text(&b, MSG_SUBJECT, view_str(subject));
    r = rig_call(&rig, VERB_TOKENIZE, who, buf_view(&b));
    buf_done(&b);
    assert_int_equal(r->err, HUFU_OK);
    assert_non_null(rig_member(r->body, "token", token, LIFE_TOKEN_MAX));
}

static inline void world_reveal(const char *session, const char *domain, const char *token,
                                const char *purpose, const char *reason)
{
    const struct rig_who who = { .session = session };
    const struct rig_reply *r;
    struct buf b;

    buf_init(&b, 1024);
    msg_put_text(&b, MSG_DOMAIN, view_str(domain));
    msg_put_text(&b, MSG_TOKEN, view_str(token));
    msg_put_text(&b, MSG_REASON, view_str(reason));
    msg_put_text(&b, MSG_PURPOSE, view_str(purpose));
    r = rig_call(&rig, VERB_DETOKENIZE, &who, buf_view(&b));
    buf_done(&b);
    assert_int_equal(r->err, HUFU_OK);
}

static inline void world_log_in(void)
{
    rig_login(&rig, "olga", world.olga);
    rig_login(&rig, "omar", world.omar);
    rig_login(&rig, "aude", world.aude);
}

/* Two partners, two operators, two purposes, two days. */
static inline void world_live(void)
{
    char same[LIFE_TOKEN_MAX];

    world_send(&world_acme, "cards", PAN_A, "customer-1", world.a);
    world_send(&world_acme, "cards", PAN_B, NULL, world.b);
    world_send(&world_zeta, "cards", PAN_C, "client-9", world.c);
    world_send(&world_zeta, "cards", PAN_A, "client-1", same);
    assert_string_equal(same, world.a);
    world_send(&world_acme, "loose", PAN_D, "customer-4", world.d);
    world_log_in();
    world_reveal(world.olga, "cards", world.a, "refund", "case 1");
    rig_tick(&rig, 1000);
    world_reveal(world.olga, "cards", world.c, "dispute", "say \"2\"");
    world_reveal(world.omar, "cards", world.b, "refund", "case 3");
    rig_tick(&rig, DAY_MS);
    world_log_in();
    world_reveal(world.olga, "cards", world.a, "refund", "case 4"); /* once more, on another day */
    world_reveal(world.olga, "cards", world.a, "dispute", "case 5");
    world_reveal(world.olga, "loose", world.d, "refund", "case 6");
    rig_tick(&rig, 1000);
}

/* Each item is an entry of the log, word by word. */
static inline void world_check_entry(const json_t *item)
{
    struct life_lines lines = { .part = { NULL, NULL, NULL } };
    uint64_t index = (uint64_t)json_integer_value(json_object_get(item, "index"));
    json_t *line;

    assert_int_equal(store_entries(rig.worker.reader, index, 1, life_line, &lines), HUFU_OK);
    line = json_loads(lines.last, 0, NULL);
    assert_string_equal(report_text(line, "verb"), "detokenize");
    assert_string_equal(report_text(line, "time"), report_text(item, "time"));
    assert_string_equal(report_text(line, "token_id"), report_text(item, "token_id"));
    assert_string_equal(report_text(line, "request_id"), report_text(item, "request_id"));
    assert_string_equal(report_text(line, "purpose"), report_text(item, "purpose"));
    json_decref(line);
}

#endif
