#include "tools/cli_csvrun.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "vault/base/secret.h"

#define KEY_S    (24U * 3600U) /* how long the server knows an idempotency key */
#define HEAD_MAX (CSV_ROW_MAX + 16U)

enum cli_exit csv_run_fail(struct csv_run *run, enum cli_exit code, const char *text)
{
    cli_progress_end(&run->progress);
    return cli_fail(code, text);
}

enum cli_exit csv_run_fault(struct csv_run *run, enum hufu_err err)
{
    cli_progress_end(&run->progress);
    if (err != HUFU_SYNTAX)
        return cli_fail(CLI_SERVER, "out of memory; end other programs, then repeat");
    (void)fprintf(stderr, "hufu: line %llu: %s\n", (unsigned long long)run->reader.line,
                  csv_fault_text(run->reader.fault));
    return CLI_INVALID;
}

static enum cli_exit input_open(struct csv_run *run)
{
    bool is_stream = strcmp(run->plan.csv, "-") == 0;
    int fd = is_stream ? dup(STDIN_FILENO) : open(run->plan.csv, O_RDONLY | O_CLOEXEC);
    struct stat st;

    if (fd < 0)
        return cli_fail(CLI_USAGE,
                        "the file that --csv names cannot be read; check its name and your rights");
    if (csv_open(&run->reader, fd, 0, 1) != HUFU_OK) {
        (void)close(fd);
        return cli_fail(CLI_SERVER, "out of memory; end other programs, then repeat");
    }
    if (fstat(fd, &st) != 0 || S_ISDIR(st.st_mode))
        return cli_fail(CLI_USAGE,
                        "the file that --csv names cannot be read; check its name and your rights");
    run->is_file = !is_stream && S_ISREG(st.st_mode);
    resume_identify(&st, &run->state.input);
    return CLI_OK;
}

/* Reads on from byte `at`. */
static enum cli_exit input_seek(struct csv_run *run, uint64_t at, uint64_t line)
{
    size_t columns = run->reader.columns;
    int fd = run->reader.fd;

    csv_close(&run->reader);
    if (csv_open(&run->reader, fd, at, line) != HUFU_OK)
        return cli_fail(CLI_SERVER, "out of memory; end other programs, then repeat");
    run->reader.columns = columns;
    if (lseek(fd, (off_t)at, SEEK_SET) != (off_t)at)
        return cli_fail(CLI_USAGE,
                        "the file that --csv names cannot be read; check its name and your rights");
    return CLI_OK;
}

/* The byte order mark, the columns by the first record, and that record where it is a header.
 * Without a header the first record is data: it is read, and a file is then taken from its begin.
 */
static enum cli_exit head_read(struct csv_run *run)
{
    struct view raw = { NULL, 0 };
    enum hufu_err err;
    enum cli_exit code;
    size_t mark = 0;

    err = csv_skip_mark(&run->reader, &mark);
    if (err == HUFU_OK && mark > 0)
        buf_str(&run->head, "\xEF\xBB\xBF");
    if (err == HUFU_OK)
        err = csv_peek(&run->reader, &run->row, &raw);
    if (err == HUFU_NOT_FOUND)
        return csv_run_fail(run, CLI_INVALID, "the file is empty, nothing was sent; check --csv");
    if (err != HUFU_OK)
        return csv_run_fault(run, err);
    code = csv_plan_columns(run->cli, &run->plan, &run->row, raw);
    if (code != CLI_OK || !run->plan.header)
        return code;
    buf_put(&run->head, raw.p, raw.len);
    err = csv_next(&run->reader, &run->row, &raw);
    return err == HUFU_OK ? CLI_OK : csv_run_fault(run, err);
}

/* Reads the whole file before anything is sent: it is well-formed, and how many rows there are. */
static enum cli_exit rows_count(struct csv_run *run)
{
    enum hufu_err err = HUFU_OK;
    enum csv_kind kind;
    const char *code;
    struct view raw;

    while (*run->ended == 0) {
        err = csv_next(&run->reader, &run->row, &raw);
        if (err != HUFU_OK)
            break;
        kind = csv_batch_judge(&run->plan, &run->row, raw, NULL, &code);
        run->state.total += kind != CSV_COPY;
        if (run->plan.dry_run) {
            run->state.rows += kind != CSV_COPY;
            run->state.empty += kind == CSV_EMPTY;
            run->state.failed += kind == CSV_BAD;
        }
        cli_progress_set(&run->progress, run->reader.at);
    }
    cli_progress_end(&run->progress);
    if (*run->ended != 0)
        return cli_fail(CLI_SERVER, "interrupted, nothing was sent; the same command begins again");
    return err == HUFU_NOT_FOUND ? CLI_OK : csv_run_fault(run, err);
}

void csv_run_progress(struct csv_run *run, const char *what, uint64_t total)
{
    if (run->cli->quiet)
        return;
    cli_progress_begin(&run->progress, what, total);
    cli_progress_lines(&run->progress);
}

/* What a pipe gives cannot be read twice: its faults show up on the way. */
static enum cli_exit preflight(struct csv_run *run)
{
    uint64_t at = run->reader.at, line = run->reader.line;
    enum cli_exit code;

    if (!run->is_file && !run->plan.dry_run)
        return CLI_OK;
    csv_run_progress(run, "checking the file", run->is_file ? run->state.input.size : 0);
    code = rows_count(run);
    if (code == CLI_OK && run->is_file)
        code = input_seek(run, at, line);
    return code;
}

/* Takes an earlier run's state, where there is one that fits. */
static enum cli_exit state_take(struct csv_run *run, const char *settings)
{
    struct resume found;
    enum hufu_err err;
    struct stat st;

    err = run->resumable && !run->plan.restart ? resume_load(run->part.resume, &found)
                                               : HUFU_NOT_FOUND;
    if (err == HUFU_NOT_FOUND) {
        if (!run->part.is_stdout && !run->plan.restart && lstat(run->part.path, &st) == 0)
            return cli_fail(CLI_USAGE, "the file that --out names is there already; remove it, or "
                                       "--restart to replace it");
        return CLI_OK;
    }
    if (err != HUFU_OK)
        return cli_fail(CLI_USAGE, "FILE.resume beside the output is damaged, or not yours alone; "
                                   "--restart begins anew");
    if (!resume_same_input(&found.input, &run->state.input))
        return cli_fail(CLI_USAGE, "the input has changed since the run that FILE.resume is of; "
                                   "nothing was touched; --restart begins anew");
    if (strcmp(found.settings, settings) != 0)
        return cli_fail(CLI_USAGE, "FILE.resume is of a run with other options; repeat with those, "
                                   "or --restart to begin anew");
    if (stat(run->part.resume, &st) == 0 && time(NULL) - st.st_mtim.tv_sec > (time_t)KEY_S)
        (void)fputs("hufu: the break was longer than a day: what was sent just before it may be "
                    "sent a second time\n",
                    stderr);
    run->state = found;
    run->resumed = true;
    return CLI_OK;
}

/* With the lock held nobody else moves the state: what was read before must still be there. */
static enum cli_exit output_lock(struct csv_run *run)
{
    enum hufu_err err = part_open(&run->part);
    struct resume now;

    if (err == HUFU_IO)
        return cli_fail(CLI_USAGE,
                        "cannot write beside the file that --out names; check the folder's rights");
    run->drafted = err == HUFU_OK && !run->part.is_stdout;
    if (err == HUFU_OK && run->resumed &&
        (resume_load(run->part.resume, &now) != HUFU_OK || strcmp(now.run, run->state.run) != 0 ||
         now.batch != run->state.batch))
        err = HUFU_BUSY;
    return err == HUFU_OK
               ? CLI_OK
               : cli_fail(
                     CLI_CONFLICT,
                     "another run writes this output; wait for its end, or give another --out");
}

enum cli_exit csv_run_save(struct csv_run *run)
{
    run->saved_ms = cli_progress_elapsed_ms(&run->clock);
    if (!run->resumable)
        return CLI_OK;
    run->saved = true;
    if (part_sync(&run->part) != HUFU_OK || resume_save(run->part.resume, &run->state) != HUFU_OK)
        return csv_run_fail(run, CLI_USAGE,
                            "cannot write beside the output; make room on the disk, then repeat");
    return CLI_OK;
}

/* Puts the outputs where the state says, and the input behind them. */
static enum cli_exit state_apply(struct csv_run *run)
{
    enum hufu_err err = part_cut(&run->part, run->state.out_at, run->state.errors_at);

    if (err == HUFU_CORRUPT)
        return cli_fail(CLI_USAGE, "FILE.part is shorter than FILE.resume says; --restart begins "
                                   "anew");
    if (err != HUFU_OK)
        return cli_fail(CLI_USAGE,
                        "cannot write beside the output; check the disk and your rights");
    if (run->resumed)
        return input_seek(run, run->state.in_at, run->state.line);
    if (part_put(&run->part, buf_view(&run->head)) != HUFU_OK)
        return cli_fail(CLI_USAGE, "cannot write the output; check the disk and your rights");
    run->state.out_at = run->part.out_at;
    run->state.in_at = run->reader.at;
    run->state.line = run->reader.line;
    return csv_run_save(run);
}

/* A new state of the input that is open; settings in it are this run's. */
static enum cli_exit state_make(struct csv_run *run)
{
    struct resume_input input = run->state.input;
    uint8_t memory[RESUME_SETTINGS_MAX];
    struct buf settings;

    buf_fixed(&settings, memory, sizeof(memory));
    csv_plan_settings(run->cli, &run->plan, &settings);
    buf_u8(&settings, 0);
    if (buf_check(&settings) != HUFU_OK)
        return cli_fail(
            CLI_USAGE,
            "an option is too long or not UTF-8; shorten --subject, --consent and --channel");
    if (resume_new(&run->state) != HUFU_OK)
        return cli_fail(CLI_SERVER,
                        "the system gives no random numbers; tell who runs this machine");
    memcpy(run->state.settings, memory, settings.len);
    run->state.input = input;
    return CLI_OK;
}

enum cli_exit csv_run_open(struct csv_run *run)
{
    enum cli_exit code;

    buf_init(&run->head, HEAD_MAX);
    run->reader.fd = -1;
    run->part.fd = run->part.errors_fd = -1;
    if (csv_batch_init(&run->batch, &run->progress) != HUFU_OK)
        return cli_fail(CLI_SERVER, "out of memory; end other programs, then repeat");
    if (run->plan.out != NULL && part_init(&run->part, run->plan.out) != HUFU_OK)
        return cli_fail(CLI_USAGE, "the name that --out gives is too long; give a shorter one");
    code = input_open(run);
    return code == CLI_OK ? head_read(run) : code;
}

enum cli_exit csv_run_begin(struct csv_run *run)
{
    char settings[RESUME_SETTINGS_MAX];
    enum cli_exit code = state_make(run);

    run->resumable = run->is_file && !run->plan.dry_run && !run->part.is_stdout;
    if (code != CLI_OK || run->plan.dry_run)
        return code == CLI_OK ? preflight(run) : code;
    memcpy(settings, run->state.settings, sizeof(settings));
    code = state_take(run, settings);
    if (code != CLI_OK || run->state.done)
        return code; /* FILE.part may have its name already: it must not be made again */
    code = output_lock(run);
    if (code == CLI_OK && !run->resumed)
        code = preflight(run);
    return code == CLI_OK ? state_apply(run) : code;
}

static bool input_is_same(const struct csv_run *run)
{
    struct resume_input now;
    struct stat st;

    if (!run->is_file)
        return true;
    if (fstat(run->reader.fd, &st) != 0)
        return false;
    resume_identify(&st, &now);
    return resume_same_input(&now, &run->state.input);
}

/* `done` is on the disk before the output gets its name: a break in between finds both. */
enum cli_exit csv_run_finish(struct csv_run *run)
{
    enum cli_exit code = CLI_OK;

    if (!input_is_same(run))
        return csv_run_fail(run, CLI_USAGE,
                            "the input was changed while it was read; --restart "
                            "begins anew");
    if (!run->state.done) {
        run->state.done = true;
        code = csv_run_save(run);
    }
    if (code == CLI_OK && part_finish(&run->part) != HUFU_OK)
        code = csv_run_fail(run, CLI_USAGE,
                            "cannot rename FILE.part; check the folder's rights, then repeat");
    if (code == CLI_OK && run->resumable)
        (void)unlink(run->part.resume);
    run->drafted = run->drafted && code != CLI_OK;
    return code;
}

void csv_run_close(struct csv_run *run)
{
    cli_progress_end(&run->progress);
    if (run->drafted && !run->resumed && !run->saved)
        (void)unlink(run->part.draft);
    part_close(&run->part);
    csv_batch_done(&run->batch);
    csv_close(&run->reader);
    if (run->reader.fd >= 0)
        (void)close(run->reader.fd);
    buf_done(&run->head);
    wipe(&run->row, sizeof(run->row));
}
