#!/usr/bin/env python3
"""What a running rotation costs who tokenizes: the same load without and with it, in turns.

rotate.py FOLDER, where run.sh has put bench_load. Fills a vault, then for each round one run
without and one beside rotate-data-key at the default rate. BENCH_MS, BENCH_REPEATS as for bench.py;
BENCH_FILL_MS how long the vault is filled.
"""

import os
import statistics
import sys
import time

import bench_lib as bench  # reads the folder from the command line
from client import Person

FILL_MS = int(os.environ.get("BENCH_FILL_MS", "6000"))
CONNECTIONS = 8
BEGUN_S = 2  # until the rotation has counted and walks


def rotate(carl, cora):
    c = carl.post("/v1/ceremonies", {"kind": "rotate-data-key", "domain": "cards",
                                     "reason": "bench"}).expect(201).json()
    cora.post("/v1/ceremonies/%s/approve" % c["id"], {}).expect(200)
    return "/v1/ceremonies/" + c["id"]


def main():
    vault = bench.Vault()
    carl, cora = Person(vault.instance, "carl").ready(), Person(vault.instance, "cora").ready()
    rates, tails = [], []
    try:
        vault.run("batch", bench.BATCH_CONNECTIONS, run_ms=FILL_MS)
        print("%9s %8s %9s %8s   %6s %6s   %s" % (
            "alone/s", "p99 us", "beside/s", "p99 us", "ratio", "p99", "rotation"))
        for _ in range(bench.REPEATS):
            alone = vault.run("tokenize", CONNECTIONS)
            path = rotate(carl, cora)
            time.sleep(BEGUN_S)
            before, at = carl.get(path).expect(200).json(), time.monotonic()
            beside = vault.run("tokenize", CONNECTIONS)
            after, took = carl.get(path).expect(200).json(), time.monotonic() - at
            if after["state"] != "running":
                sys.exit("rotate: it ended before the load did; raise BENCH_FILL_MS")
            rates.append(beside["rps"] / alone["rps"])
            tails.append(beside["p99_us"] / alone["p99_us"])
            print("%9.0f %8.0f %9.0f %8.0f   %6.2f %6.2f   %.0f rows/s of %d" % (
                alone["rps"], alone["p99_us"], beside["rps"], beside["p99_us"], rates[-1],
                tails[-1], (after["done"] - before["done"]) / took, after["total"]), flush=True)
            while carl.get(path).expect(200).json()["state"] == "running":
                time.sleep(0.5)
        print("medians: requests/s %.2f, p99 %.2f" % (
            statistics.median(rates), statistics.median(tails)))
    finally:
        vault.close()


if __name__ == "__main__":
    bench.run(main)
