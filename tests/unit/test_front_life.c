/* The front over time: deadlines, a core that dies, new certificates, draining. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "tests/front_rig.h"

static uint64_t now_ms(void)
{
    struct timeval now;

    gettimeofday(&now, NULL);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_usec / 1000;
}

/* Asks until the answer is this one: what the control socket brought takes a moment. */
static bool comes_to(const char *cert, int status)
{
    for (int i = 0; i < 100; i++) {
        if (ask_text(cert, "GET /v1/whoami HTTP/1.1\r\nHost: a\r\n\r\n") == status)
            return true;
        usleep(50000);
    }
    return false;
}

/* Sends a beginning and nothing more; how long the server keeps the connection. */
static uint64_t kept_ms(const char *beginning)
{
    uint64_t began;

    assert_true(client_open(&client, port, NULL));
    began = now_ms();
    if (beginning[0] != '\0')
        assert_true(client_send(&client, beginning, strlen(beginning)));
    client_read(&client, false);
    if (client.status == 200)
        client_read(&client, false);
    client_close(&client);
    assert_int_equal(client.status, 0);
    return now_ms() - began;
}

static void test_slow_clients_are_ended(void **state)
{
    (void)state;
    assert_in_range(kept_ms(""), 800, 5000);
    assert_in_range(kept_ms("GET /livez HTTP/1.1\r\nHost:"), 800, 5000);
    assert_in_range(kept_ms("POST /v1/tokenize HTTP/1.1\r\nHost: a\r\nContent-Type: "
                            "application/json\r\nContent-Length: 5\r\n\r\n{"),
                    800, 5000);
    assert_in_range(kept_ms(GET_LIVEZ), 1300, 6000);
}

static void test_core_that_does_not_answer(void **state)
{
    uint64_t began = now_ms();

    (void)state;
    atomic_store(&core.silent, true);
    assert_int_equal(post(NULL, TOKENIZE, "", ONE), 503);
    atomic_store(&core.silent, false);
    assert_in_range(now_ms() - began, 900, 5000);
    assert_true(has("Retry-After: 1\r\n"));
    assert_int_equal(post(NULL, TOKENIZE, "", ONE), 200);
}

static void test_core_death_and_recovery(void **state)
{
    int links[2];

    (void)state;
    fake_core_end(&core);
    assert_int_equal(post(NULL, TOKENIZE, "", ONE), 503);
    assert_int_equal(post("good", TOKENIZE, "", ONE), 503);
    assert_int_equal(ask_text("good", GET_LIVEZ), 200);
    assert_int_equal(ask_text(NULL, "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n"), 200);
    assert_true(has("hufu_front_core_up 0\n"));
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, links), 0);
    assert_int_equal(control_send(control_fd, CONTROL_LINK_CORE, links[1]), HUFU_OK);
    close(links[1]);
    fake_core_start(&core, links[0]);
    fake_core_say(&core, HUFU_OK, "{}");
    assert_true(comes_to("good", 200));
}

/* A malformed answer closes the link: what is behind it is not to be believed. */
static void test_malformed_answer_closes_the_link(void **state)
{
    (void)state;
    /* none may be with a success */
    fake_core_say_all(
        &core, (struct msg_reply){ .err = HUFU_OK, .body = view_str("{}"), .retry_after_s = 5 });
    assert_int_equal(post(NULL, TOKENIZE, "", ONE), 503);
    test_core_death_and_recovery(state);
}

static void test_reload_revokes_a_kept_connection(void **state)
{
    static struct client kept;

    (void)state;
    assert_true(client_open(&client, port, "good"));
    assert_true(client_send(&client, GET_LIVEZ, strlen(GET_LIVEZ)));
    client_read(&client, false);
    assert_int_equal(client.status, 200);
    assert_int_equal(client_shell(folder, "cp revoked.crl now.crl"), 0);
    assert_int_equal(control_send(control_fd, CONTROL_RELOAD, -1), HUFU_OK);
    kept = client;
    assert_true(comes_to("good", 401));
    assert_true(client_send(&kept, GET_LIVEZ, strlen(GET_LIVEZ)));
    client_read(&kept, false);
    assert_int_equal(kept.status, 401);
    client_close(&kept);
    assert_int_equal(client_shell(folder, "echo nonsense > now.crl"), 0);
    assert_int_equal(control_send(control_fd, CONTROL_RELOAD, -1), HUFU_OK);
    assert_int_equal(client_shell(folder, "sleep 0.2; cp empty.crl now.crl"), 0);
    assert_int_equal(post("good", TOKENIZE, "", ONE), 401); /* the old list goes on */
    assert_int_equal(control_send(control_fd, CONTROL_RELOAD, -1), HUFU_OK);
    assert_true(comes_to("good", 200));
}

static void test_connections_per_address(void **state)
{
    static struct client many[8];

    (void)state;
    usleep(200000); /* those of the tests before are gone by then */
    for (size_t i = 0; i < 8; i++)
        assert_true(client_open(&many[i], port, NULL));
    assert_false(client_open(&client, port, NULL));
    client_close(&client);
    for (size_t i = 0; i < 8; i++)
        client_close(&many[i]);
    assert_true(comes_to(NULL, 200));
}

/* The last test: what is in work is answered, what is idle is ended, the exit status is 0. */
static void test_drain(void **state)
{
    static const char whoami[] = "GET /v1/whoami HTTP/1.1\r\nHost: a\r\n\r\n";
    static struct client idle;

    (void)state;
    assert_true(client_open(&idle, port, NULL));
    assert_true(client_send(&idle, GET_LIVEZ, strlen(GET_LIVEZ)));
    client_read(&idle, false);
    assert_int_equal(idle.status, 200);
    atomic_store(&core.silent, true);
    assert_true(client_open(&client, port, NULL));
    assert_true(client_send(&client, whoami, strlen(whoami)));
    usleep(100000);
    assert_int_equal(control_send(control_fd, CONTROL_DRAIN, -1), HUFU_OK);
    client_read(&idle, false);
    assert_int_equal(idle.status, 0);
    client_close(&idle);
    client_read(&client, false);
    assert_int_equal(client.status, 503);
    assert_true(client.closed);
    client_close(&client);
    assert_int_equal(end_front(), 0);
    assert_false(client_open(&client, port, NULL));
    client_close(&client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_slow_clients_are_ended),
        cmocka_unit_test(test_core_that_does_not_answer),
        cmocka_unit_test(test_core_death_and_recovery),
        cmocka_unit_test(test_malformed_answer_closes_the_link),
        cmocka_unit_test(test_reload_revokes_a_kept_connection),
        cmocka_unit_test(test_connections_per_address),
        cmocka_unit_test(test_drain),
    };

    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, set_up, take_down);
}
