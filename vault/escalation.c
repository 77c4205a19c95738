#include "vault/escalation.h"

#include <string.h>

struct trail { /* of one subject in this session */
    uint8_t digest[32];
    struct view key;
    struct store_seen seen;
    bool changed;       /* by this request */
    uint64_t factor_ms; /* the session's, when something of the subject was revealed last */
    size_t count;
    uint8_t type[ESCALATION_TYPES_MAX][ESCALATION_TYPE_LEN];
};

struct trails {
    struct worker *w;
    struct request *req;
    bool granted, has_type;
    uint8_t type[ESCALATION_TYPE_LEN]; /* of req->domain's values */
    size_t items;
    struct reveal_once once;
    struct trail **trail; /* by the item that asked for its subject first; NULL: none */
};

enum hufu_err escalation_new(struct worker *w, struct request *req, size_t items, bool granted,
                             struct trails **out)
{
    struct trails *e = request_take(req, sizeof(*e));

    if (e == NULL)
        return HUFU_UNAVAILABLE;
    *e = (struct trails){ .w = w, .req = req, .granted = granted, .items = items };
    *out = e;
    return HUFU_OK;
}

/* Most values have no subject: what is needed for one is made with the first. */
static enum hufu_err prepare(struct trails *e)
{
    struct view name = view_str(format_name(e->req->domain->format));
    uint8_t digest[32];

    if (e->has_type)
        return HUFU_OK;
    e->trail = request_take(e->req, e->items * sizeof(struct trail *));
    if (e->trail == NULL || reveal_once_init(e->req, e->items, &e->once) != HUFU_OK ||
        row_digest(e->w, ROW_DATA_TYPE, &name, 1, digest) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    memcpy(e->type, digest, sizeof(e->type));
    e->has_type = true;
    return HUFU_OK;
}

static enum hufu_err read_image(struct view image, uint64_t *until_ms, struct trail *out)
{
    struct trail t = *out;
    struct reader r;

    reader_init(&r, image.p, image.len);
    *until_ms = reader_u64(&r);
    t.factor_ms = reader_u64(&r);
    t.count = reader_u8(&r);
    if (t.count > ESCALATION_TYPES_MAX)
        return HUFU_CORRUPT;
    for (size_t i = 0; i < t.count; i++)
        reader_copy(&r, t.type[i], sizeof(t.type[i]));
    if (reader_end(&r) != HUFU_OK)
        return HUFU_CORRUPT;
    *out = t;
    return HUFU_OK;
}

enum hufu_err escalation_until(struct view image, uint64_t *until_ms_out)
{
    struct trail t = { 0 };
    uint64_t until_ms;

    if (read_image(image, &until_ms, &t) != HUFU_OK)
        return HUFU_CORRUPT;
    *until_ms_out = until_ms;
    return HUFU_OK;
}

static enum hufu_err find_trail(struct trails *e, struct trail *t)
{
    uint8_t mem[ESCALATION_IMAGE_MAX];
    struct buf image;
    uint64_t until_ms;
    enum hufu_err err;

    t->key = row_plain_key(e->req, TABLE_TRAIL, view_of(t->digest, sizeof(t->digest)));
    if (t->key.p == NULL)
        return HUFU_UNAVAILABLE;
    buf_fixed(&image, mem, sizeof(mem));
    err = store_find(e->w->reader, t->key, &image, &t->seen);
    if (err == HUFU_NOT_FOUND)
        return HUFU_OK;
    return err == HUFU_OK && read_image(buf_view(&image), &until_ms, t) == HUFU_OK
               ? HUFU_OK
               : HUFU_UNAVAILABLE;
}

/* The subject's trail; the first item that asks for it reads it. */
static enum hufu_err trail_of(struct trails *e, const struct record *rec, size_t item,
                              struct trail **out)
{
    const struct session *s = &e->req->who.session;
    struct view part[2] = { view_of(s->hash, sizeof(s->hash)), view_str(rec->subject) };
    struct trail *t = request_take(e->req, sizeof(*t));
    size_t known;

    if (t == NULL || row_digest(e->w, ROW_TRAIL, part, 2, t->digest) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    known = reveal_once_note(&e->once, t->digest, item);
    if (known != item) {
        *out = e->trail[known];
        return HUFU_OK;
    }
    if (find_trail(e, t) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    e->trail[item] = t;
    *out = t;
    return HUFU_OK;
}

static bool has_type(const struct trails *e, const struct trail *t)
{
    for (size_t i = 0; i < t->count; i++)
        if (view_equal(view_of(t->type[i], ESCALATION_TYPE_LEN), view_of(e->type, sizeof(e->type))))
            return true;
    return false;
}

/* The factor must have come after what was seen last, so it is another than then: one that was
 * fresh anyway is no answer. Held against one another, not against a clock that may run back. */
static enum hufu_err judge_second(const struct trails *e, const struct trail *t)
{
    switch (e->req->domain->escalation) {
    case ESCALATION_NONE:
        return HUFU_OK;
    case ESCALATION_STEP_UP:
        return e->req->who.session.factor_ms != t->factor_ms ? HUFU_OK : HUFU_STEP_UP;
    default:
        return e->granted ? HUFU_OK : HUFU_GRANT_REQUIRED;
    }
}

enum hufu_err escalation_judge(struct trails *e, const struct record *rec, size_t item)
{
    struct trail *t;
    bool is_new;
    enum hufu_err err;

    if (rec->subject[0] == '\0')
        return HUFU_OK;
    if (prepare(e) != HUFU_OK || trail_of(e, rec, item, &t) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    is_new = !has_type(e, t);
    if (is_new) {
        err = t->count > 0 ? judge_second(e, t) : HUFU_OK;
        if (err != HUFU_OK)
            return err;
        if (t->count < ESCALATION_TYPES_MAX)
            t->count++;
        memcpy(t->type[t->count - 1], e->type, sizeof(e->type));
    }
    if (is_new || t->factor_ms != e->req->who.session.factor_ms) {
        t->factor_ms = e->req->who.session.factor_ms;
        t->changed = true;
    }
    return HUFU_OK;
}

static enum hufu_err write_trail(struct trails *e, const struct trail *t, struct store_op *op)
{
    uint8_t *mem = request_take(e->req, ESCALATION_IMAGE_MAX);
    struct buf image;

    if (mem == NULL)
        return HUFU_UNAVAILABLE;
    buf_fixed(&image, mem, ESCALATION_IMAGE_MAX);
    buf_u64(&image, e->req->who.session.expires_ms);
    buf_u64(&image, t->factor_ms);
    buf_u8(&image, (uint8_t)t->count);
    for (size_t i = 0; i < t->count; i++)
        buf_put(&image, t->type[i], sizeof(t->type[i]));
    op_expect(op, t->key, t->seen);
    op_write(op, t->key, mem, image.len);
    return buf_check(&image) == HUFU_OK ? HUFU_OK : HUFU_UNAVAILABLE;
}

enum hufu_err escalation_write(struct trails *e, size_t item, struct store_op *op)
{
    const struct trail *t = e->has_type ? e->trail[item] : NULL;

    /* All items are of one domain, so of one type: the first of a subject passes, or none does. */
    return t != NULL && t->changed ? write_trail(e, t, op) : HUFU_OK;
}
