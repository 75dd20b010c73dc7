# SPDX-License-Identifier: Apache-2.0
"""A store's own rules, CRLs, callbacks and lookups work as without the shim, whatever anchor is involved."""

import os
import re

from lab import lab


class Rules(lab.Case):
    @classmethod
    def setUpClass(cls):
        lab.need(programs=["cc"])
        source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "policy_rules.c")
        cls.program = os.path.join(lab.folder("built"), "policy_rules")
        built = lab.run(["cc", "-O1", "-g", "-Wall", "-Wextra", "-o", cls.program, source, "-lssl", "-lcrypto",
                         "-lpthread"])
        if built.code != 0 or built.err:
            raise RuntimeError(built.err)

    def outputs(self, case, scope=""):
        """The results without the shim and with it."""
        folder = lab.folder("ca.d")
        os.makedirs(os.path.join(folder, scope), exist_ok=True)
        results = [lab.run([self.program, case, os.path.join(folder, scope)], dirs=[folder], shim=shim)
                   for shim in (False, True)]
        for result in results:
            self.assertEqual((0, ""), (result.code, result.err), result)
        return [result.out for result in results]

    def same(self, case, pattern, **options):
        without, there = self.outputs(case, **options)
        self.assertRegex(without, pattern)
        self.assertEqual(without, there)

    def test_crl_of_another_key(self):
        self.same("crl-of-another-key", "CRL: 1, error 0")

    def test_revocation_lists_of_all(self):
        self.same("own-root", "all CRLs: 1, error 0, chain of 3")

    def test_callback_sees_the_chain_that_counts(self):
        self.same("own-root-seen", "callback: 1, depth 2 of 3", scope="other.example")

    def test_stock_verification_put_back(self):
        self.same("stock-put-back", "within: -1\nagain: 1, error 0")

    def test_method_with_other_arguments(self):
        self.same("own-method", "command 1: 1\n")

    def test_method_that_finds_certificates(self):
        """It is called as without the shim, so no anchors are lent there; CATRUST_LOG=info reports it."""
        self.same("own-source", "client: 0, error 20, chain of 1\nasked: [1-9]")
        folder = lab.folder("ca.d")
        result = lab.run([self.program, "own-source", folder], dirs=[folder], shim=True,
                         env={"CATRUST_LOG": "info"})
        self.assertEqual(0, result.code)
        self.lines(result.err, ["finds issuers in its own way", "unable to get local issuer certificate"])

    def test_copied_callback_switches_nothing_off(self):
        """A callback copies itself, and the last step, to the program's own contexts and store: no scope is lost."""
        without, there = self.outputs("copied-callback", scope="corp.example")
        self.assertRegex(without, "inner: 0, error 20\nin scope: 0, error 20, .*\nout of scope: 0, error 20")
        self.assertRegex(there, "inner: 0, error 20\nin scope: 1, error 0, .*\nout of scope: 0, error 47")

    def test_expired_anchor_for_a_program_with_its_own_time(self):
        without, there = self.outputs("own-check-time")
        self.assertNotIn(": 1,", without)
        self.assertRegex(there, "now: 1, error 0, .*\nlater: 0, error 20, .*\nbefore: 0, .*\nwhenever: 1, error 0")

    def test_server_with_many_cas_of_one_name(self):
        without, there = self.outputs("many-cas")
        self.assertIn("clients: 200", without)
        self.assertIn("a client first: 1", there)
        self.assertIn("clients: 200", there)

    def test_mutex_over_a_load(self):
        self.same("mutex", "loaded: 1")

    def test_context_that_is_verified_twice(self):
        without, there = self.outputs("twice")
        self.assertEqual("0: 0\n1: 1\n2: 0\n3: 1\nanew: 1\n", without)
        self.assertEqual("0: 1\n1: 1\n2: 1\n3: 1\nanew: 1\n", there)

    def test_no_certificate_is_loaded_that_openssl_does_not_ask_for(self):
        self.same("cross-signed", "cross-signed: 1, error 0, .*\nin the store: 1\n")

    def test_lookup_without_a_store(self):
        self.same("no-store", "added: 1")

    def test_lookup_that_finds_nothing(self):
        """Nobody gets in; the messages may differ."""
        for out in self.outputs("own-lookup"):
            self.assertTrue(re.search("server: 0, error (20|28)", out), out)


if __name__ == "__main__":
    lab.main()
