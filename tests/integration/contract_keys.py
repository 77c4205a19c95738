#!/usr/bin/env python3
"""Key ceremonies: rotate-kek by two custodians, what refuses, what stays; GET /v1/keys."""

import os
import signal
import time
import uuid

import lib
import values as val
from client import Partner, Person
from lib import check, equal

PEOPLE = {}
CEREMONY = {"id", "kind", "state", "approvals", "needed", "done", "total"}
KEY = {"id", "kind", "version", "state", "created_at", "uses"}


def person(v, name):
    return PEOPLE.setdefault(name, Person(v, name)).ready()


def propose(who, kind="rotate-kek", **more):
    return who.post("/v1/ceremonies", {"kind": kind, "reason": "yearly change", **more})


def approve(who, number):
    return who.post("/v1/ceremonies/%s/approve" % number)


def show(who, number):
    found = who.get("/v1/ceremonies/" + number).expect(200).json()
    check(CEREMONY <= set(found) <= CEREMONY | {"error"}, "members: %s" % sorted(found))
    return found


def finished(who, number, seconds=30):
    """Waits until the ceremony is neither proposed nor running; returns it."""
    def ask():
        found = show(who, number)
        return found["state"] not in ("proposed", "running") and found
    return lib.wait_for(ask, seconds, "the end of the ceremony", 0.1)


def keys(who):
    found = who.get("/v1/keys").expect(200).json()
    check({"items"} <= set(found) <= {"items", "next"}, "members: %s" % sorted(found))
    return found["items"]


def keks(who):
    found = [k for k in keys(who) if "kek" in k["kind"]]
    return sorted(found, key=lambda k: k["version"])


def test_C12_keys_of_each_domain(v):
    aude = person(v, "aude")
    items = keys(aude)
    for item in items:
        check(KEY <= set(item) <= KEY | {"domain", "records"}, "members: %s" % sorted(item))
        check(isinstance(item["uses"], int) and item["created_at"].endswith("Z"), "uses, time")
    equal(len({k["id"] for k in items}), len(items), "distinct ids")
    for domain in ("cards", "ids", "accounts", "cards-zeta"):
        own = [k for k in items if k.get("domain") == domain]
        check(own, "no key of domain " + domain)
        check(any(k["state"] == "active" for k in own), "no active key of domain " + domain)
    equal(len(keks(aude)), 1, "KEK versions of a new vault")


def test_C21_keys_for_custodians_and_auditors(v):
    person(v, "carl").get("/v1/keys").expect(200)
    for name in ("olga", "sara"):
        person(v, name).get("/v1/keys").expect(403, "forbidden")
    Partner(v).get("/v1/keys").expect(403, "forbidden")


def test_C21_wrong_roles_refused(v):
    carl = person(v, "carl")
    number = propose(carl).expect(201).json()["id"]
    for name in ("olga", "sara", "aude"):
        propose(person(v, name)).expect(403, "forbidden")
        approve(person(v, name), number).expect(403, "forbidden")
    propose(Partner(v)).expect(403, "forbidden")
    approve(Partner(v), number).expect(403, "forbidden")
    equal(show(carl, number)["state"], "proposed", "state after refusals")
    cancel(carl, number).expect(200)


def cancel(who, number):
    return who.post("/v1/ceremonies/%s/cancel" % number)


def test_propose_reply(v):
    carl = person(v, "carl")
    found = propose(carl).expect(201).json()
    check(CEREMONY <= set(found), "members: %s" % sorted(found))
    equal((found["kind"], found["state"], found["needed"]), ("rotate-kek", "proposed", 2),
          "kind, state, needed")
    equal([a["user"] for a in found["approvals"]], ["carl"], "approvals")
    check(found["approvals"][0]["at"].endswith("Z"), "time of the approval")
    equal(show(person(v, "cora"), found["id"])["approvals"], found["approvals"], "as others see it")
    ids = [c["id"] for c in carl.get("/v1/ceremonies").expect(200).json()["items"]]
    check(found["id"] in ids, "not in the list")
    equal(cancel(carl, found["id"]).expect(200).json()["state"], "cancelled", "state")
    approve(person(v, "cora"), found["id"]).expect(409, "conflict")


def test_C21_one_person_counts_once(v):
    carl = person(v, "carl")
    number = propose(carl).expect(201).json()["id"]
    approve(carl, number).expect(409, "already_approved")
    again = Person(v, "carl")
    again.login()
    approve(again, number).expect(409, "already_approved")
    found = show(carl, number)
    equal((found["state"], len(found["approvals"])), ("proposed", 1), "state, approvals")
    cancel(carl, number).expect(200)


def test_rotation_by_two_custodians(v):
    acme, olga = Partner(v), person(v, "olga")
    carl, cora = person(v, "carl"), person(v, "cora")
    cards = [val.pan() for _ in range(20)]
    tokens = [acme.token("cards", c) for c in cards]
    before = keks(carl)
    number = propose(carl).expect(201).json()["id"]
    reply = approve(cora, number).expect(200).json()
    check(reply["state"] in ("running", "done"), "state is %s" % reply["state"])
    equal(sorted(a["user"] for a in reply["approvals"]), ["carl", "cora"], "approvals")
    end = finished(carl, number)
    equal(end["state"], "done", "state")
    equal(end["done"], end["total"], "done and total")
    check(end["total"] >= 5, "%d keysets were wrapped anew" % end["total"])
    approve(person(v, "chen"), number).expect(409, "conflict")
    cancel(carl, number).expect(409, "conflict")
    after = keks(carl)
    equal(after[-1]["version"], before[-1]["version"] + 1, "version of the new KEK")
    equal([k["state"] for k in after].count("active"), 1, "active KEKs")
    equal(after[-1]["state"], "active", "state of the new KEK")
    equal([acme.token("cards", c) for c in cards], tokens, "tokens after the rotation")
    equal(olga.value("cards", tokens[0]), cards[0], "value after the rotation")
    v.stop()
    v.start()
    equal([acme.token("cards", c) for c in cards], tokens, "tokens after a restart")
    equal(olga.value("cards", tokens[1]), cards[1], "value after a restart")


def test_no_key_bytes_anywhere(v):
    """Nothing in the list is long enough to be a key: 32 bytes are 43 characters of base64."""
    def texts(x):
        if isinstance(x, dict):
            return [t for k in x for t in texts(x[k])]
        return [t for k in x for t in texts(k)] if isinstance(x, list) else [x]
    for text in texts(keys(person(v, "aude"))):
        check(len(str(text)) <= 40, "a member of %d characters" % len(str(text)))


def test_ceremony_body(v):
    carl = person(v, "carl")
    carl.post("/v1/ceremonies", {"kind": "rotate-kek"}).expect(400, "bad_request")
    carl.post("/v1/ceremonies", {"reason": "r"}).expect(400, "bad_request")
    reply = propose(carl, reason=val.pan()).expect(422, "value_in_text")
    equal(reply.json().get("field"), "/reason", "field")
    check(propose(carl, kind="no-such-kind").status in (400, 403, 422), "an unknown kind")
    carl.get("/v1/ceremonies/%s" % uuid.uuid4()).expect(404, "not_found")
    approve(carl, str(uuid.uuid4())).expect(404, "not_found")


def test_C26_ceremony_in_the_log(v):
    aude = person(v, "aude")
    size = aude.get("/v1/audit/entries?from=0&limit=1").expect(200).json()["size"]
    lines = []
    for start in range(0, size, 1000):
        path = "/v1/audit/entries?from=%d&limit=1000" % start
        lines += [e["line"] for e in aude.get(path).expect(200).json()["entries"]]
    for verb, who in (("ceremony-propose", "carl"), ("ceremony-approve", "cora")):
        check(any('"verb":"%s"' % verb in l and '"principal":"%s"' % who in l
                  and '"result":"ok"' in l for l in lines), "no entry of %s by %s" % (verb, who))


def test_C07_propose_replay(v):
    carl, head = person(v, "carl"), {"Idempotency-Key": str(uuid.uuid4())}
    body = {"kind": "rotate-kek", "reason": "yearly change"}
    first = carl.post("/v1/ceremonies", body, headers=head).expect(201).json()
    again = carl.post("/v1/ceremonies", body, headers=head).expect(201)
    equal((again.json()["id"], again.headers.get("Idempotency-Replayed")), (first["id"], "true"),
          "replay")
    cancel(carl, first["id"]).expect(200)


def test_rotation_killed_resumes(v):
    """Killed after the last approval, at several moments: it ends as done, nothing is lost."""
    acme, carl, cora = Partner(v), person(v, "carl"), person(v, "cora")
    cards = [val.pan() for _ in range(10)]
    tokens = [acme.token("cards", c) for c in cards]
    for delay, role in ((0, "core"), (0.005, "hsm"), (0.02, "core"), (0.05, "hufud"),
                        (0.001, "hsm"), (0.01, "hufud")):
        before = keks(carl)[-1]["version"]
        number = propose(carl).expect(201).json()["id"]
        approve(cora, number).expect(200)
        time.sleep(delay)
        if role == "hufud":
            v.crash()
            v.start()
        else:
            os.kill(v.roles()[role], signal.SIGKILL)
            lib.wait_for(lambda: v.probe("/readyz") == 200, 15, "ready after the kill")
            time.sleep(0.3)
            v.wait_ready()
        for one in PEOPLE.values():
            one.close()
        equal(finished(carl, number)["state"], "done", "state after killing %s" % role)
        equal(keks(carl)[-1]["version"], before + 1, "KEK version after killing %s" % role)
        equal([Partner(v).token("cards", c) for c in cards], tokens, "tokens")


if __name__ == "__main__":
    lib.run(globals())
