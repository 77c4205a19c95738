/* Notes: what is read prints back as the signed text; nothing is verified without our key's id. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "vault/base/note.h"

int LLVMFuzzerTestOneInput(const uint8_t *in, size_t in_len);

int LLVMFuzzerTestOneInput(const uint8_t *in, size_t in_len)
{
    static const uint8_t spki[4] = { 1, 2, 3, 4 };
    struct checkpoint cp, again;
    uint8_t mem[NOTE_MAX], note_mem[2 * NOTE_MAX];
    struct buf b, note;

    memset(&cp, 0, sizeof(cp));
    if (note_read(view_of(in, in_len), &cp) != HUFU_OK) {
        assert(cp.size == 0 && cp.origin[0] == '\0');
        assert(note_check(view_of(in, in_len), view_of(spki, sizeof(spki)), &cp) == HUFU_SYNTAX);
        return 0;
    }
    assert(in_len <= NOTE_MAX);
    assert(note_check(view_of(in, in_len), view_of(spki, sizeof(spki)), &again) == HUFU_CORRUPT);

    /* one spelling only: what was read is what would have been written */
    buf_fixed(&b, mem, sizeof(mem));
    checkpoint_print(&cp, &b);
    assert(buf_check(&b) == HUFU_OK && b.len < in_len);
    assert(memcmp(b.p, in, b.len) == 0);

    /* and it is read again as the same, signed by somebody */
    buf_fixed(&note, note_mem, sizeof(note_mem));
    note_print(buf_view(&b), cp.origin, view_of(spki, sizeof(spki)), view_str("sig"), &note);
    assert(buf_check(&note) == HUFU_OK);
    assert(note_read(buf_view(&note), &again) == HUFU_OK);
    assert(again.size == cp.size && strcmp(again.origin, cp.origin) == 0);
    assert(memcmp(&again.root, &cp.root, sizeof(cp.root)) == 0);
    return 0;
}
