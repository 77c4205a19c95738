#include "tools/cli_explain.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

/* Why the server's certificate was not taken: its dates, else GnuTLS's words. */
static enum cli_exit explain_server(const char *detail, uint64_t end_ms)
{
    if (end_ms != 0 && end_ms <= (uint64_t)time(NULL) * 1000)
        return cli_fail(CLI_SERVER, "the server's certificate has ended; tell who runs the server, "
                                    "and check the clock of this machine");
    if (strstr(detail, "not match") != NULL || strstr(detail, "owner") != NULL)
        return cli_fail(CLI_SERVER, "the server's certificate is for another name; give --url with "
                                    "the name that is in it");
    if (strstr(detail, "not activated") != NULL || strstr(detail, "not yet") != NULL)
        return cli_fail(CLI_SERVER, "the server's certificate is not valid yet; check the clock of "
                                    "this machine");
    return cli_fail(CLI_SERVER, "the server's certificate is from a CA that is not trusted here; "
                                "give --ca FILE with the CA of this server, or check --url");
}

static enum cli_exit explain_client(CURLcode rc, const char *detail)
{
    if (rc == CURLE_SSL_CERTPROBLEM || strstr(detail, "error reading X.509") != NULL)
        return cli_fail(CLI_USAGE, "the client certificate cannot be used; check that --cert and "
                                   "--key are PEM files and belong together");
    if (strstr(detail, "alert") != NULL)
        return cli_fail(CLI_DENIED, "the server refused the client certificate; check that it has "
                                    "not ended, is from the server's CA and is enrolled: "
                                    "`hufu partner cert` adds one");
    if (rc == CURLE_SSL_CONNECT_ERROR || rc == CURLE_SEND_ERROR || rc == CURLE_RECV_ERROR ||
        rc == CURLE_GOT_NOTHING)
        return cli_fail(CLI_SERVER,
                        "the server closed the connection, as it does on certificates "
                        "it does not know; check that --cert and --key belong together, "
                        "and whether the server runs");
    return CLI_OK;
}

enum cli_exit cli_explain(CURLcode rc, const char *detail, bool with_cert, uint64_t server_end_ms)
{
    enum cli_exit code = with_cert ? explain_client(rc, detail) : CLI_OK;

    if (code != CLI_OK)
        return code;
    switch (rc) {
    case CURLE_COULDNT_RESOLVE_HOST:
        return cli_fail(CLI_SERVER, "the server's name is not known to DNS; check --url");
    case CURLE_COULDNT_CONNECT:
        return cli_fail(CLI_SERVER,
                        "nobody answers there; check --url and whether the server runs");
    case CURLE_OPERATION_TIMEDOUT:
        return cli_fail(CLI_SERVER,
                        "the server did not answer in time; `hufu status` tells whether "
                        "it is well, then repeat");
    case CURLE_PEER_FAILED_VERIFICATION:
        return explain_server(detail, server_end_ms);
    case CURLE_SSL_CACERT_BADFILE:
        return cli_fail(CLI_USAGE, "the CA file cannot be used; check --ca: it is PEM");
    case CURLE_URL_MALFORMAT:
        return cli_fail(CLI_USAGE, "the url cannot be used; --url is https://HOST:PORT");
    case CURLE_WRITE_ERROR:
        return cli_fail(CLI_SERVER, "the reply is too large; ask for less at once");
    default:
        (void)fprintf(stderr, "hufu: the connection failed: %s; check --url and --ca\n",
                      curl_easy_strerror(rc));
        return CLI_SERVER;
    }
}

enum cli_exit cli_explain_silent(CURLcode rc, const char *detail)
{
    switch (rc) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
    case CURLE_OPERATION_TIMEDOUT:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE:
        return strstr(detail, "alert") == NULL ? CLI_SERVER : CLI_USAGE;
    default:
        return CLI_USAGE;
    }
}
