/* CSV: what is read and written back unchanged is the same bytes, however the input is cut. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/cli_csv.h"

int LLVMFuzzerTestOneInput(const uint8_t *in, size_t in_len);

static struct csv_row row, again;

/* The record from its fields, each taken apart and put together anew, is the record. */
static void check_row(struct view raw)
{
    struct buf out, text;
    size_t at = 0;

    buf_init(&out, 2 * raw.len + 16);
    for (size_t i = 0; i < row.count; i++) {
        const struct csv_field *f = &row.field[i];

        assert(f->at == at + (i > 0));
        if (i > 0)
            buf_u8(&out, ',');
        buf_init(&text, raw.len + 1);
        csv_text(view_of(raw.p + f->at, f->len), f->quoted, &text);
        assert(buf_check(&text) == HUFU_OK);
        csv_put(&out, buf_view(&text), f->quoted);
        buf_done(&text);
        at = f->at + f->len;
    }
    /* nothing stands behind the last field but one line end */
    assert(raw.len - at <= 2);
    assert(raw.len == at || raw.p[raw.len - 1] == '\n');
    assert(raw.len - at < 2 || raw.p[at] == '\r');
    buf_put(&out, raw.p + at, raw.len - at);
    assert(buf_check(&out) == HUFU_OK);
    assert(view_equal(buf_view(&out), raw));
    buf_done(&out);
}

/* A part of the input never says anything else than the whole. */
static void check_cut(struct view in, size_t cut, enum hufu_err whole, enum csv_fault fault)
{
    enum csv_fault part_fault = CSV_FAULT_NONE;
    enum hufu_err part = csv_scan(view_of(in.p, cut), false, &again, &part_fault);

    if (part == HUFU_OK) {
        assert(whole == HUFU_OK && again.len == row.len && again.count == row.count);
        for (size_t i = 0; i < row.count; i++) {
            assert(again.field[i].at == row.field[i].at && again.field[i].len == row.field[i].len);
            assert(again.field[i].quoted == row.field[i].quoted);
        }
    } else if (part == HUFU_SYNTAX) {
        assert(whole == HUFU_SYNTAX && part_fault == fault);
    } else {
        assert(part == HUFU_BUSY);
        assert(whole != HUFU_OK || cut <= row.len);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *in, size_t in_len)
{
    enum csv_fault fault = CSV_FAULT_NONE;
    enum hufu_err err = HUFU_OK;
    size_t at = 0, lines = 0;

    while (err == HUFU_OK) {
        struct view left = view_of(in + at, in_len - at);

        err = csv_scan(left, true, &row, &fault);
        assert(err == HUFU_OK || err == HUFU_SYNTAX || (err == HUFU_NOT_FOUND && at == in_len));
        for (size_t cut = 0; cut < left.len && cut < 64; cut++)
            check_cut(left, cut, err, fault);
        if (err != HUFU_OK)
            continue;
        assert(row.len > 0 && row.len <= left.len && row.count >= 1);
        check_row(view_of(left.p, row.len));
        at += row.len;
        lines += row.lines;
    }
    if (err == HUFU_SYNTAX)
        assert(fault != CSV_FAULT_NONE && fault != CSV_FAULT_RAGGED && fault != CSV_FAULT_READ);
    for (size_t i = 0; i < at; i++)
        lines -= in[i] == '\n';
    assert(lines == 0);
    return 0;
}
