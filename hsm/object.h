/*
 * object.h - objects on the token: find one, make its template, read back what it is, destroy it.
 *
 * Layer:   hsm/. Includes vault/base/ and the hsm headers below it.
 * Threads: one thread.
 * Source:  OASIS PKCS#11 v2.40, sections 4.8 to 4.10 (key objects), 5.7 (object functions).
 */
#ifndef HUFU_HSM_OBJECT_H
#define HUFU_HSM_OBJECT_H

#include <stdbool.h>
#include <stddef.h>
#include <p11-kit/pkcs11.h>

#include "hsm/module.h"
#include "vault/base/buf.h"
#include "vault/base/err.h"

#define OBJECT_ATTRS_MAX 24

struct object_template {
    CK_ATTRIBUTE attrs[OBJECT_ATTRS_MAX];
    CK_ULONG count;
};

/* Adds an attribute; value is borrowed for as long as the template is used. */
void object_put(struct object_template *t, CK_ATTRIBUTE_TYPE type, const void *value,
                size_t value_len);
void object_put_bool(struct object_template *t, CK_ATTRIBUTE_TYPE type, bool value);
/* CKA_ID and CKA_LABEL, both the id. */
void object_put_id(struct object_template *t, struct view id);

/*
 * Hardening that some tokens do not know: {ALLOWED_MECHANISMS, COPYABLE, MODIFIABLE}. Attempts go
 * from all of them to none, dropping as few as possible.
 */
#define OBJECT_TRIES 8
void object_put_options(struct object_template *t, unsigned attempt,
                        const CK_MECHANISM_TYPE *only_mechanism);
/* True where a return code may mean that the token does not want an attribute. */
bool object_is_choosy(CK_RV rv);

/*
 * Finds the one object of this class with this id.
 * Returns: HUFU_OK; HUFU_NOT_FOUND (and the token was asked whether it is there at all);
 *          HUFU_HSM_FAILED (two of them); as ckr_err.
 */
HUFU_MUST_USE enum hufu_err object_find(struct module *m, CK_OBJECT_CLASS class, struct view id,
                                        CK_OBJECT_HANDLE *out);

/*
 * Reads a private or secret key's attributes back and refuses one that could leave the token.
 *
 * text:    what was read is appended, as `name=value` words; may be NULL.
 * Returns: HUFU_OK; HUFU_HSM_FAILED (it is not what it must be; m->rv is CKR_OK); as ckr_err.
 */
HUFU_MUST_USE enum hufu_err object_check(struct module *m, CK_OBJECT_HANDLE object,
                                         CK_KEY_TYPE type, struct buf *text);

/* Destroys; m->rv says how it went. */
HUFU_MUST_USE enum hufu_err object_destroy(struct module *m, CK_OBJECT_HANDLE object);
/* Destroys what a failed call made, and keeps m->rv and m->called of the failure. */
void object_discard(struct module *m, CK_OBJECT_HANDLE object);

#endif
