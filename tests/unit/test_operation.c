#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "vault/store/operation.h"

static void test_put_and_next_round_trip(void **state)
{
    static uint8_t image[STORE_IMAGE_MAX], key[STORE_KEY_MAX];
    const struct operation_write in[] = {
        { { key, sizeof(key) }, { image, sizeof(image) }, false, true },
        { { key, 1 }, { image, 0 }, false, false },
        { { key, 2 }, { NULL, 0 }, true, false },
    };
    struct operation_reader it;
    struct operation_write out;
    struct buf b;

    (void)state;
    memset(key, 7, sizeof(key));
    memset(image, 9, sizeof(image));
    buf_init(&b, 1u << 20);
    operation_begin(&b, 3);
    for (size_t i = 0; i < 3; i++)
        operation_put(&b, &in[i]);
    assert_int_equal(buf_check(&b), HUFU_OK);
    assert_int_equal(operation_open(&it, buf_view(&b)), HUFU_OK);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(operation_next(&it, &out), HUFU_OK);
        assert_true(view_equal(out.key, in[i].key));
        assert_true(view_equal(out.image, in[i].image));
        assert_int_equal(out.removed, in[i].removed);
        assert_int_equal(out.made, in[i].made);
    }
    assert_int_equal(operation_next(&it, &out), HUFU_NOT_FOUND);
    buf_done(&b);
}

/* What a walk over the bytes ends with; *count_out writes came before. */
static enum hufu_err walk(const void *in, size_t in_len, size_t *count_out)
{
    struct operation_reader it;
    struct operation_write w;
    enum hufu_err err = operation_open(&it, view_of(in, in_len));

    *count_out = 0;
    while (err == HUFU_OK) {
        err = operation_next(&it, &w);
        *count_out += err == HUFU_OK;
    }
    return err;
}

static void test_next_table(void **state)
{
#define B(text) text, sizeof(text) - 1
    static const struct {
        const char *name, *in;
        size_t in_len;
        enum hufu_err err;
        size_t count;
    } rows[] = {
        { "no write", B("\1\0\0\0\0"), HUFU_NOT_FOUND, 0 },
        { "removed", B("\1\1\0\0\0\0\1\0k"), HUFU_NOT_FOUND, 1 },
        { "image", B("\1\1\0\0\0\1\1\0k\2\0\0\0ab"), HUFU_NOT_FOUND, 1 },
        { "two", B("\1\2\0\0\0\0\1\0k\1\1\0k\0\0\0\0"), HUFU_NOT_FOUND, 2 },
        { "empty", B(""), HUFU_CORRUPT, 0 },
        { "other form", B("\2\0\0\0\0"), HUFU_CORRUPT, 0 },
        { "short count", B("\1\0\0\0"), HUFU_CORRUPT, 0 },
        { "count over the maximum", B("\1\1\x10\0\0"), HUFU_CORRUPT, 0 },
        { "missing write", B("\1\1\0\0\0"), HUFU_CORRUPT, 0 },
        { "kind 2", B("\1\1\0\0\0\2\1\0k"), HUFU_CORRUPT, 0 },
        { "no key", B("\1\1\0\0\0\0\0\0"), HUFU_CORRUPT, 0 },
        { "key over the maximum", B("\1\1\0\0\0\0\x41\1"), HUFU_CORRUPT, 0 },
        { "short key", B("\1\1\0\0\0\0\2\0k"), HUFU_CORRUPT, 0 },
        { "image over the maximum", B("\1\1\0\0\0\1\1\0k\1\0\4\0"), HUFU_CORRUPT, 0 },
        { "short image", B("\1\1\0\0\0\1\1\0k\2\0\0\0a"), HUFU_CORRUPT, 0 },
        { "left over", B("\1\1\0\0\0\0\1\0k!"), HUFU_CORRUPT, 1 },
        { "left over after none", B("\1\0\0\0\0!"), HUFU_CORRUPT, 0 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        size_t count;
        enum hufu_err err = walk(rows[i].in, rows[i].in_len, &count);

        if (err != rows[i].err || count != rows[i].count)
            fail_msg("%s: %s after %zu", rows[i].name, err_name(err), count);
    }
}

static void test_failure_leaves_out_alone(void **state)
{
    static const uint8_t bad[] = { 2, 0, 0, 0, 0 }, cut[] = { 1, 1, 0, 0, 0, 0 };
    struct operation_reader it = { .left = 77 };
    struct operation_write w = { .key = { bad, 3 } };

    (void)state;
    assert_int_equal(operation_open(&it, view_of(bad, sizeof(bad))), HUFU_CORRUPT);
    assert_int_equal(it.left, 77);
    assert_int_equal(operation_open(&it, view_of(cut, sizeof(cut))), HUFU_OK);
    assert_int_equal(operation_next(&it, &w), HUFU_CORRUPT);
    assert_ptr_equal(w.key.p, bad);
}

static void done(struct store_draft *draft)
{
    (void)draft;
}

/* The bounds that no draft of a test of the store reaches. */
static void test_check_counts(void **state)
{
    static struct store_write writes[OPERATION_WRITES_MAX + 1];
    static struct store_op ops[OPERATION_OPS_MAX + 1];
    static uint8_t key[1] = { TABLE_TOKEN }, image[STORE_IMAGE_MAX];
    struct store_draft draft = { .op = ops, .op_count = 1, .done = done };
    struct entry_draft *entry = (struct entry_draft *)key; /* only its presence is judged */

    (void)state;
    for (size_t i = 0; i <= OPERATION_WRITES_MAX; i++)
        writes[i] = (struct store_write){ .key = { key, 1 } };
    for (size_t i = 0; i <= OPERATION_OPS_MAX; i++)
        ops[i].entry = entry;
    ops[0].write = writes;
    ops[0].write_count = OPERATION_WRITES_MAX;
    assert_int_equal(operation_check(&draft), HUFU_OK);
    ops[0].write_count++;
    assert_int_equal(operation_check(&draft), HUFU_ARG);
    ops[0].write_count = OPERATION_DRAFT_MAX / STORE_IMAGE_MAX;
    for (size_t i = 0; i < ops[0].write_count; i++)
        writes[i] = (struct store_write){ { key, 1 }, image, STORE_IMAGE_MAX };
    assert_int_equal(operation_check(&draft), HUFU_ARG); /* the keys are over */
    ops[0].write_count--;
    assert_int_equal(operation_check(&draft), HUFU_OK);
    draft.op_count = OPERATION_OPS_MAX;
    assert_int_equal(operation_check(&draft), HUFU_OK);
    draft.op_count++;
    assert_int_equal(operation_check(&draft), HUFU_ARG);
    draft.op_count = 0; /* nothing at all: a commit that trims */
    assert_int_equal(operation_check(&draft), HUFU_OK);
    draft.op_count = 1;
    key[0] = TABLE_COUNTER; /* removed only */
    ops[0].write_count = 1;
    writes[0].image = NULL;
    assert_int_equal(operation_check(&draft), HUFU_OK);
    writes[0].image = image;
    writes[0].image_len = 16;
    assert_int_equal(operation_check(&draft), HUFU_ARG);
    key[0] = TABLE_TOKEN;
    assert_int_equal(operation_check(&draft), HUFU_OK);
    draft.done = NULL;
    assert_int_equal(operation_check(&draft), HUFU_ARG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_put_and_next_round_trip),
        cmocka_unit_test(test_next_table),
        cmocka_unit_test(test_failure_leaves_out_alone),
        cmocka_unit_test(test_check_counts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
