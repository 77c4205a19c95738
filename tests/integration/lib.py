"""Black-box tests of a running hufud: the instance, the checks and the runner.

Standard library only. A test file defines functions `test_<name>(v)` and ends with
`lib.run(globals())`: one instance is made for the file, the functions run in their order, each
prints `ok NAME`, `skip NAME: why` or `FAIL NAME: why`, and the last line is `N passed, N failed`.
A control's test is called `test_Cxx_<what>`.

Environment: HUFU_BUILD (build folder, default `build`), HUFU_KEEP=1 (keep the instance folder),
HUFU_ONLY (run only tests whose name contains it).
"""

import json
import os
import pty
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(ROOT, os.environ.get("HUFU_BUILD", "build"))
ROLES = ("front", "core", "hsm")
READY_S = 30
STOP_S = 10


class Failure(Exception):
    """What a test saw differs from what the contract says."""


class Skip(Exception):
    """The test cannot run here; the sentence says why."""


def check(condition, why):
    if not condition:
        raise Failure(why)


def equal(got, want, what):
    if got != want:
        raise Failure("%s: got %r, want %r" % (what, got, want))


def wait_for(probe, seconds, what, pause=0.02):
    """Calls probe until it returns something true, and returns that."""
    end = time.monotonic() + seconds
    while True:
        found = probe()
        if found:
            return found
        if time.monotonic() > end:
            raise Failure("%s: not within %g s" % (what, seconds))
        time.sleep(pause)


def terminal():
    """A pseudo-terminal: its two descriptors."""
    try:
        return pty.openpty()
    except OSError:
        raise Skip("no pseudo-terminal can be had here") from None


def free_port():
    """Below the range that the kernel takes ports of outgoing connections from."""
    while True:
        port = random.randrange(20000, 32000)
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


def is_alive(pid):
    """True while the process runs; a zombie counts as gone."""
    try:
        with open("/proc/%d/stat" % pid) as f:
            return f.read().rsplit(")", 1)[1].split()[0] not in ("Z", "X")
    except (OSError, IndexError):
        return False


class Instance:
    """One vault in a temporary folder: made by tools/dev.sh, run by hufud."""

    def __init__(self, settings=()):
        self.top = tempfile.mkdtemp(prefix="hufu-test-")
        self.dir = os.path.join(self.top, "run")
        self.log_path = os.path.join(self.top, "hufud.log")
        self.port = free_port()
        self.proc = None
        self.starts = 0  # connections of an earlier start are not used again
        self.environ = dict(os.environ)  # of hufud; a test may add to it
        self.settings = list(settings)  # 'section.key=value', given to hufud at every start
        self.seen = set()  # every pid this instance had, for the last clean-up
        self.steps = {}  # user -> last TOTP step used with this instance
        self.make()
        with open(os.path.join(self.dir, "dev.json")) as f:
            self.dev = json.load(f)

    def make(self):
        command = [os.path.join(ROOT, "tools", "dev.sh"), self.dir, str(self.port)]
        done = subprocess.run(
            command + self.settings, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, timeout=180,
            env=dict(os.environ, HUFUD=os.path.join(BUILD, "hufud")))
        if done.returncode != 0:
            tail = done.stdout.decode(errors="replace")[-800:]
            raise Failure("tools/dev.sh ended with %d: %s" % (done.returncode, tail))

    def path(self, *parts):
        return os.path.join(self.dir, *parts)

    def dev_file(self, relative):
        return self.path(*relative.split("/"))

    def start(self, ready=True, options=()):
        """Starts hufud; with ready, waits until /readyz says 200."""
        command = [os.path.join(BUILD, "hufud"), "-c", self.path("hufu.conf"),
                   "-o", "front.port=%d" % self.port]
        for option in self.settings + list(options):
            command += ["-o", option]
        with open(self.log_path, "ab") as log:
            self.proc = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log,
                                         stderr=log, env=self.environ)
        self.seen.add(self.proc.pid)
        self.starts += 1
        if ready:
            self.wait_ready()

    def wait_ready(self, seconds=READY_S):
        try:
            wait_for(lambda: self.probe("/readyz") == 200 or self.give_up(), seconds, "readyz 200")
        except Failure as why:
            raise Failure("%s; the log ends: %s" % (why, self.log_tail()))
        self.roles()

    def give_up(self):
        if self.proc.poll() is not None:
            raise Failure("hufud ended with %s: %s" % (self.proc.returncode, self.log_tail()))
        return False

    def probe(self, path):
        """Status of an unauthenticated GET, or 0 while nobody answers."""
        import client
        try:
            return client.Client(self, timeout=5).get(path).status
        except (OSError, client.HTTPException):
            return 0

    def log_bytes(self):
        with open(self.log_path, "rb") as f:
            return f.read()

    def log_tail(self):
        return self.log_bytes()[-600:].decode(errors="replace").strip()

    def run_file(self):
        """The lines of hufud.run as a dict of numbers; {} while it is not there."""
        found = {}
        try:
            with open(self.path("data", "hufud.run")) as f:
                for line in f:
                    words = line.split()
                    if len(words) == 2 and words[1].isdigit():
                        found[words[0]] = int(words[1])
        except OSError:
            pass
        return found

    def roles(self):
        """Role -> pid, as hufud.run has them now."""
        found = {k: n for k, n in self.run_file().items() if k in ROLES + ("alarm",)}
        self.seen.update(found.values())
        return found

    def kill(self, name, sig=signal.SIGKILL):
        """Sends a signal to one role or to `hufud`; returns the pid."""
        pid = self.proc.pid if name == "hufud" else self.roles().get(name)
        check(pid, "hufud.run names no %s" % name)
        os.kill(pid, sig)
        return pid

    def stop(self):
        """SIGTERM; returns the seconds until it was gone."""
        began = time.monotonic()
        if self.proc is None:
            return 0.0
        self.roles()
        if self.proc.poll() is None:
            self.proc.terminate()
            try:
                self.proc.wait(STOP_S)
            except subprocess.TimeoutExpired:
                self.sweep()
                raise Failure("hufud still runs %d s after SIGTERM" % STOP_S)
        self.proc = None
        return time.monotonic() - began

    def check_log(self):
        """No role died of itself, and no sanitizer had anything to say."""
        if not os.path.exists(self.log_path):
            return
        lines = self.log_bytes().decode(errors="replace").splitlines()
        for at, line in enumerate(lines):
            died = re.search(r"event\W+role\.ended\b.*signal\W+(4|6|7|8|11)\b", line)
            if died or "Sanitizer" in line or "runtime error:" in line:
                raise Failure("the log says:\n" + "\n".join(lines[at:at + 40]))

    def crash(self):
        """SIGKILL to hufud itself; its roles must not outlive it by more than 5 s."""
        pids = self.roles()
        self.proc.kill()
        self.proc.wait()
        self.proc = None
        for role, pid in pids.items():
            wait_for(lambda p=pid: not is_alive(p), 5, "%s ends after hufud was killed" % role)

    def sweep(self):
        """Ends what is left of this instance: only pids it had, only if they run our program."""
        for pid in self.seen:
            try:
                exe = os.readlink("/proc/%d/exe" % pid)
                if exe.split(" (")[0] == os.path.realpath(os.path.join(BUILD, "hufud")):
                    os.kill(pid, signal.SIGKILL)
            except OSError:
                continue
        if self.proc is not None:
            self.proc.wait()
            self.proc = None

    def close(self):
        try:
            self.stop()
        finally:
            self.sweep()
            if os.environ.get("HUFU_KEEP"):
                print("# kept %s" % self.top)
            else:
                shutil.rmtree(self.top, ignore_errors=True)

    # What dev.json says.
    def partner(self, name="acme"):
        return next(p for p in self.dev["partners"] if p["name"] == name)

    def user(self, name):
        return next(u for u in self.dev["users"] if u["name"] == name)

    def domain(self, name):
        return next(d for d in self.dev["domains"] if d["name"] == name)

    def purpose(self, name):
        return self.domain(name)["purposes"][0]


def control_of(name):
    """test_C21_code_once -> C21; '' where the test shows no control."""
    part = name.split("_")[1] if "_" in name else ""
    return part if len(part) == 3 and part[0] == "C" and part[1:].isdigit() else ""


def run_one(name, function, instance):
    began = time.monotonic()
    short = name[len("test_"):]
    try:
        function(instance)
    except Skip as why:
        print("skip %s: %s" % (short, why), flush=True)
        return None
    except Failure as why:
        print("FAIL %s: %s" % (short, why), flush=True)
        return False
    except Exception as why:  # a test must never end the run
        where = traceback.extract_tb(why.__traceback__)[-1]
        print("FAIL %s: %s: %s (%s:%d)" % (short, type(why).__name__, why,
                                            os.path.basename(where.filename), where.lineno))
        if os.environ.get("HUFU_TRACE"):
            traceback.print_exc()
        sys.stdout.flush()
        return False
    print("ok %s (%.1f s)" % (short, time.monotonic() - began), flush=True)
    return True


def run(names, settings=(), start=True, may_die=False):
    """Runs every test_ function of a file against one instance and exits."""
    tests = [(n, f) for n, f in names.items() if n.startswith("test_") and callable(f)]
    only = os.environ.get("HUFU_ONLY", "")
    tests = [t for t in tests if only in t[0]]
    passed = failed = 0
    instance = None
    if not shutil.which("softhsm2-util") and not os.environ.get("HUFU_REQUIRE_HSM"):
        print("skip all: softhsm2 is not installed, so there is no token to run with")
        print("0 passed, 0 failed")
        return
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        instance = Instance(settings)
        if start:
            instance.start()
        for name, function in tests:
            result = run_one(name, function, instance)
            passed += result is True
            failed += result is False
            if start and (instance.proc is None or instance.proc.poll() is not None):
                instance.start()
    except Failure as why:
        print("FAIL instance: %s" % why)
        failed += 1
    finally:
        if instance is not None:
            try:
                instance.stop()
                if not may_die:
                    instance.check_log()
            except Failure as why:
                print("FAIL log: %s" % why)
                failed += 1
            try:
                instance.close()
            except Failure as why:
                print("FAIL stop: %s" % why)
                failed += 1
    print("%d passed, %d failed" % (passed, failed), flush=True)
    sys.exit(1 if failed else 0)
