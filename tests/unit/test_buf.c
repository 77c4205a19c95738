#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "vault/base/buf.h"

/* A huge allocation then fails as it does without the sanitizer. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "allocator_may_return_null=1";
}

static void expect_bytes(const struct buf *b, const char *hex)
{
    size_t len = strlen(hex) / 2;

    assert_int_equal(b->len, len);
    for (size_t i = 0; i < len; i++) {
        const char two[3] = { hex[2 * i], hex[2 * i + 1], 0 };

        assert_int_equal(b->p[i], strtoul(two, NULL, 16));
    }
}

static void test_buf_layout_of_numbers(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 100);
    buf_u8(&b, 0x01);
    buf_u16(&b, 0x0203);
    buf_u32(&b, 0x04050607);
    buf_u64(&b, 0x08090a0b0c0d0e0fULL);
    buf_be16(&b, 0x0203);
    buf_be32(&b, 0x04050607);
    buf_be64(&b, 0x08090a0b0c0d0e0fULL);
    assert_int_equal(buf_check(&b), HUFU_OK);
    expect_bytes(&b, "01"
                     "0302"
                     "07060504"
                     "0f0e0d0c0b0a0908"
                     "0203"
                     "04050607"
                     "08090a0b0c0d0e0f");
    buf_done(&b);
}

static void test_buf_dec_prints_every_length(void **state)
{
    static const struct {
        uint64_t v;
        const char *text;
    } rows[] = {
        { 0, "0" },
        { 9, "9" },
        { 10, "10" },
        { 1000000, "1000000" },
        { UINT64_MAX, "18446744073709551615" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct buf b;

        buf_init(&b, 20);
        buf_dec(&b, rows[i].v);
        assert_int_equal(buf_check(&b), HUFU_OK);
        assert_true(view_is(buf_view(&b), rows[i].text));
        buf_done(&b);
    }
}

static void test_buf_put_stops_at_max_and_stays_failed(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 4);
    buf_str(&b, "abcd");
    assert_int_equal(buf_check(&b), HUFU_OK);
    buf_put(&b, "", 0);
    assert_int_equal(buf_check(&b), HUFU_OK);
    buf_u8(&b, 1);
    assert_int_equal(buf_check(&b), HUFU_RANGE);
    assert_true(view_is(buf_view(&b), "abcd"));
    b.len = 2; /* room again: but a failed buffer takes nothing more */
    buf_u8(&b, 1);
    assert_int_equal(b.len, 2);
    assert_null(buf_space(&b, 1));
    buf_reset(&b);
    buf_u8(&b, 1);
    assert_int_equal(buf_check(&b), HUFU_OK);
    buf_done(&b);
    assert_null(b.p);
}

static void test_buf_put_fails_without_memory(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, SIZE_MAX);
    buf_str(&b, "kept");
    assert_null(buf_space(&b, (size_t)1 << 60));
    assert_int_equal(buf_check(&b), HUFU_RANGE);
    assert_true(view_is(buf_view(&b), "kept"));
    buf_done(&b);
}

static void test_buf_growth_keeps_content(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 100000);
    for (uint32_t i = 0; i < 25000; i++)
        buf_u32(&b, i);
    assert_int_equal(buf_check(&b), HUFU_OK);
    assert_int_equal(b.len, 100000);
    assert_true(b.cap <= b.max);
    for (uint32_t i = 0; i < 25000; i++) {
        struct reader r;

        reader_init(&r, b.p + 4 * i, 4);
        assert_int_equal(reader_u32(&r), i);
    }
    buf_done(&b);
}

static void test_buf_fixed_is_bounded_and_wiped(void **state)
{
    uint8_t mem[8];
    struct buf b;

    (void)state;
    memset(mem, 0xaa, sizeof(mem));
    buf_fixed(&b, mem, 6);
    buf_str(&b, "secret");
    assert_int_equal(buf_check(&b), HUFU_OK);
    assert_memory_equal(mem, "secret\xaa\xaa", 8);
    buf_u8(&b, 1);
    assert_int_equal(buf_check(&b), HUFU_RANGE);
    buf_done(&b);
    assert_memory_equal(mem, "\0\0\0\0\0\0\xaa\xaa", 8);
}

static void test_buf_reset_wipes_and_keeps_the_memory(void **state)
{
    const uint8_t zero[6] = { 0 };
    struct buf b;
    uint8_t *p;

    (void)state;
    buf_init(&b, 100);
    buf_str(&b, "secret");
    p = b.p;
    buf_reset(&b);
    assert_ptr_equal(b.p, p);
    assert_int_equal(b.len, 0);
    assert_memory_equal(p, zero, 6);
    buf_done(&b);
}

static void test_buf_space_is_zeroed(void **state)
{
    uint8_t mem[4] = { 9, 9, 9, 9 };
    struct buf b;

    (void)state;
    buf_fixed(&b, mem, 4);
    assert_ptr_equal(buf_space(&b, 3), mem);
    assert_memory_equal(mem, "\0\0\0\x09", 4);
    assert_null(buf_space(&b, 2));
    assert_int_equal(buf_check(&b), HUFU_RANGE);
}

static void test_buf_lv_writes_length_and_bytes_or_nothing(void **state)
{
    static uint8_t big[65536];
    struct buf b;

    (void)state;
    buf_init(&b, 200000);
    buf_lv8(&b, "ab", 2);
    buf_lv16(&b, "cd", 2);
    buf_lv32(&b, NULL, 0);
    expect_bytes(&b, "0261620200636400000000");
    buf_lv8(&b, big, 255);
    buf_lv16(&b, big, 65535);
    buf_lv32(&b, big, 65536);
    assert_int_equal(buf_check(&b), HUFU_OK);
    buf_lv8(&b, big, 256);
    assert_int_equal(buf_check(&b), HUFU_RANGE);
    buf_reset(&b);
    buf_lv16(&b, big, 65536);
    assert_int_equal(buf_check(&b), HUFU_RANGE);
    assert_int_equal(b.len, 0);
    buf_done(&b);

    buf_init(&b, 5); /* the length would fit, its bytes not: neither is written */
    buf_lv16(&b, big, 4);
    assert_int_equal(buf_check(&b), HUFU_RANGE);
    assert_int_equal(b.len, 0);
    buf_done(&b);
}

static void test_reader_reads_what_buf_wrote(void **state)
{
    uint8_t out[3] = { 0 };
    struct reader r;
    struct buf b;

    (void)state;
    buf_init(&b, 200);
    buf_u8(&b, 250);
    buf_u16(&b, 65000);
    buf_u32(&b, 4000000000U);
    buf_u64(&b, UINT64_MAX - 1);
    buf_be32(&b, 7);
    buf_be64(&b, 8);
    buf_lv8(&b, "a", 1);
    buf_lv16(&b, "bc", 2);
    buf_lv32(&b, "def", 3);
    buf_str(&b, "xyz");
    reader_init(&r, b.p, b.len);
    assert_int_equal(reader_u8(&r), 250);
    assert_int_equal(reader_u16(&r), 65000);
    assert_int_equal(reader_u32(&r), 4000000000U);
    assert_true(reader_u64(&r) == UINT64_MAX - 1);
    assert_int_equal(reader_be32(&r), 7);
    assert_int_equal(reader_be64(&r), 8);
    assert_true(view_is(reader_lv8(&r, 1), "a"));
    assert_true(view_is(reader_lv16(&r, 2), "bc"));
    assert_true(view_is(reader_lv32(&r, 3), "def"));
    assert_int_equal(reader_end(&r), HUFU_CORRUPT); /* three bytes are left over */
    reader_copy(&r, out, 3);
    assert_memory_equal(out, "xyz", 3);
    assert_int_equal(reader_end(&r), HUFU_OK);
    buf_done(&b);
}

static void test_reader_past_the_end_gives_zero_for_good(void **state)
{
    const uint8_t in[3] = { 1, 2, 3 };
    uint8_t out[2] = { 9, 9 };
    struct reader r;

    (void)state;
    reader_init(&r, in, sizeof(in));
    assert_int_equal(reader_u32(&r), 0);
    assert_int_equal(reader_u8(&r), 0); /* there, but the reader has failed */
    assert_null(reader_take(&r, 0).p);
    reader_copy(&r, out, 2);
    assert_memory_equal(out, "\0\0", 2);
    assert_int_equal(reader_end(&r), HUFU_CORRUPT);
}

static void test_reader_lv_refuses_more_than_max(void **state)
{
    const uint8_t in[] = { 3, 0, 0, 0, 'a', 'b', 'c' };
    struct reader r;

    (void)state;
    reader_init(&r, in, sizeof(in));
    assert_int_equal(reader_lv32(&r, 3).len, 3);
    assert_int_equal(reader_end(&r), HUFU_OK);
    reader_init(&r, in, sizeof(in));
    assert_null(reader_lv32(&r, 2).p);
    assert_int_equal(reader_end(&r), HUFU_CORRUPT);
    reader_init(&r, in, sizeof(in) - 1); /* one byte is missing */
    assert_null(reader_lv32(&r, 3).p);
    reader_init(&r, in, sizeof(in));
    assert_null(reader_lv8(&r, 2).p);
    reader_init(&r, in, sizeof(in));
    assert_null(reader_lv16(&r, 2).p);
}

static void test_reader_of_nothing(void **state)
{
    struct reader r;

    (void)state;
    reader_init(&r, NULL, 0);
    assert_non_null(reader_take(&r, 0).p); /* empty, not absent */
    assert_int_equal(reader_end(&r), HUFU_OK);
    assert_int_equal(reader_u8(&r), 0);
    assert_int_equal(reader_end(&r), HUFU_CORRUPT);
}

static void test_view_equal(void **state)
{
    (void)state;
    assert_true(view_is(view_str("ab"), "ab"));
    assert_false(view_is(view_str("ab"), "ac"));
    assert_false(view_is(view_str("ab"), "abc"));
    assert_true(view_equal(view_of(NULL, 0), view_str("")));
    assert_true(view_equal(view_of("ab\0c", 4), view_of("ab\0c", 4)));
    assert_false(view_equal(view_of("ab\0c", 4), view_of("ab\0d", 4)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_buf_layout_of_numbers),
        cmocka_unit_test(test_buf_dec_prints_every_length),
        cmocka_unit_test(test_buf_put_stops_at_max_and_stays_failed),
        cmocka_unit_test(test_buf_put_fails_without_memory),
        cmocka_unit_test(test_buf_growth_keeps_content),
        cmocka_unit_test(test_buf_fixed_is_bounded_and_wiped),
        cmocka_unit_test(test_buf_reset_wipes_and_keeps_the_memory),
        cmocka_unit_test(test_buf_space_is_zeroed),
        cmocka_unit_test(test_buf_lv_writes_length_and_bytes_or_nothing),
        cmocka_unit_test(test_reader_reads_what_buf_wrote),
        cmocka_unit_test(test_reader_past_the_end_gives_zero_for_good),
        cmocka_unit_test(test_reader_lv_refuses_more_than_max),
        cmocka_unit_test(test_reader_of_nothing),
        cmocka_unit_test(test_view_equal),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
