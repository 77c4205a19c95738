/* Alarms that are over: delivered and reviewed for a while, or old. */
#include "vault/alarm_flight.h"

#include <string.h>

#include "vault/alarm.h"
#include "vault/handle.h"
#include "vault/row.h"

#define SWEEP_MS    60000
#define SWEEP_MAX   256       /* rows that one operation takes away */
#define REVIEWED_MS 604800000 /* a reviewed one is shown for so long yet, unless room is short */
#define DAY_MS      86400000ULL

/* Reviewed ones and low ones make room where it is short; what waits stays, however old. */
static bool is_over(const struct courier *c, const struct alarm_row *row)
{
    const struct conf *conf = c->core->conf;
    uint64_t now = core_now(c->core), keep_ms = conf_u64(conf, CONF_ALARM_KEEP_DAYS) * DAY_MS;
    bool is_short =
        directory_kept_count(c->core->dir, TABLE_ALARM) > conf_u64(conf, CONF_ALARM_SPOOL) / 2;

    if (row->delivered_ms == 0)
        return false;
    if (is_short && row->grade == ALARM_LOW)
        return true;
    if (row->reviewed_ms != 0 && (is_short || now >= row->reviewed_ms + REVIEWED_MS))
        return true;
    return now >= row->raised_ms + keep_ms;
}

static void add_removal(struct alarm_flight *fl, const struct alarm_row *row)
{
    struct view key = row_plain_key(&fl->req, TABLE_ALARM, view_of(row->id, ID_LEN));

    if (key.p == NULL)
        return;
    op_expect(&fl->req.op[0], key, row_seen(row->seq));
    op_write(&fl->req.op[0], key, NULL, 0);
}

bool alarm_sweep(struct courier *c)
{
    struct alarm_flight *fl = alarm_flight_new(c, "sweep", SWEEP_MAX);
    uint8_t at[ID_LEN];
    struct alarm_row row;
    struct store_op *op;
    struct buf b;
    size_t at_len = 0;

    c->sweep_boot_ms = core_boot(c->core) + SWEEP_MS;
    if (fl == NULL)
        return false;
    op = &fl->req.op[0];
    while (op->write_count < SWEEP_MAX &&
           alarm_flight_row(c, view_of(at, at_len), true, &row) == HUFU_OK) {
        if (is_over(c, &row))
            add_removal(fl, &row);
        memcpy(at, row.id, ID_LEN);
        at_len = ID_LEN;
    }
    if (op->write_count == 0) {
        alarm_flight_free(fl);
        return false;
    }
    buf_fixed(&b, fl->reason, sizeof(fl->reason));
    buf_str(&b, "alarms=");
    buf_dec(&b, op->write_count);
    op->entry->reason = buf_view(&b);
    c->is_marking = false;
    c->sweeps_on = op->write_count == SWEEP_MAX;
    return alarm_flight_submit(c, fl);
}
