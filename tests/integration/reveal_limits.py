#!/usr/bin/env python3
"""Limits on reveals over HTTP: values, a minute, misses, probing, planted tokens, types; C28, C29.

Whoever goes beyond one is suspended, so each test has a person of its own.
"""

import lib
import rfc6962 as tree
import values as val
from client import Partner, Person
from contract_tokenize import unknown_token
from lib import check, equal

PEOPLE = {}
A_DAY, MISSES, SEQUENCE = 6, 5, 6


def person(v, name):
    return PEOPLE.setdefault(name, Person(v, name)).ready()


def operator(v, name):
    """A new operator, whom sara enrols."""
    body = {"name": name, "role": "operator"}
    found = person(v, "sara").post("/v1/users", body).expect(201).json()
    v.dev["users"].append({**body, "password": found["initial_password"],
                           "totp_secret": found["totp_secret"]})
    return person(v, name)


def tokens(v, count, domain="cards"):
    acme = Partner(v)
    return [acme.token(domain, val.pan()) for _ in range(count)]


def lines(v, *parts):
    tail = tree.Tail(person(v, "aude"))
    tail.read()
    return [line for line in tail.lines if all(p in line for p in parts)]


def suspended(v, name):
    """Nothing works any more within a second, and the log says why."""
    lib.wait_for(lambda: PEOPLE[name].get("/v1/whoami").status == 401, 1, name + " goes on")


def over_the_limit(v, name, reply, rule):
    reply.expect(429, "rate_limited")
    check(int(reply.headers["Retry-After"]) > 0, "429 without Retry-After")
    suspended(v, name)
    found = lines(v, '"verb":"alarm"', "rule=%s " % rule, '"principal":"%s"' % name)
    equal(len(found), 1, "alarms about " + rule)


def test_C28_values_not_requests(v):
    one = operator(v, "val")
    found = tokens(v, A_DAY + 1)
    for _ in range(3):
        for token in found[:A_DAY]:
            one.reveal("cards", token).expect(200)
    v.crash()
    v.start()
    one.reveal("cards", found[0]).expect(200)
    over_the_limit(v, "val", one.reveal("cards", found[A_DAY]), "reveals-day")


def test_C28_tokens_in_vain(v):
    one, acme = operator(v, "mia"), Partner(v)
    for _ in range(MISSES - 1):
        one.reveal("cards", unknown_token(acme)).expect(404, "not_found")
    v.crash()
    v.start()
    one.reveal("cards", unknown_token(acme)).expect(404, "not_found")
    over_the_limit(v, "mia", one.reveal("cards", unknown_token(acme)), "misses")


def test_C28_one_after_another(v):
    """Tokens that are there and tokens that are not, all next to one another."""
    one = operator(v, "seq")
    token = tokens(v, 1)[0]
    one.reveal("cards", token).expect(200)
    asked, middle = 1, int(token[6:12])
    step = 1 if middle < 500000 else -1
    while True:
        middle += step
        near = "%s%06d%s" % (token[:6], middle, token[12:])
        if val.luhn_ok(near):
            continue
        asked += 1
        reply = one.reveal("cards", near)
        if asked == SEQUENCE:
            break
        check(reply.status in (200, 404), "the %d. of them is answered %r" % (asked, reply))
    over_the_limit(v, "seq", reply, "sequence")


def test_C28_planted_tokens(v):
    one, sara = operator(v, "pip"), person(v, "sara")
    dead, bait, other = tokens(v, 3)
    for verb, token in (("revoke", dead), ("plant", bait)):
        sara.post("/v1/tokens/" + verb, {"domain": "cards", "token": token,
                                         "reason": "bait"}).expect(200).members("state")
    refused = [one.reveal("cards", token).expect(404, "not_found") for token in (dead, bait)]
    bodies = [{k: x for k, x in r.json().items() if k != "request_id"} for r in refused]
    equal(bodies[1], bodies[0], "refusal")
    equal(sorted(refused[1].headers), sorted(refused[0].headers), "headers")
    suspended(v, "pip")
    equal(len(lines(v, '"verb":"alarm"', "rule=planted-token grade=high", '"principal":"pip"')), 1,
          "alarms")
    equal(one.reveal("cards", other).status, 401, "status of one who is suspended")


def test_C28_plant_is_refused(v):
    sara, acme = person(v, "sara"), Partner(v)
    body = {"domain": "cards", "token": unknown_token(acme), "reason": "bait"}
    sara.post("/v1/tokens/plant", body).expect(404, "not_found")
    sara.post("/v1/tokens/plant", {**body, "token": val.pan()}).expect(422, "not_token")
    sara.post("/v1/tokens/plant", {**body, "domain": "none"}).expect(403, "forbidden")
    acme.post("/v1/tokens/plant", body).expect(403, "forbidden")
    person(v, "olga").post("/v1/tokens/plant", body).expect(403, "forbidden")


def test_C29_second_type_of_a_subject(v):
    sara, acme, olga = person(v, "sara"), Partner(v), person(v, "olga")
    domain = {"name": "ids-step", "format": "cn-id", "mode": "deterministic",
              "partners": ["acme"], "purposes": ["refund"], "escalation": "step-up"}
    sara.post("/v1/domains", domain).expect(201)
    sara.post("/v1/domains", {**domain, "name": "ids-grant", "escalation": "grant"}).expect(201)
    value = val.cn_id()
    card = acme.token("cards", val.pan(), subject="customer-1")
    mine = {name: acme.token(name, value, subject="customer-1") for name in
            ("ids-step", "ids-grant")}
    other = acme.token("ids-step", val.cn_id(), subject="customer-2")
    olga.reveal("cards", card).expect(200)
    reply = olga.reveal("ids-step", mine["ids-step"], purpose="refund")
    reply.expect(401, "step_up_required")
    check(reply.headers.get("WWW-Authenticate"), "401 without WWW-Authenticate")
    olga.reveal("ids-step", other, purpose="refund").expect(200)
    olga.reveal("ids-grant", mine["ids-grant"], purpose="refund").expect(403, "grant_required")
    olga.step_up().expect(204)
    olga.reveal("ids-grant", mine["ids-grant"], purpose="refund").expect(403, "grant_required")
    found = olga.reveal("ids-step", mine["ids-step"], purpose="refund").expect(200).json()
    equal(found["value"], value, "value after the step-up")
    found = lines(v, '"verb":"detokenize"', '"domain":"ids-step"', "step_up_required")
    equal(len(found), 1, "entries of the refusal")


if __name__ == "__main__":
    lib.run(globals(), ["limit.reveals_per_day=%d" % A_DAY, "limit.reveal_misses=%d" % MISSES,
                        "limit.reveal_sequence=%d" % SEQUENCE])
