#include "vault/remnant.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "vault/base/secret.h"

#define SETS      64
#define WAYS      4 /* buckets of a set; the one not asked for longest goes */
#define LIST_MIN  16
#define LOOKED    2 /* of the list before each new candidate: it shrinks while it grows by one */
#define HALF_MAX  32
#define ROUNDS    6
#define GOLDEN    0x9e3779b97f4a7c15U
#define HASH_SEED 1469598103934665603U
#define HASH_STEP 1099511628211U

struct bucket {
    uint8_t name[REMNANT_NAME_MAX];
    size_t name_len; /* 0: nobody's */
    uint64_t hash, used;
    uint64_t count, cursor; /* candidates, and how many have been seen */
    uint64_t seed[2];
    uint64_t *list; /* a ring: seen, and free then */
    size_t first, len, size;
    bool has_lost; /* the list was full: after the last candidate comes the first */
};

struct remnants {
    pthread_mutex_t mu;
    uint64_t clock; /* of uses */
    struct bucket bucket[SETS][WAYS];
};

enum hufu_err remnants_new(struct remnants **out)
{
    struct remnants *r = calloc(1, sizeof(*r));

    if (r == NULL)
        return HUFU_NOMEM;
    pthread_mutex_init(&r->mu, NULL);
    *out = r;
    return HUFU_OK;
}

void remnants_free(struct remnants *r)
{
    if (r == NULL)
        return;
    for (size_t i = 0; i < SETS; i++)
        for (size_t k = 0; k < WAYS; k++)
            free(r->bucket[i][k].list);
    pthread_mutex_destroy(&r->mu);
    free(r);
}

void remnant_init(struct remnant *s, struct view name)
{
    assert(name.len > 0 && name.len <= sizeof(s->name));
    *s = (struct remnant){ .name_len = name.len, .hash = HASH_SEED };
    memcpy(s->name, name.p, name.len);
    for (size_t i = 0; i < name.len; i++)
        s->hash = (s->hash ^ name.p[i]) * HASH_STEP;
}

/* The finisher of splitmix64: every bit of x moves every bit of the answer. */
static uint64_t mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9U;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebU;
    return x ^ (x >> 31);
}

/* A Feistel network over the least power of two that is not below count, walked until it is below:
 * each number below count comes from exactly one. Mixed well, not sealed: tokens are no secret. */
static uint64_t shuffle(const struct bucket *b, uint64_t n)
{
    unsigned bits = b->count > 1 ? 64 - (unsigned)__builtin_clzll(b->count - 1) : 0;
    unsigned low = bits / 2;
    uint64_t left_mask = (UINT64_C(1) << (bits - low)) - 1, right_mask = (UINT64_C(1) << low) - 1;

    do {
        uint64_t left = n >> low, right = n & right_mask;

        for (uint64_t i = 0; i < ROUNDS; i += 2) {
            left ^= mix(right + b->seed[0] + i * GOLDEN) & left_mask;
            right ^= mix(left + b->seed[1] + (i + 1) * GOLDEN) & right_mask;
        }
        n = left << low | right;
    } while (n >= b->count);
    return n;
}

/* The bucket of that name, or NULL. */
static struct bucket *find(struct remnants *r, const struct remnant *s)
{
    struct bucket *set = r->bucket[s->hash % SETS];

    for (size_t i = 0; i < WAYS; i++)
        if (set[i].hash == s->hash && set[i].name_len == s->name_len &&
            bytes_equal(set[i].name, s->name, s->name_len)) {
            set[i].used = ++r->clock;
            return &set[i];
        }
    return NULL;
}

bool remnant_is_begun(struct remnants *r, const struct remnant *s)
{
    bool is;

    pthread_mutex_lock(&r->mu);
    is = find(r, s) != NULL;
    pthread_mutex_unlock(&r->mu);
    return is;
}

void remnant_begin(struct remnants *r, const struct remnant *s, uint64_t count,
                   const uint64_t seed[static 2])
{
    struct bucket *set = r->bucket[s->hash % SETS], *oldest = set;

    assert(count > 0);
    pthread_mutex_lock(&r->mu);
    if (find(r, s) == NULL) {
        for (size_t i = 1; i < WAYS; i++)
            if (set[i].used < oldest->used)
                oldest = &set[i];
        free(oldest->list);
        *oldest = (struct bucket){ .name_len = s->name_len,
                                   .hash = s->hash,
                                   .used = ++r->clock,
                                   .count = count,
                                   .seed = { seed[0], seed[1] } };
        memcpy(oldest->name, s->name, s->name_len);
    }
    pthread_mutex_unlock(&r->mu);
}

static uint64_t list_take(struct bucket *b)
{
    uint64_t n = b->list[b->first];

    b->first = (b->first + 1) % b->size;
    b->len--;
    return n;
}

static bool list_grow(struct bucket *b)
{
    size_t size = b->size == 0 ? LIST_MIN : 2 * b->size;
    uint64_t *list = size <= REMNANT_FREE_MAX ? calloc(size, sizeof(*list)) : NULL;

    if (list == NULL)
        return false;
    for (size_t i = 0; i < b->len; i++)
        list[i] = b->list[(b->first + i) % b->size];
    free(b->list);
    b->list = list;
    b->first = 0;
    b->size = size;
    return true;
}

static void list_put(struct bucket *b, uint64_t n)
{
    if (b->len == b->size && !list_grow(b)) {
        b->has_lost = true;
        return;
    }
    b->list[(b->first + b->len) % b->size] = n;
    b->len++;
}

/* A little of the list, then one more candidate; behind the last one, all that is in the list. */
static bool next_of(struct bucket *b, struct remnant *s)
{
    if (b->cursor == b->count && !s->at_end) {
        s->at_end = true;
        s->left = b->len;
    }
    if (b->len > 0 && (s->at_end ? s->left > 0 : s->looked < LOOKED)) {
        s->left -= s->at_end;
        s->looked++;
        s->n = list_take(b);
        return true;
    }
    if (b->cursor == b->count && b->has_lost) { /* what the list had lost is found once more */
        b->has_lost = false;
        b->cursor = 0;
        b->len = 0;
    }
    if (b->cursor == b->count)
        return false;
    s->at_end = false;
    s->n = shuffle(b, b->cursor++);
    return true;
}

bool remnant_next(struct remnants *r, struct remnant *s)
{
    struct bucket *b;
    bool is;

    pthread_mutex_lock(&r->mu);
    b = find(r, s);
    is = b != NULL && next_of(b, s);
    pthread_mutex_unlock(&r->mu);
    return is;
}

void remnant_settle(struct remnants *r, const struct remnant *s, bool is_taken)
{
    struct bucket *b;

    if (is_taken)
        return;
    pthread_mutex_lock(&r->mu);
    b = find(r, s);
    if (b != NULL)
        list_put(b, s->n);
    pthread_mutex_unlock(&r->mu);
}
