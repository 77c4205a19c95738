#include "vault/access/totp.h"

#include <openssl/err.h>
#include <openssl/evp.h>

#include "vault/base/secret.h"
#include "vault/base/text.h"

#define HMAC_LEN 20

/* RFC 4226 section 5.3: the code of one counter as six ASCII digits. */
static enum hufu_err compute(struct view seed, uint64_t step, uint8_t out[static TOTP_DIGITS])
{
    uint8_t counter[8], mac[HMAC_LEN] = { 0 };
    size_t mac_len = 0, at;
    uint32_t v;

    for (unsigned i = 0; i < 8; i++)
        counter[i] = (uint8_t)(step >> (56 - 8 * i));
    if (EVP_Q_mac(NULL, "HMAC", NULL, "SHA1", NULL, seed.p, seed.len, counter, sizeof(counter), mac,
                  sizeof(mac), &mac_len) == NULL ||
        mac_len != HMAC_LEN) {
        ERR_clear_error();
        return HUFU_NOMEM;
    }
    at = mac[HMAC_LEN - 1] & 0x0f;
    v = (uint32_t)(mac[at] & 0x7f) << 24 | (uint32_t)mac[at + 1] << 16 |
        (uint32_t)mac[at + 2] << 8 | mac[at + 3];
    for (unsigned i = TOTP_DIGITS; i > 0; i--, v /= 10)
        out[i - 1] = (uint8_t)('0' + v % 10);
    wipe(mac, sizeof(mac));
    return HUFU_OK;
}

/* The code as it came, or six bytes that are no digits where its length is wrong. */
static void take_code(struct view code, uint8_t out[static TOTP_DIGITS])
{
    for (size_t i = 0; i < TOTP_DIGITS; i++)
        out[i] = code.len == TOTP_DIGITS ? code.p[i] : 0;
}

enum hufu_err totp_check(struct view seed, struct view code, uint64_t now_ms, uint64_t last_step,
                         uint64_t *step_out)
{
    uint8_t got[TOTP_DIGITS], now[TOTP_DIGITS], before[TOTP_DIGITS];
    uint64_t step = now_ms / TOTP_STEP_MS;
    uint64_t earlier = step > 0 ? step - 1 : 0;
    bool is_now, is_before;
    enum hufu_err err;

    if (seed.len == 0 || seed.len > TOTP_SEED_MAX)
        return HUFU_UNAUTHENTICATED;
    take_code(code, got);
    err = compute(seed, step, now);
    if (err == HUFU_OK)
        err = compute(seed, earlier, before);
    if (err == HUFU_OK) {
        /* both compared, whatever the first says; then the rule of RFC 6238 section 5.2 */
        is_now = bytes_equal(got, now, TOTP_DIGITS);
        is_before = bytes_equal(got, before, TOTP_DIGITS);
        is_now = is_now & (step > last_step);
        is_before = is_before & (earlier > last_step);
        if (is_now)
            *step_out = step;
        else if (is_before)
            *step_out = earlier;
        else
            err = HUFU_UNAUTHENTICATED;
    }
    wipe(got, sizeof(got));
    wipe(now, sizeof(now));
    wipe(before, sizeof(before));
    return err;
}

void totp_uri(struct buf *out, struct view name, struct view seed)
{
    buf_str(out, "otpauth://totp/hufu:");
    buf_put(out, name.p, name.len);
    buf_str(out, "?secret=");
    text_base32(out, seed.p, seed.len);
    buf_str(out, "&issuer=hufu&algorithm=SHA1&digits=6&period=30");
}
