/*
 * json.h - the writer of canonical JSON: sorted members, no white space, the shortest escapes.
 *
 * Layer:   vault/base/. Includes buf.h.
 * Threads: one writer belongs to one thread at a time.
 * Source:  RFC 8259; member order and escapes of RFC 8785 (JCS) for the types used here
 *          (objects, arrays, strings, integers up to 2^53, booleans, null).
 *
 * The caller writes members in sorted order (byte order of the names); in test builds an assert
 * checks it. Strings must be UTF-8 and numbers at most 2^53, else the buffer fails; control
 * characters are escaped.
 */
#ifndef HUFU_BASE_JSON_H
#define HUFU_BASE_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "vault/base/buf.h"

#define JSON_DEPTH_MAX 16 /* objects and lists inside each other */

struct json { /* all zero but for out at the start */
    struct buf *out;
    bool comma;                       /* the next member or element needs one */
    unsigned depth;                   /* open objects and lists */
    const char *last[JSON_DEPTH_MAX]; /* newest name in each; borrowed until its object closes */
};

void json_init(struct json *j, struct buf *out);
void json_open(struct json *j);  /* { */
void json_close(struct json *j); /* } */
void json_list(struct json *j);  /* [ */
void json_end(struct json *j);   /* ] */
void json_name(struct json *j, const char *name);
void json_text(struct json *j, struct view text);
void json_str(struct json *j, const char *text);
void json_u64(struct json *j, uint64_t v);
void json_bool(struct json *j, bool v);
void json_nil(struct json *j);
/* name and value in one step */
void json_put_text(struct json *j, const char *name, struct view text);
void json_put_str(struct json *j, const char *name, const char *text);
void json_put_u64(struct json *j, const char *name, uint64_t v);
void json_put_bool(struct json *j, const char *name, bool v);
void json_put_time(struct json *j, const char *name, uint64_t ms); /* RFC 3339; 0 = null */
void json_put_base64(struct json *j, const char *name, const uint8_t *in, size_t in_len);
void json_put_base64url(struct json *j, const char *name, const uint8_t *in, size_t in_len);

#endif
