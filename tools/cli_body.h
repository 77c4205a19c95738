/*
 * cli_body.h - the JSON body of a request, put together from options and secrets.
 *
 * Layer:   tools/. Includes vault/base/ only.
 * Threads: the client has one thread.
 */
#ifndef HUFU_TOOLS_CLI_BODY_H
#define HUFU_TOOLS_CLI_BODY_H

#include "tools/cli.h"

#define CLI_BODY_MAX     (1024U * 1024) /* bytes: what the server takes */
#define CLI_BODY_MEMBERS 24
#define CLI_FILE_MAX     16384 /* bytes of a file sent as a member: a certificate */

enum cli_member_kind {
    MEMBER_TEXT,
    MEMBER_NUMBER, /* the digits as given */
    MEMBER_TRUE,
    MEMBER_NAMES, /* text with commas, to be an array */
    MEMBER_JSON,  /* ready JSON */
};

struct cli_member {
    const char *name;
    enum cli_member_kind kind;
    struct view value; /* borrowed */
};

struct cli_body {
    struct cli_member members[CLI_BODY_MEMBERS];
    size_t count;
    struct buf file; /* content of the one file option */
};

void cli_body_init(struct cli_body *body);
void cli_body_done(struct cli_body *body); /* wipes what it holds itself */
void cli_body_add(struct cli_body *body, const char *name, enum cli_member_kind kind,
                  struct view value);
/* Adds every given option that is a member, and the argument. CLI_INVALID where a text is not UTF-8
 * or a number not one; CLI_USAGE where a file cannot be read: told on stderr. */
enum cli_exit cli_body_options(struct cli *cli, struct cli_body *body);
void cli_body_sort(struct cli_body *body); /* by name */
/* Appends the members, sorted by name, as one object. HUFU_RANGE where out is full. */
HUFU_MUST_USE enum hufu_err cli_body_print(struct cli_body *body, struct buf *out);

#endif
