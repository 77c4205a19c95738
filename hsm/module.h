/*
 * module.h - the PKCS#11 module: load, find the token, log in once, take it all down again.
 *
 * Layer:   hsm/. Includes vault/base/ and the hsm headers below it.
 * Threads: one thread; a call into the module may hang, and then the core ends this process.
 * Source:  OASIS PKCS#11 v2.40; libp11 0.4.12.
 *
 * Two layers over one module: libp11 loads, finds the slot, logs in and signs; everything symmetric
 * goes through the same library's function list on a session of its own (login is per application).
 * libp11 0.4.12 forbids: PKCS11_update_slots (crash), PKCS11_open_session after the login (logs
 * out), logging out on a dead token, and any call that may open a session while the token cannot
 * (waits for ever): hence the raw session is opened, and asked, before libp11 is used.
 *
 * After each connect all handles are others: an old one may silently be another key. Nothing keeps
 * a handle across calls, and the one cached EVP_PKEY dies with the connection.
 */
#ifndef HUFU_HSM_MODULE_H
#define HUFU_HSM_MODULE_H

#include <stdbool.h>
#include <stdint.h>
#include <libp11.h>
#include <openssl/evp.h>
#include <p11-kit/pkcs11.h>

#include "hsm/pin.h"
#include "vault/base/buf.h"
#include "vault/base/conf.h"
#include "vault/base/err.h"
#include "vault/base/hsm_msg.h"

#define MODULE_SERIAL_MAX 16 /* bytes, PKCS#11 CK_TOKEN_INFO */

struct module {
    const char *path; /* these three are borrowed from the settings */
    const char *label;
    const char *wanted_serial; /* "": the label alone */
    struct pin *pin;           /* borrowed */
    enum hufu_err state;       /* OK: logged in; HSM_DOWN; HSM_PIN: refused, not tried again */
    const char *why;           /* static text: the step that made state what it is */
    uint64_t generation;       /* connections made so far */
    CK_RV rv;                  /* what the last call through MODULE_CALL or libp11 returned */
    const char *called;        /* its name */
    bool has_made;             /* this call made an object: it must not be tried a second time */
    /* the connection; all empty while there is none */
    PKCS11_CTX *ctx;
    PKCS11_SLOT *slots;
    unsigned slots_count;
    PKCS11_SLOT *slot; /* into slots */
    CK_FUNCTION_LIST_PTR f;
    CK_SLOT_ID slot_id;
    CK_SESSION_HANDLE session;
    char serial[MODULE_SERIAL_MAX + 1];
    bool has_gcm;       /* AES_GCM */
    bool has_cbc_mac;   /* AES_CBC_PAD and SHA256_HMAC */
    EVP_PKEY *sign_key; /* the key signed with last; owned */
    char sign_id[HSM_KEY_ID_MAX];
    size_t sign_id_len; /* bytes */
};

/* Every raw call: checks that the module has the function, keeps the name and what it returned. */
#define MODULE_CALL(m, name, ...)                                                                  \
    ((m)->called = #name, (m)->rv = !(m)->f         ? CKR_CRYPTOKI_NOT_INITIALIZED                 \
                                    : !(m)->f->name ? CKR_FUNCTION_NOT_SUPPORTED                   \
                                                    : (m)->f->name(__VA_ARGS__))

/*
 * Takes the settings; loads nothing yet. SOFTHSM2_CONF is set here where the settings name it.
 * Returns: HUFU_OK; HUFU_ARG: the settings cannot work and only a person can mend them.
 */
HUFU_MUST_USE enum hufu_err module_init(struct module *m, const struct conf *conf, struct pin *pin);

/*
 * Connects from nothing: load, C_Initialize, token by label and serial, sessions, login.
 * Returns: HUFU_OK; HUFU_HSM_PIN (refused now or before); HUFU_HSM_DOWN (all else; m->why and m->rv
 *          say more). On failure nothing is left open.
 */
HUFU_MUST_USE enum hufu_err module_open(struct module *m);

/* Takes everything down in the one order that libp11 survives. why: a static text. */
void module_close(struct module *m, enum hufu_err state, const char *why);

/* Asks the token itself: a session that is logged in, and a token that answers.
 * HUFU_OK; HUFU_HSM_DOWN with m->rv set. */
HUFU_MUST_USE enum hufu_err module_check(struct module *m);

/* Sets m->rv from libp11's error queue, which it empties; name: the static name of the call. */
void module_note(struct module *m, const char *name);

/* HSM_STATUS: what is connected, as text. */
HUFU_MUST_USE enum hufu_err module_status(struct module *m, struct buf *text);

/* HSM_RANDOM: out_len bytes of the token's generator. */
HUFU_MUST_USE enum hufu_err module_random(struct module *m, uint8_t *out, size_t out_len);

#endif
