/* Whoami, and whether a certificate is known. */
#include "vault/handle.h"

#include "vault/base/json.h"

static void print_limits(struct json *j, const struct conf *conf)
{
    json_name(j, "limits");
    json_open(j);
    json_put_u64(j, "guesses_per_day", conf_u64(conf, CONF_GUESSES_DAY));
    json_put_u64(j, "reveals_per_day", conf_u64(conf, CONF_REVEALS_DAY));
    json_put_u64(j, "reveals_per_factor", conf_u64(conf, CONF_REVEALS_FACTOR));
    json_close(j);
}

static void print_domains(struct json *j, struct core *core, const struct request *req)
{
    const struct partner *p = req->who.partner;
    const struct domain *d;

    json_name(j, "domains");
    json_list(j);
    for (size_t i = 0; (d = directory_domain_at(core->dir, i)) != NULL; i++) {
        if (p != NULL && !domain_has_partner(d, p->id))
            continue;
        json_open(j);
        json_put_str(j, "format", format_name(d->format));
        json_put_str(j, "mode", domain_mode_name(d->mode));
        json_put_str(j, "name", d->name);
        json_close(j);
    }
    json_end(j);
}

enum hufu_err handle_whoami(struct worker *w, struct request *req, struct msg_where *where)
{
    const struct who *who = &req->who;
    struct json j;

    (void)where;
    if (request_body(req, 65536) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    json_init(&j, &req->body);
    json_open(&j);
    if (who->partner != NULL)
        json_put_time(&j, "certificate_expires_at", req->msg.cert_until_ms);
    print_domains(&j, w->core, req);
    print_limits(&j, w->core->conf);
    if (who->partner != NULL)
        json_put_str(&j, "partner", who->partner->name);
    if (who->user != NULL && password_until(w->core, who->user) != 0)
        json_put_time(&j, "password_expires_at", password_until(w->core, who->user));
    json_put_str(&j, "role", role_name(who->role));
    if (who->user != NULL) {
        json_put_time(&j, "session_expires_at", who->session.expires_ms);
        json_put_str(&j, "user", who->user->name);
    }
    json_close(&j);
    return buf_check(&req->body) == HUFU_OK ? HUFU_OK : HUFU_UNAVAILABLE;
}

enum hufu_err handle_peer_check(struct worker *w, struct request *req, struct msg_where *where)
{
    (void)where;
    if (atomic_load(&w->core->phase) != CORE_OPEN)
        return HUFU_SEALED; /* nobody is known yet */
    return directory_partner_pin(w->core->dir, req->msg.pin) == NULL ? HUFU_UNAUTHENTICATED
                                                                     : HUFU_OK;
}
