#!/usr/bin/env python3
"""HTTP as the contract has it: framing, bodies, errors and their order, certificates, probes."""

import json
import re
import shutil
import socket
import ssl
import subprocess
import time
import urllib.parse
import warnings

import client as cl
import lib
import values as val
from client import Client, Partner, Person, raw_exchange, raw_statuses
from lib import check, equal

HOST = b"Host: localhost\r\n"
JSON = b"Content-Type: application/json\r\n"
PEOPLE = {}


def person(v, name):
    return PEOPLE.setdefault(name, Person(v, name)).ready()


def raw_post(v, head, body=b"", path=b"/v1/tokenize", host=HOST):
    """Statuses of what a partner's raw request is answered with, and whether the peer closed."""
    sent = b"POST " + path + b" HTTP/1.1\r\n" + host + head + b"\r\n" + body
    got, closed = raw_exchange(v, sent, v.partner())
    return raw_statuses(got), closed


def a_body():
    return json.dumps({"domain": "cards", "value": val.pan()}).encode()


def length(body):
    return b"Content-Length: %d\r\n" % len(body)


def test_raw_request_is_answered(v):
    """The yardstick for the next tests: well-formed raw bytes get 200 and the connection stays."""
    body = a_body()
    equal(raw_post(v, JSON + length(body), body), ([200], False), "statuses, closed")


def test_framing_400(v):
    body, wrong = a_body(), []
    n = b"%d" % len(body)
    cases = {
        "two different lengths": JSON + length(body) + b"Content-Length: 5\r\n",
        "a list of lengths": JSON + b"Content-Length: " + n + b", " + n + b"\r\n",
        "space before the colon": JSON + b"Content-Length : " + n + b"\r\n",
        "length with sign": JSON + b"Content-Length: +" + n + b"\r\n",
        "length in hex": JSON + b"Content-Length: 0x20\r\n",
        "negative length": JSON + b"Content-Length: -1\r\n",
        "empty length": JSON + b"Content-Length:\r\n",
        "length over 64 bits": JSON + b"Content-Length: 18446744073709551617\r\n",
        "two hosts": JSON + length(body) + b"Host: other\r\n",
        "CR in a value": JSON + length(body) + b"X-A: b\rc\r\n",
    }
    # What libmicrohttpd refuses by itself goes out with its head twice: one status, said twice.
    good = {"length over 64 bits": ({400}, {413})}
    for name, head in cases.items():
        statuses, closed = raw_post(v, head, body)
        if set(statuses) not in good.get(name, ({400},)) or not closed:
            wrong.append("%s: %s%s" % (name, statuses, "" if closed else ", left open"))
    statuses, closed = raw_post(v, JSON + length(body), body, host=b"")
    if set(statuses) != {400} or not closed:
        wrong.append("no host: %s" % statuses)
    check(not wrong, "; ".join(wrong))


def test_framing_nothing_smuggled(v):
    """A second request hidden in a badly framed body is never answered."""
    inner = b"GET /livez HTTP/1.1\r\n" + HOST + b"\r\n"
    for head in (b"Transfer-Encoding: chunked\r\n" + length(b"0\r\n\r\n" + inner),
                 b"Content-Length: 0\r\n" + length(inner), b"Content-Length : 5\r\n"):
        statuses, closed = raw_post(v, JSON + head, b"0\r\n\r\n" + inner)
        check(len(statuses) <= 1 and 200 not in statuses and closed,
              "answered %s after %r" % (statuses, head[:20]))


def test_framing_411(v):
    body = a_body()
    chunked = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
    for head, sent in ((b"Transfer-Encoding: chunked\r\n", chunked),
                       (b"Transfer-Encoding: identity\r\n", body),
                       (b"Transfer-Encoding: gzip, chunked\r\n", chunked), (b"", b"")):
        statuses, _ = raw_post(v, JSON + head, sent)
        equal(statuses, [411], "statuses after %r" % head)


def test_framing_413_before_the_body(v):
    for path, most in ((b"/v1/tokenize", 1048576), (b"/v1/detokenize", 1048576),
                       (b"/v1/tokens/lookup", 65536), (b"/v1/sessions", 65536)):
        statuses, closed = raw_post(v, JSON + b"Content-Length: %d\r\n" % (most + 1), b"", path)
        equal((statuses, closed), ([413], True), "statuses, closed for " + path.decode())


def test_body_at_its_limit(v):
    acme = Partner(v)
    body = a_body()
    acme.request("POST", "/v1/tokenize", raw=body + b" " * (1048576 - len(body))).expect(200)
    body = json.dumps({"domain": "cards", "value": val.pan()}).encode()
    acme.request("POST", "/v1/tokens/lookup", raw=body + b" " * (65536 - len(body))).expect(404)


def test_framing_415(v):
    acme = Partner(v)
    for kind in ("text/plain", "application/x-www-form-urlencoded", "application/jsonx",
                 "application/json/x", "", None):
        acme.post("/v1/tokenize", {"domain": "cards", "value": val.pan()},
                  headers={"Content-Type": kind}).expect(415, "unsupported_media_type")


def test_headers_split_into_single_bytes(v):
    """Arrival in small pieces changes nothing."""
    body = a_body()
    sent = b"POST /v1/tokenize HTTP/1.1\r\n" + HOST + JSON + length(body) + b"\r\n" + body
    host = urllib.parse.urlsplit(v.dev["url"]).hostname
    plain = socket.create_connection((host, v.port), timeout=10)
    with cl.tls_context(v, v.partner()).wrap_socket(plain, server_hostname=host) as s:
        for i in range(len(sent)):
            s.sendall(sent[i:i + 1])
        check(s.recv(4096).startswith(b"HTTP/1.1 200 "), "no 200")


def test_405_with_allow(v):
    acme = Partner(v)
    for method, path, allow in (("GET", "/v1/tokenize", "POST"), ("PUT", "/v1/tokenize", "POST"),
                                ("DELETE", "/v1/tokens/lookup", "POST"),
                                ("POST", "/v1/whoami", "GET"), ("PATCH", "/v1/keys", "GET"),
                                ("GET", "/v1/sessions", "POST")):
        reply = acme.request(method, path, raw=b"{}" if method != "GET" else None)
        allowed = reply.expect(405, "method_not_allowed").headers["Allow"]
        check(allow in [a.strip() for a in allowed.split(",")], "Allow is %r" % allowed)


def test_404_routes(v):
    acme = Partner(v)
    for path in ("/v1/nope", "/v1/tokenize/", "/v1/tokenize/x", "/v1//tokenize", "/v2/tokenize",
                 "/v1/TOKENIZE", "/v1/tokens/../tokenize", "/v1/%74okenize"):
        status = acme.get(path).status
        check(status in (400, 404), "GET %s is answered %d" % (path, status))


def test_body_400_and_its_field(v):
    acme = Partner(v)
    card = val.pan()
    good = '{"domain":"cards","value":"%s"' % card
    root = (None, "")
    cases = [
        (b"", (None, "", "/domain")), (b"{", root),
        (b"[]", root), (b"null", root), (b'"x"', root), (b"5", root),
        (good.encode() + b"} x", root), (b"\xef\xbb\xbf" + good.encode() + b"}", root),
        (good + ',"bogus":1}', root), (good + ',"domain":"cards"}', (None, "", "/domain")),
        (good + ',"value":"%s"}' % card, (None, "", "/value")),
        ('{"domain":5,"value":"%s"}' % card, ("/domain",)),
        ('{"domain":null,"value":"%s"}' % card, ("/domain",)),
        ('{"domain":"cards","value":%s}' % card, ("/value",)),
        ('{"domain":"cards","value":["%s"]}' % card, ("/value",)),
        ('{"domain":"cards","values":"%s"}' % card, ("/values",)),
        ('{"domain":"cards","values":{"value":"%s"}}' % card, ("/values",)),
        ('{"domain":"cards","values":["%s",7]}' % card, ("/values/1",)),
        ('{"domain":"cards","values":[{"value":"%s","bogus":1}]}' % card, ("/values/0",)),
        ('{"domain":"cards","values":[{"value":7}]}', ("/values/0/value",)),
        ('{"domain":"cards","values":["%s",{"value":"%s","consent":1}]}' % (card, card),
         ("/values/1/consent",)),
        (good + ',"expires_in":"60"}', ("/expires_in",)),
        (good + ',"expires_in":-1}', ("/expires_in",)),
        (good + ',"expires_in":1.5}', ("/expires_in",)),
        (good + ',"expires_in":99999999999999999999}', (None, "", "/expires_in")),
        (good + ',"receipt":"true"}', ("/receipt",)), (good + ',"receipt":1}', ("/receipt",)),
        (good + ',"channel":""}', ("/channel",)), (good + ',"channel":"%s"}' % ("x" * 33),
                                                   ("/channel",)),
        (good + ',"subject":"%s"}' % ("x" * 129), ("/subject",)),
        ('{"value":"%s"}' % card, (None, "", "/domain")),
        (b'{"domain":"cards","value":"\xff\xfe"}', (None, "", "/value")),
        (b'{"domain":"cards","value":"\xed\xa0\x80"}', (None, "", "/value")),
        ('{"domain":"cards","value":"%s\\u0000"}' % card, (None, "", "/value")),
        ('{"domain":"ca\\u0000rds","value":"%s"}' % card, (None, "", "/domain")),
        ("[" * 5000 + "]" * 5000, root), ('{"domain":' + "[" * 2000 + "]" * 2000 + "}",
                                          (None, "", "/domain")),
    ]
    wrong = []
    for body, fields in cases:
        raw = body.encode() if isinstance(body, str) else body
        reply = acme.request("POST", "/v1/tokenize", raw=raw)
        field = reply.json().get("field") if reply.status == 400 else None
        if (reply.status, reply.code()) != (400, "bad_request") or field not in fields:
            wrong.append("%r: %d %s field %r" % (raw[:60], reply.status, reply.code(), field))
    check(not wrong, "; ".join(wrong).replace(card, "CARD"))
    acme.lookup("cards", card).expect(404, "not_found")


def test_order_of_refusals(v):
    """Every pair of neighbours in section 2's table: the earlier refusal wins."""
    acme, nobody = Partner(v), Client(v)
    aude, olga = person(v, "aude"), person(v, "olga")
    bad = b"{"
    plain = {"Content-Type": "text/plain"}
    nobody.request("POST", "/v1/tokenize", raw=bad, headers=plain).expect(415)
    nobody.request("POST", "/v1/tokenize", raw=bad).expect(401, "unauthenticated")
    nobody.request("POST", "/v1/detokenize", raw=bad).expect(401, "unauthenticated")
    aude.request("POST", "/v1/detokenize", raw=bad).expect(403, "forbidden")
    acme.request("POST", "/v1/detokenize", raw=bad).expect(403, "forbidden")
    olga.request("POST", "/v1/detokenize", raw=bad).expect(400, "bad_request")
    token = acme.token("cards", val.pan())
    many = {"domain": "no-such-domain", "token": token, "purpose": "no-such-purpose",
            "reason": "r", "bogus": 1}
    olga.post("/v1/detokenize", many).expect(400, "bad_request")
    many.pop("bogus")
    olga.post("/v1/detokenize", many).expect(403, "forbidden")
    many["domain"] = "cards"
    many["token"] = val.other_check_digit(token)
    olga.post("/v1/detokenize", many).expect(422)
    many["token"] = token
    olga.post("/v1/detokenize", many).expect(422, "invalid_purpose")
    body = {"domain": "cards-zeta", "value": "garbage", "bogus": 1}
    acme.post("/v1/tokenize", body).expect(400, "bad_request")
    body.pop("bogus")
    acme.post("/v1/tokenize", body).expect(403, "forbidden")
    revoke = {"domain": "cards", "token": "garbage", "reason": val.pan()}
    acme.post("/v1/tokens/revoke", revoke).expect(422)


def test_C05_refusals_echo_nothing(v):
    acme = Partner(v)
    planted = "Zebra" + val.pan()
    for body in ({"domain": planted, "value": planted}, {"domain": "cards", "value": planted},
                 {"domain": "cards", planted: planted}, {"domain": "cards", "values": [planted]},
                 {"domain": "cards", "value": val.pan(), "subject": planted}):
        for path in ("/v1/tokenize", "/v1/tokens/lookup"):
            reply = acme.post(path, body)
            check(planted.encode() not in reply.body and b"Zebra" not in reply.body,
                  "input comes back from " + path)
    reply = acme.get("/v1/" + planted)
    check(b"Zebra" not in reply.body + str(reply.headers).encode(), "the path comes back")


def test_request_id(v):
    acme = Partner(v)
    good = "req-1.A_b"
    reply = acme.get("/v1/nope", headers={"X-Request-Id": good}).expect(404)
    equal(reply.json()["request_id"], good, "request_id")
    for bad in ("a b", "x" * 65, "", "a/b", "<x>"):
        found = acme.get("/v1/nope", headers={"X-Request-Id": bad}).expect(404).json()
        check(found["request_id"] != bad, "an offending request id came back")
    ids = {acme.get("/v1/nope").json()["request_id"] for _ in range(5)}
    equal(len(ids), 5, "distinct request ids")


def test_C26_request_id_in_the_log(v):
    acme, aude = Partner(v), person(v, "aude")
    acme.post("/v1/tokenize", {"domain": "cards", "value": val.pan()},
              headers={"X-Request-Id": "trace-me-7"}).expect(200)

    def ask():
        size = aude.get("/v1/audit/entries?from=0&limit=1").expect(200).json()["size"]
        start = max(0, size - 200)
        return b"trace-me-7" in aude.get("/v1/audit/entries?from=%d&limit=1000" % start).body
    lib.wait_for(ask, 3, "the request id in the log", 0.2)


def refused(v, cert, path="/v1/whoami"):
    """True where a certificate is refused as the contract says: 401 and close, or a TLS alert."""
    one = Client(v, cert)
    try:
        reply = one.get(path)
    except cl.DROPPED:
        return True
    return (reply.status == 401 and reply.code() == "unauthenticated"
            and one.connection is None)


def test_C04_bad_certificates(v):
    wrong = []
    for name in ("unpinned", "expired", "wrong_ca"):
        for path in ("/v1/whoami", "/v1/audit/checkpoint", "/v1/keys"):
            if not refused(v, v.dev["bad_certs"][name], path):
                wrong.append("%s on %s" % (name, path))
    check(not wrong, "let in: " + ", ".join(wrong))


def test_C04_bad_certificate_cannot_log_in(v):
    omar = Person(v, "omar")
    for name in ("unpinned", "expired", "wrong_ca"):
        one = Client(v, v.dev["bad_certs"][name])
        try:
            reply = one.post("/v1/sessions", {"user": "omar", "password": "x", "otp": "000000"})
            equal(reply.status, 401, "status with " + name)
        except cl.DROPPED:
            continue
    omar.login()


def test_C04_no_certificate(v):
    one = Client(v)
    for path in ("/v1/tokenize", "/v1/tokens/lookup", "/v1/tokens/replace"):
        one.post(path, {}).expect(401, "unauthenticated")
    one.get("/v1/whoami").expect(401, "unauthenticated")


def test_C04_certificate_and_session(v):
    olga, acme = person(v, "olga"), Partner(v)
    for path in ("/v1/whoami", "/v1/audit/checkpoint"):
        acme.get(path, headers=olga.headers()).expect(400, "bad_request")


def test_C04_old_tls_refused(v):
    warnings.simplefilter("ignore", DeprecationWarning)  # old versions are what is asked for
    for version in (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1):
        one = Client(v)
        one.context.minimum_version = version
        one.context.maximum_version = version
        one.context.set_ciphers("ALL:@SECLEVEL=0")
        try:
            one.get("/livez")
        except ssl.SSLError as why:
            # An alert, or the connection closed: not a refusal of this side.
            check("ALERT" in str(why).upper() or "EOF" in str(why),
                  "refused by the client, not the server: %s" % why)
            continue
        raise lib.Failure("%s is accepted" % version.name)
    one = Client(v)
    one.get("/livez").expect(200)
    check(one.connection.sock.version() in ("TLSv1.2", "TLSv1.3"), "neither TLS 1.2 nor 1.3")


def test_plain_http_refused(v):
    with socket.create_connection(("127.0.0.1", v.port), timeout=8) as s:
        s.sendall(b"GET /livez HTTP/1.1\r\n" + HOST + b"\r\n")
        try:
            got = s.recv(4096)
        except ConnectionResetError:
            got = b""
    check(not got.startswith(b"HTTP/1.1 200"), "plain HTTP is served")


def test_probes_and_metrics(v):
    nobody = Client(v)
    nobody.get("/livez").expect(200)
    nobody.get("/readyz").expect(200)
    reply = nobody.get("/metrics").expect(200)
    check(reply.headers["Content-Type"].startswith("text/plain"), "type of the metrics")
    lines = [l for l in reply.body.decode().splitlines() if l and not l.startswith("#")]
    check(lines, "no metrics")
    for line in lines:
        check(re.match(r"[a-z_]+(\{[^}]*\})? [0-9.eE+-]+$", line), "metric line %r" % line)
    if shutil.which("promtool"):
        done = subprocess.run(["promtool", "check", "metrics"], input=reply.body, timeout=20,
                              capture_output=True)
        # 3: it would like help texts and seconds; 1: it cannot read them.
        check(done.returncode in (0, 3), "promtool: %s" % done.stderr[:300])


def test_openapi_is_served(v):
    reply = Partner(v).get("/v1/openapi.json").expect(200)
    found = reply.json()
    check(found["openapi"].startswith("3.1"), "version of OpenAPI")
    missing = [p for p in ("/v1/tokenize", "/v1/detokenize", "/v1/sessions", "/v1/keys")
               if p not in found["paths"] and p[3:] not in found["paths"]]
    check(not missing, "not described: %s" % missing)


def test_deadline_of_headers(v):
    """A connection that sends half a request is closed at its deadline, not kept by dripping."""
    host = urllib.parse.urlsplit(v.dev["url"]).hostname
    plain = socket.create_connection((host, v.port), timeout=20)
    began = time.monotonic()
    with cl.tls_context(v, v.partner()).wrap_socket(plain, server_hostname=host) as s:
        s.settimeout(0.5)
        s.sendall(b"POST /v1/tokenize HTTP/1.1\r\n" + HOST)
        while True:
            try:
                s.sendall(b"X-Drip: 1\r\n")
                if s.recv(4096) == b"":
                    break
            except socket.timeout:
                pass
            except (OSError, ssl.SSLError):
                break
            check(time.monotonic() - began < 9, "a dripping client is still connected after 9 s")
    Client(v).get("/livez").expect(200)


if __name__ == "__main__":
    lib.run(globals())
