/* The list of passwords that nobody may have (control C42). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "vault/access/deny.h"

static struct deny *made;

static int setup(void **state)
{
    (void)state;
    return deny_new(&made) == HUFU_OK ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    deny_free(made);
    made = NULL;
    return 0;
}

static enum hufu_err parse(const char *text)
{
    struct deny_fault fault;

    return deny_parse(made, view_str(text), &fault);
}

static bool has(const char *password)
{
    return deny_has(made, view_str(password));
}

static void test_C42_words_cases_and_digits(void **state)
{
    static const struct {
        const char *password;
        bool denied;
    } rows[] = {
        { "sommerfest", true },
        { "SommerFest", true },
        { "sommerfest2026", true },
        { "sommerfest2", true },
        { "SOMMERFEST0000000", true },
        { "sommerfest2026!", false },
        { "2026sommerfest", false },
        { "sommerfes", false },
        { "sommerfesta1", false },
        { "winter-2025", true },
        { "Winter-20251", true },
        { "winter-202", false },
        { "winter-", false },
        { "99", true },
        { "9", false },
        { "990", true },
        { "991", true },
        { "", false },
        { "\xc3\xa4pfel-im-korb7", true },
        { "\xc3\x84pfel-im-korb7", false },
    };

    (void)state;
    assert_int_equal(parse("winter-2025\r\nSommerfest\n\n99\n\xc3\xa4pfel-im-korb"), HUFU_OK);
    assert_int_equal(deny_count(made), 4);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (has(rows[i].password) != rows[i].denied)
            fail_msg("%s", rows[i].password);
}

static void test_an_empty_list_denies_nothing(void **state)
{
    (void)state;
    assert_false(has("anything"));
    assert_false(deny_has(NULL, view_str("anything")));
    assert_int_equal(parse(""), HUFU_OK);
    assert_int_equal(parse("\n\r\n\n"), HUFU_OK);
    assert_int_equal(deny_count(made), 0);
    assert_false(has("anything"));
    assert_false(has("1"));
}

/* A list that is refused leaves the one before as it was, and says where it is wrong. */
static void test_C42_a_bad_list_changes_nothing(void **state)
{
    static const struct {
        const char *text;
        enum hufu_err err;
        unsigned line;
    } rows[] = {
        { "fine\nbroken \xff\n", HUFU_SYNTAX, 2 },
        { "fine\nalso\nwith\tcontrol\n", HUFU_SYNTAX, 3 },
        { "cut \xc3", HUFU_SYNTAX, 1 },
        { "\x7f", HUFU_SYNTAX, 1 },
    };
    char line[DENY_LINE_MAX + 2];
    struct deny_fault fault;

    (void)state;
    assert_int_equal(parse("kept-as-it-was"), HUFU_OK);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        fault = (struct deny_fault){ NULL, 77 };
        assert_int_equal(deny_parse(made, view_str(rows[i].text), &fault), rows[i].err);
        assert_int_equal(fault.line, rows[i].line);
        assert_non_null(fault.why);
    }
    memset(line, 'x', sizeof(line));
    assert_int_equal(deny_parse(made, view_of(line, DENY_LINE_MAX + 1), &fault), HUFU_RANGE);
    assert_int_equal(fault.line, 1);
    assert_true(has("kept-as-it-was"));
    assert_int_equal(deny_parse(made, view_of(line, DENY_LINE_MAX), &fault), HUFU_OK);
    assert_false(has("kept-as-it-was"));
    assert_true(deny_has(made, view_of(line, DENY_LINE_MAX)));
    line[DENY_LINE_MAX] = '1';
    assert_false(deny_has(made, view_of(line, DENY_LINE_MAX + 1))); /* no password is so long */
}

static void write_file(const char *path, size_t lines)
{
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    for (size_t i = 0; i < lines; i++)
        assert_true(fprintf(f, "word%04zu%s\n", i % 10000, "-x") > 0);
    assert_int_equal(fclose(f), 0);
}

static void test_C42_files(void **state)
{
    char path[] = "/tmp/hufu-deny-XXXXXX";
    int fd = mkstemp(path);
    struct deny_fault fault = { NULL, 0 };

    (void)state;
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(deny_load(made, path, &fault), HUFU_OK); /* empty */
    write_file(path, DENY_FILE_MAX / 11);
    assert_int_equal(deny_load(made, path, &fault), HUFU_OK);
    assert_int_equal(deny_count(made), DENY_FILE_MAX / 11);
    assert_true(has("WORD0007-X12"));
    write_file(path, DENY_FILE_MAX / 11 + 1);
    assert_int_equal(deny_load(made, path, &fault), HUFU_RANGE);
    write_file(path, DENY_FILE_MAX / 5);
    assert_int_not_equal(deny_load(made, path, &fault), HUFU_OK); /* far too long */
    assert_non_null(fault.why);
    assert_true(has("word0007-x"));
    unlink(path);
    assert_int_equal(deny_load(made, path, &fault), HUFU_NOT_FOUND);
    assert_int_equal(deny_load(made, "/tmp", &fault), HUFU_IO);
    assert_true(has("word0007-x"));
    assert_int_equal(deny_load(made, "", &fault), HUFU_OK);
    assert_int_equal(deny_count(made), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_C42_words_cases_and_digits),
        TEST(test_an_empty_list_denies_nothing),
        TEST(test_C42_a_bad_list_changes_nothing),
        TEST(test_C42_files),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
