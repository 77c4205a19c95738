#include "vault/store/tail.h"

#include <stdlib.h>
#include <string.h>

#define META_KEY_MAX   512
#define META_VALUE_MAX 262144

static struct tail_chunk *chunk_new(size_t lines, size_t bytes, const struct tail_state *state)
{
    size_t nodes = tail_nodes_max(lines);
    struct tail_chunk *c = malloc(sizeof(*c) + lines * sizeof(c->end[0]));

    if (!c)
        return NULL;
    *c = (struct tail_chunk){ .first = state->log.size,
                              .line_cap = lines,
                              .byte_cap = bytes,
                              .node_cap = nodes,
                              .state = *state };
    atomic_init(&c->refs, 1);
    atomic_init(&c->next, NULL);
    atomic_init(&c->nodes, 0);
    c->node = malloc(nodes * sizeof(*c->node));
    c->bytes = malloc(bytes > 0 ? bytes : 1);
    if (c->node && c->bytes)
        return c;
    free(c->node);
    free(c->bytes);
    free(c);
    return NULL;
}

static struct tail_chunk *chunk_next(const struct tail_chunk *c)
{
    return atomic_load_explicit(&c->next, memory_order_acquire);
}

static void chunk_drop(struct tail_chunk *c)
{
    while (c && atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) == 1) {
        struct tail_chunk *next = chunk_next(c);

        free(c->node);
        free(c->bytes);
        free(c);
        c = next;
    }
}

static size_t chunk_used(const struct tail_chunk *c)
{
    return c->count > 0 ? c->end[c->count - 1] : 0;
}

static void meta_done(struct tail_meta *m)
{
    buf_done(&m->key);
    buf_done(&m->value);
}

enum hufu_err tail_init(struct tail *t, const struct tail_state *state)
{
    *t = (struct tail){ .state = *state, .first = state->log.size, .groups = state->groups };
    t->head = t->last = chunk_new(TAIL_CHUNK_LINES, TAIL_CHUNK_BYTES, state);
    if (!t->head)
        return HUFU_NOMEM;
    if (pthread_mutex_init(&t->mu, NULL) == 0)
        return HUFU_OK;
    chunk_drop(t->head);
    t->head = NULL;
    return HUFU_NOMEM;
}

void tail_done(struct tail *t)
{
    if (!t->head)
        return;
    chunk_drop(t->head);
    for (size_t i = 0; i < t->meta_count; i++)
        meta_done(&t->meta[i]);
    tail_unstage(t);
    pthread_mutex_destroy(&t->mu);
    *t = (struct tail){ 0 };
}

enum hufu_err tail_reserve(struct tail *t, size_t count, size_t bytes)
{
    struct tail_chunk *last = t->last, *next;

    if (count <= last->line_cap - last->count && bytes <= last->byte_cap - chunk_used(last))
        return HUFU_OK;
    next = chunk_new(count > TAIL_CHUNK_LINES ? count : TAIL_CHUNK_LINES,
                     bytes > TAIL_CHUNK_BYTES ? bytes : TAIL_CHUNK_BYTES, &t->state);
    if (!next)
        return HUFU_NOMEM;
    pthread_mutex_lock(&t->mu);
    atomic_store_explicit(&last->next, next, memory_order_release);
    t->last = next;
    pthread_mutex_unlock(&t->mu);
    return HUFU_OK;
}

static struct tail_meta *meta_find(struct tail_meta *in, size_t count, struct view key)
{
    for (size_t i = 0; i < count; i++)
        if (view_equal(buf_view(&in[i].key), key))
            return &in[i];
    return NULL;
}

/* Values only leave the tail while one is staged. */
static size_t metas_count(struct tail *t)
{
    size_t count;

    pthread_mutex_lock(&t->mu);
    count = t->meta_count;
    pthread_mutex_unlock(&t->mu);
    return count;
}

enum hufu_err tail_stage(struct tail *t, struct view key, struct view value)
{
    struct tail_meta put = { .group = t->state.groups }, *old;
    enum hufu_err err;

    buf_init(&put.key, META_KEY_MAX);
    buf_init(&put.value, META_VALUE_MAX);
    buf_put(&put.key, key.p, key.len);
    buf_put(&put.value, value.p, value.len);
    err = buf_check(&put.key) == HUFU_OK ? buf_check(&put.value) : HUFU_NOMEM;
    old = meta_find(t->staged, t->staged_count, key);
    if (err == HUFU_OK && !old && t->staged_count + metas_count(t) >= TAIL_META_MAX)
        err = HUFU_FULL;
    if (err != HUFU_OK) {
        meta_done(&put);
        return err;
    }
    if (old)
        meta_done(old);
    else
        old = &t->staged[t->staged_count++];
    *old = put;
    return HUFU_OK;
}

void tail_unstage(struct tail *t)
{
    while (t->staged_count > 0)
        meta_done(&t->staged[--t->staged_count]);
}

/* Under mu: the staged values take the places of older ones, which are left staged to be freed. */
static void staged_swap(struct tail *t)
{
    size_t left = 0;

    for (size_t i = 0; i < t->staged_count; i++) {
        struct tail_meta *old = meta_find(t->meta, t->meta_count, buf_view(&t->staged[i].key));
        struct tail_meta put = t->staged[i];

        if (old)
            t->staged[left++] = *old;
        else
            old = &t->meta[t->meta_count++];
        *old = put;
    }
    t->staged_count = left;
}

void tail_put(struct tail *t, const struct segment_group *g, const struct tail_state *state,
              const struct tail_node *node, size_t nodes)
{
    struct tail_chunk *c = t->last;
    size_t used = chunk_used(c), had = atomic_load(&c->nodes);

    if (g->lines.len > 0)
        memcpy(c->bytes + used, g->lines.p, g->lines.len);
    for (size_t i = 0; i < g->item_count; i++)
        c->end[c->count + i] = used + segment_item_at(g, i).line_end;
    for (size_t i = 0; i < nodes; i++)
        c->node[had + i] = node[i];
    pthread_mutex_lock(&t->mu);
    atomic_store_explicit(&c->nodes, had + nodes, memory_order_release);
    c->count += g->item_count;
    c->state = t->state = *state;
    staged_swap(t);
    pthread_mutex_unlock(&t->mu);
    tail_unstage(t);
}

enum hufu_err tail_meta_get(struct tail *t, struct view key, struct buf *out)
{
    enum hufu_err err = HUFU_NOT_FOUND;
    const struct tail_meta *m;

    pthread_mutex_lock(&t->mu);
    m = meta_find(t->meta, t->meta_count, key);
    if (m && m->value.len > out->max - out->len) {
        err = HUFU_RANGE;
    } else if (m) {
        buf_put(out, m->value.p, m->value.len);
        err = buf_check(out);
    }
    pthread_mutex_unlock(&t->mu);
    return err;
}

uint64_t tail_groups(struct tail *t)
{
    uint64_t groups;

    pthread_mutex_lock(&t->mu);
    groups = t->state.groups;
    pthread_mutex_unlock(&t->mu);
    return groups;
}

void tail_take(struct tail *t, struct tail_view *out)
{
    pthread_mutex_lock(&t->mu);
    atomic_fetch_add_explicit(&t->head->refs, 1, memory_order_relaxed);
    *out = (struct tail_view){ .head = t->head, .first = t->first, .size = t->state.log.size };
    pthread_mutex_unlock(&t->mu);
}

void tail_view_drop(struct tail_view *v)
{
    chunk_drop(v->head);
    *v = (struct tail_view){ 0 };
}

void tail_lines(const struct tail_view *v, uint64_t from, uint64_t to,
                bool (*each)(void *arg, uint64_t index, struct view line), void *arg)
{
    const struct tail_chunk *c = v->head, *next = chunk_next(c);

    for (uint64_t n = from; n < to; n++) {
        size_t at, begin;

        for (; next && n >= next->first; next = chunk_next(c))
            c = next;
        at = (size_t)(n - c->first);
        begin = at > 0 ? c->end[at - 1] : 0;
        if (!each(arg, n, view_of(c->bytes + begin, c->end[at] - begin)))
            return;
    }
}

enum hufu_err tail_nodes(const struct tail_view *v, uint64_t above, uint64_t size,
                         enum hufu_err (*each)(void *arg, const struct tail_node *node), void *arg)
{
    enum hufu_err err = HUFU_OK;

    for (const struct tail_chunk *c = v->head; c && c->first < size; c = chunk_next(c)) {
        size_t nodes = atomic_load_explicit(&c->nodes, memory_order_acquire);

        for (size_t i = 0; i < nodes && err == HUFU_OK; i++)
            if (c->node[i].size > above && c->node[i].size <= size)
                err = each(arg, &c->node[i]);
    }
    return err;
}

struct wanted {
    unsigned level;
    uint64_t n;
    struct merkle_hash *out;
};

static enum hufu_err node_is(void *arg, const struct tail_node *node)
{
    const struct wanted *w = arg;

    if (node->level != w->level || node->n != w->n)
        return HUFU_OK;
    *w->out = node->hash;
    return HUFU_CLOSED;
}

bool tail_node_find(const struct tail_view *v, unsigned level, uint64_t n, struct merkle_hash *out)
{
    struct wanted w = { level, n, out };

    return tail_nodes(v, 0, v->size, node_is, &w) == HUFU_CLOSED;
}

bool tail_due(struct tail *t, size_t bytes, bool all, struct tail_state *state_out)
{
    size_t sum = 0;
    bool due;

    pthread_mutex_lock(&t->mu);
    for (const struct tail_chunk *c = t->head; c; c = chunk_next(c)) {
        if (c->state.groups > t->groups)
            sum += chunk_used(c);
        if (sum >= bytes || !chunk_next(c)) {
            *state_out = c->state;
            break;
        }
    }
    due = state_out->groups > t->groups && (all || sum >= bytes);
    pthread_mutex_unlock(&t->mu);
    return due;
}

enum hufu_err tail_metas(struct tail *t, uint64_t groups,
                         enum hufu_err (*each)(void *arg, struct view key, struct view value),
                         void *arg)
{
    enum hufu_err err = HUFU_OK;

    pthread_mutex_lock(&t->mu);
    for (size_t i = 0; i < t->meta_count && err == HUFU_OK; i++)
        if (t->meta[i].group < groups)
            err = each(arg, buf_view(&t->meta[i].key), buf_view(&t->meta[i].value));
    pthread_mutex_unlock(&t->mu);
    return err;
}

static void metas_drop(struct tail *t, uint64_t groups)
{
    size_t left = 0;

    for (size_t i = 0; i < t->meta_count; i++) {
        if (t->meta[i].group < groups) {
            meta_done(&t->meta[i]);
        } else {
            t->meta[left++] = t->meta[i];
        }
    }
    t->meta_count = left;
}

void tail_drop(struct tail *t, uint64_t size, uint64_t groups)
{
    struct tail_chunk *old, *head;

    pthread_mutex_lock(&t->mu);
    old = head = t->head;
    while (chunk_next(head) && chunk_next(head)->first <= size)
        head = chunk_next(head);
    if (head != old)
        atomic_fetch_add_explicit(&head->refs, 1, memory_order_relaxed);
    t->head = head;
    t->first = size;
    t->groups = groups;
    metas_drop(t, groups);
    pthread_mutex_unlock(&t->mu);
    if (head != old)
        chunk_drop(old);
}
