# SPDX-License-Identifier: Apache-2.0
"""Hostile surroundings for a preloaded library: the program works as without it, and trusts the anchors if it can be
reached."""

import glob
import os
import platform
import shutil
import unittest

from lab import lab, tools

HERE = os.path.dirname(os.path.abspath(__file__))
FLAGS = ["-std=gnu11", "-D_GNU_SOURCE", "-O2", "-g", "-Wall", "-Wextra", "-Werror"]
TLS = ["-lssl", "-lcrypto", "-lpthread"]
UNKNOWN = "unable to get local issuer certificate"
GET = "import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1]).read().decode())"


def build(name, source, *more, compiler="cc"):
    """Returns the path of a program or library, compiled from a C file here."""
    lab.need(programs=[compiler])
    out = os.path.join(lab.folder("built"), name)
    done = lab.run([compiler, *FLAGS, "-o", out, os.path.join(HERE, source), *more])
    if done.code != 0:
        raise RuntimeError(done.err)
    return out


class Hostile(lab.Case):
    @classmethod
    def setUpClass(cls):
        lab.need(programs=["cc"])
        cls.server = lab.server()
        cls.server.__enter__()
        cls.addClassCleanup(cls.server.__exit__)
        cls.dirs = [lab.trustdir("corp-root.pem")]
        cls.bundle = lab.cert("other-root.pem")
        cls.program = build("hostile", "hostile.c", *TLS)

    def each(self, mode, *more, program=None, wrap=(), **options):
        """The results without the shim and with it."""
        argv = [*wrap, *([program] if isinstance(program, str) else program or [self.program]), mode,
                self.server.port, self.bundle, *more]
        return [lab.run(argv, shim=shim, dirs=self.dirs, **options) for shim in (False, True)]

    def trusted(self, without, result, trusted="trusted"):
        """The same, except for the trusted server."""
        self.assertIn(UNKNOWN, without.out, without)
        self.assertEqual((without.code, without.out.replace(UNKNOWN, trusted), without.err), result)

    def unreached(self, without, result):
        self.assertIn(UNKNOWN, without.out, without)
        self.assertEqual(without, result)


class Processes(Hostile):
    def test_nothing_hostile(self):
        self.trusted(*self.each("once"))

    def test_program_clears_its_environment(self):
        self.trusted(*self.each("clearenv"))

    def test_environment_cleared_for_the_child(self):
        self.unreached(*self.each("once", wrap=["env", "-i"]))

    def test_catrust_run_behind_what_clears_the_environment(self):
        argv = ["env", "-i", "PATH=" + lab.clean_env()["PATH"], "CATRUST_LIB=" + lab.shim(),
                tools.tool("catrust-run"), "-d", self.dirs[0], self.program, "once", self.server.port, self.bundle]
        self.assertEqual((0, "once: trusted\n", ""), lab.run(argv))

    def test_bound_at_start(self):
        now = {"LD_BIND_NOW": "1"}
        self.trusted(*self.each("once", env=now))
        self.trusted(*self.each("once", program=build("now", "hostile.c", "-Wl,-z,now", *TLS)))
        self.only_with_shim(GET, [self.server.url], env=now)

    def test_out_of_descriptors(self):
        """As long as there is no descriptor for the trust directory, it says so; afterwards it trusts."""
        without, result = self.each("descriptors")
        self.assertEqual((0, "without descriptors: %s\nwith descriptors again: trusted\nwith a new context: trusted\n"
                          % UNKNOWN), result[:2])
        self.assertEqual((0, result.out.replace("trusted", UNKNOWN), ""), without)
        # What changes of that within a minute is not told.
        self.lines(result.err, [r": too many open files"])

    def test_small_stack(self):
        self.trusted(*self.each("stack"))
        # What it says is made on the stack as well.
        without, result = self.each("stack", env={"CATRUST_LOG": "debug"})
        self.trusted(without, result._replace(err=""))
        self.lines(result.err, ["127.0.0.1:%d trusted because of" % self.server.port])
        dirs, self.dirs = self.dirs, [lab.trustdir("client-root.pem")]
        without, result = self.each("stack", env={"CATRUST_LOG": "info"})
        self.dirs = dirs
        self.unreached(without, result._replace(err=""))
        self.lines(result.err, ["127.0.0.1:%d: unable to get local issuer" % self.server.port])

    def test_vfork(self):
        self.trusted(*self.each("vfork"))

    def test_fork_among_threads(self):
        without, result = self.each("forks")
        self.trusted(without, result)
        self.assertEqual(6, result.out.count("once: trusted\nchild: 0\n"))
        self.assertIn("wrong in threads: 0\n", result.out)

    def test_fork_while_a_thread_goes_through_the_loaded_objects(self):
        without, result = self.each("fork-during-walk")
        self.trusted(without, result)
        self.assertEqual("in the child: trusted\nchild: 0\n", result.out)

    def test_openssl_is_unloaded(self):
        module = build("module.so", "hostile.c", "-shared", "-fPIC", *TLS)
        loader = build("unload", "unload.c", "-ldl")
        without, result = (lab.run([loader, module, self.server.port, self.bundle], shim=shim, dirs=self.dirs)
                           for shim in (False, True))
        self.trusted(without, result)
        self.assertEqual("from a module: trusted\n" * 3, result.out)


class Linking(Hostile):
    def test_static_program(self):
        try:
            program = build("static", "hostile.c", "-static", *TLS, "-ldl")
        except RuntimeError as e:
            self.skipTest("no static OpenSSL: " + str(e).splitlines()[-1])
        self.unreached(*self.each("once", program=program))

    def test_static_program_of_musl(self):
        program = os.path.join(lab.folder("built"), "musl")
        lab.need(programs=["musl-gcc"])
        source = lab.write(program + ".c", "#include <stdio.h>\nint main(void) { puts(\"musl\"); return 3; }\n")
        self.assertEqual((0, "", ""), lab.run(["musl-gcc", "-static", "-o", program, source]))
        for shim in False, True:
            self.assertEqual((3, "musl\n", ""), lab.run([program], shim=shim, dirs=self.dirs))

    def foreign_program(self):
        """A 32-bit program: needs only its libc, not a compiler."""
        if platform.machine() != "x86_64":
            self.skipTest("32-bit programs of x86-64 only")
        libc = (glob.glob("/usr/lib32/libc.so.6") + glob.glob("/usr/lib/i386-linux-gnu/libc.so.6") + [None])[0]
        if libc is None or not os.path.exists("/lib/ld-linux.so.2"):
            self.skipTest("no 32-bit libc (libc6-i386)")
        path = lab.folder("built") + "/program"
        source = lab.write(path + ".c", "int puts(const char *);\nvoid exit(int);\nvoid _start(void);\n"
                           "void _start(void) { puts(\"32 bits\"); exit(3); }\n")
        self.compile32("-Wl,--dynamic-linker=/lib/ld-linux.so.2", "-mstackrealign", "-fno-pic", "-no-pie", "-o",
                       path, source, libc)
        return path

    def compile32(self, *args):
        done = lab.run(["cc", "-m32", "-nostdlib", "-fno-stack-protector", *args])
        if done.code != 0:
            self.skipTest("no 32-bit programs can be made: " + done.err.splitlines()[-1])

    def test_program_of_32_bits(self):
        """The message is the dynamic linker's, and goes where the linker is told."""
        program = self.foreign_program()
        without, result = (lab.run([program], shim=shim, dirs=self.dirs) for shim in (False, True))
        self.assertEqual((3, "32 bits\n", ""), without)
        self.assertEqual((3, "32 bits\n"), result[:2])
        self.assertRegex(result.err, r"^ERROR: ld\.so: object '\S*libcatrust\.so' from LD_PRELOAD cannot be preloaded "
                         r"\(wrong ELF class: ELFCLASS64\): ignored\.\n$")

    def test_no_message_for_32_bits_by_lib(self):
        """$LIB differs for 32 bits: an empty library in that folder stops the message."""
        program, top = self.foreign_program(), lab.folder("lib")
        for lib in "lib/x86_64-linux-gnu", "lib64":
            os.makedirs(os.path.join(top, lib))
            shutil.copy(lab.shim(), os.path.join(top, lib))
        for lib in "lib/i386-linux-gnu", "lib32", "lib":
            os.makedirs(os.path.join(top, lib), exist_ok=True)
            self.compile32("-shared", "-o", os.path.join(top, lib, "libcatrust.so"), "-x", "c", "/dev/null")
        env = {"LD_PRELOAD": top + "/$LIB/libcatrust.so"}
        self.assertEqual((3, "32 bits\n", ""), lab.run([program], env=env))
        self.assertEqual((0, "once: trusted\n", ""), lab.run([self.program, "once", self.server.port, self.bundle],
                                                            dirs=self.dirs, env=env))


class Privileges(Hostile):
    """Privileged programs ignore the preload; if one has the library anyway, the library reads no variable."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if os.geteuid() != 0:
            raise unittest.SkipTest("only root can make privileged programs")
        # A link to its full path, ahead of libssl, is what such a program would have by /etc/ld.so.preload.
        cls.linked = build("linked", "hostile.c", lab.shim(), *TLS)

    def setuid(self, program):
        path = shutil.copy(program, lab.folder("setuid"))
        os.chown(path, 65534, 65534)
        os.chmod(path, 0o4755)
        return path

    def capable(self, program):
        lab.need(programs=["setcap"], user="nobody")
        path = shutil.copy(program, lab.folder("capable"))
        done = lab.run(["setcap", "cap_net_bind_service+ep", path])
        if done.code != 0:
            self.skipTest("no file capabilities here: " + done.err)
        return path

    def check(self, plain, linked, **options):
        for result in self.each("privileged", program=plain, **options):
            if "privileged: 0" in result.out:
                self.skipTest("no privilege from files here")
            self.assertEqual((0, "privileged: 1\nonce: %s\n" % UNKNOWN, ""), result)
        env = {"CATRUST_LOG": "debug", "CATRUST_PEM": lab.read(lab.cert("corp-root.pem")).decode()}
        for result in self.each("privileged", program=linked, env=env, **options):
            self.assertEqual((0, "privileged: 1\nonce: %s\n" % UNKNOWN, ""), result)

    def test_library_is_there(self):
        without, _ = self.each("privileged", program=self.linked)
        self.assertEqual((0, "privileged: 0\nonce: trusted\n", ""), without)

    def test_setuid(self):
        self.check(self.setuid(self.program), self.setuid(self.linked))

    def test_file_capabilities(self):
        self.check(self.capable(self.program), self.capable(self.linked), user="nobody", group="nogroup")


class Preloads(Hostile):
    """Other preloaded libraries, before and after it."""

    def both_orders(self, library, mode="once", **options):
        """Results (without the shim, with both) for each order and separator."""
        argv = [self.program, mode, self.server.port, self.bundle]
        preloads = [order % both for order in ("%s:%s", "%s %s")
                    for both in ((lab.shim(), library), (library, lab.shim()))]
        for preload in preloads:
            yield [lab.run(argv, dirs=self.dirs, env={**options.get("env", {}), "LD_PRELOAD": value})
                   for value in (library, preload)]

    def package(self, name, package):
        found = glob.glob("/usr/lib/*/" + name) + glob.glob("/usr/lib/*/*/" + name)
        if not found:
            self.skipTest("no %s (%s)" % (name, package))
        return found[0]

    def test_one_that_hooks_the_same(self):
        library = build("beside.so", "beside.c", "-shared", "-fPIC", "-ldl")
        used = os.path.join(lab.folder("beside"), "used")
        for mode in "once", "forks":
            for without, result in self.both_orders(library, mode, env={"BESIDE": used}):
                self.trusted(without, result)
                self.assertTrue(os.path.exists(used))
                os.unlink(used)

    def test_faketime(self):
        library = self.package("libfaketime.so.1", "libfaketime")
        for without, result in self.both_orders(library, env={"FAKETIME": "+1d"}):
            self.trusted(without, result)
        for without, result in self.both_orders(library, env={"FAKETIME": "+200d"}):
            self.trusted(without, result, "certificate has expired")
        env = {"LD_PRELOAD": lab.shim() + ":" + library, "FAKETIME": "+1d"}
        self.assertIn(lab.PAGE, lab.run(GET, [self.server.url], dirs=self.dirs, env=env).out)

    def test_eatmydata(self):
        library = self.package("libeatmydata.so*", "libeatmydata1")
        for without, result in self.both_orders(library):
            self.trusted(without, result)
        self.assertIn(lab.PAGE, lab.run(GET, [self.server.url], dirs=self.dirs,
                                        env={"LD_PRELOAD": library + ":" + lab.shim()}).out)


class Sanitizers(Hostile):
    def sanitized(self, *flags):
        try:
            program = build("sanitized", "hostile.c", *flags, "-fno-sanitize-recover=all", *TLS)
        except RuntimeError as e:
            self.skipTest("cannot be built: " + str(e).splitlines()[-1])
        if lab.run([program, "once", self.server.port, self.bundle]).code != 0:
            self.skipTest("does not run here")
        return program

    def test_address(self):
        """GCC's ASan wants to be the first library. If told to accept another place, it finds no errors and no
        leaks."""
        program = self.sanitized("-fsanitize=address")
        without, result = self.each("once", program=program)
        self.assertEqual(0, without.code)
        self.assertEqual("", result.out)
        self.assertIn("ASan runtime does not come first in initial library list", result.err)
        for mode in "once", "forks":
            self.trusted(*self.each(mode, program=program, env={"ASAN_OPTIONS": "verify_asan_link_order=0"}))

    def test_address_of_its_own(self):
        self.trusted(*self.each("once", program=self.sanitized("-fsanitize=address", "-static-libasan")))

    def test_undefined(self):
        self.trusted(*self.each("forks", program=self.sanitized("-fsanitize=undefined")))


class Confined(Hostile):
    """seccomp."""

    def setUp(self):
        if lab.run([self.program, "confine", "errno", "memfd_create", "true"]).code == 77:
            self.skipTest("no seccomp filters here")

    def confined(self, action, calls, **options):
        return self.each("once", wrap=[self.program, "confine", action, calls], **options)

    def test_without_memfd_and_reading_of_memory(self):
        for action in "errno", "kill":
            for calls in "memfd_create", "memfd_create,process_vm_readv":
                with self.subTest(action=action, calls=calls):
                    self.trusted(*self.confined(action, calls))
                    self.trusted(*self.each("confined", action, calls))

    def test_python_without_memfd(self):
        for action in "errno", "kill":
            program = [self.program, "confine", action, "memfd_create", lab.PYTHON, "-c", GET, self.server.url]
            self.only_with_shim(program)

    def test_files_are_refused(self):
        """The anchors that it read before it confined itself stay."""
        for calls in "newfstatat", "openat", "newfstatat,openat":
            with self.subTest(calls):
                self.trusted(*self.each("confined", "errno", calls))

    def test_files_are_deadly(self):
        """The only extra thing that it does: it looks at the trust directory."""
        without, result = self.each("confined", "kill", "newfstatat,openat")
        self.assertEqual(3, without.out.count(UNKNOWN), without)
        self.assertEqual(0, without.code, without)
        self.assertEqual((-31, "before: trusted\n"), (result.code, result.out[:16]), result)
        # As the manual says.
        self.assertEqual(without, self.each("confined", "kill", "newfstatat,openat", env={"CATRUST_DISABLE": "1"})[1])


class Mounts(Hostile):
    """Namespaces with a hostile view of the files."""

    def under(self, script):
        wrap = ["unshare", "-m", "sh", "-c", script + ' && exec "$@"', "sh"]
        if lab.run([*wrap, "true"]).code != 0:
            wrap[1] = "-rm"
            done = lab.run([*wrap, "true"])
            if done.code != 0:
                self.skipTest("no mount namespaces here: " + done.err)
        return wrap

    def test_no_proc(self):
        wrap = self.under("mount -t tmpfs none /proc && [ ! -e /proc/self ]")
        self.trusted(*self.each("once", wrap=wrap))
        self.only_with_shim([*wrap, lab.PYTHON, "-c", GET, self.server.url])

    def test_read_only(self):
        scratch = lab.scratch()
        wrap = self.under("mount --bind '%s' '%s' && mount -o remount,ro,bind '%s' && mount -o remount,ro,bind / &&"
                          " ! touch '%s/x' 2>&-" % (scratch, scratch, scratch, scratch))
        self.trusted(*self.each("once", wrap=wrap))
        without, result = self.each("once", wrap=wrap, env={"CATRUST_LOG_FILE": scratch + "/log", "CATRUST_LOG": "info"})
        self.trusted(without, result._replace(err=""))
        self.lines(result.err, ["trusted because of"])
        self.only_with_shim([*wrap, lab.PYTHON, "-c", GET, self.server.url])


LOCKED_IN = """
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
int foreign_run(void);
int main(int argc, char **argv)
{
	const struct rlimit none = {0, 0};

	if (argc == 3 && strcmp(argv[1], "chroot") == 0 && (chroot(argv[2]) != 0 || chdir("/") != 0))
		return 2;
	if (argc == 2 && setrlimit(RLIMIT_NOFILE, &none) != 0)
		return 3;
	printf("%d\\n", foreign_run());
	return 0;
}
"""


class Foreign(Hostile):
    """A library that exports functions with OpenSSL's names but is not OpenSSL, like TensorFlow's BoringSSL."""

    MAIN = "#include <stdio.h>\nint foreign_run(void);\nint main(void) { printf(\"%d\\n\", foreign_run()); return 0; }\n"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.library = build("libforeign.so", "foreign.c", "-shared", "-fPIC")
        cls.main = lab.write(os.path.join(lab.folder("main"), "main.c"), cls.MAIN)

    def test_linked(self):
        program = build("linked", self.main, self.library)
        self.assertEqual((0, "0\n", ""), self.same([program]))

    def test_first_call_when_no_file_can_be_opened(self):
        """In a process that has confined itself, and without a descriptor; with glibc and musl."""
        main = lab.write(os.path.join(lab.folder("main"), "main.c"), LOCKED_IN)
        for compiler in "cc", "musl-gcc":
            library = build("lib%s.so" % compiler, "foreign.c", "-shared", "-fPIC", compiler=compiler)
            program = build("locked-in-" + compiler, main, library, compiler=compiler)
            for how in (["chroot", lab.folder("root")] if os.geteuid() == 0 else []), ["descriptors"], []:
                for env in {}, {"CATRUST_DISABLE": "1"}:
                    with self.subTest(compiler, how=how, env=env):
                        self.assertEqual((0, "0\n", ""), self.same([program, *how], env=env))

    def test_in_the_program_itself(self):
        program = build("whole", self.main, os.path.join(HERE, "foreign.c"), "-rdynamic")
        self.assertEqual((0, "0\n", ""), self.same([program]))

    def test_beside_an_openssl(self):
        """Each gets its own functions, in either order."""
        foreign = "import ctypes; print(ctypes.CDLL(sys.argv[2]).foreign_run())\n"
        tls = "print(attempt(get, context('client')(cafile=sys.argv[3]), sys.argv[1]))\n" \
              "print(attempt(get, context('generic')(), sys.argv[1]))\n"
        for order in foreign + tls, tls + foreign, tls + foreign + tls + foreign:
            without, result = (lab.run(lab.PRELUDE + order, [self.server.port, self.library, self.bundle], shim=shim,
                                       dirs=self.dirs) for shim in (False, True))
            self.assertEqual(["0"] * order.count("CDLL"), [line for line in without.out.splitlines() if line == "0"])
            self.assertEqual((0, ""), (result.code, result.err))
            self.assertEqual(["0"] * order.count("CDLL"), [line for line in result.out.splitlines() if line == "0"])
            self.assertEqual(order.count("attempt"), result.out.count(lab.PAGE))
            self.assertEqual(0, without.out.count(lab.PAGE))


if __name__ == "__main__":
    lab.main()
