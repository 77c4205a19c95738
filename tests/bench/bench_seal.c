/*
 * bench_seal.c - what sealing a mapping costs: the share of it that the journal thread does.
 *
 * bench_seal [COUNT]: lays COUNT records out (a worker's part) and seals them (the journal
 * thread's), five times in turn, and prints the medians in ns each.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "vault/base/secret.h"
#include "vault/base/text.h"
#include "vault/keys/envelope.h"

#define RUNS      5
#define IMAGE_MAX 256
#define COUNT     100000

static double now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

struct sample {
    uint8_t bytes[IMAGE_MAX];
    size_t len;
};

static enum hufu_err lay_all(struct sample *s, size_t n, struct draw *draw)
{
    static const uint8_t header[70] = { 1, 1 };
    enum hufu_err err = HUFU_OK;

    for (size_t i = 0; i < n && err == HUFU_OK; i++) {
        struct buf b;

        buf_fixed(&b, s[i].bytes, IMAGE_MAX);
        err = envelope_lay(&b, view_of(header, sizeof(header)), view_str("4111111111111111___"),
                           draw);
        s[i].len = b.len;
    }
    return err;
}

static enum hufu_err seal_all(struct sample *s, size_t n, struct crypt *c, struct key *key)
{
    uint8_t row[21] = { 1 };
    enum hufu_err err = HUFU_OK;

    for (size_t i = 0; i < n && err == HUFU_OK; i++)
        err = envelope_seal(c, key, view_of(row, sizeof(row)), i, s[i].bytes, s[i].len);
    return err;
}

int main(int argc, char **argv)
{
    uint64_t n = COUNT;
    double lay[RUNS], seal[RUNS];
    struct key key = { .kind = KEY_DATA, .version = 1, .serial = 1 };
    struct sample *samples;
    struct crypt *c = NULL;
    struct draw draw;

    if (argc > 1 && text_u64(view_str(argv[1]), 1, 10000000, &n) != HUFU_OK)
        return 2;
    samples = calloc((size_t)n, sizeof(*samples));
    if (samples == NULL || secret_heap_init(65536) != HUFU_OK ||
        secret_random(KEY_LEN, &key.secret) != HUFU_OK || crypt_new(&c) != HUFU_OK)
        return 1;
    atomic_init(&key.leased, KEY_SEALS_MAX);
    draw_init(&draw, &entropy_system);
    for (size_t r = 0; r < RUNS; r++) {
        double t0 = now_ns(), t1;

        if (lay_all(samples, (size_t)n, &draw) != HUFU_OK)
            return 1;
        t1 = now_ns();
        if (seal_all(samples, (size_t)n, c, &key) != HUFU_OK)
            return 1;
        lay[r] = (t1 - t0) / (double)n;
        seal[r] = (now_ns() - t1) / (double)n;
    }
    qsort(lay, RUNS, sizeof(lay[0]), by_size);
    qsort(seal, RUNS, sizeof(seal[0]), by_size);
    printf("lay out %.0f ns, seal %.0f ns a record (medians of %d x %llu)\n", lay[RUNS / 2],
           seal[RUNS / 2], RUNS, (unsigned long long)n);
    crypt_free(c);
    secret_free(key.secret);
    draw_done(&draw);
    free(samples);
    return 0;
}
