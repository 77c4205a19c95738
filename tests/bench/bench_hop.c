/*
 * bench_hop.c - one request over and over on kept connections, and what it costs each process: a
 * path that the front answers by itself beside one that goes through the core tells the price of
 * the hop between them. hop.py drives it.
 *
 * bench_hop PATH|MODE -A CA [-C CERT -K KEY] [-p PORT] [-c CONNECTIONS] [-w WARM_MS] [-r RUN_MS]
 * [-P PID,...]: a path is asked for by GET, MODE is one of bench_load's. Prints one line of
 * name=value; cpu_us has the CPU time per request of each process in the order of -P, then of this
 * program, with commas between.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "tests/bench/load.h"

#define TICK_MS      20
#define PATH_MAX_LEN 128

static char request[PATH_MAX_LEN + 128]; /* empty: those of the mode */
static uint64_t seed;
static struct load_tally tally;
static uint64_t broken;

_Noreturn void load_die(const char *what)
{
    fprintf(stderr, "bench_hop: %s: %s\n", what, errno ? strerror(errno) : "failed");
    exit(1);
}

uint64_t load_now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void request_lay_out(struct load_conn *c)
{
    if (request[0] == 0) {
        load_conn_begin(c, &seed, load_now_ns());
        return;
    }
    c->request_len = strlen(request);
    memcpy(c->request, request, c->request_len);
    c->sent = c->got = c->reply_len = 0;
    c->state = LOAD_WRITING;
    c->due_ns = load_now_ns();
}

/* Goes on with a connection until it waits for its socket. */
static void advance(struct load_conn *c, int epoll)
{
    enum load_step step;

    while ((step = load_conn_step(c)) != LOAD_WAIT) {
        if (step == LOAD_BROKEN) {
            if (++broken > 1000)
                load_die("too many broken connections");
            load_conn_close(c);
            load_conn_open(c, epoll);
            return;
        }
        if (step == LOAD_ANSWERED) {
            load_tally_add(&tally, (load_now_ns() - c->due_ns) / 1000);
            tally.refused += c->status != 200; /* of each of these a success is 200 */
        }
        request_lay_out(c);
    }
}

static void serve_until(uint64_t end_ns, int epoll)
{
    struct epoll_event events[128];

    while (load_now_ns() < end_ns) {
        int n = epoll_wait(epoll, events, 128, TICK_MS);

        for (int i = 0; i < n; i++)
            advance(events[i].data.ptr, epoll);
    }
}

/* Nanoseconds on a CPU of all threads of a process (proc(5), schedstat). */
static uint64_t cpu_ns(unsigned long pid)
{
    char command[64], path[64], line[128];
    uint64_t sum = 0, ns;
    FILE *list, *in;

    snprintf(command, sizeof(command), "ls /proc/%lu/task", pid);
    list = popen(command, "re");
    while (list && fgets(line, sizeof(line), list)) {
        snprintf(path, sizeof(path), "/proc/%lu/task/%lu/schedstat", pid, strtoul(line, NULL, 10));
        in = fopen(path, "re");
        if (in && fscanf(in, "%" SCNu64, &ns) == 1)
            sum += ns;
        if (in)
            fclose(in);
    }
    if (!list || pclose(list) != 0 || sum == 0)
        load_die("schedstat");
    return sum;
}

static uint64_t own_cpu_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* What each process has used so far, this one last. */
static void cpu_read(uint64_t cpu[static LOAD_PIDS_MAX + 1])
{
    for (size_t i = 0; i < load_options.pids_count; i++)
        cpu[i] = cpu_ns(load_options.pids[i]);
    cpu[load_options.pids_count] = own_cpu_ns();
}

static void report(const uint64_t *before, const uint64_t *after, uint64_t took_ns)
{
    double answers = (double)tally.answers;

    printf("rps=%.0f p50_us=%" PRIu64 " p99_us=%" PRIu64 " refused=%" PRIu64 " broken=%" PRIu64
           " cpu_us=",
           answers * 1e9 / (double)took_ns, load_tally_quantile(&tally, 500),
           load_tally_quantile(&tally, 990), tally.refused, broken);
    for (size_t i = 0; i <= load_options.pids_count; i++)
        printf("%s%.2f", i ? "," : "",
               (double)(after[i] - before[i]) / 1000 / (answers > 0 ? answers : 1));
    printf("\n");
}

/* Warms up, measures, reports. */
static void measure(int epoll)
{
    uint64_t before[LOAD_PIDS_MAX + 1], after[LOAD_PIDS_MAX + 1], began;

    serve_until(load_now_ns() + load_options.warm_ms * 1000000u, epoll);
    tally = (struct load_tally){ .answers = 0 };
    cpu_read(before);
    began = load_now_ns();
    serve_until(began + load_options.run_ms * 1000000u, epoll);
    began = load_now_ns() - began;
    cpu_read(after);
    report(before, after, began);
}

/* A path in place of a mode: the options want one, its requests are not sent. */
static void path_read(char **argv)
{
    static char mode[] = "lookup";

    if (strlen(argv[1]) > PATH_MAX_LEN)
        load_die("the path is too long");
    snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", argv[1]);
    argv[1] = mode;
}

int main(int argc, char **argv)
{
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    struct load_conn *conns;

    if (argc > 1 && argv[1][0] == '/')
        path_read(argv);
    load_options_read(argc, argv);
    load_server_open();
    conns = calloc(load_options.connections, sizeof(*conns));
    if (!conns || epoll < 0 || getrandom(&seed, sizeof(seed), 0) < (ssize_t)sizeof(seed))
        load_die("start");
    for (unsigned long i = 0; i < load_options.connections; i++) {
        load_conn_init(&conns[i], load_options.mode);
        load_conn_open(&conns[i], epoll);
    }
    measure(epoll);
    for (unsigned long i = 0; i < load_options.connections; i++)
        load_conn_done(&conns[i]);
    free(conns);
    close(epoll);
    load_server_close();
    return tally.answers == 0 || tally.refused > 0;
}
