#!/usr/bin/env python3
"""`hufu tokenize --csv`: a column swapped and the rest untouched, breaks survived, nothing twice.

HUFU_CSV_ROWS (20000) rows of the big file; HUFU_SEED repeats a choice of quoting and moments.
"""

import csv
import fcntl
import io
import json
import os
import random
import re
import select
import signal
import stat
import subprocess
import time

import lib
import values as val
from client import Partner, Person
from lib import check, equal

HUFU = os.path.join(lib.BUILD, "hufu")
ROWS = int(os.environ.get("HUFU_CSV_ROWS", "20000"))
SEED = int(os.environ.get("HUFU_SEED", str(time.time_ns() % 10 ** 9)))
KILLS = 10
OK, USAGE, SERVER, CONFLICT, INVALID = 0, 1, 2, 6, 7
FILLING = ("", "plain", "with, comma", 'he said "no"', "two\nlines", "two\r\nlines", "Müller",
           '"', ",", "\n", "  blanks  ", "'", "a;b", "x" * 300)


def command(v, domain, source, out, *more):
    return [HUFU, "--dev", v.dir, "--as", "acme", "tokenize", domain, "--csv", source,
            "--out", out] + list(more)


def hufu(v, domain, source, out, *more, given=None):
    """(exit code, standard output, standard error) as text."""
    done = subprocess.run(command(v, domain, source, out, *more), input=given,
                          capture_output=True, timeout=120)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def field(rng, text):
    """A field as a careless writer has it: quoted where it must be, and sometimes without need."""
    if rng.random() < 0.3 or any(c in text for c in ',"\r\n'):
        return '"%s"' % text.replace('"', '""')
    return text


def make(rng, values, header=True):
    """CSV text and its records; the values stand in column 3 of 5."""
    text = "id,\"note, of it\",account,ref,\"end\"\r\n" if header else ""
    rows = []
    for number, value in enumerate(values):
        row = [str(number), rng.choice(FILLING), value, rng.choice(FILLING), rng.choice(FILLING)]
        rows.append(row)
        text += ",".join(field(rng, f) for f in row) + rng.choice(("\n", "\r\n"))
        if rng.random() < 0.001:
            text += rng.choice(("\n", "\r\n"))
    return text.rstrip("\r\n") if rng.random() < 0.5 else text, rows


def split(data):
    """Bytes of CSV as [[raw field or separator bytes ...]]: an own reader, for raw comparison."""
    records, at, row, start = [], 0, [], 0
    while at < len(data):
        if data[at:at + 1] == b'"':
            at += 1
            while True:
                at = data.index(b'"', at) + 1
                if data[at:at + 1] != b'"':
                    break
                at += 1
        while at < len(data) and data[at:at + 1] not in (b",", b"\n"):
            at += 1
        end = at
        if data[at:at + 1] == b"\n" and data[at - 1:at] == b"\r":
            end -= 1
        row.append(data[start:end])
        at += 1
        if data[at - 1:at] != b",":
            records.append((row, data[end:at]))
            row = []
        start = at
    if row:
        records.append((row, b""))
    return records


def unquoted(raw):
    return raw[1:-1].replace(b'""', b'"') if raw[:1] == b'"' else raw


def compare(before, after, column):
    """Everything but the column is the same, byte for byte; returns [(value, token)]."""
    old, new = split(before), split(after)
    equal(len(new), len(old), "records")
    pairs = []
    for (row, end), (got, got_end) in zip(old, new):
        check(end == got_end and len(row) == len(got), "another shape")
        if len(row) <= column:
            check(row == got, "an empty line has changed")
            continue
        check(row[:column] == got[:column] and row[column + 1:] == got[column + 1:],
              "another column has changed")
        check((row[column][:1] == b'"') == (got[column][:1] == b'"'), "other quoting")
        pairs.append((unquoted(row[column]).decode(), unquoted(got[column]).decode()))
    return pairs


def paths(v, name):
    return os.path.join(v.top, name + ".csv"), os.path.join(v.top, name + ".out.csv")


def write(path, text):
    with open(path, "wb") as f:
        f.write(text.encode())


def read(path):
    with open(path, "rb") as f:
        return f.read()


def entries(v, start=0):
    """The tokenize entries of the log from an index on, and the index behind them all."""
    if not hasattr(v, "aude"):
        v.aude = Person(v, "aude").ready()
    found = []
    while True:
        path = "/v1/audit/entries?from=%d&limit=1000" % start
        page = v.aude.get(path).expect(200).json()["entries"]
        found += [json.loads(e["line"]) for e in page]
        start += len(page)
        if len(page) < 1000:
            return [e for e in found if e["verb"] == "tokenize"], start


def counters(v):
    """How many tokenize entries there are: 256 values at most stand in one."""
    return len(entries(v)[0])


def nothing_left(out, errors=False):
    for end in (".part", ".resume", ".resume.draft") + (() if errors else (".errors",)):
        check(not os.path.exists(out + end), end + " is left")


def test_columns_are_replaced_and_nothing_else(v):
    rng = random.Random(SEED)
    print("# seed %d" % SEED)
    cards = [val.pan(rng=rng) for _ in range(ROWS)]
    text, _ = make(rng, cards)
    source, out = paths(v, "big")
    write(source, text)
    began = time.monotonic()
    code, summary, err = hufu(v, "cards", source, out, "--column", "account", "--header")
    took = time.monotonic() - began
    equal((code, err if code else ""), (OK, ""), "exit code")
    pairs = compare(read(source), read(out), 2)[1:]
    equal([p[0] for p in pairs], cards, "values of the file")
    check(all(val.is_pan_token(t, c) for c, t in pairs), "tokens")
    acme = Partner(v)
    for card, token in rng.sample(pairs, 20):
        equal(acme.lookup("cards", card).expect(200).json()["token"], token, "token by look-up")
    found = json.loads(summary)
    equal((found["rows"], found["tokens"], found["failed"], found["resumed"]),
          (ROWS, ROWS, 0, False), "summary")
    equal(found["created"], len(set(cards)), "new tokens")
    equal(stat.S_IMODE(os.stat(out).st_mode), 0o600, "mode of the output")
    nothing_left(out)
    print("# %d rows in %.1f s: %.0f rows/s" % (ROWS, took, ROWS / took))
    code, _, err = hufu(v, "cards", source, out, "--column", "3", "--header")
    check(code == USAGE and "there already" in err, "an output is overwritten")
    before = counters(v)
    code, summary, _ = hufu(v, "cards", source, out, "--column", "3", "--header", "--restart")
    equal((code, json.loads(summary)["created"]), (OK, 0), "once more with --restart")
    equal(compare(read(source), read(out), 2)[1:], pairs, "tokens of the same values")
    check(counters(v) > before, "nothing was asked")


def test_kills_of_the_client_do_nothing_twice(v):
    """In a random domain each request of its own makes new mappings: the count must not grow."""
    rng = random.Random(SEED + 1)
    ibans = [val.iban() for _ in range(ROWS)]
    text, _ = make(rng, ibans, header=False)
    source, out = paths(v, "killed")
    write(source, text)
    asked = command(v, "accounts", source, out, "--column", "3")
    began = time.monotonic()
    equal(hufu(v, "accounts", source, out + ".once", "--column", "3")[0], OK, "exit code")
    whole = time.monotonic() - began
    first = entries(v)[1]
    kills = summary = 0
    while kills < 200:
        proc = subprocess.Popen(asked, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE)
        try:
            wait = rng.uniform(0.0, 1.2 * whole / KILLS) + (kills >= 3 * KILLS) * 2 * whole
            summary, err = proc.communicate(timeout=wait)
            equal((proc.returncode, err if proc.returncode else b""), (OK, b""), "exit code")
            break
        except subprocess.TimeoutExpired:
            proc.kill()
            proc.communicate()
            kills += 1
            if os.path.exists(out) and not os.path.exists(out + ".resume"):
                summary = None  # killed on its very last step, behind which nothing is left to do
                break
    check(kills >= KILLS, "only %d kills came in time" % kills)
    if summary is not None:
        found = json.loads(summary)
        equal((found["rows"], found["tokens"], found["failed"], found["resumed"]),
              (ROWS, ROWS, 0, True), "summary")
        equal(found["created"], ROWS, "mappings that the run made, each counted once")
    pairs = compare(read(source), read(out), 2)
    equal([p[0] for p in pairs], ibans, "values")
    equal(len({p[1] for p in pairs}), ROWS, "tokens, each once")
    check(all(val.is_iban_token(t, i) for i, t in pairs), "tokens")
    nothing_left(out)
    print("# %d kills" % kills)
    v.killed = (first, pairs)


def test_mappings_made_are_the_rows(v):
    """The log names each mapping that was made: exactly one for each row of the killed run."""
    first, pairs = v.killed
    ids, replays = [], 0
    for entry in entries(v, first)[0]:
        ids += entry["token_id"].split(",") if "token_id" in entry else []
        replays += entry["result"] == "replayed"
    print("# %d requests were repeats, and known as such" % replays)
    equal((len(ids), len(set(ids))), (len(pairs), len(pairs)), "mappings in the log")


def test_server_killed_in_the_middle(v):
    rng = random.Random(SEED + 2)
    ibans = [val.iban() for _ in range(ROWS)]
    text, _ = make(rng, ibans)
    source, out = paths(v, "restarted")
    write(source, text)
    proc = subprocess.Popen(command(v, "accounts", source, out, "--column", "account", "--header"),
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE)
    lib.wait_for(lambda: os.path.exists(out + ".part") and os.path.getsize(out + ".part") > 200000,
                 30, "a part of the output", 0.005)
    v.crash()
    v.start()
    summary, err = proc.communicate(timeout=60)
    equal(proc.returncode, OK, "exit code (%s)" % err[-300:])
    check(b"trying again" in err, "the client did not notice the kill")
    found = json.loads(summary)
    equal((found["rows"], found["created"], found["failed"], found["resumed"]),
          (ROWS, ROWS, 0, False), "summary")
    equal([p[0] for p in compare(read(source), read(out), 2)[1:]], ibans, "values")


def test_gives_up_and_goes_on(v):
    """No server: the run ends after --retry-for, and goes on when there is one."""
    source, out = paths(v, "sealed")
    write(source, "\n".join(val.iban() for _ in range(50)))
    v.stop()
    began = time.monotonic()
    code, _, err = hufu(v, "accounts", source, out, "--column", "1", "--retry-for", "1")
    took = time.monotonic() - began
    v.start()
    equal(code, SERVER, "exit code")
    check(took < 8 and "trying again" in err and "--url" in err, "after %.1f s: %s" % (took, err))
    check(os.path.exists(out + ".resume") and not os.path.exists(out), "no state is kept")
    code, summary, err = hufu(v, "accounts", source, out, "--column", "1")
    equal((code, json.loads(summary)["created"]), (OK, 50), "exit code of the second run")
    nothing_left(out)


def started(v, name, signal_number=signal.SIGINT):
    """A run that was broken off: its input and output."""
    source, out = paths(v, name)
    write(source, "\n".join(val.iban() for _ in range(ROWS)) + "\n")
    proc = subprocess.Popen(command(v, "accounts", source, out, "--column", "1"),
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE)
    lib.wait_for(lambda: os.path.exists(out + ".part") and os.path.getsize(out + ".part") > 0, 30,
                 "a part of the output", 0.005)
    proc.send_signal(signal_number)
    _, err = proc.communicate(timeout=30)
    return source, out, proc.returncode, err.decode()


def test_interrupted_and_changed(v):
    source, out, code, err = started(v, "changed")
    equal(code, -signal.SIGINT, "how it ended (%s)" % err)
    check("the same command goes on" in err, "what it says: " + err)
    state = read(out + ".resume")
    part = read(out + ".part")
    equal(stat.S_IMODE(os.stat(out + ".resume").st_mode), 0o600, "mode of the state")
    line = read(source).split(b"\n", 1)[0]
    check(line not in state, "the state has a value in it")
    content = read(source)
    write(source, content.decode().replace(line.decode(), val.iban()))
    code, _, err = hufu(v, "accounts", source, out, "--column", "1")
    check(code == USAGE and "input has changed" in err, "a changed input is taken: " + err)
    with open(source, "ab") as f:
        f.write(b"x\n")
    check(hufu(v, "accounts", source, out, "--column", "1")[0] == USAGE, "a longer input is taken")
    equal((read(out + ".resume"), read(out + ".part")), (state, part), "what the refusal touched")
    for other in (("--column", "1", "--channel", "web"), ("--column", "1", "--header")):
        check(hufu(v, "accounts", source, out, *other)[0] == USAGE, "other options are taken")
    write(source, content.decode())
    code, summary, err = hufu(v, "accounts", source, out, "--column", "1", "--restart")
    equal((code, json.loads(summary)["resumed"]), (OK, False), "--restart (%s)" % err)
    nothing_left(out)


def test_damaged_state_and_second_run(v):
    source, out, _, _ = started(v, "damaged")
    state = read(out + ".resume").decode()
    for what, text in {"half": state[:40], "empty": "", "no JSON": "x", "a member less":
                       re.sub(r'"rows":\d+,', "", state), "a number below 0":
                       re.sub(r'"rows":', '"rows":-', state)}.items():
        write(out + ".resume", text)
        os.chmod(out + ".resume", 0o600)
        code, _, err = hufu(v, "accounts", source, out, "--column", "1")
        check(code == USAGE and "damaged" in err, what + " is taken: " + err)
    write(out + ".resume", state)
    with open(out + ".part", "r+b") as f:
        f.truncate(3)
    code, _, err = hufu(v, "accounts", source, out, "--column", "1")
    check(code == USAGE and "shorter" in err, "a short FILE.part is taken: " + err)
    with open(out + ".part", "r+b") as f:
        fcntl.flock(f, fcntl.LOCK_EX)
        equal(hufu(v, "accounts", source, out, "--column", "1")[0], CONFLICT, "two runs at once")


def test_refused_rows(v):
    good, bad = [val.pan() for _ in range(5)], val.other_check_digit(val.pan())
    token = Partner(v).token("cards", val.pan())
    odd = "4111\x011111"
    rows = ["a,%s,1" % good[0], "b,%s,2" % bad, "c,,3", 'd,"%s",4' % token, "", 'e,"%s",5' % odd,
            'f,"%s",6' % ("9" * 300), 'g,"%s",7' % good[1], "h,%s," % good[2]]
    source, out = paths(v, "refused")
    write(source, "name,card,n\n" + "\n".join(rows) + "\n")
    code, summary, err = hufu(v, "cards", source, out, "--column", "card", "--header")
    equal(code, INVALID, "exit code")
    found = json.loads(summary)
    equal((found["rows"], found["tokens"], found["failed"], found["empty"]), (8, 3, 4, 1),
          "summary")
    errors = read(out + ".errors").decode()
    equal(errors, "row,line,code\n2,3,invalid_value\n4,5,already_token\n5,7,invalid_value\n"
                  "6,8,invalid_value\n", "list of refused rows")
    equal(stat.S_IMODE(os.stat(out + ".errors").st_mode), 0o600, "its mode")
    for text in (bad, token, odd, "9" * 20):
        check(text not in errors + err + summary, "a value comes back")
    lines = read(out).decode().split("\n")
    equal((lines[2], lines[3], lines[4], lines[5], lines[6]),
          ("b,,2", "c,,3", 'd,"",4', "", 'e,"",5'), "rows without a token")
    check(val.is_pan_token(lines[1].split(",")[1], good[0]), "a token")
    nothing_left(out, errors=True)
    code, _, err = hufu(v, "cards", source, out + "2", "--column", "2", "--header", "--on-error",
                        "stop")
    check(code == INVALID and "row 5, line 7" in err and not os.path.exists(out + "2"),
          "--on-error stop: " + err)
    check(bad not in err and odd not in err, "a value comes back")
    code, _, err = hufu(v, "cards", source, out + "2", "--column", "2", "--header")
    equal(code, INVALID, "and on with skip")
    equal(read(out + "2"), read(out), "output after stop and skip")


def test_malformed_and_dry_run_send_nothing(v):
    source, out = paths(v, "dry")
    card = val.pan()
    size = counters(v)
    for what, text, line in (("an open quote", 'a,%s\nb,"%s\n' % (card, card), 2),
                             ("a quote inside", 'a,%s"\n' % card, 1),
                             ("text behind a quote", 'a,"%s"1\n' % card, 1),
                             ("a NUL byte", "a,%s\n\nb,\0%s\n" % (card, card), 3),
                             ("a lone CR", "a,%s\rb" % card, 1),
                             ("a row too short", "a,%s\nb\n" % card, 2),
                             ("a row too long", "a,%s\nb,%s,c\n" % (card, card), 2)):
        write(source, text)
        for more in ((), ("--dry-run",)):
            code, _, err = hufu(v, "cards", source, out, "--column", "2", *more)
            check(code == INVALID and "line %d:" % line in err, "%s: %d %s" % (what, code, err))
            check(card not in err, what + " gives the value away")
            nothing_left(out)
    write(source, "id,pan\n1,%s\n2,%s\n3,\n" % (card, card))
    code, summary, _ = hufu(v, "cards", source, out, "--column", "pan", "--header", "--dry-run")
    found = json.loads(summary)
    equal((code, found["rows"], found["empty"], found["dry_run"]), (OK, 3, 1, True), "--dry-run")
    check(not os.path.exists(out), "--dry-run writes")
    equal(counters(v), size, "entries in the log")
    for more in (("--column", "3"), ("--column", "nope", "--header"), ("--column", "0"), ()):
        check(hufu(v, "cards", source, out, *more)[0] in (USAGE, INVALID), "taken: %s" % (more,))
    equal(counters(v), size, "entries in the log")


def test_streams_and_references(v):
    cards = [val.pan() for _ in range(3)]
    text = "\ufeffpan,who,why\r\n" + "".join("%s,person-%d,c-%d\r\n" % (c, i, i)
                                             for i, c in enumerate(cards))
    code, out, err = hufu(v, "cards", "-", "-", "--column", "pan", "--header", "--subject-column",
                          "who", "--consent-column", "why", "--channel", "branch",
                          given=text.encode())
    equal(code, OK, "exit code (%s)" % err)
    pairs = compare(text.encode(), out.encode(), 0)[1:]
    check(all(val.is_pan_token(t, c) for c, t in pairs), "tokens")
    equal(json.loads(err.strip().split("\n")[-1])["rows"], 3, "summary beside the CSV")
    bad = "pan,who,why\n%s,%s,c\n" % (val.pan(), val.pan())
    code, out, err = hufu(v, "cards", "-", "-", "--column", "1", "--header", "--subject-column",
                          "2", given=bad.encode())
    check(code == INVALID and "1,2,value_in_text" in err, "a number as a reference: " + err)
    check(list(csv.reader(io.StringIO(out)))[1][0] == "", "a token for it")


def test_progress_on_a_terminal_and_a_pipe(v):
    source, out = paths(v, "shown")
    write(source, "\n".join(val.pan() for _ in range(ROWS)) + "\n")
    master, slave = lib.terminal()
    proc = subprocess.Popen(command(v, "cards", source, out, "--column", "1"),
                            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=slave)
    os.close(slave)
    shown = b""
    while True:
        if select.select([master], [], [], 30)[0]:
            try:
                part = os.read(master, 65536)
            except OSError:
                break
            if not part:
                break
            shown += part
    os.close(master)
    equal(proc.wait(30), OK, "exit code")
    text = shown.decode()
    check(re.search(r"\rtokenizing  \[#*\.+\] +\d+%  \d+/s", text), "no bar: %r" % text[-400:])
    check(re.search(r"\r +\r20000 rows: \d+ tokens" if ROWS == 20000 else r"\r +\r\d+ rows:",
                    text), "the bar is not wiped: %r" % text[-400:])
    check(all(len(part.rstrip("\n")) <= 79 for part in text.split("\r")[:-2]), "a line too long")
    code, summary, err = hufu(v, "cards", source, out, "--column", "1", "--restart")
    equal(code, OK, "exit code")
    for line in err.splitlines():
        found = json.loads(line)
        check(found["done"] <= found["total"] and found["what"], "a line of progress: " + line)
    code, summary, err = hufu(v, "cards", source, out, "--column", "1", "--restart", "--quiet")
    equal((code, err), (OK, ""), "--quiet")


if __name__ == "__main__":
    lib.run(globals())
