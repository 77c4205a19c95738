#include "vault/alarm_desk.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define DAYS_MAX     4096 /* principals and rules of one day … */
#define NETWORKS_MAX 1024 /* … of which networks, which are anyone's, take so many */
#define PROBES       16
#define NAME_MAX_LEN 48 /* a name, or an address */

const uint64_t alarm_times_ms[ALARM_TIMES] = { 100,   250,   500,    1000,    2500,      5000,
                                               10000, 60000, 300000, 3600000, UINT64_MAX };

struct taken {
    bool used;
    uint8_t rule, whose;
    char name[NAME_MAX_LEN];
    uint64_t day;
    const void *owner; /* the request that waits for its commit; NULL: kept */
};

struct alarm_days {
    pthread_mutex_t mu;
    struct taken taken[DAYS_MAX];
};

enum hufu_err alarms_new(const struct conf *conf, struct alarms **out)
{
    struct alarms *a = calloc(1, sizeof(*a));
    struct alarm_days *d = calloc(1, sizeof(*d));

    if (a == NULL || d == NULL) {
        free(a);
        free(d);
        return HUFU_NOMEM;
    }
    pthread_mutex_init(&d->mu, NULL);
    a->days = d;
    a->has_sink = conf_text(conf, CONF_ALARM_COMMAND)[0] != '\0' ||
                  conf_text(conf, CONF_ALARM_WEBHOOK)[0] != '\0';
    atomic_init(&a->fresh, true); /* what the last run left behind */
    *out = a;
    return HUFU_OK;
}

void alarms_free(struct alarms *a)
{
    if (a == NULL)
        return;
    pthread_mutex_destroy(&a->days->mu);
    free(a->days);
    free(a);
}

static size_t hash(const struct taken *t)
{
    size_t h = 1469598103934665603U + t->rule * 31U + t->whose;

    for (const char *p = t->name; *p != '\0'; p++)
        h = (h ^ (uint8_t)*p) * 1099511628211U;
    return h;
}

static bool is_same(const struct taken *a, const struct taken *b)
{
    return a->rule == b->rule && a->whose == b->whose && strcmp(a->name, b->name) == 0;
}

/* Its place, else one that is free or of an earlier day; NULL where all are taken. */
static struct taken *place_of(struct alarm_days *d, const struct taken *t)
{
    bool network = t->whose == ALARM_OF_NETWORK;
    size_t first = network ? 0 : NETWORKS_MAX, n = network ? NETWORKS_MAX : DAYS_MAX - NETWORKS_MAX;
    struct taken *spare = NULL;
    size_t h = hash(t);

    for (size_t i = 0; i < PROBES; i++) {
        struct taken *at = &d->taken[first + (h + i) % n];

        if (at->used && is_same(at, t))
            return at;
        if (spare == NULL && (!at->used || (at->owner == NULL && at->day < t->day)))
            spare = at;
    }
    return spare;
}

bool alarm_days_take(struct alarms *a, unsigned rule, enum alarm_whose whose, struct view name,
                     uint64_t day, const void *owner)
{
    struct taken t = {
        .used = true, .rule = (uint8_t)rule, .whose = (uint8_t)whose, .day = day, .owner = owner
    };
    struct taken *at;
    bool mine;

    if (name.len > 0)
        memcpy(t.name, name.p, name.len < sizeof(t.name) ? name.len : sizeof(t.name) - 1);
    pthread_mutex_lock(&a->days->mu);
    at = place_of(a->days, &t);
    if (at != NULL && at->used && is_same(at, &t) && (at->day == day || at->owner != NULL))
        mine = at->owner == owner;
    else
        mine = at != NULL;
    if (mine)
        *at = t;
    pthread_mutex_unlock(&a->days->mu);
    if (at == NULL)
        atomic_fetch_add(&a->not_told, 1);
    return mine;
}

void alarm_days_end(struct alarms *a, const void *owner, bool keep)
{
    pthread_mutex_lock(&a->days->mu);
    for (size_t i = 0; i < DAYS_MAX; i++) {
        struct taken *at = &a->days->taken[i];

        if (!at->used || at->owner != owner)
            continue;
        at->used = keep;
        at->owner = NULL;
    }
    pthread_mutex_unlock(&a->days->mu);
}

void alarm_took(struct alarms *a, uint64_t ms)
{
    size_t i = 0;

    while (ms > alarm_times_ms[i])
        i++;
    atomic_fetch_add(&a->took[i], 1);
    atomic_fetch_add(&a->took_ms, ms);
}
