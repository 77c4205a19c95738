/*
 * keeper.h - what waits for the HSM: unsealing, leases of seals, keys of new domains, ceremonies.
 *
 * Layer:   vault/ (verbs). Includes the rooms of the core.
 * Threads: keeper_step from one thread (its loop, or a test); it may wait for the hsm process and
 *          for the journal, which is why nobody else does its work.
 */
#ifndef HUFU_KEEPER_H
#define HUFU_KEEPER_H

#include <pthread.h>
#include <stdbool.h>

#include "vault/ceremony.h"
#include "vault/pass.h"
#include "vault/request.h"

struct export_run;

struct keeper {
    struct core *core;
    struct worker w;
    struct request req;  /* its own operations are drafted here */
    bool drives_journal; /* a test without a journal thread: commit runs its steps */
    bool loaded;         /* keys and rows are in memory; leases may still be missing */
    pthread_mutex_t mu;  /* guards settled */
    pthread_cond_t cv;
    bool settled;
    struct pass pass[PROGRESS_MAX];
    struct export_run *exporting; /* export_run.c; NULL: none of this process */
    size_t turn;                  /* which of the running ceremonies had the last piece */
    enum hufu_err waits_for;      /* what the last piece failed with: said once */
    uint64_t pause_ms;            /* after a step that found nothing to do: when to look again */
};

#define KEEPER_PAUSE_MS 100

HUFU_MUST_USE enum hufu_err keeper_init(struct keeper *k, struct core *core);
void keeper_done(struct keeper *k);

/* One piece of work. True where it got on; false where there is nothing to do, or the HSM is not
 * there: try again in a while. */
bool keeper_step(struct keeper *k);

/* For the keeper's own files. An operation of its own begins with keeper_op, which names it in the
 * log; keeper_commit returns when it is durable, or with the refusal. */
HUFU_MUST_USE enum hufu_err keeper_op(struct keeper *k, const char *verb, size_t write_max);
HUFU_MUST_USE enum hufu_err keeper_commit(struct keeper *k);
/* For what is handed to other threads beside operations: clear k->settled, hand it over, wait. */
void keeper_settle(struct keeper *k);
void keeper_wait(struct keeper *k);
/* Adds a key row to the operation; seq: of the row as it was read, STORE_ABSENT for a new one. */
HUFU_MUST_USE enum hufu_err keeper_write_kek(struct keeper *k, const struct kek_row *row,
                                             uint64_t seq);
HUFU_MUST_USE enum hufu_err keeper_write_keyset(struct keeper *k, const struct keyset_row *row,
                                                uint64_t seq);
/* Makes a key and its row, sealed under kek. *key_out is the caller's. */
HUFU_MUST_USE enum hufu_err keeper_make_key(struct keeper *k, const struct kek_row *kek,
                                            uint32_t domain, enum key_kind kind, uint32_t version,
                                            struct keyset_row *row_out, struct key **key_out);
/* Reads a row that is there. NOT_FOUND, CORRUPT, IO. */
HUFU_MUST_USE enum hufu_err keeper_find_kek(struct keeper *k, uint32_t version, struct kek_row *out,
                                            uint64_t *seq_out);
HUFU_MUST_USE enum hufu_err keeper_find_keyset(struct keeper *k, uint32_t domain, unsigned kind,
                                               uint32_t version, struct keyset_row *out,
                                               uint64_t *seq_out);
/* The active KEK; and the highest version there is (0: none). NOT_FOUND. */
HUFU_MUST_USE enum hufu_err keeper_active_kek(struct keeper *k, struct kek_row *out,
                                              uint64_t *seq_out);
uint32_t keeper_last_kek(struct keeper *k);

/* unseal.c: tries to unseal once; true where keys and rows are in memory now. */
bool unseal_step(struct keeper *k);

/* rotate_kek.c: a name for a KEK that was never used before. HUFU_IO. */
HUFU_MUST_USE enum hufu_err kek_name(struct draw *draw, uint32_t version,
                                     char out[static HSM_KEY_ID_MAX + 1]);

/* setup.c: makes an empty vault's keys and first people from an init file's text. HUFU_CONFLICT
 * where the vault is not empty; HUFU_SYNTAX; else what failed. */
HUFU_MUST_USE enum hufu_err setup_vault(struct keeper *k, struct view init_text);

#endif
