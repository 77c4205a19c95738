/* Reports as CSV: what comes out is read back as it was, and nothing in it is a formula. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include "tools/cli_csv.h"
#include "tools/cli_sheet.h"

static const char *cell(struct view text)
{
    static uint8_t mem[2 * CLI_SHEET_CELL_MAX + 8];
    struct buf out;

    buf_fixed(&out, mem, sizeof(mem) - 1);
    cli_sheet_cell(text, &out);
    assert_int_equal(buf_check(&out), HUFU_OK);
    mem[out.len] = '\0';
    return (const char *)mem;
}

static void test_C25_cell_quotes_and_defuses(void **state)
{
    static const struct {
        const char *in, *out;
    } rows[] = {
        { "", "" },
        { "plain", "plain" },
        { "a,b", "\"a,b\"" },
        { "a\"b", "\"a\"\"b\"" },
        { "=1+1", "'=1+1" },
        { "+1", "'+1" },
        { "-1", "'-1" },
        { "@SUM(A1)", "'@SUM(A1)" },
        { "=HYPERLINK(\"x\",\"y\")", "\"'=HYPERLINK(\"\"x\"\",\"\"y\"\")\"" },
        { "a=1", "a=1" },
        { "'=1", "'=1" },
        { "\xEF\xBC\x9D"
          "1",
          "'\xEF\xBC\x9D"
          "1" },
        { "\xEF\xBC\x8B"
          "1",
          "'\xEF\xBC\x8B"
          "1" },
        { "\xEF\xBC\x8D"
          "1",
          "'\xEF\xBC\x8D"
          "1" },
        { "\xEF\xBC\xA0"
          "1",
          "'\xEF\xBC\xA0"
          "1" },
        { "\xE8\x99\x8E\xE7\xAC\xA6", "\xE8\x99\x8E\xE7\xAC\xA6" },
        { "\t=1", "?=1" }, /* no control character in front of a formula either */
        { "\r\n=1", "?"
                    "?=1" },
        { "\x1b[2J", "?[2J" },
        { "\xC2\x9B"
          "2J",
          "?2J" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_string_equal(cell(view_str(rows[i].in)), rows[i].out);
}

static void test_cell_is_cut_between_characters(void **state)
{
    static char text[CLI_SHEET_CELL_MAX + 3];
    const char *out;

    (void)state;
    memset(text, 'a', sizeof(text) - 1);
    memcpy(text + CLI_SHEET_CELL_MAX - 1, "\xC3\xA9", 2);
    out = cell(view_of(text, CLI_SHEET_CELL_MAX + 1));
    assert_int_equal(strlen(out), CLI_SHEET_CELL_MAX - 1);
    out = cell(view_of(text, CLI_SHEET_CELL_MAX - 1));
    assert_int_equal(strlen(out), CLI_SHEET_CELL_MAX - 1);
    text[0] = '=';
    memset(text + CLI_SHEET_CELL_MAX - 1, 'a', 3);
    out = cell(view_of(text, CLI_SHEET_CELL_MAX));
    assert_int_equal(strlen(out), CLI_SHEET_CELL_MAX + 1);
}

static const char *record(const char *json, const char *columns)
{
    static uint8_t mem[CLI_SHEET_RECORD_MAX];
    json_t *item = json_loads(json, 0, NULL);
    struct buf out;

    assert_non_null(item);
    buf_fixed(&out, mem, sizeof(mem) - 1);
    cli_sheet_record(item, columns, &out);
    assert_int_equal(buf_check(&out), HUFU_OK);
    mem[out.len] = '\0';
    json_decref(item);
    return (const char *)mem;
}

static void test_record_takes_every_kind_of_member(void **state)
{
    static const struct {
        const char *json, *columns, *out;
    } rows[] = {
        { "{\"a\":\"x\",\"b\":7}", "a,b", "x,7\r\n" },
        { "{\"a\":\"x\",\"b\":7}", "b,a,b", "7,x,7\r\n" },
        { "{\"a\":-7,\"b\":\"-7\"}", "a,b", "-7,'-7\r\n" },
        { "{\"a\":null,\"b\":true}", "a,b,c", ",true,\r\n" },
        { "{\"a\":[\"x\",\"y\"],\"b\":[]}", "a,b", "x; y,\r\n" },
        { "{\"a\":[\"=x\",\"y\"]}", "a", "'=x; y\r\n" },
        { "{\"a\":{\"u\":1,\"v\":\"w,\"}}", "a", "\"u=1; v=w,\"\r\n" },
        { "{\"a\":{\"b\":{\"c\":\"deep\"}}}", "a.b.c,a.b.d,a.x.c", "deep,,\r\n" },
        { "{\"a\":[[[[[1]]]]]}", "a", "?\r\n" },
        { "{\"a\":0.25}", "a", "0.25\r\n" },
        { "{}", "a", "\r\n" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_string_equal(record(rows[i].json, rows[i].columns), rows[i].out);
}

/* What stands in a record is what a reader of RFC 4180 finds there. */
static void test_record_is_read_back(void **state)
{
    static struct csv_row row;
    static const char json[] = "{\"a\":\"say \\\"so\\\", twice\",\"b\":\"\",\"c\":\"x\\ny\"}";
    const char *text = record(json, "a,b,c");
    const char *want[] = { "say \"so\", twice", "", "x?y" };
    enum csv_fault fault;

    (void)state;
    assert_int_equal(csv_scan(view_str(text), true, &row, &fault), HUFU_OK);
    assert_int_equal(row.len, strlen(text));
    assert_int_equal(row.count, 3);
    for (size_t i = 0; i < 3; i++) {
        struct view field = view_of(text + row.field[i].at, row.field[i].len);
        struct buf out;

        buf_init(&out, 100);
        csv_text(field, row.field[i].quoted, &out);
        assert_true(view_is(buf_view(&out), want[i]));
        buf_done(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_C25_cell_quotes_and_defuses),
        cmocka_unit_test(test_cell_is_cut_between_characters),
        cmocka_unit_test(test_record_takes_every_kind_of_member),
        cmocka_unit_test(test_record_is_read_back),
    };

    return cmocka_run_group_tests_name("cli sheet", tests, NULL, NULL);
}
