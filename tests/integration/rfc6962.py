"""An independent RFC 6962 / RFC 9162 Merkle tree and C2SP checkpoint reader, for the tests only.

Written from the documents: RFC 6962 2.1 (hashes), RFC 9162 2.1.3.2 and 2.1.4.2 (verification),
C2SP signed-note and tlog-checkpoint.
"""

import base64
import hashlib
import os
import re
import subprocess
import tempfile

EMPTY = hashlib.sha256(b"").digest()


def leaf_hash(line):
    return hashlib.sha256(b"\0" + line).digest()


def node_hash(left, right):
    return hashlib.sha256(b"\1" + left + right).digest()


def root(leaves):
    """MTH of RFC 6962 2.1, over leaf hashes."""
    if not leaves:
        return EMPTY
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return node_hash(root(leaves[:split]), root(leaves[split:]))


def inclusion_ok(index, size, leaf, path, want):
    if index >= size:
        return False
    fn, sn, r = index, size - 1, leaf
    for p in path:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            r = node_hash(p, r)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            r = node_hash(r, p)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and r == want


def consistency_ok(first, second, path, first_root, second_root):
    if first == second:
        return not path and first_root == second_root
    if not 0 < first < second or not path:
        return False
    path = list(path)
    if first & (first - 1) == 0:
        path.insert(0, first_root)
    fn, sn = first - 1, second - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    fr = sr = path[0]
    for c in path[1:]:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            fr, sr = node_hash(c, fr), node_hash(c, sr)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            sr = node_hash(sr, c)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and fr == first_root and sr == second_root


class Checkpoint:
    """A parsed checkpoint; ValueError where it is not exactly of the form."""

    def __init__(self, note):
        text, gap, signatures = note.partition(b"\n\n")
        if not gap or not signatures.endswith(b"\n"):
            raise ValueError("no blank line or no signature line")
        self.text = text + b"\n"
        lines = self.text.decode("utf-8").split("\n")
        if len(lines) != 4 or lines[3] != "":
            raise ValueError("not three lines of text")
        self.origin = lines[0]
        if not re.fullmatch(r"0|[1-9][0-9]*", lines[1]):
            raise ValueError("size is no decimal number")
        self.size = int(lines[1])
        self.root = base64.b64decode(lines[2], validate=True)
        if len(self.root) != 32:
            raise ValueError("root is not 32 bytes")
        self.signatures = []  # (name, key id, signature)
        for line in signatures.decode("utf-8").rstrip("\n").split("\n"):
            mark, name, blob = line.split(" ")
            if mark != "\u2014":
                raise ValueError("signature line without its dash")
            raw = base64.b64decode(blob, validate=True)
            self.signatures.append((name, raw[:4], raw[4:]))


def spki_der(pem):
    body = re.search(r"-----BEGIN PUBLIC KEY-----(.*?)-----END PUBLIC KEY-----", pem, re.S)[1]
    return base64.b64decode("".join(body.split()))


def signature_ok(checkpoint, origin, pem):
    """Verifies the log's own signature with the openssl program."""
    key_id = hashlib.sha256(spki_der(pem)).digest()[:4]
    ours = [s for n, k, s in checkpoint.signatures if n == origin and k == key_id]
    if checkpoint.origin != origin or len(ours) != 1:
        return False
    with tempfile.TemporaryDirectory() as folder:
        paths = [os.path.join(folder, n) for n in ("key", "signature", "text")]
        for path, content in zip(paths, (pem.encode(), ours[0], checkpoint.text)):
            with open(path, "wb") as f:
                f.write(content)
        done = subprocess.run(["openssl", "dgst", "-sha256", "-verify", paths[0], "-signature",
                               paths[1], paths[2]], capture_output=True, timeout=20)
    return done.returncode == 0


class Tail:
    """The whole log read through /v1/audit/entries, leaf by leaf."""

    def __init__(self, auditor):
        self.auditor = auditor
        self.lines = []
        self.leaves = []

    def read(self):
        """Reads what is new; returns the size it has now."""
        while True:
            path = "/v1/audit/entries?from=%d&limit=1000" % len(self.lines)
            found = self.auditor.get(path).expect(200).json()
            for entry in found["entries"]:
                if entry["index"] != len(self.lines):
                    raise ValueError("index %d after %d" % (entry["index"], len(self.lines)))
                self.lines.append(entry["line"])
                self.leaves.append(leaf_hash(entry["line"].encode("utf-8")))
            # A reply may have fewer than asked for: long lines fill it.
            if len(self.lines) >= found["size"] or not found["entries"]:
                return len(self.lines)
