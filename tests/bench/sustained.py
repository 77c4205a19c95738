#!/usr/bin/env python3
"""Full batches for MINUTES at N stored, in turns with journal_flush over as many: what is accepted
against what that flushes.

sustained.py FOLDER, where run.sh has put bench_load, bench_pages and floor/journal_flush.
MINUTES=10, N=10000000 by default; each side has that time. Both go on from piece to piece as they
were: who is not measured is stopped (SIGSTOP), so neither gets time to catch up. Ends with 1 where
the target is missed. BENCH_PIECE_S: length of a piece. The rest of the environment: bench_lib.py.
"""

import contextlib
import math
import os
import signal
import subprocess
import sys
import time

import bench_lib as lib

N = lib.number("N", 10000000)
MINUTES = float(os.environ.get("MINUTES") or 10)
PIECE_S = float(os.environ.get("BENCH_PIECE_S", "30"))
PIECE_MOST_S = 50  # a call to the hsm process that is stopped in it must not pass its deadline
DEADLINES = ["hsm.call_ms=60000", "hsm.keygen_ms=600000"]
SLICES, GENERATION, COMMIT = 64, 65536, 64
LEAST = 0.8  # of what journal_flush flushes
MIB = float(1 << 20)


class Flush:
    """journal_flush, stopped but for its pieces."""

    def __init__(self):
        self.proc = None
        lib.opened.append(self)
        self.dir = os.path.join(lib.TOP, "flush")
        self.map = os.path.join(self.dir, "m")
        name, began = "flush-%d" % N, time.monotonic()
        if lib.kept(name):
            lib.copy(lib.kept(name), self.dir)
        else:
            os.makedirs(self.dir)
            subprocess.run(self.command("0.05", "0", str(N)), check=True,
                           stdout=subprocess.DEVNULL)
            lib.keep(name, self.dir)
        self.seen = self.entries()
        print("# journal_flush: %d stored, %.0f s" % (self.seen, time.monotonic() - began))

    def command(self, *more):
        return [os.path.join(lib.TOP, "floor", "journal_flush"), self.map, str(SLICES),
                str(GENERATION), str(COMMIT)] + list(more)

    def entries(self):
        return int(lib.pages(self.map)["m"]["db"]["map"]["entries"])

    def close(self):
        if self.proc:
            self.proc.kill()
            self.proc.wait()

    def piece(self):
        """Flushed operations and the seconds for them."""
        began = time.monotonic()
        if self.proc:
            os.kill(self.proc.pid, signal.SIGCONT)
        else:
            self.proc = subprocess.Popen(self.command("1e9", "1"), stdout=subprocess.DEVNULL)
        time.sleep(PIECE_S)
        os.kill(self.proc.pid, signal.SIGSTOP)
        took = time.monotonic() - began
        if self.proc.poll() is not None:
            sys.exit("sustained: journal_flush ended with %d" % self.proc.returncode)
        before, self.seen = self.seen, self.entries()
        return self.seen - before, took


class Ours:
    """A vault, stopped but for its pieces."""

    def __init__(self):
        self.vault = lib.prepared(N, DEADLINES)
        self.vault.settle()
        self.roles = self.vault.instance.roles()
        lib.opened.insert(0, self)  # before the vault: who is stopped cannot end
        self.signal(signal.SIGSTOP)

    def signal(self, sig):
        for pid in list(self.roles.values()) + [self.vault.instance.proc.pid]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, sig)

    def close(self):
        self.signal(signal.SIGCONT)

    def piece(self):
        """Accepted tokens, flushed ones, and the seconds for them; the overlay's bytes."""
        began = time.monotonic()
        self.signal(signal.SIGCONT)
        before = self.vault.metrics()
        figures = lib.load("batch", self.vault.instance.port, lib.BATCH_CONNECTIONS,
                           *self.vault.arguments("batch", lib.FULL), run_ms=int(PIECE_S * 1000))
        after = self.vault.metrics()
        took = time.monotonic() - began
        if self.vault.instance.roles() != self.roles or figures["broken"]:
            sys.exit("sustained: a process or a connection was lost")
        self.signal(signal.SIGSTOP)
        name = 'hufu_domain_mappings{domain="%s"}' % lib.DOMAIN
        rows = "hufu_map_rows_flushed_total"  # two a token
        return (after[name] - before[name], (after[rows] - before[rows]) / 2, took,
                after["hufu_recent_bytes"])


def show(name, accepted, flushed, beside, recent):
    print("%8s %11.0f %11.0f %15.0f %7.2f %7.2f %11.0f" % (
        name, accepted, flushed, beside, accepted / beside, flushed / beside, recent / MIB),
        flush=True)


def pieces(ours, flush):
    """Prints a line a minute; the sums of (accepted, flushed, seconds, theirs, their seconds)."""
    whole, minute, number = [0.0] * 5, [0.0] * 5, 1
    count, a_minute = max(2, math.ceil(MINUTES * 60 / PIECE_S)), max(1, round(60 / PIECE_S))
    for turn in range(count):
        if turn % 2 == 0:
            theirs, mine = flush.piece(), ours.piece()
        else:
            mine, theirs = ours.piece(), flush.piece()
        now = list(mine[:3]) + list(theirs)
        whole = [a + b for a, b in zip(whole, now)]
        minute = [a + b for a, b in zip(minute, now)]
        if (turn + 1) % a_minute == 0 or turn + 1 == count:
            show(number, *rates(minute), mine[3])
            minute, number = [0.0] * 5, number + 1
    return rates(whole), mine[3]


def rates(sums):
    accepted, flushed, seconds, theirs, their_seconds = sums
    if theirs == 0:
        sys.exit("sustained: journal_flush has flushed nothing; longer pieces are needed")
    return accepted / seconds, flushed / seconds, theirs / their_seconds


def main():
    if PIECE_S > PIECE_MOST_S:
        sys.exit("sustained: BENCH_PIECE_S is at most %d" % PIECE_MOST_S)
    if not os.path.exists(os.path.join(lib.TOP, "floor", "journal_flush")):
        sys.exit("sustained: FLOOR must name the folder of journal_flush.c")
    lib.header("batches of %d, %d connections, %g minutes at %d stored" % (
        lib.FULL, lib.BATCH_CONNECTIONS, MINUTES, N))
    targets, flush, ours = lib.Targets(), Flush(), Ours()
    print("%8s %11s %11s %15s %7s %7s %11s" % (
        "minute", "tokens/s", "flushed/s", "journal_flush/s", "ratio", "flushed", "recent MiB"))
    figures, recent = pieces(ours, flush)
    show("whole", *figures, recent)
    print(targets.judge("tokens/s of what journal_flush flushes", figures[0] / figures[2], LEAST))
    return targets.end()


if __name__ == "__main__":
    lib.run(main)
