#include "vault/access/textguard.h"

#include <string.h>

#include <stddef.h>

#include "vault/base/secret.h"
#include "vault/base/text.h"
#include "vault/format/sensitive.h"

#define RUN_MAX 34 /* characters of the longest window */

/* A stretch of letters, digits and separators; the separators are taken out and remembered. */
struct run {
    size_t len;
    uint8_t c[TEXTGUARD_MAX];
    uint8_t sep[TEXTGUARD_MAX]; /* the separator before c[i]; 0: none; MIXED: several kinds */
};
#define MIXED 1

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
        { 0x200b, 0x200d, ' ' }, { 0x2060, 0x2060, ' ' }, { 0xfeff, 0xfeff, ' ' }, /* unseen */
        { 0x00ad, 0x00ad, '-' },
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

/* Takes the next stretch from text; false at its end. */
static bool next_run(struct view *text, struct run *out)
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
            sep = sep == 0 || sep == c ? c : MIXED;
        } else if (out->len > 0) {
            return true;
        } else {
            sep = 0;
        }
    }
    return out->len > 0;
}

static bool all_digits(const uint8_t *c, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (!is_digit(c[i]))
            return false;
    return true;
}

/* True where a format of this length might take the characters: keeps the probe's work small. */
static bool is_candidate(const uint8_t *c, size_t len)
{
    if (len == 9 || len == 11)
        return all_digits(c, len);
    if (len >= 13 && len <= 19 && all_digits(c, len))
        return true;
    if (len == 18 && all_digits(c + 2, 6)) /* 17 digits and X are among them */
        return true;
    return len >= 15 && is_letter(c[0]) && is_letter(c[1]) && all_digits(c + 2, 2);
}

/* True where a character stands on either side of at, with nothing between them. */
static bool is_joint(const struct run *run, size_t at)
{
    return at > 0 && at < run->len && run->sep[at] == 0;
}

/* True where the separators inside are of one kind and leave groups of 2 to 4, as numbers for
 * people are written; "2026-00417" is a case, not a social security number. */
static bool is_grouped(const struct run *run, size_t at, size_t len)
{
    uint8_t kind = 0;
    size_t group = 1;

    for (size_t i = at + 1; i < at + len; i++, group++) {
        if (run->sep[i] == 0)
            continue;
        if (run->sep[i] == MIXED || (kind != 0 && kind != run->sep[i]) || group < 2 || group > 4)
            return false;
        kind = run->sep[i];
        group = 0;
    }
    return kind == 0 || (group >= 2 && group <= 4);
}

static bool is_whole(const struct run *run, size_t at, size_t len)
{
    return !is_joint(run, at) && !is_joint(run, at + len) && is_grouped(run, at, len);
}

static bool search(const struct textguard_probe *probe, const struct run *run)
{
    for (size_t at = 0; at < run->len; at++) {
        for (size_t len = 9; len <= RUN_MAX && len <= run->len - at; len++) {
            const uint8_t *c = run->c + at;

            if (is_candidate(c, len) &&
                probe->matches(probe->arg, view_of(c, len), is_whole(run, at, len)))
                return true;
        }
    }
    return false;
}

enum hufu_err textguard_check(const struct textguard_probe *probe, struct view text)
{
    uint8_t folded[TEXTGUARD_MAX];
    struct run run;
    struct view left;
    bool found;

    if (text.len > TEXTGUARD_MAX)
        return HUFU_VALUE_IN_TEXT;
    left = view_of(folded, fold(text, folded));
    found = sensitive_find_text(left);
    while (!found && next_run(&left, &run))
        found = search(probe, &run);
    wipe(folded, sizeof(folded));
    wipe(&run, sizeof(run));
    return found ? HUFU_VALUE_IN_TEXT : HUFU_OK;
}
