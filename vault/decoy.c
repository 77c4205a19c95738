#include "vault/decoy.h"

#include <string.h>

#include "vault/base/secret.h"
#include "vault/keys/envelope.h"

#define VERSION_AT 2 /* offset of the key version in an image */

/* A card number that one partner sent, with a UUID for a request id. */
static const struct record common = {
    .state = RECORD_SUSPENDED,
    .request_id = "00000000-0000-0000-0000-000000000000",
    .partner = { 1 },
    .partner_count = 1,
    .value = "0000000000000000",
    .value_len = 16,
};

enum hufu_err decoy_init(struct worker *w)
{
    uint8_t header_mem[RECORD_HEADER_MAX];
    struct buf header, text, image;

    buf_fixed(&header, header_mem, sizeof(header_mem));
    buf_fixed(&text, w->decoy_text, sizeof(w->decoy_text));
    buf_fixed(&image, w->decoy, sizeof(w->decoy));
    record_put_header(&common, &header);
    record_put_text(&common, &text);
    if (buf_check(&header) != HUFU_OK || buf_check(&text) != HUFU_OK ||
        envelope_lay(&image, buf_view(&header), buf_view(&text), &w->draw) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    w->decoy_len = image.len;
    w->decoy_text_len = text.len;
    return HUFU_OK;
}

/* What comes of the bytes is of no use to anybody: they were sealed by no key. */
static void open_sealed(struct worker *w, const struct key *key, struct view row, struct view image,
                        struct record *rec)
{
    uint8_t text_mem[RECORD_TEXT_MAX];
    struct view header;
    uint32_t version;
    struct buf text;

    buf_fixed(&text, text_mem, sizeof(text_mem));
    if (envelope_peek(image, &version, &header) == HUFU_OK &&
        envelope_open(w->crypt, key, row, STORE_ABSENT, image, &text) == HUFU_CORRUPT &&
        record_get_header(header, rec) == HUFU_OK)
        (void)(record_get_text(view_of(w->decoy_text, w->decoy_text_len), rec) == HUFU_OK);
    buf_done(&text);
}

void decoy_open(struct worker *w, const struct domain *domain, struct view key)
{
    struct key *active = keyring_active(w->core->ring, domain->id, KEY_DATA);
    uint8_t image_mem[RECORD_HEADER_MAX + RECORD_TEXT_MAX + ENVELOPE_OVERHEAD];
    struct record rec = { 0 };
    struct buf image, version;

    if (active == NULL)
        return;
    buf_fixed(&image, image_mem, sizeof(image_mem));
    buf_put(&image, w->decoy, w->decoy_len);
    buf_fixed(&version, image_mem + VERSION_AT, 4);
    buf_u32(&version, active->version);
    open_sealed(w, active, key, buf_view(&image), &rec);
    wipe(&rec, sizeof(rec));
}
