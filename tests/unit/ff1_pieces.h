/*
 * ff1_pieces.h - what the tests of FF1 share: a key, arrays for the largest lot, random symbols.
 */
#ifndef HUFU_TESTS_UNIT_FF1_PIECES_H
#define HUFU_TESTS_UNIT_FF1_PIECES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "vault/keys/ff1_shape.h"

#define SYMBOLS (FF1_BATCH * FF1_LEN_MAX)
#define MARK    0xa5

static const uint8_t key[32] = { 0x2b, 0x7e, 0x15, 0x16, 0x28, 0xae, 0xd2, 0xa6, 0xab, 0xf7, 0x15,
                                 0x88, 0x09, 0xcf, 0x4f, 0x3c, 0xef, 0x43, 0x59, 0xd8, 0xd5, 0x80,
                                 0xaa, 0x4f, 0x7f, 0x03, 0x6d, 0x6f, 0x04, 0xfc, 0x6a, 0x94 };
static uint8_t tweak[FF1_BATCH * FF1_TWEAK_MAX];
static uint16_t in[SYMBOLS], out[SYMBOLS], back[SYMBOLS];
static uint8_t text[SYMBOLS], text_out[SYMBOLS], text_back[SYMBOLS];

static uint64_t seed = 0x9e3779b97f4a7c15u;

static uint64_t draw(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed * 0x2545f4914f6cdd1du;
}

static struct ff1 *open_key(size_t key_len)
{
    struct ff1 *f = NULL;

    assert_int_equal(ff1_new(key, key_len, &f), HUFU_OK);
    return f;
}

static void fill(uint32_t radix, size_t n)
{
    for (size_t i = 0; i < sizeof(tweak); i++)
        tweak[i] = (uint8_t)(draw() >> 40);
    for (size_t i = 0; i < n; i++)
        in[i] = (uint16_t)((draw() >> 20) % radix);
    memset(out, MARK, sizeof(out));
    memset(text_out, MARK, sizeof(text_out));
}

static bool is_marked(const void *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (((const uint8_t *)p)[i] != MARK)
            return false;
    return true;
}

#endif
