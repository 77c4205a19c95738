/* test_format_set.c - the file of formats: what it must hold beyond each definition, and its
 * limits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "vault/format/format_set.h"

/* Today's rules for the file: a space that is empty, or nearly so. What a domain stored stays
 * readable. */
static void test_format_set_parse_refuses_empty_spaces(void **state)
{
    static const struct {
        const char *text, *err_text;
    } rows[] = {
        { "[format p]\nclass = C1\nsource = test\nlayout = set(a) set(b)\nseparators = none\n"
          "keep_prefix_max = 0\nkeep_suffix_max = 2\nhidden_min = 2\nmask = 0+1\n"
          "mark = unissued\nunissued = b(00)\n[set a]\nvalues = 11-12\n[set b]\nvalues = 01-99\n",
          "line 1: the token space is empty" },
        { "[format p]\nclass = C1\nsource = test\nlayout = set(a) digits(4)\nseparators = none\n"
          "keep_prefix_max = 0\nkeep_suffix_max = 0\nhidden_min = 2\nmask = 0+1\n"
          "mark = unissued\nunissued = a(000)\n[set a]\nvalues = 001-999\n",
          "line 1: of what is drawn less than one in 128" },
        { "[format p]\nclass = C1\nsource = test\nlayout = set(a) digits(1)\nseparators = none\n"
          "keep_prefix_max = 0\nkeep_suffix_max = 1\nhidden_min = 2\nmask = 0+1\nmarked = no\n"
          "[set a]\nvalues = 17\n",
          "line 1: the token space is empty" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct format_set *set = NULL;
        struct format *fmt = NULL;
        char err_text[FORMAT_ERR_MAX] = "";

        assert_int_equal(format_set_parse(view_str(rows[i].text), &set, err_text, sizeof(err_text)),
                         HUFU_SYNTAX);
        if (strncmp(err_text, rows[i].err_text, strlen(rows[i].err_text)) != 0)
            fail_msg("row %zu: %s", i, err_text);
        assert_null(set);
        assert_int_equal(format_parse(view_str(rows[i].text), &fmt, NULL, 0), HUFU_OK);
        format_free(fmt);
    }
}

static void test_format_set_parse_too_many_formats(void **state)
{
    struct format_set *set = NULL;
    char err_text[FORMAT_ERR_MAX] = "";
    struct buf b;

    (void)state;
    for (unsigned count = FORMAT_COUNT_MAX; count <= FORMAT_COUNT_MAX + 1; count++) {
        buf_init(&b, FORMAT_FILE_MAX);
        for (unsigned i = 0; i < count; i++) {
            buf_str(&b, "[format f");
            buf_dec(&b, i);
            buf_str(&b, "]\nclass = C2\nsource = s\nlayout = digits(9) check(luhn)\n"
                        "separators = none\nkeep_prefix_max = 0\nkeep_suffix_max = 0\n"
                        "hidden_min = 1\nmask = 0+0\nmark = wrong-check\n");
        }
        if (count == FORMAT_COUNT_MAX) {
            assert_int_equal(format_set_parse(buf_view(&b), &set, NULL, 0), HUFU_OK);
            assert_int_equal(format_set_count(set), FORMAT_COUNT_MAX);
            format_set_free(set);
            set = NULL;
        } else {
            assert_int_equal(format_set_parse(buf_view(&b), &set, err_text, sizeof(err_text)),
                             HUFU_SYNTAX);
            assert_string_equal(err_text, "line 641: 64 formats at most");
        }
        buf_done(&b);
    }
    assert_null(set);
}

static void test_format_set_load_no_file(void **state)
{
    struct format_set *set = NULL;
    char err_text[FORMAT_ERR_MAX] = "";

    (void)state;
    assert_int_equal(format_set_load("conf/no-such-file", &set, err_text, sizeof(err_text)),
                     HUFU_IO);
    assert_true(strlen(err_text) > 0);
    assert_int_equal(format_set_load("conf", &set, NULL, 0), HUFU_IO);
    assert_null(set);
}

static void test_format_set_load_too_long(void **state)
{
    char path[] = "/tmp/hufu-formats-XXXXXX";
    struct format_set *set = NULL;
    int fd = mkstemp(path);

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, FORMAT_FILE_MAX + 1), 0);
    assert_int_equal(format_set_load(path, &set, NULL, 0), HUFU_RANGE);
    assert_int_equal(ftruncate(fd, (off_t)1 << 30), 0);
    assert_int_equal(format_set_load(path, &set, NULL, 0), HUFU_RANGE);
    assert_null(set);
    (void)close(fd);
    (void)unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_format_set_parse_refuses_empty_spaces),
        cmocka_unit_test(test_format_set_parse_too_many_formats),
        cmocka_unit_test(test_format_set_load_no_file),
        cmocka_unit_test(test_format_set_load_too_long),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
