/*
 * The journal is cut off at any system call of its own: a seeded row of groups, idle turns and
 * upkeep, and before and after some of the calls its folder is copied as it is then - what was not
 * synced with some of its sectors only - and the copy is opened. What was answered is there, the
 * group at hand is there whole or not at all, and nothing else is.
 * HUFU_SEED=n runs that seed alone; HUFU_SEEDS=n runs that many.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/uio.h>

#include "tests/unit/store_house.h"
#include "vault/store/journal.h"

#define SEGMENT 16384u
#define STEPS   150
#define SECTOR  512

static struct {
    struct house house; /* for its folder only */
    struct journal j;
    uint64_t seed, random, step;
    bool on, inside;                   /* calls are cut at; a copy is being looked at */
    uint64_t size, groups, more_lines; /* answered; of the group at hand, where one is written */
    bool writes;
    uint64_t applied;  /* the map's */
    char unsynced[17]; /* number of the segment whose last write was not synced, as in its name */
    uint64_t at, len;
    uint8_t old[4 * SEGMENT]; /* what stood there before */
    size_t cuts, ahead;       /* copies opened; of those, with the group at hand in them */
} world;

#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "seed %" PRIu64 " step %" PRIu64 ": %s:%d: %s\n", world.seed,          \
                    world.step, __FILE__, __LINE__, #condition);                                   \
            exit(1);                                                                               \
        }                                                                                          \
    } while (0)

static uint64_t draw(uint64_t below)
{
    uint64_t z = (world.random += 0x9e3779b97f4a7c15u);

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return (z ^ z >> 31) % below;
}

static char copy_dir[80];

static void file_copy(const char *from, const char *to)
{
    static uint8_t bytes[65536];
    int in = open(from, O_RDONLY), out = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    ssize_t n;

    MUST(in >= 0 && out >= 0);
    while ((n = read(in, bytes, sizeof(bytes))) > 0)
        MUST(write(out, bytes, (size_t)n) == n);
    MUST(n == 0);
    close(in);
    close(out);
}

static int file_visit(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    char to[256];

    (void)st;
    (void)ftw;
    snprintf(to, sizeof(to), "%s%s", copy_dir, path + strlen(world.house.dir));
    if (kind == FTW_D)
        MUST(mkdir(to, 0700) == 0);
    else
        file_copy(path, to);
    return 0;
}

/* Some sectors of what was not synced are what they were. */
static void sectors_lose(void)
{
    uint64_t order = draw(3), keep = draw(world.len / SECTOR + 1);
    char path[160];
    int fd;

    snprintf(path, sizeof(path), "%s/journal/segment-%s", copy_dir, world.unsynced);
    fd = open(path, O_WRONLY);
    MUST(fd >= 0);
    for (uint64_t i = 0; i < world.len / SECTOR; i++) {
        bool kept = order == 0 ? i < keep : order == 1 ? i >= keep : draw(2) == 0;

        if (!kept)
            MUST(pwrite(fd, world.old + i * SECTOR, SECTOR, (off_t)(world.at + i * SECTOR)) ==
                 SECTOR);
    }
    close(fd);
}

static bool line_check(void *arg, uint64_t index, struct view line)
{
    char want[64];

    snprintf(want, sizeof(want), "line %" PRIu64 "%*s", index, (int)(index % 40), "");
    MUST(view_is(line, want));
    ++*(uint64_t *)arg;
    return true;
}

static enum hufu_err writes_check(void *arg, uint64_t seq, struct view writes)
{
    char want[64];

    snprintf(want, sizeof(want), "writes %" PRIu64, seq);
    MUST(view_is(writes, want));
    ++*(uint64_t *)arg;
    return HUFU_OK;
}

static void journal_check(struct journal *j)
{
    uint64_t size = j->state.log.size, count = 0;
    struct tail_view tail;
    MDB_txn *txn = NULL;

    tail_take(&j->tail, &tail);
    MUST(mdb_txn_begin(j->archive.env, NULL, MDB_RDONLY, &txn) == 0);
    MUST(journal_lines(j, &tail, txn, 0, size, line_check, &count) == HUFU_OK && count == size);
    mdb_txn_abort(txn);
    tail_view_drop(&tail);
    count = 0;
    MUST(journal_read(j, world.applied, writes_check, &count) == HUFU_OK);
    MUST(count == size - world.applied);
}

/* The power goes here: what does a restart find? */
static void cut(void)
{
    int kept = errno;
    struct journal j;
    bool ahead;

    if (!world.on || world.inside || draw(8) != 0)
        return;
    world.inside = true;
    MUST(nftw(world.house.dir, file_visit, 8, FTW_PHYS) == 0);
    if (world.unsynced[0] && draw(4) != 0)
        sectors_lose();
    MUST(journal_open(copy_dir, 8u << 20, SEGMENT, &j) == HUFU_OK);
    ahead = j.state.groups > world.groups;
    MUST(j.state.groups == world.groups + ahead && (!ahead || world.writes));
    MUST(j.state.log.size == world.size + (ahead ? world.more_lines : 0));
    journal_check(&j);
    journal_close(&j);
    MUST(journal_open(copy_dir, 8u << 20, SEGMENT, &j) == HUFU_OK); /* and it stays so */
    MUST(j.state.groups == world.groups + ahead);
    journal_close(&j);
    nftw(copy_dir, house_remove, 8, FTW_DEPTH | FTW_PHYS);
    world.cuts++;
    world.ahead += ahead;
    world.inside = false;
    errno = kept;
}

#define REAL(type, name)                                                                           \
    union {                                                                                        \
        void *p;                                                                                   \
        type;                                                                                      \
    } real = { .p = dlsym(RTLD_NEXT, name) }

int mdb_txn_commit(MDB_txn *txn)
{
    REAL(int (*f)(MDB_txn *), "mdb_txn_commit");
    int rc;

    cut();
    rc = real.f(txn);
    cut();
    return rc;
}

ssize_t pwritev(int fd, const struct iovec *iov, int count, off_t at)
{
    REAL(ssize_t(*f)(int, const struct iovec *, int, off_t), "pwritev");
    char link[64], path[160] = "";
    const char *name;
    ssize_t n;

    cut();
    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    name = readlink(link, path, sizeof(path) - 1) > 0 ? strstr(path, "/segment-") : NULL;
    if (name && !world.inside)
        MUST(pread(fd, world.old, sizeof(world.old), at) >= 0);
    n = real.f(fd, iov, count, at);
    if (name && !world.inside) {
        MUST(n > 0 && (size_t)n <= sizeof(world.old));
        memcpy(world.unsynced, name + strlen("/segment-"), sizeof(world.unsynced) - 1);
        world.at = (uint64_t)at;
        world.len = (uint64_t)n;
    }
    cut();
    return n;
}

int fdatasync(int fd)
{
    REAL(int (*f)(int), "fdatasync");
    int rc;

    cut();
    rc = real.f(fd);
    if (!world.inside)
        world.unsynced[0] = '\0';
    cut();
    return rc;
}

int renameat(int from_fd, const char *from, int to_fd, const char *to)
{
    REAL(int (*f)(int, const char *, int, const char *), "renameat");
    int rc;

    cut();
    rc = real.f(from_fd, from, to_fd, to);
    cut();
    return rc;
}

int unlinkat(int fd, const char *name, int flags)
{
    REAL(int (*f)(int, const char *, int), "unlinkat");
    int rc;

    cut();
    rc = real.f(fd, name, flags);
    cut();
    return rc;
}

static void append(size_t count, bool large)
{
    static uint8_t big[2 * SEGMENT];
    struct segment_item item[40];
    struct journal_meta meta = { view_str("key"), view_of(big, large ? sizeof(big) : 9) };
    struct journal_group group = { .item = item, .item_count = count, .now_ms = world.step };
    struct buf lines, writes;
    char text[64];

    buf_init(&lines, 65536);
    buf_init(&writes, 65536);
    for (size_t i = 0; i < count; i++) {
        uint64_t seq = world.size + i;

        snprintf(text, sizeof(text), "line %" PRIu64 "%*s", seq, (int)(seq % 40), "");
        buf_str(&lines, text);
        snprintf(text, sizeof(text), "writes %" PRIu64, seq);
        buf_str(&writes, text);
        item[i] = (struct segment_item){ lines.len, writes.len };
    }
    group.lines = buf_view(&lines);
    group.writes = buf_view(&writes);
    group.meta = &meta;
    group.meta_count = large || count == 0;
    world.more_lines = count;
    world.writes = true;
    MUST(journal_append(&world.j, &group) == HUFU_OK);
    world.writes = false;
    world.size += count;
    world.groups++;
    buf_done(&lines);
    buf_done(&writes);
}

static void step(void)
{
    uint64_t what = draw(20);
    bool did;

    if (what < 9) {
        append(draw(3) ? 1 : draw(40), draw(30) == 0);
    } else if (what < 10) {
        struct journal_group idle = { .applied = world.applied, .idle = true };

        MUST(journal_append(&world.j, &idle) == HUFU_OK);
    } else if (what < 13) {
        world.applied += draw(world.size - world.applied + 1);
    } else if (what < 19) {
        MUST(journal_tend(&world.j, world.applied, draw(2) ? world.groups : 0, &did) == HUFU_OK);
    } else {
        journal_close(&world.j);
        MUST(journal_open(world.house.dir, 8u << 20, SEGMENT, &world.j) == HUFU_OK);
        journal_check(&world.j);
    }
    MUST(world.j.state.log.size == world.size && world.j.state.groups == world.groups);
    MUST(journal_trimmed(&world.j) <= world.applied);
}

static void seed_run(uint64_t seed)
{
    size_t cuts = world.cuts, ahead = world.ahead;

    memset(&world, 0, sizeof(world));
    world.seed = world.random = seed;
    world.cuts = cuts;
    world.ahead = ahead;
    house_init(&world.house);
    snprintf(copy_dir, sizeof(copy_dir), "%s.cut", world.house.dir);
    MUST(journal_open(world.house.dir, 8u << 20, SEGMENT, &world.j) == HUFU_OK);
    world.on = true;
    for (; world.step < STEPS; world.step++)
        step();
    world.on = false;
    journal_close(&world.j);
    house_done(&world.house);
}

int main(void)
{
    const char *one = getenv("HUFU_SEED"), *many = getenv("HUFU_SEEDS");
    uint64_t first = one ? strtoull(one, NULL, 10) : 1;
    uint64_t count = many ? strtoull(many, NULL, 10) : one ? 1 : 6;

    for (uint64_t i = 0; i < count; i++)
        seed_run(first + i);
    printf("journal cut: %" PRIu64 " seeds, %zu cuts, the group at hand was there %zu times\n",
           count, world.cuts, world.ahead);
    return count >= 6 && (world.ahead == 0 || world.ahead == world.cuts);
}
