#!/usr/bin/env python3
"""Partners' certificates while the vault runs: revoked, expired, changed, read again on SIGHUP.

What a signal changes holds for the next request of connections that are open, too.
"""

import os
import shutil
import signal
import socket
import ssl
import subprocess
import time
import urllib.parse

import lib
import values as val
from client import Client, Partner, Person, tls_context
from lib import check, equal

PEOPLE = {}
KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
CONF = """[ca]
default_ca = d
[d]
database = %(top)s/index.txt
serial = %(top)s/serial
crlnumber = %(top)s/crlnumber
new_certs_dir = %(top)s
default_md = sha256
default_crl_days = 30
policy = p
unique_subject = no
copy_extensions = none
x509_extensions = e
[p]
commonName = supplied
[e]
basicConstraints = critical,CA:FALSE
extendedKeyUsage = clientAuth
"""


def person(v, name):
    return PEOPLE.setdefault(name, Person(v, name)).ready()


def openssl(*arguments):
    done = subprocess.run(["openssl", *arguments], capture_output=True, timeout=30)
    check(done.returncode == 0, "openssl %s: %s" % (arguments[0], done.stderr.decode()[-300:]))


class Authority:
    """The instance's CA of clients, with a list of what it has revoked."""

    def __init__(self, v):
        self.v = v
        self.top = os.path.join(v.top, "authority")
        os.mkdir(self.top)
        self.conf = self.path("ca.cnf")
        for name, text in (("ca.cnf", CONF % {"top": self.top}), ("index.txt", ""),
                           ("serial", "1000\n"), ("crlnumber", "01\n")):
            with open(self.path(name), "w", encoding="ascii") as f:
                f.write(text)

    def path(self, name):
        return os.path.join(self.top, name)

    def run(self, *arguments):
        openssl("ca", "-config", self.conf, "-batch", "-keyfile",
                self.v.path("tls", "clients-ca.key"), "-cert", self.v.path("tls", "clients-ca.crt"),
                *arguments)

    def issue(self, name, life_s=30 * 86400):
        """A certificate of a new partner key; dev.json learns of it. The PEM text."""
        out = lambda end: self.v.path("tls", name + end)
        until = time.strftime("%y%m%d%H%M%SZ", time.gmtime(time.time() + life_s))
        openssl("req", "-new", *KEY, "-subj", "/CN=" + name, "-keyout", out(".key"), "-out",
                out(".csr"))
        self.run("-in", out(".csr"), "-out", out(".crt"), "-notext", "-enddate", until)
        self.v.dev["partners"].append({"name": name, "cert": "tls/%s.crt" % name,
                                       "key": "tls/%s.key" % name})
        with open(out(".crt"), encoding="ascii") as f:
            return f.read()

    def revoke(self, name):
        self.run("-revoke", self.v.path("tls", name + ".crt"))

    def write_list(self, path, *more):
        """The present revocation list, in one step."""
        self.run("-gencrl", "-out", path + ".new", *more)
        os.replace(path + ".new", path)


STATE = {}


def crl_of(v):
    return v.path("tls", "clients.crl")


def test_C04_start_with_a_revocation_list(v):
    """From here on the instance has a list, which names nobody yet."""
    STATE["ca"] = Authority(v)
    STATE["ca"].write_list(crl_of(v))
    v.stop()
    v.settings.append("front.tls_crl=" + crl_of(v))
    v.start()
    Partner(v).token("cards", val.pan())


def enrol(v, name, pem, domain="cards"):
    body = {"name": name, "cert_pem": pem, "formats": ["pan"], "domains": [domain]}
    person(v, "sara").post("/v1/partners", body).expect(201)
    return Partner(v, name)


def events(v, event):
    return v.log_bytes().count(('"event":"%s"' % event).encode()) + \
        v.log_bytes().count(("event=%s" % event).encode())


def reload(v, outcome="front.reload"):
    """SIGHUP, and the front's word of what came of it."""
    before = events(v, outcome)
    v.kill("hufud", signal.SIGHUP)
    lib.wait_for(lambda: events(v, outcome) > before, 5, outcome)


def test_C04_revoked_on_an_open_connection(v):
    """A new list holds for the next request of connections that are open already."""
    ca = STATE["ca"]
    beta = enrol(v, "beta", ca.issue("beta"))
    acme, value = Partner(v), val.pan()
    token = beta.token("cards", value)
    acme.token("cards", val.pan())
    kept, other = beta.connection, acme.connection
    ca.revoke("beta")
    ca.write_list(crl_of(v))
    equal(beta.token("cards", value), token, "token before the list is read")
    check(beta.connection is kept, "it was another connection")
    reload(v)
    before = v.roles()
    beta.post("/v1/tokenize", {"domain": "cards", "value": value}).expect(401, "unauthenticated")
    Partner(v, "beta").tokenize("cards", value).expect(401, "unauthenticated")
    acme.token("cards", val.pan())
    check(acme.connection is other, "another partner's connection was ended")
    equal(v.roles(), before, "the processes")


def forged(v, ca, path):
    """An empty list under the CA's name by a key that is not the CA's."""
    key, crt = ca.path("forger.key"), ca.path("forger.crt")
    done = subprocess.run(["openssl", "x509", "-in", v.path("tls", "clients-ca.crt"), "-noout",
                           "-subject", "-nameopt", "RFC2253"], capture_output=True, text=True,
                          timeout=20, check=True)
    name = "/" + done.stdout.split("=", 1)[1].strip()
    openssl("req", "-x509", *KEY, "-subj", name, "-keyout", key, "-out", crt, "-days", "3")
    with open(ca.path("empty.txt"), "w", encoding="ascii"):
        pass
    conf = ca.path("forger.cnf")
    with open(conf, "w", encoding="ascii") as f:
        f.write((CONF % {"top": ca.top}).replace("index.txt", "empty.txt"))
    openssl("ca", "-config", conf, "-keyfile", key, "-cert", crt, "-gencrl", "-out", path)


def test_C04_a_bad_list_changes_nothing(v):
    """What cannot be read is told, and what was there goes on: the revoked stay out."""
    acme, crl = Partner(v), crl_of(v)
    acme.token("cards", val.pan())
    kept = acme.connection
    for text in ("nonsense\n", ""):
        shutil.copy(crl, crl + ".good")
        with open(crl, "w", encoding="ascii") as f:
            f.write(text)
        reload(v, "front.reload_failed")
        acme.token("cards", val.pan())
        Partner(v).token("cards", val.pan())
        Partner(v, "beta").tokenize("cards", val.pan()).expect(401, "unauthenticated")
        os.replace(crl + ".good", crl)
    shutil.copy(crl, crl + ".good")  # a list that another CA has signed, under our CA's name
    forged(v, STATE["ca"], crl)
    reload(v, "front.reload_failed")
    Partner(v, "beta").tokenize("cards", val.pan()).expect(401, "unauthenticated")
    os.replace(crl + ".good", crl)
    os.rename(crl, crl + ".away")
    reload(v, "front.reload_failed")
    Partner(v, "beta").tokenize("cards", val.pan()).expect(401, "unauthenticated")
    os.rename(crl + ".away", crl)
    reload(v)
    acme.token("cards", val.pan())
    check(acme.connection is kept, "a connection was ended")


def test_C04_a_list_past_its_next_update_lets_nobody_in(v):
    """Who cannot be checked is not let in; a new list is enough to go on."""
    ca, acme = STATE["ca"], Partner(v)
    ca.write_list(crl_of(v), "-crlsec", "2")
    reload(v)
    acme.token("cards", val.pan())
    kept = acme.connection
    time.sleep(3)
    check(acme.connection is kept, "it was another connection")
    acme.tokenize("cards", val.pan()).expect(401, "unauthenticated")
    Partner(v).tokenize("cards", val.pan()).expect(401, "unauthenticated")
    Client(v).get("/livez").expect(200)
    reload(v)  # the same list is read, and lets nobody in still
    Partner(v).tokenize("cards", val.pan()).expect(401, "unauthenticated")
    ca.write_list(crl_of(v))
    reload(v)
    acme.token("cards", val.pan())


def test_C04_a_certificate_ends_on_an_open_connection(v):
    """Its last second is the last in which it is good, whatever was judged when it was shown."""
    began = time.time()
    brief = enrol(v, "brief", STATE["ca"].issue("brief", 6))
    value = val.pan()
    token = brief.token("cards", value)
    kept = brief.connection
    while time.time() < began + 4:
        equal(brief.token("cards", value), token, "token while it lasts")
        time.sleep(0.5)
    check(brief.connection is kept, "it was another connection")
    time.sleep(max(0, began + 7.5 - time.time()))
    brief.tokenize("cards", value).expect(401, "unauthenticated")
    Partner(v, "brief").tokenize("cards", value).expect(401, "unauthenticated")


def test_C01_two_certificates_and_one_revoked(v):
    """A change-over: both are good; the old one is revoked, the new one goes on."""
    ca, sara = STATE["ca"], person(v, "sara")
    old = enrol(v, "gamma", ca.issue("gamma"))
    value = val.pan()
    token = old.token("cards", value)
    pem = ca.issue("gamma-2")
    new = Partner(v, "gamma-2")
    new.tokenize("cards", value).expect(401, "unauthenticated")
    sara.post("/v1/partners/gamma/certs", {"cert_pem": pem, "reason": "yearly"}).expect(200)
    equal(new.token("cards", value), token, "token by the new certificate")
    equal(old.token("cards", value), token, "token by the old certificate")
    ca.revoke("gamma")
    ca.write_list(crl_of(v))
    reload(v)
    old.tokenize("cards", value).expect(401, "unauthenticated")
    equal(new.token("cards", value), token, "token by the new certificate")
    # the third takes the place of the oldest; one that is revoked or over is never taken
    third = ca.issue("gamma-3")
    sara.post("/v1/partners/gamma/certs", {"cert_pem": third}).expect(200)
    equal(Partner(v, "gamma-3").token("cards", value), token, "token by the third certificate")
    equal(new.token("cards", value), token, "token by the second certificate")


def serial_of(v):
    """The serial number of the certificate that the server shows to a new connection."""
    host = urllib.parse.urlsplit(v.dev["url"]).hostname
    plain = socket.create_connection((host, v.port), timeout=10)
    with tls_context(v).wrap_socket(plain, server_hostname=host) as s:
        return ssl.DER_cert_to_PEM_cert(s.getpeercert(binary_form=True))


def test_C04_the_servers_certificate_is_read_again(v):
    """New for new connections; those that are open go on. A pair that is none changes nothing."""
    acme = Partner(v)
    acme.token("cards", val.pan())
    kept, before = acme.connection, serial_of(v)
    crt, key = v.path("tls", "server.crt"), v.path("tls", "server.key")
    host = urllib.parse.urlsplit(v.dev["url"]).hostname
    ext = os.path.join(v.top, "server.ext")
    with open(ext, "w", encoding="ascii") as f:
        f.write("subjectAltName=DNS:%s,IP:127.0.0.1\nextendedKeyUsage=serverAuth\n" % host)
    openssl("req", "-new", *KEY, "-subj", "/CN=" + host, "-keyout", key + ".new", "-out",
            crt + ".csr")
    openssl("x509", "-req", "-in", crt + ".csr", "-CA", v.dev_file(v.dev["ca"]), "-CAkey",
            os.path.splitext(v.dev_file(v.dev["ca"]))[0] + ".key", "-set_serial", "77", "-days",
            "30", "-extfile", ext, "-out", crt + ".new")
    shutil.copy(key, key + ".old")
    os.replace(key + ".new", key)
    reload(v, "front.reload_failed")  # the new key beside the old certificate
    equal(serial_of(v), before, "the server's certificate")
    os.replace(crt + ".new", crt)
    reload(v)
    check(serial_of(v) != before, "the server's certificate is the old one")
    acme.token("cards", val.pan())
    check(acme.connection is kept, "an open connection was ended")
    Partner(v).token("cards", val.pan())


def test_C06_frozen_domain_and_partner_stop_replace(v):
    """The very next request of an open connection, replace too; tokens stay manageable."""
    sara, acme, value = person(v, "sara"), Partner(v), val.pan()
    token = acme.token("cards", value)
    for what, name in (("domains", "cards"), ("partners", "acme")):
        sara.post("/v1/%s/%s/freeze" % (what, name), {"reason": "case 3"}).expect(200)
        kept = acme.connection
        body = {"domain": "cards", "token": token, "value": val.pan_beside(value),
                "reason": "reissued"}
        acme.post("/v1/tokens/replace", body).expect(403, "forbidden")
        acme.post("/v1/tokenize", {"domain": "cards", "values": [val.pan()]}).expect(403)
        check(acme.connection is kept, "it was another connection")
        equal(acme.lookup("cards", value).expect(200).json()["token"], token, "look-up")
        equal(acme.state("cards", token), "active", "state")
        acme.change("suspend", "cards", token).expect(200)
        acme.change("resume", "cards", token).expect(200)
        equal(person(v, "olga").value("cards", token), value, "value")
        sara.post("/v1/%s/%s/unfreeze" % (what, name), {"reason": "over"}).expect(200)
        equal(acme.token("cards", value), token, "token after the freeze")


if __name__ == "__main__":
    lib.run(globals())
