#include "vault/access/password.h"

#include <string.h>

#include <argon2.h>

#include "vault/base/secret.h"

static bool is_cost(uint32_t kib, uint32_t passes)
{
    return kib >= PASSWORD_KIB_MIN && kib <= PASSWORD_KIB_MAX && passes >= 1 &&
           passes <= PASSWORD_PASSES_MAX;
}

static enum hufu_err derive(const struct password *p, struct view password,
                            uint8_t out[static PASSWORD_HASH_LEN])
{
    int rc = argon2id_hash_raw(p->passes, p->kib, p->lanes, password.p, password.len, p->salt,
                               sizeof(p->salt), out, PASSWORD_HASH_LEN);

    return rc == ARGON2_OK ? HUFU_OK : HUFU_NOMEM; /* all else was checked before */
}

enum hufu_err password_make(struct draw *draw, struct view password, uint32_t kib, uint32_t passes,
                            struct password *out)
{
    struct password p = { .kib = kib, .passes = passes, .lanes = 1 };
    enum hufu_err err;

    if (password.len == 0 || password.len > PASSWORD_MAX || !is_cost(kib, passes))
        return HUFU_RANGE;
    err = draw_bytes(draw, p.salt, sizeof(p.salt));
    if (err == HUFU_OK)
        err = derive(&p, password, p.hash);
    if (err == HUFU_OK)
        *out = p;
    wipe(&p, sizeof(p));
    return err;
}

bool password_check(const struct password *stored, struct view password)
{
    uint8_t hash[PASSWORD_HASH_LEN] = { 0 };
    bool good;

    if (password.len > PASSWORD_MAX || !is_cost(stored->kib, stored->passes) || stored->lanes != 1)
        return false;
    good = derive(stored, password, hash) == HUFU_OK;
    good = bytes_equal(hash, stored->hash, sizeof(hash)) && good;
    wipe(hash, sizeof(hash));
    return good;
}

void password_dummy(uint32_t kib, uint32_t passes, struct password *out)
{
    *out = (struct password){ .kib = kib, .passes = passes, .lanes = 1 };
}

enum hufu_err password_generate(struct draw *draw, char out[static PASSWORD_GENERATED_LEN + 1])
{
    static const char letters[] = "23456789abcdefghjkmnpqrstuvwxyz"; /* without 0 1 i l o */
    char text[PASSWORD_GENERATED_LEN + 1] = "";
    enum hufu_err err = HUFU_OK;

    for (size_t i = 0; err == HUFU_OK && i < PASSWORD_GENERATED_LEN; i++) {
        uint64_t at = 0;

        err = draw_below(draw, sizeof(letters) - 1, &at);
        text[i] = letters[at];
    }
    if (err == HUFU_OK)
        memcpy(out, text, sizeof(text));
    wipe(text, sizeof(text));
    return err;
}

void password_put(const struct password *stored, struct buf *out)
{
    buf_put(out, stored->salt, sizeof(stored->salt));
    buf_put(out, stored->hash, sizeof(stored->hash));
    buf_u32(out, stored->kib);
    buf_u32(out, stored->passes);
    buf_u32(out, stored->lanes);
}

void password_get(struct reader *r, struct password *out)
{
    struct password p;

    reader_copy(r, p.salt, sizeof(p.salt));
    reader_copy(r, p.hash, sizeof(p.hash));
    p.kib = reader_u32(r);
    p.passes = reader_u32(r);
    p.lanes = reader_u32(r);
    if (!is_cost(p.kib, p.passes) || p.lanes != 1)
        r->failed = true;
    if (r->failed)
        wipe(&p, sizeof(p));
    *out = p;
    wipe(&p, sizeof(p));
}
