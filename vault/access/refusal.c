#include "vault/access/refusal.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define WINDOWS   4096
#define WINDOW_MS 10000
#define PROBES    16
#define BURST_MS  1000

struct window {
    bool used;
    struct refusal counted; /* count: those without an entry of their own */
    uint64_t since_ms;      /* boot ms */
    uint64_t second_ms;     /* begin of the present second of a principal's burst */
    uint64_t in_second;
};

struct refusals {
    pthread_mutex_t mu;
    uint64_t per_s, watched;
    size_t cursor;
    struct window window[WINDOWS + 1]; /* the last is the common one */
};

enum hufu_err refusals_new(uint64_t per_s, struct refusals **out)
{
    struct refusals *r = calloc(1, sizeof(*r));

    if (r == NULL)
        return HUFU_NOMEM;
    pthread_mutex_init(&r->mu, NULL);
    r->per_s = per_s;
    r->watched = UINT64_MAX;
    *out = r;
    return HUFU_OK;
}

void refusals_watch(struct refusals *r, uint64_t all)
{
    pthread_mutex_lock(&r->mu);
    r->watched = all;
    pthread_mutex_unlock(&r->mu);
}

void refusals_free(struct refusals *r)
{
    if (r == NULL)
        return;
    pthread_mutex_destroy(&r->mu);
    free(r);
}

/* The network of an address: /24 of a mapped IPv4, /48 else. */
static void network(const uint8_t addr[static 16], uint8_t out[static 16])
{
    static const uint8_t mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };
    size_t keep = memcmp(addr, mapped, sizeof(mapped)) == 0 ? 15 : 6; /* not secret */

    memset(out, 0, 16);
    memcpy(out, addr, keep);
}

static bool is_same(const struct refusal *a, const struct refusal *b)
{
    return a->code == b->code && strcmp(a->principal, b->principal) == 0 &&
           memcmp(a->addr, b->addr, sizeof(a->addr)) == 0; /* not secret */
}

static size_t hash(const struct refusal *key)
{
    size_t h = 1469598103934665603U + key->code;

    for (size_t i = 0; i < sizeof(key->addr); i++)
        h = (h ^ key->addr[i]) * 1099511628211U;
    for (const char *p = key->principal; *p != '\0'; p++)
        h = (h ^ (uint8_t)*p) * 1099511628211U;
    return h;
}

/* The key's window, a free one, or the common one. */
static struct window *window_of(struct refusals *r, const struct refusal *key)
{
    struct window *spare = NULL;
    size_t h = hash(key);

    for (size_t i = 0; i < PROBES; i++) {
        struct window *w = &r->window[(h + i) % WINDOWS];

        if (w->used && is_same(&w->counted, key))
            return w;
        if (!w->used && spare == NULL)
            spare = w;
    }
    return spare != NULL ? spare : &r->window[WINDOWS];
}

static bool gets_entry(struct refusals *r, struct window *w, bool known, uint64_t boot_ms)
{
    if (boot_ms - w->second_ms >= BURST_MS) {
        w->second_ms = boot_ms;
        w->in_second = 0;
    }
    return known && ++w->in_second <= r->per_s;
}

bool refusals_note(struct refusals *r, struct view principal, const uint8_t addr[static 16],
                   enum hufu_err code, uint64_t boot_ms)
{
    struct refusal key = { .code = code };
    struct window *w;
    bool own;

    if (principal.len > 0 && principal.len < sizeof(key.principal))
        memcpy(key.principal, principal.p, principal.len);
    else
        network(addr, key.addr);
    pthread_mutex_lock(&r->mu);
    w = window_of(r, &key);
    if (w == &r->window[WINDOWS]) /* the common one is nobody's */
        key = (struct refusal){ .code = code };
    if (!w->used) {
        *w = (struct window){
            .used = true, .counted = key, .since_ms = boot_ms, .second_ms = boot_ms, .in_second = 1
        };
        own = w != &r->window[WINDOWS];
    } else {
        own = gets_entry(r, w, principal.len > 0, boot_ms);
    }
    w->counted.all++;
    if (!own)
        w->counted.count++;
    pthread_mutex_unlock(&r->mu);
    return own;
}

bool refusals_take(struct refusals *r, uint64_t boot_ms, struct refusal *out)
{
    bool found = false;

    pthread_mutex_lock(&r->mu);
    for (size_t n = 0; n <= WINDOWS && !found; n++) {
        struct window *w = &r->window[r->cursor];

        r->cursor = (r->cursor + 1) % (WINDOWS + 1);
        if (!w->used || boot_ms - w->since_ms < WINDOW_MS)
            continue;
        w->used = false;
        if (w->counted.count > 0 || w->counted.all >= r->watched) {
            *out = w->counted;
            found = true;
        }
    }
    pthread_mutex_unlock(&r->mu);
    return found;
}
