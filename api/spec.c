#include "api/spec.h"

static const uint8_t bytes[] = {
#include <openapi.inc> /* made from api/openapi.json by the Makefile */
};

struct view spec_json(void)
{
    return view_of(bytes, sizeof(bytes));
}
