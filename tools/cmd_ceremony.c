#include "tools/cmd.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include <jansson.h>
#include "tools/cli_exit.h"
#include "tools/cli_http.h"
#include "tools/cli_path.h"
#include "tools/cli_print.h"
#include "tools/cli_progress.h"
#include "tools/cli_send.h"
#include "tools/cli_show.h"
#include "vault/base/json.h"

#define POLL_MS        500U
#define LINE_MS        1000U /* between JSON lines while nothing changes state */
#define LINE_MAX_BYTES 512
#define MISSES_MAX     20 /* polls in a row that the server may miss, as while it is started anew */

struct watch {
    char path[CLI_PATH_MAX];
    char state[16];
    uint64_t done;
    uint64_t total;
    uint64_t first_done; /* when it was first seen running */
    bool running;        /* it was seen running */
    bool told;           /* that approvals are missing */
    uint64_t began_ms;   /* of the watch */
    uint64_t run_ms;     /* when it was first seen running */
    uint64_t line_ms;    /* of the last JSON line */
    uint64_t timeout_ms; /* 0: none */
    unsigned misses;     /* looks in a row that brought nothing */
    struct progress bar;
};

static uint64_t now_ms(void)
{
    struct timespec t = { 0 };

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void pause_ms(long ms)
{
    struct timespec t = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };

    (void)nanosleep(&t, NULL);
}

/* done, total, rate and remaining time; the rate counts what was done since we look. */
static void line_print(struct watch *w, uint64_t now)
{
    uint64_t ms = w->running ? now - w->run_ms : 0;
    uint64_t moved = w->done > w->first_done ? w->done - w->first_done : 0;
    uint64_t left = w->total > w->done ? w->total - w->done : 0;
    struct buf text;
    struct json j;

    buf_init(&text, LINE_MAX_BYTES);
    json_init(&j, &text);
    json_open(&j);
    json_put_u64(&j, "done", w->done);
    json_put_u64(&j, "rate_per_s", ms > 0 ? moved * 1000 / ms : 0);
    json_name(&j, "remaining_s");
    if (w->total > 0 && (left == 0 || moved > 0))
        json_u64(&j, left == 0 ? 0 : left * ms / moved / 1000 + 1);
    else
        json_nil(&j);
    json_put_str(&j, "state", w->state);
    json_put_u64(&j, "total", w->total);
    json_close(&j);
    if (buf_check(&text) == HUFU_OK)
        (void)fprintf(stdout, "%.*s\n", (int)text.len, (const char *)text.p);
    (void)fflush(stdout);
    buf_done(&text);
    w->line_ms = now;
}

static bool is_state(const struct watch *w, const char *state)
{
    return strcmp(w->state, state) == 0;
}

static uint64_t number_of(const json_t *root, const char *name)
{
    json_int_t v = json_integer_value(json_object_get(root, name));

    return v > 0 ? (uint64_t)v : 0;
}

/* What the bar is of, in words of ours: a reply's own are not for a terminal. */
static const char *kind_of(const json_t *root)
{
    static const char *const known[] = { "rotate-kek", "rotate-data-key", "rotate-index-key",
                                         "destroy-key" };
    const char *kind = json_string_value(json_object_get(root, "kind"));

    for (size_t i = 0; kind != NULL && i < sizeof(known) / sizeof(known[0]); i++)
        if (strcmp(kind, known[i]) == 0)
            return known[i];
    return "ceremony";
}

/* Takes the reply in; the bar and the JSON lines follow. */
static enum cli_exit watch_take(struct cli *cli, struct watch *w, const json_t *root)
{
    const char *state = json_string_value(json_object_get(root, "state"));
    uint64_t now = now_ms();
    bool changed;

    if (state == NULL || strlen(state) >= sizeof(w->state))
        return cli_fail(CLI_SERVER, "the server's reply is not a ceremony; check --url, and that "
                                    "client and server are of one version");
    changed = strcmp(w->state, state) != 0;
    (void)snprintf(w->state, sizeof(w->state), "%s", state);
    w->done = number_of(root, "done");
    w->total = number_of(root, "total");
    if (is_state(w, "running") && !w->running) {
        w->running = true;
        w->run_ms = now;
        w->first_done = w->done;
        if (!cli->quiet) {
            cli_progress_begin(&w->bar, kind_of(root), w->total);
            cli_progress_from(&w->bar, w->done);
        }
    }
    w->bar.facts.total = w->total;
    if (is_state(w, "running"))
        cli_progress_set(&w->bar, w->done);
    if (is_state(w, "proposed") && !w->told)
        cli_show_next(cli, root);
    w->told = true;
    if (cli_wants_json(cli) && (changed || now - w->line_ms >= LINE_MS))
        line_print(w, now);
    return CLI_OK;
}

/* Why it failed is a code or a sentence of the server's; the first has an advice of ours. */
static void failure_tell(const json_t *root)
{
    const char *error = json_string_value(json_object_get(root, "error"));
    const char *title = error != NULL ? cli_exit_title(error) : NULL;

    (void)fputs("hufu: the ceremony failed: ", stderr);
    if (title != NULL)
        (void)fprintf(stderr, "%s (%s); %s", title, error, cli_exit_advice(error));
    else if (error != NULL)
        cli_print_text(stderr, view_str(error));
    else
        (void)fputs("the server does not say why", stderr);
    (void)fputs("; nothing is lost: mend that, then propose it again\n", stderr);
}

static enum cli_exit watch_end(struct cli *cli, struct watch *w, const json_t *root)
{
    cli_progress_end(&w->bar);
    if (!cli_wants_json(cli))
        cli_show_object(root);
    if (is_state(w, "done"))
        return CLI_OK;
    if (is_state(w, "cancelled"))
        return cli_fail(CLI_CANCELLED, "the ceremony was withdrawn before it ran; nothing changed; "
                                       "ask who did, then propose it again");
    if (is_state(w, "expired"))
        return cli_fail(CLI_EXPIRED, "the ceremony was not approved in time; nothing changed; "
                                     "propose it again, and have the others ready");
    failure_tell(root);
    return CLI_FAILED;
}

/* True where the server may answer the next look: it is started anew, busy or out of reach. */
static bool is_passing(struct watch *w, enum cli_exit code, const struct cli_reply *reply)
{
    if (code == CLI_OK)
        code = cli_exit_of(reply->status, reply->code);
    return code == CLI_SERVER && ++w->misses < MISSES_MAX;
}

/* One look. *end_out: it is over, code is the answer. */
static enum cli_exit watch_look(struct cli *cli, struct watch *w, bool *end_out)
{
    struct cli_reply reply;
    enum cli_exit code;
    json_t *root = NULL;

    *end_out = true;
    cli_reply_init(&reply);
    reply.silent = w->misses + 1 < MISSES_MAX;
    code = cli_http_send(cli, "GET", w->path, view_of(NULL, 0), &reply);
    if (code != CLI_OK || reply.status >= 400) {
        *end_out = !is_passing(w, code, &reply);
        if (*end_out) {
            cli_progress_end(&w->bar);
            reply.silent = false;
            code = cli_http_call(cli, "GET", w->path, view_of(NULL, 0), &reply);
        }
    }
    if (code == CLI_OK && reply.status == 200) {
        root = json_loadb((const char *)reply.body.p, reply.body.len, 0, NULL);
        code = watch_take(cli, w, root);
        w->misses = 0;
        *end_out = code != CLI_OK || (!is_state(w, "proposed") && !is_state(w, "running"));
        if (code == CLI_OK && *end_out)
            code = watch_end(cli, w, root);
    }
    json_decref(root);
    cli_reply_done(&reply);
    return code;
}

static enum cli_exit watch_run(struct cli *cli)
{
    struct watch w = { .began_ms = now_ms() };
    enum cli_exit code = cli_path_number(cli, "timeout", 0, &w.timeout_ms);
    bool end = false;

    if (code != CLI_OK)
        return code;
    if (w.timeout_ms > UINT32_MAX)
        return cli_fail(CLI_USAGE, "--timeout is too long; leave it out to wait for ever");
    w.timeout_ms *= 1000;
    (void)snprintf(w.path, sizeof(w.path), "/v1/ceremonies/%s", cli->arg);
    for (;;) {
        code = watch_look(cli, &w, &end);
        if (end)
            return code;
        if (w.timeout_ms > 0 && now_ms() - w.began_ms >= w.timeout_ms)
            break;
        pause_ms(POLL_MS << (w.misses < 3 ? w.misses : 3));
    }
    cli_progress_end(&w.bar);
    return cli_fail(CLI_SERVER, "the ceremony has not ended in the time given and goes on; "
                                "`hufu ceremony wait` looks again");
}

enum cli_exit cmd_wait(struct cli *cli)
{
    char path[CLI_PATH_MAX];
    enum cli_exit code = cli_path_make(cli, path); /* judges the argument */

    return code == CLI_OK ? watch_run(cli) : code;
}

/* True where the approval was not the end, and nothing in the reply is shown only now. */
static bool is_going_on(const struct cli_reply *reply)
{
    json_t *root = json_loadb((const char *)reply->body.p, reply->body.len, 0, NULL);
    const char *state = json_string_value(json_object_get(root, "state"));
    bool going = state != NULL &&
                 (strcmp(state, "running") == 0 || strcmp(state, "proposed") == 0) &&
                 json_object_get(root, "totp_uri") == NULL;

    json_decref(root);
    return going;
}

enum cli_exit cmd_approve(struct cli *cli)
{
    struct cli_reply reply;
    enum cli_exit code;
    bool wait;

    cli_reply_init(&reply);
    code = cli_send_row(cli, &reply);
    wait = code == CLI_OK && cli_option(cli, "wait") != NULL && is_going_on(&reply);
    if (code == CLI_OK && !wait)
        code = cli_print_reply(cli, &reply);
    cli_reply_done(&reply);
    return wait ? watch_run(cli) : code;
}
