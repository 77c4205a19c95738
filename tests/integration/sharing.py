#!/usr/bin/env python3
"""C25, C21: recipients, the sharing register and its report, exports that only one can open."""

import csv
import hashlib
import io
import json
import os
import stat
import subprocess
import threading
import time

import lib
import values as val
from client import Partner, Person
from lib import check, equal

HUFU = os.path.join(lib.BUILD, "hufu")
SOON = "2099-12-31T00:00:00Z"
EXPORT = ("id", "state", "domain", "recipient", "purpose", "grant", "user", "done", "skipped",
          "total", "created_at", "ended_at")
COLUMNS = ("at,scale,purpose,domain,format,class,recipient,use,kind,way,result,assessment.ref,"
           "assessment.valid_until,channel_check.ref,channel_check.valid_until,tool_check.ref,"
           "tool_check.valid_until,contract.ref,contract.valid_until,legal_basis,principal,reason,"
           "grant,export,request_id,id")
PEOPLE, FACTS = {}, {}


def person(v, name):
    return PEOPLE.setdefault(name, Person(v, name)).ready()


def hufu(v, who, *arguments, given=""):
    """(exit code, standard output, standard error) of the client with that person's session."""
    command = [HUFU, "--dev", v.dir, "--as", who] + list(arguments)
    done = subprocess.run(command, input=given.encode(), capture_output=True, timeout=60,
                          env=dict(os.environ, HOME=v.top))
    return done.returncode, done.stdout, done.stderr.decode()


def cli(v, who, *arguments, given=""):
    code, out, err = hufu(v, who, *arguments, given=given)
    equal(code, 0, "exit code of hufu %s (%s)" % (" ".join(arguments), err.strip()[:200]))
    return out.decode()


def cli_login(v, name):
    who = Person(v, name)
    done = hufu(v, name, "-q", "login", name,
                given="%s\n%s\n" % (who.account["password"], who.next_code()))
    equal(done[0], 0, "exit code of login %s (%s)" % (name, done[2][:200]))


def key_pair(v, name, *how):
    key, cert = v.path(name + ".key"), v.path(name + ".pem")
    subprocess.run(["openssl", "req", "-x509", "-nodes", "-days", "30", "-subj", "/CN=" + name,
                    "-keyout", key, "-out", cert, *how], check=True, capture_output=True)
    return key, cert


def opened(v, name, data):
    """The text of an export, as its recipient reads it; None where it does not open."""
    path = v.path("fetched.cms")
    with open(path, "wb") as f:
        f.write(data)
    done = subprocess.run(["openssl", "cms", "-decrypt", "-inform", "DER", "-in", path,
                           "-inkey", v.path(name + ".key"), "-recip", v.path(name + ".pem")],
                          capture_output=True)
    return done.stdout.decode() if done.returncode == 0 else None


def recipient(v, name, status=201, **more):
    body = {"name": name, "kind": "outside", "use": "settlement",
            "assessment": {"ref": "A-1", "valid_until": SOON}, **more}
    body = {k: x for k, x in body.items() if x is not None}
    return person(v, "sara").post("/v1/recipients", body).expect(status)


def granted(v, **change):
    """A grant of olga's, agreed to by two approvers of different groups."""
    body = {"domain": "cards", "count": len(FACTS["tokens"]), "purpose": v.purpose("cards"),
            "recipient": "bank", "expires_in": 3600, "reason": "case 7", **change}
    made = person(v, "olga").post("/v1/grants", body).expect(201).json()
    for name in ("anna", "abel"):
        last = person(v, name).post("/v1/grants/%s/approve" % made["id"], {}).expect(200).json()
    equal(last["state"], "granted", "state of the grant")
    return made["id"]


def begin(v, grant, tokens=None, who="olga", **more):
    body = {"domain": "cards", "grant": grant, "purpose": v.purpose("cards"), "reason": "case 7",
            **more}
    return person(v, who).post("/v1/exports", {**body, "tokens": tokens} if tokens else body)


def ended(v, number, who="olga"):
    def look():
        found = person(v, who).get("/v1/exports/" + number).expect(200).json()
        return found if found["state"] != "running" else None
    return lib.wait_for(look, 20, "the export ended", 0.1)


def entries(v, verb):
    found, at = [], 0
    while True:
        page = person(v, "aude").get("/v1/audit/entries?from=%d&limit=1000" % at).expect(200).json()
        found += [json.loads(e["line"]) for e in page["entries"]]
        at += len(page["entries"])
        if at == page["size"]:
            return [e for e in found if e["verb"] == verb]


def shares(v, query=""):
    return person(v, "aude").get("/v1/shares" + query).expect(200).json()["items"]


def test_people_and_tokens(v):
    """A second approver of another group, and three cards."""
    made = person(v, "sara").post("/v1/users",
                                  {"name": "abel", "role": "approver", "group": "risk"})
    made = made.expect(202).json()
    seed = person(v, "sven").post("/v1/ceremonies/%s/approve" % made["id"], {}).expect(200).json()
    v.dev["users"].append({"name": "abel", "role": "approver", "totp_secret": seed["totp_secret"],
                           "password": made["initial_password"]})
    acme = Partner(v)
    FACTS["cards"] = [val.pan() for _ in range(3)]
    FACTS["tokens"] = [acme.token("cards", card) for card in FACTS["cards"]]


def test_C25_recipients(v):
    key_pair(v, "rsa", "-newkey", "rsa:2048")
    key_pair(v, "ec", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256")
    key_pair(v, "weak", "-newkey", "rsa:1024")
    pem = {}
    for name in ("rsa", "ec", "weak"):
        with open(v.path(name + ".pem")) as f:
            pem[name] = f.read()
    made = recipient(v, "bank", cert_pem=pem["rsa"],
                     channel_check={"ref": "K-9", "valid_until": SOON}).json()
    equal(sorted(made), ["assessment", "certificate", "channel_check", "created_at", "kind", "name",
                         "state", "use", "valid_until"], "members of a recipient")
    recipient(v, "court", kind="public", legal_basis="order 12/2026", use=None, cert_pem=pem["ec"])
    recipient(v, "helper", kind="processor", contract={"ref": "C-3", "valid_until": SOON})
    for field, change in (("/kind", {"kind": "friend"}), ("/contract", {"kind": "processor"}),
                          ("/legal_basis", {"kind": "public"}), ("/cert_pem", {"cert_pem": "x"}),
                          ("/cert_pem", {"cert_pem": pem["weak"]}),
                          ("/assessment", {"assessment": {"ref": "A", "valid_until":
                                                          "2020-01-01T00:00:00Z"}})):
        reply = recipient(v, "other", 400, **change)
        equal(reply.json().get("field"), field, "field")
    equal(recipient(v, "other", 422, use=val.spaced(val.pan())).code(), "value_in_text", "code")
    equal(recipient(v, "bank", 409).code(), "conflict", "code")
    listed = person(v, "olga").get("/v1/recipients").expect(200)
    check(b"BEGIN" not in listed.body, "a list has certificates")
    equal([r["name"] for r in listed.json()["items"]], ["bank", "court", "helper"], "names")
    sara = person(v, "sara")
    sara.post("/v1/recipients/bank/assessment", {"reason": "nothing"}).expect(400, "bad_request")
    sara.post("/v1/recipients/nobody/assessment",
              {"assessment": {"ref": "A", "valid_until": SOON}}).expect(404, "not_found")
    found = sara.post("/v1/recipients/bank/assessment",
                      {"tool_check": {"ref": "T-1", "valid_until": SOON}}).expect(200).json()
    equal(found["tool_check"]["ref"], "T-1", "renewed check")


def test_C25_a_line_for_what_is_revealed_for_outside(v):
    grant = granted(v, count=1)
    olga = person(v, "olga")
    before = len(shares(v))
    reply = olga.reveal("cards", FACTS["tokens"][0], grant=grant).expect(200)
    equal(reply.json()["value"], FACTS["cards"][0], "value")
    lines = shares(v)
    equal(len(lines), before + 1, "lines")
    line = lines[-1]
    equal([line[m] for m in ("scale", "domain", "format", "class", "recipient", "kind", "use",
                             "principal", "grant", "way", "result", "purpose", "reason")],
          [1, "cards", "pan", "C2", "bank", "outside", "settlement", "olga", grant, "reveal", "ok",
           v.purpose("cards"), "case 17"], "the line")
    equal(line["assessment"]["ref"], "A-1", "assessment")
    check(FACTS["cards"][0] not in json.dumps(lines), "a value is in the register")
    equal(line["request_id"], reply.headers["X-Request-Id"], "request id")


def test_C25_export_by_http(v):
    grant = granted(v, tokens=FACTS["tokens"])
    made = begin(v, grant, FACTS["tokens"]).expect(201).members(*EXPORT)
    equal((made["state"], made["total"], made["user"]), ("running", 3, "olga"), "what was begun")
    done = ended(v, made["id"])
    equal((done["state"], done["done"], done["skipped"]), ("done", 3, 0), "how it ended")
    data = b""
    olga = person(v, "olga")
    while len(data) < done["file"]["bytes"]:
        part = olga.get("/v1/exports/%s/file?from=%d&limit=333" % (made["id"], len(data)))
        equal(part.headers.get("Content-Type"), "application/octet-stream", "type of the file")
        check(0 < len(part.expect(200).body) <= 333, "length of a part")
        data += part.body
    equal(hashlib.sha256(data).hexdigest(), done["file"]["sha256"], "hash")
    rows = ["token,value"] + ["%s,%s" % pair for pair in zip(FACTS["tokens"], FACTS["cards"])]
    equal(opened(v, "rsa", data), "".join(r + "\r\n" for r in rows), "what the recipient reads")
    equal(opened(v, "ec", data), None, "what another reads")
    broken = bytearray(data)
    broken[-40] ^= 1
    equal(opened(v, "rsa", bytes(broken)), None, "a file that was changed")
    equal(len(entries(v, "export")), 3, "an entry for each value")
    check(all("token_id" in e and e["principal"] == "olga" for e in entries(v, "export")),
          "entries name token and person")
    line = shares(v)[-1]
    equal((line["scale"], line["way"], line["export"]), (3, "export", made["id"]), "the line")
    olga.get("/v1/exports/%s/file?from=%d" % (made["id"], len(data) + 1)).expect(400)
    person(v, "omar").get("/v1/exports/%s/file" % made["id"]).expect(404, "not_found")
    person(v, "aude").get("/v1/exports/%s/file" % made["id"]).expect(403, "forbidden")
    FACTS["export"] = made["id"]


def test_C25_no_value_in_any_file(v):
    """The whole folder of the instance, the vault's memory apart, is searched."""
    seen = 0
    for folder, _, names in os.walk(v.path()):
        for name in names:
            path = os.path.join(folder, name)
            if not os.path.isfile(path):
                continue
            with open(path, "rb") as f:
                data = f.read()
            seen += 1
            for card in FACTS["cards"]:
                check(card.encode() not in data, "%s holds a value" % name)
    check(seen > 20, "only %d files were searched" % seen)
    folder = os.path.join(v.path("data"), "exports")
    equal(stat.S_IMODE(os.stat(folder).st_mode), 0o700, "mode of the folder")
    for name in os.listdir(folder):
        equal(stat.S_IMODE(os.stat(os.path.join(folder, name)).st_mode), 0o600, "mode of " + name)


def test_C25_export_by_the_client(v):
    for name in ("olga", "aude", "sara"):
        cli_login(v, name)
    grant = granted(v, recipient="court", tokens=FACTS["tokens"][:2], count=2)
    text = "".join(t + "\n" for t in FACTS["tokens"][:2])
    code, _, err = hufu(v, "olga", "export", "begin", "cards", "--grant", grant, "--purpose",
                        v.purpose("cards"), "--reason", "case 8", given="")
    check(code != 0 and "token" in err, "begun without a token")
    out = cli(v, "olga", "--json", "export", "begin", "cards", "--grant", grant, "--purpose",
              v.purpose("cards"), "--reason", "case 8", given=text)
    number = json.loads(out)["id"]
    ended(v, number)
    path = v.path("court.cms")
    code, _, err = hufu(v, "olga", "export", "fetch", number, "--out", path)
    equal(code, 0, "exit code of export fetch (%s)" % err[:200])
    equal(stat.S_IMODE(os.stat(path).st_mode), 0o600, "mode of what was fetched")
    with open(path, "rb") as f:
        read = opened(v, "ec", f.read())
    check(all(card in read for card in FACTS["cards"][:2]), "what the court reads")
    check(hufu(v, "olga", "export", "fetch", number, "--out", path)[0] != 0, "it was overwritten")
    check(number in cli(v, "aude", "--json", "export", "list"), "an auditor's list")
    equal(json.loads(cli(v, "olga", "--json", "export", "show", number))["done"], 2, "shown")


def test_C25_recipients_by_the_client(v):
    out = cli(v, "sara", "--json", "recipient", "add", "press", "--kind", "public", "--assessment",
              "=1+2", "--assessment-until", SOON, "--legal-basis", "article 15", "--use",
              "@statistics")
    equal(json.loads(out)["assessment"], {"ref": "=1+2", "valid_until": SOON[:-1] + ".000Z"},
          "assessment")
    code, _, _ = hufu(v, "sara", "recipient", "assess", "press", "--assessment", "A-2")
    check(code != 0, "a reference without its end")
    cli(v, "sara", "recipient", "assess", "press", "--contract", "C-1", "--contract-until", SOON)
    equal(json.loads(cli(v, "sara", "--json", "recipient", "freeze", "press", "--reason",
                         "incident 1"))["state"], "frozen", "state")
    cli(v, "sara", "recipient", "unfreeze", "press", "--reason", "over")
    check("press" in cli(v, "sara", "recipient", "list"), "the list")


def test_C25_report(v):
    """CSV after RFC 4180 and JSON say the same as the register, and no cell runs in a sheet."""
    grant = granted(v, recipient="press", count=1)
    person(v, "olga").reveal("cards", FACTS["tokens"][0], grant=grant,
                             reason="-7, \"quoted\"").expect(200)
    want = shares(v, "?limit=1000")
    text = cli(v, "aude", "share", "report", "--csv")
    rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    equal(",".join(rows[0]), COLUMNS, "columns")
    equal(len(rows) - 1, len(want), "lines of the report")
    check(text.endswith("\r\n") and "\n" not in text.replace("\r\n", ""), "ends of lines")
    for row, line in zip(rows[1:], want):
        found = dict(zip(rows[0], row))
        for name in rows[0]:
            value = line
            for step in name.split("."):
                value = value.get(step, "") if isinstance(value, dict) else ""
            value = str(value)
            equal(found[name], ("'" if value[:1] in "=+-@" and value else "") + value, name)
        check(not any(cell[:1] in ("=", "+", "-", "@") for cell in row), "a cell is a formula")
    last = dict(zip(rows[0], rows[-1]))
    equal((last["use"], last["assessment.ref"], last["reason"], last["legal_basis"]),
          ("'@statistics", "'=1+2", "'-7, \"quoted\"", "article 15"), "the last line")
    lines = [json.loads(t) for t in cli(v, "aude", "--json", "share", "report").splitlines()]
    equal(lines, want, "the report as JSON")
    day = time.strftime("%Y-%m-%d", time.gmtime())
    equal(cli(v, "aude", "--json", "share", "report", "--to", "2026-01-01"), "", "before it all")
    check(len(cli(v, "aude", "--json", "share", "report", "--from", day).splitlines()) > 0,
          "from today on")
    check(hufu(v, "aude", "share", "report", "--from", "yesterday")[0] != 0, "a day that is none")
    check(hufu(v, "olga", "share", "report")[0] != 0, "an operator reads the register")
    check(entries(v, "share-list"), "nobody was seen to look")


def test_C25_report_has_every_page(v):
    """More lines than one page: each once, in order."""
    grant = granted(v, count=3)
    for token in FACTS["tokens"]:
        person(v, "olga").reveal("cards", token, grant=grant).expect(200)
    found, after = [], ""
    while True:
        page = person(v, "aude").get("/v1/shares?limit=2" + after).expect(200).json()
        found += [line["id"] for line in page["items"]]
        if page["next"] is None:
            break
        after = "&after=" + page["next"]
    equal(found, [line["id"] for line in shares(v, "?limit=1000")], "all pages")
    check(len(found) > 4 and len(set(found)) == len(found), "lines twice")


def test_C25_once_at_once(v):
    """32 connections begin with one grant: one file is made."""
    grant = granted(v, tokens=FACTS["tokens"], count=3)
    olga = person(v, "olga")
    statuses, lock = [], threading.Lock()

    def one():
        caller = Person(v, "olga")
        caller.session = olga.session
        reply = caller.post("/v1/exports", {"domain": "cards", "grant": grant, "reason": "race",
                                            "purpose": v.purpose("cards"),
                                            "tokens": FACTS["tokens"]})
        with lock:
            statuses.append((reply.status, reply.code()))

    before = len(entries(v, "export-end"))
    threads = [threading.Thread(target=one) for _ in range(32)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    equal([s for s, _ in statuses].count(201), 1, "begun: %s" % sorted(set(statuses)))
    lib.wait_for(lambda: len(entries(v, "export-end")) == before + 1, 20, "it ended", 0.2)
    equal(person(v, "olga").get("/v1/grants/" + grant).expect(200).json()["remaining"], 0, "left")


def test_C25_refused_and_alarmed(v):
    """The last test: whoever asks for more than was granted is suspended."""
    grant = granted(v, count=2)
    begin(v, "0192f5f0-0000-7000-8000-000000000000", FACTS["tokens"]).expect(403, "grant_required")
    begin(v, grant, FACTS["tokens"][:2], purpose="holiday").expect(422, "invalid_purpose")
    begin(v, grant, FACTS["tokens"][:2], reason=val.spaced(val.pan())).expect(422, "value_in_text")
    begin(v, grant, [FACTS["cards"][0]]).expect(422, "not_token")
    begin(v, grant, [FACTS["tokens"][0]] * 2).expect(400, "bad_request")
    begin(v, granted(v, recipient="helper", count=1),
          FACTS["tokens"][:1]).expect(409, "conflict")  # no certificate
    person(v, "sara").post("/v1/recipients/bank/freeze", {"reason": "incident"}).expect(200)
    begin(v, grant, FACTS["tokens"][:2]).expect(403, "grant_required")
    person(v, "sara").post("/v1/recipients/bank/unfreeze", {"reason": "over"}).expect(200)
    begin(v, grant, FACTS["tokens"]).expect(403, "grant_required")
    check(any("rule=export-exceeded" in e["purpose"] for e in entries(v, "alarm")), "no alarm")
    people = person(v, "aude").get("/v1/users?limit=1000").expect(200).json()["items"]
    equal([u["state"] for u in people if u["name"] == "olga"], ["frozen"], "olga")


if __name__ == "__main__":
    lib.run(globals())
