#include "tools/cmd.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tools/cli_body.h"
#include "tools/cli_csvrun.h"
#include "tools/cli_retry.h"
#include "vault/base/json.h"

static volatile sig_atomic_t ended; /* number of the signal that came */

static void remember(int number)
{
    ended = number;
}

/* The first signal ends the run between two batches, the second at once. */
static void signals_watch(void)
{
    const struct sigaction now = { .sa_handler = remember, .sa_flags = (int)SA_RESETHAND };

    ended = 0;
    (void)sigaction(SIGINT, &now, NULL);
    (void)sigaction(SIGTERM, &now, NULL);
    (void)sigaction(SIGHUP, &now, NULL);
}

/* The key of a batch is the same in every run that goes on with this one. */
static enum cli_exit batch_send(struct csv_run *run, struct cli_reply *reply)
{
    struct retry retry = { run->plan.retry_s, &ended, &run->progress };
    char key[RESUME_RUN_LEN + 32];
    struct cli_body body;
    enum cli_exit code;
    struct buf text;

    (void)snprintf(key, sizeof(key), "%s-%llu", run->state.run,
                   (unsigned long long)run->state.batch);
    cli_body_init(&body);
    buf_init(&text, CLI_BODY_MAX);
    code = cli_body_options(run->cli, &body);
    cli_body_add(&body, "values", MEMBER_JSON, buf_view(&run->batch.list));
    if (code == CLI_OK && cli_body_print(&body, &text) != HUFU_OK)
        code = csv_run_fail(
            run, CLI_INVALID,
            "the request is too large; shorten --subject and --consent, or their columns");
    run->cli->idempotency = key;
    if (code == CLI_OK)
        code = retry_post(run->cli, &retry, buf_view(&text), reply);
    run->cli->idempotency = NULL;
    buf_done(&text);
    cli_body_done(&body);
    return code;
}

/* Writes a batch whose outcome is known, and moves the state behind it. */
static enum cli_exit batch_write(struct csv_run *run, const struct cli_reply *reply)
{
    struct resume now = run->state;
    struct buf out, errors;
    enum cli_exit code;

    buf_init(&out, CSV_BATCH_RAW + CSV_ROW_MAX + CSV_BATCH_ROWS * (2 * CSV_VALUE_MAX + 2));
    buf_init(&errors, CSV_BATCH_ROWS * 128U);
    code = csv_batch_print(&run->batch, &run->plan, reply, &now, &out, &errors);
    if (code == CLI_OK && (part_put(&run->part, buf_view(&out)) != HUFU_OK ||
                           part_put_errors(&run->part, buf_view(&errors)) != HUFU_OK))
        code = csv_run_fail(run, CLI_USAGE,
                            "cannot write the output; make room on the disk, then repeat");
    buf_done(&out);
    buf_done(&errors);
    if (code != CLI_OK)
        return code;
    now.in_at = run->reader.at;
    now.line = run->reader.line;
    now.out_at = run->part.out_at;
    now.errors_at = run->part.errors_at;
    now.batch++;
    run->state = now;
    cli_progress_count(&run->progress, now.rows - run->progress.facts.from);
    cli_progress_set(&run->progress, now.rows);
    return cli_progress_elapsed_ms(&run->clock) - run->saved_ms >= CSV_SAVE_MS ? csv_run_save(run)
                                                                               : CLI_OK;
}

static enum cli_exit batch_do(struct csv_run *run, bool *more_out)
{
    enum hufu_err err = csv_batch_fill(&run->batch, &run->plan, &run->reader, &run->row);
    struct cli_reply reply;
    enum cli_exit code;

    *more_out = err == HUFU_OK && run->batch.count > 0;
    if (err != HUFU_OK)
        return csv_run_fault(run, err);
    if (run->batch.count == 0)
        return CLI_OK;
    code = csv_batch_check(&run->batch, &run->plan, &run->state);
    if (code != CLI_OK)
        return code;
    cli_reply_init(&reply);
    if (run->batch.sent > 0)
        code = batch_send(run, &reply);
    if (code == CLI_OK)
        code = batch_write(run, run->batch.sent > 0 ? &reply : NULL);
    cli_reply_done(&reply);
    return code;
}

static enum cli_exit interrupted(struct csv_run *run)
{
    enum cli_exit code = csv_run_save(run);

    if (code != CLI_OK)
        return code;
    return csv_run_fail(run, CLI_SERVER,
                        run->resumable ? "interrupted; the same command goes on"
                                       : "interrupted; begin again: - cannot be gone on with");
}

static enum cli_exit rows_do(struct csv_run *run)
{
    enum cli_exit code = CLI_OK;
    bool more = true;

    csv_run_progress(run, "tokenizing", run->state.total);
    cli_progress_from(&run->progress, run->state.rows);
    while (code == CLI_OK && more && ended == 0)
        code = batch_do(run, &more);
    if (ended != 0)
        return interrupted(run);
    if (code != CLI_OK)
        (void)csv_run_save(run); /* as far as it came; why it stopped is told already */
    return code == CLI_OK ? csv_run_finish(run) : code;
}

/* What people read. */
static void summary_print(const struct csv_run *run, uint64_t ms, uint64_t rate)
{
    const struct resume *s = &run->state;

    if (run->plan.dry_run)
        (void)fprintf(stderr,
                      "%llu rows: %llu values, %llu empty, %llu that cannot be values; "
                      "nothing was sent\n",
                      (unsigned long long)s->rows,
                      (unsigned long long)(s->rows - s->empty - s->failed),
                      (unsigned long long)s->empty, (unsigned long long)s->failed);
    else
        (void)fprintf(stderr,
                      "%llu rows: %llu tokens, %llu of them new, %llu empty, %llu failed; "
                      "%llu.%llu s, %llu rows/s%s\n",
                      (unsigned long long)s->rows, (unsigned long long)s->tokens,
                      (unsigned long long)s->created, (unsigned long long)s->empty,
                      (unsigned long long)s->failed, (unsigned long long)(ms / 1000),
                      (unsigned long long)(ms / 100 % 10), (unsigned long long)rate,
                      run->resumed ? " (this run; it went on with an earlier one)" : "");
    if (s->errors_at > 0 && !run->part.is_stdout)
        (void)fprintf(stderr, "hufu: the refused rows are listed in %s\n", run->part.errors);
}

static void summary_json(const struct csv_run *run, FILE *to, uint64_t ms, uint64_t rate)
{
    const struct resume *s = &run->state;
    struct buf text;
    struct json j;

    buf_init(&text, 1024);
    json_init(&j, &text);
    json_open(&j);
    json_put_u64(&j, "created", s->created);
    json_put_bool(&j, "dry_run", run->plan.dry_run);
    json_put_u64(&j, "elapsed_ms", ms);
    json_put_u64(&j, "empty", s->empty);
    json_put_u64(&j, "failed", s->failed);
    json_put_u64(&j, "rate", rate);
    json_put_bool(&j, "resumed", run->resumed);
    json_put_u64(&j, "rows", s->rows);
    json_put_u64(&j, "tokens", s->tokens);
    json_close(&j);
    if (buf_check(&text) == HUFU_OK)
        (void)fprintf(to, "%.*s\n", (int)text.len, (const char *)text.p);
    buf_done(&text);
}

/* A terminal gets a sentence; a pipe, or -o json, one object: on standard output unless the CSV
 * goes there. */
static void summary(struct csv_run *run, uint64_t ms)
{
    uint64_t here = run->state.rows - run->progress.facts.from;
    uint64_t rate = ms > 0 && here < UINT64_MAX / 1000 ? here * 1000 / ms : 0;
    bool people = isatty(STDERR_FILENO) == 1;

    cli_progress_end(&run->progress);
    if (!people || run->cli->json)
        summary_json(run, run->part.is_stdout ? stderr : stdout, ms, rate);
    if (people && !run->cli->quiet)
        summary_print(run, ms, rate);
}

static enum cli_exit verdict(const struct csv_run *run)
{
    if (run->plan.dry_run)
        return run->state.failed > 0 ? CLI_INVALID : CLI_OK;
    return (enum cli_exit)run->state.worst;
}

enum cli_exit cmd_csv(struct cli *cli)
{
    struct csv_run run = { .cli = cli, .ended = &ended };
    enum cli_exit code = csv_plan_read(cli, &run.plan);

    if (code != CLI_OK)
        return code;
    signals_watch();
    cli_progress_begin(&run.clock, "run", 0);
    code = csv_run_open(&run);
    if (code == CLI_OK)
        code = csv_run_begin(&run);
    if (code == CLI_OK && !run.plan.dry_run)
        code = run.state.done ? csv_run_finish(&run) : rows_do(&run);
    if (code == CLI_OK) {
        summary(&run, cli_progress_elapsed_ms(&run.clock));
        code = verdict(&run);
    }
    csv_run_close(&run);
    if (ended != 0)
        (void)raise(ended); /* its handler is gone: who waits for us sees what ended us */
    return code;
}
