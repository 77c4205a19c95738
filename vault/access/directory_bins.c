/* The token BINs of all domains: a card number that begins with one is a token, not a card's. */
#include "vault/access/directory_inner.h"

#include <stdlib.h>

#include "vault/format/format_bin.h"

/* Called under the lock. Domains never go, so neither do their BINs; the same list is kept once. */
enum hufu_err directory_put_bins(struct directory *d, const struct domain *domain)
{
    const struct bins *bins = format_bins(domain->format);
    struct bins_item *item;

    if (bins == NULL)
        return HUFU_OK;
    for (item = atomic_load(&d->bins); item != NULL; item = item->next)
        if (bins_equal(&item->bins, bins))
            return HUFU_OK;
    item = malloc(sizeof(*item));
    if (item == NULL)
        return HUFU_NOMEM;
    *item = (struct bins_item){ atomic_load(&d->bins), *bins };
    atomic_store(&d->bins, item);
    return HUFU_OK;
}

void directory_free_bins(struct directory *d)
{
    struct bins_item *next;

    for (struct bins_item *item = atomic_load(&d->bins); item != NULL; item = next) {
        next = item->next;
        free(item);
    }
}

bool directory_has_bin(struct directory *d, struct view digits)
{
    for (struct bins_item *item = atomic_load(&d->bins); item != NULL; item = item->next)
        if (bins_has(&item->bins, digits))
            return true;
    return false;
}
