/*
 * store_world.h - a model of a store in arrays, for the step test.
 *
 * Layer:   tests. Includes vault/base/, vault/store/store.h.
 * Threads: one.
 */
#ifndef HUFU_TESTS_STORE_WORLD_H
#define HUFU_TESTS_STORE_WORLD_H

#include <inttypes.h>

#include "tests/unit/store_house.h"

#define KEYS       240
#define FLIGHTS    24
#define OPS        3
#define PARTS      3           /* preconditions, writes, counters of one operation */
#define PRES       (2 * PARTS) /* with those that each kept row's write brings along */
#define IMAGE_MAX  700
#define STEPS      3000
#define LINES_MAX  20000
#define VERSION_AT 8 /* byte of an image that rewrites change */
#define TABLES     8

struct row { /* of the model */
    bool there;
    uint64_t seq;
    size_t len;
    uint8_t tag;              /* fills the image behind the seq */
    uint8_t version;          /* when it was sealed */
    uint64_t count, until_ms; /* a counter's image */
};

struct flight { /* a draft with all that it borrows */
    struct store_draft draft;
    struct store_op op[OPS];
    struct store_pre pre[OPS][PRES];
    struct store_write write[OPS][PARTS];
    struct store_count count[OPS][PARTS];
    struct house_entry entry[OPS];
    size_t pre_key[OPS][PRES], write_key[OPS][PARTS], count_key[OPS][PARTS];
    uint8_t tag[OPS][PARTS];
    bool seal_fails[OPS][PARTS];
    uint8_t image[OPS][PARTS][IMAGE_MAX];
    uint8_t meta[8];
    enum hufu_err want;
    size_t want_op, want_at;
    uint64_t want_seq;
    bool busy, done;
};

struct pass { /* of a rewrite: the store's own cursor is checked against it */
    struct store_rewrite job;
    bool on, waits;
    uint8_t table, version;
    uint64_t below; /* `applied` when it began */
    size_t at;      /* the key visited last, or KEYS */
    size_t stands;  /* the same as of the last chunk that was committed */
    size_t answers;
};

struct swept { /* what a whole pass has left behind: no older version below that seq */
    uint8_t version;
    uint64_t below;
};

struct world {
    struct house house;
    uint64_t seed, random;
    size_t step;
    uint8_t key[KEYS][24];
    size_t key_len[KEYS];
    struct row row[KEYS], saved[KEYS];
    struct store_seen seen[KEYS];
    bool has_seen[KEYS];
    struct flight flight[FLIGHTS];
    struct flight *queue[FLIGHTS];
    size_t queued;
    char *line[LINES_MAX];
    size_t lines;
    struct merkle tree;
    uint64_t last_ms;
    uint8_t meta[8];
    bool has_meta, has_digest;
    struct pass pass;
    struct swept swept[TABLES];
    size_t passes;
    uint64_t map_share;   /* of 1,000 steps: some seeds starve the map thread */
    size_t made;          /* rows that stay, as often as they were counted */
    bool refusal, unsure; /* of the fault at hand: the store goes on; the group may be there */
    size_t found, lost;   /* unsure ones, after the restart */
    size_t ok, refused, crashes, full; /* so that a run is known to have met them all */
};

#define MUST(w, condition)                                                                         \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "seed %" PRIu64 " step %zu: %s:%d: %s\n", (w)->seed, (w)->step,        \
                    __FILE__, __LINE__, #condition);                                               \
            exit(1);                                                                               \
        }                                                                                          \
    } while (0)

static inline uint64_t draw(struct world *w, uint64_t below)
{
    uint64_t z = (w->random += 0x9e3779b97f4a7c15u);

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return (z ^ z >> 31) % below;
}

static inline struct view key_of(const struct world *w, size_t k)
{
    return view_of(w->key[k], w->key_len[k]);
}

static inline bool key_counts(const struct world *w, size_t k)
{
    return w->key[k][0] == TABLE_COUNTER;
}

/* Its rows are counted for good: they are never removed, and written as they were seen. */
static inline bool key_stays(const struct world *w, size_t k)
{
    return w->key[k][0] == TABLE_TOKEN;
}

static inline void keys_make(struct world *w)
{
    static const uint8_t tables[] = { TABLE_TOKEN, TABLE_INDEX,   TABLE_IDEM,
                                      TABLE_USER,  TABLE_SESSION, TABLE_COUNTER };

    for (size_t k = 0; k < KEYS; k++) {
        struct buf b;

        buf_fixed(&b, w->key[k], sizeof(w->key[k]));
        buf_u8(&b, tables[k % 6]);
        buf_u8(&b, (uint8_t)(k / 6 % 3));
        buf_be16(&b, (uint16_t)(tables[k % 6] == TABLE_TOKEN ? k / 6 % 5 : k * 7919));
        if (tables[k % 6] == TABLE_TOKEN) /* several keys begin with the same four bytes */
            buf_be16(&b, (uint16_t)k);
        for (size_t i = 0; i < k % 5; i++)
            buf_u8(&b, 0);
        w->key_len[k] = b.len;
    }
}

/* The image as it must be stored. */
static inline void row_print(const struct world *w, size_t k, struct buf *out)
{
    const struct row *row = &w->row[k];

    if (key_counts(w, k)) {
        buf_u64(out, row->count);
        buf_u64(out, row->until_ms);
        return;
    }
    for (size_t i = 0; i < row->len; i++)
        buf_u8(out, (uint8_t)(i < 8 ? row->seq >> (8 * i) : row->tag + i));
    if (row->len > VERSION_AT && w->key[k][0] < STORE_RESIDENT)
        out->p[VERSION_AT] = row->version;
}

/* Sets the version that was sealed to the one that is there, where that one may be. */
static inline void version_check(struct world *w, size_t k, struct buf *want, struct view image)
{
    const struct swept *swept = &w->swept[w->key[k][0] % TABLES];
    uint8_t version;

    if (key_counts(w, k) || w->key[k][0] >= STORE_RESIDENT || image.len <= VERSION_AT)
        return;
    version = image.p[VERSION_AT];
    MUST(w, version >= w->row[k].version && version <= w->house.rooms.version);
    MUST(w, version >= swept->version || w->row[k].seq >= swept->below);
    want->p[VERSION_AT] = version;
}

static inline void row_check(struct world *w, size_t k, uint64_t seq, struct view image)
{
    uint8_t mem[IMAGE_MAX];
    struct buf want;

    buf_fixed(&want, mem, sizeof(mem));
    row_print(w, k, &want);
    MUST(w, w->row[k].there && w->row[k].seq == seq && image.len == want.len);
    version_check(w, k, &want, image);
    MUST(w, view_equal(buf_view(&want), image));
}

#endif
