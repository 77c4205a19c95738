#include "vault/access/directory_inner.h"

#include <stdlib.h>
#include <string.h>

#include "vault/base/secret.h"

enum hufu_err directory_new(struct directory **out)
{
    struct directory *d = calloc(1, sizeof(*d));

    if (d == NULL)
        return HUFU_NOMEM;
    pthread_rwlock_init(&d->lock, NULL);
    *out = d;
    return HUFU_OK;
}

static void clear_domain(void *object)
{
    struct domain_item *it = object;

    originals_free(it->domain.originals);
    domain_clear(&it->domain);
}

static void clear_user(void *object)
{
    user_clear(&((struct user_item *)object)->user);
}

static void free_all(struct shelf *s, void (*clear)(void *object))
{
    for (size_t i = 0; i < s->count; i++) {
        if (clear != NULL)
            clear(s->item[i].object);
        free(s->item[i].object);
    }
    shelf_done(s);
}

void directory_free(struct directory *d)
{
    if (d == NULL)
        return;
    shelf_done(&d->domain_name);
    shelf_done(&d->partner_name);
    shelf_done(&d->user_name);
    free_all(&d->domain_id, clear_domain);
    free_all(&d->partner_id, NULL);
    free_all(&d->user_id, clear_user);
    free_all(&d->pin, NULL);
    free_all(&d->session, NULL);
    free_all(&d->factor, NULL);
    free_all(&d->ceremony, NULL);
    directory_free_bins(d);
    directory_free_kept(d);
    while (d->aside != NULL) {
        struct aside *a = d->aside;

        d->aside = a->next;
        if (a->clear != NULL)
            a->clear(a->object);
        free(a->object);
        free(a);
    }
    pthread_rwlock_destroy(&d->lock);
    free(d);
}

/* Keeps a replaced object for those who still look at it. */
static enum hufu_err set_aside(struct directory *d, void *object, void (*clear)(void *object))
{
    struct aside *a;

    if (object == NULL)
        return HUFU_OK;
    a = malloc(sizeof(*a));
    if (a == NULL)
        return HUFU_NOMEM;
    *a = (struct aside){ d->aside, object, clear };
    d->aside = a;
    return HUFU_OK;
}

static struct view keyed_view(const struct keyed *k)
{
    return view_of(k->key, k->key_len);
}

static enum hufu_err put_named(struct directory *d, struct shelf *ids, struct shelf *names,
                               struct keyed *k, const char *name, void *object,
                               void (*clear)(void *object))
{
    void *old = NULL, *same = NULL;
    enum hufu_err err;

    err = shelf_put(ids, keyed_view(k), object, &old);
    if (err == HUFU_OK)
        err = shelf_put(names, view_str(name), object, &same);
    if (err == HUFU_OK)
        err = set_aside(d, old, clear);
    return err;
}

static enum hufu_err put_pins(struct directory *d, const struct partner *p)
{
    void *old = NULL;
    enum hufu_err err = HUFU_OK;

    for (size_t i = d->pin.count; i-- > 0;) { /* pins that the partner had before */
        struct by_pin *b = d->pin.item[i].object;

        if (b->partner->id == p->id)
            free(shelf_remove(&d->pin, view_of(b->pin, MSG_PIN_LEN)));
    }
    for (size_t i = 0; i < p->pin_count && err == HUFU_OK; i++) {
        struct by_pin *b = malloc(sizeof(*b));

        if (b == NULL)
            return HUFU_NOMEM;
        memcpy(b->pin, p->pin[i], MSG_PIN_LEN);
        b->partner = p;
        err = shelf_put(&d->pin, view_of(b->pin, MSG_PIN_LEN), b, &old);
        free(old);
    }
    return err;
}

static uint32_t be32(const uint8_t p[static 4])
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* Reading one kind of row into its item (whose key stands already), and putting it in its place. */
static enum hufu_err read_domain(struct view text, uint64_t seq, uint64_t boot_ms, void *item)
{
    struct domain_item *it = item;
    enum hufu_err err = domain_get(text, &it->domain);

    (void)boot_ms;
    it->domain.id = be32(it->k.key);
    it->domain.seq = seq;
    if (err != HUFU_OK)
        return err;
    it->domain.originals = originals_new(it->domain.format, it->domain.keep);
    if (it->domain.originals == NULL) {
        domain_clear(&it->domain);
        return HUFU_NOMEM;
    }
    return HUFU_OK;
}

/* False too where memory is missing to tell: the second copy is kept then. */
static bool is_same_format(const struct format *a, const struct format *b)
{
    struct buf text_a, text_b;
    bool same;

    buf_init(&text_a, FORMAT_TEXT_MAX);
    buf_init(&text_b, FORMAT_TEXT_MAX);
    format_print(a, &text_a);
    format_print(b, &text_b);
    same = buf_check(&text_a) == HUFU_OK && buf_check(&text_b) == HUFU_OK &&
           view_equal(buf_view(&text_a), buf_view(&text_b));
    buf_done(&text_a);
    buf_done(&text_b);
    return same;
}

static bool is_same_keep(struct format_keep a, struct format_keep b)
{
    return a.prefix == b.prefix && a.suffix == b.suffix;
}

/* A changed domain keeps its format, by far its largest part, and what is known of its buckets: the
 * version before, which is set aside, only borrows them then. */
static enum hufu_err place_domain(struct directory *d, void *item)
{
    struct domain_item *it = item, *old = shelf_find(&d->domain_id, keyed_view(&it->k));
    bool same = old != NULL && is_same_keep(old->domain.keep, it->domain.keep) &&
                is_same_format(old->domain.format, it->domain.format);

    if (directory_put_bins(d, &it->domain) != HUFU_OK) {
        clear_domain(it);
        free(it);
        return HUFU_NOMEM;
    }
    if (same) {
        originals_free(it->domain.originals);
        it->domain.originals = old->domain.originals;
        format_free(it->domain.format);
        it->domain.format = old->domain.format;
    }
    return put_named(d, &d->domain_id, &d->domain_name, &it->k, it->domain.name, it,
                     same ? NULL : clear_domain);
}

static enum hufu_err read_partner(struct view text, uint64_t seq, uint64_t boot_ms, void *item)
{
    struct partner_item *it = item;
    enum hufu_err err = partner_get(text, &it->partner);

    (void)boot_ms;
    it->partner.id = be32(it->k.key);
    it->partner.seq = seq;
    return err;
}

static enum hufu_err place_partner(struct directory *d, void *item)
{
    struct partner_item *it = item, *old = shelf_find(&d->partner_id, keyed_view(&it->k));
    enum hufu_err err;

    if (old != NULL)
        atomic_store(&it->used_ms, atomic_load(&old->used_ms));
    err = put_named(d, &d->partner_id, &d->partner_name, &it->k, it->partner.name, it, NULL);
    return err == HUFU_OK ? put_pins(d, &it->partner) : err;
}

static enum hufu_err read_user(struct view text, uint64_t seq, uint64_t boot_ms, void *item)
{
    struct user_item *it = item;
    enum hufu_err err = user_get(text, &it->user);

    (void)boot_ms;
    it->user.id = be32(it->k.key);
    it->user.seq = seq;
    return err;
}

/* A changed person keeps the seed: the version before, which is set aside, only borrows it then. */
static enum hufu_err place_user(struct directory *d, void *item)
{
    struct user_item *it = item, *old = shelf_find(&d->user_id, keyed_view(&it->k));
    bool same = old != NULL && secret_equal(old->user.seed, it->user.seed);

    if (same) {
        secret_free(it->user.seed);
        it->user.seed = old->user.seed;
    }
    return put_named(d, &d->user_id, &d->user_name, &it->k, it->user.name, it,
                     same ? NULL : clear_user);
}

/* Sessions, factors, ceremonies: replaced in place, nobody holds a pointer. */
static enum hufu_err place_copied(struct shelf *shelf, struct keyed *k, void *item)
{
    void *old = NULL;
    enum hufu_err err = shelf_put(shelf, keyed_view(k), item, &old);

    free(err == HUFU_OK ? old : item);
    return err;
}

static enum hufu_err read_session(struct view text, uint64_t seq, uint64_t boot_ms, void *item)
{
    struct session_item *it = item;
    enum hufu_err err = session_get(text, &it->session);

    memcpy(it->session.hash, it->k.key, sizeof(it->session.hash));
    it->session.seq = seq;
    atomic_init(&it->used_boot_ms, boot_ms);
    return err;
}

static enum hufu_err place_session(struct directory *d, void *item)
{
    return place_copied(&d->session, &((struct session_item *)item)->k, item);
}

static enum hufu_err read_factor(struct view text, uint64_t seq, uint64_t boot_ms, void *item)
{
    struct factor_item *it = item;
    enum hufu_err err = factor_get(text, &it->factor);

    (void)boot_ms;
    it->factor.user_id = be32(it->k.key);
    it->factor.seq = seq;
    return err;
}

static enum hufu_err place_factor(struct directory *d, void *item)
{
    return place_copied(&d->factor, &((struct factor_item *)item)->k, item);
}

static enum hufu_err read_ceremony(struct view text, uint64_t seq, uint64_t boot_ms, void *item)
{
    struct ceremony_item *it = item;
    enum hufu_err err = ceremony_get(text, &it->ceremony);

    (void)boot_ms;
    memcpy(it->ceremony.id, it->k.key, ID_LEN);
    it->ceremony.seq = seq;
    return err;
}

static enum hufu_err place_ceremony(struct directory *d, void *item)
{
    return place_copied(&d->ceremony, &((struct ceremony_item *)item)->k, item);
}

/* clang-format off */
static const struct kind {
    uint8_t table;
    size_t key_len, size; /* bytes of the row's key; of its item, which begins with struct keyed */
    enum hufu_err (*read)(struct view text, uint64_t seq, uint64_t boot_ms, void *item);
    enum hufu_err (*place)(struct directory *d, void *item); /* takes the item over */
} kinds[] = {
    { TABLE_DOMAIN,   4,      sizeof(struct domain_item),   read_domain,   place_domain },
    { TABLE_PARTNER,  4,      sizeof(struct partner_item),  read_partner,  place_partner },
    { TABLE_USER,     4,      sizeof(struct user_item),     read_user,     place_user },
    { TABLE_SESSION,  32,     sizeof(struct session_item),  read_session,  place_session },
    { TABLE_FACTOR,   4,      sizeof(struct factor_item),   read_factor,   place_factor },
    { TABLE_CEREMONY, ID_LEN, sizeof(struct ceremony_item), read_ceremony, place_ceremony },
};
/* clang-format on */

static enum hufu_err put_item(struct directory *d, const struct kind *kind, const struct keyed *k,
                              uint64_t seq, struct view text, uint64_t boot_ms)
{
    struct keyed *item;
    enum hufu_err err;

    if (k->key_len != kind->key_len)
        return HUFU_CORRUPT;
    item = calloc(1, kind->size);
    if (item == NULL)
        return HUFU_NOMEM;
    *item = *k;
    err = kind->read(text, seq, boot_ms, item);
    if (err != HUFU_OK) {
        free(item);
        return err;
    }
    return kind->place(d, item);
}

static enum hufu_err put_meta(struct directory *d, struct view name, uint64_t seq, struct view text)
{
    enum hufu_err err = HUFU_OK;

    if (view_is(name, "ids")) {
        err = row_ids_get(text, &d->ids);
        d->ids_seq = seq;
        d->has_ids = err == HUFU_OK;
    } else if (view_is(name, "log")) {
        err = log_identity_get(text, &d->log);
        d->has_log = err == HUFU_OK;
    }
    return err;
}

/* Of the decoded rows only sessions are ever taken away; every other one ends in a state. */
static enum hufu_err forget(struct directory *d, uint8_t table, const struct keyed *k)
{
    if (table != TABLE_SESSION)
        return HUFU_CORRUPT;
    free(shelf_remove(&d->session, keyed_view(k)));
    return HUFU_OK;
}

static enum hufu_err apply_locked(struct directory *d, uint8_t table, const struct keyed *k,
                                  uint64_t seq, struct view text, uint64_t boot_ms)
{
    if (directory_is_kept(table))
        return directory_put_kept(d, table, k, seq, text);
    if (text.p == NULL)
        return forget(d, table, k);
    if (table == TABLE_META)
        return put_meta(d, keyed_view(k), seq, text);
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (kinds[i].table == table)
            return put_item(d, &kinds[i], k, seq, text, boot_ms);
    return HUFU_OK;
}

enum hufu_err directory_apply(struct directory *d, struct view key, uint64_t seq, struct view text,
                              uint64_t boot_ms)
{
    struct keyed k = { .key_len = key.len - 1 };
    enum hufu_err err;

    if (key.len < 2 || k.key_len > sizeof(k.key))
        return HUFU_CORRUPT;
    memcpy(k.key, key.p + 1, k.key_len);
    pthread_rwlock_wrlock(&d->lock);
    err = apply_locked(d, key.p[0], &k, seq, text, boot_ms);
    pthread_rwlock_unlock(&d->lock);
    return err;
}
