"""The Redis side: appendfsync always, a Lua script a verb, redis-benchmark over mutual TLS."""

import csv
import io
import os
import re
import shutil
import signal
import time

import lib
from peers_host import (BATCH, HERE, Refused, program, run_tool, serve, stop, wait_listening,
                        watched)

CHUNK = 20000
SEALED = "v1:" + "s" * 77  # key version, nonce, 16 sealed bytes and tag, in base64
PAD = "h" * 31             # with 12 digits the length of an HMAC-SHA-256 in base64
KEYSPACE = 2000000000      # redis-benchmark draws 31 bits
TRY_S = 0.5
ADDED = """
tls-port %d
tls-ca-cert-file %s/ca.crt
tls-cert-file %s/server.crt
tls-key-file %s/server.key
dir %s
"""


class Redis:
    name = "Redis"

    def __init__(self, folder, pki, stored):
        self.folder, self.pki, self.stored = folder, pki, stored
        self.port = lib.free_port()
        self.log = os.path.join(folder, "server.log")
        self.proc = None
        self.known = {}  # mode and clients -> requests a second of the last run
        try:
            os.mkdir(folder, 0o700)
            self.start()
        except BaseException:
            self.close()
            raise

    def start(self):
        conf = os.path.join(self.folder, "redis.conf")
        with open(os.path.join(HERE, "peers_redis.conf")) as f:
            text = f.read() + ADDED % (self.port, self.pki, self.pki, self.pki, self.folder)
        half = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2
        with open(conf, "w") as f:
            f.write(text + "maxmemory %d\n" % half)
        self.proc = serve([program("redis-server"), conf], self.log, signal.SIGKILL)
        self.root = self.proc.pid
        wait_listening(self.proc, self.port, self.log, "Redis")
        for name, want in (("appendonly", "yes"), ("appendfsync", "always")):
            if self.cli("CONFIG", "GET", name).split()[1:] != [want]:
                raise Refused("Redis runs without %s %s" % (name, want))
        self.scripts = {n: self.cli("SCRIPT", "LOAD", self.text(n)) for n in (
            "tokenize", "detokenize")}

    @staticmethod
    def text(name):
        with open(os.path.join(HERE, "peers_%s.lua" % name)) as f:
            return f.read()

    def where(self):
        return ["-h", "127.0.0.1", "-p", str(self.port), "--tls", "--cacert",
                os.path.join(self.pki, "ca.crt"), "--cert", os.path.join(self.pki, "app.crt"),
                "--key", os.path.join(self.pki, "app.key")]

    def cli(self, *words):
        return run_tool([program("redis-cli")] + self.where() + ["-e"] + list(words),
                        "redis-cli").strip()

    def version(self):
        return "Redis " + re.search(r"redis_version:(\S+)", self.cli("INFO", "server")).group(1)

    def count(self):
        return int(self.cli("DBSIZE")) // 2

    def fill(self):
        for first in range(0, self.stored, CHUNK):
            last = min(first + CHUNK, self.stored) - 1
            self.cli("EVAL", self.text("fill"), "0", str(first), str(last), SEALED, PAD)
        self.finish()

    def finish(self):
        while "aof_rewrite_in_progress:1" in self.cli("INFO", "persistence"):
            time.sleep(0.2)

    def command(self, mode, clients, requests):
        made = [program("redis-benchmark")] + self.where() + [
            "-c", str(clients), "-n", str(requests), "--csv"]
        if mode == "batch":
            made += ["-P", str(BATCH)]
        if mode == "detokenize":
            return made + ["-r", str(self.stored), "EVALSHA", self.scripts[mode], "2",
                           "t:4000__rand_int__", "audit", "olga", "chargeback"]
        return made + ["-r", str(KEYSPACE), "EVALSHA", self.scripts["tokenize"], "3",
                       "i:%s__rand_int__" % PAD.replace("h", "g"), "t:5000__rand_int__", "audit",
                       SEALED, "acme"]

    def bench(self, mode, clients, requests):
        """It takes a number of requests, not a time."""
        unit = BATCH * clients if mode == "batch" else clients
        requests = max(unit, round(requests / unit) * unit)
        return self.command(mode, clients, requests), requests

    @staticmethod
    def figures(out):
        rows = list(csv.reader(io.StringIO(out)))
        return dict(zip(rows[0], rows[-1]))

    def guess(self, mode, clients):
        """Requests a second, by a short run."""
        requests = 20000 if mode == "batch" else 1000
        while True:
            command, requests = self.bench(mode, clients, requests)
            rate = float(self.figures(run_tool(command, "redis-benchmark"))["rps"])
            if requests / rate > TRY_S:
                return rate
            requests *= 4

    def run(self, mode, clients, seconds):
        self.finish()
        key = (mode, clients)
        while True:
            rate = self.known.get(key) or self.guess(mode, clients)
            command, requests = self.bench(mode, clients, rate * seconds)
            out, cpu = watched(command, self.root, 0.9 * seconds)
            found = self.figures(out)
            self.known[key] = per_s = float(found["rps"])
            if requests / per_s > seconds / 2:  # it was not much faster than thought
                break
        made = {"per_s": per_s, "cpu_us": cpu / per_s * 1e6, "p50_us": None, "p99_us": None}
        if mode != "batch":  # of a pipeline it knows the first reply only
            made["p50_us"] = float(found["p50_latency_ms"]) * 1000
            made["p99_us"] = float(found["p99_latency_ms"]) * 1000
        return made

    def close(self):
        stop(self.proc, signal.SIGKILL)  # its folder goes with it
        shutil.rmtree(self.folder, ignore_errors=True)
