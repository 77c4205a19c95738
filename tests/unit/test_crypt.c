/* AES-256-GCM and HMAC-SHA-256 under keys of the ring, with contexts kept by serial. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/crypto_pieces.h"
#include "tests/unit/key_pieces.h"
#include "vault/keys/crypt.h"

/* How often a key was set up. */
static size_t set_up;

enum hufu_err __real_gcm_new(const uint8_t *key, bool by_cpu, struct gcm **out);
enum hufu_err __wrap_gcm_new(const uint8_t *key, bool by_cpu, struct gcm **out);
enum hufu_err __real_hmac_new(const uint8_t *key, size_t len, bool by_cpu, struct hmac **out);
enum hufu_err __wrap_hmac_new(const uint8_t *key, size_t len, bool by_cpu, struct hmac **out);

enum hufu_err __wrap_gcm_new(const uint8_t *key, bool by_cpu, struct gcm **out)
{
    set_up++;
    return __real_gcm_new(key, by_cpu, out);
}

enum hufu_err __wrap_hmac_new(const uint8_t *key, size_t len, bool by_cpu, struct hmac **out)
{
    set_up++;
    return __real_hmac_new(key, len, by_cpu, out);
}

static enum hufu_err (*crypt_make)(struct crypt **out) = crypt_new; /* each test runs with both */

/* McGrew and Viega, "The Galois/Counter Mode of Operation", appendix B, test case 16. */
static void test_seal_known_answer(void **state)
{
    struct key *key = key_new(1, KEY_DATA, 1, 1);
    uint8_t nonce[CRYPT_NONCE_LEN], text[64], plain[64], want[64], tag[CRYPT_TAG_LEN];
    uint8_t want_tag[CRYPT_TAG_LEN], aad_mem[32], opened[64];
    struct view aad[3];
    struct crypt *c;
    size_t len;

    (void)state;
    unhex("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
          secret_write(key->secret), KEY_LEN);
    unhex("cafebabefacedbaddecaf888", nonce, sizeof(nonce));
    len = unhex("d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809"
                "532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
                plain, sizeof(plain));
    unhex("522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b"
          "1056828838c5f61e6393ba7a0abcc9f662",
          want, sizeof(want));
    unhex("76fc6ece0f4e1768cddf8853bb2d551b", want_tag, sizeof(want_tag));
    unhex("feedfacedeadbeeffeedfacedeadbeefabaddad2", aad_mem, sizeof(aad_mem));
    aad[0] = view_of(aad_mem, 3);
    aad[1] = view_of(NULL, 0);
    aad[2] = view_of(aad_mem + 3, 17);
    assert_int_equal(crypt_make(&c), HUFU_OK);
    for (int i = 0; i < 3; i++) { /* the kept context gives the same again */
        memcpy(text, plain, len);
        assert_int_equal(crypt_seal(c, key, nonce, aad, 3, text, len, tag), HUFU_OK);
        assert_memory_equal(text, want, len);
        assert_memory_equal(tag, want_tag, sizeof(tag));
        assert_int_equal(crypt_open(c, key, nonce, aad, 3, text, len, tag, opened), HUFU_OK);
        assert_memory_equal(opened, plain, len);
    }
    crypt_free(c);
    key_drop(key);
}

/* One bit anywhere refuses, and gives nothing away. */
static void test_open_refuses_every_flipped_bit(void **state)
{
    struct key *key = key_new(1, KEY_DATA, 1, 1);
    uint8_t all[CRYPT_NONCE_LEN + 5 + 9 + CRYPT_TAG_LEN] = { 0 }, out[9], zero[9] = { 0 };
    uint8_t *aad_at = all + CRYPT_NONCE_LEN, *text = aad_at + 5, *tag = text + 9;
    struct view aad = view_of(aad_at, 5);
    struct crypt *c;

    (void)state;
    assert_int_equal(crypt_make(&c), HUFU_OK);
    memcpy(text, "something", 9);
    assert_int_equal(crypt_seal(c, key, all, &aad, 1, text, 9, tag), HUFU_OK);
    for (size_t bit = 0; bit < 8 * sizeof(all); bit++) {
        memset(out, 0xee, sizeof(out));
        all[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_equal(crypt_open(c, key, all, &aad, 1, text, 9, tag, out), HUFU_CORRUPT);
        assert_memory_equal(out, zero, sizeof(out)); /* wiped, not half decrypted */
        all[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    assert_int_equal(crypt_open(c, key, all, &aad, 1, text, 9, tag, out), HUFU_OK);
    assert_memory_equal(out, "something", 9);
    crypt_free(c);
    key_drop(key);
}

/* Serials that fall on one slot of the cache must not share a context. */
static void test_keys_of_one_slot_do_not_mix(void **state)
{
    struct key *a = key_new(1, KEY_DATA, 1, 1), *b = key_new(2, KEY_DATA, 1, 2);
    uint8_t nonce[CRYPT_NONCE_LEN] = { 0 }, ta[4] = "text", tb[4] = "text", tag_a[16], tag_b[16];
    uint8_t out[4], mac_a[CRYPT_MAC_LEN], mac_b[CRYPT_MAC_LEN], again[CRYPT_MAC_LEN];
    struct view part = view_str("part");
    struct crypt *c;

    (void)state;
    a->serial = 5;
    b->serial = 5 + 64;
    assert_int_equal(crypt_make(&c), HUFU_OK);
    assert_int_equal(crypt_seal(c, a, nonce, NULL, 0, ta, 4, tag_a), HUFU_OK);
    assert_int_equal(crypt_seal(c, b, nonce, NULL, 0, tb, 4, tag_b), HUFU_OK);
    assert_memory_not_equal(ta, tb, 4);
    assert_int_equal(crypt_open(c, a, nonce, NULL, 0, ta, 4, tag_a, out), HUFU_OK);
    assert_int_equal(crypt_open(c, b, nonce, NULL, 0, ta, 4, tag_a, out), HUFU_CORRUPT);
    assert_int_equal(crypt_open(c, b, nonce, NULL, 0, tb, 4, tag_b, out), HUFU_OK);
    assert_int_equal(crypt_mac(c, a, &part, 1, mac_a), HUFU_OK);
    assert_int_equal(crypt_mac(c, b, &part, 1, mac_b), HUFU_OK);
    assert_int_equal(crypt_mac(c, a, &part, 1, again), HUFU_OK);
    assert_memory_not_equal(mac_a, mac_b, CRYPT_MAC_LEN);
    assert_memory_equal(mac_a, again, CRYPT_MAC_LEN);
    crypt_free(c);
    crypt_free(NULL);
    key_drop(a);
    key_drop(b);
}

/* What was set up from a key's bytes does not outlive them: a second key of its serial gets its
 * own. */
static void test_an_ended_key_leaves_no_context(void **state)
{
    struct key *ended = key_new(1, KEY_DATA, 1, 1), *after = key_new(1, KEY_DATA, 2, 2);
    uint8_t nonce[CRYPT_NONCE_LEN] = { 0 }, text[4] = "text", tag[16], out[4];
    uint8_t mac[CRYPT_MAC_LEN], mac_after[CRYPT_MAC_LEN];
    struct view part = view_str("part");
    struct crypt *c;

    (void)state;
    ended->serial = after->serial = 7;
    assert_int_equal(crypt_make(&c), HUFU_OK);
    assert_int_equal(crypt_seal(c, ended, nonce, NULL, 0, text, 4, tag), HUFU_OK);
    assert_int_equal(crypt_open(c, ended, nonce, NULL, 0, text, 4, tag, out), HUFU_OK);
    assert_int_equal(crypt_mac(c, ended, &part, 1, mac), HUFU_OK);
    key_end(ended);
    assert_null(ended->secret);
    assert_int_equal(crypt_open(c, after, nonce, NULL, 0, text, 4, tag, out), HUFU_CORRUPT);
    assert_int_equal(crypt_mac(c, after, &part, 1, mac_after), HUFU_OK);
    assert_memory_not_equal(mac, mac_after, CRYPT_MAC_LEN);
    crypt_free(c);
    key_drop(ended);
    key_drop(after);
}

/* There and back; another key's context is another permutation, an ended key's is gone. */
static void test_ff1_goes_by_the_key(void **state)
{
    struct key *a = key_new(1, KEY_FF1, 1, 1), *b = key_new(1, KEY_FF1, 2, 2);
    uint16_t in[8] = { 1, 2, 3, 4, 5, 6, 7, 8 }, out_a[8], out_b[8], back[8];
    struct ff1_lot lot = { .radix = 10, .len = 8, .count = 1 };
    struct crypt *c;

    (void)state;
    a->serial = b->serial = 7;
    assert_int_equal(crypt_make(&c), HUFU_OK);
    assert_int_equal(crypt_ff1(c, a, CRYPT_ENCRYPT, &lot, in, out_a), HUFU_OK);
    assert_int_equal(crypt_ff1(c, a, CRYPT_DECRYPT, &lot, out_a, back), HUFU_OK);
    assert_memory_equal(in, back, sizeof(in));
    key_end(a);
    assert_int_equal(crypt_ff1(c, b, CRYPT_ENCRYPT, &lot, in, out_b), HUFU_OK);
    assert_memory_not_equal(out_a, out_b, sizeof(out_a));
    b->serial = 7 + 64; /* the same place */
    assert_int_equal(crypt_ff1(c, b, CRYPT_DECRYPT, &lot, out_b, back), HUFU_OK);
    assert_memory_equal(in, back, sizeof(in));
    lot.len = 5;
    assert_int_equal(crypt_ff1(c, b, CRYPT_ENCRYPT, &lot, in, out_b), HUFU_DOMAIN_SMALL);
    crypt_free(c);
    key_drop(a);
    key_drop(b);
}

/* RFC 2104 by libcrypto's one-shot call. */
static void test_mac_joins_parts(void **state)
{
    struct key *key = key_new(1, KEY_MAC, 1, 0x5c);
    struct view parts[] = { view_str("one"), view_of(NULL, 0), view_str("two") };
    uint8_t out[CRYPT_MAC_LEN], want[CRYPT_MAC_LEN];
    unsigned len = sizeof(want);
    struct crypt *c;

    (void)state;
    assert_int_equal(crypt_make(&c), HUFU_OK);
    assert_non_null(HMAC(EVP_sha256(), secret_read(key->secret), KEY_LEN, (const uint8_t *)"onetwo",
                         6, want, &len));
    for (int i = 0; i < 2; i++) {
        assert_int_equal(crypt_mac(c, key, parts, 3, out), HUFU_OK);
        assert_memory_equal(out, want, sizeof(want));
    }
    assert_int_equal(crypt_mac(c, key, NULL, 0, out), HUFU_OK);
    assert_memory_not_equal(out, want, sizeof(want));
    crypt_free(c);
    key_drop(key);
}

/* What many calls give one after another, one call gives for all; each key its own. */
static void test_many_are_as_single_calls(void **state)
{
    struct key *key = key_new(1, KEY_DATA, 1, 1), *other = key_new(1, KEY_DATA, 2, 2);
    uint8_t nonce[3][CRYPT_NONCE_LEN] = { { 1 }, { 2 }, { 3 } }, tag[3][CRYPT_TAG_LEN];
    uint8_t one[3][20] = { "first", "second", "third" }, many[3][20], many_tag[3][CRYPT_TAG_LEN];
    struct view aad = view_str("aad");
    struct gcm_item item[3];
    struct crypt *c;

    (void)state;
    memcpy(many, one, sizeof(one));
    assert_int_equal(crypt_make(&c), HUFU_OK);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(crypt_seal(c, key, nonce[i], &aad, 1, one[i], 20, tag[i]), HUFU_OK);
        item[i] = (struct gcm_item){ .nonce = nonce[i],
                                     .aad = &aad,
                                     .aad_count = 1,
                                     .in = many[i],
                                     .out = many[i],
                                     .text_len = 20,
                                     .tag_out = many_tag[i] };
    }
    assert_int_equal(crypt_seal_many(c, key, item, 3), HUFU_OK);
    assert_memory_equal(many, one, sizeof(one));
    assert_memory_equal(many_tag, tag, sizeof(tag));
    assert_int_equal(crypt_open_many(c, other, item, 3), HUFU_OK);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(item[i].err, HUFU_CORRUPT);
    memcpy(many, one, sizeof(one)); /* it was wiped */
    assert_int_equal(crypt_open_many(c, key, item, 3), HUFU_OK);
    assert_int_equal(item[2].err, HUFU_OK);
    assert_memory_equal(many[0], "first", 5);
    assert_memory_equal(many[2], "third", 5);
    crypt_free(c);
    key_drop(key);
    key_drop(other);
}

static void test_mac_many_are_as_single_calls(void **state)
{
    struct key *key = key_new(1, KEY_INDEX, 1, 1);
    struct view in[3] = { view_str("4111111111111111"), view_str(""),
                          view_str("5500000000000004") };
    uint8_t one[3][CRYPT_MAC_LEN], many[3][CRYPT_MAC_LEN];
    struct crypt *c;

    (void)state;
    assert_int_equal(crypt_make(&c), HUFU_OK);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(crypt_mac(c, key, &in[i], 1, one[i]), HUFU_OK);
    assert_int_equal(crypt_mac_many(c, key, in, 3, many), HUFU_OK);
    assert_memory_equal(many, one, sizeof(one));
    crypt_free(c);
    key_drop(key);
}

/* The CPU's way and the library's are one format. */
static void test_plain_opens_what_the_cpu_sealed(void **state)
{
    struct key *key = key_new(1, KEY_DATA, 1, 1);
    uint8_t nonce[CRYPT_NONCE_LEN] = { 9 }, text[4] = "text", tag[CRYPT_TAG_LEN], out[4];
    struct crypt *other = NULL;
    struct crypt *c;

    (void)state;
    assert_int_equal(crypt_make(&c), HUFU_OK);
    assert_int_equal((crypt_make == crypt_new ? crypt_new_plain : crypt_new)(&other), HUFU_OK);
    assert_int_equal(crypt_seal(c, key, nonce, NULL, 0, text, 4, tag), HUFU_OK);
    assert_int_equal(crypt_open(other, key, nonce, NULL, 0, text, 4, tag, out), HUFU_OK);
    assert_memory_equal(out, "text", 4);
    crypt_free(c);
    crypt_free(other);
    key_drop(key);
}

/* Each of two keys is set up once for sealing and opening and once for MACs, whatever their turns.
 */
static void test_no_key_is_set_up_twice(void **state)
{
    struct key *key[2] = { key_new(1, KEY_DATA, 1, 1), key_new(1, KEY_DATA, 2, 2) };
    uint8_t nonce[CRYPT_NONCE_LEN] = { 9 }, text[4] = "text", tag[CRYPT_TAG_LEN];
    uint8_t mac[1][CRYPT_MAC_LEN];
    struct view part = view_str("part");
    struct crypt *c;

    (void)state;
    assert_int_equal(crypt_make(&c), HUFU_OK);
    set_up = 0;
    for (size_t i = 0; i < 100; i++) {
        const struct key *k = key[i % 3 == 0];

        assert_int_equal(crypt_seal(c, k, nonce, NULL, 0, text, 4, tag), HUFU_OK);
        assert_int_equal(crypt_open(c, k, nonce, NULL, 0, text, 4, tag, text), HUFU_OK);
        assert_int_equal(crypt_mac(c, k, &part, 1, mac[0]), HUFU_OK);
        assert_int_equal(crypt_mac_many(c, k, &part, 1, mac), HUFU_OK);
    }
    assert_int_equal(set_up, 4);
    assert_memory_equal(text, "text", 4);
    crypt_free(c);
    key_drop(key[0]);
    key_drop(key[1]);
}

static int plain_setup(void **state)
{
    crypt_make = crypt_new_plain;
    return heap_setup(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_seal_known_answer),
        cmocka_unit_test(test_open_refuses_every_flipped_bit),
        cmocka_unit_test(test_keys_of_one_slot_do_not_mix),
        cmocka_unit_test(test_an_ended_key_leaves_no_context),
        cmocka_unit_test(test_ff1_goes_by_the_key),
        cmocka_unit_test(test_mac_joins_parts),
        cmocka_unit_test(test_many_are_as_single_calls),
        cmocka_unit_test(test_mac_many_are_as_single_calls),
        cmocka_unit_test(test_plain_opens_what_the_cpu_sealed),
        cmocka_unit_test(test_no_key_is_set_up_twice),
    };

    return cmocka_run_group_tests_name("as it is", tests, heap_setup, NULL) +
           cmocka_run_group_tests_name("by the library alone", tests, plain_setup, NULL);
}
