/* What of a data subject left in files: the entries between an export's beginning and its end. */
#include "vault/subject_reveals.h"

#include <string.h>

#include "vault/export.h"
#include "vault/log/entry_read.h"

#define CHUNK     256   /* entries of one read transaction */
#define AROUND_MS 60000 /* between the drafting of an operation and its commit, at most */

struct walk {
    struct worker *w;
    struct subject_reveals *r;
    const struct export_row *row;
    struct buf text;
    uint64_t from_ms, until_ms;
    uint64_t looked; /* entries, of all exports */
    uint64_t time_ms;
    bool is_over; /* the entries are past its end */
};

static bool see_time(void *arg, uint64_t index, struct view line)
{
    struct walk *walk = arg;
    struct entry_fields f;

    (void)index;
    if (entry_read(line, &walk->text, &f) == HUFU_OK)
        walk->time_ms = f.time_ms;
    return false;
}

/* The first of size entries that is not before from_ms: times never run back. */
static enum hufu_err find_begin(struct walk *walk, uint64_t size, uint64_t *out)
{
    uint64_t low = 0, high = size;

    while (low < high) {
        uint64_t mid = low + (high - low) / 2;

        walk->time_ms = 0;
        if (store_entries(walk->w->reader, mid, 1, see_time, walk) != HUFU_OK)
            return HUFU_UNAVAILABLE;
        if (walk->time_ms < walk->from_ms)
            low = mid + 1;
        else
            high = mid;
    }
    *out = low;
    return HUFU_OK;
}

/* Two exports of one time may bear one request id, which the client chooses. */
static bool is_listed(const struct subject_reveals *r, uint64_t index)
{
    for (size_t i = 0; i < r->count; i++)
        if (r->item[i].index == index && r->item[i].recipient[0] != '\0')
            return true;
    return false;
}

static bool see_entry(void *arg, uint64_t index, struct view line)
{
    struct subject_reveal reveal = { .index = index };
    struct walk *walk = arg;
    struct entry_fields f;

    walk->looked++;
    if (entry_read(line, &walk->text, &f) != HUFU_OK)
        return true;
    walk->is_over = f.time_ms > walk->until_ms;
    if (walk->is_over || !view_is(f.verb, "export") || !view_is(f.result, "ok") ||
        f.token_id_count != 1 || !view_is(f.request_id, walk->row->request_id))
        return !walk->is_over;
    entry_read_id(&f, 0, reveal.token_id);
    if (!subject_reveals_has(walk->r, reveal.token_id) || is_listed(walk->r, index))
        return true;
    reveal.time_ms = f.time_ms;
    reveal.user_id = walk->row->user_id;
    memcpy(reveal.recipient, walk->row->recipient, sizeof(reveal.recipient));
    return subject_reveals_add(walk->r, &reveal);
}

static enum hufu_err read_export(struct walk *walk)
{
    struct merkle log;
    uint64_t at;
    enum hufu_err err;

    store_log(walk->w->core->store, &log);
    walk->from_ms = walk->row->began_ms > AROUND_MS ? walk->row->began_ms - AROUND_MS : 0;
    walk->until_ms = walk->row->ended_ms + AROUND_MS;
    walk->is_over = false;
    err = find_begin(walk, log.size, &at);
    while (err == HUFU_OK && at < log.size && !walk->is_over && walk->r->complete) {
        uint64_t left = log.size - at, count = left < CHUNK ? left : CHUNK;

        if (walk->looked >= SUBJECT_LINES_MAX) {
            walk->r->complete = false;
            break;
        }
        if (store_entries(walk->w->reader, at, (size_t)count, see_entry, walk) != HUFU_OK)
            err = HUFU_UNAVAILABLE;
        at += count;
    }
    return err;
}

static bool is_of(const struct subject_reveals *r, const struct export_row *row)
{
    for (size_t i = 0; i < r->token_count; i++)
        if (r->domain_id[i] == row->domain_id)
            return true;
    return false;
}

/* Of one that did not end well the file is gone: nothing left. */
enum hufu_err subject_exports_find(struct worker *w, uint8_t *line, struct subject_reveals *r)
{
    struct export_row row;
    struct walk walk = { .w = w, .r = r, .row = &row };
    const uint8_t *after = NULL;
    enum hufu_err err = HUFU_OK;
    struct buf text;

    buf_init(&text, EXPORT_ROW_MAX);
    buf_fixed(&walk.text, line, ENTRY_LINE_MAX);
    while (err == HUFU_OK && r->complete && export_next(w->core, after, &text, &row) == HUFU_OK) {
        if (row.state == EXPORT_DONE && is_of(r, &row))
            err = read_export(&walk);
        after = row.id;
    }
    buf_done(&text);
    return err;
}
