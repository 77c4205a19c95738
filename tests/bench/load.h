/*
 * load.h - the parts of the load generator: what is sent, over what, when, and how answers are
 * counted.
 *
 * Layer:   tests/bench/. Includes nothing of ours.
 * Threads: load_options, load_server and the tokens are written before threads start; a connection,
 *          a pace and a tally belong to one thread.
 */
#ifndef HUFU_TESTS_BENCH_LOAD_H
#define HUFU_TESTS_BENCH_LOAD_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>

#define LOAD_BODY_MAX  (256 * 1024)
#define LOAD_BATCH_MAX 1000
#define LOAD_TOKEN_LEN 64
#define LOAD_HIST_LEN  2048
#define LOAD_PIDS_MAX  8

/* Mixed is tokenize by certificate and detokenize by session, each on connections of its own. */
enum load_mode {
    LOAD_TOKENIZE,
    LOAD_BATCH,
    LOAD_DETOKENIZE,
    LOAD_LOOKUP,
    LOAD_DETOKENIZE_BATCH,
    LOAD_MIXED,
    LOAD_MODES
};
extern const char *const load_mode_names[LOAD_MODES];
extern const char *const load_mode_paths[LOAD_MODES];

struct load_options {
    enum load_mode mode;
    const char *host, *port, *ca, *cert, *key;
    const char *domain, *purpose;
    const char *hist; /* file that takes the histogram, or NULL */
    char session[64]; /* bearer token, or empty */
    unsigned long connections, threads, items, warm_ms, run_ms;
    unsigned long rate;  /* requests a second; 0: each connection as fast as it is answered */
    unsigned long share; /* of mixed: percent that are detokenize */
    unsigned long expires_in_s;        /* of new tokens; 0: not said */
    bool keyed;                        /* each request with an Idempotency-Key of its own */
    unsigned long pids[LOAD_PIDS_MAX]; /* of the server, for its CPU time */
    size_t pids_count;
    FILE *save; /* takes the tokens of all answers, or NULL */
};
extern struct load_options load_options;

/* Fills load_options; ends the program with its usage where they are wrong. */
void load_options_read(int argc, char **argv);

/* Ends the program with what failed and why. */
_Noreturn void load_die(const char *what);
uint64_t load_now_ns(void); /* CLOCK_MONOTONIC */

struct load_tally { /* latencies in microseconds, log-linear */
    uint64_t hist[LOAD_HIST_LEN];
    uint64_t answers, refused, broken;
    uint64_t
        unfinished; /* were due, and had no answer at the end: in hist as long as they waited */
    uint64_t max_us;
};

void load_tally_add(struct load_tally *t, uint64_t us);
void load_tally_unfinished(struct load_tally *t, uint64_t us);
void load_tally_join(struct load_tally *t, const struct load_tally *other);
/* Microseconds; of 500 the median, of 999 what one in a thousand exceeds. */
uint64_t load_tally_quantile(const struct load_tally *t, unsigned per_mille);
/* Writes a line `microseconds count` for each step that is not empty, lowest first. */
void load_tally_write(const struct load_tally *t, const char *path);

/* Reads one token a line; ends the program where there is none. */
void load_tokens_read(const char *path);
/* Prints the next body into out (LOAD_BODY_MAX bytes) with values of its own; seed is a state. */
size_t load_body_print(enum load_mode mode, uint64_t *seed, char *out);

struct load_server {
    struct sockaddr_storage addr;
    socklen_t addr_len;
    SSL_CTX *with_cert, *plain; /* the second has no client certificate */
};
extern struct load_server load_server;

/* Finds the server of load_options; ends the program where it is not on loopback. */
void load_server_open(void);
void load_server_close(void);

struct load_conn {
    enum { LOAD_HANDSHAKE, LOAD_READY, LOAD_WRITING, LOAD_READING } state;
    enum load_mode mode; /* of its requests: never LOAD_MIXED */
    int fd;
    SSL *ssl;
    char *request, *reply;
    size_t request_len, sent, got, reply_len; /* reply_len: 0 until the head is there */
    int status;
    uint64_t due_ns;        /* when the request was to be sent: its latency counts from there */
    struct load_conn *next; /* in a pace's line */
    bool in_line;
};

enum load_step { LOAD_WAIT, LOAD_FREE, LOAD_ANSWERED, LOAD_BROKEN };

void load_conn_init(struct load_conn *c, enum load_mode mode);
void load_conn_done(struct load_conn *c);
/* Begins a connection; events of epoll carry c. */
void load_conn_open(struct load_conn *c, int epoll);
void load_conn_close(struct load_conn *c);
/* Lays the next request out; load_conn_step sends it. */
void load_conn_begin(struct load_conn *c, uint64_t *seed, uint64_t due_ns);
/* Goes on as far as the socket allows. FREE: the handshake is over; ANSWERED: status is set. */
enum load_step load_conn_step(struct load_conn *c);
/* True where the peer has hung up on a connection without a request. */
bool load_conn_is_gone(struct load_conn *c);
/* Appends the tokens of an answer to load_options.save. */
void load_conn_save(const struct load_conn *c);

struct load_pace { /* moments at which requests of one kind are due, and who is free to send them */
    uint64_t due_ns, step_ns; /* step 0: at once */
    struct load_conn *head, **tail;
};

void load_pace_init(struct load_pace *p); /* nothing is due until it starts */
/* rate: requests a second; 0: as fast as there are free connections. */
void load_pace_start(struct load_pace *p, double rate, uint64_t now_ns);
/* True where a request is due at now_ns: its moment is in *due_out, and is taken. */
bool load_pace_take(struct load_pace *p, uint64_t now_ns, uint64_t *due_out);
/* The line of free connections: the one that waited longest comes first, so that none grows cold.
 */
void load_pace_put(struct load_pace *p, struct load_conn *c);
struct load_conn *load_pace_get(struct load_pace *p);

#endif
