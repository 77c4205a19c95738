/* The control rows in memory: found by every name, replaced whole, never half there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include "tests/unit/row_samples.h"
#include "vault/access/directory.h"

static struct directory *dir;

static int setup(void **state)
{
    (void)state;
    return directory_new(&dir) == HUFU_OK ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    directory_free(dir);
    return 0;
}

static int heap(void **state)
{
    (void)state;
    return secret_heap_init(262144) == HUFU_OK ? 0 : -1;
}

static enum hufu_err apply(uint8_t table, const void *key, size_t key_len, uint64_t seq,
                           const struct buf *text)
{
    uint8_t mem[64];
    struct buf k;

    buf_fixed(&k, mem, sizeof(mem));
    buf_u8(&k, table);
    buf_put(&k, key, key_len);
    return directory_apply(dir, buf_view(&k), seq, text == NULL ? view_of(NULL, 0) : buf_view(text),
                           seq * 10);
}

static enum hufu_err apply_id(uint8_t table, uint32_t id, uint64_t seq, const struct buf *text)
{
    const uint8_t key[4] = { (uint8_t)(id >> 24), (uint8_t)(id >> 16), (uint8_t)(id >> 8),
                             (uint8_t)id };

    return apply(table, key, sizeof(key), seq, text);
}

static void put_domain(uint32_t id, const char *name, uint8_t state, uint64_t seq)
{
    struct domain d = sample_domain(name);
    struct buf b;

    d.state = state;
    buf_init(&b, SAMPLE_ROW_MAX);
    domain_put(&d, &b);
    assert_int_equal(apply_id(TABLE_DOMAIN, id, seq, &b), HUFU_OK);
    buf_done(&b);
    domain_clear(&d);
}

static void put_partner(uint32_t id, const char *name, uint8_t pin, size_t pins, uint64_t seq)
{
    struct partner p = sample_partner(name, pin);
    struct buf b;

    p.pin_count = pins;
    buf_init(&b, SAMPLE_ROW_MAX);
    partner_put(&p, &b);
    assert_int_equal(apply_id(TABLE_PARTNER, id, seq, &b), HUFU_OK);
    buf_done(&b);
}

static void test_a_domain_is_found_and_replaced(void **state)
{
    const struct domain *old;

    (void)state;
    assert_null(directory_domain(dir, view_str("cards")));
    put_domain(0x01020304, "cards", ROW_ACTIVE, 5);
    put_domain(2, "accounts", ROW_ACTIVE, 6);
    old = directory_domain(dir, view_str("cards"));
    assert_non_null(old);
    assert_int_equal(old->id, 0x01020304);
    assert_int_equal(old->seq, 5);
    assert_ptr_equal(directory_domain_id(dir, 0x01020304), old);
    assert_ptr_equal(directory_domain_at(dir, 1), old); /* by name: accounts, cards */
    put_domain(0x01020304, "cards", ROW_FROZEN, 9);
    assert_int_equal(old->state, ROW_ACTIVE); /* who looks at the old one still may */
    assert_string_equal(format_name(old->format), "pan");
    assert_int_equal(directory_domain(dir, view_str("cards"))->state, ROW_FROZEN);
    /* … but its format, by far its largest part, is kept once */
    assert_ptr_equal(directory_domain(dir, view_str("cards"))->format, old->format);
    assert_int_equal(directory_domain_id(dir, 0x01020304)->seq, 9);
    assert_null(directory_domain_at(dir, 2));
    assert_null(directory_domain_id(dir, 1));
}

static void test_a_partner_is_found_by_its_present_pins_alone(void **state)
{
    uint8_t pin[MSG_PIN_LEN];

    (void)state;
    put_partner(1, "acme", 10, 2, 1); /* pins 10 and 11 */
    put_partner(2, "zeta", 20, 1, 2);
    memset(pin, 11, sizeof(pin));
    assert_string_equal(directory_partner_pin(dir, pin)->name, "acme");
    put_partner(1, "acme", 30, 1, 3);
    assert_null(directory_partner_pin(dir, pin));
    memset(pin, 30, sizeof(pin));
    assert_int_equal(directory_partner_pin(dir, pin)->seq, 3);
    memset(pin, 20, sizeof(pin));
    assert_string_equal(directory_partner_pin(dir, pin)->name, "zeta");
    memset(pin, 31, sizeof(pin)); /* the sample's second one, which was not stored */
    assert_null(directory_partner_pin(dir, pin));
    assert_string_equal(directory_partner(dir, view_str("zeta"))->name, "zeta");
    assert_string_equal(directory_partner_id(dir, 1)->name, "acme");
    assert_string_equal(directory_partner_at(dir, 1)->name, "zeta");
}

static void test_a_user_is_found(void **state)
{
    struct user u = sample_user("olga");
    struct buf b;

    (void)state;
    buf_init(&b, SAMPLE_ROW_MAX);
    user_put(&u, &b);
    assert_int_equal(apply_id(TABLE_USER, 3, 7, &b), HUFU_OK);
    assert_int_equal(apply_id(TABLE_USER, 3, 8, &b), HUFU_OK);
    assert_int_equal(directory_user(dir, view_str("olga"))->seq, 8);
    assert_int_equal(directory_user_id(dir, 3)->role, 2);
    assert_string_equal(directory_user_at(dir, 0)->name, "olga");
    assert_null(directory_user_at(dir, 1));
    assert_null(directory_user(dir, view_str("olg")));
    user_clear(&u);
    buf_done(&b);
}

static void test_a_session_comes_is_touched_and_goes(void **state)
{
    const struct session s = { .user_id = 3, .created_ms = 1, .expires_ms = 9, .factor_ms = 1 };
    uint8_t hash[32] = { 7 };
    struct session out = { .user_id = 77 };
    struct buf b;

    (void)state;
    buf_init(&b, SAMPLE_ROW_MAX);
    session_put(&s, &b);
    assert_int_equal(directory_session(dir, hash, &out), HUFU_NOT_FOUND);
    assert_int_equal(apply(TABLE_SESSION, hash, 32, 4, &b), HUFU_OK);
    assert_int_equal(directory_session(dir, hash, &out), HUFU_OK);
    assert_int_equal(out.user_id, 3);
    assert_int_equal(out.seq, 4);
    assert_int_equal(out.used_boot_ms, 40);
    assert_memory_equal(out.hash, hash, sizeof(hash));
    directory_touch(dir, hash, 99);
    assert_int_equal(directory_session_at(dir, 0, &out), HUFU_OK);
    assert_int_equal(out.used_boot_ms, 99);
    assert_int_equal(apply(TABLE_SESSION, hash, 32, 5, NULL), HUFU_OK);
    out.user_id = 77;
    assert_int_equal(directory_session(dir, hash, &out), HUFU_NOT_FOUND);
    assert_int_equal(directory_session_at(dir, 0, &out), HUFU_NOT_FOUND);
    assert_int_equal(out.user_id, 77);
    directory_touch(dir, hash, 100);                                    /* nothing to touch: fine */
    assert_int_equal(apply(TABLE_SESSION, hash, 32, 6, NULL), HUFU_OK); /* nor to remove */
    buf_done(&b);
}

static void test_factor_ceremony_ids_and_log(void **state)
{
    const struct factor f = { .last_step = 5 };
    const struct ceremony c = sample_ceremony();
    const struct row_ids ids = { 4, 5, 6, 7 };
    const struct log_identity log = sample_log();
    uint8_t id[ID_LEN] = { 1 };
    struct factor got_f;
    struct ceremony got_c;
    struct row_ids got_ids = { 0 };
    struct log_identity got_log;
    uint64_t seq = 77;
    struct buf b;

    (void)state;
    buf_init(&b, SAMPLE_ROW_MAX);
    assert_int_equal(directory_ids(dir, &got_ids, &seq), HUFU_NOT_FOUND);
    assert_int_equal(directory_log(dir, &got_log), HUFU_NOT_FOUND);
    assert_int_equal(seq, 77);
    factor_put(&f, &b);
    assert_int_equal(apply_id(TABLE_FACTOR, 3, 8, &b), HUFU_OK);
    assert_int_equal(directory_factor(dir, 3, &got_f), HUFU_OK);
    assert_true(got_f.last_step == 5 && got_f.seq == 8 && got_f.user_id == 3);
    assert_int_equal(directory_factor(dir, 4, &got_f), HUFU_NOT_FOUND);
    buf_reset(&b);
    ceremony_put(&c, &b);
    assert_int_equal(apply(TABLE_CEREMONY, id, ID_LEN, 9, &b), HUFU_OK);
    assert_int_equal(directory_ceremony(dir, id, &got_c), HUFU_OK);
    assert_true(got_c.seq == 9 && got_c.done == 8);
    assert_int_equal(directory_ceremony_at(dir, 0, &got_c), HUFU_OK);
    assert_int_equal(directory_ceremony_at(dir, 1, &got_c), HUFU_NOT_FOUND);
    buf_reset(&b);
    row_ids_put(&ids, &b);
    assert_int_equal(apply(TABLE_META, "ids", 3, 10, &b), HUFU_OK);
    assert_int_equal(directory_ids(dir, &got_ids, &seq), HUFU_OK);
    assert_true(got_ids.user == 6 && got_ids.recipient == 7 && seq == 10);
    buf_reset(&b);
    log_identity_put(&log, &b);
    assert_int_equal(apply(TABLE_META, "log", 3, 11, &b), HUFU_OK);
    assert_int_equal(directory_log(dir, &got_log), HUFU_OK);
    assert_string_equal(got_log.origin, "rig.test/log");
    buf_done(&b);
}

/* A row that cannot be read leaves what was there. */
static void test_apply_refuses_and_keeps_what_was_there(void **state)
{
    static const uint8_t tables[] = { TABLE_DOMAIN, TABLE_PARTNER, TABLE_USER,
                                      TABLE_FACTOR, TABLE_SESSION, TABLE_CEREMONY };
    uint8_t hash[32] = { 7 };
    struct buf b;

    (void)state;
    buf_init(&b, SAMPLE_ROW_MAX);
    buf_str(&b, "\001no such row");
    put_domain(1, "cards", ROW_ACTIVE, 5);
    for (size_t i = 0; i < sizeof(tables); i++) {
        assert_int_equal(apply_id(tables[i], 1, 6, &b), HUFU_CORRUPT);
        assert_int_equal(apply(tables[i], hash, 32, 6, &b), HUFU_CORRUPT);
        assert_int_equal(apply(tables[i], hash, ID_LEN, 6, &b), HUFU_CORRUPT);
        if (tables[i] != TABLE_SESSION) /* every other row ends in a state */
            assert_int_equal(apply_id(tables[i], 1, 6, NULL), HUFU_CORRUPT);
    }
    assert_int_equal(apply(TABLE_META, "ids", 3, 6, &b), HUFU_CORRUPT);
    assert_int_equal(apply(TABLE_META, "other", 5, 6, &b), HUFU_OK); /* passed over */
    assert_int_equal(apply_id(TABLE_TOKEN, 1, 6, &b), HUFU_OK);
    assert_int_equal(apply(TABLE_DOMAIN, NULL, 0, 6, &b), HUFU_CORRUPT);
    assert_int_equal(directory_domain(dir, view_str("cards"))->seq, 5);
    buf_done(&b);
}

static void test_apply_refuses_long_keys(void **state)
{
    uint8_t key[38] = { TABLE_TOKEN };

    (void)state;
    assert_int_equal(directory_apply(dir, view_of(key, 37), 1, view_str("x"), 1), HUFU_OK);
    assert_int_equal(directory_apply(dir, view_of(key, 38), 1, view_str("x"), 1), HUFU_CORRUPT);
    assert_int_equal(directory_apply(dir, view_of(key, 1), 1, view_str("x"), 1), HUFU_CORRUPT);
    assert_int_equal(directory_apply(dir, view_of(key, 0), 1, view_str("x"), 1), HUFU_CORRUPT);
}

static void put_kept(uint8_t table, uint8_t key, const char *text, uint64_t seq)
{
    struct buf b;

    buf_init(&b, 64);
    buf_str(&b, text);
    assert_int_equal(apply(table, &key, 1, seq, &b), HUFU_OK);
    buf_done(&b);
}

static void expect_after(uint8_t table, struct view key, uint8_t next, const char *text)
{
    uint8_t key_mem[36], text_mem[16];
    struct buf k, t;
    uint64_t seq;

    buf_fixed(&k, key_mem, sizeof(key_mem));
    buf_fixed(&t, text_mem, sizeof(text_mem));
    assert_int_equal(directory_kept_after(dir, table, key, &k, &t, &seq), HUFU_OK);
    assert_int_equal(k.len, 1);
    assert_int_equal(key_mem[0], next);
    assert_true(view_is(buf_view(&t), text));
}

static void test_kept_rows_are_walked_replaced_and_go(void **state)
{
    const uint8_t one = 1, two = 2, four = 4;
    uint8_t mem[2];
    struct buf small;
    uint64_t seq = 77;

    (void)state;
    put_kept(TABLE_GRANT, 4, "four", 1);
    put_kept(TABLE_GRANT, 1, "one", 2);
    put_kept(TABLE_CASE, 2, "elsewhere", 3);
    put_kept(TABLE_GRANT, 1, "uno", 4);
    assert_int_equal(directory_kept_count(dir, TABLE_GRANT), 2);
    assert_int_equal(directory_kept_count(dir, TABLE_ALARM), 0);
    expect_after(TABLE_GRANT, view_of(NULL, 0), 1, "uno");
    expect_after(TABLE_GRANT, view_of(&one, 1), 4, "four");
    expect_after(TABLE_GRANT, view_of(&two, 1), 4, "four");
    assert_int_equal(directory_kept_after(dir, TABLE_GRANT, view_of(&four, 1), NULL, NULL, &seq),
                     HUFU_NOT_FOUND);
    buf_fixed(&small, mem, sizeof(mem));
    assert_int_equal(directory_kept(dir, TABLE_GRANT, view_of(&one, 1), &small, &seq), HUFU_NOMEM);
    assert_int_equal(seq, 77);
    assert_int_equal(directory_kept(dir, TABLE_GRANT, view_of(&one, 1), NULL, &seq), HUFU_OK);
    assert_int_equal(seq, 4);
    assert_int_equal(apply(TABLE_GRANT, &one, 1, 5, NULL), HUFU_OK);
    assert_int_equal(directory_kept(dir, TABLE_GRANT, view_of(&one, 1), NULL, &seq),
                     HUFU_NOT_FOUND);
    assert_int_equal(directory_kept_at(dir, TABLE_GRANT, 0, NULL, NULL, &seq), HUFU_OK);
    assert_int_equal(seq, 1);
    assert_int_equal(directory_kept_at(dir, TABLE_GRANT, 1, NULL, NULL, &seq), HUFU_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_domain_is_found_and_replaced, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_partner_is_found_by_its_present_pins_alone, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_a_user_is_found, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_session_comes_is_touched_and_goes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_factor_ceremony_ids_and_log, setup, teardown),
        cmocka_unit_test_setup_teardown(test_apply_refuses_and_keeps_what_was_there, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_apply_refuses_long_keys, setup, teardown),
        cmocka_unit_test_setup_teardown(test_kept_rows_are_walked_replaced_and_go, setup, teardown),
    };

    return cmocka_run_group_tests(tests, heap, NULL);
}
