/* Unsealing: the KEKs prove themselves, the keys are opened, the rows checked and read. */
#include "vault/keeper.h"

#include <stdlib.h>

#include "vault/base/log.h"
#include "vault/base/secret.h"
#include "vault/handle.h"

#define PAGE     256
#define TEXT_MAX 65536

static enum hufu_err not_yet(struct keeper *k, const char *part, enum hufu_err err)
{
    const char *before = atomic_exchange(&k->core->part, part);

    if (before != part)
        log_event(LOG_WARN, "core.sealed", "part", LOG_STR(part), "err", LOG_ERR(err), NULL);
    return err;
}

static enum hufu_err broken(struct keeper *k, const char *part, enum hufu_err err)
{
    (void)not_yet(k, part, err);
    atomic_store(&k->core->phase, CORE_BROKEN);
    return err;
}

/* Every KEK that something may lie under opens its canary. */
static enum hufu_err check_keks(struct keeper *k)
{
    uint32_t last = keeper_last_kek(k);
    struct kek_row row;
    uint64_t seq;
    enum hufu_err err;

    if (last == 0)
        return not_yet(k, "not-initialised", HUFU_NOT_FOUND);
    for (uint32_t v = 1; v <= last; v++) {
        err = keeper_find_kek(k, v, &row, &seq);
        if (err != HUFU_OK)
            return broken(k, "kek-row", err);
        if (row.state == KEY_PRE_ACTIVE || row.state == KEY_DESTROYED)
            continue;
        err = kek_row_check_canary(k->core->hsm, &row);
        if (err == HUFU_CORRUPT)
            return broken(k, "kek-canary", err);
        if (err != HUFU_OK)
            return not_yet(k, "kek", err);
    }
    return HUFU_OK;
}

struct page { /* what a scan hands to each row */
    struct keeper *k;
    enum hufu_err err;
};

static enum hufu_err open_keyset(struct keeper *k, const struct keyset_row *row, uint64_t row_seq)
{
    struct kek_row kek;
    struct key *key;
    uint64_t seq;
    enum hufu_err err;

    if (keyring_has(k->core->ring, row->domain, (enum key_kind)row->kind, row->version))
        return HUFU_OK;
    key = calloc(1, sizeof(*key));
    if (key == NULL)
        return HUFU_NOMEM;
    err = HUFU_OK;
    if (row->state != KEY_DESTROYED) /* that one is kept in the list alone */
        err = keeper_find_kek(k, row->kek_version, &kek, &seq);
    if (err == HUFU_OK && row->state != KEY_DESTROYED)
        err = keyset_row_open(k->core->hsm, &kek, row, &key->secret);
    if (err == HUFU_OK) {
        key->domain = row->domain;
        key->kind = row->kind;
        key->version = row->version;
        key->created_ms = row->created_ms;
        atomic_init(&key->state, row->state);
        atomic_init(&key->kek_version, row->kek_version);
        atomic_init(&key->row_seq, row_seq);
        atomic_init(&key->leased, row->leased);
        /* what was leased before counts as used: nobody wrote down how much of it was */
        atomic_init(&key->used, key_seals(key) ? row->leased : 0);
        err = keyring_put(k->core->ring, key);
    }
    if (err != HUFU_OK) {
        secret_free(key->secret);
        free(key);
    }
    return err;
}

static bool each_keyset(void *arg, struct view key, uint64_t seq, struct view image)
{
    struct page *page = arg;
    struct keyset_row row;

    page->err = keyset_row_get(key, image, &row);
    if (page->err == HUFU_OK)
        page->err = open_keyset(page->k, &row, seq);
    return page->err == HUFU_OK;
}

static bool each_control(void *arg, struct view key, uint64_t seq, struct view image)
{
    struct page *page = arg;
    struct keeper *k = page->k;
    struct buf text;

    buf_init(&text, TEXT_MAX);
    page->err = row_open_control(k->w.crypt, k->core->ring, key, seq, image, &text);
    if (page->err == HUFU_OK)
        page->err = directory_apply(k->core->dir, key, seq, buf_view(&text), core_boot(k->core));
    buf_done(&text);
    return page->err == HUFU_OK;
}

/* Walks one table, page by page. */
static enum hufu_err walk(struct keeper *k, uint8_t table,
                          bool (*each)(void *arg, struct view key, uint64_t seq, struct view image))
{
    struct page page = { k, HUFU_OK };
    uint8_t from_mem[STORE_KEY_MAX], next_mem[STORE_KEY_MAX];
    struct buf from, next;
    enum hufu_err err;

    buf_fixed(&from, from_mem, sizeof(from_mem));
    buf_u8(&from, table);
    do {
        buf_fixed(&next, next_mem, sizeof(next_mem));
        err =
            store_scan(k->w.reader, view_of(&table, 1), buf_view(&from), PAGE, each, &page, &next);
        if (err == HUFU_OK)
            err = page.err;
        buf_fixed(&from, from_mem, sizeof(from_mem));
        buf_put(&from, next.p, next.len);
    } while (err == HUFU_OK && next.len > 0);
    return err;
}

static enum hufu_err read_rows(struct keeper *k)
{
    static const uint8_t tables[] = {
        TABLE_META,    TABLE_DOMAIN,     TABLE_PARTNER, TABLE_USER,      TABLE_FACTOR,
        TABLE_SESSION, TABLE_CEREMONY,   TABLE_GRANT,   TABLE_RECIPIENT, TABLE_ALARM,
        TABLE_HOLD,    TABLE_CREDENTIAL, TABLE_EXPORT,  TABLE_CASE,
    };
    enum hufu_err err = HUFU_OK;

    for (size_t i = 0; i < sizeof(tables) && err == HUFU_OK; i++)
        err = walk(k, tables[i], each_control);
    return err;
}

bool unseal_step(struct keeper *k)
{
    struct log_identity log;
    struct row_ids ids;
    uint64_t seq;
    enum hufu_err err;

    err = hsm_status(k->core->hsm, NULL);
    if (err != HUFU_OK) {
        (void)not_yet(k, err == HUFU_HSM_PIN ? "hsm-pin" : "hsm", err);
        return false;
    }
    if (check_keks(k) != HUFU_OK)
        return false;
    err = walk(k, TABLE_KEYSET, each_keyset);
    if (err == HUFU_HSM_DOWN || err == HUFU_HSM_PIN) {
        (void)not_yet(k, "hsm", err);
        return false;
    }
    if (err != HUFU_OK) {
        (void)broken(k, "keyset", err);
        return false;
    }
    err = store_digest_check(k->core->store);
    if (err == HUFU_OK)
        err = read_rows(k);
    if (err == HUFU_OK && directory_ids(k->core->dir, &ids, &seq) != HUFU_OK) {
        (void)broken(k, "init-unfinished", HUFU_NOT_FOUND); /* setup.c writes that row last */
        return false;
    }
    if (err == HUFU_OK)
        err = directory_log(k->core->dir, &log);
    if (err == HUFU_OK)
        err = signer_start(k->core->signer, &log);
    if (err != HUFU_OK) {
        (void)broken(k, "control-rows", err);
        return false;
    }
    k->loaded = true;
    return true;
}
