#include "vault/store/env.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "vault/base/log.h"

#define ENV_DBIS      8
#define ENV_BYTES_MAX ((uint64_t)1 << 40)
#define ENV_BYTES_MIN ((uint64_t)1 << 20)
#define FORMAT_KEY    "format"

enum hufu_err env_err(int rc)
{
    switch (rc) {
    case MDB_SUCCESS:
        return HUFU_OK;
    case MDB_NOTFOUND:
        return HUFU_NOT_FOUND;
    case MDB_MAP_FULL:
    case MDB_TXN_FULL:
    case ENOSPC:
    case EDQUOT:
        return HUFU_FULL;
    case ENOMEM:
        return HUFU_NOMEM;
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
    case MDB_INVALID:
    case MDB_VERSION_MISMATCH:
    case MDB_INCOMPATIBLE:
        return HUFU_CORRUPT;
    default:
        return HUFU_IO;
    }
}

#define DISK_LEAST ((uint64_t)1 << 20) /* bytes; below them a disk is full */

static bool disk_is_full(MDB_env *env)
{
    struct statvfs disk;
    mdb_filehandle_t fd;

    return mdb_env_get_fd(env, &fd) == 0 && fstatvfs(fd, &disk) == 0 &&
           (uint64_t)disk.f_bavail * disk.f_frsize < DISK_LEAST;
}

enum hufu_err env_commit(MDB_env *env, MDB_txn *txn)
{
    int rc = mdb_txn_commit(txn);

    return rc == EIO && disk_is_full(env) ? HUFU_FULL : env_err(rc);
}

MDB_val env_val(struct view v)
{
    return (MDB_val){ .mv_size = v.len, .mv_data = (void *)(uintptr_t)v.p };
}

struct view env_view(const MDB_val *v)
{
    return view_of(v->mv_data, v->mv_size);
}

/* What the files may grow to: their size and the free disk, in whole pages. */
static enum hufu_err size_find(const char *path, uint64_t *out)
{
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    char file[PATH_MAX];
    struct statvfs disk;
    struct stat st = { 0 };
    uint64_t bytes;
    int n = snprintf(file, sizeof(file), "%s/data.mdb", path);

    if (n < 0 || (size_t)n >= sizeof(file) || statvfs(path, &disk) != 0)
        return HUFU_IO;
    if (stat(file, &st) != 0 && errno != ENOENT)
        return HUFU_IO;
    if (__builtin_mul_overflow((uint64_t)disk.f_bavail, (uint64_t)disk.f_frsize, &bytes) ||
        __builtin_add_overflow(bytes, (uint64_t)st.st_size, &bytes) || bytes > ENV_BYTES_MAX)
        bytes = ENV_BYTES_MAX;
    *out = bytes < ENV_BYTES_MIN ? ENV_BYTES_MIN : bytes / page * page;
    return HUFU_OK;
}

/* Makes the names in a folder durable: LMDB syncs its files, not where they are listed. */
static enum hufu_err folder_sync(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int rc;

    if (fd < 0)
        return HUFU_IO;
    rc = fsync(fd);
    close(fd);
    return rc == 0 ? HUFU_OK : HUFU_IO;
}

static int env_make(const char *path, uint64_t bytes, MDB_env **out)
{
    /* Full durability: none of NOSYNC, NOMETASYNC, WRITEMAP, MAPASYNC, NOMEMINIT, ever. */
    const unsigned flags = MDB_NOTLS | MDB_NORDAHEAD;
    MDB_env *env = NULL;
    int dead = 0, rc;

    rc = mdb_env_create(&env);
    if (rc != 0)
        return rc;
    rc = mdb_env_set_mapsize(env, bytes);
    if (rc == 0)
        rc = mdb_env_set_maxdbs(env, ENV_DBIS);
    if (rc == 0)
        rc = mdb_env_set_maxreaders(env, ENV_READERS);
    if (rc == 0)
        rc = mdb_env_open(env, path, flags, 0600);
    if (rc == 0)
        rc = mdb_reader_check(env, &dead);
    if (rc != 0) {
        mdb_env_close(env);
        return rc;
    }
    *out = env;
    return 0;
}

enum hufu_err env_open(const char *dir, const char *sub, uint64_t bytes, MDB_env **out)
{
    char path[PATH_MAX];
    MDB_env *env = NULL;
    enum hufu_err err;
    int n = snprintf(path, sizeof(path), "%s/%s", dir, sub);

    if (n < 0 || (size_t)n >= sizeof(path))
        return HUFU_IO;
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        return HUFU_IO;
    if (bytes == 0) {
        err = size_find(path, &bytes);
        if (err != HUFU_OK)
            return err;
    }
    err = env_err(env_make(path, bytes, &env));
    if (err != HUFU_OK)
        return err == HUFU_CORRUPT || err == HUFU_NOMEM ? err : HUFU_IO;
    err = folder_sync(path);
    if (err == HUFU_OK)
        err = folder_sync(dir);
    if (err != HUFU_OK) {
        mdb_env_close(env);
        return err;
    }
    *out = env;
    return HUFU_OK;
}

enum hufu_err env_format(MDB_txn *txn, MDB_dbi dbi, uint32_t version, bool fresh)
{
    MDB_val key = env_val(view_str(FORMAT_KEY)), value;
    uint8_t mem[4];
    struct reader r;
    struct buf b;
    int rc;

    buf_fixed(&b, mem, sizeof(mem));
    buf_u32(&b, version);
    rc = mdb_get(txn, dbi, &key, &value);
    if (rc == 0 && view_equal(env_view(&value), buf_view(&b)))
        return HUFU_OK;
    if (rc == 0) {
        reader_init(&r, value.mv_data, value.mv_size);
        log_event(LOG_ERROR_LEVEL, "store.format", "found", LOG_NUM(reader_u32(&r)), "wanted",
                  LOG_NUM(version), NULL);
        return HUFU_CORRUPT; /* of another version of this program */
    }
    if (rc != MDB_NOTFOUND)
        return env_err(rc);
    if (!fresh)
        return HUFU_CORRUPT;
    value = env_val(buf_view(&b));
    return env_err(mdb_put(txn, dbi, &key, &value, 0));
}

uint64_t env_file_bytes(MDB_env *env)
{
    struct stat st;
    mdb_filehandle_t fd;

    if (mdb_env_get_fd(env, &fd) != 0 || fstat(fd, &st) != 0)
        return 0;
    return (uint64_t)st.st_size;
}

struct view env_seq_print(uint64_t seq, struct env_seq *out)
{
    struct buf b;

    buf_fixed(&b, out->b, sizeof(out->b));
    buf_be64(&b, seq);
    return view_of(out->b, sizeof(out->b));
}

enum hufu_err env_seq_parse(const MDB_val *key, uint64_t *seq_out)
{
    struct reader r;
    uint64_t seq;

    reader_init(&r, key->mv_data, key->mv_size);
    seq = reader_be64(&r);
    if (reader_end(&r) != HUFU_OK)
        return HUFU_CORRUPT;
    *seq_out = seq;
    return HUFU_OK;
}

struct view env_number_print(uint64_t number, struct env_seq *out)
{
    struct buf b;

    buf_fixed(&b, out->b, sizeof(out->b));
    buf_u64(&b, number);
    return view_of(out->b, sizeof(out->b));
}

enum hufu_err env_number_parse(struct view value, uint64_t *out)
{
    struct reader r;
    uint64_t number;

    reader_init(&r, value.p, value.len);
    number = reader_u64(&r);
    if (reader_end(&r) != HUFU_OK)
        return HUFU_CORRUPT;
    *out = number;
    return HUFU_OK;
}
