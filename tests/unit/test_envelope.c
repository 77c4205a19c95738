/* Sealed rows: bound to table, key, seq, key version and header (controls C11, C12). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/crypto_pieces.h"
#include "tests/unit/key_pieces.h"
#include "vault/keys/envelope.h"

#define MANY 70

static struct crypt *crypt, *plain; /* plain: by the library alone */
static struct draw dice;

static int setup(void **state)
{
    draw_init(&dice, &entropy_system);
    return heap_setup(state) == 0 && crypt_new(&crypt) == HUFU_OK &&
                   crypt_new_plain(&plain) == HUFU_OK
               ? 0
               : -1;
}

static int teardown(void **state)
{
    (void)state;
    crypt_free(crypt);
    crypt_free(plain);
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

/* vault/FORMATS.md section 3, put together by hand, with libcrypto's plain calls. */
static void test_the_image_is_what_the_format_says(void **state)
{
    struct key *key = key_new(1, KEY_DATA, 0x01020304, 5);
    static const uint8_t row[] = "\001\0\0\0\0074111";
    static const uint8_t head[] = { 1, 1, 4, 3, 2, 1, 3, 0, 'h', 'd', 'r' };
    uint8_t mem[128], aad[64], want[16], tag[16];
    struct buf image, bytes;

    (void)state;
    buf_fixed(&image, mem, sizeof(mem));
    assert_int_equal(envelope_lay(&image, view_str("hdr"), view_str("4111111111111111"), &dice),
                     HUFU_OK);
    assert_int_equal(image.len, sizeof(head) + 12 + 4 + 16 + 16);
    assert_memory_equal(mem + sizeof(head) + 12, "\020\0\0\0004111111111111111", 20);
    assert_int_equal(
        envelope_seal(crypt, key, view_of(row, sizeof(row) - 1), 0x1122, mem, image.len), HUFU_OK);
    assert_memory_equal(mem, head, sizeof(head));
    buf_fixed(&bytes, aad, sizeof(aad));
    buf_u16(&bytes, sizeof(row) - 1);
    buf_put(&bytes, row, sizeof(row) - 1);
    buf_u64(&bytes, 0x1122);
    buf_put(&bytes, head, sizeof(head));
    plain_gcm(secret_read(key->secret), mem + sizeof(head), buf_view(&bytes),
              view_str("4111111111111111"), want, tag);
    assert_memory_equal(mem + sizeof(head) + 16, want, 16);
    assert_memory_equal(mem + sizeof(head) + 32, tag, 16);
    key_drop(key);
}

struct many {
    uint8_t mem[MANY][600], same[MANY][600], text[MANY][600];
    uint8_t row[MANY][8];
    struct envelope_write write[MANY];
    struct envelope_read read[MANY];
    struct buf out[MANY];
};

static struct many many;

/* count images of any length, laid out for rows of their own; copies of them in same. */
static void many_lay(size_t count, struct key *a, struct key *b)
{
    static const uint8_t bytes[600] = "the header, and the text";

    for (size_t i = 0; i < count; i++) {
        struct buf image;

        buf_fixed(&image, many.mem[i], sizeof(many.mem[i]));
        assert_int_equal(envelope_lay(&image, view_of(bytes, dice_below(120)),
                                      view_of(bytes, 1 + dice_below(i % 9 == 8 ? 400 : 60)), &dice),
                         HUFU_OK);
        memcpy(many.same[i], many.mem[i], image.len);
        dice_fill(many.row[i], sizeof(many.row[i]));
        many.write[i] =
            (struct envelope_write){ dice_below(5) == 0 ? b : a, view_of(many.row[i], 1 + i % 8),
                                     7 + i / 3, many.mem[i], image.len };
    }
}

static void many_read(size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct envelope_write *w = &many.write[i];

        buf_fixed(&many.out[i], many.text[i], sizeof(many.text[i]));
        buf_str(&many.out[i], "before");
        many.read[i] =
            (struct envelope_read){ w->active,    w->row, w->seq, view_of(w->image, w->image_len),
                                    &many.out[i], HUFU_OK };
    }
}

/* Byte for byte what single calls make of the same images, also by the library alone. */
static void test_seal_many_is_as_many_single_calls(void **state)
{
    struct key *a = key_new(1, KEY_DATA, 3, 1), *b = key_new(2, KEY_DATA, 1, 2);

    (void)state;
    for (size_t count = 0; count <= MANY; count++) {
        uint64_t before = atomic_load(&a->used) + atomic_load(&b->used);

        many_lay(count, a, count % 2 == 0 ? a : b); /* whole lots, and short ones */
        assert_int_equal(envelope_seal_many(count % 4 == 3 ? plain : crypt, many.write, count),
                         HUFU_OK);
        assert_int_equal(atomic_load(&a->used) + atomic_load(&b->used), before + count);
        for (size_t i = 0; i < count; i++) {
            const struct envelope_write *w = &many.write[i];

            assert_int_equal(envelope_seal(i % 2 == 0 ? plain : crypt, w->active, w->row, w->seq,
                                           many.same[i], w->image_len),
                             HUFU_OK);
            assert_memory_equal(many.same[i], w->image, w->image_len);
        }
    }
    key_drop(a);
    key_drop(b);
}

/* Each its own outcome: changed images, other rows, cut ones and full buffers among good ones. */
static void test_C11_open_many_refuses_one_by_one(void **state)
{
    struct key *a = key_new(1, KEY_DATA, 3, 1), *b = key_new(2, KEY_DATA, 1, 2);

    (void)state;
    for (size_t count = 1; count <= MANY; count += 3) {
        size_t bad = dice_below(count), what = dice_below(5);

        many_lay(count, a, count % 2 == 0 ? a : b);
        assert_int_equal(envelope_seal_many(crypt, many.write, count), HUFU_OK);
        many_read(count);
        if (what == 0)
            many.mem[bad][many.write[bad].image_len - 1] ^= 1;
        else if (what == 1)
            many.read[bad].row.len++;
        else if (what == 2)
            many.read[bad].image.len--;
        else if (what == 3)
            many.read[bad].key = many.read[bad].key == a ? b : a;
        else
            many.read[bad].seq++;
        envelope_open_many(count % 4 == 3 ? plain : crypt, many.read, count);
        for (size_t i = 0; i < count; i++) {
            struct view got = buf_view(&many.out[i]);

            assert_int_equal(many.read[i].err, i == bad ? HUFU_CORRUPT : HUFU_OK);
            if (i == bad)
                assert_true(view_is(got, "before"));
            else
                assert_memory_equal(got.p, "beforethe header, and the text",
                                    got.len < 30 ? got.len : 30);
        }
    }
    key_drop(a);
    key_drop(b);
}

static void test_open_many_needs_room(void **state)
{
    struct key *key = key_new(1, KEY_DATA, 1, 1);
    uint8_t small[10];

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct view row = view_of(many.row[i], 8);
        size_t len = seal(key, row, i, many.mem[i]);

        many.write[i] = (struct envelope_write){ key, row, i, many.mem[i], len };
    }
    many_read(3);
    buf_fixed(&many.out[1], small, sizeof(small)); /* the text has 11 */
    envelope_open_many(crypt, many.read, 3);
    assert_int_equal(many.read[0].err, HUFU_OK);
    assert_int_equal(many.read[1].err, HUFU_RANGE);
    assert_int_equal(many.out[1].len, 0);
    assert_int_equal(many.read[2].err, HUFU_OK);
    assert_true(view_is(buf_view(&many.out[2]), "beforesecret text"));
    key_drop(key);
}

static void test_seal_many_refuses_past_the_lease(void **state)
{
    struct key *key = key_new(1, KEY_DATA, 1, 1);

    (void)state;
    many_lay(3, key, key);
    atomic_store(&key->leased, 2);
    assert_int_equal(envelope_seal_many(crypt, many.write, 3), HUFU_EXHAUSTED);
    assert_int_equal(atomic_load(&key->used), 0);
    atomic_store(&key->leased, 3);
    assert_int_equal(envelope_seal_many(crypt, many.write, 3), HUFU_OK);
    assert_int_equal(atomic_load(&key->used), 3);
    many.write[1].image_len--;
    atomic_store(&key->leased, 6);
    assert_int_equal(envelope_seal_many(crypt, many.write, 3), HUFU_CORRUPT);
    assert_int_equal(atomic_load(&key->used), 3);
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
        cmocka_unit_test(test_the_image_is_what_the_format_says),
        cmocka_unit_test(test_seal_many_is_as_many_single_calls),
        cmocka_unit_test(test_C11_open_many_refuses_one_by_one),
        cmocka_unit_test(test_open_many_needs_room),
        cmocka_unit_test(test_seal_many_refuses_past_the_lease),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
