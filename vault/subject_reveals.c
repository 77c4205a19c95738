#include "vault/subject_reveals.h"

#include <stdlib.h>
#include <string.h>

#include "vault/log/entry_read.h"
#include "vault/reveal_seen.h"

#define CHUNK 4096 /* rows of one read transaction */
#define AROUND_MS                                                                                  \
    60000              /* between the drafting of a line of the register and its commit, at most   \
                        */
#define LINES_MAX 1024 /* of the register that are looked at for one reveal */
#define BATCH_MAX MSG_ITEMS_MAX
#define MS_BYTES  6 /* of a UUIDv7: the time it was made */

struct walk {
    struct subject_reveals *r;
    size_t looked;
};

int subject_reveals_order(const void *a, const void *b)
{
    return memcmp(a, b, ENTRY_TOKEN_ID_LEN); /* names of the log: not secret */
}

bool subject_reveals_has(const struct subject_reveals *r, const uint8_t *token_id)
{
    return bsearch(token_id, r->token_id, r->token_count, ENTRY_TOKEN_ID_LEN,
                   subject_reveals_order) != NULL;
}

bool subject_reveals_add(struct subject_reveals *r, const struct subject_reveal *reveal)
{
    r->complete = r->complete && r->count < SUBJECT_REVEALS_MAX;
    if (r->count == SUBJECT_REVEALS_MAX)
        return false;
    r->item[r->count++] = *reveal;
    return true;
}

static bool look(void *arg, struct view key, uint64_t seq, struct view image)
{
    struct walk *walk = arg;
    struct subject_reveal reveal = { .index = seq };
    struct reveal_seen row;

    walk->looked++;
    /* What left in a file is told by its export (subject_exports.c), for each of them. */
    if (reveal_seen_parse(key, image, &row) != HUFU_OK || row.way == REVEAL_EXPORTED ||
        !subject_reveals_has(walk->r, row.token_id))
        return true;
    reveal.time_ms = row.first_ms;
    reveal.user_id = row.user_id;
    memcpy(reveal.token_id, row.token_id, sizeof(reveal.token_id));
    return subject_reveals_add(walk->r, &reveal);
}

static int compare_reveals(const void *a, const void *b)
{
    const struct subject_reveal *left = a, *right = b;
    int by_id = subject_reveals_order(left->token_id, right->token_id);

    if (by_id != 0)
        return by_id;
    return left->index < right->index ? -1 : left->index > right->index;
}

void subject_reveals_sort(struct subject_reveals *r)
{
    qsort(r->item, r->count, sizeof(*r->item), compare_reveals);
}

enum hufu_err subject_reveals_find(struct worker *w, struct subject_reveals *r)
{
    uint8_t table = TABLE_SEEN, from_mem[STORE_KEY_MAX], next_mem[STORE_KEY_MAX];
    struct view prefix = view_of(&table, 1), from = prefix;
    struct walk walk = { .r = r };
    struct buf next;
    enum hufu_err err = HUFU_OK;

    r->count = 0;
    r->complete = true;
    do {
        buf_fixed(&next, next_mem, sizeof(next_mem));
        err = store_scan(w->reader, prefix, from, CHUNK, look, &walk, &next);
        memcpy(from_mem, next_mem, next.len);
        from = view_of(from_mem, next.len);
    } while (err == HUFU_OK && r->complete && next.len > 0 && walk.looked < SUBJECT_ROWS_MAX);
    if (err != HUFU_OK)
        return HUFU_UNAVAILABLE;
    if (next.len > 0)
        r->complete = false;
    return HUFU_OK;
}

struct entry { /* of a reveal, read from the log */
    const struct subject_reveal *reveal;
    struct subject_why *out;
    struct buf text;
    char request_id[65], principal[TEXT_NAME_MAX + 1];
    uint64_t time_ms;
    bool found;
};

static void copy(char *out, size_t out_len, struct view text)
{
    size_t n = text.len < out_len ? text.len : 0; /* what is longer was not written by us */

    if (n > 0)
        memcpy(out, text.p, n);
    out[n] = '\0';
}

/* Only the very entry counts: one that names this token. */
static bool read_line(void *arg, uint64_t index, struct view line)
{
    uint8_t id[ENTRY_TOKEN_ID_LEN];
    struct entry *e = arg;
    struct entry_fields f;

    (void)index;
    if (entry_read(line, &e->text, &f) != HUFU_OK)
        return false;
    for (size_t i = 0; i < f.token_id_count && !e->found; i++) {
        entry_read_id(&f, i, id);
        e->found = subject_reveals_order(id, e->reveal->token_id) == 0;
    }
    if (!e->found)
        return false;
    copy(e->out->purpose, sizeof(e->out->purpose), f.purpose);
    copy(e->out->reason, sizeof(e->out->reason), f.reason);
    copy(e->request_id, sizeof(e->request_id), f.request_id);
    copy(e->principal, sizeof(e->principal), f.principal);
    e->time_ms = f.time_ms;
    return false;
}

struct lines { /* of the sharing register around a reveal */
    struct worker *w;
    const struct entry *entry;
    struct subject_why *out;
    size_t looked;
};

static uint64_t id_ms(const uint8_t *id)
{
    uint64_t ms = 0;

    for (size_t i = 0; i < MS_BYTES; i++)
        ms = ms << 8 | id[i];
    return ms;
}

/* The line was committed with the reveal: by the same request, in the same draft or just before. */
static bool is_of(const struct entry *e, const struct share_row *line, uint64_t seq)
{
    return strcmp(line->request_id, e->request_id) == 0 &&
           strcmp(line->principal, e->principal) == 0 && seq <= e->reveal->index + BATCH_MAX &&
           seq + BATCH_MAX >= e->reveal->index;
}

static bool look_line(void *arg, struct view key, uint64_t seq, struct view image)
{
    struct lines *l = arg;
    uint8_t mem[SHARE_ROW_MAX];
    struct share_row line;
    struct buf text;
    bool ours = false;

    if (++l->looked > LINES_MAX || key.len != 1 + ID_LEN ||
        id_ms(key.p + 1) > l->entry->time_ms + AROUND_MS)
        return false;
    buf_fixed(&text, mem, sizeof(mem));
    if (row_open_control(l->w->crypt, l->w->core->ring, key, seq, image, &text) == HUFU_OK &&
        share_row_get(buf_view(&text), &line) == HUFU_OK)
        ours = is_of(l->entry, &line, seq);
    buf_done(&text);
    if (ours)
        memcpy(l->out->recipient, line.recipient, sizeof(l->out->recipient));
    return !ours;
}

static enum hufu_err find_recipient(struct worker *w, const struct entry *e,
                                    struct subject_why *out)
{
    uint64_t ms = e->time_ms > AROUND_MS ? e->time_ms - AROUND_MS : 0;
    uint8_t table = TABLE_SHARE, from_mem[1 + ID_LEN] = { TABLE_SHARE }, next_mem[STORE_KEY_MAX];
    struct lines lines = { w, e, out, 0 };
    struct buf next;

    for (size_t i = 0; i < MS_BYTES; i++)
        from_mem[1 + i] = (uint8_t)(ms >> (8 * (MS_BYTES - 1 - i)));
    buf_fixed(&next, next_mem, sizeof(next_mem));
    return store_scan(w->reader, view_of(&table, 1), view_of(from_mem, sizeof(from_mem)), LINES_MAX,
                      look_line, &lines, &next) == HUFU_OK
               ? HUFU_OK
               : HUFU_UNAVAILABLE;
}

enum hufu_err subject_reveals_why(struct worker *w, uint8_t *line,
                                  const struct subject_reveal *reveal, struct subject_why *out)
{
    struct subject_why why = { .purpose = "" };
    struct entry e = { .reveal = reveal, .out = &why };
    enum hufu_err err = HUFU_OK;

    buf_fixed(&e.text, line, ENTRY_LINE_MAX);
    if (store_entries(w->reader, reveal->index, 1, read_line, &e) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    memcpy(why.recipient, reveal->recipient, sizeof(why.recipient));
    if (e.found && why.recipient[0] == '\0')
        err = find_recipient(w, &e, &why);
    if (err == HUFU_OK)
        *out = why;
    return err;
}
