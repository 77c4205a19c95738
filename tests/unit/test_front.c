/* What the front answers: certificates, framing, refusals, and what goes to the core. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "tests/front_rig.h"

static void test_tokenize_with_pinned_certificate(void **state)
{
    struct msg_request req;
    unsigned checks;

    (void)state;
    fake_core_say(&core, HUFU_OK, "{\"token\":\"1\"}");
    assert_int_equal(
        post("good", TOKENIZE, "X-Request-Id: my.id-1\r\nIdempotency-Key: k1\r\n", ONE), 200);
    req = fake_core_asked(&core);
    assert_int_equal(req.verb, VERB_TOKENIZE);
    assert_int_equal(req.flags, MSG_HAS_PIN);
    assert_memory_equal(req.pin, core.known_pin, MSG_PIN_LEN);
    assert_true(view_is(msg_text(&req, MSG_DOMAIN), "cards"));
    assert_true(view_is(msg_text(&req, MSG_VALUE), "4111111111111111"));
    assert_true(view_is(req.request_id, "my.id-1"));
    assert_true(view_is(req.idem_key, "k1"));
    assert_memory_equal(req.addr, "\0\0\0\0\0\0\0\0\0\0\xff\xff\x7f\0\0\1", 16);
    assert_true(has("\r\n\r\n{\"token\":\"1\"}"));
    assert_true(has("Content-Type: application/json\r\n"));
    assert_true(has("Cache-Control: no-store\r\n"));
    assert_true(has("X-Request-Id: my.id-1\r\n"));
    assert_true(has("X-Content-Type-Options: nosniff\r\n"));
    assert_false(has("Idempotency-Replayed"));
    checks = core.peer_checks;
    assert_int_equal(post("good", TOKENIZE, "X-Request-Id: not ok\r\n", ONE), 200);
    assert_false(has("not ok"));
    assert_int_equal(core.peer_checks, checks + 1);
}

static void test_kept_connection_asks_for_its_pin_once(void **state)
{
    static const char request[] = "POST /v1/tokenize HTTP/1.1\r\nHost: a\r\nContent-Type: "
                                  "application/json\r\nContent-Length: 45\r\n\r\n" ONE;
    unsigned checks = core.peer_checks, asked = core.asked;

    (void)state;
    fake_core_say(&core, HUFU_OK, "{\"token\":\"1\"}");
    assert_true(client_open(&client, port, "good"));
    for (int i = 0; i < 5; i++) {
        assert_true(client_send(&client, request, sizeof(request) - 1));
        client_read(&client, false);
        assert_int_equal(client.status, 200);
        assert_false(client.closed);
    }
    client_close(&client);
    assert_int_equal(core.peer_checks, checks + 1);
    assert_int_equal(core.asked, asked + 5);
}

/* Two requests in one record: the second waits in the library while the first is suspended. */
static void test_pipelined_requests(void **state)
{
    static const char two[] = "GET /v1/whoami HTTP/1.1\r\nHost: a\r\n\r\n"
                              "GET /v1/keys HTTP/1.1\r\nHost: a\r\n\r\n";
    size_t first;

    (void)state;
    fake_core_say(&core, HUFU_OK, "{}");
    assert_true(client_open(&client, port, "good"));
    assert_true(client_send(&client, two, sizeof(two) - 1));
    client_read(&client, false);
    assert_int_equal(client.status, 200);
    first = client_whole(&client, false);
    if (client.text_len == first) { /* else both came at once */
        client_read(&client, false);
        assert_int_equal(client.status, 200);
    }
    client_close(&client);
    assert_int_equal(fake_core_asked(&core).verb, VERB_KEY_LIST);
}

static void test_certificates_that_are_not_good(void **state)
{
    static const char *const names[] = { "unpinned", "wrong", "expired", "purpose" };
    unsigned asked = core.asked;

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        assert_int_equal(post(names[i], TOKENIZE, "", ONE), 401);
        assert_true(client.closed);
        assert_true(has("\"code\":\"unauthenticated\""));
        assert_true(has("WWW-Authenticate: Bearer realm=\"hufu\"\r\n"));
        assert_int_equal(ask_text(names[i], GET_LIVEZ), 401);
        assert_true(client.closed);
    }
    assert_int_equal(post("good", TOKENIZE, "Authorization: Bearer x\r\n", ONE), 400);
    assert_true(client.closed);
    assert_int_equal(core.asked, asked);
}

static void test_without_certificate_the_core_decides(void **state)
{
    static const char session[] = "abcdefghijklmnopqrstuvwxyz0123456789-_ABCDF";
    char header[128];

    (void)state;
    fake_core_say(&core, HUFU_UNAUTHENTICATED, "");
    assert_int_equal(post(NULL, TOKENIZE, "", ONE), 401);
    assert_int_equal(fake_core_asked(&core).flags, 0);
    assert_false(client.closed);
    snprintf(header, sizeof(header), "Authorization: bearer %s\r\n", session);
    fake_core_say(&core, HUFU_STEP_UP, "");
    assert_int_equal(post(NULL, TOKENIZE, header, ONE), 401);
    assert_true(has("error=\"step_up_required\""));
    assert_int_equal(fake_core_asked(&core).flags, MSG_HAS_SESSION);
    /* 43 characters whose last has bits that no 32 bytes give: not a session, so the zero one */
    assert_true(
        view_is(fake_core_asked(&core).session, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"));
    header[strlen(header) - 3] = 'E';
    assert_int_equal(post(NULL, TOKENIZE, header, ONE), 401);
    assert_true(
        view_is(fake_core_asked(&core).session, "abcdefghijklmnopqrstuvwxyz0123456789-_ABCDE"));
    fake_core_say_all(
        &core,
        (struct msg_reply){ .err = HUFU_RATE_LIMITED, .body = view_str(""), .retry_after_s = 17 });
    assert_int_equal(post(NULL, TOKENIZE, "Authorization: Basic eA==\r\n", ONE), 429);
    assert_true(has("Retry-After: 17\r\n"));
    assert_int_equal(fake_core_asked(&core).flags, MSG_HAS_SESSION);
}

/* What the library's parser forgives (api/README.md), and what it does not. */
static void test_framing_attacks(void **state)
{
    static const struct {
        const char *name, *request;
        int status;
    } rows[] = {
        { "two lengths",
          "POST /v1/tokenize HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n"
          "Content-Length: 3\r\n\r\n{}",
          400 },
        { "length and chunked",
          "POST /v1/tokenize HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n"
          "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" GET_LIVEZ,
          400 },
        { "chunked",
          "POST /v1/tokenize HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n"
          "\r\n0\r\n\r\n",
          411 },
        { "no length", "POST /v1/tokenize HTTP/1.1\r\nHost: a\r\n\r\n", 411 },
        { "space before the colon",
          "POST /v1/tokenize HTTP/1.1\r\nHost: a\r\n"
          "Content-Length : 2\r\n\r\n{}",
          400 },
        { "two hosts", "GET /livez HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400 },
        { "no host", "GET /livez HTTP/1.1\r\nX-A: b\r\n\r\n", 400 },
        { "CR in a value", "GET /livez HTTP/1.1\r\nHost: a\r\nX-A: b\rc\r\n\r\n", 400 },
        { "bare LF", "GET /livez HTTP/1.1\nHost: a\n\n", 400 },
        { "one bare LF", "GET /livez HTTP/1.1\r\nHost: a\nX-A: b\r\n\r\n", 400 },
        { "bare LF at the end", "GET /livez HTTP/1.1\r\nHost: a\r\n\n", 400 },
        { "folded", "GET /livez HTTP/1.1\r\nHost: a\r\nX-A: b\r\n c\r\n\r\n", 400 },
        { "signed length", "POST /v1/tokenize HTTP/1.1\r\nHost: a\r\nContent-Length: +2\r\n\r\n{}",
          400 },
        { "escapes", "GET /%6civez HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
        { "escaped query", "GET /v1/keys?limit=%31 HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
        { "key with a space",
          "POST /v1/tokenize HTTP/1.1\r\nHost: a\r\nIdempotency-Key: a b\r\n"
          "Content-Length: 2\r\n\r\n{}",
          400 },
        { "version", "GET /livez HTTP/1.7\r\nHost: a\r\n\r\n", 400 },
        { "good", GET_LIVEZ, 200 },
    };
    static const char nul_header[] = "GET /livez HTTP/1.1\r\nHost: a\r\nX-A: b\0c\r\n\r\n";
    static const char nul_name[] = "GET /livez HTTP/1.1\r\nHost: a\r\nX-\0A: b\r\n\r\n";
    static const char nul_target[] = "GET /livez\0x HTTP/1.1\r\nHost: a\r\n\r\n";

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int status = ask_text(NULL, rows[i].request);

        if (status != rows[i].status || (status != 200 && !client.closed))
            fail_msg("%s: %d", rows[i].name, status);
    }
    assert_int_equal(ask(NULL, nul_header, sizeof(nul_header) - 1), 400);
    assert_int_equal(ask(NULL, nul_name, sizeof(nul_name) - 1), 400);
    assert_int_equal(ask(NULL, nul_target, sizeof(nul_target) - 1), 400);
}

static void test_refusals_of_the_front(void **state)
{
    (void)state;
    assert_int_equal(ask_text(NULL, "GET /v1/nothing HTTP/1.1\r\nHost: a\r\n\r\n"), 404);
    assert_true(has("Content-Type: application/problem+json\r\n"));
    assert_true(has("\r\n\r\n{\"code\":\"not_found\",\"request_id\":\"01"));
    assert_int_equal(ask_text(NULL, "DELETE /v1/grants HTTP/1.1\r\nHost: a\r\n\r\n"), 405);
    assert_true(has("Allow: POST, GET, HEAD\r\n"));
    assert_int_equal(ask_text(NULL, "POST /v1/grants HTTP/1.1\r\nHost: a\r\nContent-Length: "
                                    "65537\r\nContent-Type: application/json\r\n\r\n"),
                     413);
    assert_int_equal(ask_text(NULL, "POST /v1/grants HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n"
                                    "Content-Type: text/plain\r\n\r\n{}"),
                     415);
    assert_int_equal(ask_text(NULL, "HEAD /livez HTTP/1.1\r\nHost: a\r\n\r\n"), 200);
}

static void test_body_faults_go_through_the_core(void **state)
{
    struct msg_request req;

    (void)state;
    assert_int_equal(post("good", TOKENIZE, "", "{\"domain\":\"cards\",\"value\":7}"), 400);
    assert_true(has("\"field\":\"/value\""));
    assert_int_equal(post("good", TOKENIZE, "", "{\"domain\":\"cards\",\"value\":\"1\",\"x\":1}"),
                     400);
    assert_true(has("\"field\":\"\""));
    assert_int_equal(post("good", TOKENIZE, "", "{\"domain\":"), 400);
    assert_false(has("\"field\""));
    assert_int_equal(post("good", TOKENIZE "?domain=cards", "", ONE), 400);
    assert_int_equal(ask_text(NULL, "GET /v1/keys?limit=x HTTP/1.1\r\nHost: a\r\n\r\n"), 400);
    assert_true(has("\"field\":\"/limit\""));
    fake_core_say(&core, HUFU_OK, "{}");
    assert_int_equal(ask_text(NULL, "GET /v1/keys?limit=5&after=a HTTP/1.1\r\nHost: a\r\n\r\n"),
                     200);
    req = fake_core_asked(&core);
    assert_int_equal(msg_u64(&req, MSG_LIMIT, 0), 5);
    assert_true(view_is(msg_text(&req, MSG_AFTER), "a"));
}

static void test_largest_body(void **state)
{
    static char request[1048576 + 512];
    static const char json[] = "{\"domain\":\"cards\",\"value\":\"1\"}";
    size_t head = (size_t)snprintf(request, sizeof(request),
                                   "POST /v1/tokenize HTTP/1.1\r\nHost: a\r\nContent-Type: "
                                   "application/json\r\nContent-Length: 1048576\r\n\r\n");
    size_t len = head + 1048576;

    (void)state;
    memset(request + head, ' ', sizeof(request) - head);
    memcpy(request + head, json, sizeof(json) - 1);
    fake_core_say(&core, HUFU_OK, "{}");
    assert_true(client_open(&client, port, "good"));
    for (size_t at = 0; at < len; at += 16384)
        assert_true(client_send(&client, request + at, len - at < 16384 ? len - at : 16384));
    client_read(&client, false);
    client_close(&client);
    assert_int_equal(client.status, 200);
}

static void test_probes_and_metrics(void **state)
{
    (void)state;
    assert_int_equal(ask_text(NULL, GET_LIVEZ), 200);
    assert_true(has("{\"status\":\"ok\"}"));
    fake_core_say(&core, HUFU_OK, "{\"status\":\"ready\"}");
    assert_int_equal(ask_text(NULL, "GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n"), 200);
    fake_core_say(&core, HUFU_SEALED, "");
    assert_int_equal(ask_text(NULL, "GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n"), 503);
    assert_true(has("\"code\":\"sealed\""));
    fake_core_say(&core, HUFU_SEALED, "{\"part\":\"hsm\"}");
    assert_int_equal(ask_text(NULL, "GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n"), 503);
    assert_true(has("\r\n\r\n{\"part\":\"hsm\"}"));
    assert_true(has("Content-Type: application/json\r\n") && has("Retry-After: 1\r\n"));
    assert_int_equal(ask_text(NULL, "GET /v1/whoami HTTP/1.1\r\nHost: a\r\n\r\n"), 503);
    assert_true(has("\"code\":\"sealed\"")); /* elsewhere a problem, whatever the core adds */
    fake_core_say_all(&core, (struct msg_reply){ .err = HUFU_OK,
                                                 .body = view_str("core_part 1\n"),
                                                 .flags = MSG_TEXT_PLAIN });
    assert_int_equal(ask_text(NULL, "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n"), 200);
    assert_true(has("\r\n\r\ncore_part 1\n# HELP hufu_front_requests_total"));
    assert_true(has("hufu_front_requests_total{verb=\"livez\",status=\"200\",code=\"ok\"} "));
    assert_true(
        has("hufu_front_requests_total{verb=\"status\",status=\"503\",code=\"sealed\"} 2\n"));
    assert_true(has("hufu_front_request_duration_seconds_bucket{verb=\"whoami\",le=\"+Inf\"} "));
    assert_true(
        has("hufu_front_certificate_expiry_timestamp_seconds 1")); /* ten digits until 2033 */
    assert_true(has("hufu_front_core_up 1\n"));
    assert_int_equal(ask_text(NULL, "GET /v1/openapi.json HTTP/1.1\r\nHost: a\r\n\r\n"), 200);
    assert_true(has("\"openapi\""));
}

static void test_answer_kinds(void **state)
{
    (void)state;
    fake_core_say_all(&core, (struct msg_reply){ .err = HUFU_OK,
                                                 .body = view_str("{\"id\":\"x\"}"),
                                                 .success = MSG_201,
                                                 .flags = MSG_REPLAYED });
    assert_int_equal(post(NULL, "/v1/users", "", "{\"name\":\"n\",\"role\":\"sre\"}"), 201);
    assert_true(has("Idempotency-Replayed: true\r\n"));
    fake_core_say_all(
        &core, (struct msg_reply){ .err = HUFU_OK, .body = view_str(""), .success = MSG_204 });
    assert_int_equal(ask_text(NULL, "DELETE /v1/sessions/current HTTP/1.1\r\nHost: a\r\n\r\n"),
                     204);
    fake_core_say_all(&core, (struct msg_reply){ .err = HUFU_OK,
                                                 .body = view_str("origin\n1\n"),
                                                 .flags = MSG_TEXT_PLAIN });
    assert_int_equal(ask_text(NULL, "GET /v1/audit/checkpoint HTTP/1.1\r\nHost: a\r\n\r\n"), 200);
    assert_true(has("Content-Type: text/plain; charset=utf-8\r\n"));
    fake_core_say(&core, HUFU_OK, "{}");
    assert_int_equal(post(NULL, "/v1/ceremonies/0192a/approve", "", ""), 200);
    assert_true(fake_core_asked(&core).verb == VERB_CEREMONY_APPROVE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tokenize_with_pinned_certificate),
        cmocka_unit_test(test_kept_connection_asks_for_its_pin_once),
        cmocka_unit_test(test_pipelined_requests),
        cmocka_unit_test(test_certificates_that_are_not_good),
        cmocka_unit_test(test_without_certificate_the_core_decides),
        cmocka_unit_test(test_framing_attacks),
        cmocka_unit_test(test_refusals_of_the_front),
        cmocka_unit_test(test_body_faults_go_through_the_core),
        cmocka_unit_test(test_largest_body),
        cmocka_unit_test(test_probes_and_metrics),
        cmocka_unit_test(test_answer_kinds),
    };

    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, set_up, take_down);
}
