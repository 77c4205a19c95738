/*
 * initfile.h - the file that `hufud --init` reads: the first people, domains and partners.
 *
 * Layer:   vault/ (verbs). Includes the rooms of the core; inih.
 * Threads: pure functions.
 *
 * Sections: [user NAME] role, password, totp_secret (base32), group; [domain NAME] format, mode,
 * partners, purposes, keep_prefix, keep_suffix, batch_detokenize; [partner NAME] pin (hex),
 * formats, domains. Lists are joined by commas. A password that password_rule.h would not take
 * (C42: no default secrets) is a fault of the file. The file holds secrets: who calls removes it
 * afterwards.
 */
#ifndef HUFU_INITFILE_H
#define HUFU_INITFILE_H

#include "vault/access/rows.h"
#include "vault/access/verbs.h"
#include "vault/format/format_set.h"

#define INIT_EACH_MAX 64 /* people, domains, partners */

struct init_user { /* SECRET */
    char name[TEXT_NAME_MAX + 1], group[TEXT_NAME_MAX + 1];
    enum role role;
    char password[PASSWORD_MAX + 1];
    uint8_t seed[ROW_SEED_LEN];
    bool has_seed;
};

struct init {
    struct init_user user[INIT_EACH_MAX];
    struct domain domain[INIT_EACH_MAX]; /* partner[]: numbers of the partners, from 1 */
    struct partner partner[INIT_EACH_MAX];
    size_t user_count, domain_count, partner_count;
};

/* *out is the caller's. HUFU_SYNTAX (logged with its line, never with the value), HUFU_NOMEM. */
HUFU_MUST_USE enum hufu_err init_parse(struct view text, const struct format_set *formats,
                                       struct init **out);
void init_free(struct init *init); /* wipes; NULL is fine */

#endif
