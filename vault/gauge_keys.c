/* The part of /metrics about keys and the HSM. */
#include "vault/gauge.h"

static void label_key(struct core *core, const struct key *key, struct prom *p)
{
    const struct domain *d =
        key->domain == KEY_SYSTEM ? NULL : directory_domain_id(core->dir, key->domain);

    /* no domain can be called so */
    prom_label(p, "domain", d != NULL ? d->name : key->domain == KEY_SYSTEM ? "_system" : "_none");
    prom_label(p, "kind", key_kind_name(key->kind));
    prom_label_num(p, "version", key->version);
}

/* The i-th key, or NULL: past the end, or past what is shown. */
static struct key *key_at(struct core *core, size_t i)
{
    return i < GAUGE_KEYS_MAX ? keyring_at(core->ring, i) : NULL;
}

static void print_seals(struct core *core, struct prom *p)
{
    struct key *key;

    prom_family(p, "hufu_key_seals_used", PROM_GAUGE,
                "Seals under a key: made, or reserved by an earlier run.");
    for (size_t i = 0; (key = key_at(core, i)) != NULL; i++) {
        if (!key_seals(key))
            continue;
        label_key(core, key, p);
        prom_num(p, atomic_load(&key->used));
    }
    prom_family(p, "hufu_key_seals_leased", PROM_GAUGE, "Seals that the journal has reserved.");
    for (size_t i = 0; (key = key_at(core, i)) != NULL; i++) {
        if (!key_seals(key))
            continue;
        label_key(core, key, p);
        prom_num(p, atomic_load(&key->leased));
    }
    prom_gauge(p, "hufu_key_seals_limit", "Seals that a key may make at all.", KEY_SEALS_MAX);
}

static void print_ages(struct core *core, struct prom *p)
{
    uint64_t now = core_now(core);
    struct key *key;

    prom_family(p, "hufu_key_age_seconds", PROM_GAUGE, "Since a key was made; not of ended ones.");
    for (size_t i = 0; (key = key_at(core, i)) != NULL; i++) {
        if (atomic_load(&key->state) == KEY_DESTROYED)
            continue;
        label_key(core, key, p);
        prom_num(p, now > key->created_ms ? (now - key->created_ms) / 1000 : 0);
    }
}

static void print_hsm(struct hsm_numbers *n, struct prom *p)
{
    prom_gauge(p, "hufu_hsm_up", "Whether the last call met a token that is there.",
               atomic_load(&n->up));
    prom_counter(p, "hufu_hsm_links_total",
                 "Links to an hsm process since the core began: beyond the first, its restarts.",
                 atomic_load(&n->links));
    prom_family(p, "hufu_hsm_call_seconds", PROM_SUMMARY, "Calls to the hsm process by function.");
    for (size_t i = 0; i < HSM_CALL_COUNT; i++) {
        const char *name = hsm_call_name((uint16_t)(HSM_STATUS + i));

        prom_suffix(p, "_sum");
        prom_label(p, "function", name);
        prom_us(p, atomic_load(&n->call[i].us));
        prom_suffix(p, "_count");
        prom_label(p, "function", name);
        prom_num(p, atomic_load(&n->call[i].calls));
    }
    prom_family(p, "hufu_hsm_call_failures_total", PROM_COUNTER, "Of those, the failed ones.");
    for (size_t i = 0; i < HSM_CALL_COUNT; i++) {
        prom_label(p, "function", hsm_call_name((uint16_t)(HSM_STATUS + i)));
        prom_num(p, atomic_load(&n->call[i].failures));
    }
}

void gauge_keys(struct core *core, struct prom *p)
{
    print_seals(core, p);
    print_ages(core, p);
    print_hsm(&core->hsm->numbers, p);
}
