/* Alarms about fill: each once, by a counter that is never taken away, with an entry of its own. */
#include "vault/fill_known.h"

#include <stdlib.h>

#include "vault/base/log.h"
#include "vault/handle.h"
#include "vault/row.h"

#define LOOK_MS 1000

static const unsigned percents[FILL_LEVELS] = { 100, FILL_HALF, FILL_MOST };

struct alarm {
    struct fill_known *known;
    enum fill_level level;
    struct fill_bucket bucket; /* id 0: the whole domain; then kind says nothing */
};

struct flight { /* one operation on its way; freed when it is settled */
    struct request req;
    struct alarm alarm;
    uint8_t purpose_mem[32], reason_mem[96];
};

static void flight_free(struct flight *fl)
{
    if (fl != NULL)
        arena_done(&fl->req.work);
    free(fl);
}

/* Nothing is to be done about it any more. */
static void alarm_note(const struct alarm *a)
{
    if (a->bucket.id == 0)
        atomic_fetch_or(&a->known->raised, 1u << a->level);
}

static void alarm_tell(const struct flight *fl)
{
    const struct alarm *a = &fl->alarm;
    const char *of = a->level == FILL_PAST_EXPECTED ? "expected"
                     : a->bucket.id == 0            ? "domain"
                                                    : "bucket";

    log_event(LOG_WARN, "capacity.alarm", "domain", LOG_STR(fl->req.domain->name), "of",
              LOG_STR(of), "percent", LOG_NUM(percents[a->level]), "mappings",
              LOG_NUM(a->bucket.rows), "room", LOG_NUM(a->bucket.tokens), NULL);
}

/* LIMIT: it was raised before. Anything else is tried again, a bucket's after the next walk. */
static void settled(struct store_draft *draft)
{
    struct flight *fl = draft->arg;
    struct fill *f = fl->req.core->fill;

    if (draft->err == HUFU_OK) {
        atomic_fetch_add(&f->alarms, 1);
        alarm_tell(fl);
    }
    if (draft->err == HUFU_OK || draft->err == HUFU_LIMIT)
        alarm_note(&fl->alarm);
    flight_free(fl);
    atomic_store(&f->on_its_way, false);
}

/* The counter of this domain, level and bucket. */
static enum hufu_err alarm_key(struct worker *w, struct request *req, const struct alarm *a,
                               struct view *out)
{
    uint8_t mem[16];
    struct buf b;

    buf_fixed(&b, mem, sizeof(mem));
    buf_u32(&b, a->known->id);
    buf_u8(&b, (uint8_t)a->level);
    buf_u64(&b, a->bucket.id);
    return row_counter_key(w, req, ROW_FILL_ALARM, &b, out);
}

/* "fill=50" of the domain, "bucket=50", or "expected"; how many there are, of how many. */
static void alarm_print(struct flight *fl)
{
    const struct alarm *a = &fl->alarm;
    struct entry_draft *e = request_entry(&fl->req, 0);
    struct buf b;

    buf_fixed(&b, fl->purpose_mem, sizeof(fl->purpose_mem));
    if (a->level == FILL_PAST_EXPECTED) {
        buf_str(&b, "expected");
    } else {
        buf_str(&b, a->bucket.id == 0 ? "fill=" : "bucket=");
        buf_dec(&b, percents[a->level]);
    }
    e->purpose = buf_view(&b);
    buf_fixed(&b, fl->reason_mem, sizeof(fl->reason_mem));
    if (a->bucket.id != 0) {
        buf_str(&b, "kind=");
        format_kind_print(fl->req.domain->format, a->bucket.kind, &b);
        buf_str(&b, " ");
    }
    buf_str(&b, "mappings=");
    buf_dec(&b, a->bucket.rows);
    buf_str(&b, a->level == FILL_PAST_EXPECTED ? " expected=" : " tokens=");
    buf_dec(&b, a->bucket.tokens);
    e->reason = buf_view(&b);
}

static struct flight *flight_new(struct core *core, const struct domain *d, const struct alarm *a)
{
    struct flight *fl = calloc(1, sizeof(*fl));

    if (fl == NULL)
        return NULL;
    fl->req.core = core;
    fl->req.domain = d;
    fl->alarm = *a;
    arena_init(&fl->req.in, core->pool);
    arena_init(&fl->req.work, core->pool);
    if (request_ops(&fl->req, 1, 0, 0, 1) != HUFU_OK) {
        flight_free(fl);
        return NULL;
    }
    request_entry(&fl->req, 0)->verb = "capacity-alarm";
    fl->req.draft.done = settled;
    fl->req.draft.arg = fl;
    return fl;
}

/* True where it was handed in; false where it was raised long ago, or cannot be now. */
static bool alarm_raise(struct worker *w, const struct domain *d, const struct alarm *a)
{
    struct flight *fl = flight_new(w->core, d, a);
    struct store_seen seen;
    enum hufu_err err = HUFU_UNAVAILABLE;
    struct view key;

    if (fl == NULL || alarm_key(w, &fl->req, a, &key) != HUFU_OK)
        goto out;
    err = store_find(w->reader, key, NULL, &seen);
    if (err == HUFU_OK)
        alarm_note(a);
    if (err != HUFU_NOT_FOUND)
        goto out;
    op_count(&fl->req.op[0], key, 1, 1, UINT64_MAX);
    alarm_print(fl);
    atomic_store(&w->core->fill->on_its_way, true);
    if (store_submit(w->core->store, &fl->req.draft) == HUFU_OK)
        return true;
    atomic_store(&w->core->fill->on_its_way, false);
out:
    flight_free(fl);
    return false;
}

/* The population was misjudged where there are more mappings than expected; the room is short where
 * there are more than half, or most, of the tokens that all of them may have to share. */
static bool domain_look(struct worker *w, const struct domain *d, struct fill_known *k)
{
    uint64_t made = store_made(w->core->store, TABLE_TOKEN, d->id);
    const struct {
        bool is_due;
        uint64_t of;
    } due[FILL_LEVELS] = {
        { d->expected > 0 && made > d->expected, d->expected },
        { k->one_bucket && fill_is_at(made, k->least, FILL_AT_HALF), k->least },
        { k->one_bucket && fill_is_at(made, k->least, FILL_AT_MOST), k->least },
    };

    for (enum fill_level level = 0; level < FILL_LEVELS; level++) {
        struct alarm a = { k, level, { .rows = made, .tokens = due[level].of } };

        if (due[level].is_due && (atomic_load(&k->raised) & 1u << level) == 0 &&
            alarm_raise(w, d, &a))
            return true;
    }
    return false;
}

/* Of those that a walk found, the first that is new. */
static bool bucket_look(struct worker *w)
{
    struct fill *f = w->core->fill;

    while (f->due_count > 0) {
        const struct fill_due *due = &f->due[--f->due_count];
        const struct domain *d = directory_domain_id(w->core->dir, due->known->id);
        struct alarm a = { due->known, due->level, due->bucket };

        if (d != NULL && alarm_raise(w, d, &a))
            return true;
    }
    return false;
}

bool fill_step(struct worker *w)
{
    struct core *core = w->core;
    struct fill *f = core->fill;
    uint64_t boot = core_boot(core);
    const struct domain *d;

    if (boot < f->due_boot_ms || atomic_load(&f->on_its_way))
        return false;
    (void)fill_ready(core); /* a domain that is not reckoned yet is looked at next time */
    for (size_t i = 0; (d = directory_domain_at(core->dir, i)) != NULL; i++) {
        struct fill_known *k = fill_known_find(f, d->id);

        if (k != NULL && domain_look(w, d, k))
            return true;
    }
    if (bucket_look(w))
        return true;
    f->due_boot_ms = boot + LOOK_MS;
    return false;
}
