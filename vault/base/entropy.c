#include "vault/base/entropy.h"

#include <assert.h>
#include <limits.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/rand.h>

#include "vault/base/secret.h"

static enum hufu_err system_fill(const struct entropy_ops *e, uint8_t *out, size_t out_len)
{
    (void)e;
    while (out_len > 0) {
        int part = out_len > INT_MAX ? INT_MAX : (int)out_len;

        if (RAND_priv_bytes(out, part) != 1) {
            ERR_clear_error();
            return HUFU_IO;
        }
        out += part;
        out_len -= (size_t)part;
    }
    return HUFU_OK;
}

const struct entropy_ops entropy_system = { system_fill };

void draw_init(struct draw *d, const struct entropy_ops *ops)
{
    *d = (struct draw){ .ops = ops };
}

void draw_done(struct draw *d)
{
    wipe(d->stock, sizeof(d->stock));
    d->left = 0;
}

enum hufu_err draw_bytes(struct draw *d, uint8_t *out, size_t out_len)
{
    uint8_t *from;

    if (out_len > sizeof(d->stock))
        return d->ops->fill(d->ops, out, out_len);
    if (d->left < out_len) {
        enum hufu_err err = d->ops->fill(d->ops, d->stock, sizeof(d->stock));

        if (err != HUFU_OK) {
            draw_done(d);
            return err;
        }
        d->left = sizeof(d->stock);
    }
    if (out_len == 0)
        return HUFU_OK;
    from = d->stock + (sizeof(d->stock) - d->left);
    memcpy(out, from, out_len);
    wipe(from, out_len);
    d->left -= out_len;
    return HUFU_OK;
}

/* Draws `bytes` bytes as a little-endian number. */
static enum hufu_err draw_number(struct draw *d, size_t bytes, uint64_t *out)
{
    uint8_t raw[8] = { 0 };
    uint64_t v = 0;
    enum hufu_err err = draw_bytes(d, raw, bytes);

    for (size_t i = bytes; err == HUFU_OK && i > 0; i--)
        v = v << 8 | raw[i - 1];
    if (err == HUFU_OK)
        *out = v;
    wipe(raw, sizeof(raw));
    return err;
}

/* Lemire: of the 2^w draws x, the 2^w mod n with the lowest (x * n) mod 2^w are drawn again; then
 * each result has exactly floor(2^w / n) draws. Small n take fewer bytes: w = 16, 32 or 64. */
enum hufu_err draw_below(struct draw *d, uint64_t n, uint64_t *out)
{
    size_t bytes = n <= 256 ? 2 : n <= 65536 ? 4 : 8;
    unsigned __int128 range = (unsigned __int128)1 << (8 * bytes);
    uint64_t reject, x = 0;
    unsigned __int128 wide;

    assert(n >= 1);
    reject = (uint64_t)(range % n);
    do {
        enum hufu_err err = draw_number(d, bytes, &x);

        if (err != HUFU_OK)
            return err;
        wide = (unsigned __int128)x * n;
    } while ((uint64_t)(wide & (range - 1)) < reject);
    *out = (uint64_t)(wide >> (8 * bytes));
    return HUFU_OK;
}
