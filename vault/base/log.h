/*
 * log.h - the programs' own log on standard error: fixed keys, no text from outside.
 *
 * Layer:   vault/base/. Includes err.h, buf.h.
 * Threads: one write(2) per line; safe from any thread.
 *
 * As JSON a line is {"time":…,"level":…,"role":…,"event":NAME,KEY:VALUE,…}; as text it is
 * `time level role event=NAME KEY=VALUE …`. Values are numbers, addresses, names of ours and ids
 * that passed text_is_key; anything else is replaced by `?`. The audit log is another thing.
 */
#ifndef HUFU_BASE_LOG_H
#define HUFU_BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "vault/base/buf.h"
#include "vault/base/err.h"

enum log_level { LOG_ERROR_LEVEL, LOG_WARN, LOG_INFO, LOG_DEBUG };
enum log_format { LOG_JSON, LOG_TEXT };

/* role: a static string ("front"), printed in each line. */
void log_setup(const char *role, enum log_level level);
void log_level_set(enum log_level level);
/* Does what hufud says: CONTROL_LEVEL plus a level sets that; another kind is none of ours. */
void log_obey(uint8_t control_kind);
/* Of every line from now on; JSON until then. */
void log_format_set(enum log_format format);
/* Whether a line of this level is written: for callers to whom its values cost something. */
bool log_wants(enum log_level level);
/* "error", "warn", "info", "debug"; "?" outside the enum. */
const char *log_level_name(enum log_level level);

/*
 * Writes one line. Each key is a static string; the list ends with NULL:
 *     log_event(LOG_WARN, "hsm.down", "err", LOG_ERR(err), "try", LOG_NUM(3), NULL);
 */
#define LOG_NUM(v)  'n', (uint64_t)(v)
#define LOG_STR(s)  's', (const char *)(s) /* a name of ours, or an id */
#define LOG_VIEW(v) 'v', (v)               /* the same as a struct view */
#define LOG_ERR(e)  'e', (int)(e)
#define LOG_ADDR(a) 'a', (const uint8_t *)(a) /* 16 bytes: IPv6, or IPv4 mapped into it */
void log_event(enum log_level level, const char *event, ...);

#endif
