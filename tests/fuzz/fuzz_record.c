/*
 * The decoders of what lies in the store: whatever they accept is printed again as the same bytes,
 * and what they refuse leaves the caller's memory alone.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "vault/access/rows.h"
#include "vault/base/secret.h"
#include "vault/keys/keyrow.h"
#include "vault/record.h"

#define OUT_MAX 131072

static void same(const struct buf *out, const uint8_t *in, size_t in_len)
{
    assert(buf_check(out) == HUFU_OK);
    assert(out->len == in_len && (in_len == 0 || memcmp(out->p, in, in_len) == 0));
}

static void try_record(const uint8_t *in, size_t in_len, struct buf *out)
{
    struct record rec = { 0 };

    if (record_get_header(view_of(in, in_len), &rec) == HUFU_OK) {
        assert(rec.partner_count >= 1 && rec.partner_count <= ROW_PARTNERS_MAX);
        record_put_header(&rec, out);
        assert(out->len <= RECORD_HEADER_MAX);
        assert(out->len <= in_len);
    }
    buf_reset(out);
    memset(&rec, 0, sizeof(rec));
    if (record_get_text(view_of(in, in_len), &rec) == HUFU_OK) {
        assert(rec.value_len >= 1 && rec.value_len <= FORMAT_VALUE_MAX);
        record_put_text(&rec, out);
        assert(out->len <= RECORD_TEXT_MAX && out->len <= in_len);
    }
    buf_reset(out);
}

static void try_keys(const uint8_t *in, size_t in_len, struct buf *out)
{
    static const uint8_t kek_key[5] = { 16, 0, 0, 0, 1 };
    static const uint8_t keyset_key[10] = { 17, 0, 0, 0, 1, KEY_DATA, 0, 0, 0, 1 };
    struct kek_row kek;
    struct keyset_row keyset;

    if (kek_row_get(view_of(kek_key, sizeof(kek_key)), view_of(in, in_len), &kek) == HUFU_OK) {
        kek_row_put(&kek, out);
        assert(buf_check(out) == HUFU_OK && out->len <= in_len);
        buf_reset(out);
    }
    if (keyset_row_get(view_of(keyset_key, sizeof(keyset_key)), view_of(in, in_len), &keyset) ==
        HUFU_OK) {
        keyset_row_put(&keyset, out);
        same(out, in, in_len);
        buf_reset(out);
    }
}

/* Names may hold a NUL behind which nothing is printed; numbers come back as they were. */
static void try_named_rows(const uint8_t *in, size_t in_len, struct buf *out)
{
    struct view row = view_of(in, in_len);
    struct domain domain;
    struct partner partner;
    struct user user;
    struct ceremony ceremony;
    struct log_identity log;

    if (domain_get(row, &domain) == HUFU_OK) {
        domain_put(&domain, out);
        assert(buf_check(out) == HUFU_OK);
        domain_clear(&domain);
    }
    buf_reset(out);
    if (partner_get(row, &partner) == HUFU_OK) {
        partner_put(&partner, out);
        assert(buf_check(out) == HUFU_OK && out->len <= in_len);
    }
    buf_reset(out);
    if (user_get(row, &user) == HUFU_OK) {
        user_put(&user, out);
        assert(buf_check(out) == HUFU_OK && out->len <= in_len);
        user_clear(&user);
    }
    buf_reset(out);
    if (ceremony_get(row, &ceremony) == HUFU_OK) {
        assert(ceremony.approval_count <= ROW_APPROVALS_MAX);
        ceremony_put(&ceremony, out);
        assert(buf_check(out) == HUFU_OK && out->len <= in_len);
    }
    buf_reset(out);
    if (log_identity_get(row, &log) == HUFU_OK) {
        log_identity_put(&log, out);
        assert(buf_check(out) == HUFU_OK && out->len <= in_len);
    }
    buf_reset(out);
}

static void try_plain_rows(const uint8_t *in, size_t in_len, struct buf *out)
{
    struct view row = view_of(in, in_len);
    struct factor factor = { .user_id = 7 }, factor_before = factor;
    struct session session = { .user_id = 7 }, session_before = session;
    struct row_ids ids = { 7, 8, 9 }, ids_before = ids;

    if (factor_get(row, &factor) == HUFU_OK) {
        factor_put(&factor, out);
        same(out, in, in_len);
    } else {
        assert(memcmp(&factor, &factor_before, sizeof(factor)) == 0);
    }
    buf_reset(out);
    if (session_get(row, &session) == HUFU_OK) {
        session_put(&session, out);
        same(out, in, in_len);
    } else {
        assert(memcmp(&session, &session_before, sizeof(session)) == 0);
    }
    buf_reset(out);
    if (row_ids_get(row, &ids) == HUFU_OK) {
        row_ids_put(&ids, out);
        same(out, in, in_len);
    } else {
        assert(memcmp(&ids, &ids_before, sizeof(ids)) == 0);
    }
    buf_reset(out);
}

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    if (secret_heap_init(65536) != HUFU_OK) /* a seed is a secret */
        abort();
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *in, size_t in_len);
int LLVMFuzzerTestOneInput(const uint8_t *in, size_t in_len)
{
    static uint8_t mem[OUT_MAX];
    struct buf out;

    buf_fixed(&out, mem, sizeof(mem));
    try_record(in, in_len, &out);
    try_keys(in, in_len, &out);
    try_named_rows(in, in_len, &out);
    try_plain_rows(in, in_len, &out);
    return 0;
}
