# SPDX-License-Identifier: Apache-2.0
"""catrust-run --check: says whether a command can be reached, without running it."""

import os
import shutil
import struct
import unittest

from lab import lab, tools

LOADED = "the library is loaded into it"
OPENSSL = r"\n    OpenSSL \d\S+ in /\S+/libssl\.so\S*: in reach, by its functions\n"


class Check(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.bin = lab.folder("bin")
        for name in "catrust", "catrust-run":
            shutil.copy(tools.tool(name), cls.bin)

    def check(self, *args, env=None, **options):
        full = {"CATRUST_LIB": lab.shim()}
        full.update(env or {})
        return lab.run([self.bin + "/catrust-run", "--check", *args], env=full,
                       dirs=[lab.trustdir("corp-root.pem")], **options)

    def says(self, code, pattern, *args, **options):
        result = self.check(*args, **options)
        self.assertEqual((result.code, result.err), (code, ""), result.out)
        self.assertRegex(result.out, pattern)
        return result.out

    def script(self, text, name="script"):
        return lab.write(os.path.join(lab.folder("s"), name), text, mode=0o755)

    def copy(self, name):
        """A copy of one of the system's programs."""
        return shutil.copy(shutil.which(name, path=lab.clean_env()["PATH"]), lab.folder("p"))

    def test_openssl(self):
        lab.need(programs=["curl"])
        self.says(0, r"\A/\S+/curl: " + LOADED + OPENSSL, "curl", "-o", "/nonexistent", "https://nowhere.invalid")
        self.says(0, r"(?m)^    the simplest way that is known: catrust-run$", "curl")

    def test_switched_off(self):
        lab.need(programs=["curl"])
        self.says(1, r"(?s)OpenSSL [^\n]*: not reached: CATRUST_DISABLE is set.*\n    no way is known to reach all of it\n\Z",
                  "curl", env={"CATRUST_DISABLE": "1"})

    def test_no_tls(self):
        self.says(0, r"\A/\S+/env: %s\n    it has no TLS of its own; [^\n]*\n\Z" % LOADED, "env")

    def test_nothing_is_run(self):
        made = os.path.join(lab.folder(), "made")
        self.says(0, LOADED, "touch", made)
        self.says(0, LOADED, self.script("#!/bin/sh\ntouch %s\n" % made))
        self.assertFalse(os.path.exists(made))

    def test_not_there(self):
        for args, code in (["no-such"], 127), ([lab.write(os.path.join(lab.folder(), "plain"), "")], 126), ([], 125):
            result = self.check(*args)
            self.assertEqual((result.code, result.out), (code, ""), result.err)

    def test_static(self):
        lab.need(programs=["gcc"])
        folder = lab.folder("c")
        lab.write(folder + "/x.c", "int main(void) { return 0; }\n")
        done = lab.run(["gcc", "-static", "-o", "x", "x.c"], cwd=folder)
        self.assertEqual(done.code, 0, done.err)
        self.says(1, r"\A/\S+/x: the library is not loaded into it: the program is linked statically[^\n]*\n\Z",
                  folder + "/x")

    def test_other_machine(self):
        path = self.copy("env")
        with open(path, "r+b") as f:
            f.seek(18)
            machine = struct.unpack("<H", f.read(2))[0]
            f.seek(18)
            f.write(struct.pack("<H", 183 if machine != 183 else 62))
        self.says(1, "not loaded into it: the program is for another machine", path)

    def test_no_program(self):
        self.says(1, "it is not a program for this machine", self.script("\x7fELF"))
        self.says(1, "it is not a program for this machine", self.script("\x7fELF" + "\0" * 500))

    @unittest.skipUnless(os.geteuid() == 0, "takes root")
    def test_privileged(self):
        lab.need(user="nobody")
        nobody = {"user": "nobody", "group": "nogroup"}
        path = self.copy("env")
        if os.statvfs(path).f_flag & os.ST_NOSUID:
            raise unittest.SkipTest("temporary files are on a file system without setuid")
        self.says(0, LOADED, path, **nobody)
        for mode in 0o4755, 0o2755:
            os.chmod(path, mode)
            self.says(1, r"not loaded into it: the program is setuid[^\n]*\n    the simplest way that is known: catrust enable "
                         r"--system\n", path, **nobody)
            self.says(0, LOADED, path)
        os.chmod(path, 0o755)
        try:
            os.setxattr(path, "security.capability", struct.pack("<5I", 0x02000001, 1 << 13, 0, 0, 0))
        except OSError as e:
            self.skipTest("file capabilities: %s" % e)
        self.says(1, "not loaded into it: the program is .*file capabilities", path, **nobody)

    def test_scripts(self):
        lab.need(programs=["curl"])
        curl = shutil.which("curl", path=lab.clean_env()["PATH"])
        inner = self.script("#! %s -s\n" % curl)
        for line in ["#!" + curl, "#!\t%s  -v" % curl, "#!/usr/bin/env curl", "#!/usr/bin/env -S A=1 -u B curl -s",
                     "#!/usr/bin/env -S'curl' x", "#!" + inner]:
            with self.subTest(line):
                path = self.script(line + "\ntext\n")
                out = self.says(0, OPENSSL, path)
                self.assertTrue(out.startswith(path + ": a script for "), out)
                self.assertIn("\n%s: %s\n" % (curl, LOADED), out)

    def test_scripts_that_lose_it(self):
        self.says(1, r"not reached: its first line takes LD_PRELOAD out", self.script("#!/usr/bin/env -i sh\n"))
        self.says(1, r"not reached: /no/such, which its first line names, is not there", self.script("#!/no/such\n"))
        self.says(1, r"not reached: no-such, which", self.script("#!/usr/bin/env no-such\n"))
        self.says(1, r"not reached: its first line names no program", self.script("#!\n"))
        self.says(1, r"not reached: its first line names no program", self.script("#!/usr/bin/env -S\n"))
        path = os.path.join(lab.folder(), "loop")
        self.says(1, "its interpreter is a script", lab.write(path, "#!%s\n" % path, mode=0o755))

    def test_linked_into_the_program(self):
        lab.need(programs=["gcc"])
        folder = lab.folder("c")
        lab.write(folder + "/x.c", "#include <openssl/ssl.h>\nint main(void) { return OpenSSL_version(0) == 0 || "
                  "SSL_CTX_set_default_verify_paths(SSL_CTX_new(TLS_client_method())) - 1; }\n")
        done = lab.run(["gcc", "-o", "x", "x.c", "-Wl,-Bstatic", "-lssl", "-lcrypto", "-Wl,-Bdynamic", "-ldl",
                        "-lpthread"], cwd=folder, timeout=300)
        if done.code != 0:
            raise unittest.SkipTest("no libssl.a: " + done.err[:200])
        result = self.check(folder + "/x")
        if result.code == 0:
            self.assertRegex(result.out, r"OpenSSL \d\S+ in \S+/x: in reach if it reads a bundle of CAs from a file")
        else:
            self.assertRegex(result.out, r"OpenSSL \d\S+ in \S+/x: not reached: it is linked into the file")
            self.assertIn("SSL_CERT_FILE", result.out)

    def test_with_variables(self):
        """With --env, the check uses that environment."""
        runtime = lab.folder("run")
        if os.geteuid() == 0:
            shutil.chown(runtime, "nobody", "nogroup")
        user = {"user": "nobody", "group": "nogroup"} if os.geteuid() == 0 else {}
        env = {"XDG_RUNTIME_DIR": runtime, "HOME": runtime, "TMPDIR": runtime, "SSL_CERT_FILE": lab.cert("other-root.pem")}
        tried = 0
        for name, kind, variable in [("go", "Go crypto/tls", "SSL_CERT_FILE"), ("node", "OpenSSL", "NODE_EXTRA_CA_CERTS"),
                                     ("java", "Java JSSE", "JAVA_TOOL_OPTIONS")]:
            path = shutil.which(name) or shutil.which(name, path="/usr/local/go/bin:/usr/bin")
            if not path or b"\x7fELF" != lab.read(os.path.realpath(path))[:4]:
                continue
            out = self.says(1, kind + r" [^\n]*: not reached", path, env=env, **user)
            self.assertIn("catrust-run --env", out)
            self.says(0, kind + r" [^\n]*: in reach if it reads the file of " + variable, "-e", path, env=env, **user)
            if name == "java":
                self.check_java(path, env, user)
            tried += 1
        if tried == 0:
            raise unittest.SkipTest("neither go, node nor java")

    def check_java(self, path, env, user):
        """The last store counts, and it must have the anchors."""
        store = "-Djavax.net.ssl.trustStore="
        for name in "JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS":
            mine = {**env, name: store + "/none"}
            self.says(1, "Java JSSE [^\n]*: not reached", path, env=mine, **user)
            result = self.check("-e", path, env=mine, **user)
            self.assertEqual(1, result.code, result)
            self.assertIn("%s is left as it is: /none" % name, result.err)
            folder = lab.folder("store")
            for root, code in ("corp-root.pem", 0), ("other-root.pem", 1):
                made = tools.catrust("bundle", "--no-public", "--format", "pkcs12", "--password", "secret", "-o",
                                     os.path.join(folder, root), dirs=[lab.trustdir(root)])
                self.assertEqual(0, made.code, made.err)
                mine = {**env, name: "%s%s" % (store, os.path.join(folder, root)),
                        "JAVA_TOOL_OPTIONS" if name != "JAVA_TOOL_OPTIONS" else "JDK_JAVA_OPTIONS":
                            store[:-1] + "Password=secret"}
                pattern = "in reach if it reads the file of %s\n" % name if code == 0 else "not reached"
                self.says(code, r"Java JSSE [^\n]*: " + pattern, path, env=mine, **user)
                self.says(0, r"Java JSSE [^\n]*: in reach if it reads the file of " + name, "-e", path, env=mine, **user)


if __name__ == "__main__":
    lab.main()
