/*
 * err.h - every way a call can end, in one enum, with the names callers of the API see.
 *
 * Layer:   vault/base/. Includes nothing of ours.
 * Threads: constant tables; safe from any thread.
 * Source:  RFC 9457 (problem details); the second column is its `code` member.
 */
#ifndef HUFU_BASE_ERR_H
#define HUFU_BASE_ERR_H

#include <stdbool.h>

/* clang-format off */
#define HUFU_ERRS(X) /* id, code a caller sees (NULL: never leaves the process as such), title */           \
    X(OK,               NULL,                     "success")                                                 \
    X(BAD_REQUEST,      "bad_request",            "The request is malformed")                                \
    X(UNAUTHENTICATED,  "unauthenticated",        "Authentication is required or failed")                    \
    X(STEP_UP,          "step_up_required",       "A fresh second factor is required")                       \
    X(FORBIDDEN,        "forbidden",              "The caller may not do this")                              \
    X(GRANT_REQUIRED,   "grant_required",         "An approved grant is required")                           \
    X(NOT_FOUND,        "not_found",              "No such object")                                          \
    X(METHOD,           "method_not_allowed",     "The method is not allowed here")                          \
    X(TIMEOUT,          "timeout",                "The request did not arrive in time")                      \
    X(CONFLICT,         "conflict",               "The object's present state does not allow this")          \
    X(ALREADY_APPROVED, "already_approved",       "This person has approved already")                        \
    X(TOKEN_SUSPENDED,  "token_suspended",        "The token is suspended")                                  \
    X(EXHAUSTED,        "exhausted",              "No free token is left for this value's bucket")           \
    X(LEGAL_HOLD,       "legal_hold",             "A legal hold forbids this")                               \
    X(LENGTH_REQUIRED,  "length_required",        "A Content-Length is required")                            \
    X(TOO_LARGE,        "too_large",              "The request is too large")                                \
    X(MEDIA_TYPE,       "unsupported_media_type", "The media type is not supported")                         \
    X(INVALID_VALUE,    "invalid_value",          "The value is not valid in this domain's format")          \
    X(ALREADY_TOKEN,    "already_token",          "The value is a token already")                            \
    X(NOT_TOKEN,        "not_token",              "This is not a token of this domain")                      \
    X(PROHIBITED_DATA,  "prohibited_data",        "Data of this class may not be stored")                    \
    X(VALUE_IN_TEXT,    "value_in_text",          "Recorded text may not contain an account or ID number")   \
    X(INVALID_PURPOSE,  "invalid_purpose",        "The purpose is not one of the domain's")                  \
    X(UNSUPPORTED_MODE, "unsupported_mode",       "The domain's mode does not support this")                 \
    X(IDEM_MISMATCH,    "idempotency_mismatch",   "The idempotency key was used with another request")       \
    X(RATE_LIMITED,     "rate_limited",           "Too many requests")                                       \
    X(SEALED,           "sealed",                 "The vault is sealed")                                     \
    X(UNAVAILABLE,      "unavailable",            "The vault cannot do this now")                            \
    X(ARG,              NULL, "the caller broke the call contract")                                          \
    X(SYNTAX,           NULL, "input does not fit the grammar")                                              \
    X(RANGE,            NULL, "a number or a length is out of its bounds")                                   \
    X(NOMEM,            NULL, "out of memory or of a bounded resource")                                      \
    X(IO,               NULL, "a file, socket or database call failed")                                      \
    X(CORRUPT,          NULL, "stored or received data fail their check")                                    \
    X(CLOSED,           NULL, "the peer closed the link")                                                    \
    X(BUSY,             NULL, "no capacity before the deadline")                                             \
    X(STALE,            NULL, "computed under an older key epoch; compute again")                            \
    X(PRECONDITION,     NULL, "a precondition of the operation does not hold any more")                      \
    X(LIMIT,            NULL, "a counter would pass its limit")                                              \
    X(FULL,             NULL, "the store has no room")                                                       \
    X(HSM_DOWN,         NULL, "the HSM process or its token is not there")                                   \
    X(HSM_PIN,          NULL, "the HSM refused the PIN; it is not tried again")                              \
    X(HSM_FAILED,       NULL, "the HSM refused or failed the call")                                          \
    X(DOMAIN_SMALL,     NULL, "fewer values than FF1 may permute")
/* clang-format on */

#define HUFU_ERR_ENUM(id, code, title) HUFU_##id,
enum hufu_err { HUFU_ERRS(HUFU_ERR_ENUM) HUFU_ERR_COUNT };
#undef HUFU_ERR_ENUM

#define HUFU_MUST_USE __attribute__((warn_unused_result))

/* Returns the name as written in this file ("NOT_FOUND"), for logs; "?" outside the enum. */
const char *err_name(enum hufu_err err);

/* Returns the API code ("not_found"), or NULL where the error is internal or outside the enum. */
const char *err_code(enum hufu_err err);

/* Returns the title; never NULL. */
const char *err_title(enum hufu_err err);

#endif
