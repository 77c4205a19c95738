"""A FIDO2 key in software, ES256 by the openssl program, and the page before it.

Source: W3C Web Authentication Level 2, sections 5.8.1 (client data), 6.1 (authenticator data), 6.5
(attestation objects); RFC 8152 sections 7.1 and 13.1 (keys).
"""

import base64
import hashlib
import json
import os
import struct
import subprocess
import tempfile

UP, UV, ATTESTED = 1, 4, 64


def text(raw):
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def openssl(*arguments, given=None):
    return subprocess.run(["openssl", *arguments], input=given, capture_output=True, timeout=60,
                          check=True).stdout


class SoftKey:
    def __init__(self, origin, rp_id="localhost"):
        self.folder = tempfile.TemporaryDirectory(prefix="hufu-key-")
        self.path = os.path.join(self.folder.name, "key.pem")
        openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", self.path)
        point = openssl("ec", "-in", self.path, "-pubout", "-outform", "DER")[-64:]
        self.cose = (bytes.fromhex("a5010203262001215820") + point[:32] +
                     bytes.fromhex("225820") + point[32:])
        self.id, self.count, self.origin, self.rp_id = os.urandom(32), 0, origin, rp_id

    def client_data(self, kind, challenge, origin=None, cross=False):
        # In this order, without a blank: section 5.8.1.1.
        return json.dumps({"type": kind, "challenge": challenge, "origin": origin or self.origin,
                           "crossOrigin": cross}, separators=(",", ":")).encode()

    def auth_data(self, flags, rp_id=None):
        self.count += 1
        return (hashlib.sha256((rp_id or self.rp_id).encode()).digest() +
                struct.pack(">BI", flags, self.count))

    def make(self, challenge):
        """The members that enrol it, attestation `none`."""
        data = (self.auth_data(UP | UV | ATTESTED) + bytes(16) + struct.pack(">H", len(self.id)) +
                self.id + self.cose)
        made = (b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x58" + bytes([len(data)]) + data)
        return {"client_data": text(self.client_data("webauthn.create", challenge)),
                "attestation": text(made)}

    def show(self, challenge, kind="webauthn.get", origin=None, cross=False, flags=UP | UV,
             rp_id=None):
        """The members of an assertion."""
        said = self.client_data(kind, challenge, origin, cross)
        data = self.auth_data(flags, rp_id)
        signature = openssl("dgst", "-sha256", "-sign", self.path,
                            given=data + hashlib.sha256(said).digest())
        return {"credential": text(self.id), "client_data": text(said),
                "authenticator_data": text(data), "signature": text(signature)}
