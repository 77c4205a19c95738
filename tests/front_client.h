/*
 * front_client.h - a TLS client that sends exactly the bytes it is given, and certificates.
 *
 * Layer:   tests/. Included by one test program; everything is static.
 * Threads: one.
 */
#ifndef HUFU_TESTS_FRONT_CLIENT_H
#define HUFU_TESTS_FRONT_CLIENT_H

#include <arpa/inet.h>
#include <gnutls/gnutls.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#define CLIENT_TEXT_MAX 262144

struct client {
    int fd;
    gnutls_session_t session;
    gnutls_certificate_credentials_t cred;
    char text[CLIENT_TEXT_MAX]; /* the last answer, head and body, NUL-terminated */
    size_t text_len;
    int status;  /* 0: none came */
    bool closed; /* the server ended the connection behind it */
};

/* Makes a CA, a server certificate and clients: good, unpinned, and some with the pinned key that
 * are bad for another reason: of another CA, expired, not for clients. */
static const char client_pki_script[] =
    "set -e; exec 2>/dev/null\n"
    "ca() { openssl ecparam -name prime256v1 -genkey -noout -out $1.key\n"
    " openssl req -x509 -new -key $1.key -sha256 -days 30 -subj /CN=$1 -out $1.crt; }\n"
    "leaf() { if [ -f good.key ] && [ $1 != unpinned ]; then cp good.key $1.key; else\n"
    " openssl ecparam -name prime256v1 -genkey -noout -out $1.key; fi\n"
    " openssl req -new -key $1.key -subj /CN=$1 -out $1.csr\n"
    " printf 'subjectAltName=IP:127.0.0.1\\nextendedKeyUsage=%s\\n' $3 > $1.ext\n"
    " openssl x509 -req -in $1.csr -CA $2.crt -CAkey $2.key -CAcreateserial -sha256 -days $4 "
    "-extfile $1.ext -out $1.crt; }\n"
    "ca ca; ca otherca\n"
    "leaf server ca serverAuth 30; leaf good ca clientAuth 30; leaf unpinned ca clientAuth 30\n"
    "leaf wrong otherca clientAuth 30; leaf expired ca clientAuth -1\n"
    "leaf purpose ca serverAuth 30\n"
    "openssl x509 -in good.crt -pubkey -noout | openssl pkey -pubin -outform der |"
    " openssl dgst -sha256 -binary > good.pin\n"
    "touch index.txt; echo 01 > crlnumber\n"
    "printf '[ca]\\ndefault_ca=d\\n[d]\\ndatabase=index.txt\\ncrlnumber=crlnumber\\n"
    "default_md=sha256\\ndefault_crl_days=30\\n' > ca.cnf\n"
    "openssl ca -config ca.cnf -keyfile ca.key -cert ca.crt -gencrl -out empty.crl\n"
    "openssl ca -config ca.cnf -keyfile ca.key -cert ca.crt -revoke good.crt\n"
    "openssl ca -config ca.cnf -keyfile ca.key -cert ca.crt -gencrl -out revoked.crl\n"
    "cp empty.crl now.crl\n";

static int client_shell(const char *folder, const char *script)
{
    int status = -1;
    pid_t pid = fork();

    if (pid == 0) {
        if (chdir(folder) == 0)
            execlp("sh", "sh", "-c", script, (char *)NULL);
        _exit(127);
    }
    return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status)
                                                                           : -1;
}

/* Connects and shakes hands; name: a certificate in the present folder, or NULL. */
static bool client_open(struct client *c, uint16_t port, const char *name)
{
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port) };
    struct timeval wait = { 8, 0 };
    char cert[64], key[64];

    memset(c, 0, sizeof(*c));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
    gnutls_certificate_allocate_credentials(&c->cred);
    if (name != NULL) {
        snprintf(cert, sizeof(cert), "%s.crt", name);
        snprintf(key, sizeof(key), "%s.key", name);
        if (gnutls_certificate_set_x509_key_file(c->cred, cert, key, GNUTLS_X509_FMT_PEM) < 0)
            abort();
    }
    /* sends the certificate even where the server names other CAs */
    gnutls_init(&c->session, GNUTLS_CLIENT | GNUTLS_FORCE_CLIENT_CERT);
    gnutls_set_default_priority(c->session);
    gnutls_credentials_set(c->session, GNUTLS_CRD_CERTIFICATE, c->cred);
    gnutls_transport_set_int(c->session, c->fd);
    return connect(c->fd, (struct sockaddr *)&to, sizeof(to)) == 0 &&
           gnutls_handshake(c->session) == GNUTLS_E_SUCCESS;
}

static void client_close(struct client *c)
{
    gnutls_deinit(c->session);
    gnutls_certificate_free_credentials(c->cred);
    close(c->fd);
}

static bool client_send(struct client *c, const void *bytes, size_t len)
{
    return gnutls_record_send(c->session, bytes, len) == (ssize_t)len;
}

/* How many bytes the answer in text has in all; 0 while that is not known. */
static size_t client_whole(const struct client *c, bool no_body)
{
    const char *end = strstr(c->text, "\r\n\r\n"), *len = strcasestr(c->text, "content-length: ");

    if (end == NULL)
        return 0;
    return (size_t)(end + 4 - c->text) +
           (len != NULL && len < end && !no_body ? strtoul(len + 16, NULL, 10) : 0);
}

/* Reads one answer. closed: also the end of the connection was seen. */
static void client_read(struct client *c, bool no_body)
{
    ssize_t n = 1;

    c->text_len = 0;
    c->status = 0;
    c->closed = false;
    memset(c->text, 0, sizeof(c->text));
    while (client_whole(c, no_body) == 0 || c->text_len < client_whole(c, no_body)) {
        n = gnutls_record_recv(c->session, c->text + c->text_len,
                               sizeof(c->text) - 1 - c->text_len);
        if (n <= 0)
            break;
        c->text_len += (size_t)n;
    }
    c->closed = n <= 0 || strstr(c->text, "Connection: close") != NULL;
    if (strncmp(c->text, "HTTP/1.1 ", 9) == 0)
        c->status = (int)strtol(c->text + 9, NULL, 10);
}

#endif
