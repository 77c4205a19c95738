#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "tools/cli_canon.h"

#define NONCE "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
/* base64(SHA-256(bytes 00..1f || {"value":"4111111111111111"})), computed with Python's hashlib */
#define COMMIT "9UqaH2Mmu9g1D5wXHSYrnqYznixRnIly7Uc2ovBZB+I="

/* clang-format off */
static const struct {
    const char *reply;
    const char *canon; /* NULL: refused */
} rows[] = {
    { "{\"value\":\"4\",\"receipt\":{\"index\":1}}",          "{\"value\":\"4\"}" },
    { " { \"receipt\" : null , \"value\" : \"4\" } \n",       "{\"value\":\"4\"}" },
    { "{\"b\":[true,false,null,{\"y\":1,\"x\":0}],\"a\":\"\\u0041\"}",
      "{\"a\":\"A\",\"b\":[true,false,null,{\"x\":0,\"y\":1}]}" },
    { "{\"a\":\"q\\\"b\\\\n\\n\\u001f\\/\"}",                 "{\"a\":\"q\\\"b\\\\n\\n\\u001f/\"}" },
    { "{\"a\":\"\xC3\xA9\"}",                                 "{\"a\":\"\xC3\xA9\"}" },
    { "{\"a\":{\"receipt\":1}}",                              "{\"a\":{\"receipt\":1}}" },
    { "{}",                                                   "{}" },
    { "",                                                     NULL },
    { "[]",                                                   NULL },
    { "\"x\"",                                                NULL },
    { "{\"a\":1,\"a\":2}",                                    NULL },
    { "{\"a\":1.5}",                                          NULL },
    { "{\"a\":-1}",                                           NULL },
    { "{\"a\":1} x",                                          NULL },
    { "{\"a\":[[[[[[[[1]]]]]]]]}",                            NULL },
};
/* clang-format on */

static void test_canon_print_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct buf out;
        enum hufu_err err;

        buf_init(&out, 4096);
        err = canon_print(view_str(rows[i].reply), &out);
        assert_int_equal(err, rows[i].canon != NULL ? HUFU_OK : HUFU_SYNTAX);
        if (rows[i].canon != NULL)
            assert_true(view_is(buf_view(&out), rows[i].canon));
        buf_done(&out);
    }
}

static void test_canon_receipt_read_commits_to_the_reply(void **state)
{
    struct canon_receipt got;

    (void)state;
    assert_int_equal(canon_receipt_read(view_str("{\"receipt\":{\"index\":57,\"nonce\":\"" NONCE
                                                 "\",\"origin\":\"a.invalid/log\"},"
                                                 "\"value\":\"4111111111111111\"}"),
                                        &got),
                     HUFU_OK);
    assert_string_equal(got.commit, COMMIT);
    assert_string_equal(got.origin, "a.invalid/log");
    assert_int_equal(got.index, 57);
    assert_false(got.found);
    /* one digit of the value changed */
    assert_int_equal(canon_receipt_read(view_str("{\"receipt\":{\"index\":57,\"nonce\":\"" NONCE
                                                 "\",\"origin\":\"a.invalid/log\"},"
                                                 "\"value\":\"4111111111111112\"}"),
                                        &got),
                     HUFU_OK);
    assert_string_not_equal(got.commit, COMMIT);
}

static void test_canon_receipt_read_refuses_and_leaves_out_alone(void **state)
{
    static const char *const bad[] = {
        "{\"value\":\"4\"}",
        "{\"receipt\":null,\"value\":\"4\"}",
        "{\"receipt\":{\"index\":-1,\"nonce\":\"" NONCE "\",\"origin\":\"o\"},\"value\":\"4\"}",
        "{\"receipt\":{\"index\":\"1\",\"nonce\":\"" NONCE "\",\"origin\":\"o\"},\"value\":\"4\"}",
        "{\"receipt\":{\"index\":1,\"nonce\":\"AAEC\",\"origin\":\"o\"},\"value\":\"4\"}",
        "{\"receipt\":{\"index\":1,\"nonce\":\"?\",\"origin\":\"o\"},\"value\":\"4\"}",
        "{\"receipt\":{\"index\":1,\"nonce\":\"" NONCE "\"},\"value\":\"4\"}",
        "{\"receipt\":{\"index\":1,\"nonce\":\"" NONCE "\",\"origin\":\"o\"},\"value\":1.5}",
        "not JSON",
    };
    struct canon_receipt out = { .index = 99 };

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(canon_receipt_read(view_str(bad[i]), &out), HUFU_SYNTAX);
        assert_int_equal(out.index, 99);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_canon_print_rows),
        cmocka_unit_test(test_canon_receipt_read_commits_to_the_reply),
        cmocka_unit_test(test_canon_receipt_read_refuses_and_leaves_out_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
