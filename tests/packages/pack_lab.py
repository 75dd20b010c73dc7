# SPDX-License-Identifier: Apache-2.0
"""What the tests of packages and examples share: copies of the tree, and roots to install into."""

import json
import os
import shutil
import sys
import unittest

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tests"))

from lab import lab  # noqa: E402

BUILD_TIMEOUT = 900


def tree(name):
    """A copy of the sources, without build folders, in a folder called name."""
    folder = os.path.join(lab.folder("tree"), name)
    shutil.copytree(TOP, folder, symlinks=True,
                    ignore=shutil.ignore_patterns("build", "build-*", ".git", "__pycache__"))
    return folder


def build(folder, *args, **env):
    """Runs packaging/package of a tree, and returns the folder of the packages."""
    out = lab.folder("packages")
    done = lab.run([os.path.join(folder, "packaging", "package"), "-o", out, *args],
                   env=env, timeout=BUILD_TIMEOUT)
    if done.code != 0:
        raise AssertionError(done.out + done.err)
    return out


def need(*programs):
    lab.need(programs=programs)


def run(argv, **options):
    """Like lab.run, but fails if the exit status is not 0."""
    done = lab.run(argv, **{"timeout": 180, **options})
    if done.code != 0:
        raise AssertionError("%s: %d\n%s%s" % (argv[0], done.code, done.out, done.err))
    return done.out


# A Python program that users would run: it reads the page at its first argument.
APP = "import sys, urllib.request\nprint(urllib.request.urlopen(sys.argv[1], timeout=30).read().decode())\n"


def app(folder):
    return lab.write(os.path.join(folder, "app.py"), APP)


def copy_root():
    """A copy of the Debian root, with the resolver of this machine."""
    root = os.path.join(lab.folder("chroot"), "root")
    run(["cp", "-a", lab.more("root"), root], timeout=300)
    shutil.copy("/etc/resolv.conf", os.path.join(root, "etc"))
    return root


# buildah needs a policy file for signatures.
ACCEPT = {"default": [{"type": "insecureAcceptAnything"}]}


class Buildah:
    """buildah with a store of its own for one class of tests."""

    def __init__(self, cls):
        self.store = lab.folder("store")
        self.policy = lab.write(os.path.join(self.store, "policy.json"), json.dumps(ACCEPT))
        self.argv = ["buildah", "--root", self.store + "/root", "--runroot", self.store + "/run",
                     "--storage-driver", "vfs"]
        cls.addClassCleanup(lambda: lab.run([*self.argv, "rm", "--all"], timeout=300))

    def __call__(self, *args):
        return run([*self.argv, *args], timeout=900)

    def start(self, image):
        return self("from", "--signature-policy", self.policy, "--pull-never", image).strip()

    def pull(self, source):
        return self("pull", "--signature-policy", self.policy, source).strip()

    def base(self):
        """Makes localhost/base, a Debian with Python. The tests are skipped if no container can run."""
        tar = os.path.join(self.store, "base.tar")
        run(["tar", "-C", lab.more("root"), "--exclude=./dev/*", "-cf", tar, "."], timeout=300)
        made = self("from", "--signature-policy", self.policy, "scratch").strip()
        self("add", made, tar, "/")
        try:
            self("run", "--isolation", "chroot", made, "--", "true")
        except AssertionError as e:
            raise unittest.SkipTest("buildah can't run a container here: %s" % e)
        self("config", "--cmd", "sh", made)
        self("commit", "--signature-policy", self.policy, "--rm", made, "localhost/base")
        os.unlink(tar)

    def run_in(self, container, *command, env=(), options=()):
        options = [*options, *(option for pair in env for option in ("--env", pair))]
        return lab.run([*self.argv, "run", "--isolation", "chroot", *options, container, "--", *command], timeout=180)
