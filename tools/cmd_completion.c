#include "tools/cmd.h"

#include <stdio.h>
#include <string.h>

#include "tools/cli_help.h"

static bool is_first(size_t at)
{
    for (size_t i = 0; i < at; i++)
        if (strcmp(cli_commands[i].noun, cli_commands[at].noun) == 0)
            return false;
    return true;
}

static void print_nouns(void)
{
    for (size_t i = 0; i < cli_commands_count; i++)
        if (is_first(i))
            (void)fprintf(stdout, "%s ", cli_commands[i].noun);
    (void)fputs("help", stdout);
}

static void print_globals(void)
{
    for (size_t i = 0; i < cli_globals_count; i++)
        (void)fprintf(stdout, "%s--%s", i > 0 ? " " : "", cli_globals[i].option);
}

/* Options that take one of few words. */
static const char *const choices[][2] = {
    { "role", "operator approver custodian security_admin auditor sre" },
    { "kind", "outside processor public" },
    { "escalation", "none step-up grant" },
    { "mode", "deterministic random one-time ff1" },
    { "token-check", "fail none bin" },
    { "on-error", "skip stop" },
};
static const char ceremonies[] =
    "rotate-kek rotate-data-key rotate-index-key destroy-key change-role reset-factor "
    "reset-password break-glass enrol-key freeze-lift";

static void print_choices(void)
{
    for (size_t i = 0; i < sizeof(choices) / sizeof(choices[0]); i++)
        (void)fprintf(stdout, "    --%s) list='%s' ;;\n", choices[i][0], choices[i][1]);
}

/* True where an earlier row has an option of this name with an argument. */
static bool is_told(size_t row, const char *option)
{
    for (size_t i = 0; i < row; i++) {
        const struct cli_field *f = cli_commands[i].fields;

        for (; f != NULL && f->option != NULL; f++)
            if (f->arg != NULL && strcmp(f->option, option) == 0)
                return true;
    }
    return false;
}

/* "--a|--b|" of options with an argument of this kind; NULL: of any. */
static void print_taking(const char *arg)
{
    for (size_t i = 0; i < cli_globals_count; i++)
        if (cli_globals[i].arg != NULL && (arg == NULL || strcmp(cli_globals[i].arg, arg) == 0))
            (void)fprintf(stdout, "--%s|", cli_globals[i].option);
    for (size_t i = 0; i < cli_commands_count; i++) {
        const struct cli_field *f = cli_commands[i].fields;

        for (; f != NULL && f->option != NULL; f++)
            if (f->arg != NULL && (arg == NULL || strcmp(f->arg, arg) == 0) &&
                !is_told(i, f->option))
                (void)fprintf(stdout, "--%s|", f->option);
    }
}

static void print_options(const struct cli_command *c)
{
    const struct cli_field *f = c->fields;

    for (; f != NULL && f->option != NULL; f++)
        (void)fprintf(stdout, "--%s ", f->option);
}

/* One case for the noun: its verbs, then the options of each. */
static void print_noun(size_t first)
{
    const char *noun = cli_commands[first].noun;

    if (cli_commands[first].verb == NULL) {
        (void)fprintf(stdout, "    %s) list='", noun);
        print_options(&cli_commands[first]);
        (void)fputs("' ;;\n", stdout);
        return;
    }
    (void)fprintf(stdout, "    %s)\n        case $verb in\n        '') list='", noun);
    for (size_t i = first; i < cli_commands_count; i++)
        if (strcmp(cli_commands[i].noun, noun) == 0)
            (void)fprintf(stdout, "%s ", cli_commands[i].verb);
    (void)fputs("' ;;\n", stdout);
    for (size_t i = first; i < cli_commands_count; i++) {
        if (strcmp(cli_commands[i].noun, noun) != 0)
            continue;
        (void)fprintf(stdout, "        %s) list='", cli_commands[i].verb);
        print_options(&cli_commands[i]);
        (void)fputs("'", stdout);
        if (cli_commands[i].arg != NULL && strcmp(cli_commands[i].arg, "KIND") == 0)
            (void)fprintf(stdout, "; [ -n \"$arg\" ] || list+='%s'", ceremonies);
        (void)fputs(" ;;\n", stdout);
    }
    (void)fputs("        esac ;;\n", stdout);
}

static const char head[] =
    "# bash completion of hufu, made by `hufu completion bash`\n"
    "# shellcheck shell=bash disable=SC2221,SC2222 # the first pattern that fits is meant\n"
    "_hufu() {\n"
    "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n"
    "    local noun='' verb='' arg='' list='' i\n"
    "    COMPREPLY=()\n"
    "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
    "        case ${COMP_WORDS[i]} in\n";

enum cli_exit cmd_completion(struct cli *cli)
{
    if (strcmp(cli->arg, "bash") != 0)
        return cli_fail(CLI_USAGE, "there is no completion for this shell; SHELL is bash");
    (void)fputs(head, stdout);
    (void)fputs("        ", stdout);
    print_taking(NULL);
    (void)fputs("-o) i=$((i + 1)) ;;\n"
                "        -*) ;;\n"
                "        *) if [ -z \"$noun\" ]; then noun=${COMP_WORDS[i]}\n"
                "           elif [ -z \"$verb\" ]; then verb=${COMP_WORDS[i]}\n"
                "           elif [ -z \"$arg\" ]; then arg=${COMP_WORDS[i]}; fi ;;\n"
                "        esac\n    done\n    case $prev in\n    ",
                stdout);
    print_taking("FILE");
    (void)fputs("'') mapfile -t COMPREPLY < <(compgen -f -- \"$cur\"); return ;;\n    ", stdout);
    print_taking("DIR");
    (void)fputs("'') mapfile -t COMPREPLY < <(compgen -d -- \"$cur\"); return ;;\n"
                "    --output|-o) list='table json' ;;\n",
                stdout);
    print_choices();
    (void)fputs("    ", stdout);
    print_taking(NULL);
    (void)fputs("'') return ;;\n    esac\n"
                "    [ -n \"$list\" ] || case $noun in\n    '') list='",
                stdout);
    print_nouns();
    (void)fputs("' ;;\n    help) [ -n \"$verb\" ] || list='", stdout);
    print_nouns();
    (void)fputs("' ;;\n    completion) [ -n \"$verb\" ] || list='bash' ;;\n", stdout);
    for (size_t i = 0; i < cli_commands_count; i++)
        if (is_first(i) && strcmp(cli_commands[i].noun, "completion") != 0)
            print_noun(i);
    (void)fputs("    esac\n    [[ $cur != -* ]] || list=\"$list ", stdout);
    print_globals();
    (void)fputs("\"\n    mapfile -t COMPREPLY < <(compgen -W \"$list\" -- \"$cur\")\n}\n"
                "complete -F _hufu hufu\n",
                stdout);
    return CLI_OK;
}
