#!/usr/bin/env python3
"""The same value by 64 connections at once: one token, created once. Also batches and changes."""

import os
import subprocess
import threading

import lib
import values as val
from client import Partner, Person
from lib import check, equal

CONNECTIONS = 64
ROUNDS = 12


def together(clients, work):
    """Calls work(client, index) in one thread per client, all released at once; the results."""
    gate, results = threading.Barrier(len(clients)), [None] * len(clients)

    def run(i):
        gate.wait()
        try:
            results[i] = work(clients[i], i)
        except Exception as why:
            results[i] = why

    threads = [threading.Thread(target=run, args=(i,)) for i in range(len(clients))]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    for r in results:
        if isinstance(r, Exception):
            raise r
    return results


def connected(v, count=CONNECTIONS):
    clients = [Partner(v) for _ in range(count)]
    together(clients, lambda c, i: c.get("/v1/whoami").expect(200))
    return clients


def test_one_value_64_connections(v):
    clients = connected(v)
    for _ in range(ROUNDS):
        value = val.pan()
        replies = together(clients, lambda c, i: c.tokenize("cards", value).expect(200).json())
        equal(len({r["token"] for r in replies}), 1, "distinct tokens of one value")
        equal(sum(r["created"] for r in replies), 1, "replies with created:true")


def test_overlapping_batches(v):
    """16 batches over the same 40 values in different orders: one token each, created once."""
    clients = connected(v, 16)
    for _ in range(4):
        cards = [val.pan() for _ in range(40)]
        orders = [val.RNG.sample(cards, len(cards)) for _ in clients]
        replies = together(clients, lambda c, i: c.batch("cards", orders[i]))
        tokens, created = {}, {}
        for order, results in zip(orders, replies):
            for value, item in zip(order, results):
                tokens.setdefault(value, set()).add(item["token"])
                created[value] = created.get(value, 0) + item["created"]
        check(all(len(t) == 1 for t in tokens.values()), "a value with two tokens")
        equal(set(created.values()), {1}, "times that created was true")
        equal(len({t for s in tokens.values() for t in s}), len(set(cards)), "distinct tokens")


def test_value_of_a_revoked_token(v):
    """After a revoke the value gets one new token, however many ask."""
    clients = connected(v, 32)
    for _ in range(4):
        value = val.pan()
        old = clients[0].token("cards", value)
        clients[0].change("revoke", "cards", old).expect(200)
        replies = together(clients, lambda c, i: c.tokenize("cards", value).expect(200).json())
        equal(len({r["token"] for r in replies} - {old}), 1, "new tokens")
        check(all(r["token"] != old for r in replies), "the revoked token was issued again")
        equal(sum(r["created"] for r in replies), 1, "replies with created:true")


def test_revoke_against_delete(v):
    """Two ends for one token: one wins, the other is told of the conflict."""
    clients = connected(v, 16)
    for _ in range(6):
        token = clients[0].token("cards", val.pan())
        replies = together(clients, lambda c, i: c.change(("revoke", "delete")[i % 2], "cards",
                                                          token))
        end = clients[0].state("cards", token)
        check(end in ("revoked", "deleted"), "state is %s" % end)
        for i, reply in enumerate(replies):
            won = ("revoked", "deleted")[i % 2] == end
            equal(reply.status, 200 if won else 409, "status of a %s" % ("revoke", "delete")[i % 2])


def test_suspend_against_tokenize(v):
    clients = connected(v, 16)
    for _ in range(6):
        value = val.pan()
        token = clients[0].token("cards", value)

        def work(c, i):
            if i == 0:
                return c.change("suspend", "cards", token)
            return c.tokenize("cards", value)
        for i, reply in enumerate(together(clients, work)):
            if i == 0 or reply.status == 200:
                reply.expect(200)
                check(i == 0 or reply.json()["token"] == token, "another token")
            else:
                reply.expect(409, "token_suspended")
        clients[1].tokenize("cards", value).expect(409, "token_suspended")


def test_random_domain_tokens_distinct(v):
    clients = connected(v)
    value = val.iban("DE")
    replies = together(clients, lambda c, i: [c.token("accounts", value) for _ in range(10)])
    tokens = [t for r in replies for t in r]
    equal(len(set(tokens)), len(tokens), "distinct tokens")


def test_one_session_by_8_connections(v):
    """A session in use by several requests in the same millisecond stays good (bench_load)."""
    program = os.path.join(lib.BUILD, "tests", "bench", "bench_load")
    if not os.path.exists(program):
        raise lib.Skip("no " + program)
    olga = Person(v, "olga").ready()
    files = {"session": olga.session, "tokens": Partner(v).token("cards", val.pan())}
    for name, text in files.items():
        with open(os.path.join(v.top, name), "w") as f:
            f.write(text + "\n")
    done = subprocess.run(
        [program, "detokenize", "-p", str(v.port), "-A", v.dev_file(v.dev["ca"]), "-c", "8",
         "-r", "4000", "-S", os.path.join(v.top, "session"), "-T", os.path.join(v.top, "tokens"),
         "-U", v.purpose("cards")], capture_output=True, text=True, timeout=60)
    check(done.returncode == 0, (done.stdout + done.stderr)[-400:])
    check(" refused=0 broken=0 " in done.stdout, done.stdout)


if __name__ == "__main__":
    lib.run(globals(), ["front.per_address=256"])
