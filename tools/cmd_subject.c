#include "tools/cmd.h"

#include <stdio.h>
#include <string.h>

#include <jansson.h>
#include "tools/cli_http.h"
#include "tools/cli_path.h"
#include "tools/cli_print.h"
#include "tools/cli_sheet.h"
#include "tools/cli_show.h"
#include "vault/base/text.h"

#define NEXT_MAX 24 /* bytes of `next` */

static const char columns[] = "domain,format,state,created_at,basis,partners,held,restricted,"
                              "token_id";
static const char sheet_columns[] =
    "domain,format,state,created_at,changed_at,expires_at,basis,channel,partners,request_id,"
    "retention_until,held,restricted,revealed,token_id";

struct report {
    bool as_csv;
    bool complete;
    char next[NEXT_MAX + 1]; /* "": the first page */
    json_t *rows;            /* for a table: widths depend on all */
    json_t *not_kept, *partners, *recipients;
    char subject_id[64];
};

static enum cli_exit no_report(void)
{
    return cli_fail(CLI_SERVER, "the server's reply is no report; check --url, and that client and "
                                "server are of one version");
}

/* Adds names that are not there yet. */
static void merge(json_t *into, const json_t *from)
{
    json_t *all = (json_t *)(uintptr_t)from;
    json_t *item, *known;
    size_t i, k;

    json_array_foreach(all, i, item)
    {
        bool is_there = false;

        json_array_foreach(into, k, known)
        {
            is_there = is_there || json_equal(item, known);
        }
        if (!is_there)
            (void)json_array_append(into, item);
    }
}

static void item_take(struct report *r, json_t *item)
{
    json_t *reveal;
    size_t i;

    if (r->as_csv)
        cli_sheet_row(item, sheet_columns);
    else if (r->rows == NULL)
        cli_print_line(item);
    else
        (void)json_array_append(r->rows, item);
    /* what a table has no room for */
    json_array_foreach(json_object_get(item, "revealed"), i, reveal)
    {
        if (r->rows != NULL && json_object_get(reveal, "token_id") == NULL)
            (void)json_object_set(reveal, "token_id", json_object_get(item, "token_id"));
    }
}

static enum cli_exit page_take(struct report *r, const json_t *root, bool *more_out)
{
    const char *next = json_string_value(json_object_get(root, "next"));
    const char *id = json_string_value(json_object_get(root, "subject_id"));
    const json_t *notify = json_object_get(root, "notify");
    json_t *item, *items = json_object_get(root, "items");
    size_t i;

    if (!json_is_array(items) || !json_is_object(notify) || id == NULL ||
        (next != NULL && (strlen(next) > NEXT_MAX || strcmp(next, r->next) == 0)))
        return no_report();
    json_array_foreach(items, i, item)
    {
        item_take(r, item);
    }
    merge(r->not_kept, json_object_get(root, "not_kept"));
    merge(r->partners, json_object_get(notify, "partners"));
    merge(r->recipients, json_object_get(notify, "recipients"));
    r->complete = r->complete && json_is_true(json_object_get(root, "complete"));
    (void)snprintf(r->subject_id, sizeof(r->subject_id), "%s", id);
    (void)snprintf(r->next, sizeof(r->next), "%s", next != NULL ? next : "");
    *more_out = next != NULL;
    return CLI_OK;
}

static enum cli_exit page_get(struct cli *cli, const char *id, struct report *r, bool *more_out)
{
    struct cli_reply reply;
    char path[CLI_PATH_MAX];
    enum cli_exit code;
    json_t *root = NULL;

    /* `next` is a number of the server's, or nothing is asked */
    if (r->next[0] != '\0' && !text_is_key(view_str(r->next)))
        return no_report();
    (void)snprintf(path, sizeof(path), "/v1/subjects/%s/report%s%s", id,
                   r->next[0] != '\0' ? "?after=" : "", r->next);
    cli_reply_init(&reply);
    code = cli_http_call(cli, "GET", path, view_of(NULL, 0), &reply);
    if (code == CLI_OK) {
        root = json_loadb((const char *)reply.body.p, reply.body.len, 0, NULL);
        code = page_take(r, root, more_out);
    }
    json_decref(root);
    cli_reply_done(&reply);
    return code;
}

static void names_tell(const char *what, const json_t *names)
{
    json_t *all = (json_t *)(uintptr_t)names;
    json_t *name;
    size_t i;

    if (json_array_size(all) == 0)
        return;
    (void)fprintf(stderr, "%s:", what);
    json_array_foreach(all, i, name)
    {
        (void)fputs(i == 0 ? " " : ", ", stderr);
        cli_print_text(stderr,
                       view_str(json_string_value(name) != NULL ? json_string_value(name) : "?"));
    }
    (void)fputc('\n', stderr);
}

/* What is said of the whole: as the last JSON line, or in words. */
static void end_print(struct cli *cli, struct report *r)
{
    json_t *tail;

    if (r->rows != NULL)
        cli_show_table(r->rows, columns);
    if (r->rows == NULL && !r->as_csv) {
        tail = json_pack("{s:b,s:O,s:{s:O,s:O},s:s}", "complete", r->complete, "not_kept",
                         r->not_kept, "notify", "partners", r->partners, "recipients",
                         r->recipients, "subject_id", r->subject_id);
        if (tail != NULL)
            cli_print_line(tail);
        json_decref(tail);
    }
    if (!r->complete)
        (void)fputs("hufu: there are more reveals than a report has room for; the log has all: "
                    "`hufu audit entries`\n",
                    stderr);
    if (cli->quiet || (r->rows == NULL && !r->as_csv))
        return;
    names_tell("partners who sent it", r->partners);
    names_tell("recipients it was given to", r->recipients);
    names_tell("domains whose values are kept nowhere", r->not_kept);
}

static void reveals_show(const struct report *r)
{
    json_t *item, *reveal, *all = json_array();
    size_t i, k;

    json_array_foreach(r->rows, i, item)
    {
        json_array_foreach(json_object_get(item, "revealed"), k, reveal)
        {
            (void)json_array_append(all, reveal);
        }
    }
    if (json_array_size(all) > 0) {
        (void)fputs("\nrevealed\n", stdout);
        cli_show_table(all, "time,user,purpose,reason,recipient,index,token_id");
    }
    json_decref(all);
}

static enum cli_exit report_read(struct cli *cli, const char *id)
{
    struct report r = { .complete = true, .as_csv = cli_option(cli, "csv") != NULL };
    enum cli_exit code = CLI_OK;
    bool more = true;

    if (!text_is_key(view_str(id)) || id[0] == '.')
        return cli_fail(CLI_INVALID, "--id got no id of a case; `hufu subject list` shows them");
    r.rows = r.as_csv || cli_wants_json(cli) ? NULL : json_array();
    r.not_kept = json_array();
    r.partners = json_array();
    r.recipients = json_array();
    if (r.as_csv)
        cli_sheet_head(sheet_columns);
    while (code == CLI_OK && more)
        code = page_get(cli, id, &r, &more);
    if (code == CLI_OK)
        end_print(cli, &r);
    if (code == CLI_OK && r.rows != NULL)
        reveals_show(&r);
    json_decref(r.rows);
    json_decref(r.not_kept);
    json_decref(r.partners);
    json_decref(r.recipients);
    return code;
}

enum cli_exit cmd_subject_report(struct cli *cli)
{
    const char *id = cli_option(cli, "id");

    if (id != NULL && (cli->arg != NULL || cli_option(cli, "reason") != NULL ||
                       cli_option(cli, "dry-run") != NULL))
        return cli_fail(CLI_USAGE, "--id reads a report that was asked for before; leave out what "
                                   "is for asking");
    if (id != NULL)
        return report_read(cli, id);
    if (cli_option(cli, "csv") != NULL)
        return cli_fail(CLI_USAGE, "--csv goes with --id; ask first, and read the report when it "
                                   "is approved");
    if (cli->arg == NULL || cli_option(cli, "reason") == NULL)
        return cli_fail(CLI_USAGE, "asking takes the reference and --reason; reading takes --id");
    return cmd_call(cli);
}
