/*
 * report.h - what the reports share: a time range of the log, walked in pages of bounded work.
 *
 * Layer:   vault/ (verbs). Includes the rooms of the core.
 * Threads: as the worker given.
 * Source:  controls C50, C51, C52.
 *
 * A report reads the log between two times (entries never run back in time, so the range is found
 * by bisection), REPORT_WORK entries a call at most. A page ends with `next`, the index of the last
 * entry that it looked at; it is asked on with `after`. Nothing in a report is a value or a token.
 */
#ifndef HUFU_REPORT_H
#define HUFU_REPORT_H

#include "vault/base/json.h"
#include "vault/log/entry_read.h"
#include "vault/record.h"
#include "vault/request.h"

#define REPORT_WORK    20000 /* entries that one call looks at … */
#define REPORT_RESOLVE 10    /* … and a record that is opened counts as so many */
#define REPORT_ITEM_MAX                                                                            \
    3584 /* bytes of an item: 64 partners, and texts with every byte escaped                       \
          */

struct report {
    struct worker *w;
    struct request *req;
    uint64_t since_ms, until_ms;
    uint64_t page_ms; /* this page's part of the time begins here … */
    uint64_t seen_ms; /* … time of the entry looked at last; 0: none */
    uint64_t at, end; /* entries [at, end) of the log are still to be looked at */
    uint64_t limit;   /* items of a page */
    uint64_t shown;
    uint64_t work;             /* left */
    struct json j;             /* over req->body */
    struct entry_fields entry; /* the present one … */
    uint8_t *text;             /* … and its members with escapes: ENTRY_LINE_MAX bytes */
};

/*
 * Reads since (absent: the beginning), until (absent: now; not in the range itself), limit, after;
 * finds the entries. HUFU_BAD_REQUEST with *where; HUFU_UNAVAILABLE.
 */
HUFU_MUST_USE enum hufu_err report_begin(struct report *r, struct worker *w, struct request *req,
                                         struct msg_where *where);
/* The report's own entry: whom it is about (may be empty) and between which times.
 * HUFU_UNAVAILABLE. */
HUFU_MUST_USE enum hufu_err report_entry(struct report *r, struct view about);
/* Room for items: the body begins. more: bytes beside them. HUFU_UNAVAILABLE. */
HUFU_MUST_USE enum hufu_err report_body(struct report *r, size_t more);

typedef enum hufu_err report_fn(struct report *r, uint64_t index, void *arg);
/*
 * Calls each() for the entries, oldest first, r->entry read, until the range or the work ends.
 * each() returns HUFU_BUSY where the page is full: its entry begins the next one; any other error
 * ends the report. HUFU_UNAVAILABLE (also for a line that is none of ours).
 */
HUFU_MUST_USE enum hufu_err report_walk(struct report *r, report_fn *each, void *arg);
/* True where one more item and what ends the body fit. more: as in report_body. */
bool report_has_room(const struct report *r, size_t more);
/* Where the page's part of the time ends: parts of successive pages touch and never overlap. */
uint64_t report_page_end(const struct report *r);
/* The member `next`. */
void report_print_next(struct report *r);

/* True where the present entry tells of a value that a person was given, or that a file was given
 * in that person's name: such an entry names one token. */
bool report_is_reveal(const struct report *r);
/* True where it is one of a partner's own. */
bool report_is_partner(const struct report *r);
/* What stands behind name ("ms=") in words of ours, "rule=misses grade=low"; empty: it is not
 * there. */
struct view report_word(struct view words, const char *name);
/* The same as a number; 0 where there is none. */
uint64_t report_number(struct view words, const char *name);

struct report_source {              /* where a value that was revealed came from */
    char subject[ROW_TEXT_MAX + 1]; /* "": none was given, or the mapping is deleted */
    uint32_t partner[ROW_PARTNERS_MAX];
    size_t partner_count; /* 0: not known */
};
/*
 * Finds who sent the value that the present entry, a reveal by user_id, tells of, and about whom it
 * is. A mapping that was deleted has no subject any more, one whose key was destroyed neither: its
 * partners stand in the clear. Out is all zero where nothing is known. HUFU_UNAVAILABLE.
 */
HUFU_MUST_USE enum hufu_err report_source(struct report *r, uint32_t user_id,
                                          struct report_source *out);

#endif
