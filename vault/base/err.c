#include "vault/base/err.h"

#include <stddef.h>

/* clang-format off */
#define ROW(id, code, title) [HUFU_##id] = { #id, code, title },
/* clang-format on */
static const struct {
    const char *name, *code, *title;
} rows[HUFU_ERR_COUNT] = { HUFU_ERRS(ROW) };
#undef ROW

static bool is_known(enum hufu_err err)
{
    return (unsigned)err < HUFU_ERR_COUNT;
}

const char *err_name(enum hufu_err err)
{
    return is_known(err) ? rows[err].name : "?";
}

const char *err_code(enum hufu_err err)
{
    return is_known(err) ? rows[err].code : NULL;
}

const char *err_title(enum hufu_err err)
{
    return is_known(err) ? rows[err].title : "unknown error";
}
