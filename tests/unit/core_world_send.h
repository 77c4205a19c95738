/*
 * core_world_send.h - random requests of partners and people.
 *
 * Layer:   tests. Includes tests/unit/core_world.h.
 * Threads: one.
 */
#ifndef HUFU_TESTS_CORE_WORLD_SEND_H
#define HUFU_TESTS_CORE_WORLD_SEND_H

#include "tests/unit/core_world.h"

/* A token of the domain, or a number that looks like one; or, seldom, an original. */
static inline void some_token(struct world *w, size_t domain, struct item *it)
{
    size_t from = draw(w, w->toks + 1);

    *it = (struct item){ .value = NONE, .token = NONE };
    if (draw(w, 30) == 0) {
        it->value = draw(w, VALUES);
        snprintf(it->text, sizeof(it->text), "%s", values[it->value]);
        return;
    }
    for (size_t i = 0; i < w->toks; i++) {
        const struct tok *t = &w->tok[(from + i) % w->toks];

        if (t->domain != domain)
            continue;
        snprintf(it->text, sizeof(it->text), "%s", t->text);
        return;
    }
    snprintf(it->text, sizeof(it->text), "4111110000001112");
}

static inline void put_domain(struct buf *b, const struct flight *f)
{
    msg_put_text(b, MSG_DOMAIN, view_str(domain_name[f->domain]));
}

static inline void fill_tokenize(struct world *w, struct flight *f, struct buf *b)
{
    f->batch = draw(w, 3) == 0;
    f->items = f->batch ? 1 + draw(w, ITEMS) : 1;
    f->receipt = draw(w, 4) == 0;
    f->uses = draw(w, 6) == 0 ? 1 + (uint32_t)draw(w, 3) : 0;
    f->expires_in = draw(w, 6) == 0 ? 5 + draw(w, 200) : 0;
    for (size_t i = 0; i < f->items; i++) {
        some_token(w, f->domain, &f->item[i]);
        if (draw(w, 12) != 0 && f->item[i].value == NONE)
            f->item[i].value = draw(w, VALUES);
        if (f->item[i].value != NONE)
            snprintf(f->item[i].text, sizeof(f->item[i].text), "%s", values[f->item[i].value]);
    }
    put_domain(b, f);
    if (f->batch) {
        uint8_t list_mem[512], item_mem[64];
        struct buf list, item;

        buf_fixed(&list, list_mem, sizeof(list_mem));
        for (size_t i = 0; i < f->items; i++) {
            buf_fixed(&item, item_mem, sizeof(item_mem));
            msg_put_text(&item, MSG_VALUE, view_str(f->item[i].text));
            buf_lv32(&list, item.p, item.len);
        }
        msg_put_text(b, MSG_VALUES, buf_view(&list));
    } else {
        msg_put_text(b, MSG_VALUE, view_str(f->item[0].text));
    }
    if (f->expires_in > 0)
        msg_put_u64(b, MSG_EXPIRES_IN, f->expires_in);
    if (f->uses > 0)
        msg_put_u64(b, MSG_USES, f->uses);
    if (f->receipt)
        msg_put_bool(b, MSG_RECEIPT, true);
}

/* Duplicates within one batch too: a counted token cannot be revealed more often than it may. */
static inline void fill_detokenize(struct world *w, struct flight *f, struct buf *b)
{
    uint8_t list_mem[256];
    struct buf list;

    f->batch = draw(w, 3) == 0;
    f->items = f->batch ? 1 + draw(w, ITEMS) : 1;
    for (size_t i = 0; i < f->items; i++)
        some_token(w, f->domain, &f->item[i]);
    if (f->items > 1 && draw(w, 2) == 0)
        f->item[f->items - 1] = f->item[0];
    put_domain(b, f);
    buf_fixed(&list, list_mem, sizeof(list_mem));
    for (size_t i = 0; i < f->items; i++)
        buf_lv32(&list, f->item[i].text, strlen(f->item[i].text));
    msg_put_text(b, f->batch ? MSG_TOKENS : MSG_TOKEN,
                 f->batch ? buf_view(&list) : view_str(f->item[0].text));
    msg_put_text(b, MSG_REASON, view_str("case 7"));
    msg_put_text(b, MSG_PURPOSE, view_str("refund"));
}

static inline void fill_code(struct world *w, struct flight *f, struct buf *b)
{
    char code[7];

    f->step = w->rig.clock.now / 30000 - (draw(w, 5) == 0 ? draw(w, 3) : 0);
    f->password_right = true;
    if (f->verb == VERB_LOGIN) {
        char password[64];

        f->password_right = draw(w, 10) != 0;
        snprintf(password, sizeof(password), "%s-%c.%s",
                 f->password_right ? "correct-horse" : "wrong-horse", people[f->person][0],
                 people[f->person] + 1);
        msg_put_text(b, MSG_USER, view_str(people[f->person]));
        msg_put_text(b, MSG_PASSWORD, view_str(password));
    }
    rig_code(people[f->person], f->step, code);
    msg_put_text(b, MSG_OTP, view_str(code));
}

static inline void put_list(struct buf *b, enum msg_tag tag, const char *text)
{
    uint8_t mem[64];
    struct buf list;

    buf_fixed(&list, mem, sizeof(mem));
    buf_lv32(&list, text, strlen(text));
    msg_put_text(b, tag, buf_view(&list));
}

static inline void fill_domain_add(struct flight *f, struct buf *b)
{
    const uint8_t keep[2] = { 6, 4 };

    msg_put_text(b, MSG_NAME, view_str(domain_name[f->domain]));
    msg_put_text(b, MSG_FORMAT, view_str("pan"));
    msg_put_text(b, MSG_MODE, view_str("deterministic"));
    put_list(b, MSG_PARTNERS, "acme");
    msg_put_text(b, MSG_KEEP, view_of(keep, sizeof(keep)));
    put_list(b, MSG_PURPOSES, "refund");
    msg_put_u64(b, MSG_BATCH_DETOKENIZE, 10);
}

static inline void fill_replace(struct world *w, struct flight *f, struct buf *b)
{
    f->items = 1;
    do
        some_token(w, f->domain, &f->item[0]);
    while (f->item[0].value != NONE);
    f->item[0].value = draw(w, VALUES);
    for (int i = 0; i < 40 && w->rotates; i++) { /* rather one in use, for a value that is free */
        size_t value = draw(w, VALUES), t = newest(w, f->domain, draw(w, VALUES));

        if (t == NONE || w->tok[t].state != RECORD_ACTIVE || !w->tok[t].sent[f->partner] ||
            newest(w, f->domain, value) != NONE)
            continue;
        snprintf(f->item[0].text, sizeof(f->item[0].text), "%s", w->tok[t].text);
        f->item[0].value = value;
        if (fits(f))
            break;
    }
    put_domain(b, f);
    msg_put_text(b, MSG_VALUE, view_str(values[f->item[0].value]));
    msg_put_text(b, MSG_TOKEN, view_str(f->item[0].text));
    msg_put_text(b, MSG_REASON, view_str("reissued"));
}

/* A key that may be old enough to end; or one that is not, or not there. */
static inline void fill_propose(struct world *w, struct flight *f, struct buf *b)
{
    f->kind = draw(w, KINDS);
    if (f->kind == ROTATE_DATA || f->kind == ROTATE_INDEX) {
        f->domain = 0;
        put_domain(b, f);
    } else if (f->kind == DESTROY) {
        snprintf(f->subject, sizeof(f->subject), "%s-cards-%u", draw(w, 2) == 0 ? "data" : "index",
                 1 + (unsigned)draw(w, 3));
        msg_put_text(b, MSG_SUBJECT, view_str(f->subject));
    }
    msg_put_text(b, MSG_REASON, view_str("yearly"));
    msg_put_text(b, MSG_KIND, view_str(kind_name[f->kind]));
}

static inline void fill(struct world *w, struct flight *f, struct buf *b)
{
    switch (f->verb) {
    case VERB_TOKENIZE:
        fill_tokenize(w, f, b);
        return;
    case VERB_LOOKUP:
        f->items = 1;
        f->item[0].value = draw(w, VALUES);
        put_domain(b, f);
        msg_put_text(b, MSG_VALUE, view_str(values[f->item[0].value]));
        return;
    case VERB_INSPECT:
    case VERB_SUSPEND:
    case VERB_RESUME:
    case VERB_REVOKE:
    case VERB_DELETE:
        f->items = 1;
        do
            some_token(w, f->domain, &f->item[0]);
        while (f->item[0].value != NONE);
        put_domain(b, f);
        msg_put_text(b, MSG_TOKEN, view_str(f->item[0].text));
        if (f->verb != VERB_INSPECT)
            msg_put_text(b, MSG_REASON, view_str("as asked"));
        return;
    case VERB_REPLACE:
        fill_replace(w, f, b);
        return;
    case VERB_DETOKENIZE:
        fill_detokenize(w, f, b);
        return;
    case VERB_LOGIN:
    case VERB_STEP_UP:
        fill_code(w, f, b);
        return;
    case VERB_CEREMONY_PROPOSE:
        fill_propose(w, f, b);
        return;
    case VERB_CEREMONY_APPROVE:
    case VERB_CEREMONY_CANCEL:
        msg_put_text(b, MSG_ID, view_str(w->cer[f->ceremony].id));
        return;
    case VERB_DOMAIN_ADD:
        fill_domain_add(f, b);
        return;
    case VERB_DOMAIN_FREEZE:
    case VERB_DOMAIN_UNFREEZE:
    case VERB_PARTNER_FREEZE:
    case VERB_PARTNER_UNFREEZE:
        msg_put_text(b, MSG_REASON, view_str("as asked"));
        msg_put_text(b, MSG_NAME,
                     view_str(f->verb == VERB_DOMAIN_FREEZE || f->verb == VERB_DOMAIN_UNFREEZE
                                  ? domain_name[0]
                                  : partner_name[1]));
        return;
    default:
        return;
    }
}

/* The newest session of the person; or, seldom, any. */
static inline size_t some_session(struct world *w, size_t person)
{
    size_t found = NONE;

    for (size_t i = 0; i < w->sessions; i++)
        if (w->ses[i].person == person && (found == NONE || draw(w, 8) != 0))
            found = i;
    return found;
}

/* Mostly what brings a ceremony on: an approval that is missing, or a new one. */
static inline void choose_ceremony(struct world *w, struct flight *f)
{
    size_t open = NONE;

    for (size_t i = 0; i < w->ceremonies; i++)
        if (w->cer[i].state == CEREMONY_PROPOSED && !w->cer[i].agreed[f->person])
            open = i;
    f->verb = VERB_CEREMONY_PROPOSE;
    if (open == NONE)
        return;
    f->verb = draw(w, 20) == 0 ? VERB_CEREMONY_CANCEL : VERB_CEREMONY_APPROVE;
    f->ceremony = open;
}

/* A verb of the mix, and who sends it; false where nobody can. */
static inline bool choose(struct world *w, struct flight *f)
{
    static const uint16_t lifecycle[] = { VERB_SUSPEND, VERB_RESUME, VERB_RESUME, VERB_REVOKE,
                                          VERB_DELETE };
    static const uint16_t ceremony[] = { VERB_CEREMONY_PROPOSE, VERB_CEREMONY_APPROVE,
                                         VERB_CEREMONY_APPROVE, VERB_CEREMONY_APPROVE,
                                         VERB_CEREMONY_CANCEL };
    static const uint16_t freeze[] = { VERB_DOMAIN_FREEZE,    VERB_DOMAIN_UNFREEZE,
                                       VERB_DOMAIN_UNFREEZE,  VERB_PARTNER_FREEZE,
                                       VERB_PARTNER_UNFREEZE, VERB_PARTNER_UNFREEZE };
    uint64_t what = draw(w, 1000);

    f->partner = f->session = f->person = f->ceremony = f->idem = NONE;
    f->domain = draw(w, w->rotates ? 6 : 2) != 1 ? 0 : draw(w, DOMAINS);
    if (w->rotates && draw(w, 3) == 0)
        what = draw(w, 2) == 0 ? 850 + draw(w, 70) : 370 + draw(w, 50);
    if (what < 640 || (what < 700 && draw(w, 2) == 0)) {
        f->partner = draw(w, 5) == 0 ? 1 : 0;
        f->verb = what < 370   ? VERB_TOKENIZE
                  : what < 420 ? VERB_REPLACE
                  : what < 500 ? VERB_LOOKUP
                  : what < 540 ? VERB_INSPECT
                               : lifecycle[draw(w, 5)];
        return true;
    }
    f->person = what < 700 ? SARA : what < 850 ? OLGA : what < 920 ? CARL + draw(w, 2) : SARA;
    f->session = some_session(w, f->person);
    if (f->session == NONE || draw(w, 30) == 0) {
        f->verb = VERB_LOGIN;
        f->session = NONE;
        return w->sessions + FLIGHTS < SESSIONS;
    }
    if (!w->ses[f->session].alive || w->rig.clock.now - w->ses[f->session].factor_ms >= FRESH_MS ||
        draw(w, 40) == 0) {
        f->verb = draw(w, 60) == 0 ? VERB_LOGOUT : VERB_STEP_UP;
        if (!w->ses[f->session].alive && draw(w, 2) == 0) {
            f->verb = VERB_LOGIN;
            f->session = NONE;
        }
        return w->factors + FLIGHTS < FACTORS && w->sessions + FLIGHTS < SESSIONS;
    }
    if (f->person == OLGA)
        f->verb = VERB_DETOKENIZE;
    else if (f->person == SARA)
        f->verb = what < 700 ? lifecycle[draw(w, 5)] : freeze[draw(w, 6)];
    else
        f->verb = ceremony[draw(w, 5)];
    if (f->person == SARA && what > 900 && draw(w, 3) == 0) {
        f->verb = VERB_DOMAIN_ADD;
        f->domain = 3 + draw(w, 2);
    }
    if (w->rotates && f->person != OLGA && f->person != SARA)
        choose_ceremony(w, f);
    else if (f->verb == VERB_CEREMONY_APPROVE || f->verb == VERB_CEREMONY_CANCEL) {
        if (w->ceremonies == 0)
            f->verb = VERB_CEREMONY_PROPOSE;
        else
            f->ceremony = w->ceremonies - 1 - draw(w, w->ceremonies < 5 ? w->ceremonies : 5);
    }
    return f->verb != VERB_CEREMONY_PROPOSE || w->ceremonies + FLIGHTS < CEREMONIES;
}

static inline bool takes_key(uint16_t verb)
{
    return verb == VERB_TOKENIZE || (verb >= VERB_SUSPEND && verb <= VERB_REPLACE) ||
           (verb >= VERB_CEREMONY_PROPOSE && verb <= VERB_CEREMONY_CANCEL &&
            verb != VERB_CEREMONY_LIST && verb != VERB_CEREMONY_SHOW);
}

/* Under a key: often the very request that was first sent under it, else another one. */
static inline void choose_key(struct world *w, struct flight *f)
{
    size_t key = draw(w, IDEM_KEYS);
    struct idem *had = idem_find(w, f->partner, f->person, f->verb, key);

    if (had != NULL && draw(w, 5) != 0) {
        size_t session = f->session;

        *f = had->first;
        f->session = session;
    } else if (had == NULL) {
        if (w->idems == IDEMS)
            return;
        had = &w->idem[w->idems++];
        *had = (struct idem){
            .partner = f->partner, .person = f->person, .key = key, .verb = f->verb, .first = *f
        };
    }
    f->idem = (size_t)(had - w->idem);
    f->key = key;
}

static inline void submit(struct world *w)
{
    struct rig_who who = { 0 };
    struct flight *f = NULL;
    char key[16];
    struct buf b;

    for (size_t i = 0; i < FLIGHTS && f == NULL; i++)
        if (!w->flight[i].busy)
            f = &w->flight[i];
    if (f == NULL)
        return;
    memset(f, 0, sizeof(*f));
    if (!choose(w, f))
        return;
    buf_fixed(&b, f->fields, sizeof(f->fields));
    fill(w, f, &b);
    MUST(w, buf_check(&b) == HUFU_OK);
    f->fields_len = b.len;
    if (takes_key(f->verb) && draw(w, 3) == 0)
        choose_key(w, f);
    if (f->partner != NONE)
        who.partner = partner_name[f->partner];
    if (f->session != NONE)
        who.session = w->ses[f->session].text;
    snprintf(key, sizeof(key), "key-%zu", f->key);
    if (f->idem != NONE)
        who.idem_key = key;
    f->fails = w->fails;
    f->busy = true;
    f->id = rig_submit(&w->rig, f->verb, &who, view_of(f->fields, f->fields_len));
}

#endif
