"""The PostgreSQL side: a cluster of its own, pgcrypto, pgbench over mutual TLS."""

import glob
import os
import pwd
import random
import re
import secrets
import shutil
import signal

import lib
from peers_host import (BATCH, HERE, Refused, clean_environ, percentile, program, run_tool, serve,
                        stop, wait_listening, watched)

BIN = "/usr/lib/postgresql/15/bin"
CHUNK = 100000
ADDED = """
port = %d
unix_socket_directories = '%s'
ssl_cert_file = '%s'
ssl_key_file = '%s'
ssl_ca_file = '%s'
"""
HBA = """local all all trust
hostssl vault app 127.0.0.1/32 cert
"""


class Postgres:
    name = "PostgreSQL"

    def __init__(self, folder, pki, stored):
        self.folder, self.pki, self.stored = folder, pki, stored
        self.port = lib.free_port()
        self.sock, self.data = os.path.join(folder, "s"), os.path.join(folder, "data")
        self.log = os.path.join(folder, "server.log")
        self.user = []  # initdb and the server refuse root
        self.proc = None
        self.keys = "-c vault.index_key=%s -c vault.data_key=%s" % (
            secrets.token_hex(32), secrets.token_hex(32))
        self.numbers = "{%s}" % ",".join(
            str(random.randrange(10 ** 15)) for _ in range(BATCH))
        try:
            self.make()
            self.start()
        except BaseException:
            self.close()
            raise

    def make(self):
        os.mkdir(self.folder, 0o700)
        os.mkdir(self.sock, 0o700)
        for name in ("ca.crt", "server.crt", "server.key"):
            shutil.copy(os.path.join(self.pki, name), self.folder)
            os.chmod(os.path.join(self.folder, name), 0o600)
        if os.getuid() == 0:
            owner = pwd.getpwnam("postgres")
            self.user = ["--reuid", "postgres", "--regid", "postgres", "--clear-groups"]
            for at, _, names in os.walk(self.folder):
                for path in [at] + [os.path.join(at, n) for n in names]:
                    os.chown(path, owner.pw_uid, owner.pw_gid)
        self.tool([program("initdb", BIN), "-D", self.data, "-U", "postgres", "--auth=trust",
                   "--locale=C", "--encoding=UTF8"], "initdb")
        with open(os.path.join(HERE, "peers_pg.conf")) as f:
            conf = f.read() + ADDED % ((self.port, self.sock) + tuple(
                os.path.join(self.folder, n) for n in ("server.crt", "server.key", "ca.crt")))
        for name, text in (("postgresql.conf", conf), ("pg_hba.conf", HBA)):
            with open(os.path.join(self.data, name), "w") as f:
                f.write(text)

    def tool(self, command, what, **more):
        if self.user:
            command = [program("setpriv")] + self.user + command
        return run_tool(command, what, cwd=self.folder, **more)

    def start(self):
        self.proc = serve(self.user + [program("postgres", BIN), "-D", self.data], self.log,
                          signal.SIGQUIT, cwd=self.folder)
        self.root = self.proc.pid
        wait_listening(self.proc, self.port, self.log, "PostgreSQL")
        lib.wait_for(self.is_ready, 30, "PostgreSQL answers")
        for name in ("fsync", "synchronous_commit", "full_page_writes", "ssl"):
            if self.sql("show " + name, base="postgres").strip() != "on":
                raise Refused("PostgreSQL runs without " + name)
        self.sql("create database vault", base="postgres")
        self.file("peers.sql")

    def is_ready(self):
        try:
            self.tool([program("pg_isready", BIN), "-q", "-h", self.sock, "-p", str(self.port)], "")
        except Refused:
            return False
        return True

    def sql(self, text, base="vault", **names):
        """As the owner, over the socket that nobody else reaches."""
        command = [program("psql", BIN), "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h",
                   self.sock, "-p", str(self.port), "-U", "postgres", "-d", base]
        for name, value in names.items():
            command += ["-v", "%s=%s" % (name, value)]
        return self.tool(command, "psql", input=text, env=clean_environ(PGOPTIONS=self.keys))

    def file(self, name, **names):
        with open(os.path.join(HERE, name)) as f:
            return self.sql(f.read(), **names)

    def version(self):
        return "PostgreSQL " + self.sql("show server_version").strip()

    def count(self):
        return int(self.sql("select count(*) from vault.mapping"))

    def fill(self):
        for first in range(1, self.stored + 1, CHUNK):
            self.file("peers_fill.sql", first=first, last=min(first + CHUNK - 1, self.stored))
        self.sql("vacuum analyze")
        self.sql("checkpoint")

    def finish(self):
        """Its checkpoints come by the clock, spread over minutes: none is waited for."""

    def run(self, mode, clients, seconds):
        # The latency of some transactions: a line for each of them costs the generator time.
        share = 1 if mode == "batch" else 0.5 if seconds < 5 else 0.1
        prefix = os.path.join(os.path.dirname(self.folder), "pgbench")
        command = [program("pgbench", BIN), "-n", "-M", "prepared", "-c", str(clients), "-j", "2",
                   "-T", str(seconds), "--random-seed=rand", "-l", "--log-prefix=" + prefix,
                   "-f", os.path.join(HERE, "peers_%s.pgbench" % mode),
                   "-D", "stored=%d" % self.stored, "-D", "numbers=" + self.numbers]
        if share < 1:
            command.append("--sampling-rate=%g" % share)
        pki = self.pki
        out, cpu = watched(command, self.root, seconds, env=clean_environ(
            PGHOST="127.0.0.1", PGPORT=str(self.port), PGUSER="app", PGDATABASE="vault",
            PGOPTIONS=self.keys, PGSSLMODE="verify-full", PGSSLMINPROTOCOLVERSION="TLSv1.3",
            PGSSLROOTCERT=os.path.join(pki, "ca.crt"), PGSSLCERT=os.path.join(pki, "app.crt"),
            PGSSLKEY=os.path.join(pki, "app.key")))
        took = []
        for path in glob.glob(prefix + ".*"):
            with open(path) as f:
                took += [int(line.split()[2]) for line in f]
            os.unlink(path)
        took.sort()
        found = re.search(r"^tps = ([0-9.]+)", out, re.M)
        if not found:
            raise Refused("pgbench tells no rate: %s" % out[-300:].strip())
        per_s = float(found.group(1))
        per_s *= BATCH if mode == "batch" else 1
        return {"per_s": per_s, "p50_us": percentile(took, 50), "p99_us": percentile(took, 99),
                "cpu_us": cpu / per_s * 1e6}

    def close(self):
        stop(self.proc, signal.SIGQUIT)  # at once: its folder goes with it
        shutil.rmtree(self.folder, ignore_errors=True)
