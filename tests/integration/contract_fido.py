#!/usr/bin/env python3
"""FIDO2 keys by HTTP, with a key in software: shapes, one refusal for everything, 32 at once."""

import json
import threading

import lib
import values as val
from client import Client, Partner, Person
from lib import check, equal
from soft_key import UP, UV, SoftKey

P = {}  # people with a session, and the key
REASON = "asked for in person"


def plain(reply):
    found = reply.json()
    found.pop("request_id")
    return str(sorted(found.items())) + str(sorted(k.lower() for k in reply.headers.keys()))


def ceremony(kind, subject):
    body = {"kind": kind, "subject": subject, "reason": REASON}
    found = P["sara"].ready().post("/v1/ceremonies", body).expect(201).json()["id"]
    P["sven"].ready().post("/v1/ceremonies/%s/approve" % found).expect(200)
    return found


def challenge_of(v, user="olga"):
    return Client(v).post("/v1/sessions/challenge", {"user": user}).expect(200).members(
        "challenge", "credentials", "expires_at", "rp_id")


def log_in(v, shown, name="olga", user=None):
    return Client(v).post("/v1/sessions", {"user": user or name,
                                           "password": v.user(name)["password"], **shown})


def step_challenge(**meant):
    return P["olga"].post("/v1/sessions/current/challenge", meant).expect(200).json()


def step_up(shown):
    return P["olga"].post("/v1/sessions/current/step-up", shown)


def at_once(v, path, body, n=32):
    """The statuses of so many equal requests in olga's session, each on a connection of its own."""
    gate, statuses = threading.Barrier(n), []

    def ask():
        person = Person(v, "olga")
        person.session = P["olga"].session
        person.get("/v1/whoami")  # the connection is there
        gate.wait()
        statuses.append(person.post(path, body).status)

    threads = [threading.Thread(target=ask) for _ in range(n)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return sorted(statuses)


def test_C21_enrolment_of_many_at_once(v):
    for name in ("sara", "sven", "olga"):
        P[name] = Person(v, name).ready()
    P["key"] = SoftKey("https://localhost:%d" % v.port)
    path = "/v1/ceremonies/%s/key" % ceremony("enrol-key", "olga")
    P["sven"].post(path + "-challenge").expect(404, "not_found")  # it is about olga
    asked = P["olga"].post(path + "-challenge").expect(200).members(
        "challenge", "exclude", "expires_at", "rp_id", "user")
    equal((asked["rp_id"], asked["user"], asked["exclude"]), ("localhost", "olga", []), "asked")
    equal(len(asked["challenge"]), 119, "length of a challenge")
    made = P["key"].make(asked["challenge"])
    P["sven"].post(path, made).expect(404, "not_found")
    P["olga"].post(path, {**made, "attestation": made["attestation"][:-4]}).expect(
        401, "unauthenticated")
    statuses = at_once(v, path, made)
    equal(statuses, [201] + [409] * 31, "answers")
    check(len(challenge_of(v)["credentials"]) == 4, "four ids, hers among them")


def test_C21_login_reply(v):
    shown = P["key"].show(challenge_of(v)["challenge"])
    found = log_in(v, shown).expect(201).members("session", "user", "role", "expires_at")
    P["olga"].session = found["session"]
    P["olga"].get("/v1/whoami").expect(200)
    log_in(v, shown).expect(401, "unauthenticated")


def test_C21_uniform_refusals(v):
    """Whatever is wrong, for whomever: the same bytes but for the request's id."""
    key, asked = P["key"], challenge_of(v)["challenge"]
    foreign = challenge_of(v, "omar")["challenge"]
    forged = asked[:9] + ("A" if asked[9] != "A" else "B") + asked[10:]
    ways = ({"kind": "webauthn.create"}, {"origin": "https://localhost"}, {"cross": True},
            {"flags": UP}, {"flags": UV}, {"rp_id": "localhost.evil"}, {"challenge": foreign},
            {"challenge": forged})
    others = ({"credential": "QUJD"}, {"signature": "QUJD"}, {"client_data": "%"})
    seen = set()

    def refused(shown, user="olga"):
        seen.add(plain(log_in(v, shown, user=user).expect(401, "unauthenticated")))
        right = key.show(challenge_of(v)["challenge"])  # it was that alone, and nobody waits
        log_in(v, right).expect(201)

    for way in ways:
        refused(key.show(**{"challenge": asked, **way}))
    for other in others:
        refused({**key.show(asked), **other})
    refused({"recovery_code": "AAAA-AAAA-AAAA-AAAA"})
    for user in ("nobody-here", "omar"):
        refused(key.show(asked), user)
    equal(len(seen), 1, "different refusals")
    log_in(v, key.show(asked)).expect(201)


def test_C21_step_up_of_many_at_once(v):
    token = Partner(v).token("cards", val.pan())
    meant = {"domain": "cards", "token": token, "purpose": v.purpose("cards"), "reason": "case 3"}
    asked = step_challenge(verb="detokenize", **meant)
    equal(sorted(asked), ["challenge", "credentials", "digest", "expires_at", "rp_id"], "members")
    shown = P["key"].show(asked["challenge"])
    equal(at_once(v, "/v1/sessions/current/step-up", shown), [204] + [401] * 31, "step-ups")
    equal(at_once(v, "/v1/detokenize", {**meant, "reason": "case 4"}), [401] * 32, "of another")
    equal(at_once(v, "/v1/detokenize", meant), [200] + [401] * 31, "of the request that is meant")
    P["olga"].post("/v1/detokenize", meant).expect(401, "step_up_required")


def test_C21_what_is_meant(v):
    olga, path = P["olga"], "/v1/sessions/current/challenge"
    meant = {"verb": "detokenize", "domain": "cards", "token": "1", "purpose": "p", "reason": "r"}
    olga.post(path, meant).expect(200)
    for change, field in (({"verb": "whoami"}, "/verb"), ({"verb": "no-such"}, "/verb"),
                          ({"kind": "k"}, "/kind")):
        reply = olga.post(path, {**meant, **change}).expect(400, "bad_request")
        equal(reply.json().get("field"), field, "field")
    olga.post(path, {**meant, "verb": "user-freeze"}).expect(403, "forbidden")
    del meant["reason"]
    equal(olga.post(path, meant).expect(400).json().get("field"), "/reason", "field")
    Client(v).post(path, {}).expect(401, "unauthenticated")


def test_C04_no_name_tells_whether_it_has_a_key(v):
    seen = {name: challenge_of(v, name) for name in ("olga", "omar", "nobody-here")}
    for name, found in seen.items():
        equal([len(i) for i in found["credentials"]], [43] * 4, "ids of " + name)
        equal(challenge_of(v, name)["credentials"], found["credentials"], "ids are steady")
    equal(len({json.dumps(f["credentials"]) for f in seen.values()}), 3, "lists")


def test_C40_a_reset_takes_the_key(v):
    ceremony("reset-factor", "olga")
    log_in(v, P["key"].show(challenge_of(v)["challenge"])).expect(401, "unauthenticated")


if __name__ == "__main__":
    lib.run(globals())
