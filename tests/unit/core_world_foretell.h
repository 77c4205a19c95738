/*
 * core_world_foretell.h - what a worker must decide on the model's present state.
 *
 * Layer:   tests. Includes tests/unit/core_world.h.
 * Threads: one.
 * Source:  contract.md sections 2 and 3.
 */
#ifndef HUFU_TESTS_CORE_WORLD_FORETELL_H
#define HUFU_TESTS_CORE_WORLD_FORETELL_H

#include "tests/unit/core_world.h"
#include "vault/keylist.h"

static inline enum hufu_err foretell_admit(struct world *w, struct flight *f)
{
    uint64_t now = w->rig.clock.now, boot = w->rig.clock.boot;
    const struct verb *rule = verbs_find(f->verb);
    struct ses *s;

    if (atomic_load(&w->rig.core.phase) != CORE_OPEN)
        return HUFU_SEALED;
    if (f->partner != NONE && w->partner_frozen[f->partner] &&
        (f->verb == VERB_TOKENIZE || f->verb == VERB_REPLACE))
        return HUFU_FORBIDDEN;
    if (f->session == NONE)
        return HUFU_OK;
    s = &w->ses[f->session];
    if (!s->alive || now >= s->expires_ms || boot - s->used_boot >= IDLE_MS)
        return HUFU_UNAUTHENTICATED;
    s->used_boot = boot;
    f->factor = s->factor;
    return rule->factor == FACTOR_FRESH && now - s->factor_ms >= FRESH_MS ? HUFU_STEP_UP : HUFU_OK;
}

static inline enum hufu_err foretell_domain(const struct world *w, const struct flight *f)
{
    if (!w->domain_there[f->domain])
        return HUFU_FORBIDDEN;
    return f->partner == NONE || world_domain_has(f->domain, f->partner) ? HUFU_OK : HUFU_FORBIDDEN;
}

static inline enum hufu_err foretell_value(const struct world *w, const struct flight *f,
                                           const struct item *it)
{
    size_t t;

    if (it->value == NONE)
        return token_find_text(w, f->domain, it->text) == NONE ? HUFU_INVALID_VALUE
                                                               : HUFU_ALREADY_TOKEN;
    if (!is_deterministic(f->domain))
        return HUFU_OK;
    t = newest(w, f->domain, it->value);
    return t != NONE && w->tok[t].state == RECORD_SUSPENDED && !is_over(&w->tok[t], f->now_ms)
               ? HUFU_TOKEN_SUSPENDED
               : HUFU_OK;
}

static inline enum hufu_err foretell_tokenize(struct world *w, struct flight *f)
{
    enum hufu_err err = foretell_domain(w, f);

    if (err == HUFU_OK && (w->domain_frozen[f->domain] || w->partner_frozen[f->partner]))
        err = HUFU_FORBIDDEN;
    for (size_t i = 0; i < f->items && err == HUFU_OK; i++) {
        f->item[i].want = foretell_value(w, f, &f->item[i]);
        if (!f->batch)
            err = f->item[i].want;
    }
    return err;
}

static inline enum hufu_err foretell_lookup(struct world *w, struct flight *f)
{
    enum hufu_err err = foretell_domain(w, f);
    size_t t;

    if (err != HUFU_OK)
        return err;
    if (!is_deterministic(f->domain))
        return HUFU_UNSUPPORTED_MODE;
    t = newest(w, f->domain, f->item[0].value);
    return t != NONE && w->tok[t].state == RECORD_ACTIVE && !is_over(&w->tok[t], f->now_ms) &&
                   w->tok[t].sent[f->partner]
               ? HUFU_OK
               : HUFU_NOT_FOUND;
}

/* Where the token is there and the caller's; else NULL. */
static inline struct tok *foretell_token(struct world *w, const struct flight *f)
{
    size_t t = token_find_text(w, f->domain, f->item[0].text);

    if (t == NONE || (f->partner != NONE && !w->tok[t].sent[f->partner]))
        return NULL;
    return &w->tok[t];
}

static inline uint8_t lifecycle_to(uint16_t verb)
{
    switch (verb) {
    case VERB_SUSPEND:
        return RECORD_SUSPENDED;
    case VERB_RESUME:
        return RECORD_ACTIVE;
    case VERB_REVOKE:
        return RECORD_REVOKED;
    default:
        return RECORD_DELETED;
    }
}

static inline enum hufu_err foretell_on_token(struct world *w, struct flight *f)
{
    enum hufu_err err = foretell_domain(w, f);
    struct tok *t;
    struct tok after;

    if (err != HUFU_OK)
        return err;
    t = foretell_token(w, f);
    if (t == NULL)
        return HUFU_NOT_FOUND;
    after = *t;
    if (f->verb != VERB_INSPECT) {
        bool ended = t->state == RECORD_REVOKED || t->state == RECORD_DELETED;

        after.state = lifecycle_to(f->verb);
        if (ended ? after.state != t->state
                  : is_over(t, f->now_ms) && after.state != RECORD_REVOKED &&
                        after.state != RECORD_DELETED)
            return HUFU_CONFLICT;
    }
    f->state_name = state_name(&after, f->now_ms);
    return HUFU_OK;
}

static inline enum hufu_err foretell_replace(struct world *w, struct flight *f)
{
    enum hufu_err err = foretell_domain(w, f);
    const struct tok *t;
    size_t other;

    f->is_new = f->is_taken = false;
    if (err == HUFU_OK && (w->domain_frozen[f->domain] || w->partner_frozen[f->partner]))
        err = HUFU_FORBIDDEN;
    if (err == HUFU_OK && !fits(f))
        err = HUFU_INVALID_VALUE;
    if (err != HUFU_OK)
        return err;
    t = foretell_token(w, f);
    if (t == NULL)
        return HUFU_NOT_FOUND;
    if (t->state != RECORD_ACTIVE || is_over(t, f->now_ms))
        return HUFU_CONFLICT;
    f->is_new = t->value != f->item[0].value;
    if (!f->is_new || !is_deterministic(f->domain))
        return HUFU_OK;
    MUST(w, &w->tok[newest(w, f->domain, t->value)] == t);
    other = newest(w, f->domain, f->item[0].value);
    f->is_taken = other != NONE && w->tok[other].state <= RECORD_SUSPENDED &&
                  !is_over(&w->tok[other], f->now_ms);
    return f->is_taken ? HUFU_CONFLICT : HUFU_OK;
}

/* How often this token is revealed by earlier items of the same request. */
static inline uint32_t uses_before(const struct flight *f, size_t item)
{
    uint32_t n = 0;

    for (size_t i = 0; i < item; i++)
        n += f->item[i].want == HUFU_OK && strcmp(f->item[i].text, f->item[item].text) == 0;
    return n;
}

static inline enum hufu_err foretell_reveal(const struct world *w, const struct flight *f, size_t i)
{
    size_t t;

    if (f->item[i].value != NONE)
        return HUFU_NOT_TOKEN;
    t = token_find_text(w, f->domain, f->item[i].text);
    if (t == NONE || w->tok[t].state != RECORD_ACTIVE || is_over(&w->tok[t], f->now_ms))
        return HUFU_NOT_FOUND;
    return w->tok[t].uses > 0 && uses_before(f, i) >= w->tok[t].uses ? HUFU_NOT_FOUND : HUFU_OK;
}

static inline enum hufu_err foretell_detokenize(struct world *w, struct flight *f)
{
    enum hufu_err err = foretell_domain(w, f);

    for (size_t i = 0; i < f->items && err == HUFU_OK; i++) {
        f->item[i].want = foretell_reveal(w, f, i);
        if (!f->batch && f->item[i].want == HUFU_NOT_TOKEN)
            return HUFU_NOT_TOKEN; /* of form: comes before the signature's age is looked at */
    }
    if (err == HUFU_OK && !signer_is_fresh(w->rig.core.signer))
        return HUFU_UNAVAILABLE;
    return err == HUFU_OK && !f->batch ? f->item[0].want : err;
}

/* Both factors are looked at. How failures hold a person back has tests of its own: here somebody
 * who has failed three times may be held back, and nobody is ever let in with less than both. */
static inline enum hufu_err foretell_factor(struct world *w, struct flight *f)
{
    const struct person *p = &w->person[f->person];
    uint64_t now_step = f->now_ms / 30000;
    bool right = (f->step == now_step || f->step + 1 == now_step) && f->step > p->last_step &&
                 f->password_right;

    f->judges_factor = true;
    return right ? HUFU_OK : HUFU_UNAUTHENTICATED;
}

/* Whether there is such a key, and one that may end, is asked of the ring. */
static inline enum hufu_err foretell_destroy(struct world *w, const struct flight *f)
{
    const struct key *key;

    if (f->kind != DESTROY)
        return HUFU_OK;
    key = keylist_find(&w->rig.core, view_str(f->subject));
    if (key == NULL)
        return HUFU_NOT_FOUND;
    return key_can_end(key) ? HUFU_OK : HUFU_CONFLICT;
}

static inline enum hufu_err foretell_ceremony(struct world *w, struct flight *f)
{
    struct cer *c = f->ceremony == NONE ? NULL : &w->cer[f->ceremony];
    bool open;

    if (f->verb == VERB_CEREMONY_PROPOSE) {
        enum hufu_err err = foretell_destroy(w, f);

        for (size_t i = 0; i < w->ceremonies && err == HUFU_OK; i++)
            if (w->cer[i].kind == f->kind && strcmp(w->cer[i].subject, f->subject) == 0 &&
                (w->cer[i].state == CEREMONY_RUNNING ||
                 (w->cer[i].state == CEREMONY_PROPOSED && f->now_ms < w->cer[i].expires_ms)))
                err = HUFU_CONFLICT;
        return err;
    }
    open = c->state == CEREMONY_PROPOSED && f->now_ms < c->expires_ms;
    if (f->verb == VERB_CEREMONY_APPROVE && c->agreed[f->person])
        return HUFU_ALREADY_APPROVED;
    return open ? HUFU_OK : HUFU_CONFLICT;
}

static inline enum hufu_err foretell_verb(struct world *w, struct flight *f)
{
    switch (f->verb) {
    case VERB_TOKENIZE:
        return foretell_tokenize(w, f);
    case VERB_LOOKUP:
        return foretell_lookup(w, f);
    case VERB_INSPECT:
    case VERB_SUSPEND:
    case VERB_RESUME:
    case VERB_REVOKE:
    case VERB_DELETE:
        return foretell_on_token(w, f);
    case VERB_REPLACE:
        return foretell_replace(w, f);
    case VERB_DETOKENIZE:
        return foretell_detokenize(w, f);
    case VERB_LOGIN:
    case VERB_STEP_UP:
        return foretell_factor(w, f);
    case VERB_CEREMONY_PROPOSE:
    case VERB_CEREMONY_APPROVE:
    case VERB_CEREMONY_CANCEL:
        return foretell_ceremony(w, f);
    case VERB_DOMAIN_ADD:
        return w->domain_there[f->domain] ? HUFU_CONFLICT : HUFU_OK;
    default:
        return HUFU_OK;
    }
}

/* A limit was passed at the last try: was it? One try counts at most its items, and what was known
 * passes only while there is room for one more guess. */
static inline void limit_check(struct world *w, const struct flight *f, size_t factor)
{
    bool full = false;

    if (f->verb == VERB_DETOKENIZE)
        full = w->reveals[factor] + f->items > REVEALS;
    for (size_t i = 0; i < f->items && f->verb != VERB_DETOKENIZE; i++)
        full = full || (f->item[i].value != NONE &&
                        w->guesses[f->partner][f->domain][bucket_of(f->domain, f->item[i].value)] +
                                f->items >=
                            guesses_most(f->domain));
    MUST(w, full);
}

/* Called just before the worker takes the request. */
static inline void foretell(struct world *w, struct flight *f, const struct request *req)
{
    size_t factor = f->factor;
    const struct idem *kept = f->idem == NONE ? NULL : &w->idem[f->idem];

    f->replays = false;
    f->judges_factor = false;
    f->now_ms = w->rig.clock.now;
    f->want = foretell_admit(w, f);
    f->is_admitted = f->want == HUFU_OK;
    if (!f->is_admitted)
        return;
    if (req->limit_hit) {
        limit_check(w, f, factor);
        f->want = HUFU_RATE_LIMITED;
    } else if (kept != NULL && kept->kept) {
        f->replays = kept->fields_len == f->fields_len &&
                     memcmp(kept->fields, f->fields, f->fields_len) == 0;
        f->want = f->replays ? kept->outcome.err : HUFU_IDEM_MISMATCH;
    } else {
        f->want = foretell_verb(w, f);
    }
}

#endif
