#!/usr/bin/env python3
"""FF1 against Wycheproof's files: build/tests/ff1_wycheproof over tests/vectors and, where the
whole files are (FF1_VECTORS, default ../shared/vectors), over these. Wants no instance.

The runner itself is held to account too: a copy with one digit changed must fail.
"""

import glob
import json
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
RUNNER = os.path.join(ROOT, os.environ.get("HUFU_BUILD", "build"), "tests", "ff1_wycheproof")
OURS = os.path.join(ROOT, "tests", "vectors")
WHOLE = os.environ.get("FF1_VECTORS", os.path.join(ROOT, "..", "shared", "vectors"))
TOTALS = [0, 0]


def run(*files):
    """(exit status, passed, failed, output) of the runner."""
    done = subprocess.run([RUNNER, *files], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=120, check=False)
    words = (done.stdout.splitlines() or [""])[-1].split()
    if len(words) != 4 or words[1::2] != ["passed,", "failed"]:
        return done.returncode, 0, 1, done.stdout
    return done.returncode, int(words[0]), int(words[2]), done.stdout


def count(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)["numberOfTests"]


def tell(name, good, why=""):
    TOTALS[not good] += 1
    print("%s %s%s" % ("ok" if good else "FAIL", name, "" if good else ": " + why))


def passes(path):
    status, passed, failed, output = run(path)
    tell("%s: %d cases" % (os.path.basename(path), passed),
         (status, passed, failed) == (0, count(path), 0), "status %d\n%s" % (status, output))


def spoil(change, expected, folder):
    """A copy of a file, changed by change(group), ends with the status and failures expected."""
    path = os.path.join(folder, "changed.json")
    with open(os.path.join(OURS, "aes_ff1_base10.json"), encoding="utf-8") as file:
        vectors = json.load(file)
    change(vectors["testGroups"])
    with open(path, "w", encoding="utf-8") as file:
        json.dump(vectors, file)
    status, _, failed, output = run(path)
    tell("%s: %d failed" % (change.__name__, expected[1]), (status, failed) == expected,
         "status %d, %d failed\n%s" % (status, failed, output))


def case(groups, flag):
    return next(t for g in groups for t in g["tests"] if flag in t["flags"])


def wrong_digit(groups):
    test = case(groups, "LargeMessageSize")
    test["ct"] = test["ct"][:-1] + str((int(test["ct"][-1]) + 1) % 10)


def small_domain_that_should_pass(groups):
    case(groups, "SmallMessageSize")["flags"] = ["NormalMessageSize"]


def valid_case_said_to_be_invalid(groups):
    case(groups, "NormalMessageSize")["result"] = "invalid"


def no_cases(groups):
    del groups[:]


def wrong_result_said_to_be_acceptable(groups):
    wrong_digit(groups)
    case(groups, "LargeMessageSize")["result"] = "acceptable"


def too_long_said_to_be_valid(groups):
    test = case(groups, "LargeMessageSize")
    test["msg"] = test["ct"] = "0" * 100000


# What a file of another edition may hold, and what must be read all the same.

def unknown_flags_and_members(groups):
    for group in groups:
        group["source"] = {"name": "another", "version": "1.0"}
        for test in group["tests"]:
            test["flags"] += ["SomethingNew"]
            test["more"] = [None, {"x": 1}]


def no_alphabet(groups):
    for group in groups:
        del group["alphabet"]


def another_alphabet(groups):
    """Ten characters outside ASCII, of two, three and four bytes."""
    other = dict(zip("0123456789", "\u03b1\u03b2\u03b3\u4e00\u4e8c\u4e09\U0001f600\U0001f601"
                                   "\u00e9\u00df"))
    for group in groups:
        group["alphabet"] = "".join(other[c] for c in "0123456789")
        for test in group["tests"]:
            for name in ("msg", "ct"):
                test[name] = "".join(other.get(c, c) for c in test[name])


def lists_instead_of_texts(groups):
    """Ten symbols as numbers; what is no digit becomes a number that no symbol has."""
    odd = [10, -1, 65536, 2**40, 10**30, 0.5, "1", None, True]
    for group in groups:
        del group["alphabet"]
        for at, test in enumerate(group["tests"]):
            for name in ("msg", "ct"):
                test[name] = [int(c) if c in "0123456789" else odd[at % len(odd)]
                              for c in test[name]]


# A few cases of files that are not here: alphabet; key, tweak, and pairs of texts that belong
# together; None: refused, for the domain is too small (SmallMessageSize) or a character none of it.
OTHERS = (
    ("base45", "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:", (
        ("5dd5899794ff9b5007b4481aaa97f882", "742f7f8b2ab0dc48", ((" C 8", " CRV"),)),
        ("16e4e676552c2fef6f1942adef4c440a", "aba4ba6db9422dc4",
         (("0000", "IY8M"), ("::::", "VJ1I"), ("/SFK", "$ZA%"), ("P-.O", "0000"))),
        ("a88f0018e583ed7310f3f5336e592a25", "a17b87af37ed0be303dcd1ec33",
         (("/Q4X", "D Z "), ("PV8I", "7*+K"))),
        ("3c453964f4e42587db3a6de5de00673ede7e17672a4deb84", "fe6290783f11946c",
         (("18 ", None),)))),
    ("base64", "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_", (
        ("f638a9e757d6800efdb9561250892046f45f55f0de9c48bfa01057d1c36efd82", "943f8393fb6c5876",
         (("____", "2EmF"), ("d8dj", "-PDv"), ("IdxE", "0000"))),
        ("65f2183ef0bf03d2c5c679e7248493b2ac713d86789d3f64c30e2d3554291afd",
         "1832fb3a845d97a61187a7a4ca", (("_200", "mQyH"), ("sO__", "nvPj"))),
        ("5787be1a2ef7a6762f9b7c0ff6a7efb27139e087603476bd0046f1fd58814f6a", "498e5d8a4a05d992",
         (("*MQv", None), ("k\\Qv", None))))))


def others(groups):
    """Every one passes, in the form of a text and, but for strange characters, of a list."""
    del groups[:]
    for name, alphabet, keys in OTHERS:
        for key, tweak, pairs in keys:
            for msg, ct in pairs:
                small = ct is None and set(msg) <= set(alphabet)
                test = {"tcId": len(groups), "comment": name, "key": key, "tweak": tweak,
                        "msg": msg, "ct": ct or "",
                        "flags": ["SmallMessageSize" if small else "NormalMessageSize"],
                        "result": "valid" if ct or small else "invalid"}
                groups.append({"radix": len(alphabet), "alphabet": alphabet, "tests": [test]})
                listed = {n: [alphabet.find(c) for c in test[n]] for n in ("msg", "ct")}
                groups.append({"radix": len(alphabet), "tests": [{**test, **listed}]})


def huge_and_invalid(groups):
    """Each is refused: texts of a megabyte, keys and tweaks of a kilobyte, numbers beyond all."""
    good = case(groups, "NormalMessageSize")
    for group in groups:
        del group["tests"][:]
    groups[0]["tests"] += [{**good, "result": "invalid", "tcId": at, **change} for at, change in
                           enumerate(({"msg": "0" * 1000000}, {"key": "00" * 1000},
                                      {"tweak": "00" * 4000}, {"msg": [10**300] * 3},
                                      {"msg": "\U0001f600" * 8}, {"msg": "12345678\0"}))]


def main():
    files = sorted(glob.glob(os.path.join(OURS, "aes_ff1_*.json")))
    whole = sorted(glob.glob(os.path.join(WHOLE, "aes_ff1_*.json")))
    tell("there are vectors", len(files) >= 4, OURS)
    for path in files + whole:
        passes(path)
    if not whole:
        print("# the whole files are not in FF1_VECTORS: only what tests/vectors has was run")
    with tempfile.TemporaryDirectory() as folder:
        for change in (wrong_digit, small_domain_that_should_pass, valid_case_said_to_be_invalid):
            spoil(change, (1, 1), folder)
        spoil(wrong_result_said_to_be_acceptable, (1, 1), folder)
        spoil(too_long_said_to_be_valid, (1, 1), folder)
        spoil(no_cases, (2, 0), folder)
        for change in (unknown_flags_and_members, no_alphabet, another_alphabet,
                       lists_instead_of_texts, huge_and_invalid, others):
            spoil(change, (0, 0), folder)
        status, _, _, _ = run(os.path.join(folder, "none.json"))
        tell("a missing file is noticed", status == 2, "status %d" % status)
    print("%d passed, %d failed" % tuple(TOTALS))
    return 1 if TOTALS[1] else 0


if __name__ == "__main__":
    sys.exit(main())
