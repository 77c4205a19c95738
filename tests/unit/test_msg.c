#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#include "tests/msg_sample.h"
#include "vault/base/msg.h"

static void test_msg_tables_hold_in_every_row(void **state)
{
    bool used[MSG_TAG_COUNT] = { false };

    (void)state;
    assert_null(msg_shape(VERB_NONE));
    assert_null(msg_shape(VERB_COUNT));
    assert_null(msg_shape(MSG_REPLY | VERB_LOGIN));
    assert_null(msg_fields[MSG_NONE].name);
    for (unsigned verb = 1; verb < VERB_COUNT; verb++) {
        const struct msg_shape *shape = msg_shape(verb);

        assert_non_null(shape); /* types are without a gap */
        assert_int_equal(strspn(shape->verb_name, "abcdefghijklmnopqrstuvwxyz-"),
                         strlen(shape->verb_name));
        for (unsigned other = 1; other < verb; other++)
            assert_string_not_equal(shape->verb_name, msg_shape(other)->verb_name);
        for (size_t i = 0; i < shape->needs_count; i++) {
            assert_in_range(shape->needs[i].tag, 1, MSG_TAG_COUNT - 1);
            assert_true(i == 0 || shape->needs[i].tag > shape->needs[i - 1].tag);
            used[shape->needs[i].tag] = true;
        }
    }
    for (unsigned tag = 1; tag < MSG_TAG_COUNT; tag++) {
        const struct msg_field *field = &msg_fields[tag];

        assert_true(used[tag]); /* no member without a verb */
        for (unsigned other = 1; other < tag; other++)
            assert_string_not_equal(field->name, msg_fields[other].name);
        if (field->kind == MSG_TEXT || field->kind == MSG_SECRET || field->kind == MSG_TEXTS ||
            field->kind == MSG_KIND_QUALIFICATION)
            assert_in_range(field->max, 1, 16384);
        else
            assert_int_equal(field->max, 0);
    }
}

static void test_msg_tables_ask_a_reason_for_every_change_of_state(void **state)
{
    const unsigned verbs[] = { VERB_SUSPEND,          VERB_RESUME,          VERB_REVOKE,
                               VERB_DELETE,           VERB_REPLACE,         VERB_DETOKENIZE,
                               VERB_GRANT_ASK,        VERB_DOMAIN_FREEZE,   VERB_DOMAIN_UNFREEZE,
                               VERB_PARTNER_FREEZE,   VERB_USER_UNFREEZE,   VERB_USER_FREEZE,
                               VERB_PARTNER_UNFREEZE, VERB_CEREMONY_PROPOSE };

    (void)state;
    for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
        const struct msg_shape *shape = msg_shape(verbs[i]);
        bool found = false;

        for (size_t k = 0; k < shape->needs_count; k++)
            found |= shape->needs[k].tag == MSG_REASON && shape->needs[k].must;
        assert_true(found);
    }
}

static void test_msg_request_get_reads_every_verb(void **state)
{
    (void)state;
    for (unsigned verb = 1; verb < VERB_COUNT; verb++) {
        struct msg_request req;
        struct buf b;

        buf_init(&b, 1 << 20);
        msg_sample_request(&b, verb, MSG_NONE, MSG_NONE);
        assert_int_equal(buf_check(&b), HUFU_OK);
        assert_int_equal(msg_request_get((uint16_t)verb, buf_view(&b), &req), HUFU_OK);
        assert_int_equal(req.verb, verb);
        assert_int_equal(req.flags, MSG_HAS_PIN | MSG_HAS_SESSION);
        assert_int_equal(req.addr[15], 7);
        assert_int_equal(req.pin[31], 9);
        assert_true(view_is(req.session, MSG_SAMPLE_SESSION));
        assert_true(view_is(req.request_id, "req-1"));
        assert_true(view_is(req.idem_key, "idem.1"));
        for (size_t i = 0; i < msg_shape(verb)->needs_count; i++)
            assert_true(msg_has(&req, msg_shape(verb)->needs[i].tag));
        buf_done(&b);
    }
}

static void test_msg_request_get_wants_exactly_the_members_of_the_shape(void **state)
{
    (void)state;
    for (unsigned verb = 1; verb < VERB_COUNT; verb++) {
        const struct msg_shape *shape = msg_shape(verb);
        size_t at = 0;

        for (unsigned tag = 1; tag < MSG_TAG_COUNT; tag++) {
            bool in_shape = at < shape->needs_count && shape->needs[at].tag == tag;
            bool must = in_shape && shape->needs[at].must;
            struct msg_request req = { .verb = 77 };
            enum hufu_err err;
            struct buf b;

            at += in_shape;
            buf_init(&b, 1 << 20);
            if (in_shape)
                msg_sample_request(&b, verb, tag, MSG_NONE);
            else
                msg_sample_request(&b, verb, MSG_NONE, tag);
            err = msg_request_get((uint16_t)verb, buf_view(&b), &req);
            assert_int_equal(err, in_shape && !must ? HUFU_OK : HUFU_CORRUPT);
            assert_int_equal(req.verb, err == HUFU_OK ? verb : 77);
            buf_done(&b);
        }
    }
}

/* Decodes a request that has one field as put by len; the rest of its shape at its maximum. */
static enum hufu_err get_with_length(unsigned verb, enum msg_tag tag, size_t len)
{
    const struct msg_shape *shape = msg_shape(verb);
    struct msg_request head = msg_sample_head(), req;
    enum hufu_err err;
    struct buf b;

    buf_init(&b, 1 << 20);
    msg_request_put_head(&b, &head);
    for (size_t i = 0; i < shape->needs_count; i++) {
        enum msg_tag at = shape->needs[i].tag;

        msg_sample_field(&b, at, at == tag ? len : msg_sample_max(at));
    }
    err = msg_request_get((uint16_t)verb, buf_view(&b), &req);
    buf_done(&b);
    return err;
}

static void test_msg_request_get_holds_each_length_to_its_limits(void **state)
{
    (void)state;
    for (unsigned verb = 1; verb < VERB_COUNT; verb++) {
        for (size_t i = 0; i < msg_shape(verb)->needs_count; i++) {
            enum msg_tag tag = msg_shape(verb)->needs[i].tag;
            enum msg_kind kind = msg_fields[tag].kind;
            bool secret = kind == MSG_SECRET || tag == MSG_TOKENS || tag == MSG_VALUES;

            if (kind == MSG_U64 || kind == MSG_BOOL || kind == MSG_KIND_KEEP)
                continue;
            assert_int_equal(get_with_length(verb, tag, 1), HUFU_OK);
            assert_int_equal(get_with_length(verb, tag, msg_sample_max(tag)), HUFU_OK);
            assert_int_equal(get_with_length(verb, tag, msg_sample_max(tag) + 1), HUFU_CORRUPT);
            assert_int_equal(get_with_length(verb, tag, 0), secret ? HUFU_OK : HUFU_CORRUPT);
        }
    }
}

/* Decodes a request of one field, given as it stands in the frame. */
static enum hufu_err get_one(unsigned verb, unsigned tag, const void *in, size_t in_len,
                             struct msg_request *out)
{
    static uint8_t mem[1 << 20];
    struct msg_request head = msg_sample_head();
    struct buf b;

    buf_fixed(&b, mem, sizeof(mem));
    msg_request_put_head(&b, &head);
    if (verb == VERB_TOKENIZE || verb == VERB_INSPECT || verb == VERB_DETOKENIZE)
        msg_put_text(&b, MSG_DOMAIN, view_str("cards"));
    buf_u16(&b, (uint16_t)tag);
    buf_lv32(&b, in, in_len);
    return msg_request_get((uint16_t)verb, buf_view(&b), out);
}

static void test_msg_request_get_checks_each_kind(void **state)
{
    static const struct {
        unsigned verb, tag;
        const char *in;
        size_t in_len;
        enum hufu_err err;
    } rows[] = {
        { VERB_TOKENIZE, MSG_RECEIPT, "\0", 1, HUFU_OK },
        { VERB_TOKENIZE, MSG_RECEIPT, "\1", 1, HUFU_OK },
        { VERB_TOKENIZE, MSG_RECEIPT, "\2", 1, HUFU_CORRUPT },
        { VERB_TOKENIZE, MSG_RECEIPT, "", 0, HUFU_CORRUPT },
        { VERB_TOKENIZE, MSG_RECEIPT, "\1\1", 2, HUFU_CORRUPT },
        { VERB_TOKENIZE, MSG_USES, "\1\0\0\0\0\0\0\0", 8, HUFU_OK },
        { VERB_TOKENIZE, MSG_USES, "\1\0\0\0\0\0\0", 7, HUFU_CORRUPT },
        { VERB_TOKENIZE, MSG_USES, "\1\0\0\0\0\0\0\0\0", 9, HUFU_CORRUPT },
        { VERB_TOKENIZE, MSG_SUBJECT, "\xe8\x99\x8e", 3, HUFU_OK },
        { VERB_TOKENIZE, MSG_SUBJECT, "\xe8\x99", 2, HUFU_CORRUPT },
        { VERB_TOKENIZE, MSG_SUBJECT, "a\nb", 3, HUFU_CORRUPT },
        { VERB_TOKENIZE, MSG_SUBJECT, "a\0b", 3, HUFU_CORRUPT },
        { VERB_TOKENIZE, MSG_VALUE, "a\0\xff", 3, HUFU_OK }, /* the format judges it */
        { VERB_TOKENIZE, MSG_VALUES, "", 0, HUFU_CORRUPT },
        { VERB_TOKENIZE, MSG_VALUES, "\0\0\0\0", 4, HUFU_CORRUPT }, /* an item without a value */
        { VERB_TOKENIZE, MSG_VALUES, "\6\0\0\0\2\0\0\0\0\0", 10, HUFU_OK },
        { VERB_TOKENIZE, MSG_VALUES, "\6\0\0\0\4\0\0\0\0\0", 10, HUFU_CORRUPT }, /* a token */
        { VERB_TOKENIZE, MSG_VALUES, "\6\0\0\0\2\0\1\0\0\0", 10, HUFU_CORRUPT },
        { VERB_TOKENIZE, MSG_VALUES, "\5\0\0\0\2\0\0\0\0", 9, HUFU_CORRUPT },
        { VERB_TOKENIZE, MSG_VALUES, "\xff\xff\xff\xff", 4, HUFU_CORRUPT },
        { VERB_TOKENIZE, MSG_DOMAIN, "x", 1, HUFU_CORRUPT }, /* twice */
        { VERB_INSPECT, MSG_TOKEN, "", 0, HUFU_OK },
        { VERB_CEREMONY_SHOW, MSG_ID, "0192", 4, HUFU_OK },
        { VERB_CEREMONY_SHOW, MSG_ID, "", 0, HUFU_CORRUPT },
        { VERB_CEREMONY_SHOW, 0, "x", 1, HUFU_CORRUPT },
        { VERB_CEREMONY_SHOW, MSG_TAG_COUNT, "x", 1, HUFU_CORRUPT },
        { VERB_CEREMONY_SHOW, 65535, "x", 1, HUFU_CORRUPT },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct msg_request req = { .verb = 77 };

        assert_int_equal(get_one(rows[i].verb, rows[i].tag, rows[i].in, rows[i].in_len, &req),
                         rows[i].err);
        assert_int_equal(req.verb, rows[i].err == HUFU_OK ? rows[i].verb : 77);
    }
}

static void test_msg_request_get_takes_lines_in_pem_only(void **state)
{
    static const struct {
        const char *pem;
        enum hufu_err err;
    } rows[] = {
        { "-----BEGIN\r\nabc\n\n", HUFU_OK }, { "\n", HUFU_OK },          { "a\tb", HUFU_CORRUPT },
        { "ab\n\x01", HUFU_CORRUPT },         { "\xff\n", HUFU_CORRUPT }, { "", HUFU_CORRUPT },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct msg_request head = msg_sample_head(), req;
        struct buf b;

        buf_init(&b, 4096);
        msg_request_put_head(&b, &head);
        msg_put_text(&b, MSG_NAME, view_str("acme"));
        msg_put_text(&b, MSG_CERT_PEM, view_str(rows[i].pem));
        assert_int_equal(msg_request_get(VERB_PARTNER_CERT_ADD, buf_view(&b), &req), rows[i].err);
        buf_done(&b);
    }
}

static void test_msg_request_get_counts_elements(void **state)
{
    static const struct {
        size_t count;
        enum hufu_err err;
    } rows[] = {
        { 0, HUFU_CORRUPT },
        { 1, HUFU_OK },
        { MSG_ITEMS_MAX, HUFU_OK },
        { MSG_ITEMS_MAX + 1, HUFU_CORRUPT },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct msg_request head = msg_sample_head(), req;
        struct buf b;

        buf_init(&b, 1 << 21);
        msg_request_put_head(&b, &head);
        msg_put_text(&b, MSG_DOMAIN, view_str("cards"));
        msg_sample_items(&b, rows[i].count, 16);
        assert_int_equal(msg_request_get(VERB_TOKENIZE, buf_view(&b), &req), rows[i].err);
        if (rows[i].err == HUFU_OK)
            assert_int_equal(msg_list_count(msg_text(&req, MSG_VALUES)), rows[i].count);
        buf_reset(&b);
        msg_request_put_head(&b, &head);
        msg_put_text(&b, MSG_DOMAIN, view_str("cards"));
        msg_sample_list(&b, MSG_TOKENS, rows[i].count, 16);
        msg_put_text(&b, MSG_REASON, view_str("r"));
        msg_put_text(&b, MSG_PURPOSE, view_str("p"));
        assert_int_equal(msg_request_get(VERB_DETOKENIZE, buf_view(&b), &req), rows[i].err);
        buf_done(&b);
    }
}

static void test_msg_request_get_allows_partners_of_nothing(void **state)
{
    struct msg_request head = msg_sample_head(), req;
    struct buf b;

    (void)state;
    buf_init(&b, 4096);
    msg_request_put_head(&b, &head);
    msg_put_text(&b, MSG_NAME, view_str("acme"));
    msg_sample_list(&b, MSG_FORMATS, 0, 0);
    msg_sample_list(&b, MSG_DOMAINS, 0, 0);
    msg_put_text(&b, MSG_CERT_PEM, view_str("x"));
    assert_int_equal(msg_request_get(VERB_PARTNER_ADD, buf_view(&b), &req), HUFU_OK);
    assert_true(msg_has(&req, MSG_FORMATS));
    assert_int_equal(msg_list_count(msg_text(&req, MSG_FORMATS)), 0);
    buf_done(&b);
}

static void test_msg_accessors(void **state)
{
    struct msg_request head = msg_sample_head(), req;
    struct msg_item item = { .value = { NULL, 77 } };
    struct reader r;
    struct buf b;

    (void)state;
    buf_init(&b, 4096);
    msg_request_put_head(&b, &head);
    msg_put_text(&b, MSG_DOMAIN, view_str("cards"));
    msg_sample_items(&b, 2, 16);
    msg_put_u64(&b, MSG_EXPIRES_IN, UINT64_MAX);
    msg_put_bool(&b, MSG_RECEIPT, true);
    assert_int_equal(msg_request_get(VERB_TOKENIZE, buf_view(&b), &req), HUFU_OK);
    assert_true(view_is(msg_text(&req, MSG_DOMAIN), "cards"));
    assert_true(msg_u64(&req, MSG_EXPIRES_IN, 5) == UINT64_MAX);
    assert_int_equal(msg_u64(&req, MSG_USES, 5), 5);
    assert_true(msg_bool(&req, MSG_RECEIPT));
    assert_false(msg_has(&req, MSG_VALUE));
    assert_null(msg_text(&req, MSG_VALUE).p);
    reader_init(&r, msg_text(&req, MSG_VALUES).p, msg_text(&req, MSG_VALUES).len);
    assert_int_equal(msg_item_get(view_of(r.p, 3), &item), HUFU_CORRUPT);
    assert_int_equal(item.value.len, 77);
    assert_int_equal(msg_item_get(msg_list_next(&r), &item), HUFU_OK);
    assert_true(view_is(item.value, "4444444444444444"));
    assert_true(view_is(item.subject, "s"));
    assert_null(item.consent.p);
    (void)msg_list_next(&r);
    assert_int_equal(reader_end(&r), HUFU_OK);
    buf_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_msg_tables_hold_in_every_row),
        cmocka_unit_test(test_msg_tables_ask_a_reason_for_every_change_of_state),
        cmocka_unit_test(test_msg_request_get_reads_every_verb),
        cmocka_unit_test(test_msg_request_get_wants_exactly_the_members_of_the_shape),
        cmocka_unit_test(test_msg_request_get_holds_each_length_to_its_limits),
        cmocka_unit_test(test_msg_request_get_checks_each_kind),
        cmocka_unit_test(test_msg_request_get_takes_lines_in_pem_only),
        cmocka_unit_test(test_msg_request_get_counts_elements),
        cmocka_unit_test(test_msg_request_get_allows_partners_of_nothing),
        cmocka_unit_test(test_msg_accessors),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
