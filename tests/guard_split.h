/*
 * guard_split.h - splits a request head in place as libmicrohttpd 0.9.75 does, for tests of the
 * guard: NUL over each line end, space and colon; values cut at NUL; folded lines glued to names.
 *
 * Layer:   tests/.
 * Threads: pure.
 * Source:  measured against the library (tests/unit/test_front.c sends the same attacks to it).
 */
#ifndef HUFU_TESTS_GUARD_SPLIT_H
#define HUFU_TESTS_GUARD_SPLIT_H

#include <stdbool.h>
#include <string.h>

#include "api/guard.h"

/* Takes the next line: its length, NUL written over its end. Returns false where none is whole. */
static bool guard_line(uint8_t *p, size_t len, size_t *at, size_t *line_len)
{
    size_t i = *at;

    while (i < len && p[i] != '\r' && p[i] != '\n')
        i++;
    while (i + 1 < len && p[i] == '\r' && p[i + 1] != '\n') /* a lone CR stays in the line */
        for (i++; i < len && p[i] != '\r' && p[i] != '\n';)
            i++;
    if (i >= len || (p[i] == '\r' && i + 1 >= len))
        return false;
    *line_len = i - *at;
    if (p[i] == '\r')
        p[i++] = 0;
    p[i++] = 0;
    *at = i;
    return true;
}

static struct view guard_cut(const uint8_t *p, size_t len)
{
    return view_of(p, strnlen((const char *)p, len));
}

static bool guard_first_line(uint8_t *p, size_t len, struct guard_head *head)
{
    uint8_t *space = memchr(p, ' ', len), *last = memrchr(p, ' ', len);

    if (space == NULL || space == last)
        return false;
    *space = 0;
    *last = 0;
    head->method = guard_cut(p, len);
    head->target = guard_cut(space + 1, (size_t)(last - space - 1));
    head->target_ok = guard_target_ok(head->target);
    head->version = guard_cut(last + 1, (size_t)(p + len - last - 1));
    return true;
}

static bool guard_header_line(uint8_t *p, size_t len, struct guard_head *head)
{
    uint8_t *colon = memchr(p, ':', len), *value;

    if (colon == NULL)
        return false;
    *colon = 0;
    for (value = colon + 1; value < p + len && (*value == ' ' || *value == '\t'); value++)
        ;
    if (head->count < GUARD_HEADERS_MAX)
        head->header[head->count] =
            (struct guard_header){ guard_cut(p, len), guard_cut(value, (size_t)(p + len - value)) };
    head->count++;
    return true;
}

/* A folded line's text is appended to the name of the header before, in memory elsewhere. */
static bool guard_fold(const uint8_t *p, size_t len, struct guard_head *head)
{
    static uint8_t glued[65536];
    struct guard_header *h;

    if (head->count == 0 || head->count > GUARD_HEADERS_MAX)
        return false;
    h = &head->header[head->count - 1];
    if (h->name.len + len > sizeof(glued))
        return false;
    for (; len > 0 && (*p == ' ' || *p == '\t'); len--)
        p++;
    memmove(glued, h->name.p, h->name.len);
    memcpy(glued + h->name.len, p, len);
    h->name = guard_cut(glued, h->name.len + len);
    return true;
}

/* mem: at least len bytes; the views lie in it. false: the library would refuse it by itself. */
static bool guard_split(const void *text, size_t len, uint8_t *mem, struct guard_head *head)
{
    size_t at = 0, from = 0, line_len = 0;

    memcpy(mem, text, len);
    head->count = 0;
    if (!guard_line(mem, len, &at, &line_len) || !guard_first_line(mem, line_len, head))
        return false;
    for (;;) {
        from = at;
        if (!guard_line(mem, len, &at, &line_len))
            return false;
        if (line_len == 0)
            break;
        if (mem[from] == ' ' || mem[from] == '\t' ? !guard_fold(mem + from, line_len, head)
                                                  : !guard_header_line(mem + from, line_len, head))
            return false;
    }
    head->size = at;
    return true;
}

#endif
