/*
 * The decoders of what lies in the store: whatever they accept is printed again as the same bytes,
 * and what they refuse leaves the caller's memory alone.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "vault/access/case_row.h"
#include "vault/access/export_row.h"
#include "vault/access/grant.h"
#include "vault/access/rows.h"
#include "vault/access/share_row.h"
#include "vault/base/secret.h"
#include "vault/escalation.h"
#include "vault/keys/keyrow.h"
#include "vault/record.h"
#include "vault/reveal_seen.h"

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
    struct row_ids ids = { 7, 8, 9, 10 }, ids_before = ids;

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

/* A grant is what it says it is: no text is cut short, no token named twice. */
static void try_grant(const uint8_t *in, size_t in_len, struct buf *out)
{
    struct grant g = { .user_id = 7 };

    if (grant_get(view_of(in, in_len), &g) == HUFU_OK) {
        assert(g.remaining <= g.count && g.approval_count <= GRANT_APPROVALS_MAX);
        for (size_t i = 0; i < g.token_count; i++)
            assert(grant_names(&g, g.token_id[i]));
        grant_put(&g, out);
        assert(in_len <= GRANT_ROW_MAX);
        same(out, in, in_len);
    } else {
        assert(g.user_id == 7 && g.state == 0);
    }
    buf_reset(out);
}

/* Its texts may hold a NUL, too. */
static void try_case(const uint8_t *in, size_t in_len, struct buf *out)
{
    struct case_row c = { .done = 7 };

    if (case_row_get(view_of(in, in_len), &c) == HUFU_OK) {
        assert(c.next_len <= CASE_NEXT_MAX && c.subject[0] != '\0');
        case_row_put(&c, out);
        assert(buf_check(out) == HUFU_OK && out->len <= in_len && out->len <= CASE_ROW_MAX);
    } else {
        assert(c.done == 7 && c.kind == 0);
    }
    buf_reset(out);
}

/* As with these. */
static void try_sharing(const uint8_t *in, size_t in_len, struct buf *out)
{
    struct recipient r = { .created_ms = 7 };
    struct share_row line = { .at_ms = 7 };
    struct export_row row = { .began_ms = 7 };

    if (recipient_get(view_of(in, in_len), &r) == HUFU_OK) {
        assert(r.cert_len <= RECIPIENT_CERT_MAX);
        recipient_put(&r, out);
        assert(buf_check(out) == HUFU_OK && out->len <= in_len);
    } else {
        assert(r.created_ms == 7 && r.kind == 0);
    }
    buf_reset(out);
    if (share_row_get(view_of(in, in_len), &line) == HUFU_OK) {
        share_row_put(&line, out);
        assert(buf_check(out) == HUFU_OK && out->len <= in_len && out->len <= SHARE_ROW_MAX);
    } else {
        assert(line.at_ms == 7 && line.kind == 0);
    }
    buf_reset(out);
    if (export_row_get(view_of(in, in_len), &row) == HUFU_OK) {
        export_row_put(&row, out);
        assert(buf_check(out) == HUFU_OK && out->len <= in_len && out->len <= EXPORT_ROW_MAX);
    } else {
        assert(row.began_ms == 7 && row.state == 0);
    }
    buf_reset(out);
}

/* Rows in the clear that tell of reveals: nothing but their own lengths is accepted. */
static void try_reveals(const uint8_t *in, size_t in_len)
{
    static const uint8_t key[REVEAL_SEEN_KEY_LEN] = { TABLE_SEEN };
    struct reveal_seen row;
    uint64_t until_ms;

    if (reveal_seen_parse(view_of(key, sizeof(key)), view_of(in, in_len), &row) == HUFU_OK)
        assert(row.token_len >= 1 && row.token_len <= FORMAT_TOKEN_MAX &&
               in_len == 13 + row.token_len && memcmp(row.token, in + 13, row.token_len) == 0);
    if (escalation_until(view_of(in, in_len), &until_ms) == HUFU_OK)
        assert(in[16] <= ESCALATION_TYPES_MAX &&
               in_len == 17 + (size_t)in[16] * ESCALATION_TYPE_LEN);
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
    try_grant(in, in_len, &out);
    try_case(in, in_len, &out);
    try_sharing(in, in_len, &out);
    try_named_rows(in, in_len, &out);
    try_plain_rows(in, in_len, &out);
    try_reveals(in, in_len);
    return 0;
}
