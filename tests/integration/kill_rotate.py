#!/usr/bin/env python3
"""SIGKILL in the middle of rotations, under load: no record lost, no value with two tokens.

16 clients tokenize while custodians rotate data and index keys (and the KEK) one after another and
front, core, hsm or hufud itself are killed at random moments. HUFU_ROTATE_KILLS (default 100)
kills, or with HUFU_SECONDS as many as there is time for; HUFU_SEED repeats a choice of moments.
"""

import functools
import os
import random
import threading
import time

os.environ["HUFU_KILLS"] = os.environ.get("HUFU_ROTATE_KILLS", "100")

import kill  # noqa: E402
import lib  # noqa: E402
import values as val  # noqa: E402
from client import HTTPException, Partner, Person  # noqa: E402
from lib import check, equal  # noqa: E402

FIRST = 4000  # values that are there before the first rotation
KINDS = (("rotate-data-key", "cards"), ("rotate-index-key", "cards"), ("rotate-kek", None),
         ("rotate-data-key", "accounts"), ("rotate-index-key", "cards"), ("rotate-data-key", "ff"))
FF1 = {"name": "ff", "format": "pan", "mode": "ff1", "partners": ["acme"], "purposes": ["refund"],
       "keep": {"prefix": 0, "suffix": 4}, "batch_detokenize": 10}


def ask(call, *args):
    """A reply to a call that a kill may get in the way of; None where one did."""
    try:
        reply = call(*args)
    except (OSError, HTTPException):
        return None
    return None if reply.status in (408, 503) else reply


def ff1_loop(v, ledger, stop):
    """The same cards, again and again: a new token for each with every version of the key."""
    acme, cards, count = Partner(v, timeout=10), [val.pan() for _ in range(10)], 0
    while not stop.wait(0.02):
        count += 1
        head = {"X-Request-Id": "ff-%d" % count}
        reply = ask(functools.partial(acme.post, headers=head), "/v1/tokenize",
                    {"domain": "ff", "values": cards})
        if reply is None:
            continue
        if reply.status != 200:
            ledger.faults.append("tokenize in ff is answered %r" % reply)
            return
        for value, item in zip(cards, reply.json()["results"]):
            ledger.take("ff", value, item, head["X-Request-Id"])


class Custodians:
    def __init__(self, v):
        self.carl, self.cora = Person(v, "carl").ready(), Person(v, "cora").ready()
        self.done, self.now, self.faults = [], None, []

    def running(self, kind, domain):
        """The newest ceremony of a kind that is not over."""
        reply = ask(self.carl.get, "/v1/ceremonies?limit=1000")
        if reply is None:
            return None
        found = [c for c in reply.expect(200).json()["items"]
                 if c["kind"] == kind and c["state"] in ("proposed", "running")]
        return found[-1] if found else None

    def begin(self, kind, domain, stop):
        """Proposes and seconds; an answer that was lost is looked up."""
        body = {"kind": kind, "reason": "cryptoperiod"}
        if domain:
            body["domain"] = domain
        c = None
        while c is None and not stop.is_set():
            reply = ask(self.carl.post, "/v1/ceremonies", body)
            if reply is not None and reply.status == 201:
                c = reply.json()
            elif reply is not None and reply.status == 422 and domain == "ff":
                break  # its marks tell no more versions apart
            elif reply is not None:
                reply.expect(409)
                c = self.running(kind, domain)
            else:
                time.sleep(0.05)
        while c and c["state"] == "proposed" and not stop.is_set():
            reply = ask(self.cora.post, "/v1/ceremonies/%s/approve" % c["id"], {})
            if reply is not None and reply.status == 409:
                c = self.show(c["id"], stop)
            elif reply is not None:
                c = reply.expect(200).json()
            else:
                time.sleep(0.05)
        return c

    def show(self, ident, stop):
        while not stop.is_set():
            reply = ask(self.carl.get, "/v1/ceremonies/" + ident)
            if reply is not None:
                return reply.expect(200).json()
            time.sleep(0.05)
        return None

    def rotate(self, kind, domain, stop):
        c = self.begin(kind, domain, stop)
        while c and c["state"] == "running":
            self.now = c
            time.sleep(0.1)
            c = self.show(c["id"], stop)
            if c is not None:
                check(c["done"] <= c["total"] or c["total"] == 0, "more is done than there is")
        self.now = None
        if c is None:
            return
        equal(c["state"], "done", "end of %s %s (%s)" % (kind, domain, c.get("error")))
        self.done.append(kind)

    def loop(self, stop):
        try:
            while not stop.is_set():
                for kind, domain in KINDS:
                    self.rotate(kind, domain, stop)
        except lib.Failure as why:
            self.faults.append(str(why))


def test_C43_rotations_under_kills_and_load(v):
    print("# seed %d, %d kills" % (kill.SEED, kill.KILLS))
    ledger, stop, halt, marks = kill.Ledger(), threading.Event(), threading.Event(), []
    v.ledger, v.marks, acme, rng = ledger, marks, Partner(v), random.Random(kill.SEED)
    for _ in range(FIRST // 1000):
        values = [val.pan(rng=rng) for _ in range(1000)]
        for value, item in zip(values, acme.batch("cards", values)):
            ledger.take("cards", value, item, "first")
    ledger.requests = []
    Person(v, "sara").ready().post("/v1/domains", FF1).expect(201)
    v.custodians = custodians = Custodians(v)
    threads = [threading.Thread(target=kill.client_loop, args=(v, n, ledger, stop))
               for n in range(kill.CLIENTS)]
    threads.append(threading.Thread(target=ff1_loop, args=(v, ledger, stop)))
    keeping = threading.Thread(target=custodians.loop, args=(halt,))
    for t in threads + [keeping]:
        t.start()
    try:
        done = kill.kill_loop(v, random.Random(kill.SEED), marks)
    finally:
        halt.set()
        keeping.join()
        stop.set()
        for t in threads:
            t.join()
    print("# %d answers, %d errors, kills %s, rotations %s" %
          (ledger.answers, ledger.errors, done,
           {kind: custodians.done.count(kind) for kind in sorted(set(custodians.done))}))
    check(not ledger.faults and not custodians.faults,
          "; ".join(ledger.faults[:5] + custodians.faults))
    check(ledger.answers > sum(done.values()) * 5,
          "too few answers to mean anything: %d" % ledger.answers)
    check(len(custodians.done) >= 2, "only %d rotations came to their end" % len(custodians.done))


def test_C43_what_was_begun_ends_and_nothing_is_left_under_old_keys(v):
    custodians, halt = v.custodians, threading.Event()
    # One more of each: what was running comes to its end first.
    for kind, domain in KINDS[:4] + KINDS[-1:]:
        custodians.rotate(kind, domain, halt)
    keys = custodians.carl.get("/v1/keys?limit=1000").expect(200).json()["items"]
    for domain in ("cards", "accounts"):
        for kind in ("data", "index"):
            mine = [k for k in keys if k.get("domain") == domain and k["kind"] == kind]
            equal([k["state"] for k in mine].count("active"), 1,
                  "active %s keys of %s" % (kind, domain))
            for k in mine:
                check(k["state"] in ("active", "deactivated"), "state of %s" % k["id"])
                if k["state"] == "deactivated" and (kind, domain) != ("index", "accounts"):
                    equal(k["records"], 0, "records under " + k["id"])


def test_C43_ff1_tokens_of_every_version_open(v):
    keys = v.custodians.carl.get("/v1/keys?limit=1000").expect(200).json()["items"]
    states = [k["state"] for k in sorted(keys, key=lambda k: k["version"]) if k["kind"] == "ff1"]
    check(len(states) > 1, "no FF1 key was rotated")
    equal(states, ["deactivated"] * (len(states) - 1) + ["active"], "states of the FF1 keys")
    cards = sorted({value for (d, _), value in v.ledger.owner.items() if d == "ff"})
    last = Partner(v).post("/v1/tokenize", {"domain": "ff", "values": cards},
                           headers={"X-Request-Id": "ff-last"}).expect(200).json()["results"]
    for value, item in zip(cards, last):  # by the last version too
        v.ledger.take("ff", value, item, "ff-last")
    pairs = [(t, value) for (d, t), value in v.ledger.owner.items() if d == "ff"]
    check(len(pairs) > len(cards) > 0, "%d tokens of %d cards" % (len(pairs), len(cards)))
    olga = Person(v, "olga").ready()
    for at in range(0, len(pairs), 10):
        body = {"domain": "ff", "tokens": [t for t, _ in pairs[at:at + 10]], "purpose": "refund",
                "reason": "case 17"}
        found = olga.post("/v1/detokenize", body).expect(200).json()["results"]
        equal([r.get("value") for r in found], [value for _, value in pairs[at:at + 10]], "values")


# What must be true after any kills, in this order.
test_every_answered_mapping_is_there = kill.test_every_answered_mapping_is_there
test_answered_tokens_open = kill.test_answered_tokens_open
test_every_random_token_is_active = kill.test_every_random_token_is_active
test_C26_every_answer_has_its_entry = kill.test_C26_every_answer_has_its_entry
test_C27_log_is_whole = kill.test_C27_log_is_whole

if __name__ == "__main__":
    lib.run(globals(), ["front.per_address=256", "core.generation_ops=512", "core.flush_ms=50",
                        "auth.fresh_s=3600", "ceremony.rows_per_s=40000",
                        "limit.reveals_per_factor=1000", "limit.reveals_per_day=10000",
                        "limit.reveals_per_purpose=10000", "limit.reveals_per_minute=10000"])
