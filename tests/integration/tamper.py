#!/usr/bin/env python3
"""C11: an edited, swapped, deleted or rolled-back record is detected; never a wrong value."""

import os
import shutil
import time

import lib
import values as val
from client import DROPPED, HTTPException, Partner, Person
from lib import check, equal

PEOPLE = {}


def database(v):
    return v.path("data", "map", "data.mdb")


def settled(v):
    """Stops the vault when everything is in the map."""
    time.sleep(1.5)
    v.stop()


def places(content, needle):
    found, at = [], content.find(needle)
    while at >= 0:
        found.append(at)
        at = content.find(needle, at + 1)
    return found


def answer(v, domain, token):
    """(status, value) of a reveal; (0, None) where nobody answers."""
    try:
        reply = PEOPLE.setdefault("olga", Person(v, "olga")).ready().reveal(domain, token)
        return reply.status, reply.json().get("value")
    except (OSError, HTTPException) + DROPPED:
        return 0, None


def opens(v):
    """Starts the vault over a changed database; True where it becomes ready."""
    v.start(ready=False)
    end = time.monotonic() + 6
    while time.monotonic() < end:
        if v.proc.poll() is not None:
            v.proc = None
            return False
        if v.probe("/readyz") == 200:
            return True
        time.sleep(0.05)
    return False


def shut(v):
    if v.proc is not None:
        try:
            v.stop()
        except lib.Failure:
            v.sweep()


def changed_copies(content, token, other):
    """Changed databases: the bytes around each place where the token's key stands."""
    for at in places(content, token.encode()):
        end = at + len(token)
        for offset in (20, 45, 80):
            if end + offset < len(content):
                flipped = bytearray(content)
                flipped[end + offset] ^= 1
                yield "a bit %d bytes behind the key" % offset, bytes(flipped)
    mine, theirs = places(content, token.encode()), places(content, other.encode())
    if mine and theirs:  # the two records change their keys
        swapped = bytearray(content)
        for at in mine:
            swapped[at:at + len(token)] = other.encode()
        for at in theirs:
            swapped[at:at + len(other)] = token.encode()
        yield "two keys swapped", bytes(swapped)


def test_C11_changed_records(v):
    acme = Partner(v)
    cards = [val.pan(prefix="411111") for _ in range(40)]
    tokens = [acme.token("cards", c) for c in cards]
    settled(v)
    with open(database(v), "rb") as f:
        whole = f.read()
    check(places(whole, tokens[0].encode()), "the token is not in the map as FORMATS.md says")
    right = wrong = tried = 0
    try:
        for what, content in changed_copies(whole, tokens[0], tokens[1]):
            with open(database(v), "wb") as f:
                f.write(content)
            tried += 1
            if opens(v):
                status, value = answer(v, "cards", tokens[0])
                check(value in (None, cards[0]), "another value after: " + what)
                right += value == cards[0]
                wrong += value is None
                check(status in (0, 200, 404, 503), "%d after: %s" % (status, what))
            else:
                wrong += 1
            shut(v)
    finally:
        shut(v)
        with open(database(v), "wb") as f:
            f.write(whole)
    print("# %d changed databases: %d detected, %d without effect" % (tried, wrong, right))
    check(tried >= 4 and wrong >= tried // 3, "too few changes were detected")
    v.start()
    equal(answer(v, "cards", tokens[0]), (200, cards[0]), "value of the untouched database")


def test_C11_control_rows_rolled_back(v):
    """The map of yesterday under today's journal: it stays shut or is right."""
    acme = Partner(v)
    value = val.pan()
    token = acme.token("cards", value)
    settled(v)
    shutil.copy(database(v), database(v) + ".old")
    v.start()
    acme.change("revoke", "cards", token, "stolen").expect(200)
    settled(v)
    today = database(v) + ".today"
    shutil.copy(database(v), today)
    shutil.copy(database(v) + ".old", database(v))
    try:
        if opens(v):
            status, _ = answer(v, "cards", token)
            check(status != 200, "a revoked token opens after the map was put back")
    finally:
        shut(v)
        shutil.copy(today, database(v))
        os.remove(today)
        os.remove(database(v) + ".old")
    v.start()


if __name__ == "__main__":
    lib.run(globals(), ["core.flush_ms=100"])
