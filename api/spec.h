/*
 * spec.h - the OpenAPI document, built in.
 *
 * Layer:   api/. Includes vault/base/ only.
 * Threads: constant.
 */
#ifndef HUFU_API_SPEC_H
#define HUFU_API_SPEC_H

#include "vault/base/buf.h"

/* api/openapi.json as it was when the program was built. */
struct view spec_json(void);

#endif
