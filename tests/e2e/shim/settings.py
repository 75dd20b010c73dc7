# SPDX-License-Identifier: Apache-2.0
"""/etc/catrust/catrust.conf: the machine's settings, in a mount namespace where /etc belongs to the test."""

import os
import shutil
import unittest

from e2e.shim import hostile
from lab import lab
from lab import share as share_lab

PROGRAM = "print(get(context('default')(), sys.argv[1]))"
CONF = "/etc/catrust/catrust.conf"
# An overlay can't stand on another overlay's upper layer: a tmpfs holds it.
SCRIPT = """
set -e
mount -t tmpfs none "$0"
mkdir "$0/upper" "$0/work"
cp -a "$1/." "$0/upper"
mount -t overlay -o "lowerdir=/etc,upperdir=$0/upper,workdir=$0/work" none /etc
shift
exec "$@"
"""


def within(conf=None, mode=0o644, owner=0, group=0, **certificates):
    """argv to run a command with that file, and with trust directories by their names below /etc/catrust."""
    layer, top = lab.folder("etc"), lab.folder("tmpfs")
    os.makedirs(os.path.join(layer, "catrust", "ca.d"))
    if conf is not None:
        path = lab.write(os.path.join(layer, "catrust", "catrust.conf"), conf, mode)
        os.chown(path, owner, group)
    shutil.copy(lab.cert("corp-root.pem"), os.path.join(layer, "catrust", "ca.d"))
    return ["unshare", "-m", "--propagation", "private", "sh", "-c", SCRIPT, top, layer]


class Base(lab.Case):
    @classmethod
    def setUpClass(cls):
        if os.geteuid() != 0:
            raise unittest.SkipTest("only root can have an /etc of its own")
        lab.need(programs=["unshare", "mount"])
        done = lab.run([*within(), "true"])
        if done.code != 0:
            raise unittest.SkipTest("no mount namespace or overlay here: " + done.err)
        cls.server = lab.server()
        cls.server.__enter__()
        cls.addClassCleanup(cls.server.__exit__)

    def fetch(self, wrap, user=None, **env):
        become = [] if user is None else ["setpriv", "--reuid", user, "--regid", "nogroup", "--clear-groups"]
        return lab.run([*wrap, *become, "env", "LD_PRELOAD=" + lab.shim(), lab.PYTHON, "-c", lab.PRELUDE + PROGRAM,
                        self.server.port], env=env)


class Settings(Base):
    def conf(self, *lines, **options):
        return within("".join(line + "\n" for line in lines), **options)

    def test_none(self):
        self.got_page(self.fetch(within()))
        self.got_page(self.fetch(self.conf("# nothing", "", "  ")))

    def test_disable_and_the_variable(self):
        off = self.conf("CATRUST_DISABLE=1")
        self.refused(self.fetch(off))
        self.refused(self.fetch(off, CATRUST_LOG="debug"))
        self.got_page(self.fetch(off, CATRUST_DISABLE="0"))
        self.refused(self.fetch(off, CATRUST_DISABLE=""))
        self.got_page(self.fetch(self.conf("CATRUST_DISABLE=1", "CATRUST_DISABLE=0")))

    def test_log(self):
        info = self.conf(" CATRUST_LOG = info ")
        done = self.fetch(info)
        self.assertEqual((0, lab.PAGE + "\n"), done[:2], done)
        self.assertRegex(done.err, r"catrust: .* trusted because of .* in /etc/catrust/ca\.d/corp-root\.pem")
        self.got_page(self.fetch(info, CATRUST_LOG="error"))

    def test_contexts(self):
        public = self.conf("CATRUST_CONTEXTS=public")
        alone = lab.write(os.path.join(lab.folder(), "own.pem"), lab.read(lab.cert("other-root.pem")))
        env = {"SSL_CERT_FILE": alone, "SSL_CERT_DIR": "/nowhere"}
        self.got_page(self.fetch(within(), **env))
        self.refused(self.fetch(public, **env))
        self.got_page(self.fetch(public, CATRUST_CONTEXTS="all", **env))

    def test_share(self):
        """How much a client's first load decoded, measured by the heap: everything, unless on demand."""
        lab.need(programs=["cc"])
        argv = share_lab.program(lab.folder("share"))
        bundle = "/etc/ssl/certs/ca-certificates.crt"

        def first(*lines, **env):
            done = lab.run([*self.conf(*lines), "env", "LD_PRELOAD=" + lab.shim(), *argv, "times", bundle, 1, 1], env=env)
            self.assertEqual((0, ""), (done.code, done.err))
            return int(done.out.split()[1])

        on, eager = first("CATRUST_SHARE=on"), first("CATRUST_SHARE=eager")
        self.assertGreater(eager, on * 2)
        half = (on + eager) / 2
        self.assertLess(first("# nothing"), half)
        self.assertGreater(first("CATRUST_SHARE=off"), half)
        self.assertLess(first("CATRUST_SHARE=eager", "CATRUST_SHARE=on"), half)
        self.assertGreater(first("CATRUST_SHARE=on", "CATRUST_SHARE=eager"), half)
        for line in "CATRUST_SHARE=eager", "CATRUST_SHARE=off":
            self.assertLess(first(line, CATRUST_SHARE="on"), half)
        self.assertGreater(first("CATRUST_SHARE=on", CATRUST_SHARE="eager"), half)

    def test_exclude(self):
        """A link means its target; a slash means everything below."""
        for path in lab.PYTHON, os.path.realpath(lab.PYTHON), os.path.dirname(os.path.realpath(lab.PYTHON)) + "/":
            self.refused(self.fetch(self.conf("exclude=" + path)))
            self.refused(self.fetch(self.conf("exclude=/usr/bin/true", "exclude=" + path), CATRUST_DISABLE="0"))
        for path in "/usr/bin/true", "/nowhere", os.path.realpath(lab.PYTHON)[:-1], "/opt/":
            self.got_page(self.fetch(self.conf("exclude=" + path)))

    def test_lines_that_are_wrong(self):
        """The first one is reported; the others count."""
        for line, why in ("CATRUST_STRICKT=relax", "there is no such setting"), ("nonsense", "not of the form NAME=VALUE"), \
                ("CATRUST_LOG=loud", "does not have this value"), ("exclude=python3", "full path"), \
                ("CATRUST_DIR=/tmp", "no such setting"):
            done = self.fetch(self.conf("# a comment", line, "CATRUST_FILES=off", "CATRUST_FILES=maybe"))
            self.got_page(done, [r"catrust\.conf: line 2: .*" + why])
            self.got_page(self.fetch(self.conf(line), CATRUST_LOG="off"))
            self.refused(self.fetch(self.conf(line, "CATRUST_DISABLE=1")))

    def test_whose_it_is(self):
        """If others can write it, it is ignored, with a message."""
        off = "CATRUST_DISABLE=1\n"
        for options, why in ({"mode": 0o666}, "other users may write"), ({"mode": 0o664}, "other users may write"), \
                ({"owner": 65534}, "does not belong to root"):
            self.got_page(self.fetch(within(off, **options)), [r"catrust\.conf: ignored, because .*" + why])
        self.got_page(self.fetch(within("#" * 9000 + "\n" + off)), ["larger than 8 KiB"])
        self.got_page(self.fetch(within(off + "\0")), ["not text"])
        # A user's own settings are the user's to make; by variables as well.
        self.refused(self.fetch(within(off, owner=65534), user="nobody"))
        self.got_page(self.fetch(within(off, mode=0o600), user="nobody"), ["may not read it"])
        self.refused(self.fetch(within(off), user="nobody"))


class Cancelled(lab.Case):
    def test_the_file_is_read_by_a_thread_that_is_cancelled(self):
        """Such a thread may end in open() and read(), but not in SSL_CTX_new()."""
        program = hostile.build("cancelled", "cancelled.c", *hostile.TLS)
        for shim in False, True:
            self.assertEqual((0, "not ended\n", ""), lab.run([program], shim=shim, dirs=[lab.trustdir("corp-root.pem")]))


class Privileged(hostile.Privileges, Base):
    """Set-user-ID programs read no variables: the file is their only switch."""

    test_setuid = test_file_capabilities = test_library_is_there = None

    @classmethod
    def setUpClass(cls):
        hostile.Privileges.setUpClass.__func__(cls)
        if lab.run([*within(), "true"]).code != 0:
            raise unittest.SkipTest("no mount namespace or overlay here")

    def test_switches(self):
        program = self.setuid(self.linked)
        argv = [program, "privileged", self.server.port, self.bundle]
        env = {"CATRUST_DISABLE": "1", "CATRUST_LOG": "debug"}
        # The library is linked into this program; of /etc/catrust/ca.d it trusts what is there.
        done = lab.run([*within(), *argv], env=env)
        if "privileged: 0" in done.out:
            self.skipTest("no privilege from files here")
        self.assertEqual((0, "privileged: 1\nonce: trusted\n", ""), done)
        for line in "CATRUST_DISABLE=1", "exclude=" + program:
            self.assertEqual((0, "privileged: 1\nonce: %s\n" % hostile.UNKNOWN, ""), lab.run([*within(line + "\n"), *argv], env=env))
        done = lab.run([*within("CATRUST_LOG=info\n"), *argv], env=env)
        self.assertEqual((0, "privileged: 1\nonce: trusted\n"), done[:2])
        self.assertIn("corp-root.pem", done.err)
        # The user that it runs as owns it: not enough here.
        done = lab.run([*within("CATRUST_DISABLE=1\n", owner=65534), *argv], env=env)
        self.assertEqual((0, "privileged: 1\nonce: trusted\n"), done[:2])
        self.assertRegex(done.err, r"\Acatrust: /etc/catrust/catrust\.conf: ignored, because it does not belong to root\n\Z")


if __name__ == "__main__":
    lab.main()
