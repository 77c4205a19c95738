#include "hsm/object.h"

#include <assert.h>
#include <string.h>

#include "hsm/ckr.h"
#include "vault/base/secret.h"

static const CK_BBOOL yes = CK_TRUE;
static const CK_BBOOL no = CK_FALSE;

void object_put(struct object_template *t, CK_ATTRIBUTE_TYPE type, const void *value,
                size_t value_len)
{
    assert(t->count < OBJECT_ATTRS_MAX);
    t->attrs[t->count++] = (CK_ATTRIBUTE){ type, (void *)value, value_len };
}

void object_put_bool(struct object_template *t, CK_ATTRIBUTE_TYPE type, bool value)
{
    object_put(t, type, value ? &yes : &no, sizeof(yes));
}

void object_put_id(struct object_template *t, struct view id)
{
    object_put(t, CKA_ID, id.p, id.len);
    object_put(t, CKA_LABEL, id.p, id.len);
}

void object_put_options(struct object_template *t, unsigned attempt,
                        const CK_MECHANISM_TYPE *only_mechanism)
{
    static const unsigned masks[OBJECT_TRIES] = { 7, 6, 5, 3, 4, 2, 1, 0 };
    unsigned mask = masks[attempt];

    if (mask & 1)
        object_put(t, CKA_ALLOWED_MECHANISMS, only_mechanism, sizeof(*only_mechanism));
    if (mask & 2)
        object_put_bool(t, CKA_COPYABLE, false);
    if (mask & 4)
        object_put_bool(t, CKA_MODIFIABLE, false);
}

bool object_is_choosy(CK_RV rv)
{
    return ckr_class(rv) == CKR_CLASS_TEMPLATE || ckr_class(rv) == CKR_CLASS_UNCLEAR;
}

enum hufu_err object_find(struct module *m, CK_OBJECT_CLASS class, struct view id,
                          CK_OBJECT_HANDLE *out)
{
    struct object_template t = { .count = 0 };
    CK_OBJECT_HANDLE found[2] = { CK_INVALID_HANDLE, CK_INVALID_HANDLE };
    CK_ULONG count = 0;
    CK_RV rv;

    object_put(&t, CKA_CLASS, &class, sizeof(class));
    object_put(&t, CKA_ID, id.p, id.len);
    if (MODULE_CALL(m, C_FindObjectsInit, m->session, t.attrs, t.count) != CKR_OK)
        return ckr_err(m->rv);
    rv = MODULE_CALL(m, C_FindObjects, m->session, found, 2, &count);
    /* Always ended, or the session serves nothing any more. */
    if (MODULE_CALL(m, C_FindObjectsFinal, m->session) == CKR_OK)
        m->rv = rv;
    if (m->rv != CKR_OK)
        return ckr_err(m->rv);
    if (count == 0) {
        /* SoftHSM finds nothing, without an error, where its folder is gone. */
        enum hufu_err err = module_check(m);

        return err == HUFU_OK ? HUFU_NOT_FOUND : err;
    }
    if (count != 1)
        return HUFU_HSM_FAILED;
    *out = found[0];
    return HUFU_OK;
}

/* What an attribute of a key must be. "If told" accepts a token that does not know it. */
enum want { WANT_1, WANT_0, WANT_1_IF_TOLD, WANT_0_IF_TOLD, WANT_ANY };

static const struct rule {
    CK_ATTRIBUTE_TYPE type;
    const char *name;
    enum want want;
} rules[] = {
    { CKA_TOKEN, "token", WANT_1 },
    { CKA_PRIVATE, "private", WANT_1 },
    { CKA_SENSITIVE, "sensitive", WANT_1 },
    { CKA_EXTRACTABLE, "extractable", WANT_0 },
    { CKA_ALWAYS_SENSITIVE, "always-sensitive", WANT_1_IF_TOLD },
    { CKA_NEVER_EXTRACTABLE, "never-extractable", WANT_1_IF_TOLD },
    { CKA_LOCAL, "local", WANT_1_IF_TOLD },
    { CKA_WRAP, "wrap", WANT_0_IF_TOLD }, /* wrap and decrypt together would open other keys */
    { CKA_UNWRAP, "unwrap", WANT_0_IF_TOLD },
    { CKA_DERIVE, "derive", WANT_0_IF_TOLD },
    { CKA_MODIFIABLE, "modifiable", WANT_ANY },
    { CKA_COPYABLE, "copyable", WANT_ANY },
};

/* Reads one attribute; *told is false where the token does not know or tell it. */
static enum hufu_err attr_read(struct module *m, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type,
                               void *out, size_t out_len, bool *told)
{
    CK_ATTRIBUTE attr = { type, out, out_len };

    *told = MODULE_CALL(m, C_GetAttributeValue, m->session, object, &attr, 1) == CKR_OK &&
            attr.ulValueLen == out_len;
    switch (ckr_class(m->rv)) {
    case CKR_CLASS_STALE:
    case CKR_CLASS_DEVICE:
        return ckr_err(m->rv);
    default:
        m->rv = CKR_OK;
        return HUFU_OK;
    }
}

static bool rule_holds(const struct rule *rule, bool told, CK_BBOOL value)
{
    switch (rule->want) {
    case WANT_1:
        return told && value == CK_TRUE;
    case WANT_0:
        return told && value == CK_FALSE;
    case WANT_1_IF_TOLD:
        return !told || value == CK_TRUE;
    case WANT_0_IF_TOLD:
        return !told || value == CK_FALSE;
    case WANT_ANY:
        return true;
    }
    return false;
}

static enum hufu_err rule_check(struct module *m, CK_OBJECT_HANDLE object, const struct rule *rule,
                                struct buf *text)
{
    CK_BBOOL value = CK_FALSE;
    bool told;
    enum hufu_err err;

    err = attr_read(m, object, rule->type, &value, sizeof(value), &told);
    if (err != HUFU_OK)
        return err;
    if (text) {
        buf_u8(text, ' ');
        buf_str(text, rule->name);
        buf_str(text, !told ? "=?" : value == CK_FALSE ? "=0" : "=1");
    }
    return rule_holds(rule, told, value) ? HUFU_OK : HUFU_HSM_FAILED;
}

/* A token may call a key sensitive and give it out all the same. */
static enum hufu_err value_check(struct module *m, CK_OBJECT_HANDLE object)
{
    uint8_t value[256];
    CK_ATTRIBUTE attr = { CKA_VALUE, value, sizeof(value) };
    enum hufu_err err = HUFU_HSM_FAILED;

    (void)MODULE_CALL(m, C_GetAttributeValue, m->session, object, &attr, 1);
    wipe(value, sizeof(value));
    if (m->rv == CKR_OK && attr.ulValueLen != CK_UNAVAILABLE_INFORMATION && attr.ulValueLen > 0)
        return err;
    if (ckr_class(m->rv) == CKR_CLASS_STALE || ckr_class(m->rv) == CKR_CLASS_DEVICE)
        return ckr_err(m->rv);
    m->rv = CKR_OK;
    return HUFU_OK;
}

static enum hufu_err type_check(struct module *m, CK_OBJECT_HANDLE object, CK_KEY_TYPE type,
                                struct buf *text)
{
    CK_KEY_TYPE is = 0;
    CK_ULONG len = 0;
    bool told;
    enum hufu_err err;

    err = attr_read(m, object, CKA_KEY_TYPE, &is, sizeof(is), &told);
    if (err != HUFU_OK)
        return err;
    if (!told || is != type)
        return HUFU_HSM_FAILED;
    if (text)
        buf_str(text, type == CKK_AES ? "type=aes" : type == CKK_EC ? "type=ec" : "type=secret");
    if (type == CKK_EC)
        return HUFU_OK;
    err = attr_read(m, object, CKA_VALUE_LEN, &len, sizeof(len), &told);
    if (err != HUFU_OK)
        return err;
    if (text && told) {
        buf_str(text, " bytes=");
        buf_dec(text, len);
    }
    return !told || len == 32 ? HUFU_OK : HUFU_HSM_FAILED;
}

enum hufu_err object_check(struct module *m, CK_OBJECT_HANDLE object, CK_KEY_TYPE type,
                           struct buf *text)
{
    enum hufu_err err = type_check(m, object, type, text);

    for (size_t i = 0; err == HUFU_OK && i < sizeof(rules) / sizeof(rules[0]); i++)
        err = rule_check(m, object, &rules[i], text);
    if (err == HUFU_OK)
        err = value_check(m, object);
    return err;
}

enum hufu_err object_destroy(struct module *m, CK_OBJECT_HANDLE object)
{
    return ckr_err(MODULE_CALL(m, C_DestroyObject, m->session, object));
}

void object_discard(struct module *m, CK_OBJECT_HANDLE object)
{
    CK_RV rv = m->rv;
    const char *called = m->called;

    (void)MODULE_CALL(m, C_DestroyObject, m->session, object);
    m->rv = rv;
    m->called = called;
}
