"""What the load programs share: the vault under load, prepared stores, floor servers, verdicts.

The first argument of every program is the folder that run.sh made: it holds bench_load, bench_pages
and perhaps floor/, and everything that a program writes lies in it. Environment:

BENCH_MS       length of one run
BENCH_REPEATS  rounds; sides are run in turns, medians are shown
BENCH_SET      further settings of the vault, 'section.key=value ...'
BENCH_KEEP     folder of prepared stores: made once, copied for each run
BENCH_REPORT   1: a missed target does not end the program with 1
"""

import functools
import os
import random
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import time
import urllib.parse

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "integration"))
import lib  # noqa: E402
from client import Client, Partner, Person  # noqa: E402

TOP = os.path.abspath(sys.argv[1])
KEEP = os.environ.get("BENCH_KEEP", "")
RUN_MS = int(os.environ.get("BENCH_MS", "2000"))
REPEATS = int(os.environ.get("BENCH_REPEATS", "3"))
BATCH = 100
FULL = 1000            # items of the largest batch
BATCH_CONNECTIONS = 4  # of whoever fills a store
DOMAIN = "bench"       # made here: it allows batches of reveals
PURPOSE = "fraud-review"
SETTLE_S = 0.5  # between runs: what the last one left to be written
LONG_S = 3600   # no wait for a disk is longer
# Limits that are no part of what is measured, and kept stores that are older than a month.
SETTINGS = ["auth.fresh_s=3600", "auth.idle_s=86400", "auth.session_s=86400",
            "auth.password_days=0", "front.per_address=4096"]


opened = []  # what run() closes at the end, whatever happened; to close twice is fine


def number(name, default):
    """A count from the environment; 1000000 or 1e6."""
    return int(float(os.environ.get(name) or default))


def words(line):
    return dict(w.split("=", 1) for w in line.split())


def load_command(mode, port, connections, run_ms, *more):
    return [os.path.join(TOP, "bench_load"), mode, "-p", str(port), "-c", str(connections),
            "-r", str(run_ms), "-w", "300"] + list(more)


def load(mode, port, connections, *more, run_ms=None):
    """One run; its figures as a dict of numbers."""
    run_ms = run_ms or RUN_MS
    done = subprocess.run(load_command(mode, port, connections, run_ms, *more),
                          capture_output=True, text=True, timeout=120 + run_ms / 1000)
    if done.returncode != 0:
        sys.exit("bench: %s at %d: %s %s" % (mode, connections, done.stdout, done.stderr))
    return {k: float(x) for k, x in words(done.stdout).items()}


def copy(source, target):
    """A folder's copy, on disk when this returns."""
    subprocess.run(["cp", "-a", "--reflink=auto", source, target], check=True)
    subprocess.run(["sync", "-f", target], check=True)


def keep(name, source):
    """Puts a copy among the prepared stores, whole or not at all; others may do the same."""
    if not KEEP or kept(name):
        return
    os.makedirs(KEEP, exist_ok=True)
    half = os.path.join(KEEP, ".%s-%d" % (name, os.getpid()))
    try:
        copy(source, half)
        os.rename(half, os.path.join(KEEP, name))
    finally:
        shutil.rmtree(half, ignore_errors=True)


def kept(name):
    """Where that prepared store is, or None."""
    found = os.path.join(KEEP, name)
    return found if KEEP and os.path.isdir(found) else None


def card(rng=random.SystemRandom()):
    """A valid card number that was most probably never sent."""
    digits = [4] + [rng.randrange(10) for _ in range(14)]
    total = sum(sum(divmod(d * (2 - i % 2), 10)) for i, d in enumerate(digits))
    return "".join(map(str, digits)) + str(-total % 10)


def pages(*folders, means=False):
    """Folder name -> figures of its LMDB environment, with `db`: name -> figures."""
    done = subprocess.run([os.path.join(TOP, "bench_pages")] + ([] if means else ["-e"]) +
                          list(folders), capture_output=True, text=True, check=True)
    found = {}
    for line in done.stdout.splitlines():
        row = words(line)
        if "env" in row:
            name = os.path.basename(row.pop("env"))
            here = found[name] = {k: int(n) for k, n in row.items()}
            here["db"] = {}
        else:
            name = row.pop("db")
            here["db"][name] = {k: float(n) for k, n in row.items()}
    return found


class Instance(lib.Instance):
    """An instance that may be a copy of a prepared one."""

    def __init__(self, settings, source=None):
        self.source = source
        super().__init__(settings)

    def make(self):
        if self.source:
            copy(self.source, self.dir)
            with open(self.path("hufu.conf")) as f:
                home = next(line for line in f if line.startswith("data = "))
            old = os.path.dirname(home[len("data = "):].strip())
            for name in ("hufu.conf", "softhsm2.conf"):
                with open(self.path(name)) as f:
                    text = f.read()
                with open(self.path(name), "w") as f:
                    f.write(text.replace(old + "/", self.dir + "/"))
        super().make()


class Vault:
    """Our side: an instance, a partner's certificate, an operator's session, tokens to reveal."""

    name = "hufu"

    def __init__(self, domain="cards", settings=(), source=None):
        more = os.environ.get("BENCH_SET", "").split()
        self.domain = domain
        self.instance = Instance(SETTINGS + list(settings) + more, source)
        opened.append(self)
        host = urllib.parse.urlsplit(self.instance.dev["url"]).hostname
        if not socket.gethostbyname(host).startswith("127."):
            sys.exit("bench: %s is not this machine" % host)
        self.asker = Client(self.instance)
        self.instance.start()

    def close(self):
        self.instance.close()

    def add_domain(self):
        body = {"name": self.domain, "format": "pan", "mode": "deterministic",
                "partners": ["acme"], "keep": {"prefix": 6, "suffix": 4},
                "purposes": [PURPOSE], "batch_detokenize": FULL}
        sara = Person(self.instance, "sara").ready()
        sara.post("/v1/domains", body).expect(201)

    @functools.cached_property
    def session(self):
        """A file with an operator's session."""
        olga = Person(self.instance, "olga").ready()
        path = os.path.join(self.instance.top, "session")
        with open(path, "w") as f:
            f.write(olga.session + "\n")
        return path

    @functools.cached_property
    def tokens(self):
        """A file with tokens of this vault; they are made for it."""
        path = os.path.join(self.instance.top, "tokens")
        self.run("batch", BATCH_CONNECTIONS, "-o", path)
        return path

    def restart(self):
        """A process as after any start: nothing of what ran before is in its memory."""
        self.instance.stop()
        self.instance.start()

    def arguments(self, mode, items=BATCH):
        v = self.instance
        own = ["-A", v.dev_file(v.dev["ca"]), "-b", str(items), "-D", self.domain,
               "-P", ",".join(str(p) for p in v.roles().values())]
        if mode.startswith("detokenize"):
            return own + ["-S", self.session, "-T", self.tokens, "-U", PURPOSE]
        return own + ["-C", v.dev_file(v.partner()["cert"]), "-K", v.dev_file(v.partner()["key"])]

    def run(self, mode, connections, *more, items=BATCH, run_ms=None):
        figures = load(mode, self.instance.port, connections, *self.arguments(mode, items), *more,
                       run_ms=run_ms)
        self.settle()
        return figures

    def load_start(self, run_ms):
        """Full batches that go on beside the caller, for at most run_ms."""
        return subprocess.Popen(
            load_command("batch", self.instance.port, BATCH_CONNECTIONS, run_ms,
                         *self.arguments("batch", FULL)),
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def metrics(self):
        text = self.asker.get("/metrics").expect(200).body.decode()
        rows = (line.rsplit(" ", 1) for line in text.splitlines() if line[:1] not in ("#", ""))
        return {name: float(n) for name, n in rows}

    def stored(self):
        return int(self.metrics()['hufu_domain_mappings{domain="%s"}' % self.domain])

    def answered(self):
        return int(self.metrics()['hufu_answers_total{verb="tokenize"}'])

    def settle(self, seconds=LONG_S):
        """Until everything journalled is in the map."""
        def is_flushed():
            m = self.metrics()
            return m["hufu_journal_applied_operations"] == m["hufu_journal_operations"]
        lib.wait_for(is_flushed, seconds, "the map's flush", 0.1)
        time.sleep(SETTLE_S)

    def fill(self, wanted):
        """Tokenizes values in batches until exactly so many are stored."""
        rng = random.SystemRandom()
        rate, count = 20000.0, self.stored()
        while wanted - count > 250000:
            run_ms = int(max(500, min(15000, (wanted - count - 150000) / rate * 800)))
            began = time.monotonic()
            load("batch", self.instance.port, BATCH_CONNECTIONS, *self.arguments("batch", FULL),
                 run_ms=run_ms)
            before, count = count, self.stored()
            rate = max(rate, (count - before) / (time.monotonic() - began))
        acme = Partner(self.instance)
        while (left := wanted - self.stored()) > 0:
            acme.batch(self.domain, [card(rng) for _ in range(min(FULL, left))])
        acme.close()

    def anonymous_bytes(self):
        """Of the core: memory that is no file's."""
        with open("/proc/%d/status" % self.instance.roles()["core"]) as f:
            return 1024 * next(int(line.split()[1]) for line in f if line.startswith("RssAnon"))

    def setting(self, key):
        """The value in force of section.key."""
        section, name = key.split(".")
        command = [os.path.join(lib.BUILD, "hufud"), "-T", "-c", self.instance.path("hufu.conf")]
        for option in self.instance.settings:
            command += ["-o", option]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        here = ""
        for line in done.stdout.splitlines():
            if line.startswith("["):
                here = line.strip("[] ")
            elif here == section and line.split("=")[0].strip() == name:
                return int(line.split("=")[1])
        sys.exit("bench: hufud -T does not tell " + key)

    def environments(self):
        """Folders of the LMDB environments of a vault that is stopped."""
        data = self.instance.path("data")
        return sorted(d for d, _, files in os.walk(data) if "data.mdb" in files)

    def other_bytes(self):
        """What the rest of the data folder takes on disk."""
        data, total = self.instance.path("data"), 0
        for folder, _, files in os.walk(data):
            total += sum(os.stat(os.path.join(folder, f)).st_blocks * 512 for f in files
                         if f not in ("data.mdb", "lock.mdb"))
        return total


def prepared(stored, settings=()):
    """A vault of its own with so many mappings in DOMAIN: a kept one's copy, or made."""
    name, began = "hufu-%d" % stored, time.monotonic()
    source = kept(name)
    if source:
        vault = Vault(DOMAIN, settings, source)
    else:
        vault = Vault(DOMAIN, settings)
        vault.add_domain()
        vault.fill(stored)
        vault.settle()
        vault.instance.stop()
        keep(name, vault.instance.dir)
        vault.instance.start()
    print("# %s: %d stored, %.0f s" % ("copied" if source else "made", vault.stored(),
                                       time.monotonic() - began), flush=True)
    return vault


class Floor:
    """A floor server over a folder of its own."""

    def __init__(self, name, arguments, source=None):
        self.name = name
        self.port = lib.free_port()
        self.folder = os.path.join(TOP, "floor", "db-" + name)
        if source:
            copy(source, self.folder)
        os.makedirs(self.folder, exist_ok=True)
        self.proc = subprocess.Popen(
            [os.path.join(TOP, "floor", "floor_server"), "-L", "-m", "-p", str(self.port), "-d",
             self.folder] + arguments, cwd=os.path.join(TOP, "floor"), stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        opened.append(self)
        time.sleep(0.5)
        if self.proc.poll() is not None:
            sys.exit("bench: floor_server ended with %d" % self.proc.returncode)

    def close(self, remove=True):
        self.proc.terminate()
        self.proc.wait()
        if remove:
            shutil.rmtree(self.folder, ignore_errors=True)

    def written(self):
        with open("/proc/%d/io" % self.proc.pid) as f:
            return next(line for line in f if line.startswith("write_bytes"))

    def settle(self):
        """Until it writes nothing: its journal is applied behind."""
        before = None
        while before != self.written():
            before = self.written()
            time.sleep(SETTLE_S)

    def run(self, mode, connections, *more, run_ms=None):
        pki, own = os.path.join(TOP, "floor", "pki"), list(more)
        if mode == "detokenize":
            own += ["-T", os.path.join(self.folder, "tokens")]
        figures = load(mode, self.port, connections, "-A", os.path.join(pki, "ca.crt"), "-C",
                       os.path.join(pki, "client.crt"), "-K", os.path.join(pki, "client.key"),
                       "-P", str(self.proc.pid), *own, run_ms=run_ms)
        self.settle()
        return figures


def has_floor():
    return os.path.exists(os.path.join(TOP, "floor", "floor_server"))


def floor_stored(folder):
    return int(pages(folder)[os.path.basename(folder)]["db"]["tok"]["entries"])


@functools.lru_cache(maxsize=None)
def floor_source(stored):
    """A folder with that many tokens of the floor server's, and a file of some of them."""
    name, began = "floor-%d" % stored, time.monotonic()
    if kept(name):
        return kept(name)
    # Without sync while it is filled: nothing of it has to outlive a power cut.
    filler = Floor("fill", ["-M", "tok", "-f", "s"])
    try:
        rate, count = 20000.0, 0
        while count < stored:
            run_ms = int(max(100, min(10000, (stored - count) / rate * 900)))
            filler.run("tokenize", 64, "-o", os.path.join(filler.folder, "tokens"), run_ms=run_ms)
            count = floor_stored(filler.folder)
            rate = max(rate, count / (time.monotonic() - began))
    finally:
        filler.close(remove=False)
    keep(name, filler.folder)
    print("# floor: %d stored, %.0f s" % (count, time.monotonic() - began), flush=True)
    return filler.folder


def amount(figure):
    return "%.0f" % figure if figure >= 1000 else "%.2f" % figure


class Targets:
    """Figures against what they must be."""

    def __init__(self):
        self.missed = []

    def judge(self, what, figure, least=None, most=None):
        """One line's end: the figure, its bound, and whether it is kept."""
        good = (least is None or figure >= least) and (most is None or figure <= most)
        bound = ">= %g" % least if least is not None else "<= %g" % most
        if not good:
            self.missed.append("%s %s, target %s" % (what, amount(figure), bound))
        return "%s %s (%s%s)" % (what, amount(figure), bound, "" if good else " MISSED")

    def end(self):
        """Says what was missed; the program's exit status."""
        print("targets: " + ("all kept" if not self.missed else "missed"))
        for line in self.missed:
            print("  " + line)
        return 1 if self.missed and os.environ.get("BENCH_REPORT") != "1" else 0


def medians(runs):
    return {k: statistics.median(r[k] for r in runs) for k in runs[0]}


def ratio(ours, others, key="rps"):
    """The median of the rounds' ratios: both sides of a round had the same machine."""
    return statistics.median(a[key] / b[key] for a, b in zip(ours, others) if b[key])


def in_turns(sides, repeats=None):
    """sides: name -> a function that makes one run. Name -> its runs."""
    runs = {name: [] for name in sides}
    for turn in range(repeats or REPEATS):
        order = list(sides) if turn % 2 == 0 else list(sides)[::-1]
        for name in order:
            runs[name].append(sides[name]())
    return runs


def header(what):
    room = shutil.disk_usage(TOP)
    print("%s: %d CPUs, %.0f GiB of memory, %.0f GiB free in %s, runs of %d ms, medians of %d" % (
        what, os.cpu_count(), os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2 ** 30,
        room.free / 2 ** 30, TOP, RUN_MS, REPEATS), flush=True)


def run(main):
    """Runs a program's main() so that a signal, too, ends what it started."""
    for sig in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(sig, lambda *_: sys.exit("bench: ended by a signal"))
    try:
        status = main()
    finally:
        for sig in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(sig, signal.SIG_IGN)  # the shell passes on what a terminal sent as well
        for thing in opened:
            thing.close()
    sys.exit(status)
