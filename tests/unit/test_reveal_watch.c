/* Which tokens lie next to one another, and when there are too many of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "vault/reveal_watch.h"

#define HIDDEN 6

static struct reveal_watch *rw;

static int setup(void **state)
{
    (void)state;
    srandom(11);
    return reveal_watch_new(&rw) == HUFU_OK ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    reveal_watch_free(rw);
    return 0;
}

static void test_is_near_tells_neighbours(void **state)
{
    static const struct {
        const char *a, *b;
        size_t hidden;
        bool near;
    } rows[] = {
        { "4111110000011234", "4111110000021234", 6, true },  /* the middle counts on */
        { "4111110000091234", "4111110000101234", 6, true },  /* over a carry */
        { "4111119999991234", "4111120000001234", 6, true },  /* into what is kept */
        { "4111110000011234", "4111110000171234", 6, true },  /* 16 */
        { "4111110000011234", "4111110000181234", 6, false }, /* 17 */
        { "4111110000011234", "4111110000011235", 6, true },  /* the end counts on */
        { "4111110000011234", "4111110000011234", 6, false }, /* the same one */
        { "4111110000011234", "4111110000021235", 6, false }, /* both: 10001 */
        { "4111111000001234", "4111119000001234", 6, true },  /* one digit */
        { "4111110000011234", "41111100000112345", 6, false },
        { "4111110000011234", "4111110000021234", 4, true },
        { "4111110000011234", "4111110000031234", 4, false }, /* little is hidden */
        { "AB12XY", "AB12XZ", 6, true },
        { "AB12XA", "AB12XQ", 6, true },
        { "AB12XA", "AB12XR", 6, false },
        { "AB1ZX", "AB20X", 6, true }, /* Z counts on to 0 */
        { "abc@x.invalid", "abd@x.invalid", 6, true },
        { "ab@cx", "abc@x", 6, false },
        { "0000000000000000000000000000000000000000000000000000000000000000",
          "9999999999999999999999999999999999999999999999999999999999999999", 64, false },
        { "", "", 6, false },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct view a = view_str(rows[i].a), b = view_str(rows[i].b);

        if (reveal_watch_is_near(a, b, rows[i].hidden) != rows[i].near ||
            reveal_watch_is_near(b, a, rows[i].hidden) != rows[i].near)
            fail_msg("%s %s", rows[i].a, rows[i].b);
    }
}

static enum hufu_err note(uint32_t user, uint32_t domain, unsigned middle, uint64_t most)
{
    char text[32];
    struct reveal_ask ask = { user, domain, HIDDEN, { NULL, 0 } };

    snprintf(text, sizeof(text), "411111%06u1234", middle);
    ask.token = view_str(text);
    return reveal_watch_note(rw, &ask, most);
}

static void test_note_fires_at_the_bound_and_forgets(void **state)
{
    (void)state;
    for (int round = 0; round < 2; round++) {
        for (unsigned i = 0; i < 7; i++)
            assert_int_equal(note(1, 1, 100 + i, 8), HUFU_OK);
        assert_int_equal(note(1, 1, 100, 8), HUFU_OK); /* again, not another one */
        assert_int_equal(note(1, 1, 107, 8), HUFU_LIMIT);
    }
}

/* The first of a pair is a neighbour as much as the second; steps of 16 are small ones. */
static void test_note_counts_both_of_a_pair(void **state)
{
    (void)state;
    assert_int_equal(note(1, 1, 500, 4), HUFU_OK);
    assert_int_equal(note(1, 1, 900000, 4), HUFU_OK);
    assert_int_equal(note(1, 1, 516, 4), HUFU_OK);
    assert_int_equal(note(1, 1, 123456, 4), HUFU_OK);
    assert_int_equal(note(1, 1, 899984, 4), HUFU_LIMIT);
}

static void test_note_keeps_people_and_domains_apart(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 40; i++) {
        assert_int_equal(note(i, 1, i, 2), HUFU_OK);    /* 256 apart in one bucket: */
        assert_int_equal(note(1000, i, i, 2), HUFU_OK); /* each domain's own numbers */
        assert_int_equal(note(i + 256, 1, i, 2), HUFU_OK);
    }
    assert_int_equal(note(5, 1, 6, 2), HUFU_LIMIT);
}

/* Far from one another, and from small numbers. */
static unsigned scattered(unsigned i)
{
    return (314159 + i * 271828) % 1000000;
}

static void test_note_forgets_what_is_long_ago(void **state)
{
    (void)state;
    assert_int_equal(note(1, 1, 0, 2), HUFU_OK);
    for (unsigned i = 0; i < REVEAL_WATCH_LAST; i++)
        assert_int_equal(note(1, 1, scattered(i), 2), HUFU_OK);
    assert_int_equal(note(1, 1, 1, 2), HUFU_OK); /* 0 has left … */
    assert_int_equal(note(1, 1, scattered(REVEAL_WATCH_LAST - 1) + 1, 2), HUFU_LIMIT);
}

static void test_note_never_fires_when_off(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 100; i++)
        assert_int_equal(note(1, 1, i, REVEAL_WATCH_OFF), HUFU_OK);
}

/* A hundred thousand tokens drawn from one bucket of 10^6: who works all day is left alone. */
static void test_note_leaves_drawn_tokens_alone(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 100000; i++)
        assert_int_equal(note(1, 1, (unsigned)(random() % 1000000), 8), HUFU_OK);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_is_near_tells_neighbours),       TEST(test_note_fires_at_the_bound_and_forgets),
        TEST(test_note_counts_both_of_a_pair),     TEST(test_note_keeps_people_and_domains_apart),
        TEST(test_note_forgets_what_is_long_ago),  TEST(test_note_never_fires_when_off),
        TEST(test_note_leaves_drawn_tokens_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
