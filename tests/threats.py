# SPDX-License-Identifier: Apache-2.0
"""Each sentence of docs/threat-model.md names the tests behind it, and they exist and are run."""

import ast
import glob
import os
import re
import unittest

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
NAME = re.compile(r"\[(\w+): ([\w.]+)\]")


def read(*path):
    with open(os.path.join(TOP, *path), encoding="utf-8") as f:
        return f.read()


def claims():
    """The bullets of the document, each joined into one line."""
    text = read("docs", "threat-model.md")
    return [" ".join(part.split()) for part in re.findall(r"(?ms)^- (.*?)(?=^- |^#|\Z)", text)]


def tests_of(path):
    """The tests in a source: Class.method for Python, and for Check those that are defined and added to a case."""
    text = read(path)
    if path.endswith(".c"):
        added = re.findall(r"tcase_add_(?:loop_)?test\(\s*\w+,\s*(\w+)", text)
        return set(re.findall(r"START_TEST\((\w+)\)", text)) & set(added)
    return {"%s.%s" % (node.name, item.name) for node in ast.parse(text).body if isinstance(node, ast.ClassDef)
            for item in node.body if isinstance(item, ast.FunctionDef) and item.name.startswith("test")}


def source_of(stem):
    """The source of a test. shim_scope and tool_names are the names of unit tests' programs."""
    patterns = ["tests/e2e/*/%s.py" % stem, "tests/gate/%s.py" % stem]
    kind, _, rest = stem.partition("_")
    if kind in ("shim", "tool"):
        patterns.append("tests/unit/*/%s.c" % rest)
    found = [path for pattern in patterns for path in glob.glob(os.path.join(TOP, pattern))]
    return os.path.relpath(found[0], TOP) if found else None


def registered():
    """The files that ctest runs, without their endings."""
    # ctest -N would list them too, but it overwrites the log of the run that called this test.
    listed = read(os.environ["CATRUST_BUILD"], "tests", "CTestTestfile.cmake")
    return {re.sub(r"^e2e\.\w+\.", "", os.path.splitext(os.path.basename(word))[0] if "/" in word else word)
            for test in re.findall(r"(?m)^add_test\((.*)\)$", listed) for word in re.findall(r'"([^"]*)"', test)}


class ThreatModel(unittest.TestCase):
    def test_each_sentence_has_a_test(self):
        self.assertGreater(len(claims()), 20)
        for claim in claims():
            with self.subTest(claim):
                said, _, rest = claim.partition(" [")
                self.assertRegex(said, r"[^.]\.$")
                # A bullet has one sentence. Text after the names would have no tests.
                self.assertNotRegex(said[:-1], r"\.\s+[A-Z`]")
                self.assertEqual("", NAME.sub("", " [" + rest).strip())

    def test_each_test_is_there_and_is_run(self):
        run = registered()
        for claim in claims():
            names = NAME.findall(claim)
            self.assertTrue(names, claim)
            for stem, test in names:
                with self.subTest(stem, test=test):
                    self.assertIsNotNone(source_of(stem))
                    self.assertIn(test, tests_of(source_of(stem)))
                    self.assertIn(stem, run)

    def test_who_reads_of_it(self):
        self.assertIn("docs/threat-model.md", read("README.md"))
        self.assertIn("docs/threat-model.md", read("tools", "man", "libcatrust.7"))


if __name__ == "__main__":
    unittest.main()
