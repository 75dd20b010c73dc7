# SPDX-License-Identifier: Apache-2.0
"""catrust doctor -- COMMAND: which TLS stacks real programs have, and whether they are reached."""

import glob
import json
import os
import shutil
import signal
import subprocess
import time
import unittest

from lab import lab, tools

# A program that has libssl and lives for a few milliseconds.
SHORT = """
#include <openssl/ssl.h>
int main(void)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	int ok = ctx != NULL && SSL_CTX_set_default_verify_paths(ctx) == 1;
	SSL_CTX_free(ctx);
	return ok ? 0 : 1;
}
"""

DEEPBIND = """
#include <dlfcn.h>
#include <stddef.h>
int main(void)
{
	return dlopen("libssl.so.3", RTLD_NOW | RTLD_DEEPBIND) == NULL;
}
"""

def find_program(name, *more):
    path = ":".join([lab.clean_env()["PATH"], os.environ.get("PATH", ""), *more])
    found = shutil.which(name, path=path)
    if not found:
        raise unittest.SkipTest("no " + name)
    return found


def compiled(name, source, *arguments):
    """A program compiled from source, next to the others in the run's folder."""
    compiler = find_program("cc")
    where = lab.folder("compiled")
    path = os.path.join(where, name)
    lab.write(path + ".c", source)
    done = subprocess.run([compiler, "-O1", "-o", path, path + ".c", *arguments],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode != 0:
        raise unittest.SkipTest("cc %s: %s" % (name, done.stdout.decode(errors="replace")[-300:]))
    return path


class Case(lab.Case):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.dir = lab.trustdir("corp-root.pem")

    def doctor(self, *command, code=None, env=None, options=(), **more):
        """The report as JSON, and the command's own output, which then goes to standard error."""
        result = tools.catrust("doctor", "--json", *options, "--", *command, dirs=[self.dir], env=env, **more)
        if code is not None:
            self.assertEqual(result.code, code, result)
        try:
            report = json.loads(result.out)
        except ValueError:
            self.fail("no JSON: %r" % (result,))
        self.assertEqual(report["status"], result.code)
        self.assertEqual(report["version"], 1)
        self.assertEqual(report["command"], [str(word) for word in command])
        return report, result.err

    def text(self, *command, code=None, options=(), **more):
        result = tools.catrust("doctor", *options, "--", *command, dirs=[self.dir], **more)
        if code is not None:
            self.assertEqual(result.code, code, result)
        return result

    def stacks(self, report, kind, aside=False):
        return [s for s in report["stacks"] if s["kind"] == kind and s["aside"] == aside]

    def one(self, report, kind):
        found = self.stacks(report, kind)
        self.assertEqual(len(found), 1, report)
        return found[0]

    def reached(self, stack, layer="hooks"):
        self.assertEqual((stack["reached"], stack["layer"], stack["reason"], stack["advice"]),
                         (True, layer, None, None), stack)

    def in_reach(self, stack, layer="hooks"):
        """Nobody saw whether it is reached: it did no TLS, or only a variable was set."""
        self.assertEqual((stack["reached"], stack["layer"], stack["reason"]), (None, layer, None), stack)
        if layer != "files":
            self.assertIsNone(stack["advice"])

    def not_reached(self, stack, reason, advice):
        self.assertEqual((stack["reached"], stack["layer"], stack["reason"]), (False, None, reason), stack)
        self.assertRegex(stack["advice"], advice)
        self.assertTrue(stack["why"])


class Programs(Case):
    def test_python(self):
        report, err = self.doctor(lab.PYTHON, "-c", "import ssl; print(ssl.OPENSSL_VERSION)", code=0)
        stack = self.one(report, "OpenSSL")
        self.in_reach(stack)
        self.assertTrue(err.startswith("OpenSSL " + stack["version"] + " "), (err, stack))
        self.assertRegex(stack["file"], r"^/.*/libssl\.so\.")
        self.assertFalse(stack["linked_in"])
        program = stack["programs"][0]
        self.assertEqual(program["path"], os.path.realpath(lab.PYTHON))
        self.assertTrue(program["command"].startswith(lab.PYTHON + " -c import ssl"), program)
        self.assertEqual((program["processes"], program["running"]), (1, False))
        self.assertEqual((report["traced"], report["complete"], report["anchors"]), (True, True, 1))
        self.assertEqual((report["ended"], report["without_library"]), ({"by": "exit", "number": 0}, []))

    def test_what_it_says_is_so(self):
        with lab.server() as server:
            get = "import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1]).read().decode())"
            report, err = self.doctor(lab.PYTHON, "-c", get, server.url, code=0)
            self.assertIn(lab.PAGE.strip(), err)
            self.reached(self.one(report, "OpenSSL"))
            report, err = self.doctor("env", "-i", lab.PYTHON, "-c", get, server.url, code=1)
            self.assertIn("CERTIFICATE_VERIFY_FAILED", err)
            self.not_reached(self.one(report, "OpenSSL"), "environment-cleared", "behind the command that clears")
            self.assertEqual(report["ended"], {"by": "exit", "number": 1})

    def test_no_tls(self):
        report, _ = self.doctor("true", code=0)
        self.assertEqual((report["stacks"], report["without_library"]), ([], []))
        self.assertIn("no TLS was loaded\n", self.text("true", code=0).out)

    def test_curl(self):
        curl = find_program("curl")
        if "OpenSSL" not in lab.run([curl, "--version"]).out:
            self.skipTest("curl is not on OpenSSL")
        report, _ = self.doctor(curl, "-s", "https://127.0.0.1:1/", code=0)
        self.in_reach(self.one(report, "OpenSSL"))
        self.assertEqual(report["ended"]["number"], 7)
        # Debian's brings GnuTLS along, for LDAP and RTMP: no reason for an alarm
        for stack in self.stacks(report, "GnuTLS", aside=True):
            self.assertEqual((stack["reached"], stack["advice"]), (False, None))

    def test_gnutls(self):
        # loaded by dlopen(), and nothing in the process verifies by it
        program = "import ctypes; ctypes.CDLL('libgnutls.so.30').gnutls_check_version.restype"
        if lab.run(program).code != 0:
            self.skipTest("no libgnutls.so.30")
        stack = self.one(self.doctor(lab.PYTHON, "-c", program, code=1)[0], "GnuTLS")
        self.not_reached(stack, "own-verification", "update-ca-certificates")
        self.assertRegex(stack["version"], r"^3\.\d+\.\d+$")

    def test_wget(self):
        wget = find_program("wget")
        with lab.server() as server:
            report, _ = self.doctor(wget, "-q", "-T", "20", "-t", "1", "-O", "/dev/null", server.named_url)
            if not self.stacks(report, "GnuTLS"):
                self.skipTest("wget is not on GnuTLS")
            self.reached(self.one(report, "GnuTLS"))
            self.assertEqual(report["ended"], {"by": "exit", "number": 0})

    def test_git(self):
        git = find_program("git")
        report, _ = self.doctor(git, "ls-remote", "https://127.0.0.1:1/x.git")
        if not self.stacks(report, "GnuTLS"):
            self.skipTest("git is not on GnuTLS")
        stack = self.one(report, "GnuTLS")
        self.in_reach(stack)
        self.assertIn("git-remote-http", stack["programs"][0]["path"])
        disabled = {"CATRUST_DISABLE": "1"}
        report, _ = self.doctor(git, "ls-remote", "https://127.0.0.1:1/x.git", env=disabled)
        self.not_reached(self.one(report, "GnuTLS"), "disabled", "unset")
        bundle = tools.joined(lab.cert("other-root.pem"), lab.cert("corp-root.pem"))
        report, _ = self.doctor(git, "ls-remote", "https://127.0.0.1:1/x.git",
                                env={**disabled, "GIT_SSL_CAINFO": bundle})
        self.in_reach(self.one(report, "GnuTLS"), "environment")

    def test_go(self):
        go = find_program("go", "/usr/local/go/bin", "/usr/lib/go/bin")
        lab_env = {"GOTOOLCHAIN": "local"}
        report, _ = self.doctor(go, "version", env=lab_env)
        stack = self.one(report, "Go crypto/tls")
        reason = stack["reason"]
        self.assertIn(reason, ("static", "other-library"))
        self.not_reached(stack, reason, "SSL_CERT_FILE")
        version = lab.run([go, "version"], env=lab_env).out
        self.assertIn("go" + stack["version"], version)
        # the variable reaches it, if the file is good
        report, _ = self.doctor(go, "version", env={**lab_env, "SSL_CERT_FILE": lab.cert("corp-root.pem")})
        stack = self.one(report, "Go crypto/tls")
        self.in_reach(stack, "environment")
        self.assertEqual(stack["variable"], "SSL_CERT_FILE")
        for path in lab.cert("other-root.pem"), "/nowhere", "corp-root.pem":
            report, _ = self.doctor(go, "version", env={**lab_env, "SSL_CERT_FILE": path}, code=1)
            self.not_reached(self.one(report, "Go crypto/tls"), reason, "it adds the CAs to what SSL_CERT_FILE names")

    def test_node(self):
        node = find_program("node")
        report, _ = self.doctor(node, "-p", "process.versions.openssl", code=1)
        stack = self.stacks(report, "OpenSSL")[-1]
        if not stack["linked_in"]:
            self.skipTest("node is not linked with OpenSSL statically")
        self.not_reached(stack, "linked-in-own-roots", "NODE_EXTRA_CA_CERTS")
        report, err = self.doctor(node, "-p", "process.versions.openssl", code=1,
                                  env={"NODE_EXTRA_CA_CERTS": lab.cert("corp-root.pem")})
        stack = self.one(report, "OpenSSL")
        self.in_reach(stack, "environment")
        self.assertTrue(err.startswith(stack["version"]), (err, stack))

    def test_java(self):
        java = find_program("java")
        report, _ = self.doctor(java, "-version", code=1)
        self.not_reached(self.one(report, "Java JSSE"), "other-library", "JAVA_TOOL_OPTIONS")
        report, _ = self.doctor(java, "-Djavax.net.ssl.trustStore=/x.p12", "-version", code=1)
        self.in_reach(self.one(report, "Java JSSE"), "environment")

    def test_what_it_advises_helps(self):
        seen = 0
        for name, arguments, kind in (("go", ["version"], "Go crypto/tls"), ("node", ["-p", "1"], "OpenSSL"),
                                      ("java", ["-version"], "Java JSSE")):
            program = shutil.which(name, path=":".join([lab.clean_env()["PATH"], "/usr/local/go/bin", "/usr/lib/go/bin"]))
            if not program:
                continue
            with self.subTest(name):
                command = [program, *arguments]
                before = self.stacks(self.doctor(*command, env={"GOTOOLCHAIN": "local"})[0], kind)[-1]
                if before["reached"]:
                    continue
                self.assertIn("catrust-run --env", before["advice"])
                seen += 1
                report, _ = self.doctor(tools.tool("catrust-run"), "--env", *command,
                                        env={"GOTOOLCHAIN": "local", "XDG_RUNTIME_DIR": lab.folder("run")})
                self.in_reach(self.stacks(report, kind)[-1], "environment")
        if not seen:
            self.skipTest("no go, node or java that needs it")

    def test_static_program(self):
        lab.need(programs=["busybox"])
        busybox = find_program("busybox")
        report, _ = self.doctor(busybox, "true", code=0)
        if not report["without_library"]:
            self.skipTest("busybox is not static")
        lost = report["without_library"][0]
        self.assertEqual((lost["reason"], lost["path"]), ("static", os.path.realpath(busybox)))
        out = self.text(busybox, "true", code=0).out
        self.assertIn("other programs, without the library:\n  " + os.path.realpath(busybox), out)
        self.assertIn("linked statically", out)

    def test_disabled(self):
        report, _ = self.doctor(lab.PYTHON, "-c", "import ssl", code=1, env={"CATRUST_DISABLE": "1"})
        self.not_reached(self.one(report, "OpenSSL"), "disabled", "unset CATRUST_DISABLE")

    def test_setuid(self):
        if os.geteuid() != 0:
            self.skipTest("not root")
        short = compiled("setuid", SHORT, "-lssl", "-lcrypto")
        os.chmod(short, 0o4755)
        secure = "import os, sys; os.setgroups([]); os.setgid(65534); os.setuid(65534); os.execv(sys.argv[1], sys.argv[1:])"
        report, _ = self.doctor(lab.PYTHON, "-c", secure, short)
        stack = self.one(report, "OpenSSL")
        if stack["reached"]:
            self.skipTest("setuid means nothing here (nosuid or no_new_privs)")
        self.not_reached(stack, "privileged", "/etc/catrust/ca.d")


class Linked(Case):
    """OpenSSL in places that the hooks can't reach, or only just."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if not glob.glob("/usr/lib/*/libssl.a") + glob.glob("/usr/lib*/libssl.a"):
            cls.static_libraries = None
        else:
            cls.static_libraries = ["-Wl,-Bstatic", "-lssl", "-lcrypto", "-Wl,-Bdynamic"]

    def need_static(self):
        if self.static_libraries is None:
            self.skipTest("no libssl.a")

    def test_hidden(self):
        self.need_static()
        program = compiled("hidden", SHORT, *self.static_libraries)
        report, _ = self.doctor(program)
        stack = self.one(report, "OpenSSL")
        self.assertEqual((stack["file"], stack["linked_in"]), (program, True))
        if stack["layer"]:
            self.reached(stack, "files")
        else:
            self.not_reached(stack, "linked-in-no-file-layer", "SSL_CERT_FILE")

    def test_a_bundle_that_was_given(self):
        """It is reached if it asked for a bundle and got it; a program with its own roots asks for none."""
        self.need_static()
        program = compiled("hidden", SHORT, *self.static_libraries)
        bundle = lab.write(os.path.join(lab.folder(), "b.pem"), lab.read(lab.cert("other-root.pem")))
        stack = self.one(self.doctor(program, code=0, env={"SSL_CERT_FILE": bundle})[0], "OpenSSL")
        self.reached(stack, "files")
        rootless = compiled("rootless", SHORT.replace("SSL_CTX_set_default_verify_paths(ctx) == 1", "1"), *self.static_libraries)
        stack = self.one(self.doctor(rootless, code=1, env={"SSL_CERT_FILE": bundle})[0], "OpenSSL")
        self.in_reach(stack, "files")
        self.assertIn("catrust-run --env", stack["advice"])
        self.assertIn("NOT KNOWN if reached: it read no bundle", self.text(rootless, code=1).out)

    def test_a_wheel_with_its_roots_inside(self):
        """rnet from PyPI: BoringSSL, which nothing reaches. It contains SSL_CERT_FILE, but does not use it."""
        wheel = glob.glob(os.path.join(lab.more("wheels"), "rnet-*.whl"))
        if not wheel:
            self.skipTest("no wheel of rnet")
        where = lab.folder("rnet")
        subprocess.run([lab.PYTHON, "-m", "pip", "-q", "--disable-pip-version-check", "install", "--no-index",
                        "--no-deps", "-t", where, wheel[0]], check=True, env=lab.clean_env(), stderr=subprocess.DEVNULL)
        code = "import rnet, sys; rnet.BlockingClient().get(sys.argv[1])"
        with lab.server("server-full") as srv:
            argv = [lab.PYTHON, "-c", code, srv.named_url]
            more = {"env": {"PYTHONPATH": where}, "code": 1}
            report, err = self.doctor(*argv, **more)
            text = self.text(*argv, **more).out
            self.assertEqual((srv.good, len(srv.bad)), (0, 2), err)
        stack = self.one(report, "BoringSSL")
        self.in_reach(stack, "files")
        self.assertIn("its roots are in the program", stack["advice"])
        self.assertNotIn("all of it is reached", text)
        self.assertIn("reached: 0, not known: 1", text)
        self.assertNotEqual(report["ended"]["number"], 0)

    def test_hidden_without_the_file_layer(self):
        self.need_static()
        program = compiled("hidden", SHORT, *self.static_libraries)
        report, _ = self.doctor(program, code=1, env={"CATRUST_FILES": "off"})
        self.not_reached(self.one(report, "OpenSSL"), "linked-in-no-file-layer", "SSL_CERT_FILE")

    def test_exported(self):
        # as node does: its own functions come before those of any library
        self.need_static()
        program = compiled("exported", SHORT, "-rdynamic", *self.static_libraries)
        report, _ = self.doctor(program, env={"CATRUST_FILES": "off"}, code=1)
        self.not_reached(self.one(report, "OpenSSL"), "linked-in-no-file-layer", "SSL_CERT_FILE")

    def test_all_static(self):
        self.need_static()
        program = compiled("static", SHORT, "-static", "-lssl", "-lcrypto")
        report, _ = self.doctor(program, code=1)
        self.not_reached(self.one(report, "OpenSSL"), "static", "SSL_CERT_FILE")

    def test_deepbind(self):
        program = compiled("deepbind", DEEPBIND, "-ldl")
        if lab.run([program]).code != 0:
            self.skipTest("no libssl.so.3")
        report, _ = self.doctor(program, code=1)
        self.not_reached(self.one(report, "OpenSSL"), "not-interposed", ".")

    def test_bound_late(self):
        # the pointer that is looked at is not set before the first call
        short = compiled("short", SHORT, "-Wl,-z,lazy", "-lssl", "-lcrypto")
        self.in_reach(self.one(self.doctor(short, code=0)[0], "OpenSSL"))


class Processes(Case):
    def test_short_lives(self):
        short = compiled("short", SHORT, "-lssl", "-lcrypto")
        report, _ = self.doctor("sh", "-c", 'for i in 1 2 3 4 5 6 7 8 9 10; do "$0" & done; wait', short, code=0)
        stack = self.one(report, "OpenSSL")
        self.in_reach(stack)
        self.assertEqual(len(stack["programs"]), 10)
        self.assertEqual(len({program["pid"] for program in stack["programs"]}), 10)

    def test_several(self):
        script = lab.write(os.path.join(lab.folder(), "script"), """#!/bin/sh
            %(python)s -c 'import ssl'
            %(python)s -c 'import ssl' &
            env -i %(python)s -c 'import ssl'
            env -u LD_PRELOAD %(python)s -c 'pass'
            wait
            exit 5\n""" % {"python": lab.PYTHON}, mode=0o755)
        report, _ = self.doctor(script, code=1)
        good, bad = sorted(self.stacks(report, "OpenSSL"), key=lambda stack: not stack["layer"])
        self.in_reach(good)
        self.assertEqual(len(good["programs"]), 2)
        self.not_reached(bad, "environment-cleared", "catrust-run")
        self.assertEqual(report["ended"], {"by": "exit", "number": 5})
        commands = [p["command"] for lost in report["without_library"] for p in lost["programs"]]
        self.assertEqual(sorted(commands), [lab.PYTHON + " -c import ssl", lab.PYTHON + " -c pass"])
        out = self.text(script, code=1).out
        for words in ("in reach of the hooks, but it verified nothing in this run:\n  OpenSSL ", "NOT reached:\n  OpenSSL ",
                      "      why  it was started without LD_PRELOAD", "      do   put catrust-run behind",
                      "other programs, without the library:\n",
                      "script ended with status 5\nTLS stacks: 2, reached: 0, not known: 1, not reached: 1\n"):
            self.assertIn(words, out)

    def test_forks(self):
        report, _ = self.doctor(lab.PYTHON, "-c", """if 1:
            import os
            for i in range(3):
                if os.fork() == 0:
                    if i == 2:
                        import ssl
                    os._exit(0)
            for i in range(3):
                os.wait()""", code=0)
        stack = self.one(report, "OpenSSL")
        self.in_reach(stack)
        self.assertEqual([program["processes"] for program in stack["programs"]], [4])

    def test_exec(self):
        # what a program had loaded counts, though it becomes another one
        report, _ = self.doctor(lab.PYTHON, "-c", "import os, ssl, time; time.sleep(2); os.execvp('true', ['true'])",
                                code=0)
        self.in_reach(self.one(report, "OpenSSL"))

    def test_own_helpers(self):
        # catrust-run in the command: what it calls itself is nobody's TLS
        for env in {}, {"CATRUST_NO_PTRACE": "1"}:
            env["XDG_RUNTIME_DIR"] = lab.folder("run")
            with self.subTest(env):
                report, _ = self.doctor(tools.tool("catrust-run"), "--env", lab.PYTHON, "-c",
                                        "import ssl, time; time.sleep(2)", code=1 if "CATRUST_NO_PTRACE" in env else 0, env=env)
                self.in_reach(self.one(report, "OpenSSL"))
                if report["traced"]:
                    self.assertEqual(report["without_library"], [])

    def test_threads(self):
        report, err = self.doctor(lab.PYTHON, "-c", """if 1:
            import os, ssl, sys, threading, time
            for i in range(40):
                threading.Thread(target=time.sleep, args=(0.01,)).start()
            def become():
                os.execv(sys.executable, [sys.executable, "-c", "import hashlib, ssl; print('became')"])
            threading.Thread(target=become).start()
            time.sleep(30)""", code=0)
        self.in_reach(self.one(report, "OpenSSL"))
        self.assertIn("became\n", err)

    def test_killed(self):
        report, _ = self.doctor(lab.PYTHON, "-c", "import os, ssl; os.kill(os.getpid(), 9)", code=0)
        self.in_reach(self.one(report, "OpenSSL"))
        self.assertEqual(report["ended"], {"by": "signal", "number": 9})
        self.assertIn("was ended by signal 15 (Terminated)", self.text("sh", "-c", "kill -TERM $$", code=0).out)

    daemon = """if 1:
        import os, ssl, sys, time
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                os.close(0); os.close(1); os.close(2)
                while os.path.exists(sys.argv[1] + "/stay"):
                    time.sleep(0.05)
                open(sys.argv[1] + "/gone", "w").close()
            os._exit(0)
        os.wait()"""

    def test_daemon(self):
        for env in {}, {"CATRUST_NO_PTRACE": "1"}:
            with self.subTest(env):
                where = lab.folder()
                stay = lab.write(os.path.join(where, "stay"), "")
                try:
                    report, _ = self.doctor(lab.PYTHON, "-c", self.daemon, where, code=1 if env else 0, env=env)
                    # where it is not traced, nobody knows whose child the daemon was
                    programs = self.one(report, "OpenSSL")["programs"]
                    self.assertTrue(any(program["running"] for program in programs), report)
                    if report["traced"]:
                        self.assertEqual(len(programs), 1)
                finally:
                    os.unlink(stay)
                # it was let go, and goes on
                end = time.monotonic() + 30
                while not os.path.exists(os.path.join(where, "gone")):
                    self.assertLess(time.monotonic(), end, "the daemon is stuck")
                    time.sleep(0.05)

    def test_not_traced(self):
        program = "import ssl, subprocess, sys, time; time.sleep(2); sys.argv[1:] and subprocess.call([sys.executable, '-c', sys.argv[1]])"
        report, err = self.doctor(lab.PYTHON, "-c", program, program, code=1, env={"CATRUST_NO_PTRACE": "1"})
        stack = self.one(report, "OpenSSL")
        self.in_reach(stack)
        self.assertEqual(len(stack["programs"]), 2, report)
        self.assertFalse(report["traced"])
        self.assertIn("tracing is not allowed here", err)

    def test_traced_by_another(self):
        # under strace, tracing fails indeed
        strace = find_program("strace")
        result = lab.run([strace, "-f", "-o", "/dev/null", tools.tool("catrust"), "doctor", "--json", "--",
                          lab.PYTHON, "-c", "import ssl, time; time.sleep(3)"], dirs=[self.dir])
        report = json.loads(result.out)
        self.assertFalse(report["traced"])
        self.in_reach(self.one(report, "OpenSSL"))


class Transparent(Case):
    def test_streams(self):
        result = self.text("sh", "-c", "cat; echo err >&2; exit 3", stdin=b"in\n", code=0)
        self.assertEqual(result.out, "in\n\nsh ended with status 3\nno TLS was loaded\n")
        self.assertEqual(result.err, "err\n")

    def test_a_command_that_failed_though_all_is_reached(self):
        program = "import os, sys, urllib.request; print('out', flush=True)\nurllib.request.urlopen(sys.argv[1])\nos._exit(%d)"
        hint = "all of it is reached: if the command failed because of a certificate, catrust doctor HOST says why\n"
        with lab.server() as server:
            failed = self.text(lab.PYTHON, "-c", program % 1, server.url, code=0).out
            self.assertTrue(failed.startswith("out\n\nreached by the hooks: it verified through them"), failed)
            self.assertTrue(failed.endswith(hint), failed)
            self.assertNotIn(hint, self.text(lab.PYTHON, "-c", program % 0, server.url, code=0).out)
        # nothing was verified: nothing is claimed
        self.assertNotIn(hint, self.text(lab.PYTHON, "-c", "import os, ssl; os._exit(1)", code=0).out)

    def test_a_library_that_is_not_there(self):
        where = lab.folder("missing")
        lab.write(os.path.join(where, "lib.c"), "int lib(void) { return 0; }")
        lab.write(os.path.join(where, "main.c"), "int lib(void); int main(void) { return lib(); }")
        cc = find_program("cc")
        subprocess.run([cc, "-shared", "-fPIC", "-Wl,-soname,libnotthere.so.7", "-o", where + "/liblib.so", where + "/lib.c"],
                       check=True)
        subprocess.run([cc, "-o", where + "/main", where + "/main.c", "-L" + where, "-llib", "-Wl,--no-as-needed", "-lssl"],
                       check=True)
        result = self.text(where + "/main", code=1)
        self.assertIn("it did not start: it needs libnotthere.so.7, which is not there\n", result.out)
        self.assertEqual(self.doctor(where + "/main", code=1)[0]["missing"], "libnotthere.so.7")
        check = lab.run([tools.tool("catrust-run"), "--check", where + "/main"], dirs=[self.dir])
        self.assertEqual(check.code, 1)
        self.assertIn("can't be started: it needs libnotthere.so.7, which is not there", check.out + check.err)

    def test_could_not_run(self):
        for command, code, words in ((["no-such-command"], 127, "not found"), (["/etc/passwd"], 126, "not executable"),
                                     ([""], 127, "empty")):
            with self.subTest(command):
                result = self.text(*command, code=code)
                self.assertEqual(result.out, "")
                self.assertIn(words, result.err)
        self.assertEqual(tools.catrust("doctor", "--").code, 2)

    def test_own_failures(self):
        alone = lab.folder()
        catrust = shutil.copy(tools.tool("catrust"), alone)
        result = lab.run([catrust, "doctor", "--", "true"])
        self.assertEqual((result.code, result.out), (125, ""))
        self.assertIn("catrust-run, which would run the command, is not there", result.err)
        shutil.copy(tools.tool("catrust-run"), alone)
        result = lab.run([catrust, "doctor", "--", "true"])
        self.assertEqual((result.code, result.out), (125, ""))
        self.assertIn("libcatrust.so is not there", result.err)

    def test_dir(self):
        result = self.text("sh", "-c", "echo $CATRUST_DIR", options=["--dir", self.dir], code=0)
        self.assertEqual(result.out.splitlines()[0].split(":")[0], self.dir)

    def test_nothing_is_trusted(self):
        result = tools.catrust("doctor", "--", "true", dirs=[lab.folder()])
        self.assertIn("the trust directories are empty", result.err)
        self.assertEqual(result.code, 0)

    def test_hostile_names(self):
        where = lab.folder()
        evil = os.path.join(where, "evil\x1b[2J\n\u202e")
        lab.write(evil, "#!/bin/sh\nexec env -i %s -c 'import ssl' \"$1\"\n" % lab.PYTHON, mode=0o755)
        for options in [], ["--json"]:
            result = self.text(evil, "\x1b]0;x\x07\x9b", code=1, options=options)
            self.assertNotRegex(result.out, r"[\x00-\x09\x0b-\x1f\x7f-\x9f]")
            self.assertIn("OpenSSL", result.out)

    def test_what_is_inherited_is_as_before(self):
        program = """if 1:
            import os, resource
            print(sorted(os.listdir("/proc/self/fd")), os.umask(0), os.nice(0), os.getcwd())
            print(sorted(name for name in os.environ), resource.getrlimit(resource.RLIMIT_NOFILE))"""
        without = lab.run([tools.tool("catrust-run"), lab.PYTHON, "-c", program], dirs=[self.dir])
        for env in {}, {"CATRUST_NO_PTRACE": "1"}:
            result = self.text(lab.PYTHON, "-c", program, code=0, env=env)
            self.assertEqual(result.out.replace("'CATRUST_NO_PTRACE', ", "").splitlines()[:2], without.out.splitlines())

    def test_signal_handlers_are_as_before(self):
        program = "import signal; print([signal.getsignal(s).name for s in (signal.SIGTSTP, signal.SIGTERM, signal.SIGQUIT, signal.SIGHUP)], signal.pthread_sigmask(0, []))"
        without = lab.run([tools.tool("catrust-run"), lab.PYTHON, "-c", program], dirs=[self.dir])
        result = self.text(lab.PYTHON, "-c", program, code=0)
        self.assertEqual(result.out.splitlines()[0], without.out.strip())

    def start(self, *command):
        return subprocess.Popen([tools.tool("catrust"), "doctor", "--", *command], cwd=lab.scratch(),
                                env=lab.clean_env(CATRUST_DIR=self.dir), stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, start_new_session=True)

    def test_a_signal_goes_on_to_the_command(self):
        handler = """if 1:
            import signal, ssl, sys, time
            signal.signal(int(sys.argv[1]), lambda *_: sys.exit(7))
            print("ready", flush=True)
            time.sleep(60)"""
        for number in signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGUSR1:
            with self.subTest(number), self.start(lab.PYTHON, "-c", handler, str(int(number))) as process:
                try:
                    self.assertEqual(process.stdout.readline(), b"ready\n")
                    process.send_signal(number)
                    out, err = process.communicate(timeout=30)
                finally:
                    if process.poll() is None:
                        os.killpg(process.pid, signal.SIGKILL)
                self.assertEqual(process.returncode, 0, err)
                self.assertIn(b"ended with status 7", out)
                self.assertIn(b"in reach of the hooks, but it verified nothing in this run:\n", out)

    def test_interrupt_at_the_terminal(self):
        program = "import ssl, sys, time; sys.stderr.write('rea' + 'dy\\n'); time.sleep(60)"
        with tools.Terminal([tools.tool("catrust"), "doctor", "--", lab.PYTHON, "-c", program],
                            lab.clean_env(CATRUST_DIR=self.dir)) as t:
            t.wait_for("ready")
            t.type("\x03")
            self.assertEqual(t.end(), 0, t.seen)
            out = t.process.stdout.read().decode()
        self.assertIn("KeyboardInterrupt", t.seen)
        self.assertIn("was ended by signal 2 (Interrupt)", out)
        self.assertIn("in reach of the hooks, but it verified nothing in this run:\n", out)

    def test_job_control(self):
        bash = find_program("bash")
        program = lab.write(os.path.join(lab.folder(), "job.py"),
                            "import ssl, sys, time\nsys.stderr.write('rea' + 'dy\\n')\n"
                            "sys.stdin.readline()\nsys.stderr.write('wo' + 'ken\\n')\n")
        with tools.Terminal([bash, "--norc", "--noediting", "-i"], lab.clean_env(CATRUST_DIR=self.dir)) as t:
            t.type("exec 1>&2; '%s' doctor -- %s %s\n" % (tools.tool("catrust"), lab.PYTHON, program))
            t.wait_for("ready")
            t.type("\x1a")
            t.wait_for("Stopped")
            t.type("fg\n")
            # what is typed before the job is in front again would be the shell's
            t.wait_for("job.py", timeout=20)
            end = time.monotonic() + 20
            while "woken" not in t.seen and time.monotonic() < end:
                t.type("\n")
                t._read(0.5)
            t.wait_for("woken")
            t.wait_for("TLS stacks: 1, reached: 0, not known: 1, not reached: 0")
            t.type("exit\n")
            t.end()


if __name__ == "__main__":
    lab.main()
