#include "vault/sweep.h"

#include <stdlib.h>
#include <string.h>

#include "vault/base/secret.h"
#include "vault/escalation.h"
#include "vault/fill.h"
#include "vault/handle.h"
#include "vault/idempotency.h"
#include "vault/keys/envelope.h"
#include "vault/row.h"

#define CHUNKS_S    10   /* the sweeper comes by so often */
#define CHUNK_MAX   4096 /* rows in one read transaction */
#define QUEUED_MANY 64   /* drafts that wait: others come first */
#define TRIES_MAX   3    /* of one operation; then the next pass is good enough */
#define AGAIN_MS    1000
#define DOMAIN_AT   1 /* offset in a token's key */
#define TOKEN_AT    5

struct sweep { /* one operation on its way; freed when it is settled */
    struct request req;
    struct sweep_pass *pass;
    uint8_t *ids;
    uint8_t text_mem[32];
};

struct kind {
    uint8_t table;
    bool removes;
    const char *verb;
    bool (*is_due)(struct view image, uint64_t now_ms);
    /* Adds a row to the operation, or leaves it out where it is not as it was. */
    void (*add)(struct worker *w, struct sweep *s, struct view key, uint64_t seq);
};

static bool may_expire(const struct record *rec, uint64_t now_ms)
{
    return (rec->state == RECORD_ACTIVE || rec->state == RECORD_SUSPENDED) &&
           record_is_expired(rec, now_ms);
}

/* By the header alone, which the row's opening will prove. */
static bool token_is_due(struct view image, uint64_t now_ms)
{
    struct record rec;
    struct view header;
    uint32_t version;

    return envelope_peek(image, &version, &header) == HUFU_OK &&
           record_get_header(header, &rec) == HUFU_OK && may_expire(&rec, now_ms);
}

static bool answer_is_due(struct view image, uint64_t now_ms)
{
    uint64_t until_ms;

    return idempotency_until(image, &until_ms) == HUFU_OK && until_ms <= now_ms;
}

static bool counter_is_due(struct view image, uint64_t now_ms)
{
    struct reader r;
    uint64_t until_ms;

    reader_init(&r, image.p, image.len);
    (void)reader_u64(&r);
    until_ms = reader_u64(&r);
    return reader_end(&r) == HUFU_OK && until_ms <= now_ms;
}

/* now_ms: as long ago as the rows are kept. */
static bool seen_is_due(struct view image, uint64_t now_ms)
{
    struct reader r;
    uint64_t first_ms;

    reader_init(&r, image.p, image.len);
    first_ms = reader_u64(&r);
    return !r.failed && first_ms < now_ms;
}

static bool trail_is_due(struct view image, uint64_t now_ms)
{
    uint64_t until_ms;

    return escalation_until(image, &until_ms) == HUFU_OK && until_ms <= now_ms;
}

/* The time that the rows of a table are held against. */
static uint64_t time_for(const struct core *core, uint8_t table)
{
    uint64_t now_ms = core_now(core), kept_ms;

    if (table != TABLE_SEEN)
        return now_ms;
    kept_ms = conf_u64(core->conf, CONF_SEEN_DAYS) * ROW_DAY_MS;
    return now_ms > kept_ms ? now_ms - kept_ms : 0;
}

/* Nobody may see from a token whether the sweeper has come by: changed_ms stays. */
static void add_token(struct worker *w, struct sweep *s, struct view key, uint64_t seq)
{
    struct entry_draft *e = request_entry(&s->req, 0);
    struct view token = view_of(key.p + TOKEN_AT, key.len - TOKEN_AT);
    struct record rec = { 0 };
    struct store_seen seen;
    uint8_t *image;
    size_t image_len;

    (void)seq;
    if (row_find_record(w, s->req.domain, key, &rec, &seen) != HUFU_OK ||
        !may_expire(&rec, core_now(w->core)))
        goto out;
    rec.state = RECORD_EXPIRED;
    if (row_token_id(w, s->req.domain->id, token,
                     s->ids + e->token_id_count * ENTRY_TOKEN_ID_LEN) != HUFU_OK ||
        row_lay_record(w, &s->req, &rec, &image, &image_len) != HUFU_OK)
        goto out;
    e->token_id_count++;
    op_expect(&s->req.op[0], key, seen);
    op_write(&s->req.op[0], key, image, image_len);
out:
    wipe(&rec, sizeof(rec));
}

static void add_removal(struct worker *w, struct sweep *s, struct view key, uint64_t seq)
{
    struct store_seen seen;

    if (store_find(w->reader, key, NULL, &seen) != HUFU_OK || seen.seq != seq)
        return;
    op_expect(&s->req.op[0], key, seen);
    op_write(&s->req.op[0], key, NULL, 0);
}

static const struct kind kinds[SWEEP_TABLES] = {
    { TABLE_TOKEN, false, "token-expire", token_is_due, add_token },
    { TABLE_IDEM, true, "sweep", answer_is_due, add_removal },
    { TABLE_COUNTER, true, "sweep", counter_is_due, add_removal },
    { TABLE_SEEN, true, "sweep", seen_is_due, add_removal },
    { TABLE_TRAIL, true, "sweep", trail_is_due, add_removal },
};

struct look { /* what a chunk hands to each row */
    struct core *core;
    const struct kind *kind;
    struct sweep_pass *pass;
    uint64_t now_ms;
    size_t seen;
    bool stopped; /* at a row that waits for the next operation: pass->next is set */
};

static uint32_t domain_of(const uint8_t *key)
{
    struct reader r;

    reader_init(&r, key + DOMAIN_AT, TOKEN_AT - DOMAIN_AT);
    return reader_be32(&r);
}

/* One operation is of one domain. */
static bool look_at(void *arg, struct view key, uint64_t seq, struct view image)
{
    struct look *look = arg;
    struct sweep_pass *p = look->pass;
    bool token = look->kind->table == TABLE_TOKEN;
    bool due =
        key.len <= SWEEP_KEY_MAX && key.len > TOKEN_AT && look->kind->is_due(image, look->now_ms);

    look->seen++;
    if (token && due && p->count > 0 && domain_of(p->key[0]) != domain_of(key.p)) {
        memcpy(p->next, key.p, key.len);
        p->next_len = key.len;
        p->full = look->stopped = true;
        return false;
    }
    if (token)
        fill_see(look->core, key);
    if (!due)
        return true;
    memcpy(p->key[p->count], key.p, key.len);
    p->key_len[p->count] = (uint8_t)key.len;
    p->seq[p->count] = seq;
    p->full = ++p->count == (token ? SWEEP_ENDS_MAX : SWEEP_ROWS_MAX);
    return !p->full;
}

/* The walk over the tokens tells how full their buckets are, too. */
static void tell_fill(struct core *core, const struct sweep_pass *p, enum hufu_err err)
{
    if (err != HUFU_OK)
        fill_spoil(core->fill);
    else if (p->ended)
        fill_end(core->fill);
}

static bool read_chunk(struct worker *w, const struct kind *kind, struct sweep_pass *p)
{
    uint64_t rate = conf_u64(w->core->conf, CONF_SWEEP_ROWS_S), boot = core_boot(w->core);
    struct look look = {
        .core = w->core, .kind = kind, .pass = p, .now_ms = time_for(w->core, kind->table)
    };
    size_t max = rate / CHUNKS_S < CHUNK_MAX ? (size_t)(rate / CHUNKS_S) : CHUNK_MAX;
    struct view prefix = view_of(&kind->table, 1), from = prefix;
    uint8_t mem[STORE_KEY_MAX];
    struct buf next;
    enum hufu_err err;

    if (p->next_len > 0)
        from = view_of(p->next, p->next_len);
    else if (kind->table == TABLE_TOKEN)
        fill_begin(w->core->fill);
    buf_fixed(&next, mem, sizeof(mem));
    err = store_scan(w->reader, prefix, from, max, look_at, &look, &next);
    p->due_boot_ms = boot + (err == HUFU_OK ? look.seen * 1000 / rate : AGAIN_MS);
    if (err == HUFU_OK && !look.stopped) {
        if (next.len > 0)
            memcpy(p->next, next.p, next.len);
        p->next_len = next.len;
        p->ended = next.len == 0;
    }
    if (kind->table == TABLE_TOKEN)
        tell_fill(w->core, p, err);
    return look.seen > 0;
}

static void drop(struct sweep *s)
{
    arena_done(&s->req.work);
    free(s);
}

static void settled(struct store_draft *draft)
{
    struct sweep *s = draft->arg;
    struct sweep_pass *pass = s->pass;
    int way = draft->err == HUFU_OK ? SWEEP_DONE : SWEEP_LOST;

    drop(s);
    atomic_store(&pass->way, way);
}

/* An operation with room for the pass's rows; NULL where memory is missing. */
static struct sweep *begin(struct core *core, const struct kind *kind, struct sweep_pass *p)
{
    struct sweep *s = calloc(1, sizeof(*s));
    bool tokens = kind->table == TABLE_TOKEN;

    if (s == NULL)
        return NULL;
    s->req.core = core;
    s->pass = p;
    arena_init(&s->req.in, core->pool);
    arena_init(&s->req.work, core->pool);
    if (tokens)
        s->req.domain = directory_domain_id(core->dir, domain_of(p->key[0]));
    s->ids = request_take(&s->req, p->count * ENTRY_TOKEN_ID_LEN);
    if (s->ids == NULL || request_ops(&s->req, 1, p->count, p->count, 0) != HUFU_OK) {
        drop(s);
        return NULL;
    }
    request_entry(&s->req, 0)->verb = kind->verb;
    request_entry(&s->req, 0)->token_ids = s->ids;
    op_expect_caller(&s->req, &s->req.op[0]);
    s->req.draft.done = settled;
    s->req.draft.arg = s;
    return s;
}

static void say_rows(struct sweep *s)
{
    struct buf text;

    buf_fixed(&text, s->text_mem, sizeof(s->text_mem));
    buf_str(&text, "rows=");
    buf_dec(&text, s->req.op[0].write_count);
    request_entry(&s->req, 0)->reason = buf_view(&text);
}

static void forget(struct sweep_pass *p)
{
    p->count = 0;
    p->full = false;
    p->tries = 0;
}

/* Hands in what was gathered, unless others need the store more. */
static bool hand_in(struct worker *w, const struct kind *kind, struct sweep_pass *p)
{
    struct sweeps *all = &w->core->sweeps;
    uint64_t boot = core_boot(w->core);
    struct store_numbers n;
    struct sweep *s;

    store_numbers(w->core->store, &n);
    if (n.queued > QUEUED_MANY || (kind->removes && boot < all->removal_due_boot_ms))
        return false;
    if (kind->table == TABLE_TOKEN &&
        directory_domain_id(w->core->dir, domain_of(p->key[0])) == NULL) {
        forget(p); /* nobody's rows: they must not stop the pass */
        return true;
    }
    p->due_boot_ms = boot + AGAIN_MS;
    s = begin(w->core, kind, p);
    if (s == NULL)
        return false;
    for (size_t i = 0; i < p->count; i++)
        kind->add(w, s, view_of(p->key[i], p->key_len[i]), p->seq[i]);
    if (s->req.op[0].write_count == 0) {
        drop(s);
        forget(p);
        return true;
    }
    if (kind->removes) {
        /* What a day adds must be gone in less than a day. */
        all->removal_due_boot_ms = p->full ? boot : boot + AGAIN_MS;
        say_rows(s);
    }
    atomic_store(&p->way, SWEEP_ON_ITS_WAY);
    if (store_submit(w->core->store, &s->req.draft) == HUFU_OK)
        return true;
    atomic_store(&p->way, SWEEP_IDLE);
    drop(s);
    return false;
}

/* True where the pass may go on: nothing of it is on its way. */
static bool take_outcome(struct core *core, struct sweep_pass *p)
{
    switch (atomic_load(&p->way)) {
    case SWEEP_ON_ITS_WAY:
        return false;
    case SWEEP_DONE:
        forget(p);
        p->due_boot_ms = core_boot(core);
        break;
    case SWEEP_LOST: /* a row has changed meanwhile, or nothing could be written */
        if (++p->tries == TRIES_MAX)
            forget(p);
        break;
    default:
        return true;
    }
    atomic_store(&p->way, SWEEP_IDLE);
    return true;
}

static bool step(struct worker *w, const struct kind *kind, struct sweep_pass *p)
{
    uint64_t boot = core_boot(w->core);

    if (!take_outcome(w->core, p) || boot < p->due_boot_ms)
        return false;
    if (p->full || (p->ended && p->count > 0))
        return hand_in(w, kind, p);
    if (!p->ended && kind->table == TABLE_TOKEN && p->next_len == 0 && !fill_ready(w->core))
        return false;
    if (!p->ended)
        return read_chunk(w, kind, p);
    p->ended = false;
    p->next_len = 0;
    p->due_boot_ms = boot + conf_u64(w->core->conf, CONF_SWEEP_PASS_S) * 1000;
    return false;
}

bool sweep_rows(struct worker *w)
{
    bool did = false;

    for (size_t i = 0; i < SWEEP_TABLES; i++)
        did = step(w, &kinds[i], &w->core->sweeps.pass[i]) || did;
    return did;
}
