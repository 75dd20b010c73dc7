# SPDX-License-Identifier: Apache-2.0
"""catrust list, add and remove: what is in the trust directory, and how files get in and out."""

import json
import os
import shutil
import subprocess
import time
import unittest

from lab import lab, tools


def names(path):
    return sorted(os.listdir(path))


def not_after(path, which="-enddate"):
    """A certificate's date in JSON's form."""
    text = lab.openssl("x509", "-in", path, "-noout", which).decode().split("=")[1].strip()
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.strptime(text, "%b %d %H:%M:%S %Y %Z"))


NOTHING = "there are no CAs in the trust directories: programs trust only their own"
ADD = ". To add one: catrust fetch HOST\n"


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
        subject = "O=Example, CN=Example Corp Root CA"
        lines = result.out.split("\n")
        self.assertEqual(lines[0], "EXPIRES     SCOPE       %-34s  FILE" % "SUBJECT")
        self.assertEqual(lines[1], "%s  every name  %s  %s" % (not_after(path)[:10], subject, path))
        self.assertEqual(lines[2:], ["    SHA-256  " + tools.colons(self.root), ""])

    def test_columns(self):
        os.mkdir(os.path.join(self.dir, "corp.example"))
        self.put("corp.example/b.pem", lab.cert("corp-root.pem"))
        path = self.put("a.pem", tools.cert("wide-root"))
        result = self.catrust("list", code=0)
        lines = [line for line in result.out.split("\n") if line and line[0] != " "]
        self.assertEqual(lines[1].index("O="), lines[0].index("SUBJECT"))
        # A character of East Asia takes two columns, and none is told by its bytes.
        self.assertEqual([tools.columns(line[:line.index(self.dir)]) for line in lines[1:]],
                         [lines[0].index("FILE")] * 2)
        self.assertIn("社内認証局", result.out)
        self.assertIn(path, result.out)

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
                            ("loose-root", "Python 3.13 and newer refuse it, unless CATRUST_STRICT=relax: ")):
            with self.subTest(stem):
                path = self.put("x.pem", tools.cert(stem))
                result = self.catrust("list", code=0)
                self.assertRegex(result.out, "(?m)^    warning  .*" + words)
                os.unlink(path)

    def warnings(self):
        """The codes of all warnings, by file name."""
        found = json.loads(self.catrust("list", "--json", code=0).out)
        self.assertEqual(found["version"], 1)
        return {os.path.relpath(c["file"], self.dir): [w["code"] for w in c["warnings"]]
                for c in found["certificates"]}

    def test_codes(self):
        self.put("ok.pem", lab.cert("corp-root.pem"))
        for stem in ("expired-root", "soon-root", "future-root", "pseudo", "loose-root", "bare-root",
                     "weak-root", "sha1-sub", "leaf"):
            self.put(stem + ".pem", tools.cert(stem))
        self.assertEqual(self.warnings(), {
            "ok.pem": [], "expired-root.pem": ["expired"], "soon-root.pem": ["expires-soon"],
            "future-root.pem": ["not-yet-valid"], "pseudo.pem": ["not-a-ca", "pin"],
            "loose-root.pem": ["strict", "strict"], "bare-root.pem": ["strict", "strict"],
            "weak-root.pem": ["weak-key"], "sha1-sub.pem": ["weak-signature"], "leaf.pem": ["not-a-ca"]})
        table = self.catrust("list", code=0).out
        for words in "Basic Constraints of CA cert not marked critical", "CA cert does not include key usage extension", \
                "Missing Subject Key Identifier", "its key is weak (1024 bits)", "its signature is weak (SHA1)", \
                "is not valid yet":
            self.assertIn(words, table)

    def test_duplicates(self):
        os.mkdir(os.path.join(self.dir, "corp.example"))
        self.put("a.pem", lab.cert("corp-root.pem"), lab.cert("corp-root.pem"))
        self.put("b.pem", lab.cert("corp-sub.pem"))
        self.assertEqual(self.warnings(), {"a.pem": [], "b.pem": []})
        self.put("c.pem", lab.cert("corp-root.pem"))
        self.put("corp.example/d.pem", lab.cert("corp-root.pem"))
        self.put("e.pem", tools.cert("renamed-root"))
        self.put("f.pem", tools.cert("rekeyed-root"))
        self.assertEqual(self.warnings(), {"a.pem": ["duplicate"], "b.pem": [], "e.pem": ["same-key"],
                                           "f.pem": ["same-key"]})
        table = self.catrust("list", code=0).out
        self.assertRegex(table, "it is also in %s/.*, and in 1 more\n" % self.dir)
        self.assertIn("its key is also that of another certificate: %s... in %s/f.pem\n" % (
            tools.colons(tools.fingerprint(tools.cert("rekeyed-root")))[:11], self.dir), table)

    def test_one_file_for_each_scope_is_no_duplicate(self):
        for scope in "corp.example", "10.0.0.0_8", "localhost":
            os.mkdir(os.path.join(self.dir, scope))
            self.put(scope + "/a.pem", lab.cert("corp-root.pem"))
        self.assertEqual(self.warnings(), {"10.0.0.0_8/a.pem": []})
        self.put("localhost/b.pem", lab.cert("corp-root.pem"))
        self.assertEqual(self.warnings(), {"10.0.0.0_8/a.pem": ["duplicate"]})

    def test_json(self):
        os.mkdir(os.path.join(self.dir, "corp.example"))
        path = self.put("corp.example/sub.pem", lab.cert("corp-sub.pem"), lab.read(lab.cert("server.key")))
        self.put("junk\x1b[2J.pem", b"junk")
        result = self.catrust("list", "--json", code=0)
        self.assertEqual(result.err, "")
        self.assertNotIn("\x1b", result.out)
        found = json.loads(result.out)
        self.assertEqual(found["certificates"], [{
            "subject": "O=Example, CN=Example Corp Issuing CA", "issuer": "O=Example, CN=Example Corp Root CA",
            "not_before": not_after(path, "-startdate"), "not_after": not_after(path), "key": "EC P-256",
            "sha256": tools.colons(self.sub), "self_signed": False, "scopes": ["corp.example"],
            "file": path, "also_in": [], "warnings": []}])
        self.assertEqual(len(found["skipped"]), 2)
        self.assertRegex(" ".join(found["skipped"]), "a private key, ignored")
        self.assertRegex(" ".join(found["skipped"]), r"junk.*\.pem: not a certificate \(neither PEM nor DER\)")
        self.put("root.pem", lab.cert("corp-root.pem"))
        self.assertEqual({c["file"]: c["scopes"] for c in
                          json.loads(self.catrust("list", "--json", code=0).out)["certificates"]},
                         {os.path.join(self.dir, "root.pem"): None, path: ["corp.example"]})

    def test_json_of_nothing(self):
        found = json.loads(self.catrust("list", "--json", code=0, dirs=[lab.folder()]).out)
        self.assertEqual(found["certificates"], [])
        self.assertEqual(json.loads(self.catrust("list", "--json", code=0, env={"CATRUST_DIR": "/nowhere/at/all"}).out)
                         ["certificates"], [])

    def test_scopes(self):
        for scope in "corp.example", "10.0.0.0_8", "fd00__8":
            os.mkdir(os.path.join(self.dir, scope))
            shutil.copy(lab.cert("corp-root.pem"), os.path.join(self.dir, scope, "root.pem"))
        result = self.catrust("list", code=0)
        lines = [line.split() for line in result.out.split("\n")]
        for scope in "corp.example", "10.0.0.0/8", "fd00::/8":
            path = os.path.join(self.dir, scope.replace("::/", "__").replace("/", "_"), "root.pem")
            self.assertEqual(1, sum(scope in line and path in line for line in lines), result.out)
        self.assertNotIn("every name", result.out)

    def test_each_scope_and_file_has_a_line_in_the_columns(self):
        scopes = "127.0.0.1", "a-long-label.another-one.corp.example", "localhost"
        for scope in scopes:
            os.mkdir(os.path.join(self.dir, scope))
            self.put(scope + "/a.pem", lab.cert("corp-root.pem"))
        self.put("z.pem", lab.cert("other-root.pem"))
        head, *lines = self.catrust("list", code=0).out.split("\n")
        rows = [line for line in lines if "/" in line]
        self.assertEqual(4, len(rows))
        self.assertEqual({(row[12:].split("  ")[0], row[row.index(self.dir):]) for row in rows[:3]},
                         {(scope, "%s/%s/a.pem" % (self.dir, scope)) for scope in scopes})
        for row in rows:
            if "a-long-label" not in row:
                self.assertEqual(row.index(self.dir), head.index("FILE"))

    def test_problems(self):
        self.put("good.pem", lab.cert("corp-root.pem"))
        self.put("junk\x1b[2J.pem", b"junk")
        self.put("opaque.pem", b"-----BEGIN CERTIFICATE-----\nMAowAjAAMAADAQAAAA==\n-----END CERTIFICATE-----\n")
        os.mkdir(os.path.join(self.dir, "no scope"))
        result = self.catrust("list", code=0)
        self.assertEqual(result.out.count("SHA-256"), 1)
        self.assertIn("junk\\x1b[2J.pem", result.err)
        self.assertIn("opaque.pem", result.err)
        self.assertIn("no scope: its name is neither a domain nor a range of addresses", result.err)
        self.assertNotIn("\x1b", result.err + result.out)

    def test_nothing(self):
        result = self.catrust("list", code=0)
        self.assertEqual(result.out, "")
        self.assertIn(self.dir, result.err)
        self.assertTrue(result.err.endswith("\n" + NOTHING + ADD), result.err)
        result = self.catrust("list", code=0, env={"CATRUST_DIR": None}, user=None)
        if not os.path.exists("/etc/catrust"):
            self.assertEqual((result.out, result.err), ("", NOTHING + ADD))

    def test_files_with_other_endings_are_named(self):
        self.put("corp.pem", lab.cert("corp-root.pem"))
        os.makedirs(os.path.join(self.dir, "corp.example", "deeper"))
        os.mkdir(os.path.join(self.dir, "no scope"))
        found = [self.put(name, lab.cert("corp-root.pem")) for name in ("corp-root", "corp.example/x.p12", "root.cert")]
        for name in ".hidden", "corp.example/deeper/root", "no scope/root":
            self.put(name, lab.cert("corp-root.pem"))
        result = self.catrust("list", code=0)
        self.assertEqual(1, result.out.count("SHA-256"), result.out)
        text = [line for line in result.err.split("\n") if "because its name does not end in" in line]
        self.assertEqual(["%s: skipped, because its name does not end in .pem, .crt, .cer, .der, .p7b or .p7c" % path
                          for path in found], text)
        # monitoring does not report them
        shutil.rmtree(os.path.join(self.dir, "corp.example"))
        shutil.rmtree(os.path.join(self.dir, "no scope"))
        self.assertEqual("", self.catrust("list", "--check", code=0).out)

    def test_variable(self):
        result = self.catrust("list", code=0, env={"CATRUST_PEM": lab.read(lab.cert("corp-root.pem")).decode()})
        self.assertIn("  CATRUST_PEM\n", result.out)


class Check(Case):
    """list --check, for monitoring."""

    def check(self, *args, code, **options):
        return self.catrust("list", "--check", *args, code=code, **options)

    def test_all_is_well(self):
        self.put("corp.pem", lab.cert("corp-root.pem"))
        for stem in "loose-root", "weak-root", "pseudo":  # warnings, and a pin
            self.put(stem + ".pem", tools.cert(stem))
        self.assertEqual(self.check(code=0), lab.Result(0, "", ""))
        self.assertEqual(json.loads(self.check("--json", code=0).out)["failures"], [])

    def test_what_is_wrong(self):
        for name, data, code, words in (
                ("x.pem", tools.cert("expired-root"), "expired", "Expired Root CA: it has expired"),
                ("x.pem", tools.cert("future-root"), "not-yet-valid", "it is not valid yet"),
                ("x.pem", tools.cert("leaf"), "not-a-ca", "CN=leaf: "),
                ("x.pem", b"junk", "skipped", "x.pem: ")):
            with self.subTest(code):
                path = self.put(name, data)
                self.put("corp.pem", lab.cert("corp-root.pem"))
                result = self.check(code=1)
                self.assertEqual((1, ""), (result.out.count("\n"), result.err), result.out)
                self.assertTrue(result.out.startswith(path + ": "), result.out)
                self.assertIn(words, result.out)
                found = json.loads(self.check("--json", code=1).out)["failures"]
                self.assertEqual([f["code"] for f in found], [code])
        os.unlink(path)
        os.unlink(os.path.join(self.dir, "corp.pem"))
        self.assertIn(NOTHING + "\n", self.check(code=1).out)
        self.assertIn("nothing", [f["code"] for f in json.loads(self.check("--json", code=1).out)["failures"]])

    def test_within(self):
        path = self.put("soon.pem", tools.cert("soon-root"))  # 10 days
        text = "%s: O=Example, CN=Soon Expired Root CA: it expires on %s, in less than " % (path, not_after(path)[:10])
        self.assertEqual(self.check(code=1).out, text + "30 days\n")
        self.assertEqual(self.check("--within", "11", code=1).out, text + "11 days\n")
        for days in "0", "9":
            self.assertEqual(self.check("--within", days, code=0).out, "")
        for days in "", "-1", "x", "36501", "999999999999":
            self.assertIn("a number of days", self.check("--within", days, code=2).err)
        self.assertIn("--check", self.catrust("list", "--within", "3", code=2).err)


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

    def test_forms_of_others(self):
        """UTF-16 and bare base64 are read; for formats that need another tool, the message names the command."""
        pem = lab.read(lab.cert("corp-root.pem")).decode()
        pem = pem[pem.index("-----BEGIN"):]
        where = lab.folder("forms")
        body = "".join(pem.strip().split("\n")[1:-1])
        for name, data in (("bom", pem.encode("utf-16")), ("le", pem.encode("utf-16-le")),
                           ("be", pem.encode("utf-16-be")), ("comment", ("Ülk \u5c3e\n" + pem).encode("utf-16")),
                           ("bare", body.encode()), ("lines", "\r\n".join(pem.split("\n")[1:-2]).encode() + b"\r\n")):
            with self.subTest(name):
                path = self.add(lab.write(os.path.join(where, name), data), "--fingerprint", self.root, code=0).out.strip()
                self.assertEqual(tools.fingerprint(path), self.root)
                lab.openssl("x509", "-in", path, "-noout")
                os.unlink(path)
        p12 = os.path.join(where, "store.p12")
        self.put("corp.pem", lab.cert("corp-root.pem"))
        for form, words in (("pkcs12", "a PKCS#12 file, which catrust can't read; to convert it: openssl pkcs12 -in FILE -nokeys"),
                            ("jks", "a Java keystore, which catrust can't read; to convert it: keytool -list -rfc -keystore FILE")):
            self.catrust("bundle", "--no-public", "--format", form, "--password", "changeit", "-o", p12, code=0)
            self.assertIn(words, self.add(p12, code=1).err)
            self.assertIn(words, self.catrust("bundle", "--public-bundle", p12, code=1).err)
        escaped = lab.write(os.path.join(where, "escaped"), pem.replace("\n", "\\n"))
        self.assertIn("written as \\n: printf '%b\\n'", self.add(escaped, code=1).err)
        # the command is right
        os.unlink(os.path.join(self.dir, "corp.pem"))
        done = lab.run(["sh", "-c", "printf '%b\\n' \"$(cat \"$1\")\" > \"$1.pem\"", "sh", escaped])
        self.add(escaped + ".pem", "--fingerprint", self.root, code=0)
        self.assertEqual(done.code, 0)

    def test_only_what_the_fingerprint_names(self):
        bundle = tools.joined(lab.cert("server.pem"), lab.cert("corp-sub.pem"), lab.cert("other-root.pem"),
                              lab.cert("corp-root.pem"))
        self.add(bundle, "--fingerprint", self.root, code=0)
        self.assertEqual(len(names(self.dir)), 1)
        self.add(bundle, "--fingerprint", self.root, "--fingerprint", self.sub, code=0)
        self.assertEqual(len(names(self.dir)), 2)
        result = self.add(bundle, "--fingerprint", "00" * 32, code=1)
        self.assertIn("no certificate has the fingerprint", result.err)

    def test_scope(self):
        args = [lab.cert("corp-root.pem"), "--scope", "corp.example", "--scope", "10.0.0.0/8"]
        self.assertIn("\n  corp.example and all names below it\n  10.0.0.0/8\n",
                      self.add(*args, "--fingerprint", self.root, code=0).err)
        self.assertEqual(names(self.dir), ["10.0.0.0_8", "corp.example"])
        self.assertIn("trusted already", self.add(*args, code=0).err)
        self.assertIn("trusted already", self.add(args[0], "--scope", "git.corp.example", code=0).err)
        listed = json.loads(self.catrust("list", "--json", code=0).out)["certificates"]
        self.assertEqual([["10.0.0.0/8", "corp.example"]], [sorted(c["scopes"]) for c in listed])
        # for every name, that is another thing to confirm
        self.assertIn("so far, it is trusted only for", self.add(args[0], code=1).err)
        self.assertIn("--scope", self.add(args[0], "--scope", "..", code=2).err)

    def test_a_servers_own_certificate(self):
        """A server's certificate that is also a CA can be added; there is a warning if it gets no scope."""
        own, words = tools.cert("own"), "looks like a server's own certificate (localhost, 127.0.0.1)"
        self.assertIn(words, self.add(own, "--fingerprint", tools.fingerprint(own), code=0).err)
        for path in names(self.dir):
            os.unlink(os.path.join(self.dir, path))
        self.assertNotIn(words, self.add(own, "--scope", "localhost", "--fingerprint", tools.fingerprint(own), code=0).err)
        self.assertNotIn(words, self.add(lab.cert("corp-root.pem"), "--fingerprint", self.root, code=0).err)

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
        key, request, empty = lab.cert("corp-root.key"), os.path.join(where, "a.csr"), lab.write(where + "/empty", b"")
        lab.openssl("req", "-new", "-key", key, "-subj", "/CN=corp", "-out", request)
        fifo, big = os.path.join(where, "fifo"), os.path.join(where, "big")
        os.mkfifo(fifo)
        with open(big, "wb") as f:
            f.truncate(9 << 20)
        for path, words in ((junk, "junk: not a certificate (neither PEM nor DER)"),
                            (empty, "empty: the file is empty"), (key, "a private key, not a certificate"),
                            (request, "a certificate request, not a certificate"),
                            (fifo, "not a regular file"),
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

    def test_nobody_reads_what_it_says(self):
        """The exit status shows what was done; a file opened later does not replace a closed stream."""
        line = '"$0" add "$1" --fingerprint "$2" '
        for redirect in (">&-", "2>&-", "<&- >&- 2>&-", "> /dev/full"):
            with self.subTest(redirect):
                result = lab.run(["sh", "-c", line + redirect, tools.tool("catrust"), lab.cert("corp-root.pem"),
                                  self.root], dirs=[self.dir])
                self.assertEqual((result.code, len(names(self.dir))), (0, 1), result.err)
                path = os.path.join(self.dir, names(self.dir)[0])
                self.assertEqual(tools.fingerprint(path), self.root)
                os.unlink(path)
        self.put("corp.pem", lab.cert("corp-root.pem"))
        for command in "list", "bundle --no-public":
            result = lab.run(["sh", "-c", '"$0" %s >&-' % command, tools.tool("catrust")], dirs=[self.dir])
            self.assertEqual(result.code, 1)
            self.assertIn("could not be written", result.err)


class Remove(Case):
    def remove(self, *args, code, **options):
        return self.catrust("remove", *args, code=code, **options)

    def test_by_fingerprint(self):
        for text in self.root, self.root[7:], tools.colons(self.root), "sha256 Fingerprint=" + tools.colons(self.root):
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

    def scoped(self, *scopes, name="corp.pem"):
        for scope in scopes:
            os.makedirs(os.path.join(self.dir, scope), exist_ok=True)
            self.put(os.path.join(scope, name), lab.cert("corp-root.pem"))

    def test_by_fingerprint_from_all_scopes(self):
        self.scoped("corp.example", "10.0.0.0_8")
        self.put("corp.example/other.pem", lab.cert("other-root.pem"))
        result = self.remove(self.root, code=0)
        self.assertEqual(sorted(result.out.split()), [os.path.join(self.dir, scope, "corp.pem")
                                                      for scope in ("10.0.0.0_8", "corp.example")])
        # A scope's directory goes with what was in it, unless there is more.
        self.assertEqual(names(self.dir), ["corp.example"])
        self.assertEqual(names(os.path.join(self.dir, "corp.example")), ["other.pem"])
        self.assertIn("no certificate with this fingerprint", self.remove(self.root, code=1).err)

    def test_what_fetch_saved(self):
        for args in (["--pin", "--fingerprint", tools.fingerprint(lab.cert("selfsigned.pem"))],
                     ["--scope", "localhost", "--scope", "127.0.0.1", "--scope", "::1", "--fingerprint", self.root]):
            with lab.server("selfsigned" if args[0] == "--pin" else "server-full") as srv:
                saved = self.catrust("fetch", srv.url, *args, code=0).out.split()
            self.assertEqual(3, len(saved))
            self.assertEqual(sorted(self.remove(args[-1], code=0).out.split()), sorted(saved))
            self.assertEqual(names(self.dir), [])

    def test_by_name_and_path_in_a_scope(self):
        for argument in ("corp.pem", self.dir + "/corp.example/corp.pem", self.dir + "/corp.example/../corp.example/corp.pem"):
            with self.subTest(argument):
                self.scoped("corp.example")
                self.remove(argument, code=0)
                self.assertEqual(names(self.dir), [])
        self.scoped("corp.example")
        self.remove("corp.pem", code=0, cwd=os.path.join(self.dir, "corp.example"))
        self.scoped("corp.example", "10.0.0.0_8")
        self.assertIn("2 files of this name", self.remove("corp.pem", code=1).err)
        self.put("corp.pem", lab.cert("corp-root.pem"))
        self.remove("corp.pem", code=0)
        self.assertEqual(names(self.dir), ["10.0.0.0_8", "corp.example"])

    def test_not_in_a_scope(self):
        """No folders that are not scopes, nothing below a scope, and no link's target."""
        outside = lab.folder("outside")
        kept = lab.write(os.path.join(outside, "corp.pem"), lab.read(lab.cert("corp-root.pem")))
        os.symlink(outside, os.path.join(self.dir, "corp.example"))
        self.scoped("no scope", "example/deeper")
        for argument in (os.path.join(self.dir, "corp.example/corp.pem"), os.path.join(self.dir, "no scope/corp.pem"),
                         os.path.join(self.dir, "example/deeper/corp.pem"), "corp.pem", kept, self.root):
            with self.subTest(argument):
                self.assertIn("nothing is removed", self.remove(argument, code=1).err)
        self.assertTrue(os.path.exists(kept))

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
        self.assertIn("does not end in .pem, .crt, .cer, .der, .p7b or .p7c", self.remove("keep.txt", code=1).err)
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


# Exchanges sys.argv[1] with a link to sys.argv[2], as soon as it is there. As a user without rights.
RACER = """
import ctypes, os, sys
os.setgid(65534); os.setuid(65534); os.chdir(os.path.dirname(sys.argv[1]))
name = os.path.basename(sys.argv[1]).encode()
link = b"link-" + name
os.symlink(sys.argv[2], link)
exchange = ctypes.CDLL(None).renameat2
print("ready", flush=True)
while exchange(-100, link, -100, name, 2) != 0:
    pass
print("swapped", flush=True)
"""


@unittest.skipIf(os.geteuid() != 0, "needs root, and another user")
class OthersLinks(Case):
    """Root works in another user's directory: no link of that user leads root elsewhere."""

    def setUp(self):
        super().setUp()
        self.theirs, self.victim = lab.folder("theirs"), lab.folder("victim")
        os.chown(self.theirs, 65534, 65534)
        os.chmod(self.victim, 0o700)

    def assert_untouched(self):
        self.assertEqual((os.stat(self.victim).st_mode & 0o7777, names(self.victim)), (0o700, []))

    def add(self, path, code, **options):
        return self.catrust("add", lab.cert("corp-root.pem"), "--fingerprint", self.root, "--dir", path, code=code,
                            **options)

    def test_link_of_another_user(self):
        link = os.path.join(self.theirs, "link")
        os.symlink(self.victim, link)
        os.chown(link, 65534, 65534, follow_symlinks=False)
        for path in link, os.path.join(link, "ca.d"), os.path.join(link, "a", "..", "ca.d"):
            with self.subTest(path):
                self.assertRegex(self.add(path, 1).err, "belongs to another user|belongs neither to root nor to the user")
                self.assert_untouched()
        kept = lab.write(os.path.join(self.victim, "corp.pem"), lab.read(lab.cert("corp-root.pem")))
        result = self.catrust("remove", link + "/corp.pem", "--dir", link, code=1)
        self.assertIn("belongs to another user", result.err)
        self.assertTrue(os.path.exists(kept))

    def test_own_links_are_followed(self):
        link = os.path.join(self.theirs, "link")
        os.symlink("../" + os.path.basename(self.victim), link)
        path = self.add(os.path.join(link, "new", "ca.d"), 0).out.strip()
        self.assertEqual(os.path.realpath(path), os.path.join(self.victim, "new", "ca.d", os.path.basename(path)))
        self.assertEqual(self.catrust("remove", self.root, "--dir", os.path.dirname(path), code=0).out, path + "\n")
        loop = os.path.join(self.dir, "loop")
        os.symlink("loop", loop)
        self.assertRegex(self.add(os.path.join(loop, "x"), 1).err, "too many links|Too many levels")

    def test_link_put_in_the_place_of_a_new_directory(self):
        """A directory of mode 0700 became 0755, and got a file."""
        for number in range(20):
            new = os.path.join(self.theirs, "n%d" % number)
            racer = subprocess.Popen([lab.PYTHON, "-c", RACER, new, self.victim], stdout=subprocess.PIPE)
            try:
                self.assertEqual(racer.stdout.readline(), b"ready\n")
                tools.catrust("add", lab.cert("corp-root.pem"), "--fingerprint", self.root, "--dir", new + "/ca.d")
                self.assertEqual(racer.stdout.readline(), b"swapped\n")
            finally:
                racer.kill()
                racer.wait()
                racer.stdout.close()
            self.assert_untouched()


class Killed(Case):
    """Files left by a killed run are gone after the next one."""

    def test_left_over_files(self):
        gone = subprocess.Popen(["true"])
        gone.wait()
        left = [".catrust-%d-%d.tmp" % (gone.pid, n) for n in (1, 999999999)]
        kept = [".catrust-%d-1.tmp" % os.getpid(), ".catrust-x-1.tmp", ".catrust-%d-1.tmp.pem" % gone.pid, "notes.tmp"]
        for name in left + kept:
            self.put(name, b"half of a")
        os.mkdir(os.path.join(self.dir, ".catrust-%d-2.tmp" % gone.pid))
        os.symlink("nowhere", os.path.join(self.dir, ".catrust-%d-3.tmp" % gone.pid))
        self.catrust("add", lab.cert("corp-root.pem"), "--fingerprint", self.root, code=0)
        self.assertEqual([name for name in left + kept if name in names(self.dir)], kept)
        self.assertEqual(len(names(self.dir)), len(kept) + 3)
        out = lab.folder("bundles")
        lab.write(os.path.join(out, left[0]), b"half of a")
        self.catrust("bundle", "--no-public", "-o", os.path.join(out, "all.pem"), code=0)
        self.assertEqual(names(out), ["all.pem"])


if __name__ == "__main__":
    lab.main()
