#!/usr/bin/env python3
"""What security administrators do: users, partners, domains, ceremonies; C01, C06, C40, C42."""

import json
import subprocess
import time

import lib
import values as val
from client import Client, Partner, Person, totp
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
    person(v, "oscar")
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
    found = sara.post("/v1/users/carl/unfreeze", {"reason": "came back"}).expect(202).json()
    path = "/v1/ceremonies/%s" % found["ceremony"]
    shown = sven.get(path).expect(200).json()
    equal((shown["kind"], shown["subject"]), ("freeze-lift", "users/carl"), "what sven is asked")
    sara.post(path + "/approve").expect(409, "already_approved")
    equal(sven.post(path + "/approve").expect(200).json()["state"], "done", "state")
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
    for change in ({"format": "passport", "expected": 1000},
                   {"format": "passport", "expected": 1000, "token_check": "fail"},
                   {"token_check": "none"}):
        reply = sara.post("/v1/domains", {**good, **change}).expect(400, "bad_request")
        equal(reply.json().get("field"), "/token_check", "field of a domain without marks")
    names = [d["name"] for d in sara.get("/v1/domains").expect(200).json()["items"]]
    check("d1" not in names and "cards" in names, "domains: %s" % names)


def test_C14_unmarked_tokens_only_where_the_domain_says_so(v):
    """Passport numbers have no check digit: format and domain must both say that nothing tells."""
    sara, acme, aude = person(v, "sara"), Partner(v), person(v, "aude")
    body = {"name": "travel", "format": "passport", "mode": "random", "partners": ["acme"],
            "purposes": ["refund"], "expected": 1000, "token_check": "none"}
    equal(sara.post("/v1/domains", body).expect(201).json()["token_check"], "none", "token_check")
    token = acme.token("travel", "AB1234567")
    check(token != "AB1234567" and len(token) == 9, "token of a passport")
    page = aude.get("/v1/audit/entries?from=0&limit=1000").expect(200).json()["entries"]
    lines = [json.loads(e["line"]) for e in page]
    made = [o for o in lines if o["verb"] == "domain-add" and o.get("domain") == "travel"]
    equal([o.get("purpose") for o in made], ["token_check=none"], "purpose in the log")


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
    path = "/v1/partners/newco/qualification"
    for bad, code in (({"ref": "licence-2", "valid_until": until}, "bad_request"),
                      ({"ref": val.pan(), "valid_until": "2039-01-01T00:00:00Z"}, "value_in_text")):
        equal(sara.post(path, {"qualification": bad}).json()["code"], code, "code of %s" % code)
    good = {"qualification": {"ref": "licence-2", "valid_until": "2039-01-01T00:00:00Z"}}
    sara.post("/v1/partners/nobody/qualification", good).expect(404, "not_found")
    reply = sara.post(path, {**good, "reason": "renewed"}).expect(200).json()
    equal(reply["qualification"]["ref"], "licence-2", "qualification")
    equal(newco.token("gift", value), token, "token after the renewal")


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
    """The very next request on an open connection is refused; tokens stay manageable."""
    sara, acme, value = person(v, "sara"), Partner(v), val.pan()
    token = acme.token("cards", value)
    for what, name in (("domains", "cards"), ("partners", "acme")):
        kept = acme.connection
        freeze(sara, what, name).expect(200)
        acme.tokenize("cards", val.pan()).expect(403, "forbidden")
        check(acme.connection is kept, "it was another connection")
        acme.change("suspend", "cards", token).expect(200)
        acme.change("resume", "cards", token).expect(200)
        body = {"domain": "cards", "token": token, "reason": "while frozen"}
        sara.post("/v1/tokens/suspend", body).expect(200)
        sara.post("/v1/tokens/resume", body).expect(200)
        freeze(sara, what, name, "unfreeze").expect(200)
        equal(acme.token("cards", value), token, "token after unfreeze")
    freeze(sara, "domains", "no-such-domain").expect(404, "not_found")


def test_C06_frozen_user(v):
    sara, omar = person(v, "sara"), person(v, "omar")
    omar.get("/v1/whoami").expect(200)
    freeze(sara, "users", "omar").expect(200)
    omar.get("/v1/whoami").expect(401, "unauthenticated")
    omar.try_login().expect(401, "unauthenticated")
    freeze(sara, "users", "omar", "unfreeze").expect(200)
    omar.get("/v1/whoami").expect(401, "unauthenticated")


def make_certificate(v, name, days=30):
    """An account of acme's with a key of its own, and the PEM text."""
    path = lambda end: v.path("tls", name + end)
    ca = ["-CA", v.path("tls", "clients-ca.crt"), "-CAkey", v.path("tls", "clients-ca.key")]
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    for command in (["req", "-new", *key, "-subj", "/CN=" + name, "-keyout", path(".key"),
                     "-out", path(".csr")],
                    ["x509", "-req", "-in", path(".csr"), *ca, "-set_serial", str(time.time_ns()),
                     "-days", str(days), "-out", path(".crt")]):
        subprocess.run(["openssl", *command], check=True, capture_output=True, timeout=20)
    with open(path(".crt")) as f:
        text = f.read()
    account = {"name": name, "cert": "tls/%s.crt" % name, "key": "tls/%s.key" % name}
    v.dev["partners"].append(account)
    return account, text


def certificates(v, sara):
    items = sara.get("/v1/partners").expect(200).json()["items"]
    return next(p for p in items if p["name"] == "acme")


def test_C01_change_of_certificates(v):
    """Two at once for a change-over; a third ends the older one, also on its open connection."""
    sara, first, value = person(v, "sara"), Partner(v), val.pan()
    token = first.token("cards", value)
    _, second_pem = make_certificate(v, "acme-2")
    _, third_pem = make_certificate(v, "acme-3")
    second, third = Partner(v, "acme-2"), Partner(v, "acme-3")
    second.tokenize("cards", value).expect(401, "unauthenticated")
    path = "/v1/partners/acme/certs"
    reply = sara.post(path, {"cert_pem": second_pem, "reason": "yearly"}).expect(200).json()
    equal((reply["name"], reply["certificates"]), ("acme", 2), "partner with two certificates")
    until = reply["certificates_until"]
    check(until[0] is None and until[1] > time.strftime("%Y-%m-%d"), "ends: %s" % until)
    equal(second.token("cards", value), token, "token by the second certificate")
    equal(first.token("cards", value), token, "token by the first certificate")
    for pem in (second_pem, open(v.dev_file(v.partner("acme")["cert"])).read(),
                open(v.dev_file(v.partner("zeta")["cert"])).read()):
        refused = sara.post(path, {"cert_pem": pem}).expect(409, "conflict").json()
        equal(refused["field"], "/cert_pem", "field of a certificate pinned twice")
    sara.post(path, {"cert_pem": third_pem}).expect(200)
    equal(certificates(v, sara)["certificates"], 2, "certificates")
    first.tokenize("cards", value).expect(401, "unauthenticated")
    equal(second.token("cards", value), token, "token by the second certificate")
    equal(third.token("cards", value), token, "token by the third certificate")
    # back to the first, for the tests behind this one
    with open(v.dev_file(v.partner("acme")["cert"])) as f:
        sara.post(path, {"cert_pem": f.read()}).expect(200)
    second.tokenize("cards", value).expect(401, "unauthenticated")
    equal(Partner(v).token("cards", value), token, "token by the first certificate again")


def test_bad_certificates(v):
    sara, path = person(v, "sara"), "/v1/partners/acme/certs"
    with open(v.dev_file(v.dev["bad_certs"]["expired"]["cert"])) as f:
        expired = f.read()
    for pem in (expired, "x", expired[:200], expired.replace("CERTIFICATE", "PUBLIC KEY")):
        refused = sara.post(path, {"cert_pem": pem}).expect(400, "bad_request").json()
        equal(refused["field"], "/cert_pem", "field")
    body = {"name": "late", "cert_pem": expired, "formats": ["pan"], "domains": ["cards"]}
    equal(sara.post("/v1/partners", body).expect(400).json()["field"], "/cert_pem", "field")
    _, good = make_certificate(v, "acme-4")
    sara.post("/v1/partners/nobody/certs", {"cert_pem": good}).expect(404, "not_found")
    sara.post(path, {"cert_pem": good, "reason": val.pan()}).expect(422, "value_in_text")
    person(v, "olga").post(path, {"cert_pem": good}).expect(403, "forbidden")


def test_C40_names_are_never_given_again(v):
    """A name stays with whoever had it first: frozen, or never let in at all."""
    sara, sven = person(v, "sara"), person(v, "sven")
    found = sara.post("/v1/users", {"name": "pia", "role": "auditor"}).expect(202).json()
    sven.post("/v1/ceremonies/%s/cancel" % found["id"]).expect(200)
    sven.post("/v1/ceremonies/%s/approve" % found["id"]).expect(409, "conflict")
    for name in ("pia", "oscar", "sara", "omar"):
        reply = sara.post("/v1/users", {"name": name, "role": "operator"}).expect(409, "conflict")
        equal(reply.json()["field"], "/name", "field")
    freeze(sara, "users", "pia").expect(409, "conflict")
    for path in ("/v1/domains", "/v1/partners", "/v1/users"):
        for name in ("no-such-name", "pia/../omar"):
            reply = sara.post("%s/%s/freeze" % (path, name), {"reason": "x"})
            check(reply.status in (400, 404), "%s %s: %r" % (path, name, reply))


def test_C40_change_role_and_reset(v):
    """By two administrators; the person is out at once and back with what was shown once."""
    sara, sven = person(v, "sara"), person(v, "sven")
    made = sara.post("/v1/users", {"name": "ruth", "role": "operator"}).expect(201).json()
    account = {"name": "ruth", "role": "operator", "totp_secret": made["totp_secret"],
               "password": made["initial_password"]}
    v.dev["users"].append(account)
    ruth = Person(v, "ruth").ready()
    body = {"kind": "change-role", "subject": "ruth", "role": "auditor", "reason": "moves on"}
    asked = sara.post("/v1/ceremonies", body).expect(201).json()
    equal((asked["subject"], asked["role"], asked["needed"]), ("ruth", "auditor", 2), "proposal")
    ruth.get("/v1/whoami").expect(200)
    sven.post("/v1/ceremonies/%s/approve" % asked["id"]).expect(200)
    ruth.get("/v1/whoami").expect(401, "unauthenticated")
    for kind, by, other in (("reset-factor", sara, sven), ("reset-password", sven, sara)):
        body = {"kind": kind, "subject": "ruth", "reason": "lost it"}
        asked = by.post("/v1/ceremonies", body).expect(201).json()
        by.post("/v1/ceremonies", body).expect(409, "conflict")
        seconded = other.post("/v1/ceremonies/%s/approve" % asked["id"]).expect(200).json()
        equal(seconded["state"], "done", "state")
        account["totp_secret"] = seconded.get("totp_secret", account["totp_secret"])
        account["password"] = asked.get("initial_password", account["password"])
    check(account["totp_secret"] != made["totp_secret"], "the same code secret")
    check(account["password"] != made["initial_password"], "the same password")
    ruth.session = None
    equal(ruth.ready().get("/v1/whoami").expect(200).json()["role"], "auditor", "role")
    ruth.get("/v1/audit/entries?from=0&limit=1").expect(200)


def test_capacity_of_a_domain(v):
    sara, acme = person(v, "sara"), Partner(v)
    path = "/v1/domains/cards/capacity"
    before = sara.get(path).expect(200).json()
    value = val.pan()
    token = acme.token("cards", value)
    equal(acme.token("cards", value), token, "the same value has its token")
    found = sara.get(path).expect(200).json()
    equal(found["fill"], before["fill"] + 1, "mappings ever made")
    equal({m: found[m] for m in ("domain", "format", "mode", "keep", "marked", "capacity",
                                 "percent", "expected")},
          {"domain": "cards", "format": "pan", "mode": "deterministic", "marked": True,
           "keep": {"prefix": 6, "suffix": 4}, "capacity": 900, "percent": 0, "expected": 0},
          "the domain")
    kinds = {k["kind"]: (k["length"], k["originals"], k["tokens"]) for k in found["kinds"]}
    equal(kinds["16"], (16, 10 ** 5, 9 * 10 ** 5), "a bucket of 16 digits")
    equal(kinds["13"], (13, 100, 900), "a bucket of 13")
    equal(sorted(map(int, kinds)), list(range(13, 20)), "kinds of pan")
    acme.post("/v1/tokens/delete", {"domain": "cards", "token": token,
                                    "reason": "erasure"}).expect(200)
    check(acme.token("cards", value) != token, "a token is never issued twice")
    equal(sara.get(path).expect(200).json()["fill"], before["fill"] + 2, "what ended stays taken")
    kinds = sara.get("/v1/domains/accounts/capacity").expect(200).json()["kinds"]
    check({"DE", "GB"} <= {k["kind"] for k in kinds}, "kinds of iban")
    sara.get("/v1/domains/no-such-domain/capacity").expect(404, "not_found")
    sara.get("/v1/domains/%s/capacity" % ("x" * 200)).expect(400)
    for name in ("aude", "rita"):
        equal(person(v, name).get(path).expect(200).json()["fill"], before["fill"] + 2, name)
    acme.get(path).expect(403, "forbidden")
    v.stop()
    v.start()
    equal(person(v, "aude").get(path).expect(200).json()["fill"], before["fill"] + 2, "restarted")


def test_capacity_and_names_of_domains(v):
    sara = person(v, "sara")
    domain = {"name": "narrow", "format": "pan", "mode": "random", "partners": ["acme"],
              "keep": {"prefix": 6, "suffix": 4}, "purposes": ["refund"]}
    for expected in (10 ** 6, 2 ** 53):
        reply = sara.post("/v1/domains", {**domain, "expected": expected})
        reply.expect(400, "bad_request")
        equal(reply.json()["field"], "/expected", "field")
    reply = sara.post("/v1/domains", {**domain, "name": "cards"})
    check(reply.status in (400, 409), "a name taken: %r" % reply)


def walk(who, path, limit):
    """Every name (or id) of a list, page by page."""
    names, after = [], ""
    while True:
        page = who.get("%s?limit=%d%s" % (path, limit, after)).expect(200).members("items", "next")
        check(len(page["items"]) <= limit, "a page of %d" % len(page["items"]))
        names += [i.get("name") or i["id"] for i in page["items"]]
        if page["next"] is None:
            return names
        check(page["items"] and after != "&after=" + page["next"], "a page that leads nowhere")
        after = "&after=" + page["next"]


def test_lists_page_by_page(v):
    people = {"/v1/domains": person(v, "sara"), "/v1/partners": person(v, "sara"),
              "/v1/users": person(v, "sara"), "/v1/ceremonies": person(v, "sara"),
              "/v1/keys": person(v, "cora")}
    for path, who in people.items():
        whole = walk(who, path, 1000)
        check(len(whole) >= 3 and len(set(whole)) == len(whole), "%s: %s" % (path, whole))
        for limit in (1, 2, len(whole), len(whole) + 1):
            equal(walk(who, path, limit), whole, "%s in pages of %d" % (path, limit))
        for bad in ("limit=0", "limit=100000000", "limit=x", "limit=-1", "limit=", "after=A_B",
                    "limit=1&limit=2", "other=1"):
            reply = who.get(path + "?" + bad)
            check(reply.status == 400, "%s?%s: %r" % (path, bad, reply))
    for path in ("/v1/domains", "/v1/partners", "/v1/users"):
        names = walk(people[path], path, 1000)
        equal(names, sorted(names), "order of " + path)
        equal(people[path].get(path + "?after=zzzzzzzz").expect(200).json(),
              {"items": [], "next": None}, "beyond the end of " + path)
    last = "ffffffff-ffff-7fff-bfff-ffffffffffff"
    equal(people["/v1/ceremonies"].get("/v1/ceremonies?after=" + last).expect(200).json(),
          {"items": [], "next": None}, "beyond the end of ceremonies")


def test_C42_change_of_password(v):
    """The old one and a fresh factor; weak ones are refused; other sessions end, this one stays."""
    oscar, other, path = person(v, "oscar"), Person(v, "oscar"), "/v1/sessions/current/password"
    other.login()
    old, new = oscar.account["password"], "kettle-17-mud"
    until = oscar.get("/v1/whoami").expect(200).json()["password_expires_at"]
    listed = person(v, "sara").get("/v1/users").expect(200).json()["items"]
    equal({u["name"]: u for u in listed}["oscar"]["password_expires_at"], until, "in the list")
    days = [time.strftime("%Y-%m-%d", time.gmtime(time.time() + n * 86400)) for n in (29, 31)]
    check(days[0] < until < days[1], "until " + until)
    for weak in ("short-1-x", "my-name-is-Oscar", "password1234", "ababababababab", old,
                 "a" * 200 + "bcdef", "card 4111 1111 1111 1111"):
        reply = oscar.post(path, {"password": old, "new_password": weak}).expect(400, "bad_request")
        equal(reply.json()["field"], "/new_password", "field of " + weak)
    oscar.post(path, {"password": "not the old one", "new_password": new}).expect(
        401, "unauthenticated")
    for body in ({"password": old}, {"new_password": new}, {}):
        oscar.post(path, body).expect(400, "bad_request")
    other.get("/v1/whoami").expect(200)
    oscar.post(path, {"password": old, "new_password": new}).expect(204)
    oscar.get("/v1/whoami").expect(200)
    other.get("/v1/whoami").expect(401, "unauthenticated")
    oscar.account["password"] = new
    Partner(v).post(path, {"password": old, "new_password": new}).expect(403, "forbidden")
    Client(v).post(path, {"password": old, "new_password": new}).expect(401, "unauthenticated")


def test_bad_sessions_and_ceremonies(v):
    """Forged, truncated, foreign: sessions are 401 alike, ceremonies are 404 or not one's own."""
    sara, sven = person(v, "sara"), person(v, "sven")
    token, wrong = sven.session, []
    forged = token[:20] + ("A" if token[20] != "A" else "B") + token[21:]
    for text in (forged, token[:-1], token + "A", token[::-1], token.swapcase(), "A" * 43,
                 token[:42] + "=", "." + token[1:], ""):
        reply = Client(v).get("/v1/whoami", headers={"Authorization": "Bearer " + text})
        if (reply.status, reply.code()) != (401, "unauthenticated"):
            wrong.append("%d characters: %r" % (len(text), reply))
    check(not wrong, "; ".join(wrong))
    asked = sara.post("/v1/ceremonies", {"kind": "reset-factor", "subject": "omar",
                                         "reason": "lost it"}).expect(201).json()["id"]
    last = "0" if asked[-1] != "0" else "1"
    for name in (asked[:-1], asked[:-1] + last, "x", "01890a5d-ac96-774b-bcce-b302099a8057"):
        for verb in ("approve", "cancel"):
            sven.post("/v1/ceremonies/%s/%s" % (name, verb)).expect(404, "not_found")
        sven.get("/v1/ceremonies/" + name).expect(404, "not_found")
    person(v, "cora").post("/v1/ceremonies/%s/approve" % asked).expect(403, "forbidden")
    person(v, "olga").post("/v1/ceremonies/%s/approve" % asked).expect(403, "forbidden")
    sven.post("/v1/ceremonies/%s/cancel" % asked).expect(200)
    sven.post("/v1/ceremonies/%s/approve" % asked).expect(409, "conflict")


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
