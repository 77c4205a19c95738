/*
 * webhost.h - host names and origins of web pages, as settings have them.
 *
 * Layer:   vault/base/. Includes buf.h.
 * Threads: pure functions.
 * Source:  RFC 6454 section 6.2 (origins as text); RFC 1123 section 2.1 (host names).
 */
#ifndef HUFU_BASE_WEBHOST_H
#define HUFU_BASE_WEBHOST_H

#include <stdbool.h>

#include "vault/base/buf.h"

/* [a-z0-9.-], no dot at its ends: as a browser writes it. */
bool webhost_is_name(struct view text);
/* Takes the next of a list, between commas and blanks; false at its end. */
bool webhost_next(struct view *list, struct view *out);
/* At least one, each https://HOST or https://HOST:PORT. */
bool webhost_are_origins(struct view list);

#endif
