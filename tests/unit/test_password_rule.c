/* Which new passwords are taken: the edges of each rule (control C42). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "vault/access/password_rule.h"

static enum hufu_err judge(const char *user, const char *password, size_t chars_min)
{
    return password_rule_check(view_str(user), view_str(password), chars_min);
}

static void test_C42_rules(void **state)
{
    static const struct {
        const char *what, *user, *password;
        enum hufu_err want;
    } rows[] = {
        { "good", "olga", "kettle-17-mud", HUFU_OK },
        { "12 characters", "olga", "abcde-fghijk", HUFU_OK },
        { "11 characters", "olga", "abcde-fghij", HUFU_BAD_REQUEST },
        { "11 characters of two bytes", "olga",
          "\xc3\xa4\xc3\xb6\xc3\xbc\xc3\x9f\xc3\xa9\xc3\xa8"
          "\xc3\xa0\xc3\xa1\xc3\xad\xc3\xb3\xc3\xba",
          HUFU_BAD_REQUEST },
        { "12 characters of two bytes", "olga",
          "\xc3\xa4\xc3\xb6\xc3\xbc\xc3\x9f\xc3\xa9\xc3\xa8"
          "\xc3\xa0\xc3\xa1\xc3\xad\xc3\xb3\xc3\xba\xc3\xb9",
          HUFU_OK },
        { "the name at the end", "olga", "kettle-17-olga", HUFU_BAD_REQUEST },
        { "the name in capitals", "olga", "kettle-OLGA-17", HUFU_BAD_REQUEST },
        { "a part of the name", "olga", "kettle-17-olg", HUFU_OK },
        { "a name of two characters", "al", "kettle-17-al-mud", HUFU_OK },
        { "a name of three characters", "ala", "kettle-17-ala-mud", HUFU_BAD_REQUEST },
        { "four different characters", "olga", "abcdabcdabcd", HUFU_BAD_REQUEST },
        { "five different characters", "olga", "abcdeabcdeab", HUFU_OK },
        { "notorious and seven more", "olga", "1-paSSword23-x", HUFU_BAD_REQUEST },
        { "notorious and eight more", "olga", "1-paSSword-23-xy", HUFU_OK },
        { "notorious as it is", "olga", "correcthorsebatterystaple", HUFU_BAD_REQUEST },
        { "nothing", "olga", "", HUFU_BAD_REQUEST },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (judge(rows[i].user, rows[i].password, 0) != rows[i].want)
            fail_msg("%s", rows[i].what);
}

static void test_lengths(void **state)
{
    char text[PASSWORD_RULE_BYTES + 2];

    (void)state;
    for (size_t i = 0; i < sizeof(text) - 1; i++)
        text[i] = (char)('a' + i % 26);
    text[PASSWORD_RULE_BYTES + 1] = '\0';
    assert_int_equal(judge("olga", text, 12), HUFU_BAD_REQUEST);
    text[PASSWORD_RULE_BYTES] = '\0';
    assert_int_equal(judge("olga", text, 12), HUFU_OK);
    assert_int_equal(judge("olga", text, PASSWORD_RULE_BYTES), HUFU_OK);
    text[19] = '\0';
    assert_int_equal(judge("olga", text, 20), HUFU_BAD_REQUEST);
    assert_int_equal(judge("olga", text, 19), HUFU_OK);
    text[11] = '\0';
    assert_int_equal(judge("olga", text, 5), HUFU_BAD_REQUEST); /* no setting goes below 12 */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_C42_rules),
        cmocka_unit_test(test_lengths),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
