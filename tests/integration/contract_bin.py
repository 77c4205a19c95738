#!/usr/bin/env python3
"""Card tokens inside a payment network: token_check bin, over HTTP; C19.

The development instance has the token BINs 999000 to 999099.
"""

import json

import lib
import values as val
from client import Partner, Person
from lib import check, equal

PEOPLE = {}
REQUESTOR = "40012345678"
NETWORK = {"name": "network", "format": "pan", "mode": "deterministic", "partners": ["acme"],
           "purposes": ["refund"], "keep": {"prefix": 0, "suffix": 4}, "expected": 5000,
           "token_check": "bin", "requestor": REQUESTOR, "assurance": 42,
           "channels": ["app", "e-commerce"]}
PLAIN = ("batch_detokenize", "capacity", "consent_required", "created_at", "expected", "format",
         "keep", "mode", "name", "partners", "purposes", "state", "token_check")


def person(v, name):
    return PEOPLE.setdefault(name, Person(v, name)).ready()


def is_network_token(token, value):
    return (len(token) == len(value) and token.isdigit() and val.luhn_ok(token)
            and "999000" <= token[:6] <= "999099" and token[-4:] == value[-4:])


def test_C19_domain(v):
    sara = person(v, "sara")
    made = sara.post("/v1/domains", NETWORK).expect(201).members(
        *PLAIN, "assurance", "channels", "requestor")
    for name in ("token_check", "assurance", "channels", "requestor"):
        equal(made[name], NETWORK[name], name)
    equal(made["capacity"], 10000, "tokens of 13 digits: 100 BINs, two digits more")
    listed = {d["name"]: d for d in sara.get("/v1/domains").expect(200).json()["items"]}
    equal(listed["network"], made, "the domain in the list")
    check(not {"assurance", "channels", "requestor"} & set(listed["cards"]),
          "a domain without token BINs has members of a network")
    aude = person(v, "aude")
    page = aude.get("/v1/audit/entries?from=0&limit=1000").expect(200).json()["entries"]
    lines = [json.loads(e["line"]) for e in page]
    equal([o.get("purpose") for o in lines if o["verb"] == "domain-add"], ["token_check=bin"],
          "purpose in the log")


def test_C19_refused_domains(v):
    sara = person(v, "sara")
    for change, field in (({"requestor": "4001234567"}, "/requestor"),
                          ({"requestor": "400123456789"}, "/requestor"),
                          ({"requestor": "4001234567X"}, "/requestor"),
                          ({"requestor": 40012345678}, "/requestor"),
                          ({"assurance": 100}, "/assurance"), ({"assurance": -1}, "/assurance"),
                          ({"assurance": "42"}, "/assurance"), ({"channels": []}, "/channels"),
                          ({"channels": "app"}, "/channels"),
                          ({"channels": ["app", "app"]}, "/channels"),
                          ({"channels": ["a"] * 9}, "/channels"),
                          ({"channels": [c for c in "abcdefghi"]}, "/channels"),
                          ({"channels": ["A"]}, "/channels"), ({"channels": [""]}, "/channels"),
                          ({"channels": ["x" * 33]}, "/channels"),
                          ({"keep": {"prefix": 6, "suffix": 4}}, "/keep"),
                          ({"expected": 5001}, "/expected"),
                          ({"token_check": "fail"}, "/requestor")):
        reply = sara.post("/v1/domains", {**NETWORK, "name": "refused", **change})
        reply.expect(400, "bad_request")
        check(reply.json().get("field", "").startswith(field), "%s is refused at %s" %
              (change, reply.json().get("field")))
    for change in ({"mode": "ff1"}, {"format": "iban"}, {"format": "cn-mobile"},
                   {"format": "passport", "keep": {"prefix": 0, "suffix": 0}}):
        reply = sara.post("/v1/domains", {**NETWORK, "name": "refused", **change})
        equal(reply.expect(422, "unsupported_mode").json()["field"], "/token_check", "field")
    names = [d["name"] for d in sara.get("/v1/domains").expect(200).json()["items"]]
    check("refused" not in names, "a refused domain is there")


def test_C19_tokens_and_back(v):
    acme, olga = Partner(v), person(v, "olga")
    for length in range(13, 20):
        value = val.pan(length)
        token = acme.token("network", value, channel="app")
        check(is_network_token(token, value), "token of a card of %d digits" % length)
        equal(acme.token("network", value, channel="e-commerce"), token, "token again")
        body = {"domain": "network", "token": token, "purpose": "refund", "reason": "case 7"}
        equal(olga.post("/v1/detokenize", body).expect(200).json()["value"], value, "value")
    cards = [val.pan() for _ in range(500)]
    tokens = [r["token"] for r in acme.batch("network", cards, channel="app")]
    check(all(is_network_token(t, c) for t, c in zip(tokens, cards)), "tokens of a batch")
    equal(len(set(tokens)), len(set(cards)), "distinct tokens")


def test_C19_channels(v):
    acme = Partner(v)
    for more in ({}, {"channel": "pos"}, {"channel": "ap"}, {"channel": "App"}):
        for value in (val.pan(), "x"):  # 403 comes before what is wrong with the value
            reply = acme.tokenize("network", value, **more).expect(403, "forbidden")
            equal(reply.json()["field"], "/channel", "field")
    body = {"domain": "network", "values": [val.pan(), val.pan()]}
    acme.post("/v1/tokenize", body).expect(403, "forbidden")
    acme.token("cards", val.pan(), channel="pos")


def test_C19_never_an_original(v):
    acme, value = Partner(v), val.pan()
    token = acme.token("network", value, channel="app")
    acme.tokenize("network", token, channel="app").expect(422, "already_token")
    unused = val.pan(prefix="999042")
    acme.tokenize("network", unused, channel="app").expect(422, "invalid_value")
    for one in (token, unused):
        reply = acme.tokenize("cards", one).expect(422, "invalid_value")
        equal(reply.json()["field"], "/value", "field")
    results = acme.batch("cards", [unused, value])
    equal(results[0].get("error", {}).get("code"), "invalid_value", "a network token in a batch")
    check("token" in results[1], "the card beside it")
    for prefix in ("998999", "999100"):
        acme.token("cards", val.pan(prefix=prefix))


def test_C19_provenance(v):
    acme, value = Partner(v), val.pan()
    token = acme.token("network", value, channel="e-commerce")
    plain = acme.inspect("network", token).expect(200)
    plain.members("state", "created_at", "expires_at")
    body = {"domain": "network", "token": token, "provenance": True}
    for who in (acme, person(v, "aude")):
        found = who.post("/v1/tokens/inspect", body).expect(200).json()["provenance"]
        equal([found[n] for n in ("requestor", "assurance", "channel")],
              [REQUESTOR, 42, "e-commerce"], "what the token keeps")
    v.stop()
    v.start()
    found = Partner(v).post("/v1/tokens/inspect", body).expect(200).json()["provenance"]
    equal([found[n] for n in ("requestor", "assurance", "channel")],
          [REQUESTOR, 42, "e-commerce"], "what the token keeps past a restart")
    token = acme.token("cards", value, channel="pos")
    body = {"domain": "cards", "token": token, "provenance": True}
    found = acme.post("/v1/tokens/inspect", body).expect(200).json()["provenance"]
    check(not {"requestor", "assurance"} & set(found), "a plain token has members of a network")


def test_C19_without_the_setting(v):
    """No BINs: no new such domains; those there are go on, and their tokens stay no originals."""
    acme, value = Partner(v), val.pan()
    token = acme.token("network", value, channel="app")
    v.stop()
    v.settings.append("token.bins=")
    v.start()
    sara = person(v, "sara")
    reply = sara.post("/v1/domains", {**NETWORK, "name": "later"}).expect(422, "unsupported_mode")
    equal(reply.json()["field"], "/token_check", "field")
    acme = Partner(v)
    equal(acme.token("network", value, channel="app"), token, "token")
    acme.tokenize("cards", token).expect(422, "invalid_value")
    other = val.pan()
    check(is_network_token(acme.token("network", other, channel="app"), other), "a new token")


lib.run(globals())
