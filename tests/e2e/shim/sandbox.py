# SPDX-License-Identifier: Apache-2.0
"""Programs that allow themselves few system calls: which calls the library adds, and that the manual names each of
them; that CATRUST_DISABLE adds no deadly call; and the filters of services."""

import json
import os
import re

from lab import lab

HERE = os.path.dirname(os.path.abspath(__file__))
MANUAL = os.path.join(HERE, "..", "..", "..", "tools", "man", "libcatrust.7")
# A list of Docker's, in Debian's golang-github-containers-common.
CONTAINERS = "/usr/share/containers/seccomp.json"
# A filter can't depend on how much memory a program needs, and when.
MEMORY = ["brk", "futex", "madvise", "mmap", "mprotect", "mremap", "munmap"]
# A program's calls at its end.
END = ["exit_group", "write"]
# A trust directory can't be read without these calls; one of them reads the ACL of files that a group may write to.
READS = ["fcntl", "fgetxattr", "fstat", "getdents64"]
VERDICT = re.compile(r"(handshake|with a store of its own) \d+")


def numbers():
    """System calls by name."""
    done = lab.run(["cc", "-E", "-dM", "-include", "sys/syscall.h", "-x", "c", "/dev/null"])
    return {name: int(number) for name, number in re.findall(r"^#define __NR_(\w+) (\d+)$", done.out, re.M)}


def documented():
    """The calls that must be allowed according to the manual."""
    text = lab.read(MANUAL).decode()
    listed = re.search(r"\.\\\" The calls\.\n(.*?)\n\.\\\" \.\n", text, re.S).group(1)
    return re.findall(r"^\.Xr (\w+) 2", listed, re.M)


class Sandbox(lab.Case):
    @classmethod
    def setUpClass(cls):
        lab.need(programs=["cc"])
        cls.program = os.path.join(lab.folder("built"), "sandbox")
        done = lab.run(["cc", "-std=gnu11", "-D_GNU_SOURCE", "-O2", "-g", "-Wall", "-Wextra", "-Werror", "-o",
                        cls.program, os.path.join(HERE, "sandbox.c"), "-lssl", "-lcrypto", "-lpthread"])
        if done.code != 0:
            raise RuntimeError(done.err)
        cls.number = numbers()
        cls.names = {number: name for name, number in cls.number.items()}
        cls.dirs = [lab.trustdir("corp-root.pem")]
        # Whose group may write to it: the ACL and the file system are looked at as well.
        os.chmod(cls.dirs[0] + "/corp-root.pem", 0o664)
        chain = b"".join(lab.read(lab.cert(name)) for name in ("server-chain.pem", "server.key"))
        cls.chain = lab.write(lab.folder() + "/chain.pem", chain)

    def confined(self, mode, when, allowed=(), shim=True, **env):
        calls = sorted({self.number[name] for name in allowed if name in self.number})
        result = lab.run([self.program, mode, when, lab.cert("other-root.pem"), self.chain, *map(str, calls)],
                         shim=shim, dirs=self.dirs, env=env)
        if result.code == 77:
            self.skipTest(result.err)
        return result

    def learned(self, when, **options):
        """Its output, and the names of its calls."""
        result = self.confined("learn", when, **options)
        self.assertEqual(0, result.code, result)
        *lines, calls = result.out.splitlines()
        return lines, {self.names[int(number)] for number in calls.split()[1:]}

    def expected(self, lines):
        return [VERDICT.sub(r"\1 0", line) for line in lines]

    def test_no_call_of_its_own_when_switched_off(self):
        """CATRUST_DISABLE: every call that is not the program's kills it."""
        for when in "first", "late":
            with self.subTest(when):
                lines, calls = self.learned(when, shim=False)
                self.assertIn("handshake 20", lines)
                result = self.confined("kill", when, [*calls, *MEMORY, *END], CATRUST_DISABLE="1")
                self.assertEqual((0, lines, ""), (result.code, result.out.splitlines(), result.err))

    def test_the_filter_kills(self):
        calls = self.learned("first", shim=False)[1]
        self.assertEqual(-31, self.confined("kill", "first", calls - {"openat"}, shim=False).code)

    def test_the_manual_names_each_call(self):
        """If a program allows these calls, too, it is not killed, before or after it has loaded its CAs."""
        for when in "first", "late":
            for level in "error", "debug":
                with self.subTest(when, level=level):
                    lines, calls = self.learned(when, shim=False)
                    more = self.learned(when, CATRUST_LOG=level)[1] - calls - set(MEMORY)
                    self.assertLessEqual(more, set(documented()))
                    result = self.confined("kill", when, [*calls, *MEMORY, *END, *documented()], CATRUST_LOG=level)
                    self.assertEqual((0, self.expected(lines)), (result.code, result.out.splitlines()), result)

    def test_each_call_may_fail(self):
        """Without the calls that read a directory, there is no anchor, but nothing else changes."""
        lines, calls = self.learned("first", shim=False)
        for name in set(documented()) - calls:
            with self.subTest(name):
                result = self.confined("deny", "first", [name], CATRUST_LOG="info")
                expected = lines if name in READS else self.expected(lines)
                self.assertEqual((0, expected), (result.code, result.out.splitlines()), result)

    def under(self, names):
        lines = self.learned("first", shim=False)[0]
        for mode in "kill", "errno":
            with self.subTest(mode):
                result = self.confined(mode, "first", names, CATRUST_LOG="info")
                self.assertEqual((0, self.expected(lines)), (result.code, result.out.splitlines()), result)

    def test_system_service_of_systemd(self):
        """SystemCallFilter=@system-service"""
        lab.need(programs=["systemd-analyze"])
        names, sets = set(), ["@system-service"]
        while sets:
            done = lab.run(["systemd-analyze", "syscall-filter", sets.pop()])
            self.assertEqual((0, ""), (done.code, done.err))
            listed = re.findall(r"^ +(@?\w[\w-]*)$", done.out, re.M)
            sets += [name for name in listed if name.startswith("@")]
            names.update(name for name in listed if not name.startswith("@"))
        self.assertIn("openat", names)
        self.under(names)

    def test_profile_of_containers(self):
        """What Docker's filter allows without a capability."""
        if not os.path.exists(CONTAINERS):
            self.skipTest("no " + CONTAINERS)
        with open(CONTAINERS) as f:
            rules = json.load(f)["syscalls"]
        names = {name for rule in rules if rule["action"] == "SCMP_ACT_ALLOW" and not rule.get("args") and
                 not rule.get("includes") for name in rule["names"]}
        self.assertIn("openat", names)
        self.under(names)


if __name__ == "__main__":
    lab.main()
