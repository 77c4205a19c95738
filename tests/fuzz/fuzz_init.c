/* The file of a new vault: what is accepted has both factors, certificates, and no name twice. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "vault/access/password_rule.h"
#include "vault/base/log.h"
#include "vault/base/text.h"
#include "vault/initfile.h"

static struct format_set *formats;

/* These stand for the real ones: a line for each refused input would be all that is to be seen. */
void log_event(enum log_level level, const char *event, ...)
{
    (void)level;
    (void)event;
}

bool log_wants(enum log_level level)
{
    (void)level;
    return false;
}

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    if (format_set_load("conf/formats.conf", &formats, NULL, 0) != HUFU_OK)
        abort();
    return 0;
}

static void check(const struct init *in)
{
    assert(in->user_count >= 1 && in->user_count <= INIT_EACH_MAX);
    assert(in->domain_count <= INIT_EACH_MAX && in->partner_count <= INIT_EACH_MAX);
    for (size_t i = 0; i < in->user_count; i++) {
        assert(text_is_name(view_str(in->user[i].name)));
        assert(strlen(in->user[i].password) >= PASSWORD_RULE_CHARS && in->user[i].has_seed);
        assert(strstr(in->user[i].password, in->user[i].name) == NULL ||
               strlen(in->user[i].name) < 3);
        assert((in->user[i].role & ROLE_PEOPLE) != 0);
        for (size_t j = 0; j < i; j++)
            assert(strcmp(in->user[i].name, in->user[j].name) != 0);
    }
    for (size_t i = 0; i < in->domain_count; i++) {
        const struct domain *d = &in->domain[i];

        assert(d->format != NULL && d->mode >= MODE_DETERMINISTIC && d->mode <= MODE_FF1);
        assert(format_keep_check(d->format, d->keep) == HUFU_OK);
        assert(d->batch_detokenize <= MSG_ITEMS_MAX && d->purpose_count <= ROW_PURPOSES_MAX);
        for (size_t j = 0; j < d->partner_count; j++)
            assert(d->partner[j] >= 1 && d->partner[j] <= in->partner_count);
    }
    for (size_t i = 0; i < in->partner_count; i++)
        assert(in->partner[i].pin_count >= 1 && in->partner[i].pin_count <= ROW_PINS_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *in, size_t in_len);
int LLVMFuzzerTestOneInput(const uint8_t *in, size_t in_len)
{
    struct init *init = NULL;

    if (init_parse(view_of(in, in_len), formats, &init) == HUFU_OK)
        check(init);
    init_free(init);
    return 0;
}
