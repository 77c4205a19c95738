/* Rows of KEKs and keysets, and keys sealed under a KEK (controls C11, C12). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include "tests/fake_hsm.h"
#include "tests/unit/key_pieces.h"
#include "vault/keys/keyrow.h"

static struct fake_hsm hsm;

static int setup(void **state)
{
    fake_hsm_init(&hsm);
    return heap_setup(state);
}

static int teardown(void **state)
{
    (void)state;
    fake_hsm_done(&hsm);
    return 0;
}

static struct kek_row kek_made(const char *id)
{
    struct kek_row row = { .version = 7, .state = KEY_ACTIVE, .created_ms = 5 };

    memcpy(row.id, id, strlen(id) + 1);
    if (hsm_kek_find(&hsm.ops, view_str(id), NULL) != HUFU_OK)
        assert_int_equal(hsm_kek_make(&hsm.ops, view_str(id), NULL), HUFU_OK);
    return row;
}

static size_t kek_print(const struct kek_row *row, uint8_t key_mem[static 8], struct view *key,
                        uint8_t *mem, size_t max)
{
    struct buf k, b;

    buf_fixed(&k, key_mem, 8);
    kek_row_key(row->version, &k);
    buf_fixed(&b, mem, max);
    kek_row_put(row, &b);
    assert_int_equal(buf_check(&k), HUFU_OK);
    assert_int_equal(buf_check(&b), HUFU_OK);
    *key = buf_view(&k);
    return b.len;
}

static void test_kek_row_round_trip_at_its_limits(void **state)
{
    struct kek_row row = { .version = 0x01020304, .state = KEY_DESTROYED, .created_ms = 99 }, got;
    uint8_t key_mem[8], mem[2048];
    struct view key;
    size_t len;

    (void)state;
    memset(row.id, 'k', HSM_KEY_ID_MAX);
    memset(row.canary, 3, sizeof(row.canary));
    row.canary_len = sizeof(row.canary);
    memset(row.attrs, 'a', KEYROW_ATTRS_MAX);
    len = kek_print(&row, key_mem, &key, mem, sizeof(mem));
    assert_memory_equal(key.p, "\020\001\002\003\004", 5); /* big-endian: rows lie in order */
    assert_int_equal(kek_row_get(key, view_of(mem, len), &got), HUFU_OK);
    assert_memory_equal(&got, &row, sizeof(row));
}

static void test_kek_row_get_refuses(void **state)
{
    struct kek_row row = { .version = 1, .state = KEY_ACTIVE, .id = "kek-1" }, got, before;
    uint8_t key_mem[8], mem[256], big_key[9] = { 16 };
    struct view key;
    size_t len = kek_print(&row, key_mem, &key, mem, sizeof(mem));

    (void)state;
    memset(&before, 0x5a, sizeof(before));
    got = before;
    for (size_t n = 0; n < len; n++)
        assert_int_equal(kek_row_get(key, view_of(mem, n), &got), HUFU_CORRUPT);
    assert_int_equal(kek_row_get(key, view_of(mem, len + 1), &got), HUFU_CORRUPT);
    assert_int_equal(kek_row_get(view_of(key.p, 4), view_of(mem, len), &got), HUFU_CORRUPT);
    assert_int_equal(kek_row_get(view_of(big_key, 6), view_of(mem, len), &got), HUFU_CORRUPT);
    key_mem[0] = 17; /* a keyset's table */
    assert_int_equal(kek_row_get(key, view_of(mem, len), &got), HUFU_CORRUPT);
    key_mem[0] = 16;
    mem[0] = 2; /* another format */
    assert_int_equal(kek_row_get(key, view_of(mem, len), &got), HUFU_CORRUPT);
    mem[0] = 1;
    mem[1] = 0;
    assert_int_equal(kek_row_get(key, view_of(mem, len), &got), HUFU_CORRUPT);
    mem[1] = KEY_DESTROYED + 1;
    assert_int_equal(kek_row_get(key, view_of(mem, len), &got), HUFU_CORRUPT);
    row.id[0] = '\0';
    len = kek_print(&row, key_mem, &key, mem, sizeof(mem));
    assert_int_equal(kek_row_get(key, view_of(mem, len), &got), HUFU_CORRUPT);
    assert_memory_equal(&got, &before, sizeof(got));
}

static void test_keyset_row_round_trip_and_refusals(void **state)
{
    struct keyset_row row = { .domain = 0xfffffffe,
                              .kind = KEY_MAC,
                              .version = 3,
                              .state = KEY_PRE_ACTIVE,
                              .created_ms = 4,
                              .leased = UINT64_MAX,
                              .kek_version = 6,
                              .sealed_len = KEYROW_SEALED_MAX };
    struct keyset_row got, before;
    uint8_t key_mem[16], mem[256];
    struct buf key, image;

    (void)state;
    memset(row.sealed, 8, sizeof(row.sealed));
    buf_fixed(&key, key_mem, sizeof(key_mem));
    keyset_row_key(row.domain, row.kind, row.version, &key);
    buf_fixed(&image, mem, sizeof(mem));
    keyset_row_put(&row, &image);
    assert_int_equal(keyset_row_get(buf_view(&key), buf_view(&image), &got), HUFU_OK);
    assert_memory_equal(&got, &row, sizeof(row));
    memset(&before, 0x5a, sizeof(before));
    got = before;
    for (size_t n = 0; n < image.len; n++)
        assert_int_equal(keyset_row_get(buf_view(&key), view_of(mem, n), &got), HUFU_CORRUPT);
    for (size_t n = 0; n < key.len; n++)
        assert_int_equal(keyset_row_get(view_of(key_mem, n), buf_view(&image), &got), HUFU_CORRUPT);
    for (unsigned kind = 0; kind < 256; kind++) {
        key_mem[5] = (uint8_t)kind;
        assert_int_equal(keyset_row_get(buf_view(&key), buf_view(&image), &got),
                         kind >= KEY_DATA && kind <= KEY_FF1 ? HUFU_OK : HUFU_CORRUPT);
        if (kind >= KEY_DATA && kind <= KEY_FF1)
            got = before;
    }
    key_mem[5] = KEY_MAC;
    row.sealed_len = 0;
    buf_fixed(&image, mem, sizeof(mem));
    keyset_row_put(&row, &image);
    assert_int_equal(keyset_row_get(buf_view(&key), buf_view(&image), &got), HUFU_CORRUPT);
    assert_memory_equal(&got, &before, sizeof(got));
}

static void test_canary_proves_the_kek(void **state)
{
    struct kek_row row = kek_made("kek-a"), other = kek_made("kek-b");

    (void)state;
    assert_int_equal(kek_row_make_canary(&hsm.ops, &row), HUFU_OK);
    assert_int_equal(kek_row_check_canary(&hsm.ops, &row), HUFU_OK);
    memcpy(other.canary, row.canary, sizeof(row.canary)); /* another KEK's canary */
    other.canary_len = row.canary_len;
    assert_int_equal(kek_row_check_canary(&hsm.ops, &other), HUFU_CORRUPT);
    for (size_t bit = 0; bit < 8 * row.canary_len; bit++) {
        row.canary[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_equal(kek_row_check_canary(&hsm.ops, &row), HUFU_CORRUPT);
        row.canary[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    hsm.down = true;
    assert_int_equal(kek_row_check_canary(&hsm.ops, &row), HUFU_HSM_DOWN);
    hsm.down = false;
}

static void test_canary_is_untouched_where_the_hsm_fails(void **state)
{
    static const enum hufu_err errs[] = { HUFU_HSM_DOWN, HUFU_HSM_PIN, HUFU_HSM_FAILED };
    struct kek_row row = kek_made("kek-a"), before = row;

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        fake_hsm_fail(&hsm, 1, errs[i], false);
        assert_int_equal(kek_row_make_canary(&hsm.ops, &row), errs[i]);
    }
    memcpy(row.id, "kek-x", 6); /* no such key */
    assert_int_equal(kek_row_make_canary(&hsm.ops, &row), HUFU_NOT_FOUND);
    assert_memory_equal(row.canary, before.canary, sizeof(row.canary));
    assert_int_equal(row.canary_len, 0);
}

static void test_keyset_seals_and_opens(void **state)
{
    struct kek_row kek = kek_made("kek-a");
    struct keyset_row row = { .domain = 3, .kind = KEY_DATA, .version = 1 };
    struct secret *key = NULL, *out = NULL;

    (void)state;
    assert_int_equal(secret_random(KEY_LEN, &key), HUFU_OK);
    assert_int_equal(keyset_row_seal(&hsm.ops, &kek, key, &row), HUFU_OK);
    assert_int_equal(row.kek_version, 7);
    assert_null(memmem(row.sealed, row.sealed_len, secret_read(key), 8));
    assert_int_equal(keyset_row_open(&hsm.ops, &kek, &row, &out), HUFU_OK);
    assert_true(secret_equal(key, out));
    secret_free(out);
    secret_free(key);
}

/* Domain, kind, version and KEK are bound: a sealed key cannot be moved into another place. */
static void test_C12_a_sealed_key_opens_in_its_own_place_only(void **state)
{
    struct kek_row kek = kek_made("kek-a"), other = kek_made("kek-b");
    struct keyset_row row = { .domain = 3, .kind = KEY_DATA, .version = 1 }, moved;
    struct secret *key = NULL, *out = NULL;

    (void)state;
    assert_int_equal(secret_random(KEY_LEN, &key), HUFU_OK);
    assert_int_equal(keyset_row_seal(&hsm.ops, &kek, key, &row), HUFU_OK);
    moved = row;
    moved.domain = 4;
    assert_int_equal(keyset_row_open(&hsm.ops, &kek, &moved, &out), HUFU_CORRUPT);
    moved = row;
    moved.kind = KEY_INDEX;
    assert_int_equal(keyset_row_open(&hsm.ops, &kek, &moved, &out), HUFU_CORRUPT);
    moved = row;
    moved.version = 2;
    assert_int_equal(keyset_row_open(&hsm.ops, &kek, &moved, &out), HUFU_CORRUPT);
    assert_int_equal(keyset_row_open(&hsm.ops, &other, &row, &out), HUFU_CORRUPT);
    for (size_t bit = 0; bit < 8 * row.sealed_len; bit++) {
        row.sealed[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_equal(keyset_row_open(&hsm.ops, &kek, &row, &out), HUFU_CORRUPT);
        row.sealed[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    assert_null(out);
    secret_free(key);
}

static void test_keyset_open_refuses_a_key_of_another_length(void **state)
{
    struct kek_row kek = kek_made("kek-a");
    struct keyset_row row = { .domain = 3, .kind = KEY_DATA, .version = 1 };
    struct secret *key = NULL, *out = NULL;

    (void)state;
    assert_int_equal(secret_random(KEY_LEN - 1, &key), HUFU_OK);
    assert_int_equal(keyset_row_seal(&hsm.ops, &kek, key, &row), HUFU_OK);
    assert_int_equal(keyset_row_open(&hsm.ops, &kek, &row, &out), HUFU_CORRUPT);
    assert_null(out);
    secret_free(key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kek_row_round_trip_at_its_limits),
        cmocka_unit_test(test_kek_row_get_refuses),
        cmocka_unit_test(test_keyset_row_round_trip_and_refusals),
        cmocka_unit_test(test_canary_proves_the_kek),
        cmocka_unit_test(test_canary_is_untouched_where_the_hsm_fails),
        cmocka_unit_test(test_keyset_seals_and_opens),
        cmocka_unit_test(test_C12_a_sealed_key_opens_in_its_own_place_only),
        cmocka_unit_test(test_keyset_open_refuses_a_key_of_another_length),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
