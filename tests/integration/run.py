#!/usr/bin/env python3
"""Runs the files of this folder one after the other and adds up what they say.

run.py [NAME...]   e.g. run.py contract_http kill; without names every file, quick ones first.
Each file makes its own instance (see lib.py). The closing line is `N passed, N failed`.
"""

import os
import re
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
FILES = ("config", "contract_http", "contract_tokenize", "contract_lifecycle",
         "contract_detokenize", "contract_admin", "contract_people", "contract_keys",
         "contract_audit", "contract_ff1", "subjects", "matrix", "limits", "reveal_limits",
         "alarms", "cli", "cli_stub", "cli_csv", "race", "planted", "tamper", "ff1_vectors",
         "hsm_life", "observe", "roles", "kill", "kill_rotate", "contract_fido",
         "browser_fido")
FILE_LIMIT_S = 400
CLOSING = re.compile(r"^(\d+) passed, (\d+) failed$")


def run_file(name):
    """(passed, failed) of one file, whose lines are shown as they come."""
    passed = failed = 0
    closed = False
    began = time.monotonic()
    command = ["timeout", "--kill-after=10", str(FILE_LIMIT_S), sys.executable,
               os.path.join(HERE, name + ".py")]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors="replace") as child:
        for line in child.stdout:
            match = CLOSING.match(line.strip())
            if match:
                passed, failed, closed = int(match[1]), int(match[2]), True
            else:
                print("  " + line.rstrip(), flush=True)
    if not closed or (child.returncode != 0 and failed == 0):
        print("  FAIL %s ended with %s" % (name, child.returncode))
        failed += 1
    print("%s: %d passed, %d failed, %.0f s" % (name, passed, failed, time.monotonic() - began),
          flush=True)
    return passed, failed


def main():
    names = [os.path.basename(n).replace(".py", "") for n in sys.argv[1:]] or FILES
    results = [run_file(n) for n in names]
    passed, failed = (sum(column) for column in zip(*results))
    print("%d passed, %d failed" % (passed, failed))
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
