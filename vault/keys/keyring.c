#include "vault/keys/keyring.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct keyring {
    pthread_rwlock_t lock; /* guards the array; what it points to lives on */
    struct key **key;      /* sorted by domain, kind, version */
    size_t count, cap;
    uint32_t serials;
};

const char *key_state_name(unsigned state)
{
    static const char *const names[] = { "?",           "pre-active",  "active",
                                         "deactivated", "compromised", "destroyed" };

    return state < sizeof(names) / sizeof(names[0]) ? names[state] : "?";
}

const char *key_kind_name(unsigned kind)
{
    static const char *const names[] = { "?", "data", "index", "control", "log-id", "mac", "ff1" };

    return kind < sizeof(names) / sizeof(names[0]) ? names[kind] : "?";
}

enum hufu_err keyring_new(struct keyring **out)
{
    struct keyring *ring = calloc(1, sizeof(*ring));

    if (ring == NULL)
        return HUFU_NOMEM;
    pthread_rwlock_init(&ring->lock, NULL);
    *out = ring;
    return HUFU_OK;
}

void keyring_free(struct keyring *ring)
{
    if (ring == NULL)
        return;
    for (size_t i = 0; i < ring->count; i++) {
        secret_free(ring->key[i]->secret);
        free(ring->key[i]);
    }
    free(ring->key);
    pthread_rwlock_destroy(&ring->lock);
    free(ring);
}

static int order(const struct key *k, uint32_t domain, unsigned kind, uint32_t version)
{
    if (k->domain != domain)
        return k->domain < domain ? -1 : 1;
    if (k->kind != kind)
        return k->kind < kind ? -1 : 1;
    if (k->version != version)
        return k->version < version ? -1 : 1;
    return 0;
}

/* The first place whose key is not before the one asked for. */
static size_t place(const struct keyring *ring, uint32_t domain, unsigned kind, uint32_t version)
{
    size_t low = 0, high = ring->count;

    while (low < high) {
        size_t mid = low + (high - low) / 2;

        if (order(ring->key[mid], domain, kind, version) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static enum hufu_err make_room(struct keyring *ring)
{
    size_t cap = ring->cap == 0 ? 16 : 2 * ring->cap;
    struct key **wider;

    if (ring->count < ring->cap)
        return HUFU_OK;
    wider = realloc(ring->key, cap * sizeof(struct key *));
    if (wider == NULL)
        return HUFU_NOMEM;
    ring->key = wider;
    ring->cap = cap;
    return HUFU_OK;
}

enum hufu_err keyring_put(struct keyring *ring, struct key *key)
{
    enum hufu_err err;
    size_t at;

    pthread_rwlock_wrlock(&ring->lock);
    at = place(ring, key->domain, key->kind, key->version);
    err = at < ring->count && order(ring->key[at], key->domain, key->kind, key->version) == 0
              ? HUFU_CONFLICT
              : make_room(ring);
    if (err == HUFU_OK) {
        memmove(ring->key + at + 1, ring->key + at, (ring->count - at) * sizeof(struct key *));
        ring->key[at] = key;
        ring->count++;
        key->serial = ++ring->serials;
        atomic_init(&key->records, atomic_load(&key->state) == KEY_DESTROYED ? 0 : KEY_UNCOUNTED);
    }
    pthread_rwlock_unlock(&ring->lock);
    return err;
}

struct key *keyring_active(struct keyring *ring, uint32_t domain, enum key_kind kind)
{
    struct key *found = NULL;

    pthread_rwlock_rdlock(&ring->lock);
    for (size_t i = place(ring, domain, kind, 0); i < ring->count; i++) {
        struct key *k = ring->key[i];

        if (k->domain != domain || k->kind != kind)
            break;
        if (atomic_load(&k->state) == KEY_ACTIVE)
            found = k;
    }
    pthread_rwlock_unlock(&ring->lock);
    return found;
}

static struct key *find(struct keyring *ring, uint32_t domain, enum key_kind kind, uint32_t version)
{
    struct key *found = NULL;
    size_t at;

    pthread_rwlock_rdlock(&ring->lock);
    at = place(ring, domain, kind, version);
    if (at < ring->count && order(ring->key[at], domain, kind, version) == 0)
        found = ring->key[at];
    pthread_rwlock_unlock(&ring->lock);
    return found;
}

bool keyring_has(struct keyring *ring, uint32_t domain, enum key_kind kind, uint32_t version)
{
    return find(ring, domain, kind, version) != NULL;
}

struct key *keyring_find(struct keyring *ring, uint32_t domain, enum key_kind kind,
                         uint32_t version)
{
    struct key *key = find(ring, domain, kind, version);

    return key == NULL || atomic_load(&key->state) == KEY_DESTROYED ? NULL : key;
}

struct key *keyring_at(struct keyring *ring, size_t i)
{
    struct key *found = NULL;

    pthread_rwlock_rdlock(&ring->lock);
    if (i < ring->count)
        found = ring->key[i];
    pthread_rwlock_unlock(&ring->lock);
    return found;
}

static _Atomic uint32_t ends;

uint32_t key_ends(void)
{
    return atomic_load(&ends);
}

bool key_can_end(const struct key *key)
{
    return (key->kind == KEY_DATA || key->kind == KEY_INDEX || key->kind == KEY_FF1) &&
           atomic_load(&key->state) == KEY_DEACTIVATED;
}

void key_end(struct key *key)
{
    struct secret *secret = key->secret;

    atomic_store(&key->state, KEY_DESTROYED);
    key->secret = NULL;
    secret_free(secret);
    atomic_fetch_add(&ends, 1);
}

bool key_seals(const struct key *key)
{
    return key->kind == KEY_DATA || key->kind == KEY_CONTROL;
}

enum hufu_err key_count_seals(struct key *key, uint64_t count)
{
    uint64_t used = atomic_load_explicit(&key->used, memory_order_relaxed);

    do {
        uint64_t leased = atomic_load_explicit(&key->leased, memory_order_relaxed);

        if (used > leased || count > leased - used)
            return HUFU_EXHAUSTED;
    } while (!atomic_compare_exchange_weak(&key->used, &used, used + count));
    return HUFU_OK;
}

bool key_wants_lease(const struct key *key)
{
    uint64_t leased = atomic_load(&key->leased);

    return key_seals(key) && atomic_load(&key->state) == KEY_ACTIVE &&
           leased - atomic_load(&key->used) < KEY_LEASE / 2 && leased + KEY_LEASE <= KEY_SEALS_MAX;
}
