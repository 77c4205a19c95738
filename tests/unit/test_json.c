/* Canonical JSON: RFC 8785 escapes and order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "vault/base/json.h"

static struct buf out;
static struct json j;

static void start(void)
{
    buf_init(&out, 4096);
    json_init(&j, &out);
}

static void finish(const char *want)
{
    assert_int_equal(buf_check(&out), HUFU_OK);
    assert_int_equal(out.len, strlen(want));
    assert_memory_equal(out.p, want, out.len);
    buf_done(&out);
}

static void test_empty_object_and_list(void **state)
{
    (void)state;
    start();
    json_open(&j);
    json_close(&j);
    finish("{}");
    start();
    json_list(&j);
    json_end(&j);
    finish("[]");
}

static void test_every_kind_of_member(void **state)
{
    (void)state;
    start();
    json_open(&j);
    json_put_base64(&j, "a", (const uint8_t *)"f", 1);
    json_put_base64url(&j, "b", (const uint8_t *)"\xfb\xff", 2);
    json_put_bool(&j, "c", true);
    json_put_bool(&j, "d", false);
    json_name(&j, "e");
    json_nil(&j);
    json_put_str(&j, "f", "x");
    json_put_text(&j, "g", view_of("yz", 1));
    json_put_time(&j, "h", 0);
    json_put_time(&j, "i", 1795304830123);
    json_put_u64(&j, "j", UINT64_C(1) << 53);
    json_close(&j);
    finish(
        "{\"a\":\"Zg==\",\"b\":\"-_8\",\"c\":true,\"d\":false,\"e\":null,\"f\":\"x\",\"g\":\"y\","
        "\"h\":null,\"i\":\"2026-11-21T23:47:10.123Z\",\"j\":9007199254740992}");
}

static void test_nesting_and_commas(void **state)
{
    (void)state;
    start();
    json_open(&j);
    json_name(&j, "items");
    json_list(&j);
    for (uint64_t i = 0; i < 2; i++) {
        json_open(&j);
        json_put_u64(&j, "a", i);
        json_name(&j, "b");
        json_list(&j);
        json_u64(&j, 1);
        json_str(&j, "");
        json_bool(&j, true);
        json_nil(&j);
        json_list(&j);
        json_end(&j);
        json_end(&j);
        json_close(&j);
    }
    json_end(&j);
    json_put_u64(&j, "next", 0); /* sorted after "items" though "b" came between */
    json_close(&j);
    finish(
        "{\"items\":[{\"a\":0,\"b\":[1,\"\",true,null,[]]},{\"a\":1,\"b\":[1,\"\",true,null,[]]}],"
        "\"next\":0}");
}

static void test_text_escapes(void **state)
{
    (void)state;
    start();
    json_text(&j, view_of("\b\t\n\f\r\"\\/", 8));
    finish("\"\\b\\t\\n\\f\\r\\\"\\\\/\"");
    start();
    json_text(&j, view_of("\0\x01\x0b\x0e\x1f\x7f", 6));
    finish("\"\\u0000\\u0001\\u000b\\u000e\\u001f\x7f\"");
    start();
    json_str(&j, "\xe8\x99\x8e\xf0\x9f\x90\x85 </script>");
    finish("\"\xe8\x99\x8e\xf0\x9f\x90\x85 </script>\"");
}

static void test_text_refuses_broken_utf8(void **state)
{
    (void)state;
    start();
    json_str(&j, "a\xc3");
    assert_int_equal(buf_check(&out), HUFU_RANGE);
    buf_done(&out);
}

static void test_u64_refuses_above_2_53(void **state)
{
    (void)state;
    start();
    json_u64(&j, (UINT64_C(1) << 53) + 1);
    assert_int_equal(buf_check(&out), HUFU_RANGE);
    buf_done(&out);
}

static void test_full_buffer_is_seen(void **state)
{
    uint8_t mem[4];
    struct buf small;

    (void)state;
    buf_fixed(&small, mem, sizeof(mem));
    json_init(&j, &small);
    json_str(&j, "ab"); /* fits exactly with its quotes */
    assert_int_equal(buf_check(&small), HUFU_OK);
    buf_fixed(&small, mem, sizeof(mem));
    json_init(&j, &small);
    json_str(&j, "abc");
    assert_int_equal(buf_check(&small), HUFU_RANGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_empty_object_and_list),
        cmocka_unit_test(test_every_kind_of_member),
        cmocka_unit_test(test_nesting_and_commas),
        cmocka_unit_test(test_text_escapes),
        cmocka_unit_test(test_text_refuses_broken_utf8),
        cmocka_unit_test(test_u64_refuses_above_2_53),
        cmocka_unit_test(test_full_buffer_is_seen),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
