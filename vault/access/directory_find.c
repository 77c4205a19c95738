/* Looking things up in the directory. */
#include "vault/access/directory_inner.h"

#include <string.h>

static void *find(struct directory *d, const struct shelf *s, struct view key)
{
    void *object;

    pthread_rwlock_rdlock(&d->lock);
    object = shelf_find(s, key);
    pthread_rwlock_unlock(&d->lock);
    return object;
}

static void *find_id(struct directory *d, const struct shelf *s, uint32_t id)
{
    uint8_t mem[4];
    struct buf key;

    buf_fixed(&key, mem, sizeof(mem));
    buf_be32(&key, id);
    return find(d, s, buf_view(&key));
}

static void *at(struct directory *d, const struct shelf *s, size_t i)
{
    void *object;

    pthread_rwlock_rdlock(&d->lock);
    object = shelf_at(s, i);
    pthread_rwlock_unlock(&d->lock);
    return object;
}

const struct domain *directory_domain(struct directory *d, struct view name)
{
    struct domain_item *it = find(d, &d->domain_name, name);

    return it == NULL ? NULL : &it->domain;
}

const struct domain *directory_domain_id(struct directory *d, uint32_t id)
{
    struct domain_item *it = find_id(d, &d->domain_id, id);

    return it == NULL ? NULL : &it->domain;
}

const struct domain *directory_domain_at(struct directory *d, size_t i)
{
    struct domain_item *it = at(d, &d->domain_name, i);

    return it == NULL ? NULL : &it->domain;
}

const struct partner *directory_partner(struct directory *d, struct view name)
{
    struct partner_item *it = find(d, &d->partner_name, name);

    return it == NULL ? NULL : &it->partner;
}

const struct partner *directory_partner_id(struct directory *d, uint32_t id)
{
    struct partner_item *it = find_id(d, &d->partner_id, id);

    return it == NULL ? NULL : &it->partner;
}

const struct partner *directory_partner_at(struct directory *d, size_t i)
{
    struct partner_item *it = at(d, &d->partner_name, i);

    return it == NULL ? NULL : &it->partner;
}

const struct partner *directory_partner_pin(struct directory *d,
                                            const uint8_t pin[static MSG_PIN_LEN])
{
    const struct partner *partner;
    struct by_pin *b;

    pthread_rwlock_rdlock(&d->lock); /* a by_pin is freed when its partner changes */
    b = shelf_find(&d->pin, view_of(pin, MSG_PIN_LEN));
    partner = b == NULL ? NULL : b->partner;
    pthread_rwlock_unlock(&d->lock);
    return partner;
}

const struct user *directory_user(struct directory *d, struct view name)
{
    struct user_item *it = find(d, &d->user_name, name);

    return it == NULL ? NULL : &it->user;
}

const struct user *directory_user_id(struct directory *d, uint32_t id)
{
    struct user_item *it = find_id(d, &d->user_id, id);

    return it == NULL ? NULL : &it->user;
}

const struct user *directory_user_at(struct directory *d, size_t i)
{
    struct user_item *it = at(d, &d->user_name, i);

    return it == NULL ? NULL : &it->user;
}

static struct partner_item *item_of(const struct partner *p)
{
    return (struct partner_item *)((uintptr_t)p - offsetof(struct partner_item, partner));
}

/* Every request comes by: a cache line is only written where a second has passed. */
void directory_touch_partner(const struct partner *p, uint64_t now_ms)
{
    struct partner_item *it = item_of(p);

    if (atomic_load_explicit(&it->used_ms, memory_order_relaxed) / 1000 != now_ms / 1000)
        atomic_store_explicit(&it->used_ms, now_ms, memory_order_relaxed);
}

uint64_t directory_partner_used(const struct partner *p)
{
    return atomic_load_explicit(&item_of(p)->used_ms, memory_order_relaxed);
}

static void copy_session(struct session_item *it, struct session *out)
{
    *out = it->session;
    out->used_boot_ms = atomic_load(&it->used_boot_ms);
}

enum hufu_err directory_session(struct directory *d, const uint8_t hash[static 32],
                                struct session *out)
{
    struct session_item *it;

    pthread_rwlock_rdlock(&d->lock);
    it = shelf_find(&d->session, view_of(hash, 32));
    if (it != NULL)
        copy_session(it, out);
    pthread_rwlock_unlock(&d->lock);
    return it == NULL ? HUFU_NOT_FOUND : HUFU_OK;
}

void directory_touch(struct directory *d, const uint8_t hash[static 32], uint64_t boot_ms)
{
    struct session_item *it;

    pthread_rwlock_rdlock(&d->lock);
    it = shelf_find(&d->session, view_of(hash, 32));
    if (it != NULL)
        atomic_store(&it->used_boot_ms, boot_ms);
    pthread_rwlock_unlock(&d->lock);
}

enum hufu_err directory_factor(struct directory *d, uint32_t user_id, struct factor *out)
{
    struct factor_item *it;
    uint8_t mem[4];
    struct buf key;

    buf_fixed(&key, mem, sizeof(mem));
    buf_be32(&key, user_id);
    pthread_rwlock_rdlock(&d->lock);
    it = shelf_find(&d->factor, buf_view(&key));
    if (it != NULL)
        *out = it->factor;
    pthread_rwlock_unlock(&d->lock);
    return it == NULL ? HUFU_NOT_FOUND : HUFU_OK;
}

enum hufu_err directory_ceremony(struct directory *d, const uint8_t id[static ID_LEN],
                                 struct ceremony *out)
{
    struct ceremony_item *it;

    pthread_rwlock_rdlock(&d->lock);
    it = shelf_find(&d->ceremony, view_of(id, ID_LEN));
    if (it != NULL)
        *out = it->ceremony;
    pthread_rwlock_unlock(&d->lock);
    return it == NULL ? HUFU_NOT_FOUND : HUFU_OK;
}

enum hufu_err directory_ceremony_at(struct directory *d, size_t i, struct ceremony *out)
{
    struct ceremony_item *it;

    pthread_rwlock_rdlock(&d->lock);
    it = shelf_at(&d->ceremony, i);
    if (it != NULL)
        *out = it->ceremony;
    pthread_rwlock_unlock(&d->lock);
    return it == NULL ? HUFU_NOT_FOUND : HUFU_OK;
}

enum hufu_err directory_session_of(struct directory *d, uint32_t user_id, uint64_t from_ms,
                                   struct session *out)
{
    struct session_item *it, *best = NULL;

    pthread_rwlock_rdlock(&d->lock);
    for (size_t i = 0; (it = shelf_at(&d->session, i)) != NULL; i++)
        if (it->session.user_id == user_id && it->session.created_ms >= from_ms &&
            (best == NULL || atomic_load(&it->used_boot_ms) > atomic_load(&best->used_boot_ms)))
            best = it;
    if (best != NULL)
        copy_session(best, out);
    pthread_rwlock_unlock(&d->lock);
    return best == NULL ? HUFU_NOT_FOUND : HUFU_OK;
}

enum hufu_err directory_session_at(struct directory *d, size_t i, struct session *out)
{
    struct session_item *it;

    pthread_rwlock_rdlock(&d->lock);
    it = shelf_at(&d->session, i);
    if (it != NULL)
        copy_session(it, out);
    pthread_rwlock_unlock(&d->lock);
    return it == NULL ? HUFU_NOT_FOUND : HUFU_OK;
}

enum hufu_err directory_ids(struct directory *d, struct row_ids *out, uint64_t *seq_out)
{
    enum hufu_err err = HUFU_NOT_FOUND;

    pthread_rwlock_rdlock(&d->lock);
    if (d->has_ids) {
        *out = d->ids;
        *seq_out = d->ids_seq;
        err = HUFU_OK;
    }
    pthread_rwlock_unlock(&d->lock);
    return err;
}

enum hufu_err directory_log(struct directory *d, struct log_identity *out)
{
    enum hufu_err err = HUFU_NOT_FOUND;

    pthread_rwlock_rdlock(&d->lock);
    if (d->has_log) {
        *out = d->log;
        err = HUFU_OK;
    }
    pthread_rwlock_unlock(&d->lock);
    return err;
}
