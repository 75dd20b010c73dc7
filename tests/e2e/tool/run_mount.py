# SPDX-License-Identifier: Apache-2.0
"""catrust-run --mount: the bundles in a mount namespace, by root and by a user, and real programs that nothing else
reaches. The machine's own bundle does not change: each test that changes a "host" makes its own."""

import hashlib
import os
import re
import shutil
import signal
import subprocess
import unittest

from e2e.shim import hostile
from lab import lab
from e2e.tool import run_env
from lab import tools
from e2e.tool.run_env import SYSTEM_BUNDLE, der, ders

FOLDER = os.path.dirname(SYSTEM_BUNDLE)
# The folder of the system's certificates, as a host's of its own: a copy, in a mount namespace.
HOST = 'cp -a %s "$0/certs" && mount --bind "$0/certs" %s && exec "$@"' % (FOLDER, FOLDER)
ERLANG = r"""
{ok, _} = application:ensure_all_started(ssl), {ok, _} = application:ensure_all_started(inets),
[Url] = init:get_plain_arguments(),
Options = [{ssl, [{verify, verify_peer}, {cacerts, public_key:cacerts_get()}, {log_level, none}]}],
case httpc:request(get, {Url, []}, Options, [{body_format, binary}]) of
    {ok, {_, _, Body}} -> io:put_chars(Body), halt(0);
    {error, Reason} -> io:format("~p~n", [Reason]), halt(1)
end.
"""


def fingerprint():
    """The state of everything in the machine's folder."""
    files = {name: os.lstat(os.path.join(FOLDER, name)).st_mtime_ns for name in os.listdir(FOLDER)}
    return files, hashlib.sha256(lab.read(SYSTEM_BUNDLE)).hexdigest()


class Base(run_env.Base):
    """Runs as a user; see Root."""

    USER = run_env.NUMBERED

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if not os.path.exists(SYSTEM_BUNDLE):
            raise unittest.SkipTest("no " + SYSTEM_BUNDLE)
        cls.before = fingerprint()

    def as_user(self):
        return {"user": self.USER, "group": self.USER} if os.geteuid() == 0 else {}

    def own(self, path):
        if os.geteuid() == 0:
            os.chown(path, self.USER, self.USER)

    def setUp(self):
        super().setUp()
        self.own(self.home)
        self.own(self.runtime)
        done = self.mount("true")
        if done.code == 125 and re.search(r"can't make a mount namespace here", done.err):
            self.skipTest(done.err)

    def tearDown(self):
        self.assertEqual(self.before, fingerprint())

    def mount(self, *args, option="--mount", env=None, **options):
        return self.run_it(option, *args, env={"SSL_CERT_FILE": None, **(env or {})}, **options)

    def fine(self, *args, **options):
        done = self.mount(*args, **options)
        self.assertEqual((0, ""), (done.code, done.err), done)
        return done.out

    def bundle(self, *args, **options):
        """The certificates that a command sees in the system's bundle."""
        return ders(lab.write(os.path.join(lab.folder(), "bundle.pem"), self.fine(*args, "cat", SYSTEM_BUNDLE, **options)))


class Mount(Base):
    def test_the_bundle(self):
        """Everything that it had, followed by the anchors."""
        self.assertEqual([*ders(SYSTEM_BUNDLE), der("corp-root")], self.bundle())

    def test_anchors_with_a_scope_are_not_in_it(self):
        folder = lab.trustdir("corp-root.pem")
        os.mkdir(folder + "/corp.example")
        shutil.copy(lab.cert("other-root.pem"), folder + "/corp.example")
        self.assertEqual([*ders(SYSTEM_BUNDLE), der("corp-root")], self.bundle(dirs=[folder]))

    def test_the_folder(self):
        """The rest is the same, and the anchor has OpenSSL's hashed name."""
        names = set(self.fine("ls", "-A", FOLDER).split("\n")) - {""}
        added = names - set(os.listdir(FOLDER))
        hashed = lab.openssl("x509", "-in", lab.cert("corp-root.pem"), "-noout", "-hash").decode().strip()
        self.assertEqual(({hashed + ".0"}, set()), (added, set(os.listdir(FOLDER)) - names))
        links = [name for name in os.listdir(FOLDER) if os.path.islink(os.path.join(FOLDER, name))]
        self.assertEqual([os.readlink(os.path.join(FOLDER, name)) for name in links[:20]],
                         self.fine("readlink", *[os.path.join(FOLDER, name) for name in links[:20]]).split())
        done = self.mount("env", "-i", "openssl", "verify", "-CApath", FOLDER, "-untrusted", lab.cert("corp-sub.pem"),
                          lab.cert("server.pem"))
        self.assertEqual(0, done.code, done)

    def test_it_is_read_only(self):
        for command in "touch %s/new" % FOLDER, "echo > %s" % SYSTEM_BUNDLE, "rm %s" % SYSTEM_BUNDLE:
            done = self.mount("sh", "-c", command)
            self.assertNotEqual(0, done.code)
            self.assertIn("Read-only file system", done.err)

    def test_whatever_cleans_the_environment(self):
        wanted = [*ders(SYSTEM_BUNDLE), der("corp-root")]
        for wrap in ["env", "-i"], ["env", "-i", "sh", "-lc", 'exec "$@"', "sh"], ["setsid", "-w", "env", "-u", "LD_PRELOAD"]:
            self.assertEqual(wanted, self.bundle(*wrap))

    def test_nested(self):
        """Each only once; an anchor that was removed in between is gone."""
        run = [*self.shell, os.path.join(run_env.installed(), "catrust-run"), "--mount"]
        self.assertEqual([*ders(SYSTEM_BUNDLE), der("corp-root")], self.bundle(*run))
        folder = lab.trustdir("client-root.pem")
        for path in folder, os.path.join(folder, "client-root.pem"):
            self.own(path)
        inner = ["env", "CATRUST_DIR=" + folder, *run]
        self.assertEqual([*ders(SYSTEM_BUNDLE), der("client-root")], self.bundle(*inner))

    def test_who_the_command_is(self):
        """The same user, the same process, the library, and no additional descriptor or variable."""
        show = ["sh", "-c", 'id -u; id -g; umask; pwd; echo "$0"; ls /proc/self/fd; grep ^Sig[BIC] /proc/self/status; env | sort']
        plain = self.run_it(*show, env={"SSL_CERT_FILE": None})
        self.assertEqual(plain, self.mount(*show))
        self.assertIn("LD_PRELOAD=" + lab.shim(), plain.out)
        process = subprocess.Popen([*self.shell, os.path.join(run_env.installed(), "catrust-run"), "--mount", "sh", "-c",
                                    "echo $$; exec sleep 100"], stdout=subprocess.PIPE, cwd="/",
                                   env=lab.clean_env(CATRUST_LIB=lab.shim(), CATRUST_DIR=self.dirs[0]), **self.who())
        with process:
            self.assertEqual(process.pid, int(process.stdout.readline()))
            process.send_signal(signal.SIGUSR1)
            self.assertEqual(-signal.SIGUSR1, process.wait(lab.TIMEOUT))

    def who(self):
        given = self.as_user()
        return {**given, "extra_groups": []} if given else {}

    def test_status(self):
        for status in 0, 7, 125, 255:
            self.assertEqual((status, "", ""), self.mount("sh", "-c", "exit %d" % status))
        for code, text in (127, "/none/such: not found"), (126, "%s: not executable" % lab.cert("server.pem")):
            done = self.mount(text.split(":")[0])
            self.assertEqual((code, "catrust-run: %s\n" % text), (done.code, done.err))
        # No #! line: a shell runs it, as without --mount.
        script = lab.write(os.path.join(lab.folder(), "script"), 'echo "$0 $1"\n', 0o755)
        self.assertEqual(script + " x\n", self.fine(script, "x"))
        broken = lab.write(os.path.join(lab.folder(), "broken"), "#!/none/such\n", 0o755)
        done = self.mount(broken)
        self.assertEqual((127, "catrust: %s: No such file or directory\n" % broken), (done.code, done.err))

    def test_names_and_arguments(self):
        self.assertEqual("-x  a b\n*\n", self.fine("printf", "%s\n", "-x  a b", "*"))
        odd = self.fine("env", "-0", env={"discovery.type": "single\nnode"}).split("\0")
        self.assertIn("discovery.type=single\nnode", odd)
        self.assertFalse([entry for entry in odd if entry.startswith("CATRUST_PRELOAD")])

    def test_with_variables(self):
        """The variables of --env name the same contents as without --mount."""
        env = run_env.split(self.fine("-e", "env", "-0"))
        self.assertEqual([*ders(SYSTEM_BUNDLE), der("corp-root")], ders(env["SSL_CERT_FILE"]))

    def test_bundles_of_python_packages(self):
        """Only with =all."""
        env = os.path.join(lab.folder("venv"), "an [env]*")
        site = env + "/lib/python3.11/site-packages"
        os.makedirs(site + "/certifi/data")
        os.mkdir(env + "/bin")
        lab.write(site + "/certifi/__init__.py", "WHERE = __file__\n")
        lab.write(site + "/certifi/data/file", "data")
        path = lab.write(site + "/certifi/cacert.pem", lab.read(lab.cert("other-root.pem")))
        os.symlink(lab.PYTHON, env + "/bin/python")
        active = {"VIRTUAL_ENV": env}
        self.assertEqual(lab.read(path).decode(), self.fine("cat", path, env=active))
        seen = lab.write(os.path.join(lab.folder(), "seen.pem"), self.fine("cat", path, option="--mount=all", env=active))
        self.assertEqual([der("other-root"), der("corp-root")], ders(seen))
        out = self.fine("cat", site + "/certifi/__init__.py", site + "/certifi/data/file", option="--mount=all",
                        env=active)
        self.assertEqual("WHERE = __file__\ndata", out)
        # By the command's own path as well.
        code = "print(open(%r).read().count('BEGIN'))" % path
        self.assertEqual("2\n", self.fine(env + "/bin/python", "-c", code, option="--mount=all"))
        self.assertEqual([der("other-root")], ders(path))

    def test_nothing_to_trust(self):
        nothing = lab.trustdir()
        done = self.mount("grep", "-c", "BEGIN", SYSTEM_BUNDLE, dirs=[nothing])
        self.assertEqual((0, "%d\n" % len(ders(SYSTEM_BUNDLE))), (done.code, done.out))
        self.assertIn("catrust: --mount: no CA is trusted for every name, so nothing is mounted\n", done.err)
        off = self.mount("grep", "-c", "BEGIN", SYSTEM_BUNDLE, env={"CATRUST_DISABLE": "1"})
        self.assertEqual((0, done.out, ""), off)

    def test_wrong_usage(self):
        for args, words in (["--mount=some", "true"], "use --mount or --mount=all"), \
                (["--mount", "--print-env"], "--print-env runs none"), (["--mount", "--check", "true"], "--check runs none"), \
                (["--mount"], "name a command to run"):
            done = self.run_it(*args)
            self.assertEqual((125, ""), (done.code, done.out))
            self.assertIn(words, done.err)

    def test_without_the_tool(self):
        alone = shutil.copy(tools.tool("catrust-run"), lab.folder("alone"))
        done = self.mount("true", script=alone)
        self.assertEqual(125, done.code)
        self.assertRegex(done.err, r"\Acatrust-run: --mount needs \S+/catrust, which is not there\n\Z")

    def test_erlang(self):
        """httpc, with the certificates that OTP takes from the system: no library and no variable reaches it."""
        lab.need(programs=["erl"])
        with lab.server() as server:
            argv = ["erl", "-noinput", "-eval", ERLANG, "-extra", "https://localhost:%d/" % server.port]
            plain = self.run_it(*argv, env={"SSL_CERT_FILE": None})
            self.assertEqual(1, plain.code, plain)
            self.assertIn("unknown_ca", plain.out)
            self.assertEqual(lab.PAGE, self.fine(*argv))


class Root(Mount):
    """The same as root, who needs no user namespace."""

    @classmethod
    def setUpClass(cls):
        if os.geteuid() != 0:
            raise unittest.SkipTest("not root")
        super().setUpClass()

    def who(self):
        return {}

    def own(self, path):
        """It already belongs to root."""

    def run_it(self, *args, **options):
        return super().run_it(*args, **{**options, "user": None, "group": None})

    def setUp(self):
        super().setUp()
        self.as_oneself()


class OthersDirectories(Base):
    """Trust directories of root: in a user namespace only the user has a number.

    Only the library can do it: SSL_CERT_FILE takes the system's bundle from the program."""

    @classmethod
    def setUpClass(cls):
        if os.geteuid() != 0:
            raise unittest.SkipTest("not root")
        super().setUpClass()
        cls.server = lab.server()
        cls.server.__enter__()
        cls.addClassCleanup(cls.server.__exit__)

    def get(self, *dirs, before=(), env=None):
        code = "import sys, urllib.request; sys.stdout.write(urllib.request.urlopen(sys.argv[1]).read().decode())"
        return self.mount(*before, lab.PYTHON, "-c", code, self.server.url, dirs=dirs,
                          env={"SSL_CERT_FILE": lab.cert("other-root.pem"), **(env or {})})

    def got_page(self, *dirs, **options):
        self.assertEqual((0, lab.PAGE, ""), self.get(*dirs, **options))

    def refused(self, *dirs):
        done = self.get(*dirs)
        self.assertEqual((1, ""), (done.code, done.out), done)
        self.assertIn("CERTIFICATE_VERIFY_FAILED", done.err)
        return done.err

    def scoped(self, *scopes):
        """A CA for every name, so that there is something to mount, and the server's CA with scopes."""
        folder = lab.trustdir("client-root.pem")
        for scope in scopes:
            os.mkdir(os.path.join(folder, scope))
            shutil.copy(lab.cert("corp-root.pem"), os.path.join(folder, scope))
        return folder

    def test_a_directory_of_roots(self):
        folder = self.dirs[0]
        self.got_page(folder)
        self.got_page(folder + "/")
        done = self.mount("sh", "-c", "ls -A %s; echo >%s/corp-root.pem" % (folder, folder))
        self.assertEqual("corp-root.pem\n", done.out)
        self.assertIn("Read-only file system", done.err)

    def test_by_a_link(self):
        link = os.path.join(lab.folder("links"), "ca.d")
        os.symlink(self.dirs[0], link)
        # Inside, the link's owner is not known, and a mount can't cover a link.
        done = self.get(link)
        self.assertEqual((125, ""), (done.code, done.out), done)
        self.assertRegex(done.err, r"^catrust: --mount: in a user namespace, other certificates of .* would be trusted .*\n$")
        os.lchown(link, self.USER, self.USER)
        self.got_page(link)

    def test_nested(self):
        run = [*self.shell, os.path.join(run_env.installed(), "catrust-run"), "--mount"]
        self.got_page(self.dirs[0], before=run)

    def test_a_default_directory(self):
        folder = lab.folder("config")
        os.makedirs(folder + "/catrust/ca.d")
        shutil.copy(lab.cert("corp-root.pem"), folder + "/catrust/ca.d")
        self.got_page(env={"CATRUST_DIR": None, "XDG_CONFIG_HOME": folder})

    def test_scopes_of_roots(self):
        self.got_page(self.scoped("localhost", "127.0.0.1", "::1"))  # the names of the server
        self.assertIn("permitted subtree violation", self.refused(self.scoped("localhost")))

    def test_a_file_of_roots(self):
        self.got_page(os.path.join(self.dirs[0], "corp-root.pem"))

    def test_a_file_of_roots_in_the_users_directory(self):
        os.chown(self.dirs[0], self.USER, self.USER)
        self.got_page(self.dirs[0])

    def test_no_more_is_trusted(self):
        """A stranger's file is not trusted because it is in a copied directory."""
        folder = lab.trustdir("client-root.pem", "corp-root.pem")
        os.chown(os.path.join(folder, "corp-root.pem"), self.USER + 1, self.USER + 1)
        self.assertIn("corp-root.pem: skipped, because it belongs neither to root nor to the user", self.refused(folder))

    def test_a_strangers_file_beside_one_of_roots(self):
        folder = lab.trustdir("client-root.pem", "corp-root.pem")
        mine, theirs = (os.path.join(folder, name) for name in ("client-root.pem", "corp-root.pem"))
        os.chown(theirs, self.USER + 1, self.USER + 1)
        self.refused(mine, theirs)
        self.refused(theirs, mine)

    def test_nobody(self):
        """There, its files look like those of all other users, so the command is not run."""
        for path in self.home, self.runtime:
            shutil.chown(path, "nobody", "nogroup")
        done = self.mount("true", user="nobody", group="nogroup")
        self.assertEqual(125, done.code, done)
        self.assertIn("would be trusted than now", done.err)

    def test_the_users_own_is_not_covered(self):
        """It is still read directly: additions count."""
        folder = lab.trustdir("client-root.pem")
        for path in folder, os.path.join(folder, "client-root.pem"):
            os.chown(path, self.USER, self.USER)
        self.assertEqual(0, self.mount("touch", folder + "/new", dirs=[folder]).code)
        self.assertTrue(os.path.exists(folder + "/new"))


class Host(Base):
    """What the host does during a command, and what a command does."""

    def setUp(self):
        super().setUp()
        lab.need(programs=["unshare", "update-ca-certificates"])
        self.host = ["unshare", "-m", "--", "sh", "-ec", HOST, lab.folder("host")]
        if lab.run([*self.host, "true"]).code != 0:
            self.skipTest("no mount namespace for a host")
        self.become = ["setpriv", "--reuid", str(self.USER), "--regid", str(self.USER), "--clear-groups", "--"]

    def script(self, inside, host):
        """Runs inside in the command, and host on the host after the command has started; returns the output of
        both."""
        run = os.path.join(run_env.installed(), "catrust-run")
        ready, go = (os.path.join(self.home, name) for name in ("ready", "go"))
        for path in ready, go:
            os.mkfifo(path)
            self.own(path)
        script = '"$@" & read -r _ <"$READY"; %s; echo >"$GO"; wait $!' % host
        command = 'echo >"$READY"; read -r _ <"$GO"; ' + inside
        return lab.run([*self.host, "sh", "-c", script, "sh", *self.become, run, "--mount", "sh", "-c", command],
                       dirs=self.dirs, env={"CATRUST_LIB": lab.shim(), "READY": ready, "GO": go})

    RENEW = "update-ca-certificates --fresh --etccertsdir %s --hooksdir /none" % FOLDER
    COUNT = "grep -c BEGIN %s" % SYSTEM_BUNDLE

    def test_update_on_the_host(self):
        """It renames a new bundle over the old one: the command keeps its own, and the host gets the new one."""
        drop = "head -n 200 {0} >{0}.new; mv {0}.new {0}".format(SYSTEM_BUNDLE)
        for renew in self.RENEW + " >/dev/null 2>&1", drop:
            with self.subTest(renew):
                done = self.script("openssl storeutl -noout -certs %s | tail -n1; %s" % (SYSTEM_BUNDLE, self.COUNT),
                                   "%s; %s >&2" % (renew, self.COUNT))
                total = len(ders(SYSTEM_BUNDLE)) + 1
                self.assertEqual((0, "Total found: %d\n%d\n" % (total, total)), (done.code, done.out), done)
                self.assertLess(0, int(done.err))
                self.assertLess(int(done.err), total)
                for name in "ready", "go":
                    os.unlink(os.path.join(self.home, name))
                shutil.rmtree(self.host[-1] + "/certs")

    def test_update_inside(self):
        """It fails, says so, and changes nothing, inside or outside."""
        self.become = []
        done = self.script("%s >&2; echo $?; %s" % (self.RENEW, self.COUNT), "true")
        self.assertRegex(done.out, r"^[1-9]\d*\n%d\n$" % (len(ders(SYSTEM_BUNDLE)) + 1))
        self.assertIn("Read-only file system", done.err)
        self.assertEqual(lab.read(SYSTEM_BUNDLE), lab.read(self.host[-1] + "/certs/ca-certificates.crt"))


class Refused(Base):
    """Obstacles: one line names the obstacle, the status is 125, and the command does not run."""

    def check(self, wrap, words):
        run = os.path.join(run_env.installed(), "catrust-run")
        done = lab.run([*wrap, run, "--mount", "echo", "runs"], dirs=self.dirs, env={"CATRUST_LIB": lab.shim()})
        self.assertEqual((125, ""), (done.code, done.out), done)
        self.assertRegex(done.err, r"\Acatrust: --mount: [^\n]*%s[^\n]*; catrust-run --env sets variables instead\n\Z" % words)

    # Root without the right to mount.
    without = ["setpriv", "--bounding-set=-sys_admin", "--inh-caps=-sys_admin", "--"]

    def test_seccomp(self):
        program = hostile.build("hostile", "hostile.c", *hostile.TLS)
        for call in "unshare", "mount":
            confine = [program, "confine", "errno", call]
            if lab.run([*confine, "true"]).code == 77:
                self.skipTest("no seccomp filters here")
            self.check(confine, "seccomp filter")

    def test_user_namespaces_are_off(self):
        lab.need(programs=["unshare", "setpriv"])
        off = ["unshare", "-Ur", "sh", "-c", 'echo 0 >/proc/sys/user/max_user_namespaces && exec "$@"', "sh"]
        if lab.run([*off, "true"]).code != 0:
            self.skipTest("no user namespace to switch them off in")
        self.check([*off, *self.without], "max_user_namespaces is 0")

    def test_chroot(self):
        """Its root is not a mount point, so mounts there would be visible outside."""
        if os.geteuid() != 0:
            self.skipTest("not root")
        lab.need(programs=["unshare", "chroot"])
        # All of this machine below another folder, which is in no mount of its own.
        root = lab.folder("root")
        script = 'mount -t tmpfs none "$0" && mkdir "$0/r" && for d in /*; do ' \
                 'if [ -L "$d" ]; then cp -a "$d" "$0/r"; elif [ -d "$d" ]; then mkdir "$0/r$d" && ' \
                 'mount --rbind "$d" "$0/r$d"; fi; done && exec chroot "$0/r" "$@"'
        wrap = ["unshare", "-m", "sh", "-ec", script, root]
        if lab.run([*wrap, "true"]).code != 0:
            self.skipTest("no chroot can be made here")
        self.check(wrap, "this is a chroot, and its root is no mount point")

    def test_no_bundle(self):
        """There is no bundle to mount over."""
        if os.geteuid() != 0:
            self.skipTest("not root")
        lab.need(programs=["unshare"])
        wrap = ["unshare", "-m", "sh", "-ec", 'mount -t tmpfs none %s && exec "$@"' % FOLDER, "sh"]
        if lab.run([*wrap, "true"]).code != 0:
            self.skipTest("no mount namespace")
        self.check(wrap, "there is no bundle of CAs on this system")


if __name__ == "__main__":
    lab.main()
