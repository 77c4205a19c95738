/*
 * Rotating a domain's index key. The first operation names the new version in the domain's row:
 * from then on every draft reads and writes both. The rows of before are made again under the new
 * version; the second operation makes that one the truth; then the old rows go.
 */
#include "vault/rotation.h"

#include "vault/base/secret.h"
#include "vault/index.h"

enum part { PART_FILL = 1, PART_PURGE };

static enum hufu_err begin(struct keeper *k, struct ceremony *c, const struct domain *d)
{
    struct keyset_row row;
    enum hufu_err err;

    err = rotation_make_key(k, d->id, KEY_INDEX, &row);
    row.state = KEY_PRE_ACTIVE;
    if (err == HUFU_OK)
        err = rotation_op(k, c, "key-announce", 3);
    if (err == HUFU_OK)
        err = keeper_write_keyset(k, &row, STORE_ABSENT);
    if (err == HUFU_OK)
        err = rotation_write_domain(k, d, d->index_version, row.version);
    c->target = row.version;
    if (err == HUFU_OK)
        err = ceremony_row_write(&k->w, &k->req, &k->req.op[0], c);
    return err == HUFU_OK ? keeper_commit(k) : err;
}

static enum hufu_err change_over(struct keeper *k, struct ceremony *c, const struct domain *d)
{
    struct keyset_row row;
    uint64_t seq;
    enum hufu_err err;

    err = rotation_op(k, c, "key-activate", 4);
    if (err == HUFU_OK)
        err = rotation_deactivate(k, d->id, KEY_INDEX);
    if (err == HUFU_OK)
        err = keeper_find_keyset(k, d->id, KEY_INDEX, c->target, &row, &seq);
    row.state = KEY_ACTIVE;
    if (err == HUFU_OK)
        err = keeper_write_keyset(k, &row, seq);
    if (err == HUFU_OK)
        err = rotation_write_domain(k, d, c->target, 0);
    if (err == HUFU_OK)
        err = ceremony_row_write(&k->w, &k->req, &k->req.op[0], c);
    return err == HUFU_OK ? keeper_commit(k) : err;
}

struct refill { /* what each row needs */
    struct keeper *k;
    struct pass *pass;
    uint32_t domain, from, target;
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
    uint8_t mem[5 + FORMAT_VALUE_MAX];
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
    return err == HUFU_NOT_FOUND ? HUFU_CORRUPT : err;
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
    enum part part;
    enum hufu_err err;

    if (d == NULL)
        return HUFU_NOT_FOUND;
    if (c->target == 0)
        return begin(k, c, d);
    if (!rotation_is_applied(k, c))
        return HUFU_BUSY;
    r = (struct refill){ k, NULL, d->id, d->index_version, c->target };
    part = d->index_version == c->target ? PART_PURGE : PART_FILL;
    err = walk(k, c, &r, part, &state);
    if (err != HUFU_OK || state != PASS_OVER)
        return err == HUFU_OK && state == PASS_WAIT ? HUFU_BUSY : err;
    if (r.pass->damaged > 0)
        return HUFU_CORRUPT;
    if (part == PART_FILL)
        return change_over(k, c, d);
    rotation_note_records(k, d->id, KEY_INDEX, c->target, r.pass->total / 2);
    return rotation_end(k, c, CEREMONY_DONE, "");
}
