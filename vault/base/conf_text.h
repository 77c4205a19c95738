/*
 * conf_text.h - what the text of a setting may hold, beyond its length.
 *
 * Layer:   vault/base/. Includes conf.h.
 * Threads: pure functions.
 */
#ifndef HUFU_BASE_CONF_TEXT_H
#define HUFU_BASE_CONF_TEXT_H

#include "vault/base/conf.h"

/* What is wrong with a TEXT or PATH, to stand behind "section.key "; NULL where nothing is. */
const char *conf_text_fault(enum conf_id id, struct view text);

#endif
