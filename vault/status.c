/* Readiness. */
#include "vault/handle.h"

#include "vault/base/json.h"

/* The body, which names the part that is missing; returns err, or UNAVAILABLE without a body. */
static enum hufu_err say(struct request *req, const char *status, const char *part,
                         enum hufu_err err)
{
    struct json j;

    if (request_body(req, 256) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    json_init(&j, &req->body);
    json_open(&j);
    if (part != NULL)
        json_put_str(&j, "part", part);
    json_put_str(&j, "status", status);
    json_close(&j);
    return err;
}

enum hufu_err handle_status(struct worker *w, struct request *req, struct msg_where *where)
{
    const char *part = atomic_load(&w->core->part);

    (void)where;
    if (atomic_load(&w->core->phase) != CORE_OPEN)
        return say(req, "sealed", part == NULL ? "starting" : part, HUFU_SEALED);
    if (!store_is_sound(w->core->store))
        return say(req, "unavailable", "store", HUFU_UNAVAILABLE);
    if (!signer_is_fresh(w->core->signer))
        return say(req, "unavailable", "log-signature", HUFU_UNAVAILABLE);
    return say(req, "ready", NULL, HUFU_OK);
}
