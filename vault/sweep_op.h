/*
 * sweep_op.h - one operation that the vault makes by itself: begun, filled, handed in, freed.
 *
 * Layer:   vault/ (verbs). Includes the rooms of the core.
 * Threads: the sweeper's; freed by the journal thread once it is settled.
 */
#ifndef HUFU_SWEEP_OP_H
#define HUFU_SWEEP_OP_H

#include "vault/request.h"

struct sweep_op {
    struct request req; /* operation 0 is there, with its entry and without a caller */
    char principal[TEXT_NAME_MAX + 1]; /* room for texts of the entry */
    uint8_t text_mem[64];
};

/* Room for 8 preconditions and 3 writes. verb: static. NULL where memory is missing. */
struct sweep_op *sweep_op_begin(struct core *core, const char *verb);
/* Hands it in, which gives it away; false: it is freed and nothing happens. What has changed
 * meanwhile fails its preconditions; whoever looked looks again. */
bool sweep_op_submit(struct core *core, struct sweep_op *s);
/* Frees one that was not handed in. */
void sweep_op_drop(struct sweep_op *s);

#endif
