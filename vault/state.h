/*
 * state.h - the core's state, and what a worker needs to decide.
 *
 * Layer:   vault/ (verbs). Includes the rooms of the core.
 * Threads: struct core is filled at start and then read by all; what changes is atomic or has a
 * lock of its own. One struct worker belongs to one thread.
 */
#ifndef HUFU_STATE_H
#define HUFU_STATE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "vault/access/deny.h"
#include "vault/access/directory.h"
#include "vault/access/refusal.h"
#include "vault/access/verbs.h"
#include "vault/base/arena.h"
#include "vault/base/bins.h"
#include "vault/base/conf.h"
#include "vault/base/entropy.h"
#include "vault/base/msg.h"
#include "vault/base/queue.h"
#include "vault/format/format_set.h"
#include "vault/keys/crypt.h"
#include "vault/keys/hsm_client.h"
#include "vault/keys/keyring.h"
#include "vault/log/signer.h"
#include "vault/progress.h"
#include "vault/remnant.h"
#include "vault/store/store.h"
#include "vault/sweep.h"

#define CORE_ATTEMPTS 256           /* how often a request is decided again after a lost race */
#define CORE_TALLIES  256           /* domains that are counted each for itself */
#define LIMIT_OFF     1000000000ULL /* a limit at the top of its range is not counted */

enum core_limit { /* what a counter is for */
                  LIMIT_NONE,
                  LIMIT_GUESSES,
                  LIMIT_VALUES,
                  LIMIT_LOOKUPS,
                  LIMIT_REVEALS_FACTOR,
                  LIMIT_REVEALS_DAY,
                  LIMIT_REVEALS_PURPOSE,
                  LIMIT_REVEALS_MINUTE,
                  LIMIT_REVEAL_MISSES,
                  LIMIT_REVEAL_SEQUENCE,
                  LIMIT_COUNT
};

enum core_phase {
    CORE_SEALED, /* no keys yet */
    CORE_OPEN,
    CORE_BROKEN, /* what was found must not be served: a person has to look */
};

struct alarms;
struct fill;
struct request;
struct reveal_watch;

struct core {
    const struct conf *conf;
    const struct clock_ops *clock;
    const struct entropy_ops *entropy;
    struct hsm_ops *hsm;
    struct arena_pool *pool;
    struct store *store;
    struct keyring *ring;
    struct directory *dir;
    struct signer *signer;
    struct refusals *refusals;
    struct deny *deny;         /* passwords that nobody may have */
    struct remnants *remnants; /* nearly full buckets */
    struct format_set *formats;
    struct bins bins;                    /* of the setting token.bins */
    struct queue work;                   /* requests for workers */
    struct queue passwords;              /* requests whose password is to be hashed; 16 at most */
    struct queue keys;                   /* requests that need new keys: the keeper asks the HSM */
    struct crypt *journal_crypt;         /* the journal thread's own: hooks seal with it */
    struct progress progress;            /* of running ceremonies */
    _Atomic int phase;                   /* enum core_phase */
    _Atomic(const char *) part;          /* what keeps it sealed, for readyz */
    _Atomic uint64_t served[VERB_COUNT]; /* replies by verb */
    _Atomic uint64_t refused[HUFU_ERR_COUNT];
    _Atomic uint64_t limited[LIMIT_COUNT]; /* refusals by limit */
    _Atomic uint64_t in_work;
    _Atomic uint64_t judged_ms; /* the store's time, which is held where the clock ran back */
    struct sweeps sweeps;       /* the sweeper's own */
    struct fill *fill;          /* fill.h */
    struct alarms *alarms;      /* alarm_desk.h */
    struct reveal_watch *watch; /* reveal_watch.h */
    struct tally {              /* since the start, by domain id; the last is for the rest */
        _Atomic uint64_t created, revealed;
        _Atomic uint64_t lookup_hits, lookup_misses;
        _Atomic uint64_t capacity; /* of the domain; 0: not reckoned yet */
    } tally[CORE_TALLIES + 1];
    uint64_t started_ms; /* UTC */
    /* Takes the finished request's reply away; called from workers and the journal thread. */
    void (*send)(struct core *core, struct request *req);
    /* Called around several sends by a worker or the journal thread: they may leave together. NULL
     * is fine. */
    void (*gather)(struct core *core, bool on);
    void *send_arg;
};

struct worker { /* what one thread needs to decide */
    struct core *core;
    struct store_reader *reader;
    struct crypt *crypt;
    struct draw draw;
    uint8_t decoy[256], decoy_text[64]; /* decoy.h */
    size_t decoy_len, decoy_text_len;
    unsigned gathered; /* requests served since replies are gathered; 0: they are not */
};

#endif
