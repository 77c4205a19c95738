/*
 * report_refusals.h - refusals counted by their code, from entries.
 *
 * Layer:   vault/ (verbs). Includes the rooms of the core.
 * Threads: as the worker given.
 * Source:  controls C51, C52; vault/README.md (refusals that have no entry of their own).
 */
#ifndef HUFU_REPORT_REFUSALS_H
#define HUFU_REPORT_REFUSALS_H

#include "vault/report.h"

struct report_refusals { /* all zero at the start */
    uint64_t count[HUFU_ERR_COUNT];
};

/* Counts the present entry where it is a refusal: one, or as many as it says of those that were
 * only counted. */
void report_refusals_add(struct report_refusals *all, const struct report *r);
/* {"code":n,…}: those that there are, sorted; the name is the caller's. */
void report_refusals_print(const struct report_refusals *all, struct json *j);

#endif
