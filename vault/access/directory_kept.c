/* Rows that the directory keeps as plaintext; who reads one decodes it. */
#include <stdlib.h>
#include <string.h>

#include "vault/access/directory_inner.h"
#include "vault/base/secret.h"

bool directory_is_kept(uint8_t table)
{
    return table >= TABLE_GRANT && table <= TABLE_CASE;
}

static struct shelf *shelf_of(struct directory *d, uint8_t table)
{
    return &d->kept[table - TABLE_GRANT];
}

static void drop(struct kept_item *it)
{
    if (it == NULL)
        return;
    wipe(it->text, it->len);
    free(it);
}

enum hufu_err directory_put_kept(struct directory *d, uint8_t table, const struct keyed *k,
                                 uint64_t seq, struct view text)
{
    struct shelf *s = shelf_of(d, table);
    struct kept_item *it;
    void *old = NULL;
    enum hufu_err err;

    if (text.p == NULL) {
        drop(shelf_remove(s, view_of(k->key, k->key_len)));
        return HUFU_OK;
    }
    it = malloc(sizeof(*it) + text.len);
    if (it == NULL)
        return HUFU_NOMEM;
    it->k = *k;
    it->seq = seq;
    it->len = text.len;
    memcpy(it->text, text.p, text.len);
    err = shelf_put(s, view_of(it->k.key, it->k.key_len), it, &old);
    drop(err == HUFU_OK ? old : it);
    return err;
}

void directory_free_kept(struct directory *d)
{
    for (size_t t = 0; t < DIRECTORY_KEPT; t++) {
        for (size_t i = 0; i < d->kept[t].count; i++)
            drop(d->kept[t].item[i].object);
        shelf_done(&d->kept[t]);
    }
}

static enum hufu_err give(const struct kept_item *it, struct buf *key_out, struct buf *text_out,
                          uint64_t *seq_out)
{
    if (it == NULL)
        return HUFU_NOT_FOUND;
    if (key_out != NULL)
        buf_put(key_out, it->k.key, it->k.key_len);
    if (text_out != NULL)
        buf_put(text_out, it->text, it->len);
    if ((key_out != NULL && buf_check(key_out) != HUFU_OK) ||
        (text_out != NULL && buf_check(text_out) != HUFU_OK))
        return HUFU_NOMEM;
    *seq_out = it->seq;
    return HUFU_OK;
}

enum hufu_err directory_kept(struct directory *d, uint8_t table, struct view key,
                             struct buf *text_out, uint64_t *seq_out)
{
    enum hufu_err err;

    pthread_rwlock_rdlock(&d->lock);
    err = give(shelf_find(shelf_of(d, table), key), NULL, text_out, seq_out);
    pthread_rwlock_unlock(&d->lock);
    return err;
}

enum hufu_err directory_kept_at(struct directory *d, uint8_t table, size_t i, struct buf *key_out,
                                struct buf *text_out, uint64_t *seq_out)
{
    enum hufu_err err;

    pthread_rwlock_rdlock(&d->lock);
    err = give(shelf_at(shelf_of(d, table), i), key_out, text_out, seq_out);
    pthread_rwlock_unlock(&d->lock);
    return err;
}

enum hufu_err directory_kept_after(struct directory *d, uint8_t table, struct view key,
                                   struct buf *key_out, struct buf *text_out, uint64_t *seq_out)
{
    struct shelf *s = shelf_of(d, table);
    enum hufu_err err;

    pthread_rwlock_rdlock(&d->lock);
    err = give(shelf_at(s, key.len == 0 ? 0 : shelf_after(s, key)), key_out, text_out, seq_out);
    pthread_rwlock_unlock(&d->lock);
    return err;
}

size_t directory_kept_count(struct directory *d, uint8_t table)
{
    size_t count;

    pthread_rwlock_rdlock(&d->lock);
    count = shelf_of(d, table)->count;
    pthread_rwlock_unlock(&d->lock);
    return count;
}
