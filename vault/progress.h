/*
 * progress.h - how far the running ceremonies are, between two of their operations.
 *
 * Layer:   vault/ (verbs). Includes vault/base/.
 * Threads: safe from any thread.
 *
 * In memory only: a restart counts again. What a ceremony's row holds is true at its operations.
 */
#ifndef HUFU_PROGRESS_H
#define HUFU_PROGRESS_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "vault/base/id.h"

#define PROGRESS_MAX 8 /* ceremonies that run at a time; further ones wait */

struct progress {
    pthread_mutex_t mu; /* guards row */
    struct progress_row {
        bool used;
        uint8_t id[ID_LEN];
        uint64_t done, total;
    } row[PROGRESS_MAX];
};

void progress_init(struct progress *p);
void progress_done(struct progress *p);

/* Notes rows done and in all; forgotten again by progress_drop. Beyond PROGRESS_MAX nothing is. */
void progress_set(struct progress *p, const uint8_t id[static ID_LEN], uint64_t done,
                  uint64_t total);
void progress_drop(struct progress *p, const uint8_t id[static ID_LEN]);
/* False where nothing is noted: outputs untouched. */
bool progress_find(struct progress *p, const uint8_t id[static ID_LEN], uint64_t *done_out,
                   uint64_t *total_out);

#endif
