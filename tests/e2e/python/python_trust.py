# SPDX-License-Identifier: Apache-2.0
"""Every way in which a TLS client of Python's ssl module gets its trust, with a real server."""

import os
import ssl
import textwrap

from lab import lab

# What the program itself loads: never what the server needs.
LOADS = {
    "default paths": "c = make(); c.load_default_certs()",
    "set_default_verify_paths": "c = make(); c.set_default_verify_paths()",
    "cafile": "c = make(cafile=sys.argv[3])",
    "capath": "c = make(capath=sys.argv[4])",
    "cafile and capath": "c = make(cafile=sys.argv[3], capath=sys.argv[4])",
    "cadata str": "c = make(cadata=open(sys.argv[3]).read())",
    "cadata bytes": "c = make(cadata=ssl.PEM_cert_to_DER_cert(open(sys.argv[3]).read()))",
    "two loads": "c = make(cafile=sys.argv[3]); c.load_verify_locations(cadata=open(sys.argv[3]).read());"
                 " c.load_default_certs()",
    "nothing": "c = make()",
}
KINDS = ("default", "client", "generic")


def hashed(name="other-root.pem"):
    """A capath with one CA that is not the server's."""
    path = lab.folder("capath")
    lab.write(os.path.join(path, "ca.pem"), lab.read(lab.cert(name)))
    lab.openssl("rehash", path)
    return path


class Contexts(lab.Case):
    @classmethod
    def setUpClass(cls):
        cls.other = [lab.cert("other-root.pem"), hashed()]

    def each(self, body, loads=LOADS, server="server-chain", dirs=None, kinds=KINDS):
        with lab.server(server) as srv:
            for kind in kinds:
                for name, load in loads.items():
                    if name == "cadata bytes" and not lab.takes_der():
                        continue
                    with self.subTest(context=kind, load=name):
                        code = "make = context(sys.argv[2]); " + load + "\n" + body
                        self.only_with_shim(code, [srv.port, kind, *self.other], dirs=dirs)

    def test_every_context_and_load(self):
        self.each("print(get(c, sys.argv[1]))")

    def test_certifi(self):
        lab.need(modules=["certifi"])
        self.each("print(get(c, sys.argv[1]))",
                  {"certifi": "import certifi; c = make(cafile=certifi.where())"})

    def test_by_name_and_ipv6(self):
        code = "print(get(context(sys.argv[2])(), sys.argv[1], sys.argv[3], sys.argv[4]))"
        for name, host in ("localhost", "127.0.0.1"), ("::1", "::1"):
            with self.subTest(name), lab.server(host=host) as srv:
                self.only_with_shim(code, [srv.port, "default", name, host])

    def test_intermediate_is_the_sole_anchor(self):
        self.each("print(get(c, sys.argv[1]))", {k: LOADS[k] for k in ("default paths", "nothing")},
                  dirs=[lab.trustdir("corp-sub.pem")])

    def test_intermediate_not_sent(self):
        self.each("print(get(c, sys.argv[1]))", {k: LOADS[k] for k in ("cafile", "nothing")},
                  server="server", dirs=[lab.trustdir("corp-root.pem", "corp-sub.pem")])

    def test_root_is_sent_along(self):
        self.each("print(get(c, sys.argv[1]))", {"cafile": LOADS["cafile"]}, server="server-full")

    def test_self_signed_server_certificate(self):
        self.each("print(get(c, sys.argv[1]))", {k: LOADS[k] for k in ("cafile", "nothing")},
                  server="selfsigned", dirs=[lab.trustdir("selfsigned.pem")])

    def test_strict_and_partial_chain(self):
        flags = "c.verify_flags |= ssl.VERIFY_X509_STRICT | 0x80000"
        self.each(flags + "; print(get(c, sys.argv[1]))",
                  {k: LOADS[k] for k in ("default paths", "cafile", "nothing")})

    def test_many_connections_of_one_context(self):
        self.each("print([get(c, sys.argv[1]) for _ in range(5)][4])",
                  {k: LOADS[k] for k in ("default paths", "nothing")})

    def test_program_has_loaded_the_same_ca(self):
        with lab.server() as srv:
            for kind in KINDS:
                with self.subTest(kind):
                    self.same("""
                        c = context(sys.argv[2])(cafile=sys.argv[3])
                        print(get(c, sys.argv[1]), c.cert_store_stats(), len(c.get_ca_certs()))
                        """, [srv.port, kind, lab.cert("corp-root.pem")])

    def test_root_with_a_new_key(self):
        """An anchor with the same name and another key does not hide the program's own CA."""
        path = lab.folder("capath")
        lab.write(path + "/root.pem", lab.read(lab.cert("corp-root.pem")))
        lab.openssl("rehash", path)
        old = [lab.trustdir("corp-root-old.pem")]
        with lab.server() as srv:
            for kind in KINDS:
                for load in ("cafile=sys.argv[3] + '/root.pem'", "capath=sys.argv[3]",
                             "cadata=open(sys.argv[3] + '/root.pem').read()"):
                    for uses in 1, 3:
                        with self.subTest(context=kind, load=load):
                            code = "c = context(sys.argv[2])(%s)\nfor _ in range(%d): print(get(c, sys.argv[1]))"
                            self.got_page(self.same(code % (load, uses), [srv.port, kind, path], dirs=old))
                # And the other way round: the program's bundle is the old one.
                self.only_with_shim("print(get(context(sys.argv[2])(cafile=sys.argv[3]), sys.argv[1]))",
                                    [srv.port, kind, lab.cert("corp-root-old.pem")])
                # The directory has both.
                self.only_with_shim("print(get(context(sys.argv[2])(), sys.argv[1]))", [srv.port, kind],
                                    dirs=[lab.trustdir("corp-root-old.pem", "corp-root.pem")])

    def test_openssl_as_the_server(self):
        with lab.s_server() as srv:
            result = lab.run(lab.PRELUDE + "print(get(context('default')(), sys.argv[1]))", [srv.port],
                             dirs=[lab.trustdir("corp-root.pem")])
            self.refused(result)
            result = lab.run(lab.PRELUDE + "print(get(context('default')(), sys.argv[1]))", [srv.port],
                             shim=True, dirs=[lab.trustdir("corp-root.pem")])
            self.assertEqual((0, ""), (result.code, result.err))
            self.assertIn("s_server -accept", result.out)

    def test_protocol_versions(self):
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            with lab.server(minimum=version, maximum=version) as srv, self.subTest(version):
                for kind in KINDS:
                    self.only_with_shim("print(get(context(sys.argv[2])(), sys.argv[1]))",
                                        [srv.port, kind])

    def test_urlopen(self):
        with lab.server() as srv:
            self.only_with_shim("""
                import urllib.request
                print(urllib.request.urlopen(sys.argv[1]).read().decode())
                """, [srv.url])


# As print() shows it.
PAGE = "the page of the lab\n\n"


class Lent(lab.Case):
    """Verifications only borrow the anchors: get_ca_certs() and cert_store_stats() show the program's own
    certificates, as without the library, before and after a connection."""

    CODE = """
        kind, port, other, client, capath = sys.argv[1:6]
        c = ssl.SSLContext({"client": ssl.PROTOCOL_TLS_CLIENT, "generic": ssl.PROTOCOL_TLS,
                            "server": ssl.PROTOCOL_TLS_SERVER}[kind])
        def show(when):
            names = sorted(dict(x[0] for x in ca["subject"])["commonName"] for ca in c.get_ca_certs())
            print(when, c.cert_store_stats(), names, len(c.get_ca_certs(True)))
        show("new")
        c.load_verify_locations(other)
        show("cafile")
        c.load_verify_locations(cadata=open(other).read())
        show("cadata")
        c.load_verify_locations(cadata=open(client).read())
        c.load_verify_locations(capath=capath)
        show("another")
        if kind != "server":
            c.check_hostname, c.verify_mode = False, ssl.CERT_REQUIRED
            try:
                result = get(c, port)
            except ssl.SSLError:  # SSLCertVerificationError is from Python 3.7 on
                result = "refused"
            print(result, file=sys.stderr)
            show("after a connection")
        """

    def test_what_a_context_shows_is_the_programs(self):
        dirs = [lab.trustdir("corp-root.pem", "corp-sub.pem")]
        with lab.server() as srv:
            for kind in "client", "generic", "server":
                with self.subTest(kind):
                    without, there = (
                        lab.run(lab.PRELUDE + textwrap.dedent(self.CODE),
                                [kind, srv.port, lab.cert("other-root.pem"), lab.cert("client-root.pem"), hashed()],
                                shim=shim, dirs=dirs) for shim in (False, True))
                    self.assertEqual((0, 0), (without.code, there.code), there.err)
                    self.assertIn("another {'x509': 2, 'crl': 0, 'x509_ca': 2}", without.out)
                    self.assertEqual(without.out, there.out)
                    if kind != "server":
                        self.assertEqual(("refused\n", PAGE), (without.err, there.err))

    def test_a_bundle_is_loaded_where_nothing_is_there(self):
        """If a program first asks whether its context has CAs, it loads its own bundle, as without the library."""
        result = self.same("""
            os.environ["SSL_CERT_FILE"] = os.environ["SSL_CERT_DIR"] = "/nowhere"
            c = ssl.create_default_context()
            if not c.get_ca_certs():
                c.load_verify_locations(sys.argv[1])
            print(len(c.get_ca_certs()))
            """, [lab.cert("other-root.pem")])
        self.assertEqual("1\n", result.out)

    def test_a_copy_of_a_contexts_cas_has_no_anchor(self):
        with lab.server() as srv:
            result = lab.run(lab.PRELUDE + """
a = ssl.create_default_context(cafile=sys.argv[2])
a.check_hostname = False
print(get(a, sys.argv[1]))
b = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
b.load_verify_locations(cadata=b"".join(a.get_ca_certs(True)))
print(b.cert_store_stats()["x509"])
""", [srv.port, lab.cert("other-root.pem")], shim=True, dirs=[lab.trustdir("corp-root.pem")])
            if lab.python_version() >= (3, 10):
                self.assertEqual((0, PAGE + "1\n", ""), result)


if __name__ == "__main__":
    lab.main()
