#!/usr/bin/env python3
"""POST /v1/tokenize, /v1/tokens/lookup and /v1/tokens/inspect for partners."""

import os
import threading
import time
import uuid

import lib
import rfc6962 as tree
import values as val
from client import Client, Partner, Person
from lib import check, equal

SHAPE = ("token", "created", "expires_at")


def test_C14_card_token_shape(v):
    acme = Partner(v)
    for length in range(13, 20):
        value = val.pan(length)
        found = acme.tokenize("cards", value).expect(200).members(*SHAPE)
        check(val.is_pan_token(found["token"], value), "token of a card of %d digits" % length)
        equal(found["created"], True, "created")
        equal(found["expires_at"], None, "expires_at")
    check(acme.token("cards", val.CARD) != val.CARD, "token is the value")


def test_C14_id_and_iban_token_shape(v):
    acme = Partner(v)
    for check_character in (None, "X", "0"):
        token = acme.token("ids", val.cn_id(check_character))
        check(val.is_cn_id_token(token), "token of a resident ID")
    for country in ("DE", "GB", "NL", "AT"):
        value = val.iban(country)
        token = acme.token("accounts", value)
        check(val.is_iban_token(token, value), "token of an IBAN of " + country)


def test_C14_thousand_tokens_distinct_and_unbiased(v):
    acme = Partner(v)
    cards = [val.pan() for _ in range(1000)]
    cards = list(dict.fromkeys(cards))
    tokens = [r["token"] for r in acme.batch("cards", cards)]
    equal(len(set(tokens)), len(cards), "distinct tokens")
    check(all(val.is_pan_token(t, c) for t, c in zip(tokens, cards)), "shape of a token")
    for place in range(6, 12):
        counts = [sum(t[place] == d for t in tokens) for d in "0123456789"]
        chi2 = sum((n - len(tokens) / 10) ** 2 / (len(tokens) / 10) for n in counts)
        check(chi2 < 45, "digit %d is biased: %s" % (place, counts))  # p about 1e-6
    same = sum(t[6:12] == c[6:12] for t, c in zip(tokens, cards))
    check(same < 5, "%d tokens show the digits they should hide" % same)


def test_deterministic_same_token(v):
    acme, value = Partner(v), val.pan()
    first = acme.tokenize("cards", value).expect(200).json()
    second = acme.tokenize("cards", value).expect(200).json()
    equal(second, {"token": first["token"], "created": False, "expires_at": None}, "second reply")


def test_random_domain_new_token_each_time(v):
    acme, value = Partner(v), val.iban()
    replies = [acme.tokenize("accounts", value).expect(200).json() for _ in range(3)]
    equal(len({r["token"] for r in replies}), 3, "distinct tokens of one value")
    check(all(r["created"] is True for r in replies), "created is not true")


def test_C12_domains_do_not_share_tokens(v):
    acme, zeta = Partner(v), Partner(v, "zeta")
    cards = [val.pan() for _ in range(6)]
    ours = [acme.token("cards", c) for c in cards]
    theirs = [zeta.token("cards-zeta", c) for c in cards]
    check(ours != theirs and sum(a == b for a, b in zip(ours, theirs)) < 3,
          "two domains give the same tokens")


def test_canonical_form(v):
    acme = Partner(v)
    equal(acme.token("cards", val.CARD_SPACED), acme.token("cards", val.CARD), "spaced card")
    value = val.cn_id("X")
    equal(acme.token("ids", value.lower()), acme.token("ids", value), "lower-case x")
    value = val.iban("GB")
    token = acme.token("accounts", val.spaced(value.lower()))
    check(val.is_iban_token(token, value), "token of a lower-case, spaced IBAN")
    olga = Person(v, "olga").ready()
    equal(olga.value("accounts", token), value, "canonical form of the value")


def test_invalid_values(v):
    acme, card = Partner(v), val.pan()
    bad = ["", "4", card[:12], card + "0" * 4, val.other_check_digit(card), "x" + card[1:],
           " " + card, card + " ", card + "\n", "\t" + card, card.translate(val.FULL_WIDTH),
           card[:8] + "\u00a0" + card[8:], card[:8] + "\u3000" + card[8:], "-" + card, "+" + card,
           card + ".0", "0x" + card]
    for value in bad[1:]:
        reply = acme.tokenize("cards", value).expect(422, "invalid_value")
        equal(reply.json().get("field"), "/value", "field")
    status = acme.tokenize("cards", "").status
    check(status in (400, 422), "an empty value is answered %d" % status)
    for value in ("110105194912310021", "11010519490230002X", "11010519491331002X"):
        acme.tokenize("ids", value).expect(422, "invalid_value")
    for value in ("GB82WEST12345698765433", "GB82WEST1234569876543", "XX82WEST12345698765432",
                  "GB82WES712345698765432"):
        acme.tokenize("accounts", value).expect(422, "invalid_value")


def test_C14_a_token_is_recognised(v):
    acme, card = Partner(v), val.pan()
    token = acme.token("cards", card)
    acme.tokenize("cards", token).expect(422, "already_token")
    acme.tokenize("cards", val.spaced(token)).expect(422, "already_token")
    identity = acme.token("ids", val.cn_id())
    acme.tokenize("ids", identity).expect(422, "already_token")
    account = acme.token("accounts", val.iban())
    acme.tokenize("accounts", account).expect(422, "already_token")


def test_batch_outcomes_in_order(v):
    acme = Partner(v)
    a, b, wrong = val.pan(), val.pan(), val.other_check_digit(val.pan())
    token = acme.token("cards", a)
    found = acme.batch("cards", [b, wrong, {"value": a}, b, token,
                                 {"value": val.spaced(b), "subject": "s-1", "consent": "c-1"}])
    equal(len(found), 6, "results")
    equal(sorted(found[0]), sorted(SHAPE), "members of an item")
    equal([f.get("created") for f in found], [True, None, False, False, None, False], "created")
    equal(found[2]["token"], token, "token of the known value")
    equal({found[0]["token"]} , {found[3]["token"], found[5]["token"]}, "token of the double")
    for at, code in ((1, "invalid_value"), (4, "already_token")):
        equal(list(found[at]), ["error"], "members of a failed item")
        equal(sorted(found[at]["error"]), ["code", "title"], "members of an error")
        equal(found[at]["error"]["code"], code, "code of a failed item")


def test_batch_all_failed_is_200(v):
    found = Partner(v).batch("cards", ["1", "2"])
    equal([f["error"]["code"] for f in found], ["invalid_value"] * 2, "codes")


def test_batch_limits(v):
    acme = Partner(v)
    cards = list(dict.fromkeys(val.pan() for _ in range(1000)))
    equal(len(acme.batch("cards", cards)), len(cards), "results of 1,000")
    acme.post("/v1/tokenize", {"domain": "cards", "values": ["1"] * 1001}).expect(413, "too_large")
    acme.post("/v1/tokenize", {"domain": "cards", "values": []}).expect(400, "bad_request")
    both = {"domain": "cards", "value": cards[0], "values": [cards[0]]}
    acme.post("/v1/tokenize", both).expect(400, "bad_request")
    acme.post("/v1/tokenize", {"domain": "cards"}).expect(400, "bad_request")


def test_every_named_member_is_accepted(v):
    acme = Partner(v)
    body = {"domain": "cards", "value": val.pan(), "subject": "customer-1", "consent": "form-2",
            "channel": "web", "expires_in": 3600, "uses": 5, "receipt": True}
    found = acme.post("/v1/tokenize", body).expect(200).members(*SHAPE, "receipt")
    equal(sorted(found["receipt"]), ["index", "nonce", "origin"], "members of the receipt")
    check(found["expires_at"].endswith("Z"), "expires_at is no UTC time")
    body = {"domain": "cards", "value": val.pan(), "receipt": False}
    acme.post("/v1/tokenize", body).expect(200).members(*SHAPE)


def test_expiry(v):
    acme, value = Partner(v), val.pan()
    first = acme.tokenize("cards", value, expires_in=1).expect(200).json()
    asked = acme.inspect("cards", first["token"]).expect(200).json()
    equal(asked["expires_at"], first["expires_at"], "expires_at in inspect")
    time.sleep(1.3)
    equal(acme.state("cards", first["token"]), "expired", "state")
    acme.lookup("cards", value).expect(404, "not_found")
    second = acme.tokenize("cards", value).expect(200).json()
    equal(second["created"], True, "created after expiry")
    check(second["token"] != first["token"], "an expired token was issued again")
    olga = Person(v, "olga").ready()
    olga.reveal("cards", first["token"]).expect(404, "not_found")
    equal(olga.value("cards", second["token"]), value, "value of the new token")


def test_C13_lookup(v):
    acme, value = Partner(v), val.pan()
    acme.lookup("cards", value).expect(404, "not_found")
    token = acme.token("cards", value)
    equal(acme.lookup("cards", val.spaced(value)).expect(200).members("token")["token"], token,
          "token found")
    acme.lookup("cards", val.other_check_digit(value)).expect(422, "invalid_value")
    account = val.iban()
    acme.token("accounts", account)
    acme.lookup("accounts", account).expect(422, "unsupported_mode")


def test_C23_exact_match_only(v):
    acme, value = Partner(v), val.pan()
    acme.token("cards", value)
    for pattern in (value[:6] + "*", value[:12] + "%", value[:6], ".*", value[:15] + "?"):
        acme.lookup("cards", pattern).expect(422, "invalid_value")
    for path in ("/v1/tokens", "/v1/values", "/v1/tokenize", "/v1/tokens/lookup"):
        status = acme.get(path).status
        check(status in (404, 405), "GET %s is answered %d" % (path, status))


def test_inspect_for_partners_shows_no_mask(v):
    acme, value = Partner(v), val.pan()
    token = acme.token("cards", value)
    found = acme.inspect("cards", token).expect(200).members("state", "created_at", "expires_at")
    equal((found["state"], found["expires_at"]), ("active", None), "state, expiry")
    check(found["created_at"].endswith("Z"), "created_at is no UTC time")
    equal(acme.state("cards", val.spaced(token)), "active", "state by a spaced token")
    acme.inspect("cards", unknown_token(acme)).expect(404, "not_found")


def test_C02_provenance(v):
    """Who sent it, by which request, for whom: for sender and auditor, not for operators."""
    acme = Partner(v)
    body = {"domain": "cards", "value": val.pan(), "subject": "customer-1", "consent": "form-2",
            "channel": "web"}
    reply = acme.post("/v1/tokenize", body, headers={"X-Request-Id": "origin-77"}).expect(200)
    asked = {"domain": "cards", "token": reply.json()["token"], "provenance": True}
    for who in (acme, Person(v, "aude").ready()):
        found = who.post("/v1/tokens/inspect", asked).expect(200).json()["provenance"]
        check(found.pop("created_at").endswith("Z") and found.pop("changed_at").endswith("Z"),
              "times")
        equal(found, {"partner": "acme", "request_id": "origin-77", "subject": "customer-1",
                      "consent": "form-2", "channel": "web"}, "provenance for " + who.name)
    refused = Person(v, "omar").ready().post("/v1/tokens/inspect", asked).expect(403, "forbidden")
    equal(refused.json()["field"], "/provenance", "field")


def test_C03_consent_required(v):
    acme, zeta, sara = Partner(v), Partner(v, "zeta"), Person(v, "sara").ready()
    domain = {"name": "agreed", "format": "pan", "mode": "deterministic", "partners": ["acme"],
              "keep": {"prefix": 6, "suffix": 4}, "purposes": ["refund"], "consent_required": True}
    equal(sara.post("/v1/domains", domain).expect(201).json()["consent_required"], True, "reply")
    listed = {d["name"]: d for d in sara.get("/v1/domains").expect(200).json()["items"]}
    equal((listed["agreed"]["consent_required"], listed["cards"]["consent_required"]),
          (True, False), "consent_required in the list")
    value = val.pan()
    for more in ({}, {"subject": "customer-1"}):
        reply = acme.tokenize("agreed", value, **more).expect(400, "bad_request")
        equal(reply.json().get("field"), "/consent", "field")
    zeta.tokenize("agreed", value).expect(403, "forbidden")
    token = acme.token("agreed", value, consent="form-2")
    found = acme.batch("agreed", [value, {"value": value, "consent": "form-3"}, "1"])
    equal(found[0]["error"]["code"], "bad_request", "code of an item without")
    equal(found[1]["token"], token, "token of an item with")
    equal(found[2]["error"]["code"], "bad_request", "code of a bad item without")
    body = {"domain": "agreed", "consent": "form-4", "subject": "customer-2",
            "values": [value, {"value": val.pan(), "consent": "form-5"}]}
    found = acme.post("/v1/tokenize", body).expect(200).json()["results"]
    equal(found[0]["token"], token, "token of an item under the request's consent")
    asked = {"domain": "agreed", "token": found[1]["token"], "provenance": True}
    told = acme.post("/v1/tokens/inspect", asked).expect(200).json()["provenance"]
    equal((told["consent"], told["subject"]), ("form-5", "customer-2"), "what the record keeps")


def unknown_token(acme):
    """A string that could be a token of `cards` and is none."""
    while True:
        text = val.other_check_digit(val.pan())
        if acme.inspect("cards", text).status == 404:
            return text


def test_C01_foreign_and_unknown_domains_are_one_403(v):
    acme, zeta, value = Partner(v), Partner(v, "zeta"), val.pan()
    token = acme.token("cards", value)
    seen = set()
    for domain in ("cards", "accounts", "no-such-domain"):
        for path, more in (("tokenize", {"value": value}), ("tokens/lookup", {"value": value}),
                           ("tokens/inspect", {"token": token}),
                           ("tokens/revoke", {"token": token, "reason": "r"})):
            reply = zeta.post("/v1/" + path, {"domain": domain, **more}).expect(403, "forbidden")
            problem = reply.json()
            problem.pop("request_id")
            seen.add(str(sorted(problem.items())))
    equal(len(seen), 1, "different refusals")
    equal(acme.state("cards", token), "active", "state after a stranger's revoke")


def test_C01_only_enrolled_partners(v):
    Client(v).post("/v1/tokenize", {"domain": "cards", "value": val.pan()}).expect(
        401, "unauthenticated")
    people = Person(v, "omar").ready()
    reply = people.post("/v1/tokenize", {"domain": "cards", "value": val.pan()})
    check(reply.status in (401, 403), "a person may tokenize: %r" % reply)


def test_C07_idempotency_key(v):
    acme, value, key = Partner(v), val.iban(), str(uuid.uuid4())
    head = {"Idempotency-Key": key}
    body = {"domain": "accounts", "value": value}
    first = acme.post("/v1/tokenize", body, headers=head).expect(200)
    check("Idempotency-Replayed" not in first.headers, "the first is marked replayed")
    again = acme.post("/v1/tokenize", body, headers=head).expect(200)
    equal(again.headers.get("Idempotency-Replayed"), "true", "header of the replay")
    equal(again.json(), first.json(), "replayed body")
    other = dict(body, value=val.iban())
    acme.post("/v1/tokenize", other, headers=head).expect(422, "idempotency_mismatch")
    fresh = acme.post("/v1/tokenize", body).expect(200).json()
    check(fresh["token"] != first.json()["token"], "without a key the token is the same")


def test_C07_key_belongs_to_principal_and_route(v):
    acme, zeta, key = Partner(v), Partner(v, "zeta"), str(uuid.uuid4())
    head = {"Idempotency-Key": key}
    token = acme.post("/v1/tokenize", {"domain": "cards", "value": val.pan()},
                      headers=head).expect(200).json()["token"]
    zeta.post("/v1/tokenize", {"domain": "cards-zeta", "value": val.pan()},
              headers=head).expect(200)
    change = {"domain": "cards", "token": token, "reason": "lost card"}
    acme.post("/v1/tokens/suspend", change, headers=head).expect(200)


def test_C07_malformed_key(v):
    acme = Partner(v)
    body = {"domain": "cards", "value": val.pan()}
    for key in ("", "a b", "x" * 65, "k\u00e9", "a/b", "a,b"):
        head = {"Idempotency-Key": key.encode("latin-1")}
        acme.post("/v1/tokenize", body, headers=head).expect(400, "bad_request")
    acme.post("/v1/tokenize", body, headers={"Idempotency-Key": "x" * 64}).expect(200)


def test_C07_same_key_in_flight(v):
    body, key = {"domain": "accounts", "value": val.iban()}, str(uuid.uuid4())
    replies, gate = [], threading.Barrier(8)

    def ask():
        acme = Partner(v)
        acme.get("/v1/whoami")
        gate.wait()
        replies.append(acme.post("/v1/tokenize", body, headers={"Idempotency-Key": key}))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    equal([r.status for r in replies], [200] * 8, "statuses")
    equal(len({r.json()["token"] for r in replies}), 1, "distinct tokens under one key")
    equal(sum("Idempotency-Replayed" not in r.headers for r in replies), 1, "first answers")


def test_value_in_recorded_text(v):
    acme, planted = Partner(v), val.pan()
    for member in ("subject", "consent"):
        for text in (planted, "card " + val.spaced(planted), val.spaced(planted, by="-") + " x",
                     val.cn_id(), "iban " + val.iban("DE"), "aadhaar 2341 2341 2346",
                     "uid=234123412346;", "passport E12345678", "(ACUPA7085R)", "ssn 078-05-1120",
                     "uscc 91350100M000100Y43", "x91350100m000100y43", "138-0013-8000"):
            body = {"domain": "cards", "value": val.pan(), member: text}
            reply = acme.post("/v1/tokenize", body).expect(422, "value_in_text")
            equal(reply.json().get("field"), "/" + member, "field")
    found = acme.batch("cards", [{"value": val.pan(), "consent": planted}, val.pan()])
    equal(found[0]["error"]["code"], "value_in_text", "code of an item")
    check("token" in found[1], "the item beside it failed")


PROHIBITED = (  # C3: how each kind is written; no card but the published one
    "%B4111111111111111^DOE/JOHN^25121010000000000?", "4111111111111111^DOE/JOHN^2512101",
    ";4111111111111111=25121010000000000?", "4111111111111111=2512101000",
    "4111111111111111D25121010000000000F", "57114111111111111111D25121010000000000",
    "4111111111111111 12/25", "4111 1111 1111 1111 2512", "4111111111111111/123",
    "378282246310005 1234", "0412AC89ABCDEF67", "0412ac89abcdef67", "441234AAAAAAAAAA")


def test_C10_prohibited_values(v):
    """Whatever the domain's format, and before anything else is said about value or token."""
    acme, good = Partner(v), val.pan()
    token = acme.token("cards", good)
    for text in PROHIBITED:
        for domain in ("cards", "ids", "accounts"):
            replies = [acme.tokenize(domain, text), acme.tokenize(domain, " %s " % text),
                       acme.tokenize(domain, text, subject=good)]
            if domain == "cards":
                replies += [acme.lookup(domain, text)] + [
                    acme.post("/v1/tokens/replace", {"domain": domain, "token": old, "value": text,
                                                     "reason": "reissued"}) for old in (token, "x")]
            for reply in replies:
                equal(reply.expect(422, "prohibited_data").json().get("field"), "/value", "field")
        acme.tokenize("no-such-domain", text).expect(403, "forbidden")
    for joined in (good + "1227", good + "2712"):  # too long for a card's number
        acme.tokenize("cards", joined).expect(422, "prohibited_data")
    found = acme.batch("cards", [val.pan(), *PROHIBITED, {"value": PROHIBITED[0]}, "1", good])
    equal([f.get("error", {}).get("code") for f in found],
          [None] + ["prohibited_data"] * (len(PROHIBITED) + 1) + ["invalid_value", None], "codes")
    equal(found[-1]["token"], token, "token of the value beside them")
    for length in range(13, 20):
        value = val.pan(length)
        equal(acme.token("cards", val.spaced(value)), acme.token("cards", value), "plain card")


def prohibited_text_replies(v, acme, olga, sara, carl, text):
    """(reply, field) of each call that has a member for free text; the text is in that member."""
    token = acme.token("cards", val.CARD)
    for member in ("subject", "consent", "channel"):
        if member == "channel" and len(text) > 32:
            continue
        body = {"domain": "cards", "value": val.pan(), member: text}
        yield acme.post("/v1/tokenize", body), "/" + member
    for verb in ("suspend", "resume", "revoke", "delete"):
        yield acme.change(verb, "cards", token, text), "/reason"
    yield acme.post("/v1/tokens/replace", {"domain": "cards", "token": token, "reason": text,
                                           "value": val.pan_beside(val.CARD)}), "/reason"
    yield olga.reveal("cards", token, reason=text), "/reason"
    domain = {"name": "c10", "format": "pan", "mode": "deterministic", "partners": ["acme"],
              "keep": {"prefix": 6, "suffix": 4}, "purposes": ["refund"]}
    yield sara.post("/v1/domains", {**domain, "purposes": ["refund", text]}), "/purposes"
    qualification = {"ref": text, "valid_until": "2039-01-01T00:00:00Z"}
    yield sara.post("/v1/partners/acme/qualification", {"qualification": qualification}), None
    yield carl.post("/v1/ceremonies", {"kind": "rotate-kek", "reason": text}), "/reason"


def test_C10_prohibited_texts(v):
    acme, olga = Partner(v), Person(v, "olga").ready()
    sara, carl = Person(v, "sara").ready(), Person(v, "carl").ready()
    for text in PROHIBITED:
        for form in (text, "see %s please" % text):
            for reply, field in prohibited_text_replies(v, acme, olga, sara, carl, form):
                found = reply.expect(422, "value_in_text").json().get("field")
                check(found == field or field is None, "field %s, not %s" % (found, field))
    found = acme.batch("cards", [{"value": val.pan(), "subject": PROHIBITED[-1]}, val.pan(),
                                 {"value": val.pan(), "consent": PROHIBITED[0]}])
    equal([f.get("error", {}).get("code") for f in found], ["value_in_text", None, "value_in_text"],
          "codes")
    equal(acme.state("cards", acme.token("cards", val.CARD)), "active", "state after refusals")
    name = {"name": "0412ac89abcdef67", "format": "pan", "mode": "deterministic",
            "partners": ["acme"], "keep": {"prefix": 6, "suffix": 4}, "purposes": ["refund"]}
    equal(sara.post("/v1/domains", name).expect(422, "value_in_text").json().get("field"), "/name",
          "field")


def test_C10_ordinary_texts(v):
    acme = Partner(v)
    for text in ("case 4711 of 2024-05-06", str(uuid.uuid4()), "ticket 12/25, code 123",
                 "from 2026-11-21 14:05:33 to 2026-11-22 09:00:00", "ABMPX1234",
                 "tickets 123456, 234567, 345678", "10.12.34.255:8443, v2.14.3",
                 "call +49 170 1234567 ext. 4321",
                 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
                 "form 2024-000123 of 12/25", "aGVsbG8gd29ybGQgMTIzNDU2Nzg5MDEyMw=="):
        body = {"domain": "cards", "value": val.pan(), "subject": text, "consent": text}
        acme.post("/v1/tokenize", body).expect(200)


def test_C10_nothing_of_it_is_shown(v):
    """By every door once more; then replies, log, output and files are searched."""
    acme, olga, aude = Partner(v), Person(v, "olga").ready(), Person(v, "aude").ready()
    sara, carl = Person(v, "sara").ready(), Person(v, "carl").ready()
    Client.recorder = []
    for text in PROHIBITED:
        acme.tokenize("cards", text)
        acme.lookup("cards", text)
        acme.batch("cards", [text, {"value": val.pan(), "subject": text}])
        list(prohibited_text_replies(v, acme, olga, sara, carl, text))
    replies, Client.recorder = Client.recorder, None
    tail = tree.Tail(aude)
    tail.read()
    check(len(replies) > 150 and len(tail.lines) > 150, "too few replies or entries")
    where = {"a reply": b"\n".join(replies), "the log": "\n".join(tail.lines).encode(),
             "hufud's output": v.log_bytes()}
    for folder, _, names in os.walk(v.path("data")):
        for name in names:
            with open(os.path.join(folder, name), "rb") as f:
                where["file " + name] = f.read()
    check(len(where) > 3, "no files")
    for place, content in where.items():
        for at, text in enumerate(PROHIBITED):
            check(text.encode().lower() not in content.lower(), "row %d in %s" % (at, place))


if __name__ == "__main__":
    lib.run(globals())
