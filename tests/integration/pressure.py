#!/usr/bin/env python3
"""More than it can do: many connections, silent ones, clients that do not read, a slow disk, a full
one. What cannot be done is refused with 503 and Retry-After, memory stays bounded, and all is well
again without a restart."""

import os
import shutil
import socket
import ssl
import subprocess
import tempfile
import threading
import time

import lib
import values as val
from client import Client, Partner, Person, tls_context
from lib import check, equal, wait_for

HEADER_S, BODY_S, ANSWER_S = 4, 2.5, 2.5
SETTINGS = ["front.per_address=600", "front.header_ms=%d" % (HEADER_S * 1000),
            "front.body_ms=%d" % (BODY_S * 1000), "front.answer_ms=%d" % (ANSWER_S * 1000),
            "core.recent_bytes=%d" % (32 << 20)]
FEW = 24  # requests at once with the core, where that is the limit
RECOVERY_S = 5
# What front or core may grow by. AddressSanitizer keeps 256 MiB of what was freed, and its marks.
MEMORY_BYTES = (600 if "san" in lib.BUILD else 64) << 20
CONTROL = os.path.join(tempfile.mkdtemp(prefix="hufu-disk-"), "control")
PEOPLE = {}


def serve(v, *options):
    """Starts it with the shim before its disk, which changes nothing yet."""
    sanitizer = os.environ.get("ASAN_OPTIONS", "")
    v.environ.update(LD_PRELOAD=os.path.abspath(os.path.join(lib.BUILD, "tests", "shim_disk.so")),
                     HUFU_SHIM_DISK=CONTROL,
                     ASAN_OPTIONS=sanitizer + ":verify_asan_link_order=0")
    check(os.path.exists(v.environ["LD_PRELOAD"]), "tests/shim_disk.so is not built")
    v.stop()
    v.start(options=options)


def ready(v):
    if v.proc is None:
        serve(v)


def disk(v, mode=None, number=0):
    """slow, full, grow; without a mode the disk is as it is."""
    if mode is None:
        os.unlink(CONTROL)
        return
    with open(CONTROL + ".new", "w") as f:
        f.write("%s %d %s\n" % (mode, number, os.path.realpath(v.path("data"))))
    os.rename(CONTROL + ".new", CONTROL)


def metrics(v):
    found = {}
    for line in Client(v).get("/metrics").expect(200).body.decode().splitlines():
        if not line.startswith("#"):
            name, value = line.rsplit(" ", 1)
            found[name] = float(value)
    return found


class Watch:
    """The processes at a moment: that they are the same later, and have not grown beyond bounds."""

    def __init__(self, v):
        self.v, self.pids = v, v.roles()
        self.bytes = self.memory()

    def memory(self):
        """Role -> bytes that are no file's."""
        def anonymous(pid):
            with open("/proc/%d/status" % pid) as f:
                return 1024 * next(int(x.split()[1]) for x in f if x.startswith("RssAnon"))
        return {role: anonymous(pid) for role, pid in self.pids.items()}

    def bounded(self):
        now = self.memory()
        for role, was in self.bytes.items():
            check(now[role] < was + MEMORY_BYTES, "%s grew from %d to %d MiB" % (
                role, was >> 20, now[role] >> 20))

    def end(self):
        self.bounded()
        equal(self.v.roles(), self.pids, "the processes: none was started anew")


def all_at_once(clients, call, wait_s=30):
    """call(client, number) in a thread each; the replies, in order."""
    replies = [None] * len(clients)
    began = time.monotonic()

    def one(i):
        try:
            reply = call(clients[i], i)
            reply.took_s = time.monotonic() - began
            replies[i] = reply
        except Exception as why:
            replies[i] = why

    threads = [threading.Thread(target=one, args=(i,)) for i in range(len(clients))]
    for t in threads:
        t.start()
    for t in threads:
        t.join(wait_s)
    for reply in replies:
        check(hasattr(reply, "status"), "a request was not answered: %r" % (reply,))
    return replies


def connected(v, count):
    """Partners that are known to the core already."""
    clients = [Partner(v, timeout=20) for _ in range(count)]
    for c in clients:
        c.get("/v1/whoami").expect(200)
    return clients


def works(v, seconds=RECOVERY_S):
    """From now on new values get tokens, within this time."""
    wait_for(lambda: Partner(v).tokenize("cards", val.pan()).status == 200, seconds,
             "values get tokens again")


def kept(v, pairs):
    """Every value that had a token still has it."""
    acme = Partner(v)
    for value, token in pairs:
        got = acme.tokenize("cards", value).expect(200).json()
        equal((got["token"], got["created"]), (token, False), "token of a value that had one")


def bench_load(v, mode, connections, ms, *more):
    """The load generator; its exit status and figures."""
    program = os.path.join(lib.BUILD, "tests", "bench", "bench_load")
    check(os.path.exists(program), "tests/bench/bench_load is not built")
    done = subprocess.run(
        [program, mode, "-p", str(v.port), "-c", str(connections), "-r", str(ms), "-w", "0",
         "-A", v.dev_file(v.dev["ca"]), "-C", v.dev_file(v.partner()["cert"]),
         "-K", v.dev_file(v.partner()["key"])] + list(more),
        capture_output=True, text=True, timeout=60)
    check(done.stdout, "bench_load ended with %d: %s" % (done.returncode, done.stderr))
    return done.returncode, {k: float(x) for k, x in (w.split("=") for w in done.stdout.split())}


def test_128_and_256_busy_connections(v):
    """Exactly as many as one round of the library's polling may find ready."""
    ready(v)
    watch = Watch(v)
    for connections in (128, 256):
        status, figures = bench_load(v, "tokenize", connections, 1500)
        equal((status, figures["refused"], figures["broken"]), (0, 0, 0),
              "exit status, refused and broken at %d connections" % connections)
        check(figures["rps"] * 1.5 > connections, "%g requests/s at %d connections" % (
            figures["rps"], connections))
    watch.end()


def front_cpu(v):
    return metrics(v)["hufu_front_process_cpu_seconds_total"]


def silent_open(v, count):
    """A third says nothing, a third stops within the handshake, a third after it."""
    opened = []
    for i in range(count):
        s = socket.create_connection(("127.0.0.1", v.port), timeout=10)
        if i % 3 == 1:
            s.sendall(b"\x16\x03\x01\x02\x00\x01\x00")  # half a ClientHello
        if i % 3 == 2:
            s = tls_context(v).wrap_socket(s, server_hostname="localhost")
        opened.append(s)
    return opened


def is_closed(s):
    try:
        s.settimeout(0.01)
        while True:
            if not s.recv(4096):
                return True
    except (socket.timeout, ssl.SSLWantReadError):
        return False
    except OSError:
        return True


def test_200_silent_connections(v):
    """They cost no CPU, hinder nobody, are closed at their deadline and leave nothing behind."""
    ready(v)
    acme, count = Partner(v), 200
    before = metrics(v)
    began = time.monotonic()
    silent = silent_open(v, count)
    try:
        check(time.monotonic() - began < HEADER_S - 2, "the machine is too slow for this test")
        acme.tokenize("cards", val.pan()).expect(200)
        cpu, at = front_cpu(v), time.monotonic()
        time.sleep(HEADER_S - 0.5 - (time.monotonic() - began))
        share = (front_cpu(v) - cpu) / (time.monotonic() - at)
        check(share < 0.05, "the front takes %.0f %% of a core beside silent connections" % (
            100 * share))
        open_now = metrics(v)["hufu_front_connections"]
        check(open_now >= count, "only %d connections are open before their deadline" % open_now)
        acme.tokenize("cards", val.pan()).expect(200)
        wait_for(lambda: all(is_closed(s) for s in silent), HEADER_S + 3,
                 "all silent connections are closed at their deadline", 0.2)
        late = "hufu_front_connections_late_total"
        equal(metrics(v)[late] - before[late], count, "connections counted as late")
        wait_for(lambda: metrics(v)["hufu_front_connections"] < 10, 3, "their places are free")
        cpu = front_cpu(v)
        time.sleep(1)
        check(front_cpu(v) - cpu < 0.05, "the front takes CPU after they were closed")
        acme.tokenize("cards", val.pan()).expect(200)
    finally:
        for s in silent:
            s.close()


def stop_reading(v, pieces):
    """Sends one request after another and reads none of the answers; its socket."""
    plain = socket.socket()
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    plain.settimeout(5)
    plain.connect(("127.0.0.1", v.port))
    s = tls_context(v, v.partner()).wrap_socket(plain, server_hostname="localhost")
    s.setblocking(False)
    for piece in pieces:
        at, quiet = 0, time.monotonic() + 0.1
        while at < len(piece) and time.monotonic() < quiet:
            try:
                at += s.send(piece[at:at + 16384])
                quiet = time.monotonic() + 0.1
            except (ssl.SSLWantWriteError, ssl.SSLWantReadError):
                time.sleep(0.005)
            except OSError:
                return s
        if at < len(piece):
            return s  # its way is full: the server waits for us
    return s


def test_clients_that_stop_reading(v):
    """Answers of 60 KB that nobody takes: those who read go on, who does not is ended in time."""
    ready(v)
    card = val.pan()
    body = ('{"domain":"cards","values":[%s]}' % ",".join(['"%s"' % card] * 1000)).encode()
    request = (b"POST /v1/tokenize HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json"
               b"\r\nContent-Length: %d\r\n\r\n" % len(body)) + body
    watch, acme, count = Watch(v), Partner(v), 16
    late, before = "hufu_front_connections_late_total", metrics(v)
    held, slowest = [], 0.0
    try:
        threads = [threading.Thread(target=lambda: held.append(stop_reading(v, [request] * 100)))
                   for _ in range(count)]
        for t in threads:
            t.start()
        end = time.monotonic() + 3
        while time.monotonic() < end or any(t.is_alive() for t in threads):
            began = time.monotonic()
            acme.tokenize("cards", val.pan()).expect(200)
            slowest = max(slowest, time.monotonic() - began)
            time.sleep(0.02)
        watch.bounded()
        equal(len(held), count, "clients that could connect")
        check(slowest < 1.5, "a client that reads had to wait %.1f s" % slowest)
        wait_for(lambda: metrics(v)[late] - before[late] >= count, BODY_S + 8,
                 "every client that does not read is ended", 0.1)
        wait_for(lambda: metrics(v)["hufu_front_connections"] < 10, 3, "their places are free")
        watch.end()
    finally:
        for s in held:
            s.close()


def test_slow_disk(v):
    """Each flush takes 300 ms: whom the queue has room for is answered, the others at once 503."""
    serve(v, "front.outstanding=%d" % FEW)
    clients, watch = connected(v, 3 * FEW), Watch(v)
    cards = [val.pan() for _ in clients]
    pairs, refused = [], 0
    disk(v, "slow", 300)
    try:
        for _ in range(3):
            replies = all_at_once(clients, lambda c, i: c.tokenize("cards", cards[i]))
            done = [(cards[i], r.json()["token"]) for i, r in enumerate(replies) if r.status == 200]
            for r in replies:
                check(r.status == 200 or (r.status, r.code()) == (503, "unavailable"), repr(r))
                check(r.took_s < ANSWER_S, "an answer took %.1f s" % r.took_s)
            check(len(done) >= FEW, "only %d of %d were served" % (len(done), len(clients)))
            refused += len(replies) - len(done)
            pairs += done
        check(refused > 0, "nobody was refused: the queue has no bound")
        watch.bounded()
        waiting = metrics(v)["hufu_front_outstanding"]
        check(waiting <= FEW, "%d requests are outstanding" % waiting)
    finally:
        disk(v)
    works(v)
    kept(v, pairs)
    watch.end()


def test_disk_that_stands_still(v):
    """A flush takes longer than an answer may: 503 at the deadline; then it goes on by itself."""
    ready(v)
    clients, watch = connected(v, FEW - 4), Watch(v)
    before = [(c, Partner(v).token("cards", c)) for c in (val.pan(), val.pan())]
    disk(v, "slow", int(ANSWER_S * 2000))
    try:
        replies = all_at_once(clients, lambda c, i: c.tokenize("cards", val.pan()))
        late = [r for r in replies if r.status == 503]
        check(len(late) >= len(clients) - 1, "%d of %d were refused" % (len(late), len(clients)))
        for r in late:
            check(r.took_s < ANSWER_S + 1.5, "a refusal took %.1f s" % r.took_s)
        equal(v.probe("/livez"), 200, "livez beside a disk that stands still")
    finally:
        disk(v)
    works(v, ANSWER_S * 2 + RECOVERY_S)
    kept(v, before)
    watch.end()


def settled(v, seconds=15):
    def is_flushed():
        m = metrics(v)
        return m["hufu_journal_applied_operations"] == m["hufu_journal_operations"]
    wait_for(is_flushed, seconds, "the map has everything", 0.1)


def test_full_disk(v):
    """Nothing can be written: refused with Retry-After and nothing of it stays; what was answered
    does; once there is room it goes on without a restart, the map too."""
    serve(v)
    acme, olga = Partner(v), PEOPLE.setdefault("olga", Person(v, "olga")).ready()
    pairs = [(c, acme.token("cards", c)) for c in (val.pan() for _ in range(20))]
    settled(v)
    watch = Watch(v)
    refused = [val.pan() for _ in range(20)]
    # what is not in the map yet meets the full disk there
    fresh = [val.pan() for _ in range(500)]
    pairs += [(c, r["token"]) for c, r in zip(fresh, acme.batch("cards", fresh))]
    disk(v, "full")
    try:
        for card in refused[:10]:
            acme.tokenize("cards", card).expect(503, "unavailable")
        body = {"domain": "cards", "values": refused[10:]}
        acme.post("/v1/tokenize", body).expect(503, "unavailable")
        olga.reveal("cards", pairs[0][1]).expect(503, "unavailable")
        time.sleep(2.5)  # the flush of what is fresh is due, and finds no room
        acme.tokenize("cards", refused[0]).expect(503, "unavailable")
        m = metrics(v)
        check(m["hufu_journal_applied_operations"] < m["hufu_journal_operations"],
              "the map was written on a full disk")
        equal(v.probe("/livez"), 200, "livez beside a full disk")
        watch.bounded()
    finally:
        disk(v)
    works(v)
    for card in refused:
        acme.lookup("cards", card).expect(404, "not_found")
    for card in refused:
        check(acme.tokenize("cards", card).expect(200).json()["created"], "half of it was done")
    kept(v, pairs)
    equal(olga.value("cards", pairs[0][1]), pairs[0][0], "value after the disk had room again")
    settled(v)
    watch.end()
    v.crash()  # what was answered is in the files, too
    v.start()
    kept(v, pairs)


def test_disk_that_fills_up_under_load(v):
    """Files cannot grow any more: what fits is done, the rest refused, and it goes on later."""
    ready(v)
    acme = Partner(v)
    pairs = [(c, acme.token("cards", c)) for c in (val.pan() for _ in range(20))]
    settled(v)
    watch = Watch(v)
    disk(v, "grow")
    try:
        _, figures = bench_load(v, "batch", 4, 3000, "-b", "1000")
        equal(figures["broken"], 0, "broken connections on a disk that is filling up")
        r = acme.tokenize("cards", val.pan())
        check(r.status == 200 or (r.status, r.code()) == (503, "unavailable"), repr(r))
        time.sleep(1.5)  # a flush is due
        equal(v.roles(), watch.pids, "the processes: none was started anew")
    finally:
        disk(v)
    works(v)
    settled(v, 30)
    kept(v, pairs)
    equal(v.roles(), watch.pids, "the processes: none was started anew")


if __name__ == "__main__":
    try:
        lib.run(globals(), SETTINGS, start=False)
    finally:
        shutil.rmtree(os.path.dirname(CONTROL), ignore_errors=True)
