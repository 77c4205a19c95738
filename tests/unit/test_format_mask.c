/*
 * test_format_mask.c - control C20: what each viewer sees of random values of every built-in
 * format, and definitions whose masks would tell more together than the widest alone.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/format_suite.h"
#include "tests/format_walk.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* Characters shown at the beginning and the end of a value; those between them must be hidden. */
struct shown {
    size_t prefix, suffix;
};

static struct shown shown_of(const struct format *fmt, enum format_viewer viewer, const char *value)
{
    uint8_t mem[FORMAT_VALUE_MAX];
    size_t len = strlen(value);
    struct shown s = { 0, 0 };
    struct buf mask;

    buf_fixed(&mask, mem, sizeof(mem));
    format_mask_for(fmt, viewer, view_str(value), &mask);
    assert_int_equal(buf_check(&mask), HUFU_OK);
    assert_int_equal(mask.len, len);
    for (size_t i = 0; i < len; i++)
        assert_true(mem[i] == '*' || mem[i] == (uint8_t)value[i]);
    while (s.prefix < len && mem[s.prefix] != '*')
        s.prefix++;
    while (s.suffix < len && mem[len - 1 - s.suffix] != '*')
        s.suffix++;
    for (size_t i = s.prefix; i + s.suffix < len; i++)
        assert_int_equal(mem[i], '*');
    assert_true(s.prefix + s.suffix < len);
    return s;
}

/* The most that anybody may see, where a standard or the request says so. */
static const struct {
    const char *format;
    struct shown most;
} limits[] = {
    { "pan", { 6, 4 } }, /* PCI DSS v4.0, 3.4.1 */
    { "cn-mobile", { 3, 4 } },
    { "cn-id", { 1, 1 } },
    { "in-aadhaar", { 0, 4 } }, /* UIDAI, masked Aadhaar */
};

static void check_limits(const char *name, struct shown widest)
{
    for (size_t i = 0; i < COUNT(limits); i++) {
        if (strcmp(limits[i].format, name) != 0)
            continue;
        assert_true(widest.prefix <= limits[i].most.prefix);
        assert_true(widest.suffix <= limits[i].most.suffix);
    }
}

/* Every other viewer sees a part of what the operator sees. */
static void check_masks(const struct format *fmt, const char *value)
{
    struct shown widest = shown_of(fmt, FORMAT_FOR_OPERATOR, value);

    check_limits(format_name(fmt), widest);
    for (unsigned viewer = 0; viewer < FORMAT_VIEWERS; viewer++) {
        struct shown s = shown_of(fmt, (enum format_viewer)viewer, value);

        assert_true(s.prefix <= widest.prefix && s.suffix <= widest.suffix);
    }
}

static void test_C20_masks_are_nested_in_every_format(void **state)
{
    char value[FORMAT_VALUE_MAX + 1];
    unsigned formats = 0;

    (void)state;
    for (size_t i = 0; i < FORMAT_SAMPLES_COUNT; i++, formats++) {
        const struct format *fmt = find(format_samples[i].format);

        for (size_t k = 0; k < 4 && format_samples[i].values[k] != NULL; k++) {
            memcpy(value, format_samples[i].values[k], strlen(format_samples[i].values[k]) + 1);
            for (int n = 0; n < 200; n++) {
                check_masks(fmt, value);
                walk_step(fmt, value);
            }
        }
    }
    check_masks(find("email"), "olga.petrova@bank.example");
    assert_int_equal(formats + 1, format_set_count(set)); /* email is no row of places */
}

/* Less than the operator is the rule for the auditor: at most half of the characters. */
static void test_C20_the_auditor_sees_least(void **state)
{
    (void)state;
    for (size_t i = 0; i < FORMAT_SAMPLES_COUNT; i++) {
        const struct format *fmt = find(format_samples[i].format);
        struct shown most = shown_of(fmt, FORMAT_FOR_OPERATOR, format_samples[i].values[0]);
        struct shown least = shown_of(fmt, FORMAT_FOR_AUDITOR, format_samples[i].values[0]);

        assert_true(least.prefix + least.suffix < most.prefix + most.suffix);
    }
}

static void test_C20_masks_that_are_not_nested_are_refused(void **state)
{
    static const char head[] = "[format own]\nclass = C2\nsource = ours\n"
                               "layout = digits(11) check(luhn)\nseparators = none\n"
                               "keep_prefix_max = 0\nkeep_suffix_max = 0\nhidden_min = 4\n"
                               "mark = wrong-check\n";
    static const struct {
        const char *masks;
        enum hufu_err err;
    } rows[] = {
        { "mask = 3+4\n", HUFU_OK },
        { "mask = 3+4\nmask_approver = 3+4\nmask_auditor = 0+0\nmask_partner = 1+2\n", HUFU_OK },
        { "mask = 0+4\nmask_approver = 3+4\n", HUFU_OK }, /* the approver's is the widest */
        { "mask = 3+4\nmask_approver = 4+0\n", HUFU_SYNTAX },
        { "mask = 3+4\nmask_auditor = 0+5\n", HUFU_SYNTAX },
        { "mask = 3+3\nmask_partner = 2+4\n", HUFU_SYNTAX },
        { "mask = 0+4\nmask_approver = 4+0\n", HUFU_SYNTAX },
        { "mask = 6+6\n", HUFU_SYNTAX }, /* all of it */
        { "mask = 5+6\n", HUFU_OK },
        { "mask = 13+0\n", HUFU_SYNTAX },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct format_set *own = NULL;
        char text[1024], why[FORMAT_ERR_MAX];

        (void)snprintf(text, sizeof(text), "%s%s", head, rows[i].masks);
        if (format_set_parse(view_str(text), &own, why, sizeof(why)) != rows[i].err)
            fail_msg("row %zu: %s", i, rows[i].masks);
        if (rows[i].err != HUFU_OK)
            assert_non_null(strstr(why, "mask"));
        format_set_free(own);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_C20_masks_are_nested_in_every_format),
        cmocka_unit_test(test_C20_the_auditor_sees_least),
        cmocka_unit_test(test_C20_masks_that_are_not_nested_are_refused),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
