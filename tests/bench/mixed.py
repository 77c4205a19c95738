#!/usr/bin/env python3
"""Does it ever stall? Mixed load for a long time, all settings as they are, beside a floor server.

mixed.py FOLDER: see bench_lib.py. For MINUTES: tokenize and detokenize at half of what
saturates them, open-loop, with batches of 100 among them; the floor server's journal mode gets a
tenth as many requests at the same time, so that both meet the same disk. No answer may take longer
than 250 ms or twice the floor's worst. STORED: mappings to begin with.
"""

import os
import subprocess
import sys

import bench_lib as lib
from beside import STORED, WARM_MS, half_of_most, hist_read, hist_show, mixed_command, say
from bench_lib import TOP

MINUTES = float(os.environ.get("MINUTES") or 10)
STALL_MOST_US = 250000
BATCHES_S = 10
FLOOR_SHARE = 10  # one request of the floor's for so many of ours


def floor_start():
    if not lib.has_floor():
        say("no floor server: nothing is compared")
        return None
    return lib.Floor("journal", ["-J", "-M", "tok"], lib.floor_source(STORED))


def commands(vault, floor, rate, run_ms):
    """Name -> what is to run at the same time."""
    pki = os.path.join(TOP, "floor", "pki")
    found = {"mixed": mixed_command(vault, run_ms, rate=rate),
             "batches": lib.load_command("batch", vault.instance.port, 4, run_ms,
                                         *vault.arguments("batch"), "-R", str(BATCHES_S))}
    if floor:
        found["floor"] = lib.load_command(
            "tokenize", floor.port, 64, run_ms, "-A", os.path.join(pki, "ca.crt"), "-C",
            os.path.join(pki, "client.crt"), "-K", os.path.join(pki, "client.key"), "-R",
            str(max(rate // FLOOR_SHARE, 1)))
    return {name: c + ["-w", str(WARM_MS), "-G", os.path.join(TOP, "hist-" + name)]
            for name, c in found.items()}


def run_all(lines, seconds):
    """Runs them at the same time; name -> figures."""
    procs, figures = {}, {}
    try:
        for name, command in lines.items():
            procs[name] = subprocess.Popen(command, stdin=subprocess.DEVNULL,
                                           stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                           text=True)
        for name, proc in procs.items():
            out, err = proc.communicate(timeout=seconds + 60)
            if not out:
                sys.exit("mixed: %s ended with %d: %s" % (name, proc.returncode, err))
            figures[name] = {k: float(x) for k, x in lib.words(out).items()}
    finally:
        for proc in procs.values():
            if proc.poll() is None:
                proc.kill()
                proc.wait()
    return figures


def main():
    targets, seconds = lib.Targets(), 60 * MINUTES
    lib.header("mixed load, %g minutes" % MINUTES)
    vault, floor = lib.prepared(STORED), None
    try:
        floor = floor_start()
        lines = commands(vault, floor, half_of_most(vault), int(1000 * seconds))
        figures = run_all(lines, seconds)
    finally:
        vault.close()
        if floor:
            floor.close()
    say("%-14s %7s %7s %7s %8s %8s %9s %8s %8s" % (
        "", "req/s", "p50 us", "p90 us", "p99 us", "p99.9 us", "max us", "refused", "broken"))
    for name, f in figures.items():
        say("%-14s %7.0f %7.0f %7.0f %8.0f %8.0f %9.0f %8.0f %8.0f" % (
            name, f["rps"], f["p50_us"], f["p90_us"], f["p99_us"], f["p999_us"], f["max_us"],
            f["refused"], f["broken"]))
    hist_show([(name, hist_read(os.path.join(TOP, "hist-" + name))) for name in lines])
    most = max(STALL_MOST_US, 2 * figures["floor"]["max_us"] if floor else 0)
    ours = [figures[name] for name in ("mixed", "batches")]
    say(targets.judge("longest stall, us", max(f["max_us"] for f in ours), most=most))
    say(targets.judge("refused", sum(f["refused"] for f in ours), most=0))
    return targets.end()


if __name__ == "__main__":
    lib.run(main)
