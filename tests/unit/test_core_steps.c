/*
 * The core's steps in seeded random order, many requests in flight, crashes between any two,
 * against a model that foretells every decision: what was answered holds for ever, what was refused
 * changed nothing, and every value that left has its entry. HUFU_SEED=n runs that seed alone;
 * HUFU_SEEDS=n runs that many.
 */

#include "tests/unit/core_world_check.h"
#include "tests/unit/disk_faults.h"
#include "tests/unit/core_world_judge.h"
#include "tests/unit/core_world_send.h"
#include "vault/base/log.h"
#include "vault/keys/envelope.h"

#define STEPS 2200

static struct world w_all;

/* A disk that is full, for one step. */
static void disk_fails(struct world *w, bool on)
{
    fault_count = &w->fails;
    fault_disk(on ? ENOSPC : 0);
}

static struct flight *flight_of(struct world *w, uint64_t id)
{
    for (size_t i = 0; i < FLIGHTS; i++)
        if (w->flight[i].busy && w->flight[i].id == id)
            return &w->flight[i];
    return NULL;
}

static void on_reply(void *arg, uint64_t id, const struct msg_reply *reply)
{
    struct world *w = arg;
    struct flight *f = flight_of(w, id);

    MUST(w, f != NULL);
    judge(w, f, reply);
    f->busy = false;
}

static void work(struct world *w)
{
    const struct request *req = (const struct request *)w->rig.core.work.head;

    if (req == NULL) {
        MUST(w, !worker_step(&w->rig.worker));
        return;
    }
    foretell(w, flight_of(w, req->frame_id), req);
    w->in_work = true;
    MUST(w, worker_step(&w->rig.worker));
    w->in_work = false;
}

static void keep(struct world *w)
{
    bool loaded = w->rig.keeper.loaded;

    if (draw(w, 12) == 0)
        fake_hsm_fail(&w->hsm, 1 + (unsigned)draw(w, 3), HUFU_HSM_DOWN, draw(w, 2) == 0);
    if (!loaded) /* what is refused while unsealing only costs time */
        disk_fails(w, false);
    (void)keeper_step(&w->rig.keeper);
    disk_fails(w, false);
    MUST(w, atomic_load(&w->rig.core.phase) != CORE_BROKEN);
    w->hsm.fail_in = 0;
    if (loaded || !w->rig.keeper.loaded)
        return;
    for (size_t i = 0; i < w->sessions; i++) /* idle times begin anew */
        w->ses[i].used_boot = w->rig.clock.boot;
    store_check(w);
}

/* Closing writes nothing. What waited is answered 503 or never. */
static void crash(struct world *w)
{
    disk_fails(w, false);
    w->crashing = true;
    rig_crash(&w->rig);
    w->crashing = false;
    for (size_t i = 0; i < FLIGHTS; i++) {
        w->lost += w->flight[i].busy;
        w->flight[i].busy = false;
    }
    w->crashes++;
    MUST(w, rig_open(&w->rig) == HUFU_OK);
    if (draw(w, 3) != 0)
        while (keeper_step(&w->rig.keeper))
            continue;
    if (!w->rig.keeper.loaded)
        return;
    for (size_t i = 0; i < w->sessions; i++)
        w->ses[i].used_boot = w->rig.clock.boot;
    store_check(w);
}

static void step(struct world *w)
{
    uint64_t what = draw(w, 1000);

    if (w->hsm.down && draw(w, 60) == 0)
        w->hsm.down = false;
    if (atomic_load(&w->rig.core.phase) != CORE_OPEN && draw(w, 5) == 0)
        keep(w);
    if (w->rotates && draw(w, 8) == 0)
        keep(w);
    if (w->rig.keeper.loaded)
        background(w);
    if (w->rotates && w->rig.keeper.loaded && draw(w, 80) == 0)
        store_check(w);
    disk_fails(w, draw(w, 40) == 0);
    if (what < 260)
        submit(w);
    else if (what < 520)
        work(w);
    else if (what < 660)
        (void)store_journal_step(w->rig.core.store);
    else if (what < 740)
        (void)store_map_step(w->rig.core.store, draw(w, 3) == 0);
    else if (what < 780)
        (void)signer_step(w->rig.core.signer);
    else if (what < 840)
        keep(w);
    else if (what < 870)
        (void)password_step(&w->rig.core);
    else if (what < 900)
        (void)sweeper_step(&w->rig.sweeper);
    else if (what < 990)
        rig_tick(&w->rig, draw(w, 40) == 0 ? draw(w, 120000) : draw(w, 1000));
    else if (what < 994)
        w->hsm.down = !w->hsm.down && draw(w, 2) == 0;
    else if (what < 998)
        crash(w);
    disk_fails(w, false);
    if (w->rig.keeper.loaded)
        background(w);
    log_check(w);
}

static bool is_idle(struct world *w)
{
    for (size_t i = 0; i < FLIGHTS; i++)
        if (w->flight[i].busy)
            return false;
    for (size_t i = 0; i < w->ceremonies; i++)
        if (w->cer[i].state == CEREMONY_RUNNING)
            return false;
    return atomic_load(&w->rig.core.phase) == CORE_OPEN;
}

/* With everything there again, every request is answered and every rotation ends. */
static void quiesce(struct world *w)
{
    w->hsm.down = false;
    for (int i = 0; i < 5000 && !is_idle(w); i++) {
        while (queue_count(&w->rig.core.work) > 0)
            work(w);
        (void)password_step(&w->rig.core);
        (void)store_journal_step(w->rig.core.store);
        (void)store_map_step(w->rig.core.store, true); /* a rotation waits for it */
        rig_tick(&w->rig, 5);
        keep(w);
        if (w->rig.keeper.loaded)
            background(w);
    }
    MUST(w, is_idle(w));
    rig_tick(&w->rig, 2000);
    (void)signer_step(w->rig.core.signer);
    (void)store_journal_step(w->rig.core.store);
    log_check(w);
    MUST(w, w->signed_size == w->lines);
}

/* After a rotation every key that is left lies under the newest KEK. */
static void keys_check(struct world *w)
{
    struct kek_row kek;
    struct key *key;
    uint64_t seq;

    MUST(w, keeper_active_kek(&w->rig.keeper, &kek, &seq) == HUFU_OK);
    MUST(w, w->ended[ROTATE_KEK] == 0 || kek.version > 1);
    for (size_t i = 0; (key = keyring_at(w->rig.core.ring, i)) != NULL; i++)
        MUST(w, atomic_load(&key->kek_version) == kek.version ||
                    atomic_load(&key->state) == KEY_DESTROYED);
}

static bool sealed_each(void *arg, struct view key, uint64_t seq, struct view image)
{
    struct world *w = arg;
    struct view header;
    uint32_t version;

    (void)seq;
    (void)key;
    MUST(w, envelope_peek(image, &version, &header) == HUFU_OK);
    MUST(w, keyring_active(w->rig.core.ring, w->domain_id[0], KEY_DATA)->version == version);
    return true;
}

/* After a rotation every record of the domain lies under its newest data key. */
static void records_check(struct world *w)
{
    uint8_t prefix[5] = { TABLE_TOKEN, 0, 0, 0, (uint8_t)w->domain_id[0] }, mem[STORE_KEY_MAX];
    struct buf next;

    buf_fixed(&next, mem, sizeof(mem));
    MUST(w, store_scan(w->rig.sweeper.reader, view_of(prefix, 5), view_of(prefix, 5), SIZE_MAX,
                       sealed_each, w, &next) == HUFU_OK);
}

static void people_find(struct world *w)
{
    for (size_t i = 0; i < PEOPLE; i++) {
        w->person[i].name = people[i];
        w->person[i].id = directory_user(w->rig.core.dir, view_str(people[i]))->id;
    }
    for (size_t d = 0; d < 3; d++) {
        w->domain_there[d] = true;
        w->domain_id[d] = (uint32_t)d + 1;
    }
}

static void seed_run(struct world *w, uint64_t seed)
{
    memset(w, 0, sizeof(*w));
    w->seed = w->random = seed;
    w->rotates = seed % 2 == 0;
    merkle_init(&w->tree);
    merkle_root(&w->tree, &w->root[0]);
    fake_hsm_init(&w->hsm);
    rig_init(&w->rig, &w->hsm);
    rig_set(&w->rig, "core.generation_ops=64");
    rig_set(&w->rig, "core.slice_ops=16");
    rig_set(&w->rig, "limit.guesses_per_day=60");
    rig_set(&w->rig, "limit.lookup_misses=1000000000");      /* test_lookup_share has it */
    rig_set(&w->rig, "limit.reveals_per_minute=1000000000"); /* test_reveal_limit has these */
    rig_set(&w->rig, "limit.reveal_misses=1000000000");
    rig_set(&w->rig, "limit.reveal_sequence=33");
    rig_set(&w->rig, "ceremony.life_s=400");
    rig_set(&w->rig, "sweep.pass_s=1");
    rig_set(&w->rig, "ceremony.rows_per_s=800"); /* small chunks, many of them */
    MUST(w, rig_open(&w->rig) == HUFU_OK && rig_setup(&w->rig) == HUFU_OK);
    rig_crash(&w->rig);
    MUST(w, rig_open(&w->rig) == HUFU_OK && rig_unseal(&w->rig));
    w->rig.on_reply = on_reply;
    w->rig.arg = w;
    people_find(w);
    for (w->step = 0; w->step < STEPS; w->step++)
        step(w);
    quiesce(w);
    crash(w);
    quiesce(w);
    store_check(w);
    keys_check(w);
    records_check(w);
    rig_done(&w->rig);
    fake_hsm_done(&w->hsm);
}

static uint64_t number_of(const char *name, uint64_t without)
{
    const char *text = getenv(name);

    return text != NULL ? strtoull(text, NULL, 10) : without;
}

int main(void)
{
    struct world *w = &w_all;
    uint64_t first = number_of("HUFU_SEED", 1);
    uint64_t count = number_of("HUFU_SEEDS", getenv("HUFU_SEED") != NULL ? 1 : 24);
    size_t sum[14] = { 0 };

    log_setup("test", LOG_ERROR_LEVEL);
    if (secret_heap_init(RIG_HEAP_BYTES) != HUFU_OK)
        return 1;
    for (uint64_t i = 0; i < count; i++) {
        seed_run(w, first + i);
        sum[0] += w->answered;
        sum[1] += w->good;
        sum[2] += w->replayed;
        sum[3] += w->revealed;
        sum[4] += w->limited;
        sum[5] += w->crashes;
        sum[6] += w->lost;
        sum[7] += w->toks;
        sum[8] += w->replaced;
        sum[9] += w->swept;
        for (size_t k = 0; k < KINDS; k++)
            sum[10 + k] += w->ended[k];
    }
    printf("core steps: %" PRIu64 " seeds, %zu answers, %zu good, %zu replayed, %zu revealed, "
           "%zu limited, %zu crashes, %zu lost, %zu tokens, %zu replaced, %zu found swept, "
           "ended: %zu KEK, %zu data and %zu index rotations, %zu keys\n",
           count, sum[0], sum[1], sum[2], sum[3], sum[4], sum[5], sum[6], sum[7], sum[8], sum[9],
           sum[10], sum[11], sum[12], sum[13]);
    for (size_t i = 0; i < 14 && count >= 24; i++)
        if (sum[i] == 0) {
            fprintf(stderr, "core steps: number %zu of these never happened\n", i + 1);
            return 1;
        }
    return 0;
}
