/* What the store asks of the core while it commits: seals, lines, digests, news. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include "tests/unit/row_samples.h"
#include "tests/core_suite.h"
#include "vault/keys/envelope.h"

static struct store_hooks hooks;

static int setup(void **state)
{
    (void)state;
    fake_hsm_init(&hsm);
    rig_start(&rig, &hsm);
    hooks = core_hooks(&rig.core);
    return 0;
}

/* A row's key: table byte, be32, and a tail. */
static struct view key_of(uint8_t mem[static 16], uint8_t table, uint32_t id)
{
    struct buf b;

    buf_fixed(&b, mem, 16);
    buf_u8(&b, table);
    buf_be32(&b, id);
    return buf_view(&b);
}

static size_t lay(uint8_t *mem, size_t max, const char *text)
{
    struct buf image;

    buf_fixed(&image, mem, max);
    assert_int_equal(envelope_lay(&image, view_of(NULL, 0), view_str(text), &rig.worker.draw),
                     HUFU_OK);
    return image.len;
}

static void test_plain_tables_are_left_as_they_are(void **state)
{
    static const uint8_t tables[] = { TABLE_INDEX, TABLE_COUNTER, TABLE_KEK, TABLE_KEYSET };
    uint8_t key_mem[16], image[] = "as it is";

    (void)state;
    for (size_t i = 0; i < sizeof(tables); i++) {
        struct store_write w = { key_of(key_mem, tables[i], 1), image, sizeof(image) };

        assert_int_equal(hooks.seal(hooks.arg, &w, 1, 5), HUFU_OK);
        assert_string_equal((char *)image, "as it is");
    }
}

/* Mappings under their domain's key, control rows under the system's. */
static void test_C12_each_domain_seals_under_its_own_key(void **state)
{
    static const struct {
        uint8_t table;
        uint32_t id, domain;
        enum key_kind kind;
    } rows[] = {
        { TABLE_TOKEN, 1, 1, KEY_DATA },
        { TABLE_TOKEN, 2, 2, KEY_DATA },
        { TABLE_USER, 1, 0, KEY_CONTROL },
        { TABLE_IDEM, 1, 0, KEY_CONTROL },
    };

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        uint8_t key_mem[16], image[128], text_mem[64];
        struct store_write w = { key_of(key_mem, rows[i].table, rows[i].id), image,
                                 lay(image, sizeof(image), "a secret") };
        struct key *key;
        struct buf text;

        assert_int_equal(hooks.seal(hooks.arg, &w, 1, 5), HUFU_OK);
        for (size_t k = 0; (key = keyring_at(rig.core.ring, k)) != NULL; k++) {
            bool right = key->domain == rows[i].domain && key->kind == rows[i].kind;

            buf_fixed(&text, text_mem, sizeof(text_mem));
            assert_int_equal(
                envelope_open(rig.worker.crypt, key, w.key, 5, view_of(image, w.image_len), &text),
                right ? HUFU_OK : HUFU_CORRUPT);
        }
    }
}

static void test_a_domain_without_keys_seals_nothing(void **state)
{
    uint8_t key_mem[16], image[128], before[128];
    struct store_write w = { key_of(key_mem, TABLE_TOKEN, 99), image,
                             lay(image, sizeof(image), "a secret") };

    (void)state;
    memcpy(before, image, sizeof(image));
    assert_int_equal(hooks.seal(hooks.arg, &w, 1, 5), HUFU_SEALED);
    assert_memory_equal(image, before, w.image_len);
}

static void test_a_sealed_vault_seals_and_digests_nothing(void **state)
{
    uint8_t key_mem[16], image[128], out[32] = { 7 }, before[32] = { 7 };
    struct store_write w;

    (void)state;
    rig_crash(&rig);
    assert_int_equal(rig_open(&rig), HUFU_OK); /* not unsealed */
    hooks = core_hooks(&rig.core);
    w = (struct store_write){ key_of(key_mem, TABLE_USER, 1), image,
                              lay(image, sizeof(image), "a secret") };
    assert_int_equal(hooks.seal(hooks.arg, &w, 1, 5), HUFU_SEALED);
    assert_int_equal(hooks.digest(hooks.arg, w.key, 5, view_str("image"), out), HUFU_SEALED);
    assert_memory_equal(out, before, sizeof(out));
}

/* FORMATS.md section 2: HMAC over u16 key length, key, u64 seq, image. */
static void test_digest_is_keyed_over_key_seq_and_image(void **state)
{
    struct key *mac = keyring_active(rig.core.ring, KEY_SYSTEM, KEY_MAC);
    uint8_t key_mem[16], mem[64], got[32], want[32];
    struct view key = key_of(key_mem, TABLE_USER, 1);
    unsigned len = sizeof(want);
    struct buf b;

    (void)state;
    buf_fixed(&b, mem, sizeof(mem));
    buf_u16(&b, 5);
    buf_put(&b, key.p, key.len);
    buf_u64(&b, 77);
    buf_str(&b, "image");
    assert_non_null(HMAC(EVP_sha256(), secret_read(mac->secret), KEY_LEN, b.p, b.len, want, &len));
    assert_int_equal(hooks.digest(hooks.arg, key, 77, view_str("image"), got), HUFU_OK);
    assert_memory_equal(got, want, sizeof(got));
}

static void test_line_prints_the_entry(void **state)
{
    const struct entry_draft e = { .verb = "init", .result = "ok" };
    uint8_t mem[256];
    struct buf out;

    (void)state;
    buf_fixed(&out, mem, sizeof(mem));
    assert_int_equal(hooks.line(hooks.arg, &e, 3, RIG_NOW_MS, false, &out), HUFU_OK);
    assert_true(view_is(buf_view(&out), "{\"result\":\"ok\",\"time\":\"2026-09-21T14:13:20.000Z\","
                                        "\"verb\":\"init\"}"));
}

static void test_changed_feeds_the_directory_and_forgets_sessions(void **state)
{
    const struct session s = { .user_id = 1, .created_ms = 1, .expires_ms = 2, .factor_ms = 1 };
    uint8_t key_mem[33] = { TABLE_SESSION, 9 }, text_mem[64], image[128];
    struct view key = view_of(key_mem, sizeof(key_mem));
    struct store_write w = { key, image, 0 };
    struct buf text, laid;
    struct session out;

    (void)state;
    buf_fixed(&text, text_mem, sizeof(text_mem));
    session_put(&s, &text);
    buf_fixed(&laid, image, sizeof(image));
    assert_int_equal(envelope_lay(&laid, view_of(NULL, 0), buf_view(&text), &rig.worker.draw),
                     HUFU_OK);
    w.image_len = laid.len;
    assert_int_equal(hooks.seal(hooks.arg, &w, 1, 50), HUFU_OK);
    hooks.changed(hooks.arg, key, 50, view_of(image, w.image_len));
    assert_int_equal(directory_session(rig.core.dir, key_mem + 1, &out), HUFU_OK);
    assert_int_equal(out.seq, 50);
    hooks.changed(hooks.arg, key, 51, view_of(NULL, 0));
    assert_int_equal(directory_session(rig.core.dir, key_mem + 1, &out), HUFU_NOT_FOUND);
    assert_int_equal(atomic_load(&rig.core.phase), CORE_OPEN);
}

/* The directory would be behind the store: nothing may be decided on it any more. */
static void test_changed_that_cannot_be_read_breaks_the_core(void **state)
{
    struct rig_who acme = { .partner = "acme" };
    uint8_t key_mem[16], image[128];
    struct view key = key_of(key_mem, TABLE_DOMAIN, 1);
    struct store_write w = { key, image, lay(image, sizeof(image), "\001no domain") };

    (void)state;
    assert_int_equal(hooks.seal(hooks.arg, &w, 1, 50), HUFU_OK);
    hooks.changed(hooks.arg, key, 50, view_of(image, w.image_len));
    assert_int_equal(atomic_load(&rig.core.phase), CORE_BROKEN);
    assert_int_equal(rig_tokenize(&rig, &acme, "cards", "4111111111111111")->err, HUFU_SEALED);
    assert_false(keeper_step(&rig.keeper)); /* and it stays so */
}

static void test_changed_tells_the_ring_of_a_keys_row(void **state)
{
    struct key *key = keyring_find(rig.core.ring, 1, KEY_DATA, 1);
    struct keyset_row row = {
        .state = KEY_DEACTIVATED, .leased = 3 * KEY_LEASE, .kek_version = 9, .sealed_len = 1
    };
    uint8_t key_mem[16], mem[64];
    struct buf row_key, image;

    (void)state;
    buf_fixed(&row_key, key_mem, sizeof(key_mem));
    keyset_row_key(1, KEY_DATA, 1, &row_key);
    buf_fixed(&image, mem, sizeof(mem));
    keyset_row_put(&row, &image);
    hooks.changed(hooks.arg, buf_view(&row_key), 60, buf_view(&image));
    assert_int_equal(atomic_load(&key->state), KEY_DEACTIVATED);
    assert_int_equal(atomic_load(&key->leased), 3 * KEY_LEASE);
    assert_int_equal(atomic_load(&key->kek_version), 9);
    assert_int_equal(atomic_load(&key->row_seq), 60);
    assert_null(keyring_active(rig.core.ring, 1, KEY_DATA));
}

#define WITH_RIG(test) cmocka_unit_test_setup_teardown(test, setup, suite_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_RIG(test_plain_tables_are_left_as_they_are),
        WITH_RIG(test_C12_each_domain_seals_under_its_own_key),
        WITH_RIG(test_a_domain_without_keys_seals_nothing),
        WITH_RIG(test_a_sealed_vault_seals_and_digests_nothing),
        WITH_RIG(test_digest_is_keyed_over_key_seq_and_image),
        WITH_RIG(test_line_prints_the_entry),
        WITH_RIG(test_changed_feeds_the_directory_and_forgets_sessions),
        WITH_RIG(test_changed_that_cannot_be_read_breaks_the_core),
        WITH_RIG(test_changed_tells_the_ring_of_a_keys_row),
    };

    return cmocka_run_group_tests(tests, suite_heap, NULL);
}
