#!/usr/bin/env python3
"""The command-line client as its users have it: values by stdin, exit codes, JSON, audit verify."""

import json
import os
import re
import shutil
import stat
import subprocess
import time

import lib
import values as val
from cli_stub import on_terminal
from client import Person, totp
from lib import check, equal

HUFU = os.path.join(lib.BUILD, "hufu")
OK, VERIFY_FAILED = 0, 8


def hufu(v, *arguments, given="", dev=True):
    """(exit code, standard output, standard error)."""
    command = [HUFU] + (["--dev", v.dir] if dev else []) + list(arguments)
    done = subprocess.run(command, input=given, capture_output=True, text=True, timeout=60,
                          env=dict(os.environ, HOME=v.top))
    return done.returncode, done.stdout, done.stderr


def good(v, *arguments, given=""):
    """The standard output of a call that must succeed."""
    code, out, err = hufu(v, *arguments, given=given)
    equal(code, OK, "exit code of hufu %s (%s)" % (" ".join(arguments), err.strip()[:200]))
    return out


def login(v, name):
    who = Person(v, name)
    text = "%s\n%s\n" % (who.account["password"], who.next_code())
    return good(v, "-q", "login", name, given=text)


def test_help_names_every_command(v):
    code, out, _ = hufu(v, "--help", dev=False)
    equal(code, OK, "exit code of --help")
    for noun in ("login", "logout", "whoami", "tokenize", "detokenize", "token", "lookup",
                 "ceremony", "key", "audit", "status"):
        check(noun in out, "--help does not name " + noun)


def test_status(v):
    good(v, "status")
    v.stop()
    code, _, _ = hufu(v, "status")
    check(code != OK, "status is good while nobody answers")
    v.start()


def test_tokenize_lines(v):
    cards = [val.pan(), val.pan(), val.other_check_digit(val.pan()), val.pan()]
    code, out, err = hufu(v, "--as", "acme", "tokenize", "cards", given="\n".join(cards) + "\n")
    lines = out.split("\n")
    equal((len(lines), lines[2], lines[4]), (5, "-", ""), "lines of output")
    check(all(val.is_pan_token(lines[i], cards[i]) for i in (0, 1, 3)), "tokens")
    check(code != OK, "a refused line, but exit code 0")
    check(cards[2] not in out + err, "a mistyped value comes back")
    again = good(v, "--as", "acme", "tokenize", "cards", given=val.spaced(cards[0]) + "\n")
    equal(again.strip(), lines[0], "token of the same value")
    equal(good(v, "--as", "acme", "lookup", "cards", given=cards[1] + "\n").count(lines[1]), 1,
          "token found by look-up")


def test_json_output(v):
    card = val.pan()
    out = good(v, "--as", "acme", "-o", "json", "tokenize", "cards", given=card + "\n")
    found = json.loads(out)
    equal(sorted(found), ["created", "expires_at", "token"], "members")
    found = json.loads(good(v, "--as", "acme", "-o", "json", "whoami"))
    equal(found["partner"], "acme", "partner")


def test_values_never_by_argument(v):
    card = val.pan()
    code, out, err = hufu(v, "--as", "acme", "tokenize", "cards", card, given="")
    check(code != OK, "a value by argument is taken")
    check(card not in out + err, "and comes back")
    for option in ("--password", "--otp", "--pin"):
        check(hufu(v, "login", "olga", option, "x")[0] != OK, option + " is an option")


def test_C21_login_and_reveal(v):
    card = val.pan()
    token = good(v, "--as", "acme", "tokenize", "cards", given=card + "\n").strip()
    arguments = ("--as", "olga", "detokenize", "cards", "--purpose", v.purpose("cards"),
                 "--reason", "case 17")
    code, out, _ = hufu(v, *arguments, given=token + "\n")
    check(code != OK and card not in out, "a value without a session")
    code, _, err = hufu(v, "-q", "login", "olga", given="wrong password\n000000\n")
    check(code != OK and "wrong password" not in err, "logged in with a wrong password")
    login(v, "olga")
    equal(good(v, *arguments, given=token + "\n").strip(), card, "value")
    session_files = 0
    for folder, _, names in os.walk(v.path("sessions")):
        for name in names:
            session_files += 1
            mode = stat.S_IMODE(os.stat(os.path.join(folder, name)).st_mode)
            equal(mode, 0o600, "mode of the session file")
    check(session_files, "no session file in DIR/sessions")
    code, out, err = hufu(v, "--as", "olga", "detokenize", "cards", "--purpose", "nope",
                          "--reason", "case 17", given=token + "\n")
    check(code != OK and card not in out, "a value for a purpose that is none")
    good(v, "--as", "olga", "logout")
    check(hufu(v, *arguments, given=token + "\n")[0] != OK, "a value after logout")


def test_C20_inspect_shows_the_mask_alone(v):
    card = val.pan()
    token = good(v, "--as", "acme", "tokenize", "cards", given=card + "\n").strip()
    login(v, "omar")
    for form in ("json", "table"):
        out = good(v, "--as", "omar", "-o", form, "token", "inspect", "cards", given=token + "\n")
        check(card[:6] + "******" + card[-4:] in out, "no mask for the operator, as " + form)
        check(card not in out and card[6:-4] not in out, "more than the mask, as " + form)
        out = good(v, "--as", "acme", "-o", form, "token", "inspect", "cards", given=token + "\n")
        check("masked" not in out and "***" not in out, "a mask for the partner, as " + form)
    good(v, "--as", "omar", "logout")


def test_exit_codes_are_distinct(v):
    check(hufu(v, "--as", "omar", "key", "list")[0] != OK, "keys without a session")
    token = good(v, "--as", "acme", "tokenize", "cards", given=val.pan() + "\n").strip()
    other = val.other_check_digit(val.pan())
    reason = ("--reason", "r")
    codes = {
        "usage": hufu(v, "no-such-command")[0],
        "forbidden": hufu(v, "--as", "zeta", "token", "inspect", "cards", given=token + "\n")[0],
        "not found": hufu(v, "--as", "acme", "token", "inspect", "cards", given=other + "\n")[0],
        "invalid": hufu(v, "--as", "acme", "tokenize", "cards", given="1\n")[0],
        "unreachable": hufu(v, "--url", "https://127.0.0.1:1", "--ca", v.dev_file(v.dev["ca"]),
                            "status", dev=False)[0],
    }
    good(v, "--as", "acme", "token", "revoke", "cards", *reason, given=token + "\n")
    codes["conflict"] = hufu(v, "--as", "acme", "token", "suspend", "cards", *reason,
                             given=token + "\n")[0]
    check(OK not in codes.values(), "a failure with exit code 0: %s" % codes)
    check(len(set(codes.values())) == len(codes), "one code for two failures: %s" % codes)


def test_C27_audit_verify(v):
    """The log is checked without trusting the server; a changed copy is noticed offline."""
    card = val.pan()
    token = good(v, "--as", "acme", "tokenize", "cards", given=card + "\n").strip()
    login(v, "olga")
    login(v, "aude")
    reply = os.path.join(v.top, "reply.json")
    good(v, "--as", "olga", "detokenize", "cards", "--purpose", v.purpose("cards"), "--reason",
         "case 18", "--save", reply, given=token + "\n")
    copy, forged = os.path.join(v.top, "copy"), os.path.join(v.top, "forged")
    good(v, "--as", "aude", "audit", "verify", "--receipt", reply, "--save", copy)
    good(v, "audit", "verify", "--dir", copy)
    good(v, "--as", "acme", "tokenize", "cards", given=val.pan() + "\n")
    good(v, "--as", "aude", "audit", "verify", "--since", os.path.join(copy, "checkpoint"))
    with open(os.path.join(copy, "entries.jsonl")) as f:
        lines = f.read().splitlines()
    changes = {
        "a word": [l.replace("case 18", "case 19") for l in lines],
        "an entry less": lines[:3] + lines[4:],
        "two entries swapped": lines[:2] + [lines[3], lines[2]] + lines[4:],
        "the last entry less": lines[:-1],
        "an entry twice": lines[:3] + [lines[2]] + lines[3:],
    }
    for what, changed in changes.items():
        shutil.rmtree(forged, ignore_errors=True)
        shutil.copytree(copy, forged)
        with open(os.path.join(forged, "entries.jsonl"), "w") as f:
            f.write("\n".join(changed) + "\n")
        equal(hufu(v, "audit", "verify", "--dir", forged)[0], VERIFY_FAILED, "after " + what)
    with open(reply) as f:
        text = f.read()
    with open(reply, "w") as f:
        f.write(text.replace(card, val.pan()))
    code = hufu(v, "--as", "aude", "audit", "verify", "--receipt", reply)[0]
    equal(code, VERIFY_FAILED, "after a changed reply")


def test_rotation_by_two(v):
    login(v, "carl")
    login(v, "cora")
    found = json.loads(good(v, "--as", "carl", "-o", "json", "ceremony", "propose", "rotate-kek",
                            "--reason", "yearly"))
    check(hufu(v, "--as", "carl", "ceremony", "approve", found["id"])[0] != OK,
          "one person is two")
    good(v, "--as", "cora", "ceremony", "approve", found["id"])

    def done():
        out = good(v, "--as", "cora", "-o", "json", "ceremony", "show", found["id"])
        return json.loads(out)["state"] == "done"
    lib.wait_for(done, 30, "the end of the rotation", 0.2)
    check("kek" in good(v, "--as", "carl", "key", "list"), "no KEK in the list")


def ready(v, *names):
    """Logged in, whichever tests ran before."""
    for name in names:
        if not os.path.exists(v.path("sessions", name)):
            login(v, name)


def objects(v, *arguments):
    """The objects of a call on a pipe, one a line."""
    return [json.loads(l) for l in good(v, *arguments).splitlines()]


def by_name(v, who, noun, name):
    return next(o for o in objects(v, "--as", who, noun, "list") if o["name"] == name)


REASON = ("--reason", "case 17")


def test_domains_and_partners(v):
    ready(v, "sara")
    sara = ("--as", "sara")
    made = objects(v, *sara, "domain", "add", "cards-b", "--format", "pan", "--mode",
                   "deterministic", "--partners", "acme", "--purposes", "chargeback", "--keep",
                   "6,4")[0]
    check(made["capacity"] > 0, "the new domain's capacity: %s" % made)
    card = val.pan() + "\n"
    good(v, "--as", "acme", "tokenize", "cards-b", given=card)
    good(v, *sara, "domain", "freeze", "cards-b", *REASON)
    equal(by_name(v, "sara", "domain", "cards-b")["state"], "frozen", "state")
    check(hufu(v, "--as", "acme", "tokenize", "cards-b", given=val.pan() + "\n")[0] != OK,
          "a frozen domain collects")
    code, _, err = hufu(v, *sara, "domain", "add", "cards-b", "--format", "pan", "--mode",
                        "deterministic", "--partners", "acme", "--purposes", "chargeback",
                        "--keep", "6,4")
    equal(code, 6, "a name that is taken (%s)" % err)
    cert = v.path("tls", "unpinned.crt")
    good(v, *sara, "partner", "add", "delta", "--cert-file", cert, "--formats", "pan", "--domains",
         "cards", "--qualification", "Q-1", "--valid-until", "2030-01-01T00:00:00Z")
    equal(by_name(v, "sara", "partner", "delta")["qualification"]["ref"], "Q-1", "qualification")
    equal(hufu(v, *sara, "partner", "cert", "acme", "--cert-file", cert)[0], 6, "a cert twice")
    good(v, *sara, "partner", "cert", "delta", "--cert-file", v.path("tls", "server.crt"))
    partner = ("--cert", cert, "--key", v.path("tls", "unpinned.key"))
    equal(objects(v, *partner, "whoami")[0]["partner"], "delta", "partner")
    good(v, *sara, "partner", "freeze", "delta", *REASON)
    code, _, err = hufu(v, *partner, "tokenize", "cards", given=card)
    check(code == 3 and "ask a security administrator" in err, "a frozen partner: " + err)
    for noun, name in (("domain", "cards-b"), ("partner", "delta")):
        good(v, *sara, noun, "unfreeze", name, *REASON)
        equal(by_name(v, "sara", noun, name)["state"], "active", "state of " + name)
    screen = on_terminal([HUFU, "--dev", v.dir, *sara, "domain", "list"])[1]
    check(re.search(r"^name +format +mode +state +partners", screen), "no table: " + screen)
    found = objects(v, *sara, "domain", "capacity", "cards-b")[0]
    equal((found["fill"], found["percent"], found["marked"]), (1, 0, True), "capacity")
    screen = on_terminal([HUFU, "--dev", v.dir, *sara, "domain", "capacity", "cards-b"])[1]
    check(re.search(r"^ *kind +length +originals +tokens", screen, re.M) and
          re.search(r"^ *16 +16 +100000 +900000", screen, re.M), "no table: " + screen)
    code, _, err = hufu(v, *sara, "domain", "capacity", "no-such-domain")
    check(code != OK, "a domain that is not there: " + err)


def come_in(v, name, password, secret, step):
    code = totp(secret, step)
    return hufu(v, "login", name, given="%s\n%s\n" % (password, code))


def shown(screen, member):
    return re.search(r"^%s: +(\S+)$" % member, screen, re.M).group(1)


def test_people(v):
    """Enrolment, first login, password, freeze, and what takes a second administrator."""
    sara, sven = ("--as", "sara"), ("--as", "sven")
    ready(v, "sara", "sven")
    if time.time() % 30 > 20:
        time.sleep(30 - time.time() % 30)  # both codes below are good for a while
    code, screen = on_terminal([HUFU, "--dev", v.dir, *sara, "user", "add", "nora", "--role",
                                "operator"])
    check(code == OK and "\u2580" in screen and "not be shown again" in screen, "the enrolment")
    password, secret = shown(screen, "initial_password"), shown(screen, "totp_secret")
    here = int(time.time() // 30)
    code, _, err = come_in(v, "nora", password, secret, here - 1)
    equal(code, OK, "the first login (%s)" % err)
    new = "quiet lantern under 9 maples"
    code, _, err = hufu(v, "--as", "nora", "password", given=password + "\n" + new + "\n")
    equal(code, OK, "the new password (%s)" % err)
    check(new not in err and password not in err, "a password is told")
    code, _, err = hufu(v, "--as", "nora", "password", given=new + "\npassword\n")
    check(code == 7 and "easy to guess" in err, "a weak password: " + err)
    equal(hufu(v, "--as", "nora", "password", given="wrong\nanother password of nora\n")[0] == OK,
          False, "a change with a wrong password")
    equal(come_in(v, "nora", new, secret, here)[0], OK, "a login with the new password")
    good(v, *sara, "user", "freeze", "nora", *REASON)
    code, _, err = hufu(v, "--as", "nora", "whoami")
    check(code == 3 and "hufu login" in err, "a frozen person: " + err)
    good(v, *sara, "user", "unfreeze", "nora", *REASON)
    equal(by_name(v, "sara", "user", "nora")["state"], "active", "state")

    found = objects(v, *sara, "user", "change-role", "nora", "--role", "auditor", *REASON)[0]
    equal((found["state"], by_name(v, "sara", "user", "nora")["role"]), ("proposed", "operator"),
          "before the second administrator")
    equal(hufu(v, *sara, "ceremony", "approve", found["id"])[0], 6, "the same person again")
    equal(objects(v, *sven, "ceremony", "approve", found["id"], "--wait")[-1]["state"], "done",
          "the role's ceremony")
    equal(by_name(v, "sara", "user", "nora")["role"], "auditor", "role")
    found = objects(v, *sara, "user", "reset-factor", "nora", *REASON)[0]
    code, screen = on_terminal([HUFU, "--dev", v.dir, *sven, "ceremony", "approve", found["id"]])
    check(code == OK and "\u2580" in screen and shown(screen, "totp_secret") != secret,
          "a new factor: " + screen)
    found = objects(v, *sara, "user", "reset-password", "nora", *REASON)[0]
    check(found["initial_password"] not in (password, new), "a new first password")
    good(v, *sven, "ceremony", "cancel", found["id"])
    equal(hufu(v, *sven, "ceremony", "wait", found["id"])[0], 10, "a withdrawn ceremony")
    err = hufu(v, *sara, "user", "add", "nick", "--role", "custodian")[2]
    found = re.search(r"hufu ceremony approve (\S+)", err).group(1)
    good(v, *sven, "ceremony", "approve", found)
    equal(by_name(v, "sven", "user", "nick")["state"], "active", "the new custodian")
    kinds = [o["kind"] for o in objects(v, *sara, "ceremony", "list")]
    check({"change-role", "reset-factor", "reset-password", "enrol-user"} <= set(kinds), "kinds")


def test_keys(v):
    carl, cora = ("--as", "carl"), ("--as", "cora")
    ready(v, "carl", "cora")
    cards = [val.pan() for _ in range(50)]
    tokens = good(v, "--as", "acme", "tokenize", "cards", given="\n".join(cards) + "\n")
    for verb in ("rotate-data", "rotate-index"):
        found = objects(v, *carl, "key", verb, "cards", *REASON)[0]
        lines = objects(v, *cora, "ceremony", "approve", found["id"], "--wait")
        equal(lines[-1]["state"], "done", verb)
        check(lines[-1]["done"] == lines[-1]["total"], "its progress: %s" % lines[-1])
        equal(hufu(v, *carl, "ceremony", "wait", found["id"])[0], OK, "a wait for what is done")
    equal(good(v, "--as", "acme", "tokenize", "cards", given="\n".join(cards) + "\n"), tokens,
          "tokens after both rotations")
    keys = [k for k in objects(v, *carl, "key", "list")
            if (k["kind"], k.get("domain")) == ("data", "cards")]
    old, new = sorted(keys, key=lambda k: k["version"])
    destroy = (*carl, "key", "destroy")
    out = objects(v, *destroy, old["id"], *REASON, "--dry-run")[0]
    equal(out["members"], ["kind", "reason", "subject"], "the dry run")
    equal(hufu(v, *destroy, new["id"], *REASON)[0], 6, "the end of a key in use")
    found = objects(v, *destroy, old["id"], *REASON)[0]
    equal(objects(v, *cora, "ceremony", "approve", found["id"], "--wait")[-1]["state"], "done",
          "the end of the old key")
    states = {k["id"]: k["state"] for k in objects(v, *carl, "key", "list")}
    check(states.get(old["id"]) != old["state"], "the old key is as it was: %s" % states)
    equal(good(v, "--as", "acme", "tokenize", "cards", given=cards[0] + "\n"),
          tokens.splitlines(True)[0], "a token after the old key's end")


def reissued(card):
    """Another valid number with the same six first and four last digits."""
    while True:
        other = val.pan(prefix=card[:6], length=len(card))[:-4] + card[-4:]
        if other != card and val.luhn_digit(other[:-1]) == other[-1]:
            return other


def test_token_life(v):
    acme = ("--as", "acme")
    card = val.pan()
    token = good(v, *acme, "tokenize", "cards", given=card + "\n")
    for verb, state in (("suspend", "suspended"), ("resume", "active")):
        equal(json.loads(good(v, *acme, "token", verb, "cards", *REASON, given=token))["state"],
              state, verb)
    other = reissued(card)
    code, out, err = hufu(v, *acme, "token", "replace", "cards", *REASON,
                          given=token + other + "\n")
    equal(code, OK, "replace (%s)" % err)
    check(other not in out + err and token.strip() not in err, "replace tells a value")
    equal(json.loads(good(v, *acme, "token", "lookup", "cards", given=other + "\n"))["token"],
          token.strip(), "the token of the new value")
    equal(hufu(v, *acme, "token", "replace", "cards", *REASON, given=token)[0], 1, "one line only")
    equal(json.loads(good(v, *acme, "token", "revoke", "cards", *REASON, given=token))["state"],
          "revoked", "revoke")
    token = good(v, *acme, "tokenize", "cards", given=val.pan() + "\n")
    good(v, *acme, "token", "delete", "cards", *REASON, given=token)


if __name__ == "__main__":
    lib.run(globals())
