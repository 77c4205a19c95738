/* The sweeper's walk over the tokens, seen from the buckets: how many each has. */
#include "vault/fill_known.h"

#include <stdlib.h>
#include <string.h>

#include "vault/handle.h"

#define SLOTS     65536 /* a power of two */
#define SLOTS_TOO (SLOTS / 4 * 3)
#define DOMAIN_AT 1 /* offset in a token's key */
#define TOKEN_AT  5

void fill_begin(struct fill *f)
{
    f->walk.on = true;
    f->walk.known = NULL;
    f->walk.domain_id = 0;
}

void fill_spoil(struct fill *f)
{
    f->walk.on = false;
}

static void due_add(struct fill *f, enum fill_level level, const struct fill_bucket *bucket)
{
    if (f->due_count == f->due_cap) {
        size_t cap = f->due_cap == 0 ? 64 : 2 * f->due_cap;
        struct fill_due *due = realloc(f->due, cap * sizeof(*due));

        if (due == NULL)
            return; /* the next walk finds it */
        f->due = due;
        f->due_cap = cap;
    }
    f->due[f->due_count++] = (struct fill_due){ f->walk.known, level, *bucket };
}

/* a is fuller than b. */
static bool is_fuller(const struct fill_bucket *a, const struct fill_bucket *b)
{
    return b->rows == 0 ||
           (unsigned __int128)a->rows * b->tokens > (unsigned __int128)b->rows * a->tokens;
}

/* The domain's last key has been seen. */
static void domain_close(struct fill *f)
{
    struct fill_walk *walk = &f->walk;
    struct fill_bucket fullest = { 0 };

    if (walk->known == NULL)
        return;
    for (size_t i = 0; walk->used > 0 && i < SLOTS; i++) {
        const struct fill_slot *s = &walk->slot[i];
        struct fill_bucket one = { s->id, s->kind, s->rows, walk->known->tokens[s->kind] };

        if (s->id == 0)
            continue;
        if (is_fuller(&one, &fullest))
            fullest = one;
        for (enum fill_level level = FILL_AT_HALF; level < FILL_LEVELS; level++)
            if (fill_is_at(one.rows, one.tokens, level))
                due_add(f, level, &one);
    }
    pthread_mutex_lock(&f->mu);
    walk->known->fullest = fullest;
    pthread_mutex_unlock(&f->mu);
    walk->known = NULL;
}

static bool slots_make(struct fill_walk *walk)
{
    if (walk->slot == NULL)
        walk->slot = calloc(SLOTS, sizeof(*walk->slot));
    if (walk->spare == NULL)
        walk->spare = calloc(SLOTS, sizeof(*walk->spare));
    return walk->slot != NULL && walk->spare != NULL;
}

/* A bucket of the kind may be half full: the domain has that many mappings. */
static bool may_fill(const struct fill_known *k, size_t kind, uint64_t made)
{
    return k->tokens[kind] / 2 <= made;
}

static void domain_open(struct core *core, uint32_t id)
{
    struct fill_walk *walk = &core->fill->walk;
    struct fill_known *k = fill_known_find(core->fill, id);
    uint64_t made = store_made(core->store, TABLE_TOKEN, id);

    walk->domain_id = id;
    walk->domain = directory_domain_id(core->dir, id);
    if (k == NULL || walk->domain == NULL)
        return;
    for (size_t kind = 0; kind < k->kinds; kind++) {
        if (!may_fill(k, kind, made))
            continue;
        if (!slots_make(walk))
            return;
        memset(walk->slot, 0, SLOTS * sizeof(*walk->slot));
        walk->used = 0;
        walk->known = k;
        return;
    }
}

/* FNV-1a, the same after a restart: an alarm is known by it. */
static uint64_t digest(struct view bytes)
{
    uint64_t h = 0xcbf29ce484222325u;

    for (size_t i = 0; i < bytes.len; i++)
        h = (h ^ bytes.p[i]) * 0x100000001b3u;
    return h == 0 ? 1 : h;
}

static struct fill_slot *slot_of(struct fill_slot *slot, uint64_t id)
{
    size_t i = (size_t)(id ^ id >> 32) & (SLOTS - 1);

    while (slot[i].id != 0 && slot[i].id != id)
        i = (i + 1) & (SLOTS - 1);
    return &slot[i];
}

static size_t count_below(const struct fill_slot *slot, uint64_t rows)
{
    size_t n = 0;

    for (size_t i = 0; i < SLOTS; i++)
        n += slot[i].id != 0 && slot[i].rows <= rows;
    return n;
}

/* Drops the half of the buckets that has the fewest rows. */
static void slots_thin(struct fill_walk *walk)
{
    struct fill_slot *from = walk->slot;
    size_t left = walk->used / 2;
    uint64_t most = 1;

    while (count_below(from, most) < left)
        most *= 2;
    memset(walk->spare, 0, SLOTS * sizeof(*walk->spare));
    walk->slot = walk->spare;
    walk->spare = from;
    walk->used = 0;
    for (size_t i = 0; i < SLOTS; i++) {
        if (from[i].id != 0 && from[i].rows <= most && left > 0) {
            left--;
        } else if (from[i].id != 0) {
            *slot_of(walk->slot, from[i].id) = from[i];
            walk->used++;
        }
    }
}

static void bucket_see(struct fill_walk *walk, struct view token, size_t kind)
{
    uint8_t mem[FORMAT_VALUE_MAX + 8];
    struct fill_slot *s;
    struct buf b;

    buf_fixed(&b, mem, sizeof(mem));
    format_bucket(walk->domain->format, walk->domain->keep, token, &b);
    if (walk->used == SLOTS_TOO)
        slots_thin(walk);
    s = slot_of(walk->slot, digest(buf_view(&b)));
    if (s->id == 0) {
        *s = (struct fill_slot){ .id = digest(buf_view(&b)), .kind = kind };
        walk->used++;
    }
    s->rows++;
}

void fill_see(struct core *core, struct view key)
{
    struct fill_walk *walk = &core->fill->walk;
    struct view token;
    struct reader r;
    uint32_t id;
    size_t kind;

    if (!walk->on || key.len <= TOKEN_AT)
        return;
    reader_init(&r, key.p + DOMAIN_AT, TOKEN_AT - DOMAIN_AT);
    id = reader_be32(&r);
    if (id != walk->domain_id) {
        domain_close(core->fill);
        domain_open(core, id);
    }
    if (walk->known == NULL)
        return;
    token = view_of(key.p + TOKEN_AT, key.len - TOKEN_AT);
    kind = format_kind(walk->domain->format, token);
    if (kind < walk->known->kinds && walk->known->tokens[kind] != UINT64_MAX)
        bucket_see(walk, token, kind);
}

void fill_end(struct fill *f)
{
    if (!f->walk.on)
        return;
    domain_close(f);
    f->walk.on = false;
}
