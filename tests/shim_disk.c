/*
 * shim_disk.c - a disk that is slow or full on command: calls that write files, put before libc's.
 *
 * Built as a shared library, for LD_PRELOAD. Environment:
 *   HUFU_SHIM_DISK  file read anew at each call; while it is not there nothing is changed. One line
 *                   `MODE NUMBER FOLDER`; only files below the folder are meant. MODE:
 *                     slow   a flush, or a write that includes one, first waits NUMBER ms
 *                     full   every write and growth fails with ENOSPC, as on a file system that
 *                            copies what it overwrites
 *                     grow   only what would make a file larger fails
 * LMDB's meta pages can be written in every mode: it overwrites them at the head of its file after
 * all else of a commit, and no file system refuses so little.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define TEXT_LEN 512
#define HEAD_LEN 8192 /* two meta pages */
#define META_LEN 512  /* a meta page is written without its rest */

enum mode { FAST, SLOW, FULL, GROW };
struct rule {
    enum mode mode;
    unsigned long number;
    char folder[TEXT_LEN];
};

/* A pointer to a function cannot be had from dlsym without a detour. */
static void real_find(const char *name, void *function, size_t len)
{
    void *found = dlsym(RTLD_NEXT, name);

    if (!found || len != sizeof(found))
        abort();
    memcpy(function, &found, len);
}

#define REAL(function)                                                                             \
    static __typeof__(function) *real;                                                             \
    if (!real)                                                                                     \
    real_find(#function, &real, sizeof(real))

/* What holds now. errno stays. */
static struct rule rule_read(void)
{
    static const char *const names[] = { [SLOW] = "slow", [FULL] = "full", [GROW] = "grow" };
    const char *path = getenv("HUFU_SHIM_DISK");
    int held = errno, fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    char text[TEXT_LEN] = { 0 }, word[8];
    struct rule rule = { .mode = FAST };
    ssize_t n = 0;

    if (fd >= 0) {
        n = read(fd, text, sizeof(text) - 1);
        close(fd);
    }
    if (n > 0 && sscanf(text, "%7s %lu %511s", word, &rule.number, rule.folder) == 3)
        for (int i = SLOW; i <= GROW; i++)
            if (strcmp(word, names[i]) == 0)
                rule.mode = (enum mode)i;
    errno = held;
    return rule;
}

static bool is_meant(const struct rule *rule, int fd)
{
    char link[64], path[PATH_MAX];
    int held = errno;
    ssize_t n;

    if (rule->mode == FAST)
        return false;
    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    n = readlink(link, path, sizeof(path) - 1);
    errno = held;
    return n > 0 && strncmp(path, rule->folder, strlen(rule->folder)) == 0;
}

static void wait_ms(unsigned long ms)
{
    struct timespec wait = { (time_t)(ms / 1000), (long)(ms % 1000) * 1000000L };
    int held = errno;

    nanosleep(&wait, NULL);
    errno = held;
}

static void before_flush(int fd)
{
    struct rule rule = rule_read();

    if (rule.mode == SLOW && is_meant(&rule, fd))
        wait_ms(rule.number);
}

static off_t place_end(int fd)
{
    struct stat st;

    return fstat(fd, &st) == 0 ? st.st_size : 0;
}

/* False with ENOSPC where len bytes cannot be written at this place. */
static bool may_write(int fd, off_t at, size_t len)
{
    struct rule rule = rule_read();
    bool grows;

    if (!is_meant(&rule, fd))
        return true;
    if (rule.mode == SLOW) {
        if (fcntl(fd, F_GETFL) & O_DSYNC)
            wait_ms(rule.number);
        return true;
    }
    grows = at + (off_t)len > place_end(fd);
    if ((rule.mode == GROW && !grows) || (!grows && len <= META_LEN && at < HEAD_LEN))
        return true;
    errno = ENOSPC;
    return false;
}

static off_t place_of(int fd)
{
    int held = errno;
    off_t at = (fcntl(fd, F_GETFL) & O_APPEND) ? lseek(fd, 0, SEEK_END) : lseek(fd, 0, SEEK_CUR);

    errno = held;
    return at < 0 ? 0 : at;
}

static size_t vector_len(const struct iovec *v, int count)
{
    size_t len = 0;

    for (int i = 0; i < count; i++)
        len += v[i].iov_len;
    return len;
}

int fdatasync(int fd)
{
    REAL(fdatasync);
    before_flush(fd);
    return real(fd);
}

int fsync(int fd)
{
    REAL(fsync);
    before_flush(fd);
    return real(fd);
}

/* Sockets and pipes come by here too: they lie below no folder. */
ssize_t write(int fd, const void *p, size_t len)
{
    REAL(write);
    return may_write(fd, place_of(fd), len) ? real(fd, p, len) : -1;
}

ssize_t writev(int fd, const struct iovec *v, int count)
{
    REAL(writev);
    return may_write(fd, place_of(fd), vector_len(v, count)) ? real(fd, v, count) : -1;
}

ssize_t pwrite(int fd, const void *p, size_t len, off_t at)
{
    REAL(pwrite);
    return may_write(fd, at, len) ? real(fd, p, len, at) : -1;
}

ssize_t pwritev(int fd, const struct iovec *v, int count, off_t at)
{
    REAL(pwritev);
    return may_write(fd, at, vector_len(v, count)) ? real(fd, v, count, at) : -1;
}

ssize_t pwritev2(int fd, const struct iovec *v, int count, off_t at, int flags)
{
    REAL(pwritev2);
    if (flags & (RWF_DSYNC | RWF_SYNC))
        before_flush(fd);
    return may_write(fd, at, vector_len(v, count)) ? real(fd, v, count, at, flags) : -1;
}

int fallocate(int fd, int mode, off_t at, off_t len)
{
    REAL(fallocate);
    return may_write(fd, at, (size_t)len) ? real(fd, mode, at, len) : -1;
}

/* It returns what is wrong. */
int posix_fallocate(int fd, off_t at, off_t len)
{
    REAL(posix_fallocate);
    return may_write(fd, at, (size_t)len) ? real(fd, at, len) : ENOSPC;
}

int ftruncate(int fd, off_t len)
{
    REAL(ftruncate);
    return len < place_end(fd) || may_write(fd, len, 0) ? real(fd, len) : -1;
}

/* The same calls under the names of large files. */
#define ALIAS(name) __attribute__((alias(#name)))
ssize_t pwrite64(int fd, const void *p, size_t len, off_t at) ALIAS(pwrite);
ssize_t pwritev64(int fd, const struct iovec *v, int count, off_t at) ALIAS(pwritev);
ssize_t pwritev64v2(int fd, const struct iovec *v, int count, off_t at, int flags) ALIAS(pwritev2);
int fallocate64(int fd, int mode, off_t at, off_t len) ALIAS(fallocate);
int posix_fallocate64(int fd, off_t at, off_t len) ALIAS(posix_fallocate);
int ftruncate64(int fd, off_t len) ALIAS(ftruncate);
