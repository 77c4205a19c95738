#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/body.h"
#include "vault/base/frame.h"

static struct buf fields, frame;
static struct body_fault fault;
static struct msg_request req;

/* Encodes a body; what comes out must be what the core accepts. */
static enum hufu_err encode(uint16_t verb, const struct body_arg *args, size_t args_count,
                            struct view json)
{
    const struct body_in in = { verb, args, args_count, json };
    struct msg_request head = { .request_id = view_str("r"), .where = MSG_WHERE_NONE };
    enum hufu_err err;

    buf_reset(&fields);
    buf_reset(&frame);
    fault = (struct body_fault){ { 0x5555, 0x5555, 0x55555555 }, false };
    err = body_fields(&in, &fields, &fault);
    if (err != HUFU_OK) {
        assert_int_equal(fields.len, 0);
        return err;
    }
    assert_int_equal(fault.where.tag, 0x5555); /* untouched */
    msg_request_put_head(&frame, &head);
    buf_put(&frame, fields.p, fields.len);
    assert_int_equal(msg_request_get(verb, buf_view(&frame), &req), HUFU_OK);
    return HUFU_OK;
}

struct row {
    const char *name;
    uint16_t verb;
    const char *json;
    enum hufu_err err;
    struct msg_where where;
};
#define FINE                                                                                       \
    HUFU_OK,                                                                                       \
    {                                                                                              \
        0, 0, 0                                                                                    \
    }
#define AT(tag)                                                                                    \
    HUFU_BAD_REQUEST,                                                                              \
    {                                                                                              \
        MSG_##tag, MSG_NONE, MSG_NO_INDEX                                                          \
    }
#define AT_ITEM(t, n)                                                                              \
    HUFU_BAD_REQUEST,                                                                              \
    {                                                                                              \
        MSG_##t, MSG_NONE, n                                                                       \
    }
#define AT_SUB(t, s, n)                                                                            \
    HUFU_BAD_REQUEST,                                                                              \
    {                                                                                              \
        MSG_##t, MSG_##s, n                                                                        \
    }

static void check_rows(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        enum hufu_err err = encode(rows[i].verb, NULL, 0, view_str(rows[i].json));

        if (err != rows[i].err)
            fail_msg("%s: %s", rows[i].name, err_name(err));
        if (err != HUFU_OK &&
            (fault.where.tag != rows[i].where.tag || fault.where.sub != rows[i].where.sub ||
             fault.where.index != rows[i].where.index))
            fail_msg("%s: %u %u %u", rows[i].name, fault.where.tag, fault.where.sub,
                     fault.where.index);
    }
}

static const struct row simple[] = {
    { "one", VERB_TOKENIZE, "{\"domain\":\"d\",\"value\":\"1\"}", FINE },
    { "any order, white space", VERB_TOKENIZE, " { \"value\" : \"1\" , \"domain\":\"d\" } ", FINE },
    { "all members", VERB_TOKENIZE,
      "{\"domain\":\"d\",\"value\":\"1\",\"subject\":\"s\",\"consent\":\"c\",\"channel\":\"x\","
      "\"expires_in\":60,\"uses\":3,\"receipt\":true}",
      FINE },
    { "escapes", VERB_TOKENIZE, "{\"domain\":\"d\",\"value\":\"\\u0031\\t\"}", FINE },
    { "empty secret is the core's", VERB_TOKENIZE, "{\"domain\":\"d\",\"value\":\"\"}", FINE },
    { "nothing", VERB_TOKENIZE, "", AT(DOMAIN) },
    { "empty object", VERB_TOKENIZE, "{}", AT(DOMAIN) },
    { "list", VERB_TOKENIZE, "[]", AT(NONE) },
    { "text", VERB_TOKENIZE, "\"x\"", AT(NONE) },
    { "cut", VERB_TOKENIZE, "{\"domain\":\"d\"", AT(NONE) },
    { "something behind", VERB_TOKENIZE, "{\"domain\":\"d\",\"value\":\"1\"}x", AT(NONE) },
    { "comma at the end", VERB_TOKENIZE, "{\"domain\":\"d\",\"value\":\"1\",}", AT(NONE) },
    { "comment", VERB_TOKENIZE, "{/**/\"domain\":\"d\",\"value\":\"1\"}", AT(NONE) },
    { "twice", VERB_TOKENIZE, "{\"domain\":\"d\",\"value\":\"1\",\"value\":\"1\"}", AT(NONE) },
    { "twice by escape", VERB_TOKENIZE, "{\"domain\":\"d\",\"value\":\"1\",\"v\\u0061lue\":\"2\"}",
      AT(NONE) },
    { "unknown", VERB_TOKENIZE, "{\"domain\":\"d\",\"value\":\"1\",\"x\":1}", AT(NONE) },
    { "another verb's", VERB_TOKENIZE, "{\"domain\":\"d\",\"value\":\"1\",\"otp\":\"1\"}",
      AT(NONE) },
    { "number for text", VERB_TOKENIZE, "{\"domain\":1,\"value\":\"1\"}", AT(DOMAIN) },
    { "null", VERB_TOKENIZE, "{\"domain\":\"d\",\"value\":null}", AT(VALUE) },
    { "empty text", VERB_TOKENIZE, "{\"domain\":\"\",\"value\":\"1\"}", AT(DOMAIN) },
    { "control in text", VERB_TOKENIZE, "{\"domain\":\"a\\u0007\",\"value\":\"1\"}", AT(DOMAIN) },
    { "U+0000", VERB_TOKENIZE, "{\"domain\":\"d\",\"value\":\"1\\u0000\"}", AT(NONE) },
    { "not UTF-8", VERB_TOKENIZE, "{\"domain\":\"d\",\"value\":\"\xff\"}", AT(NONE) },
    { "surrogate", VERB_TOKENIZE, "{\"domain\":\"d\",\"value\":\"\\ud800\"}", AT(NONE) },
    { "fraction", VERB_TOKENIZE, "{\"domain\":\"d\",\"value\":\"1\",\"uses\":1.0}", AT(USES) },
    { "exponent", VERB_TOKENIZE, "{\"domain\":\"d\",\"value\":\"1\",\"uses\":1e2}", AT(USES) },
    { "negative", VERB_TOKENIZE, "{\"domain\":\"d\",\"value\":\"1\",\"uses\":-1}", AT(USES) },
    { "number as text", VERB_TOKENIZE, "{\"domain\":\"d\",\"value\":\"1\",\"uses\":\"1\"}",
      AT(USES) },
    { "beyond 63 bits", VERB_TOKENIZE,
      "{\"domain\":\"d\",\"value\":\"1\",\"uses\":9223372036854775808}", AT(NONE) },
    { "number for bool", VERB_TOKENIZE, "{\"domain\":\"d\",\"value\":\"1\",\"receipt\":1}",
      AT(RECEIPT) },
    { "neither", VERB_TOKENIZE, "{\"domain\":\"d\"}", AT(NONE) },
    { "both", VERB_TOKENIZE, "{\"domain\":\"d\",\"value\":\"1\",\"values\":[\"1\"]}", AT(NONE) },
    { "otp missing", VERB_LOGIN, "{\"user\":\"u\",\"password\":\"p\"}", AT(OTP) },
    { "no members at all", VERB_WHOAMI, "", FINE },
    { "member where none may be", VERB_LOGOUT, "{\"reason\":\"r\"}", AT(NONE) },
    { "tokens", VERB_DETOKENIZE,
      "{\"domain\":\"d\",\"tokens\":[\"1\",\"2\"],\"reason\":\"r\",\"purpose\":\"p\"}", FINE },
    { "no tokens", VERB_DETOKENIZE,
      "{\"domain\":\"d\",\"tokens\":[],\"reason\":\"r\",\"purpose\":\"p\"}", AT(TOKENS) },
    { "token and tokens", VERB_DETOKENIZE,
      "{\"domain\":\"d\",\"token\":\"1\",\"tokens\":[\"1\"],\"reason\":\"r\",\"purpose\":"
      "\"p\"}",
      AT(NONE) },
    { "number among tokens", VERB_DETOKENIZE,
      "{\"domain\":\"d\",\"tokens\":[\"1\",2],\"reason\":\"r\",\"purpose\":\"p\"}",
      AT_ITEM(TOKENS, 1) },
};

static void test_body_fields_rows(void **state)
{

    (void)state;
    check_rows(simple, sizeof(simple) / sizeof(simple[0]));
}

#define VALUES(list) "{\"domain\":\"d\",\"values\":" list "}"

static void test_body_fields_values(void **state)
{
    static const struct row rows[] = {
        { "text", VERB_TOKENIZE, VALUES("[\"1\",\"2\"]"), FINE },
        { "mixed", VERB_TOKENIZE,
          VALUES("[\"1\",{\"consent\":\"c\",\"value\":\"2\",\"subject\":\"s\"},{\"value\":\"3\"}]"),
          FINE },
        { "empty", VERB_TOKENIZE, VALUES("[]"), AT(VALUES) },
        { "object", VERB_TOKENIZE, VALUES("{}"), AT(VALUES) },
        { "number", VERB_TOKENIZE, VALUES("[\"1\",2]"), AT_ITEM(VALUES, 1) },
        { "list", VERB_TOKENIZE, VALUES("[[\"1\"]]"), AT_ITEM(VALUES, 0) },
        { "no value", VERB_TOKENIZE, VALUES("[{\"subject\":\"s\"}]"), AT_SUB(VALUES, VALUE, 0) },
        { "bad value", VERB_TOKENIZE, VALUES("[\"1\",{\"value\":1}]"), AT_SUB(VALUES, VALUE, 1) },
        { "bad subject", VERB_TOKENIZE, VALUES("[{\"value\":\"1\",\"subject\":\"\"}]"),
          AT_SUB(VALUES, SUBJECT, 0) },
        { "bad consent", VERB_TOKENIZE, VALUES("[{\"value\":\"1\",\"consent\":[]}]"),
          AT_SUB(VALUES, CONSENT, 0) },
        { "unknown", VERB_TOKENIZE, VALUES("[{\"value\":\"1\",\"x\":1}]"), AT_ITEM(VALUES, 0) },
    };
    struct msg_item item;
    struct reader r;

    (void)state;
    check_rows(rows, sizeof(rows) / sizeof(rows[0]));
    assert_int_equal(encode(VERB_TOKENIZE, NULL, 0, view_str(rows[1].json)), HUFU_OK);
    assert_int_equal(msg_list_count(msg_text(&req, MSG_VALUES)), 3);
    reader_init(&r, msg_text(&req, MSG_VALUES).p, msg_text(&req, MSG_VALUES).len);
    assert_int_equal(msg_item_get(msg_list_next(&r), &item), HUFU_OK);
    assert_true(view_is(item.value, "1") && item.subject.p == NULL);
    assert_int_equal(msg_item_get(msg_list_next(&r), &item), HUFU_OK);
    assert_true(view_is(item.value, "2") && view_is(item.subject, "s"));
    assert_true(view_is(item.consent, "c"));
}

/* Both sides of the limits: items, bytes of a value, bytes of a text. */
static void test_body_fields_limits(void **state)
{
    static char json[65536];
    char text[300];
    size_t len;

    (void)state;
    for (size_t count = MSG_ITEMS_MAX; count <= MSG_ITEMS_MAX + 1; count++) {
        len = (size_t)snprintf(json, sizeof(json), "{\"domain\":\"d\",\"values\":[\"1\"");
        for (size_t i = 1; i < count; i++, len += 4)
            memcpy(json + len, ",\"1\"", 4);
        memcpy(json + len, "]}", 3);
        assert_int_equal(encode(VERB_TOKENIZE, NULL, 0, view_str(json)),
                         count > MSG_ITEMS_MAX ? HUFU_TOO_LARGE : HUFU_OK);
    }
    assert_int_equal(fault.where.tag, MSG_VALUES);
    memset(text, '1', sizeof(text));
    for (int value_len = MSG_VALUE_MAX; value_len <= MSG_VALUE_MAX + 1; value_len++) {
        snprintf(json, sizeof(json), "{\"domain\":\"d\",\"value\":\"%.*s\"}", value_len, text);
        assert_int_equal(encode(VERB_TOKENIZE, NULL, 0, view_str(json)),
                         value_len > MSG_VALUE_MAX ? HUFU_BAD_REQUEST : HUFU_OK);
    }
    assert_int_equal(fault.where.tag, MSG_VALUE);
    for (int name_len = 32; name_len <= 33; name_len++) {
        snprintf(json, sizeof(json), "{\"domain\":\"%.*s\",\"value\":\"1\"}", name_len, text);
        assert_int_equal(encode(VERB_TOKENIZE, NULL, 0, view_str(json)),
                         name_len > 32 ? HUFU_BAD_REQUEST : HUFU_OK);
    }
    /* 100,000 open brackets must not run the stack over */
    memset(json, '[', sizeof(json));
    assert_int_equal(encode(VERB_TOKENIZE, NULL, 0, view_of(json, sizeof(json))), HUFU_BAD_REQUEST);
}

#define DOMAIN(more)                                                                               \
    "{\"name\":\"n\",\"format\":\"pan\",\"mode\":\"random\",\"partners\":[],\"purposes\":["        \
    "\"p\"]" more "}"
#define PARTNER(more)                                                                              \
    "{\"name\":\"n\",\"cert_pem\":\"-----\\nYQ==\\r\\n-----\\n\",\"formats\":[],\"domains\":["     \
    "\"a\"]" more "}"

/* The parser's memory is bounded, but a body of the largest size finds enough of it whatever it is
 * made of: the answer is about the body. */
static void test_body_fields_dense(void **state)
{
    static const struct {
        const char *piece;
        enum hufu_err err;
    } rows[] = {
        { "{},", HUFU_TOO_LARGE },         { "[],", HUFU_TOO_LARGE },
        { "0,", HUFU_TOO_LARGE },          { "\"\",", HUFU_TOO_LARGE },
        { "{\"a\":[]},", HUFU_TOO_LARGE }, { "[[[]]],", HUFU_TOO_LARGE },
    };
    const size_t max = 1u << 20;
    char *text = malloc(max + 1);

    (void)state;
    assert_non_null(text);
    for (size_t r = 0; r < sizeof(rows) / sizeof(rows[0]); r++) {
        static const char head[] = "{\"domain\":\"d\",\"values\":[";
        size_t len = strlen(rows[r].piece), at = sizeof(head) - 1;

        memcpy(text, head, at);
        for (; at + len + 3 < max; at += len)
            memcpy(text + at, rows[r].piece, len);
        memcpy(text + at - 1, "]}", 3);
        assert_int_equal(encode(VERB_TOKENIZE, NULL, 0, view_of(text, at + 1)), rows[r].err);
        assert_int_equal(fault.where.tag, MSG_VALUES);
    }
    free(text);
}

static void test_body_fields_structs(void **state)
{
    static const struct row rows[] = {
        { "domain", VERB_DOMAIN_ADD, DOMAIN(""), FINE },
        { "keep", VERB_DOMAIN_ADD, DOMAIN(",\"keep\":{\"suffix\":4,\"prefix\":255}"), FINE },
        { "keep 256", VERB_DOMAIN_ADD, DOMAIN(",\"keep\":{\"suffix\":4,\"prefix\":256}"),
          AT(KEEP) },
        { "half a keep", VERB_DOMAIN_ADD, DOMAIN(",\"keep\":{\"suffix\":4}"), AT(KEEP) },
        { "more than keep", VERB_DOMAIN_ADD,
          DOMAIN(",\"keep\":{\"suffix\":4,\"prefix\":6,\"x\":1}"), AT(KEEP) },
        { "keep is a list", VERB_DOMAIN_ADD, DOMAIN(",\"keep\":[6,4]"), AT(KEEP) },
        { "negative keep", VERB_DOMAIN_ADD, DOMAIN(",\"keep\":{\"suffix\":-4,\"prefix\":6}"),
          AT(KEEP) },
        { "partner", VERB_PARTNER_ADD, PARTNER(""), FINE },
        { "qualification", VERB_PARTNER_ADD,
          PARTNER(",\"qualification\":{\"ref\":\"q\",\"valid_until\":\"2027-01-31T00:00:00Z\"}"),
          FINE },
        { "no such day", VERB_PARTNER_ADD,
          PARTNER(",\"qualification\":{\"ref\":\"q\",\"valid_until\":\"2027-02-31T00:00:00Z\"}"),
          AT(QUALIFICATION) },
        { "no ref", VERB_PARTNER_ADD,
          PARTNER(",\"qualification\":{\"valid_until\":\"2027-01-31T00:00:00Z\"}"),
          AT(QUALIFICATION) },
        { "lines only in PEM", VERB_USER_ADD, "{\"name\":\"a\\nb\",\"role\":\"sre\"}", AT(NAME) },
        { "tab in PEM", VERB_PARTNER_CERT_ADD, "{\"name\":\"a\",\"cert_pem\":\"a\\tb\"}",
          AT(CERT_PEM) },
        { "keep nothing", VERB_DOMAIN_ADD, DOMAIN(",\"keep\":{\"prefix\":0,\"suffix\":0}"), FINE },
        { "empty element", VERB_PARTNER_ADD,
          "{\"name\":\"n\",\"cert_pem\":\"x\",\"formats\":[\"a\",\"\"],\"domains\":[]}",
          AT_ITEM(FORMATS, 1) },
    };

    (void)state;
    check_rows(rows, sizeof(rows) / sizeof(rows[0]));
    assert_int_equal(encode(VERB_DOMAIN_ADD, NULL, 0, view_str(rows[1].json)), HUFU_OK);
    assert_memory_equal(msg_text(&req, MSG_KEEP).p, "\xff\x04", 2);
}

static void test_body_fields_args(void **state)
{
    const struct body_arg page[] = { { view_str("after"), view_str("x") },
                                     { view_str("limit"), view_str("18446744073709551615") } };
    const struct body_arg bad_number[] = { { view_str("limit"), view_str("01") } };
    const struct body_arg unknown[] = { { view_str("page"), view_str("1") } };
    const struct body_arg id[] = { { view_str("id"), view_str("abc") } };
    const struct body_arg long_id[] = { { view_str("id"),
                                          view_str("0123456789012345678901234567890123456") } };

    (void)state;
    assert_int_equal(encode(VERB_KEY_LIST, page, 2, view_str("")), HUFU_OK);
    assert_true(view_is(msg_text(&req, MSG_AFTER), "x"));
    assert_true(msg_u64(&req, MSG_LIMIT, 0) == UINT64_MAX);
    assert_int_equal(encode(VERB_KEY_LIST, bad_number, 1, view_str("")), HUFU_BAD_REQUEST);
    assert_int_equal(fault.where.tag, MSG_LIMIT);
    assert_false(fault.whole);
    assert_int_equal(encode(VERB_KEY_LIST, unknown, 1, view_str("")), HUFU_BAD_REQUEST);
    assert_true(fault.whole);
    assert_int_equal(encode(VERB_CEREMONY_APPROVE, id, 1, view_str("{}")), HUFU_OK);
    assert_int_equal(encode(VERB_CEREMONY_APPROVE, long_id, 1, view_str("")), HUFU_BAD_REQUEST);
    assert_int_equal(fault.where.tag, MSG_ID);
    /* what the path says may not be said again in the body */
    assert_int_equal(encode(VERB_CEREMONY_APPROVE, id, 1, view_str("{\"id\":\"x\"}")),
                     HUFU_BAD_REQUEST);
    assert_true(fault.whole);
    assert_int_equal(encode(VERB_CEREMONY_APPROVE, id, 1, view_str("{")), HUFU_BAD_REQUEST);
    assert_false(fault.whole);
}

/* The JSON library gives memory back through a function of ours, which wipes it. */
static void test_body_setup_replaces_free(void **state)
{
    json_free_t release;
    json_malloc_t take;
    uint8_t *p;

    (void)state;
    json_get_alloc_funcs(&take, &release);
    assert_ptr_not_equal(release, free);
    p = take(64);
    memset(p, 'x', 64);
    release(p);
    release(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_body_fields_rows),         cmocka_unit_test(test_body_fields_values),
        cmocka_unit_test(test_body_fields_limits),       cmocka_unit_test(test_body_fields_structs),
        cmocka_unit_test(test_body_fields_dense),        cmocka_unit_test(test_body_fields_args),
        cmocka_unit_test(test_body_setup_replaces_free),
    };
    int failed;

    body_setup();
    buf_init(&fields, FRAME_BODY_MAX);
    buf_init(&frame, FRAME_BODY_MAX);
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    buf_done(&fields);
    buf_done(&frame);
    return failed;
}
