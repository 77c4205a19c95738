#include "vault/base/webhost.h"

#include "vault/base/text.h"

#define SCHEME "https://"

static bool is_between(uint8_t c)
{
    return c == ',' || c == ' ';
}

bool webhost_next(struct view *list, struct view *out)
{
    size_t len = 0;

    while (list->len > 0 && is_between(list->p[0]))
        *list = view_of(list->p + 1, list->len - 1);
    while (len < list->len && !is_between(list->p[len]))
        len++;
    *out = view_of(list->p, len);
    *list = view_of(list->p + len, list->len - len);
    return len > 0;
}

bool webhost_is_name(struct view text)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.p[i];

        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.'))
            return false;
    }
    return text.len > 0 && text.p[0] != '.' && text.p[text.len - 1] != '.';
}

static bool is_origin(struct view text)
{
    size_t at = sizeof(SCHEME) - 1, len = 0;
    uint64_t port;

    if (text.len <= at || !view_is(view_of(text.p, at), SCHEME))
        return false;
    while (at + len < text.len && text.p[at + len] != ':')
        len++;
    if (!webhost_is_name(view_of(text.p + at, len)))
        return false;
    at += len;
    return at == text.len ||
           text_u64(view_of(text.p + at + 1, text.len - at - 1), 1, UINT16_MAX, &port) == HUFU_OK;
}

bool webhost_are_origins(struct view list)
{
    struct view one;
    size_t count = 0;

    for (; webhost_next(&list, &one); count++)
        if (!is_origin(one))
            return false;
    return count > 0;
}
