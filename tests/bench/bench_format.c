/*
 * bench_format.c - what the work on one value costs: FF1 beside the AES that it is made of, the
 * drawing of a token, the judging of a card number.
 *
 * bench_format: every measure in turn, RUNS times over, so that all see the same machine. Prints
 * the medians in ns and, for FF1, the median of the ratios of neighbours. Ends with 1 where one of
 * the bounds is passed; run it from the root, on a machine that has little else to do.
 *
 * The floor is ten AES-256 blocks, each the input of the next: FF1 has ten rounds, and cannot do
 * with less than a block in each. In a batch, ten calls for 64 blocks.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/evp.h>

#include "vault/base/secret.h"
#include "vault/format/format_set.h"
#include "vault/keys/ff1.h"

#define RUNS  61
#define LOOPS 1536 /* values of one measurement: a multiple of FF1_BATCH */

#define SINGLE_MAX 2.0 /* times the floor */
#define BATCH_MAX  2.5
#define DRAW_NS    40.0
#define JUDGE_NS   20.0

static const uint8_t key[32] = { 0x2b, 0x7e, 0x15, 0x16, 0x28, 0xae, 0xd2, 0xa6 };
static const uint8_t tweak[FF1_BATCH * 8] = { 4, 1, 1, 1, 1, 1, 1, 1 };

static struct {
    EVP_CIPHER_CTX *aes;
    struct ff1 *ff1;
    struct format_set *formats;
    const struct format *pan;
    struct draw draw;
    uint8_t block[FF1_BATCH * 16];
    uint8_t text[FF1_BATCH * 19];
    uint16_t symbol[18];
} world;

static int encrypt(struct ff1_lot *lot)
{
    return ff1_encrypt_digits(world.ff1, lot, world.text, world.text) == HUFU_OK;
}

static int floor_of(size_t blocks)
{
    int n, good = 1;

    for (size_t i = 0; i < LOOPS / blocks; i++)
        for (int round = 0; round < 10; round++)
            good &= EVP_EncryptUpdate(world.aes, world.block, &n, world.block, (int)blocks * 16);
    return good;
}

static int floor_single(void)
{
    return floor_of(1);
}

static int floor_batch(void)
{
    return floor_of(FF1_BATCH);
}

/* Each value is the cipher text of the one before: nothing of the next can begin early. */
static int digits_of(size_t len, size_t count, size_t tweak_step)
{
    struct ff1_lot lot = { 10, len, count, tweak, 8, tweak_step };
    int good = 1;

    for (size_t i = 0; i < LOOPS / count; i++)
        good &= encrypt(&lot);
    return good;
}

static int ff1_single(void)
{
    return digits_of(16, 1, 0);
}

static int ff1_batch(void)
{
    return digits_of(16, FF1_BATCH, 8);
}

static int ff1_19(void)
{
    return digits_of(19, 1, 0);
}

static int ff1_19_batch(void)
{
    return digits_of(19, FF1_BATCH, 8);
}

static int ff1_r36(void)
{
    struct ff1_lot lot = { 36, 18, 1, tweak, 8, 0 };
    int good = 1;

    for (size_t i = 0; i < LOOPS; i++)
        good &= ff1_encrypt(world.ff1, &lot, world.symbol, world.symbol) == HUFU_OK;
    return good;
}

static int draw_pan(void)
{
    const struct format_keep keep = { 6, 4 };
    uint8_t out[FORMAT_VALUE_MAX];
    int good = 1;

    for (size_t i = 0; i < LOOPS; i++)
        good &=
            format_draw(world.pan, keep, view_str("4111111111111111"), &world.draw, out) == HUFU_OK;
    return good;
}

/* Canonical form, then: original, token, neither. */
static int judge_pan(void)
{
    const struct format_keep keep = { 6, 4 };
    uint8_t out[FORMAT_VALUE_MAX];
    size_t len;
    int good = 1;

    for (size_t i = 0; i < LOOPS; i++)
        good &= format_canon(world.pan, view_str("4111111111111111"), out, &len) == HUFU_OK &&
                format_judge(world.pan, keep, view_of(out, len)) == FORMAT_ORIGINAL;
    return good;
}

struct measure {
    const char *name;
    int (*run)(void);
    int floor;    /* its place in the table; -1: none */
    double limit; /* times the floor, or ns; 0: none */
    double ns[RUNS], ratio[RUNS];
};

static struct measure measures[] = {
    { .name = "floor: 10 dependent AES-256 blocks", .run = floor_single, .floor = -1 },
    { .name = "FF1 16 digits", .run = ff1_single, .floor = 0, .limit = SINGLE_MAX },
    { .name = "FF1 19 digits", .run = ff1_19, .floor = 0 },
    { .name = "FF1 18 characters, radix 36", .run = ff1_r36, .floor = 0 },
    { .name = "floor: the same, 64 at a time", .run = floor_batch, .floor = -1 },
    { .name = "FF1 16 digits, 64 at a time", .run = ff1_batch, .floor = 4, .limit = BATCH_MAX },
    { .name = "FF1 19 digits, 64 at a time", .run = ff1_19_batch, .floor = 4 },
    { .name = "token for a card, 6+4 kept", .run = draw_pan, .floor = -1, .limit = DRAW_NS },
    { .name = "card checked and classified", .run = judge_pan, .floor = -1, .limit = JUDGE_NS },
};
#define MEASURES (sizeof(measures) / sizeof(measures[0]))

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

static double median(double *values)
{
    qsort(values, RUNS, sizeof(*values), by_size);
    return values[RUNS / 2];
}

static double ns_a_value(int (*run)(void))
{
    struct timespec t[2];

    clock_gettime(CLOCK_MONOTONIC, &t[0]);
    if (!run()) {
        fprintf(stderr, "bench_format: a call failed\n");
        exit(2);
    }
    clock_gettime(CLOCK_MONOTONIC, &t[1]);
    return ((double)(t[1].tv_sec - t[0].tv_sec) * 1e9 + (double)(t[1].tv_nsec - t[0].tv_nsec)) /
           LOOPS;
}

static void measure_all(void)
{
    for (size_t run = 0; run < RUNS; run++)
        for (size_t i = 0; i < MEASURES; i++) {
            struct measure *m = &measures[i];

            m->ns[run] = ns_a_value(m->run);
            if (m->floor >= 0)
                m->ratio[run] = m->ns[run] / measures[m->floor].ns[run];
        }
}

/* Returns whether the measure is within its bound. */
static int show(struct measure *m)
{
    double ns = median(m->ns), ratio = m->floor < 0 ? 0 : median(m->ratio);
    int good = m->limit <= 0 || (m->floor < 0 ? ns : ratio) <= m->limit;

    printf("%-36s %7.1f ns", m->name, ns);
    if (m->floor >= 0)
        printf("  %5.2fx", ratio);
    if (m->limit > 0)
        printf("  (at most %.1f%s: %s)", m->limit, m->floor < 0 ? " ns" : "x",
               good ? "kept" : "NOT KEPT");
    printf("\n");
    return good;
}

static int start(void)
{
    EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, "AES-256-ECB", NULL);
    int good;

    world.aes = EVP_CIPHER_CTX_new();
    memset(world.text, '4', sizeof(world.text));
    draw_init(&world.draw, &entropy_system);
    good = cipher != NULL && world.aes != NULL &&
           EVP_EncryptInit_ex2(world.aes, cipher, key, NULL, NULL) == 1 &&
           EVP_CIPHER_CTX_set_padding(world.aes, 0) == 1 &&
           ff1_new(key, sizeof(key), &world.ff1) == HUFU_OK &&
           format_set_load("conf/formats.conf", &world.formats, NULL, 0) == HUFU_OK &&
           format_set_find(world.formats, view_str("pan"), &world.pan) == HUFU_OK;
    EVP_CIPHER_free(cipher);
    return good;
}

int main(void)
{
    int good = 1;

    if (!start()) {
        fprintf(stderr, "bench_format: run it from the root, where conf/formats.conf is\n");
        return 2;
    }
    measure_all(); /* warms up */
    measure_all();
    for (size_t i = 0; i < MEASURES; i++)
        good &= show(&measures[i]);
    format_set_free(world.formats);
    draw_done(&world.draw);
    ff1_free(world.ff1);
    EVP_CIPHER_CTX_free(world.aes);
    return !good;
}
