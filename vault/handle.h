/*
 * handle.h - the order in which a request is judged, and the handlers of the verbs.
 *
 * Layer:   vault/ (verbs). Includes the rooms of the core.
 * Threads: worker_step and password_step by their own threads (or a test); hooks by the journal's.
 * Source:  contract.md section 2 (which refusal wins).
 *
 * A handler decides one attempt. It returns HUFU_OK when it has prepared req->draft (the reply in
 * req->reply and req->body goes out once that is durable), or when it answers without one because
 * its verb writes no entry (draft.op_count stays 0); else the error, with *where at fault.
 */
#ifndef HUFU_HANDLE_H
#define HUFU_HANDLE_H

#include <stdbool.h>

#include "vault/base/json.h"
#include "vault/request.h"

typedef enum hufu_err handler_fn(struct worker *w, struct request *req, struct msg_where *where);

/* Takes one request and serves it. True where there was one. */
bool worker_step(struct worker *w);
/* Hashes one password and gives its request back to the workers. True where there was one. */
bool password_step(struct core *core);
/* What is due: a window of counted refusals, a dead session or a ceremony past its time; rows. */
bool sweeper_step(struct worker *w);

/* The handlers, one file each (or one file for close kin). */
handler_fn handle_tokenize, handle_lookup, handle_inspect, handle_lifecycle, handle_replace;
handler_fn handle_detokenize, handle_token_plant;
handler_fn handle_login, handle_logout, handle_step_up, handle_whoami, handle_password_change;
handler_fn handle_ceremony_propose, handle_ceremony_approve, handle_ceremony_cancel;
handler_fn handle_ceremony_list, handle_ceremony_show;
handler_fn handle_grant_ask, handle_grant_list, handle_grant_show, handle_grant_approve;
handler_fn handle_grant_deny, handle_grant_withdraw;
handler_fn handle_key_list, handle_status, handle_metrics, handle_peer_check;
handler_fn handle_checkpoint, handle_proof, handle_consistency, handle_entries;
handler_fn handle_domain_capacity;
handler_fn handle_report_impact, handle_report_partner, handle_report_indicators;
handler_fn handle_domain_add, handle_domain_list, handle_partner_add, handle_partner_list;
handler_fn handle_partner_cert_add, handle_partner_qualify;
handler_fn handle_user_add, handle_user_list, handle_freeze;
handler_fn handle_subject_ask, handle_subject_list, handle_subject_show, handle_subject_approve;
handler_fn handle_subject_deny, handle_subject_report;
handler_fn handle_user_leave, handle_access_review;
handler_fn handle_challenge, handle_step_up_challenge, handle_key_challenge, handle_key_enrol;
handler_fn handle_alarm_list, handle_alarm_review;
handler_fn handle_recipient_add, handle_recipient_list, handle_recipient_assess;
handler_fn handle_recipient_freeze, handle_share_list;
handler_fn handle_export_begin, handle_export_list, handle_export_show, handle_export_file;

/* Answers a refusal, after its entry where it gets one. Frees or requeues the request. */
void refuse_answer(struct worker *w, struct request *req, enum hufu_err err,
                   struct msg_where where);
/* Makes req->draft one entry of a refusal: code err. HUFU_UNAVAILABLE. */
HUFU_MUST_USE enum hufu_err refuse_entry(struct request *req, enum hufu_err err);

/* The store's hooks; arg is the struct core. */
struct store_hooks core_hooks(struct core *core);

/*
 * What several handlers need. domain_for finds the member `domain` for the caller: FORBIDDEN where
 * it is unknown or not the caller's; sets req->domain. check_text refuses account and ID numbers,
 * and authentication data.
 */
HUFU_MUST_USE enum hufu_err domain_for(struct worker *w, struct request *req,
                                       struct msg_where *where);
HUFU_MUST_USE enum hufu_err check_text(struct worker *w, struct view text);
/* check_text for a member of the body, naming it in *where. */
HUFU_MUST_USE enum hufu_err check_member(struct worker *w, struct request *req, enum msg_tag tag,
                                         struct msg_where *where);
/* {"error":{"code","title"}}: the outcome of one element of a batch; the braces are the caller's.
 */
void refuse_print(struct json *j, enum hufu_err err);
/* True where a session has come to its end or has been idle for too long. */
bool session_is_over(const struct core *core, const struct session *s);
uint64_t core_now(const struct core *core); /* ms UTC */
/* When a person's password becomes too old (C42), ms UTC; 0: never. */
uint64_t password_until(const struct core *core, const struct user *user);
uint64_t core_boot(const struct core *core);

/* Asks for a receipt: before the body's member at offset `at`; commits to the body as it stands. */
HUFU_MUST_USE enum hufu_err request_receipt(struct worker *w, struct request *req, size_t at,
                                            size_t op);

#endif
