#include "hsm/module.h"

#include <dlfcn.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

#include "hsm/ckr.h"

enum hufu_err module_init(struct module *m, const struct conf *conf, struct pin *pin)
{
    const char *softhsm_conf = conf_text(conf, CONF_HSM_CONF);

    memset(m, 0, sizeof(*m));
    m->path = conf_text(conf, CONF_HSM_MODULE);
    m->label = conf_text(conf, CONF_HSM_LABEL);
    m->wanted_serial = conf_text(conf, CONF_HSM_SERIAL);
    m->pin = pin;
    m->state = HUFU_HSM_DOWN;
    m->why = "start";
    /* Without a slash dlopen would search folders that nobody named. */
    if (!strchr(m->path, '/') || m->label[0] == '\0')
        return HUFU_ARG;
    if (softhsm_conf[0] != '\0' && setenv("SOFTHSM2_CONF", softhsm_conf, 1) != 0)
        return HUFU_ARG;
    return HUFU_OK;
}

void module_note(struct module *m, const char *name)
{
    unsigned long e;

    m->called = name;
    m->rv = CKR_GENERAL_ERROR; /* libp11 may fail without a code */
    while ((e = ERR_get_error()) != 0)
        if (ERR_GET_LIB(e) == ERR_get_CKR_code())
            m->rv = (CK_RV)ERR_GET_REASON(e);
}

/*
 * The function list of the library that libp11 will use: the same path gives the same library. It
 * stays mapped for good (NODELETE), since OpenSSL and the module may keep pointers into it.
 */
static bool list_load(struct module *m)
{
    CK_FUNCTION_LIST_PTR list = NULL;
    void *library = dlopen(m->path, RTLD_NOW | RTLD_NODELETE);
    void *symbol = library ? dlsym(library, "C_GetFunctionList") : NULL;
    CK_C_GetFunctionList get = NULL;

    m->called = "C_GetFunctionList";
    m->rv = CKR_FUNCTION_FAILED;
    if (symbol) {
        memcpy(&get, &symbol, sizeof(get)); /* ISO C has no cast for this */
        m->rv = get(&list);
    }
    if (library)
        dlclose(library);
    if (m->rv != CKR_OK || !list)
        return false;
    m->f = list;
    return true;
}

/* libp11 does C_Initialize here, so a token that was made later is seen by the next attempt. */
static bool context_load(struct module *m)
{
    ERR_clear_error();
    m->ctx = PKCS11_CTX_new();
    if (m->ctx && PKCS11_CTX_load(m->ctx, m->path) == 0)
        return true;
    module_note(m, "PKCS11_CTX_load");
    if (m->ctx)
        PKCS11_CTX_free(m->ctx); /* not loaded: must not be unloaded */
    m->ctx = NULL;
    return false;
}

static bool is_wanted(const struct module *m, const PKCS11_SLOT *slot)
{
    const PKCS11_TOKEN *token = slot->token;

    return token && token->initialized && token->label && token->serialnr &&
           strcmp(token->label, m->label) == 0 &&
           (m->wanted_serial[0] == '\0' || strcmp(token->serialnr, m->wanted_serial) == 0);
}

/* Two tokens that fit are none: guessing could make keys on the wrong one. */
static bool token_find(struct module *m)
{
    ERR_clear_error();
    if (PKCS11_enumerate_slots(m->ctx, &m->slots, &m->slots_count) != 0) {
        module_note(m, "PKCS11_enumerate_slots");
        m->slots = NULL;
        m->slots_count = 0;
        return false;
    }
    m->called = "PKCS11_enumerate_slots";
    m->rv = CKR_TOKEN_NOT_PRESENT;
    for (unsigned i = 0; i < m->slots_count; i++) {
        if (!is_wanted(m, &m->slots[i]))
            continue;
        if (m->slot)
            return false;
        m->slot = &m->slots[i];
    }
    if (!m->slot || strlen(m->slot->token->serialnr) > MODULE_SERIAL_MAX)
        return false;
    memcpy(m->serial, m->slot->token->serialnr, strlen(m->slot->token->serialnr) + 1);
    m->slot_id = PKCS11_get_slotid_from_slot(m->slot);
    m->rv = CKR_OK;
    return true;
}

/* libp11's open closes all sessions of the slot and opens none: ours comes after it, and shows that
 * the token gives sessions, without which libp11's login would wait for ever. */
static bool session_open(struct module *m)
{
    if (PKCS11_open_session(m->slot, 1) != 0) {
        module_note(m, "PKCS11_open_session");
        return false;
    }
    return MODULE_CALL(m, C_OpenSession, m->slot_id, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL,
                       NULL, &m->session) == CKR_OK;
}

/* One try. What libp11 copies of the PIN it wipes when its slots are released. */
static enum hufu_err login(struct module *m)
{
    struct secret *pin = NULL;
    enum hufu_err err = pin_load(m->pin, m->serial, &pin);

    m->rv = CKR_OK;
    m->why = err == HUFU_HSM_PIN ? "pin-refused" : "pin-file";
    if (err != HUFU_OK)
        return err == HUFU_HSM_PIN ? HUFU_HSM_PIN : HUFU_HSM_DOWN;
    m->why = "login";
    ERR_clear_error();
    if (PKCS11_login(m->slot, 0, (const char *)secret_read(pin)) == 0) {
        pin_accept(m->pin);
    } else {
        module_note(m, "C_Login");
        err = ckr_class(m->rv) == CKR_CLASS_PIN ? HUFU_HSM_PIN : HUFU_HSM_DOWN;
    }
    secret_free(pin);
    if (err == HUFU_HSM_PIN)
        m->why = pin_refuse(m->pin) == HUFU_OK ? "pin-refused" : "pin-refused-not-recorded";
    return err;
}

/* Only "no such mechanism" means absent: a token in trouble must not turn us to the fallback. */
static bool mechanism_find(struct module *m, CK_MECHANISM_TYPE type, CK_FLAGS flags, bool *out)
{
    CK_MECHANISM_INFO info = { 0 };

    if (MODULE_CALL(m, C_GetMechanismInfo, m->slot_id, type, &info) == CKR_MECHANISM_INVALID)
        *out = false;
    else if (m->rv == CKR_OK)
        *out = (info.flags & flags) == flags;
    else
        return false;
    return true;
}

static bool mechanisms_find(struct module *m)
{
    const CK_FLAGS both = CKF_ENCRYPT | CKF_DECRYPT;
    bool has_mac = false;

    if (!mechanism_find(m, CKM_AES_GCM, both, &m->has_gcm) ||
        !mechanism_find(m, CKM_AES_CBC_PAD, both, &m->has_cbc_mac) ||
        !mechanism_find(m, CKM_SHA256_HMAC, CKF_SIGN, &has_mac))
        return false;
    m->has_cbc_mac = m->has_cbc_mac && has_mac;
    return true;
}

enum hufu_err module_open(struct module *m)
{
    enum hufu_err err = HUFU_HSM_DOWN;

    m->why = "module";
    if (!list_load(m))
        goto out;
    m->why = "initialize";
    if (!context_load(m))
        goto out;
    m->why = "token";
    if (!token_find(m))
        goto out;
    m->why = "session";
    if (!session_open(m))
        goto out;
    err = login(m);
    if (err != HUFU_OK)
        goto out;
    err = module_check(m);
    if (err != HUFU_OK)
        goto out;
    m->why = "mechanisms";
    err = mechanisms_find(m) ? HUFU_OK : HUFU_HSM_DOWN;
out:
    if (err != HUFU_OK) {
        module_close(m, err, m->why);
        return err;
    }
    m->state = HUFU_OK;
    m->why = "connected";
    m->generation++;
    return HUFU_OK;
}

void module_close(struct module *m, enum hufu_err state, const char *why)
{
    EVP_PKEY_free(m->sign_key);
    m->sign_key = NULL;
    m->sign_id_len = 0;
    if (m->slots)
        PKCS11_release_all_slots(m->ctx, m->slots, m->slots_count);
    m->slots = NULL;
    m->slots_count = 0;
    m->slot = NULL;
    if (m->ctx) {
        PKCS11_CTX_unload(m->ctx); /* C_Finalize */
        PKCS11_CTX_free(m->ctx);
    }
    m->ctx = NULL;
    m->f = NULL;
    m->session = CK_INVALID_HANDLE;
    memset(m->serial, 0, sizeof(m->serial));
    m->has_gcm = false;
    m->has_cbc_mac = false;
    ERR_clear_error();
    m->state = state;
    m->why = why;
}

enum hufu_err module_check(struct module *m)
{
    CK_SESSION_INFO session = { 0 };
    CK_TOKEN_INFO token;

    if (MODULE_CALL(m, C_GetSessionInfo, m->session, &session) != CKR_OK)
        return HUFU_HSM_DOWN;
    if (session.state != CKS_RW_USER_FUNCTIONS) {
        m->rv = CKR_USER_NOT_LOGGED_IN;
        return HUFU_HSM_DOWN;
    }
    if (MODULE_CALL(m, C_GetTokenInfo, m->slot_id, &token) != CKR_OK) {
        m->rv = CKR_TOKEN_NOT_PRESENT; /* SoftHSM says GENERAL_ERROR where its folder is gone */
        return HUFU_HSM_DOWN;
    }
    return HUFU_OK;
}

/* Printable ASCII without spaces, so that the text splits at spaces. */
static void put_word(struct buf *text, const char *name, const char *word)
{
    buf_str(text, name);
    for (size_t i = 0; i < 128 && word[i] != '\0'; i++)
        buf_u8(text, word[i] > ' ' && word[i] < 127 ? (uint8_t)word[i] : '_');
}

enum hufu_err module_status(struct module *m, struct buf *text)
{
    enum hufu_err err = m->state;

    if (err == HUFU_OK)
        err = module_check(m);
    put_word(text, "module=", m->path);
    put_word(text, " token=", m->label);
    if (m->state != HUFU_OK) {
        put_word(text, " why=", m->why);
        return err;
    }
    put_word(text, " serial=", m->serial);
    put_word(text, " seal=", m->has_gcm ? "aes-gcm" : m->has_cbc_mac ? "aes-cbc-hmac" : "none");
    buf_str(text, " connection=");
    buf_dec(text, m->generation);
    return err;
}

enum hufu_err module_random(struct module *m, uint8_t *out, size_t out_len)
{
    return ckr_err(MODULE_CALL(m, C_GenerateRandom, m->session, out, out_len));
}
