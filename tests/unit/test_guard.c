#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <string.h>

#include "api/guard.h"
#include "tests/guard_split.h"

static struct guard_head head;
static struct guard_found found;
static uint8_t bytes[32768];

/* Splits text as the library would and judges it. */
static enum hufu_err check(const char *text, size_t len)
{
    memset(&found, 0x55, sizeof(found));
    if (!guard_split(text, len, bytes, &head))
        return HUFU_SYNTAX; /* the library would answer 400 itself */
    return guard_check(&head, &found);
}

#define H "Host: a\r\n"

static const struct {
    const char *name, *text;
    enum hufu_err err;
} heads[] = {
    { "get", "GET /a HTTP/1.1\r\n" H "\r\n", HUFU_OK },
    { "get 1.0 without host", "GET /a HTTP/1.0\r\n\r\n", HUFU_OK },
    { "query", "GET /a?x=1&y=2 HTTP/1.1\r\n" H "\r\n", HUFU_OK },
    { "post", "POST /a HTTP/1.1\r\n" H "Content-Length: 2\r\n\r\n{}", HUFU_OK },
    { "no space after the colon", "GET /a HTTP/1.1\r\nHost:a\r\n\r\n", HUFU_OK },
    { "white space around a value", "GET /a HTTP/1.1\r\nHost: \t a \t\r\n\r\n", HUFU_OK },
    { "tab in a value", "GET /a HTTP/1.1\r\n" H "X: a\tb\r\n\r\n", HUFU_OK },
    { "empty value", "GET /a HTTP/1.1\r\n" H "X:\r\n\r\n", HUFU_OK },
    { "delete with length 0", "DELETE /a HTTP/1.1\r\n" H "Content-Length: 0\r\n\r\n", HUFU_OK },
    { "post without length", "POST /a HTTP/1.1\r\n" H "\r\n", HUFU_LENGTH_REQUIRED },
    { "put without length", "PUT /a HTTP/1.1\r\n" H "\r\n", HUFU_LENGTH_REQUIRED },
    { "patch without length", "PATCH /a HTTP/1.1\r\n" H "\r\n", HUFU_LENGTH_REQUIRED },
    { "chunked", "POST /a HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n",
      HUFU_LENGTH_REQUIRED },
    { "chunked get", "GET /a HTTP/1.1\r\n" H "transfer-encoding: x\r\n\r\n", HUFU_LENGTH_REQUIRED },
    { "chunked and length",
      "POST /a HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n",
      HUFU_BAD_REQUEST },
    { "two equal lengths",
      "POST /a HTTP/1.1\r\n" H "Content-Length: 2\r\nContent-Length: 2\r\n\r\n", HUFU_BAD_REQUEST },
    { "list of lengths", "POST /a HTTP/1.1\r\n" H "Content-Length: 2, 2\r\n\r\n",
      HUFU_BAD_REQUEST },
    { "negative length", "POST /a HTTP/1.1\r\n" H "Content-Length: -1\r\n\r\n", HUFU_BAD_REQUEST },
    { "hex length", "POST /a HTTP/1.1\r\n" H "Content-Length: 0x2\r\n\r\n", HUFU_BAD_REQUEST },
    { "empty length", "POST /a HTTP/1.1\r\n" H "Content-Length:\r\n\r\n", HUFU_BAD_REQUEST },
    { "length that overflows",
      "POST /a HTTP/1.1\r\n" H "Content-Length: 18446744073709551618\r\n\r\n", HUFU_BAD_REQUEST },
    { "space before the colon", "POST /a HTTP/1.1\r\n" H "Content-Length : 2\r\n\r\n",
      HUFU_BAD_REQUEST },
    { "no host", "GET /a HTTP/1.1\r\n\r\n", HUFU_BAD_REQUEST },
    { "two hosts", "GET /a HTTP/1.1\r\n" H H "\r\n", HUFU_BAD_REQUEST },
    { "two hosts 1.0", "GET /a HTTP/1.0\r\n" H H "\r\n", HUFU_BAD_REQUEST },
    { "two authorizations", "GET /a HTTP/1.1\r\n" H "Authorization: a\r\nauthorization: a\r\n\r\n",
      HUFU_BAD_REQUEST },
    { "two types", "GET /a HTTP/1.1\r\n" H "Content-Type: a\r\nContent-Type: a\r\n\r\n",
      HUFU_BAD_REQUEST },
    { "two keys", "GET /a HTTP/1.1\r\n" H "Idempotency-Key: a\r\nIdempotency-Key: a\r\n\r\n",
      HUFU_BAD_REQUEST },
    { "bad key", "GET /a HTTP/1.1\r\n" H "Idempotency-Key: a/b\r\n\r\n", HUFU_BAD_REQUEST },
    { "empty key", "GET /a HTTP/1.1\r\n" H "Idempotency-Key:\r\n\r\n", HUFU_BAD_REQUEST },
    { "CR in a value", "GET /a HTTP/1.1\r\n" H "X: a\rb\r\n\r\n", HUFU_BAD_REQUEST },
    { "DEL in a value", "GET /a HTTP/1.1\r\n" H "X: a\177b\r\n\r\n", HUFU_BAD_REQUEST },
    { "name with a bracket", "GET /a HTTP/1.1\r\n" H "X(: a\r\n\r\n", HUFU_BAD_REQUEST },
    { "bare LF everywhere", "GET /a HTTP/1.1\nHost: a\n\n", HUFU_BAD_REQUEST },
    { "bare LF after the line", "GET /a HTTP/1.1\n" H "\r\n", HUFU_BAD_REQUEST },
    { "bare LF after a header", "GET /a HTTP/1.1\r\nHost: a\nX: b\r\n\r\n", HUFU_BAD_REQUEST },
    { "bare LF after the last header", "GET /a HTTP/1.1\r\nHost: a\n\r\n", HUFU_BAD_REQUEST },
    { "bare LF as the blank line", "GET /a HTTP/1.1\r\nHost: a\r\n\n", HUFU_BAD_REQUEST },
    { "folded", "GET /a HTTP/1.1\r\n" H "X: a\r\n b\r\n\r\n", HUFU_BAD_REQUEST },
    { "folded blank", "GET /a HTTP/1.1\r\n" H "X: a\r\n \r\n\r\n", HUFU_BAD_REQUEST },
    { "two spaces", "GET /a  HTTP/1.1\r\n" H "\r\n", HUFU_BAD_REQUEST },
    { "control in the method", "G\022T /a HTTP/1.1\r\n" H "\r\n", HUFU_BAD_REQUEST },
    { "version 2", "GET /a HTTP/2.0\r\n" H "\r\n", HUFU_BAD_REQUEST },
    { "version with a letter", "GET /a HTTP/1.1x\r\n" H "\r\n", HUFU_BAD_REQUEST },
};

static void test_guard_check_rows(void **state)
{

    (void)state;
    for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
        enum hufu_err err = check(heads[i].text, strlen(heads[i].text));

        if (err != heads[i].err)
            fail_msg("%s: %s", heads[i].name, err_name(err));
        if (err != HUFU_OK && *(const uint8_t *)&found != 0x55)
            fail_msg("%s: output was touched", heads[i].name);
    }
}

static void test_guard_check_nul(void **state)
{
    static const char value[] = "GET /a HTTP/1.1\r\n" H "X: a\0b\r\n\r\n";
    static const char name[] = "GET /a HTTP/1.1\r\n" H "X\0Y: a\r\n\r\n";
    static const char target[] = "GET /a\0b HTTP/1.1\r\n" H "\r\n";

    (void)state;
    assert_int_equal(check(value, sizeof(value) - 1), HUFU_BAD_REQUEST);
    assert_int_equal(check(name, sizeof(name) - 1), HUFU_BAD_REQUEST);
    assert_int_equal(check(target, sizeof(target) - 1), HUFU_BAD_REQUEST);
}

static void test_guard_check_finds(void **state)
{
    static const char text[] = "POST /a HTTP/1.1\r\n" H "content-length: 12\r\nContent-Type: t\r\n"
                               "AUTHORIZATION: Bearer x\r\nIdempotency-Key: k\r\n"
                               "X-Request-Id: r\r\nContent-Encoding: gzip\r\n\r\n";

    (void)state;
    assert_int_equal(check(text, sizeof(text) - 1), HUFU_OK);
    assert_true(found.has_length && found.encoded);
    assert_int_equal(found.content_length, 12);
    assert_true(view_is(found.content_type, "t"));
    assert_true(view_is(found.authorization, "Bearer x"));
    assert_true(view_is(found.idem_key, "k"));
    assert_true(view_is(found.request_id, "r"));
}

static void test_guard_check_replaces_an_offending_request_id(void **state)
{
    static const char bad[] = "GET /a HTTP/1.1\r\n" H "X-Request-Id: a b\r\n\r\n";
    static const char twice[] =
        "GET /a HTTP/1.1\r\n" H "X-Request-Id: a\r\nX-Request-Id: a\r\n\r\n";

    (void)state;
    assert_int_equal(check(bad, sizeof(bad) - 1), HUFU_OK);
    assert_int_equal(found.request_id.len, 0);
    assert_int_equal(check(twice, sizeof(twice) - 1), HUFU_OK);
    assert_int_equal(found.request_id.len, 0);
    /* one that is empty still counts as credentials */
    assert_int_equal(check("GET /a HTTP/1.0\r\nAuthorization:\r\n\r\n", 36), HUFU_OK);
    assert_non_null(found.authorization.p);
}

static size_t with_headers(char *text, size_t count)
{
    size_t len = 0;

    memcpy(text, "GET /a HTTP/1.1\r\n" H, 26);
    len = 26;
    for (size_t i = 1; i < count; i++, len += 6)
        memcpy(text + len, "X: b\r\n", 6);
    memcpy(text + len, "\r\n", 2);
    return len + 2;
}

static void test_guard_check_header_count(void **state)
{
    char text[1024];

    (void)state;
    assert_int_equal(check(text, with_headers(text, GUARD_HEADERS_MAX)), HUFU_OK);
    assert_int_equal(check(text, with_headers(text, GUARD_HEADERS_MAX + 1)), HUFU_BAD_REQUEST);
}

static void test_guard_target_ok_rows(void **state)
{
    static const struct {
        const char *target;
        bool ok;
    } rows[] = {
        { "/", true },          { "/v1/a-b_c.d~e", true },
        { "/a?b=c&d=e", true }, { "/a?b", true },
        { "", false },          { "a", false },
        { "*", false },         { "http://a/b", false },
        { "/%41", false },      { "/a?b=%41", false },
        { "/a+b", false },      { "/a?b=c?d", false },
        { "/a?", false },       { "/a#b", false },
        { "/a\\b", false },     { "/a b", false },
        { "/a;b", false },      { "/\xc3\xa4", false },
        { "/a?b=\t", false },   { "/a=b", false },
        { "/a?b=1:2", true },   { "/a:b", false },
    };
    static uint8_t longest[GUARD_TARGET_MAX + 1];

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (guard_target_ok(view_str(rows[i].target)) != rows[i].ok)
            fail_msg("%s", rows[i].target);
    memset(longest, '/', sizeof(longest));
    assert_true(guard_target_ok(view_of(longest, GUARD_TARGET_MAX)));
    assert_false(guard_target_ok(view_of(longest, GUARD_TARGET_MAX + 1)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_guard_check_rows),
        cmocka_unit_test(test_guard_check_nul),
        cmocka_unit_test(test_guard_check_finds),
        cmocka_unit_test(test_guard_check_replaces_an_offending_request_id),
        cmocka_unit_test(test_guard_check_header_count),
        cmocka_unit_test(test_guard_target_ok_rows),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
