#include "vault/store/journal.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEAD_MAX  (4u << 20)
#define METAS_MAX (64u << 20)

struct loading { /* groups on their way from the segments */
    struct journal *j;
    bool any;
    uint64_t next, next_seq; /* number and first operation that the next one must have */
};

static enum hufu_err nodes_room(struct journal *j, size_t lines)
{
    size_t need = tail_nodes_max(lines);
    struct tail_node *grown;

    j->nodes = 0;
    if (need <= j->node_cap)
        return HUFU_OK;
    grown = realloc(j->node, need * sizeof(*grown));
    if (!grown)
        return HUFU_NOMEM;
    j->node = grown;
    j->node_cap = need;
    return HUFU_OK;
}

struct growing {
    struct journal *j;
    uint64_t size; /* with the line that completes the node */
};

static void node_note(void *arg, unsigned level, uint64_t n, const struct merkle_hash *hash)
{
    struct growing *grow = arg;

    grow->j->node[grow->j->nodes++] = (struct tail_node){ grow->size, n, level, *hash };
}

/* The log's state behind the group; what its lines complete is noted. */
static enum hufu_err state_grow(struct journal *j, const struct segment_group *g,
                                struct tail_state *to)
{
    struct growing grow = { .j = j };
    size_t from = 0;
    enum hufu_err err = nodes_room(j, g->item_count);

    if (err != HUFU_OK)
        return err;
    *to = j->state;
    for (size_t i = 0; i < g->item_count; i++) {
        size_t end = segment_item_at(g, i).line_end;
        struct merkle_hash leaf;

        merkle_leaf(view_of(g->lines.p + from, end - from), &leaf);
        grow.size = to->log.size + 1;
        merkle_add(&to->log, &leaf, node_note, &grow);
        from = end;
    }
    to->groups++;
    to->last_ms = g->now_ms;
    if (g->digest) {
        memcpy(to->digest, g->digest, sizeof(to->digest));
        to->has_digest = true;
    }
    return HUFU_OK;
}

/* Room in memory for a group, before it is durable: afterwards nothing may fail. */
static enum hufu_err tail_prepare(struct journal *j, const struct segment_group *g)
{
    struct reader r;
    enum hufu_err err = tail_reserve(&j->tail, g->item_count, g->lines.len);

    reader_init(&r, g->metas.p, g->metas.len);
    for (size_t i = 0; i < g->meta_count && err == HUFU_OK; i++) {
        struct view key = reader_lv16(&r, UINT16_MAX), value = reader_lv32(&r, UINT32_MAX);

        err = r.failed ? HUFU_CORRUPT : tail_stage(&j->tail, key, value);
    }
    if (err == HUFU_OK && reader_end(&r) != HUFU_OK)
        err = HUFU_CORRUPT;
    if (err != HUFU_OK)
        tail_unstage(&j->tail);
    return err;
}

static enum hufu_err group_load(void *arg, const struct segment_group *g)
{
    struct loading *l = arg;
    struct journal *j = l->j;
    struct tail_state to;
    enum hufu_err err;

    if (l->any ? g->number != l->next || g->first_seq != l->next_seq : g->number > j->state.groups)
        return HUFU_CORRUPT;
    l->any = true;
    l->next = g->number + 1;
    l->next_seq = g->first_seq + g->item_count;
    if (g->number < j->state.groups) /* the archive has it */
        return l->next < j->state.groups || l->next_seq == j->state.log.size ? HUFU_OK
                                                                             : HUFU_CORRUPT;
    if (g->first_seq != j->state.log.size)
        return HUFU_CORRUPT;
    err = state_grow(j, g, &to);
    if (err == HUFU_OK)
        err = tail_prepare(j, g);
    if (err != HUFU_OK)
        return err;
    tail_put(&j->tail, g, &to, j->node, j->nodes);
    j->state = to;
    return HUFU_OK;
}

static enum hufu_err groups_load(struct journal *j)
{
    struct loading l = { .j = j };
    enum hufu_err err = segments_each(&j->segs, group_load, &l);

    if (err == HUFU_OK && l.any && l.next < j->state.groups)
        err = HUFU_CORRUPT; /* groups that the archive has are gone from here: others may be */
    if (err == HUFU_OK && !l.any)
        j->segs.first = j->state.log.size;
    return err;
}

static enum hufu_err parts_open(struct journal *j, const char *dir, uint64_t bytes,
                                uint64_t segment_bytes)
{
    char path[PATH_MAX];
    int n = snprintf(path, sizeof(path), "%s/journal", dir);
    enum hufu_err err;

    if (n < 0 || (size_t)n >= sizeof(path))
        return HUFU_IO;
    err = archive_open(dir, bytes, &j->archive, &j->state);
    if (err == HUFU_OK)
        err = segments_open(path, segment_bytes, bytes, &j->segs);
    if (err == HUFU_OK)
        err = tail_init(&j->tail, &j->state);
    if (err == HUFU_OK)
        err = groups_load(j);
    return err == HUFU_OK && segments_are_new(&j->segs) && j->state.groups > 0 ? HUFU_CORRUPT : err;
}

/* Of a bound that is small several must fit into it: one is filled while others wait to go. */
static uint64_t segment_size(uint64_t bytes)
{
    uint64_t each = bytes / 4 / SEGMENT_PAGE * SEGMENT_PAGE;

    return bytes == 0 || each > JOURNAL_SEGMENT_BYTES ? JOURNAL_SEGMENT_BYTES
           : each < SEGMENTS_LEAST                    ? SEGMENTS_LEAST
                                                      : each;
}

enum hufu_err journal_open(const char *dir, uint64_t bytes, uint64_t segment_bytes,
                           struct journal *j)
{
    enum hufu_err err;

    *j = (struct journal){ .segs = SEGMENTS_NONE };
    buf_init(&j->head, HEAD_MAX);
    buf_init(&j->metas, METAS_MAX);
    err = parts_open(j, dir, bytes, segment_bytes != 0 ? segment_bytes : segment_size(bytes));
    if (err != HUFU_OK)
        journal_close(j);
    return err;
}

void journal_close(struct journal *j)
{
    tail_done(&j->tail);
    segments_close(&j->segs);
    archive_close(&j->archive);
    buf_done(&j->head);
    buf_done(&j->metas);
    free(j->node);
    *j = (struct journal){ .segs = SEGMENTS_NONE };
}

static enum hufu_err metas_lay(struct journal *j, const struct journal_group *group)
{
    buf_reset(&j->metas);
    for (size_t i = 0; i < group->meta_count; i++) {
        buf_lv16(&j->metas, group->meta[i].key.p, group->meta[i].key.len);
        buf_lv32(&j->metas, group->meta[i].value.p, group->meta[i].value.len);
    }
    return buf_check(&j->metas) == HUFU_OK ? HUFU_OK : HUFU_NOMEM;
}

static enum hufu_err group_write(struct journal *j, struct segment_group g,
                                 const struct journal_group *group)
{
    struct tail_state to;
    enum hufu_err err = state_grow(j, &g, &to);

    if (err == HUFU_OK && group->vouch) {
        err = group->vouch(group->arg, &to.log, to.digest);
        to.has_digest = true;
        g.digest = to.digest;
    }
    if (err == HUFU_OK)
        err = tail_prepare(j, &g);
    if (err != HUFU_OK)
        return err;
    err = segments_write(&j->segs, &g, &j->head);
    if (err != HUFU_OK) {
        tail_unstage(&j->tail);
        return err;
    }
    tail_put(&j->tail, &g, &to, j->node, j->nodes);
    j->state = to;
    return HUFU_OK;
}

enum hufu_err journal_append(struct journal *j, const struct journal_group *group)
{
    struct segment_group g = { .number = j->state.groups,
                               .first_seq = j->state.log.size,
                               .now_ms = group->now_ms,
                               .item_count = group->item_count,
                               .item = group->item,
                               .meta_count = group->meta_count,
                               .lines = group->lines,
                               .writes = group->writes };
    bool some = g.item_count > 0 || g.meta_count > 0 || (group->vouch && !group->idle);
    enum hufu_err err = metas_lay(j, group);

    /* Before the group, so that what fails here has changed nothing. */
    if (err == HUFU_OK && group->idle && j->segs.current.first_seq < group->applied) {
        err = segments_turn(&j->segs, 0);
        if (some && (err == HUFU_FULL || err == HUFU_NOMEM))
            err = HUFU_OK; /* what is to be written may fit all the same */
    }
    if (err != HUFU_OK || !some)
        return err;
    g.metas = buf_view(&j->metas);
    return group_write(j, g, group);
}

enum hufu_err journal_tend(struct journal *j, uint64_t applied, uint64_t until, bool *did_out)
{
    struct tail_state to;
    enum hufu_err err = HUFU_OK;

    *did_out = false;
    if (!j->reads) /* first: where the disk is full this makes room, for the archive too */
        err = segments_retire(&j->segs, j->tail.groups, applied);
    if (err != HUFU_OK)
        return err;
    if (!tail_due(&j->tail, JOURNAL_TEND_BYTES, j->tail.groups < until, &to))
        return j->reads ? HUFU_OK : segments_make(&j->segs, did_out);
    err = archive_put(&j->archive, &j->tail, &to);
    if (err != HUFU_OK)
        return err;
    tail_drop(&j->tail, to.log.size, to.groups);
    *did_out = true;
    return HUFU_OK;
}

uint64_t journal_trimmed(struct journal *j)
{
    return segments_first(&j->segs);
}

uint64_t journal_bytes(struct journal *j)
{
    return env_file_bytes(j->archive.env) + segments_bytes(&j->segs);
}

struct reading {
    uint64_t from;
    enum hufu_err (*each)(void *arg, uint64_t seq, struct view writes);
    void *arg;
};

static enum hufu_err group_give(void *arg, const struct segment_group *g)
{
    struct reading *r = arg;
    size_t begin = 0;
    enum hufu_err err = HUFU_OK;

    for (size_t i = 0; i < g->item_count && err == HUFU_OK; i++) {
        size_t end = segment_item_at(g, i).writes_end;

        if (g->first_seq + i >= r->from)
            err = r->each(r->arg, g->first_seq + i, view_of(g->writes.p + begin, end - begin));
        begin = end;
    }
    return err;
}

enum hufu_err journal_read(struct journal *j, uint64_t from,
                           enum hufu_err (*each)(void *arg, uint64_t seq, struct view writes),
                           void *arg)
{
    enum hufu_err err;
    struct reading r = { .from = from, .each = each, .arg = arg };

    if (from > j->state.log.size || from < j->segs.first)
        return HUFU_CORRUPT;
    j->reads = true;
    err = segments_each(&j->segs, group_give, &r);
    j->reads = false;
    return err;
}

struct lines { /* the caller's each, which ends the walk by false */
    bool (*each)(void *arg, uint64_t index, struct view line);
    void *arg;
    bool ended;
};

static bool line_give(void *arg, uint64_t index, struct view line)
{
    struct lines *lines = arg;

    lines->ended = !lines->each(lines->arg, index, line);
    return !lines->ended;
}

static enum hufu_err line_pass(void *arg, uint64_t index, struct view line)
{
    return line_give(arg, index, line) ? HUFU_OK : HUFU_CLOSED;
}

enum hufu_err journal_lines(const struct journal *j, const struct tail_view *tail, MDB_txn *txn,
                            uint64_t index, size_t count,
                            bool (*each)(void *arg, uint64_t index, struct view line), void *arg)
{
    struct lines lines = { each, arg, false };
    uint64_t end, old;
    enum hufu_err err = HUFU_OK;

    if (index > tail->size || count > tail->size - index)
        return HUFU_RANGE;
    end = index + count;
    old = end < tail->first ? end : tail->first;
    if (index < old)
        err = archive_lines(&j->archive, txn, index, old - index, line_pass, &lines);
    if (err == HUFU_OK && old < end)
        tail_lines(tail, index > old ? index : old, end, line_give, &lines);
    return err == HUFU_CLOSED && lines.ended ? HUFU_OK : err;
}

struct leaves {
    struct merkle_hash *out;
    uint64_t first;
};

static bool leaf_read(void *arg, uint64_t index, struct view line)
{
    struct leaves *leaves = arg;

    merkle_leaf(line, &leaves->out[index - leaves->first]);
    return true;
}

enum hufu_err journal_hashes(const struct journal *j, const struct tail_view *tail, MDB_txn *txn,
                             unsigned level, uint64_t n, size_t count, struct merkle_hash *out)
{
    struct leaves leaves = { out, n };
    uint64_t size;
    enum hufu_err err = HUFU_OK;

    if (level >= ARCHIVE_LEVELS)
        return HUFU_RANGE;
    size = tail->size >> (level * ARCHIVE_LEVEL_BITS); /* complete subtrees of that level */
    if (n > size || count > size - n)
        return HUFU_RANGE;
    if (level == 0)
        return journal_lines(j, tail, txn, n, count, leaf_read, &leaves);
    for (size_t i = 0; i < count && err == HUFU_OK; i++) {
        err = archive_node(&j->archive, txn, level, n + i, &out[i]);
        if (err == HUFU_NOT_FOUND)
            err = tail_node_find(tail, level, n + i, &out[i]) ? HUFU_OK : HUFU_CORRUPT;
    }
    return err;
}
