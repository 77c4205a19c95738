/* A piece of an export: which tokens, whether they may be released, their entries, the file. */
#include "vault/export_run.h"

#include <string.h>

#include "vault/alarm.h"
#include "vault/base/log.h"
#include "vault/ff1_domain.h"
#include "vault/handle.h"
#include "vault/keys/envelope.h"
#include "vault/reveal_seen.h"
#include "vault/token.h"

#define PIECE_MAX 128  /* values of one commit: others wait no longer than for a batch */
#define WALK_MAX  4096 /* rows that one piece looks at */
#define KEY_HEAD  5    /* of a token's row: table, domain */
#define LINE_MAX  (FORMAT_TOKEN_MAX + 2 * FORMAT_VALUE_MAX + 8) /* of the file: value quoted */

struct item {
    struct token token; /* SECRET */
    enum hufu_err err;
};

struct piece {
    struct keeper *k;
    const struct export_row *row;
    struct item *item;
    size_t count, good; /* good: with a value that may be released */
    bool is_planted;
    uint8_t purpose[REVEAL_SEEN_PURPOSE_LEN]; /* in the rows of who let which value out */
    struct grant_use use;
    struct recipient to;
};

enum export_turn export_judge(struct keeper *k, const struct export_row *row,
                              const uint8_t *token_ids, size_t count, struct grant_use *use,
                              struct recipient *to, const char **why)
{
    enum hufu_err err;

    if (k->req.domain == NULL || !signer_is_fresh(k->core->signer))
        return EXPORT_TURN_WAIT; /* nobody could check the log: nothing is released */
    *why = "recipient";
    if (share_recipient(k->core, view_str(row->recipient), to) != HUFU_OK || to->cert_len == 0)
        return EXPORT_TURN_STOP;
    *why = "grant";
    err = grant_judge(&k->w, &k->req, token_ids, count, use);
    k->req.draft = (struct store_draft){ 0 }; /* a refusal's entry: ours says more */
    if (err == HUFU_GRANT_REQUIRED)
        return EXPORT_TURN_STOP;
    return err == HUFU_OK ? EXPORT_TURN_ON : EXPORT_TURN_WAIT;
}

struct walk { /* what a chunk of the domain's rows is looked at for */
    struct keeper *k;
    const struct export_row *row;
    struct piece *into; /* NULL: they are only counted */
    uint64_t now_ms;
    bool is_short; /* of memory */
};

/* By the header alone, which opening proves. What came later than the request is not of it. */
static bool has_value(const struct walk *w, struct view image)
{
    struct record rec = { 0 };
    struct view header;
    uint32_t version;

    return envelope_peek(image, &version, &header) == HUFU_OK &&
           record_get_header(header, &rec) == HUFU_OK && rec.state == RECORD_ACTIVE &&
           rec.planted == 0 && !record_is_expired(&rec, w->now_ms) &&
           rec.created_ms <= w->row->began_ms;
}

static bool set_token(struct keeper *k, struct view text, struct token *t)
{
    if (text.len == 0 || text.len > sizeof(t->text))
        return false;
    memcpy(t->text, text.p, text.len);
    t->len = text.len;
    t->key = row_token_key(&k->req, k->req.domain->id, view_of(t->text, t->len));
    return t->key.p != NULL &&
           row_token_id(&k->w, k->req.domain->id, view_of(t->text, t->len), t->id) == HUFU_OK;
}

static bool see(void *arg, struct view key, uint64_t seq, struct view image)
{
    struct walk *w = arg;
    struct piece *p = w->into;

    (void)seq;
    if (key.len <= KEY_HEAD || !has_value(w, image))
        return true;
    if (p == NULL) {
        w->k->exporting->counted++;
        return true;
    }
    w->is_short =
        !set_token(w->k, view_of(key.p + KEY_HEAD, key.len - KEY_HEAD), &p->item[p->count].token);
    return !w->is_short && ++p->count < PIECE_MAX;
}

/* A chunk of the domain's rows from where the last one ended. *next gets where the next begins. */
static bool walk_on(struct keeper *k, const struct export_row *row, struct piece *into,
                    struct buf *next)
{
    struct export_run *run = k->exporting;
    struct walk w = { .k = k, .row = row, .into = into, .now_ms = core_now(k->core) };
    uint8_t prefix_mem[KEY_HEAD];
    struct view from;
    struct buf prefix;

    buf_fixed(&prefix, prefix_mem, sizeof(prefix_mem));
    buf_u8(&prefix, TABLE_TOKEN);
    buf_be32(&prefix, row->domain_id);
    from = run->next_len == 0 ? buf_view(&prefix) : view_of(run->next, run->next_len);
    return store_scan(k->w.reader, buf_view(&prefix), from, WALK_MAX, see, &w, next) == HUFU_OK &&
           !w.is_short;
}

static void go_on(struct export_run *run, const struct buf *next)
{
    if (next->len > 0)
        memcpy(run->next, next->p, next->len);
    run->next_len = next->len;
}

enum export_turn export_count(struct keeper *k, const struct export_row *row, const char **why)
{
    struct export_run *run = k->exporting;
    uint64_t before = run->counted, max = conf_u64(k->core->conf, CONF_EXPORT_MAX);
    uint8_t mem[STORE_KEY_MAX];
    struct grant_use use = { 0 };
    struct recipient to;
    struct view words;
    struct buf next;
    enum export_turn turn;

    turn = export_judge(k, row, NULL, 1, &use, &to, why);
    if (turn != EXPORT_TURN_ON)
        return turn;
    buf_fixed(&next, mem, sizeof(mem));
    if (!walk_on(k, row, NULL, &next)) {
        run->counted = before;
        return EXPORT_TURN_WAIT;
    }
    go_on(run, &next);
    run->is_counted = next.len == 0;
    if (run->counted > use.grant.remaining) {
        /* Nothing is out yet, and the partners may have added tokens meanwhile: nobody is
         * suspended. */
        *why = "exceeded";
        if (grant_words(&k->req, &use.grant, *why, &words) != HUFU_OK)
            return EXPORT_TURN_WAIT;
        alarm_note_why(&k->req, ALARM_RULE_GRANT_EXCEEDED, words);
        return EXPORT_TURN_STOP;
    }
    *why = "too-many";
    return run->counted > max ? EXPORT_TURN_STOP : EXPORT_TURN_ON;
}

/* The next tokens that the row names; where the piece after them begins. */
static bool take_names(struct piece *p, size_t *at_out)
{
    struct export_run *run = p->k->exporting;
    struct view names = p->row->tokens;
    struct reader r;

    reader_init(&r, names.p + run->at, names.len - run->at);
    while (r.left > 0 && p->count < PIECE_MAX) {
        struct view text = reader_lv8(&r, FORMAT_TOKEN_MAX);

        if (!set_token(p->k, text, &p->item[p->count].token))
            return false;
        p->count++;
    }
    *at_out = names.len - r.left;
    return true;
}

/* What stands behind each: as detokenize judges it. False: the store or a record is damaged. */
static bool find_values(struct piece *p)
{
    uint64_t now = core_now(p->k->core);

    for (size_t i = 0; i < p->count; i++) {
        struct item *it = &p->item[i];
        struct record *rec = &it->token.rec;

        it->err = token_find(&p->k->w, &p->k->req, &it->token);
        p->is_planted = p->is_planted || (it->err == HUFU_OK && rec->planted != 0);
        if (it->err == HUFU_OK && (rec->state != RECORD_ACTIVE || record_is_expired(rec, now)))
            it->err = HUFU_NOT_FOUND;
        if (it->err != HUFU_OK && it->err != HUFU_NOT_FOUND)
            return false;
        p->good += it->err == HUFU_OK;
    }
    return true;
}

static enum export_turn judge(struct piece *p, const char **why)
{
    uint8_t *ids = request_take(&p->k->req, p->good * ENTRY_TOKEN_ID_LEN + 1);
    size_t n = 0;

    if (ids == NULL)
        return EXPORT_TURN_WAIT;
    if (p->is_planted) {
        alarm_note(&p->k->req, ALARM_RULE_PLANTED);
        *why = "planted";
        return EXPORT_TURN_STOP;
    }
    for (size_t i = 0; i < p->count; i++)
        if (p->item[i].err == HUFU_OK)
            memcpy(ids + n++ * ENTRY_TOKEN_ID_LEN, p->item[i].token.id, ENTRY_TOKEN_ID_LEN);
    return export_judge(p->k, p->row, ids, n, &p->use, &p->to, why);
}

/* A token with counted uses loses one in the very operation of its entry; the last one ends it. */
static enum hufu_err use_up(struct piece *p, struct item *it, struct store_op *op)
{
    struct record *rec = &it->token.rec;
    uint8_t *image;
    size_t image_len;

    if (rec->uses_left == 0)
        return HUFU_OK;
    rec->uses_left--;
    if (rec->uses_left == 0)
        rec->state = RECORD_REVOKED;
    rec->changed_ms = core_now(p->k->core);
    if (row_lay_record(&p->k->w, &p->k->req, rec, &image, &image_len) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    op_write(op, it->token.key, image, image_len);
    return HUFU_OK;
}

/* C50: who let which value out; a token that is named twice has one row. */
static enum hufu_err note_seen(struct piece *p, size_t i)
{
    struct keeper *k = p->k;
    const struct token *t = &p->item[i].token;

    for (size_t at = 0; at < i; at++)
        if (p->item[at].err == HUFU_OK && view_equal(p->item[at].token.key, t->key))
            return HUFU_OK;
    return reveal_seen_export(&k->w, &k->req, &k->req.op[i], (uint32_t)row_day(k->core), p->purpose,
                              t);
}

static enum hufu_err fill_op(struct piece *p, size_t i)
{
    struct request *req = &p->k->req;
    struct entry_draft *e = request_entry(req, i);
    struct item *it = &p->item[i];

    e->verb = "export";
    e->purpose = view_str(p->row->purpose);
    e->reason = view_str(p->row->reason);
    e->token_ids = it->token.id;
    e->token_id_count = 1;
    if (it->err != HUFU_OK) {
        e->result = err_code(it->err);
        return HUFU_OK;
    }
    if (!ff1_domain_is(req->domain))
        op_expect(&req->op[i], it->token.key, it->token.seen);
    return use_up(p, it, &req->op[i]) == HUFU_OK ? note_seen(p, i) : HUFU_UNAVAILABLE;
}

/* An entry for each token, the row's new counts, the grant's use: one commit. */
static enum hufu_err draft(struct piece *p)
{
    struct keeper *k = p->k;
    struct request *req = &k->req;
    struct export_row changed = *p->row;
    enum hufu_err err;

    if (request_ops(req, p->count, 5, 3, 0) != HUFU_OK ||
        reveal_seen_purpose(&k->w, view_str(p->row->purpose), p->purpose) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    for (size_t i = 0; i < p->count; i++)
        if (fill_op(p, i) != HUFU_OK)
            return HUFU_UNAVAILABLE;
    op_expect_caller(req, &req->op[0]);
    op_expect(&req->op[0], row_numbered_key(req, TABLE_RECIPIENT, p->to.id), row_seen(p->to.seq));
    op_until(&req->op[0], share_until(&p->to));
    changed.done += p->good;
    changed.skipped += p->count - p->good;
    err = export_write(&k->w, req, &req->op[0], &changed);
    if (err == HUFU_OK) /* last: an operation of its own */
        err = grant_spend(&k->w, req, &p->use, p->good);
    return err;
}

/* RFC 4180: in quotes where the value cannot stand without. */
static void put_value(struct buf *out, const struct record *rec)
{
    bool quoted = memchr(rec->value, ',', rec->value_len) != NULL ||
                  memchr(rec->value, '"', rec->value_len) != NULL;

    if (quoted)
        buf_u8(out, '"');
    for (size_t i = 0; i < rec->value_len; i++) {
        if (rec->value[i] == '"')
            buf_u8(out, '"');
        buf_u8(out, rec->value[i]);
    }
    if (quoted)
        buf_u8(out, '"');
}

/* After their commit: what is clear lies in the arena, which is wiped, and goes into the cipher. */
static enum hufu_err write_values(struct piece *p)
{
    size_t max = p->count * LINE_MAX + 1;
    uint8_t *mem = request_take(&p->k->req, max);
    struct buf text;

    if (mem == NULL)
        return HUFU_NOMEM;
    buf_fixed(&text, mem, max);
    for (size_t i = 0; i < p->count; i++) {
        const struct token *t = &p->item[i].token;

        if (p->item[i].err != HUFU_OK)
            continue;
        buf_put(&text, t->text, t->len);
        buf_u8(&text, ',');
        put_value(&text, &t->rec);
        buf_str(&text, "\r\n");
    }
    return buf_check(&text) == HUFU_OK ? export_file_write(p->k->exporting->file, buf_view(&text))
                                       : HUFU_NOMEM;
}

static enum export_turn release(struct piece *p, const char **why)
{
    struct export_run *run = p->k->exporting;
    enum export_turn turn;
    enum hufu_err err;

    if (!find_values(p)) {
        *why = "record";
        return EXPORT_TURN_FAIL;
    }
    turn = judge(p, why);
    if (turn != EXPORT_TURN_ON)
        return turn;
    if (draft(p) != HUFU_OK || keeper_commit(p->k) != HUFU_OK)
        return EXPORT_TURN_WAIT;
    err = write_values(p);
    if (err != HUFU_OK) {
        log_event(LOG_ERROR_LEVEL, "export.file", "err", LOG_ERR(err), NULL);
        run->is_broken = true; /* what was committed is missing in it */
    }
    return EXPORT_TURN_ON;
}

enum export_turn export_release(struct keeper *k, const struct export_row *row, const char **why)
{
    struct export_run *run = k->exporting;
    struct piece p = { .k = k, .row = row };
    uint8_t mem[STORE_KEY_MAX];
    size_t at = 0;
    struct buf next;
    enum export_turn turn = EXPORT_TURN_ON;

    p.item = request_take(&k->req, PIECE_MAX * sizeof(*p.item));
    buf_fixed(&next, mem, sizeof(mem));
    if (run->is_exhausted || (row->tokens.len > 0 && run->at == row->tokens.len))
        return EXPORT_TURN_OVER;
    if (p.item == NULL || k->req.domain == NULL ||
        !(row->tokens.len > 0 ? take_names(&p, &at) : walk_on(k, row, &p, &next)))
        return EXPORT_TURN_WAIT;
    if (p.count > 0)
        turn = release(&p, why);
    if (turn != EXPORT_TURN_ON)
        return turn;
    run->at = at;
    go_on(run, &next);
    run->is_exhausted = row->tokens.len == 0 && next.len == 0;
    return EXPORT_TURN_ON;
}
