# SPDX-License-Identifier: Apache-2.0
"""catrust enable --system if another user, or a mishap, is in its way."""

import os

from e2e.tool import system
from lab import lab

PRELOAD = system.PRELOAD




class Hostile(system.Machine):
    def path_with(self, script):
        folder = lab.folder("bin")
        lab.write(folder + "/python3", "#!/bin/sh\n%s\n" % script, 0o755)
        return {"PATH": folder + ":" + lab.clean_env()["PATH"]}

    def need_other_linker(self):
        if not os.path.exists("/lib/ld-linux.so.2"):
            self.skipTest("no /lib/ld-linux.so.2 (libc6-i386)")

    def test_the_current_folder_is_not_run(self):
        """The programs tried as root load no module from the folder, the variables or the home of the caller."""
        folder, ran = lab.folder("others"), lab.folder("ran") + "/ran"
        lab.write(folder + "/ssl.py", "open(%r, 'w')\n" % ran)
        site = self.fine(lab.PYTHON, "-c", "import site; print(site.getusersitepackages())", env={"HOME": folder}).strip()
        os.makedirs(site)
        lab.write(site + "/mine.pth", "import os; open(%r, 'w')\n" % ran)
        done = self.inside("sh", "-c", 'cd "$1" && exec %scatrust enable --system' % system.BIN, "sh", folder,
                           env={"HOME": folder, "PYTHONPATH": folder})
        self.assertEqual((0, ""), (done.code, done.err), done)
        self.assertFalse(os.path.exists(ran))

    def test_locks_of_others(self):
        """Any user can lock a file or folder that is readable: that must not prevent the removal of a package."""
        locks = lab.Process(["nsenter", "-m", "-t", str(self.holder.process.pid), "--", "setpriv", "--reuid=65534",
                             "--clear-groups", "flock", "/etc", "sh", "-c", "echo ready; exec sleep 1000"], ready="ready")
        with locks:
            self.enable()
            self.disable()
        self.assertFalse(os.path.exists(self.root + "/var/lib/.catrust.lock"))

    def test_folders_of_others(self):
        """No file that every program loads or reads is in a place where another user can write."""
        os.mkdir(self.root + system.STATE)
        os.chown(self.root + system.STATE, 65534, 65534)
        before = self.state()
        args = [[], ["--env"]] if os.path.exists("/lib/ld-linux.so.2") else [["--env"]]
        for more in args:
            with self.subTest(more):
                done = self.catrust("enable", "--system", *more)
                self.assertEqual((1, ""), done[:2])
                self.assertIn("/var/lib/catrust: owned by another user than root", " ".join(done.err.split()))
                self.assertFalse(os.path.exists(self.root + PRELOAD))
                now = self.state()
                self.assertEqual({}, {path: now[path] for path in now if path not in before})
                if not os.path.exists(self.root + system.STATE):
                    os.mkdir(self.root + system.STATE)
                    os.chown(self.root + system.STATE, 65534, 65534)

    @lab.nightly
    def test_what_is_missing_is_made_again(self):
        self.need_other_linker()
        self.enable()
        there = self.state()
        blank = [path for path in there if path.endswith("/libcatrust.so") and path.startswith("/var/lib/") and there[path][3] is None]
        self.assertEqual(1, len(blank))
        os.unlink(self.root + blank[0])
        self.assertEqual(1, self.catrust("status").code)
        self.assertIn("enabled: ", self.enable())
        self.same(there)
        self.assertEqual(0, self.catrust("status").code)

    @lab.nightly
    def test_a_link_to_another_installation(self):
        self.need_other_linker()
        self.enable()
        os.rename(self.root + "/opt/catrust", self.root + "/opt/new")
        done = self.inside("/opt/new/bin/catrust", "enable", "--system")
        self.assertEqual((1, ""), done[:2])
        self.assertIn("leads to another library than this catrust's: catrust disable first", " ".join(done.err.split()))
        for command in "disable", "enable", "status":
            done = self.inside("/opt/new/bin/catrust", command, "--system")
            self.assertEqual(0, done.code, done)

    @lab.nightly
    def test_a_second_one_that_fails_changes_nothing(self):
        """As if 32-bit programs were installed later, and one of them behaved differently."""
        self.need_other_linker()
        self.put(PRELOAD, system.LIBRARY + "\n")
        os.makedirs(self.root + system.STATE)
        self.put(system.STATE + "/enabled", "file %s\npreload %s\n" % (PRELOAD, system.LIBRARY))
        script = "! grep -q LIB /etc/ld.so.preload || echo other"
        done = self.catrust("enable", "--system", env=self.path_with(script))
        self.assertEqual(1, done.code, done)
        self.assertEqual(system.LIBRARY + "\n", self.get(PRELOAD))
        self.enable()
        self.assertEqual("/var/lib/catrust/$LIB/libcatrust.so\n", self.get(PRELOAD))
        self.disable()
        self.assertFalse(os.path.exists(self.root + PRELOAD) or os.path.exists(self.root + system.STATE))

    @lab.nightly
    def test_interrupted(self):
        """Ctrl-C during the trial: if the trial fails, everything is switched off."""
        before = self.state()
        script = "test ! -s /etc/ld.so.preload || { kill -INT $PPID; echo other; }"
        done = self.catrust("enable", "--system", env=self.path_with(script))
        self.assertNotEqual(0, done.code)
        self.same(before)

    def test_bundles_stay_while_they_are_named(self):
        """A file from another editor: lines end in carriage returns."""
        self.enable("--env")
        text = self.get("/etc/environment")
        self.put("/etc/environment", text.replace("\n", "\r\n"))
        done = self.catrust("disable")
        self.assertEqual((1, ""), done[:2])
        self.assertIn("remove by hand", " ".join(done.err.split()))
        self.assertTrue(os.path.exists(self.root + system.STATE + "/bundle.pem"))
        self.assertFalse(os.path.exists(self.root + PRELOAD))
        self.put("/etc/environment", "")
        self.disable()
        self.assertFalse(os.path.exists(self.root + system.STATE))

    @lab.nightly
    def test_group_and_mode(self):
        path = self.put(PRELOAD, "# mine\n", 0o640)
        os.chown(path, 0, 42)
        before = self.state()
        self.enable()
        st = os.stat(path)
        self.assertEqual((0, 42, 0o100640), (st.st_uid, st.st_gid, st.st_mode))
        self.disable()
        self.same(before)

    def test_a_link_to_nothing(self):
        os.symlink("/nowhere", self.root + PRELOAD)
        before = self.state()
        done = self.catrust("enable", "--system")
        self.assertEqual((1, ""), done[:2])
        self.assertIn("/etc/ld.so.preload: a link to a file that is not there", " ".join(done.err.split()))
        self.same(before)


if __name__ == "__main__":
    lab.main()
