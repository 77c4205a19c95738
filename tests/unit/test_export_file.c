/* The file of an export by itself: made, hashed, read in parts, taken away; and where it cannot be.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/share_calls.h"
#include "vault/export_file.h"

#define LARGE (256 * 1024)

static const uint8_t id[ID_LEN] = { 1, 2, 3 };
static struct share_key to;
static char dir[64];
static uint8_t *cert_der;
static struct view cert;

static int setup(void **state)
{
    (void)state;
    snprintf(dir, sizeof(dir), "/tmp/hufu-export-XXXXXX");
    share_key_make(&to, "P-256", 0, RIG_NOW_MS + SHARE_YEAR_MS, NULL);
    cert_der = NULL;
    cert = view_of(cert_der, 0);
    cert.len = (size_t)i2d_X509(to.cert, &cert_der);
    cert.p = cert_der;
    return mkdtemp(dir) != NULL ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    OPENSSL_free(cert_der);
    share_key_free(&to);
    return nftw(dir, rig_remove, 8, FTW_DEPTH | FTW_PHYS);
}

static void fill(uint8_t *out, size_t len)
{
    for (size_t i = 0; i < len; i++)
        out[i] = (uint8_t)('a' + i % 23);
}

static void test_made_read_opened_removed(void **state)
{
    uint8_t hash[DIGEST_LEN], again[DIGEST_LEN], *text = malloc(LARGE);
    struct export_file *f = NULL;
    struct buf file, plain;
    struct view all;
    uint64_t bytes = 0;

    (void)state;
    assert_non_null(text);
    fill(text, LARGE);
    assert_int_equal(export_file_begin(dir, id, cert, &f), HUFU_OK);
    for (size_t at = 0; at < LARGE; at += LARGE / 8)
        assert_int_equal(export_file_write(f, view_of(text + at, LARGE / 8)), HUFU_OK);
    buf_init(&file, 2 * LARGE);
    assert_int_equal(export_file_read(dir, id, 0, LARGE, &file), HUFU_NOT_FOUND); /* not whole */
    assert_int_equal(export_file_end(f, &bytes, hash), HUFU_OK);
    export_file_free(f);
    for (size_t part; file.len < bytes; assert_true(file.len > part)) {
        part = file.len;
        assert_int_equal(export_file_read(dir, id, file.len, 70000, &file), HUFU_OK);
        assert_true(file.len - part <= 70000);
    }
    assert_int_equal(file.len, bytes);
    all = buf_view(&file);
    assert_int_equal(digest_sha256(&all, 1, again), HUFU_OK);
    assert_memory_equal(hash, again, DIGEST_LEN);
    buf_init(&plain, 2 * LARGE);
    assert_true(share_open(&to, all, &plain));
    assert_int_equal(plain.len, LARGE);
    assert_memory_equal(plain.p, text, LARGE);
    assert_null(memmem(file.p, file.len, text, 32));
    assert_int_equal(export_file_read(dir, id, bytes, 10, &plain), HUFU_OK); /* nothing more */
    assert_int_equal(plain.len, LARGE);
    assert_int_equal(export_file_remove(dir, id), HUFU_OK);
    assert_int_equal(export_file_remove(dir, id), HUFU_OK); /* nothing to remove: fine */
    assert_int_equal(export_file_read(dir, id, 0, 10, &plain), HUFU_NOT_FOUND);
    buf_done(&file);
    buf_done(&plain);
    free(text);
}

static void test_what_cannot_begin(void **state)
{
    struct export_file *f = (struct export_file *)(void *)dir;
    struct export_file *const before = f;

    (void)state;
    assert_int_equal(export_file_begin(dir, id, view_str("no certificate"), &f), HUFU_CORRUPT);
    assert_int_equal(export_file_begin(dir, id, view_of(cert.p, cert.len - 1), &f), HUFU_CORRUPT);
    assert_int_equal(export_file_begin("/nowhere/at-all", id, cert, &f), HUFU_IO);
    assert_ptr_equal(f, before);
    assert_int_equal(export_file_remove("/nowhere/at-all", id), HUFU_OK);
    export_file_free(NULL);
}

/* A link in the place of the file, or of the folder, is not followed. */
static void test_no_link_is_followed(void **state)
{
    struct export_file *f = NULL;
    char folder[96], part[160], text[ID_TEXT_LEN + 1];

    (void)state;
    snprintf(folder, sizeof(folder), "%s/exports", dir);
    assert_int_equal(mkdir(folder, 0700), 0);
    id_print(id, text);
    snprintf(part, sizeof(part), "%s/%s.part", folder, text);
    assert_int_equal(symlink("/dev/null", part), 0);
    assert_int_equal(export_file_begin(dir, id, cert, &f), HUFU_IO);
    assert_int_equal(unlink(part), 0);
    assert_int_equal(rmdir(folder), 0);
    assert_int_equal(symlink("/tmp", folder), 0);
    assert_int_equal(export_file_begin(dir, id, cert, &f), HUFU_IO);
    assert_null(f);
}

/* A disk that is full: told by a write or, at the latest, by the end. */
static void test_a_full_disk_is_told(void **state)
{
    struct rlimit was, small;
    struct export_file *f = NULL;
    uint8_t hash[DIGEST_LEN] = { 7 }, *text = calloc(1, LARGE);
    enum hufu_err err;
    uint64_t bytes = 7;

    (void)state;
    assert_non_null(text);
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
    small = was;
    small.rlim_cur = 65536;
    assert_int_equal(export_file_begin(dir, id, cert, &f), HUFU_OK);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    err = export_file_write(f, view_of(text, LARGE));
    if (err == HUFU_OK)
        err = export_file_end(f, &bytes, hash);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
    assert_int_equal(err, HUFU_IO);
    assert_true(bytes == 7 && hash[0] == 7);
    export_file_free(f);
    assert_int_equal(export_file_remove(dir, id), HUFU_OK);
    free(text);
}

#undef TEST
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_made_read_opened_removed),
        TEST(test_what_cannot_begin),
        TEST(test_no_link_is_followed),
        TEST(test_a_full_disk_is_told),
    };

    return cmocka_run_group_tests_name("export file", tests, NULL, NULL);
}
