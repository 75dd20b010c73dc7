# SPDX-License-Identifier: Apache-2.0
"""The Python package: inject(), status(), python -m catrust, and enabled environments; with every Python of this
machine."""

import functools
import glob
import os
import re
import shutil

import pack_lab as packs
import python_lab
from pack_lab import lab

GET = "print(urllib.request.urlopen(sys.argv[1], timeout=30).read().decode())\n"
INJECT = "import sys, catrust\ncatrust.inject()\nimport urllib.request\n" + GET
PLAIN = "import sys, urllib.request\n" + GET
CHILD = ("import sys, catrust, subprocess\ncatrust.inject(children=%s)\nsys.exit(subprocess.run([sys.executable, "
         "*sys.argv[2:], sys.argv[1]]).returncode)\n")


def with_every_python(test):
    """Runs the test with an environment of each Python."""
    @functools.wraps(test)
    def all_of_them(self):
        for python in python_lab.pythons():
            with self.subTest(python):
                env = python_lab.Environment(python)
                test(self, env)
                env.remove()
    return all_of_them


class EveryPython(python_lab.Case):
    """What depends on the version of Python, with every Python of this machine."""

    @with_every_python
    def test_inject(self, env):
        get = lambda code, *args: env.run("-c", code, self.server.url, *args, dirs=self.dirs)  # noqa: E731
        self.refused(get(PLAIN))
        self.got_page(get(INJECT))
        # hashlib loads libcrypto, which does not make it too late.
        self.got_page(get("import hashlib; hashlib.sha256(b'').digest()\n" + INJECT))
        self.got_page(get("import catrust; catrust.inject()\n" + INJECT))
        self.got_page(get(CHILD % True, "-c", PLAIN.replace("argv[1]", "argv[-1]")))
        self.refused(get(CHILD % False, "-c", PLAIN.replace("argv[1]", "argv[-1]")))
        late = get("import ssl\ntry:\n import catrust; catrust.inject()\n"
                   "except catrust.TooLate as e: print(e)\n" + PLAIN)
        self.refused(late)
        self.assertRegex(late.out, r"^/\S*libssl\S* is in use already \(ssl was imported\): .*catrust-run")

    @with_every_python
    def test_run(self, env):
        for argv in [self.program], ["-c", PLAIN], ["-m", "program"]:
            where = os.path.dirname(self.program)
            self.refused(env.run(*argv, self.server.url, dirs=self.dirs, cwd=where))
            self.got_page(env.run("-m", "catrust", *argv, self.server.url, dirs=self.dirs, cwd=where))

    @with_every_python
    def test_enable(self, env):
        before = files_below(env.folder)
        get = lambda *options: env.run(*options, "-c", PLAIN, self.server.url, dirs=self.dirs)  # noqa: E731
        self.refused(get())
        self.assertEqual(1, env.run("-m", "catrust", "status").code)
        self.assertIn("enabled", self.fine(env.run("-m", "catrust", "enable")).out)
        self.assertEqual(sorted(before + [env.pth]), files_below(env.folder))
        stamp = os.stat(env.pth)
        self.fine(env.run("-m", "catrust", "enable"))
        self.assertEqual(stamp, os.stat(env.pth))
        self.got_page(get())
        self.got_page(get("-E"))
        self.got_page(get("-I"))
        self.refused(get("-S"))
        self.assertEqual("", self.fine(env.run("-c", "import os; print(os.environ.get('LD_PRELOAD', ''), end='')")).out)
        status = self.fine(env.run("-m", "catrust", "status", dirs=self.dirs))
        for words in "enabled by " + env.pth, "reached, as every", "Example Corp Root CA":
            self.assertIn(words, status.out)
        self.fine(env.run("-m", "catrust", "disable"))
        self.assertEqual(before, files_below(env.folder))
        self.refused(get())

    @with_every_python
    def test_a_broken_library_never_keeps_python_from_starting(self, env):
        """For each broken library, the status of an enabled environment is 1, and says why."""
        self.fine(env.run("-m", "catrust", "enable"))
        whole = lab.read(env.library)
        for data in b"", b"no library\n", whole[:1000], whole[:len(whole) // 2], whole[:-1], whole[:4] + b"\1" + whole[5:]:
            lab.write(env.library, data)
            done = self.fine(env.run("-c", "print('runs')"))
            self.assertEqual("runs\n", done.out)
            self.lines(done.err, [r"libcatrust\.so: .*Python goes on without it; install catrust again"])
            self.assertEqual(1, env.run("-m", "catrust", "status").code)
        os.unlink(env.library)
        self.assertEqual(("runs\n", ""), env.run("-c", "print('runs')")[1:])
        self.assertIn("install catrust again", env.run("-m", "catrust", "status").out)
        # The package is uninstalled, and only the file that enable has written is left.
        for path in glob.glob(env.site + "/*catrust*"):
            if path != env.pth:
                shutil.rmtree(path) if os.path.isdir(path) else os.unlink(path)
        self.assertEqual(("runs\n", ""), env.run("-c", "print('runs')")[1:])

    @with_every_python
    def test_multiprocessing(self, env):
        code = """
import multiprocessing, sys, urllib.request
def one(url):
    return urllib.request.urlopen(url, timeout=30).read().decode()
if __name__ == "__main__":
    for method in "spawn", "forkserver", "fork":
        with multiprocessing.get_context(method).Pool(2) as pool:
            print(method, pool.map(one, [sys.argv[1]] * 4))
"""
        program = lab.write(os.path.join(lab.folder("program"), "pool.py"), code)
        inject = lab.write(os.path.join(lab.folder("program"), "pool.py"), "import catrust; catrust.inject()\n" + code)
        self.refused(env.run(program, self.server.url, dirs=self.dirs))
        done = env.run(inject, self.server.url, dirs=self.dirs)
        self.got_page(done)
        self.assertEqual(12, done.out.count(lab.PAGE.strip()), done)
        self.fine(env.run("-m", "catrust", "enable"))
        self.assertEqual(12, env.run(program, self.server.url, dirs=self.dirs).out.count(lab.PAGE.strip()))


class Package(python_lab.Case):
    """What does not depend on the version of Python, with one Python."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env = python_lab.Environment()

    def run_code(self, code, *args, **options):
        return self.env.run("-c", code, *args, **{"dirs": self.dirs, **options})

    def error(self, code, kind, text, **options):
        done = self.run_code("import sys, catrust\n%s\ntry: catrust.inject()\nexcept catrust.%s as e: print(e)\n"
                             "else: print('no exception')" % (code, kind), **options)
        self.fine(done)
        self.assertRegex(done.out, text)

    def test_exceptions_say_what_works(self):
        works = "python -m catrust` or catrust-run"
        self.error("sys.platform = 'darwin'", "NotPossible", "Linux only")
        self.error("import ctypes; ctypes.CDLL('libssl.so.3')", "TooLate", r"has loaded it\).*" + works)
        nowhere = os.path.join(lab.folder(), "libcatrust.so")
        self.error("", "LibraryError", nowhere + " is not there; install", env={"CATRUST_LIB": nowhere})
        lab.write(nowhere, "no library")
        self.error("", "LibraryError", "the file is damaged; install", env={"CATRUST_LIB": nowhere})

    def test_openssl_inside_python(self):
        """OpenSSL is linked into this Python, as in uv's. inject() says so, and -m reaches the files that it reads."""
        path = {"PYTHONPATH": lab.more("static-python")}
        self.error("", "NotPossible", "has OpenSSL built in.*start the program with `python -m catrust`", env=path)
        done = self.env.run("-m", "catrust", "enable", env=path)
        self.assertEqual(125, done.code, done)
        self.assertRegex(done.err, r"^catrust: nothing was changed: .*has OpenSSL built in")
        self.assertFalse(os.path.exists(self.env.pth))
        status = self.env.run("-m", "catrust", "-c", "import ssl, catrust; print(catrust.status())", env=path)
        self.assertRegex(status.out, "TLS +OpenSSL .*_ssl.*: reached, by the public bundles")
        status = self.run_code("import ssl, catrust; print(catrust.status())", env=path)
        self.assertRegex(status.out, "TLS +OpenSSL .*_ssl.*: not reached, it is linked in")

    def test_disabled(self):
        off = {"CATRUST_DISABLE": "1"}
        self.refused(self.run_code(INJECT, self.server.url, env=off))
        self.refused(self.env.run("-m", "catrust", self.program, self.server.url, dirs=self.dirs, env=off))
        self.assertEqual("True None\n", self.run_code("import catrust; catrust.inject(); s = catrust.status(); "
                                                      "print(s.disabled, s.library)", env=off).out)

    def test_one_library_in_a_process(self):
        """inject() does not load a second library under catrust-run or in an enabled environment."""
        count = "import catrust; catrust.inject(); import ssl, os; print(len({line.split()[-1] for line in " \
                "open('/proc/self/maps') if 'libcatrust' in line}), os.environ.get('LD_PRELOAD', '').count('libcatrust'))"
        self.assertEqual("1 1\n", self.run_code(count).out)
        self.assertEqual("1 1\n", self.run_code(count, env={"LD_PRELOAD": lab.shim()}).out)
        env = python_lab.Environment()
        self.fine(env.run("-m", "catrust", "enable"))
        self.assertEqual("1 1\n", env.run("-c", count).out)
        self.assertEqual("1 1\n", env.run("-c", count, env={"LD_PRELOAD": lab.shim()}).out)

    def test_status(self):
        code = "import catrust\n%s\nimport ssl\ns = catrust.status()\nprint(s.library, s.children, s.tls[0].reached, " \
               "[(a.subject, a.scopes) for a in s.anchors], s.problems)\nprint(s)"
        without, there = self.run_code(code % ""), self.run_code(code % "catrust.inject()")
        self.assertRegex(without.out, r"^None False False \[\('[^']*Example Corp Root CA[^']*', None\)\] \[\]\n")
        self.assertIn("not in this process: start the program with `python -m catrust`", without.out)
        self.assertRegex(there.out, "^%s True True " % re.escape(self.env.library))
        bad = [lab.trustdir(bad_pem=b"no certificate\n")]
        self.assertRegex(self.run_code(code % "catrust.inject()", dirs=bad).out, r"\[\] \['.*bad\.pem.*'\]")

    def test_the_same_as_catrust_run(self):
        """A program sees the same sys.argv, flags and the like as if Python had run it directly."""
        show = "import sys, os; print(sys.argv, sys.warnoptions, sys._xoptions, sys.flags, sys.path, __name__); sys.exit(7)"
        program = lab.write(os.path.join(lab.folder("program"), "show.py"), show)
        for argv in [program, "-x", "a b", ""], ["-c", show, "--", "*"], ["-m", "show", "-m"]:
            where = os.path.dirname(program)
            flags = ["-W", "error", "-X", "dev", "-O"]
            plain = self.env.run(*flags, *argv, cwd=where)
            self.assertEqual(7, plain.code, plain)
            self.assertEqual(plain, self.env.run(*flags, "-m", "catrust", *argv, cwd=where))
        stdin = self.env.run("-m", "catrust", "-", stdin=b"print(6 * 7)")
        self.assertEqual("42\n", stdin.out)

    def test_wrong_usage(self):
        for argv, words in ([], "usage:"), (["--nothing"], "there is no option --nothing"), (["-m"], "-m needs"), \
                (["enable", "--sytem"], "has no option --sytem"), (["disable", "x"], "has no option x"):
            done = self.env.run("-m", "catrust", *argv)
            self.assertEqual((125, ""), (done.code, done.out), done)
            self.assertIn(words, done.err)
        self.assertIn("usage:", self.fine(self.env.run("-m", "catrust", "--help")).out)

    def test_without_the_library(self):
        env = python_lab.Environment()
        os.unlink(env.library)
        done = env.run("-m", "catrust", "-c", "print('runs')")
        self.assertEqual((125, ""), (done.code, done.out))
        self.assertIn("the program would run without it, and does not", done.err)

    def test_a_path_that_ld_so_does_not_take(self):
        env = python_lab.Environment(name="an environment")
        home = lab.folder("home")
        own = {"HOME": home}
        self.got_page(env.run("-m", "catrust", "-c", PLAIN, self.server.url, dirs=self.dirs, env=own))
        self.got_page(env.run("-c", CHILD % True, self.server.url, "-c", PLAIN.replace("argv[1]", "argv[-1]"),
                              dirs=self.dirs, env=own))
        # As with catrust-run, no other user may put a library there.
        for mode in (0o777, 0o775) if os.getuid() == 0 else (0o777,):
            place = os.path.join(home, ".cache", "catrust")
            os.chmod(place, mode)
            if os.getuid() == 0:
                os.chown(place, -1, 12345)
            done = env.run("-m", "catrust", "-c", PLAIN, self.server.url, dirs=self.dirs, env=own)
            self.assertEqual(125, done.code, done)
            self.assertIn("others may write to", done.err)
        if os.getuid() == 0:
            os.chown(place, -1, 0)
            self.got_page(env.run("-m", "catrust", "-c", PLAIN, self.server.url, dirs=self.dirs, env=own))
        done = env.run("-m", "catrust", "enable", "--children")
        self.assertRegex(done.err, "--children: ld.so allows no space")
        self.fine(env.run("-m", "catrust", "enable"))
        self.got_page(env.run("-c", PLAIN, self.server.url, dirs=self.dirs))


    def test_each_folder_of_the_link_is_the_users_alone(self):
        """This does not depend on the umask."""
        env, home = python_lab.Environment(name="an environment"), lab.folder("home")
        self.fine(env.run("-c", "import os; os.umask(0o002); import catrust; catrust.inject()", env={"HOME": home}))
        path = home + "/.cache"
        while True:
            self.assertEqual(0o700, os.stat(path).st_mode & 0o7777, path)
            below = os.listdir(path)
            if below == ["libcatrust.so"]:
                break
            path = os.path.join(path, *below)

    def test_library_that_an_upgrade_has_replaced(self):
        """The old library in the process is still found, and no second one is loaded."""
        env = python_lab.Environment()
        code = ("import os, shutil, sys, catrust\ncatrust.inject()\nlibrary = sys.argv[1]\n"
                "shutil.copy(library, library + '.new')\nos.rename(library + '.new', library)\nimport ssl\n"
                "catrust.inject()\ns = catrust.status()\nprint(s.library, s.tls[0].reached)\n"
                "print(len({line.split(None, 5)[5] for line in open('/proc/self/maps') if 'libcatrust' in line}))")
        self.assertEqual(env.library + " True\n1\n", self.fine(env.run("-c", code, env.library)).out)


class Enable(python_lab.Case):
    def enabled(self, *options, **more):
        env = python_lab.Environment(**more)
        self.fine(env.run("-m", "catrust", "enable", *options))
        return env

    def get(self, environment, *argv, **options):
        return environment.run(*(argv or ["-c", PLAIN]), self.server.url, **{"dirs": self.dirs, **options})

    def test_children(self):
        child = "import subprocess, sys\nsys.exit(subprocess.run([%r, '-c', %r, sys.argv[1]]).returncode)" % (lab.PYTHON, PLAIN)
        self.refused(self.get(self.enabled(), "-c", child))
        env = self.enabled("--children")
        self.got_page(self.get(env, "-c", child))
        os.unlink(env.library)
        self.assertEqual("", env.run("-c", "import os; print(os.environ.get('LD_PRELOAD', ''), end='')").out)

    def test_enable_that_fails_changes_nothing(self):
        """If the second trial fails, the file is as it was before, also if an earlier enable has written it."""
        code = ("import subprocess\nfrom catrust import Error, _environment as e\nstatus = iter([0, 3])\n"
                "e.trial = lambda code: subprocess.CompletedProcess(code, next(status), b'', b'')\n"
                "try: e.enable(True, False)\nexcept Error as error: print(error)")
        env = python_lab.Environment()
        for options in [], ["enable"]:
            if options:
                self.fine(env.run("-m", "catrust", *options))
            before = files_below(env.folder), os.path.exists(env.pth) and lab.read(env.pth)
            self.assertEqual("nothing was changed: it ended with 3\n", self.fine(env.run("-c", code)).out)
            self.assertEqual(before, (files_below(env.folder), os.path.exists(env.pth) and lab.read(env.pth)))

    def test_outside_an_environment(self):
        """enable refuses without --system, and if the package is not installed in the environment."""
        outside = {"PYTHONPATH": python_lab.Environment().site}
        done = lab.run([lab.PYTHON, "-m", "catrust", "enable"], env=outside)
        self.assertEqual(125, done.code, done)
        self.assertIn("is not in a virtual environment. `enable --system` makes", done.err)
        done = lab.run([lab.PYTHON, "-m", "catrust", "enable", "--system"], env=outside)
        self.assertEqual(125, done.code, done)
        self.assertIn("Install it there first", done.err)
        empty = python_lab.Environment(empty=True)
        self.assertIn("Install it there first", empty.run("-m", "catrust", "enable", env=outside).err)

    def test_user_site_with_system(self):
        home = lab.folder("home")
        own = {"HOME": home, "PYTHONPATH": None}
        site = lab.run([lab.PYTHON, "-m", "site", "--user-site"], env=own).out.strip()
        shutil.copytree(python_lab.Environment().site, site)
        run = lambda *argv: lab.run([lab.PYTHON, *argv], env=own, dirs=self.dirs)  # noqa: E731
        self.fine(run("-m", "catrust", "enable", "--system"))
        self.assertTrue(os.path.exists(os.path.join(site, "_catrust.pth")))
        self.got_page(run("-c", PLAIN, self.server.url))
        self.refused(run("-s", "-c", PLAIN, self.server.url))
        self.fine(run("-m", "catrust", "disable"))
        self.refused(run("-c", PLAIN, self.server.url))

    def test_system_site_packages(self):
        """An environment made from another one: only the one that has the file is enabled."""
        outer = self.enabled()
        packs.run([outer.python, "-m", "venv", "--without-pip", "--system-site-packages", outer.folder + "/inner"])
        inner = os.path.join(outer.folder, "inner", "bin", "python")
        # Both belong to the Python that outer was made from, so inner does not see outer's packages.
        self.refused(lab.run([inner, "-c", PLAIN, self.server.url], dirs=self.dirs))
        env = self.enabled(options=["--system-site-packages"])
        self.got_page(self.get(env))

    def test_moved_and_upgraded(self):
        env = self.enabled()
        moved = env.folder + "-moved"
        os.rename(env.folder, moved)
        self.got_page(lab.run([moved + "/bin/python", "-c", PLAIN, self.server.url], dirs=self.dirs))
        library, = glob.glob(moved + "/lib/python3*/site-packages/catrust/libcatrust.so")
        with open(library, "ab") as file:
            file.write(b"another version")
        self.got_page(lab.run([moved + "/bin/python", "-c", PLAIN, self.server.url], dirs=self.dirs))

    def test_disabled_by_variable(self):
        env = self.enabled()
        self.refused(self.get(env, env={"CATRUST_DISABLE": "1"}))
        done = env.run("-m", "catrust", "status", env={"CATRUST_DISABLE": "1"})
        self.assertEqual(1, done.code)
        self.assertIn("switched off by CATRUST_DISABLE", done.out)

    def test_without_proc(self):
        """A sandbox may have no /proc. Then it is unknown what is loaded, and the library is loaded."""
        if os.getuid() != 0:
            self.skipTest("not root")
        env = self.enabled()
        self.got_page(lab.run(["unshare", "-m", "sh", "-c", "mount -t tmpfs none /proc && exec \"$@\"", "sh",
                               env.python, "-c", PLAIN, self.server.url], dirs=self.dirs))

    def test_site_packages_that_are_read_only(self):
        if not lab.runs_as("nobody"):
            self.skipTest("cannot run as nobody")
        env = python_lab.Environment()
        done = env.run("-m", "catrust", "enable", user="nobody", group="nogroup")
        self.assertEqual(125, done.code, done)
        self.assertRegex(done.err, r"^catrust: .*Permission denied.*\n$")
        self.assertEqual([], glob.glob(env.site + "/_catrust.pth*"))

    def test_build_isolation(self):
        """pip's isolated builds run the environment's Python, so they trust the CAs as well."""
        lab.need(modules=["pip"])
        project = lab.folder("project")
        lab.write(project + "/pyproject.toml", '[build-system]\nrequires = []\nbuild-backend = "backend"\n'
                  'backend-path = ["."]\n')
        lab.write(project + "/backend.py", "import os, urllib.request\ndef build_wheel(*args, **more):\n"
                  "    urllib.request.urlopen(os.environ['LAB_URL'], timeout=30)\n    raise SystemExit(%r)\n" % "built")
        for env, words in (python_lab.Environment(), "CERTIFICATE_VERIFY_FAILED"), (self.enabled(), "built"):
            done = lab.run([lab.PYTHON, "-m", "pip", "--python", env.python, "-v", "wheel", "--no-index", "--no-deps",
                            "-w", lab.folder(), project], dirs=self.dirs, env={"LAB_URL": self.server.url}, timeout=120)
            self.assertIn(words, done.out + done.err)
            self.assertEqual(words == "built", "CERTIFICATE_VERIFY_FAILED" not in done.out + done.err)

    def test_cost_of_a_start(self):
        """At most 3 million instructions, about a millisecond. A busy machine needs no more instructions."""
        lab.need(programs=["valgrind"])
        env = self.enabled()
        with_file = instructions(env.python)
        os.rename(env.pth, env.pth + ".off")
        added = with_file - instructions(env.python)
        print("an enabled environment costs a start of Python %d instructions more" % added)
        self.assertGreater(added, 0)
        self.assertLessEqual(added, 3000000)


def instructions(python):
    """The number of instructions that a start of Python takes, after it has compiled what it imports."""
    argv = [python, "-c", ""]
    lab.run(argv)
    done = lab.run(["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", *argv],
                   env={"PYTHONHASHSEED": "0"}, timeout=300)
    return int(re.search(r"Collected : (\d+)", done.err).group(1))


def files_below(root):
    """All files except those that Python compiles."""
    return sorted(os.path.join(folder, name) for folder, _, names in os.walk(root) for name in names
                  if not name.endswith(".pyc"))


if __name__ == "__main__":
    lab.main()
