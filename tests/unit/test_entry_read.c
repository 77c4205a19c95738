/* A line of the log is read back: whatever is printed, and nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include "vault/log/entry_read.h"

#define ROUNDS 20000

static uint8_t text_mem[ENTRY_LINE_MAX];

static enum hufu_err read_view(struct view line, struct entry_fields *out)
{
    static struct buf text;

    buf_fixed(&text, text_mem, sizeof(text_mem));
    return entry_read(line, &text, out);
}

static enum hufu_err read_text(const char *line, struct entry_fields *out)
{
    return read_view(view_str(line), out);
}

#define TIME "\"time\":\"2026-09-21T14:13:20.123Z\""

static void test_read_takes_all_members(void **state)
{
    static const char line[] =
        "{\"clock\":\"held\",\"commit\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\","
        "\"domain\":\"cards\",\"principal\":\"olga\",\"purpose\":\"refund\","
        "\"reason\":\"case \\\"7\\\"\\n\\u000b\\\\\",\"request_id\":\"r.1\",\"result\":\"ok\","
        "\"role\":\"operator\",\"source\":\"192.0.2.7\"," TIME ","
        "\"token_id\":\"AAAAAAAAAAAAAAAAAAAAAA,_wAAAAAAAAAAAAAAAAAAAA\","
        "\"verb\":\"detokenize\"}";
    static const uint8_t zero[32];
    uint8_t id[ENTRY_TOKEN_ID_LEN];
    struct entry_fields e;

    (void)state;
    assert_int_equal(read_text(line, &e), HUFU_OK);
    assert_true(e.held && e.has_commit);
    assert_memory_equal(e.commit, zero, 32);
    assert_true(view_is(e.domain, "cards") && view_is(e.principal, "olga"));
    assert_true(view_is(e.purpose, "refund") && view_is(e.reason, "case \"7\"\n\v\\"));
    assert_true(view_is(e.request_id, "r.1") && view_is(e.result, "ok"));
    assert_true(view_is(e.role, "operator") && view_is(e.source, "192.0.2.7"));
    assert_true(view_is(e.verb, "detokenize"));
    assert_true(e.time_ms == 1790000000123);
    assert_int_equal(e.token_id_count, 2);
    entry_read_id(&e, 1, id);
    assert_int_equal(id[0], 0xff);
    entry_read_id(&e, 0, id);
    assert_memory_equal(id, zero, sizeof(id));
}

static void test_read_leaves_absent_members_empty(void **state)
{
    struct entry_fields e;

    (void)state;
    assert_int_equal(read_text("{\"result\":\"ok\"," TIME ",\"verb\":\"init\"}", &e), HUFU_OK);
    assert_false(e.held || e.has_commit);
    assert_int_equal(e.domain.len + e.principal.len + e.purpose.len + e.reason.len, 0);
    assert_int_equal(e.request_id.len + e.role.len + e.source.len + e.token_ids.len, 0);
    assert_int_equal(e.token_id_count, 0);
}

static void test_read_refuses_what_is_never_written(void **state)
{
    static const char *const rows[] = {
        "",
        "{",
        "{}",
        "null",
        "{\"result\":\"ok\"," TIME "}",
        "{" TIME ",\"verb\":\"init\"}",
        "{\"result\":\"ok\",\"verb\":\"init\"}",
        "{\"result\":\"ok\"," TIME ",\"verb\":\"init\"}\n",
        " {\"result\":\"ok\"," TIME ",\"verb\":\"init\"}",
        "{ \"result\":\"ok\"," TIME ",\"verb\":\"init\"}",
        "{\"result\": \"ok\"," TIME ",\"verb\":\"init\"}",
        "{\"result\":\"ok\"," TIME ",\"verb\":\"init\",}",
        "{,\"result\":\"ok\"," TIME ",\"verb\":\"init\"}",
        "{\"result\":\"ok\"," TIME ",\"verb\":\"init\"}}",
        /* order, repetition, other names and kinds */
        "{" TIME ",\"result\":\"ok\",\"verb\":\"init\"}",
        "{\"result\":\"ok\",\"result\":\"ok\"," TIME ",\"verb\":\"init\"}",
        "{\"result\":\"ok\"," TIME ",\"value\":\"x\",\"verb\":\"init\"}",
        "{\"result\":\"ok\"," TIME ",\"verb\":7}",
        "{\"result\":\"ok\"," TIME ",\"verb\":null}",
        "{\"result\":\"ok\"," TIME ",\"verb\":\"\"}",
        "{\"domain\":\"\",\"result\":\"ok\"," TIME ",\"verb\":\"init\"}",
        /* another spelling of the same text */
        "{\"result\":\"\\u006fk\"," TIME ",\"verb\":\"init\"}",
        "{\"result\":\"o\\/k\"," TIME ",\"verb\":\"init\"}",
        "{\"result\":\"o\\u000ak\"," TIME ",\"verb\":\"init\"}",
        "{\"result\":\"o\\u000Bk\"," TIME ",\"verb\":\"init\"}",
        "{\"result\":\"o\\u00\"," TIME ",\"verb\":\"init\"}",
        "{\"result\":\"o\\x\"," TIME ",\"verb\":\"init\"}",
        "{\"result\":\"o\nk\"," TIME ",\"verb\":\"init\"}",
        "{\"result\":\"o\\n\nk\"," TIME ",\"verb\":\"init\"}",
        "{\"result\":\"\xff\"," TIME ",\"verb\":\"init\"}",
        "{\"result\":\"\xc3\"," TIME ",\"verb\":\"init\"}",
        /* times, clocks, digests, ids */
        "{\"result\":\"ok\",\"time\":\"2026-09-21T14:13:20Z\",\"verb\":\"init\"}",
        "{\"result\":\"ok\",\"time\":\"2026-09-31T14:13:20.000Z\",\"verb\":\"init\"}",
        "{\"result\":\"ok\",\"time\":null,\"verb\":\"init\"}",
        "{\"clock\":\"ran\",\"result\":\"ok\"," TIME ",\"verb\":\"init\"}",
        "{\"commit\":\"AAAA\",\"result\":\"ok\"," TIME ",\"verb\":\"init\"}",
        "{\"commit\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB=\",\"result\":\"ok\"," TIME
        ",\"verb\":\"init\"}",
        "{\"result\":\"ok\"," TIME ",\"token_id\":\"AAAA\",\"verb\":\"init\"}",
        "{\"result\":\"ok\"," TIME ",\"token_id\":\"AAAAAAAAAAAAAAAAAAAAAB\",\"verb\":\"init\"}",
        "{\"result\":\"ok\"," TIME ",\"token_id\":\"AAAAAAAAAAAAAAAAAAAAAA,\",\"verb\":\"init\"}",
        "{\"result\":\"ok\"," TIME
        ",\"token_id\":\"AAAAAAAAAAAAAAAAAAAAAA;AAAAAAAAAAAAAAAAAAAAAA\",\"verb\":\"init\"}",
    };
    struct entry_fields e, before;

    (void)state;
    memset(&e, 0x5a, sizeof(e));
    memcpy(&before, &e, sizeof(e));
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (read_text(rows[i], &e) != HUFU_CORRUPT)
            fail_msg("%s", rows[i]);
        assert_memory_equal(&e, &before, sizeof(e));
    }
}

/* Cut anywhere, or with any one byte changed, a line is refused or it is another line. */
static void test_read_refuses_every_beginning(void **state)
{
    static const char line[] = "{\"principal\":\"a\\\"b\",\"result\":\"ok\"," TIME
                               ",\"token_id\":\"AAAAAAAAAAAAAAAAAAAAAA\",\"verb\":\"init\"}";
    struct entry_fields e;

    (void)state;
    assert_int_equal(read_text(line, &e), HUFU_OK);
    for (size_t len = 0; len < sizeof(line) - 1; len++) {
        uint8_t *copy = malloc(len + 1); /* so that a read past the end is seen */

        memcpy(copy, line, len);
        assert_int_equal(read_view(view_of(copy, len), &e), HUFU_CORRUPT);
        free(copy);
    }
}

static void test_read_is_bounded(void **state)
{
    static char line[ENTRY_LINE_MAX + 64];
    static const char head[] = "{\"reason\":\"",
                      tail[] = "\",\"result\":\"ok\"," TIME ",\"verb\":\"init\"}";
    struct entry_fields e;
    size_t fill = ENTRY_LINE_MAX - strlen(head) - strlen(tail);

    (void)state;
    for (size_t more = 0; more < 2; more++) {
        memset(line, 'x', sizeof(line));
        memcpy(line, head, strlen(head));
        memcpy(line + strlen(head), "\\n", 2);
        memcpy(line + strlen(head) + fill + more, tail, strlen(tail) + 1);
        assert_int_equal(strlen(line), ENTRY_LINE_MAX + more);
        assert_int_equal(read_text(line, &e), more == 0 ? HUFU_OK : HUFU_CORRUPT);
    }
    assert_int_equal(e.reason.len, fill - 1);
}

static uint64_t seed = 88172645463325252ULL;

static uint32_t draw(uint32_t below)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (uint32_t)(seed % below);
}

/* Empty, or characters of all kinds, in UTF-8. */
static struct view draw_text(uint8_t *mem, size_t max)
{
    static const char *const wide[] = { "\xc3\xa9", "\xe8\x99\x8e", "\xf0\x9f\x90\x85" };
    size_t len = draw(4) == 0 ? 0 : draw((uint32_t)max - 4), n = 0;

    while (n < len) {
        uint32_t kind = draw(8);

        if (kind == 0) {
            mem[n++] = (uint8_t)draw(0x20);
        } else if (kind == 1) {
            mem[n++] = (uint8_t) "\"\\/\177"[draw(4)];
        } else if (kind == 2) {
            const char *c = wide[draw(3)];

            memcpy(mem + n, c, strlen(c));
            n += strlen(c);
        } else {
            mem[n++] = (uint8_t)(' ' + draw(95));
        }
    }
    return view_of(mem, n);
}

/* Whatever entry_print writes is read back as what it was. */
static void test_read_gives_back_what_was_printed(void **state)
{
    static uint8_t mem[8][200], line_mem[65536], again_mem[65536];
    static uint8_t ids[ENTRY_IDS_MAX * ENTRY_TOKEN_ID_LEN], commit[32];

    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        struct entry_draft d = { .verb = "detokenize", .result = "ok" }, copy;
        struct entry_fields e;
        struct buf line, again;
        uint64_t ms = 1 + ((uint64_t)draw(UINT32_MAX) * draw(40000));
        bool held = draw(2) == 0;

        for (size_t i = 0; i < sizeof(ids); i++)
            ids[i] = (uint8_t)draw(256);
        for (size_t i = 0; i < sizeof(commit); i++)
            commit[i] = (uint8_t)draw(256);
        d.principal = draw_text(mem[0], 40);
        d.source = draw_text(mem[1], 46);
        d.domain = draw_text(mem[2], 40);
        d.purpose = draw_text(mem[3], 70);
        d.reason = draw_text(mem[4], 200);
        d.request_id = draw_text(mem[5], 64);
        d.role = draw(2) == 0 ? NULL : "operator";
        d.token_id_count = draw(5) == 0 ? 256 : draw(3);
        d.token_ids = ids;
        d.commit = draw(2) == 0 ? NULL : commit;
        buf_fixed(&line, line_mem, sizeof(line_mem));
        assert_int_equal(entry_print(&d, ms, held, &line), HUFU_OK);
        assert_int_equal(read_view(buf_view(&line), &e), HUFU_OK);
        assert_true(e.time_ms == ms && e.held == held && e.has_commit == (d.commit != NULL));
        assert_true(view_equal(e.principal, d.principal) && view_equal(e.source, d.source));
        assert_true(view_equal(e.domain, d.domain) && view_equal(e.purpose, d.purpose));
        assert_true(view_equal(e.reason, d.reason) && view_equal(e.request_id, d.request_id));
        assert_int_equal(e.token_id_count, d.token_id_count);
        copy = d;
        for (size_t i = 0; i < e.token_id_count; i++) {
            uint8_t id[ENTRY_TOKEN_ID_LEN];

            entry_read_id(&e, i, id);
            assert_memory_equal(id, ids + i * ENTRY_TOKEN_ID_LEN, sizeof(id));
        }
        copy.principal = e.principal;
        copy.reason = e.reason;
        buf_fixed(&again, again_mem, sizeof(again_mem));
        assert_int_equal(entry_print(&copy, e.time_ms, e.held, &again), HUFU_OK);
        assert_true(view_equal(buf_view(&again), buf_view(&line)));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read_takes_all_members),
        cmocka_unit_test(test_read_leaves_absent_members_empty),
        cmocka_unit_test(test_read_refuses_what_is_never_written),
        cmocka_unit_test(test_read_refuses_every_beginning),
        cmocka_unit_test(test_read_is_bounded),
        cmocka_unit_test(test_read_gives_back_what_was_printed),
    };

    return cmocka_run_group_tests_name("entry read", tests, NULL, NULL);
}
