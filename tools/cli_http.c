#include "tools/cli_http.h"

#include <curl/curl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "tools/cli_cert.h"
#include "tools/cli_exit.h"
#include "tools/cli_explain.h"
#include <jansson.h>
#include "tools/cli_session.h"
#include "vault/base/secret.h"
#include "vault/base/text.h"

#define CONNECT_MS 10000L
#define CALL_MS    120000L

void cli_reply_init(struct cli_reply *reply)
{
    *reply = (struct cli_reply){ 0 };
    buf_init(&reply->body, CLI_REPLY_MAX);
}

void cli_reply_done(struct cli_reply *reply)
{
    buf_done(&reply->body);
}

static size_t take_body(char *in, size_t one, size_t in_len, void *arg)
{
    struct cli_reply *reply = arg;

    (void)one;
    buf_put(&reply->body, in, in_len);
    return buf_check(&reply->body) == HUFU_OK ? in_len : 0;
}

/* The value of a header line where it has this name, without the blanks around it. */
static bool header_is(struct view line, const char *name, struct view *out)
{
    size_t len = strlen(name);

    if (line.len <= len || strncasecmp((const char *)line.p, name, len) != 0)
        return false;
    line = view_of(line.p + len, line.len - len);
    while (line.len > 0 && (line.p[0] == ' ' || line.p[0] == '\t'))
        line = view_of(line.p + 1, line.len - 1);
    while (line.len > 0 && line.p[line.len - 1] <= ' ')
        line.len--;
    *out = line;
    return true;
}

static size_t take_header(char *in, size_t one, size_t in_len, void *arg)
{
    struct cli_reply *reply = arg;
    struct view line = view_of(in, in_len);
    struct view value;

    (void)one;
    if (header_is(line, "x-request-id:", &value) && text_is_key(value)) {
        memcpy(reply->request_id, value.p, value.len);
        reply->request_id[value.len] = 0;
    }
    if (header_is(line, "retry-after:", &value) &&
        text_u64(value, 0, 86400, &reply->retry_s) != HUFU_OK)
        reply->retry_s = 0;
    return in_len;
}

/* The header lines; curl copies them, so the bearer line is wiped in the list too. */
static struct curl_slist *headers_new(const struct cli *cli, bool with_session, bool with_body)
{
    char line[CLI_SESSION_MAX + 64];
    struct curl_slist *list = curl_slist_append(NULL, "Accept: application/json, */*;q=0.5");

    if (with_body)
        list = curl_slist_append(list, "Content-Type: application/json");
    list = curl_slist_append(list, "Expect:");
    if (with_session) {
        (void)snprintf(line, sizeof(line), "Authorization: Bearer %s", cli->session);
        list = curl_slist_append(list, line);
        wipe(line, sizeof(line));
    }
    if (cli->idempotency != NULL && with_body) {
        (void)snprintf(line, sizeof(line), "Idempotency-Key: %s", cli->idempotency);
        list = curl_slist_append(list, line);
    }
    return list;
}

static void headers_free(struct curl_slist *list)
{
    for (struct curl_slist *at = list; at != NULL; at = at->next)
        wipe(at->data, strlen(at->data));
    curl_slist_free_all(list);
}

/* Every option of the transfer that is the same for each call. */
static CURL *curl_open(struct cli *cli, bool with_cert)
{
    CURL *curl = cli->curl;

    if (curl == NULL) {
        (void)curl_global_init(CURL_GLOBAL_DEFAULT);
        curl = cli->curl = curl_easy_init();
        if (curl == NULL)
            return NULL;
    }
    curl_easy_reset(curl); /* keeps the connection */
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https");
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L);
    curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, CALL_MS);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_header);
    if (cli->ca != NULL) {
        curl_easy_setopt(curl, CURLOPT_CAINFO, cli->ca);
        curl_easy_setopt(curl, CURLOPT_CAPATH, NULL);
    }
    curl_easy_setopt(curl, CURLOPT_CERTINFO, 1L);
    if (with_cert) {
        curl_easy_setopt(curl, CURLOPT_SSLCERT, cli->cert);
        curl_easy_setopt(curl, CURLOPT_SSLKEY, cli->key);
    }
    return curl;
}

/* Looks at the certificates' ends, once a run: the client's before it is used, the server's after.
 */
static void warn_client(struct cli *cli)
{
    uint64_t end_ms;

    if (!cli->cert_warned && cli_cert_file_end(cli->cert, &end_ms) == HUFU_OK)
        cli_cert_warn(CERT_CLIENT, end_ms);
    cli->cert_warned = true;
}

/* curl gives the chain as lines "Cert:" PEM; the first is the server's own. Only one that was
 * verified is warned of; of another the end tells why it was not. */
static void look_at_server(struct cli *cli, bool verified)
{
    struct curl_certinfo *chain = NULL;

    if (cli->server_cert_end_ms != 0 ||
        curl_easy_getinfo(cli->curl, CURLINFO_CERTINFO, &chain) != CURLE_OK || chain == NULL ||
        chain->num_of_certs < 1)
        return;
    for (const struct curl_slist *at = chain->certinfo[0]; at != NULL; at = at->next) {
        if (strncmp(at->data, "Cert:", 5) != 0)
            continue;
        if (cli_cert_end(view_str(at->data), &cli->server_cert_end_ms) == HUFU_OK && verified)
            cli_cert_warn(CERT_SERVER, cli->server_cert_end_ms);
        return;
    }
}

/* Kept parts that would do, in words: the one detail that there is. */
static bool is_detail(const struct cli_reply *reply, const char *text)
{
    for (const char *at = text; *at != 0; at++)
        if (*at < ' ' || *at > '~')
            return false;
    return strcmp(reply->code, "bad_request") == 0 && strcmp(reply->field, "/keep") == 0 &&
           strlen(text) < sizeof(reply->detail);
}

/* Keeps the problem's code, field and detail where they have the shape of ours; no other text. */
static void problem_read(struct cli_reply *reply)
{
    json_t *root = json_loadb((const char *)reply->body.p, reply->body.len, 0, NULL);
    const char *code = json_string_value(json_object_get(root, "code"));
    const char *field = json_string_value(json_object_get(root, "field"));
    const char *detail = json_string_value(json_object_get(root, "detail"));

    if (code != NULL && strlen(code) < sizeof(reply->code) &&
        strspn(code, "abcdefghijklmnopqrstuvwxyz_") == strlen(code))
        (void)snprintf(reply->code, sizeof(reply->code), "%s", code);
    if (field != NULL && strlen(field) < sizeof(reply->field) &&
        strspn(field, "abcdefghijklmnopqrstuvwxyz_/0123456789") == strlen(field))
        (void)snprintf(reply->field, sizeof(reply->field), "%s", field);
    if (detail != NULL && is_detail(reply, detail))
        (void)snprintf(reply->detail, sizeof(reply->detail), "%s", detail);
    json_decref(root);
}

static enum cli_exit perform(struct cli *cli, const char *method, const char *path,
                             struct view body, struct curl_slist *headers, bool with_cert,
                             struct cli_reply *out)
{
    char detail[CURL_ERROR_SIZE] = "";
    char url[1024];
    CURL *curl = curl_open(cli, with_cert);
    CURLcode rc;
    int n = snprintf(url, sizeof(url), "%s%s", cli->url, path);

    if (curl == NULL || headers == NULL || n < 0 || (size_t)n >= sizeof(url))
        return cli_fail(CLI_SERVER, "the call cannot be made; shorten --url, or free memory");
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, detail);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, out);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, out);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    if (strcmp(method, "POST") == 0) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body.len > 0 ? (const char *)body.p : "");
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.len);
    } else {
        curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
    }
    rc = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &out->status);
    look_at_server(cli, rc == CURLE_OK);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, NULL);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, NULL);
    /* A refused certificate is answered 401 and the connection closed under the body's feet. */
    if (rc != CURLE_OK && !(out->status == 401 && rc == CURLE_SEND_ERROR))
        return out->silent ? cli_explain_silent(rc, detail)
                           : cli_explain(rc, detail, with_cert, cli->server_cert_end_ms);
    return CLI_OK;
}

enum cli_exit cli_http_send(struct cli *cli, const char *method, const char *path, struct view body,
                            struct cli_reply *out)
{
    enum cli_who who = cli->command->who;
    bool with_cert = who == CLI_PARTNER || (who == CLI_EITHER && cli->cert != NULL);
    bool with_session = who == CLI_PERSON || (who == CLI_EITHER && cli->cert == NULL);
    struct curl_slist *headers;
    enum cli_exit code;

    if (with_cert && (cli->cert == NULL || cli->key == NULL))
        return cli_fail(CLI_USAGE, "a partner's certificate is needed: --cert FILE --key FILE, "
                                   "or --dev DIR --as PARTNER");
    if (with_cert && (access(cli->cert, R_OK) != 0 || access(cli->key, R_OK) != 0))
        return cli_fail(CLI_USAGE, "the client certificate or its key cannot be read; check --cert "
                                   "and --key");
    if (with_cert)
        warn_client(cli);
    if (with_session && cli->session[0] == 0) {
        code = cli_session_load(cli);
        if (code != CLI_OK)
            return code;
    }
    if (cli->url == NULL)
        return cli_fail(CLI_USAGE, "no server is named: --url https://HOST:PORT, HUFU_URL, "
                                   "or --dev DIR");
    if (strncmp(cli->url, "https://", 8) != 0)
        return cli_fail(CLI_USAGE, "the url is not https; give --url https://HOST:PORT");
    headers = headers_new(cli, with_session, strcmp(method, "POST") == 0);
    buf_reset(&out->body);
    out->code[0] = out->field[0] = out->detail[0] = out->request_id[0] = 0;
    out->retry_s = 0;
    out->command = cli->command;
    out->sent_session = with_session;
    out->sent_cert = with_cert;
    code = perform(cli, method, path, body, headers, with_cert, out);
    headers_free(headers);
    if (code == CLI_OK && out->status >= 400)
        problem_read(out);
    return code;
}

enum cli_exit cli_http_judge(const struct cli_reply *reply)
{
    enum cli_exit code = cli_exit_of(reply->status, reply->code);
    const char *title = cli_exit_title(reply->code);
    const char *advice = cli_exit_advice_at(reply->command, reply->code, reply->field);

    if (code == CLI_OK)
        return code;
    if (advice == NULL)
        advice = cli_exit_advice_to(reply->code, reply->sent_session, reply->sent_cert);
    (void)fprintf(stderr, "hufu: %s (%s%s%s)",
                  title != NULL ? title : "the server refused the request",
                  reply->code[0] != 0 ? reply->code : "no code",
                  reply->field[0] != 0 ? ", at " : "", reply->field);
    if (reply->detail[0] != 0)
        (void)fprintf(stderr, ": %s", reply->detail);
    (void)fprintf(stderr, "; %s", advice);
    if (reply->retry_s > 0)
        (void)fprintf(stderr, "; try again in %llu s", (unsigned long long)reply->retry_s);
    (void)fprintf(stderr, " [HTTP %ld%s%s]\n", reply->status,
                  reply->request_id[0] != 0 ? ", request " : "", reply->request_id);
    return code;
}

enum cli_exit cli_http_call(struct cli *cli, const char *method, const char *path, struct view body,
                            struct cli_reply *out)
{
    enum cli_exit code = cli_http_send(cli, method, path, body, out);

    return code == CLI_OK ? cli_http_judge(out) : code;
}

void cli_http_close(struct cli *cli)
{
    if (cli->curl != NULL) {
        curl_easy_cleanup(cli->curl);
        curl_global_cleanup();
    }
    cli->curl = NULL;
}
