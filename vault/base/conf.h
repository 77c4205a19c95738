/*
 * conf.h - the settings: one table, read from conf/hufu.conf through inih.
 *
 * Layer:   vault/base/. Includes err.h, buf.h.
 * Threads: read once before threads start; constant afterwards.
 *
 * The table parses the file, checks bounds, prints `hufud -T`, `--help` and the man page. An
 * unknown section or key, a duplicate, a value out of bounds: an error with its line.
 */
#ifndef HUFU_BASE_CONF_H
#define HUFU_BASE_CONF_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "vault/base/buf.h"
#include "vault/base/err.h"

enum conf_type { CONF_NUMBER, CONF_TEXT, CONF_PATH, CONF_CHOICE };

/* clang-format off */
#define CONF_ROWS(X) /* id, section, key, type, unit, min, max, default, help */ \
    X(DATA,           "vault", "data",               PATH,   "",        0, 0, "/var/lib/hufu", "folder of journal, map and state") \
    X(FORMATS,        "vault", "formats",            PATH,   "",        0, 0, "/etc/hufu/formats.conf", "format definitions, read at the start") \
    X(ORIGIN,         "vault", "origin",             TEXT,   "",        1, 100, "vault.invalid/log", "name of this vault's log: host/path, no spaces, no plus sign") \
    X(LISTEN,         "front", "listen",             TEXT,   "",        1, 64, "127.0.0.1", "address to listen on") \
    X(PORT,           "front", "port",               NUMBER, "",        0, 65535, "8443", "port; 0 takes a free one") \
    X(TLS_CERT,       "front", "tls_cert",           PATH,   "",        0, 0, "/etc/hufu/server.crt", "server certificate chain, PEM") \
    X(TLS_KEY,        "front", "tls_key",            PATH,   "",        0, 0, "/etc/hufu/server.key", "server key, PEM") \
    X(TLS_CA,         "front", "tls_ca",             PATH,   "",        0, 0, "/etc/hufu/clients-ca.crt", "CA that client certificates must come from, PEM") \
    X(TLS_CRL,        "front", "tls_crl",            PATH,   "",        0, 0, "", "revocation list of that CA, PEM; empty: none") \
    X(CONNECTIONS,    "front", "connections",        NUMBER, "",        16, 65536, "1024", "connections at once") \
    X(PER_ADDRESS,    "front", "per_address",        NUMBER, "",        1, 65536, "64", "connections at once from one address") \
    X(HEADER_MS,      "front", "header_ms",          NUMBER, "ms",      100, 600000, "5000", "deadline of handshake and headers") \
    X(BODY_MS,        "front", "body_ms",            NUMBER, "ms",      100, 600000, "10000", "deadline of a body after its headers") \
    X(IDLE_MS,        "front", "idle_ms",            NUMBER, "ms",      100, 3600000, "30000", "how long a kept connection may be silent") \
    X(ANSWER_MS,      "front", "answer_ms",          NUMBER, "ms",      100, 600000, "20000", "how long the core may take for one answer") \
    X(FRONT_THREADS,  "front", "threads",            NUMBER, "",        1, 64, "1", "threads that serve connections") \
    X(OUT_ITEMS,      "front", "outstanding",        NUMBER, "",        16, 65536, "4096", "requests at once with the core; 503 beyond") \
    X(OUT_BYTES,      "front", "outstanding_bytes",  NUMBER, "bytes",   4194304, 1073741824, "16777216", "bytes of requests at once with the core; 503 beyond") \
    X(WORKERS,        "core",  "workers",            NUMBER, "",        0, 64, "0", "worker threads; 0: one per CPU") \
    X(HEAP_BYTES,     "core",  "secure_heap_bytes",  NUMBER, "bytes",   65536, 1073741824, "4194304", "locked memory for keys; a power of two") \
    X(ARENA_BYTES,    "core",  "arena_bytes",        NUMBER, "bytes",   16777216, 4294967296, "134217728", "memory for requests in work") \
    X(RECENT_BYTES,   "core",  "recent_bytes",       NUMBER, "bytes",   1048576, 68719476736, "805306368", "rows not yet in the map; back-pressure beyond") \
    X(GENERATION_OPS, "core",  "generation_ops",     NUMBER, "",        64, 16777216, "16777216", "row writes after which a generation is flushed; half of recent_bytes likewise") \
    X(FLUSH_MS,       "core",  "flush_ms",           NUMBER, "ms",      1, 3600000, "10000", "age after which a smaller generation is flushed") \
    X(SLICE_OPS,      "core",  "slice_ops",          NUMBER, "",        16, 1024, "1024", "row writes in one transaction of the map") \
    X(MAP_BYTES,      "core",  "store_bytes",        NUMBER, "bytes",   0, 1099511627776, "0", "upper bound of each database file; 0: file size and free disk") \
    X(HSM_MODULE,     "hsm",   "module",             PATH,   "",        0, 0, "/usr/lib/softhsm/libsofthsm2.so", "PKCS#11 module") \
    X(HSM_LABEL,      "hsm",   "token_label",        TEXT,   "",        0, 32, "hufu", "label of the token") \
    X(HSM_SERIAL,     "hsm",   "token_serial",       TEXT,   "",        0, 16, "", "serial of the token; empty: the label alone") \
    X(HSM_PIN_FILE,   "hsm",   "pin_file",           PATH,   "",        0, 0, "/etc/hufu/pin", "file of mode 0400 with the user PIN; empty: the credential hsm-pin of systemd") \
    X(HSM_CONF,       "hsm",   "softhsm_conf",       PATH,   "",        0, 0, "", "SOFTHSM2_CONF for the module; empty: leave it alone") \
    X(HSM_CALL_MS,    "hsm",   "call_ms",            NUMBER, "ms",      50, 60000, "2000", "deadline of a call; the process is ended beyond") \
    X(HSM_LOGIN_MS,   "hsm",   "login_ms",           NUMBER, "ms",      50, 120000, "10000", "deadline of load and login") \
    X(HSM_KEYGEN_MS,  "hsm",   "keygen_ms",          NUMBER, "ms",      50, 600000, "30000", "deadline of making a key") \
    X(ARGON_KIB,      "auth",  "argon2_kib",         NUMBER, "KiB",     19456, 4194304, "65536", "Argon2id memory of new passwords") \
    X(ARGON_PASSES,   "auth",  "argon2_passes",      NUMBER, "",        2, 64, "3", "Argon2id passes of new passwords") \
    X(PASSWORD_DAYS,  "auth",  "password_days",      NUMBER, "days",    0, 3650, "30", "age at which a password must be changed; 0: never") \
    X(PASSWORD_CHARS, "auth",  "password_chars",     NUMBER, "",        12, 128, "12", "characters that a new password has at least") \
    X(PASSWORD_KEEP,  "auth",  "password_history",   NUMBER, "",        0, 8, "5", "former passwords that a new one must not be; each costs one Argon2id at a change") \
    X(DENY_FILE,      "auth",  "deny_file",          PATH,   "",        0, 0, "", "passwords that nobody may have, one a line, 1 MiB at most; SIGHUP reads it again; empty: the built-in list alone") \
    X(DORMANT_DAYS,   "auth",  "dormant_days",       NUMBER, "days",    0, 3650, "90", "days without a log-in after which a person is frozen; 0: never") \
    X(BREAK_GLASS_S,  "auth",  "break_glass_s",      NUMBER, "s",       60, 86400, "3600", "how long a break-glass account is open") \
    X(SESSION_S,      "auth",  "session_s",          NUMBER, "s",       60, 86400, "28800", "life of a session") \
    X(IDLE_S,         "auth",  "idle_s",             NUMBER, "s",       30, 86400, "900", "idle time that ends a session") \
    X(FRESH_S,        "auth",  "fresh_s",            NUMBER, "s",       5, 3600, "300", "how long a second factor is fresh") \
    X(LOCK_AFTER,     "auth",  "lock_after",         NUMBER, "",        3, 100, "10", "failures in a row that lock a person; from the third on each doubles a delay") \
    X(LOCK_S,         "auth",  "lock_s",             NUMBER, "s",       1, 604800, "1800", "how long the lock lasts") \
    X(QUALIFIED,      "auth",  "partner_qualification", CHOICE, "no|yes", 0, 0, "no", "yes: a partner without a recorded qualification sends nothing; one that is over stops it either way") \
    X(SECOND_FACTOR,  "auth",  "second_factor",      CHOICE, "any|key", 0, 0, "any", "what people who have a FIDO2 key show: any factor, or the key") \
    X(FIDO_RP_ID,     "fido",  "rp_id",              TEXT,   "",        0, 253, "", "host name that FIDO2 keys are made for; empty: no keys") \
    X(FIDO_ORIGIN,    "fido",  "origin",             TEXT,   "",        0, 400, "", "pages that may ask for keys: https://HOST or https://HOST:PORT, comma-separated; HOST is fido.rp_id or below it") \
    X(REVEALS_FACTOR, "limit", "reveals_per_factor", NUMBER, "",        1, 1000000000, "20", "clear values per fresh second factor") \
    X(REVEALS_DAY,    "limit", "reveals_per_day",    NUMBER, "",        1, 1000000000, "200", "different clear values per person and day (UTC)") \
    X(REVEALS_PURPOSE, "limit", "reveals_per_purpose", NUMBER, "",      1, 1000000000, "200", "different clear values per person, purpose and day (UTC)") \
    X(REVEALS_MINUTE, "limit", "reveals_per_minute", NUMBER, "",        1, 1000000000, "30", "clear values per person and minute") \
    X(REVEAL_MISSES,  "limit", "reveal_misses",      NUMBER, "",        1, 1000000000, "50", "tokens without a value that a person may ask for in a day (UTC)") \
    X(REVEAL_SEQUENCE, "limit", "reveal_sequence",   NUMBER, "",        2, 33, "8", "of the last 32 tokens that a person asked for: how many may not lie next to one another; 33: not looked at") \
    X(SEEN_DAYS,      "limit", "seen_days",          NUMBER, "days",    2, 36500, "1096", "how long it is kept who saw which value for what") \
    X(GUESSES_DAY,    "limit", "guesses_per_day",    NUMBER, "",        1, 1000000000, "100", "new values and look-ups in vain per partner, domain, bucket of kept characters and day (UTC); of a bucket of more than 100000 originals as many times more") \
    X(VALUES_DAY,     "limit", "values_per_day",     NUMBER, "",        1, 1000000000, "1000000000", "the same over all buckets of a domain; 1000000000: not limited") \
    X(LOOKUP_MISSES,  "limit", "lookup_misses",      NUMBER, "",        1, 1000000000, "1000", "look-ups in vain per partner, domain and day (UTC) that are allowed whatever their share; 1000000000: the share is not looked at") \
    X(LOOKUP_SHARE,   "limit", "lookup_miss_percent", NUMBER, "%",      1, 100, "50", "share of a partner's look-ups in a domain that may be in vain beyond those") \
    X(REFUSALS_S,     "limit", "refusals_per_s",     NUMBER, "1/s",     1, 1000, "10", "entries for refusals per principal; counted beyond") \
    X(ALARM_COMMAND,  "alarm", "command",            PATH,   "",        0, 0, "", "program that gets each alarm as JSON on its standard input; empty: none") \
    X(ALARM_WEBHOOK,  "alarm", "webhook",            TEXT,   "",        0, 250, "", "https address that each alarm is posted to as JSON; empty: none") \
    X(ALARM_CA,       "alarm", "webhook_ca",         PATH,   "",        0, 0, "", "CA that the webhook's certificate must come from, PEM; empty: the system's") \
    X(ALARM_DELIVER_MS, "alarm", "deliver_ms",       NUMBER, "ms",      100, 60000, "10000", "deadline of one delivery to one of them; the program is ended beyond") \
    X(ALARM_SPOOL,    "alarm", "spool",              NUMBER, "",        10, 100000, "10000", "alarms kept for delivery and review; beyond, there are their entries and lines alone") \
    X(ALARM_KEEP_DAYS, "alarm", "keep_days",         NUMBER, "days",    1, 3650, "90", "age at which a delivered alarm goes though nobody has reviewed it") \
    X(ALARM_REFUSALS, "alarm", "refusals",           NUMBER, "",        1, 1000000000, "100", "refusals of one kind within 10 s, by one principal or network, that raise an alarm") \
    X(ALARM_PARTNERS, "alarm", "suspend_partners",   CHOICE, "no|yes",  0, 0, "yes", "whether a partner that reaches a limit is frozen, as a person is suspended") \
    X(TOKEN_BINS,     "token", "bins",               TEXT,   "",        0, 400, "", "first digits of the payment network's tokens, 6 to 8 of them, as 999000-999099, 99912345; 16 ranges at most; empty: no domain may ask for token_check bin") \
    X(EXPORT_MAX,     "export", "max",               NUMBER, "",        1, 10000000, "100000", "values of one export") \
    X(EXPORT_KEEP_H,  "export", "keep_h",            NUMBER, "h",       1, 8760, "72", "how long the file of an export is kept, for whoever began it to fetch") \
    X(CUSTODIANS,     "ceremony", "custodians",      NUMBER, "",        2, 9, "2", "custodians that a key ceremony needs") \
    X(CEREMONY_S,     "ceremony", "life_s",          NUMBER, "s",       30, 2592000, "86400", "how long a proposed ceremony waits for approval") \
    X(ROWS_S,         "ceremony", "rows_per_s",      NUMBER, "1/s",     0, 10000000, "20000", "rows that a rotation re-encrypts or re-indexes a second; 0: as fast as it can") \
    X(GRANT_MAX_S,    "grant", "max_s",              NUMBER, "s",       60, 2592000, "2592000", "longest life of a grant") \
    X(SWEEP_PASS_S,   "sweep", "pass_s",             NUMBER, "s",       1, 604800, "3600", "pause between two walks for rows whose time is past") \
    X(SWEEP_ROWS_S,   "sweep", "rows_per_s",         NUMBER, "1/s",     10, 40000, "20000", "rows of a table that a walk looks at") \
    X(CHECKPOINT_MS,  "log",   "checkpoint_ms",      NUMBER, "ms",      100, 60000, "1000", "pause between signatures over the log") \
    X(CHECKPOINT_AGE, "log",   "checkpoint_max_s",   NUMBER, "s",       10, 86400, "900", "age of the last signature beyond which nothing is revealed") \
    X(LOG_LEVEL,      "log",   "level",              CHOICE, "error|warn|info|debug", 0, 0, "info", "what is written; SIGHUP reads it again") \
    X(LOG_FORMAT,     "log",   "format",             CHOICE, "json|text", 0, 0, "json", "one JSON object a line, or words") \
    X(LOG_REQUESTS,   "log",   "requests",           CHOICE, "no|some|all", 0, 0, "some", "requests that have a line: no (only what failed or was slow), some (but for the successes of tokenize, lookup, inspect and detokenize), all")
/* clang-format on */

#define CONF_ENUM(id, section, key, type, unit, min, max, def, help) CONF_##id,
enum conf_id { CONF_ROWS(CONF_ENUM) CONF_COUNT };
#undef CONF_ENUM

struct conf_row {
    const char *section, *key;
    enum conf_type type;
    const char *unit;  /* the words of a CHOICE, which is stored as the place of one: "a|b|c" */
    uint64_t min, max; /* of a NUMBER; bytes of a TEXT */
    const char *def, *help;
};
extern const struct conf_row conf_rows[CONF_COUNT];

#define CONF_FILE_MAX 65536 /* bytes of a file */
#define CONF_LINE_MAX 500   /* bytes of a line */
#define CONF_PATH_MAX 255   /* bytes of a PATH */

struct conf; /* opaque */

/* Reads path ("" or NULL: defaults alone). On a fault writes one line for people, with file and
 * line number but never the value, into err_text and returns HUFU_SYNTAX, HUFU_RANGE or HUFU_IO. */
HUFU_MUST_USE enum hufu_err conf_load(const char *path, struct conf **out, char *err_text,
                                      size_t err_text_len);
/* As conf_load, but reads text; name stands for the file in err_text. */
HUFU_MUST_USE enum hufu_err conf_parse(const char *name, struct view text, struct conf **out,
                                       char *err_text, size_t err_text_len);
/* Sets one row by "section.key=value", as the file would (for `hufud -o`). As conf_load. */
HUFU_MUST_USE enum hufu_err conf_set(struct conf *c, const char *assignment, char *err_text,
                                     size_t err_text_len);
void conf_free(struct conf *c);

uint64_t conf_u64(const struct conf *c, enum conf_id id);     /* NUMBER and CHOICE rows */
const char *conf_text(const struct conf *c, enum conf_id id); /* TEXT and PATH rows; borrowed */
/* The i-th word of a CHOICE row; empty past the last. */
struct view conf_word(const struct conf_row *row, uint64_t i);
void conf_print(const struct conf *c, FILE *out); /* effective values: a valid file */
void conf_print_example(FILE *out); /* every row at its default with help, unit and bounds */

#endif
