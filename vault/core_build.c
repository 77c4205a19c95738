/* The parts of a core, put together and taken apart. */
#include "vault/core.h"

#include "vault/alarm_desk.h"
#include "vault/base/log.h"
#include "vault/fill.h"
#include "vault/handle.h"
#include "vault/reveal_watch.h"

#define WORK_MAX      8192 /* requests that may wait; the front holds fewer */
#define PASSWORDS_MAX 16
#define KEYS_MAX      64

static enum hufu_err open_store(struct core *core)
{
    const struct conf *conf = core->conf;
    struct store_settings s = {
        .dir = conf_text(conf, CONF_DATA),
        .file_bytes = conf_u64(conf, CONF_MAP_BYTES),
        .recent_bytes = conf_u64(conf, CONF_RECENT_BYTES),
        .generation_ops = conf_u64(conf, CONF_GENERATION_OPS),
        .flush_ms = conf_u64(conf, CONF_FLUSH_MS),
        .slice_ops = conf_u64(conf, CONF_SLICE_OPS),
        .queue_max = WORK_MAX,
        .clock = core->clock,
        .hooks = core_hooks(core),
    };

    return store_open_lmdb(&s, &core->store);
}

enum hufu_err core_read_deny(struct core *core)
{
    struct deny_fault fault = { NULL, 0 };
    enum hufu_err err = deny_load(core->deny, conf_text(core->conf, CONF_DENY_FILE), &fault);

    if (err != HUFU_OK)
        log_event(LOG_ERROR_LEVEL, "core.deny_file", "line", LOG_NUM(fault.line), "why",
                  LOG_STR(fault.why), NULL);
    return err;
}

enum hufu_err core_build(struct core *core)
{
    const struct conf *conf = core->conf;
    struct signer_settings signing = { .pause_ms = conf_u64(conf, CONF_CHECKPOINT_MS),
                                       .max_age_ms = conf_u64(conf, CONF_CHECKPOINT_AGE) * 1000,
                                       .clock = core->clock };
    enum hufu_err err;

    /* conf.c has read them once: this cannot fail. */
    err = bins_parse(view_str(conf_text(conf, CONF_TOKEN_BINS)), &core->bins, NULL);
    core->started_ms = core_now(core);
    progress_init(&core->progress);
    queue_init(&core->work, WORK_MAX);
    queue_init(&core->passwords, PASSWORDS_MAX);
    queue_init(&core->keys, KEYS_MAX);
    atomic_init(&core->phase, CORE_SEALED);
    atomic_init(&core->part, "starting");
    if (err == HUFU_OK)
        err = arena_pool_new((size_t)conf_u64(conf, CONF_ARENA_BYTES), &core->pool);
    if (err == HUFU_OK)
        err = keyring_new(&core->ring);
    if (err == HUFU_OK)
        err = directory_new(&core->dir);
    if (err == HUFU_OK)
        err = refusals_new(conf_u64(conf, CONF_REFUSALS_S), &core->refusals);
    if (err == HUFU_OK)
        refusals_watch(core->refusals, conf_u64(conf, CONF_ALARM_REFUSALS));
    if (err == HUFU_OK)
        err = alarms_new(conf, &core->alarms);
    if (err == HUFU_OK)
        err = deny_new(&core->deny);
    if (err == HUFU_OK)
        err = core_read_deny(core);
    if (err == HUFU_OK)
        err = fill_new(&core->fill);
    if (err == HUFU_OK)
        err = remnants_new(&core->remnants);
    if (err == HUFU_OK)
        err = reveal_watch_new(&core->watch);
    if (err == HUFU_OK)
        err = crypt_new(&core->journal_crypt);
    if (err == HUFU_OK)
        err = open_store(core);
    if (err == HUFU_OK)
        err = signer_new(core->store, core->hsm, &signing, &core->signer);
    return err;
}

/* Requests that nobody will serve any more. A queue that was never made has no tail. */
static void drop_all(struct queue *q)
{
    struct qnode *n;

    if (q->tail == NULL)
        return;
    while ((n = queue_take(q)) != NULL)
        request_free((struct request *)n);
    queue_done(q);
}

void core_take_down(struct core *core)
{
    if (core->store != NULL)
        store_close(core->store);
    drop_all(&core->work);
    drop_all(&core->passwords);
    drop_all(&core->keys);
    signer_free(core->signer);
    crypt_free(core->journal_crypt);
    remnants_free(core->remnants);
    refusals_free(core->refusals);
    deny_free(core->deny);
    fill_free(core->fill);
    reveal_watch_free(core->watch);
    alarms_free(core->alarms);
    directory_free(core->dir);
    keyring_free(core->ring);
    arena_pool_free(core->pool);
    progress_done(&core->progress);
}
