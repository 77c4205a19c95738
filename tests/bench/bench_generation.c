/*
 * What a row costs in memory before the map has it: made, published, found or missed, walked in key
 * order, beside a scan that comes by; nanoseconds and bytes a row.
 *     bench_generation [ROWS [GROUP]]     default 1,000,000 rows, published 2,000 at a time
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "vault/store/recent.h"

#define TOKEN_LEN  21 /* table, domain, 16 digits */
#define INDEX_LEN  41 /* table, domain, version, MAC */
#define RECORD_LEN 200
#define SCAN_ROWS  2000
#define SCANS      10 /* while the rows are published */

struct bench {
    struct recent recent;
    size_t rows, group;
    struct generation_row **made;
    uint8_t image[RECORD_LEN];
    double make_ns, publish_ns, scan_ns;
};

static double now_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static uint64_t mix(uint64_t x)
{
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

/* The i-th key: a token's for even i, its index row's for odd i. */
static struct view key_make(uint64_t i, uint8_t key[static INDEX_LEN])
{
    memset(key, 0, 9);
    key[0] = i % 2 ? 2 : 1;
    key[4] = 7;
    if (i % 2 == 0) {
        uint64_t digits = mix(i) % 1000000000000000u;

        key[5] = '4';
        for (size_t at = TOKEN_LEN; at-- > 6; digits /= 10)
            key[at] = (uint8_t)('0' + digits % 10);
        return view_of(key, TOKEN_LEN);
    }
    key[8] = 1;
    for (size_t at = 9; at < INDEX_LEN; at += 8) {
        uint64_t word = mix(i + at * 0x9e3779b97f4a7c15u);

        memcpy(key + at, &word, sizeof(word));
    }
    return view_of(key, INDEX_LEN);
}

static void group_make(struct bench *b, size_t first, size_t count)
{
    uint8_t key[INDEX_LEN];

    for (size_t i = 0; i < count; i++) {
        struct view k = key_make(first + i, key);
        struct view image = view_of(b->image, (first + i) % 2 ? 16 : RECORD_LEN);

        b->made[i] = generation_make(b->recent.filling, k, (first + i) / 2, image, false);
        if (!b->made[i])
            exit(1);
    }
}

static size_t scan(struct bench *b, uint64_t limit)
{
    static const uint8_t table = 1;
    struct generation_walk w;
    uint8_t key[INDEX_LEN];
    size_t n = 0;

    if (generation_walk_begin(b->recent.filling, view_of(&table, 1), key_make(limit * 2, key),
                              limit, &w) != HUFU_OK)
        exit(1);
    while (n < SCAN_ROWS && generation_walk_next(&w))
        n++;
    generation_walk_end(&w);
    return n;
}

static void publish(struct bench *b)
{
    for (size_t first = 0, scans = 0; first < b->rows; first += b->group) {
        size_t count = b->rows - first < b->group ? b->rows - first : b->group;
        double begun = now_ns(), made;

        group_make(b, first, count);
        made = now_ns();
        recent_publish(&b->recent, b->made, count, (first + count) / 2, 0, 0);
        b->make_ns += made - begun;
        b->publish_ns += now_ns() - made;
        if (first * SCANS / b->rows >= scans) {
            begun = now_ns();
            scan(b, (first + count) / 2);
            b->scan_ns += now_ns() - begun;
            scans++;
        }
    }
}

/* Keys from `first` on, in another order than they came. */
static double find(struct bench *b, uint64_t first, size_t want)
{
    size_t n = 0;
    uint8_t key[INDEX_LEN];
    double begun = now_ns(), made;

    for (size_t i = 0; i < b->rows; i++)
        n += key_make(first + mix(i) % b->rows, key).p == NULL;
    made = now_ns();
    for (size_t i = 0; i < b->rows; i++)
        n += generation_find(b->recent.filling, key_make(first + mix(i) % b->rows, key),
                             UINT64_MAX) != NULL;
    if (n != want)
        exit(1);
    return now_ns() - made - (made - begun);
}

static size_t resident_bytes(void)
{
    FILE *f = fopen("/proc/self/statm", "r");
    size_t size = 0, pages = 0;

    if (!f || fscanf(f, "%zu %zu", &size, &pages) != 2)
        exit(1);
    fclose(f);
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

static void run(struct bench *b)
{
    double rows = (double)b->rows, miss, hit, sorted, walked;
    size_t before = resident_bytes(), n = 0;
    const struct generation_row *row;

    publish(b);
    printf("make %5.0f  publish %5.0f  scan %5.1f ms each  ", b->make_ns / rows,
           b->publish_ns / rows, b->scan_ns / SCANS / 1e6);
    printf("bytes %5.1f counted %5.1f resident  ", (double)b->recent.filling->used / rows,
           (double)(resident_bytes() - before) / rows);
    miss = find(b, b->rows * 4, 0);
    hit = find(b, 0, b->rows);
    printf("miss %4.0f  hit %4.0f  ", miss / rows, hit / rows);
    sorted = now_ns();
    row = generation_seek(b->recent.filling, (struct view){ 0 }, UINT64_MAX);
    sorted = now_ns() - sorted;
    walked = now_ns();
    for (; row; row = generation_next(row, UINT64_MAX))
        n += row->image_len > 0;
    walked = now_ns() - walked;
    printf("sort %5.1f ms  walk %4.0f ns a row of %zu\n", sorted / 1e6, walked / rows, n);
}

int main(int argc, char **argv)
{
    struct bench b = { .rows = argc > 1 ? strtoul(argv[1], NULL, 10) : 1000000,
                       .group = argc > 2 ? strtoul(argv[2], NULL, 10) : 2000 };

    if (b.rows < SCANS || b.group == 0 || b.rows % 2 || b.group % 2)
        return 2;
    b.made = calloc(b.group, sizeof(struct generation_row *));
    if (!b.made || recent_init(&b.recent, 0, UINT64_MAX, UINT64_MAX, UINT64_MAX) != HUFU_OK)
        return 1;
    run(&b);
    recent_done(&b.recent);
    free((void *)b.made);
    return 0;
}
