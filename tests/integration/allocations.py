#!/usr/bin/env python3
"""What a request allocates once the processes are warm: in our own code nothing.

Front and core run with tests/shim_malloc.c preloaded, which keeps a count for each place that
allocates. Each kind of request is sent some thousand times over kept connections; what the counts
have grown by is divided by the number of requests, and sorted by who asked: our own code by folder,
or the library that it called.
"""

import os
import struct
import subprocess
import tempfile
import time

import lib
import values as val
from client import Partner, Person
from lib import check, equal

SHIM = os.path.join(lib.BUILD, "tests", "shim_malloc.so")
WARM = 300
ROUNDS = int(os.environ.get("HUFU_ROUNDS", "1500"))
OURS_MAX = 0.01  # per request: a buffer that grows once more is none
ROWS_MAX = 0.05  # in the store: memory for the rows of many requests; and what the clock brings
HEAD, SITE = 64, struct.Struct("<3Q7Q64s")
FRAMES = 6
STATE = {}


class Sites:
    """The counts of one process, and the names of the places in it."""

    program = os.path.join(lib.BUILD, "hufud")
    known = {}

    def __init__(self, folder, pid):
        self.path = os.path.join(folder, str(pid))

    def read(self):
        """Place -> calls so far."""
        with open(self.path, "rb") as f:
            data = f.read()
        lost, _ = struct.unpack_from("<2Q", data)
        equal(lost, 0, "allocations without a record")
        found = {}
        for at in range(HEAD, len(data) - SITE.size + 1, SITE.size):
            hash_, calls, _, caller, *rest = SITE.unpack_from(data, at)
            if hash_:
                key = (rest[-1].split(b"\0")[0].decode(), caller) + tuple(rest[:FRAMES])
                found[key] = found.get(key, 0) + calls
        return found

    @classmethod
    def name(cls, offset):
        """`function file:line` of an address of the program, without what is inlined there."""
        if offset not in cls.known:
            done = subprocess.run(["addr2line", "-f", "-e", cls.program, hex(offset - 1)],
                                  stdout=subprocess.PIPE, text=True, check=False)
            function, _, place = done.stdout.strip().partition("\n")
            cls.known[offset] = (function, os.path.relpath(place.split(" ")[0], lib.ROOT)
                                 if place.startswith("/") else place.split(" ")[0])
        return cls.known[offset]


def grown(before, after, requests):
    """(object, who) -> calls per request; who: function and file of the first frames of ours."""
    found = {}
    for key, calls in after.items():
        each = (calls - before.get(key, 0)) / requests
        if each > 0:
            frames = [Sites.name(f) for f in key[2:] if f]
            # what a helper of base/ allocates, its caller asked for
            asked = [f for f in frames if not f[1].startswith("vault/base/buf.c")]
            who = asked[0] if asked else ("", "")
            found[key[0], who] = found.get((key[0], who), 0) + each
    return found


def folder_of(path):
    return os.path.dirname(path.split(":")[0]) or path


def table(what, role, found):
    """Prints the sums; returns our own folders' ones and the libraries'."""
    ours, theirs = {}, {}
    for (obj, (_, path)), each in found.items():
        own = obj == "hufud"
        key = folder_of(path) if own else obj
        (ours if own else theirs)[key] = (ours if own else theirs).get(key, 0) + each
    for name, sums in (("ours", ours), ("libraries", theirs)):
        print("# %s, %s, %s: %s" % (what, role, name, "  ".join(
            "%s %.3f" % (k, n) for k, n in sorted(sums.items(), key=lambda x: -x[1])) or "none"))
    if os.environ.get("HUFU_SITES"):
        for (obj, (function, path)), each in sorted(found.items(), key=lambda x: -x[1]):
            if each >= 0.001:
                print("#   %8.3f %-24s %s %s" % (each, obj, function, path))
    return ours, theirs


def measure(v, what, send, rounds=ROUNDS):
    """Sends, after a warm-up, so many requests; role -> (ours, libraries)."""
    sites = {role: Sites(STATE["folder"], v.roles()[role]) for role in ("front", "core")}
    for _ in range(WARM):
        send()
    before = {role: s.read() for role, s in sites.items()}
    for _ in range(rounds):
        send()
    after = {role: s.read() for role, s in sites.items()}
    return {role: table(what, role, grown(before[role], after[role], rounds)) for role in sites}


def check_ours(found):
    for role, (ours, _) in found.items():
        for folder, each in ours.items():
            most = OURS_MAX if folder in ("api", "vault") else ROWS_MAX
            check(each < most, "%s: %.3f allocations a request in %s" % (role, each, folder))


def test_prepare(v):
    with open(Sites.program, "rb") as f:
        if b"__asan_init" in f.read():
            raise lib.Skip("the sanitizer's own malloc cannot be counted")
    check(os.path.exists(SHIM), "%s is not built" % SHIM)
    STATE["folder"] = tempfile.mkdtemp(prefix="malloc-", dir=v.top)
    v.environ.update(LD_PRELOAD=SHIM, HUFU_MALLOC_DIR=STATE["folder"])
    v.start()


def need(v):
    if v.proc is None or "folder" not in STATE:
        raise lib.Skip("not started")


def test_tokenize(v):
    need(v)
    acme = Partner(v)
    check_ours(measure(v, "tokenize", lambda: acme.token("cards", val.pan())))


def test_detokenize(v):
    need(v)
    acme, olga = Partner(v), Person(v, "olga").ready()
    body = {"domain": "cards", "token": acme.token("cards", val.pan()),
            "purpose": v.purpose("cards"), "reason": "chargeback"}
    check_ours(measure(v, "detokenize", lambda: olga.post("/v1/detokenize", body).expect(200)))


def test_batch(v):
    """Of a hundred values: buffers that stay are found again, whatever they held."""
    need(v)
    acme = Partner(v)
    found = measure(v, "batch of 100",
                    lambda: acme.batch("cards", [val.pan() for _ in range(100)]), ROUNDS // 10)
    check_ours({role: ({k: n / 100 for k, n in ours.items()}, libraries)
                for role, (ours, libraries) in found.items()})


def test_lookup(v):
    need(v)
    acme = Partner(v)
    value = val.pan()
    acme.token("cards", value)
    check_ours(measure(v, "lookup", lambda: acme.lookup("cards", value).expect(200)))


if __name__ == "__main__":
    lib.run(globals(), ["auth.fresh_s=3600"], start=False)
