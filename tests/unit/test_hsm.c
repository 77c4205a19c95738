#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "tests/hsm_rig.h"
#include "vault/base/entropy.h"

#define PKCS11_TOOL "/usr/bin/pkcs11-tool"

static int setup(void **state)
{
    struct rig *rig = calloc(1, sizeof(*rig));

    rig_open(rig, false);
    rig_token(rig, "hufu");
    rig_start(rig);
    *state = rig;
    return 0;
}

static int teardown(void **state)
{
    rig_close(*state);
    free(*state);
    return 0;
}

/* What the last reply brought, copied out of the link. */
struct bytes {
    uint8_t p[HSM_SEALED_MAX];
    size_t len;
};

static struct view taken(struct rig *rig, struct bytes *out)
{
    assert_true(rig->reply.data.len <= sizeof(out->p));
    out->len = rig->reply.data.len;
    if (out->len > 0)
        memcpy(out->p, rig->reply.data.p, out->len);
    return view_of(out->p, out->len);
}

static const struct view none = { NULL, 0 };

static void test_status_names_the_token(void **state)
{
    struct rig *rig = *state;

    rig_await(rig, HUFU_OK);
    assert_true(rig_says(rig, "module=" RIG_MODULE " token=hufu serial="));
    assert_true(rig_says(rig, "seal=aes-gcm connection=1"));
}

static void test_kek_make_reads_back_what_it_made(void **state)
{
    struct rig *rig = *state;

    rig_await(rig, HUFU_OK);
    assert_int_equal(rig_key(rig, HSM_KEK_FIND, "vkek-1"), HUFU_NOT_FOUND);
    assert_int_equal(rig_key(rig, HSM_KEK_MAKE, "vkek-1"), HUFU_OK);
    assert_true(rig_says(rig, "type=aes bytes=32 token=1 private=1 sensitive=1 extractable=0 "
                              "always-sensitive=1 never-extractable=1 local=1 wrap=0 unwrap=0 "
                              "derive=0 modifiable=0 copyable=0"));
    assert_int_equal(rig_key(rig, HSM_KEK_FIND, "vkek-1"), HUFU_OK);
    assert_true(rig_says(rig, "extractable=0"));
    assert_int_equal(rig_key(rig, HSM_KEK_MAKE, "vkek-1"), HUFU_CONFLICT);
    assert_int_equal(rig_key(rig, HSM_KEK_MAKE, "abcdefghijklmnopqrstuvwxyz-12345"), HUFU_OK);
    assert_int_equal(rig_key(rig, HSM_KEK_FIND, "abcdefghijklmnopqrstuvwxyz-12345"), HUFU_OK);
}

static void test_kek_destroy_is_for_good(void **state)
{
    struct rig *rig = *state;
    struct bytes mem;
    struct view sealed;

    rig_await(rig, HUFU_OK);
    assert_int_equal(rig_key(rig, HSM_KEK_DESTROY, "a"), HUFU_NOT_FOUND);
    assert_int_equal(rig_key(rig, HSM_KEK_MAKE, "a"), HUFU_OK);
    assert_int_equal(rig_key(rig, HSM_KEK_MAKE, "b"), HUFU_OK);
    assert_int_equal(rig_data(rig, HSM_SEAL, "a", none, view_str("x")), HUFU_OK);
    sealed = taken(rig, &mem);
    assert_int_equal(rig_key(rig, HSM_KEK_DESTROY, "a"), HUFU_OK);
    assert_int_equal(rig_key(rig, HSM_KEK_FIND, "a"), HUFU_NOT_FOUND);
    assert_int_equal(rig_key(rig, HSM_KEK_FIND, "b"), HUFU_OK);
    assert_int_equal(rig_data(rig, HSM_OPEN, "a", none, sealed), HUFU_NOT_FOUND);
    assert_int_equal(rig_key(rig, HSM_KEK_DESTROY, "a"), HUFU_NOT_FOUND);
    assert_int_equal(rig_key(rig, HSM_KEK_MAKE, "a"), HUFU_OK); /* another key of the same name */
    assert_int_equal(rig_data(rig, HSM_OPEN, "a", none, sealed), HUFU_CORRUPT);
}

static void test_seal_opens_again(void **state)
{
    static const struct {
        size_t aad_len, data_len;
    } rows[] = { { 0, 1 }, { 1, 16 }, { 33, 32 }, { 4096, 1 }, { 0, 4096 }, { 4096, 4096 } };
    struct rig *rig = *state;
    uint8_t aad[4096], data[4096];
    struct bytes first, second;

    assert_int_equal(entropy_system.fill(&entropy_system, aad, sizeof(aad)), HUFU_OK);
    assert_int_equal(entropy_system.fill(&entropy_system, data, sizeof(data)), HUFU_OK);
    rig_await(rig, HUFU_OK);
    assert_int_equal(rig_key(rig, HSM_KEK_MAKE, "a"), HUFU_OK);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct view a = view_of(aad, rows[i].aad_len), d = view_of(data, rows[i].data_len);

        assert_int_equal(rig_data(rig, HSM_SEAL, "a", a, d), HUFU_OK);
        taken(rig, &first);
        assert_int_equal(first.len, 1 + 12 + d.len + 16); /* method, IV, ciphertext, tag */
        assert_int_equal(first.p[0], 1);
        assert_int_equal(rig_data(rig, HSM_SEAL, "a", a, d), HUFU_OK);
        taken(rig, &second);
        assert_memory_not_equal(first.p + 1, second.p + 1, 12);
        assert_int_equal(rig_data(rig, HSM_OPEN, "a", a, view_of(first.p, first.len)), HUFU_OK);
        assert_int_equal(rig->reply.data.len, d.len);
        assert_memory_equal(rig->reply.data.p, d.p, d.len);
    }
}

static void test_open_tells_what_was_changed(void **state)
{
    static const char secret[] = "0123456789abcdef0123456789abcdef";
    struct rig *rig = *state;
    struct view aad = view_str("domain 7"), data = view_of(secret, 32), sealed;
    struct bytes mem;

    rig_await(rig, HUFU_OK);
    assert_int_equal(rig_key(rig, HSM_KEK_MAKE, "a"), HUFU_OK);
    assert_int_equal(rig_key(rig, HSM_KEK_MAKE, "b"), HUFU_OK);
    assert_int_equal(rig_data(rig, HSM_SEAL, "a", aad, data), HUFU_OK);
    sealed = taken(rig, &mem);
    for (size_t i = 0; i < sealed.len; i++) {
        mem.p[i] ^= 0x01;
        assert_int_equal(rig_data(rig, HSM_OPEN, "a", aad, sealed), HUFU_CORRUPT);
        assert_int_equal(rig->reply.data.len, 0);
        mem.p[i] ^= 0x01;
    }
    for (size_t len = 1; len < sealed.len; len++)
        assert_int_equal(rig_data(rig, HSM_OPEN, "a", aad, view_of(mem.p, len)), HUFU_CORRUPT);
    assert_int_equal(rig_data(rig, HSM_OPEN, "a", view_str("domain 8"), sealed), HUFU_CORRUPT);
    assert_int_equal(rig_data(rig, HSM_OPEN, "a", none, sealed), HUFU_CORRUPT);
    assert_int_equal(rig_data(rig, HSM_OPEN, "b", aad, sealed), HUFU_CORRUPT);
    assert_int_equal(rig_data(rig, HSM_OPEN, "c", aad, sealed), HUFU_NOT_FOUND);
    assert_int_equal(rig_data(rig, HSM_SEAL, "c", aad, data), HUFU_NOT_FOUND);
    assert_int_equal(rig_data(rig, HSM_OPEN, "a", aad, sealed), HUFU_OK);
    assert_memory_equal(rig->reply.data.p, secret, 32);
    rig_await(rig, HUFU_OK);
    assert_true(rig_says(rig, "connection=1")); /* none of this was taken for a broken token */
}

/* Verifies DER over SHA-256(message) by OpenSSL's own code. */
static bool verifies(struct view spki, struct view message, struct view signature)
{
    const unsigned char *p = spki.p;
    EVP_PKEY *key = d2i_PUBKEY(NULL, &p, (long)spki.len);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool fine;

    assert_non_null(key);
    assert_ptr_equal(p, spki.p + spki.len);
    assert_int_equal(EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, key), 1);
    fine = EVP_DigestVerify(ctx, signature.p, signature.len, message.p, message.len) == 1;
    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(key);
    return fine;
}

static void test_sign_verifies_outside(void **state)
{
    struct rig *rig = *state;
    struct bytes keys[2], sig;
    const char *ids[2] = { "log-1", "log-2" };
    struct view message = view_str("vault.example/log\n7\nroot\n");

    rig_await(rig, HUFU_OK);
    assert_int_equal(rig_key(rig, HSM_SIGN_PUBLIC, "log-1"), HUFU_NOT_FOUND);
    assert_int_equal(rig_data(rig, HSM_SIGN, "log-1", none, message), HUFU_NOT_FOUND);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(rig_key(rig, HSM_SIGN_MAKE, ids[i]), HUFU_OK);
        taken(rig, &keys[i]);
        assert_int_equal(rig_key(rig, HSM_SIGN_MAKE, ids[i]), HUFU_CONFLICT);
    }
    for (size_t turn = 0; turn < 6; turn++) { /* by turns, so that the cached key changes */
        size_t i = turn % 2;

        assert_int_equal(rig_data(rig, HSM_SIGN, ids[i], none, message), HUFU_OK);
        taken(rig, &sig);
        assert_true(verifies(view_of(keys[i].p, keys[i].len), message, view_of(sig.p, sig.len)));
        assert_false(
            verifies(view_of(keys[1 - i].p, keys[1 - i].len), message, view_of(sig.p, sig.len)));
        assert_false(
            verifies(view_of(keys[i].p, keys[i].len), view_str("other"), view_of(sig.p, sig.len)));
        assert_int_equal(rig_key(rig, HSM_SIGN_PUBLIC, ids[i]), HUFU_OK);
        assert_int_equal(rig->reply.data.len, keys[i].len);
        assert_memory_equal(rig->reply.data.p, keys[i].p, keys[i].len);
    }
    assert_int_equal(rig_key(rig, HSM_KEK_FIND, "log-1"), HUFU_NOT_FOUND);
}

static void test_random_gives_what_was_asked(void **state)
{
    struct rig *rig = *state;
    struct bytes first;

    rig_await(rig, HUFU_OK);
    assert_int_equal(rig_call(rig, (struct hsm_request){ .call = HSM_RANDOM, .len = 1 }), HUFU_OK);
    assert_int_equal(rig->reply.data.len, 1);
    assert_int_equal(rig_call(rig, (struct hsm_request){ .call = HSM_RANDOM, .len = 256 }),
                     HUFU_OK);
    assert_int_equal(taken(rig, &first).len, 256);
    assert_int_equal(rig_call(rig, (struct hsm_request){ .call = HSM_RANDOM, .len = 256 }),
                     HUFU_OK);
    assert_memory_not_equal(rig->reply.data.p, first.p, 256);
}

/* A key that could leave the token is not used, whoever made it; it can be destroyed. */
static void test_an_extractable_key_is_refused(void **state)
{
    struct rig *rig = *state;
    char *const argv[] = { (char *)PKCS11_TOOL,     (char *)"--module",      (char *)RIG_MODULE,
                           (char *)"--token-label", (char *)"hufu",          (char *)"--login",
                           (char *)"--pin",         (char *)RIG_PIN,         (char *)"--keygen",
                           (char *)"--key-type",    (char *)"aes:32",        (char *)"--private",
                           (char *)"--sensitive",   (char *)"--extractable", (char *)"--id",
                           (char *)"6c6f6f7365", /* "loose" */
                           (char *)"--label",       (char *)"loose",         NULL };

    if (access(PKCS11_TOOL, X_OK) != 0 && !getenv("HUFU_REQUIRE_HSM"))
        skip(); /* package opensc */
    setenv("SOFTHSM2_CONF", rig_path(rig, "softhsm2.conf"), 1);
    rig_exec(argv);
    unsetenv("SOFTHSM2_CONF");
    rig_await(rig, HUFU_OK);
    assert_int_equal(rig_key(rig, HSM_KEK_FIND, "loose"), HUFU_HSM_FAILED);
    assert_true(rig_says(rig, "extractable=1"));
    assert_int_equal(rig_data(rig, HSM_SEAL, "loose", none, view_str("x")), HUFU_HSM_FAILED);
    assert_int_equal(rig_key(rig, HSM_KEK_MAKE, "loose"), HUFU_CONFLICT);
    assert_int_equal(rig_key(rig, HSM_KEK_DESTROY, "loose"), HUFU_OK);
    assert_int_equal(rig_key(rig, HSM_KEK_MAKE, "loose"), HUFU_OK);
}

static void test_replies_keep_the_order_of_the_calls(void **state)
{
    struct rig *rig = *state;
    uint64_t first;

    rig_await(rig, HUFU_OK);
    first = rig->next_id + 1;
    for (int i = 0; i < 200; i++)
        rig_send(rig, &(struct hsm_request){ .call = HSM_RANDOM, .len = 256 });
    for (uint64_t id = first; id <= rig->next_id; id++) {
        rig_receive(rig, HSM_RANDOM, id);
        assert_int_equal(rig->reply.err, HUFU_OK);
    }
}

/* Waits until the peer has closed the link. */
static void wait_closed(struct rig *rig)
{
    struct pollfd pfd = { .fd = rig->link.fd, .events = POLLIN };
    enum hufu_err err = HUFU_OK;

    while (err == HUFU_OK) {
        assert_int_equal(poll(&pfd, 1, RIG_WAIT_MS), 1);
        err = link_fill(&rig->link);
    }
    assert_int_equal(err, HUFU_CLOSED);
}

static void link_renew(struct rig *rig)
{
    int core[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, core), 0);
    assert_int_equal(control_send(rig->control, CONTROL_LINK_CORE, core[1]), HUFU_OK);
    close(core[1]);
    link_done(&rig->link);
    link_init(&rig->link, core[0], 1024 * 1024);
}

static void test_a_bad_frame_closes_the_link_and_a_new_one_serves(void **state)
{
    static const struct {
        uint16_t type;
        const char *body;
        size_t len;
    } rows[] = {
        { HSM_STATUS, "", 0 },
        { HSM_KEK_MAKE,
          "\x05"
          "A/..\n"
          "\0\0\0\0\0\0\0\0\0\0\0\0",
          18 },
        { HSM_RANDOM,
          "\0"
          "\0\0\0\0"
          "\0\0\0\0"
          "\x01\x01\0\0",
          13 },
        { HSM_SEAL,
          "\x01"
          "a"
          "\0\0\0\0"
          "\xff\xff\xff\xff",
          10 },
        { 7,
          "\0"
          "\0\0\0\0"
          "\0\0\0\0"
          "\0\0\0\0",
          13 },
    };
    struct rig *rig = *state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        rig_await(rig, HUFU_OK);
        assert_int_equal(link_send(&rig->link, rows[i].type, 1, view_of(rows[i].body, rows[i].len)),
                         HUFU_OK);
        wait_closed(rig);
        link_renew(rig);
    }
    rig_await(rig, HUFU_OK);
    assert_true(rig_says(rig, "connection=1")); /* the token was left alone */
}

static void test_a_new_link_replaces_the_old_one(void **state)
{
    struct rig *rig = *state;

    rig_await(rig, HUFU_OK);
    link_renew(rig);
    assert_int_equal(rig_key(rig, HSM_KEK_FIND, "a"), HUFU_NOT_FOUND);
    assert_int_equal(control_send(rig->control, CONTROL_RELOAD, -1), HUFU_OK);
    assert_int_equal(rig_key(rig, HSM_KEK_FIND, "a"), HUFU_NOT_FOUND);
}

static void test_keys_outlive_the_process(void **state)
{
    struct rig *rig = *state;
    struct bytes key, sealed;

    rig_await(rig, HUFU_OK);
    assert_int_equal(rig_key(rig, HSM_KEK_MAKE, "a"), HUFU_OK);
    assert_int_equal(rig_key(rig, HSM_SIGN_MAKE, "log"), HUFU_OK);
    taken(rig, &key);
    assert_int_equal(rig_data(rig, HSM_SEAL, "a", none, view_str("kept")), HUFU_OK);
    taken(rig, &sealed);
    rig_stop(rig);
    rig_start(rig);
    rig_await(rig, HUFU_OK);
    assert_int_equal(rig_data(rig, HSM_OPEN, "a", none, view_of(sealed.p, sealed.len)), HUFU_OK);
    assert_true(view_is(rig->reply.data, "kept"));
    assert_int_equal(rig_key(rig, HSM_SIGN_PUBLIC, "log"), HUFU_OK);
    assert_int_equal(rig->reply.data.len, key.len);
    assert_memory_equal(rig->reply.data.p, key.p, key.len);
}

static void test_it_ends_when_both_its_peers_are_gone(void **state)
{
    struct rig *rig = *state;

    rig_await(rig, HUFU_OK);
    link_done(&rig->link);
    close(rig->control);
    assert_int_equal(rig_wait_end(rig), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_status_names_the_token, setup, teardown),
        cmocka_unit_test_setup_teardown(test_kek_make_reads_back_what_it_made, setup, teardown),
        cmocka_unit_test_setup_teardown(test_kek_destroy_is_for_good, setup, teardown),
        cmocka_unit_test_setup_teardown(test_seal_opens_again, setup, teardown),
        cmocka_unit_test_setup_teardown(test_open_tells_what_was_changed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_sign_verifies_outside, setup, teardown),
        cmocka_unit_test_setup_teardown(test_random_gives_what_was_asked, setup, teardown),
        cmocka_unit_test_setup_teardown(test_an_extractable_key_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_replies_keep_the_order_of_the_calls, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_bad_frame_closes_the_link_and_a_new_one_serves,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_new_link_replaces_the_old_one, setup, teardown),
        cmocka_unit_test_setup_teardown(test_keys_outlive_the_process, setup, teardown),
        cmocka_unit_test_setup_teardown(test_it_ends_when_both_its_peers_are_gone, setup, teardown),
    };
    int status;

    if (!rig_is_possible(&status))
        return status;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
