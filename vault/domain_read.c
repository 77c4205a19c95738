#include "vault/domain_read.h"

#include <string.h>

#include "vault/ff1_domain.h"
#include "vault/format/format_bin.h"
#include "vault/handle.h"
#include "vault/manage.h"

static enum hufu_err read_partners(struct worker *w, struct request *req, struct domain *d)
{
    struct view list = req->msg.field[MSG_PARTNERS];
    size_t count = msg_list_count(list);
    struct reader r;

    if (count > ROW_PARTNERS_MAX)
        return HUFU_BAD_REQUEST;
    reader_init(&r, list.p, list.len);
    for (size_t i = 0; i < count; i++) {
        const struct partner *p = directory_partner(w->core->dir, msg_list_next(&r));

        if (p == NULL || domain_has_partner(d, p->id))
            return HUFU_BAD_REQUEST;
        d->partner[d->partner_count++] = p->id;
    }
    return HUFU_OK;
}

static enum hufu_err read_purposes(struct worker *w, struct request *req, struct domain *d)
{
    struct view list = req->msg.field[MSG_PURPOSES];
    size_t count = msg_list_count(list);
    struct reader r;

    if (count > ROW_PURPOSES_MAX)
        return HUFU_BAD_REQUEST;
    reader_init(&r, list.p, list.len);
    for (size_t i = 0; i < count; i++) {
        struct view text = msg_list_next(&r);

        if (check_text(w, text) != HUFU_OK)
            return HUFU_VALUE_IN_TEXT;
        if (manage_copy(d->purpose[d->purpose_count++], sizeof(d->purpose[0]), text) != HUFU_OK)
            return HUFU_BAD_REQUEST;
    }
    return HUFU_OK;
}

/* Which of the domain's purposes need so many approvals; each in one list at most (C24). */
static enum hufu_err read_approvals(struct view list, uint8_t needed, struct domain *d)
{
    struct reader r;

    reader_init(&r, list.p, list.p == NULL ? 0 : list.len);
    while (r.left > 0) {
        struct view text = msg_list_next(&r);
        size_t i = 0;

        while (i < d->purpose_count && !view_is(text, d->purpose[i]))
            i++;
        if (i == d->purpose_count || d->approvals[i] != 0)
            return HUFU_BAD_REQUEST;
        d->approvals[i] = needed;
    }
    return HUFU_OK;
}

/* What a second data type of one subject asks for (C29). */
static enum hufu_err read_escalation(struct view said, struct domain *d)
{
    for (unsigned e = ESCALATION_NONE; e <= ESCALATION_GRANT; e++) {
        if (!view_is(said, domain_escalation_name(e)))
            continue;
        d->escalation = (uint8_t)e;
        return HUFU_OK;
    }
    return said.len == 0 ? HUFU_OK : HUFU_BAD_REQUEST;
}

/* Who else has to agree before a value is revealed. */
static enum hufu_err read_policy(const struct msg_request *msg, struct domain *d,
                                 struct msg_where *where)
{
    if (read_approvals(msg->field[MSG_PURPOSES_ONE], 1, d) != HUFU_OK)
        return manage_at(where, MSG_PURPOSES_ONE, HUFU_BAD_REQUEST);
    if (read_approvals(msg->field[MSG_PURPOSES_TWO], 2, d) != HUFU_OK)
        return manage_at(where, MSG_PURPOSES_TWO, HUFU_BAD_REQUEST);
    if (read_escalation(msg_text(msg, MSG_ESCALATION), d) != HUFU_OK)
        return manage_at(where, MSG_ESCALATION, HUFU_BAD_REQUEST);
    return HUFU_OK;
}

/* The domain keeps its format's whole definition: editing the file changes nothing for it. */
static enum hufu_err read_format(struct worker *w, struct request *req, struct domain *d)
{
    const struct format *found;
    struct buf text;
    enum hufu_err err;

    if (format_set_find(w->core->formats, msg_text(&req->msg, MSG_FORMAT), &found) != HUFU_OK)
        return HUFU_BAD_REQUEST;
    buf_init(&text, FORMAT_TEXT_MAX);
    format_print(found, &text);
    err = buf_check(&text);
    if (err == HUFU_OK)
        err = format_parse(buf_view(&text), &d->format, NULL, 0);
    buf_done(&text);
    return err == HUFU_OK ? HUFU_OK : HUFU_UNAVAILABLE;
}

/* Every bucket holds its originals, or the expected population says how few there are; never more
 * than half full. */
static enum hufu_err judge_capacity(const struct domain *d, bool has_expected)
{
    bool ample = ff1_domain_is(d) || /* as many tokens as originals, by construction */
                 (d->mode == MODE_DETERMINISTIC && format_is_ample(d->format, d->keep));

    if (!has_expected)
        return ample ? HUFU_OK : HUFU_BAD_REQUEST;
    return d->expected <= manage_capacity(d) / 2 || ample ? HUFU_OK : HUFU_BAD_REQUEST;
}

/* "bin": tokens with a right check, within token BINs (C19): the definition's, else the setting's.
 */
static enum hufu_err read_bins(struct worker *w, struct domain *d)
{
    struct format *changed;
    enum hufu_err err;

    if (d->mode == MODE_FF1)
        return HUFU_UNSUPPORTED_MODE;
    d->token_check = TOKEN_CHECK_BIN;
    if (format_bins(d->format) != NULL)
        return HUFU_OK;
    if (w->core->bins.count == 0)
        return HUFU_UNSUPPORTED_MODE;
    err = format_with_bins(d->format, &w->core->bins, &changed);
    if (err != HUFU_OK)
        return err == HUFU_NOMEM ? HUFU_UNAVAILABLE : err;
    format_free(d->format);
    d->format = changed;
    return HUFU_OK;
}

/* Tokens that nobody can tell from originals are had only by who says so: "none". Those that only
 * their BIN tells, too: "bin". */
static enum hufu_err read_token_check(struct worker *w, const struct msg_request *msg,
                                      struct domain *d)
{
    struct view said = msg_text(msg, MSG_TOKEN_CHECK);
    bool none = view_is(said, "none");

    if (view_is(said, "bin"))
        return read_bins(w, d);
    if (said.len > 0 && !none && !view_is(said, "fail"))
        return HUFU_UNSUPPORTED_MODE;
    if (format_bins(d->format) != NULL)
        return HUFU_BAD_REQUEST;
    d->token_check = none ? TOKEN_CHECK_NONE : TOKEN_CHECK_FAIL;
    return none == format_is_marked(d->format) ? HUFU_BAD_REQUEST : HUFU_OK;
}

/* 1 to 8 different names. */
static enum hufu_err read_channels(struct worker *w, struct view list, struct domain *d)
{
    enum hufu_err err = manage_names(list, d->channel[0], sizeof(d->channel[0]), ROW_CHANNELS_MAX,
                                     &d->channel_count);

    if (err == HUFU_OK && d->channel_count == 0)
        err = HUFU_BAD_REQUEST;
    for (size_t i = 0; i < d->channel_count && err == HUFU_OK; i++)
        err = check_text(w, view_str(d->channel[i]));
    return err;
}

/* Eleven digits: known by their form, and not searched as free text is. */
static bool is_requestor(struct view text)
{
    uint64_t n;

    return text.len == ROW_REQUESTOR_LEN && text_u64(text, 0, UINT64_MAX, &n) == HUFU_OK;
}

/* What a payment network's tokens bear: requestor, assurance level, domain restriction (C19). */
static enum hufu_err read_network(struct worker *w, const struct msg_request *msg, struct domain *d,
                                  struct msg_where *where)
{
    static const enum msg_tag tags[] = { MSG_REQUESTOR, MSG_ASSURANCE, MSG_CHANNELS };
    uint64_t assurance = msg_u64(msg, MSG_ASSURANCE, 0);
    struct view requestor = msg_text(msg, MSG_REQUESTOR);
    enum hufu_err err = HUFU_OK;

    for (size_t i = 0; i < sizeof(tags) / sizeof(tags[0]); i++)
        if (msg_has(msg, tags[i]) && d->token_check != TOKEN_CHECK_BIN)
            return manage_at(where, tags[i], HUFU_BAD_REQUEST);
    if (msg_has(msg, MSG_REQUESTOR) &&
        (!is_requestor(requestor) ||
         manage_copy(d->requestor, sizeof(d->requestor), requestor) != HUFU_OK))
        return manage_at(where, MSG_REQUESTOR, HUFU_BAD_REQUEST);
    if (assurance > ROW_ASSURANCE_MAX)
        return manage_at(where, MSG_ASSURANCE, HUFU_BAD_REQUEST);
    d->assurance = (uint8_t)assurance;
    if (msg_has(msg, MSG_CHANNELS))
        err = read_channels(w, msg->field[MSG_CHANNELS], d);
    return err == HUFU_OK ? HUFU_OK : manage_at(where, MSG_CHANNELS, err);
}

static enum hufu_err read_numbers(struct worker *w, struct request *req, struct domain *d,
                                  struct msg_where *where)
{
    const struct msg_request *msg = &req->msg;
    struct view keep = msg->field[MSG_KEEP];
    uint64_t batch = msg_u64(msg, MSG_BATCH_DETOKENIZE, 0);
    uint64_t days = msg_u64(msg, MSG_RETENTION_DAYS, 0);
    enum hufu_err err;

    if (keep.p != NULL)
        d->keep = (struct format_keep){ keep.p[0], keep.p[1] };
    if (format_keep_check(d->format, d->keep) != HUFU_OK)
        return manage_at(where, MSG_KEEP, HUFU_BAD_REQUEST);
    err = ff1_domain_is(d) ? ff1_domain_judge(w, req, d, where) : HUFU_OK;
    if (err != HUFU_OK)
        return err;
    if (batch > MSG_ITEMS_MAX)
        return manage_at(where, MSG_BATCH_DETOKENIZE, HUFU_BAD_REQUEST);
    if (days > UINT32_MAX)
        return manage_at(where, MSG_RETENTION_DAYS, HUFU_BAD_REQUEST);
    err = read_token_check(w, msg, d);
    if (err != HUFU_OK)
        return manage_at(where, MSG_TOKEN_CHECK, err);
    if (format_keep_check(d->format, d->keep) != HUFU_OK) /* a token BIN takes the beginning */
        return manage_at(where, MSG_KEEP, HUFU_BAD_REQUEST);
    err = read_network(w, msg, d, where);
    if (err != HUFU_OK)
        return err;
    d->batch_detokenize = (uint32_t)batch;
    d->retention_days = (uint32_t)days;
    d->needs_consent = msg_bool(msg, MSG_CONSENT_REQUIRED) ? 1 : 0;
    d->life_s = msg_u64(msg, MSG_EXPIRES_IN, 0);
    if (d->life_s > UINT32_MAX)
        return manage_at(where, MSG_EXPIRES_IN, HUFU_BAD_REQUEST);
    d->expected = msg_u64(msg, MSG_EXPECTED, 0);
    if (judge_capacity(d, d->expected > 0) != HUFU_OK)
        return manage_at(where, MSG_EXPECTED, HUFU_BAD_REQUEST);
    return HUFU_OK;
}

enum hufu_err domain_read(struct worker *w, struct request *req, struct domain *d,
                          struct msg_where *where)
{
    struct view name = msg_text(&req->msg, MSG_NAME);
    enum hufu_err err;

    if (!text_is_name(name) || manage_copy(d->name, sizeof(d->name), name) != HUFU_OK)
        return manage_at(where, MSG_NAME, HUFU_BAD_REQUEST);
    if (check_text(w, name) != HUFU_OK)
        return manage_at(where, MSG_NAME, HUFU_VALUE_IN_TEXT);
    if (domain_mode_parse(msg_text(&req->msg, MSG_MODE), &d->mode) != HUFU_OK)
        return manage_at(where, MSG_MODE, HUFU_BAD_REQUEST);
    err = read_format(w, req, d);
    if (err != HUFU_OK)
        return manage_at(where, MSG_FORMAT, err);
    err = read_partners(w, req, d);
    if (err != HUFU_OK)
        return manage_at(where, MSG_PARTNERS, err);
    err = read_purposes(w, req, d);
    if (err != HUFU_OK)
        return manage_at(where, MSG_PURPOSES, err);
    err = read_policy(&req->msg, d, where);
    if (err == HUFU_OK)
        err = read_numbers(w, req, d, where);
    if (err == HUFU_OK && directory_domain(w->core->dir, name) != NULL)
        err = manage_at(where, MSG_NAME, HUFU_CONFLICT);
    return err;
}
