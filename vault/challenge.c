#include "vault/challenge.h"

#include <string.h>

#include "vault/base/secret.h"
#include "vault/base/text.h"
#include "vault/row.h"

#define NONCE_LEN 16
#define MAC_LEN   16 /* bytes of each of the two */
#define SAID_LEN  (NONCE_LEN + 1 + 8 + DIGEST_LEN)

/* Two MACs over what it says: one that it is ours, one that also has what it is for. With one alone
 * an entry could not tell a forged challenge from somebody else's. */
static enum hufu_err put_macs(struct worker *w, struct view said, const struct challenge_use *use,
                              uint8_t out[static 2 * MAC_LEN])
{
    struct view part[1 + CHALLENGE_PARTS] = { said };
    uint8_t ours[DIGEST_LEN], for_it[DIGEST_LEN];

    for (size_t i = 0; i < use->part_count; i++)
        part[1 + i] = use->part[i];
    if (row_digest(w, ROW_CHALLENGE, part, 1, ours) != HUFU_OK ||
        row_digest(w, ROW_CHALLENGE_USE, part, 1 + use->part_count, for_it) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    memcpy(out, ours, MAC_LEN);
    memcpy(out + MAC_LEN, for_it, MAC_LEN);
    return HUFU_OK;
}

enum hufu_err challenge_make(struct worker *w, const struct challenge_use *use,
                             const uint8_t *digest, struct buf *out, uint64_t *until_out)
{
    static const uint8_t unbound[DIGEST_LEN];
    uint64_t now = row_now(w->core);
    uint8_t nonce[NONCE_LEN], mem[CHALLENGE_LEN], macs[2 * MAC_LEN];
    struct buf b;

    if (draw_bytes(&w->draw, nonce, sizeof(nonce)) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    buf_fixed(&b, mem, sizeof(mem));
    buf_put(&b, nonce, sizeof(nonce));
    buf_u8(&b, (uint8_t)use->kind);
    buf_u64(&b, now);
    buf_put(&b, digest == NULL ? unbound : digest, DIGEST_LEN);
    if (put_macs(w, buf_view(&b), use, macs) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    buf_put(&b, macs, sizeof(macs));
    text_base64url(out, mem, b.len);
    *until_out = now + CHALLENGE_LIFE_MS;
    return buf_check(&b) == HUFU_OK && buf_check(out) == HUFU_OK ? HUFU_OK : HUFU_UNAVAILABLE;
}

struct parts { /* of a challenge; views into its bytes */
    struct view said, macs, digest;
    uint8_t kind;
    uint64_t made_ms;
};

static bool take_apart(struct view bytes, struct parts *out)
{
    struct reader r;

    reader_init(&r, bytes.p, bytes.len);
    (void)reader_take(&r, NONCE_LEN);
    out->kind = reader_u8(&r);
    out->made_ms = reader_u64(&r);
    out->digest = reader_take(&r, DIGEST_LEN);
    out->macs = reader_take(&r, 2 * MAC_LEN);
    out->said = view_of(bytes.p, SAID_LEN);
    return reader_end(&r) == HUFU_OK;
}

/* What was used once is a counter of one until its time is past. */
static enum hufu_err find_use(struct worker *w, struct request *req, struct view bytes,
                              struct view *key_out, uint64_t *uses_out)
{
    uint8_t digest[DIGEST_LEN];
    struct view key;

    if (row_digest(w, ROW_CHALLENGE_USED, &bytes, 1, digest) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    key = row_plain_key(req, TABLE_COUNTER, view_of(digest, sizeof(digest)));
    if (key.p == NULL || row_find_count(w, key, uses_out) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    *key_out = key;
    return HUFU_OK;
}

static enum fido_fault judge(const struct parts *p, const uint8_t macs[static 2 * MAC_LEN],
                             const struct challenge_use *use, uint64_t now, uint64_t uses)
{
    if (!bytes_equal(p->macs.p, macs, MAC_LEN))
        return FIDO_FORGED;
    if (!bytes_equal(p->macs.p + MAC_LEN, macs + MAC_LEN, MAC_LEN) || p->kind != use->kind)
        return FIDO_FOREIGN;
    if (p->made_ms > now || now - p->made_ms >= CHALLENGE_LIFE_MS)
        return FIDO_EXPIRED;
    return uses > 0 ? FIDO_USED : FIDO_NONE;
}

enum hufu_err challenge_check(struct worker *w, struct request *req, struct view text,
                              const struct challenge_use *use, enum fido_fault *fault_out,
                              struct challenge *out)
{
    static const uint8_t unbound[DIGEST_LEN];
    uint8_t mem[CHALLENGE_LEN], macs[2 * MAC_LEN];
    uint64_t uses = 0;
    struct view key;
    struct parts p;
    struct buf b;

    buf_fixed(&b, mem, sizeof(mem));
    if (text_unbase64url(text, &b) != HUFU_OK || !take_apart(buf_view(&b), &p)) {
        *fault_out = FIDO_FORM;
        return HUFU_OK;
    }
    if (put_macs(w, p.said, use, macs) != HUFU_OK ||
        find_use(w, req, buf_view(&b), &key, &uses) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    *fault_out = judge(&p, macs, use, row_now(w->core), uses);
    if (*fault_out != FIDO_NONE)
        return HUFU_OK;
    memcpy(out->digest, p.digest.p, DIGEST_LEN);
    out->is_bound = !view_equal(p.digest, view_of(unbound, sizeof(unbound)));
    out->until_ms = p.made_ms + CHALLENGE_LIFE_MS;
    out->counter = key;
    return HUFU_OK;
}

void challenge_spend(struct store_op *op, const struct challenge *c)
{
    op_until(op, c->until_ms);
    op_count(op, c->counter, 1, 1, c->until_ms);
}
