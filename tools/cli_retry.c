#include "tools/cli_retry.h"

#include <stdio.h>
#include <time.h>

#include "tools/cli_exit.h"

#define WAIT_FIRST_MS 200U
#define NAP_MS        100U /* how soon a signal is noticed */

bool retry_is_worth(enum cli_exit sent, const struct cli_reply *reply)
{
    if (sent != CLI_OK)
        return sent == CLI_SERVER;
    return reply->status == 408 || reply->status == 429 || reply->status >= 500;
}

uint64_t retry_wait_ms(unsigned next, uint64_t retry_after_s)
{
    uint64_t wait = WAIT_FIRST_MS;

    while (next > 1 && wait < RETRY_WAIT_MAX_MS) {
        wait *= 2;
        next--;
    }
    if (wait > RETRY_WAIT_MAX_MS)
        wait = RETRY_WAIT_MAX_MS;
    return wait > retry_after_s * 1000 ? wait : retry_after_s * 1000;
}

static uint64_t now_ms(void)
{
    struct timespec t = { 0 };

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* False where a signal came. */
static bool sleep_until(const struct retry *retry, uint64_t until)
{
    const struct timespec nap = { .tv_nsec = NAP_MS * 1000000L };

    while (now_ms() < until && *retry->end == 0) {
        (void)nanosleep(&nap, NULL);
        cli_progress_set(retry->progress, retry->progress->facts.done);
    }
    return *retry->end == 0;
}

/* Once for one request. */
static void tell_waiting(const struct retry *retry, enum cli_exit sent, const struct cli_reply *got)
{
    const char *title = sent == CLI_OK ? cli_exit_title(got->code) : NULL;

    cli_progress_end(retry->progress);
    (void)fprintf(stderr, "hufu: %s; trying again, for up to %llu s\n",
                  title != NULL ? title : "no answer from the server",
                  (unsigned long long)retry->for_s);
}

enum cli_exit retry_post(struct cli *cli, const struct retry *retry, struct view body,
                         struct cli_reply *out)
{
    uint64_t began = now_ms(), until = 0;
    enum cli_exit sent;

    out->silent = true;
    for (unsigned tries = 1;; tries++) {
        sent = cli_http_send(cli, "POST", cli->command->path, body, out);
        if (sent == CLI_OK && out->status < 300)
            return CLI_OK;
        until = now_ms() + retry_wait_ms(tries, out->retry_s);
        if (!retry_is_worth(sent, out) || until - began > retry->for_s * 1000)
            break;
        if (tries == 1)
            tell_waiting(retry, sent, out);
        if (!sleep_until(retry, until))
            return CLI_SERVER; /* whoever sent the signal knows why */
    }
    cli_progress_end(retry->progress);
    out->silent = false;
    /* The last try is made aloud, so that its fault is told as any call's. */
    if (sent != CLI_OK)
        return cli_http_call(cli, "POST", cli->command->path, body, out);
    return cli_http_judge(out);
}
