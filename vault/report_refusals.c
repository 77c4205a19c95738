#include "vault/report_refusals.h"

#include <string.h>

void report_refusals_add(struct report_refusals *all, const struct report *r)
{
    const struct entry_fields *e = &r->entry;

    for (int err = 0; err < HUFU_ERR_COUNT; err++) {
        const char *code = err_code((enum hufu_err)err);

        if (code == NULL || !view_is(e->result, code))
            continue;
        all->count[err] += view_is(e->verb, "refusals") ? report_number(e->reason, "count=") : 1;
        return;
    }
}

/* The next code behind `last`, in order of names, that was counted; HUFU_OK: there is none. */
static enum hufu_err next_code(const struct report_refusals *all, const char *last)
{
    enum hufu_err found = HUFU_OK;

    for (int i = 0; i < HUFU_ERR_COUNT; i++) {
        enum hufu_err err = (enum hufu_err)i;

        if (all->count[i] == 0 || strcmp(err_code(err), last) <= 0)
            continue;
        if (found == HUFU_OK || strcmp(err_code(err), err_code(found)) < 0)
            found = err;
    }
    return found;
}

void report_refusals_print(const struct report_refusals *all, struct json *j)
{
    enum hufu_err err;

    json_open(j);
    for (err = next_code(all, ""); err != HUFU_OK; err = next_code(all, err_code(err)))
        json_put_u64(j, err_code(err), all->count[err]);
    json_close(j);
}
