#!/usr/bin/env python3
"""The client against a server that answers as it is told: what is sent, shown and made of refusals.

The server here has the instance's certificate and keeps every request. The vault itself is only
asked where the client's certificate is looked at.
"""

import http.server
import json
import os
import re
import select
import shutil
import ssl
import subprocess
import threading
import time

import lib
from client import STATUS_OF
from lib import check, equal

HUFU = os.path.join(lib.BUILD, "hufu")
ID = "01890a5d-ac96-774b-bcce-b302099a8057"
TOKEN, VALUE = "4000056655665556", "4111111111111111"
SECRETS = (TOKEN, VALUE, "horse battery", "correct staple")
WAIT_S = 30


class Stub:
    """An HTTPS server; `answers` is a list of (status, object), the last one stays."""

    def __init__(self, v, cert=None):
        stub = self
        self.requests, self.answers = [], [(200, {})]

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self):
                size = int(self.headers.get("Content-Length") or 0)
                stub.requests.append((self.command, self.path, self.rfile.read(size).decode()))
                status, found = stub.answers[0]
                if len(stub.answers) > 1:
                    stub.answers.pop(0)
                body = b"" if found is None else json.dumps(found).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.send_header("Content-Type", "application/json")
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST = do_DELETE = answer

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cert or v.path("tls", "server.crt"), v.path("tls", "server.key"))
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.server.handle_error = lambda *_: None
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = "https://localhost:%d" % self.server.server_address[1]
        self.ca = v.path("tls", "ca.crt")
        self.session = os.path.join(v.top, "session-%d" % self.server.server_address[1])
        with open(os.open(self.session, os.O_WRONLY | os.O_CREAT, 0o600), "w") as f:
            json.dump({"session": "abc", "url": self.url, "ca": self.ca}, f)
        self.partner = ["--cert", v.path("tls", "acme.crt"), "--key", v.path("tls", "acme.key")]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    def command(self, *arguments, partner=False):
        credential = self.partner if partner else ["--session-file", self.session]
        return [HUFU, "--url", self.url, "--ca", self.ca, *credential, *arguments]

    def hufu(self, *arguments, given="", partner=False):
        """(exit code, standard output, standard error) on pipes; answers are taken in order."""
        self.requests.clear()
        done = subprocess.run(self.command(*arguments, partner=partner), input=given, text=True,
                              capture_output=True, timeout=WAIT_S)
        return done.returncode, done.stdout, done.stderr

    def terminal(self, *arguments, typed=()):
        """(exit code, what the screen got), each of `typed` typed at a prompt."""
        self.requests.clear()
        return on_terminal(self.command(*arguments), typed)


def on_terminal(command, typed=()):
    master, slave = lib.terminal()
    process = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, close_fds=True)
    os.close(slave)
    screen, left, end, at = b"", list(typed), time.monotonic() + WAIT_S, 0
    while time.monotonic() < end:
        if select.select([master], [], [], 0.1)[0]:
            try:
                part = os.read(master, 65536)
            except OSError:
                break
            if not part:
                break
            screen += part
        if left and screen[at:].rstrip(b" ").endswith(b":"):
            time.sleep(0.05)  # the prompt comes before the echo is off: TCSAFLUSH would drop it
            at = len(screen)
            os.write(master, left.pop(0).encode() + b"\n")
    code = process.wait(5)
    os.close(master)
    return code, screen.decode().replace("\r\n", "\n")


REASON = ("--reason", "case 17")
POST, GET = "POST", "GET"
CEREMONIES = "/v1/ceremonies"
GRANTS = "/v1/grants"
EXPORTS = "/v1/exports"
SUBJECTS = "/v1/subjects"
LATER = "2030-01-01T00:00:00Z"


def calls(v):
    """(arguments, standard input, as a partner, method, path, body)."""
    with open(v.path("tls", "acme.crt")) as f:
        pem = f.read()
    cert = v.path("tls", "acme.crt")
    why = {"reason": "case 17"}
    rows = [
        (("whoami",), "", False, GET, "/v1/whoami", None),
        (("step-up",), "123456\n", False, POST, "/v1/sessions/current/step-up", {"otp": "123456"}),
        (("password",), "horse battery\ncorrect staple\n", False, POST,
         "/v1/sessions/current/password",
         {"password": "horse battery", "new_password": "correct staple"}),
        (("token", "lookup", "cards"), VALUE + "\n", True, POST, "/v1/tokens/lookup",
         {"domain": "cards", "value": VALUE}),
        (("token", "inspect", "cards"), TOKEN + "\n", True, POST, "/v1/tokens/inspect",
         {"domain": "cards", "token": TOKEN}),
        (("token", "replace", "cards", *REASON), TOKEN + "\n" + VALUE + "\n", True, POST,
         "/v1/tokens/replace", {"domain": "cards", "token": TOKEN, "value": VALUE, **why}),
        (("grant", "ask", "cards", "--purpose", "dispute", "--count", "3", "--expires-in", "60",
          "--recipient", "police", *REASON), "", False, POST, GRANTS,
         {"domain": "cards", "purpose": "dispute", "count": 3, "expires_in": 60,
          "recipient": "police", **why}),
        (("grant", "ask", "cards", "--purpose", "dispute", "--count", "1", "--expires-in", "60",
          "--tokens", *REASON), TOKEN + "\n" + VALUE + "\n", False, POST, GRANTS,
         {"domain": "cards", "purpose": "dispute", "count": 1, "expires_in": 60,
          "tokens": [TOKEN, VALUE], **why}),
        (("grant", "show", ID), "", False, GET, GRANTS + "/" + ID, None),
        (("grant", "approve", ID), "", False, POST, GRANTS + "/" + ID + "/approve", None),
        (("grant", "approve", ID, "--count", "1", "--expires-in", "60", "--digest", "abc",
          "--tokens", *REASON), TOKEN + "\n", False, POST, GRANTS + "/" + ID + "/approve",
         {"count": 1, "expires_in": 60, "digest": "abc", "tokens": [TOKEN], **why}),
        (("grant", "deny", ID, *REASON), "", False, POST, GRANTS + "/" + ID + "/deny", why),
        (("recipient", "add", "court", "--kind", "public", "--assessment", "A-1",
          "--assessment-until", LATER, "--legal-basis", "order 12", "--use", "trial",
          "--cert-file", cert), "", False, POST, "/v1/recipients",
         {"name": "court", "kind": "public", "legal_basis": "order 12", "use": "trial",
          "cert_pem": pem, "assessment": {"ref": "A-1", "valid_until": LATER}}),
        (("recipient", "assess", "court", "--contract", "C-1", "--contract-until", LATER,
          "--channel-check", "K-1", "--channel-until", LATER, "--tool-check", "T-1",
          "--tool-until", LATER, *REASON), "", False, POST, "/v1/recipients/court/assessment",
         {"contract": {"ref": "C-1", "valid_until": LATER},
          "channel_check": {"ref": "K-1", "valid_until": LATER},
          "tool_check": {"ref": "T-1", "valid_until": LATER}, **why}),
        (("export", "begin", "cards", "--grant", ID, "--purpose", "dispute", *REASON),
         TOKEN + "\n" + VALUE + "\n", False, POST, EXPORTS,
         {"domain": "cards", "grant": ID, "purpose": "dispute", "tokens": [TOKEN, VALUE], **why}),
        (("export", "begin", "cards", "--grant", ID, "--purpose", "dispute", "--all", *REASON), "",
         False, POST, EXPORTS, {"domain": "cards", "grant": ID, "purpose": "dispute", **why}),
        (("export", "show", ID), "", False, GET, EXPORTS + "/" + ID, None),
        (("grant", "withdraw", ID), "", False, POST, GRANTS + "/" + ID + "/withdraw", None),
        (("subject", "approve", ID), "", False, POST, SUBJECTS + "/" + ID + "/approve", None),
        (("subject", "deny", ID, *REASON), "", False, POST, SUBJECTS + "/" + ID + "/deny", why),
        (("subject", "show", ID), "", False, GET, SUBJECTS + "/" + ID, None),
        (("ceremony", "propose", "freeze-lift", "--subject", "users/olga", *REASON), "", False,
         POST, CEREMONIES, {"kind": "freeze-lift", "subject": "users/olga", **why}),
        (("ceremony", "show", ID), "", False, GET, CEREMONIES + "/" + ID, None),
        (("ceremony", "approve", ID), "", False, POST, CEREMONIES + "/" + ID + "/approve", None),
        (("ceremony", "cancel", ID), "", False, POST, CEREMONIES + "/" + ID + "/cancel", None),
        (("ceremony", "cancel", ID, *REASON), "", False, POST, CEREMONIES + "/" + ID + "/cancel",
         why),
        (("key", "rotate-kek", *REASON), "", False, POST, CEREMONIES,
         {"kind": "rotate-kek", **why}),
        (("key", "rotate-data", "cards", *REASON), "", False, POST, CEREMONIES,
         {"kind": "rotate-data-key", "domain": "cards", **why}),
        (("key", "rotate-index", "cards", *REASON), "", False, POST, CEREMONIES,
         {"kind": "rotate-index-key", "domain": "cards", **why}),
        (("key", "destroy", "data-cards-1", *REASON), "", False, POST, CEREMONIES,
         {"kind": "destroy-key", "subject": "data-cards-1", **why}),
        (("user", "change-role", "omar", "--role", "auditor", *REASON), "", False, POST,
         CEREMONIES, {"kind": "change-role", "subject": "omar", "role": "auditor", **why}),
        (("user", "reset-factor", "omar", *REASON), "", False, POST, CEREMONIES,
         {"kind": "reset-factor", "subject": "omar", **why}),
        (("user", "enrol-key", "omar", *REASON), "", False, POST, CEREMONIES,
         {"kind": "enrol-key", "subject": "omar", **why}),
        (("user", "reset-password", "omar", *REASON), "", False, POST, CEREMONIES,
         {"kind": "reset-password", "subject": "omar", **why}),
        (("user", "add", "nora", "--role", "operator"), "", False, POST, "/v1/users",
         {"name": "nora", "role": "operator"}),
        (("partner", "add", "delta", "--cert-file", cert, "--formats", "pan,iban", "--domains",
          "cards", "--qualification", "Q-1", "--valid-until", "2030-01-01T00:00:00Z",
          "--entrusted"), "", False, POST, "/v1/partners",
         {"name": "delta", "cert_pem": pem, "formats": ["pan", "iban"], "domains": ["cards"],
          "entrusted": True,
          "qualification": {"ref": "Q-1", "valid_until": "2030-01-01T00:00:00Z"}}),
        (("partner", "cert", "acme", "--cert-file", cert), "", False, POST,
         "/v1/partners/acme/certs", {"cert_pem": pem}),
        (("domain", "add", "cards-2", "--format", "pan", "--mode", "deterministic", "--partners",
          "acme", "--purposes", "chargeback", "--keep", "6,4", "--consent-required"), "", False,
         POST, "/v1/domains",
         {"name": "cards-2", "format": "pan", "mode": "deterministic", "partners": ["acme"],
          "purposes": ["chargeback"], "keep": {"prefix": 6, "suffix": 4},
          "consent_required": True}),
    ]
    for verb in ("report", "restrict", "lift", "erase", "hold", "release"):
        kind = "lift-restriction" if verb == "lift" else verb
        rows.append((("subject", verb, "ref-1", *REASON), "", False, POST, SUBJECTS,
                     {"kind": kind, "subject": "ref-1", **why}))
    for verb in ("suspend", "resume", "revoke", "delete"):
        rows.append((("token", verb, "cards", *REASON), TOKEN + "\n", True, POST,
                     "/v1/tokens/" + verb, {"domain": "cards", "token": TOKEN, **why}))
    for noun, name in (("user", "omar"), ("partner", "acme"), ("domain", "cards"),
                       ("recipient", "bank")):
        rows.append(((noun, "list"), "", False, GET, "/v1/%ss" % noun, None))
        for verb in ("freeze", "unfreeze"):
            rows.append(((noun, verb, name, *REASON), "", False, POST,
                         "/v1/%ss/%s/%s" % (noun, name, verb), why))
    for noun, path in (("ceremony", CEREMONIES), ("grant", GRANTS), ("key", "/v1/keys"),
                       ("export", EXPORTS)):
        rows.append(((noun, "list"), "", False, GET, path, None))
    return rows


def test_every_command_sends_its_request(v):
    with Stub(v) as stub:
        for arguments, given, partner, method, path, body in calls(v):
            name = " ".join(arguments[:2])
            stub.answers = [(200, {"items": [], "next": None} if "list" in arguments else {"a": 1})]
            code, out, err = stub.hufu(*arguments, given=given, partner=partner)
            equal((code, len(stub.requests)), (0, 1), "%s: code, requests (%s)" % (name, err))
            sent = stub.requests[0]
            equal(sent[:2], (method, path), name + ": method and path")
            equal(json.loads(sent[2]) if sent[2] else None, body, name + ": body")
            check(not any(s in " ".join(arguments) + out + err for s in SECRETS),
                  name + " shows a secret")


def test_dry_run_sends_nothing(v):
    tried = 0
    with Stub(v) as stub:
        for arguments, given, partner, method, path, body in calls(v):
            text = subprocess.run([HUFU, *arguments[:2], "--help"], capture_output=True, text=True,
                                  check=True).stdout
            if "--dry-run" not in text:
                continue
            tried += 1
            name = " ".join(arguments[:2])
            code, out, err = stub.hufu(*arguments, "--dry-run", given=given, partner=partner)
            equal((code, stub.requests), (0, []), name + ": code, requests")
            equal(json.loads(out), {"dry_run": True, "method": method, "path": path,
                                    "members": sorted(body or {})}, name + ": dry run")
            check("case 17" not in out + err, name + ": a dry run tells values")
            _, screen = stub.terminal(*arguments, "--dry-run")
            check("nothing was sent" in screen and path in screen, name + ": on a terminal")
            equal(stub.requests, [], name + ": requests from a terminal")
    check(tried >= 15, "only %d commands have a dry run" % tried)


def test_dry_run_leaves_the_log_alone(v):
    def size():
        out = subprocess.run([HUFU, "--dev", v.dir, "--as", "acme", "audit", "checkpoint"],
                             capture_output=True, text=True, check=True).stdout
        return int(out.split("\n")[1])
    time.sleep(2.5)  # a checkpoint is at most 2 s old
    before = size()
    done = subprocess.run([HUFU, "--dev", v.dir, "--as", "acme", "token", "delete", "cards",
                           *REASON, "--dry-run"], input=TOKEN + "\n", capture_output=True,
                          text=True, check=True)
    check("/v1/tokens/delete" in done.stdout, "the dry run's output")
    time.sleep(2.5)
    equal(size(), before, "size of the log")


def pages(count, each):
    items = [{"id": "k/%d" % i, "kind": "data", "state": "active"} for i in range(count)]
    found = []
    for at in range(0, count, each):
        last = at + each >= count
        found.append((200, {"items": items[at:at + each],
                            "next": None if last else items[at + each - 1]["id"]}))
    return found


def test_lists_follow_next_to_the_end(v):
    with Stub(v) as stub:
        stub.answers = pages(7, 3)
        code, out, _ = stub.hufu("key", "list")
        equal((code, [json.loads(l)["id"] for l in out.splitlines()]),
              (0, ["k/%d" % i for i in range(7)]), "all items, a line each")
        equal([r[1] for r in stub.requests],
              ["/v1/keys", "/v1/keys?after=k%2F2", "/v1/keys?after=k%2F5"], "paths")
        stub.answers = pages(7, 3)
        code, out, err = stub.hufu("key", "list", "--limit", "4", "--after", "a b")
        equal((code, len(out.splitlines())), (0, 4), "with a limit")
        equal([r[1] for r in stub.requests],
              ["/v1/keys?limit=4&after=a%20b", "/v1/keys?limit=1&after=k%2F2"], "limited paths")
        check("--after k/5" in err, "how to go on is not told: " + err)
        stub.answers = [(200, {"items": [{"id": "x"}], "next": "x"})]
        equal(stub.hufu("key", "list")[0], 2, "a list that never ends")
        stub.answers = [(200, {"items": [], "next": "x"})]
        equal(stub.hufu("key", "list")[0], 2, "an empty page with a next")
        stub.answers = [(200, [])]
        equal(stub.hufu("key", "list")[0], 2, "a reply that is no list")


def test_C50_reports_follow_next_to_the_end(v):
    """All pages, with the first one's end; numbers of pages added up; nothing without end."""
    until = "2026-11-22T10:00:00.000Z"

    def page(items, after, **more):
        return 200, {"items": items, "next": after, "since": None, "until": until, **more}

    def item(name):
        return {"time": until, "domain": name, "purpose": "+p", "partners": ["acme", "zeta"]}
    impact = ("report", "impact", "olga")
    with Stub(v) as stub:
        stub.answers = [page([item("a"), item("b")], "17"), page([], "20017"),
                        page([item("c")], None)]
        code, out, err = stub.hufu(*impact, "--from", "2026-11-21", "--json")
        equal((code, [json.loads(line)["domain"] for line in out.splitlines()]),
              (0, ["a", "b", "c"]), "items (%s)" % err)
        path = "/v1/reports/impact?user=olga&since=2026-11-21T00:00:00Z"
        equal([r[1] for r in stub.requests],
              [path, path + "&until=%s&after=17" % until, path + "&until=%s&after=20017" % until],
              "paths")
        stub.answers = [page([item("a,b")], None)]
        code, out, _ = stub.hufu(*impact, "--csv")
        head, row, end = out.split("\n")  # CR LF, read as text
        equal((code, head, row, end),
              (0, "time,domain,purpose,reason,subject,partners,request_id,token_id,index",
               until + ",\"a,b\",'+p,,,acme; zeta,,,", ""), "CSV")
        rows = [{"day": "2026-11-21", "domain": "a", "requests": 2, "values": 3, "replaced": 0}]
        stub.answers = [page([], "5", partner="acme", refusals={"forbidden": 1}, sent=rows),
                        page([], None, partner="acme", refusals={"forbidden": 2}, sent=rows)]
        code, out, _ = stub.hufu("report", "partner", "acme", "--sent", "--json")
        equal((code, json.loads(out)), (0, {**rows[0], "requests": 4, "values": 6}), "sums")
        times = {"count": 1, "sum_ms": 30, "worst_ms": 30}
        stub.answers = [(200, {"next": "5", "until": until, "time_to_alarm": times, "reveals": 2,
                               "rights": {"people": {"total": 8, "compliant": 6}}}),
                        (200, {"next": None, "until": until, "reveals": 1,
                               "time_to_alarm": {"count": 2, "sum_ms": 60, "worst_ms": 50}})]
        code, out, _ = stub.hufu("report", "indicators", "--json")
        found = json.loads(out)
        equal((code, found["reveals"], found["time_to_alarm"], found["rights"]["people"]),
              (0, 3, {"count": 3, "sum_ms": 90, "worst_ms": 50, "mean_ms": 30},
               {"total": 8, "compliant": 6, "percent": 75}), "indicators")
        for answer in ((200, []), (200, {"items": [], "until": until}), (200, {"next": None}),
                       page([], "x"), page([item("a")], "a/b"), page([item("a")], "")):
            stub.answers = [answer]
            equal(stub.hufu(*impact)[0], 2, "a reply that is no report: %s" % (answer,))
        for next_one in ("7", "a-b"):
            stub.answers = [page([item("a")], next_one), page([item("a")], next_one)]
            equal(stub.hufu(*impact)[0], 2, "a report that does not end")
        for wrong in ("20261", "2026-11-31", "2026-11-21T00:00:00", "2026-11-21T00:00:00.000Z1"):
            code, _, err = stub.hufu(*impact, "--to", wrong)
            equal((code, len(stub.requests), wrong in err), (1, 0, False), "--to " + wrong)
            check("--to got no time" in err, "the option is not named: " + err)
        for noun in (impact, ("alarm", "list"), ("share", "report")):
            code, _, err = stub.hufu(*noun, "--from", "2026-11-22", "--to", "2026-11-21")
            equal((code, len(stub.requests)), (1, 0), "--from after --to")
            check("--from is later than --to" in err, "why: " + err)


def test_C52_indicators_show_what_was_shared(v):
    shares = [{"recipient": "bank", "shares": 2, "values": 7},
              {"recipient": "court", "shares": 1, "values": 1}]
    with Stub(v) as stub:
        stub.answers = [(200, {"next": None, "until": LATER, "reveals": 8, "shares": shares})]
        code, out, _ = stub.hufu("report", "indicators", "--csv")
        equal((code, sorted(out.split())),
              (0, ["name,value", "reveals,8", "shares.bank.shares,2", "shares.bank.values,7",
                   "shares.court.shares,1", "shares.court.values,1", "until," + LATER]), "as CSV")
        code, out, _ = stub.hufu("report", "indicators", "-o", "table")
        check(re.search(r"^shares\.bank\.values +7$", out, re.M), "as a table: " + out)


def test_C25_a_table_shows_what_is_nested(v):
    line = {"at": LATER, "scale": 1, "recipient": "bank",
            "assessment": {"ref": "A-17", "valid_until": LATER}}
    with Stub(v) as stub:
        stub.answers = [(200, {"items": [line], "next": None})]
        code, out, _ = stub.hufu("share", "report", "-o", "table")
        head, row = out.splitlines()
        equal((code, row[head.index("assessment.ref"):].split()[0]), (0, "A-17"), "the reference")


def test_lists_as_csv(v):
    with Stub(v) as stub:
        for noun in ("grant", "recipient", "user", "export", "subject"):
            stub.answers = [(200, {"items": [{"id": "a", "name": "=x", "state": "s,t"}],
                                   "next": "a"}),
                            (200, {"items": [{"id": "b", "name": "y"}], "next": None})]
            code, out, err = stub.hufu(noun, "list", "--csv")
            lines = out.splitlines()
            equal((code, len(lines)), (0, 3), "%s: a head and two records (%s)" % (noun, err))
            check("state" in lines[0].split(",") and '"s,t"' in lines[1], noun + ": " + out)
            check("=x" not in out.replace("'=x", ""), noun + ": a formula")
        equal(stub.hufu("user", "list", "--csv", "--json")[0], 1, "two forms")
        whole = {"id": ID, "rule": "misses", "reviewed_at": LATER, "review_reason": "a test",
                 "role": "operator", "source": "127.0.0.1", "request_id": "r-1"}
        stub.answers = [(200, {"items": [whole], "next": None})]
        code, out, _ = stub.hufu("alarm", "list", "--csv")
        head, row = [line.split(",") for line in out.splitlines()]
        found = dict(zip(head, row))
        equal((code, {k: found.get(k) for k in whole}), (0, whole), "an alarm")


def test_times_are_looked_at_before_anything_is_sent(v):
    add = ("recipient", "add", "bank", "--kind", "outside", "--assessment", "A-1")
    assess = ("recipient", "assess", "bank", "--contract", "C-1")
    qualify = ("partner", "qualify", "acme", "--qualification", "Q-1")
    with Stub(v) as stub:
        for command, option, member in ((add, "assessment-until", "assessment"),
                                        (assess, "contract-until", "contract"),
                                        (qualify, "valid-until", "qualification")):
            for wrong in ("", "tomorrow", "2030-02-30", "2030-01-01T00:00:00+01:00", "2020-01-01"):
                code, _, err = stub.hufu(*command, "--" + option, wrong)
                equal((code, len(stub.requests)), (1, 0), "--%s %s" % (option, wrong))
                check("--" + option in err, "the option is not named: " + err)
            stub.answers = [(200, {"a": 1})]
            equal(stub.hufu(*command, "--" + option, "2099-12-31")[0], 0, "a day")
            equal(json.loads(stub.requests[0][2])[member]["valid_until"], "2099-12-31T00:00:00Z",
                  "a day is its midnight")
        code, _, err = stub.hufu(*assess)
        check(code == 1 and "--contract and --contract-until" in err, "one without the other")


def test_next_steps_fit_the_command(v):
    rows = ((409, "already_approved", "", ("grant", "approve", ID), "grant show"),
            (409, "already_approved", "", ("subject", "approve", ID), "subject show"),
            (409, "already_approved", "", ("ceremony", "approve", ID), "ceremony show"),
            (400, "bad_request", "/kind", ("recipient", "add", "b", "--kind", "foo", "--assessment",
                                           "A", "--assessment-until", LATER), "outside, processor"),
            (409, "conflict", "/subject", ("user", "break-glass", "olga", *REASON), "sealed"),
            (409, "conflict", "", ("alarm", "review", ID, *REASON), "reviewed already"),
            (404, "not_found", "", ("user", "freeze", "olga", *REASON), "the list command"),
            (409, "legal_hold", "", ("subject", "erase", "ref-1", *REASON), "subject release"))
    with Stub(v) as stub:
        for status, code, field, command, step in rows:
            stub.answers = [(status, {"code": code, "field": field})]
            check(step in stub.hufu(*command)[2], "%s of %s" % (code, command[:2]))
        command = ("detokenize", "cards", "--purpose", "p", *REASON)
        for status, code, field, step in ((403, "grant_required", "/grant", "hufu grant show ID"),
                                          (429, "rate_limited", "", "user unfreeze"),
                                          (404, "not_found", "", "suspended, expired")):
            stub.answers = [(status, {"code": code, "field": field})]
            check(step in stub.hufu(*command, given=TOKEN)[2], "%s of detokenize" % code)


def test_tables_on_a_terminal(v):
    people = [{"name": "olga", "role": "operator", "state": "active", "group": "",
               "created_at": "2026-11-21T10:00:00.000Z"},
              {"name": "a-very-long-name-of-a-person", "role": "sre", "state": "frozen",
               "group": "n\u00e4he\u001b[2J", "created_at": None}]
    with Stub(v) as stub:
        stub.answers = [(200, {"items": people[:1], "next": "olga"}),
                        (200, {"items": people[1:], "next": None})]
        code, screen = stub.terminal("user", "list")
        lines = screen.splitlines()
        equal((code, len(lines)), (0, 3), "lines of the table")
        for word in ("role", "state", "created_at"):
            at = lines[0].index(word)
            check(all(l[at - 2:at] == "  " and l[at] != " " for l in lines), word + " not aligned")
        check("\x1b" not in screen and "n\u00e4he?[2J" in screen, "control characters")
        equal([l for l in lines if l != l.rstrip()], [], "blanks at the end")
        stub.answers = [(200, {"items": [], "next": None})]
        equal(stub.terminal("user", "list")[1], "(none)\n", "an empty table")
        stub.answers = [(200, {"partner": "acme", "domains": [{"mode": "ff1", "name": "cards"}],
                               "limits": {"a": 1}})]
        equal(stub.terminal("whoami")[1].splitlines()[:4],
              ["partner:                        acme", "domains:", "  name   mode",
               "  cards  ff1"], "an object")
        code, out, _ = stub.hufu("-o", "table", "whoami")
        check(out.startswith("partner: "), "a table on a pipe, where it is asked for")
        code, screen = stub.terminal("--json", "whoami")
        equal(json.loads(screen)["partner"], "acme", "JSON on a terminal, where it is asked for")


def test_every_refusal_has_cause_and_next_step(v):
    exits = {400: 7, 401: 3, 403: 3, 404: 5, 405: 7, 408: 2, 409: 6, 411: 7, 413: 7, 415: 7,
             422: 7, 429: 2, 503: 2}
    seen = set()
    with Stub(v) as stub:
        for code, status in STATUS_OF.items():
            stub.answers = [(status, {"type": "urn:hufu:error:" + code, "title": "of the server",
                                      "status": status, "code": code, "request_id": "r-1",
                                      "field": "/reason", "detail": VALUE})]
            got, out, err = stub.hufu("user", "freeze", "omar", *REASON)
            equal(got, 4 if code == "step_up_required" else exits[status], "exit of " + code)
            found = re.match(r"hufu: ([^(]{10,}) \(%s, at /reason\); (.{10,}) \[HTTP %d"
                             % (code, status), err)
            check(found, "%s is told so: %s" % (code, err))
            check(VALUE not in out + err and "of the server" not in err, "the server's own words")
            equal((out, err.count("\n")), ("", 1), "lines")
            seen.add(found.group(1))
        equal(len(seen), len(STATUS_OF), "causes")
        stub.answers = [(418, {"code": "teapot\u001b[2J"})]
        code, _, err = stub.hufu("user", "freeze", "omar", *REASON)
        check(code == 7 and "\x1b" not in err and "hufu status" in err, "an unknown code: " + err)
        problem = {"code": "bad_request", "field": "/keep", "detail": "may stay: 0+4"}
        stub.answers = [(400, problem)]
        check("may stay: 0+4" in stub.hufu("user", "freeze", "omar", *REASON)[2], "a detail")
        problem = {"code": "unauthenticated"}
        stub.answers = [(401, problem)]
        check("hufu login" in stub.hufu("key", "list")[2], "an ended session")
        check("--cert" in stub.hufu("whoami", partner=True)[2], "an unknown certificate")


def test_every_error_text_has_two_parts(_):
    """Cause, then `;` or `:`, then what to do: in the sources, as no run meets them all."""
    call = re.compile(r'(?:cli_fail\(|csv_run_fail\(\s*run,)\s*CLI_\w+,\s*'
                      r'((?:"(?:[^"\\]|\\.)*"\s*)+)\)|\bX\([A-Z]+, +("(?:[^"\\]|\\.)*")\)')
    found = 0
    folder = os.path.join(lib.ROOT, "tools")
    for name in sorted(os.listdir(folder)):
        if not name.endswith(".c") and name != "cli_csv.h":
            continue
        with open(os.path.join(folder, name)) as f:
            for match in call.finditer(f.read()):
                found += 1
                text = match.group(1) or match.group(2)
                text = "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', text))
                if text == "no fault":
                    continue
                check(re.search(r".{8,}[;:,] .{8,}", text), "%s: %s" % (name, text))
    check(found > 130, "only %d texts are found" % found)


def ceremony(state, done=0, total=0, **more):
    return 200, {"approvals": [{"at": "2026-11-21T10:00:00.000Z", "user": "carl"}], "done": done,
                 "id": ID, "kind": "rotate-data-key", "needed": 2, "state": state, "total": total,
                 **more}


def test_ceremony_wait(v):
    with Stub(v) as stub:
        stub.answers = [ceremony("proposed"), ceremony("running", 0, 1000),
                        (503, {"code": "unavailable"}), ceremony("running", 400, 1000),
                        ceremony("running", 800, 1000), ceremony("done", 1000, 1000)]
        code, out, err = stub.hufu("ceremony", "wait", ID)
        lines = [json.loads(l) for l in out.splitlines()]
        equal(code, 0, "exit code (%s)" % err)
        equal([lines[0]["state"], lines[-1]["state"]], ["proposed", "done"], "states")
        equal((lines[-1]["done"], lines[-1]["total"], lines[-1]["remaining_s"]), (1000, 1000, 0),
              "the last line")
        check(all(sorted(l) == ["done", "rate_per_s", "remaining_s", "state", "total"]
                  for l in lines), "members")
        check(any(l["state"] == "running" and l["done"] > 0 and l["rate_per_s"] > 0 and
                  l["remaining_s"] > 0 for l in lines), "no rate: %s" % lines)
        check("hufu ceremony approve " + ID in err, "what is waited for: " + err)
        for state, want, word in (("failed", 9, "mend"), ("cancelled", 10, "withdrawn"),
                                  ("expired", 11, "in time")):
            stub.answers = [ceremony("running", 1, 2), ceremony(state, 1, 2, error="unavailable")]
            code, out, err = stub.hufu("ceremony", "wait", ID)
            equal(code, want, "exit code of " + state)
            check(word in err and err.startswith("hufu: the ceremony"), "told: " + err)
            equal(json.loads(out.splitlines()[-1])["state"], state, "state")
        stub.answers = [ceremony("running", 1, 100)]
        began = time.monotonic()
        code, _, err = stub.hufu("ceremony", "wait", ID, "--timeout", "1")
        check(code == 2 and 0.9 < time.monotonic() - began < 5, "the time-out: %d" % code)
        stub.answers = [(404, {"code": "not_found"})]
        equal(stub.hufu("ceremony", "wait", ID)[0], 5, "an unknown ceremony")
        equal(len(stub.requests), 2, "looks at what is not there")


def test_ceremony_wait_on_a_terminal(v):
    with Stub(v) as stub:
        stub.answers = ([ceremony("running", 0, 1000)] * 2 + [ceremony("running", 500, 1000)] * 2 +
                        [ceremony("done", 1000, 1000)])
        code, screen = stub.terminal("ceremony", "approve", ID, "--wait")
        equal((code, stub.requests[0][0]), (0, "POST"), "exit code, first request")
        check(re.search(r"\[#+\.+\] +50%", screen), "no bar: %r" % screen[:2000])
        check(re.search(r"/s .*left", screen), "no rate or remaining time")
        last = screen.rsplit("\r", 1)[1]
        equal(len(re.findall(r"^state: +done$", last, re.M)), 1, "the end is shown: %r" % last)
        check("running" not in last, "what was before is shown too: %r" % last)


def test_shown_once(v):
    uri = "otpauth://totp/hufu:nora?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=hufu"
    new = {"initial_password": "correct staple", "totp_secret": "JBSWY3DPEHPK3PXPJBSWY3DP",
           "totp_uri": uri}
    with Stub(v) as stub:
        for arguments in (("user", "add", "nora", "--role", "operator"),
                          ("ceremony", "approve", ID)):
            answer = (201, new) if arguments[0] == "user" else (200, {**ceremony("done")[1], **new})
            stub.answers = [answer]
            code, screen = stub.terminal(*arguments)
            rows = [l for l in screen.splitlines() if l and not l.strip("\u2588\u2584\u2580 ")]
            check(code == 0 and new["totp_secret"] in screen, "the secret as text")
            check(len(rows) > 15 and len(set(map(len, rows))) == 1 and
                  len(rows[0]) in (2 * len(rows), 2 * len(rows) - 1), "the QR code's shape")
            check("will not be shown again" in screen, "the warning")
            stub.answers = [answer]
            code, out, err = stub.hufu(*arguments)
            equal((json.loads(out)["totp_uri"], out.count("\n")), (uri, 1), "JSON only on a pipe")
            check(not any(s in err for s in new.values()), "a secret on standard error")
        stub.answers = [(202, {"ceremony": ID, "id": ID})]
        err = stub.hufu("user", "add", "nick", "--role", "custodian")[2]
        check("hufu ceremony approve " + ID in err, "the next step: " + err)
        stub.answers = [(201, {**ceremony("proposed")[1], "initial_password": "correct staple"})]
        _, screen = stub.terminal("user", "reset-password", "omar", *REASON)
        check("will not be shown again" in screen and "1 more must approve" in screen, "a reset")


def test_password_on_a_terminal(v):
    old, new = "horse battery", "correct staple"
    with Stub(v) as stub:
        stub.answers = [(204, None)]
        code, screen = stub.terminal("password", typed=(old, new, new))
        equal((code, json.loads(stub.requests[0][2])),
              (0, {"password": old, "new_password": new}), "what was sent (%s)" % screen)
        check(old not in screen and new not in screen, "a password is echoed")
        code, screen = stub.terminal("password", typed=(old, new, new + "x"))
        equal((code, stub.requests), (1, []), "two new passwords that differ")
        equal(stub.hufu("password", given=old + "\n")[0], 1, "one line only")
        equal(stub.requests, [], "requests")


def sign(v, ca, name, extensions, days):
    """A certificate of NAME's key that ends in so many days; its path."""
    out = os.path.join(v.top, "%s-%s.crt" % (name, days))
    stamp = [time.strftime("%Y%m%d%H%M%SZ", time.gmtime(time.time() + d * 86400))
             for d in (min(days, 0) - 2, days)]
    work = os.path.join(v.top, "ca")
    os.makedirs(work, exist_ok=True)
    with open(os.path.join(work, "index"), "w"), open(os.path.join(work, "ext"), "w") as e:
        e.write(extensions)
    with open(os.path.join(work, "conf"), "w") as f:
        f.write("[ca]\ndefault_ca=d\n[d]\nnew_certs_dir=%s\ndatabase=%s/index\nrand_serial=yes\n"
                "default_md=sha256\npolicy=p\nunique_subject=no\n[p]\ncommonName=supplied\n"
                % (work, work))
    key = v.path("tls", name + ".key")
    for command in (["req", "-new", "-key", key, "-subj", "/CN=" + name, "-out", work + "/csr"],
                    ["ca", "-batch", "-notext", "-config", work + "/conf", "-cert",
                     v.path("tls", ca + ".crt"), "-keyfile", v.path("tls", ca + ".key"), "-in",
                     work + "/csr", "-extfile", work + "/ext", "-startdate", stamp[0], "-enddate",
                     stamp[1], "-out", out]):
        subprocess.run(["openssl", *command], check=True, capture_output=True)
    return out


STEPS = ((40, ""), (29, "hufu: note: "), (6, "hufu: warning: "), (0.5, "hufu: ALARM: "),
         (-1, "hufu: ALARM: "))


def test_client_certificate_is_warned_of(v):
    base = [HUFU, "--url", v.dev["url"], "--ca", v.path("tls", "ca.crt"), "--key",
            v.path("tls", "acme.key"), "--cert"]
    for days, words in STEPS:
        cert = sign(v, "clients-ca", "acme", "extendedKeyUsage=clientAuth\n", days)
        done = subprocess.run(base + [cert, "-q", "whoami"], capture_output=True, text=True,
                              timeout=WAIT_S)
        equal(done.returncode, 3 if days < 0 else 0, "exit code at %s days" % days)
        equal(done.stderr.startswith(words) and bool(words) == bool(done.stderr), True,
              "the warning at %s days: %s" % (days, done.stderr))
        if days > 0:
            check(json.loads(done.stdout)["certificate_expires_at"], "whoami shows the end")
        check("hufu:" not in done.stdout, "a warning on standard output")
        done = subprocess.run(base + [cert, "status"], capture_output=True, text=True,
                              timeout=WAIT_S)
        check(json.loads(done.stdout)["client_certificate_expires_at"], "status shows the end")
        check(done.stderr.startswith(words), "status warns")


def test_server_certificate_is_warned_of(v):
    names = "extendedKeyUsage=serverAuth\nsubjectAltName=DNS:localhost\n"
    for days, words in STEPS:
        with Stub(v, sign(v, "ca", "server", names, days)) as stub:
            code, out, err = stub.hufu("whoami")
            if days < 0:
                check(code == 2 and "certificate has ended" in err, "an ended one: " + err)
                equal(err.count("\n"), 1, "lines about one that was not verified")
                continue
            equal((code, err.startswith(words), bool(err)), (0, True, bool(words)),
                  "the warning at %s days: %s" % (days, err))
            check(json.loads(out)["server_certificate_expires_at"], "whoami shows it")
            check(stub.hufu("key", "list")[2].startswith(words), "each command warns")


def test_broken_connections_are_explained(v):
    ca = v.path("tls", "ca.crt")
    port = v.dev["url"].rsplit(":", 1)[1]
    with Stub(v) as stub:
        other = sign(v, "ca", "server", "subjectAltName=DNS:other.example\n", 100)
        with Stub(v, other) as named:
            rows = (
                (["--url", "https://localhost:1", "--ca", ca, "status"], 2, "nobody answers"),
                (["--url", v.dev["url"], "--ca", v.path("tls", "wrong-ca.crt"), "status"], 2,
                 "--ca FILE"),
                (["--url", named.url, "--ca", ca, "status"], 2, "another name"),
                (["--url", "http://localhost:" + port, "--ca", ca, "status"], 1, "https://"),
                (["--url", v.dev["url"], "--ca", "/nonexistent", "status"], 1, "--ca"),
                (["--url", v.dev["url"], "--ca", ca, "--cert", ca, "--key", "/nonexistent",
                  "whoami"], 1, "--key"),
                (["--url", v.dev["url"], "--ca", ca, "--cert", v.path("tls", "acme.crt"),
                  "--key", v.path("tls", "zeta.key"), "whoami"], 1, "belong together"),
                (["--url", v.dev["url"], "--ca", ca, "--cert", v.path("tls", "wrong_ca.crt"),
                  "--key", v.path("tls", "acme.key"), "whoami"], 3, "--cert"),
                (["--dev", v.dir, "--as", "nobody", "whoami"], 1, "dev.json"),
                (["--dev", v.dir, "--as", "omar", "whoami"], 3, "hufu login"),
                (["--dev", "/nonexistent", "whoami"], 1, "make run"),
                (["--url", stub.url, "--session-file", named.session, "whoami"], 1, "hufu login"),
            )
            for arguments, want, step in rows:
                done = subprocess.run([HUFU, *arguments], capture_output=True, text=True,
                                      stdin=subprocess.DEVNULL, timeout=WAIT_S)
                equal(done.returncode, want, "exit of %s (%s)" % (arguments, done.stderr))
                check(step in done.stderr.splitlines()[-1], "next step: " + done.stderr)
                equal(done.stdout, "", "standard output")
        os.chmod(stub.session, 0o644)
        check("chmod 600" in stub.hufu("whoami")[2], "a session file that others can read")


def test_completion_and_help(v):
    script = os.path.join(v.top, "hufu.bash")
    with open(script, "w") as f:
        subprocess.run([HUFU, "completion", "bash"], stdout=f, check=True)

    def words(*typed):
        text = ("source %s; COMP_WORDS=(%s); COMP_CWORD=%d; _hufu; echo ${COMPREPLY[@]}"
                % (script, " ".join("'%s'" % t for t in typed), len(typed) - 1))
        return subprocess.run(["bash", "-c", text], capture_output=True, text=True,
                              check=True).stdout.split()
    if shutil.which("shellcheck"):
        done = subprocess.run(["shellcheck", script], capture_output=True, text=True)
        equal(done.stdout, "", "what shellcheck says")
    equal(words("hufu", "dom"), ["domain"], "a noun")
    equal(words("hufu", "--dev", "run", "token", "re"), ["resume", "revoke", "replace"], "verbs")
    equal(words("hufu", "user", "add", "x", "--ro"), ["--role"], "an option")
    equal(words("hufu", "-o", "t"), ["table"], "an argument")
    equal(words("hufu", "user", "add", "x", "--role", "a"), ["approver", "auditor"], "a role")
    equal(words("hufu", "recipient", "add", "x", "--kind", "p"), ["processor", "public"], "a kind")
    equal(words("hufu", "domain", "add", "x", "--escalation", ""), ["none", "step-up", "grant"],
          "a rule")
    equal(words("hufu", "ceremony", "propose", "rotate-k"), ["rotate-kek"], "a ceremony")
    check("rotate-kek" not in words("hufu", "ceremony", "propose", "rotate-kek", ""), "two kinds")
    nouns = words("hufu", "")
    check({"user", "partner", "domain", "ceremony", "key", "token", "whoami"} <= set(nouns),
          "nouns: %s" % nouns)
    for noun in nouns:
        if noun in ("help",):
            continue
        done = subprocess.run([HUFU, "help", noun], capture_output=True, text=True, check=True)
        check("usage: hufu " + noun in done.stdout, "help of " + noun)
        for verb in (w for w in words("hufu", noun, "") if not w.startswith("-")):
            done = subprocess.run([HUFU, noun, verb, "--help"], capture_output=True, text=True)
            if done.returncode == 0:
                check("Example:\n  hufu " in done.stdout, "no example: %s %s" % (noun, verb))
    equal(subprocess.run([HUFU, "completion", "fish"], capture_output=True).returncode, 1, "fish")


if __name__ == "__main__":
    lib.run(globals())
