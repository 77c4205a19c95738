/*
 * pin.h - the user PIN: where it comes from, and the memory of a PIN that the token refused.
 *
 * Layer:   hsm/. Includes vault/base/ only.
 * Threads: one thread.
 *
 * A token locks after a few wrong PINs, so a refused one is never tried again by itself: the file
 * `<vault.data>/hsm-pin-refused` names the token's serial and the PIN file (device, inode, time of
 * change, size), and as long as both are the same there is no login, also after a restart. It never
 * holds the PIN or anything derived from it. To try again, write the PIN file anew (or touch it).
 */
#ifndef HUFU_HSM_PIN_H
#define HUFU_HSM_PIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vault/base/conf.h"
#include "vault/base/err.h"
#include "vault/base/secret.h"

#define PIN_MAX        255  /* bytes, without the newline */
#define PIN_PATH_MAX   4096 /* bytes, with the NUL */
#define PIN_RECORD_MAX 256  /* bytes of the record */

struct pin {
    char path[PIN_PATH_MAX];   /* "" where there is neither setting nor credential */
    char record[PIN_PATH_MAX]; /* the file that remembers a refusal */
    char folder[PIN_PATH_MAX];
    bool is_credential;           /* path is in systemd's folder */
    uint8_t seen[PIN_RECORD_MAX]; /* the record as it would be for the PIN last loaded */
    size_t seen_len;
    uint8_t refused[PIN_RECORD_MAX]; /* what this process knows to be refused */
    size_t refused_len;
    bool is_written; /* refused is on disk */
};

/*
 * Takes the paths from the settings and $CREDENTIALS_DIRECTORY. Touches no file.
 * Returns: HUFU_OK; HUFU_RANGE where a path is too long.
 */
HUFU_MUST_USE enum hufu_err pin_init(struct pin *pin, const struct conf *conf);

/*
 * Reads the PIN for the token with this serial, unless it is known to be refused.
 *
 * serial:  printable text of the token.
 * out:     the caller's; a string with its NUL inside. SECRET.
 * Returns: HUFU_OK; HUFU_HSM_PIN (refused before: do not log in); HUFU_NOT_FOUND (no file);
 *          HUFU_FORBIDDEN (not a regular file, another owner, or a mode beyond 0400); HUFU_RANGE
 *          (empty, too long, or with a NUL); HUFU_IO; HUFU_NOMEM. out untouched on failure.
 */
HUFU_MUST_USE enum hufu_err pin_load(struct pin *pin, const char *serial, struct secret **out);

/*
 * Remembers that the token refused what pin_load gave last, durably before it returns.
 * Returns: HUFU_OK; HUFU_IO: the disk did not take it. This process remembers all the same, and
 *          pin_load tries to write it again.
 */
HUFU_MUST_USE enum hufu_err pin_refuse(struct pin *pin);

/* Forgets an older refusal: the token took what pin_load gave last. */
void pin_accept(struct pin *pin);

#endif
