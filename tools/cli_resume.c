#include "tools/cli_resume.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>
#include "vault/base/entropy.h"
#include "vault/base/json.h"
#include "vault/base/text.h"

#define VERSION  1U
#define PATH_LEN 4096

/* The numbers of the file, sorted by name: one table reads and writes them. */
static const struct {
    const char *name;
    size_t at;
} numbers[] = {
    { "batch", offsetof(struct resume, batch) },
    { "changed_ns", offsetof(struct resume, input.changed_ns) },
    { "changed_s", offsetof(struct resume, input.changed_s) },
    { "created", offsetof(struct resume, created) },
    { "empty", offsetof(struct resume, empty) },
    { "errors_at", offsetof(struct resume, errors_at) },
    { "failed", offsetof(struct resume, failed) },
    { "in_at", offsetof(struct resume, in_at) },
    { "inode", offsetof(struct resume, input.inode) },
    { "line", offsetof(struct resume, line) },
    { "out_at", offsetof(struct resume, out_at) },
    { "rows", offsetof(struct resume, rows) },
    { "size", offsetof(struct resume, input.size) },
    { "tokens", offsetof(struct resume, tokens) },
    { "total", offsetof(struct resume, total) },
    { "worst", offsetof(struct resume, worst) },
};
#define NUMBERS    (sizeof(numbers) / sizeof(numbers[0]))
#define OTHERS     4U /* done, run, settings, version */
#define NUMBER_MAX ((1ULL << 53U) - 1)

void resume_identify(const struct stat *st, struct resume_input *out)
{
    *out = (struct resume_input){
        .size = (uint64_t)st->st_size,
        .inode = (uint64_t)st->st_ino & NUMBER_MAX, /* exact in JSON */
        .changed_s = (uint64_t)st->st_mtim.tv_sec & NUMBER_MAX,
        .changed_ns = (uint64_t)st->st_mtim.tv_nsec,
    };
}

bool resume_same_input(const struct resume_input *a, const struct resume_input *b)
{
    return a->size == b->size && a->inode == b->inode && a->changed_s == b->changed_s &&
           a->changed_ns == b->changed_ns;
}

enum hufu_err resume_new(struct resume *out)
{
    uint8_t id[RESUME_RUN_LEN / 2], text[RESUME_RUN_LEN];
    struct buf hex;

    if (entropy_system.fill(&entropy_system, id, sizeof(id)) != HUFU_OK)
        return HUFU_IO;
    buf_fixed(&hex, text, sizeof(text));
    text_hex(&hex, id, sizeof(id));
    *out = (struct resume){ .line = 1 };
    memcpy(out->run, text, sizeof(text));
    return HUFU_OK;
}

static uint64_t number_get(const struct resume *r, size_t i)
{
    uint64_t n;

    memcpy(&n, (const uint8_t *)r + numbers[i].at, sizeof(n));
    return n;
}

void resume_print(const struct resume *r, struct buf *out)
{
    struct json j;
    size_t i = 0;

    json_init(&j, out);
    json_open(&j);
    for (; i < NUMBERS && strcmp(numbers[i].name, "done") < 0; i++)
        json_put_u64(&j, numbers[i].name, number_get(r, i));
    json_put_bool(&j, "done", r->done);
    for (; i < NUMBERS && strcmp(numbers[i].name, "run") < 0; i++)
        json_put_u64(&j, numbers[i].name, number_get(r, i));
    json_put_str(&j, "run", r->run);
    json_put_str(&j, "settings", r->settings);
    for (; i < NUMBERS && strcmp(numbers[i].name, "version") < 0; i++)
        json_put_u64(&j, numbers[i].name, number_get(r, i));
    json_put_u64(&j, "version", VERSION);
    for (; i < NUMBERS; i++)
        json_put_u64(&j, numbers[i].name, number_get(r, i));
    json_close(&j);
}

static enum hufu_err number_take(const json_t *root, size_t i, struct resume *out)
{
    const json_t *value = json_object_get(root, numbers[i].name);
    uint64_t n;

    if (!json_is_integer(value) || json_integer_value(value) < 0)
        return HUFU_SYNTAX;
    n = (uint64_t)json_integer_value(value);
    if (n > NUMBER_MAX)
        return HUFU_SYNTAX;
    memcpy((uint8_t *)out + numbers[i].at, &n, sizeof(n));
    return HUFU_OK;
}

static enum hufu_err all_take(const json_t *root, struct resume *out)
{
    const char *run = json_string_value(json_object_get(root, "run"));
    const char *settings = json_string_value(json_object_get(root, "settings"));
    const json_t *done = json_object_get(root, "done");

    if (json_object_size(root) != NUMBERS + OTHERS || !json_is_boolean(done) ||
        json_integer_value(json_object_get(root, "version")) != VERSION)
        return HUFU_SYNTAX;
    if (run == NULL || strlen(run) != RESUME_RUN_LEN ||
        strspn(run, "0123456789abcdef") != RESUME_RUN_LEN)
        return HUFU_SYNTAX;
    if (settings == NULL || strlen(settings) >= RESUME_SETTINGS_MAX)
        return HUFU_SYNTAX;
    for (size_t i = 0; i < NUMBERS; i++)
        if (number_take(root, i, out) != HUFU_OK)
            return HUFU_SYNTAX;
    out->done = json_is_true(done);
    memcpy(out->run, run, RESUME_RUN_LEN);
    memcpy(out->settings, settings, strlen(settings));
    return HUFU_OK;
}

enum hufu_err resume_parse(struct view text, struct resume *out)
{
    json_t *root = json_loadb((const char *)text.p, text.len, JSON_REJECT_DUPLICATES, NULL);
    struct resume found = { 0 };
    enum hufu_err err = all_take(root, &found);

    json_decref(root);
    if (err == HUFU_OK && (found.in_at > found.input.size || found.line == 0))
        err = HUFU_SYNTAX;
    if (err == HUFU_OK)
        *out = found;
    return err;
}

enum hufu_err resume_load(const char *path, struct resume *out)
{
    uint8_t memory[RESUME_FILE_MAX];
    struct stat st;
    ssize_t n = -1;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

    if (fd < 0)
        return errno == ENOENT ? HUFU_NOT_FOUND : HUFU_IO;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == geteuid() &&
        (st.st_mode & 077) == 0)
        n = read(fd, memory, sizeof(memory));
    (void)close(fd);
    if (n <= 0 || n == (ssize_t)sizeof(memory))
        return HUFU_SYNTAX;
    return resume_parse(view_of(memory, (size_t)n), out);
}

enum hufu_err resume_sync_folder(const char *path)
{
    const char *slash = strrchr(path, '/');
    char folder[PATH_LEN] = ".";
    bool synced;
    int fd;

    if (slash != NULL && (size_t)(slash - path) + 2 > sizeof(folder))
        return HUFU_IO;
    if (slash != NULL) {
        memcpy(folder, path, (size_t)(slash - path) + 1);
        folder[slash - path + 1] = 0;
    }
    fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    synced = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0)
        (void)close(fd);
    return synced ? HUFU_OK : HUFU_IO;
}

enum hufu_err resume_save(const char *path, const struct resume *r)
{
    char draft[PATH_LEN];
    enum hufu_err err = HUFU_IO;
    struct buf text;
    bool written = false;
    int fd = -1;
    int n = snprintf(draft, sizeof(draft), "%s.draft", path);

    buf_init(&text, RESUME_FILE_MAX);
    resume_print(r, &text);
    buf_u8(&text, '\n');
    if (buf_check(&text) == HUFU_OK && n > 0 && (size_t)n < sizeof(draft)) {
        (void)unlink(draft);
        fd = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    }
    if (fd >= 0) {
        written = write(fd, text.p, text.len) == (ssize_t)text.len && fsync(fd) == 0;
        written = close(fd) == 0 && written && rename(draft, path) == 0;
        if (!written)
            (void)unlink(draft);
    }
    if (written)
        err = resume_sync_folder(path);
    buf_done(&text);
    return err;
}
