#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Bundles that are decoded once: no data race between threads, nothing that points into an OpenSSL that was unloaded,
no wrong access, nothing lost. ThreadSanitizer sees the library and the program, both compiled for it, but not OpenSSL;
so it is also shown that it finds a race in a library that has one.

Needs gcc, libtsan and valgrind."""

import contextlib
import glob
import os
import re
import shutil
import struct
import threading
import time
import unittest

from lab import lab
from lab import share as share_lab

HERE = os.path.dirname(os.path.abspath(__file__))
SHIM = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(HERE))), "shim")
BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
SETTLED = 3.1
TIMEOUT = 600
LONGER = 30 if lab.NIGHTLY else 1

# Where an atomic access is made a plain one, the run that has to find it, and how much longer than usual that run takes.
# Each run finds the first; of the others, it depends on how the threads meet.
RACES = [
    ("load/deferred.c", "atomic_store(&d->asked, true)", "*(volatile bool *)&d->asked = true", "one context", 1,
     "get_by_subject"),
    ("load/decoded.c", "*known = atomic_load(&d->cert[i].version)",
     "*known = *(struct version *volatile *)&d->cert[i].version", "loads", 10, "version_of"),
    ("policy/trust.c", "atomic_load_explicit(&a->decoded, memory_order_acquire)", "*(X509 *volatile *)&a->decoded",
     "anchors", 2, "trust_cert"),
]


class Pki(lab.Case):
    @classmethod
    def setUpClass(cls):
        cls.folder = lab.folder("pki")
        cls.chain, cls.key, cls.other, bundles = share_lab.bundles(cls.folder)
        cls.bundles = lab.folder("bundles")
        for name, data in bundles.items():
            lab.write(os.path.join(cls.bundles, name), data)

    @classmethod
    def bundle(cls, name):
        return os.path.join(cls.bundles, name)


class Threads(Pki):
    @classmethod
    def setUpClass(cls):
        lab.need(programs=["gcc"])
        super().setUpClass()
        cls.built = lab.folder("tsan")
        cls.tsan = lab.run(["gcc", "-print-file-name=libtsan.so"]).out.strip()
        if not os.path.isabs(cls.tsan):
            raise unittest.SkipTest("gcc has no libtsan")
        cls.compile(sorted(glob.glob(SHIM + "/**/*.c", recursive=True)), SHIM, cls.built)
        cls.shim = cls.link(cls.built, "libcatrust.so")
        cls.program = os.path.join(cls.built, "share")
        cls.gcc(share_lab.SOURCE, "-o", cls.program, "-lssl", "-lcrypto", "-lpthread")
        # OpenSSL itself is not compiled for it, so what it locks, allocates and frees is not seen.
        cls.suppressions = lab.write(os.path.join(cls.built, "suppressions"),
                                     "called_from_lib:libcrypto.so\ncalled_from_lib:libssl.so\n")
        # More than the library keeps, of the bundle and of the server's.
        cls.copies = {name: [shutil.copy(path, os.path.join(lab.folder("copies"), "bundle.pem")) for _ in range(20)]
                      for name, path in (("all", BUNDLE), ("root", cls.bundle("root-last")))}
        time.sleep(SETTLED)

    @classmethod
    def gcc(cls, *args, cwd=None):
        done = lab.run(["gcc", "-std=gnu11", "-D_GNU_SOURCE", "-DOPENSSL_SUPPRESS_DEPRECATED",
                        "-DCATRUST_VERSION=\"1\"", "-O1", "-g", "-fvisibility=hidden", "-fsanitize=thread", *args],
                       cwd=cwd, timeout=TIMEOUT)
        if done.code != 0:
            raise RuntimeError(done.err)

    @classmethod
    def compile(cls, sources, top, to):
        made = os.path.join(os.environ["CATRUST_BUILD"], "shim")
        cls.gcc("-c", "-fPIC", "-I" + top, "-I" + os.path.abspath(made), *sources, cwd=to)

    @classmethod
    def link(cls, objects, name):
        path = os.path.join(objects, name)
        exports = os.path.join(os.path.abspath(os.environ["CATRUST_BUILD"]), "shim", "exports.map")
        cls.gcc("-shared", *glob.glob(objects + "/*.o"), "-o", path, "-Wl,--version-script=" + exports, "-ldl")
        return path

    @contextlib.contextmanager
    def changing(self, copies, directory):
        """A link that is one copy after the other, and an anchor that comes and goes."""
        link = os.path.join(lab.folder("link"), "bundle.pem")
        os.symlink(copies[0], link)
        stop = threading.Event()

        def change():
            turn = 0
            while not stop.wait(0.03):
                turn += 1
                os.symlink(copies[turn % len(copies)], link + ".new")
                os.rename(link + ".new", link)
                if directory and turn % 40 == 0:
                    shutil.copy(self.other, directory)
                elif directory and turn % 40 == 20:
                    with contextlib.suppress(FileNotFoundError):
                        os.unlink(os.path.join(directory, os.path.basename(self.other)))

        thread = threading.Thread(target=change)
        thread.start()
        try:
            yield link
        finally:
            stop.set()
            thread.join()

    def use(self, what, share, shim, longer=1):
        """What ThreadSanitizer says of one run, with its exit status."""
        directory = lab.trustdir(os.path.join(self.folder, "first.pem")) if what == "anchors" else None
        with self.changing(self.copies["all" if what == "loads" else "root"], directory) as link:
            args = {"loads": ["threads", BUNDLE, link, 4 * longer],
                    "contexts": ["connect", self.chain, self.key, link, 8 * longer, 8],
                    "anchors": ["connect", self.chain, self.key, self.bundle("none"), 8 * longer, 8],
                    "one context": ["shared", self.chain, self.key, link, 5 * longer]}[what]
            told = lab.run([self.program, *map(str, args)], dirs=[directory] if directory else None, timeout=TIMEOUT,
                           env={"LD_PRELOAD": self.tsan + " " + shim, "CATRUST_SHARE": share,
                                "TSAN_OPTIONS": "suppressions=%s exitcode=66" % self.suppressions})
        if "unexpected memory mapping" in told.err:
            self.skipTest("ThreadSanitizer does not run on this machine's kernel")
        return told

    def test_no_race(self):
        kinds = ("loads", "anchors", "contexts", "one context")
        for share, wanted in ("on", kinds), ("eager", kinds if lab.NIGHTLY else kinds[:2]):
            for what in wanted:
                with self.subTest(share + ", " + what):
                    told = self.use(what, share, self.shim, LONGER)
                    self.assertEqual((0, ""), (told.code, told.err[:5000]))
                    self.assertRegex(told.out, r"^\d+$" if what in ("contexts", "anchors") else ", 0 wrong$")

    def test_a_race_is_found(self):
        """An atomic access becomes a plain one in a copy of the source."""
        for name, atomic, plain, what, longer, function in RACES if lab.NIGHTLY else RACES[:1]:
            with self.subTest(name):
                top, objects = os.path.join(lab.folder("copy"), "shim"), os.path.join(lab.folder("copy"), "objects")
                shutil.copytree(SHIM, top)
                shutil.copytree(self.built, objects)
                source = lab.read(os.path.join(top, name)).decode()
                self.assertEqual(1, source.count(atomic))
                lab.write(os.path.join(top, name), source.replace(atomic, plain))
                self.compile([os.path.join(top, name)], top, objects)
                shim, found = self.link(objects, "racy.so"), ""
                for _ in range(20):
                    told = self.use(what, "on", shim, longer)
                    found = told.code == 66 and re.search("data race .* in " + function, told.err)
                    if found:
                        break
                self.assertTrue(found, "not found: %s" % told.err[:2000])


class Memory(Pki):
    @classmethod
    def setUpClass(cls):
        lab.need(programs=["cc", "valgrind"])
        super().setUpClass()
        cls.valgrind = ["valgrind", "-q", "--error-exitcode=99", "--leak-check=full",
                        "--errors-for-leak-kinds=definite,indirect,possible"]

    def test_handshakes_with_deferred_bundles(self):
        """No errors under valgrind, and nothing is lost."""
        program = share_lab.program(lab.folder("share"))
        files = sorted(os.listdir(self.bundles)) if lab.NIGHTLY else ["renewed"]
        files = [name for name in files if name != "root-last"]
        time.sleep(SETTLED)
        args = ["verify", self.chain, self.key, self.other, *files]
        without = lab.run([*program, *args], cwd=self.bundles)
        for share in ("on", "eager") if lab.NIGHTLY else ("on",):
            told = lab.run([*self.valgrind, *program, *args], shim=True, cwd=self.bundles, timeout=TIMEOUT,
                           env={"CATRUST_SHARE": share})
            self.assertEqual((0, "", without.out), (told.code, told.err, told.out))
            self.assertEqual(26 * len(files), without.out.count("\n"))

    def modules(self):
        """share.c as two modules, each with its own copies of libssl and libcrypto, which may be unloaded."""
        folder, found = lab.folder("modules"), re.search(
            r"/\S*/libssl\.so\.3(?=\s)", lab.run(["/sbin/ldconfig", "-p"]).out)
        if found is None:
            self.skipTest("no libssl.so.3")
        nodelete, now = 8, 1
        for name in "A", "B":
            libraries = []
            for library in "ssl", "crypto":
                data = lab.read(os.path.join(os.path.dirname(found.group()), "lib%s.so.3" % library))
                flags = [struct.pack("=QQ", 0x6ffffffb, value) for value in (now | nodelete, now)]
                self.assertEqual(1, data.count(flags[0]), "the linker's flags of lib" + library)
                data = data.replace(*flags)
                for stem in b"ssl", b"crypto":
                    data = data.replace(b"lib%s.so.3\0" % stem, b"lib%s.so.%s\0" % (stem, name.encode()))
                libraries.append(lab.write(os.path.join(folder, "lib%s.so.%s" % (library, name)), data))
            built = lab.run(["cc", *share_lab.FLAGS, "-Dmain=share_main", "-shared", "-fPIC", "-o", folder + "/" + name,
                             share_lab.SOURCE, *libraries, "-lpthread", "-Wl,-rpath," + folder])
            self.assertEqual((0, ""), (built.code, built.err))
        loader = os.path.join(lab.folder("loader"), "loader")
        built = lab.run(["cc", *share_lab.FLAGS, "-o", loader, os.path.join(HERE, "share_unload.c"), "-ldl"])
        self.assertEqual((0, ""), (built.code, built.err))
        return [loader, ",".join(os.path.join(folder, name) for name in ("A", "B", "A"))]

    def test_openssl_is_unloaded(self):
        """With bundles that were never decoded, and a verification. Without the library, nothing of it is left; with it
        the copies stay, as it points into them."""
        argv, steps = self.modules(), ["verify", self.chain, self.key, self.other, self.bundle("root-first")]
        time.sleep(SETTLED)
        outcomes, mapped = [], []
        for share in None, "on", "eager":
            told = lab.run([*argv, *steps], shim=share is not None, env={"CATRUST_SHARE": share})
            self.assertEqual((0, ""), (told.code, told.err), told)
            lines = told.out.splitlines()
            outcomes.append([line for line in lines if not line.startswith("mapped: ")])
            mapped.append([line.split()[1] for line in lines if line.startswith("mapped: ")])
        self.assertEqual(26 * 3, len(outcomes[0]))
        self.assertEqual([outcomes[0]] * 2, outcomes[1:])
        first, second = (["lib%s.so.%s" % (library, name) for library in ("crypto", "ssl")] for name in ("A", "B"))
        self.assertEqual([], mapped[0])
        for names in mapped[1:]:
            self.assertEqual(sorted(first + 2 * (first + second)), sorted(names))
        few = ["connect", self.chain, self.key, self.bundle("root-first"), "2", "1"]
        told = lab.run([*self.valgrind, *argv, *(steps if lab.NIGHTLY else few)], shim=True, timeout=TIMEOUT)
        self.assertEqual((0, ""), (told.code, told.err), told)


if __name__ == "__main__":
    lab.main()
