/*
 * report_calls.h - reports asked of the core of core_rig.h, read as JSON, page by page.
 *
 * Layer:   tests/. Includes tests/core_suite.h, tests/life_calls.h; Jansson.
 * Threads: one.
 */
#ifndef HUFU_TESTS_REPORT_CALLS_H
#define HUFU_TESTS_REPORT_CALLS_H

#include <jansson.h>

#include "tests/life_calls.h"

#include "tests/core_suite.h"

struct report_ask {
    uint16_t verb;
    const char *about; /* user or partner; NULL: neither */
    const char *since, *until, *after;
    uint64_t limit; /* 0: not said */
};

static inline const struct rig_reply *report_call(const char *session, const struct report_ask *a)
{
    const struct rig_who who = { .session = session };
    const struct rig_reply *r;
    struct buf b;

    buf_init(&b, 1024);
    if (a->about != NULL && a->verb == VERB_REPORT_IMPACT)
        msg_put_text(&b, MSG_USER, view_str(a->about));
    if (a->about != NULL && a->verb == VERB_REPORT_PARTNER)
        msg_put_text(&b, MSG_NAME, view_str(a->about));
    if (a->limit > 0)
        msg_put_u64(&b, MSG_LIMIT, a->limit);
    if (a->after != NULL)
        msg_put_text(&b, MSG_AFTER, view_str(a->after));
    if (a->since != NULL)
        msg_put_text(&b, MSG_SINCE, view_str(a->since));
    if (a->until != NULL)
        msg_put_text(&b, MSG_UNTIL, view_str(a->until));
    r = rig_call(&rig, a->verb, &who, buf_view(&b));
    buf_done(&b);
    return r;
}

/* A page; json_decref it. */
static inline json_t *report_page(const char *session, const struct report_ask *a)
{
    const struct rig_reply *r = report_call(session, a);
    json_t *root;

    if (r->err != HUFU_OK)
        fprintf(stderr, "report: %s tag %u\n", err_name(r->err), r->where.tag);
    RIG_CHECK(r->err == HUFU_OK);
    root = json_loadb(r->body, r->body_len, 0, NULL);
    RIG_CHECK(json_is_object(root));
    return root;
}

/* All pages of `limit` items: their items in one list, and how many pages there were. Each page's
 * other numbers are given to add(), where there is one. */
static inline json_t *report_items(const char *session, const struct report_ask *a, size_t *pages,
                                   void (*add)(void *arg, json_t *page), void *arg)
{
    struct report_ask ask = *a;
    json_t *all = json_array();
    char after[32] = "", until[32] = "";

    *pages = 0;
    do {
        json_t *page = report_page(session, &ask);
        const char *next = json_string_value(json_object_get(page, "next"));

        RIG_CHECK(json_array_size(json_object_get(page, "items")) <=
                  (ask.limit == 0 ? 100 : ask.limit));
        (void)json_array_extend(all, json_object_get(page, "items"));
        if (add != NULL)
            add(arg, page);
        snprintf(until, sizeof(until), "%s", json_string_value(json_object_get(page, "until")));
        snprintf(after, sizeof(after), "%s", next == NULL ? "" : next);
        ask.after = after;
        ask.until = until;
        json_decref(page);
        (*pages)++;
    } while (after[0] != '\0');
    return all;
}

static inline const char *report_text(const json_t *item, const char *name)
{
    const char *text = json_string_value(json_object_get(item, name));

    return text == NULL ? "" : text;
}

struct report_entry { /* an entry that a test puts into the log itself */
    struct store_draft draft;
    struct store_op op[64];
    struct entry_draft entry;
    bool done;
};

static inline void report_put_done(struct store_draft *draft)
{
    struct report_entry *e = draft->arg;

    e->done = true;
}

/* Puts n entries as they are into the log, 64 at most. */
static inline void report_put(const struct entry_draft *entry, size_t n)
{
    static struct report_entry e;

    memset(&e, 0, sizeof(e));
    e.entry = *entry;
    for (size_t i = 0; i < n; i++)
        e.op[i].entry = &e.entry;
    e.draft.op = e.op;
    e.draft.op_count = n;
    e.draft.done = report_put_done;
    e.draft.arg = &e;
    RIG_CHECK(n <= 64 && store_submit(rig.core.store, &e.draft) == HUFU_OK);
    while (!e.done)
        (void)store_journal_step(rig.core.store);
    RIG_CHECK(e.draft.err == HUFU_OK);
}

#endif
