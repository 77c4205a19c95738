#!/usr/bin/env python3
"""Enrolment by security administrators: users, partners, domains; freezing; C01, C06, C40, C42."""

import datetime
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
    sara = person(v, "sara")
    found = sara.post("/v1/users", {"name": "axel", "role": "auditor"}).expect(202).json()
    text = str(found)
    check("password" not in text and "totp" not in text, "secrets before the approval")


def test_user_names_and_roles(v):
    sara = person(v, "sara")
    for body in ({"name": "Oscar", "role": "operator"}, {"name": "", "role": "operator"},
                 {"name": "a b", "role": "operator"}, {"name": "x" * 33, "role": "operator"},
                 {"name": "otto", "role": "root"}, {"name": "otto"}, {"role": "operator"}):
        check(sara.post("/v1/users", body).status in (400, 422), "accepted: %s" % body)
    check(sara.post("/v1/users", {"name": val.pan(), "role": "operator"}).status in (400, 422),
          "a card number as a name")


def test_add_domain(v):
    sara, acme, olga = person(v, "sara"), Partner(v), person(v, "olga")
    body = {"name": "gift", "format": "pan", "mode": "deterministic", "partners": ["acme"],
            "keep": {"prefix": 6, "suffix": 4}, "purposes": ["refund"]}
    found = sara.post("/v1/domains", body).expect(201).json()
    check("capacity" in found, "no capacity")
    sara.post("/v1/domains", body).expect(409, "conflict")
    value = val.pan()
    token = acme.token("gift", value)
    check(val.is_pan_token(token, value), "token of the new domain")
    equal(olga.reveal("gift", token, purpose="refund").expect(200).json()["value"], value, "value")
    olga.reveal("gift", token, purpose=v.purpose("cards") + "x").expect(422, "invalid_purpose")
    Partner(v, "zeta").tokenize("gift", val.pan()).expect(403, "forbidden")


def test_domain_parameters(v):
    sara = person(v, "sara")
    good = {"name": "d1", "format": "pan", "mode": "deterministic", "partners": ["acme"],
            "purposes": ["refund"]}
    for change in ({"name": "D1"}, {"format": "no-such-format"}, {"mode": "no-such-mode"},
                   {"partners": ["no-such-partner"]}, {"purposes": []}, {"partners": []},
                   {"keep": {"prefix": 10, "suffix": 9}}, {"keep": {"prefix": -1, "suffix": 4}},
                   {"keep": 6}, {"bogus": 1}):
        reply = sara.post("/v1/domains", {**good, **change})
        check(reply.status in (400, 404, 409, 422), "%s is answered %r" % (change, reply))
    names = [d["name"] for d in sara.get("/v1/domains").expect(200).json()["items"]]
    check("d1" not in names and "cards" in names, "domains: %s" % names)


def test_C01_enrol_partner(v):
    sara = person(v, "sara")
    account, pem = new_certificate(v, "newco")
    until = (datetime.datetime.utcnow() + datetime.timedelta(seconds=4)).replace(microsecond=0)
    body = {"name": "newco", "cert_pem": pem, "formats": ["pan"], "domains": [],
            "qualification": {"ref": "licence-1", "valid_until": until.isoformat() + "Z"}}
    reply = sara.post("/v1/partners", body)
    if reply.status == 400:  # a list may not be empty
        body.pop("domains")
        reply = sara.post("/v1/partners", body)
    reply.expect(201)
    sara.post("/v1/partners", body).expect(409, "conflict")
    v.dev["partners"].append({**account, "domains": ["newco-cards"]})
    domain = {"name": "newco-cards", "format": "pan", "mode": "deterministic",
              "partners": ["newco"], "purposes": ["refund"]}
    sara.post("/v1/domains", domain).expect(201)
    newco = Partner(v, "newco")
    newco.tokenize("cards", val.pan()).expect(403, "forbidden")
    newco.token("newco-cards", val.pan())
    left = until.timestamp() - datetime.datetime.utcnow().timestamp()
    time.sleep(max(0, left) + 1.2)
    newco.tokenize("newco-cards", val.pan()).expect(403, "forbidden")


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
