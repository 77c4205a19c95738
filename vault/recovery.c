#include "vault/recovery.h"

#include <string.h>

#include "vault/base/secret.h"
#include "vault/base/text.h"
#include "vault/handle.h"
#include "vault/row.h"

#define CODE_LEN   10 /* bytes */
#define CODE_CHARS 16 /* in base32 */
#define NAME_LEN   32 /* bytes of "factor=recovery left=N" */

static enum hufu_err digest_of(struct worker *w, uint32_t user_id, struct view code,
                               uint8_t out[static 32])
{
    uint8_t mem[4];
    struct view part[2];
    struct buf id;

    buf_fixed(&id, mem, sizeof(mem));
    buf_u32(&id, user_id);
    part[0] = buf_view(&id);
    part[1] = code;
    return row_digest(w, ROW_RECOVERY, part, 2, out);
}

static enum hufu_err write_left(struct worker *w, struct request *req, const struct recovery *rec)
{
    static const uint8_t codes[CREDENTIAL_NAME_LEN];
    uint8_t key[CREDENTIAL_KEY_LEN], mem[CREDENTIAL_ROW_MAX];
    struct buf text;

    credential_row_key(rec->user_id, codes, key);
    buf_fixed(&text, mem, sizeof(mem));
    recovery_put(rec, &text);
    return row_write_control(w, req, &req->op[0],
                             row_plain_key(req, TABLE_CREDENTIAL, view_of(key, sizeof(key))),
                             row_seen(rec->seq), &text);
}

/* One code as it is shown, in fours. */
static void print_code(const uint8_t chars[static CODE_CHARS], struct json *j)
{
    uint8_t mem[RECOVERY_TEXT_LEN];
    struct buf b;

    buf_fixed(&b, mem, sizeof(mem));
    for (size_t i = 0; i < CODE_CHARS; i += 4) {
        if (i > 0)
            buf_str(&b, "-");
        buf_put(&b, chars + i, 4);
    }
    json_text(j, buf_view(&b));
    buf_done(&b);
}

static enum hufu_err make_code(struct worker *w, uint32_t user_id, struct json *j,
                               uint8_t digest_out[static 32])
{
    uint8_t raw[CODE_LEN], chars[CODE_CHARS];
    struct buf b;
    enum hufu_err err = HUFU_UNAVAILABLE;

    buf_fixed(&b, chars, sizeof(chars));
    if (draw_bytes(&w->draw, raw, sizeof(raw)) == HUFU_OK) {
        text_base32(&b, raw, sizeof(raw));
        err = digest_of(w, user_id, buf_view(&b), digest_out);
    }
    if (err == HUFU_OK)
        print_code(chars, j);
    wipe(raw, sizeof(raw));
    buf_done(&b);
    return err;
}

enum hufu_err recovery_make(struct worker *w, struct request *req, uint32_t user_id, struct json *j)
{
    struct recovery rec = { .seq = STORE_ABSENT };
    enum hufu_err err = HUFU_OK;

    if (recovery_find(w->core->dir, user_id, &rec) == HUFU_NOT_FOUND)
        rec.seq = STORE_ABSENT;
    rec.user_id = user_id;
    rec.created_ms = core_now(w->core);
    rec.count = RECOVERY_CODES;
    json_name(j, "recovery_codes");
    json_list(j);
    for (size_t i = 0; i < RECOVERY_CODES && err == HUFU_OK; i++)
        err = make_code(w, user_id, j, rec.digest[i]);
    json_end(j);
    return err == HUFU_OK ? write_left(w, req, &rec) : err;
}

/* Upper-case and without the dashes; what is too long is no code. */
static struct view plain_code(struct view text, uint8_t mem[static CODE_CHARS])
{
    size_t len = 0;

    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.p[i];

        if (c == '-')
            continue;
        if (len == CODE_CHARS)
            return view_of(mem, 0);
        mem[len++] = (uint8_t)(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
    }
    return view_of(mem, len);
}

enum hufu_err recovery_judge(struct worker *w, struct request *req, uint32_t user_id,
                             struct recovery_try *out)
{
    struct recovery_try try = { .right = false };
    uint8_t mem[CODE_CHARS], digest[32];
    struct view code = plain_code(msg_text(&req->msg, MSG_RECOVERY_CODE), mem);
    enum hufu_err err = digest_of(w, user_id, code, digest);

    wipe(mem, sizeof(mem));
    if (err != HUFU_OK)
        return err;
    if (recovery_find(w->core->dir, user_id, &try.rec) != HUFU_OK)
        try.rec.count = 0;
    for (size_t i = 0; i < RECOVERY_CODES; i++) {
        bool same = bytes_equal(try.rec.digest[i], digest, sizeof(digest));

        if (same && i < try.rec.count) {
            try.right = true;
            try.at = i;
        }
    }
    *out = try;
    return HUFU_OK;
}

enum hufu_err recovery_spend(struct worker *w, struct request *req, const struct recovery_try *try)
{
    struct recovery left = try->rec;
    uint8_t *mem = request_take(req, NAME_LEN);
    struct buf b;

    if (mem == NULL || left.count == 0)
        return HUFU_UNAVAILABLE;
    left.count--;
    memmove(left.digest[try->at], left.digest[left.count], sizeof(left.digest[0]));
    buf_fixed(&b, mem, NAME_LEN);
    buf_str(&b, "factor=recovery left=");
    buf_dec(&b, left.count);
    request_entry(req, 0)->purpose = buf_view(&b);
    return write_left(w, req, &left);
}
