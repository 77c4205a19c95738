#include "vault/access_finding.h"

#include <string.h>

#include "vault/ceremony_people.h"
#include "vault/grant_life.h"
#include "vault/handle.h"
#include "vault/row.h"
#include "vault/sweep_people.h"

#define SOON_MS (30 * ROW_DAY_MS) /* what ends within this is told */

struct person { /* who is looked at */
    struct core *core;
    const struct user *user;
    uint64_t now;
};

struct firm {
    struct core *core;
    const struct partner *partner;
    uint64_t now;
};

static bool is_active(const struct person *p)
{
    return p->user->state == ROW_ACTIVE && p->user->once == USER_ONCE_NO;
}

static bool is_dormant(const struct person *p)
{
    uint64_t days = conf_u64(p->core->conf, CONF_DORMANT_DAYS);
    uint64_t last = sweep_people_last(p->core, p->user);
    bool counts = is_active(p) || (p->user->state == ROW_FROZEN && p->user->once == USER_ONCE_NO);

    return counts && days != 0 && p->now > last && p->now - last >= days * ROW_DAY_MS;
}

static bool is_never_used(const struct person *p)
{
    struct factor f;

    return is_active(p) &&
           (directory_factor(p->core->dir, p->user->id, &f) != HUFU_OK || f.login_ms == 0);
}

static bool is_frozen(const struct person *p)
{
    return p->user->state == ROW_FROZEN;
}

static bool is_expired(const struct person *p)
{
    return p->user->expires_ms != 0 && p->now >= p->user->expires_ms && p->user->state != ROW_LEFT;
}

static bool expires_soon(const struct person *p)
{
    return is_active(p) && p->user->expires_ms > p->now && p->user->expires_ms - p->now < SOON_MS;
}

static bool has_overdue_password(const struct person *p)
{
    uint64_t until = password_until(p->core, p->user);

    return is_active(p) && until != 0 && p->now >= until;
}

static bool is_open_ceremony(const struct person *p, const struct ceremony *c)
{
    return c->state == CEREMONY_PROPOSED && p->now < c->expires_ms;
}

/* Waits for an enrolment that nobody can second any more. */
static bool has_lapsed_enrolment(const struct person *p)
{
    struct ceremony c;

    if (p->user->state != ROW_PENDING)
        return false;
    for (size_t i = 0; directory_ceremony_at(p->core->dir, i, &c) == HUFU_OK; i++)
        if (is_open_ceremony(p, &c) && ceremony_people_is_about(p->core, &c, p->user))
            return false;
    return true;
}

static bool is_open_glass(const struct person *p)
{
    return p->user->once == USER_ONCE_OPENED || p->user->once == USER_ONCE_USED;
}

static bool is_among(const struct approval *approval, size_t count, uint32_t user_id)
{
    for (size_t i = 0; i < count; i++)
        if (approval[i].user_id == user_id)
            return true;
    return false;
}

static bool left_open_ceremony(const struct person *p)
{
    struct ceremony c;

    if (p->user->state != ROW_LEFT)
        return false;
    for (size_t i = 0; directory_ceremony_at(p->core->dir, i, &c) == HUFU_OK; i++)
        if (is_open_ceremony(p, &c) && is_among(c.approval, c.approval_count, p->user->id))
            return true;
    return false;
}

static bool left_open_grant(const struct person *p)
{
    uint8_t at[ID_LEN];
    struct grant g;

    if (p->user->state != ROW_LEFT)
        return false;
    grant_since(p->core, at);
    while (grant_next(p->core, at, sizeof(at), &g) == HUFU_OK) {
        memcpy(at, g.id, sizeof(at));
        grant_age(p->core, &g);
        if (grant_is_open(&g) &&
            (g.user_id == p->user->id || is_among(g.approval, g.approval_count, p->user->id)))
            return true;
    }
    return false;
}

static bool is_frozen_firm(const struct firm *f)
{
    return f->partner->state == ROW_FROZEN;
}

static bool has_ended_qualification(const struct firm *f)
{
    return f->partner->qualified_until_ms != 0 && f->now >= f->partner->qualified_until_ms;
}

static bool has_ending_qualification(const struct firm *f)
{
    return !has_ended_qualification(f) && f->partner->qualified_until_ms != 0 &&
           f->partner->qualified_until_ms - f->now < SOON_MS;
}

/* When the last of its certificates ends; 0: of one that is not known. */
static uint64_t last_pin_ms(const struct partner *p)
{
    uint64_t last = 0;

    for (size_t i = 0; i < p->pin_count; i++) {
        if (p->pin_until_ms[i] == 0)
            return 0;
        last = p->pin_until_ms[i] > last ? p->pin_until_ms[i] : last;
    }
    return last;
}

static bool has_ended_certificate(const struct firm *f)
{
    uint64_t last = last_pin_ms(f->partner);

    return last != 0 && f->now >= last;
}

static bool has_ending_certificate(const struct firm *f)
{
    uint64_t last = last_pin_ms(f->partner);

    return last > f->now && last - f->now < SOON_MS;
}

static bool has_no_domain(const struct firm *f)
{
    const struct domain *d;

    for (size_t i = 0; (d = directory_domain_at(f->core->dir, i)) != NULL; i++)
        if (domain_has_partner(d, f->partner->id))
            return false;
    return true;
}

static const struct {
    const char *name;
    bool (*holds)(const struct person *p);
} of_users[] = {
    { "break-glass-open", is_open_glass },
    { "dormant", is_dormant },
    { "enrolment-lapsed", has_lapsed_enrolment },
    { "expired", is_expired },
    { "expires-soon", expires_soon },
    { "frozen", is_frozen },
    { "left-with-open-ceremony", left_open_ceremony },
    { "left-with-open-grant", left_open_grant },
    { "never-used", is_never_used },
    { "password-overdue", has_overdue_password },
};

static const struct {
    const char *name;
    bool (*holds)(const struct firm *f);
} of_partners[] = {
    { "certificate-expired", has_ended_certificate },
    { "certificate-expires-soon", has_ending_certificate },
    { "frozen", is_frozen_firm },
    { "no-domain", has_no_domain },
    { "qualification-expired", has_ended_qualification },
    { "qualification-expires-soon", has_ending_qualification },
};

size_t access_finding_user(struct core *core, const struct user *user, struct json *j)
{
    const struct person p = { core, user, core_now(core) };
    size_t found = 0;

    for (size_t i = 0; i < sizeof(of_users) / sizeof(of_users[0]); i++) {
        if (!of_users[i].holds(&p))
            continue;
        json_str(j, of_users[i].name);
        found++;
    }
    return found;
}

size_t access_finding_partner(struct core *core, const struct partner *partner, struct json *j)
{
    const struct firm f = { core, partner, core_now(core) };
    size_t found = 0;

    for (size_t i = 0; i < sizeof(of_partners) / sizeof(of_partners[0]); i++) {
        if (!of_partners[i].holds(&f))
            continue;
        json_str(j, of_partners[i].name);
        found++;
    }
    return found;
}
