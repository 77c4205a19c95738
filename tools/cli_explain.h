/*
 * cli_explain.h - what to say of a call that brought no reply: cause and next step.
 *
 * Layer:   tools/. Includes vault/base/ only; the other user of libcurl.
 * Threads: the client has one thread.
 */
#ifndef HUFU_TOOLS_CLI_EXPLAIN_H
#define HUFU_TOOLS_CLI_EXPLAIN_H

#include <curl/curl.h>

#include "tools/cli.h"

/* Tells it on stderr and gives the exit code. detail: curl's own text, looked at, not repeated;
 * server_end_ms: when the certificate that the server showed ends, 0 where unknown. */
enum cli_exit cli_explain(CURLcode rc, const char *detail, bool with_cert, uint64_t server_end_ms);
/* Tells nothing: CLI_SERVER where another try may go better, else CLI_USAGE. */
enum cli_exit cli_explain_silent(CURLcode rc, const char *detail);

#endif
