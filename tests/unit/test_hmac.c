/* HMAC-SHA-256 both ways, held against published answers and against libcrypto's plain call. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/crypto_pieces.h"
#include "vault/keys/hmac.h"
#include "vault/keys/sha256_cpu.h"

#define TEXT_MAX  700
#define COUNT_MAX 70

static uint8_t text[COUNT_MAX][TEXT_MAX], got[COUNT_MAX + 1][HMAC_LEN], want[COUNT_MAX][HMAC_LEN];
static struct view message[COUNT_MAX];
static bool breaks; /* the CPU's way is wrong by one bit */

void __real_sha256_cpu_run_two(struct sha256_cpu *s, const uint8_t *in0, const uint8_t *in1,
                               size_t blocks);
void __wrap_sha256_cpu_run_two(struct sha256_cpu *s, const uint8_t *in0, const uint8_t *in1,
                               size_t blocks);

void __wrap_sha256_cpu_run_two(struct sha256_cpu *s, const uint8_t *in0, const uint8_t *in1,
                               size_t blocks)
{
    __real_sha256_cpu_run_two(s, in0, in1, blocks);
    if (breaks)
        s[1].word[3] ^= 1;
}

static struct hmac *hmac_of(struct view key, bool by_cpu)
{
    struct hmac *h = NULL;

    assert_int_equal(hmac_new(key.p, key.len, by_cpu, &h), HUFU_OK);
    return h;
}

static void message_make(size_t i, struct view key, size_t len)
{
    dice_fill(text[i], len);
    message[i] = view_of(len == 0 ? NULL : text[i], len);
    plain_hmac(key, view_of(text[i], len), want[i]);
}

static void check_messages(struct hmac *h, size_t count)
{
    memset(got, 0xee, sizeof(got));
    assert_int_equal(hmac_each(h, message, count, got), HUFU_OK);
    for (size_t i = 0; i < count; i++)
        assert_memory_equal(got[i], want[i], HMAC_LEN);
    assert_int_equal(got[count][0], 0xee);
}

/* As many as 1 to 70 at once: of one length, then of any. */
static void test_many_are_as_the_library_has_them(void **state)
{
    (void)state;
    for (size_t count = 1; count <= COUNT_MAX; count++) {
        uint8_t mem[32];
        struct view key = view_of(mem, sizeof(mem));

        dice_fill(mem, sizeof(mem));
        for (int by_cpu = 0; by_cpu < 2; by_cpu++) {
            struct hmac *h = hmac_of(key, by_cpu != 0);

            for (size_t i = 0; i < count; i++)
                message_make(i, key, 16);
            check_messages(h, count);
            for (size_t i = 0; i < count; i++)
                message_make(i, key, dice_below(i % 4 == 0 ? TEXT_MAX : 130));
            check_messages(h, count);
            hmac_free(h);
        }
    }
}

/* Every length, alone, in parts and as a pair of equals: past each block's edge, and past what goes
 * by the CPU. */
static void test_every_length_is_as_the_library_has_it(void **state)
{
    static const uint8_t mem[32] = { 3 };
    struct view key = view_of(mem, sizeof(mem));
    struct hmac *h = hmac_of(key, true);

    (void)state;
    for (size_t len = 0; len <= TEXT_MAX; len++) {
        size_t first = dice_below(len + 1);
        struct view part[3] = { { text[0], first }, { NULL, 0 }, { text[0] + first, len - first } };

        message_make(0, key, len);
        message_make(1, key, len);
        check_messages(h, 2);
        assert_int_equal(hmac_join(h, part, 3, got[0]), HUFU_OK);
        assert_memory_equal(got[0], want[0], HMAC_LEN);
    }
    assert_int_equal(hmac_each(h, NULL, 0, got), HUFU_OK);
    hmac_free(h);
}

static void check_known(struct view key, struct view in, const uint8_t *tag)
{
    const struct view both[2] = { in, in };

    for (int by_cpu = 0; by_cpu < 2; by_cpu++) {
        struct hmac *h = hmac_of(key, by_cpu != 0);

        assert_int_equal(hmac_join(h, &in, 1, got[0]), HUFU_OK);
        assert_memory_equal(got[0], tag, HMAC_LEN);
        assert_int_equal(hmac_each(h, both, 2, got), HUFU_OK);
        assert_memory_equal(got[0], tag, HMAC_LEN);
        assert_memory_equal(got[1], tag, HMAC_LEN);
        hmac_free(h);
    }
}

/* RFC 4231, sections 4.2 to 4.5: those whose key has at most a block. */
static void test_rfc4231(void **state)
{
    static const struct {
        const char *key, *text, *tag;
    } cases[] = {
        { "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "4869205468657265",
          "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7" },
        { "4a656665", "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
          "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843" },
        { "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
          "dddddddddddddddddddddddddddddddddddddddddddddddddd"
          "dddddddddddddddddddddddddddddddddddddddddddddddddd",
          "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe" },
        { "0102030405060708090a0b0c0d0e0f10111213141516171819",
          "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd"
          "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd",
          "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint8_t key[64], in[64], tag[HMAC_LEN];
        size_t key_len = unhex(cases[i].key, key, sizeof(key));
        size_t len = unhex(cases[i].text, in, sizeof(in));

        unhex(cases[i].tag, tag, sizeof(tag));
        check_known(view_of(key, key_len), view_of(in, len), tag);
    }
}

static void wycheproof(const json_t *one)
{
    bool valid = strcmp(json_string_value(json_object_get(one, "result")), "valid") == 0;
    uint8_t key[64], tag[HMAC_LEN];
    size_t key_len = unhex_member(one, "key", key, sizeof(key));
    size_t len = unhex_member(one, "msg", text[0], TEXT_MAX);

    assert_int_equal(unhex_member(one, "tag", tag, sizeof(tag)), HMAC_LEN);
    if (!valid) { /* the right one is another */
        uint8_t given[HMAC_LEN];

        memcpy(given, tag, sizeof(tag));
        plain_hmac(view_of(key, key_len), view_of(text[0], len), tag);
        assert_memory_not_equal(given, tag, HMAC_LEN);
    }
    check_known(view_of(key, key_len), view_of(text[0], len), tag);
}

static void test_wycheproof(void **state)
{
    (void)state;
    assert_int_equal(each_case("tests/vectors/hmac_sha256.json", wycheproof), 84);
}

static void test_keys_of_every_length(void **state)
{
    uint8_t mem[HMAC_KEY_MAX + 1];
    struct hmac *h = NULL;

    (void)state;
    dice_fill(mem, sizeof(mem));
    for (size_t len = 1; len <= HMAC_KEY_MAX; len++) {
        struct view key = view_of(mem, len);

        message_make(0, key, 50);
        check_known(key, message[0], want[0]);
    }
    assert_int_equal(hmac_new(mem, 0, true, &h), HUFU_RANGE);
    assert_int_equal(hmac_new(mem, HMAC_KEY_MAX + 1, true, &h), HUFU_RANGE);
    assert_null(h);
}

/* FIPS 180-4 by the library's own hash: 1 to 40 blocks, one and two messages. */
static void test_sha256_is_the_librarys(void **state)
{
    uint8_t in[2][40 * SHA256_CPU_BLOCK], digest[32];

    (void)state;
    if (!sha256_cpu_has())
        skip();
    dice_fill(&in[0][0], sizeof(in));
    for (size_t blocks = 1; blocks <= 40; blocks++) {
        size_t len = blocks * SHA256_CPU_BLOCK - 9;
        struct sha256_cpu s[3];

        for (size_t i = 0; i < 2; i++) { /* section 5.1.1: 1, zeroes, the length in bits */
            in[i][len] = 0x80;
            memset(in[i] + len + 1, 0, 6);
            in[i][len + 7] = (uint8_t)(8 * len >> 8);
            in[i][len + 8] = (uint8_t)(8 * len);
        }
        for (size_t i = 0; i < 3; i++)
            sha256_cpu_init(&s[i]);
        __real_sha256_cpu_run_two(s, in[0], in[1], blocks);
        sha256_cpu_run(&s[2], in[0], blocks);
        assert_memory_equal(&s[0], &s[2], sizeof(s[0]));
        for (size_t i = 0; i < 2; i++) {
            assert_int_equal(EVP_Digest(in[i], len, digest, NULL, EVP_sha256(), NULL), 1);
            sha256_cpu_print(&s[i], got[0]);
            assert_memory_equal(got[0], digest, sizeof(digest));
        }
    }
}

/* A CPU that computes something else must not make index keys that no other finds. */
static void test_new_refuses_a_cpu_that_errs(void **state)
{
    const uint8_t key[32] = { 1 };
    struct hmac *h = NULL;

    (void)state;
    if (!sha256_cpu_has())
        skip();
    breaks = true;
    assert_int_equal(hmac_new(key, sizeof(key), true, &h), HUFU_IO);
    assert_null(h);
    assert_int_equal(hmac_new(key, sizeof(key), false, &h), HUFU_OK);
    breaks = false;
    hmac_free(h);
    hmac_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_many_are_as_the_library_has_them),
        cmocka_unit_test(test_every_length_is_as_the_library_has_it),
        cmocka_unit_test(test_rfc4231),
        cmocka_unit_test(test_wycheproof),
        cmocka_unit_test(test_keys_of_every_length),
        cmocka_unit_test(test_sha256_is_the_librarys),
        cmocka_unit_test(test_new_refuses_a_cpu_that_errs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
