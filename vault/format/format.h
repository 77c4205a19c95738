/*
 * format.h - which values may be tokenised, which characters stay in clear, and how tokens are
 * drawn.
 *
 * Layer:   vault/format/. Includes vault/base/ only.
 * Threads: a format and a set are constant once made; every function is safe from any thread.
 * Source:  conf/formats.conf (the definitions); ISO/IEC 7812-1, ISO 13616-1, GB 11643.
 *
 * A value is SECRET everywhere here: borrowed for the call, never kept, logged or put into an
 * error. "Canonical" is what format_canon gives: 1..FORMAT_VALUE_MAX bytes without separators.
 */
#ifndef HUFU_FORMAT_FORMAT_H
#define HUFU_FORMAT_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vault/base/buf.h"
#include "vault/base/entropy.h"
#include "vault/base/err.h"

#define FORMAT_NAME_MAX   32    /* bytes of a format's name */
#define FORMAT_VALUE_MAX  254   /* bytes of a canonical value: a mail address; others have places */
#define FORMAT_PLACES_MAX 64    /* places of a layout: bytes of every other canonical value */
#define FORMAT_TOKEN_MAX  64    /* bytes of a token */
#define FORMAT_INPUT_MAX  128   /* bytes of a value of places with its separators */
#define FORMAT_TEXT_MAX   16384 /* bytes of one printed definition */
#define FORMAT_ERR_MAX    160   /* room that holds every err_text with its NUL */

struct format; /* opaque, constant */

enum format_class { FORMAT_C1 = 1, FORMAT_C2 = 2 };

/* Who looks at a value through a mask; each may be shown other positions. */
enum format_viewer {
    FORMAT_FOR_OPERATOR,
    FORMAT_FOR_APPROVER,
    FORMAT_FOR_AUDITOR,
    FORMAT_FOR_PARTNER,
    FORMAT_VIEWERS
};

/* What stays in clear. A country code always stays and is not counted; prefix counts from behind it
 * and its check digits. */
struct format_keep {
    uint8_t prefix, suffix; /* characters */
};

enum format_verdict { FORMAT_ORIGINAL, FORMAT_TOKEN_SHAPE, FORMAT_NEITHER };

/*
 * Reads the definition of exactly one format with the sets and countries it uses.
 *
 * err_text: may be NULL with 0; else one line for people ("line 3: ..."), never a value of the
 * file. Returns:  HUFU_OK, *out is the caller's; HUFU_SYNTAX; HUFU_RANGE (longer than its limit);
 *           HUFU_NOMEM.
 */
HUFU_MUST_USE enum hufu_err format_parse(struct view text, struct format **out, char *err_text,
                                         size_t err_text_len);
void format_free(struct format *fmt); /* NULL is fine */
/* Appends the full canonical definition: format_parse reads the same format back from it. */
void format_print(const struct format *fmt, struct buf *out);

const char *format_name(const struct format *fmt);
enum format_class format_class(const struct format *fmt);
/* True where originals carry a check digit (pan, iban, cn-id). */
bool format_has_check(const struct format *fmt);
/* True where every token is told from every original without a key; else a domain must want it. */
bool format_is_marked(const struct format *fmt);
bool format_keeps_length(const struct format *fmt); /* tokens are as long as their values */
size_t format_len_min(const struct format *fmt);    /* bytes, canonical */
size_t format_len_max(const struct format *fmt);

/* HUFU_OK; HUFU_SYNTAX where the format never keeps that end; HUFU_RANGE where it is too much.
 * Every other function that takes a keep relies on this check. */
HUFU_MUST_USE enum hufu_err format_keep_check(const struct format *fmt, struct format_keep keep);

/*
 * Strips the format's separators (single ones, inside), makes letters upper-case (of mail addresses
 * lower-case), and completes an old, shorter form where the format takes one. A valid alphabet and
 * length for the format, nothing more.
 *
 * in:      any content, any length.
 * Returns: HUFU_OK; HUFU_INVALID_VALUE, outputs untouched.
 */
HUFU_MUST_USE enum hufu_err format_canon(const struct format *fmt, struct view in,
                                         uint8_t out[static FORMAT_VALUE_MAX], size_t *len_out);

/* HUFU_OK where canonical is a valid original; else HUFU_INVALID_VALUE. */
HUFU_MUST_USE enum hufu_err format_check(const struct format *fmt, struct view canonical);

/* True where canonical has the shape and the mark of a token: format_draw could have made it from
 * some original. Never true for a valid original, but where the format is not marked: there every
 * original could be a token. */
bool format_is_token(const struct format *fmt, struct format_keep keep, struct view canonical);

/* Both in one pass. An original is called one first: unmarked there is no FORMAT_TOKEN_SHAPE. */
enum format_verdict format_judge(const struct format *fmt, struct format_keep keep,
                                 struct view canonical);

/*
 * Draws a token, exactly uniform over the token space of the original's bucket: same length and
 * alphabet, kept parts in place, never a valid original (without a mark: never this original). No
 * memory is allocated.
 *
 * canonical: a valid original.
 * out:       the token, as long as canonical; the rest of out is untouched.
 * Returns:   HUFU_OK; HUFU_IO (no entropy); HUFU_INVALID_VALUE (not of this format's shape);
 *            HUFU_EXHAUSTED (the bucket has no token at all). Out untouched on failure.
 */
HUFU_MUST_USE enum hufu_err format_draw(const struct format *fmt, struct format_keep keep,
                                        struct view canonical, struct draw *draw,
                                        uint8_t out[static FORMAT_TOKEN_MAX]);

/* The same, and for mail addresses, whose tokens are of another length and format_draw refuses. */
HUFU_MUST_USE enum hufu_err format_draw_any(const struct format *fmt, struct format_keep keep,
                                            struct view canonical, struct draw *draw,
                                            uint8_t out[static FORMAT_TOKEN_MAX], size_t *len_out);

/* Appends what names the value's bucket: its length (u8; 0 for mail addresses), country if any,
 * kept prefix, kept suffix: FORMAT_PLACES_MAX + 3 at most. A token is in its original's bucket. */
void format_bucket(const struct format *fmt, struct format_keep keep, struct view canonical,
                   struct buf *out);
bool format_same_bucket(const struct format *fmt, struct format_keep keep, struct view a,
                        struct view b);

/* Appends a viewer's mask: as long as canonical, hidden are '*'. */
void format_mask_for(const struct format *fmt, enum format_viewer viewer, struct view canonical,
                     struct buf *out);
/* Whether a viewer sees the character at a place of a value of that length. */
bool format_mask_shows(const struct format *fmt, enum format_viewer viewer, size_t at, size_t len);

/* Buckets of one kind are equally large: a kind is a length (pan: 13..19) or a country (iban). */
struct format_capacity {
    size_t len;         /* bytes of its values */
    uint64_t originals; /* the most that a bucket of the kind has; UINT64_MAX: that or more */
    uint64_t tokens;    /* no more than the fewest; UINT64_MAX: that or more */
};
size_t format_kind_count(const struct format *fmt);
/* The kind of a canonical value: 0..count-1; the count itself where it fits none. */
size_t format_kind(const struct format *fmt, struct view canonical);
void format_kind_print(const struct format *fmt, size_t kind, struct buf *out); /* "16" or "DE" */
/* kind below format_kind_count. Costs up to two milliseconds: for domains, not for requests. */
void format_capacity(const struct format *fmt, struct format_keep keep, size_t kind,
                     struct format_capacity *out);
/* True where every bucket has at least as many tokens as originals. */
bool format_is_ample(const struct format *fmt, struct format_keep keep);

#endif
