/*
 * The tables of vault/FORMATS.md are the code's: verbs, fields, HSM calls, tables, settings. Run
 * from the root of the tree. HUFU_PRINT=1 prints what belongs between the two marks.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "vault/base/conf.h"
#include "vault/base/hsm_msg.h"
#include "vault/base/msg.h"
#include "vault/store/store.h"

#define DOC_MAX 131072
#define BEGIN   "<!-- tables -->\n"
#define END     "<!-- end -->"

static const char *const kind_names[] = {
    [MSG_TEXT] = "TEXT",      [MSG_SECRET] = "SECRET",
    [MSG_U64] = "U64",        [MSG_BOOL] = "BOOL",
    [MSG_TEXTS] = "TEXTS",    [MSG_ITEMS] = "ITEMS",
    [MSG_KIND_KEEP] = "KEEP", [MSG_KIND_QUALIFICATION] = "QUALIFICATION",
};

static void print_fields(struct buf *out)
{
    buf_str(out,
            "\n### Fields of a request\n| tag | name | kind | max bytes |\n|---|---|---|---|\n");
    for (unsigned tag = MSG_NONE + 1; tag < MSG_TAG_COUNT; tag++) {
        buf_str(out, "| ");
        buf_dec(out, tag);
        buf_str(out, " | `");
        buf_str(out, msg_fields[tag].name);
        buf_str(out, "` | ");
        buf_str(out, kind_names[msg_fields[tag].kind]);
        buf_str(out, " | ");
        if (msg_fields[tag].max > 0)
            buf_dec(out, msg_fields[tag].max);
        buf_str(out, " |\n");
    }
}

/* Members that must be there in bold. */
static void print_verbs(struct buf *out)
{
    buf_str(out, "\n### Verbs\nMembers in bold must be there.\n\n"
                 "| type | verb | members |\n|---|---|---|\n");
    for (unsigned verb = 1; verb < VERB_COUNT; verb++) {
        const struct msg_shape *shape = msg_shape(verb);

        assert_non_null(shape);
        buf_str(out, "| ");
        buf_dec(out, verb);
        buf_str(out, " | `");
        buf_str(out, shape->verb_name);
        buf_str(out, "` |");
        for (size_t i = 0; i < shape->needs_count; i++) {
            buf_str(out, shape->needs[i].must ? " **" : " ");
            buf_str(out, msg_fields[shape->needs[i].tag].name);
            if (shape->needs[i].must)
                buf_str(out, "**");
        }
        buf_str(out, " |\n");
    }
}

#define CALL(id, type) { #id, type },
static const struct {
    const char *name;
    unsigned type;
} calls[] = { HSM_CALLS(CALL) };
#undef CALL

static void print_calls(struct buf *out)
{
    buf_str(out, "\n### Calls to the hsm process\n| type | call |\n|---|---|\n");
    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        buf_str(out, "| ");
        buf_dec(out, calls[i].type);
        buf_str(out, " | ");
        buf_str(out, calls[i].name);
        buf_str(out, " |\n");
    }
}

/* Without a default: a table that is new stops the build here until somebody names it. */
static const char *table_name(enum store_table table)
{
    switch (table) {
    case TABLE_TOKEN:
        return "token";
    case TABLE_INDEX:
        return "index";
    case TABLE_IDEM:
        return "idempotency";
    case TABLE_COUNTER:
        return "counter";
    case TABLE_SEEN:
        return "seen";
    case TABLE_SHARE:
        return "share";
    case TABLE_SUBJECT:
        return "subject";
    case TABLE_TRAIL:
        return "trail";
    case TABLE_GRANT:
        return "grant";
    case TABLE_RECIPIENT:
        return "recipient";
    case TABLE_ALARM:
        return "alarm";
    case TABLE_HOLD:
        return "hold";
    case TABLE_CREDENTIAL:
        return "credential";
    case TABLE_EXPORT:
        return "export";
    case TABLE_CASE:
        return "case";
    case TABLE_KEK:
        return "kek";
    case TABLE_KEYSET:
        return "keyset";
    case TABLE_META:
        return "meta";
    case TABLE_DOMAIN:
        return "domain";
    case TABLE_PARTNER:
        return "partner";
    case TABLE_USER:
        return "user";
    case TABLE_FACTOR:
        return "factor";
    case TABLE_SESSION:
        return "session";
    case TABLE_CEREMONY:
        return "ceremony";
    }
    return NULL;
}

static void print_tables(struct buf *out)
{
    buf_str(out, "\n### Tables of the store\n| byte | table | held in memory |\n|---|---|---|\n");
    for (unsigned t = 0; t < 256; t++) {
        const char *name = table_name((enum store_table)t);

        if (name == NULL)
            continue;
        buf_str(out, "| ");
        buf_dec(out, t);
        buf_str(out, " | ");
        buf_str(out, name);
        buf_str(out, t >= STORE_RESIDENT ? " | yes |\n" : " | |\n");
    }
}

static void print_settings(struct buf *out)
{
    buf_str(out, "\n### Settings\nBounds, defaults and meaning: `conf/hufu.conf.example`.\n\n"
                 "| section | keys |\n|---|---|\n");
    for (size_t i = 0; i < CONF_COUNT; i++) {
        bool first = i == 0 || strcmp(conf_rows[i].section, conf_rows[i - 1].section) != 0;

        if (first) {
            buf_str(out, i == 0 ? "| " : " |\n| ");
            buf_str(out, conf_rows[i].section);
            buf_str(out, " |");
        }
        buf_str(out, " `");
        buf_str(out, conf_rows[i].key);
        buf_str(out, "`");
    }
    buf_str(out, " |\n\n");
}

static void print_all(struct buf *out)
{
    print_fields(out);
    print_verbs(out);
    print_calls(out);
    print_tables(out);
    print_settings(out);
    assert_int_equal(buf_check(out), HUFU_OK);
}

static void test_the_tables_of_the_document_are_the_codes(void **state)
{
    static char doc[DOC_MAX];
    FILE *f = fopen("vault/FORMATS.md", "r");
    const char *begin, *end;
    struct buf want;
    size_t len;

    (void)state;
    assert_non_null(f);
    len = fread(doc, 1, sizeof(doc) - 1, f);
    assert_true(feof(f));
    fclose(f);
    doc[len] = '\0';
    begin = strstr(doc, BEGIN);
    assert_non_null(begin);
    begin += strlen(BEGIN);
    end = strstr(begin, END);
    assert_non_null(end);
    buf_init(&want, DOC_MAX);
    print_all(&want);
    if (!view_equal(buf_view(&want), view_of(begin, (size_t)(end - begin))))
        fail_msg("vault/FORMATS.md differs from the code; HUFU_PRINT=1 prints the tables");
    buf_done(&want);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_tables_of_the_document_are_the_codes),
    };

    if (getenv("HUFU_PRINT") != NULL) {
        struct buf out;

        buf_init(&out, DOC_MAX);
        print_all(&out);
        fwrite(out.p, 1, out.len, stdout);
        buf_done(&out);
        return 0;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
