/*
 * C3 data: what is refused stays refused among spaces and in either case, a refused value is a
 * refused text, and track data made of the input is found with and without sentinels.
 */
#include <assert.h>
#include <stdbool.h>
#include <string.h>

#include "vault/format/sensitive.h"

int LLVMFuzzerTestOneInput(const uint8_t *in, size_t in_len);

#define TEXT_MAX 512

static bool is_refused(struct view value)
{
    return sensitive_check_value(value) == HUFU_PROHIBITED_DATA;
}

/* Three spaces before and two behind; letters turned over. */
static void check_kept(const uint8_t *in, size_t in_len)
{
    uint8_t text[TEXT_MAX + 5];
    struct view plain = view_of(in, in_len), spaced = view_of(text, in_len + 5);
    bool value = is_refused(plain), found = sensitive_find_text(plain);

    memset(text, ' ', sizeof(text));
    memcpy(text + 3, in, in_len);
    assert(!value || found);
    assert(is_refused(spaced) == value);
    assert(sensitive_find_text(spaced) == found);
    for (size_t i = 3; i < in_len + 3; i++)
        if ((text[i] >= 'a' && text[i] <= 'z') || (text[i] >= 'A' && text[i] <= 'Z'))
            text[i] ^= 0x20;
    assert(is_refused(spaced) == value);
    assert(sensitive_find_text(spaced) == found);
}

/* Appends the digits of a number, of 12 to 19; those of the input, or zeros. */
static size_t put_number(uint8_t *out, const uint8_t *in, size_t in_len)
{
    size_t len = 12 + (in_len == 0 ? 0 : in[0] % 8);

    for (size_t i = 0; i < len; i++)
        out[i] = (uint8_t)('0' + (i < in_len ? in[i] % 10 : 0));
    return len;
}

static void check_both(const uint8_t *track, size_t len, size_t head)
{
    assert(is_refused(view_of(track, len)));
    assert(sensitive_find_text(view_of(track, len)));
    assert(is_refused(view_of(track + head, len - head - 1)));
    assert(sensitive_find_text(view_of(track + head, len - head - 1)));
    check_kept(track + head, len - head - 1);
}

static void check_tracks(const uint8_t *in, size_t in_len)
{
    static const char date[] = "2512101", name[] = "^DOE/JOHN^";
    uint8_t text[64] = "%B";
    size_t len = 2 + put_number(text + 2, in, in_len);

    memcpy(text + len, name, sizeof(name) - 1);
    len += sizeof(name) - 1;
    memcpy(text + len, date, sizeof(date) - 1);
    len += sizeof(date) - 1;
    text[len++] = '?';
    check_both(text, len, 2);

    text[0] = ';';
    len = 1 + put_number(text + 1, in, in_len);
    text[len++] = '=';
    memcpy(text + len, date, sizeof(date) - 1);
    len += sizeof(date) - 1;
    text[len++] = '?';
    check_both(text, len, 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *in, size_t in_len)
{
    uint8_t text[TEXT_MAX];

    if (in_len > TEXT_MAX)
        return 0;
    check_kept(in, in_len);
    check_tracks(in, in_len);
    /* Once more over an alphabet in which something can be found. */
    for (size_t i = 0; i < in_len; i++)
        text[i] = (uint8_t) "0123456789012345ABCDEFD=^;%?/- :"[in[i] % 32];
    check_kept(text, in_len);
    return 0;
}
