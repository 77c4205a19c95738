#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hsm/pin.h"

#define SERIAL "0123456789abcdef"

/* One folder for PIN file, record and credentials; removed by teardown. */
struct place {
    char dir[64];
    char file[80];
    char record[96];
    struct conf *conf;
    struct pin pin;
};

static void conf_put(struct conf *conf, const char *key, const char *value)
{
    char line[160], err[128];

    snprintf(line, sizeof(line), "%s=%s", key, value);
    assert_int_equal(conf_set(conf, line, err, sizeof(err)), HUFU_OK);
}

static int setup(void **state)
{
    struct place *p = calloc(1, sizeof(*p));
    char err[128];

    snprintf(p->dir, sizeof(p->dir), "/tmp/hufu-pin-XXXXXX");
    assert_non_null(mkdtemp(p->dir));
    snprintf(p->file, sizeof(p->file), "%s/hsm-pin", p->dir);
    snprintf(p->record, sizeof(p->record), "%s/hsm-pin-refused", p->dir);
    assert_int_equal(conf_load(NULL, &p->conf, err, sizeof(err)), HUFU_OK);
    conf_put(p->conf, "vault.data", p->dir);
    conf_put(p->conf, "hsm.pin_file", p->file);
    unsetenv("CREDENTIALS_DIRECTORY");
    assert_int_equal(pin_init(&p->pin, p->conf), HUFU_OK);
    *state = p;
    return 0;
}

static int teardown(void **state)
{
    struct place *p = *state;

    conf_free(p->conf);
    (void)remove(p->file);
    (void)remove(p->record);
    assert_int_equal(rmdir(p->dir), 0); /* nothing else was left */
    free(p);
    return 0;
}

static void file_put(const struct place *p, const char *text, size_t len, mode_t mode)
{
    int fd;

    (void)remove(p->file);
    fd = open(p->file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, len), len);
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
}

/* Loads and frees; the secret must be untouched where it fails. */
static enum hufu_err load(struct place *p)
{
    struct secret *got = NULL;
    enum hufu_err err = pin_load(&p->pin, SERIAL, &got);

    assert_int_equal(err == HUFU_OK, got != NULL);
    secret_free(got);
    return err;
}

static void test_pin_load_takes_one_newline_off(void **state)
{
    static char long_text[300];
    static const struct {
        const char *text;
        size_t len;
        enum hufu_err want;
        const char *pin;
    } rows[] = {
        { "1234", 4, HUFU_OK, "1234" },
        { "1234\n", 5, HUFU_OK, "1234" },
        { "1234\n\n", 6, HUFU_OK, "1234\n" },
        { " 12 \r\n", 6, HUFU_OK, " 12 \r" },
        { "", 0, HUFU_RANGE, NULL },
        { "\n", 1, HUFU_RANGE, NULL },
        { "12\0"
          "34",
          5, HUFU_RANGE, NULL },
        { "\0", 1, HUFU_RANGE, NULL },
        { long_text, 255, HUFU_OK, NULL },
        { long_text, 256, HUFU_RANGE, NULL },
        { long_text, 257, HUFU_RANGE, NULL },
        { long_text, 299, HUFU_RANGE, NULL },
    };
    struct place *p = *state;

    memset(long_text, '7', sizeof(long_text) - 1);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct secret *got = NULL;

        file_put(p, rows[i].text, rows[i].len, 0400);
        assert_int_equal(pin_load(&p->pin, SERIAL, &got), rows[i].want);
        if (rows[i].pin)
            assert_string_equal((const char *)secret_read(got), rows[i].pin);
        assert_int_equal(got != NULL, rows[i].want == HUFU_OK);
        secret_free(got);
    }
    long_text[255] = '\n';
    file_put(p, long_text, 256, 0400);
    assert_int_equal(load(p), HUFU_OK);
}

static void test_pin_load_wants_a_file_of_mode_0400(void **state)
{
    struct place *p = *state;

    for (mode_t mode = 0; mode <= 0777; mode++) {
        bool fine = (mode & 0277) == 0;

        file_put(p, "1234", 4, mode);
        if (fine && geteuid() != 0 && !(mode & 0400))
            continue; /* only root opens a file of mode 0 */
        assert_int_equal(load(p), fine ? HUFU_OK : HUFU_FORBIDDEN);
        if (geteuid() != 0 && !(mode & 0400))
            break;
    }
}

static void test_pin_load_wants_a_regular_file_of_ours(void **state)
{
    struct place *p = *state;
    char target[96];

    assert_int_equal(load(p), HUFU_NOT_FOUND);
    assert_int_equal(mkdir(p->file, 0400), 0);
    assert_int_equal(load(p), HUFU_FORBIDDEN);
    assert_int_equal(rmdir(p->file), 0);
    assert_int_equal(mkfifo(p->file, 0400), 0);
    assert_int_equal(load(p), HUFU_FORBIDDEN); /* and does not wait for a writer */
    file_put(p, "1234", 4, 0400);
    snprintf(target, sizeof(target), "%s.real", p->file);
    assert_int_equal(rename(p->file, target), 0);
    assert_int_equal(symlink(target, p->file), 0);
    assert_int_equal(load(p), HUFU_FORBIDDEN);
    assert_int_equal(remove(p->file), 0);
    assert_int_equal(rename(target, p->file), 0);
    assert_int_equal(load(p), HUFU_OK);
    if (geteuid() == 0) {
        assert_int_equal(chown(p->file, 12345, (gid_t)-1), 0);
        assert_int_equal(load(p), HUFU_FORBIDDEN);
    }
}

static void test_pin_init_takes_the_credential_of_systemd(void **state)
{
    struct place *p = *state;

    conf_put(p->conf, "hsm.pin_file", "");
    assert_int_equal(pin_init(&p->pin, p->conf), HUFU_OK);
    assert_int_equal(load(p), HUFU_NOT_FOUND);
    setenv("CREDENTIALS_DIRECTORY", p->dir, 1);
    assert_int_equal(pin_init(&p->pin, p->conf), HUFU_OK);
    file_put(p, "1234", 4, 0400);
    assert_int_equal(load(p), HUFU_OK);
    assert_int_equal(chmod(p->file, 0440), 0); /* how an access control list shows */
    assert_int_equal(load(p), HUFU_OK);
    assert_int_equal(chmod(p->file, 0444), 0);
    assert_int_equal(load(p), HUFU_FORBIDDEN);
    assert_int_equal(chmod(p->file, 0460), 0);
    assert_int_equal(load(p), HUFU_FORBIDDEN);
    unsetenv("CREDENTIALS_DIRECTORY");
}

/* As a new process would begin. */
static void restart(struct place *p)
{
    assert_int_equal(pin_init(&p->pin, p->conf), HUFU_OK);
}

static void test_pin_refuse_is_remembered_until_the_file_changes(void **state)
{
    struct place *p = *state;
    struct timespec times[2] = { { 0, UTIME_OMIT }, { 0, 0 } };
    struct secret *got = NULL;
    struct stat st;

    file_put(p, "1234", 4, 0400);
    assert_int_equal(load(p), HUFU_OK);
    assert_int_equal(pin_refuse(&p->pin), HUFU_OK);
    assert_int_equal(stat(p->record, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(load(p), HUFU_HSM_PIN);
    restart(p);
    assert_int_equal(load(p), HUFU_HSM_PIN);
    assert_int_equal(pin_load(&p->pin, "another", &got), HUFU_OK); /* another token */
    secret_free(got);
    assert_int_equal(load(p), HUFU_HSM_PIN);

    assert_int_equal(stat(p->file, &st), 0); /* one nanosecond makes another file of it */
    times[1] = (struct timespec){ st.st_mtim.tv_sec, (st.st_mtim.tv_nsec + 1) % 1000000000L };
    assert_int_equal(utimensat(AT_FDCWD, p->file, times, 0), 0);
    assert_int_equal(load(p), HUFU_OK);
    restart(p);
    assert_int_equal(load(p), HUFU_OK);
    pin_accept(&p->pin);
    assert_int_not_equal(access(p->record, F_OK), 0);
}

/* The record never holds the PIN. */
static void test_pin_refuse_writes_no_pin(void **state)
{
    struct place *p = *state;
    char text[512] = { 0 };
    int fd;

    file_put(p, "sesame-1234", 11, 0400);
    assert_int_equal(load(p), HUFU_OK);
    assert_int_equal(pin_refuse(&p->pin), HUFU_OK);
    fd = open(p->record, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_true(read(fd, text, sizeof(text) - 1) > 0);
    close(fd);
    assert_null(strstr(text, "sesame"));
    assert_non_null(strstr(text, "hufu-pin-refused-1 dev="));
}

static void test_pin_refuse_without_a_disk_holds_in_this_process(void **state)
{
    struct place *p = *state;

    file_put(p, "1234", 4, 0400);
    assert_int_equal(load(p), HUFU_OK);
    assert_int_equal(mkdir(p->record, 0700), 0); /* what cannot be renamed over */
    assert_int_equal(pin_refuse(&p->pin), HUFU_IO);
    assert_int_equal(load(p), HUFU_HSM_PIN);
    assert_int_equal(rmdir(p->record), 0);
    assert_int_equal(load(p), HUFU_HSM_PIN); /* and was written now */
    restart(p);
    assert_int_equal(load(p), HUFU_HSM_PIN);
}

/* A record that cannot be read may be a refusal: no login. */
static void test_pin_load_fails_closed_on_an_unreadable_record(void **state)
{
    struct place *p = *state;

    file_put(p, "1234", 4, 0400);
    assert_int_equal(symlink(p->file, p->record), 0);
    assert_int_equal(load(p), HUFU_IO);
    assert_int_equal(remove(p->record), 0);
    assert_int_equal(mkdir(p->record, 0700), 0);
    assert_int_equal(load(p), HUFU_IO);
    assert_int_equal(rmdir(p->record), 0);
    assert_int_equal(load(p), HUFU_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_pin_load_takes_one_newline_off, setup, teardown),
        cmocka_unit_test_setup_teardown(test_pin_load_wants_a_file_of_mode_0400, setup, teardown),
        cmocka_unit_test_setup_teardown(test_pin_load_wants_a_regular_file_of_ours, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_pin_init_takes_the_credential_of_systemd, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_pin_refuse_is_remembered_until_the_file_changes, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_pin_refuse_writes_no_pin, setup, teardown),
        cmocka_unit_test_setup_teardown(test_pin_refuse_without_a_disk_holds_in_this_process, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_pin_load_fails_closed_on_an_unreadable_record, setup,
                                        teardown),
    };

    if (secret_heap_init(65536) != HUFU_OK)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
