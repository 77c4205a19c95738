#include "vault/format/format_run.h"

#include <string.h>

#include "vault/base/secret.h"
#include "vault/format/format_part.h"

#define LONG_MIN  13 /* characters from which on a check may stand inside a longer number */
#define GROUP_MAX 4  /* as numbers are written for people */
#define GROUP_MIN 2  /* of numbers without a check: "2026-00417" is a case */

/* Part of a run: len characters from a place on. */
struct window {
    const struct format_run *run;
    size_t at, len;
};

/* How the separators inside a window break it up. */
struct grouping {
    uint8_t kind;       /* of all of them; FORMAT_RUN_MIXED where they differ; 0: there are none */
    bool is_close;      /* each is a space or a dash */
    bool is_even;       /* all groups are as long as the first, the last no longer */
    size_t first;       /* characters of the first group */
    size_t least, most; /* of all groups */
};

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static void add_group(struct grouping *g, size_t len, bool is_last)
{
    if (g->first == 0)
        g->first = len;
    g->is_even = g->is_even && (is_last ? len <= g->first : len == g->first);
    g->least = len < g->least ? len : g->least;
    g->most = len > g->most ? len : g->most;
}

static struct grouping grouping_of(const struct window *w)
{
    struct grouping g = { 0, true, true, 0, SIZE_MAX, 0 };
    size_t len = 1;

    for (size_t i = w->at + 1; i < w->at + w->len; i++, len++) {
        uint8_t sep = w->run->sep[i];

        if (sep == 0)
            continue;
        g.kind = g.kind == 0 || g.kind == sep ? sep : FORMAT_RUN_MIXED;
        g.is_close = g.is_close && (sep == ' ' || sep == '-' || sep == FORMAT_RUN_DASH);
        add_group(&g, len, false);
        len = 0;
    }
    add_group(&g, len, true);
    return g;
}

/* A character stands on both sides of a place, with nothing between them. */
static bool is_joint(const struct format_run *run, size_t at)
{
    return at > 0 && at < run->len && run->sep[at] == 0;
}

static bool is_digit_joint(const struct format_run *run, size_t at)
{
    return is_joint(run, at) && is_digit(run->c[at - 1]) && is_digit(run->c[at]);
}

static bool is_touched(const struct window *w)
{
    return is_joint(w->run, w->at) || is_joint(w->run, w->at + w->len);
}

static bool is_inside_number(const struct window *w)
{
    return is_digit_joint(w->run, w->at) || is_digit_joint(w->run, w->at + w->len);
}

/* In groups of four, or of less with one separator. A list of short numbers has several. */
static bool is_even(const struct window *w, const struct grouping *g)
{
    if (!g->is_even || g->first > GROUP_MAX)
        return false;
    if (g->first == GROUP_MAX && (g->is_close || w->len >= LONG_MIN))
        return true;
    return g->kind != FORMAT_RUN_MIXED;
}

static bool has_letter(const struct window *w)
{
    for (size_t i = w->at; i < w->at + w->len; i++)
        if (!is_digit(w->run->c[i]))
            return true;
    return false;
}

static bool is_hex(uint8_t c)
{
    return is_digit(c) || (c >= 'A' && c <= 'F');
}

/* Amid what is as long as an MD5, SHA-1 or SHA-256 in hex values are there by chance. Digits alone
 * are none, but two cards or four. */
static bool is_in_digest(const struct window *w)
{
    size_t from = w->at, to = w->at + w->len;
    bool has_letters = false;

    while (is_joint(w->run, from))
        from--;
    while (is_joint(w->run, to))
        to++;
    for (size_t i = from; i < to; i++) {
        if (!is_hex(w->run->c[i]))
            return false;
        has_letters = has_letters || !is_digit(w->run->c[i]);
    }
    return has_letters && is_touched(w) && (to - from == 32 || to - from == 40 || to - from == 64);
}

/* Values with a check, which may stand amid other characters. */
static bool stands_anywhere(const struct window *w)
{
    struct grouping g = grouping_of(w);
    bool is_long = w->len >= LONG_MIN;

    if (g.kind == 0)
        return (is_long || !is_inside_number(w)) && !is_in_digest(w);
    if (is_inside_number(w) || (!is_long && is_touched(w)))
        return false;
    if (is_even(w, &g))
        return true;
    if (!has_letter(w) && (!is_long || is_touched(w)))
        return false;
    return g.kind > FORMAT_RUN_DASH && strchr(" -./", g.kind) != NULL;
}

static bool stands_alone(const struct format *fmt, const struct window *w)
{
    struct grouping g;

    if (is_touched(w))
        return false;
    g = grouping_of(w);
    if (g.kind == 0)
        return true;
    if (fmt->canon[g.kind] != FORMAT_NONE)
        return false;
    if (format_has_check(fmt))
        return true;
    return g.least >= GROUP_MIN && g.most <= GROUP_MAX;
}

static bool stands(const struct format *fmt, const struct window *w)
{
    switch (fmt->in_text) {
    case FORMAT_TEXT_BY_RULE:
        return format_has_check(fmt) ? stands_anywhere(w) : stands_alone(fmt, w);
    case FORMAT_TEXT_ANYWHERE:
        return stands_anywhere(w);
    case FORMAT_TEXT_WHOLE:
        return stands_alone(fmt, w);
    case FORMAT_TEXT_NO:
        break;
    }
    return false;
}

/* A value of that shape begins at the place. */
static bool holds_shape(const struct format *fmt, const struct format_shape *shape,
                        const struct format_run *run, size_t at)
{
    struct window w = { run, at, shape->len };

    return shape->len <= run->len - at &&
           format_check(fmt, view_of(run->c + at, shape->len)) == HUFU_OK && stands(fmt, &w);
}

/* An old form, which has no check, where the format completes it. */
static bool holds_old(const struct format *fmt, const struct format_run *run, size_t at)
{
    size_t extra = strlen(fmt->old_text), len;
    uint8_t value[FORMAT_VALUE_MAX];
    struct window w = { run, at, fmt->len_min - extra - 1 };
    bool found;

    if (extra == 0 || w.len > run->len - at || is_touched(&w) || grouping_of(&w).kind != 0)
        return false;
    found = format_canon(fmt, view_of(run->c + at, w.len), value, &len) == HUFU_OK &&
            format_check(fmt, view_of(value, len)) == HUFU_OK;
    wipe(value, sizeof(value));
    return found;
}

static bool holds_country(const struct format *fmt, const struct format_run *run, size_t at)
{
    unsigned a = (unsigned)run->c[at] - 'A', b; /* wraps around below 'A' */
    uint8_t i;

    if (at + 1 >= run->len)
        return false;
    b = (unsigned)run->c[at + 1] - 'A';
    if (a >= 26 || b >= 26)
        return false;
    i = fmt->country_at[a * 26 + b];
    return i != FORMAT_NONE && holds_shape(fmt, &fmt->shapes[i], run, at);
}

/* digits: how many of them stand at the place, separators aside. */
static bool holds_at(const struct format *fmt, const struct format_run *run, size_t at,
                     size_t digits)
{
    if (fmt->countries[0] != '\0')
        return holds_country(fmt, run, at);
    if ((fmt->bits[run->c[at]] & fmt->shapes[0].takes[0]) == 0)
        return false;
    for (size_t i = 0; i < fmt->shapes_count; i++) {
        const struct format_shape *shape = &fmt->shapes[i];

        if (shape->is_digits && shape->len > digits)
            break; /* they are ordered by length */
        if (holds_shape(fmt, shape, run, at))
            return true;
    }
    return holds_old(fmt, run, at);
}

bool format_run_holds(const struct format_set *set, const struct format_run *run)
{
    size_t digits = 0;

    for (size_t at = run->len; at-- > 0;) {
        digits = is_digit(run->c[at]) ? digits + 1 : 0;
        for (size_t i = 0; i < format_set_count(set); i++) {
            const struct format *fmt = format_set_at(set, i);

            if (fmt->in_text != FORMAT_TEXT_NO && !fmt->is_email && holds_at(fmt, run, at, digits))
                return true;
        }
    }
    return false;
}
