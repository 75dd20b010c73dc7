# SPDX-License-Identifier: Apache-2.0
"""Certificates with exactly the names and extensions that a test of the policy wants, and handshakes in memory."""

import functools
import json
import os

from lab import lab

ROOT = """
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
"""
LEAF = """
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = serverAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
"""


@functools.lru_cache(maxsize=None)
def openssl_version():
    """The major version of the openssl program."""
    return int(lab.openssl("version").split()[1].split(b".")[0])


def element(tag, content):
    """DER."""
    length = len(content)
    size = bytes([length]) if length < 128 else \
        bytes([0x80 | (length.bit_length() + 7) // 8]) + length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes([tag]) + size + content


def elements(data):
    """The elements that follow one another in data: (all of it, its content) each."""
    found = []
    while data:
        start, length = 2, data[1]
        if length & 0x80:
            start += length & 0x7f
            length = int.from_bytes(data[2:start], "big")
        found.append((data[:start + length], data[start:start + length]))
        data = data[start + length:]
    return found


class Pki:
    """A folder of certificates. Methods that make a certificate return its stem, which can name the issuer of another.

    without: usual extensions to leave out. more: lines to add; a line replaces the usual one for its extension."""

    def __init__(self):
        self.folder = lab.folder("pki")
        lab.prepare_ca(self.folder)
        self.issuers = {}
        self.bare = set()  # CAs without a key identifier, so their certificates can't refer to one

    def make(self, stem, cn, extensions, issuer=None, days=(-1, 90), key=None):
        lab.write(self.path("ca.cnf"), lab.CONFIG + "[one]\n" + extensions)
        lab.make_certificate(self.folder, stem, cn, "one", issuer, *days, key=key and key + ".key")
        if key:
            lab.write(self.path(stem + ".key"), lab.read(self.path(key + ".key")))
        self.issuers[stem] = issuer
        return stem

    def ca(self, stem, issuer=None, cn=None, without=(), more="", **options):
        if "subjectKeyIdentifier" in without:
            self.bare.add(stem)
        if issuer in self.bare:
            without = [*without, "authorityKeyIdentifier"]
        return self.make(stem, cn or "CA " + stem, self.extensions(ROOT, without, more), issuer, **options)

    def leaf(self, stem, issuer, *names, cn="a leaf", without=(), more="", **options):
        """names: "DNS:..." and the like. Without names, there is no subjectAltName. The default cn names no server."""
        if names:
            more = "subjectAltName = %s\n%s" % (",".join(names), more)
        if issuer in self.bare:
            without = [*without, "authorityKeyIdentifier"]
        return self.make(stem, cn, self.extensions(LEAF, without, more), issuer, **options)

    def odd(self, stem, issuer, extensions, subject="/O=Example/CN=odd", change=None):
        """A certificate that openssl ca can't make: with an empty subject, version 1 with extensions... change: a
        function that changes the DER of the signed part; the certificate is then signed again."""
        key, request = self.path(stem + ".key"), self.path(stem + ".csr")
        lab.openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", key)
        lab.write(self.path("odd.cnf"), lab.CONFIG + "[one]\n" + extensions)
        lab.openssl("req", "-new", "-config", self.path("odd.cnf"), "-key", key, "-out", request, "-subj", subject)
        signer = ["-signkey", key] if issuer is None else ["-CA", self.cert(issuer), "-CAkey",
                                                             self.path(issuer + ".key")]
        lab.openssl("x509", "-req", "-in", request, *signer, "-days", "90", "-sha256", "-set_serial", "77",
                    *(["-extfile", self.path("odd.cnf"), "-extensions", "one"] if extensions else []),
                    "-out", self.cert(stem))
        if change:
            der = change(elements(elements(lab.openssl("x509", "-in", self.cert(stem), "-outform", "DER"))[0][1])[0])
            signature = lab.openssl("dgst", "-sha256", "-sign", self.path((issuer or stem) + ".key"), data=der)
            algorithm = bytes.fromhex("300a06082a8648ce3d040302")  # ecdsa-with-SHA256
            lab.write(self.cert(stem), lab.openssl(
                "x509", "-inform", "DER", data=element(0x30, der + algorithm + element(3, b"\0" + signature))))
        self.issuers[stem] = issuer
        return stem

    @staticmethod
    def extensions(usual, without, more):
        replaced = [line.split("=")[0].strip() for line in more.splitlines()]
        lines = [line for line in usual.splitlines() if line.split("=")[0].strip() not in [*without, *replaced]]
        if openssl_version() >= 3:
            # OpenSSL 3 adds key identifiers by itself, unless they are none.
            lines += [name + " = none" for name in without if name.endswith("KeyIdentifier") and name not in replaced]
        return "\n".join([*lines, more, ""])

    def path(self, name):
        return os.path.join(self.folder, name)

    def pem(self, *stems):
        return b"".join(lab.read(self.path(stem + ".pem")) for stem in stems)

    def cert(self, stem):
        return self.path(stem + ".pem")

    def chain(self, leaf, *others):
        """A file with the key, the leaf, and what else the server sends (default: all issuers except the root)."""
        if not others:
            issuer = self.issuers[leaf]
            while issuer is not None and self.issuers[issuer] is not None:
                others += (issuer,)
                issuer = self.issuers[issuer]
        path = self.path("chain-%s.pem" % "-".join([leaf, *others]))
        if not os.path.exists(path):
            lab.write(path, lab.read(self.path(leaf + ".key")) + self.pem(leaf, *others))
        return path

    def alone(self, leaf):
        """A file with the key and the leaf only."""
        return lab.write(self.path("alone-%s.pem" % leaf), lab.read(self.path(leaf + ".key")) + self.pem(leaf))

    def trustdir(self, layout, path=None):
        """A trust directory. layout: {folder of a scope, or "" for the top: [stems]}."""
        path = path or lab.folder("ca.d")
        for scope, stems in layout.items():
            os.makedirs(os.path.join(path, scope), exist_ok=True)
            for stem in stems:
                lab.write(os.path.join(path, scope, stem + ".pem"), self.pem(stem))
        return path


# Both ends of a handshake are in one process, without a socket. So hundreds of them run in a second.
SHAKE = lab.PRELUDE + r"""
import threading, time
servers = {}

def server_context(chain, version=None):
    if (chain, version) not in servers:
        c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        c.load_cert_chain(chain)
        if version:
            c.minimum_version = c.maximum_version = version
        servers[chain, version] = c
    return servers[chain, version]

def shake(c, chain, name, session=None, version=None, keep=None):
    "ok, or the code of the verification's failure, or the text of another one."
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    try:
        client = c.wrap_bio(down, up, server_hostname=name, session=session)
    except ssl.SSLError:
        return "not a host name"
    server = server_context(chain, version).wrap_bio(up, down, server_side=True)
    done = [False, False]
    for _ in range(12):
        for i, end in enumerate((client, server)):
            try:
                if not done[i]:
                    end.do_handshake()
                    done[i] = True
            except ssl.SSLWantReadError:
                pass
            except ssl.SSLError as e:
                return getattr(e, "verify_code", None) or str(e)
        if all(done):
            break
    server.write(b"x")  # after it come the session tickets of TLS 1.3
    assert client.read(1) == b"x"
    if keep is not None:
        keep.append((client.session, client.session_reused))
    return "ok"

def load(c, how, path):
    "The program's own trust: a file, the same as data, or a folder."
    if how == "cafile":
        c.load_verify_locations(path)
    elif how == "str":
        c.load_verify_locations(cadata=open(path).read())
    elif how == "bytes":
        c.load_verify_locations(cadata=ssl.PEM_cert_to_DER_cert(open(path).read()))
    elif how == "capath":
        c.load_verify_locations(capath=path)
    return c

def unnamed(c):
    "For certificates whose names are no part of the test, or that only have a CN."
    c.check_hostname = False
    return c
"""

KINDS = ["client", "generic", "default"]


class Case(lab.Case):
    """Handshakes under the shim, many in a process."""

    def value(self, program, args=(), shim=True, dirs=None, lines=(), **options):
        """The JSON that the program prints. Checks that stderr is one line from the shim for each pattern of lines."""
        result = lab.run(SHAKE + program, [json.dumps(args)], shim=shim, dirs=dirs, **options)
        self.assertEqual(0, result.code, result)
        if lines is not None:
            self.lines(result.err, lines)
        return json.loads(result.out)

    def shakes(self, wanted, dirs, kinds=KINDS, env=None, setup="", lines=(), python=None):
        """Checks handshakes. wanted: (chain, name, result, or a list of allowed results) for each. Each one has a new
        context of each kind, on which setup was run; it is called c there."""
        for kind in kinds:
            got = self.value(r"""
A = json.loads(sys.argv[1])
results = []
for chain, name in A["pairs"]:
    c = context(A["kind"])()
    if name is None:
        unnamed(c)
    exec(A["setup"])
    results.append(shake(c, chain, name))
print(json.dumps(results))
""", {"kind": kind, "pairs": [(chain, name) for chain, name, _ in wanted], "setup": setup}, dirs=dirs, env=env,
                             lines=lines, python=python)
            for (chain, name, result), there in zip(wanted, got):
                with self.subTest(kind=kind, chain=os.path.basename(chain), name=name):
                    self.assertIn(there, result if isinstance(result, tuple) else (result,))
