#include "vault/initfile.h"

#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vault/access/password_rule.h"
#include "vault/base/log.h"
#include "vault/base/secret.h"
#include "vault/ff1_domain.h"
#include "vault/format/format_bin.h"

#define LIST_MAX 1024 /* bytes of a comma list */

struct parse {
    struct init *init;
    const struct format_set *formats;
    char section[64];
    bool is_open;                           /* the section's object is there */
    char partners[INIT_EACH_MAX][LIST_MAX]; /* of each domain, until all partners are known */
};

static bool copy(char *out, size_t out_len, const char *text)
{
    size_t n = strlen(text);

    if (n == 0 || n >= out_len)
        return false;
    memcpy(out, text, n + 1);
    return true;
}

/* Cuts "a,b , c" and hands each part on; false where one is refused. */
static bool each_part(const char *list, bool (*put)(void *arg, const char *part), void *arg)
{
    while (*list != '\0') {
        size_t n = strcspn(list, ",");
        char part[ROW_PURPOSE_MAX + 1];
        const char *begin = list;
        size_t len = n;

        while (len > 0 && *begin == ' ') {
            begin++;
            len--;
        }
        while (len > 0 && begin[len - 1] == ' ')
            len--;
        if (len == 0 || len >= sizeof(part))
            return false;
        memcpy(part, begin, len);
        part[len] = '\0';
        if (!put(arg, part))
            return false;
        list += n;
        if (*list == ',')
            list++;
    }
    return true;
}

static bool put_purpose(void *arg, const char *part)
{
    struct domain *d = arg;

    return d->purpose_count < ROW_PURPOSES_MAX &&
           copy(d->purpose[d->purpose_count++], sizeof(d->purpose[0]), part);
}

static bool put_format(void *arg, const char *part)
{
    struct partner *p = arg;

    return p->format_count < ROW_FORMATS_MAX &&
           copy(p->format[p->format_count++], sizeof(p->format[0]), part);
}

static bool put_domain(void *arg, const char *part)
{
    struct partner *p = arg;

    return p->domain_count < ROW_FORMATS_MAX &&
           copy(p->domain[p->domain_count++], sizeof(p->domain[0]), part);
}

static bool number(const char *value, uint64_t max, uint64_t *out)
{
    return text_u64(view_str(value), 0, max, out) == HUFU_OK;
}

static bool set_user(struct init_user *u, const char *key, const char *value)
{
    struct buf seed;

    if (strcmp(key, "role") == 0)
        return role_parse(view_str(value), &u->role) == HUFU_OK;
    if (strcmp(key, "group") == 0)
        return copy(u->group, sizeof(u->group), value);
    if (strcmp(key, "password") == 0)
        return copy(u->password, sizeof(u->password), value);
    if (strcmp(key, "totp_secret") != 0)
        return false;
    buf_fixed(&seed, u->seed, sizeof(u->seed));
    u->has_seed = text_unbase32(view_str(value), &seed) == HUFU_OK && seed.len == ROW_SEED_LEN;
    return u->has_seed;
}

static bool set_domain(struct parse *p, struct domain *d, const char *key, const char *value)
{
    const struct format *found;
    uint8_t mem[FORMAT_TEXT_MAX];
    struct buf text;
    uint64_t n;

    if (strcmp(key, "mode") == 0)
        return domain_mode_parse(view_str(value), &d->mode) == HUFU_OK;
    if (strcmp(key, "purposes") == 0)
        return each_part(value, put_purpose, d);
    if (strcmp(key, "partners") == 0)
        return copy(p->partners[p->init->domain_count - 1], LIST_MAX, value);
    if (strcmp(key, "keep_prefix") == 0 && number(value, 64, &n)) {
        d->keep.prefix = (uint8_t)n;
        return true;
    }
    if (strcmp(key, "keep_suffix") == 0 && number(value, 64, &n)) {
        d->keep.suffix = (uint8_t)n;
        return true;
    }
    if (strcmp(key, "batch_detokenize") == 0 && number(value, MSG_ITEMS_MAX, &n)) {
        d->batch_detokenize = (uint32_t)n;
        return true;
    }
    if (strcmp(key, "token_check") == 0 && strcmp(value, "none") == 0) {
        d->token_check = TOKEN_CHECK_NONE;
        return true;
    }
    if (strcmp(key, "format") != 0 || d->format != NULL ||
        format_set_find(p->formats, view_str(value), &found) != HUFU_OK)
        return false;
    buf_fixed(&text, mem, sizeof(mem));
    format_print(found, &text);
    return buf_check(&text) == HUFU_OK &&
           format_parse(buf_view(&text), &d->format, NULL, 0) == HUFU_OK;
}

static bool set_partner(struct partner *p, const char *key, const char *value)
{
    struct buf pin;

    if (strcmp(key, "formats") == 0)
        return each_part(value, put_format, p);
    if (strcmp(key, "domains") == 0)
        return each_part(value, put_domain, p);
    if (strcmp(key, "pin") != 0 || p->pin_count == ROW_PINS_MAX)
        return false;
    buf_fixed(&pin, p->pin[p->pin_count++], MSG_PIN_LEN);
    return text_unhex(view_str(value), &pin) == HUFU_OK && pin.len == MSG_PIN_LEN;
}

/* A new section: makes the object it names. */
static bool open_section(struct parse *p, const char *section)
{
    struct init *init = p->init;
    const char *space = strchr(section, ' ');
    const char *name = space == NULL ? "" : space + 1;

    if (!copy(p->section, sizeof(p->section), section) || !text_is_name(view_str(name)))
        return false;
    if (strncmp(section, "user ", 5) == 0 && init->user_count < INIT_EACH_MAX) {
        struct init_user *u = &init->user[init->user_count++];

        return copy(u->name, sizeof(u->name), name);
    }
    if (strncmp(section, "domain ", 7) == 0 && init->domain_count < INIT_EACH_MAX)
        return copy(init->domain[init->domain_count++].name, sizeof(init->domain[0].name), name);
    if (strncmp(section, "partner ", 8) == 0 && init->partner_count < INIT_EACH_MAX)
        return copy(init->partner[init->partner_count++].name, sizeof(init->partner[0].name), name);
    return false;
}

static int handle(void *arg, const char *section, const char *key, const char *value)
{
    struct parse *p = arg;
    struct init *init = p->init;

    /* inih goes on behind a fault: keys of a section that was refused belong to nothing. */
    if (strcmp(section, p->section) != 0)
        p->is_open = open_section(p, section);
    if (!p->is_open)
        return 0;
    if (section[0] == 'u')
        return set_user(&init->user[init->user_count - 1], key, value);
    if (section[0] == 'd')
        return set_domain(p, &init->domain[init->domain_count - 1], key, value);
    return set_partner(&init->partner[init->partner_count - 1], key, value);
}

struct link_arg {
    struct init *init;
    struct domain *d;
};

static bool put_partner(void *arg, const char *part)
{
    struct link_arg *l = arg;

    for (uint32_t i = 0; i < l->init->partner_count; i++)
        if (strcmp(l->init->partner[i].name, part) == 0 && l->d->partner_count < ROW_PARTNERS_MAX) {
            l->d->partner[l->d->partner_count++] = i + 1;
            return true;
        }
    return false;
}

static bool has_pin_of(const struct partner *a, const struct partner *b)
{
    for (size_t i = 0; i < a->pin_count; i++)
        for (size_t j = 0; j < b->pin_count; j++)
            if (view_equal(view_of(a->pin[i], MSG_PIN_LEN), view_of(b->pin[j], MSG_PIN_LEN)))
                return true;
    return false;
}

/* A name twice in a list, or a certificate of two partners, would leave it open who is meant. */
static bool is_distinct(const struct init *init)
{
    for (size_t i = 0; i < init->user_count; i++)
        for (size_t j = 0; j < i; j++)
            if (strcmp(init->user[i].name, init->user[j].name) == 0)
                return false;
    for (size_t i = 0; i < init->domain_count; i++)
        for (size_t j = 0; j < i; j++)
            if (strcmp(init->domain[i].name, init->domain[j].name) == 0)
                return false;
    for (size_t i = 0; i < init->partner_count; i++)
        for (size_t j = 0; j < i; j++)
            if (strcmp(init->partner[i].name, init->partner[j].name) == 0 ||
                has_pin_of(&init->partner[i], &init->partner[j]))
                return false;
    return true;
}

/* C42: both factors, and no password that a person could not choose either. */
static bool is_safe(const struct init_user *u)
{
    return u->role != ROLE_NONE && u->has_seed &&
           password_rule_check(view_str(u->name), view_str(u->password), PASSWORD_RULE_CHARS) ==
               HUFU_OK;
}

/* What can only be judged when the whole file has been read. */
static bool is_complete(struct parse *p)
{
    struct init *init = p->init;

    for (size_t i = 0; i < init->user_count; i++) {
        struct init_user *u = &init->user[i];

        if (!is_safe(u))
            return false;
        if (u->group[0] == '\0' && !copy(u->group, sizeof(u->group), role_name(u->role)))
            return false;
    }
    for (size_t i = 0; i < init->domain_count; i++) {
        struct domain *d = &init->domain[i];

        if (d->format == NULL || d->mode == 0 || format_keep_check(d->format, d->keep) != HUFU_OK ||
            (d->token_check == TOKEN_CHECK_NONE) == format_is_marked(d->format) ||
            format_bins(d->format) != NULL || /* of such a domain more has to be said: domain add */
            (ff1_domain_is(d) && ff1_domain_fits(d->format, d->keep) != HUFU_OK) ||
            !each_part(p->partners[i], put_partner, &(struct link_arg){ init, d }))
            return false;
    }
    for (size_t i = 0; i < init->partner_count; i++)
        if (init->partner[i].pin_count == 0)
            return false;
    return init->user_count > 0 && is_distinct(init);
}

enum hufu_err init_parse(struct view text, const struct format_set *formats, struct init **out)
{
    struct parse *p = calloc(1, sizeof(*p));
    char *copy_of_text = calloc(1, text.len + 1);
    enum hufu_err err = HUFU_NOMEM;
    int line;

    if (p == NULL || copy_of_text == NULL)
        goto out;
    p->init = calloc(1, sizeof(*p->init));
    if (p->init == NULL)
        goto out;
    p->formats = formats;
    if (text.len > 0)
        memcpy(copy_of_text, text.p, text.len);
    line = ini_parse_string(copy_of_text, handle, p);
    /* inih ends at a NUL: what stands behind one would be left out in silence. */
    err = line == 0 && strlen(copy_of_text) == text.len && is_complete(p) ? HUFU_OK : HUFU_SYNTAX;
    if (err != HUFU_OK) {
        log_event(LOG_ERROR_LEVEL, "init.syntax", "line", LOG_NUM(line > 0 ? line : 0), NULL);
        goto out;
    }
    *out = p->init;
    p->init = NULL;
out:
    if (p != NULL)
        init_free(p->init);
    free(p);
    if (copy_of_text != NULL)
        wipe(copy_of_text, text.len);
    free(copy_of_text);
    return err;
}

void init_free(struct init *init)
{
    if (init == NULL)
        return;
    for (size_t i = 0; i < init->domain_count; i++)
        domain_clear(&init->domain[i]);
    wipe(init, sizeof(*init));
    free(init);
}
