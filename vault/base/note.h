/*
 * note.h - signed notes and checkpoints: printing, parsing, checking a P-256 signature.
 *
 * Layer:   vault/base/. Includes err.h, buf.h, merkle.h.
 * Threads: pure functions.
 * Source:  C2SP signed-note, C2SP tlog-checkpoint. Key type 0x02: key id = first 4 bytes of
 *          SHA-256(SubjectPublicKeyInfo DER); signature = ASN.1 DER ECDSA over SHA-256(text).
 */
#ifndef HUFU_BASE_NOTE_H
#define HUFU_BASE_NOTE_H

#include <stdint.h>

#include "vault/base/buf.h"
#include "vault/base/err.h"
#include "vault/base/merkle.h"

#define NOTE_ORIGIN_MAX 128  /* bytes: no space, no '+', printable ASCII */
#define NOTE_MAX        4096 /* bytes of a whole note */
#define NOTE_SPKI_MAX   256  /* bytes of a P-256 SubjectPublicKeyInfo, DER, with room */

struct checkpoint {
    char origin[NOTE_ORIGIN_MAX + 1];
    uint64_t size;
    struct merkle_hash root;
};

/* Appends origin LF size LF base64(root) LF: the text that is signed. */
void checkpoint_print(const struct checkpoint *cp, struct buf *out);
/* Appends the note: text, blank line, "— origin base64(keyid || sig)" LF. */
void note_print(struct view text, const char *origin, struct view spki, struct view sig,
                struct buf *out);
/*
 * Reads a note whose text is a checkpoint and checks that one signature line is by spki under the
 * checkpoint's own origin. Unknown keys are passed over; a wrong signature of the known key
 * refuses. Returns: HUFU_OK; HUFU_SYNTAX (not such a note); HUFU_CORRUPT (no valid signature).
 */
HUFU_MUST_USE enum hufu_err note_check(struct view note, struct view spki, struct checkpoint *out);
/* Reads the checkpoint of a note without checking its signature. HUFU_SYNTAX. */
HUFU_MUST_USE enum hufu_err note_read(struct view note, struct checkpoint *out);
/* PEM text of a public key to SPKI DER and back. HUFU_SYNTAX; HUFU_RANGE. */
HUFU_MUST_USE enum hufu_err note_spki_from_pem(struct view pem, struct buf *out);
HUFU_MUST_USE enum hufu_err note_spki_to_pem(struct view spki, struct buf *out);

#endif
