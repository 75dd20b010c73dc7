# SPDX-License-Identifier: Apache-2.0
"""If something fails without the shim for another reason than an unknown CA, it fails with the shim with the same
message."""

import re

from lab import lab

KINDS = ("default", "client", "generic")


class Refusals(lab.Case):
    def compare(self, server, code, name="127.0.0.1", loads=("cafile=sys.argv[4]", "")):
        """The plain program trusts the CA by its own means; with the shim, it also works without them."""
        dirs = [lab.trustdir("corp-root.pem")]
        program = lab.PRELUDE + """
print(json.dumps(attempt(get, context(sys.argv[2])(%s), sys.argv[1], sys.argv[3])))
"""
        with lab.server(server) as srv:
            for kind in KINDS:
                args = [srv.port, kind, name, lab.cert("corp-root.pem")]
                results = [lab.run(program % loads[0], args, dirs=dirs)]
                results += [lab.run(program % load, args, shim=True, dirs=dirs) for load in loads]
                with self.subTest(context=kind):
                    self.assertIn('"code": %s,' % code, results[0].out)
                    self.assertEqual([results[0]] * len(results), results)

    def test_host_name(self):
        self.compare("server-chain", 62, name="elsewhere.example")

    def test_host_name_of_the_certificate(self):
        self.compare("wrongname", 62, name="localhost")

    def test_ip_address(self):
        self.compare("server-chain", 64, name="127.0.0.2")
        self.compare("wrongname", 64)

    def test_expired(self):
        self.compare("expired", 10)

    def test_not_yet_valid(self):
        self.compare("future", 9)

    def test_unknown_ca(self):
        self.compare("other-server", 20, loads=("", "cafile=sys.argv[4]"))

    def test_unknown_self_signed_certificate(self):
        self.compare("selfsigned", 18, loads=("", "cafile=sys.argv[4]"))

    def test_missing_intermediate(self):
        self.compare("server", 20)

    def test_a_leaf_is_no_ca(self):
        """A certificate in the directory that is not a CA vouches only for itself."""
        with lab.server("other-server") as srv:
            for kind in KINDS:
                result = self.same("print(json.dumps(attempt(get, context(sys.argv[2])(), sys.argv[1])))",
                                   [srv.port, kind], dirs=[lab.trustdir("selfsigned.pem")])
                self.assertIn('"code": 20,', result.out)

    def test_verification_without_the_name(self):
        """With check_hostname off, the chain still counts."""
        code = """
            c = context("client")()
            c.check_hostname = False
            print(get(c, sys.argv[1], "elsewhere.example"))
            """
        with lab.server() as srv:
            self.only_with_shim(code, [srv.port])
        with lab.server("other-server") as srv:
            self.refused(self.same(code, [srv.port]))


class NoVerification(lab.Case):
    CODE = """
        make = context(sys.argv[2])
        c = make()
        c.check_hostname, c.verify_mode = False, getattr(ssl, sys.argv[3])
        with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as s, c.wrap_socket(s) as t:
            print(t.getpeercert(), len(t.getpeercert(True)), t.version())
            t.sendall(b"GET / HTTP/1.0\\r\\n\\r\\n")
            print(t.recv(65536))
        """

    def test_cert_none(self):
        for server in "server-chain", "other-server", "expired":
            with lab.server(server) as srv:
                for kind in KINDS:
                    with self.subTest(server=server, context=kind):
                        result = self.same(self.CODE, [srv.port, kind, "CERT_NONE"])
                        self.assertEqual(0, result.code, result)

    def test_cert_optional_is_required_for_a_client(self):
        with lab.server() as srv:
            for kind in KINDS:
                self.only_with_shim("""
                    c = context(sys.argv[2])()
                    c.verify_mode = ssl.CERT_OPTIONAL
                    print(get(c, sys.argv[1]))
                    """, [srv.port, kind])
        with lab.server("other-server") as srv:
            for kind in KINDS:
                self.refused(self.same(self.CODE, [srv.port, kind, "CERT_OPTIONAL"]))


class Calls(lab.Case):
    """Return values, exceptions and errno of the loads."""

    def outcome(self, call, expected, args=(), kinds=KINDS):
        for kind in kinds:
            with self.subTest(call=call, context=kind):
                result = self.same("""
                    c = context(sys.argv[1])() if sys.argv[1] != "server" else \\
                        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                    arg = sys.argv[2:]
                    print(json.dumps(attempt(lambda: %s)))
                    # And the context still works afterwards.
                    try:
                        print(c.load_verify_locations(arg[0]))
                    except Exception as e:
                        print(e)
                    """ % call, [kind, lab.cert("corp-root.pem"), *args])
                self.assertEqual(0, result.code, result)
                self.assertRegex(result.out, expected)

    def test_missing_file(self):
        self.outcome("c.load_verify_locations('/nowhere/ca.pem')", r'"FileNotFoundError".*"errno": 2,',
                     kinds=KINDS + ("server",))
        self.outcome("c.load_verify_locations('/nowhere/ca.pem', '/nowhere')", r'"FileNotFoundError"')
        self.outcome("ssl.create_default_context(cafile='/nowhere/ca.pem')", r'"FileNotFoundError"')

    def test_missing_directory(self):
        self.outcome("c.load_verify_locations(capath='/nowhere')", r"^null")

    def test_directory_as_file(self):
        self.outcome("c.load_verify_locations('/')", r'"type": "(SSLError|OSError|IsADirectoryError)"')

    def test_junk_file(self):
        junk = lab.write(lab.folder() + "/junk.pem", "this is no certificate\n")
        torn = lab.write(lab.folder() + "/torn.pem", lab.read(lab.cert("other-root.pem"))[:300])
        empty = lab.write(lab.folder() + "/empty.pem", "")
        half = lab.write(lab.folder() + "/half.pem", lab.read(lab.cert("other-root.pem")) +
                         b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n")
        der = lab.write(lab.folder() + "/der.pem", lab.openssl(
            "x509", "-in", lab.cert("other-root.pem"), "-outform", "DER"))
        self.outcome("c.load_verify_locations(arg[1])", "NO_CERTIFICATE_OR_CRL_FOUND", [junk])
        for file in torn, empty, half, der:
            self.outcome("c.load_verify_locations(arg[1])", r'"SSLError"', [file])

    def test_unreadable_file(self):
        lab.need(user="nobody")
        secret = lab.write(lab.folder() + "/secret.pem", lab.read(lab.cert("other-root.pem")), 0o600)
        result = self.same("print(attempt(context('client')().load_verify_locations, sys.argv[1]))", [secret],
                           user="nobody", group="nogroup")
        self.assertIn("'errno': 13", result.out)

    def test_junk_data(self):
        for data, expected in (("'junk'", '"SSLError"'), ("b'junk'", '"SSLError"'), ("''", "ValueError"),
                               ("b''", "ValueError"), ("'\\u00fc'", "TypeError"),
                               ("open(arg[0]).read()[:300]", '"SSLError"'),
                               ("ssl.PEM_cert_to_DER_cert(open(arg[0]).read())[:300]", '"SSLError"'),
                               ("ssl.PEM_cert_to_DER_cert(open(arg[0]).read()) + b'junk'", '"SSLError"'),
                               ("open(arg[0]).read() + '-----BEGIN CERTIFICATE-----\\nAAAA\\n'", '"SSLError"')):
            self.outcome("c.load_verify_locations(cadata=%s)" % data, expected)

    def test_nothing_at_all(self):
        self.outcome("c.load_verify_locations()", '"TypeError"')
        self.outcome("c.load_verify_locations(None, None, None)", '"TypeError"')
        self.outcome("c.load_verify_locations(42)", '"TypeError"')

    def test_data_after_other_loads(self):
        """CPython finds the end of cadata in the error queue."""
        both = lab.write(lab.folder() + "/both.pem",
                         lab.read(lab.cert("other-root.pem")) + lab.read(lab.cert("client-root.pem")))
        for kind in KINDS:
            code = lab.PRELUDE + """
c = context(sys.argv[1])()
attempt(c.load_verify_locations, "/nowhere")
c.load_verify_locations(cadata=open(sys.argv[2]).read())
attempt(c.load_verify_locations, cadata=b"junk")
c.load_verify_locations(sys.argv[2])
c.set_default_verify_paths()
c.load_verify_locations(cadata=b"".join(ssl.PEM_cert_to_DER_cert(open(f).read()) for f in sys.argv[3:]))
names = [dict(x[0] for x in ca["subject"]).get("commonName") for ca in c.get_ca_certs()]
print(sorted(n for n in names if n in ("Client CA of one service", "Unknown Root CA")))
"""
            outs = [lab.run(code, [kind, both, lab.cert("other-root.pem"), lab.cert("client-root.pem")],
                            shim=shim, dirs=[lab.trustdir("corp-root.pem")]) for shim in (False, True)]
            with self.subTest(kind):
                self.assertEqual(outs[0], outs[1])
                self.assertEqual("['Client CA of one service', 'Unknown Root CA']", outs[0].out.strip())

    def test_errno_of_the_program(self):
        """With ctypes, the test sees errno and the error queue like a C program."""
        result = self.same("""
            import _ssl, ctypes
            # The libssl of _ssl, whatever its name.
            path = [line.split()[-1] for line in open("/proc/self/maps") if "libssl.so" in line][0]
            lib = ctypes.CDLL(path, use_errno=True)
            crypto = ctypes.CDLL(path.replace("libssl", "libcrypto"))
            for name in "TLS_client_method", "TLS_method", "TLS_server_method", "SSL_CTX_new":
                getattr(lib, name).restype = ctypes.c_void_p
            lib.SSL_CTX_new.argtypes = [ctypes.c_void_p]
            lib.SSL_CTX_load_verify_locations.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_char_p]
            lib.SSL_CTX_set_default_verify_paths.argtypes = [ctypes.c_void_p]
            crypto.ERR_peek_error.restype = crypto.ERR_peek_last_error.restype = ctypes.c_ulong
            for method in "TLS_client_method", "TLS_method", "TLS_server_method":
                c = lib.SSL_CTX_new(getattr(lib, method)())
                for args in ((None, None), (sys.argv[1].encode(), None), (b"/nowhere", None), (b"/", None),
                             (b"/dev/null", None), (None, b"/nowhere")):
                    crypto.ERR_clear_error()
                    ctypes.set_errno(77)
                    result = lib.SSL_CTX_load_verify_locations(c, *args)
                    print(method, args, result, ctypes.get_errno(), crypto.ERR_peek_error(),
                          crypto.ERR_peek_last_error())
                crypto.ERR_clear_error()
                print(lib.SSL_CTX_set_default_verify_paths(c), crypto.ERR_peek_error())
            """, [lab.cert("corp-root.pem")])
        self.assertEqual((0, 21), (result.code, len(result.out.splitlines())), result)
        # MariaDB's connector relies on it.
        self.assertTrue(re.search(r"^TLS_method \(None, None\) 0 ", result.out, re.M), result.out)


if __name__ == "__main__":
    lab.main()
