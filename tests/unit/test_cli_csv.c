#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/cli_csv.h"
#include "tools/cli_csvbatch.h"
#include "tools/cli_retry.h"

static struct csv_row row;

/* RFC 4180 section 2, and what other readers could take in two ways. */
static void test_csv_scan_rows(void **state)
{
    static const struct {
        const char *in;
        bool last;
        enum hufu_err err;
        enum csv_fault fault;
        size_t len, count;
    } rows[] = {
        { "aaa,bbb,ccc\r\n", true, HUFU_OK, 0, 13, 3 },
        { "aaa,bbb\nrest", true, HUFU_OK, 0, 8, 2 },
        { "aaa,bbb", true, HUFU_OK, 0, 7, 2 },
        { "aaa,bbb", false, HUFU_BUSY, 0, 0, 0 },
        { "aaa,bbb\r", false, HUFU_BUSY, 0, 0, 0 },
        { "aaa,", true, HUFU_OK, 0, 4, 2 },
        { ",", true, HUFU_OK, 0, 1, 2 },
        { "\n", true, HUFU_OK, 0, 1, 1 },
        { "\r\n", true, HUFU_OK, 0, 2, 1 },
        { "\"b\r\nbb\",\"\"\r\nx", true, HUFU_OK, 0, 12, 2 },
        { "\"a\"\"b\"", true, HUFU_OK, 0, 6, 1 },
        { "\"a\"", false, HUFU_BUSY, 0, 0, 0 },
        { "\"\"", true, HUFU_OK, 0, 2, 1 },
        { "", true, HUFU_NOT_FOUND, 0, 0, 0 },
        { "", false, HUFU_BUSY, 0, 0, 0 },
        { "a\"b\n", true, HUFU_SYNTAX, CSV_FAULT_QUOTE, 0, 0 },
        { " \"b\"\n", true, HUFU_SYNTAX, CSV_FAULT_QUOTE, 0, 0 },
        { "\"a\"b\n", true, HUFU_SYNTAX, CSV_FAULT_BEHIND, 0, 0 },
        { "\"a\" ,b\n", true, HUFU_SYNTAX, CSV_FAULT_BEHIND, 0, 0 },
        { "\"a\n", true, HUFU_SYNTAX, CSV_FAULT_OPEN, 0, 0 },
        { "\"", true, HUFU_SYNTAX, CSV_FAULT_OPEN, 0, 0 },
        { "\"a\"\"", true, HUFU_SYNTAX, CSV_FAULT_OPEN, 0, 0 },
        { "\"a\n", false, HUFU_BUSY, 0, 0, 0 },
        { "a\rb\n", true, HUFU_SYNTAX, CSV_FAULT_RETURN, 0, 0 },
        { "a\r", true, HUFU_SYNTAX, CSV_FAULT_RETURN, 0, 0 },
        { "\"a\"\rb", true, HUFU_SYNTAX, CSV_FAULT_RETURN, 0, 0 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        enum csv_fault fault = CSV_FAULT_NONE;

        assert_int_equal(csv_scan(view_str(rows[i].in), rows[i].last, &row, &fault), rows[i].err);
        assert_int_equal(fault, rows[i].fault);
        if (rows[i].err != HUFU_OK)
            continue;
        assert_int_equal(row.len, rows[i].len);
        assert_int_equal(row.count, rows[i].count);
    }
}

static void test_csv_scan_nul_bytes(void **state)
{
    static const char *const rows[] = { "\0a\n", "a\0\n", "\"\0\"\n" };
    enum csv_fault fault = CSV_FAULT_NONE;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(csv_scan(view_of(rows[i], 3), true, &row, &fault), HUFU_SYNTAX);
        assert_int_equal(fault, CSV_FAULT_NUL);
    }
    assert_int_equal(csv_scan(view_of("\"\"\0", 3), true, &row, &fault), HUFU_SYNTAX);
    assert_int_equal(fault, CSV_FAULT_NUL);
}

/* A field of len bytes as it stands, then LF. */
static enum hufu_err scan_field(size_t len, bool quoted, enum csv_fault *fault)
{
    char *text = malloc(len + 1);
    enum hufu_err err;

    assert_non_null(text);
    memset(text, 'a', len);
    text[len] = '\n';
    if (quoted)
        text[0] = text[len - 1] = '"';
    err = csv_scan(view_of(text, len + 1), true, &row, fault);
    free(text);
    return err;
}

static void test_csv_scan_limits(void **state)
{
    enum csv_fault fault = CSV_FAULT_NONE;
    char *text = malloc(CSV_ROW_MAX + 2);

    (void)state;
    assert_non_null(text);
    for (int quoted = 0; quoted < 2; quoted++) {
        assert_int_equal(scan_field(CSV_FIELD_MAX, quoted, &fault), HUFU_OK);
        assert_int_equal(row.field[0].len, CSV_FIELD_MAX);
        assert_int_equal(scan_field(CSV_FIELD_MAX + 1, quoted, &fault), HUFU_SYNTAX);
        assert_int_equal(fault, CSV_FAULT_FIELD);
    }
    /* columns */
    memset(text, ',', CSV_COLUMNS_MAX);
    assert_int_equal(csv_scan(view_of(text, CSV_COLUMNS_MAX - 1), true, &row, &fault), HUFU_OK);
    assert_int_equal(row.count, CSV_COLUMNS_MAX);
    assert_int_equal(csv_scan(view_of(text, CSV_COLUMNS_MAX), true, &row, &fault), HUFU_SYNTAX);
    assert_int_equal(fault, CSV_FAULT_COLUMNS);
    /* a record */
    memset(text, 'a', CSV_ROW_MAX + 2);
    for (size_t i = 60000; i < CSV_ROW_MAX; i += 60000)
        text[i] = ',';
    text[CSV_ROW_MAX - 1] = '\n';
    assert_int_equal(csv_scan(view_of(text, CSV_ROW_MAX + 2), true, &row, &fault), HUFU_OK);
    assert_int_equal(row.len, CSV_ROW_MAX);
    text[CSV_ROW_MAX - 1] = 'a';
    assert_int_equal(csv_scan(view_of(text, CSV_ROW_MAX), true, &row, &fault), HUFU_OK);
    assert_int_equal(csv_scan(view_of(text, CSV_ROW_MAX), false, &row, &fault), HUFU_BUSY);
    text[CSV_ROW_MAX] = '\n';
    assert_int_equal(csv_scan(view_of(text, CSV_ROW_MAX + 1), true, &row, &fault), HUFU_SYNTAX);
    assert_int_equal(fault, CSV_FAULT_ROW);
    free(text);
}

static void test_csv_text_and_put(void **state)
{
    static const struct {
        const char *field;
        bool quoted;
        const char *text;
    } rows[] = {
        { "plain", false, "plain" }, { "", false, "" },
        { "\"\"", true, "" },        { "\"a\"\"b\"", true, "a\"b" },
        { "\"\"\"\"", true, "\"" },  { "\"a,b\r\n\"", true, "a,b\r\n" },
    };
    struct buf out;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        buf_init(&out, 64);
        csv_text(view_str(rows[i].field), rows[i].quoted, &out);
        assert_true(view_is(buf_view(&out), rows[i].text));
        buf_reset(&out);
        csv_put(&out, view_str(rows[i].text), rows[i].quoted);
        assert_true(view_is(buf_view(&out), rows[i].field));
        buf_done(&out);
    }
    /* A token that cannot stand without quotes gets them. */
    buf_init(&out, 64);
    csv_put(&out, view_str("a,b"), false);
    assert_true(view_is(buf_view(&out), "\"a,b\""));
    buf_done(&out);
}

static int file_of(const char *text, size_t len)
{
    FILE *file = tmpfile();
    int fd;

    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, len, file), len);
    assert_int_equal(fflush(file), 0);
    fd = dup(fileno(file));
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    assert_int_equal(fclose(file), 0);
    return fd;
}

static void test_csv_reader_counts_lines_and_columns(void **state)
{
    static const char text[] = "\xEF\xBB\xBF"
                               "a,b\n\"1\n2\",3\r\n\nx,y\nz\n";
    struct csv_reader r;
    struct view raw, ahead;
    size_t mark = 0;
    int fd = file_of(text, sizeof(text) - 1);

    (void)state;
    assert_int_equal(csv_open(&r, fd, 0, 1), HUFU_OK);
    assert_int_equal(csv_skip_mark(&r, &mark), HUFU_OK);
    assert_int_equal(mark, 3);
    assert_int_equal(csv_peek(&r, &row, &ahead), HUFU_OK);
    assert_int_equal(csv_next(&r, &row, &raw), HUFU_OK);
    assert_true(view_is(raw, "a,b\n") && raw.p == ahead.p);
    assert_int_equal(csv_next(&r, &row, &raw), HUFU_OK);
    assert_true(view_is(raw, "\"1\n2\",3\r\n"));
    assert_int_equal(r.line, 4);
    assert_int_equal(r.at, 3 + 4 + 9);
    assert_int_equal(csv_next(&r, &row, &raw), HUFU_OK);
    assert_true(csv_is_blank(&row)); /* fits any number of columns */
    assert_int_equal(csv_next(&r, &row, &raw), HUFU_OK);
    assert_int_equal(csv_next(&r, &row, &raw), HUFU_SYNTAX);
    assert_int_equal(r.fault, CSV_FAULT_RAGGED);
    assert_int_equal(r.line, 6);
    csv_close(&r);
    (void)close(fd);
}

/* Where a record is longer than what was read, the rest is fetched; memory stays the same. */
static void test_csv_reader_goes_through_many_fills(void **state)
{
    size_t len = 3 * (size_t)CSV_READ_MAX, rows = 0, sum = 0;
    char *text = malloc(len);
    struct csv_reader r;
    struct view raw;
    int fd;

    (void)state;
    assert_non_null(text);
    memset(text, 'a', len);
    for (size_t i = 999; i < len; i += 1000)
        text[i] = '\n';
    fd = file_of(text, len);
    free(text);
    assert_int_equal(csv_open(&r, fd, 0, 1), HUFU_OK);
    while (csv_next(&r, &row, &raw) == HUFU_OK) {
        rows++;
        sum += raw.len;
    }
    assert_int_equal(r.fault, CSV_FAULT_NONE);
    assert_int_equal(sum, len);
    assert_int_equal(rows, (len + 999) / 1000);
    csv_close(&r);
    (void)close(fd);
}

static struct view reply_text(struct cli_reply *reply, const char *text)
{
    cli_reply_init(reply);
    buf_str(&reply->body, text);
    return buf_view(&reply->body);
}

/* Fills a batch from text, column 2. */
static void batch_of(struct csv_batch *b, struct csv_plan *plan, const char *text)
{
    int fd = file_of(text, strlen(text));
    static struct progress silent;
    struct csv_reader r;

    *plan = (struct csv_plan){ .column = 1, .subject = CSV_NO_COLUMN, .consent = CSV_NO_COLUMN };
    assert_int_equal(csv_batch_init(b, &silent), HUFU_OK);
    assert_int_equal(csv_open(&r, fd, 0, 1), HUFU_OK);
    assert_int_equal(csv_batch_fill(b, plan, &r, &row), HUFU_OK);
    csv_close(&r);
    (void)close(fd);
}

static void test_csv_batch_prints_tokens_and_faults(void **state)
{
    struct resume at = { .rows = 10, .line = 1 };
    struct csv_plan plan;
    struct cli_reply reply;
    struct csv_batch b;
    struct buf out, errors;

    (void)state;
    batch_of(&b, &plan, "a,11,\nb,\"2\"\"2\",x\r\n\nc,,\nd,\"3\n\",\ne,44,");
    assert_int_equal(b.count, 6);
    assert_true(view_is(buf_view(&b.list), "[\"11\",\"2\\\"2\",\"44\"]"));
    (void)reply_text(&reply, "{\"results\":[{\"created\":true,\"token\":\"t1\"},"
                             "{\"created\":false,\"token\":\"t\\\"2\"},"
                             "{\"error\":{\"code\":\"invalid_value\",\"title\":\"x\"}}]}");
    buf_init(&out, 4096);
    buf_init(&errors, 4096);
    assert_int_equal(csv_batch_print(&b, &plan, &reply, &at, &out, &errors), CLI_OK);
    assert_true(view_is(buf_view(&out), "a,t1,\nb,\"t\"\"2\",x\r\n\nc,,\nd,\"\",\ne,,"));
    assert_true(view_is(buf_view(&errors), "14,5,invalid_value\n15,7,invalid_value\n"));
    assert_int_equal(at.rows, 15);
    assert_int_equal(at.tokens, 2);
    assert_int_equal(at.created, 1);
    assert_int_equal(at.empty, 1);
    assert_int_equal(at.failed, 2);
    assert_int_equal(at.worst, CLI_INVALID);
    buf_done(&out);
    buf_done(&errors);
    cli_reply_done(&reply);
    csv_batch_done(&b);
}

static void test_csv_batch_refuses_replies_that_do_not_fit(void **state)
{
    static const char *const replies[] = {
        "",
        "{}",
        "{\"results\":[]}",
        "{\"results\":[{\"token\":\"a\"}]}",
        "{\"results\":[{\"token\":\"a\"},{\"token\":\"b\"},{\"token\":\"c\"}]}",
        "{\"results\":[{\"token\":\"a\"},{}]}",
        "{\"results\":[{\"token\":\"a\"},{\"token\":\"\"}]}",
        "{\"results\":[{\"token\":\"a\"},{\"token\":\"b\\n\"}]}",
        "{\"results\":[{\"token\":\"a\"},{\"token\":7}]}",
    };
    const struct resume before = { .rows = 1, .line = 1 };
    struct resume at = before;
    struct csv_plan plan;
    struct csv_batch b;
    struct buf out, errors;

    (void)state;
    batch_of(&b, &plan, "a,1\nb,2\n");
    for (size_t i = 0; i < sizeof(replies) / sizeof(replies[0]); i++) {
        struct cli_reply reply;

        (void)reply_text(&reply, replies[i]);
        buf_init(&out, 4096);
        buf_init(&errors, 4096);
        assert_int_equal(csv_batch_print(&b, &plan, &reply, &at, &out, &errors), CLI_SERVER);
        assert_memory_equal(&at, &before, sizeof(at));
        buf_done(&out);
        buf_done(&errors);
        cli_reply_done(&reply);
    }
    csv_batch_done(&b);
}

/* Both sides of the limits of a value and of references; nothing longer is ever sent. */
static void test_csv_batch_judges_values(void **state)
{
    char text[600], longer[600];
    const char *code = NULL;
    struct csv_plan plan = { .column = 0, .subject = 1, .consent = CSV_NO_COLUMN };
    enum csv_fault fault;

    (void)state;
    for (size_t len = CSV_VALUE_MAX; len <= CSV_VALUE_MAX + 1; len++) {
        (void)snprintf(text, sizeof(text), "%0*d,s", (int)len, 0);
        assert_int_equal(csv_scan(view_str(text), true, &row, &fault), HUFU_OK);
        assert_int_equal(csv_batch_judge(&plan, &row, view_str(text), NULL, &code),
                         len == CSV_VALUE_MAX ? CSV_SENT : CSV_BAD);
    }
    assert_string_equal(code, "invalid_value");
    for (size_t len = CSV_REF_MAX; len <= CSV_REF_MAX + 1; len++) {
        (void)snprintf(longer, sizeof(longer), "1,%0*d", (int)len, 0);
        assert_int_equal(csv_scan(view_str(longer), true, &row, &fault), HUFU_OK);
        assert_int_equal(csv_batch_judge(&plan, &row, view_str(longer), NULL, &code),
                         len == CSV_REF_MAX ? CSV_SENT : CSV_BAD);
    }
    assert_string_equal(code, "bad_request");
    assert_int_equal(csv_scan(view_str("\x80,a"), true, &row, &fault), HUFU_OK);
    assert_int_equal(csv_batch_judge(&plan, &row, view_str("\x80,a"), NULL, &code), CSV_BAD);
}

/* A thousand values, and never more than the server takes in bytes. */
static void test_csv_batch_is_bounded(void **state)
{
    size_t rows = 2 * CSV_BATCH_ROWS, wide = 2 * (size_t)CSV_VALUE_MAX + 3, len;
    char *text = malloc(rows * wide + 1);
    struct csv_plan plan;
    struct csv_batch b;

    (void)state;
    assert_non_null(text);
    for (size_t i = 0; i < rows; i++)
        memcpy(text + 4 * i, "a,1\n", 4);
    text[4 * rows] = 0;
    batch_of(&b, &plan, text);
    assert_int_equal(b.count, CSV_BATCH_ROWS);
    csv_batch_done(&b);
    /* values of backslashes: each is two bytes in JSON */
    len = CSV_VALUE_MAX + 3;
    for (size_t i = 0; i < rows; i++) {
        memset(text + len * i, '\\', len);
        memcpy(text + len * i, "a,", 2);
        text[len * i + len - 1] = '\n';
    }
    text[len * rows] = 0;
    batch_of(&b, &plan, text);
    assert_true(b.count == CSV_BATCH_ROWS && b.list.len < CSV_BATCH_LIST + 1024);
    csv_batch_done(&b);
    free(text);
}

static void test_retry_rules(void **state)
{
    struct cli_reply reply = { 0 };
    static const struct {
        long status;
        bool again;
    } rows[] = { { 200, false }, { 400, false }, { 401, false }, { 408, true },
                 { 422, false }, { 429, true },  { 500, true },  { 503, true } };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        reply.status = rows[i].status;
        assert_int_equal(retry_is_worth(CLI_OK, &reply), rows[i].again);
    }
    assert_true(retry_is_worth(CLI_SERVER, &reply));
    assert_false(retry_is_worth(CLI_DENIED, &reply));
    assert_false(retry_is_worth(CLI_USAGE, &reply));
    assert_int_equal(retry_wait_ms(1, 0), 200);
    assert_int_equal(retry_wait_ms(2, 0), 400);
    assert_int_equal(retry_wait_ms(6, 0), 6400);
    assert_int_equal(retry_wait_ms(7, 0), RETRY_WAIT_MAX_MS);
    assert_int_equal(retry_wait_ms(UINT32_MAX, 0), RETRY_WAIT_MAX_MS);
    assert_int_equal(retry_wait_ms(1, 7), 7000);
    assert_int_equal(retry_wait_ms(9, 7), RETRY_WAIT_MAX_MS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_csv_scan_rows),
        cmocka_unit_test(test_csv_scan_nul_bytes),
        cmocka_unit_test(test_csv_scan_limits),
        cmocka_unit_test(test_csv_text_and_put),
        cmocka_unit_test(test_csv_reader_counts_lines_and_columns),
        cmocka_unit_test(test_csv_reader_goes_through_many_fills),
        cmocka_unit_test(test_csv_batch_prints_tokens_and_faults),
        cmocka_unit_test(test_csv_batch_refuses_replies_that_do_not_fit),
        cmocka_unit_test(test_csv_batch_judges_values),
        cmocka_unit_test(test_csv_batch_is_bounded),
        cmocka_unit_test(test_retry_rules),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
