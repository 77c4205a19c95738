/*
 * cli_csvbatch.h - the records of one request: collected, sent, and written with their tokens.
 *
 * Layer:   tools/. Includes vault/base/ only.
 * Threads: the client has one thread.
 *
 * Where a batch ends depends on nothing but the input's bytes and the options: a later run that
 * begins at the same byte makes the same request, and the server knows it by its key again. Memory
 * does not grow with the input.
 */
#ifndef HUFU_TOOLS_CLI_CSVBATCH_H
#define HUFU_TOOLS_CLI_CSVBATCH_H

#include "tools/cli_csv.h"
#include "tools/cli_csvplan.h"
#include "tools/cli_http.h"
#include "tools/cli_progress.h"
#include "tools/cli_resume.h"
#include "vault/base/json.h"

#define CSV_BATCH_ROWS 1000        /* values of one request: what the server takes */
#define CSV_BATCH_RAW  (2U << 20U) /* bytes of records after which no further is taken */
#define CSV_BATCH_LIST                                                                             \
    (1008U * 1024U)       /* bytes of the list likewise: a body of 1 MiB has room for more */
#define CSV_VALUE_MAX 255 /* bytes of a value */
#define CSV_REF_MAX   128 /* bytes of a subject or consent */

enum csv_kind {
    CSV_COPY,  /* an empty line: no row at all */
    CSV_EMPTY, /* a row without a value: stays as it is */
    CSV_SENT,
    CSV_BAD, /* refused here: cannot be a value */
};

struct csv_item {
    size_t at; /* in raw */
    size_t len;
    struct csv_field field; /* of the value */
    enum csv_kind kind;
    const char *code; /* of CSV_BAD: constant */
    uint64_t line;
};

struct csv_batch {
    struct buf raw;  /* the records. SECRET */
    struct buf list; /* the values as a JSON array. SECRET */
    struct csv_item *item;
    size_t count;
    size_t sent;
    struct progress *progress; /* wiped before something is told; borrowed */
};

/* HUFU_NOMEM, b is then empty. */
HUFU_MUST_USE enum hufu_err csv_batch_init(struct csv_batch *b, struct progress *progress);
void csv_batch_done(struct csv_batch *b); /* wipes; an empty b is fine */

/* Which kind a record is, and what is sent of it. list: takes one element; NULL: none is wanted. */
enum csv_kind csv_batch_judge(const struct csv_plan *plan, const struct csv_row *row,
                              struct view raw, struct json *list, const char **code_out);
/* Takes records until the batch is full or the input ends (count 0: nothing is left). HUFU_SYNTAX:
 * the reader has the fault; HUFU_RANGE: out of memory. */
HUFU_MUST_USE enum hufu_err csv_batch_fill(struct csv_batch *b, const struct csv_plan *plan,
                                           struct csv_reader *reader, struct csv_row *row);
/*
 * Writes the records with their tokens, and the refused rows.
 *
 * reply:   NULL where nothing was sent.
 * state:   its counts are raised; unchanged after a failure.
 * out:     appended: CSV. SECRET. errors: appended: "row,line,code" LF.
 * Returns: CLI_OK; CLI_SERVER where the reply does not fit; with plan->stop the exit code of the
 *          first refused row: both told on stderr.
 */
enum cli_exit csv_batch_print(const struct csv_batch *b, const struct csv_plan *plan,
                              const struct cli_reply *reply, struct resume *state, struct buf *out,
                              struct buf *errors);
/* With plan->stop: tells the first row that cannot be sent, and gives its exit code; else CLI_OK.
 */
enum cli_exit csv_batch_check(const struct csv_batch *b, const struct csv_plan *plan,
                              const struct resume *state);

#endif
