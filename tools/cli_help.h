/*
 * cli_help.h - help texts, printed from the command table.
 *
 * Layer:   tools/. Includes vault/base/ only.
 * Threads: pure functions over constant tables.
 */
#ifndef HUFU_TOOLS_CLI_HELP_H
#define HUFU_TOOLS_CLI_HELP_H

#include <stdio.h>

#include "tools/cli.h"

struct cli_global {
    const char *option;
    int letter;      /* its short form, or 0 */
    const char *arg; /* NULL: takes none */
    const char *env; /* variable that stands for it, or NULL */
    const char *help;
};
extern const struct cli_global cli_globals[];
extern const size_t cli_globals_count;

void cli_help_all(FILE *out);
void cli_help_noun(FILE *out, const char *noun); /* its verbs */
void cli_help_command(FILE *out, const struct cli_command *command);
/* The roles whose command it is, in words ("operators and approvers"); "people": all. */
const char *cli_help_people(const struct cli_command *command);

#endif
