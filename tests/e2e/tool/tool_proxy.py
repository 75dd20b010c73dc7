# SPDX-License-Identifier: Apache-2.0
"""catrust fetch through proxies: squid with Basic and Digest, a TLS proxy, SOCKS, and an inspecting one."""

import base64
import hashlib
import os
import re
import select
import shutil
import socket
import ssl

from lab import lab, tools
from e2e.tool import tool_starttls as starttls

PASSWORD = "pass word@1"
QUOTED = "someone:pass%20word%401"


def pipe(a, b, stop):
    """Copies bytes in both directions, until one side ends."""
    while not stop.is_set():
        for s in select.select([a, b], [], [], 0.1)[0] if not getattr(a, "pending", int)() else [a]:
            data = s.recv(65536)
            if not data:
                return
            (b if s is a else a).sendall(data)


def http_proxy(context=None, asked=None):
    """Only CONNECT, over TLS with a context."""
    def behave(connection, stop):
        connection.settimeout(10)
        client = context.wrap_socket(connection, server_side=True) if context else connection
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            more = client.recv(1)
            if not more:
                client.close()
                return
            head += more
        if asked is not None:
            asked.append(head.decode())
        host, port = head.split()[1].decode().rsplit(":", 1)
        with socket.create_connection((host.strip("[]"), int(port)), 10) as upstream:
            client.sendall(b"HTTP/1.1 200 fine\r\n\r\n")
            pipe(client, upstream, stop)
        client.close()
    return behave


def login_proxy(offered, accepted, asked):
    """CONNECT if Proxy-Authorization is accepted; otherwise the answer lists what is offered."""
    def behave(connection, stop):
        connection.settimeout(10)
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            more = connection.recv(1)
            if not more:
                return
            head += more
        login = [line.split(b": ", 1)[1] for line in head.split(b"\r\n")
                 if line.lower().startswith(b"proxy-authorization: ")]
        asked.extend(login)
        if login != [accepted]:
            connection.sendall(b"HTTP/1.1 407 who?\r\nContent-Length: 0\r\nConnection: close\r\n" +
                               b"".join(b"Proxy-Authenticate: %s\r\n" % o for o in offered) + b"\r\n")
            return
        host, port = head.split()[1].decode().rsplit(":", 1)
        with socket.create_connection((host, int(port)), 10) as upstream:
            connection.sendall(b"HTTP/1.1 200 fine\r\n\r\n")
            pipe(connection, upstream, stop)
    return behave


def socks4a_proxy(asked):
    """There is no such server: Dante refuses names in version 4."""
    def behave(connection, stop):
        connection.settimeout(10)
        head = b""
        while len(head) < 8 or head[8:].count(b"\0") < 2:
            head += connection.recv(1)
        asked.append(head[8:].split(b"\0")[1].decode())
        with socket.create_connection((asked[-1], int.from_bytes(head[2:4], "big")), 10) as upstream:
            connection.sendall(b"\0\x5a" + bytes(6))
            pipe(connection, upstream, stop)
    return behave


class Case(starttls.Case):
    @classmethod
    def setUpClass(cls):
        cls.server = cls.enterClassContext(tools.both_loopbacks("server-full"))

    def target(self):
        return "127.0.0.1:%d" % self.server.port


class Plain(Case):
    """The meaning of the options and the environment, with a proxy that records requests."""

    def setUp(self):
        super().setUp()
        self.asked = []
        self.port = self.enterContext(tools.tcp_server(http_proxy(asked=self.asked)))
        self.url = "http://127.0.0.1:%d" % self.port

    def go(self, *args, env=None, through=True, target=None):
        self.asked.clear()
        result = tools.catrust("fetch", target or self.target(), "--stdout", "--fingerprint", self.root, *args,
                               dirs=[self.dir], env=env)
        self.assertEqual(result.code, 0, result.err)
        self.assertEqual([a.split("\r\n")[0] for a in self.asked],
                         ["CONNECT %s HTTP/1.1" % (target or self.target())] if through else [])

    def test_option(self):
        self.go("--proxy", self.url)
        self.go("--proxy", "127.0.0.1:%d" % self.port)

    def test_environment(self):
        for name in "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY":
            with self.subTest(name):
                self.go(env={name: self.url})
        self.go(env={"http_proxy": self.url, "smtp_proxy": self.url}, through=False)
        self.go("--proxy", "", env={"https_proxy": self.url}, through=False)
        self.go("--proxy", self.url, env={"https_proxy": "http://127.0.0.1:1"})

    def test_no_proxy(self):
        for value in "127.0.0.1", "127.0.0.0/8", "*", "x.example,127.0.0.1":
            with self.subTest(value):
                self.go(env={"https_proxy": self.url, "no_proxy": value}, through=False)
                self.go("--proxy", self.url, env={"NO_PROXY": value}, through=False)
        self.go(env={"https_proxy": self.url, "no_proxy": "10.0.0.0/8,other.example"})
        name = "localhost:%d" % self.server.port
        self.go(env={"https_proxy": self.url, "no_proxy": "localhost"}, through=False, target=name)
        self.go(env={"https_proxy": self.url, "no_proxy": "example"}, target=name)

    def test_starttls(self):
        for name, script in starttls.SCRIPTS.items():
            self.setUp()
            with self.subTest(name), tools.tcp_server(
                    starttls.scripted(script, self.server.context)) as port:
                self.fetch_root("--proxy", self.url, "%s://localhost:%d" % (name, port))
                self.assertEqual(len(self.asked), 1)
        self.setUp()
        with tools.tcp_server(starttls.scripted(starttls.SCRIPTS["smtp"], self.server.context)) as port:
            result = tools.catrust("fetch", "smtp://localhost:%d" % port, "--fingerprint", self.root,
                                   dirs=[self.dir], env={"smtp_proxy": self.url, "https_proxy": "http://127.0.0.1:1"})
        self.assertEqual((result.code, len(self.asked)), (0, 1), result.err)

    def test_proxy_that_is_not_there(self):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            result = self.fetch("--proxy", "http://127.0.0.1:%d" % s.getsockname()[1], self.target(), code=3)
        self.assertIn("Connection refused", result.err)
        result = self.fetch("--proxy", "http://no-such-proxy.invalid:3128", "--timeout", "5", self.target(), code=3)
        self.assertRegex(result.err, "no address for the name of the proxy|no connection")

    def test_proxy_that_refuses(self):
        def refuse(connection, stop):
            connection.recv(4096)
            connection.sendall(b"HTTP/1.1 403 \x1b[2JForbidden\r\nContent-Length: 0\r\n\r\n")
        with tools.tcp_server(refuse) as port:
            result = self.fetch("--proxy", "http://127.0.0.1:%d" % port, self.target(), code=3)
        self.assertIn("the proxy refuses to connect to the server (status 403)", result.err)
        self.assertNotIn("\x1b", result.err)

    def test_negotiate_beside_basic(self):
        # A user with a password, but no ticket, gets in by what is left.
        accepted = b"Basic " + base64.b64encode(b"someone:" + PASSWORD.encode())
        for offered in ([b"Negotiate", b'Basic realm="x"'], [b'Basic realm="x"', b"Negotiate"]):
            self.setUp()
            asked = []
            with self.subTest(offered), tools.tcp_server(login_proxy(offered, accepted, asked)) as port:
                self.fetch_root("--proxy", "http://%s@127.0.0.1:%d" % (QUOTED, port), self.target())
                self.assertEqual(asked, [accepted])
        asked = []
        self.setUp()
        with tools.tcp_server(login_proxy([b"Negotiate", b'Basic realm="x"'], accepted, asked)) as port:
            for url in "http://127.0.0.1:%d" % port, "http://a:b@127.0.0.1:%d" % port:
                result = self.fetch("--proxy", url, self.target(), code=3)
                self.assertIn("status 407", result.err)

    def test_silent_proxy(self):
        with tools.tcp_server(lambda s, stop: stop.wait(20)) as port:
            result = self.fetch("--proxy", "http://127.0.0.1:%d" % port, "--timeout", "0.5", self.target(), code=3)
        self.assertIn("no connection within", result.err)


GET = "import sys, urllib.request as u; u.urlopen(sys.argv[1])"


class Tls(Case):
    """A proxy over TLS: the server's TLS runs inside the proxy's."""

    def setUp(self):
        super().setUp()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(lab.cert("other-server.pem"), lab.cert("other-server.key"))
        self.url = "https://localhost:%d" % self.enterContext(tools.tcp_server(http_proxy(context)))
        self.env = {"SSL_CERT_FILE": lab.cert("other-root.pem")}

    def test_tls_within_tls(self):
        self.fetch("--fingerprint", self.root, "--proxy", self.url, self.target(), env=self.env)

    def test_starttls(self):
        with tools.tcp_server(starttls.scripted(starttls.SCRIPTS["imap"], self.server.context)) as port:
            self.fetch("--fingerprint", self.root, "--proxy", self.url, "imap://localhost:%d" % port, env=self.env)

    def test_trust_directory(self):
        """The company's proxy has a certificate from the company's CA."""
        def go(directory, code):
            result = tools.catrust("fetch", "--fingerprint", self.root, "--proxy", self.url, self.target(),
                                   dirs=[directory])
            self.assertEqual(result.code, code, result.err)
            return result
        scoped = lab.folder("ca.d")
        os.mkdir(os.path.join(scoped, "corp.example"))
        shutil.copy(lab.cert("other-root.pem"), os.path.join(scoped, "corp.example", "a.pem"))
        self.assertIn("certificate", go(scoped, 3).err)
        self.assertEqual(os.listdir(scoped), ["corp.example"])
        result = go(lab.trustdir("other-root.pem"), 0)
        self.assertEqual(tools.fingerprint(result.out.strip()), self.root)
        self.assertIn("certificate", go(lab.trustdir("corp-sub.pem"), 3).err)
        doctor = tools.catrust("doctor", "--proxy", self.url, self.target(), dirs=[lab.trustdir("corp-root.pem")])
        self.assertEqual(doctor.code, 3, doctor.err)
        doctor = tools.catrust("doctor", "--proxy", self.url, self.target(),
                               dirs=[lab.trustdir("corp-root.pem", "other-root.pem")])
        self.assertEqual(doctor.code, 0, doctor.out + doctor.err)

    def test_the_proxys_password_is_not_repeated(self):
        result = tools.catrust("fetch", "--proxy", self.url.replace("//", "//user:secret@"), self.target(),
                               dirs=[lab.trustdir("corp-root.pem", "other-root.pem")])
        self.assertEqual(result.code, 0, result.err)
        self.assertIn("trusted already", result.err)
        self.assertNotIn("secret", result.err)

    def test_it_says_that_the_certificate_is_the_proxys(self):
        address = self.url.replace("https://", "")
        for command in "fetch", "doctor":
            err = tools.catrust(command, "--proxy", self.url.replace("//", "//user:secret@"), self.target(),
                                dirs=[self.dir]).err
            self.assertIn("the certificate of the proxy %s, not that of the server, is not accepted" % address, err)
            self.assertIn("catrust fetch --proxy '' " + address, err)
            self.assertNotIn("secret", err)

    def test_what_it_advises_helps(self):
        """For a proxy with an unknown CA, and for one with a self-signed certificate."""
        own = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        own.load_cert_chain(tools.cert("own"), tools.cert("own")[:-3] + "key")
        alone = "https://localhost:%d" % self.enterContext(tools.tcp_server(http_proxy(own)))
        full = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        full.load_cert_chain(tools.joined(lab.cert("other-server.pem"), lab.cert("other-root.pem")),
                             lab.cert("other-server.key"))
        with_root = "https://localhost:%d" % self.enterContext(tools.tcp_server(http_proxy(full)))
        for url, cert, more in (with_root, lab.cert("other-root.pem"), []), \
                (with_root, lab.cert("other-root.pem"), ["--scope", "localhost", "--scope", "127.0.0.1", "--scope", "::1"]), \
                (alone, tools.cert("own"), ["--pin"]):
            with self.subTest(more, cert=os.path.basename(cert)):
                there = [lab.trustdir("corp-root.pem")]
                before = tools.catrust("doctor", "--proxy", url, self.target(), dirs=there)
                self.assertEqual(before.code, 3, before)
                advice = re.search(r"catrust (fetch --proxy '' [^ ]+)$", before.err.strip()).group(1).split()
                advice[2] = ""
                confirmed = ["--fingerprint", tools.fingerprint(cert)]
                if more == ["--pin"]:
                    refused = tools.catrust(*advice, *confirmed, dirs=there)
                    self.assertEqual(refused.code, 1)
                    self.assertIn("--pin trusts it for this server only", refused.err)
                saved = tools.catrust(*advice, *more, *confirmed, dirs=there)
                self.assertEqual(saved.code, 0, saved)
                after = tools.catrust("doctor", "--proxy", url, self.target(), dirs=there)
                self.assertEqual(after.code, 0, after)

    def test_a_proxy_that_nobody_trusts_gets_no_password(self):
        result = self.fetch("--proxy", self.url.replace("//", "//a:b@"), self.target(), code=3)
        self.assertIn("certificate", result.err)


class Squid(Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        squid = starttls.program("squid")
        cls.ports = {}
        for kind in "basic", "digest":
            helper = starttls.program("/usr/lib/squid/" + {"basic": "basic_ncsa_auth", "digest": "digest_file_auth"}[kind])
            there = lab.folder("squid")
            crypt = lab.openssl("passwd", "-apr1", PASSWORD).decode().strip()
            ha1 = hashlib.md5(("someone:realm:" + PASSWORD).encode()).hexdigest()
            lab.write(os.path.join(there, "passwords"),
                      "someone:" + crypt + "\n" if kind == "basic" else "someone:realm:%s\n" % ha1)
            flag = "-c " if kind == "digest" else ""
            port = lab.free_port()
            conf = lab.write(os.path.join(there, "squid.conf"), """
http_port 127.0.0.1:{port}
pid_filename none
cache deny all
cache_log {there}/cache.log
access_log none
coredump_dir {there}
shutdown_lifetime 0 seconds
logfile_rotate 0
pinger_enable off
netdb_filename none
auth_param {kind} program {helper} {flag}{there}/passwords
auth_param {kind} realm realm
auth_param {kind} children 2 startup=1
acl known proxy_auth REQUIRED
http_access allow known
http_access deny all
""".format(port=port, there=there, kind=kind, helper=helper, flag=flag))
            if os.geteuid() == 0:
                shutil.chown(there, "proxy", "proxy")
            server = cls.enterClassContext(lab.Process([squid, "-N", "-f", conf, "-n", "lab" + kind], cwd=there))
            starttls.wait_for_port(port, server)
            cls.ports[kind] = port

    def log_in(self, kind):
        port = self.ports[kind]
        url = "http://%s@127.0.0.1:%d" % (QUOTED, port)
        self.check(["--proxy", url, self.target()], GET, self.server.url)
        self.setUp()
        with tools.tcp_server(starttls.scripted(starttls.SCRIPTS["smtp"], self.server.context)) as smtp:
            self.fetch_root("--proxy", url, "smtp://127.0.0.1:%d" % smtp)
        self.setUp()
        for wrong in "http://127.0.0.1:%d" % port, url.replace("someone", "nobody"):
            result = self.fetch("--proxy", wrong, self.target(), code=3)
            self.assertIn("status 407", result.err)

    def test_basic(self):
        self.log_in("basic")

    def test_digest(self):
        self.log_in("digest")


class Socks(Case):
    def serve(self, *options):
        port = lab.free_port()
        server = self.enterContext(lab.Process(
            [starttls.program("microsocks"), "-i", "127.0.0.1", "-p", port, *options]))
        starttls.wait_for_port(port, server)
        return port

    def test_socks5(self):
        port = self.serve()
        for scheme in "socks5", "socks5h":
            self.setUp()
            with self.subTest(scheme):
                self.check(["--proxy", "%s://127.0.0.1:%d" % (scheme, port), "localhost:%d" % self.server.port],
                           GET, self.server.url)
        self.setUp()
        with tools.tcp_server(starttls.scripted(starttls.SCRIPTS["ldap"], self.server.context)) as ldap:
            self.fetch_root("--proxy", "socks5h://127.0.0.1:%d" % port, "ldap://localhost:%d" % ldap)

    def test_password(self):
        port = self.serve("-u", "someone", "-P", PASSWORD)
        self.fetch_root("--proxy", "socks5://%s@127.0.0.1:%d" % (QUOTED, port), self.target())
        self.setUp()
        self.fetch("--proxy", "socks5://127.0.0.1:%d" % port, self.target(), code=3)

    def test_socks4(self):
        danted = starttls.program("danted")
        port = lab.free_port()
        there = lab.folder("dante")
        conf = lab.write(os.path.join(there, "conf"), """
logoutput: stderr
internal: 127.0.0.1 port = {port}
external: 127.0.0.1
clientmethod: none
socksmethod: none
user.unprivileged: nobody
client pass {{ from: 127.0.0.0/8 to: 0/0 }}
socks pass {{
  from: 127.0.0.0/8 to: 0/0
  command: connect
  proxyprotocol: socks_v4 socks_v5
}}
""".format(port=port))
        server = self.enterContext(lab.Process([danted, "-f", conf, "-p", os.path.join(there, "pid"), "-N", "1"]))
        starttls.wait_for_port(port, server)
        for scheme in "socks4", "socks5h":
            self.setUp()
            with self.subTest(scheme):
                self.check(["--proxy", "%s://127.0.0.1:%d" % (scheme, port), self.target()], GET, self.server.url)

    def test_socks4a(self):
        asked = []
        with tools.tcp_server(socks4a_proxy(asked)) as port:
            self.fetch_root("--proxy", "socks4a://127.0.0.1:%d" % port, "localhost:%d" % self.server.port)
        self.assertEqual(asked, ["localhost"])


class Inspecting(Case):
    """squid as an inspecting proxy: it makes every server's certificate with its own CA."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        squid, generator = starttls.program("squid"), starttls.program("/usr/lib/squid/security_file_certgen")
        there = lab.folder("bump")
        os.chmod(there, 0o755)
        cls.port = lab.free_port()
        lab.run([generator, "-c", "-s", os.path.join(there, "db"), "-M", "4MB"])
        pem = lab.write(os.path.join(there, "ca.pem"),
                        lab.read(lab.cert("other-root.pem")) + lab.read(lab.cert("other-root.key")), 0o644)
        conf = lab.write(os.path.join(there, "squid.conf"), """
http_port 127.0.0.1:{port} ssl-bump tls-cert={pem} generate-host-certificates=on dynamic_cert_mem_cache_size=4MB
sslcrtd_program {generator} -s {there}/db -M 4MB
sslcrtd_children 2 startup=1
ssl_bump bump all
sslproxy_cert_error allow all
tls_outgoing_options flags=DONT_VERIFY_PEER
pid_filename none
cache deny all
cache_log {there}/cache.log
access_log none
coredump_dir {there}
shutdown_lifetime 0 seconds
pinger_enable off
netdb_filename none
http_access allow all
""".format(port=cls.port, pem=pem, generator=generator, there=there))
        if os.geteuid() == 0:
            for base, dirs, files in os.walk(there):
                for name in [base] + [os.path.join(base, f) for f in files]:
                    shutil.chown(name, "proxy", "proxy")
        server = cls.enterClassContext(lab.Process([squid, "-N", "-f", conf, "-n", "labbump"], cwd=there))
        starttls.wait_for_port(cls.port, server)

    def test_its_ca_is_saved(self):
        url = "http://127.0.0.1:%d" % self.port
        other = tools.fingerprint(lab.cert("other-root.pem"))
        args = ["--proxy", url, "localhost:%d" % self.server.port]
        self.fetch(*args, code=1)
        self.fetch("--fingerprint", self.root, *args, code=1)
        result = self.fetch("--fingerprint", other, *args, env={"SSL_CERT_FILE": lab.cert("other-root.pem")})
        self.assertEqual(tools.fingerprint(result.out.strip()), other)
        code = "import sys, urllib.request as u; u.urlopen(sys.argv[1])"
        argv = [tools.tool("catrust-run"), "/usr/bin/python3", "-c", code, self.server.named_url]
        env = {"https_proxy": url, "no_proxy": None}
        self.assertIn("certificate verify failed", lab.run(argv, dirs=[lab.folder()], env=env).err)
        got = lab.run(argv, dirs=[self.dir], env=env)
        self.assertEqual(got.code, 0, got.err)


if __name__ == "__main__":
    lab.main()
