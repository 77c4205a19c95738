#include "tools/cli_canon.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include "vault/base/digest.h"
#include "vault/base/json.h"
#include "vault/base/text.h"

#define CANON_MAX   (16U * 1024 * 1024) /* bytes of a reply */
#define CANON_DEPTH 6
#define CANON_NAMES 64 /* members of one object */

static enum hufu_err value_print(struct json *j, const json_t *value, unsigned depth);

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static enum hufu_err object_print(struct json *j, const json_t *object, unsigned depth)
{
    const char *names[CANON_NAMES];
    enum hufu_err err = HUFU_OK;
    const char *name;
    const json_t *value;
    size_t count = 0;

    if (json_object_size(object) > CANON_NAMES)
        return HUFU_SYNTAX;
    json_object_foreach((json_t *)(uintptr_t)object, name, value) names[count++] = name;
    qsort(names, count, sizeof(names[0]), by_name);
    json_open(j);
    for (size_t i = 0; i < count && err == HUFU_OK; i++) {
        json_name(j, names[i]);
        err = value_print(j, json_object_get(object, names[i]), depth + 1);
    }
    json_close(j);
    return err;
}

static enum hufu_err list_print(struct json *j, const json_t *list, unsigned depth)
{
    enum hufu_err err = HUFU_OK;

    json_list(j);
    for (size_t i = 0; i < json_array_size(list) && err == HUFU_OK; i++)
        err = value_print(j, json_array_get(list, i), depth + 1);
    json_end(j);
    return err;
}

static enum hufu_err value_print(struct json *j, const json_t *value, unsigned depth)
{
    if (depth > CANON_DEPTH)
        return HUFU_SYNTAX;
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return object_print(j, value, depth);
    case JSON_ARRAY:
        return list_print(j, value, depth);
    case JSON_STRING:
        json_text(j, view_of(json_string_value(value), json_string_length(value)));
        return HUFU_OK;
    case JSON_INTEGER:
        if (json_integer_value(value) < 0)
            return HUFU_SYNTAX;
        json_u64(j, (uint64_t)json_integer_value(value));
        return HUFU_OK;
    case JSON_TRUE:
    case JSON_FALSE:
        json_bool(j, json_is_true(value));
        return HUFU_OK;
    case JSON_NULL:
        json_nil(j);
        return HUFU_OK;
    case JSON_REAL:
        return HUFU_SYNTAX;
    }
    return HUFU_SYNTAX;
}

static json_t *object_read(struct view text)
{
    json_t *root =
        json_loadb((const char *)text.p, text.len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);

    if (json_is_object(root))
        return root;
    json_decref(root);
    return NULL;
}

static enum hufu_err root_print(const json_t *root, struct buf *out)
{
    enum hufu_err err;
    struct json j;

    json_init(&j, out);
    err = value_print(&j, root, 0);
    return err == HUFU_OK ? buf_check(out) : err;
}

enum hufu_err canon_print(struct view reply, struct buf *out)
{
    json_t *root = object_read(reply);
    enum hufu_err err;

    if (root == NULL)
        return HUFU_SYNTAX;
    (void)json_object_del(root, "receipt");
    err = root_print(root, out);
    json_decref(root);
    return err;
}

/* The receipt's own members, strictly. */
static enum hufu_err members_read(const json_t *root, struct canon_receipt *out, struct buf *nonce)
{
    const json_t *receipt = json_object_get(root, "receipt");
    const json_t *index = json_object_get(receipt, "index");
    const char *origin = json_string_value(json_object_get(receipt, "origin"));
    const char *text = json_string_value(json_object_get(receipt, "nonce"));

    if (!json_is_integer(index) || json_integer_value(index) < 0 || origin == NULL ||
        strlen(origin) > NOTE_ORIGIN_MAX || text == NULL)
        return HUFU_SYNTAX;
    if (text_unbase64(view_str(text), nonce) != HUFU_OK) {
        buf_reset(nonce);
        if (text_unbase64url(view_str(text), nonce) != HUFU_OK)
            return HUFU_SYNTAX;
    }
    if (nonce->len != CANON_NONCE_LEN)
        return HUFU_SYNTAX;
    memcpy(out->origin, origin, strlen(origin) + 1);
    out->index = (uint64_t)json_integer_value(index);
    return HUFU_OK;
}

enum hufu_err canon_receipt_read(struct view reply, struct canon_receipt *out)
{
    struct canon_receipt got = { 0 };
    json_t *root = object_read(reply);
    uint8_t hash[DIGEST_LEN];
    struct view whole;
    struct buf text;
    struct buf commit;
    enum hufu_err err;

    buf_init(&text, CANON_MAX);
    buf_fixed(&commit, (uint8_t *)got.commit, CANON_COMMIT_LEN);
    err = root != NULL ? members_read(root, &got, &text) : HUFU_SYNTAX;
    if (err != HUFU_OK)
        goto out;
    (void)json_object_del(root, "receipt");
    err = root_print(root, &text); /* behind the nonce */
    if (err != HUFU_OK)
        goto out;
    whole = buf_view(&text);
    err = digest_sha256(&whole, 1, hash);
    if (err != HUFU_OK)
        goto out;
    text_base64(&commit, hash, sizeof(hash));
    err = buf_check(&commit);
    if (err == HUFU_OK)
        *out = got;
out:
    json_decref(root);
    buf_done(&text);
    return err;
}
