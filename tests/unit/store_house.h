/*
 * store_house.h - a store in a temporary folder with fake rooms above it, for the store's tests.
 *
 * Layer:   tests. Includes vault/base/, vault/store/store.h.
 * Threads: one, but for what store.h allows.
 */
#ifndef HUFU_TESTS_STORE_HOUSE_H
#define HUFU_TESTS_STORE_HOUSE_H

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/store_rooms.h"

#define HOUSE_LINE_MAX 256

struct house {
    char dir[64];
    struct house_clock clock;
    struct store_settings set;
    struct store *s;
    struct store_reader *r;
    struct house_rooms rooms;
};

/* A folder in memory where there is one: these tests are about order, not about the disk. */
static inline void house_init(struct house *h)
{
    memset(h, 0, sizeof(*h));
    snprintf(h->dir, sizeof(h->dir), "%s/hufu-store-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    if (!mkdtemp(h->dir)) {
        perror("mkdtemp");
        exit(1);
    }
    h->clock.ops = (struct clock_ops){ house_now, house_boot };
    atomic_init(&h->clock.now, 1000000);
    atomic_init(&h->clock.boot, 5000);
    h->rooms.has_key = true;
    h->set = (struct store_settings){ .dir = h->dir,
                                      .file_bytes = 64u << 20,
                                      .recent_bytes = 1u << 20,
                                      .generation_ops = 1000,
                                      .flush_ms = 1000,
                                      .slice_ops = 16,
                                      .segment_bytes = 1u << 20,
                                      .queue_max = 64,
                                      .clock = &h->clock.ops,
                                      .hooks = { .seal = house_seal,
                                                 .line = house_line,
                                                 .digest = house_digest,
                                                 .changed = house_changed,
                                                 .gather = house_gather,
                                                 .arg = &h->rooms } };
}

static inline enum hufu_err house_open(struct house *h)
{
    enum hufu_err err = store_open_lmdb(&h->set, &h->s);

    return err == HUFU_OK ? store_reader_new(h->s, &h->r) : err;
}

static inline void house_close(struct house *h)
{
    store_reader_free(h->r);
    store_close(h->s);
    h->r = NULL;
    h->s = NULL;
}

static inline int house_remove(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    (void)st;
    (void)kind;
    (void)ftw;
    return remove(path);
}

static inline void house_done(struct house *h)
{
    house_close(h);
    nftw(h->dir, house_remove, 8, FTW_DEPTH | FTW_PHYS);
}

#endif
