/*
 * directory.h - the control rows, decoded and in memory: partners, people, domains, sessions.
 *
 * Layer:   vault/access/. Includes vault/base/, rows.h.
 * Threads: safe from any thread. A domain, partner or user that was found stays valid until
 *          directory_free (a changed one is replaced, the old one kept aside); sessions, factors
 * and ceremonies are copied out.
 *
 * The journal thread feeds it after each commit, so it is never behind what was answered.
 */
#ifndef HUFU_ACCESS_DIRECTORY_H
#define HUFU_ACCESS_DIRECTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vault/access/rows.h"
#include "vault/base/buf.h"
#include "vault/base/err.h"
#include "vault/store/store.h"

struct directory; /* opaque */

HUFU_MUST_USE enum hufu_err directory_new(struct directory **out);
void directory_free(struct directory *d); /* NULL is fine */

/*
 * Takes a row in: key with its table byte, text its plaintext (p NULL: the row is gone). Tables
 * that are not kept here are passed over. Returns: HUFU_OK, HUFU_CORRUPT, HUFU_NOMEM.
 */
HUFU_MUST_USE enum hufu_err directory_apply(struct directory *d, struct view key, uint64_t seq,
                                            struct view text, uint64_t boot_ms);

/* Each returns NULL where there is none. */
const struct domain *directory_domain(struct directory *d, struct view name);
const struct domain *directory_domain_id(struct directory *d, uint32_t id);
const struct partner *directory_partner(struct directory *d, struct view name);
const struct partner *directory_partner_id(struct directory *d, uint32_t id);
const struct partner *directory_partner_pin(struct directory *d,
                                            const uint8_t pin[static MSG_PIN_LEN]);
/* Notes a request of a partner that was found here; and tells the time of its last one, ms UTC, 0:
 * none since the vault was started. */
void directory_touch_partner(const struct partner *p, uint64_t now_ms);
uint64_t directory_partner_used(const struct partner *p);
const struct user *directory_user(struct directory *d, struct view name);
const struct user *directory_user_id(struct directory *d, uint32_t id);

/* True where the digits begin with a token BIN of some domain. Takes no lock. */
bool directory_has_bin(struct directory *d, struct view digits);

/* HUFU_OK or HUFU_NOT_FOUND, out untouched. */
HUFU_MUST_USE enum hufu_err directory_session(struct directory *d, const uint8_t hash[static 32],
                                              struct session *out);
/* The one a person used last, of those begun at from_ms or later. */
HUFU_MUST_USE enum hufu_err directory_session_of(struct directory *d, uint32_t user_id,
                                                 uint64_t from_ms, struct session *out);
HUFU_MUST_USE enum hufu_err directory_factor(struct directory *d, uint32_t user_id,
                                             struct factor *out);
HUFU_MUST_USE enum hufu_err directory_ceremony(struct directory *d, const uint8_t id[static ID_LEN],
                                               struct ceremony *out);
/* The ids row and the log's; their seq too. HUFU_NOT_FOUND in an empty vault. */
HUFU_MUST_USE enum hufu_err directory_ids(struct directory *d, struct row_ids *out,
                                          uint64_t *seq_out);
HUFU_MUST_USE enum hufu_err directory_log(struct directory *d, struct log_identity *out);

/*
 * The rows of TABLE_GRANT, TABLE_RECIPIENT, TABLE_ALARM, TABLE_HOLD, TABLE_CREDENTIAL,
 * TABLE_EXPORT and TABLE_CASE are kept as plaintext: who reads one decodes it.
 * directory_kept finds one by its key without the table byte; directory_kept_at gives the i-th of
 * a table in order of keys, directory_kept_after the first whose key is after `key` (empty: the
 * first). The plaintext is appended to text_out (NULL is fine).
 * Returns: HUFU_OK; HUFU_NOT_FOUND, out untouched; HUFU_NOMEM (text_out is too small).
 */
HUFU_MUST_USE enum hufu_err directory_kept(struct directory *d, uint8_t table, struct view key,
                                           struct buf *text_out, uint64_t *seq_out);
HUFU_MUST_USE enum hufu_err directory_kept_at(struct directory *d, uint8_t table, size_t i,
                                              struct buf *key_out, struct buf *text_out,
                                              uint64_t *seq_out);
HUFU_MUST_USE enum hufu_err directory_kept_after(struct directory *d, uint8_t table,
                                                 struct view key, struct buf *key_out,
                                                 struct buf *text_out, uint64_t *seq_out);
size_t directory_kept_count(struct directory *d, uint8_t table);

/* Notes that the session is in use (its idle time begins anew). */
void directory_touch(struct directory *d, const uint8_t hash[static 32], uint64_t boot_ms);

/* Walking, in order of names (ceremonies, sessions: of their keys). The i-th, or NULL / NOT_FOUND.
 */
const struct domain *directory_domain_at(struct directory *d, size_t i);
const struct partner *directory_partner_at(struct directory *d, size_t i);
const struct user *directory_user_at(struct directory *d, size_t i);
HUFU_MUST_USE enum hufu_err directory_ceremony_at(struct directory *d, size_t i,
                                                  struct ceremony *out);
HUFU_MUST_USE enum hufu_err directory_session_at(struct directory *d, size_t i,
                                                 struct session *out);

#endif
