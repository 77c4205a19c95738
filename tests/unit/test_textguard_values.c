/*
 * test_textguard_values.c - contract section 2: random values of every built-in format in every
 * kind of sentence, and ordinary sentences by the hundred thousand.
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
#include "vault/access/textguard.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define VALUES   500 /* of each sample */

enum search { ANYWHERE, WHOLE, NOWHERE };

/* What conf/formats.conf says of each; those of NOWHERE look like any number or word. */
static const struct {
    const char *format;
    enum search search;
    const char *separators; /* of the format, or dots where it has none but a check */
} rows[] = {
    { "pan", ANYWHERE, " -" },          { "iban", ANYWHERE, " " },
    { "bank-account", NOWHERE, "" },    { "cn-id", ANYWHERE, " -./" },
    { "cn-mobile", WHOLE, " -" },       { "passport", NOWHERE, "" },
    { "cn-passport", WHOLE, "" },       { "uscc", ANYWHERE, " -" },
    { "us-ssn", WHOLE, " -" },          { "us-aba-account", WHOLE, " -" },
    { "uk-sort-account", NOWHERE, "" }, { "in-pan", WHOLE, "" },
    { "in-aadhaar", ANYWHERE, " -" },   { "email", NOWHERE, "" },
    { "generic-digits", NOWHERE, "" },  { "generic-alnum", NOWHERE, "" },
};

static enum search search_of(const char *name)
{
    for (size_t i = 0; i < COUNT(rows); i++)
        if (strcmp(rows[i].format, name) == 0)
            return rows[i].search;
    fail_msg("%s has no row", name);
    return NOWHERE;
}

static const char *separators_of(const char *name)
{
    for (size_t i = 0; i < COUNT(rows); i++)
        if (strcmp(rows[i].format, name) == 0)
            return rows[i].separators;
    return "";
}

/* The table names each format, and the samples each that is a row of places. */
static void test_C05_every_format_has_a_row(void **state)
{
    (void)state;
    for (size_t i = 0; i < format_set_count(set); i++)
        (void)search_of(format_name(format_set_at(set, i)));
    for (size_t i = 0; i < FORMAT_SAMPLES_COUNT; i++) {
        (void)search_of(format_samples[i].format);
        for (size_t k = 0; k < 4 && format_samples[i].values[k] != NULL; k++)
            assert_true(
                walk_is_original(find(format_samples[i].format), format_samples[i].values[k]));
    }
}

/* A set of one format alone, so that no other finds what this one ought to. */
static struct format_set *alone(const char *name)
{
    struct format_set *one = NULL;
    struct buf text;

    buf_init(&text, FORMAT_TEXT_MAX);
    format_print(find(name), &text);
    assert_int_equal(format_set_parse(buf_view(&text), &one, NULL, 0), HUFU_OK);
    buf_done(&text);
    return one;
}

static void put_grouped(char *out, const char *value, size_t group, char sep)
{
    size_t n = 0;

    for (size_t i = 0; value[i] != '\0'; i++) {
        if (i > 0 && i % group == 0)
            out[n++] = sep;
        out[n++] = value[i];
    }
    out[n] = '\0';
}

static void put_full_width(char *out, const char *value)
{
    size_t n = 0;

    for (; *value != '\0'; value++) {
        unsigned cp = 0xff01 + (unsigned)(*value - 0x21);

        out[n++] = (char)0xef;
        out[n++] = (char)(0x80 | (cp >> 6 & 63));
        out[n++] = (char)(0x80 | (cp & 63));
    }
    out[n] = '\0';
}

static void put_small(char *out, const char *value)
{
    size_t n = 0;

    for (; value[n] != '\0'; n++)
        out[n] = value[n] >= 'A' && value[n] <= 'Z' ? (char)(value[n] - 'A' + 'a') : value[n];
    out[n] = '\0';
}

static void expect(const struct format_set *of, const char *before, const char *value,
                   const char *behind, enum hufu_err err)
{
    char text[TEXTGUARD_MAX + 1];
    int len = snprintf(text, sizeof(text), "%s%s%s", before, value, behind);

    if (len > TEXTGUARD_MAX) /* full-width digits are three bytes */
        return;
    if (textguard_check(of, view_str(text)) != err)
        fail_msg("%s", text);
}

/* The value as it is written, in each kind of sentence. */
static void expect_in_sentences(const struct format_set *of, const char *value, bool anywhere)
{
    static const char *const around[][2] = {
        { "", "" },
        { "see ", "" },
        { "", " please" },
        { "(", ")" },
        { "\"", "\"" },
        { "id=", ";" },
        { "lost: ", ", twice" },
        { "no. ", "." },
        { "#", "!" },
        { "\xe5\x8d\xa1", "\xe8\xaf\xb7" },
        { "a/", "/b" },
        { "x,", ",x" },
    };
    char twice[2 * TEXTGUARD_MAX];

    for (size_t i = 0; i < COUNT(around); i++)
        expect(of, around[i][0], value, around[i][1], HUFU_VALUE_IN_TEXT);
    (void)snprintf(twice, sizeof(twice), "%s and %s", value, value);
    expect(of, "", twice, "", HUFU_VALUE_IN_TEXT);
    if (anywhere)
        expect(of, "ref", value, "qq", HUFU_VALUE_IN_TEXT);
    if (anywhere && value[0] < 'A')
        expect(of, "x", value, "", HUFU_VALUE_IN_TEXT);
}

static void expect_forms(const struct format_set *of, const char *name, const char *value)
{
    char form[4 * FORMAT_VALUE_MAX];
    bool anywhere = search_of(name) == ANYWHERE;

    expect_in_sentences(of, value, anywhere);
    put_small(form, value);
    expect_in_sentences(of, form, anywhere);
    put_full_width(form, value);
    expect_in_sentences(of, form, anywhere);
    for (const char *sep = separators_of(name); *sep != '\0'; sep++) {
        for (size_t group = 1; group <= 4; group++) {
            if (!anywhere && strcmp(name, "us-aba-account") != 0 &&
                (group == 1 || strlen(value) % group == 1))
                continue; /* without a check: in groups of two to four */
            put_grouped(form, value, group, *sep);
            expect_in_sentences(of, form, anywhere && strlen(value) > 12);
        }
    }
}

static void test_C05_every_format_is_found_in_text(void **state)
{
    char value[FORMAT_VALUE_MAX + 1];
    unsigned done = 0;

    (void)state;
    walk_seed = 5;
    for (size_t i = 0; i < FORMAT_SAMPLES_COUNT; i++) {
        const struct format_sample *s = &format_samples[i];
        struct format_set *of;

        if (search_of(s->format) == NOWHERE)
            continue;
        of = alone(s->format);
        for (size_t k = 0; k < 4 && s->values[k] != NULL; k++) {
            walk_far(find(s->format), s->values[k], value);
            for (int n = 0; n < VALUES; n++, done++) {
                walk_step(find(s->format), value);
                expect_forms(of, s->format, value);
                expect_in_sentences(set, value, search_of(s->format) == ANYWHERE);
            }
        }
        format_set_free(of);
    }
    print_message("%u values\n", done);
}

/* It is a value still; or a part of it is one, as 13 digits of 16 may pass Luhn. */
static bool has_part(const struct format *fmt, const char *value)
{
    size_t len = strlen(value);

    if (search_of(format_name(fmt)) == WHOLE)
        return walk_is_original(fmt, value);

    for (size_t at = 0; at < len; at++)
        for (size_t n = format_len_min(fmt); n <= len - at; n++)
            if (format_check(fmt, view_of((const uint8_t *)value + at, n)) == HUFU_OK)
                return true;
    return false;
}

/* Any other last character, and any other digit: the check says that it is no value. That of
 * us-aba-account is of its first nine. */
static void test_C05_one_wrong_digit_passes(void **state)
{
    char value[FORMAT_VALUE_MAX + 1];

    (void)state;
    walk_seed = 6;
    for (size_t i = 0; i < FORMAT_SAMPLES_COUNT; i++) {
        const struct format_sample *s = &format_samples[i];
        const struct format *fmt = find(s->format);
        unsigned passed = 0, skipped = 0;
        struct format_set *of;

        if (search_of(s->format) == NOWHERE || !format_has_check(fmt))
            continue;
        of = alone(s->format);
        for (size_t k = 0; k < 4 && s->values[k] != NULL; k++) {
            walk_far(fmt, s->values[k], value);
            for (int n = 0; n < VALUES; n++) {
                size_t checked = search_of(s->format) == WHOLE ? 9 : strlen(value);
                size_t at = n % 2 == 0 ? checked - 1 : walk_roll((uint32_t)checked);
                char right = value[at];

                value[at] = right == 'X' ? '1' : right == '9' ? '0' : (char)(right + 1);
                if (has_part(fmt, value)) {
                    skipped++;
                } else {
                    expect(of, "", value, "", HUFU_OK);
                    expect(of, "see (", value, "), please", HUFU_OK);
                    passed++;
                }
                value[at] = right;
                walk_step(fmt, value);
            }
        }
        if (passed < skipped / 2)
            fail_msg("%s: %u passed, %u left out", s->format, passed, skipped);
        format_set_free(of);
    }
}

/* ---- ordinary sentences -------------------------------------------------------------------------
 */

static const char *digits(size_t len)
{
    static char ring[8][32];
    static size_t next;
    char *out = ring[next++ % COUNT(ring)];

    for (size_t i = 0; i < len; i++)
        out[i] = (char)('0' + walk_roll(10));
    out[0] = out[0] == '0' ? '7' : out[0];
    out[len] = '\0';
    return out;
}

static const char *hex(size_t len)
{
    static char ring[8][72];
    static size_t next;
    char *out = ring[next++ % COUNT(ring)];

    for (size_t i = 0; i < len; i++)
        out[i] = "0123456789abcdef"[walk_roll(16)];
    out[len] = '\0';
    return out;
}

#define KINDS 16
static const char *const kinds[KINDS] = {
    "ticket of 4 to 8 digits",
    "case with a year",
    "dates and times",
    "amounts",
    "phone with extension",
    "UUID",
    "two tickets",
    "date as 8 digits, case",
    "version, address, port",
    "git commit",
    "SHA-256",
    "letters and digits",
    "ticket of 10 digits",
    "time stamp of 14 digits",
    "order of 16 to 20 digits",
    "ticket of 9 digits",
};
#define KINDS_SHORT 13 /* from here on: numbers as long as a card's or an SSN */

/* Texts with numbers as long as a value's. */
static void put_long_text(unsigned kind, char *out, size_t cap)
{
    switch (kind) {
    case 13:
        (void)snprintf(out, cap, "batch %u%02u%02u%02u%02u%02u", 2015 + walk_roll(20),
                       1 + walk_roll(12), 1 + walk_roll(28), walk_roll(24), walk_roll(60),
                       walk_roll(60));
        break;
    case 14:
        (void)snprintf(out, cap, "order %s", digits(16 + walk_roll(5)));
        break;
    default:
        (void)snprintf(out, cap, "ticket %s", digits(9));
        break;
    }
}

static void put_text(unsigned kind, char *out, size_t cap)
{
    unsigned year = 2015 + walk_roll(20), month = 1 + walk_roll(12), day = 1 + walk_roll(28);
    unsigned hour = walk_roll(24), minute = walk_roll(60), n = walk_roll(100000);

    switch (kind) {
    case 0:
        (void)snprintf(out, cap, "ticket %s, asked for by phone", digits(4 + walk_roll(5)));
        break;
    case 1:
        (void)snprintf(out, cap, "case %u/%05u and CB-%u-%05u", year, n, year, walk_roll(100000));
        break;
    case 2:
        (void)snprintf(out, cap, "from %u-%02u-%02u %02u:%02u:07 to %02u/%02u/%u %02u:%02u", year,
                       month, day, hour, minute, day, month, year, hour, minute);
        break;
    case 3:
        (void)snprintf(out, cap, "refund of %u.%02u EUR and 1,%03u,%03u.%02u USD of %u", n,
                       walk_roll(100), walk_roll(1000), walk_roll(1000), walk_roll(100), year);
        break;
    case 4:
        (void)snprintf(out, cap, "call +%u (%s) %s ext. %s", 20 + walk_roll(70), digits(3),
                       digits(7), digits(4));
        break;
    case 5:
        (void)snprintf(out, cap, "request %s-%s-4%s-a%s-%s", hex(8), hex(4), hex(3), hex(3),
                       hex(12));
        break;
    case 6:
        (void)snprintf(out, cap, "tickets %s, %s", digits(6), digits(7));
        break;
    case 7:
        (void)snprintf(out, cap, "INC%u%02u%02u-%04u of %u%02u%02u", year, month, day, n % 10000,
                       year, month, day);
        break;
    case 8:
        (void)snprintf(out, cap, "v%u.%u.%u on 10.%u.%u.%u:%u", walk_roll(20), walk_roll(20),
                       walk_roll(100), walk_roll(256), walk_roll(256), walk_roll(256),
                       1024 + walk_roll(60000));
        break;
    case 9:
        (void)snprintf(out, cap, "deployed %s on %u-%02u-%02u", hex(40), year, month, day);
        break;
    case 10:
        (void)snprintf(out, cap, "form sha256 %s", hex(64));
        break;
    case 11:
        (void)snprintf(out, cap, "parcel RR%sDE, room B%u, seat %u%c", digits(9), n % 1000,
                       1 + n % 40, (char)('A' + n % 6));
        break;
    case 12:
        (void)snprintf(out, cap, "ticket %s by %02u:%02u", digits(10), hour, minute);
        break;
    default:
        put_long_text(kind, out, cap);
        break;
    }
}

/* At most two of 1,000 texts whose numbers are shorter than a card's. The others pass for numbers
 * of a format as they are; how many, the program says. */
static void test_C05_ordinary_sentences_pass(void **state)
{
    unsigned of[KINDS] = { 0 }, refused[KINDS] = { 0 }, all = 0, bad = 0;

    (void)state;
    walk_seed = 7;
    for (unsigned i = 0; i < 100000; i++) {
        unsigned kind = i % KINDS;
        char text[160];

        put_text(kind, text, sizeof(text));
        of[kind]++;
        refused[kind] += textguard_check(set, view_str(text)) != HUFU_OK;
    }
    for (unsigned kind = 0; kind < KINDS; kind++) {
        print_message("%-26s %6.2f %% of %u refused\n", kinds[kind],
                      100.0 * refused[kind] / of[kind], of[kind]);
        all += kind < KINDS_SHORT ? of[kind] : 0;
        bad += kind < KINDS_SHORT ? refused[kind] : 0;
    }
    print_message("numbers shorter than a value's: %.3f %% of %u refused\n", 100.0 * bad / all,
                  all);
    assert_true(1000 * bad <= 2 * all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_C05_every_format_has_a_row),
        cmocka_unit_test(test_C05_every_format_is_found_in_text),
        cmocka_unit_test(test_C05_one_wrong_digit_passes),
        cmocka_unit_test(test_C05_ordinary_sentences_pass),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
