#!/usr/bin/env python3
"""C05 and C13: planted values are found nowhere outside their sealed record.

Values go in by every door, rightly and wrongly typed, also where no value belongs. Afterwards every
reply, the log, the metrics, hufud's own output and every file of the instance are searched for
them: as text, spaced, in hex, base64, packed digits, and for bare digests.
"""

import base64
import hashlib
import os

import lib
import rfc6962 as tree
import values as val
from client import DROPPED, Client, HTTPException, Partner, Person
from lib import check, equal

PLANTED = {"card": [val.pan() for _ in range(4)], "id": [val.cn_id(), val.cn_id("X")],
           "iban": [val.iban("DE"), val.iban("GB")],
           "mistyped": [val.other_check_digit(val.pan()) for _ in range(3)]}
EVERY = [x for group in PLANTED.values() for x in group]
STATE = {}


def quietly(call, *args, **more):
    """Some doors are only there to be refused at."""
    try:
        return call(*args, **more)
    except (OSError, HTTPException) + DROPPED:
        return None


def put_values_rightly(v, acme):
    tokens = []
    for domain, group in (("cards", "card"), ("ids", "id"), ("accounts", "iban")):
        for value in PLANTED[group]:
            reply = acme.tokenize(domain, value, receipt=True).expect(200).json()
            tokens.append((domain, reply["token"], value))
            acme.post("/v1/tokenize", {"domain": domain, "value": val.spaced(value)},
                      headers={"Idempotency-Key": "key-" + hashlib.md5(value.encode()).hexdigest()})
        acme.batch(domain, PLANTED[group])
    for value in PLANTED["card"] + PLANTED["id"]:
        acme.lookup("cards", value)
        acme.lookup("ids", value)
    return tokens


def put_values_wrongly(v, acme, olga, tokens):
    domain, token, _ = tokens[0]
    for value in EVERY:
        acme.tokenize("cards", value)
        acme.tokenize("ids", value)
        acme.tokenize(value, value)
        acme.tokenize("cards", "x" + value)
        acme.batch("cards", [value, value + "1", {"value": value, "subject": value}])
        acme.lookup("cards", value)
        for body in ({"domain": "cards", value: value}, {"domain": "cards", "values": [[value]]},
                     {"domain": "cards", "value": {"value": value}}, [value], value):
            acme.post("/v1/tokenize", body)
        acme.request("POST", "/v1/tokenize", raw=b'{"domain":"cards","value":"' + value.encode())
        acme.request("POST", "/v1/tokenize", raw=value.encode() + b"\xff")
        acme.change("suspend", "cards", value)
        acme.inspect("cards", value)
        olga.reveal("cards", value)
        olga.reveal(domain, token, purpose=value)
        olga.reveal(value, token, purpose=value)
        olga.try_login(user=value, password=value, otp=value[:6])
        acme.get("/v1/" + value)
        acme.get("/v1/tokens/%s?value=%s" % (value, value))
        acme.get("/v1/audit/proof?index=%s&size=1" % value)
        acme.post("/v1/tokenize", {"domain": "cards", "value": val.pan()},
                  headers={"Content-Type": value})
        quietly(Client(v).get, "/v1/whoami", headers={"Authorization": "Bearer " + value})
        quietly(acme.get, "/v1/whoami", headers={"Cookie": value, "User-Agent": value,
                                                 "Referer": "https://x/" + value})


def put_values_in_text(acme, olga, tokens):
    """Only what validates is found in free text; a mistyped number is a number like others."""
    domain, token, _ = tokens[0]
    for value in PLANTED["card"] + PLANTED["id"] + PLANTED["iban"]:
        for text in (value, "see " + value, val.spaced(value, by="-") + " lost"):
            for body in ({"subject": text}, {"consent": text}, {"channel": text}):
                acme.post("/v1/tokenize", {"domain": "cards", "value": val.pan(), **body})
            acme.batch("cards", [{"value": val.pan(), "subject": text}])
            acme.change("revoke", domain, token, text).expect(422, "value_in_text")
            olga.reveal(domain, token, reason=text).expect(422, "value_in_text")


def test_C05_plant(v):
    """Sends the values in; every reply is kept. A shown value leaves by this door only."""
    acme, olga, aude = Partner(v), Person(v, "olga").ready(), Person(v, "aude").ready()
    Client.recorder = []
    tokens = put_values_rightly(v, acme)
    put_values_wrongly(v, acme, olga, tokens)
    put_values_in_text(acme, olga, tokens)
    for path in ("/metrics", "/livez", "/readyz"):
        acme.get(path)
    tail = tree.Tail(aude)
    tail.read()
    STATE["replies"], Client.recorder = Client.recorder, None
    STATE["log"] = "\n".join(tail.lines).encode()
    STATE["tokens"] = tokens
    for domain, token, value in tokens[:3]:
        equal(olga.value(domain, token), value, "value")
    check(len(STATE["replies"]) > 150, "too few replies")


def needles(value):
    """The forms in which a value could lie about; the last characters are enough to betray it."""
    found = {}
    for name, text in (("text", value), ("text without its check digit", value[:-1]),
                       ("spaced text", val.spaced(value)), ("text with dashes",
                                                           val.spaced(value, by="-"))):
        found[name] = text.encode()
    found["hex"] = value.encode().hex().encode()
    found["UTF-16"] = value.encode("utf-16-le")
    if value[:-1].isdigit():
        digits = value if value.isdigit() else value[:-1]
        found["packed digits"] = bytes.fromhex(digits[:len(digits) // 2 * 2])
    for shift in range(3):
        coded = base64.b64encode(b"\0" * shift + value.encode())
        found["base64 %d" % shift] = coded[4 if shift else 0:len(value) // 3 * 4 - 4]
    return found


def digests(value):
    found = {}
    for name in ("md5", "sha1", "sha256", "sha512"):
        for form, text in (("value", value), ("all but the last four", value[:-4]),
                           ("value and newline", value + "\n")):
            raw = hashlib.new(name, text.encode()).digest()
            found["%s of the %s" % (name, form)] = raw
            found["%s of the %s in hex" % (name, form)] = raw.hex().encode()
            found["%s of the %s in base64" % (name, form)] = base64.b64encode(raw)[:20]
    return found


def search(content, where, forms=needles):
    """Names of what is found, with the kind of value but never the value."""
    lower = content.lower()
    hits = []
    for kind, group in PLANTED.items():
        for value in group:
            for name, needle in forms(value).items():
                if needle in content or needle.lower() in lower:
                    hits.append("%s of a planted %s in %s" % (name, kind, where))
    return hits


def files_of(v):
    check("tokens" in STATE, "nothing was planted")
    for folder, _, names in os.walk(v.dir):
        for name in names:
            path = os.path.join(folder, name)
            if os.path.isfile(path):
                with open(path, "rb") as f:
                    yield os.path.relpath(path, v.dir), f.read()


def test_the_search_finds_what_is_there(v):
    value = PLANTED["card"][0]
    for name, needle in needles(value).items():
        check(search(b"ab" + needle + b"cd", "x"), "blind for " + name)
    for name, needle in digests(value).items():
        check(search(b"ab" + needle + b"cd", "x", digests), "blind for " + name)


def test_C05_no_reply_shows_a_value(v):
    hits = [h for r in STATE["replies"] for h in search(r, "a reply")]
    equal(sorted(set(hits)), [], "found")


def test_C05_log_and_output(v):
    metrics = Client(v).get("/metrics").body
    hits = search(STATE["log"], "the log") + search(v.log_bytes(), "hufud's output")
    hits += search(metrics, "the metrics")
    equal(sorted(set(hits)), [], "found")
    text = STATE["log"] + v.log_bytes() + metrics
    check(not any(t.encode() in text for _, t, _ in STATE["tokens"]), "a token in log or output")


def test_C05_secrets_not_in_output(v):
    text = v.log_bytes() + STATE["log"]
    for user in v.dev["users"]:
        for name in ("password", "totp_secret"):
            check(user[name].encode() not in text, "%s of %s" % (name, user["name"]))


def test_C05_files_of_the_running_vault(v):
    hits = [h for path, content in files_of(v) for h in search(content, path)]
    equal(sorted(set(hits)), [], "found")


def test_C13_no_bare_digest_in_files(v):
    """An index by value is keyed: no digest of a value or of a part of it lies in a file."""
    hits = [h for path, content in files_of(v) for h in search(content, path, digests)]
    equal(sorted(set(hits)), [], "found")


def test_C05_files_of_the_stopped_vault(v):
    """After a clean stop everything is in the map; then again after a crash."""
    v.stop()
    hits = [h for path, content in files_of(v) for h in search(content, path)]
    v.start()
    acme = Partner(v)
    for value in PLANTED["card"]:
        acme.token("cards", value)
    v.crash()
    hits += [h for path, content in files_of(v) for h in search(content, path)]
    v.start()
    equal(sorted(set(hits)), [], "found")


def test_C05_value_as_request_id(v):
    """A card number is a well-formed request id all the same: it must not end up in the log."""
    acme, aude = Partner(v), Person(v, "aude").ready()
    value = PLANTED["card"][1]
    acme.post("/v1/tokenize", {"domain": "cards", "value": val.pan()},
              headers={"X-Request-Id": value}).expect(200)
    tail = tree.Tail(aude)
    tail.read()
    hits = search("\n".join(tail.lines[-20:]).encode(), "the log")
    hits += [h for path, content in files_of(v) for h in search(content, path)]
    equal(sorted(set(hits)), [], "found")


def test_C42_pin_not_in_argv_or_environment(v):
    pins = []
    with open(v.path("hufu.conf")) as f:
        for line in f:
            if line.split("=")[0].strip() == "pin_file":
                path = line.split("=", 1)[1].strip()
                with open(os.path.join(v.dir, path), "rb") as pin:
                    pins.append(pin.read().strip())
    check(pins and len(pins[0]) >= 6, "no PIN file in hufu.conf, or a short PIN")
    for pid in [v.proc.pid] + list(v.roles().values()):
        for name in ("cmdline", "environ"):
            try:
                with open("/proc/%d/%s" % (pid, name), "rb") as f:
                    check(pins[0] not in f.read(), "the PIN is in /proc/%d/%s" % (pid, name))
            except PermissionError:
                continue
    check(pins[0] not in v.log_bytes(), "the PIN is in hufud's output")


if __name__ == "__main__":
    lib.run(globals())
