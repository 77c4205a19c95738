/*
 * cli_json.h - Jansson, beside the writer of vault/base/json.h.
 *
 * Layer:   tools/. Includes nothing of ours.
 * Threads: the client has one thread.
 *
 * Both have a json_null. Only the writer's is used here, so Jansson's is declared under another
 * name (and never called); no other name is in both.
 */
#ifndef HUFU_TOOLS_CLI_JSON_H
#define HUFU_TOOLS_CLI_JSON_H

#define json_null jansson_null
#include <jansson.h>
#undef json_null

#endif
