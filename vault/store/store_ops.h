/*
 * store_ops.h - what a backend of store.h implements; store.c calls through it.
 *
 * Layer:   vault/store/. Includes store.h only.
 * Threads: as store.h says of the function of the same name.
 *
 * A backend's own struct begins with a struct store, its reader with a struct store_reader, its
 * chunk of a rewrite with a struct rewrite.
 */
#ifndef HUFU_STORE_STORE_OPS_H
#define HUFU_STORE_STORE_OPS_H

#include "vault/store/store.h"

struct store_ops {
    void (*close)(struct store *s);
    enum hufu_err (*reader_new)(struct store *s, struct store_reader **out);
    void (*reader_free)(struct store_reader *r);
    enum hufu_err (*find)(struct store_reader *r, struct view key, struct buf *image_out,
                          struct store_seen *seen_out);
    enum hufu_err (*scan)(struct store_reader *r, struct view prefix, struct view from, size_t max,
                          bool (*each)(void *arg, struct view key, uint64_t seq, struct view image),
                          void *arg, struct buf *next_out);
    enum hufu_err (*submit)(struct store *s, struct store_draft *draft);
    bool (*journal_step)(struct store *s);
    bool (*map_step)(struct store *s, bool force);
    void (*journal_wait)(struct store *s);
    void (*map_wait)(struct store *s);
    void (*hurry)(struct store *s, uint64_t seq);
    void (*stop)(struct store *s);
    bool (*is_sound)(struct store *s);
    enum hufu_err (*digest_check)(struct store *s);
    enum hufu_err (*digest_start)(struct store *s);
    void (*log)(struct store *s, struct merkle *out);
    enum hufu_err (*meta)(struct store_reader *r, struct view key, struct buf *out);
    enum hufu_err (*entries)(struct store_reader *r, uint64_t index, size_t count,
                             bool (*each)(void *arg, uint64_t index, struct view line), void *arg);
    enum hufu_err (*hashes)(struct store_reader *r, unsigned level, uint64_t n, size_t count,
                            struct merkle_hash *out);
    void (*numbers)(struct store *s, struct store_numbers *out);
    uint64_t (*made)(struct store *s, enum store_table table, uint32_t id);
    enum hufu_err (*rewrite)(struct store *s, struct store_rewrite *job);
    enum hufu_err (*rewrite_find)(struct rewrite *rw, struct view key, uint64_t *seq_out,
                                  struct view *image_out);
    enum hufu_err (*rewrite_put)(struct rewrite *rw, struct view key, uint64_t seq,
                                 struct view image);
    enum hufu_err (*rewrite_remove)(struct rewrite *rw, struct view key);
};

struct store {
    const struct store_ops *ops;
};

struct store_reader {
    const struct store_ops *ops;
};

struct rewrite {
    const struct store_ops *ops;
};

#endif
