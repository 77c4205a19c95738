#!/usr/bin/env python3
"""Limits that stop guessing and looking around: new values, look-ups in vain, reveals; C21, C23."""

import lib
import values as val
from client import Partner, Person
from lib import check, equal

PEOPLE = {}


def person(v, name):
    return PEOPLE.setdefault(name, Person(v, name)).ready()


def test_C23_new_values_and_misses_of_one_bucket(v):
    """Six and four digits kept leave 10^5 cards: nobody may try them all."""
    acme = Partner(v)
    bucket = [c for c in iter_bucket("400000", "0002", 12)]
    for value in bucket[:3]:
        acme.tokenize("cards", value).expect(200)
    for _ in range(7):  # what was sent before is no guess
        acme.tokenize("cards", bucket[0]).expect(200)
        acme.lookup("cards", bucket[1]).expect(200)
    acme.lookup("cards", bucket[3]).expect(404, "not_found")
    acme.tokenize("cards", bucket[4]).expect(200)
    refused = acme.tokenize("cards", bucket[5]).expect(429, "rate_limited")
    check(refused.headers.get("Retry-After"), "429 without Retry-After")
    acme.lookup("cards", bucket[6]).expect(429, "rate_limited")
    # a hit too, or the limit itself would tell hits from misses
    acme.tokenize("cards", bucket[0]).expect(429, "rate_limited")
    acme.lookup("cards", bucket[1]).expect(429, "rate_limited")
    acme.tokenize("cards", val.pan(prefix="555555")).expect(200)  # another bucket
    body = {"domain": "cards", "values": [bucket[0], bucket[7]]}
    acme.post("/v1/tokenize", body).expect(429, "rate_limited")  # whole, and nothing is kept of it
    v.crash()
    v.start()
    Partner(v).tokenize("cards", bucket[8]).expect(429, "rate_limited")


def iter_bucket(prefix, suffix, count):
    """Valid cards with these first and last digits."""
    middle = 0
    while count:
        card = "%s%06d%s" % (prefix, middle, suffix)
        if val.luhn_ok(card):
            count -= 1
            yield card
        middle += 1


def test_C20_masks_are_counted(v):
    omar, token = person(v, "omar"), Partner(v).token("cards", val.pan())
    body = {"domain": "cards", "token": token}
    for _ in range(8):
        check("masked" in omar.post("/v1/tokens/inspect", body).expect(200).json(), "no mask")
    omar.post("/v1/tokens/inspect", body).expect(429, "rate_limited")


def test_C21_reveals_of_one_factor(v):
    acme, olga = Partner(v), person(v, "olga")
    cards = [val.pan() for _ in range(5)]
    tokens = [acme.token("cards", c) for c in cards]
    for i in range(2):
        equal(olga.reveal("cards", tokens[i]).expect(200).json()["value"], cards[i], "value")
    olga.reveal("cards", tokens[2]).expect(429, "rate_limited")
    olga.reveal("cards", "4000000000000001").expect(404)  # nothing was revealed, nothing counts
    olga.step_up()
    for i in range(2, 4):
        equal(olga.reveal("cards", tokens[i]).expect(200).json()["value"], cards[i], "value")
    olga.reveal("cards", tokens[4]).expect(429, "rate_limited")


if __name__ == "__main__":
    lib.run(globals(), ["limit.guesses_per_day=5", "limit.reveals_per_factor=2",
                        "limit.reveals_per_day=8"])
