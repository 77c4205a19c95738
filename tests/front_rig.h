/*
 * front_rig.h - the front as a process of its own, with certificates and a fake core, for tests.
 *
 * Layer:   tests/. Included by test programs after cmocka.h; everything is static.
 * Threads: the test's, and the fake core's.
 */
#ifndef HUFU_TESTS_FRONT_RIG_H
#define HUFU_TESTS_FRONT_RIG_H

#include <fcntl.h>
#include <signal.h>

#include "api/front.h"
#include "tests/front_client.h"
#include "tests/front_core.h"
#include "vault/base/conf.h"
#include "vault/base/log.h"

#define GET_LIVEZ "GET /livez HTTP/1.1\r\nHost: a\r\n\r\n"

static char folder[] = "/tmp/hufu-front-XXXXXX";
static struct fake_core core = { .mu = PTHREAD_MUTEX_INITIALIZER };
static struct client client;
static pid_t front_pid;
static int control_fd;
static uint16_t port;

static void set(struct conf *c, const char *assignment)
{
    char text[256];

    if (conf_set(c, assignment, text, sizeof(text)) != HUFU_OK)
        abort();
}

static int listen_somewhere(void)
{
    struct sockaddr_in at = { .sin_family = AF_INET };
    socklen_t len = sizeof(at);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)) != 0 || listen(fd, 128) != 0 ||
        getsockname(fd, (struct sockaddr *)&at, &len) != 0)
        abort();
    port = ntohs(at.sin_port);
    return fd;
}

static int run_front(int control, int link_fd, int listen_fd)
{
    char text[256];
    struct conf *c = NULL;
    int status;

    if (conf_load(NULL, &c, text, sizeof(text)) != HUFU_OK)
        abort();
    set(c, "front.tls_cert=server.crt");
    set(c, "front.tls_key=server.key");
    set(c, "front.tls_ca=ca.crt");
    set(c, "front.tls_crl=now.crl");
    set(c, "front.header_ms=1000");
    set(c, "front.body_ms=1000");
    set(c, "front.idle_ms=1500");
    set(c, "front.answer_ms=1000");
    set(c, "front.per_address=8");
    log_setup("front", LOG_ERROR_LEVEL);
    status = front_main(c, control, link_fd, listen_fd);
    conf_free(c);
    return status;
}

static bool await_ready(void)
{
    uint8_t kind = 0;
    int fd = -1;

    return control_recv(control_fd, &kind, &fd) == HUFU_OK && kind == CONTROL_READY;
}

static void start_front(void)
{
    int control[2], links[2], listen_fd = listen_somewhere();

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, control) != 0 ||
        socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, links) != 0)
        abort();
    front_pid = fork();
    if (front_pid == 0) {
        close(control[0]);
        close(links[0]);
        exit(run_front(control[1], links[1], listen_fd));
    }
    close(control[1]);
    close(links[1]);
    close(listen_fd);
    control_fd = control[0];
    if (!await_ready())
        abort();
    fake_core_say(&core, HUFU_OK, "{}");
    fake_core_start(&core, links[0]);
}

static int end_front(void)
{
    int status = -1;

    waitpid(front_pid, &status, 0);
    front_pid = 0;
    close(control_fd);
    fake_core_end(&core);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

static int set_up(void **state)
{
    int fd;

    (void)state;
    if (mkdtemp(folder) == NULL || client_shell(folder, client_pki_script) != 0 ||
        chdir(folder) != 0)
        return -1;
    fd = open("good.pin", O_RDONLY);
    if (fd < 0 || read(fd, core.known_pin, MSG_PIN_LEN) != MSG_PIN_LEN)
        return -1;
    close(fd);
    start_front();
    return 0;
}

static int take_down(void **state)
{
    char script[64];

    (void)state;
    if (front_pid != 0 &&
        (control_send(control_fd, CONTROL_DRAIN, -1) != HUFU_OK || end_front() != 0))
        return -1;
    if (chdir("/") != 0)
        return -1;
    snprintf(script, sizeof(script), "rm -rf %s", folder);
    return client_shell("/tmp", script);
}

/* One connection, one request, one answer. */
static int ask(const char *cert, const char *request, size_t len)
{
    int status = -1;

    if (client_open(&client, port, cert)) {
        status = -2;
        if (client_send(&client, request, len)) {
            client_read(&client, strncmp(request, "HEAD", 4) == 0);
            status = client.status;
        }
    }
    client_close(&client); /* a refused one too */
    return status;
}

static int ask_text(const char *cert, const char *request)
{
    return ask(cert, request, strlen(request));
}

static int post(const char *cert, const char *path, const char *headers, const char *body)
{
    char request[4096];

    snprintf(request, sizeof(request),
             "POST %s HTTP/1.1\r\nHost: a\r\n%sContent-Type: application/json\r\n"
             "Content-Length: %zu\r\n\r\n%s",
             path, headers, strlen(body), body);
    return ask_text(cert, request);
}

static bool has(const char *text)
{
    return strstr(client.text, text) != NULL;
}

#define TOKENIZE "/v1/tokenize"
#define ONE      "{\"domain\":\"cards\",\"value\":\"4111111111111111\"}"

#endif
