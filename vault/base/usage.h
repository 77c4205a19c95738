/*
 * usage.h - what the process itself costs: processor time, memory, descriptors.
 *
 * Layer:   vault/base/. Includes prom.h.
 * Threads: safe from any thread.
 */
#ifndef HUFU_BASE_USAGE_H
#define HUFU_BASE_USAGE_H

#include "vault/base/prom.h"

/*
 * Appends four families, named ROLE_process_…: CPU seconds, resident bytes, open descriptors,
 * start. What the system does not tell is left out.
 *
 * role:       "hufu_front"; at most 32 bytes.
 * started_ms: UTC, when the process began.
 */
void usage_print(struct prom *p, const char *role, uint64_t started_ms);

#endif
