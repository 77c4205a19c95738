"""The world of matrix.py: callers in every state, targets that may be broken, whole requests."""

import json
import os
import secrets
import subprocess
import time
import urllib.parse

import values as val
from client import Client, Partner, Person
from lib import check, wait_for
from matrix_rules import PEOPLE, PRIVILEGED, Case, Who, contract, foretell, product_table

DEV_USER = {"operator": "olga", "approver": "anna", "custodian": "carl",
            "security_admin": "sara", "auditor": "aude", "sre": "rita"}
REASON = "matrix"
WRONG_KIND = {"text": 7, "secret": 7, "u64": "x", "bool": "x", "texts": "x", "items": 7,
              "keep": 7, "qualification": 7}
QUALIFIED_S = 4
PAPER = {"ref": "A-1", "valid_until": "2039-01-01T00:00:00Z"}
NEW_PASSWORD = "seven-Brass-lanterns-4"
SHORT_S = 60  # life of a session, in the first start


def rfc3339(when):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(when))


def like(token):
    """A valid card number that keeps what a token of the shared domain keeps."""
    while True:
        value = val.pan(prefix=token[:6])[:-4] + token[-4:]
        if val.luhn_ok(value):
            return value


class World:
    def __init__(self, v):
        self.v = v
        self.rules = contract()
        for verb, row in product_table().items():
            if verb in self.rules:
                self.rules[verb].fields = row["fields"]
        self.cells = 0
        self.wrong = []
        self.people = {}  # (role, state) -> Who
        self.partners = {}  # state -> Who
        self.number = 0
        self.plain = Client(v)
        self.acme, self.zeta = Partner(v), Partner(v, "zeta")
        self.short_from = 0.0
        self.reviewed = False

    # ---- a cell ----

    def ask(self, rule, who, sent):
        """Sends what `sent` holds: args of the path, query, body, raw, headers."""
        path = rule.path.format(**sent.get("args", {}))
        if sent.get("query"):
            path += "?" + urllib.parse.urlencode(sent["query"])
        headers = dict(sent.get("headers", {}))
        if who.session:
            headers["Authorization"] = "Bearer " + who.session
        client = who.client or self.plain
        body = sent.get("body") if rule.has_body() else None
        return client.request(rule.method, path, body=body, raw=sent.get("raw"), headers=headers)

    def cell(self, rule, who, sent, want, what):
        """One cell of the matrix; what went wrong is kept for the end of the test."""
        self.cells += 1
        reply = self.ask(rule, who, sent)
        got = (reply.status, reply.code() if reply.status >= 400 else "ok")
        if got != want:
            self.wrong.append("%s by %s, %s: got %d %s, want %d %s"
                              % ((rule.verb, who.name, what) + got + want))
        return reply

    def verdict(self):
        wrong, self.wrong = self.wrong, []
        check(not wrong, "%d cells differ: %s" % (len(wrong), "; ".join(wrong[:40])))

    # ---- people ----

    def name(self, stem):
        self.number += 1
        return "m%s-%d" % (stem, self.number)

    def log_in(self, user):
        """A session of its own for a user, whose code it takes."""
        person = Person(self.v, user)
        person.login()
        self.cells += 1  # a log-in by nobody with both factors: 201
        return person.session

    def add_person(self, role):
        """A throw-away user of a role; privileged ones by two administrators."""
        user = self.name("u-" + role.replace("_", "-")[:12])
        reply = self.boss.post("/v1/users", {"name": user, "role": role})
        found = reply.expect(202 if role in PRIVILEGED else 201).json()
        seed = found
        if reply.status == 202:
            seed = self.second.post("/v1/ceremonies/%s/approve" % found["id"]).expect(200).json()
        self.v.dev["users"].append({"name": user, "role": role, "totp_secret": seed["totp_secret"],
                                    "password": found["initial_password"]})
        return user

    def allow_key(self, user):
        """The id of an approved ceremony by which this person may enrol a key."""
        body = {"kind": "enrol-key", "subject": user, "reason": REASON}
        found = self.boss.ready().post("/v1/ceremonies", body).expect(201).json()["id"]
        self.second.ready().post("/v1/ceremonies/%s/approve" % found).expect(200)
        return found

    def bosses(self):
        self.boss, self.second = Person(self.v, "sara"), Person(self.v, "sven")
        self.boss.login()
        self.second.login()
        self.cells += 2

    def short_lived(self):
        """Sessions that will have run out by the end; made while their life is SHORT_S."""
        self.bosses()
        self.spare_user = {role: self.add_person(role) for role in PEOPLE}
        self.ice_user = {role: self.add_person(role) for role in PEOPLE}
        for role in PEOPLE:
            session = self.log_in(self.spare_user[role])
            self.people[role, "expired"] = Who(role + " with an expired session", None, session,
                                               is_dead=True)
        self.short_from = time.monotonic()

    def long_lived(self):
        self.boss.login()
        self.cells += 1
        for role in PEOPLE:
            user = DEV_USER[role]
            session = self.boss.session if role == "security_admin" else self.log_in(user)
            self.people[role, "active"] = Who(role, role, session)
            idle = self.log_in("sven" if role == "security_admin" else user)
            if role == "security_admin":
                self.second.session = idle  # in use until the vault starts for the third time
            self.people[role, "idle"] = Who(role + " with an idle session", None, idle,
                                            is_dead=True)
            gone = self.log_in(self.spare_user[role])
            self.people[role, "gone"] = Who(role + " logged out", role, gone)
            ice = self.log_in(self.ice_user[role])
            self.people[role, "frozen"] = Who(role + " frozen", role, ice)

    def freeze_people(self):
        """Until here their sessions worked; from here on they are none."""
        for role in PEOPLE:
            who = self.people[role, "frozen"]
            self.cell(self.rules["whoami"], who, {}, (200, "ok"), "before the freeze")
            sent = {"args": {"name": self.ice_user[role]}, "body": {"reason": REASON}}
            self.cell(self.rules["user-freeze"], self.people["security_admin", "active"], sent,
                      (200, "ok"), "a " + role)
            who.is_dead = True

    def thaw_people(self):
        boss, rule = self.people["security_admin", "active"], self.rules["user-unfreeze"]
        other = Who("a second administrator", "security_admin", self.second.session)
        for role in PEOPLE:
            sent = {"args": {"name": self.ice_user[role]}, "body": {"reason": REASON}}
            case = Case(success=202 if role in PRIVILEGED else 200)
            reply = self.cell(rule, boss, sent, foretell(rule, boss, case), "a " + role)
            if reply.status == 202:
                sent = {"args": {"id": reply.json()["id"]}, "body": {}}
                self.cell(self.rules["ceremony-approve"], other, sent, (200, "ok"), "a " + role)
            self.people[role, "frozen"].name = role + " frozen and unfrozen"

    def active(self):
        return [self.people[role, "active"] for role in PEOPLE]

    # ---- partners and domains ----

    def certificate(self, name):
        """An account of dev.json's kind, with a certificate of the right CA, and its PEM."""
        top = self.v.path("tls")
        key, crt = os.path.join(top, name + ".key"), os.path.join(top, name + ".crt")
        csr, ext = os.path.join(top, name + ".csr"), os.path.join(top, name + ".ext")
        with open(ext, "w", encoding="ascii") as f:
            f.write("basicConstraints=critical,CA:FALSE\nextendedKeyUsage=clientAuth\n")
        for command in (
                ["req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                 "-keyout", key, "-subj", "/CN=" + name, "-out", csr],
                ["x509", "-req", "-in", csr, "-CA", os.path.join(top, "clients-ca.crt"), "-CAkey",
                 os.path.join(top, "clients-ca.key"), "-days", "30", "-set_serial",
                 str(secrets.randbits(120)), "-extfile", ext, "-out", crt]):
            subprocess.run(["openssl"] + command, check=True, capture_output=True, timeout=60)
        with open(crt, encoding="ascii") as f:
            return {"name": name, "cert": "tls/%s.crt" % name, "key": "tls/%s.key" % name}, f.read()

    def add_partner(self, stem, formats=("pan",), until=None):
        name = self.name("p-" + stem)
        account, pem = self.certificate(name)
        body = {"name": name, "cert_pem": pem, "formats": list(formats), "domains": [self.shared]}
        if until:
            body["qualification"] = {"ref": "licence-1", "valid_until": rfc3339(until)}
        self.boss.post("/v1/partners", body).expect(201)
        self.v.dev["partners"].append({**account, "domains": [self.shared]})
        return Partner(self.v, name)

    def add_recipient(self):
        name = self.name("r")
        self.boss.post("/v1/recipients", {"name": name, "kind": "outside",
                                          "assessment": PAPER}).expect(201)
        return name

    def add_domain(self, stem, partners):
        body = self.new_domain(partners)
        body["name"] = self.name("d-" + stem)
        self.boss.post("/v1/domains", body).expect(201)
        return body["name"]

    def new_domain(self, partners=("acme",)):
        return {"name": self.name("d"), "format": "pan", "mode": "deterministic",
                "partners": list(partners), "keep": {"prefix": 6, "suffix": 4},
                "purposes": ["refund"], "batch_detokenize": 10}

    def build(self):
        """Partners in every state, domains, and tokens."""
        self.shared = self.add_domain("shared", ["acme", "zeta"])
        self.theirs = self.add_domain("theirs", ["zeta"])
        self.ice = self.add_domain("ice", ["acme"])
        self.ice_token = self.acme.token(self.ice, val.pan())
        self.plant_token = self.acme.token(self.shared, val.pan())  # nobody else touches it
        end = int(time.time()) + QUALIFIED_S
        late = self.add_partner("late", until=end)
        ice = self.add_partner("ice")
        other = self.add_partner("other", formats=("iban",))
        self.own_token = {c.name: c.token(self.shared, val.pan())
                          for c in (self.acme, self.zeta, late, ice)}
        self.their_token = self.zeta.token(self.theirs, val.pan())
        for what, name in (("partners", ice.name), ("domains", self.ice)):
            self.boss.post("/v1/%s/%s/freeze" % (what, name), {"reason": REASON}).expect(200)
        self.frozen_partner = ice.name
        self.recipient = self.add_recipient()
        self.sealed_user = self.name("g")
        self.boss.post("/v1/users", {"name": self.sealed_user, "role": "operator",
                                     "sealed": True}).expect(201)
        self.partners["active"] = Who("partner", "partner", client=self.acme)
        self.partners["second"] = Who("second partner", "partner", client=self.zeta)
        self.partners["frozen"] = Who("frozen partner", "partner", client=ice, collects=False)
        self.partners["late"] = Who("partner whose qualification has expired", "partner",
                                    client=late, collects=False)
        self.partners["undeclared"] = Who("partner without the format", "partner", client=other)
        self.kek = self.people["custodian", "active"]
        self.ceremony = {}
        time.sleep(max(0, end - time.time()) + 0.2)

    def ask_grant(self):
        """The id of a grant that waits for approval."""
        who = self.people["operator", "active"]
        reply = self.ask(self.rules["grant-ask"], who, self.sample("grant-ask"))
        return reply.expect(201).json()["id"]

    def an_alarm(self):
        """The id of an alarm: the first about strangers, whose refusals were too many."""
        rule, who = self.rules["alarm-list"], self.people["security_admin", "active"]

        def look():
            for _ in range(5):
                self.plain.get("/v1/whoami").expect(401)
            items = self.ask(rule, who, {}).expect(200).json()["items"]
            return [i["id"] for i in items if "role" not in i]
        return wait_for(look, 30, "an alarm", pause=0.5)[0]

    def ask_about(self, approved):
        """The id of a case about a data subject; where it is approved, a report."""
        boss, anna = (self.people[r, "active"] for r in ("security_admin", "approver"))
        reply = self.ask(self.rules["subject-ask"], boss, self.sample("subject-ask"))
        case = reply.expect(201).json()["id"]
        if approved:
            sent = {"args": {"id": case}, "body": {}}
            self.ask(self.rules["subject-approve"], anna, sent).expect(200)
        return case

    # ---- requests ----

    def nobody(self):
        """Callers who are none: no credential, a forged one, a truncated one."""
        return [Who("nobody"),
                Who("a forged session", None, secrets.token_urlsafe(32), is_dead=True),
                Who("a truncated session", None, self.boss.session[:-1], is_dead=True)]

    def sample(self, verb, who=None, **change):
        """A whole request that nothing is wrong with; `change` replaces members of the body."""
        owner = who.client.name if who is not None and who.client else "acme"
        token = self.own_token.get(owner, self.own_token["acme"])
        named = {"domain": self.shared, "token": token, "reason": REASON}
        bodies = {
            "tokenize": {"domain": self.shared, "value": val.pan()},
            "lookup": {"domain": self.shared, "value": val.pan()},
            "inspect": {"domain": self.shared, "token": token},
            "suspend": named, "resume": named, "revoke": named, "delete": named,
            "token-plant": {**named, "token": self.plant_token},
            "replace": {**named, "value": like(token)},
            "login": {"user": "nobody-here", "password": "x" * 20, "otp": "000000"},
            "step-up": {"otp": "000000"},
            "challenge": {"user": "nobody-here"}, "step-up-challenge": {}, "key-challenge": {},
            "key-enrol": {"client_data": "QUJD", "attestation": "QUJD"},
            "password-change": {"password": "x" * 20, "new_password": NEW_PASSWORD},
            "detokenize": {**named, "purpose": "refund"},
            "grant-ask": {"domain": self.shared, "tokens": [token], "count": 1,
                          "purpose": "refund", "expires_in": 60, "reason": REASON},
            "grant-approve": {}, "grant-deny": {}, "grant-withdraw": {},
            "alarm-review": {"reason": REASON},
            "ceremony-propose": {"kind": "rotate-kek", "reason": REASON},
            "ceremony-approve": {}, "ceremony-cancel": {},
            "subject-ask": {"subject": "matrix-1", "kind": "report", "reason": REASON},
            "domain-add": self.new_domain(),
            "partner-add": {"name": self.name("p"), "cert_pem": "no certificate", "formats": [],
                            "domains": []},
            "user-add": {"name": self.name("u"), "role": "operator"},
            "partner-cert-add": {"cert_pem": "no certificate"},
            "recipient-add": {"name": self.name("r"), "kind": "outside", "assessment": PAPER},
            "recipient-assess": {"assessment": PAPER},
            "export-begin": {"domain": self.shared, "tokens": [token], "purpose": "refund",
                             "grant": "00000000-0000-7000-8000-000000000000", "reason": REASON},
            "partner-qualify": {"qualification": {"ref": "Q-1",
                                                  "valid_until": "2039-01-01T00:00:00Z"}},
        }
        queries = {"proof": {"index": 0, "size": 1}, "consistency": {"from": 1, "to": 1},
                   "entries": {"from": 0, "limit": 1},
                   "report-impact": {"user": DEV_USER["operator"], "limit": 1}}
        names = {"domain": self.ice, "partner": self.frozen_partner,
                 "user": self.ice_user["sre"], "report": "acme", "recipient": self.recipient}
        reason = "freeze" in verb or verb == "user-leave"
        body = bodies.get(verb, {"reason": REASON} if reason else {})
        return {"body": {**body, **change}, "query": dict(queries.get(verb, {})),
                "args": {"name": names.get(verb.split("-")[0], "nothing"),
                         "id": self.ceremony.get("kek", "00000000-0000-7000-8000-000000000000")}}

    def bad_bodies(self, rule):
        """(what is wrong, request) for each way in which a body or query can be malformed."""
        good = self.sample(rule.verb)
        side = "body" if rule.has_body() else "query"
        found = [("an unknown member", {**good, side: {**good[side], "bogus": 1}})]
        for field in rule.members():
            name = field["name"]
            if field["must"]:
                rest = {k: x for k, x in good[side].items() if k != name}
                found.append(("without " + name, {**good, side: rest}))
            if rule.has_body():
                odd = {**good[side], name: WRONG_KIND[field["kind"]]}
                found.append(("%s of a wrong kind" % name, {**good, side: odd}))
            elif field["kind"] == "u64":
                found.append((name + " that is no number", {**good, side: {**good[side],
                                                                            name: "x"}}))
        if rule.has_body():
            found.append(("a body that is no JSON", {**good, "body": None, "raw": b"{"}))
            found.append(("a list for a body", {**good, "body": None, "raw": b"[]"}))
            found.append(("an argument beside a body", {**good, "query": {"bogus": 1}}))
        if rule.verb in ("tokenize", "detokenize"):
            one = {"tokenize": "value", "detokenize": "token"}[rule.verb]
            many = {**good["body"], one + "s": [val.pan()]}
            none = {k: x for k, x in good["body"].items() if k != one}
            found += [("one and many", {**good, "body": many}),
                      ("neither one nor many", {**good, "body": none}),
                      ("an empty list", {**good, "body": {**none, one + "s": []}})]
        return found


def plain(reply):
    """A refusal's object without what differs from call to call."""
    found = json.loads(reply.body)
    found.pop("request_id")
    return found
