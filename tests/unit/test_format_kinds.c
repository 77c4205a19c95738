/* test_format_kinds.c - the formats beyond cards and IBANs: good values, each kind of bad one, and
 * both sides of each limit; old forms, masks by viewer, definitions that earlier versions stored.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/format_suite.h"
#include "tests/unit/format_text.h"
#include "vault/access/textguard.h"

/* 'O' original, 'T' token shape, 'N' neither, 'R' not of the alphabet or length. */
static char verdict(const struct format *fmt, const char *value)
{
    struct format_keep none = { 0, 0 };
    uint8_t out[FORMAT_VALUE_MAX];
    size_t len;

    if (format_canon(fmt, view_str(value), out, &len) != HUFU_OK)
        return 'R';
    return "OTN"[format_judge(fmt, none, view_of(out, len))];
}

static const struct {
    const char *name, *format, *value;
    char verdict;
} judged[] = {
    { "first digit 1", "bank-account", "1234567", 'O' },
    { "19 digits in groups", "bank-account", "6222 0212 3456 7890 123", 'O' },
    { "30 digits", "bank-account", "123456789012345678901234567890", 'O' },
    { "begins with 0", "bank-account", "0234567", 'T' },
    { "6 digits", "bank-account", "123456", 'R' },
    { "31 digits", "bank-account", "1234567890123456789012345678901", 'R' },
    { "letter", "bank-account", "12345678A", 'R' },

    { "six", "passport", "123456", 'O' },
    { "nine, small letters", "passport", "c01x00t47", 'O' },
    { "five", "passport", "12345", 'R' },
    { "ten", "passport", "1234567890", 'R' },
    { "dash", "passport", "C01-X00T4", 'R' },

    { "E and 8 digits", "cn-passport", "E12345678", 'O' },
    { "E, letter, 7 digits", "cn-passport", "EJ1234567", 'O' },
    { "small letters", "cn-passport", "ej1234567", 'O' },
    { "I is left out", "cn-passport", "EI1234567", 'N' },
    { "O is left out", "cn-passport", "EO1234567", 'N' },
    { "G", "cn-passport", "G12345678", 'O' },
    { "diplomatic", "cn-passport", "DE1234567", 'O' },
    { "D and a digit", "cn-passport", "D12345678", 'N' },
    { "14 and 15", "cn-passport", "141234567", 'O' },
    { "16", "cn-passport", "161234567", 'N' },
    { "Macao", "cn-passport", "MA1234567", 'O' },
    { "token", "cn-passport", "QA1234567", 'T' },
    { "token with a digit", "cn-passport", "Z91234567", 'T' },
    { "letter among the digits", "cn-passport", "E1234567A", 'N' },
    { "eight", "cn-passport", "E1234567", 'R' },

    { "published example", "uscc", "91350100M000100Y43", 'O' },
    { "published example", "uscc", "91110000600037341L", 'O' },
    { "small letters", "uscc", "91350100m000100y43", 'O' },
    { "wrong check", "uscc", "91350100M000100Y44", 'T' },
    { "I in the organisation's code", "uscc", "91350100I000100Y43", 'R' },
    { "Z in the organisation's code", "uscc", "91350100Z000100Y43", 'R' },
    { "letter in the region", "uscc", "9135010AM000100Y43", 'N' },
    { "category 4 of civil affairs: a village", "uscc", "54350100M000100Y4X", 'O' },
    { "category 3 of agriculture", "uscc", "N3350100M000100Y4F", 'O' },
    { "category 1 of others", "uscc", "Y1350100M000100Y4D", 'O' },
    { "no category 4 of industry", "uscc", "94350100M000100Y4R", 'N' },
    { "no category 2 of others", "uscc", "Y2350100M000100Y4A", 'N' },
    { "no category 0", "uscc", "10350100M000100Y4E", 'N' },
    { "17", "uscc", "91350100M000100Y4", 'R' },

    { "Bank of America", "us-aba-account", "111000025 1234", 'O' },
    { "17 digits of account", "us-aba-account", "02100002112345678901234567", 'O' },
    { "wrong check digit", "us-aba-account", "1110000261234", 'T' },
    { "prefix 13, right check", "us-aba-account", "1300000061234", 'N' },
    { "prefix 80", "us-aba-account", "8000000061234", 'O' },
    { "prefix 81", "us-aba-account", "8100000091234", 'N' },
    { "3 digits of account", "us-aba-account", "111000025123", 'R' },
    { "18 digits of account", "us-aba-account", "021000021123456789012345678", 'R' },

    { "sort code and account", "uk-sort-account", "20-00-00 55779911", 'O' },
    { "01", "uk-sort-account", "01000000000000", 'O' },
    { "00", "uk-sort-account", "00-00-01 12345678", 'T' },
    { "13 digits", "uk-sort-account", "2000005577991", 'R' },

    { "person", "in-pan", "ACUPA7085R", 'O' },
    { "small letters", "in-pan", "acupa7085r", 'O' },
    { "kind X", "in-pan", "ABMXA3211G", 'T' },
    { "kind E, in others' lists", "in-pan", "ABMEA3211G", 'O' },
    { "kind K, in others' lists", "in-pan", "ABMKA3211G", 'O' },
    { "kind D", "in-pan", "ABMDA3211G", 'T' },
    { "serial 0000", "in-pan", "ACUPA0000R", 'T' },
    { "serial 0001", "in-pan", "ACUPA0001R", 'O' },
    { "digit for a letter", "in-pan", "A1UPA7085R", 'N' },
    { "letter for a digit", "in-pan", "ACUPA70B5R", 'N' },
    { "digit at the end", "in-pan", "ACUPA70855", 'N' },

    { "published example", "in-aadhaar", "2341 2341 2346", 'O' },
    { "wrong check", "in-aadhaar", "234123412347", 'T' },
    { "begins with 1, right check", "in-aadhaar", "100000000004", 'N' },
    { "11 digits", "in-aadhaar", "23412341234", 'R' },

    { "six", "generic-digits", "000000", 'O' },
    { "32", "generic-digits", "12345678901234567890123456789012", 'O' },
    { "five", "generic-digits", "12345", 'R' },
    { "33", "generic-digits", "123456789012345678901234567890123", 'R' },
    { "six", "generic-alnum", "ab12cd", 'O' },
    { "five", "generic-alnum", "AB12C", 'R' },

    { "ITIN with serial 0000", "us-ssn", "900700000", 'N' },
    { "serial 0000", "us-ssn", "899700000", 'T' },
};

static void test_format_judge_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(judged) / sizeof(judged[0]); i++) {
        char seen = verdict(find(judged[i].format), judged[i].value);

        if (seen != judged[i].verdict)
            fail_msg("%s, %s: %c, wanted %c", judged[i].format, judged[i].name, seen,
                     judged[i].verdict);
    }
}

#define ID                                                                                         \
    "[format f]\nclass = C2\nsource = s\n"                                                         \
    "layout = set(p) digits(4) date(yyyymmdd, 1900-2099) digits(3) check(mod11-2)\n"
#define ID_REST                                                                                    \
    "separators = none\nkeep_prefix_max = 6\nkeep_suffix_max = 0\nhidden_min = 12\nmask = 1+1\n"   \
    "mark = wrong-check\n\n[set p]\nvalues = 11-15, 44\n"

/* GB 11643-1989: 15 digits, two of the year, no check. Refused, or completed to the 18 of today. */
static void test_format_canon_old_form(void **state)
{
    struct format *takes = parse(ID "old_form = insert(19, 6)\n" ID_REST);
    struct format *refuses = parse(ID "old_form = refused\n" ID_REST);
    uint8_t out[FORMAT_VALUE_MAX];
    size_t len = 0;

    (void)state;
    assert_int_equal(format_canon(takes, view_str("110105491231002"), out, &len), HUFU_OK);
    assert_true(view_is(view_of(out, len), "11010519491231002X"));
    assert_int_equal(verdict(takes, "110105491231002"), 'O');
    assert_int_equal(verdict(takes, "11010519491231002X"), 'O');
    assert_int_equal(verdict(takes, "110105491331002"), 'N'); /* month 13 */
    assert_int_equal(verdict(takes, "11010549123100"), 'R');
    assert_int_equal(verdict(takes, "11010549123100X"), 'R');
    assert_int_equal(verdict(takes, "1101054912310021"), 'R');
    assert_int_equal(verdict(refuses, "110105491231002"), 'R');
    assert_int_equal(verdict(find("cn-id"), "110105491231002"), 'R');
    format_free(takes);
    format_free(refuses);
}

static struct view masked(const struct format *fmt, enum format_viewer viewer, const char *value,
                          uint8_t mem[static FORMAT_VALUE_MAX])
{
    struct buf out;

    buf_fixed(&out, mem, FORMAT_VALUE_MAX);
    format_mask_for(fmt, viewer, view_str(value), &out);
    assert_int_equal(buf_check(&out), HUFU_OK);
    return buf_view(&out);
}

/* C20: strict by default, and each within the widest. */
static void test_C20_format_mask_by_viewer(void **state)
{
    static const struct {
        const char *format, *value, *mask[FORMAT_VIEWERS];
    } rows[] = {
        { "pan",
          "4111111111111111",
          { "411111******1111", "411111******1111", "************1111", "************1111" } },
        { "cn-id",
          "11010519491231002X",
          { "1****************X", "1****************X", "*****************X",
            "1****************X" } },
        { "cn-mobile",
          "13800138000",
          { "138****8000", "138****8000", "*******8000", "138****8000" } },
        { "passport", "C01X00T47", { "*******47", "*******47", "*********", "*******47" } },
        { "in-aadhaar",
          "234123412346",
          { "********2346", "********2346", "**********46", "********2346" } },
    };
    uint8_t mem[FORMAT_VALUE_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        for (unsigned k = 0; k < FORMAT_VIEWERS; k++)
            if (!view_is(masked(find(rows[i].format), (enum format_viewer)k, rows[i].value, mem),
                         rows[i].mask[k]))
                fail_msg("%s, viewer %u", rows[i].format, k);
    /* Shorter than any value: nothing is shown. */
    assert_true(view_is(masked(find("pan"), FORMAT_FOR_OPERATOR, "411111", mem), "******"));
    assert_false(format_mask_shows(find("pan"), FORMAT_FOR_OPERATOR, 16, 16));
}

/* The canonical text that a domain of first light has in its row: it is read, and printed again
 * byte for byte. */
static void test_format_parse_reads_what_was_stored(void **state)
{
    static const char *const stored[] = {
        "[format pan]\nclass = C2\nsource = ISO/IEC 7812-1:2017, primary account number\n"
        "layout = digits(12-18) check(luhn)\nseparators = space dash\nkeep_prefix_max = 8\n"
        "keep_suffix_max = 4\nhidden_min = 2\nmask = 6+4\nmark = wrong-check\n",
        "[format iban]\nclass = C2\nsource = ISO 13616-1:2020, SWIFT IBAN Registry release 103\n"
        "layout = country(iban-registry) check(mod97) bban\nseparators = space\n"
        "keep_prefix_max = 8\nkeep_suffix_max = 4\nhidden_min = 3\nmask = 2+4\n"
        "mark = check-digits(00, 01, 99)\n\n[countries iban-registry]\nDE = 18n\nGB = 4a14n\n",
        "[format cn-id]\nclass = C2\nsource = GB 11643-1999, citizen identification number\n"
        "layout = set(cn-province) digits(4) date(yyyymmdd, 1900-2099) digits(3) check(mod11-2)\n"
        "separators = none\nkeep_prefix_max = 6\nkeep_suffix_max = 0\nhidden_min = 12\n"
        "mask = 3+4\nmark = wrong-check\n\n[set cn-province]\n"
        "values = 11-15, 21-23, 31-37, 41-46, 50-54, 61-65, 71, 81-82\n",
        "[format us-ssn]\nclass = C2\nsource = 20 CFR 422.103, SSA randomization of 2011\n"
        "layout = set(us-area) set(us-group) set(us-serial)\nseparators = space dash\n"
        "keep_prefix_max = 0\nkeep_suffix_max = 4\nhidden_min = 5\nmask = 0+4\nmark = unissued\n"
        "unissued = us-area(000, 666) | us-group(00) | us-serial(0000) | us-area(900-999) "
        "us-group(00-49, 66-69, 89)\n\n[set us-area]\nvalues = 001-665, 667-899\n\n"
        "[set us-group]\nvalues = 01-99\n\n[set us-serial]\nvalues = 0001-9999\n",
        "[format cn-mobile]\nclass = C2\nsource = YD/T 1015, numbers of mobile networks 13x to "
        "19x\nlayout = set(cn-mobile-start) digits(9)\nseparators = space dash\n"
        "keep_prefix_max = 0\nkeep_suffix_max = 4\nhidden_min = 7\nmask = 3+4\nmark = unissued\n"
        "unissued = cn-mobile-start(20-99)\n\n[set cn-mobile-start]\nvalues = 13-19\n",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(stored) / sizeof(stored[0]); i++) {
        struct format *fmt = parse(stored[i]);
        uint8_t mem[FORMAT_VALUE_MAX];
        struct buf again;

        buf_init(&again, FORMAT_TEXT_MAX);
        format_print(fmt, &again);
        assert_true(view_is(buf_view(&again), stored[i]));
        assert_true(format_is_marked(fmt));
        /* Masks that it does not speak of show nothing. */
        assert_true(view_is(masked(fmt, FORMAT_FOR_AUDITOR, "4111111111111111111111", mem),
                            "**********************"));
        buf_done(&again);
        format_free(fmt);
    }
}

/* A bank's own account number, as in hufu-formats(5). */
static void test_format_parse_a_banks_own(void **state)
{
    struct format *fmt =
        parse("[format own]\nclass = C2\nsource = handbook, 4.2\n"
              "layout = text(KB) set(branch) date(yymmdd, 1980-2079) digits(4) letters(1)\n"
              "separators = dot slash\nkeep_prefix_max = 5\nkeep_suffix_max = 1\nhidden_min = 8\n"
              "mask = 5+1\nmark = unissued\nunissued = branch(900-999)\n[set branch]\n"
              "values = 001-420\n");
    struct format_keep none = { 0, 0 };
    struct draw draw;

    (void)state;
    assert_int_equal(verdict(fmt, "KB.017.991231/0042.A"), 'O');
    assert_int_equal(verdict(fmt, "kb0179912310042a"), 'O');
    assert_int_equal(verdict(fmt, "KB9009912310042A"), 'T');
    assert_int_equal(verdict(fmt, "KB4219912310042A"), 'N');
    assert_int_equal(verdict(fmt, "KB0179902300042A"), 'N');
    assert_int_equal(verdict(fmt, "KC0179912310042A"), 'N');
    assert_int_equal(verdict(fmt, "KC9009912310042A"), 'N'); /* no token has another fixed part */
    assert_int_equal(verdict(fmt, "KB01799123100427"), 'N');
    draw_init(&draw, &entropy_system);
    for (unsigned i = 0; i < 1000; i++) {
        uint8_t token[FORMAT_VALUE_MAX];

        assert_int_equal(format_draw(fmt, none, view_str("KB0179912310042A"), &draw, token), 0);
        assert_memory_equal(token, "KB9", 3);
        assert_true(format_is_token(fmt, none, view_of(token, 16)));
    }
    draw_done(&draw);
    format_free(fmt);
}

#define EMAIL                                                                                      \
    "[format mail]\nclass = C1\nsource = RFC 5321\nlayout = email\nseparators = none\n"            \
    "keep_prefix_max = 0\nkeep_suffix_max = 0\nhidden_min = 5\nmask = 1+0\n"                       \
    "mark = invalid-domain\nin_text = no\n"

#define X50 X20 X20 "abcdefghij"
#define X20 "abcdefghijklmnopqrst"

static void test_format_email_rows(void **state)
{
    static const struct {
        const char *value;
        char verdict;
    } rows[] = {
        { "a@b.co", 'O' },
        { "Olga.Petrova+bank@Mail.Example.COM", 'O' },
        { "o'neil_-!#$%&*/=?^`{|}~@x-1.example", 'O' },
        { "a@xn--p1ai.xn--p1ai", 'O' },
        { X50 "12345678901234@example.org", 'O' }, /* RFC 5321 4.5.3.1.1: 64 before the @ */
        { X50 "123456789012345@example.org", 'N' },
        { "a@" X50 "1234567890123.example", 'O' }, /* RFC 1035 2.3.4: labels of 63 */
        { "a@" X50 "12345678901234.example", 'N' },
        { "A@" X50 "." X50 "." X50 "." X50 "." X20 X20 ".EXAMPLE", 'O' }, /* 254: 4.5.3.1.3 */
        { "a@" X50 "." X50 "." X50 "." X50 "." X20 X20 ".examples", 'R' },
        { "a@b.c", 'R' },
        { "a@@b.co", 'N' },
        { "a.b.co.uk", 'N' },
        { "@b.example", 'N' },
        { ".a@b.example", 'N' },
        { "a.@b.example", 'N' },
        { "a..b@c.example", 'N' },
        { "a@example", 'N' },
        { "a@b..example", 'N' },
        { "a@-b.example", 'N' },
        { "a@b-.example", 'N' },
        { "a@b_c.example", 'N' },
        { "a@b.example.", 'N' },
        { "a@127.0.0.1", 'N' },
        { "a b@c.example", 'R' },
        { "\"a b\"@c.example", 'R' },
        { "a@b.example\n", 'R' },
        { "someone@example.invalid", 'N' }, /* no address: nobody has it */
        { "abcdefghijklmnopqrstuvwxyz@token.invalid", 'T' },
        { "abcdefghijklmnopqrstuvwxy1@token.invalid", 'N' },
        { "abcdefghijklmnopqrstuvwxyza@token.invalid", 'N' },
    };
    struct format *fmt = parse(EMAIL), *kept = NULL;

    (void)state;
    assert_int_equal(format_parse(view_str("[format m]\nclass = C1\nsource = s\nlayout = email\n"
                                           "separators = none\nkeep_prefix_max = 1\n"
                                           "keep_suffix_max = 0\nhidden_min = 5\nmask = 1+0\n"
                                           "mark = invalid-domain\n"),
                                  &kept, NULL, 0),
                     HUFU_SYNTAX);
    assert_null(kept);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (verdict(fmt, rows[i].value) != rows[i].verdict)
            fail_msg("%s: %c", rows[i].value, verdict(fmt, rows[i].value));
    format_free(fmt);
}

/* One value, however its letters are written; what is refused leaves the outputs alone. */
static void test_format_email_folds(void **state)
{
    static const char *const refused[] = { "a@b.c", "Olga Petrova@b.example",
                                           "olga@b.ex\xc3\xa4mple" };
    const struct format *fmt = find("email");
    uint8_t out[FORMAT_VALUE_MAX] = "untouched";
    size_t len = 7;

    (void)state;
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
        assert_int_equal(format_canon(fmt, view_str(refused[i]), out, &len), HUFU_INVALID_VALUE);
    assert_string_equal((const char *)out, "untouched");
    assert_int_equal(len, 7);
    assert_int_equal(format_canon(fmt, view_str("Olga.P+Bank@MAIL.Example"), out, &len), HUFU_OK);
    assert_true(view_is(view_of(out, len), "olga.p+bank@mail.example"));
}

/* Reasons and references name colleagues: text is searched for no mail address. */
static void test_format_email_is_not_in_text(void **state)
{
    static const char rest[] = "separators = none\nkeep_prefix_max = 0\nkeep_suffix_max = 0\n"
                               "hidden_min = 5\nmask = 1+0\nmark = invalid-domain\n";
    static const struct {
        const char *in_text;
        enum hufu_err err;
    } rows[] = {
        { "", HUFU_OK },
        { "in_text = no\n", HUFU_OK },
        { "in_text = whole\n", HUFU_SYNTAX },
        { "in_text = anywhere\n", HUFU_SYNTAX },
    };

    (void)state;
    assert_int_equal(textguard_check(set, view_str("olga@bank.example")), HUFU_OK);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct format_set *own = NULL;
        char text[512];

        snprintf(text, sizeof(text), "[format m]\nclass = C2\nsource = s\nlayout = email\n%s%s",
                 rest, rows[i].in_text);
        assert_int_equal(format_set_parse(view_str(text), &own, NULL, 0), rows[i].err);
        if (rows[i].err == HUFU_OK)
            assert_int_equal(textguard_check(own, view_str("olga@bank.example")), HUFU_OK);
        format_set_free(own);
    }
}

/* Tokens of mail addresses have a length of their own, and no mail can reach them. */
static void test_format_email_tokens(void **state)
{
    struct format *fmt = parse(EMAIL);
    struct format_keep none = { 0, 0 };
    struct view address = view_str("a@b.co");
    uint8_t token[FORMAT_VALUE_MAX], first[FORMAT_VALUE_MAX], mem[2][8];
    struct format_capacity c;
    struct buf text, home, there;
    struct draw draw;
    size_t len = 0;

    (void)state;
    assert_true(format_is_marked(fmt) && !format_keeps_length(fmt));
    assert_true(format_keeps_length(find("pan")));
    draw_init(&draw, &entropy_system);
    assert_int_equal(format_draw_any(fmt, none, address, &draw, first, &len), HUFU_OK);
    for (unsigned i = 0; i < 20000; i++) {
        assert_int_equal(format_draw_any(fmt, none, address, &draw, token, &len), HUFU_OK);
        assert_int_equal(len, 40);
        assert_true(format_is_token(fmt, none, view_of(token, len)));
        assert_int_equal(format_check(fmt, view_of(token, len)), HUFU_INVALID_VALUE);
        assert_memory_equal(token + len - 8, ".invalid", 8);
        assert_memory_not_equal(token, first, len);
    }
    buf_fixed(&home, mem[0], sizeof(mem[0]));
    buf_fixed(&there, mem[1], sizeof(mem[1]));
    format_bucket(fmt, none, address, &home);
    format_bucket(fmt, none, view_of(token, len), &there);
    assert_true(view_equal(buf_view(&home), buf_view(&there)));
    assert_int_equal(format_kind(fmt, address), 0);
    assert_int_equal(format_kind(fmt, view_str("nobody")), 1);
    format_capacity(fmt, none, 0, &c);
    assert_true(c.tokens == UINT64_MAX && format_is_ample(fmt, none));
    len = 7;
    assert_int_equal(format_draw(fmt, none, address, &draw, token), HUFU_INVALID_VALUE);
    assert_int_equal(format_draw_any(fmt, none, view_str("a@b"), &draw, token, &len),
                     HUFU_INVALID_VALUE);
    assert_int_equal(len, 7);
    assert_int_equal(
        format_draw_any(find("pan"), none, view_str("4222222222222"), &draw, token, &len), HUFU_OK);
    assert_int_equal(len, 13);
    draw_done(&draw);
    buf_init(&text, FORMAT_TEXT_MAX);
    format_print(fmt, &text);
    assert_true(view_is(buf_view(&text), EMAIL));
    buf_done(&text);
    format_free(fmt);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_format_judge_rows),
        cmocka_unit_test(test_format_canon_old_form),
        cmocka_unit_test(test_C20_format_mask_by_viewer),
        cmocka_unit_test(test_format_parse_reads_what_was_stored),
        cmocka_unit_test(test_format_parse_a_banks_own),
        cmocka_unit_test(test_format_email_rows),
        cmocka_unit_test(test_format_email_folds),
        cmocka_unit_test(test_format_email_is_not_in_text),
        cmocka_unit_test(test_format_email_tokens),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
