#include "vault/base/entropy.h"

#include <assert.h>
#include <limits.h>
#include <string.h>
#include <sys/mman.h>

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

_Static_assert(sizeof(struct draw_stock) == DRAW_STOCK_BYTES, "whole pages");

void draw_init(struct draw *d, const struct entropy_ops *ops)
{
    void *p =
        mmap(NULL, DRAW_STOCK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    *d = (struct draw){ .ops = ops };
    if (p == MAP_FAILED)
        return;
    if (madvise(p, DRAW_STOCK_BYTES, MADV_DONTDUMP) != 0 ||
        madvise(p, DRAW_STOCK_BYTES, MADV_WIPEONFORK) != 0) {
        munmap(p, DRAW_STOCK_BYTES);
        return;
    }
    (void)mlock(p, DRAW_STOCK_BYTES); /* as far as the limit allows, like values */
    d->stock = p;
}

void draw_done(struct draw *d)
{
    if (d->stock == NULL)
        return;
    wipe(d->stock, sizeof(*d->stock));
    munmap(d->stock, sizeof(*d->stock));
    d->stock = NULL;
}

static enum hufu_err stock_fill(const struct draw *d)
{
    struct draw_stock *s = d->stock;
    enum hufu_err err = d->ops->fill(d->ops, s->bytes, sizeof(s->bytes));

    s->left = err == HUFU_OK ? sizeof(s->bytes) : 0;
    if (err != HUFU_OK)
        wipe(s->bytes, sizeof(s->bytes));
    return err;
}

/* Copies and wipes, as memcpy and wipe would; without their calls, since most draws have 8 bytes.
 */
static void take(uint8_t *from, size_t len, uint8_t *out)
{
    for (; len >= 8; len -= 8, from += 8, out += 8) {
        memcpy(out, from, 8);
        memset(from, 0, 8);
    }
    for (; len > 0; len--, from++, out++) {
        *out = *from;
        *from = 0;
    }
    __asm__ __volatile__("" : : : "memory"); /* the zeroes are to be written, read again or not */
}

enum hufu_err draw_bytes(struct draw *d, uint8_t *out, size_t out_len)
{
    struct draw_stock *s = d->stock;
    enum hufu_err err = HUFU_OK;
    uint8_t *from;

    if (s == NULL || out_len > sizeof(s->bytes))
        return d->ops->fill(d->ops, out, out_len);
    if (s->left < out_len)
        err = stock_fill(d);
    if (err != HUFU_OK || out_len == 0)
        return err;
    from = s->bytes + (sizeof(s->bytes) - s->left);
    s->left -= out_len;
    take(from, out_len, out);
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
