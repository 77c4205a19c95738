#include "tools/cmd.h"

#include <stdio.h>
#include <string.h>

#include <jansson.h>
#include "tools/cli_print.h"
#include "tools/cli_report.h"
#include "tools/cli_sheet.h"
#include "tools/cli_show.h"

#define NAME_MAX_LEN 128 /* bytes of an indicator's name */

static const char sent_columns[] = "day,domain,requests,values,replaced";
static const char figure_columns[] = "name,value";

struct output {
    struct cli *cli;
    bool csv, quiet; /* quiet: items are not shown */
    json_t *rows;    /* for a table: all of them, as widths depend on all */
};

static void item_take(void *arg, const void *item)
{
    struct output *out = arg;

    if (out->quiet)
        return;
    if (out->csv)
        cli_sheet_row(item, out->cli->command->columns);
    else if (out->rows != NULL)
        (void)json_array_append(out->rows, (json_t *)(uintptr_t)item);
    else
        cli_print_line(item);
}

/* A list of the report's totals, in the form that is asked for. */
static void rows_show(const struct output *out, const json_t *rows, const char *columns)
{
    json_t *row;
    size_t i;

    if (out->csv)
        cli_sheet_head(columns);
    else if (out->rows != NULL)
        cli_show_table(rows, columns);
    json_array_foreach((json_t *)(uintptr_t)rows, i, row)
    {
        if (out->csv)
            cli_sheet_row(row, columns);
        else if (out->rows == NULL)
            cli_print_line(row);
    }
}

static enum cli_exit output_init(struct cli *cli, struct output *out)
{
    *out = (struct output){ .cli = cli, .csv = cli_option(cli, "csv") != NULL };
    if (out->csv && (cli->json || cli->table))
        return cli_fail(CLI_USAGE, "--csv is a form of its own; leave --json or --output out");
    if (!out->csv && !cli_wants_json(cli))
        out->rows = json_array();
    return CLI_OK;
}

/* What was sent stands before what was revealed of it; as JSON or CSV it is asked for alone. */
static void totals_show(const struct output *out, const json_t *totals)
{
    const json_t *sent = json_object_get(totals, "sent");
    json_int_t unknown = json_integer_value(json_object_get(totals, "unattributed"));

    if (sent != NULL && (out->quiet || out->rows != NULL))
        rows_show(out, sent, sent_columns);
    if (sent != NULL && out->rows != NULL && !out->quiet)
        (void)fputc('\n', stdout);
    if (unknown > 0 && !out->quiet && !out->cli->quiet)
        (void)fprintf(stderr,
                      "%lld more values were given out of domains that others send to as well; "
                      "nobody can tell whose\n",
                      (long long)unknown);
}

enum cli_exit cmd_report(struct cli *cli)
{
    struct output out;
    void *totals = NULL;
    enum cli_exit code = output_init(cli, &out);

    if (code != CLI_OK)
        return code;
    out.quiet = cli_option(cli, "sent") != NULL;
    if (out.csv && !out.quiet)
        cli_sheet_head(cli->command->columns);
    code = cli_report_read(cli, item_take, &out, &totals);
    if (code == CLI_OK)
        totals_show(&out, totals);
    if (code == CLI_OK && out.rows != NULL && !out.quiet)
        cli_show_table(out.rows, cli->command->columns);
    json_decref(totals);
    json_decref(out.rows);
    return code;
}

static void figures_take(json_t *rows, const char *prefix, const json_t *value);

/* "alarms.raised"; what is too long ends early. */
static void name_join(const char *prefix, const char *name, char out[static NAME_MAX_LEN + 1])
{
    int n = snprintf(out, NAME_MAX_LEN + 1, "%s%s%s", prefix, prefix[0] == '\0' ? "" : ".", name);

    if (n < 0)
        out[0] = '\0';
}

/* "shares.bank.values": each object of a list goes by its text. */
static void list_take(json_t *rows, const char *prefix, const json_t *list)
{
    char name[NAME_MAX_LEN + 1];
    json_t *item, *member, *figures;
    const char *key;
    size_t i;

    json_array_foreach((json_t *)(uintptr_t)list, i, item)
    {
        figures = json_object();
        (void)snprintf(name, sizeof(name), "%s", prefix);
        json_object_foreach(item, key, member)
        {
            if (json_is_string(member))
                name_join(prefix, json_string_value(member), name);
            else
                (void)json_object_set(figures, key, member);
        }
        figures_take(rows, name, figures);
        json_decref(figures);
    }
}

/* "refusals.forbidden" and its number, for each number that there is. */
static void figures_take(json_t *rows, const char *prefix, const json_t *value)
{
    char name[NAME_MAX_LEN + 1];
    const char *key;
    json_t *member;

    json_object_foreach((json_t *)(uintptr_t)value, key, member)
    {
        name_join(prefix, key, name);
        if (json_is_object(member))
            figures_take(rows, name, member);
        else if (json_is_array(member))
            list_take(rows, name, member);
        else
            (void)json_array_append_new(rows,
                                        json_pack("{s:s,s:O}", "name", name, "value", member));
    }
}

/* What only the sum of all pages can tell: a share in percent, a mean. */
static void ratio_put(json_t *in, const char *name, const json_t *part, const json_t *whole,
                      json_int_t times)
{
    json_int_t n = json_integer_value(whole);

    if (json_is_object(in) && n > 0)
        (void)json_object_set_new(in, name, json_integer(json_integer_value(part) * times / n));
}

static void ratios_add(json_t *totals)
{
    json_t *alarms = json_object_get(totals, "alarms");
    json_t *time = json_object_get(totals, "time_to_alarm");
    const char *name;
    json_t *side;

    json_object_foreach(json_object_get(totals, "rights"), name, side)
    {
        ratio_put(side, "percent", json_object_get(side, "compliant"),
                  json_object_get(side, "total"), 100);
    }
    ratio_put(alarms, "reviewed_percent", json_object_get(alarms, "reviewed"),
              json_object_get(alarms, "raised"), 100);
    ratio_put(time, "mean_ms", json_object_get(time, "sum_ms"), json_object_get(time, "count"), 1);
}

enum cli_exit cmd_report_indicators(struct cli *cli)
{
    struct output out;
    void *totals = NULL;
    json_t *rows = json_array();
    enum cli_exit code = output_init(cli, &out);

    if (code == CLI_OK)
        code = cli_report_read(cli, NULL, NULL, &totals);
    if (code == CLI_OK)
        ratios_add(totals);
    if (code == CLI_OK && !out.csv && out.rows == NULL) {
        cli_print_line(totals);
    } else if (code == CLI_OK) {
        figures_take(rows, "", totals);
        rows_show(&out, rows, figure_columns);
    }
    json_decref(totals);
    json_decref(rows);
    json_decref(out.rows);
    return code;
}
