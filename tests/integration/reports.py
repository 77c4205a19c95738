#!/usr/bin/env python3
"""Reports: what a person saw, what became of a partner's values, and indicators; by HTTP and CLI.

Two operators reveal values of two partners for two purposes. What they were told to do is kept here
and held against what the reports say.
"""

import csv
import io
import json
import os
import re
import subprocess
import time

import lib
import values as val
from client import Client, Partner, Person
from lib import check, equal

HUFU = os.path.join(lib.BUILD, "hufu")
PEOPLE = {}
SHOWN = []  # values and tokens: none may be in a report
SEEN = []  # (operator, domain, purpose, reason, subject, partners), in order
STATE = {}
PURPOSES = ("chargeback", "fraud-review")
IMPACT = ("domain", "index", "partners", "purpose", "reason", "request_id", "time", "token_id",
          "verb")
NOBODY = {"olga", "anna", "carl"}  # roles that get no report
REPORTS = ("/v1/reports/impact?user=olga", "/v1/reports/partners/acme", "/v1/reports/indicators")


def person(v, name):
    return PEOPLE.setdefault(name, Person(v, name)).ready()


def pages(who, path, limit=None, **query):
    """Every page of a report, in order."""
    found, query = [], dict(query)
    if limit:
        query["limit"] = limit
    while True:
        words = ["%s=%s" % pair for pair in query.items()]
        here = path + ("&" if "?" in path else "?") + "&".join(words) if words else path
        reply = who.get(here).expect(200)
        text = reply.body.decode()
        for secret in SHOWN:
            check(secret not in text, "a report shows a value or a token")
        page = reply.json()
        check(not limit or len(page["items"]) <= limit, "more items than asked for")
        found.append(page)
        check(len(found) < 200, "a report that does not end")
        if page["next"] is None:
            return found
        query.update(after=page["next"], until=page["until"])


def items(who, path, limit=None, **query):
    return [i for page in pages(who, path, limit, **query) for i in page["items"]]


def told(item):
    return (item["domain"], item["purpose"], item["reason"], item.get("subject"),
            tuple(item["partners"]))


def want(operator):
    return [row[1:] for row in SEEN if row[0] == operator]


def reveal(v, operator, domain, token, purpose, subject, partners):
    reason = "case %d" % len(SEEN)
    person(v, operator).reveal(domain, token, purpose=purpose, reason=reason).expect(200)
    SEEN.append((operator, domain, purpose, reason, subject, partners))


def send(partner, domain, value, subject=None):
    token = partner.token(domain, value, **({"subject": subject} if subject else {}))
    SHOWN.extend([value, token])
    return token


def test_C50_impact_of_two_operators(v):
    acme, zeta, sara = Partner(v), Partner(v, "zeta"), person(v, "sara")
    sara.post("/v1/domains", {"name": "both", "format": "pan", "mode": "deterministic",
                              "partners": ["acme", "zeta"], "purposes": list(PURPOSES),
                              "keep": {"prefix": 6, "suffix": 4},
                              "batch_detokenize": 5}).expect(201)
    shared, mine = val.pan(), val.pan()
    one = send(acme, "both", shared, "customer-1")
    equal(send(zeta, "both", shared, "client-1"), one, "the shared token")
    two = send(zeta, "both", mine, "client-2")
    three = send(acme, "cards", val.pan())
    four = send(acme, "accounts", val.iban(), "customer-4")
    started = person(v, "aude").get("/v1/audit/entries?from=0&limit=1").expect(200)
    STATE.update(one=one, two=two, size=started.json()["size"])
    reveal(v, "olga", "both", one, "chargeback", "customer-1", ("acme", "zeta"))
    reveal(v, "omar", "both", two, "fraud-review", "client-2", ("zeta",))
    time.sleep(0.02)
    reveal(v, "olga", "both", two, "chargeback", "client-2", ("zeta",))
    reveal(v, "omar", "cards", three, "chargeback", None, ("acme",))
    reveal(v, "olga", "accounts", four, "fraud-review", "customer-4", ("acme",))
    reveal(v, "olga", "both", one, "chargeback", "customer-1", ("acme", "zeta"))
    # a batch: one item for each token that was given back, none for the other
    unknown = acme.token("both", val.pan())
    acme.change("revoke", "both", unknown).expect(200)
    body = {"domain": "both", "tokens": [two, unknown], "purpose": "fraud-review",
            "reason": "case %d" % len(SEEN)}
    person(v, "olga").post("/v1/detokenize", body).expect(200)
    SEEN.append(("olga", "both", "fraud-review", body["reason"], "client-2", ("zeta",)))
    # and one refusal: nothing was seen
    person(v, "omar").reveal("both", unknown, purpose="chargeback", reason="x").expect(404)
    for operator in ("olga", "omar"):
        found = items(person(v, "aude"), "/v1/reports/impact?user=" + operator)
        equal([told(i) for i in found], want(operator), "what %s saw" % operator)
        for item in found:
            check(set(item) - {"subject"} == set(IMPACT), "members: %s" % sorted(item))
    equal(items(person(v, "aude"), "/v1/reports/impact?user=anna"), [], "who saw nothing")


def entry(v, index):
    reply = person(v, "aude").get("/v1/audit/entries?from=%d&limit=1" % index).expect(200)
    return json.loads(reply.json()["entries"][0]["line"])


def test_C50_items_are_entries_of_the_log(v):
    for item in items(person(v, "aude"), "/v1/reports/impact?user=olga"):
        line = entry(v, item["index"])
        equal((line["verb"], line["result"], line["principal"]), ("detokenize", "ok", "olga"),
              "entry %d" % item["index"])
        for name in ("time", "token_id", "purpose", "reason", "request_id", "domain"):
            equal(item[name], line[name], "%s of entry %d" % (name, item["index"]))


def test_C50_every_page_size(v):
    whole = items(person(v, "aude"), "/v1/reports/impact?user=olga")
    for limit in range(1, len(whole) + 2):
        equal(items(person(v, "aude"), "/v1/reports/impact?user=olga", limit), whole,
              "pages of %d" % limit)


def test_C50_between_two_times(v):
    path, aude = "/v1/reports/impact?user=olga", person(v, "aude")
    whole = items(aude, path)
    times = sorted({i["time"] for i in whole})
    for since in times:
        equal(items(aude, path, since=since), [i for i in whole if i["time"] >= since],
              "since a time")
        equal(items(aude, path, until=since), [i for i in whole if i["time"] < since],
              "until a time")
    equal(items(aude, path, since=times[0], until=times[-1]),
          [i for i in whole if times[0] <= i["time"] < times[-1]], "between two times")
    for query, field in (("since=2026", "/since"), ("until=now", "/until"),
                         ("since=2026-11-21T00:00:00Z&until=2026-11-20T00:00:00Z", "/until"),
                         ("limit=0", "/limit"), ("limit=1001", "/limit"), ("after=x", "/after"),
                         ("bogus=1", "")):
        refused = aude.get(path + "&" + query).expect(400, "bad_request").json()
        equal(refused.get("field"), field, "field of " + query)
    aude.get("/v1/reports/impact").expect(400, "bad_request")
    aude.get("/v1/reports/impact?user=nobody-here").expect(404, "not_found")
    aude.get("/v1/reports/partners/nobody-here").expect(404, "not_found")


def test_C50_nobody_else_gets_it(v):
    for name in ("aude", "sara"):
        for path in REPORTS:
            person(v, name).get(path).expect(200)
    for name in sorted(NOBODY):
        for path in REPORTS:
            person(v, name).get(path).expect(403, "forbidden")
    rita = person(v, "rita")
    rita.get(REPORTS[0]).expect(403, "forbidden")
    rita.get(REPORTS[1]).expect(403, "forbidden")
    rita.get(REPORTS[2]).expect(200)
    for path in REPORTS:
        Partner(v).get(path).expect(403, "forbidden")
        Client(v).get(path).expect(401, "unauthenticated")


def test_C51_statement(v):
    aude = person(v, "aude")
    Partner(v).tokenize("both", "4111111111111112").expect(422)
    for name in ("acme", "zeta"):
        path = "/v1/reports/partners/" + name
        found = items(aude, path)
        equal([(i["user"], i["domain"], i["purpose"]) for i in found],
              [row[:3] for row in SEEN if name in row[5]], "reveals of %s" % name)
        for item, row in zip(found, [r for r in SEEN if name in r[5]]):
            first = row[5][0] == name  # the subject is the first sender's reference
            equal(item.get("subject"), row[4] if first else None, "subject for " + name)
            check("reason" not in item and "partners" not in item, "what is not the partner's")
        for limit in (1, 2, 100):
            equal(items(aude, path, limit), found, "pages of %d" % limit)
        total = {}
        for page in pages(aude, path, 1):
            for row in page["sent"]:
                of = total.setdefault((row["day"], row["domain"]), [0, 0])
                of[0] += row["requests"]
                of[1] += row["values"]
        whole = {(r["day"], r["domain"]): [r["requests"], r["values"]]
                 for page in pages(aude, path) for r in page["sent"]}
        equal(total, whole, "sums of pages")
    sums = {}
    for (_, domain), (requests, values) in total.items():
        sums[domain] = (requests, values)
    equal(sums, {"both": (2, 2)}, "what zeta sent")
    refusals = {}
    for page in pages(aude, "/v1/reports/partners/acme"):
        for code, count in page["refusals"].items():
            refusals[code] = refusals.get(code, 0) + count
    check(refusals.get("invalid_value", 0) >= 1, "acme's refusals: %s" % refusals)


def test_C52_indicators(v):
    aude = person(v, "aude")
    before = [p for p in pages(aude, "/v1/reports/indicators")]
    equal(sum(p["reveals"] for p in before), len(SEEN), "reveals")
    rights = [p["rights"] for p in before if "rights" in p]
    equal(len(rights), 1, "pages with rights")
    people = rights[0]["people"]
    equal(people["total"], len(v.dev["users"]), "people")
    check(people["compliant"] <= people["total"], "compliant people: %s" % people)
    check(rights[0]["partners"]["total"] >= 2, "partners")
    Partner(v).tokenize("both", "4111111111111112").expect(422)
    after = pages(aude, "/v1/reports/indicators")

    def refused(found):
        return sum(p["refusals"].get("invalid_value", 0) for p in found)
    equal(refused(after), refused(before) + 1, "refusals")
    later = pages(aude, "/v1/reports/indicators", since="2039-01-01T00:00:00Z",
                  until="2039-01-02T00:00:00Z")
    equal((later[0]["entries"], later[0]["reveals"], later[0]["refusals"]), (0, 0, {}), "nothing")


def hufu(v, *arguments, session=None):
    command = [HUFU, "--dev", v.dir, *arguments]
    if session:
        command += ["--session-file", session]
    done = subprocess.run(command, capture_output=True, timeout=60, stdin=subprocess.DEVNULL,
                          env=dict(os.environ, HOME=v.top))
    return done.returncode, done.stdout.decode(), done.stderr.decode()  # CR LF as it is


def session_of(v, name):
    """The session of a person, for the client."""
    path = v.path("session-" + name)
    if not os.path.exists(path):
        who = Person(v, name)
        text = "%s\n%s\n" % (who.account["password"], who.next_code())
        done = subprocess.run([HUFU, "--dev", v.dir, "-q", "--session-file", path, "login", name],
                              input=text, capture_output=True, text=True, timeout=60,
                              env=dict(os.environ, HOME=v.top))
        equal(done.returncode, 0, "hufu login %s: %s" % (name, done.stderr))
    return path


def good(v, *arguments):
    code, out, err = hufu(v, *arguments, session=session_of(v, "aude"))
    equal(code, 0, "exit code of hufu %s (%s)" % (" ".join(arguments), err.strip()))
    for secret in SHOWN:
        check(secret not in out + err, "the client shows a value or a token")
    return out


def table_of(text):
    check(text.endswith("\r\n") and "\n" not in text.replace("\r\n", ""), "records end in CR LF")
    rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    return [dict(zip(rows[0], row)) for row in rows[1:]]


def test_C50_client_prints_impact(v):
    wild = '=HYPERLINK("x"),\u864e'
    SEEN.append(("omar", "both", "chargeback", wild, "client-2", ("zeta",)))
    person(v, "omar").reveal("both", STATE["two"], purpose="chargeback", reason=wild).expect(200)
    found = items(person(v, "aude"), "/v1/reports/impact?user=omar")
    lines = good(v, "report", "impact", "omar", "--json").splitlines()
    equal([json.loads(line) for line in lines], found, "JSON lines")
    rows = table_of(good(v, "report", "impact", "omar", "--csv"))
    equal([(r["time"], r["domain"], r["purpose"], r["subject"], r["partners"]) for r in rows],
          [(i["time"], i["domain"], i["purpose"], i.get("subject", ""), "; ".join(i["partners"]))
           for i in found], "CSV")
    equal(rows[-1]["reason"], "'" + wild, "a formula")
    equal(len(rows), len(want("omar")), "rows")
    today = time.strftime("%Y-%m-%d", time.gmtime())
    equal(good(v, "report", "impact", "omar", "--to", "2026-01-01", "--json"), "", "no items")
    equal(len(good(v, "report", "impact", "omar", "--from", today, "--json").splitlines()),
          len([i for i in found if i["time"] >= today]), "from today on")
    check("client-2" in good(v, "report", "impact", "omar", "-o", "table"), "the table")
    for wrong in ("yesterday", "2026-13-01", "2026-01-01T00:00:00+01:00"):
        equal(hufu(v, "report", "impact", "omar", "--from", wrong)[0], 1, "exit code of --from")
    equal(hufu(v, "report", "impact", "omar", "--from", "2026-11-02", "--to", "2026-11-01")[0], 1,
          "exit code of times in the wrong order")
    equal(hufu(v, "report", "impact", "nobody-here", session=session_of(v, "aude"))[0], 5,
          "exit code for nobody")
    equal(hufu(v, "report", "impact", "omar", "--csv", "--json", session=session_of(v, "aude"))[0],
          1, "exit code of two forms")


def test_C51_client_prints_statement(v):
    found = items(person(v, "aude"), "/v1/reports/partners/zeta")
    rows = table_of(good(v, "report", "partner", "zeta", "--csv"))
    equal([(r["time"], r["user"], r["purpose"]) for r in rows],
          [(i["time"], i["user"], i["purpose"]) for i in found], "CSV")
    sent = table_of(good(v, "report", "partner", "zeta", "--sent", "--csv"))
    equal([(r["domain"], r["requests"], r["values"], r["replaced"]) for r in sent],
          [("both", "2", "2", "0")], "sent, as CSV")
    sent = [json.loads(line) for line in good(v, "report", "partner", "zeta", "--sent",
                                              "--json").splitlines()]
    equal([(r["domain"], r["values"]) for r in sent], [("both", 2)], "sent, as JSON")
    table = good(v, "report", "partner", "zeta", "-o", "table")
    check(re.search(r"^day +domain", table, re.M) and re.search(r"^time +domain", table, re.M),
          "both tables: " + table)


def test_C52_client_prints_indicators(v):
    found = json.loads(good(v, "report", "indicators", "--json"))
    equal(found["reveals"], len(SEEN), "reveals")
    people = found["rights"]["people"]
    equal(people["percent"], people["compliant"] * 100 // people["total"], "percent")
    rows = {r["name"]: r["value"] for r in table_of(good(v, "report", "indicators", "--csv"))}
    equal(int(rows["reveals"]), len(SEEN), "reveals, as CSV")
    equal(int(rows["rights.people.total"]), people["total"], "people, as CSV")
    check("refusals.invalid_value" in rows, "refusals, as CSV: %s" % sorted(rows))


def test_C50_after_a_restart_and_a_deletion(v):
    aude = person(v, "aude")
    before = {n: items(aude, "/v1/reports/impact?user=" + n) for n in ("olga", "omar")}
    for name in before:
        equal([told(i) for i in before[name]], want(name), "what %s saw" % name)
    v.stop()
    v.start()
    for name, whole in before.items():
        equal(items(person(v, "aude"), "/v1/reports/impact?user=" + name), whole,
              "what %s saw, after a restart" % name)
    Partner(v).change("delete", "both", STATE["one"], "erasure").expect(200)
    after = items(person(v, "aude"), "/v1/reports/impact?user=olga")
    equal(len(after), len(before["olga"]), "items after a deletion")
    for was, now in zip(before["olga"], after):
        gone = was.get("subject") == "customer-1"
        equal(now, {k: x for k, x in was.items() if not (gone and k == "subject")},
              "an item after a deletion")
    v.crash()
    v.start()
    equal(items(person(v, "aude"), "/v1/reports/impact?user=olga"), after, "after a crash")


if __name__ == "__main__":
    lib.run(globals())
