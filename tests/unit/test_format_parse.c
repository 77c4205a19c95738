/* test_format_parse.c - definitions: read, printed, read again; or refused with their line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "vault/format/format_set.h"

#define LINES 17

/* Two formats in one text would not do for format_parse, so: one with everything but countries. */
static const char *const ssn[LINES] = {
    "[format f]",                              /* 1 */
    "class = C2",                              /* 2 */
    "source = a standard",                     /* 3 */
    "layout = set(area) set(group) digits(4)", /* 4 */
    "separators = space dash",                 /* 5 */
    "keep_prefix_max = 0",                     /* 6 */
    "keep_suffix_max = 4",                     /* 7 */
    "hidden_min = 5",                          /* 8 */
    "mask = 0+4",                              /* 9 */
    "mark = unissued",                         /* 10 */
    "unissued = area(000, 666) | group(00)",   /* 11 */
    "",                                        /* 12 */
    "# a comment",                             /* 13 */
    "[set area]",                              /* 14 */
    "values = 001-665, 667-899",               /* 15 */
    "[set group]",                             /* 16 */
    "values = 01-99",                          /* 17 */
};

static const char *const iban[LINES] = {
    "[format f]",
    "class = C1",
    "source = a standard",
    "layout = country(all) check(mod97) bban",
    "separators = none",
    "keep_prefix_max = 2",
    "keep_suffix_max = 2",
    "hidden_min = 3",
    "mask = 2+4",
    "mark = check-digits(00, 01, 99)",
    "",
    "[countries all]",
    "GB = 4a6n8n",
    "DE = 8n10n",
    "FR = 10n 11c 2n",
    "",
    "",
};

static const char *const pan[LINES] = {
    "[format f]",
    "class = C2",
    "source = a standard",
    "layout = digits(12-18) check(luhn)",
    "separators = space dash",
    "keep_prefix_max = 6",
    "keep_suffix_max = 4",
    "hidden_min = 3",
    "mask = 6+2",
    "mark = wrong-check",
    "",
    "",
    "",
    "",
    "",
    "",
    "",
};

static const char *const id[LINES] = {
    "[format f]",
    "class = C2",
    "source = a standard",
    "layout = set(p) digits(4) date(yyyymmdd, 1900-2099) digits(3) check(mod11-2)",
    "separators = none",
    "keep_prefix_max = 6",
    "keep_suffix_max = 0",
    "hidden_min = 12",
    "mask = 3+4",
    "mark = wrong-check",
    "",
    "[set p]",
    "values = 11-15",
    "",
    "",
    "",
    "",
};

static const char *const own[LINES] = {
    "[format f]",
    "class = C2",
    "source = a standard",
    "layout = text(KB) set(branch) chars(a, 6) check(mod31)",
    "separators = dash dot slash",
    "keep_prefix_max = 5",
    "keep_suffix_max = 0",
    "hidden_min = 4",
    "mask = 5+2",
    "mark = wrong-check",
    "mask_auditor = 0+2",
    "[set branch]",
    "values = 001-099",
    "[alphabet a]",
    "symbols = 0-9 A-H J",
    "",
    "",
};

/* The base with one line replaced. */
static struct view text_of(const char *const base[LINES], unsigned line, const char *instead,
                           struct buf *out)
{
    buf_init(out, 65536);
    for (unsigned i = 0; i < LINES; i++) {
        buf_str(out, i + 1 == line ? instead : base[i]);
        buf_u8(out, '\n');
    }
    assert_int_equal(buf_check(out), HUFU_OK);
    return buf_view(out);
}

static void test_format_parse_takes_the_bases(void **state)
{
    static const char *const *const bases[] = { ssn, iban, pan, id, own };

    (void)state;
    for (size_t i = 0; i < 5; i++) {
        struct format *fmt = NULL;
        char err_text[FORMAT_ERR_MAX] = "";
        struct buf b;

        if (format_parse(text_of(bases[i], 0, "", &b), &fmt, err_text, sizeof(err_text)) != HUFU_OK)
            fail_msg("base %zu: %s", i, err_text);
        assert_string_equal(format_name(fmt), "f");
        assert_int_equal(format_class(fmt), i == 1 ? FORMAT_C1 : FORMAT_C2);
        format_free(fmt);
        buf_done(&b);
    }
}

static const struct {
    const char *const *base;
    unsigned line;
    const char *instead, *err_text;
} refused[] = {
    { ssn, 1, "[format]", "line 1: a section is [kind name]" },
    { ssn, 1, "[format F]", "line 1: a section is [kind name]" },
    { ssn, 1, "[format f", "line 1: a section is [kind name]" },
    { ssn, 1, "[format a2345678901234567890123456789012x]", "line 1: a section is [kind name]" },
    { ssn, 1, "class = C2", "line 1: an entry before the first section" },
    { ssn, 1, "", "line 2: an entry before the first section" },
    { ssn, 1, "[shape f]", "line 1: no format" },
    { ssn, 2, "class = C3", "line 2: data of class C3 may not be stored" },
    { ssn, 2, "class = C4", "line 2: a class is C1 or C2" },
    { ssn, 2, "class = 2", "line 2: a class is C1 or C2" },
    { ssn, 2, "class = C2 C1", "line 2: something follows" },
    { ssn, 2, "class C2", "line 2: neither [section]" },
    { ssn, 2, "", "line 1: the key class is missing" },
    { ssn, 2, "clas = C2", "line 2: a format has no such key" },
    { ssn, 2, "kla\xc3\x9f = C2", "line 2: a byte that is not printable" },
    { ssn, 2, "class = C2\r", "line 2: a byte that is not printable" },
    { ssn, 2, "1 = C2", "line 2: a key is letters" },
    { ssn, 3, "class = C2", "line 3: the key is there twice" },
    { ssn, 3, "source =", "line 3: a source is 1 to 120" },
    { ssn, 3, "source = a\tb", "line 3: a source is one line" },
    { ssn, 3, "source = a\n b", "line 3: a source is one line" },
    { ssn, 4, "layout =", "line 4: the layout is empty" },
    { ssn, 4, "layout = set(area) set(group) number(4)", "line 4: building blocks are" },
    { ssn, 4, "layout = set(area) set(group) digits", "line 4: a building block needs" },
    { ssn, 4, "layout = set(area) set(group) digits(4", "line 4: a closing parenthesis" },
    { ssn, 4, "layout = set(area) set(group) digits(x)", "line 4: a count is N" },
    { ssn, 4, "layout = set(area) set(group) digits(65)", "line 4: a count is N" },
    { ssn, 4, "layout = set(area) set(group) digits(0)", "line 4: a count N-M needs" },
    { ssn, 4, "layout = set(area) set(group) digits(5-4)", "line 4: a count N-M needs" },
    { ssn, 4, "layout = set(area) set(serial) digits(4)", "line 4: there is no [set]" },
    { ssn, 4, "layout = set(area) set(area) digits(4)", "line 4: a set may be used once" },
    { ssn, 4, "layout = digits(60) set(area) set(group)", "line 4: a value has 64 characters" },
    { ssn, 4,
      "layout = digits(1) digits(1) digits(1) digits(1) digits(1) digits(1) digits(1) digits(1)"
      " digits(1) digits(1) digits(1) set(area) set(group)",
      "line 4: a layout has 12 parts" },
    { ssn, 4, "layout = set(area) digits(2) digits(4)", "line 11: unissued names sets" },
    { ssn, 4, "layout = set(area) set(group) digits(1-2) digits(3-4)", "line 4: one part" },
    { ssn, 4, "layout = check(luhn) set(area) set(group)",
      "line 4: a check needs something before it" },
    { ssn, 4, "layout = set(area) set(group) check(mod9)", "line 4: check rules are" },
    { ssn, 4, "layout = set(area) set(group) check(luhn)", "line 10: unissued is for" },
    { ssn, 4, "layout = set(area) set(group) bban", "line 4: country, mod97 and bban" },
    { ssn, 5, "separators = comma", "line 5: separators are" },
    { ssn, 5, "separators = dash, dot", "line 5: separators are" },
    { ssn, 5, "separators = dash dash", "line 5: separators are" },
    { ssn, 5, "separators = none dash", "line 5: something follows" },
    { ssn, 6, "keep_prefix_max = 4", "line 1: what stays may touch only one of the sets" },
    { ssn, 6, "keep_prefix_max = 5\n keep", "line 6: something follows" },
    { ssn, 6, "keep_prefix_max = -1", "line 6: a number of 0 to 64" },
    { ssn, 6, "keep_prefix_max = 65", "line 6: a number of 0 to 64" },
    { ssn, 6, "keep_prefix_max = 9999999999", "line 6: a number of 0 to 64" },
    { ssn, 6, "keep_prefix_max = 0x", "line 6: something follows" },
    { ssn, 7, "keep_suffix_max = 5", "line 1: the shortest value has no room" },
    { ssn, 8, "hidden_min = 0", "line 1: hidden_min is at least 1" },
    { ssn, 8, "hidden_min = 6", "line 1: the shortest value has no room" },
    { ssn, 9, "mask = 4", "line 9: a mask is what it shows" },
    { ssn, 9, "mask = 5+4", "line 1: the mask shows all" },
    { ssn, 10, "mark = yes", "line 10: a mark is" },
    { ssn, 10, "mark = wrong-check", "line 10: wrong-check needs" },
    { ssn, 10, "mark = check-digits(00, 01)", "line 10: check-digits needs" },
    { ssn, 11, "", "line 1: mark = unissued needs" },
    { ssn, 11, "unissued = area(000, 666) | group(01)", "line 11: what is unissued overlaps" },
    { ssn, 11, "unissued = area(000-001) | group(00)", "line 11: what is unissued overlaps" },
    { ssn, 11, "unissued = area(00)", "line 11: values must all have" },
    { ssn, 11, "unissued = area 000", "line 11: a set needs its parentheses" },
    { ssn, 11, "unissued = area(000", "line 11: a closing parenthesis" },
    { ssn, 11, "unissued = serial(0000)", "line 11: unissued names sets" },
    { ssn, 11, "unissued = area(000) area(666)", "line 11: a set may be named once" },
    { ssn, 11, "unissued = area(000) |", "line 11: unissued names sets" },
    { ssn, 11, "unissued = area(000)|area(000)|area(000)|area(000)|area(000)|area(000)|area(000)",
      "line 11: unissued has 6" },
    { ssn, 12, "  | group(00)\n  |", "line 11: unissued names sets" },
    { ssn, 13, "  digits(1)", "line 13: an indented line that continues nothing" },
    { ssn, 14, "[set area]\n  x = y", "line 15: an indented line that continues nothing" },
    { ssn, 14, "[set area]\nwidth = 3", "line 14: a set has the one key values" },
    { ssn, 15, "", "line 14: a set has the one key values" },
    { ssn, 15, "value = 001-665", "line 14: a set has the one key values" },
    { ssn, 15, "values = 665-001", "line 15: a range runs backwards" },
    { ssn, 15, "values = 001-665, 665", "line 15: a value is there twice" },
    { ssn, 15, "values = 001-665, 99", "line 15: values must all have" },
    { ssn, 15, "values = 00001", "line 15: values must all have" },
    { ssn, 15, "values =", "line 15: values are numbers" },
    { ssn, 15, "values = 001,", "line 15: values are numbers" },
    { ssn, 15, "values = 001;002", "line 15: values are numbers" },
    { ssn, 16, "[set area]", "line 16: the section is there twice" },
    { ssn, 16, "[sets group]", "line 4: there is no [set]" },
    { ssn, 17, "values = 01-99\n[set more]\nvalues = 1", "line 18: no format uses this" },
    { ssn, 17, "values = 01-99\n[mask f]", "line 18: sections are format, set" },
    { ssn, 17, "values = 01-99\n[format g]", "line 18: a second format" },

    { iban, 4, "layout = country(none) check(mod97) bban", "line 4: there is no [countries]" },
    { iban, 4, "layout = country(all) country(all) bban", "line 4: a layout has one country" },
    { iban, 4, "layout = country(all) bban check(mod97)", "line 4: country, mod97 and bban" },
    { iban, 4, "layout = country(all) check(luhn) bban", "line 4: country, mod97 and bban" },
    { iban, 4, "layout = check(mod97) check(luhn)", "line 4: a layout has one check" },
    { iban, 10, "mark = check-digits(00)", "line 10: at least two of" },
    { iban, 10, "mark = check-digits(00, 02)", "line 10: check digits 02 to 98" },
    { iban, 10, "mark = check-digits(98, 99)", "line 10: check digits 02 to 98" },
    { iban, 10, "mark = check-digits(0, 1)", "line 10: values must all have" },
    { iban, 10, "mark = check-digits", "line 10: check digits are" },
    { iban, 10, "mark = wrong-check", "line 10: wrong-check needs" },
    { iban, 11, "unissued = all(00)", "line 11: the key unissued needs" },
    { iban, 13, "GBR = 4a6n8n", "line 13: a country is two capital letters" },
    { iban, 13, "gb = 4a6n8n", "line 13: a country is two capital letters" },
    { iban, 13, "DE = 18n", "line 14: the key is there twice" },
    { iban, 13, "GB =", "line 13: a BBAN is written like" },
    { iban, 13, "GB = n", "line 13: a BBAN is written like" },
    { iban, 13, "GB = 0n", "line 13: a BBAN is written like" },
    { iban, 13, "GB = 4a14", "line 13: a BBAN is written like" },
    { iban, 13, "GB = 4!a14!n", "line 13: a BBAN is made of" },
    { iban, 13, "GB = 4b14n", "line 13: a BBAN is made of" },
    { iban, 13, "GB = 61n", "line 13: a value has 64" },
    { iban, 13, "GB = 4n", "line 1: the shortest value has no room" },

    { pan, 4, "layout = check(luhn)", "line 4: a check needs something before it" },
    { pan, 4, "layout = digits(12-18) check(mod11-2)", "line 1: where the check character stays" },
    { pan, 10, "mark = unissued", "line 10: unissued is for" },
    { pan, 10, "mark = check-digits(00, 01)", "line 10: check-digits needs" },
    { id, 4, "layout = set(p) date(mmddyyyy, 1900-2099) check(mod11-2)", "line 4: a date is" },
    { id, 4, "layout = set(p) date(yyyymmdd, 2099-1900) check(mod11-2)", "line 4: a date is" },
    { id, 4, "layout = set(p) date(yyyymmdd, 0-2099) check(mod11-2)", "line 4: a date is" },
    { id, 4, "layout = set(p) digits(1) date(yyyymmdd, 1900-2099) digits(6) check(mod11-2)",
      "line 1: what stays may not end inside a date" },
    { id, 7, "keep_suffix_max = 1", "line 1: where the check character stays" },
    { id, 4, "layout = set(p) digits(15) check(luhn)\nkeep_prefix_max = 1", "line 7: the key" },

    /* fixed parts, letters, alphabets */
    { ssn, 4, "layout = set(area) set(group) text()", "line 4: fixed characters are" },
    { ssn, 4, "layout = set(area) set(group) text(ab)", "line 4: fixed characters are" },
    { ssn, 4, "layout = set(area) set(group) text(A12345678901234567)", "line 4: fixed char" },
    { ssn, 4, "layout = set(area) set(group) chars(none, 3)", "line 4: there is no [alphabet]" },
    { ssn, 4, "layout = set(area) set(group) letters()", "line 4: a count is N" },
    { id, 14, "[alphabet a]", "line 14: no format uses this" },
    { own, 15, "symbols = A", "line 15: an alphabet has two" },
    { own, 15, "symbols = Z-A", "line 15: symbols are" },
    { own, 15, "symbols = 5-C", "line 15: symbols are" },
    { own, 15, "symbols = a-c", "line 15: symbols are" },
    { own, 15, "symbols = AB-D", "line 15: symbols are" },
    { own, 15, "symbols = A-I", "line 4: the check rule cannot reckon" },
    { own, 15, "signs = A-C", "line 14: an alphabet has the one key" },
    { own, 4, "layout = text(KB) set(branch) chars(a) check(mod31)", "line 4: characters are" },
    { own, 4, "layout = text(SO) set(branch) chars(a, 6) check(mod31)", "line 4: the check rule" },
    { own, 5, "separators = dot dot", "line 5: separators are" },
    { own, 7, "keep_suffix_max = 1", "line 1: where the check character stays" },
    { own, 13, "values = 001-099, 100, 099", "line 13: a value is there twice" },
    /* sets with letters */
    { ssn, 15, "values = 0001, A001", "line 15: values must all have the set's width" },
    { ssn, 15, "values = A1-B2", "line 15: a range with letters" },
    { ssn, 15, "values = A5-AC", "line 15: a range with letters" },
    { ssn, 15, "values = AA, ab", "line 15: values are numbers" },
    { ssn, 11, "unissued = group(AA)", "line 11: values must be of the characters" },
    /* checks */
    { pan, 4, "layout = letters(4) digits(8) check(luhn)", "line 4: the check rule cannot reckon" },
    { pan, 4, "layout = text(A1) digits(8) check(verhoeff)", "line 4: the check rule cannot" },
    { pan, 4, "layout = alnum(17) check(mod31)", "line 4: the check rule cannot reckon" },
    { pan, 4, "layout = digits(12) check(weighted)", "line 4: weights are" },
    { pan, 4, "layout = digits(12) check(weighted, 9, 3-7)", "line 4: weights are" },
    { pan, 4, "layout = digits(12) check(weighted, 10, 3-70)", "line 4: a weight is" },
    { pan, 4, "layout = digits(12) check(weighted, 10, 3-)", "line 4: a weight is" },
    { pan, 4, "layout = digits(12) check(weighted, 10, 2-4)", "line 1: where the check character" },
    { pan, 4, "layout = digits(12) check(weighted, 11, 3-7)", "line 1: where the check character" },
    { id, 4, "layout = set(p) date(yymmdd, 1900-2000) digits(9) check(mod11-2)",
      "line 4: two digits of a year" },
    /* old forms */
    { pan, 11, "old_form = insert(19, 6)", "line 11: an old form is for layouts of one length" },
    { id, 11, "old_form = insert(19)", "line 11: an old form is refused, or" },
    { id, 11, "old_form = yes", "line 11: an old form is refused, or" },
    { id, 11, "old_form = insert(19, 15)", "line 11: an old form must be shorter" },
    { id, 11, "old_form = insert(AB, 6)", "line 11: TEXT of an old form does not fit" },
    { ssn, 12, "old_form = insert(19, 6)", "line 12: an old form is for layouts" },
    /* masks */
    { pan, 11, "mask_auditor = 7+0", "line 11: masks are nested" },
    { pan, 11, "mask_partner = 0+4", "line 11: masks are nested" },
    { pan, 11, "mask_approver = 7+4", NULL },
    { pan, 11, "mask_approver = 9+4", "line 11: the mask shows all" },
    { pan, 11, "mask_approver = 4", "line 11: a mask is what" },
    { pan, 11, "mask_teller = 1+1", "line 11: a format has no such key" },
    /* marks */
    { pan, 10, "", "line 1: the key mark is missing" },
    { ssn, 10, "mark = unissued\nmarked = no", "line 11: marked = no contradicts" },
    { ssn, 10, "marked = yes", "line 10: marked = no, or" },
    { pan, 10, "marked = no", "line 10: a layout with a check is marked" },
    { ssn, 10, "marked = no", "line 11: the key unissued needs" },
    { pan, 4, "layout = email", "line 5: a mail address has no separators" },
    { own, 4, "layout = email text(A)", "line 4: email is the whole of a layout" },
    { pan, 10, "mark = invalid-domain", "line 10: invalid-domain is for layout = email" },
    { pan, 11, "in_text = sometimes", "line 11: in_text is" },
    { ssn, 12, "in_text = anywhere", "line 12: in_text = anywhere is for" },
};

static void test_format_parse_refuses_with_line(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        struct format *fmt = NULL;
        char err_text[FORMAT_ERR_MAX] = "";
        struct buf b;
        struct view text = text_of(refused[i].base, refused[i].line, refused[i].instead, &b);
        enum hufu_err err = format_parse(text, &fmt, err_text, sizeof(err_text));

        if (refused[i].err_text == NULL) { /* the neighbour of a refused one */
            if (err != HUFU_OK)
                fail_msg("\"%s\": \"%s\"", refused[i].instead, err_text);
            format_free(fmt);
            buf_done(&b);
            continue;
        }
        if (err != HUFU_SYNTAX ||
            strncmp(err_text, refused[i].err_text, strlen(refused[i].err_text)))
            fail_msg("\"%s\": \"%s\", wanted \"%s\"", refused[i].instead, err_text,
                     refused[i].err_text);
        assert_null(fmt);
        assert_int_equal(format_parse(text, &fmt, NULL, 0), HUFU_SYNTAX);
        buf_done(&b);
    }
}

static void test_format_parse_no_text(void **state)
{
    static uint8_t big[FORMAT_FILE_MAX + 1];
    struct format *fmt = NULL;
    struct format_set *set = NULL;
    char err_text[FORMAT_ERR_MAX] = "";

    (void)state;
    assert_int_equal(format_parse(view_of(NULL, 0), &fmt, err_text, sizeof(err_text)), HUFU_SYNTAX);
    assert_string_equal(err_text, "line 1: no format");
    assert_int_equal(format_set_parse(view_of(NULL, 0), &set, NULL, 0), HUFU_SYNTAX);
    memset(big, '\n', sizeof(big));
    assert_int_equal(format_parse(view_of(big, FORMAT_TEXT_MAX + 1), &fmt, NULL, 0), HUFU_RANGE);
    assert_int_equal(format_parse(view_of(big, FORMAT_TEXT_MAX), &fmt, NULL, 0), HUFU_RANGE);
    assert_int_equal(format_set_parse(view_of(big, sizeof(big)), &set, err_text, sizeof(err_text)),
                     HUFU_RANGE);
    assert_true(strlen(err_text) > 0);
    memset(big, '#', sizeof(big));
    assert_int_equal(format_parse(view_of(big, FORMAT_TEXT_MAX), &fmt, NULL, 0), HUFU_SYNTAX);
    assert_null(fmt);
    assert_null(set);
}

/* Printed, read, printed: the same bytes, and the same verdicts. */
static void round_trip(const struct format *fmt)
{
    struct format *again = NULL;
    struct buf one, two;
    char err_text[FORMAT_ERR_MAX] = "";

    buf_init(&one, FORMAT_TEXT_MAX);
    buf_init(&two, FORMAT_TEXT_MAX);
    format_print(fmt, &one);
    assert_int_equal(buf_check(&one), HUFU_OK);
    if (format_parse(buf_view(&one), &again, err_text, sizeof(err_text)) != HUFU_OK)
        fail_msg("%s: %s", format_name(fmt), err_text);
    format_print(again, &two);
    assert_true(view_equal(buf_view(&one), buf_view(&two)));
    assert_int_equal(format_kind_count(fmt), format_kind_count(again));
    for (size_t i = 0; i < format_kind_count(fmt); i++) {
        struct format_keep keep = { 0, 0 };
        struct format_capacity a, b;

        format_capacity(fmt, keep, i, &a);
        format_capacity(again, keep, i, &b);
        assert_memory_equal(&a, &b, sizeof(a));
    }
    format_free(again);
    buf_done(&one);
    buf_done(&two);
}

static void test_format_print_round_trip_of_the_file(void **state)
{
    struct format_set *set = NULL;

    (void)state;
    assert_int_equal(format_set_load("conf/formats.conf", &set, NULL, 0), HUFU_OK);
    for (size_t i = 0; i < format_set_count(set); i++)
        round_trip(format_set_at(set, i));
    format_set_free(set);
}

static void test_format_print_is_canonical(void **state)
{
    static const char untidy[] = "; comment\n[countries all]\nGB=4a6n 8n\nDE = 8n10n\n\n"
                                 "[format  f]\nmark = check-digits( 99,00 )\nclass=C1\n"
                                 "source =   a  standard \nlayout = country(all)\n"
                                 "\tcheck(mod97)\n  bban\nseparators = dash space\nmask = 2 + 4\n"
                                 "keep_prefix_max = 02\nkeep_suffix_max = 2\nhidden_min = 3";
    static const char tidy[] = "[format f]\nclass = C1\nsource = a  standard\n"
                               "layout = country(all) check(mod97) bban\nseparators = space dash\n"
                               "keep_prefix_max = 2\nkeep_suffix_max = 2\nhidden_min = 3\n"
                               "mask = 2+4\nmark = check-digits(00, 99)\n\n[countries all]\n"
                               "DE = 18n\nGB = 4a14n\n";
    struct format *fmt = NULL;
    char err_text[FORMAT_ERR_MAX] = "";
    struct buf b;

    (void)state;
    if (format_parse(view_str(untidy), &fmt, err_text, sizeof(err_text)) != HUFU_OK)
        fail_msg("%s", err_text);
    buf_init(&b, FORMAT_TEXT_MAX);
    format_print(fmt, &b);
    assert_true(view_is(buf_view(&b), tidy));
    round_trip(fmt);
    buf_done(&b);
    format_free(fmt);
}

/* A definition that prints longer than it was written (a range becomes many) must still be small
 * enough to be stored and read again. */
static void test_format_parse_refuses_what_prints_too_long(void **state)
{
    struct format *fmt = NULL;
    char err_text[FORMAT_ERR_MAX] = "";
    struct buf b;

    (void)state;
    buf_init(&b, FORMAT_TEXT_MAX);
    buf_str(&b, "[format f]\nclass=C2\nsource=s\nlayout=set(a)digits(9)\nseparators=none\n"
                "keep_prefix_max=0\nkeep_suffix_max=0\nhidden_min=1\nmask=0+0\nmark=unissued\n"
                "unissued=a(0001)\n[set a]\nvalues=0000");
    for (unsigned n = 2; n < 10000 && b.len + 5 <= FORMAT_TEXT_MAX; n += 2) {
        uint8_t v[5] = { ',', (uint8_t)('0' + n / 1000), (uint8_t)('0' + n / 100 % 10),
                         (uint8_t)('0' + n / 10 % 10), (uint8_t)('0' + n % 10) };

        buf_put(&b, v, sizeof(v));
    }
    assert_int_equal(buf_check(&b), HUFU_OK);
    assert_int_equal(format_parse(buf_view(&b), &fmt, err_text, sizeof(err_text)), HUFU_SYNTAX);
    assert_string_equal(err_text, "line 1: the definition is too long");
    buf_done(&b);
}

static void test_format_set_parse_first_fault_refuses_all(void **state)
{
    struct format_set *set = NULL;
    char err_text[FORMAT_ERR_MAX] = "";
    struct buf b;

    (void)state;
    (void)text_of(pan, 0, "", &b);
    buf_str(&b, "[format g]\nclass = C2\n");
    assert_int_equal(format_set_parse(buf_view(&b), &set, err_text, sizeof(err_text)), HUFU_SYNTAX);
    assert_string_equal(err_text, "line 18: the key source is missing");
    assert_null(set);
    buf_done(&b);
    (void)text_of(pan, 0, "", &b);
    buf_str(&b, "[format f]\n");
    assert_int_equal(format_set_parse(buf_view(&b), &set, err_text, sizeof(err_text)), HUFU_SYNTAX);
    assert_string_equal(err_text, "line 18: the section is there twice");
    buf_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_format_parse_takes_the_bases),
        cmocka_unit_test(test_format_parse_refuses_with_line),
        cmocka_unit_test(test_format_parse_no_text),
        cmocka_unit_test(test_format_parse_refuses_what_prints_too_long),
        cmocka_unit_test(test_format_print_round_trip_of_the_file),
        cmocka_unit_test(test_format_print_is_canonical),
        cmocka_unit_test(test_format_set_parse_first_fault_refuses_all),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
