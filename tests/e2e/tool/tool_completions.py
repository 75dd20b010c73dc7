# SPDX-License-Identifier: Apache-2.0
"""The shells' completions know exactly the commands and options that --help shows."""

import os
import re
import unittest

from lab import lab, tools

COMPLETIONS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../../tools/completions")

BASH = """
compopt() { :; }
. "$1"
shift
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
_catrust
printf '%s\\n' "${COMPREPLY[@]}"
"""


def shown(command):
    """A command's options according to its --help."""
    options = set()
    for line in tools.catrust(command, "--help").out.splitlines():
        if re.match("  -", line):
            options.update(re.findall(r"--[a-z-]+", re.split(r"\s{2,}", line.strip())[0]))
    return options


def commands():
    text = tools.catrust("--help").out
    text = text[text.index("commands:\n"):text.index("\noptions:")]
    return re.findall(r"(?m)^  ([a-z]+) ", text)


class Case(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.commands = commands()
        self.assertLessEqual({"fetch", "list", "add", "remove", "bundle", "help"}, set(self.commands))
        self.expected = {c: shown(c) for c in self.commands if c != "help"}
        self.assertIn("--starttls", self.expected["fetch"])

    def check(self, options_of):
        """options_of: what a shell completes for each command."""
        for command, expected in self.expected.items():
            with self.subTest(command):
                self.assertEqual(options_of(command), expected)


class Bash(Case):
    def complete(self, *words):
        result = lab.run(["bash", "-c", BASH, "bash", os.path.join(COMPLETIONS, "catrust.bash"), "catrust", *words])
        self.assertEqual((result.code, result.err), (0, ""))
        return set(result.out.split())

    def test_options(self):
        self.check(lambda command: self.complete(command, "--"))

    def test_commands(self):
        self.assertLessEqual({*self.commands, "--help", "--version"}, self.complete(""))
        self.assertLessEqual(set(self.commands) - {"help"}, self.complete("help", ""))

    def test_values(self):
        where = lab.folder()
        lab.write(os.path.join(where, "bundle.pem"), "")
        self.assertIn(os.path.join(where, "bundle.pem"), self.complete("bundle", "--output", where + "/"))
        self.assertEqual(self.complete("bundle", "--format", ""), {"pem", "pkcs12", "jks"})
        self.assertEqual(self.complete("fetch", "--starttls", "xmpp"), {"xmpp", "xmpp-server"})
        known = tools.catrust("fetch", "--starttls", "?", "x").err
        self.assertEqual(self.complete("fetch", "--starttls", ""),
                         set(re.findall(r"[a-z0-9-]+", known[known.index("must be ") + 8:known.index(";")])) - {"or"})


class Zsh(Case):
    def setUp(self):
        super().setUp()
        self.text = lab.read(os.path.join(COMPLETIONS, "_catrust")).decode()

    def options(self, text):
        """The options in a part of the file, and in the arrays that it names."""
        found = set(re.findall(r"(?<![a-z])--[a-z-]+", re.sub(r"\[[^]]*\]", "", text)))
        for name in re.findall(r"\$([a-z_]+)", text):
            array = re.search(r"(?s)(?<=\n)%s=\((.*?)\)\n" % name, self.text)
            found |= self.options(array.group(1))
        return found

    def test_options(self):
        self.check(lambda command: self.options(
            re.search(r"(?s)\n%s\)\n(.*?)\n\t;;" % command, self.text).group(1)))

    def test_commands(self):
        self.assertLessEqual(set(self.commands), set(re.findall(r"(?m)^\t'([a-z]+):", self.text)))

    def test_syntax(self):
        lab.need(programs=["zsh"])
        self.assertEqual(lab.run(["zsh", "-n", os.path.join(COMPLETIONS, "_catrust")]), (0, "", ""))


class Fish(Case):
    def test_options(self):
        options = {}
        text = lab.read(os.path.join(COMPLETIONS, "catrust.fish")).decode()
        for seen, option in re.findall(r"(?m)^complete .*__fish_seen_subcommand_from ([a-z ]+)'.* -l ([a-z-]+)", text):
            for command in seen.split():
                options.setdefault(command, set()).add("--" + option)
        self.check(lambda command: options[command])
        self.assertLessEqual(set(self.commands), set(re.findall(r"(?m)__fish_use_subcommand -a ([a-z]+)", text)))

    def test_fish(self):
        lab.need(programs=["fish"])
        script = "source $argv[1]; complete -C \"catrust $argv[2] --\""
        for command, expected in self.expected.items():
            result = lab.run(["fish", "--no-config", "-c", script, os.path.join(COMPLETIONS, "catrust.fish"), command])
            self.assertEqual({line.split("\t")[0] for line in result.out.splitlines()}, expected, result.err)


class Run(unittest.TestCase):
    """The same for catrust-run."""

    def test_options(self):
        options = set()
        for line in lab.run([tools.tool("catrust-run"), "--help"]).out.splitlines():
            if re.match("  -", line):
                options.update(re.findall(r"--?[a-z-]+", re.split(r"\s{2,}", line.strip())[0]))
        self.assertLessEqual({"-d", "--dir", "-q", "--help"}, options)
        script = BASH.replace("_catrust\n", "_catrust_run\n")
        result = lab.run(["bash", "-c", script, "bash", os.path.join(COMPLETIONS, "catrust-run.bash"), "catrust-run", "-"])
        self.assertLessEqual({o.split("=")[0] for o in options}, {o.split("=")[0] for o in result.out.split()})
        zsh, fish = (lab.read(os.path.join(COMPLETIONS, n)).decode() for n in ("_catrust-run", "catrust-run.fish"))
        for option in options:
            self.assertRegex(zsh, re.escape(option) + r"(?![a-z-])")
            self.assertRegex(fish, r" -%s %s(?![a-z-])" % ("ls"[not option.startswith("--")], option.lstrip("-")))


if __name__ == "__main__":
    lab.main()
