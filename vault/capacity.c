/* GET /v1/domains/{name}/capacity: what a domain can hold, and how much of it is taken. */
#include "vault/fill.h"
#include "vault/handle.h"
#include "vault/manage.h"

#define KIND_MAX  128 /* bytes of one kind in the reply */
#define REPLY_MAX 2048

/* JSON numbers are exact up to 2^53. */
static void put_number(struct json *j, const char *name, uint64_t n)
{
    json_put_u64(j, name, n > (1ULL << 53) ? 1ULL << 53 : n);
}

static void put_kind(struct json *j, const struct domain *d, size_t kind)
{
    char mem[8];
    struct buf b;

    buf_fixed(&b, (uint8_t *)mem, sizeof(mem));
    format_kind_print(d->format, kind, &b);
    json_put_text(j, "kind", buf_view(&b));
}

static void print_kinds(struct json *j, const struct domain *d)
{
    json_name(j, "kinds");
    json_list(j);
    for (size_t i = 0; i < format_kind_count(d->format); i++) {
        struct format_capacity cap;

        manage_kind_capacity(d, i, &cap);
        json_open(j);
        put_kind(j, d, i);
        json_put_u64(j, "length", cap.len);
        put_number(j, "originals", cap.originals);
        put_number(j, "tokens", cap.tokens);
        json_close(j);
    }
    json_end(j);
}

/* Left out where no bucket is known that may be half full. */
static void print_fullest(struct json *j, const struct domain *d, const struct fill_bucket *b)
{
    if (b->rows == 0)
        return;
    json_name(j, "fullest");
    json_open(j);
    put_number(j, "fill", b->rows);
    put_kind(j, d, b->kind);
    json_put_u64(j, "percent", fill_percent(b->rows, b->tokens));
    put_number(j, "tokens", b->tokens);
    json_close(j);
}

enum hufu_err handle_domain_capacity(struct worker *w, struct request *req, struct msg_where *where)
{
    const struct domain *d = directory_domain(w->core->dir, msg_text(&req->msg, MSG_NAME));
    struct fill_state fill;
    struct json j;

    (void)where;
    if (d == NULL)
        return HUFU_NOT_FOUND;
    if (fill_find(w->core, d, &fill) != HUFU_OK ||
        request_body(req, REPLY_MAX + KIND_MAX * format_kind_count(d->format)) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    json_init(&j, &req->body);
    json_open(&j);
    put_number(&j, "capacity", fill.capacity);
    json_put_str(&j, "domain", d->name);
    put_number(&j, "expected", d->expected);
    put_number(&j, "fill", fill.made);
    json_put_str(&j, "format", format_name(d->format));
    print_fullest(&j, d, &fill.fullest);
    json_name(&j, "keep");
    json_open(&j);
    json_put_u64(&j, "prefix", d->keep.prefix);
    json_put_u64(&j, "suffix", d->keep.suffix);
    json_close(&j);
    print_kinds(&j, d);
    json_put_bool(&j, "marked", format_is_marked(d->format));
    json_put_str(&j, "mode", domain_mode_name(d->mode));
    json_put_u64(&j, "percent", fill.percent);
    json_close(&j);
    return buf_check(&req->body) == HUFU_OK ? HUFU_OK : HUFU_UNAVAILABLE;
}
