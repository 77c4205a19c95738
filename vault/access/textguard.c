#include "vault/access/textguard.h"

#include <stddef.h>
#include <string.h>

#include "vault/base/secret.h"
#include "vault/base/text.h"
#include "vault/format/format_run.h"
#include "vault/format/sensitive.h"

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(uint8_t c)
{
    return c >= 'A' && c <= 'Z';
}

static bool is_separator(uint8_t c)
{
    return c != 0 && strchr(" -/.,_:;()[]+*#'\"|\\", c) != NULL;
}

/* The code point of the sequence of len bytes at p, which is well-formed. */
static uint32_t decode(const uint8_t *p, size_t len)
{
    uint32_t cp = len == 1 ? p[0] : p[0] & (0xffu >> (len + 1));

    for (size_t i = 1; i < len; i++)
        cp = cp << 6 | (p[i] & 0x3fu);
    return cp;
}

/* What a character looks like in ASCII, letters upper-case; 0 where it looks like nothing there. */
static uint8_t look(uint32_t cp)
{
    static const struct {
        uint32_t first, last, as;
    } spaces_and_dashes[] = {
        { 0x00a0, 0x00a0, ' ' }, { 0x2000, 0x200a, ' ' }, { 0x2010, 0x2015, '-' },
        { 0x202f, 0x202f, ' ' }, { 0x2212, 0x2212, '-' }, { 0x3000, 0x3000, ' ' },
        { 0x200b, 0x200f, ' ' }, { 0x2028, 0x202e, ' ' }, { 0x205f, 0x206f, ' ' }, /* unseen */
        { 0xfe00, 0xfe0f, ' ' }, { 0xfeff, 0xfeff, ' ' }, { 0x00ad, 0x00ad, '-' },
        { 0x00b7, 0x00b7, '.' }, { 0x2022, 0x2022, '.' },
    };
    static const uint32_t zeros[] = { 0x0660, 0x06f0, 0x0966 }; /* Arabic, Persian, Devanagari */

    if (cp >= 0xff01 && cp <= 0xff5e) /* the full-width forms of U+0021..U+007E */
        cp -= 0xff01 - 0x21;
    for (size_t i = 0; i < sizeof(spaces_and_dashes) / sizeof(spaces_and_dashes[0]); i++)
        if (cp >= spaces_and_dashes[i].first && cp <= spaces_and_dashes[i].last)
            cp = spaces_and_dashes[i].as;
    for (size_t i = 0; i < sizeof(zeros) / sizeof(zeros[0]); i++)
        if (cp >= zeros[i] && cp <= zeros[i] + 9)
            cp = '0' + (cp - zeros[i]);
    if (cp >= 'a' && cp <= 'z')
        cp -= 'a' - 'A';
    return cp < 0x80 ? (uint8_t)cp : 0;
}

/* Writes one byte for each character of text, and returns their number. */
static size_t fold(struct view text, uint8_t *out)
{
    size_t n = 0;

    while (text.len > 0) {
        size_t len = text_utf8_len(text);

        out[n++] = len == 0 ? 0 : look(decode(text.p, len));
        len = len == 0 ? 1 : len;
        text = view_of(text.p + len, text.len - len);
    }
    return n;
}

/* What a further separator makes of those before it. */
static uint8_t join(uint8_t seps, uint8_t c)
{
    bool is_close = c == ' ' || c == '-';

    if (seps == 0 || seps == c)
        return c;
    return is_close && (seps == ' ' || seps == '-' || seps == FORMAT_RUN_DASH) ? FORMAT_RUN_DASH
                                                                               : FORMAT_RUN_MIXED;
}

/* Takes the next stretch from text; false at its end. */
static bool next_run(struct view *text, struct format_run *out)
{
    uint8_t sep = 0;

    out->len = 0;
    for (; text->len > 0; text->p++, text->len--) {
        uint8_t c = text->p[0];

        if (is_digit(c) || is_letter(c)) {
            out->c[out->len] = c;
            out->sep[out->len++] = sep;
            sep = 0;
        } else if (is_separator(c)) {
            sep = join(sep, c);
        } else if (out->len > 0) {
            return true;
        } else {
            sep = 0;
        }
    }
    return out->len > 0;
}

enum hufu_err textguard_check(const struct format_set *set, struct view text)
{
    uint8_t folded[TEXTGUARD_MAX];
    struct format_run run;
    struct view left;
    bool found;

    if (text.len > TEXTGUARD_MAX)
        return HUFU_VALUE_IN_TEXT;
    left = view_of(folded, fold(text, folded));
    found = sensitive_find_text(left);
    while (!found && next_run(&left, &run))
        found = format_run_holds(set, &run);
    wipe(folded, sizeof(folded));
    wipe(&run, sizeof(run));
    return found ? HUFU_VALUE_IN_TEXT : HUFU_OK;
}
