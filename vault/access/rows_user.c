#include "vault/access/rows_user.h"

#include <string.h>

#include "vault/access/rowio.h"
#include "vault/access/rows.h"
#include "vault/base/secret.h"

bool user_is_in(const struct user *u, uint64_t now_ms)
{
    return u->state == ROW_ACTIVE && (u->expires_ms == 0 || now_ms < u->expires_ms);
}

bool user_may_begin(const struct user *u, uint64_t now_ms)
{
    return user_is_in(u, now_ms) && u->once != USER_ONCE_USED;
}

uint64_t user_stamp(const struct user *u, uint64_t now_ms)
{
    return now_ms < u->since_ms ? u->since_ms : now_ms;
}

bool user_stands(const struct user *u, unsigned role, uint64_t at_ms, uint64_t now_ms)
{
    return user_is_in(u, now_ms) && u->once == USER_ONCE_NO && u->role == role &&
           at_ms >= u->since_ms;
}

void user_begin_anew(struct user *u, uint64_t now_ms)
{
    u->since_ms = user_stamp(u, now_ms) + 1; /* what was approved in this very ms is older */
}

void user_set_password(struct user *u, const struct password *next, size_t keep, uint64_t now_ms)
{
    size_t n = keep < ROW_HISTORY_MAX ? keep : ROW_HISTORY_MAX;

    if (n > 0) {
        memmove(&u->former[1], &u->former[0], (n - 1) * sizeof(u->former[0]));
        u->former[0] = u->password;
    }
    u->former_count = u->former_count + 1 < n ? u->former_count + 1 : n;
    wipe(&u->former[u->former_count], (ROW_HISTORY_MAX - u->former_count) * sizeof(u->former[0]));
    u->password = *next;
    u->password_ms = now_ms;
}

void user_put(const struct user *u, struct buf *out)
{
    buf_u8(out, ROW_FORMAT);
    rowio_put(out, u->name);
    buf_u8(out, u->role);
    rowio_put(out, u->group);
    buf_u8(out, u->state);
    buf_u64(out, u->created_ms);
    buf_u64(out, u->sessions_from_ms);
    buf_u64(out, u->since_ms);
    buf_u64(out, u->expires_ms);
    buf_u8(out, u->once);
    password_put(&u->password, out);
    buf_u64(out, u->password_ms);
    buf_u32(out, u->password_by);
    buf_u32(out, u->seed_by);
    buf_u8(out, (uint8_t)u->former_count);
    for (size_t i = 0; i < u->former_count; i++)
        password_put(&u->former[i], out);
    buf_lv8(out, secret_read(u->seed), secret_len(u->seed));
}

static void take_former(struct reader *r, struct user *u)
{
    size_t count = reader_u8(r);

    if (count > ROW_HISTORY_MAX) {
        r->failed = true;
        return;
    }
    for (size_t i = 0; i < count; i++)
        password_get(r, &u->former[i]);
    u->former_count = count;
}

enum hufu_err user_get(struct view in, struct user *out)
{
    struct user u = { 0 };
    struct view seed;
    struct reader r;
    enum hufu_err err = HUFU_CORRUPT;

    if (!rowio_begin(&r, in))
        return HUFU_CORRUPT;
    rowio_take(&r, u.name, sizeof(u.name));
    u.role = reader_u8(&r);
    rowio_take(&r, u.group, sizeof(u.group));
    u.state = reader_u8(&r);
    u.created_ms = reader_u64(&r);
    u.sessions_from_ms = reader_u64(&r);
    u.since_ms = reader_u64(&r);
    u.expires_ms = reader_u64(&r);
    u.once = reader_u8(&r);
    password_get(&r, &u.password);
    u.password_ms = reader_u64(&r);
    u.password_by = reader_u32(&r);
    u.seed_by = reader_u32(&r);
    take_former(&r, &u);
    seed = reader_lv8(&r, ROW_SEED_LEN);
    if (reader_end(&r) == HUFU_OK && seed.len == ROW_SEED_LEN && u.once <= USER_ONCE_SEALED)
        err = secret_from(seed.p, seed.len, &u.seed);
    if (err == HUFU_OK)
        *out = u;
    wipe(&u, sizeof(u));
    return err;
}

void user_clear(struct user *u)
{
    secret_free(u->seed);
    wipe(u, sizeof(*u));
}
