#!/usr/bin/env python3
"""Drives bench_load against a development instance and, interleaved, against the floor servers.

bench.py FOLDER, where run.sh has put bench_load and perhaps floor/floor_server. Prints a table:
medians, p50 and p99 in microseconds, CPU of front, core and hsm together per request, and the ratio
of requests per second to the floor in the same run.
"""

import os
import statistics
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "integration"))
import lib  # noqa: E402
from client import Person  # noqa: E402

TOP = os.path.abspath(sys.argv[1])
RUN_MS = int(os.environ.get("BENCH_MS", "2000"))
REPEATS = int(os.environ.get("BENCH_REPEATS", "3"))
CONNECTIONS = (1, 8, 64)
BATCH = 100
SETTLE_S = 0.5  # between runs: what the last one left to be written


def load(mode, port, connections, *more):
    """One run; its figures as a dict of numbers."""
    command = [os.path.join(TOP, "bench_load"), mode, "-p", str(port), "-c", str(connections),
               "-r", str(RUN_MS), "-w", "300"] + list(more)
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    if done.returncode != 0:
        sys.exit("bench: %s at %d: %s %s" % (mode, connections, done.stdout, done.stderr))
    time.sleep(SETTLE_S)
    return {k: float(x) for k, x in (w.split("=") for w in done.stdout.split())}


class Vault:
    """Our side: an instance, a partner's certificate, an operator's session, tokens to reveal."""

    name = "hufu"

    def __init__(self):
        self.instance = lib.Instance(["auth.fresh_s=3600", "front.per_address=4096"])
        self.instance.start()
        olga = Person(self.instance, "olga").ready()
        self.session = os.path.join(TOP, "session")
        with open(os.path.join(TOP, "session"), "w") as f:
            f.write(olga.session + "\n")
        self.tokens = os.path.join(TOP, "tokens")
        self.run("batch", 4, "-o", self.tokens)

    def close(self):
        self.instance.close()

    def run(self, mode, connections, *more):
        v, own = self.instance, list(more)
        own += ["-A", v.dev_file(v.dev["ca"]), "-b", str(BATCH), "-D", "cards",
                "-P", ",".join(str(p) for p in v.roles().values())]
        if mode == "detokenize":
            own += ["-S", self.session, "-T", self.tokens, "-U", v.purpose("cards")]
        else:
            own += ["-C", v.dev_file(v.partner()["cert"]), "-K", v.dev_file(v.partner()["key"])]
        return load(mode, v.port, connections, *own)


class Floor:
    """A floor server: tokenize with a direct commit or over its journal, or detokenize."""

    def __init__(self, name, arguments, folder=None):
        self.name = name
        self.port = lib.free_port()
        self.folder = folder or os.path.join(TOP, "floor", "db-" + name)
        os.makedirs(self.folder, exist_ok=True)
        self.proc = subprocess.Popen(
            [os.path.join(TOP, "floor", "floor_server"), "-L", "-m", "-p", str(self.port), "-d",
             self.folder] + arguments, cwd=os.path.join(TOP, "floor"), stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(0.5)
        if self.proc.poll() is not None:
            sys.exit("bench: floor_server ended with %d" % self.proc.returncode)

    def close(self):
        self.proc.terminate()
        self.proc.wait()

    def run(self, mode, connections, *more):
        pki = os.path.join(TOP, "floor", "pki")
        return load(mode, self.port, connections, "-A", os.path.join(pki, "ca.crt"), "-C",
                    os.path.join(pki, "client.crt"), "-K", os.path.join(pki, "client.key"),
                    "-P", str(self.proc.pid), *more)


def floors():
    """The floor servers that can be run, by the mode they are a floor for."""
    if not os.path.exists(os.path.join(TOP, "floor", "floor_server")):
        return {}
    tokens = os.path.join(TOP, "floor", "tokens")
    filler = Floor("reveal", ["-J", "-M", "tok"])
    filler.run("tokenize", 8, "-o", tokens)
    time.sleep(2)  # its journal is applied behind
    filler.close()
    reveal = Floor("reveal", ["-J", "-M", "detok"], filler.folder)
    plain = reveal.run
    reveal.run = lambda mode, connections: plain(mode, connections, "-T", tokens)
    return {"tokenize": [Floor("direct", ["-M", "tok"]), Floor("journal", ["-J", "-M", "tok"])],
            "detokenize": [reveal]}


def medians(runs):
    return {k: statistics.median(r[k] for r in runs) for k in runs[0]}


def row(what, connections, ours, others):
    text = "%-20s %5d %9.0f %8.0f %8.0f %8.1f" % (
        what, connections, ours["rps"], ours["p50_us"], ours["p99_us"], ours["cpu_us"])
    for name, figures in others:
        text += "   %s %.0f/s %.1f us, ratio %.2f" % (
            name, figures["rps"], figures["cpu_us"], ours["rps"] / figures["rps"])
    print(text, flush=True)


def main():
    vault, beside = Vault(), floors()
    try:
        print("%d CPUs, databases in %s, runs of %d ms, medians of %d" % (
            os.cpu_count(), TOP, RUN_MS, REPEATS))
        print("%-20s %5s %9s %8s %8s %8s   %s" % (
            "request", "conns", "req/s", "p50 us", "p99 us", "CPU us", "floor"))
        for mode, what in (("tokenize", "tokenize"), ("batch", "tokenize, %d each" % BATCH),
                           ("detokenize", "detokenize")):
            for connections in CONNECTIONS:
                sides = [vault] + beside.get(mode, [])
                runs = {s.name: [] for s in sides}
                for _ in range(REPEATS):  # interleaved: the machine's mood is shared
                    for side in sides:
                        runs[side.name].append(side.run(mode, connections))
                row(what, connections, medians(runs["hufu"]),
                    [(s.name, medians(runs[s.name])) for s in sides[1:]])
    finally:
        for side in [vault] + [s for group in beside.values() for s in group]:
            side.close()


if __name__ == "__main__":
    main()
