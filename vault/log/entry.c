#include "vault/log/entry.h"

#include <arpa/inet.h>
#include <string.h>

#include "vault/base/json.h"
#include "vault/base/text.h"

static void put_text(struct json *j, const char *name, struct view text)
{
    if (text.len > 0)
        json_put_text(j, name, text);
}

/* One id, or several joined by commas: 22 characters of base64url each. */
static void put_token_ids(struct json *j, const uint8_t *ids, size_t count)
{
    uint8_t mem[12288]; /* 256 ids of 23 characters, with room: a batch entry has at most 256 */
    struct buf text;

    if (count == 0)
        return;
    buf_fixed(&text, mem, sizeof(mem));
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            buf_u8(&text, ',');
        text_base64url(&text, ids + i * ENTRY_TOKEN_ID_LEN, ENTRY_TOKEN_ID_LEN);
    }
    if (buf_check(&text) != HUFU_OK)
        j->out->failed = true;
    json_put_text(j, "token_id", buf_view(&text));
}

enum hufu_err entry_print(const struct entry_draft *e, uint64_t now_ms, bool held, struct buf *out)
{
    size_t before = out->len;
    struct json j;

    json_init(&j, out);
    json_open(&j);
    if (held)
        json_put_str(&j, "clock", "held");
    if (e->commit != NULL)
        json_put_base64(&j, "commit", e->commit, 32);
    put_text(&j, "domain", e->domain);
    put_text(&j, "principal", e->principal);
    put_text(&j, "purpose", e->purpose);
    put_text(&j, "reason", e->reason);
    put_text(&j, "request_id", e->request_id);
    json_put_str(&j, "result", e->result);
    if (e->role != NULL)
        json_put_str(&j, "role", e->role);
    put_text(&j, "source", e->source);
    json_put_time(&j, "time", now_ms);
    put_token_ids(&j, e->token_ids, e->token_id_count);
    json_put_str(&j, "verb", e->verb);
    json_close(&j);
    if (buf_check(out) != HUFU_OK || out->len - before > ENTRY_LINE_MAX)
        return HUFU_RANGE;
    return HUFU_OK;
}

struct view entry_source(const uint8_t addr[static 16], char out[static 46])
{
    static const uint8_t mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };
    bool v4 = true;

    for (size_t i = 0; i < sizeof(mapped); i++)
        v4 = v4 && addr[i] == mapped[i];
    if (inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? addr + 12 : addr, out, 46) == NULL)
        return view_of(NULL, 0);
    return view_str(out);
}
