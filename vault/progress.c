#include "vault/progress.h"

#include <string.h>

void progress_init(struct progress *p)
{
    *p = (struct progress){ 0 };
    pthread_mutex_init(&p->mu, NULL);
}

void progress_done(struct progress *p)
{
    pthread_mutex_destroy(&p->mu);
}

/* The ceremony's row, or a free one, or NULL. Ids are not secret. */
static struct progress_row *place(struct progress *p, const uint8_t id[static ID_LEN])
{
    struct progress_row *found = NULL;

    for (size_t i = 0; i < PROGRESS_MAX; i++) {
        if (p->row[i].used && memcmp(p->row[i].id, id, ID_LEN) == 0)
            return &p->row[i];
        if (!p->row[i].used)
            found = &p->row[i];
    }
    return found;
}

void progress_set(struct progress *p, const uint8_t id[static ID_LEN], uint64_t done,
                  uint64_t total)
{
    struct progress_row *row;

    pthread_mutex_lock(&p->mu);
    row = place(p, id);
    if (row != NULL) {
        row->used = true;
        memcpy(row->id, id, ID_LEN);
        row->done = done;
        row->total = total;
    }
    pthread_mutex_unlock(&p->mu);
}

void progress_drop(struct progress *p, const uint8_t id[static ID_LEN])
{
    struct progress_row *row;

    pthread_mutex_lock(&p->mu);
    row = place(p, id);
    if (row != NULL)
        row->used = false;
    pthread_mutex_unlock(&p->mu);
}

bool progress_find(struct progress *p, const uint8_t id[static ID_LEN], uint64_t *done_out,
                   uint64_t *total_out)
{
    struct progress_row *row;
    bool found;

    pthread_mutex_lock(&p->mu);
    row = place(p, id);
    found = row != NULL && row->used;
    if (found) {
        *done_out = row->done;
        *total_out = row->total;
    }
    pthread_mutex_unlock(&p->mu);
    return found;
}
