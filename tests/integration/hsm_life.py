#!/usr/bin/env python3
"""The HSM's bad days: absent at start, a wrong PIN, a call that hangs, a module that fails."""

import os
import time

import lib
import values as val
from client import HTTPException, Client, Partner, Person
from lib import check, equal

SHIM = os.path.join(lib.BUILD, "tests", "shim_p11.so")


def setting(v, name):
    with open(v.path("hufu.conf")) as f:
        for line in f:
            if line.split("=")[0].strip() == name:
                return os.path.join(v.dir, line.split("=", 1)[1].strip())
    return ""


def token_folder(v):
    with open(setting(v, "softhsm_conf")) as f:
        for line in f:
            if line.split("=")[0].strip() == "directories.tokendir":
                return line.split("=", 1)[1].strip()
    raise lib.Failure("no directories.tokendir")


def control(v, *lines):
    """Sets the shim's rules, in one step."""
    path = os.path.join(v.top, "control")
    with open(path + ".new", "w") as f:
        f.write("".join(l + "\n" for l in lines))
    os.rename(path + ".new", path)


def counts(v, name):
    """How often the module's function was called since the counts were last cleared."""
    try:
        with open(os.path.join(v.top, "counts")) as f:
            return sum(line.strip() == name for line in f)
    except OSError:
        return 0


def clear_counts(v):
    with open(os.path.join(v.top, "counts"), "w"):
        pass


def start_with_shim(v, ready=True):
    check(os.path.exists(SHIM), "no " + SHIM)
    real = setting(v, "module") or "/usr/lib/softhsm/libsofthsm2.so"
    v.environ.update({"HUFU_SHIM_MODULE": real, "HUFU_SHIM_CONTROL": os.path.join(v.top, "control"),
                      "HUFU_SHIM_COUNTS": os.path.join(v.top, "counts")})
    clear_counts(v)
    v.start(ready, ["hsm.module=" + SHIM])


def test_absent_at_start(v):
    """No token: the service is up and says 503 sealed; it opens by itself when one is there."""
    v.start()
    value = val.pan()
    token = Partner(v).token("cards", value)
    v.stop()
    folder = token_folder(v)
    os.rename(folder, folder + ".away")
    try:
        v.start(ready=False)
        lib.wait_for(lambda: v.probe("/livez") == 200, 10, "livez 200")
        equal(v.probe("/readyz"), 503, "readyz without a token")
        lib.wait_for(lambda: b"hsm" in Client(v).get("/readyz").body.lower(), 10,
                     "readyz names the part")
        acme = Partner(v)
        sealed = acme.tokenize("cards", value).expect(503, "sealed")
        check(int(sealed.headers["Retry-After"]) >= 1, "Retry-After")
        time.sleep(1)
        acme.tokenize("cards", value).expect(503, "sealed")
        olga = Person(v, "olga")
        body = {"user": "olga", "password": olga.account["password"], "otp": "000000"}
        olga.post("/v1/sessions", body).expect(503, "sealed")
    finally:
        os.rename(folder + ".away", folder)
    lib.wait_for(lambda: v.probe("/readyz") == 200, 20, "opens by itself")
    equal(Partner(v).token("cards", value), token, "token afterwards")
    v.stop()


def test_refused_pin_is_not_tried_again(v):
    """CKR_PIN_INCORRECT: one login, then none, also across restarts, until the PIN file changes."""
    control(v, "C_Login a0 0 0 0")
    start_with_shim(v, ready=False)
    lib.wait_for(lambda: counts(v, "C_Login") >= 1, 10, "a login")
    time.sleep(2)
    equal(v.probe("/readyz"), 503, "readyz after a refused PIN")
    equal(counts(v, "C_Login"), 1, "logins after a refused PIN")
    control(v)
    time.sleep(3)
    equal((v.probe("/readyz"), counts(v, "C_Login")), (503, 1), "readyz, logins 3 s later")
    v.kill("hsm")
    time.sleep(2)
    equal((v.probe("/readyz"), counts(v, "C_Login")), (503, 1), "after a new hsm process")
    v.stop()
    start_with_shim(v, ready=False)
    lib.wait_for(lambda: v.probe("/livez") == 200, 10, "livez 200")
    time.sleep(2)
    equal((v.probe("/readyz"), counts(v, "C_Login")), (503, 0), "after a restart")
    path = setting(v, "pin_file")
    with open(path) as f:
        pin = f.read()
    with open(path + ".new", "w") as f:
        f.write(pin)
    os.chmod(path + ".new", 0o400)
    os.rename(path + ".new", path)
    try:
        lib.wait_for(lambda: v.probe("/readyz") == 200, 15, "opens with a new PIN file")
    except lib.Failure:
        v.stop()
        start_with_shim(v)
        raise lib.Failure("opens with a new PIN file only after a restart")
    finally:
        v.stop()


def test_hanging_call(v):
    """A call past its deadline: the process is replaced; tokenizing never notices."""
    control(v)
    start_with_shim(v)
    acme = Partner(v)
    acme.token("cards", val.pan())
    old = v.roles()["hsm"]
    control(v, "C_Sign ok 0 0 60000")
    acme.token("cards", val.pan())  # something new to sign
    statuses, began = [], time.monotonic()
    while v.roles().get("hsm", old) == old and time.monotonic() - began < 12:
        statuses.append(acme.tokenize("cards", val.pan()).status)
    took = time.monotonic() - began
    check(v.roles().get("hsm", old) != old, "the hanging process was not replaced within 12 s")
    check(took < 6, "replaced only after %.1f s; the deadline is 2 s" % took)
    control(v)
    for _ in range(50):
        statuses.append(acme.tokenize("cards", val.pan()).status)
    equal(set(statuses), {200}, "statuses while the module hung")
    check(not lib.is_alive(old), "the hanging process still runs")
    v.wait_ready(15)
    v.stop()


def test_failing_signatures_heal(v):
    """CKR_DEVICE_ERROR from C_Sign: tokenizing goes on, checkpoints come back by themselves."""
    control(v)
    start_with_shim(v)
    acme = Partner(v)
    control(v, "C_Sign 30 0 0 0")
    for _ in range(100):
        acme.tokenize("cards", val.pan()).expect(200)
        time.sleep(0.02)
    control(v)

    def size():
        try:
            reply = acme.get("/v1/audit/checkpoint")
        except (OSError, HTTPException):
            return 0
        return int(reply.body.split(b"\n")[1]) if reply.status == 200 else 0
    lib.wait_for(lambda: size() >= 100, 20, "a checkpoint over what was written meanwhile", 0.2)
    v.stop()


def test_token_gone_while_running(v):
    """The module fails every call: what needs no HSM goes on; it opens again by itself."""
    control(v)
    start_with_shim(v)
    acme, value = Partner(v), val.pan()
    token = acme.token("cards", value)
    control(v, "* 32 0 0 0")  # CKR_DEVICE_REMOVED
    end = time.monotonic() + 4
    while time.monotonic() < end:
        equal(acme.tokenize("cards", value).expect(200).json()["token"], token, "token")
        time.sleep(0.05)
    control(v)
    lib.wait_for(lambda: v.probe("/readyz") == 200, 30, "ready again", 0.2)
    equal(acme.token("cards", value), token, "token afterwards")
    v.stop()


def test_killed_core_without_hsm_stays_sealed(v):
    """A core that starts while the token is away has no key: 503, never an answer."""
    control(v)
    start_with_shim(v)
    value = val.pan()
    token = Partner(v).token("cards", value)
    control(v, "* 32 0 0 0")
    old = v.kill("core")
    v.kill("hsm")
    lib.wait_for(lambda: v.roles().get("core", old) != old, 5, "a new core")
    end = time.monotonic() + 2
    seen = set()
    while time.monotonic() < end:
        try:
            seen.add(Partner(v).tokenize("cards", value).status)
        except (OSError, HTTPException):
            time.sleep(0.05)
    equal(seen, {503}, "statuses without any key")
    control(v)
    lib.wait_for(lambda: v.probe("/readyz") == 200, 30, "ready again", 0.2)
    equal(Partner(v).token("cards", value), token, "token afterwards")


if __name__ == "__main__":
    lib.run(globals(), start=False)
