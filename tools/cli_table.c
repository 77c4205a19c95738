#include "tools/cli.h"

#include "tools/cmd.h"

/* clang-format off */
#define END { NULL, NULL, CLI_SWITCH, false, NULL, NULL }

static const struct cli_field tokenize_fields[] = {
    { "subject",    "subject",    CLI_TEXT,   false, "REF", "reference of the person the values belong to" },
    { "consent",    "consent",    CLI_TEXT,   false, "REF", "reference of the consent or legal basis" },
    { "channel",    "channel",    CLI_TEXT,   false, "NAME", "where the values came in" },
    { "expires-in", "expires_in", CLI_NUMBER, false, "SECONDS", "life of the token" },
    { "uses",       "uses",       CLI_NUMBER, false, "N", "how often the token may be opened" },
    { "receipt",    "receipt",    CLI_FLAG,   false, NULL, "ask for a receipt" },
    { "csv",            NULL,     CLI_LOCAL,  false, "FILE", "a column of a CSV file instead of lines; - for standard input" },
    { "column",         NULL,     CLI_LOCAL,  false, "N", "which column: number from 1, or name with --header" },
    { "out",            NULL,     CLI_LOCAL,  false, "FILE", "the CSV with tokens, mode 0600; - for standard output" },
    { "header",         NULL,     CLI_SWITCH, false, NULL, "the first record is a header" },
    { "subject-column", NULL,     CLI_LOCAL,  false, "N", "column with references of persons" },
    { "consent-column", NULL,     CLI_LOCAL,  false, "N", "column with references of consents" },
    { "on-error",       NULL,     CLI_LOCAL,  false, "WHAT", "skip (default): FILE.errors lists the row; or stop" },
    { "retry-for",      NULL,     CLI_LOCAL,  false, "SECONDS", "how long one request is repeated; 300 where not given" },
    { "restart",        NULL,     CLI_SWITCH, false, NULL, "begin anew, whatever an earlier run left" },
    { "dry-run",        NULL,     CLI_SWITCH, false, NULL, "read and check the file, send nothing" },
    END
};
static const struct cli_field detokenize_fields[] = {
    { "purpose", "purpose", CLI_TEXT,   true,  "NAME", "one of the domain's purposes" },
    { "reason",  "reason",  CLI_TEXT,   true,  "TEXT", "why; recorded, at most 128 bytes, no numbers of accounts or IDs" },
    { "grant",   "grant",   CLI_TEXT,   false, "ID", "an approved grant, where the domain wants one" },
    { "batch",   NULL,      CLI_SWITCH, false, NULL, "all lines in one request, where the domain allows it" },
    { "save",    NULL,      CLI_LOCAL,  false, "FILE", "append each reply, value and receipt, to FILE (mode 0600)" },
    END
};
#define REASON  { "reason", "reason", CLI_TEXT, true, "TEXT", "why; recorded, at most 128 bytes, no numbers of accounts or IDs" }
#define DRY_RUN { "dry-run", NULL, CLI_SWITCH, false, NULL, "show what would be sent, and send nothing" }

static const struct cli_field login_fields[] = {
    { "recovery-code", NULL, CLI_SWITCH, false, NULL, "a recovery code takes the place of the code" },
    END
};
static const struct cli_field reason_fields[] = { REASON, END };
static const struct cli_field ending_fields[] = { REASON, DRY_RUN, END };
static const struct cli_field propose_fields[] = {
    { "domain",  "domain",  CLI_TEXT, false, "NAME", "domain whose key it is" },
    { "subject", "subject", CLI_TEXT, false, "NAME", "what or whom it is about" },
    { "role",    "role",    CLI_TEXT, false, "ROLE", "for change-role: the new one" },
    REASON,
    DRY_RUN,
    END
};
static const struct cli_field role_fields[] = {
    { "role", "role", CLI_TEXT, true, "ROLE", "operator, approver, custodian, security_admin, auditor or sre" },
    REASON,
    DRY_RUN,
    END
};
static const struct cli_field approve_fields[] = {
    { "wait",    NULL, CLI_SWITCH, false, NULL, "where it then runs: wait for its end, as `ceremony wait` does" },
    { "timeout", NULL, CLI_LOCAL,  false, "SECONDS", "with --wait: look no longer than this" },
    DRY_RUN,
    END
};
static const struct cli_field cancel_fields[] = {
    { "reason", "reason", CLI_TEXT, false, "TEXT", "why; recorded" },
    DRY_RUN,
    END
};
static const struct cli_field wait_fields[] = {
    { "timeout", NULL, CLI_LOCAL, false, "SECONDS", "look no longer than this; the ceremony goes on" },
    END
};
static const struct cli_field inspect_fields[] = {
    { "provenance", "provenance", CLI_FLAG, false, NULL, "who sent the value, when and with which consent: for its partner and auditors" },
    END
};
static const struct cli_field qualify_fields[] = {
    { "qualification", NULL,     CLI_LOCAL, true,  "REF", "reference of the new qualification" },
    { "valid-until", NULL,       CLI_LOCAL, true,  "TIME", "when it expires" },
    { "reason", "reason", CLI_TEXT, false, "TEXT", "why; recorded" },
    END
};
static const struct cli_field cert_fields[] = {
    { "cert-file", "cert_pem", CLI_FILE, true,  "FILE", "the further client certificate, PEM" },
    { "reason",    "reason",   CLI_TEXT, false, "TEXT", "why; recorded" },
    END
};
static const struct cli_field list_fields[] = {
    { "limit", NULL, CLI_LOCAL, false, "N", "how many at most; all where not given" },
    { "after", NULL, CLI_LOCAL, false, "ID", "begin behind this one" },
    { "csv",   NULL, CLI_SWITCH, false, NULL, "as CSV, with a head" },
    END
};
static const struct cli_field domain_fields[] = {
    { "format",           "format",           CLI_TEXT,   true,  "NAME", "format of its values" },
    { "mode",             "mode",             CLI_TEXT,   true,  "MODE", "deterministic, random, one-time or ff1" },
    { "partners",         "partners",         CLI_LIST,   true,  "A,B", "partners it belongs to" },
    { "purposes",         "purposes",         CLI_LIST,   true,  "A,B", "purposes a value may be given back for" },
    { "keep",             NULL,               CLI_LOCAL,  false, "P,S", "characters kept in clear: prefix,suffix" },
    { "expected",         "expected",         CLI_NUMBER, false, "N", "how many values are expected" },
    { "retention-days",   "retention_days",   CLI_NUMBER, false, "DAYS", "how long mappings are kept" },
    { "expires-in",       "expires_in",       CLI_NUMBER, false, "SECONDS", "life of its tokens" },
    { "token-check",      "token_check",      CLI_TEXT,   false, "RULE", "fail; none for a format whose tokens nothing tells from originals; bin for a payment network's" },
    { "requestor",        "requestor",        CLI_TEXT,   false, "DIGITS", "with bin: the token requestor's number, 11 digits" },
    { "assurance",        "assurance",        CLI_NUMBER, false, "N", "with bin: the assurance level of its tokens, 0 to 99" },
    { "channels",         "channels",         CLI_LIST,   false, "A,B", "with bin: the channels that may ask for tokens" },
    { "batch-detokenize", "batch_detokenize", CLI_NUMBER, false, "N", "tokens per detokenize request" },
    { "consent-required", "consent_required", CLI_FLAG, false, NULL, "refuse values that come without a consent" },
    { "purposes-one-approval",  "purposes_one_approval",  CLI_LIST, false, "A,B", "purposes that need a grant by one approver" },
    { "purposes-two-approvals", "purposes_two_approvals", CLI_LIST, false, "A,B", "purposes that need a grant by two" },
    { "escalation",       "escalation",       CLI_TEXT,   false, "RULE", "what a second data type of one subject needs: none, step-up or grant" },
    END
};
static const struct cli_field partner_fields[] = {
    { "cert-file",   "cert_pem", CLI_FILE,  true,  "FILE", "its client certificate, PEM" },
    { "formats",     "formats",  CLI_LIST,  true,  "A,B", "formats it may send" },
    { "domains",     "domains",  CLI_LIST,  true,  "A,B", "domains it may use" },
    { "entrusted",   "entrusted", CLI_FLAG, false, NULL, "it works for others: no domain in ff1 mode" },
    { "qualification", NULL,     CLI_LOCAL, false, "REF", "reference of its qualification" },
    { "valid-until", NULL,       CLI_LOCAL, false, "TIME", "when the qualification expires" },
    END
};
static const struct cli_field user_fields[] = {
    { "role",       "role",       CLI_TEXT,   true,  "ROLE", "operator, approver, custodian, security_admin, auditor or sre" },
    { "group",      "group",      CLI_TEXT,   false, "NAME", "the group the person belongs to; the role's name where not given" },
    { "expires-in", "expires_in", CLI_NUMBER, false, "SECONDS", "when the account ends by itself" },
    { "sealed",     "sealed",     CLI_FLAG,   false, NULL, "for operators and security administrators: a break-glass account, which nobody can use until two open it" },
    END
};
static const struct cli_field entries_fields[] = {
    { "from",  NULL, CLI_LOCAL, false, "INDEX", "first entry; 0 where not given" },
    { "limit", NULL, CLI_LOCAL, false, "N", "how many at most; 100 where not given" },
    END
};
#define REPORT_TIMES \
    { "from", NULL, CLI_LOCAL,  false, "TIME", "from when on: 2026-11-21 or 2026-11-21T08:30:00Z; the beginning where not given" }, \
    { "to",   NULL, CLI_LOCAL,  false, "TIME", "until when, itself left out; now where not given" }, \
    { "csv",  NULL, CLI_SWITCH, false, NULL, "as CSV, with a head" }

static const struct cli_field report_fields[] = { REPORT_TIMES, END };
static const struct cli_field statement_fields[] = {
    REPORT_TIMES,
    { "sent", NULL, CLI_SWITCH, false, NULL, "what it sent, by day and domain, in the place of what was revealed" },
    END
};
static const struct cli_field proof_fields[] = {
    { "size", NULL, CLI_LOCAL, false, "N", "size of the tree; the newest checkpoint's where not given" },
    END
};
static const struct cli_field verify_fields[] = {
    { "log-key", NULL, CLI_LOCAL, false, "FILE", "the log's public key, PEM; with --dev: dev.json's" },
    { "origin",  NULL, CLI_LOCAL, false, "NAME", "the log's expected name; with --dev: dev.json's" },
    { "receipt", NULL, CLI_LOCAL, false, "FILE", "replies of detokenize, as received; each must be in the log" },
    { "since",   NULL, CLI_LOCAL, false, "FILE", "an older checkpoint that the log must begin with" },
    { "dir",     NULL, CLI_LOCAL, false, "DIR", "read checkpoint and entries.jsonl there; no server is asked" },
    { "save",    NULL, CLI_LOCAL, false, "DIR", "store checkpoint and entries.jsonl for a later --dir" },
    END
};

static const struct cli_field format_test_fields[] = {
    { "file", NULL, CLI_LOCAL, false, "FILE", "the formats; /etc/hufu/formats.conf where not given" },
    { "keep", NULL, CLI_LOCAL, false, "P,S", "characters kept in clear: prefix,suffix; none where not given" },
    END
};

#define TOKENS_LINES { "tokens", NULL, CLI_SWITCH, false, NULL, "for these tokens alone: read as lines of standard input" }
static const struct cli_field grant_fields[] = {
    { "purpose",    "purpose",    CLI_TEXT,   true,  "NAME", "one of the domain's purposes" },
    { "count",      "count",      CLI_NUMBER, true,  "N", "how many values, at most" },
    { "expires-in", "expires_in", CLI_NUMBER, true,  "SECONDS", "how long it is good for" },
    { "recipient",  "recipient",  CLI_TEXT,   false, "NAME", "who outside is given the values" },
    TOKENS_LINES,
    REASON,
    DRY_RUN,
    END
};
static const struct cli_field grant_approve_fields[] = {
    { "count",      "count",      CLI_NUMBER, false, "N", "fewer values than were asked for" },
    { "expires-in", "expires_in", CLI_NUMBER, false, "SECONDS", "less time than was asked for" },
    { "digest",     "digest",     CLI_TEXT,   false, "TEXT", "as `grant show` told it: refused where it has changed since" },
    TOKENS_LINES,
    { "reason",     "reason",     CLI_TEXT,   false, "TEXT", "why; recorded" },
    DRY_RUN,
    END
};

static const char grant_columns[] = "id,asked_by,domain,purpose,recipient,count,remaining,state,approvals,needed,expires_at";
#define PAPERS \
    { "channel-check",    NULL, CLI_LOCAL, false, "REF", "reference of the last check of the channel" }, \
    { "channel-until",    NULL, CLI_LOCAL, false, "TIME", "until when that check is good" }, \
    { "tool-check",       NULL, CLI_LOCAL, false, "REF", "reference of the last check of the tools" }, \
    { "tool-until",       NULL, CLI_LOCAL, false, "TIME", "until when that check is good" }, \
    { "contract",         NULL, CLI_LOCAL, false, "REF", "reference of the contract: a processor has one" }, \
    { "contract-until",   NULL, CLI_LOCAL, false, "TIME", "when the contract ends" }, \
    { "cert-file", "cert_pem",  CLI_FILE,  false, "FILE", "the certificate that exports are encrypted to, PEM" }
static const struct cli_field recipient_fields[] = {
    { "kind",             "kind", CLI_TEXT, true, "KIND", "outside, processor (entrusted processing) or public (disclosure)" },
    { "assessment",       NULL, CLI_LOCAL, true,  "REF", "reference of its assessment" },
    { "assessment-until", NULL, CLI_LOCAL, true,  "TIME", "when the assessment expires" },
    PAPERS,
    { "legal-basis", "legal_basis", CLI_TEXT, false, "TEXT", "of a public disclosure" },
    { "use",         "use",       CLI_TEXT,  false, "TEXT", "what it does with the values" },
    END
};
static const struct cli_field assess_fields[] = {
    { "assessment",       NULL, CLI_LOCAL, false, "REF", "reference of the new assessment" },
    { "assessment-until", NULL, CLI_LOCAL, false, "TIME", "when the assessment expires" },
    PAPERS,
    { "reason", "reason", CLI_TEXT, false, "TEXT", "why; recorded" },
    END
};
static const struct cli_field export_fields[] = {
    { "grant",   "grant",   CLI_TEXT,   true,  "ID", "the grant, whose recipient has a certificate" },
    { "purpose", "purpose", CLI_TEXT,   true,  "NAME", "the grant's purpose" },
    { "all",     NULL,      CLI_SWITCH, false, NULL, "all active tokens of the domain, for a grant that names none" },
    REASON,
    DRY_RUN,
    END
};
static const struct cli_field fetch_fields[] = {
    { "out", NULL, CLI_LOCAL, true, "FILE", "where it goes: a new file of mode 0600" },
    END
};

static const char recipient_columns[] = "name,kind,state,valid_until,assessment,channel_check,tool_check,contract,legal_basis,use,certificate";
static const char share_columns[] =
    "at,scale,purpose,domain,format,class,recipient,use,kind,way,result,assessment.ref,assessment.valid_until,"
    "channel_check.ref,channel_check.valid_until,tool_check.ref,tool_check.valid_until,contract.ref,"
    "contract.valid_until,legal_basis,principal,reason,grant,export,request_id,id";
static const char export_columns[] = "id,state,domain,recipient,purpose,done,total,skipped,created_at,ended_at,user";
static const char recipient_detail[] =
    "A time is a day, 2027-12-31, or a time of a day, 2027-12-31T08:30:00Z; a day begins at midnight UTC.\n"
    "Once one of what was recorded is over, nothing is given to the recipient any more, until `recipient\n"
    "assess` renews it. Kind, use and legal basis never change: what has others is another recipient.";
static const char assess_detail[] =
    "At least one of them; what is not given stays. The kind, the use and the legal basis do not change.";
static const char share_detail[] =
    "Of all that left for a recipient: when, how much (scale), for which purpose, from where (domain,\n"
    "format, class), to whom, for which use, shown to a person or as a file (way), on which papers, by\n"
    "whom, under which grant and request. A day begins at midnight UTC. In CSV, what a spreadsheet could\n"
    "take for a formula begins with '.";
static const char export_detail[] =
    "Tokens are read as lines of standard input, 1,000 at most; with --all none are. The file is made in\n"
    "the background, encrypted to the certificate of the grant's recipient; `export show` tells how far\n"
    "it is, `export fetch` gets it. More than the grant allows stops it, and you are suspended.";
static const char fetch_detail[] =
    "For whoever began it, while the server keeps it. Only the recipient can open it: CMS in DER, for\n"
    "instance openssl cms -decrypt -inform DER -in FILE -inkey KEY -recip CERT. Exit code 8 where what\n"
    "came is not what was made.";
static const struct cli_field subject_report_fields[] = {
    { "id",     NULL,     CLI_LOCAL,  false, "ID", "read the report of this case, once it is approved" },
    { "csv",    NULL,     CLI_SWITCH, false, NULL, "with --id: as CSV, with a head" },
    { "reason", "reason", CLI_TEXT,   false, "TEXT", "why it is asked for; recorded, at most 128 bytes, no numbers of accounts or IDs" },
    DRY_RUN,
    END
};

static const char subject_columns[] = "id,kind,subject,subject_id,state,asked_by,decided_by,done,total,held,legal_hold";
static const char ceremony_columns[] = "id,kind,subject,state,approvals,needed,done,total";
static const char key_columns[] = "id,kind,domain,version,state,created_at,uses,records";
static const char domain_columns[] = "name,format,mode,state,partners,capacity,expected,created_at";
static const char partner_columns[] = "name,state,domains,formats,certificates_until,qualification,created_at";
static const char user_columns[] = "name,role,state,group,last_used_at,expires_at,password_expires_at,created_at";
static const struct cli_field access_fields[] = {
    { "csv", NULL, CLI_SWITCH, false, NULL, "as CSV, with a head" },
    END
};
static const char access_columns[] = "name,kind,role,state,group,findings,last_used_at,expires_at,password_expires_at,domains,may";
static const char access_detail[] =
    "Everyone who may do something, and what: partners and people, those first about whom there is something\n"
    "to say. Findings: dormant, never-used, frozen, expires-soon, expired, password-overdue,\n"
    "enrolment-lapsed, break-glass-open, left-with-open-ceremony, left-with-open-grant; of partners\n"
    "qualification-expired, qualification-expires-soon, certificate-expired, certificate-expires-soon,\n"
    "no-domain, frozen. Soon is within 30 days. --json and --csv have what each may do.";
static const char user_add_detail[] =
    "The first password and the code's secret are shown once, with a QR code on a terminal. For privileged\n"
    "roles a ceremony is opened instead, which a second security administrator approves. With --sealed\n"
    "nothing is shown: nobody can sign in before `user break-glass`.";
static const char leave_detail[] =
    "For good: sessions end, what the person approved or asked for is void, the name is never given again.";
static const char glass_detail[] =
    "Opens a sealed account: the first password is shown to you, the code's secret to the second security\n"
    "administrator, who approves. It is good for one log-in, sets off an alarm of the highest grade, and is\n"
    "sealed again with other secrets once that session or its time is over.";
static const char impact_columns[] = "time,domain,purpose,reason,subject,partners,request_id,token_id,index";
static const char statement_columns[] = "time,domain,user,purpose,subject,request_id,token_id,index";
static const char alarm_columns[] = "raised_at,grade,rule,principal,suspended,domain,detail,reviewed_by,reviewed_at,review_reason,delivered_at,id,role,source,request_id";
static const char alarm_detail[] =
    "What set off a rule, and whether whoever did it was suspended by it. Each is delivered as the\n"
    "settings say, and waits here until somebody has looked at it: `alarm review`. hufu.conf(5) has the\n"
    "rules: grade, what sets each off, which setting. --csv also has role, source and request.";
static const char review_detail[] =
    "Nobody reviews an alarm about themselves, and none is reviewed twice. A suspended person or partner\n"
    "stays so: `user unfreeze`, `partner unfreeze`.";
static const char impact_detail[] =
    "A line for each value that the person was given: when, for which purpose and reason, about whom (the\n"
    "reference given at tokenization), sent by which partners. Never a value or a token: index is the entry\n"
    "of the log, which `audit proof` proves. A deleted mapping has no subject any more. A day begins at\n"
    "midnight UTC. In CSV, what a spreadsheet could take for a formula begins with '.";
static const char statement_detail[] =
    "What of the partner's values was revealed, when, to whom and for which purpose; with --sent, its\n"
    "requests and values by day and domain. On a terminal both. A subject is shown where the partner was\n"
    "the first to send the value: it is its own reference. See `report impact` for times and CSV.";
static const char indicators_detail[] =
    "Rights: people and partners that an access review has nothing to say about, as of now. Alarms by\n"
    "grade, and how many were reviewed. Refusals by code. Reveals. What was shared, by recipient. Time to\n"
    "alarm: from an alarm to its delivery. hufu(1) and the OpenAPI document define each.";
static const char values_detail[] =
    "Values are read from the terminal (not shown) or, line by line, from standard input; never from\n"
    "the command line. Standard output has one token for each line, in order; `-` where one was refused.\n"
    "With --csv the file is copied, that column replaced; after a break the same command goes on, and\n"
    "nothing is done twice. Progress is shown on a terminal, and as JSON lines on a pipe.";
static const char tokens_detail[] =
    "Tokens are read from the terminal (not shown) or, line by line, from standard input; never from\n"
    "the command line. Standard output has one value for each line, in order; `-` where one was refused.\n"
    "Every value counts against your factor's budget, and is recorded with your name, purpose and reason.";
static const char secret_detail[] =
    "It is read from the terminal (not shown) or from the first line of standard input.";
static const char plant_detail[] =
    "It is read from the terminal (not shown) or from the first line of standard input. This is for good:\n"
    "a planted token cannot be unmarked. Make one for it, which nobody has a use for.";
static const char replace_detail[] =
    "The token, then its new value, are read from the terminal (not shown) or from the first two lines\n"
    "of standard input. The token stays as it is; the characters kept in clear must not change.";
static const char password_detail[] =
    "The present password and, twice, the new one are read from the terminal (not shown); or the present\n"
    "and the new one from two lines of standard input.";
static const char once_detail[] =
    "A second security administrator approves. What the server makes anew is shown once.";
static const char enrol_key_detail[] =
    "A second security administrator approves. Then the person, and nobody else, enrols one key in a\n"
    "browser, by the ceremony's id and within ceremony.life_s, and is shown eight recovery codes once.\n"
    "A person has four keys at most; `user reset-factor` takes keys and recovery codes away.";
static const char kinds_detail[] =
    "Kinds for custodians: rotate-kek, rotate-data-key and rotate-index-key (--domain), destroy-key\n"
    "(--subject KEY-ID). For security administrators: change-role (--subject USER --role ROLE),\n"
    "reset-factor, reset-password, break-glass and enrol-key (--subject USER), freeze-lift (--subject\n"
    "users/NAME, partners/NAME or domains/NAME). The proposer is the first approval. `key` and `user` have\n"
    "commands for most.";
static const char grant_ask_detail[] =
    "An approver of another group than yours agrees; where the domain asks for two, and for any recipient\n"
    "outside, two of different groups. --tokens names the tokens, read from standard input (one from the terminal, not\n"
    "shown); without it any token of the domain will do. `detokenize --grant ID` uses it.";
static const char grant_approve_detail[] =
    "Look at it first with `grant show`. What you say narrows it: fewer values, less time, fewer tokens;\n"
    "never more. --tokens reads them, or their names in the log as shown, from standard input.";
static const char wait_detail[] =
    "On a terminal a bar shows rate and remaining time; on a pipe there is a JSON line a second with\n"
    "done, total, rate_per_s and remaining_s. Exit code 0: done; 9: failed; 10: withdrawn; 11: expired.";
static const char approve_detail[] =
    "Look at it first with `ceremony show`. With --wait, exit codes are those of `ceremony wait`. A new\n"
    "factor's secret and its QR code are shown once.";
static const char subject_detail[] =
    "REF is what was given as subject when values were tokenized. An approver agrees; then it runs by\n"
    "itself: `subject show` tells how far it is. The log has a digest in the place of REF.";
static const char subject_report_detail[] =
    "Asks first; an approver agrees; then --id reads it: for each token its domain, since when, on which\n"
    "basis, who sent it, and who saw the value, when, for which purpose and reason. No value, no token. At\n"
    "the end whom to tell after an incident. Of several reveals to one person on one day for one purpose\n"
    "the first is told. What domains in ff1 mode were sent is kept nowhere.";
static const char domain_detail[] =
    "The reply has the capacity: how many tokens of one length and the same kept characters there are,\n"
    "where these are fewest. random and one-time need --expected, at most half of it. ff1 encrypts\n"
    "(SP 800-38G) and stores nothing: its tokens have no state and cannot be revoked, and whatever stays in\n"
    "clear must be shared by 10^6 values. Nothing of a domain but its freeze can be changed later.";
static const char capacity_detail[] =
    "fill is how many mappings were ever made: a token is never issued twice. percent is the share of\n"
    "its tokens that is issued of the fullest bucket of kept characters; 50 and 80 raise an alarm. Of\n"
    "each kind of values (a length, or a country): how many originals and tokens a bucket has.";
static const char cert_detail[] =
    "Both are good, so nothing stops while a partner changes over. There are two at most: a third one\n"
    "takes the place of the older.";
static const char format_check_detail[] =
    "No server is asked. A refused file is told with line and reason. Of each format: its class, lengths,\n"
    "whether a token can be told without a key (marked), how much may stay in clear, and how many tokens\n"
    "there are where they are fewest, with nothing and with most kept. hufu-formats(5) has the language.";
static const char format_test_detail[] =
    "The value is read from the terminal (not shown) or from the first line of standard input. No server\n"
    "is asked and nothing is kept. Shown are the verdict, each viewer's mask, the room of the value's\n"
    "bucket and a token such as the vault would draw; never the value.";
static const char completion_detail[] =
    "SHELL is bash. For one shell: source <(hufu completion bash). `make install` puts it in place.";
static const char login_detail[] =
    "The password and the code are read from the terminal (not shown) or from the first two lines of\n"
    "standard input. The session is kept in a file of mode 0600. A FIDO2 key is shown to a browser, not\n"
    "here; who has lost one takes --recovery-code, which is good once and sets off an alarm.";
static const char verify_detail[] =
    "Rebuilds the log's tree from all its entries and compares it with the signed checkpoint; no part\n"
    "of it trusts the server. Exit code 8 where anything does not hold. Keep the checkpoint that --save\n"
    "stores: --since proves later that the log only grew.";

const struct cli_command cli_commands[] = {
/*    noun          verb              arg       opt.   who          run                   method  path                             member     secret                   columns, fields, summary, detail, kind, example */
    { "login",      NULL,             "USER",   false, CLI_NOBODY,  cmd_login,            NULL,   NULL,                            NULL,      NULL,                    NULL, login_fields, "open a session with password and code", login_detail, NULL, "login olga --url https://vault.example --ca ca.crt" },
    { "logout",     NULL,             NULL,     false, CLI_PERSON,  cmd_logout,           NULL,   NULL,                            NULL,      NULL,                    NULL, NULL, "end the session", NULL, NULL, "logout" },
    { "step-up",    NULL,             NULL,     false, CLI_PERSON,  cmd_call,             "POST", "/v1/sessions/current/step-up",  NULL,      "otp",                   NULL, NULL, "give a fresh code to the session", secret_detail, NULL, "step-up" },
    { "password",   NULL,             NULL,     false, CLI_PERSON,  cmd_password,         "POST", "/v1/sessions/current/password", NULL,      "password,new_password", NULL, NULL, "change your password", password_detail, NULL, "password" },
    { "whoami",     NULL,             NULL,     false, CLI_EITHER,  cmd_whoami,           "GET",  "/v1/whoami",                    NULL,      NULL,                    NULL, NULL, "who the server takes you for: your role, the domains, when session or certificate end", NULL, NULL, "whoami" },
    { "status",     NULL,             NULL,     false, CLI_NOBODY,  cmd_status,           NULL,   NULL,                            NULL,      NULL,                    NULL, NULL, "whether the server lives and is ready", NULL, NULL, "status --url https://vault.example" },
    { "tokenize",   NULL,             "DOMAIN", false, CLI_PARTNER, cmd_tokenize,         "POST", "/v1/tokenize",                  "domain",  NULL,                    NULL, tokenize_fields, "swap values for tokens", values_detail, NULL, "tokenize cards --cert acme.crt --key acme.key <values >tokens" },
    { "lookup",     NULL,             "DOMAIN", false, CLI_PARTNER, cmd_call,             "POST", "/v1/tokens/lookup",             "domain",  "value",                 NULL, NULL, "find the active token of a value", secret_detail, NULL, "lookup cards --cert acme.crt --key acme.key <value" },
    { "detokenize", NULL,             "DOMAIN", false, CLI_PERSON,  cmd_detokenize,       "POST", "/v1/detokenize",                "domain",  NULL,                    NULL, detokenize_fields, "get values back", tokens_detail, NULL, "detokenize cards --purpose chargeback --reason 'case 17' <tokens >values" },
    { "token",      "inspect",        "DOMAIN", false, CLI_EITHER,  cmd_call,             "POST", "/v1/tokens/inspect",            "domain",  "token",                 NULL, inspect_fields, "show a token's state, and its masked value to operators", secret_detail, NULL, "token inspect cards <token" },
    { "token",      "lookup",         "DOMAIN", false, CLI_PARTNER, cmd_call,             "POST", "/v1/tokens/lookup",             "domain",  "value",                 NULL, NULL, "find the active token of a value: as `hufu lookup`", secret_detail, NULL, "token lookup cards --cert acme.crt --key acme.key <value" },
    { "token",      "suspend",        "DOMAIN", false, CLI_EITHER,  cmd_call,             "POST", "/v1/tokens/suspend",            "domain",  "token",                 NULL, ending_fields, "stop a token until it is resumed", secret_detail, NULL, "token suspend cards --reason 'lost card' <token" },
    { "token",      "resume",         "DOMAIN", false, CLI_EITHER,  cmd_call,             "POST", "/v1/tokens/resume",             "domain",  "token",                 NULL, reason_fields, "make a suspended token active again", secret_detail, NULL, "token resume cards --reason 'card found' <token" },
    { "token",      "revoke",         "DOMAIN", false, CLI_EITHER,  cmd_call,             "POST", "/v1/tokens/revoke",             "domain",  "token",                 NULL, ending_fields, "end a token for good", secret_detail, NULL, "token revoke cards --reason 'account closed' <token" },
    { "token",      "delete",         "DOMAIN", false, CLI_EITHER,  cmd_call,             "POST", "/v1/tokens/delete",             "domain",  "token",                 NULL, ending_fields, "end a token and make its value irretrievable", secret_detail, NULL, "token delete cards --reason 'erasure request' --dry-run" },
    { "token",      "replace",        "DOMAIN", false, CLI_PARTNER, cmd_call,             "POST", "/v1/tokens/replace",            "domain",  "token,value",           NULL, ending_fields, "give a token a new value: a card was issued anew", replace_detail, NULL, "token replace cards --reason 'card reissued' <token-and-value" },
    { "token",      "plant",          "DOMAIN", false, CLI_PERSON,  cmd_call,             "POST", "/v1/tokens/plant",              "domain",  "token",                 NULL, reason_fields, "plant a token: who touches it from now on sets off an alarm", plant_detail, NULL, "token plant cards --reason 'case 12' <token" },
    { "grant",      "ask",            "DOMAIN", false, CLI_PERSON,  cmd_grant,            "POST", "/v1/grants",                    "domain",  NULL,                    NULL, grant_fields, "ask to be allowed to get values back", grant_ask_detail, NULL, "grant ask cards --purpose dispute --count 3 --expires-in 86400 --reason 'case 17'" },
    { "grant",      "list",           NULL,     false, CLI_PERSON,  cmd_list,             "GET",  "/v1/grants",                    NULL,      NULL,                    grant_columns, list_fields, "list grants: your own; for approvers all", NULL, NULL, "grant list --json | jq 'select(.state == \"proposed\")'" },
    { "grant",      "show",           "ID",     false, CLI_PERSON,  cmd_call,             "GET",  "/v1/grants/%",                  NULL,      NULL,                    NULL, NULL, "show one, with its digest and the names of its tokens", NULL, NULL, "grant show 01890a5d-ac96-774b-bcce-b302099a8057" },
    { "grant",      "approve",        "ID",     false, CLI_PERSON,  cmd_grant,            "POST", "/v1/grants/%/approve",          NULL,      NULL,                    NULL, grant_approve_fields, "agree to one, as it is or narrowed", grant_approve_detail, NULL, "grant approve 01890a5d-ac96-774b-bcce-b302099a8057 --count 1" },
    { "grant",      "deny",           "ID",     false, CLI_PERSON,  cmd_call,             "POST", "/v1/grants/%/deny",             NULL,      NULL,                    NULL, cancel_fields, "refuse one, or take it back, for good", NULL, NULL, "grant deny 01890a5d-ac96-774b-bcce-b302099a8057 --reason 'not needed'" },
    { "grant",      "withdraw",       "ID",     false, CLI_PERSON,  cmd_call,             "POST", "/v1/grants/%/withdraw",         NULL,      NULL,                    NULL, cancel_fields, "withdraw one of your own", NULL, NULL, "grant withdraw 01890a5d-ac96-774b-bcce-b302099a8057" },
    { "ceremony",   "propose",        "KIND",   false, CLI_PERSON,  cmd_call,             "POST", "/v1/ceremonies",                "kind",    NULL,                    NULL, propose_fields, "propose a key operation or a change of rights", kinds_detail, NULL, "ceremony propose rotate-data-key --domain cards --reason yearly" },
    { "ceremony",   "list",           NULL,     false, CLI_PERSON,  cmd_list,             "GET",  "/v1/ceremonies",                NULL,      NULL,                    ceremony_columns, list_fields, "list ceremonies", NULL, NULL, "ceremony list --json | jq 'select(.state == \"proposed\")'" },
    { "ceremony",   "show",           "ID",     false, CLI_PERSON,  cmd_call,             "GET",  "/v1/ceremonies/%",              NULL,      NULL,                    NULL, NULL, "show one, with its progress", NULL, NULL, "ceremony show 01890a5d-ac96-774b-bcce-b302099a8057" },
    { "ceremony",   "approve",        "ID",     false, CLI_PERSON,  cmd_approve,          "POST", "/v1/ceremonies/%/approve",      NULL,      NULL,                    NULL, approve_fields, "second one: agree to what another proposed", approve_detail, NULL, "ceremony approve 01890a5d-ac96-774b-bcce-b302099a8057 --wait" },
    { "ceremony",   "cancel",         "ID",     false, CLI_PERSON,  cmd_call,             "POST", "/v1/ceremonies/%/cancel",       NULL,      NULL,                    NULL, cancel_fields, "withdraw one that is not yet running", NULL, NULL, "ceremony cancel 01890a5d-ac96-774b-bcce-b302099a8057" },
    { "ceremony",   "wait",           "ID",     false, CLI_PERSON,  cmd_wait,             "GET",  "/v1/ceremonies/%",              NULL,      NULL,                    NULL, wait_fields, "wait until one has ended, with its progress", wait_detail, NULL, "ceremony wait 01890a5d-ac96-774b-bcce-b302099a8057" },
    { "key",        "list",           NULL,     false, CLI_PERSON,  cmd_list,             "GET",  "/v1/keys",                      NULL,      NULL,                    key_columns, list_fields, "list keys, their versions and states", NULL, NULL, "key list --json | jq -r .id" },
    { "key",        "rotate-kek",     NULL,     false, CLI_PERSON,  cmd_call,             "POST", "/v1/ceremonies",                NULL,      NULL,                    NULL, ending_fields, "propose a new key encryption key", kinds_detail, "rotate-kek", "key rotate-kek --reason yearly" },
    { "key",        "rotate-data",    "DOMAIN", false, CLI_PERSON,  cmd_call,             "POST", "/v1/ceremonies",                "domain",  NULL,                    NULL, ending_fields, "propose a new data key for a domain", kinds_detail, "rotate-data-key", "key rotate-data cards --reason yearly" },
    { "key",        "rotate-index",   "DOMAIN", false, CLI_PERSON,  cmd_call,             "POST", "/v1/ceremonies",                "domain",  NULL,                    NULL, ending_fields, "propose a new index key for a domain", kinds_detail, "rotate-index-key", "key rotate-index cards --reason yearly" },
    { "key",        "destroy",        "KEY-ID", false, CLI_PERSON,  cmd_call,             "POST", "/v1/ceremonies",                "subject", NULL,                    NULL, ending_fields, "propose the end of a key that nothing needs any more", kinds_detail, "destroy-key", "key destroy data-cards-1 --reason 'retired' --dry-run" },
    { "audit",      "checkpoint",     NULL,     false, CLI_EITHER,  cmd_audit_checkpoint, NULL,   NULL,                            NULL,      NULL,                    NULL, NULL, "print the newest signed checkpoint", NULL, NULL, "audit checkpoint >checkpoint" },
    { "audit",      "entries",        NULL,     false, CLI_PERSON,  cmd_audit_entries,    NULL,   NULL,                            NULL,      NULL,                    NULL, entries_fields, "print entries of the log, one a line", NULL, NULL, "audit entries --from 1000 --limit 50" },
    { "audit",      "proof",          "INDEX",  false, CLI_EITHER,  cmd_audit_proof,      NULL,   NULL,                            NULL,      NULL,                    NULL, proof_fields, "print an entry's proof of inclusion", NULL, NULL, "audit proof 57" },
    { "audit",      "verify",         NULL,     false, CLI_PERSON,  cmd_verify,           NULL,   NULL,                            NULL,      NULL,                    NULL, verify_fields, "check the whole log, receipts and growth", verify_detail, NULL, "audit verify --log-key log.pem --origin vault.example/log --save /srv/audit" },
    { "alarm",      "list",           NULL,     false, CLI_PERSON,  cmd_report,           "GET",  "/v1/alarms",                    NULL,      NULL,                    alarm_columns, report_fields, "list alarms: what was set off, by whom, who has looked at it", alarm_detail, NULL, "alarm list --from 2026-11-21 --json | jq 'select(.reviewed_at == null)'" },
    { "alarm",      "review",         "ID",     false, CLI_PERSON,  cmd_call,             "POST", "/v1/alarms/%/review",           NULL,      NULL,                    NULL, ending_fields, "say that you have looked at an alarm", review_detail, NULL, "alarm review 01890a5d-ac96-774b-bcce-b302099a8057 --reason 'talked to her: a test'" },
    { "recipient",  "list",           NULL,     false, CLI_PERSON,  cmd_list,             "GET",  "/v1/recipients",                NULL,      NULL,                    recipient_columns, list_fields, "list who outside may be given values, and on which papers", NULL, NULL, "recipient list" },
    { "recipient",  "add",            "NAME",   false, CLI_PERSON,  cmd_recipient,        "POST", "/v1/recipients",                "name",    NULL,                    NULL, recipient_fields, "enrol a recipient with its assessment", recipient_detail, NULL, "recipient add court --kind public --assessment A-17 --assessment-until 2027-12-31 --legal-basis 'order 12/2026'" },
    { "recipient",  "assess",         "NAME",   false, CLI_PERSON,  cmd_recipient,        "POST", "/v1/recipients/%/assessment",   NULL,      NULL,                    NULL, assess_fields, "renew a recipient's assessment, checks, contract or certificate", assess_detail, NULL, "recipient assess court --assessment A-18 --assessment-until 2028-12-31" },
    { "recipient",  "freeze",         "NAME",   false, CLI_PERSON,  cmd_call,             "POST", "/v1/recipients/%/freeze",       NULL,      NULL,                    NULL, ending_fields, "let nothing leave for a recipient any more", NULL, NULL, "recipient freeze court --reason 'incident 12'" },
    { "recipient",  "unfreeze",       "NAME",   false, CLI_PERSON,  cmd_call,             "POST", "/v1/recipients/%/unfreeze",     NULL,      NULL,                    NULL, reason_fields, "let it be given values again", NULL, NULL, "recipient unfreeze court --reason 'incident 12 is over'" },
    { "share",      "report",         NULL,     false, CLI_PERSON,  cmd_report,           "GET",  "/v1/shares",                    NULL,      NULL,                    share_columns, report_fields, "print the sharing register", share_detail, NULL, "share report --from 2026-11-01 --to 2026-12-01 --csv >shares.csv" },
    { "export",     "begin",          "DOMAIN", false, CLI_PERSON,  cmd_export_begin,     "POST", "/v1/exports",                   "domain",  NULL,                    NULL, export_fields, "begin a file of values that only a recipient can open", export_detail, NULL, "export begin cards --grant 01890a5d-ac96-774b-bcce-b302099a8057 --purpose dispute --reason 'case 17' <tokens" },
    { "export",     "list",           NULL,     false, CLI_PERSON,  cmd_list,             "GET",  "/v1/exports",                   NULL,      NULL,                    export_columns, list_fields, "list exports: your own; for auditors all", NULL, NULL, "export list" },
    { "export",     "show",           "ID",     false, CLI_PERSON,  cmd_call,             "GET",  "/v1/exports/%",                 NULL,      NULL,                    NULL, NULL, "show how far one is, or how it ended", NULL, NULL, "export show 01890a5d-ac96-774b-bcce-b302099a8057" },
    { "export",     "fetch",          "ID",     false, CLI_PERSON,  cmd_export_fetch,     "GET",  "/v1/exports/%",                 NULL,      NULL,                    NULL, fetch_fields, "get the file of one that is done", fetch_detail, NULL, "export fetch 01890a5d-ac96-774b-bcce-b302099a8057 --out cards.cms" },
    { "report",     "impact",         "USER",   false, CLI_PERSON,  cmd_report,           "GET",  "/v1/reports/impact?user=%",     NULL,      NULL,                    impact_columns, report_fields, "list what a person saw: whose values, for which purposes", impact_detail, NULL, "report impact olga --from 2026-11-01 --to 2026-12-01 --csv >olga.csv" },
    { "report",     "partner",        "NAME",   false, CLI_PERSON,  cmd_report,           "GET",  "/v1/reports/partners/%",        NULL,      NULL,                    statement_columns, statement_fields, "list what of a partner's values was revealed, and what it sent", statement_detail, NULL, "report partner acme --from 2026-11-01 --sent" },
    { "report",     "indicators",     NULL,     false, CLI_PERSON,  cmd_report_indicators, "GET", "/v1/reports/indicators",        NULL,      NULL,                    NULL, report_fields, "show how rights, reviews and alarms are kept, in numbers", indicators_detail, NULL, "report indicators --from 2026-11-01 --to 2026-12-01" },
    { "access",     "review",         NULL,     false, CLI_PERSON,  cmd_access_review,    "GET",  "/v1/access-review",             NULL,      NULL,                    access_columns, access_fields, "list who may what, when they last did, and what should go", access_detail, NULL, "access review --csv >review.csv" },
    { "subject",    "report",         "REF",    true,  CLI_PERSON,  cmd_subject_report,   "POST", "/v1/subjects",                  "subject", NULL,                    NULL, subject_report_fields, "ask what is kept of a person, or read the report", subject_report_detail, "report", "subject report customer-17 --reason 'letter of 3 May'" },
    { "subject",    "restrict",       "REF",    false, CLI_PERSON,  cmd_call,             "POST", "/v1/subjects",                  "subject", NULL,                    NULL, ending_fields, "ask to suspend all tokens of a person", subject_detail, "restrict", "subject restrict customer-17 --reason 'letter of 3 May'" },
    { "subject",    "lift",           "REF",    false, CLI_PERSON,  cmd_call,             "POST", "/v1/subjects",                  "subject", NULL,                    NULL, ending_fields, "ask to make those active again that a restriction suspended", subject_detail, "lift-restriction", "subject lift customer-17 --reason 'objection withdrawn'" },
    { "subject",    "erase",          "REF",    false, CLI_PERSON,  cmd_call,             "POST", "/v1/subjects",                  "subject", NULL,                    NULL, ending_fields, "ask to delete all tokens of a person", subject_detail, "erase", "subject erase customer-17 --reason 'letter of 3 May'" },
    { "subject",    "hold",           "REF",    false, CLI_PERSON,  cmd_call,             "POST", "/v1/subjects",                  "subject", NULL,                    NULL, ending_fields, "ask for a legal hold: nothing of a person is deleted or replaced", subject_detail, "hold", "subject hold customer-17 --reason 'court order 7'" },
    { "subject",    "release",        "REF",    false, CLI_PERSON,  cmd_call,             "POST", "/v1/subjects",                  "subject", NULL,                    NULL, ending_fields, "ask for the end of a legal hold", subject_detail, "release", "subject release customer-17 --reason 'court order 8'" },
    { "subject",    "list",           NULL,     false, CLI_PERSON,  cmd_list,             "GET",  "/v1/subjects",                  NULL,      NULL,                    subject_columns, list_fields, "list what was asked about persons", NULL, NULL, "subject list" },
    { "subject",    "show",           "ID",     false, CLI_PERSON,  cmd_call,             "GET",  "/v1/subjects/%",                NULL,      NULL,                    NULL, NULL, "show one, with its progress", NULL, NULL, "subject show 01890a5d-ac96-774b-bcce-b302099a8057" },
    { "subject",    "approve",        "ID",     false, CLI_PERSON,  cmd_call,             "POST", "/v1/subjects/%/approve",        NULL,      NULL,                    NULL, cancel_fields, "agree to what an administrator asked about a person", NULL, NULL, "subject approve 01890a5d-ac96-774b-bcce-b302099a8057" },
    { "subject",    "deny",           "ID",     false, CLI_PERSON,  cmd_call,             "POST", "/v1/subjects/%/deny",           NULL,      NULL,                    NULL, cancel_fields, "refuse it", NULL, NULL, "subject deny 01890a5d-ac96-774b-bcce-b302099a8057" },
    { "domain",     "list",           NULL,     false, CLI_PERSON,  cmd_list,             "GET",  "/v1/domains",                   NULL,      NULL,                    domain_columns, list_fields, "list domains, their modes and capacities", NULL, NULL, "domain list" },
    { "domain",     "capacity",       "NAME",   false, CLI_PERSON,  cmd_call,             "GET",  "/v1/domains/%/capacity",        NULL,      NULL,                    NULL, NULL, "show what a domain can hold, and how much of it is taken", capacity_detail, NULL, "domain capacity cards" },
    { "domain",     "add",            "NAME",   false, CLI_PERSON,  cmd_domain_add,       "POST", "/v1/domains",                   "name",    NULL,                    NULL, domain_fields, "make a domain", domain_detail, NULL, "domain add cards --format pan --mode deterministic --partners acme --purposes chargeback --keep 6,4" },
    { "domain",     "freeze",         "NAME",   false, CLI_PERSON,  cmd_call,             "POST", "/v1/domains/%/freeze",          NULL,      NULL,                    NULL, ending_fields, "stop a domain's collecting at once", NULL, NULL, "domain freeze cards --reason 'incident 12'" },
    { "domain",     "unfreeze",       "NAME",   false, CLI_PERSON,  cmd_call,             "POST", "/v1/domains/%/unfreeze",        NULL,      NULL,                    NULL, reason_fields, "let it collect again", NULL, NULL, "domain unfreeze cards --reason 'incident 12 is over'" },
    { "partner",    "list",           NULL,     false, CLI_PERSON,  cmd_list,             "GET",  "/v1/partners",                  NULL,      NULL,                    partner_columns, list_fields, "list partners", NULL, NULL, "partner list" },
    { "partner",    "add",            "NAME",   false, CLI_PERSON,  cmd_partner_add,      "POST", "/v1/partners",                  "name",    NULL,                    NULL, partner_fields, "enrol a partner with its certificate", NULL, NULL, "partner add acme --cert-file acme.crt --formats pan --domains cards" },
    { "partner",    "qualify",        "NAME",   false, CLI_PERSON,  cmd_partner_add,      "POST", "/v1/partners/%/qualification",  NULL,      NULL,                    NULL, qualify_fields, "record a partner's new qualification", "An expired one stops the partner from sending values; its tokens stay.", NULL, "partner qualify acme --qualification Q-2027 --valid-until 2027-12-31" },
    { "partner",    "cert",           "NAME",   false, CLI_PERSON,  cmd_call,             "POST", "/v1/partners/%/certs",          NULL,      NULL,                    NULL, cert_fields, "give a partner a further certificate", cert_detail, NULL, "partner cert acme --cert-file acme-2027.crt" },
    { "partner",    "freeze",         "NAME",   false, CLI_PERSON,  cmd_call,             "POST", "/v1/partners/%/freeze",         NULL,      NULL,                    NULL, ending_fields, "shut a partner out at once", NULL, NULL, "partner freeze acme --reason 'incident 12'" },
    { "partner",    "unfreeze",       "NAME",   false, CLI_PERSON,  cmd_call,             "POST", "/v1/partners/%/unfreeze",       NULL,      NULL,                    NULL, reason_fields, "let it in again", NULL, NULL, "partner unfreeze acme --reason 'incident 12 is over'" },
    { "user",       "list",           NULL,     false, CLI_PERSON,  cmd_list,             "GET",  "/v1/users",                     NULL,      NULL,                    user_columns, list_fields, "list people and their roles", NULL, NULL, "user list --json | jq -r 'select(.state == \"frozen\") | .name'" },
    { "user",       "add",            "NAME",   false, CLI_PERSON,  cmd_call,             "POST", "/v1/users",                     "name",    NULL,                    NULL, user_fields, "enrol a person", user_add_detail, NULL, "user add olga --role operator" },
    { "user",       "leave",          "NAME",   false, CLI_PERSON,  cmd_call,             "POST", "/v1/users/%/leave",             NULL,      NULL,                    NULL, ending_fields, "end a person's account for good: they leave", leave_detail, NULL, "user leave olga --reason 'leaves the company'" },
    { "user",       "break-glass",    "NAME",   false, CLI_PERSON,  cmd_call,             "POST", "/v1/ceremonies",                "subject", NULL,                    NULL, ending_fields, "propose to open a sealed account", glass_detail, "break-glass", "user break-glass glass --reason 'incident 12'" },
    { "user",       "change-role",    "NAME",   false, CLI_PERSON,  cmd_call,             "POST", "/v1/ceremonies",                "subject", NULL,                    NULL, role_fields, "propose another role for a person", once_detail, "change-role", "user change-role omar --role auditor --reason 'moves to audit'" },
    { "user",       "reset-factor",   "NAME",   false, CLI_PERSON,  cmd_call,             "POST", "/v1/ceremonies",                "subject", NULL,                    NULL, ending_fields, "propose a new second factor: the phone is lost", once_detail, "reset-factor", "user reset-factor olga --reason 'phone lost'" },
    { "user",       "enrol-key",      "NAME",   false, CLI_PERSON,  cmd_call,             "POST", "/v1/ceremonies",                "subject", NULL,                    NULL, ending_fields, "propose that a person may enrol a FIDO2 key", enrol_key_detail, "enrol-key", "user enrol-key olga --reason 'asked for in person'" },
    { "user",       "reset-password", "NAME",   false, CLI_PERSON,  cmd_call,             "POST", "/v1/ceremonies",                "subject", NULL,                    NULL, ending_fields, "propose a new first password", once_detail, "reset-password", "user reset-password olga --reason 'forgotten'" },
    { "user",       "freeze",         "NAME",   false, CLI_PERSON,  cmd_call,             "POST", "/v1/users/%/freeze",            NULL,      NULL,                    NULL, ending_fields, "shut a person out at once", NULL, NULL, "user freeze olga --reason 'left the company'" },
    { "user",       "unfreeze",       "NAME",   false, CLI_PERSON,  cmd_call,             "POST", "/v1/users/%/unfreeze",          NULL,      NULL,                    NULL, reason_fields, "let a person in again", "For privileged people a ceremony is opened instead, which a second security administrator approves.", NULL, "user unfreeze olga --reason 'is back'" },
    { "format",     "check",          "FILE",   false, CLI_NOBODY,  cmd_format_check,     NULL,   NULL,                            NULL,      NULL,                    NULL, NULL, "judge a file of formats", format_check_detail, NULL, "format check /etc/hufu/formats.conf" },
    { "format",     "test",           "NAME",   false, CLI_NOBODY,  cmd_format_test,      NULL,   NULL,                            NULL,      NULL,                    NULL, format_test_fields, "try a value against a format", format_test_detail, NULL, "format test pan --file formats.conf --keep 6,4 <value" },
    { "completion", NULL,             "SHELL",  false, CLI_NOBODY,  cmd_completion,       NULL,   NULL,                            NULL,      NULL,                    NULL, NULL, "print the completion script of a shell", completion_detail, NULL, "completion bash" },
};
/* clang-format on */

const size_t cli_commands_count = sizeof(cli_commands) / sizeof(cli_commands[0]);
