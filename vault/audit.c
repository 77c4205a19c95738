/* What anyone authenticated may fetch of the log, and the auditor's entries. */
#include "vault/handle.h"

#include "vault/base/json.h"
#include "vault/base/merkle.h"
#include "vault/base/text.h"
#include "vault/manage.h"

#define ENTRIES_PAGE  100
#define ENTRIES_MAX   1000
#define ENTRIES_BYTES (1536U * 1024) /* of one reply's lines, escaped */

enum hufu_err handle_checkpoint(struct worker *w, struct request *req, struct msg_where *where)
{
    enum hufu_err err;

    (void)where;
    if (request_body(req, NOTE_MAX) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    err = signer_note(w->core->signer, &req->body);
    req->reply.flags = MSG_TEXT_PLAIN;
    return err == HUFU_OK ? HUFU_OK : HUFU_UNAVAILABLE;
}

static void print_hashes(struct json *j, const struct merkle_hash *hash, size_t count)
{
    struct json list = *j;

    json_name(&list, "hashes");
    json_list(&list);
    for (size_t i = 0; i < count; i++) {
        uint8_t mem[64];
        struct buf text;

        buf_fixed(&text, mem, sizeof(mem));
        text_base64(&text, hash[i].b, MERKLE_HASH_LEN);
        json_text(&list, buf_view(&text));
    }
    json_end(&list);
    *j = list;
}

enum hufu_err handle_proof(struct worker *w, struct request *req, struct msg_where *where)
{
    struct merkle_source source = { store_hashes, w->reader };
    struct merkle_hash path[MERKLE_PROOF_MAX];
    struct merkle tree;
    uint64_t index, size;
    size_t count;
    struct json j;

    store_log(w->core->store, &tree);
    index = msg_u64(&req->msg, MSG_INDEX, 0);
    size = msg_u64(&req->msg, MSG_SIZE, tree.size);
    if (size > tree.size)
        return manage_at(where, MSG_SIZE, HUFU_BAD_REQUEST);
    if (index >= size)
        return manage_at(where, MSG_INDEX, HUFU_BAD_REQUEST);
    if (merkle_prove(&source, index, size, path, &count) != HUFU_OK ||
        request_body(req, 8192) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    json_init(&j, &req->body);
    json_open(&j);
    print_hashes(&j, path, count);
    json_put_u64(&j, "index", index);
    json_put_u64(&j, "size", size);
    json_close(&j);
    return buf_check(&req->body) == HUFU_OK ? HUFU_OK : HUFU_UNAVAILABLE;
}

enum hufu_err handle_consistency(struct worker *w, struct request *req, struct msg_where *where)
{
    struct merkle_source source = { store_hashes, w->reader };
    struct merkle_hash path[MERKLE_PROOF_MAX];
    struct merkle tree;
    uint64_t from, to;
    size_t count;
    struct json j;

    store_log(w->core->store, &tree);
    from = msg_u64(&req->msg, MSG_FROM, 0);
    to = msg_u64(&req->msg, MSG_TO, tree.size);
    if (to > tree.size)
        return manage_at(where, MSG_TO, HUFU_BAD_REQUEST);
    if (from == 0 || from > to)
        return manage_at(where, MSG_FROM, HUFU_BAD_REQUEST);
    if (merkle_prove_grown(&source, from, to, path, &count) != HUFU_OK ||
        request_body(req, 8192) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    json_init(&j, &req->body);
    json_open(&j);
    json_put_u64(&j, "from", from);
    print_hashes(&j, path, count);
    json_put_u64(&j, "to", to);
    json_close(&j);
    return buf_check(&req->body) == HUFU_OK ? HUFU_OK : HUFU_UNAVAILABLE;
}

static bool print_entry(void *arg, uint64_t index, struct view text)
{
    struct json *j = arg;

    if (j->out->len + 2 * text.len + 64 > j->out->cap)
        return false; /* the page ends here; the next one begins with this entry */
    json_open(j);
    json_put_u64(j, "index", index);
    json_put_text(j, "line", text);
    json_close(j);
    return true;
}

enum hufu_err handle_entries(struct worker *w, struct request *req, struct msg_where *where)
{
    uint64_t from = msg_u64(&req->msg, MSG_FROM, 0);
    uint64_t limit = msg_u64(&req->msg, MSG_LIMIT, ENTRIES_PAGE);
    struct merkle tree;
    struct json j;
    uint64_t n;

    store_log(w->core->store, &tree);
    if (from > tree.size)
        return manage_at(where, MSG_FROM, HUFU_BAD_REQUEST);
    if (limit == 0 || limit > ENTRIES_MAX)
        return manage_at(where, MSG_LIMIT, HUFU_BAD_REQUEST);
    n = tree.size - from < limit ? tree.size - from : limit;
    if (request_body(req, n == 0 ? 256 : ENTRIES_BYTES) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    json_init(&j, &req->body);
    json_open(&j);
    json_name(&j, "entries");
    json_list(&j);
    if (n > 0 && store_entries(w->reader, from, (size_t)n, print_entry, &j) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    json_end(&j);
    json_put_u64(&j, "size", tree.size);
    json_close(&j);
    return buf_check(&req->body) == HUFU_OK ? HUFU_OK : HUFU_UNAVAILABLE;
}
