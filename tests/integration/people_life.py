#!/usr/bin/env python3
"""People come and go over HTTP: leaving, accounts that end, break-glass, the access review; C40,
C42, C44, C45. Races run over real connections, beside real commits.
"""

import csv
import io
import json
import os
import signal
import subprocess
import threading
import time

import lib
import values as val
from client import Client, Partner, Person
from lib import check, equal, wait_for

HUFU = os.path.join(lib.BUILD, "hufu")
AT_ONCE = 32
HAMMERS = 8
DENIED = "kettle-at-noon"
PEOPLE = {}


def person(v, name):
    return PEOPLE.setdefault(name, Person(v, name)).ready()


def enrolled(v, name, role="operator", **more):
    """A new person who can sign in at once, signed in."""
    new = person(v, "sara").post("/v1/users", {"name": name, "role": role, **more})
    new = new.expect(201).json()
    v.dev["users"].append({"name": name, "role": role, "password": new["initial_password"],
                           "totp_secret": new["totp_secret"]})
    return person(v, name)


def leave(v, name):
    return person(v, "sara").post("/v1/users/%s/leave" % name, {"reason": "leaves us"})


def state_of(v, name):
    items = person(v, "aude").get("/v1/users?limit=1000").expect(200).json()["items"]
    return next(i["state"] for i in items if i["name"] == name)


def entries(v, since=0):
    """The log from an index on, as objects."""
    aude, found = person(v, "aude"), []
    while True:
        page = aude.get("/v1/audit/entries?from=%d&limit=1000" % since).expect(200).json()
        found += [json.loads(e["line"]) for e in page["entries"]]
        since += len(page["entries"])
        if since >= page["size"]:
            return found


def hammering(v, session, work, until):
    """Calls work again and again over connections of their own; (began, status) of each call."""
    found, lock = [], threading.Lock()

    def run():
        client, mine = Client(v), []
        while not until.is_set():
            began = time.monotonic()
            mine.append((began, work(client, {"Authorization": "Bearer " + session}).status))
        with lock:
            found.extend(mine)

    threads = [threading.Thread(target=run) for _ in range(HAMMERS)]
    for t in threads:
        t.start()
    return threads, found


def test_C40_leaving_holds_for_the_very_next_request(v):
    """Whoever asks after the answer is out; nobody is in between."""
    for round_ in range(5):
        name = "leaver-%d" % round_
        who, until = enrolled(v, name), threading.Event()
        threads, found = hammering(
            v, who.session, lambda c, h: c.get("/v1/whoami", headers=h), until)
        time.sleep(0.2)
        equal(leave(v, name).expect(200).json(), {"name": name, "state": "left"}, "reply")
        over = time.monotonic()
        time.sleep(0.2)
        until.set()
        for t in threads:
            t.join()
        before = [s for began, s in found if began < over]
        after = [s for began, s in found if began >= over]
        check(before.count(200) > 10 and len(after) > 10, "too few requests to tell")
        equal(set(after), {401}, "answers after the leave")
        check(set(before) <= {200, 401}, "answers before: %s" % set(before))


def test_C40_reveals_race_the_leave(v):
    """The log has no value given out behind the line that ends the rights."""
    token = Partner(v).token("cards", val.pan())
    purpose = v.purpose("cards")
    since = person(v, "aude").get("/v1/audit/entries?from=0&limit=1").json()["size"]
    for round_ in range(3):
        name = "teller-%d" % round_
        who, until = enrolled(v, name), threading.Event()
        body = {"domain": "cards", "token": token, "purpose": purpose, "reason": "case 7"}
        who.post("/v1/detokenize", body).expect(200)
        threads, found = hammering(
            v, who.session, lambda c, h: c.post("/v1/detokenize", body, headers=h), until)
        time.sleep(0.3)
        leave(v, name).expect(200)
        time.sleep(0.2)
        until.set()
        for t in threads:
            t.join()
        check({s for _, s in found} <= {200, 401}, "answers: %s" % {s for _, s in found})
        lines = [e for e in entries(v, since) if e.get("principal") == name
                 or (e["verb"] == "user-leave" and e["purpose"] == name)]
        end = next(i for i, e in enumerate(lines) if e["verb"] == "user-leave")
        given = [i for i, e in enumerate(lines)
                 if e["verb"] == "detokenize" and e["result"] == "ok"]
        check(given and max(given) < end, "a value behind the leave")
        equal(len(given), [s for _, s in found].count(200) + 1, "values given and recorded")


def test_C40_who_left_stays_away(v):
    who = enrolled(v, "gone")
    open_code = who.next_code()
    leave(v, "gone").expect(200)
    who.try_login(otp=open_code).expect(401, "unauthenticated")
    sara = person(v, "sara")
    sara.post("/v1/users", {"name": "gone", "role": "operator"}).expect(409, "conflict")
    for verb in ("freeze", "unfreeze"):
        sara.post("/v1/users/gone/" + verb, {"reason": "tries"}).expect(409, "conflict")
    for kind in ("reset-factor", "reset-password", "break-glass"):
        sara.post("/v1/ceremonies", {"kind": kind, "subject": "gone", "reason": "tries"}
                  ).expect(409, "conflict")
    leave(v, "sara").expect(403, "forbidden")
    leave(v, "sven").expect(409, "conflict")
    leave(v, "nobody-here").expect(404, "not_found")
    person(v, "olga").post("/v1/users/omar/leave", {"reason": "no"}).expect(403, "forbidden")
    sara.post("/v1/users/omar/leave", {}).expect(400, "bad_request")
    equal(state_of(v, "gone"), "left", "state")


def test_C40_an_account_that_ends(v):
    who = enrolled(v, "nils", expires_in=6, group="night-shift")
    found = who.get("/v1/whoami").expect(200)
    end = time.monotonic() + 20
    while who.get("/v1/whoami").status == 200:
        check(time.monotonic() < end, "the account does not end")
        time.sleep(0.2)
    who.get("/v1/whoami").expect(401, "unauthenticated")
    wait_for(lambda: state_of(v, "nils") == "frozen", 10, "frozen by the sweeper", pause=0.5)
    check(any(e["verb"] == "user-expire" and e["purpose"] == "nils" for e in entries(v)),
          "no entry of it")
    person(v, "sara").post("/v1/users/nils/unfreeze", {"reason": "more"}).expect(409, "conflict")
    check(found, "whoami")
    for body in ({"expires_in": 0}, {"expires_in": "6"}, {"group": "Night"}, {"sealed": 1},
                 {"sealed": True, "expires_in": 60}, {"left": True}):
        person(v, "sara").post("/v1/users", {"name": "nobody-new", "role": "operator", **body}
                               ).expect(400, "bad_request")


def opened(v, name):
    """Opens a sealed account; its person, who has not yet signed in."""
    sara, sven = person(v, "sara"), person(v, "sven")
    told = sara.post("/v1/ceremonies", {"kind": "break-glass", "subject": name,
                                        "reason": "incident 12"}).expect(201).json()
    check("totp_secret" not in told, "who proposes is told the code's secret")
    sara.post("/v1/ceremonies/%s/approve" % told["id"]).expect(409, "already_approved")
    done = sven.post("/v1/ceremonies/%s/approve" % told["id"]).expect(200).json()
    check("initial_password" not in done, "who seconds is told the password")
    equal(done["state"], "done", "state of the ceremony")
    account = {"name": name, "role": "operator", "password": told["initial_password"],
               "totp_secret": done["totp_secret"]}
    v.dev["users"] = [u for u in v.dev["users"] if u["name"] != name] + [account]
    v.steps.pop(name, None)
    return Person(v, name)


def test_C44_break_glass(v):
    sara = person(v, "sara")
    made = sara.post("/v1/users", {"name": "glass", "role": "operator", "sealed": True})
    equal(made.expect(201).json(), {"name": "glass", "state": "sealed"}, "reply")
    sara.post("/v1/users/glass/unfreeze", {"reason": "tries"}).expect(409, "conflict")
    who = opened(v, "glass")
    code = who.next_code()
    gate, statuses, sessions = threading.Barrier(AT_ONCE), [], []

    def run():
        client = Client(v)
        gate.wait()
        reply = client.post("/v1/sessions", {"user": "glass", "password":
                                             who.account["password"], "otp": code})
        statuses.append(reply.status)
        if reply.status == 201:
            sessions.append(reply.json()["session"])

    threads = [threading.Thread(target=run) for _ in range(AT_ONCE)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    equal((statuses.count(201), len(sessions)), (1, 1), "sessions of 32 log-ins at once")
    check(set(statuses) <= {201, 401, 503}, "answers: %s" % set(statuses))
    who.session = sessions[0]
    who.reveal("cards", Partner(v).token("cards", val.pan())).expect(200)
    who.try_login().expect(401, "unauthenticated")  # with a code of the next step
    found = [e for e in entries(v) if e["verb"] == "alarm" and e.get("principal") == "glass"]
    equal(["rule=break-glass grade=high" in e["purpose"] for e in found], [True] * 2, "alarms")
    who.request("DELETE", "/v1/sessions/current").expect(204)
    wait_for(lambda: state_of(v, "glass") == "sealed", 10, "sealed again", pause=0.5)
    who.try_login().expect(401, "unauthenticated")
    check(any(e["verb"] == "break-glass-seal" and e["reason"] == "used=yes" for e in entries(v)),
          "no entry of the seal")
    again = opened(v, "glass")
    check(again.account["password"] != who.account["password"], "the password is the old one")
    again.login()
    again.get("/v1/whoami").expect(200)


def review(v, limit=1000):
    aude, found, after = person(v, "aude"), [], ""
    while True:
        page = aude.get("/v1/access-review?limit=%d%s" % (limit, after)).expect(200).json()
        found += page["items"]
        if page["next"] is None:
            return found
        after = "&after=" + page["next"]


def test_C45_review_is_of_everyone(v):
    aude, sara = person(v, "aude"), person(v, "sara")
    for name in ("left-one", "iced-one"):
        sara.post("/v1/users", {"name": name, "role": "operator"}).expect(201)
    leave(v, "left-one").expect(200)
    sara.post("/v1/users/iced-one/freeze", {"reason": "incident 12"}).expect(200)
    all_ = review(v)
    for kind, path in (("user", "/v1/users"), ("partner", "/v1/partners")):
        want = [i["name"] for i in aude.get(path + "?limit=1000").expect(200).json()["items"]]
        equal([i["name"] for i in all_ if i["kind"] == kind], want, "%ss" % kind)
    changed_since(all_, review(v, 3))
    by_name = {i["name"]: i for i in all_ if i["kind"] == "user"}
    check("detokenize" in by_name["olga"]["may"] and "user-add" not in by_name["olga"]["may"],
          "what an operator may")
    equal(by_name["left-one"]["may"], [], "what who left may")
    check("never-used" in by_name["rita"]["findings"], "rita never came")
    equal(by_name["iced-one"]["findings"], ["frozen"], "findings about who is frozen")
    check(by_name["aude"]["last_used_at"].endswith("Z"), "last use")
    aude.get("/v1/access-review?after=users%2folga").expect(400)
    aude.get("/v1/access-review?after=olga").expect(400, "bad_request")
    aude.get("/v1/access-review?limit=0").expect(400, "bad_request")
    person(v, "olga").get("/v1/access-review").expect(403, "forbidden")
    lines = [e for e in entries(v) if e["verb"] == "access-review" and e["result"] == "ok"]
    check(lines and lines[0]["principal"] == "aude" and "items=" in lines[0]["reason"], "entries")


def changed_since(one, other):
    """Log-ins between two reviews move times; names and states have to be the same."""
    def plain(items):
        return [(i["kind"], i["name"], i["state"], i["role"]) for i in items]
    equal(plain(one), plain(other), "people and partners of two reviews")
    return True


def hufu(v, *arguments, given=""):
    done = subprocess.run([HUFU, "--dev", v.dir] + list(arguments), input=given, text=True,
                          capture_output=True, timeout=60, env=dict(os.environ, HOME=v.top))
    return done.returncode, done.stdout, done.stderr


def test_C45_review_by_the_command_line(v):
    aude = Person(v, "aude")
    given = "%s\n%s\n" % (aude.account["password"], aude.next_code())
    equal(hufu(v, "-q", "login", "aude", given=given)[0], 0, "login")
    code, out, err = hufu(v, "--as", "aude", "access", "review", "--json")
    equal(code, 0, "exit code (%s)" % err.strip()[:200])
    rows = [json.loads(line) for line in out.splitlines()]
    changed_since(sorted(rows, key=lambda i: (i["kind"], i["name"])), review(v))
    found = [bool(i["findings"]) for i in rows]
    check(True in found and False in found, "findings of some")
    equal(found, sorted(found, reverse=True), "those with findings first")
    code, out, err = hufu(v, "--as", "aude", "access", "review", "--csv")
    equal(code, 0, "exit code (%s)" % err.strip()[:200])
    table = list(csv.reader(io.StringIO(out)))
    equal(table[0][:6], ["name", "kind", "role", "state", "group", "findings"], "head")
    equal(len(table), len(rows) + 1, "records")
    code, out, _ = hufu(v, "--as", "aude", "-o", "table", "access", "review")
    check(code == 0 and out.startswith("name") and "detokenize" not in out, "table")
    check(hufu(v, "--as", "aude", "--json", "access", "review", "--csv")[0] == 1, "two forms")


def test_people_by_the_command_line(v):
    sara = Person(v, "sara")
    given = "%s\n%s\n" % (sara.account["password"], sara.next_code())
    equal(hufu(v, "-q", "login", "sara", given=given)[0], 0, "login")
    code, out, err = hufu(v, "--as", "sara", "--json", "user", "add", "cli-user", "--role",
                          "operator", "--group", "night-shift", "--expires-in", "600")
    check(code == 0 and "initial_password" in json.loads(out), err)
    code, out, err = hufu(v, "--as", "sara", "--json", "user", "add", "cli-glass", "--role",
                          "operator", "--sealed")
    equal((code, json.loads(out)), (0, {"name": "cli-glass", "state": "sealed"}), "sealed " + err)
    code, out, err = hufu(v, "--as", "sara", "--json", "user", "break-glass", "cli-glass",
                          "--reason", "incident 12")
    check(code == 0 and "initial_password" in json.loads(out), err)
    code, out, _ = hufu(v, "--as", "sara", "user", "leave", "cli-user", "--reason", "x",
                        "--dry-run")
    check(code == 0 and state_of(v, "cli-user") == "active", "a dry run")
    equal(hufu(v, "--as", "sara", "user", "leave", "cli-user", "--reason", "leaves us")[0], 0,
          "leave")
    equal(state_of(v, "cli-user"), "left", "state")


def test_C42_denied_passwords(v):
    """The list is read at the start and on SIGHUP; one that is damaged changes nothing."""
    path = v.path("deny.txt")

    def write(data):
        with open(path, "wb") as f:
            f.write(data)

    def change(who, new):
        return who.post("/v1/sessions/current/password",
                        {"password": who.account["password"], "new_password": new})

    def reload(event):
        before = v.log_bytes().count(event)
        os.kill(v.proc.pid, signal.SIGHUP)
        wait_for(lambda: v.log_bytes().count(event) > before, 10, event.decode())

    write(DENIED.upper().encode() + b"\n")
    who = enrolled(v, "denied")
    v.stop()
    v.start(options=["auth.deny_file=" + path])
    who.ready()
    change(who, DENIED + "2026").expect(400, "bad_request")
    write(b"other-kettle-17\n")
    reload(b"core.deny_file")
    change(who, "Other-Kettle-17").expect(400, "bad_request")
    write(b"broken \xff\n")
    reload(b"core.deny_file")
    change(who, "Other-Kettle-17").expect(400, "bad_request")
    old = who.account["password"]
    change(who, DENIED + "2026").expect(204)
    who.account["password"] = DENIED + "2026"
    change(who, old).expect(400, "bad_request")  # they had it before
    v.stop()
    done = subprocess.run([os.path.join(lib.BUILD, "hufud"), "-c", v.path("hufu.conf"), "-o",
                           "front.port=%d" % v.port, "-o", "auth.deny_file=" + path],
                          capture_output=True, timeout=60, cwd=lib.ROOT, env=v.environ)
    check(done.returncode != 0, "a damaged list is taken at the start")
    check(b"core.deny_file" in done.stderr and b"not-utf-8-text" in done.stderr
          and b"broken" not in done.stderr, "what is said of it")
    v.start()


if __name__ == "__main__":
    lib.run(globals(), ["limit.reveals_per_factor=100000", "limit.reveals_per_day=100000"])
