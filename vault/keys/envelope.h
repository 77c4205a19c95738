/*
 * envelope.h - how a row's image is sealed: laid out in the clear by a worker, sealed in place by
 * the journal thread, opened by anyone who looks it up.
 *
 * Layer:   vault/keys/. Includes vault/base/, keyring.h, crypt.h.
 * Threads: as the struct crypt given.
 * Source:  vault/FORMATS.md section 3.
 */
#ifndef HUFU_KEYS_ENVELOPE_H
#define HUFU_KEYS_ENVELOPE_H

#include <stdint.h>

#include "vault/base/buf.h"
#include "vault/base/entropy.h"
#include "vault/base/err.h"
#include "vault/keys/crypt.h"
#include "vault/keys/keyring.h"

#define ENVELOPE_FORMAT   1
#define ENVELOPE_SUITE    1
#define ENVELOPE_OVERHEAD 40 /* bytes beside header and text */

/* Appends an image with text in the clear, a fresh nonce and room for the tag. SECRET until sealed.
 * HUFU_IO (no entropy), HUFU_RANGE. */
HUFU_MUST_USE enum hufu_err envelope_lay(struct buf *out, struct view header, struct view text,
                                         struct draw *draw);

/* Seals a laid-out image in place under the active key, for the row `row` written by operation seq.
 * HUFU_EXHAUSTED (the key's lease), HUFU_CORRUPT (not such an image), HUFU_IO. */
HUFU_MUST_USE enum hufu_err envelope_seal(struct crypt *c, struct key *active, struct view row,
                                          uint64_t seq, uint8_t *image, size_t image_len);

/* One of many images that are sealed together, each for its row and operation. */
struct envelope_write {
    struct key *active;
    struct view row;
    uint64_t seq;
    uint8_t *image;
    size_t image_len;
};

/*
 * Seals every image as envelope_seal does, in one go for neighbours under one key: put those of a
 * domain side by side.
 *
 * Returns: as envelope_seal. On failure any of the images may be sealed already: use none of them.
 */
HUFU_MUST_USE enum hufu_err envelope_seal_many(struct crypt *c, const struct envelope_write *write,
                                               size_t count);

/* The key version and the header of an image, unchecked; HUFU_CORRUPT where it is not one. */
HUFU_MUST_USE enum hufu_err envelope_peek(struct view image, uint32_t *version_out,
                                          struct view *header_out);

/* Opens an image; the text is appended to out. HUFU_CORRUPT where it does not open under key. */
HUFU_MUST_USE enum hufu_err envelope_open(struct crypt *c, const struct key *key, struct view row,
                                          uint64_t seq, struct view image, struct buf *out);

/* One of many images that are opened together, each into a buffer of its own. */
struct envelope_read {
    const struct key *key;
    struct view row;
    uint64_t seq;
    struct view image;
    struct buf *out;
    enum hufu_err err; /* the outcome, as envelope_open's */
};

/* Opens every image as envelope_open does, in one go for neighbours under one key. */
void envelope_open_many(struct crypt *c, struct envelope_read *read, size_t count);

#endif
