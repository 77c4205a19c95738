/*
 * gauge.h - the core's part of /metrics.
 *
 * Layer:   vault/ (verbs). Includes the rooms of the core.
 * Threads: as the worker that serves the request.
 *
 * Labels are names of ours, and names of domains and partners: never a token, a value or a person.
 * Nothing here walks the map: a scrape costs what the control rows cost.
 */
#ifndef HUFU_GAUGE_H
#define HUFU_GAUGE_H

#include "vault/base/prom.h"
#include "vault/handle.h"

#define GAUGE_DOMAINS_MAX    256 /* series of one family */
#define GAUGE_PARTNERS_MAX   256
#define GAUGE_KEYS_MAX       1024
#define GAUGE_CEREMONIES_MAX 4096 /* rows looked at */
#define GAUGE_GRANTS_MAX     16384

/* Domains, partners, sessions, ceremonies; how full domains are; then keys and the HSM. */
void gauge_people(struct core *core, struct prom *p);
void gauge_fill(struct core *core, struct prom *p);
void gauge_keys(struct core *core, struct prom *p);
/* What was raised, how fast it was told, what waits. */
void gauge_alarms(struct core *core, struct prom *p);

#endif
