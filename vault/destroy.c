/*
 * Destroying a data or index key: only where no row needs it, in the map or in the journal; or an
 * FF1 key, whose tokens are nowhere and are unknown from then on. First
 * its row loses the sealed key, and it is found no more; a moment later, when no request can still
 * hold it, its secret is wiped.
 */
#include "vault/rotation.h"

#include "vault/handle.h"
#include "vault/keylist.h"
#include "vault/keys/envelope.h"

#define GRACE_MS 5000 /* far longer than a worker holds a key */

struct needed { /* what each row is asked */
    const struct key *key;
};

/* True for a row that does not need the key. */
static bool is_free(void *arg, struct view key, struct view image)
{
    const struct needed *n = arg;
    struct view header;
    struct reader r;
    uint32_t version;

    if (n->key->kind == KEY_DATA)
        return envelope_peek(image, &version, &header) == HUFU_OK && version != n->key->version;
    reader_init(&r, key.p, key.len);
    (void)reader_u8(&r);
    (void)reader_be32(&r);
    return reader_be32(&r) != n->key->version;
}

/* Replay after a crash may need what the journal still holds; a commit without operations trims. */
static enum hufu_err settle_journal(struct keeper *k, const struct key *key)
{
    struct store_numbers n;
    enum hufu_err err;

    store_numbers(k->core->store, &n);
    if (n.trimmed > atomic_load(&key->row_seq))
        return HUFU_OK;
    store_hurry(k->core->store, n.seq); /* their segment goes once the map has all of it */
    k->req.draft = (struct store_draft){ 0 };
    err = n.applied > atomic_load(&key->row_seq) ? keeper_commit(k) : HUFU_OK;
    return err == HUFU_OK ? HUFU_BUSY : err;
}

static enum hufu_err mark(struct keeper *k, struct ceremony *c, const struct key *key)
{
    const struct domain *d = directory_domain_id(k->core->dir, key->domain);
    struct keyset_row row;
    uint64_t seq;
    enum hufu_err err;

    c->target = key->version;
    err = keeper_find_keyset(k, key->domain, key->kind, key->version, &row, &seq);
    if (err == HUFU_OK)
        err = rotation_op(k, c, "key-destroy", 3);
    row.state = KEY_DESTROYED;
    row.sealed_len = 0;
    if (err == HUFU_OK)
        err = keeper_write_keyset(k, &row, seq);
    if (err == HUFU_OK && key->kind == KEY_FF1 && d != NULL) /* no draft may still read under it */
        err = rotation_write_domain(k, d, d->index_version, d->index_next);
    if (err == HUFU_OK)
        err = ceremony_row_write(&k->w, &k->req, &k->req.op[0], c);
    return err == HUFU_OK ? keeper_commit(k) : err;
}

static enum hufu_err count(struct keeper *k, struct ceremony *c, struct key *key)
{
    struct needed needed = { key };
    uint8_t prefix_mem[5];
    struct pass_work work = { .is_done = is_free, .arg = &needed };
    struct pass *pass = pass_find(k, c->id, c->seq);
    enum pass_state state;
    struct buf prefix;
    enum hufu_err err;

    if (pass == NULL)
        return HUFU_BUSY;
    buf_fixed(&prefix, prefix_mem, sizeof(prefix_mem));
    buf_u8(&prefix, key->kind == KEY_DATA ? TABLE_TOKEN : TABLE_INDEX);
    buf_be32(&prefix, key->domain);
    work.prefix = buf_view(&prefix);
    err = pass_piece(k, pass, &work, &state);
    if (err != HUFU_OK || state != PASS_OVER)
        return err;
    atomic_store(&key->records, pass->total - pass->done);
    if (pass->total > pass->done) /* it is needed: nothing was touched */
        return rotation_end(k, c, CEREMONY_FAILED, err_name(HUFU_CONFLICT));
    return mark(k, c, key);
}

static enum hufu_err finish(struct keeper *k, struct ceremony *c, struct key *key)
{
    struct pass *pass = pass_find(k, c->id, c->seq);
    uint64_t now = core_boot(k->core);

    if (pass != NULL && pass->due_boot_ms == 0)
        pass->due_boot_ms = now + GRACE_MS;
    if (pass == NULL || now < pass->due_boot_ms)
        return HUFU_BUSY;
    key_end(key);
    return rotation_end(k, c, CEREMONY_DONE, "");
}

enum hufu_err destroy_key_piece(struct keeper *k, struct ceremony *c)
{
    struct key *key = keylist_find(k->core, view_str(c->subject));
    enum hufu_err err;

    if (key == NULL)
        return HUFU_NOT_FOUND;
    if (atomic_load(&key->state) == KEY_DESTROYED)
        return finish(k, c, key);
    if (!key_can_end(key))
        return rotation_end(k, c, CEREMONY_FAILED, err_name(HUFU_CONFLICT));
    /* A row that is written anew, but not in the map, still lies there as the pass meets it. */
    if (rotation_is_on(k, key->domain))
        return HUFU_BUSY;
    if (key->kind == KEY_FF1) /* no row needs it; who approved gives up its tokens, uncounted */
        return mark(k, c, key);
    err = settle_journal(k, key);
    return err == HUFU_OK ? count(k, c, key) : err;
}
