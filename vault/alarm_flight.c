#include "vault/alarm_flight.h"

#include <stdlib.h>
#include <string.h>

#include "vault/handle.h"

void alarm_flight_free(struct alarm_flight *fl)
{
    arena_done(&fl->req.work);
    free(fl);
}

static void settled(struct store_draft *draft)
{
    struct alarm_flight *fl = draft->arg;
    struct courier *c = fl->c;
    int way = draft->err == HUFU_OK ? COURIER_DONE : COURIER_LOST;

    alarm_flight_free(fl);
    atomic_store(&c->way, way);
}

struct alarm_flight *alarm_flight_new(struct courier *c, const char *verb, size_t rows)
{
    struct alarm_flight *fl = calloc(1, sizeof(*fl));

    if (fl == NULL)
        return NULL;
    fl->c = c;
    fl->req.core = c->core;
    arena_init(&fl->req.in, c->core->pool);
    arena_init(&fl->req.work, c->core->pool);
    if (request_ops(&fl->req, 1, rows, rows, 0) != HUFU_OK) {
        alarm_flight_free(fl);
        return NULL;
    }
    request_entry(&fl->req, 0)->verb = verb;
    fl->req.draft.done = settled;
    fl->req.draft.arg = fl;
    return fl;
}

bool alarm_flight_submit(struct courier *c, struct alarm_flight *fl)
{
    atomic_store(&c->way, COURIER_ON_ITS_WAY);
    if (store_submit(c->core->store, &fl->req.draft) == HUFU_OK)
        return true;
    atomic_store(&c->way, COURIER_IDLE);
    alarm_flight_free(fl);
    return false;
}

enum hufu_err alarm_flight_row(struct courier *c, struct view key, bool after,
                               struct alarm_row *out)
{
    uint8_t id_mem[ID_LEN], mem[ALARM_ROW_MAX];
    struct directory *dir = c->core->dir;
    struct buf id, text;
    uint64_t seq = 0;
    enum hufu_err err;

    buf_fixed(&id, id_mem, sizeof(id_mem));
    buf_fixed(&text, mem, sizeof(mem));
    if (after) {
        err = directory_kept_after(dir, TABLE_ALARM, key, &id, &text, &seq);
    } else {
        err = directory_kept(dir, TABLE_ALARM, key, &text, &seq);
        buf_put(&id, key.p, key.len);
    }
    if (err == HUFU_OK)
        err = id.len == ID_LEN ? alarm_row_get(buf_view(&text), out) : HUFU_RANGE;
    if (err == HUFU_OK || err == HUFU_CORRUPT)
        memcpy(out->id, id_mem, ID_LEN);
    if (err != HUFU_OK)
        return err;
    out->seq = seq;
    return HUFU_OK;
}
