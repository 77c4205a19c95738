/* A certificate that comes with a request is read, and nobody is asked for anything. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <poll.h>

#include "tests/core_suite.h"

/* A worker that waits for a pass phrase on the terminal serves nobody any more. */
static void test_an_encrypted_certificate_asks_for_no_pass_phrase(void **state)
{
    static const char pem[] = "-----BEGIN CERTIFICATE-----\n"
                              "Proc-Type: 4,ENCRYPTED\n"
                              "DEK-Info: AES-128-CBC,00112233445566778899AABBCCDDEEFF\n"
                              "\n"
                              "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n"
                              "-----END CERTIFICATE-----\n";
    char sara[MSG_SESSION_LEN + 1];
    struct rig_who who = { .session = sara };
    const struct rig_reply *r;
    struct pollfd in;
    struct buf b;
    int pipe_fd[2];

    (void)state;
    fake_hsm_init(&hsm);
    rig_start(&rig, &hsm);
    rig_login(&rig, "sara", sara);
    assert_int_equal(pipe(pipe_fd), 0);
    assert_int_equal(write(pipe_fd[1], "a pass phrase\n", 14), 14);
    assert_int_equal(close(pipe_fd[1]), 0);
    assert_int_equal(dup2(pipe_fd[0], STDIN_FILENO), STDIN_FILENO);
    buf_init(&b, 2048);
    msg_put_text(&b, MSG_REASON, view_str("change-over"));
    msg_put_text(&b, MSG_NAME, view_str("acme"));
    msg_put_text(&b, MSG_CERT_PEM, view_str(pem));
    r = rig_call(&rig, VERB_PARTNER_CERT_ADD, &who, buf_view(&b));
    assert_int_equal(r->err, HUFU_BAD_REQUEST);
    assert_int_equal(r->where.tag, MSG_CERT_PEM);
    in = (struct pollfd){ .fd = pipe_fd[0], .events = POLLIN };
    assert_int_equal(poll(&in, 1, 0), 1);
    assert_true((in.revents & POLLIN) != 0); /* what stands on standard input was not read */
    assert_int_equal(close(pipe_fd[0]), 0);
    buf_done(&b);
    rig_done(&rig);
    fake_hsm_done(&hsm);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_encrypted_certificate_asks_for_no_pass_phrase),
    };

    return cmocka_run_group_tests_name("partner cert", tests, suite_heap, NULL);
}
