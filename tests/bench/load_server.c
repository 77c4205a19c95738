/*
 * load_server.c - whom the load generator asks: an address on loopback, and how to speak TLS to it.
 */
#include "tests/bench/load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>

struct load_server load_server;

static void address_find(void)
{
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_family = AF_INET };
    struct addrinfo *found = NULL;
    struct sockaddr_in in;

    if (getaddrinfo(load_options.host, load_options.port, &hints, &found) != 0)
        load_die(load_options.host);
    memcpy(&in, found->ai_addr, sizeof(in));
    if (ntohl(in.sin_addr.s_addr) >> 24 != IN_LOOPBACKNET) {
        errno = EACCES;
        load_die("load is put on servers of this machine only");
    }
    memcpy(&load_server.addr, &in, sizeof(in));
    load_server.addr_len = sizeof(in);
    freeaddrinfo(found);
}

static SSL_CTX *context_new(bool with_cert)
{
    SSL_CTX *tls = SSL_CTX_new(TLS_client_method());

    if (!tls || SSL_CTX_set_min_proto_version(tls, TLS1_3_VERSION) != 1 ||
        SSL_CTX_load_verify_locations(tls, load_options.ca, NULL) != 1)
        load_die("TLS");
    SSL_CTX_set_verify(tls, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_mode(tls, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    if (with_cert && (SSL_CTX_use_certificate_file(tls, load_options.cert, SSL_FILETYPE_PEM) != 1 ||
                      SSL_CTX_use_PrivateKey_file(tls, load_options.key, SSL_FILETYPE_PEM) != 1))
        load_die("client certificate");
    return tls;
}

void load_server_open(void)
{
    address_find();
    load_server.with_cert = context_new(load_options.cert != NULL);
    load_server.plain = context_new(false);
}

void load_server_close(void)
{
    SSL_CTX_free(load_server.with_cert);
    SSL_CTX_free(load_server.plain);
}
