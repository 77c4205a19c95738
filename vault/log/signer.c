#include "vault/log/signer.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct signer {
    struct store *store;
    struct hsm_ops *hsm;
    struct signer_settings set;
    struct log_identity log;
    bool started;
    uint64_t last_try_ms; /* boot ms; the step's own */
    /* The stored note of the step in work; belongs to the journal until stored(). */
    struct store_draft draft;
    struct buf pending_note;
    uint64_t pending_size;
    bool in_flight; /* under mu */

    pthread_mutex_t mu; /* guards what is below */
    struct buf note;    /* published */
    uint64_t size;
    uint64_t signed_ms;      /* UTC */
    uint64_t unsigned_since; /* boot ms since when the log is ahead of the note; 0: it is not */
};

enum hufu_err signer_new(struct store *store, struct hsm_ops *hsm,
                         const struct signer_settings *settings, struct signer **out)
{
    struct signer *s = calloc(1, sizeof(*s));

    if (s == NULL)
        return HUFU_NOMEM;
    s->store = store;
    s->hsm = hsm;
    s->set = *settings;
    pthread_mutex_init(&s->mu, NULL);
    buf_init(&s->note, NOTE_MAX);
    buf_init(&s->pending_note, NOTE_MAX);
    *out = s;
    return HUFU_OK;
}

void signer_free(struct signer *s)
{
    if (s == NULL)
        return;
    buf_done(&s->note);
    buf_done(&s->pending_note);
    pthread_mutex_destroy(&s->mu);
    free(s);
}

enum hufu_err signer_start(struct signer *s, const struct log_identity *log)
{
    struct store_reader *reader = NULL;
    struct checkpoint cp;
    struct buf note;
    enum hufu_err err;

    buf_init(&note, NOTE_MAX);
    err = store_reader_new(s->store, &reader);
    if (err != HUFU_OK)
        goto out;
    err = store_meta(reader, view_str("checkpoint"), &note);
    if (err != HUFU_OK && err != HUFU_NOT_FOUND)
        goto out;
    pthread_mutex_lock(&s->mu);
    s->log = *log;
    s->started = true;
    if (err == HUFU_OK && note_read(buf_view(&note), &cp) == HUFU_OK) {
        buf_reset(&s->note);
        buf_put(&s->note, note.p, note.len);
        s->size = cp.size;
        s->signed_ms = s->set.clock->now_ms(s->set.clock);
    }
    pthread_mutex_unlock(&s->mu);
    err = HUFU_OK;
out:
    store_reader_free(reader);
    buf_done(&note);
    return err;
}

/* The note is durable: it may be seen. */
static void stored(struct store_draft *draft)
{
    struct signer *s = draft->arg;

    pthread_mutex_lock(&s->mu);
    if (draft->err == HUFU_OK) {
        buf_reset(&s->note);
        buf_put(&s->note, s->pending_note.p, s->pending_note.len);
        s->size = s->pending_size;
        s->signed_ms = s->set.clock->now_ms(s->set.clock);
        s->unsigned_since = 0; /* the next step sets it again where the log has gone on */
    }
    s->in_flight = false;
    pthread_mutex_unlock(&s->mu);
}

/* Prints and signs the note for the tree into pending_note. */
static enum hufu_err sign(struct signer *s, const struct merkle *tree)
{
    struct checkpoint cp = { .size = tree->size };
    uint8_t sig_mem[256], text_mem[512];
    struct buf sig, text;
    enum hufu_err err;

    memcpy(cp.origin, s->log.origin, sizeof(cp.origin));
    merkle_root(tree, &cp.root);
    buf_fixed(&text, text_mem, sizeof(text_mem));
    buf_fixed(&sig, sig_mem, sizeof(sig_mem));
    checkpoint_print(&cp, &text);
    err = buf_check(&text);
    if (err == HUFU_OK)
        err = hsm_sign(s->hsm, view_str(s->log.key_id), buf_view(&text), &sig);
    if (err != HUFU_OK)
        return err;
    buf_reset(&s->pending_note);
    note_print(buf_view(&text), s->log.origin, view_of(s->log.spki, s->log.spki_len),
               buf_view(&sig), &s->pending_note);
    s->pending_size = tree->size;
    return buf_check(&s->pending_note);
}

bool signer_step(struct signer *s)
{
    uint64_t boot = s->set.clock->boot_ms(s->set.clock);
    struct merkle tree;
    bool due;

    store_log(s->store, &tree);
    pthread_mutex_lock(&s->mu);
    due = s->started && !s->in_flight && tree.size > s->size &&
          (s->last_try_ms == 0 || boot - s->last_try_ms >= s->set.pause_ms);
    if (tree.size <= s->size)
        s->unsigned_since = 0;
    else if (s->unsigned_since == 0)
        s->unsigned_since = boot + 1;
    if (due)
        s->in_flight = true;
    pthread_mutex_unlock(&s->mu);
    if (!due)
        return false;
    s->last_try_ms = boot;
    if (sign(s, &tree) == HUFU_OK) {
        s->draft = (struct store_draft){ .meta_key = view_str("checkpoint"),
                                         .meta_value = buf_view(&s->pending_note),
                                         .done = stored,
                                         .arg = s };
        if (store_submit(s->store, &s->draft) == HUFU_OK)
            return true;
    }
    pthread_mutex_lock(&s->mu);
    s->in_flight = false;
    pthread_mutex_unlock(&s->mu);
    return true;
}

enum hufu_err signer_note(struct signer *s, struct buf *out)
{
    enum hufu_err err = HUFU_NOT_FOUND;

    pthread_mutex_lock(&s->mu);
    if (s->note.len > 0) {
        buf_put(out, s->note.p, s->note.len);
        err = buf_check(out);
    }
    pthread_mutex_unlock(&s->mu);
    return err;
}

bool signer_is_fresh(struct signer *s)
{
    uint64_t boot = s->set.clock->boot_ms(s->set.clock);
    bool fresh;

    pthread_mutex_lock(&s->mu);
    fresh = s->unsigned_since == 0 || boot + 1 - s->unsigned_since <= s->set.max_age_ms;
    pthread_mutex_unlock(&s->mu);
    return fresh;
}

uint64_t signer_unsigned_ms(struct signer *s)
{
    uint64_t boot = s->set.clock->boot_ms(s->set.clock);
    uint64_t ms;

    pthread_mutex_lock(&s->mu);
    ms = s->unsigned_since == 0 ? 0 : boot + 1 - s->unsigned_since;
    pthread_mutex_unlock(&s->mu);
    return ms;
}

void signer_numbers(struct signer *s, uint64_t *size_out, uint64_t *signed_ms_out)
{
    pthread_mutex_lock(&s->mu);
    *size_out = s->size;
    *signed_ms_out = s->signed_ms;
    pthread_mutex_unlock(&s->mu);
}
