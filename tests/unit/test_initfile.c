/* The file of a new vault: nothing in it may be missing, doubled or a default (control C42). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <stdlib.h>

#include "vault/base/log.h"
#include "vault/base/secret.h"
#include "vault/initfile.h"

#define SEED "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
#define PIN1 "a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1"
#define PIN2 "b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2"
#define OLGA "[user olga]\nrole = operator\npassword = first-of-two\ntotp_secret = " SEED "\n"
#define OMAR                                                                                       \
    "[user omar]\nrole = operator\ngroup = night\npassword = second-of-two\ntotp_secret = " SEED   \
    "\n"
#define CARDS                                                                                      \
    "[domain cards]\nformat = pan\nmode = random\npartners = acme, zeta\n"                         \
    "purposes = refund , a b\nkeep_prefix = 6\nkeep_suffix = 4\nbatch_detokenize = 10\n"
#define ACME "[partner acme]\npin = " PIN1 "\nformats = pan\ndomains = cards\n"
#define ZETA "[partner zeta]\npin = " PIN2 "\nformats = pan\ndomains = cards\n"

static struct format_set *formats;

static int setup(void **state)
{
    (void)state;
    log_setup("test", LOG_ERROR_LEVEL);
    return format_set_load("conf/formats.conf", &formats, NULL, 0) == HUFU_OK ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    format_set_free(formats);
    return 0;
}

static void refused(const char *text)
{
    struct init *before = (struct init *)&formats, *out = before;

    if (init_parse(view_str(text), formats, &out) != HUFU_SYNTAX)
        fail_msg("accepted: %s", text);
    assert_ptr_equal(out, before);
}

/* Its tokens are of another length than its values; nothing of an address stays. */
static void test_parse_reads_a_domain_of_mail_addresses(void **state)
{
    static const char mails[] = "[domain mails]\nformat = email\nmode = deterministic\n"
                                "partners = acme\npurposes = refund\n";
    static const char acme[] = "[partner acme]\npin = " PIN1 "\nformats = email\ndomains = mails\n";
    struct init *in = NULL;
    char text[1024];

    (void)state;
    snprintf(text, sizeof(text), "%s%s%s", OLGA, mails, acme);
    assert_int_equal(init_parse(view_str(text), formats, &in), HUFU_OK);
    assert_string_equal(format_name(in->domain[0].format), "email");
    init_free(in);
    snprintf(text, sizeof(text), "%s%skeep_prefix = 1\n%s", OLGA, mails, acme);
    refused(text);
}

static void test_parse_reads_all(void **state)
{
    struct init *in = NULL;

    (void)state;
    assert_int_equal(init_parse(view_str(OLGA OMAR CARDS ACME ZETA), formats, &in), HUFU_OK);
    assert_int_equal(in->user_count, 2);
    assert_string_equal(in->user[0].name, "olga");
    assert_string_equal(in->user[0].group, "operator"); /* the role's, unless told */
    assert_string_equal(in->user[1].group, "night");
    assert_string_equal(in->user[1].password, "second-of-two");
    assert_int_equal(in->user[0].role, ROLE_OPERATOR);
    assert_memory_equal(in->user[0].seed, "Hello!\xde\xad\xbe\xef", 10);
    assert_int_equal(in->domain_count, 1);
    assert_int_equal(in->domain[0].mode, MODE_RANDOM);
    assert_int_equal(in->domain[0].partner_count, 2);
    assert_int_equal(in->domain[0].partner[1], 2); /* they stand below it in the file */
    assert_int_equal(in->domain[0].purpose_count, 2);
    assert_string_equal(in->domain[0].purpose[0], "refund");
    assert_string_equal(in->domain[0].purpose[1], "a b");
    assert_int_equal(in->domain[0].keep.prefix, 6);
    assert_int_equal(in->domain[0].batch_detokenize, 10);
    assert_string_equal(format_name(in->domain[0].format), "pan");
    assert_int_equal(in->partner[1].pin[0][31], 0xb2);
    init_free(in);
    init_free(NULL);
}

static void test_C42_weak_passwords_are_refused(void **state)
{
    static const char *const weak[] = {
        "eleven-char", "my-OLGA-is-good", "password1234", "aabbaabbaabb", "Changeme-2026",
    };
    char text[512];

    (void)state;
    for (size_t i = 0; i < sizeof(weak) / sizeof(weak[0]); i++) {
        snprintf(text, sizeof(text),
                 "[user olga]\nrole = operator\npassword = %s\ntotp_secret = " SEED "\n", weak[i]);
        refused(text);
    }
}

static void test_C42_nobody_comes_without_both_factors(void **state)
{
    (void)state;
    refused("");
    refused(CARDS ACME ZETA); /* nobody at all */
    refused("[user olga]\nrole = operator\ntotp_secret = " SEED "\n");
    refused("[user olga]\nrole = operator\npassword =\ntotp_secret = " SEED "\n");
    refused("[user olga]\nrole = operator\npassword = first-of-two\n");
    refused("[user olga]\nrole = operator\npassword = first-of-two\ntotp_secret =\n");
    refused(OLGA "[user omar]\nrole = operator\npassword = second-of-two\n");
}

static void test_C42_no_partner_comes_without_a_certificate(void **state)
{
    (void)state;
    refused(OLGA "[partner acme]\nformats = pan\ndomains = cards\n");
    refused(OLGA "[partner acme]\npin = a1\nformats = pan\n");
    refused(OLGA "[partner acme]\npin = " PIN1 "a1\n");
    refused(OLGA "[partner acme]\npin = " PIN1 "\npin = " PIN2 "\npin = " PIN1 "\n");
}

static void test_parse_refuses(void **state)
{
    static const char *const bad[] = {
        OLGA "[user olga]\nrole = partner\n",
        "[user Olga]\nrole = operator\npassword = first-of-two\ntotp_secret = " SEED "\n",
        "[user olga]\nrole = king\npassword = first-of-two\ntotp_secret = " SEED "\n",
        "[user olga]\nrole = partner\npassword = first-of-two\ntotp_secret = " SEED "\n",
        "[user olga]\nrole = operator\npassword = first-of-two\ntotp_secret = JBSWY3DP\n",
        "[user olga]\nrole = operator\npassword = first-of-two\ntotp_secret = "
        "1BSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP\n",
        OLGA "colour = red\n",
        OLGA "[user]\nrole = operator\n",
        OLGA "[thing x]\na = b\n",
        "role = operator\n" OLGA,
        OLGA "nonsense\n",
        OLGA "[domain cards]\nformat = pan\n",
        OLGA "[domain cards]\nmode = random\n",
        OLGA "[domain cards]\nformat = nope\nmode = random\n",
        OLGA "[domain cards]\nformat = pan\nformat = pan\nmode = random\n",
        OLGA "[domain cards]\nformat = pan\nmode = sometimes\n",
        OLGA "[domain cards]\nformat = pan\nmode = random\npartners = nobody\n",
        OLGA "[domain cards]\nformat = pan\nmode = random\nkeep_prefix = 9\n",
        OLGA "[domain cards]\nformat = pan\nmode = random\nkeep_suffix = -1\n",
        OLGA "[domain cards]\nformat = pan\nmode = random\nbatch_detokenize = 1001\n",
        OLGA "[domain cards]\nformat = pan\nmode = random\npurposes = a,,b\n",
        OLGA "[domain cards]\nformat = pan\nmode = random\npurposes = ,\n",
        OLGA "[domain cards]\nformat = pan\nmode = ff1\nkeep_prefix = 6\nkeep_suffix = 4\n",
        OLGA "[domain cards]\nformat = passport\nmode = ff1\ntoken_check = none\n",
        OLGA "[domain cards]\nformat = email\nmode = ff1\n",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        refused(bad[i]);
}

/* Two of one name, or one certificate of two: it would stay open who is meant. */
static void test_parse_refuses_doubles(void **state)
{
    (void)state;
    refused(OLGA OMAR OLGA);
    refused(OLGA CARDS ACME ZETA "[domain cards]\nformat = pan\nmode = random\n");
    refused(OLGA ACME ZETA ACME);
    refused(OLGA ACME "[partner zeta]\npin = " PIN1 "\n");
    refused(OLGA ACME "[partner zeta]\npin = " PIN2 "\npin = " PIN1 "\n");
}

static void test_parse_refuses_a_nul(void **state)
{
    static const char text[] = OLGA "\0" OMAR;
    struct init *out = NULL;

    (void)state;
    assert_int_equal(init_parse(view_of(text, sizeof(text) - 1), formats, &out), HUFU_SYNTAX);
    assert_null(out);
}

static void test_parse_takes_so_many_and_no_more(void **state)
{
    struct init *in = NULL;
    struct buf text;

    (void)state;
    buf_init(&text, 65536);
    for (unsigned i = 0; i <= INIT_EACH_MAX; i++) {
        if (i == INIT_EACH_MAX) {
            assert_int_equal(init_parse(buf_view(&text), formats, &in), HUFU_OK);
            assert_int_equal(in->user_count, INIT_EACH_MAX);
            init_free(in);
        }
        buf_str(&text, "[user u");
        buf_dec(&text, i);
        buf_str(&text, "]\nrole = sre\npassword = of-all-the-same\ntotp_secret = " SEED "\n");
    }
    assert_int_equal(init_parse(buf_view(&text), formats, &in), HUFU_SYNTAX);
    buf_done(&text);
}

static void test_parse_of_random_cuts_never_crashes(void **state)
{
    static const char whole[] = OLGA OMAR CARDS ACME ZETA;
    struct init *in;

    (void)state;
    for (size_t n = 0; n < sizeof(whole); n++) {
        in = NULL;
        if (init_parse(view_of(whole, n), formats, &in) == HUFU_OK)
            assert_int_equal(in->partner_count > 0 ? in->user_count : 2, 2);
        init_free(in);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse_reads_all),
        cmocka_unit_test(test_parse_reads_a_domain_of_mail_addresses),
        cmocka_unit_test(test_C42_weak_passwords_are_refused),
        cmocka_unit_test(test_C42_nobody_comes_without_both_factors),
        cmocka_unit_test(test_C42_no_partner_comes_without_a_certificate),
        cmocka_unit_test(test_parse_refuses),
        cmocka_unit_test(test_parse_refuses_doubles),
        cmocka_unit_test(test_parse_refuses_a_nul),
        cmocka_unit_test(test_parse_takes_so_many_and_no_more),
        cmocka_unit_test(test_parse_of_random_cuts_never_crashes),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
