#!/usr/bin/env python3
"""The life of a token: suspend, resume, revoke, delete, replace, expiry; keys of idempotency."""

import threading
import time
import uuid

import lib
import values as val
from client import Partner, Person
from contract_tokenize import unknown_token
from lib import check, equal

PEOPLE = {}
VERBS = ("suspend", "resume", "revoke", "delete")
AFTER = {"suspend": "suspended", "resume": "active", "revoke": "revoked", "delete": "deleted"}


def person(v, name):
    return PEOPLE.setdefault(name, Person(v, name)).ready()


def token_in(acme, state):
    """A new card and its token, brought into a state."""
    value = val.pan()
    token = acme.token("cards", value)
    way = {"active": (), "suspended": ("suspend",), "revoked": ("revoke",),
           "deleted": ("delete",)}[state]
    for verb in way:
        acme.change(verb, "cards", token).expect(200)
    return value, token


def test_every_state_by_every_verb(v):
    acme, wrong = Partner(v), []
    for state in ("active", "suspended", "revoked", "deleted"):
        for verb in VERBS:
            _, token = token_in(acme, state)
            reply = acme.change(verb, "cards", token)
            open_ended = state in ("active", "suspended")
            want = 200 if open_ended or AFTER[verb] == state else 409
            if reply.status != want or (want == 409 and reply.code() != "conflict"):
                wrong.append("%s of a token that is %s: %r" % (verb, state, reply))
                continue
            if want == 200 and reply.members("state") != {"state": AFTER[verb]}:
                wrong.append("%s of a token that is %s: %r" % (verb, state, reply))
            now = acme.state("cards", token)
            if now != (AFTER[verb] if want == 200 else state):
                wrong.append("%s of a token that is %s leaves it %s" % (verb, state, now))
    check(not wrong, "; ".join(wrong))


def test_suspended(v):
    acme = Partner(v)
    value, token = token_in(acme, "suspended")
    acme.tokenize("cards", value).expect(409, "token_suspended")
    other = val.pan()
    found = acme.batch("cards", [value, other])
    equal(found[0]["error"]["code"], "token_suspended", "code of the item")
    check("token" in found[1], "the item beside it failed")
    acme.lookup("cards", value).expect(404, "not_found")
    acme.change("resume", "cards", token).expect(200)
    equal(acme.tokenize("cards", value).expect(200).json(),
          {"token": token, "created": False, "expires_at": None}, "reply after resume")
    equal(acme.lookup("cards", value).expect(200).json()["token"], token, "look-up after resume")


def test_revoked_and_deleted_values_get_a_new_token(v):
    acme, olga = Partner(v), person(v, "olga")
    for state in ("revoked", "deleted"):
        value, token = token_in(acme, state)
        acme.lookup("cards", value).expect(404, "not_found")
        again = acme.tokenize("cards", value).expect(200).json()
        equal(again["created"], True, "created after " + state)
        check(again["token"] != token, "a %s token was issued again" % state)
        equal(acme.state("cards", token), state, "state of the old token")
        equal(olga.value("cards", again["token"]), value, "value of the new token")
        acme.tokenize("cards", token).expect(422, "already_token")


def test_unknown_token(v):
    acme = Partner(v)
    text = unknown_token(acme)
    for verb in VERBS:
        acme.change(verb, "cards", text).expect(404, "not_found")
        acme.change(verb, "cards", val.pan()).expect(422, "not_token")


def test_reason(v):
    acme = Partner(v)
    _, token = token_in(acme, "active")
    for verb in VERBS:
        acme.post("/v1/tokens/" + verb, {"domain": "cards", "token": token}).expect(400)
        for text in (val.pan(), "id " + val.cn_id(), val.spaced(val.pan(), by="-")):
            reply = acme.change(verb, "cards", token, text).expect(422, "value_in_text")
            equal(reply.json().get("field"), "/reason", "field")
        acme.change(verb, "cards", token, "x" * 129).expect(400, "bad_request")
    equal(acme.state("cards", token), "active", "state after refusals")


def test_security_admin_may(v):
    acme, sara = Partner(v), person(v, "sara")
    _, token = token_in(acme, "active")
    for verb in ("suspend", "resume", "revoke"):
        body = {"domain": "cards", "token": token, "reason": "fraud case"}
        equal(sara.post("/v1/tokens/" + verb, body).expect(200).json()["state"], AFTER[verb],
              "state after " + verb)


def test_C07_lifecycle_replay(v):
    acme, head = Partner(v), {"Idempotency-Key": str(uuid.uuid4())}
    _, token = token_in(acme, "active")
    body = {"domain": "cards", "token": token, "reason": "stolen"}
    first = acme.post("/v1/tokens/suspend", body, headers=head).expect(200)
    acme.change("resume", "cards", token).expect(200)
    again = acme.post("/v1/tokens/suspend", body, headers=head).expect(200)
    equal((again.json(), again.headers.get("Idempotency-Replayed")), (first.json(), "true"),
          "replay")
    equal(acme.state("cards", token), "active", "a replay changed the state")


def replace(acme, token, value, domain="cards", reason="card reissued", **more):
    body = {"domain": domain, "token": token, "value": value, "reason": reason}
    return acme.post("/v1/tokens/replace", body, **more)


def test_replace(v):
    acme, olga = Partner(v), person(v, "olga")
    old, token = token_in(acme, "active")
    new = val.pan_beside(old)
    found = replace(acme, token, val.spaced(new)).expect(200).members("token", "created",
                                                                      "expires_at")
    equal(found, {"token": token, "created": False, "expires_at": None}, "reply")
    acme.lookup("cards", old).expect(404, "not_found")
    equal(acme.lookup("cards", new).expect(200).json()["token"], token, "token of the new value")
    equal(acme.tokenize("cards", new).expect(200).json()["created"], False, "created")
    again = acme.tokenize("cards", old).expect(200).json()
    check(again["created"] is True and again["token"] != token, "the old value keeps its token")
    equal(olga.value("cards", token), new, "value of the token")
    equal(replace(acme, token, new).expect(200).json(), found, "the same value again")
    replace(acme, token, old).expect(409, "conflict")  # it has a token of its own now
    first, second = val.iban("DE"), val.iban("DE")
    account = acme.token("accounts", first)
    equal(replace(acme, account, second, "accounts").expect(200).json()["token"], account, "token")
    equal(olga.value("accounts", account), second, "value of the account's token")


def test_replace_refusals(v):
    acme, zeta = Partner(v), Partner(v, "zeta")
    value, token = token_in(acme, "active")
    new = val.pan_beside(value)
    body = {"domain": "cards", "token": token, "value": new, "reason": "r"}
    for member in body:
        less = {k: x for k, x in body.items() if k != member}
        acme.post("/v1/tokens/replace", less).expect(400, "bad_request")
    other = val.pan(prefix="34" + value[2:6], length=len(value))
    for text in (other, val.pan(13), val.other_check_digit(new), value[:-4]):
        reply = replace(acme, token, text).expect(422, "invalid_value")
        equal(reply.json().get("field"), "/value", "field")
    reply = replace(acme, token, token).expect(422, "already_token")
    equal(reply.json().get("field"), "/value", "field")
    reply = replace(acme, value, new).expect(422, "not_token")
    equal(reply.json().get("field"), "/token", "field")
    reply = replace(acme, token, new, reason="was " + value).expect(422, "value_in_text")
    equal(reply.json().get("field"), "/reason", "field")
    account = val.iban("DE")
    reply = replace(acme, acme.token("accounts", account), val.iban("NL"), "accounts")
    equal(reply.expect(422, "invalid_value").json().get("field"), "/value", "field")
    replace(zeta, token, new).expect(403, "forbidden")
    free = val.other_check_digit(val.pan_beside(value))
    while acme.inspect("cards", free).status != 404:
        free = val.other_check_digit(val.pan_beside(value))
    replace(acme, free, val.pan_beside(free)).expect(404, "not_found")
    for state in ("suspended", "revoked", "deleted"):
        value, dead = token_in(acme, state)
        replace(acme, dead, val.pan_beside(value)).expect(409, "conflict")
    person(v, "sara").post("/v1/tokens/replace", body).expect(403, "forbidden")


def test_replace_by_16_at_once(v):
    """Sixteen tokens and one new value: it goes to one of them."""
    base = val.pan()
    clients = [Partner(v) for _ in range(16)]
    tokens = [c.token("cards", val.pan_beside(base)) for c in clients]
    replies, gate = [None] * len(clients), threading.Barrier(len(clients))

    def ask(i):
        gate.wait()
        replies[i] = replace(clients[i], tokens[i], base)

    run_all(ask, len(clients))
    won = [i for i, r in enumerate(replies) if r.status == 200]
    equal(len(won), 1, "tokens that got the value: %s" % replies)
    check(all(r.status == 200 or r.code() == "conflict" for r in replies), "codes")
    found = clients[0].tokenize("cards", base).expect(200).json()
    equal((found["token"], found["created"]), (tokens[won[0]], False), "token of the value")


def test_replace_to_and_fro_under_lookups(v):
    """Two look-ups are not one moment: nobody is told 503, or a token that is not the value's."""
    acme = Partner(v)
    first, token = token_in(acme, "active")
    pair = (first, val.pan_beside(first))
    clients, wrong = [Partner(v) for _ in range(8)], []

    def ask(i):
        for n in range(150):
            value = pair[(i + n) % 2]
            if i < 4:
                reply = replace(clients[i], token, value)
                good = reply.status == 200
            else:
                reply = clients[i].lookup("cards", value)
                good = reply.status == 404 or reply.json().get("token") == token
            if not good:
                wrong.append(repr(reply))

    run_all(ask, len(clients))
    check(not wrong, "%d of 1,200: %s" % (len(wrong), wrong[:2]))
    found = [acme.lookup("cards", value).status for value in pair]
    equal(sorted(found), [200, 404], "look-ups at the end")


def run_all(work, count):
    threads = [threading.Thread(target=work, args=(i,)) for i in range(count)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()


def test_C07_every_change_under_a_key(v):
    """Done once, answered twice; another body under the key is refused and changes nothing."""
    acme = Partner(v)
    for verb in VERBS + ("replace",):
        value, token = token_in(acme, "suspended" if verb == "resume" else "active")
        _, second = token_in(acme, "active")
        body = {"domain": "cards", "token": token, "reason": "as asked"}
        if verb == "replace":
            body["value"] = val.pan_beside(value)
        head = {"Idempotency-Key": str(uuid.uuid4())}
        path = "/v1/tokens/" + verb
        first = acme.post(path, body, headers=head).expect(200)
        check("Idempotency-Replayed" not in first.headers, "the first %s is marked" % verb)
        again = acme.post(path, body, headers=head).expect(200)
        equal((again.body, again.headers.get("Idempotency-Replayed")), (first.body, "true"), verb)
        acme.post(path, dict(body, token=second), headers=head).expect(
            422, "idempotency_mismatch")
        equal(acme.state("cards", second), "active", "state after a mismatch of " + verb)


def test_C07_a_refusal_is_replayed(v):
    acme, head = Partner(v), {"Idempotency-Key": str(uuid.uuid4())}
    _, token = token_in(acme, "revoked")
    body = {"domain": "cards", "token": token, "reason": "as asked"}
    first = acme.post("/v1/tokens/suspend", body, headers=head).expect(409, "conflict")
    again = acme.post("/v1/tokens/suspend", body, headers=head).expect(409, "conflict")
    check("Idempotency-Replayed" not in first.headers, "the first is marked")
    equal(again.headers.get("Idempotency-Replayed"), "true", "header of the replay")


def test_C07_a_change_in_flight(v):
    """32 connections, one key: one changes the token, the others wait and get its answer."""
    acme, head = Partner(v), {"Idempotency-Key": str(uuid.uuid4())}
    value, token = token_in(acme, "active")
    body = {"domain": "cards", "token": token, "value": val.pan_beside(value), "reason": "reissue"}
    clients, replies = [Partner(v) for _ in range(32)], []
    gate = threading.Barrier(len(clients))

    def ask(i):
        clients[i].get("/v1/whoami")
        gate.wait()
        replies.append(clients[i].post("/v1/tokens/replace", body, headers=head))

    run_all(ask, len(clients))
    equal({r.status for r in replies}, {200}, "statuses")
    equal(sum("Idempotency-Replayed" not in r.headers for r in replies), 1, "first answers")


def test_C07_ceremonies_under_a_key(v):
    carl, cora = person(v, "carl"), person(v, "cora")

    def twice(who, path, body, status):
        head = {"Idempotency-Key": str(uuid.uuid4())}
        first = who.post(path, body, headers=head).expect(status)
        again = who.post(path, body, headers=head).expect(status)
        check("Idempotency-Replayed" not in first.headers, "the first of %s is marked" % path)
        equal((again.body, again.headers.get("Idempotency-Replayed")), (first.body, "true"), path)
        other = who.post(path, dict(body, reason="another"), headers=head)
        other.expect(422 if "reason" in body else 400)
        return first.json()

    ask = {"kind": "rotate-kek", "reason": "yearly"}
    made = twice(carl, "/v1/ceremonies", ask, 201)
    items = carl.get("/v1/ceremonies").expect(200).json()["items"]
    equal(len([c for c in items if c["state"] == "proposed"]), 1, "ceremonies proposed")
    ended = twice(cora, "/v1/ceremonies/%s/cancel" % made["id"], {"reason": "not now"}, 200)
    equal(ended["state"], "cancelled", "state")
    made = twice(carl, "/v1/ceremonies", ask, 201)
    agreed = twice(cora, "/v1/ceremonies/%s/approve" % made["id"], {}, 200)
    equal([a["user"] for a in agreed["approvals"]], ["carl", "cora"], "approvals")


def test_expired_tokens_are_swept(v):
    """The sweeper's operation is in the log, and nobody can tell from the token."""
    acme, aude = Partner(v), person(v, "aude")
    start = aude.get("/v1/audit/entries?from=0&limit=1").expect(200).json()["size"]
    cards = [val.pan() for _ in range(20)]
    body = {"domain": "cards", "values": cards, "expires_in": 1}
    tokens = [r["token"] for r in acme.post("/v1/tokenize", body).expect(200).json()["results"]]
    time.sleep(1.1)
    equal({acme.state("cards", t) for t in tokens}, {"expired"}, "states before")

    def swept():
        reply = aude.get("/v1/audit/entries?from=%d&limit=1000" % start).expect(200)
        found = [lib.json.loads(e["line"]) for e in reply.json()["entries"]]
        return sum(len(e["token_id"].split(",")) for e in found
                   if e["verb"] == "token-expire" and e["domain"] == "cards") >= len(cards)
    lib.wait_for(swept, 15, "entries of the sweeper", 0.3)
    equal({acme.state("cards", t) for t in tokens}, {"expired"}, "states after")
    acme.change("resume", "cards", tokens[0]).expect(409, "conflict")
    acme.change("suspend", "cards", tokens[0]).expect(409, "conflict")
    person(v, "olga").reveal("cards", tokens[0]).expect(404, "not_found")
    again = acme.tokenize("cards", cards[0]).expect(200).json()
    check(again["created"] is True and again["token"] != tokens[0], "an expired token came back")
    equal(acme.change("revoke", "cards", tokens[1]).expect(200).json()["state"], "revoked", "state")


def test_C26_changes_are_entries(v):
    acme, aude = Partner(v), person(v, "aude")
    _, token = token_in(acme, "active")
    start = aude.get("/v1/audit/entries?from=0&limit=1").expect(200).json()["size"]
    acme.change("suspend", "cards", token, "lost 8152").expect(200)
    acme.change("resume", "cards", unknown_token(acme), "lost 8153").expect(404)

    def both():
        reply = aude.get("/v1/audit/entries?from=%d&limit=100" % start)
        return reply.status == 200 and b"lost 8152" in reply.body and b"lost 8153" in reply.body \
            and reply
    found = lib.wait_for(both, 3, "entries of a change and a refusal", 0.1)
    lines = [e["line"] for e in found.json()["entries"]]
    good = next(l for l in lines if "lost 8152" in l)
    bad = next(l for l in lines if "lost 8153" in l)
    for part in ('"principal":"acme"', '"verb":"suspend"', '"result":"ok"', '"domain":"cards"'):
        check(part in good, "%s is not in the entry" % part)
    check('"result":"not_found"' in bad, "the refusal's result")
    check(not any(token in l for l in lines), "a token is in the log")


if __name__ == "__main__":
    lib.run(globals(), ["sweep.pass_s=1"])
