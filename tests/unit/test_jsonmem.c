/* The memory of one parsed body: bounded, wiped, and the heap's again outside of a parse. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "api/jsonmem.h"

#define PLENTY ((size_t)64 << 20)

static bool is_zero(const uint8_t *p, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (p[i] != 0)
            return false;
    return true;
}

/* ["0000000001","0000000002",…] */
static char *list_text(size_t count)
{
    char *text = malloc(count * 13 + 16), *at = text;

    assert_non_null(text);
    *at++ = '[';
    for (size_t i = 0; i < count; i++)
        at += snprintf(at, 16, "%s\"%010u\"", i == 0 ? "" : ",", (unsigned)i);
    memcpy(at, "]", 2);
    return text;
}

static void test_jsonmem_small_body_stays_in_the_first_block(void **state)
{
    struct jsonmem m;
    json_t *root;

    (void)state;
    memset(m.first, 0, sizeof(m.first));
    jsonmem_begin(&m, 0); /* nothing may be asked of the heap */
    root = json_loads("{\"domain\":\"cards\",\"value\":\"4111111111111111\"}", 0, NULL);
    assert_non_null(root);
    assert_string_equal(json_string_value(json_object_get(root, "value")), "4111111111111111");
    assert_false(is_zero(m.first, sizeof(m.first)));
    jsonmem_end(&m);
    assert_true(is_zero(m.first, sizeof(m.first)));
}

static void test_jsonmem_large_body_has_blocks_and_keeps_its_values(void **state)
{
    const size_t counts[] = { 100, 1000, 20000, 1000, 5 };
    struct jsonmem m;

    (void)state;
    for (size_t c = 0; c < sizeof(counts) / sizeof(counts[0]); c++) {
        char *text = list_text(counts[c]), want[24];
        json_t *root;

        memset(m.first, 0, sizeof(m.first));
        jsonmem_begin(&m, PLENTY);
        root = json_loads(text, 0, NULL);
        assert_non_null(root);
        assert_int_equal(json_array_size(root), counts[c]);
        for (size_t i = 0; i < counts[c]; i++) {
            snprintf(want, sizeof(want), "%010zu", i);
            assert_string_equal(json_string_value(json_array_get(root, i)), want);
        }
        jsonmem_end(&m);
        assert_true(is_zero(m.first, sizeof(m.first)));
        free(text);
    }
}

static void test_jsonmem_is_bounded(void **state)
{
    char *text = list_text(20000);
    struct jsonmem m;

    (void)state;
    jsonmem_begin(&m, 65536);
    assert_null(json_loads(text, 0, NULL));
    jsonmem_end(&m);
    jsonmem_begin(&m, PLENTY); /* and the next has all it may have */
    assert_non_null(json_loads(text, 0, NULL));
    jsonmem_end(&m);
    free(text);
}

/* A block that is kept for the next body was wiped; what was taken before is not seen in it. */
static void test_jsonmem_wipes_the_block_it_keeps(void **state)
{
    char *text = list_text(1000);
    struct jsonmem m;
    uint8_t *block;
    size_t len;

    (void)state;
    jsonmem_begin(&m, PLENTY);
    assert_non_null(json_loads(text, 0, NULL));
    block = m.at - 4096;
    len = 4096;
    assert_false(is_zero(block, len));
    jsonmem_end(&m);
    jsonmem_begin(&m, PLENTY);
    free(text);
    text = malloc(sizeof(m.first));
    assert_non_null(text);
    memset(text, '[', 1);
    memset(text + 1, ' ', sizeof(m.first) - 3);
    memcpy(text + sizeof(m.first) - 2, "]", 2);
    assert_non_null(json_loads(text, 0, NULL));
    assert_non_null(json_pack("s%", text, sizeof(m.first) - 1)); /* it needs the kept block */
    assert_true(block < m.end && block + len > m.end - 262144);
    assert_true(is_zero(m.at, (size_t)(m.end - m.at)));
    jsonmem_end(&m);
    free(text);
}

static void test_jsonmem_heap_serves_outside_of_a_parse(void **state)
{
    json_t *root;

    (void)state;
    root = json_loads("[1,2,{\"a\":\"b\"}]", 0, NULL);
    assert_non_null(root);
    assert_int_equal(json_array_size(root), 3);
    json_decref(root);
}

static void *parse_many(void *arg)
{
    char *text = list_text(500);

    for (int i = 0; i < 200; i++) {
        struct jsonmem m;
        json_t *root;

        jsonmem_begin(&m, PLENTY);
        root = json_loads(text, 0, NULL);
        if (root == NULL || json_array_size(root) != 500)
            arg = NULL;
        jsonmem_end(&m);
    }
    free(text);
    return arg;
}

static void test_jsonmem_each_thread_has_its_own(void **state)
{
    pthread_t t[4];
    void *good;

    (void)state;
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&t[i], NULL, parse_many, t), 0);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(pthread_join(t[i], &good), 0);
        assert_non_null(good);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_jsonmem_small_body_stays_in_the_first_block),
        cmocka_unit_test(test_jsonmem_large_body_has_blocks_and_keeps_its_values),
        cmocka_unit_test(test_jsonmem_is_bounded),
        cmocka_unit_test(test_jsonmem_wipes_the_block_it_keeps),
        cmocka_unit_test(test_jsonmem_heap_serves_outside_of_a_parse),
        cmocka_unit_test(test_jsonmem_each_thread_has_its_own),
    };

    jsonmem_setup();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
