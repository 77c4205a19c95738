/*
 * ff1_wycheproof.c - runs Wycheproof's files for FF1 against vault/keys/ff1.h.
 *
 * ff1_wycheproof FILE...: JSON files of the schemas fpe_str_test_schema (text over an alphabet) and
 * fpe_list_test_schema (lists of numbers), any radix. Prints a line for each case that fails, one
 * for each file, and at last `N passed, M failed`. Ends with 0 where none failed, 1 where one did,
 * 2 where a file cannot be read or holds no case.
 *
 * Source: C2SP Wycheproof, testvectors_v1/aes_ff1_*_test.json. Cases of the flag SmallMessageSize
 * are valid by the edition of 2016; revision 1 forbids them, so they must be refused.
 *
 * One of its alphabets (base85) has two characters twice, so a text can be read in several ways. A
 * case of such a file passes where one reading of the shorter list of readings gives the other
 * text.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "vault/base/buf.h"
#include "vault/base/text.h"
#include "vault/keys/ff1.h"

#define TEXT_MAX     600 /* symbols: more than FF1 takes, so that too long is refused by it */
#define READINGS_MAX (1u << 20)
#define NO_SYMBOL    UINT16_MAX /* a character that the alphabet has not; the radix is below it */

struct text {
    uint32_t at[TEXT_MAX]; /* code points, or the numbers of a list */
    size_t len;
    bool fits; /* nothing was left out of it, and no number needs more than 16 bits */
};

struct group {
    uint32_t radix;
    struct text alphabet; /* empty: lists */
};

struct testcase {
    const struct group *group;
    struct text from, to;
    uint8_t key[1024], tweak[4096]; /* more than is ever taken, so that it is refused */
    size_t key_len, tweak_len;
    bool valid, small, either; /* either: "acceptable" */
};

struct tally {
    unsigned passed, failed;
};

/* ---- reading -----------------------------------------------------------------------------------
 */

/* jansson gives valid UTF-8 only. */
static void read_utf8(const char *in, size_t in_len, struct text *out)
{
    const uint8_t *p = (const uint8_t *)in, *end = p + in_len;

    out->len = 0;
    out->fits = true;
    while (p < end) {
        unsigned more = *p < 0x80 ? 0 : *p < 0xe0 ? 1 : *p < 0xf0 ? 2 : 3;
        uint32_t c = more == 0 ? *p : *p & (0x3fu >> more);

        for (p++; more > 0; more--)
            c = c << 6 | (*p++ & 0x3fu);
        if (out->len < TEXT_MAX)
            out->at[out->len++] = c;
        else
            out->fits = false;
    }
}

/* A number that no symbol has (negative, too large, no integer) is there, but does not fit. */
static void read_list(const json_t *in, struct text *out)
{
    out->len = json_array_size(in) < TEXT_MAX ? json_array_size(in) : TEXT_MAX;
    out->fits = out->len == json_array_size(in);
    for (size_t i = 0; i < out->len; i++) {
        double n = json_number_value(json_array_get(in, i)); /* 0 where it is none */
        bool good = json_is_number(json_array_get(in, i)) && n >= 0 && n <= UINT16_MAX;

        out->at[i] = good ? (uint32_t)n : 0;
        out->fits = out->fits && good && (double)out->at[i] == n;
    }
}

static bool read_text(const json_t *in, struct text *out)
{
    if (json_is_string(in))
        read_utf8(json_string_value(in), json_string_length(in), out);
    else if (json_is_array(in))
        read_list(in, out);
    return json_is_string(in) || json_is_array(in);
}

static bool read_hex(const json_t *in, uint8_t *out, size_t cap, size_t *len)
{
    struct buf b;
    bool good;

    buf_fixed(&b, out, cap);
    good = json_is_string(in) && text_unhex(view_str(json_string_value(in)), &b) == HUFU_OK;
    *len = b.len;
    return good;
}

static bool has_flag(const json_t *test, const char *name)
{
    const json_t *flags = json_object_get(test, "flags");

    for (size_t i = 0; i < json_array_size(flags); i++) {
        const char *flag = json_string_value(json_array_get(flags, i));

        if (flag != NULL && strcmp(flag, name) == 0)
            return true;
    }
    return false;
}

static bool read_case(const json_t *test, const struct group *group, struct testcase *out)
{
    const char *result = json_string_value(json_object_get(test, "result"));
    bool invalid = result != NULL && strcmp(result, "invalid") == 0;

    out->group = group;
    out->valid = result != NULL && strcmp(result, "valid") == 0;
    out->either = result != NULL && strcmp(result, "acceptable") == 0;
    out->small = has_flag(test, "SmallMessageSize");
    return (out->valid || out->either || invalid) &&
           read_text(json_object_get(test, "msg"), &out->from) &&
           read_text(json_object_get(test, "ct"), &out->to) &&
           read_hex(json_object_get(test, "key"), out->key, sizeof(out->key), &out->key_len) &&
           read_hex(json_object_get(test, "tweak"), out->tweak, sizeof(out->tweak),
                    &out->tweak_len);
}

/* ---- text and symbols --------------------------------------------------------------------------
 */

/* The next place of a character in the alphabet, from a place on; NO_SYMBOL: none. */
static uint16_t place_of(const struct group *group, uint32_t c, size_t from)
{
    for (size_t i = from; i < group->alphabet.len; i++)
        if (group->alphabet.at[i] == c)
            return (uint16_t)i;
    return NO_SYMBOL;
}

static void first_reading(const struct group *group, const struct text *text, uint16_t *out)
{
    for (size_t i = 0; i < text->len; i++)
        out[i] = group->alphabet.len == 0 ? (uint16_t)text->at[i] : place_of(group, text->at[i], 0);
}

/* Turns a reading into the next one; false after the last. */
static bool next_reading(const struct group *group, const struct text *text, uint16_t *symbols)
{
    for (size_t i = 0; i < text->len; i++) {
        uint16_t next = place_of(group, text->at[i], (size_t)symbols[i] + 1);

        if (next != NO_SYMBOL) {
            symbols[i] = next;
            return true;
        }
        symbols[i] = place_of(group, text->at[i], 0);
    }
    return false;
}

static size_t count_readings(const struct group *group, const struct text *text)
{
    size_t n = 1;

    for (size_t i = 0; i < text->len && n <= READINGS_MAX; i++) {
        uint16_t place = place_of(group, text->at[i], 0);

        if (place != NO_SYMBOL && place_of(group, text->at[i], (size_t)place + 1) != NO_SYMBOL)
            n *= 2;
    }
    return n;
}

static bool is_text(const struct group *group, const uint16_t *symbols, const struct text *text)
{
    for (size_t i = 0; i < text->len; i++)
        if ((group->alphabet.len == 0 ? symbols[i] : group->alphabet.at[symbols[i]]) != text->at[i])
            return false;
    return true;
}

/* ---- judging -----------------------------------------------------------------------------------
 */

static enum hufu_err call(struct ff1 *f, const struct testcase *c, bool decrypts,
                          const uint16_t *in, size_t len, uint16_t *out)
{
    struct ff1_lot lot = { c->group->radix, len, 1, c->tweak, c->tweak_len, 0 };

    return decrypts ? ff1_decrypt(f, &lot, in, out) : ff1_encrypt(f, &lot, in, out);
}

/* One reading of one text gives the other text, and comes back from it. */
static bool is_right(struct ff1 *f, const struct testcase *c, bool decrypts)
{
    const struct text *from = decrypts ? &c->to : &c->from, *to = decrypts ? &c->from : &c->to;
    uint16_t in[TEXT_MAX], out[TEXT_MAX], back[TEXT_MAX];

    first_reading(c->group, from, in);
    for (size_t n = 0; n < READINGS_MAX; n++) {
        if (call(f, c, decrypts, in, from->len, out) != HUFU_OK)
            return false;
        if (is_text(c->group, out, to))
            return call(f, c, !decrypts, out, to->len, back) == HUFU_OK &&
                   memcmp(back, in, from->len * sizeof(in[0])) == 0;
        if (!next_reading(c->group, from, in))
            return false;
    }
    return false;
}

static bool has_digits(const struct group *group)
{
    for (size_t i = 0; i < group->alphabet.len; i++)
        if (group->alphabet.at[i] != '0' + i)
            return false;
    return group->radix == 10 && group->alphabet.len == 10;
}

/* The entry for digits as text; true where the alphabet is another one. */
static bool is_right_as_digits(struct ff1 *f, const struct testcase *c)
{
    struct ff1_lot lot = { 10, c->from.len, 1, c->tweak, c->tweak_len, 0 };
    uint8_t in[TEXT_MAX], out[TEXT_MAX];

    if (!has_digits(c->group))
        return true;
    for (size_t i = 0; i < c->from.len; i++)
        in[i] = (uint8_t)c->from.at[i];
    if (ff1_encrypt_digits(f, &lot, in, out) != HUFU_OK)
        return false;
    for (size_t i = 0; i < c->to.len; i++)
        if (out[i] != c->to.at[i])
            return false;
    return ff1_decrypt_digits(f, &lot, out, out) == HUFU_OK && memcmp(out, in, c->from.len) == 0;
}

static bool is_good(struct ff1 *f, const struct testcase *c)
{
    uint16_t in[TEXT_MAX], out[TEXT_MAX];
    enum hufu_err err;

    if (c->valid && !c->small) {
        bool backwards = count_readings(c->group, &c->to) < count_readings(c->group, &c->from);

        return c->from.len == c->to.len && is_right(f, c, backwards) && is_right_as_digits(f, c);
    }
    first_reading(c->group, &c->from, in);
    err = call(f, c, false, in, c->from.len, out);
    if (c->small)
        return err == HUFU_DOMAIN_SMALL;
    return err == HUFU_RANGE || err == HUFU_DOMAIN_SMALL || err == HUFU_INVALID_VALUE;
}

/* As the case says; "acceptable" is right or refused, but never wrong. */
static bool judge(struct testcase *c)
{
    struct ff1 *f = NULL;
    enum hufu_err err;
    bool good;

    if (c->either) {
        c->either = false;
        c->valid = true;
        good = judge(c);
        c->valid = false;
        return good || judge(c);
    }
    if (!c->from.fits || !c->to.fits)
        return !c->valid; /* a symbol has 16 bits: it cannot even be handed over */
    err = ff1_new(c->key, c->key_len, &f);
    if (err != HUFU_OK)
        return err == HUFU_RANGE && !c->valid;
    good = is_good(f, c);
    ff1_free(f);
    return good;
}

/* ---- files -------------------------------------------------------------------------------------
 */

/* A group of texts that names no alphabet has digits and small letters. */
static bool read_alphabet(const json_t *in, struct group *group)
{
    static const char usual[] = "0123456789abcdefghijklmnopqrstuvwxyz";
    const json_t *letters = json_object_get(in, "alphabet");
    const json_t *first = json_array_get(json_object_get(in, "tests"), 0);

    if (letters != NULL)
        return json_is_string(letters) && read_text(letters, &group->alphabet) &&
               group->alphabet.len == group->radix;
    if (!json_is_string(json_object_get(first, "msg")))
        return true;
    if (group->radix > sizeof(usual) - 1)
        return false;
    read_utf8(usual, group->radix, &group->alphabet);
    return true;
}

static bool run_group(const char *path, const json_t *in, struct tally *tally)
{
    const json_t *tests = json_object_get(in, "tests");
    double radix = json_number_value(json_object_get(in, "radix")); /* 0 where there is none */
    static struct testcase c;
    struct group group = { .radix = radix >= 2 && radix <= 1e6 ? (uint32_t)radix : 0 };

    if (group.radix == 0 || !read_alphabet(in, &group))
        return false;
    for (size_t i = 0; i < json_array_size(tests); i++) {
        const json_t *test = json_array_get(tests, i), *comment = json_object_get(test, "comment");

        if (!read_case(test, &group, &c))
            return false;
        if (judge(&c)) {
            tally->passed++;
            continue;
        }
        tally->failed++;
        printf("%s: case %lld (%s) failed\n", path,
               (long long)json_number_value(json_object_get(test, "tcId")),
               json_is_string(comment) ? json_string_value(comment) : "");
    }
    return true;
}

static bool run_file(const char *path, struct tally *tally)
{
    json_error_t why;
    json_t *root = json_load_file(path, JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL, &why);
    const json_t *groups = json_object_get(root, "testGroups");
    struct tally before = *tally;
    unsigned run;
    bool good = root != NULL;

    if (root == NULL)
        fprintf(stderr, "%s: line %d: %s\n", path, why.line, why.text);
    for (size_t i = 0; good && i < json_array_size(groups); i++)
        good = run_group(path, json_array_get(groups, i), tally);
    run = tally->passed + tally->failed - before.passed - before.failed;
    if (root != NULL && (!good || run == 0))
        fprintf(stderr, "%s: not a file of cases for FF1\n", path);
    else if (good)
        printf("%s: %u cases, %u wrong\n", path, run, tally->failed - before.failed);
    json_decref(root);
    return good && run > 0;
}

int main(int argc, char **argv)
{
    struct tally tally = { 0, 0 };
    bool good = argc > 1;

    if (argc < 2)
        fprintf(stderr, "usage: ff1_wycheproof FILE...\n");
    for (int i = 1; i < argc; i++)
        good &= run_file(argv[i], &tally);
    printf("%u passed, %u failed\n", tally.passed, tally.failed);
    return !good ? 2 : tally.failed > 0;
}
