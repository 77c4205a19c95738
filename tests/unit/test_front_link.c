/* The core's end of the link to the front: frames become requests, replies frames. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vault/base/log.h"
#include "vault/front_link.h"

static struct core core;
static struct front_link front;
static struct link peer;
static int wake_fd;

static void connect_pair(int fds[static 2])
{
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
}

static int setup(void **state)
{
    int fds[2];

    (void)state;
    log_setup("test", LOG_ERROR_LEVEL);
    memset(&core, 0, sizeof(core));
    assert_int_equal(arena_pool_new(1u << 20, &core.pool), HUFU_OK);
    queue_init(&core.work, 2);
    connect_pair(fds);
    wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    front_link_init(&front, &core, fds[0], wake_fd);
    core.send = front_link_send;
    core.send_arg = &front;
    link_init(&peer, fds[1], FRAME_MAX);
    return 0;
}

static int teardown(void **state)
{
    struct qnode *n;

    (void)state;
    while ((n = queue_take(&core.work)) != NULL)
        request_free((struct request *)n);
    front_link_done(&front);
    link_done(&peer);
    queue_done(&core.work);
    arena_pool_free(core.pool);
    close(wake_fd);
    return 0;
}

static void send_whoami(uint64_t id)
{
    struct msg_request head = { .request_id = view_str("r-1"), .where = MSG_WHERE_NONE };
    struct buf body;

    buf_init(&body, 1024);
    msg_request_put_head(&body, &head);
    assert_int_equal(link_send(&peer, VERB_WHOAMI, id, buf_view(&body)), HUFU_OK);
    buf_done(&body);
}

/* The next frame at the front's end: HUFU_NOT_FOUND where there is none. */
static enum hufu_err next_reply(struct frame *f, struct msg_reply *out)
{
    enum hufu_err err = link_fill(&peer);

    if (err == HUFU_OK)
        err = link_next(&peer, f);
    return err == HUFU_OK ? msg_reply_get(f->body, out) : err;
}

static struct request *taken(uint64_t id)
{
    struct request *req = (struct request *)queue_take(&core.work);

    assert_non_null(req);
    assert_int_equal(req->frame_id, id);
    return req;
}

static void test_a_frame_becomes_a_request_and_its_reply_a_frame(void **state)
{
    struct msg_reply reply;
    struct request *req;
    struct frame f;

    (void)state;
    send_whoami(7);
    front_link_read(&front);
    assert_int_equal(atomic_load(&core.in_work), 1);
    req = taken(7);
    assert_int_equal(req->msg.verb, VERB_WHOAMI);
    assert_int_equal(request_body(req, 64), HUFU_OK);
    buf_str(&req->body, "{}");
    request_answer(req, HUFU_OK, MSG_WHERE_NONE);
    assert_int_equal(next_reply(&f, &reply), HUFU_OK);
    assert_int_equal(f.id, 7);
    assert_int_equal(f.type, VERB_WHOAMI | MSG_REPLY);
    assert_true(reply.err == HUFU_OK && view_is(reply.body, "{}"));
    assert_int_equal(atomic_load(&core.in_work), 0);
    assert_int_equal(atomic_load(&core.served[VERB_WHOAMI]), 1);
}

static void test_gathered_replies_leave_together(void **state)
{
    struct msg_reply reply;
    struct frame f;

    (void)state;
    send_whoami(1);
    send_whoami(2);
    front_link_read(&front);
    front_link_gather(&core, true);
    for (uint64_t id = 1; id <= 2; id++)
        request_answer(taken(id), HUFU_FORBIDDEN, MSG_WHERE_NONE);
    assert_int_equal(next_reply(&f, &reply), HUFU_NOT_FOUND);
    front_link_gather(&core, false);
    for (uint64_t id = 1; id <= 2; id++) {
        assert_int_equal(next_reply(&f, &reply), HUFU_OK);
        assert_int_equal(f.id, id);
        assert_int_equal(reply.err, HUFU_FORBIDDEN);
    }
}

/* A link that goes while its replies are gathered takes them along, and its successor is free. */
static void test_a_link_replaced_while_it_gathers(void **state)
{
    struct msg_reply reply;
    struct frame f;
    int fds[2];

    (void)state;
    send_whoami(1);
    front_link_read(&front);
    front_link_gather(&core, true);
    connect_pair(fds);
    front_link_replace(&front, fds[0]);
    link_done(&peer);
    link_init(&peer, fds[1], FRAME_MAX);
    request_answer(taken(1), HUFU_FORBIDDEN, MSG_WHERE_NONE); /* of the old link: dropped */
    send_whoami(2);
    front_link_read(&front);
    request_answer(taken(2), HUFU_FORBIDDEN, MSG_WHERE_NONE);
    assert_int_equal(next_reply(&f, &reply), HUFU_OK);
    assert_int_equal(f.id, 2);
    front_link_gather(&core, false);
    assert_int_equal(next_reply(&f, &reply), HUFU_NOT_FOUND);
}

static void test_an_error_carries_its_place_and_no_body(void **state)
{
    const struct msg_where where = { MSG_VALUE, MSG_NONE, MSG_NO_INDEX };
    struct msg_reply reply;
    struct request *req;
    struct frame f;

    (void)state;
    send_whoami(8);
    front_link_read(&front);
    req = taken(8);
    assert_int_equal(request_body(req, 64), HUFU_OK);
    buf_str(&req->body, "{\"value\":1}"); /* begun before the fault was found */
    request_answer(req, HUFU_INVALID_VALUE, where);
    assert_int_equal(next_reply(&f, &reply), HUFU_OK);
    assert_int_equal(reply.err, HUFU_INVALID_VALUE);
    assert_int_equal(reply.where.tag, MSG_VALUE);
    assert_int_equal(reply.body.len, 0);
    assert_int_equal(reply.retry_after_s, 0);
}

static void test_what_cannot_be_taken_is_answered_503(void **state)
{
    struct msg_reply reply;
    struct frame f;

    (void)state;
    for (uint64_t id = 1; id <= 3; id++) /* the queue holds two */
        send_whoami(id);
    front_link_read(&front);
    assert_int_equal(queue_count(&core.work), 2);
    assert_int_equal(next_reply(&f, &reply), HUFU_OK);
    assert_int_equal(f.id, 3);
    assert_int_equal(reply.err, HUFU_UNAVAILABLE);
    assert_int_equal(reply.retry_after_s, 1);
    assert_int_equal(next_reply(&f, &reply), HUFU_NOT_FOUND);
    assert_true(front_link_fd(&front) >= 0);
}

static void test_a_full_pool_is_answered_503(void **state)
{
    struct arena all;
    struct msg_reply reply;
    struct frame f;

    (void)state;
    arena_init(&all, core.pool);
    while (arena_take(&all, 16000) != NULL)
        continue;
    send_whoami(1);
    front_link_read(&front);
    assert_int_equal(next_reply(&f, &reply), HUFU_OK);
    assert_int_equal(reply.err, HUFU_UNAVAILABLE);
    assert_int_equal(queue_count(&core.work), 0);
    assert_int_equal(atomic_load(&core.in_work), 0);
    arena_done(&all);
}

static void test_a_malformed_frame_closes_the_link(void **state)
{
    static const struct {
        uint16_t type;
        const char *body;
    } rows[] = { { VERB_WHOAMI, "nonsense" }, { VERB_COUNT, "" }, { 0, "" }, { 0xffff, "x" } };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int fds[2];

        send_whoami(1); /* what came before it is served */
        assert_int_equal(link_send(&peer, rows[i].type, 2, view_str(rows[i].body)), HUFU_OK);
        send_whoami(3); /* what comes behind it is not */
        front_link_read(&front);
        assert_int_equal(front_link_fd(&front), -1);
        request_free(taken(1));
        assert_null(queue_take(&core.work));
        assert_int_equal(link_fill(&peer), HUFU_CLOSED);
        link_done(&peer);
        connect_pair(fds);
        front_link_replace(&front, fds[0]);
        link_init(&peer, fds[1], FRAME_MAX);
    }
}

static void test_a_bad_header_closes_the_link(void **state)
{
    uint8_t header[FRAME_HEADER_LEN];

    (void)state;
    frame_header_put(header, 0, VERB_WHOAMI, 1);
    header[6] = 2; /* another version */
    assert_int_equal(write(peer.fd, header, sizeof(header)), sizeof(header));
    front_link_read(&front);
    assert_int_equal(front_link_fd(&front), -1);
}

static void test_a_front_that_went_is_closed(void **state)
{
    (void)state;
    send_whoami(1);
    link_done(&peer);
    front_link_read(&front); /* what it sent … */
    front_link_read(&front); /* … and its end */
    assert_int_equal(front_link_fd(&front), -1);
    request_answer(taken(1), HUFU_OK, MSG_WHERE_NONE); /* nobody to tell */
    assert_false(front_link_write(&front));
}

/* A new front must not get the answers to the old one's requests. */
static void test_a_new_front_gets_no_answers_of_the_old(void **state)
{
    struct msg_reply reply;
    struct request *old;
    struct frame f;
    int fds[2];

    (void)state;
    send_whoami(5);
    front_link_read(&front);
    old = taken(5);
    link_done(&peer);
    connect_pair(fds);
    front_link_replace(&front, fds[0]);
    link_init(&peer, fds[1], FRAME_MAX);
    send_whoami(5);
    front_link_read(&front);
    request_answer(old, HUFU_FORBIDDEN, MSG_WHERE_NONE);
    assert_int_equal(next_reply(&f, &reply), HUFU_NOT_FOUND);
    request_answer(taken(5), HUFU_NOT_FOUND, MSG_WHERE_NONE);
    assert_int_equal(next_reply(&f, &reply), HUFU_OK);
    assert_int_equal(reply.err, HUFU_NOT_FOUND);
}

/* A front that does not read: replies wait, the main thread is woken, nothing blocks. */
static void test_replies_wait_for_a_slow_front(void **state)
{
    uint64_t woken = 0, got = 0;
    struct msg_reply reply;
    struct frame f;

    (void)state;
    for (uint64_t id = 1; id <= 40; id++) {
        struct request *req;

        send_whoami(id);
        front_link_read(&front);
        req = taken(id);
        assert_int_equal(request_body(req, 100000), HUFU_OK);
        assert_non_null(buf_space(&req->body, 100000));
        request_answer(req, HUFU_OK, MSG_WHERE_NONE);
    }
    assert_int_equal(read(wake_fd, &woken, sizeof(woken)), sizeof(woken));
    assert_true(front_link_write(&front));
    for (int i = 0; i < 10000 && got < 40; i++) {
        (void)front_link_write(&front);
        while (next_reply(&f, &reply) == HUFU_OK) {
            assert_int_equal(f.id, ++got);
            assert_int_equal(reply.body.len, 100000);
        }
    }
    assert_int_equal(got, 40);
    assert_false(front_link_write(&front));
}

#define WITH_LINK(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_LINK(test_a_frame_becomes_a_request_and_its_reply_a_frame),
        WITH_LINK(test_gathered_replies_leave_together),
        WITH_LINK(test_a_link_replaced_while_it_gathers),
        WITH_LINK(test_an_error_carries_its_place_and_no_body),
        WITH_LINK(test_what_cannot_be_taken_is_answered_503),
        WITH_LINK(test_a_full_pool_is_answered_503),
        WITH_LINK(test_a_malformed_frame_closes_the_link),
        WITH_LINK(test_a_bad_header_closes_the_link),
        WITH_LINK(test_a_front_that_went_is_closed),
        WITH_LINK(test_a_new_front_gets_no_answers_of_the_old),
        WITH_LINK(test_replies_wait_for_a_slow_front),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
