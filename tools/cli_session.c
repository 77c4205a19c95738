#include "tools/cli_session.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>
#include "vault/base/json.h"
#include "vault/base/secret.h"

#define FILE_MAX 16384

const char *cli_session_path(struct cli *cli, const char *user)
{
    const char *base = getenv("XDG_STATE_HOME");
    const char *home = getenv("HOME");
    const char *path = NULL;

    if (cli->session_file != NULL)
        return cli->session_file;
    if (cli->dev_dir != NULL && user == NULL) {
        (void)cli_fail(CLI_USAGE, "nobody is named in the development instance; say who you are: "
                                  "--as USER");
        return NULL;
    }
    if (cli->dev_dir != NULL) {
        path = cli_keep(cli, cli->dev_dir, "sessions");
        path = path != NULL ? cli_keep(cli, path, user) : NULL;
    } else if (base != NULL && base[0] == '/') {
        path = cli_keep(cli, base, "hufu/session");
    } else if (home != NULL && home[0] == '/') {
        path = cli_keep(cli, home, ".local/state/hufu/session");
    }
    if (path == NULL)
        (void)cli_fail(CLI_USAGE,
                       "there is no place for the session; name one: --session-file FILE");
    cli->session_file = path;
    return path;
}

/* Reads a file of ours that nobody else may read; CLI_DENIED where there is none. */
static enum cli_exit file_read(const char *path, struct buf *out)
{
    struct stat st;
    ssize_t n = 0;
    uint8_t *to;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

    if (fd < 0)
        return cli_fail(CLI_DENIED, "not logged in; `hufu login USER`");
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_uid != geteuid() ||
        (st.st_mode & 077) != 0) {
        (void)close(fd);
        return cli_fail(CLI_USAGE, "the session file is open to others; it must be yours alone: "
                                   "chmod 600, or log in anew");
    }
    to = buf_space(out, FILE_MAX);
    if (to != NULL)
        n = read(fd, to, FILE_MAX);
    (void)close(fd);
    if (to == NULL || n <= 0)
        return cli_fail(CLI_DENIED, "the session file cannot be read; `hufu login USER`");
    out->len = (size_t)n;
    return CLI_OK;
}

/* Takes what the file says into the run. */
static enum cli_exit session_take(struct cli *cli, const json_t *root)
{
    const char *session = json_string_value(json_object_get(root, "session"));
    const char *url = json_string_value(json_object_get(root, "url"));
    const char *ca = json_string_value(json_object_get(root, "ca"));

    if (session == NULL || url == NULL || strlen(session) > CLI_SESSION_MAX)
        return cli_fail(CLI_DENIED, "the session file is damaged; `hufu login USER`");
    /* A development instance may change its port and stays the same server. */
    if (cli->dev_dir == NULL && cli->url != NULL && strcmp(cli->url, url) != 0)
        return cli_fail(CLI_USAGE, "the session belongs to another server; `hufu login USER`");
    if (cli->url == NULL)
        cli->url = cli_keep(cli, NULL, url);
    if (cli->ca == NULL && ca != NULL)
        cli->ca = cli_keep(cli, NULL, ca);
    (void)snprintf(cli->session, sizeof(cli->session), "%s", session);
    /* What stands in a header line must not end it. */
    if (strspn(session, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/=") !=
        strlen(session)) {
        wipe(cli->session, sizeof(cli->session));
        return cli_fail(CLI_DENIED, "the session file is damaged; `hufu login USER`");
    }
    return CLI_OK;
}

enum cli_exit cli_session_load(struct cli *cli)
{
    const char *path = cli_session_path(cli, cli->as);
    json_t *root = NULL;
    enum cli_exit code;
    struct buf text;

    if (path == NULL)
        return CLI_USAGE;
    buf_init(&text, FILE_MAX);
    code = file_read(path, &text);
    if (code == CLI_OK) {
        root = json_loadb((const char *)text.p, text.len, 0, NULL);
        code = session_take(cli, root);
    }
    json_decref(root);
    buf_done(&text);
    return code;
}

/* Makes the folders above path, ours alone. */
static bool folders_make(const char *path)
{
    char at[4096];
    size_t len = strlen(path);

    if (len >= sizeof(at))
        return false;
    memcpy(at, path, len + 1);
    for (char *slash = strchr(at + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        if (mkdir(at, 0700) != 0 && errno != EEXIST)
            return false;
        *slash = '/';
    }
    return true;
}

/* Another name first, then rename: a reader finds the old file or the new one, never half. */
static bool file_write(const char *path, struct view text)
{
    char draft[4096];
    int n = snprintf(draft, sizeof(draft), "%s.%ld", path, (long)getpid());
    bool done;
    int fd;

    if (n < 0 || (size_t)n >= sizeof(draft) || !folders_make(path))
        return false;
    (void)unlink(draft);
    fd = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return false;
    done = write(fd, text.p, text.len) == (ssize_t)text.len;
    done = close(fd) == 0 && done && rename(draft, path) == 0;
    if (!done)
        (void)unlink(draft);
    return done;
}

static void put(struct json *j, const char *name, const json_t *from)
{
    const char *text = json_string_value(json_object_get(from, name));

    if (text != NULL)
        json_put_str(j, name, text);
}

enum cli_exit cli_session_save(struct cli *cli, const char *user, struct view reply)
{
    const char *path = cli_session_path(cli, user);
    json_t *root = json_loadb((const char *)reply.p, reply.len, JSON_REJECT_DUPLICATES, NULL);
    char *ca = cli->ca != NULL ? realpath(cli->ca, NULL) : NULL;
    enum cli_exit code = CLI_OK;
    struct buf text;
    struct json j;

    buf_init(&text, FILE_MAX);
    json_init(&j, &text);
    json_open(&j);
    if (ca != NULL)
        json_put_str(&j, "ca", ca);
    put(&j, "expires_at", root);
    put(&j, "role", root);
    put(&j, "session", root);
    json_put_str(&j, "url", cli->url);
    put(&j, "user", root);
    json_close(&j);
    if (path == NULL)
        code = CLI_USAGE;
    else if (json_string_value(json_object_get(root, "session")) == NULL)
        code = cli_fail(CLI_SERVER, "the server's reply holds no session; check --url, and that "
                                    "client and server are of one version");
    else if (buf_check(&text) != HUFU_OK || !file_write(path, buf_view(&text)))
        code = cli_fail(CLI_USAGE, "cannot write the session file; name one by --session-file");
    json_decref(root);
    buf_done(&text);
    free(ca);
    return code;
}

void cli_session_drop(struct cli *cli)
{
    if (cli->session_file != NULL)
        (void)unlink(cli->session_file);
}
