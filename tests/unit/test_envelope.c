/* Sealed rows: bound to table, key, seq, key version and header (controls C11, C12). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/key_pieces.h"
#include "vault/keys/envelope.h"

static struct crypt *crypt;
static struct draw dice;

static int setup(void **state)
{
    draw_init(&dice, &entropy_system);
    return heap_setup(state) == 0 && crypt_new(&crypt) == HUFU_OK ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    crypt_free(crypt);
    draw_done(&dice);
    return 0;
}

/* Seals "secret text" with header "head" for the row at seq; the image is in mem. */
static size_t seal(struct key *key, struct view row, uint64_t seq, uint8_t mem[static 128])
{
    struct buf image;

    buf_fixed(&image, mem, 128);
    assert_int_equal(envelope_lay(&image, view_str("head"), view_str("secret text"), &dice),
                     HUFU_OK);
    assert_int_equal(image.len, ENVELOPE_OVERHEAD + 4 + 11);
    assert_int_equal(envelope_seal(crypt, key, row, seq, mem, image.len), HUFU_OK);
    return image.len;
}

/* The outcome of opening; what was in the buffer before must still be there. */
static enum hufu_err open_it(const struct key *key, struct view row, uint64_t seq,
                             struct view image)
{
    uint8_t mem[64];
    struct buf out;
    enum hufu_err err;

    buf_fixed(&out, mem, sizeof(mem));
    buf_str(&out, "before");
    err = envelope_open(crypt, key, row, seq, image, &out);
    assert_true(view_is(buf_view(&out), err == HUFU_OK ? "beforesecret text" : "before"));
    return err;
}

static void test_seal_then_open(void **state)
{
    struct key *key = key_new(1, KEY_DATA, 3, 1);
    struct view row = view_str("\001row"), header;
    uint8_t mem[128], other[128];
    uint32_t version = 0;
    size_t len = seal(key, row, 9, mem);

    (void)state;
    assert_int_equal(open_it(key, row, 9, view_of(mem, len)), HUFU_OK);
    assert_int_equal(envelope_peek(view_of(mem, len), &version, &header), HUFU_OK);
    assert_int_equal(version, 3);
    assert_true(view_is(header, "head"));
    assert_null(memmem(mem, len, "secret", 6));
    assert_int_equal(atomic_load(&key->used), 1);
    assert_int_equal(seal(key, row, 9, other), len);
    assert_memory_not_equal(mem, other, len); /* a fresh nonce each time */
    key_drop(key);
}

static void test_C11_every_flipped_bit_of_the_image_is_refused(void **state)
{
    struct key *key = key_new(1, KEY_DATA, 1, 1);
    struct view row = view_str("\001row");
    uint8_t mem[128];
    size_t len = seal(key, row, 9, mem);

    (void)state;
    for (size_t bit = 0; bit < 8 * len; bit++) {
        mem[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_equal(open_it(key, row, 9, view_of(mem, len)), HUFU_CORRUPT);
        mem[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    assert_int_equal(open_it(key, row, 9, view_of(mem, len)), HUFU_OK);
    key_drop(key);
}

static void test_C11_another_row_or_operation_is_refused(void **state)
{
    struct key *key = key_new(1, KEY_DATA, 1, 1);
    uint8_t mem[128], mine[] = "\001row-of-mine";
    struct view row = view_of(mine, sizeof(mine) - 1);
    size_t len = seal(key, row, 9, mem);
    struct view image = view_of(mem, len);

    (void)state;
    for (size_t bit = 0; bit < 8 * row.len; bit++) {
        mine[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_equal(open_it(key, row, 9, image), HUFU_CORRUPT);
        mine[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    for (unsigned bit = 0; bit < 64; bit++)
        assert_int_equal(open_it(key, row, 9 ^ UINT64_C(1) << bit, image), HUFU_CORRUPT);
    assert_int_equal(open_it(key, view_of(mine, row.len - 1), 9, image), HUFU_CORRUPT);
    assert_int_equal(open_it(key, row, 9, image), HUFU_OK);
    key_drop(key);
}

static void test_C11_swapped_records_are_refused(void **state)
{
    struct key *key = key_new(1, KEY_DATA, 1, 1);
    struct view a = view_str("\001row-a"), b = view_str("\001row-b");
    uint8_t mem_a[128], mem_b[128];
    size_t len = seal(key, a, 5, mem_a);

    (void)state;
    assert_int_equal(seal(key, b, 5, mem_b), len);
    assert_int_equal(open_it(key, a, 5, view_of(mem_b, len)), HUFU_CORRUPT);
    assert_int_equal(open_it(key, b, 5, view_of(mem_a, len)), HUFU_CORRUPT);
    key_drop(key);
}

static void test_C11_another_key_version_is_refused(void **state)
{
    struct key *one = key_new(1, KEY_DATA, 1, 1), *two = key_new(1, KEY_DATA, 2, 1);
    struct view row = view_str("\001row");
    uint8_t mem[128];
    size_t len = seal(one, row, 9, mem);

    (void)state;
    assert_int_equal(open_it(two, row, 9, view_of(mem, len)), HUFU_CORRUPT);
    mem[2] = 2; /* the version is bound, even where the key bytes are the same */
    assert_int_equal(open_it(two, row, 9, view_of(mem, len)), HUFU_CORRUPT);
    key_drop(one);
    key_drop(two);
}

static void test_C12_a_record_of_one_domain_does_not_open_in_another(void **state)
{
    struct key *mine = key_new(1, KEY_DATA, 1, 1), *theirs = key_new(2, KEY_DATA, 1, 2);
    struct view row = view_str("\001row");
    uint8_t mem[128];
    size_t len = seal(mine, row, 9, mem);

    (void)state;
    assert_int_equal(open_it(theirs, row, 9, view_of(mem, len)), HUFU_CORRUPT);
    assert_int_equal(open_it(mine, row, 9, view_of(mem, len)), HUFU_OK);
    key_drop(mine);
    key_drop(theirs);
}

static void test_every_shorter_image_is_refused(void **state)
{
    struct key *key = key_new(1, KEY_DATA, 1, 1);
    struct view row = view_str("\001row"), header = view_str("untouched");
    uint8_t mem[129] = { 0 };
    size_t len = seal(key, row, 9, mem);
    uint32_t version = 77;

    (void)state;
    for (size_t n = 0; n <= len + 1; n++) {
        if (n == len)
            continue;
        assert_int_equal(open_it(key, row, 9, view_of(mem, n)), HUFU_CORRUPT);
        assert_int_equal(envelope_peek(view_of(mem, n), &version, &header), HUFU_CORRUPT);
        assert_int_equal(envelope_seal(crypt, key, row, 9, mem, n), HUFU_CORRUPT);
    }
    assert_int_equal(version, 77);
    assert_true(view_is(header, "untouched"));
    assert_int_equal(atomic_load(&key->used), 1); /* a refused image uses nothing up */
    key_drop(key);
}

static void test_seal_refuses_past_the_lease(void **state)
{
    struct key *key = key_new(1, KEY_DATA, 1, 1);
    uint8_t mem[128];
    struct buf image;

    (void)state;
    atomic_store(&key->leased, 0);
    buf_fixed(&image, mem, sizeof(mem));
    assert_int_equal(envelope_lay(&image, view_str(""), view_str("x"), &dice), HUFU_OK);
    assert_int_equal(envelope_seal(crypt, key, view_str("r"), 1, mem, image.len), HUFU_EXHAUSTED);
    atomic_store(&key->leased, 1);
    assert_int_equal(envelope_seal(crypt, key, view_str("r"), 1, mem, image.len), HUFU_OK);
    key_drop(key);
}

static enum hufu_err no_entropy(const struct entropy_ops *e, uint8_t *out, size_t out_len)
{
    (void)e;
    (void)out;
    (void)out_len;
    return HUFU_IO;
}

static void test_lay_needs_room_and_entropy(void **state)
{
    const struct entropy_ops none = { no_entropy };
    struct draw broken;
    uint8_t mem[ENVELOPE_OVERHEAD + 3];
    struct buf image;

    (void)state;
    buf_fixed(&image, mem, sizeof(mem));
    assert_int_equal(envelope_lay(&image, view_str("h"), view_str("xy"), &dice), HUFU_OK);
    buf_fixed(&image, mem, sizeof(mem) - 1);
    assert_int_equal(envelope_lay(&image, view_str("h"), view_str("xy"), &dice), HUFU_RANGE);
    draw_init(&broken, &none);
    buf_fixed(&image, mem, sizeof(mem));
    assert_int_equal(envelope_lay(&image, view_str("h"), view_str("xy"), &broken), HUFU_IO);
    draw_done(&broken);
}

static void test_open_needs_room(void **state)
{
    struct key *key = key_new(1, KEY_DATA, 1, 1);
    uint8_t mem[128], small[10];
    size_t len = seal(key, view_str("r"), 1, mem);
    struct buf out;

    (void)state;
    buf_fixed(&out, small, sizeof(small)); /* the text has 11 */
    assert_int_equal(envelope_open(crypt, key, view_str("r"), 1, view_of(mem, len), &out),
                     HUFU_RANGE);
    assert_int_equal(out.len, 0);
    key_drop(key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_seal_then_open),
        cmocka_unit_test(test_C11_every_flipped_bit_of_the_image_is_refused),
        cmocka_unit_test(test_C11_another_row_or_operation_is_refused),
        cmocka_unit_test(test_C11_swapped_records_are_refused),
        cmocka_unit_test(test_C11_another_key_version_is_refused),
        cmocka_unit_test(test_C12_a_record_of_one_domain_does_not_open_in_another),
        cmocka_unit_test(test_every_shorter_image_is_refused),
        cmocka_unit_test(test_seal_refuses_past_the_lease),
        cmocka_unit_test(test_lay_needs_room_and_entropy),
        cmocka_unit_test(test_open_needs_room),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
