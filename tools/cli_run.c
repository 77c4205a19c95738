#include "tools/cli.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/cli_exit.h"
#include "tools/cli_help.h"
#include "tools/cli_http.h"
#include "tools/cli_print.h"
#include "tools/cli_when.h"
#include "vault/base/secret.h"
#include "vault/base/text.h"

enum global { /* the order of cli_globals */
              G_URL,
              G_CA,
              G_CERT,
              G_KEY,
              G_SESSION,
              G_DEV,
              G_AS,
              G_IDEMPOTENCY,
              G_OUTPUT,
              G_JSON,
              G_QUIET,
              G_HELP,
              G_COUNT,
};

#define OPTION_BASE                                                                                \
    1000 /* getopt's values: global i is BASE + i, the command's i BASE + COUNT + i */

const char *cli_option(const struct cli *cli, const char *option)
{
    const struct cli_field *fields = cli->command->fields;

    for (size_t i = 0; fields != NULL && fields[i].option != NULL; i++)
        if (strcmp(fields[i].option, option) == 0)
            return cli->options[i];
    return NULL;
}

bool cli_wants_json(const struct cli *cli)
{
    return cli->json || (!cli->table && isatty(STDOUT_FILENO) != 1);
}

const char *cli_keep(struct cli *cli, const char *folder, const char *name)
{
    size_t slots = sizeof(cli->paths) / sizeof(cli->paths[0]);
    char *to;
    int n;

    if (cli->paths_used == slots)
        return NULL;
    to = cli->paths[cli->paths_used];
    if (folder == NULL || name[0] == '/')
        n = snprintf(to, sizeof(cli->paths[0]), "%s", name);
    else
        n = snprintf(to, sizeof(cli->paths[0]), "%s/%s", folder, name);
    if (n < 0 || (size_t)n >= sizeof(cli->paths[0]))
        return NULL;
    cli->paths_used++;
    return to;
}

enum cli_exit cli_fail(enum cli_exit code, const char *text)
{
    (void)fprintf(stderr, "hufu: %s\n", text);
    return code;
}

/* The global options, and the command's behind them, in getopt's shape. */
static void options_fill(const struct cli_command *command, struct option *out)
{
    const struct cli_field *f = command != NULL ? command->fields : NULL;
    size_t n = 0;

    for (; n < cli_globals_count; n++)
        out[n] = (struct option){ cli_globals[n].option,
                                  cli_globals[n].arg != NULL ? required_argument : no_argument,
                                  NULL, OPTION_BASE + (int)n };
    for (size_t i = 0; f != NULL && f[i].option != NULL; i++)
        out[n++] = (struct option){ f[i].option, f[i].arg != NULL ? required_argument : no_argument,
                                    NULL, OPTION_BASE + G_COUNT + (int)i };
    out[n] = (struct option){ NULL, 0, NULL, 0 };
}

static enum cli_exit take_output(struct cli *cli)
{
    if (strcmp(optarg, "json") != 0 && strcmp(optarg, "table") != 0)
        return cli_fail(CLI_USAGE,
                        "this form of output is not known; --output takes table or json");
    cli->json = strcmp(optarg, "json") == 0;
    cli->table = !cli->json;
    return CLI_OK;
}

static enum cli_exit take_idempotency(struct cli *cli)
{
    if (!text_is_key(view_str(optarg)))
        return cli_fail(CLI_USAGE, "this is no idempotency key; give 1 to 64 of "
                                   "A-Z a-z 0-9 . _ -");
    cli->idempotency = optarg;
    return CLI_OK;
}

static enum cli_exit take_global(struct cli *cli, int which, bool *help)
{
    const char **const places[] = { &cli->url,          &cli->ca,      &cli->cert, &cli->key,
                                    &cli->session_file, &cli->dev_dir, &cli->as };

    if (which < G_IDEMPOTENCY) {
        *places[which] = optarg;
        return CLI_OK;
    }
    switch (which) {
    case G_IDEMPOTENCY:
        return take_idempotency(cli);
    case G_OUTPUT:
        return take_output(cli);
    case G_JSON:
        cli->json = true;
        cli->table = false;
        return CLI_OK;
    case G_QUIET:
        cli->quiet = true;
        return CLI_OK;
    default:
        *help = true;
        return CLI_OK;
    }
}

/* One run of getopt; stop_at_word leaves everything from the first word on alone. */
static enum cli_exit options_read(struct cli *cli, int argc, char **argv, bool stop_at_word,
                                  bool *help)
{
    struct option options[G_COUNT + CLI_FIELDS_MAX + 1];
    enum cli_exit code = CLI_OK;
    int got;

    options_fill(cli->command, options);
    optind = 0; /* glibc: start anew */
    opterr = 0; /* getopt would repeat the argument on the terminal */
    while (code == CLI_OK && (got = getopt_long(argc, argv, stop_at_word ? "+:o:qh" : ":o:qh",
                                                options, NULL)) != -1) {
        if (got == '?')
            code = cli_fail(CLI_USAGE, "unknown option; behind the command, --help lists them");
        else if (got == ':')
            code = cli_fail(CLI_USAGE, "an option lacks its argument; --help shows which take one");
        else if (got == 'o')
            code = take_global(cli, G_OUTPUT, help);
        else if (got == 'q')
            code = take_global(cli, G_QUIET, help);
        else if (got == 'h')
            code = take_global(cli, G_HELP, help);
        else if (got < OPTION_BASE + G_COUNT)
            code = take_global(cli, got - OPTION_BASE, help);
        else
            cli->options[got - OPTION_BASE - G_COUNT] = optarg != NULL ? optarg : "";
    }
    return code;
}

/* How many words name the command: 0 where none does. */
static int command_find(struct cli *cli, int argc, char **argv)
{
    for (size_t i = 0; i < cli_commands_count; i++) {
        const struct cli_command *c = &cli_commands[i];

        if (strcmp(c->noun, argv[0]) != 0)
            continue;
        if (c->verb != NULL && (argc < 2 || strcmp(c->verb, argv[1]) != 0))
            continue;
        cli->command = c;
        return c->verb != NULL ? 2 : 1;
    }
    return 0;
}

/* `hufu help COMMAND` is `hufu COMMAND --help`; true where it was that. */
static bool help_of(struct cli *cli, int argc, char **argv)
{
    if (argc < 2 || strcmp(argv[0], "help") != 0)
        return false;
    if (command_find(cli, argc - 1, argv + 1) != 0) {
        cli_help_command(stdout, cli->command);
        return true;
    }
    for (size_t i = 0; i < cli_commands_count; i++) {
        if (strcmp(cli_commands[i].noun, argv[1]) != 0)
            continue;
        cli_help_noun(stdout, cli_commands[i].noun);
        return true;
    }
    return false;
}

/* No command: help, or what is wrong. */
static enum cli_exit no_command(struct cli *cli, int argc, char **argv, bool help)
{
    if (help_of(cli, argc, argv))
        return CLI_OK;
    for (size_t i = 0; argc > 0 && i < cli_commands_count; i++) {
        if (strcmp(cli_commands[i].noun, argv[0]) != 0)
            continue;
        help = argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0);
        if (!help)
            (void)cli_fail(CLI_USAGE, "the verb is missing or not known; take one of these");
        cli_help_noun(help ? stdout : stderr, cli_commands[i].noun);
        return help ? CLI_OK : CLI_USAGE;
    }
    if (argc > 0 && (argc > 1 || strcmp(argv[0], "help") != 0))
        return cli_fail(CLI_USAGE, "unknown command; `hufu --help` lists them");
    cli_help_all(help || argc > 0 ? stdout : stderr);
    return help || argc > 0 ? CLI_OK : CLI_USAGE;
}

static enum cli_exit args_take(struct cli *cli, int argc, char **argv)
{
    const struct cli_command *c = cli->command;
    const struct cli_field *f = c->fields;

    if (argc > 0 && c->arg != NULL)
        cli->arg = argv[0];
    if (argc > (c->arg != NULL ? 1 : 0))
        return cli_fail(CLI_USAGE, "too many arguments; values, tokens and codes are read from the "
                                   "terminal or standard input, never from the command line");
    if (c->arg != NULL && cli->arg == NULL && !c->arg_optional) {
        (void)fprintf(stderr, "hufu: %s is missing; see --help\n", c->arg);
        return CLI_USAGE;
    }
    for (size_t i = 0; f != NULL && f[i].option != NULL; i++) {
        if (!f[i].required || cli->options[i] != NULL)
            continue;
        (void)fprintf(stderr, "hufu: --%s is missing; see --help\n", f[i].option);
        return CLI_USAGE;
    }
    return CLI_OK;
}

/* True where somebody of this name is logged in there: people enrolled later are not in dev.json.
 */
static bool has_session(const struct cli *cli)
{
    char path[4096];
    int n = snprintf(path, sizeof(path), "%s/sessions/%s", cli->dev_dir, cli->as);

    return text_is_name(view_str(cli->as)) && n > 0 && (size_t)n < sizeof(path) &&
           access(path, F_OK) == 0;
}

/* Fills what was not given from dev.json. */
static enum cli_exit dev_take(struct cli *cli)
{
    const char *domain = cli->command->member != NULL ? cli->arg : NULL;
    const char *ca;
    const char *cert;
    const char *key;

    if (cli_dev_open(cli->dev_dir, &cli->dev) != HUFU_OK)
        return cli_fail(CLI_USAGE, "--dev: the folder has no readable dev.json; `make run` or "
                                   "`make demo` makes a development instance");
    ca = cli_dev_text(&cli->dev, NULL, "ca");
    if (cli->url == NULL)
        cli->url = cli_dev_text(&cli->dev, NULL, "url");
    if (cli->ca == NULL && ca != NULL)
        cli->ca = cli_keep(cli, cli->dev_dir, ca);
    if (cli->as != NULL && (cli_dev_has_user(&cli->dev, cli->as) || has_session(cli)))
        return CLI_OK;
    if (cli->as == NULL && cli->command->who != CLI_PARTNER)
        return CLI_OK;
    cert = cli_dev_partner(&cli->dev, cli->as, domain, "cert");
    key = cli_dev_partner(&cli->dev, cli->as, domain, "key");
    if (cli->as != NULL && (cert == NULL || key == NULL))
        return cli_fail(CLI_USAGE, "--as: no such partner or user in the development instance; "
                                   "dev.json in its folder lists them");
    if (cli->cert == NULL && cert != NULL && key != NULL) {
        cli->cert = cli_keep(cli, cli->dev_dir, cert);
        cli->key = cli_keep(cli, cli->dev_dir, key);
    }
    return CLI_OK;
}

static void environment_take(struct cli *cli)
{
    const char **const places[] = { &cli->url, &cli->ca, &cli->cert, &cli->key };

    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        const char *text = getenv(cli_globals[i].env);

        /* A development instance has all of these itself. */
        if (*places[i] == NULL && cli->dev_dir == NULL && text != NULL && text[0] != 0)
            *places[i] = text;
    }
}

/* Everything between the command line and the command. */
static enum cli_exit run(struct cli *cli, int argc, char **argv)
{
    enum cli_exit code;
    bool help = false;
    int words;

    code = options_read(cli, argc, argv, true, &help);
    if (code != CLI_OK)
        return code;
    argc -= optind;
    argv += optind;
    words = argc > 0 && !help ? command_find(cli, argc, argv) : 0;
    if (words == 0)
        return no_command(cli, argc, argv, help);
    argc -= words - 1;
    argv += words - 1; /* the last word of the name stands where the program's would */
    code = options_read(cli, argc, argv, false, &help);
    if (code == CLI_OK && help) {
        cli_help_command(stdout, cli->command);
        return CLI_OK;
    }
    if (code == CLI_OK)
        code = args_take(cli, argc - optind, argv + optind);
    if (code == CLI_OK)
        code = cli_when_check(cli, clock_system.now_ms(&clock_system));
    if (code != CLI_OK)
        return code;
    environment_take(cli);
    if (cli->dev_dir != NULL)
        code = dev_take(cli);
    return code == CLI_OK ? cli->command->run(cli) : code;
}

int cli_main(int argc, char **argv)
{
    struct cli cli = { 0 };
    enum cli_exit code;

    cli_print_init();
    cli_tty_init(&cli.in, 0);
    code = run(&cli, argc, argv);
    cli_http_close(&cli);
    cli_dev_close(&cli.dev);
    cli_tty_done(&cli.in);
    wipe(cli.session, sizeof(cli.session));
    if (!cli_print_done() && code == CLI_OK)
        code = cli_fail(CLI_SERVER, "cannot write standard output; check the pipe or the disk, and "
                                    "look what was done before you repeat");
    return (int)code;
}
