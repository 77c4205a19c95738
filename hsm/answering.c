#include "hsm/answering.h"

#include <stddef.h>

#include "hsm/ckr.h"
#include "hsm/kek.h"
#include "hsm/sign.h"
#include "vault/base/secret.h"
#include "vault/base/text.h"

#define RANDOM_MAX 256 /* bytes at once */

typedef enum hufu_err answering_handler(struct module *m, const struct hsm_request *req,
                                        struct answering_answer *answer);

static enum hufu_err run_status(struct module *m, const struct hsm_request *req,
                                struct answering_answer *answer)
{
    (void)req;
    return module_status(m, &answer->text);
}

static enum hufu_err run_kek_make(struct module *m, const struct hsm_request *req,
                                  struct answering_answer *answer)
{
    return kek_make(m, req->key_id, &answer->text);
}

static enum hufu_err run_kek_find(struct module *m, const struct hsm_request *req,
                                  struct answering_answer *answer)
{
    return kek_find(m, req->key_id, &answer->text);
}

static enum hufu_err run_kek_destroy(struct module *m, const struct hsm_request *req,
                                     struct answering_answer *answer)
{
    (void)answer;
    return kek_destroy(m, req->key_id);
}

static enum hufu_err run_seal(struct module *m, const struct hsm_request *req,
                              struct answering_answer *answer)
{
    return kek_seal(m, req->key_id, req->aad, req->data, &answer->data);
}

static enum hufu_err run_open(struct module *m, const struct hsm_request *req,
                              struct answering_answer *answer)
{
    return kek_open(m, req->key_id, req->aad, req->data, &answer->data);
}

static enum hufu_err run_sign_make(struct module *m, const struct hsm_request *req,
                                   struct answering_answer *answer)
{
    return sign_make(m, req->key_id, &answer->data);
}

static enum hufu_err run_sign_public(struct module *m, const struct hsm_request *req,
                                     struct answering_answer *answer)
{
    return sign_public(m, req->key_id, &answer->data);
}

static enum hufu_err run_sign(struct module *m, const struct hsm_request *req,
                              struct answering_answer *answer)
{
    return sign_message(m, req->key_id, req->data, &answer->data);
}

static enum hufu_err run_random(struct module *m, const struct hsm_request *req,
                                struct answering_answer *answer)
{
    uint8_t *out = buf_space(&answer->data, req->len);

    return out ? module_random(m, out, req->len) : HUFU_RANGE;
}

/* Limits are columns, checked before a handler runs. A member with a limit of 0 must be absent. */
/* clang-format off */
static const struct row {
    uint16_t call;
    bool has_key_id;
    uint32_t aad_max, data_max, len_max; /* data and len are there, from 1 on, where not 0 */
    answering_handler *run;
} rows[] = {
    { HSM_STATUS,      false, 0,            0,              0,          run_status },
    { HSM_KEK_MAKE,    true,  0,            0,              0,          run_kek_make },
    { HSM_KEK_FIND,    true,  0,            0,              0,          run_kek_find },
    { HSM_KEK_DESTROY, true,  0,            0,              0,          run_kek_destroy },
    { HSM_SEAL,        true,  HSM_DATA_MAX, HSM_DATA_MAX,   0,          run_seal },
    { HSM_OPEN,        true,  HSM_DATA_MAX, HSM_SEALED_MAX, 0,          run_open },
    { HSM_SIGN_MAKE,   true,  0,            0,              0,          run_sign_make },
    { HSM_SIGN_PUBLIC, true,  0,            0,              0,          run_sign_public },
    { HSM_SIGN,        true,  0,            HSM_DATA_MAX,   0,          run_sign },
    { HSM_RANDOM,      false, 0,            0,              RANDOM_MAX, run_random },
};
/* clang-format on */

static const struct row *row_find(uint16_t call)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (rows[i].call == call)
            return &rows[i];
    return NULL;
}

static bool row_fits(const struct row *row, const struct hsm_request *req)
{
    bool has_data = row->data_max > 0, has_len = row->len_max > 0;

    return (row->has_key_id ? text_is_name(req->key_id) : req->key_id.len == 0) &&
           req->aad.len <= row->aad_max && req->data.len <= row->data_max &&
           req->len <= row->len_max && (req->data.len > 0) == has_data && (req->len > 0) == has_len;
}

void answering_init(struct answering_answer *answer)
{
    answer->err = HUFU_HSM_FAILED;
    answer->rv = CKR_OK;
    buf_fixed(&answer->data, answer->data_mem, sizeof(answer->data_mem));
    buf_fixed(&answer->text, answer->text_mem, sizeof(answer->text_mem));
}

void answering_done(struct answering_answer *answer)
{
    buf_done(&answer->data);
    buf_done(&answer->text);
    wipe(answer->data_mem, sizeof(answer->data_mem));
}

static enum hufu_err attempt(struct module *m, const struct row *row, const struct hsm_request *req,
                             struct answering_answer *answer)
{
    enum hufu_err err;

    buf_reset(&answer->data);
    buf_reset(&answer->text);
    m->rv = CKR_OK;
    m->has_made = false;
    err = row->run(m, req, answer);
    if (err == HUFU_OK && (answer->data.failed || answer->text.failed))
        err = HUFU_HSM_FAILED;
    return err;
}

/* What the token's state is after a failure. Returns the error to answer; m->rv is kept. */
static enum hufu_err settle(struct module *m, enum hufu_err err)
{
    CK_RV rv = m->rv;

    if (err == HUFU_HSM_FAILED && ckr_class(rv) == CKR_CLASS_UNCLEAR)
        err = module_check(m) == HUFU_OK ? HUFU_HSM_FAILED : HUFU_HSM_DOWN;
    if (err == HUFU_HSM_DOWN)
        module_close(m, HUFU_HSM_DOWN, ckr_name(rv));
    m->rv = rv;
    return err;
}

void answering_run(struct module *m, const struct hsm_request *req, struct answering_answer *answer)
{
    const struct row *row = row_find(req->call);
    enum hufu_err err;

    if (!row || !row_fits(row, req)) {
        answer->err = HUFU_RANGE;
        return;
    }
    if (m->state != HUFU_OK && req->call != HSM_STATUS) {
        answer->err = m->state;
        answer->rv = m->rv;
        return;
    }
    err = attempt(m, row, req, answer);
    if (m->state == HUFU_OK && err == HUFU_HSM_DOWN && ckr_class(m->rv) == CKR_CLASS_STALE &&
        !m->has_made) {
        module_close(m, HUFU_HSM_DOWN, ckr_name(m->rv));
        err = module_open(m);
        if (err == HUFU_OK)
            err = attempt(m, row, req, answer);
    }
    if (m->state == HUFU_OK)
        err = settle(m, err);
    answer->err = err;
    answer->rv = err == HUFU_OK ? CKR_OK : m->rv;
    if (err != HUFU_OK)
        buf_reset(&answer->data);
}
