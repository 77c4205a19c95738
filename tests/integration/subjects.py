#!/usr/bin/env python3
"""Data subjects (C55): asked by an administrator, agreed to by an approver, carried out over kills;
what a report says; legal holds; and that the reference stands nowhere but in sealed rows."""

import csv
import io
import json
import os
import subprocess
import threading
import time

import lib
import values as val
from client import Partner, Person
from lib import check, equal, wait_for

HUFU = os.path.join(lib.BUILD, "hufu")
WHY = "letter of 3 May"
PEOPLE = {}
MANY = 4000  # tokens of one subject: it takes longer than it takes to kill the core
SEEN = []  # every reference that was sent


def person(v, name):
    return PEOPLE.setdefault(name, Person(v, name)).ready()


def reference(stem):
    SEEN.append("ref-%s-%d" % (stem, len(SEEN)))
    return SEEN[-1]


def ask(v, ref, kind):
    body = {"subject": ref, "kind": kind, "reason": WHY}
    return person(v, "sara").post("/v1/subjects", body)


def asked(v, ref, kind):
    found = ask(v, ref, kind).expect(201).json()
    equal((found["state"], found["subject"], found["kind"]), ("proposed", ref, kind), "case")
    return found["id"]


def approve(v, case):
    return person(v, "anna").post("/v1/subjects/%s/approve" % case, {})


def show(v, case, who="sara"):
    return person(v, who).get("/v1/subjects/" + case).expect(200).json()


def carried_out(v, ref, kind, state="done"):
    case = asked(v, ref, kind)
    approve(v, case).expect(200)
    wait_for(lambda: show(v, case)["state"] not in ("proposed", "running"), 20, kind)
    found = show(v, case)
    equal(found["state"], state, "state of " + kind)
    return found


def report(v, case, query=""):
    return person(v, "sara").get("/v1/subjects/%s/report%s" % (case, query))


def entries(v):
    """All lines of the log."""
    aude, lines = person(v, "aude"), []
    while True:
        reply = aude.get("/v1/audit/entries?from=%d&limit=1000" % len(lines)).expect(200).json()
        lines += [e["line"] for e in reply["entries"]]
        if len(lines) >= reply["size"]:
            return lines


def test_C55_report(v):
    acme, olga, ref = Partner(v), person(v, "olga"), reference("report")
    card, other, account = val.pan(), val.pan(), val.iban()
    token = acme.token("cards", card, subject=ref, consent="form-2", channel="web")
    acme.token("cards", other, subject=reference("another"))
    second = acme.token("accounts", account, subject=ref)
    for _ in range(2):
        olga.reveal("cards", token, v.purpose("cards"), reason="case 71").expect(200)
    case = asked(v, ref, "report")
    report(v, case).expect(409, "conflict")
    approve(v, case).expect(200)
    reply = report(v, case).expect(200)
    found = reply.json()
    equal(sorted(found), ["complete", "items", "next", "not_kept", "notify", "subject_id"],
          "members")
    equal((found["complete"], found["next"]), (True, None), "one page")
    by_domain = {i["domain"]: i for i in found["items"]}
    equal(sorted(by_domain), ["accounts", "cards"], "domains")
    item = by_domain["cards"]
    equal((item["basis"], item["channel"], item["format"], item["partners"], item["state"],
           item["held"], item["restricted"]),
          ("form-2", "web", "pan", ["acme"], "active", False, False), "what is kept")
    equal([(r["user"], r["purpose"], r["reason"]) for r in item["revealed"]],
          [("olga", v.purpose("cards"), "case 71")], "to whom and why")
    equal(by_domain["accounts"]["revealed"], [], "nobody saw the account")
    line = json.loads(entries(v)[item["revealed"][0]["index"]])
    equal((line["verb"], line["principal"], line["token_id"]),
          ("detokenize", "olga", item["token_id"]), "the entry that it names")
    equal(found["notify"], {"partners": ["acme"], "recipients": []}, "whom to tell")
    for secret in (card, other, account, token, second, ref):
        check(secret.encode() not in reply.body, "a report shows more than it may")
    page = report(v, case, "?limit=1").expect(200).json()
    rest = report(v, case, "?limit=1&after=" + page["next"]).expect(200).json()
    equal(page["items"] + rest["items"], found["items"], "two pages")


def test_C55_values_in_ff1_domains_are_not_kept(v):
    acme, ref = Partner(v), reference("ff1")
    body = {"name": "ff", "format": "pan", "mode": "ff1", "partners": ["acme"],
            "keep": {"prefix": 0, "suffix": 4}, "purposes": ["refund"]}
    person(v, "sara").post("/v1/domains", body).expect(201)
    acme.token("ff", val.pan(), subject=ref)
    acme.token("cards", val.pan(), subject=ref)
    case = asked(v, ref, "report")
    approve(v, case).expect(200)
    found = report(v, case).expect(200).json()
    equal([i["domain"] for i in found["items"]], ["cards"], "domains")
    equal(found["not_kept"], ["ff"], "domains that keep nothing")


def second_approver(v):
    """abel, of another group: what leaves takes two."""
    body = {"name": "abel", "role": "approver", "group": "risk"}
    made = person(v, "sara").post("/v1/users", body).expect(202).json()
    seed = person(v, "sven").post("/v1/ceremonies/%s/approve" % made["id"], {}).expect(200).json()
    v.dev["users"].append({"name": "abel", "role": "approver", "totp_secret": seed["totp_secret"],
                           "password": made["initial_password"]})


def granted(v, token, name):
    body = {"domain": "cards", "count": 1, "tokens": [token], "purpose": v.purpose("cards"),
            "recipient": name, "expires_in": 3600, "reason": "case 72"}
    grant = person(v, "olga").post("/v1/grants", body).expect(201).json()["id"]
    for who in ("anna", "abel"):
        person(v, who).post("/v1/grants/%s/approve" % grant, {}).expect(200)
    return grant


def test_C55_recipients_are_told(v):
    """Revealed under a grant for one institution, and left in a file for another."""
    acme, olga, ref = Partner(v), person(v, "olga"), reference("recipients")
    second_approver(v)
    subprocess.run(["openssl", "req", "-x509", "-nodes", "-days", "30", "-subj", "/CN=court",
                    "-newkey", "rsa:2048", "-keyout", v.path("court.key"), "-out",
                    v.path("court.pem")], check=True, capture_output=True)
    with open(v.path("court.pem"), encoding="ascii") as f:
        pem = f.read()
    for name, more in (("bank", {}), ("court", {"cert_pem": pem})):
        body = {"name": name, "kind": "outside", "use": "settlement", **more,
                "assessment": {"ref": "A-1", "valid_until": "2099-12-31T00:00:00Z"}}
        person(v, "sara").post("/v1/recipients", body).expect(201)
    first, second, _ = (acme.token("cards", val.pan(), subject=ref) for _ in range(3))
    olga.reveal("cards", first, v.purpose("cards"), reason="case 72",
                grant=granted(v, first, "bank")).expect(200)
    body = {"domain": "cards", "tokens": [second], "grant": granted(v, second, "court"),
            "purpose": v.purpose("cards"), "reason": "case 73"}
    export = olga.post("/v1/exports", body).expect(201).json()["id"]
    wait_for(lambda: olga.get("/v1/exports/" + export).json()["state"] == "done", 20, "export")
    case = asked(v, ref, "report")
    approve(v, case).expect(200)
    found = report(v, case).expect(200).json()
    equal(len(found["items"]), 3, "tokens, one of which nobody saw")
    told = sorted((r["recipient"], r["reason"], r["user"]) for i in found["items"]
                  for r in i["revealed"])
    equal(told, [("bank", "case 72", "olga"), ("court", "case 73", "olga")], "reveals")
    equal(sorted(found["notify"]["recipients"]), ["bank", "court"], "whom to tell")
    lines = entries(v)
    for item in found["items"]:
        for reveal in item["revealed"]:
            line = json.loads(lines[reveal["index"]])
            equal(line["token_id"], item["token_id"], "the entry of a reveal")


def test_C55_nobody_alone(v):
    ref = reference("alone")
    Partner(v).token("cards", val.pan(), subject=ref)
    case = asked(v, ref, "erase")
    path = "/v1/subjects/%s/approve" % case
    person(v, "sara").post(path, {}).expect(403, "forbidden")
    person(v, "sven").post(path, {}).expect(403, "forbidden")
    person(v, "olga").post("/v1/subjects", {"subject": ref, "kind": "report", "reason": WHY}) \
        .expect(403, "forbidden")
    person(v, "anna").post("/v1/subjects", {"subject": ref, "kind": "report", "reason": WHY}) \
        .expect(403, "forbidden")
    time.sleep(0.5)
    equal(show(v, case)["state"], "proposed", "nothing runs yet")
    denied = person(v, "anna").post("/v1/subjects/%s/deny" % case, {"reason": "no"}).expect(200)
    equal(denied.json()["state"], "denied", "denied")
    approve(v, case).expect(409, "conflict")
    ask(v, "card " + val.pan(), "report").expect(422, "value_in_text")
    ask(v, ref, "forget").expect(400, "bad_request")


def test_C55_restrict_and_lift(v):
    acme, olga, ref = Partner(v), person(v, "olga"), reference("restrict")
    card = val.pan()
    token, stopped = acme.token("cards", card, subject=ref), acme.token("cards", val.pan(),
                                                                        subject=ref)
    acme.change("suspend", "cards", stopped).expect(200)
    found = carried_out(v, ref, "restrict")
    equal((found["done"], found["total"]), (2, 2), "counts")
    equal(acme.state("cards", token), "suspended", "restricted")
    acme.change("resume", "cards", token).expect(409, "conflict")
    acme.change("resume", "cards", stopped).expect(409, "conflict")
    acme.tokenize("cards", card).expect(409, "token_suspended")
    olga.reveal("cards", token, v.purpose("cards")).expect(404, "not_found")
    carried_out(v, ref, "lift-restriction")
    equal(acme.state("cards", token), "active", "lifted")
    equal(acme.state("cards", stopped), "suspended", "suspended before")
    acme.change("resume", "cards", stopped).expect(200)


def test_C55_C15_legal_hold(v):
    acme, ref = Partner(v), reference("hold")
    token = acme.token("cards", val.pan(), subject=ref)
    early = asked(v, ref, "erase")
    carried_out(v, ref, "hold")
    approve(v, early).expect(409, "legal_hold")
    ask(v, ref, "erase").expect(409, "legal_hold")
    ask(v, ref, "hold").expect(409, "conflict")
    acme.change("delete", "cards", token).expect(409, "legal_hold")
    person(v, "sara").post("/v1/tokens/delete", {"domain": "cards", "token": token,
                                                 "reason": WHY}).expect(409, "legal_hold")
    check(show(v, early)["legal_hold"], "the case does not say that there is a hold")
    case = asked(v, ref, "report")
    approve(v, case).expect(200)
    equal([i["held"] for i in report(v, case).expect(200).json()["items"]], [True], "held")
    carried_out(v, ref, "release")
    approve(v, early).expect(200)
    wait_for(lambda: show(v, early)["state"] == "done", 20, "erasure")
    equal(acme.state("cards", token), "deleted", "after the release")


def test_C55_C16_erasure_over_a_kill(v):
    acme, olga, ref = Partner(v), person(v, "olga"), reference("erase")
    cards = [val.pan() for _ in range(MANY)]
    tokens = []
    for at in range(0, MANY, 1000):
        batch = [{"value": c, "subject": ref} for c in cards[at:at + 1000]]
        tokens += [r["token"] for r in acme.batch("cards", batch)]
    case = asked(v, ref, "erase")
    approve(v, case).expect(200)
    v.kill("core")
    v.wait_ready()
    wait_for(lambda: show(v, case)["state"] == "done", 30, "erasure after a kill")
    found = show(v, case)
    equal((found["done"], found["total"], found["held"]), (MANY, MANY, 0), "counts")
    for token in tokens[::500]:
        equal(acme.state("cards", token), "deleted", "state")
        olga.reveal("cards", token, v.purpose("cards")).expect(404, "not_found")
    lines = [json.loads(line) for line in entries(v)]
    ids = [e["token_id"] for e in lines if e["verb"] == "subject-erase" and case in e["purpose"]]
    equal((len(ids), len(set(ids))), (MANY, MANY), "one entry for each token")
    equal(acme.tokenize("cards", cards[0]).expect(200).json()["created"], True, "a new token")


def test_C55_race_of_approvals(v):
    ref = reference("race")
    Partner(v).token("cards", val.pan(), subject=ref)
    case, gate, codes = asked(v, ref, "erase"), threading.Barrier(32), []
    session = person(v, "anna").session

    def one():
        anna = Person(v, "anna")
        anna.session = session
        gate.wait()
        codes.append(anna.post("/v1/subjects/%s/approve" % case, {}).code())

    threads = [threading.Thread(target=one) for _ in range(32)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    equal((codes.count("ok"), codes.count("already_approved")), (1, 31), "32 approvals")


def test_C55_idempotency(v):
    ref = reference("again")
    body, key = {"subject": ref, "kind": "report", "reason": WHY}, {"Idempotency-Key": "case-1"}
    first = person(v, "sara").post("/v1/subjects", body, headers=key).expect(201)
    again = person(v, "sara").post("/v1/subjects", body, headers=key).expect(201)
    equal((again.body, again.headers.get("Idempotency-Replayed")), (first.body, "true"), "replayed")


def test_C55_auditor_sees_no_reference(v):
    found = person(v, "aude").get("/v1/subjects?limit=1000").expect(200)
    check(found.json()["items"], "no cases")
    check(all("subject" not in i and i["subject_id"] for i in found.json()["items"]), "references")
    mine = person(v, "anna").get("/v1/subjects?limit=2").expect(200).json()
    check(all(i["subject"] in SEEN for i in mine["items"]) and mine["next"], "the approver's list")


def hufu(v, who, *arguments):
    command = [HUFU, "--dev", v.dir, "--as", who] + list(arguments)
    done = subprocess.run(command, capture_output=True, text=True, timeout=60,
                          env=dict(os.environ, HOME=v.top))
    return done.returncode, done.stdout, done.stderr


def login(v, name):
    who = Person(v, name)
    text = "%s\n%s\n" % (who.account["password"], who.next_code())
    subprocess.run([HUFU, "--dev", v.dir, "-q", "login", name], input=text, text=True, timeout=120,
                   check=True, capture_output=True, env=dict(os.environ, HOME=v.top))


def test_C55_command_line(v):
    ref, card = reference("cli"), val.pan()
    token = Partner(v).token("cards", card, subject=ref)
    login(v, "sara")
    login(v, "anna")
    code, out, err = hufu(v, "sara", "subject", "report", ref, "--reason", WHY)
    equal(code, 0, "exit code of asking (%s)" % err)
    case = json.loads(out)["id"]
    check("hufu subject approve " + case in err, "no next step: " + err)
    equal(hufu(v, "sara", "subject", "report", "--id", case)[0], 6, "not approved yet")
    equal(hufu(v, "anna", "subject", "approve", case)[0], 0, "exit code of approving")
    code, out, err = hufu(v, "sara", "subject", "report", "--id", case, "--json")
    lines = [json.loads(line) for line in out.splitlines()]
    equal((code, len(lines), lines[0]["domain"]), (0, 2, "cards"), "JSON lines")
    equal(lines[1]["notify"]["partners"], ["acme"], "the last line")
    code, out, err = hufu(v, "sara", "subject", "report", "--id", case, "--csv")
    rows = list(csv.DictReader(io.StringIO(out, newline="")))
    equal((code, len(rows), rows[0]["domain"], rows[0]["partners"]), (0, 1, "cards", "acme"), "CSV")
    check("acme" in err, "who is to be told: " + err)
    code, out, err = hufu(v, "sara", "-o", "table", "subject", "report", "--id", case)
    check(code == 0 and "cards" in out and token not in out and card not in out, "table: " + err)
    for wrong in (("subject", "report"), ("subject", "report", ref),
                  ("subject", "report", ref, "--reason", WHY, "--csv"),
                  ("subject", "report", ref, "--id", case)):
        equal(hufu(v, "sara", *wrong)[0], 1, "exit code of %s" % (wrong,))
    code, out, _ = hufu(v, "sara", "subject", "erase", ref, "--reason", WHY, "--dry-run", "--json")
    equal((code, json.loads(out)["members"]), (0, ["kind", "reason", "subject"]), "dry run")
    code, out, _ = hufu(v, "sara", "subject", "erase", ref, "--reason", WHY)
    erase = json.loads(out)["id"]
    equal(hufu(v, "anna", "subject", "approve", erase)[0], 0, "approve")
    wait_for(lambda: json.loads(hufu(v, "sara", "subject", "show", erase, "--json")[1])["state"] ==
             "done", 20, "erasure")
    code, out, _ = hufu(v, "sara", "subject", "list", "--json")
    check(code == 0 and erase in out, "list")


def test_C55_references_stand_nowhere_in_clear(v):
    needles = [ref.encode() for ref in SEEN]
    check(len(needles) >= 8, "nothing was sent")
    for line in entries(v):
        check(not any(n in line.encode() for n in needles), "the log has a reference: " + line)
    check(not any(n in v.log_bytes() for n in needles), "hufud's output has a reference")
    v.stop()
    for folder, _, names in os.walk(v.path("data")):
        for name in names:
            with open(os.path.join(folder, name), "rb") as f:
                content = f.read()
            check(not any(n in content for n in needles), "%s has a reference" % name)


if __name__ == "__main__":
    lib.run(globals())
