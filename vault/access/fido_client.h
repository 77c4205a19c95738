/*
 * fido_client.h - what the browser says a key was used for: type, challenge, origin.
 *
 * Layer:   vault/access/. Includes fido.h.
 * Threads: pure functions.
 * Source:  W3C Web Authentication Level 2, section 5.8.1.2 (limited verification algorithm): the
 * text is compared with what it must begin with, so that no parser of JSON is needed here.
 */
#ifndef HUFU_ACCESS_FIDO_CLIENT_H
#define HUFU_ACCESS_FIDO_CLIENT_H

#include "vault/access/fido.h"

#define FIDO_TYPE_GET    "webauthn.get"
#define FIDO_TYPE_CREATE "webauthn.create"

/*
 * Judges client data: {"type":"…","challenge":"…","origin":"…","crossOrigin":false} and perhaps
 * further members behind these four.
 *
 * origins:       comma-separated; one of them must be the text's, to the byte.
 * challenge_out: borrowed from in; base64url characters, at most FIDO_CHALLENGE_TEXT of them; left
 *                alone where none was found, before what comes behind it is judged.
 * Returns:       FIDO_NONE, FORM, TYPE, ORIGIN, CROSS_ORIGIN.
 */
HUFU_MUST_USE enum fido_fault fido_client_check(struct view in, const char *type,
                                                const char *origins, struct view *challenge_out);

#endif
