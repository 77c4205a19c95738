/*
 * export_run.h - an export while it runs: for export_run.c, export_piece.c and export_end.c.
 *
 * Layer:   vault/ (verbs). Includes the rooms of the core.
 * Threads: the keeper's.
 */
#ifndef HUFU_EXPORT_RUN_H
#define HUFU_EXPORT_RUN_H

#include "vault/export.h"
#include "vault/export_file.h"
#include "vault/share.h"

struct export_run { /* of the one export that is open; all of it is lost with the process */
    uint8_t id[ID_LEN];
    struct export_file *file; /* NULL: not begun */
    bool is_counted, is_broken, is_whole, is_told;
    uint64_t counted;  /* tokens of the domain that have a value to give */
    size_t at;         /* offset in the names of the row … */
    bool is_exhausted; /* … or of the domain: there are no more … */
    uint8_t next[STORE_KEY_MAX];
    size_t next_len; /* … and where its walk goes on; 0: from the beginning */
    uint64_t file_bytes;
    uint8_t file_hash[DIGEST_LEN];
};

/* What a piece has come to. */
enum export_turn {
    EXPORT_TURN_ON,   /* got on */
    EXPORT_TURN_WAIT, /* nothing can be done now, or something came between: look again */
    EXPORT_TURN_OVER, /* nothing is left to be released */
    EXPORT_TURN_STOP, /* the rest is forbidden, *why says by what; alarms are noted in k->req */
    EXPORT_TURN_FAIL, /* it cannot go on; *why says why */
};

/* Makes the keeper's request the export's: principal, domain, grant, purpose; no alarms. False
 * where the person may not export any more, *why is set then. */
bool export_borrow(struct keeper *k, const struct export_row *row, const char **why);
/* What is left of it goes. */
void export_give_back(struct keeper *k);

/* export_piece.c: a piece of the counting, of the release. The request is borrowed. */
enum export_turn export_count(struct keeper *k, const struct export_row *row, const char **why);
enum export_turn export_release(struct keeper *k, const struct export_row *row, const char **why);
/* What a piece rests on, but for the tokens: the recipient, and the grant for `count` of them.
 * ON, STOP; WAIT. */
enum export_turn export_judge(struct keeper *k, const struct export_row *row,
                              const uint8_t *token_ids, size_t count, struct grant_use *use,
                              struct recipient *to, const char **why);

/* export_end.c: the row's last state, a line of the register where values were released, alarms.
 * The request is borrowed. True where it is committed. */
bool export_end(struct keeper *k, const struct export_row *row, enum export_state state,
                const char *why);
/* One file whose time is past is taken away. True where one was. */
bool export_take_away(struct keeper *k);

#endif
