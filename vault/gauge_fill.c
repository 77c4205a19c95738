/* The part of /metrics about how full domains are, and which of them are told from originals. */
#include "vault/fill.h"
#include "vault/gauge.h"

static const char *check_name(uint8_t token_check)
{
    switch ((enum token_check)token_check) {
    case TOKEN_CHECK_FAIL:
        return "fail";
    case TOKEN_CHECK_NONE:
        return "none";
    case TOKEN_CHECK_BIN:
        return "bin";
    }
    return "?";
}

static const struct domain *domain_at(struct core *core, size_t i)
{
    return i < GAUGE_DOMAINS_MAX ? directory_domain_at(core->dir, i) : NULL;
}

static void print_info(struct core *core, struct prom *p)
{
    const struct domain *d;

    prom_family(p, "hufu_domain_info", PROM_GAUGE,
                "What a domain is: marked no means that nothing tells its tokens from originals.");
    for (size_t i = 0; (d = domain_at(core, i)) != NULL; i++) {
        prom_label(p, "domain", d->name);
        prom_label(p, "format", format_name(d->format));
        prom_label(p, "mode", domain_mode_name(d->mode));
        prom_label(p, "token_check", check_name(d->token_check));
        prom_label(p, "marked", format_is_marked(d->format) ? "yes" : "no");
        prom_num(p, 1);
    }
}

void gauge_fill(struct core *core, struct prom *p)
{
    const struct domain *d;
    struct fill_state fill;

    print_info(core, p);
    prom_family(p, "hufu_domain_mappings", PROM_GAUGE,
                "Mappings ever made, by domain: a token is never issued twice.");
    for (size_t i = 0; (d = domain_at(core, i)) != NULL; i++) {
        prom_label(p, "domain", d->name);
        prom_num(p, store_made(core->store, TABLE_TOKEN, d->id));
    }
    prom_family(p, "hufu_domain_fill_ratio", PROM_GAUGE,
                "Share of its tokens that is issued of the fullest bucket, in hundredths.");
    for (size_t i = 0; (d = domain_at(core, i)) != NULL; i++) {
        if (!fill_peek(core, d, &fill))
            continue;
        prom_label(p, "domain", d->name);
        prom_us(p, (uint64_t)fill.percent * 10000);
    }
    prom_counter(p, "hufu_capacity_alarms_total",
                 "Alarms about fill raised since the start; each is raised once for good.",
                 fill_alarms(core->fill));
}
