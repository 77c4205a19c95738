/* The decoy is a record of common size, costs no row and never opens. How long it takes is shown by
 * `make alike`. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "tests/core_suite.h"
#include "vault/base/log.h"
#include "vault/decoy.h"
#include "vault/keys/envelope.h"
#include "vault/token.h"

static int setup(void **state)
{
    (void)state;
    log_setup("test", LOG_ERROR_LEVEL);
    if (secret_heap_init(RIG_HEAP_BYTES) != HUFU_OK)
        return -1;
    fake_hsm_init(&hsm);
    rig_start(&rig, &hsm);
    return 0;
}

/* As tokenize fills it in: a card number of one partner, a UUID for a request id. */
static void test_C23_decoy_is_as_long_as_a_card(void **state)
{
    static const struct record card = {
        .state = RECORD_ACTIVE,
        .created_ms = RIG_NOW_MS,
        .changed_ms = RIG_NOW_MS,
        .request_id = "0192f5a1-7c3e-7b1d-9a40-3f6f0c2d1e55",
        .partner = { 1 },
        .partner_count = 1,
        .value = "4111111111111111",
        .value_len = 16,
    };
    struct request *req;
    struct msg_request head = { .request_id = view_str("rig-1"), .where = MSG_WHERE_NONE };
    struct buf frame;
    uint8_t *image;
    size_t image_len;
    enum hufu_err err;

    (void)state;
    buf_init(&frame, 4096);
    msg_request_put_head(&frame, &head);
    req = request_new(&rig.core, VERB_WHOAMI, buf_view(&frame), &err);
    assert_non_null(req);
    assert_int_equal(row_lay_record(&rig.worker, req, &card, &image, &image_len), HUFU_OK);
    assert_int_equal(rig.worker.decoy_len, image_len);
    request_free(req);
    buf_done(&frame);
}

/* Its parts are read as those of any record are. */
static void test_decoy_has_the_form_of_a_record(void **state)
{
    struct view image = view_of(rig.worker.decoy, rig.worker.decoy_len), header;
    struct record rec = { 0 };
    uint32_t version;

    (void)state;
    assert_int_equal(envelope_peek(image, &version, &header), HUFU_OK);
    assert_int_equal(record_get_header(header, &rec), HUFU_OK);
    assert_int_equal(
        record_get_text(view_of(rig.worker.decoy_text, rig.worker.decoy_text_len), &rec), HUFU_OK);
}

/* It is sealed by no key, and opening it leaves it as it is. */
static void test_decoy_never_opens(void **state)
{
    const struct domain *d = directory_domain(rig.core.dir, view_str("cards"));
    struct key *key = keyring_active(rig.core.ring, d->id, KEY_DATA);
    uint8_t before[sizeof(rig.worker.decoy)], image[sizeof(rig.worker.decoy)], out_mem[64];
    struct view row = view_str("no such row");
    struct buf out, version;

    (void)state;
    memcpy(before, rig.worker.decoy, sizeof(before));
    memcpy(image, rig.worker.decoy, sizeof(image));
    buf_fixed(&version, image + 2, 4); /* FORMATS.md: format, suite, key version */
    buf_u32(&version, key->version);
    buf_fixed(&out, out_mem, sizeof(out_mem));
    assert_int_equal(envelope_open(rig.worker.crypt, key, row, STORE_ABSENT,
                                   view_of(image, rig.worker.decoy_len), &out),
                     HUFU_CORRUPT);
    decoy_open(&rig.worker, d, row);
    assert_memory_equal(rig.worker.decoy, before, sizeof(before));
}

/* A vault without its keys answers nothing; the decoy must not be what breaks it. */
static void test_decoy_without_a_key(void **state)
{
    struct domain nobody = { .id = 4000000000U };

    (void)state;
    decoy_open(&rig.worker, &nobody, view_str("no such row"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_C23_decoy_is_as_long_as_a_card),
        cmocka_unit_test(test_decoy_has_the_form_of_a_record),
        cmocka_unit_test(test_decoy_never_opens),
        cmocka_unit_test(test_decoy_without_a_key),
    };

    return cmocka_run_group_tests_name("decoy", tests, setup, suite_teardown);
}
