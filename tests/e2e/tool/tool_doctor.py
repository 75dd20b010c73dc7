# SPDX-License-Identifier: Apache-2.0
"""catrust doctor: what it says is what Python really says, and what it says fixes it does.

Pythons: CATRUST_PYTHON, CATRUST_TEST_PYTHONS (paths with colons between), that of PATH and pyenv's: at night all,
by day the newest. Each is asked with the flags of Python up to 3.12 and of 3.13, whatever its own version."""

import contextlib
import functools
import glob
import json
import os
import re
import shutil
import socket
import ssl
import threading
import unittest

from lab import lab, tools
from e2e.tool.tool_aia import Web
from e2e.tool.tool_starttls import SCRIPTS, scripted

SERVER = "subjectAltName = DNS:localhost,IP:127.0.0.1\n"
LEAF = "basicConstraints = critical,CA:FALSE\nkeyUsage = critical,digitalSignature\n"
NO_KEYS = "subjectKeyIdentifier = none\nauthorityKeyIdentifier = none\n"
KEYS = "subjectKeyIdentifier = hash\nauthorityKeyIdentifier = keyid:always\n"
AUTHORITY = "basicConstraints = critical,CA:TRUE\nkeyUsage = critical,keyCertSign,cRLSign\n"

# Extensions by the name of their section; {web} is the port of the web server for issuers.
EXTENSIONS = {
    "aia": LEAF + KEYS + SERVER + "authorityInfoAccess = caIssuers;URI:http://127.0.0.1:{web}/sub\n",
    "aia-nokeyid": LEAF + NO_KEYS + SERVER + "authorityInfoAccess = caIssuers;URI:http://127.0.0.1:{web}/plain\n",
    "plainca": AUTHORITY + NO_KEYS,
    "plainleaf": LEAF + NO_KEYS + SERVER,
    "loose": "basicConstraints = CA:TRUE\nkeyUsage = critical,keyCertSign\n" + KEYS,
    "nousage": "basicConstraints = critical,CA:TRUE\n" + KEYS,
    "noskid": AUTHORITY + NO_KEYS,
    "akidcritical": AUTHORITY + "subjectKeyIdentifier = hash\n"
                    "authorityKeyIdentifier = critical,keyid:always\n",
    "skidcritical": AUTHORITY + "subjectKeyIdentifier = critical,hash\n",
    "nosign": "basicConstraints = critical,CA:TRUE\nkeyUsage = critical,cRLSign\n" + KEYS,
    "pathlennosign": "basicConstraints = critical,CA:TRUE,pathlen:1\n" + KEYS,
    "anypath": AUTHORITY + KEYS,
    "permitted": AUTHORITY + KEYS + "nameConstraints = critical,permitted;DNS:corp.example\n",
    "excluded": AUTHORITY + KEYS + "nameConstraints = critical,excluded;DNS:localhost\n",
    "clientca": AUTHORITY + KEYS + "extendedKeyUsage = clientAuth\n",
    "clientleaf": LEAF + KEYS + SERVER + "extendedKeyUsage = clientAuth\n",
    "unhandled": LEAF + KEYS + SERVER + "1.2.3.4 = critical,ASN1:UTF8String:new\n",
    "signingleaf": "basicConstraints = critical,CA:FALSE\n"
                   "keyUsage = critical,digitalSignature,keyCertSign\n" + KEYS + SERVER,
    "pathlenleaf": "basicConstraints = critical,CA:FALSE,pathlen:0\n" + KEYS + SERVER,
    "noakid": LEAF + "subjectKeyIdentifier = hash\nauthorityKeyIdentifier = none\n" + SERVER,
    "cnonly": LEAF + KEYS,
    "anykeyid": LEAF + SERVER + "subjectKeyIdentifier = hash\nauthorityKeyIdentifier = DER:30:03:80:01:01\n",
    "emptysan": LEAF + KEYS + "subjectAltName = DER:30:00\n",
}

# stem, common name ("": no name at all), extensions, issuer, days until it starts and ends, key
# (None: EC), digest
CERTIFICATES = [
    ("root", "Doctor Root CA", "root", None, -30, 300),
    ("root-old", "Doctor Root CA", "root", None, -300, 300),
    ("other", "Another Root CA", "root", None, -30, 300),
    ("sub", "Doctor Issuing CA", "sub", "root", -30, 200),
    ("sub-wrong", "Doctor Issuing CA", "sub", "other", -30, 200),
    ("leaf", "localhost", "server", "sub", -1, 90),
    ("direct", "localhost", "server", "root", -1, 90),
    ("aia", "localhost", "aia", "sub", -1, 90),
    ("self", "localhost", "server", None, -1, 90),
    ("own-ca", "localhost", "ownca", None, -1, 90),
    ("expired", "localhost", "server", "sub", -20, -10),
    ("future", "localhost", "server", "sub", 10, 90),
    ("wrongname", "elsewhere.example", "wrongname", "sub", -1, 90),
    ("root-expired", "Expired Root CA", "root", None, -30, -1),
    ("below-expired", "localhost", "server", "root-expired", -1, 90),
    ("expired-twice", "localhost", "server", "root-expired", -20, -10),
    ("sub-expired", "Expired Issuing CA", "sub", "root", -30, -1),
    ("below-sub-expired", "localhost", "server", "sub-expired", -1, 90),
    ("plain-root", "Plain Root CA", "plainca", None, -30, 300),
    ("plain-root-old", "Plain Root CA", "plainca", None, -300, 300),
    ("plain-leaf", "localhost", "plainleaf", "plain-root", -1, 90),
    ("plain-sub", "Plain Issuing CA", "plainca", "root", -30, 200),
    ("plain-sub-wrong", "Plain Issuing CA", "plainca", "other", -30, 200),
    ("plain-aia", "localhost", "aia-nokeyid", "plain-sub", -1, 90),
    ("weak", "localhost", "server", "sub", -1, 90, 1024),
    ("weak-sub", "Weak Issuing CA", "sub", "root", -30, 200, 1024),
    ("below-weak", "localhost", "server", "weak-sub", -1, 90),
    ("sha1", "localhost", "server", "sub", -1, 90, None, "sha1"),
    ("pseudo", "Pseudo CA", "pseudo", None, -1, 100),
    ("below-pseudo", "localhost", "server", "pseudo", -1, 90),
    ("nosign", "No Signing CA", "nosign", "root", -1, 100),
    ("below-nosign", "localhost", "server", "nosign", -1, 90),
    ("v1", "Version 1 Root CA", None, None, -1, 100),
    ("below-v1", "localhost", "plainleaf", "v1", -1, 90),
    ("sub-sub", "Doctor Deeper CA", "anypath", "sub", -1, 100),
    ("below-sub-sub", "localhost", "server", "sub-sub", -1, 90),
    ("clientleaf", "localhost", "clientleaf", "sub", -1, 90),
    ("clientleaf-direct", "localhost", "clientleaf", "root", -1, 90),
    ("clientca", "Client Issuing CA", "clientca", "root", -1, 100),
    ("below-clientca", "localhost", "server", "clientca", -1, 90),
    ("unhandled", "localhost", "unhandled", "sub", -1, 90),
    ("permitted", "Permitted CA", "permitted", "root", -1, 100),
    ("below-permitted", "localhost", "server", "permitted", -1, 90),
    ("excluded", "Excluded CA", "excluded", "root", -1, 100),
    ("below-excluded", "localhost", "server", "excluded", -1, 90),
    ("explicit", "Explicit Curve CA", "sub", "root", -1, 100, "explicit"),
    ("below-explicit", "localhost", "server", "explicit", -1, 90),
    ("noakid", "localhost", "noakid", "sub", -1, 90),
    ("noakid-alone", "localhost", "noakid", "root", -1, 90),
    ("sha1-sub", "SHA-1 Issuing CA", "sub", "root", -30, 200, None, "sha1"),
    ("below-sha1-sub", "localhost", "server", "sha1-sub", -1, 90),
    ("noskid-root", "No Key Id Root CA", "noskid", None, -1, 100),
    ("noskid-leaf", "localhost", "plainleaf", "noskid-root", -1, 90),
    ("anykeyid-leaf", "localhost", "anykeyid", "noskid-root", -1, 90),
    ("loose-root", "Loose Root CA", "loose", None, -1, 100),
    ("loose-leaf", "localhost", "server", "loose-root", -1, 90),
    ("loose-sub", "Loose Issuing CA", "sub", "loose-root", -1, 100),
    ("below-loose-sub", "localhost", "server", "loose-sub", -1, 90),
    ("nousage-root", "No Usage Root CA", "nousage", None, -1, 100),
    ("nousage-leaf", "localhost", "server", "nousage-root", -1, 90),
    ("pathlennosign-root", "Path Length Root CA", "pathlennosign", None, -1, 100),
    ("pathlennosign-leaf", "localhost", "server", "pathlennosign-root", -1, 90),
    ("akidcritical-sub", "Critical AKI CA", "akidcritical", "root", -1, 100),
    ("akidcritical-leaf", "localhost", "server", "akidcritical-sub", -1, 90),
    ("skidcritical-root", "Critical SKI CA", "skidcritical", None, -1, 100),
    ("skidcritical-leaf", "localhost", "server", "skidcritical-root", -1, 90),
    ("signingleaf", "localhost", "signingleaf", "sub", -1, 90),
    ("pathlenleaf", "localhost", "pathlenleaf", "sub", -1, 90),
    ("cnonly", "localhost", "cnonly", "sub", -1, 90),
    ("nameless-root", "", "root", None, -1, 100),
    ("nameless-root-leaf", "localhost", "server", "nameless-root", -1, 90),
    ("emptysan", "localhost", "emptysan", "sub", -1, 90),
    ("nameless-leaf", "", "server", "sub", -1, 90),
    ("evilname", "evil\u202egnp.exe\u200b\u2066\u00e9x", "cnonly", "sub", -1, 90),
    ("rsa", "localhost", "server", "root", -1, 90, 2048),
    ("revoked", "localhost", "server", "root", -1, 90),
]


class Case:
    """One server, one bundle, and what doctor is to say.

    codes: what Python up to 3.12 and from 3.13 on show, None: accepted. causes: all codes that are
    named. accepted: which of the two accept the server once the remedy is applied."""

    def __init__(self, chain, bundle, codes, remedy, status, causes=None, name="127.0.0.1",
                 accepted=(True, True), gap=None, args=()):
        self.chain, self.bundle, self.codes, self.name = chain.split(), bundle, codes, name
        self.remedy, self.status, self.accepted, self.gap = remedy, status, accepted, gap
        self.causes = set(causes if causes is not None else codes) - {None}
        self.args = list(args)


AIA = ["--aia-local"]
FIXED = {"fetch", "fetch-with-intermediate", "pin", "relax"}

CASES = {
    # trust
    "root sent": Case("leaf sub root", "other", (19, 19), "fetch", 1, gap="the root CA"),
    "root not sent": Case("leaf sub", "other", (20, 20), "fetch", 1, gap="was not found"),
    "reversed": Case("leaf root sub", "other", (19, 19), "fetch", 1, gap="the root CA"),
    "leaf alone": Case("leaf", "other", (20, 20), "add", 1, gap="was not found"),
    "leaf alone, root trusted": Case("leaf", "root", (20, 20), "add", 1, gap="was not found"),
    "missing intermediate": Case("aia", "root", (20, 20), "fetch", 1, args=AIA,
                                 gap="does not send an intermediate"),
    "missing intermediate, no AIA": Case("aia", "root", (20, 20), "add", 1, gap="was not found",
                                         args=["--no-aia"]),
    "wrong intermediate": Case("aia sub-wrong", "root", (20, 20), "fetch", 1,
                               args=AIA, gap="a wrong intermediate"),
    "wrong intermediate, no key ids": Case(
        "plain-aia plain-sub-wrong other", "root", (19, 19), "fetch", 1, {19, 7, 85, 86}, args=AIA),
    "renewed root": Case("leaf sub root", "root-old", (19, 19), "fetch", 1, gap="of this name"),
    "stale root, no key ids": Case("plain-leaf", "plain-root-old", (7, 85), "add", 1, {7, 85, 86}),
    "self-signed": Case("self", "other", (18, 18), "pin", 1, gap="self-signed"),
    "self-signed CA": Case("own-ca", "other", (18, 18), "pin", 1, gap="self-signed"),
    "only the intermediate trusted": Case("leaf sub root", "sub", (2, None), "fetch", 1),
    "only the intermediate trusted, root not sent": Case("leaf sub", "sub", (2, None), "fetch", 1,
                                                         gap="needs the root"),
    "trusted": Case("leaf sub", "root", (None, None), "nothing", 0),
    # dates
    "expired": Case("expired sub", "root", (10, 10), "none", 4),
    "expired and unknown": Case("expired sub root", "other", (19, 19), "none", 4, {19, 10}),
    "expired root": Case("below-expired", "root-expired", (10, 10), "add", 1),
    "expired intermediate": Case("below-sub-expired sub-expired", "root", (10, 10), "add", 1),
    "all expired": Case("expired-twice root-expired", "root-expired", (10, 10), "none", 4),
    "not yet valid": Case("future sub", "root", (9, 9), "none", 4),
    # names
    "wrong name": Case("wrongname sub", "root", (62, 62), "none", 4, name="localhost"),
    "wrong address": Case("wrongname sub", "root", (64, 64), "none", 4),
    "wrong name and unknown": Case("wrongname sub root", "other", (19, 19), "none", 4, {19, 62},
                                   name="localhost"),
    "common name alone": Case("cnonly sub", "root", (None, None), "nothing", 0, name="localhost"),
    # strength
    "weak key": Case("weak sub", "root", (66, 66), "none", 4),
    "weak CA key": Case("below-weak weak-sub", "root", (67, 67), "none", 4),
    "weak digest": Case("sha1 sub", "root", (68, 68), "none", 4),
    # what is no CA, and what a CA may not
    "pseudo CA": Case("below-pseudo", "pseudo", (79, 79), "none", 4),
    "no keyCertSign": Case("below-nosign nosign", "root", (79, 79), "none", 4, {79, 32}),
    "version 1 root": Case("below-v1", "v1", (None, 85), "none", 4, {85, 79}),
    "path length": Case("below-sub-sub sub-sub sub", "root", (25, 25), "none", 4),
    "purpose": Case("clientleaf sub", "root", (26, 26), "none", 4),
    "purpose of a CA": Case("below-clientca clientca", "root", (26, 26), "none", 4),
    "critical extension": Case("unhandled sub", "root", (34, 34), "none", 4),
    "permitted names": Case("below-permitted permitted", "root", (47, 47), "none", 4),
    "excluded names": Case("below-excluded excluded", "root", (48, 48), "none", 4),
    "explicit curve": Case("below-explicit explicit", "root", (94, 94), "none", 4),
    # what only strict rules find
    "leaf without AKI": Case("noakid sub root", "other", (19, 19), "fetch", 1, {19, 85}),
    "root without SKI": Case("noskid-leaf noskid-root", "other", (19, 19), "fetch", 1, {19, 85, 86}),
    "loose root": Case("loose-leaf loose-root", "other", (19, 19), "fetch", 1, {19, 89}),
    "loose root, trusted by the bundle": Case("loose-leaf loose-root", "loose-root", (None, 89),
                                              "fetch", 1),
    "loose root above an intermediate": Case("below-loose-sub loose-sub loose-root", "other", (19, 19),
                                             "fetch-with-intermediate", 1, {19, 89}),
    # an odd root that the bundle trusts: the first of its faults is what Python shows
    "root without SKI, trusted by the bundle": Case("noskid-leaf noskid-root", "noskid-root", (None, 85), "fetch", 1,
                                                    {85, 86}),
    "root without SKI above a leaf with AKI": Case("anykeyid-leaf noskid-root", "noskid-root", (None, 86),
                                                   "fetch", 1),
    "root without key usage, trusted by the bundle": Case("nousage-leaf nousage-root", "nousage-root", (None, 92),
                                                          "fetch", 1),
    "path length without keyCertSign, trusted by the bundle": Case(
        "pathlennosign-leaf pathlennosign-root", "pathlennosign-root", (None, 81), "fetch", 1, {81, 92}),
    # names that are missing
    "CA without a name": Case("nameless-root-leaf nameless-root", "nameless-root", (None, 83), "none", 4, {83, 84}),
    "empty subjectAltName": Case("emptysan sub", "root", (None, 87), "none", 4, name="localhost"),
    "leaf without a name": Case("nameless-leaf sub", "root", (None, 88), "fetch", 1),
    "leaf without a name, unknown root": Case("nameless-leaf sub root", "other", (19, 19), "fetch", 1, {19, 88}),
    "root without key usage": Case("nousage-leaf nousage-root", "other", (19, 19), "fetch", 1, {19, 92}),
    "path length without keyCertSign": Case("pathlennosign-leaf pathlennosign-root", "other", (19, 19),
                                            "fetch", 1, {19, 81, 92}),
    "critical AKI": Case("akidcritical-leaf akidcritical-sub root", "other", (19, 19), "none", 4,
                         {19, 34}),
    "critical SKI": Case("skidcritical-leaf skidcritical-root", "other", (19, 19), "none", 4,
                         {19, 34}),
    "leaf that may sign": Case("signingleaf sub", "root", (None, 82), "none", 4),
    "leaf with a path length": Case("pathlenleaf sub", "root", (None, 80), "fetch", 1, {80, 81}),
}

# Connects to each server with each set of flags; says what each exception says.
ASK = r"""
import json, socket, ssl, sys, warnings
warnings.simplefilter("ignore")
TRUSTED_FIRST, STRICT, PARTIAL = 0x8000, 0x20, 0x80000

def text(e):
    return type(e).__name__, str(e), getattr(e, "verify_code", None)

def ask(job):
    try:
        c = ssl.create_default_context(cafile=job["bundle"])
        if job["flags"] is not None:
            c.verify_flags = ssl.VerifyFlags(job["flags"])
        if job.get("cert"):
            c.load_cert_chain(job["cert"], job["key"])
        with socket.create_connection(("127.0.0.1", job["port"]), job.get("timeout", 30)) as s:
            with c.wrap_socket(s, server_hostname=job["name"]) as t:
                # what is sent may cross the server's alert, and be answered by a reset
                if not job.get("quiet"):
                    t.sendall(b"GET / HTTP/1.0\r\n\r\n")
                t.recv(1)
        return None
    except Exception as e:
        return text(e)

flags = {"3.12": TRUSTED_FIRST, "3.13": TRUSTED_FIRST | STRICT | PARTIAL, "own": None}
jobs = json.load(sys.stdin)
print(json.dumps([{k: ask(dict(job, flags=flags[k])) for k in job.get("ask", flags)} for job in jobs]))
"""


@functools.lru_cache(maxsize=None)
def pythons():
    """All Pythons from 3.8 on that are there, starting with the one under test: Python 3.7 and older used other
    names for OpenSSL's errors."""
    found = [lab.PYTHON, *filter(None, os.environ.get("CATRUST_TEST_PYTHONS", "").split(":"))]
    root = os.environ.get("PYENV_ROOT") or os.path.expanduser("~/.pyenv")
    found += sorted(glob.glob(os.path.join(root, "versions", "*", "bin", "python3")))
    found += filter(None, [shutil.which("python3", path=lab.clean_env()["PATH"])])
    seen, result = set(), []
    for path in found:
        real = os.path.realpath(path)
        if real in seen or not os.access(path, os.X_OK):
            continue
        seen.add(real)
        asked = lab.run("import ssl, sys; print(sys.version_info[:2] >= (3, 8))", python=path)
        if asked.out.strip() == "True":
            result.append(path)
    others = [path for path in result if path.startswith(root)]
    if not lab.NIGHTLY and len(others) > 1:
        lab.left_out("tool_doctor, all Pythons but one of pyenv's, and most cases of that")
        newest = max(others, key=lab.python_version)
        result = [path for path in result if path not in others or path == newest]
    return result


@functools.lru_cache(maxsize=None)
def openssl_of(python):
    return lab.run("import ssl; print(ssl.OPENSSL_VERSION)", python=python).out


def ask(python, jobs, command=None, dirs=None, env=None):
    """What python says to each job, by flags; run with command, if given."""
    argv = [*(command or []), python, "-c", ASK]
    result = lab.run(argv, stdin=json.dumps(jobs).encode(), dirs=dirs, env=env)
    if result.code != 0:
        raise AssertionError("%s: %s" % (python, result.err))
    return json.loads(result.out)


def said(answer):
    """The text without the place in CPython's source, or None."""
    return answer and re.sub(r" \(_ssl\.c:\d+\)$", "", answer[1])


class Pki:
    """The certificates of the cases, and the web server with the issuers."""

    def __init__(self):
        self.web = Web()
        self.folder = lab.folder("doctor-pki")
        lab.prepare_ca(self.folder)
        lab.write(self.path("ca", ".cnf"), lab.CONFIG.replace("commonName = supplied", "commonName = optional"))
        with open(self.path("ca", ".cnf"), "a") as config:
            config.write(tools.SECTIONS)
            for name, text in EXTENSIONS.items():
                config.write("[%s]\n%s" % (name, text.format(web=self.web.port)))
        for row in CERTIFICATES:
            self.make(*row)
        self.web.pages["/sub"] = ssl.PEM_cert_to_DER_cert(lab.read(self.path("sub")).decode())
        self.web.pages["/plain"] = ssl.PEM_cert_to_DER_cert(lab.read(self.path("plain-sub")).decode())

    def path(self, stem, end=".pem"):
        return os.path.join(self.folder, stem + end)

    def make(self, stem, name, extensions, issuer, start, end, key=None, digest="sha256"):
        if key is None:
            lab.openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out",
                        self.path(stem, ".key"))
        elif key == "explicit":
            lab.openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-param_enc",
                        "explicit", "-out", self.path(stem, ".key"))
        elif isinstance(key, str):
            shutil.copy(self.path(key, ".key"), self.path(stem, ".key"))
        else:
            lab.openssl("genrsa", "-out", self.path(stem, ".key"), str(key))
        lab.openssl("req", "-new", "-config", "ca.cnf", "-key", stem + ".key", "-out", stem + ".csr",
                    "-subj", "/O=Example/CN=" + name if name else "/", cwd=self.folder)
        signer = ["-selfsign", "-keyfile", stem + ".key"] if issuer is None else \
            ["-cert", issuer + ".pem", "-keyfile", issuer + ".key"]
        lab.openssl("ca", "-batch", "-notext", "-config", "ca.cnf", *signer, "-md", digest,
                    *(["-extensions", extensions] if extensions else []),
                    "-startdate", lab._date(start), "-enddate", lab._date(end),
                    "-in", stem + ".csr", "-out", stem + ".pem", cwd=self.folder)

    def chain(self, stems):
        return tools.joined(*map(self.path, stems))


@functools.lru_cache(maxsize=None)
def pki():
    made = Pki()
    unittest.addModuleCleanup(made.web.close)
    return made


class TlsServer:
    """Accepts any certificate: a server with security level 0. Answers each request with a line."""

    def __init__(self, chain, key, client_ca=None, maximum=None):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.set_ciphers("DEFAULT:@SECLEVEL=0")
        self.context.load_cert_chain(chain, key)
        if maximum:
            self.context.maximum_version = maximum
        if client_ca:
            self.context.load_verify_locations(client_ca)
            self.context.verify_mode = ssl.CERT_REQUIRED
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.answer, args=(connection,), daemon=True).start()

    def answer(self, connection):
        connection.settimeout(30)
        with connection, connection.dup() as raw:
            raw.settimeout(30)
            with contextlib.suppress(OSError):
                with self.context.wrap_socket(connection, server_side=True) as tls:
                    while tls.recv(1000):
                        tls.sendall(b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n")
            # all is read before the end: otherwise the kernel resets, and the alert may be lost
            with contextlib.suppress(OSError):
                raw.shutdown(socket.SHUT_WR)
                while raw.recv(1000):
                    pass

    def close(self):
        # accept() in another thread does not notice close() alone
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        self.listener.close()


class Doctor(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.servers = {}
        cls.addClassCleanup(lambda: [s.close() for s in cls.servers.values()])

    @classmethod
    def server(cls, stems):
        """A server that sends these certificates; the first is its own."""
        key = " ".join(stems)
        if key not in cls.servers:
            cls.servers[key] = TlsServer(pki().chain(stems), pki().path(stems[0], ".key"))
        return cls.servers[key]

    def doctor(self, *args, code, dirs=None, env=None):
        """Runs doctor for programs; returns its report."""
        result = tools.catrust("doctor", "--json", *args, dirs=dirs or [lab.folder("none")], env=env)
        self.assertEqual(code, result.code, result.err + result.out)
        return json.loads(result.out)

    def client(self, verdict, name):
        return next(c for c in verdict["clients"] if c["name"] == name)

    def texts(self, verdict, under=False):
        """What Python says according to doctor, by flags."""
        clients = {c["name"]: c["catrust_run"] if under else c for c in verdict["clients"]}
        return {"3.12": clients["python_3_12"]["text"], "3.13": clients["python_3_13"]["text"]}

    def fix(self, verdict, dirs, env=None):
        """Runs the command that doctor suggests, confirmed with the fingerprint that doctor shows. Returns the
        variables that it sets."""
        command = verdict["command"]
        self.assertTrue(command)
        sets = {}
        for part in command.split(" && "):
            if part.startswith("export "):
                name, value = part[len("export "):].split("=")
                sets[name] = value
                continue
            script = part.replace("catrust", '"$0"', 1) + ' --fingerprint "$1"'
            result = lab.run(["sh", "-c", script, tools.tool("catrust"),
                              "sha256:" + verdict["candidate"].replace(":", "")], dirs=dirs, env=env)
            self.assertEqual(0, result.code, "%s\n%s" % (script, result.err))
        return sets


class Verdicts(Doctor):
    """Every case, every Python."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.jobs, cls.verdicts = {}, {}
        for name, case in CASES.items():
            cls.jobs[name] = {"port": cls.server(case.chain).port, "name": case.name,
                              "bundle": pki().path(case.bundle)}

    def where(self, name):
        """The server by its address, because another program may use this port of ::1 (localhost)."""
        return ["--servername", CASES[name].name, "127.0.0.1:%d" % self.jobs[name]["port"]]

    def verdict(self, name):
        case = CASES[name]
        if name not in self.verdicts:
            result = tools.catrust("doctor", "--json", *case.args, "--ca-bundle",
                                   self.jobs[name]["bundle"], *self.where(name),
                                   dirs=[lab.folder("none")])
            self.assertNotIn(result.code, (2, 3), result.err)
            self.verdicts[name] = (result, json.loads(result.out))
        return self.verdicts[name]

    def test_same_words_with_another_openssl(self):
        """Pythons with another OpenSSL than the tool's: uses their messages."""
        asked = 0
        for python in pythons():
            if openssl_of(python) == openssl_of(lab.PYTHON):
                continue
            names = list(CASES) if lab.NIGHTLY else list(CASES)[::6]
            for name, answer in zip(names, ask(python, [self.jobs[n] for n in names])):
                asked += 1
                with self.subTest(name, python=python):
                    case, job = CASES[name], self.jobs[name]
                    result = tools.catrust("doctor", "--json", *case.args, "--ca-bundle", job["bundle"],
                                           "--python", python, *self.where(name), dirs=[lab.folder("none")])
                    client, = json.loads(result.out)["clients"]
                    self.assertEqual(said(answer["own"]), client["text"])
        if not asked:
            self.skipTest("all Pythons here have the same OpenSSL")

    def test_clock(self):
        for name, says in ("all expired", True), ("expired", False), ("not yet valid", True):
            fixes = [c["fix"] for c in self.verdict(name)[1]["causes"]]
            self.assertEqual(says, "check the clock" in fixes[0], fixes)

    def test_common_name_alone(self):
        for name, says in ("common name alone", True), ("trusted", False):
            self.assertEqual(says, any("urllib3" in n for n in self.verdict(name)[1]["notes"]))

    def test_same_words_as_python(self):
        for python in pythons():
            if openssl_of(python) != openssl_of(lab.PYTHON):
                continue
            version = lab.python_version(python)
            for name, answer in zip(CASES, ask(python, [self.jobs[n] for n in CASES])):
                with self.subTest(name, python=python):
                    _, verdict = self.verdict(name)
                    texts = self.texts(verdict)
                    self.assertEqual(texts["3.12"], said(answer["3.12"]))
                    self.assertEqual(texts["3.13"], said(answer["3.13"]))
                    self.assertEqual(texts["3.13" if version >= (3, 13) else "3.12"],
                                     said(answer["own"]))
                    for flags, client in ("3.12", "python_3_12"), ("3.13", "python_3_13"):
                        code = answer[flags] and answer[flags][2]
                        self.assertEqual(code, self.client(verdict, client)["code"])
                        if answer[flags]:
                            self.assertEqual("ssl." + answer[flags][0],
                                             self.client(verdict, client)["exception"])

    def test_causes_and_remedies(self):
        for name, case in CASES.items():
            with self.subTest(name):
                result, verdict = self.verdict(name)
                self.assertEqual(case.codes, (self.client(verdict, "python_3_12")["code"],
                                              self.client(verdict, "python_3_13")["code"]))
                self.assertEqual(case.causes, {c["code"] for c in verdict["causes"]})
                self.assertEqual((case.remedy, case.status), (verdict["remedy"], result.code))
                self.assertEqual(case.status, verdict["status"])
                self.assertEqual(case.status == 1, verdict["ca_helps"])
                if case.gap:
                    self.assertIn(case.gap, verdict["causes"][0]["cause"])

    def test_what_is_said_to_fix_it_fixes_it(self):
        run = [tools.tool("catrust-run")]
        for name, case in CASES.items():
            if case.remedy not in FIXED:
                continue
            with self.subTest(name):
                _, verdict = self.verdict(name)
                dirs = [os.path.join(lab.folder("fix"), "ca.d")]
                sets = self.fix(verdict, dirs)
                answer, = ask(lab.PYTHON, [self.jobs[name]], run, dirs,
                              {**sets, "CATRUST_LIBRARY": lab.shim()})
                self.assertEqual((None, None), (said(answer["3.12"]), said(answer["3.13"])))
                after = tools.catrust("doctor", "--json", *case.args, "--ca-bundle",
                                      self.jobs[name]["bundle"], *self.where(name), dirs=dirs)
                verdict = json.loads(after.out)
                if not sets:
                    self.assertEqual(("catrust-run", 0), (verdict["remedy"], after.code))
                    self.assertEqual({"3.12": None, "3.13": None}, self.texts(verdict, under=True))
                else:
                    self.assertEqual(("relax", 4), (verdict["remedy"], after.code))
                    without, = ask(lab.PYTHON, [self.jobs[name]], run, dirs)
                    self.assertEqual(self.texts(verdict, under=True),
                                     {k: said(without[k]) for k in ("3.12", "3.13")})


def say_and_close(text):
    """A server that speaks first, in plain text, and reads until the client gives up."""
    def behave(connection, stop):
        connection.settimeout(20)
        if text:
            connection.sendall(text)
        while connection.recv(1000):
            connection.sendall(text or b"HTTP/1.1 400 Bad Request\r\n\r\n")
    return behave


def reset(connection, stop):
    connection.recv(1)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")


def close(connection, stop):
    connection.settimeout(20)
    connection.recv(100000)


def relay(source, sink):
    """Sends bytes until the client closes."""
    with contextlib.suppress(OSError):
        source.settimeout(20)
        while True:
            data = source.recv(65536)
            if not data:
                break
            sink.sendall(data)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


class NoTrustProblem(Doctor):
    """Failures before or after the check of trust: adding a CA never helps."""

    def check(self, port, problem, fix, text=True, bundle=None, **job):
        """Every Python says what doctor says; the cause is problem, and fix fixes it."""
        bundle = bundle or pki().path("root")
        where = "127.0.0.1:%d" % port
        certificate = ["--cert", job["cert"], "--key", job["key"]] if "cert" in job else []
        if "name" in job:
            certificate += ["--servername", job["name"]]
        job = {"port": port, "name": "127.0.0.1", "bundle": bundle, "ask": ["3.12", "3.13"], **job}
        # Ciphers and versions of TLS differ from one to another: doctor asks for them.
        for python in reversed(pythons()):
            answer, = ask(python, [job])
            with self.subTest(python=python):
                verdict = self.doctor(where, "--ca-bundle", bundle, "--python", python, *certificate,
                                      code=4 if answer["3.12"] else 0)
                self.assertEqual([said(answer["3.12"])], [c["text"] for c in verdict["clients"]])
        verdict = self.doctor(where, "--ca-bundle", bundle, *certificate, code=4)
        cause = verdict["causes"][-1]
        self.assertEqual(("tls", problem, False),
                         (cause["kind"], cause["problem"], cause["ca_helps"]))
        self.assertIn(fix, cause["fix"])
        self.assertFalse(verdict["ca_helps"])
        if text:
            self.assertEqual({k: said(answer[k]) for k in ("3.12", "3.13")}, self.texts(verdict))
        return verdict

    def test_plain_text(self):
        for greeting, fix in ((b"", "http://"), (b"220 mx ESMTP\r\n", "smtp"), (b"* OK IMAP\r\n", "imap"),
                              (b"+OK POP3\r\n", "pop3"), (b"SSH-2.0-x\r\n", "SSH")):
            with self.subTest(greeting), tools.tcp_server(say_and_close(greeting)) as port:
                self.check(port, "plain-text", fix)

    def test_reset(self):
        with tools.tcp_server(reset) as port:
            self.check(port, "reset", "proxy")

    def test_closed(self):
        with tools.tcp_server(close) as port:
            # Python's words depend on its options, not on its generation
            self.check(port, "closed", "STARTTLS", text=False)

    def test_old_protocol(self):
        with lab.SServer("server", "-tls1", "-cipher", "DEFAULT:@SECLEVEL=0") as srv:
            verdict = self.check(srv.port, "old-protocol", "TLS 1.2", text=False)
        # the certificates are seen all the same
        self.assertEqual({20}, {c["code"] for c in verdict["causes"] if c["kind"] == "verification"})

    def test_client_certificate_wanted(self):
        chain, key = pki().chain(["direct"]), pki().path("direct", ".key")
        for maximum in ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3:
            server = TlsServer(chain, key, pki().path("root"), maximum)
            self.addCleanup(server.close)
            with self.subTest(maximum):
                self.check(server.port, "client-certificate-wanted", "--cert", quiet=True)
                # one that the server does not know, and a good one
                self.check(server.port, "client-certificate-refused", "server trusts",
                           quiet=True, cert=pki().path("self"), key=pki().path("self", ".key"))
                self.doctor("127.0.0.1:%d" % server.port, "--ca-bundle", pki().path("root"), "--cert",
                            pki().path("clientleaf-direct"), "--key",
                            pki().path("clientleaf-direct", ".key"), code=0)

    def test_client_certificate_and_unknown_root(self):
        server = TlsServer(pki().chain(["direct", "root"]), pki().path("direct", ".key"),
                           pki().path("root"), ssl.TLSVersion.TLSv1_2)
        self.addCleanup(server.close)
        verdict = self.doctor("127.0.0.1:%d" % server.port, "--ca-bundle", pki().path("other"), code=4)
        self.assertEqual([19, None], [c["code"] for c in verdict["causes"]])
        self.assertEqual("client-certificate-wanted", verdict["causes"][1]["problem"])
        # what Python shows first, and the command that is one part of the cure
        self.assertIn("self-signed", self.texts(verdict)["3.12"])
        self.assertIn("catrust fetch ", verdict["command"])

    def test_legacy_renegotiation(self):
        lab.need(programs=["gnutls-serv"])
        port = lab.free_port()
        argv = ["gnutls-serv", "--port", str(port), "--http", "--x509certfile", pki().path("direct"),
                "--x509keyfile", pki().path("direct", ".key"), "--priority",
                "NORMAL:-VERS-ALL:+VERS-TLS1.2:%DISABLE_SAFE_RENEGOTIATION"]
        with lab.Process(argv, ready="(?s)IPv4.*done"):
            self.check(port, "legacy-renegotiation", "OP_LEGACY_SERVER_CONNECT")

    def test_no_common_cipher(self):
        with lab.SServer("server", "-tls1_2", "-cipher", "AES128-SHA:@SECLEVEL=0") as srv:
            verdict = self.check(srv.port, "no-common-cipher", "ECDHE", name="localhost")
            self.assertIn("HANDSHAKE_FAILURE", self.texts(verdict)["3.12"])

    def test_weak_key_exchange(self):
        weak = lab.write(os.path.join(lab.folder("dh"), "dh.pem"), lab.openssl("dhparam", "-dsaparam", "1024"))
        server = TlsServer(pki().chain(["rsa"]), pki().path("rsa", ".key"), maximum=ssl.TLSVersion.TLSv1_2)
        self.addCleanup(server.close)
        server.context.set_ciphers("DHE:@SECLEVEL=0")
        server.context.load_dh_params(weak)
        verdict = self.check(server.port, "weak-key-exchange", "2048")
        self.assertIn("DH_KEY_TOO_SMALL", self.texts(verdict)["3.12"])

    def test_unknown_name(self):
        with lab.SServer("server", "-servername", "other.example", "-servername_fatal", "-cert2",
                         lab.cert("server.pem"), "-key2", lab.cert("server.key")) as srv:
            verdict = self.check(srv.port, "unknown-name", "--servername", name="localhost")
            self.assertIn("UNRECOGNIZED_NAME", self.texts(verdict)["3.12"])

    def test_silence_and_no_server(self):
        def silent(connection, stop):
            stop.wait(30)

        with tools.tcp_server(silent) as port:
            verdict = self.doctor("127.0.0.1:%d" % port, "--timeout", "2", code=4)
            self.assertEqual("silent", verdict["causes"][0]["problem"])
        for python in pythons():
            with tools.tcp_server(silent) as port:
                answer, = ask(python, [{"port": port, "name": "localhost", "bundle": None, "timeout": 1,
                                        "ask": ["own"]}])
            # It would wait for ever; one that does not says when, in words of its own.
            self.assertIn(answer["own"][0], ("TimeoutError", "timeout"))
            self.assertEqual({"TimeoutError"}, {c["exception"] for c in verdict["clients"]})
            self.assertEqual({""}, {c["text"] for c in verdict["clients"]})
        verdict = self.doctor("127.0.0.1:%d" % lab.free_port(), code=3)
        self.assertEqual(("unreachable", []), (verdict["result"], verdict["causes"]))
        self.assertIn("refused", verdict["error"])


class Bundles(Doctor):
    """--ca-bundle with a file that is not a bundle: Python's own message, and no connection."""

    def test_bundles(self):
        folder = lab.folder("bundles")
        good = lab.read(pki().path("root")).decode()
        files = {
            "empty": b"", "junk": b"no certificate\n",
            "der": ssl.PEM_cert_to_DER_cert(good),
            "corrupt": good.replace("\nMI", "\n!I", 1).encode(),
            "cut": good[:len(good) // 2].encode(),
            "missing": None,
        }
        words = {"empty": "NO_CERTIFICATE_OR_CRL_FOUND", "junk": "NO_CERTIFICATE_OR_CRL_FOUND",
                 "der": "NO_CERTIFICATE_OR_CRL_FOUND", "corrupt": "[X509] PEM lib",
                 "cut": "[X509] PEM lib", "missing": "No such file or directory",
                 "directory": "Is a directory"}
        fixes = {"der": "-inform der", "corrupt": "a fresh copy", "missing": "path"}
        os.mkdir(os.path.join(folder, "directory"))
        for name, data in files.items():
            if data is not None:
                lab.write(os.path.join(folder, name), data)
        jobs = [{"port": 9, "name": "x", "bundle": os.path.join(folder, n), "ask": ["own"]} for n in words]
        answers = {p: ask(p, jobs) for p in pythons()}
        for i, (name, text) in enumerate(words.items()):
            with self.subTest(name):
                verdict = self.doctor("127.0.0.1:9", "--ca-bundle", os.path.join(folder, name), code=4)
                client = verdict["clients"][0]
                self.assertIn(text, client["text"])
                self.assertIn(fixes.get(name, ""), verdict["causes"][0]["fix"])
                for answer in answers.values():
                    self.assertEqual(said(answer[i]["own"]), client["text"])
                    self.assertEqual(answer[i]["own"][0], client["exception"].replace("ssl.", ""))


class Sources(Doctor):
    """Trust besides --ca-bundle: the system's store, the trust directories, a Python's."""

    def setUp(self):
        self.dirs = [os.path.join(lab.folder("sources"), "ca.d")]

    def where(self, stems):
        return "127.0.0.1:%d" % self.server(stems.split()).port

    def plain(self, where, env, under=(), dirs=None):
        """The result of Python's default context."""
        answer, = ask(lab.PYTHON, [{"port": int(where.split(":")[1]), "name": "127.0.0.1",
                                    "bundle": None, "ask": ["3.12", "3.13"]}],
                      [tools.tool("catrust-run")] if under else None, dirs, env)
        return {k: said(answer[k]) for k in ("3.12", "3.13")}

    def test_fetch_saves_what_doctor_advises(self):
        """Whatever the server sends and the store has, fetch accepts the suggested command."""
        named = 0
        for stems in sorted({" ".join(case.chain) for case in CASES.values()} | {"leaf root", "aia root"}):
            for store in "other", "root", "sub":
                env = {"SSL_CERT_FILE": pki().path(store), "SSL_CERT_DIR": lab.folder("none")}
                with self.subTest(stems, store=store):
                    dirs = [os.path.join(lab.folder("advised"), "ca.d")]
                    result = tools.catrust("doctor", "--json", "--aia-local", self.where(stems), dirs=dirs, env=env)
                    verdict = json.loads(result.out)
                    if "catrust fetch" in (verdict["command"] or ""):
                        named += 1
                        self.fix(verdict, dirs, env)
        self.assertGreater(named, 20)

    def test_an_intermediate_of_the_store_alone_is_saved_with_its_root(self):
        """fetch saves nothing that would not help on its own; doctor once claimed that it would."""
        env = {"SSL_CERT_FILE": pki().path("sub"), "SSL_CERT_DIR": lab.folder("none")}
        where = self.where("leaf root")
        verdict = self.doctor(where, code=1, env=env, dirs=self.dirs)
        self.assertEqual("fetch-with-intermediate", verdict["remedy"])
        self.fix(verdict, self.dirs, env)
        self.assertEqual({"3.12": None, "3.13": None}, self.plain(where, env, True, self.dirs))

    def says_so(self, where, store, *saved, code):
        """What doctor says about programs under catrust-run is what Python says there; saved: the trust directory's
        files, by the names of certificates."""
        there = lab.folder("ca.d")
        for number, stem in enumerate(saved):
            shutil.copy(pki().path(stem), os.path.join(there, "%d-%s.pem" % (number, stem)))
        env = {"SSL_CERT_FILE": pki().path(store), "SSL_CERT_DIR": lab.folder("none")}
        verdict = self.doctor(where, code=code, env=env, dirs=[there])
        self.assertEqual(self.plain(where, env, True, [there]), self.texts(verdict, under=True))
        return verdict, lab.run([tools.tool("catrust"), "doctor", where], dirs=[there], env=env).out

    def test_a_rekeyed_root(self):
        """Two CAs with one name and without key identifiers: the one with the right key counts, wherever the other
        is."""
        where = self.where("plain-leaf")
        for store, saved in (("other", ["plain-root-old", "plain-root"]), ("other", ["plain-root", "plain-root-old"]),
                             ("plain-root-old", ["plain-root"])):
            with self.subTest(store, saved=saved):
                verdict, out = self.says_so(where, store, *saved, code=4)
                self.assertEqual("relax", verdict["remedy"])
                self.assertIsNone(self.texts(verdict, under=True)["3.12"])
                self.assertNotIn("signature failure", out.split("why it fails")[0].split("under catrust-run")[1])
                in_the_way = ("an old certificate of the CA, of the same name with another key, is in the way: "
                              "it is in " + pki().path(store))
                self.assertEqual(store == "plain-root-old", in_the_way in out, out)
                there = lab.folder("ca.d")
                for stem in saved:
                    shutil.copy(pki().path(stem), there)
                env = {"SSL_CERT_FILE": pki().path(store), "SSL_CERT_DIR": lab.folder("none"), "CATRUST_STRICT": "relax"}
                result = tools.catrust("doctor", where, dirs=[there], env=env)
                self.assertEqual(0, result.code, result.out)
                self.assertEqual(store == "plain-root-old", in_the_way in result.out, result.out)

    def test_an_expired_anchor(self):
        """It does not count; doctor names the renewed one next to it, or says that it has expired."""
        p = pki()
        p.make("same-old", "Same Key Root", "anypath", None, -30, -1)
        p.make("same-new", "Same Key Root", "anypath", None, -1, 100, key="same-old")
        p.make("below-same", "localhost", "server", "same-new", -1, 90)
        where = self.where("below-same")
        for saved in ["same-old", "same-new"], ["same-new", "same-old"]:
            _, out = self.says_so(where, "other", *saved, code=0)
            self.assertRegex(out, r"is not in the system's store, but in \S+/\d-same-new\.pem")
        verdict, out = self.says_so(where, "other", "same-old", code=1)
        self.assertRegex(out, r"the CA is in \S+/0-same-old\.pem, but does not count: it is valid from \S+ to \S+\n")
        self.assertIn("renewed", verdict["causes"][0]["fix"])

    def test_a_leaf_without_key_identifier_sent_alone(self):
        """doctor reports at once what this already shows to be wrong, and the suggested command is enough."""
        where = self.where("noakid-alone")
        verdict, out = self.says_so(where, "other", code=1)
        self.assertEqual({20, 85}, {cause["code"] for cause in verdict["causes"]})
        self.assertEqual("catrust add FILE && export CATRUST_STRICT=relax", verdict["command"])
        self.assertIn("with CATRUST_STRICT=relax", out)
        verdict, out = self.says_so(where, "other", "root", code=4)
        self.assertIn("it is the server's own certificate that breaks them: O=Example, CN=localhost\n", out)
        self.assertNotIn("the one that is trusted", out)

    def test_an_intermediate_that_nobody_sends(self):
        """The root is trusted, so the text for an empty directory, which says to add the root again, would be wrong."""
        where = self.where("leaf")
        _, out = self.says_so(where, "other", "root", code=1)
        self.assertIn("no CA of the trust directories is its direct issuer", out)
        self.assertIn("must configure the server to send it (the usual fix)", out)
        _, out = self.says_so(where, "other", code=1)
        self.assertNotIn("direct issuer", out)

    def test_an_intermediate_with_a_weak_signature(self):
        """Even with its root trusted, it would be refused for the signature."""
        where = self.where("below-sha1-sub sha1-sub")
        _, out = self.says_so(where, "other", code=1)
        self.assertIn("the root would not help, because the signature", out)
        self.assertNotIn("get the root's certificate", out)

    def test_the_default_store(self):
        where = self.where("leaf sub")
        for file, code in ("root", 0), ("other", 1):
            env = {"SSL_CERT_FILE": pki().path(file), "SSL_CERT_DIR": lab.folder("none")}
            with self.subTest(file):
                verdict = self.doctor(where, code=code, env=env)
                self.assertEqual(self.plain(where, env), self.texts(verdict))

    def test_contexts(self):
        """CATRUST_CONTEXTS=public gives no anchors to a program without public CAs; the advice helps."""
        where, dirs = self.where("leaf sub"), [lab.trustdir(pki().path("root"))]
        public = "/etc/ssl/certs/ca-certificates.crt"
        if not os.path.exists(public):
            self.skipTest("no public CAs here")
        for file, code, remedy in (pki().path("other"), 4, "contexts"), (public, 0, "catrust-run"):
            env = {"SSL_CERT_FILE": file, "SSL_CERT_DIR": lab.folder("none"), "CATRUST_CONTEXTS": "public"}
            with self.subTest(file):
                verdict = self.doctor(where, code=code, env=env, dirs=dirs)
                self.assertEqual(remedy, verdict["remedy"])
                self.assertEqual(self.plain(where, env, True, dirs), self.texts(verdict, True))
                if code:
                    self.assertEqual("unset CATRUST_CONTEXTS", verdict["command"])
                    self.assertFalse(verdict["ca_helps"])
                    del env["CATRUST_CONTEXTS"]
                    self.assertEqual({"3.12": None, "3.13": None}, self.plain(where, env, True, dirs))
                    self.assertEqual("catrust-run", self.doctor(where, code=0, env=env, dirs=dirs)["remedy"])

    def test_missing_intermediate_of_a_known_root(self):
        where = self.where("aia")
        env = {"SSL_CERT_FILE": pki().path("root"), "SSL_CERT_DIR": lab.folder("none")}
        verdict = self.doctor(where, "--aia-local", code=1, env=env, dirs=self.dirs)
        self.assertEqual("fetch-with-intermediate", verdict["remedy"])
        self.assertIn("does not send an intermediate", verdict["causes"][0]["cause"])
        self.assertEqual(self.plain(where, env), self.texts(verdict))
        self.fix(verdict, self.dirs, env)
        self.assertEqual({"3.12": None, "3.13": None}, self.plain(where, env, True, self.dirs))
        self.doctor(where, "--aia-local", code=0, env=env, dirs=self.dirs)

    def test_missing_intermediate_of_a_public_root(self):
        where = self.where("aia")
        env = {"SSL_CERT_FILE": pki().path("root"), "SSL_CERT_DIR": lab.folder("none")}
        public = ["--public-bundle", pki().path("root")]
        verdict = self.doctor(where, "--aia-local", *public, code=1, env=env, dirs=self.dirs)
        self.assertEqual("fetch-with-intermediate", verdict["remedy"])
        self.assertEqual(tools.fingerprint(pki().path("sub")),
                         "sha256:" + verdict["candidate"].replace(":", "").lower())
        self.fix(verdict, self.dirs, env)
        self.assertEqual({"3.12": None, "3.13": None}, self.plain(where, env, True, self.dirs))

    def test_no_relaxing_below_a_public_root(self):
        """A cause's fix does not suggest what the remedy can't do."""
        public = ["--public-bundle", pki().path("root")]
        for bundle in "root", "other":
            verdict = self.doctor(self.where("nameless-leaf sub root"), "--ca-bundle", pki().path(bundle), *public,
                                  code=4)
            self.assertIn(verdict["remedy"], ("none", "bundle"))
            fix, = [c["fix"] for c in verdict["causes"] if c["code"] == 88]
            self.assertNotIn("CATRUST_STRICT", fix)
        verdict = self.doctor(self.where("nameless-leaf sub root"), "--ca-bundle", pki().path("root"), code=1)
        self.assertIn("CATRUST_STRICT", verdict["causes"][0]["fix"])
        self.assertIn("CATRUST_STRICT=relax", verdict["command"])

    def test_a_bundle_that_lacks_a_public_root(self):
        verdict = self.doctor(self.where("leaf sub root"), "--ca-bundle", pki().path("other"),
                              "--public-bundle", pki().path("root"), code=4)
        self.assertEqual(("bundle", None), (verdict["remedy"], verdict["command"]))

    def test_a_scope_that_does_not_cover_the_server(self):
        where = self.where("leaf sub root")
        dirs = [lab.folder("scoped")]
        os.mkdir(os.path.join(dirs[0], "corp.example"))
        shutil.copy(pki().path("root"), os.path.join(dirs[0], "corp.example"))
        env = {"SSL_CERT_FILE": pki().path("other"), "SSL_CERT_DIR": lab.folder("none")}
        verdict = self.doctor(where, code=1, env=env, dirs=dirs)
        self.assertEqual(self.plain(where, env, True, dirs), self.texts(verdict, under=True))
        self.assertIn("permitted subtree violation", self.texts(verdict, under=True)["3.12"])
        self.assertEqual("fetch", verdict["remedy"])
        self.fix(verdict, dirs, env)
        self.assertEqual({"3.12": None, "3.13": None}, self.plain(where, env, True, dirs))

    def test_a_ca_that_is_in_the_trust_directory_already(self):
        dirs, env = [lab.trustdir(pki().path("root"))], {"SSL_CERT_FILE": pki().path("other"),
                                                         "SSL_CERT_DIR": lab.folder("none")}
        for stems in "leaf sub root", "leaf sub":
            out = tools.catrust("doctor", self.where(stems), dirs=dirs, env=env).out
            self.assertIn("the root CA of the server's chain is not in the system's store, but in %s" % dirs[0], out)
            self.assertNotIn("trust it", out)
            self.assertLess(out.index("it verifies with the CAs of the trust directory"), out.index("why it fails"))

    def test_names_that_the_ca_may_not_vouch_for_are_told(self):
        env = {"SSL_CERT_FILE": pki().path("other"), "SSL_CERT_DIR": lab.folder("none")}
        scoped = lab.folder("scoped")
        os.mkdir(os.path.join(scoped, "127.0.0.1"))
        shutil.copy(pki().path("root"), os.path.join(scoped, "127.0.0.1"))
        for stems, directory, text in (
                ("leaf sub root", scoped, "also names localhost, ::1, which are not in the scope of the CA (127.0.0.1): "),
                ("below-permitted permitted root", lab.trustdir(pki().path("root")),
                 "names DNS:localhost, which the name constraints of the CA O=Example, CN=Permitted CA do not permit"),
                ("below-excluded excluded root", lab.trustdir(pki().path("root")),
                 "names DNS:localhost, which the name constraints of the CA O=Example, CN=Excluded CA exclude")):
            with self.subTest(text):
                out = tools.catrust("doctor", self.where(stems), dirs=[directory], env=env).out
                self.assertIn("the server's certificate " + text, out)
                self.assertNotIn("not one that the CA is limited to", out)

    def test_strict_findings_in_a_trust_directory(self):
        where = self.where("loose-leaf loose-root")
        env = {"SSL_CERT_FILE": pki().path("other"), "SSL_CERT_DIR": lab.folder("none")}
        dirs = [lab.trustdir(pki().path("loose-root"))]
        verdict = self.doctor(where, code=4, env=env, dirs=dirs)
        self.assertEqual(("relax", "export CATRUST_STRICT=relax"),
                         (verdict["remedy"], verdict["command"]))
        self.assertEqual(self.plain(where, env, True, dirs), self.texts(verdict, under=True))
        relaxed = {**env, "CATRUST_STRICT": "relax"}
        self.assertEqual({"3.12": None, "3.13": None}, self.plain(where, relaxed, True, dirs))
        verdict = self.doctor(where, code=0, env=relaxed, dirs=dirs)
        self.assertEqual("catrust-run", verdict["remedy"])
        self.assertEqual({"3.12": None, "3.13": None}, self.texts(verdict, under=True))
        # without a trust directory, and of what the bundle alone trusts, it forgives nothing
        self.doctor(where, code=1, env=relaxed)
        relaxed["SSL_CERT_FILE"] = pki().path("loose-root")
        self.assertEqual(89, self.client(self.doctor(where, code=1, env=relaxed), "python_3_13")["catrust_run"]["code"])

    def test_a_trusted_ca_is_not_said_to_be_untrusted(self):
        """The bundle has a self-signed CN=localhost, the trusted CA no keyUsage: OpenSSL's own error is that it finds
        no issuer, and the advice to trust the CA would not help."""
        pki().make("nousage-expired", "localhost", "server", "nousage-root", -20, -10)
        env = {"SSL_CERT_FILE": pki().path("self"), "SSL_CERT_DIR": lab.folder("none")}
        dirs = [lab.trustdir(pki().path("nousage-root"))]
        for stems, codes in (("nousage-leaf nousage-root", [92]), ("nousage-leaf", [92]),
                             ("nousage-expired nousage-root", [10, 92]), ("nousage-expired", [10, 92])):
            where = self.where(stems)
            with self.subTest(stems):
                verdict = self.doctor(where, code=4, env=env, dirs=dirs)
                self.assertEqual(codes, [c["code"] for c in verdict["causes"]])
                self.assertEqual("none" if 10 in codes else "relax", verdict["remedy"])
                self.assertEqual(self.plain(where, env, True, dirs), self.texts(verdict, under=True))
                out = tools.catrust("doctor", where, env=env, dirs=dirs).out
                self.assertNotIn("not trusted here", out)
                self.assertIn("  Python 3.13 and newer, under catrust-run:\n", out)
        # without the trust directory, it is true
        self.assertEqual({19, 92}, {c["code"] for c in self.doctor(self.where("nousage-leaf nousage-root"), code=1,
                                                                   env=env)["causes"]})

    def test_pythons(self):
        """Each interpreter's own store and versions, and certifi and requests if it has them."""
        where = self.where("leaf sub root")
        for python in pythons():
            with self.subTest(python):
                verdict = self.doctor(where, "--python", python, code=1)
                self.assertEqual("%d.%d" % lab.python_version(python),
                                 verdict["python"].rsplit(".", 1)[0])
                answer, = ask(python, [{"port": int(where.split(":")[1]), "name": "127.0.0.1",
                                        "bundle": None, "ask": ["own"]}])
                clients = {c["name"]: c for c in verdict["clients"]}
                self.assertEqual(said(answer["own"]), clients["ssl"]["text"])
                for module, path in ("certifi", "certifi.where()"), ("requests", "requests.certs.where()"):
                    self.assertEqual(lab.has_module(module, python), module in clients)
                    if module in clients:
                        found = lab.run("import %s; print(%s)" % (module, path), python=python).out
                        self.assertEqual(found.strip(), clients[module]["file"])

    def test_requests(self):
        """requests has its own bundle: ssl may trust something that requests does not."""
        lab.need(modules=["requests", "certifi"])
        where = self.where("leaf sub root")
        program = """
            import sys, requests
            try:
                requests.get("https://%s/" % sys.argv[1], timeout=30)
            except Exception as e:
                print(e)
        """
        none = lab.folder("none")
        bundle, missing = pki().path("root"), os.path.join(none, "missing.pem")
        for env in ({"SSL_CERT_FILE": bundle, "SSL_CERT_DIR": none, "REQUESTS_CA_BUNDLE": pki().path("other")},
                    {"SSL_CERT_FILE": pki().path("other"), "SSL_CERT_DIR": none, "REQUESTS_CA_BUNDLE": bundle}):
            with self.subTest(env):
                verdict = self.doctor(where, "--python", lab.PYTHON, code=1, env=env)
                clients = {c["name"]: c for c in verdict["clients"]}
                self.assertEqual(env["SSL_CERT_FILE"] == bundle, clients["ssl"]["accepted"])
                self.assertEqual(env["REQUESTS_CA_BUNDLE"] == bundle, clients["requests"]["accepted"])
                said = lab.run(program, [where], env=env).out
                if clients["requests"]["accepted"]:
                    self.assertEqual("", said)
                else:
                    self.assertIn(clients["requests"]["text"], said)
        env = {"SSL_CERT_FILE": bundle, "REQUESTS_CA_BUNDLE": missing}
        verdict = self.doctor(where, "--python", lab.PYTHON, code=1, env=env)
        self.assertIn("bundle", [c["kind"] for c in verdict["causes"]])
        clients = {c["name"]: c for c in verdict["clients"]}
        self.assertEqual(lab.run(program, [where], env=env).out.strip(), clients["requests"]["text"])

    def test_names_by_requests(self):
        """urllib3 1 compares names itself, with its own messages, and urllib3 2 ignores the subject."""
        program = """
            import requests, sys
            try:
                requests.get("https://127.0.0.1:%s/" % sys.argv[1], timeout=30)
            except Exception as e:
                print(e)
        """
        env = {"REQUESTS_CA_BUNDLE": pki().path("root"), "SSL_CERT_FILE": pki().path("root")}
        asked = 0
        for python in pythons():
            if not lab.has_module("requests", python):
                continue
            for stems in "wrongname sub", "cnonly sub", "evilname sub", "leaf sub":
                asked += 1
                with self.subTest(stems, python=python):
                    where = self.where(stems)
                    result = tools.catrust("doctor", "--json", "--python", python, where, env=env)
                    verdict = json.loads(result.out)
                    client = self.client(verdict, "requests")
                    out = lab.run(program, [where.split(":")[1]], python=python, env=env).out
                    # what turns text round or is invisible reaches no terminal, in JSON either
                    self.assertNotRegex(result.out, "[\u200b-\u200f\u2028-\u202e\u2060-\u206f]")
                    if client["accepted"]:
                        self.assertEqual("", out)
                        continue
                    # within the repr() of another exception, backslashes are doubled
                    self.assertIn(client["text"].replace("\\", "\\\\"), out)
                    # and the cause says the same, of this client alone
                    causes = [c["text"] for c in verdict["causes"] if "requests" in c["clients"]]
                    self.assertTrue(any(client["text"].endswith(c) for c in causes), causes)
        if not asked:
            self.skipTest("no Python here has requests")

    # A site where every default context looks for revocation.
    REVOCATION = """
import ssl
original = ssl.create_default_context
def create_default_context(*args, **kwargs):
    context = original(*args, **kwargs)
    context.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF
    return context
ssl.create_default_context = create_default_context
"""

    def test_revocation(self):
        """If a program has switched it on: without a list, with a list that contains the certificate, and with one
        that does not."""
        site = lab.folder("site")
        lab.write(os.path.join(site, "sitecustomize.py"), self.REVOCATION)
        folder = pki().folder
        crls = {}
        for name in "empty", "full":
            if name == "full":
                lab.openssl("ca", "-config", "ca.cnf", "-cert", "root.pem", "-keyfile", "root.key", "-revoke",
                            "revoked.pem", cwd=folder)
            crls[name] = lab.openssl("ca", "-config", "ca.cnf", "-cert", "root.pem", "-keyfile", "root.key",
                                     "-gencrl", "-crldays", "30", cwd=folder)
        root = lab.read(pki().path("root"))
        bundles = {name: lab.write(os.path.join(lab.folder("crl"), "bundle.pem"), root + crl)
                   for name, crl in {"none": b"", **crls}.items()}
        where = self.where("revoked")
        for python in pythons():
            for name, code in ("none", 3), ("empty", None), ("full", 23):
                env = {"PYTHONPATH": site, "SSL_CERT_FILE": bundles[name], "SSL_CERT_DIR": lab.folder("none")}
                with self.subTest(name, python=python):
                    verdict = json.loads(tools.catrust("doctor", "--json", "--python", python, where, env=env,
                                                       dirs=[lab.folder("none")]).out)
                    answer, = ask(python, [{"port": int(where.split(":")[1]), "name": "127.0.0.1", "bundle": None,
                                            "ask": ["own"]}], env=env)
                    client = self.client(verdict, "ssl")
                    self.assertEqual((code, said(answer["own"])), (client["code"], client["text"]))
                    self.assertEqual({code} - {None}, {c["code"] for c in verdict["causes"]
                                                       if "ssl" in c["clients"]})

    def test_no_python(self):
        for what, text in (("/bin/true", "no Python"), ("/nonexistent/python3", "can't be run"),
                           ("/bin/false", "no Python")):
            result = tools.catrust("doctor", "--python", what, "localhost:1")
            self.assertEqual(2, result.code)
            self.assertIn(text, result.err)


class CommandLine(Doctor):
    def test_starttls(self):
        """The dialogue before TLS, and the suggested command, which has the same dialogue."""
        server = self.server("leaf sub root".split())
        script = scripted(SCRIPTS["smtp"], server.context)
        with tools.tcp_server(script) as port:
            where = "smtp://127.0.0.1:%d" % port
            verdict = self.doctor(where, "--ca-bundle", pki().path("other"), code=1)
            self.assertEqual(("smtp", "catrust fetch " + where), (verdict["starttls"], verdict["command"]))
            self.assertIn("self-signed", self.texts(verdict)["3.12"])
            dirs = [os.path.join(lab.folder("starttls"), "ca.d")]
            self.fix(verdict, dirs)
            verdict = self.doctor(where, "--ca-bundle", pki().path("other"), code=0, dirs=dirs)
            self.assertEqual("catrust-run", verdict["remedy"])

    def test_proxy(self):
        """A connection through a proxy, which the suggested command names, too."""
        server = self.server("leaf sub root".split())
        seen = []

        def proxy(connection, stop):
            request = b""
            while b"\r\n\r\n" not in request:
                more = connection.recv(1000)
                if not more:
                    return
                request += more
            seen.append(request.split(b"\r\n")[0])
            with socket.create_connection(("127.0.0.1", server.port), 20) as other:
                connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
                thread = threading.Thread(target=relay, args=(other, connection), daemon=True)
                thread.start()
                relay(connection, other)
                thread.join(20)

        with tools.tcp_server(proxy) as port:
            verdict = self.doctor("proxied.example", "--servername", "localhost", "--proxy",
                                  "http://127.0.0.1:%d" % port, "--ca-bundle", pki().path("other"), code=1)
        self.assertEqual({b"CONNECT proxied.example:443 HTTP/1.1"}, set(seen))
        self.assertEqual("catrust fetch --proxy http://127.0.0.1:%d --servername localhost proxied.example"
                         % port, verdict["command"])

    def test_the_command_is_quoted(self):
        """The user's arguments are repeated as the same words, whatever the shell would do with them."""
        server = self.server("leaf sub root".split())
        cert = os.path.join(lab.folder("with space"), "it's; $(touch x).pem")
        shutil.copy(pki().path("clientleaf"), cert)
        shutil.copy(pki().path("clientleaf", ".key"), cert + ".key")
        args = ["--servername", "localhost", "--cert", cert, "--key", cert + ".key", "--proxy", "",
                "--timeout", "20", "--starttls", "none", "--no-aia"]
        verdict = self.doctor("https://127.0.0.1:%d/" % server.port, "--ca-bundle", pki().path("other"),
                              *args, code=1)
        out = lab.run(["sh", "-c", "catrust() { printf '%s\\0' \"$@\"; }; " + verdict["command"]]).out
        words = out.split("\0")[:-1]
        self.assertEqual(["fetch", "https://127.0.0.1:%d/" % server.port], [words[0], words[-1]])
        given = dict(zip(words[1:-2:2], words[2:-2:2]))
        self.assertEqual({"--servername": "localhost", "--cert": cert, "--key": cert + ".key",
                          "--proxy": "", "--timeout": "20.000", "--starttls": "none"}, given)
        self.assertEqual("--no-aia", words[-2])

    def test_for_people(self):
        where = "127.0.0.1:%d" % self.server("wrongname sub root".split()).port
        result = tools.catrust("doctor", "--ca-bundle", pki().path("other"), "--servername", "localhost", where,
                               dirs=[lab.folder("none")])
        self.assertEqual(4, result.code)
        for text in ("Python up to 3.12", "Python 3.13 and newer", "its names: elsewhere.example",
                     "192.0.2.1", "Hostname mismatch, certificate is not valid for 'localhost'.",
                     "ssl.SSLCertVerificationError: [SSL: CERTIFICATE_VERIFY_FAILED] certificate verify "
                     "failed: self-signed certificate in certificate chain", "adding the CA is not enough\n"):
            self.assertIn(text, result.out)
        self.assertIn("sent 3 certificates", result.err)

    def test_usage(self):
        for args in ([], ["a", "b"], ["--key", "x", "localhost"], ["--no-such", "x"], ["bad host"],
                     ["--cert", "/nonexistent", "localhost"]):
            self.assertEqual(2, tools.catrust("doctor", *args).code, args)


if __name__ == "__main__":
    lab.main()
