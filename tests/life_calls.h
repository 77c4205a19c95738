/*
 * life_calls.h - requests about the life of a token, for the tests of the core.
 *
 * Layer:   tests. Includes tests/core_calls.h.
 * Threads: one.
 */
#ifndef HUFU_TESTS_LIFE_CALLS_H
#define HUFU_TESTS_LIFE_CALLS_H

#include "tests/core_calls.h"

#define LIFE_TOKEN_MAX 64

/* Puts domain, value, token and reason, those that are not NULL. */
static inline void life_put(struct buf *b, const char *domain, const char *value, const char *token,
                            const char *reason)
{
    msg_put_text(b, MSG_DOMAIN, view_str(domain));
    if (value != NULL)
        msg_put_text(b, MSG_VALUE, view_str(value));
    if (token != NULL)
        msg_put_text(b, MSG_TOKEN, view_str(token));
    if (reason != NULL)
        msg_put_text(b, MSG_REASON, view_str(reason));
}

static inline const struct rig_reply *life_call(struct core_rig *rig, uint16_t verb,
                                                const struct rig_who *who, const char *domain,
                                                const char *value, const char *token,
                                                const char *reason)
{
    const struct rig_reply *r;
    struct buf b;

    buf_init(&b, 1024);
    life_put(&b, domain, value, token, reason);
    r = rig_call(rig, verb, who, buf_view(&b));
    buf_done(&b);
    return r;
}

/* Hands it in only. */
static inline uint64_t life_submit(struct core_rig *rig, uint16_t verb, const struct rig_who *who,
                                   const char *domain, const char *value, const char *token,
                                   const char *reason)
{
    struct buf b;
    uint64_t id;

    buf_init(&b, 1024);
    life_put(&b, domain, value, token, reason);
    id = rig_submit(rig, verb, who, buf_view(&b));
    buf_done(&b);
    return id;
}

/* A mapping with a life in seconds and counted uses, 0 for none. */
static inline void life_token(struct core_rig *rig, const struct rig_who *who, const char *domain,
                              const char *value, uint64_t life_s, uint64_t uses,
                              char out[static LIFE_TOKEN_MAX])
{
    const struct rig_reply *r;
    struct buf b;

    buf_init(&b, 1024);
    life_put(&b, domain, value, NULL, NULL);
    if (life_s > 0)
        msg_put_u64(&b, MSG_EXPIRES_IN, life_s);
    if (uses > 0)
        msg_put_u64(&b, MSG_USES, uses);
    r = rig_call(rig, VERB_TOKENIZE, who, buf_view(&b));
    buf_done(&b);
    RIG_CHECK(r->err == HUFU_OK && rig_member(r->body, "token", out, LIFE_TOKEN_MAX) != NULL);
}

static inline uint64_t life_log_size(struct core_rig *rig)
{
    struct merkle log;

    store_log(rig->core.store, &log);
    return log.size;
}

struct life_lines { /* of the log: how many hold all of part, and the last of them */
    const char *part[3];
    size_t count;
    char last[ENTRY_LINE_MAX + 1];
};

static inline bool life_line(void *arg, uint64_t index, struct view line)
{
    struct life_lines *found = arg;
    char text[ENTRY_LINE_MAX + 1];

    (void)index;
    memcpy(text, line.p, line.len);
    text[line.len] = '\0';
    for (size_t i = 0; i < 3; i++)
        if (found->part[i] != NULL && strstr(text, found->part[i]) == NULL)
            return true;
    found->count++;
    memcpy(found->last, text, line.len + 1);
    return true;
}

/* Lines from index `from` on that hold a, b and c (NULL: anything). */
static inline size_t life_find_lines(struct core_rig *rig, struct life_lines *found, uint64_t from,
                                     const char *a, const char *b, const char *c)
{
    *found = (struct life_lines){ .part = { a, b, c } };
    RIG_CHECK(store_entries(rig->worker.reader, from, life_log_size(rig) - from, life_line,
                            found) == HUFU_OK);
    return found->count;
}

#endif
