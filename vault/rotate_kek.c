/* Rotating the KEK: a new one is made and proved, then every key is sealed under it. */
#include "vault/rotation.h"

#include <stdio.h>
#include <string.h>

#include "vault/base/log.h"
#include "vault/base/secret.h"
#include "vault/base/text.h"
#include "vault/handle.h"

static size_t count_keysets(struct keeper *k)
{
    const struct key *key;
    size_t n = 0;

    for (size_t i = 0; (key = keyring_at(k->core->ring, i)) != NULL; i++)
        n += atomic_load(&key->state) != KEY_DESTROYED;
    return n;
}

/* "kek-2-3f9a27…": new each time, so that a key which was made and then forgotten is never taken.
 */
enum hufu_err kek_name(struct draw *draw, uint32_t version, char out[static HSM_KEY_ID_MAX + 1])
{
    uint8_t raw[6], mem[HSM_KEY_ID_MAX];
    struct buf b;

    if (draw_bytes(draw, raw, sizeof(raw)) != HUFU_OK)
        return HUFU_IO;
    buf_fixed(&b, mem, sizeof(mem));
    buf_str(&b, "kek-");
    buf_dec(&b, version);
    buf_str(&b, "-");
    text_hex(&b, raw, sizeof(raw));
    memcpy(out, b.p, b.len);
    out[b.len] = '\0';
    return HUFU_OK;
}

/* The new version's id is journalled before the HSM makes the key. */
static enum hufu_err announce(struct keeper *k, struct ceremony *c)
{
    struct kek_row row = { .state = KEY_PRE_ACTIVE, .created_ms = core_now(k->core) };
    enum hufu_err err;

    row.version = keeper_last_kek(k) + 1;
    err = kek_name(&k->w.draw, row.version, row.id);
    if (err == HUFU_OK)
        err = keeper_op(k, "kek-announce", 2);
    if (err == HUFU_OK)
        err = keeper_write_kek(k, &row, STORE_ABSENT);
    c->target = row.version;
    c->total = count_keysets(k);
    if (err == HUFU_OK)
        err = ceremony_row_write(&k->w, &k->req, &k->req.op[0], c);
    return err == HUFU_OK ? keeper_commit(k) : err;
}

/* Made (or found, where it was made before a kill), proved by its canary, then active. */
static enum hufu_err activate(struct keeper *k, struct kek_row *target, uint64_t target_seq)
{
    struct kek_row old;
    struct buf attrs;
    uint64_t old_seq;
    enum hufu_err err;

    buf_fixed(&attrs, (uint8_t *)target->attrs, KEYROW_ATTRS_MAX);
    err = hsm_kek_make(k->core->hsm, view_str(target->id), &attrs);
    if (err == HUFU_CONFLICT) {
        buf_reset(&attrs);
        err = hsm_kek_find(k->core->hsm, view_str(target->id), &attrs);
    }
    if (err == HUFU_OK)
        err = kek_row_make_canary(k->core->hsm, target);
    if (err == HUFU_OK)
        err = keeper_active_kek(k, &old, &old_seq);
    if (err == HUFU_OK)
        err = keeper_op(k, "kek-activate", 2);
    if (err != HUFU_OK)
        return err;
    target->state = KEY_ACTIVE;
    old.state = KEY_DEACTIVATED;
    err = keeper_write_kek(k, target, target_seq);
    if (err == HUFU_OK)
        err = keeper_write_kek(k, &old, old_seq);
    return err == HUFU_OK ? keeper_commit(k) : err;
}

static enum hufu_err rewrap(struct keeper *k, const struct kek_row *target, const struct key *key,
                            struct ceremony *c)
{
    struct secret *secret = NULL;
    struct keyset_row row;
    struct kek_row old;
    uint64_t row_seq, old_seq;
    enum hufu_err err;

    err = keeper_find_keyset(k, key->domain, key->kind, key->version, &row, &row_seq);
    if (err == HUFU_OK)
        err = keeper_find_kek(k, row.kek_version, &old, &old_seq);
    if (err == HUFU_OK)
        err = keyset_row_open(k->core->hsm, &old, &row, &secret);
    if (err == HUFU_OK)
        err = keyset_row_seal(k->core->hsm, target, secret, &row);
    if (err == HUFU_OK)
        err = keeper_op(k, "key-rewrap", 2);
    if (err == HUFU_OK)
        err = keeper_write_keyset(k, &row, row_seq);
    c->done++;
    if (c->done > c->total)
        c->total = c->done;
    if (err == HUFU_OK)
        err = ceremony_row_write(&k->w, &k->req, &k->req.op[0], c);
    if (err == HUFU_OK)
        err = keeper_commit(k);
    secret_free(secret);
    return err;
}

/* A key that still lies under another version. One without a row has never been used. */
static bool is_due(struct keeper *k, const struct key *key, uint32_t target)
{
    struct keyset_row row;
    uint64_t seq;

    return atomic_load(&key->kek_version) != target && atomic_load(&key->state) != KEY_DESTROYED &&
           keeper_find_keyset(k, key->domain, key->kind, key->version, &row, &seq) !=
               HUFU_NOT_FOUND;
}

enum hufu_err rotate_kek_piece(struct keeper *k, struct ceremony *c)
{
    struct kek_row target;
    struct key *key;
    uint64_t seq;
    enum hufu_err err;

    if (c->target == 0)
        return announce(k, c);
    err = keeper_find_kek(k, c->target, &target, &seq);
    if (err != HUFU_OK)
        return HUFU_CORRUPT;
    if (target.state == KEY_PRE_ACTIVE)
        return activate(k, &target, seq);
    for (size_t i = 0; (key = keyring_at(k->core->ring, i)) != NULL; i++)
        if (is_due(k, key, target.version))
            return rewrap(k, &target, key, c);
    return rotation_end(k, c, CEREMONY_DONE, "");
}
