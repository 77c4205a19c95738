/* test_format.c - the formats of conf/formats.conf: what is a value, a token shape, neither. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/format_suite.h"

static const struct format_keep keep_none = { 0, 0 };

/* Canonical form, then the verdict without kept parts; 'R' where the canonical form is refused. */
static char verdict(const char *format, const char *value)
{
    const struct format *fmt = find(format);
    uint8_t out[FORMAT_VALUE_MAX];
    struct view canonical;
    size_t len;
    char seen;

    if (format_canon(fmt, view_str(value), out, &len) != HUFU_OK)
        return 'R';
    canonical = view_of(out, len);
    seen = "OTN"[format_judge(fmt, keep_none, canonical)];
    assert_int_equal(format_check(fmt, canonical) == HUFU_OK, seen == 'O');
    assert_int_equal(format_is_token(fmt, keep_none, canonical), seen == 'T');
    return seen;
}

/* One valid example per country, SWIFT IBAN Registry release 103. */
/* clang-format off */
static const char *const ibans[] = {
    "AD1200012030200359100100", "AE070331234567890123456", "AL47212110090000000235698741",
    "AT611904300234573201", "AZ21NABZ00000000137010001944", "BA391290079401028494",
    "BE68539007547034", "BG80BNBG96611020345678", "BH67BMAG00001299123456",
    "BI4210000100010000332045181", "BR6699999A03000010009795493C1", "BY13NBRB3600900000002Z00AB00",
    "CH9300762011623852957", "CR05015202001026284066", "CY17002001280000001200527600",
    "CZ6508000000192000145399", "DE89370400440532013000", "DJ2100010000000154000100186",
    "DK5000400440116243", "DO28BAGR00000001212453611324", "EE382200221020145685",
    "EG380019000500000000263180002", "ES9121000418450200051332", "FI2112345600000785",
    "FK88SC123456789012", "FO6264600001631634", "FR1420041010050500013M02606",
    "GB29NWBK60161331926819", "GE29NB0000000101904917", "GI75NWBK000000007099453",
    "GL8964710001000206", "GR1601101250000000012300695", "GT82TRAJ01020000001210029690",
    "HN88CABF00000000000250005469", "HR1210010051863000160", "HU42117730161111101800000000",
    "IE29AIBK93115212345678", "IL620108000000099999999", "IQ98NBIQ850123456789012",
    "IS140159260076545510730339", "IT60X0542811101000000123456", "JO94CBJO0010000000000131000302",
    "KW81CBKU0000000000001234560101", "KZ86125KZT5004100100", "LB62099900000001001901229114",
    "LC55HEMM000100010012001200023015", "LI21088100002324013AA", "LT121000011101001000",
    "LU280019400644750000", "LV80BANK0000435195001", "LY83002048000020100120361",
    "MC5811222000010123456789030", "MD24AG000225100013104168", "ME25505000012345678951",
    "MK07250120000058984", "MN121234123456789123", "MR1300020001010000123456753",
    "MT84MALT011000012345MTLCAST001S", "MU17BOMM0101101030300200000MUR",
    "NI45BAPR00000013000003558124", "NL91ABNA0417164300", "NO9386011117947",
    "OM810180000001299123456", "PK36SCBL0000001123456702", "PL61109010140000071219812874",
    "PS92PALS000000000400123456702", "PT50000201231234567890154", "QA58DOHB00001234567890ABCDEFG",
    "RO49AAAA1B31007593840000", "RS35260005601001611379", "RU0304452522540817810538091310419",
    "SA0380000000608010167519", "SC18SSCB11010000000000001497USD", "SD2129010501234001",
    "SE4550000000058398257466", "SI56263300012039086", "SK3112000000198742637541",
    "SM86U0322509800000000270100", "SO211000001001000100141", "ST23000100010051845310146",
    "SV62CENR00000000000000700025", "TL380080012345678910157", "TN5910006035183598478831",
    "TR330006100519786457841326", "UA213223130000026007233566001", "VA59001123000012345678",
    "VG96VPVG0000012345678901", "XK051212012345678906", "YE15CBYE0001018861234567891234",
};
/* clang-format on */

static void test_format_check_iban_registry_examples(void **state)
{
    const struct format *fmt = find("iban");

    (void)state;
    assert_int_equal(sizeof(ibans) / sizeof(ibans[0]), 89);
    assert_int_equal(format_kind_count(fmt), 89);
    for (size_t i = 0; i < 89; i++) {
        char text[40];

        if (verdict("iban", ibans[i]) != 'O')
            fail_msg("refused: %s", ibans[i]);
        assert_int_equal(format_kind(fmt, view_str(ibans[i])), i);
        /* One character less or more is another country's length, never this one's. */
        memcpy(text, ibans[i], strlen(ibans[i]) + 1);
        text[strlen(text) - 1] = '\0';
        assert_true(verdict("iban", text) == 'N' || verdict("iban", text) == 'R');
        /* The next check digit has the wrong remainder, and is not a token's. */
        memcpy(text, ibans[i], strlen(ibans[i]) + 1);
        text[3] = (char)(text[3] == '9' ? '0' : text[3] + 1);
        if (memcmp(text + 2, "00", 2) != 0 && memcmp(text + 2, "01", 2) != 0 &&
            memcmp(text + 2, "99", 2) != 0)
            assert_int_equal(verdict("iban", text), 'N');
    }
}

/* O original, T token shape, N neither, R not even canonical */
static const struct {
    const char *name, *format, *value;
    char verdict;
} judged[] = {
    { "16 digits", "pan", "4111111111111111", 'O' },
    { "groups of four", "pan", "4111 1111 1111 1111", 'O' },
    { "dashes", "pan", "4111-1111-1111-1111", 'O' },
    { "15 digits", "pan", "3782 822463 10005", 'O' },
    { "13 digits", "pan", "4222222222222", 'O' },
    { "19 digits", "pan", "4000000000000000006", 'O' },
    { "14 digits", "pan", "30569309025904", 'O' },
    { "wrong check digit", "pan", "4111111111111112", 'T' },
    { "wrong check digit in groups", "pan", "4111 1111 1111 1112", 'T' },
    { "12 digits", "pan", "411111111111", 'R' },
    { "20 digits", "pan", "41111111111111111111", 'R' },
    { "empty", "pan", "", 'R' },
    { "leading space", "pan", " 4111111111111111", 'R' },
    { "trailing space", "pan", "4111111111111111 ", 'R' },
    { "trailing line end", "pan", "4111111111111111\n", 'R' },
    { "two spaces", "pan", "4111  111111111111", 'R' },
    { "tab", "pan", "4111\t111111111111", 'R' },
    { "no-break space", "pan",
      "4111\xc2\xa0"
      "111111111111",
      'R' },
    { "full-width digit", "pan",
      "\xef\xbc\x94"
      "111111111111111",
      'R' },
    { "letter", "pan", "411111111111111A", 'R' },
    { "letter O", "pan", "4O11111111111111", 'R' },
    { "dot", "pan", "4111.1111.1111.1111", 'R' },
    { "plus", "pan", "+4111111111111111", 'R' },
    { "separators only", "pan", "- - - - - - - -", 'R' },

    { "lower case", "iban", "de89370400440532013000", 'O' },
    { "print form", "iban", "DE89 3704 0044 0532 0130 00", 'O' },
    { "dash is not a separator", "iban", "DE89-3704-0044-0532-0130-00", 'R' },
    { "not in the registry", "iban", "ZZ89370400440532013000", 'N' },
    { "digits for a country", "iban", "1289370400440532013000", 'N' },
    { "digits for a country's second", "iban", "D289370400440532013000", 'N' },
    { "letter in a German account", "iban", "DE8937040044053201300A", 'N' },
    { "letter in the check digits", "iban", "DEA9370400440532013000", 'N' },
    { "digit in a British bank", "iban", "GB29NWB060161331926819", 'N' },
    { "wrong remainder", "iban", "DE88370400440532013000", 'N' },
    { "check digits 00", "iban", "DE00370400440532013000", 'T' },
    { "check digits 01", "iban", "DE01370400440532013000", 'T' },
    { "check digits 99", "iban", "DE99370400440532013000", 'T' },
    { "check digits 00 of another length", "iban", "DE0037040044053201300", 'N' },
    /* Right is 97, 98, 02: 00, 01, 99 have remainder 1 then, and are neither. */
    { "97 is right", "iban", "DE97370400440532013050", 'O' },
    { "00 beside 97", "iban", "DE00370400440532013050", 'N' },
    { "01 beside 97", "iban", "DE01370400440532013050", 'T' },
    { "98 is right", "iban", "DE98370400440532013032", 'O' },
    { "01 beside 98", "iban", "DE01370400440532013032", 'N' },
    { "02 is right", "iban", "DE02370400440532013014", 'O' },
    { "99 beside 02", "iban", "DE99370400440532013014", 'N' },

    { "GB 11643 example", "cn-id", "11010519491231002X", 'O' },
    { "small x", "cn-id", "11010519491231002x", 'O' },
    { "GB 11643 example", "cn-id", "440524188001010014", 'N' }, /* 1880: before 1900 */
    { "leap day", "cn-id", "110105200002290013", 'O' },
    { "no leap day in 1900", "cn-id", "110105190002290017", 'N' },
    { "month 13", "cn-id", "110105194913310021", 'N' },
    { "wrong check character", "cn-id", "110105194912310021", 'T' },
    { "wrong check X", "cn-id", "11010520000229001X", 'T' },
    { "a token's free region", "cn-id", "00000000000000000X", 'T' },
    { "region 16", "cn-id", "160105194912310029", 'N' },
    { "X inside", "cn-id", "1101051949123100X2", 'N' },
    { "Y at the end", "cn-id", "11010519491231002Y", 'R' },
    { "17 characters", "cn-id", "11010519491231002", 'R' },
    { "space", "cn-id", "110105 19491231 002X", 'R' },
    { "dash", "cn-id", "110105-19491231-002X", 'R' },
    { "full-width X", "cn-id", "11010519491231002\xef\xbc\xb8", 'R' },

    { "with dashes", "us-ssn", "078-05-1120", 'O' },
    { "with spaces", "us-ssn", "078 05 1120", 'O' },
    { "digits", "us-ssn", "078051120", 'O' },
    { "highest", "us-ssn", "899-99-9999", 'O' },
    { "lowest", "us-ssn", "001-01-0001", 'O' },
    { "area 000", "us-ssn", "000-12-3456", 'T' },
    { "area 666", "us-ssn", "666-12-3456", 'T' },
    { "area 665", "us-ssn", "665-12-3456", 'O' },
    { "area 667", "us-ssn", "667-12-3456", 'O' },
    { "group 00", "us-ssn", "123-00-4567", 'T' },
    { "serial 0000", "us-ssn", "123-45-0000", 'T' },
    { "ITIN 50", "us-ssn", "900-50-1234", 'N' },
    { "ITIN 65", "us-ssn", "999-65-1234", 'N' },
    { "9xx 49", "us-ssn", "900-49-1234", 'T' },
    { "9xx 66", "us-ssn", "950-66-1234", 'T' },
    { "9xx 69", "us-ssn", "950-69-1234", 'T' },
    { "ITIN 70", "us-ssn", "950-70-1234", 'N' },
    { "ITIN 88", "us-ssn", "950-88-1234", 'N' },
    { "9xx 89", "us-ssn", "950-89-1234", 'T' },
    { "ITIN 90", "us-ssn", "950-90-1234", 'N' },
    { "ATIN 93", "us-ssn", "950-93-1234", 'N' },
    { "ITIN 99", "us-ssn", "950-99-1234", 'N' },
    { "8 digits", "us-ssn", "07805112", 'R' },
    { "10 digits", "us-ssn", "0780511200", 'R' },

    { "mobile 13", "cn-mobile", "13800138000", 'O' },
    { "mobile 19 in groups", "cn-mobile", "199 1234 5678", 'O' },
    { "with dashes", "cn-mobile", "138-0013-8000", 'O' },
    { "10 and 12 are not mobile", "cn-mobile", "12800138000", 'N' },
    { "leading zero", "cn-mobile", "03800138000", 'N' },
    { "begins with 2", "cn-mobile", "23800138000", 'T' },
    { "begins with 9", "cn-mobile", "93800138000", 'T' },
    { "country code", "cn-mobile", "+8613800138000", 'R' },
    { "10 digits", "cn-mobile", "1380013800", 'R' },
};

static void test_format_judge_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(judged) / sizeof(judged[0]); i++) {
        char seen = verdict(judged[i].format, judged[i].value);

        if (seen != judged[i].verdict)
            fail_msg("%s, %s: %c, wanted %c", judged[i].format, judged[i].name, seen,
                     judged[i].verdict);
    }
}

static void test_format_canon_form(void **state)
{
    uint8_t out[FORMAT_VALUE_MAX];
    char text[2 * FORMAT_INPUT_MAX];
    size_t len = 99;

    (void)state;
    assert_int_equal(format_canon(find("pan"), view_str("4111 1111-1111 1111"), out, &len), 0);
    assert_int_equal(len, 16);
    assert_memory_equal(out, "4111111111111111", 16);
    assert_int_equal(format_canon(find("iban"), view_str("fr14 2004m"), out, &len),
                     HUFU_INVALID_VALUE);
    assert_int_equal(len, 16);
    assert_memory_equal(out, "4111111111111111", 16);
    assert_int_equal(
        format_canon(find("iban"), view_str("fr14 2004 1010 0505 0001 3m02 606"), out, &len), 0);
    assert_memory_equal(out, "FR1420041010050500013M02606", 27);
    assert_int_equal(len, 27);
    memset(text, '1', sizeof(text));
    assert_int_equal(format_canon(find("pan"), view_of(text, sizeof(text)), out, &len),
                     HUFU_INVALID_VALUE);
    assert_int_equal(format_canon(find("pan"), view_of(NULL, 0), out, &len), HUFU_INVALID_VALUE);
}

/* Every byte value in turn: only what the format names is taken. */
static void test_format_canon_every_byte(void **state)
{
    (void)state;
    for (unsigned c = 0; c < 256; c++) {
        uint8_t in[17] = "4111111111111111";
        uint8_t out[FORMAT_VALUE_MAX];
        size_t len;
        enum hufu_err err;

        in[7] = (uint8_t)c;
        in[16] = '1';
        err = format_canon(find("pan"), view_of(in, 17), out, &len);
        assert_int_equal(err == HUFU_OK, (c >= '0' && c <= '9') || c == ' ' || c == '-');
    }
}

static void test_format_keep_check_rows(void **state)
{
    static const struct {
        const char *format;
        struct format_keep keep;
        enum hufu_err err;
    } rows[] = {
        { "pan", { 0, 0 }, HUFU_OK },          { "pan", { 6, 4 }, HUFU_OK },
        { "pan", { 8, 3 }, HUFU_OK },          { "pan", { 7, 4 }, HUFU_OK },
        { "pan", { 8, 4 }, HUFU_RANGE },       { "pan", { 9, 0 }, HUFU_RANGE },
        { "pan", { 0, 5 }, HUFU_RANGE },       { "pan", { 255, 255 }, HUFU_RANGE },
        { "iban", { 0, 0 }, HUFU_OK },         { "iban", { 8, 0 }, HUFU_OK },
        { "iban", { 4, 4 }, HUFU_OK },         { "iban", { 5, 4 }, HUFU_RANGE },
        { "iban", { 9, 0 }, HUFU_RANGE },      { "cn-id", { 6, 0 }, HUFU_OK },
        { "cn-id", { 7, 0 }, HUFU_RANGE },     { "cn-id", { 0, 1 }, HUFU_SYNTAX },
        { "us-ssn", { 0, 4 }, HUFU_OK },       { "us-ssn", { 0, 5 }, HUFU_RANGE },
        { "us-ssn", { 1, 0 }, HUFU_SYNTAX },   { "cn-mobile", { 0, 4 }, HUFU_OK },
        { "cn-mobile", { 0, 5 }, HUFU_RANGE }, { "cn-mobile", { 3, 4 }, HUFU_SYNTAX },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (format_keep_check(find(rows[i].format), rows[i].keep) != rows[i].err)
            fail_msg("%s %u+%u", rows[i].format, rows[i].keep.prefix, rows[i].keep.suffix);
}

/* What stays whole must be an original's: no domain that keeps region 00 can have made this. */
static void test_format_is_token_looks_at_kept_parts(void **state)
{
    struct format_keep region = { 6, 0 };
    struct format_keep serial = { 0, 4 };

    (void)state;
    assert_true(format_is_token(find("cn-id"), keep_none, view_str("00000000000000000X")));
    assert_false(format_is_token(find("cn-id"), region, view_str("00000000000000000X")));
    assert_true(format_is_token(find("cn-id"), region, view_str("11000000000000000X")));
    assert_true(format_is_token(find("us-ssn"), keep_none, view_str("123450000")));
    assert_false(format_is_token(find("us-ssn"), serial, view_str("123450000")));
    assert_true(format_is_token(find("us-ssn"), serial, view_str("123000001")));
}

static void test_format_bucket_names_length_and_kept(void **state)
{
    static const struct {
        const char *format, *value;
        struct format_keep keep;
        const char *bucket;
    } rows[] = {
        { "pan",
          "4111111111111111",
          { 6, 4 },
          "\x10"
          "4111111111" },
        { "pan", "4111111111111111", { 0, 0 }, "\x10" },
        { "pan",
          "378282246310005",
          { 6, 4 },
          "\x0f"
          "3782820005" },
        { "iban",
          "DE89370400440532013000",
          { 0, 0 },
          "\x16"
          "DE" },
        { "iban",
          "DE89370400440532013000",
          { 4, 2 },
          "\x16"
          "DE370400" },
        { "cn-id",
          "11010519491231002X",
          { 6, 0 },
          "\x12"
          "110105" },
        { "us-ssn",
          "078051120",
          { 0, 4 },
          "\x09"
          "1120" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint8_t mem[80];
        struct buf out;

        buf_fixed(&out, mem, sizeof(mem));
        format_bucket(find(rows[i].format), rows[i].keep, view_str(rows[i].value), &out);
        assert_int_equal(buf_check(&out), HUFU_OK);
        assert_true(view_is(buf_view(&out), rows[i].bucket));
        buf_done(&out);
    }
}

static void test_format_mask_rows(void **state)
{
    static const struct {
        const char *format, *value, *mask;
    } rows[] = {
        { "pan", "4111111111111111", "411111******1111" },
        { "pan", "4222222222222", "422222***2222" },
        { "iban", "DE89370400440532013000", "DE****************3000" },
        { "cn-id", "11010519491231002X", "1****************X" },
        { "us-ssn", "078051120", "*****1120" },
        { "cn-mobile", "13800138000", "138****8000" },
        { "pan", "411111", "******" }, /* not canonical: all hidden */
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint8_t mem[80];
        struct buf out;

        buf_fixed(&out, mem, sizeof(mem));
        format_mask_for(find(rows[i].format), FORMAT_FOR_OPERATOR, view_str(rows[i].value), &out);
        assert_true(view_is(buf_view(&out), rows[i].mask));
        buf_done(&out);
    }
}

static void test_format_of_the_file(void **state)
{
    static const struct {
        const char *name;
        size_t len_min, len_max, kinds;
        bool check, marked;
    } rows[] = {
        { "pan", 13, 19, 7, true, true },
        { "iban", 15, 33, 89, true, true },
        { "bank-account", 7, 30, 24, false, true },
        { "cn-id", 18, 18, 1, true, true },
        { "cn-mobile", 11, 11, 1, false, true },
        { "passport", 6, 9, 4, false, false },
        { "cn-passport", 9, 9, 1, false, true },
        { "uscc", 18, 18, 1, true, true },
        { "us-ssn", 9, 9, 1, false, true },
        { "us-aba-account", 13, 26, 14, true, true },
        { "uk-sort-account", 14, 14, 1, false, true },
        { "in-pan", 10, 10, 1, false, true },
        { "in-aadhaar", 12, 12, 1, true, true },
        { "email", 6, 254, 1, false, true },
        { "generic-digits", 6, 32, 27, false, false },
        { "generic-alnum", 6, 32, 27, false, false },
    };
    const struct format *out = NULL;

    (void)state;
    assert_int_equal(format_set_count(set), sizeof(rows) / sizeof(rows[0]));
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct format *fmt = find(rows[i].name);

        assert_ptr_equal(format_set_at(set, i), fmt);
        assert_string_equal(format_name(fmt), rows[i].name);
        assert_int_equal(format_class(fmt),
                         strcmp(rows[i].name, "uscc") == 0 ? FORMAT_C1 : FORMAT_C2);
        assert_int_equal(format_is_marked(fmt), rows[i].marked);
        assert_int_equal(format_len_min(fmt), rows[i].len_min);
        assert_int_equal(format_len_max(fmt), rows[i].len_max);
        assert_int_equal(format_kind_count(fmt), rows[i].kinds);
        assert_int_equal(format_has_check(fmt), rows[i].check);
    }
    assert_int_equal(format_set_find(set, view_str("pa"), &out), HUFU_NOT_FOUND);
    assert_int_equal(format_set_find(set, view_of(NULL, 0), &out), HUFU_NOT_FOUND);
    assert_null(out);
}

static void test_format_kind_of_nothing(void **state)
{
    (void)state;
    assert_int_equal(format_kind(find("pan"), view_str("4111111111111111")), 3);
    assert_int_equal(format_kind(find("pan"), view_str("411111111111")), 7);
    assert_int_equal(format_kind(find("iban"), view_str("ZZ89370400440532013000")), 89);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_format_of_the_file),
        cmocka_unit_test(test_format_check_iban_registry_examples),
        cmocka_unit_test(test_format_judge_rows),
        cmocka_unit_test(test_format_canon_form),
        cmocka_unit_test(test_format_canon_every_byte),
        cmocka_unit_test(test_format_keep_check_rows),
        cmocka_unit_test(test_format_is_token_looks_at_kept_parts),
        cmocka_unit_test(test_format_bucket_names_length_and_kept),
        cmocka_unit_test(test_format_mask_rows),
        cmocka_unit_test(test_format_kind_of_nothing),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
