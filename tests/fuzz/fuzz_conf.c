/* Settings: a file that is taken has every value in its bounds and prints as a file equal to it. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "vault/base/conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *in, size_t in_len);

static size_t print(const struct conf *c, char *out, size_t out_cap)
{
    FILE *file = fmemopen(out, out_cap, "w");
    long len;

    assert(file != NULL);
    conf_print(c, file);
    len = ftell(file);
    (void)fclose(file);
    assert(len > 0 && (size_t)len < out_cap);
    return (size_t)len;
}

static void check_row(const struct conf *c, enum conf_id id)
{
    const struct conf_row *row = &conf_rows[id];

    switch (row->type) {
    case CONF_NUMBER:
        assert(conf_u64(c, id) >= row->min && conf_u64(c, id) <= row->max);
        break;
    case CONF_CHOICE:
        assert(conf_word(row, conf_u64(c, id)).len > 0);
        break;
    case CONF_TEXT:
        assert(strlen(conf_text(c, id)) >= row->min && strlen(conf_text(c, id)) <= row->max);
        break;
    case CONF_PATH:
        assert(strlen(conf_text(c, id)) <= CONF_PATH_MAX);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *in, size_t in_len)
{
    static char first[CONF_FILE_MAX], second[CONF_FILE_MAX];
    struct conf *c = NULL;
    char err_text[200] = "";
    size_t len;

    if (conf_parse("f", view_of(in, in_len), &c, err_text, sizeof(err_text)) != HUFU_OK) {
        assert(c == NULL && strncmp(err_text, "f:", 2) == 0);
        return 0;
    }
    assert(err_text[0] == '\0');
    for (unsigned i = 0; i < CONF_COUNT; i++)
        check_row(c, (enum conf_id)i);
    len = print(c, first, sizeof(first));
    conf_free(c);
    c = NULL;
    assert(conf_parse("f", view_of(first, len), &c, err_text, sizeof(err_text)) == HUFU_OK);
    assert(print(c, second, sizeof(second)) == len && memcmp(first, second, len) == 0);
    conf_free(c);
    return 0;
}
