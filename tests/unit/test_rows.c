/* Control rows: written, read back, and refused whole. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include "tests/unit/row_samples.h"

static int setup(void **state)
{
    (void)state;
    return secret_heap_init(262144) == HUFU_OK ? 0 : -1;
}

/* One shape for all kinds: reads into scratch memory of `size` bytes; clear may be NULL. */
struct kind {
    const char *name;
    enum hufu_err (*get)(struct view in, void *out);
    void (*clear)(void *out);
    size_t size;
};

#define KIND(type, struct_name)                                                                    \
    static enum hufu_err get_##type(struct view in, void *out)                                     \
    {                                                                                              \
        return type##_get(in, (struct struct_name *)out);                                          \
    }
KIND(domain, domain)
KIND(partner, partner)
KIND(user, user)
KIND(factor, factor)
KIND(session, session)
KIND(ceremony, ceremony)
KIND(row_ids, row_ids)
KIND(log_identity, log_identity)
#undef KIND

static void clear_domain(void *out)
{
    domain_clear(out);
}

static void clear_user(void *out)
{
    user_clear(out);
}

static const struct kind kinds[] = {
    { "domain", get_domain, clear_domain, sizeof(struct domain) },
    { "partner", get_partner, NULL, sizeof(struct partner) },
    { "user", get_user, clear_user, sizeof(struct user) },
    { "factor", get_factor, NULL, sizeof(struct factor) },
    { "session", get_session, NULL, sizeof(struct session) },
    { "ceremony", get_ceremony, NULL, sizeof(struct ceremony) },
    { "row_ids", get_row_ids, NULL, sizeof(struct row_ids) },
    { "log_identity", get_log_identity, NULL, sizeof(struct log_identity) },
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static void put(size_t kind, struct buf *out)
{
    struct domain d = sample_domain("cards");
    struct partner p = sample_partner("acme", 1);
    struct user u = sample_user("olga");
    const struct factor f = { .last_step = 1, .failures = 2, .failed_ms = 3 };
    const struct session s = { .user_id = 1,
                               .created_ms = 2,
                               .expires_ms = 3,
                               .factor_ms = 4,
                               .is_bound = 1,
                               .bound = { 5 } };
    const struct ceremony c = sample_ceremony();
    const struct row_ids ids = { 1, 2, 3, 4 };
    const struct log_identity log = sample_log();

    switch (kind) {
    case 0:
        domain_put(&d, out);
        break;
    case 1:
        partner_put(&p, out);
        break;
    case 2:
        user_put(&u, out);
        break;
    case 3:
        factor_put(&f, out);
        break;
    case 4:
        session_put(&s, out);
        break;
    case 5:
        ceremony_put(&c, out);
        break;
    case 6:
        row_ids_put(&ids, out);
        break;
    default:
        log_identity_put(&log, out);
    }
    domain_clear(&d);
    user_clear(&u);
    assert_int_equal(buf_check(out), HUFU_OK);
}

static void get_refused(const struct kind *k, struct view in)
{
    static uint8_t got[16384], before[16384];

    assert_true(k->size <= sizeof(got));
    memset(got, 0x5a, k->size);
    memset(before, 0x5a, k->size);
    assert_int_equal(k->get(in, got), HUFU_CORRUPT);
    assert_memory_equal(got, before, k->size);
}

static void test_every_shorter_or_longer_row_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < KINDS; i++) {
        struct buf b;

        buf_init(&b, SAMPLE_ROW_MAX);
        put(i, &b);
        for (size_t n = 0; n < b.len; n++)
            get_refused(&kinds[i], buf_view(&(struct buf){ .p = b.p, .len = n }));
        b.p[0] = 2; /* a format that is not ours */
        get_refused(&kinds[i], buf_view(&b));
        b.p[0] = 1;
        buf_u8(&b, 0);
        get_refused(&kinds[i], buf_view(&b));
        buf_done(&b);
    }
}

/* Whatever a flipped bit makes of a row: it is refused, or printed again as it was read. */
static void test_a_flipped_bit_never_half_fills(void **state)
{
    static uint8_t got[16384];

    (void)state;
    for (size_t i = 0; i < KINDS; i++) {
        struct buf b;
        size_t last;

        buf_init(&b, SAMPLE_ROW_MAX);
        put(i, &b);
        last = b.len < 300 ? b.len : 300; /* a domain's format has tests of its own */
        for (size_t bit = 0; bit < 8 * last; bit++) {
            b.p[bit / 8] ^= (uint8_t)(1 << bit % 8);
            memset(got, 0x5a, kinds[i].size);
            if (kinds[i].get(buf_view(&b), got) != HUFU_OK)
                get_refused(&kinds[i], buf_view(&b));
            else if (kinds[i].clear != NULL)
                kinds[i].clear(got);
            b.p[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
        buf_done(&b);
    }
}

static void test_domain_comes_back(void **state)
{
    struct domain want = sample_domain("cards"), got;
    struct buf b, again;

    (void)state;
    buf_init(&b, SAMPLE_ROW_MAX);
    buf_init(&again, SAMPLE_ROW_MAX);
    domain_put(&want, &b);
    assert_int_equal(domain_get(buf_view(&b), &got), HUFU_OK);
    assert_string_equal(format_name(got.format), "pan");
    domain_put(&got, &again);
    assert_true(view_equal(buf_view(&b), buf_view(&again)));
    domain_clear(&want);
    want.format = NULL;
    domain_clear(&got);
    assert_memory_equal(&got, &want, sizeof(got));
    buf_done(&b);
    buf_done(&again);
}

static void test_user_comes_back_and_needs_a_whole_seed(void **state)
{
    struct user want = sample_user("olga"), got;
    struct buf b;

    (void)state;
    buf_init(&b, SAMPLE_ROW_MAX);
    user_put(&want, &b);
    assert_int_equal(user_get(buf_view(&b), &got), HUFU_OK);
    assert_true(secret_equal(want.seed, got.seed));
    assert_memory_equal(&got.password, &want.password, sizeof(got.password));
    assert_string_equal(got.name, "olga");
    assert_string_equal(got.group, "operator");
    user_clear(&got);
    b.p[b.len - ROW_SEED_LEN - 1]--; /* its length; one byte is left over then */
    get_refused(&kinds[2], buf_view(&b));
    b.len--;
    get_refused(&kinds[2], buf_view(&b)); /* and a seed of 19 bytes is none */
    user_clear(&want);
    buf_done(&b);
}

static void test_small_rows_come_back(void **state)
{
    const struct partner p = sample_partner("acme", 1);
    const struct ceremony c = sample_ceremony();
    const struct log_identity log = sample_log();
    const struct factor f = { .last_step = 1, .failures = 2, .failed_ms = 3 };
    const struct session s = { .user_id = 1,
                               .created_ms = 2,
                               .expires_ms = 3,
                               .factor_ms = 4,
                               .is_bound = 1,
                               .bound = { 5 } };
    const struct row_ids ids = { 1, 2, 3, 4 };
    static uint8_t got[16384];
    const void *want[KINDS] = { NULL, &p, NULL, &f, &s, &c, &ids, &log };

    (void)state;
    for (size_t i = 0; i < KINDS; i++) {
        struct buf b;

        if (want[i] == NULL)
            continue;
        buf_init(&b, SAMPLE_ROW_MAX);
        put(i, &b);
        assert_int_equal(kinds[i].get(buf_view(&b), got), HUFU_OK);
        assert_memory_equal(got, want[i], kinds[i].size);
        buf_done(&b);
    }
}

static void test_counts_above_their_limit_are_refused(void **state)
{
    struct partner p = sample_partner("acme", 1);
    struct ceremony c = sample_ceremony();
    struct buf b;

    (void)state;
    buf_init(&b, SAMPLE_ROW_MAX);
    partner_put(&p, &b);
    b.p[1 + 5 + 1 + 1 + 8] = ROW_PINS_MAX + 1;
    get_refused(&kinds[1], buf_view(&b));
    buf_reset(&b);
    c.approval_count = ROW_APPROVALS_MAX;
    ceremony_put(&c, &b);
    assert_int_equal(ceremony_get(buf_view(&b), &c), HUFU_OK);
    b.p[b.len - 12 * ROW_APPROVALS_MAX - 2] = ROW_APPROVALS_MAX + 1;
    for (int i = 0; i < 12; i++)
        buf_u8(&b, 0);
    get_refused(&kinds[5], buf_view(&b));
    buf_reset(&b);
    for (unsigned s = 0; s < 256; s++) {
        c.state = (uint8_t)s;
        buf_reset(&b);
        ceremony_put(&c, &b);
        if (s >= CEREMONY_PROPOSED && s <= CEREMONY_EXPIRED)
            assert_int_equal(ceremony_get(buf_view(&b), &c), HUFU_OK);
        else
            get_refused(&kinds[5], buf_view(&b));
    }
    buf_done(&b);
}

static void test_names_of_states_and_modes(void **state)
{
    uint8_t mode = 77;

    (void)state;
    assert_int_equal(domain_mode_parse(view_str("random"), &mode), HUFU_OK);
    assert_int_equal(mode, MODE_RANDOM);
    assert_int_equal(domain_mode_parse(view_str("?"), &mode), HUFU_NOT_FOUND);
    assert_int_equal(domain_mode_parse(view_str("rando"), &mode), HUFU_NOT_FOUND);
    assert_int_equal(mode, MODE_RANDOM);
    assert_string_equal(domain_mode_name(MODE_ONE_TIME), "one-time");
    assert_string_equal(domain_mode_name(MODE_FF1), "ff1");
    assert_string_equal(domain_mode_name(MODE_FF1 + 1), "?");
    assert_string_equal(row_state_name(ROW_PENDING), "pending");
    assert_string_equal(row_state_name(ROW_LEFT), "left");
    assert_string_equal(row_state_name(ROW_SEALED), "sealed");
    assert_string_equal(row_state_name(ROW_SEALED + 1), "?");
    assert_string_equal(ceremony_state_name(CEREMONY_EXPIRED), "expired");
    assert_string_equal(ceremony_state_name(CEREMONY_EXPIRED + 1), "?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_shorter_or_longer_row_is_refused),
        cmocka_unit_test(test_a_flipped_bit_never_half_fills),
        cmocka_unit_test(test_domain_comes_back),
        cmocka_unit_test(test_user_comes_back_and_needs_a_whole_seed),
        cmocka_unit_test(test_small_rows_come_back),
        cmocka_unit_test(test_counts_above_their_limit_are_refused),
        cmocka_unit_test(test_names_of_states_and_modes),
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
