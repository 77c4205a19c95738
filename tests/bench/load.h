/*
 * load.h - the parts of the load generator: what is sent, and how answers are counted.
 *
 * Layer:   tests/bench/. Includes nothing of ours.
 * Threads: load_options is written before threads start; a tally belongs to one thread.
 */
#ifndef HUFU_TESTS_BENCH_LOAD_H
#define HUFU_TESTS_BENCH_LOAD_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define LOAD_BODY_MAX  (256 * 1024)
#define LOAD_BATCH_MAX 1000
#define LOAD_TOKEN_LEN 64
#define LOAD_HIST_LEN  2048
#define LOAD_PIDS_MAX  8

enum load_mode { LOAD_TOKENIZE, LOAD_BATCH, LOAD_DETOKENIZE, LOAD_LOOKUP, LOAD_MODES };
extern const char *const load_mode_names[LOAD_MODES];
extern const char *const load_mode_paths[LOAD_MODES];

struct load_options {
    enum load_mode mode;
    const char *host, *port, *ca, *cert, *key;
    const char *domain, *purpose;
    char session[64]; /* bearer token, or empty */
    unsigned long connections, threads, items, warm_ms, run_ms;
    unsigned long pids[LOAD_PIDS_MAX]; /* of the server, for its CPU time */
    size_t pids_count;
    FILE *save; /* takes the tokens of all answers, or NULL */
};
extern struct load_options load_options;

/* Fills load_options; ends the program with its usage where they are wrong. */
void load_options_read(int argc, char **argv);

struct load_tally { /* latencies in microseconds, log-linear */
    uint64_t hist[LOAD_HIST_LEN];
    uint64_t answers, refused, broken;
};

void load_tally_add(struct load_tally *t, uint64_t us);
void load_tally_join(struct load_tally *t, const struct load_tally *other);
uint64_t load_tally_quantile(const struct load_tally *t, unsigned percent); /* microseconds */

/* Reads one token a line; ends the program where there is none. */
void load_tokens_read(const char *path);
/* Prints the next body into out (LOAD_BODY_MAX bytes) with values of its own; seed is a state. */
size_t load_body_print(uint64_t *seed, char *out);

#endif
