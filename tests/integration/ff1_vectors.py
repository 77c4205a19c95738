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
    tell("%s is noticed" % change.__name__, (status, failed) == expected,
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
        spoil(no_cases, (2, 0), folder)
        status, _, _, _ = run(os.path.join(folder, "none.json"))
        tell("a missing file is noticed", status == 2, "status %d" % status)
    print("%d passed, %d failed" % tuple(TOTALS))
    return 1 if TOTALS[1] else 0


if __name__ == "__main__":
    sys.exit(main())
