#!/usr/bin/env python3
"""The states of a token: suspend, resume, revoke, delete; by partners and security."""

import uuid

import lib
import values as val
from client import Partner, Person
from contract_tokenize import unknown_token
from lib import check, equal

PEOPLE = {}
VERBS = ("suspend", "resume", "revoke", "delete")
AFTER = {"suspend": "suspended", "resume": "active", "revoke": "revoked", "delete": "deleted"}


def person(v, name):
    return PEOPLE.setdefault(name, Person(v, name)).ready()


def token_in(acme, state):
    """A new card and its token, brought into a state."""
    value = val.pan()
    token = acme.token("cards", value)
    way = {"active": (), "suspended": ("suspend",), "revoked": ("revoke",),
           "deleted": ("delete",)}[state]
    for verb in way:
        acme.change(verb, "cards", token).expect(200)
    return value, token


def test_every_state_by_every_verb(v):
    acme, wrong = Partner(v), []
    for state in ("active", "suspended", "revoked", "deleted"):
        for verb in VERBS:
            _, token = token_in(acme, state)
            reply = acme.change(verb, "cards", token)
            open_ended = state in ("active", "suspended")
            want = 200 if open_ended or AFTER[verb] == state else 409
            if reply.status != want or (want == 409 and reply.code() != "conflict"):
                wrong.append("%s of a token that is %s: %r" % (verb, state, reply))
                continue
            if want == 200 and reply.members("state") != {"state": AFTER[verb]}:
                wrong.append("%s of a token that is %s: %r" % (verb, state, reply))
            now = acme.state("cards", token)
            if now != (AFTER[verb] if want == 200 else state):
                wrong.append("%s of a token that is %s leaves it %s" % (verb, state, now))
    check(not wrong, "; ".join(wrong))


def test_suspended(v):
    acme = Partner(v)
    value, token = token_in(acme, "suspended")
    acme.tokenize("cards", value).expect(409, "token_suspended")
    other = val.pan()
    found = acme.batch("cards", [value, other])
    equal(found[0]["error"]["code"], "token_suspended", "code of the item")
    check("token" in found[1], "the item beside it failed")
    acme.lookup("cards", value).expect(404, "not_found")
    acme.change("resume", "cards", token).expect(200)
    equal(acme.tokenize("cards", value).expect(200).json(),
          {"token": token, "created": False, "expires_at": None}, "reply after resume")
    equal(acme.lookup("cards", value).expect(200).json()["token"], token, "look-up after resume")


def test_revoked_and_deleted_values_get_a_new_token(v):
    acme, olga = Partner(v), person(v, "olga")
    for state in ("revoked", "deleted"):
        value, token = token_in(acme, state)
        acme.lookup("cards", value).expect(404, "not_found")
        again = acme.tokenize("cards", value).expect(200).json()
        equal(again["created"], True, "created after " + state)
        check(again["token"] != token, "a %s token was issued again" % state)
        equal(acme.state("cards", token), state, "state of the old token")
        equal(olga.value("cards", again["token"]), value, "value of the new token")
        acme.tokenize("cards", token).expect(422, "already_token")


def test_unknown_token(v):
    acme = Partner(v)
    text = unknown_token(acme)
    for verb in VERBS:
        acme.change(verb, "cards", text).expect(404, "not_found")
        acme.change(verb, "cards", val.pan()).expect(422, "not_token")


def test_reason(v):
    acme = Partner(v)
    _, token = token_in(acme, "active")
    for verb in VERBS:
        acme.post("/v1/tokens/" + verb, {"domain": "cards", "token": token}).expect(400)
        for text in (val.pan(), "id " + val.cn_id(), val.spaced(val.pan(), by="-")):
            reply = acme.change(verb, "cards", token, text).expect(422, "value_in_text")
            equal(reply.json().get("field"), "/reason", "field")
        acme.change(verb, "cards", token, "x" * 129).expect(400, "bad_request")
    equal(acme.state("cards", token), "active", "state after refusals")


def test_security_admin_may(v):
    acme, sara = Partner(v), person(v, "sara")
    _, token = token_in(acme, "active")
    for verb in ("suspend", "resume", "revoke"):
        body = {"domain": "cards", "token": token, "reason": "fraud case"}
        equal(sara.post("/v1/tokens/" + verb, body).expect(200).json()["state"], AFTER[verb],
              "state after " + verb)


def test_C07_lifecycle_replay(v):
    acme, head = Partner(v), {"Idempotency-Key": str(uuid.uuid4())}
    _, token = token_in(acme, "active")
    body = {"domain": "cards", "token": token, "reason": "stolen"}
    first = acme.post("/v1/tokens/suspend", body, headers=head).expect(200)
    acme.change("resume", "cards", token).expect(200)
    again = acme.post("/v1/tokens/suspend", body, headers=head).expect(200)
    equal((again.json(), again.headers.get("Idempotency-Replayed")), (first.json(), "true"),
          "replay")
    equal(acme.state("cards", token), "active", "a replay changed the state")


def test_C26_changes_are_entries(v):
    acme, aude = Partner(v), person(v, "aude")
    _, token = token_in(acme, "active")
    start = aude.get("/v1/audit/entries?from=0&limit=1").expect(200).json()["size"]
    acme.change("suspend", "cards", token, "lost 8152").expect(200)
    acme.change("resume", "cards", unknown_token(acme), "lost 8153").expect(404)

    def both():
        reply = aude.get("/v1/audit/entries?from=%d&limit=100" % start)
        return reply.status == 200 and b"lost 8152" in reply.body and b"lost 8153" in reply.body \
            and reply
    found = lib.wait_for(both, 3, "entries of a change and a refusal", 0.1)
    lines = [e["line"] for e in found.json()["entries"]]
    good = next(l for l in lines if "lost 8152" in l)
    bad = next(l for l in lines if "lost 8153" in l)
    for part in ('"principal":"acme"', '"verb":"suspend"', '"result":"ok"', '"domain":"cards"'):
        check(part in good, "%s is not in the entry" % part)
    check('"result":"not_found"' in bad, "the refusal's result")
    check(not any(token in l for l in lines), "a token is in the log")


if __name__ == "__main__":
    lib.run(globals())
