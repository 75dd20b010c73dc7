# SPDX-License-Identifier: Apache-2.0
"""catrust fetch: issuers that the server does not send, from the addresses in the certificates."""

import http.server
import os
import socket
import socketserver
import threading
import time
import unittest

from lab import lab, tools

SECTIONS = """
[aiasub]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid:always
authorityInfoAccess = caIssuers;URI:http://127.0.0.1:{port}/root
[aialeaf]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = serverAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid:always
subjectAltName = DNS:localhost,IP:127.0.0.1
authorityInfoAccess = caIssuers;URI:http://127.0.0.1:{port}/issuer
[aiafar]
basicConstraints = critical,CA:FALSE
subjectAltName = DNS:localhost,IP:127.0.0.1
authorityKeyIdentifier = keyid:always
authorityInfoAccess = caIssuers;URI:http://ca.example/root
[aiamany]
basicConstraints = critical,CA:FALSE
subjectAltName = DNS:localhost,IP:127.0.0.1
authorityKeyIdentifier = keyid:always
authorityInfoAccess = caIssuers;URI:ldap://127.0.0.1/x,caIssuers;URI:https://127.0.0.1:{port}/tls,\\
 caIssuers;URI:file:///etc/passwd,caIssuers;URI:http://u:p@127.0.0.1:{port}/password,\\
 caIssuers;URI:http://127.0.0.1:{port}/missing,caIssuers;URI:http://127.0.0.1:{port}/issuer
"""

CERTIFICATES = [
    ("aia-root", "AIA Root CA", "root", None, -1, 100),
    ("aia-sub", "AIA Issuing CA", "aiasub", "aia-root", -1, 90),
    ("aia-leaf", "localhost", "aialeaf", "aia-sub", -1, 60),
    ("aia-many", "localhost", "aiamany", "aia-sub", -1, 60),
    ("aia-far", "localhost", "aiafar", "aia-root", -1, 60),
    ("aia-namesake", "AIA Issuing CA", "root", None, -1, 90),
]


# A chain of DEPTH intermediate CAs, and two CAs that issued each other.
DEPTH = 9
for i in range(DEPTH + 1):
    SECTIONS += """
[deep%d]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid:always
authorityInfoAccess = caIssuers;URI:http://127.0.0.1:{port}/deep%d
[leaf%d]
basicConstraints = critical,CA:FALSE
subjectAltName = DNS:localhost,IP:127.0.0.1
authorityKeyIdentifier = keyid:always
authorityInfoAccess = caIssuers;URI:http://127.0.0.1:{port}/deep%d
""" % (i, i - 1, i, i)
for name, other in ("a", "b"), ("b", "a"):
    SECTIONS += """
[cycle-%s]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign
subjectKeyIdentifier = hash
authorityInfoAccess = caIssuers;URI:http://127.0.0.1:{port}/cycle-%s
""" % (name, other)
SECTIONS += """
[cycle-leaf]
basicConstraints = critical,CA:FALSE
subjectAltName = DNS:localhost,IP:127.0.0.1
authorityInfoAccess = caIssuers;URI:http://127.0.0.1:{port}/cycle-a
[aiaseven]
basicConstraints = critical,CA:FALSE
subjectAltName = DNS:localhost,IP:127.0.0.1
authorityKeyIdentifier = keyid:always
authorityInfoAccess = """ + ",\\\n ".join("caIssuers;URI:http://127.0.0.1:{port}/%d" % i for i in range(7)) + "\n"

CERTIFICATES += [("deep0", "Deep 0", "root", None, -1, 100)]
CERTIFICATES += [("deep%d" % i, "Deep %d" % i, "deep%d" % i, "deep%d" % (i - 1), -1, 90) for i in range(1, DEPTH)]
CERTIFICATES += [
    ("below-seven", "localhost", "leaf7", "deep7", -1, 60),
    ("below-eight", "localhost", "leaf8", "deep8", -1, 60),
    ("cycle-a-key", "Cycle A", "root", None, -1, 100),
    ("cycle-b-key", "Cycle B", "root", None, -1, 100),
    ("cycle-a", "Cycle A", "cycle-a", "cycle-b-key", -1, 90, "cycle-a-key.key"),
    ("cycle-b", "Cycle B", "cycle-b", "cycle-a-key", -1, 90, "cycle-b-key.key"),
    ("cycle-leaf", "localhost", "cycle-leaf", "cycle-a-key", -1, 60),
    ("aia-seven", "localhost", "aiaseven", "aia-sub", -1, 60),
]


class Web:
    """A web server whose answers are functions of the handler, by path. Records the requests."""

    def __init__(self):
        self.pages, self.asked, self.headers = {}, [], []
        self.stop = threading.Event()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                outer.asked.append(self.path)
                outer.headers.append(self.headers)
                page = outer.pages.get(self.path)
                if page is None:
                    self.send_error(404)
                elif callable(page):
                    page(self)
                else:
                    outer.answer(self, page)

            def log_message(self, *args):
                pass

        class Http(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def server_bind(self):
                socketserver.TCPServer.server_bind(self)
                self.server_name, self.server_port = self.server_address[:2]

            def handle_error(self, *args):
                pass

        self.http = Http(("127.0.0.1", 0), Handler)
        self.port = self.http.server_address[1]
        self.thread = threading.Thread(target=self.http.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    @staticmethod
    def answer(handler, body):
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    def close(self):
        self.stop.set()
        self.http.shutdown()
        self.http.server_close()
        self.thread.join()


def redirect(to):
    def page(handler):
        handler.send_response(302)
        handler.send_header("Location", to)
        handler.end_headers()
    return page


class Aia(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.web = Web()
        cls.addClassCleanup(cls.web.close)
        cls.pki = lab.folder("aia")
        lab.prepare_ca(cls.pki)
        with open(os.path.join(cls.pki, "ca.cnf"), "a") as config:
            config.write(SECTIONS.format(port=cls.web.port))
        for row in CERTIFICATES:
            lab.make_certificate(cls.pki, *row)
        cls.root = tools.fingerprint(cls.cert("aia-root"))
        cls.der = {name: lab.openssl("x509", "-in", cls.cert(name), "-outform", "DER")
                   for name in ("aia-root", "aia-sub", "aia-namesake")}

    @classmethod
    def cert(cls, stem):
        return os.path.join(cls.pki, stem + ".pem")

    def setUp(self):
        self.dir = os.path.join(lab.folder("fetch"), "ca.d")
        self.web.pages = {"/issuer": self.der["aia-sub"], "/root": self.der["aia-root"]}
        self.web.asked, self.web.headers = [], []

    def fetch(self, *args, code, leaf="aia-leaf", above=(), local=True, **options):
        chain = tools.joined(self.cert(leaf), *map(self.cert, above))
        with lab.server(chain, key=os.path.join(self.pki, leaf + ".key")) as srv:
            result = tools.catrust("fetch", srv.url, *(["--aia-local"] if local else []), *args,
                                   dirs=[self.dir], **options)
        self.assertEqual(result.code, code, result.err)
        if code:
            self.assertFalse(os.path.isdir(self.dir) and os.listdir(self.dir))
        return result

    def not_found(self, text, **options):
        """No issuer was found, for this reason; the server sent no CA, either."""
        result = self.fetch("--fingerprint", self.root, code=1, **options)
        self.assertIn(text, result.err)
        self.assertIn("missing: its issuer, O=Example, CN=AIA Issuing CA", result.err)
        return result

    def found(self, **options):
        result = self.fetch("--fingerprint", self.root, "--with-intermediate", code=0, **options)
        self.assertEqual(sorted(tools.fingerprint(p) for p in result.out.split()),
                         sorted(tools.fingerprint(self.cert(s)) for s in ("aia-root", "aia-sub")))
        return result

    def python(self):
        """Python trusts the server with what was saved; the server sends only its own certificate."""
        with lab.server(self.cert("aia-leaf"), key=os.path.join(self.pki, "aia-leaf.key")) as srv:
            return lab.run([tools.tool("catrust-run"), lab.PYTHON, "-c",
                            "import sys, urllib.request as u; print(u.urlopen(sys.argv[1]).read().decode())",
                            srv.url], dirs=[self.dir])

    def test_der(self):
        result = self.found()
        self.assertEqual(self.web.asked, ["/issuer", "/root"])
        self.assertIn("not sent, but downloaded from the address", result.err)
        self.assertIn("this proves no more than if the server had sent it", result.err)
        got = self.python()
        self.assertEqual((got.code, got.out.strip()), (0, lab.PAGE.strip()), got.err)

    def test_root_alone_would_not_help(self):
        result = self.fetch("--fingerprint", self.root, code=1)
        self.assertIn("--with-intermediate would help", result.err)
        self.assertIn("that the server fails to send", result.err)

    def test_only_the_root_is_missing(self):
        result = self.fetch("--fingerprint", self.root, code=0, above=["aia-sub"])
        self.assertEqual(self.web.asked, ["/root"])
        self.assertEqual(tools.fingerprint(result.out.strip()), self.root)
        self.assertIn("accepted by Python up to 3.12", result.err)

    def test_pem(self):
        self.web.pages["/issuer"] = b"hello\n" + lab.read(self.cert("aia-sub"))
        self.found()

    def test_pkcs7(self):
        for form in "DER", "PEM":
            self.setUp()
            with self.subTest(form):
                self.web.pages["/issuer"] = lab.openssl(
                    "crl2pkcs7", "-nocrl", "-certfile", self.cert("aia-namesake"), "-certfile",
                    self.cert("aia-sub"), "-outform", form)
                self.found()

    def test_chunked(self):
        def chunked(handler):
            handler.protocol_version = "HTTP/1.1"
            handler.send_response(200)
            handler.send_header("Transfer-Encoding", "chunked")
            handler.send_header("Connection", "close")
            handler.end_headers()
            body = self.der["aia-sub"]
            for part in body[:100], body[100:]:
                handler.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
            handler.wfile.write(b"0\r\n\r\n")
        self.web.pages["/issuer"] = chunked
        self.found()

    def test_redirects(self):
        self.web.pages.update({"/issuer": redirect("/a"), "/a": redirect("/b"),
                               "/b": redirect("http://127.0.0.1:%d/c" % self.web.port),
                               "/c": self.der["aia-sub"]})
        self.found()
        self.assertEqual(self.web.asked, ["/issuer", "/a", "/b", "/c", "/root"])

    def test_too_many_redirects(self):
        self.web.pages.update({"/issuer": redirect("/a"), "/a": redirect("/b"), "/b": redirect("/c"),
                               "/c": redirect("/d"), "/d": self.der["aia-sub"]})
        self.not_found("more than 3 redirects")
        self.assertEqual(self.web.asked, ["/issuer", "/a", "/b", "/c"])

    def test_loop(self):
        self.web.pages["/issuer"] = redirect("/issuer")
        self.not_found("more than 3 redirects")
        self.assertEqual(len(self.web.asked), 4)

    def test_redirect_to_another_scheme(self):
        for to in ("https://127.0.0.1:%d/a" % self.web.port, "file:///etc/passwd", "ftp://127.0.0.1/x",
                   "http://user:password@127.0.0.1:%d/a" % self.web.port, "gopher://127.0.0.1/x"):
            with self.subTest(to):
                self.web.asked.clear()
                self.web.pages["/issuer"] = redirect(to)
                result = self.fetch(code=1)
                self.assertRegex(result.err, "only http is allowed|not a valid URL|an invalid one")
                self.assertEqual(self.web.asked, ["/issuer"])

    def test_redirect_that_would_write_on_the_terminal(self):
        self.web.pages["/issuer"] = redirect("http://127.0.0.1/\x1b[2J\u009b")
        self.assertNotIn("\x1b", self.fetch(code=1).err)

    def test_oversize(self):
        def endless(handler):
            handler.send_response(200)
            handler.end_headers()
            while not self.web.stop.is_set():
                handler.wfile.write(bytes(4096))
        for page in self.der["aia-sub"] + bytes(65537), endless:
            self.web.pages["/issuer"] = page
            self.not_found("larger than 64 KiB")

    def test_slow(self):
        def slow(handler):
            handler.send_response(200)
            handler.end_headers()
            for byte in self.der["aia-sub"]:
                handler.wfile.write(bytes([byte]))
                handler.wfile.flush()
                if self.web.stop.wait(0.2):
                    break
        self.web.pages["/issuer"] = slow
        start = time.monotonic()
        result = self.fetch("--timeout", "1", code=1)
        self.assertLess(time.monotonic() - start, 8)
        self.assertIn("Timeout was reached", result.err)

    def test_wrong_issuer(self):
        for stem in "aia-namesake", "aia-root":
            with self.subTest(stem):
                self.web.pages["/issuer"] = self.der[stem]
                self.not_found("the certificate there is not the issuer")

    def test_junk(self):
        for body in b"", b"<html>no</html>", self.der["aia-sub"][:-5], b"\x30\x82\xff\xff":
            with self.subTest(body[:8]):
                self.web.pages["/issuer"] = body
                self.not_found("no certificate in the answer")
        del self.web.pages["/issuer"]
        self.not_found("status 404")

    def test_only_some_urls_are_asked(self):
        self.found(leaf="aia-many")
        self.assertEqual(self.web.asked, ["/missing", "/issuer", "/root"])
        for headers in self.web.headers:
            for name in "Authorization", "Cookie", "Proxy-Authorization", "Referer":
                self.assertNotIn(name, headers)

    def serve_all(self, *stems):
        self.web.pages = {"/" + s: lab.openssl("x509", "-in", self.cert(s), "-outform", "DER") for s in stems}

    def test_eight_issuers_above_one_another(self):
        self.serve_all(*("deep%d" % i for i in range(DEPTH)))
        result = self.fetch("--fingerprint", tools.fingerprint(self.cert("deep0")), "--with-intermediate", code=0,
                            leaf="below-seven")
        self.assertEqual(self.web.asked, ["/deep%d" % i for i in range(7, -1, -1)])
        self.assertIn(tools.fingerprint(self.cert("deep0")), map(tools.fingerprint, result.out.split()))

    def test_nine_are_too_many(self):
        self.serve_all(*("deep%d" % i for i in range(DEPTH)))
        result = self.fetch("--fingerprint", tools.fingerprint(self.cert("deep0")), code=1, leaf="below-eight")
        self.assertEqual(self.web.asked, ["/deep%d" % i for i in range(8, 0, -1)])
        self.assertIn("missing: its issuer, O=Example, CN=Deep 0", result.err)

    def test_cycle(self):
        self.serve_all("cycle-a", "cycle-b")
        result = self.fetch(code=1, leaf="cycle-leaf")
        self.assertEqual(self.web.asked, ["/cycle-a", "/cycle-b", "/cycle-a"])
        self.assertIn("the certificate there is not the issuer", result.err)

    def test_five_urls_of_a_certificate(self):
        self.web.pages = {"/6": self.der["aia-sub"]}
        self.not_found("status 404", leaf="aia-seven")
        self.assertEqual(self.web.asked, ["/%d" % i for i in range(5)])

    def test_local_addresses_are_refused(self):
        self.not_found("--aia-local allows that", local=False)
        self.assertEqual(self.web.asked, [])

    def test_the_machines_own_addresses_are_refused(self):
        """Not only the loopback addresses."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            try:
                s.connect(("198.51.100.1", 9))
            except OSError:
                self.skipTest("this machine has no address but 127.0.0.1")
            own = s.getsockname()[0]
        listener = socket.create_server((own, 0))
        listener.settimeout(0)
        leaf = tools.make("basicConstraints = critical,CA:FALSE\nsubjectAltName = DNS:localhost,IP:127.0.0.1\n"
                          "authorityKeyIdentifier = keyid:always\nauthorityInfoAccess = caIssuers;URI:http://%s:%d/root"
                          % listener.getsockname(), issuer=self.cert("aia-root"))
        with listener, lab.server(leaf, key=leaf[:-4] + ".key") as srv:
            result = tools.catrust("fetch", srv.url, dirs=[self.dir])
            self.assertIn("--aia-local allows that", result.err)
            self.assertRaises(BlockingIOError, listener.accept)
            result = tools.catrust("fetch", "--aia-local", "--timeout", "0.3", srv.url, dirs=[self.dir])
            self.assertNotIn("--aia-local allows that", result.err)
            listener.accept()[0].close()

    def test_proxy(self):
        # on this machine, where no web server is asked; the name is the proxy's to look up
        self.web.pages = {"http://ca.example/root": self.der["aia-root"]}
        proxy = "http://127.0.0.1:%d" % self.web.port
        self.fetch("--fingerprint", self.root, code=0, leaf="aia-far", local=False, env={"http_proxy": proxy})
        self.assertEqual(self.web.asked, ["http://ca.example/root"])
        self.web.asked.clear()
        self.setUp()
        self.not_found("--aia-local allows that", local=False, env={"http_proxy": proxy})
        self.assertEqual(self.web.asked, [])

    def test_the_proxys_port_at_another_local_address(self):
        """What is allowed for a proxy on this machine is not allowed for others on it."""
        leaf = tools.make("basicConstraints = critical,CA:FALSE\nsubjectAltName = DNS:localhost,IP:127.0.0.1\n"
                          "authorityKeyIdentifier = keyid:always\nauthorityInfoAccess = caIssuers;URI:http://ca.example:%d/root"
                          % self.web.port, issuer=self.cert("aia-root"))
        hosts = lab.write(os.path.join(lab.folder(), "hosts"), "127.0.0.1 localhost\n127.0.0.2 ca.example\n")
        script = 'mount --bind "$1" /etc/hosts && shift && exec "$@"'
        with lab.server(leaf, key=leaf[:-4] + ".key") as srv:
            for no_proxy, asked in (("ca.example", []), ("", ["http://ca.example:%d/root" % self.web.port])):
                self.web.asked.clear()
                result = lab.run([*tools.namespace(), "sh", "-ec", script, "sh", hosts, tools.tool("catrust"), "fetch",
                                  srv.url], dirs=[self.dir],
                                 env={"http_proxy": "http://localhost:%d" % self.web.port, "no_proxy": no_proxy})
                self.assertEqual(self.web.asked, asked, result.err)
                if no_proxy:
                    self.assertIn("--aia-local allows that", result.err)

    def test_slow_proxy_with_two_ways_to_log_in(self):
        """The second try gets only the rest of the time for an answer."""
        def behave(connection, stop):
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                more = connection.recv(1)
                if not more:
                    return
                head += more
            stop.wait(0.9)
            connection.sendall(b"HTTP/1.1 407 who?\r\nContent-Length: 0\r\nConnection: close\r\n"
                               b'Proxy-Authenticate: Negotiate\r\nProxy-Authenticate: Basic realm="x"\r\n\r\n')

        with tools.tcp_server(behave) as port:
            start = time.monotonic()
            self.fetch("--timeout", "1", code=1, leaf="aia-far", local=False,
                       env={"http_proxy": "http://a:b@127.0.0.1:%d" % port})
            self.assertLess(time.monotonic() - start, 1.8)

    def test_no_aia(self):
        result = self.fetch("--no-aia", code=1)
        self.assertIn("sent no CA", result.err)
        self.assertEqual(self.web.asked, [])

    def test_not_asked_where_the_root_is_known(self):
        self.fetch(code=0, above=["aia-sub"], env={"CATRUST_PEM": lab.read(self.cert("aia-root")).decode()})
        self.assertEqual(self.web.asked, [])

    def test_what_is_refused_stays_out(self):
        self.web.pages["/issuer"] = self.der["aia-namesake"]
        self.not_found("is not the issuer")
        self.assertNotEqual(self.python().code, 0)


if __name__ == "__main__":
    lab.main()
