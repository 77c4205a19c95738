/* The settings: the table's bounds, the file's grammar, faults with their lines. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "vault/base/conf.h"
#include "vault/base/log.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static char err_text[256];
static struct conf *conf;

static enum hufu_err parse(const char *text)
{
    conf = NULL;
    err_text[0] = '\0';
    return conf_parse("f", view_str(text), &conf, err_text, sizeof(err_text));
}

static void test_defaults(void **state)
{
    (void)state;
    assert_int_equal(conf_load("", &conf, err_text, sizeof(err_text)), HUFU_OK);
    assert_int_equal(conf_u64(conf, CONF_PORT), 8443);
    assert_int_equal(conf_u64(conf, CONF_LOG_LEVEL), LOG_INFO);
    assert_string_equal(conf_text(conf, CONF_TLS_CRL), "");
    assert_string_equal(conf_text(conf, CONF_HSM_LABEL), "hufu");
    conf_free(conf);
    assert_int_equal(conf_load(NULL, &conf, err_text, sizeof(err_text)), HUFU_OK);
    conf_free(conf);
    conf_free(NULL);
}

/* What must hold in every row: a default inside its bounds, help, and its section's rows together.
 */
static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < CONF_COUNT; i++) {
        const struct conf_row *row = &conf_rows[i];
        bool left = false;

        assert_true(row->help[0] != '\0');
        assert_true(row->min <= row->max);
        for (size_t k = i + 1; k < CONF_COUNT; k++) {
            bool same = strcmp(row->section, conf_rows[k].section) == 0;

            assert_false(same && left);
            assert_false(same && strcmp(row->key, conf_rows[k].key) == 0);
            left = left || !same;
        }
    }
}

static void test_file_values(void **state)
{
    (void)state;
    assert_int_equal(parse("# comment\n; comment\n\n  [front]  \r\nport=1\n threads = 64\n"
                           "[vault]\ndata = /a b;c # d\n[front]\nlisten=::1\n[log]\nlevel = debug"),
                     HUFU_OK);
    assert_int_equal(conf_u64(conf, CONF_PORT), 1);
    assert_int_equal(conf_u64(conf, CONF_FRONT_THREADS), 64);
    assert_string_equal(conf_text(conf, CONF_LISTEN), "::1");
    assert_string_equal(conf_text(conf, CONF_DATA), "/a b;c # d");
    assert_int_equal(conf_u64(conf, CONF_LOG_LEVEL), LOG_DEBUG);
    assert_int_equal(conf_u64(conf, CONF_CONNECTIONS), 1024); /* not given: the default */
    conf_free(conf);
}

static void test_file_faults(void **state)
{
    static const struct {
        const char *file;
        enum hufu_err err;
        const char *text;
    } rows[] = {
        { "[front]\nport = 65536\n", HUFU_RANGE, "f:2: front.port must be 0 to 65535" },
        { "[front]\nport = x\n", HUFU_SYNTAX, "f:2: front.port must be a decimal number" },
        { "[front]\nport =\n", HUFU_SYNTAX, "f:2: front.port must be a decimal number" },
        { "[front]\nport = 1 ; c\n", HUFU_SYNTAX, "f:2: front.port must be a decimal number" },
        { "[front]\nheader_ms = 99\n", HUFU_RANGE,
          "f:2: front.header_ms must be 100 to 600000 ms" },
        { "[front]\nport = 1\n\nport = 1\n", HUFU_SYNTAX, "f:4: front.port is given twice" },
        { "[front]\nport = 1\n[front]\nport = 2\n", HUFU_SYNTAX, "f:4: front.port is given twice" },
        { "[front]\nporto = 1\n", HUFU_SYNTAX, "f:2: no such key in this section" },
        { "[front]\nPort = 1\n", HUFU_SYNTAX, "f:2: no such key in this section" },
        { "[core]\nport = 1\n", HUFU_SYNTAX, "f:2: no such key in this section" },
        { "\n[nope]\n", HUFU_SYNTAX, "f:2: no such section" },
        { "[nope]", HUFU_SYNTAX, "f:1: no such section" },
        { "[]\n", HUFU_SYNTAX, "f:1: no such section" },
        { "[front\nport = 1\n", HUFU_SYNTAX, "f:1: a section without its ]" },
        { "[front] port = 1\n", HUFU_SYNTAX, "f:1: something behind the ] of a section" },
        { "port = 1\n", HUFU_SYNTAX, "f:1: a key before any [section]" },
        { "[front]\nport\n", HUFU_SYNTAX, "f:2: neither [section] nor key = value" },
        { "[front]\nport = 1\n  more\n", HUFU_SYNTAX, "f:3: neither [section] nor key = value" },
        { "[log]\nlevel = Info\n", HUFU_SYNTAX,
          "f:2: log.level must be one of error|warn|info|debug" },
        { "[hsm]\ntoken_serial = 12345678901234567\n", HUFU_RANGE,
          "f:2: hsm.token_serial must have 0 to 16 bytes" },
        { "[vault]\norigin =\n", HUFU_RANGE, "f:2: vault.origin must have 1 to 100 bytes" },
        { "[vault]\norigin = a b\n", HUFU_SYNTAX,
          "f:2: vault.origin holds a character that is not allowed" },
        { "[vault]\norigin = a+b\n", HUFU_SYNTAX,
          "f:2: vault.origin holds a character that is not allowed" },
        { "[vault]\ndata = a\tb\n", HUFU_SYNTAX,
          "f:2: vault.data holds a character that is not allowed" },
        { "[core]\nsecure_heap_bytes = 65537\n", HUFU_RANGE,
          "f:2: core.secure_heap_bytes must be a power of two" },
        { "[alarm]\nwebhook = http://a.example/x\n", HUFU_SYNTAX,
          "f:2: alarm.webhook must be an https:// address" },
        { "[alarm]\nwebhook = https://a.example/x y\n", HUFU_SYNTAX,
          "f:2: alarm.webhook must be an https:// address" },
        { "[token]\nbins = 99900\n", HUFU_SYNTAX,
          "f:2: token.bins: BINs are numbers of 6 to 8 digits and ranges of them, set apart by "
          "commas: 999000-999099, 99912345" },
        { "[token]\nbins = 999000, 99900012\n", HUFU_SYNTAX,
          "f:2: token.bins: two ranges of BINs overlap" },
        { "[token]\nbins = 100001,100002,100003,100004,100005,100006,100007,100008,100009,100010,"
          "100011,100012,100013,100014,100015,100016,100017\n",
          HUFU_SYNTAX, "f:2: token.bins: 16 ranges of BINs at most" },
        { "[vault]\ndata = \xc3\n", HUFU_SYNTAX, "f:2: not text in UTF-8" },
        { "\x01\n", HUFU_SYNTAX, "f:1: not text in UTF-8" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_int_equal(parse(rows[i].file), rows[i].err);
        assert_string_equal(err_text, rows[i].text);
        assert_null(conf); /* untouched */
    }
}

static void test_nul_in_file(void **state)
{
    (void)state;
    conf = NULL;
    assert_int_equal(
        conf_parse("f", view_of("[log]\nlevel\0=info\n", 18), &conf, err_text, sizeof(err_text)),
        HUFU_SYNTAX);
    assert_string_equal(err_text, "f:2: not text in UTF-8");
}

/* Faults never repeat what the file held. */
static void test_faults_do_not_echo(void **state)
{
    (void)state;
    assert_int_equal(parse("[front]\nport = 4111111111111111111111\n"), HUFU_RANGE);
    assert_null(strstr(err_text, "4111"));
    assert_int_equal(parse("[front]\nsecretkey = 1\n"), HUFU_SYNTAX);
    assert_null(strstr(err_text, "secretkey"));
    assert_int_equal(parse("[hsm]\npin_file\nmypin\n"), HUFU_SYNTAX);
    assert_null(strstr(err_text, "mypin"));
}

static void test_line_limit(void **state)
{
    char file[CONF_LINE_MAX + 64];

    (void)state;
    memset(file, '#', sizeof(file));
    file[CONF_LINE_MAX] = '\n';
    file[CONF_LINE_MAX + 1] = '\0';
    assert_int_equal(parse(file), HUFU_OK);
    conf_free(conf);
    file[CONF_LINE_MAX] = '#';
    assert_int_equal(parse(file), HUFU_RANGE);
    assert_string_equal(err_text, "f:1: a line of more than 500 bytes");
}

static void test_path_limit(void **state)
{
    char file[CONF_PATH_MAX + 64] = "[vault]\ndata = ";
    size_t head = strlen(file);

    (void)state;
    memset(file + head, 'p', CONF_PATH_MAX);
    assert_int_equal(parse(file), HUFU_OK);
    assert_int_equal(strlen(conf_text(conf, CONF_DATA)), CONF_PATH_MAX);
    conf_free(conf);
    file[head + CONF_PATH_MAX] = 'p';
    assert_int_equal(parse(file), HUFU_RANGE);
}

static void test_file_limit(void **state)
{
    char *file = malloc(CONF_FILE_MAX + 2);

    (void)state;
    assert_non_null(file);
    memset(file, '\n', CONF_FILE_MAX + 1);
    file[CONF_FILE_MAX] = '\0';
    assert_int_equal(parse(file), HUFU_OK);
    conf_free(conf);
    file[CONF_FILE_MAX] = '\n';
    file[CONF_FILE_MAX + 1] = '\0';
    assert_int_equal(parse(file), HUFU_RANGE);
    free(file);
}

static void test_load_from_disk(void **state)
{
    char path[] = "/tmp/test_conf_XXXXXX";
    int fd = mkstemp(path);

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "[front]\nport = 7\n", 17), 17);
    assert_int_equal(conf_load(path, &conf, err_text, sizeof(err_text)), HUFU_OK);
    assert_int_equal(conf_u64(conf, CONF_PORT), 7);
    conf_free(conf);
    conf = NULL;
    assert_int_equal(write(fd, "port = 7\n", 9), 9);
    assert_int_equal(conf_load(path, &conf, err_text, sizeof(err_text)), HUFU_SYNTAX);
    assert_non_null(strstr(err_text, ":3: front.port is given twice"));
    (void)close(fd);
    (void)unlink(path);
    assert_int_equal(conf_load(path, &conf, err_text, sizeof(err_text)), HUFU_IO);
    assert_non_null(strstr(err_text, "cannot be opened"));
    assert_int_equal(conf_load("/tmp", &conf, err_text, sizeof(err_text)), HUFU_IO);
    assert_null(conf);
}

static void test_set(void **state)
{
    static const struct {
        const char *in;
        enum hufu_err err;
    } rows[] = {
        { "front.port=1", HUFU_OK },
        { "front.port=2", HUFU_OK }, /* again is fine here: the last one counts */
        { "log.level=error", HUFU_OK },
        { "log.format=text", HUFU_OK },
        { "log.format=jso", HUFU_SYNTAX },
        { "log.format=json|text", HUFU_SYNTAX },
        { "log.requests=", HUFU_SYNTAX },
        { "hsm.token_label=a=b.c", HUFU_OK },
        { "token.bins=999000-999099, 99912345", HUFU_OK },
        { "token.bins=", HUFU_OK },
        { "token.bins=999099-999000", HUFU_SYNTAX },
        { "vault.data=", HUFU_OK },
        { "front.port", HUFU_SYNTAX },
        { "port=1", HUFU_SYNTAX },
        { "", HUFU_SYNTAX },
        { "=", HUFU_SYNTAX },
        { "front.=1", HUFU_SYNTAX },
        { "front.port =1", HUFU_SYNTAX },
        { "front.port= 1", HUFU_SYNTAX },
        { "hsm.token_label= x", HUFU_SYNTAX },
        { "hsm.token_label=x ", HUFU_SYNTAX },
        { "front.port=65536", HUFU_RANGE },
    };

    (void)state;
    assert_int_equal(parse(""), HUFU_OK);
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_int_equal(conf_set(conf, rows[i].in, err_text, sizeof(err_text)), rows[i].err);
    assert_string_equal(err_text, "option: front.port must be 0 to 65535");
    assert_int_equal(conf_u64(conf, CONF_PORT), 2);
    assert_int_equal(conf_u64(conf, CONF_LOG_LEVEL), LOG_ERROR_LEVEL);
    assert_string_equal(conf_text(conf, CONF_HSM_LABEL), "a=b.c");
    conf_free(conf);
}

/* Both sides of both bounds of every row, through the same door as the file. */
static void test_every_bound(void **state)
{
    (void)state;
    assert_int_equal(parse(""), HUFU_OK);
    for (size_t i = 0; i < CONF_COUNT; i++) {
        const struct conf_row *row = &conf_rows[i];
        char text[128];

        if (row->type != CONF_NUMBER)
            continue;
        for (int side = -1; side <= 1; side += 2) {
            uint64_t edge = side < 0 ? row->min : row->max;

            (void)snprintf(text, sizeof(text), "%s.%s=%llu", row->section, row->key,
                           (unsigned long long)edge);
            assert_int_equal(conf_set(conf, text, err_text, sizeof(err_text)), HUFU_OK);
            assert_true(conf_u64(conf, (enum conf_id)i) == edge);
            if (edge == 0)
                continue;
            (void)snprintf(text, sizeof(text), "%s.%s=%llu", row->section, row->key,
                           (unsigned long long)(side < 0 ? edge - 1 : edge + 1));
            assert_int_equal(conf_set(conf, text, err_text, sizeof(err_text)), HUFU_RANGE);
            assert_true(conf_u64(conf, (enum conf_id)i) == edge);
        }
    }
    conf_free(conf);
}

static void test_short_err_text(void **state)
{
    char small[8] = "1234567";

    (void)state;
    conf = NULL;
    assert_int_equal(conf_parse("name", view_str("x"), &conf, small, sizeof(small)), HUFU_SYNTAX);
    assert_string_equal(small, "name:1:");
    assert_int_equal(conf_parse("name", view_str("x"), &conf, NULL, 0), HUFU_SYNTAX);
}

static char *printed(const struct conf *c)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);

    assert_non_null(out);
    if (c != NULL)
        conf_print(c, out);
    else
        conf_print_example(out);
    (void)fclose(out);
    return text;
}

static void test_print_is_a_valid_file(void **state)
{
    char *first, *second;

    (void)state;
    assert_int_equal(parse("[front]\nport = 9\n[log]\nlevel = warn\n[vault]\ndata = \n"), HUFU_OK);
    first = printed(conf);
    conf_free(conf);
    assert_non_null(strstr(first, "\nport = 9\n"));
    assert_non_null(strstr(first, "\nlevel = warn\n"));
    assert_non_null(strstr(first, "\ndata =\n"));
    assert_int_equal(parse(first), HUFU_OK);
    second = printed(conf);
    conf_free(conf);
    assert_string_equal(first, second);
    free(first);
    free(second);
}

/* The example parses, says the defaults, and is the file in the tree (run from the root). */
static void test_example(void **state)
{
    char *example = printed(NULL), *effective, *defaults;
    static char file[CONF_FILE_MAX];
    size_t len;
    FILE *in;

    (void)state;
    assert_int_equal(parse(example), HUFU_OK);
    effective = printed(conf);
    conf_free(conf);
    assert_int_equal(parse(""), HUFU_OK);
    defaults = printed(conf);
    conf_free(conf);
    assert_string_equal(effective, defaults);

    in = fopen("conf/hufu.conf.example", "r");
    assert_non_null(in);
    len = fread(file, 1, sizeof(file) - 1, in);
    file[len] = '\0';
    (void)fclose(in);
    assert_string_equal(file, example);
    free(example);
    free(effective);
    free(defaults);
}

/* The man page names every setting in its section. */
static void test_settings_are_in_the_man_page(void **state)
{
#define NAME(id, section, key, type, unit, min, max, def, help) { section, key },
    static const struct {
        const char *section, *key;
    } rows[] = { CONF_ROWS(NAME) };
#undef NAME
    static char page[65536];
    FILE *file = fopen("tools/man/hufu.conf.5.scd", "re");
    size_t len;

    (void)state;
    assert_non_null(file);
    len = fread(page, 1, sizeof(page) - 1, file);
    assert_int_equal(fclose(file), 0);
    assert_true(len > 0 && len < sizeof(page) - 1);
    for (size_t i = 0; i < COUNT(rows); i++) {
        char text[64];
        const char *from, *end;

        (void)snprintf(text, sizeof(text), "\n*[%s]*\n", rows[i].section);
        from = strstr(page, text);
        (void)snprintf(text, sizeof(text), "\n\t*%s*\n", rows[i].key);
        from = from == NULL ? NULL : strstr(from, text);
        if (from == NULL)
            fail_msg("no entry for %s.%s", rows[i].section, rows[i].key);
        end = strstr(page, "\n# SECRETS\n");
        assert_true(from < end);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_file_values),
        cmocka_unit_test(test_file_faults),
        cmocka_unit_test(test_nul_in_file),
        cmocka_unit_test(test_faults_do_not_echo),
        cmocka_unit_test(test_line_limit),
        cmocka_unit_test(test_path_limit),
        cmocka_unit_test(test_file_limit),
        cmocka_unit_test(test_load_from_disk),
        cmocka_unit_test(test_set),
        cmocka_unit_test(test_every_bound),
        cmocka_unit_test(test_short_err_text),
        cmocka_unit_test(test_print_is_a_valid_file),
        cmocka_unit_test(test_settings_are_in_the_man_page),
        cmocka_unit_test(test_example),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
