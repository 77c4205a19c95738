/* FIDO2 keys: assertions, attestations, client data, their rows; every refusal for its own reason.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/fido_key.h"
#include "vault/access/credential.h"
#include "vault/access/fido_client.h"
#include "vault/base/webhost.h"

#define CHALLENGE "c29tZSBjaGFsbGVuZ2U"

static const enum fido_alg algs[] = { FIDO_ES256, FIDO_EDDSA, FIDO_RS256 };
#define ALGS (sizeof(algs) / sizeof(algs[0]))

static struct soft_key key;
static struct soft_shown shown;

static void use_alg(enum fido_alg alg)
{
    soft_free(&key);
    soft_new(&key, alg, 1);
}

static int teardown(void **state)
{
    (void)state;
    soft_free(&key);
    return 0;
}

static struct fido_attested enrolled(void)
{
    struct fido_attested made;

    soft_attest(&key, CHALLENGE, &shown);
    assert_int_equal(fido_attested_check(SOFT_RP_ID, soft_view(&shown.object),
                                         soft_view(&shown.client_data), &made),
                     FIDO_NONE);
    return made;
}

static enum fido_fault check_shown(const struct fido_public *pub)
{
    uint32_t count = 77;
    enum fido_fault fault;

    fault = fido_check(pub, SOFT_RP_ID, soft_view(&shown.auth_data), soft_view(&shown.client_data),
                       soft_view(&shown.signature), &count);
    assert_int_equal(count, fault == FIDO_NONE ? key.count : 77);
    return fault;
}

static void test_fido_check_accepts_each_algorithm(void **state)
{
    (void)state;
    for (size_t i = 0; i < ALGS; i++) {
        struct fido_attested made;

        use_alg(algs[i]);
        made = enrolled();
        assert_int_equal(made.public.alg, algs[i]);
        assert_int_equal(made.id_len, key.id_len);
        assert_memory_equal(made.id, key.id, key.id_len);
        assert_int_equal(made.count, key.count);
        soft_assert(&key, CHALLENGE, &shown);
        assert_int_equal(check_shown(&made.public), FIDO_NONE);
    }
}

static void test_fido_check_names_each_fault(void **state)
{
    struct fido_attested made;

    (void)state;
    use_alg(FIDO_ES256);
    made = enrolled();
    key.rp_id = "vault.tess";
    soft_assert(&key, CHALLENGE, &shown);
    assert_int_equal(check_shown(&made.public), FIDO_RP_ID);
    soft_reset(&key);
    key.flags = FIDO_FLAG_UV;
    soft_assert(&key, CHALLENGE, &shown);
    assert_int_equal(check_shown(&made.public), FIDO_PRESENCE);
    key.flags = FIDO_FLAG_UP;
    soft_assert(&key, CHALLENGE, &shown);
    assert_int_equal(check_shown(&made.public), FIDO_VERIFICATION);
    soft_reset(&key);
    key.wrong_signature = true;
    soft_assert(&key, CHALLENGE, &shown);
    assert_int_equal(check_shown(&made.public), FIDO_SIGNATURE);
    soft_reset(&key);
    soft_assert(&key, CHALLENGE, &shown);
    shown.client_data.p[30] ^= 1;
    assert_int_equal(check_shown(&made.public), FIDO_SIGNATURE);
    soft_assert(&key, CHALLENGE, &shown);
    shown.auth_data.p[36] ^= 1; /* the counter is signed too */
    assert_int_equal(check_shown(&made.public), FIDO_SIGNATURE);
    soft_assert(&key, CHALLENGE, &shown);
    made.public = fido_nobody();
    assert_int_equal(check_shown(&made.public), FIDO_SIGNATURE);
}

static void test_fido_check_truncated_at_every_length(void **state)
{
    (void)state;
    for (size_t a = 0; a < ALGS; a++) {
        struct fido_attested made;
        struct soft_shown whole;

        use_alg(algs[a]);
        made = enrolled();
        soft_assert(&key, CHALLENGE, &shown);
        whole = shown;
        for (size_t n = 0; n < whole.auth_data.len; n++) {
            shown.auth_data.len = n;
            assert_int_not_equal(check_shown(&made.public), FIDO_NONE);
        }
        shown = whole;
        for (size_t n = 0; n < whole.signature.len; n++) {
            shown.signature.len = n;
            assert_int_not_equal(check_shown(&made.public), FIDO_NONE);
        }
        shown = whole;
        assert_int_equal(check_shown(&made.public), FIDO_NONE);
    }
}

static void test_fido_check_every_flipped_bit_is_refused(void **state)
{
    struct fido_attested made;

    (void)state;
    use_alg(FIDO_ES256);
    made = enrolled();
    soft_assert(&key, CHALLENGE, &shown);
    for (size_t bit = 0; bit < 8 * shown.auth_data.len; bit++) {
        shown.auth_data.p[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_not_equal(check_shown(&made.public), FIDO_NONE);
        shown.auth_data.p[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    assert_int_equal(check_shown(&made.public), FIDO_NONE);
}

static enum fido_fault attested_fault(void)
{
    struct fido_attested made, before;
    enum fido_fault fault;

    memset(&made, 0x5a, sizeof(made));
    memset(&before, 0x5a, sizeof(before));
    fault = fido_attested_check(SOFT_RP_ID, soft_view(&shown.object), soft_view(&shown.client_data),
                                &made);
    if (fault != FIDO_NONE)
        assert_memory_equal(&made, &before, sizeof(made));
    return fault;
}

static void test_fido_attested_check_packed_is_the_keys_own(void **state)
{
    (void)state;
    for (size_t i = 0; i < ALGS; i++) {
        use_alg(algs[i]);
        key.fmt = "packed";
        soft_attest(&key, CHALLENGE, &shown);
        assert_int_equal(attested_fault(), FIDO_NONE);
        key.wrong_signature = true;
        soft_attest(&key, CHALLENGE, &shown);
        assert_int_not_equal(attested_fault(), FIDO_NONE);
    }
}

static void test_fido_attested_check_names_each_fault(void **state)
{
    (void)state;
    use_alg(FIDO_ES256);
    key.rp_id = "else.test";
    soft_attest(&key, CHALLENGE, &shown);
    assert_int_equal(attested_fault(), FIDO_RP_ID);
    soft_reset(&key);
    key.flags = FIDO_FLAG_UV;
    soft_attest(&key, CHALLENGE, &shown);
    assert_int_equal(attested_fault(), FIDO_PRESENCE);
    key.flags = FIDO_FLAG_UP;
    soft_attest(&key, CHALLENGE, &shown);
    assert_int_equal(attested_fault(), FIDO_VERIFICATION);
    soft_reset(&key);
    key.fmt = "fido-u2f";
    soft_attest(&key, CHALLENGE, &shown);
    assert_int_equal(attested_fault(), FIDO_FORM);
    soft_reset(&key);
    soft_attest(&key, CHALLENGE, &shown);
    assert_int_equal(attested_fault(), FIDO_NONE);
}

/* The library's CBOR reader would ask for the memory that a length claims. */
static void test_fido_extensions_never_reach_the_library(void **state)
{
    static const char *const odd[] = {
        "\xa1\x6b\x63redProtect\x02",
        "\x9b\x01\x01\x01\x01",
        "\x5b\x7f\x7f\x7f\x7f\x7f\x7f\x7f\x7f",
    };
    struct fido_attested made;

    (void)state;
    use_alg(FIDO_ES256);
    made = enrolled();
    for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
        soft_reset(&key);
        key.extensions = odd[i];
        soft_attest(&key, CHALLENGE, &shown);
        assert_int_equal(attested_fault(), FIDO_NONE); /* a browser's own, and not looked at */
        key.fmt = "packed";
        soft_attest(&key, CHALLENGE, &shown);
        assert_int_equal(attested_fault(), FIDO_FORM);
        soft_assert(&key, CHALLENGE, &shown);
        assert_int_equal(check_shown(&made.public), FIDO_FORM);
    }
    soft_reset(&key);
    soft_assert(&key, CHALLENGE, &shown);
    shown.auth_data.p[shown.auth_data.len++] = 0xa0; /* more than the flags say */
    soft_sign(&key, &shown.auth_data, &shown.client_data, &shown.signature);
    assert_int_equal(check_shown(&made.public), FIDO_FORM);
}

static void test_fido_attested_check_truncated_at_every_length(void **state)
{
    static const char *const fmts[] = { "none", "packed" };

    (void)state;
    for (size_t f = 0; f < 2; f++) {
        size_t whole;

        use_alg(FIDO_ES256);
        key.fmt = fmts[f];
        soft_attest(&key, CHALLENGE, &shown);
        whole = shown.object.len;
        for (shown.object.len = 0; shown.object.len < whole; shown.object.len++)
            assert_int_not_equal(attested_fault(), FIDO_NONE);
        shown.object.p[shown.object.len++] = 0; /* and one byte too many */
        assert_int_equal(attested_fault(), FIDO_FORM);
    }
}

#define BYTES(text)                                                                                \
    {                                                                                              \
        text, sizeof(text) - 1                                                                     \
    }
#define FMT                                                                                        \
    "\x63"                                                                                         \
    "fmt\x64none"
#define STATEMENT                                                                                  \
    "\x67"                                                                                         \
    "attStmt\xa0"
#define DATA                                                                                       \
    "\x68"                                                                                         \
    "authData\x41x"

static void test_fido_object_get_refuses(void **state)
{
    static const struct {
        const char *text;
        size_t len;
    } bad[] = {
        BYTES("\xa3"),
        BYTES("\xa2" FMT STATEMENT),
        BYTES("\xa2" FMT STATEMENT DATA),
        BYTES("\xa4" FMT STATEMENT DATA FMT),
        BYTES("\xa3" FMT FMT DATA),
        BYTES("\xa3" FMT DATA DATA),
        BYTES("\xa3" FMT STATEMENT DATA "\x00"),
        BYTES("\x83" FMT STATEMENT DATA),
        BYTES("\xbf" FMT STATEMENT DATA "\xff"), /* of no length */
        BYTES("\xa3\x78\x03"                     /* a length that is longer than it need be */
              "fmt\x64none" STATEMENT DATA),
        BYTES("\xa3" FMT "\x67"
              "attStmt\x80" DATA), /* a list */
        BYTES("\xa3" FMT STATEMENT "\x68"
              "authData\x5a\x00\x00\x00\x01x"),
        BYTES("\xa3" FMT STATEMENT "\x68"
              "authData\x42x"), /* more announced than there */
    };
    static const struct {
        const char *text;
        size_t len;
    } good[] = { BYTES("\xa3" FMT STATEMENT DATA), BYTES("\xa3" DATA FMT STATEMENT) };
    struct fido_object o, before;

    (void)state;
    memset(&o, 0x5a, sizeof(o));
    before = o;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (fido_object_get(view_of(bad[i].text, bad[i].len), &o) != HUFU_SYNTAX)
            fail_msg("%zu", i);
        assert_memory_equal(&o, &before, sizeof(o));
    }
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_int_equal(fido_object_get(view_of(good[i].text, good[i].len), &o), HUFU_OK);
        assert_int_equal(o.auth_data.len, 1);
        assert_true(view_is(o.fmt, "none"));
    }
}

static enum fido_fault client(const char *text, struct view *out)
{
    return fido_client_check(view_str(text), FIDO_TYPE_GET, "https://a.test,https://b.test:8443",
                             out);
}

#define BEGIN "{\"type\":\"webauthn.get\",\"challenge\":\"QUJD\",\"origin\":\"https://"
#define END   "\",\"crossOrigin\":false}"

static void test_fido_client_check_cases(void **state)
{
    static const struct {
        const char *text;
        enum fido_fault fault;
    } cases[] = {
        { BEGIN "a.test" END, FIDO_NONE },
        { BEGIN "b.test:8443" END, FIDO_NONE },
        { BEGIN "a.test\",\"crossOrigin\":false,\"more\":1}", FIDO_NONE },
        { "", FIDO_FORM },
        { "{\"challenge\":\"QUJD\"}", FIDO_FORM },
        { "{\"type\":\"webauthn.create\",\"challenge\":\"QUJD\",\"origin\":\"https://a.test" END,
          FIDO_TYPE },
        { "{\"type\":\"webauthn.gets\",\"challenge\":\"QUJD\",\"origin\":\"https://a.test" END,
          FIDO_TYPE },
        { "{\"type\":\"webauthn.get\",\"challenge\":\"\",\"origin\":\"https://a.test" END,
          FIDO_FORM },
        { "{\"type\":\"webauthn.get\",\"challenge\":\"QU+D\",\"origin\":\"https://a.test" END,
          FIDO_FORM },
        { BEGIN "a.test:443" END, FIDO_ORIGIN },
        { BEGIN "a.tes" END, FIDO_ORIGIN },
        { BEGIN "a.test.evil" END, FIDO_ORIGIN },
        { BEGIN "b.test" END, FIDO_ORIGIN },
        { BEGIN "a.test,https://b.test:8443" END, FIDO_ORIGIN },
        { BEGIN "A.test" END, FIDO_ORIGIN },
        { BEGIN "a.test", FIDO_ORIGIN },
        { BEGIN "a.test\",\"crossOrigin\":true}", FIDO_CROSS_ORIGIN },
        { BEGIN "a.test\"}", FIDO_CROSS_ORIGIN },
        { BEGIN "a.test\",\"crossOrigin\":false", FIDO_FORM },
        { BEGIN "a.test\",\"crossOrigin\":falsee}", FIDO_FORM },
        { BEGIN "a.test\",\"crossOrigin\":false}}", FIDO_FORM },
        { BEGIN "a.test\",\"crossOrigin\":false,}", FIDO_FORM },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct view out = view_of(NULL, 0);

        if (client(cases[i].text, &out) != cases[i].fault)
            fail_msg("%s", cases[i].text);
        if (cases[i].fault == FIDO_NONE || cases[i].fault == FIDO_ORIGIN)
            assert_true(view_is(out, "QUJD"));
    }
}

/* WebAuthn Level 2 section 5.8.1.2: no shorter text is accepted, whatever it ends with. */
static void test_fido_client_check_truncated_at_every_length(void **state)
{
    const char *whole = BEGIN "a.test" END;
    struct view out;

    (void)state;
    for (size_t n = 0; n < strlen(whole); n++)
        assert_int_not_equal(
            fido_client_check(view_of(whole, n), FIDO_TYPE_GET, "https://a.test", &out), FIDO_NONE);
}

static void test_fido_client_check_long_challenges(void **state)
{
    char text[512], challenge[FIDO_CHALLENGE_TEXT + 2];
    struct view out;

    (void)state;
    for (size_t len = FIDO_CHALLENGE_TEXT; len <= FIDO_CHALLENGE_TEXT + 1; len++) {
        memset(challenge, 'A', len);
        challenge[len] = '\0';
        snprintf(text, sizeof(text),
                 "{\"type\":\"webauthn.get\",\"challenge\":\"%s\",\"origin\":\"https://a.test" END,
                 challenge);
        assert_int_equal(client(text, &out), len > FIDO_CHALLENGE_TEXT ? FIDO_FORM : FIDO_NONE);
    }
}

static void test_webhost_settings(void **state)
{
    static const char *const good[] = { "https://a", "https://a.b-c.test:1",
                                        "https://a, https://b" };
    static const char *const bad[] = { "",
                                       "http://a",
                                       "https://",
                                       "https://a/",
                                       "https://A",
                                       "https://a:",
                                       "https://a:0",
                                       "https://.a",
                                       "https://a:65536",
                                       "https://a,b",
                                       "https://a\"b" };

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        assert_true(webhost_are_origins(view_str(good[i])));
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (webhost_are_origins(view_str(bad[i])))
            fail_msg("%s", bad[i]);
    assert_true(webhost_is_name(view_str("vault.bank-1.test")));
    assert_false(webhost_is_name(view_str("vault.")));
    assert_false(webhost_is_name(view_str("Vault")));
    assert_false(webhost_is_name(view_str("")));
}

static void test_credential_rows_come_back(void **state)
{
    struct credential c = { .state = CREDENTIAL_DISABLED,
                            .flags = 0x1d,
                            .id = "an id",
                            .id_len = 5,
                            .public = fido_nobody(),
                            .aaguid = "0123456789abcde",
                            .count = 7,
                            .created_ms = 8,
                            .used_ms = 9 },
                      got;
    struct recovery r = { .created_ms = 3, .count = 2, .digest = { { 1 }, { 2 } } }, left;
    struct buf text;

    (void)state;
    memset(&got, 0, sizeof(got));
    memset(&left, 0, sizeof(left));
    buf_init(&text, CREDENTIAL_ROW_MAX);
    credential_put(&c, &text);
    assert_int_equal(buf_check(&text), HUFU_OK);
    assert_int_equal(credential_get(buf_view(&text), &got), HUFU_OK);
    assert_int_equal(got.id_len, 5);
    assert_memory_equal(got.id, c.id, 5);
    assert_memory_equal(got.public.key, c.public.key, c.public.key_len);
    assert_int_equal(got.count, 7);
    assert_int_equal(got.state, CREDENTIAL_DISABLED);
    for (size_t n = 0; n < text.len; n++)
        assert_int_equal(credential_get(view_of(text.p, n), &got), HUFU_CORRUPT);
    buf_reset(&text);
    recovery_put(&r, &text);
    assert_int_equal(recovery_get(buf_view(&text), &left), HUFU_OK);
    assert_int_equal(left.count, 2);
    assert_memory_equal(left.digest, r.digest, sizeof(r.digest));
    for (size_t n = 0; n < text.len; n++)
        assert_int_equal(recovery_get(view_of(text.p, n), &left), HUFU_CORRUPT);
    buf_done(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fido_check_accepts_each_algorithm),
        cmocka_unit_test(test_fido_check_names_each_fault),
        cmocka_unit_test(test_fido_check_truncated_at_every_length),
        cmocka_unit_test(test_fido_check_every_flipped_bit_is_refused),
        cmocka_unit_test(test_fido_attested_check_packed_is_the_keys_own),
        cmocka_unit_test(test_fido_attested_check_names_each_fault),
        cmocka_unit_test(test_fido_extensions_never_reach_the_library),
        cmocka_unit_test(test_fido_attested_check_truncated_at_every_length),
        cmocka_unit_test(test_fido_object_get_refuses),
        cmocka_unit_test(test_fido_client_check_cases),
        cmocka_unit_test(test_fido_client_check_truncated_at_every_length),
        cmocka_unit_test(test_fido_client_check_long_challenges),
        cmocka_unit_test(test_webhost_settings),
        cmocka_unit_test(test_credential_rows_come_back),
    };

    return cmocka_run_group_tests(tests, NULL, teardown);
}
