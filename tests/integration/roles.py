#!/usr/bin/env python3
"""The three processes: a killed role is back while the others go on; what each of them may hold."""

import base64
import os
import signal
import statistics
import subprocess
import threading
import time

import lib
import values as val
from client import HTTPException, Partner, Person
from lib import check, equal

BACK_S = 0.5
ROUNDS = 5
PEOPLE = {}


def died_to_back(v, role):
    """Kills a role; (seconds until its new pid stands in hufud.run, seconds until it serves)."""
    before = v.roles()
    check(set(before) == set(lib.ROLES), "hufud.run names %s" % sorted(before))
    value = val.pan()
    began = time.monotonic()
    v.kill(role)
    new = lib.wait_for(lambda: v.roles().get(role, before[role]) != before[role], 5,
                       "a new %s" % role, 0.002) and time.monotonic() - began

    def serves():
        try:
            return Partner(v, timeout=3).tokenize("cards", value).status == 200
        except (OSError, HTTPException):
            return False
    lib.wait_for(serves, 10, "an answer after the death of %s" % role, 0.005)
    back = time.monotonic() - began
    after = v.roles()
    for other in lib.ROLES:
        if other != role:
            equal(after[other], before[other], "pid of %s after the death of %s" % (other, role))
            check(lib.is_alive(after[other]), "%s died with %s" % (other, role))
    v.wait_ready(10)
    return new, back


def back_in_time(v, role):
    times = []
    for _ in range(ROUNDS):
        time.sleep(1.2)  # a role that was well; one that dies young is held back a little
        times.append(died_to_back(v, role))
    new, back = zip(*times)
    print("# %s: new pid after %.0f ms, serves after %.0f ms (medians of %d, worst %.0f ms)" % (
        role, statistics.median(new) * 1000, statistics.median(back) * 1000, ROUNDS,
        max(back) * 1000))
    check(statistics.median(new) < BACK_S, "%s: new pid only after %s" % (role, new))
    check(statistics.median(back) < BACK_S, "%s: serves only after %s" % (role, back))


def test_killed_front_is_back(v):
    back_in_time(v, "front")


def test_killed_core_is_back(v):
    back_in_time(v, "core")


def test_killed_hsm_is_back(v):
    back_in_time(v, "hsm")


def test_tokenize_goes_on_without_hsm(v):
    """What needs no HSM sees nothing of its death."""
    statuses, stop = [], threading.Event()

    def load():
        acme = Partner(v)
        while not stop.is_set():
            statuses.append(acme.tokenize("cards", val.pan()).status)

    thread = threading.Thread(target=load)
    thread.start()
    for _ in range(4):
        time.sleep(0.2)
        old = v.kill("hsm")
        lib.wait_for(lambda: v.roles().get("hsm", old) != old, 5, "a new hsm")
        v.wait_ready(10)
    stop.set()
    thread.join()
    check(len(statuses) > 50, "too few requests: %d" % len(statuses))
    equal(set(statuses), {200}, "statuses while the hsm process was killed")


def test_connection_outlives_the_core(v):
    """The front keeps its connections: 503 while the core is away, then 200, on one connection."""
    acme = Partner(v)
    acme.token("cards", val.pan())
    kept = acme.connection.sock.getsockname()
    old = v.kill("core")
    statuses = []
    end = time.monotonic() + 5
    while time.monotonic() < end and (not statuses or statuses[-1] != 200 or len(statuses) < 20):
        statuses.append(acme.tokenize("cards", val.pan()).status)
        if statuses[-1] != 200:
            time.sleep(0.01)
    check(set(statuses) <= {200, 503} and statuses[-1] == 200, "statuses: %s" % statuses)
    equal(acme.connection.sock.getsockname(), kept, "the client's end of the connection")
    check(v.roles()["core"] != old, "the core was not killed")


def test_sigterm_drains(v):
    """Under load: gone within 5 s with status 0, what was answered is there afterwards."""
    for _ in range(3):
        answered, stop = {}, threading.Event()

        def load():
            acme = Partner(v, timeout=10)
            while not stop.is_set():
                value = val.pan()
                try:
                    reply = acme.tokenize("cards", value)
                except (OSError, HTTPException):
                    return
                if reply.status == 200:
                    answered[value] = reply.json()["token"]

        threads = [threading.Thread(target=load) for _ in range(8)]
        for t in threads:
            t.start()
        time.sleep(0.4)
        pids, proc = v.roles(), v.proc
        took = v.stop()
        stop.set()
        for t in threads:
            t.join()
        check(took < 5, "%.1f s to end" % took)
        equal(proc.returncode, 0, "exit status after SIGTERM")
        left = [r for r, p in pids.items() if lib.is_alive(p)]
        equal(left, [], "roles left behind")
        v.start()
        acme = Partner(v)
        check(len(answered) > 20, "too few answers")
        for value, item in zip(answered, acme.batch("cards", list(answered)[:1000])):
            equal((item["token"], item["created"]), (answered[value], False), "after the restart")


def test_hufud_survives_a_role_that_keeps_dying(v):
    """Ten deaths in a row: still there, still the same hufud."""
    pid = v.proc.pid
    for _ in range(10):
        old = v.kill("front")
        lib.wait_for(lambda: v.roles().get("front", old) != old, 8, "a new front", 0.005)
    v.wait_ready(15)
    equal(v.run_file()["pid"], pid, "pid of hufud")


def open_files(pid):
    """What a process has open or mapped, as paths."""
    found = set()
    for fd in os.listdir("/proc/%d/fd" % pid):
        try:
            found.add(os.readlink("/proc/%d/fd/%s" % (pid, fd)))
        except OSError:
            continue
    with open("/proc/%d/maps" % pid) as f:
        for line in f:
            words = line.split(None, 5)
            if len(words) == 6:
                found.add(words[5].strip())
    return found


def listening_inodes():
    found = set()
    for name in ("/proc/net/tcp", "/proc/net/tcp6", "/proc/net/udp", "/proc/net/udp6"):
        with open(name) as f:
            for line in f.readlines()[1:]:
                found.add("socket:[%s]" % line.split()[9])
    return found


def is_database(v, path):
    return path.endswith(".mdb") or path.startswith(v.path("data", "journal")) \
        or path.startswith(v.path("data", "map"))


def is_token(path):
    return "softhsm" in path or "pkcs11" in path or "/tokens/" in path


def need_proc(v):
    """Reading another process's maps and memory needs rights; roles are not dumpable."""
    if os.geteuid() != 0 and not os.access("/proc/%d/maps" % v.roles()["front"], os.R_OK):
        raise lib.Skip("the roles' /proc entries can only be read by root")


def test_front_holds_neither_database_nor_module(v):
    need_proc(v)
    Partner(v).token("cards", val.pan())
    found = open_files(v.roles()["front"])
    equal(sorted(p for p in found if is_database(v, p) or is_token(p)), [], "open in the front")
    check(found & listening_inodes(), "the front has no TCP socket")


def test_core_holds_no_socket_and_no_module(v):
    need_proc(v)
    found = open_files(v.roles()["core"])
    check(any(is_database(v, p) for p in found), "the core has no database")
    equal(sorted(p for p in found if is_token(p)), [], "of the token, open in the core")
    equal(sorted(found & listening_inodes()), [], "network sockets of the core")


def test_hsm_holds_no_database_and_no_socket(v):
    need_proc(v)
    found = open_files(v.roles()["hsm"])
    check(any("softhsm" in p for p in found), "the hsm has no module")
    equal(sorted(p for p in found if is_database(v, p)), [], "open in the hsm")
    equal(sorted(found & listening_inodes()), [], "network sockets of the hsm")


def test_hufud_links_no_vendor_library(v):
    need_proc(v)
    found = open_files(v.proc.pid)
    equal(sorted(p for p in found if is_database(v, p) or is_token(p)), [], "open in hufud")


def test_no_core_dumps(v):
    for role, pid in v.roles().items():
        with open("/proc/%d/limits" % pid) as f:
            line = next(l for l in f if l.startswith("Max core file size"))
        equal(line.split()[4:6], ["0", "0"], "core limit of " + role)


def scanner(v):
    """The small C program that reads another process's memory (see keyscan.c)."""
    program = os.path.join(lib.BUILD, "tests", "integration", "keyscan")
    if os.path.exists(program):
        return program
    program = os.path.join(v.top, "keyscan")
    if not os.path.exists(program):
        source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "keyscan.c")
        subprocess.run([os.environ.get("CC", "cc"), "-std=c11", "-D_GNU_SOURCE", "-O2", "-o",
                        program, source], check=True, timeout=60)
    return program


def scan(v, role, *needles):
    if "-san" in lib.BUILD:
        raise lib.Skip("a sanitizer's shadow memory is too large to be searched")
    command = [scanner(v), str(v.roles()[role])] + [n.hex() for n in needles]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240)
    if done.returncode == 2:
        raise lib.Skip("this user may not read the memory of a role")
    equal(done.returncode, 0, "keyscan: " + done.stderr[:200])
    return done.stdout.split()


def test_C12_no_data_key_in_the_front(v):
    """After 10,000 requests none of the AES-256 keys that the core works with is in the front."""
    def load():
        acme = Partner(v)
        for _ in range(1250):
            acme.token("cards", val.pan())

    threads = [threading.Thread(target=load) for _ in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    olga = PEOPLE.setdefault("olga", Person(v, "olga")).ready()
    value = val.cn_id()
    equal(olga.value("ids", Partner(v).token("ids", value)), value, "value")
    keys = [bytes.fromhex(k) for k in scan(v, "core")]
    keys = [k for k in keys if k != bytes(range(32))]  # FIPS 197's: a library tests itself with it
    if not keys:
        raise lib.Skip("no AES-256 key schedule in the core's memory: no AES instructions here?")
    print("# %d AES-256 keys found in the core" % len(keys))
    equal(scan(v, "core", keys[0])[:1], [keys[0].hex()], "the scanner finds what is there")
    equal(scan(v, "front", *keys), [], "keys of the core in the front")


def test_no_seed_in_the_front(v):
    seeds = []
    for user in v.dev["users"]:
        text = user["totp_secret"]
        seeds.append(base64.b32decode(text + "=" * (-len(text) % 8)))
    equal(scan(v, "front", *seeds), [], "TOTP seeds in the front")


if __name__ == "__main__":
    lib.run(globals())
