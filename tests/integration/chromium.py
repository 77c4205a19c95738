"""Debian's Chromium without a screen, driven over its debugging pipe: no further packages.

The pipe has JSON messages, each ended by a zero byte (Chrome DevTools Protocol). The virtual
authenticator is Chromium's own: domain WebAuthn of that protocol.
"""

import base64
import hashlib
import json
import os
import select
import shutil
import subprocess
import tempfile
import time

from lib import Failure

ANSWER_S = 30
NAMES = ("chromium", "chromium-browser", "google-chrome")


def program():
    """The browser's path, or None."""
    named = os.environ.get("HUFU_CHROMIUM")
    return named or next((p for p in map(shutil.which, NAMES) if p), None)


def pin_of(cert_path):
    """base64 of SHA-256 of the certificate's SubjectPublicKeyInfo: as Chromium is told to trust it.

    A page whose certificate is merely overlooked has no WebAuthn; one whose key is named has.
    """
    key = subprocess.run(["openssl", "x509", "-in", cert_path, "-noout", "-pubkey"],
                         capture_output=True, check=True).stdout
    der = subprocess.run(["openssl", "pkey", "-pubin", "-outform", "DER"], input=key,
                         capture_output=True, check=True).stdout
    return base64.b64encode(hashlib.sha256(der).digest()).decode()


class Browser:
    """One browser with one page, and a virtual FIDO2 key in it."""

    def __init__(self, cert_path):
        self.profile = tempfile.mkdtemp(prefix="hufu-chromium-")
        self.number, self.held = 0, b""
        to_read, self.to = os.pipe()
        self.come, from_write = os.pipe()
        command = [
            program(), "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run",
            "--disable-dev-shm-usage", "--disable-background-networking", "--disable-sync",
            "--disable-component-update", "--disable-extensions", "--no-default-browser-check",
            "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE localhost",
            "--ignore-certificate-errors-spki-list=" + pin_of(cert_path),
            "--user-data-dir=" + self.profile, "--remote-debugging-pipe", "about:blank"]

        def settle():  # the browser reads from 3 and writes to 4
            high = [os.dup(to_read), os.dup(from_write)]
            high = [h if h > 4 else os.dup2(h, 20 + i) for i, h in enumerate(high)]
            os.dup2(high[0], 3)
            os.dup2(high[1], 4)
            os.set_inheritable(3, True)
            os.set_inheritable(4, True)

        self.proc = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                     stderr=subprocess.DEVNULL, close_fds=False,
                                     preexec_fn=settle)
        os.close(to_read)
        os.close(from_write)
        self.session = None
        found = self.call("Target.createTarget", {"url": "about:blank"})
        found = self.call("Target.attachToTarget", {"targetId": found["targetId"],
                                                    "flatten": True})
        self.session = found["sessionId"]
        self.call("Page.enable")
        self.call("WebAuthn.enable", {"enableUI": False})
        self.key = self.call("WebAuthn.addVirtualAuthenticator", {"options": {
            "protocol": "ctap2", "transport": "usb", "hasUserVerification": True,
            "isUserVerified": True, "automaticPresenceSimulation": True}})["authenticatorId"]

    def read(self, until):
        """The next message."""
        while b"\0" not in self.held:
            left = until - time.monotonic()
            if left <= 0 or not select.select([self.come], [], [], left)[0]:
                raise Failure("the browser does not answer")
            part = os.read(self.come, 65536)
            if not part:
                raise Failure("the browser has ended")
            self.held += part
        text, self.held = self.held.split(b"\0", 1)
        return json.loads(text)

    def call(self, method, params=None):
        self.number += 1
        message = {"id": self.number, "method": method, "params": params or {}}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.to, json.dumps(message).encode() + b"\0")
        until = time.monotonic() + ANSWER_S
        while True:
            found = self.read(until)
            if found.get("id") == self.number:
                if "error" in found:
                    raise Failure("%s: %s" % (method, found["error"]))
                return found["result"]

    def run(self, script):
        """The value of an expression in the page; a promise is waited for."""
        found = self.call("Runtime.evaluate", {"expression": script, "awaitPromise": True,
                                               "returnByValue": True, "userGesture": True})
        if "exceptionDetails" in found:
            text = found["exceptionDetails"].get("exception", {}).get("description", "?")
            raise Failure("the page says: " + text.splitlines()[0])
        return found["result"].get("value")

    def open(self, url):
        found = self.call("Page.navigate", {"url": url})
        if found.get("errorText"):
            raise Failure("%s: %s" % (url, found["errorText"]))
        until = time.monotonic() + ANSWER_S
        while self.run("document.readyState + ' ' + location.href") != "complete " + url:
            if time.monotonic() > until:
                raise Failure("the page does not come: " + url)
            time.sleep(0.05)

    def of_key(self, method, **params):
        return self.call("WebAuthn." + method, {"authenticatorId": self.key, **params})

    def close(self):
        """Ends the browser that this object started, and takes its profile away."""
        try:
            self.session = None
            self.call("Browser.close")
            self.proc.wait(10)
        except (Failure, OSError, subprocess.TimeoutExpired):
            self.proc.kill()
            self.proc.wait()
        for fd in (self.to, self.come):
            os.close(fd)
        shutil.rmtree(self.profile, ignore_errors=True)
