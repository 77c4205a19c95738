/* A sorted array of pointers, against a plain array. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <stdlib.h>

#include "vault/access/shelf.h"

static void test_put_find_remove_follow_a_model(void **state)
{
    static uint8_t keys[200][2];
    static int objects[2][200];
    int *model[200] = { NULL };
    struct shelf s = { 0 };
    uint32_t random = 1;
    size_t there = 0;

    (void)state;
    for (size_t i = 0; i < 200; i++) {
        keys[i][0] = (uint8_t)(i * 89 % 251);
        keys[i][1] = (uint8_t)i;
    }
    for (int step = 0; step < 20000; step++) {
        size_t i = (random = random * 1664525u + 1013904223u) >> 16 & 255;
        struct view key;
        void *old = &random;

        i %= 200;
        key = view_of(keys[i], i % 3 == 0 ? 1 : 2); /* prefixes of others too */
        if (i % 3 == 0 && keys[i][0] == keys[(i + 1) % 200][0])
            continue;
        assert_ptr_equal(shelf_find(&s, key), model[i]);
        if (random >> 30 == 0) {
            assert_ptr_equal(shelf_remove(&s, key), model[i]);
            there -= model[i] != NULL;
            model[i] = NULL;
            continue;
        }
        assert_int_equal(shelf_put(&s, key, &objects[step % 2][i], &old), HUFU_OK);
        assert_ptr_equal(old, model[i]);
        there += model[i] == NULL;
        model[i] = &objects[step % 2][i];
        assert_int_equal(s.count, there);
    }
    shelf_done(&s);
    assert_int_equal(s.count, 0);
}

static void test_at_walks_in_order_of_keys(void **state)
{
    static const char *const names[] = { "b", "a", "ab", "", "abc", "B" };
    static const char *const want[] = { "", "B", "a", "ab", "abc", "b" };
    struct shelf s = { 0 };
    void *old;

    (void)state;
    assert_null(shelf_at(&s, 0));
    assert_null(shelf_remove(&s, view_str("a")));
    for (size_t i = 0; i < 6; i++)
        assert_int_equal(shelf_put(&s, view_str(names[i]), (void *)(uintptr_t)names[i], &old),
                         HUFU_OK);
    for (size_t i = 0; i < 6; i++)
        assert_string_equal(shelf_at(&s, i), want[i]);
    assert_null(shelf_at(&s, 6));
    assert_null(shelf_find(&s, view_str("abcd")));
    shelf_done(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_put_find_remove_follow_a_model),
        cmocka_unit_test(test_at_walks_in_order_of_keys),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
