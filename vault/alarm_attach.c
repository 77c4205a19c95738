/* What a request set off becomes part of its draft: entry, row, suspension. */
#include "vault/alarm_desk.h"

#include <string.h>

#include "vault/base/secret.h"
#include "vault/handle.h"
#include "vault/manage.h"
#include "vault/row.h"

#define PRE_MAX   4 /* the alarm's row, the principal's, two administrators' */
#define WRITE_MAX 2 /* the alarm's row, the principal's */
#define WORDS_MAX 160

struct whom { /* an alarm is about one of them, or about nobody we know */
    const struct user *user;
    const struct partner *partner;
};

static struct whom whom_of(const struct request *req, const struct noted_alarm *n)
{
    if (n->about != NULL)
        return (struct whom){ n->about, NULL };
    return (struct whom){ req->who.user, req->who.user == NULL ? req->who.partner : NULL };
}

static enum alarm_whose whose_of(const struct whom *whom)
{
    if (whom->user != NULL)
        return ALARM_OF_USER;
    return whom->partner != NULL ? ALARM_OF_PARTNER : ALARM_OF_NETWORK;
}

static struct view name_of(const struct request *req, const struct whom *whom)
{
    if (whom->user != NULL)
        return view_str(whom->user->name);
    return view_str(whom->partner != NULL ? whom->partner->name : req->source);
}

/* With fewer than two others nobody could let anyone in again. */
static bool is_last_admin(struct core *core, const struct user *user)
{
    const struct user *other;
    size_t others = 0;

    if (user->role != ROLE_SECURITY_ADMIN)
        return false;
    for (size_t i = 0; (other = directory_user_at(core->dir, i)) != NULL; i++)
        others += other->id != user->id && other->role == ROLE_SECURITY_ADMIN &&
                  other->state == ROW_ACTIVE;
    return others < 2;
}

/* "yes", or why whoever set it off goes on. */
static const char *suspension(struct core *core, unsigned rule, const struct whom *whom)
{
    if (!alarm_suspends(rule) || (whom->user == NULL && whom->partner == NULL))
        return "no";
    if (whom->partner != NULL && conf_u64(core->conf, CONF_ALARM_PARTNERS) == 0)
        return "setting";
    if ((whom->user != NULL ? whom->user->state : whom->partner->state) != ROW_ACTIVE)
        return "already";
    if (whom->user != NULL && is_last_admin(core, whom->user))
        return "last-admins";
    return "yes";
}

static bool is_yes(const char *word)
{
    return strcmp(word, "yes") == 0;
}

size_t alarm_judge(struct request *req)
{
    struct alarms *a = req->core->alarms;
    size_t due = 0;

    for (size_t i = 0; i < req->alarm_count; i++) {
        struct noted_alarm *n = &req->alarm[i];
        struct whom whom = whom_of(req, n);

        if (!n->is_due && n->rule != ALARM_RULE_BREAK_GLASS && /* each time: two agreed to it */
            !is_yes(suspension(req->core, n->rule, &whom))) {
            n->is_due = alarm_days_take(a, n->rule, whose_of(&whom), name_of(req, &whom),
                                        row_day(req->core), req);
            req->alarm_held |= n->is_due;
        } else {
            n->is_due = true;
        }
        due += n->is_due;
    }
    return due;
}

/* An operation before this one changes the row already: two of one draft cannot. */
static bool draft_writes(const struct request *req, size_t before, struct view key)
{
    for (size_t i = 0; i < before; i++)
        for (size_t w = 0; w < req->op[i].write_count; w++)
            if (view_equal(req->op[i].write[w].key, key))
                return true;
    return false;
}

static enum hufu_err freeze_user(struct worker *w, struct request *req, size_t at, struct view key,
                                 const struct user *user)
{
    struct user changed = *user;
    struct store_op *all = req->op;
    struct buf text;
    enum hufu_err err;

    changed.state = ROW_FROZEN;
    manage_end_sessions(w->core, &changed);
    req->op = &all[at]; /* manage.c adds to the first operation */
    err = manage_expect_admins(req, user);
    req->op = all;
    buf_init(&text, MANAGE_ROW_MAX);
    user_put(&changed, &text);
    if (err == HUFU_OK)
        err = row_write_control(w, req, &req->op[at], key, row_seen(user->seq), &text);
    buf_done(&text);
    wipe(&changed, sizeof(changed));
    return err;
}

static enum hufu_err freeze_partner(struct worker *w, struct request *req, size_t at,
                                    struct view key, const struct partner *partner)
{
    struct partner changed = *partner;
    struct buf text;
    enum hufu_err err;

    changed.state = ROW_FROZEN;
    buf_init(&text, MANAGE_ROW_MAX);
    partner_put(&changed, &text);
    err = row_write_control(w, req, &req->op[at], key, row_seen(partner->seq), &text);
    buf_done(&text);
    return err;
}

static struct view row_of(struct request *req, const struct whom *whom)
{
    if (whom->user != NULL)
        return row_numbered_key(req, TABLE_USER, whom->user->id);
    return row_numbered_key(req, TABLE_PARTNER, whom->partner->id);
}

/* Adds the principal's frozen row to operation `at`; *word_out becomes why not, where it cannot. */
static enum hufu_err suspend(struct worker *w, struct request *req, size_t at,
                             const struct whom *whom, const char **word_out)
{
    struct view key = row_of(req, whom);
    enum hufu_err err;

    if (key.p == NULL)
        return HUFU_UNAVAILABLE;
    if (draft_writes(req, at, key)) {
        *word_out = "changing";
        return HUFU_OK;
    }
    err = whom->user != NULL ? freeze_user(w, req, at, key, whom->user)
                             : freeze_partner(w, req, at, key, whom->partner);
    if (err == HUFU_CONFLICT) {
        *word_out = "last-admins";
        req->op[at].pre_count = 0;
        return HUFU_OK;
    }
    return err;
}

static void copy(char *out, size_t out_len, struct view text)
{
    size_t n = text.len < out_len ? text.len : out_len - 1;

    if (n > 0)
        memcpy(out, text.p, n);
    out[n] = '\0';
}

static void copy_str(char *out, size_t out_len, const char *text)
{
    copy(out, out_len, view_str(text == NULL ? "" : text));
}

/* "verb=detokenize result=rate_limited limit=reveals_per_day": what it was that set it off. */
static void print_detail(const struct request *req, const struct noted_alarm *n,
                         struct alarm_row *row)
{
    const char *limit = alarm_setting(n->rule);
    const char *code = req->reply.err == HUFU_OK ? "ok" : err_code(req->reply.err);
    uint8_t mem[ROW_TEXT_MAX];
    struct buf b;

    buf_fixed(&b, mem, sizeof(mem));
    buf_str(&b, "verb=");
    buf_str(&b, req->op[0].entry->verb);
    buf_str(&b, " result=");
    buf_str(&b, code == NULL ? "?" : code);
    if (limit != NULL) {
        buf_str(&b, " limit=");
        buf_str(&b, limit);
    }
    if (n->why[0] != '\0') {
        buf_str(&b, " ");
        buf_str(&b, n->why);
    }
    if (buf_check(&b) == HUFU_OK)
        copy(row->detail, sizeof(row->detail), buf_view(&b));
}

static enum hufu_err fill_row(struct worker *w, const struct request *req,
                              const struct noted_alarm *n, struct alarm_row *row)
{
    const struct entry_draft *cause = req->op[0].entry;
    struct whom whom = whom_of(req, n);
    struct core *core = w->core;

    *row = (struct alarm_row){ .grade = (uint8_t)alarm_grade(n->rule),
                               .whose = (uint8_t)whose_of(&whom),
                               .raised_ms = core_now(core) };
    if (id_make(&w->draw, row->raised_ms, row->id) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    copy_str(row->rule, sizeof(row->rule), alarm_rule_name(n->rule));
    copy(row->principal, sizeof(row->principal), cause->principal);
    copy_str(row->role, sizeof(row->role), cause->role);
    if (whom.user != NULL) {
        row->whose_id = whom.user->id;
        copy_str(row->principal, sizeof(row->principal), whom.user->name);
        copy_str(row->role, sizeof(row->role), role_name(whom.user->role));
    } else if (whom.partner != NULL) {
        row->whose_id = whom.partner->id;
    }
    copy(row->domain, sizeof(row->domain), cause->domain);
    copy(row->request_id, sizeof(row->request_id), req->msg.request_id);
    copy_str(row->source, sizeof(row->source), req->source);
    print_detail(req, n, row);
    if (!core->alarms->has_sink)
        row->delivered_ms = row->raised_ms; /* the journal's line is all there is */
    return HUFU_OK;
}

/* "rule=misses grade=middle", and what came of it. */
static enum hufu_err fill_entry(struct request *req, size_t at, const struct alarm_row *row)
{
    uint8_t *mem = request_take(req, 2 * WORDS_MAX);
    struct entry_draft *e = request_entry(req, at);
    struct buf b;

    if (mem == NULL)
        return HUFU_UNAVAILABLE;
    e->verb = "alarm";
    e->principal = view_str(row->principal);
    e->role = row->role[0] == '\0' ? NULL : row->role;
    e->domain = view_str(row->domain);
    buf_fixed(&b, mem, WORDS_MAX);
    buf_str(&b, "rule=");
    buf_str(&b, row->rule);
    buf_str(&b, " grade=");
    buf_str(&b, alarm_grade_name(row->grade));
    e->purpose = buf_view(&b);
    buf_fixed(&b, mem + WORDS_MAX, WORDS_MAX);
    buf_str(&b, row->detail);
    buf_str(&b, " suspended=");
    buf_str(&b, row->suspended);
    if (row->is_lost)
        buf_str(&b, " spooled=no");
    e->reason = buf_view(&b);
    return buf_check(&b) == HUFU_OK ? HUFU_OK : HUFU_UNAVAILABLE;
}

/* Its row, unless too many wait already: then the entry and the journal's line are what is left. */
static enum hufu_err write_row(struct worker *w, struct request *req, size_t at,
                               struct alarm_row *row)
{
    uint64_t spool = conf_u64(w->core->conf, CONF_ALARM_SPOOL);
    uint64_t max = row->grade == ALARM_HIGH ? spool : spool - spool / 4; /* the rest is for those */
    struct view key = row_plain_key(req, TABLE_ALARM, view_of(row->id, ID_LEN));
    uint8_t mem[ALARM_ROW_MAX];
    struct buf text;

    row->is_lost = directory_kept_count(w->core->dir, TABLE_ALARM) >= max;
    if (row->is_lost)
        return HUFU_OK;
    buf_fixed(&text, mem, sizeof(mem));
    alarm_row_put(row, &text);
    return row_write_control(w, req, &req->op[at], key, row_seen(STORE_ABSENT), &text);
}

static enum hufu_err attach_one(struct worker *w, struct request *req, const struct noted_alarm *n,
                                size_t at, struct alarm_row *row)
{
    struct whom whom = whom_of(req, n);
    const char *word = suspension(w->core, n->rule, &whom);
    enum hufu_err err;

    err = fill_row(w, req, n, row);
    if (err == HUFU_OK && is_yes(word))
        err = suspend(w, req, at, &whom, &word);
    if (err != HUFU_OK)
        return err;
    copy_str(row->suspended, sizeof(row->suspended), word);
    err = write_row(w, req, at, row);
    return err == HUFU_OK ? fill_entry(req, at, row) : err;
}

static enum hufu_err attach_all(struct worker *w, struct request *req, size_t due)
{
    size_t at = req->draft.op_count;
    enum hufu_err err = HUFU_OK;

    req->raised = request_take(req, due * sizeof(*req->raised));
    if (req->raised == NULL || request_ops_more(req, due, PRE_MAX, WRITE_MAX) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    for (size_t i = 0; i < req->alarm_count && err == HUFU_OK; i++) {
        if (!req->alarm[i].is_due)
            continue;
        err = attach_one(w, req, &req->alarm[i], at++, &req->raised[req->raised_count++]);
    }
    return err;
}

enum hufu_err alarm_attach(struct worker *w, struct request *req)
{
    size_t due = alarm_judge(req), had = req->draft.op_count;

    if (due == 0 || attach_all(w, req, due) == HUFU_OK)
        return HUFU_OK;
    req->draft.op_count = had;
    req->raised_count = 0;
    return HUFU_UNAVAILABLE;
}
