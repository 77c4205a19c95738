/*
 * deny.h - passwords that an institution does not want to see: a file, read at start and again on
 * SIGHUP.
 *
 * Layer:   vault/access/. Includes vault/base/ only.
 * Threads: deny_has and deny_load from any thread; a list that is being read replaces the old one
 *          whole.
 * Source:  control C42; NIST SP 800-63B section 5.1.1.2 (compare with values known to be common).
 *
 * One password a line, UTF-8, CR LF or LF; empty lines do not count. Compared without regard to the
 * case of ASCII letters, and as what digits were put behind: `sommerfest` refuses `Sommerfest2026`.
 * The built-in list (password_rule.c) holds beside it.
 */
#ifndef HUFU_ACCESS_DENY_H
#define HUFU_ACCESS_DENY_H

#include <stdbool.h>

#include "vault/base/buf.h"
#include "vault/base/err.h"

#define DENY_FILE_MAX 1048576 /* bytes */
#define DENY_LINE_MAX 256     /* bytes: no password is longer */

struct deny; /* opaque */

struct deny_fault {
    const char *why; /* a word of ours for the log, nothing of the file's; NULL: none */
    unsigned line;   /* 0: the whole file */
};

/* An empty list. HUFU_NOMEM. */
HUFU_MUST_USE enum hufu_err deny_new(struct deny **out);
void deny_free(struct deny *d); /* NULL is fine */
/*
 * Reads the file at path ("": the list becomes empty).
 * Returns: HUFU_OK; HUFU_NOT_FOUND (it cannot be opened); HUFU_IO; HUFU_RANGE (too long, the file
 *          or a line); HUFU_SYNTAX (not text in UTF-8); HUFU_NOMEM. On failure the list stays as it
 *          was, and *fault says why.
 */
HUFU_MUST_USE enum hufu_err deny_load(struct deny *d, const char *path, struct deny_fault *fault);
/* The same with the file's bytes. */
HUFU_MUST_USE enum hufu_err deny_parse(struct deny *d, struct view text, struct deny_fault *fault);
/* True where the password is on the list, or one that is with digits behind it. password: SECRET.
 * d NULL: nothing is on it. */
bool deny_has(struct deny *d, struct view password);
size_t deny_count(struct deny *d);

#endif
