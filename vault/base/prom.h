/*
 * prom.h - metrics as text for Prometheus, one family behind another.
 *
 * Layer:   vault/base/. Includes buf.h.
 * Threads: a struct prom belongs to its caller.
 * Source:  Prometheus text exposition format 0.0.4.
 *
 * A family is begun with its name, and then gets its samples: for each the suffix and the labels
 * that it has, and at last its value. A family is begun once, and its samples stand together.
 */
#ifndef HUFU_BASE_PROM_H
#define HUFU_BASE_PROM_H

#include <stdbool.h>
#include <stdint.h>

#include "vault/base/buf.h"

enum prom_kind { PROM_COUNTER, PROM_GAUGE, PROM_SUMMARY, PROM_HISTOGRAM };

struct prom {
    struct buf *out;
    const char *family;
    bool begun, labelled; /* the sample at the end of out: its name is there, it has labels */
};

/* name: of a counter with _total at its end. help: one line of ours. */
void prom_family(struct prom *p, const char *name, enum prom_kind kind, const char *help);
/* Before the labels: `_sum`, `_count` or `_bucket` of a summary or a histogram. */
void prom_suffix(struct prom *p, const char *suffix);
/* name: ours; value: any text, escaped as the format wants it. */
void prom_label(struct prom *p, const char *name, const char *value);
void prom_label_num(struct prom *p, const char *name, uint64_t value);
/* The value ends the sample; prom_us gives microseconds as seconds. */
void prom_num(struct prom *p, uint64_t value);
void prom_us(struct prom *p, uint64_t us);

/* A family of one sample without labels. */
void prom_counter(struct prom *p, const char *name, const char *help, uint64_t value);
void prom_gauge(struct prom *p, const char *name, const char *help, uint64_t value);

/* Appends us as decimal seconds: 1250 is 0.00125. */
void prom_seconds(struct buf *out, uint64_t us);

#endif
