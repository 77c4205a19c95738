/*
 * core_world_check.h - the log and every mapping, as they lie in the store, held against the model.
 *
 * Layer:   tests. Includes tests/unit/core_world.h.
 * Threads: one.
 */
#ifndef HUFU_TESTS_CORE_WORLD_CHECK_H
#define HUFU_TESTS_CORE_WORLD_CHECK_H

#include <ctype.h>

#include "tests/unit/core_world.h"
#include "vault/index.h"

/* Neither a value nor a token: no line holds twelve digits in a row. */
static inline bool has_number(struct view line)
{
    size_t run = 0;

    for (size_t i = 0; i < line.len && run < 12; i++)
        run = isdigit(line.p[i]) ? run + 1 : 0;
    return run == 12;
}

static inline bool log_each(void *arg, uint64_t index, struct view line)
{
    struct world *w = arg;
    struct merkle_hash leaf;
    char text[ENTRY_LINE_MAX + 1];

    MUST(w, index == w->lines && line.len <= ENTRY_LINE_MAX && !has_number(line));
    memcpy(text, line.p, line.len);
    text[line.len] = '\0';
    w->reveal_lines += strstr(text, "\"verb\":\"detokenize\"") != NULL &&
                       strstr(text, "\"result\":\"ok\"") != NULL;
    merkle_leaf(line, &leaf);
    merkle_add(&w->tree, &leaf, NULL, NULL);
    w->lines++;
    MUST(w, w->lines < LINES_MAX);
    merkle_root(&w->tree, &w->root[w->lines]);
    return true;
}

/* The lines that are new, the root, and the checkpoint: signed, and always of what is there. */
static inline void log_check(struct world *w)
{
    uint8_t mem[NOTE_MAX];
    struct merkle log;
    struct merkle_hash root;
    struct log_identity id;
    struct checkpoint cp;
    struct buf note;

    store_log(w->rig.core.store, &log);
    MUST(w, log.size >= w->lines);
    if (log.size > w->lines)
        MUST(w, store_entries(w->rig.worker.reader, w->lines, log.size - w->lines, log_each, w) ==
                    HUFU_OK);
    merkle_root(&log, &root);
    MUST(w, log.size == w->lines && memcmp(&root, &w->root[w->lines], sizeof(root)) == 0);
    MUST(w, w->reveal_lines == w->revealed);
    buf_fixed(&note, mem, sizeof(mem));
    if (directory_log(w->rig.core.dir, &id) != HUFU_OK ||
        signer_note(w->rig.core.signer, &note) != HUFU_OK)
        return;
    MUST(w, note_check(buf_view(&note), view_of(id.spki, id.spki_len), &cp) == HUFU_OK);
    MUST(w, cp.size >= w->signed_size && cp.size <= w->lines);
    MUST(w, memcmp(&cp.root, &w->root[cp.size], sizeof(cp.root)) == 0);
    w->signed_size = cp.size;
}

struct rows_seen {
    struct world *w;
    size_t count[3];
};

static inline size_t domain_by_id(const struct world *w, uint32_t id)
{
    for (size_t d = 0; d < DOMAINS; d++)
        if (w->domain_there[d] && w->domain_id[d] == id)
            return d;
    return NONE;
}

/* Opens the record of a row that the scan found; it must be the model's. */
static inline bool token_each(void *arg, struct view key, uint64_t seq, struct view image)
{
    struct rows_seen *seen = arg;
    struct world *w = seen->w;
    struct store_seen found;
    struct record rec = { 0 };
    char text[64] = "";
    struct reader r;
    size_t d, t;

    (void)image;
    reader_init(&r, key.p + 1, key.len - 1);
    d = domain_by_id(w, reader_be32(&r));
    memcpy(text, r.p, r.left);
    MUST(w, d != NONE);
    t = token_find_text(w, d, text);
    MUST(w, t != NONE);
    MUST(w, row_find_record(&w->rig.worker, directory_domain_id(w->rig.core.dir, w->domain_id[d]),
                            key, &rec, &found) == HUFU_OK);
    MUST(w, found.seq == seq);
    if (rec.state == RECORD_EXPIRED) { /* the sweeper came by: what it may, and nothing else */
        MUST(w, is_over(&w->tok[t], w->rig.clock.now));
        MUST(w, w->tok[t].state == RECORD_ACTIVE || w->tok[t].state == RECORD_SUSPENDED);
        w->swept++;
    } else {
        MUST(w, rec.state == w->tok[t].state);
    }
    MUST(w, rec.value_len == strlen(values[w->tok[t].value]) &&
                memcmp(rec.value, values[w->tok[t].value], rec.value_len) == 0);
    MUST(w, rec.uses_left == w->tok[t].uses && rec.expires_ms == w->tok[t].expires_ms);
    for (size_t p = 0; p < PARTNERS; p++)
        MUST(w, record_has_partner(&rec, (uint32_t)p + 1) == w->tok[t].sent[p]);
    seen->count[0]++;
    return true;
}

static inline bool is_rotating(const struct world *w, size_t kind)
{
    for (size_t i = 0; i < w->ceremonies; i++)
        if (w->cer[i].kind == kind && w->cer[i].state == CEREMONY_RUNNING)
            return true;
    return false;
}

/* Under the version that counts every value leads to its token; under the one that is being made
 * none leads elsewhere; others are only there while a rotation clears them away. */
static inline bool index_each(void *arg, struct view key, uint64_t seq, struct view image)
{
    struct rows_seen *seen = arg;
    struct world *w = seen->w;
    uint8_t want[INDEX_KEY_LEN];
    const struct domain *domain;
    char text[64] = "";
    struct reader r;
    uint32_t version;
    size_t d, t;

    (void)seq;
    reader_init(&r, key.p + 1, key.len - 1);
    d = domain_by_id(w, reader_be32(&r));
    version = reader_be32(&r);
    memcpy(text, image.p, image.len);
    MUST(w, d != NONE);
    domain = directory_domain_id(w->rig.core.dir, w->domain_id[d]);
    if (version != domain->index_version && version != domain->index_next) {
        MUST(w, d == 0 && is_rotating(w, ROTATE_INDEX));
        return true;
    }
    t = token_find_text(w, d, text);
    MUST(w, t != NONE && newest(w, d, w->tok[t].value) == t);
    MUST(w, index_key(w->rig.worker.crypt, w->rig.core.ring, domain->id, version,
                      view_str(values[w->tok[t].value]), want) == HUFU_OK);
    MUST(w, view_equal(key, view_of(want, sizeof(want))));
    seen->count[1] += version == domain->index_version;
    return true;
}

static inline void scan(struct world *w, uint8_t table, struct rows_seen *seen,
                        bool (*each)(void *, struct view, uint64_t, struct view))
{
    uint8_t from_mem[STORE_KEY_MAX], next_mem[STORE_KEY_MAX];
    struct buf from, next;

    buf_fixed(&from, from_mem, sizeof(from_mem));
    buf_u8(&from, table);
    do {
        buf_fixed(&next, next_mem, sizeof(next_mem));
        MUST(w, store_scan(w->rig.sweeper.reader, view_of(&table, 1), buf_view(&from), 50, each,
                           seen, &next) == HUFU_OK);
        buf_fixed(&from, from_mem, sizeof(from_mem));
        buf_put(&from, next.p, next.len);
    } while (next.len > 0);
}

/* Every mapping that was answered is there as answered, and no other is. */
static inline void store_check(struct world *w)
{
    struct rows_seen seen = { .w = w };
    size_t indexed = 0;

    scan(w, TABLE_TOKEN, &seen, token_each);
    scan(w, TABLE_INDEX, &seen, index_each);
    for (size_t d = 0; d < DOMAINS; d++)
        for (size_t v = 0; v < VALUES && is_deterministic(d); v++)
            indexed += newest(w, d, v) != NONE;
    MUST(w, seen.count[0] == w->toks && seen.count[1] == indexed);
}

#endif
