#!/usr/bin/env python3
"""Domains of mail addresses over HTTP and the command line: tokens of another length."""

import base64
import hashlib
import json
import os
import re
import subprocess
import uuid

import lib
from client import Partner, Person
from lib import check, equal

HUFU = os.path.join(lib.BUILD, "hufu")
PEOPLE = {}
LONGEST = 254  # RFC 5321 4.5.3.1.3: a path of 256 with its brackets
TOKEN = re.compile(r"[a-z2-7]{26}@token\.invalid\Z")
DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


def person(v, name):
    return PEOPLE.setdefault(name, Person(v, name)).ready()


def address(number, length):
    """Address number so-and-so of that many bytes: RFC 5321 allows 64 before the @."""
    local = ""
    while len(local) < min(length - 5, 64):
        local += DIGITS[number % 36]
        number //= 36
    rest = length - len(local) - 4
    labels = ["d" * 61] * (rest // 62) + ["e" * (rest % 62)] * (rest % 62 > 0)
    domain = ".".join(labels)
    return "%s@%s.co" % (local, domain.ljust(rest, "f"))  # with an f for a dot that is not due


def token_of(acme, domain, value, created):
    found = acme.tokenize(domain, value).expect(200).members("token", "created", "expires_at")
    check(TOKEN.match(found["token"]), "token of %d bytes" % len(value))
    equal(found["created"], created, "created")
    return found["token"]


def is_receipted(aude, reply):
    """The log commits to the reply without its receipt."""
    receipt = reply.pop("receipt")
    canonical = json.dumps(reply, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    nonce = base64.b64decode(receipt["nonce"], validate=True)
    want = base64.b64encode(hashlib.sha256(nonce + canonical.encode()).digest()).decode()

    def entry():
        got = aude.get("/v1/audit/entries?from=%d&limit=1" % receipt["index"])
        return got.body if got.status == 200 and got.body.strip() else None
    line = lib.wait_for(entry, 5, "the entry of a receipt", 0.1)
    check(want.encode() in line, "the entry does not commit to the reply")


def test_domain(v):
    sara, more = person(v, "sara"), {"partners": ["acme"], "purposes": ["refund"]}
    for body, field in (({"name": "kept", "mode": "deterministic",
                          "keep": {"prefix": 1, "suffix": 0}}, "/keep"),
                        ({"name": "kept", "mode": "deterministic", "token_check": "none"},
                         "/token_check")):
        reply = sara.post("/v1/domains", {"format": "email", **more, **body})
        equal((reply.expect(400).json().get("field")), field, "field")
    made = sara.post("/v1/domains", {"name": "mails", "format": "email", "mode": "deterministic",
                                     "batch_detokenize": 1000, **more}).expect(201).json()
    equal(made["capacity"], 2 ** 53, "capacity")
    sara.post("/v1/domains", {"name": "spread", "format": "email", "mode": "random",
                              "expected": 1000000, **more}).expect(201)
    acme = {p["name"]: p for p in sara.get("/v1/partners").expect(200).json()["items"]}["acme"]
    check("email" in acme["formats"] and "mails" in acme["domains"], "acme's formats, domains")


def test_C22_there_and_back(v):
    acme, olga = Partner(v), person(v, "olga")
    for length in (6, 7, 40, 64, 65, 128, 129, 253, LONGEST):
        value = address(length, length)
        equal(len(value), length, "length")
        token = token_of(acme, "mails", value, True)
        equal(token_of(acme, "mails", value, False), token, "the same token again")
        check(token_of(acme, "spread", value, True) != token, "tokens of two domains")
        equal(olga.reveal("mails", token, purpose="refund").expect(200).json()["value"], value,
              "value")
    for value in ("a@b.c", address(1, LONGEST) + "m", "a@b.invalid", "a b@c.example", "nobody"):
        reply = acme.tokenize("mails", value).expect(422, "invalid_value")
        equal(reply.json().get("field"), "/value", "field")
    acme.tokenize("mails", "a@" + "b" * 260).expect(400, "bad_request")
    acme.tokenize("mails", token).expect(422, "already_token")
    olga.reveal("mails", value, purpose="refund").expect(422, "not_token")


def test_letters_are_folded(v):
    acme, olga = Partner(v), person(v, "olga")
    token = token_of(acme, "mails", "Olga.Petrova+Bank@Mail.EXAMPLE", True)
    equal(token_of(acme, "mails", "olga.petrova+bank@mail.example", False), token, "one token")
    found = acme.lookup("mails", "OLGA.petrova+bank@mail.example").expect(200).json()
    equal(found, {"token": token}, "look-up")
    reply = olga.reveal("mails", token.upper(), purpose="refund").expect(200).json()
    equal(reply["value"], "olga.petrova+bank@mail.example", "value")


def test_C20_mask(v):
    acme, olga = Partner(v), person(v, "olga")
    for length in (6, LONGEST):
        value = address(77, length)
        token = acme.token("mails", value)
        shown = olga.post("/v1/tokens/inspect", {"domain": "mails", "token": token}).expect(200)
        equal(shown.json()["masked"], value[0] + "*" * (length - 1), "mask")
        check("masked" not in acme.inspect("mails", token).expect(200).json(), "a partner's mask")


def test_replace(v):
    acme, olga = Partner(v), person(v, "olga")
    values = [address(5, 9), address(6, LONGEST), address(7, 40)]
    token = token_of(acme, "mails", values[0], True)
    for value in values[1:]:
        body = {"domain": "mails", "token": token, "value": value,
                "reason": "told by mail from olga@bank.example"}
        equal(acme.post("/v1/tokens/replace", body).expect(200).json(),
              {"token": token, "created": False, "expires_at": None}, "reply of replace")
        equal(olga.reveal("mails", token, purpose="refund").expect(200).json()["value"], value,
              "value after replace")
    acme.lookup("mails", values[0]).expect(404, "not_found")
    equal(token_of(acme, "mails", values[2], False), token, "token of the last value")


def test_C07_C08_thousand_of_the_longest(v):
    acme, olga, aude = Partner(v), person(v, "olga"), person(v, "aude")
    values = [address(1000 + n, LONGEST) for n in range(1000)]
    head = {"Idempotency-Key": str(uuid.uuid4())}
    body = {"domain": "mails", "values": values, "receipt": True}
    first = acme.post("/v1/tokenize", body, headers=head).expect(200)
    again = acme.post("/v1/tokenize", body, headers=head).expect(200)
    equal((again.body, again.headers.get("Idempotency-Replayed")), (first.body, "true"), "replay")
    tokens = [r["token"] for r in first.json()["results"]]
    check(all(TOKEN.match(t) for t in tokens) and len(set(tokens)) == 1000, "tokens of a batch")
    is_receipted(aude, first.json())
    reply = olga.post("/v1/detokenize", {"domain": "mails", "tokens": tokens[:50],
                                         "purpose": "refund", "reason": "case 17"}).expect(200)
    equal([r["value"] for r in reply.json()["results"]], values[:50], "values of a batch")
    is_receipted(aude, reply.json())


def run(v, who, *words, given=None):
    done = subprocess.run([HUFU, "--dev", v.dir, "--as", who] + list(words), input=given,
                          capture_output=True, timeout=60)
    check(done.returncode == 0, "hufu %s: %s" % (words[0], done.stderr.decode()))
    return done.stdout.decode()


def test_csv(v):
    """The command line swaps a column of addresses, the longest too."""
    values = [address(5000 + n, 6 + n % 249) for n in range(36, 736)]
    source, out = os.path.join(v.top, "mails.csv"), os.path.join(v.top, "tokens.csv")
    with open(source, "w") as f:
        f.write("id,mail,note\n")
        f.writelines("%d,%s,kept\n" % pair for pair in enumerate(values))
    run(v, "acme", "tokenize", "mails", "--csv", source, "--out", out, "--column", "mail",
        "--header")
    with open(out) as f:
        rows = [line.rstrip("\n").split(",") for line in f]
    equal([r[0] for r in rows[1:]], [str(n) for n in range(len(values))], "rows of the output")
    check(all(TOKEN.match(r[1]) and r[2] == "kept" for r in rows[1:]), "tokens of the output")
    acme = Partner(v)
    for n in (0, 248, 699):
        equal(acme.lookup("mails", values[n]).expect(200).json()["token"], rows[n + 1][1],
              "token by look-up")


def test_C27_receipt_of_an_address(v):
    """`hufu audit verify` takes the receipt of a reply that holds an address."""
    acme, reply = Partner(v), os.path.join(v.top, "reply.json")
    value = "o'neil_-!#$%&*/=?^`{|}~+x@mail.example"
    token = token_of(acme, "mails", value, True)
    got = person(v, "olga").reveal("mails", token, purpose="refund").expect(200)
    equal(got.json()["value"], value, "value")
    with open(reply, "wb") as f:
        f.write(got.body)
    aude = person(v, "aude")
    is_receipted(aude, got.json())
    secret = "\n".join([v.user("aude")["password"], aude.next_code()]) + "\n"
    run(v, "aude", "login", "aude", given=secret.encode())
    run(v, "aude", "audit", "verify", "--receipt", reply)


if __name__ == "__main__":
    lib.run(globals(), ["limit.reveals_per_factor=1000"])
