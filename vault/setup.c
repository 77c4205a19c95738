/* An empty vault's first keys and people, from an init file: `hufud --init FILE`. */
#include "vault/keeper.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vault/base/log.h"
#include "vault/base/secret.h"
#include "vault/base/text.h"
#include "vault/initfile.h"

#define ROW_TEXT_BYTES 65536

/* Adds a control row to operation 0. */
static enum hufu_err add_row(struct keeper *k, struct view key, const struct buf *text)
{
    return row_write_control(&k->w, &k->req, &k->req.op[0], key, row_seen(STORE_ABSENT), text);
}

static enum hufu_err make_kek(struct keeper *k, struct kek_row *row)
{
    struct kek_row announced;
    struct buf attrs;
    uint64_t seq;
    enum hufu_err err;

    *row = (struct kek_row){ .version = 1,
                             .state = KEY_PRE_ACTIVE,
                             .created_ms = k->core->clock->now_ms(k->core->clock) };
    err = kek_name(&k->w.draw, 1, row->id);
    if (err == HUFU_OK)
        err = keeper_op(k, "kek-announce", 1);
    if (err == HUFU_OK)
        err = keeper_write_kek(k, row, STORE_ABSENT);
    if (err == HUFU_OK)
        err = keeper_commit(k);
    if (err != HUFU_OK)
        return err;
    buf_fixed(&attrs, (uint8_t *)row->attrs, KEYROW_ATTRS_MAX);
    err = hsm_kek_make(k->core->hsm, view_str(row->id), &attrs);
    if (err == HUFU_OK)
        err = kek_row_make_canary(k->core->hsm, row);
    row->state = KEY_ACTIVE;
    if (err == HUFU_OK)
        err = keeper_op(k, "kek-activate", 1);
    if (err == HUFU_OK)
        err = keeper_find_kek(k, 1, &announced, &seq);
    if (err == HUFU_OK)
        err = keeper_write_kek(k, row, seq);
    return err == HUFU_OK ? keeper_commit(k) : err;
}

/* Makes keys of one domain and adds their rows; they go into the ring after the commit. */
static enum hufu_err make_keys(struct keeper *k, const struct kek_row *kek, uint32_t domain,
                               const enum key_kind *kind, size_t count, struct key **key_out)
{
    struct keyset_row row;
    enum hufu_err err = HUFU_OK;

    for (size_t i = 0; i < count && err == HUFU_OK; i++) {
        err = keeper_make_key(k, kek, domain, kind[i], 1, &row, &key_out[i]);
        if (err == HUFU_OK)
            err = keeper_write_keyset(k, &row, STORE_ABSENT);
    }
    return err;
}

static enum hufu_err keep_keys(struct keeper *k, struct key **key, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        enum hufu_err err = keyring_put(k->core->ring, key[i]);

        if (err != HUFU_OK)
            return err;
        key[i] = NULL;
    }
    return HUFU_OK;
}

/* Keys that did not come into the ring. */
static void drop_keys(struct key **key, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (key[i] != NULL)
            secret_free(key[i]->secret);
        free(key[i]);
    }
}

static enum hufu_err make_system_keys(struct keeper *k, const struct kek_row *kek)
{
    static const enum key_kind kinds[3] = { KEY_CONTROL, KEY_LOGID, KEY_MAC };
    struct key *key[3] = { NULL };
    enum hufu_err err;

    err = keeper_op(k, "key-make", 3);
    if (err == HUFU_OK)
        err = make_keys(k, kek, KEY_SYSTEM, kinds, 3, key);
    if (err == HUFU_OK)
        err = keeper_commit(k);
    if (err == HUFU_OK)
        err = keep_keys(k, key, 3);
    drop_keys(key, 3);
    return err == HUFU_OK ? store_digest_start(k->core->store) : err;
}

/* The public key for people: DATA/log.pem. */
static enum hufu_err write_pem(struct keeper *k, const struct log_identity *log)
{
    char path[4096];
    uint8_t mem[1024];
    struct buf pem;
    enum hufu_err err = HUFU_IO;
    int fd, n;

    n = snprintf(path, sizeof(path), "%s/log.pem", conf_text(k->core->conf, CONF_DATA));
    buf_fixed(&pem, mem, sizeof(mem));
    if (n < 0 || (size_t)n >= sizeof(path) ||
        note_spki_to_pem(view_of(log->spki, log->spki_len), &pem) != HUFU_OK)
        return HUFU_IO;
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0)
        return HUFU_IO;
    if (write(fd, pem.p, pem.len) == (ssize_t)pem.len && fsync(fd) == 0)
        err = HUFU_OK;
    close(fd);
    return err;
}

static enum hufu_err make_log(struct keeper *k)
{
    struct log_identity log = { 0 };
    uint8_t raw[6], mem[512];
    struct buf spki, name, text;
    enum hufu_err err;

    if (draw_bytes(&k->w.draw, raw, sizeof(raw)) != HUFU_OK)
        return HUFU_IO;
    (void)snprintf(log.origin, sizeof(log.origin), "%s", conf_text(k->core->conf, CONF_ORIGIN));
    buf_fixed(&name, (uint8_t *)log.key_id, HSM_KEY_ID_MAX);
    buf_str(&name, "log-1-");
    text_hex(&name, raw, sizeof(raw));
    buf_fixed(&spki, log.spki, sizeof(log.spki));
    err = hsm_sign_make(k->core->hsm, view_str(log.key_id), &spki);
    log.spki_len = spki.len;
    if (err == HUFU_OK)
        err = keeper_op(k, "log-key-make", 1);
    if (err != HUFU_OK)
        return err;
    buf_fixed(&text, mem, sizeof(mem));
    log_identity_put(&log, &text);
    err = add_row(k, row_plain_key(&k->req, TABLE_META, view_str("log")), &text);
    if (err == HUFU_OK)
        err = keeper_commit(k);
    return err == HUFU_OK ? write_pem(k, &log) : err;
}

static enum hufu_err add_user(struct keeper *k, uint32_t id, const struct init_user *in)
{
    const struct conf *conf = k->core->conf;
    struct user user = { .id = id, .state = ROW_ACTIVE, .role = (uint8_t)in->role };
    struct buf text;
    enum hufu_err err;

    buf_init(&text, ROW_TEXT_BYTES);
    (void)snprintf(user.name, sizeof(user.name), "%s", in->name);
    (void)snprintf(user.group, sizeof(user.group), "%s", in->group);
    user.created_ms = k->core->clock->now_ms(k->core->clock);
    user.password_ms = user.created_ms;
    user.since_ms = user.created_ms;
    err =
        password_make(&k->w.draw, view_str(in->password), (uint32_t)conf_u64(conf, CONF_ARGON_KIB),
                      (uint32_t)conf_u64(conf, CONF_ARGON_PASSES), &user.password);
    if (err == HUFU_OK)
        err = secret_from(in->seed, sizeof(in->seed), &user.seed);
    if (err == HUFU_OK)
        err = keeper_op(k, "init-user", 1);
    if (err == HUFU_OK) {
        request_entry(&k->req, 0)->purpose = view_str(in->name);
        user_put(&user, &text);
        err = add_row(k, row_numbered_key(&k->req, TABLE_USER, id), &text);
    }
    if (err == HUFU_OK)
        err = keeper_commit(k);
    user_clear(&user);
    buf_done(&text);
    return err;
}

static enum hufu_err add_partner(struct keeper *k, uint32_t id, struct partner *p)
{
    struct buf text;
    enum hufu_err err;

    p->id = id;
    p->state = ROW_ACTIVE;
    p->created_ms = k->core->clock->now_ms(k->core->clock);
    buf_init(&text, ROW_TEXT_BYTES);
    partner_put(p, &text);
    err = keeper_op(k, "init-partner", 1);
    if (err == HUFU_OK) {
        request_entry(&k->req, 0)->purpose = view_str(p->name);
        err = add_row(k, row_numbered_key(&k->req, TABLE_PARTNER, id), &text);
    }
    if (err == HUFU_OK)
        err = keeper_commit(k);
    buf_done(&text);
    return err;
}

static enum hufu_err add_domain(struct keeper *k, const struct kek_row *kek, uint32_t id,
                                struct domain *d)
{
    static const enum key_kind kinds[REQUEST_KEYS_MAX] = { KEY_DATA, KEY_INDEX, KEY_FF1 };
    struct key *key[REQUEST_KEYS_MAX] = { NULL };
    size_t count = d->mode == MODE_FF1 ? 3 : 2;
    struct buf text;
    enum hufu_err err;

    d->id = id;
    d->state = ROW_ACTIVE;
    d->index_version = 1;
    d->created_ms = k->core->clock->now_ms(k->core->clock);
    buf_init(&text, ROW_TEXT_BYTES);
    domain_put(d, &text);
    err = keeper_op(k, "init-domain", 1 + REQUEST_KEYS_MAX);
    if (err == HUFU_OK) {
        request_entry(&k->req, 0)->domain = view_str(d->name);
        err = add_row(k, row_numbered_key(&k->req, TABLE_DOMAIN, id), &text);
    }
    if (err == HUFU_OK)
        err = make_keys(k, kek, id, kinds, count, key);
    if (err == HUFU_OK)
        err = keeper_commit(k);
    if (err == HUFU_OK)
        err = keep_keys(k, key, count);
    drop_keys(key, count);
    buf_done(&text);
    return err;
}

/* The last row: a vault without it was never finished, and is not opened (unseal.c). */
static enum hufu_err finish(struct keeper *k, const struct row_ids *ids)
{
    uint8_t mem[32];
    struct buf text;
    enum hufu_err err = keeper_op(k, "init-done", 1);

    if (err != HUFU_OK)
        return err;
    buf_fixed(&text, mem, sizeof(mem));
    row_ids_put(ids, &text);
    err = add_row(k, row_plain_key(&k->req, TABLE_META, view_str("ids")), &text);
    return err == HUFU_OK ? keeper_commit(k) : err;
}

enum hufu_err setup_vault(struct keeper *k, struct view init_text)
{
    struct init *init = NULL;
    struct row_ids ids;
    struct kek_row kek;
    struct merkle tree;
    enum hufu_err err;

    store_log(k->core->store, &tree);
    if (tree.size > 0)
        return HUFU_CONFLICT;
    err = init_parse(init_text, k->core->formats, &init);
    if (err != HUFU_OK)
        return err;
    ids = (struct row_ids){ (uint32_t)init->domain_count + 1, (uint32_t)init->partner_count + 1,
                            (uint32_t)init->user_count + 1, 1 };
    err = make_kek(k, &kek);
    if (err == HUFU_OK)
        err = make_system_keys(k, &kek);
    if (err == HUFU_OK)
        err = make_log(k);
    for (uint32_t i = 0; i < init->user_count && err == HUFU_OK; i++)
        err = add_user(k, i + 1, &init->user[i]);
    for (uint32_t i = 0; i < init->domain_count && err == HUFU_OK; i++)
        err = add_domain(k, &kek, i + 1, &init->domain[i]);
    for (uint32_t i = 0; i < init->partner_count && err == HUFU_OK; i++)
        err = add_partner(k, i + 1, &init->partner[i]);
    if (err == HUFU_OK)
        err = finish(k, &ids);
    init_free(init);
    return err;
}
