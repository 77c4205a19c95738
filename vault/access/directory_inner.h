/*
 * directory_inner.h - what the directory is made of, for its own files.
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
#include "vault/base/bins.h"

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
    _Atomic uint64_t used_ms; /* its last request, to the second; 0: none since the start */
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

#define DIRECTORY_KEPT (TABLE_CASE - TABLE_GRANT + 1)

struct kept_item { /* a row that is decoded by who reads it */
    struct keyed k;
    uint64_t seq;
    size_t len;
    uint8_t text[];
};

struct bins_item { /* the token BINs of some domain; stays until the end */
    struct bins_item *next;
    struct bins bins;
};

struct directory {
    _Atomic(struct bins_item *) bins; /* the newest; read without the lock */
    pthread_rwlock_t lock;            /* guards everything below */
    struct shelf domain_id, domain_name, partner_id, partner_name, pin, user_id, user_name;
    struct shelf session, factor, ceremony;
    struct shelf kept[DIRECTORY_KEPT]; /* by table, from TABLE_GRANT on */
    struct row_ids ids;
    uint64_t ids_seq;
    struct log_identity log;
    bool has_ids, has_log;
    struct aside *aside;
};

/* directory_bins.c. Keeps the domain's token BINs, where it has any: HUFU_NOMEM. */
HUFU_MUST_USE enum hufu_err directory_put_bins(struct directory *d, const struct domain *domain);
void directory_free_bins(struct directory *d);

/* directory_kept.c. True where the table's rows are kept as plaintext. */
bool directory_is_kept(uint8_t table);
/* Under the lock. text.p NULL: the row is gone. HUFU_NOMEM. */
HUFU_MUST_USE enum hufu_err directory_put_kept(struct directory *d, uint8_t table,
                                               const struct keyed *k, uint64_t seq,
                                               struct view text);
void directory_free_kept(struct directory *d);

#endif
