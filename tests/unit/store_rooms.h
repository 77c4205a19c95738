/*
 * store_rooms.h - fake rooms above a store: a clock that tests set, and hooks that can be seen.
 *
 * Layer:   tests. Includes vault/base/, vault/store/store.h.
 * Threads: the clock is atomic; the hooks are the journal step's.
 */
#ifndef HUFU_TESTS_STORE_ROOMS_H
#define HUFU_TESTS_STORE_ROOMS_H

#include <stdatomic.h>
#include <string.h>

#include "vault/store/store.h"

struct house_clock {
    struct clock_ops ops; /* first */
    atomic_uint_least64_t now, boot;
};

struct house_rooms {      /* what the hooks keep */
    bool has_key;         /* digest answers SEALED without */
    size_t changed_count; /* calls of changed, and the last one */
    uint8_t changed_key[STORE_KEY_MAX];
    size_t changed_key_len;
    bool changed_removed;
    size_t gathered; /* groups whose drafts were told together, and whether one is being told */
    bool gathers;
    uint8_t version; /* seal writes it behind the seq of rows that are not resident; 0: it does not
                      */
};

/* What stands for an entry draft: the fake line prints it. */
struct house_entry {
    char text[64];
    bool fails;
};

static inline uint64_t house_now(const struct clock_ops *ops)
{
    return atomic_load(&((struct house_clock *)(uintptr_t)ops)->now);
}

static inline uint64_t house_boot(const struct clock_ops *ops)
{
    return atomic_load(&((struct house_clock *)(uintptr_t)ops)->boot);
}

/* A sealed image begins with its seq, as far as it has room. An image that begins with 0xee fails.
 */
static inline enum hufu_err house_seal_one(const struct house_rooms *rooms, struct store_write *w,
                                           uint64_t seq)
{
    if (w->image_len > 0 && w->image[0] == 0xee)
        return HUFU_SEALED;
    for (size_t i = 0; i < w->image_len && i < 8; i++)
        w->image[i] = (uint8_t)(seq >> (8 * i));
    if (rooms->version > 0 && w->image_len > 8 && w->key.p[0] < STORE_RESIDENT)
        w->image[8] = rooms->version;
    return HUFU_OK;
}

static inline enum hufu_err house_seal(void *arg, struct store_write *w, size_t count, uint64_t seq)
{
    enum hufu_err err = HUFU_OK;

    for (size_t i = 0; i < count && err == HUFU_OK; i++)
        if (w[i].image)
            err = house_seal_one(arg, &w[i], seq);
    return err;
}

static inline void house_print(const struct house_entry *e, uint64_t seq, uint64_t now_ms,
                               bool held, struct buf *out)
{
    buf_str(out, e->text);
    buf_str(out, " seq=");
    buf_dec(out, seq);
    buf_str(out, " now=");
    buf_dec(out, now_ms);
    if (held)
        buf_str(out, " held");
}

static inline enum hufu_err house_line(void *arg, const struct entry_draft *entry, uint64_t seq,
                                       uint64_t now_ms, bool held, struct buf *out)
{
    const struct house_entry *e = (const struct house_entry *)entry;

    (void)arg;
    house_print(e, seq, now_ms, held, out); /* a failing line leaves bytes behind */
    return e->fails ? HUFU_RANGE : HUFU_OK;
}

static inline enum hufu_err house_digest(void *arg, struct view key, uint64_t seq,
                                         struct view image, uint8_t out[static 32])
{
    const struct house_rooms *rooms = arg;
    struct merkle_hash hash;
    struct buf b;

    if (!rooms->has_key)
        return HUFU_SEALED;
    buf_init(&b, STORE_KEY_MAX + STORE_IMAGE_MAX + 64);
    buf_lv16(&b, key.p, key.len);
    buf_u64(&b, seq);
    buf_put(&b, image.p, image.len);
    merkle_leaf(buf_view(&b), &hash);
    memcpy(out, hash.b, sizeof(hash.b));
    buf_done(&b);
    return HUFU_OK;
}

static inline void house_changed(void *arg, struct view key, uint64_t seq, struct view image)
{
    struct house_rooms *rooms = arg;

    (void)seq;
    rooms->changed_count++;
    memcpy(rooms->changed_key, key.p, key.len);
    rooms->changed_key_len = key.len;
    rooms->changed_removed = image.p == NULL;
}

static inline void house_gather(void *arg, bool on)
{
    struct house_rooms *rooms = arg;

    rooms->gathers = on;
    rooms->gathered += on;
}

#endif
