# SPDX-License-Identifier: Apache-2.0
"""The .deb in a Debian that has the base system and Python: installed by apt, used as README says, for the
whole machine too, and removed. Needs a Debian root (see tests/more), and the Debian mirror."""

import glob
import os
import shutil

import pack_lab as packs
from pack_lab import lab


class CleanDebian(lab.Case):
    @classmethod
    def setUpClass(cls):
        cls.root = packs.copy_root()
        packs.need("dpkg-shlibdeps", "cmake", "ninja", "gcc")
        deb, = glob.glob(packs.build(packs.tree("tree"), "deb") + "/*.deb")
        shutil.copy(deb, os.path.join(cls.root, "tmp"))
        cls.inside("apt-get", "-q", "update", timeout=300)
        # Without Recommends, apt installs only the package and its dependencies.
        cls.inside("apt-get", "-qy", "install", "--no-install-recommends",
                   "/tmp/" + os.path.basename(deb), timeout=600)
        packs.app(os.path.join(cls.root, "tmp"))

    @classmethod
    def argv(cls, *command):
        """argv that runs a command in the root, in namespaces of its own with /proc and /dev/null. They end with it."""
        return ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c",
                'root=$0; mount -t proc proc "$root/proc" && mount --bind /dev/null "$root/dev/null" && '
                'exec chroot "$root" "$@"', cls.root, *command]

    @classmethod
    def inside(cls, *command, timeout=lab.TIMEOUT, **env):
        return packs.run(cls.argv(*command), env=cls.env(**env), timeout=timeout)

    @staticmethod
    def env(**extra):
        return {"HOME": "/root", "DEBIAN_FRONTEND": "noninteractive", **extra}

    def attempt(self, *command, **env):
        return lab.run(self.argv(*command), env=self.env(**env))

    def test_start_of_readme(self):
        fingerprint = lab.openssl("x509", "-noout", "-fingerprint", "-sha256", "-in",
                                  lab.cert("corp-root.pem")).decode().split("=")[1].strip()
        with lab.server("server-full") as server:
            app = ["python3", "/tmp/app.py", server.url]
            self.refused(self.attempt(*app))
            self.refused(self.attempt("catrust-run", *app))
            # There is no terminal to ask on, so it shows the chain and trusts nothing.
            shown = self.attempt("catrust", "fetch", "127.0.0.1:%d" % server.port)
            self.assertEqual(1, shown.code, shown)
            fetched = self.attempt("catrust", "fetch", "--fingerprint", "sha256:" + fingerprint.replace(":", ""),
                                   "127.0.0.1:%d" % server.port)
            self.assertEqual(0, fetched.code, fetched)
            saved = glob.glob(self.root + "/etc/catrust/ca.d/*.pem")
            self.assertEqual(1, len(saved), fetched)
            self.got_page(self.attempt("catrust-run", *app))
            self.refused(self.attempt(*app))
            # For every program of the machine, and undone again.
            self.inside("catrust", "enable", "--system")
            self.got_page(self.attempt(*app))
            self.inside("catrust", "disable")
            self.refused(self.attempt(*app))
        self.assertIn("Example Corp Root CA", self.inside("catrust", "list"))
        # Files of the user stay after the removal; all others go.
        self.inside("dpkg", "--purge", "catrust")
        self.assertTrue(os.path.exists(saved[0]))
        left = [path for pattern in ("usr/**/*catrust*", "etc/**/*catrust*")
                for path in glob.glob(os.path.join(self.root, pattern), recursive=True)]
        self.assertEqual([self.root + "/etc/catrust"], left)


if __name__ == "__main__":
    lab.main()
