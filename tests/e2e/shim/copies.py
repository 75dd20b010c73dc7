# SPDX-License-Identifier: Apache-2.0
"""Several OpenSSLs in one process: each trusts the corporate CA in its own store, and nothing is mixed. An OpenSSL
that is too old to be reached works as before. Needs cc, other releases' OpenSSL, and OpenSSL 1.0.2 from an old wheel
of psycopg2-binary (see tests/more)."""

import glob
import os
import platform
import re
import zipfile

from lab import lab

SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "copies.c")
FLAGS = ["-std=gnu11", "-D_GNU_SOURCE", "-O2", "-g", "-Wall", "-Wextra", "-Werror"]
LINE = re.compile(r"(\S+) ([a-z ]+): loads (\d+), store (\d+) then (\d+), errors left (\w+), verify (\d+), (.*)")


class Copies(lab.Case):
    @classmethod
    def setUpClass(cls):
        lab.more("debs")
        lab.need(programs=["cc"])
        cls.server = lab.server()
        cls.server.__enter__()
        cls.addClassCleanup(cls.server.__exit__)
        cls.dirs = [lab.trustdir("corp-root.pem")]
        cls.folder = lab.folder("copies")
        cls.build("plain", ["-ldl", "-lpthread"])
        cls.build("linked", ["-DLINKED", "-lssl", "-lcrypto", "-ldl", "-lpthread"])
        cls.modules, cls.by_name, why = {}, {}, []
        # What newer libraries need, so that they run on this machine's older release.
        cls.newer = lab.other_openssl("libc6")
        for name, package in (("1.1", "libssl1.1"), ("3", None), ("newer 3", "libssl3t64"), ("4", "libssl4")):
            libraries = ["-lssl", "-lcrypto"]
            if package:
                where = lab.other_openssl(package)
                if where is None:
                    why.append("no " + package + ("" if lab.NIGHTLY else ", which CATRUST_NIGHTLY=1 tests/run brings"))
                    continue
                # Unlike DT_RUNPATH, DT_RPATH also applies to the dependencies of libssl.
                libraries = glob.glob(where + "/libcrypto.so.*") + glob.glob(where + "/libssl.so.*")
                libraries += ["-Wl,--disable-new-dtags", "-Wl,-rpath," + where, "-Wl,--allow-shlib-undefined"]
                cls.by_name[name] = "dlsym:" + ",".join(libraries[:2])
            module = cls.build("module-" + name.replace(" ", "-"), ["-DMODULE", "-shared", "-fPIC", *libraries])
            if cls.use("plain", "each", [module], newer=bool(cls.newer)).code == 0:
                cls.modules[name] = module
            else:
                why.append(name + " does not run here")
        cls.why = ", ".join(why)

    @classmethod
    def build(cls, name, more):
        out = os.path.join(cls.folder, name)
        done = lab.run(["cc", *FLAGS, "-o", out, SOURCE, *more])
        if done.code != 0:
            raise RuntimeError(done.err)
        return out

    @classmethod
    def use(cls, program, how, copies, shim=False, newer=False, wrap=(), dirs=None):
        argv = [*wrap, os.path.join(cls.folder, program)]
        if newer:
            loader = glob.glob(os.path.join(lab.MORE, "*debs/libc6/usr/lib*/ld-linux-*.so.*")) + \
                glob.glob(os.path.join(cls.newer, "ld-linux-*.so.*"))
            argv = [loader[0], "--library-path", cls.newer, *argv]
        return lab.run(argv + [how, cls.server.port, lab.cert("other-root.pem"), *copies], shim=shim,
                       dirs=dirs or cls.dirs)

    def copies(self, *names):
        missing = [name for name in names if name not in self.modules]
        if missing:
            self.skipTest("no OpenSSL %s (%s)" % (", ".join(missing), self.why))
        return [self.modules[name] for name in names]

    def expected(self, line):
        """How the shim changes a line of the run without it."""
        found = LINE.fullmatch(line)
        self.assertIsNotNone(found, line)
        version, what, loads, before, after, errors, verify, page = found.groups()
        self.assertNotEqual(("0", "page"), (verify, page))
        return "%s %s: loads %s, store %s then %s, errors left %s, verify 0, page" % (
            version, what, loads, before, after, errors)

    def check(self, program, copies, newer, at_load=True):
        """at_load: also compares a context's store before the first verification."""
        for how in "each", "nested":
            without = self.use(program, how, copies, newer=newer)
            result = self.use(program, how, copies, newer=newer, shim=True)
            self.assertEqual((0, 0, ""), (without.code, result.code, result.err), result)
            got, expected = result.out, "\n".join(map(self.expected, without.out.splitlines()))
            if how == "nested" or not at_load:
                got, expected = (re.sub(r"store \w+ then", "store None then", text) for text in (got, expected))
            self.assertEqual(expected.splitlines(), got.splitlines())
            self.assertEqual(len(copies) * (8 if how == "each" else 1), len(got.splitlines()))
        result = self.use(program, "threads", copies, newer=newer)
        self.assertRegex(result.out, r"^(\d+) connections, \1 bad")
        result = self.use(program, "threads", copies, newer=newer, shim=True)
        self.assertEqual((0, ""), (result.code, result.err), result)
        self.assertRegex(result.out, r"^\d+ connections, 0 bad")

    def both_programs(self, *names, newer=False):
        copies = self.copies(*names)
        with self.subTest("a program without OpenSSL"):
            self.check("plain", copies, newer)
            self.check("plain", copies[::-1], newer)
        with self.subTest("a program linked with one"):
            self.check("linked", copies + ["linked"], newer)
            self.check("linked", ["linked"] + copies, newer)

    def test_each_alone(self):
        for name in self.modules:
            with self.subTest(name):
                self.check("plain", self.copies(name), bool(self.newer))
        if self.why:
            self.skipTest(self.why)

    def test_1_1_and_3(self):
        self.both_programs("1.1", "3")

    def test_1_1_and_3_and_4(self):
        self.both_programs("1.1", "3", "4", newer=bool(self.newer))

    def test_1_1_and_newer_3_and_4(self):
        # The soname of the machine's own 3 is the same: a program linked with that can't have both.
        self.check("plain", self.copies("1.1", "newer 3", "4"), bool(self.newer))

    def test_program_linked_with_3_and_a_module_with_1_1_only(self):
        """RTLD_NEXT finds a function here, but the wrong one."""
        self.check("linked", self.copies("1.1"), False)
        self.check("linked", self.copies("4"), bool(self.newer))

    def test_functions_looked_up_by_the_program(self):
        """Like .NET, Qt and ctypes: the calls reach the library without a hook."""
        with self.subTest("3"):
            self.check("plain", ["dlsym:libssl.so.3"], False)
        for name in "1.1", "4":
            with self.subTest(name):
                module, there = self.copies(name)[0], bool(self.newer)
                # If the hooks did not see how the context was made, its store is known as a client's when it verifies.
                self.check("plain", [self.by_name[name]], there, at_load=False)
                self.check("plain", [module, self.by_name[name]], there, at_load=False)
                self.check("plain", [self.by_name[name], self.modules["3"]], there, at_load=False)

    def test_errors_of_the_program(self):
        """The errors in the program's queue and its mark stay, even if a certificate is bad."""
        dirs = [lab.trustdir("corp-root.pem", junk_pem=b"-----BEGIN CERTIFICATE-----\nMAkwADAAAwMAAAE=\n"
                             b"-----END CERTIFICATE-----\n")]
        for name, module in self.modules.items():
            with self.subTest(name):
                without, result = (self.use("plain", "errors", [module], newer=bool(self.newer), shim=shim, dirs=dirs)
                                   for shim in (False, True))
                self.assertRegex(without.out, r"\A(errors:( [0-9a-f]{2,})+\n){2}\Z")
                self.assertEqual(without[:2], result[:2])
                self.lines(result.err, ["junk.pem: line 1: OpenSSL can't read this certificate"])

    @lab.nightly
    def test_memory(self):
        """Under valgrind, all errors must also occur without the shim."""
        lab.need(programs=["valgrind"])
        if platform.machine() != "x86_64":
            self.skipTest("OpenSSL's assembler confuses valgrind on other machines")
        copies = self.copies("1.1", "3")
        wrap = ["valgrind", "-q", "--error-exitcode=99", "--trace-children=no"]
        without = self.use("plain", "nested", copies, wrap=wrap)
        result = self.use("plain", "nested", copies, wrap=wrap, shim=True)
        self.assertEqual((0, ""), (without.code, without.err), without)
        self.assertEqual((0, ""), (result.code, result.err), result)
        self.assertEqual(2, len(re.findall("verify 0, page$", result.out, re.M)), result.out)


class TooOld(lab.Case):
    def test_1_0_2_is_passed_through(self):
        """Each hooked function that it has works as without the library: no anchor and no crash, and one line
        reports it."""
        lab.need(programs=["cc"])
        wheels = glob.glob(os.path.join(lab.more("old-wheels"), "psycopg2_binary-2.7.7-*.whl"))
        if not wheels or platform.machine() != "x86_64":
            self.skipTest("no wheel of psycopg2-binary 2.7.7 for this machine")
        path = lab.folder("old")
        with zipfile.ZipFile(wheels[0]) as wheel:
            wheel.extractall(path)
        where = os.path.join(path, "psycopg2", ".libs")
        libraries = glob.glob(where + "/libssl-*.so.1.0.2*") + glob.glob(where + "/libcrypto-*.so.1.0.2*")
        self.assertEqual(2, len(libraries))
        built = lab.run(["cc", *FLAGS, "-o", path + "/old", SOURCE.replace("copies.c", "old.c"), *libraries,
                         "-ldl", "-Wl,--disable-new-dtags,--allow-shlib-undefined,-rpath," + where])
        self.assertEqual((0, ""), (built.code, built.err))
        capath = lab.folder("capath")
        root = lab.write(capath + "/root.pem", lab.read(lab.cert("corp-root.pem")))
        lab.openssl("rehash", capath)
        argv = [path + "/old", root, lab.cert("server-chain.pem"), lab.cert("server.key"), capath]
        for more in [], ["libssl.so.3"]:
            without, result = (lab.run(argv + more, shim=shim, dirs=[lab.trustdir("corp-root.pem")])
                               for shim in (False, True))
            self.assertRegex(without.out, r"\AOpenSSL 1\.0\.2.*\nnothing: client -1 20 ")
            self.assertEqual(5, without.out.count(": client 1 0 server 1 0, errors\n"), without)
            self.assertEqual((without[:2], ""), (result[:2], without.err))
            self.lines(result.err, [r"/libcrypto-\S+: this TLS library \(an OpenSSL before 1\.1\.0\) is not one that"])


if __name__ == "__main__":
    lab.main()
