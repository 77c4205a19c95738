/*
 * log.h - the programs' own log on standard error: fixed keys, no text from outside.
 *
 * Layer:   vault/base/. Includes buf.h.
 * Threads: one write(2) per line; safe from any thread.
 *
 * A line is `time level role event=NAME key=value …`. Values are numbers, names of ours and ids
 * that passed text_is_key; anything else is replaced by `?`. The audit log is another thing.
 */
#ifndef HUFU_BASE_LOG_H
#define HUFU_BASE_LOG_H

#include <stdint.h>

#include "vault/base/err.h"

enum log_level { LOG_ERROR_LEVEL, LOG_WARN, LOG_INFO, LOG_DEBUG };

/* role: a static string ("front"), printed in each line. */
void log_setup(const char *role, enum log_level level);
void log_level_set(enum log_level level);
/* "error", "warn", "info", "debug"; "?" outside the enum. */
const char *log_level_name(enum log_level level);

/*
 * Writes one line. Each key is a static string; the list ends with NULL:
 *     log_event(LOG_WARN, "hsm.down", "err", LOG_ERR(err), "try", LOG_NUM(3), NULL);
 */
#define LOG_NUM(v) 'n', (uint64_t)(v)
#define LOG_STR(s) 's', (const char *)(s) /* a name of ours, or an id */
#define LOG_ERR(e) 'e', (int)(e)
void log_event(enum log_level level, const char *event, ...);

#endif
