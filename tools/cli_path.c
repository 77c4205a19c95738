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
        (void)fprintf(stderr, "hufu: --%s wants a whole number\n", option);
        return CLI_USAGE;
    }
    return CLI_OK;
}

enum cli_exit cli_path_make(const struct cli *cli, char out[static CLI_PATH_MAX])
{
    const char *path = cli->command->path;
    const char *hole = strchr(path, '%');
    const char *after = cli_option(cli, "after");
    uint64_t limit = 0;
    size_t len;

    if (hole == NULL)
        (void)snprintf(out, CLI_PATH_MAX, "%s", path);
    else if (!text_is_key(view_str(cli->arg)) || cli->arg[0] == '.')
        return cli_fail(CLI_INVALID, "the argument is not a name or an id");
    else
        (void)snprintf(out, CLI_PATH_MAX, "%.*s%s%s", (int)(hole - path), path, cli->arg, hole + 1);
    if (cli_path_number(cli, "limit", 0, &limit) != CLI_OK)
        return CLI_USAGE;
    if (after != NULL && !text_is_key(view_str(after)))
        return cli_fail(CLI_INVALID, "--after is not a name or an id");
    len = strlen(out);
    if (limit > 0)
        (void)snprintf(out + len, CLI_PATH_MAX - len, "?limit=%llu", (unsigned long long)limit);
    len = strlen(out);
    if (after != NULL)
        (void)snprintf(out + len, CLI_PATH_MAX - len, "%cafter=%s", limit > 0 ? '&' : '?', after);
    return CLI_OK;
}
