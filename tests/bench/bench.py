#!/usr/bin/env python3
"""One value a request, reveals and batches at a given number of stored mappings, in turns with the
floor servers at the same number, against their targets. STORED=1000000 by default.

bench.py FOLDER, where run.sh has put bench_load, bench_pages and perhaps floor/floor_server. Prints
medians: requests a second, p50 and p99 in microseconds, CPU of front, core and hsm together for
each request; ratios are medians of the rounds' ratios. Ends with 1 where a target is missed.
BENCH_BURST_S: length of the burst of full batches. The rest of the environment: bench_lib.py.
"""

import sys

import bench_lib as lib
from bench_lib import Floor, Vault  # noqa: F401 # Vault: for who drives one by this module
from client import Person

STORED = lib.number("STORED", 1000000)
BURST_S = lib.number("BENCH_BURST_S", 10)
MANY = 10000000  # from here on the floor's journal is no measure: it falls behind its own map
# connections -> least share of the floor's journal mode, of its direct mode
SINGLE = {64: (0.9, 3.0), 8: (0.9, 3.0), 1: (0.8, 2.3)}
P99_MOST, CPU_MOST = 1.5, 1.4  # of the floor's journal mode at 64 connections
REVEAL_LEAST = 0.9             # of single tokenize
REVEAL_BATCH_LEAST = 5.0       # values a second, of single reveals
BURST_LEAST = 150000           # tokens a second


def show(what, connections, runs):
    """One line a side."""
    for name, figures in ((n, lib.medians(r)) for n, r in runs.items()):
        print("%-22s %5d  %-8s %9.0f %8.0f %8.0f %8.1f" % (
            what, connections, name, figures["rps"], figures["p50_us"], figures["p99_us"],
            figures["cpu_us"]), flush=True)


def judge(line):
    print("%30s %s" % ("", ", ".join(line)), flush=True)


def single(vault, targets):
    """Every value is new; the floors hold as many and do the same."""
    beside, before = [], (vault.stored(), vault.answered())
    if lib.has_floor():
        source = lib.floor_source(STORED)
        beside = [Floor("journal", ["-J", "-M", "tok"], source),
                  Floor("direct", ["-M", "tok"], source)]
    for n, (of_journal, of_direct) in SINGLE.items():
        runs = lib.in_turns({s.name: lambda s=s: s.run("tokenize", n) for s in [vault] + beside})
        show("tokenize", n, runs)
        if beside:
            judge(compare(runs, n, of_journal, of_direct, targets))
    for floor in beside:
        floor.close()
    new, answers = vault.stored() - before[0], vault.answered() - before[1]
    judge([targets.judge("share of new values", new / answers, least=0.9999)])


def compare(runs, connections, of_journal, of_direct, targets):
    ours, journal, direct = runs["hufu"], runs["journal"], runs["direct"]
    at = "at %d: " % connections
    if STORED >= MANY:
        line = [at + "%.2f of journal" % lib.ratio(ours, journal)]
    else:
        line = [targets.judge(at + "of journal", lib.ratio(ours, journal), of_journal)]
    line.append(targets.judge(at + "of direct", lib.ratio(ours, direct), of_direct))
    # Says what the disk is like: where it flushes fast, no journal gains much.
    line.append("journal %.2f of direct" % lib.ratio(journal, direct))
    if connections == 64:
        p99, cpu = lib.ratio(ours, journal, "p99_us"), lib.ratio(ours, journal, "cpu_us")
        if STORED >= MANY:
            line += ["p99 %.2f of journal" % p99, "CPU %.2f of journal" % cpu]
        else:
            line += [targets.judge("p99 of journal", p99, most=P99_MOST),
                     targets.judge("CPU of journal", cpu, most=CPU_MOST)]
    return line


def reveal(vault, targets):
    """Single reveals beside single tokenize, and a floor's; then in batches."""
    check_batch(vault)
    beside = []
    if lib.has_floor():
        beside = [Floor("floor", ["-J", "-M", "detok"], lib.floor_source(STORED))]
    for n in SINGLE:
        sides = {s.name: lambda s=s, n=n: s.run("detokenize", n) for s in [vault] + beside}
        sides["tokenize"] = lambda n=n: vault.run("tokenize", n)
        sides["batch"] = lambda n=n: vault.run("detokenize-batch", n, items=lib.BATCH)
        runs = lib.in_turns(sides)
        show("detokenize", n, runs)
        line = [targets.judge("at %d: detokenize of tokenize" % n,
                              lib.ratio(runs["hufu"], runs["tokenize"]), REVEAL_LEAST),
                targets.judge("at %d: values in batches of %d of single" % (n, lib.BATCH),
                              lib.BATCH * lib.ratio(runs["batch"], runs["hufu"]),
                              REVEAL_BATCH_LEAST)]
        if beside:
            line.append("%.2f of floor" % lib.ratio(runs["hufu"], runs["floor"]))
        judge(line)
    for floor in beside:
        floor.close()


def check_batch(vault):
    """A refusal of one item does not show in a status: one batch is read."""
    with open(vault.tokens) as f:
        tokens = [next(f).strip() for _ in range(lib.BATCH)]
    olga = Person(vault.instance, "olga")
    with open(vault.session) as f:
        olga.session = f.read().strip()
    reply = olga.post("/v1/detokenize", {"domain": vault.domain, "tokens": tokens,
                                         "purpose": lib.PURPOSE, "reason": "bench"})
    if not all("value" in item for item in reply.expect(200).json()["results"]):
        sys.exit("bench: a batch of reveals has refusals in it")


def burst(vault, targets):
    """Full batches from an empty overlay."""
    before = vault.stored()
    figures = vault.run("batch", lib.BATCH_CONNECTIONS, items=lib.FULL, run_ms=BURST_S * 1000)
    print("%-22s %5d  %-8s %9.0f %8.0f %8.0f %8.1f" % (
        "tokenize, %d each" % lib.FULL, lib.BATCH_CONNECTIONS, "hufu", figures["rps"],
        figures["p50_us"], figures["p99_us"], figures["cpu_us"]))
    judge([targets.judge("tokens/s for %d s" % BURST_S, figures["rps"] * lib.FULL, BURST_LEAST),
           "%d stored by it" % (vault.stored() - before)])


def main():
    lib.header("%d stored" % STORED)
    targets, vault = lib.Targets(), lib.prepared(STORED)
    print("%-22s %5s  %-8s %9s %8s %8s %8s" % (
        "request", "conns", "side", "req/s", "p50 us", "p99 us", "CPU us"))
    single(vault, targets)
    reveal(vault, targets)
    burst(vault, targets)
    print("%d stored at the end" % vault.stored())
    return targets.end()


if __name__ == "__main__":
    lib.run(main)
