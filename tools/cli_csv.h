/*
 * cli_csv.h - CSV, read one record at a time and written back byte for byte.
 *
 * Layer:   tools/. Includes vault/base/ only.
 * Threads: csv_scan, csv_text and csv_put are pure; one reader belongs to one thread.
 * Source:  RFC 4180: fields with commas, doubled quotes and line breaks inside quotes; CR LF or LF
 *          ends a record, also mixed; the last record needs no end.
 *
 * What other readers could take in two ways is a fault: a quote inside an unquoted field, text
 * behind a closing quote, a lone CR, a NUL byte, a quote that is never closed. Faults carry a line
 * number, never content.
 */
#ifndef HUFU_TOOLS_CLI_CSV_H
#define HUFU_TOOLS_CLI_CSV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vault/base/buf.h"
#include "vault/base/err.h"

#define CSV_FIELD_MAX   65536       /* bytes of a field as it stands, with its quotes */
#define CSV_ROW_MAX     1048576     /* bytes of a record with its end */
#define CSV_COLUMNS_MAX 1024        /* fields of a record */
#define CSV_READ_MAX    (2U << 20U) /* bytes a reader holds */

/* clang-format off */
#define CSV_FAULTS(X) /* id, what people read */                                         \
    X(NONE,    "no fault")                                                               \
    X(NUL,     "a NUL byte; save the file as UTF-8, not as UTF-16")                      \
    X(QUOTE,   "a quote inside an unquoted field; quote the field and double it")        \
    X(BEHIND,  "text behind a closing quote; double the quotes that are in the field")   \
    X(OPEN,    "a quote that is never closed; close it, or double it")                   \
    X(RETURN,  "a carriage return without a line feed; end lines with one, or quote it") \
    X(FIELD,   "a field of more than 65,536 bytes; close its quote, or shorten it")      \
    X(ROW,     "a record of more than 1 MiB; split it, or look for a missing line end")  \
    X(COLUMNS, "more than 1,024 columns; take out those that are not needed")            \
    X(RAGGED,  "not as many columns as in the first record; add or remove commas")       \
    X(READ,    "the file cannot be read; check the disk that it is on, then repeat")
/* clang-format on */
#define CSV_FAULT_ENUM(id, text) CSV_FAULT_##id,
enum csv_fault { CSV_FAULTS(CSV_FAULT_ENUM) };
#undef CSV_FAULT_ENUM

struct csv_field {
    uint32_t at; /* in the record */
    uint32_t len;
    bool quoted; /* the quotes are in at and len */
};

struct csv_row {
    size_t len;   /* with its end */
    size_t lines; /* line feeds in it */
    size_t count; /* of fields; at least 1 */
    struct csv_field field[CSV_COLUMNS_MAX];
};

/*
 * Reads the record that `in` begins with.
 *
 * last:    nothing follows in.
 * Returns: HUFU_OK; HUFU_NOT_FOUND (in is empty and last); HUFU_BUSY (the record's end is not in
 *          `in`, and more follows); HUFU_SYNTAX with *fault_out. row_out is whole after HUFU_OK
 * only.
 */
HUFU_MUST_USE enum hufu_err csv_scan(struct view in, bool last, struct csv_row *row_out,
                                     enum csv_fault *fault_out);
/* An empty line: one unquoted field without a byte. */
bool csv_is_blank(const struct csv_row *row);
/* Appends the text of a field: without its quotes, doubled ones once. */
void csv_text(struct view field, bool quoted, struct buf *out);
/* Appends text as a field: in quotes where asked, or where it cannot stand without. */
void csv_put(struct buf *out, struct view text, bool quoted);
const char *csv_fault_text(enum csv_fault fault);

struct csv_reader {
    int fd;       /* borrowed */
    uint8_t *mem; /* CSV_READ_MAX bytes. SECRET */
    size_t start; /* of what was read and not yet given out */
    size_t end;
    bool eof;
    uint64_t at;    /* where in the input the next record begins, bytes */
    uint64_t line;  /* its line, from 1; after a fault: the line where the faulty record begins */
    size_t columns; /* of every record; 0: the first tells */
    enum csv_fault fault;
};

/* fd stands at byte `at`, which is on `line`. HUFU_NOMEM, r is then empty. */
HUFU_MUST_USE enum hufu_err csv_open(struct csv_reader *r, int fd, uint64_t at, uint64_t line);
/* Wipes; an empty r is fine. */
void csv_close(struct csv_reader *r);
/* Takes a byte order mark away where the input begins with one; gives its length, 3 or 0. */
HUFU_MUST_USE enum hufu_err csv_skip_mark(struct csv_reader *r, size_t *len_out);
/*
 * The next record; csv_peek leaves it to be read again.
 *
 * raw_out: its bytes, borrowed until the next call. SECRET.
 * Returns: HUFU_OK; HUFU_NOT_FOUND at the end; HUFU_SYNTAX with r->fault and r->line.
 */
HUFU_MUST_USE enum hufu_err csv_next(struct csv_reader *r, struct csv_row *row_out,
                                     struct view *raw_out);
HUFU_MUST_USE enum hufu_err csv_peek(struct csv_reader *r, struct csv_row *row_out,
                                     struct view *raw_out);

#endif
