#include "tools/cli_cert.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "vault/base/clock.h"
#include "vault/base/text.h"

#define BEGIN "-----BEGIN CERTIFICATE-----"
#define END   "-----END CERTIFICATE-----"

#define TAG_INTEGER  0x02
#define TAG_UTC      0x17
#define TAG_GENERAL  0x18
#define TAG_SEQUENCE 0x30
#define TAG_VERSION  0xA0

#define DAY_MS 86400000U

/* The next element, whatever it is; *tag_out is 0 where there is none or it is cut off. */
static struct view element_read(struct reader *r, uint8_t *tag_out)
{
    uint8_t tag = reader_u8(r);
    size_t len = reader_u8(r);
    struct view v;

    if (len >= 0x80) {
        size_t bytes = len & 0x7F;

        len = 0;
        if (bytes == 0 || bytes > 3)
            r->failed = true;
        for (size_t i = 0; i < bytes && !r->failed; i++)
            len = len << 8 | reader_u8(r);
    }
    v = reader_take(r, len);
    *tag_out = r->failed ? 0 : tag;
    return v;
}

/* Goes into the next element, which must have this tag; an empty reader where it has not. */
static struct reader enter(struct reader *r, uint8_t tag)
{
    struct reader inner;
    uint8_t found;
    struct view v = element_read(r, &found);

    reader_init(&inner, v.p, v.len);
    inner.failed = r->failed || found != tag;
    return inner;
}

/* Two digits; 100 where they are none. */
static unsigned two(const uint8_t *p)
{
    return p[0] >= '0' && p[0] <= '9' && p[1] >= '0' && p[1] <= '9'
               ? (unsigned)(p[0] - '0') * 10 + (unsigned)(p[1] - '0')
               : 100;
}

/* YYMMDDHHMMSSZ, or with four digits of the year: RFC 5280 allows no other form. */
static enum hufu_err time_read(struct view v, uint8_t tag, uint64_t *ms_out)
{
    char text[32];
    unsigned year = 0, century = 20;
    const uint8_t *p = v.p;

    if (!(tag == TAG_UTC && v.len == 13) && !(tag == TAG_GENERAL && v.len == 15))
        return HUFU_SYNTAX;
    if (v.p[v.len - 1] != 'Z')
        return HUFU_SYNTAX;
    if (tag == TAG_GENERAL) {
        century = two(p);
        p += 2;
    }
    year = two(p);
    if (tag == TAG_UTC && year >= 50)
        century = 19;
    for (size_t i = 2; i < 12; i += 2)
        if (two(p + i) > 99)
            return HUFU_SYNTAX;
    if (century > 99 || year > 99)
        return HUFU_SYNTAX;
    (void)snprintf(text, sizeof(text), "%02u%02u-%02u-%02uT%02u:%02u:%02uZ", century, year,
                   two(p + 2), two(p + 4), two(p + 6), two(p + 8), two(p + 10));
    return clock_parse(view_str(text), ms_out);
}

/* Certificate { tbsCertificate { [0] version, serial, signature, issuer, validity { … } … } … } */
static enum hufu_err der_end(struct view der, uint64_t *ms_out)
{
    struct reader all, certificate, tbs, validity;
    uint8_t tag;
    struct view v;

    reader_init(&all, der.p, der.len);
    certificate = enter(&all, TAG_SEQUENCE);
    tbs = enter(&certificate, TAG_SEQUENCE);
    (void)element_read(&tbs, &tag);
    if (tag == TAG_VERSION)
        (void)element_read(&tbs, &tag);
    if (tag != TAG_INTEGER)
        return HUFU_SYNTAX;
    (void)enter(&tbs, TAG_SEQUENCE);
    (void)enter(&tbs, TAG_SEQUENCE);
    validity = enter(&tbs, TAG_SEQUENCE);
    (void)element_read(&validity, &tag);
    v = element_read(&validity, &tag);
    if (certificate.failed || tbs.failed || validity.failed)
        return HUFU_SYNTAX;
    return time_read(v, tag, ms_out);
}

enum hufu_err cli_cert_end(struct view pem, uint64_t *ms_out)
{
    const uint8_t *from = memmem(pem.p, pem.len, BEGIN, strlen(BEGIN));
    const uint8_t *to = NULL;
    enum hufu_err err;
    struct buf base64;
    struct buf der;

    if (from != NULL) {
        from += strlen(BEGIN);
        to = memmem(from, (size_t)(pem.p + pem.len - from), END, strlen(END));
    }
    if (to == NULL)
        return HUFU_SYNTAX;
    buf_init(&base64, CLI_CERT_MAX);
    buf_init(&der, CLI_CERT_MAX);
    for (const uint8_t *p = from; p < to; p++)
        if (*p > ' ')
            buf_u8(&base64, *p);
    err = buf_check(&base64);
    if (err == HUFU_OK)
        err = text_unbase64(buf_view(&base64), &der);
    if (err == HUFU_OK)
        err = der_end(buf_view(&der), ms_out);
    buf_done(&base64);
    buf_done(&der);
    return err == HUFU_OK ? HUFU_OK : HUFU_SYNTAX;
}

enum hufu_err cli_cert_file_end(const char *path, uint64_t *ms_out)
{
    char text[CLI_CERT_MAX];
    FILE *file = fopen(path, "re");
    size_t len;

    if (file == NULL)
        return HUFU_IO;
    len = fread(text, 1, sizeof(text), file);
    (void)fclose(file);
    return cli_cert_end(view_of(text, len), ms_out);
}

/* What to do about it, and who. */
static const char *step(enum cli_cert_whose whose, bool ended)
{
    if (whose == CERT_SERVER)
        return "whoever runs the server renews it";
    if (ended)
        return "the server refuses it: get a new one, and a security administrator adds it with "
               "`hufu partner cert`";
    return "get a new one, and have it added beside this one with `hufu partner cert`";
}

void cli_cert_words(enum cli_cert_whose whose, uint64_t end_ms, uint64_t now_ms,
                    char out[static CLI_CERT_WORDS])
{
    const char *name = whose == CERT_SERVER ? "server's" : "client";
    uint64_t left = end_ms > now_ms ? end_ms - now_ms : 0;
    char when[CLOCK_TEXT_LEN + 1];

    clock_print(end_ms, when);
    out[0] = 0;
    if (left == 0)
        (void)snprintf(out, CLI_CERT_WORDS, "ALARM: the %s certificate ended at %s; %s", name, when,
                       step(whose, true));
    else if (left <= 1ULL * DAY_MS)
        (void)snprintf(out, CLI_CERT_WORDS,
                       "ALARM: the %s certificate ends within a day, at %s; act now: %s", name,
                       when, step(whose, false));
    else if (left <= 7ULL * DAY_MS)
        (void)snprintf(out, CLI_CERT_WORDS,
                       "warning: the %s certificate ends in %u days, at %s; act this week: %s",
                       name, (unsigned)(left / DAY_MS), when, step(whose, false));
    else if (left <= 30ULL * DAY_MS)
        (void)snprintf(out, CLI_CERT_WORDS,
                       "note: the %s certificate ends in %u days, at %s; in time: %s", name,
                       (unsigned)(left / DAY_MS), when, step(whose, false));
}

void cli_cert_warn(enum cli_cert_whose whose, uint64_t end_ms)
{
    char words[CLI_CERT_WORDS];
    struct timespec now = { 0 };

    (void)clock_gettime(CLOCK_REALTIME, &now);
    cli_cert_words(whose, end_ms, (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000,
                   words);
    if (words[0] != 0)
        (void)fprintf(stderr, "hufu: %s\n", words);
}
