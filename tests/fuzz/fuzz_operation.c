/* Whatever bytes stand for an operation's writes: a walk that reaches the end gives writes within
 * their bounds, and writing them again gives the same bytes. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "vault/store/operation.h"

int LLVMFuzzerTestOneInput(const uint8_t *in, size_t in_len);

int LLVMFuzzerTestOneInput(const uint8_t *in, size_t in_len)
{
    struct operation_reader it;
    struct operation_write w;
    struct buf again;
    enum hufu_err err = operation_open(&it, view_of(in, in_len));

    buf_init(&again, in_len + 16);
    if (err == HUFU_OK)
        operation_begin(&again, it.left);
    while (err == HUFU_OK) {
        err = operation_next(&it, &w);
        if (err != HUFU_OK)
            break;
        assert(w.key.len > 0 && w.key.len <= STORE_KEY_MAX);
        assert(w.image.len <= STORE_IMAGE_MAX);
        assert(!w.removed || w.image.len == 0);
        assert(w.key.p >= in && w.key.p + w.key.len <= in + in_len);
        operation_put(&again, &w);
    }
    assert(err == HUFU_NOT_FOUND || err == HUFU_CORRUPT);
    if (err == HUFU_NOT_FOUND)
        assert(again.len == in_len && memcmp(again.p, in, in_len) == 0);
    buf_done(&again);
    return 0;
}
