/*
 * load_options.c - the arguments of the load generator.
 */
#include "tests/bench/load.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct load_options load_options = { .host = "localhost",
                                     .port = "8443",
                                     .domain = "cards",
                                     .purpose = "chargeback",
                                     .connections = 8,
                                     .threads = 1,
                                     .items = 100,
                                     .share = 50,
                                     .warm_ms = 500,
                                     .run_ms = 3000 };

static _Noreturn void usage(void)
{
    fputs("usage: bench_load MODE -A CA [-C CERT -K KEY] [-H HOST] [-p PORT]\n"
          "  [-c CONNECTIONS] [-t THREADS] [-b ITEMS] [-w WARM_MS] [-r RUN_MS]\n"
          "  [-D DOMAIN] [-U PURPOSE] [-S SESSION_FILE] [-T TOKENS_IN] [-o TOKENS_OUT]\n"
          "  [-R REQUESTS_A_SECOND] [-m PERCENT_DETOKENIZE] [-x EXPIRES_IN_S] [-i] [-G HISTOGRAM]\n"
          "  [-P PID,...]\n"
          "  MODE: tokenize batch detokenize lookup detokenize-batch mixed\n",
          stderr);
    exit(1);
}

static unsigned long number(const char *text, unsigned long most)
{
    char *end;
    unsigned long n = strtoul(text, &end, 10);

    if (*text < '0' || *text > '9' || *end || n > most) {
        fprintf(stderr, "bench_load: %s is no number up to %lu\n", text, most);
        exit(1);
    }
    return n;
}

/* A session token is a secret: it comes by file, not by argument. */
static void session_read(const char *path)
{
    FILE *in = fopen(path, "re");

    if (!in || !fgets(load_options.session, sizeof(load_options.session), in))
        usage();
    fclose(in);
    load_options.session[strcspn(load_options.session, "\n")] = 0;
}

static void pids_read(const char *text)
{
    char *list = strdup(text);
    char *rest = NULL;

    for (char *p = strtok_r(list, ",", &rest); p && load_options.pids_count < LOAD_PIDS_MAX;
         p = strtok_r(NULL, ",", &rest))
        load_options.pids[load_options.pids_count++] = number(p, 1u << 30);
    free(list);
}

static const struct {
    char letter;
    const char **text;
    unsigned long *n;
    unsigned long most;
} plain_options[] = {
    { 'H', &load_options.host, NULL, 0 },
    { 'p', &load_options.port, NULL, 0 },
    { 'A', &load_options.ca, NULL, 0 },
    { 'C', &load_options.cert, NULL, 0 },
    { 'K', &load_options.key, NULL, 0 },
    { 'D', &load_options.domain, NULL, 0 },
    { 'U', &load_options.purpose, NULL, 0 },
    { 'G', &load_options.hist, NULL, 0 },
    { 'c', NULL, &load_options.connections, 10000 },
    { 't', NULL, &load_options.threads, 64 },
    { 'b', NULL, &load_options.items, LOAD_BATCH_MAX },
    { 'w', NULL, &load_options.warm_ms, 600000 },
    { 'r', NULL, &load_options.run_ms, 36000000 },
    { 'R', NULL, &load_options.rate, 10000000 },
    { 'm', NULL, &load_options.share, 100 },
    { 'x', NULL, &load_options.expires_in_s, 315360000 },
};

static void option_set(int option, const char *text)
{
    for (size_t i = 0; i < sizeof(plain_options) / sizeof(plain_options[0]); i++) {
        if (plain_options[i].letter != option)
            continue;
        if (plain_options[i].text)
            *plain_options[i].text = text;
        else
            *plain_options[i].n = number(text, plain_options[i].most);
        return;
    }
    if (option == 'S')
        session_read(text);
    else if (option == 'T')
        load_tokens_read(text);
    else if (option == 'P')
        pids_read(text);
    else if (option == 'i')
        load_options.keyed = true;
    else if (option != 'o' || !(load_options.save = fopen(text, "we")))
        usage();
}

void load_options_read(int argc, char **argv)
{
    int option;

    if (argc < 2)
        usage();
    for (load_options.mode = 0; load_options.mode < LOAD_MODES; load_options.mode++)
        if (strcmp(argv[1], load_mode_names[load_options.mode]) == 0)
            break;
    optind = 2;
    while ((option = getopt(argc, argv, "H:p:A:C:K:D:U:S:T:c:t:b:w:r:o:P:R:m:x:iG:")) != -1)
        option_set(option, optarg);
    if (load_options.mode == LOAD_MODES || optind != argc || !load_options.ca)
        usage();
    if (load_options.threads == 0 || load_options.threads > load_options.connections)
        load_options.threads = load_options.connections;
}
