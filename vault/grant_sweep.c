/* What becomes of grants by itself: past their time they expire, without who asked they are void,
 * and after 400 days their rows go. */
#include "vault/grant_life.h"

#include <stdlib.h>
#include <string.h>

#include "vault/handle.h"

#define LOOK_MAX 256  /* rows in one step */
#define PAUSE_MS 5000 /* between two walks */
#define KEPT_MS  (400ULL * ROW_DAY_MS)
#define ABOUT    64 /* bytes of "grant=ID" */

struct flight { /* one operation on its way; freed when it is settled */
    struct request req;
    uint8_t about[ABOUT];
};

static void drop(struct flight *fl)
{
    arena_done(&fl->req.work);
    free(fl);
}

static void settled(struct store_draft *draft)
{
    drop(draft->arg);
}

/* The verb of the entry that g's time has come for; NULL: it has not. Changes its state. */
static const char *judge(struct core *core, struct grant *g)
{
    uint64_t now = core_now(core);

    if (now >= g->expires_ms && now - g->expires_ms >= KEPT_MS)
        return "grant-remove";
    if (!grant_is_open(g))
        return NULL;
    grant_age(core, g);
    if (g->state == GRANT_EXPIRED)
        return "grant-expire";
    if (grant_asker(core, g) != NULL)
        return NULL;
    g->state = GRANT_WITHDRAWN; /* it does not come back with the person */
    return "grant-void";
}

static enum hufu_err fill(struct worker *w, struct flight *fl, const struct grant *g,
                          const char *verb)
{
    const struct user *user = directory_user_id(w->core->dir, g->user_id);
    struct store_op *op = &fl->req.op[0];
    char id[ID_TEXT_LEN + 1];
    struct view key;
    struct buf text;

    id_print(g->id, id);
    buf_fixed(&text, fl->about, sizeof(fl->about));
    buf_str(&text, "grant=");
    buf_str(&text, id);
    op->entry->verb = verb;
    op->entry->purpose = buf_view(&text);
    if (user != NULL)
        op->entry->principal = view_str(user->name);
    if (strcmp(verb, "grant-remove") != 0)
        return grant_write(w, &fl->req, op, g);
    key = row_plain_key(&fl->req, TABLE_GRANT, view_of(g->id, sizeof(g->id)));
    if (key.p == NULL)
        return HUFU_UNAVAILABLE;
    op_expect(op, key, row_seen(g->seq));
    op_write(op, key, NULL, 0);
    return HUFU_OK;
}

static bool submit(struct worker *w, const struct grant *g, const char *verb)
{
    struct flight *fl = calloc(1, sizeof(*fl));

    if (fl == NULL)
        return false;
    fl->req.core = w->core;
    fl->req.domain = directory_domain_id(w->core->dir, g->domain_id);
    arena_init(&fl->req.work, w->core->pool);
    fl->req.draft.done = settled;
    fl->req.draft.arg = fl;
    if (request_ops(&fl->req, 1, 1, 1, 0) == HUFU_OK && fill(w, fl, g, verb) == HUFU_OK &&
        store_submit(w->core->store, &fl->req.draft) == HUFU_OK)
        return true;
    drop(fl);
    return false;
}

bool grant_sweep(struct worker *w)
{
    struct grant_walk *walk = &w->core->sweeps.grants;
    uint64_t boot = core_boot(w->core);
    struct grant g;
    const char *verb;

    if (boot < walk->due_boot_ms)
        return false;
    for (int i = 0; i < LOOK_MAX; i++) {
        if (grant_next(w->core, walk->at, walk->at_len, &g) != HUFU_OK) {
            walk->at_len = 0;
            walk->due_boot_ms = boot + PAUSE_MS;
            return false;
        }
        memcpy(walk->at, g.id, ID_LEN);
        walk->at_len = ID_LEN;
        verb = judge(w->core, &g);
        if (verb != NULL)
            return submit(w, &g, verb);
    }
    return false;
}
