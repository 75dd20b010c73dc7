# SPDX-License-Identifier: Apache-2.0
"""GnuTLS: clients trust the anchors, servers do not."""

import glob
import os
import re
import shutil

from lab import lab

UNTRUSTED = "not trusted|certificate verification failed|issuer is unknown|known issuer"
TOLD = "GnuTLS: a server was trusted"
PUBLIC = "/etc/ssl/certs/ca-certificates.crt"
PYCURL = """
    import pycurl, io
    page = io.BytesIO()
    c = pycurl.Curl()
    c.setopt(c.URL, sys.argv[1])
    c.setopt(c.WRITEDATA, page)
    if len(sys.argv) > 2:
        c.setopt(c.CAINFO, sys.argv[2])
        c.setopt(c.CAPATH, "/nowhere")
    c.perform()
    print(page.getvalue().decode())
    """


class Gnutls(lab.Case):
    def setUp(self):
        self.server = lab.server()
        self.server.__enter__()
        self.addCleanup(self.server.__exit__)
        self.dirs = [lab.trustdir("corp-root.pem")]

    def both(self, argv, **options):
        """Trusted only with the shim, whatever else the program prints."""
        options = {"dirs": self.dirs, **options}
        self.refused(lab.run(argv, **options), UNTRUSTED)
        result = lab.run(argv, shim=True, **options)
        self.assertEqual(0, result.code, result)
        self.assertNotIn("catrust", result.err)
        return result

    def told(self, result, *patterns):
        """The shim's messages in the program's output."""
        lines = [line for line in result.err.splitlines(True) if line.startswith("catrust: ")]
        self.lines("".join(lines), patterns)

    def neither(self, argv, **options):
        options = {"dirs": self.dirs, **options}
        for shim in False, True:
            result = lab.run(argv, shim=shim, **options)
            self.assertNotEqual(0, result.code, result)
            self.assertNotIn("catrust", result.err)
            self.assertNotIn(lab.PAGE, result.out)


class Wget(Gnutls):
    def setUp(self):
        super().setUp()
        lab.need(programs=["wget"])
        if "+ssl/gnutls" not in lab.run(["wget", "--version"]).out:
            self.skipTest("wget without GnuTLS")
        self.wget = ["wget", "-nv", "-t1", "-O-"]

    def test_default(self):
        self.assertEqual(lab.PAGE, self.both([*self.wget, self.server.url]).out)
        self.both([*self.wget, self.server.named_url])

    def test_bundles(self):
        other = lab.trustdir("other-root.pem")
        for option in "--ca-certificate=" + os.path.join(other, "other-root.pem"), "--ca-directory=" + other:
            with self.subTest(option):
                self.both([*self.wget, option, self.server.url])

    def test_intermediate_as_an_anchor(self):
        self.both([*self.wget, self.server.url], dirs=[lab.trustdir("corp-sub.pem")])

    def test_self_signed_server(self):
        with lab.server("selfsigned") as server:
            self.both([*self.wget, server.url], dirs=[lab.trustdir("selfsigned.pem")])

    def test_what_fails_as_before(self):
        for name in "wrongname", "expired", "other-server":
            with self.subTest(name), lab.server(name) as server:
                self.neither([*self.wget, server.url])
        for env in {"CATRUST_DISABLE": "1"}, {"CATRUST_DIR": lab.folder("empty")}:
            result = lab.run([*self.wget, self.server.url], shim=True, env={**env, "CATRUST_LOG": "off"})
            self.refused(result, UNTRUSTED)

    def test_scoped_anchors_stay_out(self):
        scoped = lab.folder("ca.d")
        os.mkdir(os.path.join(scoped, "localhost"))
        shutil.copy(lab.cert("corp-root.pem"), os.path.join(scoped, "localhost"))
        self.neither([*self.wget, self.server.named_url], dirs=[scoped])
        result = lab.run([*self.wget, self.server.named_url], shim=True, dirs=[scoped], env={"CATRUST_LOG": "info"})
        self.refused(result, UNTRUSTED)
        self.told(result, "GnuTLS: a server was not trusted; certificates not used, because they have a scope: 1$")
        # Nor is it said where nothing had to be left out, or where another one did.
        shutil.copy(lab.cert("corp-sub.pem"), scoped)
        result = lab.run([*self.wget, "-q", self.server.named_url], shim=True, dirs=[scoped], env={"CATRUST_LOG": "info"})
        self.got_page(result, [TOLD])

    def test_revocation_lists(self):
        """The second verification can't use the program's lists, so its result does not count."""
        folder = lab.folder("revoking")
        lab.prepare_ca(folder)
        for stem, extensions, issuer in ("root", "root", None), ("good", "server", "root"), ("gone", "server", "root"):
            lab.make_certificate(folder, stem, "localhost", extensions, issuer, -1, 30)
        ca = ["ca", "-config", "ca.cnf", "-cert", "root.pem", "-keyfile", "root.key"]
        lab.openssl(*ca, "-revoke", "gone.pem", cwd=folder)
        lab.openssl(*ca, "-gencrl", "-crldays", "30", "-out", "crl.pem", cwd=folder)
        root, crl = (os.path.join(folder, name) for name in ("root.pem", "crl.pem"))
        for stem, known in ("good", 0), ("gone", 5):
            with self.subTest(stem), lab.server(os.path.join(folder, stem + ".pem")) as server:
                options = {"shim": True, "dirs": [lab.trustdir(root)]}
                self.assertEqual(0, lab.run([*self.wget, server.url], **options).code)
                argv = [*self.wget, "--crl-file=" + crl, server.url]
                result = lab.run(argv, **options)
                self.refused(result, UNTRUSTED)
                self.told(result, "GnuTLS: a server is not trusted although its CA is in a trust directory: .* revocation")
                # Of a CA that the program knows itself, they count as ever.
                argv += ["-q", "--ca-certificate=" + root]
                self.assertEqual(known, self.same(argv, dirs=options["dirs"]).code)

    def test_one_bad_anchor_costs_no_other(self):
        dirs = [lab.trustdir("corp-root.pem", bad_der=b"\x30\x09\x30\x00\x30\x00\x03\x03\x00\x00\x00")]
        self.both([*self.wget, self.server.url], dirs=dirs)

    def test_what_is_said(self):
        result = lab.run([*self.wget, "-q", self.server.url], shim=True, dirs=self.dirs, env={"CATRUST_LOG": "info"})
        self.got_page(result, [TOLD])

    def test_unverified(self):
        result = lab.run([*self.wget, "-q", "--no-check-certificate", self.server.url], shim=True, dirs=self.dirs)
        self.got_page(result)


class Pycurl(Gnutls):
    def setUp(self):
        super().setUp()
        lab.need(modules=["pycurl"])
        if "GnuTLS" not in lab.run("import pycurl; print(pycurl.version)").out:
            self.skipTest("pycurl without GnuTLS")

    def test_default(self):
        self.only_with_shim(PYCURL, [self.server.url], dirs=self.dirs, untrusted=UNTRUSTED)

    def test_only_public_ones(self):
        public = {"CATRUST_CONTEXTS": "public"}
        private = [self.server.url, lab.cert("other-root.pem")]
        self.only_with_shim(PYCURL, private, dirs=self.dirs, untrusted=UNTRUSTED)
        result = self.same(PYCURL, private, dirs=self.dirs, env=public)
        self.refused(result, UNTRUSTED)
        if not os.path.exists(PUBLIC):
            self.skipTest("no " + PUBLIC)
        self.only_with_shim(PYCURL, [self.server.url, PUBLIC], dirs=self.dirs, env=public, untrusted=UNTRUSTED)

    def test_threads(self):
        result = lab.run(lab.PRELUDE + """
            import pycurl, threading
            good = []
            def work():
                for _ in range(5):
                    c = pycurl.Curl()
                    c.setopt(c.URL, sys.argv[1])
                    c.setopt(c.WRITEFUNCTION, good.append)
                    c.perform()
                    c.close()
            threads = [threading.Thread(target=work) for _ in range(6)]
            for t in threads:
                t.start()
            for t in threads:
                t.join()
            print(len(good), b"".join(good[:1]).decode())
            """.replace("\n            ", "\n"), [self.server.url], shim=True, dirs=self.dirs)
        self.got_page(result)
        self.assertIn("30 ", result.out)


class Git(Gnutls):
    def setUp(self):
        super().setUp()
        lab.need(programs=["git"])
        helper = os.path.join(lab.run(["git", "--exec-path"]).out.strip(), "git-remote-https")
        if b"libcurl-gnutls" not in (lab.read(helper) if os.path.exists(helper) else b""):
            self.skipTest("git without GnuTLS")

    def git(self, *argv, cwd):
        who = ["-c", "user.name=x", "-c", "user.email=x@example", "-c", "init.defaultBranch=main"]
        result = lab.run(["git", *who, *argv], cwd=cwd)
        self.assertEqual(0, result.code, result)

    def test_clone(self):
        work = lab.folder("repository")
        self.git("init", "-q", work, cwd=work)
        lab.write(os.path.join(work, "page"), lab.PAGE)
        self.git("add", "page", cwd=work)
        self.git("commit", "-q", "-m", "a page", cwd=work)
        self.git("clone", "-q", "--bare", work, work + ".git", cwd=work)
        self.git("update-server-info", cwd=work + ".git")
        files = [path for path in glob.glob(work + ".git/**", recursive=True) if os.path.isfile(path)]
        self.server.pages.update({path[len(work) + 4:]: lab.read(path) for path in files})
        for number, name in enumerate(("localhost", "127.0.0.1")):
            url = "https://%s:%d/" % (name, self.server.port)
            target = os.path.join(lab.folder("clone"), "c%d" % number)
            self.both(["git", "clone", "-q", url, target])
            self.assertEqual(lab.PAGE.encode(), lab.read(os.path.join(target, "page")))


class Tools(Gnutls):
    def setUp(self):
        super().setUp()
        lab.need(programs=["gnutls-cli", "gnutls-serv"])

    def test_client(self):
        """It lets the library verify: gnutls_session_set_verify_cert() and similar functions."""
        argv = ["gnutls-cli", "-p", self.server.port, "--verify-hostname=localhost", "127.0.0.1"]
        self.both(argv)
        self.neither(["--verify-hostname=elsewhere.example" if "localhost" in str(word) else word for word in argv])

    def serve(self, client):
        """A server's log, after one client; the server asks for a client certificate of client-root."""
        for attempt in range(5):
            try:
                return self.serve_on(lab.free_port(), client)
            except RuntimeError as e:
                # Somebody else has taken the port meanwhile.
                if attempt == 4 or "bind" not in str(e):
                    raise

    def serve_on(self, port, client):
        argv = ["gnutls-serv", "-p", port, "--x509certfile", lab.cert("server-chain.pem"), "--x509keyfile",
                lab.cert("server.key"), "--x509cafile", lab.cert("client-root.pem"), "--require-client-cert",
                "--verify-client-cert", "--echo", "-d", "2"]
        env = lab.shim_env(self.dirs, CATRUST_LOG="info")
        with lab.Process(argv, ready=r"listening on IPv4", env=env) as server:
            result = lab.run(["gnutls-cli", "-p", port, "--x509cafile", lab.cert("corp-root.pem"), "--no-ca-verification",
                              "--x509certfile", lab.cert(client + ".pem"), "--x509keyfile",
                              lab.cert(client + ".key"), "127.0.0.1"], stdin=b"an echo\n")
            lab.wait_for(lambda: re.search("certificate is trusted|Error in the certificate", server.output()),
                         server)
            return server.output(), result

    def test_server(self):
        log, result = self.serve("own-client")
        self.assertIn("an echo", result.out, log)
        log, result = self.serve("client")
        self.assertNotIn("an echo", result.out, log)
        self.assertIn("Error in the certificate", log)
        self.assertNotIn(TOLD, log)


if __name__ == "__main__":
    lab.main()
