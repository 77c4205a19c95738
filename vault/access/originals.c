#include "vault/access/originals.h"

#include <stdatomic.h>
#include <stdlib.h>

struct bucket_kind {
    _Atomic uint64_t most; /* 0: not reckoned yet */
    atomic_bool by_seen;   /* written before it */
};

struct originals {
    struct format_keep keep, seen; /* what stays; that or what the widest mask shows */
    size_t count;
    struct bucket_kind kind[];
};

/* What stays or is seen through the widest mask, where a domain could keep that. */
static struct format_keep seen_of(const struct format *fmt, struct format_keep keep)
{
    size_t len = format_len_min(fmt);
    struct format_keep seen = { 0, 0 };

    while (seen.prefix < len && format_mask_shows(fmt, FORMAT_FOR_OPERATOR, seen.prefix, len))
        seen.prefix++;
    while (seen.suffix < len &&
           format_mask_shows(fmt, FORMAT_FOR_OPERATOR, len - 1 - seen.suffix, len))
        seen.suffix++;
    if (seen.prefix < keep.prefix)
        seen.prefix = keep.prefix;
    if (seen.suffix < keep.suffix)
        seen.suffix = keep.suffix;
    return format_keep_check(fmt, seen) == HUFU_OK ? seen : keep;
}

struct originals *originals_new(const struct format *fmt, struct format_keep keep)
{
    size_t count = format_kind_count(fmt);
    struct originals *o = calloc(1, sizeof(*o) + count * sizeof(o->kind[0]));

    if (o == NULL)
        return NULL;
    o->keep = keep;
    o->seen = seen_of(fmt, keep);
    o->count = count;
    for (size_t i = 0; i < count; i++)
        atomic_init(&o->kind[i].most, 0);
    return o;
}

void originals_free(struct originals *o)
{
    free(o);
}

/* Two who reckon at once come to the same. */
static uint64_t reckon(struct originals *o, const struct format *fmt, size_t kind)
{
    struct format_capacity capacity;
    bool by_seen;

    format_capacity(fmt, o->seen, kind, &capacity);
    by_seen = capacity.originals >= ORIGINALS_FEW;
    if (!by_seen)
        format_capacity(fmt, o->keep, kind, &capacity);
    atomic_store_explicit(&o->kind[kind].by_seen, by_seen, memory_order_relaxed);
    atomic_store_explicit(&o->kind[kind].most, capacity.originals, memory_order_release);
    return capacity.originals;
}

uint64_t originals_known(struct originals *o, const struct format *fmt, struct view canonical,
                         struct format_keep *keep_out)
{
    size_t kind = format_kind(fmt, canonical);
    uint64_t most;

    if (o == NULL || kind >= o->count)
        return 0;
    most = atomic_load_explicit(&o->kind[kind].most, memory_order_acquire);
    if (most == 0)
        most = reckon(o, fmt, kind);
    *keep_out =
        atomic_load_explicit(&o->kind[kind].by_seen, memory_order_relaxed) ? o->seen : o->keep;
    return most;
}
