#!/usr/bin/env python3
"""SIGKILL under load: whatever was answered is there afterwards, exactly once, and in the log.

16 clients tokenize while front, core, hsm or hufud itself are killed at random moments.
HUFU_KILLS (default 50) kills, which must be done within 300 s; or, with HUFU_SECONDS, as many as
there is time for. HUFU_SEED repeats a choice of moments.
"""

import json
import os
import random
import threading
import time

import lib
import rfc6962 as tree
import values as val
from client import HTTPException, Partner, Person
from lib import check, equal

CLIENTS = 16
KILLS = int(os.environ.get("HUFU_KILLS", "50"))
SECONDS = int(os.environ.get("HUFU_SECONDS", "0"))
SEED = int(os.environ.get("HUFU_SEED", str(time.time_ns() % 10 ** 9)))


class Ledger:
    """Every answer that a client has in hand; what the vault owes."""

    def __init__(self):
        self.lock = threading.Lock()
        self.tokens = {}  # (domain, value) -> token, deterministic domain
        self.owner = {}  # (domain, token) -> value, every domain
        self.requests = []  # request ids that were answered 200
        self.faults = []
        self.errors = 0
        self.answers = 0

    def take(self, domain, value, item, request_id):
        token = item["token"]
        with self.lock:
            self.answers += 1
            self.requests.append(request_id)
            if self.owner.setdefault((domain, token), value) != value:
                self.faults.append("one token for two values")
            if domain == "cards":
                known = self.tokens.setdefault((domain, value), token)
                if known != token:
                    self.faults.append("two tokens for one value")

    def some(self, rng):
        with self.lock:
            if not self.tokens:
                return None
            return rng.choice(list(self.tokens)[-200:])[1]


def client_loop(v, number, ledger, stop):
    rng, acme, count = random.Random(SEED * 100 + number), Partner(v, timeout=10), 0
    pending = None  # a value whose answer was lost: it is asked for again
    while not stop.is_set():
        count += 1
        request_id = "k%d-%d" % (number, count)
        head = {"X-Request-Id": request_id}
        kind = rng.random()
        domain = "accounts" if kind < 0.15 else "cards"
        batch = kind > 0.9
        if pending:
            domain, values = pending
        elif domain == "accounts":
            values = [val.iban()]
        elif batch:
            values = [val.pan(rng=rng) for _ in range(20)]
        else:
            known = ledger.some(rng) if kind > 0.75 else None
            values = [known or val.pan(rng=rng)]
        body = {"domain": domain, "values": values} if len(values) > 1 else \
            {"domain": domain, "value": values[0]}
        try:
            reply = acme.post("/v1/tokenize", body, headers=head)
        except lib.Failure as why:
            ledger.faults.append(str(why))
            return
        except (OSError, HTTPException):
            ledger.errors += 1
            pending = (domain, values)
            time.sleep(0.02)
            continue
        if reply.status in (408, 503):
            ledger.errors += 1
            pending = (domain, values)
            time.sleep(0.02)
            continue
        pending = None
        if reply.status != 200:
            ledger.faults.append("tokenize is answered %r" % reply)
            return
        found = reply.json()
        for value, item in zip(values, found.get("results", [found])):
            if "token" not in item:
                ledger.faults.append("an item is answered %s" % item)
                return
            ledger.take(domain, value, item, request_id)


def kill_loop(v, rng, marks):
    """The kills; after each the vault must be ready again. Returns how many of each there were."""
    done = {}
    end = time.monotonic() + (SECONDS or 300)
    for number in range(KILLS):
        if SECONDS and time.monotonic() > end:
            break
        check(time.monotonic() < end, "only %d of %d kills in 300 s" % (number, KILLS))
        time.sleep(rng.uniform(0.02, 0.4))
        name = rng.choices(("core", "front", "hsm", "hufud"), (5, 2, 2, 3))[0]
        done[name] = done.get(name, 0) + 1
        if name == "hufud":
            v.crash()
            v.start()
        else:
            old = v.kill(name)
            lib.wait_for(lambda: v.roles().get(name, old) != old, 5, "a new %s" % name)
            v.wait_ready(15)
        if number % 10 == 9:
            marks.append(last_checkpoint(v))
    return done


def last_checkpoint(v):
    acme = Partner(v)

    def ask():
        try:
            reply = acme.get("/v1/audit/checkpoint")
        except (OSError, HTTPException):
            return None
        return reply.status == 200 and tree.Checkpoint(reply.body)
    return lib.wait_for(ask, 10, "a checkpoint", 0.1)


def test_kills_under_load(v):
    print("# seed %d, %d kills" % (SEED, KILLS))
    ledger, stop, marks = Ledger(), threading.Event(), []
    v.ledger, v.marks = ledger, marks
    threads = [threading.Thread(target=client_loop, args=(v, n, ledger, stop))
               for n in range(CLIENTS)]
    for t in threads:
        t.start()
    try:
        done = kill_loop(v, random.Random(SEED), marks)
    finally:
        stop.set()
        for t in threads:
            t.join()
    print("# %d answers, %d errors, kills %s" % (ledger.answers, ledger.errors, done))
    check(not ledger.faults, "; ".join(ledger.faults[:5]))
    check(ledger.answers > sum(done.values()) * 5,
          "too few answers to mean anything: %d" % ledger.answers)


def test_every_answered_mapping_is_there(v):
    acme, ledger = Partner(v), v.ledger
    values = [value for _, value in ledger.tokens]
    for at in range(0, len(values), 1000):
        part = values[at:at + 1000]
        for value, item in zip(part, acme.batch("cards", part)):
            equal(item.get("token"), ledger.tokens["cards", value], "token after the kills")
            equal(item["created"], False, "created after the kills")
    for value in values[:100]:
        equal(acme.lookup("cards", value).expect(200).json()["token"],
              ledger.tokens["cards", value], "look-up after the kills")


def test_answered_tokens_open(v):
    olga = Person(v, "olga").ready()
    for domain, some in (("cards", 12), ("accounts", 6)):
        pairs = [(t, value) for (d, t), value in v.ledger.owner.items() if d == domain]
        for token, value in random.Random(SEED).sample(pairs, min(some, len(pairs))):
            equal(olga.value(domain, token), value, "value of a token of " + domain)


def test_every_random_token_is_active(v):
    acme = Partner(v)
    tokens = [t for d, t in v.ledger.owner if d == "accounts"]
    for token in tokens[:500]:
        equal(acme.state("accounts", token), "active", "state of an answered token")


def test_C26_every_answer_has_its_entry(v):
    tail = tree.Tail(Person(v, "aude").ready())
    tail.read()
    v.tail = tail
    entered = {}
    for line in tail.lines:
        found = json.loads(line)
        if found["verb"] == "tokenize" and found["result"] == "ok":
            entered[found.get("request_id")] = True
    lost = [r for r in set(v.ledger.requests) if r not in entered]
    equal(lost[:5], [], "answered requests without an entry, %d of %d" %
          (len(lost), len(set(v.ledger.requests))))


def test_C27_log_is_whole(v):
    log, tail = v.dev["log"], v.tail
    final = last_checkpoint(v)
    tail.read()
    for found in v.marks + [final]:
        check(tree.signature_ok(found, log["origin"], log["public_key"]), "signature")
        check(found.size <= len(tail.lines), "%d entries are signed, %d are there" %
              (found.size, len(tail.lines)))
        equal(tree.root(tail.leaves[:found.size]), found.root, "root at %d" % found.size)


if __name__ == "__main__":
    lib.run(globals(), ["front.per_address=256", "core.generation_ops=512", "core.flush_ms=50"])
