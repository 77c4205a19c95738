#include "vault/store/operation.h"

enum { KIND_REMOVED, KIND_IMAGE, KIND_MADE };

void operation_begin(struct buf *out, size_t count)
{
    buf_u8(out, OPERATION_FORM);
    buf_u32(out, (uint32_t)count);
}

void operation_put(struct buf *out, const struct operation_write *w)
{
    buf_u8(out, w->removed ? KIND_REMOVED : w->made ? KIND_MADE : KIND_IMAGE);
    buf_lv16(out, w->key.p, w->key.len);
    if (!w->removed)
        buf_lv32(out, w->image.p, w->image.len);
}

enum hufu_err operation_open(struct operation_reader *it, struct view in)
{
    struct operation_reader got;

    reader_init(&got.in, in.p, in.len);
    if (reader_u8(&got.in) != OPERATION_FORM)
        return HUFU_CORRUPT;
    got.left = reader_u32(&got.in);
    if (got.in.failed || got.left > OPERATION_WRITES_MAX)
        return HUFU_CORRUPT;
    *it = got;
    return HUFU_OK;
}

enum hufu_err operation_next(struct operation_reader *it, struct operation_write *out)
{
    struct operation_write w = { 0 };
    uint8_t kind;

    if (it->left == 0)
        return reader_end(&it->in) == HUFU_OK ? HUFU_NOT_FOUND : HUFU_CORRUPT;
    kind = reader_u8(&it->in);
    w.key = reader_lv16(&it->in, STORE_KEY_MAX);
    w.removed = kind == KIND_REMOVED;
    w.made = kind == KIND_MADE;
    if (!w.removed)
        w.image = reader_lv32(&it->in, STORE_IMAGE_MAX);
    if (it->in.failed || kind > KIND_MADE || w.key.len == 0)
        return HUFU_CORRUPT;
    it->left--;
    *out = w;
    return HUFU_OK;
}

static bool key_is_good(struct view key)
{
    return key.p && key.len > 0 && key.len <= STORE_KEY_MAX;
}

/* Adds what the operation's writes take to *sum. */
static bool op_is_good(const struct store_op *op, uint64_t *sum)
{
    if (!op->entry || op->write_count > OPERATION_WRITES_MAX ||
        op->count_count > OPERATION_WRITES_MAX - op->write_count)
        return false;
    for (size_t i = 0; i < op->pre_count; i++)
        if (op->pre[i].kind == PRE_ROW && !key_is_good(op->pre[i].key))
            return false;
    for (size_t i = 0; i < op->count_count; i++)
        if (!key_is_good(op->count[i].key) || op->count[i].key.p[0] != TABLE_COUNTER)
            return false;
    for (size_t i = 0; i < op->write_count; i++) {
        const struct store_write *w = &op->write[i];

        if (!key_is_good(w->key))
            return false;
        if (w->image && (w->key.p[0] == TABLE_COUNTER || w->image_len > STORE_IMAGE_MAX))
            return false;
        *sum += w->key.len + (w->image ? w->image_len : 0);
    }
    return true;
}

enum hufu_err operation_check(const struct store_draft *draft)
{
    uint64_t sum = 0;

    if (!draft->done || draft->op_count > OPERATION_OPS_MAX ||
        draft->meta_key.len > OPERATION_META_MAX || draft->meta_value.len > STORE_IMAGE_MAX)
        return HUFU_ARG;
    for (size_t i = 0; i < draft->op_count; i++)
        if (!op_is_good(&draft->op[i], &sum) || sum > OPERATION_DRAFT_MAX)
            return HUFU_ARG;
    return HUFU_OK;
}
