# SPDX-License-Identifier: Apache-2.0
"""What the tests of the tools need beside lab: odd certificates, terminals, and the tools themselves."""

import contextlib
import errno
import fcntl
import functools
import shutil
import hashlib
import os
import re
import select
import signal
import socket
import ssl
import struct
import subprocess
import termios
import threading
import time
import unicodedata
import unittest

from lab import lab

SECTIONS = """
[pseudo]
basicConstraints = critical,CA:FALSE
subjectKeyIdentifier = hash
[loose]
basicConstraints = CA:TRUE
subjectKeyIdentifier = hash
[bare]
basicConstraints = critical,CA:TRUE
subjectKeyIdentifier = none
[leaf]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid:always
[ownca]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,digitalSignature
subjectKeyIdentifier = hash
subjectAltName = DNS:localhost,IP:127.0.0.1
"""

# A name that clears the screen, sets the title, rings, starts a new line, reverses the text, and
# starts what looks like PEM.
EVIL = "Evil\x1b[2J\x1b]0;owned\x07\nSHA-256  00\u009b2J\u202eCA -----BEGIN CERTIFICATE-----"

# file stem, common name, extensions, issuer, days until it starts, until it ends
CERTIFICATES = [
    ("renamed-root", "Example Corp Root CA", "root", None, -1, 100),
    ("renamed-server", "localhost", "server", "renamed-root", -1, 90),
    ("expired-root", "Expired Root CA", "root", None, -30, -1),
    ("expired-root-server", "localhost", "server", "expired-root", -1, 90),
    ("soon-root", "Soon Expired Root CA", "root", None, -30, 10),
    ("pseudo", "Pseudo CA", "pseudo", None, -1, 100),
    ("pseudo-server", "localhost", "server", "pseudo", -1, 90),
    ("loose-root", "Loose Root CA", "loose", None, -1, 100),
    ("loose-server", "localhost", "server", "loose-root", -1, 90),
    ("evil-root", EVIL, "root", None, -1, 100),
    ("evil-server", "localhost", "server", "evil-root", -1, 90),
    ("wide-root", "社内認証局", "root", None, -1, 100),
    ("future-root", "Future Root CA", "root", None, 10, 100),
    ("bare-root", "Bare Root CA", "bare", None, -1, 100),
    ("leaf", "leaf", "leaf", "renamed-root", -1, 90),
    ("own", "localhost", "ownca", None, -1, 90),
]


def tool(name):
    """The path of catrust or catrust-run in the build folder."""
    build = os.environ.get("CATRUST_BUILD")
    if not build:
        raise RuntimeError("CATRUST_BUILD is not set: it names the build folder")
    return os.path.join(os.path.abspath(build), "tools", name)


@functools.lru_cache(maxsize=None)
def certificates():
    folder = lab.folder("tool-pki")
    lab.prepare_ca(folder)
    with open(os.path.join(folder, "ca.cnf"), "a") as config:
        config.write(SECTIONS)
    for row in CERTIFICATES:
        lab.make_certificate(folder, *row)
    odd_certificates(folder)
    return folder


def odd_certificates(folder):
    """Makes weak certificates, and two with the same key."""
    lab.openssl("genrsa", "-out", "weak-root.key", "1024", cwd=folder)
    lab.make_certificate(folder, "weak-root", "Weak Root CA", "root", None, -1, 100, key="weak-root.key")
    lab.make_certificate(folder, "rekeyed-root", "Old Name Root CA", "root", None, -1, 100, key="renamed-root.key")
    shutil.copy(os.path.join(folder, "ca.cnf"), os.path.join(folder, "kept.cnf"))
    with open(os.path.join(folder, "ca.cnf"), "r+") as config:
        text = config.read().replace("default_md = sha256", "default_md = sha1")
        config.seek(0)
        config.write(text)
        config.truncate()
    lab.make_certificate(folder, "sha1-sub", "SHA-1 Issuing CA", "sub", "renamed-root", -1, 90)
    os.replace(os.path.join(folder, "kept.cnf"), os.path.join(folder, "ca.cnf"))


def make(extensions, name="localhost", issuer=None):
    """The path of a new certificate with these lines of extensions. Its key is beside it. issuer: the path of
    another certificate made here, or None if it is self-signed."""
    folder = os.path.dirname(issuer) if issuer else lab.folder("made")
    if not issuer:
        lab.prepare_ca(folder)
    stem = "c%d" % len(os.listdir(folder))
    with open(os.path.join(folder, "ca.cnf"), "a") as config:
        config.write("[%s]\n%s\n" % (stem, extensions))
    lab.make_certificate(folder, stem, name, stem,
                         os.path.basename(issuer)[:-len(".pem")] if issuer else None, -1, 90)
    return os.path.join(folder, stem + ".pem")


def cert(stem):
    """The path of a certificate made here."""
    return os.path.join(certificates(), stem + ".pem")


def joined(*paths):
    """A new file with the certificates of paths, in this order."""
    return lab.write(os.path.join(lab.folder("joined"), "chain.pem"), b"".join(map(lab.read, paths)))


def fingerprint(path):
    """sha256:HEX of the first certificate in a PEM file."""
    text = lab.read(path).decode()
    pem = text[text.index("-----BEGIN CERTIFICATE-----\n"):]
    pem = pem[:pem.index("-----END CERTIFICATE-----") + 25]
    return "sha256:" + hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest()


def colons(fingerprint):
    """The fingerprint as the tool prints it, AB:CD:..."""
    return ":".join(re.findall("..", fingerprint.replace("sha256:", "").upper()))


def columns(text):
    """How many columns of a terminal text takes."""
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


@functools.lru_cache(maxsize=None)
def readable_catrust():
    """A copy of catrust for other users, who may not be able to read the build folder."""
    return shutil.copy(tool("catrust"), lab.folder("tool"))


def catrust(*args, dirs=None, env=None, user=None, **options):
    """Runs catrust without a terminal; see lab.run."""
    program = tool("catrust") if user is None else readable_catrust()
    return lab.run([program, *args], dirs=dirs, env=env, user=user, **options)


def server_of(stem, *above, key=None, **options):
    """A server with a certificate made here (a stem or a path). It also sends the certificates of the paths above."""
    path = stem if os.path.isabs(stem) else cert(stem)
    return lab.server(joined(path, *above), key=key or path[:-len(".pem")] + ".key", **options)


@functools.lru_cache(maxsize=None)
def namespace():
    """argv that starts a command in a mount namespace of its own."""
    for argv in ["unshare", "-m"], ["unshare", "-r", "-m"]:
        try:
            done = lab.run([*argv, "sh", "-c", "mount -t tmpfs -o size=64k none /mnt"])
        except OSError:
            continue
        if done.code == 0:
            return argv
    raise unittest.SkipTest("no mount namespace to be had")


class Terminal:
    """A process on a terminal of its own, and what it has written there."""

    def __init__(self, argv, env, stderr_too=True, columns=0):
        self.master, slave = os.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))

        def take_terminal():
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)

        self.process = subprocess.Popen(argv, env=env, cwd=lab.scratch(), stdin=slave,
                                        stdout=subprocess.PIPE,
                                        stderr=slave if stderr_too else subprocess.PIPE,
                                        start_new_session=True, preexec_fn=take_terminal)
        os.close(slave)
        self.seen = ""

    def __enter__(self):
        return self

    def __exit__(self, *what):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.communicate()
        os.close(self.master)

    def _read(self, wait):
        if not select.select([self.master], [], [], wait)[0]:
            return False
        try:
            data = os.read(self.master, 65536)
        except OSError:  # EIO: the other end is closed
            return False
        self.seen += data.decode(errors="surrogateescape")
        return bool(data)

    def wait_for(self, text, timeout=20):
        end = time.monotonic() + timeout
        while text not in self.seen:
            if time.monotonic() > end or (not self._read(0.1) and self.process.poll() is not None):
                raise AssertionError("%r did not come: %r" % (text, self.seen))

    def type(self, text):
        os.write(self.master, text.encode())

    def end(self, timeout=20):
        """Waits for the end of the process, and returns the exit status."""
        end = time.monotonic() + timeout
        while self.process.poll() is None:
            self._read(0.05)
            if time.monotonic() > end:
                raise AssertionError("no end: %r" % self.seen)
        while self._read(0):
            pass
        return self.process.returncode


@contextlib.contextmanager
def both_loopbacks(certificate):
    """A server on 127.0.0.1 and, if there is IPv6, on the same port of ::1. localhost may be either of them, and
    some proxies try only one."""
    for _ in range(20):
        with lab.server(certificate) as first, contextlib.ExitStack() as stack:
            try:
                stack.enter_context(lab.server(certificate, host="::1", port=first.port))
            except OSError as e:
                if e.errno == errno.EADDRINUSE:
                    continue
            yield first
            return
    raise RuntimeError("no port is free on both loopback addresses")


def listen(backlog):
    """Sockets on one port of both loopback addresses."""
    for _ in range(20):
        first, second = socket.socket(), socket.socket(socket.AF_INET6)
        first.bind(("127.0.0.1", 0))
        try:
            second.bind(("::1", first.getsockname()[1]))
        except OSError as e:
            second.close()
            if e.errno == errno.EADDRINUSE:
                first.close()
                continue
            second = None
        listeners = [s for s in (first, second) if s]
        for s in listeners:
            s.listen(backlog)
        return listeners
    raise RuntimeError("no port is free on both loopback addresses")


@contextlib.contextmanager
def tcp_server(behave, backlog=16):
    """A TCP server on loopback whose connections are handled by behave(socket). Yields its port."""
    stop = threading.Event()
    with contextlib.ExitStack() as stack:
        listeners = [stack.enter_context(s) for s in listen(backlog)]

        def serve():
            while not stop.is_set():
                ready = select.select(listeners, [], [], 0.1)[0]
                try:
                    connection, _ = ready[0].accept() if ready else (None, None)
                except OSError:
                    continue
                if connection is None:
                    continue
                with connection, contextlib.suppress(OSError):
                    behave(connection, stop)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield listeners[0].getsockname()[1]
        finally:
            stop.set()
            thread.join()
