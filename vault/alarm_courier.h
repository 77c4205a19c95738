/*
 * alarm_courier.h - brings alarms that wait to the sinks: the gravest first, then the oldest, one
 * at a time.
 *
 * Layer:   vault/ (verbs). Includes the rooms of the core.
 * Threads: courier_step by one thread, or a test; `way` is set by the journal thread.
 * Source:  control C28; design.md section 6.
 *
 * The spool is the vault itself: rows of TABLE_ALARM without a time of delivery. What a crash
 * forgets is found again, so an alarm may come twice but is never lost. One that a sink does not
 * take is tried again later; the others do not wait for it.
 */
#ifndef HUFU_ALARM_COURIER_H
#define HUFU_ALARM_COURIER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "vault/access/alarm_row.h"
#include "vault/base/alarm_msg.h"
#include "vault/request.h"

struct alarm_sink { /* what delivers: the alarm process, or a test */
    /* Hands one alarm over. HUFU_CLOSED (nobody there), HUFU_BUSY. */
    enum hufu_err (*send)(struct alarm_sink *sink, uint64_t id, struct view body);
    /* What became of one. HUFU_NOT_FOUND (nothing yet); HUFU_CLOSED, HUFU_CORRUPT. */
    enum hufu_err (*take)(struct alarm_sink *sink, uint64_t *id_out, struct alarm_reply *out);
};

#define COURIER_HELD 256 /* failed ones whose next time is remembered */

struct courier_held { /* an alarm that a sink did not take */
    uint8_t id[ID_LEN];
    uint32_t attempts; /* 0: free */
    uint64_t wait_ms, due_boot_ms;
};

enum courier_way { COURIER_IDLE, COURIER_ON_ITS_WAY, COURIER_DONE, COURIER_LOST };

struct courier {
    struct core *core;
    struct worker worker;
    struct alarm_sink *sink;
    uint8_t after[ID_LEN]; /* alarms up to this one were delivered when last looked at */
    size_t after_len;
    bool is_idle;          /* none waits but those held, until there is a fresh one */
    uint64_t held_boot_ms; /* when the next of those is due */
    struct courier_held held[COURIER_HELD];
    struct alarm_row row; /* the one in work */
    bool has_row;
    bool is_sent, is_taken; /* to the sink; by it: now the row is to say so */
    uint64_t sent_boot_ms, sent_id, taken_ms;
    uint32_t attempts;    /* that failed, of the one in work */
    uint64_t due_boot_ms; /* after what could not be written */
    uint64_t sweep_boot_ms;
    bool is_marking; /* what is on its way is the row in work, else old rows' end */
    bool sweeps_on;  /* more are due than one operation takes */
    _Atomic int way; /* enum courier_way */
};

HUFU_MUST_USE enum hufu_err courier_init(struct courier *c, struct core *core,
                                         struct alarm_sink *sink);
void courier_done(struct courier *c);
/* One thing: an alarm is handed over, its outcome taken, its row marked, or old rows are removed.
 * True where something was done. */
bool courier_step(struct courier *c);

/* {"id","rule",…}: what a sink is told of an alarm. */
void courier_print(const struct alarm_row *row, const char *vault, struct buf *out);

/* The alarm process at the other end of a link. fd: taken over; -1: none yet. HUFU_NOMEM. */
HUFU_MUST_USE enum hufu_err alarm_link_new(int fd, struct alarm_sink **out);
void alarm_link_free(struct alarm_sink *sink); /* NULL is fine */
/* A new process is there: its socket replaces the old one at the next step. Takes fd over; safe
 * from any thread. */
void alarm_link_replace(struct alarm_sink *sink, int fd);

#endif
