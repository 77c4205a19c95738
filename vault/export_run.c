/* The keeper's part of exports: which one is open, and its next piece. */
#include "vault/export_run.h"

#include <stdlib.h>
#include <string.h>

#include "vault/base/log.h"
#include "vault/base/secret.h"
#include "vault/handle.h"

static const char head_line[] = "token,value\r\n";

void export_run_free(struct export_run *run)
{
    if (run == NULL)
        return;
    export_file_free(run->file);
    free(run);
}

bool export_borrow(struct keeper *k, const struct export_row *row, const char **why)
{
    const struct user *user = directory_user_id(k->core->dir, row->user_id);
    struct request *req = &k->req;
    uint8_t *grant = NULL;

    arena_done(&req->work);
    req->draft = (struct store_draft){ 0 };
    req->alarm_count = 0;
    req->raised_count = 0;
    req->who = (struct who){ .user = user };
    req->domain = directory_domain_id(k->core->dir, row->domain_id);
    memcpy(req->source, row->source, sizeof(req->source));
    req->msg.request_id = view_str(row->request_id);
    req->msg.field[MSG_PURPOSE] = view_str(row->purpose);
    req->msg.field[MSG_REASON] = view_str(row->reason);
    grant = request_take(req, ID_TEXT_LEN + 1);
    if (grant != NULL)
        id_print(row->grant, (char *)grant);
    req->msg.field[MSG_GRANT] = view_of(grant, grant == NULL ? 0 : ID_TEXT_LEN);
    if (grant == NULL) { /* nothing goes out under none */
        *why = "memory";
        return false;
    }
    if (user != NULL)
        req->who.role = (enum role)user->role;
    if (user == NULL || !user_is_in(user, core_now(k->core)) || user->role != ROLE_OPERATOR) {
        *why = "person";
        return false;
    }
    return true;
}

void export_give_back(struct keeper *k)
{
    arena_done(&k->req.work); /* and with it what was clear */
    k->req.draft = (struct store_draft){ 0 };
    k->req.who = (struct who){ .role = ROLE_NONE };
    k->req.domain = NULL;
    k->req.alarm_count = 0;
    k->req.reply.err = HUFU_OK;
    k->req.msg = (struct msg_request){ .where = MSG_WHERE_NONE };
    k->req.source[0] = '\0';
}

/* Its own run; a new one where it only waits. NULL: it was broken off, or memory is missing. */
static struct export_run *run_of(struct keeper *k, const struct export_row *row)
{
    struct export_run *run = k->exporting;

    if (run != NULL && view_equal(view_of(run->id, ID_LEN), view_of(row->id, ID_LEN)))
        return run;
    export_run_free(run);
    k->exporting = NULL;
    if (row->state != EXPORT_WAITING)
        return NULL;
    run = calloc(1, sizeof(*run));
    if (run != NULL)
        memcpy(run->id, row->id, ID_LEN);
    k->exporting = run;
    return run;
}

static enum export_turn open_file(struct keeper *k, const struct export_row *row,
                                  const struct recipient *to, const char **why)
{
    const char *data = conf_text(k->core->conf, CONF_DATA);
    struct export_run *run = k->exporting;
    enum hufu_err err;

    if (run->file != NULL)
        return EXPORT_TURN_ON;
    err = export_file_begin(data, row->id, view_of(to->cert, to->cert_len), &run->file);
    if (err == HUFU_OK)
        err = export_file_write(run->file, view_str(head_line));
    if (err == HUFU_OK)
        return EXPORT_TURN_ON;
    if (!run->is_told) /* it is tried again until the row can be ended */
        log_event(LOG_ERROR_LEVEL, "export.file", "err", LOG_ERR(err), NULL);
    run->is_told = true;
    *why = "file";
    return EXPORT_TURN_FAIL;
}

/* From here on the file's key is in use: a restart ends the export. */
static enum export_turn begin(struct keeper *k, const struct export_row *row, const char **why)
{
    struct export_row changed = *row;
    struct recipient to;
    struct grant_use use;
    enum export_turn turn;

    if (row->tokens.len == 0)
        changed.total = k->exporting->counted;
    turn = export_judge(k, row, NULL, (size_t)changed.total, &use, &to, why);
    if (turn == EXPORT_TURN_ON)
        turn = open_file(k, row, &to, why);
    if (turn != EXPORT_TURN_ON)
        return turn;
    changed.state = EXPORT_RUNNING;
    if (request_ops(&k->req, 1, 2, 1, 0) != HUFU_OK)
        return EXPORT_TURN_WAIT;
    request_entry(&k->req, 0)->verb = "export-run";
    request_entry(&k->req, 0)->purpose = view_str(row->purpose);
    request_entry(&k->req, 0)->reason = view_str(row->reason);
    op_expect_caller(&k->req, &k->req.op[0]);
    if (export_write(&k->w, &k->req, &k->req.op[0], &changed) != HUFU_OK ||
        keeper_commit(k) != HUFU_OK)
        return EXPORT_TURN_WAIT;
    return EXPORT_TURN_ON;
}

/* All of it is released: the file becomes whole. */
static enum export_turn finish(struct keeper *k, const char **why)
{
    struct export_run *run = k->exporting;

    if (!run->is_whole && export_file_end(run->file, &run->file_bytes, run->file_hash) != HUFU_OK) {
        run->is_broken = true;
        *why = "file";
        return EXPORT_TURN_FAIL;
    }
    run->is_whole = true;
    return EXPORT_TURN_OVER;
}

static enum export_turn piece(struct keeper *k, const struct export_row *row, const char **why)
{
    struct export_run *run = k->exporting;
    enum export_turn turn;

    if (run->is_broken) {
        *why = "file";
        return EXPORT_TURN_FAIL;
    }
    if (row->state == EXPORT_WAITING && row->tokens.len == 0 && !run->is_counted)
        return export_count(k, row, why);
    if (row->state == EXPORT_WAITING)
        return begin(k, row, why);
    turn = run->is_whole ? EXPORT_TURN_OVER : export_release(k, row, why);
    return turn == EXPORT_TURN_OVER ? finish(k, why) : turn;
}

static bool serve(struct keeper *k, const struct export_row *row)
{
    const char *why = "";
    enum export_turn turn = EXPORT_TURN_STOP;
    bool may = export_borrow(k, row, &why);

    if (run_of(k, row) == NULL) {
        why = "restart";
        turn = row->state == EXPORT_WAITING ? EXPORT_TURN_WAIT : EXPORT_TURN_FAIL;
    } else if (may) {
        turn = piece(k, row, &why);
    }
    switch (turn) {
    case EXPORT_TURN_OVER:
        return export_end(k, row, EXPORT_DONE, "");
    case EXPORT_TURN_STOP:
        return export_end(k, row, EXPORT_STOPPED, why);
    case EXPORT_TURN_FAIL:
        return export_end(k, row, EXPORT_FAILED, why);
    default:
        return turn == EXPORT_TURN_ON;
    }
}

bool export_step(struct keeper *k)
{
    const uint8_t *after = NULL;
    struct export_row row;
    struct buf text;
    bool open = false, did;

    if (directory_kept_count(k->core->dir, TABLE_EXPORT) == 0)
        return false;
    buf_init(&text, EXPORT_ROW_MAX);
    while (!open && export_next(k->core, after, &text, &row) == HUFU_OK) {
        open = export_is_open(&row);
        after = row.id;
    }
    did = open ? serve(k, &row) : export_take_away(k);
    if (open)
        export_give_back(k);
    buf_done(&text);
    return did;
}
