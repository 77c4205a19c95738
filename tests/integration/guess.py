#!/usr/bin/env python3
"""C28: who tries the cards that a token can be is stopped; who loads many cards is not.

With the limits of a production configuration. HUFU_CARDS says how many cards the honest load has
(default 100,000; `make bulk` takes a million).
"""

import os
import random
import subprocess
import time

import lib
import values as val
from client import Partner, Person
from lib import check, equal
from observe import Families, scrape

A_DAY = 100  # limit.guesses_per_day
MISSES = 1000  # limit.lookup_misses
CARDS = int(os.environ.get("HUFU_CARDS", "100000"))
BINS = 40
BATCH = 1000
PEOPLE = {}


def person(v, name):
    return PEOPLE.setdefault(name, Person(v, name)).ready()


def bucket(prefix, suffix):
    """The 10^5 cards of 16 digits that begin and end so."""
    found = [prefix + "%05d" % n for n in range(100000)]
    cards = []
    for begin in found:  # the twelfth digit settles the check
        total = sum(n - 9 if n > 9 else n
                    for n in (int(c) * (1 if i % 2 else 2) for i, c in enumerate(begin)))
        total += sum(n - 9 if n > 9 else n
                     for n in (int(c) * (1 if i % 2 else 2) for i, c in enumerate(suffix)))
        cards.append(begin + str(-total % 10) + suffix)
    return cards


def second_certificate(v):
    """acme's other one, for a change-over."""
    path = lambda end: v.path("tls", "acme-next" + end)
    ca = ["-CA", v.path("tls", "clients-ca.crt"), "-CAkey", v.path("tls", "clients-ca.key")]
    for command in (["req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                     "-nodes", "-subj", "/CN=acme-next", "-keyout", path(".key"),
                     "-out", path(".csr")],
                    ["x509", "-req", "-in", path(".csr"), *ca, "-set_serial", str(time.time_ns()),
                     "-days", "30", "-out", path(".crt")]):
        subprocess.run(["openssl", *command], check=True, capture_output=True, timeout=20)
    with open(path(".crt")) as f:
        person(v, "sara").post("/v1/partners/acme/certs", {"cert_pem": f.read()}).expect(200)
    v.dev["partners"].append({"name": "acme-next", "cert": "tls/acme-next.crt",
                              "key": "tls/acme-next.key"})
    return Partner(v, "acme-next")


def make_domain(v, name, keep=None, kind="pan", partner="acme"):
    body = {"name": name, "format": kind, "mode": "deterministic", "partners": [partner],
            "purposes": ["refund"]}
    if keep:
        body["keep"] = {"prefix": keep[0], "suffix": keep[1]}
    person(v, "sara").post("/v1/domains", body).expect(201)
    return name


def partner_for(v, name, kind):
    """A new partner with a domain of that format, which keeps nothing."""
    account = v.dev["bad_certs"]["unpinned"]
    with open(v.dev_file(account["cert"])) as f:
        person(v, "sara").post("/v1/partners", {
            "name": name, "cert_pem": f.read(), "formats": [kind], "domains": []}).expect(201)
    v.dev["partners"].append({"name": name, **account})
    make_domain(v, name, kind=kind, partner=name)
    return Partner(v, name)


class Attack:
    """Who knows a token of acme's and its kept digits, and asks for one card after the other."""

    def __init__(self, v, domain, cards, clients):
        self.domain, self.clients = domain, clients
        self.own = clients[0].token(domain, cards[-1])  # one more guess
        self.refusals, self.keys = set(), 0

    def told(self, reply):
        """True where the answer says something of the card; refusals are kept for comparison."""
        if reply.status != 429:
            check(reply.status in (200, 404, 409), "%r" % reply)
            return True
        found = reply.json()
        del found["request_id"]
        check(0 < int(reply.headers["Retry-After"]) <= 86400, "tomorrow")  # it runs down
        headers = sorted((k, v) for k, v in reply.headers.items()
                         if k.lower() not in ("date", "x-request-id", "retry-after"))
        self.refusals.add((tuple(sorted(found.items())), tuple(headers)))
        return False

    def tries(self, n, card):
        client, domain = self.clients[n % len(self.clients)], self.domain
        way = n // len(self.clients) % 4
        if way == 0:
            return self.told(client.tokenize(domain, card))
        if way == 1:
            return self.told(client.lookup(domain, card))
        if way == 2:
            return self.told(client.post("/v1/tokens/replace", {
                "domain": domain, "token": self.own, "value": card, "reason": "reissued"}))
        self.keys += 1
        return self.told(client.post("/v1/tokenize", {"domain": domain, "value": card},
                                     headers={"Idempotency-Key": "%s-%d" % (domain, self.keys)}))


def attack(v, domain, cards, clients, right):
    """Every way in turn: exactly 100 get through, those before included."""
    thief = Attack(v, domain, cards, clients)
    through = 2  # the victim's card and the thief's own
    order = [c for c in cards[:-1] if c != right]
    random.SystemRandom().shuffle(order)
    order = order[:1500]
    order[700:700] = [right] * (4 * len(clients))  # by every way, by every certificate
    for n, card in enumerate(order):
        through += thief.tries(n, card)
    equal(through, A_DAY, "cards told in %s" % domain)
    equal(len(thief.refusals), 1, "different refusals")
    for at in range(0, len(cards), BATCH):  # the right one is in one of them
        reply = clients[0].post("/v1/tokenize",
                                {"domain": domain, "values": cards[at:at + BATCH]})
        check(not thief.told(reply), "a batch got through")
    equal(len(thief.refusals), 1, "different refusals")


def test_C28_the_attack_on_one_token(v):
    """10^5 candidates, two certificates, four ways, batches; then the same in a second domain."""
    v.both = [Partner(v), second_certificate(v)]
    for domain, six in (("cards", "455555"), (make_domain(v, "cards-two", (6, 4)), "466666")):
        cards = bucket(six, "0042")
        check(len(set(cards)) == 100000 and all(map(val.luhn_ok, cards[::997])), "the candidates")
        right = cards[random.SystemRandom().randrange(len(cards) - 1)]
        v.both[1].token(domain, right)
        attack(v, domain, cards, v.both, right)


def test_C28_batches_alone(v):
    """One card too many refuses the whole and takes nothing from the budget."""
    acme, cards = Partner(v), bucket("477777", "0042")
    ask = lambda some: acme.post("/v1/tokenize", {"domain": "cards", "values": some}).status
    equal({ask(cards[at:at + BATCH]) for at in range(0, 20000, BATCH)}, {429}, "batches of 1000")
    equal(ask(cards[:A_DAY + 1]), 429, "a batch of 101")
    equal([ask(cards[at:at + 30]) for at in range(0, 300, 30)], [200] * 3 + [429] * 7, "of 30")
    equal(ask(cards[500:510]), 200, "the last ten")
    equal(ask(cards[:1]), 429, "a known one behind them")


def test_C28_look_ups_spread_over_buckets(v):
    """Each in a bucket of its own, so that no bucket's limit is reached: the share stops it."""
    zeta, known = Partner(v, "zeta"), val.pan(prefix="400000")
    zeta.tokenize("cards-zeta", known).expect(200)
    before = Families(scrape(v))
    found = [zeta.lookup("cards-zeta", val.pan(prefix="4%05d" % n)).status
             for n in range(1, MISSES + 500)]
    equal(found, [404] * MISSES + [429] * 499, "look-ups")
    zeta.lookup("cards-zeta", known).expect(429, "rate_limited")
    zeta.tokenize("cards-zeta", known).expect(200)
    Partner(v).lookup("ids", val.cn_id()).expect(404)  # another partner in another domain
    after = Families(scrape(v))
    grown = lambda name, **labels: after.get(name, **labels) - before.get(name, **labels)
    equal(grown("hufu_lookups_total", domain="cards-zeta", result="miss"), MISSES, "misses")
    equal(grown("hufu_lookups_total", domain="cards-zeta", result="hit"), 0, "hits")
    equal(grown("hufu_limit_refusals_total", limit="lookup_misses"), 500, "refusals")
    equal(grown("hufu_limit_refusals_total", limit="guesses_per_day"), 0, "other refusals")
    v.crash()
    v.start()
    Partner(v, "zeta").lookup("cards-zeta", known).expect(429, "rate_limited")


def honest_cards(count):
    """Different cards of 40 BINs: 2.5 in a bucket where a million are loaded, never near 100."""
    rng, seen = random.SystemRandom(), set()
    rng = random.Random(rng.getrandbits(64))
    bins = ["5%05d" % n for n in rng.sample(range(10000, 60000), BINS)]
    while len(seen) < count:
        begin = bins[len(seen) % BINS] + "%09d" % rng.randrange(10 ** 9)
        total = sum(n - 9 if n > 9 else n
                    for n in (int(c) * (1 if i % 2 else 2) for i, c in enumerate(begin)))
        seen.add(begin + str(-total % 10))
    return list(seen)


def test_C28_an_honest_load(v):
    acme, cards = Partner(v), honest_cards(CARDS)
    began, made = time.monotonic(), 0
    for at in range(0, len(cards), BATCH):
        made += sum(r.get("created", False) for r in acme.batch("cards", cards[at:at + BATCH]))
    equal(made, len(cards), "cards that have a token now")
    print("# %d cards in %.1f s" % (made, time.monotonic() - began))


def test_C28_large_buckets(v):
    """Where nothing is kept all values are in one bucket, of which a thousandth is much."""
    acme, ids = Partner(v), set()
    while len(ids) < 10000:
        ids.add(val.cn_id())
    ids = sorted(ids)
    domain, cards = make_domain(v, "cards-blind"), [val.pan() for _ in range(10000)]
    mails = ["client.%d@example.com" % n for n in range(10000)]
    writer = partner_for(v, "mails", "email")
    for client, name, some in ((acme, "ids", ids), (acme, domain, cards), (writer, "mails", mails)):
        for at in range(0, len(some), BATCH):
            check(all("token" in r for r in client.batch(name, some[at:at + BATCH])), name)


if __name__ == "__main__":
    lib.run(globals(), ["limit.guesses_per_day=%d" % A_DAY, "limit.lookup_misses=%d" % MISSES])
