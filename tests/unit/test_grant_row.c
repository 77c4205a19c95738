/* A grant's row: written, read back, and refused whole where it is damaged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "vault/access/grant.h"

static void sample(struct grant *g)
{
    *g = (struct grant){ .state = GRANT_GRANTED,
                         .user_id = 7,
                         .domain_id = 3,
                         .needed = 2,
                         .count = GRANT_COUNT_MAX,
                         .remaining = GRANT_COUNT_MAX - 1,
                         .created_ms = 1790000000000,
                         .expires_ms = 1790000060000,
                         .approval = { { 8, 1790000000001 }, { 9, 1790000000002 } },
                         .approval_count = 2 };
    memcpy(g->purpose, "dispute", 8);
    memcpy(g->recipient, "police", 7);
    memset(g->reason, 'r', ROW_TEXT_MAX);
    for (unsigned i = 0; i < 5; i++) {
        uint8_t id[ENTRY_TOKEN_ID_LEN] = { (uint8_t)(200 - 40 * i), 1, 2 };

        assert_int_equal(grant_add_token(g, id), HUFU_OK);
    }
}

static struct view put(const struct grant *g, uint8_t mem[static GRANT_ROW_MAX])
{
    struct buf b;

    buf_fixed(&b, mem, GRANT_ROW_MAX);
    grant_put(g, &b);
    assert_int_equal(buf_check(&b), HUFU_OK);
    return buf_view(&b);
}

static void test_put_and_get(void **state)
{
    uint8_t first[GRANT_ROW_MAX], second[GRANT_ROW_MAX];
    struct grant g, back;
    struct view text;

    (void)state;
    sample(&g);
    text = put(&g, first);
    assert_int_equal(grant_get(text, &back), HUFU_OK);
    assert_memory_equal(&back, &g, sizeof(g));
    assert_true(view_equal(put(&back, second), text));
}

static void test_the_largest_fits(void **state)
{
    uint8_t mem[GRANT_ROW_MAX];
    struct grant g, back;

    (void)state;
    sample(&g);
    memset(g.purpose, 'p', GRANT_PURPOSE_MAX);
    memset(g.recipient, 'r', TEXT_NAME_MAX);
    g.token_count = 0;
    for (unsigned i = 0; i < GRANT_TOKENS_MAX; i++) {
        uint8_t id[ENTRY_TOKEN_ID_LEN] = { (uint8_t)(i * 37), (uint8_t)i };

        assert_int_equal(grant_add_token(&g, id), HUFU_OK);
    }
    assert_int_equal(grant_get(put(&g, mem), &back), HUFU_OK);
    assert_memory_equal(&back, &g, sizeof(g));
}

static void test_tokens_are_sorted_and_once(void **state)
{
    uint8_t id[ENTRY_TOKEN_ID_LEN] = { 0 };
    struct grant g = { 0 };

    (void)state;
    assert_false(grant_names(&g, id));
    for (unsigned i = 0; i < GRANT_TOKENS_MAX; i++) {
        id[0] = (uint8_t)(i * 101);
        assert_false(grant_names(&g, id));
        assert_int_equal(grant_add_token(&g, id), HUFU_OK);
        assert_true(grant_names(&g, id));
        assert_int_equal(grant_add_token(&g, id), HUFU_CONFLICT);
        assert_int_equal(g.token_count, i + 1);
    }
    for (unsigned i = 1; i < GRANT_TOKENS_MAX; i++)
        assert_true(memcmp(g.token_id[i - 1], g.token_id[i], sizeof(g.token_id[0])) < 0);
    id[1] = 1;
    assert_int_equal(grant_add_token(&g, id), HUFU_RANGE);
    assert_int_equal(g.token_count, GRANT_TOKENS_MAX);
}

static void refused(struct view text)
{
    struct grant out, before;

    memset(&out, 0x5a, sizeof(out));
    before = out;
    assert_int_equal(grant_get(text, &out), HUFU_CORRUPT);
    assert_memory_equal(&out, &before, sizeof(out));
}

static void test_truncated_and_longer_rows(void **state)
{
    uint8_t mem[GRANT_ROW_MAX];
    struct grant g;
    struct view text;

    (void)state;
    sample(&g);
    text = put(&g, mem);
    for (size_t len = 0; len < text.len; len++)
        refused(view_of(text.p, len));
    mem[text.len] = 0;
    refused(view_of(text.p, text.len + 1));
}

/* Whatever byte is changed: refused, or another row that is written as it was read. */
static void test_every_byte_counts(void **state)
{
    uint8_t mem[GRANT_ROW_MAX], again[GRANT_ROW_MAX];
    struct grant g, back;
    struct view text;
    size_t taken = 0;

    (void)state;
    sample(&g);
    text = put(&g, mem);
    for (size_t at = 0; at < text.len; at++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            mem[at] ^= (uint8_t)(1U << bit);
            if (grant_get(text, &back) == HUFU_OK) {
                assert_true(view_equal(put(&back, again), text));
                assert_memory_not_equal(&back, &g, sizeof(g));
                taken++;
            }
            mem[at] ^= (uint8_t)(1U << bit);
        }
    }
    assert_true(taken > 0);
}

static void test_what_cannot_be(void **state)
{
    uint8_t mem[GRANT_ROW_MAX];
    struct grant good;

    (void)state;
    sample(&good);
#define REFUSED(change)                                                                            \
    do {                                                                                           \
        struct grant g = good;                                                                     \
        change;                                                                                    \
        refused(put(&g, mem));                                                                     \
    } while (0)
    REFUSED(g.state = 0);
    REFUSED(g.state = GRANT_EXPIRED + 1);
    REFUSED(g.needed = 0);
    REFUSED(g.needed = GRANT_APPROVALS_MAX + 1);
    REFUSED(g.count = 0; g.remaining = 0; g.state = GRANT_USED_UP);
    REFUSED(g.count = GRANT_COUNT_MAX + 1);
    REFUSED(g.remaining = g.count + 1);
    REFUSED(g.remaining = 0);
    REFUSED(g.state = GRANT_USED_UP);
    REFUSED(g.approval_count = 1); /* granted by too few */
    REFUSED(g.approval[1].user_id = g.approval[0].user_id);
    REFUSED(memcpy(g.token_id[1], g.token_id[0], ENTRY_TOKEN_ID_LEN)); /* twice */
    REFUSED(g.token_id[0][0] = 255);                                   /* not in order */
#undef REFUSED
}

/* A zero inside a text would be lost when it is written again. */
static void test_zero_in_a_text(void **state)
{
    uint8_t mem[GRANT_ROW_MAX];
    struct grant g;
    struct view text;
    uint8_t *at;

    (void)state;
    sample(&g);
    text = put(&g, mem);
    at = memmem(mem, text.len, "dispute", 7);
    assert_non_null(at);
    at[3] = 0;
    refused(text);
}

static void test_state_names(void **state)
{
    (void)state;
    assert_string_equal(grant_state_name(GRANT_PROPOSED), "proposed");
    assert_string_equal(grant_state_name(GRANT_GRANTED), "granted");
    assert_string_equal(grant_state_name(GRANT_DENIED), "denied");
    assert_string_equal(grant_state_name(GRANT_WITHDRAWN), "withdrawn");
    assert_string_equal(grant_state_name(GRANT_USED_UP), "used_up");
    assert_string_equal(grant_state_name(GRANT_EXPIRED), "expired");
    assert_string_equal(grant_state_name(0), "?");
    assert_string_equal(grant_state_name(GRANT_EXPIRED + 1), "?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_put_and_get),
        cmocka_unit_test(test_the_largest_fits),
        cmocka_unit_test(test_tokens_are_sorted_and_once),
        cmocka_unit_test(test_truncated_and_longer_rows),
        cmocka_unit_test(test_every_byte_counts),
        cmocka_unit_test(test_what_cannot_be),
        cmocka_unit_test(test_zero_in_a_text),
        cmocka_unit_test(test_state_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
