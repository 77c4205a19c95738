#include "vault/base/conf.h"

#include <ini.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "vault/base/bins.h"
#include "vault/base/conf_text.h"
#include "vault/base/text.h"

#define ROW(id, section, key, type, unit, min, max, def, help)                                     \
    { section, key, CONF_##type, unit, min, max, def, help },
const struct conf_row conf_rows[CONF_COUNT] = { CONF_ROWS(ROW) };
#undef ROW

struct value {
    uint64_t number;
    char *text; /* TEXT and PATH rows */
    bool given; /* by the file being read */
};

struct conf {
    struct value values[CONF_COUNT];
};

/* One reading of one text. */
struct parse {
    struct conf *conf;
    const char *name;
    struct view left;
    unsigned line;
    bool section_known; /* of the newest [section] */
    enum hufu_err err;  /* the first fault */
    char *err_text;
    size_t err_text_len;
};

/* Keeps the first fault only. The words are ours: nothing of the file is repeated. */
__attribute__((format(printf, 3, 4))) static void fault(struct parse *p, enum hufu_err err,
                                                        const char *format, ...)
{
    va_list args;
    int at = 0;

    if (p->err != HUFU_OK)
        return;
    p->err = err;
    if (p->err_text_len == 0)
        return;
    if (p->line > 0)
        at = snprintf(p->err_text, p->err_text_len, "%s:%u: ", p->name, p->line);
    else
        at = snprintf(p->err_text, p->err_text_len, "%s: ", p->name);
    if (at < 0 || (size_t)at >= p->err_text_len)
        return;
    va_start(args, format);
    (void)vsnprintf(p->err_text + at, p->err_text_len - (size_t)at, format, args);
    va_end(args);
}

static bool is_power_of_two(uint64_t v)
{
    return v != 0 && (v & (v - 1)) == 0;
}

static void set_number(struct parse *p, enum conf_id id, struct view text)
{
    const struct conf_row *row = &conf_rows[id];
    uint64_t v = 0;
    enum hufu_err err = text_u64(text, row->min, row->max, &v);

    if (err == HUFU_RANGE)
        fault(p, err, "%s.%s must be %llu to %llu%s%s", row->section, row->key,
              (unsigned long long)row->min, (unsigned long long)row->max,
              row->unit[0] != '\0' ? " " : "", row->unit);
    else if (err != HUFU_OK)
        fault(p, err, "%s.%s must be a decimal number", row->section, row->key);
    else if (id == CONF_HEAP_BYTES && !is_power_of_two(v))
        fault(p, HUFU_RANGE, "%s.%s must be a power of two", row->section, row->key);
    else
        p->conf->values[id].number = v;
}

struct view conf_word(const struct conf_row *row, uint64_t i)
{
    const char *word = row->unit;

    for (; i > 0 && word != NULL; i--) {
        word = strchr(word, '|');
        word = word == NULL ? NULL : word + 1;
    }
    return word == NULL ? view_of(NULL, 0) : view_of(word, strcspn(word, "|"));
}

static void set_choice(struct parse *p, enum conf_id id, struct view text)
{
    const struct conf_row *row = &conf_rows[id];

    for (uint64_t i = 0; conf_word(row, i).len > 0; i++) {
        if (view_equal(text, conf_word(row, i))) {
            p->conf->values[id].number = i;
            return;
        }
    }
    fault(p, HUFU_SYNTAX, "%s.%s must be one of %s", row->section, row->key, row->unit);
}

static void set_text(struct parse *p, enum conf_id id, struct view text)
{
    const struct conf_row *row = &conf_rows[id];
    uint64_t max = row->type == CONF_PATH ? CONF_PATH_MAX : row->max;
    struct bins bins;
    const char *why;
    char *copy;

    if (text.len < row->min || text.len > max) {
        fault(p, HUFU_RANGE, "%s.%s must have %llu to %llu bytes", row->section, row->key,
              (unsigned long long)row->min, (unsigned long long)max);
        return;
    }
    why = conf_text_fault(id, text);
    if (why != NULL) {
        fault(p, HUFU_SYNTAX, "%s.%s %s", row->section, row->key, why);
        return;
    }
    if (id == CONF_TOKEN_BINS && bins_parse(text, &bins, &why) != HUFU_OK) {
        fault(p, HUFU_SYNTAX, "%s.%s: %s", row->section, row->key, why);
        return;
    }
    copy = calloc(1, text.len + 1);
    if (copy == NULL) {
        fault(p, HUFU_NOMEM, "out of memory");
        return;
    }
    if (text.len > 0)
        memcpy(copy, text.p, text.len);
    free(p->conf->values[id].text);
    p->conf->values[id].text = copy;
}

static void set(struct parse *p, enum conf_id id, struct view text)
{
    switch (conf_rows[id].type) {
    case CONF_NUMBER:
        set_number(p, id, text);
        break;
    case CONF_CHOICE:
        set_choice(p, id, text);
        break;
    case CONF_TEXT:
    case CONF_PATH:
        set_text(p, id, text);
        break;
    }
}

static bool find(struct view section, struct view key, enum conf_id *out)
{
    for (unsigned i = 0; i < CONF_COUNT; i++) {
        if (view_is(section, conf_rows[i].section) && view_is(key, conf_rows[i].key)) {
            *out = (enum conf_id)i;
            return true;
        }
    }
    return false;
}

static bool is_section(struct view name)
{
    for (unsigned i = 0; i < CONF_COUNT; i++)
        if (view_is(name, conf_rows[i].section))
            return true;
    return false;
}

/* inih's handler: one key. Zero ends the reading. */
static int take_key(void *arg, const char *section, const char *key, const char *value)
{
    struct parse *p = arg;
    enum conf_id id;

    if (p->err != HUFU_OK)
        return 0;
    if (!p->section_known) {
        fault(p, HUFU_SYNTAX, "a key before any [section]");
        return 0;
    }
    if (!find(view_str(section), view_str(key), &id)) {
        fault(p, HUFU_SYNTAX, "no such key in this section");
        return 0;
    }
    if (p->conf->values[id].given) {
        fault(p, HUFU_SYNTAX, "%s.%s is given twice", conf_rows[id].section, conf_rows[id].key);
        return 0;
    }
    p->conf->values[id].given = true;
    set(p, id, view_str(value));
    return p->err == HUFU_OK;
}

static struct view skip_blanks(struct view text)
{
    while (text.len > 0 && (text.p[0] == ' ' || text.p[0] == '\t'))
        text = view_of(text.p + 1, text.len - 1);
    return text;
}

/* Debian's inih does not report a section by itself: look at its line before inih does. */
static void look_at_section(struct parse *p, struct view line)
{
    const uint8_t *end;

    line = skip_blanks(line);
    if (line.len == 0 || line.p[0] != '[')
        return;
    end = memchr(line.p, ']', line.len);
    if (end == NULL)
        fault(p, HUFU_SYNTAX, "a section without its ]");
    else if (skip_blanks(view_of(end + 1, line.len - (size_t)(end + 1 - line.p))).len > 0)
        fault(p, HUFU_SYNTAX, "something behind the ] of a section");
    else if (!is_section(view_of(line.p + 1, (size_t)(end - line.p) - 1)))
        fault(p, HUFU_SYNTAX, "no such section");
    else
        p->section_known = true;
}

static bool is_line(struct view line)
{
    while (line.len > 0) {
        size_t len = text_utf8_len(line);

        if (len == 0 || (line.p[0] < 0x20 && line.p[0] != '\t') || line.p[0] == 0x7f)
            return false;
        line = view_of(line.p + len, line.len - len);
    }
    return true;
}

/* inih's reader: one line, which we count and look at first. NULL ends the reading. */
static char *give_line(char *out, int out_len, void *arg)
{
    struct parse *p = arg;
    const uint8_t *end;
    struct view line;
    size_t taken;

    if (p->left.len == 0 || p->err != HUFU_OK)
        return NULL;
    p->line++;
    end = memchr(p->left.p, '\n', p->left.len);
    line = view_of(p->left.p, end != NULL ? (size_t)(end - p->left.p) : p->left.len);
    taken = line.len + (end != NULL ? 1 : 0);
    p->left = view_of(p->left.p + taken, p->left.len - taken);
    if (line.len > 0 && line.p[line.len - 1] == '\r')
        line.len--;
    if (line.len > CONF_LINE_MAX || (int)line.len + 2 > out_len)
        fault(p, HUFU_RANGE, "a line of more than %d bytes", CONF_LINE_MAX);
    else if (!is_line(line))
        fault(p, HUFU_SYNTAX, "not text in UTF-8");
    else
        look_at_section(p, line);
    if (p->err != HUFU_OK)
        return NULL;
    memcpy(out, line.p, line.len);
    out[line.len] = '\n';
    out[line.len + 1] = '\0';
    return out;
}

static struct conf *make_default(struct parse *p)
{
    p->conf = calloc(1, sizeof(*p->conf));
    if (p->conf == NULL) {
        fault(p, HUFU_NOMEM, "out of memory");
        return NULL;
    }
    for (unsigned i = 0; i < CONF_COUNT; i++)
        set(p, (enum conf_id)i, view_str(conf_rows[i].def));
    return p->conf;
}

enum hufu_err conf_parse(const char *name, struct view text, struct conf **out, char *err_text,
                         size_t err_text_len)
{
    struct parse p = {
        .name = name, .left = text, .err_text = err_text, .err_text_len = err_text_len
    };
    struct conf *conf = make_default(&p);
    int stopped;

    if (p.err == HUFU_OK && text.len > CONF_FILE_MAX)
        fault(&p, HUFU_RANGE, "a file of more than %d bytes", CONF_FILE_MAX);
    if (p.err == HUFU_OK) {
        /* A value is all of its line: no continued lines, no comments behind it. */
        ini_allow_multiline = false;
        ini_allow_inline_comments = false;
        ini_allow_bom = false;
        ini_stop_on_first_error = true;
        ini_max_line = CONF_LINE_MAX + 3;
        stopped = ini_parse_stream(give_line, &p, take_key, &p);
        if (stopped != 0)
            fault(&p, HUFU_SYNTAX, "neither [section] nor key = value");
    }
    if (p.err != HUFU_OK) {
        conf_free(conf);
        return p.err;
    }
    *out = conf;
    return HUFU_OK;
}

enum hufu_err conf_load(const char *path, struct conf **out, char *err_text, size_t err_text_len)
{
    struct parse p = { .name = path, .err_text = err_text, .err_text_len = err_text_len };
    struct view text = { 0 };
    uint8_t *mem = NULL;
    FILE *file = NULL;

    if (path == NULL || path[0] == '\0')
        return conf_parse("defaults", text, out, err_text, err_text_len);
    mem = malloc(CONF_FILE_MAX + 1);
    if (mem == NULL) {
        fault(&p, HUFU_NOMEM, "out of memory");
        goto out;
    }
    file = fopen(path, "re");
    if (file == NULL) {
        fault(&p, HUFU_IO, "cannot be opened");
        goto out;
    }
    text = view_of(mem, fread(mem, 1, CONF_FILE_MAX + 1, file));
    if (ferror(file)) {
        fault(&p, HUFU_IO, "cannot be read");
        goto out;
    }
    p.err = conf_parse(path, text, out, err_text, err_text_len);
out:
    if (file != NULL)
        (void)fclose(file);
    free(mem);
    return p.err;
}

enum hufu_err conf_set(struct conf *c, const char *assignment, char *err_text, size_t err_text_len)
{
    struct parse p = {
        .conf = c, .name = "option", .err_text = err_text, .err_text_len = err_text_len
    };
    const char *dot = strchr(assignment, '.');
    const char *equal = dot != NULL ? strchr(dot, '=') : NULL;
    enum conf_id id;

    if (equal == NULL)
        fault(&p, HUFU_SYNTAX, "must be section.key=value");
    else if (!find(view_of(assignment, (size_t)(dot - assignment)),
                   view_of(dot + 1, (size_t)(equal - dot) - 1), &id))
        fault(&p, HUFU_SYNTAX, "no such section and key");
    else
        set(&p, id, view_str(equal + 1));
    return p.err;
}

void conf_free(struct conf *c)
{
    if (c == NULL)
        return;
    for (unsigned i = 0; i < CONF_COUNT; i++)
        free(c->values[i].text);
    free(c);
}

uint64_t conf_u64(const struct conf *c, enum conf_id id)
{
    return c->values[id].number;
}

const char *conf_text(const struct conf *c, enum conf_id id)
{
    return c->values[id].text;
}
