/* How an export ends: its row, its line of the register, its alarms; and how its file goes. */
#include "vault/export_run.h"

#include <stdio.h>
#include <string.h>

#include "vault/alarm.h"
#include "vault/base/log.h"
#include "vault/handle.h"
#include "vault/manage_recipient.h"

#define ABOUT_MAX 160
#define HOUR_MS   3600000ULL

/* "state=done values=7 sha256=…": what came of it; and of which, for whom. */
static enum hufu_err name_end(struct request *req, const struct export_row *row)
{
    uint8_t *mem = request_take(req, 2 * ABOUT_MAX);
    char id[ID_TEXT_LEN + 1];
    struct buf b, n;

    if (mem == NULL)
        return HUFU_UNAVAILABLE;
    id_print(row->id, id);
    buf_fixed(&b, mem, ABOUT_MAX);
    buf_str(&b, "export=");
    buf_str(&b, id);
    buf_str(&b, " recipient=");
    buf_str(&b, row->recipient);
    buf_fixed(&n, mem + ABOUT_MAX, ABOUT_MAX);
    buf_str(&n, "state=");
    buf_str(&n, export_state_name(row->state));
    if (row->why[0] != '\0')
        buf_str(&n, " why=");
    buf_str(&n, row->why);
    buf_str(&n, " values=");
    buf_dec(&n, row->done);
    if (row->state == EXPORT_DONE) {
        buf_str(&n, " sha256=");
        text_hex(&n, row->file_hash, DIGEST_LEN);
    }
    request_entry(req, 0)->purpose = buf_view(&b);
    request_entry(req, 0)->reason = buf_view(&n);
    request_entry(req, 0)->result =
        row->state == EXPORT_DONE ? "ok" : export_state_name(row->state);
    return buf_check(&b) == HUFU_OK && buf_check(&n) == HUFU_OK ? HUFU_OK : HUFU_UNAVAILABLE;
}

static uint8_t result_of(const struct export_row *row)
{
    if (row->state == EXPORT_DONE)
        return SHARE_OK;
    return row->state == EXPORT_STOPPED ? SHARE_STOPPED : SHARE_FAILED;
}

/* One line for the whole export, with the true count; none where nothing was released. */
static enum hufu_err put_line(struct keeper *k, const struct export_row *row)
{
    const struct domain *d = k->req.domain;
    struct share_row line = {
        .at_ms = row->ended_ms, .scale = row->done, .way = SHARE_EXPORT, .result = result_of(row)
    };
    struct grant g = { 0 };
    struct recipient to;

    if (row->done == 0)
        return HUFU_OK;
    if (d == NULL || manage_recipient_find(k->core, view_str(row->recipient), &to) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    memcpy(g.id, row->grant, ID_LEN);
    memcpy(g.purpose, row->purpose, sizeof(g.purpose));
    share_fill(&to, &g, &line);
    memcpy(line.export, row->id, ID_LEN);
    line.class = (uint8_t)format_class(d->format);
    (void)snprintf(line.domain, sizeof(line.domain), "%s", d->name);
    (void)snprintf(line.format, sizeof(line.format), "%s", format_name(d->format));
    if (k->req.who.user != NULL)
        (void)snprintf(line.principal, sizeof(line.principal), "%s", k->req.who.user->name);
    memcpy(line.reason, row->reason, sizeof(line.reason));
    memcpy(line.request_id, row->request_id, sizeof(line.request_id));
    return share_put(&k->w, &k->req, &k->req.op[0], &line);
}

static void fill_end(const struct keeper *k, struct export_row *row, enum export_state state,
                     const char *why)
{
    const struct export_run *run = k->exporting;

    row->state = (uint8_t)state;
    row->ended_ms = core_now(k->core);
    row->tokens = view_of(NULL, 0);
    (void)snprintf(row->why, sizeof(row->why), "%s", why);
    if (state != EXPORT_DONE)
        return;
    row->until_ms = row->ended_ms + conf_u64(k->core->conf, CONF_EXPORT_KEEP_H) * HOUR_MS;
    row->file_bytes = run->file_bytes;
    memcpy(row->file_hash, run->file_hash, DIGEST_LEN);
}

static enum hufu_err draft(struct keeper *k, const struct export_row *row)
{
    enum hufu_err err = request_ops(&k->req, 1, 2, 2, 0);

    if (err != HUFU_OK)
        return err;
    request_entry(&k->req, 0)->verb = "export-end";
    err = name_end(&k->req, row);
    if (err == HUFU_OK)
        err = export_write(&k->w, &k->req, &k->req.op[0], row);
    return err == HUFU_OK ? put_line(k, row) : err;
}

bool export_end(struct keeper *k, const struct export_row *row, enum export_state state,
                const char *why)
{
    const char *data = conf_text(k->core->conf, CONF_DATA);
    struct export_row ended = *row;
    enum hufu_err err = HUFU_OK;

    fill_end(k, &ended, state, why);
    if (state != EXPORT_DONE) /* first: no file without a row that says so */
        err = export_file_remove(data, row->id);
    if (err == HUFU_OK)
        err = draft(k, &ended);
    k->req.reply.err = state == EXPORT_DONE ? HUFU_OK : HUFU_GRANT_REQUIRED; /* as alarms tell it */
    if (err == HUFU_OK)
        err = alarm_attach(&k->w, &k->req);
    if (err == HUFU_OK)
        err = keeper_commit(k);
    alarm_settle(&k->req, err == HUFU_OK);
    if (err != HUFU_OK)
        return false;
    log_event(state == EXPORT_DONE ? LOG_INFO : LOG_WARN, "export.end", "state",
              LOG_STR(export_state_name(state)), "values", LOG_NUM(ended.done), NULL);
    export_run_free(k->exporting);
    k->exporting = NULL;
    return true;
}

static bool take_one(struct keeper *k, const struct export_row *row)
{
    struct export_row changed = *row;
    enum hufu_err err;

    err = export_file_remove(conf_text(k->core->conf, CONF_DATA), row->id);
    changed.is_removed = 1;
    if (err == HUFU_OK)
        err = keeper_op(k, "export-remove", 1);
    if (err == HUFU_OK)
        err = name_end(&k->req, &changed);
    if (err == HUFU_OK)
        err = export_write(&k->w, &k->req, &k->req.op[0], &changed);
    return err == HUFU_OK && keeper_commit(k) == HUFU_OK;
}

bool export_take_away(struct keeper *k)
{
    const uint8_t *after = NULL;
    struct export_row row;
    struct buf text;
    bool did = false;

    buf_init(&text, EXPORT_ROW_MAX);
    while (!did && export_next(k->core, after, &text, &row) == HUFU_OK) {
        if (row.state == EXPORT_DONE && row.is_removed == 0 && core_now(k->core) >= row.until_ms)
            did = take_one(k, &row);
        after = row.id;
    }
    buf_done(&text);
    return did;
}
