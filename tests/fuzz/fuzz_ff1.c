/*
 * FF1: what is encrypted has the alphabet and the length of before and decrypts to it; a wider way
 * gives the same; a lot's values are as single ones; what is refused leaves its output alone.
 *
 * in: key length, radix (2), symbols (2), values, tweak length, then bytes for key, tweak, symbols.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "vault/base/buf.h"
#include "vault/keys/ff1_shape.h"

int LLVMFuzzerTestOneInput(const uint8_t *in, size_t in_len);

#define ROOM (4 * (FF1_LEN_MAX + 8))
#define MARK 0x5a

static uint16_t from[ROOM], to[ROOM], back[ROOM];

/* The given bytes over and over, for as long as the fuzzer gives short ones. */
static uint16_t next(const uint8_t *in, size_t in_len, size_t *at)
{
    uint32_t x = in_len == 0 ? 0 : in[*at % in_len];

    x |= in_len == 0 ? 0 : (uint32_t)in[(*at + 1) % in_len] << 8;
    x = x * 0x9e37u + (uint32_t)(*at / (in_len + 1)) * 0x79b9u;
    *at += 2;
    return (uint16_t)(x ^ x >> 16);
}

static bool must_be_taken(const struct ff1_lot *lot)
{
    uint64_t domain = 1;

    for (size_t i = 0; i < lot->len && domain < FF1_DOMAIN_MIN; i++)
        domain *= lot->radix;
    return lot->radix >= 2 && lot->radix <= 65536 && lot->len <= 512 && lot->count >= 1 &&
           domain >= FF1_DOMAIN_MIN;
}

static void check_refused(struct ff1 *f, const struct ff1_lot *lot)
{
    memset(to, MARK, sizeof(to));
    assert(ff1_encrypt(f, lot, from, to) != HUFU_OK && ff1_decrypt(f, lot, from, to) != HUFU_OK);
    for (size_t i = 0; i < ROOM; i++)
        assert(to[i] == MARK * 0x101);
}

static void check_ways(struct ff1 *f, const struct ff1_lot *lot)
{
    struct ff1_job job = { .lot = lot, .in = from, .out = back };
    size_t bytes = lot->count * lot->len * sizeof(to[0]);

    assert(ff1_shape_find(f, lot, &job.shape) == HUFU_OK);
    if (job.shape->path <= FF1_WIDE)
        assert(ff1_long_run(f, &job) == HUFU_OK && memcmp(back, to, bytes) == 0);
    if (job.shape->path == FF1_NARROW)
        assert(ff1_wide_run(f, &job) == HUFU_OK && memcmp(back, to, bytes) == 0);
}

static void check_taken(struct ff1 *f, const struct ff1_lot *lot)
{
    struct ff1_lot last = *lot;
    size_t n = lot->count * lot->len, at = n - lot->len;

    assert(ff1_encrypt(f, lot, from, to) == HUFU_OK);
    for (size_t i = 0; i < n; i++)
        assert(to[i] < lot->radix);
    assert(ff1_decrypt(f, lot, to, back) == HUFU_OK);
    assert(memcmp(back, from, n * sizeof(from[0])) == 0);
    last.count = 1;
    if (lot->tweak_len > 0)
        last.tweak += (lot->count - 1) * lot->tweak_step;
    assert(ff1_encrypt(f, &last, from + at, back) == HUFU_OK);
    assert(memcmp(back, to + at, lot->len * sizeof(to[0])) == 0);
    check_ways(f, lot);
    if (lot->radix <= UINT16_MAX) {
        from[n / 2] = (uint16_t)lot->radix;
        check_refused(f, lot);
    }
}

static void check_digits(struct ff1 *f, const struct ff1_lot *lot)
{
    static uint8_t text[ROOM];

    for (size_t i = 0; i < lot->count * lot->len; i++)
        text[i] = (uint8_t)('0' + from[i]);
    assert(ff1_encrypt_digits(f, lot, text, text) == HUFU_OK);
    assert(ff1_encrypt(f, lot, from, to) == HUFU_OK);
    for (size_t i = 0; i < lot->count * lot->len; i++)
        assert(text[i] == '0' + to[i]);
    assert(ff1_decrypt_digits(f, lot, text, text) == HUFU_OK);
    for (size_t i = 0; i < lot->count * lot->len; i++)
        assert(text[i] == '0' + from[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *in, size_t in_len)
{
    static const size_t key_lens[] = { 16, 24, 32 };
    uint8_t key[32], tweak[4 * FF1_TWEAK_MAX];
    struct reader r;
    struct ff1_lot lot = { .tweak = tweak };
    struct ff1 *f = NULL;
    size_t key_len, at = 0;

    reader_init(&r, in, in_len);
    key_len = key_lens[reader_u8(&r) % 3];
    lot.radix = reader_u16(&r) + 1u; /* ten, and less than a hundred, are what is used */
    lot.radix = lot.radix % 4 == 2 ? 10 : lot.radix % 4 == 1 ? lot.radix / 4 % 100 : lot.radix;
    lot.len = reader_u16(&r);
    lot.len = lot.len % 16 == 0 ? lot.len / 16 % (FF1_LEN_MAX + 8) : lot.len % 64;
    lot.count = reader_u8(&r) % 5;
    lot.tweak_len = reader_u8(&r);
    lot.tweak_step = lot.tweak_len % 2 == 0 ? 0 : lot.tweak_len;
    for (size_t i = 0; i < sizeof(key); i++)
        key[i] = (uint8_t)next(r.p, r.left, &at);
    for (size_t i = 0; i < sizeof(tweak); i++)
        tweak[i] = (uint8_t)next(r.p, r.left, &at);
    for (size_t i = 0; i < lot.count * lot.len; i++)
        from[i] = (uint16_t)(next(r.p, r.left, &at) % (lot.radix == 0 ? 1 : lot.radix));
    if (ff1_new(key, key_len, &f) != HUFU_OK)
        abort();
    if (!must_be_taken(&lot)) {
        check_refused(f, &lot);
    } else {
        if (lot.radix == 10)
            check_digits(f, &lot);
        check_taken(f, &lot);
    }
    ff1_free(f);
    return 0;
}
