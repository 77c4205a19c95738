/* Numbers, times and codecs: what is read is exactly what would have been written. */
#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "vault/base/clock.h"
#include "vault/base/id.h"
#include "vault/base/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *in, size_t in_len);

typedef enum hufu_err reader_fn(struct view in, struct buf *out);
typedef void writer_fn(struct buf *out, const uint8_t *in, size_t in_len);

/* text -> bytes -> text gives the text again; bytes -> text -> bytes the bytes. */
static void check_codec(struct view in, reader_fn *get, writer_fn *put, bool canonical)
{
    struct buf a, b;

    buf_init(&a, 65536);
    buf_init(&b, 65536);
    if (get(in, &a) == HUFU_OK) {
        put(&b, a.p, a.len);
        if (canonical)
            assert(view_equal(buf_view(&b), in));
        else
            assert(b.len <= in.len && view_equal(buf_view(&b), view_of(in.p, b.len)));
    }
    buf_reset(&a);
    buf_reset(&b);
    put(&a, in.p, in.len);
    assert(get(buf_view(&a), &b) == HUFU_OK && view_equal(buf_view(&b), in));
    buf_done(&a);
    buf_done(&b);
}

static void check_number(struct view in)
{
    uint8_t mem[32];
    struct buf b;
    uint64_t v;

    if (text_u64(in, 0, UINT64_MAX, &v) != HUFU_OK)
        return;
    buf_fixed(&b, mem, sizeof(mem));
    buf_dec(&b, v);
    assert(view_equal(buf_view(&b), in));
}

static void check_time(struct view in)
{
    char text[CLOCK_TEXT_LEN + 1];
    uint64_t ms;

    if (clock_parse(in, &ms) != HUFU_OK)
        return;
    clock_print(ms, text);
    assert(memcmp(text, in.p, 19) == 0);
    assert(in.len == 20 || memcmp(text, in.p, CLOCK_TEXT_LEN) == 0);
}

static void check_id(struct view in)
{
    char text[ID_TEXT_LEN + 1];
    uint8_t id[ID_LEN];

    if (id_parse(in, id) != HUFU_OK)
        return;
    id_print(id, text);
    assert(view_is(in, text));
}

int LLVMFuzzerTestOneInput(const uint8_t *in, size_t in_len)
{
    struct view view = view_of(in, in_len);

    if (in_len > 4096)
        return 0;
    check_codec(view, text_unhex, text_hex, true);
    check_codec(view, text_unbase32, text_base32, false);
    check_codec(view, text_unbase64, text_base64, true);
    check_codec(view, text_unbase64url, text_base64url, true);
    check_number(view);
    check_time(view);
    check_id(view);
    assert(!text_is_name(view) || text_is_key(view));
    assert(!text_is_key(view) || text_is_utf8(view));
    return 0;
}
