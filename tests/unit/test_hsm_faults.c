#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "tests/hsm_rig.h"

static const struct view none = { NULL, 0 };

/* ---- what each class of failure does ---- */

enum then { STAYS, RENEWED }; /* the connection, once the fault is over */

static const struct fault_row {
    const char *name;
    const char *rules;
    uint16_t call;
    const char *key_id;
    enum hufu_err want;
    enum then then;
} fault_rows[] = {
    /* stale: a new connection and one more try, unseen by the caller */
    { "seal, session closed", "C_EncryptInit b3 0 1 0\n", HSM_SEAL, "a", HUFU_OK, RENEWED },
    { "seal, find", "C_FindObjectsInit b0 0 1 0\n", HSM_SEAL, "a", HUFU_OK, RENEWED },
    { "seal, operation active", "C_Encrypt 90 0 1 0\n", HSM_SEAL, "a", HUFU_OK, RENEWED },
    { "open, logged out", "C_DecryptInit 101 0 1 0\n", HSM_OPEN, "a", HUFU_OK, RENEWED },
    { "open, handle stale", "C_DecryptInit 60 0 1 0\n", HSM_OPEN, "a", HUFU_OK, RENEWED },
    { "sign, session closed", "C_SignInit b3 0 1 0\n", HSM_SIGN, "log", HUFU_OK, RENEWED },
    { "sign, handle stale", "C_Sign 82 0 1 0\n", HSM_SIGN, "log", HUFU_OK, RENEWED },
    { "random, session", "C_GenerateRandom b3 0 1 0\n", HSM_RANDOM, NULL, HUFU_OK, RENEWED },
    { "make, before", "C_GenerateKey b3 0 1 0\n", HSM_KEK_MAKE, "n1", HUFU_OK, RENEWED },
    { "destroy", "C_DestroyObject b3 0 1 0\n", HSM_KEK_DESTROY, "a", HUFU_OK, RENEWED },
    { "stale twice", "C_EncryptInit b3 0 2 0\n", HSM_SEAL, "a", HUFU_HSM_DOWN, RENEWED },
    /* once a key may have been made, not a second time */
    { "make, after", "C_GetAttributeValue b3 0 1 0\n", HSM_KEK_MAKE, "n2", HUFU_HSM_DOWN, RENEWED },
    /* device: down at once */
    { "seal, device", "C_Encrypt 30 0 1 0\n", HSM_SEAL, "a", HUFU_HSM_DOWN, RENEWED },
    { "seal, function failed", "C_Encrypt 6 0 1 0\n", HSM_SEAL, "a", HUFU_HSM_DOWN, RENEWED },
    { "seal, removed", "C_EncryptInit 32 0 1 0\n", HSM_SEAL, "a", HUFU_HSM_DOWN, RENEWED },
    { "find, not initialized", "C_FindObjects 190 0 1 0\n", HSM_KEK_FIND, "a", HUFU_HSM_DOWN,
      RENEWED },
    { "sign, device", "C_Sign 30 0 1 0\n", HSM_SIGN, "log", HUFU_HSM_DOWN, RENEWED },
    { "random, memory", "C_GenerateRandom 31 0 1 0\n", HSM_RANDOM, NULL, HUFU_HSM_DOWN, RENEWED },
    { "everything", "* 30 0 0 0\n", HSM_SEAL, "a", HUFU_HSM_DOWN, RENEWED },
    /* unclear: the token is asked */
    { "seal, general", "C_Encrypt 5 0 1 0\n", HSM_SEAL, "a", HUFU_HSM_FAILED, STAYS },
    { "seal, general and gone", "C_Encrypt 5 0 1 0\nC_GetTokenInfo 5 0 1 0\n", HSM_SEAL, "a",
      HUFU_HSM_DOWN, RENEWED },
    { "sign, general", "C_Sign 5 0 1 0\n", HSM_SIGN, "log", HUFU_HSM_FAILED, STAYS },
    { "open, general once", "C_Decrypt 5 0 1 0\n", HSM_OPEN, "a", HUFU_OK, STAYS },
    { "open, general always", "C_Decrypt 5 0 0 0\n", HSM_OPEN, "a", HUFU_HSM_DOWN, RENEWED },
    { "open, general and then device", "C_Decrypt 5 0 1 0\nC_Encrypt 30 0 1 0\n", HSM_OPEN, "a",
      HUFU_HSM_DOWN, RENEWED },
    { "open, bad data once", "C_Decrypt 40 0 1 0\n", HSM_OPEN, "a", HUFU_OK, STAYS },
    /* refused: the token works and says no */
    { "make, mechanism", "C_GenerateKey 70 0 1 0\n", HSM_KEK_MAKE, "n3", HUFU_HSM_FAILED, STAYS },
    { "make, read only", "C_GenerateKey b5 0 1 0\n", HSM_KEK_MAKE, "n4", HUFU_HSM_FAILED, STAYS },
    { "pair, mechanism", "C_GenerateKeyPair 70 0 1 0\n", HSM_SIGN_MAKE, "n5", HUFU_HSM_FAILED,
      STAYS },
    { "an unknown code", "C_Encrypt 80001234 0 1 0\n", HSM_SEAL, "a", HUFU_HSM_FAILED, STAYS },
    /* an attribute the token does not want is left out */
    { "make, choosy once", "C_GenerateKey d1 0 1 0\n", HSM_KEK_MAKE, "n6", HUFU_OK, STAYS },
    { "make, choosy", "C_GenerateKey 12 0 7 0\n", HSM_KEK_MAKE, "n7", HUFU_OK, STAYS },
    { "make, never pleased", "C_GenerateKey 12 0 8 0\n", HSM_KEK_MAKE, "n8", HUFU_HSM_FAILED,
      STAYS },
    { "pair, choosy", "C_GenerateKeyPair d1 0 7 0\n", HSM_SIGN_MAKE, "n9", HUFU_OK, STAYS },
};

/* The connection's number, as STATUS tells it. */
static unsigned connection(struct rig *rig)
{
    static const char word[] = "connection=";
    const uint8_t *at;

    rig_await(rig, HUFU_OK);
    at = memmem(rig->reply.text.p, rig->reply.text.len, word, strlen(word));
    assert_non_null(at);
    return (unsigned)strtoul((const char *)at + strlen(word), NULL, 10);
}

static enum hufu_err row_call(struct rig *rig, const struct fault_row *row, struct view sealed)
{
    struct hsm_request req = { .call = row->call };

    if (row->key_id)
        req.key_id = view_str(row->key_id);
    if (row->call == HSM_SEAL || row->call == HSM_SIGN)
        req.data = view_str("data");
    if (row->call == HSM_OPEN)
        req.data = sealed;
    if (row->call == HSM_RANDOM)
        req.len = 32;
    return rig_call(rig, req);
}

static void test_each_class_of_failure(void **state)
{
    struct rig *rig = *state;
    uint8_t mem[64];
    struct view sealed = { mem, 0 };

    for (size_t i = 0; i < sizeof(fault_rows) / sizeof(fault_rows[0]); i++) {
        const struct fault_row *row = &fault_rows[i];
        unsigned before = connection(rig), after;
        enum hufu_err err;

        print_message("    %s\n", row->name);
        if (rig_key(rig, HSM_KEK_FIND, "a") == HUFU_NOT_FOUND)
            assert_int_equal(rig_key(rig, HSM_KEK_MAKE, "a"), HUFU_OK);
        assert_int_equal(rig_data(rig, HSM_SEAL, "a", none, view_str("data")), HUFU_OK);
        sealed.len = rig->reply.data.len;
        memcpy(mem, rig->reply.data.p, sealed.len);
        rig_faults(rig, row->rules);
        err = row_call(rig, row, sealed);
        rig_faults(rig, "");
        assert_int_equal(err, row->want);
        after = connection(rig);
        assert_int_equal(after > before, row->then == RENEWED);
        assert_int_equal(rig_data(rig, HSM_SIGN, "log", none, view_str("m")), HUFU_OK);
    }
    assert_int_equal(rig_key(rig, HSM_KEK_FIND, "n7"), HUFU_OK);
    assert_true(rig_says(rig, "modifiable=1 copyable=1"));
    assert_int_equal(rig_key(rig, HSM_KEK_FIND, "n8"), HUFU_NOT_FOUND);
}

/* A key is refused for each attribute alone, at making (and is gone then) and at use. */
static void test_a_key_that_is_not_what_it_must_be_is_refused(void **state)
{
    static const char *const lies[] = {
        "CKA_1 0",    /* not a token object */
        "CKA_2 0",    /* not private */
        "CKA_103 0",  /* not sensitive */
        "CKA_162 1",  /* extractable */
        "CKA_165 0",  /* not always sensitive */
        "CKA_164 0",  /* was extractable once */
        "CKA_163 0",  /* not made on the token */
        "CKA_106 1",  /* wraps */
        "CKA_107 1",  /* unwraps */
        "CKA_10c 1",  /* derives */
        "CKA_100 10", /* another type */
        "CKA_11 aa",  /* sensitive, and yet the value is told */
    };
    struct rig *rig = *state;
    char rules[64];

    for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
        unsigned destroyed = rig_calls(rig, "C_DestroyObject");

        print_message("    %s\n", lies[i]);
        snprintf(rules, sizeof(rules), "%s 0 0 0\n", lies[i]);
        rig_faults(rig, rules);
        assert_int_equal(rig_key(rig, HSM_KEK_FIND, "a"), HUFU_HSM_FAILED);
        assert_int_equal(rig_data(rig, HSM_SEAL, "a", none, view_str("x")), HUFU_HSM_FAILED);
        assert_int_equal(rig_key(rig, HSM_KEK_MAKE, "n"), HUFU_HSM_FAILED);
        assert_int_equal(rig_key(rig, HSM_SIGN_MAKE, "n"), HUFU_HSM_FAILED);
        rig_faults(rig, "");
        assert_int_equal(rig_calls(rig, "C_DestroyObject"), destroyed + 3);
        assert_int_equal(rig_key(rig, HSM_KEK_FIND, "n"), HUFU_NOT_FOUND);
        assert_int_equal(rig_key(rig, HSM_SIGN_PUBLIC, "n"), HUFU_NOT_FOUND);
        assert_int_equal(rig_key(rig, HSM_KEK_FIND, "a"), HUFU_OK);
    }
    rig_faults(rig, "CKA_161 10 0 0 0\n"); /* another length */
    assert_int_equal(rig_key(rig, HSM_KEK_FIND, "a"), HUFU_HSM_FAILED);
}

/* libp11 0.4.12 waits for ever where it wants a session and there is none: it must not get there.
 */
static void test_it_answers_while_there_are_no_sessions(void **state)
{
    struct rig *rig = *state;

    rig_faults(rig, "C_OpenSession 30 0 0 0\nC_Encrypt 30 0 1 0\n");
    assert_int_equal(rig_data(rig, HSM_SEAL, "a", none, view_str("x")), HUFU_HSM_DOWN);
    rig_stays(rig, HUFU_HSM_DOWN);
    rig_faults(rig, "C_Initialize 30 0 0 0\n");
    rig_stays(rig, HUFU_HSM_DOWN);
    assert_true(rig_says(rig, "why=initialize"));
    rig_faults(rig, "C_GetSlotList 30 0 0 0\n");
    rig_stays(rig, HUFU_HSM_DOWN);
    assert_true(rig_says(rig, "why=token"));
    rig_faults(rig, "C_GetMechanismInfo 30 0 0 0\n");
    rig_stays(rig, HUFU_HSM_DOWN);
    assert_true(rig_says(rig, "why=mechanisms"));
    rig_faults(rig, "");
    rig_await(rig, HUFU_OK);
}

static void test_a_slow_token_is_waited_for(void **state)
{
    struct rig *rig = *state;
    uint64_t start = clock_system.boot_ms(&clock_system);

    rig_faults(rig, "C_Encrypt ok 0 0 300\n");
    assert_int_equal(rig_data(rig, HSM_SEAL, "a", none, view_str("x")), HUFU_OK);
    assert_true(clock_system.boot_ms(&clock_system) - start >= 300);
}

/* ---- a token without AES-GCM ---- */

#define NO_GCM "C_GetMechanismInfo 70 0 1 0\n" /* the first that is asked for */

static void test_without_gcm_cbc_and_a_mac_serve(void **state)
{
    struct rig *rig = *state;
    uint8_t mem[128], data[32] = "0123456789abcdef0123456789abcde";
    struct view aad = view_str("domain 7"), sealed = { mem, 0 };

    rig_token(rig, "hufu");
    rig_faults(rig, NO_GCM);
    rig_start(rig);
    rig_await(rig, HUFU_OK);
    assert_true(rig_says(rig, "seal=aes-cbc-hmac"));
    assert_int_equal(rig_key(rig, HSM_KEK_MAKE, "a"), HUFU_OK);
    assert_int_equal(rig_key(rig, HSM_KEK_MAKE, "a"), HUFU_CONFLICT);
    assert_int_equal(rig_key(rig, HSM_KEK_MAKE, "a-mac"), HUFU_CONFLICT);
    assert_int_equal(rig_data(rig, HSM_SEAL, "a-mac", aad, view_str("x")), HUFU_HSM_FAILED);
    rig_faults(rig, ""); /* the token learns GCM: the key keeps its method */
    for (int i = 0; i < 2; i++) {
        assert_int_equal(rig_data(rig, HSM_SEAL, "a", aad, view_of(data, 32)), HUFU_OK);
        sealed.len = rig->reply.data.len;
        assert_int_equal(sealed.len, 1 + 16 + 48 + 32); /* method, IV, padded, MAC */
        memcpy(mem, rig->reply.data.p, sealed.len);
        assert_int_equal(mem[0], 2);
        assert_int_equal(rig_data(rig, HSM_OPEN, "a", aad, sealed), HUFU_OK);
        assert_int_equal(rig->reply.data.len, 32);
        assert_memory_equal(rig->reply.data.p, data, 32);
        for (size_t at = 0; at < sealed.len; at++) {
            mem[at] ^= 0x80;
            assert_int_equal(rig_data(rig, HSM_OPEN, "a", aad, sealed), HUFU_CORRUPT);
            mem[at] ^= 0x80;
        }
        for (size_t len = 1; len < sealed.len; len++)
            assert_int_equal(rig_data(rig, HSM_OPEN, "a", aad, view_of(mem, len)), HUFU_CORRUPT);
        assert_int_equal(rig_data(rig, HSM_OPEN, "a", view_str("domain 8"), sealed), HUFU_CORRUPT);
        rig_stop(rig);
        rig_start(rig);
        rig_await(rig, HUFU_OK);
        assert_true(rig_says(rig, "seal=aes-gcm"));
    }
    assert_int_equal(rig_key(rig, HSM_KEK_DESTROY, "a"), HUFU_OK);
    assert_int_equal(rig_data(rig, HSM_OPEN, "a", aad, sealed), HUFU_NOT_FOUND);
    assert_int_equal(rig_key(rig, HSM_KEK_MAKE, "a"), HUFU_OK); /* the MAC key went with it */
}

/* A pair that could not be completed leaves nothing behind. */
static void test_without_gcm_half_a_pair_is_taken_back(void **state)
{
    struct rig *rig = *state;

    rig_token(rig, "hufu");
    rig_faults(rig, NO_GCM "C_GenerateKey 70 1 1 0\n");
    rig_start(rig);
    rig_await(rig, HUFU_OK);
    assert_int_equal(rig_key(rig, HSM_KEK_MAKE, "a"), HUFU_HSM_FAILED);
    assert_int_equal(rig_calls(rig, "C_DestroyObject"), 1);
    assert_int_equal(rig_key(rig, HSM_KEK_MAKE, "a"), HUFU_OK);
}

static void test_without_any_method_no_key_is_made(void **state)
{
    struct rig *rig = *state;

    rig_token(rig, "hufu");
    rig_faults(rig, "C_GetMechanismInfo 70 0 0 0\n");
    rig_start(rig);
    rig_await(rig, HUFU_OK);
    assert_true(rig_says(rig, "seal=none"));
    assert_int_equal(rig_key(rig, HSM_KEK_MAKE, "a"), HUFU_HSM_FAILED);
    assert_int_equal(rig_calls(rig, "C_GenerateKey"), 0);
}

#define BARE(test) cmocka_unit_test_setup_teardown(test, rig_setup_bare, rig_teardown)
#define FULL(test) cmocka_unit_test_setup_teardown(test, rig_setup_full, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FULL(test_each_class_of_failure),
        FULL(test_a_key_that_is_not_what_it_must_be_is_refused),
        FULL(test_it_answers_while_there_are_no_sessions),
        FULL(test_a_slow_token_is_waited_for),
        BARE(test_without_gcm_cbc_and_a_mac_serve),
        BARE(test_without_gcm_half_a_pair_is_taken_back),
        BARE(test_without_any_method_no_key_is_made),
    };
    int status;

    if (!rig_is_possible(&status))
        return status;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
