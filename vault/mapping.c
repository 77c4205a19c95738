#include "vault/mapping.h"

#include <string.h>

#include "vault/base/secret.h"
#include "vault/format/format_bin.h"
#include "vault/format/sensitive.h"
#include "vault/free_token.h"
#include "vault/ff1_domain.h"
#include "vault/handle.h"

static enum hufu_err at_fault(struct mapping *it, enum msg_tag tag, enum hufu_err err)
{
    it->fault = (uint16_t)tag;
    return err;
}

/* FNV-1a: a place in a table of this batch alone, nothing to attack but one's own request. */
static size_t slot_of(const struct tokenize_job *job, struct view bytes)
{
    uint32_t h = 2166136261U;

    for (size_t i = 0; i < bytes.len; i++)
        h = (h ^ bytes.p[i]) * 16777619U;
    return h & (job->slots - 1);
}

/* An earlier item of the batch that has this value (or has drawn this token), or NULL. */
static struct mapping *find_in_batch(const struct tokenize_job *job, struct view bytes, bool token)
{
    for (size_t s = slot_of(job, bytes); job->slot[s] != 0; s = (s + 1) & (job->slots - 1)) {
        struct mapping *other = &job->item[job->slot[s] - 1];
        struct view has = token ? mapping_token(other) : view_of(other->value, other->value_len);

        if (has.len == bytes.len && (!token || other->writes_token) &&
            bytes_equal(has.p, bytes.p, bytes.len))
            return other;
    }
    return NULL;
}

static void note_in_batch(const struct tokenize_job *job, const struct mapping *it,
                          struct view bytes)
{
    size_t s = slot_of(job, bytes);

    while (job->slot[s] != 0)
        s = (s + 1) & (job->slots - 1);
    job->slot[s] = (uint16_t)(it - job->item + 1);
}

bool mapping_is_drawn(const struct tokenize_job *job, struct view token)
{
    return find_in_batch(job, token, true) != NULL;
}

bool mapping_has_declared(const struct partner *p, const struct domain *d)
{
    bool domain = false, format = false;

    for (size_t i = 0; i < p->domain_count; i++)
        domain = domain || strcmp(p->domain[i], d->name) == 0;
    for (size_t i = 0; i < p->format_count; i++)
        format = format || strcmp(p->format[i], format_name(d->format)) == 0;
    return domain && format;
}

bool mapping_is_qualified(const struct core *core, const struct partner *p)
{
    if (p->qualified_until_ms == 0)
        return conf_u64(core->conf, CONF_QUALIFIED) == 0;
    return core_now(core) < p->qualified_until_ms;
}

bool mapping_may_send(const struct partner *p, const struct domain *d, uint64_t now_ms)
{
    return mapping_has_declared(p, d) && p->state == ROW_ACTIVE && d->state == ROW_ACTIVE &&
           !ff1_domain_bars(d, p) && (p->qualified_until_ms == 0 || now_ms < p->qualified_until_ms);
}

/* EMV tokens may be asked for by the channels that their domain names, and by no others (C19). */
bool mapping_may_ask(const struct domain *d, struct view channel)
{
    for (size_t i = 0; i < d->channel_count; i++)
        if (view_is(channel, d->channel[i]))
            return true;
    return d->channel_count == 0;
}

/* A card number within token BINs is a token of the payment network, never an original: whatever
 * the format, and whoever issued it (C19). */
static bool is_network_token(const struct tokenize_job *job, struct view value)
{
    struct core *core = job->w->core;

    return format_is_card(job->d->format) &&
           (bins_has(&core->bins, value) || directory_has_bin(core->dir, value));
}

enum hufu_err mapping_check_value(struct tokenize_job *job, struct mapping *it)
{
    struct view value;
    enum format_verdict verdict;
    struct store_seen seen;
    struct record rec = { 0 };
    enum hufu_err err;

    if (sensitive_check_value(it->in.value) != HUFU_OK) /* C10 */
        return at_fault(it, MSG_VALUE, HUFU_PROHIBITED_DATA);
    err = format_canon(job->d->format, it->in.value, it->value, &it->value_len);
    if (err != HUFU_OK)
        return at_fault(it, MSG_VALUE,
                        format_is_card(job->d->format) && sensitive_is_joined(it->in.value)
                            ? HUFU_PROHIBITED_DATA
                            : HUFU_INVALID_VALUE);
    value = view_of(it->value, it->value_len);
    verdict = format_judge(job->d->format, job->d->keep, value);
    if (verdict == FORMAT_ORIGINAL && !is_network_token(job, value))
        return HUFU_OK;
    if (ff1_domain_is(job->d))
        return at_fault(it, MSG_VALUE,
                        ff1_domain_has_token(job->w, job->d, value) ? HUFU_ALREADY_TOKEN
                                                                    : HUFU_INVALID_VALUE);
    if (verdict == FORMAT_TOKEN_SHAPE) {
        err = row_find_record(job->w, job->d, row_token_key(job->req, job->d->id, value), &rec,
                              &seen);
        wipe(&rec, sizeof(rec));
        if (err == HUFU_OK)
            return at_fault(it, MSG_VALUE, HUFU_ALREADY_TOKEN);
        if (err != HUFU_NOT_FOUND)
            return err;
    }
    return at_fault(it, MSG_VALUE, HUFU_INVALID_VALUE);
}

enum hufu_err mapping_check(struct tokenize_job *job, struct mapping *it)
{
    enum hufu_err err;

    if (job->d->needs_consent != 0 && it->in.consent.len == 0) /* C03 */
        return at_fault(it, MSG_CONSENT, HUFU_BAD_REQUEST);
    err = mapping_check_value(job, it);
    if (err == HUFU_OK && check_text(job->w, it->in.subject) != HUFU_OK)
        err = at_fault(it, MSG_SUBJECT, HUFU_VALUE_IN_TEXT);
    if (err == HUFU_OK && check_text(job->w, it->in.consent) != HUFU_OK)
        err = at_fault(it, MSG_CONSENT, HUFU_VALUE_IN_TEXT);
    return err;
}

static void copy_text(char *out, size_t out_len, struct view text)
{
    size_t n = text.len < out_len ? text.len : out_len - 1;

    if (n > 0)
        memcpy(out, text.p, n);
    out[n] = '\0';
}

/* The record of a new mapping. */
static void fill_record(struct tokenize_job *job, struct mapping *it, struct record *rec)
{
    struct msg_request *msg = &job->req->msg;

    rec->state = RECORD_ACTIVE;
    rec->created_ms = job->now_ms;
    rec->changed_ms = job->now_ms;
    rec->expires_ms = job->life_s == 0 ? 0 : job->now_ms + job->life_s * 1000;
    rec->uses_left = job->uses;
    rec->assurance = job->d->assurance;
    memcpy(rec->requestor, job->d->requestor, sizeof(rec->requestor));
    copy_text(rec->channel, sizeof(rec->channel), msg_text(msg, MSG_CHANNEL));
    copy_text(rec->request_id, sizeof(rec->request_id), msg->request_id);
    rec->partner[0] = job->req->who.partner->id;
    rec->partner_count = 1;
    memcpy(rec->value, it->value, it->value_len);
    rec->value_len = it->value_len;
    copy_text(rec->subject, sizeof(rec->subject), it->in.subject);
    copy_text(rec->consent, sizeof(rec->consent), it->in.consent);
    it->expires_ms = rec->expires_ms;
}

/* C55: what is kept of a subject is found by its reference. */
static void note_subject(struct tokenize_job *job, struct mapping *it)
{
    it->writes_subject = it->in.subject.len > 0;
    job->subjects += it->writes_subject;
}

static enum hufu_err make_mapping(struct tokenize_job *job, struct mapping *it)
{
    struct record rec = { 0 };
    enum hufu_err err;

    err = free_token_find(job, it);
    if (err != HUFU_OK)
        return at_fault(it, MSG_VALUE, err);
    fill_record(job, it, &rec);
    err = row_lay_record(job->w, job->req, &rec, &it->image, &it->image_len);
    wipe(&rec, sizeof(rec));
    it->created = true;
    it->writes_token = true;
    it->is_fresh_value = true;
    it->writes_index = job->d->mode == MODE_DETERMINISTIC;
    note_subject(job, it);
    if (err == HUFU_OK)
        note_in_batch(job, it, mapping_token(it));
    return err;
}

/* Who sent the value first may come to say whose it is; later senders' references are not kept, or
 * the first, to whom all provenance is shown, would learn them. */
static bool names_subject(const struct mapping *it, const struct record *rec, uint32_t me)
{
    return it->in.subject.len > 0 && rec->subject[0] == '\0' && rec->partner[0] == me;
}

/* The value has an active token: the same one, and a note of a partner who is new to it. */
static enum hufu_err reuse(struct tokenize_job *job, struct mapping *it, struct record *rec)
{
    uint32_t me = job->req->who.partner->id;

    it->expires_ms = rec->expires_ms;
    if (names_subject(it, rec, me)) {
        copy_text(rec->subject, sizeof(rec->subject), it->in.subject);
        note_subject(job, it);
        it->writes_token = true;
        return row_lay_record(job->w, job->req, rec, &it->image, &it->image_len);
    }
    if (record_has_partner(rec, me) || rec->partner_count == ROW_PARTNERS_MAX)
        return HUFU_OK;
    rec->partner[rec->partner_count++] = me;
    it->created = true;
    it->writes_token = true;
    return row_lay_record(job->w, job->req, rec, &it->image, &it->image_len);
}

/* What the index leads to decides. PRECONDITION: the value has left its token meanwhile. */
static enum hufu_err try_mapping(struct tokenize_job *job, struct mapping *it)
{
    struct view value = view_of(it->value, it->value_len);
    struct record rec = { 0 };
    struct buf token;
    enum hufu_err err;

    buf_fixed(&token, it->token, sizeof(it->token));
    err = index_find(job->w, job->req, job->d, value, it->mac, &it->index, &token);
    if (err != HUFU_OK)
        return err;
    it->token_key = row_token_key(job->req, job->d->id, buf_view(&token));
    err = row_find_record(job->w, job->d, it->token_key, &rec, &it->token_seen);
    it->token_len = token.len;
    if (err != HUFU_OK || !view_equal(view_of(rec.value, rec.value_len), value)) {
        /* An index row that leads elsewhere: nothing may come of it. */
        err = index_has_changed(job->w, &it->index) ? HUFU_PRECONDITION : HUFU_UNAVAILABLE;
    } else if (rec.state == RECORD_SUSPENDED && !record_is_expired(&rec, job->now_ms)) {
        err = at_fault(it, MSG_VALUE, HUFU_TOKEN_SUSPENDED);
    } else if (rec.state != RECORD_ACTIVE || record_is_expired(&rec, job->now_ms)) {
        err = HUFU_NOT_FOUND;
    } else {
        err = reuse(job, it, &rec);
    }
    wipe(&rec, sizeof(rec));
    return err;
}

/* Deterministic domains. NOT_FOUND: a new token is due. */
static enum hufu_err find_mapping(struct tokenize_job *job, struct mapping *it)
{
    for (int i = 0; i < INDEX_TRIES; i++) {
        enum hufu_err err = try_mapping(job, it);

        if (err != HUFU_PRECONDITION)
            return err;
    }
    return HUFU_UNAVAILABLE;
}

enum hufu_err mapping_prepare(struct tokenize_job *job)
{
    uint8_t(*mac)[CRYPT_MAC_LEN];
    struct view *value;
    size_t n = 0;
    enum hufu_err err;

    if (!job->batch || job->d->mode != MODE_DETERMINISTIC)
        return HUFU_OK;
    value = request_take(job->req, job->count * sizeof(*value));
    mac = request_take(job->req, job->count * sizeof(*mac));
    if (value == NULL || mac == NULL)
        return HUFU_UNAVAILABLE;
    for (size_t i = 0; i < job->count; i++)
        if (job->item[i].err == HUFU_OK)
            value[n++] = view_of(job->item[i].value, job->item[i].value_len);
    err = index_macs(job->w, job->d, value, n, mac);
    if (err != HUFU_OK)
        return err;
    n = 0;
    for (size_t i = 0; i < job->count; i++)
        if (job->item[i].err == HUFU_OK)
            job->item[i].mac = mac[n++];
    return HUFU_OK;
}

enum hufu_err mapping_decide(struct tokenize_job *job, struct mapping *it)
{
    struct view value = view_of(it->value, it->value_len);
    enum hufu_err err;

    if (ff1_domain_is(job->d))
        return HUFU_OK; /* all at once: ff1_domain_tokenize */
    if (job->d->mode != MODE_DETERMINISTIC)
        return make_mapping(job, it);
    it->twin = find_in_batch(job, value, false);
    if (it->twin != NULL) {
        memcpy(it->token, it->twin->token, it->twin->token_len);
        it->token_len = it->twin->token_len;
        it->expires_ms = it->twin->expires_ms;
        return HUFU_OK;
    }
    err = find_mapping(job, it);
    if (err == HUFU_NOT_FOUND)
        err = make_mapping(job, it);
    if (err == HUFU_OK)
        note_in_batch(job, it, value);
    return err;
}
