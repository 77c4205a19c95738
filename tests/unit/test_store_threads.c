/*
 * The store under threads, as the vault runs it: a journal and a map thread, writers that race for
 * the same rows, readers and a rewrite of all rows beside them. Meant for -fsanitize=thread too.
 */
#include <pthread.h>

#include "tests/unit/store_house.h"

#define WRITERS   2
#define READERS   2
#define ROUNDS    1500 /* tries of each writer */
#define FILL_ROWS 64
#define IMAGE_LEN 17
#define VERSION   255 /* of the last rewrite */

static struct house house;
static atomic_bool stopping, readers_stop;
static atomic_uint_least64_t won, looked, rewritten;

#define FAIL(text)                                                                                 \
    do {                                                                                           \
        fprintf(stderr, "store threads: %s\n", text);                                              \
        exit(1);                                                                                   \
    } while (0)

/* Two rows at both ends of a table, always written by one operation and with the same number. */
static const uint8_t low[] = { TABLE_TOKEN, 0 }, high[] = { TABLE_TOKEN, 255 };

struct wait {
    pthread_mutex_t mu;
    pthread_cond_t cv;
    bool done;
};

static void draft_done(struct store_draft *draft)
{
    struct wait *wait = draft->arg;

    pthread_mutex_lock(&wait->mu);
    wait->done = true;
    pthread_cond_signal(&wait->cv);
    pthread_mutex_unlock(&wait->mu);
}

static void done_wait(struct wait *wait)
{
    pthread_mutex_lock(&wait->mu);
    while (!wait->done)
        pthread_cond_wait(&wait->cv, &wait->mu);
    pthread_mutex_unlock(&wait->mu);
}

static enum hufu_err run(struct store_draft *draft, struct wait *wait)
{
    enum hufu_err err;

    wait->done = false;
    draft->done = draft_done;
    draft->arg = wait;
    err = store_submit(house.s, draft);
    if (err != HUFU_OK)
        return err;
    done_wait(wait);
    return draft->err;
}

/* Image: 8 bytes for the seal, then a number, then a version that rewrites raise. */
static uint64_t image_number(struct view image)
{
    struct reader r;
    uint64_t v;

    reader_init(&r, image.p, image.len);
    (void)reader_u64(&r);
    v = reader_u64(&r);
    (void)reader_u8(&r);
    if (reader_end(&r) != HUFU_OK)
        FAIL("a row of another length");
    return v;
}

static uint64_t row_number(struct store_reader *r, struct view key, struct store_seen *seen)
{
    uint8_t mem[IMAGE_LEN];
    struct buf b;
    enum hufu_err err;

    buf_fixed(&b, mem, sizeof(mem));
    err = store_find(r, key, &b, seen);
    if (err == HUFU_NOT_FOUND)
        return 0;
    if (err != HUFU_OK)
        FAIL("store_find");
    return image_number(buf_view(&b));
}

static void image_print(uint8_t image[static IMAGE_LEN], uint64_t v)
{
    struct buf b;

    buf_fixed(&b, image, IMAGE_LEN);
    buf_u64(&b, 0);
    buf_u64(&b, v);
    buf_u8(&b, 0);
}

/* Reads the number, writes one more into both rows if nobody was faster, and one row to fill. */
static void round_run(struct store_reader *r, struct wait *wait, unsigned who, unsigned n)
{
    struct house_entry entry = { .text = "round" };
    uint8_t image[3][IMAGE_LEN],
        fill[4] = { TABLE_TOKEN, (uint8_t)(1 + who), (uint8_t)(n % FILL_ROWS), 0 };
    struct store_pre pre = { .kind = PRE_ROW, .key = view_of(low, sizeof(low)) };
    struct store_write write[3] = { { view_of(low, sizeof(low)), image[0], IMAGE_LEN },
                                    { view_of(high, sizeof(high)), image[1], IMAGE_LEN },
                                    { view_of(fill, sizeof(fill)), image[2], IMAGE_LEN } };
    struct store_op op = { .pre = &pre,
                           .pre_count = 1,
                           .write = write,
                           .write_count = 3,
                           .entry = (struct entry_draft *)&entry };
    struct store_draft draft = { .op = &op, .op_count = 1 };
    uint64_t v = row_number(r, pre.key, &pre.seen);
    enum hufu_err err;

    for (size_t i = 0; i < 3; i++)
        image_print(image[i], v + 1);
    err = run(&draft, wait);
    if (err == HUFU_OK)
        atomic_fetch_add(&won, 1);
    else if (err != HUFU_PRECONDITION && err != HUFU_BUSY)
        FAIL(err_name(err));
}

static void *writer_loop(void *arg)
{
    struct wait wait = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false };
    unsigned who = (unsigned)(uintptr_t)arg;
    struct store_reader *r = NULL;

    if (store_reader_new(house.s, &r) != HUFU_OK)
        FAIL("reader");
    for (unsigned n = 0; n < ROUNDS; n++)
        round_run(r, &wait, who, n);
    store_reader_free(r);
    return NULL;
}

struct pair {
    uint64_t low, high;
};

static bool pair_each(void *arg, struct view key, uint64_t seq, struct view image)
{
    struct pair *pair = arg;

    (void)seq;
    if (key.len == sizeof(low) && key.p[1] == 0)
        pair->low = image_number(image);
    if (key.len == sizeof(high) && key.p[1] == 255)
        pair->high = image_number(image);
    return true;
}

/* One scan sees one moment; a find never goes back; the log only grows. */
static void *reader_loop(void *arg)
{
    static const uint8_t prefix[] = { TABLE_TOKEN };
    struct store_reader *r = NULL;
    uint64_t last = 0, size = 0;
    struct buf next;

    (void)arg;
    buf_init(&next, 1024);
    if (store_reader_new(house.s, &r) != HUFU_OK)
        FAIL("reader");
    while (!atomic_load(&readers_stop)) {
        struct pair pair = { 0, 0 };
        struct store_seen seen;
        struct merkle log;
        uint64_t v;

        if (store_scan(r, view_of(prefix, 1), (struct view){ 0 }, 1000, pair_each, &pair, &next) !=
            HUFU_OK)
            FAIL("store_scan");
        if (pair.low != pair.high || pair.low < last)
            FAIL("a scan that is not of one moment");
        v = row_number(r, view_of(high, sizeof(high)), &seen);
        if (v < pair.low)
            FAIL("a row that went back");
        last = v;
        store_log(house.s, &log);
        if (log.size < size)
            FAIL("a log that shrank");
        size = log.size;
        atomic_fetch_add(&looked, 1);
    }
    store_reader_free(r);
    buf_done(&next);
    return NULL;
}

struct raise {
    struct store_rewrite job;
    struct wait wait;
    uint8_t version;
};

static enum hufu_err raise_each(void *arg, struct rewrite *rw, struct view key, uint64_t seq,
                                struct view image)
{
    const struct raise *raise = arg;
    uint8_t mem[IMAGE_LEN];

    if (image.len != IMAGE_LEN)
        FAIL("a row of another length in the map");
    memcpy(mem, image.p, IMAGE_LEN);
    mem[IMAGE_LEN - 1] = raise->version;
    return rewrite_put(rw, key, seq, view_of(mem, IMAGE_LEN));
}

static void raise_done(struct store_rewrite *job)
{
    struct raise *raise = job->arg;

    pthread_mutex_lock(&raise->wait.mu);
    raise->wait.done = true;
    pthread_cond_signal(&raise->wait.cv);
    pthread_mutex_unlock(&raise->wait.mu);
}

/* One pass over all rows, in chunks of 10. */
static void raise_run(struct raise *raise)
{
    static const uint8_t prefix[] = { TABLE_TOKEN };

    do {
        raise->job = (struct store_rewrite){ .prefix = view_of(prefix, 1),
                                             .name = view_str("raise"),
                                             .rows_max = 10,
                                             .each = raise_each,
                                             .done = raise_done,
                                             .arg = raise };
        raise->wait.done = false;
        if (store_rewrite(house.s, &raise->job) != HUFU_OK)
            FAIL("store_rewrite");
        done_wait(&raise->wait);
        if (raise->job.err != HUFU_OK)
            FAIL(err_name(raise->job.err));
        atomic_fetch_add(&rewritten, raise->job.changed);
    } while (!raise->job.ended);
}

/* Rewrites as long as anyone writes, and once more when all of it is in the map. */
static void *raise_loop(void *arg)
{
    struct raise raise = { .wait = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false } };
    struct store_numbers n;

    (void)arg;
    while (!atomic_load(&readers_stop)) {
        raise.version = (uint8_t)((raise.version + 1) % VERSION);
        raise_run(&raise);
    }
    for (store_numbers(house.s, &n); n.applied < n.seq; store_numbers(house.s, &n))
        usleep(1000);
    raise.version = VERSION;
    raise_run(&raise);
    return NULL;
}

static bool version_each(void *arg, struct view key, uint64_t seq, struct view image)
{
    size_t *count = arg;

    (void)key;
    (void)seq;
    if (image.len != IMAGE_LEN || image.p[IMAGE_LEN - 1] != VERSION)
        FAIL("a row that the last rewrite missed");
    (*count)++;
    return true;
}

static void versions_check(void)
{
    static const uint8_t prefix[] = { TABLE_TOKEN };
    struct buf next;
    size_t count = 0;

    buf_init(&next, 1024);
    if (store_scan(house.r, view_of(prefix, 1), (struct view){ 0 }, 1000, version_each, &count,
                   &next) != HUFU_OK ||
        count < FILL_ROWS || next.len > 0)
        FAIL("rows that are gone");
    buf_done(&next);
}

static void *journal_loop(void *arg)
{
    (void)arg;
    while (!atomic_load(&stopping)) {
        store_journal_wait(house.s);
        while (store_journal_step(house.s))
            ;
    }
    return NULL;
}

static void *map_loop(void *arg)
{
    (void)arg;
    while (!atomic_load(&stopping)) {
        store_map_wait(house.s);
        while (store_map_step(house.s, false))
            ;
    }
    return NULL;
}

int main(void)
{
    pthread_t journal, map, raise, writers[WRITERS], readers[READERS];
    struct store_seen seen;
    struct store_numbers n;

    house_init(&house);
    house.set.clock = &clock_system;
    house.set.generation_ops = 50;
    house.set.recent_bytes = 32768;
    house.set.flush_ms = 20;
    house.set.slice_ops = 8;
    if (house_open(&house) != HUFU_OK)
        FAIL("open");
    pthread_create(&journal, NULL, journal_loop, NULL);
    pthread_create(&map, NULL, map_loop, NULL);
    pthread_create(&raise, NULL, raise_loop, NULL);
    for (uintptr_t i = 0; i < READERS; i++)
        pthread_create(&readers[i], NULL, reader_loop, NULL);
    for (uintptr_t i = 0; i < WRITERS; i++)
        pthread_create(&writers[i], NULL, writer_loop, (void *)i);
    for (size_t i = 0; i < WRITERS; i++)
        pthread_join(writers[i], NULL);
    atomic_store(&readers_stop, true);
    for (size_t i = 0; i < READERS; i++)
        pthread_join(readers[i], NULL);
    pthread_join(raise, NULL);
    atomic_store(&stopping, true);
    store_stop(house.s);
    pthread_join(journal, NULL);
    pthread_join(map, NULL);
    store_numbers(house.s, &n);
    /* each win read the number of the one before it: none was lost, none counted twice */
    if (row_number(house.r, view_of(low, sizeof(low)), &seen) != won || n.seq != won || won == 0)
        FAIL("a lost update");
    if (n.applied == 0 || looked == 0)
        FAIL("nothing was flushed, or nothing read");
    if (n.rewritten != rewritten)
        FAIL("rewritten rows that nobody counted");
    versions_check();
    house_close(&house);
    if (house_open(&house) != HUFU_OK)
        FAIL("open again");
    if (row_number(house.r, view_of(high, sizeof(high)), &seen) != won)
        FAIL("a lost update after the restart");
    versions_check();
    printf("store threads: %u won of %d, %u looks, %u slices, %u rewritten\n", (unsigned)won,
           WRITERS * ROUNDS, (unsigned)looked, (unsigned)n.slices, (unsigned)rewritten);
    house_done(&house);
    return 0;
}
