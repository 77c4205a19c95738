/* GET /v1/keys, and what the keys are called there. */
#include "vault/keylist.h"

#include "vault/base/json.h"
#include "vault/base/text.h"
#include "vault/handle.h"
#include "vault/manage.h"

#define KEY_ITEM 512
#define KEYS_MAX 4096
#define ID_MAX   96

/* "data-cards-2", "control-1", "kek-3". */
static void print_id(struct buf *out, const char *kind, const struct domain *d, uint32_t version)
{
    buf_str(out, kind);
    if (d != NULL) {
        buf_str(out, "-");
        buf_str(out, d->name);
    }
    buf_str(out, "-");
    buf_dec(out, version);
}

struct key *keylist_find(struct core *core, struct view id)
{
    struct key *key;

    for (size_t i = 0; (key = keyring_at(core->ring, i)) != NULL; i++) {
        const struct domain *d = directory_domain_id(core->dir, key->domain);
        uint8_t mem[ID_MAX];
        struct buf b;

        buf_fixed(&b, mem, sizeof(mem));
        print_id(&b, key_kind_name(key->kind), d, key->version);
        if (view_equal(buf_view(&b), id))
            return key;
    }
    return NULL;
}

struct key_list { /* of GET /v1/keys */
    struct core *core;
    struct json *j;
    uint64_t limit, shown, skip, seen;
    bool more;
};

static void begin_key(struct key_list *l, const char *kind, uint32_t domain, uint32_t version,
                      uint64_t created_ms)
{
    const struct domain *d = domain == 0 ? NULL : directory_domain_id(l->core->dir, domain);
    uint8_t id_mem[ID_MAX];
    struct buf id;

    buf_fixed(&id, id_mem, sizeof(id_mem));
    print_id(&id, kind, d, version);
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
        n += atomic_load(&key->kek_version) == kek_version &&
             atomic_load(&key->state) != KEY_DESTROYED;
    return n;
}

static bool each_kek(void *arg, struct view key, uint64_t seq, struct view image)
{
    struct key_list *l = arg;
    struct kek_row row;

    (void)seq;
    if (kek_row_get(key, image, &row) != HUFU_OK || !takes(l))
        return !l->more;
    begin_key(l, "kek", 0, row.version, row.created_ms);
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
        begin_key(l, key_kind_name(key->kind), key->domain, key->version, key->created_ms);
        if (key->kind != KEY_FF1 && atomic_load(&key->records) != KEY_UNCOUNTED)
            json_put_u64(l->j, "records", atomic_load(&key->records));
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
