#include "vault/base/id.h"

#include <string.h>

#include "vault/base/text.h"

/* RFC 9562 section 5.7: unix_ts_ms 48 bits, version 7, 12 random bits, variant 10, 62 random. */
enum hufu_err id_make(struct draw *d, uint64_t now_ms, uint8_t out[static ID_LEN])
{
    uint8_t rest[10];
    enum hufu_err err = draw_bytes(d, rest, sizeof(rest));

    if (err != HUFU_OK)
        return err;
    for (unsigned i = 0; i < 6; i++)
        out[i] = (uint8_t)(now_ms >> (40 - 8 * i));
    memcpy(out + 6, rest, sizeof(rest));
    out[6] = (uint8_t)(0x70 | (out[6] & 0x0f));
    out[8] = (uint8_t)(0x80 | (out[8] & 0x3f));
    return HUFU_OK;
}

static bool dash_after(size_t byte)
{
    return byte == 4 || byte == 6 || byte == 8 || byte == 10;
}

void id_print(const uint8_t id[static ID_LEN], char out[static ID_TEXT_LEN + 1])
{
    struct buf b;

    buf_fixed(&b, (uint8_t *)out, ID_TEXT_LEN);
    for (size_t i = 0; i < ID_LEN; i++) {
        if (dash_after(i))
            buf_u8(&b, '-');
        text_hex(&b, id + i, 1);
    }
    out[ID_TEXT_LEN] = '\0';
}

enum hufu_err id_parse(struct view text, uint8_t out[static ID_LEN])
{
    uint8_t id[ID_LEN];
    struct buf b;
    size_t at = 0;

    if (text.len != ID_TEXT_LEN)
        return HUFU_SYNTAX;
    buf_fixed(&b, id, sizeof(id));
    for (size_t i = 0; i < ID_LEN; i++, at += 2) {
        if (dash_after(i) && text.p[at++] != '-')
            return HUFU_SYNTAX;
        if (text_unhex(view_of(text.p + at, 2), &b) != HUFU_OK)
            return HUFU_SYNTAX;
    }
    memcpy(out, id, sizeof(id));
    return HUFU_OK;
}
