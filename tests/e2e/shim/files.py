# SPDX-License-Identifier: Apache-2.0
"""The file layer: programs that contain OpenSSL read their public bundle with the anchors in it; all other readers
get the plain file. static.c is such a program. Real ones: node, the wheels of cryptography and grpc, and a Python
like uv's (see tests/more)."""

import glob
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
import textwrap
import unittest

from lab import lab

SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "static.c")
FLAGS = ["-std=gnu11", "-D_GNU_SOURCE", "-O2", "-Wall", "-Wextra", "-Wno-missing-field-initializers", "-Werror"]
HIDDEN = ["-Wl,--exclude-libs,ALL", "-l:libssl.a", "-l:libcrypto.a", "-ldl", "-lpthread"]
UNTRUSTED = "certificate verify failed"
PUBLIC = "/etc/ssl/certs/ca-certificates.crt"


class Files(lab.Case):
    @classmethod
    def setUpClass(cls):
        lab.need(programs=["cc"])
        cls.folder = lab.folder("static")
        cls.static, cls.plain = (os.path.join(cls.folder, name) for name in ("static", "plain"))
        cls.build(cls.plain, "-DPLAIN")
        cls.build(cls.static, *HIDDEN)
        cls.server = lab.server()
        cls.server.__enter__()
        cls.addClassCleanup(cls.server.__exit__)
        cls.dirs = [lab.trustdir("corp-root.pem")]
        cls.bundle = cls.make("certifi/cacert.pem", lab.read(lab.cert("other-root.pem")))

    @classmethod
    def build(cls, out, *more):
        done = lab.run(["cc", *FLAGS, "-o", out, SOURCE, *more])
        if done.code and "cannot find" in done.err:
            raise unittest.SkipTest("no static libssl")
        if done.code:
            raise RuntimeError(done.err)

    @classmethod
    def make(cls, name, data):
        path = os.path.join(lab.folder("bundle"), name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        return lab.write(path, data)

    def run_static(self, *argv, program=None, dirs=None, wrap=(), **options):
        return lab.run([*wrap, program or self.static, *argv], dirs=dirs or self.dirs, **options)

    def both(self, *argv, **options):
        """Refused without the shim; gets the page with it."""
        self.refused(self.run_static(*argv, **options), UNTRUSTED)
        result = self.run_static(*argv, shim=True, **options)
        self.got_page(result)
        return result

    def neither(self, *argv, **options):
        """The same, but refused both with and without the shim."""
        without, there = (self.run_static(*argv, shim=shim, **options) for shim in (False, True))
        self.refused(without, UNTRUSTED)
        self.refused(there, UNTRUSTED)
        self.assertEqual("", there.err)

    def loads(self, path, **options):
        result = self.run_static("load", path, **options)
        self.assertRegex(result.out, r"^\d+ certificates, 0 errors\n$")
        return int(result.out.split()[0])


class Served(Files):
    def test_bundles(self):
        certifi = lab.read(self.bundle)
        for name in "pip/_vendor/certifi/cacert.pem", "botocore/cacert.pem", "etc/pki/tls/certs/ca-bundle.crt", \
                "etc/ssl/certs/ca-bundle.crt", "etc/ssl/ca-bundle.pem":
            with self.subTest(name):
                self.both("get", self.server.port, self.make(name, certifi))

    def test_bundle_and_anchors(self):
        self.assertEqual(1, self.loads(self.bundle))
        self.assertEqual(2, self.loads(self.bundle, shim=True))
        # A certificate that the bundle has already; a line without its end; a comment.
        for data, count in [(lab.read(lab.cert("corp-root.pem")), 1),
                            (lab.read(self.bundle).rstrip(), 2),
                            (b"# roots\r\n" + lab.read(self.bundle).replace(b"\n", b"\r\n"), 2)]:
            self.assertEqual(count, self.loads(self.make("certifi/cacert.pem", data), shim=True))

    def test_the_largest_bundle(self):
        """A bundle of 8 MiB gets the anchors, too; a larger one stays as it is."""
        most = 8 << 20
        text = lab.read(self.bundle)
        filled = (b"#" + b"-" * 62 + b"\n") * (most // 64)
        for size, count in (most, 2), (most + 1, 1):
            path = self.make("certifi/cacert.pem", filled[:size - len(text) - 1] + b"\n" + text)
            self.assertEqual(size, os.path.getsize(path))
            self.assertEqual(count, self.loads(path, shim=True))

    def test_named_by_variables(self):
        path = self.make("anything", lab.read(self.bundle))
        self.both("get", self.server.port, "-", env={"SSL_CERT_FILE": path})
        for name in "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "AWS_CA_BUNDLE", "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH":
            with self.subTest(name):
                self.both("get", self.server.port, path, env={name: path})
        self.neither("get", self.server.port, path)

    def test_default_that_is_not_there(self):
        """OpenSSL finds its own default through SSL_CERT_FILE. If the program itself opens that file, it is missing."""
        gone = {"SSL_CERT_FILE": "/nowhere/bundle"}
        self.both("get", self.server.port, "-", env=gone)
        result = self.run_static("load", gone["SSL_CERT_FILE"], shim=True, env=gone)
        self.assertIn("No such file", result.out)

    def test_only_public_ones(self):
        public = {"CATRUST_CONTEXTS": "public"}
        path = self.make("anything", lab.read(self.bundle))
        self.neither("get", self.server.port, path, env={"REQUESTS_CA_BUNDLE": path, **public})
        self.both("get", self.server.port, "-", env={"SSL_CERT_FILE": path, **public})
        self.both("get", self.server.port, self.bundle, env=public)

    def test_usual_names_count_by_content(self):
        private = lab.read(self.bundle)
        for name in "ssl/cacert.pem", "cert.pem", "roots.pem":
            with self.subTest(name):
                self.neither("get", self.server.port, self.make(name, private))
        if not os.path.exists(PUBLIC):
            self.skipTest("no " + PUBLIC)
        for name in "ssl/cacert.pem", "tmpabcacert.pem", "ssl/cert.pem":
            with self.subTest(name):
                self.both("get", self.server.port, self.make(name, lab.read(PUBLIC)))

    def moved(self, folder):
        """The program with another OPENSSLDIR of the same length; conda does this."""
        data = lab.read(self.static)
        self.assertGreater(data.count(b"/usr/lib/ssl/cert.pem\0"), 0)
        path = os.path.join(lab.folder("moved"), "static")
        self.assertEqual(len("/usr/lib/ssl"), len(folder))
        return lab.write(path, data.replace(b"/usr/lib/ssl", folder.encode()), 0o755)

    def test_default_file_that_is_not_there(self):
        program = self.moved("/nowhere/ssl")
        self.both("get", self.server.port, "-", program=program)
        self.assertEqual(1, self.loads("-", program=program, shim=True))
        # The same name from somebody else is no default: the program hears that there is none.
        result = self.run_static("load", "/nowhere/ssl/cert.pem", program=program, shim=True)
        self.assertIn("No such file", result.out)

    def test_file_that_is_not_there(self):
        for path in "/nowhere/certifi/cacert.pem", "/etc/nowhere/ssl/cert.pem":
            result = self.run_static("cat", path, "r", shim=True)
            self.assertEqual((1, "No such file or directory\n", ""), result)

    def test_intermediate_as_an_anchor(self):
        self.both("get", self.server.port, self.bundle, dirs=[lab.trustdir("corp-sub.pem")])

    def test_wrong_name_and_dates(self):
        for name in "wrongname", "expired":
            with lab.server(name) as server:
                self.neither("get", server.port, self.bundle)

    def test_threads_and_fork(self):
        result = self.run_static("threads", self.server.port, self.bundle, shim=True)
        self.assertEqual((0, "0 threads failed\n", ""), result)
        result = self.run_static("fork", self.server.port, self.bundle, shim=True)
        self.assertEqual(0, result.code, result)
        self.assertEqual((1, 1), (result.out.count(lab.PAGE), result.err.count(lab.PAGE)))

    def test_what_is_said(self):
        result = self.run_static("threads", self.server.port, self.bundle, shim=True, env={"CATRUST_LOG": "info"},
                                 dirs=[lab.trustdir("corp-root.pem")])
        self.lines(result.err, [re.escape(self.bundle) + ": 1 certificates added .* in the program itself"])


class Refused(Files):
    def test_switched_off(self):
        for env in {"CATRUST_FILES": "off"}, {"CATRUST_DISABLE": "1"}:
            self.neither("get", self.server.port, self.bundle, env=env)

    def test_private_bundle(self):
        self.neither("get", self.server.port, self.make("client-ca.pem", lab.read(self.bundle)))

    def test_scoped_anchors_stay_out(self):
        scoped = lab.folder("ca.d")
        os.mkdir(os.path.join(scoped, "localhost"))
        shutil.copy(lab.cert("corp-root.pem"), os.path.join(scoped, "localhost"))
        self.neither("get", self.server.port, self.bundle, dirs=[scoped])
        # Besides one that counts.
        both = lab.trustdir("client-root.pem")
        os.mkdir(os.path.join(both, "localhost"))
        shutil.copy(lab.cert("corp-root.pem"), os.path.join(both, "localhost"))
        self.assertEqual(2, self.loads(self.bundle, shim=True, dirs=[both]))
        result = self.run_static("load", self.bundle, shim=True, dirs=[both], env={"CATRUST_LOG": "info"})
        self.lines(result.err, ["1 certificates added .*; not added, because they have a scope: 1"])

    def test_unsound_anchors_stay_out(self):
        """An expired one, and one that OpenSSL can't read: with it, the whole bundle would be lost."""
        good = ssl.PEM_cert_to_DER_cert(lab.read(lab.cert("client-root.pem")).decode())
        name = good.index(b"Example")
        bad = good[:name - 2] + b"\x1e" + good[name - 1:]  # a BMPString of an odd length
        dirs = [lab.trustdir("corp-root.pem", "expired.pem", bad_der=bad)]
        self.assertEqual(2, self.loads(self.bundle, shim=True, dirs=dirs))
        result = self.run_static("load", self.bundle, shim=True, dirs=dirs, env={"CATRUST_LOG": "info"})
        self.lines(result.err, ["expired.pem: expired", "bad.der: expired, not yet valid, or of an unusual form",
                                "cacert.pem: 1 certificates added"])

    def test_writable_trust_directory(self):
        trust = lab.trustdir("corp-root.pem")
        os.chmod(trust, 0o777)
        result = self.run_static("get", self.server.port, self.bundle, shim=True, dirs=[trust])
        self.refused(result, UNTRUSTED)
        self.lines(result.err, [re.escape(trust) + ": skipped, because other users may write"])

    def test_server(self):
        """If a server uses a public bundle for its clients, no anchor lets anybody in."""
        for ca, client, word in ("client-root.pem", "own-client", "let in"), ("client-root.pem", "client", "refused"):
            with self.subTest(client):
                bundle = self.make("certifi/cacert.pem", lab.read(lab.cert(ca)))
                argv = [self.static, "serve", bundle, lab.cert("server-chain.pem"), lab.cert("server.key")]
                env = lab.shim_env(self.dirs, CATRUST_LOG="info")
                with lab.Process(argv, ready=r"port (\d+)", env=env) as server:
                    context = ssl.create_default_context(cafile=lab.cert("corp-root.pem"))
                    context.load_cert_chain(lab.cert(client + ".pem"), lab.cert(client + ".key"))
                    with socket.create_connection(("127.0.0.1", server.port), 30) as s:
                        try:
                            with context.wrap_socket(s, server_hostname="localhost") as tls:
                                tls.recv(10)
                        except OSError:
                            pass
                    server.process.wait(30)
                    # The anchors are in the bundle, but do not count.
                    self.assertIn("1 certificates added", server.output())
                    self.assertIn(word, server.output())
                    self.assertEqual(word == "refused", "certificate rejected" in server.output())


class Unchanged(Files):
    """Readers without OpenSSL get the plain file, and writers are not affected."""

    def test_other_programs(self):
        data = lab.read(self.bundle).decode()
        for argv in ["cat", self.bundle], ["sed", "", self.bundle], ["grep", "", self.bundle], \
                ["awk", "1", self.bundle], ["perl", "-pe", "", self.bundle], [self.plain, "cat", self.bundle, "r"], \
                ["openssl", "x509", "-in", self.bundle]:
            with self.subTest(argv[0]):
                if shutil.which(argv[0]):
                    self.assertEqual((0, data, ""), lab.run(argv, shim=True, dirs=self.dirs))
        copy = os.path.join(lab.folder(), "copy")
        lab.run(["cp", self.bundle, copy], shim=True, dirs=self.dirs)
        self.assertEqual(data.encode(), lab.read(copy))

    def test_python(self):
        result = self.same("""
            import shutil
            print(open(sys.argv[1]).read())
            shutil.copy(sys.argv[1], sys.argv[2])
            print(open(sys.argv[2]).read() == open(sys.argv[1]).read())
            """, [self.bundle, os.path.join(lab.folder(), "copy")])
        self.assertIn("True", result.out)

    def test_shared_openssl(self):
        """It reads the bundle itself: the hooks decide what is added, and add nothing to a server's."""
        result = self.same("""
            c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            c.load_verify_locations(sys.argv[1])
            print(c.cert_store_stats())
            """, [self.bundle])
        self.assertIn("'x509': 1", result.out)

    def test_other_modes(self):
        for mode in "r+", "a", "a+", "r+b", "r,ccs=UTF-8":
            with self.subTest(mode):
                results = {self.run_static("stat", self.make("certifi/cacert.pem", lab.read(self.bundle)), mode,
                                           shim=shim) for shim in (False, True)}
                self.assertEqual(1, len(results), results)
        path = self.make("certifi/cacert.pem", lab.read(self.bundle))
        self.run_static("stat", path, "w", shim=True)
        self.assertEqual(b"", lab.read(path))

    def test_what_a_file_is_like(self):
        for mode, cloexec in ("r", 0), ("rb", 0), ("re", 1):
            without, there = (self.run_static("stat", self.bundle, mode, shim=shim).out for shim in (False, True))
            self.assertIn("cloexec %d," % cloexec, without)
            self.assertNotEqual(without, there)
            self.assertEqual(*(re.sub(r"bytes \d+", "", text) for text in (without, there)))

    def test_no_bundle_after_all(self):
        for data in b"", b"nothing\n", b"\x30\x03\x02\x01\x01":
            path = self.make("certifi/cacert.pem", data)
            self.assertEqual(*(self.run_static("load", path, shim=shim).out.split(":")[4:] for shim in (False, True)))
        path = os.path.join(lab.folder(), "cacert.pem")
        os.mkdir(path)
        self.assertEqual(*(self.run_static("cat", path, "r", shim=shim) for shim in (False, True)))

    def test_without_libdl_or_environment(self):
        result = lab.run([self.plain, "cat", self.bundle, "r"], env={"LD_PRELOAD": lab.shim(), "HOME": None, "PATH": None})
        self.assertEqual((0, lab.read(self.bundle).decode(), ""), result)


    def test_musl(self):
        lab.need(programs=["musl-gcc"])
        program = os.path.join(self.folder, "musl")
        kernel = ["/usr/include", *glob.glob("/usr/include/*-linux-gnu")]
        done = lab.run(["musl-gcc", *FLAGS, "-DPLAIN", "-o", program, SOURCE,
                        *(word for folder in kernel for word in ("-idirafter", folder))])
        self.assertEqual(0, done.code, done.err)
        for path, mode in (self.bundle, "r"), (self.bundle, "re"), ("/nowhere", "r"):
            self.assertEqual(*(lab.run([program, "stat", path, mode], shim=shim, dirs=self.dirs)
                               for shim in (False, True)))


class Surroundings(Files):
    def test_no_memory_files(self):
        self.assertEqual(0, self.run_static("-m", "load", self.bundle).code)
        result = self.run_static("-m", "get", self.server.port, self.bundle, shim=True)
        self.got_page(result)

    def test_memory_files_are_deadly(self):
        self.assertEqual(0, self.run_static("-k", "load", self.bundle).code)
        result = self.run_static("-k", "get", self.server.port, self.bundle, shim=True)
        self.got_page(result)

    def test_no_large_files(self):
        """If a limit on file sizes stops the library, the program gets no signal for it."""
        big = self.make("certifi/cacert.pem", lab.read(self.bundle) + b"# more\n" * 1000)
        result = self.run_static("-f", "load", big, shim=True)
        self.assertEqual((0, "1 certificates, 0 errors\n"), result[:2])
        self.lines(result.err, ["make a memory file or a temporary file"])

    def test_no_proc(self):
        """In this case, only a descriptor's flags show how it was opened."""
        wrap = ["unshare", "--mount", "sh", "-c", "mount -t tmpfs none /proc && exec \"$@\"", "sh"]
        if lab.run([*wrap, "true"]).code != 0:
            self.skipTest("no mount namespace here")
        for mode, cloexec in ("r", 0), ("re", 1):
            result = self.run_static("stat", self.bundle, mode, program=None, shim=True, wrap=wrap)
            self.assertRegex(result.out, r"lowest 1, next 1, cloexec %d, .* end 1" % cloexec)
        result = self.run_static("get", self.server.port, self.bundle, shim=True, wrap=wrap)
        self.got_page(result)

    def test_no_files_without_a_name(self):
        result = self.run_static("-t", "load", self.bundle, shim=True)
        self.assertEqual("1 certificates, 0 errors\n", result.out)
        self.lines(result.err, ["make a memory file or a temporary file"])

    def test_no_descriptors(self):
        results = {self.run_static("-n", "cat", self.bundle, "r", shim=shim) for shim in (False, True)}
        self.assertEqual({(1, "Too many open files\n", "")}, results)


class Node(Files):
    def test_node(self):
        lab.need(programs=["node"])
        if b"SSL_CERT_FILE" not in lab.read(os.path.realpath(shutil.which("node"))):
            self.skipTest("node with a shared OpenSSL")
        code = "require('https').get(process.argv[1], r => r.pipe(process.stdout))" \
               ".on('error', e => { console.log(e.message); process.exit(1) })"
        argv = ["node", "--use-openssl-ca", "-e", code, self.server.url]
        for env in {}, {"SSL_CERT_FILE": self.bundle}:
            with self.subTest(env):
                self.only_with_shim(argv, dirs=self.dirs, env=env, untrusted="unable to (verify|get)|self-signed")


class Wheels(Files):
    CODE = """
        from OpenSSL import SSL
        c = SSL.Context(SSL.TLS_CLIENT_METHOD)
        c.set_verify(SSL.VERIFY_PEER, lambda conn, cert, error, depth, ok: bool(ok))
        if sys.argv[2] == "-":
            c.set_default_verify_paths()
        else:
            c.load_verify_locations(sys.argv[2])
        raw = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 30)
        raw.settimeout(None)
        s = SSL.Connection(c, raw)
        s.set_tlsext_host_name(b"localhost")
        s.set_connect_state()
        s.do_handshake()
        s.sendall(b"GET / HTTP/1.0\\r\\n\\r\\n")
        data = b""
        try:
            while True:
                data += s.recv(4096)
        except SSL.Error:
            pass
        print(data.decode())
        """

    GRPC = """
        import concurrent.futures, grpc
        chain, key = (open(path, "rb").read() for path in sys.argv[1:])
        server = grpc.server(concurrent.futures.ThreadPoolExecutor(1))
        port = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([(key, chain)]))
        server.start()
        channel = grpc.secure_channel("localhost:%d" % port, grpc.ssl_channel_credentials())
        try:
            grpc.channel_ready_future(channel).result(timeout=5)
            print("ready")
        except grpc.FutureTimeoutError:
            print("not ready")
        sys.stdout.flush()
        os._exit(0)
        """

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.python = os.environ.get("CATRUST_WHEELS_PYTHON", sys.executable)
        cls.where = lab.folder("venv")
        wheels = sorted(glob.glob(os.path.join(lab.more("wheels"), "*.whl")))
        subprocess.run([cls.python, "-m", "pip", "-qq", "install", "--root-user-action", "ignore", "--no-index",
                        "--no-deps", "-t", cls.where, *wheels], check=True, env=lab.clean_env(),
                       stdout=subprocess.DEVNULL)

    def installed(self, module):
        """Its folder."""
        path = os.path.join(self.where, module)
        if not os.path.exists(path):
            self.skipTest("no wheel of " + module)
        return path

    def test_cryptography(self):
        self.installed("OpenSSL")
        certifi = os.path.join(self.installed("certifi"), "cacert.pem")
        for path in certifi, "-":
            with self.subTest(path):
                self.only_with_shim(self.CODE, [self.server.port, path], dirs=self.dirs, python=self.python,
                                    env={"PYTHONPATH": self.where}, untrusted="certificate verify failed")

    def test_grpc(self):
        """Through its variable: it reads its own roots in a way that the library does not reach."""
        own = os.path.join(self.installed("grpc"), "_cython", "_credentials", "roots.pem")
        self.assertTrue(os.path.exists(own))
        env = {"PYTHONPATH": self.where, "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH": self.bundle}
        argv = [lab.PRELUDE + textwrap.dedent(self.GRPC), [lab.cert("server-chain.pem"), lab.cert("server.key")]]
        for shim, line in (False, "not ready\n"), (True, "ready\n"):
            result = lab.run(*argv, shim=shim, dirs=self.dirs, python=self.python, env=env)
            self.assertEqual((0, line), result[:2], result)


class Python(Files):
    def test_python(self):
        env = {"PYTHONPATH": lab.more("static-python")}
        self.assertIn(env["PYTHONPATH"], lab.run("import _ssl; print(_ssl.__file__)", env=env).out)
        for cafile in "None", "sys.argv[2]":
            with self.subTest(cafile):
                self.only_with_shim("""
                    c = ssl.create_default_context(cafile=%s)
                    print(get(c, sys.argv[1]))
                    """ % cafile, [self.server.port, self.bundle], dirs=self.dirs, env=env)

    def test_variable_set_by_the_program(self):
        env = {"PYTHONPATH": lab.more("static-python")}
        for path in self.make("mine.pem", lab.read(self.bundle)), "/nowhere/mine.pem":
            for argument in "", "cafile=os.environ['SSL_CERT_FILE']":
                with self.subTest(path, argument=argument):
                    if argument and not os.path.exists(path):
                        continue
                    self.only_with_shim("""
                        os.environ["SSL_CERT_FILE"] = sys.argv[2]
                        print(get(ssl.create_default_context(%s), sys.argv[1]))
                        """ % argument, [self.server.port, path], dirs=self.dirs, env=env)


if __name__ == "__main__":
    lab.main()
