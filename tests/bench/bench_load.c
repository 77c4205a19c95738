/*
 * bench_load.c - load over mutual TLS on a server of this machine: keep-alive, unique values,
 * latency percentiles, CPU of the server. Closed loop (each connection sends its next request when
 * the last answer is complete) or, with a rate, open loop: see load_pace.c.
 *
 * bench_load MODE -A CA -C CERT -K KEY -p PORT ...; without arguments it prints its usage. MODE:
 * tokenize, batch, detokenize, lookup, detokenize-batch or mixed. Prints one line of name=value.
 */
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "tests/bench/load.h"

#define BROKEN_MAX 1000
#define READY_MS   30000     /* within which all connections must be there */
#define TICK_NS    100000000 /* the longest wait: how soon the end is noticed */

enum phase { WARM, RUN, STOP };
static atomic_int phase;
static _Atomic uint64_t end_ns;
static atomic_ulong waiting; /* workers whose connections are not all there */

struct worker {
    pthread_t thread;
    unsigned long first, conns; /* which of all connections are its */
    uint64_t seed;
    unsigned long joined; /* connections that are or were there */
    int epoll;
    struct load_pace pace[2]; /* the second: detokenize, where the load is mixed */
    struct load_tally tally;
};

_Noreturn void load_die(const char *what)
{
    fprintf(stderr, "bench_load: %s: %s\n", what, errno ? strerror(errno) : "failed");
    exit(1);
}

uint64_t load_now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* Spread evenly: of 64 connections with a share of 25 percent, each fourth. */
static bool is_second(unsigned long i)
{
    return load_options.mode == LOAD_MIXED &&
           i * load_options.share / 100 != (i + 1) * load_options.share / 100;
}

static enum load_mode mode_of(unsigned long i)
{
    if (load_options.mode != LOAD_MIXED)
        return load_options.mode;
    return is_second(i) ? LOAD_DETOKENIZE : LOAD_TOKENIZE;
}

static struct load_pace *pace_of(struct worker *w, const struct load_conn *c)
{
    return &w->pace[load_options.mode == LOAD_MIXED && c->mode == LOAD_DETOKENIZE];
}

static void count_answer(struct worker *w, const struct load_conn *c)
{
    bool good = c->status >= 200 && c->status < 300;
    uint64_t end = end_ns;

    if (load_options.save && good)
        load_conn_save(c);
    if (phase == STOP && c->due_ns < end)
        load_tally_unfinished(&w->tally, (end - c->due_ns) / 1000);
    if (phase != RUN)
        return;
    load_tally_add(&w->tally, (load_now_ns() - c->due_ns) / 1000);
    if (!good && w->tally.refused++ == 0)
        fprintf(stderr, "bench_load: an answer has status %d: %.300s\n", c->status,
                strstr(c->reply, "\r\n\r\n") + 4);
}

static void reopen(struct worker *w, struct load_conn *c)
{
    if (w->tally.broken++ > BROKEN_MAX)
        load_die("too many broken connections");
    load_conn_close(c);
    load_conn_open(c, w->epoll);
}

/* The clock starts once all are there: handshakes are not what is measured. */
static void paces_begin(struct worker *w)
{
    double all = (double)load_options.rate / (double)load_options.threads;
    double second = load_options.mode == LOAD_MIXED ? (double)load_options.share / 100 : 0;
    uint64_t now = load_now_ns();

    for (size_t i = 0; i < 2; i++)
        load_pace_start(&w->pace[i], i == 0 ? all * (1 - second) : all * second, now);
    waiting--;
}

/* Goes on with a connection until it waits for its socket or for a request to be due. */
static void advance(struct worker *w, struct load_conn *c)
{
    struct load_pace *pace = pace_of(w, c);
    uint64_t due;

    for (;;) {
        enum load_step step = load_conn_step(c);

        if (step == LOAD_WAIT)
            return;
        if (step == LOAD_BROKEN) {
            reopen(w, c);
            return;
        }
        if (step == LOAD_ANSWERED)
            count_answer(w, c);
        else if (++w->joined == w->conns)
            paces_begin(w);
        if (phase == STOP)
            return;
        /* who waits in line was free before */
        if (pace->head || !load_pace_take(pace, load_now_ns(), &due)) {
            load_pace_put(pace, c);
            return;
        }
        load_conn_begin(c, &w->seed, due);
    }
}

/* Gives what is due to those who are free. */
static void send_due(struct worker *w, struct load_pace *pace)
{
    uint64_t now = load_now_ns();
    struct load_conn *c;
    uint64_t due;

    while (pace->head && load_pace_take(pace, now, &due)) {
        do
            c = load_pace_get(pace);
        while (c && c->state != LOAD_READY); /* it was opened anew while it stood in line */
        if (!c) {
            pace->due_ns = due;
            return;
        }
        load_conn_begin(c, &w->seed, due);
        advance(w, c);
    }
}

static struct timespec wait_time(const struct worker *w)
{
    uint64_t now = load_now_ns(), wait = TICK_NS;

    for (size_t i = 0; i < 2; i++) {
        const struct load_pace *p = &w->pace[i];

        if (p->head && p->due_ns < now + wait)
            wait = p->due_ns > now ? p->due_ns - now : 0;
    }
    return (struct timespec){ 0, (long)wait };
}

static void serve_event(struct worker *w, struct load_conn *c)
{
    if (c->state != LOAD_READY)
        advance(w, c);
    else if (load_conn_is_gone(c))
        reopen(w, c);
}

/* What was due and has no answer waited at least until now. */
static void count_unfinished(struct worker *w, const struct load_conn *conns)
{
    uint64_t end = end_ns, due;

    for (unsigned long i = 0; i < w->conns; i++)
        if (conns[i].state > LOAD_READY && conns[i].due_ns < end)
            load_tally_unfinished(&w->tally, (end - conns[i].due_ns) / 1000);
    for (size_t i = 0; i < 2; i++)
        while (w->pace[i].step_ns > 0 && load_pace_take(&w->pace[i], end, &due))
            load_tally_unfinished(&w->tally, (end - due) / 1000);
}

static void *worker_run(void *arg)
{
    struct worker *w = arg;
    struct load_conn *conns = calloc(w->conns, sizeof(*conns));
    struct epoll_event events[128];

    w->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (!conns || w->epoll < 0)
        load_die("worker");
    load_pace_init(&w->pace[0]);
    load_pace_init(&w->pace[1]);
    for (unsigned long i = 0; i < w->conns; i++) {
        load_conn_init(&conns[i], mode_of(w->first + i));
        load_conn_open(&conns[i], w->epoll);
    }
    while (phase != STOP) {
        struct timespec wait = wait_time(w);
        int n = epoll_pwait2(w->epoll, events, 128, &wait, NULL);

        for (int i = 0; i < n; i++)
            serve_event(w, events[i].data.ptr);
        for (size_t i = 0; i < 2; i++)
            send_due(w, &w->pace[i]);
    }
    count_unfinished(w, conns);
    for (unsigned long i = 0; i < w->conns; i++)
        load_conn_done(&conns[i]);
    free(conns);
    close(w->epoll);
    return NULL;
}

/* Sums the CPU time of the given processes, in microseconds (proc(5), stat: utime, stime). */
static uint64_t cpu_us(void)
{
    uint64_t ticks = 0;

    for (size_t i = 0; i < load_options.pids_count; i++) {
        char path[64];
        char line[1024] = { 0 };
        unsigned long user = 0;
        unsigned long kernel = 0;
        const char *p;
        FILE *in;

        snprintf(path, sizeof(path), "/proc/%lu/stat", load_options.pids[i]);
        in = fopen(path, "re");
        if (!in || !fgets(line, sizeof(line), in))
            load_die(path);
        fclose(in);
        p = strrchr(line, ')');
        if (!p || sscanf(p + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user,
                         &kernel) != 2)
            load_die(path);
        ticks += user + kernel;
    }
    return ticks * 1000000u / (uint64_t)sysconf(_SC_CLK_TCK);
}

static void pause_ms(unsigned long ms)
{
    struct timespec t = { .tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000 };

    nanosleep(&t, NULL);
}

static void workers_start(struct worker *workers)
{
    unsigned long first = 0;

    waiting = load_options.threads;
    for (unsigned long i = 0; i < load_options.threads; i++) {
        struct worker *w = &workers[i];

        w->first = first;
        w->conns = load_options.connections / load_options.threads +
                   (i < load_options.connections % load_options.threads);
        first += w->conns;
        if (getrandom(&w->seed, sizeof(w->seed), 0) < 8 ||
            pthread_create(&w->thread, NULL, worker_run, w) != 0)
            load_die("worker");
    }
}

static void report(const struct load_tally *all, uint64_t took_ns, uint64_t cpu)
{
    static const struct {
        const char *name;
        unsigned per_mille;
    } shown[] = { { "p50", 500 }, { "p90", 900 }, { "p99", 990 }, { "p999", 999 } };

    printf("rps=%.0f", (double)all->answers * 1e9 / (double)took_ns);
    for (size_t i = 0; i < sizeof(shown) / sizeof(shown[0]); i++)
        printf(" %s_us=%" PRIu64, shown[i].name, load_tally_quantile(all, shown[i].per_mille));
    printf(" max_us=%" PRIu64 " refused=%" PRIu64 " broken=%" PRIu64 " unfinished=%" PRIu64
           " cpu_us=%.1f\n",
           all->max_us, all->refused, all->broken, all->unfinished,
           all->answers ? (double)cpu / (double)all->answers : 0.0);
}

int main(int argc, char **argv)
{
    static struct load_tally all;
    struct worker *workers;
    uint64_t cpu;
    uint64_t took;

    load_options_read(argc, argv);
    load_server_open();
    workers = calloc(load_options.threads, sizeof(*workers));
    if (!workers)
        load_die("calloc");
    workers_start(workers);
    for (unsigned ms = 0; waiting > 0; ms++) {
        if (ms == READY_MS)
            load_die("not all connections came about");
        pause_ms(1);
    }
    pause_ms(load_options.warm_ms);
    cpu = cpu_us();
    took = load_now_ns();
    phase = RUN;
    pause_ms(load_options.run_ms);
    end_ns = load_now_ns();
    phase = STOP;
    took = end_ns - took;
    cpu = cpu_us() - cpu;
    for (unsigned long i = 0; i < load_options.threads; i++) {
        pthread_join(workers[i].thread, NULL);
        load_tally_join(&all, &workers[i].tally);
    }
    if (load_options.save && fclose(load_options.save) != 0)
        load_die("tokens");
    if (load_options.hist)
        load_tally_write(&all, load_options.hist);
    report(&all, took, cpu);
    free(workers);
    load_server_close();
    return all.answers == 0 || all.refused > 0;
}
