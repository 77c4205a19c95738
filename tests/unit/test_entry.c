/* One line of the log: canonical JSON, fixed members, bounded. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include "vault/log/entry.h"

static uint8_t mem[65536];

static const char *print(const struct entry_draft *e, bool held, enum hufu_err want)
{
    struct buf out;

    buf_fixed(&out, mem, sizeof(mem));
    assert_int_equal(entry_print(e, 1790000000123, held, &out), want);
    mem[out.len] = '\0';
    return (const char *)mem;
}

static void test_print_leaves_absent_members_out(void **state)
{
    const struct entry_draft e = { .verb = "init", .result = "ok" };

    (void)state;
    assert_string_equal(
        print(&e, false, HUFU_OK),
        "{\"result\":\"ok\",\"time\":\"2026-09-21T14:13:20.123Z\",\"verb\":\"init\"}");
}

static void test_print_sorts_all_members(void **state)
{
    uint8_t ids[2 * ENTRY_TOKEN_ID_LEN] = { 0 }, commit[32] = { 0 };
    const struct entry_draft e = { .verb = "detokenize",
                                   .result = "ok",
                                   .principal = view_str("olga"),
                                   .role = "operator",
                                   .source = view_str("192.0.2.7"),
                                   .domain = view_str("cards"),
                                   .purpose = view_str("refund"),
                                   .reason = view_str("case \"7\"\n"),
                                   .request_id = view_str("r.1"),
                                   .token_ids = ids,
                                   .token_id_count = 2,
                                   .commit = commit };

    (void)state;
    ids[ENTRY_TOKEN_ID_LEN] = 0xff;
    assert_string_equal(
        print(&e, true, HUFU_OK),
        "{\"clock\":\"held\",\"commit\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\","
        "\"domain\":\"cards\",\"principal\":\"olga\",\"purpose\":\"refund\","
        "\"reason\":\"case \\\"7\\\"\\n\",\"request_id\":\"r.1\",\"result\":\"ok\","
        "\"role\":\"operator\",\"source\":\"192.0.2.7\",\"time\":\"2026-09-21T14:13:20.123Z\","
        "\"token_id\":\"AAAAAAAAAAAAAAAAAAAAAA,_wAAAAAAAAAAAAAAAAAAAA\","
        "\"verb\":\"detokenize\"}");
}

/* The largest that there is: 256 names, every text at its limit and escaped six-fold. */
static void test_a_full_batch_fits_into_a_line(void **state)
{
    static uint8_t ids[256 * ENTRY_TOKEN_ID_LEN];
    uint8_t text[128];
    struct entry_draft e = {
        .verb = "tokenize", .result = "partial", .token_ids = ids, .token_id_count = 256
    };

    (void)state;
    memset(text, 1, sizeof(text)); /* printed as \u0001 */
    e.principal = view_of(text, 32);
    e.domain = view_of(text, 32);
    e.purpose = view_of(text, 64);
    e.reason = view_of(text, 128);
    e.request_id = view_of(text, 64);
    assert_true(strlen(print(&e, true, HUFU_OK)) <= ENTRY_LINE_MAX);
}

static void test_a_longer_line_is_refused_at_the_byte(void **state)
{
    static uint8_t text[ENTRY_LINE_MAX];
    struct entry_draft e = { .verb = "v", .result = "ok", .reason = view_of(text, 1) };
    size_t rest;

    (void)state;
    memset(text, 'a', sizeof(text));
    rest = strlen(print(&e, false, HUFU_OK)) - 1;
    e.reason = view_of(text, ENTRY_LINE_MAX - rest);
    assert_int_equal(strlen(print(&e, false, HUFU_OK)), ENTRY_LINE_MAX);
    e.reason = view_of(text, ENTRY_LINE_MAX - rest + 1);
    print(&e, false, HUFU_RANGE);
}

static void test_print_needs_room(void **state)
{
    const struct entry_draft e = { .verb = "init", .result = "ok" };
    uint8_t small[10];
    struct buf out;

    (void)state;
    buf_fixed(&out, small, sizeof(small));
    assert_int_equal(entry_print(&e, 1, false, &out), HUFU_RANGE);
}

static void test_source_prints_mapped_and_real_addresses(void **state)
{
    static const struct {
        uint8_t addr[16];
        const char *text;
    } rows[] = {
        { { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 7 }, "192.0.2.7" },
        { { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 255, 255, 255, 255 }, "255.255.255.255" },
        { { [15] = 1 }, "::1" },
        { { 0x20, 1, 0xd, 0xb8, [15] = 9 }, "2001:db8::9" },
        { { 0x20, 1, 0xd, 0xb8, 0xaa, 0xaa, 0xbb, 0xbb, 0xcc, 0xcc, 0xdd, 0xdd, 0xee, 0xee, 1, 1 },
          "2001:db8:aaaa:bbbb:cccc:dddd:eeee:101" },
    };
    char out[46];

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_true(view_is(entry_source(rows[i].addr, out), rows[i].text));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_print_leaves_absent_members_out),
        cmocka_unit_test(test_print_sorts_all_members),
        cmocka_unit_test(test_a_full_batch_fits_into_a_line),
        cmocka_unit_test(test_a_longer_line_is_refused_at_the_byte),
        cmocka_unit_test(test_print_needs_room),
        cmocka_unit_test(test_source_prints_mapped_and_real_addresses),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
