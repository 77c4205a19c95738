/* Calls to the hsm process: answers, late answers, deadlines, a link that is gone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vault/base/frame.h"
#include "vault/base/msg.h"
#include "vault/keys/hsm_client.h"

#define DEADLINE_MS 200

enum peer_does { ANSWERS, REFUSES, BAD_REPLY, BAD_FRAME, OTHER_ID_FIRST, SILENT, HANGS_UP };

struct peer { /* the other end: answers each call as it is told */
    int fd;
    pthread_t thread;
    enum peer_does how;
    unsigned calls;
    struct hsm_request last; /* copied without its views */
    char request_id[65];
};

static unsigned stuck_calls;
static const struct hsm_deadlines deadlines = { DEADLINE_MS, DEADLINE_MS, DEADLINE_MS };

static void stuck(void *arg)
{
    assert_ptr_equal(arg, &stuck_calls);
    stuck_calls++;
}

static void answer(struct peer *p, struct link *l, const struct frame *f)
{
    struct hsm_reply reply = { .data = view_str("data"), .text = view_str("text") };
    struct buf body;

    buf_init(&body, 4096);
    if (p->how == REFUSES)
        reply = (struct hsm_reply){ .err = HUFU_HSM_FAILED, .ckr = 5 };
    if (p->how == BAD_REPLY)
        buf_str(&body, "?");
    else
        hsm_reply_put(&body, &reply);
    if (p->how == OTHER_ID_FIRST)
        assert_int_equal(link_send(l, f->type | MSG_REPLY, f->id + 1000, view_str("late")),
                         HUFU_OK);
    if (p->how == BAD_FRAME)
        assert_int_equal(write(l->fd, "0123456789abcdef", 16), 16);
    else
        assert_int_equal(link_send(l, f->type | MSG_REPLY, f->id, buf_view(&body)), HUFU_OK);
    buf_done(&body);
}

static void *serve(void *arg)
{
    struct peer *p = arg;
    struct link l;
    struct frame f;

    link_init(&l, p->fd, FRAME_MAX);
    for (;;) {
        struct pollfd fds = { .fd = l.fd, .events = POLLIN };

        if (poll(&fds, 1, 10000) != 1 || link_fill(&l) != HUFU_OK)
            break;
        if (link_next(&l, &f) != HUFU_OK)
            continue;
        p->calls++;
        assert_int_equal(hsm_request_get(f.type, f.body, &p->last), HUFU_OK);
        memcpy(p->request_id, p->last.request_id.p, p->last.request_id.len);
        p->request_id[p->last.request_id.len] = '\0';
        if (p->how == HANGS_UP)
            break;
        if (p->how != SILENT)
            answer(p, &l, &f);
    }
    link_done(&l);
    return NULL;
}

static int start(struct peer *p, enum peer_does how)
{
    int fds[2];

    *p = (struct peer){ .how = how };
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    p->fd = fds[1];
    assert_int_equal(pthread_create(&p->thread, NULL, serve, p), 0);
    return fds[0];
}

static struct hsm_ops *client(int fd)
{
    struct hsm_ops *hsm = NULL;

    stuck_calls = 0;
    assert_int_equal(hsm_client_new(fd, deadlines, stuck, &stuck_calls, &hsm), HUFU_OK);
    return hsm;
}

static void test_calls_give_data_or_text(void **state)
{
    static const struct view id = { (const uint8_t *)"kek-1", 5 };
    struct peer p;
    struct hsm_ops *hsm = client(start(&p, ANSWERS));
    uint8_t mem[64];
    struct buf out;

    (void)state;
    buf_fixed(&out, mem, sizeof(mem));
    assert_int_equal(hsm_status(hsm, &out), HUFU_OK);
    assert_int_equal(hsm_kek_make(hsm, id, &out), HUFU_OK);
    assert_int_equal(hsm_kek_find(hsm, id, NULL), HUFU_OK);
    assert_int_equal(hsm_seal(hsm, id, view_str("aad"), view_str("plain"), &out), HUFU_OK);
    assert_int_equal(hsm_open(hsm, id, view_str("aad"), view_str("sealed"), &out), HUFU_OK);
    assert_int_equal(hsm_sign_make(hsm, id, &out), HUFU_OK);
    assert_int_equal(hsm_sign_public(hsm, id, &out), HUFU_OK);
    assert_int_equal(hsm_sign(hsm, id, view_str("message"), &out), HUFU_OK);
    assert_true(view_is(buf_view(&out), "texttextdatadatadatadatadata"));
    buf_fixed(&out, mem, 3); /* the answer has four */
    assert_int_equal(hsm_sign(hsm, id, view_str("message"), &out), HUFU_RANGE);
    hsm_client_free(hsm);
    pthread_join(p.thread, NULL);
    assert_int_equal(p.calls, 9);
    assert_int_equal(p.last.call, HSM_SIGN);
    assert_int_equal(stuck_calls, 0);
}

/* What a call is made for goes along with it, but with a signature over the log. */
static void test_calls_carry_whom_they_are_for(void **state)
{
    char long_id[66];
    struct peer p;
    struct hsm_ops *hsm = client(start(&p, ANSWERS));

    (void)state;
    memset(long_id, 'i', 65);
    long_id[65] = '\0';
    hsm_call_for(hsm, view_str("req-1"));
    assert_int_equal(hsm_status(hsm, NULL), HUFU_OK);
    assert_string_equal(p.request_id, "req-1");
    assert_int_equal(hsm_sign(hsm, view_str("log-1"), view_str("m"), NULL), HUFU_OK);
    assert_string_equal(p.request_id, "");
    assert_int_equal(hsm_kek_find(hsm, view_str("kek-1"), NULL), HUFU_OK);
    assert_string_equal(p.request_id, "req-1");
    hsm_call_for(hsm, view_str(long_id)); /* none is better than another's, or a part of one */
    assert_int_equal(hsm_status(hsm, NULL), HUFU_OK);
    assert_string_equal(p.request_id, "");
    hsm_call_for(hsm, view_str(long_id + 1));
    assert_int_equal(hsm_status(hsm, NULL), HUFU_OK);
    assert_string_equal(p.request_id, long_id + 1);
    hsm_call_for(hsm, view_of(NULL, 0));
    assert_int_equal(hsm_status(hsm, NULL), HUFU_OK);
    assert_string_equal(p.request_id, "");
    hsm_client_free(hsm);
    pthread_join(p.thread, NULL);
}

static void test_calls_are_counted(void **state)
{
    struct peer p, next;
    struct hsm_ops *hsm = client(start(&p, ANSWERS));
    struct hsm_numbers *n = &hsm->numbers;

    (void)state;
    assert_false(atomic_load(&n->up)); /* nobody knows yet */
    assert_int_equal(atomic_load(&n->links), 1);
    assert_int_equal(hsm_sign(hsm, view_str("log-1"), view_str("m"), NULL), HUFU_OK);
    assert_true(atomic_load(&n->up));
    p.how = REFUSES;
    assert_int_equal(hsm_sign(hsm, view_str("log-1"), view_str("m"), NULL), HUFU_HSM_FAILED);
    assert_true(atomic_load(&n->up)); /* a token that says no is there */
    assert_int_equal(atomic_load(&n->call[HSM_SIGN - HSM_STATUS].calls), 2);
    assert_int_equal(atomic_load(&n->call[HSM_SIGN - HSM_STATUS].failures), 1);
    assert_true(atomic_load(&n->call[HSM_SIGN - HSM_STATUS].us) > 0);
    assert_int_equal(atomic_load(&n->call[0].calls), 0);
    p.how = HANGS_UP;
    assert_int_equal(hsm_status(hsm, NULL), HUFU_HSM_DOWN);
    assert_false(atomic_load(&n->up));
    assert_int_equal(atomic_load(&n->call[0].failures), 1);
    hsm_client_relink(hsm, start(&next, ANSWERS));
    assert_int_equal(hsm_status(hsm, NULL), HUFU_OK);
    assert_int_equal(atomic_load(&n->links), 2);
    assert_true(atomic_load(&n->up));
    hsm_client_free(hsm);
    pthread_join(p.thread, NULL);
    pthread_join(next.thread, NULL);
}

static void test_an_error_is_handed_on_and_the_link_stays(void **state)
{
    struct peer p;
    struct hsm_ops *hsm = client(start(&p, REFUSES));

    (void)state;
    assert_int_equal(hsm_status(hsm, NULL), HUFU_HSM_FAILED);
    p.how = ANSWERS;
    assert_int_equal(hsm_status(hsm, NULL), HUFU_OK);
    hsm_client_free(hsm);
    pthread_join(p.thread, NULL);
}

static void test_an_answer_to_another_call_is_passed_over(void **state)
{
    struct peer p;
    struct hsm_ops *hsm = client(start(&p, OTHER_ID_FIRST));
    uint8_t mem[8];
    struct buf out;

    (void)state;
    buf_fixed(&out, mem, sizeof(mem));
    assert_int_equal(hsm_sign(hsm, view_str("log-1"), view_str("m"), &out), HUFU_OK);
    assert_true(view_is(buf_view(&out), "data"));
    hsm_client_free(hsm);
    pthread_join(p.thread, NULL);
}

static void test_a_malformed_reply_or_a_closed_link_is_down(void **state)
{
    static const enum peer_does how[] = { BAD_REPLY, BAD_FRAME, HANGS_UP };

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct peer p;
        struct hsm_ops *hsm = client(start(&p, how[i]));
        uint8_t mem[8];
        struct buf out;

        buf_fixed(&out, mem, sizeof(mem));
        assert_int_equal(hsm_status(hsm, &out), HUFU_HSM_DOWN);
        assert_int_equal(out.len, 0);
        hsm_client_free(hsm);
        pthread_join(p.thread, NULL);
        assert_int_equal(stuck_calls, 0);
    }
}

/* Beyond its deadline the process is to be ended; until a new one is there, all is down at once. */
static void test_a_deadline_tells_and_closes_until_a_new_link_comes(void **state)
{
    struct peer silent, fresh;
    struct hsm_ops *hsm = client(start(&silent, SILENT));

    (void)state;
    assert_int_equal(hsm_status(hsm, NULL), HUFU_HSM_DOWN);
    assert_int_equal(stuck_calls, 1);
    assert_int_equal(hsm_status(hsm, NULL), HUFU_HSM_DOWN);
    assert_int_equal(stuck_calls, 1); /* no link, so nothing to wait for */
    pthread_join(silent.thread, NULL);
    assert_int_equal(silent.calls, 1);
    hsm_client_relink(hsm, start(&fresh, ANSWERS));
    assert_int_equal(hsm_status(hsm, NULL), HUFU_OK);
    hsm_client_free(hsm);
    pthread_join(fresh.thread, NULL);
}

static void test_a_link_that_was_never_used_is_closed(void **state)
{
    struct peer a, b, c;
    struct hsm_ops *hsm = client(start(&a, ANSWERS));

    (void)state;
    hsm_client_relink(hsm, start(&b, ANSWERS));
    hsm_client_relink(hsm, start(&c, ANSWERS)); /* b is closed unused */
    pthread_join(b.thread, NULL);
    hsm_client_free(hsm); /* closes both others */
    pthread_join(a.thread, NULL);
    pthread_join(c.thread, NULL);
    assert_int_equal(a.calls + b.calls + c.calls, 0);
    hsm_client_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_calls_give_data_or_text),
        cmocka_unit_test(test_calls_carry_whom_they_are_for),
        cmocka_unit_test(test_calls_are_counted),
        cmocka_unit_test(test_an_error_is_handed_on_and_the_link_stays),
        cmocka_unit_test(test_an_answer_to_another_call_is_passed_over),
        cmocka_unit_test(test_a_malformed_reply_or_a_closed_link_is_down),
        cmocka_unit_test(test_a_deadline_tells_and_closes_until_a_new_link_comes),
        cmocka_unit_test(test_a_link_that_was_never_used_is_closed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
