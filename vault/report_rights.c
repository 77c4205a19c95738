#include "vault/report_rights.h"

#include <string.h>

#include "vault/access_finding.h"

#define NAMES_MAX 24   /* different findings … */
#define NAME_MAX  40   /* … and the bytes of one's name */
#define LIST_MAX  1024 /* bytes of one's findings, printed */

struct side { /* people, or partners */
    uint64_t total, compliant;
    struct {
        char name[NAME_MAX + 1];
        uint64_t count;
    } found[NAMES_MAX]; /* sorted by name */
    size_t found_count;
};

/* In its place, or counted where it stands already. */
static void note(struct side *s, struct view name)
{
    size_t i = 0;

    while (i < s->found_count) {
        size_t len = strlen(s->found[i].name), n = len < name.len ? len : name.len;
        int c = strncmp(s->found[i].name, (const char *)name.p, n);

        if (c > 0 || (c == 0 && len >= name.len))
            break;
        i++;
    }
    if (i < s->found_count && view_is(name, s->found[i].name)) {
        s->found[i].count++;
        return;
    }
    if (s->found_count == NAMES_MAX || name.len > NAME_MAX)
        return; /* total and compliant still tell */
    memmove(&s->found[i + 1], &s->found[i], (s->found_count - i) * sizeof(s->found[0]));
    memset(&s->found[i], 0, sizeof(s->found[0]));
    memcpy(s->found[i].name, name.p, name.len);
    s->found[i].count = 1;
    s->found_count++;
}

/* ["dormant","frozen"]: names of ours, without escapes. */
static void note_list(struct side *s, struct view list)
{
    size_t at = 0;

    while (at < list.len) {
        const uint8_t *open = memchr(list.p + at, '"', list.len - at), *close;

        if (open == NULL)
            return;
        close = memchr(open + 1, '"', list.len - (size_t)(open + 1 - list.p));
        if (close == NULL)
            return;
        note(s, view_of(open + 1, (size_t)(close - open - 1)));
        at = (size_t)(close + 1 - list.p);
    }
}

static enum hufu_err look_at(struct core *core, const struct user *user,
                             const struct partner *partner, struct side *s)
{
    uint8_t mem[LIST_MAX];
    struct buf text;
    struct json j;
    size_t n;

    buf_fixed(&text, mem, sizeof(mem));
    json_init(&j, &text);
    json_list(&j);
    n = user != NULL ? access_finding_user(core, user, &j)
                     : access_finding_partner(core, partner, &j);
    json_end(&j);
    s->total++;
    s->compliant += n == 0;
    note_list(s, buf_view(&text));
    return buf_check(&text) == HUFU_OK ? HUFU_OK : HUFU_UNAVAILABLE;
}

static void print_side(struct json *j, const char *name, const struct side *s)
{
    json_name(j, name);
    json_open(j);
    json_put_u64(j, "compliant", s->compliant);
    json_name(j, "findings");
    json_open(j);
    for (size_t i = 0; i < s->found_count; i++)
        json_put_u64(j, s->found[i].name, s->found[i].count);
    json_close(j);
    json_put_u64(j, "total", s->total);
    json_close(j);
}

enum hufu_err report_rights_print(struct core *core, struct json *j)
{
    struct side people = { 0 }, partners = { 0 };
    const struct partner *partner;
    const struct user *user;
    enum hufu_err err = HUFU_OK;

    for (size_t i = 0; err == HUFU_OK && (user = directory_user_at(core->dir, i)) != NULL; i++)
        if (user->state != ROW_LEFT)
            err = look_at(core, user, NULL, &people);
    for (size_t i = 0; err == HUFU_OK && (partner = directory_partner_at(core->dir, i)) != NULL;
         i++)
        err = look_at(core, NULL, partner, &partners);
    json_open(j);
    print_side(j, "partners", &partners);
    print_side(j, "people", &people);
    json_close(j);
    return err;
}
