/*
 * rotation.h - what custodians have approved, carried out piece by piece.
 *
 * Layer:   vault/ (verbs). Includes the rooms of the core.
 * Threads: the keeper's.
 *
 * What is done next is read off the rows each time, so that a ceremony which was killed anywhere
 * goes on where it stopped. The ceremony's own row is written by the operations that begin a part
 * of it, so its seq tells when that part began.
 */
#ifndef HUFU_ROTATION_H
#define HUFU_ROTATION_H

#include "vault/keeper.h"

/* One piece of a running ceremony. True where one got on. */
bool rotation_step(struct keeper *k);

/* The pieces. HUFU_OK: got on. HUFU_BUSY: nothing can be done now. HUFU_PRECONDITION: something
 * came between, look again. HUFU_CORRUPT, HUFU_NOT_FOUND, HUFU_HSM_FAILED: it cannot succeed; else
 * it is tried again later. */
typedef enum hufu_err rotation_fn(struct keeper *k, struct ceremony *c);
rotation_fn rotate_kek_piece, rotate_data_piece, rotate_index_piece, destroy_key_piece;
rotation_fn rotate_ff1_piece; /* what rotate_data_piece is in a domain of that mode */

/* For the pieces: the ceremony is over; why: empty, or the name of an error. */
HUFU_MUST_USE enum hufu_err rotation_end(struct keeper *k, struct ceremony *c,
                                         enum ceremony_state state, const char *why);
/* Begins an operation of the keeper's that is named verb and bears the domain and the kind. */
HUFU_MUST_USE enum hufu_err rotation_op(struct keeper *k, const struct ceremony *c,
                                        const char *verb, size_t write_max);
/* Makes the domain's next key of a kind and its row, active where the operation commits. In the
 * ring it is pre-active until then. */
HUFU_MUST_USE enum hufu_err rotation_make_key(struct keeper *k, uint32_t domain, enum key_kind kind,
                                              struct keyset_row *row_out);
/* Adds the domain's row, its epoch raised, to the operation. */
HUFU_MUST_USE enum hufu_err rotation_write_domain(struct keeper *k, const struct domain *d,
                                                  uint32_t index_version, uint32_t index_next);
/* Adds the row of the domain's active key of a kind, deactivated, to the operation. */
HUFU_MUST_USE enum hufu_err rotation_deactivate(struct keeper *k, uint32_t domain,
                                                enum key_kind kind);
/* True once the map holds every operation up to the one that wrote the ceremony's row. */
bool rotation_is_applied(struct keeper *k, const struct ceremony *c);
/* The name of the cursor of one part, in mem. */
struct view rotation_cursor(const struct ceremony *c, uint8_t part, uint8_t mem[static ID_LEN + 1]);
/* True while a rotation of one of the domain's keys runs: it may need any of them. */
bool rotation_is_on(struct keeper *k, uint32_t domain);
/* Notes what a pass has counted: so many rows under version, none under the others. */
void rotation_note_records(struct keeper *k, uint32_t domain, enum key_kind kind, uint32_t version,
                           uint64_t records);

#endif
