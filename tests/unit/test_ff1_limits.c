/* FF1: everything that is refused, and that nothing is written then; failures of the library; that
 * nothing is allocated. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include <openssl/crypto.h>
#include <stdlib.h>

#include "tests/unit/ff1_pieces.h"

/* ---- what the linker puts in the place of the library's ---------------------------------------
 */

static size_t allocations;
static size_t aes_left = SIZE_MAX; /* calls until one fails */

int __real_EVP_EncryptUpdate(EVP_CIPHER_CTX *ctx, unsigned char *to, int *n,
                             const unsigned char *from, int from_len);
int __wrap_EVP_EncryptUpdate(EVP_CIPHER_CTX *ctx, unsigned char *to, int *n,
                             const unsigned char *from, int from_len);
void *__real_malloc(size_t n);
void *__wrap_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);

int __wrap_EVP_EncryptUpdate(EVP_CIPHER_CTX *ctx, unsigned char *to, int *n,
                             const unsigned char *from, int from_len)
{
    if (aes_left == 0)
        return 0;
    aes_left--;
    return __real_EVP_EncryptUpdate(ctx, to, n, from, from_len);
}

void *__wrap_malloc(size_t n)
{
    allocations++;
    return __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t size)
{
    allocations++;
    return __real_calloc(n, size);
}

static void *count_malloc(size_t n, const char *file, int line)
{
    (void)file;
    (void)line;
    allocations++;
    return __real_malloc(n);
}

static void *count_realloc(void *p, size_t n, const char *file, int line)
{
    (void)file;
    (void)line;
    allocations++;
    return realloc(p, n);
}

static void plain_free(void *p, const char *file, int line)
{
    (void)file;
    (void)line;
    free(p);
}

/* ---- refusals ----------------------------------------------------------------------------------
 */

static void test_ff1_new_takes_three_key_lengths(void **state)
{
    static const size_t bad[] = { 0, 1, 15, 17, 23, 25, 31, 33, 64 };
    struct ff1 *f = (struct ff1 *)out;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(ff1_new(key, bad[i], &f), HUFU_RANGE);
        assert_ptr_equal(f, out);
    }
    ff1_free(NULL);
}

static void expect_all(struct ff1 *f, const struct ff1_lot *lot, enum hufu_err err)
{
    memset(out, MARK, sizeof(out));
    assert_int_equal(ff1_encrypt(f, lot, in, out), err);
    assert_true(err == HUFU_OK || is_marked(out, sizeof(out)));
    memset(out, MARK, sizeof(out));
    assert_int_equal(ff1_decrypt(f, lot, in, out), err);
    assert_true(err == HUFU_OK || is_marked(out, sizeof(out)));
}

static void test_ff1_bounds(void **state)
{
    static const struct {
        const char *name;
        uint32_t radix;
        size_t len, count, tweak_len;
        enum hufu_err err;
    } rows[] = {
        { "no radix", 0, 16, 1, 0, HUFU_RANGE },
        { "radix 1", 1, 100, 1, 0, HUFU_RANGE },
        { "radix 2", 2, 512, 1, 0, HUFU_OK },
        { "radix 65536", 65536, 512, 1, 0, HUFU_OK },
        { "radix 65537", 65537, 2, 1, 0, HUFU_RANGE },
        { "radix 2^32 - 1", UINT32_MAX, 2, 1, 0, HUFU_RANGE },
        { "513 symbols", 10, 513, 1, 0, HUFU_RANGE },
        { "more than any", 10, SIZE_MAX, 1, 0, HUFU_RANGE },
        { "tweak of 255", 10, 16, 1, 255, HUFU_OK },
        { "tweak of 256", 10, 16, 1, 256, HUFU_RANGE },
        { "no values", 10, 16, 0, 0, HUFU_RANGE },
        { "64 values", 10, 16, 64, 0, HUFU_OK },
        { "65 values", 10, 16, 65, 0, HUFU_RANGE },
        { "no symbols", 10, 0, 1, 0, HUFU_DOMAIN_SMALL },
        { "one symbol", 65536, 1, 1, 0, HUFU_DOMAIN_SMALL },
        { "10^5", 10, 5, 1, 0, HUFU_DOMAIN_SMALL },
        { "10^6", 10, 6, 1, 0, HUFU_OK },
        { "2^19", 2, 19, 1, 0, HUFU_DOMAIN_SMALL },
        { "2^20", 2, 20, 1, 0, HUFU_OK },
        { "999^2", 999, 2, 1, 0, HUFU_DOMAIN_SMALL },
        { "1000^2", 1000, 2, 1, 0, HUFU_OK },
        { "99^3", 99, 3, 1, 0, HUFU_DOMAIN_SMALL },
        { "36^3", 36, 3, 1, 0, HUFU_DOMAIN_SMALL },
        { "36^4", 36, 4, 1, 0, HUFU_OK },
    };
    struct ff1 *f = open_key(32);

    (void)state;
    memset(in, 0, sizeof(in));
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct ff1_lot lot = { rows[i].radix, rows[i].len,       rows[i].count,
                               tweak,         rows[i].tweak_len, 0 };

        if (rows[i].err != HUFU_OK)
            print_message("refused: %s\n", rows[i].name);
        expect_all(f, &lot, rows[i].err);
    }
    ff1_free(f);
}

static void test_ff1_symbols_outside_the_alphabet(void **state)
{
    static const struct {
        uint32_t radix;
        size_t len;
    } rows[] = { { 10, 16 }, { 10, 17 }, { 36, 18 }, { 65535, 4 }, { 255, 30 }, { 10, 100 } };
    struct ff1 *f = open_key(32);

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        for (size_t at = 0; at < 3 * rows[i].len; at++) {
            struct ff1_lot lot = { rows[i].radix, rows[i].len, 3, tweak, 4, 0 };

            fill(rows[i].radix, 3 * rows[i].len);
            in[at] = (uint16_t)rows[i].radix;
            expect_all(f, &lot, HUFU_INVALID_VALUE);
            in[at] = UINT16_MAX;
            expect_all(f, &lot, HUFU_INVALID_VALUE);
            in[at] = (uint16_t)(rows[i].radix - 1);
            expect_all(f, &lot, HUFU_OK);
        }
    ff1_free(f);
}

/* Each byte at each place, for a length of each way and of each remainder to eight. */
static void test_ff1_digits_takes_digits_only(void **state)
{
    static const size_t lens[] = { 6, 7, 15, 16, 18, 20, 60 };
    struct ff1 *f = open_key(32);

    (void)state;
    for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++)
        for (size_t at = 0; at < 2 * lens[i]; at++)
            for (unsigned c = 0; c < 256; c++) {
                struct ff1_lot lot = { 10, lens[i], 2, tweak, 4, 0 };
                bool good = c >= '0' && c <= '9';

                memset(text, '0' + (int)(c % 10), 2 * lens[i]);
                memset(text_out, MARK, 2 * lens[i]);
                text[at] = (uint8_t)c;
                assert_int_equal(ff1_encrypt_digits(f, &lot, text, text_out),
                                 good ? HUFU_OK : HUFU_INVALID_VALUE);
                assert_true(good || is_marked(text_out, 2 * lens[i]));
                assert_int_equal(ff1_decrypt_digits(f, &lot, text, text_back),
                                 good ? HUFU_OK : HUFU_INVALID_VALUE);
            }
    memset(text, '0', 16);
    assert_int_equal(
        ff1_encrypt_digits(f, &(struct ff1_lot){ 16, 16, 1, NULL, 0, 0 }, text, text_out),
        HUFU_RANGE);
    assert_int_equal(
        ff1_decrypt_digits(f, &(struct ff1_lot){ 9, 16, 1, NULL, 0, 0 }, text, text_out),
        HUFU_RANGE);
    ff1_free(f);
}

/* The n-th call of AES fails, for each n until all goes well. */
static void test_ff1_library_failures(void **state)
{
    static const size_t lens[] = { 16, 40, 100 };

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        enum hufu_err err = HUFU_IO;

        for (size_t n = 0; err != HUFU_OK; n++) {
            struct ff1 *f = open_key(32);
            struct ff1_lot lot = { 10, lens[i], 2, tweak, 40, 0 };

            fill(10, 2 * lens[i]);
            aes_left = n;
            err = ff1_encrypt(f, &lot, in, out);
            aes_left = SIZE_MAX;
            if (err != HUFU_OK) {
                static const uint16_t zeros[200];

                assert_int_equal(err, HUFU_IO);
                assert_true(is_marked(out, sizeof(out)) ||
                            (lens[i] == 100 && memcmp(out, zeros, sizeof(zeros)) == 0));
            }
            assert_in_range(n, 0, 100);
            ff1_free(f);
        }
    }
}

static void test_ff1_allocates_nothing(void **state)
{
    static const size_t lens[] = { 16, 19, 57, 512 };
    struct ff1 *f = open_key(32);
    size_t before = allocations;

    (void)state;
    assert_true(before > 0); /* opening the key is seen */
    fill(10, SYMBOLS);
    for (size_t i = 0; i < 4; i++)
        for (size_t count = 1; count <= FF1_BATCH; count += 63) {
            struct ff1_lot lot = { 10, lens[i], count, tweak, 40, 3 };

            assert_int_equal(ff1_encrypt(f, &lot, in, out), HUFU_OK);
            assert_int_equal(ff1_decrypt(f, &lot, out, back), HUFU_OK);
            assert_memory_equal(back, in, lens[i] * count * sizeof(in[0]));
        }
    assert_int_equal(allocations, before);
    ff1_free(f);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ff1_new_takes_three_key_lengths),
        cmocka_unit_test(test_ff1_bounds),
        cmocka_unit_test(test_ff1_symbols_outside_the_alphabet),
        cmocka_unit_test(test_ff1_digits_takes_digits_only),
        cmocka_unit_test(test_ff1_library_failures),
        cmocka_unit_test(test_ff1_allocates_nothing),
    };

    if (CRYPTO_set_mem_functions(count_malloc, count_realloc, plain_free) != 1)
        return 2;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
