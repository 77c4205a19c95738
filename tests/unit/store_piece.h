/*
 * store_piece.h - drafts of one operation, and looks at what became of them, for the store's tests.
 *
 * Layer:   tests. Includes cmocka first, then this.
 * Threads: one.
 */
#ifndef HUFU_TESTS_STORE_PIECE_H
#define HUFU_TESTS_STORE_PIECE_H

#include "tests/unit/store_house.h"

/* Keys of a plain table, a counter's, and of a resident one. */
#define TOKEN "\x01tok"
#define OTHER "\x01two"
#define COUNT "\x04num"
#define USER  "\x15usr"

struct piece { /* a draft of one operation with at most one of each part */
    struct store_draft draft;
    struct store_op op;
    struct store_pre pre;
    struct store_write write;
    struct store_count count;
    struct house_entry entry;
    uint8_t image[64];
    unsigned done;
};

static inline void piece_done(struct store_draft *draft)
{
    struct piece *p = draft->arg;

    p->done++;
}

static inline struct view piece_key(const char *text)
{
    return view_of(text, strlen(text));
}

static inline void piece_init(struct piece *p)
{
    memset(p, 0, sizeof(*p));
    snprintf(p->entry.text, sizeof(p->entry.text), "line");
    p->op = (struct store_op){ .pre = &p->pre,
                               .write = &p->write,
                               .count = &p->count,
                               .entry = (struct entry_draft *)&p->entry };
    p->draft.op = &p->op;
    p->draft.op_count = 1;
    p->draft.done = piece_done;
    p->draft.arg = p;
}

/* image: at most 55 characters, stored behind the seq; NULL removes. */
static inline void piece_write(struct piece *p, const char *key, const char *image)
{
    p->op.write_count = 1;
    p->write = (struct store_write){ .key = piece_key(key) };
    if (!image)
        return;
    memset(p->image, 0, 8);
    memcpy(p->image + 8, image, strlen(image));
    p->write.image = p->image;
    p->write.image_len = 8 + strlen(image);
}

static inline void piece_pre(struct piece *p, const char *key, struct store_seen seen)
{
    p->op.pre_count = 1;
    p->pre = (struct store_pre){ .kind = PRE_ROW, .key = piece_key(key), .seen = seen };
}

static inline void piece_count(struct piece *p, const char *key, uint64_t add, uint64_t limit,
                               uint64_t until_ms)
{
    p->op.count_count = 1;
    p->count = (struct store_count){ piece_key(key), add, limit, until_ms, 0 };
}

static inline enum hufu_err piece_run(struct house *h, struct piece *p)
{
    enum hufu_err err = store_submit(h->s, &p->draft);

    if (err != HUFU_OK)
        return err;
    store_journal_step(h->s);
    assert_int_equal(p->done, 1);
    return p->draft.err;
}

static inline enum hufu_err piece_put(struct house *h, const char *key, const char *image)
{
    struct piece p;

    piece_init(&p);
    piece_write(&p, key, image);
    return piece_run(h, &p);
}

static inline void house_flush(struct house *h)
{
    while (store_map_step(h->s, true))
        ;
}

static inline int piece_setup(void **state)
{
    struct house *h = malloc(sizeof(*h));

    if (!h)
        return -1;
    house_init(h);
    *state = h;
    return house_open(h) == HUFU_OK ? 0 : -1;
}

static inline int piece_teardown(void **state)
{
    house_done(*state);
    free(*state);
    return 0;
}

static inline void house_reopen(struct house *h)
{
    house_close(h);
    assert_int_equal(house_open(h), HUFU_OK);
}

#endif
