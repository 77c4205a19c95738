/* Lines of the log: what is read prints back as the same bytes, so a line has one reading only. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "vault/log/entry_read.h"

#define WORD_MAX 16384 /* bytes of a verb, a result or a role, with its NUL */

int LLVMFuzzerTestOneInput(const uint8_t *in, size_t in_len);

/* Such texts go into a draft as C strings. */
static const char *word_of(struct view text, char out[static WORD_MAX + 1])
{
    if (text.len > WORD_MAX || (text.len > 0 && memchr(text.p, 0, text.len) != NULL))
        return NULL;
    memcpy(out, text.p, text.len);
    out[text.len] = '\0';
    return out;
}

int LLVMFuzzerTestOneInput(const uint8_t *in, size_t in_len)
{
    static uint8_t text_mem[ENTRY_LINE_MAX], line_mem[2 * ENTRY_LINE_MAX];
    static uint8_t ids[ENTRY_IDS_MAX * ENTRY_TOKEN_ID_LEN];
    static char verb[WORD_MAX + 1], result[WORD_MAX + 1], role[WORD_MAX + 1];
    struct entry_fields e, before;
    struct entry_draft d = { 0 };
    struct buf text, line;

    memset(&e, 0x5a, sizeof(e));
    memcpy(&before, &e, sizeof(e));
    buf_fixed(&text, text_mem, sizeof(text_mem));
    if (entry_read(view_of(in, in_len), &text, &e) != HUFU_OK) {
        assert(memcmp(&e, &before, sizeof(e)) == 0);
        return 0;
    }
    assert(in_len <= ENTRY_LINE_MAX && e.token_id_count <= ENTRY_IDS_MAX);
    d.verb = word_of(e.verb, verb);
    d.result = word_of(e.result, result);
    d.role = e.role.len > 0 ? word_of(e.role, role) : NULL;
    if (d.verb == NULL || d.result == NULL || (d.role == NULL && e.role.len > 0))
        return 0; /* a NUL in it: no draft can say that */
    d.principal = e.principal;
    d.source = e.source;
    d.domain = e.domain;
    d.purpose = e.purpose;
    d.reason = e.reason;
    d.request_id = e.request_id;
    for (size_t i = 0; i < e.token_id_count; i++)
        entry_read_id(&e, i, ids + i * ENTRY_TOKEN_ID_LEN);
    d.token_ids = ids;
    d.token_id_count = e.token_id_count;
    d.commit = e.has_commit ? e.commit : NULL;
    buf_fixed(&line, line_mem, sizeof(line_mem));
    assert(entry_print(&d, e.time_ms, e.held, &line) == HUFU_OK);
    assert(line.len == in_len && memcmp(line.p, in, in_len) == 0);
    return 0;
}
