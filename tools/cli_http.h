/*
 * cli_http.h - one HTTPS call: the right credential, a bounded reply, and what to say of a refusal.
 *
 * Layer:   tools/. Includes vault/base/ only; with cli_explain.c the user of libcurl.
 * Threads: the client has one thread.
 * Source:  RFC 9457 (problem details); contract of the API, "Errors".
 *
 * TLS 1.2 or later, the server always verified, no redirects, no proxy. On the way, stderr says
 * where the client's or the server's certificate is about to end.
 */
#ifndef HUFU_TOOLS_CLI_HTTP_H
#define HUFU_TOOLS_CLI_HTTP_H

#include "tools/cli.h"

#define CLI_REPLY_MAX (64U * 1024 * 1024) /* bytes of a body: a page of 1,000 log lines fits */

struct cli_reply {
    long status;
    struct buf body;     /* may hold a value: SECRET */
    char request_id[65]; /* "" where there was none */
    char code[41];       /* the problem's code, "" where there was none */
    char field[65];      /* the problem's field, "" where there was none */
    char detail[256];    /* what it says beyond its code, "" where there was nothing */
    uint64_t retry_s;    /* Retry-After; 0: none */
    bool silent;         /* set by the caller: a broken connection is not told on stderr, and is
                            CLI_SERVER where another try may go better, else CLI_USAGE */
    const struct cli_command *command; /* whose request it was; NULL before it is sent */
    bool sent_session;                 /* with which credential the request went */
    bool sent_cert;
};

void cli_reply_init(struct cli_reply *reply);
void cli_reply_done(struct cli_reply *reply); /* wipes */

/*
 * Sends one request with the credential that the command's `who` asks for, and reads the reply.
 * body: JSON, or empty for none; borrowed. SECRET.
 * Returns: CLI_OK whatever the status is; CLI_SERVER where there was no whole reply, CLI_DENIED
 * where TLS refused the certificate, CLI_USAGE where the credential is missing: told on stderr.
 */
enum cli_exit cli_http_send(struct cli *cli, const char *method, const char *path, struct view body,
                            struct cli_reply *out);
/* Tells a refusal on stderr in one line, what, why, next step, request id; gives its exit code. */
enum cli_exit cli_http_judge(const struct cli_reply *reply);
/* Both: CLI_OK only for 2xx. */
enum cli_exit cli_http_call(struct cli *cli, const char *method, const char *path, struct view body,
                            struct cli_reply *out);
void cli_http_close(struct cli *cli);

#endif
