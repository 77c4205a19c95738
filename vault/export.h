/*
 * export.h - exports: values that leave in a file which only their recipient can open.
 *
 * Layer:   vault/ (verbs). Includes the rooms of the core.
 * Threads: export_find and export_write as the worker given; export_step is the keeper's.
 * Source:  controls C21, C25.
 *
 * A request writes a row that waits. The keeper takes it up: makes the file, releases values piece
 * by piece, each with an entry and a use of its grant in the commit of the piece, puts a value into
 * the file only after that commit, and at the end writes a line of the sharing register. The file's
 * key is nowhere but in memory: what a restart breaks off has failed.
 */
#ifndef HUFU_EXPORT_H
#define HUFU_EXPORT_H

#include "vault/access/export_row.h"
#include "vault/keeper.h"

/* Finds a row; text gets its plaintext, which out borrows from. HUFU_NOT_FOUND, HUFU_UNAVAILABLE.
 */
HUFU_MUST_USE enum hufu_err export_find(struct core *core, const uint8_t id[static ID_LEN],
                                        struct buf *text, struct export_row *out);
/* The first row whose id is after *id (NULL: of all). As above. */
HUFU_MUST_USE enum hufu_err export_next(struct core *core, const uint8_t *id, struct buf *text,
                                        struct export_row *out);
/* Adds the row to the operation: a precondition, a write. HUFU_UNAVAILABLE. */
HUFU_MUST_USE enum hufu_err export_write(struct worker *w, struct request *req, struct store_op *op,
                                         const struct export_row *row);
void export_print(struct core *core, const struct export_row *row, struct json *j);

/* One piece of what is to be exported, or of what is to be taken away. True where it got on. */
bool export_step(struct keeper *k);
void export_run_free(struct export_run *run); /* NULL is fine */

#endif
