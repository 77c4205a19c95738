#!/usr/bin/env python3
"""C24 through HTTPS: grants asked for, narrowed, used in the commit of the entries, and refused.

Each refusal is held against section 2 of the contract by client.py; what the log says of it is read
by the auditor.
"""

import json
import os
import subprocess
import time

import lib
import values as val
from client import Partner, Person
from lib import check, equal

HUFU = os.path.join(lib.BUILD, "hufu")
MEMBERS = ("id", "state", "needed", "approvals", "remaining", "expires_at")
PEOPLE, FACTS = {}, {}


def person(v, name):
    return PEOPLE.setdefault(name, Person(v, name)).ready()


def ask(v, who="olga", **change):
    body = {"domain": "guarded", "count": 2, "purpose": "dispute", "expires_in": 600,
            "reason": "case 7", **change}
    return person(v, who).post("/v1/grants", {k: x for k, x in body.items() if x is not None})


def asked(v, **change):
    return ask(v, **change).expect(201).json()["id"]


def decide(v, who, number, what="approve", **body):
    return person(v, who).post("/v1/grants/%s/%s" % (number, what), body)


def granted(v, **change):
    number = asked(v, **change)
    equal(decide(v, "anna", number).expect(200).json()["state"], "granted", "state")
    return number


def reveal(v, grant=None, token=None, purpose="dispute", who="olga"):
    body = {"domain": "guarded", "token": token or FACTS["tokens"][0], "purpose": purpose,
            "reason": "case 7"}
    return person(v, who).post("/v1/detokenize", {**body, "grant": grant} if grant else body)


def entries(v):
    found, at = [], 0
    while True:
        page = person(v, "aude").get("/v1/audit/entries?from=%d&limit=1000" % at).expect(200).json()
        found += [json.loads(e["line"]) for e in page["entries"]]
        at += len(page["entries"])
        if at == page["size"]:
            return found


def test_a_domain_says_what_needs_approval(v):
    sara = person(v, "sara")
    body = {"name": "guarded", "format": "pan", "mode": "deterministic", "partners": ["acme"],
            "keep": {"prefix": 6, "suffix": 4}, "purposes": ["refund", "dispute", "court"],
            "purposes_one_approval": ["dispute"], "purposes_two_approvals": ["court"],
            "escalation": "step-up", "batch_detokenize": 5}
    for member, wrong in (("purposes_one_approval", ["unknown"]),
                          ("purposes_two_approvals", ["court", "court"]),
                          ("purposes_two_approvals", ["dispute"]),
                          ("escalation", "maybe")):
        reply = sara.post("/v1/domains", {**body, member: wrong}).expect(400, "bad_request")
        equal(reply.json()["field"], "/" + member, "field")
    made = sara.post("/v1/domains", body).expect(201).json()
    for member in ("purposes_one_approval", "purposes_two_approvals", "escalation"):
        equal(made[member], body[member], member)
    items = sara.get("/v1/domains?limit=1000").expect(200).json()["items"]
    shown = {d["name"]: d for d in items}
    equal(shown["guarded"], made, "as it is listed")
    check(not {"purposes_one_approval", "purposes_two_approvals", "escalation"} &
          set(shown["cards"]), "defaults are shown")
    sara.post("/v1/domains", {**body, "name": "lax", "purposes_one_approval": [],
                              "purposes_two_approvals": [], "escalation": "none"}).expect(201)
    acme = Partner(v)
    FACTS["cards"] = [val.pan() for _ in range(3)]
    FACTS["tokens"] = [acme.token("guarded", card) for card in FACTS["cards"]]


def test_C24_whole_way(v):
    reveal(v, purpose="refund").expect(200)
    reveal(v).expect(403, "grant_required")
    made = ask(v, tokens=FACTS["tokens"][:2]).expect(201).members(*MEMBERS)
    equal((made["state"], made["needed"], made["remaining"], made["approvals"]),
          ("proposed", 1, 2, []), "a new grant")
    reveal(v, made["id"]).expect(403, "grant_required")
    found = decide(v, "anna", made["id"]).expect(200).members(*MEMBERS)
    equal((found["state"], [a["user"] for a in found["approvals"]]), ("granted", ["anna"]), "state")
    equal(reveal(v, made["id"]).expect(200).json()["value"], FACTS["cards"][0], "the value")
    reveal(v, made["id"], FACTS["tokens"][2]).expect(403, "grant_required")
    equal(reveal(v, made["id"], FACTS["tokens"][1]).expect(200).json()["value"],
          FACTS["cards"][1], "the other value")
    reply = reveal(v, made["id"]).expect(403, "grant_required")
    equal(reply.json()["field"], "/grant", "field")
    found = person(v, "olga").get("/v1/grants/" + made["id"]).expect(200).json()
    equal((found["state"], found["remaining"]), ("used_up", 0), "the grant in the end")
    lines = entries(v)
    uses = [e["purpose"] for e in lines if e["verb"] == "grant-use"]
    equal(uses, ["grant=%s count=1" % made["id"]] * 2, "uses in the log")
    at = next(i for i, e in enumerate(lines) if e["verb"] == "grant-use")
    equal((lines[at - 1]["verb"], lines[at - 1]["result"], lines[at - 1]["request_id"]),
          ("detokenize", "ok", lines[at]["request_id"]), "the entry before")
    why = [e["reason"].split(" ")[-1] for e in lines if e.get("result") == "grant_required"]
    equal(why, ["grant=none", "why=proposed", "why=token", "why=used-up"], "why it was refused")
    text = json.dumps(lines)
    check(not any(x in text for x in FACTS["tokens"] + FACTS["cards"]), "a token in the log")


def test_C24_bad_grants_are_uniform(v):
    """Forged, truncated, foreign, denied, of another purpose: one answer; the log says which."""
    good = granted(v)
    flipped = good[:-1] + ("0" if good[-1] != "0" else "1")
    others = ask(v, "omar").expect(201).json()["id"]
    decide(v, "anna", others).expect(200)
    denied, withdrawn = granted(v), asked(v)
    decide(v, "anna", denied, "deny", reason="not needed").expect(200)
    decide(v, "olga", withdrawn, "withdraw").expect(200)
    ways = [(flipped, "dispute", "grant=unknown"), (good[:-1], "dispute", "grant=malformed"),
            ("x", "dispute", "grant=malformed"), (good.upper(), "dispute", "grant=malformed"),
            (others, "dispute", "why=foreign"), (good, "refund", "why=purpose"),
            (denied, "dispute", "why=denied"), (withdrawn, "dispute", "why=withdrawn")]
    before, seen = len(entries(v)), set()
    for number, purpose, _ in ways:
        found = reveal(v, number, purpose=purpose).expect(403, "grant_required").json()
        found.pop("request_id")
        seen.add(json.dumps(found, sort_keys=True))
    equal(len(seen), 1, "different answers: %s" % seen)
    why = [e["reason"].split(" ")[-1] for e in entries(v)[before:]
           if e.get("result") == "grant_required"]
    equal(why, [w for _, _, w in ways], "why they were refused")
    reveal(v, good).expect(200)
    reveal(v, "x" * 37).expect(400, "bad_request")


def test_C24_expires(v):
    number = asked(v, expires_in=60)
    equal(decide(v, "anna", number).expect(200).json()["state"], "granted", "state")
    FACTS["short"], FACTS["short_from"] = number, time.monotonic()


def test_C24_narrowed(v):
    number = asked(v, count=9)
    shown = person(v, "anna").get("/v1/grants/" + number).expect(200).json()
    for body, field in (({"count": 10}, "/count"), ({"count": 0}, "/count"),
                        ({"expires_in": 700}, "/expires_in"), ({"tokens": ["x"]}, "/tokens/0")):
        equal(decide(v, "anna", number, **body).expect(400).json()["field"], field, "field")
    decide(v, "anna", number, digest="forged").expect(409, "conflict")
    found = decide(v, "anna", number, count=1, digest=shown["digest"],
                   tokens=[FACTS["tokens"][1]]).expect(200).json()
    equal((found["state"], found["remaining"]), ("granted", 1), "narrowed")
    reveal(v, number, FACTS["tokens"][0]).expect(403, "grant_required")
    reveal(v, number, FACTS["tokens"][1]).expect(200)


def test_C24_who_may_decide(v):
    number = asked(v, purpose="court")
    decide(v, "olga", number).expect(403, "forbidden")
    found = decide(v, "anna", number).expect(200).json()
    equal((found["state"], found["needed"]), ("proposed", 2), "one of two")
    decide(v, "anna", number).expect(409, "already_approved")
    reveal(v, number, purpose="court").expect(403, "grant_required")
    decide(v, "omar", number, "withdraw").expect(404, "not_found")
    person(v, "omar").get("/v1/grants/" + number).expect(404, "not_found")
    decide(v, "olga", number, "withdraw").expect(200)
    decide(v, "anna", number, "deny").expect(409, "conflict")


def test_C24_two_groups(v):
    """A second approver of another group, enrolled by two."""
    sara, sven = person(v, "sara"), person(v, "sven")
    made = sara.post("/v1/users", {"name": "abel", "role": "approver", "group": "risk"})
    made = made.expect(202).json()
    seed = sven.post("/v1/ceremonies/%s/approve" % made["id"]).expect(200).json()
    v.dev["users"].append({"name": "abel", "role": "approver", "totp_secret": seed["totp_secret"],
                           "password": made["initial_password"]})
    number = asked(v, purpose="court", count=1)
    decide(v, "abel", number).expect(200)
    equal(decide(v, "anna", number).expect(200).json()["state"], "granted", "of two groups")
    sara.post("/v1/users/abel/freeze", {"reason": "left early"}).expect(200)
    reveal(v, number, purpose="court").expect(403, "grant_required")  # his approval is void


def test_C24_idempotent(v):
    head = {"Idempotency-Key": "grant-1"}
    body = {"domain": "guarded", "count": 1, "purpose": "dispute", "expires_in": 600, "reason": "x"}
    olga = person(v, "olga")
    first = olga.post("/v1/grants", body, headers=head).expect(201)
    again = olga.post("/v1/grants", body, headers=head).expect(201)
    equal(again.body, first.body, "the same body")
    equal(again.headers.get("Idempotency-Replayed"), "true", "Idempotency-Replayed")
    olga.post("/v1/grants", {**body, "count": 2}, headers=head).expect(422, "idempotency_mismatch")
    path = "/v1/grants/%s/approve" % first.json()["id"]
    anna = person(v, "anna")
    first = anna.post(path, {}, headers=head).expect(200)
    equal(anna.post(path, {}, headers=head).expect(200).body, first.body, "an approval again")


def test_C24_survives_a_kill(v):
    number = granted(v, count=2)
    reveal(v, number).expect(200)
    v.crash()
    v.start()
    reveal(v, number).expect(200)
    reveal(v, number).expect(403, "grant_required")


def test_C24_lists_and_metrics(v):
    olga, anna = person(v, "olga"), person(v, "anna")
    mine = olga.get("/v1/grants?limit=1000").expect(200).json()["items"]
    every = anna.get("/v1/grants?limit=1000").expect(200).json()["items"]
    equal({g["asked_by"] for g in mine}, {"olga"}, "whose")
    check(len(every) > len(mine), "an approver sees no more")
    pages, after = [], ""
    while after is not None:
        page = anna.get("/v1/grants?limit=3" + after).expect(200).json()
        pages += page["items"]
        after = page["next"] and "&after=" + page["next"]
    equal([g["id"] for g in pages], [g["id"] for g in every], "the pages put together")
    text = olga.get("/metrics").expect(200).body.decode()
    used = sum(g["state"] == "used_up" for g in every)
    check('hufu_grants{state="used_up"} %d\n' % used in text, "hufu_grants")


def hufu(v, who, *arguments, given=""):
    """(exit code, object or text) of the client with this person's session."""
    name = v.path("session-" + who)
    with open(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as f:
        json.dump({"session": person(v, who).session, "url": v.dev["url"],
                   "ca": v.dev_file(v.dev["ca"])}, f)
    done = subprocess.run([HUFU, "--session-file", name, *arguments], input=given, text=True,
                          capture_output=True, timeout=60)
    return done.returncode, done.stdout or done.stderr


def test_C24_by_the_command_line(v):
    reason = ("--reason", "case 7")
    code, out = hufu(v, "olga", "grant", "ask", "guarded", "--purpose", "dispute", "--count", "3",
                     "--expires-in", "600", "--tokens", *reason,
                     given="".join(t + "\n" for t in FACTS["tokens"][:2]))
    equal(code, 0, "exit code of grant ask: " + out)
    number = json.loads(out)["id"]
    code, out = hufu(v, "anna", "grant", "show", number)
    equal((code, json.loads(out)["tokens"]), (0, 2), "grant show")
    digest = json.loads(out)["digest"]
    code, out = hufu(v, "anna", "grant", "approve", number, "--count", "1", "--digest", digest)
    equal((code, json.loads(out)["remaining"]), (0, 1), "grant approve")
    code, out = hufu(v, "olga", "grant", "list")
    check(any(json.loads(x)["id"] == number for x in out.splitlines()), "grant list")
    read = ("detokenize", "guarded", "--purpose", "dispute", *reason, "--grant", number)
    code, out = hufu(v, "olga", *read, given=FACTS["tokens"][0] + "\n")
    equal((code, out), (0, FACTS["cards"][0] + "\n"), "detokenize --grant")
    code, out = hufu(v, "olga", *read, given=FACTS["tokens"][1] + "\n")
    check(code == 3 and "grant" in out, "a grant that is used up: %d %s" % (code, out))
    code, out = hufu(v, "anna", "grant", "deny", number, *reason)
    equal(code, 6, "exit code of grant deny: " + out)


def test_C24_expired(v):
    time.sleep(max(0, FACTS["short_from"] + 60.2 - time.monotonic()))
    reveal(v, FACTS["short"]).expect(403, "grant_required")
    decide(v, "olga", FACTS["short"], "withdraw").expect(409, "conflict")
    lib.wait_for(lambda: any(e["verb"] == "grant-expire" and FACTS["short"] in e["purpose"]
                             for e in entries(v)), 20, "an entry that says so", 1)


if __name__ == "__main__":
    lib.run(globals())
