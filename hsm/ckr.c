#include "hsm/ckr.h"

#include <stddef.h>

struct row {
    CK_RV rv;
    enum ckr_class class;
    const char *name;
};

/* clang-format off */
#define ROW(name, class) { name, CKR_CLASS_##class, #name }
static const struct row rows[] = {
    ROW(CKR_OK,                              OK),
    ROW(CKR_SESSION_CLOSED,                  STALE),
    ROW(CKR_SESSION_HANDLE_INVALID,          STALE),
    ROW(CKR_OPERATION_ACTIVE,                STALE),
    ROW(CKR_OPERATION_NOT_INITIALIZED,       STALE),
    ROW(CKR_USER_NOT_LOGGED_IN,              STALE),
    ROW(CKR_OBJECT_HANDLE_INVALID,           STALE),
    ROW(CKR_KEY_HANDLE_INVALID,              STALE),
    ROW(CKR_CRYPTOKI_NOT_INITIALIZED,        DEVICE),
    ROW(CKR_DEVICE_ERROR,                    DEVICE),
    ROW(CKR_DEVICE_MEMORY,                   DEVICE),
    ROW(CKR_DEVICE_REMOVED,                  DEVICE),
    ROW(CKR_TOKEN_NOT_PRESENT,               DEVICE),
    ROW(CKR_TOKEN_NOT_RECOGNIZED,            DEVICE),
    ROW(CKR_SLOT_ID_INVALID,                 DEVICE),
    ROW(CKR_FUNCTION_FAILED,                 DEVICE),
    ROW(CKR_HOST_MEMORY,                     DEVICE),
    ROW(CKR_SESSION_COUNT,                   DEVICE),
    ROW(CKR_USER_PIN_NOT_INITIALIZED,        DEVICE),
    ROW(CKR_GENERAL_ERROR,                   UNCLEAR),
    ROW(CKR_ENCRYPTED_DATA_INVALID,          DATA),
    ROW(CKR_ENCRYPTED_DATA_LEN_RANGE,        DATA),
    ROW(CKR_DATA_INVALID,                    DATA),
    ROW(CKR_DATA_LEN_RANGE,                  DATA),
    ROW(CKR_SIGNATURE_INVALID,               DATA),
    ROW(CKR_PIN_INCORRECT,                   PIN),
    ROW(CKR_PIN_INVALID,                     PIN),
    ROW(CKR_PIN_LEN_RANGE,                   PIN),
    ROW(CKR_PIN_EXPIRED,                     PIN),
    ROW(CKR_PIN_LOCKED,                      PIN),
    ROW(CKR_ATTRIBUTE_READ_ONLY,             TEMPLATE),
    ROW(CKR_ATTRIBUTE_TYPE_INVALID,          TEMPLATE),
    ROW(CKR_ATTRIBUTE_VALUE_INVALID,         TEMPLATE),
    ROW(CKR_TEMPLATE_INCOMPLETE,             TEMPLATE),
    ROW(CKR_TEMPLATE_INCONSISTENT,           TEMPLATE),
    ROW(CKR_ATTRIBUTE_SENSITIVE,             REFUSED),
    ROW(CKR_ACTION_PROHIBITED,               REFUSED),
    ROW(CKR_ARGUMENTS_BAD,                   REFUSED),
    ROW(CKR_BUFFER_TOO_SMALL,                REFUSED),
    ROW(CKR_FUNCTION_NOT_SUPPORTED,          REFUSED),
    ROW(CKR_KEY_FUNCTION_NOT_PERMITTED,      REFUSED),
    ROW(CKR_KEY_SIZE_RANGE,                  REFUSED),
    ROW(CKR_KEY_TYPE_INCONSISTENT,           REFUSED),
    ROW(CKR_MECHANISM_INVALID,               REFUSED),
    ROW(CKR_MECHANISM_PARAM_INVALID,         REFUSED),
    ROW(CKR_SESSION_READ_ONLY,               REFUSED),
    ROW(CKR_TOKEN_WRITE_PROTECTED,           REFUSED),
    ROW(CKR_USER_TYPE_INVALID,               REFUSED),
    ROW(CKR_USER_ANOTHER_ALREADY_LOGGED_IN,  REFUSED),
};
/* clang-format on */

static const struct row *row_find(CK_RV rv)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (rows[i].rv == rv)
            return &rows[i];
    return NULL;
}

enum ckr_class ckr_class(CK_RV rv)
{
    const struct row *row = row_find(rv);

    return row ? row->class : CKR_CLASS_REFUSED;
}

enum hufu_err ckr_err(CK_RV rv)
{
    switch (ckr_class(rv)) {
    case CKR_CLASS_OK:
        return HUFU_OK;
    case CKR_CLASS_STALE:
    case CKR_CLASS_DEVICE:
        return HUFU_HSM_DOWN;
    case CKR_CLASS_PIN:
        return HUFU_HSM_PIN;
    case CKR_CLASS_UNCLEAR:
    case CKR_CLASS_DATA:
    case CKR_CLASS_TEMPLATE:
    case CKR_CLASS_REFUSED:
        return HUFU_HSM_FAILED;
    }
    return HUFU_HSM_FAILED;
}

const char *ckr_name(CK_RV rv)
{
    const struct row *row = row_find(rv);

    return row ? row->name : "CKR_OTHER";
}
