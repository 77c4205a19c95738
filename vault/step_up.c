#include "vault/step_up.h"

#include "vault/row.h"

enum hufu_err step_up_digest(uint16_t verb, const struct view fields[static 2],
                             uint8_t out[static DIGEST_LEN])
{
    uint8_t mem[2];
    struct view part[3] = { { NULL, 0 }, fields[0], fields[1] };
    struct buf b;

    buf_fixed(&b, mem, sizeof(mem));
    buf_u16(&b, verb);
    part[0] = buf_view(&b);
    return digest_sha256(part, 3, out) == HUFU_OK ? HUFU_OK : HUFU_UNAVAILABLE;
}

bool step_up_admits(const struct request *req)
{
    const struct session *s = &req->who.session;
    struct view fields[2] = { req->msg.fields, { NULL, 0 } };
    uint8_t digest[DIGEST_LEN];

    if (req->who.user == NULL || s->is_bound == 0)
        return true;
    return step_up_digest(req->msg.verb, fields, digest) == HUFU_OK &&
           view_equal(view_of(digest, sizeof(digest)), view_of(s->bound, sizeof(s->bound)));
}

enum hufu_err step_up_spend(struct worker *w, struct request *req)
{
    struct session s = req->who.session;

    if (req->who.user == NULL || s.is_bound == 0 || req->draft.op_count == 0 ||
        verbs_find(req->msg.verb)->factor != FACTOR_FRESH)
        return HUFU_OK;
    s.is_bound = 0;
    s.factor_ms = 0;
    return session_write(w, req, &req->draft.op[req->draft.op_count - 1], &s, s.seq);
}
