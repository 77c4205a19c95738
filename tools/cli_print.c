#include "tools/cli_print.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include "tools/cli_show.h"
#include "vault/base/secret.h"

#define HEAD 16 /* bytes before a block of jansson's, for its length; keeps alignment */

static char out_memory[65536];

static void *json_take(size_t len)
{
    uint8_t *p = len < SIZE_MAX - HEAD ? malloc(len + HEAD) : NULL;

    if (p == NULL)
        return NULL;
    memcpy(p, &len, sizeof(len));
    return p + HEAD;
}

static void json_give(void *at)
{
    size_t len;

    if (at == NULL)
        return;
    memcpy(&len, (uint8_t *)at - HEAD, sizeof(len));
    wipe(at, len);
    free((uint8_t *)at - HEAD);
}

void cli_print_init(void)
{
    (void)setvbuf(stdout, out_memory, _IOFBF, sizeof(out_memory));
    json_set_alloc_funcs(json_take, json_give);
}

bool cli_print_done(void)
{
    bool done = fflush(stdout) == 0 && ferror(stdout) == 0;

    wipe(out_memory, sizeof(out_memory));
    return done;
}

void cli_print_text(FILE *out, struct view text)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.p[i];
        /* C2 80 to C2 9F are the C1 controls. */
        bool c1 = c == 0xC2 && i + 1 < text.len && text.p[i + 1] < 0xA0;

        (void)fputc(c < 0x20 || c == 0x7F || c1 ? '?' : c, out);
        i += c1 ? 1 : 0;
    }
}

void cli_print_line(const void *json)
{
    char *text = json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY | JSON_SORT_KEYS);

    if (text != NULL)
        (void)fprintf(stdout, "%s\n", text);
    json_give(text);
    (void)fflush(stdout); /* who reads the pipe sees each as it comes */
}

enum cli_exit cli_print_raw(const struct cli_reply *reply)
{
    json_t *root = json_loadb((const char *)reply->body.p, reply->body.len, 0, NULL);

    if (root == NULL)
        return cli_fail(CLI_SERVER, "the server's reply is not JSON; check --url, and that client "
                                    "and server are of one version");
    json_decref(root);
    (void)fwrite(reply->body.p, 1, reply->body.len, stdout);
    (void)fputc('\n', stdout);
    return CLI_OK;
}

enum cli_exit cli_print_reply(const struct cli *cli, const struct cli_reply *reply)
{
    json_t *root;

    if (reply->body.len == 0)
        return CLI_OK;
    root = json_loadb((const char *)reply->body.p, reply->body.len, 0, NULL);
    if (!json_is_object(root)) {
        json_decref(root);
        return cli_fail(CLI_SERVER,
                        "the server's reply is not a JSON object; check --url, and that "
                        "client and server are of one version");
    }
    if (cli_wants_json(cli))
        cli_print_line(root);
    else
        cli_show_object(root);
    cli_show_next(cli, root);
    json_decref(root);
    return CLI_OK;
}
