#include "vault/access/fido_client.h"

#include <string.h>

#include "vault/base/webhost.h"

/* Takes word off the front. */
static bool eat(struct view *in, const char *word)
{
    size_t len = strlen(word);

    if (in->len < len || !view_equal(view_of(in->p, len), view_str(word)))
        return false;
    *in = view_of(in->p + len, in->len - len);
    return true;
}

static bool is_base64url(uint8_t c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
}

static bool eat_challenge(struct view *in, struct view *out)
{
    size_t len = 0;

    while (len < in->len && len <= FIDO_CHALLENGE_TEXT && is_base64url(in->p[len]))
        len++;
    if (len == 0 || len > FIDO_CHALLENGE_TEXT)
        return false;
    *out = view_of(in->p, len);
    *in = view_of(in->p + len, in->len - len);
    return eat(in, "\"");
}

/* One of ours, and its closing quote: no origin is the beginning of another. */
static bool eat_origin(struct view *in, const char *origins)
{
    struct view list = view_str(origins), one;

    while (webhost_next(&list, &one)) {
        if (in->len > one.len && view_equal(view_of(in->p, one.len), one) &&
            in->p[one.len] == '"') {
            *in = view_of(in->p + one.len + 1, in->len - one.len - 1);
            return true;
        }
    }
    return false;
}

/* Steps 11 and 12 of the algorithm: it ends, or further members follow. */
static bool ends(struct view rest)
{
    return rest.len > 0 && rest.p[rest.len - 1] == '}' &&
           (rest.len == 1 || (rest.p[0] == ',' && rest.len > 2));
}

enum fido_fault fido_client_check(struct view in, const char *type, const char *origins,
                                  struct view *challenge_out)
{
    struct view challenge;

    if (!eat(&in, "{\"type\":\""))
        return FIDO_FORM;
    if (!eat(&in, type) || !eat(&in, "\""))
        return FIDO_TYPE;
    if (!eat(&in, ",\"challenge\":\"") || !eat_challenge(&in, &challenge) ||
        !eat(&in, ",\"origin\":\""))
        return FIDO_FORM;
    *challenge_out = challenge;
    if (!eat_origin(&in, origins))
        return FIDO_ORIGIN;
    if (!eat(&in, ",\"crossOrigin\":false"))
        return FIDO_CROSS_ORIGIN;
    return ends(in) ? FIDO_NONE : FIDO_FORM;
}
