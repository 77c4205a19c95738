/*
 * bench_crypto.c - what the cryptography of one token costs, by the product's own functions: the
 * key of its index row, drawing it, laying its record out and sealing that; and opening it again.
 *
 * bench_crypto: every measure in turn, RUNS times over, so that all see the same machine: one token
 * at a time and BATCH at a time; by the CPU's instructions, and by the library's calls alone, as on
 * a CPU that lacks them. Prints the medians in ns a token. Ends with 1 where a bound is passed; run
 * it from the root, on a machine that has little else to do.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "vault/format/format_set.h"
#include "vault/index.h"
#include "vault/keys/envelope.h"
#include "vault/record.h"

#define RUNS      61
#define LOOPS     1024 /* tokens of one measurement: a multiple of BATCH */
#define BATCH     64
#define IMAGE_MAX 160
#define TOKEN_LEN 16
#define ROW_LEN   (5 + TOKEN_LEN)
#define DOMAIN    1
#define SERIAL    1

#define SINGLE_NS 600.0
#define BATCH_NS  150.0

struct token {
    uint8_t value[TOKEN_LEN], index[INDEX_KEY_LEN], row[ROW_LEN], image[IMAGE_MAX], text[64];
    size_t image_len;
};

static struct {
    struct keyring *ring;
    struct key *data;
    struct crypt *cpu, *library;
    struct crypt *crypt; /* the one that is measured */
    struct format_set *formats;
    const struct format *pan;
    struct draw draw;
    uint8_t header[RECORD_HEADER_MAX], text[RECORD_TEXT_MAX];
    size_t header_len, text_len;
    struct token token[LOOPS];
} world;

static bool index_single(void)
{
    bool good = true;

    for (size_t i = 0; i < LOOPS; i++)
        good &=
            index_key(world.crypt, world.ring, DOMAIN, 1, view_of(world.token[i].value, TOKEN_LEN),
                      world.token[i].index) == HUFU_OK;
    return good;
}

/* What index_key does, for many values of one domain. */
static bool index_lot(struct token *t)
{
    static const uint8_t prefix[] = { TABLE_INDEX, 0, 0, 0, DOMAIN, 0, 0, 0, 1 };
    struct key *key = keyring_find(world.ring, DOMAIN, KEY_INDEX, 1);
    struct view value[BATCH];
    uint8_t mac[BATCH][CRYPT_MAC_LEN];

    for (size_t i = 0; i < BATCH; i++)
        value[i] = view_of(t[i].value, TOKEN_LEN);
    if (crypt_mac_many(world.crypt, key, value, BATCH, mac) != HUFU_OK)
        return false;
    for (size_t i = 0; i < BATCH; i++) {
        memcpy(t[i].index, prefix, sizeof(prefix));
        memcpy(t[i].index + sizeof(prefix), mac[i], CRYPT_MAC_LEN);
    }
    return true;
}

static bool index_batch(void)
{
    bool good = true;

    for (size_t i = 0; i < LOOPS; i += BATCH)
        good &= index_lot(&world.token[i]);
    return good;
}

static bool draw_tokens(void)
{
    const struct format_keep keep = { 6, 4 };
    uint8_t out[FORMAT_TOKEN_MAX];
    bool good = true;

    for (size_t i = 0; i < LOOPS; i++) {
        struct token *t = &world.token[i];

        good &=
            format_draw(world.pan, keep, view_of(t->value, TOKEN_LEN), &world.draw, out) == HUFU_OK;
        memcpy(t->row + 5, out, TOKEN_LEN);
    }
    return good;
}

static bool lay_out(void)
{
    bool good = true;

    for (size_t i = 0; i < LOOPS; i++) {
        struct token *t = &world.token[i];
        struct buf b;

        buf_fixed(&b, t->image, IMAGE_MAX);
        good &= envelope_lay(&b, view_of(world.header, world.header_len),
                             view_of(world.text, world.text_len), &world.draw) == HUFU_OK;
        t->image_len = b.len;
    }
    return good;
}

static bool seal_single(void)
{
    bool good = true;

    for (size_t i = 0; i < LOOPS; i++) {
        struct token *t = &world.token[i];
        struct key *key = keyring_active(world.ring, DOMAIN, KEY_DATA);

        good &= envelope_seal(world.crypt, key, view_of(t->row, ROW_LEN), i, t->image,
                              t->image_len) == HUFU_OK;
    }
    return good;
}

static bool seal_lot(size_t first)
{
    struct key *key = keyring_active(world.ring, DOMAIN, KEY_DATA);
    struct envelope_write write[BATCH];

    for (size_t i = 0; i < BATCH; i++) {
        struct token *t = &world.token[first + i];

        write[i] = (struct envelope_write){ key, view_of(t->row, ROW_LEN), first + i, t->image,
                                            t->image_len };
    }
    return envelope_seal_many(world.crypt, write, BATCH) == HUFU_OK;
}

static bool seal_batch(void)
{
    bool good = true;

    for (size_t i = 0; i < LOOPS; i += BATCH)
        good &= seal_lot(i);
    return good;
}

static bool open_single(void)
{
    bool good = true;

    for (size_t i = 0; i < LOOPS; i++) {
        struct token *t = &world.token[i];
        struct key *key = keyring_find(world.ring, DOMAIN, KEY_DATA, 1);
        struct buf b;

        buf_fixed(&b, t->text, sizeof(t->text));
        good &= envelope_open(world.crypt, key, view_of(t->row, ROW_LEN), i,
                              view_of(t->image, t->image_len), &b) == HUFU_OK;
    }
    return good;
}

static bool open_lot(size_t first)
{
    struct key *key = keyring_find(world.ring, DOMAIN, KEY_DATA, 1);
    struct envelope_read read[BATCH];
    struct buf b[BATCH];
    bool good = true;

    for (size_t i = 0; i < BATCH; i++) {
        struct token *t = &world.token[first + i];

        buf_fixed(&b[i], t->text, sizeof(t->text));
        read[i] = (struct envelope_read){ key,       view_of(t->row, ROW_LEN),
                                          first + i, view_of(t->image, t->image_len),
                                          &b[i],     HUFU_OK };
    }
    envelope_open_many(world.crypt, read, BATCH);
    for (size_t i = 0; i < BATCH; i++)
        good &= read[i].err == HUFU_OK;
    return good;
}

static bool open_batch(void)
{
    bool good = true;

    for (size_t i = 0; i < LOOPS; i += BATCH)
        good &= open_lot(i);
    return good;
}

struct measure {
    const char *name;
    bool (*single)(void), (*batch)(void);
};

/* In the order in which they need each other. */
static const struct measure measures[] = {
    { "index key of a value", index_single, index_batch },
    { "token drawn", draw_tokens, draw_tokens },
    { "record laid out, with its nonce", lay_out, lay_out },
    { "record sealed", seal_single, seal_batch },
    { "record opened", open_single, open_batch }, /* not of the sum: it comes last */
};
#define MEASURES (sizeof(measures) / sizeof(measures[0]))
#define SUMMED   (MEASURES - 1)

enum column { CPU_SINGLE, CPU_BATCH, LIBRARY_SINGLE, LIBRARY_BATCH, COLUMNS };

static double ns[MEASURES][COLUMNS][RUNS];

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

static double ns_a_token(bool (*run)(void))
{
    struct timespec t[2];

    clock_gettime(CLOCK_MONOTONIC, &t[0]);
    if (!run()) {
        fprintf(stderr, "bench_crypto: a call failed\n");
        exit(2);
    }
    clock_gettime(CLOCK_MONOTONIC, &t[1]);
    return ((double)(t[1].tv_sec - t[0].tv_sec) * 1e9 + (double)(t[1].tv_nsec - t[0].tv_nsec)) /
           LOOPS;
}

/* Sealing takes what was laid out just before, opening what was sealed. */
static void measure_column(size_t run, enum column column)
{
    bool batch = column == CPU_BATCH || column == LIBRARY_BATCH;

    world.crypt = column < LIBRARY_SINGLE ? world.cpu : world.library;
    for (size_t i = 0; i < MEASURES; i++) {
        ns[i][column][run] = ns_a_token(batch ? measures[i].batch : measures[i].single);
    }
    atomic_store(&world.data->used, 0);
}

static void measure_all(void)
{
    for (size_t run = 0; run < RUNS; run++)
        for (int column = 0; column < COLUMNS; column++)
            measure_column(run, (enum column)column);
}

/* One line a measure; the sums are of medians. Returns whether both bounds are kept. */
static bool show(void)
{
    double sum[COLUMNS] = { 0 };
    bool kept;

    printf("%-36s%9s%9s%21s%9s\n", "ns a token", "single", "batch", "library alone: single",
           "batch");
    for (size_t i = 0; i < MEASURES; i++) {
        printf("%-36s", measures[i].name);
        for (int column = 0; column < COLUMNS; column++) {
            double mid = median(ns[i][column]);

            if (i < SUMMED)
                sum[column] += mid;
            printf("%*.1f", column == LIBRARY_SINGLE ? 21 : 9, mid);
        }
        printf("\n");
    }
    kept = sum[CPU_SINGLE] <= SINGLE_NS && sum[CPU_BATCH] <= BATCH_NS;
    printf("%-36s%9.1f%9.1f%21.1f%9.1f\n", "sum of the first four", sum[CPU_SINGLE], sum[CPU_BATCH],
           sum[LIBRARY_SINGLE], sum[LIBRARY_BATCH]);
    printf("at most %.0f single, %.0f in a batch of %d: %s\n", SINGLE_NS, BATCH_NS, BATCH,
           kept ? "kept" : "NOT KEPT");
    return kept;
}

static struct key *add_key(enum key_kind kind)
{
    struct key *key = calloc(1, sizeof(*key));

    if (key == NULL || secret_random(KEY_LEN, &key->secret) != HUFU_OK)
        return NULL;
    key->domain = DOMAIN;
    key->kind = (uint8_t)kind;
    key->version = 1;
    atomic_init(&key->state, KEY_ACTIVE);
    atomic_init(&key->leased, KEY_SEALS_MAX);
    return keyring_put(world.ring, key) == HUFU_OK ? key : NULL;
}

/* The record that tokenize makes of a card sent without a subject. */
static bool print_record(void)
{
    static const struct record rec = { .state = RECORD_ACTIVE,
                                       .created_ms = 1,
                                       .changed_ms = 1,
                                       .request_id = "00000000-0000-7000-8000-000000000000",
                                       .partner = { 1 },
                                       .partner_count = 1,
                                       .value = "4111111111111111",
                                       .value_len = TOKEN_LEN };
    struct buf header, text;

    buf_fixed(&header, world.header, sizeof(world.header));
    buf_fixed(&text, world.text, sizeof(world.text));
    record_put_header(&rec, &header);
    record_put_text(&rec, &text);
    world.header_len = header.len;
    world.text_len = text.len;
    for (size_t i = 0; i < LOOPS; i++) {
        struct token *t = &world.token[i];

        memcpy(t->value, rec.value, TOKEN_LEN);
        memcpy(t->row, "\001\0\0\0\001", 5);
    }
    return buf_check(&header) == HUFU_OK && buf_check(&text) == HUFU_OK;
}

static bool start(void)
{
    draw_init(&world.draw, &entropy_system);
    return secret_heap_init(65536) == HUFU_OK && keyring_new(&world.ring) == HUFU_OK &&
           (world.data = add_key(KEY_DATA)) != NULL && add_key(KEY_INDEX) != NULL &&
           crypt_new(&world.cpu) == HUFU_OK && crypt_new_plain(&world.library) == HUFU_OK &&
           format_set_load("conf/formats.conf", &world.formats, NULL, 0) == HUFU_OK &&
           format_set_find(world.formats, view_str("pan"), &world.pan) == HUFU_OK && print_record();
}

int main(void)
{
    bool kept;

    if (!start()) {
        fprintf(stderr, "bench_crypto: run it from the root, where conf/formats.conf is\n");
        return 2;
    }
    measure_all(); /* warms up */
    measure_all();
    kept = show();
    format_set_free(world.formats);
    draw_done(&world.draw);
    crypt_free(world.cpu);
    crypt_free(world.library);
    keyring_free(world.ring);
    return kept ? 0 : 1;
}
