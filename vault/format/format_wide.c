#include "vault/format/format_wide.h"

#include <assert.h>
#include <stdbool.h>

void format_wide_set(struct format_wide *w, uint32_t v)
{
    w->limb[0] = v;
    w->count = v != 0;
}

void format_wide_push(struct format_wide *w, uint32_t size, uint32_t v)
{
    uint64_t carry = v;

    for (size_t i = 0; i < w->count; i++) {
        carry += (uint64_t)w->limb[i] * size; /* at most 2^64 - 2^32, so it holds */
        w->limb[i] = (uint32_t)carry;
        carry >>= 32;
    }
    if (carry == 0)
        return;
    assert(w->count < FORMAT_WIDE_LIMBS);
    w->limb[w->count++] = (uint32_t)carry;
}

uint32_t format_wide_pull(struct format_wide *w, uint32_t size)
{
    uint64_t rest = 0;

    for (size_t i = w->count; i-- > 0;) {
        rest = rest << 32 | w->limb[i];
        w->limb[i] = (uint32_t)(rest / size); /* what came down is below size */
        rest %= size;
    }
    while (w->count > 0 && w->limb[w->count - 1] == 0)
        w->count--;
    return (uint32_t)rest;
}

size_t format_wide_bits(const struct format_wide *w)
{
    uint32_t top = w->limb[w->count - 1];
    size_t bits = 32 * w->count - (size_t)__builtin_clz(top);

    if ((top & (top - 1)) != 0)
        return bits;
    for (size_t i = 0; i + 1 < w->count; i++)
        if (w->limb[i] != 0)
            return bits;
    return bits - 1; /* a power of two */
}

static bool is_below(const struct format_wide *a, const struct format_wide *b)
{
    if (a->count != b->count)
        return a->count < b->count;
    for (size_t i = a->count; i-- > 0;)
        if (a->limb[i] != b->limb[i])
            return a->limb[i] < b->limb[i];
    return false;
}

/* True where r^len reaches w; r below 65536. */
static bool reaches(uint32_t r, size_t len, const struct format_wide *w)
{
    struct format_wide power;

    if (w->count <= 2) { /* nearly always: len is 2 to 4, and two limbs are enough */
        uint64_t least = w->limb[0] | (w->count == 2 ? (uint64_t)w->limb[1] << 32 : 0);
        uint64_t p = r;

        for (size_t i = 1; i < len; i++)
            if (__builtin_mul_overflow(p, r, &p))
                return true;
        return p >= least;
    }
    format_wide_set(&power, len % 2 == 0 ? 1 : r);
    for (size_t i = 0; i < len / 2; i++)
        format_wide_push(&power, r * r, 0);
    return !is_below(&power, w);
}

uint32_t format_wide_root(const struct format_wide *w, size_t len)
{
    size_t bits = format_wide_bits(w);
    uint32_t low = UINT32_C(1) << ((bits - 1) / len);        /* its power is below w */
    uint32_t high = UINT32_C(1) << ((bits + len - 1) / len); /* its power reaches w */

    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;

        if (reaches(middle, len, w))
            high = middle;
        else
            low = middle;
    }
    return high;
}
