#!/usr/bin/env python3
"""Domains in ff1 mode over HTTP: both ways, refusals, rotation and end of a key; C14, C43."""

import json
import os
import subprocess
import threading

import lib
import values as val
from client import Partner, Person
from contract_keys import approve, keys, propose
from lib import check, equal

PEOPLE = {}
CARD = {"name": "ff", "format": "pan", "mode": "ff1", "partners": ["acme"],
        "keep": {"prefix": 0, "suffix": 4}, "purposes": ["refund"], "batch_detokenize": 10}
SMALL = "at least 10^6 originals"


def person(v, name):
    return PEOPLE.setdefault(name, Person(v, name)).ready()


def reveal(v, token, domain="ff"):
    return person(v, "olga").reveal(domain, token, purpose="refund")


def carry_out(v, kind, **about):
    """Proposed by carl, seconded by cora, done."""
    carl = person(v, "carl")
    number = propose(carl, kind, **about).expect(201).json()["id"]
    approve(person(v, "cora"), number).expect(200)

    def ended():
        state = carl.get("/v1/ceremonies/" + number).expect(200).json()["state"]
        return state != "running" and state
    equal(lib.wait_for(ended, 30, "the end of " + kind, 0.1), "done", "state of " + kind)


def ff1_keys(v, domain="ff"):
    return [k for k in keys(person(v, "aude")) if k["kind"] == "ff1" and k["domain"] == domain]


def test_C14_create(v):
    sara = person(v, "sara")
    made = sara.post("/v1/domains", CARD).expect(201).json()
    equal((made["mode"], made["token_check"]), ("ff1", "fail"), "mode, token_check")
    check(made["capacity"] >= 10 ** 6, "capacity is %d" % made["capacity"])
    for name, body in (("ff-two", {}), ("ff-id", {"format": "cn-id", "keep": None})):
        body = {**CARD, "name": name, **body}
        sara.post("/v1/domains", {k: b for k, b in body.items() if b is not None}).expect(201)
    found = ff1_keys(v)
    equal([(k["id"], k["version"], k["state"]) for k in found], [("ff1-ff-1", 1, "active")], "keys")
    check("records" not in found[0], "records of what is not stored")
    check(not ff1_keys(v, "cards"), "an FF1 key of another domain")


def test_capacity_is_the_originals(v):
    """One token for each original, and no fill: nothing is stored."""
    Partner(v).token("ff", val.pan())
    found = person(v, "sara").get("/v1/domains/ff/capacity").expect(200).json()
    equal((found["mode"], found["fill"], found["percent"]), ("ff1", 0, 0), "mode, fill, percent")
    equal(found["capacity"], min(k["originals"] for k in found["kinds"]), "capacity")
    check(all(k["tokens"] == k["originals"] for k in found["kinds"]), "tokens and originals")


def test_whoami(v):
    mine = {d["name"]: d for d in Partner(v).get("/v1/whoami").expect(200).json()["domains"]}
    equal(mine["ff"]["mode"], "ff1", "mode in whoami")


def test_there_and_back(v):
    acme, cards = Partner(v), [val.pan() for _ in range(8)] + [val.pan(13), val.pan(19)]
    results = acme.batch("ff", cards + cards[:2])
    for item in results:
        check(item["created"] is True and item["expires_at"] is None, "created, expires_at")
    tokens = [item["token"] for item in results]
    equal(tokens[-2:], tokens[:2], "one value twice in a batch")
    equal([acme.token("ff", c) for c in cards], tokens[:-2], "tokens of single values")
    for card, token in zip(cards, tokens):
        check(val.is_pan_token(token, card, keep=(0, 4)), "token of a card")
    check(acme.token("ff-two", cards[0]) != tokens[0], "two domains, one token")
    equal(reveal(v, tokens[0]).expect(200).members("value", "receipt")["value"], cards[0], "value")
    body = {"domain": "ff", "tokens": tokens[:9], "purpose": "refund", "reason": "case 17"}
    found = person(v, "olga").post("/v1/detokenize", body).expect(200).json()["results"]
    equal([r["value"] for r in found], cards[:9], "values of a batch")
    number = val.cn_id()
    token = acme.token("ff-id", number)
    check(val.is_cn_id_token(token), "token of a resident ID")
    equal(reveal(v, token, "ff-id").expect(200).json()["value"], number, "resident ID")


def test_C10_no_values_and_tokens(v):
    acme, card = Partner(v), val.pan()
    token = acme.token("ff", card)
    acme.tokenize("ff", token).expect(422, "already_token")
    acme.tokenize("ff", val.spaced(token)).expect(422, "already_token")
    reveal(v, card).expect(422, "not_token")
    acme.tokenize("ff", "12").expect(422, "invalid_value")
    equal(acme.tokenize("ff", val.spaced(card)).expect(200).json()["token"], token, "separators")


def test_unsupported(v):
    """Refused after what the contract puts before it: domain, then form."""
    acme, card = Partner(v), val.pan()
    token = acme.token("ff", card)
    for member, number in (("expires_in", 60), ("uses", 1)):
        reply = acme.tokenize("ff", card, **{member: number}).expect(422, "unsupported_mode")
        equal(reply.json()["field"], "/" + member, "field")
    reply = acme.lookup("ff", card).expect(422, "unsupported_mode")
    equal(reply.json()["field"], "/domain", "field")
    acme.inspect("ff", token).expect(422, "unsupported_mode")
    person(v, "olga").post("/v1/tokens/inspect", {"domain": "ff", "token": token}).expect(
        422, "unsupported_mode")
    for verb in ("suspend", "resume", "revoke", "delete"):
        acme.change(verb, "ff", token).expect(422, "unsupported_mode")
        acme.change(verb, "ff", card).expect(422, "not_token")
        acme.change(verb, "cards-zeta", token).expect(403, "forbidden")
        person(v, "sara").post("/v1/tokens/" + verb, {
            "domain": "ff", "token": token, "reason": "lost"}).expect(422, "unsupported_mode")
    body = {"domain": "ff", "token": token, "value": card, "reason": "reissued"}
    acme.post("/v1/tokens/replace", body).expect(422, "unsupported_mode")
    reply = propose(person(v, "carl"), "rotate-index-key", domain="ff")
    reply.expect(422, "unsupported_mode")


def test_C14_small_domains_name_the_widest_keep(v):
    sara = person(v, "sara")
    body = {**CARD, "name": "small", "keep": {"prefix": 6, "suffix": 4}}
    found = sara.post("/v1/domains", body).expect(400, "bad_request").json()
    equal(found["field"], "/keep", "field")
    check(SMALL in found["detail"], "detail: %s" % found["detail"])
    widest = found["detail"].rsplit(": ", 1)[1].split(", ")
    check(widest, "no keep is named")
    for number, keep in enumerate(widest):
        prefix, suffix = map(int, keep.split("+"))
        wide = {**CARD, "name": "wide-%d" % number, "keep": {"prefix": prefix, "suffix": suffix}}
        sara.post("/v1/domains", wide).expect(201)
    code = subprocess.run(
        [os.path.join(lib.BUILD, "hufu"), "--dev", v.dir, "login", "sara"], text=True,
        input="%s\n%s\n" % (sara.account["password"], sara.next_code()), capture_output=True,
        timeout=60, env=dict(os.environ, HOME=v.top)).returncode
    equal(code, 0, "log-in by hufu")
    done = subprocess.run(
        [os.path.join(lib.BUILD, "hufu"), "--dev", v.dir, "domain", "add", "small", "--format",
         "pan", "--mode", "ff1", "--partners", "acme", "--purposes", "refund", "--keep", "6,4",
         "--as", "sara"],
        capture_output=True, text=True, timeout=60, env=dict(os.environ, HOME=v.top))
    check(done.returncode != 0 and found["detail"] in done.stderr, "hufu says: " + done.stderr)


def test_C14_what_a_domain_may_not_ask_for(v):
    sara = person(v, "sara")
    for change, status, field in (
            ({"format": "passport"}, 422, "/mode"), ({"expires_in": 60}, 400, "/expires_in"),
            ({"token_check": "none"}, 422, "/token_check"),
            ({"consent_required": True}, 422, "/consent_required")):
        body = {**CARD, "name": "bad", **change}
        if "format" in change:
            del body["keep"]
        found = sara.post("/v1/domains", body).expect(status).json()
        equal(found["field"], field, "field with %s" % change)
        check("detail" not in found, "a detail with %s" % change)


def test_C14_entrusted_partners_have_no_part(v):
    sara, bad = person(v, "sara"), v.dev["bad_certs"]["unpinned"]
    with open(v.dev_file(bad["cert"]), encoding="ascii") as f:
        body = {"name": "agent", "cert_pem": f.read(), "formats": ["pan"], "domains": ["ff"],
                "entrusted": True}
    reply = sara.post("/v1/partners", body).expect(422, "unsupported_mode")
    equal(reply.json()["field"], "/domains", "field")
    body["domains"] = ["cards"]
    equal(sara.post("/v1/partners", body).expect(201).json()["entrusted"], True, "entrusted")
    v.dev["partners"].append({"name": "agent", **bad, "domains": ["cards"]})
    Partner(v, "agent").token("cards", val.pan())
    reply = sara.post("/v1/domains", {**CARD, "name": "theirs", "partners": ["acme", "agent"]})
    equal(reply.expect(422, "unsupported_mode").json()["field"], "/partners", "field")
    until = {"qualification": {"ref": "licence-1", "valid_until": "2039-01-01T00:00:00Z"}}
    sara.post("/v1/partners/agent/qualification", until).expect(200)
    listed = {p["name"]: p for p in sara.get("/v1/partners").expect(200).json()["items"]}
    equal(listed["agent"].get("entrusted"), True, "entrusted after a change")
    check("entrusted" not in listed["acme"], "acme is called entrusted")


def test_freeze(v):
    sara, acme, card = person(v, "sara"), Partner(v), val.pan()
    token = acme.token("ff", card)
    sara.post("/v1/domains/ff/freeze", {"reason": "incident"}).expect(200)
    acme.tokenize("ff", card).expect(403, "forbidden")
    sara.post("/v1/domains/ff/unfreeze", {"reason": "over"}).expect(200)
    equal(acme.token("ff", card), token, "token after the freeze")


def test_C43_rotation_and_end_of_a_key(v):
    acme, card = Partner(v), val.pan()
    old = acme.token("ff", card)
    carry_out(v, "rotate-data-key", domain="ff")
    new = acme.token("ff", card)
    check(new != old and val.is_pan_token(new, card, keep=(0, 4)), "token after the rotation")
    equal([(k["version"], k["state"]) for k in ff1_keys(v)], [(1, "deactivated"), (2, "active")],
          "keys")
    v.stop()
    v.start()
    for token in (old, new):
        equal(reveal(v, token).expect(200).json()["value"], card, "value")
    equal(acme.token("ff", card), new, "token after a restart")
    carl = person(v, "carl")
    propose(carl, "destroy-key", subject="ff1-ff-2").expect(409, "conflict")
    carry_out(v, "destroy-key", subject="ff1-ff-1")
    reveal(v, old).expect(404, "not_found")
    acme.tokenize("ff", old).expect(422, "invalid_value")
    equal(reveal(v, new).expect(200).json()["value"], card, "value")
    carry_out(v, "rotate-kek")
    v.crash()
    v.start()
    equal(acme.token("ff", card), new, "token under a new KEK, after a crash")
    equal([k["state"] for k in ff1_keys(v)], ["destroyed", "active"], "states of the keys")


def test_C43_nobody_notices_a_rotation(v):
    """Callers go on while the key changes: each answer is the old token or the new one."""
    card, stop, seen = val.pan(), threading.Event(), [[] for _ in range(4)]

    def ask(mine):
        acme = Partner(v)
        while not stop.is_set():
            mine.append(acme.token("ff-two", card))

    threads = [threading.Thread(target=ask, args=(mine,)) for mine in seen]
    for t in threads:
        t.start()
    for _ in range(3):
        carry_out(v, "rotate-data-key", domain="ff-two")
    stop.set()
    for t in threads:
        t.join()
    last = Partner(v).token("ff-two", card)
    for mine in seen:
        order = [t for n, t in enumerate(mine) if n == 0 or mine[n - 1] != t]
        check(len(order) == len(set(order)) <= 4, "a token of a version that was over")
    for token in {t for mine in seen for t in mine} | {last}:
        equal(reveal(v, token, "ff-two").expect(200).json()["value"], card, "value")


def test_C26_the_log_has_it(v):
    aude, lines = person(v, "aude"), []
    size = aude.get("/v1/audit/entries?from=0&limit=1").expect(200).json()["size"]
    for start in range(0, size, 1000):
        path = "/v1/audit/entries?from=%d&limit=1000" % start
        page = aude.get(path).expect(200).json()["entries"]
        lines += [json.loads(e["line"]) for e in page]
    mine = [o for o in lines if o.get("domain") == "ff"]
    made = [o.get("purpose") for o in mine if o["verb"] == "domain-add"]
    equal(made, ["mode=ff1"], "purpose of domain-add")
    for verb in ("tokenize", "detokenize", "key-activate", "key-destroy"):
        check(any(o["verb"] == verb and o["result"] == "ok" for o in mine), "no entry of " + verb)
    check(all("token_id" in o for o in mine if o["verb"] == "detokenize" and o["result"] == "ok"),
          "a reveal that names no token")


if __name__ == "__main__":
    lib.run(globals())
