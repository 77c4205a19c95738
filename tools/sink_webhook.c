/* An alarm posted to an https address. */
#include "tools/sink.h"

#include <curl/curl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

struct sink_webhook {
    char *url, *ca; /* ours: the settings' text may move */
    uint64_t deadline_ms;
    int stop_fd;
    CURL *curl;
};

/* What it answers is nobody's business here. */
static size_t drop_body(char *in, size_t one, size_t in_len, void *arg)
{
    (void)in;
    (void)one;
    (void)arg;
    return in_len;
}

/* Now and then during the transfer: other than 0 ends it. */
static int look_up(void *arg, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    const struct sink_webhook *w = arg;
    struct pollfd p = { .fd = w->stop_fd, .events = POLLIN };

    (void)a;
    (void)b;
    (void)c;
    (void)d;
    return poll(&p, 1, 0) > 0;
}

enum hufu_err sink_webhook_new(const char *url, const char *ca, uint64_t deadline_ms, int stop_fd,
                               struct sink_webhook **out)
{
    struct sink_webhook *w = calloc(1, sizeof(*w));

    if (w == NULL || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        free(w);
        return HUFU_NOMEM;
    }
    w->url = strdup(url);
    w->ca = strdup(ca);
    w->deadline_ms = deadline_ms;
    w->stop_fd = stop_fd;
    w->curl = curl_easy_init();
    if (w->url == NULL || w->ca == NULL || w->curl == NULL) {
        sink_webhook_free(w);
        return HUFU_NOMEM;
    }
    *out = w;
    return HUFU_OK;
}

void sink_webhook_free(struct sink_webhook *w)
{
    if (w == NULL)
        return;
    if (w->curl != NULL)
        curl_easy_cleanup(w->curl);
    curl_global_cleanup();
    free(w->url);
    free(w->ca);
    free(w);
}

static bool set(struct sink_webhook *w)
{
    CURL *c = w->curl;
    CURLcode rc = CURLE_OK;

    curl_easy_reset(c); /* keeps the connection */
    rc |= curl_easy_setopt(c, CURLOPT_URL, w->url);
    rc |= curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "https");
    rc |= curl_easy_setopt(c, CURLOPT_PROXY, "");
    rc |= curl_easy_setopt(c, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    rc |= curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    rc |= curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
    rc |= curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, 1L);
    rc |= curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, 2L);
    rc |= curl_easy_setopt(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    rc |= curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, (long)w->deadline_ms);
    rc |= curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, (long)w->deadline_ms);
    rc |= curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, drop_body);
    rc |= curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
    rc |= curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, look_up);
    rc |= curl_easy_setopt(c, CURLOPT_XFERINFODATA, w);
    if (w->ca[0] != '\0') {
        rc |= curl_easy_setopt(c, CURLOPT_CAINFO, w->ca);
        rc |= curl_easy_setopt(c, CURLOPT_CAPATH, NULL);
    }
    return rc == CURLE_OK;
}

static struct curl_slist *headers_new(void)
{
    static const char *const lines[] = { "Content-Type: application/json",
                                         "Expect:", "User-Agent: hufud" };
    struct curl_slist *list = NULL;

    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        struct curl_slist *more = curl_slist_append(list, lines[i]);

        if (more == NULL) {
            curl_slist_free_all(list);
            return NULL;
        }
        list = more;
    }
    return list;
}

enum hufu_err sink_webhook_post(struct sink_webhook *w, const struct alarm_msg *msg,
                                uint32_t *status_out)
{
    struct curl_slist *headers = headers_new();
    CURLcode rc = CURLE_OUT_OF_MEMORY;
    long status = 0;

    *status_out = 0;
    if (headers != NULL && set(w) &&
        curl_easy_setopt(w->curl, CURLOPT_HTTPHEADER, headers) == CURLE_OK &&
        curl_easy_setopt(w->curl, CURLOPT_POSTFIELDS, (const char *)msg->json.p) == CURLE_OK &&
        curl_easy_setopt(w->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)msg->json.len) ==
            CURLE_OK)
        rc = curl_easy_perform(w->curl);
    if (rc == CURLE_OK)
        rc = curl_easy_getinfo(w->curl, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_reset(w->curl); /* it points to the headers and the message no more */
    curl_slist_free_all(headers);
    if (rc != CURLE_OK || status <= 0)
        return HUFU_CLOSED;
    if (status >= 200 && status < 300)
        return HUFU_OK;
    *status_out = (uint32_t)status;
    return HUFU_CONFLICT;
}
