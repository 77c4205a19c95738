/* Lists of denied passwords: every word of one that is taken is denied, also with digits behind. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "vault/access/deny.h"

int LLVMFuzzerTestOneInput(const uint8_t *in, size_t in_len);

static void judge(struct deny *d, struct view word)
{
    uint8_t longer[DENY_LINE_MAX + 2];

    if (word.len > 0 && word.p[word.len - 1] == '\r')
        word.len--;
    if (word.len == 0)
        return;
    assert(word.len <= DENY_LINE_MAX && deny_has(d, word));
    memcpy(longer, word.p, word.len);
    memcpy(longer + word.len, "07", 2);
    assert(deny_has(d, view_of(longer, word.len + 2)) == (word.len + 2 <= DENY_LINE_MAX));
}

int LLVMFuzzerTestOneInput(const uint8_t *in, size_t in_len)
{
    struct deny_fault fault = { NULL, 0 };
    struct deny *d = NULL;

    if (deny_new(&d) != HUFU_OK)
        abort();
    if (deny_parse(d, view_of(in, in_len), &fault) == HUFU_OK) {
        size_t begin = 0;

        for (size_t i = 0; i <= in_len; i++) {
            if (i < in_len && in[i] != '\n')
                continue;
            judge(d, view_of(in + begin, i - begin));
            begin = i + 1;
        }
    } else {
        assert(fault.why != NULL && deny_count(d) == 0);
    }
    deny_free(d);
    return 0;
}
