# SPDX-License-Identifier: Apache-2.0
"""A program's own callbacks do and find the same during and around a verification as without the shim."""

import os

from lab import lab

SETTINGS = {}, {"CATRUST_LOG": "info"}, {"CATRUST_STRICT": "relax", "CATRUST_LOG": "info"}


class Callbacks(lab.Case):
    @classmethod
    def setUpClass(cls):
        lab.need(programs=["cc"])
        source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "policy_callbacks.c")
        cls.program = os.path.join(lab.folder("built"), "policy_callbacks")
        built = lab.run(["cc", "-O1", "-g", "-o", cls.program, source, "-lssl", "-lcrypto"])
        if built.code != 0:
            raise RuntimeError(built.err)

    def same(self, mode):
        """With the CA from either source; returns the output."""
        argv = [self.program, mode, lab.cert("corp-root.pem"), lab.cert("server-chain.pem"), lab.cert("server.key")]
        without = lab.run(argv)
        self.assertEqual((0, ""), (without.code, without.err))
        for dirs in [lab.trustdir("corp-root.pem")], [lab.trustdir("other-root.pem")]:
            for env in SETTINGS:
                with self.subTest(env=env):
                    result = lab.run(argv, shim=True, dirs=dirs, env=env)
                    self.assertEqual(without, result)
        # This is also so if the shim's anchor is the only one.
        argv[2] = lab.cert("other-root.pem")
        for env in SETTINGS:
            result = lab.run(argv, shim=True, dirs=[lab.trustdir("corp-root.pem")], env={**env, "CATRUST_LOG": "off"})
            self.assertEqual(without, result)
        return without.out

    def test_nothing_to_verify(self):
        self.assertIn("without anything: -1\n", self.same("null"))

    def test_verified_again_by_its_own_callback(self):
        self.assertIn("within: -1, error 69\n", self.same("again"))

    def test_replaced_by_the_callback_itself(self):
        self.assertRegex(self.same("replace"), "(?s)callback: as it was, verify: as it was\n.*"
                                               "callback: second, verify: mine\n")

    def test_left_by_longjmp(self):
        self.assertIn("left: -1, error 69\n", self.same("leave"))


if __name__ == "__main__":
    lab.main()
