#include "vault/access/deny.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vault/base/secret.h"
#include "vault/base/text.h"

#define CHUNK 4096

struct words { /* in lower case, in order */
    uint8_t *text;
    struct view *word;
    size_t count;
};

struct deny {
    pthread_mutex_t lock; /* over words */
    struct words words;
};

static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c - 'A' + 'a') : c;
}

static int compare(const void *one, const void *other)
{
    const struct view *a = one, *b = other;
    size_t len = a->len < b->len ? a->len : b->len;

    for (size_t i = 0; i < len; i++)
        if (a->p[i] != b->p[i])
            return a->p[i] < b->p[i] ? -1 : 1;
    return (a->len > b->len) - (a->len < b->len);
}

static void words_done(struct words *w)
{
    free(w->text);
    free(w->word);
    *w = (struct words){ NULL, NULL, 0 };
}

enum hufu_err deny_new(struct deny **out)
{
    struct deny *d = calloc(1, sizeof(*d));

    if (d == NULL)
        return HUFU_NOMEM;
    if (pthread_mutex_init(&d->lock, NULL) != 0) {
        free(d);
        return HUFU_NOMEM;
    }
    *out = d;
    return HUFU_OK;
}

void deny_free(struct deny *d)
{
    if (d == NULL)
        return;
    words_done(&d->words);
    pthread_mutex_destroy(&d->lock);
    free(d);
}

static enum hufu_err refuse(struct deny_fault *fault, enum hufu_err err, unsigned line,
                            const char *why)
{
    *fault = (struct deny_fault){ why, line };
    return err;
}

/* Takes the next line off *left; without its end. */
static struct view take_line(struct view *left)
{
    const uint8_t *end = memchr(left->p, '\n', left->len);
    size_t len = end == NULL ? left->len : (size_t)(end - left->p);
    struct view line = view_of(left->p, len);
    size_t taken = len + (end == NULL ? 0 : 1);

    *left = view_of(left->p + taken, left->len - taken);
    if (line.len > 0 && line.p[line.len - 1] == '\r')
        line.len--;
    return line;
}

/* Lines of w->text, each checked; the words point into it. */
static enum hufu_err read_lines(struct words *w, size_t text_len, struct deny_fault *fault)
{
    struct view left = view_of(w->text, text_len);

    for (unsigned n = 1; left.len > 0; n++) {
        struct view line = take_line(&left);

        if (line.len > DENY_LINE_MAX)
            return refuse(fault, HUFU_RANGE, n, "line-over-256-bytes");
        if (!text_is_utf8(line))
            return refuse(fault, HUFU_SYNTAX, n, "not-utf-8-text");
        if (line.len > 0)
            w->word[w->count++] = line;
    }
    qsort(w->word, w->count, sizeof(*w->word), compare);
    return HUFU_OK;
}

static size_t count_lines(struct view text)
{
    size_t n = 1;

    for (size_t i = 0; i < text.len; i++)
        n += text.p[i] == '\n';
    return n;
}

enum hufu_err deny_parse(struct deny *d, struct view text, struct deny_fault *fault)
{
    struct words made = { NULL, NULL, 0 }, old;
    enum hufu_err err;

    if (text.len > DENY_FILE_MAX)
        return refuse(fault, HUFU_RANGE, 0, "file-over-1-mib");
    made.text = malloc(text.len + 1);
    made.word = calloc(count_lines(text), sizeof(*made.word));
    if (made.text == NULL || made.word == NULL) {
        words_done(&made);
        return refuse(fault, HUFU_NOMEM, 0, "no-memory");
    }
    for (size_t i = 0; i < text.len; i++)
        made.text[i] = lower(text.p[i]);
    err = read_lines(&made, text.len, fault);
    if (err != HUFU_OK) {
        words_done(&made);
        return err;
    }
    pthread_mutex_lock(&d->lock);
    old = d->words;
    d->words = made;
    pthread_mutex_unlock(&d->lock);
    words_done(&old);
    return HUFU_OK;
}

/* Reads all of the file, a little more than allowed at most. */
static enum hufu_err read_file(const char *path, struct buf *text, struct deny_fault *fault)
{
    FILE *f = fopen(path, "rbe");
    enum hufu_err err = HUFU_IO;
    uint8_t chunk[CHUNK];
    size_t n;

    if (f == NULL)
        return refuse(fault, HUFU_NOT_FOUND, 0, "cannot-be-opened");
    while (text->len <= DENY_FILE_MAX && (n = fread(chunk, 1, sizeof(chunk), f)) > 0)
        buf_put(text, chunk, n);
    if (ferror(f) == 0)
        err = buf_check(text);
    (void)fclose(f); /* it was only read */
    return err == HUFU_OK ? err : refuse(fault, err, 0, "cannot-be-read");
}

enum hufu_err deny_load(struct deny *d, const char *path, struct deny_fault *fault)
{
    struct buf text;
    enum hufu_err err = HUFU_OK;

    buf_init(&text, DENY_FILE_MAX + 2 * CHUNK);
    if (path[0] != '\0')
        err = read_file(path, &text, fault);
    if (err == HUFU_OK)
        err = deny_parse(d, buf_view(&text), fault);
    buf_done(&text);
    return err;
}

static bool has(const struct words *w, struct view word)
{
    return w->count > 0 && bsearch(&word, w->word, w->count, sizeof(*w->word), compare) != NULL;
}

bool deny_has(struct deny *d, struct view password)
{
    uint8_t text[DENY_LINE_MAX] = { 0 };
    struct view left = view_of(text, password.len);
    bool found = false;

    if (d == NULL || password.len == 0 || password.len > sizeof(text))
        return false;
    for (size_t i = 0; i < password.len; i++)
        text[i] = lower(password.p[i]);
    pthread_mutex_lock(&d->lock);
    found = has(&d->words, left);
    while (!found && left.len > 1 && left.p[left.len - 1] >= '0' && left.p[left.len - 1] <= '9') {
        left.len--;
        found = has(&d->words, left);
    }
    pthread_mutex_unlock(&d->lock);
    wipe(text, sizeof(text));
    return found;
}

size_t deny_count(struct deny *d)
{
    size_t n;

    pthread_mutex_lock(&d->lock);
    n = d->words.count;
    pthread_mutex_unlock(&d->lock);
    return n;
}
