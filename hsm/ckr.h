/*
 * ckr.h - what a PKCS#11 return code means to us: its name, its class, and our error for it.
 *
 * Layer:   hsm/. Includes vault/base/ only.
 * Threads: pure functions over a constant table.
 * Source:  OASIS PKCS#11 v2.40, section 11.1 (return values).
 */
#ifndef HUFU_HSM_CKR_H
#define HUFU_HSM_CKR_H

#include <p11-kit/pkcs11.h>

#include "vault/base/err.h"

enum ckr_class {
    CKR_CLASS_OK,
    CKR_CLASS_STALE,    /* session, login or handle is gone: connect anew, try the call once more */
    CKR_CLASS_DEVICE,   /* module or token is gone: drop everything, connect anew in the loop */
    CKR_CLASS_UNCLEAR,  /* says nothing: ask the token how it is before believing anything */
    CKR_CLASS_DATA,     /* what was to be opened is not what was sealed */
    CKR_CLASS_PIN,      /* the PIN was refused: never again with this PIN */
    CKR_CLASS_TEMPLATE, /* an attribute is not wanted here: fewer optional ones may do */
    CKR_CLASS_REFUSED   /* the token works and says no */
};

/* Returns the class; CKR_CLASS_REFUSED for a code that is not in the table. */
enum ckr_class ckr_class(CK_RV rv);

/* Returns our error: the one place where a CK_RV becomes an enum hufu_err. */
enum hufu_err ckr_err(CK_RV rv);

/* Returns the name ("CKR_DEVICE_ERROR"), for the log; "CKR_OTHER" for one not in the table. */
const char *ckr_name(CK_RV rv);

#endif
