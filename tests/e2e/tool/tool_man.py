# SPDX-License-Identifier: Apache-2.0
"""catrust(1) names every member that --json prints, and no others."""

import json
import os
import re
import unittest

from lab import lab, tools
from e2e.tool import tool_ps

MAN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../../tools/man/catrust.1")


def section(text, start, end):
    """The text between two marks, or up to the end if there is no second mark."""
    at = text.index(start)
    return text[at:text.index(end, at + len(start)) if end else len(text)]


def variables(text):
    """The marked members: .It Va a , b and .Va c ,"""
    found = set()
    for arguments in re.findall(r"(?m)^\.(?:It )?Va (.*)$", text):
        found.update(re.findall(r"[a-z][a-z0-9_]*", re.sub(r"\b[A-Z][a-z]\b.*", "", arguments)))
    return found


def keys(value):
    """The names of all members, at any depth."""
    if isinstance(value, dict):
        return set(value).union(*map(keys, value.values()))
    return set().union(*map(keys, value)) if isinstance(value, list) else set()


class Json(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        text = section(lab.read(MAN).decode(), ".Ss JSON", ".Sh ENVIRONMENT")
        marks = ["The object of\n.Cm fetch", "The object of\n.Cm list", ".Fl -json\nof\n.Cm doctor Ar target",
                 ".Fl -json\nof\n.Cm doctor Fl - Ar command", ".Fl -json\nof\n.Cm ps\n"]
        cls.part = {name: variables(section(text, mark, end)) for name, mark, end in
                    zip(("fetch", "list", "doctor", "command", "ps"), marks, [*marks[1:], None])}
        cls.certificate = variables(text[:text.index(marks[0])])

    def compare(self, name, outputs, also=frozenset()):
        """also: members described elsewhere, reached through members that are the same."""
        printed = keys(outputs)
        self.assertEqual(set(), printed - self.part[name] - self.certificate - also)
        self.assertEqual(set(), self.part[name] - printed)

    def run_json(self, *args, dirs, **options):
        result = tools.catrust(*args, dirs=dirs, **options)
        return json.loads(result.out)

    def test_certificates(self):
        self.assertLessEqual({"subject", "issuer", "not_before", "not_after", "key", "sha256", "self_signed"},
                             self.certificate)

    def test_fetch(self):
        dirs = [os.path.join(lab.folder("man"), "ca.d")]
        outputs = []
        with tools.server_of("loose-server", tools.cert("loose-root"), lab.cert("other-root.pem")) as srv:
            for args in ([], ["--fingerprint", tools.fingerprint(tools.cert("loose-root"))]):
                outputs.append(self.run_json("fetch", "--json", srv.url, *args, dirs=dirs))
        one = outputs[1]["targets"][0]
        self.assertTrue(one["extra"] and one["findings"] and one["verification"] and one["file"])
        self.compare("fetch", outputs)

    def test_list(self):
        there = lab.trustdir(tools.cert("loose-root"))
        lab.write(os.path.join(there, "junk.pem"), "junk")
        lab.write(os.path.join(there, "copy.pem"), lab.read(tools.cert("loose-root")))
        self.compare("list", [self.run_json("list", "--json", *args, dirs=[there]) for args in ([], ["--check"])])

    def test_doctor(self):
        with lab.server("server-full") as srv:
            outputs = self.run_json("doctor", "--json", srv.url, "--ca-bundle", lab.cert("other-root.pem"),
                                    dirs=[lab.folder("none")])
        self.assertTrue(outputs["causes"])
        self.compare("doctor", outputs, self.part["fetch"] & {"origin"})

    def test_doctor_of_a_command(self):
        script = "import ssl, subprocess; subprocess.call(['env', '-i', 'true'])"
        result = tools.catrust("doctor", "--json", "--", lab.PYTHON, "-c", script, dirs=[lab.trustdir("corp-root.pem")])
        report = json.loads(result.out)
        self.assertTrue(report["stacks"] and report["without_library"], report)
        self.compare("command", report)

    def test_ps(self):
        with tool_ps.process(dirs=[lab.trustdir("corp-root.pem")]):
            report = json.loads(tools.catrust("ps", "--json").out)
        self.assertTrue(report["processes"][0]["stacks"], report)
        self.compare("ps", report, self.part["command"])


if __name__ == "__main__":
    lab.main()
