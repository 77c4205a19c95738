/* The rows of recipients, of the sharing register and of exports: as bytes and back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "vault/access/export_row.h"
#include "vault/access/share_row.h"

static const uint8_t names[] = { 3, 't', '-', '1', 3, 't', '-', '2' };

static struct recipient sample_recipient(void)
{
    struct recipient r = { .name = "bank",
                           .kind = RECIPIENT_PROCESSOR,
                           .state = ROW_FROZEN,
                           .created_ms = 7,
                           .assessment = { "A-1", 11 },
                           .channel_check = { "K-1", 12 },
                           .tool_check = { "T-1", 13 },
                           .contract = { "C-1", 14 },
                           .legal_basis = "order",
                           .use = "settlement",
                           .cert_len = 3,
                           .cert = { 1, 2, 3 } };
    return r;
}

static struct share_row sample_line(void)
{
    struct share_row line = { .at_ms = 9,
                              .scale = 10,
                              .kind = RECIPIENT_PUBLIC,
                              .way = SHARE_EXPORT,
                              .result = SHARE_STOPPED,
                              .class = 2,
                              .grant = { 4 },
                              .export = { 5 },
                              .domain = "cards",
                              .format = "pan",
                              .recipient = "court",
                              .principal = "olga",
                              .purpose = "dispute",
                              .request_id = "r-1",
                              .use = "trial",
                              .reason = "case 7",
                              .legal_basis = "order",
                              .assessment = { "A-1", 11 },
                              .channel_check = { "K-1", 12 },
                              .tool_check = { "T-1", 13 },
                              .contract = { "C-1", 14 } };
    return line;
}

static struct export_row sample_export(void)
{
    struct export_row row = { .state = EXPORT_RUNNING,
                              .user_id = 2,
                              .domain_id = 3,
                              .began_ms = 4,
                              .ended_ms = 5,
                              .until_ms = 6,
                              .total = 7,
                              .done = 8,
                              .skipped = 9,
                              .file_bytes = 10,
                              .file_hash = { 11 },
                              .grant = { 12 },
                              .recipient = "bank",
                              .purpose = "dispute",
                              .reason = "case 7",
                              .source = "::1",
                              .request_id = "r-1",
                              .why = "grant" };
    row.tokens = view_of(names, sizeof(names));
    return row;
}

static enum hufu_err get_recipient(struct view in, void *out)
{
    return recipient_get(in, out);
}

static enum hufu_err get_line(struct view in, void *out)
{
    return share_row_get(in, out);
}

static enum hufu_err get_export(struct view in, void *out)
{
    return export_row_get(in, out);
}

static const struct kind {
    const char *name;
    enum hufu_err (*get)(struct view in, void *out);
    size_t size;
    size_t state_at; /* of the byte that tells what cannot be: offset behind the format */
} kinds[] = {
    { "recipient", get_recipient, sizeof(struct recipient), 1 + 1 + 4 },
    { "share", get_line, sizeof(struct share_row), 1 + 8 + 8 },
    { "export", get_export, sizeof(struct export_row), 1 },
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static void put(size_t kind, struct buf *out)
{
    struct recipient r = sample_recipient();
    struct share_row line = sample_line();
    struct export_row row = sample_export();

    buf_init(out, EXPORT_ROW_MAX);
    if (kind == 0)
        recipient_put(&r, out);
    else if (kind == 1)
        share_row_put(&line, out);
    else
        export_row_put(&row, out);
    assert_int_equal(buf_check(out), HUFU_OK);
}

static void test_put_and_get(void **state)
{
    const struct recipient r = sample_recipient();
    const struct share_row line = sample_line();
    struct export_row row = sample_export(), got_row;
    struct recipient got;
    struct share_row got_line;
    struct buf b;

    (void)state;
    put(0, &b);
    assert_int_equal(recipient_get(buf_view(&b), &got), HUFU_OK);
    assert_memory_equal(&got, &r, sizeof(r));
    buf_done(&b);
    put(1, &b);
    assert_int_equal(share_row_get(buf_view(&b), &got_line), HUFU_OK);
    assert_memory_equal(&got_line, &line, sizeof(line));
    buf_done(&b);
    put(2, &b);
    assert_int_equal(export_row_get(buf_view(&b), &got_row), HUFU_OK);
    assert_true(view_equal(got_row.tokens, row.tokens));
    assert_true(got_row.tokens.p >= b.p && got_row.tokens.p < b.p + b.len); /* borrowed */
    row.tokens = got_row.tokens;
    assert_memory_equal(&got_row, &row, sizeof(row));
    buf_done(&b);
}

/* Shorter, longer, of another format or of a kind that is none: nothing is taken of it. */
static void test_what_is_no_row_leaves_out_alone(void **state)
{
    (void)state;
    for (size_t k = 0; k < KINDS; k++) {
        uint8_t *out = malloc(kinds[k].size), *before = malloc(kinds[k].size);
        struct buf b;

        assert_true(out != NULL && before != NULL);
        memset(before, 0x5a, kinds[k].size);
        memcpy(out, before, kinds[k].size);
        put(k, &b);
        for (size_t len = 0; len < b.len; len++)
            if (kinds[k].get(view_of(b.p, len), out) != HUFU_CORRUPT)
                fail_msg("%s of %zu bytes", kinds[k].name, len);
        buf_u8(&b, 0);
        assert_int_equal(kinds[k].get(buf_view(&b), out), HUFU_CORRUPT);
        b.len--;
        b.p[0] = 2;
        assert_int_equal(kinds[k].get(buf_view(&b), out), HUFU_CORRUPT);
        b.p[0] = 1;
        b.p[kinds[k].state_at] = 77;
        assert_int_equal(kinds[k].get(buf_view(&b), out), HUFU_CORRUPT);
        b.p[kinds[k].state_at] = 0;
        assert_int_equal(kinds[k].get(buf_view(&b), out), HUFU_CORRUPT);
        assert_memory_equal(out, before, kinds[k].size);
        buf_done(&b);
        free(out);
        free(before);
    }
}

/* The longest texts, the largest certificate, all the tokens that there may be. */
static void test_the_largest_fit(void **state)
{
    static uint8_t many[EXPORT_NAMES_MAX];
    struct share_row line = sample_line();
    struct export_row row = sample_export();
    struct buf b;

    (void)state;
    memset(line.domain, 'd', TEXT_NAME_MAX);
    memset(line.format, 'f', FORMAT_NAME_MAX);
    memset(line.recipient, 'r', TEXT_NAME_MAX);
    memset(line.principal, 'p', TEXT_NAME_MAX);
    memset(line.purpose, 'p', GRANT_PURPOSE_MAX);
    memset(line.request_id, 'i', sizeof(line.request_id) - 1);
    memset(line.use, 'u', ROW_TEXT_MAX);
    memset(line.reason, 'r', ROW_TEXT_MAX);
    memset(line.legal_basis, 'l', ROW_TEXT_MAX);
    memset(line.assessment.ref, 'a', RECIPIENT_REF_MAX);
    line.channel_check = line.tool_check = line.contract = line.assessment;
    buf_init(&b, SHARE_ROW_MAX);
    share_row_put(&line, &b);
    assert_int_equal(buf_check(&b), HUFU_OK);
    buf_done(&b);
    row.tokens = view_of(many, sizeof(many));
    memset(row.reason, 'r', ROW_TEXT_MAX);
    memset(row.request_id, 'i', sizeof(row.request_id) - 1);
    buf_init(&b, EXPORT_ROW_MAX);
    export_row_put(&row, &b);
    assert_int_equal(buf_check(&b), HUFU_OK);
    assert_int_equal(export_row_get(buf_view(&b), &row), HUFU_OK);
    buf_done(&b);
}

static void test_names(void **state)
{
    (void)state;
    assert_string_equal(export_state_name(EXPORT_WAITING), "running");
    assert_string_equal(export_state_name(EXPORT_RUNNING), "running");
    assert_string_equal(export_state_name(EXPORT_FAILED), "failed");
    assert_string_equal(export_state_name(6), "?");
    assert_string_equal(share_way_name(SHARE_REVEAL), "reveal");
    assert_string_equal(share_way_name(3), "?");
    assert_string_equal(share_result_name(SHARE_STOPPED), "stopped");
    assert_string_equal(share_result_name(4), "?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_put_and_get),
        cmocka_unit_test(test_what_is_no_row_leaves_out_alone),
        cmocka_unit_test(test_the_largest_fit),
        cmocka_unit_test(test_names),
    };

    return cmocka_run_group_tests_name("share rows", tests, NULL, NULL);
}
