#!/usr/bin/env python3
"""POST /v1/detokenize: what a clear value needs, and that every other way ends the same."""

import base64
import hashlib
import json
import threading
import time

import lib
import values as val
from client import Partner, Person
from contract_tokenize import unknown_token
from lib import check, equal

PEOPLE = {}


def person(v, name):
    return PEOPLE.setdefault(name, Person(v, name)).ready()


def olga(v):
    """One operator for the whole file: codes are precious."""
    return person(v, "olga")


def test_C22_reveal(v):
    acme = Partner(v)
    for domain, value in (("cards", val.pan()), ("ids", val.cn_id()), ("accounts", val.iban())):
        token = acme.token(domain, value)
        reply = olga(v).reveal(domain, token).expect(200)
        equal(reply.members("value", "receipt")["value"], value, "value in " + domain)
        check("no-store" in reply.headers.get("Cache-Control", ""), "a value may be cached")
        if domain != "ids":  # its format has no separators
            equal(olga(v).value(domain, val.spaced(token)), value, "value by a spaced token")


def test_C08_receipt_binds_the_reply(v):
    acme, aude = Partner(v), person(v, "aude")
    token = acme.token("cards", val.pan())
    reply = olga(v).reveal("cards", token).expect(200).json()
    receipt = reply.pop("receipt")
    equal(sorted(receipt), ["index", "nonce", "origin"], "members of the receipt")
    equal(receipt["origin"], v.dev["log"]["origin"], "origin")
    nonce = base64.b64decode(receipt["nonce"], validate=True)
    equal(len(nonce), 32, "bytes of the nonce")
    entry = entry_at(aude, receipt["index"])
    canonical = json.dumps(reply, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    commit = base64.b64encode(hashlib.sha256(nonce + canonical.encode()).digest()).decode()
    equal(entry.get("commit"), commit, "commitment in the log")
    check(reply["value"] not in str(entry) and token not in str(entry), "the entry tells too much")
    again = olga(v).reveal("cards", token).expect(200).json()["receipt"]
    check(again["nonce"] != receipt["nonce"] and again["index"] != receipt["index"],
          "nonce or index used twice")


def entry_at(auditor, index):
    """The parsed log line at an index; waits until it is served."""
    def ask():
        reply = auditor.get("/v1/audit/entries?from=%d&limit=1" % index)
        found = reply.json().get("entries") if reply.status == 200 else None
        return found and json.loads(found[0]["line"])
    return lib.wait_for(ask, 3, "entry %d" % index)


def test_C26_entry_of_a_reveal(v):
    acme, aude = Partner(v), person(v, "aude")
    token = acme.token("ids", val.cn_id())
    reply = olga(v).reveal("ids", token, reason="dispute 4711").expect(200).json()
    entry = entry_at(aude, reply["receipt"]["index"])
    want = {"principal": "olga", "role": "operator", "verb": "detokenize", "domain": "ids",
            "purpose": v.purpose("ids"), "reason": "dispute 4711", "result": "ok"}
    equal({k: entry.get(k) for k in want}, want, "entry")
    check(entry.get("source", "").startswith("127.0.0.1"), "source is %r" % entry.get("source"))
    check(entry.get("time", "").endswith("Z") and entry.get("request_id"), "time or request_id")
    equal(len(base64.urlsafe_b64decode(entry["token_id"] + "==")), 16, "bytes of token_id")


def test_C22_purpose_and_reason(v):
    token = Partner(v).token("cards", val.pan())
    person = olga(v)
    body = {"domain": "cards", "token": token, "purpose": v.purpose("cards"), "reason": "case 1"}
    for member in body:
        less = {k: x for k, x in body.items() if k != member}
        person.post("/v1/detokenize", less).expect(400, "bad_request")
    reply = person.reveal("cards", token, purpose="no-such-purpose").expect(422, "invalid_purpose")
    equal(reply.json().get("field"), "/purpose", "field")
    person.reveal("cards", token, reason="").expect(400, "bad_request")
    person.reveal("cards", token, reason="x" * 129).expect(400, "bad_request")
    person.reveal("cards", token, reason="x" * 128).expect(200)
    person.reveal("cards", token, reason="退款 case").expect(200)


def test_C05_reason_with_a_value(v):
    token = Partner(v).token("cards", val.pan())
    for text in (val.pan(), "card " + val.spaced(val.pan()), val.cn_id(), val.iban("NL")):
        reply = olga(v).reveal("cards", token, reason=text).expect(422, "value_in_text")
        equal(reply.json().get("field"), "/reason", "field")


def test_form_of_the_token(v):
    acme, value = Partner(v), val.pan()
    acme.token("cards", value)
    person = olga(v)
    for text in (value, val.pan(), "abc", "1", "9" * 40):
        reply = person.reveal("cards", text).expect(422, "not_token")
        equal(reply.json().get("field"), "/token", "field")


def test_C23_one_and_the_same_404(v):
    acme, zeta = Partner(v), Partner(v, "zeta")
    dead = {}
    for verb in ("suspend", "revoke", "delete"):
        dead[verb] = acme.token("cards", val.pan())
        acme.change(verb, "cards", dead[verb]).expect(200)
    dead["expired"] = acme.token("cards", val.pan(), expires_in=1)
    dead["unknown"] = unknown_token(acme)
    dead["foreign"] = zeta.token("cards-zeta", val.pan())
    time.sleep(1.2)
    seen = {}
    for name, token in dead.items():
        reply = olga(v).reveal("cards", token).expect(404, "not_found")
        problem = reply.json()
        problem.pop("request_id")
        seen[name] = (str(sorted(problem.items())), sorted(k.lower() for k in reply.headers))
    equal(len({str(s) for s in seen.values()}), 1, "different refusals among %s" % sorted(seen))


def test_unknown_domain(v):
    token = Partner(v).token("cards", val.pan())
    olga(v).reveal("no-such-domain", token, purpose="support").expect(403, "forbidden")


def test_C23_no_batch_unless_allowed(v):
    token = Partner(v).token("cards", val.pan())
    body = {"domain": "cards", "tokens": [token], "purpose": v.purpose("cards"), "reason": "r"}
    reply = olga(v).post("/v1/detokenize", body)
    if reply.status == 200:
        results = reply.members("results", "receipt")["results"]
        equal(len(results), 1, "results")
        raise lib.Skip("the domain allows a batch")
    check(reply.status in (400, 403, 422), "a batch in a domain without is answered %r" % reply)
    check(b"value\":" not in reply.body, "a refusal with a value")


def test_idempotency_key_is_ignored(v):
    token = Partner(v).token("cards", val.pan())
    body = {"domain": "cards", "token": token, "purpose": v.purpose("cards"), "reason": "case 2"}
    head = {"Idempotency-Key": "same-key"}
    first = olga(v).post("/v1/detokenize", body, headers=head).expect(200)
    again = olga(v).post("/v1/detokenize", body, headers=head).expect(200)
    check("Idempotency-Replayed" not in again.headers, "a reveal was replayed")
    check(again.json()["receipt"]["index"] != first.json()["receipt"]["index"],
          "two reveals, one entry")


def test_C20_mask_for_operators_only(v):
    acme, value = Partner(v), val.pan()
    token = acme.token("cards", value)
    found = olga(v).post("/v1/tokens/inspect", {"domain": "cards", "token": token}).expect(200)
    mask = found.members("state", "created_at", "expires_at", "masked")["masked"]
    check(value not in mask and mask[-4:] == value[-4:], "mask of a card")
    check(value[6:-4] not in mask, "the mask shows the middle")
    aude = person(v, "aude")
    aude.post("/v1/tokens/inspect", {"domain": "cards", "token": token}).expect(200).members(
        "state", "created_at", "expires_at")
    acme.inspect("cards", token).expect(200).members("state", "created_at", "expires_at")


def test_C20_masks_are_strict(v):
    """Six and four of a card, one and one of a resident ID, country and four of an IBAN."""
    acme = Partner(v)
    for domain, value, prefix, suffix in (("cards", val.pan(), 6, 4), ("ids", val.cn_id(), 1, 1),
                                          ("accounts", val.iban("DE"), 2, 4)):
        body = {"domain": domain, "token": acme.token(domain, value)}
        found = olga(v).post("/v1/tokens/inspect", body).expect(200).json()["masked"]
        hidden = len(value) - prefix - suffix
        equal(found, value[:prefix] + "*" * hidden + value[-suffix:], "mask in " + domain)


def at_once(v, count, domain, token):
    """The same session and token over many connections, released together; the statuses."""
    people = [Person(v, "olga") for _ in range(count)]
    statuses, gate = [], threading.Barrier(count)
    for p in people:
        p.session = olga(v).session
        p.get("/v1/whoami").expect(200)

    def ask(p):
        gate.wait()
        statuses.append(p.reveal(domain, token, purpose="refund").status)
    threads = [threading.Thread(target=ask, args=(p,)) for p in people]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    for p in people:
        p.close()
    return sorted(statuses)


def test_C23_a_one_time_token_by_32_at_once(v):
    acme, sara = Partner(v), person(v, "sara")
    domain = {"name": "once", "format": "pan", "mode": "one-time", "partners": ["acme"],
              "purposes": ["refund"], "expected": 1000}
    sara.post("/v1/domains", domain).expect(201)
    value = val.pan()
    tokens = [acme.token("once", value) for _ in range(3)]
    equal(len(set(tokens)), 3, "tokens of one value")
    for token in tokens:
        equal(at_once(v, 32, "once", token), [200] + [404] * 31, "one use")
        equal(acme.state("once", token), "revoked", "state of a token that was used up")
    equal(at_once(v, 32, "once", acme.token("once", value, uses=3)), [200] * 3 + [404] * 29,
          "three uses")
    acme.tokenize("once", value, uses=0).expect(400, "bad_request")


def test_C21_session_gone(v):
    token = Partner(v).token("cards", val.pan())
    omar = Person(v, "omar").ready()
    omar.reveal("cards", token).expect(200)
    omar.request("DELETE", "/v1/sessions/current").expect(204)
    omar.reveal("cards", token).expect(401, "unauthenticated")


if __name__ == "__main__":
    lib.run(globals())
