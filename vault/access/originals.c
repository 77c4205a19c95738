#include "vault/access/originals.h"

#include <stdatomic.h>
#include <stdlib.h>

struct originals {
    size_t count;
    _Atomic uint64_t most[]; /* by kind; 0: not reckoned yet */
};

struct originals *originals_new(const struct format *fmt)
{
    size_t count = format_kind_count(fmt);
    struct originals *o = malloc(sizeof(*o) + count * sizeof(o->most[0]));

    if (o == NULL)
        return NULL;
    o->count = count;
    for (size_t i = 0; i < count; i++)
        atomic_init(&o->most[i], 0);
    return o;
}

void originals_free(struct originals *o)
{
    free(o);
}

uint64_t originals_most(struct originals *o, const struct format *fmt, struct format_keep keep,
                        struct view canonical)
{
    size_t kind = format_kind(fmt, canonical);
    struct format_capacity capacity;
    uint64_t most;

    if (o == NULL || kind >= o->count)
        return 0;
    most = atomic_load_explicit(&o->most[kind], memory_order_relaxed);
    if (most == 0) { /* two who reckon at once come to the same */
        format_capacity(fmt, keep, kind, &capacity);
        most = capacity.originals;
        atomic_store_explicit(&o->most[kind], most, memory_order_relaxed);
    }
    return most;
}
