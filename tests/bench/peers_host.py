"""What the sides of the comparison share: certificates, processes, their CPU time, the disk.

A side has `name`, `root` (pid of its first process), `fill()`, `count()`, `run(mode, clients,
seconds)`, `finish()` (waits for work put off that it can tell of) and `close()`.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "integration"))
import lib  # noqa: E402,F401

TICK = os.sysconf("SC_CLK_TCK")
SAMPLE_S = 0.25
QUIET = 0.05  # of a core: what servers use that have nothing left to do
QUIET_S = 2  # in a row
LOOPBACK = ("0100007F", "00000000000000000000000001000000", "0000000000000000FFFF00000100007F")
BATCH = 1000
START_S = 60


class Refused(Exception):
    """The comparison cannot run here, or a side failed; the sentence says why."""


def say(text):
    print(text, file=sys.stderr, flush=True)


def program(name, *folders):
    """The path of a program, or a refusal that says what to install."""
    path = shutil.which(name, path=os.pathsep.join(folders + (os.environ.get("PATH", ""),)))
    if path is None:
        raise Refused("%s is not installed: run tests/bench/peers_deps.sh" % name)
    return path


def clean_environ(**more):
    """Without what could lead a client of PostgreSQL or Redis elsewhere."""
    kept = {k: v for k, v in os.environ.items() if not re.match(r"PG|REDIS", k)}
    return dict(kept, LC_ALL="C", **more)


def run_tool(command, what, **more):
    """A program that must succeed; its standard output."""
    more.setdefault("env", clean_environ())
    done = subprocess.run(command, capture_output=True, text=True, **more)
    if done.returncode != 0:
        raise Refused("%s ended with %d: %s" % (
            what, done.returncode, (done.stderr or done.stdout)[-600:].strip()))
    return done.stdout


def serve(command, log, sig, **more):
    """Starts a server that ends with us, however we end; sig is what ends it."""
    with open(log, "ab") as out:
        return subprocess.Popen(
            [program("setpriv"), "--pdeathsig", signal.Signals(sig).name[3:]] + command,
            stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=clean_environ(),
            start_new_session=True, **more)


def stop(proc, sig):
    if proc is None or proc.poll() is not None:
        return
    proc.send_signal(sig)
    try:
        proc.wait(30)
    except subprocess.TimeoutExpired:
        proc.kill()
        proc.wait()


def log_tail(path):
    with open(path, errors="replace") as f:
        return f.read()[-600:].strip()


def certificates(folder):
    """ca, server (localhost) and app (a client) in folder; keys for the caller only."""
    os.mkdir(folder, 0o755)

    def make(name, *more):
        run_tool(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                  "ec_paramgen_curve:P-256", "-noenc", "-days", "2", "-subj", "/CN=" + name,
                  "-keyout", name + ".key", "-out", name + ".crt"] + list(more), "openssl",
                 cwd=folder)

    signed = ("-CA", "ca.crt", "-CAkey", "ca.key", "-addext", "basicConstraints=critical,CA:FALSE")
    make("ca")
    make("server", *signed, "-addext", "extendedKeyUsage=serverAuth", "-addext",
         "subjectAltName=DNS:localhost,IP:127.0.0.1")
    make("app", *signed, "-addext", "extendedKeyUsage=clientAuth")
    return folder


def listeners(port):
    """Addresses, as the kernel prints them, that anybody listens on at this port."""
    found = []
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with open(table) as f:
            for line in f.readlines()[1:]:
                words = line.split()
                address, number = words[1].split(":")
                if words[3] == "0A" and int(number, 16) == port:
                    found.append(address)
    return found


def wait_listening(proc, port, log, what):
    """Until it listens; refuses a server that can be reached from elsewhere."""
    end = time.monotonic() + START_S
    while not listeners(port):
        if proc.poll() is not None or time.monotonic() > end:
            raise Refused("%s does not start: %s" % (what, log_tail(log)))
        time.sleep(0.05)
    check_loopback(port, what)


def check_loopback(port, what):
    if any(address not in LOOPBACK for address in listeners(port)):
        raise Refused("%s listens on more than loopback" % what)


def stat_of(pid):
    """(parent, own ticks, ticks of children that ended); None where it is gone."""
    try:
        with open("/proc/%d/stat" % pid) as f:
            words = f.read().rsplit(")", 1)[1].split()
    except OSError:
        return None
    return int(words[1]), int(words[11]) + int(words[12]), int(words[13]) + int(words[14])


def cpu_s(root):
    """CPU seconds of a server: its first process and all below it, ended ones included."""
    stats = {int(n): stat_of(int(n)) for n in os.listdir("/proc") if n.isdigit()}
    stats = {pid: s for pid, s in stats.items() if s}
    family, ticks = {root}, 0
    while True:
        more = {pid for pid, s in stats.items() if s[0] in family} - family
        if not more:
            break
        family |= more
    for pid in family:
        if pid in stats:
            ticks += stats[pid][1] + stats[pid][2]
    return ticks / TICK


def watched(command, root, seconds, **more):
    """Runs a load generator; (its output, CPU seconds a second of the server in the middle)."""
    samples = [(time.monotonic(), cpu_s(root))]
    proc = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True, start_new_session=True, **more)
    try:
        while True:
            try:
                out, err = proc.communicate(timeout=SAMPLE_S)
                break
            except subprocess.TimeoutExpired:
                samples.append((time.monotonic(), cpu_s(root)))
    finally:
        stop(proc, signal.SIGTERM)
    if proc.returncode != 0:
        raise Refused("%s ended with %d: %s" % (
            os.path.basename(command[0]), proc.returncode, (out + err)[-600:].strip()))
    samples.append((time.monotonic(), cpu_s(root)))
    begin = samples[-1][0] - 0.9 * seconds  # what comes before is connecting
    inside = [s for s in samples if s[0] >= begin]
    (t1, c1), (t2, c2) = inside[0] if len(inside) > 1 else samples[0], samples[-1]
    return out, (c2 - c1) / (t2 - t1)


def settle(sides, seconds=60):
    """Waits until no side has work left; the CPU seconds that each used for it."""
    before = {s.name: cpu_s(s.root) for s in sides}
    for side in sides:
        side.finish()
    last, began = dict(before), time.monotonic()
    quiet_since = began
    while True:
        time.sleep(0.5)
        now, at = {s.name: cpu_s(s.root) for s in sides}, time.monotonic()
        if sum(now.values()) - sum(last.values()) > QUIET * 0.5:
            quiet_since = at
        if at - quiet_since >= QUIET_S or at - began >= seconds:
            return {name: now[name] - before[name] for name in now}
        last = now


def filesystem(path):
    """The kind of file system that holds a path."""
    best, kind = "", ""
    real = os.path.realpath(path)
    with open("/proc/mounts") as f:
        for line in f:
            _, at, name = line.split()[:3]
            inside = real == at or real.startswith(at.rstrip("/") + "/")
            if inside and len(at) >= len(best):
                best, kind = at, name
    return kind


def check_disk(path, need):
    """Refuses a folder that keeps nothing over a loss of power, or has too little room."""
    if filesystem(path) in ("tmpfs", "ramfs"):
        raise Refused("%s is memory: nothing there is durable; set TMPDIR" % path)
    free = shutil.disk_usage(path).free
    if free < need:
        raise Refused("%s has %.0f GB free, this may need %.0f GB" % (path, free / 1e9, need / 1e9))


def percentile(sorted_values, percent):
    if not sorted_values:
        return None
    return sorted_values[min(len(sorted_values) - 1, len(sorted_values) * percent // 100)]
