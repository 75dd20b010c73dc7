# SPDX-License-Identifier: Apache-2.0
"""Servers with the shim: a corporate CA in the trust directory lets no client in. A server that names this CA for
its clients still accepts them, in every order."""

import contextlib
import glob
import json
import os
import pwd
import re
import signal
import socket
import ssl
import subprocess
import threading
import time
import unittest

from lab import lab
from lab import policy as policy_lab

# A server of one connection after another, on PORT; each answer is what became of the handshake.
# sys.argv: how to make the context (code), then files.
SERVER = lab.PRELUDE + r"""
def load(c, how, file):
    if how == "cafile":
        c.load_verify_locations(file)
    elif how == "capath":
        c.load_verify_locations(capath=os.path.dirname(file))
    elif how == "str":
        c.load_verify_locations(cadata=open(file).read())
    elif how == "bytes":
        c.load_verify_locations(cadata=ssl.PEM_cert_to_DER_cert(open(file).read()))
    elif how == "cafile and capath":
        c.load_verify_locations(file, os.path.dirname(file))

def own(c):
    c.load_cert_chain(F["chain"], F["key"])
    c.check_hostname, c.verify_mode = False, ssl.CERT_REQUIRED

def fetch(c, port):
    # As a client of the lab's server, which only the trust directory's anchor makes possible.
    before = c.verify_mode
    c.verify_mode = ssl.CERT_REQUIRED
    print(get(c, port), end="", flush=True)
    c.verify_mode = before

F = json.loads(sys.argv[1])
KIND = {"server": ssl.PROTOCOL_TLS_SERVER, "generic": ssl.PROTOCOL_TLS}[sys.argv[2]]
exec(sys.argv[3])

with socket.socket() as listener:
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    print("listens on", listener.getsockname()[1], flush=True)
    while True:
        s, _ = listener.accept()
        s.settimeout(20)
        try:
            with c.wrap_socket(s, server_side=True) as t:
                name = dict(x[0] for x in t.getpeercert()["subject"])["commonName"]
                t.recv(4096)  # unread data would make the close a reset, which overtakes the answer
                t.sendall(b"HTTP/1.0 200 OK\r\n\r\naccepted " + name.encode())
                print("accepted", name, flush=True)
        except Exception as e:
            print("refused", e, flush=True)
"""


def client(port, stem, maximum=""):
    """What a client gets, in the test's own process, without the shim."""
    try:
        with socket.create_connection(("127.0.0.1", port), 20) as s:
            return ask(s, stem, maximum)
    except OSError as e:
        return str(e)


def ask(s, stem, maximum="", path="/"):
    c = ssl.create_default_context(cafile=lab.cert("corp-root.pem"))
    if maximum == "1.2":
        c.maximum_version = ssl.TLSVersion.TLSv1_2
    c.load_cert_chain(lab.cert(stem + ".pem"), lab.cert(stem + ".key"))
    with c.wrap_socket(s, server_hostname="localhost") as t:
        t.sendall(b"GET %s HTTP/1.0\r\n\r\n" % path.encode())
        return b"".join(iter(lambda: t.recv(65536), b"")).decode()


def hashed(name):
    """A folder that is a capath with only this certificate, and the certificate's path in it."""
    path = lab.folder("capath")
    file = lab.write(os.path.join(path, "ca.pem"), lab.read(lab.cert(name)))
    lab.openssl("rehash", path)
    return file


class Servers(lab.Case):
    """Two clients connect to each server: one has a certificate of the corporate CA, one has a certificate of the
    service's own client CA."""

    @classmethod
    def setUpClass(cls):
        cls.dirs = [lab.trustdir("corp-root.pem", "corp-sub.pem")]

    def knock(self, port, corp, own, versions=("", "1.2"), answer="accepted ", denied="alert|EOF|reset"):
        for version in versions:
            for stem, welcome, name in (("client", corp, "corp client"), ("own-client", own, "own client")):
                with self.subTest(client=stem, version=version):
                    out = client(port, stem, version)
                    if welcome:
                        self.assertIn(answer.replace("NAME", name), out)
                    else:
                        self.assertRegex(out, denied)
                        self.assertNotIn(answer.replace("NAME", name), out)


class PythonServers(Servers):
    def serve(self, make, corp, own, kinds=("server", "generic"), uses=0):
        """make: code that puts the server's context into c."""
        files = {"chain": lab.cert("server-chain.pem"), "key": lab.cert("server.key"),
                 "corp": self.corp, "own": self.own, "all": self.both, "port": self.upstream.port}
        for kind in kinds:
            for shim in False, True:
                if uses and not shim:
                    continue  # without the shim there is no use as a client that could succeed
                env = lab.shim_env(self.dirs) if shim else lab.clean_env(CATRUST_DIR=self.dirs[0])
                argv = [lab.PYTHON, "-c", SERVER, json.dumps(files), kind, make]
                with self.subTest(make=make, context=kind, shim=shim), \
                        lab.Process(argv, ready=r"listens on (\d+)", env=env) as server:
                    self.knock(server.port, corp, own, answer="accepted NAME")
                    self.assertNotIn("catrust", server.output())
                    self.assertEqual(uses, server.output().count(lab.PAGE))
                    self.assertEqual(2 * (corp + own), server.output().count("accepted"))

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.corp, cls.own = hashed("corp-root.pem"), hashed("client-root.pem")
        cls.both = lab.write(lab.folder() + "/both.pem", lab.read(cls.corp) + lab.read(cls.own))
        cls.hows = ["cafile", "capath", "str"] + ["bytes"] * lab.takes_der()
        cls.upstream = lab.server()
        cls.upstream.__enter__()
        cls.addClassCleanup(cls.upstream.__exit__)

    NEW = "c = ssl.SSLContext(KIND); own(c); "

    def test_refuses_clients_of_the_corporate_ca(self):
        for how in self.hows:
            self.serve(self.NEW + "load(c, %r, F['own'])" % how, corp=False, own=True)

    def test_refuses_all_without_a_client_ca(self):
        self.serve(self.NEW, corp=False, own=False)
        self.serve(self.NEW + "c.load_default_certs(ssl.Purpose.CLIENT_AUTH)", corp=False, own=False)

    def test_generic_context_was_a_client_first(self):
        for how in self.hows:
            self.serve(self.NEW + "load(c, %r, F['own']); fetch(c, F['port'])" % how, corp=False, own=True,
                       kinds=["generic"], uses=1)
            self.serve(self.NEW + "fetch(c, F['port']); load(c, %r, F['own'])" % how, corp=False, own=True,
                       kinds=["generic"], uses=1)

    def test_accepts_where_the_server_names_the_corporate_ca(self):
        for how in self.hows:
            self.serve(self.NEW + "load(c, %r, F['corp'])" % how, corp=True, own=False)
        self.serve(self.NEW + "load(c, 'cafile', F['all'])", corp=True, own=True)

    def test_accepts_whatever_the_order(self):
        """Loaded before, after and between uses as a client, in each way."""
        for how in self.hows:
            self.serve(self.NEW + "load(c, %r, F['corp']); fetch(c, F['port'])" % how, corp=True, own=False,
                       kinds=["generic"], uses=1)
            self.serve(self.NEW + "fetch(c, F['port']); load(c, %r, F['corp'])" % how, corp=True, own=False,
                       kinds=["generic"], uses=1)

    def test_accepts_after_several_loads(self):
        self.serve(self.NEW + "fetch(c, F['port']); load(c, 'str', F['own']); fetch(c, F['port']);"
                   " load(c, 'cafile', F['all']); fetch(c, F['port'])", corp=True, own=True, kinds=["generic"],
                   uses=3)
        self.serve(self.NEW + "fetch(c, F['port']); load(c, 'cafile and capath', F['corp']);"
                   " load(c, 'cafile and capath', F['own'])", corp=True, own=True, kinds=["generic"], uses=1)

    def test_client_ca_that_is_gone_from_the_capath(self):
        """The library searches no anchors in a server's directories, so none of their contents are kept."""
        self.serve(self.NEW + "import shutil, tempfile; d = tempfile.mkdtemp(); "
                   "shutil.copytree(os.path.dirname(F['corp']), d + '/c'); load(c, 'capath', d + '/c/ca.pem'); "
                   "shutil.rmtree(d)", corp=False, own=False)

    def test_a_load_that_failed_changes_nothing(self):
        self.serve(self.NEW + "fetch(c, F['port']); attempt(load, c, 'cafile', '/nowhere');"
                   " attempt(load, c, 'str', '/dev/null'); load(c, 'cafile', F['own'])", corp=False, own=True,
                   kinds=["generic"], uses=1)

    def test_contexts_side_by_side(self):
        """A client's context in the same process has the anchors, but the server's does not."""
        for make in ("k = ssl.create_default_context(); fetch(k, F['port']); " + self.NEW,
                     self.NEW + "k = ssl.create_default_context(); fetch(k, F['port']); "):
            self.serve(make + "load(c, 'cafile', F['own'])", corp=False, own=True, uses=1)
            self.serve(make + "load(c, 'cafile', F['corp'])", corp=True, own=False, uses=1)

    def test_context_changed_by_the_server_name(self):
        """A callback for the client's server name replaces the context by another."""
        make = self.NEW + "d = c; load(d, 'cafile', F['own']); c = ssl.SSLContext(KIND); own(c);" \
            " fetch(c, F['port']) if KIND == ssl.PROTOCOL_TLS else None;" \
            " c.set_servername_callback(lambda t, name, old: setattr(t, 'context', d))"
        self.serve(make, corp=False, own=True, kinds=["server"])
        self.serve(make, corp=False, own=True, kinds=["generic"], uses=1)

    def test_both_roles_at_the_same_time(self):
        """Threads use a generic context as a client while others serve with it: neither role disturbs the other, and
        no client gets in."""
        make = self.NEW + """load(c, 'cafile', F['own'])
import threading
def run():
    failed = [r for r in (attempt(get, c, F['port']) for _ in range(250)) if not isinstance(r, str)]
    print('as a client:', len(failed), 'failed', failed[:1], flush=True)
fetch(c, F['port'])
for _ in range(4): threading.Thread(target=run).start()
"""
        files = {"chain": lab.cert("server-chain.pem"), "key": lab.cert("server.key"), "own": self.own,
                 "port": self.upstream.port}
        with lab.Process([lab.PYTHON, "-c", SERVER, json.dumps(files), "generic", make],
                         ready=r"listens on (\d+)", env=lab.shim_env(self.dirs)) as server:
            answers = {"client": set(), "own-client": set()}
            end, done = time.monotonic() + lab.TIMEOUT, "as a client:"

            def knock(stem):
                while server.output().count(done) < 4 and time.monotonic() < end:
                    answers[stem].add(client(server.port, stem))

            threads = [threading.Thread(target=knock, args=(stem,)) for stem in answers]
            for t in threads:
                t.start()
            for t in threads:
                t.join()
            self.assertEqual(4, server.output().count(done + " 0 failed []"), server.output()[-600:])
            self.assertEqual({"HTTP/1.0 200 OK\r\n\r\naccepted own client"}, answers["own-client"])
            for answer in answers["client"]:
                self.assertRegex(answer, "alert|EOF|reset")
            self.assertNotIn("accepted corp", server.output())


class PyOpenSSLServers(Servers):
    """pyOpenSSL replaces a context's store, and adds to stores that are already attached."""

    CODE = lab.PRELUDE + r"""
from OpenSSL import SSL, crypto
F = json.loads(sys.argv[1])
pem = lambda name: crypto.load_certificate(crypto.FILETYPE_PEM, open(F[name], "rb").read())
def new():
    c = SSL.Context(SSL.TLS_METHOD)
    c.use_certificate_chain_file(F["chain"])
    c.use_privatekey_file(F["key"])
    c.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, lambda *a: bool(a[-1]))
    return c
def fetch(c):
    with socket.create_connection(("127.0.0.1", F["port"])) as s:
        t = SSL.Connection(c, s)
        t.set_connect_state()
        t.do_handshake()
        print(F["page"], end="", flush=True)
c = new()
exec(sys.argv[2])
with socket.create_server(("127.0.0.1", 0)) as listener:
    print("listens on", listener.getsockname()[1], flush=True)
    while True:
        s, _ = listener.accept()
        try:
            t = SSL.Connection(c, s)
            t.set_accept_state()
            t.do_handshake()
            t.recv(4096)
            t.sendall(b"HTTP/1.0 200 OK\r\n\r\naccepted " + t.get_peer_certificate().get_subject().CN.encode())
            t.shutdown()
        except Exception as e:
            print("refused", e, flush=True)
        s.close()
"""

    def serve(self, make, corp, own, uses):
        lab.need(modules=["OpenSSL"])
        with lab.server() as upstream:
            files = {"chain": lab.cert("server-chain.pem"), "key": lab.cert("server.key"),
                     "corp": lab.cert("corp-root.pem"), "own": lab.cert("client-root.pem"),
                     "port": upstream.port, "page": lab.PAGE}
            argv = [lab.PYTHON, "-c", self.CODE, json.dumps(files), make]
            with self.subTest(make=make), \
                    lab.Process(argv, ready=r"listens on (\d+)", env=lab.shim_env(self.dirs)) as server:
                self.assertEqual(uses, server.output().count(lab.PAGE), server.output())
                self.knock(server.port, corp, own, answer="accepted NAME")

    def test_never_the_corporate_ca(self):
        self.serve("", False, False, 0)
        self.serve("fetch(c)", False, False, 1)
        self.serve("fetch(c); c.get_cert_store().add_cert(pem('own'))", False, True, 1)
        self.serve("c.load_verify_locations(F['own']); fetch(c)", False, True, 1)

    def test_added_to_the_store_by_the_server(self):
        self.serve("c.get_cert_store().add_cert(pem('corp'))", True, False, 0)
        self.serve("c.get_cert_store().add_cert(pem('corp')); fetch(c)", True, False, 1)
        self.serve("fetch(c); c.get_cert_store().add_cert(pem('corp'))", True, False, 1)
        self.serve("fetch(c); c.load_verify_locations(F['corp'])", True, False, 1)


class SharedStores(lab.Case):
    """A C program gives a client context's store to a server context, and both use it."""

    EXPECTED = """\
all loaded: client 0 server 0 accepted
""" + """\
empty store given to a client: client 0 server 0 accepted
the same store given to a server: client 0 server 19 refused
the server's own load into it: client 0 server 0 accepted
loaded store given to a client: client 0 server 0 accepted
and to a server: client 0 server 0 accepted
generic context as a client: client 0 server 0 accepted
its store in a server: client 0 server 19 refused
and loaded through the server: client 0 server 0 accepted
generic context as a client: client 0 server 0 accepted
loaded, its store in a server: client 0 server 0 accepted
""" * 2

    @classmethod
    def setUpClass(cls):
        lab.need(programs=["cc"])
        source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "stores.c")
        cls.program = lab.folder("stores") + "/stores"
        built = lab.run(["cc", "-O1", "-o", cls.program, source, "-lssl", "-lcrypto", "-lpthread"])
        if built.code != 0:
            raise RuntimeError(built.err)
        cls.dirs = [lab.trustdir("corp-root.pem")]

    def test_in_every_order(self):
        argv = [self.program] + [lab.cert(name) for name in (
            "corp-root.pem", "server-chain.pem", "server.key", "client.pem", "client.key")]
        without, result = (lab.run(argv, dirs=self.dirs, shim=shim) for shim in (False, True))
        self.assertEqual((0, self.EXPECTED, ""), result)
        # Without the shim a client with an empty store gets nowhere; the servers do the same.
        self.assertEqual(re.sub("(empty store|generic context).*", "", self.EXPECTED),
                         re.sub("(empty store|generic context).*", "", without.out))

    def places(self, name="corp-root.pem"):
        """A certificate as a file, in a capath, as a TRUSTED CERTIFICATE for clients, and as DER."""
        file, path = hashed(name), lab.folder("trusted")
        lab.openssl("x509", "-in", file, "-addtrust", "clientAuth", "-trustout", "-out", path + "/trusted.pem")
        lab.openssl("x509", "-in", file, "-outform", "DER", "-out", path + "/ca.der")
        return [file, os.path.dirname(file), path + "/trusted.pem", path + "/ca.der"]

    def both(self, *args, dirs=None):
        """The output lines without the shim and with it."""
        results = [lab.run([self.program, *args], dirs=dirs or self.dirs, shim=shim) for shim in (False, True)]
        for result in results:
            self.assertEqual((0, ""), (result.code, result.err), result)
        return [result.out.splitlines() for result in results]

    IDENTITIES = ["server-chain.pem", "server.key", "client.pem", "client.key"]

    def test_loaded_after_a_use_as_a_client(self):
        """OpenSSL ignores the load, because the certificate is already an anchor; the server must not lose it."""
        without, there = self.both("late", *self.places(), *map(lab.cert, self.IDENTITIES))
        self.assertEqual(28 * 2, len(without))
        self.assertEqual([], [line for line in without[1::2] if not line.endswith("server 0 accepted")])
        self.assertEqual([], [line for line in there if not line.endswith("client 0 server 0 accepted")])

    def test_own_ca_of_the_same_name_as_an_anchor(self):
        """Anchors hide nothing that a client loads, in any order and any way."""
        dirs = [lab.trustdir("corp-root-old.pem")]
        without, there = self.both("same-name", *self.places(), *map(lab.cert, self.IDENTITIES), dirs=dirs)
        self.assertEqual(without, there)
        self.assertEqual(48, sum(line.endswith("client 0 server 0 accepted") for line in there), there)

    def test_handed_over_to_a_server(self):
        without, there = self.both("handed-over", lab.cert("other-root.pem"))
        self.assertEqual(["given: 1"] * 4 + ["made a server: 1"] * 3, without)
        self.assertEqual(without, there)

    def test_anchors_are_not_sent_along(self):
        """libssl completes the chain of a client's own certificate with the store."""
        dirs = [lab.trustdir("corp-root.pem", "corp-sub.pem")]
        for cas, count in (["other-root.pem"], 0), (["corp-root.pem"], 0), (["corp-sub.pem", "corp-root.pem"], 2):
            without, there = self.both("sent", *map(lab.cert, ["server.pem", "server.key", *cas]), dirs=dirs)
            self.assertEqual(["sent along: %d" % count] * 2, without)
            self.assertEqual(without, there)

    def test_used_as_a_client_while_it_loads(self):
        bundle = lab.write(lab.folder() + "/bundle.pem",
                           lab.read(lab.cert("other-root.pem")) * 900 + lab.read(lab.cert("corp-root.pem")))
        there = self.both("during", lab.cert("corp-root.pem"), bundle, *map(lab.cert, self.IDENTITIES))[1]
        self.assertEqual(["during the load: server 0 accepted"] * 3, there)

    def test_a_server_keeps_its_clients(self):
        """The anchor may be below the server's CA for its clients, another certificate of it, or the same
        certificate; the server works as before, and no anchor lets anybody in."""
        p = policy_lab.Pki()
        p.ca("root")
        p.ca("again", cn="CA root", key="root")
        p.ca("sub", "root")
        p.ca("other")
        server = p.chain(p.leaf("server", "sub", "DNS:localhost"))
        for issuer in "root", "sub":
            client = p.chain(p.leaf("client-" + issuer, issuer, more="extendedKeyUsage = clientAuth"))
            for own in "root", "again", "other":
                without = self.as_server([p.cert(own), server, server, client, client], [])
                self.assertEqual(4, len(without))
                self.assertEqual({"refused" if own == "other" else "accepted"}, {line.split()[-1] for line in without})
                for anchors in ["sub"], ["root"], ["again"], ["root", "sub"], ["root", "again", "sub"]:
                    with self.subTest(client=issuer, own=own, anchors=anchors):
                        self.assertEqual(without, self.as_server([p.cert(own), server, server, client, client],
                                                                 [p.trustdir({"": anchors})]))

    def as_server(self, args, dirs):
        """What a server prints that also acts as a client in between; its client part works thanks to the anchors."""
        result = lab.run([self.program, "both", *args], dirs=dirs, shim=bool(dirs))
        self.assertEqual((0, ""), (result.code, result.err))
        if dirs:
            self.assertEqual(6, result.out.count("as a client: client 0 server 0 accepted\n"), result.out)
        return [line.split(" server ")[1] for line in result.out.splitlines() if line.startswith("as a server")]

    def test_both_roles_at_the_same_time(self):
        argv = [self.program, "race"] + [lab.cert(name) for name in (
            "corp-root.pem", "client-root.pem", "server-chain.pem", "server.key", "client.pem", "client.key",
            "own-client.pem", "own-client.key")]
        without, result = (lab.run(argv, dirs=self.dirs, shim=shim) for shim in (False, True))
        expected = "servers not trusted %d, clients let in 0, own clients kept out 0\n"
        self.assertEqual((0, expected % 1200, ""), without)
        self.assertEqual((0, expected % 0, ""), result)


class Nginx(Servers):
    CONFIG = """
daemon off;
pid %(dir)s/pid;
error_log stderr;
%(user)s
events { }
http {
    access_log off;
    client_body_temp_path %(dir)s/body;
    proxy_temp_path %(dir)s/proxy;
    fastcgi_temp_path %(dir)s/fastcgi;
    uwsgi_temp_path %(dir)s/uwsgi;
    scgi_temp_path %(dir)s/scgi;
    server {
        listen unix:%(dir)s/socket ssl;
        ssl_certificate %(chain)s;
        ssl_certificate_key %(key)s;
        ssl_client_certificate %(ca)s;
        ssl_verify_client on;
        ssl_verify_depth 3;
        location / { return 200 "accepted $ssl_client_s_dn"; }
        location /upstream {
            proxy_pass https://127.0.0.1:%(port)d/;
            proxy_ssl_verify on;
            proxy_ssl_verify_depth 3;
            proxy_ssl_name localhost;
            proxy_ssl_trusted_certificate %(other)s;
        }
    }
}
"""
    @staticmethod
    def is_listening(server):
        """The socket exists some moments before nginx listens."""
        with socket.socket(socket.AF_UNIX) as s:
            return s.connect_ex(server.socket) == 0

    @staticmethod
    def ask(server, stem, version="", path="/"):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(20)
            s.connect(server.socket)
            return ask(s, stem, version, path)

    def serve(self, ca, shim, upstream):
        lab.need(programs=["nginx"])
        path = lab.folder("nginx")
        os.chmod(path, 0o777)
        config = lab.write(path + "/nginx.conf", self.CONFIG % {
            "dir": path, "chain": lab.cert("server-chain.pem"), "key": lab.cert("server.key"), "ca": lab.cert(ca),
            "user": "user nobody nogroup;" if os.geteuid() == 0 else "", "port": upstream.port,
            "other": lab.cert("other-root.pem")})
        env = lab.shim_env(self.dirs) if shim else lab.clean_env()
        server = lab.Process(["nginx", "-p", path, "-e", "stderr", "-c", config, "-g",
                              "worker_processes 2;"], ready=None, env=env)
        server.socket = path + "/socket"
        return server

    def test_client_certificates(self):
        for ca, welcome in ("client-root.pem", "own-client"), ("corp-root.pem", "client"):
            for shim in False, True:
                with self.subTest(ca=ca, shim=shim), lab.server() as upstream, \
                        self.serve(ca, shim, upstream) as server:
                    lab.wait_for(lambda: self.is_listening(server), server)
                    for version in "", "1.2":
                        for stem in "client", "own-client":
                            out = self.ask(server, stem, version)
                            if stem == welcome:
                                self.assertRegex(out, r"200 OK[^~]*accepted \S+CN=")
                            else:
                                self.assertRegex(out, "400 Bad Request[^~]*The SSL certificate error")
                    # As a client of another server, nginx is reached by the shim.
                    for _ in range(2):
                        out = self.ask(server, welcome, path="/upstream")
                        self.assertIn(lab.PAGE if shim else "502 Bad Gateway", out)
                    # And has not become more generous by it.
                    for stem in "client", "own-client":
                        out = self.ask(server, stem)
                        self.assertEqual(stem == welcome, "CN=" in out, out)
                    self.assertNotIn("catrust", server.output())


def postgres_bin():
    found = glob.glob("/usr/lib/postgresql/*/bin/initdb")
    return os.path.dirname(max(found, key=lambda f: float(f.split("/")[4]))) if found else None


def server_user():
    """PostgreSQL does not run as root."""
    if os.geteuid() != 0:
        return {}
    for name in "postgres", "nobody":
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    raise unittest.SkipTest("no user to run PostgreSQL as")


@unittest.skipUnless(postgres_bin(), "no PostgreSQL server")
class PostgreSQL(Servers):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.bin, cls.user = postgres_bin(), server_user()
        cls.dir = lab.folder("postgres")
        cls.keys = {}
        for stem in "server", "client", "own-client":
            # The server's key must be the server's own, a client's the client's.
            cls.keys[stem] = lab.write(os.path.join(cls.dir, stem + ".key"), lab.read(lab.cert(stem + ".key")), 0o600)
        if cls.user:
            for path in cls.dir, cls.keys["server"]:
                os.chown(path, cls.user["user"], cls.user["group"])
        cls.data = cls.dir + "/data"
        cls.as_server("initdb", "-D", cls.data, "--no-sync", "-A", "trust", "-U", "admin", "--no-locale", "-E", "UTF8")
        # In place: it stays the server's own file.
        with open(cls.data + "/pg_hba.conf", "w") as f:
            f.write("hostssl all all 127.0.0.1/32 trust clientcert=verify-full\n")
        # One role for each client: the name is not what decides.
        cls.as_server("postgres", "--single", "-D", cls.data, "postgres",
                      data=b'CREATE ROLE "corp client" LOGIN;\nCREATE ROLE "own client" LOGIN;\n')

    @classmethod
    def as_server(cls, program, *args, data=b""):
        done = subprocess.run([os.path.join(cls.bin, program), *args], input=data, cwd=cls.dir, env=lab.clean_env(),
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=lab.TIMEOUT, **cls.user)
        if done.returncode != 0:
            raise RuntimeError("%s: %s" % (program, done.stdout.decode()))

    @contextlib.contextmanager
    def serve(self, ca, shim, chain=None):
        """The port is free when it is chosen; if it is taken a moment later, the test uses another one. chain: the
        server's key and certificates; default: the lab's."""
        env = lab.shim_env(self.dirs) if shim else lab.clean_env()
        options = {"listen_addresses": "127.0.0.1", "unix_socket_directories": "", "ssl": "on",
                   "ssl_cert_file": chain or lab.cert("server-chain.pem"),
                   "ssl_key_file": chain or self.keys["server"],
                   "ssl_ca_file": lab.cert(ca), "logging_collector": "off", "max_connections": "10",
                   "shared_buffers": "1MB"}
        with contextlib.ExitStack() as stack:
            for last in False, False, False, True:
                port = lab.free_port()
                server = lab.Process([os.path.join(self.bin, "postgres"), "-D", self.data, "-p", port, "-F",
                                      *("-c%s=%s" % pair for pair in options.items())],
                                     ready="ready to accept connections", env=env, cwd=self.dir,
                                     stop=signal.SIGINT, **self.user)
                try:
                    stack.enter_context(server)
                    break
                except RuntimeError as e:
                    if last or "already in use" not in str(e):
                        raise
            server.port = port
            yield server

    def psql(self, port, stem, root="corp-root.pem", mode="verify-full", shim=False, host="127.0.0.1", dirs=None):
        name = {"client": "corp client", "own-client": "own client"}[stem]
        target = "host=%s port=%s dbname=postgres user='%s' sslmode=%s sslrootcert=%s sslcert=%s sslkey=%s " \
            "connect_timeout=20" % (host, port, name, mode, root if root == "system" else lab.cert(root),
                                    lab.cert(stem + ".pem"), self.keys[stem])
        return lab.run([os.path.join(self.bin, "psql"), "-X", "-At", "-d", target,
                        "-c", "select 'accepted ' || user || ' ' || ssl from pg_stat_ssl where pid = pg_backend_pid()"],
                       shim=shim, dirs=dirs or self.dirs)

    def test_client_certificates(self):
        for ca, welcome in ("client-root.pem", "own-client"), ("corp-root.pem", "client"):
            for shim in False, True:
                with self.subTest(ca=ca, shim=shim), self.serve(ca, shim) as server:
                    for stem in "client", "own-client":
                        result = self.psql(server.port, stem)
                        if stem == welcome:
                            self.assertRegex(result.out, "accepted .* true")
                        else:
                            self.assertRegex(result.err, "alert unknown ca|SSL error|alert")
                            self.assertNotEqual(0, result.code)
                    self.assertNotIn("catrust", server.output())

    def test_libpq_as_a_client(self):
        with self.serve("client-root.pem", False) as server:
            roots = ["other-root.pem"]
            version = int(lab.run([os.path.join(self.bin, "psql"), "--version"]).out.split()[2].split(".")[0])
            if version >= 16:
                roots.append("system")
            for root in roots:
                for mode in "verify-full", "verify-ca":
                    with self.subTest(root=root, mode=mode):
                        if root == "system" and mode == "verify-ca":
                            continue  # libpq does not take it
                        without = self.psql(server.port, "own-client", root, mode)
                        self.assertIn("certificate verify failed", without.err)
                        result = self.psql(server.port, "own-client", root, mode, shim=True)
                        self.assertEqual((0, "accepted own client true\n", ""), result)
            # The corporate CA vouches for the chain, not for any name.
            for shim in False, True:
                root = "other-root.pem" if shim else "corp-root.pem"
                result = self.psql(server.port, "own-client", root, shim=shim, host="127.0.0.2")
                self.assertNotEqual(0, result.code)

    def own_chain(self, p, stem):
        """The server's key must belong to the server."""
        path = lab.write(os.path.join(self.dir, stem + ".pem"), lab.read(p.chain(stem)), 0o600)
        if self.user:
            os.chown(path, self.user["user"], self.user["group"])
        return path

    def test_common_name_that_libpq_takes_for_an_address(self):
        """Besides DNS names; a scope still applies to it."""
        p = policy_lab.Pki()
        root = p.cert(p.ca("root"))
        p.leaf("named", "root", "DNS:x.corp.example", cn="127.0.0.1")
        scoped, both, top = ([p.trustdir({folder: ["root"] for folder in folders})] for folders in
                             (["corp.example"], ["corp.example", "127.0.0.1"], [""]))
        with self.serve("client-root.pem", False, self.own_chain(p, "named")) as server:
            # What libpq does by itself, and with an anchor for every name.
            self.assertEqual((0, "accepted own client true\n", ""), self.psql(server.port, "own-client", root))
            for dirs, refused in (scoped, True), (both, False), (top, False):
                with self.subTest(dirs):
                    result = self.psql(server.port, "own-client", "other-root.pem", shim=True, dirs=dirs)
                    if refused:
                        self.assertIn("certificate verify failed", result.err)
                        self.assertNotIn("accepted", result.out)
                    else:
                        self.assertEqual((0, "accepted own client true\n", ""), result)

    def test_common_name_that_a_dns_name_begins_with(self):
        p = policy_lab.Pki()
        p.ca("root")
        p.leaf("server01", "root", "DNS:server01.corp.example", cn="server01")
        dirs = [p.trustdir({"corp.example": ["root"]})]
        host = "server01.corp.example hostaddr=127.0.0.1"
        with self.serve("client-root.pem", False, self.own_chain(p, "server01")) as server:
            result = self.psql(server.port, "own-client", "other-root.pem", host=host, dirs=dirs)
            self.assertIn("certificate verify failed", result.err)
            result = self.psql(server.port, "own-client", "other-root.pem", shim=True, host=host, dirs=dirs)
            self.assertEqual((0, "accepted own client true\n", ""), result)


if __name__ == "__main__":
    lab.main()
