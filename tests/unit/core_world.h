/*
 * core_world.h - a model of a vault in arrays, for the step test of the core.
 *
 * Layer:   tests. Includes tests/core_rig.h.
 * Threads: one.
 *
 * Replies arrive in the order of the log, so the model moves on with each reply. Whatever a worker
 * decides it decides on the model's present state: what it must decide is foretold just before.
 */
#ifndef HUFU_TESTS_CORE_WORLD_H
#define HUFU_TESTS_CORE_WORLD_H

#include <inttypes.h>

#include "tests/core_rig.h"
#include "vault/base/digest.h"
#include "vault/base/id.h"

#define VALUES      10
#define TOKENS_MAX  4000
#define DOMAINS     5 /* the last two are made on the way */
#define PARTNERS    2
#define PEOPLE      4
#define SESSIONS    48
#define FACTORS     200 /* fresh factors, each with a budget */
#define FLIGHTS     40
#define ITEMS       4
#define IDEM_KEYS   6
#define IDEMS       400
#define CEREMONIES  100
#define LINES_MAX   20000
#define FIELDS_MAX  1024
#define BODY_MAX    2048
#define GUESSES     60 /* limit.guesses_per_day */
#define REVEALS     20 /* limit.reveals_per_factor */
#define FRESH_MS    300000u
#define IDLE_MS     900000u
#define CEREMONY_MS 400000u
#define NONE        SIZE_MAX

struct tok {
    size_t domain, value;
    char text[24];
    uint8_t state; /* enum record_state */
    uint64_t expires_ms;
    uint32_t uses; /* 0: not counted */
    bool sent[PARTNERS];
};

struct person {
    const char *name;
    uint32_t id;
    uint64_t last_step;
    size_t failures; /* ever */
};

struct ses {
    char text[MSG_SESSION_LEN + 1];
    size_t person, factor;
    bool alive, was_over;
    uint64_t factor_ms, expires_ms, used_boot;
};

enum { ROTATE_KEK, ROTATE_DATA, ROTATE_INDEX, DESTROY, KINDS };
static const char *const kind_name[KINDS] = { "rotate-kek", "rotate-data-key", "rotate-index-key",
                                              "destroy-key" };

struct cer {
    char id[ID_TEXT_LEN + 1];
    size_t kind;
    char subject[32]; /* DESTROY: the key */
    uint8_t state;
    uint64_t expires_ms;
    bool agreed[PEOPLE];
};

struct outcome { /* of an idempotent request */
    enum hufu_err err;
    enum msg_success success;
    struct msg_where where;
    char body[BODY_MAX];
};

struct item {            /* of a batch */
    size_t value, token; /* NONE: not one of these */
    char text[24];
    enum hufu_err want;
};

struct flight {
    bool busy;
    uint64_t id;
    uint16_t verb;
    size_t partner, session, person, domain, ceremony, idem; /* or NONE */
    size_t kind;                                             /* of a ceremony that is proposed */
    char subject[32];
    size_t key; /* of idem */
    struct item item[ITEMS];
    size_t items;
    bool batch, receipt, password_right;
    uint64_t step, expires_in;
    uint32_t uses;
    uint8_t fields[FIELDS_MAX];
    size_t fields_len;
    /* foretold at the last decision */
    enum hufu_err want;
    bool is_admitted, replays, judges_factor;
    uint64_t now_ms;
    size_t factor;
    const char *state_name;
    bool is_new, is_taken; /* replace: the value is not the token's own; has another token */
    size_t fails;          /* commits that had failed when it was sent */
};

struct idem {
    size_t partner, person, key;
    uint16_t verb;
    struct flight first; /* what was sent first under this key */
    bool kept;
    uint8_t fields[FIELDS_MAX]; /* of the request that was kept */
    size_t fields_len;
    struct outcome outcome;
};

struct world {
    struct core_rig rig;
    struct fake_hsm hsm;
    uint64_t seed, random;
    size_t step;
    struct tok tok[TOKENS_MAX];
    size_t toks;
    bool domain_there[DOMAINS], domain_frozen[DOMAINS], partner_frozen[PARTNERS];
    uint32_t domain_id[DOMAINS];
    size_t index[DOMAINS]
                [VALUES]; /* deterministic: the token that a value leads to, plus 1; or 0 */
    size_t guesses[PARTNERS][DOMAINS][VALUES]; /* per bucket: the values differ in theirs or not */
    struct person person[PEOPLE];
    struct ses ses[SESSIONS];
    size_t sessions;
    size_t reveals[FACTORS];
    size_t factors;
    struct cer cer[CEREMONIES];
    size_t ceremonies;
    struct idem idem[IDEMS];
    size_t idems;
    struct flight flight[FLIGHTS];
    struct merkle tree;
    struct merkle_hash root[LINES_MAX];
    size_t lines, reveal_lines, revealed;
    uint64_t signed_size;
    size_t fails; /* commits that failed */
    bool rotates; /* many ceremonies and replacements in this run */
    bool crashing,
        in_work; /* the core goes down; a worker decides: what it answers itself is not kept */
    size_t answered, good, replayed, crashes, lost, reveal_good, limited, replaced, swept;
    size_t ended[KINDS]; /* ceremonies */
};

#define MUST(w, condition)                                                                         \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "seed %" PRIu64 " step %zu: %s:%d: %s\n", (w)->seed, (w)->step,        \
                    __FILE__, __LINE__, #condition);                                               \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

static const char *const domain_name[DOMAINS] = { "cards", "loose", "once", "extra-0", "extra-1" };
static const char *const partner_name[PARTNERS] = { "acme", "zeta" };
static const char *const people[PEOPLE] = { "olga", "carl", "cora", "sara" };
enum { OLGA, CARL, CORA, SARA };

/* Two buckets of 6+4, and three of 0+4 and of 0+0. Test numbers of the card schemes' kind. */
static const char *const values[VALUES] = {
    "4111111111111111", "4111112222231111", "4111113333351111", "4111114444471111",
    "4111115555561111", "5500000000000004", "5500001111120004", "5500002222240004",
    "5500003333360004", "378282246310005",
};

static inline uint64_t draw(struct world *w, uint64_t below)
{
    uint64_t z = (w->random += 0x9e3779b97f4a7c15u);

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return (z ^ z >> 31) % below;
}

static inline bool is_deterministic(size_t domain)
{
    return domain == 0 || domain > 2;
}

/* A value's bucket in a domain, as the number of the first value in it. */
static inline size_t bucket_of(size_t domain, size_t value)
{
    size_t prefix = is_deterministic(domain) ? 6 : 0, suffix = domain == 2 ? 0 : 4;
    size_t len = strlen(values[value]);

    for (size_t v = 0; v < value; v++)
        if (strlen(values[v]) == len && strncmp(values[v], values[value], prefix) == 0 &&
            strcmp(values[v] + len - suffix, values[value] + len - suffix) == 0)
            return v;
    return value;
}

/* New values of a bucket and day that get through. The others keep nothing, or four digits. */
static inline size_t guesses_most(size_t domain)
{
    return is_deterministic(domain) ? GUESSES : (size_t)-1;
}

static inline bool is_over(const struct tok *t, uint64_t now_ms)
{
    return t->expires_ms != 0 && now_ms >= t->expires_ms;
}

/* The token that a value leads to in a deterministic domain; or NONE. */
static inline size_t newest(const struct world *w, size_t domain, size_t value)
{
    return w->index[domain][value] - 1;
}

static inline const char *state_name(const struct tok *t, uint64_t now_ms)
{
    if (t->state == RECORD_REVOKED)
        return "revoked";
    if (t->state == RECORD_DELETED)
        return "deleted";
    if (is_over(t, now_ms))
        return "expired";
    return t->state == RECORD_SUSPENDED ? "suspended" : "active";
}

static inline size_t token_find_text(const struct world *w, size_t domain, const char *text)
{
    for (size_t i = 0; i < w->toks; i++)
        if (w->tok[i].domain == domain && strcmp(w->tok[i].text, text) == 0)
            return i;
    return NONE;
}

static inline bool world_domain_has(size_t domain, size_t partner)
{
    return partner == 0 || domain == 0;
}

/* What a token keeps in clear is the new value's too. */
static inline bool fits(const struct flight *f)
{
    const char *token = f->item[0].text, *value = values[f->item[0].value];
    size_t prefix = is_deterministic(f->domain) ? 6 : 0, suffix = f->domain == 2 ? 0 : 4;
    size_t len = strlen(token);

    return strlen(value) == len && strncmp(token, value, prefix) == 0 &&
           strcmp(token + len - suffix, value + len - suffix) == 0;
}

static inline struct idem *idem_find(struct world *w, size_t partner, size_t person, uint16_t verb,
                                     size_t key)
{
    for (size_t i = 0; i < w->idems; i++)
        if (w->idem[i].partner == partner && w->idem[i].person == person &&
            w->idem[i].verb == verb && w->idem[i].key == key)
            return &w->idem[i];
    return NULL;
}

/* The sweeper may have ended a session, the keeper a ceremony: what they may, and nothing else. */
static inline void background(struct world *w)
{
    uint64_t now = w->rig.clock.now;
    struct session s;
    struct ceremony c;

    for (size_t i = 0; i < w->sessions; i++) {
        struct ses *m = &w->ses[i];
        struct view text = view_of(m->text, MSG_SESSION_LEN);
        uint8_t hash[32];

        m->was_over =
            m->was_over || now >= m->expires_ms || w->rig.clock.boot - m->used_boot >= IDLE_MS;
        if (!m->alive)
            continue;
        MUST(w, digest_sha256(&text, 1, hash) == HUFU_OK);
        if (directory_session(w->rig.core.dir, hash, &s) == HUFU_OK) {
            MUST(w, s.factor_ms == m->factor_ms && s.expires_ms == m->expires_ms);
            continue;
        }
        MUST(w, m->was_over);
        m->alive = false;
    }
    for (size_t i = 0; i < w->ceremonies; i++) {
        struct cer *m = &w->cer[i];
        uint8_t id[ID_LEN];

        MUST(w, id_parse(view_str(m->id), id) == HUFU_OK);
        MUST(w, directory_ceremony(w->rig.core.dir, id, &c) == HUFU_OK);
        if (m->state == c.state)
            continue;
        MUST(w, (m->state == CEREMONY_RUNNING && c.state == CEREMONY_DONE) ||
                    (m->state == CEREMONY_PROPOSED && c.state == CEREMONY_EXPIRED &&
                     now >= m->expires_ms));
        w->ended[m->kind] += c.state == CEREMONY_DONE;
        m->state = c.state;
    }
}

#endif
