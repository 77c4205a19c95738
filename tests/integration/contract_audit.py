#!/usr/bin/env python3
"""The log as an auditor sees it: entries, checkpoints, proofs, receipts; checked independently."""

import base64
import hashlib
import json
import re
import time

import lib
import rfc6962 as tree
import values as val
from client import Client, Partner, Person
from lib import check, equal

PEOPLE = {}
MEMBERS = {"time", "principal", "role", "source", "verb", "domain", "token_id", "purpose",
           "reason", "result", "request_id", "commit", "clock"}
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z\Z")


def person(v, name):
    return PEOPLE.setdefault(name, Person(v, name)).ready()


def checkpoint(caller):
    reply = caller.get("/v1/audit/checkpoint").expect(200)
    check(reply.headers["Content-Type"].startswith("text/plain"), "type of the checkpoint")
    return tree.Checkpoint(reply.body)


def grow(v, count):
    """Adds at least count entries."""
    acme = Partner(v)
    for _ in range(count):
        acme.token("accounts", val.iban())


def covering(caller, size):
    """A checkpoint over at least size entries."""
    def ask():
        if caller.get("/v1/audit/checkpoint").status == 503:  # before the first signature
            return None
        found = checkpoint(caller)
        return found.size >= size and found
    return lib.wait_for(ask, 4, "a checkpoint over %d entries" % size, 0.1)


def full_tail(v):
    tail = tree.Tail(person(v, "aude"))
    tail.read()
    return tail


def hashes_of(reply):
    found = [base64.b64decode(h, validate=True) for h in reply.json()["hashes"]]
    check(all(len(h) == 32 for h in found), "a hash is not 32 bytes")
    return found


def test_C27_checkpoint_is_signed_by_the_log_key(v):
    grow(v, 3)
    aude, log = person(v, "aude"), v.dev["log"]
    found = covering(aude, 1)
    equal(found.origin, log["origin"], "origin")
    check(tree.signature_ok(found, log["origin"], log["public_key"]), "the signature is wrong")
    found.text = found.text.replace(b"\n%d\n" % found.size, b"\n%d\n" % (found.size + 1))
    check(not tree.signature_ok(found, log["origin"], log["public_key"]),
          "the signature holds for another size")


def test_C27_checkpoint_follows_within_two_seconds(v):
    acme, aude = Partner(v), person(v, "aude")
    size = covering(aude, 1).size
    acme.token("cards", val.pan())
    began = time.monotonic()
    covering(aude, size + 1)
    check(time.monotonic() - began < 2.5, "the checkpoint is older than 2 s")


def test_checkpoint_for_every_authenticated_caller(v):
    for caller in (Partner(v), Partner(v, "zeta"), person(v, "olga"), person(v, "aude")):
        check(checkpoint(caller).size > 0, "an empty log")
    Client(v).get("/v1/audit/checkpoint").expect(401, "unauthenticated")
    Client(v).get("/v1/audit/proof?index=0&size=1").expect(401, "unauthenticated")


def test_C27_root_is_of_the_entries(v):
    grow(v, 20)
    aude = person(v, "aude")
    tail = full_tail(v)
    found = covering(aude, 10)
    tail.read()
    equal(tree.root(tail.leaves[:found.size]), found.root, "root over the entries")


def test_C27_inclusion_proofs(v):
    grow(v, 30)
    tail, acme = full_tail(v), Partner(v)
    size = len(tail.lines)
    sizes = sorted({1, 2, 3, 4, 5, 7, 8, 9, 16, 17, size - 1, size})
    for n in sizes:
        want = tree.root(tail.leaves[:n])
        for index in sorted({0, 1, n // 2, n - 2, n - 1}):
            if not 0 <= index < n:
                continue
            reply = acme.get("/v1/audit/proof?index=%d&size=%d" % (index, n)).expect(200)
            found = reply.members("index", "size", "hashes")
            equal((found["index"], found["size"]), (index, n), "index, size")
            path = hashes_of(reply)
            check(tree.inclusion_ok(index, n, tail.leaves[index], path, want),
                  "proof of %d in %d" % (index, n))
            if path:
                path[0] = bytes(32)
                check(not tree.inclusion_ok(index, n, tail.leaves[index], path, want),
                      "the test's verifier takes anything")


def test_C27_consistency_proofs(v):
    grow(v, 10)
    tail, acme = full_tail(v), Partner(v)
    size = len(tail.lines)
    steps = sorted({1, 2, 3, 4, 6, 7, 8, 13, 16, size // 2, size - 1, size})
    for first in steps:
        for second in [n for n in steps if n >= first]:
            path = "/v1/audit/consistency?from=%d&to=%d" % (first, second)
            reply = acme.get(path).expect(200)
            found = reply.members("from", "to", "hashes")
            equal((found["from"], found["to"]), (first, second), "from, to")
            check(tree.consistency_ok(first, second, hashes_of(reply),
                                      tree.root(tail.leaves[:first]),
                                      tree.root(tail.leaves[:second])),
                  "consistency of %d and %d" % (first, second))


def test_C27_checkpoints_are_consistent_while_the_log_grows(v):
    aude, log = person(v, "aude"), v.dev["log"]
    old = covering(aude, 1)
    for _ in range(3):
        grow(v, 25)
        new = covering(aude, old.size + 25)
        check(tree.signature_ok(new, log["origin"], log["public_key"]), "signature")
        reply = aude.get("/v1/audit/consistency?from=%d&to=%d" % (old.size, new.size)).expect(200)
        check(tree.consistency_ok(old.size, new.size, hashes_of(reply), old.root, new.root),
              "%d is no prefix of %d" % (old.size, new.size))
        old = new


def test_proof_parameters(v):
    acme, wrong = Partner(v), []
    size = full_tail(v).read()
    for query in ("proof", "proof?index=0", "proof?size=1", "proof?index=1&size=1",
                  "proof?index=0&size=0", "proof?index=-1&size=1", "proof?index=x&size=1",
                  "proof?index=0&size=1&bogus=1", "proof?index=0&size=%d" % (size + 10 ** 6),
                  "proof?index=0&index=0&size=1", "proof?index=0&size=99999999999999999999",
                  "consistency?from=2&to=1", "consistency?from=0x1&to=1", "consistency?to=1",
                  "consistency?from=1&to=%d" % (size + 10 ** 6)):
        reply = acme.get("/v1/audit/" + query)
        if reply.status != 400:
            wrong.append("%s: %d" % (query, reply.status))
    check(not wrong, "; ".join(wrong))


def test_entries_reply(v):
    grow(v, 5)
    aude = person(v, "aude")
    found = aude.get("/v1/audit/entries?from=0&limit=3").expect(200).members("size", "entries")
    equal([sorted(e) for e in found["entries"]], [["index", "line"]] * 3, "members of entries")
    equal([e["index"] for e in found["entries"]], [0, 1, 2], "indexes")
    size = found["size"]
    found = aude.get("/v1/audit/entries?from=%d&limit=10" % size).expect(200).json()
    equal(len(found["entries"]), found["size"] - size, "entries from the size on")
    aude.get("/v1/audit/entries?from=%d" % (size + 10 ** 6)).expect(400, "bad_request")
    for query in ("from=-1", "from=x", "from=0&limit=1001", "from=0&limit=0", "from=0&bogus=1",
                  "from=%31%00"):
        aude.get("/v1/audit/entries?" + query).expect(400, "bad_request")
    found = aude.get("/v1/audit/entries").expect(200).json()
    check(0 < len(found["entries"]) <= 100, "entries without parameters: the limit is 100")
    equal(found["entries"][0]["index"], 0, "entries without parameters begin at 0")


def test_entries_for_auditors_only(v):
    for caller in (Partner(v), person(v, "olga"), person(v, "carl"), person(v, "sara")):
        caller.get("/v1/audit/entries?from=0&limit=1").expect(403, "forbidden")


def test_C26_lines_are_canonical(v):
    acme = Partner(v)
    acme.tokenize("cards", "garbage").expect(422)
    acme.change("revoke", "cards", acme.token("cards", val.pan()), "lost").expect(200)
    last = ""
    for line in full_tail(v).lines:
        found = json.loads(line)
        canonical = json.dumps(found, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        equal(line, canonical, "line")
        check(set(found) <= MEMBERS, "members of a line: %s" % sorted(set(found) - MEMBERS))
        check({"time", "verb", "result"} <= set(found), "a line lacks time, verb or result")
        check(TIME.match(found["time"]), "time is %r" % found["time"])
        check(found["time"] >= last, "time ran back")
        check(len(line.encode()) <= 16384, "a line is longer than 16 KiB")
        last = found["time"]


def test_C26_refusals_are_entries(v):
    acme, olga, tail = Partner(v), person(v, "olga"), full_tail(v)
    token = acme.token("cards", val.pan())
    acme.tokenize("cards", val.other_check_digit(val.pan())).expect(422)
    acme.tokenize("cards-zeta", val.pan()).expect(403)
    olga.reveal("cards", token, purpose="nope").expect(422)
    olga.reveal("cards", val.pan()).expect(422)
    olga.get("/v1/keys").expect(403)
    Client(v).post("/v1/sessions", {"user": "nobody", "password": "p", "otp": "000000"})
    want = {("tokenize", "invalid_value", "acme"), ("tokenize", "forbidden", "acme"),
            ("detokenize", "invalid_purpose", "olga"), ("detokenize", "not_token", "olga"),
            ("key-list", "forbidden", "olga")}

    def seen():
        start = len(tail.lines)
        tail.read()
        for line in tail.lines[start:]:
            found = json.loads(line)
            want.discard((found["verb"], found["result"], found.get("principal")))
        return not want
    try:
        lib.wait_for(seen, 3, "entries", 0.2)
    except lib.Failure:
        raise lib.Failure("no entry of %s" % sorted(want))
    lines = [l for l in tail.lines if '"verb":"tokenize"' in l and '"result":"ok"' in l]
    check(lines and all('"source":"127.0.0.1"' in l and '"role":' in l for l in lines),
          "an entry does not say where from or in which role")


def test_failed_logins_are_recorded(v):
    """One entry per source network, code and 10 s for what is refused before authentication."""
    tail = full_tail(v)
    for _ in range(5):
        Client(v).post("/v1/sessions", {"user": "nobody", "password": "p", "otp": "000000"})

    def seen():
        start = len(tail.lines)
        tail.read()
        new = [json.loads(l) for l in tail.lines[start:]]
        return [e for e in new if e["result"] == "unauthenticated"]
    lib.wait_for(seen, 12, "an entry of refused logins", 0.3)


def test_C08_receipts_of_tokenize(v):
    acme, tail = Partner(v), tree.Tail(person(v, "aude"))
    replies = [acme.post("/v1/tokenize", body).expect(200).json() for body in (
        {"domain": "cards", "value": val.pan(), "receipt": True},
        {"domain": "accounts", "value": val.iban(), "receipt": True, "expires_in": 60},
        {"domain": "cards", "values": [val.pan(), "x", val.pan()], "receipt": True})]
    top = max(r["receipt"]["index"] for r in replies)
    lib.wait_for(lambda: tail.read() > top, 3, "the entries of the receipts", 0.1)
    for reply in replies:
        receipt = reply.pop("receipt")
        equal(receipt["origin"], v.dev["log"]["origin"], "origin")
        canonical = json.dumps(reply, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        nonce = base64.b64decode(receipt["nonce"], validate=True)
        equal(len(nonce), 32, "bytes of the nonce")
        entry = json.loads(tail.lines[receipt["index"]])
        equal((entry["verb"], entry["principal"]), ("tokenize", "acme"), "entry of the receipt")
        want = base64.b64encode(hashlib.sha256(nonce + canonical.encode()).digest()).decode()
        equal(entry.get("commit"), want, "commitment")


def test_batches_are_few_entries(v):
    """One entry per 256 items: 600 items are 3."""
    acme, tail = Partner(v), full_tail(v)
    cards = list(dict.fromkeys(val.pan() for _ in range(600)))
    before = tail.read()
    acme.batch("cards", cards)
    lib.wait_for(lambda: [l for l in tail.lines[before:] if '"verb":"tokenize"' in l]
                 or tail.read() < 0, 3, "entries of the batch", 0.1)
    time.sleep(0.3)
    tail.read()
    lines = [l for l in tail.lines[before:] if '"verb":"tokenize"' in l]
    equal(len(lines), (len(cards) + 255) // 256, "entries of a batch of %d" % len(cards))


def test_C05_log_has_no_value_and_no_token(v):
    acme, olga = Partner(v), person(v, "olga")
    pairs = [(acme.token("cards", c), c) for c in (val.pan() for _ in range(5))]
    olga.value("cards", pairs[0][0])
    acme.change("delete", "cards", pairs[1][0]).expect(200)
    text = "\n".join(full_tail(v).lines)
    for token, value in pairs:
        check(token not in text and value not in text, "the log has a value or a token")


def test_C27_log_survives_a_restart(v):
    aude = person(v, "aude")
    old = covering(aude, 1)
    v.stop()
    v.start()
    grow(v, 2)
    new = covering(aude, old.size + 2)
    reply = aude.get("/v1/audit/consistency?from=%d&to=%d" % (old.size, new.size)).expect(200)
    check(tree.consistency_ok(old.size, new.size, hashes_of(reply), old.root, new.root),
          "the log before the restart is no prefix of the one after")


if __name__ == "__main__":
    lib.run(globals())
