/*
 * core_rig.h - a whole core without threads in a temporary folder, over a fake HSM.
 *
 * Layer:   tests/. Includes the rooms of the core.
 * Threads: one; the test drives every step.
 *
 * Closing writes nothing, so rig_crash is a crash. Two partners (acme, zeta), nine people, and the
 * domains of rig_init_text.
 */
#ifndef HUFU_TESTS_CORE_RIG_H
#define HUFU_TESTS_CORE_RIG_H

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/hmac.h>

#include "tests/fake_hsm.h"
#include "vault/base/clock.h"
#include "vault/base/frame.h"
#include "vault/base/secret.h"
#include "vault/base/text.h"
#include "vault/core.h"
#include "vault/handle.h"
#include "vault/keeper.h"

#define RIG_HEAP_BYTES 1048576
#define RIG_NOW_MS     1790000000000ULL /* 2026-09-21T14:13:20Z */

#define RIG_CHECK(condition)                                                                       \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                        \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

struct rig_clock {
    struct clock_ops ops; /* first */
    uint64_t now, boot;
};

struct rig_reply {
    bool there;
    enum hufu_err err;
    enum msg_success success;
    uint8_t flags;
    struct msg_where where;
    uint32_t retry_after_s;
    char *body; /* NUL behind its end */
    size_t body_len;
};

struct core_rig {
    char dir[64];
    struct conf *conf;
    struct rig_clock clock;
    struct fake_hsm *hsm;
    struct core core;
    struct keeper keeper;
    struct worker worker, sweeper;
    bool up;
    uint64_t next_id;
    struct rig_reply reply; /* the last one … */
    uint64_t reply_id;      /* … and whose */
    /* Where set, gets every reply instead. */
    void (*on_reply)(void *arg, uint64_t id, const struct msg_reply *reply);
    void *arg;
};

struct rig_who {         /* who sends a request */
    const char *partner; /* or */
    const char *session;
    const char *idem_key; /* may be NULL */
};

static const struct {
    const char *name, *role;
} rig_users[] = {
    { "olga", "operator" },  { "omar", "operator" },       { "carl", "custodian" },
    { "cora", "custodian" }, { "sara", "security_admin" }, { "sven", "security_admin" },
    { "aude", "auditor" },
};
#define RIG_USERS (sizeof(rig_users) / sizeof(rig_users[0]))

/* Who decides on grants; there where rig_has_approvers was set before rig_start. alma is of the
 * group of those who ask. */
static const struct {
    const char *name, *group;
} rig_approvers[] = {
    { "anna", "approver" }, { "abel", "risk" }, { "arno", "risk" }, { "alma", "operator" }
};
#define RIG_APPROVERS (sizeof(rig_approvers) / sizeof(rig_approvers[0]))
static bool rig_has_approvers;

static const char rig_domains[] =
    "[domain cards]\nformat = pan\nmode = deterministic\npartners = acme,zeta\n"
    "purposes = refund,dispute\nkeep_prefix = 6\nkeep_suffix = 4\nbatch_detokenize = 10\n"
    "[domain loose]\nformat = pan\nmode = random\npartners = acme\n"
    "purposes = refund\nkeep_prefix = 0\nkeep_suffix = 4\nbatch_detokenize = 10\n"
    "[domain once]\nformat = pan\nmode = one-time\npartners = acme\n"
    "purposes = refund\nbatch_detokenize = 10\n"
    "[partner acme]\n"
    "pin = a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1\n"
    "formats = pan\ndomains = cards,loose,once,extra-0,extra-1\n"
    "[partner zeta]\n"
    "pin = b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2\n"
    "formats = pan\ndomains = cards\n";

static inline uint64_t rig_now(const struct clock_ops *clock)
{
    return ((const struct rig_clock *)clock)->now;
}

static inline uint64_t rig_boot(const struct clock_ops *clock)
{
    return ((const struct rig_clock *)clock)->boot;
}

static inline void rig_tick(struct core_rig *rig, uint64_t ms)
{
    rig->clock.now += ms;
    rig->clock.boot += ms;
}

static inline void rig_seed(const char *user, uint8_t out[static ROW_SEED_LEN])
{
    for (size_t i = 0; i < ROW_SEED_LEN; i++)
        out[i] = (uint8_t)(user[i % strlen(user)] * 7 + (int)i);
}

/* The code of RFC 6238 for a step of 30 s, by libcrypto alone. */
static inline void rig_code(const char *user, uint64_t step, char out[static 7])
{
    uint8_t seed[ROW_SEED_LEN], mac[20], counter[8];
    unsigned len = sizeof(mac);
    uint32_t n;

    rig_seed(user, seed);
    for (int i = 0; i < 8; i++)
        counter[i] = (uint8_t)(step >> (56 - 8 * i));
    RIG_CHECK(HMAC(EVP_sha1(), seed, sizeof(seed), counter, 8, mac, &len) != NULL && len == 20);
    n = (uint32_t)(mac[mac[19] & 15] & 127) << 24 | (uint32_t)mac[(mac[19] & 15) + 1] << 16 |
        (uint32_t)mac[(mac[19] & 15) + 2] << 8 | mac[(mac[19] & 15) + 3];
    snprintf(out, 7, "%06u", n % 1000000);
}

static inline void rig_put_user(struct buf *out, const char *name, const char *role)
{
    uint8_t seed[ROW_SEED_LEN];

    rig_seed(name, seed);
    buf_str(out, "[user ");
    buf_str(out, name);
    buf_str(out, "]\nrole = ");
    buf_str(out, role);
    buf_str(out, "\npassword = correct-horse-"); /* and the name, with a dot inside it */
    buf_put(out, name, 1);
    buf_str(out, ".");
    buf_str(out, name + 1);
    buf_str(out, "\ntotp_secret = ");
    text_base32(out, seed, sizeof(seed));
    buf_str(out, "\n");
}

static inline void rig_init_text(struct buf *out)
{
    for (size_t i = 0; i < RIG_USERS; i++)
        rig_put_user(out, rig_users[i].name, rig_users[i].role);
    for (size_t i = 0; rig_has_approvers && i < RIG_APPROVERS; i++) {
        rig_put_user(out, rig_approvers[i].name, "approver");
        buf_str(out, "group = ");
        buf_str(out, rig_approvers[i].group);
        buf_str(out, "\n");
    }
    buf_str(out, rig_domains);
}

static inline void rig_send(struct core *core, struct request *req)
{
    struct core_rig *rig = core->send_arg;
    const struct msg_reply *r = &req->reply;
    struct rig_reply *kept = &rig->reply;

    if (rig->on_reply != NULL) {
        rig->on_reply(rig->arg, req->frame_id, r);
        return;
    }
    free(kept->body);
    *kept = (struct rig_reply){ true,
                                r->err,
                                r->success,
                                r->flags,
                                r->where,
                                r->retry_after_s,
                                calloc(1, r->body.len + 1),
                                r->body.len };
    RIG_CHECK(kept->body != NULL);
    if (r->body.len > 0)
        memcpy(kept->body, r->body.p, r->body.len);
    rig->reply_id = req->frame_id;
}

/* A setting, as in the file; before rig_open. */
static inline void rig_set(struct core_rig *rig, const char *assignment)
{
    char why[200] = "";

    if (conf_set(rig->conf, assignment, why, sizeof(why)) != HUFU_OK) {
        fprintf(stderr, "rig: %s\n", why);
        abort();
    }
}

static inline void rig_init(struct core_rig *rig, struct fake_hsm *hsm)
{
    char why[200], data[128];

    memset(rig, 0, sizeof(*rig));
    rig->hsm = hsm;
    snprintf(rig->dir, sizeof(rig->dir), "%s/hufu-core-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    RIG_CHECK(mkdtemp(rig->dir) != NULL);
    rig->clock = (struct rig_clock){ { rig_now, rig_boot }, RIG_NOW_MS, 5000 };
    RIG_CHECK(conf_load("", &rig->conf, why, sizeof(why)) == HUFU_OK);
    snprintf(data, sizeof(data), "vault.data=%s", rig->dir);
    rig_set(rig, data);
    rig_set(rig, "vault.formats=conf/formats.conf");
    rig_set(rig, "vault.origin=rig.test/log");
    rig_set(rig, "auth.argon2_kib=19456");
    rig_set(rig, "auth.argon2_passes=2");
    rig_set(rig, "core.arena_bytes=16777216");
    rig_set(rig, "core.store_bytes=67108864");
    rig_set(rig, "alarm.suspend_partners=no"); /* most tests go on behind a limit */
}

/* Builds the core over what lies in the folder. */
static inline enum hufu_err rig_open(struct core_rig *rig)
{
    char why[200];
    enum hufu_err err;

    memset(&rig->core, 0, sizeof(rig->core));
    rig->core.conf = rig->conf;
    rig->core.clock = &rig->clock.ops;
    rig->core.entropy = &entropy_system;
    rig->core.hsm = &rig->hsm->ops;
    rig->core.send = rig_send;
    rig->core.send_arg = rig;
    RIG_CHECK(format_set_load(conf_text(rig->conf, CONF_FORMATS), &rig->core.formats, why,
                              sizeof(why)) == HUFU_OK);
    err = core_build(&rig->core);
    if (err != HUFU_OK) {
        core_take_down(&rig->core);
        format_set_free(rig->core.formats);
        return err;
    }
    RIG_CHECK(keeper_init(&rig->keeper, &rig->core) == HUFU_OK);
    rig->keeper.drives_journal = true;
    RIG_CHECK(worker_init(&rig->worker, &rig->core) == HUFU_OK);
    RIG_CHECK(worker_init(&rig->sweeper, &rig->core) == HUFU_OK);
    rig->up = true;
    return HUFU_OK;
}

/* What waits is refused with UNAVAILABLE or forgotten; nothing is flushed. */
static inline void rig_crash(struct core_rig *rig)
{
    if (!rig->up)
        return;
    keeper_done(&rig->keeper);
    worker_done(&rig->worker);
    worker_done(&rig->sweeper);
    core_take_down(&rig->core);
    format_set_free(rig->core.formats);
    rig->up = false;
}

static inline int rig_remove(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    (void)st;
    (void)kind;
    (void)ftw;
    return remove(path);
}

static inline void rig_done(struct core_rig *rig)
{
    rig_crash(rig);
    free(rig->reply.body);
    conf_free(rig->conf);
    nftw(rig->dir, rig_remove, 8, FTW_DEPTH | FTW_PHYS);
}

static inline enum hufu_err rig_setup(struct core_rig *rig)
{
    struct buf text;
    enum hufu_err err;

    buf_init(&text, 65536);
    rig_init_text(&text);
    err = setup_vault(&rig->keeper, buf_view(&text));
    buf_done(&text);
    return err;
}

/* Lets the keeper work until it gets no further; true where the vault is open then. */
static inline bool rig_unseal(struct core_rig *rig)
{
    while (keeper_step(&rig->keeper))
        continue;
    return atomic_load(&rig->core.phase) == CORE_OPEN;
}

/* A new vault, open. */
static inline void rig_start(struct core_rig *rig, struct fake_hsm *hsm)
{
    rig_init(rig, hsm);
    RIG_CHECK(rig_open(rig) == HUFU_OK);
    RIG_CHECK(rig_setup(rig) == HUFU_OK);
    rig_crash(rig); /* as `hufud --init` ends */
    RIG_CHECK(rig_open(rig) == HUFU_OK);
    RIG_CHECK(rig_unseal(rig));
}

static inline bool rig_restart(struct core_rig *rig)
{
    rig_crash(rig);
    RIG_CHECK(rig_open(rig) == HUFU_OK);
    return rig_unseal(rig);
}

/* Hands a request in, as the front's link does; returns its id. */
static inline uint64_t rig_submit(struct core_rig *rig, uint16_t verb, const struct rig_who *who,
                                  struct view fields)
{
    struct msg_request head = { .request_id = view_str("rig-1"), .where = MSG_WHERE_NONE };
    struct request *req;
    struct buf frame;
    enum hufu_err err;

    head.addr[15] = 1;
    if (who->partner != NULL) {
        head.flags |= MSG_HAS_PIN;
        memset(head.pin, who->partner[0] == 'a' ? 0xa1 : 0xb2, sizeof(head.pin));
    }
    if (who->session != NULL) {
        head.flags |= MSG_HAS_SESSION;
        head.session = view_str(who->session);
    }
    if (who->idem_key != NULL)
        head.idem_key = view_str(who->idem_key);
    buf_init(&frame, FRAME_BODY_MAX);
    msg_request_put_head(&frame, &head);
    buf_put(&frame, fields.p, fields.len);
    RIG_CHECK(buf_check(&frame) == HUFU_OK);
    req = request_new(&rig->core, verb, buf_view(&frame), &err);
    buf_done(&frame);
    RIG_CHECK(req != NULL);
    req->frame_id = ++rig->next_id;
    RIG_CHECK(queue_put(&rig->core.work, &req->node) == HUFU_OK);
    return rig->next_id;
}

#endif
