/*
 * disk_faults.h - a disk that fails where a test says so: commits of LMDB, and the writes and syncs
 * of the journal's segments.
 *
 * Layer:   tests. Stands before LMDB's and the C library's own functions: include it once a
 *          program.
 * Threads: one.
 */
#ifndef HUFU_TESTS_DISK_FAULTS_H
#define HUFU_TESTS_DISK_FAULTS_H

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include <lmdb.h>

#define FAULT_SECTOR 512
#define FAULT_PAGE   4096

enum fault_kind {
    FAULT_NONE,
    FAULT_COMMIT, /* a commit of LMDB; rc may be one of its own */
    FAULT_WRITE,  /* of a group: nothing is written */
    FAULT_PART,   /* of a group: its beginning is, the rest is not */
    FAULT_SHORT,  /* of a group: its beginning is, which is no failure */
    FAULT_SYNC,   /* of a group, all of which is written, to memory at least */
    FAULT_MAKE,   /* a write to a segment that is being made */
    FAULT_DISK,   /* every commit and every write */
};

static struct fault {
    enum fault_kind kind;
    int rc;
    unsigned left; /* 1: the next one fails; 0: none */
    bool stays;    /* so do all behind it */
    uint64_t part; /* any number: how much of the group FAULT_PART writes */
    bool hit;      /* it did */
    char path[64]; /* of FAULT_SYNC's segment, and the place of the group that it did not sync */
    uint64_t at, len;
} fault;
static size_t *fault_count; /* where not NULL: of all that failed */

/* A disk that is full, or fails, until it is told otherwise by 0. */
static inline void fault_disk(int rc)
{
    fault = (struct fault){ .kind = FAULT_DISK, .rc = rc, .left = rc != 0, .stays = true };
}

static inline void fault_set(enum fault_kind kind, int rc)
{
    fault = (struct fault){ .kind = kind, .rc = rc, .left = 1 };
}

static inline bool fault_due(enum fault_kind kind)
{
    bool any = fault.kind == FAULT_DISK && kind != FAULT_PART && kind != FAULT_SHORT;

    if ((fault.kind != kind && !any) || fault.left == 0)
        return false;
    if (fault.left == 1)
        fault.hit = true;
    if (fault.left == 1 && fault_count)
        (*fault_count)++;
    if (fault.left > 1 || !fault.stays)
        fault.left--;
    return fault.hit;
}

/* Whether the file's name is that; its path is kept. */
static inline bool fault_is_file(int fd, const char *name)
{
    char link[64];
    ssize_t n;

    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    n = readlink(link, fault.path, sizeof(fault.path) - 1);
    fault.path[n < 0 ? 0 : n] = '\0';
    return strstr(fault.path, name) != NULL;
}

int mdb_txn_commit(MDB_txn *txn)
{
    union {
        void *p;
        int (*f)(MDB_txn *txn);
    } real = { .p = dlsym(RTLD_NEXT, "mdb_txn_commit") };

    if (!fault_due(FAULT_COMMIT))
        return real.f(txn);
    mdb_txn_abort(txn);
    return fault.rc;
}

/* Less than the group's header, or whole sectors before the last page: never all of it. */
static inline ssize_t fault_write_part(int fd, const struct iovec *iov, int count, off_t at,
                                       size_t len)
{
    size_t sectors = len > FAULT_PAGE ? (len - FAULT_PAGE) / FAULT_SECTOR : 0;
    size_t part = sectors > 0 ? (fault.part % sectors + 1) * FAULT_SECTOR : 64;
    uint8_t *bytes = malloc(len);
    size_t n = 0;
    ssize_t wrote;

    if (!bytes)
        abort();
    for (int i = 0; i < count; i++) {
        if (iov[i].iov_len > 0)
            memcpy(bytes + n, iov[i].iov_base, iov[i].iov_len);
        n += iov[i].iov_len;
    }
    wrote = pwrite(fd, bytes, part, at);
    free(bytes);
    return wrote;
}

ssize_t pwritev(int fd, const struct iovec *iov, int count, off_t at)
{
    union {
        void *p;
        ssize_t (*f)(int fd, const struct iovec *iov, int count, off_t at);
    } real = { .p = dlsym(RTLD_NEXT, "pwritev") };
    size_t len = 0;

    if (fault.left == 0 || fault.kind <= FAULT_COMMIT)
        return real.f(fd, iov, count, at);
    for (int i = 0; i < count; i++)
        len += iov[i].iov_len;
    if (fault_is_file(fd, "/segment-")) {
        if (fault_due(FAULT_SHORT))
            return fault_write_part(fd, iov, count, at, len);
        if (fault_due(FAULT_PART)) {
            fault.left = 1; /* what is left of it fails */
            fault.kind = FAULT_WRITE;
            return fault_write_part(fd, iov, count, at, len);
        }
        if (fault_due(FAULT_WRITE)) {
            errno = fault.rc;
            return -1;
        }
        fault.at = (uint64_t)at;
        fault.len = len;
    } else if (fault_is_file(fd, "/making") && fault_due(FAULT_MAKE)) {
        errno = fault.rc;
        return -1;
    }
    return real.f(fd, iov, count, at);
}

int fdatasync(int fd)
{
    union {
        void *p;
        int (*f)(int fd);
    } real = { .p = dlsym(RTLD_NEXT, "fdatasync") };

    if (fault.left == 0 || fault.kind != FAULT_SYNC || !fault_is_file(fd, "/segment-") ||
        !fault_due(FAULT_SYNC))
        return real.f(fd);
    errno = fault.rc;
    return -1;
}

/* The power goes: of the group that was not synced, those sectors are on the disk whose bit is set
 * (the i-th has bit i % 64). */
static inline void fault_lose(uint64_t kept)
{
    static const uint8_t zeros[FAULT_SECTOR];
    int fd = open(fault.path, O_WRONLY);

    if (fd < 0)
        abort();
    for (uint64_t i = 0; i * FAULT_SECTOR < fault.len; i++)
        if (!(kept >> i % 64 & 1) &&
            pwrite(fd, zeros, sizeof(zeros), (off_t)(fault.at + i * FAULT_SECTOR)) != FAULT_SECTOR)
            abort();
    close(fd);
}

#endif
