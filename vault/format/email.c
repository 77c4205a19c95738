#include "vault/format/email.h"

#include <string.h>

#include "vault/base/secret.h"

#define LABEL_MAX 63
#define LOCAL_MAX 64
#define RANDOM    26 /* characters of a token */

static const char tail[] = "@token.invalid";
static const char symbols[33] = "abcdefghijklmnopqrstuvwxyz234567";

static bool is_letter(uint8_t c)
{
    return c >= 'a' && c <= 'z';
}

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

/* RFC 5322 3.2.3 atext, without capitals. */
static bool is_atext(uint8_t c)
{
    return is_letter(c) || is_digit(c) || (c != 0 && strchr("!#$%&'*+-/=?^_`{|}~", c) != NULL);
}

static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 'a' - 'A') : c;
}

enum hufu_err email_fold(struct view in, uint8_t out[static FORMAT_VALUE_MAX], size_t *len_out)
{
    if (in.len < EMAIL_LEN_MIN || in.len > EMAIL_LEN_MAX)
        return HUFU_INVALID_VALUE;
    for (size_t i = 0; i < in.len; i++)
        if (!is_atext(lower(in.p[i])) && in.p[i] != '.' && in.p[i] != '@')
            return HUFU_INVALID_VALUE;
    for (size_t i = 0; i < in.len; i++)
        out[i] = lower(in.p[i]);
    *len_out = in.len;
    return HUFU_OK;
}

/* Atoms with one dot between them. */
static bool is_local(struct view v)
{
    for (size_t i = 0; i < v.len; i++) {
        bool at_edge = i == 0 || i + 1 == v.len;

        if (v.p[i] == '.' ? at_edge || v.p[i - 1] == '.' : !is_atext(v.p[i]))
            return false;
    }
    return v.len > 0 && v.len <= LOCAL_MAX;
}

static bool is_label(struct view v)
{
    for (size_t i = 0; i < v.len; i++)
        if (!is_letter(v.p[i]) && !is_digit(v.p[i]) && v.p[i] != '-')
            return false;
    return v.len > 0 && v.len <= LABEL_MAX && v.p[0] != '-' && v.p[v.len - 1] != '-';
}

/* Two labels at least; the last begins with a letter and is not "invalid". */
static bool is_domain(struct view v)
{
    struct view label = { v.p, 0 };
    size_t labels = 0;

    for (size_t i = 0; i <= v.len; i++) {
        if (i < v.len && v.p[i] != '.')
            continue;
        label.len = (size_t)(v.p + i - label.p);
        if (!is_label(label))
            return false;
        labels++;
        if (i < v.len)
            label.p = v.p + i + 1;
    }
    return labels >= 2 && label.len >= 2 && is_letter(label.p[0]) && !view_is(label, "invalid");
}

bool email_is_address(struct view canonical)
{
    size_t at = 0;

    while (at < canonical.len && canonical.p[at] != '@')
        at++;
    return at < canonical.len && canonical.len <= EMAIL_LEN_MAX &&
           is_local(view_of(canonical.p, at)) &&
           is_domain(view_of(canonical.p + at + 1, canonical.len - at - 1));
}

bool email_is_token(struct view canonical)
{
    if (canonical.len != EMAIL_TOKEN_LEN)
        return false;
    for (size_t i = 0; i < RANDOM; i++)
        if (!is_letter(canonical.p[i]) && (canonical.p[i] < '2' || canonical.p[i] > '7'))
            return false;
    return view_is(view_of(canonical.p + RANDOM, EMAIL_TOKEN_LEN - RANDOM), tail);
}

enum hufu_err email_draw(struct draw *draw, uint8_t out[static FORMAT_TOKEN_MAX])
{
    uint8_t raw[RANDOM];
    enum hufu_err err = draw_bytes(draw, raw, sizeof(raw));

    if (err != HUFU_OK)
        return err;
    for (size_t i = 0; i < RANDOM; i++) /* 256 is a multiple of 32 */
        out[i] = (uint8_t)symbols[raw[i] % 32];
    memcpy(out + RANDOM, tail, sizeof(tail) - 1);
    wipe(raw, sizeof(raw));
    return HUFU_OK;
}
