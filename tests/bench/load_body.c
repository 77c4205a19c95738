/*
 * load_body.c - what the load generator sends: each body with a value that was never sent before.
 */
#include "tests/bench/load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const load_mode_names[LOAD_MODES] = { "tokenize",         "batch",
                                                  "detokenize",       "lookup",
                                                  "detokenize-batch", "mixed" };
const char *const load_mode_paths[LOAD_MODES] = { "/v1/tokenize",   "/v1/tokenize",
                                                  "/v1/detokenize", "/v1/tokens/lookup",
                                                  "/v1/detokenize", NULL };

static char (*tokens)[LOAD_TOKEN_LEN];
static size_t tokens_count;

void load_tokens_read(const char *path)
{
    char line[LOAD_TOKEN_LEN];
    FILE *in = fopen(path, "re");
    size_t room = 0;

    while (in && fgets(line, sizeof(line), in)) {
        if (tokens_count == room) {
            room = room ? room * 2 : 1024;
            tokens = realloc(tokens, room * sizeof(*tokens));
            if (!tokens)
                abort();
        }
        line[strcspn(line, "\n")] = 0;
        memcpy(tokens[tokens_count++], line, sizeof(line));
    }
    if (in)
        fclose(in);
    if (tokens_count == 0) {
        fprintf(stderr, "bench_load: no tokens in %s\n", path);
        exit(1);
    }
}

/* xorshift64: distinct card numbers, not secrets. */
static uint64_t random_next(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

/* A valid 16-digit card number (ISO/IEC 7812-1 annex B) that was most probably never sent. */
static void card_print(uint64_t *seed, char out[static 17])
{
    uint64_t n = random_next(seed) % 100000000000000u;
    unsigned sum = 0;

    out[0] = '4';
    for (int i = 14; i > 0; i--) {
        out[i] = (char)('0' + n % 10);
        n /= 10;
    }
    for (int i = 0; i < 15; i++) {
        unsigned digit = (unsigned)(out[i] - '0') * (i % 2 == 0 ? 2 : 1);

        sum += digit > 9 ? digit - 9 : digit;
    }
    out[15] = (char)('0' + (10 - sum % 10) % 10);
    out[16] = 0;
}

static size_t tokens_print(uint64_t *seed, char *out)
{
    size_t len =
        (size_t)snprintf(out, LOAD_BODY_MAX, "{\"domain\":\"%s\",\"purpose\":\"%s\",\"tokens\":[",
                         load_options.domain, load_options.purpose);

    for (unsigned long i = 0; i < load_options.items; i++)
        len += (size_t)snprintf(out + len, LOAD_BODY_MAX - len, "%s\"%s\"", i ? "," : "",
                                tokens[random_next(seed) % tokens_count]);
    return len + (size_t)snprintf(out + len, LOAD_BODY_MAX - len, "],\"reason\":\"bench\"}");
}

/* The member that gives new tokens an end, or nothing. */
static const char *expiry_print(enum load_mode mode, char out[static 48])
{
    out[0] = 0;
    if (load_options.expires_in_s > 0 && mode != LOAD_LOOKUP)
        snprintf(out, 48, ",\"expires_in\":%lu", load_options.expires_in_s);
    return out;
}

size_t load_body_print(enum load_mode mode, uint64_t *seed, char *out)
{
    char card[17];
    char expiry[48];
    size_t len;

    card_print(seed, card);
    if (mode == LOAD_DETOKENIZE)
        return (size_t)snprintf(
            out, LOAD_BODY_MAX,
            "{\"domain\":\"%s\",\"token\":\"%s\",\"purpose\":\"%s\",\"reason\":\"bench\"}",
            load_options.domain, tokens[random_next(seed) % tokens_count], load_options.purpose);
    if (mode == LOAD_DETOKENIZE_BATCH)
        return tokens_print(seed, out);
    if (mode != LOAD_BATCH)
        return (size_t)snprintf(out, LOAD_BODY_MAX, "{\"domain\":\"%s\",\"value\":\"%s\"%s}",
                                load_options.domain, card, expiry_print(mode, expiry));
    len = (size_t)snprintf(out, LOAD_BODY_MAX, "{\"domain\":\"%s\",\"values\":[",
                           load_options.domain);
    for (unsigned long i = 0; i < load_options.items; i++) {
        card_print(seed, card);
        len += (size_t)snprintf(out + len, LOAD_BODY_MAX - len, "%s\"%s\"", i ? "," : "", card);
    }
    return len +
           (size_t)snprintf(out + len, LOAD_BODY_MAX - len, "]%s}", expiry_print(mode, expiry));
}
