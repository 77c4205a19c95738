#!/usr/bin/env python3
"""The command-line client as its users have it: values by stdin, exit codes, JSON, audit verify."""

import json
import os
import shutil
import stat
import subprocess

import lib
import values as val
from client import Person
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


if __name__ == "__main__":
    lib.run(globals())
