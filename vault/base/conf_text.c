#include "vault/base/conf_text.h"

#include "vault/base/text.h"
#include "vault/base/webhost.h"

/* Printable, so that it is one line wherever it is named. */
static bool is_printable(struct view text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.p[i] <= ' ' || text.p[i] > '~')
            return false;
    return true;
}

/* A note's key name may hold neither space nor plus. */
static bool is_origin(struct view text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.p[i] == '+')
            return false;
    return is_printable(text);
}

/* No other scheme, ever. */
static bool is_https(struct view text)
{
    static const char scheme[] = "https://";
    size_t len = sizeof(scheme) - 1;

    return is_printable(text) && text.len > len && view_is(view_of(text.p, len), scheme);
}

/* A file cannot give a value spaces at its ends, so nobody can. */
static bool is_trimmed(struct view text)
{
    return text.len == 0 || (text.p[0] != ' ' && text.p[text.len - 1] != ' ');
}

const char *conf_text_fault(enum conf_id id, struct view text)
{
    if (!text_is_utf8(text) || !is_trimmed(text) || (id == CONF_ORIGIN && !is_origin(text)))
        return "holds a character that is not allowed";
    if (text.len == 0)
        return NULL;
    if (id == CONF_ALARM_WEBHOOK && !is_https(text))
        return "must be an https:// address";
    if (id == CONF_FIDO_RP_ID && !webhost_is_name(text))
        return "must be a lower-case host name";
    if (id == CONF_FIDO_ORIGIN && !webhost_are_origins(text))
        return "must be https://HOST or https://HOST:PORT";
    return NULL;
}
