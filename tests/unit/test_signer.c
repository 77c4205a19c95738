/* Checkpoints: signed over a committed size, stored, then published; and what happens without. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include "tests/core_suite.h"
#include "vault/base/log.h"
#include "vault/log/signer.h"

static struct rig_who acme = { .partner = "acme" };

static uint64_t log_size(void)
{
    struct merkle log;

    store_log(rig.core.store, &log);
    return log.size;
}

/* The published checkpoint's size, its signature checked; 0 where there is none. */
static uint64_t published(void)
{
    uint8_t mem[NOTE_MAX];
    struct log_identity id;
    struct checkpoint cp;
    struct buf note;

    buf_fixed(&note, mem, sizeof(mem));
    if (signer_note(rig.core.signer, &note) == HUFU_NOT_FOUND)
        return 0;
    assert_int_equal(directory_log(rig.core.dir, &id), HUFU_OK);
    assert_int_equal(note_check(buf_view(&note), view_of(id.spki, id.spki_len), &cp), HUFU_OK);
    assert_string_equal(cp.origin, "rig.test/log");
    return cp.size;
}

static void more(void)
{
    rig_tokenize(&rig, &acme, "loose", "4111111111111111");
}

static void test_a_note_is_published_when_it_is_durable(void **state)
{
    uint64_t size = log_size(), got_size, signed_ms;

    (void)state;
    assert_int_equal(published(), 0);
    assert_true(signer_step(rig.core.signer));
    assert_int_equal(published(), 0); /* signed, not yet stored */
    assert_false(signer_step(rig.core.signer));
    assert_true(store_journal_step(rig.core.store));
    assert_int_equal(published(), size);
    assert_int_equal(log_size(), size); /* a checkpoint is no entry */
    signer_numbers(rig.core.signer, &got_size, &signed_ms);
    assert_int_equal(got_size, size);
    assert_int_equal(signed_ms, rig.clock.now);
    rig_tick(&rig, 5000);
    assert_false(signer_step(rig.core.signer)); /* nothing new */
}

static void test_signatures_keep_their_pause(void **state)
{
    (void)state;
    assert_true(signer_step(rig.core.signer));
    store_journal_step(rig.core.store);
    more();
    rig_tick(&rig, 999);
    assert_false(signer_step(rig.core.signer));
    rig_tick(&rig, 1);
    assert_true(signer_step(rig.core.signer));
    store_journal_step(rig.core.store);
    assert_int_equal(published(), log_size());
}

static void test_the_note_is_of_the_size_that_was_committed(void **state)
{
    uint64_t size = log_size();

    (void)state;
    assert_true(signer_step(rig.core.signer));
    more(); /* goes into the journal in the same group or before the note */
    assert_int_equal(published(), size);
    assert_true(log_size() > size);
}

static void test_a_restart_publishes_the_stored_note(void **state)
{
    uint64_t size = log_size();

    (void)state;
    assert_true(signer_step(rig.core.signer));
    store_journal_step(rig.core.store);
    assert_true(rig_restart(&rig));
    assert_int_equal(published(), size);
}

static void test_a_crash_before_the_commit_publishes_nothing(void **state)
{
    (void)state;
    assert_true(signer_step(rig.core.signer));
    assert_true(rig_restart(&rig));
    assert_int_equal(published(), 0);
}

static void test_without_the_hsm_the_log_goes_stale_and_comes_back(void **state)
{
    (void)state;
    assert_true(signer_step(rig.core.signer));
    store_journal_step(rig.core.store);
    more();
    hsm.down = true;
    rig_tick(&rig, 1000);
    assert_true(signer_step(rig.core.signer)); /* tried, in vain */
    assert_true(signer_is_fresh(rig.core.signer));
    rig_tick(&rig, 900000);
    (void)signer_step(rig.core.signer);
    assert_true(signer_is_fresh(rig.core.signer)); /* 900 s, as long as the setting allows */
    rig_tick(&rig, 1);
    assert_false(signer_is_fresh(rig.core.signer));
    hsm.down = false;
    rig_tick(&rig, 1000);
    assert_true(signer_step(rig.core.signer));
    store_journal_step(rig.core.store);
    assert_true(signer_is_fresh(rig.core.signer));
    assert_int_equal(published(), log_size());
}

/* Nobody could check the log: nothing is revealed (design.md section 7). */
static void test_C27_a_stale_log_stops_reveals(void **state)
{
    char session[MSG_SESSION_LEN + 1], token[64];
    const struct rig_reply *r = rig_tokenize(&rig, &acme, "cards", "4111111111111111");

    (void)state;
    assert_non_null(rig_member(r->body, "token", token, sizeof(token)));
    hsm.down = true;
    (void)signer_step(rig.core.signer);
    rig_tick(&rig, 900002);
    rig_login(&rig, "olga", session);
    r = rig_reveal(&rig, session, "cards", token);
    assert_int_equal(r->err, HUFU_UNAVAILABLE);
    assert_int_equal(r->body_len, 0);
    hsm.down = false;
    (void)signer_step(rig.core.signer);
    store_journal_step(rig.core.store);
    r = rig_reveal(&rig, session, "cards", token);
    assert_int_equal(r->err, HUFU_OK);
}

static void test_steps_do_nothing_while_sealed(void **state)
{
    struct signer_settings set = { 1000, 900000, &rig.clock.ops };
    struct signer *s = NULL;
    uint8_t mem[16];
    struct buf out;

    (void)state;
    assert_int_equal(signer_new(rig.core.store, &hsm.ops, &set, &s), HUFU_OK);
    assert_false(signer_step(s)); /* signer_start was not called */
    buf_fixed(&out, mem, sizeof(mem));
    assert_int_equal(signer_note(s, &out), HUFU_NOT_FOUND);
    assert_int_equal(out.len, 0);
    signer_free(s);
    signer_free(NULL);
}

#define WITH_RIG(test) cmocka_unit_test_setup_teardown(test, suite_setup, suite_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_RIG(test_a_note_is_published_when_it_is_durable),
        WITH_RIG(test_signatures_keep_their_pause),
        WITH_RIG(test_the_note_is_of_the_size_that_was_committed),
        WITH_RIG(test_a_restart_publishes_the_stored_note),
        WITH_RIG(test_a_crash_before_the_commit_publishes_nothing),
        WITH_RIG(test_without_the_hsm_the_log_goes_stale_and_comes_back),
        WITH_RIG(test_C27_a_stale_log_stops_reveals),
        WITH_RIG(test_steps_do_nothing_while_sealed),
    };

    return cmocka_run_group_tests(tests, suite_heap, NULL);
}
