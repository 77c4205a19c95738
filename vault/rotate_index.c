/*
 * Rotating a domain's index key. The first operation names the new version in the domain's row:
 * from then on every draft reads and writes both. The rows of before are made again under the new
 * version; the second operation makes that one the truth; then the old rows go. Where a row leads
 * nowhere the second operation gives the new version up instead, and its rows go.
 */
#include "vault/rotation.h"

#include "vault/base/secret.h"
#include "vault/index.h"

enum part { PART_FILL = 1, PART_PURGE };

/* Adds the row of one of the domain's index keys, in another state, to the operation. */
static enum hufu_err change_state(struct keeper *k, uint32_t domain, uint32_t version,
                                  enum key_state state)
{
    struct keyset_row row;
    uint64_t seq;
    enum hufu_err err = keeper_find_keyset(k, domain, KEY_INDEX, version, &row, &seq);

    row.state = (uint8_t)state;
    return err == HUFU_OK ? keeper_write_keyset(k, &row, seq) : err;
}

static enum hufu_err begin(struct keeper *k, struct ceremony *c, const struct domain *d)
{
    struct keyset_row row;
    enum hufu_err err;

    err = rotation_make_key(k, d->id, KEY_INDEX, &row);
    if (err != HUFU_OK)
        return err;
    row.state = KEY_PRE_ACTIVE;
    c->target = row.version;
    err = rotation_op(k, c, "key-announce", 4);
    if (err == HUFU_OK &&
        d->index_next != 0) /* of one that failed; its rows go with the old ones */
        err = change_state(k, d->id, d->index_next, KEY_DEACTIVATED);
    if (err == HUFU_OK)
        err = keeper_write_keyset(k, &row, STORE_ABSENT);
    if (err == HUFU_OK)
        err = rotation_write_domain(k, d, d->index_version, row.version);
    if (err == HUFU_OK)
        err = ceremony_row_write(&k->w, &k->req, &k->req.op[0], c);
    return err == HUFU_OK ? keeper_commit(k) : err;
}

static enum hufu_err change_over(struct keeper *k, struct ceremony *c, const struct domain *d)
{
    enum hufu_err err;

    err = rotation_op(k, c, "key-activate", 4);
    if (err == HUFU_OK)
        err = rotation_deactivate(k, d->id, KEY_INDEX);
    if (err == HUFU_OK)
        err = change_state(k, d->id, c->target, KEY_ACTIVE);
    if (err == HUFU_OK)
        err = rotation_write_domain(k, d, c->target, 0);
    if (err == HUFU_OK)
        err = ceremony_row_write(&k->w, &k->req, &k->req.op[0], c);
    return err == HUFU_OK ? keeper_commit(k) : err;
}

/* The domain is as before, and drafts write one row a value again. */
static enum hufu_err give_up(struct keeper *k, struct ceremony *c, const struct domain *d)
{
    enum hufu_err err = rotation_op(k, c, "key-deactivate", 3);

    if (err == HUFU_OK)
        err = change_state(k, d->id, c->target, KEY_DEACTIVATED);
    if (err == HUFU_OK)
        err = rotation_write_domain(k, d, d->index_version, 0);
    if (err == HUFU_OK)
        err = ceremony_row_write(&k->w, &k->req, &k->req.op[0], c);
    return err == HUFU_OK ? keeper_commit(k) : err;
}

struct refill { /* what each row needs */
    struct keeper *k;
    struct pass *pass;
    uint32_t domain, from, target; /* target: the version whose rows are, or stay */
};

static uint32_t version_of(struct view key)
{
    struct reader r;

    reader_init(&r, key.p, key.len);
    (void)reader_u8(&r);
    (void)reader_be32(&r);
    return reader_be32(&r);
}

static bool is_target(void *arg, struct view key, struct view image)
{
    const struct refill *r = arg;

    (void)image;
    return version_of(key) == r->target;
}

/* The value behind an index row: CORRUPT where the row leads nowhere. */
static enum hufu_err find_value(struct refill *r, struct rewrite *rw, struct view token,
                                struct record *rec)
{
    uint8_t mem[5 + FORMAT_TOKEN_MAX];
    struct view image;
    struct buf key;
    uint64_t seq;
    enum hufu_err err;

    buf_fixed(&key, mem, sizeof(mem));
    buf_u8(&key, TABLE_TOKEN);
    buf_be32(&key, r->domain);
    buf_put(&key, token.p, token.len);
    if (buf_check(&key) != HUFU_OK)
        return HUFU_CORRUPT;
    err = rewrite_find(rw, buf_view(&key), &seq, &image);
    if (err == HUFU_OK)
        err = row_open_record(&r->k->w, r->domain, buf_view(&key), seq, image, rec);
    return err == HUFU_NOT_FOUND || err == HUFU_RANGE ? HUFU_CORRUPT : err;
}

/* The row under the new version, with the old one's seq: what was written since has a higher one.
 * A row that no longer fits its value was replaced just now, by an operation that wrote both. */
static enum hufu_err refill(struct refill *r, struct rewrite *rw, struct view old_key, uint64_t seq,
                            struct view token)
{
    struct keyring *ring = r->k->core->ring;
    struct crypt *crypt = r->k->w.crypt;
    uint8_t key[INDEX_KEY_LEN];
    struct record rec = { 0 };
    struct view value, there;
    uint64_t there_seq;
    enum hufu_err err;

    err = find_value(r, rw, token, &rec);
    value = view_of(rec.value, rec.value_len);
    if (err == HUFU_OK)
        err = index_key(crypt, ring, r->domain, r->from, value, key);
    if (err != HUFU_OK || !view_equal(view_of(key, sizeof(key)), old_key))
        goto out;
    err = index_key(crypt, ring, r->domain, r->target, value, key);
    if (err == HUFU_OK)
        err = rewrite_find(rw, view_of(key, sizeof(key)), &there_seq, &there);
    if (err == HUFU_NOT_FOUND || (err == HUFU_OK && there_seq < seq))
        err = rewrite_put(rw, view_of(key, sizeof(key)), seq, token);
out:
    wipe(&rec, sizeof(rec));
    return err;
}

static enum hufu_err each_old(void *arg, struct rewrite *rw, struct view key, uint64_t seq,
                              struct view image)
{
    struct refill *r = arg;
    enum hufu_err err = refill(r, rw, key, seq, image);

    if (err != HUFU_CORRUPT)
        return err;
    r->pass->damaged++;
    return HUFU_OK;
}

static enum hufu_err each_purged(void *arg, struct rewrite *rw, struct view key, uint64_t seq,
                                 struct view image)
{
    (void)seq;
    return is_target(arg, key, image) ? HUFU_OK : rewrite_remove(rw, key);
}

/* All rows of a version, or of the domain (version 0). */
static struct view rows_of(uint32_t domain, uint32_t version, uint8_t mem[static 9])
{
    struct buf b;

    buf_fixed(&b, mem, 9);
    buf_u8(&b, TABLE_INDEX);
    buf_be32(&b, domain);
    if (version != 0)
        buf_be32(&b, version);
    return buf_view(&b);
}

static enum hufu_err walk(struct keeper *k, struct ceremony *c, struct refill *r, enum part part,
                          enum pass_state *out)
{
    uint8_t prefix_mem[9], cursor_mem[ID_LEN + 1];
    bool fills = part == PART_FILL;
    struct pass_work work = { .prefix = rows_of(r->domain, fills ? r->from : 0, prefix_mem),
                              .name = rotation_cursor(c, (uint8_t)part, cursor_mem),
                              .is_first_half = fills,
                              .is_done = is_target,
                              .each = fills ? each_old : each_purged,
                              .arg = r };

    r->pass = pass_find(k, c->id, c->seq);
    *out = PASS_WAIT;
    return r->pass == NULL ? HUFU_OK : pass_piece(k, r->pass, &work, out);
}

enum hufu_err rotate_index_piece(struct keeper *k, struct ceremony *c)
{
    const struct domain *d = directory_domain_id(k->core->dir, c->domain_id);
    enum pass_state state;
    struct refill r;
    bool fills;
    enum hufu_err err;

    if (d == NULL)
        return HUFU_NOT_FOUND;
    if (c->target == 0)
        return begin(k, c, d);
    if (!rotation_is_applied(k, c))
        return HUFU_BUSY;
    fills = d->index_next == c->target;
    r = (struct refill){ k, NULL, d->id, d->index_version, fills ? c->target : d->index_version };
    err = walk(k, c, &r, fills ? PART_FILL : PART_PURGE, &state);
    if (err != HUFU_OK || state != PASS_OVER)
        return err == HUFU_OK && state == PASS_WAIT ? HUFU_BUSY : err;
    if (fills)
        return r.pass->damaged > 0 ? give_up(k, c, d) : change_over(k, c, d);
    rotation_note_records(k, d->id, KEY_INDEX, d->index_version, r.pass->walked);
    return d->index_version == c->target
               ? rotation_end(k, c, CEREMONY_DONE, "")
               : rotation_end(k, c, CEREMONY_FAILED, err_name(HUFU_CORRUPT));
}
