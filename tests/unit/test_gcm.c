/* AES-256-GCM both ways, held against published answers and against libcrypto's plain calls. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/crypto_pieces.h"
#include "vault/base/secret.h"
#include "vault/keys/gcm.h"
#include "vault/keys/ghash.h"

#define AAD_MAX   1100
#define TEXT_MAX  1100
#define COUNT_MAX 70
#define PARTS     3

struct sample {
    uint8_t nonce[GCM_NONCE_LEN], aad[AAD_MAX], text[TEXT_MAX], sealed[TEXT_MAX], out[TEXT_MAX];
    uint8_t tag[GCM_TAG_LEN], want[GCM_TAG_LEN];
    struct view part[PARTS];
    size_t aad_len, text_len;
};

static struct sample sample[COUNT_MAX];
static struct gcm_item item[COUNT_MAX];
static bool breaks; /* the CPU's way is wrong by one bit */

void __real_ghash_blocks(const struct ghash *g, const uint8_t *in, size_t blocks, uint8_t *out);
void __wrap_ghash_blocks(const struct ghash *g, const uint8_t *in, size_t blocks, uint8_t *out);

void __wrap_ghash_blocks(const struct ghash *g, const uint8_t *in, size_t blocks, uint8_t *out)
{
    __real_ghash_blocks(g, in, blocks, out);
    if (breaks)
        out[15] ^= 1;
}

static struct gcm *gcm_of(const uint8_t *key, bool by_cpu)
{
    struct gcm *g = NULL;

    assert_int_equal(gcm_new(key, by_cpu, &g), HUFU_OK);
    return g;
}

/* Random content, and what libcrypto makes of it; the AAD in three parts, any of them empty. */
static void sample_make(struct sample *s, const uint8_t *key, size_t aad_len, size_t text_len)
{
    size_t first = dice_below(aad_len + 1), second = dice_below(aad_len - first + 1);

    dice_fill(s->nonce, sizeof(s->nonce));
    dice_fill(s->aad, aad_len);
    dice_fill(s->text, text_len);
    s->aad_len = aad_len;
    s->text_len = text_len;
    s->part[0] = view_of(s->aad, first);
    s->part[1] = view_of(second == 0 ? NULL : s->aad + first, second);
    s->part[2] = view_of(s->aad + first + second, aad_len - first - second);
    plain_gcm(key, s->nonce, view_of(s->aad, aad_len), view_of(s->text, text_len), s->sealed,
              s->want);
}

/* in_place: the text is where it goes. */
static struct gcm_item seal_of(struct sample *s, bool in_place)
{
    memset(s->tag, 0xee, sizeof(s->tag));
    memset(s->out, 0xee, sizeof(s->out));
    if (in_place)
        memcpy(s->out, s->text, s->text_len);
    return (struct gcm_item){ .nonce = s->nonce,
                              .aad = s->part,
                              .aad_count = PARTS,
                              .in = in_place ? s->out : s->text,
                              .out = s->out,
                              .text_len = s->text_len,
                              .tag_out = s->tag };
}

static struct gcm_item open_of(struct sample *s)
{
    memset(s->out, 0xee, sizeof(s->out));
    return (struct gcm_item){ .nonce = s->nonce,
                              .aad = s->part,
                              .aad_count = PARTS,
                              .in = s->sealed,
                              .out = s->out,
                              .text_len = s->text_len,
                              .tag = s->want };
}

/* Nothing behind the text was touched. */
static void check_edge(const struct sample *s)
{
    if (s->text_len < TEXT_MAX)
        assert_int_equal(s->out[s->text_len], 0xee);
}

static void check_samples(struct gcm *g, size_t count)
{
    for (size_t i = 0; i < count; i++)
        item[i] = seal_of(&sample[i], dice_below(2) == 0);
    assert_int_equal(gcm_seal(g, item, count), HUFU_OK);
    for (size_t i = 0; i < count; i++) {
        const struct sample *s = &sample[i];

        assert_memory_equal(s->tag, s->want, GCM_TAG_LEN);
        assert_memory_equal(s->out, s->sealed, s->text_len);
        check_edge(s);
    }
    for (size_t i = 0; i < count; i++)
        item[i] = open_of(&sample[i]);
    gcm_open(g, item, count);
    for (size_t i = 0; i < count; i++) {
        const struct sample *s = &sample[i];

        assert_int_equal(item[i].err, HUFU_OK);
        assert_memory_equal(s->out, s->text, s->text_len);
        check_edge(s);
    }
}

/* As many as 1 to 70 at once, of any length, under many keys. */
static void test_many_are_as_the_library_has_them(void **state)
{
    (void)state;
    for (size_t count = 1; count <= COUNT_MAX; count++) {
        uint8_t key[GCM_KEY_LEN];

        dice_fill(key, sizeof(key));
        for (size_t i = 0; i < count; i++)
            sample_make(&sample[i], key, dice_below(201), dice_below(301));
        for (int by_cpu = 0; by_cpu < 2; by_cpu++) {
            struct gcm *g = gcm_of(key, by_cpu != 0);

            check_samples(g, count);
            gcm_free(g);
        }
    }
}

/* Every length of AAD and text near a block's edge, and either side of what goes by the CPU. */
static void test_every_length_is_as_the_library_has_it(void **state)
{
    static const size_t edges[] = { 0, GCM_SHORT_MAX - 1, GCM_SHORT_MAX, GCM_SHORT_MAX + 1, 1024 };
    const size_t count = sizeof(edges) / sizeof(edges[0]);
    uint8_t key[GCM_KEY_LEN];
    struct gcm *g;

    (void)state;
    dice_fill(key, sizeof(key));
    g = gcm_of(key, true);
    for (size_t aad = 0; aad <= 3 * 16 + 1; aad++)
        for (size_t text = 0; text <= 3 * 16 + 1; text++) {
            sample_make(&sample[0], key, aad, text);
            check_samples(g, 1);
        }
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < count; k++)
            sample_make(&sample[k], key, edges[i], edges[k]);
        check_samples(g, count);
    }
    gcm_free(g);
}

/* A batch of the longest that go by the CPU, with some that do not between them. */
static void test_long_and_short_mix(void **state)
{
    uint8_t key[GCM_KEY_LEN];
    struct gcm *g;

    (void)state;
    dice_fill(key, sizeof(key));
    g = gcm_of(key, true);
    for (size_t i = 0; i < COUNT_MAX; i++)
        sample_make(&sample[i], key, i % 7 == 0 ? AAD_MAX : GCM_SHORT_MAX,
                    i % 5 == 0 ? TEXT_MAX : GCM_SHORT_MAX);
    check_samples(g, COUNT_MAX);
    gcm_free(g);
}

/* One changed bit in nonce, AAD, text or tag refuses that item, wipes its place, and no other. */
static void check_one_broken(struct gcm *g, size_t count, size_t broken)
{
    static const uint8_t zero[TEXT_MAX];
    struct sample *s = &sample[broken];
    uint8_t *at[] = { s->nonce, s->aad, s->sealed, s->want };
    const size_t len[] = { GCM_NONCE_LEN, s->aad_len, s->text_len, GCM_TAG_LEN };

    for (size_t what = 0; what < 4; what++) {
        size_t bit = len[what] == 0 ? 0 : dice_below(8 * len[what]);

        if (len[what] == 0)
            continue;
        at[what][bit / 8] ^= (uint8_t)(1 << bit % 8);
        for (size_t i = 0; i < count; i++)
            item[i] = open_of(&sample[i]);
        gcm_open(g, item, count);
        at[what][bit / 8] ^= (uint8_t)(1 << bit % 8);
        for (size_t i = 0; i < count; i++) {
            assert_int_equal(item[i].err, i == broken ? HUFU_CORRUPT : HUFU_OK);
            assert_memory_equal(sample[i].out, i == broken ? zero : sample[i].text,
                                sample[i].text_len);
            check_edge(&sample[i]);
        }
    }
}

static void test_open_refuses_one_of_many(void **state)
{
    uint8_t key[GCM_KEY_LEN];

    (void)state;
    dice_fill(key, sizeof(key));
    for (int by_cpu = 0; by_cpu < 2; by_cpu++) {
        struct gcm *g = gcm_of(key, by_cpu != 0);

        for (size_t count = 1; count <= COUNT_MAX; count += 23) {
            for (size_t i = 0; i < count; i++)
                sample_make(&sample[i], key, dice_below(150), dice_below(i % 9 == 0 ? 700 : 60));
            for (size_t broken = 0; broken < count; broken++)
                check_one_broken(g, count, broken);
        }
        gcm_free(g);
    }
}

/* Every single bit of a tag counts. */
static void test_open_refuses_every_bit_of_the_tag(void **state)
{
    uint8_t key[GCM_KEY_LEN] = { 7 };

    (void)state;
    sample_make(&sample[0], key, 40, 40);
    for (int by_cpu = 0; by_cpu < 2; by_cpu++) {
        struct gcm *g = gcm_of(key, by_cpu != 0);

        for (size_t bit = 0; bit < 8 * GCM_TAG_LEN; bit++) {
            sample[0].want[bit / 8] ^= (uint8_t)(1 << bit % 8);
            item[0] = open_of(&sample[0]);
            gcm_open(g, item, 1);
            assert_int_equal(item[0].err, HUFU_CORRUPT);
            sample[0].want[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
        gcm_free(g);
    }
}

static void wycheproof(const json_t *one)
{
    bool valid = strcmp(json_string_value(json_object_get(one, "result")), "valid") == 0;
    struct sample *s = &sample[0];
    uint8_t key[GCM_KEY_LEN];

    assert_int_equal(unhex_member(one, "key", key, sizeof(key)), GCM_KEY_LEN);
    assert_int_equal(unhex_member(one, "iv", s->nonce, sizeof(s->nonce)), GCM_NONCE_LEN);
    s->aad_len = unhex_member(one, "aad", s->aad, AAD_MAX);
    s->text_len = unhex_member(one, "msg", s->text, TEXT_MAX);
    assert_int_equal(unhex_member(one, "ct", s->sealed, TEXT_MAX), s->text_len);
    assert_int_equal(unhex_member(one, "tag", s->want, GCM_TAG_LEN), GCM_TAG_LEN);
    s->part[0] = view_of(s->aad, s->aad_len);
    s->part[1] = s->part[2] = view_of(NULL, 0);
    for (int by_cpu = 0; by_cpu < 2; by_cpu++) {
        struct gcm *g = gcm_of(key, by_cpu != 0);

        if (valid)
            check_samples(g, 1);
        item[0] = open_of(s);
        gcm_open(g, item, 1);
        assert_int_equal(item[0].err, valid ? HUFU_OK : HUFU_CORRUPT);
        gcm_free(g);
    }
}

static void test_wycheproof(void **state)
{
    (void)state;
    assert_int_equal(each_case("tests/vectors/aes_gcm_256.json", wycheproof), 66);
}

/* SP 800-38D, section 6.3, algorithm 1 and section 6.4, bit by bit. */
static void slow_ghash(const uint8_t *h, const uint8_t *in, size_t blocks, uint8_t y[static 16])
{
    memset(y, 0, 16);
    for (; blocks > 0; blocks--, in += 16) {
        uint8_t z[16] = { 0 }, v[16], x[16];

        memcpy(v, h, 16);
        for (size_t i = 0; i < 16; i++)
            x[i] = y[i] ^ in[i];
        for (size_t bit = 0; bit < 128; bit++) {
            uint8_t low = v[15] & 1;

            for (size_t i = 0; i < 16; i++)
                z[i] ^= (uint8_t)(x[bit / 8] >> (7 - bit % 8) & 1 ? v[i] : 0);
            for (size_t i = 15; i > 0; i--)
                v[i] = (uint8_t)(v[i] >> 1 | v[i - 1] << 7);
            v[0] = (uint8_t)(v[0] >> 1 ^ (low ? 0xe1 : 0));
        }
        memcpy(y, z, 16);
    }
}

/* Any number of blocks at once and one behind another, keys with and without the highest bit. */
static void test_ghash_is_what_the_standard_says(void **state)
{
    uint8_t h[16], in[70 * 16], want[16], got[16];

    (void)state;
    if (!ghash_has_cpu())
        skip();
    for (size_t blocks = 0; blocks <= 70; blocks++)
        for (size_t keys = 0; keys < 4; keys++) {
            struct ghash g;

            dice_fill(h, sizeof(h));
            h[0] = (uint8_t)((h[0] & 0x7f) | (keys & 1) << 7);
            h[15] = (uint8_t)((h[15] & 0xfe) | (keys >> 1));
            dice_fill(in, blocks * 16);
            slow_ghash(h, in, blocks, want);
            ghash_init(&g, h);
            assert_int_equal(g.is_wide, ghash_has_wide());
            ghash_blocks(&g, in, blocks, got);
            assert_memory_equal(got, want, 16);
            g.is_wide = false; /* as on a CPU that multiplies one block at a time */
            ghash_blocks(&g, in, blocks, got);
            assert_memory_equal(got, want, 16);
        }
}

/* McGrew and Viega, appendix B, test case 2: H, the cipher text with its lengths, GHASH. */
static void test_ghash_known_answer(void **state)
{
    uint8_t h[16], in[32], want[16], got[16];
    struct ghash g;

    (void)state;
    if (!ghash_has_cpu())
        skip();
    unhex("66e94bd4ef8a2c3b884cfa59ca342b2e", h, sizeof(h));
    unhex("0388dace60b6a392f328c2b971b2fe7800000000000000000000000000000080", in, sizeof(in));
    unhex("f38cbb1ad69223dcc3457ae5b6b0f885", want, sizeof(want));
    ghash_init(&g, h);
    ghash_blocks(&g, in, 2, got);
    assert_memory_equal(got, want, 16);
    slow_ghash(h, in, 2, got); /* the test's own, too */
    assert_memory_equal(got, want, 16);
}

/* A CPU that computes something else must not seal what nobody could open. */
static void test_new_refuses_a_cpu_that_errs(void **state)
{
    const uint8_t key[GCM_KEY_LEN] = { 1 };
    struct gcm *g = NULL;

    (void)state;
    if (!ghash_has_cpu())
        skip();
    breaks = true;
    assert_int_equal(gcm_new(key, true, &g), HUFU_IO);
    assert_null(g);
    assert_int_equal(gcm_new(key, false, &g), HUFU_OK);
    breaks = false;
    gcm_free(g);
    gcm_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_many_are_as_the_library_has_them),
        cmocka_unit_test(test_every_length_is_as_the_library_has_it),
        cmocka_unit_test(test_long_and_short_mix),
        cmocka_unit_test(test_open_refuses_one_of_many),
        cmocka_unit_test(test_open_refuses_every_bit_of_the_tag),
        cmocka_unit_test(test_wycheproof),
        cmocka_unit_test(test_ghash_is_what_the_standard_says),
        cmocka_unit_test(test_ghash_known_answer),
        cmocka_unit_test(test_new_refuses_a_cpu_that_errs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
