/*
 * The store's steps in seeded random order against a model of arrays: whatever happens between two
 * steps, a crash included, what was answered is there and what was refused is not.
 * HUFU_SEED=n runs that seed alone; HUFU_SEEDS=n runs that many.
 *
 * The disk fails now and then: a commit, a write that writes nothing or a part, a sync. A group
 * whose sync failed was refused and may be there after the restart: all of it or nothing.
 */
#include "tests/unit/disk_faults.h"
#include "tests/unit/store_world_draft.h"
#include "tests/unit/store_world_pass.h"

static enum hufu_err pre_expect(const struct world *w, const struct flight *f, size_t o, size_t i,
                                uint64_t now_ms)
{
    const struct store_pre *pre = &f->pre[o][i];
    const struct row *row = &w->row[f->pre_key[o][i]];

    if (pre->kind == PRE_UNTIL)
        return now_ms < pre->until_ms ? HUFU_OK : HUFU_PRECONDITION;
    return (row->there ? row->seq : STORE_ABSENT) == pre->seen.seq ? HUFU_OK : HUFU_PRECONDITION;
}

static enum hufu_err count_expect(struct world *w, const struct flight *f, size_t o, size_t i,
                                  uint64_t seq, uint64_t now_ms)
{
    const struct store_count *c = &f->count[o][i];
    struct row *row = &w->row[f->count_key[o][i]];
    bool fresh = !row->there || row->until_ms <= now_ms;
    uint64_t count = (fresh ? 0 : row->count) + c->add;

    if (now_ms >= c->until_ms) /* decided before the window ended */
        return HUFU_PRECONDITION;
    if (count > c->limit)
        return HUFU_LIMIT;
    *row = (struct row){
        .there = true, .seq = seq, .count = count, .until_ms = fresh ? c->until_ms : row->until_ms
    };
    return HUFU_OK;
}

/* A counter goes once its window is over; all are judged before anything is written. */
static enum hufu_err removals_expect(const struct world *w, struct flight *f, size_t o,
                                     uint64_t now_ms)
{
    const struct store_op *op = &f->op[o];

    for (size_t i = 0; i < op->write_count; i++) {
        const struct row *row = &w->row[f->write_key[o][i]];

        f->want_at = op->pre_count + i;
        if (key_counts(w, f->write_key[o][i]) && (!row->there || row->until_ms > now_ms))
            return HUFU_PRECONDITION;
    }
    return HUFU_OK;
}

/* *cannot_out: it is judged well, and cannot be sealed or printed. */
static enum hufu_err op_expect(struct world *w, struct flight *f, size_t o, uint64_t seq,
                               uint64_t now_ms, bool *cannot_out)
{
    const struct store_op *op = &f->op[o];
    enum hufu_err err = HUFU_OK;

    for (size_t i = 0; i < op->pre_count && err == HUFU_OK; i++) {
        f->want_at = i;
        err = pre_expect(w, f, o, i, now_ms);
    }
    for (size_t i = 0; i < op->count_count && err == HUFU_OK; i++) {
        f->want_at = i;
        err = count_expect(w, f, o, i, seq, now_ms);
    }
    if (err == HUFU_OK)
        err = removals_expect(w, f, o, now_ms);
    for (size_t i = 0; i < op->write_count && err == HUFU_OK; i++) {
        *cannot_out |= f->seal_fails[o][i];
        w->row[f->write_key[o][i]] = (struct row){ .there = op->write[i].image != NULL,
                                                   .seq = seq,
                                                   .len = op->write[i].image_len,
                                                   .tag = f->tag[o][i],
                                                   .version = w->house.rooms.version };
    }
    *cannot_out |= err == HUFU_OK && f->entry[o].fails;
    return err;
}

/* All operations are judged before one is sealed. What must become of a draft; the model moves on
 * where it is accepted. */
static void draft_expect(struct world *w, struct flight *f, uint64_t now_ms, bool held)
{
    bool cannot = false;

    memcpy(w->saved, w->row, sizeof(w->row));
    f->want = HUFU_OK;
    f->want_seq = w->lines;
    for (size_t o = 0; o < f->draft.op_count && f->want == HUFU_OK; o++) {
        f->want_op = o;
        f->want = op_expect(w, f, o, w->lines + o, now_ms, &cannot);
    }
    if (f->want == HUFU_OK && cannot)
        f->want = HUFU_UNAVAILABLE;
    if (f->want != HUFU_OK) {
        memcpy(w->row, w->saved, sizeof(w->row));
        return;
    }
    for (size_t o = 0; o < f->draft.op_count; o++) {
        struct merkle_hash leaf;
        struct buf b;

        buf_init(&b, HOUSE_LINE_MAX);
        house_print(&f->entry[o], w->lines, now_ms, held, &b);
        merkle_leaf(buf_view(&b), &leaf);
        merkle_add(&w->tree, &leaf, NULL, NULL);
        MUST(w, w->lines < LINES_MAX);
        w->line[w->lines++] = strndup((const char *)b.p, b.len);
        buf_done(&b);
    }
    if (f->draft.meta_key.len > 0) {
        memcpy(w->meta, f->meta, sizeof(w->meta));
        w->has_meta = true;
    }
    if (f->draft.op_count > 0 || f->draft.meta_key.len > 0) /* else nothing is written */
        w->last_ms = now_ms;
}

static bool line_each(void *arg, uint64_t index, struct view line)
{
    struct world *w = arg;

    MUST(w, index < w->lines && view_is(line, w->line[index]));
    return true;
}

static void log_check(struct world *w, uint64_t from)
{
    struct merkle log;
    struct merkle_hash root, want;

    store_log(w->house.s, &log);
    MUST(w, log.size == w->lines);
    merkle_root(&log, &root);
    merkle_root(&w->tree, &want);
    MUST(w, memcmp(&root, &want, sizeof(root)) == 0);
    MUST(w, store_entries(w->house.r, from, w->lines - from, line_each, w) == HUFU_OK);
    MUST(w, store_entries(w->house.r, from, w->lines - from + 1, line_each, w) == HUFU_RANGE);
}

/* Every key that stays is counted once, whatever was flushed, replayed or cut off. */
static void made_check(struct world *w)
{
    for (size_t k = 0; k < KEYS; k++) {
        uint64_t rows = 0;

        if (!key_stays(w, k))
            continue;
        for (size_t other = 0; other < KEYS; other++)
            rows += key_stays(w, other) && w->row[other].there &&
                    memcmp(w->key[other], w->key[k], 5) == 0;
        MUST(w, store_made(w->house.s, TABLE_TOKEN,
                           (uint32_t)w->key[k][1] << 24 | (uint32_t)w->key[k][2] << 16 |
                               (uint32_t)w->key[k][3] << 8 | w->key[k][4]) == rows);
        w->made += rows;
    }
}

/* What a group that was refused would have made of the model; lines from the model's on are its
 * own, until it is known whether it is there. */
static struct world maybe;

static void model_copy(struct world *to, const struct world *from)
{
    memcpy(to->row, from->row, sizeof(to->row));
    memcpy(to->line, from->line, sizeof(to->line));
    memcpy(to->meta, from->meta, sizeof(to->meta));
    to->lines = from->lines;
    to->has_meta = from->has_meta;
    to->tree = from->tree;
    to->last_ms = from->last_ms;
}

static void maybe_drop(const struct world *w)
{
    while (maybe.lines > w->lines)
        free(maybe.line[--maybe.lines]);
}

/* What must become of the group's drafts. Where the commit fails, all are refused and the model
 * stays; what it would have been is kept in maybe. */
static void group_expect(struct world *w, size_t count, uint64_t now_ms, bool held, bool fails)
{
    static struct world before;

    model_copy(&before, w);
    for (size_t i = 0; i < count; i++)
        draft_expect(w, w->queue[i], now_ms, held);
    if (!fails)
        return;
    model_copy(&maybe, w);
    model_copy(w, &before);
    for (size_t i = 0; i < count; i++)
        w->queue[i]->want = HUFU_UNAVAILABLE;
}

static void outcome_check(struct world *w, struct flight *f, uint64_t now_ms)
{
    MUST(w, f->done && f->draft.err == f->want && f->draft.now_ms == now_ms);
    if (f->want == HUFU_OK)
        MUST(w, f->draft.first_seq == f->want_seq);
    if (f->want == HUFU_PRECONDITION || f->want == HUFU_LIMIT)
        MUST(w, f->draft.failed_op == f->want_op && f->draft.failed_at == f->want_at);
    w->ok += f->want == HUFU_OK;
    w->refused += f->want != HUFU_OK;
    f->busy = false;
}

/* Of the drafts that wait, those of the next group: all, or up to the one that closes it. */
static size_t group_size(const struct world *w)
{
    for (size_t i = 0; i < w->queued; i++)
        if (w->queue[i]->draft.closes_group)
            return i + 1;
    return w->queued;
}

static void hashes(struct world *w, size_t from, size_t count, struct merkle_hash *out)
{
    struct merkle_hash left, right;
    size_t half = 1;

    if (count == 1) {
        merkle_leaf(view_str(w->line[from]), out);
        return;
    }
    while (half * 2 < count) /* RFC 6962 2.1: the largest power of two smaller than n */
        half *= 2;
    hashes(w, from, half, &left);
    hashes(w, from + half, count - half, &right);
    merkle_node(&left, &right, out);
}

static void tree_check(struct world *w)
{
    struct merkle_source source = { store_hashes, w->house.r };
    size_t size = w->lines ? 1 + draw(w, w->lines) : 0;
    struct merkle_hash root, want;

    if (size == 0)
        return;
    hashes(w, 0, size, &want);
    MUST(w, merkle_root_at(&source, size, &root) == HUFU_OK);
    MUST(w, memcmp(&root, &want, sizeof(root)) == 0);
}

static void meta_check(struct world *w)
{
    struct buf b;
    enum hufu_err err;

    buf_init(&b, 64);
    err = store_meta(w->house.r, view_str("checkpoint"), &b);
    MUST(w, err == (w->has_meta ? HUFU_OK : HUFU_NOT_FOUND));
    MUST(w, !w->has_meta || view_equal(buf_view(&b), view_of(w->meta, sizeof(w->meta))));
    buf_done(&b);
}

static bool any_resident(const struct world *w)
{
    for (size_t k = 0; k < KEYS; k++)
        if (w->row[k].there && w->key[k][0] >= STORE_RESIDENT)
            return true;
    return false;
}

static void all_check(struct world *w)
{
    bool want = w->has_digest || !any_resident(w);

    for (size_t k = 0; k < KEYS; k++)
        find_check(w, k);
    scan_check(w);
    log_check(w, 0);
    tree_check(w);
    meta_check(w);
    MUST(w, store_digest_check(w->house.s) == (want ? HUFU_OK : HUFU_CORRUPT));
}

/* Closing writes nothing, so that it is a crash; what waits is refused. */
static void house_crash(struct world *w)
{
    house_close(&w->house);
    for (size_t i = 0; i < w->queued; i++) {
        MUST(w, w->queue[i]->done && w->queue[i]->draft.err == HUFU_UNAVAILABLE);
        w->queue[i]->busy = false;
    }
    w->queued = 0;
    w->crashes++;
}

static void crash(struct world *w)
{
    house_crash(w);
    MUST(w, house_open(&w->house) == HUFU_OK);
    all_check(w);
    made_check(w);
}

/* Whether the group that was not synced is there. */
static bool maybe_is(struct world *w)
{
    struct merkle log;
    struct buf b;
    bool is;

    store_log(w->house.s, &log);
    MUST(w, log.size == w->lines || log.size == maybe.lines);
    if (maybe.lines != w->lines)
        return log.size == maybe.lines;
    buf_init(&b, 64); /* it had a value only */
    is = store_meta(w->house.r, view_str("checkpoint"), &b) == HUFU_OK &&
         view_equal(buf_view(&b), view_of(maybe.meta, sizeof(maybe.meta)));
    buf_done(&b);
    return is;
}

/* After a failed write the group is not there. After a failed sync it is what the disk makes of it:
 * with the power on the kernel has all of it, else some sectors are there. */
static void broken_crash(struct world *w)
{
    bool power = w->unsure && draw(w, 3) > 0, is;

    house_crash(w);
    if (power)
        fault_lose(draw(w, 2) ? draw(w, UINT64_MAX) : (UINT64_C(1) << draw(w, 5)) - 1);
    MUST(w, house_open(&w->house) == HUFU_OK);
    is = w->unsure && maybe_is(w);
    MUST(w, power || !w->unsure || is);
    w->found += is;
    w->lost += w->unsure && !is;
    if (is)
        model_copy(w, &maybe);
    else
        maybe_drop(w);
    all_check(w);
    made_check(w);
}

/* A disk that fails in one of thirty steps, and in some of those so that the store breaks. */
static void fault_draw(struct world *w)
{
    static const struct {
        enum fault_kind kind;
        int rc;
    } rows[] = { { FAULT_WRITE, ENOSPC }, { FAULT_WRITE, ENOSPC }, { FAULT_WRITE, EIO },
                 { FAULT_PART, EIO },     { FAULT_PART, ENOSPC },  { FAULT_SYNC, EIO } };
    size_t i = draw(w, sizeof(rows) / sizeof(rows[0]));

    fault = (struct fault){ 0 };
    if (draw(w, 30) != 0)
        return;
    fault_set(rows[i].kind, rows[i].rc);
    fault.part = draw(w, 1000);
    w->refusal = i < 2;
    w->unsure = rows[i].kind == FAULT_SYNC;
}

static void journal_step(struct world *w)
{
    uint64_t now_ms = atomic_load(&w->house.clock.now), before = w->lines;
    size_t count = group_size(w);
    bool held = now_ms < w->last_ms, full, did;
    struct store_numbers n;

    store_numbers(w->house.s, &n);
    MUST(w, n.queued == w->queued && n.seq == w->lines);
    full = n.recent_bytes >= w->house.set.recent_bytes;
    if (held)
        now_ms = w->last_ms;
    fault_draw(w);
    did = store_journal_step(w->house.s);
    fault.left = 0;
    MUST(w, did == (w->queued > 0 && !full));
    if (!did) {
        w->full += full;
        return;
    }
    group_expect(w, count, now_ms, held, fault.hit);
    for (size_t i = 0; i < count; i++)
        outcome_check(w, w->queue[i], now_ms);
    w->queued -= count;
    memmove(w->queue, w->queue + count, w->queued * sizeof(w->queue[0]));
    for (size_t i = 0; i < w->queued; i++)
        MUST(w, !w->queue[i]->done);
    MUST(w, store_is_sound(w->house.s) == (!fault.hit || w->refusal));
    log_check(w, before);
    made_check(w);
    if (!fault.hit)
        return;
    if (w->refusal) /* a full disk: nothing was written */
        maybe_drop(w);
    else
        broken_crash(w);
}

static void map_step(struct world *w)
{
    struct store_numbers before, after;
    size_t answers = w->pass.answers;
    bool did, answered, commit_failed;

    store_numbers(w->house.s, &before);
    fault = (struct fault){ 0 };
    if (draw(w, 30) == 0) {
        fault_set(draw(w, 4) ? FAULT_COMMIT : FAULT_MAKE, ENOSPC);
        fault.stays = true;
    }
    did = store_map_step(w->house.s, draw(w, 3) == 0);
    fault.left = 0;
    commit_failed = fault.hit && fault.kind == FAULT_COMMIT;
    answered = w->pass.answers != answers;
    MUST(w, did || !answered);
    MUST(w, !answered || !commit_failed || w->pass.job.err != HUFU_OK);
    MUST(w, !answered || commit_failed || w->pass.job.err != HUFU_FULL);
    MUST(w, store_is_sound(w->house.s));
    store_numbers(w->house.s, &after);
    MUST(w, after.applied >= before.applied && after.applied <= w->lines);
    MUST(w, !commit_failed || (after.applied == before.applied && after.slices == before.slices));
    MUST(w, after.trimmed >= before.trimmed && after.trimmed <= before.applied);
    MUST(w, did || after.applied == before.applied);
    MUST(w, !answered || (after.applied == before.applied && after.slices == before.slices));
}

static void clock_step(struct world *w)
{
    atomic_uint_least64_t *now = &w->house.clock.now;

    if (draw(w, 5) == 0)
        *now -= draw(w, 3000);
    else
        *now += draw(w, 400);
    w->house.clock.boot += draw(w, 200);
}

static void step(struct world *w)
{
    uint64_t what = draw(w, 1000);

    if (what < 350)
        submit(w);
    else if (what < 520)
        journal_step(w);
    else if (what < 780 && what - 520 < w->map_share)
        map_step(w);
    else if (what < 880)
        find_check(w, draw(w, KEYS));
    else if (what < 900)
        scan_check(w);
    else if (what < 950)
        pass_hand(w);
    else if (what < 990)
        clock_step(w);
    else if (what < 994)
        crash(w);
    else
        tree_check(w);
}

static void seed_run(struct world *w, uint64_t seed)
{
    memset(w, 0, sizeof(*w));
    w->seed = w->random = seed;
    house_init(&w->house);
    w->map_share = 10 + draw(w, 250);
    w->house.set.recent_bytes = 8192u << draw(w, 4);
    w->house.set.generation_ops = 20 + draw(w, 100);
    w->house.set.slice_ops = 1 + draw(w, 12);
    w->house.set.queue_max = 1 + draw(w, FLIGHTS);
    w->house.set.segment_bytes = 16384u << draw(w, 4);
    w->house.rooms.version = 1;
    keys_make(w);
    merkle_init(&w->tree);
    MUST(w, house_open(&w->house) == HUFU_OK);
    if (draw(w, 4)) {
        MUST(w, store_digest_start(w->house.s) == HUFU_OK);
        w->has_digest = true;
    }
    for (w->step = 0; w->step < STEPS; w->step++)
        step(w);
    crash(w);
    MUST(w, w->ok > 20 && w->refused > 5 && w->made > 0);
    house_done(&w->house);
    for (size_t i = 0; i < w->lines; i++)
        free(w->line[i]);
}

static uint64_t number_of(const char *name, uint64_t without)
{
    const char *text = getenv(name);

    return text ? strtoull(text, NULL, 10) : without;
}

int main(void)
{
    static struct world w;
    uint64_t first = number_of("HUFU_SEED", 1);
    uint64_t count = number_of("HUFU_SEEDS", getenv("HUFU_SEED") ? 1 : 50);
    size_t ok = 0, refused = 0, crashes = 0, full = 0, lines = 0, passes = 0, found = 0, lost = 0;

    for (uint64_t i = 0; i < count; i++) {
        seed_run(&w, first + i);
        ok += w.ok;
        refused += w.refused;
        crashes += w.crashes;
        full += w.full;
        lines += w.lines;
        passes += w.passes;
        found += w.found;
        lost += w.lost;
    }
    printf("store steps: %" PRIu64 " seeds, %zu accepted, %zu refused, %zu operations, "
           "%zu crashes, %zu times full, %zu passes, of unsure groups %zu found and %zu lost\n",
           count, ok, refused, lines, crashes, full, passes, found, lost);
    if (count >= 50 && (full == 0 || crashes == 0 || passes < count || found == 0 || lost == 0)) {
        fprintf(stderr, "store steps: the runs hardly met a full overlay, a crash or a pass, or an "
                        "unsure group\n");
        return 1;
    }
    return 0;
}
