#!/usr/bin/env python3
"""Enrolment by security administrators: users, partners, domains; freezing; C01, C06, C40, C42."""

import subprocess
import time

import lib
import values as val
from client import Partner, Person, totp
from lib import check, equal

PEOPLE = {}


def person(v, name):
    return PEOPLE.setdefault(name, Person(v, name)).ready()


def new_certificate(v, name):
    """An account and its PEM text for a new partner: the certificate that nobody has pinned."""
    bad = v.dev["bad_certs"]["unpinned"]
    with open(v.dev_file(bad["cert"])) as f:
        return {"name": name, **bad}, f.read()


def test_add_user_and_log_in(v):
    sara = person(v, "sara")
    reply = sara.post("/v1/users", {"name": "oscar", "role": "operator"}).expect(201).json()
    check({"initial_password", "totp_secret", "totp_uri"} <= set(reply), "members of the reply")
    check(reply["totp_uri"].startswith("otpauth://totp/"), "totp_uri")
    check(len(reply["initial_password"]) >= 12, "a short initial password")
    v.dev["users"].append({"name": "oscar", "role": "operator", "totp_secret":
                           reply["totp_secret"], "password": reply["initial_password"]})
    Person(v, "oscar").login()
    sara.post("/v1/users", {"name": "oscar", "role": "operator"}).expect(409, "conflict")
    other = sara.post("/v1/users", {"name": "oleg", "role": "operator"}).expect(201).json()
    check(other["totp_secret"] != reply["totp_secret"]
          and other["initial_password"] != reply["initial_password"], "two people, one secret")


def test_C40_privileged_user_needs_two(v):
    """202 and a ceremony: nobody is let in before another administrator has approved."""
    sara, sven = person(v, "sara"), person(v, "sven")
    found = sara.post("/v1/users", {"name": "axel", "role": "auditor"}).expect(202).json()
    check("totp_secret" not in found, "who proposes learns the code secret")
    path = "/v1/ceremonies/%s/approve" % found["id"]
    sara.post(path).expect(409, "already_approved")
    person(v, "carl").post(path).expect(403, "forbidden")
    seconded = sven.post(path).expect(200).json()
    equal(seconded["state"], "done", "state")
    check("initial_password" not in seconded, "who seconds learns the password")
    v.dev["users"].append({"name": "axel", "role": "auditor", "totp_secret":
                           seconded["totp_secret"], "password": found["initial_password"]})
    axel = Person(v, "axel")
    axel.login()
    axel.get("/v1/audit/entries?from=0&limit=1").expect(200)


def test_C40_frozen_proposer_has_no_say(v):
    """An approval counts only while its giver is allowed in; two administrators always are."""
    sara, sven, carl = person(v, "sara"), person(v, "sven"), person(v, "carl")
    found = carl.post("/v1/ceremonies", {"kind": "rotate-kek", "reason": "yearly"}).expect(201)
    path = "/v1/ceremonies/%s" % found.json()["id"]
    sara.post("/v1/users/carl/freeze", {"reason": "left today"}).expect(200)
    carl.get("/v1/whoami").expect(401)
    reply = person(v, "cora").post(path + "/approve").expect(200).json()
    equal(reply["state"], "proposed", "state with one approval that stands")
    person(v, "cora").post(path + "/cancel").expect(200)
    sara.post("/v1/users/carl/unfreeze", {"reason": "came back"}).expect(200)
    carl.get("/v1/whoami").expect(401)  # what was open does not come back
    sara.post("/v1/users/sven/freeze", {"reason": "try"}).expect(409, "conflict")
    sven.get("/v1/whoami").expect(200)


def test_user_names_and_roles(v):
    sara = person(v, "sara")
    for body in ({"name": "Oscar", "role": "operator"}, {"name": "", "role": "operator"},
                 {"name": "a b", "role": "operator"}, {"name": "x" * 33, "role": "operator"},
                 {"name": "otto", "role": "root"}, {"name": "otto"}, {"role": "operator"}):
        check(sara.post("/v1/users", body).status in (400, 422), "accepted: %s" % body)
    check(sara.post("/v1/users", {"name": val.pan(), "role": "operator"}).status in (400, 422),
          "a card number as a name")


def test_domain_parameters(v):
    sara = person(v, "sara")
    good = {"name": "d1", "format": "pan", "mode": "deterministic", "partners": ["acme"],
            "purposes": ["refund"]}
    for change in ({"name": "D1"}, {"format": "no-such-format"}, {"mode": "no-such-mode"},
                   {"partners": ["no-such-partner"]}, {"purposes": ["x" * 65]},
                   {"keep": {"prefix": 10, "suffix": 9}}, {"keep": {"prefix": -1, "suffix": 4}},
                   {"keep": 6}, {"bogus": 1}):
        reply = sara.post("/v1/domains", {**good, **change})
        check(reply.status in (400, 404, 409, 422), "%s is answered %r" % (change, reply))
    names = [d["name"] for d in sara.get("/v1/domains").expect(200).json()["items"]]
    check("d1" not in names and "cards" in names, "domains: %s" % names)


def test_C01_enrol_partner_and_domain(v):
    """A new partner may what it declared, while its qualification lasts, and nothing else."""
    sara, olga = person(v, "sara"), person(v, "olga")
    account, pem = new_certificate(v, "newco")
    end = int(time.time()) + 5
    until = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(end))
    body = {"name": "newco", "cert_pem": pem, "formats": ["pan"], "domains": ["gift"],
            "qualification": {"ref": "licence-1", "valid_until": until}}
    sara.post("/v1/partners", body).expect(201)
    sara.post("/v1/partners", body).expect(409, "conflict")
    v.dev["partners"].append({**account, "domains": ["gift"]})
    domain = {"name": "gift", "format": "pan", "mode": "deterministic", "partners": ["newco"],
              "keep": {"prefix": 6, "suffix": 4}, "purposes": ["refund"]}
    check("capacity" in sara.post("/v1/domains", domain).expect(201).json(), "no capacity")
    sara.post("/v1/domains", domain).expect(409, "conflict")
    newco, value = Partner(v, "newco"), val.pan()
    token = newco.token("gift", value)
    check(val.is_pan_token(token, value), "token of the new domain")
    newco.tokenize("cards", val.pan()).expect(403, "forbidden")
    Partner(v).tokenize("gift", val.pan()).expect(403, "forbidden")
    equal(olga.reveal("gift", token, purpose="refund").expect(200).json()["value"], value, "value")
    olga.reveal("gift", token, purpose="chargeback").expect(422, "invalid_purpose")
    time.sleep(max(0, end - time.time()) + 0.2)
    newco.tokenize("gift", val.pan()).expect(403, "forbidden")


def test_domain_for_a_partner_that_is_there(v):
    """A domain names its partners: that is their declaration, of its format too."""
    sara, olga, acme = person(v, "sara"), person(v, "olga"), Partner(v)
    for name, fmt, value, more in (
            ("phones", "cn-mobile", "13800138000", {"mode": "deterministic",
                                                    "keep": {"prefix": 0, "suffix": 4}}),
            ("taxpayers", "us-ssn", "123456789", {"mode": "random", "expected": 1000})):
        sara.post("/v1/domains", {"name": name, "format": fmt, "partners": ["acme"],
                                  "purposes": ["refund"], **more}).expect(201)
        token = acme.token(name, value)
        check(token != value and len(token) == len(value), "token %s of %s" % (token, fmt))
        acme.tokenize(name, token).expect(422, "already_token")
        equal(olga.reveal(name, token, purpose="refund").expect(200).json()["value"], value, fmt)
        Partner(v, "zeta").tokenize(name, value).expect(403, "forbidden")
    listed = {p["name"]: p for p in sara.get("/v1/partners").expect(200).json()["items"]}
    check({"phones", "taxpayers"} <= set(listed["acme"]["domains"]), "acme's domains")
    check({"cn-mobile", "us-ssn"} <= set(listed["acme"]["formats"]), "acme's formats")


def test_C01_pin_belongs_to_one_partner(v):
    sara = person(v, "sara")
    with open(v.dev_file(v.partner("zeta")["cert"])) as f:
        body = {"name": "thief", "cert_pem": f.read(), "formats": ["pan"], "domains": ["cards"]}
    reply = sara.post("/v1/partners", body)
    check(reply.status in (400, 409, 422), "a second partner with zeta's key: %r" % reply)


def freeze(who, what, name, verb="freeze"):
    return who.post("/v1/%s/%s/%s" % (what, name, verb), {"reason": "investigation 3"})


def test_C06_frozen_domain_and_partner(v):
    sara, acme, value = person(v, "sara"), Partner(v), val.pan()
    token = acme.token("cards", value)
    for what, name in (("domains", "cards"), ("partners", "acme")):
        freeze(sara, what, name).expect(200)
        acme.tokenize("cards", val.pan()).expect(403, "forbidden")
        body = {"domain": "cards", "token": token, "reason": "while frozen"}
        sara.post("/v1/tokens/suspend", body).expect(200)
        sara.post("/v1/tokens/resume", body).expect(200)
        freeze(sara, what, name, "unfreeze").expect(200)
        equal(acme.token("cards", value), token, "token after unfreeze")
    freeze(sara, "domains", "no-such-domain").expect(404, "not_found")


def test_C40_frozen_user(v):
    sara, omar = person(v, "sara"), person(v, "omar")
    omar.get("/v1/whoami").expect(200)
    freeze(sara, "users", "omar").expect(200)
    omar.get("/v1/whoami").expect(401, "unauthenticated")
    omar.try_login().expect(401, "unauthenticated")


def test_C42_secrets_are_random(v):
    """Two instances share nothing; no secret is short, common or readable by others."""
    other = lib.Instance()
    try:
        for a, b in zip(v.dev["users"], other.dev["users"]):
            if a["name"] == b["name"]:
                check(a["password"] != b["password"] and a["totp_secret"] != b["totp_secret"],
                      "%s has the same secrets in two instances" % a["name"])
        check(v.dev["log"]["public_key"] != other.dev["log"]["public_key"], "one log key")
        for user in other.dev["users"]:
            check(len(user["password"]) >= 12 and len(user["totp_secret"]) >= 32, "a weak secret")
    finally:
        other.close()
    done = subprocess.run(["find", v.dir, "-type", "f", "-perm", "/077", "-size", "-64k"],
                          capture_output=True, text=True, timeout=20)
    secret = []
    for path in done.stdout.split():
        with open(path, "rb") as f:
            content = f.read()
        if b"PRIVATE KEY" in content or any(u["totp_secret"].encode() in content
                                            for u in v.dev["users"]):
            secret.append(path)
    check(not secret, "readable by others: %s" % secret)


def test_codes_follow_rfc_6238(v):
    equal(totp("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", 1), "287082", "code of the RFC's first row")


if __name__ == "__main__":
    lib.run(globals())
