# SPDX-License-Identifier: Apache-2.0
"""The policy in running programs that use OpenSSL in different ways, with TLS 1.2 and 1.3: scopes, changes while
they run, strict mode, and private CAs. Each keeps its context or session from one request to the next."""

import contextlib
import functools
import os
import shutil
import ssl
import subprocess
import threading
import time

from lab import lab
from lab.policy import Pki

VERSIONS = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
SCOPE, OK = "permitted subtree violation", "ok"
UNKNOWN = "unable to get local issuer certificate"

# Each answers a line on stdin, a port, with one on stdout: "ok", or why not. A[1]: a CA of its own, or nothing; A[2]:
# flags for verification.
LOOP = lab.PRELUDE + r"""
def client_context():
    c = ssl.create_default_context(cafile=sys.argv[1] or None)
    c.verify_flags |= int(sys.argv[2])
    return c
def serve(request):
    for line in sys.stdin:
        try:
            request(int(line))
            said = "ok"
        except Exception as e:
            said = " ".join(str(e).split())
        print(said, flush=True)
"""
PROGRAMS = {
    "asyncio": ((), r"""
import asyncio
c, loop = client_context(), asyncio.new_event_loop()
async def get_page(port):
    reader, writer = await asyncio.open_connection("localhost", port, ssl=c)
    writer.write(b"GET / HTTP/1.0\r\n\r\n")
    assert b"200" in await reader.read()
    writer.close()
serve(lambda port: loop.run_until_complete(get_page(port)))
"""),
    "aiohttp": (("aiohttp",), r"""
import aiohttp, asyncio
loop = asyncio.new_event_loop()
async def get_page(session, port):
    async with session.get("https://localhost:%d/" % port) as answer:
        assert answer.status == 200
async def main():
    connector = aiohttp.TCPConnector(ssl=client_context(), force_close=True)
    async with aiohttp.ClientSession(connector=connector) as session:
        while True:
            line = await loop.run_in_executor(None, sys.stdin.readline)
            if not line:
                return
            try:
                await get_page(session, int(line))
                said = "ok"
            except aiohttp.ClientError as e:
                said = " ".join(str(e).split())
            print(said, flush=True)
loop.run_until_complete(main())
"""),
    "requests": (("requests",), r"""
import requests, requests.adapters
class Adapter(requests.adapters.HTTPAdapter):
    def init_poolmanager(self, *args, **more):
        super().init_poolmanager(*args, ssl_context=client_context(), **more)
session = requests.Session()
if sys.argv[1] or sys.argv[2] != "0":
    session.mount("https://", Adapter())
if sys.argv[1]:
    session.verify = sys.argv[1]
serve(lambda port: session.get("https://localhost:%d/" % port).raise_for_status())
"""),
    "pyOpenSSL": (("OpenSSL",), r"""
from OpenSSL import SSL
seen = []
def observe(connection, cert, code, depth, ok):
    seen.append((ok, SSL._ffi.string(SSL._lib.X509_verify_cert_error_string(code)).decode()))
    return bool(ok)
c = SSL.Context(SSL.TLS_CLIENT_METHOD)
if sys.argv[1]:
    c.load_verify_locations(sys.argv[1])
else:
    c.set_default_verify_paths()
c.get_cert_store().set_flags(int(sys.argv[2]))
c.set_verify(SSL.VERIFY_PEER, observe)
def get_page(port):
    del seen[:]
    s = socket.create_connection(("localhost", port), 30)
    s.setblocking(True)
    t = SSL.Connection(c, s)
    t.set_tlsext_host_name(b"localhost")
    t.set_connect_state()
    try:
        t.do_handshake()
    except SSL.Error:
        raise OSError([text for ok, text in seen if not ok][-1])
    finally:
        s.close()
serve(get_page)
"""),
}


@functools.lru_cache(None)
def pki():
    return Pki()


class Program:
    """One of these programs, with the shim."""

    def __init__(self, name, path, cafile="", flags=0, env=None):
        modules, code = PROGRAMS[name]
        lab.need(modules=modules)
        self.process = subprocess.Popen(
            lab.guarded([lab.PYTHON, "-c", LOOP + code, cafile, flags]), start_new_session=True, cwd=lab.scratch(),
            env=lab.shim_env([path], CATRUST_LOG="off", **(env or {})), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True)

    def __enter__(self):
        return self

    def __exit__(self, *what):
        self.process.kill()
        self.process.communicate()

    def ask(self, port):
        late = threading.Timer(lab.TIMEOUT, self.process.kill)
        late.start()
        try:
            self.process.stdin.write("%d\n" % port)
            self.process.stdin.flush()
            said = self.process.stdout.readline().strip()
        finally:
            late.cancel()
        if not said:
            self.process.kill()
            raise AssertionError("no answer: " + self.process.stderr.read())
        return said


class Programs(lab.Case):
    def becomes(self, wanted, program, port):
        """Waits until the program gives the wanted answer. policy_live tests how soon that is."""
        end = time.monotonic() + 15
        while True:
            said = program.ask(port)
            if wanted in said or time.monotonic() > end:
                break
            time.sleep(0.1)
        self.assertIn(wanted, said)

    def each(self, check):
        for name in PROGRAMS:
            with self.subTest(name):
                check(name)

    def test_live_change_of_anchors_and_scopes(self):
        """All programs at once, in one directory."""
        path = lab.trustdir("other-root.pem")
        top, folders = os.path.join(path, "root.pem"), ("localhost", "127.0.0.1", "::1")
        with contextlib.ExitStack() as stack:
            ports = [stack.enter_context(lab.server(minimum=v, maximum=v)).port for v in VERSIONS]
            running = {name: stack.enter_context(Program(name, path)) for name, (modules, _) in PROGRAMS.items()
                       if all(map(lab.has_module, modules))}

            def all_say(wanted):
                for name, program in running.items():
                    for port, version in zip(ports, VERSIONS):
                        with self.subTest(name, version=version.name, wanted=wanted):
                            self.becomes(wanted, program, port)
            all_say(UNKNOWN)
            shutil.copy(lab.cert("corp-root.pem"), top)
            all_say(OK)
            os.mkdir(os.path.join(path, "corp.example"))
            os.rename(top, os.path.join(path, "corp.example", "root.pem"))
            all_say(SCOPE)
            # All of the certificate's names: its own host, and two addresses.
            for folder in folders:
                os.mkdir(os.path.join(path, folder))
                shutil.copy(lab.cert("corp-root.pem"), os.path.join(path, folder))
            all_say(OK)
            for folder in (*folders, "corp.example"):
                shutil.rmtree(os.path.join(path, folder))
            all_say(UNKNOWN)

    def strict(self, name):
        p, relax, flags = pki(), {"CATRUST_STRICT": "relax"}, int(ssl.VERIFY_X509_STRICT)
        root, leaf, finding = "strict-root", "strict-leaf", "(?i)basic constraints|key usage"
        if root not in p.issuers:
            p.ca(root, more="basicConstraints = CA:TRUE", without=["keyUsage"])
            p.leaf(leaf, root, "DNS:localhost")
        chain, anchors, others = p.chain(leaf), p.trustdir({"": [root]}), lab.trustdir("other-root.pem")
        # The last: trusted by the program alone, a chain stays under strict rules.
        for path, own, env, wanted in ((anchors, "", {}, finding), (anchors, "", relax, "^ok$"),
                                       (anchors, lab.cert("corp-root.pem"), relax, "^ok$"),
                                       (others, p.cert(root), relax, finding)):
            with lab.server(chain, key=chain, maximum=VERSIONS[0]) as old, \
                    lab.server(chain, key=chain, minimum=VERSIONS[1]) as new, \
                    Program(name, path, own, flags, env) as program:
                for server in old, new:
                    self.assertRegex(program.ask(server.port), wanted)

    def test_strict(self):
        if lab.run("import ssl; print(ssl.OPENSSL_VERSION_INFO >= (3,))").out.strip() != "True":
            self.skipTest("OpenSSL 1.1.1 looks for none of these")
        self.each(self.strict)

    def private(self, name):
        path = lab.trustdir("corp-root.pem")
        with lab.server() as corp, lab.server("other-server") as own:
            for contexts, wanted in ("all", OK), ("public", UNKNOWN):
                with Program(name, path, lab.cert("other-root.pem"), env={"CATRUST_CONTEXTS": contexts}) as program:
                    self.assertEqual(OK, program.ask(own.port))
                    self.assertIn(wanted, program.ask(corp.port))
                    self.assertEqual(OK, program.ask(own.port))
            with Program(name, path, env={"CATRUST_CONTEXTS": "public"}) as program:
                self.assertEqual(OK, program.ask(corp.port))
                self.assertIn(UNKNOWN, program.ask(own.port))

    def test_private_ca(self):
        self.each(self.private)


if __name__ == "__main__":
    lab.main()
