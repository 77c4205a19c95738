"""What the matrix expects, said a second time: who may what, and which refusal wins.

Written from the contract (sections 1 to 3) and the controls, not from the product's sources. The
product's own tables (verb_table.c) are held against CALLS; what an answer must be is foretold by
Case and Who alone.
"""

import json
import os
import subprocess

import lib

ROLES = ("partner", "operator", "approver", "custodian", "security_admin", "auditor", "sre")
PEOPLE = ROLES[1:]

# One line a call: verb; method and path; who may (* anyone, + every partner and person, = every
# person); the factor: - none, s a session, f a fresh second factor; status of success.
# Two factors of different kinds stand before detokenize and before changes of keys, rights and
# states of tokens by people (C21); the contract says "propose and approve need a fresh factor".
CALLS = """
tokenize           POST   /v1/tokenize                  partner                          - 200
lookup             POST   /v1/tokens/lookup             partner                          - 200
inspect            POST   /v1/tokens/inspect            partner,operator,auditor         s 200
suspend            POST   /v1/tokens/suspend            partner,security_admin           f 200
resume             POST   /v1/tokens/resume             partner,security_admin           f 200
revoke             POST   /v1/tokens/revoke             partner,security_admin           f 200
delete             POST   /v1/tokens/delete             partner,security_admin           f 200
replace            POST   /v1/tokens/replace            partner                          - 200
token-plant        POST   /v1/tokens/plant              security_admin                   f 200
login              POST   /v1/sessions                  *                                - 201
logout             DELETE /v1/sessions/current          =                                s 204
step-up            POST   /v1/sessions/current/step-up  =                                s 204
password-change    POST   /v1/sessions/current/password =                                f 204
whoami             GET    /v1/whoami                    +                                s 200
detokenize         POST   /v1/detokenize                operator                         f 200
grant-ask          POST   /v1/grants                    operator                         s 201
grant-list         GET    /v1/grants                    operator,approver                s 200
grant-show         GET    /v1/grants/{id}               operator,approver                s 200
grant-approve      POST   /v1/grants/{id}/approve       approver                         f 200
grant-deny         POST   /v1/grants/{id}/deny          approver                         s 200
grant-withdraw     POST   /v1/grants/{id}/withdraw      operator                         s 200
ceremony-propose   POST   /v1/ceremonies                custodian,security_admin         f 201
ceremony-list      GET    /v1/ceremonies                custodian,security_admin,auditor s 200
ceremony-show      GET    /v1/ceremonies/{id}           custodian,security_admin,auditor s 200
ceremony-approve   POST   /v1/ceremonies/{id}/approve   custodian,security_admin         f 200
ceremony-cancel    POST   /v1/ceremonies/{id}/cancel    custodian,security_admin         s 200
key-list           GET    /v1/keys                      custodian,auditor                s 200
domain-add         POST   /v1/domains                   security_admin                   f 201
domain-list        GET    /v1/domains                   security_admin,auditor           s 200
domain-capacity    GET    /v1/domains/{name}/capacity   security_admin,auditor,sre       s 200
partner-add        POST   /v1/partners                  security_admin                   f 201
partner-list       GET    /v1/partners                  security_admin,auditor           s 200
partner-cert-add   POST   /v1/partners/{name}/certs     security_admin                   f 200
partner-qualify    POST   /v1/partners/{name}/qualification security_admin               f 200
user-add           POST   /v1/users                     security_admin                   f 201
user-list          GET    /v1/users                     security_admin,auditor           s 200
domain-freeze      POST   /v1/domains/{name}/freeze     security_admin                   f 200
domain-unfreeze    POST   /v1/domains/{name}/unfreeze   security_admin                   f 200
partner-freeze     POST   /v1/partners/{name}/freeze    security_admin                   f 200
partner-unfreeze   POST   /v1/partners/{name}/unfreeze  security_admin                   f 200
user-freeze        POST   /v1/users/{name}/freeze       security_admin                   f 200
user-unfreeze      POST   /v1/users/{name}/unfreeze     security_admin                   f 200
checkpoint         GET    /v1/audit/checkpoint          +                                s 200
proof              GET    /v1/audit/proof               +                                s 200
consistency        GET    /v1/audit/consistency         +                                s 200
entries            GET    /v1/audit/entries             auditor                          s 200
recipient-add      POST   /v1/recipients                security_admin                   f 201
recipient-list     GET    /v1/recipients     operator,approver,security_admin,auditor s 200
recipient-assess   POST   /v1/recipients/{name}/assessment security_admin                f 200
recipient-freeze   POST   /v1/recipients/{name}/freeze  security_admin                   f 200
recipient-unfreeze POST   /v1/recipients/{name}/unfreeze security_admin                  f 200
share-list         GET    /v1/shares                    security_admin,auditor           s 200
alarm-list         GET    /v1/alarms                    security_admin,auditor,sre       s 200
alarm-review       POST   /v1/alarms/{id}/review        security_admin,auditor           s 200
access-review      GET    /v1/access-review             security_admin,auditor           s 200
user-leave         POST   /v1/users/{name}/leave        security_admin                   f 200
report-impact      GET    /v1/reports/impact            security_admin,auditor           s 200
report-partner     GET    /v1/reports/partners/{name}   security_admin,auditor           s 200
report-indicators  GET    /v1/reports/indicators        security_admin,auditor,sre       s 200
subject-ask        POST   /v1/subjects                  security_admin                   f 201
subject-list       GET    /v1/subjects                  approver,security_admin,auditor  s 200
subject-show       GET    /v1/subjects/{id}             approver,security_admin,auditor  s 200
subject-approve    POST   /v1/subjects/{id}/approve     approver                         f 200
subject-deny       POST   /v1/subjects/{id}/deny        approver                         s 200
subject-report     GET    /v1/subjects/{id}/report      security_admin                   f 200
export-begin       POST   /v1/exports                   operator                         f 201
export-list        GET    /v1/exports                   operator,auditor                 s 200
export-show        GET    /v1/exports/{id}              operator,auditor                 s 200
export-file        GET    /v1/exports/{id}/file         operator                         s 200
challenge          POST   /v1/sessions/challenge        *                                - 200
step-up-challenge  POST   /v1/sessions/current/challenge =                               s 200
key-challenge      POST   /v1/ceremonies/{id}/key-challenge =                            s 200
key-enrol          POST   /v1/ceremonies/{id}/key       =                                f 201
status             GET    /readyz                       *                                - 200
metrics            GET    /metrics                      *                                - 200
"""
PROBES = {"status", "metrics"}  # these need nothing, sealed or not
INSIDE = {"peer-check"}  # between front and core; no call leads to it

# Calls the contract has and this version does not: after everything that admits, 404.
ABSENT = set()
# No grant of the matrix is for somebody outside: sharing.py begins exports.
UNGRANTED = {"export-begin"}

# Ceremonies: kind -> the role that proposes, seconds and cancels it, and what it is about.
KINDS = {"rotate-kek": ("custodian", "vault"), "rotate-data-key": ("custodian", "domain"),
         "rotate-index-key": ("custodian", "domain"), "destroy-key": ("custodian", "key"),
         "change-role": ("security_admin", "person"), "reset-factor": ("security_admin", "person"),
         "reset-password": ("security_admin", "person"), "enrol-key": ("security_admin", "person"),
         "break-glass": ("security_admin", "sealed"), "freeze-lift": ("security_admin", "frozen")}
# People who come in, or come back, only when two administrators agree (C40).
PRIVILEGED = ("approver", "custodian", "security_admin", "auditor")

COLLECTS = {"tokenize", "replace"}  # what a frozen or unqualified partner may not (C01, C06)
WORDS = {"*": ["anyone"], "+": list(ROLES), "=": list(PEOPLE)}
FACTORS = {"-": "none", "s": "session", "f": "fresh"}


class Rule:
    """A line of CALLS, and the members that the product's table gives the verb."""

    def __init__(self, line):
        self.verb, self.method, self.path, who, factor, success = line.split()
        self.roles = WORDS.get(who) or who.split(",")
        self.factor = FACTORS[factor]
        self.success = int(success)
        self.fields = []

    def may(self, role):
        return "anyone" in self.roles or role in self.roles

    def has_body(self):
        return self.method == "POST"

    def in_path(self, field):
        return "{%s}" % field["name"] in self.path

    def members(self):
        """What stands in the body or the query."""
        return [f for f in self.fields if not self.in_path(f)]


def contract():
    return {r.verb: r for r in (Rule(line) for line in CALLS.strip().splitlines())}


def product_table():
    """Verb -> what the product's tables say of it."""
    tool = os.path.join(lib.BUILD, "tests", "integration", "verb_table")
    done = subprocess.run([tool], capture_output=True, timeout=60, check=True)
    return {row["verb"]: row for row in json.loads(done.stdout)}


class Who:
    """A caller, as far as the answer may depend on it."""

    def __init__(self, name, role=None, session=None, client=None, **facts):
        self.name = name  # for the report of a cell
        self.role = role  # None: nobody, or a credential that does not count
        self.session = session
        self.client = client  # of a partner: its connection
        self.is_dead = facts.get("is_dead", False)  # a credential that is none any more
        self.both = facts.get("both", False)  # certificate and session together
        self.fresh = facts.get("fresh", True)
        self.collects = facts.get("collects", True)  # not frozen, still qualified

    def is_person(self):
        return self.role in PEOPLE


class Case:
    """What is asked, as far as the answer may depend on it. Each: None where nothing is wrong."""

    def __init__(self, framing=None, body_bad=False, domain_bad=False, form=None, target=None,
                 success=None):
        self.framing = framing  # (status, code)
        self.body_bad = body_bad
        self.domain_bad = domain_bad  # unknown, not the caller's, or not to be collected into
        self.form = form  # code of a 422
        self.target = target  # (status, code): the state of what is named
        self.success = success  # where it differs from the call's


def foretell(rule, who, case):
    """(status, code) by section 2: "which refusal wins, in this order"."""
    if case.framing:
        return case.framing
    if who.both:
        return 400, "bad_request"
    if rule.verb in PROBES:
        return rule.success, "ok"
    if who.is_dead or (who.role is None and "anyone" not in rule.roles):
        return 401, "unauthenticated"
    if not rule.may(who.role):
        return 403, "forbidden"
    if who.role == "partner" and rule.verb in COLLECTS and not who.collects:
        return 403, "forbidden"
    if case.body_bad:
        return 400, "bad_request"
    if who.is_person() and rule.factor == "fresh" and not who.fresh:
        return 401, "step_up_required"
    if rule.verb in ABSENT:
        return 404, "not_found"
    if case.domain_bad:
        return 403, "forbidden"
    if case.form:
        return 422, case.form
    if case.target:
        return case.target
    if rule.verb in UNGRANTED:
        return 403, "grant_required"
    return case.success or rule.success, "ok"
