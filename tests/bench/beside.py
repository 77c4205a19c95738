#!/usr/bin/env python3
"""What the vault's own work costs who uses it: tokenize and detokenize at half of what saturates
them, alone and beside each kind of work, in turns.

beside.py FOLDER: see bench_lib.py. The load is open-loop: a request counts from the moment it was
due, so that a stall is felt by all that fell into it. BENCH_SECONDS: length of a run; STORED:
mappings to begin with; BENCH_ONLY: phases whose name contains it.

`alone` is a vault that neither flushes nor signs nor sweeps meanwhile. A ratio is that of a run's
p99 to the p99 of the run alone just before it; the table has their medians. Backup is not measured:
the vault has none.
"""

import contextlib
import os
import socket
import ssl
import statistics
import subprocess
import sys
import threading
import time

import bench_lib as lib
from bench_lib import TOP
from client import Person, tls_context

SECONDS = lib.number("BENCH_SECONDS", 10)
STORED = lib.number("STORED", 1000000)
ONLY = os.environ.get("BENCH_ONLY", "")
CONNECTIONS = 64  # of the load that saturates it
PACED = 256       # of the open-loop load, which must not wait for want of connections
SILENT = 200
WARM_MS = 1000
# Nothing of its own accord within any run.
QUIET = {"core.flush_ms": 3600000, "core.generation_ops": 16777216, "log.checkpoint_ms": 60000,
         "sweep.pass_s": 604800, "sweep.rows_per_s": 10}
FLUSHING = {k: n for k, n in QUIET.items() if not k.startswith("core.")}
SETTINGS = ["front.header_ms=600000", "core.recent_bytes=4294967296"]
P99_MOST = 2.0             # times the p99 alone
IDLE_LEAST = 100000        # records a second that a rotation moves where nobody asks for anything
SILENT_LEAST = 0.95        # of the throughput without them
SILENT_CPU_MOST = 0.05     # of a core
STEPS_US = [s * 10 ** e for e in range(2, 7) for s in (1, 2, 5)] + [10 ** 7]


def say(text):
    print(text, flush=True)


def hist_read(path):
    with open(path) as f:
        return [(int(us), int(n)) for us, n in (line.split() for line in f)]


def hist_show(rows):
    """rows: name and histogram. How many percent came within each step; blank once all have."""
    say("%-16s%s" % ("% within ms", "".join("%7g" % (us / 1000) for us in STEPS_US)))
    for name, hist in rows:
        total, text = sum(n for _, n in hist) or 1, ""
        for step in STEPS_US:
            within = sum(n for us, n in hist if us <= step)
            text += "%7s" % ("100" if within == total else "%.3f" % (100 * within / total))
            if within == total:
                break
        say("%-16s%s" % (name, text))


def restart(vault, options):
    vault.instance.stop()
    vault.instance.start(options=["%s=%s" % o for o in options.items()])


def mixed_command(vault, run_ms, *more, rate=0):
    """Half tokenize, half detokenize; with a rate open-loop, so many requests a second in all."""
    return lib.load_command(
        "mixed", vault.instance.port, PACED if rate else CONNECTIONS, run_ms,
        *vault.arguments("tokenize"), "-S", vault.session, "-T", vault.tokens, "-U", lib.PURPOSE,
        *(["-R", str(rate), "-w", str(WARM_MS)] if rate else []), *more)


def offer(vault, run_ms, *more, rate=0):
    """One run of the mixed load; refusals are counted, not fatal."""
    done = subprocess.run(mixed_command(vault, int(run_ms), *more, rate=rate), text=True,
                          capture_output=True, timeout=120 + run_ms / 1000)
    if not done.stdout:
        sys.exit("beside: bench_load ended with %d: %s" % (done.returncode, done.stderr))
    return {k: float(x) for k, x in lib.words(done.stdout).items()}


def half_of_most(vault):
    """Half of the requests a second that saturate it."""
    most = statistics.median(offer(vault, 1000 * min(SECONDS, 5))["rps"] for _ in range(3))
    say("at most %.0f requests/s at %d connections, half of them detokenize; offered: %.0f/s" % (
        most, CONNECTIONS, most / 2))
    return int(most / 2)


def propose_rotation(carl, cora):
    """The path of a running rotate-data-key."""
    c = carl.post("/v1/ceremonies", {"kind": "rotate-data-key", "domain": lib.DOMAIN,
                                     "reason": "bench"}).expect(201).json()
    path = "/v1/ceremonies/" + c["id"]
    cora.post(path + "/approve", {}).expect(200)
    return path


def since(vault, *names):
    """A function that tells by how much these metrics have grown, a second."""
    before, began = vault.metrics(), time.monotonic()

    def grown():
        now, took = vault.metrics(), time.monotonic() - began
        return tuple((now[n] - before[n]) / took for n in names)
    return grown


# Each kind of work is a context: on entry it goes on, on exit it has ended. It yields a function
# that tells what was done.

@contextlib.contextmanager
def as_it_comes(vault):
    """All settings as they are."""
    restart(vault, {})
    grown = since(vault, "hufu_map_rows_flushed_total", "hufu_map_slices_total")
    yield lambda: "%.0f rows/s in %.0f slices/s" % grown()


@contextlib.contextmanager
def flush(vault):
    """What a quiet vault has gathered goes to the map after its start, slice by slice."""
    restart(vault, QUIET)
    vault.fill(vault.stored() + SECONDS * 20000)
    restart(vault, FLUSHING)
    grown = since(vault, "hufu_map_rows_flushed_total", "hufu_map_slices_total")
    yield lambda: "%.0f rows/s in %.0f slices/s, %.0f rows are left" % (
        grown() + (vault.metrics()["hufu_recent_rows"],))
    vault.settle()


@contextlib.contextmanager
def small_flushes(vault):
    """A generation of 65,536 rows is due again and again."""
    restart(vault, dict(QUIET, **{"core.generation_ops": 65536}))
    grown = since(vault, "hufu_map_rows_flushed_total", "hufu_map_slices_total")
    yield lambda: "%.0f rows/s in %.0f slices/s" % grown()


@contextlib.contextmanager
def checkpoints(vault):
    """Ten signatures a second over the log."""
    restart(vault, dict(QUIET, **{"log.checkpoint_ms": 100}))
    grown = since(vault, "hufu_hsm_call_seconds_count{function=\"sign\"}")
    yield lambda: "%.0f signatures/s" % grown()


@contextlib.contextmanager
def rotation(vault):
    """rotate-data-key over all records, again and again, at the default rate."""
    restart(vault, {})
    carl, cora = (Person(vault.instance, name).ready() for name in ("carl", "cora"))
    stop, rows, paths = threading.Event(), [0], []

    def rounds():
        while not stop.is_set():
            paths.append(propose_rotation(carl, cora))
            last = 0
            while (c := carl.get(paths[-1]).expect(200).json())["state"] == "running":
                if stop.is_set():
                    return
                rows[0] += max(c["done"] - last, 0)
                last = c["done"]
                time.sleep(0.2)

    thread = threading.Thread(target=rounds, daemon=True)
    thread.start()
    lib.lib.wait_for(lambda: rows[0] > 0 or not thread.is_alive(), 120, "the rotation walks")
    before, began = rows[0], time.monotonic()
    yield lambda: "%.0f records/s" % ((rows[0] - before) / (time.monotonic() - began))
    stop.set()
    thread.join(lib.LONG_S)
    restart(vault, {"ceremony.rows_per_s": 0})  # nobody waits for the last one at that rate
    lib.lib.wait_for(lambda: carl.get(paths[-1]).expect(200).json()["state"] == "done",
                     lib.LONG_S, "the last rotation ends")


@contextlib.contextmanager
def expiry(vault):
    """Tokens whose time came all at once are found and ended as fast as the settings allow."""
    restart(vault, dict(QUIET, **{"sweep.pass_s": 1, "sweep.rows_per_s": 40000}))
    aude, first, began = Person(vault.instance, "aude").ready(), entries(vault), time.monotonic()

    def tell():
        """By samples of the log: each entry ends 256 tokens at most."""
        last, took, seen, found = entries(vault), time.monotonic() - began, 0, 0
        for i in range(20):
            at = int(first + (last - first) * i / 20)
            page = aude.get("/v1/audit/entries?from=%d&limit=500" % at).expect(200).json()
            seen += len(page["entries"])
            found += sum('"token-expire"' in e["line"] for e in page["entries"])
        return "about %.0f tokens/s" % (256 * found / seen * (last - first) / took)
    yield tell


def entries(vault):
    return vault.metrics()["hufu_log_entries"]


PHASES = {"as it comes": as_it_comes, "flush, large": flush, "flush, small": small_flushes,
          "checkpoints": checkpoints, "re-encryption": rotation}


def measure(vault, rate):
    """One run at this rate: its figures, with the histogram among them."""
    path = os.path.join(TOP, "hist")
    figures = offer(vault, 1000 * SECONDS, "-G", path, rate=rate)
    figures["hist"] = hist_read(path)
    return figures


def show(name, runs, said):
    mid = lib.medians([{k: n for k, n in r.items() if k != "hist"} for r in runs])
    say("%-14s %7.0f %7.0f %7.0f %8.0f %8.0f %9.0f %8.0f  %s" % (
        name, mid["rps"], mid["p50_us"], mid["p90_us"], mid["p99_us"], mid["p999_us"],
        max(r["max_us"] for r in runs), sum(r["refused"] for r in runs), said))


def phase(vault, rate, name, work, targets, hists):
    alone, beside, said = [], [], ""
    for _ in range(lib.REPEATS):
        restart(vault, QUIET)
        alone.append(measure(vault, rate))
        with work(vault) as tell:
            beside.append(measure(vault, rate))
            said = tell()
    show("alone", alone, "")
    show(name, beside, said)
    ratio = statistics.median(b["p99_us"] / a["p99_us"] for a, b in zip(alone, beside))
    say("%14s %s" % ("", targets.judge("p99 beside %s" % name, ratio, most=P99_MOST)))
    hists.append(("alone", sum((r["hist"] for r in alone), [])))
    hists.append((name, sum((r["hist"] for r in beside), [])))


def phases(vault, works, targets):
    hists, rate = [], half_of_most(vault)
    say("%-14s %7s %7s %7s %8s %8s %9s %8s" % (
        "beside", "req/s", "p50 us", "p90 us", "p99 us", "p99.9 us", "max us", "refused"))
    for name, work in works.items():
        phase(vault, rate, name, work, targets, hists)
    hist_show(hists)


def idle_rotation(vault, targets):
    """How fast records are sealed again, from the first to the last, where nothing else is done."""
    restart(vault, {"ceremony.rows_per_s": 0})
    vault.settle()
    carl, cora = (Person(vault.instance, name).ready() for name in ("carl", "cora"))
    rates = []
    for _ in range(lib.REPEATS):
        path, began = propose_rotation(carl, cora), time.monotonic()
        seen = []
        while (c := carl.get(path).expect(200).json())["state"] == "running":
            if c["done"] > 0:
                seen.append((time.monotonic(), c["done"]))
            time.sleep(0.02)
        whole = time.monotonic() - began
        moved = [s for s in seen if s[1] < c["total"]]
        if c["state"] != "done" or len(moved) < 3:
            sys.exit("beside: the rotation was %s; raise STORED" % c["state"])
        rates.append((moved[-1][1] - moved[0][1]) / (moved[-1][0] - moved[0][0]))
        say("re-encryption of an idle vault: %d records, %.0f/s while it walks, %.0f/s from the "
            "approval to the end" % (c["total"], rates[-1], c["total"] / whole))
    say(targets.judge("records/s, idle", statistics.median(rates), least=IDLE_LEAST))


def silent_open(instance):
    """A third says nothing at all, a third stops within the handshake, a third after it."""
    opened = []
    for i in range(SILENT):
        s = socket.create_connection(("127.0.0.1", instance.port), timeout=10)
        if i % 3 == 1:
            s.sendall(b"\x16\x03\x01\x02\x00\x01\x00")  # half a ClientHello
        if i % 3 == 2:
            s = tls_context(instance).wrap_socket(s, server_hostname="localhost")
        opened.append(s)
    return opened


def silent(vault, targets):
    """Throughput without and beside silent connections, in turns."""
    restart(vault, {})
    ratios, cpu = [], []
    for _ in range(max(lib.REPEATS, 3)):
        without = offer(vault, 1000 * min(SECONDS, 5))["rps"]
        held = silent_open(vault.instance)
        try:
            ratios.append(offer(vault, 1000 * min(SECONDS, 5))["rps"] / without)
            vault.settle()
            grown = since(vault, "hufu_front_process_cpu_seconds_total")
            time.sleep(3)
            cpu += grown()
        finally:
            for s in held:
                with contextlib.suppress(OSError, ssl.SSLError):
                    s.close()
    say("%d silent connections: %s, %s" % (
        SILENT, targets.judge("of the throughput", statistics.median(ratios), least=SILENT_LEAST),
        targets.judge("of a core, idle", statistics.median(cpu), most=SILENT_CPU_MOST)))


def expiry_phase(targets):
    vault = lib.Vault(lib.DOMAIN, SETTINGS)
    try:
        vault.add_domain()
        lasting = vault.tokens  # made before the others, without an end
        count, run_ms, life_s = (SECONDS + 10) * lib.REPEATS * 26000, 2000, 5
        restart(vault, QUIET)
        while vault.stored() < count:
            lib.load("batch", vault.instance.port, lib.BATCH_CONNECTIONS,
                     *vault.arguments("batch", lib.FULL), "-x", str(life_s), run_ms=run_ms)
        time.sleep(life_s)
        with open(lasting) as f:
            say("# %d tokens, %d of them without an end" % (vault.stored(), len(f.readlines())))
        phases(vault, {"expiry": expiry}, targets)
    finally:
        vault.close()


def main():
    targets = lib.Targets()
    lib.header("beside, %d s a run" % SECONDS)
    works = {name: work for name, work in PHASES.items() if ONLY in name}
    others = [f for name, f in (("silent", silent), ("idle", idle_rotation)) if ONLY in name]
    if works or others:
        vault = lib.prepared(STORED, SETTINGS)
        try:
            if works:
                phases(vault, works, targets)
            for other in others:
                other(vault, targets)
        finally:
            vault.close()
    if ONLY in "expiry":
        expiry_phase(targets)
    return targets.end()


if __name__ == "__main__":
    lib.run(main)
