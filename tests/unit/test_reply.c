#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <string.h>

#include "api/reply.h"

static struct reply reply;
static struct buf text;

static void error(enum hufu_err err, const struct msg_where *field)
{
    buf_reset(&text);
    reply_error(err, view_str("r1"), field, view_str(""), &text, &reply);
}

/* RFC 9457, 3.1.4: what would do instead. */
static void test_reply_error_detail(void **state)
{
    const struct msg_where where = { MSG_KEEP, MSG_NONE, MSG_NO_INDEX };

    (void)state;
    buf_reset(&text);
    reply_error(HUFU_BAD_REQUEST, view_str("r1"), &where, view_str("0+4, 6+0"), &text, &reply);
    assert_true(view_is(reply.body,
                        "{\"code\":\"bad_request\",\"detail\":\"0+4, 6+0\",\"field\":\"/keep\","
                        "\"request_id\":\"r1\",\"status\":400,\"title\":\"The request is "
                        "malformed\",\"type\":\"urn:hufu:error:bad_request\"}"));
}

static void test_reply_error_document(void **state)
{
    const struct msg_where where = { MSG_VALUES, MSG_CONSENT, 3 };

    (void)state;
    error(HUFU_NOT_FOUND, NULL);
    assert_true(view_is(reply.body, "{\"code\":\"not_found\",\"request_id\":\"r1\",\"status\":404,"
                                    "\"title\":\"No such object\","
                                    "\"type\":\"urn:hufu:error:not_found\"}"));
    assert_string_equal(reply.type, "application/problem+json");
    error(HUFU_BAD_REQUEST, &where);
    assert_true(view_is(reply.body,
                        "{\"code\":\"bad_request\",\"field\":\"/values/3/consent\","
                        "\"request_id\":\"r1\",\"status\":400,\"title\":\"The request is "
                        "malformed\",\"type\":\"urn:hufu:error:bad_request\"}"));
    error(HUFU_BAD_REQUEST, &MSG_WHERE_NONE);
    assert_non_null(strstr((const char *)text.p, "\"field\":\"\","));
}

static void test_reply_error_headers(void **state)
{
    (void)state;
    error(HUFU_UNAUTHENTICATED, NULL);
    assert_string_equal(reply.authenticate, "Bearer realm=\"hufu\"");
    error(HUFU_STEP_UP, NULL);
    assert_int_equal(reply.status, 401);
    assert_string_equal(reply.authenticate, "Bearer realm=\"hufu\", error=\"step_up_required\"");
    error(HUFU_RATE_LIMITED, NULL);
    assert_int_equal(reply.retry_after_s, 1);
    error(HUFU_SEALED, NULL);
    assert_int_equal(reply.retry_after_s, 1);
    error(HUFU_FORBIDDEN, NULL);
    assert_int_equal(reply.retry_after_s, 0);
    assert_null(reply.authenticate);
}

/* contract.md section 2, code by code; what has no code never leaves as such. */
static void test_reply_status_of_every_error(void **state)
{
    static const struct {
        const char *codes;
        unsigned status;
    } rows[] = {
        { " bad_request ", 400 },
        { " unauthenticated step_up_required ", 401 },
        { " forbidden grant_required ", 403 },
        { " not_found ", 404 },
        { " method_not_allowed ", 405 },
        { " timeout ", 408 },
        { " conflict already_approved token_suspended exhausted legal_hold ", 409 },
        { " length_required ", 411 },
        { " too_large ", 413 },
        { " unsupported_media_type ", 415 },
        { " invalid_value already_token not_token prohibited_data value_in_text invalid_purpose "
          "unsupported_mode idempotency_mismatch ",
          422 },
        { " rate_limited ", 429 },
        { " sealed unavailable ", 503 },
    };

    (void)state;
    assert_int_equal(reply_status(HUFU_OK), 200);
    for (unsigned err = HUFU_OK + 1; err < HUFU_ERR_COUNT; err++) {
        const char *code = err_code((enum hufu_err)err);
        unsigned status = 500;

        for (size_t i = 0; code != NULL && i < sizeof(rows) / sizeof(rows[0]); i++) {
            const char *at = strstr(rows[i].codes, code);

            if (at != NULL && at[-1] == ' ' && at[strlen(code)] == ' ')
                status = rows[i].status;
        }
        assert_int_equal(reply_status((enum hufu_err)err), status);
        error((enum hufu_err)err, NULL);
        assert_int_equal(reply.status, code == NULL ? 503 : status);
    }
}

static void test_reply_pointer_rows(void **state)
{
    static const struct {
        struct msg_where where;
        const char *pointer;
    } rows[] = {
        { { MSG_NONE, MSG_NONE, MSG_NO_INDEX }, "" },
        { { MSG_DOMAIN, MSG_NONE, MSG_NO_INDEX }, "/domain" },
        { { MSG_TOKENS, MSG_NONE, 0 }, "/tokens/0" },
        { { MSG_VALUES, MSG_VALUE, 999 }, "/values/999/value" },
        { { MSG_TAG_COUNT, MSG_NONE, 1 }, "" },
        { { MSG_VALUES, MSG_TAG_COUNT, 1 }, "/values/1" },
    };
    struct buf out;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        buf_init(&out, 128);
        reply_pointer(&out, &rows[i].where);
        assert_true(view_is(buf_view(&out), rows[i].pointer));
        buf_done(&out);
    }
}

static void test_reply_success_rows(void **state)
{
    static const struct {
        enum msg_success success;
        uint8_t flags;
        unsigned status;
        const char *type;
        bool replayed;
    } rows[] = {
        { MSG_200, 0, 200, "application/json", false },
        { MSG_201, MSG_REPLAYED, 201, "application/json", true },
        { MSG_202, 0, 202, "application/json", false },
        { MSG_204, 0, 204, NULL, false },
        { MSG_200, MSG_TEXT_PLAIN, 200, "text/plain; charset=utf-8", false },
        { MSG_200, MSG_BINARY, 200, "application/octet-stream", false },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct msg_reply in = { .success = rows[i].success,
                                .flags = rows[i].flags,
                                .body = view_str("{}") };

        reply_success(&in, &reply);
        assert_int_equal(reply.status, rows[i].status);
        assert_int_equal(reply.replayed, rows[i].replayed);
        assert_true(view_is(reply.body, "{}"));
        if (rows[i].type == NULL)
            assert_null(reply.type);
        else
            assert_string_equal(reply.type, rows[i].type);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reply_error_document),
        cmocka_unit_test(test_reply_error_detail),
        cmocka_unit_test(test_reply_error_headers),
        cmocka_unit_test(test_reply_status_of_every_error),
        cmocka_unit_test(test_reply_pointer_rows),
        cmocka_unit_test(test_reply_success_rows),
    };
    int failed;

    buf_init(&text, 4096);
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    buf_done(&text);
    return failed;
}
