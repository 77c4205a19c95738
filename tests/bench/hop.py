#!/usr/bin/env python3
"""What the hop between front and core costs, at 64 connections.

hop.py FOLDER, where bench_hop is. In turns: /livez, which the front
answers by itself; /readyz, the same answer by way of the core (frame, worker, reply; no journal);
and tokenize. All CPU time is measured, the client's too: they share the processors, and at 64
connections there is no other work that would fill the hop's place.

  hop        CPU time of front and core for /readyz less that of the front for /livez. Too high
             rather than too low: it has the handler of /readyz in it.
  share      hop / (CPU time of front, core and client for one tokenize): by so much would the same
             processors answer more requests, had they no hop to pay for, related to all they do.
             Where processors idle while the disk works, it costs less.

Ends with 1 where the share is 15 % or more. BENCH_MS: length of a run; BENCH_REPEATS,
BENCH_CONNECTIONS.
"""

import os
import signal
import statistics
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "integration"))
import lib  # noqa: E402

TOP = os.path.abspath(sys.argv[1])
RUN_MS = int(os.environ.get("BENCH_MS", "2000"))
REPEATS = int(os.environ.get("BENCH_REPEATS", "5"))
CONNECTIONS = int(os.environ.get("BENCH_CONNECTIONS", "64"))
SHARE_MAX = 0.15
WARM_MS = 300
KINDS = ("/livez", "/readyz", "tokenize")


def run(v, kind):
    """One run: requests a second and CPU time per request of front, core and client."""
    roles, cert = v.roles(), v.partner()
    command = [os.path.join(TOP, "bench_hop"), kind, "-p", str(v.port), "-c", str(CONNECTIONS),
               "-w", str(WARM_MS), "-r", str(RUN_MS), "-A", v.dev_file(v.dev["ca"]),
               "-C", v.dev_file(cert["cert"]), "-K", v.dev_file(cert["key"]),
               "-P", "%d,%d" % (roles["front"], roles["core"])]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    if done.returncode != 0:
        sys.exit("hop: %s: %s %s" % (kind, done.stdout, done.stderr))
    found = dict(word.split("=") for word in done.stdout.split())
    return (float(found["rps"]),) + tuple(float(x) for x in found["cpu_us"].split(","))


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    v = lib.Instance(["front.per_address=4096"])
    runs = {kind: [] for kind in KINDS}
    try:
        v.start()
        for _ in range(REPEATS):
            for kind in KINDS:
                runs[kind].append(run(v, kind))
    finally:
        v.close()
    print("%d connections, medians of %d runs of %d ms; CPU time in microseconds a request" % (
        CONNECTIONS, REPEATS, RUN_MS))
    print("%-9s %9s %7s %7s %7s" % ("", "req/s", "front", "core", "client"))
    for kind in KINDS:
        print("%-9s %9.0f %7.2f %7.2f %7.2f" % (
            (kind,) + tuple(statistics.median(x) for x in zip(*runs[kind]))))
    hops, shares, servers = [], [], []
    for alone, through, token in zip(*(runs[k] for k in KINDS)):  # each round by itself
        hops.append(through[1] + through[2] - alone[1])
        shares.append(hops[-1] / sum(token[1:]))
        servers.append(hops[-1] / sum(token[1:3]))
    share = statistics.median(shares)
    print("hop: %.2f us a request; share of a tokenize: %.1f %% (of front and core alone: %.1f %%)"
          % (statistics.median(hops), 100 * share, 100 * statistics.median(servers)))
    if share >= SHARE_MAX:
        sys.exit("hop: the share is not under %.0f %%" % (100 * SHARE_MAX))


if __name__ == "__main__":
    main()
