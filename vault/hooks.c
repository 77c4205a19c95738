/* What the store asks of the core while it commits: sealing, the log's lines, the digest, the news.
 */
#include "vault/handle.h"

#include <string.h>

#include "vault/base/log.h"
#include "vault/base/secret.h"
#include "vault/keys/envelope.h"
#include "vault/keys/keyrow.h"
#include "vault/row.h"

#define SEAL_LOT         64
#define CONTROL_TEXT_MAX 65536 /* bytes of a control row's plaintext */

/* Rows that lie in the clear, or hold nothing but what the HSM has sealed. */
static bool is_plain(uint8_t table)
{
    return table == TABLE_INDEX || table == TABLE_COUNTER || table == TABLE_KEK ||
           table == TABLE_KEYSET || table == TABLE_SEEN || table == TABLE_SUBJECT ||
           table == TABLE_TRAIL;
}

static uint32_t domain_of(struct view key)
{
    struct reader r;

    reader_init(&r, key.p, key.len);
    (void)reader_u8(&r);
    return reader_be32(&r);
}

static struct key *sealing_key(struct core *core, struct view row)
{
    if (row.p[0] == TABLE_TOKEN)
        return keyring_active(core->ring, domain_of(row), KEY_DATA);
    return keyring_active(core->ring, KEY_SYSTEM, KEY_CONTROL);
}

/* Rows whose keys begin alike are sealed under one key: table and domain, or the table alone. */
static bool is_of_same_key(struct view a, struct view b)
{
    return a.p[0] == b.p[0] && (a.p[0] != TABLE_TOKEN || domain_of(a) == domain_of(b));
}

static enum hufu_err seal(void *arg, struct store_write *w, size_t count, uint64_t seq)
{
    struct core *core = arg;
    struct envelope_write lot[SEAL_LOT];
    size_t n = 0;
    enum hufu_err err = HUFU_OK;

    for (size_t i = 0; i < count; i++) {
        if (w[i].image == NULL || is_plain(w[i].key.p[0]))
            continue;
        if (n == SEAL_LOT) {
            err = envelope_seal_many(core->journal_crypt, lot, n);
            if (err != HUFU_OK)
                return err;
            n = 0;
        }
        lot[n] = (struct envelope_write){ NULL, w[i].key, seq, w[i].image, w[i].image_len };
        if (n > 0 && is_of_same_key(lot[n - 1].row, w[i].key))
            lot[n].active = lot[n - 1].active;
        else
            lot[n].active = sealing_key(core, w[i].key);
        if (lot[n++].active == NULL)
            return HUFU_SEALED;
    }
    return n > 0 ? envelope_seal_many(core->journal_crypt, lot, n) : err;
}

static enum hufu_err line(void *arg, const struct entry_draft *entry, uint64_t seq, uint64_t now_ms,
                          bool held, struct buf *out)
{
    (void)arg;
    (void)seq;
    return entry_print(entry, now_ms, held, out);
}

/* HMAC under the MAC key over length and bytes of the row's key, seq and image. */
static enum hufu_err digest(void *arg, struct view key, uint64_t seq, struct view image,
                            uint8_t out[static 32])
{
    struct core *core = arg;
    struct key *mac = keyring_active(core->ring, KEY_SYSTEM, KEY_MAC);
    uint8_t len_mem[2], seq_mem[8];
    struct view part[4];
    struct buf len, number;

    if (mac == NULL)
        return HUFU_SEALED;
    buf_fixed(&len, len_mem, sizeof(len_mem));
    buf_u16(&len, (uint16_t)key.len);
    buf_fixed(&number, seq_mem, sizeof(seq_mem));
    buf_u64(&number, seq);
    part[0] = buf_view(&len);
    part[1] = key;
    part[2] = buf_view(&number);
    part[3] = image;
    return crypt_mac(core->journal_crypt, mac, part, 4, out);
}

/* The ring learns of a key's new state, KEK or lease. New keys are put there by who makes them. */
static void keyset_changed(struct core *core, struct view key, uint64_t seq, struct view image)
{
    struct keyset_row row;
    struct key *k;

    if (keyset_row_get(key, image, &row) != HUFU_OK)
        return;
    k = keyring_find(core->ring, row.domain, (enum key_kind)row.kind, row.version);
    if (k == NULL)
        return;
    atomic_store(&k->state, row.state);
    atomic_store(&k->kek_version, row.kek_version);
    atomic_store(&k->row_seq, seq);
    atomic_store(&k->leased, row.leased);
}

static void changed(void *arg, struct view key, uint64_t seq, struct view image)
{
    struct core *core = arg;
    struct buf text;
    enum hufu_err err = HUFU_OK;

    if (key.p[0] == TABLE_KEYSET && image.p != NULL)
        keyset_changed(core, key, seq, image);
    if (is_plain(key.p[0]))
        return;
    buf_init(&text, CONTROL_TEXT_MAX);
    if (image.p != NULL)
        err = row_open_control(core->journal_crypt, core->ring, key, seq, image, &text);
    if (err == HUFU_OK)
        err =
            directory_apply(core->dir, key, seq,
                            image.p == NULL ? view_of(NULL, 0) : buf_view(&text), core_boot(core));
    buf_done(&text);
    if (err != HUFU_OK) {
        /* The directory would now be behind the store: nothing may be decided on it. */
        log_event(LOG_ERROR_LEVEL, "directory.apply", "err", LOG_ERR(err), NULL);
        atomic_store(&core->part, "directory");
        atomic_store(&core->phase, CORE_BROKEN);
    }
}

static void gather(void *arg, bool on)
{
    struct core *core = arg;

    if (core->gather != NULL)
        core->gather(core, on);
}

struct store_hooks core_hooks(struct core *core)
{
    return (struct store_hooks){ seal, line, digest, changed, gather, core };
}
