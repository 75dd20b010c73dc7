# SPDX-License-Identifier: Apache-2.0
"""catrust ps: which running processes have the library, what they read, and who has TLS without it."""

import calendar
import contextlib
import json
import os
import shutil
import subprocess
import threading
import time
import unittest

from lab import lab, tools

NOBODY = 65534

# Connects if there is a port, says so, and stays until its standard input is closed.
PROGRAM = """
import os, socket, ssl, sys
context = ssl.create_default_context()
for word in sys.argv[1:]:
    name, _, value = word.partition("=")
    if name == "port":
        with socket.create_connection(("127.0.0.1", int(value)), 30) as s:
            context.wrap_socket(s, server_hostname="127.0.0.1").close()
    elif name == "chroot":
        os.chroot(value)
        os.chdir("/")
    elif name == "user":
        os.setresgid(int(value), int(value), int(value))
        os.setresuid(int(value), int(value), int(value))
print("ready", flush=True)
sys.stdin.read()
"""

# Maps a file twice, with a terabyte between.
FAR_APART = """
import ctypes, os, sys
libc = ctypes.CDLL(None)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
fd = os.open(os.environ["LD_PRELOAD"], os.O_RDONLY)
for where in 0x10000000000, 0x20000000000:
    if libc.mmap(where, 4096, 5, 0x12, fd, 0) != where:  # PROT_READ | PROT_EXEC; MAP_PRIVATE | MAP_FIXED
        sys.exit("no such mapping")
print("ready", flush=True)
sys.stdin.read()
"""


@contextlib.contextmanager
def process(*argv, shim=True, dirs=None, env=None, prefix=(), program=PROGRAM, **options):
    """The number of a process of program, as soon as it is ready."""
    full = lab.shim_env(dirs) if shim else lab.clean_env()
    full.update(env or {})
    full = {name: value for name, value in full.items() if value is not None}
    child = subprocess.Popen([*prefix, lab.PYTHON, "-c", program, *argv], env=full, cwd=lab.scratch(),
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE, **options)
    try:
        if child.stdout.readline() != b"ready\n":
            raise AssertionError("it does not run: %s" % (argv,))
        yield child.pid
    finally:
        child.kill()
        child.communicate()


class Case(lab.Case):
    def ps(self, user=None):
        """The report: process numbers with their data; and the rest."""
        result = tools.catrust("ps", "--json", user=user)
        self.assertEqual((result.code, result.err), (0, ""), result)
        report = json.loads(result.out)
        self.assertEqual(report["version"], 1)
        return {p["pid"]: p for p in report["processes"]}, report

    def of(self, pid, user=None):
        found, _ = self.ps(user)
        self.assertIn(pid, found)
        return found[pid]

    def text(self, pid):
        """The lines about a process, and the last lines."""
        result = tools.catrust("ps")
        self.assertEqual((result.code, result.err), (0, ""), result)
        lines, take, part = [], False, ""
        for line in result.out.splitlines():
            part = line if not line.startswith(" ") else part
            if line.startswith("  process "):
                take = line.startswith("  process %d " % pid)
            elif not line.startswith(" "):
                take = False
            if take:
                lines += [part] * (not lines) + [line.strip()]
        return lines, result.out.splitlines()[-2:]

    def openssl(self, p):
        stacks = [s for s in p["stacks"] if s["kind"] == "OpenSSL"]
        self.assertEqual(len(stacks), 1, p)
        return stacks[0]


class Library(Case):
    def test_reached(self):
        there = lab.trustdir("corp-root.pem", junk_pem=b"junk")
        os.mkdir(os.path.join(there, "corp.example"))
        lab.write(os.path.join(there, "corp.example", "other.pem"), lab.read(lab.cert("other-root.pem")))
        missing = os.path.join(lab.folder(), "none")
        with lab.server() as srv, process("port=%d" % srv.port, dirs=[there, missing]) as pid:
            p = self.of(pid)
            lines, _ = self.text(pid)
        self.assertEqual((p["library"], p["user"], p["own_root"], p["reason"], p["why"]),
                         ({"file": lab.shim(), "version": tools.catrust("--version").out.split()[-1],
                           "replaced": False, "disabled": False}, os.getuid(), False, None, None))
        self.assertEqual(p["reads"], [{"path": there, "exists": True}, {"path": missing, "exists": False}])
        self.assertEqual((p["anchors"], p["skipped"]), (2, 2), p)
        self.assertLess(abs(time.time() - calendar.timegm(time.strptime(p["since"], "%Y-%m-%dT%H:%M:%SZ"))), 60)
        self.assertIn("-c", p["command"])
        self.assertEqual((self.openssl(p)["reached"], self.openssl(p)["layer"]), (True, "hooks"))
        self.assertEqual(lines[0], "with the library:")
        self.assertRegex(lines[1], r"process %d of user %d, since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d: " % (pid, os.getuid()))
        for word in (p["library"]["version"] + ", " + lab.shim(), there, "%s (it is not there)" % missing,
                     "certificates: 2, skipped: 2", "reached: it verified through the hooks"):
            self.assertTrue(any(word in line for line in lines), (word, lines))

    def test_not_used_yet(self):
        with process(dirs=[lab.trustdir("corp-root.pem")]) as pid:
            p = self.of(pid)
            lines, _ = self.text(pid)
        self.assertEqual((self.openssl(p)["reached"], self.openssl(p)["layer"]), (None, "hooks"))
        self.assertIn("in reach of the hooks; it has verified nothing yet", lines)

    def test_the_defaults(self):
        home = lab.folder("home")
        os.makedirs(home + "/.config/catrust/ca.d")
        shutil.copy(lab.cert("corp-root.pem"), home + "/.config/catrust/ca.d")
        with process(env={"HOME": home}) as pid:
            p = self.of(pid)
        self.assertEqual([s["path"] for s in p["reads"]], ["/etc/catrust/ca.d", home + "/.config/catrust/ca.d"])
        self.assertGreaterEqual(p["anchors"], 1)

    def test_disabled(self):
        with process(dirs=[lab.trustdir("corp-root.pem")], env={"CATRUST_DISABLE": "1"}) as pid:
            p = self.of(pid)
            lines, _ = self.text(pid)
        self.assertTrue(p["library"]["disabled"])
        self.assertEqual((self.openssl(p)["reached"], self.openssl(p)["reason"]), (False, "disabled"))
        self.assertIn("it does nothing: CATRUST_DISABLE is set", lines)

    def test_a_library_that_was_replaced(self):
        """It was updated or removed: the process keeps the old one."""
        for how in "replaced", "removed":
            with self.subTest(how):
                where = os.path.join(lab.folder("lib"), "libcatrust.so")
                shutil.copy(lab.shim(), where)
                with lab.server() as srv, process("port=%d" % srv.port, dirs=[lab.trustdir("corp-root.pem")],
                                                  env={"LD_PRELOAD": where}) as pid:
                    self.assertFalse(self.of(pid)["library"]["replaced"])
                    if how == "replaced":
                        os.rename(shutil.copy(lab.shim(), where + ".new"), where)
                    else:
                        os.unlink(where)
                    p = self.of(pid)
                    lines, _ = self.text(pid)
                self.assertEqual((p["library"]["file"], p["library"]["replaced"]), (where, True))
                self.assertEqual(p["library"]["version"], tools.catrust("--version").out.split()[-1])
                self.assertTrue(self.openssl(p)["reached"], p)
                self.assertTrue(any("restart the process" in line for line in lines), lines)

    def test_a_directory_that_hangs(self):
        there = lab.trustdir("corp-root.pem")
        os.mkfifo(os.path.join(there, "fifo.pem"))
        with process(dirs=[there]) as pid:
            self.assertEqual(self.of(pid)["anchors"], 1)

    def test_mappings_far_apart(self):
        with process(dirs=[lab.trustdir("corp-root.pem")], program=FAR_APART) as pid:
            start = time.monotonic()
            p = self.of(pid)
        self.assertLess(time.monotonic() - start, 30)
        self.assertIsNotNone(p["library"]["version"])


class Without(Case):
    def test_python_and_others(self):
        with process(shim=False) as pid, subprocess.Popen(["sleep", "100"], env=lab.clean_env()) as other:
            try:
                found, report = self.ps()
                lines, _ = self.text(pid)
            finally:
                other.kill()
        p = found[pid]
        self.assertNotIn(other.pid, found)
        self.assertGreater(report["looked_at"], 2)
        self.assertEqual((p["library"], p["reason"]), (None, "not-preloaded"))
        self.assertEqual((self.openssl(p)["reached"], self.openssl(p)["advice"]), (False, "start it with catrust-run"))
        self.assertEqual(lines[0], "with TLS, and without the library:")

    def test_a_variable(self):
        """The layer is the environment only if the variable's file has the CAs."""
        there = lab.trustdir("corp-root.pem")
        for name, layer in ("corp-root.pem", "environment"), ("other-root.pem", None):
            with self.subTest(name), process(shim=False, dirs=None, env={"SSL_CERT_FILE": lab.cert(name),
                                                                         "CATRUST_DIR": there}) as pid:
                stack = self.openssl(self.of(pid))
                self.assertEqual(stack["layer"], layer, stack)

    def test_many_that_come_and_go(self):
        stop = threading.Event()

        def spawn():
            while not stop.is_set():
                subprocess.call(["true"], env=lab.clean_env())

        threads = [threading.Thread(target=spawn) for _ in range(4)]
        for thread in threads:
            thread.start()
        try:
            with process(dirs=[lab.trustdir("corp-root.pem")]) as pid:
                for _ in range(5):
                    self.assertIn(pid, self.ps()[0])
        finally:
            stop.set()
            for thread in threads:
                thread.join()


@unittest.skipUnless(os.geteuid() == 0, "not root")
class Users(Case):
    def test_who_may_not_look(self):
        with process(dirs=[lab.trustdir("corp-root.pem")]) as pid:
            found, report = self.ps(user=NOBODY)
            text = tools.catrust("ps", user=NOBODY).out
        self.assertNotIn(pid, found)
        self.assertGreaterEqual(report["closed"], 1)
        self.assertFalse(report["complete"])
        self.assertRegex(text, r"(?m)^could not look into: \d+ more, of other users or privileged \(sudo shows them\)$")

    def test_own_processes(self):
        with process(dirs=[lab.trustdir("corp-root.pem")], user=NOBODY, group=NOBODY, extra_groups=[]) as pid:
            p = self.of(pid, NOBODY)
        self.assertEqual((p["user"], p["anchors"]), (NOBODY, 1))
        self.assertIsNotNone(p["library"]["version"])

    def test_whose_directory_it_is(self):
        """A user's directory counts only for that user's processes."""
        there = lab.trustdir("corp-root.pem")
        for path in there, os.path.join(there, "corp-root.pem"):
            os.chown(path, NOBODY, NOBODY)
        with process(dirs=[there], user=NOBODY) as theirs, process(dirs=[there]) as ours, \
                process("user=%d" % NOBODY, dirs=[there]) as became:
            found, _ = self.ps()
        self.assertEqual((found[theirs]["anchors"], found[theirs]["skipped"]), (1, 0))
        self.assertEqual(found[ours]["anchors"], 0)
        self.assertGreaterEqual(found[ours]["skipped"], 1)
        self.assertEqual(found[became]["anchors"], 0)

    def test_what_it_may_not_read(self):
        there = lab.trustdir("corp-root.pem")
        os.chmod(os.path.join(there, "corp-root.pem"), 0o600)
        with process(dirs=[there], user=NOBODY) as theirs, process(dirs=[there]) as ours:
            found, _ = self.ps()
        self.assertEqual((found[theirs]["anchors"], found[ours]["anchors"]), (0, 1))

    def test_another_root(self):
        """As in a container: its own directory counts, and links there lead to its own files."""
        jail = lab.folder("jail")
        os.makedirs(jail + "/etc/catrust/ca.d")
        os.mkdir(jail + "/certs")
        shutil.copy(lab.cert("corp-root.pem"), jail + "/certs/corp.pem")
        os.symlink("/certs/corp.pem", jail + "/etc/catrust/ca.d/corp.pem")
        with process("chroot=" + jail, env={"HOME": "/"}) as pid:
            p = self.of(pid)
            lines, _ = self.text(pid)
        self.assertTrue(p["own_root"])
        self.assertEqual(p["reads"][0], {"path": "/etc/catrust/ca.d", "exists": True})
        self.assertEqual((p["anchors"], p["skipped"]), (1, 0))
        self.assertIn("in a root directory of its own", lines)

    def test_a_root_that_may_not_be_entered(self):
        jail = lab.folder("jail")
        os.makedirs(jail + "/etc/catrust/ca.d")
        lab.need(programs=["chroot"])
        for path in "usr", "lib", "lib64", "proc", "tmp":
            os.mkdir(os.path.join(jail, path))
        mounts = "; ".join("mount --bind /%s %s/%s" % (path, jail, path) for path in ("usr", "lib", "lib64", "tmp"))
        script = "set -e; %s; exec chroot --userspec=%d:%d --groups= %s \"$@\"" % (mounts, NOBODY, NOBODY, jail)
        with process(env={"HOME": "/"}, prefix=[*tools.namespace(), "sh", "-c", script, "sh"]) as pid:
            theirs, ours = self.of(pid, NOBODY), self.of(pid)
            text = tools.catrust("ps", user=NOBODY).out
        self.assertEqual([theirs["own_root"], theirs["anchors"], theirs["skipped"], theirs["reads"][0]["exists"]],
                         [True, None, None, None])
        self.assertEqual([ours["own_root"], ours["anchors"]], [True, 0])
        self.assertIn("run catrust ps as root", text)

    def test_another_mount_namespace(self):
        there = lab.folder("mounted")
        script = "mount -t tmpfs none %s && cp %s %s && exec \"$@\"" % (there, lab.cert("corp-root.pem"), there)
        with process(dirs=[there], prefix=[*tools.namespace(), "sh", "-c", script, "sh"]) as pid:
            p = self.of(pid)
        self.assertEqual((p["own_root"], p["anchors"]), (True, 1), p)
        self.assertEqual(os.listdir(there), [])

    def test_a_user_namespace(self):
        """Its root is an ordinary user outside, whose own files count."""
        there = lab.trustdir("corp-root.pem")
        for path in there, os.path.join(there, "corp-root.pem"):
            os.chown(path, NOBODY, NOBODY)
        if lab.run(["unshare", "-r", "true"], user=NOBODY).code != 0:
            self.skipTest("no user namespace to be had")
        with process(dirs=[there], prefix=["unshare", "-r"], user=NOBODY) as pid:
            p = self.of(pid)
        self.assertEqual((p["user"], p["anchors"], p["skipped"]), (NOBODY, 1, 0), p)


class CommandLine(Case):
    def test_usage(self):
        for args in ["1"], ["--dir", "/"], ["--no-such"]:
            self.assertEqual(tools.catrust("ps", *args).code, 2)
        self.assertIn("--json", tools.catrust("ps", "--help").out)


if __name__ == "__main__":
    lab.main()
