/*
 * format_set.h - the formats of conf/formats.conf, by name.
 *
 * Layer:   vault/format/. Includes vault/base/ and format.h.
 * Threads: constant once made; every function is safe from any thread.
 */
#ifndef HUFU_FORMAT_FORMAT_SET_H
#define HUFU_FORMAT_FORMAT_SET_H

#include <stddef.h>

#include "vault/base/buf.h"
#include "vault/base/err.h"
#include "vault/format/format.h"

#define FORMAT_FILE_MAX  262144 /* bytes of the file */
#define FORMAT_COUNT_MAX 64     /* formats in it */

struct format_set; /* opaque, constant */

/*
 * Reads definitions. The first fault refuses all of them.
 *
 * err_text: may be NULL with 0; else one line for people, with the line number, never a value.
 * Returns:  HUFU_OK, *out is the caller's; HUFU_SYNTAX; HUFU_RANGE (a limit); HUFU_NOMEM; from
 *           format_set_load also HUFU_IO. Out untouched on failure.
 */
HUFU_MUST_USE enum hufu_err format_set_parse(struct view text, struct format_set **out,
                                             char *err_text, size_t err_text_len);
HUFU_MUST_USE enum hufu_err format_set_load(const char *path, struct format_set **out,
                                            char *err_text, size_t err_text_len);
void format_set_free(struct format_set *set); /* NULL is fine */

size_t format_set_count(const struct format_set *set);
/* i below the count; borrowed until format_set_free. */
const struct format *format_set_at(const struct format_set *set, size_t i);
/* HUFU_OK, *out borrowed until format_set_free; HUFU_NOT_FOUND, out untouched. */
HUFU_MUST_USE enum hufu_err format_set_find(const struct format_set *set, struct view name,
                                            const struct format **out);

#endif
