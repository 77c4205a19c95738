/* SHA-256 over parts: FIPS 180-4, its published examples. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "vault/base/digest.h"
#include "vault/base/text.h"

static void hash_is(const struct view *part, size_t count, const char *want)
{
    uint8_t out[DIGEST_LEN], mem[2 * DIGEST_LEN + 1];
    struct buf hex;

    assert_int_equal(digest_sha256(part, count, out), HUFU_OK);
    buf_fixed(&hex, mem, sizeof(mem));
    text_hex(&hex, out, sizeof(out));
    assert_true(view_is(buf_view(&hex), want));
}

/* "SHA-256 example", one and two blocks, and the empty message (NIST CSRC, example values). */
static void test_digest_sha256_examples(void **state)
{
    struct view abc = view_str("abc");
    struct view two = view_str("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq");

    (void)state;
    hash_is(&abc, 1, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    hash_is(&two, 1, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    hash_is(NULL, 0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

static void test_digest_sha256_joins_parts(void **state)
{
    struct view parts[] = { view_str("a"), view_of(NULL, 0), view_str("b"), view_str("c") };
    struct view other[] = { view_str("ab"), view_str("c") };

    (void)state;
    hash_is(parts, 4, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    hash_is(other, 2, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_digest_sha256_examples),
        cmocka_unit_test(test_digest_sha256_joins_parts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
