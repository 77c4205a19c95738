/* The part of /metrics about domains, partners, sessions and ceremonies. */
#include "vault/gauge.h"

#include <string.h>

#include "vault/grant_life.h"
#include "vault/manage.h"

#define KINDS_MAX 32

/* The i-th domain, or NULL: past the end, or past what is shown. */
static const struct domain *domain_at(struct core *core, size_t i)
{
    return i < GAUGE_DOMAINS_MAX ? directory_domain_at(core->dir, i) : NULL;
}

/* NULL for a domain that is not counted for itself. */
static struct tally *tally_of(struct core *core, const struct domain *d)
{
    return d->id < CORE_TALLIES ? &core->tally[d->id] : NULL;
}

static void put_tally(struct prom *p, const char *domain, uint64_t n)
{
    prom_label(p, "domain", domain);
    prom_num(p, n);
}

static void put_lookups(struct prom *p, const char *domain, struct tally *t)
{
    prom_label(p, "result", "hit");
    put_tally(p, domain, atomic_load(&t->lookup_hits));
    prom_label(p, "result", "miss");
    put_tally(p, domain, atomic_load(&t->lookup_misses));
}

static void print_tallies(struct core *core, struct prom *p)
{
    struct tally *rest = &core->tally[CORE_TALLIES];
    const struct domain *d;

    prom_family(p, "hufu_domain_tokens_created_total", PROM_COUNTER,
                "Mappings made since the start, by domain.");
    for (size_t i = 0; (d = domain_at(core, i)) != NULL; i++)
        if (tally_of(core, d) != NULL)
            put_tally(p, d->name, atomic_load(&tally_of(core, d)->created));
    put_tally(p, "_others", atomic_load(&rest->created));
    prom_family(p, "hufu_domain_values_revealed_total", PROM_COUNTER,
                "Clear values given since the start, by domain.");
    for (size_t i = 0; (d = domain_at(core, i)) != NULL; i++)
        if (tally_of(core, d) != NULL)
            put_tally(p, d->name, atomic_load(&tally_of(core, d)->revealed));
    put_tally(p, "_others", atomic_load(&rest->revealed));
}

/* Only answered ones: a partner that is refused for its share adds to neither. */
static void print_lookups(struct core *core, struct prom *p)
{
    const struct domain *d;

    prom_family(p, "hufu_lookups_total", PROM_COUNTER,
                "Look-ups of values answered since the start, by domain and result.");
    for (size_t i = 0; (d = domain_at(core, i)) != NULL; i++)
        if (tally_of(core, d) != NULL)
            put_lookups(p, d->name, tally_of(core, d));
    put_lookups(p, "_others", &core->tally[CORE_TALLIES]);
}

/* Reckoning costs up to some 100 ms and never changes: one domain a scrape, then it is known. */
static void print_capacity(struct core *core, struct prom *p)
{
    const struct domain *d;
    bool reckoned = false;

    prom_family(p, "hufu_domain_capacity", PROM_GAUGE,
                "Tokens of the smallest bucket of kept characters, by domain.");
    for (size_t i = 0; (d = domain_at(core, i)) != NULL; i++) {
        struct tally *t = tally_of(core, d);

        if (t == NULL)
            continue;
        if (atomic_load(&t->capacity) == 0 && !reckoned) {
            atomic_store(&t->capacity, manage_capacity(d));
            reckoned = true;
        }
        if (atomic_load(&t->capacity) != 0)
            put_tally(p, d->name, atomic_load(&t->capacity));
    }
}

static void print_partners(struct core *core, struct prom *p)
{
    const struct partner *partner;

    prom_family(p, "hufu_partner_qualification_expiry_timestamp_seconds", PROM_GAUGE,
                "End of a partner's qualification, in seconds since 1970, where one is recorded.");
    for (size_t i = 0;
         i < GAUGE_PARTNERS_MAX && (partner = directory_partner_at(core->dir, i)) != NULL; i++) {
        if (partner->qualified_until_ms == 0)
            continue;
        prom_label(p, "partner", partner->name);
        prom_num(p, partner->qualified_until_ms / 1000);
    }
}

static void print_sessions(struct core *core, struct prom *p)
{
    struct session s;
    uint64_t alive = 0;

    for (size_t i = 0; directory_session_at(core->dir, i, &s) == HUFU_OK; i++)
        alive += !session_is_over(core, &s);
    prom_gauge(p, "hufu_sessions", "Sessions of people that have not ended.", alive);
}

struct kind_sum { /* of the ceremonies of one kind */
    char kind[ROW_KIND_MAX + 1];
    uint64_t proposed, running, done, total;
};

static struct kind_sum *sum_of(struct kind_sum sum[static KINDS_MAX], const char *kind)
{
    for (size_t i = 0; i < KINDS_MAX; i++) {
        if (sum[i].kind[0] == '\0')
            memcpy(sum[i].kind, kind, sizeof(sum[i].kind));
        if (strcmp(sum[i].kind, kind) == 0)
            return &sum[i];
    }
    return NULL;
}

static void add_ceremony(struct core *core, struct kind_sum *sum, const struct ceremony *c)
{
    uint64_t done = c->done, total = c->total;

    sum->proposed += c->state == CEREMONY_PROPOSED && core_now(core) < c->expires_ms;
    if (c->state != CEREMONY_RUNNING)
        return;
    (void)progress_find(&core->progress, c->id, &done, &total);
    sum->running++;
    sum->done += done;
    sum->total += total;
}

static void put_kinds(const struct kind_sum sum[static KINDS_MAX], struct prom *p,
                      const char *state, size_t member)
{
    for (size_t i = 0; i < KINDS_MAX && sum[i].kind[0] != '\0'; i++) {
        uint64_t n;

        memcpy(&n, (const char *)&sum[i] + member, sizeof(n));
        prom_label(p, "kind", sum[i].kind);
        if (state != NULL)
            prom_label(p, "state", state);
        prom_num(p, n);
    }
}

static void print_ceremonies(struct core *core, struct prom *p)
{
    struct kind_sum sum[KINDS_MAX] = { 0 }, *one;
    struct ceremony c;

    for (size_t i = 0;
         i < GAUGE_CEREMONIES_MAX && directory_ceremony_at(core->dir, i, &c) == HUFU_OK; i++)
        if ((one = sum_of(sum, c.kind)) != NULL)
            add_ceremony(core, one, &c);
    prom_family(p, "hufu_ceremonies", PROM_GAUGE, "Ceremonies that have not ended, by kind.");
    put_kinds(sum, p, "proposed", offsetof(struct kind_sum, proposed));
    put_kinds(sum, p, "running", offsetof(struct kind_sum, running));
    prom_family(p, "hufu_ceremony_rows_done", PROM_GAUGE, "Of the running ones: rows done.");
    put_kinds(sum, p, NULL, offsetof(struct kind_sum, done));
    prom_family(p, "hufu_ceremony_rows", PROM_GAUGE, "Of the running ones: rows in all.");
    put_kinds(sum, p, NULL, offsetof(struct kind_sum, total));
}

static void print_grants(struct core *core, struct prom *p)
{
    uint64_t sum[GRANT_EXPIRED + 1] = { 0 };
    struct grant g;

    grant_since(core, g.id);
    for (size_t i = 0; i < GAUGE_GRANTS_MAX; i++) {
        if (grant_next(core, g.id, sizeof(g.id), &g) != HUFU_OK)
            break;
        grant_age(core, &g);
        sum[g.state]++;
    }
    prom_family(p, "hufu_grants", PROM_GAUGE, "Grants asked for in the last 31 days, by state.");
    for (unsigned state = GRANT_PROPOSED; state <= GRANT_EXPIRED; state++) {
        prom_label(p, "state", grant_state_name(state));
        prom_num(p, sum[state]);
    }
}

void gauge_people(struct core *core, struct prom *p)
{
    print_tallies(core, p);
    print_lookups(core, p);
    print_capacity(core, p);
    print_partners(core, p);
    print_sessions(core, p);
    print_ceremonies(core, p);
    print_grants(core, p);
}
