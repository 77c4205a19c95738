/*
 * hufud.c - the daemon: options, then either the supervisor or, with --role, one of the
 * rooms, or who delivers alarms.
 *
 * The only file that includes all three. The supervisor itself calls none of them: it starts this
 * program again for each role (supervise.h has the descriptors' numbers).
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/front.h"
#include "hsm/hsm.h"
#include "tools/instance.h"
#include "tools/sink.h"
#include "tools/supervise.h"
#include "vault/base/conf.h"
#include "vault/base/log.h"
#include "vault/base/secret.h"
#include "vault/base/version.h"
#include "vault/core.h"

#define CONF_DEFAULT "/etc/hufu/hufu.conf"
#define SET_MAX      28   /* -o on one command line */
#define ERR_BYTES    512  /* of a configuration error's text */
#define LOCK_WAIT_MS 2000 /* for the core of a hufud that has just died */
#define FD_SWEEP     1024 /* descriptors that whoever started us may have left open */

enum mode { MODE_RUN, MODE_CHECK, MODE_PRINT, MODE_HELP, MODE_VERSION };

struct options {
    enum mode mode;
    const char *conf_path;
    const char *sets[SET_MAX];
    size_t sets_count;
    const char *init_path;             /* NULL: serve */
    const char *role;                  /* NULL: be the supervisor */
    const char *args[2 * SET_MAX + 3]; /* -c and -o again, for the roles; NULL-terminated */
};

static void usage(FILE *out)
{
    fputs("usage: hufud [-c FILE] [-o SECTION.KEY=VALUE]... [-t | -T | --init FILE]\n"
          "  -c FILE         read the configuration from FILE (" CONF_DEFAULT ")\n"
          "  -o S.KEY=VALUE  set one value after the file; may be repeated\n"
          "  -t              check the configuration and the files that it names, and end\n"
          "  -T              print the effective configuration and end\n"
          "  --init FILE     make a new vault as FILE (mode 0600 or 0400) says, and end\n"
          "  -h, --help      this text and every setting\n"
          "  -V, --version   the version\n",
          out);
}

static bool set_add(struct options *o, const char *assignment)
{
    if (o->sets_count == SET_MAX)
        return false;
    o->sets[o->sets_count++] = assignment;
    return true;
}

static void args_fill(struct options *o)
{
    size_t count = 0;

    o->args[count++] = "-c";
    o->args[count++] = o->conf_path;
    for (size_t i = 0; i < o->sets_count; i++) {
        o->args[count++] = "-o";
        o->args[count++] = o->sets[i];
    }
}

static bool options_parse(int argc, char **argv, struct options *o)
{
    static const struct option longs[] = {
        { "help", no_argument, NULL, 'h' },
        { "version", no_argument, NULL, 'V' },
        { "init", required_argument, NULL, 'i' },
        { "role", required_argument, NULL, 'r' },
        { NULL, 0, NULL, 0 },
    };
    bool good = true;
    int c;

    *o = (struct options){ .conf_path = CONF_DEFAULT };
    while (good && (c = getopt_long(argc, argv, "c:o:tThV", longs, NULL)) != -1) {
        if (c == 'c')
            o->conf_path = optarg;
        else if (c == 'o')
            good = set_add(o, optarg);
        else if (c == 'i')
            o->init_path = optarg;
        else if (c == 'r')
            o->role = optarg;
        else if (c == 't' || c == 'T')
            o->mode = c == 't' ? MODE_CHECK : MODE_PRINT;
        else if (c == 'h' || c == 'V')
            o->mode = c == 'h' ? MODE_HELP : MODE_VERSION;
        else
            good = false;
    }
    args_fill(o);
    return good && optind == argc;
}

/* Reads the file and then the single settings; tells a fault on standard error, unless quiet. */
static enum hufu_err conf_read(const struct options *o, bool quiet, struct conf **out)
{
    char text[ERR_BYTES] = "";
    struct conf *conf = NULL;
    enum hufu_err err;

    err = conf_load(o->conf_path, &conf, text, sizeof(text));
    for (size_t i = 0; i < o->sets_count && err == HUFU_OK; i++)
        err = conf_set(conf, o->sets[i], text, sizeof(text));
    if (err != HUFU_OK) {
        if (!quiet)
            fprintf(stderr, "hufud: %s\n", text);
        conf_free(conf);
        return err;
    }
    *out = conf;
    return HUFU_OK;
}

/* ---- -t ---- */

/* False where the file that a setting names is not there for whoever asks; tells which. */
static bool file_is_there(const struct conf *conf, enum conf_id id)
{
    const char *path = conf_text(conf, id);
    const struct conf_row *row = &conf_rows[id];
    bool runs = id == CONF_ALARM_COMMAND;
    const char *fault = NULL;
    struct stat st;

    if (path[0] == '\0')
        return true;
    if (stat(path, &st) != 0 || access(path, runs ? X_OK : R_OK) != 0)
        fault = strerror(errno);
    else if (!S_ISREG(st.st_mode))
        fault = "Not a file";
    if (fault == NULL)
        return true;
    fprintf(stderr, "hufud: %s.%s: the file cannot be %s: %s\n", row->section, row->key,
            runs ? "run" : "read", fault);
    return false;
}

/* Tells every file that is missing, not the first alone. The data folder is made by --init. */
static int check_files(const struct conf *conf)
{
    int status = 0;

    for (int id = 0; id < CONF_COUNT; id++)
        if (conf_rows[id].type == CONF_PATH && id != CONF_DATA &&
            !file_is_there(conf, (enum conf_id)id))
            status = SUPERVISE_EXIT_CONFIG;
    if (status == 0)
        puts("hufud: the configuration is valid");
    return status;
}

/* ---- a role ---- */

static int fd_if_there(int fd)
{
    return fcntl(fd, F_GETFD) == -1 ? -1 : fd;
}

static int core_role(const struct conf *conf)
{
    struct core_links links = { SUPERVISE_FD_CONTROL, fd_if_there(SUPERVISE_FD_LINK),
                                fd_if_there(SUPERVISE_FD_SECOND), fd_if_there(SUPERVISE_FD_ALARM),
                                fd_if_there(SUPERVISE_FD_INIT) };

    return core_main(conf, &links);
}

static int role_main(const char *role, const struct conf *conf)
{
    int link_fd = fd_if_there(SUPERVISE_FD_LINK), second_fd = fd_if_there(SUPERVISE_FD_SECOND);

    if (fd_if_there(SUPERVISE_FD_CONTROL) < 0) {
        fputs("hufud: --role is for hufud itself\n", stderr);
        return SUPERVISE_EXIT_CONFIG;
    }
    if (secret_forbid_dumps() != HUFU_OK || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return SUPERVISE_EXIT_CONFIG;
    if (strcmp(role, "front") == 0)
        return front_main(conf, SUPERVISE_FD_CONTROL, link_fd, second_fd);
    if (strcmp(role, "core") == 0)
        return core_role(conf);
    if (strcmp(role, "alarm") == 0)
        return sink_main(conf, SUPERVISE_FD_CONTROL, link_fd);
    if (strcmp(role, "hsm") == 0)
        return hsm_main(conf, SUPERVISE_FD_CONTROL, link_fd);
    fputs("hufud: no such role\n", stderr);
    return SUPERVISE_EXIT_CONFIG;
}

/* ---- the supervisor ---- */

struct level_source {
    const struct options *o;
    uint8_t level;
};

static void limit_raise(__rlimit_resource_t resource)
{
    struct rlimit limit;

    if (getrlimit(resource, &limit) != 0 || limit.rlim_cur == limit.rlim_max)
        return;
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(resource, &limit) != 0)
        log_event(LOG_WARN, "hufud.limit", "resource", LOG_NUM(resource), NULL);
}

/* What the roles get is ours alone: files 0600, no stray descriptor, the limits we may have. */
static void process_prepare(void)
{
    umask(077);
    for (int fd = 3; fd < FD_SWEEP; fd++)
        (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
    limit_raise(RLIMIT_NOFILE);
    limit_raise(RLIMIT_MEMLOCK);
}

static int refuse(const char *event, enum hufu_err err, int status)
{
    log_event(LOG_ERROR_LEVEL, event, "err", LOG_ERR(err), NULL);
    return status;
}

/* SIGHUP: the file is read again for the level of the log; a fault in it changes nothing. */
static uint8_t read_level(void *arg)
{
    struct level_source *source = arg;
    struct conf *conf = NULL;

    enum hufu_err err = conf_read(source->o, true, &conf);

    if (err == HUFU_OK)
        source->level = (uint8_t)conf_u64(conf, CONF_LOG_LEVEL);
    else /* hufud -t tells a person where it is */
        log_event(LOG_ERROR_LEVEL, "hufud.reload_failed", "err", LOG_ERR(err), NULL);
    conf_free(conf);
    log_level_set((enum log_level)source->level);
    return source->level;
}

static int plan_run(const struct options *o, const struct conf *conf, struct supervise_plan *plan)
{
    enum hufu_err err;

    if (o->init_path) {
        err = instance_init_file(o->init_path, &plan->init_fd);
        if (err != HUFU_OK)
            return refuse("hufud.init_file", err, SUPERVISE_EXIT_CONFIG);
    } else {
        err = instance_listen(conf_text(conf, CONF_LISTEN), (uint16_t)conf_u64(conf, CONF_PORT),
                              &plan->listen_fd, &plan->port);
        if (err != HUFU_OK)
            return refuse("hufud.listen", err, err == HUFU_SYNTAX ? SUPERVISE_EXIT_CONFIG : 1);
    }
    return supervise_run(plan);
}

static int supervisor_main(const struct options *o, const struct conf *conf)
{
    struct level_source source = { o, (uint8_t)conf_u64(conf, CONF_LOG_LEVEL) };
    struct supervise_plan plan = { .args = o->args,
                                   .read_level = read_level,
                                   .arg = &source,
                                   .data_dir = conf_text(conf, CONF_DATA),
                                   .has_alarm = sink_is_wanted(conf),
                                   .lock_fd = -1,
                                   .listen_fd = -1,
                                   .init_fd = -1 };
    enum hufu_err err;
    int status;

    process_prepare();
    if (o->init_path && mkdir(plan.data_dir, 0700) != 0 && errno != EEXIST)
        return refuse("hufud.data", HUFU_IO, 1);
    err = instance_lock(plan.data_dir, LOCK_WAIT_MS, &plan.lock_fd);
    if (err != HUFU_OK)
        return refuse("hufud.lock", err, 1);
    status = plan_run(o, conf, &plan);
    if (plan.init_fd >= 0)
        close(plan.init_fd);
    close(plan.lock_fd);
    return status;
}

int main(int argc, char **argv)
{
    struct conf *conf = NULL;
    struct options o;
    int status = 0;

    if (!options_parse(argc, argv, &o)) {
        usage(stderr);
        return 2;
    }
    if (o.mode == MODE_HELP) {
        usage(stdout);
        fputs("\nSettings, at their defaults:\n\n", stdout);
        conf_print_example(stdout);
        return 0;
    }
    if (o.mode == MODE_VERSION) {
        puts("hufud " HUFU_VERSION);
        return 0;
    }
    if (conf_read(&o, false, &conf) != HUFU_OK)
        return SUPERVISE_EXIT_CONFIG;
    log_format_set((enum log_format)conf_u64(conf, CONF_LOG_FORMAT));
    log_setup(o.role ? o.role : "hufud", (enum log_level)conf_u64(conf, CONF_LOG_LEVEL));
    if (o.mode == MODE_CHECK)
        status = check_files(conf);
    else if (o.mode == MODE_PRINT)
        conf_print(conf, stdout);
    else
        status = o.role ? role_main(o.role, conf) : supervisor_main(&o, conf);
    conf_free(conf);
    return status;
}
