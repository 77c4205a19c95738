/* Where a value that was revealed came from: by its token's id, through the row of who saw it. */
#include "vault/report.h"

#include <string.h>

#include "vault/base/secret.h"
#include "vault/handle.h"
#include "vault/keys/envelope.h"
#include "vault/reveal_seen.h"

#define IMAGE_MAX (RECORD_HEADER_MAX + RECORD_TEXT_MAX + ENVELOPE_OVERHEAD)

/* The row of this person, day, purpose and token. HUFU_NOT_FOUND. */
static enum hufu_err find_on_day(struct report *r, uint32_t user_id, uint64_t day,
                                 struct reveal_seen *out)
{
    uint8_t key_mem[REVEAL_SEEN_KEY_LEN], image_mem[REVEAL_SEEN_IMAGE_MAX];
    uint8_t purpose[REVEAL_SEEN_PURPOSE_LEN], id[ENTRY_TOKEN_ID_LEN];
    struct buf key, image;
    struct store_seen seen;
    enum hufu_err err;

    buf_fixed(&key, key_mem, sizeof(key_mem));
    buf_fixed(&image, image_mem, sizeof(image_mem));
    err = reveal_seen_purpose(r->w, r->entry.purpose, purpose);
    if (err != HUFU_OK)
        return err;
    entry_read_id(&r->entry, 0, id);
    reveal_seen_prefix(user_id, (uint32_t)day, &key);
    buf_put(&key, purpose, sizeof(purpose));
    buf_put(&key, id, sizeof(id));
    err = store_find(r->w->reader, buf_view(&key), &image, &seen);
    if (err == HUFU_OK)
        err = reveal_seen_parse(buf_view(&key), buf_view(&image), out);
    return err == HUFU_OK || err == HUFU_NOT_FOUND ? err : HUFU_UNAVAILABLE;
}

/* It was decided on the day of its entry, or just before that began. */
static enum hufu_err find_seen(struct report *r, uint32_t user_id, struct reveal_seen *out)
{
    uint64_t day = r->entry.time_ms / ROW_DAY_MS;
    enum hufu_err err = find_on_day(r, user_id, day, out);

    return err == HUFU_NOT_FOUND && day > 0 ? find_on_day(r, user_id, day - 1, out) : err;
}

/* What the record says of its origin. A destroyed key leaves the header, which nothing vouches for
 * any more; still better than to say that nobody sent the value. */
static void read_record(struct report *r, uint32_t domain_id, struct view key, uint64_t seq,
                        struct view image, struct report_source *out)
{
    struct record rec = { 0 };
    struct view header;
    uint32_t version;

    if (row_open_record(r->w, domain_id, key, seq, image, &rec) != HUFU_OK) {
        rec.subject[0] = '\0';
        if (envelope_peek(image, &version, &header) != HUFU_OK ||
            record_get_header(header, &rec) != HUFU_OK)
            rec.partner_count = 0;
    }
    if (rec.partner_count > 0) {
        out->partner_count = rec.partner_count;
        memcpy(out->partner, rec.partner, sizeof(out->partner));
    }
    if (rec.state != RECORD_DELETED)
        memcpy(out->subject, rec.subject, sizeof(out->subject));
    wipe(&rec, sizeof(rec));
}

/* Where one partner has the domain, it was that one: of tokens in ff1 mode nothing is stored, and
 * the rows of who saw which value go after limit.seen_days. */
static void name_sole(struct report *r, struct report_source *out)
{
    const struct domain *d = directory_domain(r->w->core->dir, r->entry.domain);

    if (d == NULL || d->partner_count != 1)
        return;
    out->partner[0] = d->partner[0];
    out->partner_count = 1;
}

enum hufu_err report_source(struct report *r, uint32_t user_id, struct report_source *out)
{
    uint8_t key_mem[5 + FORMAT_TOKEN_MAX], image_mem[IMAGE_MAX];
    struct reveal_seen row;
    struct store_seen seen;
    struct buf key, image;
    enum hufu_err err;

    memset(out, 0, sizeof(*out));
    name_sole(r, out);
    r->work -= r->work > REPORT_RESOLVE ? REPORT_RESOLVE : r->work - 1; /* its own is left */
    err = find_seen(r, user_id, &row);
    if (err != HUFU_OK)
        return err == HUFU_NOT_FOUND ? HUFU_OK : err;
    buf_fixed(&key, key_mem, sizeof(key_mem));
    buf_fixed(&image, image_mem, sizeof(image_mem));
    buf_u8(&key, TABLE_TOKEN);
    buf_be32(&key, row.domain_id);
    buf_put(&key, row.token, row.token_len);
    err = store_find(r->w->reader, buf_view(&key), &image, &seen);
    if (err == HUFU_OK)
        read_record(r, row.domain_id, buf_view(&key), seen.seq, buf_view(&image), out);
    return err == HUFU_OK || err == HUFU_NOT_FOUND ? HUFU_OK : HUFU_UNAVAILABLE;
}
