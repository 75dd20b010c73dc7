# SPDX-License-Identifier: Apache-2.0
"""catrust fetch with real TLS servers: what it saves, and what it refuses."""

import json
import os
import re
import shutil
import signal
import socket
import ssl
import stat
import subprocess
import textwrap
import time
import unittest

from lab import lab, tools


ROOT = """basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
"""

# What openssl req -x509 makes: a server's own certificate that is a CA at once.
OWN_CA = """basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,digitalSignature
subjectKeyIdentifier = hash
"""

LEAF = """basicConstraints = critical,CA:FALSE
subjectKeyIdentifier = hash
"""

BELOW = LEAF + "authorityKeyIdentifier = keyid:always\n"


def names(*san):
    return "subjectAltName = %s\n" % ",".join(san)


def listing(path):
    """Everything in a directory, including hidden files; None if there is no directory."""
    return sorted(os.listdir(path)) if os.path.isdir(path) else None


class Case(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.dir = os.path.join(lab.folder("fetch"), "ca.d")
        self.root = tools.fingerprint(lab.cert("corp-root.pem"))
        self.sub = tools.fingerprint(lab.cert("corp-sub.pem"))

    def fetch(self, *args, code, dirs=None, **options):
        args = [a.url if isinstance(a, lab.Server) else a for a in args]
        result = tools.catrust("fetch", *args, dirs=dirs or [self.dir], **options)
        self.assertEqual(result.code, code, result.err + result.out)
        if code != 0:
            self.assertNotEqual(result.err, "")
        return result

    def assert_nothing_saved(self):
        self.assertIn(listing(self.dir), (None, []))

    def refused(self, *args, text, code=1, **options):
        """The command fails, prints text, and leaves nothing behind."""
        result = self.fetch(*args, code=code, **options)
        self.assertIn(text, result.err)
        self.assertEqual(result.out, "")
        self.assert_nothing_saved()
        return result


class Chains(Case):
    """Which certificate of which chain is saved."""

    def saved(self, result, stem):
        """The only file in the directory contains the certificate stem, and stdout names it."""
        files = listing(self.dir)
        self.assertEqual(len(files), 1, files)
        path = os.path.join(self.dir, files[0])
        self.assertEqual(result.out, path + "\n")
        self.assertEqual(tools.fingerprint(path), tools.fingerprint(stem))
        return path

    def test_root_sent(self):
        with lab.server("server-full") as srv:
            result = self.fetch(srv, "--fingerprint", self.root, code=0)
        path = self.saved(result, lab.cert("corp-root.pem"))
        self.assertEqual(os.path.basename(path),
                         "example-corp-root-ca-%s.pem" % self.root[7:15])
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o644)
        self.assertEqual(stat.S_IMODE(os.stat(self.dir).st_mode), 0o755)
        head = lab.read(path).decode().split("-----BEGIN")[0]
        self.assertRegex(head, r"(?m)^# Subject: +O=Example, CN=Example Corp Root CA$")
        self.assertIn(tools.colons(self.root), head)
        self.assertRegex(head, r"(?m)^# Source: +sent by 127\.0\.0\.1:%d$" % srv.port)
        self.assertRegex(head, r"(?m)^# Saved: +20\d\d-\d\d-\d\d \d\d:\d\d UTC")
        self.assertRegex(head, r"(?m)^# Confirmed: +by its fingerprint")
        # the whole chain was shown, with what it takes to compare
        for stem in "server", "corp-sub", "corp-root":
            self.assertIn(tools.colons(tools.fingerprint(lab.cert(stem + ".pem"))), result.err)
        self.assertIn("EC P-256", result.err)
        self.assertIn("the root of this chain, as the server sent it", result.err)

    def test_openssl_takes_what_is_saved(self):
        with lab.server("server-full") as srv:
            path = self.fetch(srv, "--fingerprint", self.root, code=0).out.strip()
        lab.openssl("verify", "-CAfile", path, "-untrusted", lab.cert("corp-sub.pem"),
                    lab.cert("server.pem"))

    def test_s_server(self):
        with lab.s_server("server-full") as srv:
            result = self.fetch("localhost:%d" % srv.port, "--fingerprint", self.root, code=0)
        self.saved(result, lab.cert("corp-root.pem"))

    def test_root_not_sent(self):
        with lab.server("server-chain") as srv:
            result = self.fetch(srv, "--fingerprint", self.sub, code=0)
            self.assertIn("an intermediate CA", self.fetch(srv, "--fingerprint", self.sub, code=0).err)
        self.saved(result, lab.cert("corp-sub.pem"))
        self.assertIn("accepted by Python up to 3.12 as well as 3.13 and newer", result.err)

    def test_root_from_the_users_own_file(self):
        with lab.server("server-chain") as srv:
            result = self.fetch(srv, "--fingerprint", self.root, code=0,
                                env={"SSL_CERT_FILE": lab.cert("corp-root.pem")})
        path = self.saved(result, lab.cert("corp-root.pem"))
        self.assertIn("not sent, but known on this machine", result.err)
        # the user chose that file himself: no administrator stands behind it
        self.assertIn("from the file that SSL_CERT_FILE names", result.err)
        self.assertNotIn("administrator", result.err)
        self.assertRegex(lab.read(path).decode(), r"(?m)^# Source: +known on this machine, for 127\.0\.0\.1:")

    def test_root_from_the_system_store(self):
        """In a mount namespace with a system store that has the root."""
        script = """
            mount -t tmpfs none /etc/ssl/certs && cat "$1" > /etc/ssl/certs/ca-certificates.crt
            shift
            exec "$@"
        """
        with lab.server("server-chain") as srv:
            result = lab.run([*tools.namespace(), "sh", "-ec", script, "sh", lab.cert("corp-root.pem"),
                              tools.tool("catrust"), "fetch", srv.url, "--fingerprint", self.root, "--public-bundle",
                              lab.cert("other-root.pem")], dirs=[self.dir])
            self.assertEqual(0, result.code, result.err)
        path = self.saved(result, lab.cert("corp-root.pem"))
        self.assertIn("which is in this machine's system store", result.err)
        self.assertRegex(lab.read(path).decode(), r"(?m)^# Source: +system store, for 127\.0\.0\.1:")

    def test_no_list_of_public_cas(self):
        """Then it is unknown whether a CA is publicly trusted, and fetch says so."""
        words = "no list of the public CAs can be read here"
        empty = lab.write(os.path.join(lab.folder(), "empty.pem"), "")
        with lab.server("server-full") as srv:
            self.assertIn(words, self.fetch(srv, "--public-bundle", empty, code=1).err)
            self.assertNotIn(words, self.fetch(srv, "--public-bundle", lab.cert("other-root.pem"), code=1).err)
            self.assertIn(words, tools.catrust("doctor", "--public-bundle", empty, srv.url).err)
        self.assertIn(words, tools.catrust("add", "--public-bundle", empty, lab.cert("corp-root.pem"),
                                           dirs=[self.dir]).err)

    def test_root_saved_before_but_not_sent(self):
        there = lab.trustdir("corp-root.pem")
        with lab.server("server-chain") as srv:
            result = self.fetch(srv, code=0, dirs=[there])
            command = re.search(r"(?m)^if the connection still fails: catrust (.*)$", result.err).group(1)
            self.assertEqual(["doctor", "127.0.0.1:%d" % srv.port], command.split())
            self.assertEqual(0, tools.catrust(*command.split(), dirs=[there]).code)
        self.assertIn("trusted already", result.err)
        self.assertEqual(result.out, os.path.join(there, "corp-root.pem") + "\n")

    def test_root_saved_before_for_other_names_is_not_said_to_be_from_ssl_cert_file(self):
        os.makedirs(os.path.join(self.dir, "other.example"), exist_ok=True)
        shutil.copy(lab.cert("corp-root.pem"), os.path.join(self.dir, "other.example"))
        with lab.server("server-chain") as srv:
            result = self.fetch(srv, "--fingerprint", self.root, code=0)
        text = " ".join(result.err.split())
        self.assertIn("the root of this chain, which is saved here already, for other names", text)
        self.assertNotIn("SSL_CERT_FILE", text)

    def test_fingerprint_of_the_intermediate(self):
        with lab.server("server-full") as srv:
            result = self.fetch(srv, "--fingerprint", self.sub, code=0)
        self.saved(result, lab.cert("corp-sub.pem"))

    def test_leaf_alone(self):
        with lab.server("server") as srv:
            self.refused(srv, text="sent no CA")

    def test_self_signed_leaf(self):
        with lab.server("selfsigned") as srv:
            self.refused(srv, text="self-signed and is not a CA")
            self.refused(srv, "--fingerprint", tools.fingerprint(lab.cert("selfsigned.pem")),
                         text="--pin trusts this one for this server only")

    def test_own_certificate_that_is_a_ca(self):
        """A server's own certificate is never an anchor for everything, even if the user wants it."""
        own = tools.fingerprint(tools.cert("own"))
        with tools.server_of("own") as srv:
            for args in ([], ["--fingerprint", own], ["--stdout", "--fingerprint", own]):
                self.refused(srv, *args, text="--pin trusts it for this server only")

    def test_a_server_certificate_that_is_a_ca_below_another(self):
        leaf = tools.make(OWN_CA + "subjectAltName = DNS:localhost,IP:127.0.0.1\n"
                          "authorityKeyIdentifier = keyid:always\n", issuer=tools.make(ROOT, "Root"))
        with tools.server_of(leaf) as srv:
            self.refused(srv, "--fingerprint", tools.fingerprint(leaf), text="trust its CA instead")

    def test_pseudo_ca(self):
        with tools.server_of("pseudo-server", tools.cert("pseudo")) as srv:
            self.refused(srv, "--fingerprint", tools.fingerprint(tools.cert("pseudo")),
                         text="CA:FALSE")

    def test_expired_root(self):
        with tools.server_of("expired-root-server", tools.cert("expired-root")) as srv:
            self.refused(srv, "--fingerprint", tools.fingerprint(tools.cert("expired-root")),
                         text="refused: it has expired")

    def test_expired_server_certificate(self):
        with lab.server(tools.joined(lab.cert("expired.pem"), lab.cert("corp-root.pem")),
                        key=lab.cert("expired.key")) as srv:
            result = self.refused(srv, "--fingerprint", self.root, text="would not help")
        self.assertIn("certificate has expired (the server's own certificate)", result.err)

    def test_strict_findings(self):
        with tools.server_of("loose-server", tools.cert("loose-root")) as srv:
            result = self.fetch(srv, "--fingerprint", tools.fingerprint(tools.cert("loose-root")), code=0)
        self.saved(result, tools.cert("loose-root"))
        self.assertIn("accepted by Python up to 3.12", result.err)
        self.assertRegex(result.err, "still refused by Python 3.13 and newer: .+ "
                                     r"\(a CA of the chain\)")

    def test_wrong_name(self):
        with lab.server(tools.joined(lab.cert("wrongname.pem"), lab.cert("corp-root.pem")),
                        key=lab.cert("wrongname.key")) as srv:
            result = self.refused(srv, "--fingerprint", self.root, text="would not help")
            self.assertIn("mismatch", result.err)
            result = self.fetch(srv, "--fingerprint", self.root, "--servername", "elsewhere.example",
                                code=0)
        self.saved(result, lab.cert("corp-root.pem"))

    def test_publicly_trusted(self):
        bundle = tools.joined(tools.cert("loose-root"), lab.cert("corp-root.pem"))
        with lab.server("server-full") as srv:
            self.refused(srv, "--fingerprint", self.root, "--public-bundle", bundle,
                         text="publicly trusted already")
            self.refused(srv, "--public-bundle", bundle + ".missing", text="No such file", code=2)

    def test_a_long_chain_is_cut(self):
        chain = tools.joined(lab.cert("server.pem"), *[lab.cert("corp-sub.pem")] * 40)
        with lab.server(chain, key=lab.cert("server.key")) as srv:
            result = self.fetch(srv, "--fingerprint", self.sub, code=0)
        self.assertIn("more than 32 certificates", result.err)

    def test_an_unrelated_certificate_in_the_chain(self):
        chain = tools.joined(lab.cert("server.pem"), lab.cert("other-root.pem"),
                             lab.cert("corp-root.pem"), lab.cert("corp-sub.pem"))
        with lab.server(chain, key=lab.cert("server.key")) as srv:
            result = self.fetch(srv, "--fingerprint", self.root, code=0)
        self.assertIn("sent, but not part of the chain", result.err)
        self.saved(result, lab.cert("corp-root.pem"))

    def test_client_certificate_wanted(self):
        # TLS 1.2: the server breaks off in the middle of the handshake
        with lab.server("server-full", client_ca="client-root.pem",
                        maximum=ssl.TLSVersion.TLSv1_2) as srv:
            result = self.fetch(srv, "--fingerprint", self.root, code=0)
        self.assertIn("may want a client certificate", result.err)
        self.saved(result, lab.cert("corp-root.pem"))

    def test_changed_ca(self):
        there = lab.trustdir("corp-root.pem")
        with tools.server_of("renamed-server", tools.cert("renamed-root")) as srv:
            result = self.fetch(srv, code=1, dirs=[there])
            self.assertIn("THE CA HAS CHANGED", result.err)
            self.assertEqual(listing(there), ["corp-root.pem"])
            result = self.fetch(srv, "--fingerprint", tools.fingerprint(tools.cert("renamed-root")),
                                code=0, dirs=[there])
        self.assertIn("THE CA HAS CHANGED", result.err)
        self.assertEqual(len(listing(there)), 2)

    def test_second_run(self):
        with lab.server("server-full") as srv:
            first = self.fetch(srv, "--fingerprint", self.root, code=0)
            before = os.stat(first.out.strip())
            for args in ((), ("--fingerprint", self.root)):
                again = self.fetch(srv, *args, code=0)
                self.assertIn("trusted already", again.err)
                self.assertEqual(again.out, first.out)
            self.assertEqual(os.stat(first.out.strip()).st_mtime_ns, before.st_mtime_ns)
            # what the user says of the fingerprint outweighs what is there
            self.fetch(srv, "--fingerprint", "0" * 64, code=1)

    def test_stdout(self):
        with lab.server("server-full") as srv:
            result = self.fetch(srv, "--stdout", "--fingerprint", self.root, code=0)
            refused = self.fetch(srv, "--stdout", code=1)
        self.assertEqual(refused.out, "")
        self.assert_nothing_saved()
        path = lab.write(os.path.join(lab.folder("out"), "x.pem"), result.out)
        self.assertEqual(tools.fingerprint(path), self.root)


class Confirmation(Case):
    """Nothing is saved without confirmation."""

    def test_no_terminal(self):
        with lab.server("server-full") as srv:
            self.refused(srv, text="--fingerprint sha256:HEX is needed")
            self.refused(srv, text="--fingerprint sha256:HEX is needed", stdin=b"y\n")

    def test_nobody_can_be_asked_where_standard_input_has_the_list(self):
        with lab.server("server-full") as srv, lab.server("server-full") as two:
            self.refused("-", text="Since - reads standard input, the question can't be asked there",
                         stdin=("%s\n%s\n" % (srv.url, two.url)).encode())
            self.refused(srv, text="Without a terminal to ask on")
        tools_add = tools.catrust("add", "-", dirs=[self.dir], stdin=lab.read(lab.cert("corp-root.pem")))
        self.assertIn("the question can't be asked there", tools_add.err)

    def test_wrong_fingerprint(self):
        with lab.server("server-full") as srv:
            self.refused(srv, "--fingerprint", "sha256:" + "00" * 32, text="somebody may be between")
            self.refused(srv, "--fingerprint", tools.fingerprint(lab.cert("other-root.pem")),
                         text="somebody may be between")

    def test_fingerprint_of_a_root_that_was_not_sent_is_no_attack(self):
        for stem in "server-chain", "server":
            with self.subTest(stem), lab.server(stem) as srv:
                result = self.refused(srv, "--fingerprint", self.root, text="use catrust add FILE")
                self.assertIn("was not sent", result.err)
                self.assertNotIn("between you", result.err)

    def test_fingerprint_of_what_is_no_ca(self):
        leaf = tools.fingerprint(lab.cert("server.pem"))
        for stem in "server-full", "server":
            with self.subTest(stem), lab.server(stem) as srv:
                self.refused(srv, "--fingerprint", leaf, text="the server's own certificate, which is not a CA")
        with lab.server(tools.joined(lab.cert("server.pem"), lab.cert("corp-sub.pem"), lab.cert("corp-root.pem"),
                                     tools.cert("leaf")), key=lab.cert("server.key")) as srv:
            self.refused(srv, "--fingerprint", tools.fingerprint(tools.cert("leaf")), text="not part of its chain")

    def test_forms_of_fingerprints(self):
        bare = self.root.replace("sha256:", "")
        with lab.server("server-full") as srv:
            for text in bare, bare.upper(), tools.colons(bare), "SHA256:" + tools.colons(bare), \
                    "sha256 Fingerprint=" + tools.colons(bare), "SHA256 Fingerprint=" + tools.colons(bare):
                with self.subTest(text):
                    self.fetch(srv, "--stdout", "--fingerprint", text, code=0)
            # one of several
            self.fetch(srv, "--stdout", "--fingerprint", "11" * 32, "--fingerprint", bare, code=0)
            for text in "", "sha256:", bare[:-2], bare + "00", "sha1:" + bare, bare[:40]:
                with self.subTest(text):
                    self.refused(srv, "--fingerprint", text, text="--fingerprint", code=2)

    def terminal(self, srv, **options):
        return tools.Terminal([tools.tool("catrust"), "fetch", srv.url],
                              lab.clean_env(CATRUST_DIR=self.dir, TERM="xterm"), **options)

    def test_yes(self):
        for answer in "y", "Y", "yes":
            self.dir = os.path.join(lab.folder("fetch"), "ca.d")
            with self.subTest(answer), lab.server("server-full") as srv, self.terminal(srv) as t:
                t.wait_for("[y/N] ")
                self.assertIn(tools.colons(self.root), t.seen)
                self.assertIn("every name", t.seen)
                self.assert_nothing_saved()
                t.type(answer + "\n")
                self.assertEqual(t.end(), 0, t.seen)
                path = os.path.join(self.dir, listing(self.dir)[0])
                self.assertEqual(tools.fingerprint(path), self.root)
                self.assertRegex(lab.read(path).decode(), "(?m)^# Confirmed: at the terminal, by ")

    def test_no(self):
        for answer in "n\n", "\n", "yy\n", "yes please\n", "\x04":
            with self.subTest(answer), lab.server("server-full") as srv, self.terminal(srv) as t:
                t.wait_for("[y/N] ")
                t.type(answer)
                self.assertEqual(t.end(), 1, t.seen)
                self.assertIn("not confirmed", t.seen)
                self.assert_nothing_saved()

    def test_ctrl_c(self):
        with lab.server("server-full") as srv, self.terminal(srv) as t:
            t.wait_for("[y/N] ")
            t.type("\x03")
            self.assertEqual(t.end(), -signal.SIGINT, t.seen)
        self.assert_nothing_saved()

    def test_what_was_typed_before_the_question_is_no_answer(self):
        with lab.server("server-full") as srv, self.terminal(srv) as t:
            os.kill(t.process.pid, signal.SIGSTOP)
            t.type("y\n")
            os.kill(t.process.pid, signal.SIGCONT)
            t.wait_for("[y/N] ")
            with self.assertRaises(AssertionError):
                t.end(timeout=0.5)
            t.type("n\n")
            self.assertEqual(t.end(), 1, t.seen)
        self.assert_nothing_saved()

    def test_nobody_sees_the_question(self):
        with lab.server("server-full") as srv, self.terminal(srv, stderr_too=False) as t:
            t.type("y\n")
            self.assertEqual(t.end(), 1)
        self.assert_nothing_saved()

    def test_colour(self):
        with tools.server_of("loose-server", tools.cert("loose-root")) as srv:
            with self.terminal(srv) as t:
                t.wait_for("[y/N] ")
                self.assertIn("\x1b[", t.seen)
            with tools.Terminal([tools.tool("catrust"), "fetch", srv.url],
                                lab.clean_env(CATRUST_DIR=self.dir, TERM="xterm", NO_COLOR="1")) as t:
                t.wait_for("[y/N] ")
                self.assertNotIn("\x1b", t.seen)
            result = self.fetch(srv, code=1)
        self.assertNotIn("\x1b", result.err)


class Escaping(Case):
    """No text from a server reaches the terminal, or the file, unchanged."""

    def check(self, text):
        self.assertIn("Evil\\x1b[2J\\x1b]0;owned\\x07\\x0aSHA-256", text)
        for c in text:
            self.assertTrue(c == "\n" or (c.isprintable() and c != "\u202e"), repr(c) + " in " + text)

    def test_subject(self):
        evil = tools.fingerprint(tools.cert("evil-root"))
        with tools.server_of("evil-server", tools.cert("evil-root")) as srv:
            result = self.fetch(srv, "--fingerprint", evil, code=0)
        self.check(result.err)
        name = os.path.basename(result.out.strip())
        self.assertRegex(name, r"\A[a-z0-9-]+-%s\.pem\Z" % evil[7:15])
        content = lab.read(result.out.strip()).decode()
        self.check(content)
        self.assertEqual(content.count("-----BEGIN"), 1)
        self.assertEqual(tools.fingerprint(result.out.strip()), evil)
        self.check(tools.catrust("list", dirs=[self.dir]).out)

    def test_in_another_locale(self):
        with tools.server_of("evil-server", tools.cert("evil-root")) as srv:
            result = self.fetch(srv, code=1, env={"LANG": "C", "LC_ALL": "C"})
        self.assertTrue(result.err.isascii())

    def test_arguments(self):
        for args in (["host\x1b[2J"], ["--x\x1b[2J"], ["--timeout", "\x1b[2J", "host"]):
            result = tools.catrust("fetch", *args)
            self.assertEqual(result.code, 2)
            self.assertNotIn("\x1b", result.err)
            self.assertIn("\\x1b[2J", result.err)


class Connections(Case):
    """Servers that are missing, or are not what they should be."""

    def test_ipv6(self):
        with lab.server("server-full", host="::1") as srv:
            for target in srv.url, "[::1]:%d" % srv.port:
                self.fetch(target, "--fingerprint", self.root, code=0)
        self.assertEqual(len(listing(self.dir)), 1)

    def test_sni(self):
        asked = []
        with lab.server("server-full") as srv:
            other = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            other.load_cert_chain(tools.joined(lab.cert("wrongname.pem"), lab.cert("corp-root.pem")),
                                  lab.cert("wrongname.key"))

            def choose(sock, name, context):
                asked.append(name)
                if name == "elsewhere.example":
                    sock.context = other

            srv.context.sni_callback = choose
            name = "localhost:%d" % srv.port
            result = self.fetch(name, "--servername", "elsewhere.example", "--fingerprint", self.root,
                                code=0)
            self.assertIn("CN=elsewhere.example", result.err)
            self.assertNotIn("CN=elsewhere.example", self.fetch(name, code=0).err)
            self.fetch("127.0.0.1:%d" % srv.port, code=0)
        self.assertEqual(asked, ["elsewhere.example", "localhost", None])

    def timed(self, *args, text):
        start = time.monotonic()
        self.refused(*args, "--timeout", "0.5", text=text, code=3)
        self.assertLess(time.monotonic() - start, 5)

    def test_silent_server(self):
        with tools.tcp_server(lambda s, stop: stop.wait(20)) as port:
            self.timed("127.0.0.1:%d" % port, text="no TLS handshake was done within 0.5 s")

    def test_server_that_trickles(self):
        def trickle(connection, stop):
            for byte in b"\x16\x03\x03\x40\x00" + bytes(1000):
                connection.send(bytes([byte]))
                if stop.wait(0.1):
                    break

        with tools.tcp_server(trickle) as port:
            self.timed("127.0.0.1:%d" % port, text="no TLS handshake was done within 0.5 s")

    def test_no_connection_in_time(self):
        # a full queue: the kernel does not answer
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen(0)
            waiting = []
            try:
                for _ in range(4):
                    s = socket.socket()
                    s.setblocking(False)
                    s.connect_ex(listener.getsockname())
                    waiting.append(s)
                time.sleep(0.1)
                self.timed("127.0.0.1:%d" % listener.getsockname()[1], text="no connection within 0.5 s")
            finally:
                for s in waiting:
                    s.close()

    def test_closed_port(self):
        with socket.socket() as s:
            # bound, but not listening: nobody else can have it
            s.bind(("127.0.0.1", 0))
            self.refused("127.0.0.1:%d" % s.getsockname()[1], text="Connection refused", code=3)

    def test_plain_text_server(self):
        def greet(connection, stop):
            connection.send(b"220 mail.example ESMTP\r\n")
            connection.settimeout(5)
            connection.recv(4096)

        with tools.tcp_server(greet) as port:
            self.refused("127.0.0.1:%d" % port, text="does not speak TLS", code=3)

    def test_server_that_hangs_up(self):
        def hang_up(connection, stop):
            connection.recv(4096)

        with tools.tcp_server(hang_up) as port:
            self.refused("127.0.0.1:%d" % port, text="closed the connection", code=3)

    def test_unknown_name(self):
        result = self.refused("no-such-host.invalid", "--timeout", "5", text="no-such-host.invalid", code=3)
        self.assertRegex(result.err, "no address|no connection")

    def test_silent_resolver(self):
        """A time-out also applies to the look-up of a name, for targets and issuers."""
        driver = """
            import json, socket, subprocess, sys, time
            resolver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            resolver.bind(("127.0.0.1", 53))
            catrust, leaf, key = sys.argv[1:]
            server = subprocess.Popen(["openssl", "s_server", "-www", "-accept", "127.0.0.1:4433", "-cert", leaf, "-key", key],
                                      stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            while socket.socket().connect_ex(("127.0.0.1", 4433)):
                time.sleep(0.05)
            told = []
            try:
                for args in (["fetch", "nosuch.example"], ["doctor", "nosuch.example"],
                             ["fetch", *("a%d.example" % i for i in range(70))], ["fetch", "127.0.0.1:4433"]):
                    start = time.monotonic()
                    done = subprocess.run([catrust, *args, "--timeout", "0.5"], stdout=subprocess.PIPE,
                                          stderr=subprocess.PIPE, timeout=50)
                    told.append([args[0], done.returncode, time.monotonic() - start, done.stderr.decode()])
            finally:
                server.kill()
            print(json.dumps(told))
        """
        script = """
            ip link set lo up
            echo nameserver 127.0.0.1 > resolv.conf
            echo hosts: files dns > nsswitch.conf
            mount --bind resolv.conf /etc/resolv.conf
            mount --bind nsswitch.conf /etc/nsswitch.conf
            exec "$@"
        """
        version = re.search(r"libcurl/(\d+)\.(\d+)", lab.run(
            "import ctypes; c = ctypes.CDLL('libcurl.so.4'); c.curl_version.restype = ctypes.c_char_p; "
            "print(c.curl_version().decode())").out)
        if version and tuple(map(int, version.groups())) < (7, 87):
            self.skipTest("libcurl older than 7.87 waits for its resolver")
        argv = [*tools.namespace(), "-n"]
        if lab.run([*argv, "ip", "link", "set", "lo", "up"]).code != 0:
            self.skipTest("no network namespace to be had, or no ip")
        leaf = tools.make(LEAF + names("DNS:localhost", "IP:127.0.0.1") + "authorityKeyIdentifier = keyid:always\n"
                          "authorityInfoAccess = caIssuers;URI:http://nosuch.example/root\n",
                          issuer=tools.make(ROOT, "Root"))
        result = lab.run([*argv, "sh", "-ec", script, "sh", lab.PYTHON, "-c", textwrap.dedent(driver),
                          tools.tool("catrust"), leaf, leaf[:-len(".pem")] + ".key"], cwd=lab.folder("dns"),
                         dirs=[self.dir], env={"no_proxy": "*"})
        self.assertEqual(0, result.code, result.err)
        told = json.loads(result.out)
        self.assertEqual([3, 3, 3, 1], [t[1] for t in told], told)
        for command, _, seconds, err in told:
            self.assertLess(seconds, 4, (command, err))
        self.assertIn("nosuch.example/root: ", told[-1][3])

    def test_several_targets(self):
        with lab.server("server-full") as good, lab.server("selfsigned") as bad, socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            closed = "127.0.0.1:%d" % s.getsockname()[1]
            result = self.fetch(closed, good, bad, "--fingerprint", self.root, code=3)
            self.assertEqual(len(listing(self.dir)), 1)
            self.assertEqual(result.out.count("\n"), 1)
            self.fetch(good, bad, "--fingerprint", self.root, code=1)
            # the first one's CA is the second one's as well
            self.fetch(good, good, "--fingerprint", self.root, code=0)
            count = good.good
            # a slip in one is found before anything is fetched
            self.fetch(good, "host:port", code=2)
            self.assertEqual(good.good, count)


class Many(Case):
    """Many targets in one call."""

    def test_side_by_side(self):
        silent = [self.enterContext(tools.tcp_server(lambda s, stop: stop.wait(20))) for _ in range(8)]
        with lab.server("server-full") as good:
            targets = []
            for i in range(40):
                targets.append("127.0.0.1:%d" % (silent[i // 5] if i % 5 == 0 else good.port))
            start = time.monotonic()
            result = self.fetch(*targets, "--timeout", "1.5", "--fingerprint", self.root, code=3)
            self.assertLess(time.monotonic() - start, 6)  # one after the other: 12 and more
        told = re.findall(r"(?m)^(?:catrust: )?(127\.0\.0\.1:\d+)(?: sent|: the server accepted)", result.err)
        self.assertEqual(told, targets)
        self.assertEqual(result.out.count("\n"), 32)
        self.assertEqual(len(listing(self.dir)), 1)

    def test_standard_input(self):
        with lab.server("server-full") as one, lab.server("selfsigned") as two:
            lines = "# a list\n\n  %s  \r\n%s" % (one.url, two.url)
            result = self.fetch("-", "--fingerprint", self.root, code=1, stdin=lines.encode())
        self.assertLess(result.err.index(":%d sent" % one.port), result.err.index(":%d sent" % two.port))
        self.assertEqual(len(listing(self.dir)), 1)
        for bad in b"", b"# nothing\n", b"host:port\n", b"a" * 5000, b"h\x1b[2J\n", b"x\n" * 1001:
            with self.subTest(bad[:20]):
                result = self.fetch("-", code=2, stdin=bad)
                self.assertNotIn("\x1b", result.err)

    def test_the_same_ca_for_unrelated_domains(self):
        text = "the same CA is above 2 of the domains"
        with lab.server("server-full") as one, lab.server("server-full", host="127.0.0.2") as other, \
                tools.server_of("loose-server", tools.cert("loose-root"), host="127.0.0.2") as two:
            here, there = "127.0.0.1:%d" % one.port, "127.0.0.2:%d" % other.port
            self.assertEqual(1, self.fetch(here, there, code=1).err.count(text))
            self.assertNotIn(text, self.fetch(here, here, code=1).err)
            self.assertNotIn(text, self.fetch(here, "localhost:%d" % one.port, code=1).err)
            self.assertNotIn(text, self.fetch(here, "127.0.0.2:%d" % two.port, code=1).err)

    def test_ctrl_c_while_waiting(self):
        with tools.tcp_server(lambda s, stop: stop.wait(20)) as silent, lab.server("server-full") as good:
            argv = [tools.tool("catrust"), "fetch", "127.0.0.1:%d" % silent, good.url]
            with tools.Terminal(argv, lab.clean_env(CATRUST_DIR=self.dir, TERM="xterm")) as t:
                t.wait_for("1 of 2 servers asked")
                t.type("\x03")
                self.assertEqual(t.end(timeout=3), -signal.SIGINT)
        self.assert_nothing_saved()

    def test_progress_on_a_terminal(self):
        with tools.tcp_server(lambda s, stop: stop.wait(20)) as silent:
            argv = [tools.tool("catrust"), "fetch", "127.0.0.1:%d" % silent, "--timeout", "2"]
            with tools.Terminal(argv, lab.clean_env(CATRUST_DIR=self.dir, TERM="xterm")) as t:
                t.wait_for("0 of 1 servers asked")
                self.assertEqual(t.end(), 3)
            self.assertNotIn("servers asked", self.fetch(*argv[2:], code=3).err)


class Scopes(Case):
    """Saving for only some names; Python obeys it."""

    GET = "import sys; print(get(ssl.create_default_context(), int(sys.argv[1]), sys.argv[2]), end='')"

    def python(self, srv, name="localhost", dirs=None):
        """Python's message about the server with the library: "" if it accepts it."""
        result = lab.run(lab.PRELUDE + self.GET, [srv.port, name], shim=True, dirs=dirs or [self.dir])
        if result.code == 0:
            self.assertEqual(lab.PAGE, result.out)
            return ""
        return result.err

    def pin(self, srv, stem, *args, code=0, host="localhost"):
        return self.fetch("%s:%d" % (host, srv.port), "--pin", "--fingerprint", tools.fingerprint(stem), *args,
                          code=code)

    def test_pin(self):
        leaf = tools.fingerprint(lab.cert("selfsigned.pem"))
        for host in "127.0.0.1", "localhost":
            with self.subTest(host), lab.server("selfsigned") as srv:
                self.dir = os.path.join(lab.folder("fetch"), "ca.d")
                where = "%s:%d" % (host, srv.port)
                self.assertIn("--pin", self.fetch(where, code=1).err)
                self.fetch(where, "--pin", code=1)
                self.assertIn("self-signed certificate", self.python(srv, host))
                result = self.fetch(where, "--pin", "--fingerprint", leaf, code=0)
                # one for each name of the certificate: it is refused out of its scope
                self.assertEqual(listing(self.dir), ["127.0.0.1", "__1_128", "localhost"])
                path, *others = result.out.splitlines()
                self.assertEqual(len(others), 2)
                self.assertEqual(os.path.dirname(path), os.path.join(self.dir, host))
                self.assertEqual(tools.fingerprint(path), leaf)
                for name in "localhost", "127.0.0.1", "::1":
                    self.assertEqual("", self.python(srv, name))
                for args in (["--pin", "--fingerprint", leaf], ["--pin"], []):
                    again = self.fetch(where, *args, code=0)
                    self.assertIn("trusted already", again.err)
                    self.assertEqual(again.out, path + "\n")

    def test_pin_ipv6(self):
        with lab.server("selfsigned", host="::1") as srv:
            result = self.fetch(srv.url, "--pin", "--fingerprint",
                                tools.fingerprint(lab.cert("selfsigned.pem")), code=0)
        self.assertEqual(listing(self.dir), ["127.0.0.1", "__1_128", "localhost"])
        self.assertTrue(os.path.exists(result.out.splitlines()[0]))

    def test_pin_of_a_certificate_that_has_an_issuer(self):
        with lab.server("server-full") as srv:
            self.refused(srv, "--pin", "--fingerprint", self.root, text="has an issuer")
            self.refused(srv, "--pin", "--fingerprint", tools.fingerprint(lab.cert("server.pem")),
                         text="has an issuer")

    def test_pin_of_an_own_ca(self):
        with tools.server_of("own") as srv:
            result = self.pin(srv, tools.cert("own"), host="127.0.0.1")
            self.assertEqual("", self.python(srv))
        self.assertEqual(listing(self.dir), ["127.0.0.1", "localhost"])
        # What it can do besides is said.
        self.assertIn("\n  localhost and all names below it\n", result.err)
        self.assertIn("\n  127.0.0.1\n", result.err)
        self.assertIn("It is also a CA", result.err)

    def test_list_does_not_say_that_python_refuses_a_pin_that_it_accepts(self):
        own = tools.make("basicConstraints = CA:TRUE\n" + names("DNS:localhost"))
        bare = tools.make("basicConstraints = CA:TRUE\n", name="localhost")
        for stem in own, bare:
            self.dir = os.path.join(lab.folder("fetch"), "ca.d")
            with self.subTest(stem), tools.server_of(stem) as srv:
                self.assertIn("accepted by Python up to 3.12 as well as 3.13 and newer", self.pin(srv, stem).err)
                self.assertEqual("", self.python(srv))
                listed = tools.catrust("list", dirs=[self.dir]).out
                self.assertIn("localhost", listed)
                self.assertNotIn("refuse it", listed)

    def test_pin_of_the_wrong_name(self):
        with lab.server("selfsigned") as srv:
            self.refused(srv, "--pin", "--servername", "other.example", "--fingerprint",
                         tools.fingerprint(lab.cert("selfsigned.pem")), text="would not help")

    def test_pin_gives_no_server_names_that_it_chose_itself(self):
        """A certificate can't claim names of whole parts of the Internet by itself."""
        for kind, san, text in (
                (OWN_CA, ["DNS:localhost", "DNS:com", "DNS:*.org", "DNS:bank.example"], "also names com"),
                (OWN_CA, ["DNS:localhost", "DNS:*.org"], r"also names \*\.org"),
                (LEAF, ["DNS:localhost", "DNS:*.org"], r"also names \*\.org"),
                (LEAF, ["DNS:localhost", "DNS:*.corp.example"], r"also names \*\.corp\.example"),
                (LEAF, ["DNS:localhost", "DNS:*"], r"also names \*"),
                (LEAF, ["DNS:localhost", "DNS:my_host"], "also names my_host, and that can't be a scope"),
                (LEAF, ["DNS:localhost", "DNS:10.0.0.1"], "also names 10.0.0.1, and that is an address"),
                (LEAF, ["DNS:localhost"] + ["DNS:h%d.example" % i for i in range(80)], "more than 64 names"),
        ):
            stem = tools.make(kind + names(*san))
            with self.subTest(san[:3]), tools.server_of(stem) as srv:
                self.assertRegex(self.pin(srv, stem, code=1).err, text)
                self.assert_nothing_saved()
                # doctor does not name what fetch would refuse
                verdict = json.loads(tools.catrust("doctor", "--json", srv.named_url, dirs=[self.dir]).out)
                self.assertEqual(("none", None), (verdict["remedy"], verdict["command"]))
                self.assertRegex(verdict["causes"][0]["fix"], text)

    def test_pin_of_a_key_that_signs_for_others(self):
        """A pin that is a CA can vouch only within the names that the user confirmed."""
        own = tools.make(OWN_CA + names("DNS:localhost", "DNS:bank.example", "IP:10.0.0.1"))
        with tools.server_of(own) as srv:
            self.pin(srv, own)
            self.assertEqual("", self.python(srv))
        self.assertEqual(listing(self.dir), ["10.0.0.1", "bank.example", "localhost"])
        for name, accepted in (("www.google.com", False), ("localhost", True), ("example", False),
                               ("xlocalhost", False)):
            leaf = tools.make(BELOW + names("DNS:" + name), issuer=own)
            with self.subTest(name), tools.server_of(leaf, own) as srv:
                said = self.python(srv, name)
                if accepted:
                    self.assertEqual("", said)
                else:
                    self.assertIn("permitted subtree violation", said)

    def test_pin_within_a_domain(self):
        """A wildcard above the server, and names below it, get no more than the user confirmed."""
        for san, host, scopes in (
                (["DNS:*.corp.example", "DNS:git.corp.example"], "git.corp.example", ["corp.example", "git.corp.example"]),
                (["DNS:corp.example", "DNS:*.corp.example", "DNS:my_host.corp.example"], "corp.example", ["corp.example"]),
                (["DNS:nas", "DNS:nas.corp.example", "IP:10.0.0.7"], "nas.corp.example",
                 ["10.0.0.7", "nas", "nas.corp.example"])):
            stem = tools.make(LEAF + names(*san), name="A server")
            with self.subTest(san), tools.server_of(stem) as srv:
                self.dir = os.path.join(lab.folder("fetch"), "ca.d")
                self.pin(srv, stem, "--servername", host)
                self.assertEqual(listing(self.dir), scopes)
                self.assertEqual("", self.python(srv, host))
                self.assertIn("Hostname mismatch", self.python(srv, "other.example"))

    def test_pin_of_a_certificate_without_names(self):
        """In this case, the subject counts, and must be within the scopes, too."""
        stem = tools.make(LEAF + names("IP:127.0.0.1"), name="nas")
        with tools.server_of(stem) as srv:
            self.pin(srv, stem, host="127.0.0.1")
            self.assertEqual(listing(self.dir), ["127.0.0.1", "nas"])
            self.assertEqual("", self.python(srv, "127.0.0.1"))
        self.dir = os.path.join(lab.folder("fetch"), "ca.d")
        stem = tools.make(LEAF + names("IP:127.0.0.1"), name="My server")
        with tools.server_of(stem) as srv:
            self.pin(srv, stem, host="127.0.0.1")
            self.assertEqual(listing(self.dir), ["127.0.0.1"])
            self.assertEqual("", self.python(srv, "127.0.0.1"))

    def test_pin_of_a_common_name_beside_dns_names(self):
        """Some clients accept it, so it is in the question, and in the scope."""
        stem = tools.make(OWN_CA + names("DNS:localhost"), name="127.0.0.1")
        with tools.server_of(stem) as srv:
            result = self.pin(srv, stem)
            self.assertIn("also names 127.0.0.1 (common name)", result.err)
            self.assertIn("\n  127.0.0.1\n", result.err)
            self.assertEqual(listing(self.dir), ["127.0.0.1", "localhost"])
            self.assertEqual("", self.python(srv))
            # Without it, the library refuses the certificate.
            shutil.rmtree(os.path.join(self.dir, "127.0.0.1"))
            self.assertIn("permitted subtree violation", self.python(srv))

    def test_scope_that_lacks_the_common_name(self):
        for cn, san, missing in (("127.0.0.1", ["DNS:localhost"], "127.0.0.1 (common name)"),
                                 ("proxy", ["DNS:localhost", "URI:https://bank.example/"],
                                  "bank.example (URI), proxy (common name)")):
            self.dir = os.path.join(lab.folder("fetch"), "ca.d")
            ca = tools.make(OWN_CA)
            leaf = tools.make(BELOW + names(*san), issuer=ca, name=cn)
            confirmed = ["--fingerprint", tools.fingerprint(ca)]
            with self.subTest(cn), tools.server_of(leaf, ca) as srv:
                args = [srv.named_url, "--scope", "localhost"]
                result = self.fetch(*args, *confirmed, code=1)
                if cn == "proxy":
                    # One word may be a part of the Internet, such as com: the user has to write it.
                    self.assertRegex(result.err, r"also names proxy \(common name\), and it could .* give each name with --scope")
                    result = self.fetch(*args, "--scope", "proxy", *confirmed, code=1)
                self.assertIn("the server's certificate also names %s. Python refuses" % missing.split(",")[0], result.err)
                command = re.search("(?m)^  catrust (fetch .*)$", result.err).group(1).split()
                self.fetch(*command[1:], *confirmed, code=0)
                self.assertIn(cn, listing(self.dir))
                self.assertEqual("", self.python(srv))
                # doctor says it as well, and where the CA would have to be
                there = lab.folder("scoped")
                os.mkdir(os.path.join(there, "localhost"))
                shutil.copy(ca, os.path.join(there, "localhost"))
                out = tools.catrust("doctor", srv.named_url, dirs=[there]).out
                self.assertIn("also names %s, which" % missing, out)
                self.assertRegex(out, r"the CA in the subdirector(y|ies) .*%s/ of the trust directory" % cn)

    def test_scope_overrules_a_pin(self):
        stem = tools.make(OWN_CA + names("DNS:localhost", "DNS:nas"))
        with tools.server_of(stem) as srv:
            self.assertIn("give each name with --scope", self.pin(srv, stem, code=1).err)
            self.assertIn("also names nas", self.pin(srv, stem, "--scope", "localhost", code=1).err)
            self.pin(srv, stem, "--scope", "localhost", "--scope", "nas")
            self.assertEqual("", self.python(srv))
        self.assertEqual(listing(self.dir), ["localhost", "nas"])

    def test_the_question_names_all_that_a_pin_is_for(self):
        own = tools.make(OWN_CA + names("DNS:localhost", "DNS:bank.example", "IP:10.0.0.1"))
        leaf = tools.make(LEAF + names("DNS:localhost", "DNS:bank.example"))
        for stem, lines, ca in ((own, ["localhost and all names below it", "bank.example and all names below it",
                                       "10.0.0.1"], True),
                                (leaf, ["localhost and those names below it that are in this certificate",
                                        "bank.example and those names below it"], False)):
            with tools.server_of(stem) as srv, tools.Terminal(
                    [tools.tool("catrust"), "fetch", srv.named_url, "--pin"],
                    lab.clean_env(CATRUST_DIR=self.dir, TERM="xterm")) as t:
                t.wait_for("[y/N] ")
                for line in lines:
                    self.assertIn("\n  " + line, t.seen.replace("\r", ""))
                self.assertEqual(ca, "anyone with the server's key can vouch for all of them" in t.seen)
                t.type("n\n")
                self.assertEqual(t.end(), 1, t.seen)
            self.assert_nothing_saved()

    def test_a_pin_is_saved_whole_or_not_at_all(self):
        leaf = lab.cert("selfsigned.pem")
        os.makedirs(os.path.join(self.dir, "localhost"))
        # What is in the way of the last one undoes the others.
        name = "localhost-%s.pem" % tools.fingerprint(leaf)[7:15]
        lab.write(os.path.join(self.dir, "localhost", name), "in the way")
        with lab.server("selfsigned") as srv:
            result = self.pin(srv, leaf, code=1, host="127.0.0.1")
            self.assertIn("File exists", result.err)
            self.assertEqual(result.out, "")
            self.assertEqual(listing(self.dir), ["localhost"])
            os.unlink(os.path.join(self.dir, "localhost", name))
            # One that was cut off midway is completed by the next run.
            self.pin(srv, leaf, host="127.0.0.1")
            shutil.rmtree(os.path.join(self.dir, "localhost"))
            self.assertIn("permitted subtree violation", self.python(srv))
            result = self.pin(srv, leaf, host="127.0.0.1")
            self.assertEqual(result.out, os.path.join(self.dir, "localhost", name) + "\n")
            self.assertEqual("", self.python(srv))

    def test_scope(self):
        with lab.server("server-full") as srv:
            where = "127.0.0.1:%d" % srv.port
            for scope in "127.0.0.2", "corp.example", "10.0.0.0/8":
                self.refused(where, "--scope", scope, "--fingerprint", self.root, text="does not cover")
            for scope in "../x", "", ".", "a/b", "10.0.0.1/8", "a\x1b[2J", "0.0.0.0/0":
                self.refused(where, "--scope", scope, "--fingerprint", self.root, text="--scope", code=2)
            for i, (scope, folder) in enumerate((("127.0.0.0/8", "127.0.0.0_8"), ("127.0.0.1", "127.0.0.1"))):
                self.dir = os.path.join(lab.folder("fetch"), "ca.d")
                args = ["--scope", scope, "--scope", "LocalHost", "--scope", "::1"]
                result = self.fetch(where, *args, "--fingerprint", self.root, code=0)
                self.assertEqual(os.path.dirname(result.out.split()[0]), os.path.join(self.dir, folder))
                self.assertEqual(listing(self.dir), sorted([folder, "localhost", "__1_128"]))
                self.assertEqual("", self.python(srv, "127.0.0.1"))
                self.assertIn("trusted already", self.fetch(where, *args, code=0).err)

    def test_scope_that_is_not_enough(self):
        """The library checks every name of a certificate, and so does fetch's last check."""
        with lab.server("server-full") as srv:
            where = "localhost:%d" % srv.port
            result = self.fetch(where, "--scope", "localhost", "--fingerprint", self.root, code=1)
            self.assertIn("still refused by Python up to 3.12 as well as 3.13 and newer: permitted subtree violation",
                          result.err)
            self.assertIn("also names 127.0.0.1, ::1", result.err)
            self.assert_nothing_saved()
            command = re.search("(?m)^  catrust (fetch .*)$", result.err).group(1).split()
            self.assertEqual(["fetch", "--scope", "localhost", "--scope", "127.0.0.1", "--scope", "::1", where],
                             command)
            self.fetch(*command[1:], "--fingerprint", self.root, code=0)
            self.assertEqual("", self.python(srv))

    def test_scope_that_is_wider_bit_by_bit(self):
        there = lab.folder("wider")
        os.mkdir(os.path.join(there, "localhost"))
        shutil.copy(lab.cert("corp-root.pem"), os.path.join(there, "localhost"))
        with lab.server("server-full") as srv:
            self.assertIn("permitted subtree violation", self.python(srv, dirs=[there]))
            # what doctor names is no more than what is missing
            verdict = json.loads(tools.catrust("doctor", "--json", srv.named_url, dirs=[there]).out)
            self.assertEqual("fetch", verdict["remedy"])
            self.assertEqual({"localhost", "127.0.0.1", "::1"},
                             set(re.findall(r"--scope (\S+)", verdict["command"])))
            args = ["--scope", "127.0.0.0/8", "--scope", "::1"]
            self.fetch(srv.named_url, *args, "--fingerprint", self.root, code=0, dirs=[there])
            self.assertEqual("", self.python(srv, dirs=[there]))
            # and now it is trusted for this server, scope or not
            for args in [], args, ["--scope", "localhost"]:
                result = self.fetch(srv.named_url, *args, code=0, dirs=[there])
                self.assertIn("trusted already", result.err)
                self.assertIn("so far, it is trusted only for", result.err)

    def test_what_the_question_says(self):
        with lab.server("server-full") as srv, tools.Terminal(
                [tools.tool("catrust"), "fetch", srv.named_url, "--scope", "localhost", "--scope", "127.0.0.0/8",
                 "--scope", "::1"], lab.clean_env(CATRUST_DIR=self.dir, TERM="xterm")) as t:
            t.wait_for("[y/N] ")
            for line in "localhost and all names below it", "127.0.0.0/8", "::1":
                self.assertIn("\n  %s\n" % line, t.seen.replace("\r", ""))
            t.type("y\n")
            self.assertEqual(t.end(), 0, t.seen)
        self.assertEqual(listing(self.dir), ["127.0.0.0_8", "__1_128", "localhost"])

    def test_scope_that_is_a_link(self):
        outside = lab.folder("outside")
        os.mkdir(self.dir)
        os.symlink(outside, os.path.join(self.dir, "localhost"))
        with lab.server("selfsigned") as srv:
            self.assertIn("a symbolic link", self.pin(srv, lab.cert("selfsigned.pem"), code=1).err)
        self.assertEqual((listing(outside), listing(self.dir)), ([], ["localhost"]))

    def test_intermediates_go_into_the_scopes_too(self):
        args = ["--scope", "localhost", "--scope", "127.0.0.1", "--scope", "::1"]
        with lab.server("server-full") as srv:
            self.fetch(srv, *args, "--with-intermediate", "--fingerprint", self.root, code=0)
            self.assertEqual("", self.python(srv))
        self.assertEqual(listing(self.dir), ["127.0.0.1", "__1_128", "localhost"])
        for scope in listing(self.dir):
            self.assertEqual(2, len(listing(os.path.join(self.dir, scope))))
        # Without --scope, they stay there.
        with lab.server("server-full") as srv:
            for scope in listing(self.dir):
                os.unlink(os.path.join(self.dir, scope, "example-corp-issuing-ca-%s.pem" % self.sub[7:15]))
            self.fetch(srv, "--with-intermediate", code=0)
        self.assertEqual(listing(self.dir), ["127.0.0.1", "__1_128", "localhost"])
        self.assertEqual(2, len(listing(os.path.join(self.dir, "localhost"))))


class Intermediates(Case):
    def test_strict_root(self):
        # Python 3.13 refuses the root, but is content with an intermediate below it
        pki = lab.folder("strict")
        lab.prepare_ca(pki)
        with open(os.path.join(pki, "ca.cnf"), "a") as config:
            config.write(tools.SECTIONS)
        lab.make_certificate(pki, "root", "Loose Root CA", "loose", None, -1, 100)
        lab.make_certificate(pki, "sub", "Issuing CA", "sub", "root", -1, 100)
        lab.make_certificate(pki, "leaf", "localhost", "server", "sub", -1, 90)
        paths = [os.path.join(pki, stem + ".pem") for stem in ("leaf", "sub", "root")]
        root = tools.fingerprint(paths[2])
        with lab.server(tools.joined(*paths), key=os.path.join(pki, "leaf.key")) as srv:
            result = self.fetch(srv, "--stdout", "--fingerprint", root, code=0)
            self.assertIn("still refused by Python 3.13", result.err)
            self.assertIn("--with-intermediate would fix that", result.err)
            result = self.fetch(srv, "--fingerprint", root, "--with-intermediate", code=0)
            self.assertIn("accepted by Python up to 3.12 as well as 3.13", result.err)
            self.assertEqual([tools.fingerprint(p) for p in result.out.split()], [root, tools.fingerprint(paths[1])])
            self.assertEqual(len(listing(self.dir)), 2)
            again = self.fetch(srv, "--fingerprint", root, "--with-intermediate", code=0)
            self.assertEqual(again.out, result.out)
            for path in result.out.split():
                os.unlink(path)
            # later, when the root is trusted already
            self.fetch(srv, "--fingerprint", root, code=0)
            self.assertEqual(len(listing(self.dir)), 1)
            self.fetch(srv, "--with-intermediate", code=0)
            self.assertEqual(len(listing(self.dir)), 2)

    def test_stdout(self):
        with lab.server("server-full") as srv:
            result = self.fetch(srv, "--fingerprint", self.root, "--with-intermediate", "--stdout", code=0)
        self.assertEqual(result.out.count("-----BEGIN CERTIFICATE-----"), 2)
        self.assert_nothing_saved()

    def test_none_there(self):
        with lab.server(tools.joined(lab.cert("server-direct.pem"), lab.cert("corp-root.pem")),
                        key=lab.cert("server-direct.key")) as srv:
            result = self.fetch(srv, "--fingerprint", self.root, "--with-intermediate", code=0)
        self.assertIn("there is no intermediate CA", result.err)
        self.assertEqual(len(listing(self.dir)), 1)


class ChainNotes(Case):
    def test_order(self):
        chain = tools.joined(lab.cert("server.pem"), lab.cert("corp-root.pem"), lab.cert("corp-sub.pem"))
        with lab.server(chain, key=lab.cert("server.key")) as srv:
            self.assertIn("not in order", self.fetch(srv, code=1).err)
        with lab.server("server-full") as srv:
            self.assertNotIn("not in order", self.fetch(srv, code=1).err)

    def test_root_of_the_same_name_with_another_key(self):
        chain = tools.joined(lab.cert("server.pem"), lab.cert("corp-sub.pem"), tools.cert("renamed-root"))
        with lab.server(chain, key=lab.cert("server.key")) as srv:
            result = self.fetch(srv, code=1, env={"SSL_CERT_FILE": lab.cert("corp-root.pem")})
            self.assertIn("right name, but another key", result.err)
            result = self.fetch(srv, "--fingerprint", self.root, code=0,
                                env={"SSL_CERT_FILE": lab.cert("corp-root.pem")})
            self.assertEqual(tools.fingerprint(result.out.strip()), self.root)
            self.refused_renamed(srv)

    def refused_renamed(self, srv):
        there = lab.folder()
        result = self.fetch(srv, "--fingerprint", tools.fingerprint(tools.cert("renamed-root")), code=1, dirs=[there])
        self.assertIn("not part of its chain", result.err)

    def test_missing(self):
        with lab.server("server-chain") as srv:
            self.assertIn("missing: its issuer, O=Example, CN=Example Corp Root CA", self.fetch(srv, code=1).err)


class Json(Case):
    KEYS = {"target", "starttls", "servername", "result", "status", "error", "in_order", "broken_off", "chain", "extra",
            "candidate", "because", "findings", "scopes", "verification", "domains_with_this_ca", "file"}
    CERTIFICATE = {"subject", "issuer", "not_before", "not_after", "key", "sha256", "self_signed", "origin"}

    def json(self, *args, code):
        result = json.loads(self.fetch(*args, "--json", code=code).out)
        self.assertEqual((result["version"], result["status"]), (1, code))
        for target in result["targets"]:
            self.assertEqual(set(target), self.KEYS)
            for cert in target["chain"] + target["extra"]:
                self.assertEqual(set(cert), self.CERTIFICATE)
        return result["targets"]

    def test_saved(self):
        with lab.server("server-full") as srv:
            one, = self.json(srv, "--fingerprint", self.root, code=0)
            self.assertEqual((one["result"], one["status"], one["error"]), ("saved", 0, None))
            self.assertEqual(one["candidate"], tools.colons(self.root))
            self.assertEqual(tools.fingerprint(one["file"]), self.root)
            self.assertEqual([c["sha256"] for c in one["chain"]],
                             [tools.colons(tools.fingerprint(lab.cert(s + ".pem")))
                              for s in ("server", "corp-sub", "corp-root")])
            self.assertEqual([c["origin"] for c in one["chain"]], ["sent"] * 3)
            self.assertRegex(one["chain"][0]["not_after"], r"^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
            self.assertEqual(one["verification"], {"python_3_12": "ok", "python_3_13": "ok"})
            self.assertIsNone(one["scopes"])
            again, = self.json(srv, code=0)
            self.assertEqual((again["result"], again["file"]), ("trusted", one["file"]))

    def test_scopes(self):
        leaf = tools.fingerprint(lab.cert("selfsigned.pem"))
        with lab.server("selfsigned") as srv:
            refused, = self.json(srv, "--pin", code=1)
            saved, = self.json(srv, "--pin", "--fingerprint", leaf, code=0)
        for one in refused, saved:
            self.assertEqual(["127.0.0.1/32", "localhost", "::1/128"], one["scopes"])
        listed = json.loads(tools.catrust("list", "--json", dirs=[self.dir]).out)["certificates"][0]
        self.assertEqual(set(saved["scopes"]), set(listed["scopes"]))

    def test_others(self):
        with lab.server("server-full") as good, lab.server("selfsigned") as bad, socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            targets = self.json("127.0.0.1:%d" % s.getsockname()[1], bad, good, code=3)
        self.assertEqual([t["result"] for t in targets], ["unreachable", "refused", "refused"])
        self.assertEqual([t["status"] for t in targets], [3, 1, 1])
        self.assertIn("Connection refused", targets[0]["error"])
        self.assertIn("self-signed", targets[1]["error"])
        self.assertIn("not confirmed", targets[2]["error"])

    def test_names_of_an_attacker(self):
        with tools.server_of("evil-server", tools.cert("evil-root")) as srv:
            result = self.fetch(srv, "--json", code=1)
        self.assertTrue(all(c == "\n" or c.isprintable() for c in result.out), result.out)
        json.loads(result.out)


class ClientCertificate(Case):
    def test_certificate(self):
        with lab.server("server-full", client_ca="client-root.pem", maximum=ssl.TLSVersion.TLSv1_2) as srv:
            self.fetch(srv, "--fingerprint", self.root, "--cert", lab.cert("own-client.pem"), "--key",
                       lab.cert("own-client.key"), code=0)
            self.assertIn((("commonName", "own client"),), srv.peers[0]["subject"])
            both = tools.joined(lab.cert("own-client.pem"), lab.cert("own-client.key"))
            result = self.fetch(srv, "--cert", both, code=0)
            self.assertNotIn("broke off", result.err)

    def test_wrong_files(self):
        encrypted = os.path.join(lab.folder(), "key.pem")
        lab.openssl("ec", "-in", lab.cert("client.key"), "-aes128", "-passout", "pass:x", "-out", encrypted)
        for args in (["--cert", "/nowhere\x1b[2J"], ["--cert", lab.cert("client.key")],
                     ["--cert", lab.cert("client.pem"), "--key", lab.cert("server.key")],
                     ["--cert", lab.cert("client.pem")], ["--key", lab.cert("client.key")],
                     ["--cert", lab.cert("client.pem"), "--key", encrypted]):
            with self.subTest(args):
                result = self.fetch("localhost:1", *args, code=2)
                self.assertNotIn("\x1b", result.err)


class Places(Case):
    """Where it saves, and where it does not."""

    def go(self, code, *args, **options):
        with lab.server("server-full") as srv:
            return self.fetch(srv, "--fingerprint", self.root, *args, code=code, **options)

    def test_dir_option(self):
        other = os.path.join(lab.folder(), "a", "b")
        self.go(0, "--dir", other)
        self.assertEqual(len(listing(other)), 1)
        self.assert_nothing_saved()
        # what counts as trusted already is only what is there
        third = lab.folder()
        self.go(0, "--dir", third, dirs=[other])
        self.assertEqual(len(listing(third)), 1)
        result = self.go(2, "--dir", "a:b")
        self.assertIn("colon", result.err)

    def test_first_of_catrust_dir(self):
        first, second = lab.folder(), lab.folder()
        self.go(0, dirs=[first, second])
        self.assertEqual((len(listing(first)), listing(second)), (1, []))
        # trusted already, wherever it is
        self.assertIn("trusted already", self.go(0, dirs=[second, first]).err)

    def test_home(self):
        if os.geteuid() != 0:
            self.skipTest("needs root, to become somebody without a name")
        home = lab.folder("home")
        os.chown(home, 65534, 65534)
        with lab.server("server-full") as srv:
            result = tools.catrust("fetch", srv.url, "--fingerprint", self.root, user=65534,
                                   env={"HOME": home, "CATRUST_DIR": None})
        self.assertEqual(result.code, 0, result.err)
        self.assertEqual(os.path.dirname(result.out), home + "/.config/catrust/ca.d")

    def test_any_umask(self):
        with lab.server("server-full") as srv:
            result = lab.run(["sh", "-c", "umask 077; exec \"$@\"", "sh", tools.tool("catrust"), "fetch",
                              srv.url, "--fingerprint", self.root], dirs=[self.dir])
        self.assertEqual(result.code, 0, result.err)
        self.assertEqual(stat.S_IMODE(os.stat(self.dir).st_mode), 0o755)
        self.assertEqual(stat.S_IMODE(os.stat(result.out.strip()).st_mode), 0o644)

    def test_read_only_directory(self):
        there = lab.folder()
        user = {} if os.geteuid() != 0 else {"user": 65534}
        if not user:
            os.chmod(there, 0o555)
        result = self.go(1, dirs=[there], **user)
        self.assertIn("Permission denied", result.err)
        self.assertIn("--dir", result.err)
        self.assertEqual(listing(there), [])
        result = self.go(1, dirs=[os.path.join(there, "new", "ca.d")], **user)
        self.assertIn("Permission denied", result.err)

    def test_directory_that_would_not_count(self):
        there = lab.folder()
        os.chmod(there, 0o777)
        result = self.go(1, dirs=[there])
        self.assertIn("would not count", result.err)
        self.assertEqual(listing(there), [])
        self.go(0, dirs=[there], env={"CATRUST_ALLOW_WRITABLE": "1"})

    def test_file_in_place_of_the_directory(self):
        path = lab.write(os.path.join(lab.folder(), "x.pem"), lab.read(lab.cert("other-root.pem")))
        result = self.go(1, dirs=[path])
        self.assertIn("Not a directory", result.err)
        self.assertEqual(lab.read(path), lab.read(lab.cert("other-root.pem")))

    def test_never_over_another_file(self):
        there = lab.folder()
        path = lab.write(os.path.join(there, "example-corp-root-ca-%s.pem" % self.root[7:15]), "mine\n")
        result = self.go(1, dirs=[there])
        self.assertIn("File exists", result.err)
        self.assertEqual((lab.read(path), len(listing(there))), (b"mine\n", 1))

    def test_full_disk(self):
        # as far as a limit on the size of files can be one
        with lab.server("server-full") as srv:
            result = lab.run(["sh", "-c", "ulimit -f 0; exec \"$@\"", "sh", tools.tool("catrust"), "fetch",
                              srv.url, "--fingerprint", self.root], dirs=[self.dir])
        self.assertNotEqual(result.code, 0)
        self.assert_nothing_saved()

    def test_no_home(self):
        if os.geteuid() == 0:
            user = {"user": 65534}
        else:
            user = {}
        result = self.go(1, env={"HOME": None, "CATRUST_DIR": None}, **user)
        self.assertIn("neither CATRUST_DIR nor HOME", result.err)


class Usage(unittest.TestCase):
    def test_help(self):
        for args in (["--help"], ["-h"], ["help"], ["help", "fetch"], ["fetch", "--help"],
                     ["list", "--help"], ["add", "--help"], ["help", "remove"]):
            with self.subTest(args):
                result = tools.catrust(*args)
                self.assertEqual((result.code, result.err), (0, ""))
                self.assertTrue(result.out.startswith("usage: catrust "), result.out)
                self.assertLessEqual(max(map(len, result.out.split("\n"))), 100)

    def test_no_line_of_a_help_ends_in_a_space(self):
        text = tools.catrust("--help").out
        self.assertIn("\n  doctor -- COMMAND  says ", text)
        for command in re.findall(r"(?m)^  (\w+)  ", text):
            with self.subTest(command):
                text = tools.catrust("help", command).out if command != "help" else text
                self.assertNotRegex(text, r"(?m) $")

    def test_options_that_are_cut_short(self):
        for args, words in ((["fetch", "--p", "x"], "--p may be any of --pin, --proxy, --public-bundle"),
                            (["fetch", "--serv", "a b", "x"], "--servername a b"),
                            (["fetch", "--pin=1", "x"], "--pin=1: that option takes no argument"),
                            (["fetch", "--q", "x"], "there is no option --q here"),
                            (["fetch", "-q", "x"], "there is no option -q here"),
                            (["-q"], "there is no option -q"), (["--versions"], "there is no option --versions"),
                            (["versions"], "there is no command versions")):
            with self.subTest(args):
                result = tools.catrust(*args)
                self.assertEqual((result.code, result.out), (2, ""))
                self.assertIn(words, result.err)

    def test_version(self):
        for argument in "--version", "-V", "version":
            result = tools.catrust(argument)
            self.assertEqual((result.code, result.err), (0, ""))
            self.assertRegex(result.out, r"\Acatrust \d+\.\d+\.\d+\n\Z")

    def test_wrong_usage(self):
        for args in ([], ["nonsense"], ["help", "nonsense"], ["fetch"], ["fetch", "--nonsense", "host"],
                     ["fetch", "-x", "host"], ["fetch", "host", "--timeout"], ["fetch", "--timeout", "0", "h"],
                     ["fetch", "--timeout", "1x", "h"], ["fetch", "--timeout", "nan", "h"],
                     ["fetch", "--timeout", "-1", "h"], ["fetch", "http://host"], ["fetch", "host:0"],
                     ["fetch", "--servername", "a b", "h"], ["fetch", "--stdout=1", "h"],
                     ["fetch", "--json", "--stdout", "h"],
                     ["fetch", "--starttls", "telnet", "h"], ["fetch", "--scope", "..", "h"], ["list", "what"], ["list", "--stdout"], ["add"], ["remove"], ["remove", "--stdout", "x"]):
            with self.subTest(args):
                result = tools.catrust(*args)
                self.assertEqual((result.code, result.out), (2, ""), result.err)
                self.assertNotEqual(result.err, "")

    def test_scope_that_is_nearly_right(self):
        for scope, words in (("*.corp.example", "a domain covers all names below it, without * (did you mean corp.example?)"),
                             ("10.0.0.1/8", "beyond those of the range (did you mean 10.0.0.0/8?)")):
            result = tools.catrust("fetch", "--scope", scope, "host")
            self.assertEqual(2, result.code)
            self.assertIn(words, " ".join(result.err.split()))

    def test_doctor_without_dashes_before_a_command(self):
        result = tools.catrust("doctor", "python3", "app.py")
        self.assertEqual((2, ""), (result.code, result.out))
        self.assertIn("catrust doctor -- COMMAND", result.err)
        self.assertIn("\ndid you mean: catrust doctor -- python3 app.py\n", result.err)
        self.assertNotIn("did you mean", tools.catrust("doctor", "one.example", "two.example").err)

    def test_http(self):
        for command in "fetch", "doctor":
            result = tools.catrust(command, "http://host.example")
            self.assertEqual(2, result.code)
            self.assertIn("http has no TLS", result.err)

    def test_what_is_for_catrust_run_is_no_command_of_its_own(self):
        text = tools.catrust("--help").out
        start = text.index("\ncalled by catrust-run ")
        for command in "env", "check", "mount":
            self.assertGreater(text.index("\n  %s " % command), start)

    def test_reader_that_goes_away(self):
        """bundle | head: no error message, but no success."""
        reader, writer = os.pipe()
        os.close(reader)
        for command in (["--version"], ["bundle", "--public-bundle", lab.cert("corp-root.pem")]):
            done = subprocess.run([tools.tool("catrust"), *command], stdout=writer, stderr=subprocess.PIPE,
                                  env=lab.clean_env(CATRUST_DIR=lab.trustdir("corp-root.pem")))
            self.assertEqual((1, b""), (done.returncode, done.stderr))
        os.close(writer)

    def test_did_you_mean(self):
        for typed, meant in ("fetsh", "fetch"), ("lst", "list"), ("docter", "doctor"), ("bundel", "bundle"):
            result = tools.catrust(typed)
            self.assertEqual(result, lab.Result(2, "", "catrust: there is no command %s; did you mean %s?\n"
                                                % (typed, meant)))
        for typed in "x", "frobnicate", "f" * 1000, "--fetsh":
            self.assertNotIn("did you mean", tools.catrust(typed).err)

    def test_an_example(self):
        for command in "fetch", "add", "remove":
            result = tools.catrust(command)
            self.assertEqual(2, result.code)
            self.assertRegex(result.err, r"\nfor example: catrust %s \S+\n$" % command)

    def test_long_lines_are_wrapped_at_the_terminal(self):
        long = "/".join(["there is no such command"] * 8)
        for size, most in ((60, 60), (30, 1000), (0, 1000)):
            with tools.Terminal([tools.tool("catrust"), long], lab.clean_env(), columns=size) as t:
                t.end()
            lines = t.seen.split("\r\n")
            self.assertEqual(" ".join(lines).split(), ("catrust: there is no command %s; see catrust --help" % long).split())
            self.assertLessEqual(max(map(len, lines)), most)
            self.assertEqual(len(lines) > 2, most == 60)

    def test_output_that_cannot_be_written(self):
        with open("/dev/full", "w") as full:
            code = subprocess.call([tools.tool("catrust"), "--version"], stdout=full,
                                   stderr=subprocess.DEVNULL, env=lab.clean_env())
        self.assertEqual(code, 1)


if __name__ == "__main__":
    lab.main()
