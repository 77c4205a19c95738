/* Signed notes: a vector made by another program, then every way a note can be wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "vault/base/note.h"
#include "vault/base/text.h"

/* Made with python3-cryptography from the C2SP text, not with the code under test. */
static const char vector_pem[] =
    "-----BEGIN PUBLIC KEY-----\n"
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEr2nv4ZbmkpzjxoW6D4NMKBnssQuw\n"
    "HQldoRH0Zr0kYIZICYW/R2Fgxh88UM1UnVJO2UoUW0OCtWJF0kf0K9DdWw==\n"
    "-----END PUBLIC KEY-----\n";
#define TEXT "vault.example/audit\n70000\nSBNJTRN+FjG7owHVrKtue7eqdM4RhdRWVl71HXN2d7I=\n"
#define DASH "\xe2\x80\x94 "
#define BLOB                                                                                       \
    "m4GT1TBFAiEAruaQMyaoUTVnaegehNjEsQzv4XC5+HQsdI/"                                              \
    "7pMRUSckCIEvl5JJ7voJ7Db6dPwHLQn+UdA2VpMe636JvUZEi"                                            \
    "iEK6"
#define SIG    DASH "vault.example/audit " BLOB "\n"
#define VECTOR TEXT "\n" SIG

static uint8_t spki_mem[NOTE_SPKI_MAX];
static struct view spki;
static EVP_PKEY *own_key; /* a second, random key */
static uint8_t own_mem[NOTE_SPKI_MAX];
static struct view own;

static int setup(void **state)
{
    unsigned char *at = own_mem;
    struct buf b;

    (void)state;
    buf_fixed(&b, spki_mem, sizeof(spki_mem));
    if (note_spki_from_pem(view_str(vector_pem), &b) != HUFU_OK)
        return -1;
    spki = buf_view(&b);
    own_key = EVP_EC_gen("P-256");
    own = view_of(own_mem, (size_t)i2d_PUBKEY(own_key, &at));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    EVP_PKEY_free(own_key);
    return 0;
}

static size_t sign(const char *text, uint8_t *out, size_t out_cap)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();

    assert_int_equal(EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, own_key), 1);
    assert_int_equal(EVP_DigestSign(ctx, out, &out_cap, (const uint8_t *)text, strlen(text)), 1);
    EVP_MD_CTX_free(ctx);
    return out_cap;
}

/* The note of text under the random key; in *out. */
static struct view own_note(const char *text, const char *origin, struct buf *out)
{
    uint8_t sig[128];
    size_t sig_len = sign(text, sig, sizeof(sig));

    note_print(view_str(text), origin, own, view_of(sig, sig_len), out);
    assert_int_equal(buf_check(out), HUFU_OK);
    return buf_view(out);
}

static void test_vector(void **state)
{
    struct checkpoint cp;
    struct buf b;

    (void)state;
    assert_int_equal(note_check(view_str(VECTOR), spki, &cp), HUFU_OK);
    assert_string_equal(cp.origin, "vault.example/audit");
    assert_int_equal(cp.size, 70000);
    assert_int_equal(cp.root.b[0], 0x48);
    buf_init(&b, NOTE_MAX);
    checkpoint_print(&cp, &b);
    assert_true(view_is(buf_view(&b), TEXT));
    buf_done(&b);
}

static void test_print_gives_the_vector(void **state)
{
    uint8_t blob[128];
    struct buf b, note;

    (void)state;
    buf_fixed(&b, blob, sizeof(blob));
    assert_int_equal(text_unbase64(view_str(BLOB), &b), HUFU_OK);
    buf_init(&note, NOTE_MAX);
    note_print(view_str(TEXT), "vault.example/audit", spki, view_of(blob + 4, b.len - 4), &note);
    assert_true(view_is(buf_view(&note), VECTOR));
    buf_done(&note);
}

/* No single changed bit is taken: the base64 of a signature has no spare bits here. */
static void test_every_flipped_bit_is_refused(void **state)
{
    uint8_t note[sizeof(VECTOR) - 1];

    (void)state;
    memcpy(note, VECTOR, sizeof(note));
    for (size_t at = 0; at < sizeof(note); at++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            struct checkpoint cp = { .size = 4711 };

            note[at] ^= (uint8_t)(1u << bit);
            assert_int_not_equal(note_check(view_of(note, sizeof(note)), spki, &cp), HUFU_OK);
            assert_int_equal(cp.size, 4711);
            note[at] ^= (uint8_t)(1u << bit);
        }
    }
}

static void test_every_cut_is_refused(void **state)
{
    struct checkpoint cp = { .size = 4711 };

    (void)state;
    for (size_t len = 0; len < sizeof(VECTOR) - 1; len++) {
        assert_int_equal(note_check(view_of(VECTOR, len), spki, &cp), HUFU_SYNTAX);
        assert_int_equal(note_read(view_of(VECTOR, len), &cp), HUFU_SYNTAX);
    }
    assert_int_equal(cp.size, 4711);
}

#define ROOT   "SBNJTRN+FjG7owHVrKtue7eqdM4RhdRWVl71HXN2d7I="
#define OK_SIG DASH "a AAAAAAA=\n" /* four bytes of id, one of signature */

static void test_grammar(void **state)
{
    static const struct {
        const char *note;
        enum hufu_err err;
    } rows[] = {
        { "a\n0\n" ROOT "\n\n" OK_SIG, HUFU_OK },
        { "a\n18446744073709551615\n" ROOT "\n\n" OK_SIG, HUFU_OK },
        { "a\n1\n" ROOT "\nextension\n\n" OK_SIG, HUFU_OK },
        { "a\n1\n" ROOT "\n\n" OK_SIG DASH "b.c AAAAAAAA\n", HUFU_OK },
        { "a\n18446744073709551616\n" ROOT "\n\n" OK_SIG, HUFU_SYNTAX },
        { "a\n01\n" ROOT "\n\n" OK_SIG, HUFU_SYNTAX },
        { "a\n-1\n" ROOT "\n\n" OK_SIG, HUFU_SYNTAX },
        { "a\n\n" ROOT "\n\n" OK_SIG, HUFU_SYNTAX },
        { "\n1\n" ROOT "\n\n" OK_SIG, HUFU_SYNTAX },
        { "a b\n1\n" ROOT "\n\n" OK_SIG, HUFU_SYNTAX },
        { "a+b\n1\n" ROOT "\n\n" OK_SIG, HUFU_SYNTAX },
        { "\xc3\xa4\n1\n" ROOT "\n\n" OK_SIG, HUFU_SYNTAX },
        { "a\r\n1\n" ROOT "\n\n" OK_SIG, HUFU_SYNTAX },
        { "a\n1\n" ROOT " \n\n" OK_SIG, HUFU_SYNTAX },
        { "a\n1\nSBNJ\n\n" OK_SIG, HUFU_SYNTAX },
        { "a\n1\n" ROOT "AAAA\n\n" OK_SIG, HUFU_SYNTAX },
        { "a\n1\n\n" OK_SIG, HUFU_SYNTAX },
        { "a\n1\n" ROOT "\n" OK_SIG, HUFU_SYNTAX },                /* no blank line */
        { "a\n1\n" ROOT "\n\n", HUFU_SYNTAX },                     /* no signature */
        { "a\n1\n" ROOT "\n\n\n" OK_SIG, HUFU_SYNTAX },            /* empty extension line */
        { "a\n1\n" ROOT "\n\nx\n\n" OK_SIG, HUFU_SYNTAX },         /* as above */
        { "a\n1\n" ROOT "\n\n- a AAAAAAA=\n", HUFU_SYNTAX },       /* not U+2014 */
        { "a\n1\n" ROOT "\n\n" DASH "a AAAAAA==\n", HUFU_SYNTAX }, /* an id alone */
        { "a\n1\n" ROOT "\n\n" DASH "a  AAAAAAA=\n", HUFU_SYNTAX },
        { "a\n1\n" ROOT "\n\n" DASH " AAAAAAA=\n", HUFU_SYNTAX },
        { "a\n1\n" ROOT "\n\n" DASH "a\n", HUFU_SYNTAX },
        { "a\n1\n" ROOT "\n\n" DASH "\n", HUFU_SYNTAX },
        { "a\n1\n" ROOT "\n\n" DASH "a+b AAAAAAA=\n", HUFU_SYNTAX },
        { "a\n1\n" ROOT "\n\n" DASH "a AAAAAAA\n", HUFU_SYNTAX },
        { "a\n1\n" ROOT "\n\n" OK_SIG "x\n", HUFU_SYNTAX },
        { "a\n1\n" ROOT "\n\n" DASH "a AAAAAAA=", HUFU_SYNTAX }, /* no last LF */
        { "", HUFU_SYNTAX },
        { "\n", HUFU_SYNTAX },
        { "\n\n", HUFU_SYNTAX },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct checkpoint cp = { .size = 4711 };

        if (note_read(view_str(rows[i].note), &cp) != rows[i].err)
            fail_msg("row %zu", i);
        if (rows[i].err != HUFU_OK)
            assert_int_equal(cp.size, 4711);
        /* with no key of ours, what reads is unsigned */
        assert_int_equal(note_check(view_str(rows[i].note), spki, &cp),
                         rows[i].err == HUFU_OK ? HUFU_CORRUPT : HUFU_SYNTAX);
    }
}

static void test_origin_limit(void **state)
{
    char note[512];
    struct checkpoint cp;

    (void)state;
    for (size_t len = NOTE_ORIGIN_MAX; len <= NOTE_ORIGIN_MAX + 1; len++) {
        memset(note, 'o', len);
        (void)snprintf(note + len, sizeof(note) - len, "\n1\n" ROOT "\n\n" OK_SIG);
        assert_int_equal(note_read(view_str(note), &cp),
                         len == NOTE_ORIGIN_MAX ? HUFU_OK : HUFU_SYNTAX);
    }
    assert_int_equal(strlen(cp.origin), NOTE_ORIGIN_MAX);
}

static void test_note_limit(void **state)
{
    char note[NOTE_MAX + 2];
    const char *head = "a\n1\n" ROOT "\n", *tail = "\n\n" OK_SIG;
    struct checkpoint cp;

    (void)state;
    for (size_t len = NOTE_MAX; len <= NOTE_MAX + 1; len++) {
        memset(note, 'x', len); /* a long extension line between head and tail */
        memcpy(note, head, strlen(head));
        memcpy(note + len - strlen(tail), tail, strlen(tail));
        assert_int_equal(note_read(view_of(note, len), &cp),
                         len == NOTE_MAX ? HUFU_OK : HUFU_SYNTAX);
    }
}

static void test_other_keys_are_passed_over(void **state)
{
    struct checkpoint cp;

    (void)state;
    assert_int_equal(note_check(view_str(TEXT "\n" OK_SIG SIG DASH "z AAAAAAAA\n"), spki, &cp),
                     HUFU_OK);
    assert_int_equal(note_check(view_str(VECTOR), own, &cp), HUFU_CORRUPT);
}

/* "If a known key's signature does not verify, the note is rejected", a good one beside it or not.
 */
static void test_known_key_with_wrong_signature(void **state)
{
    struct checkpoint cp;

    (void)state;
    /* the right id m4GT1Q.. with one byte of signature */
    assert_int_equal(
        note_check(view_str(TEXT "\n" SIG DASH "vault.example/audit m4GT1TA=\n"), spki, &cp),
        HUFU_CORRUPT);
    assert_int_equal(
        note_check(view_str(TEXT "\n" DASH "vault.example/audit m4GT1TA=\n" SIG), spki, &cp),
        HUFU_CORRUPT);
}

static void test_signature_under_another_name_does_not_count(void **state)
{
    struct checkpoint cp;
    struct view note;
    struct buf b;

    (void)state;
    buf_init(&b, NOTE_MAX);
    note = own_note("mine\n1\n" ROOT "\n", "other", &b);
    assert_int_equal(note_read(note, &cp), HUFU_OK);
    assert_int_equal(note_check(note, own, &cp), HUFU_CORRUPT);
    buf_reset(&b);
    note = own_note("mine\n1\n" ROOT "\n", "mine", &b);
    assert_int_equal(note_check(note, own, &cp), HUFU_OK);
    buf_done(&b);
}

static void test_extension_lines_are_signed(void **state)
{
    struct checkpoint cp;
    struct view note;
    struct buf b;

    (void)state;
    buf_init(&b, NOTE_MAX);
    note = own_note("mine\n1\n" ROOT "\nmore\n", "mine", &b);
    assert_int_equal(note_check(note, own, &cp), HUFU_OK);
    b.p[strlen("mine\n1\n" ROOT "\n")] = 'M';
    assert_int_equal(note_check(note, own, &cp), HUFU_CORRUPT);
    buf_done(&b);
}

static void test_check_with_a_key_that_is_none(void **state)
{
    struct checkpoint cp;
    uint8_t bad[NOTE_SPKI_MAX + 1] = { 0 };
    struct buf b;

    (void)state;
    buf_init(&b, NOTE_MAX);
    note_print(view_str(TEXT), "vault.example/audit", view_of(bad, sizeof(bad)), view_str("sig"),
               &b);
    assert_int_equal(note_check(buf_view(&b), view_of(bad, sizeof(bad)), &cp), HUFU_CORRUPT);
    buf_done(&b);
}

static void test_pem_round_trip(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, NOTE_MAX);
    assert_int_equal(note_spki_to_pem(spki, &b), HUFU_OK);
    assert_true(view_is(buf_view(&b), vector_pem));
    buf_done(&b);
}

static void test_pem_refusals(void **state)
{
    static const char *const rows[] = {
        "",
        "x",
        "-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n",
        "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
        /* an Ed25519 key: a key, but not of P-256 */
        "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n"
        "-----END PUBLIC KEY-----\n",
        /* an EC key of another curve, P-384 */
        "-----BEGIN PUBLIC KEY-----\n"
        "MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAE2KF+Vbji9HvDaf2WFmlc4nPc5OMHgwpl\n"
        "9aSpqolnyYeu6nrTZWd6E7/WXD/lpmk5vcU1QsUhOlE0XbqCIKuyPHFlmk2FCzu6\n"
        "/40DW9CKWesyCZyWqQSeTX1DXPZ1cTvI\n"
        "-----END PUBLIC KEY-----\n",
        /* the right bytes under another name */
        "-----BEGIN CERTIFICATE-----\n"
        "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEr2nv4ZbmkpzjxoW6D4NMKBnssQuw\n"
        "HQldoRH0Zr0kYIZICYW/R2Fgxh88UM1UnVJO2UoUW0OCtWJF0kf0K9DdWw==\n"
        "-----END CERTIFICATE-----\n",
        /* encrypted: refused, and nobody is asked for a pass phrase */
        "-----BEGIN PUBLIC KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\n"
        "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEr2nv4ZbmkpzjxoW6D4NMKBnssQuw\n"
        "HQldoRH0Zr0kYIZICYW/R2Fgxh88UM1UnVJO2UoUW0OCtWJF0kf0K9DdWw==\n"
        "-----END PUBLIC KEY-----\n",
    };
    char longer[NOTE_MAX + 2];
    struct buf b;

    (void)state;
    buf_init(&b, NOTE_MAX);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(note_spki_from_pem(view_str(rows[i]), &b), HUFU_SYNTAX);
        assert_int_equal(b.len, 0);
    }
    memset(longer, '\n', sizeof(longer));
    memcpy(longer, vector_pem, strlen(vector_pem));
    assert_int_equal(note_spki_from_pem(view_of(longer, NOTE_MAX), &b), HUFU_OK);
    assert_int_equal(note_spki_from_pem(view_of(longer, NOTE_MAX + 1), &b), HUFU_RANGE);
    assert_int_equal(note_spki_to_pem(view_of(spki.p, spki.len - 1), &b), HUFU_SYNTAX);
    assert_int_equal(note_spki_to_pem(view_of(NULL, 0), &b), HUFU_SYNTAX);
    buf_done(&b);
}

static void test_pem_small_buffer(void **state)
{
    uint8_t mem[90];
    struct buf b;

    (void)state;
    buf_fixed(&b, mem, sizeof(mem));
    assert_int_equal(note_spki_from_pem(view_str(vector_pem), &b), HUFU_RANGE);
    buf_fixed(&b, mem, sizeof(mem));
    assert_int_equal(note_spki_to_pem(spki, &b), HUFU_RANGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vector),
        cmocka_unit_test(test_print_gives_the_vector),
        cmocka_unit_test(test_every_flipped_bit_is_refused),
        cmocka_unit_test(test_every_cut_is_refused),
        cmocka_unit_test(test_grammar),
        cmocka_unit_test(test_origin_limit),
        cmocka_unit_test(test_note_limit),
        cmocka_unit_test(test_other_keys_are_passed_over),
        cmocka_unit_test(test_known_key_with_wrong_signature),
        cmocka_unit_test(test_signature_under_another_name_does_not_count),
        cmocka_unit_test(test_extension_lines_are_signed),
        cmocka_unit_test(test_check_with_a_key_that_is_none),
        cmocka_unit_test(test_pem_round_trip),
        cmocka_unit_test(test_pem_refusals),
        cmocka_unit_test(test_pem_small_buffer),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
