/*
 * bench_alike.c - can a clock tell a token that is unknown from one that is suspended, revoked or
 * foreign? Times whole requests to detokenize in the core, without threads, in random pairs.
 *
 * bench_alike [PAIRS]: for each kind a line with means, Welch's t and how many samples were left;
 * exit 0 where every |t| is below 4.5, 3 where a clock tells them apart. `make alike` runs it, and
 * the same program linked with a core that returns early, which has to be told apart.
 *
 * Every kind is measured against unknown tokens of the same form (a token's form shows anyway where
 * in the store it would lie). What takes longer than all but a tenth of both kinds together is left
 * out of both: an interrupt says nothing.
 */
#include <math.h>
#include <time.h>

#include "tests/core_calls.h"
#include "vault/base/entropy.h"
#include "vault/base/log.h"
#include "vault/log/signer.h"
#include "vault/row.h"

#define PAIRS      100000
#define PAIRS_MAX  10000000
#define BATCH      1000
#define TOKENS     20000 /* of each kind, a multiple of BATCH */
#define ROUNDS     20
#define T_MAX      4.5 /* as in dudect: beyond, the two differ */
#define KEPT       0.99
#define WARM_PAIRS 1000
#define TICK_MS    2 /* a request; the entries of refusals stay below limit.refusals_per_s */
#define APART      3 /* exit status */

struct text {
    char s[20];
};

struct bench {
    struct core_rig rig;
    struct fake_hsm hsm;
    struct draw draw;
    char session[MSG_SESSION_LEN + 1];
    struct text *unknown, *known;
    double *took[2]; /* ns; 0: unknown, 1: the other kind */
    size_t pairs, answers, wrong;
};

static double now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static uint64_t random_below(struct bench *b, uint64_t bound)
{
    uint8_t raw[4];
    uint64_t n = 0;

    RIG_CHECK(draw_bytes(&b->draw, raw, sizeof(raw)) == HUFU_OK);
    for (size_t i = 0; i < sizeof(raw); i++)
        n = n << 8 | raw[i];
    return n % bound;
}

/* A card number of 16 digits (ISO/IEC 7812-1: the last one makes the Luhn sum end in 0). */
static void make_value(struct bench *b, struct text *out)
{
    unsigned sum = 0;

    out->s[0] = '4';
    for (size_t i = 1; i < 15; i++)
        out->s[i] = (char)('0' + random_below(b, 10));
    for (size_t i = 0; i < 15; i++) {
        unsigned digit = (unsigned)(out->s[i] - '0') * (i % 2 == 0 ? 2 : 1);

        sum += digit > 9 ? digit - 9 : digit;
    }
    out->s[15] = (char)('0' + (10 - sum % 10) % 10);
    out->s[16] = '\0';
}

/* What could be a token of the domain and is none: drawn as tokenize draws. */
static void make_unknown(struct bench *b, const struct domain *d, struct text *out)
{
    uint8_t token[FORMAT_VALUE_MAX];
    struct text value;

    make_value(b, &value);
    RIG_CHECK(format_draw(d->format, d->keep, view_str(value.s), &b->draw, token) == HUFU_OK);
    memcpy(out->s, token, 16);
    out->s[16] = '\0';
}

/* A batch of values; the reply's tokens in their order. */
static void tokenize_batch(struct bench *b, const struct rig_who *who, const char *domain,
                           struct text *out)
{
    const struct rig_reply *r;
    struct buf fields, list;
    const char *at;

    buf_init(&fields, FRAME_BODY_MAX);
    buf_init(&list, FRAME_BODY_MAX);
    msg_put_text(&fields, MSG_DOMAIN, view_str(domain));
    for (size_t i = 0; i < BATCH; i++) {
        uint8_t mem[64];
        struct text value;
        struct buf item;

        make_value(b, &value);
        buf_fixed(&item, mem, sizeof(mem));
        msg_put_text(&item, MSG_VALUE, view_str(value.s));
        buf_lv32(&list, item.p, item.len);
    }
    buf_u16(&fields, MSG_VALUES);
    buf_lv32(&fields, list.p, list.len);
    r = rig_call(&b->rig, VERB_TOKENIZE, who, buf_view(&fields));
    RIG_CHECK(r->err == HUFU_OK);
    at = r->body;
    for (size_t i = 0; i < BATCH; i++) {
        at = strstr(at, "\"token\":\"");
        RIG_CHECK(at != NULL);
        at += strlen("\"token\":\"");
        memcpy(out[i].s, at, 16);
        out[i].s[16] = '\0';
    }
    buf_done(&fields);
    buf_done(&list);
}

static void make_tokens(struct bench *b, const char *domain)
{
    struct rig_who acme = { .partner = "acme" };

    for (size_t i = 0; i < TOKENS; i += BATCH)
        tokenize_batch(b, &acme, domain, &b->known[i]);
}

static void change_tokens(struct bench *b, uint16_t verb)
{
    struct rig_who acme = { .partner = "acme" };
    uint8_t mem[256];
    struct buf fields;

    for (size_t i = 0; i < TOKENS; i++) {
        buf_fixed(&fields, mem, sizeof(mem));
        msg_put_text(&fields, MSG_DOMAIN, view_str("cards"));
        msg_put_text(&fields, MSG_TOKEN, view_str(b->known[i].s));
        msg_put_text(&fields, MSG_REASON, view_str("case 7"));
        RIG_CHECK(rig_call(&b->rig, verb, &acme, buf_view(&fields))->err == HUFU_OK);
    }
}

/* Everything is looked up in the map then, as it is in a vault that has run for a while. */
static void flush(struct bench *b)
{
    struct store_numbers n;

    do {
        (void)store_map_step(b->rig.core.store, true);
        store_numbers(b->rig.core.store, &n);
    } while (n.applied < n.seq);
}

static void on_reply(void *arg, uint64_t id, const struct msg_reply *reply)
{
    struct bench *b = arg;

    (void)id;
    b->answers++;
    b->wrong += reply->err != HUFU_NOT_FOUND;
}

/* The time from a request in the queue to its answer, which goes out with the entry's commit. */
static double time_one(struct bench *b, const struct text *token)
{
    struct rig_who who = { .session = b->session };
    uint8_t mem[256];
    struct buf fields;
    double from;

    buf_fixed(&fields, mem, sizeof(mem));
    msg_put_text(&fields, MSG_DOMAIN, view_str("cards"));
    msg_put_text(&fields, MSG_TOKEN, view_str(token->s));
    msg_put_text(&fields, MSG_REASON, view_str("case 7"));
    msg_put_text(&fields, MSG_PURPOSE, view_str("refund"));
    (void)rig_submit(&b->rig, VERB_DETOKENIZE, &who, buf_view(&fields));
    from = now_ns();
    while (worker_step(&b->rig.worker) || store_journal_step(b->rig.core.store))
        continue;
    from = now_ns() - from;
    rig_tick(&b->rig, TICK_MS);
    return from;
}

static void time_pair(struct bench *b, size_t i)
{
    size_t first = random_below(b, 2);
    struct text *token[2] = { &b->unknown[random_below(b, TOKENS)],
                              &b->known[random_below(b, TOKENS)] };

    b->took[first][i] = time_one(b, token[first]);
    b->took[1 - first][i] = time_one(b, token[1 - first]);
}

static int by_size(const void *x, const void *y)
{
    double a = *(const double *)x, b = *(const double *)y;

    return a < b ? -1 : a > b;
}

/* What a sample must be below to count: one bound for both kinds. */
static double crop_at(const struct bench *b)
{
    double *all = malloc(2 * b->pairs * sizeof(*all)), bound;

    RIG_CHECK(all != NULL);
    memcpy(all, b->took[0], b->pairs * sizeof(*all));
    memcpy(all + b->pairs, b->took[1], b->pairs * sizeof(*all));
    qsort(all, 2 * b->pairs, sizeof(*all), by_size);
    bound = all[(size_t)((double)(2 * b->pairs) * KEPT)];
    free(all);
    return bound;
}

struct moments {
    double mean, variance;
    size_t n;
};

static struct moments moments_of(const double *took, size_t count, double bound)
{
    struct moments m = { 0 };
    double squares = 0;

    for (size_t i = 0; i < count; i++) {
        double off = took[i] - m.mean;

        if (took[i] >= bound)
            continue;
        m.n++;
        m.mean += off / (double)m.n; /* Welford's way */
        squares += off * (took[i] - m.mean);
    }
    m.variance = squares / (double)(m.n - 1);
    return m;
}

/*
 * A share of the pairs in a core just started, with new unknown tokens: where the allocator and the
 * processor's caches happen to have put things favours one kind or the other by some ns, and does
 * so for the life of a process. That is chance, which rounds average out.
 */
static void time_round(struct bench *b, const char *domain, size_t from, size_t count)
{
    const struct domain *d;

    RIG_CHECK(rig_restart(&b->rig));
    flush(b);
    (void)signer_step(b->rig.core.signer);
    d = directory_domain(b->rig.core.dir, view_str(domain));
    for (size_t i = 0; i < TOKENS; i++)
        make_unknown(b, d, &b->unknown[i]);
    b->rig.on_reply = on_reply;
    b->rig.arg = b;
    for (size_t i = 0; i < WARM_PAIRS; i++)
        time_pair(b, from);
    for (size_t i = 0; i < count; i++)
        time_pair(b, from + i);
    b->rig.on_reply = NULL;
}

/* Welch's t of unknown tokens against the kind that b->known holds now, tokens of the domain. */
static bool are_alike(struct bench *b, const char *domain, const char *kind)
{
    struct moments m[2];
    double bound, t;

    b->answers = 0;
    for (size_t i = 0; i < ROUNDS; i++)
        time_round(b, domain, i * (b->pairs / ROUNDS), b->pairs / ROUNDS);
    RIG_CHECK(b->wrong == 0 && b->answers == 2 * (ROUNDS * WARM_PAIRS + b->pairs));
    bound = crop_at(b);
    for (size_t i = 0; i < 2; i++)
        m[i] = moments_of(b->took[i], b->pairs, bound);
    t = (m[0].mean - m[1].mean) /
        sqrt(m[0].variance / (double)m[0].n + m[1].variance / (double)m[1].n);
    printf("unknown %.1f ns, %s %.1f ns, t %.2f (n %zu and %zu, below %.0f ns)\n", m[0].mean, kind,
           m[1].mean, t, m[0].n, m[1].n, bound);
    (void)fflush(stdout);
    return t > -T_MAX && t < T_MAX;
}

static void bench_open(struct bench *b)
{
    static const char *const settings[] = {
        "auth.fresh_s=3600",
        "auth.idle_s=86400",
        "auth.session_s=86400",
        "limit.refusals_per_s=1000",
        "limit.reveals_per_factor=1000000000",
        "limit.reveals_per_day=1000000000",
        "limit.reveals_per_purpose=1000000000",
        "limit.reveals_per_minute=1000000000",
        "limit.reveal_misses=1000000000",
        "limit.reveal_sequence=33",
        "limit.guesses_per_day=1000000000",
        "log.checkpoint_max_s=86400",
        "core.store_bytes=8589934592",
    };

    fake_hsm_init(&b->hsm);
    rig_init(&b->rig, &b->hsm);
    for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++)
        rig_set(&b->rig, settings[i]);
    RIG_CHECK(rig_open(&b->rig) == HUFU_OK && rig_setup(&b->rig) == HUFU_OK);
    rig_crash(&b->rig); /* as `hufud --init` ends */
    RIG_CHECK(rig_open(&b->rig) == HUFU_OK && rig_unseal(&b->rig));
    draw_init(&b->draw, &entropy_system);
    rig_login(&b->rig, "olga", b->session);
    b->unknown = calloc(TOKENS, sizeof(*b->unknown));
    b->known = calloc(TOKENS, sizeof(*b->known));
    b->took[0] = calloc(b->pairs, sizeof(double));
    b->took[1] = calloc(b->pairs, sizeof(double));
    RIG_CHECK(b->unknown != NULL && b->known != NULL && b->took[0] != NULL && b->took[1] != NULL);
}

static void bench_close(struct bench *b)
{
    draw_done(&b->draw);
    rig_done(&b->rig);
    fake_hsm_done(&b->hsm);
    free(b->unknown);
    free(b->known);
    free(b->took[0]);
    free(b->took[1]);
}

int main(int argc, char **argv)
{
    static struct bench b;
    uint64_t pairs = PAIRS;
    bool alike;

    if (argc > 1 && text_u64(view_str(argv[1]), WARM_PAIRS, PAIRS_MAX, &pairs) != HUFU_OK)
        return 2;
    b.pairs = (size_t)pairs / ROUNDS * ROUNDS;
    log_setup("bench", LOG_ERROR_LEVEL);
    RIG_CHECK(secret_heap_init(RIG_HEAP_BYTES) == HUFU_OK);
    bench_open(&b);
    make_tokens(&b, "cards");
    change_tokens(&b, VERB_SUSPEND);
    alike = are_alike(&b, "cards", "suspended");
    change_tokens(&b, VERB_REVOKE);
    alike = are_alike(&b, "cards", "revoked") && alike;
    make_tokens(&b, "loose");
    alike = are_alike(&b, "loose", "foreign") && alike;
    bench_close(&b);
    puts(alike ? "alike" : "told apart");
    return alike ? 0 : APART;
}
