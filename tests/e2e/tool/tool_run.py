# SPDX-License-Identifier: Apache-2.0
"""catrust-run: how it handles its environment and arguments, in every shell that is there."""

import glob
import json
import os
import shutil
import subprocess
import unittest

from lab import lab, tools

# Prints what the script sets, one line each, - where it is unset.
SHOW = """printf '%s\\n' "LD_PRELOAD=${LD_PRELOAD--}" "CATRUST_DIR=${CATRUST_DIR--}" "CATRUST_LOG=${CATRUST_LOG--}\""""


def harmless_library():
    """A shared object that changes nothing when preloaded."""
    for pattern in "/lib/*/libdl.so.2", "/lib64/libdl.so.2", "/usr/lib/libdl.so.2", "/usr/lib/*/libdl.so.2":
        for path in glob.glob(pattern):
            return path
    raise unittest.SkipTest("no libdl.so.2 to stand for the library")


class Cases:
    """Mixed into one class for each shell."""

    shell = None

    @classmethod
    def setUpClass(cls):
        if not shutil.which(cls.shell[0], path=lab.clean_env()["PATH"]):
            raise unittest.SkipTest("no " + cls.shell[0])
        cls.lib = os.path.join(lab.folder("lib"), "libcatrust.so")
        shutil.copy(harmless_library(), cls.lib)

    def argv(self, *args, script=None):
        return [*self.shell, script or tools.tool("catrust-run"), *args]

    def run_it(self, *args, script=None, env=None, **options):
        full = {"CATRUST_LIB": self.lib}
        full.update(env or {})
        return lab.run(self.argv(*args, script=script), env=full, **options)

    def shown(self, *args, **options):
        result = self.run_it(*args, "sh", "-c", SHOW, **options)
        self.assertEqual(result.code, 0, result.err)
        return dict(line.split("=", 1) for line in result.out.splitlines())

    def failed(self, code, text, *args, **options):
        result = self.run_it(*args, **options)
        self.assertEqual((result.code, result.out), (code, ""), result.err)
        self.assertIn(text, result.err)
        self.assertTrue(result.err.startswith("catrust-run: "), result.err)

    # what becomes of the command

    def test_status(self):
        for status in 0, 1, 42, 125, 126, 127, 255:
            self.assertEqual(self.run_it("sh", "-c", "exit %d" % status).code, status)
        self.assertEqual(self.run_it("sh", "-c", "kill -TERM $$").code, -15)

    def test_it_becomes_the_command(self):
        with subprocess.Popen(self.argv("sh", "-c", "echo $$"), stdout=subprocess.PIPE,
                              env=lab.clean_env(CATRUST_LIB=self.lib)) as process:
            self.assertEqual(int(process.stdout.read()), process.pid)

    def test_arguments(self):
        odd = ["", " ", "a b", "*", "$HOME", "`id`", "$(id)", "'", '"', "\\", "a\nb\n", "--", "-d", "-v",
               "\xe9\u20ac", "-n", "\\n", "!"]
        result = self.run_it(lab.PYTHON, "-c", "import sys; print(ascii(sys.argv[1:]))", *odd)
        self.assertEqual(result.out, ascii(odd) + "\n")

    def test_name_and_standard_streams(self):
        result = self.run_it("sh", "-c", "cat; echo err >&2", stdin=b"input")
        self.assertEqual((result.out, result.err), ("input", "err\n"))
        # a command by its bare name stays what it was called
        where = lab.folder("bin")
        os.symlink(lab.PYTHON, os.path.join(where, "odd-name"))
        result = self.run_it("odd-name", "-c", "print(open('/proc/self/cmdline').read().split('\\0')[0])",
                             env={"PATH": where + ":" + lab.clean_env()["PATH"]})
        self.assertEqual(result.out, "odd-name\n")

    def test_options_end(self):
        self.assertEqual(self.run_it("--", "echo", "-v").out, "-v\n")
        self.assertEqual(self.run_it("echo", "-v").out, "-v\n")
        self.assertEqual(self.run_it("-v", "--", "echo", "--").out, "--\n")

    def test_command_with_a_hyphen(self):
        where = lab.folder("bin")
        lab.write(os.path.join(where, "-odd"), "#!/bin/sh\necho odd \"$@\"\n", mode=0o755)
        path = where + ":" + lab.clean_env()["PATH"]
        self.assertEqual(self.run_it("--", "-odd", "x", env={"PATH": path}).out, "odd x\n")
        os.mkdir(os.path.join(where, "-dir"))
        shutil.copy(os.path.join(where, "-odd"), os.path.join(where, "-dir", "odd"))
        self.assertEqual(self.run_it("--", "-dir/odd", "x", cwd=where).out, "odd x\n")

    def test_not_found(self):
        self.failed(127, "no-such-command: not found", "no-such-command")
        self.failed(127, "/no/such/command: not found", "/no/such/command")
        self.failed(127, "./none: not found", "./none")
        self.failed(127, "empty", "")
        self.failed(127, "-x: not found", "--", "-x")
        # no command of the shell's own
        self.failed(127, "shift: not found", "shift")

    def test_not_executable(self):
        where = lab.folder("bin")
        lab.write(os.path.join(where, "plain"), "#!/bin/sh\n")
        self.failed(126, "plain: not executable", os.path.join(where, "plain"))
        self.failed(126, "plain: not executable", "plain",
                    env={"PATH": where + ":" + lab.clean_env()["PATH"]})
        self.failed(126, "not executable", where)

    def test_not_executable_but_further_down_the_path(self):
        first, second = lab.folder("bin"), lab.folder("bin")
        lab.write(os.path.join(first, "tool"), "no")
        os.mkdir(os.path.join(first, "other"))
        for name in "tool", "other":
            lab.write(os.path.join(second, name), "#!/bin/sh\necho second\n", mode=0o755)
            result = self.run_it(name, env={"PATH": ":".join([first, second, "/usr/bin:/bin"])})
            self.assertEqual((result.code, result.out), (0, "second\n"), result.err)

    def test_wrong_usage(self):
        self.failed(125, "name a command to run", )
        self.failed(125, "name a command to run", "-v", "--")
        for option in "-x", "--nonsense", "--dir", "-d", "--envs":
            with self.subTest(option):
                self.failed(125, option, option)
        for option in "-vx", "-qh", "-e-", "-evx":
            self.failed(125, "no option -", option, "true")
        self.failed(125, "-d needs", "-vd")
        self.failed(125, "--dir needs", "-d", "", "true")
        self.failed(125, "colon", "-d", "/a:b", "true")
        self.failed(125, "colon", "-d", "x", "true", cwd=self.folder_with_colon())

    def folder_with_colon(self):
        path = os.path.join(lab.folder(), "a:b")
        os.mkdir(path)
        return path

    def test_help_and_version(self):
        result = self.run_it("--help")
        self.assertEqual((result.code, result.err), (0, ""))
        self.assertIn("usage: catrust-run", result.out)
        result = self.run_it("--version")
        self.assertEqual((result.code, result.err), (0, ""))
        self.assertRegex(result.out, r"\Acatrust-run \d+\.\d+\.\d+\n\Z")

    # LD_PRELOAD

    def test_preload(self):
        self.assertEqual(self.shown()["LD_PRELOAD"], self.lib)

    def test_preload_is_loaded(self):
        result = self.run_it("cat", "/proc/self/maps")
        self.assertIn(self.lib, result.out)

    def test_preload_merges(self):
        other = harmless_library()
        for before in other, other + ":" + other, other + " " + other:
            with self.subTest(before):
                self.assertEqual(self.shown(env={"LD_PRELOAD": before})["LD_PRELOAD"],
                                 before + ":" + self.lib)

    def test_no_duplicates(self):
        other, lib = harmless_library(), self.lib
        elsewhere = os.path.join(lab.folder("lib"), "libcatrust.so")
        os.symlink(lib, elsewhere)
        for before in (lib, other + ":" + lib, lib + " " + other, other + " " + lib + ":" + other, elsewhere):
            with self.subTest(before):
                self.assertEqual(self.shown(env={"LD_PRELOAD": before})["LD_PRELOAD"], before)
        # nested, as when a program that was started so starts another
        result = self.run_it(*self.argv("sh", "-c", SHOW))
        self.assertEqual(result.out.splitlines()[0], "LD_PRELOAD=" + lib)

    def test_what_is_gone_is_no_duplicate(self):
        gone = "/nowhere/libcatrust.so"
        self.assertEqual(self.shown(env={"LD_PRELOAD": gone})["LD_PRELOAD"], gone + ":" + self.lib)

    def test_patterns_in_preload_are_left_alone(self):
        self.assertEqual(self.shown(env={"LD_PRELOAD": "/lib/*"}, cwd="/")["LD_PRELOAD"], "/lib/*:" + self.lib)

    def test_helpers_are_not_affected(self):
        # what the script calls sees no LD_PRELOAD, neither the user's nor its own
        where = lab.folder("bin")
        log = os.path.join(where, "log")
        real = shutil.which("readlink", path=lab.clean_env()["PATH"])
        lab.write(os.path.join(where, "readlink"),
                  "#!/bin/sh\necho \"${LD_PRELOAD-unset}\" >> '%s'\nexec %s \"$@\"\n" % (log, real), mode=0o755)
        shown = self.shown(env={"PATH": where + ":" + lab.clean_env()["PATH"],
                                "LD_PRELOAD": harmless_library()})
        self.assertEqual(shown["LD_PRELOAD"], harmless_library() + ":" + self.lib)
        if os.path.exists(log):  # some shells have a readlink of their own
            self.assertEqual(set(lab.read(log).decode().split()), {"unset"})

    def test_library_at_a_path_that_cannot_be_preloaded(self):
        for name in "a b", "a:b", "a$b":
            with self.subTest(name):
                path, home = os.path.join(lab.folder(), name), lab.folder("home")
                os.mkdir(path)
                lib = shutil.copy(self.lib, path)
                env = {"CATRUST_LIB": lib, "HOME": home}
                link = self.shown(env=env)["LD_PRELOAD"]
                self.assertTrue(link.startswith(home + "/.cache/catrust/"), link)
                self.assertEqual("libcatrust.so", os.path.basename(link))
                self.assertEqual(lib, os.readlink(link))
                self.assertEqual(0o700, os.stat(os.path.dirname(link)).st_mode & 0o777)
                # the next run, and one inside of a run, use the same
                self.assertEqual(link, self.shown(env=env)["LD_PRELOAD"])
                self.assertEqual(link, self.shown(env={**env, "LD_PRELOAD": link})["LD_PRELOAD"])
                elsewhere = lab.folder("cache")
                link = self.shown(env={**env, "XDG_CACHE_HOME": elsewhere})["LD_PRELOAD"]
                self.assertTrue(link.startswith(elsewhere + "/catrust/"), link)

    def test_link_to_the_library_that_cannot_be_made(self):
        path = os.path.join(lab.folder(), "a b")
        os.mkdir(path)
        lib = shutil.copy(self.lib, path)
        odd = os.path.join(lab.folder(), "c d")
        os.mkdir(odd)
        blocked = lab.write(os.path.join(lab.folder(), "file"), "")
        for home in odd, blocked, "relative", "":
            self.failed(125, "can't be preloaded", "true", env={"CATRUST_LIB": lib, "HOME": home})
        # in a home that is another's, root makes nothing
        if os.getuid() == 0:
            home = lab.folder("home")
            os.chown(home, 65534, 65534)
            self.failed(125, "can't be preloaded", "true", env={"CATRUST_LIB": lib, "HOME": home})
            self.assertEqual([], os.listdir(home))
        # one that others may write to, and one where another thing has the link's name
        home = lab.folder("home")
        os.mkdir(os.path.join(home, ".cache"))
        os.chmod(os.path.join(home, ".cache"), 0o777)
        env = {"CATRUST_LIB": lib, "HOME": home}
        self.failed(125, "other users may write to", "true", env=env)
        if os.getuid() == 0:
            os.chmod(os.path.join(home, ".cache"), 0o775)
            os.chown(os.path.join(home, ".cache"), -1, 12345)
            self.failed(125, "other users may write to", "true", env=env)
            os.chown(os.path.join(home, ".cache"), -1, 0)
            self.shown(env=env)
        os.chmod(os.path.join(home, ".cache"), 0o755)
        link = self.shown(env=env)["LD_PRELOAD"]
        os.unlink(link)
        os.symlink("/elsewhere", link)
        self.failed(125, "is not", "true", env=env)

    def test_library_that_is_missing(self):
        self.failed(125, "not there", "true", env={"CATRUST_LIB": "/nowhere/libcatrust.so"})
        self.failed(125, "not there", "true", env={"CATRUST_LIB": lab.folder()})
        alone = shutil.copy(tools.tool("catrust-run"), lab.folder())
        self.failed(125, "libcatrust.so is not there", "true", script=alone, env={"CATRUST_LIB": None})

    def test_relative_library(self):
        shown = self.shown(env={"CATRUST_LIB": "libcatrust.so"}, cwd=os.path.dirname(self.lib))
        self.assertEqual(shown["LD_PRELOAD"], self.lib)

    # finding the library

    def installed(self, libdir):
        """A prefix with the script in bin and the library in libdir."""
        prefix = lab.folder("prefix")
        for name in "bin", libdir:
            os.makedirs(os.path.join(prefix, name), exist_ok=True)
        script = shutil.copy(tools.tool("catrust-run"), os.path.join(prefix, "bin"))
        return prefix, script, shutil.copy(self.lib, os.path.join(prefix, libdir))

    def test_installed(self):
        for libdir in "lib", "lib64":
            with self.subTest(libdir):
                _, script, lib = self.installed(libdir)
                shown = self.shown(script=script, env={"CATRUST_LIB": None})
                self.assertEqual(shown["LD_PRELOAD"], lib)

    def test_installed_by_cmake(self):
        if not shutil.which("cmake"):
            self.skipTest("no cmake")
        prefix = lab.folder("prefix")
        done = subprocess.run(["cmake", "--install", os.environ["CATRUST_BUILD"], "--prefix", prefix],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.assertEqual(done.returncode, 0, done.stdout.decode(errors="replace"))
        script = os.path.join(prefix, "bin", "catrust-run")
        shown = self.shown(script=script, env={"CATRUST_LIB": None})
        self.assertTrue(shown["LD_PRELOAD"].startswith(os.path.join(prefix, "lib")), shown)
        self.assertEqual(os.path.basename(shown["LD_PRELOAD"]), "libcatrust.so")
        self.assertEqual(lab.run([script, "--version"]).code, 0)
        self.assertEqual(lab.run([os.path.join(prefix, "bin", "catrust"), "--version"]).code, 0)

    def test_links_to_the_script(self):
        _, script, lib = self.installed("lib")
        first, second = lab.folder("bin"), lab.folder("bin")
        os.symlink(script, os.path.join(first, "a"))
        os.symlink("../%s/a" % os.path.basename(first), os.path.join(second, "b"))
        shown = self.shown(script=os.path.join(second, "b"), env={"CATRUST_LIB": None})
        self.assertEqual(shown["LD_PRELOAD"], lib)

    def test_odd_place_of_the_script(self):
        prefix, script, lib = self.installed("lib")
        odd = os.path.join(lab.folder(), "a b '*")
        os.symlink(os.path.dirname(script), odd)
        shown = self.shown(script=os.path.join(odd, "catrust-run"), env={"CATRUST_LIB": None})
        self.assertEqual(shown["LD_PRELOAD"], lib)

    def test_build_tree(self):
        shown = self.shown(env={"CATRUST_LIB": None})
        self.assertEqual(shown["LD_PRELOAD"], os.path.realpath(lab.built_shim()))

    # CATRUST_DIR and the like

    def test_dir_before_catrust_dir(self):
        shown = self.shown("-d", "/a", "--dir", "/b", "--dir=/c", "-d/d", env={"CATRUST_DIR": "/x:/y"})
        self.assertEqual(shown["CATRUST_DIR"], "/a:/b:/c:/d:/x:/y")

    def defaults(self, env):
        """The existing default directories, for the home in env."""
        config = env.get("XDG_CONFIG_HOME") or (env["HOME"] + "/.config" if env.get("HOME") else None)
        both = ["/etc/catrust/ca.d"] + ([config + "/catrust/ca.d"] if config else [])
        return [path for path in both if os.path.exists(path)]

    def test_dir_before_the_defaults(self):
        home, config = lab.folder("home"), lab.folder("config")
        os.makedirs(home + "/.config/catrust/ca.d")
        os.makedirs(config + "/catrust/ca.d")
        for env in ({"HOME": home}, {"HOME": home, "XDG_CONFIG_HOME": config},
                    {"HOME": home, "XDG_CONFIG_HOME": ""}, {"HOME": lab.folder("empty")}, {"HOME": None}):
            for unset in None, "":
                with self.subTest(env=env, unset=unset):
                    shown = self.shown("-d", "/a", env={**env, "CATRUST_DIR": unset})
                    self.assertEqual(shown["CATRUST_DIR"].split(":"), ["/a", *self.defaults(env)])
        self.assertEqual(self.shown(env={"HOME": home})["CATRUST_DIR"], "-")

    def test_relative_dir(self):
        where = os.path.realpath(lab.folder())
        shown = self.shown("-d", "ca.d", "-d", "./x y", "-d", "../z", cwd=where, env={"CATRUST_DIR": "/x"})
        self.assertEqual(shown["CATRUST_DIR"].split(":"),
                         [where + "/ca.d", where + "/./x y", where + "/../z", "/x"])

    def test_options_in_one(self):
        for options in ["-vd", "/a"], ["-vd/a"], ["-qvd", "/a"]:
            shown = self.shown(*options, env={"CATRUST_DIR": "/x"})
            self.assertEqual(("/a:/x", "info"), (shown["CATRUST_DIR"], shown["CATRUST_LOG"]))
        # and --env, which needs the other command beside it
        alone = shutil.copy(tools.tool("catrust-run"), lab.folder("alone"))
        self.failed(125, "--env needs", "-ve", "true", script=alone)
        self.failed(125, "--env needs", "-ev", "true", script=alone)

    def test_odd_dir(self):
        for name in "/a b", "/*", "/$HOME", "/a'b", "/a\\b":
            with self.subTest(name):
                self.assertEqual(self.shown("-d", name, env={"CATRUST_DIR": "/x"})["CATRUST_DIR"], name + ":/x")

    def test_log(self):
        self.assertEqual(self.shown()["CATRUST_LOG"], "-")
        self.assertEqual(self.shown("-v")["CATRUST_LOG"], "info")
        self.assertEqual(self.shown("-q")["CATRUST_LOG"], "off")
        self.assertEqual(self.shown("-v", env={"CATRUST_LOG": "debug"})["CATRUST_LOG"], "info")
        self.assertEqual(self.shown(env={"CATRUST_LOG": "debug"})["CATRUST_LOG"], "debug")

    def test_nothing_else_changes(self):
        before = {"HOME": "/x", "A": "b c", "CDPATH": "/", "CATRUST_LIB": self.lib}
        # names that the script might use itself
        before.update((name, "mine") for name in ("lib", "path", "dir", "dirs", "self", "status", "command"))
        result = self.run_it(lab.PYTHON, "-c", "import json, os; print(json.dumps(dict(os.environ)))", env=before)
        after = json.loads(result.out)
        self.assertEqual(after.pop("LD_PRELOAD"), self.lib)
        for name in list(after):
            if name in ("PWD", "OLDPWD", "_", "SHLVL", "LC_CTYPE"):
                del after[name]
        self.assertEqual(after, lab.clean_env(**before))

    def test_variables_whose_names_are_no_shells(self):
        """In the forms for container programs."""
        odd = {"discovery.type": "single-node", "a-b": "", "1x": "2", "-n": "x", "A ": " ", "BASH_FUNC_f%%": "() {  :\n}",
               "\u00e9": "\u20ac", "v.newline": "\na\n\n", "v.odd": "a=b '\"\\ $HOME `id` %s \\101 \t\x01\x7f *", "v.long": "x" * 100000}
        argv = [lab.PYTHON, "-c", "import json, os; print(json.dumps(dict(os.environ)))"]
        before = {**odd, "CATRUST_LIB": self.lib, "LD_PRELOAD": harmless_library(), "LD_PRELOAD.x": "y"}
        after = json.loads(self.run_it("-v", *argv, env=before).out)
        self.assertEqual(odd, {name: after.get(name) for name in odd})
        self.assertEqual((harmless_library() + ":" + self.lib, "y", "info"),
                         (after["LD_PRELOAD"], after["LD_PRELOAD.x"], after["CATRUST_LOG"]))
        # the arguments, the status, and the process are as ever
        result = self.run_it("sh", "-c", "echo \"$1\" $$; exit 7", "x=y", "a\nb", env=odd)
        self.assertEqual((7, "a\nb"), (result.code, result.out.rsplit(" ", 1)[0]))
        self.assertEqual(self.run_it(*self.argv("printenv", "discovery.type"), env=odd).out, "single-node\n")

    def test_such_variables_and_a_command_that_looks_like_one(self):
        where = lab.folder("bin")
        for name in "a=b", "-odd":
            lab.write(os.path.join(where, name), "#!/bin/sh\necho ran\n", mode=0o755)
            for command in name, os.path.join(where, name):
                path = {"PATH": where + ":" + lab.clean_env()["PATH"], "x.y": "z"}
                self.assertEqual(self.run_it("--", command, env=path).out, "ran\n")

    def test_such_variables_without_proc(self):
        wrap = ["unshare", "--mount", "sh", "-c", "mount -t tmpfs none /proc && exec \"$@\"", "sh"]
        if lab.run([*wrap, "true"]).code != 0:
            raise unittest.SkipTest("no mount namespace here")
        result = lab.run([*wrap, *self.argv("echo", "ran")], env={"CATRUST_LIB": self.lib, "x.y": "z"})
        self.assertEqual((0, "ran\n", ""), result)


class Dash(Cases, unittest.TestCase):
    shell = ["dash"]


class Busybox(Cases, unittest.TestCase):
    shell = ["busybox", "sh"]


class Bash(Cases, unittest.TestCase):
    shell = ["bash", "--posix"]


class Itself(Cases, unittest.TestCase):
    """By its #! line."""

    shell = ["env"]


if __name__ == "__main__":
    lab.main()
