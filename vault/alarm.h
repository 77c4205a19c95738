/*
 * alarm.h - what somebody should look at: rules, grades, and who is suspended by them.
 *
 * Layer:   vault/ (verbs). Includes the rooms of the core.
 * Threads: as the worker given.
 * Source:  controls C24, C28, C44.
 *
 * While a request is decided, alarm_note() remembers what it set off. When its draft is handed in,
 * each becomes an operation of the same draft: an entry `alarm`, a row of TABLE_ALARM that waits
 * until it is delivered and reviewed, and, where the rule suspends, the principal's frozen row. So
 * an alarm is durable with what set it off, or neither is.
 */
#ifndef HUFU_ALARM_H
#define HUFU_ALARM_H

#include <stdbool.h>
#include <stddef.h>

#include "vault/request.h"

/* clang-format off */
#define ALARM_RULES(X) /* id, name, grade, suspends the person (a partner: by setting) */ \
    X(REVEALS_FACTOR,  "reveals-factor",   LOW,    false) \
    X(REVEALS_DAY,     "reveals-day",      MIDDLE, true)  \
    X(REVEALS_PURPOSE, "reveals-purpose",  MIDDLE, true)  \
    X(VELOCITY,        "velocity",         MIDDLE, true)  \
    X(MISSES,          "misses",           MIDDLE, true)  \
    X(SEQUENCE,        "sequence",         HIGH,   true)  \
    X(PLANTED,         "planted-token",    HIGH,   true)  \
    X(GUESSES,         "guesses",          MIDDLE, true)  \
    X(VALUES,          "values",           MIDDLE, true)  \
    X(LOOKUPS,         "lookups",          MIDDLE, true)  \
    X(REFUSALS,        "refusals",         LOW,    false) \
    X(GRANT_EXCEEDED,  "grant-exceeded",   MIDDLE, false) \
    X(GRANT_OVER,      "grant-over",       LOW,    false) \
    X(EXPORT_EXCEEDED, "export-exceeded",  HIGH,   true)  \
    X(BREAK_GLASS,     "break-glass",      HIGH,   false) \
    X(KEY_COUNTER,     "key-counter",      HIGH,   true)  \
    X(FORGED,          "forged-challenge", MIDDLE, false) \
    X(RECOVERY,        "recovery-code",    MIDDLE, false)
/* clang-format on */

enum alarm_grade { ALARM_LOW = 1, ALARM_MIDDLE, ALARM_HIGH };
#define ALARM_ENUM(id, name, grade, suspends) ALARM_RULE_##id,
enum alarm_rule { ALARM_RULE_NONE, ALARM_RULES(ALARM_ENUM) ALARM_RULE_COUNT };
#undef ALARM_ENUM

/* "reveals-day", …; "low", …; "?" outside the enums. */
const char *alarm_rule_name(unsigned rule);
const char *alarm_grade_name(unsigned grade);
enum alarm_grade alarm_grade(unsigned rule);

/* The rule that a person or partner sets off by reaching a limit; NONE where it has none. */
enum alarm_rule alarm_of_limit(enum core_limit limit);
/* The name of the setting whose limit the rule is about; NULL: it is about none. */
const char *alarm_setting(unsigned rule);
/* True where the rule suspends who set it off: a partner only by setting, the last two active
 * security administrators never. */
bool alarm_suspends(unsigned rule);

/* Remembers that this attempt sets off rule; once is enough. Up to REQUEST_ALARMS_MAX are kept. */
void alarm_note(struct request *req, enum alarm_rule rule);
/* True where this attempt has set it off. */
bool alarm_has(const struct request *req, enum alarm_rule rule);
/* The same about somebody who is not the caller, or not yet: a person whose key was copied. Only
 * where that person's own factor or a decision of others set it off, never a stranger's request. */
void alarm_note_about(struct request *req, enum alarm_rule rule, const struct user *about);

/* The same about the caller, with words of ours for who looks at it: "grant=ID why=WORD". At most
 * REQUEST_WHY_MAX bytes of them are kept. */
void alarm_note_why(struct request *req, enum alarm_rule rule, struct view why);

/*
 * Of the rules noted, those that are to be raised now: one that suspends, and break-glass, always;
 * another once for each principal and day (UTC). Returns how many; the same for a second call in
 * one attempt.
 */
size_t alarm_judge(struct request *req);
/*
 * Adds the alarms to the draft, behind the operations that it has: entry, row, suspension. Done
 * once, last of all. HUFU_UNAVAILABLE.
 */
HUFU_MUST_USE enum hufu_err alarm_attach(struct worker *w, struct request *req);
/* A window of refusals has ended: where they were many (alarm.refusals), it is drafted into req,
 * which the sweeper commits. HUFU_UNAVAILABLE: none is raised then. */
HUFU_MUST_USE enum hufu_err alarm_of_refusals(struct worker *w, struct request *req,
                                              const struct refusal *window);
/* Hands the request's draft in, with what it has set off. Frees or requeues the request. */
void alarm_hand_in(struct worker *w, struct request *req);
/* When a draft with alarms is durable, or will never be: counts and tells them. Once. */
void alarm_settle(struct request *req, bool committed);

#endif
