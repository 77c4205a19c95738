#!/usr/bin/env python3
"""What an operator sees: /metrics in Prometheus' text format, and a log whose lines share one id.

The format is checked here line by line, and by promtool too where that is installed.
"""

import json
import re
import shutil
import signal
import subprocess
import threading
import time

import lib
import values as val
from client import Client, Partner, Person
from lib import check, equal

NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*\Z")
HELP = re.compile(r"# HELP (\S+) (\S.*)\Z")
TYPE = re.compile(r"# TYPE (\S+) (counter|gauge|summary|histogram)\Z")
SAMPLE = re.compile(r"([a-zA-Z_][a-zA-Z0-9_]*)(\{.*\})? ([0-9]+(?:\.[0-9]+)?)\Z")
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(,|\Z)')
PARTS = {"counter": ("",), "gauge": ("",), "summary": ("_sum", "_count"),
         "histogram": ("_bucket", "_sum", "_count")}
LEVELS = ("error", "warn", "info", "debug")


def read_labels(text):
    """{name: value} of `{a="b",c="d"}`; nothing else may stand in it."""
    labels, at, text = {}, 0, text[1:-1]
    while at < len(text):
        match = LABEL.match(text, at)
        check(match and match[1] not in labels, "labels are malformed: %s" % text)
        labels[match[1]] = match[2]
        at = match.end()
        check(at < len(text) or match[3] == "", "a comma at the end: %s" % text)
    return labels


def check_name(name, kind):
    check(NAME.match(name) and name.startswith("hufu_"), "name %s" % name)
    equal(name.endswith("_total"), kind == "counter", "%s, a %s, ends in _total" % (name, kind))
    for bad in ("milliseconds", "microseconds", "_ms", "_us", "kilobytes", "_count", "_sum",
                "_bucket", "_info_total"):
        check(not re.search(bad + r"(_|\Z)", name), "name %s holds %s" % (name, bad))


class Families:
    """A scrape, read strictly: each family once, with HELP, TYPE and samples of its own."""

    def __init__(self, text):
        self.kind, self.values = {}, {}
        check(text.endswith("\n"), "the last line has no end")
        lines, family = text[:-1].split("\n"), None
        for at, line in enumerate(lines):
            if line.startswith("# HELP"):
                family = HELP.match(line)
                check(family and family[1] not in self.kind, "a bad or second HELP: %s" % line)
                family = family[1]
                kind = TYPE.match(lines[at + 1])
                check(kind and kind[1] == family, "no TYPE behind HELP of %s" % family)
                check_name(family, kind[2])
                self.kind[family] = kind[2]
            elif line.startswith("# TYPE"):
                check(at > 0 and lines[at - 1].startswith("# HELP"), "TYPE without HELP: %s" % line)
            else:
                self.sample(family, line)
        for family, kind in self.kind.items():
            if kind == "histogram":
                self.check_histogram(family)

    def sample(self, family, line):
        match = SAMPLE.match(line)
        check(match, "no sample: %s" % line)
        check(family and match[1] in [family + p for p in PARTS[self.kind[family]]],
              "%s stands under %s" % (match[1], family))
        labels = read_labels(match[2]) if match[2] else {}
        key = (match[1], tuple(sorted(labels.items())))
        check(key not in self.values, "twice: %s" % line)
        self.values[key] = float(match[3])

    def check_histogram(self, family):
        series = {}
        for (name, labels), value in self.values.items():
            if name == family + "_bucket":
                labels = dict(labels)
                bound = float(labels.pop("le"))
                series.setdefault(tuple(sorted(labels.items())), []).append((bound, value))
        for labels, buckets in series.items():
            equal(buckets, sorted(buckets), "order of the buckets of %s" % family)
            counts = [n for _, n in buckets]
            equal(counts, sorted(counts), "buckets of %s add up" % family)
            equal(buckets[-1][0], float("inf"), "last bucket of %s" % family)
            equal(buckets[-1][1], self.values[family + "_count", labels], "count of %s" % family)
            check((family + "_sum", labels) in self.values, "no sum of %s" % family)

    def get(self, name, **labels):
        key = (name, tuple(sorted(labels.items())))
        check(key in self.values, "no %s %s" % (name, labels))
        return self.values[key]


def scrape(v):
    reply = Client(v).get("/metrics").expect(200)
    check(reply.headers["Content-Type"].startswith("text/plain; version=0.0.4"), "Content-Type")
    return reply.body.decode()


def test_metrics_are_well_formed(v):
    """After one request of every kind that leaves something to count."""
    acme, olga = Partner(v), Person(v, "olga").ready()
    value = val.pan()
    token = acme.token("cards", value)
    v.planted = [value, token, olga.session]
    acme.batch("cards", [val.pan() for _ in range(10)])
    acme.tokenize("cards", "4").expect(422)
    olga.value("cards", token)
    olga.reveal("cards", val.pan()).expect(422)
    Client(v).get("/v1/nothing").expect(404)
    Client(v).get("/v1/tokenize").expect(405)
    v.text = scrape(v)
    found = Families(v.text)
    done = "hufu_front_requests_total"
    equal(found.get(done, verb="tokenize", status="200", code="ok"), 2, "tokenize answered 200")
    equal(found.get(done, verb="tokenize", status="422", code="invalid_value"), 1, "and 422")
    equal(found.get(done, verb="none", status="404", code="not_found"), 1, "no route")
    equal(found.get("hufu_front_refused_total", reason="route"), 2, "refused before the core")
    equal(found.get("hufu_front_request_duration_seconds_count", verb="tokenize"), 3, "durations")
    equal(found.get("hufu_domain_tokens_created_total", domain="cards"), 11, "mappings made")
    equal(found.get("hufu_domain_values_revealed_total", domain="cards"), 1, "values given")
    equal(found.get("hufu_domain_tokens_created_total", domain="ids"), 0, "in another domain")
    equal(found.get("hufu_sessions"), 1, "sessions")
    check(found.get("hufu_key_seals_used", domain="cards", kind="data", version="1") >= 11, "seals")


def test_promtool_agrees(v):
    promtool = shutil.which("promtool")
    if not promtool:
        raise lib.Skip("promtool is not installed")
    done = subprocess.run([promtool, "check", "metrics"], input=v.text, text=True, timeout=30,
                          capture_output=True)
    equal((done.returncode, done.stdout + done.stderr), (0, ""), "promtool")


def test_metrics_are_complete(v):
    """Each thing that an operator asks for has its family, and a value that can be."""
    lib.wait_for(lambda: Families(scrape(v)).get("hufu_log_signed_entries") > 0, 5, "a signature")
    found, now = Families(scrape(v)), time.time()
    for name in """hufu_open hufu_front_core_up hufu_hsm_up""".split():
        equal(found.get(name), 1, name)
    for name in """hufu_front_connections hufu_journal_groups_total hufu_journal_operations_total
            hufu_journal_commit_seconds_count hufu_journal_commit_seconds_sum hufu_recent_rows
            hufu_journal_commit_max_seconds hufu_recent_bytes hufu_recent_limit_bytes
            hufu_journal_operations hufu_journal_file_bytes hufu_map_file_bytes
            hufu_disk_free_bytes hufu_log_entries hufu_log_signed_entries hufu_hsm_links_total
            hufu_front_core_links_total hufu_front_process_cpu_seconds_total
            hufu_core_process_cpu_seconds_total hufu_front_process_resident_memory_bytes
            hufu_core_process_resident_memory_bytes""".split():
        check(found.get(name) > 0, "%s is 0" % name)
    for name in """hufu_front_requests_in_flight hufu_front_outstanding hufu_requests_in_work
            hufu_journal_applied_operations hufu_journal_trimmed_operations
            hufu_log_signature_age_seconds hufu_log_unsigned_seconds""".split():
        check(found.get(name) < 1e6, name)
    for queue in ("work", "passwords", "keys", "journal"):
        equal(found.get("hufu_queue_length", queue=queue), 0, "queue " + queue)
    for domain in ("cards", "ids", "accounts", "cards-zeta"):
        for kind in ("data", "index"):
            age = found.get("hufu_key_age_seconds", domain=domain, kind=kind, version="1")
            check(age < 1000, "age of a key: %s" % age)
    check(found.get("hufu_hsm_call_seconds_count", function="sign") > 0, "signatures")
    until = found.get("hufu_front_certificate_expiry_timestamp_seconds")
    check(now + 86400 < until < now + 1000 * 86400, "end of the certificate: %s" % until)
    for name in ("hufu_front_process_start_time_seconds", "hufu_core_process_start_time_seconds"):
        check(now - 300 < found.get(name) <= now, name)
    check(any(n == "hufu_build_info" for n, _ in found.values), "no hufu_build_info")


def test_metrics_follow_ceremonies_and_partners(v):
    carl = Person(v, "carl").ready()
    made = carl.post("/v1/ceremonies", {"kind": "rotate-kek", "reason": "yearly"})
    path = "/v1/ceremonies/%s" % made.expect(201).json()["id"]
    found = Families(scrape(v))
    equal(found.get("hufu_ceremonies", kind="rotate-kek", state="proposed"), 1, "proposed")
    equal(found.get("hufu_ceremonies", kind="rotate-kek", state="running"), 0, "running")
    carl.post(path + "/cancel", {"reason": "not now"}).expect(200)
    equal(Families(scrape(v)).get("hufu_ceremonies", kind="rotate-kek", state="proposed"), 0,
          "proposed after the cancel")


def test_capacity_comes_domain_by_domain(v):
    for _ in range(5):
        found = Families(scrape(v))
    for domain in ("cards", "ids", "accounts", "cards-zeta"):
        check(found.get("hufu_domain_capacity", domain=domain) > 100, "capacity of " + domain)


def test_fill_and_marks_of_each_domain(v):
    found = Families(scrape(v))
    for domain in ("cards", "ids", "accounts", "cards-zeta"):
        check(found.get("hufu_domain_mappings", domain=domain) >= 0, "mappings of " + domain)
        check(found.get("hufu_domain_fill_ratio", domain=domain) < 0.5, "fill of " + domain)
    equal(found.get("hufu_domain_mappings", domain="cards"),
          Person(v, "rita").ready().get("/v1/domains/cards/capacity").expect(200).json()["fill"],
          "mappings, as the route has them")
    equal(found.get("hufu_domain_info", domain="cards", format="pan", mode="deterministic",
                    token_check="fail", marked="yes"), 1, "what it is")
    equal(found.get("hufu_capacity_alarms_total"), 0, "alarms")


def test_scrapes_are_cheap(v):
    client, took = Client(v), []
    client.get("/livez")
    for _ in range(100):
        began = time.monotonic()
        client.get("/metrics").expect(200)
        took.append(time.monotonic() - began)
    check(sorted(took)[50] < 0.02, "half of the scrapes take over %.1f ms" %
          (sorted(took)[50] * 1e3))
    print("# median scrape %.2f ms" % (sorted(took)[50] * 1e3))


def test_nothing_planted_is_in_metrics(v):
    text = scrape(v)
    for name in ("olga", "carl", "sara"):
        check('"%s"' % name not in text, "a person in the metrics")
    for word in v.planted:
        check(word not in text and word.encode() not in v.log_bytes(), "a value or a token")


def each_once(pairs):
    names = [name for name, _ in pairs]
    if len(set(names)) < len(names):
        raise ValueError("a member twice")
    return dict(pairs)


def log_objects(v):
    """Every line of the log: each is a JSON object, the fixed members first, none twice."""
    found = []
    for line in v.log_bytes().decode().splitlines():
        try:
            found.append(json.loads(line, object_pairs_hook=each_once))
        except ValueError:
            raise lib.Failure("no JSON: %s" % line)
        equal(list(found[-1])[:4], ["time", "level", "role", "event"], "first members of a line")
        check(found[-1]["level"] in LEVELS, "level %s" % found[-1]["level"])
    return found


def lines_of(v, request_id):
    return [o for o in log_objects(v) if o.get("request_id") == request_id]


def test_one_request_id_through_three_processes(v):
    """A new domain's keys are wrapped in the HSM: front, core and hsm each say for whom."""
    sara = Person(v, "sara").ready()
    body = {"name": "traced", "format": "pan", "mode": "deterministic", "partners": ["acme"],
            "keep": {"prefix": 6, "suffix": 4}, "purposes": ["refund"]}
    reply = sara.request("POST", "/v1/domains", body, headers={"X-Request-Id": "trace-me.1"})
    reply.expect(201)
    equal(reply.headers["X-Request-Id"], "trace-me.1", "X-Request-Id")
    lib.wait_for(lambda: {"front", "core", "hsm"} <=
                 {o["role"] for o in lines_of(v, "trace-me.1")}, 5, "a line of each process")
    lines = lines_of(v, "trace-me.1")
    front = [o for o in lines if o["role"] == "front"]
    equal([(o["event"], o["verb"], o["status"], o["code"]) for o in front],
          [("request", "domain-add", 201, "ok")], "the front's line")
    check(front[0]["duration_us"] > 0 and front[0]["bytes"] == len(reply.body), "%s" % front)
    equal(front[0]["source"], "127.0.0.1", "source")
    equal([o["event"] for o in lines if o["role"] == "core"], ["keys.made"], "the core's line")
    seals = [o for o in lines if o["role"] == "hsm"]
    equal([(o["event"], o["call"], o["err"]) for o in seals], [("hsm.call", "seal", "OK")] * 2,
          "the hsm process's lines")


def test_ceremony_id_in_the_hsm(v):
    """What a ceremony has done in the HSM bears the ceremony's id."""
    carl, cora = Person(v, "carl").ready(), Person(v, "cora").ready()
    made = carl.post("/v1/ceremonies", {"kind": "rotate-kek", "reason": "yearly"}).expect(201)
    path = "/v1/ceremonies/%s" % made.json()["id"]
    cora.post(path + "/approve", {}).expect(200)
    lib.wait_for(lambda: carl.get(path).expect(200).json()["state"] == "done", 30, "the rotation")
    calls = {o["call"] for o in lines_of(v, made.json()["id"]) if o["role"] == "hsm"}
    check({"kek_make", "open", "seal"} <= calls, "calls of the ceremony: %s" % calls)


def set_level(v, level):
    with open(v.path("hufu.conf")) as f:
        kept = [line for line in f if not line.startswith("level =")]
    if level:
        at = kept.index("[log]\n") if "[log]\n" in kept else len(kept)
        kept[at:at + 1] = ["[log]\n", "level = %s\n" % level]
    with open(v.path("hufu.conf"), "w") as f:
        f.writelines(kept)
    v.kill("hufud", signal.SIGHUP)


def test_hangup_reads_the_level_again(v):
    """SIGHUP: all processes log at debug, then as before; a broken file changes nothing."""
    acme = Partner(v)

    def said(request_id):
        acme.request("POST", "/v1/tokenize", {"domain": "cards", "value": val.pan()},
                     headers={"X-Request-Id": request_id}).expect(200)
        return any(o["role"] == "core" for o in lines_of(v, request_id))

    def signs():
        return any(o["event"] == "hsm.call" and o["call"] == "sign" for o in log_objects(v))
    check(not said("level.0"), "the core logs requests at info")
    try:
        set_level(v, "debug")
        lib.wait_for(lambda: said("level.1"), 5, "the core's line at debug", 0.1)
        lib.wait_for(lambda: said("level.2") and signs(), 5, "the hsm process's at debug", 0.2)
        set_level(v, "nonsense")
        lib.wait_for(lambda: b"hufud.reload_failed" in v.log_bytes(), 5, "the refusal")
        check(said("level.3"), "a broken file changed the level")
    finally:
        set_level(v, "")
    lib.wait_for(lambda: not said("level.4-%d" % time.monotonic_ns()), 5, "info again", 0.1)


def test_text_format(v):
    """log.format = text: the same as words."""
    v.stop()
    at = len(v.log_bytes())
    v.start(options=["log.format=text", "log.requests=all"])
    Partner(v).token("cards", val.pan())
    text = v.log_bytes()[at:].decode()
    check(re.search(r"^\S+Z info front event=request request_id=\S+ verb=tokenize status=200 "
                    r"code=ok duration_us=\d+ bytes=\d+ source=127\.0\.0\.1$", text, re.M), text)


def test_some_requests_have_a_line(v):
    """log.requests = some: all but the successes that the audit log has by the thousand."""
    v.stop()
    at = len(v.log_bytes())
    v.start(options=["log.requests=some"])
    acme = Partner(v)
    acme.token("cards", val.pan())
    acme.tokenize("cards", "4").expect(422)
    acme.get("/v1/whoami").expect(200)
    said = [json.loads(line) for line in v.log_bytes()[at:].splitlines()]
    equal([(o["verb"], o["status"]) for o in said
           if o["event"] == "request" and o["verb"] != "status"],  # of waiting for the start
          [("tokenize", 422), ("whoami", 200)], "requests with a line")


def test_no_lines_for_requests(v):
    """log.requests = no: silence, but for what failed or took over a second."""
    v.stop()
    at = len(v.log_bytes())
    v.start(options=["log.requests=no"])
    acme = Partner(v)
    acme.token("cards", val.pan())
    acme.tokenize("cards", "4").expect(422)
    check(b'"event":"request"' not in v.log_bytes()[at:], "a line for a good request")
    v.kill("core", signal.SIGSTOP)
    threading.Timer(1.3, v.kill, ("core", signal.SIGCONT)).start()
    acme.token("cards", val.pan())
    said = [json.loads(line) for line in v.log_bytes()[at:].splitlines()]
    slow = [o for o in said if o["event"] == "request"]
    equal([o["verb"] for o in slow], ["tokenize"], "verbs of the lines")
    check(slow[0]["duration_us"] > 1e6, "duration of a slow request: %s" % slow)


if __name__ == "__main__":
    lib.run(globals())
