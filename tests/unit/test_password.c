/* Argon2id: a vector of another implementation, the record, and generated passwords. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <argon2.h>
#include <cmocka.h>

#include "vault/access/password.h"

/* Under ASan too a failed malloc shall give NULL, as it does for us. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "allocator_may_return_null=1";
}

#define KIB 64 /* small: these tests are about everything but the cost */

static bool fills = true;

static enum hufu_err fill_sevens(const struct entropy_ops *e, uint8_t *out, size_t out_len)
{
    (void)e;
    if (!fills)
        return HUFU_IO;
    memset(out, 7, out_len);
    return HUFU_OK;
}

static const struct entropy_ops sevens = { fill_sevens };

static void test_make_and_check(void **state)
{
    struct password p;
    struct draw d;

    (void)state;
    draw_init(&d, &entropy_system);
    assert_int_equal(password_make(&d, view_str("correct horse"), KIB, 2, &p), HUFU_OK);
    assert_int_equal(p.kib, KIB);
    assert_int_equal(p.passes, 2);
    assert_int_equal(p.lanes, 1);
    assert_true(password_check(&p, view_str("correct horse")));
    assert_false(password_check(&p, view_str("correct horsf")));
    assert_false(password_check(&p, view_str("correct hors")));
    assert_false(password_check(&p, view_str("correct horse ")));
    assert_false(password_check(&p, view_of("correct horse", 14))); /* with its NUL */
    assert_false(password_check(&p, view_str("")));
    draw_done(&d);
}

/* libargon2's own check of the encoded form agrees: the parameters are the ones we name. */
static void test_make_against_encoded_form(void **state)
{
    char encoded[256];
    struct password p;
    struct draw d;

    (void)state;
    draw_init(&d, &sevens);
    assert_int_equal(password_make(&d, view_str("pw"), KIB, 3, &p), HUFU_OK);
    assert_int_equal(argon2id_hash_encoded(3, KIB, 1, "pw", 2, p.salt, sizeof(p.salt),
                                           PASSWORD_HASH_LEN, encoded, sizeof(encoded)),
                     ARGON2_OK);
    assert_non_null(strstr(encoded, "$argon2id$v=19$m=64,t=3,p=1$BwcHBwcHBwcHBwcHBwcHBw$"));
    assert_int_equal(argon2id_verify(encoded, "pw", 2), ARGON2_OK);
    draw_done(&d);
}

/* Computed with OpenSSL 3.5's Argon2id through python3-cryptography, not with libargon2. */
static void test_check_vector(void **state)
{
    struct password p = { .salt = "saltsaltsaltsal", .kib = KIB, .passes = 3, .lanes = 1 };
    const char *hex = "31c1a4460596543dd3e80ec2968d536c660e39b949255b4d86242febc2fd726d";

    (void)state;
    p.salt[15] = 't';
    for (size_t i = 0; i < PASSWORD_HASH_LEN; i++) {
        char two[3] = { hex[2 * i], hex[2 * i + 1], 0 };

        p.hash[i] = (uint8_t)strtoul(two, NULL, 16);
    }
    assert_true(password_check(&p, view_str("p")));
    for (size_t i = 0; i < PASSWORD_HASH_LEN * 8; i++) {
        p.hash[i / 8] ^= (uint8_t)(1u << (i % 8));
        if (i % 15 == 0)
            assert_false(password_check(&p, view_str("p")));
        p.hash[i / 8] ^= (uint8_t)(1u << (i % 8));
    }
    p.passes = 2;
    assert_false(password_check(&p, view_str("p")));
}

static void test_salts_differ(void **state)
{
    struct password a, b;
    struct draw d;

    (void)state;
    draw_init(&d, &entropy_system);
    assert_int_equal(password_make(&d, view_str("x"), KIB, 1, &a), HUFU_OK);
    assert_int_equal(password_make(&d, view_str("x"), KIB, 1, &b), HUFU_OK);
    assert_memory_not_equal(a.salt, b.salt, sizeof(a.salt));
    assert_memory_not_equal(a.hash, b.hash, sizeof(a.hash));
    draw_done(&d);
}

static void test_make_limits(void **state)
{
    static const struct {
        size_t len;
        uint32_t kib, passes;
        enum hufu_err err;
    } rows[] = {
        { 1, 8, 1, HUFU_OK },
        { PASSWORD_MAX, 8, 1, HUFU_OK },
        { 1, 8, PASSWORD_PASSES_MAX, HUFU_OK },
        { 0, 8, 1, HUFU_RANGE },
        { PASSWORD_MAX + 1, 8, 1, HUFU_RANGE },
        { 1, 7, 1, HUFU_RANGE },
        { 1, PASSWORD_KIB_MAX + 1, 1, HUFU_RANGE },
        { 1, 8, 0, HUFU_RANGE },
        { 1, 8, PASSWORD_PASSES_MAX + 1, HUFU_RANGE },
    };
    char text[PASSWORD_MAX + 1];
    struct draw d;

    (void)state;
    memset(text, 'a', sizeof(text));
    draw_init(&d, &entropy_system);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct password p = { .kib = 4711 };

        assert_int_equal(
            password_make(&d, view_of(text, rows[i].len), rows[i].kib, rows[i].passes, &p),
            rows[i].err);
        if (rows[i].err == HUFU_OK)
            assert_true(password_check(&p, view_of(text, rows[i].len)));
        else
            assert_int_equal(p.kib, 4711);
    }
    draw_done(&d);
}

static void test_make_without_entropy(void **state)
{
    struct password p = { .kib = 4711 };
    char text[PASSWORD_GENERATED_LEN + 1] = "untouched";
    struct draw d;

    (void)state;
    fills = false;
    draw_init(&d, &sevens);
    assert_int_equal(password_make(&d, view_str("x"), KIB, 1, &p), HUFU_IO);
    assert_int_equal(p.kib, 4711);
    assert_int_equal(password_generate(&d, text), HUFU_IO);
    assert_string_equal(text, "untouched");
    fills = true;
}

/* A record that was never made by us costs nothing and fits nothing. */
static void test_check_refuses_bad_costs(void **state)
{
    struct password p;

    (void)state;
    password_dummy(PASSWORD_KIB_MAX + 1, 1, &p);
    assert_false(password_check(&p, view_str("x")));
    password_dummy(KIB, 0, &p);
    assert_false(password_check(&p, view_str("x")));
    password_dummy(KIB, 1, &p);
    p.lanes = 2; /* even with the hash that two lanes give */
    assert_int_equal(
        argon2id_hash_raw(1, KIB, 2, "x", 1, p.salt, sizeof(p.salt), p.hash, PASSWORD_HASH_LEN),
        ARGON2_OK);
    assert_false(password_check(&p, view_str("x")));
}

static void test_dummy_fits_nothing(void **state)
{
    struct password p;

    (void)state;
    password_dummy(KIB, 2, &p);
    assert_int_equal(p.kib, KIB);
    assert_int_equal(p.passes, 2);
    assert_false(password_check(&p, view_str("")));
    assert_false(password_check(&p, view_str("password")));
}

/* 50,000 characters: each of the 31 appears, none of the look-alikes, evenly (chi-square, 30 df).
 */
static void test_generate(void **state)
{
    const char *letters = "23456789abcdefghjkmnpqrstuvwxyz";
    char last[PASSWORD_GENERATED_LEN + 1] = "";
    unsigned hits[31] = { 0 };
    double chi = 0, expect = 50000.0 / 31;
    struct draw d;

    (void)state;
    draw_init(&d, &entropy_system);
    for (unsigned i = 0; i < 2500; i++) {
        char text[PASSWORD_GENERATED_LEN + 1];

        assert_int_equal(password_generate(&d, text), HUFU_OK);
        assert_int_equal(strlen(text), PASSWORD_GENERATED_LEN);
        assert_string_not_equal(text, last);
        memcpy(last, text, sizeof(last));
        for (size_t k = 0; k < PASSWORD_GENERATED_LEN; k++) {
            const char *at = strchr(letters, text[k]);

            assert_non_null(at);
            hits[at - letters]++;
        }
    }
    for (unsigned i = 0; i < 31; i++)
        chi += (hits[i] - expect) * (hits[i] - expect) / expect;
    assert_true(chi < 90.0); /* by chance once in ten million runs */
    draw_done(&d);
}

static void test_put_get(void **state)
{
    uint8_t mem[PASSWORD_STORED_LEN + 1];
    struct password p, back;
    struct reader r;
    struct draw d;
    struct buf b;

    (void)state;
    draw_init(&d, &entropy_system);
    assert_int_equal(password_make(&d, view_str("x"), KIB, 1, &p), HUFU_OK);
    buf_fixed(&b, mem, sizeof(mem));
    password_put(&p, &b);
    assert_int_equal(b.len, PASSWORD_STORED_LEN);
    reader_init(&r, mem, b.len);
    password_get(&r, &back);
    assert_int_equal(reader_end(&r), HUFU_OK);
    assert_true(password_check(&back, view_str("x")));
    for (size_t len = 0; len < PASSWORD_STORED_LEN; len++) {
        reader_init(&r, mem, len);
        password_get(&r, &back);
        assert_int_equal(reader_end(&r), HUFU_CORRUPT);
        assert_int_equal(back.kib, 0);
    }
    draw_done(&d);
}

static void test_get_refuses_costs(void **state)
{
    static const uint32_t rows[][3] = {
        { 7, 1, 1 }, { PASSWORD_KIB_MAX + 1, 1, 1 },
        { 8, 0, 1 }, { 8, PASSWORD_PASSES_MAX + 1, 1 },
        { 8, 1, 0 }, { 8, 1, 2 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct password p = { .kib = rows[i][0], .passes = rows[i][1], .lanes = rows[i][2] }, out;
        uint8_t mem[PASSWORD_STORED_LEN];
        struct reader r;
        struct buf b;

        buf_fixed(&b, mem, sizeof(mem));
        password_put(&p, &b);
        reader_init(&r, mem, sizeof(mem));
        password_get(&r, &out);
        assert_int_equal(reader_end(&r), HUFU_CORRUPT);
        assert_int_equal(out.kib, 0);
        assert_int_equal(out.passes, 0);
    }
}

/* In a child that may not have the memory: HUFU_NOMEM, out untouched, and a check is false. */
static int without_memory(void)
{
    const struct rlimit few = { 64u << 20, 64u << 20 };
    struct password p = { .kib = 4711 };
    struct draw d;

    draw_init(&d, &entropy_system);
    if (draw_bytes(&d, p.salt, 1) != HUFU_OK) /* the generator is up before memory is short */
        return 1;
    if (setrlimit(RLIMIT_DATA, &few) != 0)
        return 2;
    if (password_make(&d, view_str("x"), 1u << 20, 1, &p) != HUFU_NOMEM || p.kib != 4711)
        return 3;
    password_dummy(1u << 20, 1, &p);
    return password_check(&p, view_str("x")) ? 4 : 0;
}

static void test_no_memory(void **state)
{
    int status = 0;
    pid_t child = fork();

    (void)state;
    assert_true(child >= 0);
    if (child == 0)
        _exit(without_memory());
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_make_and_check),
        cmocka_unit_test(test_make_against_encoded_form),
        cmocka_unit_test(test_check_vector),
        cmocka_unit_test(test_salts_differ),
        cmocka_unit_test(test_make_limits),
        cmocka_unit_test(test_make_without_entropy),
        cmocka_unit_test(test_check_refuses_bad_costs),
        cmocka_unit_test(test_dummy_fits_nothing),
        cmocka_unit_test(test_generate),
        cmocka_unit_test(test_put_get),
        cmocka_unit_test(test_get_refuses_costs),
        cmocka_unit_test(test_no_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
