#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "vault/base/hsm_msg.h"

static uint8_t blob[HSM_SEALED_MAX + 1];

static enum hufu_err request_round(const struct hsm_request *in, struct hsm_request *out)
{
    static uint8_t mem[20000];
    struct buf b;

    buf_fixed(&b, mem, sizeof(mem));
    hsm_request_put(&b, in);
    assert_int_equal(buf_check(&b), HUFU_OK);
    return hsm_request_get(in->call, buf_view(&b), out);
}

static const struct {
    uint16_t call;
    const char *key_id;
    size_t aad_len, data_len;
    uint32_t len;
    bool good;
} calls[] = {
    { HSM_STATUS, "", 0, 0, 0, true },
    { HSM_STATUS, "k", 0, 0, 0, false },
    { HSM_STATUS, "", 1, 0, 0, false },
    { HSM_STATUS, "", 0, 1, 0, false },
    { HSM_STATUS, "", 0, 0, 1, false },
    { HSM_KEK_MAKE, "hufu-kek-1", 0, 0, 0, true },
    { HSM_KEK_MAKE, "", 0, 0, 0, false },
    { HSM_KEK_MAKE, "Hufu", 0, 0, 0, false },
    { HSM_KEK_MAKE, "hufu-kek-1", 0, 1, 0, false },
    { HSM_KEK_FIND, "0123456789012345678901234567890-", 0, 0, 0, true },
    { HSM_KEK_FIND, "0123456789012345678901234567890-x", 0, 0, 0, false },
    { HSM_KEK_DESTROY, "k", 0, 0, 0, true },
    { HSM_SEAL, "k", 0, 1, 0, true },
    { HSM_SEAL, "k", HSM_DATA_MAX, HSM_DATA_MAX, 0, true },
    { HSM_SEAL, "k", HSM_DATA_MAX + 1, 1, 0, false },
    { HSM_SEAL, "k", 0, HSM_DATA_MAX + 1, 0, false },
    { HSM_SEAL, "k", 0, 0, 0, false },
    { HSM_SEAL, "", 0, 1, 0, false },
    { HSM_OPEN, "k", 5, HSM_SEALED_MAX, 0, true },
    { HSM_OPEN, "k", 5, HSM_SEALED_MAX + 1, 0, false },
    { HSM_OPEN, "k", 5, 0, 0, false },
    { HSM_SIGN_MAKE, "k", 0, 0, 0, true },
    { HSM_SIGN_PUBLIC, "k", 0, 0, 0, true },
    { HSM_SIGN, "k", 0, HSM_DATA_MAX, 0, true },
    { HSM_SIGN, "k", 0, HSM_DATA_MAX + 1, 0, false },
    { HSM_SIGN, "k", 1, 1, 0, false },
    { HSM_RANDOM, "", 0, 0, 1, true },
    { HSM_RANDOM, "", 0, 0, 256, true },
    { HSM_RANDOM, "", 0, 0, 257, false },
    { HSM_RANDOM, "", 0, 0, 0, false },
    { 100, "", 0, 0, 0, false },
    { 111, "", 0, 0, 0, false },
    { 0, "", 0, 0, 0, false },
};

static void test_hsm_request_get_holds_each_call_to_its_shape(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        struct hsm_request in = { .call = calls[i].call,
                                  .key_id = view_str(calls[i].key_id),
                                  .aad = view_of(blob, calls[i].aad_len),
                                  .data = view_of(blob, calls[i].data_len),
                                  .len = calls[i].len };
        struct hsm_request out = { .len = 777 };

        assert_int_equal(request_round(&in, &out), calls[i].good ? HUFU_OK : HUFU_CORRUPT);
        if (!calls[i].good) {
            assert_int_equal(out.len, 777);
            continue;
        }
        assert_int_equal(out.call, in.call);
        assert_true(view_equal(out.key_id, in.key_id));
        assert_true(view_equal(out.aad, in.aad));
        assert_true(view_equal(out.data, in.data));
        assert_int_equal(out.len, in.len);
    }
}

static void test_hsm_request_get_takes_an_id_or_none(void **state)
{
    static const struct {
        const char *id;
        bool good;
    } rows[] = {
        { "", true },
        { "0192-aB._", true },
        { "0123456789012345678901234567890123456789012345678901234567890123", true },
        { "01234567890123456789012345678901234567890123456789012345678901234", false },
        { "two words", false },
        { "line\n", false },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct hsm_request in = { .call = HSM_STATUS, .request_id = view_str(rows[i].id) };
        struct hsm_request out = { .len = 777 };

        assert_int_equal(request_round(&in, &out), rows[i].good ? HUFU_OK : HUFU_CORRUPT);
        if (rows[i].good)
            assert_true(view_equal(out.request_id, in.request_id));
        else
            assert_int_equal(out.len, 777);
    }
}

static void test_hsm_call_names(void **state)
{
    (void)state;
    assert_string_equal(hsm_call_name(HSM_STATUS), "status");
    assert_string_equal(hsm_call_name(HSM_KEK_MAKE), "kek_make");
    assert_string_equal(hsm_call_name(HSM_RANDOM), "random");
    assert_string_equal(hsm_call_name(HSM_STATUS - 1), "?");
    assert_string_equal(hsm_call_name(HSM_RANDOM + 1), "?");
}

static enum hufu_err reply_round(const struct hsm_reply *in, struct hsm_reply *out)
{
    static uint8_t mem[20000];
    struct buf b;

    buf_fixed(&b, mem, sizeof(mem));
    hsm_reply_put(&b, in);
    assert_int_equal(buf_check(&b), HUFU_OK);
    return hsm_reply_get(buf_view(&b), out);
}

static void test_hsm_reply_get_checks_every_member(void **state)
{
    static char long_text[1026];
    static const struct {
        int err;
        uint64_t ckr;
        size_t data_len;
        const char *text;
        bool good;
    } rows[] = {
        { HUFU_OK, 0, 0, "", true },
        { HUFU_OK, 0, HSM_SEALED_MAX, "", true },
        { HUFU_OK, 0, HSM_SEALED_MAX + 1, "", false },
        { HUFU_OK, 1, 0, "", false },
        { HUFU_OK, 0, 0, "label hufu, serial ~", true },
        { HUFU_OK, 0, 0, "line\n", false },
        { HUFU_OK, 0, 0, "caf\xc3\xa9", false },
        { HUFU_OK, 0, 0, long_text, false },
        { HUFU_OK, 0, 0, long_text + 1, true },
        { HUFU_HSM_FAILED, 0x30, 0, "", true },
        { HUFU_HSM_FAILED, 0x30, 1, "", false },
        { HUFU_HSM_PIN, 0xa0, 0, "", true },
        { HUFU_HSM_DOWN, 0, 0, "", true },
        { HUFU_NOT_FOUND, 0, 0, "", true },
        { HUFU_CONFLICT, 0, 0, "", true },
        { HUFU_CORRUPT, 0, 0, "", true },
        { HUFU_RANGE, 0, 0, "", true },
        { HUFU_FORBIDDEN, 0, 0, "", false },
        { HUFU_ERR_COUNT, 0, 0, "", false },
        { 65535, 0, 0, "", false },
    };

    (void)state;
    memset(long_text, 'x', sizeof(long_text) - 1);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct hsm_reply in = { (enum hufu_err)rows[i].err, rows[i].ckr,
                                view_of(blob, rows[i].data_len), view_str(rows[i].text) };
        struct hsm_reply out = { .ckr = 777 };

        assert_int_equal(reply_round(&in, &out), rows[i].good ? HUFU_OK : HUFU_CORRUPT);
        if (!rows[i].good) {
            assert_true(out.ckr == 777);
            continue;
        }
        assert_int_equal(out.err, in.err);
        assert_true(out.ckr == in.ckr);
        assert_true(view_equal(out.data, in.data));
        assert_true(view_equal(out.text, in.text));
    }
}

static uint64_t next_random(uint64_t *seed) /* xorshift64 */
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

static void test_hsm_msg_survives_cuts_and_flips(void **state)
{
    uint64_t seed = 2718;
    struct hsm_request req = { .call = HSM_SEAL,
                               .request_id = view_str("req-1"),
                               .key_id = view_str("kek-1"),
                               .aad = view_str("aad"),
                               .data = view_str("data") };
    struct hsm_reply reply = { HUFU_OK, 0, view_str("data"), view_str("text") };
    struct buf b[2];

    (void)state;
    buf_init(&b[0], 1000);
    buf_init(&b[1], 1000);
    hsm_request_put(&b[0], &req);
    hsm_reply_put(&b[1], &reply);
    for (int round = 0; round < 100000; round++) {
        const struct buf *from = &b[round % 2];
        size_t len = round % 4 < 2 ? from->len : next_random(&seed) % (from->len + 1);
        uint8_t *copy = malloc(len ? len : 1); /* of its very size, so that a sanitizer sees */
        struct hsm_request req_out;
        struct hsm_reply reply_out;

        memcpy(copy, from->p, len);
        for (uint64_t n = next_random(&seed) % 3; n > 0 && len > 0; n--)
            copy[next_random(&seed) % len] ^= (uint8_t)(1U << next_random(&seed) % 8);
        if (hsm_request_get(HSM_SEAL, view_of(copy, len), &req_out) == HUFU_OK)
            assert_true(req_out.data.p + req_out.data.len + 4 == copy + len);
        if (hsm_reply_get(view_of(copy, len), &reply_out) == HUFU_OK)
            assert_true(reply_out.text.p + reply_out.text.len == copy + len);
        free(copy);
    }
    for (size_t len = 0; len < b[0].len; len++)
        assert_int_equal(hsm_request_get(HSM_SEAL, view_of(b[0].p, len), &req), HUFU_CORRUPT);
    for (size_t len = 0; len < b[1].len; len++)
        assert_int_equal(hsm_reply_get(view_of(b[1].p, len), &reply), HUFU_CORRUPT);
    buf_done(&b[0]);
    buf_done(&b[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hsm_request_get_holds_each_call_to_its_shape),
        cmocka_unit_test(test_hsm_request_get_takes_an_id_or_none),
        cmocka_unit_test(test_hsm_call_names),
        cmocka_unit_test(test_hsm_reply_get_checks_every_member),
        cmocka_unit_test(test_hsm_msg_survives_cuts_and_flips),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
