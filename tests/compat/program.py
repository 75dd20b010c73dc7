# SPDX-License-Identifier: Apache-2.0
"""Programs in C: the client of tests/e2e/shim/hostile.c, built for another libc or processor, which CATRUST_CLIENT names;
and programs that have neither libssl nor libdl; and what is checked of a library without running it."""

import os
import sys
import unittest

from lab import lab

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "gate"))
import exports

CLIENT = os.environ.get("CATRUST_CLIENT")
UNKNOWN = "unable to get local issuer certificate"


@unittest.skipUnless(CLIENT, "CATRUST_CLIENT is not set")
class Client(lab.Case):
    def each(self, mode, dirs, server="server-chain", **options):
        """The results without the shim and with it."""
        with lab.server(server) as srv:
            return [lab.run([CLIENT, mode, srv.port, lab.cert("other-root.pem")], shim=shim, dirs=dirs, **options)
                    for shim in (False, True)]

    def test_trusted(self):
        for mode in "once", "clearenv", "stack":
            for env in {}, {"LD_BIND_NOW": "1"}:
                with self.subTest(mode, env=env):
                    without, result = self.each(mode, [lab.trustdir("corp-root.pem")], env=env)
                    self.assertIn(UNKNOWN, without.out, without)
                    self.assertEqual((0, without.out.replace(UNKNOWN, "trusted"), ""), result)

    def test_children(self):
        for mode in "vfork", "forks":
            without, result = self.each(mode, [lab.trustdir("corp-root.pem")])
            if "child: 0\n" not in without.out:
                self.skipTest("the program cannot start itself here")
            self.assertEqual((0, without.out.replace(UNKNOWN, "trusted"), ""), result)

    def test_out_of_descriptors(self):
        without, result = self.each("descriptors", [lab.trustdir("corp-root.pem")])
        self.assertEqual(3, without.out.count(UNKNOWN), without)
        self.assertEqual((0, "without descriptors: %s\nwith descriptors again: trusted\nwith a new context: trusted\n"
                          % UNKNOWN), result[:2])
        # What changes of that within a minute is not told.
        self.lines(result.err, [r": too many open files"])

    def test_refused(self):
        """Servers that the anchor does not make good, and an anchor of somebody else."""
        for server, anchor, error in (("expired", "corp-root.pem", "certificate has expired"),
                                      ("selfsigned", "corp-root.pem", "self-signed certificate"),
                                      ("server-chain", "client-root.pem", UNKNOWN)):
            with self.subTest(server):
                self.assertEqual((0, "once: %s\n" % error, ""),
                                 self.each("once", [lab.trustdir(anchor)], server)[1])

    def test_scope(self):
        path = lab.trustdir()
        os.mkdir(path + "/elsewhere.example")
        lab.write(path + "/elsewhere.example/root.pem", lab.read(lab.cert("corp-root.pem")))
        self.assertEqual((0, "once: permitted subtree violation\n", ""), self.each("once", [path])[1])

    def test_hint(self):
        _, result = self.each("once", [lab.trustdir("client-root.pem")], env={"CATRUST_LOG": "info"})
        self.lines(result.err, [r"127.0.0.1:\d+: %s" % UNKNOWN])


@unittest.skipUnless(CLIENT, "CATRUST_CLIENT is not set")
class Unserved(lab.Case):
    """With a TLS library that is not OpenSSL, the program is as it was, and one line says so when it matters."""

    def each(self, *names, mode="once", server="server-chain", **env):
        with lab.server(server) as srv:
            return [lab.run([CLIENT, mode, srv.port, lab.cert("other-root.pem")], shim=shim, env=env,
                            dirs=[lab.trustdir(*names)]) for shim in (False, True)]

    def test_told_once(self):
        for mode in "once", "forks", "stack":
            with self.subTest(mode):
                without, result = self.each("corp-root.pem", mode=mode)
                self.assertIn(UNKNOWN, without.out)
                self.assertEqual(without[:2], result[:2])
                lines = result.err.splitlines()
                # Children that were started anew say so, too.
                self.assertEqual(1, len(set(lines)), result)
                self.assertEqual(1 + without.out.count("child: 0"), len(lines), result)
                self.assertRegex(lines[0], r"/libcrypto\.so: this TLS library \(.*AWS-LC.*\) is not one that")

    def test_nothing_to_tell(self):
        """There are no anchors; the program is not to be served; the server is trusted."""
        without, result = self.each()
        self.assertIn(UNKNOWN, without.out)
        self.assertEqual(without[:2], result[:2])
        self.assertNotIn("TLS library", result.err)
        without, result = self.each("corp-root.pem", CATRUST_DISABLE="1")
        self.assertIn(UNKNOWN, without.out)
        self.assertEqual(without, result)
        without, result = self.each("corp-root.pem", server="other-server")
        self.assertIn("once: trusted", without.out)
        self.assertEqual(without, result)


class WithoutLibdl(lab.Case):
    """On glibc before 2.34, dlsym is in a library that such a program does not have, nor gets."""

    def test_programs(self):
        for env in {}, {"LD_BIND_NOW": "1"}:
            with self.subTest(env=env):
                self.assertEqual(lab.run(["uname", "-a"], env=env), lab.run(["uname", "-a"], env=env, shim=True))
                result = lab.run(["cat", "/proc/self/maps"], env=env, shim=True)
                self.assertEqual((0, ""), (result.code, result.err))
                self.assertIn("/libcatrust.so\n", result.out)
                self.assertNotIn("libdl", result.out)


class Gates(unittest.TestCase):
    def test_library(self):
        self.assertEqual([], exports.faults(lab.built_shim()))


if __name__ == "__main__":
    lab.main()
