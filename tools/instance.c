#include "tools/instance.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "vault/base/buf.h"
#include "vault/base/clock.h"

#define PATH_BYTES   4096
#define RETRY_MS     20 /* between attempts to take the lock, or the address */
#define BIND_WAIT_MS 2000

/* Puts "DATA/name" into out; false where that is too long. */
static bool path_in(const char *data_dir, const char *name, char out[static PATH_BYTES])
{
    int n = snprintf(out, PATH_BYTES, "%s/%s", data_dir, name);

    return n > 0 && n < PATH_BYTES;
}

enum hufu_err instance_lock(const char *data_dir, uint64_t wait_ms, int *fd_out)
{
    const struct timespec pause = { 0, RETRY_MS * 1000000L };
    uint64_t end = clock_system.boot_ms(&clock_system) + wait_ms;
    char path[PATH_BYTES];
    int fd;

    if (!path_in(data_dir, "hufud.lock", path))
        return HUFU_IO;
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return HUFU_IO;
    while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        bool is_held = errno == EWOULDBLOCK;

        if ((!is_held && errno != EINTR) || clock_system.boot_ms(&clock_system) >= end) {
            close(fd);
            return is_held ? HUFU_BUSY : HUFU_IO;
        }
        nanosleep(&pause, NULL);
    }
    *fd_out = fd;
    return HUFU_OK;
}

/* An address in the socket's own form; its length, or 0. */
static socklen_t address_parse(const char *address, uint16_t port, struct sockaddr_storage *out)
{
    struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(port) };
    struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };

    if (inet_pton(AF_INET, address, &v4.sin_addr) == 1) {
        memcpy(out, &v4, sizeof(v4));
        return sizeof(v4);
    }
    if (inet_pton(AF_INET6, address, &v6.sin6_addr) == 1) {
        memcpy(out, &v6, sizeof(v6));
        return sizeof(v6);
    }
    return 0;
}

static uint16_t port_of(int fd)
{
    struct sockaddr_storage at = { 0 };
    socklen_t at_len = sizeof(at);
    struct sockaddr_in6 v6;
    struct sockaddr_in v4;

    if (getsockname(fd, (struct sockaddr *)&at, &at_len) != 0)
        return 0;
    memcpy(&v4, &at, sizeof(v4));
    memcpy(&v6, &at, sizeof(v6));
    return ntohs(at.ss_family == AF_INET6 ? v6.sin6_port : v4.sin_port);
}

/* Where hufud was killed its front holds the address until it has ended too, a moment later. */
static bool bind_patiently(int fd, const struct sockaddr *at, socklen_t at_len)
{
    const struct timespec pause = { 0, RETRY_MS * 1000000L };

    for (int waited_ms = 0; bind(fd, at, at_len) != 0; waited_ms += RETRY_MS) {
        if (errno != EADDRINUSE || waited_ms >= BIND_WAIT_MS)
            return false;
        nanosleep(&pause, NULL);
    }
    return true;
}

enum hufu_err instance_listen(const char *address, uint16_t port, int *fd_out, uint16_t *port_out)
{
    const int on = 1;
    struct sockaddr_storage at = { 0 };
    socklen_t at_len = address_parse(address, port, &at);
    int fd;

    if (at_len == 0)
        return HUFU_SYNTAX;
    fd = socket(at.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return HUFU_IO;
    /* A vault that starts again must not wait for the last one's connections to fade. */
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
        !bind_patiently(fd, (struct sockaddr *)&at, at_len) || listen(fd, SOMAXCONN) != 0) {
        close(fd);
        return HUFU_IO;
    }
    *port_out = port_of(fd);
    *fd_out = fd;
    return HUFU_OK;
}

enum hufu_err instance_init_file(const char *path, int *fd_out)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    struct stat st;

    if (fd < 0)
        return HUFU_IO;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_uid != geteuid() ||
        ((st.st_mode & 07777) != 0600 && (st.st_mode & 07777) != 0400)) {
        close(fd);
        return HUFU_FORBIDDEN;
    }
    *fd_out = fd;
    return HUFU_OK;
}

static void line_put(struct buf *out, const char *name, uint64_t v)
{
    buf_str(out, name);
    buf_u8(out, ' ');
    buf_dec(out, v);
    buf_u8(out, '\n');
}

/* Writes all of it into a new file of mode 0600. */
static bool file_write(const char *path, struct view text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    bool done;

    if (fd < 0)
        return false;
    done = write(fd, text.p, text.len) == (ssize_t)text.len;
    return close(fd) == 0 && done;
}

enum hufu_err instance_run_write(const char *data_dir, uint16_t port,
                                 const struct instance_pid *pids, size_t pids_count)
{
    char path[PATH_BYTES], fresh[PATH_BYTES];
    uint8_t mem[512];
    struct buf text;

    if (!path_in(data_dir, "hufud.run", path) || !path_in(data_dir, "hufud.run.new", fresh))
        return HUFU_IO;
    buf_fixed(&text, mem, sizeof(mem));
    line_put(&text, "pid", (uint64_t)getpid());
    if (port != 0)
        line_put(&text, "port", port);
    for (size_t i = 0; i < pids_count; i++)
        if (pids[i].pid > 0)
            line_put(&text, pids[i].name, (uint64_t)pids[i].pid);
    if (buf_check(&text) != HUFU_OK || !file_write(fresh, buf_view(&text)) ||
        rename(fresh, path) != 0)
        return HUFU_IO;
    return HUFU_OK;
}

void instance_run_remove(const char *data_dir)
{
    char path[PATH_BYTES];

    if (path_in(data_dir, "hufud.run", path))
        unlink(path);
}

void instance_notify(const char *state)
{
    const char *name = getenv("NOTIFY_SOCKET");
    struct sockaddr_un to = { .sun_family = AF_UNIX };
    size_t name_len = name ? strlen(name) : 0;
    ssize_t sent;
    int fd;

    if (name_len < 2 || name_len >= sizeof(to.sun_path) || (name[0] != '/' && name[0] != '@'))
        return;
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    memcpy(to.sun_path, name, name_len);
    if (to.sun_path[0] == '@')
        to.sun_path[0] = 0; /* the abstract name space */
    sent = sendto(fd, state, strlen(state), MSG_NOSIGNAL, (const struct sockaddr *)&to,
                  (socklen_t)(offsetof(struct sockaddr_un, sun_path) + name_len));
    (void)sent; /* nobody to tell, and the vault serves all the same */
    close(fd);
}
