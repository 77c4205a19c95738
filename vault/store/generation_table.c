#include "vault/store/generation_table.h"

#include <stdalign.h>
#include <string.h>
#include <sys/mman.h>

#include "vault/store/generation.h"

#define SLOTS      10
#define LOAD       8 /* keys a bucket from which on one is split */
#define PIECE_BITS 5 /* the first piece has 32 buckets: a page */
#define MULTIPLIER 0x9e3779b97f4a7c15u

/* Two cache lines: a look-up that finds nothing reads the first. */
struct generation_bucket {
    alignas(64) _Atomic uint32_t hash[SLOTS];
    struct generation_bucket *_Atomic more;
    struct generation_row *_Atomic row[SLOTS]; /* the key's newest; NULL: the slot is free */
};

static size_t piece_buckets(unsigned piece)
{
    return (size_t)1 << (PIECE_BITS + piece);
}

static size_t pieces_room(const struct generation_pieces *p)
{
    return piece_buckets(p->count) - piece_buckets(0);
}

static struct generation_bucket *bucket_at(const struct generation_pieces *p, size_t i)
{
    size_t at = i + piece_buckets(0);
    unsigned bits = 63 - (unsigned)__builtin_clzll(at);

    return &p->piece[bits - PIECE_BITS][at - ((size_t)1 << bits)];
}

/* Mapped, since the allocator would touch what it gives back zeroed. */
static bool pieces_grow(struct generation_pieces *p, size_t want)
{
    while (pieces_room(p) < want) {
        size_t bytes = piece_buckets(p->count) * sizeof(struct generation_bucket);
        void *mem;

        if (p->count == GENERATION_PIECES)
            return false;
        mem = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (mem == MAP_FAILED)
            return false;
        p->piece[p->count++] = mem;
    }
    return true;
}

static void pieces_done(struct generation_pieces *p)
{
    for (unsigned i = 0; i < p->count; i++)
        munmap(p->piece[i], piece_buckets(i) * sizeof(struct generation_bucket));
    p->count = 0;
}

bool generation_table_init(struct generation_table *t)
{
    *t = (struct generation_table){ 0 };
    atomic_init(&t->state, 1);
    return pieces_grow(&t->main, 1);
}

void generation_table_done(struct generation_table *t)
{
    pieces_done(&t->main);
    pieces_done(&t->spill);
}

static uint64_t state_now(const struct generation_table *t)
{
    return atomic_load_explicit(&t->state, memory_order_acquire);
}

static size_t buckets_of(uint64_t state)
{
    return (uint32_t)state;
}

uint64_t generation_table_bytes(const struct generation_table *t)
{
    return (buckets_of(state_now(t)) + t->spilled) * sizeof(struct generation_bucket);
}

/* A put takes one further bucket at most; a split, which needs more, can wait. */
bool generation_table_reserve(struct generation_table *t)
{
    if (!pieces_grow(&t->spill, t->spilled - t->unuseds + t->waiting + 1) ||
        !pieces_grow(&t->main, (t->keys + t->waiting) / LOAD + 2))
        return false;
    t->waiting++;
    return true;
}

/* Spreads keys, guards nothing: those that callers could choose are made by a MAC or drawn. */
uint32_t generation_table_hash(struct view key)
{
    uint64_t h = key.len, word;

    for (; key.len >= sizeof(word); key.p += sizeof(word), key.len -= sizeof(word)) {
        memcpy(&word, key.p, sizeof(word));
        h = (h ^ word) * MULTIPLIER;
        h ^= h >> 32;
    }
    word = 0;
    for (size_t i = 0; i < key.len; i++)
        word = word << 8 | key.p[i];
    h = (h ^ word) * MULTIPLIER;
    h = (h ^ h >> 32) * MULTIPLIER;
    return (uint32_t)(h >> 32);
}

/* The highest power of two <= count. */
static size_t half_of(size_t count)
{
    return (size_t)1 << (63 - __builtin_clzll(count));
}

/* Of buckets 0 to count - 1; those that a lower power of two counted are split one by one. */
static size_t bucket_of(uint32_t hash, size_t count)
{
    size_t half = half_of(count);
    size_t i = hash & (2 * half - 1);

    return i < count ? i : i & (half - 1);
}

void generation_table_prefetch(const struct generation_table *t, uint32_t hash)
{
    const struct generation_bucket *b =
        bucket_at(&t->main, bucket_of(hash, buckets_of(state_now(t))));

    __builtin_prefetch(b, 1);
    __builtin_prefetch((const uint8_t *)b + 64, 1);
}

static struct generation_row *slot_row(const struct generation_bucket *b, size_t slot)
{
    return atomic_load_explicit(&b->row[slot], memory_order_acquire);
}

static struct generation_bucket *bucket_more(const struct generation_bucket *b)
{
    return atomic_load_explicit(&b->more, memory_order_acquire);
}

/* The key's slot of a bucket and those behind it, and what is in it; or NULL. */
static struct generation_row *_Atomic *slot_find(struct generation_bucket *b, struct view key,
                                                 uint32_t hash, struct generation_row **row_out)
{
    for (; b; b = bucket_more(b))
        for (size_t i = 0; i < SLOTS; i++) {
            if (atomic_load_explicit(&b->hash[i], memory_order_acquire) != hash)
                continue;
            *row_out = slot_row(b, i);
            if (*row_out && view_equal(generation_key(*row_out), key))
                return &b->row[i];
        }
    return NULL;
}

/*
 * A row leaves its slot only after it has another one and `state` said so, and every load here
 * acquires: who missed a row because of that sees that the state is another one, and looks again.
 */
struct generation_row *generation_table_find(const struct generation_table *t, struct view key)
{
    uint32_t hash = generation_table_hash(key);
    uint64_t state = state_now(t), was;
    struct generation_row *row;

    do {
        if (slot_find(bucket_at(&t->main, bucket_of(hash, buckets_of(state))), key, hash, &row))
            return row;
        was = state;
        state = state_now(t);
    } while (state != was);
    return NULL;
}

static void slot_set(struct generation_bucket *b, size_t slot, struct generation_row *row,
                     uint32_t hash)
{
    atomic_store_explicit(&b->hash[slot], hash, memory_order_release);
    atomic_store_explicit(&b->row[slot], row, memory_order_release);
}

/* Empties a bucket of spill; one that is not used leads to the next by its first hashes. */
static void spill_give(struct generation_table *t, struct generation_bucket *b)
{
    uint64_t next = (uintptr_t)t->unused;

    for (size_t i = 0; i < SLOTS; i++)
        slot_set(b, i, NULL, 0);
    atomic_store_explicit(&b->more, NULL, memory_order_release);
    atomic_store_explicit(&b->hash[0], (uint32_t)next, memory_order_relaxed);
    atomic_store_explicit(&b->hash[1], (uint32_t)(next >> 32), memory_order_relaxed);
    t->unused = b;
    t->unuseds++;
}

static struct generation_bucket *spill_take(struct generation_table *t)
{
    struct generation_bucket *b = t->unused;
    uint64_t next;

    if (!b)
        return bucket_at(&t->spill, t->spilled++);
    next = atomic_load_explicit(&b->hash[1], memory_order_relaxed);
    next = next << 32 | atomic_load_explicit(&b->hash[0], memory_order_relaxed);
    t->unused = (struct generation_bucket *)(uintptr_t)next;
    t->unuseds--;
    return b;
}

/* Puts a row into a free slot, of one more bucket where there is none. */
static void bucket_add(struct generation_table *t, struct generation_bucket *b,
                       struct generation_row *row, uint32_t hash)
{
    struct generation_bucket *next;

    for (;; b = next) {
        for (size_t i = 0; i < SLOTS; i++)
            if (!slot_row(b, i)) {
                slot_set(b, i, row, hash);
                return;
            }
        next = bucket_more(b);
        if (next)
            continue;
        next = spill_take(t);
        slot_set(next, 0, row, hash);
        atomic_store_explicit(&b->more, next, memory_order_release);
        return;
    }
}

static uint32_t slot_hash(const struct generation_bucket *b, size_t slot)
{
    return atomic_load_explicit(&b->hash[slot], memory_order_relaxed);
}

/* Where all that is behind a bucket fits into it, moves it there. */
static void bucket_gather(struct generation_table *t, struct generation_bucket *b, size_t rows)
{
    struct generation_bucket *more = bucket_more(b), *next;

    if (!more || rows > SLOTS)
        return;
    for (next = more; next; next = bucket_more(next))
        for (size_t i = 0; i < SLOTS; i++)
            if (slot_row(next, i))
                bucket_add(t, b, slot_row(next, i), slot_hash(next, i));
    atomic_store_explicit(&t->state, state_now(t) + (UINT64_C(1) << 32), memory_order_release);
    atomic_store_explicit(&b->more, NULL, memory_order_release);
    for (; more; more = next) {
        next = bucket_more(more);
        spill_give(t, more);
    }
}

/* Rows of a bucket that have the bit in their hashes, and those that have not. */
static void bucket_count(const struct generation_bucket *b, uint32_t bit, size_t *with_out,
                         size_t *without_out)
{
    *with_out = *without_out = 0;
    for (; b; b = bucket_more(b))
        for (size_t i = 0; i < SLOTS; i++)
            if (slot_row(b, i))
                ++*(slot_hash(b, i) & bit ? with_out : without_out);
}

/* Moves the rows that belong to the new last bucket there; they are in both for a while. */
static void bucket_split(struct generation_table *t)
{
    size_t count = buckets_of(state_now(t)), half = half_of(count), leave, stay;
    struct generation_bucket *from = bucket_at(&t->main, count - half), *to, *b;
    uint32_t bit = (uint32_t)half;

    bucket_count(from, bit, &leave, &stay);
    /* what is left is kept for rows that were made; the next put tries again */
    if (pieces_room(&t->main) <= count || count >= UINT32_MAX / 2 ||
        t->spilled - t->unuseds + leave / SLOTS + t->waiting > pieces_room(&t->spill))
        return;
    to = bucket_at(&t->main, count);
    for (b = from; b; b = bucket_more(b))
        for (size_t i = 0; i < SLOTS; i++)
            if (slot_row(b, i) && slot_hash(b, i) & bit)
                bucket_add(t, to, slot_row(b, i), slot_hash(b, i));
    atomic_store_explicit(&t->state, state_now(t) + 1, memory_order_release);
    for (b = from; b; b = bucket_more(b))
        for (size_t i = 0; i < SLOTS; i++)
            if (slot_hash(b, i) & bit)
                atomic_store_explicit(&b->row[i], NULL, memory_order_release);
    bucket_gather(t, from, stay);
}

/* Newest first; of two with one seq the later one is. Mostly the row is the newest of all. */
static void version_add(struct generation_row *_Atomic *slot, struct generation_row *newest,
                        struct generation_row *row)
{
    struct generation_row *before = NULL, *at = newest;

    for (; at && at->seq > row->seq; at = generation_older(at))
        before = at;
    if (!before) {
        atomic_store_explicit(&row->older, (uintptr_t)newest, memory_order_relaxed);
        atomic_store_explicit(slot, row, memory_order_release);
        return;
    }
    atomic_store_explicit(&row->older, atomic_load_explicit(&before->older, memory_order_relaxed),
                          memory_order_relaxed);
    atomic_store_explicit(&before->older, (uintptr_t)row, memory_order_release);
}

bool generation_table_put(struct generation_table *t, struct generation_row *row, uint32_t hash)
{
    struct generation_bucket *b = bucket_at(&t->main, bucket_of(hash, buckets_of(state_now(t))));
    struct generation_row *newest;
    struct generation_row *_Atomic *slot = slot_find(b, generation_key(row), hash, &newest);

    t->waiting--;
    if (slot) {
        version_add(slot, newest, row);
        return false;
    }
    bucket_add(t, b, row, hash);
    if (++t->keys > LOAD * buckets_of(state_now(t)))
        bucket_split(t);
    return true;
}

void generation_table_each(const struct generation_table *t,
                           void (*each)(void *arg, struct generation_row *row), void *arg)
{
    size_t count = buckets_of(state_now(t));

    for (size_t i = 0; i < count; i++)
        for (struct generation_bucket *b = bucket_at(&t->main, i); b; b = bucket_more(b))
            for (size_t slot = 0; slot < SLOTS; slot++)
                if (slot_row(b, slot))
                    each(arg, slot_row(b, slot));
}
