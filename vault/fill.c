/* How full domains are: what is known of each, and reckoned of it once. */
#include "vault/fill_known.h"

#include <stdlib.h>

#include "vault/handle.h"
#include "vault/manage.h"

#define READY_MS 50

enum hufu_err fill_new(struct fill **out)
{
    struct fill *f = calloc(1, sizeof(*f));

    if (f == NULL)
        return HUFU_NOMEM;
    pthread_mutex_init(&f->mu, NULL);
    *out = f;
    return HUFU_OK;
}

void fill_free(struct fill *f)
{
    if (f == NULL)
        return;
    for (size_t i = 0; i < f->cap; i++)
        free(f->list[i]);
    free(f->list);
    free(f->due);
    free(f->walk.slot);
    free(f->walk.spare);
    pthread_mutex_destroy(&f->mu);
    free(f);
}

static struct fill_known *list_find(const struct fill *f, uint32_t id)
{
    return id < f->cap ? f->list[id] : NULL;
}

struct fill_known *fill_known_find(struct fill *f, uint32_t domain_id)
{
    struct fill_known *k;

    pthread_mutex_lock(&f->mu);
    k = list_find(f, domain_id);
    pthread_mutex_unlock(&f->mu);
    return k;
}

static struct fill_known *reckon(const struct domain *d)
{
    size_t kinds = format_kind_count(d->format);
    struct fill_known *k = calloc(1, sizeof(*k) + kinds * sizeof(k->tokens[0]));
    bool ample = true;

    if (k == NULL)
        return NULL;
    k->id = d->id;
    k->kinds = kinds;
    k->least = UINT64_MAX;
    for (size_t i = 0; i < kinds; i++) {
        struct format_capacity cap;

        manage_kind_capacity(d, i, &cap);
        k->tokens[i] = cap.tokens;
        k->least = cap.tokens < k->least ? cap.tokens : k->least;
        ample = ample && cap.tokens >= cap.originals;
    }
    k->one_bucket = d->mode != MODE_DETERMINISTIC || !ample;
    return k;
}

/* Room for the id: domains are numbered from 1 on, without gaps. */
static bool list_grow(struct fill *f, uint32_t id)
{
    size_t cap = 64 + 2 * (size_t)id;
    struct fill_known **list;

    if (id < f->cap)
        return true;
    list = realloc(f->list, cap * sizeof(*list));
    if (list == NULL)
        return false;
    for (size_t i = f->cap; i < cap; i++)
        list[i] = NULL;
    f->list = list;
    f->cap = cap;
    return true;
}

/* Adds it, or frees it where another thread has been faster; NULL without memory. */
static struct fill_known *list_add(struct fill *f, struct fill_known *mine)
{
    struct fill_known *k;

    pthread_mutex_lock(&f->mu);
    k = list_find(f, mine->id);
    if (k == NULL && list_grow(f, mine->id))
        k = f->list[mine->id] = mine;
    pthread_mutex_unlock(&f->mu);
    if (k != mine)
        free(mine);
    return k;
}

static struct fill_known *know(struct fill *f, const struct domain *d)
{
    struct fill_known *k = fill_known_find(f, d->id);

    if (k != NULL)
        return k;
    k = reckon(d);
    return k == NULL ? NULL : list_add(f, k);
}

bool fill_ready(struct core *core)
{
    uint64_t from = core_boot(core);
    const struct domain *d;

    for (size_t i = 0; (d = directory_domain_at(core->dir, i)) != NULL; i++) {
        if (fill_known_find(core->fill, d->id) != NULL)
            continue;
        if (core_boot(core) - from >= READY_MS)
            return false;
        (void)know(core->fill, d); /* without memory it is left out: rows must be swept */
    }
    return true;
}

unsigned fill_percent(uint64_t rows, uint64_t tokens)
{
    unsigned __int128 percent;

    if (tokens == 0 || tokens == UINT64_MAX)
        return 0;
    percent = (unsigned __int128)rows * 100 / tokens;
    return percent > UINT32_MAX ? UINT32_MAX : (unsigned)percent;
}

bool fill_is_at(uint64_t rows, uint64_t tokens, enum fill_level level)
{
    return tokens > 0 &&
           fill_percent(rows, tokens) >= (level == FILL_AT_HALF ? FILL_HALF : FILL_MOST);
}

static void state_make(struct core *core, const struct fill_known *k, struct fill_state *out)
{
    unsigned whole;

    *out = (struct fill_state){ .made = store_made(core->store, TABLE_TOKEN, k->id),
                                .capacity = k->least,
                                .one_bucket = k->one_bucket };
    pthread_mutex_lock(&core->fill->mu);
    out->fullest = k->fullest;
    pthread_mutex_unlock(&core->fill->mu);
    out->percent = fill_percent(out->fullest.rows, out->fullest.tokens);
    whole = k->one_bucket ? fill_percent(out->made, k->least) : 0;
    if (whole > out->percent)
        out->percent = whole;
}

enum hufu_err fill_find(struct core *core, const struct domain *d, struct fill_state *out)
{
    const struct fill_known *k = know(core->fill, d);

    if (k == NULL)
        return HUFU_NOMEM;
    state_make(core, k, out);
    return HUFU_OK;
}

bool fill_peek(struct core *core, const struct domain *d, struct fill_state *out)
{
    const struct fill_known *k = fill_known_find(core->fill, d->id);

    if (k != NULL)
        state_make(core, k, out);
    return k != NULL;
}

uint64_t fill_alarms(struct fill *f)
{
    return atomic_load(&f->alarms);
}
