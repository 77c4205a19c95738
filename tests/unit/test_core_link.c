#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <poll.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "api/core_link.h"
#include "vault/base/frame.h"
#include "vault/base/log.h"

struct waiter {
    struct core_wait wait; /* first */
    atomic_uint times;
    _Atomic enum hufu_err err;
    atomic_size_t body_len;
};

static void on_done(struct core_wait *w, enum hufu_err err, const struct msg_reply *reply)
{
    struct waiter *waiter = (struct waiter *)w;

    atomic_store(&waiter->err, err);
    atomic_store(&waiter->body_len, reply == NULL ? 0 : reply->body.len);
    atomic_fetch_add(&waiter->times, 1);
}

static const struct core_limits limits = { 2, 200, 500 };
static struct core_link *cl;
static struct link far; /* the core's end */

static void attach(void)
{
    int fds[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    core_link_attach(cl, fds[1]);
    link_init(&far, fds[0], FRAME_MAX);
    for (int i = 0; i < 200 && !core_link_is_up(cl); i++)
        usleep(5000);
    assert_true(core_link_is_up(cl));
}

static int set_up(void **state)
{
    (void)state;
    log_setup("test", LOG_ERROR_LEVEL);
    if (core_link_new(&limits, &cl) != HUFU_OK)
        return -1;
    attach();
    return 0;
}

static int take_down(void **state)
{
    (void)state;
    core_link_free(cl);
    link_done(&far);
    return 0;
}

/* Reads the next request at the far end and returns its id. */
static uint64_t take(void)
{
    struct pollfd p = { far.fd, POLLIN, 0 };
    struct frame f;

    for (;;) {
        if (link_next(&far, &f) == HUFU_OK)
            return f.id;
        assert_int_equal(poll(&p, 1, 2000), 1);
        assert_int_equal(link_fill(&far), HUFU_OK);
    }
}

static void answer(uint64_t id, const char *body)
{
    struct msg_reply reply = { .where = MSG_WHERE_NONE, .body = view_str(body) };
    struct buf out;

    buf_init(&out, 1024);
    msg_reply_put(&out, &reply);
    assert_int_equal(link_send(&far, VERB_WHOAMI | MSG_REPLY, id, buf_view(&out)), HUFU_OK);
    buf_done(&out);
}

static enum hufu_err ask(struct waiter *w, size_t len)
{
    static const uint8_t bytes[512];

    *w = (struct waiter){ .wait.done = on_done };
    return core_link_send(cl, VERB_WHOAMI, view_of(bytes, len), view_of(NULL, 0), &w->wait);
}

static bool await(struct waiter *w)
{
    for (int i = 0; i < 400 && atomic_load(&w->times) == 0; i++)
        usleep(5000);
    return atomic_load(&w->times) == 1;
}

static void test_core_link_answers_in_any_order(void **state)
{
    struct waiter a, b;
    uint64_t id_a, id_b;

    (void)state;
    assert_int_equal(ask(&a, 1), HUFU_OK);
    id_a = take();
    assert_int_equal(ask(&b, 1), HUFU_OK);
    id_b = take();
    assert_int_equal(core_link_waiting(cl), 2);
    answer(id_b, "{}");
    assert_true(await(&b) && b.err == HUFU_OK && b.body_len == 2);
    assert_int_equal(a.times, 0);
    answer(id_a, "{1}");
    assert_true(await(&a) && a.err == HUFU_OK && a.body_len == 3);
    assert_int_equal(core_link_waiting(cl), 0);
}

/* An answer behind its deadline must not reach whoever has the slot by then. */
static void test_core_link_late_answer_finds_nobody(void **state)
{
    struct waiter late, next;
    uint64_t late_id, next_id;

    (void)state;
    assert_int_equal(ask(&late, 1), HUFU_OK);
    late_id = take();
    assert_true(await(&late) && late.err == HUFU_UNAVAILABLE);
    assert_int_equal(ask(&next, 1), HUFU_OK);
    next_id = take();
    assert_int_equal((uint32_t)next_id, (uint32_t)late_id); /* the same slot */
    answer(late_id, "{late}");
    answer(next_id, "{}");
    assert_true(await(&next) && next.err == HUFU_OK && next.body_len == 2);
    answer(next_id, "{}"); /* once more */
    answer(0xffffffff00000001, "{}");
    usleep(20000);
    assert_int_equal(next.times, 1);
    assert_int_equal(late.times, 1);
}

static void test_core_link_limits(void **state)
{
    struct waiter a, b, c;

    (void)state;
    assert_int_equal(ask(&a, limits.bytes - FRAME_HEADER_LEN + 1), HUFU_UNAVAILABLE);
    assert_int_equal(ask(&a, limits.bytes - FRAME_HEADER_LEN), HUFU_OK);
    assert_int_equal(ask(&b, 0), HUFU_UNAVAILABLE); /* no bytes left */
    answer(take(), "{}");
    assert_true(await(&a));
    assert_int_equal(ask(&a, 1), HUFU_OK);
    assert_int_equal(ask(&b, 1), HUFU_OK);
    assert_int_equal(ask(&c, 1), HUFU_UNAVAILABLE); /* no slot left */
    core_link_fail_all(cl);
    assert_true(await(&a) && a.err == HUFU_UNAVAILABLE);
    assert_true(await(&b) && b.err == HUFU_UNAVAILABLE);
    assert_int_equal(c.times, 0);
    (void)take();
    (void)take();
}

/* The far end closes, lies, or is replaced: whoever waits is told, whoever asks is refused. */
static void test_core_link_goes_down(void **state)
{
    static const char *const lies[] = { "", "a frame that is none, but long enough", NULL };
    struct waiter w;

    (void)state;
    for (size_t i = 0; lies[i] != NULL; i++) {
        assert_int_equal(ask(&w, 1), HUFU_OK);
        if (lies[i][0] != '\0')
            assert_true(write(far.fd, lies[i], strlen(lies[i])) > 0);
        else
            assert_int_equal(shutdown(far.fd, SHUT_RDWR), 0);
        assert_true(await(&w) && w.err == HUFU_UNAVAILABLE);
        for (int k = 0; k < 200 && core_link_is_up(cl); k++)
            usleep(5000);
        assert_int_equal(ask(&w, 1), HUFU_UNAVAILABLE);
        link_done(&far);
        attach();
    }
    assert_int_equal(ask(&w, 1), HUFU_OK);
    link_done(&far);
    attach(); /* is_up may still be of the old link: the waiter tells */
    assert_true(await(&w) && w.err == HUFU_UNAVAILABLE);
    for (int k = 0; k < 200 && ask(&w, 1) != HUFU_OK; k++)
        usleep(5000);
    answer(take(), "{}");
    assert_true(await(&w) && w.err == HUFU_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_core_link_answers_in_any_order),
        cmocka_unit_test(test_core_link_late_answer_finds_nobody),
        cmocka_unit_test(test_core_link_limits),
        cmocka_unit_test(test_core_link_goes_down),
    };

    return cmocka_run_group_tests(tests, set_up, take_down);
}
