/*
 * cli.h - what every part of the command-line client shares: exit codes, commands, one run's state.
 *
 * Layer:   tools/. Includes vault/base/ only.
 * Threads: the client has one thread.
 */
#ifndef HUFU_TOOLS_CLI_H
#define HUFU_TOOLS_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vault/base/buf.h"
#include "tools/cli_dev.h"
#include "tools/cli_tty.h"

/* clang-format off */
#define CLI_EXITS(X) /* id, number, meaning */                                       \
    X(OK,         0, "done")                                                         \
    X(USAGE,      1, "the command line is wrong; nothing was sent")                  \
    X(SERVER,     2, "no answer, not now, or sealed: the server or the network")     \
    X(DENIED,     3, "refused: who you are or what you may do")                      \
    X(FACTOR,     4, "a fresh second factor is needed: `hufu step-up`")              \
    X(NOT_FOUND,  5, "no such token, object or page")                                \
    X(CONFLICT,   6, "the object's present state does not allow it")                 \
    X(INVALID,    7, "the input was refused")                                        \
    X(UNVERIFIED, 8, "`hufu audit verify` or a receipt did not hold")               \
    X(FAILED,     9, "the ceremony failed")                                          \
    X(CANCELLED, 10, "the ceremony was withdrawn")                                   \
    X(EXPIRED,   11, "the ceremony was not approved in time")
/* clang-format on */
#define CLI_EXIT_ENUM(id, number, meaning) CLI_##id = (number),
enum cli_exit { CLI_EXITS(CLI_EXIT_ENUM) };
#undef CLI_EXIT_ENUM

#define CLI_FIELDS_MAX 20
#define CLI_ARGS_MAX   1

enum cli_kind {
    CLI_TEXT,   /* a string member */
    CLI_NUMBER, /* a whole number */
    CLI_LIST,   /* names with commas: an array of strings */
    CLI_FLAG,   /* true where given */
    CLI_FILE,   /* a file's content as a string member */
    CLI_LOCAL,  /* for the command's own code, with an argument */
    CLI_SWITCH, /* for the command's own code, without one */
};

struct cli_field {
    const char *option; /* "purpose" for --purpose; NULL ends the list */
    const char *member; /* JSON member; NULL for CLI_LOCAL and CLI_SWITCH */
    enum cli_kind kind;
    bool required;
    const char *arg; /* what help shows for the argument; NULL where there is none */
    const char *help;
};

enum cli_who {
    CLI_NOBODY,  /* no credential is sent */
    CLI_PERSON,  /* the session; never a certificate */
    CLI_PARTNER, /* a client certificate; never the session */
    CLI_EITHER,  /* the certificate where one is named, else the session */
};

struct cli;

struct cli_command {
    const char *noun;
    const char *verb; /* NULL where the noun says it all */
    const char *arg;  /* name of the one argument, in capitals; NULL: none */
    bool arg_optional;
    enum cli_who who;
    enum cli_exit (*run)(struct cli *cli);
    const char *method;  /* of cmd_call; NULL where run does its own */
    const char *path;    /* `%` stands for the argument */
    const char *member;  /* JSON member that takes the argument; NULL: the path does, or none */
    const char *secret;  /* JSON members, with commas, read from terminal or stdin, never from argv;
                            or NULL */
    const char *columns; /* members shown of each of `items`, with commas; NULL: all members */
    const struct cli_field *fields; /* NULL: none */
    const char *summary;            /* one line */
    const char *detail;             /* more lines for its own help, or NULL */
    const char *kind;               /* of the ceremony it proposes; NULL: none, or the argument */
    const char *example;            /* a command line, behind "hufu " */
};

extern const struct cli_command cli_commands[];
extern const size_t cli_commands_count;

#define CLI_SESSION_MAX 512 /* bytes of a session token */

struct cli {
    const struct cli_command *command;
    const char *arg;                     /* NULL where not given */
    const char *options[CLI_FIELDS_MAX]; /* beside command->fields; "" for a flag; NULL: absent */
    const char *url;
    const char *ca;
    const char *cert;
    const char *key;
    const char *session_file;
    const char *dev_dir;
    const char *as;
    const char *idempotency;
    bool json;  /* asked for */
    bool table; /* asked for */
    bool quiet;
    bool cert_warned;            /* the client certificate's end was looked at */
    uint64_t server_cert_end_ms; /* when the server's certificate ends; 0: not seen yet */
    struct cli_dev dev;
    struct cli_tty in;
    char paths[8][4096]; /* what url, ca, cert, key and session_file may point into */
    size_t paths_used;
    char session[CLI_SESSION_MAX + 1]; /* SECRET; wiped at the end */
    void *curl;                        /* the one connection, owned by cli_http.c */
};

/* The option's argument ("" for a flag), or NULL where it was not given or the command has none. */
const char *cli_option(const struct cli *cli, const char *option);
/* True where objects go out as JSON lines: asked for, or standard output is no terminal. */
bool cli_wants_json(const struct cli *cli);
/* A place for a path that lives as long as cli; NULL where all are taken or it is too long. */
const char *cli_keep(struct cli *cli, const char *folder, const char *name);
/* Writes "hufu: " text LF to stderr and returns code. text is ours, never input. */
enum cli_exit cli_fail(enum cli_exit code, const char *text);
/* The whole program: parses, dispatches, prints; gives the exit code. */
int cli_main(int argc, char **argv);

#endif
