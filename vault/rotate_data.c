/*
 * Rotating a domain's data key. One operation makes the new version active; the journal thread
 * seals under it from the very next group on. Then all records in the map are opened and sealed
 * again, at the same seq: no value, token or state changes, so this is no operation.
 */
#include "vault/rotation.h"

#include "vault/base/secret.h"
#include "vault/ff1_domain.h"
#include "vault/keys/envelope.h"

#define IMAGE_MAX (RECORD_HEADER_MAX + RECORD_TEXT_MAX + ENVELOPE_OVERHEAD)

static enum hufu_err begin(struct keeper *k, struct ceremony *c)
{
    const struct domain *d = directory_domain_id(k->core->dir, c->domain_id);
    struct keyset_row row;
    enum hufu_err err;

    if (d == NULL)
        return HUFU_NOT_FOUND;
    err = rotation_make_key(k, d->id, KEY_DATA, &row);
    if (err != HUFU_OK)
        return err;
    c->target = row.version;
    err = rotation_op(k, c, "key-activate", 4);
    if (err == HUFU_OK)
        err = rotation_deactivate(k, d->id, KEY_DATA);
    if (err == HUFU_OK)
        err = keeper_write_keyset(k, &row, STORE_ABSENT);
    if (err == HUFU_OK)
        err = rotation_write_domain(k, d, d->index_version, d->index_next);
    if (err == HUFU_OK)
        err = ceremony_row_write(&k->w, &k->req, &k->req.op[0], c);
    k->req.draft.closes_group = true; /* what follows is sealed under the new version */
    return err == HUFU_OK ? keeper_commit(k) : err;
}

struct reseal { /* what each row needs */
    struct keeper *k;
    struct pass *pass;
    uint32_t domain, target;
};

static bool is_resealed(void *arg, struct view key, struct view image)
{
    const struct reseal *r = arg;
    struct view header;
    uint32_t version;

    (void)key;
    return envelope_peek(image, &version, &header) == HUFU_OK && version == r->target;
}

/* Opens an image under its own version and seals it under the active one, into out. */
static enum hufu_err seal_again(struct reseal *r, struct view key, uint64_t seq, struct view image,
                                struct buf *out)
{
    struct keyring *ring = r->k->core->ring;
    struct key *active = keyring_active(ring, r->domain, KEY_DATA), *old;
    uint8_t mem[RECORD_TEXT_MAX];
    struct view header;
    struct buf text;
    uint32_t version;
    enum hufu_err err;

    buf_fixed(&text, mem, sizeof(mem));
    if (envelope_peek(image, &version, &header) != HUFU_OK)
        return HUFU_CORRUPT;
    old = keyring_find(ring, r->domain, KEY_DATA, version);
    if (active == NULL || old == NULL)
        return HUFU_CORRUPT;
    err = envelope_open(r->k->w.crypt, old, key, seq, image, &text);
    if (err == HUFU_RANGE) /* longer than any record */
        err = HUFU_CORRUPT;
    if (err == HUFU_OK)
        err = envelope_lay(out, header, buf_view(&text), &r->k->w.draw);
    if (err == HUFU_OK)
        err = envelope_seal(r->k->w.crypt, active, key, seq, out->p, out->len);
    buf_done(&text);
    return err;
}

static enum hufu_err each(void *arg, struct rewrite *rw, struct view key, uint64_t seq,
                          struct view image)
{
    struct reseal *r = arg;
    uint8_t mem[IMAGE_MAX];
    struct buf out;
    enum hufu_err err;

    if (is_resealed(r, key, image))
        return HUFU_OK;
    buf_fixed(&out, mem, sizeof(mem));
    err = seal_again(r, key, seq, image, &out);
    if (err == HUFU_OK)
        err = rewrite_put(rw, key, seq, buf_view(&out));
    buf_done(&out);
    if (err != HUFU_CORRUPT)
        return err;
    r->pass->damaged++; /* it stays as it is: the others go on, the ceremony ends as failed */
    return HUFU_OK;
}

enum hufu_err rotate_data_piece(struct keeper *k, struct ceremony *c)
{
    uint8_t prefix_mem[5], cursor_mem[ID_LEN + 1];
    struct reseal r = { k, NULL, c->domain_id, c->target };
    struct pass_work work = { .is_done = is_resealed, .each = each, .arg = &r };
    const struct domain *d = directory_domain_id(k->core->dir, c->domain_id);
    enum pass_state state;
    struct buf prefix;
    enum hufu_err err;

    if (d != NULL && ff1_domain_is(d))
        return rotate_ff1_piece(k, c);
    if (c->target == 0)
        return begin(k, c);
    if (!rotation_is_applied(k, c))
        return HUFU_BUSY;
    r.pass = pass_find(k, c->id, c->seq);
    if (r.pass == NULL)
        return HUFU_BUSY;
    buf_fixed(&prefix, prefix_mem, sizeof(prefix_mem));
    buf_u8(&prefix, TABLE_TOKEN);
    buf_be32(&prefix, c->domain_id);
    work.prefix = buf_view(&prefix);
    work.name = rotation_cursor(c, 1, cursor_mem);
    err = pass_piece(k, r.pass, &work, &state);
    if (err != HUFU_OK || state != PASS_OVER)
        return err == HUFU_OK && state == PASS_WAIT ? HUFU_BUSY : err;
    if (r.pass->damaged > 0)
        return rotation_end(k, c, CEREMONY_FAILED, err_name(HUFU_CORRUPT));
    rotation_note_records(k, c->domain_id, KEY_DATA, c->target, r.pass->walked);
    return rotation_end(k, c, CEREMONY_DONE, "");
}
