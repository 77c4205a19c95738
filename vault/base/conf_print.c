#include "vault/base/conf.h"

#include <inttypes.h>
#include <string.h>

/* The rows of a section are neighbours: its head stands before the first of them. */
static void print_section(unsigned i, FILE *out)
{
    if (i == 0 || strcmp(conf_rows[i].section, conf_rows[i - 1].section) != 0)
        (void)fprintf(out, "%s[%s]\n", i == 0 ? "" : "\n", conf_rows[i].section);
}

static void print_pair(const char *key, const char *value, FILE *out)
{
    (void)fprintf(out, value[0] != '\0' ? "%s = %s\n" : "%s =%s\n", key, value);
}

static void print_choice(const struct conf_row *row, uint64_t chosen, FILE *out)
{
    struct view word = conf_word(row, chosen);

    (void)fprintf(out, "%s = %.*s\n", row->key, (int)word.len, (const char *)word.p);
}

void conf_print(const struct conf *c, FILE *out)
{
    for (unsigned i = 0; i < CONF_COUNT; i++) {
        enum conf_id id = (enum conf_id)i;

        print_section(i, out);
        switch (conf_rows[i].type) {
        case CONF_NUMBER:
            (void)fprintf(out, "%s = %" PRIu64 "\n", conf_rows[i].key, conf_u64(c, id));
            break;
        case CONF_CHOICE:
            print_choice(&conf_rows[i], conf_u64(c, id), out);
            break;
        case CONF_TEXT:
        case CONF_PATH:
            print_pair(conf_rows[i].key, conf_text(c, id), out);
            break;
        }
    }
}

static void print_help(const struct conf_row *row, FILE *out)
{
    (void)fprintf(out, "# %s", row->help);
    if (row->type == CONF_NUMBER)
        (void)fprintf(out, " (%" PRIu64 " to %" PRIu64 "%s%s)", row->min, row->max,
                      row->unit[0] != '\0' ? " " : "", row->unit);
    else if (row->type == CONF_TEXT)
        (void)fprintf(out, " (%" PRIu64 " to %" PRIu64 " bytes)", row->min, row->max);
    else if (row->type == CONF_CHOICE)
        (void)fprintf(out, " (%s)", row->unit);
    (void)fputc('\n', out);
}

void conf_print_example(FILE *out)
{
    (void)fprintf(out,
                  "# Settings of hufud: every one at its default. A value is all of its line.\n"
                  "# hufud -t checks this file, hufud -T prints the effective values.\n\n");
    for (unsigned i = 0; i < CONF_COUNT; i++) {
        print_section(i, out);
        print_help(&conf_rows[i], out);
        print_pair(conf_rows[i].key, conf_rows[i].def, out);
    }
}
