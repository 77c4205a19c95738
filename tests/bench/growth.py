#!/usr/bin/env python3
"""One store that grows, by tens from 100,000 mappings to N: speed, disk, start-up, memory.

growth.py FOLDER, where run.sh has put bench_load and bench_pages. N=10000000 by default. At each
size: kill -9 of all processes amid full batches, and the time from exec to /readyz 200; single
requests at 64 connections, in turns with a second vault that is put back to the first size before
each run, both just started and warm; anonymous memory of the core; then, stopped, pages in use of
its databases against the bytes of a mapping's rows and entry. At the end batches until as much as
core.recent_bytes allows waits for its flush, and the same kill and start. Ends with 1 where a
target is missed. BENCH_FULL=0: without that end (as below a million). Environment: bench_lib.py.
"""

import os
import shutil
import signal
import sys
import time

import bench_lib as lib

N = lib.number("N", 10000000)
FIRST = min(100000, N)
CONNECTIONS = 64
JUDGED = 10000000  # beyond, figures are reported only
RATE_LEAST = 0.7   # of requests/s at the first size
BYTES_MOST = 1.8   # of keys, values and entry
START_MOST_S = 5.0
WARM_MS = max(1000, lib.RUN_MS // 2)  # after a start, before a run
OTHER_BYTES = 64 << 20  # of the core: what no setting bounds, such as code of libraries and threads
LOAD_MS = 600000
FULL = os.environ.get("BENCH_FULL") or ("1" if N >= 1000000 else "0")
FULL_SHARE = 0.95  # of core.recent_bytes
FULL_S = 180
LATE_FLUSH = ["core.generation_ops=16777216", "core.flush_ms=3600000"]  # until half is full
MIB = float(1 << 20)


def sizes():
    found, at = [], FIRST
    while at < N:
        found.append(at)
        at *= 10
    return found + [N]


def run_warm(vault):
    vault.run("tokenize", CONNECTIONS, run_ms=WARM_MS)
    return vault.run("tokenize", CONNECTIONS)


class Small:
    """A vault that has the first size again before each run."""

    def __init__(self):
        self.vault = lib.prepared(FIRST)
        self.saved = os.path.join(lib.TOP, "small-data")
        self.data = self.vault.instance.path("data")
        self.vault.instance.stop()
        lib.copy(self.data, self.saved)
        self.vault.instance.start()

    def run(self):
        self.vault.instance.stop()
        shutil.rmtree(self.data)
        lib.copy(self.saved, self.data)
        self.vault.instance.start()
        return run_warm(self.vault)


def kill_all(instance):
    """No process gets to write another byte."""
    pids = list(instance.roles().values())
    instance.proc.kill()
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    instance.proc.wait()
    instance.proc = None
    for pid in pids:
        lib.lib.wait_for(lambda p=pid: not lib.lib.is_alive(p), 30, "the end of a killed process")


def grow_and_kill(vault, wanted):
    """Full batches until so many are stored, then SIGKILL amid them. What memory held meanwhile."""
    peak = {"anonymous": 0, "recent": 0}
    began, before = time.monotonic(), vault.stored()
    count = before
    load = vault.load_start(LOAD_MS)
    load_began = began
    try:
        while count < wanted:
            m = vault.metrics()
            peak["anonymous"] = max(peak["anonymous"], vault.anonymous_bytes())
            peak["recent"] = m["hufu_recent_bytes"]
            count = vault.stored()
            if load.poll() is not None and count < wanted:
                if time.monotonic() - load_began < LOAD_MS / 2000:
                    sys.exit("growth: bench_load ended with %d" % load.returncode)
                load, load_began = vault.load_start(LOAD_MS), time.monotonic()
            time.sleep(0.02 if wanted - before < 1000000 else 0.2)
        took = time.monotonic() - began
        kill_all(vault.instance)
    finally:
        load.kill()
        load.wait()
    peak["rate"] = (count - before) / took if count > before else 0
    return peak


def start_timed(vault):
    """Seconds from exec to ready, and the rows that were replayed."""
    began = time.monotonic()
    vault.instance.start(ready=False)
    while vault.instance.probe("/readyz") != 200:
        vault.instance.give_up()
        if time.monotonic() - began > lib.LONG_S:
            sys.exit("growth: not ready: " + vault.instance.log_tail())
        time.sleep(0.005)
    took = time.monotonic() - began
    vault.instance.roles()
    return took, int(vault.metrics()["hufu_recent_rows"])


def full_recent(vault, targets, bound):
    """SIGKILL when memory holds as much as it may, and the start that replays it; a line."""
    vault.instance.start(options=LATE_FLUSH)
    limit = vault.metrics()["hufu_recent_limit_bytes"]
    anonymous = recent = 0
    began, load = time.monotonic(), vault.load_start(LOAD_MS)
    try:
        while recent < limit * FULL_SHARE and time.monotonic() - began < FULL_S:
            recent = vault.metrics()["hufu_recent_bytes"]
            anonymous = max(anonymous, vault.anonymous_bytes())
            time.sleep(0.1)
        stored = vault.stored()
        kill_all(vault.instance)
    finally:
        load.kill()
        load.wait()
    start_s, replayed = start_timed(vault)
    anonymous = max(anonymous, vault.anonymous_bytes())
    if stored <= JUDGED * 2:
        targets.judge("full: seconds to ready", start_s, most=START_MOST_S)
        targets.judge("full: share of recent_bytes", recent / limit, FULL_SHARE)
    targets.judge("full: anonymous MiB", anonymous / MIB, most=bound / MIB)
    return "killed at %d stored, %.0f of %.0f MiB unflushed: ready in %.2f s, %d rows replayed, " \
        "%.0f MiB anonymous" % (stored, recent / MIB, limit / MIB, start_s, replayed,
                                anonymous / MIB)


def disk(vault, mappings):
    """Of a vault that is stopped: bytes in use, bytes of one mapping, and where the pages are."""
    found = lib.pages(*vault.environments(), means=True)
    used = sum(e["used"] * e["page_bytes"] for e in found.values())
    where = ["%s/%s %.0f" % (name, db, figures["pages"] * e["page_bytes"] / MIB)
             for name, e in found.items() for db, figures in e["db"].items()]
    free = sum(e["free"] * e["page_bytes"] for e in found.values())
    databases = {db: figures for e in found.values() for db, figures in e["db"].items()}
    # FORMATS.md: tables 1 and 2 of `row` are token and index; an entry's number begins with 0. A
    # batch has fewer entries than tokens.
    if "row" not in databases or "entry" not in databases:
        sys.exit("growth: no databases row and entry in %s" % sorted(databases))
    one = databases["row"]["mean1"] + databases["row"]["mean2"]
    one += databases["entry"]["mean0"] * databases["entry"]["entries"] / mappings
    where.append("free %.0f, other files %.0f" % (free / MIB, vault.other_bytes() / MIB))
    return used, one, ", ".join(where)


def at_size(vault, small, wanted, bound, targets):
    """One size; a row of the table."""
    peak = grow_and_kill(vault, wanted)
    start_s, replayed = start_timed(vault)
    vault.settle()
    stored = vault.stored()
    runs = lib.in_turns({"small": small.run, "hufu": lambda: vault.restart() or run_warm(vault)})
    anonymous = max(vault.anonymous_bytes(), peak["anonymous"])
    last = vault.stored()
    vault.instance.stop()
    used, one, where = disk(vault, last)
    ours, share = lib.medians(runs["hufu"]), lib.ratio(runs["hufu"], runs["small"])
    row = "%11d %9.0f %8.0f %8.0f %6.2f %7.0f %8.1f %7.0f %6.2f %8.2f %9d %8.0f %8.0f" % (
        stored, peak["rate"], ours["rps"], lib.medians(runs["small"])["rps"], share,
        ours["p99_us"], ours["cpu_us"], used / last, used / last / one, start_s, replayed,
        peak["recent"] / MIB, anonymous / MIB)
    print("# %s\n# MiB: %s; a mapping's keys, values and entry: %.0f bytes" % (row, where, one),
          flush=True)
    if wanted <= JUDGED:
        at = "at %d: " % wanted
        targets.judge(at + "requests/s of those at %d" % FIRST, share, RATE_LEAST)
        targets.judge(at + "bytes on disk of a mapping's", used / last / one, most=BYTES_MOST)
        targets.judge(at + "seconds to ready", start_s, most=START_MOST_S)
    targets.judge("at %d: anonymous MiB" % wanted, anonymous / MIB, most=bound / MIB)
    if last < wanted * 1.1:
        lib.keep("hufu-%d" % wanted, vault.instance.dir)
    if wanted < N:
        vault.instance.start()
    return row


def main():
    lib.header("growth to %d" % N)
    targets, rows = lib.Targets(), []
    small, vault = Small(), lib.Vault(lib.DOMAIN)
    vault.add_domain()
    bound = OTHER_BYTES + sum(vault.setting(key) for key in (
        "core.recent_bytes", "core.arena_bytes", "core.secure_heap_bytes"))
    for wanted in sizes():
        rows.append(at_size(vault, small, wanted, bound, targets))
    full = full_recent(vault, targets, bound) if FULL != "0" else ""
    print("%11s %9s %8s %8s %6s %7s %8s %7s %6s %8s %9s %8s %8s" % (
        "stored", "filled/s", "req/s", "at first", "ratio", "p99 us", "CPU us", "B/each", "ratio",
        "start s", "replayed", "recent", "anon MiB"))
    print("\n".join(rows + [full]).strip("\n"))
    return targets.end()


if __name__ == "__main__":
    lib.run(main)
