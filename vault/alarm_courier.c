#include "vault/alarm_courier.h"

#include <string.h>

#include "vault/alarm_desk.h"
#include "vault/alarm_flight.h"
#include "vault/base/log.h"
#include "vault/handle.h"
#include "vault/row.h"

#define WAIT_FIRST_MS 1000 /* after a failure: doubles up to the last */
#define WAIT_LAST_MS  60000
#define SLACK_MS      5000 /* for an answer, beyond the deadlines of its sinks */

enum hufu_err courier_init(struct courier *c, struct core *core, struct alarm_sink *sink)
{
    *c = (struct courier){ .core = core, .sink = sink };
    atomic_init(&c->way, COURIER_IDLE);
    return worker_init(&c->worker, core);
}

void courier_done(struct courier *c)
{
    worker_done(&c->worker);
}

void courier_print(const struct alarm_row *row, const char *vault, struct buf *out)
{
    char id[ID_TEXT_LEN + 1];
    struct json j;

    id_print(row->id, id);
    json_init(&j, out);
    json_open(&j);
    json_put_str(&j, "detail", row->detail);
    if (row->domain[0] != '\0')
        json_put_str(&j, "domain", row->domain);
    json_put_str(&j, "grade", alarm_grade_name(row->grade));
    json_put_str(&j, "id", id);
    if (row->principal[0] != '\0')
        json_put_str(&j, "principal", row->principal);
    json_put_time(&j, "raised_at", row->raised_ms);
    if (row->request_id[0] != '\0')
        json_put_str(&j, "request_id", row->request_id);
    if (row->role[0] != '\0')
        json_put_str(&j, "role", row->role);
    json_put_str(&j, "rule", row->rule);
    if (row->source[0] != '\0')
        json_put_str(&j, "source", row->source);
    json_put_str(&j, "suspended", row->suspended);
    json_put_str(&j, "vault", vault);
    json_close(&j);
}

/* ---- finding ---- */

static void go_on_after(struct courier *c, const struct alarm_row *row)
{
    memcpy(c->after, row->id, ID_LEN);
    c->after_len = ID_LEN;
}

/* The place of the alarm among those held; NULL where it is not. */
static struct courier_held *held_find(struct courier *c, const uint8_t id[static ID_LEN])
{
    for (size_t i = 0; i < COURIER_HELD; i++)
        if (c->held[i].attempts > 0 &&
            view_equal(view_of(c->held[i].id, ID_LEN), view_of(id, ID_LEN)))
            return &c->held[i];
    return NULL;
}

/* A free place, else the one that is due first: it is only tried sooner then. */
static struct courier_held *held_make(struct courier *c, const uint8_t id[static ID_LEN])
{
    struct courier_held *best = &c->held[0];

    for (size_t i = 0; i < COURIER_HELD && best->attempts > 0; i++)
        if (c->held[i].attempts == 0 || c->held[i].due_boot_ms < best->due_boot_ms)
            best = &c->held[i];
    if (best->attempts == 0)
        best->due_boot_ms = 0;
    best->attempts = 0; /* a time that is left says whose place it was */
    best->wait_ms = 0;
    memcpy(best->id, id, ID_LEN);
    return best;
}

/* True where the alarm's time has not come again. */
static bool is_held(struct courier *c, const struct alarm_row *row, uint64_t boot)
{
    const struct courier_held *h = held_find(c, row->id);

    if (h == NULL || h->due_boot_ms <= boot)
        return false;
    if (h->due_boot_ms < c->held_boot_ms)
        c->held_boot_ms = h->due_boot_ms;
    return true;
}

/* Takes one row of the walk in: the gravest that waits becomes the row in work. */
static void look_at(struct courier *c, const struct alarm_row *row, uint64_t boot, bool *found)
{
    if (row->delivered_ms != 0 || is_held(c, row, boot))
        return;
    if (!*found || row->grade > c->row.grade)
        c->row = *row;
    *found = true;
}

/* Ids of one moment may come in any order: where some may have come since, all are looked at. */
static bool find_next(struct courier *c)
{
    uint64_t boot = core_boot(c->core);
    bool found = false, all_delivered = true;
    struct alarm_row row;
    uint8_t at[ID_LEN];
    size_t at_len;
    enum hufu_err err;

    if (atomic_exchange(&c->core->alarms->fresh, false))
        c->after_len = 0;
    else if (c->is_idle && boot < c->held_boot_ms)
        return false;
    c->held_boot_ms = UINT64_MAX;
    memcpy(at, c->after, ID_LEN);
    at_len = c->after_len;
    while ((err = alarm_flight_row(c, view_of(at, at_len), true, &row)) != HUFU_NOT_FOUND) {
        if (err != HUFU_OK && err != HUFU_CORRUPT)
            break;
        memcpy(at, row.id, ID_LEN);
        at_len = ID_LEN;
        if (err != HUFU_OK) { /* one that cannot be read holds up no other */
            log_event(LOG_ERROR_LEVEL, "alarm.row", "err", LOG_ERR(err), NULL);
            continue;
        }
        all_delivered = all_delivered && row.delivered_ms != 0;
        if (all_delivered)
            go_on_after(c, &row);
        look_at(c, &row, boot, &found);
    }
    c->is_idle = !found;
    return found;
}

/* ---- delivering ---- */

static void fail(struct courier *c, const struct alarm_reply *why)
{
    struct courier_held *h = held_find(c, c->row.id);
    char id[ID_TEXT_LEN + 1];
    bool is_full;

    if (h == NULL)
        h = held_make(c, c->row.id);
    is_full = h->attempts == 0 && h->due_boot_ms != 0;
    h->attempts++;
    h->wait_ms = h->wait_ms == 0 ? WAIT_FIRST_MS : h->wait_ms * 2;
    if (h->wait_ms > WAIT_LAST_MS)
        h->wait_ms = WAIT_LAST_MS;
    h->due_boot_ms = core_boot(c->core) + h->wait_ms;
    c->is_sent = false;
    c->has_row = false;
    if (why == NULL) /* it was not this alarm's fault */
        c->due_boot_ms = h->due_boot_ms;
    else if (is_full)
        c->due_boot_ms = core_boot(c->core) + WAIT_FIRST_MS;
    atomic_fetch_add(&c->core->alarms->failed, 1);
    id_print(c->row.id, id);
    log_event(LOG_WARN, "alarm.undelivered", "id", LOG_STR(id), "sink",
              LOG_STR(why == NULL ? "process" : alarm_sink_name(why->failed)), "status",
              LOG_NUM(why == NULL ? 0 : why->status), "again_ms", LOG_NUM(h->wait_ms), NULL);
}

static bool hand_over(struct courier *c)
{
    char id[ID_TEXT_LEN + 1];
    uint8_t json_mem[ALARM_MSG_JSON_MAX], mem[ALARM_MSG_JSON_MAX + 256];
    struct alarm_msg msg;
    struct buf json, body;
    enum hufu_err err;

    id_print(c->row.id, id);
    buf_fixed(&json, json_mem, sizeof(json_mem));
    courier_print(&c->row, conf_text(c->core->conf, CONF_ORIGIN), &json);
    msg = (struct alarm_msg){ view_str(id), view_str(c->row.rule),
                              view_str(alarm_grade_name(c->row.grade)), buf_view(&json) };
    buf_fixed(&body, mem, sizeof(mem));
    alarm_msg_put(&body, &msg);
    err = buf_check(&json) == HUFU_OK ? buf_check(&body) : HUFU_RANGE;
    if (err == HUFU_OK)
        err = c->sink->send(c->sink, ++c->sent_id, buf_view(&body));
    c->is_sent = err == HUFU_OK;
    c->sent_boot_ms = core_boot(c->core);
    if (err != HUFU_OK)
        fail(c, NULL);
    return true;
}

/* Both sinks may use up their deadline. */
static bool is_late(const struct courier *c)
{
    uint64_t most = 2 * conf_u64(c->core->conf, CONF_ALARM_DELIVER_MS) + SLACK_MS;

    return core_boot(c->core) - c->sent_boot_ms >= most;
}

static bool take(struct courier *c)
{
    struct alarm_reply reply;
    uint64_t id;
    enum hufu_err err = c->sink->take(c->sink, &id, &reply);

    if (err == HUFU_NOT_FOUND && !is_late(c))
        return false;
    if (err != HUFU_OK) {
        fail(c, NULL);
    } else if (id == c->sent_id) { /* else it answers one whose time was up */
        if (reply.failed != ALARM_SINK_NONE)
            fail(c, &reply);
        c->is_taken = reply.failed == ALARM_SINK_NONE;
        c->taken_ms = core_now(c->core);
        c->is_sent = false;
    }
    return true;
}

/* The row gets its time, whatever else somebody has written into it meanwhile. */
static bool mark(struct courier *c)
{
    uint8_t mem[ALARM_ROW_MAX];
    struct alarm_flight *fl;
    struct buf text, b;
    struct view key;
    enum hufu_err err;

    err = alarm_flight_row(c, view_of(c->row.id, ID_LEN), false, &c->row);
    fl = err == HUFU_OK ? alarm_flight_new(c, "alarm-delivered", 1) : NULL;
    if (err == HUFU_NOT_FOUND)
        c->has_row = c->is_taken = false; /* nobody takes one away that waits; but so be it */
    if (fl == NULL)
        return false;
    c->row.delivered_ms = c->taken_ms;
    if (c->row.delivered_ms < c->row.raised_ms) /* the clock was set back */
        c->row.delivered_ms = c->row.raised_ms;
    c->row.attempts = c->attempts + 1;
    buf_fixed(&b, fl->purpose, sizeof(fl->purpose));
    buf_str(&b, "rule=");
    buf_str(&b, c->row.rule);
    buf_str(&b, " grade=");
    buf_str(&b, alarm_grade_name(c->row.grade));
    request_entry(&fl->req, 0)->purpose = buf_view(&b);
    buf_fixed(&b, fl->reason, sizeof(fl->reason));
    buf_str(&b, "ms=");
    buf_dec(&b, c->row.delivered_ms - c->row.raised_ms);
    buf_str(&b, " attempts=");
    buf_dec(&b, c->row.attempts);
    request_entry(&fl->req, 0)->reason = buf_view(&b);
    buf_fixed(&text, mem, sizeof(mem));
    alarm_row_put(&c->row, &text);
    key = row_plain_key(&fl->req, TABLE_ALARM, view_of(c->row.id, ID_LEN));
    if (row_write_control(&c->worker, &fl->req, &fl->req.op[0], key, row_seen(c->row.seq), &text) !=
        HUFU_OK) {
        alarm_flight_free(fl);
        return false;
    }
    c->is_marking = true;
    return alarm_flight_submit(c, fl);
}

static void marked(struct courier *c)
{
    struct courier_held *h = held_find(c, c->row.id);

    if (h != NULL)
        h->attempts = 0;
    alarm_took(c->core->alarms, c->row.delivered_ms - c->row.raised_ms);
    c->has_row = c->is_taken = c->is_idle = false;
    c->due_boot_ms = 0;
}

/* ---- the step ---- */

/* True where nothing is on its way. */
static bool take_outcome(struct courier *c)
{
    switch (atomic_load(&c->way)) {
    case COURIER_ON_ITS_WAY:
        return false;
    case COURIER_DONE:
        if (c->is_marking)
            marked(c);
        else if (c->sweeps_on)
            c->sweep_boot_ms = 0;
        break;
    case COURIER_LOST: /* a row has changed meanwhile, or nothing could be written: once more */
        c->due_boot_ms = core_boot(c->core) + WAIT_FIRST_MS;
        break;
    default:
        return true;
    }
    atomic_store(&c->way, COURIER_IDLE);
    return true;
}

/* True where an alarm is there to be handed over, or to be marked. */
static bool has_work(struct courier *c)
{
    if (c->has_row)
        return true;
    struct courier_held *h;

    c->has_row = find_next(c);
    h = c->has_row ? held_find(c, c->row.id) : NULL;
    c->attempts = h == NULL ? 0 : h->attempts;
    c->is_taken = c->has_row && !c->core->alarms->has_sink; /* the sink is gone since then */
    c->taken_ms = core_now(c->core);
    return c->has_row;
}

bool courier_step(struct courier *c)
{
    uint64_t boot = core_boot(c->core);

    if (atomic_load(&c->core->phase) != CORE_OPEN || !store_is_sound(c->core->store))
        return false;
    if (!take_outcome(c))
        return false;
    if (c->is_sent)
        return take(c);
    if (boot < c->due_boot_ms || !has_work(c))
        return boot >= c->sweep_boot_ms && alarm_sweep(c);
    return c->is_taken ? mark(c) : hand_over(c);
}
