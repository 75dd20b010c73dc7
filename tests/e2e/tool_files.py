# SPDX-License-Identifier: Apache-2.0
"""catrust list, add and remove: what is in the trust directory, and how it gets in and out."""

import os
import shutil
import unittest

import lab
import tool_lab as tools


def names(path):
    return sorted(os.listdir(path))


class Case(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.dir = lab.folder("ca.d")
        self.root = tools.fingerprint(lab.cert("corp-root.pem"))
        self.sub = tools.fingerprint(lab.cert("corp-sub.pem"))

    def catrust(self, *args, code, dirs=None, **options):
        result = tools.catrust(*args, dirs=dirs or [self.dir], **options)
        self.assertEqual(result.code, code, result.err + result.out)
        return result

    def put(self, name, *sources):
        """A file in the trust directory with the contents of sources: paths, or bytes."""
        data = b"".join(s if isinstance(s, bytes) else lab.read(s) for s in sources)
        return lab.write(os.path.join(self.dir, name), data)


class List(Case):
    def test_fields(self):
        path = self.put("corp.pem", lab.cert("corp-root.pem"))
        result = self.catrust("list", code=0)
        self.assertEqual(result.err, "")
        year = lab.openssl("x509", "-in", path, "-noout", "-enddate").decode().split()[3]
        lines = result.out.split("\n")
        self.assertEqual(lines[0], "O=Example, CN=Example Corp Root CA")
        self.assertEqual(lines[1], "    scope    every name")
        self.assertRegex(lines[2], r"\A    expires  %s-\d\d-\d\d\Z" % year)
        self.assertEqual(lines[3], "    SHA-256  " + tools.colons(self.root))
        self.assertEqual(lines[4:], ["    file     " + path, ""])

    def test_several_files_and_directories(self):
        self.put("a.pem", lab.cert("corp-root.pem"), lab.cert("corp-sub.pem"))
        other = lab.trustdir("other-root.pem")
        result = self.catrust("list", dirs=[self.dir, other], code=0)
        self.assertEqual([line.split()[1] for line in result.out.split("\n") if "SHA-256" in line],
                         [tools.colons(f) for f in
                          (self.root, self.sub, tools.fingerprint(lab.cert("other-root.pem")))])
        only = self.catrust("list", "--dir", other, code=0)
        self.assertNotIn(tools.colons(self.root), only.out)
        self.assertIn("Unknown Root CA", only.out)

    def test_warnings(self):
        for stem, words in (("expired-root", "it has expired"),
                            ("soon-root", "it expires in less than 30 days"),
                            ("pseudo", "vouch only for the server that has its key"),
                            ("loose-root", "Python 3.13 and newer refuse it")):
            with self.subTest(stem):
                path = self.put("x.pem", tools.cert(stem))
                result = self.catrust("list", code=0)
                self.assertRegex(result.out, "(?m)^    warning  .*" + words)
                os.unlink(path)

    def test_scopes(self):
        for scope in "corp.example", "10.0.0.0_8", "fd00__8":
            os.mkdir(os.path.join(self.dir, scope))
            shutil.copy(lab.cert("corp-root.pem"), os.path.join(self.dir, scope, "root.pem"))
        result = self.catrust("list", code=0)
        for scope in "corp.example", "10.0.0.0/8", "fd00::/8":
            self.assertIn("    scope    %s\n" % scope, result.out)
        self.assertNotIn("every name", result.out)

    def test_problems(self):
        self.put("good.pem", lab.cert("corp-root.pem"))
        self.put("junk\x1b[2J.pem", b"junk")
        self.put("opaque.pem", b"-----BEGIN CERTIFICATE-----\nMAowAjAAMAADAQAAAA==\n-----END CERTIFICATE-----\n")
        os.mkdir(os.path.join(self.dir, "no scope"))
        result = self.catrust("list", code=0)
        self.assertEqual(result.out.count("SHA-256"), 1)
        self.assertIn("junk\\x1b[2J.pem", result.err)
        self.assertIn("opaque.pem", result.err)
        self.assertIn("no scope: neither a domain nor a range of addresses", result.err)
        self.assertNotIn("\x1b", result.err + result.out)

    def test_nothing(self):
        result = self.catrust("list", code=0)
        self.assertEqual(result.out, "")
        self.assertIn(self.dir, result.err)
        result = self.catrust("list", code=0, env={"CATRUST_DIR": None}, user=None)
        if not os.path.exists("/etc/catrust"):
            self.assertEqual((result.out, result.err), ("", "nothing is trusted\n"))

    def test_variable(self):
        result = self.catrust("list", code=0, env={"CATRUST_PEM": lab.read(lab.cert("corp-root.pem")).decode()})
        self.assertIn("    file     CATRUST_PEM\n", result.out)


class Add(Case):
    def add(self, *args, code, **options):
        return self.catrust("add", *args, code=code, **options)

    def test_formats(self):
        where = lab.folder()
        pem, der, p7b = (os.path.join(where, name) for name in ("a.txt", "b", "c"))
        lab.write(pem, b"Some text\n" + lab.read(lab.cert("corp-root.pem")))
        lab.openssl("x509", "-in", pem, "-outform", "DER", "-out", der)
        lab.openssl("crl2pkcs7", "-nocrl", "-certfile", lab.cert("corp-root.pem"), "-outform", "DER",
                    "-out", p7b)
        for path in pem, der, p7b:
            with self.subTest(path):
                result = self.add(path, "--fingerprint", self.root, code=0)
                self.assertEqual(len(names(self.dir)), 1)
                saved = result.out.strip()
                self.assertEqual(tools.fingerprint(saved), self.root)
                self.assertRegex(lab.read(saved).decode(), r"(?m)^# Source: +file " + path)
                again = self.add(path, "--fingerprint", self.root, code=0)
                self.assertIn("trusted already", again.err)
                os.unlink(saved)

    def test_standard_input(self):
        result = self.add("-", "--fingerprint", self.root, code=0, stdin=lab.read(lab.cert("corp-root.pem")))
        self.assertEqual(tools.fingerprint(result.out.strip()), self.root)

    def test_only_what_the_fingerprint_names(self):
        bundle = tools.joined(lab.cert("server.pem"), lab.cert("corp-sub.pem"), lab.cert("other-root.pem"),
                              lab.cert("corp-root.pem"))
        self.add(bundle, "--fingerprint", self.root, code=0)
        self.assertEqual(len(names(self.dir)), 1)
        self.add(bundle, "--fingerprint", self.root, "--fingerprint", self.sub, code=0)
        self.assertEqual(len(names(self.dir)), 2)
        result = self.add(bundle, "--fingerprint", "00" * 32, code=1)
        self.assertIn("no certificate has the fingerprint", result.err)

    def test_not_confirmed(self):
        result = self.add(lab.cert("corp-root.pem"), code=1)
        self.assertIn("--fingerprint sha256:HEX is needed", result.err)
        self.assertEqual(names(self.dir), [])

    def test_refused(self):
        for path, words in ((lab.cert("server.pem"), "CA:FALSE"), (tools.cert("expired-root"), "has expired"),
                            (tools.cert("pseudo"), "CA:FALSE")):
            with self.subTest(path):
                result = self.add(path, "--fingerprint", tools.fingerprint(path), code=1)
                self.assertIn(words, result.err)
        bundle = lab.cert("other-root.pem")
        result = self.add(bundle, "--fingerprint", tools.fingerprint(bundle), "--public-bundle", bundle, code=1)
        self.assertIn("publicly trusted", result.err)
        self.assertEqual(names(self.dir), [])

    def test_changed_ca(self):
        self.put("corp.pem", lab.cert("corp-root.pem"))
        path = tools.cert("renamed-root")
        result = self.add(path, "--fingerprint", tools.fingerprint(path), code=0)
        self.assertIn("THE CA HAS CHANGED", result.err)

    def test_files_that_are_none(self):
        where = lab.folder()
        junk = lab.write(os.path.join(where, "junk"), b"junk")
        key = lab.cert("corp-root.key")
        fifo, big = os.path.join(where, "fifo"), os.path.join(where, "big")
        os.mkfifo(fifo)
        with open(big, "wb") as f:
            f.truncate(9 << 20)
        for path, words in ((junk, "neither PEM nor DER"), (key, "private key"), (fifo, "not a regular file"),
                            (where, "Is a directory"), (where + "/none", "No such file"),
                            (big, "larger than 8 MiB")):
            with self.subTest(path):
                result = self.add(path, "--fingerprint", self.root, code=1, timeout=10)
                self.assertIn(words, result.err)
        # one bad file costs the others nothing but the exit status
        self.add(junk, lab.cert("corp-root.pem"), "--fingerprint", self.root, code=1)
        self.assertEqual(len(names(self.dir)), 1)

    def test_at_the_terminal(self):
        bundle = tools.joined(lab.cert("corp-root.pem"), lab.cert("other-root.pem"))
        env = lab.clean_env(CATRUST_DIR=self.dir)
        with tools.Terminal([tools.tool("catrust"), "add", bundle], env) as t:
            t.wait_for("[y/N] ")
            t.type("n\n")
            t.wait_for("not confirmed")
            t.wait_for("Unknown Root CA")
            while t.seen.count("[y/N] ") < 2:
                t._read(0.1)
            t.type("y\n")
            self.assertEqual(t.end(), 1, t.seen)
        self.assertEqual([name.split("-")[0] for name in names(self.dir)], ["unknown"])


class Remove(Case):
    def remove(self, *args, code, **options):
        return self.catrust("remove", *args, code=code, **options)

    def test_by_fingerprint(self):
        for text in self.root, self.root[7:], tools.colons(self.root):
            with self.subTest(text):
                path = self.put("corp.pem", lab.cert("corp-root.pem"))
                self.put("other.pem", lab.cert("other-root.pem"))
                result = self.remove(text, code=0)
                self.assertEqual((result.out, names(self.dir)), (path + "\n", ["other.pem"]))

    def test_all_copies(self):
        self.put("a.pem", lab.cert("corp-root.pem"))
        self.put("b.crt", lab.cert("corp-root.pem"))
        result = self.remove(self.root, code=0)
        self.assertEqual((result.out.count("\n"), names(self.dir)), (2, []))

    def test_by_name_and_path(self):
        for argument in ("x.pem", self.dir + "/x.pem", self.dir + "/./x.pem"):
            with self.subTest(argument):
                self.put("x.pem", b"broken, and so without a fingerprint")
                self.remove(argument, code=0)
                self.assertEqual(names(self.dir), [])
        self.put("x.pem", lab.cert("corp-root.pem"))
        self.remove("x.pem", code=0, cwd=self.dir)
        self.assertEqual(names(self.dir), [])

    def test_several_certificates_in_a_file(self):
        self.put("bundle.pem", lab.cert("corp-root.pem"), lab.cert("corp-sub.pem"))
        result = self.remove(self.sub, code=1)
        self.assertIn("holds 2 certificates", result.err)
        self.assertEqual(names(self.dir), ["bundle.pem"])
        self.remove("bundle.pem", code=0)
        self.assertEqual(names(self.dir), [])

    def test_link(self):
        target = lab.write(os.path.join(lab.folder(), "corp.pem"), lab.read(lab.cert("corp-root.pem")))
        os.symlink(target, os.path.join(self.dir, "link.pem"))
        self.remove(self.root, code=0)
        self.assertEqual(names(self.dir), [])
        self.assertTrue(os.path.exists(target))
        os.symlink("nowhere", os.path.join(self.dir, "link.pem"))
        self.remove("link.pem", code=0)
        self.assertEqual(names(self.dir), [])

    def test_not_in_a_trust_directory(self):
        elsewhere = lab.write(os.path.join(lab.folder(), "corp.pem"), lab.read(lab.cert("corp-root.pem")))
        self.put("keep.txt", b"")
        os.mkdir(os.path.join(self.dir, "dir.pem"))
        for argument in (elsewhere, "../" + os.path.basename(self.dir), "none.pem", "keep.txt", "dir.pem", ".",
                         "", "/", self.dir, os.path.join(self.dir, "..", os.path.basename(elsewhere))):
            with self.subTest(argument):
                result = self.remove(argument, code=1)
                self.assertIn("nothing is removed", result.err)
        self.assertTrue(os.path.exists(elsewhere))
        self.assertEqual(names(self.dir), ["dir.pem", "keep.txt"])
        self.assertIn("no certificate with this fingerprint", self.remove(self.root, code=1).err)

    def test_named_by_a_variable(self):
        path = lab.write(os.path.join(lab.folder(), "corp.pem"), lab.read(lab.cert("corp-root.pem")))
        self.assertIn("CATRUST_DIR", self.remove(self.root, code=1, dirs=[self.dir, path]).err)
        self.assertTrue(os.path.exists(path))
        pem = lab.read(path).decode()
        self.assertIn("CATRUST_PEM", self.remove(self.root, code=1, env={"CATRUST_PEM": pem}).err)

    def test_may_not(self):
        self.put("corp.pem", lab.cert("corp-root.pem"))
        if os.geteuid() != 0:
            os.chmod(self.dir, 0o555)
        result = self.remove(self.root, code=1, user=65534 if os.geteuid() == 0 else None)
        self.assertIn("Permission denied", result.err)
        self.assertEqual(names(self.dir), ["corp.pem"])
        os.chmod(self.dir, 0o755)


if __name__ == "__main__":
    lab.main()
