/*
 * alarm_calls.h - alarms for the tests of the core: set off by hand, looked at in directory and
 * log.
 *
 * Layer:   tests. Includes tests/life_calls.h.
 * Threads: one.
 */
#ifndef HUFU_TESTS_ALARM_CALLS_H
#define HUFU_TESTS_ALARM_CALLS_H

#include "tests/life_calls.h"
#include "vault/alarm_desk.h"
#include "vault/row.h"

/* A new vault with settings of its own, up to a NULL. */
static inline void alarm_start(struct core_rig *rig, struct fake_hsm *hsm, const char *const *set)
{
    fake_hsm_init(hsm);
    rig_init(rig, hsm);
    for (; *set != NULL; set++)
        rig_set(rig, *set);
    RIG_CHECK(rig_open(rig) == HUFU_OK);
    RIG_CHECK(rig_setup(rig) == HUFU_OK);
    rig_crash(rig);
    RIG_CHECK(rig_open(rig) == HUFU_OK);
    RIG_CHECK(rig_unseal(rig));
}

struct alarm_flight { /* an operation of nobody's that sets off a rule */
    struct request req;
    enum hufu_err err;
    bool done;
};

static inline void alarm_flown(struct store_draft *draft)
{
    struct alarm_flight *f = draft->arg;

    f->err = draft->err;
    f->done = true;
    alarm_settle(&f->req, draft->err == HUFU_OK);
}

/* Drafts an entry "probe" with the rule; user NULL: about nobody. The caller may change it yet. */
static inline void alarm_draft(struct core_rig *rig, struct alarm_flight *f, enum alarm_rule rule,
                               const char *user)
{
    *f = (struct alarm_flight){ .req = { .core = &rig->core } };
    f->req.msg.request_id = view_str("probe-1");
    f->req.draft.done = alarm_flown;
    f->req.draft.arg = f;
    arena_init(&f->req.work, rig->core.pool);
    RIG_CHECK(request_ops(&f->req, 1, 2, 1, 0) == HUFU_OK);
    request_entry(&f->req, 0)->verb = "probe";
    if (user == NULL)
        alarm_note(&f->req, rule);
    else
        alarm_note_about(&f->req, rule, directory_user(rig->core.dir, view_str(user)));
}

/* Attaches, commits and clears up. */
static inline enum hufu_err alarm_commit(struct core_rig *rig, struct alarm_flight *f)
{
    RIG_CHECK(alarm_attach(&rig->worker, &f->req) == HUFU_OK);
    RIG_CHECK(store_submit(rig->core.store, &f->req.draft) == HUFU_OK);
    while (!f->done)
        RIG_CHECK(store_journal_step(rig->core.store));
    arena_done(&f->req.work);
    return f->err;
}

static inline void alarm_raise(struct core_rig *rig, enum alarm_rule rule, const char *user)
{
    struct alarm_flight f;

    alarm_draft(rig, &f, rule, user);
    RIG_CHECK(alarm_commit(rig, &f) == HUFU_OK);
}

static inline size_t alarm_rows(struct core_rig *rig)
{
    return directory_kept_count(rig->core.dir, TABLE_ALARM);
}

/* The i-th row, which there is. */
static inline struct alarm_row alarm_at(struct core_rig *rig, size_t i)
{
    uint8_t id[ID_LEN], mem[ALARM_ROW_MAX];
    struct buf key, text;
    struct alarm_row row;
    uint64_t seq;

    buf_fixed(&key, id, sizeof(id));
    buf_fixed(&text, mem, sizeof(mem));
    RIG_CHECK(directory_kept_at(rig->core.dir, TABLE_ALARM, i, &key, &text, &seq) == HUFU_OK);
    RIG_CHECK(alarm_row_get(buf_view(&text), &row) == HUFU_OK);
    memcpy(row.id, id, ID_LEN);
    row.seq = seq;
    return row;
}

/* Entries about alarms that hold the words. */
static inline size_t alarm_entries(struct core_rig *rig, const char *words)
{
    struct life_lines lines;

    return life_find_lines(rig, &lines, 0, "\"verb\":\"alarm\"", words, NULL);
}

static inline unsigned alarm_state_of(struct core_rig *rig, const char *user)
{
    return directory_user(rig->core.dir, view_str(user))->state;
}

/* POST /v1/alarms/{id}/review */
static inline const struct rig_reply *alarm_review(struct core_rig *rig, const char *session,
                                                   const uint8_t id[static ID_LEN],
                                                   const char *reason)
{
    struct rig_who who = { .session = session };
    char text[ID_TEXT_LEN + 1];
    const struct rig_reply *r;
    struct buf b;

    id_print(id, text);
    buf_init(&b, 512);
    msg_put_text(&b, MSG_REASON, view_str(reason));
    msg_put_text(&b, MSG_ID, view_str(text));
    r = rig_call(rig, VERB_ALARM_REVIEW, &who, buf_view(&b));
    buf_done(&b);
    return r;
}

#endif
