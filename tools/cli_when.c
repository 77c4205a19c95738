#include "tools/cli_when.h"

#include <stdio.h>
#include <string.h>

#define DAY_LEN 10 /* bytes of "2026-11-21" */

/* A time as it is, a day as its beginning. */
static bool time_read(const char *text, char out[static CLOCK_TEXT_LEN + 1], uint64_t *ms_out)
{
    struct buf time;

    buf_fixed(&time, (uint8_t *)out, CLOCK_TEXT_LEN);
    buf_str(&time, text);
    if (strlen(text) == DAY_LEN)
        buf_str(&time, "T00:00:00Z");
    out[time.len] = '\0';
    return buf_check(&time) == HUFU_OK && clock_parse(buf_view(&time), ms_out) == HUFU_OK;
}

static bool ends_with(const char *text, const char *end)
{
    size_t len = strlen(text), end_len = strlen(end);

    return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

static enum cli_exit option_check(const char *option, const char *text, uint64_t now_ms)
{
    char out[CLOCK_TEXT_LEN + 1];
    uint64_t ms;

    if (!time_read(text, out, &ms)) {
        (void)fprintf(stderr,
                      "hufu: --%s got no time; write 2026-11-21 or 2026-11-21T08:30:00Z (UTC)\n",
                      option);
        return CLI_USAGE;
    }
    if (ends_with(option, "until") && ms <= now_ms) {
        (void)fprintf(stderr, "hufu: --%s is over already; give a time to come\n", option);
        return CLI_USAGE;
    }
    return CLI_OK;
}

static enum cli_exit order_check(const struct cli *cli)
{
    const char *from = cli_option(cli, "from"), *to = cli_option(cli, "to");
    char text[CLOCK_TEXT_LEN + 1];
    uint64_t from_ms, to_ms;

    if (from != NULL && to != NULL && time_read(from, text, &from_ms) &&
        time_read(to, text, &to_ms) && from_ms > to_ms)
        return cli_fail(CLI_USAGE, "--from is later than --to; exchange them");
    return CLI_OK;
}

enum cli_exit cli_when_check(const struct cli *cli, uint64_t now_ms)
{
    const struct cli_field *f = cli->command->fields;
    enum cli_exit code = CLI_OK;

    for (size_t i = 0; f != NULL && f[i].option != NULL && code == CLI_OK; i++)
        if (cli->options[i] != NULL && f[i].arg != NULL && strcmp(f[i].arg, "TIME") == 0)
            code = option_check(f[i].option, cli->options[i], now_ms);
    return code == CLI_OK ? order_check(cli) : code;
}

void cli_when_print(const struct cli *cli, const char *option, char out[static CLOCK_TEXT_LEN + 1])
{
    const char *text = cli_option(cli, option);
    uint64_t ms;

    if (text == NULL || !time_read(text, out, &ms))
        out[0] = '\0';
}
