/*
 * subject_calls.h - requests about data subjects, for the tests of the core.
 *
 * Layer:   tests. Includes tests/life_calls.h.
 * Threads: one.
 */
#ifndef HUFU_TESTS_SUBJECT_CALLS_H
#define HUFU_TESTS_SUBJECT_CALLS_H

#include "tests/life_calls.h"
#include "vault/subject_case.h"

#define SUBJECT_ID_TEXT (ID_TEXT_LEN + 1)

/* Tokenizes one value about subject (NULL: nobody); the token goes into out. */
static inline const struct rig_reply *subject_send(struct core_rig *rig, const struct rig_who *who,
                                                   const char *domain, const char *value,
                                                   const char *subject,
                                                   char out[static LIFE_TOKEN_MAX])
{
    const struct rig_reply *r;
    struct buf b;

    buf_init(&b, 1024);
    msg_put_text(&b, MSG_DOMAIN, view_str(domain));
    msg_put_text(&b, MSG_VALUE, view_str(value));
    if (subject != NULL)
        msg_put_text(&b, MSG_SUBJECT, view_str(subject));
    r = rig_call(rig, VERB_TOKENIZE, who, buf_view(&b));
    buf_done(&b);
    if (r->err == HUFU_OK)
        RIG_CHECK(rig_member(r->body, "token", out, LIFE_TOKEN_MAX) != NULL);
    return r;
}

/* A card number of 16 digits with a right check digit; each n < 10^9 another, in another bucket. */
static inline void subject_pan(unsigned n, char out[static 17])
{
    int sum = 0;

    snprintf(out, 17, "40000%010u0", n % 1000000000U);
    for (int i = 0; i < 15; i++) {
        int d = out[14 - i] - '0';

        if (i % 2 == 0)
            d = 2 * d > 9 ? 2 * d - 9 : 2 * d;
        sum += d;
    }
    out[15] = (char)('0' + (10 - sum % 10) % 10);
}

/* A batch of count values, pan(first) and on; subject[i] NULL: none. The reply's tokens are not
 * read. */
static inline const struct rig_reply *subject_batch(struct core_rig *rig, const struct rig_who *who,
                                                    const char *domain, unsigned first,
                                                    size_t count, const char *const *subject)
{
    const struct rig_reply *r;
    struct buf b, list, item;
    char value[17];

    buf_init(&b, 1 << 20);
    buf_init(&list, 1 << 20);
    for (size_t i = 0; i < count; i++) {
        buf_init(&item, 1024);
        subject_pan(first + (unsigned)i, value);
        msg_put_text(&item, MSG_VALUE, view_str(value));
        if (subject[i] != NULL)
            msg_put_text(&item, MSG_SUBJECT, view_str(subject[i]));
        buf_lv32(&list, item.p, item.len);
        buf_done(&item);
    }
    msg_put_text(&b, MSG_DOMAIN, view_str(domain));
    msg_put_text(&b, MSG_VALUES, buf_view(&list));
    r = rig_call(rig, VERB_TOKENIZE, who, buf_view(&b));
    buf_done(&list);
    buf_done(&b);
    return r;
}

static inline const struct rig_reply *subject_ask(struct core_rig *rig, const char *session,
                                                  const char *subject, const char *kind)
{
    struct rig_who who = { .session = session };
    const struct rig_reply *r;
    struct buf b;

    buf_init(&b, 1024);
    msg_put_text(&b, MSG_SUBJECT, view_str(subject));
    msg_put_text(&b, MSG_REASON, view_str("letter of 3 May"));
    msg_put_text(&b, MSG_KIND, view_str(kind));
    r = rig_call(rig, VERB_SUBJECT_ASK, &who, buf_view(&b));
    buf_done(&b);
    return r;
}

/* A call by the case's id alone: show, approve, deny, report. */
static inline void subject_put_id(struct buf *b, const char *id)
{
    msg_put_text(b, MSG_ID, view_str(id));
}

static inline const struct rig_reply *subject_by_id(struct core_rig *rig, uint16_t verb,
                                                    const char *session, const char *id)
{
    struct rig_who who = { .session = session };
    const struct rig_reply *r;
    struct buf b;

    buf_init(&b, 256);
    subject_put_id(&b, id);
    r = rig_call(rig, verb, &who, buf_view(&b));
    buf_done(&b);
    return r;
}

/* The page of a report behind `after` (NULL: the first), of limit tokens (0: as it comes). */
static inline const struct rig_reply *subject_page(struct core_rig *rig, const char *session,
                                                   const char *id, uint64_t limit,
                                                   const char *after)
{
    struct rig_who who = { .session = session };
    const struct rig_reply *r;
    struct buf b;

    buf_init(&b, 256);
    subject_put_id(&b, id);
    if (limit > 0)
        msg_put_u64(&b, MSG_LIMIT, limit);
    if (after != NULL)
        msg_put_text(&b, MSG_AFTER, view_str(after));
    r = rig_call(rig, VERB_SUBJECT_REPORT, &who, buf_view(&b));
    buf_done(&b);
    return r;
}

/* Asks by one and approves by another; the case's id goes into id. What it begins may not be done
 * yet. */
static inline void subject_agree(struct core_rig *rig, const char *asker, const char *approver,
                                 const char *subject, const char *kind,
                                 char id[static SUBJECT_ID_TEXT])
{
    const struct rig_reply *r = subject_ask(rig, asker, subject, kind);

    RIG_CHECK(r->err == HUFU_OK && r->success == MSG_201);
    RIG_CHECK(rig_member(r->body, "id", id, SUBJECT_ID_TEXT) != NULL);
    r = subject_by_id(rig, VERB_SUBJECT_APPROVE, approver, id);
    RIG_CHECK(r->err == HUFU_OK);
}

/* Lets everybody work until nobody gets on. */
static inline void subject_settle(struct core_rig *rig)
{
    for (int i = 0; i < RIG_STEPS_MAX && rig_round(rig); i++)
        continue;
}

/* The case as its row has it. */
static inline struct case_row subject_case_of(struct core_rig *rig, const char *id)
{
    uint8_t bytes[ID_LEN];
    struct case_row c;

    RIG_CHECK(id_parse(view_str(id), bytes) == HUFU_OK);
    RIG_CHECK(subject_case_find(&rig->core, bytes, &c) == HUFU_OK);
    return c;
}

struct subject_rows { /* of TABLE_SUBJECT: how many, and the mark of the last */
    size_t count;
    uint8_t mark;
    char token[LIFE_TOKEN_MAX];
};

static inline bool subject_row(void *arg, struct view key, uint64_t seq, struct view image)
{
    struct subject_rows *rows = arg;
    size_t at = 1 + CASE_DIGEST_LEN + 4;

    (void)seq;
    RIG_CHECK(key.len > at && key.len - at < sizeof(rows->token) && image.len == 1);
    rows->count++;
    rows->mark = image.p[0];
    memcpy(rows->token, key.p + at, key.len - at);
    rows->token[key.len - at] = '\0';
    return true;
}

/* The rows of one subject; NULL: of all. */
static inline struct subject_rows subject_rows_of(struct core_rig *rig, const char *subject)
{
    uint8_t mem[1 + CASE_DIGEST_LEN] = { TABLE_SUBJECT }, next_mem[STORE_KEY_MAX];
    struct view prefix = view_of(mem, subject == NULL ? 1 : sizeof(mem));
    struct subject_rows rows = { 0 };
    struct buf next;

    if (subject != NULL)
        RIG_CHECK(subject_digest(&rig->worker, view_str(subject), mem + 1) == HUFU_OK);
    buf_fixed(&next, next_mem, sizeof(next_mem));
    RIG_CHECK(store_scan(rig->worker.reader, prefix, prefix, SIZE_MAX, subject_row, &rows, &next) ==
              HUFU_OK);
    return rows;
}

#endif
