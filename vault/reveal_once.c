#include "vault/reveal_once.h"

#include <assert.h>
#include <string.h>

enum hufu_err reveal_once_init(struct request *req, size_t items, struct reveal_once *out)
{
    size_t slots = 2;
    void *mem;

    while (slots <= 2 * items)
        slots *= 2;
    mem = request_take(req, slots * sizeof(*out->slot));
    if (mem == NULL)
        return HUFU_UNAVAILABLE;
    *out = (struct reveal_once){ mem, slots };
    return HUFU_OK;
}

size_t reveal_once_note(struct reveal_once *once, const uint8_t *name, size_t item)
{
    uint64_t at;

    memcpy(&at, name, sizeof(at));
    for (size_t n = 0;; n++) {
        struct reveal_once_slot *slot = &once->slot[(at + n) & (once->slots - 1)];

        assert(n < once->slots); /* no more items than were announced */
        if (slot->name == NULL) {
            *slot = (struct reveal_once_slot){ name, item };
            return item;
        }
        if (view_equal(view_of(slot->name, REVEAL_ONCE_LEN), view_of(name, REVEAL_ONCE_LEN)))
            return slot->item;
    }
}
