#include "tools/cli_trail.h"

#include <string.h>

#include <jansson.h>
#include "vault/base/clock.h"

void trail_init(struct trail *t, const struct checkpoint *cp, const struct checkpoint *since,
                struct canon_receipt *receipts, size_t receipts_count)
{
    *t = (struct trail){
        .signed_cp = *cp, .since = since, .receipts = receipts, .receipts_count = receipts_count
    };
    merkle_init(&t->tree);
    merkle_root(&t->tree, &t->since_root);
}

static enum hufu_err refuse(struct trail *t, const char *fault)
{
    t->fault = fault;
    return HUFU_CORRUPT;
}

/* Times of the log never run back. */
static enum hufu_err time_check(struct trail *t, const json_t *root)
{
    const char *text = json_string_value(json_object_get(root, "time"));
    uint64_t ms;

    if (text == NULL || clock_parse(view_str(text), &ms) != HUFU_OK)
        return refuse(t, "an entry has no readable time");
    if (ms < t->last_ms)
        return refuse(t, "the log's time runs back");
    t->last_ms = ms;
    return HUFU_OK;
}

static enum hufu_err receipt_check(struct trail *t, struct canon_receipt *r, const json_t *root,
                                   const struct merkle_hash *leaf)
{
    const char *commit = json_string_value(json_object_get(root, "commit"));

    if (strcmp(r->origin, t->signed_cp.origin) != 0)
        return refuse(t, "the receipt is of another log");
    if (commit == NULL || strcmp(commit, r->commit) != 0)
        return refuse(t, "the entry does not commit to this reply");
    r->leaf = *leaf;
    r->found = true;
    return HUFU_OK;
}

static enum hufu_err line_judge(struct trail *t, const json_t *root, const struct merkle_hash *leaf)
{
    enum hufu_err err;

    if (!json_is_object(root))
        return refuse(t, "an entry is not a JSON object");
    err = time_check(t, root);
    for (size_t i = 0; i < t->receipts_count && err == HUFU_OK; i++)
        if (t->receipts[i].index == t->tree.size)
            err = receipt_check(t, &t->receipts[i], root, leaf);
    return err;
}

enum hufu_err trail_add(struct trail *t, struct view line)
{
    struct merkle_hash leaf;
    enum hufu_err err;
    json_t *root;

    if (t->tree.size >= t->signed_cp.size)
        return refuse(t, "there are more entries than the checkpoint signs");
    if (line.len > TRAIL_LINE_MAX || memchr(line.p, '\n', line.len) != NULL)
        return refuse(t, "an entry is too long or has a line end in it");
    merkle_leaf(line, &leaf);
    root = json_loadb((const char *)line.p, line.len, JSON_REJECT_DUPLICATES, NULL);
    err = line_judge(t, root, &leaf);
    json_decref(root);
    if (err != HUFU_OK)
        return err;
    merkle_add(&t->tree, &leaf, NULL, NULL);
    if (t->since != NULL && t->tree.size == t->since->size)
        merkle_root(&t->tree, &t->since_root);
    return HUFU_OK;
}

static bool hash_equal(const struct merkle_hash *a, const struct merkle_hash *b)
{
    return view_equal(view_of(a->b, MERKLE_HASH_LEN), view_of(b->b, MERKLE_HASH_LEN));
}

enum hufu_err trail_end(struct trail *t)
{
    struct merkle_hash root;

    if (t->tree.size != t->signed_cp.size)
        return refuse(t, "entries are missing");
    merkle_root(&t->tree, &root);
    if (!hash_equal(&root, &t->signed_cp.root))
        return refuse(t, "the entries do not rebuild the signed root");
    if (t->since != NULL && strcmp(t->since->origin, t->signed_cp.origin) != 0)
        return refuse(t, "the older checkpoint is of another log");
    if (t->since != NULL && t->since->size > t->signed_cp.size)
        return refuse(t, "the log is shorter than the older checkpoint");
    if (t->since != NULL && !hash_equal(&t->since_root, &t->since->root))
        return refuse(t, "the log does not begin with what the older checkpoint signed");
    for (size_t i = 0; i < t->receipts_count; i++)
        if (!t->receipts[i].found)
            return refuse(t, "the log has no entry for the receipt");
    return HUFU_OK;
}
