#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks the source tree: which files include which, and that nothing is left over.

- A file of tools/catrust includes only files of its own room and of the rooms before it (ROOMS).
- A file of shim includes only files of its own room and of those that SHIM_ROOMS names. The tool includes only the
  shared files of the shim.
- Each header compiles alone.
- Each function or variable that another file could use is used by another file.
- Each test is run by ctest.
- No source file of shim/ or tools/ has more than 600 lines.
- The version is in CMakeLists.txt; examples and CHANGELOG.md name the same version.

CATRUST_BUILD names the build folder. The class Faults shows that each check fails on a tree with a fault.
"""

import collections
import concurrent.futures
import glob
import json
import os
import re
import shlex
import subprocess
import tempfile
import unittest

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ["CATRUST_BUILD"]

# A file may include its own room and the rooms before it. main.c may include all of them.
ROOMS = "base net program certs store verify cli env mount fetch doctor stacks ps system commands".split()
# compat/run starts these with the interpreters that it tests.
BY_OTHERS = {"tests/compat/cases.py", "tests/compat/program.py"}
# The rooms of shim/, and which others each of them may include. hooks.c may include all.
SHIM_ROOMS = {
    "libc": [],
    "x509": ["libc"],
    "anchors": ["libc", "x509"],
    "process": ["libc", "x509", "anchors"],
    "openssl": ["libc", "x509", "anchors", "process"],
    "load": ["libc", "x509", "anchors", "process", "openssl"],
    "policy": ["libc", "x509", "anchors", "process", "openssl"],
    "static": ["libc", "x509", "anchors", "process", "openssl"],
    "gnutls": ["libc", "x509", "anchors", "process", "openssl"],
}
# The rules of policy/, which the tool shares. They must not use the rooms of the process.
with open(os.path.join(TOP, "shim", "policy", "CMakeLists.txt"), encoding="utf-8") as lists:
    RULES = re.findall(r"(\w+)\.c", re.search(r"catrust_room\(rules([^)]*)\)", lists.read()).group(1))
# What the tool may include of the shim beside SHARED_ROOMS and the rules: the functions of OpenSSL that the rules call,
# and the format in which a process describes itself.
SHARED_ROOMS = ("libc", "x509", "anchors")
FOR_THE_TOOL = ["openssl/binding.h", "openssl/openssl.def", "openssl/public.h", "process/seen.h"]
MOST_LINES = 600


def read(path):
    with open(path) as f:
        return f.read()


def included(text):
    return re.findall(r'^#\s*include "([^"]+)"', text, re.M)


def sources(top, folder, endings=".ch"):
    found = glob.glob(os.path.join(top, folder, "**", "*.[%s]" % endings.strip(".")), recursive=True)
    return sorted(os.path.relpath(path, top) for path in found)


def room_of(path):
    return path.split("/")[0] if "/" in path else None


def is_shared(name):
    """May the tool include this file of the shim?"""
    stem = os.path.splitext(os.path.basename(name))[0]
    return room_of(name) in SHARED_ROOMS or name in FOR_THE_TOOL or (room_of(name) == "policy" and stem in RULES)


def tool_import_faults(top):
    for path in sources(top, "tools/catrust"):
        room = room_of(path[len("tools/catrust/"):])
        if room is not None and room not in ROOMS:
            yield "%s: tests/gate/structure.py does not list the room %s" % (path, room)
            continue
        for name in included(read(os.path.join(top, path))):
            other = room_of(name)
            if other in SHIM_ROOMS:
                if not is_shared(name):
                    yield "%s: %s is not of what the shim shares with the tool" % (path, name)
            elif other is None or not os.path.exists(os.path.join(top, "tools/catrust", name)):
                yield '%s: there is no "%s" in tools/catrust; name it as "room/file.h"' % (path, name)
            elif room is not None and ROOMS.index(other) > ROOMS.index(room):
                yield "%s: %s/ may not include %s/ (%s)" % (path, room, other, name)


def shim_import_faults(top):
    for path in sources(top, "shim"):
        room = room_of(path[len("shim/"):])
        if room is not None and room not in SHIM_ROOMS:
            yield "%s: tests/gate/structure.py does not list the room %s" % (path, room)
            continue
        stem = os.path.splitext(os.path.basename(path))[0]
        for name in included(read(os.path.join(top, path))):
            other = room_of(name)
            if name == "hooks.def" or name == "openssl/openssl_names.h":
                continue
            if other is None or not os.path.exists(os.path.join(top, "shim", name)):
                yield '%s: there is no "%s" in shim; name it as "room/file.h"' % (path, name)
            elif room is not None and other != room and other not in SHIM_ROOMS[room]:
                yield "%s: %s/ may not include %s/ (%s)" % (path, room, other, name)
            elif room == "policy" and stem in RULES and other == "process":
                yield "%s: the rules may not include process/ (%s)" % (path, name)


def import_faults(top):
    yield from tool_import_faults(top)
    yield from shim_import_faults(top)


def commands():
    """The compiler's command for each source of the build: path relative to TOP → words."""
    found = {}
    for entry in json.loads(read(os.path.join(BUILD, "compile_commands.json"))):
        path = os.path.relpath(os.path.join(entry["directory"], entry["file"]), TOP)
        found.setdefault(path, shlex.split(entry["command"]))
    return found


def flags_for(header, compiled):
    """The compiler's flags for a header: those of its own source, or of one beside it, or of one in its top folder."""
    for prefix in (os.path.splitext(header)[0] + ".", os.path.dirname(header) + "/", header.split("/")[0] + "/"):
        for path, words in sorted(compiled.items()):
            if path.startswith(prefix):
                return [word for word in words if re.match(r"-(I|D|U|std=|isystem|W|pthread)", word)]
    return []


def header_fault(path, flags):
    """The compiler's errors for a header that is included alone, or None."""
    text = '#include "%s"\nextern int nothing;\n' % path
    argv = [os.environ.get("CC", "cc"), *flags, "-fsyntax-only", "-x", "c", "-"]
    done = subprocess.run(argv, input=text, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return None if done.returncode == 0 else "%s does not compile alone:\n%s" % (path, done.stdout)


def export_faults(objects, text_of, entries):
    """objects: (is it part of the product?, source, object). entries: names that are called from outside."""
    defined, used = [], collections.defaultdict(set)
    of = {path: (product, source) for product, source, path in objects}
    listed = subprocess.run(["nm", "-gA", *of], check=True, stdout=subprocess.PIPE, text=True).stdout
    for line in listed.splitlines():
        path, symbol = line.split(":", 1)
        (product, source), (*_, kind, name) = of[path], symbol.split()
        if kind == "U":
            used[name].add((product, source))
        elif kind in "TDBRCV" and product:
            defined.append((name, source))
    for name, source in sorted(set(defined)):
        if name in entries:
            continue
        users = {(product, user) for product, user in used[name] if user != source}
        if not users:
            yield "%s of %s has no caller in another file: make it static, or remove it" % (name, source)
        elif not any(product for product, _ in users) and len(re.findall(r"\b%s\b" % name, text_of(source))) < 2:
            yield "%s of %s is called by tests alone: remove it" % (name, source)


def built_objects():
    for entry in json.loads(read(os.path.join(BUILD, "compile_commands.json"))):
        path = os.path.relpath(os.path.join(entry["directory"], entry["file"]), TOP)
        words = shlex.split(entry["command"])
        out = os.path.join(entry["directory"], words[words.index("-o") + 1])
        if os.path.exists(out):
            # Tests compile copies of some sources of the shim and the tool; these count as the product too.
            product = path.startswith(("shim/", "tools/"))
            yield product, path, out


def registration_faults(top, registered, compiled):
    """registered: the text of ctest's commands. compiled: the sources that the build knows."""
    for path in sources(top, "tests/unit", ".c"):
        if path not in compiled:
            yield "%s is not built: name it in tests/CMakeLists.txt, or below tests/unit" % path
    scripts = [os.path.relpath(p, top) for p in glob.glob(os.path.join(top, "tests", "**", "*.py"), recursive=True)]
    text = "".join(read(os.path.join(top, path)) for path in scripts if path.startswith("tests/"))
    for path in sorted(set(scripts) - BY_OTHERS):
        name = path[len("tests/"):]
        module = name[:-len(".py")].replace("/", ".")
        if "\nif __name__ ==" in read(os.path.join(top, path)) and not any(
                '"%s"' % word in registered for word in (name, module)):
            yield "%s is not run by ctest: name it in tests/CMakeLists.txt" % path
    for path in sources(top, "tests/e2e", ".c"):
        stem = os.path.splitext(os.path.basename(path))[0]
        if not re.search(r'"%s(\.c)?"' % stem, text):
            yield "%s is compiled by no test" % path


def length_faults(top):
    for path in sources(top, "shim") + sources(top, "tools"):
        lines = read(os.path.join(top, path)).count("\n")
        if lines > MOST_LINES:
            yield "%s has %d lines: split it by subject, %d are the most" % (path, lines, MOST_LINES)


def version_faults(top):
    version = re.search(r"^project\(catrust VERSION (\S+)", read(os.path.join(top, "CMakeLists.txt")), re.M).group(1)
    first = re.search(r"^## (\S+)", read(os.path.join(top, "CHANGELOG.md")), re.M).group(1)
    if first != version:
        yield "CHANGELOG.md begins with %s, and CMakeLists.txt has %s" % (first, version)
    for path in glob.glob(os.path.join(top, "examples", "**", "*"), recursive=True):
        if os.path.isfile(path):
            for named in re.findall(r"catrust[:_-]v?(\d+\.\d+\.\d+)", read(path)):
                if named != version:
                    yield "%s names version %s, and CMakeLists.txt %s" % (os.path.relpath(path, top), named, version)


class Gate(unittest.TestCase):
    def check(self, faults):
        faults = list(faults)
        self.assertEqual([], faults, "\n" + "\n".join(faults))


class Tree(Gate):
    """This tree."""

    def test_imports(self):
        self.check(import_faults(TOP))

    def test_exports_have_callers(self):
        hooks = set(re.findall(r"^HOOK[A-Z0-9_]*\((?:[A-Z]+, )?(\w+),", read(os.path.join(TOP, "shim/hooks.def")), re.M))
        self.check(export_faults(built_objects(), lambda path: read(os.path.join(TOP, path)), hooks | {"main"}))

    def test_ctest_knows_all_tests(self):
        listed = read(os.path.join(BUILD, "tests", "CTestTestfile.cmake"))
        self.check(registration_faults(TOP, listed, commands()))

    def test_lengths(self):
        self.check(length_faults(TOP))

    def test_version(self):
        self.check(version_faults(TOP))


class Headers(Gate):
    """Runs the compiler for each header. It takes long, so ctest runs it as a test of its own."""

    def test_each_header_compiles_alone(self):
        compiled = commands()
        headers = [path for folder in ("shim", "tools", "tests/unit") for path in sources(TOP, folder, ".h")]
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            faults = pool.map(lambda path: header_fault(os.path.join(TOP, path), flags_for(path, compiled)), headers)
        self.check(fault for fault in faults if fault)


class Faults(Gate):
    """Trees that have one fault each."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.top = folder.name

    def write(self, path, text):
        path = os.path.join(self.top, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as f:
            f.write(text)
        return path

    def assert_one(self, faults, part):
        faults = list(faults)
        self.assertEqual(1, len(faults), faults)
        self.assertIn(part, faults[0])

    def test_import_of_a_later_room(self):
        self.write("tools/catrust/base/a.c", '#include "net/b.h"\n')
        self.write("tools/catrust/net/b.h", '#include "base/a.h"\n')
        self.write("tools/catrust/base/a.h", "")
        self.assert_one(import_faults(self.top), "base/ may not include net/")

    def test_import_without_a_room(self):
        self.write("tools/catrust/base/a.c", '#include "a.h"\n')
        self.assert_one(import_faults(self.top), "room/file.h")

    def test_room_that_is_not_listed(self):
        self.write("tools/catrust/attic/a.c", "")
        self.assert_one(import_faults(self.top), "does not list the room attic")

    def test_shim_rooms(self):
        self.write("shim/libc/text.h", "")
        self.write("shim/process/config.h", "")
        self.write("shim/policy/trust.c", '#include "libc/text.h"\n')
        self.check(import_faults(self.top))
        self.write("shim/anchors/scope.c", '#include "libc/text.h"\n#include "process/config.h"\n')
        self.assert_one(import_faults(self.top), "anchors/ may not include process/")
        self.write("shim/anchors/scope.c", '#include "text.h"\n')
        self.assert_one(import_faults(self.top), "room/file.h")
        self.write("shim/anchors/scope.c", "")
        self.write("shim/policy/trust.c", '#include "process/config.h"\n')
        self.assert_one(import_faults(self.top), "the rules may not include process/")

    def test_tool_that_includes_what_is_not_shared(self):
        self.write("tools/catrust/base/a.c", '#include "libc/text.h"\n#include "policy/lend.h"\n')
        self.check(import_faults(self.top))
        self.write("tools/catrust/base/a.c", '#include "policy/hint.h"\n')
        self.assert_one(import_faults(self.top), "not of what the shim shares")

    def test_header_that_needs_another(self):
        self.assertIsNone(header_fault(self.write("good.h", "#include <stddef.h>\nsize_t f(void);\n"), []))
        self.assertIn("alone", header_fault(self.write("bad.h", "size_t f(void);\n"), []))

    def objects(self, **texts):
        for name, text in texts.items():
            path = self.write(name + ".c", text)
            subprocess.run([os.environ.get("CC", "cc"), "-c", "-o", path + ".o", path], check=True)
            yield name != "test", name + ".c", path + ".o"

    def export_faults(self, **texts):
        return export_faults(list(self.objects(**texts)), lambda name: texts[name[:-2]], {"main"})

    def test_export_without_a_caller(self):
        a, main = "int f(void) { return 1; }", "int f(void); int main(void) { return f(); }"
        self.check(self.export_faults(a=a, main=main))
        self.assert_one(self.export_faults(a=a + " int g(void) { return f(); }", main=main), "g of a.c has no caller")

    def test_export_for_tests_alone(self):
        main, test = "int main(void) { return 0; }", "int f(void); int t(void) { return f(); }"
        self.assert_one(self.export_faults(a="int f(void) { return 1; }", main=main, test=test), "tests alone")

    def test_test_that_is_not_run(self):
        self.write("tests/e2e/tool/known.py", '\nif __name__ == "__main__":')
        self.write("tests/lab/lab.py", "")
        self.check(registration_faults(self.top, '"-m" "e2e.tool.known"', {}))
        self.write("tests/e2e/renamed.py", '\nif __name__ == "__main__":')
        self.assert_one(registration_faults(self.top, '"-m" "e2e.tool.known"', {}), "renamed.py is not run")

    def test_long_file(self):
        self.write("tools/catrust/base/a.c", "\n" * MOST_LINES)
        self.check(length_faults(self.top))
        self.write("tools/catrust/base/a.c", "\n" * (MOST_LINES + 1))
        self.assert_one(length_faults(self.top), "has 601 lines")

    def test_versions_that_differ(self):
        self.write("CMakeLists.txt", "project(catrust VERSION 1.2.3\n")
        self.write("CHANGELOG.md", "# Changes\n\n## 1.2.3\n")
        self.write("examples/a.yaml", "image: registry.example/catrust:1.2.3\n")
        self.check(version_faults(self.top))
        self.write("examples/a.yaml", "image: registry.example/catrust:1.2.2\n")
        self.assert_one(version_faults(self.top), "examples/a.yaml names version 1.2.2")
        self.write("examples/a.yaml", "")
        self.write("CHANGELOG.md", "# Changes\n\n## 1.3.0\n")
        self.assert_one(version_faults(self.top), "CHANGELOG.md begins with 1.3.0")

    def test_unit_test_that_is_not_built(self):
        self.write("tests/unit/base/a.c", "")
        self.check(registration_faults(self.top, "", {"tests/unit/base/a.c": []}))
        self.assert_one(registration_faults(self.top, "", {}), "a.c is not built")


if __name__ == "__main__":
    unittest.main()
