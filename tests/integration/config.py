#!/usr/bin/env python3
"""hufud's settings: -t, -T, -o; unknown keys with their line, bounds, duplicates; C42."""

import os
import shutil
import stat
import subprocess
import time

import lib
from lib import check, equal

HUFUD = os.path.join(lib.BUILD, "hufud")


def hufud(*arguments):
    """(exit status, both outputs) of a call that must end by itself."""
    try:
        done = subprocess.run([HUFUD] + list(arguments), stdin=subprocess.DEVNULL, timeout=15,
                              capture_output=True, text=True)
    except subprocess.TimeoutExpired:
        raise lib.Failure("hufud %s does not end" % " ".join(arguments))
    return done.returncode, done.stdout, done.stderr


def with_lines(v, name, change):
    """A copy of hufu.conf, changed by a function over its list of lines; its path."""
    with open(v.path("hufu.conf")) as f:
        lines = change(f.read().splitlines())
    path = v.path(name)
    with open(path, "w") as f:
        f.write("\n".join(lines) + "\n")
    return path


def refused(v, name, change, *words):
    """hufud -t must refuse the file, naming the file's line or the words; the output."""
    status, out, err = hufud("-t", "-c", with_lines(v, name, change))
    check(status != 0, "%s: accepted" % name)
    for word in words:
        check(word in out + err, "%s: %r is not in %r" % (name, word, out + err))
    return out + err


def test_check_accepts_the_instance(v):
    status, _, err = hufud("-t", "-c", v.path("hufu.conf"))
    equal(status, 0, "status of -t: " + err)


def test_effective_values_are_a_valid_file(v):
    status, out, _ = hufud("-T", "-c", v.path("hufu.conf"))
    equal(status, 0, "status of -T")
    check("[front]" in out and "per_address" in out, "no sections or keys")
    path = with_lines(v, "effective.conf", lambda _: out.splitlines())
    equal(hufud("-t", "-c", path)[0], 0, "status of -t for the output of -T")
    equal(hufud("-T", "-c", path)[1], out, "-T of the output of -T")


def test_option_overrides(v):
    status, out, _ = hufud("-T", "-c", v.path("hufu.conf"), "-o", "front.header_ms=1234")
    equal(status, 0, "status")
    check("header_ms = 1234" in out or "header_ms=1234" in out, "the option has no effect")
    for option in ("front.nope=1", "front.header_ms", "front.header_ms=x", "nope", "=",
                   "front.header_ms=99"):
        check(hufud("-t", "-c", v.path("hufu.conf"), "-o", option)[0] != 0, "accepted: " + option)


def test_unknown_key_with_its_line(v):
    def change(lines):
        at = next(i for i, l in enumerate(lines) if l.startswith("[front]"))
        change.line = at + 2
        return lines[:at + 1] + ["planted_key = planted-value-77"] + lines[at + 1:]
    text = refused(v, "unknown.conf", change)
    check(str(change.line) in text, "line %d is not named: %r" % (change.line, text))
    check("planted-value-77" not in text, "the value comes back")


def test_unknown_section(v):
    refused(v, "section.conf", lambda lines: lines + ["[nope]", "x = 1"])


def test_duplicates(v):
    def change(lines):
        at = next(i for i, l in enumerate(lines) if l.startswith("[log]")) \
            if "[log]" in lines else None
        if at is None:
            return lines + ["[log]", "checkpoint_ms = 1000", "checkpoint_ms = 1000"]
        lines = [l for l in lines if not l.startswith("checkpoint_ms")]
        return lines[:at + 1] + ["checkpoint_ms = 1000", "checkpoint_ms = 1000"] + lines[at + 1:]
    refused(v, "twice.conf", change)


def test_bounds(v):
    for setting in ("front.header_ms=99", "front.header_ms=600001", "front.port=65536",
                    "front.port=-1", "core.slice_ops=1025", "auth.argon2_kib=1",
                    "front.header_ms=1.5", "front.header_ms=5s", "front.header_ms=",
                    "front.header_ms=0x100", "front.header_ms= 5 5",
                    "front.header_ms=99999999999999999999", "log.level=loud"):
        status = hufud("-t", "-c", v.path("hufu.conf"), "-o", setting)[0]
        check(status != 0, "accepted: " + setting)


def test_files_that_are_not_there(v):
    gone = v.path("gone")
    plain = v.path("plain")
    with open(plain, "w") as f:
        f.write("x\n")
    os.chmod(plain, 0o644)
    for setting, value, word in (
            ("alarm.command", gone, "run"), ("alarm.command", plain, "run"),
            ("alarm.webhook_ca", gone, "read"), ("auth.deny_file", gone, "read"),
            ("auth.deny_file", v.dir, "read"), ("front.tls_cert", gone, "read"),
            ("front.tls_key", gone, "read"), ("front.tls_ca", gone, "read"),
            ("front.tls_crl", gone, "read"), ("hsm.module", gone, "read"),
            ("vault.formats", gone, "read")):
        status, out, err = hufud("-t", "-c", v.path("hufu.conf"), "-o", setting + "=" + value)
        check(status != 0 and "valid" not in out, "accepted: %s=%s" % (setting, value))
        equal(len(err.splitlines()), 1, "lines about " + setting)
        check(err.startswith("hufud: %s: the file cannot be %s: " % (setting, word)), err)
        check(value not in err, "the value comes back")
        equal(hufud("-T", "-c", v.path("hufu.conf"), "-o", setting + "=" + value)[0], 0, "-T")
    status, _, err = hufud("-t", "-c", v.path("hufu.conf"), "-o", "front.tls_key=" + gone,
                           "-o", "alarm.command=" + gone)
    equal((status != 0, len(err.splitlines())), (True, 2), "each has its line")
    equal(hufud("-t", "-c", v.path("hufu.conf"), "-o", "alarm.command=/bin/true",
                "-o", "auth.deny_file=" + plain)[0], 0, "what is there")


def test_missing_file(v):
    status, _, err = hufud("-t", "-c", v.path("no-such.conf"))
    check(status != 0 and err, "a missing file is accepted")


def test_bad_arguments(v):
    for arguments in (["-x"], ["-c"], ["stray"], ["--nope"]):
        check(hufud(*arguments)[0] != 0, "accepted: %s" % arguments)
    status, out, err = hufud("--help")
    equal(status, 0, "status of --help")
    check("-c" in out + err, "the help does not name -c")


def pin_path(v):
    with open(v.path("hufu.conf")) as f:
        for line in f:
            if line.split("=")[0].strip() == "pin_file":
                return os.path.join(v.dir, line.split("=", 1)[1].strip())
    raise lib.Failure("no pin_file in hufu.conf")


def stays_shut(v, seconds=3):
    """True where hufud ends by itself or stays sealed."""
    v.start(ready=False)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if v.proc.poll() is not None:
            shut = v.proc.returncode != 0
            v.proc = None
            return shut
        if v.probe("/readyz") == 200:
            v.stop()
            return False
        time.sleep(0.1)
    v.stop()
    return True


def test_C42_pin_file_is_private(v):
    path = pin_path(v)
    equal(stat.S_IMODE(os.stat(path).st_mode), 0o400, "mode of the PIN file")
    for mode in (0o444, 0o440, 0o604):
        os.chmod(path, mode)
        check(stays_shut(v), "opens with a PIN file of mode %o" % mode)
    os.chmod(path, 0o400)
    v.start()
    v.stop()


def test_C42_no_pin_no_service(v):
    path = pin_path(v)
    os.rename(path, path + ".away")
    try:
        check(stays_shut(v), "opens without a PIN")
    finally:
        os.rename(path + ".away", path)


def test_one_hufud_a_folder(v):
    v.start()
    status, _, err = hufud("-c", v.path("hufu.conf"), "-o", "front.port=0")
    check(status != 0 and err, "a second hufud on one folder")
    equal(v.probe("/readyz"), 200, "readyz of the first")
    v.stop()


def test_port_zero_takes_a_free_one(v):
    held, v.port = v.port, 0
    v.start(ready=False)
    v.port = lib.wait_for(lambda: v.run_file().get("port"), 10, "a port in hufud.run")
    v.wait_ready()
    v.stop()
    v.port = held


def test_other_folder_refused(v):
    """A vault whose database belongs to another token stays shut."""
    other = lib.Instance()
    try:
        for name in ("journal", "map"):
            shutil.rmtree(other.path("data", name))
            shutil.copytree(v.path("data", name), other.path("data", name))
        check(stays_shut(other), "opens with another token's database")
    finally:
        other.close()


if __name__ == "__main__":
    lib.run(globals(), start=False)
