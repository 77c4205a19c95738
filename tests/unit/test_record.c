/* The mapping record: its bytes, its states, its partners. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include "vault/base/secret.h"
#include "vault/record.h"

static struct record sample(void)
{
    struct record rec = { .state = RECORD_SUSPENDED,
                          .created_ms = 1,
                          .changed_ms = 2,
                          .expires_ms = 3,
                          .uses_left = 4,
                          .assurance = 99,
                          .requestor = "12345678901",
                          .channel = "pos",
                          .request_id = "r-1",
                          .partner = { 9, 8, 7 },
                          .partner_count = 3,
                          .value_len = 16,
                          .subject = "subject",
                          .consent = "consent" };

    memcpy(rec.value, "4111111111111111", 16);
    return rec;
}

static void print(const struct record *rec, struct buf *header, uint8_t *header_mem,
                  struct buf *text, uint8_t *text_mem)
{
    buf_fixed(header, header_mem, RECORD_HEADER_MAX);
    buf_fixed(text, text_mem, RECORD_TEXT_MAX);
    record_put_header(rec, header);
    record_put_text(rec, text);
    assert_int_equal(buf_check(header), HUFU_OK);
    assert_int_equal(buf_check(text), HUFU_OK);
}

/* All members at their limits fit into the sizes that record.h promises. */
static void test_round_trip_at_the_limits(void **state)
{
    uint8_t header_mem[RECORD_HEADER_MAX], text_mem[RECORD_TEXT_MAX];
    struct record rec = sample(), got = { 0 };
    struct buf header, text;

    (void)state;
    memset(rec.channel, 'c', sizeof(rec.channel) - 1);
    memset(rec.request_id, 'r', sizeof(rec.request_id) - 1);
    memset(rec.subject, 's', sizeof(rec.subject) - 1);
    memset(rec.consent, 't', sizeof(rec.consent) - 1);
    memset(rec.value, '4', sizeof(rec.value));
    rec.value_len = sizeof(rec.value);
    rec.partner_count = ROW_PARTNERS_MAX;
    for (uint32_t i = 0; i < ROW_PARTNERS_MAX; i++)
        rec.partner[i] = UINT32_MAX - i;
    print(&rec, &header, header_mem, &text, text_mem);
    assert_int_equal(record_get_header(buf_view(&header), &got), HUFU_OK);
    assert_int_equal(record_get_text(buf_view(&text), &got), HUFU_OK);
    assert_memory_equal(&got, &rec, sizeof(got));
}

static void test_get_refuses_other_lengths(void **state)
{
    uint8_t header_mem[RECORD_HEADER_MAX + 1], text_mem[RECORD_TEXT_MAX + 1];
    struct record rec = sample(), got;
    struct buf header, text;

    (void)state;
    print(&rec, &header, header_mem, &text, text_mem);
    for (size_t n = 0; n <= header.len + 1; n++)
        if (n != header.len)
            assert_int_equal(record_get_header(view_of(header_mem, n), &got), HUFU_CORRUPT);
    for (size_t n = 0; n <= text.len + 1; n++)
        if (n != text.len)
            assert_int_equal(record_get_text(view_of(text_mem, n), &got), HUFU_CORRUPT);
}

static void test_get_refuses_what_cannot_be(void **state)
{
    uint8_t header_mem[RECORD_HEADER_MAX], text_mem[RECORD_TEXT_MAX];
    struct record rec = sample(), got;
    struct buf header, text;

    (void)state;
    for (unsigned s = 0; s < 256; s++) {
        rec.state = (uint8_t)s;
        print(&rec, &header, header_mem, &text, text_mem);
        assert_int_equal(record_get_header(buf_view(&header), &got),
                         s >= RECORD_ACTIVE && s <= RECORD_EXPIRED ? HUFU_OK : HUFU_CORRUPT);
    }
    rec = sample();
    rec.partner_count = 0;
    print(&rec, &header, header_mem, &text, text_mem);
    assert_int_equal(record_get_header(buf_view(&header), &got), HUFU_CORRUPT);
    rec.partner_count = 3;
    rec.value_len = 0;
    print(&rec, &header, header_mem, &text, text_mem);
    assert_int_equal(record_get_text(buf_view(&text), &got), HUFU_CORRUPT);
    header_mem[0] = 2; /* another format */
    assert_int_equal(record_get_header(buf_view(&header), &got), HUFU_CORRUPT);
    /* more partners than there may be; one byte of value too many */
    rec = sample();
    print(&rec, &header, header_mem, &text, text_mem);
    header_mem[header.len - 13] = ROW_PARTNERS_MAX + 1;
    assert_int_equal(record_get_header(buf_view(&header), &got), HUFU_CORRUPT);
    text_mem[0] = FORMAT_VALUE_MAX + 1;
    assert_int_equal(record_get_text(buf_view(&text), &got), HUFU_CORRUPT);
}

static void test_state_name_follows_state_and_time(void **state)
{
    static const struct {
        uint8_t state;
        uint64_t expires_ms, now_ms;
        const char *name;
    } rows[] = {
        { RECORD_ACTIVE, 0, UINT64_MAX, "active" }, { RECORD_ACTIVE, 100, 99, "active" },
        { RECORD_ACTIVE, 100, 100, "expired" },     { RECORD_SUSPENDED, 100, 99, "suspended" },
        { RECORD_SUSPENDED, 100, 100, "expired" },  { RECORD_REVOKED, 100, 100, "revoked" },
        { RECORD_DELETED, 100, 100, "deleted" },    { RECORD_EXPIRED, 100, 100, "expired" },
        { RECORD_EXPIRED, 100, 99, "expired" }, /* what was swept stays, should the clock run back
                                                 */
    };
    struct record rec = sample();

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        rec.state = rows[i].state;
        rec.expires_ms = rows[i].expires_ms;
        assert_string_equal(record_state_name(&rec, rows[i].now_ms), rows[i].name);
    }
}

static void test_partners(void **state)
{
    struct record rec = sample();

    (void)state;
    assert_true(record_has_partner(&rec, 9) && record_has_partner(&rec, 7));
    assert_false(record_has_partner(&rec, 6));
    rec.partner_count = 2;
    assert_false(record_has_partner(&rec, 7)); /* behind the end */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip_at_the_limits),
        cmocka_unit_test(test_get_refuses_other_lengths),
        cmocka_unit_test(test_get_refuses_what_cannot_be),
        cmocka_unit_test(test_state_name_follows_state_and_time),
        cmocka_unit_test(test_partners),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
