# SPDX-License-Identifier: Apache-2.0
"""catrust bundle: one file for programs that accept only a file, and such programs."""

import os
import re
import resource
import shutil
import ssl
import subprocess
import unittest

from lab import lab, tools

JAVA = """
import java.net.URL;
public class Get {
    public static void main(String[] args) throws Exception {
        System.out.print(new String(new URL(args[0]).openStream().readAllBytes()));
    }
}
"""

# The environment in which catrust sees a distribution of its own: only /etc is another.
LAYOUT = """
set -e
mount -t tmpfs none /etc
for path in "$@"; do
    mkdir -p "$(dirname "$path")"
    cp "$BUNDLE" "$path"
done
exec "$CATRUST" bundle
"""


def certificates(text):
    """The certificates of PEM text that has nothing else, as fingerprints in their order."""
    blocks = re.findall(r"-----BEGIN CERTIFICATE-----\n[A-Za-z0-9+/=\n]+-----END CERTIFICATE-----\n", text)
    if "".join(blocks) != text:
        raise AssertionError("more than certificates: " + text)
    where = lab.folder("split")
    return [tools.fingerprint(lab.write(os.path.join(where, str(i)), b)) for i, b in enumerate(blocks)]


class Case(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.dir = lab.folder("ca.d")
        self.where = lab.folder("bundle")
        self.out = os.path.join(self.where, "out")
        self.public = lab.cert("other-root.pem")
        for stem in "corp-root", "corp-sub", "other-root":
            setattr(self, stem.replace("-", "_"), tools.fingerprint(lab.cert(stem + ".pem")))

    def put(self, name, *sources):
        data = b"".join(s if isinstance(s, bytes) else lab.read(s) for s in sources)
        path = os.path.join(self.dir, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        return lab.write(path, data)

    def bundle(self, *args, code=0, err="", public=True, **options):
        if public:
            args = ("--public-bundle", self.public, *args)
        result = tools.catrust("bundle", *args, dirs=options.pop("dirs", [self.dir]), **options)
        self.assertEqual(result.code, code, result.err)
        if err is not None:
            self.assertEqual(result.err, err)
        return result

    def written(self, *args, **options):
        self.assertEqual(self.bundle("--output", self.out, *args, **options).out, "")
        self.assertEqual(os.listdir(self.where), ["out"])
        return self.out


class Pem(Case):
    def test_public_and_trusted(self):
        self.put("b.pem", lab.cert("corp-root.pem"))
        self.put("a.p7b", lab.openssl("crl2pkcs7", "-nocrl", "-certfile", lab.cert("corp-sub.pem"), "-outform", "DER"))
        result = self.bundle()
        self.assertEqual(certificates(result.out), [self.other_root, self.corp_sub, self.corp_root])
        self.assertEqual(self.bundle().out, result.out)
        self.assertEqual(lab.read(self.written("-o", self.out)).decode(), result.out)
        self.assertEqual(os.stat(self.out).st_mode & 0o777, 0o644)
        self.assertEqual(certificates(self.bundle("--no-public", public=False).out), [self.corp_sub, self.corp_root])
        self.assertEqual(certificates(self.bundle("--dir", lab.trustdir("corp-root.pem")).out),
                         [self.other_root, self.corp_root])

    def test_each_once(self):
        self.put("a.pem", lab.cert("corp-root.pem"), lab.cert("other-root.pem"), lab.cert("corp-root.pem"))
        self.put("b.der", lab.openssl("x509", "-in", lab.cert("corp-root.pem"), "-outform", "DER"))
        self.public = tools.joined(lab.cert("other-root.pem"), lab.cert("other-root.pem"))
        self.assertEqual(certificates(self.bundle().out), [self.other_root, self.corp_root])

    def test_one_key_twice(self):
        self.put("a.pem", tools.cert("renamed-root"), tools.cert("rekeyed-root"))
        self.assertEqual(len(certificates(self.bundle().out)), 3)

    def test_nothing_but_certificates(self):
        trusted = lab.openssl("x509", "-in", lab.cert("corp-root.pem"), "-trustout", "-addtrust", "serverAuth",
                              "-setalias", "alias")
        self.assertIn(b"BEGIN TRUSTED", trusted)
        self.put("a.pem", b"# a comment\n", trusted, lab.cert("corp-root.key"))
        self.public = tools.joined(lab.cert("other-root.pem"), lab.cert("other-root.key"))
        result = self.bundle(err=None)
        self.assertEqual(certificates(result.out), [self.other_root, self.corp_root])
        self.assertEqual(result.err.count("a private key"), 2)

    def test_scopes_are_left_out(self):
        self.put("corp.example/a.pem", lab.cert("corp-root.pem"))
        self.put("10.0.0.0_8/a.pem", lab.cert("corp-sub.pem"))
        result = self.bundle(err=None)
        self.assertEqual(certificates(result.out), [self.other_root])
        self.assertRegex(result.err, r"\Acatrust: left out: 2 certificates that may vouch only for some names.*\n\Z")
        self.put("b.pem", lab.cert("corp-root.pem"))
        result = self.bundle(err=None)
        self.assertEqual(certificates(result.out), [self.other_root, self.corp_root])
        self.assertIn("left out: 1 certificate that", result.err)

    def test_variable(self):
        env = {"CATRUST_PEM": lab.read(lab.cert("corp-root.pem")).decode()}
        self.assertEqual(certificates(self.bundle(dirs=[lab.trustdir("corp-sub.pem")], env=env).out),
                         [self.other_root, self.corp_sub, self.corp_root])

    def test_bad_files(self):
        self.put("good.pem", lab.cert("corp-root.pem"))
        self.put("junk\x1b[2J.pem", b"junk")
        result = self.bundle(err=None)
        self.assertEqual(certificates(result.out), [self.other_root, self.corp_root])
        self.assertIn("junk\\x1b[2J.pem: not a certificate (neither PEM nor DER)", result.err)
        for path, words in (("/nowhere", "/nowhere: No such file"), (self.dir, "directory"),
                            (lab.write(os.path.join(lab.folder(), "x\x1b"), "text"), "x\\\\x1b: no certificate in it")):
            self.public = path
            result = self.bundle("-o", self.out, code=1, err=None)
            self.assertRegex(result.err, words)
            self.assertNotIn("\x1b", result.err)
            self.assertFalse(os.path.exists(self.out))

    def test_nothing(self):
        self.assertIn("no certificate to bundle", self.bundle("--no-public", "-o", self.out, code=1, err=None,
                                                              public=False).err)
        self.assertFalse(os.path.exists(self.out))
        self.assertEqual(certificates(self.bundle(err=None).out), [self.other_root])

    def test_usage(self):
        self.put("a.pem", lab.cert("corp-root.pem"))
        for args in (["--format", "der"], ["--no-public", "--public-bundle", self.public], ["--password", "x"],
                     ["what"], ["--json"], ["-o"]):
            with self.subTest(args):
                self.assertEqual(self.bundle(*args, code=2, err=None, public=False).out, "")


class Output(Case):
    def setUp(self):
        super().setUp()
        self.put("a.pem", lab.cert("corp-root.pem"))

    def test_replaces(self):
        lab.write(self.out, "before", 0o640)
        inode = os.stat(self.out).st_ino
        self.written()
        self.assertEqual(len(certificates(lab.read(self.out).decode())), 2)
        self.assertNotEqual(os.stat(self.out).st_ino, inode)
        self.assertEqual(os.stat(self.out).st_mode & 0o777, 0o640)

    def test_link(self):
        there = os.path.join(lab.folder(), "file")
        lab.write(there, "before")
        os.symlink(there, self.out)
        self.written()
        self.assertTrue(os.path.islink(self.out))
        self.assertEqual(len(certificates(lab.read(there).decode())), 2)

    def test_relative(self):
        self.bundle("-o", "out", cwd=self.where)
        self.assertEqual(os.listdir(self.where), ["out"])

    def test_not_a_file(self):
        self.assertEqual(len(certificates(self.bundle("-o", "/dev/stdout").out)), 2)
        self.assertEqual(len(certificates(self.bundle("-o", "-").out)), 2)
        self.bundle("-o", "/dev/null")
        self.assertFalse(os.path.isfile("/dev/null"))
        self.assertIn("Is a directory", self.bundle("-o", self.where, code=1, err=None).err)
        self.assertIn("No such file", self.bundle("-o", self.where + "/x/y", code=1, err=None).err)
        self.assertEqual(os.listdir(self.where), [])

    def test_no_room(self):
        self.assertIn("No space left", self.bundle("-o", "/dev/full", code=1, err=None).err)
        with open("/dev/full", "wb") as full:
            done = subprocess.run([tools.tool("catrust"), "bundle", "--no-public"], stdout=full, stderr=subprocess.PIPE,
                                  env=lab.clean_env(CATRUST_DIR=self.dir), timeout=lab.TIMEOUT)
        self.assertEqual((done.returncode, b"No space left" in done.stderr), (1, True), done.stderr)
        lab.write(self.out, "before")
        done = subprocess.run([tools.tool("catrust"), "bundle", "--no-public", "-o", self.out],
                              stderr=subprocess.PIPE, env=lab.clean_env(CATRUST_DIR=self.dir), timeout=lab.TIMEOUT,
                              preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100)))
        self.assertEqual((done.returncode, b"File too large" in done.stderr), (1, True), done.stderr)
        self.assertEqual((lab.read(self.out), os.listdir(self.where)), (b"before", ["out"]))

    def test_may_not(self):
        lab.write(self.out, "before")
        if os.geteuid() != 0:
            os.chmod(self.where, 0o555)
        result = self.bundle("-o", self.out, code=1, err=None, user=65534 if os.geteuid() == 0 else None)
        self.assertIn("Permission denied", result.err)
        os.chmod(self.where, 0o755)
        self.assertEqual((lab.read(self.out), os.listdir(self.where)), (b"before", ["out"]))

    def test_no_binary_on_a_terminal(self):
        master, slave = os.openpty()
        self.addCleanup(os.close, master)
        for args, code in ([], 2), (["-o", os.ttyname(slave)], 1):
            done = subprocess.run([tools.tool("catrust"), "bundle", "--no-public", "--format", "pkcs12", *args],
                                  stdout=slave, stderr=subprocess.PIPE, env=lab.clean_env(CATRUST_DIR=self.dir),
                                  timeout=lab.TIMEOUT)
            self.assertEqual((done.returncode, b"terminal" in done.stderr), (code, True), done.stderr)
        os.close(slave)
        with self.assertRaises(OSError):  # nothing came, and the other end is closed
            os.read(master, 1)


class Layouts(Case):
    """Where the distributions keep their bundle."""

    def layout(self, *paths, code=0):
        env = {"CATRUST": tools.tool("catrust"), "BUNDLE": self.public, "CATRUST_DIR": lab.trustdir("corp-root.pem")}
        result = lab.run(["unshare", "-m", "sh", "-c", LAYOUT, "sh", *paths], env=env)
        self.assertEqual(result.code, code, result.err)
        return result

    def test_layouts(self):
        if lab.run(["unshare", "-m", "mount", "-t", "tmpfs", "none", "/etc"]).code != 0:
            self.skipTest("no mounts may be made here")
        for path in ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
                     "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem"):
            with self.subTest(path):
                self.assertEqual(certificates(self.layout(path).out), [self.other_root, self.corp_root])
        self.assertIn("name it with --public-bundle", self.layout(code=1).err)

    def test_this_system(self):
        system = "/etc/ssl/certs/ca-certificates.crt"
        if not os.path.exists(system):
            self.skipTest("no " + system)
        self.put("a.pem", lab.cert("corp-root.pem"))
        text = self.bundle(public=False).out
        theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        theirs.load_verify_locations(system)
        ours = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        ours.load_verify_locations(cadata=text)
        corp = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        corp.load_verify_locations(lab.cert("corp-root.pem"))
        everything = {*theirs.get_ca_certs(True), *corp.get_ca_certs(True)}
        self.assertEqual(set(ours.get_ca_certs(True)), everything)
        self.assertGreater(len(everything), 50)


class Programs(Case):
    """With the bundle, they trust the company's servers and the public ones; with the public CAs, only the latter."""

    def setUp(self):
        super().setUp()
        self.put("a.pem", lab.cert("corp-root.pem"))
        self.corp = self.enterContext(lab.server())
        self.other = self.enterContext(lab.server("other-server"))

    def check(self, argv, refused):
        """argv: makes the command for a bundle and a URL."""
        bundle = self.written()
        for url in self.corp.named_url, self.other.named_url:
            result = lab.run(argv(bundle, url))
            self.assertEqual((result.code, result.out), (0, lab.PAGE), result.err)
        result = lab.run(argv(self.public, self.corp.named_url))
        self.assertNotEqual(result.code, 0)
        self.assertRegex(result.err, refused)

    def test_curl(self):
        lab.need(programs=["curl"])
        self.check(lambda bundle, url: ["curl", "-sS", "--cacert", bundle, url], "certificate problem")

    def test_python(self):
        code = ("import ssl, sys, urllib.request as u; print(u.urlopen(sys.argv[2], "
                "context=ssl.create_default_context(cafile=sys.argv[1])).read().decode(), end='')")
        self.check(lambda bundle, url: [lab.PYTHON, "-c", code, bundle, url], "certificate verify failed")

    def test_requests(self):
        lab.need(modules=["requests"])
        code = "import requests, sys; print(requests.get(sys.argv[2], verify=sys.argv[1]).text, end='')"
        self.check(lambda bundle, url: [lab.PYTHON, "-c", code, bundle, url], "certificate verify failed")

    def test_wget(self):
        lab.need(programs=["wget"])  # Debian's has GnuTLS
        self.check(lambda bundle, url: ["wget", "-nv", "-O", "-", "--ca-certificate=" + bundle, url], "not trusted|verify")


class Pkcs12(Case):
    def setUp(self):
        super().setUp()
        self.put("a.pem", lab.cert("corp-root.pem"), lab.cert("corp-sub.pem"))

    def test_content(self):
        store = self.written("--format", "pkcs12")
        for password in "pass:changeit", "pass:wrong":
            done = subprocess.run(["openssl", "pkcs12", "-in", store, "-passin", password], env=lab.clean_env(),
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=lab.TIMEOUT)
            self.assertEqual(done.returncode == 0, password.endswith("changeit"), done.stderr)
            if done.returncode != 0:
                continue
            text = done.stdout.decode()
            # trustedKeyUsage, and a set of nothing but anyExtendedKeyUsage for its value
            self.assertEqual(text.count("2.16.840.1.113894.746875.1.1: "), 3, text)
            self.assertEqual(lab.read(store).count(b"\x31\x06\x06\x04\x55\x1d\x25\x00"), 3)
            self.assertIn("friendlyName: example-corp-root-ca-" + self.corp_root[7:15], text)
            self.assertNotIn("PRIVATE KEY", text)
            blocks = "".join(re.findall(r"(?s)-----BEGIN CERTIFICATE-----\n.*?-----END CERTIFICATE-----\n", text))
            self.assertEqual(sorted(certificates(blocks)), sorted([self.other_root, self.corp_root, self.corp_sub]))

    def test_same_bytes(self):
        first = lab.read(self.written("--format", "pkcs12"))
        self.assertEqual(lab.read(self.written("--format", "pkcs12")), first)
        self.assertNotEqual(lab.read(self.written("--format", "pkcs12", "--password", "other")), first)


class Java(Case):
    @classmethod
    def setUpClass(cls):
        lab.need(programs=["java", "keytool"])
        cls.classes = lab.folder("java")
        source = lab.write(os.path.join(cls.classes, "Get.java"), JAVA)
        cls.compiled = lab.run(["java", "-m", "jdk.compiler/com.sun.tools.javac.Main", "-d", cls.classes, source],
                               timeout=120).code == 0

    def setUp(self):
        super().setUp()
        self.put("a.pem", lab.cert("corp-root.pem"), lab.cert("corp-sub.pem"))

    def store(self, kind, *args, password="changeit"):
        """A trust store with three entries, as Java's own tool shows it."""
        path = os.path.join(lab.folder("java"), kind)
        self.bundle("--format", kind, "-o", path, *args)
        listed = lab.run(["keytool", "-J-Duser.language=en", "-list", "-keystore", path, "-storepass", password])
        self.assertEqual(listed.out.count("trustedCertEntry"), 3, listed.out + listed.err)
        return path

    def test_programs_trust_it(self):
        if not self.compiled:
            self.skipTest("this Java has no compiler")
        with lab.server() as corp, lab.server("other-server") as other:
            for store in self.store("pkcs12"), self.store("jks"):
                for url in corp.named_url, other.named_url:
                    result = self.get(store, url, "-Djavax.net.ssl.trustStorePassword=changeit")
                    self.assertEqual((result.code, result.out), (0, lab.PAGE), result.err)
            # the password is often forgotten
            self.assertEqual(self.get(self.store("pkcs12"), corp.named_url).out, lab.PAGE)
            empty = os.path.join(lab.folder("java"), "public")
            self.bundle("--dir", lab.trustdir("client-root.pem"), "--format", "pkcs12", "-o", empty)
            self.assertIn("PKIX path building failed", self.get(empty, corp.named_url).err)

    def get(self, store, url, *options):
        return lab.run(["java", "-XX:TieredStopAtLevel=1", "-Xshare:auto", "-Djavax.net.ssl.trustStore=" + store,
                        *options, "-cp", self.classes, "Get", url], timeout=120)

    def test_password(self):
        for kind in "pkcs12", "jks":
            self.store(kind, "--password", "pass word@1", password="pass word@1")
        self.assertIn("at least 6", self.bundle("--format", "jks", "--password", "12345", "-o", self.out, code=1,
                                                err=None).err)

    def test_keytool_of_java_home(self):
        home = lab.folder("jre")
        os.mkdir(os.path.join(home, "bin"))
        os.symlink(shutil.which("keytool"), os.path.join(home, "bin", "keytool"))
        self.written("--format", "jks", env={"JAVA_HOME": home, "PATH": "/nowhere"})

    def test_keytool_fails(self):
        home = lab.folder("jre")
        os.mkdir(os.path.join(home, "bin"))
        lab.write(os.path.join(home, "bin", "keytool"), "#!/bin/sh\necho starting\nprintf 'no \\033[2J luck\\n'\nexit 1\n",
                  0o755)
        tmp = lab.folder("tmp")
        result = self.bundle("--format", "jks", "-o", self.out, code=1, err=None, env={"JAVA_HOME": home, "TMPDIR": tmp})
        self.assertIn("keytool failed: no \\x1b[2J luck", result.err)
        self.assertEqual((os.listdir(self.where), os.listdir(tmp)), ([], []))


class NoJava(Case):
    def test_jks(self):
        self.put("a.pem", lab.cert("corp-root.pem"))
        tmp = lab.folder("tmp")
        result = self.bundle("--format", "jks", "-o", self.out, code=1, err=None,
                             env={"PATH": "/nowhere", "JAVA_HOME": None, "TMPDIR": tmp})
        self.assertIn("keytool, which makes this format, is neither in JAVA_HOME nor in PATH", result.err)
        self.assertEqual((os.listdir(self.where), os.listdir(tmp)), ([], []))


if __name__ == "__main__":
    lab.main()
