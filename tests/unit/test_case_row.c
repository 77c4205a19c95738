#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "vault/access/case_row.h"

static struct case_row full(void)
{
    struct case_row c = { .kind = CASE_ERASE,
                          .state = CASE_RUNNING,
                          .subject = "customer-17",
                          .reason = "letter of 3 May",
                          .error = "legal_hold",
                          .asked_by = 5,
                          .decided_by = 7,
                          .asked_ms = 1,
                          .decided_ms = 2,
                          .changed_ms = 3,
                          .expires_ms = 4,
                          .done = 5,
                          .total = 6,
                          .held = 7,
                          .next_len = CASE_NEXT_MAX };

    memset(c.digest, 0xd1, sizeof(c.digest));
    memset(c.next, 0x4e, sizeof(c.next));
    return c;
}

static enum hufu_err again(const struct case_row *c, struct case_row *out)
{
    uint8_t mem[CASE_ROW_MAX];
    struct buf b;

    buf_fixed(&b, mem, sizeof(mem));
    case_row_put(c, &b);
    assert_int_equal(buf_check(&b), HUFU_OK);
    return case_row_get(buf_view(&b), out);
}

static void test_C55_a_case_is_read_as_it_was_written(void **state)
{
    struct case_row c = full(), got;

    (void)state;
    memset(&got, 0, sizeof(got));
    assert_int_equal(again(&c, &got), HUFU_OK);
    assert_memory_equal(got.digest, c.digest, sizeof(c.digest));
    assert_string_equal(got.subject, c.subject);
    assert_string_equal(got.reason, c.reason);
    assert_string_equal(got.error, c.error);
    assert_int_equal(got.kind, c.kind);
    assert_int_equal(got.state, c.state);
    assert_int_equal(got.asked_by, 5);
    assert_int_equal(got.decided_by, 7);
    assert_int_equal(got.expires_ms, 4);
    assert_int_equal(got.done + got.total + got.held, 18);
    assert_int_equal(got.next_len, c.next_len);
    assert_memory_equal(got.next, c.next, c.next_len);
}

/* The longest that there is has its room. */
static void test_C55_the_longest_case_fits(void **state)
{
    struct case_row c = full(), got;

    (void)state;
    memset(c.subject, 's', sizeof(c.subject) - 1);
    memset(c.reason, 'r', sizeof(c.reason) - 1);
    memset(c.error, 'e', sizeof(c.error) - 1);
    assert_int_equal(again(&c, &got), HUFU_OK);
    assert_int_equal(strlen(got.subject), ROW_TEXT_MAX);
}

static void test_C55_a_damaged_case_is_refused_and_out_untouched(void **state)
{
    struct case_row c = full(), got = { .done = 77 }, bad;
    uint8_t mem[CASE_ROW_MAX + 1];
    struct buf b;

    (void)state;
    buf_fixed(&b, mem, sizeof(mem));
    case_row_put(&c, &b);
    for (size_t len = 0; len < b.len; len++)
        assert_int_equal(case_row_get(view_of(mem, len), &got), HUFU_CORRUPT);
    buf_u8(&b, 0);
    assert_int_equal(case_row_get(buf_view(&b), &got), HUFU_CORRUPT);
    mem[0] = 2; /* another format */
    assert_int_equal(case_row_get(view_of(mem, b.len - 1), &got), HUFU_CORRUPT);
    bad = c;
    bad.kind = CASE_RELEASE + 1;
    assert_int_equal(again(&bad, &got), HUFU_CORRUPT);
    bad = c;
    bad.kind = 0;
    assert_int_equal(again(&bad, &got), HUFU_CORRUPT);
    bad = c;
    bad.state = CASE_EXPIRED + 1;
    assert_int_equal(again(&bad, &got), HUFU_CORRUPT);
    bad = c;
    bad.subject[0] = '\0';
    assert_int_equal(again(&bad, &got), HUFU_CORRUPT);
    assert_int_equal(got.done, 77);
}

static void test_C55_names_of_kinds(void **state)
{
    static const char *const names[] = { "report", "restrict", "lift-restriction",
                                         "erase",  "hold",     "release" };
    uint8_t kind = 99;

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        assert_int_equal(case_kind_parse(view_str(names[i]), &kind), HUFU_OK);
        assert_int_equal(kind, CASE_REPORT + i);
        assert_string_equal(case_kind_name(kind), names[i]);
    }
    kind = 99;
    assert_int_equal(case_kind_parse(view_str("?"), &kind), HUFU_SYNTAX);
    assert_int_equal(case_kind_parse(view_str("Erase"), &kind), HUFU_SYNTAX);
    assert_int_equal(case_kind_parse(view_str(""), &kind), HUFU_SYNTAX);
    assert_int_equal(kind, 99);
    assert_string_equal(case_kind_name(0), "?");
    assert_string_equal(case_kind_name(7), "?");
    assert_string_equal(case_state_name(CASE_EXPIRED), "expired");
    assert_string_equal(case_state_name(7), "?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_C55_a_case_is_read_as_it_was_written),
        cmocka_unit_test(test_C55_the_longest_case_fits),
        cmocka_unit_test(test_C55_a_damaged_case_is_refused_and_out_untouched),
        cmocka_unit_test(test_C55_names_of_kinds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
