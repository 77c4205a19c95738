#include "vault/base/merkle.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>

#include "vault/base/digest.h"

/* Beyond this many leaves (2^62) nothing is proved: the sums below cannot overflow. */
#define LEAVES_MAX (UINT64_C(1) << 62)

/* SHA-256(prefix || a || b). A digest that fails has no answer to give: a wrong hash in the log
 * would be worse than an end of the process. */
static void digest(const uint8_t *prefix, size_t prefix_len, struct view a, struct view b,
                   struct merkle_hash *out)
{
    const struct view part[] = { view_of(prefix, prefix_len), a, b };

    if (digest_sha256(part, sizeof(part) / sizeof(part[0]), out->b) != HUFU_OK)
        abort();
}

void merkle_leaf(struct view line, struct merkle_hash *out)
{
    static const uint8_t prefix = 0x00;

    digest(&prefix, 1, line, view_of(NULL, 0), out);
}

void merkle_node(const struct merkle_hash *left, const struct merkle_hash *right,
                 struct merkle_hash *out)
{
    static const uint8_t prefix = 0x01;

    digest(&prefix, 1, view_of(left->b, MERKLE_HASH_LEN), view_of(right->b, MERKLE_HASH_LEN), out);
}

static void empty_root(struct merkle_hash *out)
{
    digest(NULL, 0, view_of(NULL, 0), view_of(NULL, 0), out);
}

void merkle_init(struct merkle *m)
{
    *m = (struct merkle){ 0 };
}

static bool has_bit(uint64_t v, unsigned k)
{
    return (v >> k & 1) != 0;
}

void merkle_add(struct merkle *m, const struct merkle_hash *leaf,
                void (*done)(void *arg, unsigned level, uint64_t n, const struct merkle_hash *hash),
                void *arg)
{
    struct merkle_hash h = *leaf;
    unsigned k = 0;

    assert(m->size < LEAVES_MAX);
    while (has_bit(m->size, k)) {
        merkle_node(&m->peak[k], &h, &h);
        k++;
        if (k % 8 == 0 && done != NULL)
            done(arg, k / 8, m->size >> k, &h);
    }
    m->peak[k] = h;
    m->size++;
}

void merkle_root(const struct merkle *m, struct merkle_hash *out)
{
    struct merkle_hash root;
    bool any = false;

    empty_root(&root);
    for (unsigned k = 0; k < 64; k++) {
        if (!has_bit(m->size, k))
            continue;
        if (any)
            merkle_node(&m->peak[k], &root, &root);
        else
            root = m->peak[k];
        any = true;
    }
    *out = root;
}

void merkle_put(const struct merkle *m, struct buf *out)
{
    buf_u64(out, m->size);
    for (unsigned k = 0; k < 64; k++)
        if (has_bit(m->size, k))
            buf_put(out, m->peak[k].b, MERKLE_HASH_LEN);
}

enum hufu_err merkle_get(struct view in, struct merkle *out)
{
    struct merkle m = { 0 };
    struct reader r;

    reader_init(&r, in.p, in.len);
    m.size = reader_u64(&r);
    for (unsigned k = 0; k < 64; k++)
        if (has_bit(m.size, k))
            reader_copy(&r, m.peak[k].b, MERKLE_HASH_LEN);
    if (reader_end(&r) != HUFU_OK || m.size > LEAVES_MAX)
        return HUFU_CORRUPT;
    *out = m;
    return HUFU_OK;
}

/* The tile read last. Ranges are worked through with rising levels, so one is enough. */
struct tile {
    const struct merkle_source *src;
    uint64_t size; /* leaves that are there */
    unsigned level;
    uint64_t n; /* number of the first hash */
    size_t count;
    struct merkle_hash hash[MERKLE_TILE_WIDTH];
};

static enum hufu_err tile_load(struct tile *t, unsigned level, uint64_t n)
{
    uint64_t there = t->size >> (8 * level);
    uint64_t first = n - n % MERKLE_TILE_WIDTH;
    uint64_t count = there - first < MERKLE_TILE_WIDTH ? there - first : MERKLE_TILE_WIDTH;
    enum hufu_err err;

    if (t->count > 0 && t->level == level && t->n == first)
        return HUFU_OK;
    t->count = 0;
    err = t->src->read(t->src->arg, level, first, (size_t)count, t->hash);
    if (err != HUFU_OK)
        return err;
    t->level = level;
    t->n = first;
    t->count = (size_t)count;
    return HUFU_OK;
}

/* Root of the complete subtree over leaves [begin, begin + 2^k): 2^(k mod 8) hashes of one tile. */
static enum hufu_err subtree(struct tile *t, uint64_t begin, unsigned k, struct merkle_hash *out)
{
    struct merkle_hash row[MERKLE_TILE_WIDTH / 2];
    unsigned level = k / 8;
    size_t width = (size_t)1 << (k % 8);
    uint64_t n = begin >> (8 * level);
    enum hufu_err err = tile_load(t, level, n);

    if (err != HUFU_OK)
        return err;
    for (size_t i = 0; i < width; i++)
        row[i] = t->hash[n - t->n + i];
    for (; width > 1; width /= 2)
        for (size_t i = 0; i < width / 2; i++)
            merkle_node(&row[2 * i], &row[2 * i + 1], &row[i]);
    *out = row[0];
    return HUFU_OK;
}

/* Root over leaves [begin, end), begin < end, where begin is a multiple of a power of two that is
 * no less than end - begin: the complete subtrees of its length, joined from the right. */
static enum hufu_err range(struct tile *t, uint64_t begin, uint64_t end, struct merkle_hash *out)
{
    uint64_t len = end - begin;
    struct merkle_hash root, part;
    bool any = false;

    for (unsigned k = 0; k < 63; k++) {
        enum hufu_err err;

        if (!has_bit(len, k))
            continue;
        end -= UINT64_C(1) << k;
        err = subtree(t, end, k, &part);
        if (err != HUFU_OK)
            return err;
        if (any)
            merkle_node(&part, &root, &root);
        else
            root = part;
        any = true;
    }
    *out = root;
    return HUFU_OK;
}

enum hufu_err merkle_root_at(const struct merkle_source *src, uint64_t size,
                             struct merkle_hash *out)
{
    struct tile t = { .src = src, .size = size };

    if (size > LEAVES_MAX)
        return HUFU_RANGE;
    if (size == 0) {
        empty_root(out);
        return HUFU_OK;
    }
    return range(&t, 0, size, out);
}

/* The ranges whose roots make a proof, from the root of the tree downwards. */
struct plan {
    size_t count;
    uint64_t begin[MERKLE_PROOF_MAX], end[MERKLE_PROOF_MAX];
};

static void plan_put(struct plan *plan, uint64_t begin, uint64_t end)
{
    assert(plan->count < MERKLE_PROOF_MAX);
    plan->begin[plan->count] = begin;
    plan->end[plan->count] = end;
    plan->count++;
}

/* RFC 6962 section 2.1: k is the largest power of two smaller than n; n > 1. */
static uint64_t split(uint64_t n)
{
    return UINT64_C(1) << (63 - (unsigned)__builtin_clzll(n - 1));
}

/* Computes the plan from its end: from the leaves to the root, as proofs are written. */
static enum hufu_err plan_run(const struct plan *plan, const struct merkle_source *src,
                              uint64_t size, struct merkle_hash *out, size_t *count_out)
{
    struct tile t = { .src = src, .size = size };
    struct merkle_hash path[MERKLE_PROOF_MAX];

    for (size_t i = 0; i < plan->count; i++) {
        size_t at = plan->count - 1 - i;
        enum hufu_err err = range(&t, plan->begin[at], plan->end[at], &path[i]);

        if (err != HUFU_OK)
            return err;
    }
    for (size_t i = 0; i < plan->count; i++)
        out[i] = path[i];
    *count_out = plan->count;
    return HUFU_OK;
}

/* RFC 6962 section 2.1.1, PATH(m, D[n]) */
enum hufu_err merkle_prove(const struct merkle_source *src, uint64_t index, uint64_t size,
                           struct merkle_hash *out, size_t *count_out)
{
    struct plan plan = { 0 };
    uint64_t begin = 0, end = size;

    if (size > LEAVES_MAX || index >= size)
        return HUFU_RANGE;
    while (end - begin > 1) {
        uint64_t mid = begin + split(end - begin);

        if (index < mid) {
            plan_put(&plan, mid, end);
            end = mid;
        } else {
            plan_put(&plan, begin, mid);
            begin = mid;
        }
    }
    return plan_run(&plan, src, size, out, count_out);
}

/* RFC 6962 section 2.1.2, SUBPROOF(m, D[n], b); `known` is b. */
enum hufu_err merkle_prove_grown(const struct merkle_source *src, uint64_t from, uint64_t to,
                                 struct merkle_hash *out, size_t *count_out)
{
    struct plan plan = { 0 };
    uint64_t begin = 0, end = to;
    bool known = true;

    if (from == 0 || from > to || to > LEAVES_MAX)
        return HUFU_RANGE;
    while (from != end) {
        uint64_t mid = begin + split(end - begin);

        if (from <= mid) {
            plan_put(&plan, mid, end);
            end = mid;
        } else {
            plan_put(&plan, begin, mid);
            begin = mid;
            known = false;
        }
    }
    if (!known)
        plan_put(&plan, begin, end);
    return plan_run(&plan, src, to, out, count_out);
}

static bool same(const struct merkle_hash *a, const struct merkle_hash *b)
{
    return view_equal(view_of(a->b, MERKLE_HASH_LEN), view_of(b->b, MERKLE_HASH_LEN));
}

/* Steps up while the node is a left child: "right-shift fn and sn until LSB(fn) is set or fn is 0".
 */
static void climb(uint64_t *fn, uint64_t *sn)
{
    while ((*fn & 1) == 0 && *fn != 0) {
        *fn >>= 1;
        *sn >>= 1;
    }
}

/* RFC 9162 section 2.1.3.2 */
enum hufu_err merkle_check(const struct merkle_hash *leaf, uint64_t index, uint64_t size,
                           const struct merkle_hash *path, size_t path_count,
                           const struct merkle_hash *root)
{
    struct merkle_hash r = *leaf;
    uint64_t fn = index, sn = size - 1;

    if (index >= size)
        return HUFU_CORRUPT;
    for (size_t i = 0; i < path_count; i++) {
        if (sn == 0)
            return HUFU_CORRUPT;
        if ((fn & 1) != 0 || fn == sn) {
            merkle_node(&path[i], &r, &r);
            climb(&fn, &sn);
        } else {
            merkle_node(&r, &path[i], &r);
        }
        fn >>= 1;
        sn >>= 1;
    }
    return sn == 0 && same(&r, root) ? HUFU_OK : HUFU_CORRUPT;
}

/* RFC 9162 section 2.1.4.2 */
enum hufu_err merkle_check_grown(uint64_t from, const struct merkle_hash *from_root, uint64_t to,
                                 const struct merkle_hash *to_root, const struct merkle_hash *path,
                                 size_t path_count)
{
    uint64_t fn = from - 1, sn = to - 1;
    struct merkle_hash fr, sr;
    size_t i = 0;

    if (from == 0 || from > to)
        return HUFU_CORRUPT;
    if (from == to)
        return path_count == 0 && same(from_root, to_root) ? HUFU_OK : HUFU_CORRUPT;
    if ((from & (from - 1)) != 0 && path_count == 0)
        return HUFU_CORRUPT;
    /* "If first is an exact power of 2, then prepend first_hash to the path." */
    fr = (from & (from - 1)) == 0 ? *from_root : path[i++];
    sr = fr;
    while ((fn & 1) != 0) {
        fn >>= 1;
        sn >>= 1;
    }
    for (; i < path_count; i++) {
        if (sn == 0)
            return HUFU_CORRUPT;
        if ((fn & 1) != 0 || fn == sn) {
            merkle_node(&path[i], &fr, &fr);
            merkle_node(&path[i], &sr, &sr);
            climb(&fn, &sn);
        } else {
            merkle_node(&sr, &path[i], &sr);
        }
        fn >>= 1;
        sn >>= 1;
    }
    return sn == 0 && same(&fr, from_root) && same(&sr, to_root) ? HUFU_OK : HUFU_CORRUPT;
}
