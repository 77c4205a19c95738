/*
 * env.h - opening an LMDB environment the way both of ours are opened, and LMDB's results as ours.
 *
 * Layer:   vault/store/. Includes vault/base/ only.
 * Threads: env_open by one thread; env_err is pure.
 * Source:  lmdb.h 0.9.24, "Caveats".
 */
#ifndef HUFU_STORE_ENV_H
#define HUFU_STORE_ENV_H

#include <lmdb.h>
#include <stdbool.h>
#include <stdint.h>

#include "vault/base/buf.h"
#include "vault/base/err.h"

#define ENV_READERS 510 /* read transactions at a time */

/*
 * Opens dir/sub, making the folder (0700) and the files (0600) where they are missing. bytes is the
 * map size, 0: the file's size and the free disk, at most 1 TiB.
 * Returns: HUFU_OK, HUFU_IO, HUFU_CORRUPT, HUFU_NOMEM. *out is closed with mdb_env_close.
 */
HUFU_MUST_USE enum hufu_err env_open(const char *dir, const char *sub, uint64_t bytes,
                                     MDB_env **out);

/*
 * Checks key "format" of dbi, or puts it where fresh says that the environment is empty.
 * HUFU_OK, HUFU_CORRUPT (another version, or none in an environment that holds data), HUFU_IO.
 */
HUFU_MUST_USE enum hufu_err env_format(MDB_txn *txn, MDB_dbi dbi, uint32_t version, bool fresh);

/* OK, NOT_FOUND, FULL (map, disk or transaction), NOMEM, CORRUPT, IO. */
enum hufu_err env_err(int rc);
/* Commits. LMDB calls a write that was cut off EIO: on a full disk it is FULL, since nothing of the
 * transaction counts and no page that does was touched. */
enum hufu_err env_commit(MDB_env *env, MDB_txn *txn);
/* Bytes of the data file; 0 where it cannot be told. */
uint64_t env_file_bytes(MDB_env *env);

/* Numbers as keys: be64, so that they sort. env_seq_parse: HUFU_CORRUPT. */
struct env_seq {
    uint8_t b[8];
};
struct view env_seq_print(uint64_t seq, struct env_seq *out); /* borrows out */
HUFU_MUST_USE enum hufu_err env_seq_parse(const MDB_val *key, uint64_t *seq_out);

/* Numbers as values: u64. env_number_parse: HUFU_CORRUPT. */
struct view env_number_print(uint64_t number, struct env_seq *out); /* borrows out */
HUFU_MUST_USE enum hufu_err env_number_parse(struct view value, uint64_t *out);

/* A key or value of LMDB over borrowed bytes, and back. */
MDB_val env_val(struct view v);
struct view env_view(const MDB_val *v);

#endif
