# SPDX-License-Identifier: Apache-2.0
"""The environment variables, the file formats in the trust directory, and the search for the directory."""

import json
import os
import time

from lab import lab

PROGRAM = "print(get(context('default')(), sys.argv[1]))"


class Config(lab.Case):
    @classmethod
    def setUpClass(cls):
        cls.server = lab.server()
        cls.server.__enter__()
        cls.addClassCleanup(cls.server.__exit__)
        cls.root = lab.read(lab.cert("corp-root.pem"))
        cls.plain = {}

    def fetch(self, dirs=None, shim=True, server=None, **env):
        return lab.run(lab.PRELUDE + PROGRAM, [(server or self.server).port], shim=shim, dirs=dirs, env=env)

    def trusted(self, dirs=None, lines=None, server=None, **env):
        """Refused without the shim; accepted with it, with a line for each pattern."""
        self.refused(self.without(server, env))
        result = self.fetch(dirs, True, server, **env)
        self.got_page(result, lines)
        return result

    def without(self, server, env):
        """The run without the shim, on which the trust directory has no effect: once for each setting."""
        key = (server and server.port, tuple(sorted(env.items(), key=repr)))
        if key not in self.plain:
            self.plain[key] = self.fetch(None, False, server, **env)
        return self.plain[key]

    def untrusted_with(self, dirs=None, lines=(), server=None, **env):
        """Refused in the same way, with a line from the shim for each pattern; returns the result."""
        without = self.without(server, env)
        result = self.fetch(dirs, True, server, **env)
        self.refused(result)
        ours, theirs = [], []
        for line in result.err.splitlines():
            (ours if line.startswith("catrust: ") else theirs).append(line)
        self.assertEqual(without.err.splitlines(), theirs)
        self.lines("\n".join(ours), lines)
        return result

    def one(self, name, data, **more):
        """A trust directory with a single file."""
        path = lab.folder("ca.d")
        lab.write(os.path.join(path, name), data, **more)
        return path


class Variables(Config):
    def test_disable(self):
        dirs = [lab.trustdir("corp-root.pem")]
        self.untrusted_with(dirs, CATRUST_DISABLE="1")
        self.untrusted_with(dirs, CATRUST_DISABLE="1", CATRUST_LOG="debug")
        self.trusted(dirs, CATRUST_DISABLE="")

    def test_disable_is_silent_about_bad_files(self):
        self.untrusted_with([self.one("junk.pem", "junk")], CATRUST_DISABLE="1")

    def test_log_levels(self):
        good = lab.trustdir("corp-root.pem")
        bad = lab.trustdir("corp-root.pem", junk_pem=b"junk\n")
        line = ["junk.pem"]
        for level, lines in (("error", line), ("off", []), (None, line), ("", line)):
            self.trusted([good], CATRUST_LOG=level)
            self.trusted([bad], lines, CATRUST_LOG=level)
        sizes = []
        for level in "info", "debug":
            result = self.fetch([good], CATRUST_LOG=level)
            self.assertEqual(0, result.code, result)
            self.assertRegex(result.err, r"\Acatrust: ")
            for text in result.err.splitlines():
                self.assertTrue(text.startswith("catrust: "), text)
            sizes.append(len(result.err.splitlines()))
        self.assertLessEqual(*sizes)

    def test_info_names_the_anchor(self):
        result = self.fetch([lab.trustdir("corp-root.pem")], CATRUST_LOG="info")
        self.assertEqual(0, result.code, result)
        self.assertIn("corp-root.pem", result.err)

    def test_json(self):
        """One object per line, even with odd names."""
        name = 'q"\\\n\x1b\udcff€%s.pem' % ("x" * 200)
        dirs = [lab.trustdir("corp-root.pem", junk_pem=b"junk\n"), lab.folder('deep"' + "\n" * 100)]
        lab.write(os.path.join(dirs[1], name), b"junk\n")
        for level in "error", "debug":
            text = self.fetch(dirs, CATRUST_LOG=level).err.splitlines()
            start = time.time()
            lines = self.fetch(dirs, CATRUST_LOG=level, CATRUST_LOG_FORMAT="json").err.splitlines()
            found = [json.loads(line) for line in lines]
            self.assertEqual(text, ["catrust: " + one["message"] for one in found])
            for one in found:
                self.assertEqual(set(one), {"time", "pid", "level", "message"})
                self.assertIn(one["level"], ["error"] if level == "error" else ["error", "info", "debug"])
                self.assertTrue(start - 2 <= one["time"] <= time.time() + 2)
            self.assertEqual(1, len({one["pid"] for one in found}))
            self.assertTrue(any(one["level"] == "error" for one in found))
        for value in "", "text", "JSON":
            self.assertEqual(text, self.fetch(dirs, CATRUST_LOG=level, CATRUST_LOG_FORMAT=value).err.splitlines())

    def test_json_of_a_long_message(self):
        """It is cut, but still an object of at most 4096 bytes."""
        path = os.path.join(lab.folder("long"), *['\n' * 250] * 10)
        os.makedirs(path)
        os.chmod(path, 0o777)
        result = self.fetch([lab.trustdir("corp-root.pem"), path], CATRUST_LOG_FORMAT="json")
        line, = result.err.splitlines()
        self.assertIn(r"\x0a" * 250, json.loads(line)["message"])
        self.assertLessEqual(2000, len(line))
        self.assertLessEqual(len(line), 4095)

    def test_log_file(self):
        log = lab.folder("log") + "/log"
        dirs = [lab.trustdir("corp-root.pem", junk_pem=b"junk\n")]
        self.trusted(dirs, CATRUST_LOG_FILE=log)
        first = lab.read(log).decode()
        self.lines(first, ["junk.pem"])
        self.trusted(dirs, CATRUST_LOG_FILE=log)
        self.assertEqual(first * 2, lab.read(log).decode())
        self.trusted(dirs, CATRUST_LOG_FILE=log, CATRUST_LOG="off")
        self.assertEqual(first * 2, lab.read(log).decode())

    def test_log_file_that_cannot_be(self):
        """The line is not lost."""
        self.trusted([lab.trustdir("corp-root.pem", junk_pem=b"junk\n")], ["junk.pem"],
                     CATRUST_LOG_FILE="/nowhere/log")

    def test_closed_stderr(self):
        """The library must not write messages to a file that the program opened as descriptor 2."""
        data = lab.folder("data") + "/file"
        result = lab.run(lab.PRELUDE + """
os.close(2)
assert os.open(sys.argv[2], os.O_RDWR | os.O_CREAT) == 2
print(get(context("default")(), sys.argv[1]))
""", [self.server.port, data], shim=True, dirs=[lab.trustdir("corp-root.pem", junk_pem=b"junk\n")])
        self.got_page(result)
        self.assertEqual(b"", lab.read(data))

    def test_pem_alone(self):
        pem = self.root.decode()
        self.trusted(CATRUST_PEM=pem)
        self.trusted(CATRUST_PEM=lab.read(lab.cert("other-root.pem")).decode() + "\n# ours\n" + pem)
        self.trusted([lab.trustdir("other-root.pem")], CATRUST_PEM=pem)

    def test_pem_and_directory_both_count(self):
        with lab.server("other-server") as other:
            dirs, pem = [lab.trustdir("corp-root.pem")], lab.read(lab.cert("other-root.pem")).decode()
            self.trusted(dirs, CATRUST_PEM=pem)
            self.trusted(dirs, server=other, CATRUST_PEM=pem)

    def test_bad_pem_is_named(self):
        self.trusted([lab.trustdir("corp-root.pem")], ["CATRUST_PEM"], CATRUST_PEM="junk")

    def test_environment_changed_by_the_program(self):
        """As with LD_PRELOAD itself, only the environment at the start counts."""
        result = lab.run(lab.PRELUDE + "\nos.environ.clear()\n" + PROGRAM, [self.server.port], shim=True,
                         dirs=[lab.trustdir("corp-root.pem")])
        self.got_page(result)

    def test_empty_environment(self):
        """Without HOME there is still a default directory, and no message."""
        result = self.fetch(HOME=None)
        self.refused(result)
        self.assertNotIn("catrust: ", result.err)


class Directories(Config):
    def test_two_directories_and_a_file(self):
        other = lab.server("other-server")
        with other:
            for dirs in ([lab.trustdir("other-root.pem"), lab.trustdir("corp-root.pem")],
                         [lab.trustdir("corp-root.pem"), lab.cert("other-root.pem")],
                         ["", lab.cert("other-root.pem"), "", lab.cert("corp-root.pem"), ""]):
                self.trusted(dirs)
                self.trusted(dirs, server=other)

    def test_trailing_slash_and_relative_path(self):
        self.trusted([lab.trustdir("corp-root.pem") + "/"])
        self.trusted([os.path.relpath(lab.trustdir("corp-root.pem"), lab.scratch())])

    def test_a_file_with_any_name(self):
        self.trusted([self.one("no ending", self.root) + "/no ending"])

    def test_defaults_below_home(self):
        home = lab.folder("home")
        os.makedirs(home + "/.config/catrust/ca.d")
        self.untrusted_with(HOME=home)
        lab.write(home + "/.config/catrust/ca.d/corp.pem", self.root)
        self.trusted(HOME=home)
        self.trusted(HOME=home, CATRUST_DIR="")
        # An explicit directory takes the place of the default ones.
        self.untrusted_with([lab.trustdir("other-root.pem")], HOME=home)

    def test_defaults_below_xdg_config_home(self):
        config = lab.folder("config")
        os.makedirs(config + "/catrust/ca.d")
        lab.write(config + "/catrust/ca.d/corp.pem", self.root)
        self.trusted(XDG_CONFIG_HOME=config)
        self.untrusted_with(XDG_CONFIG_HOME="", HOME=lab.folder("home"))
        self.untrusted_with(XDG_CONFIG_HOME=os.path.relpath(config, lab.scratch()))

    def system(self, *, shim=True, change="", start=""):
        """The request, with the lab's root in /etc/catrust/ca.d of a mount namespace. change: shell lines to run
        before. start: shell words in front of the program."""
        lab.need(programs=["unshare", "mount"])
        layer = lab.folder("etc")
        os.makedirs(os.path.join(layer, "work"))
        # An overlay can't stand on another overlay's upper layer: a tmpfs holds it.
        script = """
            set -e
            mount -t tmpfs none "$1/work"
            mkdir -p "$1/work/upper/catrust/ca.d" "$1/work/work"
            cp "$2" "$1/work/upper/catrust/ca.d/corp.pem"
            mount -t overlay -o "lowerdir=/etc,upperdir=$1/work/upper,workdir=$1/work/work" none /etc
            test -f /etc/catrust/ca.d/corp.pem
            """ + change + "\n"
        wrap = ["unshare", "-m", "--propagation", "private", "sh", "-c"]
        if lab.run(wrap + [script + start + " true", "sh", layer, lab.cert("corp-root.pem")]).code != 0:
            self.skipTest("no mount namespace, overlay or user namespace here")
        program = script + "exec %s env %s \"$3\" -c \"$4\" \"$5\"" % (start, "LD_PRELOAD=" + lab.shim() if shim else "")
        return lab.run(wrap + [program, "sh", layer, lab.cert("corp-root.pem"), lab.PYTHON, lab.PRELUDE + PROGRAM,
                               self.server.port])

    def test_system_default(self):
        """/etc/catrust/ca.d"""
        self.refused(self.system(shim=False))
        self.got_page(self.system())

    def test_system_default_in_a_user_namespace(self):
        """There, root looks like nobody, as any other user. On a read-only mount the directory counts, as in a
        sandbox with the machine's /etc."""
        lab.need(programs=["setpriv"])
        nobody = "/etc/catrust/ca.d: skipped, because its owner has no number in this user namespace"
        read_only = "mount -o remount,bind,ro /etc"
        for start in "unshare -U", "setpriv --reuid 12345 --clear-groups unshare -U --map-current-user":
            with self.subTest(start):
                lab.need(user="nobody" if "--reuid" in start else None)
                self.got_page(self.system(change=read_only, start=start))
                result = self.system(start=start)
                self.refused(result)
                self.assertIn(nobody, result.err)
                for change, line in (("chmod o+w /etc/catrust/ca.d/corp.pem", "corp.pem: skipped"),
                                     ("chown 23456 /etc/catrust/ca.d/corp.pem", None),
                                     ("cd /etc/catrust/ca.d; mv corp.pem ../corp; ln -s ../corp corp.pem",
                                      "corp.pem: skipped, because its owner has no number")):
                    result = self.system(change=change + "\n" + read_only, start=start)
                    if line is None:
                        # The namespace can't tell.
                        self.got_page(result)
                    else:
                        self.refused(result)
                        self.assertIn(line, result.err)

    def test_users_without_a_number_in_a_user_namespace(self):
        """If a program's user has no number, either, others' files seem to be its own."""
        lab.need(programs=["unshare"], user="nobody")
        for owner in 0, 12345, 65534:
            path = lab.trustdir("corp-root.pem")
            for name in "", "corp-root.pem":
                os.chown(os.path.join(path, name), owner, -1)
            result = lab.run(["unshare", "-U", "env", "LD_PRELOAD=" + lab.shim(), "CATRUST_DIR=" + path, lab.PYTHON, "-c",
                              lab.PRELUDE + PROGRAM, self.server.port])
            if "unshare failed" in result.err:
                self.skipTest("no user namespace here")
            self.refused(result)
            self.assertIn("its owner has no number in this user namespace", result.err)

    def test_missing(self):
        self.untrusted_with(["/nowhere/ca.d"], [r"/nowhere/ca\.d: .*no such"])
        self.untrusted_with(HOME="/nowhere")
        self.trusted(["/nowhere/ca.d", lab.trustdir("corp-root.pem")], [r"/nowhere/ca\.d"])

    def test_empty(self):
        empty = lab.folder("ca.d")
        self.untrusted_with([empty], ["%s: there is no certificate" % empty])
        self.trusted([empty, lab.trustdir("corp-root.pem")])

    def test_scope_is_never_trusted_for_everything(self):
        for name in "corp.example", "10.0.0.0_8", "fd00__8", "localhost", "127.0.0.1":
            for others in ["other-root.pem"], []:
                path = lab.trustdir(*others)
                os.mkdir(os.path.join(path, name))
                lab.write(os.path.join(path, name, "corp.pem"), self.root)
                with self.subTest(name):
                    result = self.fetch([path])
                    self.assertIn("permitted subtree violation", result.err)
                    self.assertNotIn("catrust:", result.err)

    def test_a_directory_that_is_no_scope(self):
        for name, line in (("not a scope", r"/not a scope: its name is neither a domain nor "),
                           ("10.1.0.0_8", r"/10\.1\.0\.0_8: its name is neither "),
                           ("looks-like.pem", r"/looks-like\.pem: a directory, not a file")):
            path = lab.trustdir("other-root.pem")
            os.mkdir(os.path.join(path, name))
            lab.write(os.path.join(path, name, "corp.pem"), self.root)
            with self.subTest(name):
                self.untrusted_with([path], [line])

    def test_names(self):
        for name in ("a.pem", "a.crt", "a.cer", "a.der", "a.p7b", "a.p7c", "A.PEM", "with space.pem", "\u00fc.pem",
                     "a.b.c.pem"):
            with self.subTest(name):
                self.trusted([self.one(name, self.root)])
        for name in "a.txt", "README", "a.pem.bak", "a.pem~", ".hidden.pem", "a.key", "pem", ".pem":
            path = self.one(name, self.root)
            lab.write(path + "/other.pem", lab.read(lab.cert("other-root.pem")))
            with self.subTest(name):
                self.untrusted_with([path])

    def test_symbolic_links(self):
        path = lab.folder("ca.d")
        os.symlink(lab.cert("corp-root.pem"), path + "/link.pem")
        self.trusted([path])
        link = lab.folder("links") + "/ca.d"
        os.symlink(path, link)
        self.trusted([link])

    def test_kubernetes_config_map(self):
        path = lab.folder("ca.d")
        os.mkdir(path + "/..2024_01_01")
        lab.write(path + "/..2024_01_01/corp.pem", self.root)
        os.symlink("..2024_01_01", path + "/..data")
        os.symlink("..data/corp.pem", path + "/corp.pem")
        self.trusted([path])


class Formats(Config):
    def convert(self, *args):
        return lab.openssl(*args, data=self.root)

    def test_formats(self):
        other = lab.read(lab.cert("other-root.pem"))
        both = lab.write(lab.folder() + "/both.pem", other + self.root)
        forms = {
            "PEM": self.root,
            "PEM with text": lab.openssl("x509", "-text", "-in", lab.cert("corp-root.pem")),
            "PEM, two": other + self.root,
            "PEM without a final newline": self.root.rstrip(),
            "PEM, CRLF": self.root.replace(b"\n", b"\r\n"),
            "PEM, byte order mark": b"\xef\xbb\xbf" + self.root,
            "PEM, byte order mark and CRLF": b"\xef\xbb\xbf" + self.root.replace(b"\n", b"\r\n"),
            "PEM, X509 CERTIFICATE": self.root.replace(b" CERTIFICATE", b" X509 CERTIFICATE"),
            "PEM, comments in Latin-1": b"# Stra\xdfe\n" + self.root,
            "TRUSTED PEM": self.convert("x509", "-trustout"),
            "TRUSTED PEM, serverAuth": self.convert("x509", "-trustout", "-addtrust", "serverAuth"),
            "TRUSTED PEM, with a name": self.convert("x509", "-trustout", "-setalias", "corp"),
            "TRUSTED PEM, any use": self.convert("x509", "-trustout", "-addtrust", "anyExtendedKeyUsage"),
            "TRUSTED PEM, no clients": self.convert("x509", "-trustout", "-addreject", "clientAuth"),
            "DER": self.convert("x509", "-outform", "DER"),
            "PKCS#7 PEM": lab.openssl("crl2pkcs7", "-nocrl", "-certfile", both),
            "PKCS#7 DER": lab.openssl("crl2pkcs7", "-nocrl", "-certfile", both, "-outform", "DER"),
            "PKCS#7 PEM, CMS": lab.openssl("crl2pkcs7", "-nocrl", "-certfile", both).replace(b" PKCS7", b" CMS"),
        }
        for what, data in forms.items():
            for name in "a.pem", "a.der", "a.p7b":
                with self.subTest(what, name=name):
                    self.trusted([self.one(name, data)])

    def test_trust_settings_without_servers(self):
        for what, args in (("clients only", ["-addtrust", "clientAuth"]),
                           ("no servers", ["-addreject", "serverAuth"]),
                           ("mail only", ["-addtrust", "emailProtection"]),
                           ("nothing", ["-addreject", "anyExtendedKeyUsage"])):
            path = self.one("a.pem", self.convert("x509", "-trustout", *args))
            lab.write(path + "/other.pem", lab.read(lab.cert("other-root.pem")))
            with self.subTest(what):
                self.untrusted_with([path], [r"a\.pem: .*trust settings"])

    def test_trusted_and_plain_in_one_file(self):
        data = lab.openssl("x509", "-in", lab.cert("other-root.pem"), "-trustout", "-addtrust", "clientAuth")
        self.trusted([self.one("a.pem", data + self.root)], [r"a\.pem: .*trust settings"])
        with lab.server("other-server") as other:
            self.untrusted_with([self.one("a.pem", data + self.root)], [r"a\.pem: .*trust settings"], other)


if __name__ == "__main__":
    lab.main()
