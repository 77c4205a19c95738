#!/usr/bin/env python3
"""FIDO2 keys as people use them: Chromium's virtual authenticator against a running vault.

Needs Chromium (`make browser` installs it); without one it skips, unless HUFU_REQUIRE_BROWSER is
set. What a page would send with fetch() is sent from here: the pages are the vault's own, whose
content policy allows no requests.
"""

import http.server
import json
import os
import ssl
import subprocess
import sys
import threading

import chromium
import lib
import values as val
from client import Partner, Person
from lib import check, equal

HUFU = os.path.join(lib.BUILD, "hufu")
B = {}  # browser, people, what was enrolled

PAGE = """
const raw = t => Uint8Array.from(atob(t.replace(/-/g, '+').replace(/_/g, '/')),
                                 c => c.charCodeAt(0));
const text = b => btoa(String.fromCharCode(...new Uint8Array(b)))
    .replace(/\\+/g, '-').replace(/\\//g, '_').replace(/=+$/, '');
const ids = list => list.map(id => ({type: 'public-key', id: raw(id)}));
async function make(a) {
    const c = await navigator.credentials.create({publicKey: {
        challenge: raw(a.challenge), rp: {id: a.rp_id, name: 'Hufu'}, attestation: 'none',
        user: {id: new TextEncoder().encode(a.user), name: a.user, displayName: a.user},
        pubKeyCredParams: [-7, -8, -257].map(alg => ({type: 'public-key', alg})),
        excludeCredentials: ids(a.exclude),
        authenticatorSelection: {userVerification: 'required'}}});
    return {client_data: text(c.response.clientDataJSON),
            attestation: text(c.response.attestationObject)};
}
async function show(a, verification) {
    const c = await navigator.credentials.get({publicKey: {
        challenge: raw(a.challenge), rpId: a.rp_id, allowCredentials: ids(a.credentials),
        userVerification: verification}});
    return {credential: text(c.rawId), client_data: text(c.response.clientDataJSON),
            authenticator_data: text(c.response.authenticatorData),
            signature: text(c.response.signature)};
}
"""


def url(v):
    return "https://localhost:%d/livez" % v.port


def in_page(call, *args):
    words = ", ".join(json.dumps(a) for a in args)
    return B["browser"].run("(async () => {%s; return await %s(%s); })()" % (PAGE, call, words))


def show(challenge, verification="required"):
    return in_page("show", challenge, verification)


def challenge_of(v, name="olga"):
    return Person(v, name).post("/v1/sessions/challenge", {"user": name}).expect(200).members(
        "challenge", "credentials", "expires_at", "rp_id")


def log_in(v, shown, name="olga"):
    person = Person(v, name)
    body = {"user": name, "password": person.account["password"], **shown}
    return person.post("/v1/sessions", body)


def step_challenge(**meant):
    return B["olga"].post("/v1/sessions/current/challenge", meant).expect(200).json()


def step_up(shown):
    return B["olga"].post("/v1/sessions/current/step-up", shown)


def enrol(v):
    """The whole way: two administrators agree, the person makes a key in the browser."""
    body = {"kind": "enrol-key", "subject": "olga", "reason": "asked for in person"}
    found = B["sara"].ready().post("/v1/ceremonies", body).expect(201).json()["id"]
    B["olga"].post("/v1/ceremonies/%s/key-challenge" % found).expect(404, "not_found")
    B["sven"].ready().post("/v1/ceremonies/%s/approve" % found).expect(200)
    B["sara"].post("/v1/ceremonies/%s/key-challenge" % found).expect(404, "not_found")
    asked = B["olga"].ready().post("/v1/ceremonies/%s/key-challenge" % found).expect(200).members(
        "challenge", "exclude", "expires_at", "rp_id", "user")
    made = in_page("make", asked)
    return found, made


def test_C21_enrol(v):
    for name in ("sara", "sven", "olga"):
        B[name] = Person(v, name).ready()
    B["browser"].open(url(v))
    ceremony, made = enrol(v)
    path = "/v1/ceremonies/%s/key" % ceremony
    found = B["olga"].post(path, made).expect(201).members("credential", "recovery_codes")
    equal(len(set(found["recovery_codes"])), 8, "recovery codes")
    B["codes"], B["id"] = found["recovery_codes"], found["credential"]
    B["olga"].post(path, made).expect(409, "conflict")
    check(B["id"] in challenge_of(v)["credentials"], "the challenge names no key of hers")


def test_C21_log_in(v):
    asked = challenge_of(v)
    equal(len(asked["credentials"]), 4, "ids for a person with a key")
    equal(len(challenge_of(v, "omar")["credentials"]), 4, "ids for a person without")
    shown = show(asked)
    found = log_in(v, shown).expect(201).members("session", "user", "role", "expires_at")
    B["olga"].session = found["session"]
    B["olga"].get("/v1/whoami").expect(200)
    log_in(v, shown).expect(401, "unauthenticated")  # replayed
    B["olga"].get("/v1/whoami").expect(200)


def test_C21_challenge_of_another(v):
    asked = {**challenge_of(v, "omar"), "credentials": [B["id"]]}
    log_in(v, show(asked)).expect(401, "unauthenticated")
    log_in(v, show(challenge_of(v))).expect(201)


def test_C21_step_up_for_one_request(v):
    token = Partner(v).token("cards", val.pan())
    meant = {"domain": "cards", "token": token, "purpose": v.purpose("cards"), "reason": "case 1"}
    asked = step_challenge(verb="detokenize", **meant)
    equal(len(asked["digest"]), 43, "length of the digest")
    step_up(show(asked)).expect(204)
    B["olga"].post("/v1/detokenize", {**meant, "reason": "case 2"}).expect(401, "step_up_required")
    B["olga"].post("/v1/detokenize", meant).expect(200)
    B["olga"].post("/v1/detokenize", meant).expect(401, "step_up_required")
    step_up(show(step_challenge())).expect(204)  # for whatever comes
    B["olga"].post("/v1/detokenize", meant).expect(200)
    B["olga"].post("/v1/detokenize", {**meant, "reason": "case 2"}).expect(200)


def test_C21_one_challenge_used_by_32_at_once(v):
    token = Partner(v).token("cards", val.pan())
    meant = {"domain": "cards", "token": token, "purpose": v.purpose("cards"), "reason": "case 3"}
    shown = show(step_challenge(verb="detokenize", **meant))
    for path, body, won in (("/v1/sessions/current/step-up", shown, 204),
                            ("/v1/detokenize", meant, 200)):
        gate, statuses = threading.Barrier(32), []

        def ask():
            person = Person(v, "olga")
            person.session = B["olga"].session
            person.get("/v1/whoami")  # the connection is there
            gate.wait()
            statuses.append(person.post(path, body).status)

        threads = [threading.Thread(target=ask) for _ in range(32)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        equal(sorted(statuses), [won] + [401] * 31, "answers of " + path)


def test_C21_bad_signature_presence_verification(v):
    """What the browser's own authenticator can do wrong."""
    person = Person(v, "olga")
    for bits in ({"isBogusSignature": True}, {"isBadUP": True}, {"isBadUV": True}):
        B["browser"].of_key("setResponseOverrideBits", **bits)
        shown = show(challenge_of(v), "preferred")
        log_in(v, shown).expect(401, "unauthenticated")
        B["browser"].of_key("setResponseOverrideBits")
        wait_out(v, person)
    B["browser"].of_key("setUserVerified", isUserVerified=False)
    shown = show(challenge_of(v), "discouraged")
    log_in(v, shown).expect(401, "unauthenticated")
    B["browser"].of_key("setUserVerified", isUserVerified=True)
    wait_out(v, person)


def wait_out(v, person):
    """Until failures of a moment ago hold nobody back: a log-in that succeeds forgets them."""
    lib.wait_for(lambda: log_in(v, show(challenge_of(v))).status == 201, 20, "olga is let in")
    person.close()


class OtherPage(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def test_C21_wrong_origin(v):
    """A page of the same host on another port: the browser lets it ask, the vault does not."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), OtherPage)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(v.path("tls", "server.crt"), v.path("tls", "server.key"))
    server.socket = context.wrap_socket(server.socket, server_side=True,
                                        do_handshake_on_connect=False)  # each thread does its own
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        B["browser"].open("https://localhost:%d/" % server.server_address[1])
        shown = show(challenge_of(v))
        log_in(v, shown).expect(401, "unauthenticated")
        step_up(show(step_challenge())).expect(401, "unauthenticated")
    finally:
        server.shutdown()
        server.server_close()
        B["browser"].open(url(v))
    lib.wait_for(lambda: step_up(show(step_challenge())).status == 204, 20, "olga's step-up")


def test_C21_recovery_code(v):
    log_in(v, {"recovery_code": B["codes"][0]}).expect(201)
    log_in(v, {"recovery_code": B["codes"][0]}).expect(401, "unauthenticated")
    log_in(v, {"recovery_code": B["codes"][1].lower()}).expect(201)
    for code, want in ((B["codes"][2], 0), (B["codes"][2], 3)):  # once, by the client too
        given = "%s\n%s\n" % (v.user("olga")["password"], code)
        done = subprocess.run([HUFU, "--dev", v.dir, "-q", "login", "olga", "--recovery-code"],
                              input=given, capture_output=True, text=True, timeout=60,
                              env=dict(os.environ, HOME=v.top))
        equal(done.returncode, want, "exit code of hufu login: " + done.stderr)
        check(code not in done.stdout + done.stderr, "the code is repeated")


def test_C21_counter_that_goes_back(v):
    """The key is taken out and put back as an older copy of it."""
    browser = B["browser"]
    found = browser.of_key("getCredentials")["credentials"]
    equal(len(found), 1, "credentials in the authenticator")
    browser.of_key("removeCredential", credentialId=found[0]["credentialId"])
    old = {k: found[0][k] for k in ("credentialId", "isResidentCredential", "rpId", "privateKey")}
    browser.of_key("addCredential", credential={**old, "signCount": 1})
    log_in(v, show(challenge_of(v))).expect(401, "unauthenticated")
    B["olga"].get("/v1/whoami").expect(401, "unauthenticated")  # suspended, sessions over
    check(B["id"] not in challenge_of(v)["credentials"], "the key is still asked for")
    entries = Person(v, "aude").ready().get("/v1/audit/entries?from=0&limit=1000").expect(200)
    lines = [json.loads(e["line"]) for e in entries.json()["entries"]]
    words = [w for line in lines for w in line.get("purpose", "").split()]
    equal({w for w in words if w.startswith("fault=")},
          {"fault=" + f for f in ("used", "foreign", "signature", "presence", "verification",
                                  "origin", "counter")}, "what the entries say")
    check(any(line["verb"] == "alarm" for line in lines), "no alarm")


def main():
    if chromium.program() is None:
        if os.environ.get("HUFU_REQUIRE_BROWSER"):
            print("FAIL browser: chromium is not installed")
            print("0 passed, 1 failed")
            sys.exit(1)
        print("skip all: chromium is not installed; `make browser` installs it and runs this")
        print("0 passed, 0 failed")
        return

    def test_begin(v):
        B["browser"] = chromium.Browser(v.path("tls", "server.crt"))

    tests = {"test_begin": test_begin}
    tests.update((n, f) for n, f in globals().items() if n.startswith("test_"))
    try:
        lib.run(tests)
    finally:
        if "browser" in B:
            B["browser"].close()


if __name__ == "__main__":
    main()
