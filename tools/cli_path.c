#include "tools/cli_path.h"

#include <stdio.h>
#include <string.h>

#include "vault/base/text.h"

enum cli_exit cli_path_number(const struct cli *cli, const char *option, uint64_t fallback,
                              uint64_t *out)
{
    const char *text = cli_option(cli, option);

    if (text == NULL) {
        *out = fallback;
        return CLI_OK;
    }
    if (text_u64(view_str(text), 0, INT64_MAX, out) != HUFU_OK) {
        (void)fprintf(stderr, "hufu: --%s got no whole number; see --help\n", option);
        return CLI_USAGE;
    }
    return CLI_OK;
}

enum cli_exit cli_path_make(const struct cli *cli, char out[static CLI_PATH_MAX])
{
    const char *path = cli->command->path;
    const char *hole = strchr(path, '%');

    if (hole == NULL)
        (void)snprintf(out, CLI_PATH_MAX, "%s", path);
    else if (!text_is_key(view_str(cli->arg)) || cli->arg[0] == '.')
        return cli_fail(CLI_INVALID, "the argument is not a name or an id; the list command of the "
                                     "same noun shows them");
    else
        (void)snprintf(out, CLI_PATH_MAX, "%.*s%s%s", (int)(hole - path), path, cli->arg, hole + 1);
    return CLI_OK;
}

/* Appends text as RFC 3986 has it in a query: all but unreserved characters as %XX. */
static void put_escaped(struct buf *out, struct view text)
{
    static const char hex[] = "0123456789ABCDEF";

    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.p[i];

        if (text_is_key(view_of(&c, 1)) || c == '~') {
            buf_u8(out, c);
            continue;
        }
        buf_u8(out, '%');
        buf_u8(out, (uint8_t)hex[c >> 4]);
        buf_u8(out, (uint8_t)hex[c & 15]);
    }
}

enum cli_exit cli_path_page(const struct cli *cli, struct view after, uint64_t limit,
                            char out[static CLI_PATH_MAX])
{
    struct buf text;

    buf_fixed(&text, (uint8_t *)out, CLI_PATH_MAX - 1);
    buf_str(&text, cli->command->path);
    if (limit > 0) {
        buf_str(&text, "?limit=");
        buf_dec(&text, limit);
    }
    if (after.len > 0) {
        buf_str(&text, limit > 0 ? "&after=" : "?after=");
        put_escaped(&text, after);
    }
    if (buf_check(&text) != HUFU_OK)
        return cli_fail(CLI_INVALID, "--after is too long; take a `next` that a list gave");
    out[text.len] = 0;
    return CLI_OK;
}
