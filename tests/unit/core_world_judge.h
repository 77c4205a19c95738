/*
 * core_world_judge.h - a reply held against the model, which then moves on.
 *
 * Layer:   tests. Includes tests/unit/core_world.h, jansson.
 * Threads: one.
 */
#ifndef HUFU_TESTS_CORE_WORLD_JUDGE_H
#define HUFU_TESTS_CORE_WORLD_JUDGE_H

#include "tests/unit/core_world_foretell.h"
#include "tests/unit/core_world_receipt.h"

/* A token string is never issued twice, keeps what the domain keeps, and is no original. */
static inline void add_token(struct world *w, const struct flight *f, const struct item *it,
                             const char *text)
{
    const struct domain *d = directory_domain(w->rig.core.dir, view_str(domain_name[f->domain]));
    struct tok *t = &w->tok[w->toks];

    MUST(w, token_find_text(w, f->domain, text) == NONE && w->toks < TOKENS_MAX);
    MUST(w, strlen(text) == strlen(values[it->value]));
    MUST(w, format_is_token(d->format, d->keep, view_str(text)));
    if (is_deterministic(f->domain))
        MUST(w, strncmp(text, values[it->value], 6) == 0);
    *t = (struct tok){ .domain = f->domain,
                       .value = it->value,
                       .state = RECORD_ACTIVE,
                       .uses = f->uses > 0      ? f->uses
                               : f->domain == 2 ? 1
                                                : 0,
                       .expires_ms = f->expires_in == 0 ? 0 : f->now_ms + f->expires_in * 1000 };
    snprintf(t->text, sizeof(t->text), "%s", text);
    t->sent[f->partner] = true;
    w->toks++;
    if (is_deterministic(f->domain))
        w->index[f->domain][it->value] = w->toks;
    MUST(w, ++w->guesses[f->partner][f->domain][bucket_of(f->domain, it->value)] <=
                guesses_most(f->domain));
}

static inline void judge_item(struct world *w, struct flight *f, size_t i, const json_t *j)
{
    const struct item *it = &f->item[i];
    bool created = json_is_true(json_object_get(j, "created"));
    const char *text;
    size_t t = NONE;

    if (it->want != HUFU_OK) {
        MUST(w, strcmp(text_of(w, json_object_get(j, "error"), "code"), err_code(it->want)) == 0);
        return;
    }
    text = text_of(w, j, "token");
    if (is_deterministic(f->domain))
        t = newest(w, f->domain, it->value);
    if (t != NONE && w->tok[t].state == RECORD_ACTIVE && !is_over(&w->tok[t], f->now_ms)) {
        MUST(w, strcmp(text, w->tok[t].text) == 0);
        MUST(w, created == !w->tok[t].sent[f->partner]);
        w->tok[t].sent[f->partner] = true;
        return;
    }
    MUST(w, created && (t == NONE || w->tok[t].state != RECORD_SUSPENDED ||
                        is_over(&w->tok[t], f->now_ms)));
    add_token(w, f, it, text);
}

static inline void judge_tokenize(struct world *w, struct flight *f, const json_t *j,
                                  const char *body)
{
    const json_t *list = json_object_get(j, "results");

    MUST(w, !w->domain_frozen[f->domain] && !w->partner_frozen[f->partner]);
    MUST(w, !f->batch || json_array_size(list) == f->items);
    for (size_t i = 0; i < f->items; i++)
        judge_item(w, f, i, f->batch ? json_array_get(list, i) : j);
    if (f->receipt)
        (void)receipt_check(w, j, body, "\"verb\":\"tokenize\"");
}

/* The same token, for another value: what it was for is free again. */
static inline void judge_replace(struct world *w, struct flight *f, const json_t *j)
{
    struct tok *t = foretell_token(w, f);
    size_t value = f->item[0].value;

    MUST(w, !w->domain_frozen[f->domain] && !w->partner_frozen[f->partner]);
    MUST(w, t->state == RECORD_ACTIVE && !is_over(t, f->now_ms));
    MUST(w, strcmp(text_of(w, j, "token"), t->text) == 0);
    MUST(w, json_is_false(json_object_get(j, "created")));
    MUST(w, (t->value != value) == f->is_new);
    if (!f->is_new)
        return;
    if (is_deterministic(f->domain)) {
        w->index[f->domain][t->value] = 0;
        w->index[f->domain][value] = (size_t)(t - w->tok) + 1;
    }
    t->value = value;
    w->replaced++;
    MUST(w, ++w->guesses[f->partner][f->domain][bucket_of(f->domain, value)] <=
                guesses_most(f->domain));
}

static inline void judge_detokenize(struct world *w, struct flight *f, const json_t *j,
                                    const char *body)
{
    uint64_t index = receipt_check(w, j, body, "\"verb\":\"detokenize\"");
    const json_t *list = json_object_get(j, "results");
    struct ses *s = &w->ses[f->session];

    MUST(w, s->alive && s->factor == f->factor);
    for (size_t i = 0; i < f->items; i++) {
        const json_t *part = f->batch ? json_array_get(list, i) : j;
        char name[64];
        struct tok *t;

        token_name(w, f->domain, f->item[i].text, name);
        if (f->item[i].want != HUFU_OK) {
            MUST(w, strcmp(text_of(w, json_object_get(part, "error"), "code"),
                           err_code(f->item[i].want)) == 0);
            continue;
        }
        t = &w->tok[token_find_text(w, f->domain, f->item[i].text)];
        MUST(w, t->state == RECORD_ACTIVE && !is_over(t, f->now_ms));
        MUST(w, strcmp(text_of(w, part, "value"), values[t->value]) == 0);
        line_must_hold(w, index + i, name, "\"principal\":\"olga\"", "\"result\":\"ok\"");
        if (t->uses > 0 && --t->uses == 0)
            t->state = RECORD_REVOKED;
        MUST(w, ++w->reveals[f->factor] <= REVEALS);
        w->revealed++;
    }
    w->reveal_good++;
}

static inline size_t new_factor(struct world *w)
{
    MUST(w, w->factors < FACTORS);
    return w->factors++;
}

static inline void judge_login(struct world *w, struct flight *f, const json_t *j)
{
    struct ses *s = &w->ses[w->sessions++];

    MUST(w, w->sessions <= SESSIONS);
    *s = (struct ses){ .person = f->person,
                       .alive = true,
                       .factor = new_factor(w),
                       .factor_ms = f->now_ms,
                       .expires_ms = f->now_ms + 28800000,
                       .used_boot = w->rig.clock.boot };
    snprintf(s->text, sizeof(s->text), "%s", text_of(w, j, "session"));
}

static inline void judge_ceremony(struct world *w, struct flight *f, const json_t *j)
{
    struct cer *c = f->ceremony == NONE ? &w->cer[w->ceremonies] : &w->cer[f->ceremony];

    if (f->verb == VERB_CEREMONY_PROPOSE) {
        MUST(w, foretell_ceremony(w, f) == HUFU_OK); /* one at a time, whatever was in flight */
        MUST(w, ++w->ceremonies <= CEREMONIES);
        *c = (struct cer){ .kind = f->kind,
                           .state = CEREMONY_PROPOSED,
                           .expires_ms = f->now_ms + CEREMONY_MS };
        snprintf(c->subject, sizeof(c->subject), "%s", f->subject);
        snprintf(c->id, sizeof(c->id), "%s", text_of(w, j, "id"));
    }
    if (f->verb == VERB_CEREMONY_CANCEL)
        c->state = CEREMONY_CANCELLED;
    else
        c->agreed[f->person] = true;
    if (f->verb == VERB_CEREMONY_APPROVE)
        c->state = CEREMONY_RUNNING;
}

/* What a success does to the model. */
static inline void judge_good(struct world *w, struct flight *f, const json_t *j, const char *body)
{
    struct tok *t;

    switch (f->verb) {
    case VERB_TOKENIZE:
        judge_tokenize(w, f, j, body);
        return;
    case VERB_LOOKUP:
        t = &w->tok[newest(w, f->domain, f->item[0].value)];
        MUST(w, t->state == RECORD_ACTIVE && strcmp(text_of(w, j, "token"), t->text) == 0);
        return;
    case VERB_DETOKENIZE:
        judge_detokenize(w, f, j, body);
        return;
    case VERB_INSPECT:
        MUST(w, strcmp(text_of(w, j, "state"), f->state_name) == 0);
        return;
    case VERB_SUSPEND:
    case VERB_RESUME:
    case VERB_REVOKE:
    case VERB_DELETE:
        MUST(w, strcmp(text_of(w, j, "state"), f->state_name) == 0);
        foretell_token(w, f)->state = lifecycle_to(f->verb);
        return;
    case VERB_REPLACE:
        judge_replace(w, f, j);
        return;
    case VERB_LOGIN:
        judge_login(w, f, j);
        return;
    case VERB_STEP_UP:
        MUST(w, w->ses[f->session].alive);
        w->ses[f->session].factor = new_factor(w);
        w->ses[f->session].factor_ms = f->now_ms;
        w->ses[f->session].used_boot = w->rig.clock.boot;
        return;
    case VERB_LOGOUT:
        w->ses[f->session].alive = false;
        return;
    case VERB_CEREMONY_PROPOSE:
    case VERB_CEREMONY_APPROVE:
    case VERB_CEREMONY_CANCEL:
        judge_ceremony(w, f, j);
        return;
    case VERB_DOMAIN_ADD:
        w->domain_there[f->domain] = true;
        w->domain_id[f->domain] =
            directory_domain(w->rig.core.dir, view_str(domain_name[f->domain]))->id;
        return;
    case VERB_DOMAIN_FREEZE:
    case VERB_DOMAIN_UNFREEZE:
        w->domain_frozen[0] = f->verb == VERB_DOMAIN_FREEZE;
        return;
    case VERB_PARTNER_FREEZE:
    case VERB_PARTNER_UNFREEZE:
        w->partner_frozen[1] = f->verb == VERB_PARTNER_FREEZE;
        return;
    default:
        return;
    }
}

static inline void keep_outcome(struct world *w, const struct flight *f, const struct msg_reply *r)
{
    struct idem *kept = &w->idem[f->idem];

    MUST(w, !kept->kept && r->body.len < BODY_MAX);
    kept->kept = true;
    memcpy(kept->fields, f->fields, f->fields_len);
    kept->fields_len = f->fields_len;
    kept->outcome = (struct outcome){ r->err, r->success, r->where, "" };
    memcpy(kept->outcome.body, r->body.p == NULL ? (const uint8_t *)"" : r->body.p, r->body.len);
}

static inline void judge_replay(struct world *w, const struct flight *f, const struct msg_reply *r)
{
    const struct outcome *o = &w->idem[f->idem].outcome;

    MUST(w, (r->flags & MSG_REPLAYED) != 0 && r->err == o->err && r->success == o->success);
    MUST(w, memcmp(&r->where, &o->where, sizeof(o->where)) == 0);
    MUST(w, view_equal(r->body, view_str(o->body)));
    w->replayed++;
}

/* Only what could not be had is answered 503, and it has changed nothing. */
static inline void judge_unavailable(struct world *w, const struct flight *f)
{
    MUST(w, f->want == HUFU_UNAVAILABLE || w->crashing || w->fails != f->fails ||
                f->verb == VERB_DOMAIN_ADD ||
                (f->verb == VERB_LOGIN && queue_count(&w->rig.core.passwords) == 16));
}

static inline bool is_kept(const struct world *w, const struct flight *f, enum hufu_err err)
{
    switch (err) {
    case HUFU_SEALED:
    case HUFU_UNAUTHENTICATED:
    case HUFU_STEP_UP:
    case HUFU_RATE_LIMITED:
    case HUFU_IDEM_MISMATCH:
        return false;
    default:
        return f->idem != NONE && f->is_admitted && !w->in_work;
    }
}

static inline bool is_held_back(const struct world *w, const struct flight *f, enum hufu_err err)
{
    return f->judges_factor && err == HUFU_UNAUTHENTICATED && w->person[f->person].failures >= 3;
}

static inline void judge(struct world *w, struct flight *f, const struct msg_reply *r)
{
    char body[BODY_MAX] = "";
    json_t *j = NULL;

    w->answered++;
    MUST(w, r->body.len < sizeof(body));
    if (r->body.len > 0)
        memcpy(body, r->body.p, r->body.len);
    if (r->err == HUFU_UNAVAILABLE) {
        judge_unavailable(w, f);
        return;
    }
    MUST(w, r->err == f->want || is_held_back(w, f, r->err));
    w->limited += r->err == HUFU_RATE_LIMITED;
    if (f->replays) {
        judge_replay(w, f, r);
        return;
    }
    MUST(w, (r->flags & MSG_REPLAYED) == 0);
    if (is_kept(w, f, r->err))
        keep_outcome(w, f, r);
    if (f->judges_factor && r->err == HUFU_OK) {
        MUST(w, f->step > w->person[f->person].last_step);
        w->person[f->person].last_step = f->step;
    } else if (f->judges_factor) {
        w->person[f->person].failures++;
    }
    if ((f->verb == VERB_LOOKUP && r->err == HUFU_NOT_FOUND) || /* asked for in vain: a guess too */
        (f->verb == VERB_REPLACE && r->err == HUFU_CONFLICT && f->is_taken))
        MUST(w, ++w->guesses[f->partner][f->domain][bucket_of(f->domain, f->item[0].value)] <=
                    guesses_most(f->domain));
    if (r->err != HUFU_OK)
        return;
    w->good++;
    if (body[0] != '\0') {
        j = json_loads(body, JSON_REJECT_DUPLICATES, NULL);
        MUST(w, j != NULL);
    }
    judge_good(w, f, j, body);
    json_decref(j);
}

#endif
