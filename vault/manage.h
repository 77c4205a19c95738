/*
 * manage.h - what the calls that make and change partners, people and domains share.
 *
 * Layer:   vault/ (verbs). Includes the rooms of the core.
 * Threads: as the worker given.
 */
#ifndef HUFU_MANAGE_H
#define HUFU_MANAGE_H

#include <stdbool.h>

#include "vault/base/json.h"
#include "vault/row.h"

#define MANAGE_ROW_MAX 32768 /* bytes of a row's plaintext */
#define MANAGE_PAGE    100   /* items of a list unless told */

enum hufu_err manage_at(struct msg_where *where, enum msg_tag tag, enum hufu_err err);
/* Copies text that fits; HUFU_BAD_REQUEST else. */
HUFU_MUST_USE enum hufu_err manage_copy(char *out, size_t out_len, struct view text);
/* Copies a list of names; HUFU_BAD_REQUEST where there are too many or one is no name. */
HUFU_MUST_USE enum hufu_err manage_names(struct view list, char *out, size_t out_len, size_t max,
                                         size_t *count_out);
/* Adds a control row to operation 0; seq: as read, STORE_ABSENT for a new one. HUFU_UNAVAILABLE. */
HUFU_MUST_USE enum hufu_err manage_write(struct worker *w, struct request *req, uint8_t table,
                                         uint32_t id, uint64_t seq, const struct buf *text);
/* Adds the ids row with *ids, which was read at seq. HUFU_UNAVAILABLE. */
HUFU_MUST_USE enum hufu_err manage_write_ids(struct worker *w, struct request *req,
                                             const struct row_ids *ids, uint64_t seq);
/* Adds a person's row with the changes made; user->seq as read, STORE_ABSENT for a new one.
 * HUFU_UNAVAILABLE. */
HUFU_MUST_USE enum hufu_err manage_write_user(struct worker *w, struct request *req,
                                              const struct user *user);
/* Sessions that the person has until now end, one of this very millisecond too. */
void manage_end_sessions(const struct core *core, struct user *user);
/* Makes the person's password and code secret ones that nobody knows, and forgets what they had.
 * Free *seed_out once the row is written. HUFU_UNAVAILABLE. */
HUFU_MUST_USE enum hufu_err manage_forget_secrets(struct worker *w, struct user *user,
                                                  struct secret **seed_out);
/*
 * Adds to operation 0, whose person is about to stop being an active security administrator, that
 * two others are and stay: with fewer nobody could lift anything any more. Nothing for anyone else.
 * Who has an end, and break-glass accounts, do not stay. Takes two preconditions. HUFU_CONFLICT
 * where fewer are left.
 */
HUFU_MUST_USE enum hufu_err manage_expect_admins(struct request *req, const struct user *without);
/* True for roles that a second security administrator has to agree to (C40). */
bool manage_is_privileged(unsigned role);
/* Adds totp_secret and totp_uri of a new person: shown once. SECRET. */
void manage_print_seed(const struct user *user, struct json *j);
/* True where name is one of count names, each out_len bytes apart. */
bool manage_has(const char *names, size_t out_len, size_t count, const char *name);
/* Ends what began with {"items":[ : last names the last item shown where there are more. */
void manage_list_end(struct json *j, bool more, const char *last);
/* As format_capacity, by the domain's mode. */
void manage_kind_capacity(const struct domain *d, size_t kind, struct format_capacity *out);
/* Tokens of the domain's smallest bucket. Costs up to a millisecond for each kind of its values. */
uint64_t manage_capacity(const struct domain *d);
/* {"items":[…],"next":…}: begins at the item whose name is after `after`; print puts item i or
 * tells that there is none. */
HUFU_MUST_USE enum hufu_err manage_list(struct worker *w, struct request *req,
                                        struct msg_where *where,
                                        const char *(*name)(struct core *core, size_t i),
                                        void (*print)(struct core *core, size_t i, struct json *j));

#endif
