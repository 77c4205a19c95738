/*
 * Journal groups of 1, 8, 64 and 256 single-insert drafts, the map flushing beside them: operations
 * and rows a second, commit latency.
 *     bench_store [FOLDER [SECONDS]]     the folder is made and removed; default /tmp, 3 s a size
 */
#include <ftw.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "vault/store/store.h"

#define GROUP_MAX   256
#define SAMPLES_MAX 1000000
#define TOKEN_LEN   21 /* table, domain, 16 digits */
#define INDEX_LEN   41
#define KIN_LEN     5 /* table, domain */
#define RECORD_LEN  120

struct insert { /* a deterministic tokenization: a mapping and an index row, both absent before */
    struct store_draft draft;
    struct store_op op;
    struct store_pre pre[2];
    struct store_write write[2];
    uint8_t token[TOKEN_LEN], index[INDEX_LEN], record[RECORD_LEN];
};

static atomic_bool stopping;
static uint64_t state = 88172645463325252u;
static uint32_t samples_us[SAMPLES_MAX];

static void random_fill(uint8_t *out, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        out[i] = (uint8_t)(state >> 24);
    }
}

static enum hufu_err bench_seal(void *arg, struct store_write *w, size_t count, uint64_t seq)
{
    (void)arg;
    for (size_t i = 0; i < count; i++)
        w[i].image[0] = (uint8_t)seq;
    return HUFU_OK;
}

static enum hufu_err bench_line(void *arg, const struct entry_draft *entry, uint64_t seq,
                                uint64_t now_ms, bool held, struct buf *out)
{
    static const char rest[] =
        "\"domain\":\"cards\",\"principal\":\"acme\",\"request_id\":"
        "\"018f4e2a-7b1c-7c3d-8e9f-0a1b2c3d4e5f\",\"result\":\"ok\",\"role\":"
        "\"partner\",\"source\":\"127.0.0.1\",\"token_id\":"
        "\"0123456789abcdefghijkl\",\"verb\":\"tokenize\"";

    (void)arg;
    (void)entry;
    (void)seq;
    (void)held;
    buf_put(out, rest, sizeof(rest) - 1);
    buf_dec(out, now_ms);
    return HUFU_OK;
}

static enum hufu_err bench_digest(void *arg, struct view key, uint64_t seq, struct view image,
                                  uint8_t out[static 32])
{
    (void)arg;
    (void)key;
    (void)seq;
    (void)image;
    memset(out, 0, 32);
    return HUFU_OK;
}

static void bench_changed(void *arg, struct view key, uint64_t seq, struct view image)
{
    (void)arg;
    (void)key;
    (void)seq;
    (void)image;
}

static void draft_done(struct store_draft *draft)
{
    if (draft->err != HUFU_OK) {
        fprintf(stderr, "bench_store: %s\n", err_name(draft->err));
        exit(1);
    }
}

static void *map_loop(void *arg)
{
    while (!atomic_load(&stopping)) {
        store_map_wait(arg);
        while (store_map_step(arg, false))
            ;
    }
    return NULL;
}

static uint64_t now_us(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

static void insert_make(struct insert *in, struct store_reader *r)
{
    static uint8_t entry;

    random_fill(in->token + KIN_LEN, TOKEN_LEN - KIN_LEN); /* of domain 0 */
    random_fill(in->index + KIN_LEN, INDEX_LEN - KIN_LEN);
    random_fill(in->record, RECORD_LEN);
    in->token[0] = TABLE_TOKEN;
    in->index[0] = TABLE_INDEX;
    in->write[0] = (struct store_write){ view_of(in->token, TOKEN_LEN), in->record, RECORD_LEN };
    in->write[1] = (struct store_write){ view_of(in->index, INDEX_LEN), in->token, TOKEN_LEN };
    for (size_t i = 0; i < 2; i++) {
        in->pre[i] = (struct store_pre){ .kind = PRE_ROW, .key = in->write[i].key };
        if (store_find(r, in->pre[i].key, NULL, &in->pre[i].seen) != HUFU_NOT_FOUND)
            exit(1);
    }
    /* the index row's image is the token: a copy, since sealing writes into it */
    in->write[1].image = in->record + RECORD_LEN - TOKEN_LEN;
    in->op = (struct store_op){ .pre = in->pre,
                                .pre_count = 2,
                                .write = in->write,
                                .write_count = 2,
                                .entry = (struct entry_draft *)&entry };
    in->draft = (struct store_draft){ .op = &in->op, .op_count = 1, .done = draft_done };
}

static int sample_compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

static void size_run(struct store *s, struct store_reader *r, size_t group, uint64_t run_us)
{
    static struct insert insert[GROUP_MAX];
    struct store_numbers before, after;
    uint64_t begun = now_us(), step_us = 0, full = 0;
    size_t n = 0;

    store_numbers(s, &before);
    while (now_us() - begun < run_us && n < SAMPLES_MAX) {
        uint64_t from;

        for (size_t i = 0; i < group; i++) {
            insert_make(&insert[i], r);
            if (store_submit(s, &insert[i].draft) != HUFU_OK)
                exit(1);
        }
        for (from = now_us(); !store_journal_step(s); from = now_us()) {
            full++;
            usleep(200);
        }
        samples_us[n] = (uint32_t)(now_us() - from);
        step_us += samples_us[n++];
    }
    store_numbers(s, &after);
    qsort(samples_us, n, sizeof(samples_us[0]), sample_compare);
    printf(
        "group %3zu: %8.0f ops/s whole, %8.0f ops/s of step time, step p50 %5.2f ms p99 %5.2f ms, "
        "flushed %7.0f rows/s, overlay %4.0f MiB, waits for room %llu\n",
        group, (double)(n * group) * 1e6 / (double)(now_us() - begun),
        (double)(n * group) * 1e6 / (double)step_us, samples_us[n / 2] / 1e3,
        samples_us[n * 99 / 100] / 1e3,
        (double)(after.flushed_rows - before.flushed_rows) * 1e6 / (double)(now_us() - begun),
        (double)after.recent_bytes / 1048576, (unsigned long long)full);
    fflush(stdout);
}

static int entry_remove(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    (void)st;
    (void)kind;
    (void)ftw;
    return remove(path);
}

int main(int argc, char **argv)
{
    static const size_t groups[] = { 1, 8, 64, 256 };
    double seconds = argc > 2 ? strtod(argv[2], NULL) : 3;
    struct store_settings set = { .recent_bytes = 768u << 20,
                                  .generation_ops = 131072,
                                  .flush_ms = 1000,
                                  .slice_ops = 1024,
                                  .queue_max = GROUP_MAX,
                                  .clock = &clock_system,
                                  .hooks = { .seal = bench_seal,
                                             .line = bench_line,
                                             .digest = bench_digest,
                                             .changed = bench_changed } };
    struct store_reader *r = NULL;
    struct store *s = NULL;
    struct store_numbers numbers;
    pthread_t map;
    char dir[256];

    snprintf(dir, sizeof(dir), "%s/bench-store-XXXXXX", argc > 1 ? argv[1] : "/tmp");
    set.dir = mkdtemp(dir);
    if (!set.dir || store_open_lmdb(&set, &s) != HUFU_OK || store_reader_new(s, &r) != HUFU_OK) {
        fprintf(stderr, "bench_store: cannot open a store in %s\n", dir);
        return 1;
    }
    pthread_create(&map, NULL, map_loop, s);
    for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
        size_run(s, r, groups[i], (uint64_t)(seconds * 1e6));
    atomic_store(&stopping, true);
    store_stop(s);
    pthread_join(map, NULL);
    store_numbers(s, &numbers);
    printf("%llu operations, journal %.0f MiB, map %.0f MiB, %.0f bytes an operation in the map\n",
           (unsigned long long)numbers.seq, (double)numbers.journal_file_bytes / 1048576,
           (double)numbers.map_file_bytes / 1048576,
           (double)numbers.map_file_bytes / (double)(numbers.applied ? numbers.applied : 1));
    store_reader_free(r);
    store_close(s);
    nftw(dir, entry_remove, 8, FTW_DEPTH | FTW_PHYS);
    return 0;
}
