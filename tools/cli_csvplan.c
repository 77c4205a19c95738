#include "tools/cli_csvplan.h"

#include <stdio.h>
#include <string.h>

#include "tools/cli_path.h"
#include "vault/base/json.h"
#include "vault/base/text.h"

static bool is_stream(const char *path)
{
    return strcmp(path, "-") == 0;
}

enum cli_exit csv_plan_read(struct cli *cli, struct csv_plan *out)
{
    const char *on_error = cli_option(cli, "on-error");

    *out = (struct csv_plan){
        .csv = cli_option(cli, "csv"),
        .out = cli_option(cli, "out"),
        .header = cli_option(cli, "header") != NULL,
        .stop = on_error != NULL && strcmp(on_error, "stop") == 0,
        .dry_run = cli_option(cli, "dry-run") != NULL,
        .restart = cli_option(cli, "restart") != NULL,
        .subject_text = cli_option(cli, "subject"),
        .consent_text = cli_option(cli, "consent"),
        .column = CSV_NO_COLUMN,
        .subject = CSV_NO_COLUMN,
        .consent = CSV_NO_COLUMN,
    };
    if (cli_option(cli, "column") == NULL)
        return cli_fail(
            CLI_USAGE,
            "with --csv a column is needed; give --column N, or --column NAME with --header");
    if (out->out == NULL && !out->dry_run)
        return cli_fail(
            CLI_USAGE,
            "with --csv an output is needed; give --out FILE, or --dry-run to check only");
    if (on_error != NULL && !out->stop && strcmp(on_error, "skip") != 0)
        return cli_fail(CLI_USAGE, "--on-error has another value; give skip or stop");
    if (cli->idempotency != NULL || cli_option(cli, "receipt") != NULL)
        return cli_fail(CLI_USAGE, "--csv makes its own idempotency keys and no receipts; leave "
                                   "out --idempotency-key and --receipt");
    if (out->out != NULL && !is_stream(out->out) && strcmp(out->out, out->csv) == 0)
        return cli_fail(CLI_USAGE, "--out names the file that --csv reads; give another name");
    return cli_path_number(cli, "retry-for", CSV_RETRY_S, &out->retry_s);
}

/* True where the field's text is this name. */
static bool is_name(const struct csv_row *row, struct view raw, size_t i, const char *name)
{
    const struct csv_field *f = &row->field[i];
    struct buf text;
    bool same;

    buf_init(&text, CSV_FIELD_MAX);
    csv_text(view_of(raw.p + f->at, f->len), f->quoted, &text);
    same = buf_check(&text) == HUFU_OK && view_is(buf_view(&text), name);
    buf_done(&text);
    return same;
}

/* A number wins over a name that is written in digits. */
static enum cli_exit column_find(const struct cli *cli, const char *option, bool header,
                                 const struct csv_row *row, struct view raw, size_t *out)
{
    const char *text = cli_option(cli, option);
    size_t found = CSV_NO_COLUMN;
    uint64_t number = 0;

    if (text == NULL)
        return CLI_OK;
    if (text_u64(view_str(text), 1, CSV_COLUMNS_MAX, &number) == HUFU_OK) {
        found = (size_t)number - 1;
    } else if (header) {
        for (size_t i = 0; i < row->count; i++) {
            if (!is_name(row, raw, i, text))
                continue;
            if (found != CSV_NO_COLUMN)
                return cli_fail(CLI_INVALID, "two columns have this name; give the number");
            found = i;
        }
    } else {
        return cli_fail(
            CLI_USAGE, "the column cannot be found by name; give a number from 1, or add --header");
    }
    if (found >= row->count) {
        (void)fprintf(stderr,
                      "hufu: --%s: the file has no such column; take one of its %zu, by "
                      "number or, with --header, by name\n",
                      option, row->count);
        return CLI_INVALID;
    }
    *out = found;
    return CLI_OK;
}

enum cli_exit csv_plan_columns(const struct cli *cli, struct csv_plan *plan,
                               const struct csv_row *row, struct view raw)
{
    enum cli_exit code = column_find(cli, "column", plan->header, row, raw, &plan->column);

    if (code == CLI_OK)
        code = column_find(cli, "subject-column", plan->header, row, raw, &plan->subject);
    if (code == CLI_OK)
        code = column_find(cli, "consent-column", plan->header, row, raw, &plan->consent);
    if (code == CLI_OK && (plan->column == plan->subject || plan->column == plan->consent))
        code = cli_fail(
            CLI_USAGE,
            "values and subjects or consents are one column; give each a column of its own");
    return code;
}

static void put_text(struct json *j, const char *name, const char *text)
{
    if (text != NULL)
        json_put_str(j, name, text);
}

static void put_column(struct json *j, const char *name, size_t column)
{
    if (column != CSV_NO_COLUMN)
        json_put_u64(j, name, column + 1);
}

void csv_plan_settings(const struct cli *cli, const struct csv_plan *plan, struct buf *out)
{
    struct json j;

    json_init(&j, out);
    json_open(&j);
    put_text(&j, "channel", cli_option(cli, "channel"));
    put_column(&j, "column", plan->column);
    put_text(&j, "consent", plan->consent_text);
    put_column(&j, "consent_column", plan->consent);
    put_text(&j, "domain", cli->arg);
    put_text(&j, "expires_in", cli_option(cli, "expires-in"));
    json_put_bool(&j, "header", plan->header);
    put_text(&j, "subject", plan->subject_text);
    put_column(&j, "subject_column", plan->subject);
    put_text(&j, "url", cli->url);
    put_text(&j, "uses", cli_option(cli, "uses"));
    json_close(&j);
}
