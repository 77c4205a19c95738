/* Readiness, metrics, and the list of keys. */
#include "vault/handle.h"

#include "vault/base/json.h"
#include "vault/base/text.h"
#include "vault/manage.h"

#define METRICS_MAX 65536
#define KEY_ITEM    512
#define KEYS_MAX    4096

/* The body, which names the part that is missing; returns err, or UNAVAILABLE without a body. */
static enum hufu_err say(struct request *req, const char *status, const char *part,
                         enum hufu_err err)
{
    struct json j;

    if (request_body(req, 256) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    json_init(&j, &req->body);
    json_open(&j);
    if (part != NULL)
        json_put_str(&j, "part", part);
    json_put_str(&j, "status", status);
    json_close(&j);
    return err;
}

enum hufu_err handle_status(struct worker *w, struct request *req, struct msg_where *where)
{
    const char *part = atomic_load(&w->core->part);

    (void)where;
    if (atomic_load(&w->core->phase) != CORE_OPEN)
        return say(req, "sealed", part == NULL ? "starting" : part, HUFU_SEALED);
    if (!store_is_sound(w->core->store))
        return say(req, "unavailable", "store", HUFU_UNAVAILABLE);
    if (!signer_is_fresh(w->core->signer))
        return say(req, "unavailable", "log-signature", HUFU_UNAVAILABLE);
    return say(req, "ready", NULL, HUFU_OK);
}

static void metric(struct buf *b, const char *name, const char *kind, uint64_t v)
{
    buf_str(b, "# TYPE ");
    buf_str(b, name);
    buf_str(b, " ");
    buf_str(b, kind);
    buf_str(b, "\n");
    buf_str(b, name);
    buf_str(b, " ");
    buf_dec(b, v);
    buf_str(b, "\n");
}

static void labelled(struct buf *b, const char *name, const char *label, const char *value,
                     uint64_t v)
{
    buf_str(b, name);
    buf_str(b, "{");
    buf_str(b, label);
    buf_str(b, "=\"");
    buf_str(b, value);
    buf_str(b, "\"} ");
    buf_dec(b, v);
    buf_str(b, "\n");
}

static void print_requests(struct core *core, struct buf *b)
{
    buf_str(b, "# TYPE hufu_answers_total counter\n");
    for (unsigned verb = 1; verb < VERB_COUNT; verb++)
        labelled(b, "hufu_answers_total", "verb", msg_shape(verb)->verb_name,
                 atomic_load(&core->served[verb]));
    buf_str(b, "# TYPE hufu_refusals_total counter\n");
    for (unsigned e = 0; e < HUFU_ERR_COUNT; e++)
        if (err_code((enum hufu_err)e) != NULL)
            labelled(b, "hufu_refusals_total", "code", err_code((enum hufu_err)e),
                     atomic_load(&core->refused[e]));
}

static void print_store(struct core *core, struct buf *b)
{
    struct store_numbers n;
    uint64_t size, signed_ms;

    store_numbers(core->store, &n);
    signer_numbers(core->signer, &size, &signed_ms);
    metric(b, "hufu_log_entries", "gauge", n.seq);
    metric(b, "hufu_log_signed_entries", "gauge", size);
    metric(b, "hufu_log_signed_timestamp_seconds", "gauge", signed_ms / 1000);
    metric(b, "hufu_journal_applied_operations", "gauge", n.applied);
    metric(b, "hufu_journal_trimmed_operations", "gauge", n.trimmed);
    metric(b, "hufu_journal_groups_total", "counter", n.groups);
    metric(b, "hufu_journal_operations_total", "counter", n.grouped_ops);
    metric(b, "hufu_journal_commit_microseconds_total", "counter", n.commit_us_sum);
    metric(b, "hufu_journal_commit_microseconds_max", "gauge", n.commit_us_max);
    metric(b, "hufu_journal_queued_drafts", "gauge", n.queued);
    metric(b, "hufu_journal_file_bytes", "gauge", n.journal_file_bytes);
    metric(b, "hufu_recent_rows", "gauge", n.recent_rows);
    metric(b, "hufu_recent_bytes", "gauge", n.recent_bytes);
    metric(b, "hufu_map_rows_flushed_total", "counter", n.flushed_rows);
    metric(b, "hufu_map_slices_total", "counter", n.slices);
    metric(b, "hufu_map_file_bytes", "gauge", n.map_file_bytes);
    metric(b, "hufu_open", "gauge", atomic_load(&core->phase) == CORE_OPEN ? 1 : 0);
    metric(b, "hufu_requests_in_work", "gauge", atomic_load(&core->in_work));
}

enum hufu_err handle_metrics(struct worker *w, struct request *req, struct msg_where *where)
{
    (void)where;
    if (request_body(req, METRICS_MAX) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    req->reply.flags = MSG_TEXT_PLAIN;
    print_requests(w->core, &req->body);
    print_store(w->core, &req->body);
    return buf_check(&req->body) == HUFU_OK ? HUFU_OK : HUFU_UNAVAILABLE;
}

struct key_list { /* of GET /v1/keys */
    struct core *core;
    struct json *j;
    uint64_t limit, shown, skip, seen;
    bool more;
};

static void begin_key(struct key_list *l, const char *prefix, uint32_t domain, uint32_t version,
                      const char *kind, uint64_t created_ms)
{
    const struct domain *d = domain == 0 ? NULL : directory_domain_id(l->core->dir, domain);
    uint8_t id_mem[96];
    struct buf id;

    buf_fixed(&id, id_mem, sizeof(id_mem));
    buf_str(&id, prefix);
    if (d != NULL) {
        buf_str(&id, "-");
        buf_str(&id, d->name);
    }
    buf_str(&id, "-");
    buf_dec(&id, version);
    json_open(l->j);
    json_put_time(l->j, "created_at", created_ms);
    if (d != NULL)
        json_put_str(l->j, "domain", d->name);
    json_put_text(l->j, "id", buf_view(&id));
    json_put_str(l->j, "kind", kind);
}

/* True where the page takes one more. */
static bool takes(struct key_list *l)
{
    if (l->seen++ < l->skip)
        return false;
    if (l->shown == l->limit) {
        l->more = true;
        return false;
    }
    l->shown++;
    return true;
}

static uint64_t count_under(struct core *core, uint32_t kek_version)
{
    uint64_t n = 0;
    struct key *key;

    for (size_t i = 0; (key = keyring_at(core->ring, i)) != NULL; i++)
        n += atomic_load(&key->kek_version) == kek_version;
    return n;
}

static bool each_kek(void *arg, struct view key, uint64_t seq, struct view image)
{
    struct key_list *l = arg;
    struct kek_row row;

    (void)seq;
    if (kek_row_get(key, image, &row) != HUFU_OK || !takes(l))
        return !l->more;
    begin_key(l, "kek", 0, row.version, "kek", row.created_ms);
    json_put_u64(l->j, "records", count_under(l->core, row.version));
    json_put_str(l->j, "state", key_state_name(row.state));
    json_put_u64(l->j, "uses", 0);
    json_put_u64(l->j, "version", row.version);
    json_close(l->j);
    return true;
}

static void list_keysets(struct key_list *l)
{
    struct key *key;

    for (size_t i = 0; !l->more && (key = keyring_at(l->core->ring, i)) != NULL; i++) {
        if (!takes(l))
            continue;
        begin_key(l, key_kind_name(key->kind), key->domain, key->version, key_kind_name(key->kind),
                  key->created_ms);
        json_put_str(l->j, "state", key_state_name(atomic_load(&key->state)));
        json_put_u64(l->j, "uses", atomic_load(&key->used));
        json_put_u64(l->j, "version", key->version);
        json_close(l->j);
    }
}

enum hufu_err handle_key_list(struct worker *w, struct request *req, struct msg_where *where)
{
    struct json j;
    struct key_list l = { .core = w->core,
                          .j = &j,
                          .limit = msg_u64(&req->msg, MSG_LIMIT, MANAGE_PAGE) };
    uint8_t table = TABLE_KEK, next_mem[STORE_KEY_MAX];
    struct buf next;

    if (l.limit == 0 || l.limit > KEYS_MAX)
        return manage_at(where, MSG_LIMIT, HUFU_BAD_REQUEST);
    if (msg_has(&req->msg, MSG_AFTER) &&
        text_u64(msg_text(&req->msg, MSG_AFTER), 0, UINT32_MAX, &l.skip) != HUFU_OK)
        return manage_at(where, MSG_AFTER, HUFU_BAD_REQUEST);
    if (request_body(req, 256 + (size_t)l.limit * KEY_ITEM) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    json_init(&j, &req->body);
    json_open(&j);
    json_name(&j, "items");
    json_list(&j);
    buf_fixed(&next, next_mem, sizeof(next_mem));
    if (store_scan(w->reader, view_of(&table, 1), view_of(&table, 1), KEYS_MAX, each_kek, &l,
                   &next) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    list_keysets(&l);
    json_end(&j);
    json_name(&j, "next");
    if (l.more) {
        uint8_t number_mem[24];
        struct buf number;

        buf_fixed(&number, number_mem, sizeof(number_mem));
        buf_dec(&number, l.skip + l.shown);
        json_text(&j, buf_view(&number));
    } else {
        json_nil(&j);
    }
    json_close(&j);
    return buf_check(&req->body) == HUFU_OK ? HUFU_OK : HUFU_UNAVAILABLE;
}
