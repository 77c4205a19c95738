/*
 * directory_inner.h - what the directory is made of, for its own two files.
 *
 * Layer:   vault/access/. Includes directory.h, shelf.h.
 * Threads: the lock in struct directory guards all of it.
 */
#ifndef HUFU_ACCESS_DIRECTORY_INNER_H
#define HUFU_ACCESS_DIRECTORY_INNER_H

#include <pthread.h>
#include <stdatomic.h>

#include "vault/access/directory.h"
#include "vault/access/shelf.h"

/* What was replaced and may still be looked at. */
struct aside {
    struct aside *next;
    void *object;
    void (*clear)(void *object);
};

struct by_pin {
    uint8_t pin[MSG_PIN_LEN];
    const struct partner *partner;
};

struct keyed { /* the row's key, kept with its object */
    uint8_t key[36];
    size_t key_len;
};

struct domain_item {
    struct keyed k;
    struct domain domain;
};
struct partner_item {
    struct keyed k;
    struct partner partner;
};
struct user_item {
    struct keyed k;
    struct user user;
};
struct session_item {
    struct keyed k;
    struct session session;
    _Atomic uint64_t used_boot_ms; /* in the place of session's: set under the read lock */
};
struct factor_item {
    struct keyed k;
    struct factor factor;
};
struct ceremony_item {
    struct keyed k;
    struct ceremony ceremony;
};

struct directory {
    pthread_rwlock_t lock; /* guards everything below */
    struct shelf domain_id, domain_name, partner_id, partner_name, pin, user_id, user_name;
    struct shelf session, factor, ceremony;
    struct row_ids ids;
    uint64_t ids_seq;
    struct log_identity log;
    bool has_ids, has_log;
    struct aside *aside;
};

#endif
