#include "vault/reveal_watch.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define BUCKETS     256
#define NEAR        16
#define HIDDEN_MANY 6 /* characters: among 10^6 tokens neighbours hardly come by chance */

struct asked {
    uint32_t domain_id;
    bool near; /* to another of the last ones */
    size_t len;
    uint8_t token[FORMAT_TOKEN_MAX];
};

struct person { /* a ring */
    struct person *next;
    uint32_t user_id;
    size_t count, at; /* how many there are; the place of the next */
    struct asked last[REVEAL_WATCH_LAST];
};

struct reveal_watch {
    pthread_mutex_t mu; /* guards everything */
    struct person *bucket[BUCKETS];
};

enum hufu_err reveal_watch_new(struct reveal_watch **out)
{
    struct reveal_watch *rw = calloc(1, sizeof(*rw));

    if (rw == NULL)
        return HUFU_NOMEM;
    pthread_mutex_init(&rw->mu, NULL);
    *out = rw;
    return HUFU_OK;
}

void reveal_watch_free(struct reveal_watch *rw)
{
    if (rw == NULL)
        return;
    for (size_t i = 0; i < BUCKETS; i++) {
        while (rw->bucket[i] != NULL) {
            struct person *p = rw->bucket[i];

            rw->bucket[i] = p->next;
            free(p);
        }
    }
    pthread_mutex_destroy(&rw->mu);
    free(rw);
}

/* 0..9 of a digit, 10..35 of a letter; -1 of anything else. */
static int place_of(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'A' && c <= 'Z')
        return c - 'A' + 10;
    return c >= 'a' && c <= 'z' ? c - 'a' + 10 : -1;
}

static bool is_digits(struct view v)
{
    for (size_t i = 0; i < v.len; i++)
        if (v.p[i] < '0' || v.p[i] > '9')
            return false;
    return true;
}

/* The larger number minus the smaller one, or anything above `most`: long ones never overflow. */
static uint64_t distance(struct view a, struct view b, uint64_t most)
{
    int64_t base = is_digits(a) && is_digits(b) ? 10 : 36, diff = 0, bound = (int64_t)most + 1;

    for (size_t i = 0; i < a.len; i++) {
        int x = place_of(a.p[i]), y = place_of(b.p[i]);

        if (x < 0 || y < 0)
            return UINT64_MAX;
        /* What is off by more than the rest can make good stays beyond the bound. */
        diff = diff * base + (x - y);
        if (diff > bound + 1 || diff < -bound - 1)
            return UINT64_MAX;
    }
    return (uint64_t)(diff < 0 ? -diff : diff);
}

bool reveal_watch_is_near(struct view a, struct view b, size_t hidden)
{
    uint64_t most = hidden >= HIDDEN_MANY ? NEAR : 1;
    size_t from = 0, to = a.len;

    if (a.len != b.len)
        return false;
    while (from < to && a.p[from] == b.p[from])
        from++;
    while (to > from && a.p[to - 1] == b.p[to - 1])
        to--;
    return from < to &&
           distance(view_of(a.p + from, to - from), view_of(b.p + from, to - from), most) <= most;
}

static struct person *person_of(struct reveal_watch *rw, uint32_t user_id)
{
    struct person **head = &rw->bucket[user_id % BUCKETS], *p;

    for (p = *head; p != NULL; p = p->next)
        if (p->user_id == user_id)
            return p;
    p = calloc(1, sizeof(*p));
    if (p == NULL)
        return NULL;
    p->user_id = user_id;
    p->next = *head;
    *head = p;
    return p;
}

/* Marks those of the last ones that lie next to the token; false where it is one of them. */
static bool compare(struct person *p, const struct reveal_ask *ask, bool *near_out)
{
    for (size_t i = 0; i < p->count; i++) {
        struct asked *a = &p->last[i];

        if (a->domain_id == ask->domain_id && view_equal(view_of(a->token, a->len), ask->token))
            return false;
    }
    for (size_t i = 0; i < p->count; i++) {
        struct asked *a = &p->last[i];

        if (a->domain_id == ask->domain_id &&
            reveal_watch_is_near(view_of(a->token, a->len), ask->token, ask->hidden))
            a->near = *near_out = true;
    }
    return true;
}

static void put(struct person *p, const struct reveal_ask *ask, bool near)
{
    struct asked *a = &p->last[p->at];

    *a = (struct asked){ .domain_id = ask->domain_id, .near = near, .len = ask->token.len };
    memcpy(a->token, ask->token.p, ask->token.len);
    p->at = (p->at + 1) % REVEAL_WATCH_LAST;
    if (p->count < REVEAL_WATCH_LAST)
        p->count++;
}

static bool is_probing(const struct person *p, uint64_t most)
{
    uint64_t near = 0;

    for (size_t i = 0; i < p->count; i++)
        near += p->last[i].near;
    return near >= most;
}

enum hufu_err reveal_watch_note(struct reveal_watch *rw, const struct reveal_ask *ask,
                                uint64_t most)
{
    enum hufu_err err = HUFU_OK;
    struct person *p;
    bool near = false;

    if (most >= REVEAL_WATCH_OFF || ask->token.len > FORMAT_TOKEN_MAX)
        return HUFU_OK;
    pthread_mutex_lock(&rw->mu);
    p = person_of(rw, ask->user_id);
    if (p == NULL) {
        err = HUFU_NOMEM;
    } else if (compare(p, ask, &near)) {
        put(p, ask, near);
        if (is_probing(p, most)) {
            p->count = p->at = 0;
            err = HUFU_LIMIT;
        }
    }
    pthread_mutex_unlock(&rw->mu);
    return err;
}
