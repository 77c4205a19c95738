#!/usr/bin/env python3
"""The same value by 64 connections at once: one token, created once. Also batches and changes.

Then what may succeed once only, by 32 connections at once: a code at log-in and at step-up, a
one-time token, an approval, a grant, an idempotency key. HUFU_ROUNDS rounds of these (default 150).
A code is good for one step of 30 s, so codes are raced as often as the enrolled people have new
ones, and the other kinds fill up the rest; the split is told at the end.
"""

import json
import os
import re
import signal
import socket
import subprocess
import threading
import time

import lib
import values as val
from client import Partner, Person, tls_context, totp
from lib import check, equal

CONNECTIONS = 64
ROUNDS = 12
AT_ONCE = 32
ONCE_ROUNDS = int(os.environ.get("HUFU_ROUNDS", "150"))
PEOPLE = 8 if ONCE_ROUNDS < 1000 else 64  # operators with codes of their own


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


class Hammer:
    """Kept connections whose requests lack one byte, until all of those go out in a row."""

    def __init__(self, v, cert=None, count=AT_ONCE):
        self.v, self.sockets = v, []
        context = tls_context(v, cert)
        for _ in range(count):
            plain = socket.create_connection(("127.0.0.1", v.port), timeout=30)
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.sockets.append(context.wrap_socket(plain, server_hostname="localhost"))

    def close(self):
        for s in self.sockets:
            s.close()

    def fire(self, path, bodies, heads, hold):
        """One POST a connection; [(status, headers, object)]. hold: the core is stopped until all
        are on their way to it, so that its workers find them in one heap."""
        core = self.v.roles()["core"] if hold else 0
        for s, body, head in zip(self.sockets, bodies, heads):
            data = json.dumps(body).encode()
            s.sendall(("POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                       "Content-Length: %d\r\n%s\r\n" % (path, len(data), head)).encode() +
                      data[:-1])
        if hold:
            os.kill(core, signal.SIGSTOP)
        try:
            for s in self.sockets:
                s.sendall(b"}")
            if hold:
                time.sleep(0.01)
        finally:
            if hold:
                os.kill(core, signal.SIGCONT)
        return [self.read(s) for s in self.sockets]

    @staticmethod
    def read(s):
        got = b""
        while b"\r\n\r\n" not in got:
            part = s.recv(65536)
            check(part, "a connection was closed in a race")
            got += part
        head, body = got.split(b"\r\n\r\n", 1)
        length = re.search(rb"(?i)content-length: *(\d+)", head)
        while length and len(body) < int(length[1]):
            body += s.recv(65536)
        return int(head[9:12]), head.decode().lower(), json.loads(body) if body else {}


def outcomes(replies):
    """{"200": n, "409 already_approved": m, …}"""
    found = {}
    for status, _, body in replies:
        key = str(status) if status < 400 else "%d %s" % (status, body["code"])
        found[key] = found.get(key, 0) + 1
    return found


def bearer(person):
    return "Authorization: Bearer %s\r\n" % person.session


class Once:
    """What may succeed once only. Each race_ method is a round."""

    def __init__(self, v):
        self.v, self.acme, self.tokens = v, Partner(v), []
        self.people = {n: Person(v, n).ready() for n in ("olga", "omar", "anna", "carl", "cora",
                                                         "chen", "sara")}
        self.people["sara"].post("/v1/domains", {
            "name": "once", "format": "pan", "mode": "one-time", "partners": ["acme"],
            "keep": {"prefix": 0, "suffix": 0}, "purposes": ["refund"],
            "expected": 100000}).expect(201)
        self.people["sara"].ready().post("/v1/domains", {
            "name": "guarded", "format": "pan", "mode": "deterministic", "partners": ["acme"],
            "keep": {"prefix": 6, "suffix": 4}, "purposes": ["dispute", "court"],
            "purposes_one_approval": ["dispute"],
            "purposes_two_approvals": ["court"]}).expect(201)
        self.card = val.pan()
        self.card_token = self.acme.token("guarded", self.card)
        self.coders = [self.enrol("racer%d" % i) for i in range(PEOPLE)]
        for person in self.coders[::2]:
            person.login()  # with the code of the step before, where that is still good
        self.machines, self.persons = Hammer(v, v.partner()), Hammer(v)  # not silent for long
        self.hold, self.made = False, 0

    def enrol(self, name):
        made = self.people["sara"].ready().post("/v1/users", {"name": name, "role": "operator"})
        made = made.expect(201).json()
        self.v.dev["users"].append({"name": name, "role": "operator",
                                    "password": made["initial_password"],
                                    "totp_secret": made["totp_secret"]})
        return Person(self.v, name)

    def fire(self, hammer, path, bodies, heads=("",) * AT_ONCE):
        return hammer.fire(path, bodies, heads, self.hold)

    def race_one_time(self):
        if not self.tokens:
            values = [val.pan() for _ in range(100)]
            self.tokens = list(zip(values, [r["token"] for r in self.acme.batch("once", values)]))
        value, token = self.tokens.pop()
        who = [self.people["olga"].ready(), self.people["omar"].ready()]
        body = {"domain": "once", "token": token, "purpose": "refund", "reason": "race"}
        replies = self.fire(self.persons, "/v1/detokenize", [body] * AT_ONCE,
                            [bearer(who[i % 2]) for i in range(AT_ONCE)])
        equal(outcomes(replies), {"200": 1, "404 not_found": AT_ONCE - 1}, "a one-time token")
        equal([b["value"] for status, _, b in replies if status == 200], [value], "its value")

    def idempotent(self, values):
        self.made += 1
        head = "Idempotency-Key: race-%d\r\n" % self.made
        return self.fire(self.machines, "/v1/tokenize",
                         [{"domain": "accounts", "value": x} for x in values], [head] * AT_ONCE)

    def race_same_key_same_body(self):
        replies = self.idempotent([val.iban()] * AT_ONCE)
        equal(outcomes(replies), {"200": AT_ONCE}, "one key, one body")
        equal(len({b["token"] for _, _, b in replies}), 1, "tokens of one key")
        equal(sum("idempotency-replayed: true" in h for _, h, _ in replies), AT_ONCE - 1, "replays")

    def race_same_key_other_bodies(self):
        replies = self.idempotent([val.iban() for _ in range(AT_ONCE)])
        equal(outcomes(replies), {"200": 1, "422 idempotency_mismatch": AT_ONCE - 1},
              "one key, many bodies")
        check(not any("idempotency-replayed" in h for _, h, _ in replies), "a replay")

    def propose(self):
        carl = self.people["carl"].ready()
        made = carl.post("/v1/ceremonies", {"kind": "rotate-kek", "reason": "race"}).expect(201)
        return carl, "/v1/ceremonies/" + made.json()["id"]

    def race_one_approver(self):
        """needed is 3: the second approval leaves it open, so every other meets its own."""
        carl, path = self.propose()
        cora = self.people["cora"].ready()
        replies = self.fire(self.persons, path + "/approve", [{}] * AT_ONCE,
                            [bearer(cora)] * AT_ONCE)
        equal(outcomes(replies), {"200": 1, "409 already_approved": AT_ONCE - 1}, "approvals")
        found = carl.get(path).expect(200).json()
        equal((found["state"], [a["user"] for a in found["approvals"]]),
              ("proposed", ["carl", "cora"]), "the ceremony")
        carl.post(path + "/cancel", {"reason": "race"}).expect(200)

    def keks(self):
        items = self.people["carl"].get("/v1/keys?limit=1000").expect(200).json()["items"]
        return sum(i["kind"] == "kek" for i in items)

    def race_approvers(self):
        """Two people, 16 connections each: two approvals count, and the rotation runs once."""
        carl, path = self.propose()
        before = self.keks()
        who = [self.people["cora"].ready(), self.people["chen"].ready()]
        replies = self.fire(self.persons, path + "/approve", [{}] * AT_ONCE,
                            [bearer(who[i % 2]) for i in range(AT_ONCE)])
        found = outcomes(replies)
        equal(found.pop("200", 0), 2, "approvals that count")
        check(set(found) <= {"409 already_approved", "409 conflict"}, "others: %s" % found)
        lib.wait_for(lambda: carl.get(path).expect(200).json()["state"] == "done", 60,
                     "the ceremony", 0.1)
        users = [a["user"] for a in carl.get(path).json()["approvals"]]
        equal(sorted(users), ["carl", "chen", "cora"], "who approved")
        equal(self.keks(), before + 1, "keys made")

    def ask(self, purpose):
        """(path of a grant for one value that waits for approval, its id)"""
        body = {"domain": "guarded", "tokens": [self.card_token], "count": 1, "purpose": purpose,
                "expires_in": 600, "reason": "race"}
        made = self.people["olga"].ready().post("/v1/grants", body).expect(201).json()
        return "/v1/grants/" + made["id"], made["id"]

    def race_grant_used(self):
        """C24: a grant for one value by 32 connections at once reveals it once."""
        path, number = self.ask("dispute")
        self.people["anna"].ready().post(path + "/approve", {}).expect(200)
        olga = self.people["olga"].ready()
        body = {"domain": "guarded", "token": self.card_token, "purpose": "dispute",
                "reason": "race", "grant": number}
        replies = self.fire(self.persons, "/v1/detokenize", [body] * AT_ONCE,
                            [bearer(olga)] * AT_ONCE)
        equal(outcomes(replies), {"200": 1, "403 grant_required": AT_ONCE - 1}, "a grant for one")
        equal([b["value"] for status, _, b in replies if status == 200], [self.card], "its value")
        found = olga.get(path).expect(200).json()
        equal((found["state"], found["remaining"]), ("used_up", 0), "the grant")

    def race_grant_approved(self):
        """The same approval by 32 connections at once counts once."""
        path, _ = self.ask("court")
        anna = self.people["anna"].ready()
        replies = self.fire(self.persons, path + "/approve", [{}] * AT_ONCE,
                            [bearer(anna)] * AT_ONCE)
        equal(outcomes(replies), {"200": 1, "409 already_approved": AT_ONCE - 1}, "approvals")
        found = anna.get(path).expect(200).json()
        equal((found["state"], [a["user"] for a in found["approvals"]]), ("proposed", ["anna"]),
              "the grant")
        self.people["olga"].ready().post(path + "/withdraw", {}).expect(200)

    def race_grant_asked(self):
        """Asked for by 32 connections with one key: one grant."""
        self.made += 1
        olga = self.people["olga"].ready()
        body = {"domain": "guarded", "count": 1, "purpose": "dispute", "expires_in": 600,
                "reason": "race"}
        head = bearer(olga) + "Idempotency-Key: ask-%d\r\n" % self.made
        replies = self.fire(self.persons, "/v1/grants", [body] * AT_ONCE, [head] * AT_ONCE)
        equal(outcomes(replies), {"201": AT_ONCE}, "one key, one grant")
        numbers = {b["id"] for _, _, b in replies}
        equal(len(numbers), 1, "grants of one key")
        equal(sum("idempotency-replayed: true" in h for _, h, _ in replies), AT_ONCE - 1, "replays")
        olga.post("/v1/grants/%s/withdraw" % numbers.pop(), {}).expect(200)

    def coder(self):
        """A person who has a code that was not shown yet, and that code; or None."""
        now = time.time()
        step = int(now // 30)
        for person in self.coders:
            if self.v.steps.get(person.name, 0) < step and now % 30 < 25 and \
                    now - getattr(person, "raced", 0) > 2:  # the delay after failed ones is 1 s
                self.v.steps[person.name], person.raced = step, now
                return person, totp(person.account["totp_secret"], step)
        return None

    def race_code(self):
        """At log-in for a session, then at step-up in it. Log-ins beyond the queue get 503."""
        found = self.coder()
        if found is None:
            return None
        person, code = found
        if person.session is None:
            body = {"user": person.name, "password": person.account["password"], "otp": code}
            replies = self.fire(self.persons, "/v1/sessions", [body] * AT_ONCE)
            person.session = next((b["session"] for s, _, b in replies if s == 201), None)
            kind, won = "log-in", "201"
        else:
            replies = self.fire(self.persons, "/v1/sessions/current/step-up",
                                [{"otp": code}] * AT_ONCE, [bearer(person)] * AT_ONCE)
            person.session = None
            kind, won = "step-up", "204"
        found = outcomes(replies)
        equal(found.pop(won, 0), 1, "successes with one code at %s, beside %s" % (kind, found))
        rest = {"401 unauthenticated"} | ({"503 unavailable"} if kind == "log-in" else set())
        check(set(found) <= rest, "others with that code at %s: %s" % (kind, found))
        check(found.get("401 unauthenticated", 0) > 8, "few of them were judged: %s" % found)
        return kind

    def close(self):
        self.machines.close()
        self.persons.close()


def test_once_of_32(v):
    once, split = Once(v), {}
    kinds = (once.race_one_time, once.race_same_key_same_body, once.race_one_approver,
             once.race_same_key_other_bodies, once.race_grant_used, once.race_grant_approved,
             once.race_grant_asked)
    for n in range(ONCE_ROUNDS):
        once.hold = n // 4 % 4 == 3
        kind = once.race_code() if n % 8 == 7 else None
        if kind is None and n % 100 == 50:
            once.race_approvers()
            kind = "approvers"
        elif kind is None:
            kinds[n % len(kinds)]()
            kind = kinds[n % len(kinds)].__name__[5:]
        split[kind] = split.get(kind, 0) + 1
    while not {"log-in", "step-up"} <= set(split):  # their codes were used up: a step later
        kind = once.race_code()
        split[kind] = split.get(kind, 0) + (kind is not None)
        time.sleep(1)
    split.pop(None, 0)
    once.close()
    print("# %d rounds of %d connections: %s" % (ONCE_ROUNDS, AT_ONCE, split))
    check(len(split) == len(kinds) + 3, "a kind was never raced: %s" % split)


if __name__ == "__main__":
    lib.run(globals(), ["front.per_address=256", "ceremony.custodians=3", "auth.lock_s=1"])
