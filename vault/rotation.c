#include "vault/rotation.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vault/base/log.h"
#include "vault/base/secret.h"
#include "vault/handle.h"
#include "vault/manage.h"

#define VERSION_TEXT_MAX 24

static const struct {
    const char *kind;
    rotation_fn *piece;
} pieces[] = {
    { "rotate-kek", rotate_kek_piece },
    { "rotate-data-key", rotate_data_piece },
    { "rotate-index-key", rotate_index_piece },
    { "destroy-key", destroy_key_piece },
};

static rotation_fn *piece_of(const struct ceremony *c)
{
    for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++)
        if (strcmp(c->kind, pieces[i].kind) == 0)
            return pieces[i].piece;
    return NULL;
}

/* Which version of the key the operation is about. */
static enum hufu_err name_version(struct keeper *k, uint32_t version)
{
    uint8_t *mem = request_take(&k->req, VERSION_TEXT_MAX);
    struct buf b;

    if (mem == NULL)
        return HUFU_UNAVAILABLE;
    buf_fixed(&b, mem, VERSION_TEXT_MAX);
    buf_str(&b, "version=");
    buf_dec(&b, version);
    request_entry(&k->req, 0)->reason = buf_view(&b);
    return HUFU_OK;
}

enum hufu_err rotation_op(struct keeper *k, const struct ceremony *c, const char *verb,
                          size_t write_max)
{
    const struct domain *d = directory_domain_id(k->core->dir, c->domain_id);
    enum hufu_err err = keeper_op(k, verb, write_max);

    if (err != HUFU_OK)
        return err;
    if (d != NULL)
        request_entry(&k->req, 0)->domain = view_str(d->name);
    err = ceremony_name(&k->req, c->kind, view_str(c->subject), NULL);
    return err == HUFU_OK && c->target != 0 ? name_version(k, c->target) : err;
}

enum hufu_err rotation_end(struct keeper *k, struct ceremony *c, enum ceremony_state state,
                           const char *why)
{
    enum hufu_err err;

    if (state == CEREMONY_FAILED)
        log_event(LOG_ERROR_LEVEL, "ceremony.failed", "err", LOG_STR(why), NULL);
    c->state = (uint8_t)state;
    c->changed_ms = core_now(k->core);
    (void)progress_find(&k->core->progress, c->id, &c->done, &c->total);
    if (state == CEREMONY_DONE)
        c->done = c->total;
    (void)snprintf(c->error, sizeof(c->error), "%s", why);
    err = rotation_op(k, c, "ceremony-end", 1);
    if (err == HUFU_OK) {
        request_entry(&k->req, 0)->result = state == CEREMONY_DONE ? "ok" : "failed";
        err = ceremony_row_write(&k->w, &k->req, &k->req.op[0], c);
    }
    if (err == HUFU_OK)
        err = keeper_commit(k);
    if (err == HUFU_OK)
        pass_drop(k, c->id);
    return err;
}

/* The highest version that has a row; 0: none. */
static uint32_t last_version(struct keeper *k, uint32_t domain, enum key_kind kind)
{
    uint32_t version = 0;
    struct keyset_row row;
    uint64_t seq;

    while (keeper_find_keyset(k, domain, kind, version + 1, &row, &seq) == HUFU_OK)
        version++;
    return version;
}

/* A key of this version may be in the ring from an attempt whose operation was refused. */
enum hufu_err rotation_make_key(struct keeper *k, uint32_t domain, enum key_kind kind,
                                struct keyset_row *row_out)
{
    uint32_t version = last_version(k, domain, kind) + 1;
    struct key *key = keyring_find(k->core->ring, domain, kind, version);
    struct kek_row kek;
    uint64_t seq;
    enum hufu_err err;

    err = keeper_active_kek(k, &kek, &seq);
    if (err != HUFU_OK)
        return err;
    if (key != NULL) {
        *row_out = (struct keyset_row){ .domain = domain,
                                        .kind = (uint8_t)kind,
                                        .version = version,
                                        .state = KEY_ACTIVE,
                                        .created_ms = key->created_ms,
                                        .leased = KEY_LEASE };
        return keyset_row_seal(k->core->hsm, &kek, key->secret, row_out);
    }
    err = keeper_make_key(k, &kek, domain, kind, version, row_out, &key);
    if (err != HUFU_OK)
        return err;
    atomic_store(&key->state, KEY_PRE_ACTIVE);
    err = keyring_put(k->core->ring, key);
    if (err != HUFU_OK) {
        secret_free(key->secret);
        free(key);
    }
    return err;
}

enum hufu_err rotation_write_domain(struct keeper *k, const struct domain *d,
                                    uint32_t index_version, uint32_t index_next)
{
    struct domain changed = *d;
    struct buf text;
    enum hufu_err err;

    changed.index_version = index_version;
    changed.index_next = index_next;
    changed.key_epoch++;
    buf_init(&text, MANAGE_ROW_MAX);
    domain_put(&changed, &text);
    err = manage_write(&k->w, &k->req, TABLE_DOMAIN, d->id, d->seq, &text);
    buf_done(&text);
    return err;
}

enum hufu_err rotation_deactivate(struct keeper *k, uint32_t domain, enum key_kind kind)
{
    const struct key *key = keyring_active(k->core->ring, domain, kind);
    struct keyset_row row;
    uint64_t seq;
    enum hufu_err err;

    if (key == NULL)
        return HUFU_NOT_FOUND;
    err = keeper_find_keyset(k, domain, kind, key->version, &row, &seq);
    if (err != HUFU_OK)
        return err;
    row.state = KEY_DEACTIVATED;
    return keeper_write_keyset(k, &row, seq);
}

bool rotation_is_applied(struct keeper *k, const struct ceremony *c)
{
    struct store_numbers n;

    store_numbers(k->core->store, &n);
    if (n.applied <= c->seq)
        store_hurry(k->core->store, c->seq + 1);
    return n.applied > c->seq;
}

struct view rotation_cursor(const struct ceremony *c, uint8_t part, uint8_t mem[static ID_LEN + 1])
{
    memcpy(mem, c->id, ID_LEN);
    mem[ID_LEN] = part;
    return view_of(mem, ID_LEN + 1);
}

void rotation_note_records(struct keeper *k, uint32_t domain, enum key_kind kind, uint32_t version,
                           uint64_t records)
{
    struct key *key;

    for (size_t i = 0; (key = keyring_at(k->core->ring, i)) != NULL; i++)
        if (key->domain == domain && key->kind == kind)
            atomic_store(&key->records, key->version == version ? records : 0);
}

bool rotation_is_on(struct keeper *k, uint32_t domain)
{
    struct ceremony c;

    for (size_t i = 0; directory_ceremony_at(k->core->dir, i, &c) == HUFU_OK; i++) {
        rotation_fn *piece = piece_of(&c);

        if (c.state == CEREMONY_RUNNING && c.domain_id == domain &&
            (piece == rotate_data_piece || piece == rotate_index_piece))
            return true;
    }
    return false;
}

static enum hufu_err run(struct keeper *k, struct ceremony *c, rotation_fn *piece)
{
    char id[ID_TEXT_LEN + 1];
    enum hufu_err err;

    id_print(c->id, id);
    hsm_call_for(k->core->hsm, view_str(id));
    err = piece(k, c);
    hsm_call_for(k->core->hsm, view_of(NULL, 0));
    switch (err) {
    case HUFU_PRECONDITION: /* a lease or a freeze came between: look again */
        return HUFU_OK;
    case HUFU_CORRUPT:
    case HUFU_HSM_FAILED:
    case HUFU_NOT_FOUND:
        return rotation_end(k, c, CEREMONY_FAILED, err_name(err));
    default:
        return err;
    }
}

bool rotation_step(struct keeper *k)
{
    struct ceremony c;
    size_t count = 0;

    while (directory_ceremony_at(k->core->dir, count, &c) == HUFU_OK)
        count++;
    for (size_t n = 0; n < count; n++) { /* by turns: a long one must not hold up the others */
        rotation_fn *piece;
        enum hufu_err err;

        k->turn = (k->turn + 1) % count;
        if (directory_ceremony_at(k->core->dir, k->turn, &c) != HUFU_OK ||
            c.state != CEREMONY_RUNNING)
            continue;
        piece = piece_of(&c);
        err = piece == NULL ? HUFU_BUSY : run(k, &c, piece);
        if (err != HUFU_OK && err != HUFU_BUSY && err != k->waits_for) /* once, not at each try */
            log_event(LOG_WARN, "ceremony.wait", "err", LOG_ERR(err), NULL);
        if (err != HUFU_BUSY)
            k->waits_for = err;
        if (err == HUFU_OK)
            return true;
    }
    return false;
}
