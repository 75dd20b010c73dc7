# SPDX-License-Identifier: Apache-2.0
"""The .rpm in a root with its own database of rpm. It is installed, enabled for the machine, upgraded and
removed, with its scripts.

The root is a Debian (see tests/more) with Debian's rpm, so what the package depends on is not looked up. Needs the
Debian mirror."""

import functools
import glob
import hashlib
import os
import re
import shutil

import chroot
import pack_lab as packs
from pack_lab import lab

PRELOAD = "/etc/ld.so.preload"
VERSION = "1.0.1"  # the version to upgrade to


@functools.lru_cache(None)
def rpms():
    """The package, and a package of a later version."""
    packs.need("rpmbuild", "cmake", "ninja", "gcc")
    tree = packs.tree("tree")
    first, = glob.glob(packs.build(tree, "rpm") + "/*.rpm")
    path = os.path.join(tree, "CMakeLists.txt")
    text, changed = re.subn(rb"(project\(catrust VERSION )\S+", rb"\g<1>" + VERSION.encode(), lab.read(path))
    assert changed == 1
    lab.write(path, text)
    second, = glob.glob(packs.build(tree, "rpm") + "/*.rpm")
    return first, second


class Rpm(chroot.CleanDebian):
    test_start_of_readme = None

    @classmethod
    def setUpClass(cls):
        paths = rpms()
        cls.root = packs.copy_root()
        cls.inside("apt-get", "-q", "update", timeout=300)
        cls.inside("apt-get", "-qy", "install", "--no-install-recommends", "rpm", "ca-certificates", "libcurl4",
                   "libidn2-0", timeout=900)
        for path in paths:
            shutil.copy(path, os.path.join(cls.root, "tmp"))
        cls.first, cls.second = ("/tmp/" + os.path.basename(path) for path in paths)
        packs.app(os.path.join(cls.root, "tmp"))
        # Files that the user has put there do not belong to the package.
        os.makedirs(cls.root + "/etc/catrust/ca.d")
        shutil.copy(lab.cert("corp-root.pem"), cls.root + "/etc/catrust/ca.d")
        cls.server = lab.server()
        cls.server.__enter__()
        cls.addClassCleanup(cls.server.__exit__)
        cls.app = ["python3", "/tmp/app.py", cls.server.url]

    def setUp(self):
        self.refused(self.attempt(*self.app))
        self.before = self.files()
        self.inside("rpm", "-i", "--nodeps", self.first)
        self.assertIn("libcatrust.so", self.inside("rpm", "-ql", "catrust"))

    def tearDown(self):
        self.attempt("catrust", "disable")
        self.attempt("rpm", "-e", "--noscripts", "catrust")
        if os.path.exists(self.root + PRELOAD):
            os.unlink(self.root + PRELOAD)

    def files(self):
        """Every file except rpm's database, which is in root's home here, and the files that Python compiles."""
        found = {}
        for top in "etc", "usr", "var/lib":
            for folder, _, names in os.walk(os.path.join(self.root, top)):
                for name in names:
                    path = os.path.join(folder, name)
                    if folder.endswith("__pycache__") or os.path.islink(path):
                        continue
                    found[path[len(self.root):]] = (oct(os.stat(path).st_mode),
                                                    hashlib.sha256(lab.read(path)).hexdigest())
        return found

    def same_as_before(self):
        after = self.files()
        self.assertEqual({}, {path: (self.before.get(path), after.get(path)) for path in {*self.before, *after}
                              if self.before.get(path) != after.get(path)})

    def test_removal(self):
        """Everything is as before rpm -i, byte for byte. An upgrade in between undoes nothing."""
        self.refused(self.attempt(*self.app))
        self.inside("catrust", "enable", "--system", "--env", timeout=120)
        self.got_page(self.attempt(*self.app))
        enabled = lab.read(self.root + PRELOAD)
        self.assertIn(b"libcatrust.so", enabled)

        self.inside("rpm", "-U", "--nodeps", self.second)
        self.assertEqual("catrust-%s-1" % VERSION, self.inside("rpm", "-q", "--qf", "%{NVR}", "catrust"))
        self.assertIn(VERSION, self.inside("catrust", "--version"))
        self.assertEqual(enabled, lab.read(self.root + PRELOAD))
        self.assertEqual(0, self.attempt("catrust", "status").code)
        self.got_page(self.attempt(*self.app))

        self.inside("rpm", "-e", "catrust")
        self.assertEqual(1, self.attempt("rpm", "-q", "catrust").code)
        self.same_as_before()
        # No program is told to load a library that is gone.
        self.assertEqual((0, "", ""), self.attempt("true"))
        self.refused(self.attempt(*self.app))

    def test_what_others_preload_stays(self):
        self.inside("rpm", "-e", "catrust")
        library, = glob.glob(self.root + "/usr/lib/*-linux-gnu/libz.so.1")
        lab.write(self.root + PRELOAD, "# the site's own\n%s" % library[len(self.root):])
        self.before = self.files()
        self.inside("rpm", "-i", "--nodeps", self.first)
        self.inside("catrust", "enable", "--system", timeout=120)
        self.got_page(self.attempt(*self.app))
        self.inside("rpm", "-e", "catrust")
        self.same_as_before()

    def test_removal_that_was_never_enabled(self):
        self.inside("rpm", "-e", "catrust")
        self.same_as_before()

    def test_it_stays_if_it_can_not_be_undone(self):
        """Otherwise each program would print that the library is missing."""
        self.inside("catrust", "enable", "--system", timeout=120)
        tool = self.root + "/usr/bin/catrust"
        os.rename(tool, tool + ".real")
        try:
            lab.write(tool, "#!/bin/sh\nexit 1\n", 0o755)
            self.assertNotEqual(0, self.attempt("rpm", "-e", "catrust").code)
        finally:
            os.rename(tool + ".real", tool)
        self.inside("rpm", "-q", "catrust")
        self.got_page(self.attempt(*self.app))
        self.inside("rpm", "-e", "catrust")
        self.same_as_before()


if __name__ == "__main__":
    lab.main()
