/* Numbers, names, UTF-8 and the codecs; vectors of RFC 4648 section 10 and RFC 3629. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "vault/base/text.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void test_u64_rows(void **state)
{
    static const struct {
        const char *in;
        uint64_t min, max;
        enum hufu_err err;
        uint64_t out;
    } rows[] = {
        { "0", 0, 9, HUFU_OK, 0 },
        { "7", 7, 7, HUFU_OK, 7 },
        { "6", 7, 7, HUFU_RANGE, 0 },
        { "8", 7, 7, HUFU_RANGE, 0 },
        { "18446744073709551615", 0, UINT64_MAX, HUFU_OK, UINT64_MAX },
        { "18446744073709551616", 0, UINT64_MAX, HUFU_RANGE, 0 },
        { "18446744073709551620", 0, UINT64_MAX, HUFU_RANGE, 0 },
        { "99999999999999999999999", 0, UINT64_MAX, HUFU_RANGE, 0 },
        { "", 0, 9, HUFU_SYNTAX, 0 },
        { "00", 0, 9, HUFU_SYNTAX, 0 },
        { "01", 0, 9, HUFU_SYNTAX, 0 },
        { "+1", 0, 9, HUFU_SYNTAX, 0 },
        { "-1", 0, 9, HUFU_SYNTAX, 0 },
        { " 1", 0, 9, HUFU_SYNTAX, 0 },
        { "1 ", 0, 9, HUFU_SYNTAX, 0 },
        { "1\n", 0, 9, HUFU_SYNTAX, 0 },
        { "0x1", 0, 9, HUFU_SYNTAX, 0 },
        { "1e3", 0, 9999, HUFU_SYNTAX, 0 },
        { "99999999999999999999999x", 0, 9, HUFU_SYNTAX, 0 },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        uint64_t out = 4711;

        assert_int_equal(text_u64(view_str(rows[i].in), rows[i].min, rows[i].max, &out),
                         rows[i].err);
        assert_true(out == (rows[i].err == HUFU_OK ? rows[i].out : 4711));
    }
}

static void test_u64_refuses_nul_inside(void **state)
{
    uint64_t out = 4711;

    (void)state;
    assert_int_equal(text_u64(view_of("1\0002", 3), 0, 999, &out), HUFU_SYNTAX);
    assert_true(out == 4711);
}

static void test_is_name_limits(void **state)
{
    char name[TEXT_NAME_MAX + 1];

    (void)state;
    memset(name, 'a', sizeof(name));
    assert_true(text_is_name(view_of(name, 1)));
    assert_true(text_is_name(view_of(name, TEXT_NAME_MAX)));
    assert_false(text_is_name(view_of(name, TEXT_NAME_MAX + 1)));
    assert_false(text_is_name(view_of(name, 0)));
}

/* Each byte value alone must be in the class, or not, exactly as the class is written. */
static void test_is_name_and_key_every_byte(void **state)
{
    (void)state;
    for (unsigned c = 0; c < 256; c++) {
        uint8_t b = (uint8_t)c;
        bool name = c != 0 && strchr("abcdefghijklmnopqrstuvwxyz0123456789-", (int)c) != NULL;
        bool key = name || (c != 0 && strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZ._", (int)c) != NULL);

        assert_int_equal(text_is_name(view_of(&b, 1)), name);
        assert_int_equal(text_is_key(view_of(&b, 1)), key);
    }
}

static void test_is_key_limits(void **state)
{
    char key[65];

    (void)state;
    memset(key, 'K', sizeof(key));
    assert_true(text_is_key(view_of(key, 64)));
    assert_false(text_is_key(view_of(key, 65)));
    assert_false(text_is_key(view_of(key, 0)));
}

static void test_is_utf8_rows(void **state)
{
    static const struct {
        const char *in;
        bool good;
    } rows[] = {
        { "", true },
        { "plain", true },
        { "\xc2\x80", true },
        { "\xdf\xbf", true },
        { "\xe0\xa0\x80", true },
        { "\xed\x9f\xbf", true },
        { "\xee\x80\x80", true },
        { "\xef\xbf\xbf", true },
        { "\xf0\x90\x80\x80", true },
        { "\xf4\x8f\xbf\xbf", true },
        { "\xe8\x99\x8e\xe7\xac\xa6", true },
        { "\x1f", false },
        { "\n", false },
        { "\x7f", false },
        { "\x80", false },
        { "\xbf", false },
        { "\xc0\x80", false },         /* overlong */
        { "\xc1\xbf", false },         /* overlong */
        { "\xe0\x9f\xbf", false },     /* overlong */
        { "\xf0\x8f\xbf\xbf", false }, /* overlong */
        { "\xed\xa0\x80", false },     /* surrogate */
        { "\xed\xbf\xbf", false },     /* surrogate */
        { "\xf4\x90\x80\x80", false }, /* above U+10FFFF */
        { "\xf5\x80\x80\x80", false },
        { "\xff", false },
        { "\xc2", false }, /* cut */
        { "\xe0\xa0", false },
        { "\xf0\x90\x80", false },
        { "\xc2 ", false },
        { "\xe1\x80 ", false },
        { "\xf1\x80\x80 ", false },
        { "a\xc3\x28", false },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_int_equal(text_is_utf8(view_str(rows[i].in)), rows[i].good);
    assert_false(text_is_utf8(view_of("a\0b", 3)));
}

/* Every code point encodes and is taken; the surrogates are not. */
static void test_utf8_len_every_code_point(void **state)
{
    (void)state;
    for (uint32_t cp = 0; cp <= 0x10ffff; cp++) {
        uint8_t b[4];
        size_t len = cp < 0x80 ? 1 : cp < 0x800 ? 2 : cp < 0x10000 ? 3 : 4;
        static const uint8_t first[] = { 0, 0, 0xc0, 0xe0, 0xf0 };

        for (size_t i = len; i > 1; i--)
            b[i - 1] = (uint8_t)(0x80 | ((cp >> (6 * (len - i))) & 0x3f));
        b[0] = (uint8_t)(first[len] | (cp >> (6 * (len - 1))));
        assert_int_equal(text_utf8_len(view_of(b, len)), cp >= 0xd800 && cp <= 0xdfff ? 0 : len);
        if (len > 1)
            assert_int_equal(text_utf8_len(view_of(b, len - 1)), 0);
    }
    assert_int_equal(text_utf8_len(view_of(NULL, 0)), 0);
}

enum code { HEX, BASE32, BASE64, BASE64URL };

static void put(enum code code, struct buf *out, const void *in, size_t in_len)
{
    switch (code) {
    case HEX:
        text_hex(out, in, in_len);
        break;
    case BASE32:
        text_base32(out, in, in_len);
        break;
    case BASE64:
        text_base64(out, in, in_len);
        break;
    case BASE64URL:
        text_base64url(out, in, in_len);
        break;
    }
}

static enum hufu_err get(enum code code, struct view in, struct buf *out)
{
    switch (code) {
    case HEX:
        return text_unhex(in, out);
    case BASE32:
        return text_unbase32(in, out);
    case BASE64:
        return text_unbase64(in, out);
    case BASE64URL:
        return text_unbase64url(in, out);
    }
    return HUFU_ARG;
}

/* RFC 4648 section 10 */
static void test_codec_vectors(void **state)
{
    static const struct {
        enum code code;
        const char *bytes, *text;
    } rows[] = {
        { HEX, "", "" },
        { HEX, "f", "66" },
        { HEX, "fo", "666f" },
        { HEX, "foobar", "666f6f626172" },
        { BASE32, "", "" },
        { BASE32, "f", "MY" },
        { BASE32, "fo", "MZXQ" },
        { BASE32, "foo", "MZXW6" },
        { BASE32, "foob", "MZXW6YQ" },
        { BASE32, "fooba", "MZXW6YTB" },
        { BASE32, "foobar", "MZXW6YTBOI" },
        { BASE64, "", "" },
        { BASE64, "f", "Zg==" },
        { BASE64, "fo", "Zm8=" },
        { BASE64, "foo", "Zm9v" },
        { BASE64, "foob", "Zm9vYg==" },
        { BASE64, "fooba", "Zm9vYmE=" },
        { BASE64, "foobar", "Zm9vYmFy" },
        { BASE64, "\xfb\xff\xfe", "+//+" },
        { BASE64URL, "f", "Zg" },
        { BASE64URL, "fo", "Zm8" },
        { BASE64URL, "foo", "Zm9v" },
        { BASE64URL, "\xfb\xff\xfe", "-__-" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buf b;

        buf_init(&b, 64);
        put(rows[i].code, &b, rows[i].bytes, strlen(rows[i].bytes));
        assert_true(view_is(buf_view(&b), rows[i].text));
        buf_reset(&b);
        assert_int_equal(get(rows[i].code, view_str(rows[i].text), &b), HUFU_OK);
        assert_true(view_is(buf_view(&b), rows[i].bytes));
        buf_done(&b);
    }
}

static void test_unbase32_takes_exact_padding(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 64);
    assert_int_equal(text_unbase32(view_str("MZXW6YQ="), &b), HUFU_OK);
    assert_true(view_is(buf_view(&b), "foob"));
    buf_done(&b);
}

static void test_codec_refusals(void **state)
{
    static const struct {
        enum code code;
        const char *text;
    } rows[] = {
        { HEX, "6" },           { HEX, "6G" },          { HEX, "6F" },
        { HEX, "66 " },         { HEX, "0x66" },        { BASE32, "M" },
        { BASE32, "MZX" },      { BASE32, "MZXW6Y" },   { BASE32, "my" },
        { BASE32, "MZ" },       { BASE32, "M1" },       { BASE32, "MY=" },
        { BASE32, "MY=====" },  { BASE32, "========" }, { BASE32, "MZXW6YTB========" },
        { BASE64, "Zg" },       { BASE64, "Zg=" },      { BASE64, "Zh==" },
        { BASE64, "Zm9=" },     { BASE64, "Z===" },     { BASE64, "====" },
        { BASE64, "Zm9v====" }, { BASE64, "Zm-v" },     { BASE64, "Zm 9v" },
        { BASE64, "Zm9v\n" },   { BASE64, "Zg==Zg==" }, { BASE64, "=Zg=" },
        { BASE32, "A" },        { BASE32, "AAA" },      { BASE32, "AAAAAA" },
        { BASE64URL, "A" },     { BASE64URL, "AAAAA" }, { BASE64URL, "Z" },
        { BASE64URL, "Zg==" },  { BASE64URL, "Zh" },    { BASE64URL, "Zm9" },
        { BASE64URL, "Zm+v" },  { BASE64URL, "Zm9vZ" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buf b;

        buf_init(&b, 64);
        if (get(rows[i].code, view_str(rows[i].text), &b) != HUFU_SYNTAX)
            fail_msg("row %zu: %s", i, rows[i].text);
        buf_done(&b);
    }
}

static void test_codec_refuses_nul(void **state)
{
    uint8_t mem[8];
    struct buf b;

    (void)state;
    buf_fixed(&b, mem, sizeof(mem));
    assert_int_equal(text_unbase64(view_of("Zm9\0", 4), &b), HUFU_SYNTAX);
    assert_int_equal(text_unhex(view_of("6\0", 2), &b), HUFU_SYNTAX);
}

static void test_codec_full_buffer(void **state)
{
    uint8_t mem[2];
    struct buf b;

    (void)state;
    buf_fixed(&b, mem, sizeof(mem));
    assert_int_equal(text_unhex(view_str("aabb"), &b), HUFU_OK);
    assert_int_equal(text_unhex(view_str("cc"), &b), HUFU_RANGE);
    buf_fixed(&b, mem, sizeof(mem));
    text_hex(&b, mem, 2);
    assert_int_equal(buf_check(&b), HUFU_RANGE);
}

/* Every length 0..66 of a changing pattern goes there and back, and the lengths are as named. */
static void test_codec_round_trip(void **state)
{
    (void)state;
    for (unsigned code = HEX; code <= BASE64URL; code++) {
        for (size_t len = 0; len <= 66; len++) {
            uint8_t in[66];
            struct buf text, back;

            for (size_t i = 0; i < sizeof(in); i++)
                in[i] = (uint8_t)(i * 37 + len * 11 + code);
            buf_init(&text, 256);
            buf_init(&back, 256);
            put((enum code)code, &text, in, len);
            if (code == HEX)
                assert_int_equal(text.len, TEXT_HEX_LEN(len));
            if (code == BASE64)
                assert_int_equal(text.len, TEXT_BASE64_LEN(len));
            assert_int_equal(get((enum code)code, buf_view(&text), &back), HUFU_OK);
            assert_true(view_equal(buf_view(&back), view_of(in, len)));
            buf_done(&text);
            buf_done(&back);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_u64_rows),
        cmocka_unit_test(test_u64_refuses_nul_inside),
        cmocka_unit_test(test_is_name_limits),
        cmocka_unit_test(test_is_name_and_key_every_byte),
        cmocka_unit_test(test_is_key_limits),
        cmocka_unit_test(test_is_utf8_rows),
        cmocka_unit_test(test_utf8_len_every_code_point),
        cmocka_unit_test(test_codec_vectors),
        cmocka_unit_test(test_unbase32_takes_exact_padding),
        cmocka_unit_test(test_codec_refusals),
        cmocka_unit_test(test_codec_refuses_nul),
        cmocka_unit_test(test_codec_full_buffer),
        cmocka_unit_test(test_codec_round_trip),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
