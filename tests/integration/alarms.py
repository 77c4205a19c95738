#!/usr/bin/env python3
"""Alarms (C28, C52): who passes a limit is out within a second, and somebody is told.

The program and the webhook are the tests' own; both write down what they got.
"""

import http.server
import json
import os
import signal
import ssl
import threading
import time

import cli
import lib
import values as val
from client import Client, Partner, Person
from lib import check, equal, wait_for

LIMIT = 3  # values a day
GUESSES = 2
TOLD_S = 10  # from the attempt to the program, at most; it is far less
PEOPLE = {}
HOOK = {}
SCRIPT = """#!/bin/sh
d=%s
[ ! -e "$d/broken" ] || exit 3
echo "$1 $2" >>"$d/args"
cat >>"$d/told"
"""


def person(v, name):
    return PEOPLE.setdefault(name, Person(v, name)).ready()


def told(v):
    """What the program has been given so far."""
    try:
        with open(os.path.join(v.top, "told")) as f:
            return [json.loads(line) for line in f]
    except OSError:
        return []


def alarms(v, **query):
    path = "/v1/alarms" + ("?" + "&".join("%s=%s" % p for p in query.items()) if query else "")
    return person(v, "sara").get(path).expect(200).json()


def metric(v, name):
    text = Client(v).get("/metrics").expect(200).body.decode()
    return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines()
               if line.startswith((name + " ", name + "{")))


def pass_limit(v, name):
    """Reveals until the day's limit refuses; returns when that was."""
    who, acme = person(v, name), Partner(v)
    for _ in range(LIMIT):
        who.value("cards", acme.token("cards", val.pan()))
    token = acme.token("cards", val.pan())
    who.reveal("cards", token).expect(429, "rate_limited")
    return time.monotonic()


def trip(v, name="acme"):
    """One guess too many by a partner, which goes on: one alarm for partner, day and start."""
    partner, domain = Partner(v, name), "cards" if name == "acme" else "cards-zeta"
    cards = [c for c in ("400000%06d0002" % m for m in range(100)) if val.luhn_ok(c)]
    for value in cards[:GUESSES + 2]:
        last = partner.tokenize(domain, value)
    last.expect(429, "rate_limited")


class Hook(http.server.BaseHTTPRequestHandler):
    """What the webhook is posted to; HOOK says how it answers, and keeps what it got."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        HOOK["got"].append((self.path, dict(self.headers), body))
        status = HOOK["status"].pop(0) if HOOK["status"] else 200
        self.send_response(status)
        if status in (302, 307):
            self.send_header("Location", "https://localhost:%d/elsewhere" % HOOK["port"])
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def serve_hook(v, name="server"):
    """A TLS server with one of the instance's certificates; returns it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(v.dev_file("tls/%s.crt" % name), v.dev_file("tls/%s.key" % name))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hook)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    HOOK.update(port=server.server_address[1], got=[], status=[])
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def command_of(v):
    path = os.path.join(v.top, "sink")
    with open(path, "w") as f:
        f.write(SCRIPT % v.top)
    os.chmod(path, 0o700)
    return path


def restart(v, *options):
    v.stop()
    v.start(options=options)


def with_command(v):
    return "alarm.command=" + command_of(v)


def all_delivered(v):
    wait_for(lambda: metric(v, "hufu_alarms_undelivered") == 0, 15, "nothing waits")


def commanded(v):
    """A start with the program, where this one is another."""
    if "alarm" not in v.roles():
        restart(v, with_command(v))


# ---- the whole way ----

def test_C28_out_within_a_second_and_somebody_is_told(v):
    restart(v, with_command(v))
    check("alarm" in v.roles(), "no alarm process")
    who = person(v, "olga")
    at = pass_limit(v, "olga")
    who.get("/v1/whoami").expect(401, "unauthenticated")
    check(time.monotonic() - at < 1, "out after %.2f s" % (time.monotonic() - at))
    got = wait_for(lambda: told(v), TOLD_S, "the program is told")[0]
    print("# told after %.0f ms" % ((time.monotonic() - at) * 1e3))
    for name, want in (("principal", "olga"), ("role", "operator"), ("domain", "cards"),
                       ("suspended", "yes"), ("vault", v.dev["log"]["origin"]),
                       ("detail", "verb=detokenize result=rate_limited limit=reveals_per_day")):
        equal(got.get(name), want, name)
    check(got["grade"] in ("middle", "high"), "grade %s" % got["grade"])
    item = wait_for(lambda: [i for i in alarms(v)["items"] if "delivered_at" in i], 5,
                    "delivered")[0]
    equal(item["id"], got["id"], "id")
    equal(item["raised_at"], got["raised_at"], "raised_at")
    with open(os.path.join(v.top, "args")) as f:
        equal(f.read(), "%s %s\n" % (got["grade"], got["rule"]), "arguments")
    wait_for(lambda: metric(v, "hufu_alarm_delivery_seconds_count") == 1, 5, "time to alarm")
    check(metric(v, "hufu_alarms_total") >= 1, "alarms by rule")
    equal(metric(v, "hufu_alarms_undelivered"), 0, "undelivered")
    lines = [json.loads(x) for x in v.log_bytes().decode().splitlines()]
    said = [x for x in lines if x["event"] == "alarm" and x.get("id") == got["id"]]
    equal(len(said), 1, "lines of the journal")
    equal((said[0]["level"], said[0]["principal"]), ("warn", "olga"), "the line")
    person(v, "sara").post("/v1/users/olga/unfreeze", {"reason": "talked to her"}).expect(200)
    who.get("/v1/whoami").expect(401, "unauthenticated")  # the session does not come back
    PEOPLE.pop("olga")
    person(v, "olga").get("/v1/whoami").expect(200)


def test_C28_the_log_has_cause_and_alarm_side_by_side(v):
    aude = person(v, "aude")
    lines = [json.loads(i["line"]) for i in
             aude.get("/v1/audit/entries?limit=1000").expect(200).json()["entries"]]
    at = [i for i, x in enumerate(lines) if x["verb"] == "alarm" and x["principal"] == "olga"]
    check(at, "no entry")
    cause = lines[at[0] - 1]
    equal((cause["verb"], cause["result"], cause["principal"]),
          ("detokenize", "rate_limited", "olga"), "the entry before")
    equal(cause["request_id"], lines[at[0]]["request_id"], "request")
    check("suspended=yes" in lines[at[0]]["reason"], "reason")


def test_C28_an_alarm_is_reviewed(v):
    sara, olga, aude = person(v, "sara"), person(v, "olga"), person(v, "aude")
    trip(v)
    item = alarms(v)["items"][0]
    path = "/v1/alarms/%s/review" % item["id"]
    olga.post(path, {"reason": "mine"}).expect(403, "forbidden")
    sara.post(path, {"reason": "card 4111111111111111"}).expect(422, "value_in_text")
    sara.post(path, {}).expect(400, "bad_request")
    sara.post("/v1/alarms/%s/review" % "0" * 8, {"reason": "x"}).expect(404, "not_found")
    seen = sara.post(path, {"reason": "a drill"}).expect(200).json()
    equal((seen["reviewed_by"], seen["review_reason"]), ("sara", "a drill"), "review")
    aude.post(path, {"reason": "me too"}).expect(409, "conflict")
    equal(alarms(v)["items"][0]["reviewed_by"], "sara", "in the list")
    equal(person(v, "rita").get("/v1/alarms?limit=1").expect(200).json()["items"][0]["id"],
          item["id"], "for an SRE")
    equal(alarms(v, until=item["raised_at"])["items"], [], "before it")
    sara.get("/v1/alarms?since=yesterday").expect(400, "bad_request")


def test_C28_alarms_by_hufu(v):
    """`hufu alarm list`, `hufu alarm review`: as people at a bank have them."""
    trip(v, "zeta")
    cli.login(v, "sven")
    lines = [json.loads(x) for x in
             cli.good(v, "--as", "sven", "alarm", "list", "--json").splitlines()]
    item = [x for x in lines if "reviewed_at" not in x][-1]
    equal((item["rule"], item["principal"]), ("guesses", "zeta"), "the newest")
    code, _, err = cli.hufu(v, "--as", "sven", "alarm", "review", item["id"])
    check(code != 0 and "--reason" in err, "a review without a reason: %s" % err)
    review = ("--as", "sven", "alarm", "review", item["id"], "--reason", "a drill")
    equal(json.loads(cli.good(v, *review, "--dry-run"))["dry_run"], True, "dry run")
    equal(json.loads(cli.good(v, *review))["reviewed_by"], "sven", "review")
    equal(cli.hufu(v, *review)[0], 6, "exit code of a second one")
    head = cli.good(v, "--as", "sven", "alarm", "list", "--csv").splitlines()[0]
    check(head.startswith("raised_at,grade,rule,principal"), "head of the CSV: %s" % head)
    equal(cli.good(v, "--as", "sven", "alarm", "list", "--to", "2020-01-01", "--json"), "",
          "before there was anything")


def test_C12_the_alarm_process_holds_nothing_of_the_vault(v):
    commanded(v)
    pid = v.roles()["alarm"]
    try:
        found = [os.readlink("/proc/%d/fd/%s" % (pid, n)) for n in os.listdir("/proc/%d/fd" % pid)]
    except PermissionError:
        raise lib.Skip("needs root: the process is not dumpable") from None
    check(found, "no descriptors at all")
    for name in found:
        check(not name.startswith((v.dir, "/memfd")), "it has %s" % name)
    equal(len([n for n in found if n.startswith("socket:")]), 2, "sockets: core and hufud")


# ---- what dies ----

def test_C28_a_failing_program_is_asked_again(v):
    restart(v, with_command(v))  # what was told today is forgotten with it
    all_delivered(v)
    open(os.path.join(v.top, "broken"), "w").close()
    before = len(told(v))
    trip(v)
    wait_for(lambda: metric(v, "hufu_alarm_delivery_failures_total") >= 2, 10, "two failures")
    equal(metric(v, "hufu_alarms_undelivered"), 1, "undelivered")
    Partner(v).tokenize("cards", val.pan()).expect(200)  # nobody waits for it
    os.unlink(os.path.join(v.top, "broken"))
    wait_for(lambda: len(told(v)) == before + 1, 10, "told in the end")
    equal((told(v)[-1]["principal"], told(v)[-1]["suspended"]), ("acme", "setting"), "about whom")
    all_delivered(v)
    trip(v)
    time.sleep(0.5)
    equal(len(told(v)), before + 1, "told once a day")


def test_C28_a_killed_alarm_process_is_back_and_delivers(v):
    commanded(v)
    open(os.path.join(v.top, "broken"), "w").close()
    before = len(told(v))
    others = {k: p for k, p in v.roles().items() if k != "alarm"}
    trip(v, "zeta")
    failures = metric(v, "hufu_alarm_delivery_failures_total")
    wait_for(lambda: metric(v, "hufu_alarm_delivery_failures_total") > failures, 5, "a failure")
    old = v.kill("alarm", signal.SIGKILL)  # in the pause before the next attempt
    os.unlink(os.path.join(v.top, "broken"))
    wait_for(lambda: v.roles().get("alarm", old) != old, 5, "a new alarm process")
    all_delivered(v)
    equal([t["principal"] for t in told(v)[before:]], ["zeta"], "told")
    equal({k: p for k, p in v.roles().items() if k != "alarm"}, others, "the other processes")


def test_C28_an_alarm_outlives_the_vault(v):
    """SIGKILL between raise and delivery: the spool is the vault itself."""
    commanded(v)
    open(os.path.join(v.top, "broken"), "w").close()
    before = len(told(v))
    pass_limit(v, "omar")
    v.crash()
    os.unlink(os.path.join(v.top, "broken"))
    equal(len(told(v)), before, "told before")
    v.start(options=[with_command(v)])
    wait_for(lambda: len(told(v)) > before, TOLD_S, "told after the restart")
    equal([t["principal"] for t in told(v)[before:]], ["omar"], "about whom")
    PEOPLE["omar"].get("/v1/whoami").expect(401, "unauthenticated")  # and still out
    all_delivered(v)
    equal(len(told(v)), before + 1, "told once")


def test_C28_a_hanging_program_is_ended(v):
    slow = os.path.join(v.top, "slow")
    with open(slow, "w") as f:
        f.write("#!/bin/sh\necho $$ >%s/pid\nexec sleep 300\n" % v.top)
    os.chmod(slow, 0o700)
    options = ["alarm.command=" + slow, "alarm.deliver_ms=500"]
    restart(v, *options)
    trip(v)
    pid_file = os.path.join(v.top, "pid")
    wait_for(lambda: os.path.exists(pid_file), 5, "it was started")
    wait_for(lambda: metric(v, "hufu_alarm_delivery_failures_total") >= 1, 10, "given up")
    with open(pid_file) as f:
        check(not lib.is_alive(int(f.read())), "the program still runs")
    took = v.stop()
    v.start(options=options)  # without them the alarm would count as told
    check(took < 4, "hufud took %.1f s to end" % took)


# ---- the webhook ----

def test_C28_webhook_gets_it_after_a_failure_and_no_redirect_is_followed(v):
    server = serve_hook(v)
    HOOK["status"] = [500, 302]
    restart(v, "alarm.webhook=https://localhost:%d/hufu" % HOOK["port"],
            "alarm.webhook_ca=" + v.dev_file("tls/ca.crt"))
    try:
        trip(v)  # and what the last test left undelivered: two attempts fail
        wait_for(lambda: len(HOOK["got"]) >= 3, 15, "three attempts")
        all_delivered(v)
        equal({path for path, _, _ in HOOK["got"]}, {"/hufu"}, "where to")
        _, headers, body = HOOK["got"][0]
        equal(headers["Content-Type"], "application/json", "type")
        got = json.loads(body)
        equal((got["principal"], got["suspended"]), ("acme", "setting"), "what")
        bodies = {b for _, _, b in HOOK["got"]}
        equal(len(bodies), len({json.loads(b)["id"] for b in bodies}), "the same each time")
        equal(len(HOOK["got"]), len(bodies) + 2, "each until it was taken")
        equal(metric(v, "hufu_alarm_delivery_failures_total"), 2, "failures")
    finally:
        server.shutdown()
        server.server_close()


def test_C28_webhook_whose_certificate_is_not_ours_gets_nothing(v):
    server = serve_hook(v)
    url = "alarm.webhook=https://localhost:%d/hufu" % HOOK["port"]
    try:
        restart(v, url, "alarm.webhook_ca=" + v.dev_file("tls/wrong-ca.crt"))
        trip(v)
        wait_for(lambda: metric(v, "hufu_alarm_delivery_failures_total") >= 2, 10, "refused twice")
        # the right authority, but another name than the certificate's
        restart(v, url.replace("localhost", "127.0.0.2"),
                "alarm.webhook_ca=" + v.dev_file("tls/ca.crt"))
        wait_for(lambda: metric(v, "hufu_alarm_delivery_failures_total") >= 1, 10, "refused")
        equal(HOOK["got"], [], "what it got")
        restart(v, url, "alarm.webhook_ca=" + v.dev_file("tls/ca.crt"))
        wait_for(lambda: HOOK["got"], 10, "told by the right one")
        equal(len(HOOK["got"]), 1, "attempts")
    finally:
        server.shutdown()
        server.server_close()


def test_C28_no_sink_needs_no_process(v):
    restart(v)
    check("alarm" not in v.roles(), "an alarm process without anything to do")
    all_delivered(v)  # what the last test may have left behind is marked
    trip(v)
    equal(metric(v, "hufu_alarms_undelivered"), 0, "undelivered")
    item = alarms(v)["items"][-1]
    equal(item["delivered_at"], item["raised_at"], "delivered with its line")


# ---- partners ----

def test_C28_a_partner_is_frozen_for_its_very_next_request(v):
    restart(v, "alarm.suspend_partners=yes")
    acme = Partner(v)
    value = [c for c in ("400000%06d0002" % m for m in range(200)) if val.luhn_ok(c)][-1]
    acme.tokenize("cards", value).expect(429, "rate_limited")  # the day's guesses are used up
    acme.tokenize("cards", val.pan()).expect(403, "forbidden")
    Partner(v, "zeta").tokenize("cards-zeta", val.pan()).expect(200)
    person(v, "sara").post("/v1/partners/acme/unfreeze", {"reason": "a test"}).expect(200)
    acme.tokenize("cards", val.pan()).expect(200)


if __name__ == "__main__":
    lib.run(globals(), ["limit.reveals_per_day=%d" % LIMIT, "limit.reveals_per_factor=1000",
                        "limit.guesses_per_day=%d" % GUESSES])
