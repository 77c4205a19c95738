#include "tools/cli_part.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/cli_resume.h"

#define MODE     0600
#define HEADLINE "row,line,code\n"

static bool name_make(char out[static PART_PATH_MAX], const char *path, const char *end)
{
    int n = snprintf(out, PART_PATH_MAX, "%s%s", path, end);

    return n > 0 && n < PART_PATH_MAX;
}

enum hufu_err part_init(struct part *p, const char *path)
{
    *p = (struct part){ .path = path, .fd = -1, .errors_fd = -1 };
    p->is_stdout = strcmp(path, "-") == 0;
    return name_make(p->draft, path, ".part") && name_make(p->errors, path, ".errors") &&
                   name_make(p->resume, path, ".resume")
               ? HUFU_OK
               : HUFU_RANGE;
}

/* A file that is ours and a file; never through a link. */
static int own_open(const char *path)
{
    struct stat st;
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, MODE);

    if (fd < 0)
        return -1;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_uid != geteuid() ||
        fchmod(fd, MODE) != 0) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

/* The lock is worth something only while the name still leads to the locked file. */
static bool is_named(int fd, const char *path)
{
    struct stat held, named;

    return fstat(fd, &held) == 0 && lstat(path, &named) == 0 && held.st_ino == named.st_ino &&
           held.st_dev == named.st_dev;
}

enum hufu_err part_open(struct part *p)
{
    if (p->is_stdout)
        return HUFU_OK;
    p->fd = own_open(p->draft);
    if (p->fd < 0)
        return HUFU_IO;
    if (flock(p->fd, LOCK_EX | LOCK_NB) == 0 && is_named(p->fd, p->draft))
        return HUFU_OK;
    (void)close(p->fd);
    p->fd = -1;
    return HUFU_BUSY;
}

void part_close(struct part *p)
{
    if (p->fd >= 0)
        (void)close(p->fd);
    if (p->errors_fd >= 0)
        (void)close(p->errors_fd);
    p->fd = p->errors_fd = -1;
}

static bool is_long(int fd, uint64_t at)
{
    struct stat st;

    return fstat(fd, &st) == 0 && (uint64_t)st.st_size >= at;
}

static bool cut(int fd, uint64_t at)
{
    return ftruncate(fd, (off_t)at) == 0 && lseek(fd, (off_t)at, SEEK_SET) == (off_t)at;
}

enum hufu_err part_cut(struct part *p, uint64_t out_at, uint64_t errors_at)
{
    if (p->is_stdout)
        return HUFU_OK;
    if (errors_at > 0 && p->errors_fd < 0)
        p->errors_fd = own_open(p->errors);
    if (errors_at > 0 && p->errors_fd < 0)
        return HUFU_IO;
    if (!is_long(p->fd, out_at) || (errors_at > 0 && !is_long(p->errors_fd, errors_at)))
        return HUFU_CORRUPT;
    if (!cut(p->fd, out_at) || (errors_at > 0 && !cut(p->errors_fd, errors_at)))
        return HUFU_IO;
    if (errors_at == 0 && unlink(p->errors) != 0 && errno != ENOENT)
        return HUFU_IO;
    p->out_at = out_at;
    p->errors_at = errors_at;
    return HUFU_OK;
}

static enum hufu_err put_all(int fd, struct view text)
{
    while (text.len > 0) {
        ssize_t n = write(fd, text.p, text.len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return HUFU_IO;
        text = view_of(text.p + n, text.len - (size_t)n);
    }
    return HUFU_OK;
}

enum hufu_err part_put(struct part *p, struct view text)
{
    enum hufu_err err;

    if (p->is_stdout)
        err = fwrite(text.p, 1, text.len, stdout) == text.len && fflush(stdout) == 0 ? HUFU_OK
                                                                                     : HUFU_IO;
    else
        err = put_all(p->fd, text);
    if (err == HUFU_OK)
        p->out_at += text.len;
    return err;
}

enum hufu_err part_put_errors(struct part *p, struct view text)
{
    enum hufu_err err = HUFU_OK;

    if (text.len == 0)
        return HUFU_OK;
    if (p->is_stdout)
        return put_all(STDERR_FILENO, text);
    if (p->errors_fd < 0)
        p->errors_fd = own_open(p->errors);
    if (p->errors_fd < 0)
        return HUFU_IO;
    if (p->errors_at == 0) {
        err = put_all(p->errors_fd, view_str(HEADLINE));
        p->errors_at += err == HUFU_OK ? strlen(HEADLINE) : 0;
    }
    if (err == HUFU_OK)
        err = put_all(p->errors_fd, text);
    if (err == HUFU_OK)
        p->errors_at += text.len;
    return err;
}

enum hufu_err part_sync(struct part *p)
{
    if (p->is_stdout)
        return HUFU_OK;
    if (fdatasync(p->fd) != 0 || (p->errors_fd >= 0 && fdatasync(p->errors_fd) != 0))
        return HUFU_IO;
    return HUFU_OK;
}

enum hufu_err part_finish(struct part *p)
{
    struct stat st;

    if (p->is_stdout)
        return HUFU_OK;
    if (rename(p->draft, p->path) != 0 && !(errno == ENOENT && lstat(p->path, &st) == 0))
        return HUFU_IO;
    return resume_sync_folder(p->path);
}
