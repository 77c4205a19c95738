/*
 * row_samples.h - one control row of each kind, every member set, for tests and fuzz targets.
 *
 * Layer:   tests. Includes vault/access/rows.h.
 * Threads: one.
 */
#ifndef HUFU_TESTS_ROW_SAMPLES_H
#define HUFU_TESTS_ROW_SAMPLES_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vault/access/rows.h"
#include "vault/base/secret.h"
#include "vault/format/format_set.h"

#define SAMPLE_ROW_MAX 65536

static inline void sample_must(bool ok)
{
    if (!ok) {
        fprintf(stderr, "row_samples: cannot make a row\n");
        abort();
    }
}

/* A format of its own, which domain_clear frees. */
static inline struct format *sample_format(void)
{
    const struct format *found;
    struct format_set *set = NULL;
    struct format *copy = NULL;
    struct buf text;

    buf_init(&text, FORMAT_TEXT_MAX);
    sample_must(format_set_load("conf/formats.conf", &set, NULL, 0) == HUFU_OK);
    sample_must(format_set_find(set, view_str("pan"), &found) == HUFU_OK);
    format_print(found, &text);
    sample_must(format_parse(buf_view(&text), &copy, NULL, 0) == HUFU_OK);
    buf_done(&text);
    format_set_free(set);
    return copy;
}

static inline struct domain sample_domain(const char *name)
{
    struct domain d = { .state = ROW_ACTIVE,
                        .mode = MODE_DETERMINISTIC,
                        .token_check = 1,
                        .keep = { 6, 4 },
                        .batch_detokenize = 9,
                        .retention_days = 365,
                        .assurance = 42,
                        .requestor = "40012345678",
                        .channel = { "app", "e-commerce" },
                        .channel_count = 2,
                        .index_version = 3,
                        .expected = 1u << 20,
                        .life_s = 60,
                        .created_ms = 1790000000000,
                        .partner = { 4, 2 },
                        .partner_count = 2,
                        .purpose = { "refund", "dispute" },
                        .purpose_count = 2,
                        .format = sample_format() };

    snprintf(d.name, sizeof(d.name), "%s", name);
    return d;
}

static inline struct partner sample_partner(const char *name, uint8_t pin)
{
    struct partner p = { .state = ROW_ACTIVE,
                         .is_entrusted = 1,
                         .created_ms = 5,
                         .pin_until_ms = { 1900000000000, 1910000000000 },
                         .pin_count = 2,
                         .format = { "pan", "iban" },
                         .format_count = 2,
                         .domain = { "cards" },
                         .domain_count = 1,
                         .qualification = "JR/T 2026-7",
                         .qualified_until_ms = 1800000000000 };

    snprintf(p.name, sizeof(p.name), "%s", name);
    memset(p.pin[0], pin, sizeof(p.pin[0]));
    memset(p.pin[1], pin + 1, sizeof(p.pin[1]));
    return p;
}

static inline struct user sample_user(const char *name)
{
    struct user u = {
        .role = 2, .group = "operator", .state = ROW_ACTIVE, .created_ms = 6, .password_ms = 7
    };
    uint8_t seed[ROW_SEED_LEN];

    snprintf(u.name, sizeof(u.name), "%s", name);
    memset(seed, 0x33, sizeof(seed));
    memset(u.password.salt, 1, sizeof(u.password.salt));
    memset(u.password.hash, 2, sizeof(u.password.hash));
    u.password.kib = 19456;
    u.password.passes = 2;
    u.password.lanes = 1;
    sample_must(secret_from(seed, sizeof(seed), &u.seed) == HUFU_OK);
    return u;
}

static inline struct ceremony sample_ceremony(void)
{
    struct ceremony c = { .kind = "rotate-kek",
                          .state = CEREMONY_RUNNING,
                          .needed = 2,
                          .domain_id = 3,
                          .target = 4,
                          .created_ms = 5,
                          .expires_ms = 6,
                          .changed_ms = 7,
                          .done = 8,
                          .total = 9,
                          .subject = "subject",
                          .reason = "reason",
                          .error = "error",
                          .approval_count = 2 };

    c.approval[0].user_id = 11;
    c.approval[0].at_ms = 12;
    c.approval[1].user_id = 13;
    c.approval[1].at_ms = 14;
    return c;
}

static inline struct log_identity sample_log(void)
{
    struct log_identity log = { .origin = "rig.test/log", .key_id = "log-1", .spki_len = 91 };

    memset(log.spki, 0x30, log.spki_len);
    return log;
}

#endif
