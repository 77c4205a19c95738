/*
 * core_world_receipt.h - the log's lines that a reply speaks of, and the receipt that binds it.
 *
 * Layer:   tests. Includes tests/unit/core_world.h, jansson.
 * Threads: one.
 */
#ifndef HUFU_TESTS_CORE_WORLD_RECEIPT_H
#define HUFU_TESTS_CORE_WORLD_RECEIPT_H

#include <jansson.h>

#include "tests/unit/core_world.h"
#include "vault/base/digest.h"

static inline const char *text_of(struct world *w, const json_t *j, const char *name)
{
    const char *text = json_string_value(json_object_get(j, name));

    MUST(w, text != NULL);
    return text;
}

struct line_wish { /* what the entry at an index must hold */
    struct world *w;
    const char *part[3];
    bool met;
};

static inline bool line_each(void *arg, uint64_t index, struct view line)
{
    struct line_wish *wish = arg;
    char text[ENTRY_LINE_MAX + 1];

    (void)index;
    memcpy(text, line.p, line.len);
    text[line.len] = '\0';
    wish->met = true;
    for (size_t i = 0; i < 3; i++)
        wish->met = wish->met && strstr(text, wish->part[i]) != NULL;
    return true;
}

static inline void line_must_hold(struct world *w, uint64_t index, const char *a, const char *b,
                                  const char *c)
{
    struct line_wish wish = { .w = w, .part = { a, b, c } };

    MUST(w, store_entries(w->rig.worker.reader, index, 1, line_each, &wish) == HUFU_OK);
    MUST(w, wish.met);
}

/* FORMATS.md section 6, by libcrypto alone. */
static inline void token_name(struct world *w, size_t domain, const char *token,
                              char out[static 64])
{
    struct key *key = keyring_active(w->rig.core.ring, KEY_SYSTEM, KEY_LOGID);
    uint8_t mem[64], mac[32], text_mem[64];
    unsigned len = sizeof(mac);
    struct buf b, text;

    buf_fixed(&b, mem, sizeof(mem));
    buf_be32(&b, w->domain_id[domain]);
    buf_str(&b, token);
    MUST(w, HMAC(EVP_sha256(), secret_read(key->secret), KEY_LEN, b.p, b.len, mac, &len) != NULL);
    buf_fixed(&text, text_mem, sizeof(text_mem));
    text_base64url(&text, mac, ENTRY_TOKEN_ID_LEN);
    snprintf(out, 64, "%.*s", (int)text.len, (const char *)text.p);
}

/* A receipt names an entry whose commitment binds the reply without the receipt. */
static inline uint64_t receipt_check(struct world *w, const json_t *j, const char *body,
                                     const char *verb)
{
    const json_t *receipt = json_object_get(j, "receipt");
    uint64_t index = (uint64_t)json_integer_value(json_object_get(receipt, "index"));
    const char *nonce64 = text_of(w, receipt, "nonce"), *begin = strstr(body, "\"receipt\":{");
    const char *end = strstr(begin, "},") + 2;
    uint8_t nonce_mem[48], digest[32], mem[BODY_MAX], commit_mem[64];
    struct buf nonce, rest, commit;
    struct view part[2];
    char wish[64];

    MUST(w, strcmp(text_of(w, receipt, "origin"), "rig.test/log") == 0);
    buf_fixed(&nonce, nonce_mem, sizeof(nonce_mem));
    MUST(w, text_unbase64(view_str(nonce64), &nonce) == HUFU_OK && nonce.len == 32);
    buf_fixed(&rest, mem, sizeof(mem));
    buf_put(&rest, body, (size_t)(begin - body));
    buf_str(&rest, end);
    part[0] = buf_view(&nonce);
    part[1] = buf_view(&rest);
    MUST(w, digest_sha256(part, 2, digest) == HUFU_OK);
    buf_fixed(&commit, commit_mem, sizeof(commit_mem));
    text_base64(&commit, digest, sizeof(digest));
    snprintf(wish, sizeof(wish), "%.*s", (int)commit.len, (const char *)commit.p);
    line_must_hold(w, index, "\"commit\":\"", wish, verb);
    return index;
}

#endif
