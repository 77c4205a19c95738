#include "tools/cli_csvbatch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/cli_exit.h"
#include <jansson.h>
#include "vault/base/text.h"

#define ITEM_ROOM 4096U /* bytes of one more element of the list */

enum hufu_err csv_batch_init(struct csv_batch *b, struct progress *progress)
{
    *b = (struct csv_batch){ .progress = progress };
    b->item = calloc(CSV_BATCH_ROWS, sizeof(*b->item));
    buf_init(&b->raw, CSV_BATCH_RAW + CSV_ROW_MAX);
    buf_init(&b->list, CSV_BATCH_LIST + ITEM_ROOM);
    return b->item != NULL ? HUFU_OK : HUFU_NOMEM;
}

void csv_batch_done(struct csv_batch *b)
{
    buf_done(&b->raw);
    buf_done(&b->list);
    free(b->item);
    *b = (struct csv_batch){ 0 };
}

/* The text of a column in memory of the caller; false where it is longer than max or not plain. */
static bool column_read(const struct csv_row *row, struct view raw, size_t column, size_t max,
                        struct buf *out)
{
    const struct csv_field *f = &row->field[column];

    if (f->len > 2 * max + 2)
        return false;
    csv_text(view_of(raw.p + f->at, f->len), f->quoted, out);
    return buf_check(out) == HUFU_OK && out->len <= max && text_is_utf8(buf_view(out));
}

/* From its column, or the same for all rows; empty where there is none. */
static bool ref_read(const struct csv_row *row, struct view raw, size_t column, const char *fixed,
                     struct buf *out)
{
    if (column != CSV_NO_COLUMN)
        return column_read(row, raw, column, CSV_REF_MAX, out);
    if (fixed != NULL)
        buf_str(out, fixed);
    return buf_check(out) == HUFU_OK;
}

static void print_item(struct json *list, const struct buf *value, const struct buf *subject,
                       const struct buf *consent)
{
    if (subject->len == 0 && consent->len == 0) {
        json_text(list, buf_view(value));
        return;
    }
    json_open(list);
    if (consent->len > 0)
        json_put_text(list, "consent", buf_view(consent));
    if (subject->len > 0)
        json_put_text(list, "subject", buf_view(subject));
    json_put_text(list, "value", buf_view(value));
    json_close(list);
}

enum csv_kind csv_batch_judge(const struct csv_plan *plan, const struct csv_row *row,
                              struct view raw, struct json *list, const char **code_out)
{
    uint8_t memory[3][2 * CSV_VALUE_MAX + 2];
    enum csv_kind kind = CSV_SENT;
    struct buf value, subject, consent;

    buf_fixed(&value, memory[0], sizeof(memory[0]));
    buf_fixed(&subject, memory[1], sizeof(memory[1]));
    buf_fixed(&consent, memory[2], sizeof(memory[2]));
    if (csv_is_blank(row)) {
        kind = CSV_COPY;
    } else if (!column_read(row, raw, plan->column, CSV_VALUE_MAX, &value)) {
        kind = CSV_BAD;
        *code_out = "invalid_value";
    } else if (value.len == 0) {
        kind = CSV_EMPTY;
    } else if (!ref_read(row, raw, plan->subject, plan->subject_text, &subject) ||
               !ref_read(row, raw, plan->consent, plan->consent_text, &consent)) {
        kind = CSV_BAD;
        *code_out = "bad_request";
    } else if (list != NULL) {
        print_item(list, &value, &subject, &consent);
    }
    buf_done(&value);
    buf_done(&subject);
    buf_done(&consent);
    return kind;
}

static void add(struct csv_batch *b, const struct csv_plan *plan, const struct csv_row *row,
                struct view raw, uint64_t line, struct json *list)
{
    struct csv_item *it = &b->item[b->count++];

    *it = (struct csv_item){ .at = b->raw.len, .len = raw.len, .line = line };
    it->kind = csv_batch_judge(plan, row, raw, list, &it->code);
    if (it->kind != CSV_COPY)
        it->field = row->field[plan->column];
    buf_put(&b->raw, raw.p, raw.len);
    b->sent += it->kind == CSV_SENT;
}

enum hufu_err csv_batch_fill(struct csv_batch *b, const struct csv_plan *plan,
                             struct csv_reader *reader, struct csv_row *row)
{
    enum hufu_err err = HUFU_OK;
    struct json list;

    b->count = b->sent = 0;
    buf_reset(&b->raw);
    buf_reset(&b->list);
    json_init(&list, &b->list);
    json_list(&list);
    while (err == HUFU_OK && b->count < CSV_BATCH_ROWS && b->raw.len < CSV_BATCH_RAW &&
           b->list.len < CSV_BATCH_LIST) {
        uint64_t line = reader->line;
        struct view raw;

        err = csv_next(reader, row, &raw);
        if (err == HUFU_OK)
            add(b, plan, row, raw, line, &list);
    }
    json_end(&list);
    if (err == HUFU_NOT_FOUND)
        err = HUFU_OK;
    if (err == HUFU_OK && (buf_check(&b->raw) != HUFU_OK || buf_check(&b->list) != HUFU_OK))
        err = HUFU_RANGE;
    return err;
}

static enum cli_exit misfit(const struct csv_batch *b)
{
    cli_progress_end(b->progress);
    return cli_fail(CLI_SERVER, "the server's reply does not fit the request; client and server do "
                                "not fit: check their versions");
}

static enum cli_exit stop_at(const struct csv_batch *b, uint64_t row, uint64_t line,
                             const char *code)
{
    const char *title = cli_exit_title(code);

    cli_progress_end(b->progress);
    (void)fprintf(stderr, "hufu: row %llu, line %llu: %s (%s); %s; stopped before its batch\n",
                  (unsigned long long)row, (unsigned long long)line,
                  title != NULL ? title : "refused", title != NULL ? code : "unknown code",
                  cli_exit_advice(code));
    return cli_exit_of(0, code);
}

enum cli_exit csv_batch_check(const struct csv_batch *b, const struct csv_plan *plan,
                              const struct resume *state)
{
    uint64_t row = state->rows;

    for (size_t i = 0; plan->stop && i < b->count; i++) {
        row += b->item[i].kind != CSV_COPY;
        if (b->item[i].kind == CSV_BAD)
            return stop_at(b, row, b->item[i].line, b->item[i].code);
    }
    return CLI_OK;
}

/* The record with token instead of the field; an empty token empties it. */
static void print_row(const struct csv_batch *b, const struct csv_item *it, const char *token,
                      struct buf *out)
{
    const uint8_t *record = b->raw.p + it->at;
    size_t behind = it->field.at + it->field.len;

    buf_put(out, record, it->field.at);
    csv_put(out, view_str(token), it->field.quoted);
    buf_put(out, record + behind, it->len - behind);
}

static void print_fault(const struct csv_item *it, const char *code, struct resume *state,
                        struct buf *errors)
{
    state->failed++;
    if (state->worst == CLI_OK)
        state->worst = (uint64_t)cli_exit_of(0, code);
    buf_dec(errors, state->rows);
    buf_u8(errors, ',');
    buf_dec(errors, it->line);
    buf_u8(errors, ',');
    buf_str(errors, cli_exit_title(code) != NULL ? code : "unknown");
    buf_u8(errors, '\n');
}

/* One element of the reply: its token, or its code. False where it is neither. */
static bool result_read(const json_t *result, const char **token_out, const char **code_out,
                        bool *created_out)
{
    *token_out = json_string_value(json_object_get(result, "token"));
    *code_out = json_string_value(json_object_get(json_object_get(result, "error"), "code"));
    *created_out = json_is_true(json_object_get(result, "created"));
    if (*token_out != NULL)
        return (*token_out)[0] != 0 && strlen(*token_out) <= CSV_VALUE_MAX &&
               text_is_utf8(view_str(*token_out));
    return *code_out != NULL;
}

static enum cli_exit print_item_result(const struct csv_batch *b, const struct csv_item *it,
                                       const struct csv_plan *plan, const json_t *result,
                                       struct resume *state, struct buf *out, struct buf *errors)
{
    const char *token = NULL, *code = it->code;
    bool created = false;

    if (it->kind != CSV_COPY)
        state->rows++;
    if (it->kind == CSV_COPY || it->kind == CSV_EMPTY) {
        buf_put(out, b->raw.p + it->at, it->len);
        state->empty += it->kind == CSV_EMPTY;
        return CLI_OK;
    }
    if (it->kind == CSV_SENT && !result_read(result, &token, &code, &created))
        return misfit(b);
    if (token == NULL && plan->stop)
        return stop_at(b, state->rows, it->line, code);
    print_row(b, it, token != NULL ? token : "", out);
    if (token == NULL)
        print_fault(it, code, state, errors);
    state->tokens += token != NULL;
    state->created += token != NULL && created;
    return CLI_OK;
}

enum cli_exit csv_batch_print(const struct csv_batch *b, const struct csv_plan *plan,
                              const struct cli_reply *reply, struct resume *state, struct buf *out,
                              struct buf *errors)
{
    json_t *root =
        reply == NULL ? NULL : json_loadb((const char *)reply->body.p, reply->body.len, 0, NULL);
    const json_t *results = json_object_get(root, "results");
    enum cli_exit code = CLI_OK;
    struct resume now = *state;
    size_t at = 0;

    if (json_array_size(results) != b->sent)
        code = misfit(b);
    for (size_t i = 0; code == CLI_OK && i < b->count; i++) {
        const json_t *result = b->item[i].kind == CSV_SENT ? json_array_get(results, at++) : NULL;

        code = print_item_result(b, &b->item[i], plan, result, &now, out, errors);
    }
    json_decref(root);
    if (code == CLI_OK && (buf_check(out) != HUFU_OK || buf_check(errors) != HUFU_OK))
        code = cli_fail(CLI_SERVER, "out of memory; end other programs, then repeat");
    if (code == CLI_OK)
        *state = now;
    return code;
}
