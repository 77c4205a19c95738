#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "vault/base/msg.h"

static const char session[] = "AAAAAAAAAABBBBBBBBBBCCCCCCCCCCDDDDDDDDDDEEE";

static struct msg_request head_sample(void)
{
    struct msg_request req = { .flags = MSG_HAS_SESSION,
                               .session = view_str(session),
                               .request_id = view_str("req-1"),
                               .where = MSG_WHERE_NONE };

    return req;
}

/* Decodes a request without members whose head is req. */
static enum hufu_err get_head(const struct msg_request *req, struct msg_request *out)
{
    static uint8_t mem[4096];
    struct buf b;

    buf_fixed(&b, mem, sizeof(mem));
    msg_request_put_head(&b, req);
    assert_int_equal(buf_check(&b), HUFU_OK);
    return msg_request_get(VERB_WHOAMI, buf_view(&b), out);
}

static void test_msg_request_get_checks_the_head(void **state)
{
    static const char long_key[] =
        "0123456789012345678901234567890123456789012345678901234567890123";
    struct msg_request good = head_sample(), bad, out = { .verb = 77 };

    (void)state;
    assert_int_equal(get_head(&good, &out), HUFU_OK);
    good.request_id = good.idem_key = view_str(long_key); /* 64 bytes */
    assert_int_equal(get_head(&good, &out), HUFU_OK);
    assert_true(view_is(out.idem_key, long_key));
    good.flags = 0; /* then session and pin are not even written */
    memset(good.pin, 1, sizeof(good.pin));
    assert_int_equal(get_head(&good, &out), HUFU_OK);
    assert_int_equal(out.session.len, 0);
    assert_int_equal(out.pin[0], 0);
    out.verb = 77;
    bad = head_sample(), bad.flags = 8;
    assert_int_equal(get_head(&bad, &out), HUFU_CORRUPT);
    bad = head_sample(), bad.session.len--;
    assert_int_equal(get_head(&bad, &out), HUFU_CORRUPT);
    bad = head_sample(), bad.session.len = 0;
    assert_int_equal(get_head(&bad, &out), HUFU_CORRUPT);
    bad = head_sample(), bad.request_id = view_str("");
    assert_int_equal(get_head(&bad, &out), HUFU_CORRUPT);
    bad = head_sample(), bad.request_id = view_str("a b");
    assert_int_equal(get_head(&bad, &out), HUFU_CORRUPT);
    bad = head_sample(), bad.idem_key = view_str("a\n");
    assert_int_equal(get_head(&bad, &out), HUFU_CORRUPT);
    bad = head_sample(), bad.body_err = HUFU_BAD_REQUEST; /* without MSG_BODY_BAD */
    assert_int_equal(get_head(&bad, &out), HUFU_CORRUPT);
    bad = head_sample(), bad.where.tag = MSG_DOMAIN;
    assert_int_equal(get_head(&bad, &out), HUFU_CORRUPT);
    assert_int_equal(out.verb, 77);
    good = head_sample();
    assert_int_equal(msg_request_get(VERB_COUNT, view_str(""), &out), HUFU_CORRUPT);
    assert_int_equal(msg_request_get(VERB_NONE, view_str(""), &out), HUFU_CORRUPT);
}

static void test_msg_request_get_of_a_bad_body(void **state)
{
    static const struct {
        enum hufu_err body_err;
        struct msg_where where;
        enum hufu_err err;
    } rows[] = {
        { HUFU_BAD_REQUEST, { MSG_NONE, MSG_NONE, MSG_NO_INDEX }, HUFU_OK },
        { HUFU_TOO_LARGE, { MSG_VALUES, MSG_NONE, MSG_NO_INDEX }, HUFU_OK },
        { HUFU_BAD_REQUEST, { MSG_VALUES, MSG_CONSENT, 3 }, HUFU_OK },
        { HUFU_BAD_REQUEST, { MSG_TAG_COUNT - 1, MSG_NONE, MSG_NO_INDEX }, HUFU_OK },
        { HUFU_BAD_REQUEST, { MSG_TAG_COUNT, MSG_NONE, MSG_NO_INDEX }, HUFU_CORRUPT },
        { HUFU_BAD_REQUEST, { MSG_VALUES, MSG_TAG_COUNT, 3 }, HUFU_CORRUPT },
        { HUFU_BAD_REQUEST, { MSG_NONE, MSG_VALUE, MSG_NO_INDEX }, HUFU_CORRUPT },
        { HUFU_BAD_REQUEST, { MSG_NONE, MSG_NONE, 3 }, HUFU_CORRUPT },
        { HUFU_OK, { MSG_NONE, MSG_NONE, MSG_NO_INDEX }, HUFU_CORRUPT },
        { HUFU_FORBIDDEN, { MSG_NONE, MSG_NONE, MSG_NO_INDEX }, HUFU_CORRUPT },
        { HUFU_ERR_COUNT, { MSG_NONE, MSG_NONE, MSG_NO_INDEX }, HUFU_CORRUPT },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct msg_request req = head_sample(), out = { .verb = 77 };

        req.flags |= MSG_BODY_BAD;
        req.body_err = rows[i].body_err;
        req.where = rows[i].where;
        assert_int_equal(get_head(&req, &out), rows[i].err);
        if (rows[i].err == HUFU_OK) {
            assert_int_equal(out.body_err, rows[i].body_err);
            assert_int_equal(out.where.tag, rows[i].where.tag);
            assert_int_equal(out.where.sub, rows[i].where.sub);
            assert_int_equal(out.where.index, rows[i].where.index);
        } else {
            assert_int_equal(out.verb, 77);
        }
    }
}

static void test_msg_request_get_of_a_bad_body_has_no_members(void **state)
{
    struct msg_request req = head_sample(), out = { .verb = 77 };
    struct buf b;

    (void)state;
    req.flags |= MSG_BODY_BAD;
    req.body_err = HUFU_BAD_REQUEST;
    buf_init(&b, 1000);
    msg_request_put_head(&b, &req);
    assert_int_equal(msg_request_get(VERB_LOGIN, buf_view(&b), &out), HUFU_OK);
    out.verb = 77;
    msg_put_text(&b, MSG_USER, view_str("olga"));
    assert_int_equal(msg_request_get(VERB_LOGIN, buf_view(&b), &out), HUFU_CORRUPT);
    assert_int_equal(out.verb, 77);
    buf_done(&b);
}

static uint64_t next_random(uint64_t *seed) /* xorshift64 */
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

/* What a damaged frame decodes to, if it does, must stand inside it. */
static void expect_inside(const struct msg_request *req, const uint8_t *in, size_t in_len)
{
    for (size_t tag = 1; tag < MSG_TAG_COUNT; tag++) {
        const struct view *f = &req->field[tag];

        if (f->p)
            assert_true(f->p >= in && f->p + f->len <= in + in_len);
    }
}

static void test_msg_request_get_survives_cuts_and_flips(void **state)
{
    struct msg_request req = head_sample(), out;
    uint64_t seed = 31337;
    struct buf b;

    (void)state;
    buf_init(&b, 1000);
    msg_request_put_head(&b, &req);
    msg_put_text(&b, MSG_DOMAIN, view_str("cards"));
    msg_put_text(&b, MSG_VALUES, view_of("\6\0\0\0\2\0\0\0\0\0\7\0\0\0\2\0\1\0\0\0x", 21));
    msg_put_u64(&b, MSG_USES, 3);
    msg_put_bool(&b, MSG_RECEIPT, true);
    assert_int_equal(msg_request_get(VERB_TOKENIZE, buf_view(&b), &out), HUFU_OK);
    for (int round = 0; round < 200000; round++) {
        size_t len = round % 2 ? b.len : next_random(&seed) % (b.len + 1);
        uint8_t *copy = malloc(len ? len : 1); /* of its very size, so that a sanitizer sees */

        memcpy(copy, b.p, len);
        for (uint64_t n = next_random(&seed) % 4; n > 0 && len > 0; n--)
            copy[next_random(&seed) % len] ^= (uint8_t)(1U << next_random(&seed) % 8);
        if (msg_request_get(VERB_TOKENIZE, view_of(copy, len), &out) == HUFU_OK)
            expect_inside(&out, copy, len);
        free(copy);
    }
    buf_done(&b);
}

static void test_msg_request_get_refuses_every_cut(void **state)
{
    struct msg_request req = head_sample(), out = { .verb = 77 };
    struct buf b;

    (void)state;
    buf_init(&b, 1000);
    msg_request_put_head(&b, &req);
    msg_put_text(&b, MSG_DOMAIN, view_str("cards"));
    msg_put_text(&b, MSG_TOKEN, view_str("4111"));
    for (size_t len = 0; len < b.len; len++)
        assert_int_equal(msg_request_get(VERB_INSPECT, view_of(b.p, len), &out), HUFU_CORRUPT);
    assert_int_equal(out.verb, 77);
    assert_int_equal(msg_request_get(VERB_INSPECT, buf_view(&b), &out), HUFU_OK);
    buf_done(&b);
}

static enum hufu_err reply_round(const struct msg_reply *reply, struct msg_reply *out)
{
    static uint8_t mem[4096];
    struct buf b;

    buf_fixed(&b, mem, sizeof(mem));
    msg_reply_put(&b, reply);
    assert_int_equal(buf_check(&b), HUFU_OK);
    return msg_reply_get(buf_view(&b), out);
}

/* clang-format off */
#define TEN "abcdefghij"
static const char longest[] = TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN
                              TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN;
static const char too_long[] = TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN
                               TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN "k";
/* clang-format on */
_Static_assert(sizeof(longest) - 1 == MSG_DETAIL_MAX, "the longest detail");

static void test_msg_reply_get_checks_every_member(void **state)
{
    static const struct {
        int err, success, flags;
        struct msg_where where;
        uint32_t retry;
        const char *body;
        bool good;
    } rows[] = {
        { HUFU_OK, MSG_200, 0, { 0, 0, MSG_NO_INDEX }, 0, "{}", true },
        { HUFU_OK, MSG_201, MSG_REPLAYED, { 0, 0, MSG_NO_INDEX }, 0, "{}", true },
        { HUFU_OK, MSG_200, MSG_TEXT_PLAIN, { 0, 0, MSG_NO_INDEX }, 0, "x\n", true },
        { HUFU_OK, MSG_200, MSG_BINARY, { 0, 0, MSG_NO_INDEX }, 0, "x", true },
        { HUFU_OK, MSG_200, MSG_BINARY | MSG_TEXT_PLAIN, { 0, 0, MSG_NO_INDEX }, 0, "x", false },
        { HUFU_OK, MSG_200, 8, { 0, 0, MSG_NO_INDEX }, 0, "{}", false },
        { HUFU_OK, MSG_204, 0, { 0, 0, MSG_NO_INDEX }, 0, "", true },
        { HUFU_OK, MSG_204, 0, { 0, 0, MSG_NO_INDEX }, 0, "{}", false },
        { HUFU_OK, MSG_204 + 1, 0, { 0, 0, MSG_NO_INDEX }, 0, "", false },
        { HUFU_OK, MSG_200, 0, { MSG_VALUE, 0, MSG_NO_INDEX }, 0, "{}", false },
        { HUFU_OK, MSG_200, 0, { 0, 0, MSG_NO_INDEX }, 1, "{}", false },
        { HUFU_INVALID_VALUE, 0, 0, { MSG_VALUES, MSG_VALUE, 9 }, 0, "", true },
        { HUFU_INVALID_VALUE, 0, MSG_REPLAYED, { 0, 0, MSG_NO_INDEX }, 0, "", true },
        { HUFU_INVALID_VALUE, 0, 0, { MSG_TAG_COUNT, 0, 0 }, 0, "", false },
        { HUFU_INVALID_VALUE, 0, 0, { MSG_VALUES, MSG_TAG_COUNT, 0 }, 0, "", false },
        { HUFU_INVALID_VALUE, 0, 0, { 0, MSG_VALUE, MSG_NO_INDEX }, 0, "", false },
        { HUFU_INVALID_VALUE, 0, 0, { 0, 0, MSG_NO_INDEX }, 0, "{}", false },
        { HUFU_INVALID_VALUE, 0, 0, { 0, 0, MSG_NO_INDEX }, 1, "", false },
        { HUFU_RATE_LIMITED, 0, 0, { 0, 0, MSG_NO_INDEX }, 60, "", true },
        { HUFU_UNAVAILABLE, 0, 0, { 0, 0, MSG_NO_INDEX }, 1, "", true },
        { HUFU_SEALED, 0, 0, { 0, 0, MSG_NO_INDEX }, 1, "", true },
        { HUFU_BAD_REQUEST, 0, 0, { MSG_KEEP, 0, MSG_NO_INDEX }, 0, "0+4, 6+0", true },
        { HUFU_BAD_REQUEST, 0, 0, { MSG_KEEP, 0, MSG_NO_INDEX }, 0, "0+4\n", false },
        { HUFU_BAD_REQUEST, 0, 0, { MSG_KEEP, 0, MSG_NO_INDEX }, 0, "\xc3\xa4", false },
        { HUFU_BAD_REQUEST, 0, 0, { MSG_KEEP, 0, MSG_NO_INDEX }, 0, longest, true },
        { HUFU_BAD_REQUEST, 0, 0, { MSG_KEEP, 0, MSG_NO_INDEX }, 0, too_long, false },
        { HUFU_HSM_FAILED, 0, 0, { 0, 0, MSG_NO_INDEX }, 0, "", false }, /* internal */
        { HUFU_ERR_COUNT, 0, 0, { 0, 0, MSG_NO_INDEX }, 0, "", false },
        { 65535, 0, 0, { 0, 0, MSG_NO_INDEX }, 0, "", false },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct msg_reply out = { .retry_after_s = 77 };
        struct msg_reply in = { .err = (enum hufu_err)rows[i].err,
                                .success = (enum msg_success)rows[i].success,
                                .flags = (uint8_t)rows[i].flags,
                                .where = rows[i].where,
                                .retry_after_s = rows[i].retry,
                                .body = view_str(rows[i].body) };

        assert_int_equal(reply_round(&in, &out), rows[i].good ? HUFU_OK : HUFU_CORRUPT);
        assert_int_equal(out.retry_after_s, rows[i].good ? rows[i].retry : 77);
        if (rows[i].good) {
            assert_int_equal(out.err, in.err);
            assert_int_equal(out.success, in.success);
            assert_int_equal(out.flags, in.flags);
            assert_int_equal(out.where.index, in.where.index);
            assert_true(view_equal(out.body, in.body));
        }
    }
}

static void test_msg_reply_get_refuses_cuts_and_rests(void **state)
{
    struct msg_reply in = { .where = MSG_WHERE_NONE, .body = view_str("{}") };
    struct msg_reply out = { .retry_after_s = 77 };
    uint8_t mem[64] = { 0 };
    struct buf b;

    (void)state;
    buf_fixed(&b, mem, sizeof(mem));
    msg_reply_put(&b, &in);
    for (size_t len = 0; len < sizeof(mem); len++)
        if (len != b.len)
            assert_int_equal(msg_reply_get(view_of(mem, len), &out), HUFU_CORRUPT);
    assert_int_equal(out.retry_after_s, 77);
    assert_int_equal(msg_reply_get(buf_view(&b), &out), HUFU_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_msg_request_get_checks_the_head),
        cmocka_unit_test(test_msg_request_get_of_a_bad_body),
        cmocka_unit_test(test_msg_request_get_of_a_bad_body_has_no_members),
        cmocka_unit_test(test_msg_request_get_survives_cuts_and_flips),
        cmocka_unit_test(test_msg_request_get_refuses_every_cut),
        cmocka_unit_test(test_msg_reply_get_checks_every_member),
        cmocka_unit_test(test_msg_reply_get_refuses_cuts_and_rests),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
