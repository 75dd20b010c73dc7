# SPDX-License-Identifier: Apache-2.0
"""catrust enable --system and related commands, in a mount namespace where /etc, /opt and /var/lib belong to the
test."""

import hashlib
import os
import re
import shutil
import unittest

from e2e.shim import hostile
from lab import lab
from lab import tools

# An overlay can't stand on another overlay's upper layer: a tmpfs holds it.
SETUP = """
set -e
mount -t tmpfs none "$0"
mkdir "$0/upper" "$0/work"
mount -t overlay -o "lowerdir=/etc,upperdir=$0/upper,workdir=$0/work" none /etc
mount -t tmpfs -o mode=755 none /opt
mount -t tmpfs -o mode=755 none /var/lib
rm -f /etc/ld.so.preload /etc/environment
mkdir -p /etc/catrust/ca.d /opt/catrust/bin /opt/catrust/lib
cp "$1" "$2" /opt/catrust/bin
cp "$3" /opt/catrust/lib
cp "$4" /etc/catrust/ca.d
chown -R root:root /opt/catrust /etc/catrust
echo ready
exec sleep 1000
"""
PRELOAD = "/etc/ld.so.preload"
BIN = "/opt/catrust/bin/"
LIBRARY = "/opt/catrust/lib/libcatrust.so"
STATE = "/var/lib/catrust"
APP = "import sys, urllib.request\nprint(urllib.request.urlopen(sys.argv[1], timeout=30).read().decode(), end='')\n"
VARIABLES = ["AWS_CA_BUNDLE", "CARGO_HTTP_CAINFO", "DENO_CERT", "GIT_SSL_CAINFO", "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH",
             "HEX_CACERTS_PATH", "JAVA_TOOL_OPTIONS", "NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE", "SYSTEM_CERTIFICATE_PATH"]


class Machine(lab.Case):
    @classmethod
    def setUpClass(cls):
        if os.geteuid() != 0:
            raise unittest.SkipTest("only root can have an /etc of its own")
        lab.need(programs=["unshare", "nsenter", "mount"])
        cls.server = lab.server()
        cls.server.__enter__()
        cls.addClassCleanup(cls.server.__exit__)
        cls.app = lab.write(os.path.join(lab.folder("app"), "app.py"), APP)

    def setUp(self):
        argv = ["unshare", "-m", "--propagation", "private", "sh", "-c", SETUP, lab.folder("tmpfs"), tools.tool("catrust"),
                os.path.join(os.path.dirname(tools.tool("catrust")), "catrust-run"), lab.shim(), lab.cert("corp-root.pem")]
        self.holder = lab.Process(argv, ready="ready")
        try:
            self.holder.__enter__()
        except RuntimeError as e:
            self.skipTest("no mount namespace or overlay here: %s" % e)
        self.addCleanup(self.holder.__exit__)
        self.root = "/proc/%d/root" % self.holder.process.pid

    def inside(self, *command, **options):
        return lab.run(["nsenter", "-m", "-t", self.holder.process.pid, "--", *command], **options)

    def fine(self, *command, **options):
        done = self.inside(*command, **options)
        self.assertEqual((0, ""), (done.code, done.err), done)
        return done.out

    def catrust(self, *args, **options):
        return self.inside(BIN + "catrust", *args, **options)

    def enable(self, *args):
        done = self.catrust("enable", "--system", *args)
        self.assertEqual((0, ""), (done.code, done.err), done)
        return done.out

    def disable(self):
        self.assertEqual((0, "disabled: everything that catrust enable wrote is removed\n", ""), self.catrust("disable"))

    def put(self, path, data, mode=0o644):
        return lab.write(self.root + path, data, mode)

    def get(self, path):
        return lab.read(self.root + path).decode()

    def fetch(self, *wrap):
        return self.inside(*wrap, lab.PYTHON, self.app, self.server.url)

    def same(self, before):
        now = self.state()
        self.assertEqual({}, {path: (before.get(path), now.get(path)) for path in {*before, *now}
                              if before.get(path) != now.get(path)})

    def state(self):
        """Everything that enable might change: names, modes, owners and bytes."""
        found = {}
        for top in "/etc", "/var/lib", "/opt":
            for folder, folders, names in os.walk(self.root + top):
                for name in [*folders, *names]:
                    path = os.path.join(folder, name)
                    st = os.lstat(path)
                    link = os.readlink(path) if os.path.islink(path) else None
                    data = lab.read(path) if link is None and os.path.isfile(path) else None
                    if data is not None and len(data) > 500:
                        data = hashlib.sha256(data).hexdigest()
                    found[path[len(self.root):]] = st.st_mode, st.st_uid, st.st_gid, link, data
        return found


class Enable(Machine):
    def test_on_and_off(self):
        before = self.state()
        self.refused(self.fetch())
        off = self.catrust("status")
        self.assertEqual(1, off.code)
        self.assertRegex(off.out, r"(?m)\Apreload    off\nvariables  off\ntrusted    /etc/catrust/ca\.d: 1 CA\n\Z")
        self.assertRegex(self.enable(), r"\Aenabled: each program .*/etc/ld\.so\.preload: \S+\)\n\Z")
        for wrap in [], ["env", "-i"], ["sh", "-lc", 'exec "$@"', "sh"], ["setsid", "-w"], \
                ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]:
            self.got_page(self.fetch(*wrap))
        on = self.catrust("status")
        self.assertEqual((0, ""), (on.code, on.err), on)
        self.assertRegex(on.out, r"(?m)^preload    on, by /etc/ld\.so\.preload: /\S+/libcatrust\.so$")
        self.assertNotIn("BROKEN", on.out)
        with self.subTest("twice"):
            there = self.state()
            self.assertEqual("enabled already: nothing was changed\n", self.enable())
            self.same(there)
        self.disable()
        self.same(before)
        self.refused(self.fetch())
        self.assertEqual((0, "it was not enabled: nothing was changed\n", ""), self.catrust("disable", "--system"))
        self.same(before)

    def test_what_is_there_stays(self):
        """Another library, with and without a newline at the end, comments, several in a line."""
        other, = re.findall(r"=> (\S+/libdl\.so\.2|\S+/libm\.so\.6)", self.fine("ldd", lab.PYTHON))[:1]
        texts = ["", "# mine", other + "\n"]
        if os.environ.get("CATRUST_NIGHTLY"):
            texts += [other, "# mine\n\n", other + " " + other + "\n", "#x\n" + other + ":" + other]
        for text in texts:
            with self.subTest(text):
                self.put(PRELOAD, text, 0o600 if text == "" else 0o644)
                before = self.state()
                self.enable()
                self.assertTrue(self.get(PRELOAD).startswith(text))
                self.got_page(self.fetch("env", "-i"))
                loaded = self.fine("sh", "-c", "cat /proc/self/maps")
                self.assertIn("libcatrust.so", loaded)
                self.assertEqual(other in text, other.split("/")[-1].split(".so")[0] in loaded)
                self.disable()
                self.same(before)

    def test_others_write_behind_it(self):
        """Later additions stay, wherever they are."""
        self.put(PRELOAD, "# first\n")
        self.enable()
        entry = self.get(PRELOAD).splitlines()[1]
        for text, left in ("# first\n%s\n# last\n", "# first\n# last\n"), ("%s # x\n", "# x\n"), ("# y\n", "# y\n"), ("%s", ""):
            with self.subTest(text):
                self.put(PRELOAD, text % entry if "%" in text else text)
                done = self.catrust("disable")
                self.assertEqual(0, done.code, done)
                self.assertEqual(left, self.get(PRELOAD))
                self.put(PRELOAD, "# first\n")
                self.enable()
        self.put(PRELOAD, "# mine\n")
        status = self.catrust("status")
        self.assertEqual(1, status.code)
        self.assertIn("somebody has removed the entry of catrust enable", status.out)

    def test_one_that_was_written_by_hand(self):
        self.put(PRELOAD, LIBRARY + "\n")
        before = self.state()
        done = self.catrust("enable", "--system")
        if done.code == 0:  # the very same entry
            self.assertEqual("enabled already: nothing was changed\n", done.out)
        else:
            self.assertRegex(done.err, r"nothing was changed: /etc/ld\.so\.preload names /\S+, which catrust enable did not write")
        self.same(before)
        status = self.catrust("status")
        self.assertIn("not written by catrust enable", status.out)
        done = self.catrust("disable")
        self.assertEqual((1, ""), (done.code, done.out))
        self.assertIn("remove it by hand", done.err)
        self.same(before)

    def test_damage(self):
        """Whatever happens to the library: programs start, status reports it, and disable or a new library fixes it."""
        self.enable()
        good = lab.read(self.root + LIBRARY)
        entry = self.get(PRELOAD).strip()
        for what, data, says in ("gone", None, "cannot open shared object file"), ("empty", b"", "file too short"), \
                ("text", b"#!/bin/sh\n" * 100, "invalid ELF header"), ("of 32 bits", good[:4] + b"\1" + good[5:], "wrong ELF class"):
            with self.subTest(what):
                os.unlink(self.root + LIBRARY)
                if data is not None:
                    self.put(LIBRARY, data)
                done = self.inside("sh", "-c", "exit 3")
                self.assertEqual((3, ""), done[:2], done)
                self.assertRegex(done.err, r"\AERROR: ld\.so: object '%s' from /etc/ld\.so\.preload cannot be preloaded "
                                 r"\(%s.*\): ignored\.\n\Z" % (re.escape(entry), says))
                status = self.catrust("status")
                self.assertEqual(1, status.code, status)
                self.assertRegex(status.out, r"(?m)^ +BROKEN: \S+libcatrust\.so: .*\n +Programs start without it")
                self.put(LIBRARY, good)
                self.assertEqual(0, self.catrust("status").code)
                self.got_page(self.fetch())
        os.unlink(self.root + LIBRARY)
        done = self.catrust("disable")
        self.assertEqual((0, "disabled: everything that catrust enable wrote is removed\n"), done[:2])
        self.assertFalse(os.path.exists(self.root + PRELOAD))
        done = self.catrust("enable", "--system")
        self.assertEqual((1, ""), done[:2])
        self.assertIn("nothing was changed: libcatrust.so is not there", done.err)

    def test_refused(self):
        """Nothing is changed if the library would not be safe, or if a program behaves differently."""
        os.chmod(self.root + LIBRARY, 0o644)
        before = self.state()
        done = self.catrust("enable")
        self.assertEqual((2, ""), done[:2])
        for path in "/opt/catrust/lib", LIBRARY:
            os.chmod(self.root + path, 0o777)
            done = self.catrust("enable", "--system")
            self.assertEqual((1, ""), done[:2])
            self.assertRegex(done.err, "nothing was changed: %s: others than root may write to it" % path)
            os.chmod(self.root + path, 0o755)
        os.chmod(self.root + LIBRARY, 0o700)
        self.assertIn("not every user may read it", self.catrust("enable", "--system").err)
        os.chmod(self.root + LIBRARY, 0o644)
        done = self.inside("setpriv", "--reuid=65534", "--clear-groups", BIN + "catrust", "enable", "--system")
        self.assertEqual((1, ""), done[:2])
        self.assertIn("only root may change the machine: sudo catrust enable --system\n", done.err)
        # A program that notices: by a variable at first, and by what is loaded when it is on.
        for script in 'echo "$LD_PRELOAD"', "grep -c libcatrust /proc/self/maps; exit 0", "test ! -s /etc/ld.so.preload":
            folder = lab.folder("bin")
            lab.write(folder + "/python3", "#!/bin/sh\n%s\n" % script, 0o755)
            done = self.catrust("enable", "--system", env={"PATH": folder + ":" + lab.clean_env()["PATH"]})
            self.assertEqual((1, ""), done[:2], script)
            self.assertRegex(done.err, r"\Acatrust: nothing was changed: %s/python3 behaves differently" % folder)
            self.same(before)

    def test_catrust_run_goes_on(self):
        """The library is loaded once per process, whoever names it."""
        self.enable()
        self.got_page(self.fetch(BIN + "catrust-run"))
        self.got_page(self.fetch(BIN + "catrust-run", "-d", lab.trustdir("corp-root.pem")))
        self.refused(self.fetch("env", "CATRUST_DISABLE=1"))
        self.put("/etc/catrust/catrust.conf", "exclude=%s\n" % lab.PYTHON)
        self.refused(self.fetch())
        status = self.catrust("status")
        self.assertEqual(0, status.code)
        self.assertIn("\nexcluded   %s\n" % lab.PYTHON, status.out)
        self.put("/etc/catrust/catrust.conf", "exclude=\nCATRUST_LOG=off\n")
        status = self.catrust("status")
        self.assertEqual(1, status.code)
        self.assertRegex(status.out, r"(?m)^settings   BROKEN: /etc/catrust/catrust\.conf: line 1: .*\nsettings   CATRUST_LOG=off$")


class SetUserId(Machine, hostile.Privileges):
    test_setuid = test_file_capabilities = test_library_is_there = None

    @classmethod
    def setUpClass(cls):
        Machine.setUpClass.__func__(cls)
        hostile.Privileges.setUpClass.__func__(cls)

    def test_set_user_id_program(self):
        program = self.setuid(self.program)
        argv = [program, "privileged", str(self.server.port), self.bundle]
        env = {"CATRUST_DIR": lab.trustdir(), "CATRUST_DISABLE": "1"}
        plain = self.inside(*argv, env=env)
        if "privileged: 0" in plain.out:
            self.skipTest("no privilege from files here")
        self.assertEqual((0, "privileged: 1\nonce: %s\n" % hostile.UNKNOWN, ""), plain)
        self.enable()
        self.assertEqual((0, "privileged: 1\nonce: trusted\n", ""), self.inside(*argv, env=env))
        self.put("/etc/catrust/catrust.conf", "exclude=%s\n" % program)
        self.assertEqual(plain, self.inside(*argv, env=env))


class OtherPrograms(Machine, hostile.Linking):
    """32-bit programs."""

    @classmethod
    def setUpClass(cls):
        Machine.setUpClass.__func__(cls)

    def test_32_bits(self):
        if not os.path.exists("/lib/ld-linux.so.2"):
            self.skipTest("no /lib/ld-linux.so.2 (libc6-i386)")
        program = self.foreign_program()
        before = self.state()
        self.enable()
        self.assertIn("/$LIB/libcatrust.so", self.get(PRELOAD))
        self.assertEqual((3, "32 bits\n", ""), self.inside(program))
        self.got_page(self.fetch())
        self.assertEqual(0, self.catrust("status").code)
        self.disable()
        self.same(before)
        self.assertEqual((3, "32 bits\n", ""), self.inside(program))
        # As if they came later.
        self.put(PRELOAD, LIBRARY + "\n")
        self.assertIn("the library does not fit some programs here", self.catrust("status").out)


for _name in [n for n in dir(hostile.Linking) if n.startswith("test_")]:
    setattr(OtherPrograms, _name, None)


class Variables(Machine):
    def test_on_and_off(self):
        more = ["", "PATH=/usr/bin\n"] if os.environ.get("CATRUST_NIGHTLY") else []
        for text in [None, "# no end of the line\nLANG=C.UTF-8", *more]:
            with self.subTest(text):
                if text is not None:
                    self.put("/etc/environment", text)
                before = self.state()
                self.enable("--env")
                there = self.state()
                self.assertEqual("enabled already: nothing was changed\n", self.enable("--env"))
                self.assertEqual("enabled already: nothing was changed\n", self.enable())
                self.same(there)
                self.assertEqual(0, self.catrust("status").code)
                shown = self.fine("env", "-i", "sh", "-c", ". /etc/profile.d/catrust.sh; env")
                names = sorted(re.findall(r"(?m)^(\w+)=\S*/var/lib/catrust/", shown))
                self.assertEqual(VARIABLES, names)
                pam = self.get("/etc/environment")
                self.assertTrue(pam.startswith(text or ""))
                self.assertEqual(VARIABLES, sorted(re.findall(r"(?m)^(\w+)=\S*/var/lib/catrust/\S+$", pam)))
                self.disable()
                self.same(before)

    def test_what_the_administrator_has_set_stays(self):
        self.put("/etc/environment", "SSL_CERT_FILE=/etc/mine.pem\nexport GIT_SSL_CAINFO=/etc/mine.pem\n")
        self.enable("--env")
        self.assertEqual([name for name in VARIABLES if name not in ("SSL_CERT_FILE", "GIT_SSL_CAINFO")],
                         sorted(re.findall(r"(?m)^(\w+)=\S*/var/lib/catrust/", self.get("/etc/environment"))))
        self.assertIn("SSL_CERT_FILE=/home/mine\n", self.fine("sh", "-c", ". /etc/profile.d/catrust.sh; env",
                                                                  env={"SSL_CERT_FILE": "/home/mine"}))

    def test_bundles(self):
        self.enable("--env")
        count = lambda name: self.get("%s/%s" % (STATE, name)).count("-----BEGIN CERTIFICATE-----")  # noqa: E731
        public = lab.read("/etc/ssl/certs/ca-certificates.crt").decode().count("-----BEGIN CERTIFICATE-----")
        self.assertEqual((public + 1, 1), (count("bundle.pem"), count("anchors.pem")))
        self.fine("openssl", "pkcs12", "-in", STATE + "/bundle.p12", "-nokeys", "-passin", "pass:changeit", "-out", "/dev/null")
        for name in "bundle.pem", "anchors.pem", "bundle.p12":
            self.assertEqual(0o100644, os.stat(self.root + "%s/%s" % (STATE, name)).st_mode)
        # By hand: it is behind, until refresh.
        shutil.copy(lab.cert("other-root.pem"), self.root + "/etc/catrust/ca.d")
        status = self.catrust("status")
        self.assertEqual(1, status.code)
        self.assertIn("does not hold what is trusted now. To do: catrust refresh", status.out)
        self.assertEqual(0, self.catrust("refresh").code)
        self.assertEqual(0, self.catrust("status").code)
        self.assertEqual((public + 2, 2), (count("bundle.pem"), count("anchors.pem")))
        # By catrust: at once. What is trusted for a scope alone is in no bundle.
        self.assertEqual(0, self.catrust("remove", "other-root.pem").code)
        self.assertEqual((public + 1, 1), (count("bundle.pem"), count("anchors.pem")))
        os.unlink(self.root + "/etc/catrust/ca.d/corp-root.pem")
        self.assertEqual(0, self.catrust("refresh").code)
        self.assertEqual((public, public), (count("bundle.pem"), count("anchors.pem")))
        self.disable()
        self.assertFalse(os.path.exists(self.root + STATE))
        done = self.catrust("refresh")
        self.assertEqual((0, ""), (done.code, done.err))

    def test_refused(self):
        os.unlink(self.root + "/etc/catrust/ca.d/corp-root.pem")
        before = self.state()
        done = self.catrust("enable", "--system", "--env")
        self.assertEqual((1, ""), done[:2])
        self.assertIn("no CA is trusted for every name yet", " ".join(done.err.split()))
        self.same(before)
        shutil.copy(lab.cert("corp-root.pem"), self.root + "/etc/catrust/ca.d")
        self.put("/etc/profile.d/catrust.sh", "# mine\n")
        before = self.state()
        done = self.catrust("enable", "--system", "--env")
        self.assertIn("/etc/profile.d/catrust.sh: it exists already, and catrust did not write it", " ".join(done.err.split()))
        self.same(before)


if __name__ == "__main__":
    lab.main()
