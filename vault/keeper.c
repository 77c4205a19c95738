#include "vault/keeper.h"

#include <stdlib.h>
#include <string.h>

#include "vault/base/log.h"
#include "vault/base/secret.h"
#include "vault/export.h"
#include "vault/handle.h"
#include "vault/rotation.h"
#include "vault/subject_work.h"

#define WRITES_MAX 8

enum hufu_err keeper_init(struct keeper *k, struct core *core)
{
    *k = (struct keeper){ .core = core };
    pthread_mutex_init(&k->mu, NULL);
    pthread_cond_init(&k->cv, NULL);
    k->req.core = core;
    arena_init(&k->req.in, core->pool);
    arena_init(&k->req.work, core->pool);
    return worker_init(&k->w, core);
}

void keeper_done(struct keeper *k)
{
    export_run_free(k->exporting);
    arena_done(&k->req.work);
    arena_done(&k->req.in);
    worker_done(&k->w);
    pthread_cond_destroy(&k->cv);
    pthread_mutex_destroy(&k->mu);
}

enum hufu_err keeper_op(struct keeper *k, const char *verb, size_t write_max)
{
    enum hufu_err err;

    arena_done(&k->req.work);
    k->req.draft = (struct store_draft){ 0 };
    err = request_ops(&k->req, 1, write_max, write_max, 0);
    if (err == HUFU_OK)
        request_entry(&k->req, 0)->verb = verb;
    return err;
}

void keeper_settle(struct keeper *k)
{
    pthread_mutex_lock(&k->mu);
    k->settled = true;
    pthread_cond_signal(&k->cv);
    pthread_mutex_unlock(&k->mu);
}

void keeper_wait(struct keeper *k)
{
    while (k->drives_journal && !k->settled)
        if (!store_journal_step(k->core->store))
            (void)store_map_step(k->core->store, true);
    pthread_mutex_lock(&k->mu);
    while (!k->settled)
        pthread_cond_wait(&k->cv, &k->mu);
    pthread_mutex_unlock(&k->mu);
}

static void settled(struct store_draft *draft)
{
    keeper_settle(draft->arg);
}

enum hufu_err keeper_commit(struct keeper *k)
{
    k->settled = false;
    k->req.draft.done = settled;
    k->req.draft.arg = k;
    if (store_submit(k->core->store, &k->req.draft) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    keeper_wait(k);
    return k->req.draft.err;
}

enum hufu_err keeper_write_kek(struct keeper *k, const struct kek_row *row, uint64_t seq)
{
    return row_write_kek(&k->req, &k->req.op[0], row, seq);
}

enum hufu_err keeper_write_keyset(struct keeper *k, const struct keyset_row *row, uint64_t seq)
{
    return row_write_keyset(&k->req, &k->req.op[0], row, seq);
}

enum hufu_err keeper_make_key(struct keeper *k, const struct kek_row *kek, uint32_t domain,
                              enum key_kind kind, uint32_t version, struct keyset_row *row_out,
                              struct key **key_out)
{
    struct key *key = calloc(1, sizeof(*key));
    enum hufu_err err;

    if (key == NULL)
        return HUFU_NOMEM;
    err = secret_random(KEY_LEN, &key->secret);
    if (err != HUFU_OK)
        goto out;
    key->domain = domain;
    key->kind = (uint8_t)kind;
    key->version = version;
    key->created_ms = core_now(k->core);
    atomic_init(&key->state, KEY_ACTIVE);
    atomic_init(&key->leased, KEY_LEASE);
    atomic_init(&key->kek_version, kek->version);
    *row_out = (struct keyset_row){ .domain = domain,
                                    .kind = (uint8_t)kind,
                                    .version = version,
                                    .state = KEY_ACTIVE,
                                    .created_ms = key->created_ms,
                                    .leased = KEY_LEASE };
    err = keyset_row_seal(k->core->hsm, kek, key->secret, row_out);
    if (err == HUFU_OK) {
        *key_out = key;
        key = NULL;
    }
out:
    if (key != NULL)
        secret_free(key->secret);
    free(key);
    return err;
}

enum hufu_err keeper_find_kek(struct keeper *k, uint32_t version, struct kek_row *out,
                              uint64_t *seq_out)
{
    uint8_t key_mem[8], image_mem[KEYROW_ATTRS_MAX + KEYROW_SEALED_MAX + 128];
    struct buf key, image;
    struct store_seen seen;
    enum hufu_err err;

    buf_fixed(&key, key_mem, sizeof(key_mem));
    buf_fixed(&image, image_mem, sizeof(image_mem));
    kek_row_key(version, &key);
    err = store_find(k->w.reader, buf_view(&key), &image, &seen);
    if (err == HUFU_OK)
        err = kek_row_get(buf_view(&key), buf_view(&image), out);
    if (err == HUFU_OK)
        *seq_out = seen.seq;
    return err;
}

enum hufu_err keeper_find_keyset(struct keeper *k, uint32_t domain, unsigned kind, uint32_t version,
                                 struct keyset_row *out, uint64_t *seq_out)
{
    uint8_t key_mem[16], image_mem[KEYROW_SEALED_MAX + 64];
    struct buf key, image;
    struct store_seen seen;
    enum hufu_err err;

    buf_fixed(&key, key_mem, sizeof(key_mem));
    buf_fixed(&image, image_mem, sizeof(image_mem));
    keyset_row_key(domain, kind, version, &key);
    err = store_find(k->w.reader, buf_view(&key), &image, &seen);
    if (err == HUFU_OK)
        err = keyset_row_get(buf_view(&key), buf_view(&image), out);
    if (err == HUFU_OK)
        *seq_out = seen.seq;
    return err;
}

uint32_t keeper_last_kek(struct keeper *k)
{
    uint32_t version = 0;
    struct kek_row row;
    uint64_t seq;

    while (keeper_find_kek(k, version + 1, &row, &seq) == HUFU_OK)
        version++;
    return version;
}

enum hufu_err keeper_active_kek(struct keeper *k, struct kek_row *out, uint64_t *seq_out)
{
    struct kek_row row;
    uint64_t seq;

    for (uint32_t v = keeper_last_kek(k); v > 0; v--) {
        enum hufu_err err = keeper_find_kek(k, v, &row, &seq);

        if (err != HUFU_OK)
            return err;
        if (row.state == KEY_ACTIVE) {
            *out = row;
            *seq_out = seq;
            return HUFU_OK;
        }
    }
    return HUFU_NOT_FOUND;
}

/* Reserves the next seals of one key. HUFU_NOT_FOUND: none needs it. */
static enum hufu_err extend_lease(struct keeper *k)
{
    struct keyset_row row;
    struct key *key;
    uint64_t seq;
    enum hufu_err err;

    for (size_t i = 0; (key = keyring_at(k->core->ring, i)) != NULL; i++) {
        if (!key_wants_lease(key))
            continue;
        if (keeper_find_keyset(k, key->domain, key->kind, key->version, &row, &seq) != HUFU_OK)
            return HUFU_CORRUPT; /* an active key has a row */
        row.leased += KEY_LEASE;
        err = keeper_op(k, "key-lease", 1);
        if (err == HUFU_OK)
            err = keeper_write_keyset(k, &row, seq);
        return err == HUFU_OK ? keeper_commit(k) : err;
    }
    return HUFU_NOT_FOUND;
}

/* The keys of a domain that somebody is adding; the worker goes on with them. */
static bool serve_keys(struct keeper *k)
{
    struct request *req = (struct request *)queue_take(&k->core->keys);
    static const enum key_kind kinds[REQUEST_KEYS_MAX] = { KEY_DATA, KEY_INDEX, KEY_FF1 };
    struct row_ids ids = { 0 };
    struct kek_row kek;
    size_t count;
    uint64_t seq;
    enum hufu_err err;

    if (req == NULL)
        return false;
    count = view_is(msg_text(&req->msg, MSG_MODE), domain_mode_name(MODE_FF1)) ? 3 : 2;
    request_drop_keys(req);
    err = directory_ids(k->core->dir, &ids, &seq);
    if (err == HUFU_OK)
        err = keeper_active_kek(k, &kek, &req->new_key_kek_seq);
    hsm_call_for(k->core->hsm, req->msg.request_id);
    for (size_t i = 0; i < count && err == HUFU_OK; i++)
        err = keeper_make_key(k, &kek, ids.domain, kinds[i], 1, &req->new_key[i].row,
                              &req->new_key[i].key);
    hsm_call_for(k->core->hsm, view_of(NULL, 0));
    log_event(err == HUFU_OK ? LOG_INFO : LOG_WARN, "keys.made", "request_id",
              LOG_VIEW(req->msg.request_id), "domain_id", LOG_NUM(ids.domain), "err", LOG_ERR(err),
              NULL);
    if (err != HUFU_OK || queue_put(&k->core->work, &req->node) != HUFU_OK)
        request_answer(req, HUFU_UNAVAILABLE, MSG_WHERE_NONE);
    return true;
}

bool keeper_step(struct keeper *k)
{
    int phase = atomic_load(&k->core->phase);
    enum hufu_err err;
    bool did;

    k->pause_ms = KEEPER_PAUSE_MS;
    if (phase == CORE_BROKEN)
        return false;
    if (!k->loaded)
        return unseal_step(k);
    err = extend_lease(k);
    if (err == HUFU_OK)
        return true;
    if (phase == CORE_SEALED && err != HUFU_NOT_FOUND)
        return false; /* nothing could be sealed */
    if (phase == CORE_SEALED) {
        atomic_store(&k->core->phase, CORE_OPEN);
        log_event(LOG_INFO, "core.open", NULL);
        return true;
    }
    if (serve_keys(k))
        return true;
    did = export_step(k);
    did = subject_work_step(k) || did;
    return rotation_step(k) || did; /* neither waits for the other */
}
