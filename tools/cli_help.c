#include "tools/cli_help.h"

#include <ctype.h>
#include <string.h>

#include "tools/cli_exit.h"

/* clang-format off */
const struct cli_global cli_globals[] = { /* the order is cli_run.c's enum */
    { "url",             0,   "URL",   "HUFU_URL",    "server, https://host:port; else the session's" },
    { "ca",              0,   "FILE",  "HUFU_CACERT", "CA that the server's certificate must come from, PEM" },
    { "cert",            0,   "FILE",  "HUFU_CERT",   "client certificate of a partner, PEM" },
    { "key",             0,   "FILE",  "HUFU_KEY",    "its key, PEM" },
    { "session-file",    0,   "FILE",  NULL,          "where the session is kept (default ~/.local/state/hufu/session)" },
    { "dev",             0,   "DIR",   NULL,          "development instance: url, CA and certificates from DIR/dev.json" },
    { "as",              0,   "NAME",  NULL,          "with --dev: partner or user to be" },
    { "idempotency-key", 0,   "KEY",   NULL,          "repeating with the same key does the work once" },
    { "output",          'o', "FORM",  NULL,          "table or json; else a table on a terminal, JSON on a pipe" },
    { "json",            0,   NULL,    NULL,          "JSON, one object a line: the same as -o json" },
    { "quiet",           'q', NULL,    NULL,          "no remarks on standard error" },
    { "help",            'h', NULL,    NULL,          "this text; behind a command: its own" },
};
/* clang-format on */
const size_t cli_globals_count = sizeof(cli_globals) / sizeof(cli_globals[0]);

static void print_globals(FILE *out)
{
    for (size_t i = 0; i < cli_globals_count; i++) {
        const struct cli_global *g = &cli_globals[i];
        char name[64];

        if (g->letter != 0)
            (void)snprintf(name, sizeof(name), "-%c, --%s %s", g->letter, g->option,
                           g->arg != NULL ? g->arg : "");
        else
            (void)snprintf(name, sizeof(name), "    --%s %s", g->option,
                           g->arg != NULL ? g->arg : "");
        (void)fprintf(out, "  %-28s%s", name, g->help);
        if (g->env != NULL)
            (void)fprintf(out, " [%s]", g->env);
        (void)fputc('\n', out);
    }
}

static void print_row(FILE *out, const struct cli_command *c)
{
    char name[64];

    (void)snprintf(name, sizeof(name), "%s%s%s%s%s", c->noun, c->verb != NULL ? " " : "",
                   c->verb != NULL ? c->verb : "", c->arg != NULL ? " " : "",
                   c->arg != NULL ? c->arg : "");
    (void)fprintf(out, "  %-28s%s\n", name, c->summary);
}

/* What stands above the first command of a group. */
static const struct {
    const char *noun;
    const char *title;
} groups[] = {
    { "login", "Session:" },
    { "tokenize", "Values and tokens:" },
    { "ceremony", "What takes more than one person, and keys:" },
    { "audit", "The log:" },
    { "alarm", "Alarms and reports:" },
    { "domain", "Domains, partners, people:" },
    { "completion", "Shell:" },
};

static void print_group(FILE *out, size_t row)
{
    const char *noun = cli_commands[row].noun;

    if (row > 0 && strcmp(cli_commands[row - 1].noun, noun) == 0)
        return;
    for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
        if (strcmp(groups[i].noun, noun) == 0)
            (void)fprintf(out, "\n%s\n", groups[i].title);
}

void cli_help_all(FILE *out)
{
    (void)fputs("usage: hufu [OPTIONS] COMMAND [ARGUMENT] [OPTIONS]\n\n"
                "Swaps account and ID numbers for tokens, gives them back to those who may, and "
                "checks the log. `hufu help COMMAND` or `hufu COMMAND --help` tells more.\n",
                out);
    for (size_t i = 0; i < cli_commands_count; i++) {
        print_group(out, i);
        print_row(out, &cli_commands[i]);
    }
    (void)fputs("\nOptions, also behind the command:\n", out);
    print_globals(out);
    (void)fputs("\nExit codes:\n", out);
#define CLI_EXIT_ROW(id, number, meaning) (void)fprintf(out, "  %2d  %s\n", number, meaning);
    CLI_EXITS(CLI_EXIT_ROW)
#undef CLI_EXIT_ROW
    (void)fputs(
        "\nPasswords, codes, values and tokens are read from the terminal or standard input "
        "only.\n",
        out);
}

void cli_help_noun(FILE *out, const char *noun)
{
    (void)fprintf(out, "usage: hufu %s VERB [ARGUMENT] [OPTIONS]\n\n", noun);
    for (size_t i = 0; i < cli_commands_count; i++)
        if (strcmp(cli_commands[i].noun, noun) == 0)
            print_row(out, &cli_commands[i]);
    (void)fprintf(out, "\n`hufu %s VERB --help` tells more.\n", noun);
}

static void print_usage(FILE *out, const struct cli_command *c)
{
    const struct cli_field *f = c->fields;

    (void)fprintf(out, "usage: hufu %s%s%s", c->noun, c->verb != NULL ? " " : "",
                  c->verb != NULL ? c->verb : "");
    if (c->arg != NULL)
        (void)fprintf(out, c->arg_optional ? " [%s]" : " %s", c->arg);
    for (; f != NULL && f->option != NULL; f++)
        if (f->required)
            (void)fprintf(out, " --%s %s", f->option, f->arg);
    (void)fputs(" [OPTIONS]\n\n", out);
}

#define ADMINS "security administrators"

/* Which people: the server decides, this says it beforehand. The first row that fits. */
static const struct {
    const char *noun, *verb; /* verb NULL: any */
    const char *who;
} people[] = {
    { "detokenize", NULL, "operators" },
    { "token", "inspect", "operators and auditors" },
    { "token", NULL, ADMINS },
    { "grant", "ask", "operators" },
    { "grant", "withdraw", "operators" },
    { "grant", "list", "operators and approvers" },
    { "grant", "show", "operators and approvers" },
    { "grant", NULL, "approvers" },
    { "ceremony", "list", "custodians, " ADMINS " and auditors" },
    { "ceremony", "show", "custodians, " ADMINS " and auditors" },
    { "ceremony", "wait", "custodians, " ADMINS " and auditors" },
    { "ceremony", NULL, "custodians and " ADMINS },
    { "key", "list", "custodians and auditors" },
    { "key", NULL, "custodians" },
    { "audit", "entries", "auditors" },
    { "audit", "verify", "auditors" },
    { "alarm", "list", ADMINS ", auditors and sre" },
    { "alarm", NULL, ADMINS " and auditors" },
    { "recipient", "list", "operators, approvers, " ADMINS " and auditors" },
    { "recipient", NULL, ADMINS },
    { "share", NULL, ADMINS " and auditors" },
    { "export", "list", "operators and auditors" },
    { "export", "show", "operators and auditors" },
    { "export", NULL, "operators" },
    { "report", "indicators", ADMINS ", auditors and sre" },
    { "report", NULL, ADMINS " and auditors" },
    { "access", NULL, ADMINS " and auditors" },
    { "subject", "list", ADMINS ", approvers and auditors" },
    { "subject", "show", ADMINS ", approvers and auditors" },
    { "subject", "approve", "approvers" },
    { "subject", "deny", "approvers" },
    { "subject", NULL, ADMINS },
    { "domain", "capacity", ADMINS ", auditors and sre" },
    { "domain", "list", ADMINS " and auditors" },
    { "partner", "list", ADMINS " and auditors" },
    { "user", "list", ADMINS " and auditors" },
    { "domain", NULL, ADMINS },
    { "partner", NULL, ADMINS },
    { "user", NULL, ADMINS },
};

const char *cli_help_people(const struct cli_command *c)
{
    for (size_t i = 0; i < sizeof(people) / sizeof(people[0]); i++)
        if (strcmp(people[i].noun, c->noun) == 0 &&
            (people[i].verb == NULL || (c->verb != NULL && strcmp(people[i].verb, c->verb) == 0)))
            return people[i].who;
    return "people";
}

static void print_who(FILE *out, const struct cli_command *c)
{
    switch (c->who) {
    case CLI_NOBODY:
        (void)fputs("Needs no credential.\n", out);
        break;
    case CLI_PERSON:
        (void)fprintf(out, "For %s: needs a session (`hufu login USER`).\n", cli_help_people(c));
        break;
    case CLI_PARTNER:
        (void)fputs("For partners: needs --cert and --key.\n", out);
        break;
    case CLI_EITHER:
        (void)fprintf(out, "For partners (--cert and --key) and %s (`hufu login USER`).\n",
                      cli_help_people(c));
        break;
    }
}

void cli_help_command(FILE *out, const struct cli_command *c)
{
    const struct cli_field *f = c->fields;

    print_usage(out, c);
    (void)fprintf(out, "%c%s. ", toupper((unsigned char)c->summary[0]), c->summary + 1);
    print_who(out, c);
    if (c->detail != NULL)
        (void)fprintf(out, "\n%s\n", c->detail);
    if (f != NULL)
        (void)fputs("\nOptions of this command:\n", out);
    for (; f != NULL && f->option != NULL; f++) {
        char name[64];

        (void)snprintf(name, sizeof(name), "    --%s %s", f->option, f->arg != NULL ? f->arg : "");
        (void)fprintf(out, "  %-28s%s%s\n", name, f->help, f->required ? " (required)" : "");
    }
    (void)fprintf(out, "\nExample:\n  hufu %s\n", c->example);
    (void)fputs("\nGlobal options:\n", out);
    print_globals(out);
}
