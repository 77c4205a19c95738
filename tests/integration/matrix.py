#!/usr/bin/env python3
"""C41: every verb x role x domain x state of the caller, each answered as the contract foretells.

The table of verbs comes from the product (verb_table.c) and is first held against a second
statement of it (matrix_rules.py), which also foretells every answer. matrix_world.py has the
callers and their targets. One vault, started three times: with short sessions, with the usual
settings, and with factors and idle times so short that what the second start made is stale.
"""

import time

import lib
import values as val
from client import DROPPED, Client, HTTPException, Partner, Person
from contract_tokenize import unknown_token
from lib import check, equal
from matrix_rules import COLLECTS, INSIDE, KINDS, PEOPLE, PRIVILEGED, PROBES, Case, Who
from matrix_rules import contract, foretell, product_table
from matrix_world import DEV_USER, REASON, SHORT_S, World, like, plain

CELLS_MIN = 1000
NAMED = ("inspect", "suspend", "resume", "revoke", "delete", "replace", "detokenize",
         "token-plant")
CHANGES = ("suspend", "resume", "revoke", "delete")
W = {}  # the world, once it is built


def test_C41_table_is_the_contract(v):
    """Verbs, calls, roles and factors of the product, and nothing beside them."""
    table, rules = product_table(), contract()
    equal(sorted(table), sorted(set(rules) | INSIDE), "verbs")
    for verb in INSIDE:
        equal(table[verb]["routes"], [], "calls that lead to " + verb)
    for verb, rule in rules.items():
        row = table[verb]
        equal(row["routes"], [[rule.method, rule.path]], "calls of " + verb)
        equal(row["roles"], rule.roles, "roles of " + verb)
        equal(row["factor"], rule.factor, "factor of " + verb)
        equal(row["sealed_ok"], verb in PROBES, "%s while sealed" % verb)
        for field in row["fields"]:
            if rule.in_path(field):
                check(field["must"], "%s of %s is in the path" % (field["name"], verb))


def test_C41_callers(v):
    """Log-ins of every role; sessions that will expire first."""
    v.start(options=["auth.session_s=%d" % SHORT_S])
    w = W["w"] = World(v)
    w.short_lived()
    v.stop()
    v.start()
    w.long_lived()
    w.build()


def success_of(w, rule, who):
    """(request, case, what) of one call that this caller may make; its target is harmless."""
    verb, case, what = rule.verb, Case(), "what it may"
    sent = w.sample(verb, who)
    owner = who.client or w.acme
    if verb in CHANGES:
        token = owner.token(w.shared, val.pan())
        if verb == "resume":
            owner.change("suspend", w.shared, token).expect(200)
        sent["body"]["token"] = token
    elif verb == "replace":
        value = val.pan()
        sent["body"]["token"] = owner.token(w.shared, value)
        sent["body"]["value"] = like(value)
    elif verb == "lookup":
        sent["body"]["value"] = val.pan()
        owner.token(w.shared, sent["body"]["value"])
    elif verb in ("login", "step-up"):
        case, what = Case(target=(401, "unauthenticated")), "with a wrong code"
    elif verb.startswith("key-") and verb != "key-list":
        case, what = Case(target=(404, "not_found")), "by nobody's ceremony"
        if who.role != "security_admin":  # nobody proposes a key of one's own
            sent["args"]["id"] = w.allow_key(DEV_USER[who.role])
            case = Case(target=(401, "unauthenticated")) if verb == "key-enrol" else Case()
    elif verb == "password-change":
        case, what = Case(target=(401, "unauthenticated")), "with a wrong password"
    elif verb == "partner-add":
        _, pem = w.certificate(w.name("c"))
        sent["body"]["cert_pem"] = pem
    elif verb == "partner-cert-add":
        name = w.add_partner("two").name
        _, pem = w.certificate(w.name("c"))
        sent = {"args": {"name": name}, "body": {"cert_pem": pem}}
    elif verb == "partner-qualify":
        sent["args"]["name"] = w.spare["partner"]
    elif verb.startswith("grant-") and verb not in ("grant-ask", "grant-list"):
        sent["args"]["id"] = w.ask_grant()
    elif verb == "alarm-review":
        sent["args"]["id"] = w.an_alarm()
        if w.reviewed:
            case, what = Case(target=(409, "conflict")), "for the second time"
        w.reviewed = True
    elif verb.startswith("subject-") and verb not in ("subject-ask", "subject-list"):
        sent["args"]["id"] = w.ask_about(approved=verb == "subject-report")
    elif verb.startswith("ceremony-") and verb != "ceremony-list":
        if who.role == "security_admin":
            case, what = Case(target=(403, "forbidden")), "of the custodians"
        elif verb == "ceremony-approve":
            case, what = Case(target=(409, "already_approved")), "of one's own"
    elif verb == "user-leave":
        sent["args"]["name"] = w.name("l")
        new = {"name": sent["args"]["name"], "role": "operator"}
        w.boss.post("/v1/users", new).expect(201)
    elif verb in ("export-show", "export-file"):
        case, what = Case(target=(404, "not_found")), "of nobody's export"
    elif "freeze" in verb:
        kind = verb.split("-")[0]
        sent["args"]["name"] = w.spare_user["sre"] if kind == "user" else w.spare[kind]
    return sent, case, what


def test_C41_roles_and_verbs(v):
    """Every role at every verb: what it may succeeds, all else is refused."""
    w = W["w"]
    w.spare = {"partner": w.add_partner("spare").name, "domain": w.add_domain("spare", ["zeta"]),
               "recipient": w.add_recipient()}
    both = Who("certificate and session together", "partner", w.boss.session,
               Partner(v), both=True)
    callers = w.active() + [w.partners["active"]]
    for rule in w.rules.values():
        for who in callers + w.nobody() + [both]:
            if rule.verb == "logout" and who.is_person():
                who = w.people[who.role, "gone"]
            if rule.verb in PROBES or who.is_dead or who.both or not rule.may(who.role):
                case, sent, what = Case(), w.sample(rule.verb), "as it is"
                if rule.verb == "login" and who.role is None:
                    case = Case(target=(401, "unauthenticated"))
            else:
                sent, case, what = success_of(w, rule, who)
            reply = w.cell(rule, who, sent, foretell(rule, who, case), what)
            if rule.verb == "ceremony-propose" and reply.status == 201:
                w.ceremony["kek"] = reply.json()["id"]
    w.case = w.ask_about(approved=False)  # for the time when factors are stale
    for role in PEOPLE:
        w.people[role, "gone"].is_dead = True
    w.verdict()


def test_C41_privileged_people_take_two(v):
    w = W["w"]
    rule, boss = w.rules["user-add"], w.people["security_admin", "active"]
    for role in PRIVILEGED:
        sent = w.sample("user-add", role=role)
        reply = w.cell(rule, boss, sent, foretell(rule, boss, Case(success=202)), role)
        path = {"args": {"id": reply.json()["id"]}, "body": {}}
        for verb, who, case in (
                ("ceremony-show", "custodian", Case(target=(403, "forbidden"))),
                ("ceremony-show", "security_admin", Case()), ("ceremony-show", "auditor", Case()),
                ("ceremony-approve", "custodian", Case(target=(403, "forbidden"))),
                ("ceremony-approve", "security_admin", Case(target=(409, "already_approved"))),
                ("ceremony-cancel", "custodian", Case(target=(403, "forbidden"))),
                ("ceremony-cancel", "security_admin", Case()),
                ("ceremony-cancel", "security_admin", Case(target=(409, "conflict")))):
            caller = w.people[who, "active"]
            w.cell(w.rules[verb], caller, path, foretell(w.rules[verb], caller, case),
                   "of a new " + role)
    for verb in ("ceremony-show", "ceremony-approve", "ceremony-cancel"):
        for role in ("custodian", "security_admin"):
            who = w.people[role, "active"]
            for number in ("00000000-0000-7000-8000-000000000001", "no-id-at-all"):
                want = foretell(w.rules[verb], who, Case(target=(404, "not_found")))
                w.cell(w.rules[verb], who, {"args": {"id": number}, "body": {}}, want, number)
    w.verdict()


def kind_body(w, kind):
    about = KINDS[kind][1]
    more = {"domain": {"domain": w.spare["domain"]}, "key": {"subject": "no-such-key"},
            "person": {"subject": w.spare_user["sre"]},
            "sealed": {"subject": w.sealed_user},
            "frozen": {"subject": "partners/" + w.frozen_partner}}.get(about, {})
    if kind == "change-role":
        more["role"] = "operator"
    return {"kind": kind, "reason": REASON, **more}


def test_C41_kinds_of_ceremonies(v):
    """Keys are the custodians', people the administrators'; neither begins or ends the other's."""
    w = W["w"]
    rule, cancel = w.rules["ceremony-propose"], w.rules["ceremony-cancel"]
    for kind, (role, about) in KINDS.items():
        for who in w.active() + [w.partners["active"]] + w.nobody():
            case = Case(target=None if who.role == role else (403, "forbidden"))
            if about == "key" and who.role == role:
                continue  # it takes a key that nothing needs any more
            sent = {"body": kind_body(w, kind)}
            reply = w.cell(rule, who, sent, foretell(rule, who, case), kind)
            if reply.status != 201:
                continue
            path = {"args": {"id": reply.json()["id"]}, "body": {}}
            for other in w.active():
                if other.role != role:
                    case = Case(target=(403, "forbidden"))
                    w.cell(cancel, other, path, foretell(cancel, other, case), kind)
            w.cell(cancel, who, path, foretell(cancel, who, Case()), kind)
    w.verdict()


def test_C41_bad_bodies(v):
    """The role before the body: who may not learns nothing of what a body must hold."""
    w = W["w"]
    callers = w.active() + [w.partners["active"], w.partners["frozen"], w.partners["late"]]
    callers += w.nobody()
    for rule in w.rules.values():
        if rule.verb in PROBES:
            continue
        ways = w.bad_bodies(rule)
        for who in callers:
            few = who.is_dead or not rule.may(who.role)
            for what, sent in ways[:3] if few else ways:
                w.cell(rule, who, sent, foretell(rule, who, Case(body_bad=True)), what)
    w.verdict()


def test_C41_framing_comes_first(v):
    w = W["w"]
    for rule in w.rules.values():
        if not rule.has_body():
            continue
        limit = 1048576 if rule.verb in ("tokenize", "detokenize") else 65536
        for who in (w.nobody()[0], w.people["sre", "active"], w.partners["active"]):
            sent = w.sample(rule.verb)
            sent["headers"] = {"Content-Type": "text/plain"}
            case = Case(framing=(415, "unsupported_media_type"))
            w.cell(rule, who, {**sent, "body": {"bogus": 1}}, foretell(rule, who, case), "type")
            if who.role == "sre":
                continue
            sent = {**w.sample(rule.verb), "headers": {"Content-Length": str(limit + 1)}}
            case = Case(framing=(413, "too_large"))
            w.cell(rule, who, sent, foretell(rule, who, case), "a byte more than the limit")
    w.verdict()


def test_C41_bad_certificates(v):
    """401 on every route, or no handshake at all."""
    w = W["w"]
    for kind, cert in v.dev["bad_certs"].items():
        for rule in w.rules.values():
            who = Who(kind, client=Client(v, cert), is_dead=True)
            try:
                w.cell(rule, who, w.sample(rule.verb), (401, "unauthenticated"), "certificate")
            except DROPPED + (OSError, HTTPException):
                continue  # an alert: no answer, and the cell is counted
    w.verdict()


def test_C41_dead_sessions(v):
    """Frozen, frozen and unfrozen, logged out: a session that is over is nobody's."""
    w = W["w"]
    w.freeze_people()
    dead_cells(w, "frozen")
    w.thaw_people()
    dead_cells(w, "frozen")
    dead_cells(w, "gone")
    w.verdict()


def dead_cells(w, state):
    for role in PEOPLE:
        who = w.people[role, state]
        for rule in w.rules.values():
            w.cell(rule, who, w.sample(rule.verb), foretell(rule, who, Case()), "as it is")


def callers_of(w, rule):
    """One active caller of each role that may."""
    found = [w.people[role, "active"] for role in PEOPLE if rule.may(role)]
    return found + [w.partners["active"]] * rule.may("partner")


def with_domain(w):
    return [r for r in w.rules.values() if r.verb not in ("ceremony-propose", "step-up-challenge")
            and any(f["name"] == "domain" for f in r.fields)]


def test_C41_domains(v):
    """Unknown and foreign domains are alike, and come before what is wrong with the rest."""
    w = W["w"]
    for rule in with_domain(w):
        for who in callers_of(w, rule):
            odd = {k: "garbage" for k in w.sample(rule.verb)["body"] if k in ("token", "value")}
            bad = ["no-such-domain", "Not_A_Name", "x" * 32]
            bad += [w.theirs] if who.role == "partner" else []
            for domain in bad:
                for change in ({}, odd):
                    sent = w.sample(rule.verb, who, domain=domain, **change)
                    want = foretell(rule, who, Case(domain_bad=True))
                    reply = w.cell(rule, who, sent, want, "domain " + domain)
                    if want[0] == 403:
                        equal(reply.json().get("field"), "/domain", "field at " + rule.verb)
            if who.role != "partner":
                sent = w.sample(rule.verb, who, domain=w.theirs)
                if "token" in sent["body"]:
                    sent["body"]["token"] = w.zeta.token(w.theirs, val.pan())
                w.cell(rule, who, sent, foretell(rule, who, Case()), "another domain")
    w.verdict()


def test_C41_C06_frozen_domain(v):
    """It collects nothing; its tokens stay manageable."""
    w = W["w"]
    for rule in with_domain(w):
        for who in callers_of(w, rule):
            sent = w.sample(rule.verb, who, domain=w.ice)
            case = Case(domain_bad=rule.verb in COLLECTS)
            if "token" in sent["body"]:
                sent["body"]["token"] = w.ice_token
            if rule.verb == "lookup":
                case = Case(target=(404, "not_found"))
            if rule.verb in ("revoke", "delete", "token-plant"):
                continue  # they end or plant the one token there is, which the others touch
            w.cell(rule, who, sent, foretell(rule, who, case), "a frozen domain")
    for verb in ("revoke", "delete"):
        who = w.partners["active"] if verb == "revoke" else w.people["security_admin", "active"]
        case = Case(target=(409, "conflict")) if verb == "delete" else Case()
        sent = w.sample(verb, who, domain=w.ice, token=w.ice_token)
        w.cell(w.rules[verb], who, sent, foretell(w.rules[verb], who, case), "a frozen domain")
    sent = w.sample("token-plant", domain=w.ice, token=w.ice_token)
    rule, who = w.rules["token-plant"], w.people["security_admin", "active"]
    w.cell(rule, who, sent, foretell(rule, who, Case()), "a frozen domain")
    w.verdict()


def test_C41_C01_states_of_a_partner(v):
    """Frozen or no longer qualified: collecting ends; what was collected is managed as before."""
    w = W["w"]
    for rule in w.rules.values():
        if "partner" not in rule.roles:
            continue
        for state in ("frozen", "late", "undeclared"):
            who = w.partners[state]
            case, sent = Case(), w.sample(rule.verb, who)
            if rule.verb == "lookup":
                case = Case(target=(404, "not_found"))
            elif rule.verb == "delete":
                case = Case(target=(409, "conflict"))  # the row before has revoked it
            if state == "undeclared" and (rule.verb in COLLECTS or rule.verb == "lookup"):
                case = Case(domain_bad=True)
            elif state == "undeclared" and rule.verb in NAMED:
                case = Case(target=(404, "not_found"))
            w.cell(rule, who, sent, foretell(rule, who, case), "in its domain")
    w.verdict()


def test_C41_form_before_the_token(v):
    """422 in the contract's order, whatever becomes of the token."""
    w = W["w"]
    unknown = unknown_token(w.acme)
    for verb in NAMED + ("lookup", "tokenize"):
        rule = w.rules[verb]
        for who in callers_of(w, rule):
            wrong = []
            if verb in NAMED:
                wrong += [({"token": "garbage"}, "not_token"), ({"token": val.pan()}, "not_token")]
            if verb in NAMED and verb != "inspect":
                wrong += [({"reason": "card " + val.pan()}, "value_in_text"),
                          ({"reason": val.cn_id(), "token": unknown}, "value_in_text"),
                          ({"reason": val.pan(), "token": "garbage"}, "not_token")]
            if verb == "detokenize":
                wrong += [({"purpose": "no-such-purpose"}, "invalid_purpose"),
                          ({"purpose": "no-such-purpose", "token": "x"}, "invalid_purpose"),
                          ({"purpose": "no-such-purpose", "token": unknown}, "invalid_purpose")]
            if verb in ("tokenize", "lookup"):
                token = w.own_token["acme"]
                wrong += [({"value": "garbage"}, "invalid_value"),
                          ({"value": token}, "already_token"),
                          ({"value": val.other_check_digit(val.pan())}, "invalid_value")]
            for change, code in wrong:
                sent = w.sample(verb, who, **change)
                if verb == "replace" and sent["body"]["token"] == unknown:
                    sent["body"]["value"] = like(unknown)
                want = foretell(rule, who, Case(form=code))
                w.cell(rule, who, sent, want, "wrong " + " and ".join(sorted(change)))
    who, rule = w.partners["active"], w.rules["lookup"]
    sent = w.sample("lookup", who, domain="accounts", value=val.iban())
    w.cell(rule, who, sent, foretell(rule, who, Case(form="unsupported_mode")), "a random domain")
    w.verdict()


class Held:
    """A value and its token in some state."""

    def __init__(self, w, state, by=None, domain=None):
        self.state, self.value = state, val.pan()
        owner, domain = by or w.acme, domain or w.shared
        more = {"expires_in": 1} if state == "expired" else {}
        if state == "unknown":
            self.token = unknown_token(w.acme)
            return
        self.token = owner.token(domain, self.value, **more)
        way = {"suspended": "suspend", "revoked": "revoke", "deleted": "delete"}.get(state)
        if way:
            owner.change(way, domain, self.token).expect(200)


AFTER_STATE = {"suspend": "suspended", "resume": "active", "revoke": "revoked",
               "delete": "deleted"}


def case_of(verb, state, who):
    """What the contract's section 3 says of a verb on a token in a state."""
    gone = Case(target=(404, "not_found"))
    if state == "unknown" or (state == "another's" and who.role == "partner"):
        return gone
    held = "active" if state == "another's" else state
    if verb in ("inspect", "token-plant"):
        return Case()
    if verb == "detokenize":
        return Case() if held == "active" else gone
    if held == "expired":
        return Case() if verb in ("revoke", "delete") else Case(target=(409, "conflict"))
    if held in ("active", "suspended") or AFTER_STATE[verb] == held:
        return Case()
    return Case(target=(409, "conflict"))


def test_C41_states_of_a_token(v):
    w = W["w"]
    cells = []
    for verb in ("inspect", "detokenize", "token-plant") + CHANGES:
        for who in callers_of(w, w.rules[verb]):
            for state in ("active", "suspended", "revoked", "deleted", "expired", "unknown",
                          "another's"):
                by = w.zeta if state == "another's" else w.acme
                cells.append((verb, who, Held(w, state, by)))
    by_value = [(verb, Held(w, state)) for verb in ("lookup", "tokenize") for state in
                ("active", "suspended", "revoked", "deleted", "expired")]
    time.sleep(1.1)
    for verb, who, held in cells:
        sent = w.sample(verb, who, token=held.token)
        state = held.state
        w.cell(w.rules[verb], who, sent, foretell(w.rules[verb], who, case_of(verb, state, who)),
               "a token that is " + state)
    for verb, held in by_value:
        who, case = w.partners["active"], Case()
        if verb == "tokenize" and held.state == "suspended":
            case = Case(target=(409, "token_suspended"))
        elif verb == "lookup" and held.state != "active":
            case = Case(target=(404, "not_found"))
        sent = w.sample(verb, who, value=held.value)
        w.cell(w.rules[verb], who, sent, foretell(w.rules[verb], who, case),
               "a value whose token is " + held.state)
    w.verdict()


def dead_tokens(w):
    """What detokenize must not tell apart."""
    found = {state: Held(w, state).token
             for state in ("unknown", "suspended", "revoked", "deleted", "expired")}
    found["foreign"] = w.zeta.token(w.theirs, val.pan())
    time.sleep(1.1)
    return found


def test_C41_C23_dead_tokens_are_alike(v):
    """Unknown, foreign, suspended, expired, revoked, deleted: the same bytes, headers too."""
    w = W["w"]
    who, rule = w.people["operator", "active"], w.rules["detokenize"]
    dead, seen, items = dead_tokens(w), {}, {}
    for name, token in dead.items():
        sent = {**w.sample("detokenize", who, token=token), "headers": {"X-Request-Id": "alike"}}
        reply = w.cell(rule, who, sent, (404, "not_found"), "a token that is " + name)
        heads = [(k, x) for k, x in reply.headers.items() if k.lower() != "date"]
        seen[name] = (reply.status, reply.body, heads)
    equal(len({repr(s) for s in seen.values()}), 1, "different answers: %s" % seen)

    def batch(tokens):
        sent = w.sample("detokenize", who, tokens=tokens)
        sent["body"].pop("token")
        return w.cell(rule, who, sent, (200, "ok"), "a batch")
    for name, token in dead.items():
        reply = batch([token])
        results = reply.members("results", "receipt")["results"]
        heads = sorted(k.lower() for k in reply.headers)
        items[name] = (results, reply.body.split(b'"results":')[1], heads)
    equal(len({repr(i) for i in items.values()}), 1, "different batches: %s" % items)
    results = batch(list(dead.values())).json()["results"]
    equal(len({repr(r) for r in results}), 1, "different results in one batch: %s" % results)
    w.verdict()


def test_C41_dead_tokens_are_alike_to_partners(v):
    """Another partner's token is as if it were not there."""
    w = W["w"]
    who = w.partners["active"]
    for verb in ("inspect",) + CHANGES:
        replies = [plain(w.cell(w.rules[verb], who, w.sample(verb, who, token=token),
                                (404, "not_found"), what))
                   for what, token in (("unknown", unknown_token(w.acme)),
                                       ("another's", w.own_token["zeta"]))]
        equal(replies[0], replies[1], verb)
    w.verdict()


# ---- from here on every factor is older than the vault allows ----

def test_C41_stale_factors(v):
    """401 step_up_required, after the role and the body, before the domain and all else."""
    w = W["w"]
    v.stop()
    v.start(options=["auth.fresh_s=5", "auth.idle_s=30"])
    w.idle_from = time.monotonic()
    for who in w.active():
        who.fresh = False
        who.name += " with a stale factor"
    for rule in w.rules.values():
        for who in w.active():
            stale_cells(w, rule, who)
    partner = w.partners["active"]
    for verb in CHANGES:
        sent, case, what = success_of(w, w.rules[verb], partner)
        w.cell(w.rules[verb], partner, sent, foretell(w.rules[verb], partner, case), what)
    w.verdict()


def stale_cells(w, rule, who):
    fresh_verb = rule.may(who.role) and rule.factor == "fresh"
    if rule.verb in ("logout", "login", "step-up"):
        return
    if not rule.may(who.role) or fresh_verb or rule.verb in PROBES:
        w.cell(rule, who, w.sample(rule.verb, who), foretell(rule, who, Case()), "as it is")
    elif rule.verb == "key-challenge":
        case = Case(target=(404, "not_found"))
        w.cell(rule, who, w.sample(rule.verb, who), foretell(rule, who, case), "nobody's ceremony")
    elif rule.verb.startswith(("grant-", "export-")) or rule.verb == "alarm-review":
        sent, case, what = success_of(w, rule, who)
        w.cell(rule, who, sent, foretell(rule, who, case), what)
    elif rule.verb.startswith("subject-"):
        sent = {**w.sample(rule.verb, who), "args": {"id": w.case}}
        w.cell(rule, who, sent, foretell(rule, who, Case()), "one that waits")
    elif not rule.verb.startswith("ceremony-") or rule.verb == "ceremony-list":
        w.cell(rule, who, w.sample(rule.verb, who), foretell(rule, who, Case()), "as it is")
    if not fresh_verb:
        return
    for what, sent in w.bad_bodies(rule)[:3]:
        w.cell(rule, who, sent, foretell(rule, who, Case(body_bad=True)), what)
    names = {f["name"] for f in rule.fields}
    if "domain" in names:
        sent = w.sample(rule.verb, who, domain="no-such-domain")
        w.cell(rule, who, sent, foretell(rule, who, Case(domain_bad=True)), "no such domain")
    if "token" in names:
        sent = w.sample(rule.verb, who, token="garbage")
        w.cell(rule, who, sent, foretell(rule, who, Case(form="not_token")), "no token")
    if "id" in names or "name" in names and "{name}" in rule.path:
        sent = {**w.sample(rule.verb, who), "args": {"id": "none-such", "name": "none-such"}}
        case = Case(target=(404, "not_found"))
        w.cell(rule, who, sent, foretell(rule, who, case), "a target that is not there")


def test_C41_stepped_up(v):
    """A new code makes the factor fresh, for this session alone."""
    w = W["w"]
    proof = {"operator": "detokenize", "custodian": "ceremony-approve",
             "security_admin": "user-add", "approver": "grant-approve"}
    for role in PEOPLE:
        who = w.people[role, "active"]
        person = Person(v, DEV_USER[role])
        rule = w.rules["step-up"]
        sent = w.sample("step-up", otp=person.next_code())
        w.cell(rule, who, sent, foretell(rule, who, Case()), "with a new code")
        who.fresh = True
        if role not in proof:
            continue
        rule = w.rules[proof[role]]
        sent, case, what = success_of(w, rule, who)
        if rule.verb == "ceremony-approve":
            case = Case(target=(409, "already_approved"))
        w.cell(rule, who, sent, foretell(rule, who, case), "fresh again")
        if role == "security_admin":  # whose idle session is somebody else's
            rule = w.rules["password-change"]
            sent = w.sample("password-change", password=person.account["password"])
            w.cell(rule, who, sent, foretell(rule, who, Case()), "with the right password")
    w.verdict()


def test_C41_idle_and_expired_sessions(v):
    w = W["w"]
    time.sleep(max(0, w.idle_from + 31 - time.monotonic(),
                   w.short_from + SHORT_S + 1 - time.monotonic()))
    dead_cells(w, "idle")
    dead_cells(w, "expired")
    w.verdict()


def test_C41_cells(v):
    print("# %d cells" % W["w"].cells)
    check(W["w"].cells >= CELLS_MIN, "%d cells are too few" % W["w"].cells)


if __name__ == "__main__":
    lib.run(globals(), ["alarm.refusals=2"], start=False)
