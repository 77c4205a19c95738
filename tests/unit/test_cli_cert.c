#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "tools/cli_cert.h"
#include "vault/base/clock.h"

/* Made by openssl ca: version 1 with UTCTime, version 1 with GeneralizedTime, version 3. */
static const char utc[] = "-----BEGIN CERTIFICATE-----\n"
                          "MIIBEjCBugIUeenkzqmrlYWExLIIx1ipK2jJX6gwCgYIKoZIzj0EAwIwDTELMAkG\n"
                          "A1UEAwwCY2EwHhcNMjYwMTAxMDAwMDAwWhcNMjYxMjMxMjM1OTU5WjAMMQowCAYD\n"
                          "VQQDDAF4MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEGA3w9xHrcT6CSzJ9vZKh\n"
                          "8FT78JuYrvI+nDp8x2Qdvy93dbVfU4TFhrFckJNi6w352PNwHWR+4nfyCRn6fN6C\n"
                          "bTAKBggqhkjOPQQDAgNHADBEAiAyYPCud7USHCFsI+rs5k3K8Hday5cvueYIdOYy\n"
                          "+lN/wwIgBTKcDttkTSJiAN4rVl/9N2Bq6JRAKganzJlH3ywRacg=\n"
                          "-----END CERTIFICATE-----\n";
static const char general[] = "-----BEGIN CERTIFICATE-----\n"
                              "MIIBFDCBvAIUGin0F4+DI8hwEFRvzmcJlQSwMAMwCgYIKoZIzj0EAwIwDTELMAkG\n"
                              "A1UEAwwCY2EwIBcNMjYwMTAxMDAwMDAwWhgPMjA2MTAzMDQwNTA2MDdaMAwxCjAI\n"
                              "BgNVBAMMAXgwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAQYDfD3EetxPoJLMn29\n"
                              "kqHwVPvwm5iu8j6cOnzHZB2/L3d1tV9ThMWGsVyQk2LrDfnY83AdZH7id/IJGfp8\n"
                              "3oJtMAoGCCqGSM49BAMCA0cAMEQCIB9p32QsBJrl2sdG1nfAiokU9p07afStwwI0\n"
                              "WzBYrOUzAiAD/UV/piNbPTQHw6wd90qhnNHCq98nLpUQFEEFoLWAlw==\n"
                              "-----END CERTIFICATE-----\n";
static const char version3[] = "key and other text may stand before it\n"
                               "-----BEGIN CERTIFICATE-----\n"
                               "MIIBXzCCAQWgAwIBAgIUGzoARpQocTw2SJspcW1NoDr5djwwCgYIKoZIzj0EAwIw\n"
                               "DTELMAkGA1UEAwwCY2EwHhcNMjYwMTAxMDAwMDAwWhcNMjcwMjAzMDQwNTA2WjAM\n"
                               "MQowCAYDVQQDDAF4MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEGA3w9xHrcT6C\n"
                               "SzJ9vZKh8FT78JuYrvI+nDp8x2Qdvy93dbVfU4TFhrFckJNi6w352PNwHWR+4nfy\n"
                               "CRn6fN6CbaNEMEIwDAYDVR0TAQH/BAIwADATBgNVHSUEDDAKBggrBgEFBQcDAjAd\n"
                               "BgNVHQ4EFgQU4gD3m/hqMDfB16tFosYgKpDWS2MwCgYIKoZIzj0EAwIDSAAwRQIg\n"
                               "YSkSb4o6pn4LxUz4xHtC3hGnmNQPBMj2zvLgMDvNbSQCIQDXfQnUb60Ced6486A/\n"
                               "R6GtAO9dv2SD7Wt0jAVdT6ahbQ==\n"
                               "-----END CERTIFICATE-----\n";

/* clang-format off */
static const struct {
    const char *pem;
    const char *end;
} rows[] = {
    { utc,      "2026-12-31T23:59:59.000Z" },
    { general,  "2061-03-04T05:06:07.000Z" },
    { version3, "2027-02-03T04:05:06.000Z" },
};
/* clang-format on */

static void test_cli_cert_end_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[CLOCK_TEXT_LEN + 1];
        uint64_t ms = 0;

        assert_int_equal(cli_cert_end(view_str(rows[i].pem), &ms), HUFU_OK);
        clock_print(ms, text);
        assert_string_equal(text, rows[i].end);
    }
}

/* Cut anywhere, and with any one character changed, it is refused or read: never out of bounds, and
 * out is untouched where it is refused. */
static void test_cli_cert_end_refuses_what_is_damaged(void **state)
{
    static const char *const bad[] = {
        "",
        "-----BEGIN CERTIFICATE-----",
        "-----END CERTIFICATE----------BEGIN CERTIFICATE-----",
        "-----BEGIN CERTIFICATE----------END CERTIFICATE-----",
        "-----BEGIN CERTIFICATE-----AAAA-----END CERTIFICATE-----",
        "-----BEGIN CERTIFICATE-----MA==-----END CERTIFICATE-----",
        "-----BEGIN CERTIFICATE-----MIQ=-----END CERTIFICATE-----",
        "-----BEGIN CERTIFICATE-----!!!!-----END CERTIFICATE-----",
    };
    char text[sizeof(version3)];
    uint64_t ms = 7;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(cli_cert_end(view_str(bad[i]), &ms), HUFU_SYNTAX);
        assert_int_equal(ms, 7);
    }
    for (size_t len = 0; len + 2 < sizeof(version3); len++)
        assert_int_equal(cli_cert_end(view_of(version3, len), &ms), HUFU_SYNTAX);
    assert_int_equal(ms, 7);
    for (size_t i = 0; i + 1 < sizeof(version3); i++) {
        memcpy(text, version3, sizeof(version3));
        text[i] = text[i] == 'A' ? 'Q' : 'A';
        ms = 7;
        if (cli_cert_end(view_str(text), &ms) != HUFU_OK)
            assert_int_equal(ms, 7);
    }
    assert_int_equal(cli_cert_file_end("/nonexistent/file", &ms), HUFU_IO);
}

/* Three strengths before the end, one behind it; both sides of each limit. */
static void test_cli_cert_words_grow_louder(void **state)
{
    static const uint64_t day = 86400000, end = 2000000000000;
    static const struct {
        uint64_t now;
        const char *begins;
    } steps[] = {
        { end - 31 * day, "" },
        { end - 30 * day - 1, "" },
        { end - 30 * day, "note: " },
        { end - 7 * day - 1, "note: " },
        { end - 7 * day, "warning: " },
        { end - day - 1, "warning: " },
        { end - day, "ALARM: " },
        { end - 1, "ALARM: " },
        { end, "ALARM: " },
        { end + 400 * day, "ALARM: " },
    };
    char words[CLI_CERT_WORDS];

    (void)state;
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        for (int whose = CERT_CLIENT; whose <= CERT_SERVER; whose++) {
            cli_cert_words((enum cli_cert_whose)whose, end, steps[i].now, words);
            assert_int_equal(strncmp(words, steps[i].begins, strlen(steps[i].begins)), 0);
            assert_int_equal(words[0] == 0, steps[i].begins[0] == 0);
            if (words[0] == 0)
                continue;
            assert_non_null(strstr(words, whose == CERT_SERVER ? "server's" : "client"));
            assert_non_null(strstr(words, "2033-05-18T03:33:20.000Z"));
            assert_int_equal(strstr(words, "ended") != NULL, steps[i].now >= end);
            assert_true(strlen(words) + 1 < CLI_CERT_WORDS);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cli_cert_end_rows),
        cmocka_unit_test(test_cli_cert_end_refuses_what_is_damaged),
        cmocka_unit_test(test_cli_cert_words_grow_louder),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
