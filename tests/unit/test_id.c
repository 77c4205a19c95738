/* UUIDv7: RFC 9562 section 5.7 and its example in appendix A.6. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "vault/base/id.h"

static enum hufu_err ones(const struct entropy_ops *e, uint8_t *out, size_t out_len)
{
    (void)e;
    memset(out, 0xff, out_len);
    return HUFU_OK;
}

static enum hufu_err fails(const struct entropy_ops *e, uint8_t *out, size_t out_len)
{
    (void)e;
    (void)out;
    (void)out_len;
    return HUFU_IO;
}

static void test_make_layout(void **state)
{
    struct entropy_ops ops = { ones };
    char text[ID_TEXT_LEN + 1];
    uint8_t id[ID_LEN];
    struct draw d;

    (void)state;
    draw_init(&d, &ops);
    assert_int_equal(id_make(&d, 0x017F22E279B0, id), HUFU_OK); /* the time of appendix A.6 */
    id_print(id, text);
    assert_string_equal(text, "017f22e2-79b0-7fff-bfff-ffffffffffff");
    draw_done(&d);
}

static void test_make_failure_leaves_out_alone(void **state)
{
    struct entropy_ops ops = { fails };
    uint8_t id[ID_LEN], before[ID_LEN];
    struct draw d;

    (void)state;
    memset(id, 0x5a, sizeof(id));
    memcpy(before, id, sizeof(id));
    draw_init(&d, &ops);
    assert_int_equal(id_make(&d, 1, id), HUFU_IO);
    assert_memory_equal(id, before, sizeof(id));
}

static void test_make_sorts_by_time_and_differs(void **state)
{
    uint8_t a[ID_LEN], b[ID_LEN], c[ID_LEN];
    struct draw d;

    (void)state;
    draw_init(&d, &entropy_system);
    assert_int_equal(id_make(&d, 255, a), HUFU_OK);
    assert_int_equal(id_make(&d, 256, b), HUFU_OK);
    assert_int_equal(id_make(&d, 256, c), HUFU_OK);
    assert_true(memcmp(a, b, ID_LEN) < 0);
    assert_memory_not_equal(b, c, ID_LEN);
    assert_int_equal(b[6] >> 4, 7);
    assert_int_equal(b[8] >> 6, 2);
    draw_done(&d);
}

static void test_print_parse_round_trip(void **state)
{
    char text[ID_TEXT_LEN + 1];
    uint8_t id[ID_LEN], back[ID_LEN];
    struct draw d;

    (void)state;
    draw_init(&d, &entropy_system);
    for (unsigned i = 0; i < 1000; i++) {
        assert_int_equal(id_make(&d, i * UINT64_C(123456789), id), HUFU_OK);
        id_print(id, text);
        assert_int_equal(strlen(text), ID_TEXT_LEN);
        assert_int_equal(id_parse(view_str(text), back), HUFU_OK);
        assert_memory_equal(id, back, ID_LEN);
    }
    draw_done(&d);
}

static void test_parse_refusals(void **state)
{
    static const char *const rows[] = {
        "",
        "017f22e279b07fffbfffffffffffffff",
        "017F22E2-79b0-7fff-bfff-ffffffffffff",
        "017f22e2-79b0-7fff-bfff-fffffffffff",
        "017f22e2-79b0-7fff-bfff-ffffffffffff0",
        "017f22e279-b0-7fff-bfff-ffffffffffff",
        "017f22e2_79b0-7fff-bfff-ffffffffffff",
        "017f22e2-79b0-7fff-bfff+ffffffffffff",
        "g17f22e2-79b0-7fff-bfff-ffffffffffff",
        "017f22e2-79b0-7fff-bfff-fffffffffff ",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint8_t id[ID_LEN], before[ID_LEN];

        memset(id, 0x5a, sizeof(id));
        memcpy(before, id, sizeof(id));
        assert_int_equal(id_parse(view_str(rows[i]), id), HUFU_SYNTAX);
        assert_memory_equal(id, before, sizeof(id));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_make_layout),
        cmocka_unit_test(test_make_failure_leaves_out_alone),
        cmocka_unit_test(test_make_sorts_by_time_and_differs),
        cmocka_unit_test(test_print_parse_round_trip),
        cmocka_unit_test(test_parse_refusals),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
