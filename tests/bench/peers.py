#!/usr/bin/env python3
"""make bench-peers: the same work on Hufu, on PostgreSQL 15 + pgcrypto and on Redis, in turns.

peers.py FOLDER, where run.sh has put bench_load. Everything listens on loopback, lives in that
folder and is gone at the end. Prints the table of README.md; only figures of one run are compared.

Environment: STORED (mappings before the first run, 1000000), BENCH_SECONDS (of a run, 10), ROUNDS
(3), SUSTAINED (minutes of batches without a pause, 0: left out), OUT (a file that takes the results
as JSON), WRITE=1 (peers.json, peers.svg and the table of README.md are written). Ends with 1 where
a run of full size (10^6 stored, 5 s) does less than asked.
"""

import json
import os
import shutil
import signal
import statistics
import sys
import time

import bench_lib  # reads the folder from the command line
import peers_chart
from peers_host import (BATCH, HERE, Refused, certificates, check_disk, check_loopback, lib,
                        program, run_tool, say, settle, watched)
from peers_pg import Postgres
from peers_redis import Redis

# mode, clients, times PostgreSQL that are asked, and aimed at
MEASURES = (
    ("detokenize", 1, None, None),
    ("detokenize", 8, None, None),
    ("detokenize", 64, 2.5, None),
    ("tokenize", 1, 0.8, 1.1),
    ("tokenize", 8, 1.4, 2.0),
    ("tokenize", 64, 2.2, 3.0),
    ("batch", 4, 2.0, None),
)
SUSTAINED_ASKED = 1.0
STORED_MAX = 10000000  # the generator's arithmetic ends a little above
FULL = {"stored": 1000000, "seconds": 5}  # smaller runs are not judged


def number(name, default, least, most):
    try:
        found = int(float(os.environ.get(name) or default))  # 1000000 or 1e6
    except (ValueError, OverflowError):
        found = -1
    if not least <= found <= most:
        raise Refused("%s is a number from %d to %d" % (name, least, most))
    return found


class Ours(bench_lib.Vault):
    """The vault of the other load programs, with all its tokens known, or most."""

    name = "Hufu"

    def __init__(self, stored):
        super().__init__(bench_lib.DOMAIN)
        self.wanted = stored
        try:
            check_loopback(self.instance.port, self.name)
            self.add_domain()
        except BaseException:
            self.close()
            raise

    @property
    def root(self):
        return self.instance.proc.pid

    def version(self):
        said = run_tool([os.path.join(lib.BUILD, "hufud"), "--version"], "hufud")
        return said.strip().replace("hufud", "Hufu")

    def command(self, mode, clients, seconds, *more):
        return bench_lib.load_command(mode, self.instance.port, clients, int(seconds * 1000),
                                      *self.arguments(mode, BATCH), *more)

    def count(self):
        return self.stored()

    def fill(self):
        """By batches whose tokens are kept; the last ones, up to the exact number, are not."""
        part = os.path.join(self.instance.top, "part")
        self.tokens = os.path.join(self.instance.top, "tokens")
        seconds, count = 0.5, 0
        with open(self.tokens, "w") as all_tokens:
            while count == 0 or self.wanted - count > 250000:
                began = time.monotonic()
                run_tool(self.command("batch", 4, seconds, "-o", part), "bench_load")
                with open(part) as f:
                    shutil.copyfileobj(f, all_tokens)
                before, count = count, self.stored()
                rate = (count - before) / (time.monotonic() - began)
                seconds = max(0.5, min(15, (self.wanted - count - 150000) / rate * 0.8))
        os.unlink(part)
        super().fill(self.wanted)

    def finish(self):
        bench_lib.Vault.settle(self)

    def run(self, mode, clients, seconds):
        out, cpu = watched(self.command(mode, clients, seconds), self.root, seconds)
        found = {k: float(x) for k, x in bench_lib.words(out).items()}
        per_s = found["rps"] * (BATCH if mode == "batch" else 1)
        return {"per_s": per_s, "p50_us": found["p50_us"], "p99_us": found["p99_us"],
                "cpu_us": cpu / per_s * 1e6}


def medians(runs):
    made = {}
    for name in runs[0]:
        values = [r[name] for r in runs if r[name] is not None]
        made[name] = statistics.median(values) if values else None
    return made


def ratio(ours, others):
    """Median over the rounds: both sides of a pair saw the same machine."""
    return statistics.median(a["per_s"] / b["per_s"] for a, b in zip(ours, others))


def measure(sides, mode, clients, seconds, rounds):
    runs = {s.name: [] for s in sides}
    for n in range(rounds):
        for side in sides:
            made = side.run(mode, clients, seconds)
            # What a side puts off is its work too: CPU time until it is quiet again.
            made["after_us"] = settle(sides)[side.name] / (made["per_s"] * seconds) * 1e6
            runs[side.name].append(made)
            say("%s by %d, round %d: %s %.0f/s" % (mode, clients, n + 1, side.name, made["per_s"]))
    return runs


def sustained(side, minutes):
    """Batches by 4 clients for so long, counted by the minute."""
    series = []
    for n in range(minutes):
        series.append(side.run("batch", 4, 60)["per_s"])
        say("sustained, minute %d: %s %.0f/s" % (n + 1, side.name, series[-1]))
    return {"per_s": statistics.mean(series), "series": series}


def about(sides, options):
    with open("/proc/cpuinfo") as f:
        models = [line.split(":", 1)[1].strip() for line in f if line.startswith("model name")]
    return {
        "date": time.strftime("%Y-%m-%d", time.gmtime()), "kernel": os.uname().release,
        "cpus": os.cpu_count(), "cpu": models[0] if models else os.uname().machine,
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2 ** 30),
        "versions": {s.name: s.version() for s in sides}, "batch": BATCH, **options}


def compare(sides, options):
    """All measures in turns; what they say."""
    ours, rows = sides[0], []
    for side in sides:
        began = time.monotonic()
        side.fill()
        if side.count() < options["stored"]:
            raise Refused("%s holds %d mappings only" % (side.name, side.count()))
        say("%s holds %d mappings after %.0f s" % (
            side.name, side.count(), time.monotonic() - began))
    settle(sides, 120)
    for side in sides:  # not counted: caches, and the first change of each page after a checkpoint
        side.run("tokenize", 64, options["seconds"])
        settle(sides)
    for mode, clients, asked, aim in MEASURES:
        runs = measure(sides, mode, clients, options["seconds"], options["rounds"])
        rows.append({
            "mode": mode, "clients": clients, "asked": asked, "aim": aim, "runs": runs,
            "sides": {name: medians(r) for name, r in runs.items()},
            "ratios": {s.name: ratio(runs[ours.name], runs[s.name]) for s in sides[1:]}})
    return rows


def long_run(sides, minutes):
    """Ours, then PostgreSQL, each alone on the machine and on the disk."""
    found = {}
    for side in sides:
        settle([side], 120)
        found[side.name] = sustained(side, minutes)
        began = time.monotonic()
        settle([side], 600)
        found[side.name]["drained_s"] = time.monotonic() - began  # what was put off is written
        side.close()
    names = list(found)
    return {"minutes": minutes, "asked": SUSTAINED_ASKED, "sides": found,
            "ratio": found[names[0]]["per_s"] / found[names[1]]["per_s"]}


def run_all(top, options, sides):
    os.chmod(top, 0o711)  # the server of PostgreSQL is another user
    pki = certificates(os.path.join(top, "pki"))
    stored = options["stored"]
    sides.append(Ours(stored))
    sides.append(Postgres(os.path.join(top, "pg"), pki, stored))
    sides.append(Redis(os.path.join(top, "redis"), pki, stored))
    results = {"about": about(sides, options), "measures": compare(sides, options)}
    if options["sustained"]:
        sides.pop().close()  # Redis would outgrow the memory
        results["sustained"] = long_run(sides, options["sustained"])
    return results


def missed(results):
    full = all(results["about"][k] >= least for k, least in FULL.items())
    return [name for name, got, asked in peers_chart.asked(results) if full and got < asked]


def options_read():
    options = {
        "stored": number("STORED", FULL["stored"], 1000, STORED_MAX),
        "seconds": number("BENCH_SECONDS", 10, 2, 600), "rounds": number("ROUNDS", 3, 1, 99),
        "sustained": number("SUSTAINED", 0, 0, 60)}
    burst = options["seconds"] * (options["rounds"] + 1) * 200000
    need = (options["stored"] + burst) * 2500 + options["sustained"] * 60 * 60e3 * 1000
    check_disk(bench_lib.TOP, need)
    for name, folders in (("postgres", ["/usr/lib/postgresql/15/bin"]), ("redis-server", []),
                          ("redis-benchmark", []), ("setpriv", []), ("openssl", [])):
        program(name, *folders)
    return options


SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def interrupted(signum, _):
    """Once: the clean-up is short and must end, and the shell passes on what a terminal sent."""
    for sig in SIGNALS:
        signal.signal(sig, signal.SIG_IGN)
    sys.exit(128 + signum)


def clean_up(sides):
    for sig in SIGNALS:
        signal.signal(sig, signal.SIG_IGN)
    for side in sides:
        try:
            side.close()
        except (OSError, lib.Failure) as why:
            say("peers: %s: %s" % (side.name, why))


def main():
    for sig in SIGNALS:
        signal.signal(sig, interrupted)
    sides = []
    try:
        results = run_all(bench_lib.TOP, options_read(), sides)
    except (Refused, lib.Failure) as why:
        sys.exit("peers: %s" % why)
    finally:
        clean_up(sides)
    print(peers_chart.table(results))
    if os.environ.get("OUT"):
        with open(os.environ["OUT"], "w") as f:
            json.dump(results, f, indent=1)
    if os.environ.get("WRITE") == "1":
        peers_chart.write(results, HERE)
    late = missed(results)
    if late:
        sys.exit("peers: less than asked: %s" % ", ".join(late))


if __name__ == "__main__":
    main()
