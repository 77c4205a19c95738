#include "hsm/pin.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vault/base/buf.h"
#include "vault/base/text.h"

#define CREDENTIAL_NAME "hsm-pin"
#define RECORD_NAME     "hsm-pin-refused"
#define RECORD_MAGIC    "hufu-pin-refused-1"

/* Joins folder and name into out[PIN_PATH_MAX]. */
static enum hufu_err path_join(char *out, const char *folder, const char *name)
{
    struct buf b;

    buf_fixed(&b, (uint8_t *)out, PIN_PATH_MAX);
    buf_str(&b, folder);
    if (name[0] != '\0') {
        buf_u8(&b, '/');
        buf_str(&b, name);
    }
    buf_u8(&b, 0);
    return buf_check(&b);
}

enum hufu_err pin_init(struct pin *pin, const struct conf *conf)
{
    const char *data = conf_text(conf, CONF_DATA);
    const char *file = conf_text(conf, CONF_HSM_PIN_FILE);
    const char *credentials = getenv("CREDENTIALS_DIRECTORY");

    memset(pin, 0, sizeof(*pin));
    if (path_join(pin->folder, data, "") != HUFU_OK ||
        path_join(pin->record, data, RECORD_NAME) != HUFU_OK)
        return HUFU_RANGE;
    if (file[0] != '\0')
        return path_join(pin->path, file, "");
    if (!credentials || credentials[0] == '\0')
        return HUFU_OK;
    pin->is_credential = true;
    return path_join(pin->path, credentials, CREDENTIAL_NAME);
}

/* systemd grants a credential by an ACL, whose mask shows as the group's read bit. */
static bool is_private(const struct pin *pin, const struct stat *st)
{
    mode_t bad = pin->is_credential ? 0237 : 0277;

    return S_ISREG(st->st_mode) && (st->st_uid == geteuid() || st->st_uid == 0) &&
           (st->st_mode & bad) == 0;
}

/* Prints what is remembered of a PIN file and a token; equal text means the same PIN again. */
static enum hufu_err record_print(const struct stat *st, const char *serial,
                                  uint8_t out[static PIN_RECORD_MAX], size_t *len_out)
{
    struct buf b;

    buf_fixed(&b, out, PIN_RECORD_MAX);
    buf_str(&b, RECORD_MAGIC " dev=");
    buf_dec(&b, st->st_dev);
    buf_str(&b, " ino=");
    buf_dec(&b, st->st_ino);
    buf_str(&b, " mtime=");
    buf_dec(&b, (uint64_t)st->st_mtim.tv_sec);
    buf_u8(&b, '.');
    buf_dec(&b, (uint64_t)st->st_mtim.tv_nsec);
    buf_str(&b, " size=");
    buf_dec(&b, (uint64_t)st->st_size);
    buf_str(&b, " serial=");
    text_hex(&b, (const uint8_t *)serial, strlen(serial));
    buf_u8(&b, '\n');
    if (buf_check(&b) != HUFU_OK)
        return HUFU_RANGE;
    *len_out = b.len;
    return HUFU_OK;
}

/* Writes all of it under a second name, syncs, renames, syncs the folder. */
static enum hufu_err record_write(const struct pin *pin)
{
    char fresh[PIN_PATH_MAX];
    enum hufu_err err = HUFU_IO;
    int folder = -1;
    int fd = -1;

    if (path_join(fresh, pin->folder, RECORD_NAME ".new") != HUFU_OK)
        return HUFU_IO;
    folder = open(pin->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0 || (unlink(fresh) != 0 && errno != ENOENT))
        goto out;
    fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, pin->refused, pin->refused_len) != (ssize_t)pin->refused_len ||
        fsync(fd) != 0 || rename(fresh, pin->record) != 0 || fsync(folder) != 0)
        goto out;
    err = HUFU_OK;
out:
    if (fd >= 0)
        close(fd);
    if (folder >= 0)
        close(folder);
    return err;
}

/* HSM_PIN where the record on disk is the one in pin->seen; IO where that cannot be known. */
static enum hufu_err record_check(const struct pin *pin)
{
    uint8_t text[PIN_RECORD_MAX];
    enum hufu_err err = HUFU_IO;
    ssize_t n;
    int fd = open(pin->record, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

    if (fd < 0)
        return errno == ENOENT ? HUFU_OK : HUFU_IO;
    n = read(fd, text, sizeof(text));
    if (n >= 0)
        err = view_equal(view_of(text, (size_t)n), view_of(pin->seen, pin->seen_len)) ? HUFU_HSM_PIN
                                                                                      : HUFU_OK;
    close(fd);
    return err;
}

static enum hufu_err refusal_check(struct pin *pin)
{
    if (pin->refused_len == 0 ||
        !view_equal(view_of(pin->refused, pin->refused_len), view_of(pin->seen, pin->seen_len)))
        return record_check(pin);
    if (!pin->is_written && record_write(pin) == HUFU_OK)
        pin->is_written = true;
    return HUFU_HSM_PIN;
}

/* Reads fd into a new secret of PIN_MAX + 2 bytes, so that a newline and the NUL have room. */
static enum hufu_err file_read(int fd, struct secret **out)
{
    struct secret *text = NULL;
    enum hufu_err err;
    size_t len = 0;
    ssize_t n;

    err = secret_new(PIN_MAX + 2, &text);
    if (err != HUFU_OK)
        return err;
    do {
        n = read(fd, secret_write(text) + len, PIN_MAX + 2 - len);
        len += n > 0 ? (size_t)n : 0;
    } while (n > 0 && len < PIN_MAX + 2);
    err = n < 0 ? HUFU_IO : HUFU_RANGE;
    if (n < 0 || len == 0)
        goto out;
    if (secret_read(text)[len - 1] == '\n')
        len--;
    if (len == 0 || len > PIN_MAX || memchr(secret_read(text), 0, len) != NULL)
        goto out;
    secret_write(text)[len] = 0;
    *out = text;
    text = NULL;
    err = HUFU_OK;
out:
    secret_free(text);
    return err;
}

enum hufu_err pin_load(struct pin *pin, const char *serial, struct secret **out)
{
    enum hufu_err err = HUFU_FORBIDDEN;
    struct stat st;
    int fd;

    if (pin->path[0] == '\0')
        return HUFU_NOT_FOUND;
    fd = open(pin->path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? HUFU_NOT_FOUND : errno == ELOOP ? HUFU_FORBIDDEN : HUFU_IO;
    if (fstat(fd, &st) != 0 || !is_private(pin, &st))
        goto out;
    err = record_print(&st, serial, pin->seen, &pin->seen_len);
    if (err != HUFU_OK)
        goto out;
    err = refusal_check(pin);
    if (err != HUFU_OK)
        goto out;
    err = file_read(fd, out);
out:
    close(fd);
    return err;
}

enum hufu_err pin_refuse(struct pin *pin)
{
    enum hufu_err err;

    memcpy(pin->refused, pin->seen, pin->seen_len);
    pin->refused_len = pin->seen_len;
    err = record_write(pin);
    pin->is_written = err == HUFU_OK;
    return err;
}

void pin_accept(struct pin *pin)
{
    pin->refused_len = 0;
    (void)unlink(pin->record); /* a stale record does no harm: it names another file */
}
