#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks what the built libcatrust.so imports, exports and contains.

One file must run in every process, with glibc 2.17 and later and with musl. An import that a libc does not have
makes programs fail at start. An unwanted export changes programs that call a function of the same name.

CATRUST_BUILD names the build folder. Needs binutils, and a C compiler (CC, or cc) for the test
of the gate itself: it builds objects that each have one fault, and the gate must find that fault.
"""

import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
HOOKS = os.path.join(HERE, "..", "..", "shim", "hooks.def")
IMPORTS = os.path.join(HERE, "imports.txt")

# libdl is not needed: functions that are in libdl before glibc 2.34 are imported weakly (imports.txt), so that
# processes without libdl start.
NEEDED = {"libc.so.6"}
# On x86-64 and aarch64, 2.17 has all functions. The first glibc of newer architectures is later.
NEWEST_GLIBC = {"X86-64": (2, 17), "AArch64": (2, 17), "RISC-V": (2, 27)}
# Sharing bundles saves 15 ms and 700 KB for each context. So its code may take some pages; only those that run are
# read from the disk.
SIZE = 128 << 10

# These are refused even if the list of imports names them.
BANNED = [
    (r".*_chk$", "fortify: missing in musl"),
    (r"__isoc\d+_.*", "a name of new glibc"),
    (r"__tls_get_addr$", "TLS that is allocated late"),
    # fdopen() is allowed: the hook of fopen() must return a FILE of the program's libc.
    (r"(v?[fsda]?n?w?printf|v?[fs]?w?scanf|f?puts|f?putc|putchar|perror|f(open|reopen|close|read|write"
     r"|flush|gets|getc|seek|tell)(64)?|getline|getdelim|open_memstream|setv?buf|std(in|out|err)"
     r"|_IO_.*)$", "stdio"),
]


def tool(*argv):
    env = {"PATH": os.environ["PATH"], "LC_ALL": "C"}
    return subprocess.run(argv, env=env, check=True, stdout=subprocess.PIPE).stdout.decode()


def hook_names():
    with open(HOOKS) as f:
        rows = [line for line in f if line.startswith("HOOK")]
    names = [re.match(r"HOOK[A-Z0-9_]*\((?:[A-Z]+, )?(\w+),", row).group(1) for row in rows]
    if len(set(names)) != len(names):
        raise ValueError("hooks.def names a function twice")
    return set(names)


def allowed_imports():
    """name → may it be a strong reference?"""
    allowed = {}
    with open(IMPORTS) as f:
        for line in f:
            words = line.split("#")[0].split()
            if words:
                allowed[words[-1]] = words[0] != "weak"
    return allowed


def dynamic_symbols(path):
    """(name, version or None, binding, defined) of each dynamic symbol."""
    for line in tool("readelf", "-W", "--dyn-syms", path).splitlines():
        m = re.match(r"\s*\d+: [0-9a-f]+\s+\S+\s+(\w+)\s+(\w+)\s+(\w+)\s+(?:\[.*\]\s+)?(\w+)\s+(\S+)", line)
        if m and m.group(2) != "LOCAL":
            name, _, version = m.group(5).partition("@")
            yield name, version.lstrip("@") or None, m.group(2), m.group(4) != "UND"


def export_faults(path, expected):
    exports = {name: version for name, version, _, defined in dynamic_symbols(path) if defined}
    for name in sorted(expected - set(exports)):
        yield "does not export " + name
    for name in sorted(set(exports) - expected):
        yield "exports %s, which is not in hooks.def" % name
    for name, version in sorted(exports.items()):
        if version:
            yield "exports %s under the version %s: no versioned reference would find it" % (name, version)


def import_faults(path, allowed):
    for name, version, binding, defined in sorted(dynamic_symbols(path), key=lambda row: row[0]):
        if defined:
            continue
        if version is None:
            yield "imports %s without a version: that is the oldest one of each glibc" % name
        for pattern, why in BANNED:
            if re.match(pattern, name):
                yield "imports %s (%s)" % (name, why)
        if name not in allowed:
            yield "imports %s, which is not in imports.txt" % name
        elif binding != "WEAK" and not allowed[name]:
            yield "imports %s as a strong reference" % name


def dynamic_faults(path):
    dynamic = tool("readelf", "-W", "-d", path)
    needed = set(re.findall(r"\(NEEDED\).*\[(.*)\]", dynamic))
    if needed != NEEDED:
        yield "needs %s instead of %s" % (", ".join(sorted(needed)), ", ".join(sorted(NEEDED)))
    for tag, why in [("RELR", "packed relative relocations"), ("TEXTREL", "text relocations"),
                     ("RPATH", "a search path"), ("RUNPATH", "a search path")]:
        if "(%s)" % tag in dynamic:
            yield "has %s (DT_%s)" % (why, tag)
    if re.search(r"\((FLAGS|FLAGS_1)\).*\b(BIND_NOW|NOW)\b", dynamic):
        yield "binds at start what most processes never call (BIND_NOW)"


def segment_faults(path):
    segments = tool("readelf", "-W", "-l", path)
    flags = re.findall(r"^\s+(\w+)\s+(?:0x[0-9a-f]+\s+){5}([R ][W ][E ])", segments, re.M)
    kinds = [kind for kind, _ in flags]
    if "GNU_RELRO" not in kinds:
        yield "has no RELRO segment"
    if "GNU_STACK" not in kinds:
        yield "does not say that its stack is not executable"
    for kind, flag in flags:
        if kind == "GNU_STACK" and "E" in flag:
            yield "asks for an executable stack"
        if kind == "LOAD" and "W" in flag and "E" in flag:
            yield "has a segment that is writable and executable"


def version_faults(path):
    machine = re.search(r"Machine:\s+(.*)", tool("readelf", "-h", path)).group(1)
    newest = next((v for name, v in NEWEST_GLIBC.items() if name in machine), None)
    if newest is None:
        yield "is for %s: no newest glibc version is set for that" % machine
        return
    versions = tool("readelf", "-W", "-V", path)
    if "Version definition section" in versions:
        yield "defines symbol versions"
    for name in sorted(set(re.findall(r"Name: (\S+)\s+Flags:", versions.partition("needs section")[2]))):
        m = re.fullmatch(r"GLIBC_(\d+)\.(\d+)(\.\d+)?", name)
        if not m or (int(m.group(1)), int(m.group(2))) > newest:
            yield "needs the symbol version %s" % name


def relocation_faults(path):
    kinds = set(re.findall(r"\bR_\w+", tool("readelf", "-W", "-r", path)))
    for kind in sorted(kinds):
        if re.search(r"DTPMOD|TLSDESC|TLS_DTP", kind):
            yield "has TLS that is not initial-exec (%s)" % kind
        if "IRELATIVE" in kind:
            yield "chooses functions at start (%s)" % kind


def padding(path):
    """The bytes between loaded segments. On arm64, where a page may have 64 KB, they are more than half of the file."""
    loads = re.findall(r"^\s+LOAD\s+(0x[0-9a-f]+) 0x\S+ 0x\S+ (0x[0-9a-f]+)", tool("readelf", "-W", "-l", path), re.M)
    ends = [0] + [int(start, 16) + int(size, 16) for start, size in loads]
    return sum(max(0, int(start, 16) - end) for (start, _), end in zip(loads, ends))


def size_faults(path):
    with tempfile.TemporaryDirectory() as folder:
        stripped = os.path.join(folder, "stripped")
        tool(os.environ.get("STRIP", "strip"), "-o", stripped, path)
        size = os.path.getsize(stripped) - padding(stripped)
    if size >= SIZE:
        yield "has %d bytes stripped, %d or more" % (size, SIZE)


def faults(path, expected=None, allowed=None):
    """All faults of the library, one line each."""
    expected = hook_names() if expected is None else expected
    allowed = allowed_imports() if allowed is None else allowed
    return [*export_faults(path, expected), *import_faults(path, allowed), *dynamic_faults(path),
            *segment_faults(path), *version_faults(path), *relocation_faults(path), *size_faults(path)]


class Shim(unittest.TestCase):
    def test_the_built_library(self):
        path = os.path.join(os.environ["CATRUST_BUILD"], "shim", "libcatrust.so")
        found = faults(path)
        self.assertEqual(found, [], "%s\n  %s" % (path, "\n  ".join(found)))

    def test_it_loads_when_all_is_bound_at_start(self):
        path = os.path.abspath(os.path.join(os.environ["CATRUST_BUILD"], "shim", "libcatrust.so"))
        done = subprocess.run(["/bin/true"], env={"LD_PRELOAD": path, "LD_BIND_NOW": "1"},
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.assertEqual((done.returncode, done.stdout), (0, b""))


class Imports(unittest.TestCase):
    def test_all_names_are_in_musl(self):
        musl = glob.glob("/lib/ld-musl-*.so.1") + glob.glob("/usr/lib/*-linux-musl*/libc.so")
        if not musl:
            self.skipTest("no musl")
        there = {name for name, _, _, defined in dynamic_symbols(musl[0]) if defined}
        self.assertEqual({name for name, strong in allowed_imports().items() if strong} - there, set())


GOOD = ["-O2", "-fPIC", "-shared", "-U_FORTIFY_SOURCE", "-ftls-model=initial-exec", "-nostartfiles",
        "-Wl,-z,relro", "-Wl,-z,lazy", "-Wl,-z,noexecstack", "-Wl,--no-as-needed"]


@unittest.skipUnless(shutil.which(os.environ.get("CC", "cc").split()[0]), "no C compiler")
class Gate(unittest.TestCase):
    """Builds objects that have one fault each."""

    compiler = os.environ.get("CC", "cc").split()

    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)

    def build(self, code="", flags=(), without=(), version="", leave_out=None):
        """Builds a library that exports all hooks except leave_out. Its only faults are those in the arguments."""
        join = lambda name: os.path.join(self.folder, name)
        names = sorted(hook_names() - {leave_out})
        with open(join("a.c"), "w") as f:
            f.write("#include <stddef.h>\n")
            f.writelines("int %s(void);\nint %s(void) { return 0; }\n" % (n, n) for n in names)
            f.write(code)
        with open(join("a.map"), "w") as f:
            f.write("%s { global: %s extra; local: *; };\n" % (version, " ".join(n + ";" for n in names)))
        argv = [*self.compiler, *(flag for flag in GOOD if flag not in without), join("a.c"), "-o",
                join("a.so"), "-Wl,--version-script=" + join("a.map"), *flags]
        done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.assertEqual(done.returncode, 0, done.stdout.decode())
        return join("a.so")

    def assertRefused(self, pattern, *args, **options):
        found = faults(self.build(*args, **options))
        self.assertTrue(any(re.search(pattern, line) for line in found),
                        "nothing about %r in %s" % (pattern, found))

    def test_good(self):
        self.assertEqual(faults(self.build()), [])

    def test_stdio(self):
        # stdio.h is not included, because it declares fopen() differently.
        code = "extern void *stderr, *stdin;\nint fprintf(void *, const char *, void *);\n" \
               "int SSL_used(void); __attribute__((visibility(\"hidden\")))" \
               " int SSL_used(void) { return fprintf(stderr, \"%p\", stdin); }\n" \
               "int (*const keep[])(void) __attribute__((used)) = {SSL_used};\n"
        self.assertRefused(r"imports fprintf \(stdio\)", code)
        self.assertRefused(r"imports stderr \(stdio\)", code)
        self.assertRefused(r"imports fprintf, which is not in imports.txt", code)

    def test_import_that_no_list_names(self):
        self.assertRefused("imports getpwnam, which", self.using("getpwnam"))

    def test_strong_reference_to_what_only_some_have(self):
        weak = next(name for name, strong in allowed_imports().items() if not strong)
        self.assertRefused("imports %s as a strong" % weak, self.using(weak),
                           flags=["-Wl,--unresolved-symbols=ignore-all"])

    def test_fortify(self):
        self.assertRefused(r"imports __memcpy_chk \(fortify", self.using("__memcpy_chk"))

    def test_new_names(self):
        self.assertRefused(r"imports __isoc23_strtol \(a name of new", self.using("__isoc23_strtol"),
                           flags=["-Wl,--unresolved-symbols=ignore-all"])

    def test_no_version(self):
        self.assertRefused("imports getcwd without a version", self.using("getcwd"),
                           flags=["-nolibc", "-Wl,--unresolved-symbols=ignore-all"])

    def test_new_version(self):
        # Finds a function of this libc that is new, or has a new version, since glibc 2.34.
        libc = tool(*self.compiler, "-print-file-name=libc.so.6").strip()
        found = re.search(r" (\w+)@@GLIBC_2\.3[4-9]\b", tool("readelf", "-W", "--dyn-syms", libc))
        if not found:
            self.skipTest("this libc has nothing new")
        self.assertRefused(r"needs the symbol version GLIBC_2\.3", self.using(found.group(1)))

    def test_export(self):
        self.assertRefused("exports extra, which is not", "int extra(void);\nint extra(void) { return 1; }\n")

    def test_missing_export(self):
        name = min(hook_names())
        self.assertRefused("does not export " + name, leave_out=name)

    def test_versioned_export(self):
        self.assertRefused("under the version CATRUST_1", version="CATRUST_1")

    def needing(self, soname):
        path = os.path.join(self.folder, soname)
        subprocess.run([*self.compiler, "-shared", "-nostdlib", "-Wl,-soname," + soname, "-o", path,
                        "-x", "c", os.devnull], check=True)
        return [path]

    def test_openssl(self):
        self.assertRefused("needs libc.so.6, libssl.so.3 instead", flags=self.needing("libssl.so.3"))

    def test_libdl(self):
        self.assertRefused("needs libc.so.6, libdl.so.2 instead", flags=self.needing("libdl.so.2"))

    def test_bound_at_start(self):
        self.assertRefused("binds at start", flags=["-Wl,-z,now"], without=["-Wl,-z,lazy"])

    def test_no_relro(self):
        self.assertRefused("no RELRO", flags=["-Wl,-z,norelro"], without=["-Wl,-z,relro"])

    def test_executable_stack(self):
        self.assertRefused("executable stack", flags=["-Wl,-z,execstack"], without=["-Wl,-z,noexecstack"])

    def test_search_path(self):
        self.assertRefused("a search path", flags=["-Wl,-rpath,/opt/lib"])

    def test_late_tls(self):
        code = "extern __thread int late;\n__thread int late;\n" + \
               self.using(None, "late ? \"\" : NULL", model="global-dynamic")
        self.assertRefused(r"__tls_get_addr \(TLS|not initial-exec", code,
                           without=["-ftls-model=initial-exec"])

    def test_packed_relocations(self):
        flag = "-Wl,-z,pack-relative-relocs"
        probe = subprocess.run([*self.compiler, "-shared", flag, "-o", os.path.join(self.folder, "p"),
                                "-x", "c", "/dev/null"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if probe.returncode or b"ignored" in probe.stdout:
            self.skipTest("this linker packs no relocations")
        code = "static int here;\nint *const keep[] __attribute__((used)) = {&here, &here, &here};\n"
        self.assertRefused("packed relative", code, flags=[flag])

    def test_size(self):
        self.assertRefused("bytes stripped", "char big[%d] __attribute__((used)) = {1};\n" % SIZE)

    @staticmethod
    def using(name, value=None, model="initial-exec"):
        """C code that uses a function, or a value."""
        if name:
            return "extern int %s(void);\nint (*const keep[])(void) __attribute__((used)) = {%s};\n" \
                % (name, name)
        return "const char *keep(void);\n__attribute__((used, noinline)) const char *keep(void)" \
            " { return %s; }\n" % value


if __name__ == "__main__":
    for program in ("readelf", "strip"):
        if not shutil.which(program):
            print("skipped: no " + program)
            sys.exit(77)
    unittest.main()
