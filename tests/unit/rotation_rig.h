/*
 * rotation_rig.h - a core whose keys are rotated while values are tokenised, and a look at its
 * rows.
 *
 * Layer:   tests. Includes cmocka first, then this.
 * Threads: one.
 */
#ifndef HUFU_TESTS_ROTATION_RIG_H
#define HUFU_TESTS_ROTATION_RIG_H

#include <stdlib.h>
#include <string.h>

#include <lmdb.h>

#include "tests/core_calls.h"
#include "vault/base/log.h"
#include "vault/index.h"
#include "vault/keys/envelope.h"

#define VALUES    400
#define STEPS_MAX 200000
#define CARDS     1 /* id of the first domain */

static struct core_rig rig;
static struct fake_hsm hsm;
static struct rig_who acme = { .partner = "acme" };
static char carl[MSG_SESSION_LEN + 1], cora[MSG_SESSION_LEN + 1], olga[MSG_SESSION_LEN + 1];
static char token[VALUES][32]; /* of value i; empty: none yet */

static inline int heap(void **state)
{
    (void)state;
    log_setup("test", LOG_ERROR_LEVEL);
    return secret_heap_init(RIG_HEAP_BYTES) == HUFU_OK ? 0 : -1;
}

static inline int setup(void **state)
{
    (void)state;
    memset(token, 0, sizeof(token));
    fake_hsm_init(&hsm);
    rig_init(&rig, &hsm);
    rig_set(&rig, "ceremony.rows_per_s=0");
    rig_set(&rig, "limit.guesses_per_day=1000000000");
    rig_set(&rig, "limit.reveals_per_factor=1000000000");
    rig_set(&rig, "limit.reveals_per_day=1000000000");
    rig_set(&rig, "limit.reveals_per_purpose=1000000000");
    rig_set(&rig, "limit.reveals_per_minute=1000000000");
    rig_set(&rig, "limit.reveal_misses=1000000000");
    rig_set(&rig, "limit.reveal_sequence=33");
    rig_set(&rig, "core.slice_ops=16");
    RIG_CHECK(rig_open(&rig) == HUFU_OK);
    RIG_CHECK(rig_setup(&rig) == HUFU_OK);
    RIG_CHECK(rig_restart(&rig));
    rig_login(&rig, "carl", carl);
    rig_login(&rig, "cora", cora);
    rig_login(&rig, "olga", olga);
    return 0;
}

static inline int teardown(void **state)
{
    (void)state;
    rig_done(&rig);
    fake_hsm_done(&hsm);
    return 0;
}

/* Value i: a card number that is one by its check digit. */
static inline void value_of(unsigned i, char out[static 17])
{
    unsigned sum = 0;

    snprintf(out, 17, "411111%09u", i * 7919u % 1000000000u);
    for (int at = 14; at >= 0; at--) {
        unsigned digit = (unsigned)(out[at] - '0') * ((at & 1) == 0 ? 2 : 1);

        sum += digit > 9 ? digit - 9 : digit;
    }
    out[15] = (char)('0' + (10 - sum % 10) % 10);
    out[16] = '\0';
}

/* Tokenises value i and holds the answer against what was answered before. */
static inline void tokenise(unsigned i)
{
    const struct rig_reply *r;
    char value[17], got[32];

    value_of(i, value);
    r = rig_tokenize(&rig, &acme, "cards", value);
    assert_int_equal(r->err, HUFU_OK);
    assert_non_null(rig_member(r->body, "token", got, sizeof(got)));
    if (token[i][0] == '\0')
        memcpy(token[i], got, sizeof(got));
    assert_string_equal(token[i], got);
}

static inline void reveal(unsigned i)
{
    const struct rig_reply *r;
    char value[17], got[32];

    value_of(i, value);
    r = rig_reveal(&rig, olga, "cards", token[i]);
    assert_int_equal(r->err, HUFU_OK);
    assert_non_null(rig_member(r->body, "value", got, sizeof(got)));
    assert_string_equal(got, value);
}

static inline const struct rig_reply *propose(const char *kind, const char *domain,
                                              const char *subject)
{
    return rig_propose(&rig, carl, kind, domain, subject);
}

/* Proposed by carl and seconded by cora: it runs. */
static inline void begin(const char *kind, const char *domain, const char *subject,
                         char id[static ID_TEXT_LEN + 1])
{
    struct rig_who who = { .session = cora };
    const struct rig_reply *r = propose(kind, domain, subject);
    struct buf b;

    assert_int_equal(r->err, HUFU_OK);
    assert_non_null(rig_member(r->body, "id", id, ID_TEXT_LEN + 1));
    buf_init(&b, 128);
    msg_put_text(&b, MSG_ID, view_str(id));
    r = rig_call(&rig, VERB_CEREMONY_APPROVE, &who, buf_view(&b));
    buf_done(&b);
    assert_int_equal(r->err, HUFU_OK);
}

static inline void find(const char *id, struct ceremony *out)
{
    uint8_t raw[ID_LEN];

    assert_int_equal(id_parse(view_str(id), raw), HUFU_OK);
    assert_int_equal(directory_ceremony(rig.core.dir, raw, out), HUFU_OK);
}

static inline uint8_t state_of(const char *id)
{
    struct ceremony c;

    find(id, &c);
    return c.state;
}

/* One step of everybody, the clock going on a little. */
static inline void step(void)
{
    rig_tick(&rig, 20);
    (void)keeper_step(&rig.keeper);
    (void)store_journal_step(rig.core.store);
    (void)store_map_step(rig.core.store, true);
}

static inline void finish(const char *id)
{
    for (int i = 0; i < STEPS_MAX && state_of(id) == CEREMONY_RUNNING; i++)
        step();
    assert_int_not_equal(state_of(id), CEREMONY_RUNNING);
}

static inline void flush(void)
{
    while (store_map_step(rig.core.store, true))
        continue;
}

struct versions { /* rows of a table by key version */
    size_t of[16];
};

static inline bool tally_record(void *arg, struct view key, uint64_t seq, struct view image)
{
    struct versions *t = arg;
    struct view header;
    uint32_t version;

    (void)key;
    (void)seq;
    assert_int_equal(envelope_peek(image, &version, &header), HUFU_OK);
    t->of[version]++;
    return true;
}

static inline bool tally_index(void *arg, struct view key, uint64_t seq, struct view image)
{
    struct versions *t = arg;

    (void)seq;
    (void)image;
    t->of[key.p[8]]++; /* the last byte of the version */
    return true;
}

static inline struct versions count_rows(uint8_t table)
{
    uint8_t prefix[5] = { table, 0, 0, 0, CARDS }, next_mem[STORE_KEY_MAX];
    struct versions t = { { 0 } };
    struct buf next;

    buf_fixed(&next, next_mem, sizeof(next_mem));
    assert_int_equal(store_scan(rig.worker.reader, view_of(prefix, 5), view_of(prefix, 5), SIZE_MAX,
                                table == TABLE_TOKEN ? tally_record : tally_index, &t, &next),
                     HUFU_OK);
    return t;
}

static inline uint8_t key_state(enum key_kind kind, uint32_t version)
{
    struct key *key;

    for (size_t i = 0; (key = keyring_at(rig.core.ring, i)) != NULL; i++)
        if (key->domain == CARDS && key->kind == kind && key->version == version)
            return atomic_load(&key->state);
    return 0;
}

/* Changes a row of the map behind the closed vault's back: its last byte is flipped, or, with more,
 * its sealed text gets that many bytes at its end. */
static inline void damage(uint8_t *row, size_t row_len, size_t more)
{
    MDB_val key = { row_len, row }, value;
    char path[128];
    uint8_t *copy;
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi dbi;

    rig_crash(&rig);
    snprintf(path, sizeof(path), "%s/map", rig.dir);
    assert_int_equal(mdb_env_create(&env), 0);
    assert_int_equal(mdb_env_set_maxdbs(env, 8), 0);
    assert_int_equal(mdb_env_open(env, path, 0, 0600), 0);
    assert_int_equal(mdb_txn_begin(env, NULL, 0, &txn), 0);
    assert_int_equal(mdb_dbi_open(txn, "row", 0, &dbi), 0);
    assert_int_equal(mdb_get(txn, dbi, &key, &value), 0);
    copy = calloc(1, value.mv_size + more);
    assert_non_null(copy);
    memcpy(copy, value.mv_data, value.mv_size);
    if (more == 0) {
        copy[value.mv_size - 1] ^= 1;
    } else { /* seq 8, format, suite, version 4, header after its u16, nonce 12, text after its u32
              */
        size_t at = 14 + 2 + (size_t)(copy[14] | copy[15] << 8) + 12, len = value.mv_size - at - 20;

        for (size_t i = 0; i < 4; i++)
            copy[at + i] = (uint8_t)((len + more) >> (8 * i));
    }
    value = (MDB_val){ value.mv_size + more, copy };
    assert_int_equal(mdb_put(txn, dbi, &key, &value, 0), 0);
    assert_int_equal(mdb_txn_commit(txn), 0);
    mdb_env_close(env);
    free(copy);
    RIG_CHECK(rig_open(&rig) == HUFU_OK);
    RIG_CHECK(rig_unseal(&rig));
}

/* The same with the record of value i. */
static inline void damage_record(unsigned i, size_t more)
{
    uint8_t row[64] = { TABLE_TOKEN, 0, 0, 0, CARDS };
    size_t len = strlen(token[i]);

    memcpy(row + 5, token[i], len);
    damage(row, 5 + len, more);
}

#endif
