/*
 * Rotating the key that the data of an ff1 domain lie under: one operation makes the new version
 * active. Nothing is walked, since nothing is stored: the old version stays and reads its tokens.
 */
#include "vault/ff1_domain.h"
#include "vault/rotation.h"

/* The new row comes first: who looks between the two finds the new version, and its draft meets the
 * domain's row changed. */
static enum hufu_err begin(struct keeper *k, struct ceremony *c, const struct domain *d)
{
    struct keyset_row row;
    enum hufu_err err;

    err = rotation_make_key(k, d->id, KEY_FF1, &row);
    if (err != HUFU_OK)
        return err;
    c->target = row.version;
    err = rotation_op(k, c, "key-activate", 4);
    if (err == HUFU_OK)
        err = keeper_write_keyset(k, &row, STORE_ABSENT);
    if (err == HUFU_OK)
        err = rotation_deactivate(k, d->id, KEY_FF1);
    if (err == HUFU_OK)
        err = rotation_write_domain(k, d, d->index_version, d->index_next);
    if (err == HUFU_OK)
        err = ceremony_row_write(&k->w, &k->req, &k->req.op[0], c);
    return err == HUFU_OK ? keeper_commit(k) : err;
}

enum hufu_err rotate_ff1_piece(struct keeper *k, struct ceremony *c)
{
    const struct domain *d = directory_domain_id(k->core->dir, c->domain_id);

    if (d == NULL)
        return HUFU_NOT_FOUND;
    if (c->target != 0)
        return rotation_end(k, c, CEREMONY_DONE, "");
    if (ff1_domain_may_rotate(k->core, d, c->kind) != HUFU_OK)
        return rotation_end(k, c, CEREMONY_FAILED, err_name(HUFU_UNSUPPORTED_MODE));
    return begin(k, c, d);
}
