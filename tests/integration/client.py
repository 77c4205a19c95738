"""The callers of the vault: partners with a certificate, people with two factors, and raw bytes.

Every refusal that passes through here is held against section 2 of the contract.
"""

import base64
import hashlib
import hmac
import http.client
import json
import re
import socket
import ssl
import struct
import threading
import time
import urllib.parse
from http.client import HTTPException  # for callers

from lib import Failure, check, equal

REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}\Z")
POINTER = re.compile(r"(/[a-z0-9_]+)*\Z")
IDLE_S = 10  # a connection silent for longer is opened anew
STATUS_OF = {
    "bad_request": 400, "unauthenticated": 401, "step_up_required": 401, "forbidden": 403,
    "grant_required": 403, "not_found": 404, "method_not_allowed": 405, "timeout": 408,
    "conflict": 409, "already_approved": 409, "token_suspended": 409, "exhausted": 409,
    "legal_hold": 409, "length_required": 411, "too_large": 413, "unsupported_media_type": 415,
    "invalid_value": 422, "already_token": 422, "not_token": 422, "prohibited_data": 422,
    "value_in_text": 422, "invalid_purpose": 422, "unsupported_mode": 422,
    "idempotency_mismatch": 422, "rate_limited": 429, "sealed": 503, "unavailable": 503,
}
HEADER_OF = {401: "WWW-Authenticate", 405: "Allow", 429: "Retry-After", 503: "Retry-After"}
DROPPED = (ssl.SSLError, ConnectionResetError, BrokenPipeError)


class Reply:
    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers
        self.body = body

    def json(self):
        return json.loads(self.body)

    def code(self):
        return self.json().get("code") if self.status >= 400 else "ok"

    def __repr__(self):
        return "%d %s" % (self.status, self.body[:300].decode(errors="replace"))

    def expect(self, status, code=None):
        """Fails unless the reply has this status (and code); returns the reply."""
        if self.status != status or (code is not None and self.code() != code):
            raise Failure("want %s%s, got %r" % (status, " " + code if code else "", self))
        return self

    def members(self, *names):
        """Fails unless the object has exactly these members; returns the object."""
        found = self.json()
        equal(sorted(found), sorted(names), "members of the reply")
        return found


def check_problem(reply):
    """RFC 9457 as the contract narrows it: exactly these members, the right status and headers."""
    kind = (reply.headers.get("Content-Type") or "").split(";")[0]
    equal(kind, "application/problem+json", "Content-Type of a refusal with %d" % reply.status)
    found = reply.json()
    names = set(found)
    must = {"type", "title", "status", "code", "request_id"}
    may = {"field", "detail"} if found.get("field") == "/keep" else {"field"}
    check(must <= names <= must | may, "members of a refusal: %s" % sorted(names))
    equal(found["status"], reply.status, "member status")
    equal(STATUS_OF.get(found["code"]), reply.status, "status of code %s" % found["code"])
    equal(found["type"], "urn:hufu:error:" + found["code"], "member type")
    check(isinstance(found["title"], str) and found["title"], "member title is empty")
    check(REQUEST_ID.match(found["request_id"]), "member request_id is malformed")
    check(POINTER.match(found.get("field", "")), "field is no pointer of known names")
    need = HEADER_OF.get(reply.status)
    check(not need or reply.headers.get(need), "%d without %s" % (reply.status, need))


def tls_context(instance, cert=None):
    context = ssl.create_default_context(cafile=instance.dev_file(instance.dev["ca"]))
    if cert:
        context.load_cert_chain(instance.dev_file(cert["cert"]), instance.dev_file(cert["key"]))
    return context


class Client:
    """One kept connection. cert: an object with `cert` and `key` of dev.json, or None."""

    recorder = None  # a list: every reply's bytes are kept, for the search for planted values

    def __init__(self, instance, cert=None, timeout=30):
        self.instance = instance
        self.host = urllib.parse.urlsplit(instance.dev["url"]).hostname
        self.context = tls_context(instance, cert)
        self.timeout = timeout
        self.connection = None
        self.used = 0.0
        self.start = 0

    def close(self):
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    def connect(self):
        stale = time.monotonic() - self.used > IDLE_S or self.start != self.instance.starts
        if self.connection is not None and stale:
            self.close()
        if self.connection is None:
            self.start = self.instance.starts
            self.connection = http.client.HTTPSConnection(
                self.host, self.instance.port, timeout=self.timeout, context=self.context)
        return self.connection

    def headers(self):
        return {}

    def request(self, method, path, body=None, headers=None, raw=None):
        """body: an object sent as JSON; raw: bytes sent as they are. headers: None removes one."""
        data = raw if raw is not None else None
        if body is not None:
            data = json.dumps(body, ensure_ascii=False).encode("utf-8", "surrogatepass")
        sent = dict(self.headers())
        if method not in ("GET", "DELETE"):
            sent["Content-Type"] = "application/json"
            sent["Content-Length"] = str(len(data or b""))
        sent.update(headers or {})
        connection = self.connect()
        try:
            connection.request(method, path, body=data,
                               headers={k: v for k, v in sent.items() if v is not None})
            answer = connection.getresponse()
            reply = Reply(answer.status, answer.headers, answer.read())
        except (OSError, HTTPException):
            self.close()
            raise
        if answer.will_close:
            self.close()
        self.used = time.monotonic()
        if Client.recorder is not None:
            Client.recorder.append(str(answer.headers).encode() + reply.body)
        if reply.status >= 400 and path.startswith("/v1/"):
            check_problem(reply)
        return reply

    def get(self, path, **more):
        return self.request("GET", path, **more)

    def post(self, path, body=None, **more):
        return self.request("POST", path, body=body, **more)


class Partner(Client):
    """A machine. name is of dev.json."""

    def __init__(self, instance, name="acme", timeout=30):
        super().__init__(instance, instance.partner(name), timeout)
        self.name = name

    def tokenize(self, domain, value, **more):
        return self.post("/v1/tokenize", {"domain": domain, "value": value, **more})

    def token(self, domain, value, **more):
        return self.tokenize(domain, value, **more).expect(200).json()["token"]

    def batch(self, domain, values, **more):
        reply = self.post("/v1/tokenize", {"domain": domain, "values": values, **more})
        return reply.expect(200).json()["results"]

    def lookup(self, domain, value):
        return self.post("/v1/tokens/lookup", {"domain": domain, "value": value})

    def inspect(self, domain, token):
        return self.post("/v1/tokens/inspect", {"domain": domain, "token": token})

    def state(self, domain, token):
        return self.inspect(domain, token).expect(200).json()["state"]

    def change(self, verb, domain, token, reason="customer asked"):
        body = {"domain": domain, "token": token, "reason": reason}
        return self.post("/v1/tokens/" + verb, body)


def totp(secret, step):
    """RFC 6238, SHA-1, 6 digits; secret in base32, step of 30 s."""
    key = base64.b32decode(secret + "=" * (-len(secret) % 8), casefold=True)
    mac = hmac.new(key, struct.pack(">Q", step), hashlib.sha1).digest()
    at = mac[19] & 15
    return "%06d" % ((struct.unpack(">I", mac[at:at + 4])[0] & 0x7FFFFFFF) % 1000000)


class Person(Client):
    """A human being with password and TOTP; logs in at first use.

    A code works once and only for this step or the one before, so two uses are free and each
    further one waits for its step. Share one Person per user and file.
    """

    lock = threading.Lock()

    def __init__(self, instance, name, timeout=30):
        super().__init__(instance, None, timeout)
        self.name = name
        self.account = instance.user(name)
        self.session = None
        self.factor_at = 0.0

    def headers(self):
        return {"Authorization": "Bearer " + self.session} if self.session else {}

    def next_code(self):
        """A code that the vault has not seen and still takes; sleeps where it must."""
        with Person.lock:
            steps = self.instance.steps
            now = time.time()
            here = int(now // 30)
            step = max(steps.get(self.name, 0) + 1, here - 1)
            if step == here - 1 and 30 - now % 30 < 4:
                step = here  # the older one would be too old on arrival
            if step > here:
                time.sleep(step * 30 - time.time() + 0.1)
            steps[self.name] = step
        return totp(self.account["totp_secret"], step)

    def wrong_code(self):
        here = int(time.time() // 30)
        taken = {totp(self.account["totp_secret"], here + d) for d in range(-3, 4)}
        return next(c for c in ("%06d" % n for n in range(8)) if c not in taken)

    def try_login(self, password=None, otp=None, user=None):
        """A login attempt as it is, without a session in the headers."""
        body = {"user": user or self.name,
                "password": self.account["password"] if password is None else password,
                "otp": self.next_code() if otp is None else otp}
        held, self.session = self.session, None
        try:
            return self.post("/v1/sessions", body)
        finally:
            self.session = held

    def login(self):
        reply = self.try_login().expect(201)
        self.session = reply.json()["session"]
        self.factor_at = time.monotonic()
        return reply

    def ready(self, fresh_s=240):
        """Logged in, with a factor that is still fresh."""
        if self.session is None:
            self.login()
        elif time.monotonic() - self.factor_at > fresh_s:
            self.step_up().expect(204)
        return self

    def step_up(self, otp=None):
        code = self.next_code() if otp is None else otp
        reply = self.post("/v1/sessions/current/step-up", {"otp": code})
        if reply.status == 204:
            self.factor_at = time.monotonic()
        return reply

    def reveal(self, domain, token, purpose=None, reason="case 17", **more):
        purpose = purpose or self.instance.purpose(domain)
        return self.post("/v1/detokenize", {"domain": domain, "token": token, "purpose": purpose,
                                            "reason": reason, **more})

    def value(self, domain, token):
        return self.reveal(domain, token).expect(200).json()["value"]


def raw_exchange(instance, sent, cert=None, wait_s=15):
    """Sends bytes over TLS and reads until the peer closes or falls silent for 1 s after an answer.

    Returns (bytes read, closed by the peer).
    """
    host = urllib.parse.urlsplit(instance.dev["url"]).hostname
    plain = socket.create_connection((host, instance.port), timeout=wait_s)
    got = b""
    with tls_context(instance, cert).wrap_socket(plain, server_hostname=host) as s:
        s.sendall(sent)
        try:
            while True:
                part = s.recv(65536)
                if not part:
                    return got, True
                got += part
                s.settimeout(1)
        except socket.timeout:
            return got, False
        except DROPPED:
            return got, True


def raw_statuses(got):
    """The status of every answer found in raw bytes."""
    return [int(m) for m in re.findall(rb"HTTP/1\.1 (\d{3}) ", got)]
