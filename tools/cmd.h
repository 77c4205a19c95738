/*
 * cmd.h - the commands' own code; cli_table.c names them.
 *
 * Layer:   tools/. Includes vault/base/ only.
 * Threads: the client has one thread.
 *
 * Each reads its options from cli, prints the result on stdout and one line per fault on stderr,
 * and returns the exit code.
 */
#ifndef HUFU_TOOLS_CMD_H
#define HUFU_TOOLS_CMD_H

#include "tools/cli.h"

enum cli_exit cmd_call(struct cli *cli); /* one request, as the table's row says */
enum cli_exit cmd_list(struct cli *cli); /* all pages of a list */
enum cli_exit cmd_approve(struct cli *cli);
enum cli_exit cmd_wait(struct cli *cli);
enum cli_exit cmd_password(struct cli *cli);
enum cli_exit cmd_whoami(struct cli *cli);
enum cli_exit cmd_completion(struct cli *cli);
enum cli_exit cmd_login(struct cli *cli);
enum cli_exit cmd_logout(struct cli *cli);
enum cli_exit cmd_tokenize(struct cli *cli);
enum cli_exit cmd_csv(struct cli *cli); /* tokenize --csv: cmd_tokenize goes there */
enum cli_exit cmd_detokenize(struct cli *cli);
enum cli_exit cmd_grant(struct cli *cli); /* ask and approve: tokens come by lines */
enum cli_exit cmd_access_review(struct cli *cli);
enum cli_exit cmd_subject_report(struct cli *cli); /* asks for one, or reads it */
enum cli_exit cmd_domain_add(struct cli *cli);
enum cli_exit cmd_partner_add(struct cli *cli);
enum cli_exit cmd_audit_checkpoint(struct cli *cli);
enum cli_exit cmd_audit_entries(struct cli *cli);
enum cli_exit cmd_audit_proof(struct cli *cli);
enum cli_exit cmd_verify(struct cli *cli);
enum cli_exit cmd_recipient(struct cli *cli); /* add and assess: papers beside the options */
enum cli_exit cmd_export_begin(struct cli *cli);
enum cli_exit cmd_export_fetch(struct cli *cli);
enum cli_exit cmd_status(struct cli *cli);
enum cli_exit cmd_report(struct cli *cli); /* items of all pages: --from, --to, --csv */
enum cli_exit cmd_report_indicators(struct cli *cli);
enum cli_exit cmd_format_check(struct cli *cli);
enum cli_exit cmd_format_test(struct cli *cli);

#endif
