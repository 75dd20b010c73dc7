# SPDX-License-Identifier: Apache-2.0
"""The wheel for arm64, which packaging/package makes with a cross compiler. Two builds give the same bytes, its tags are
right, its library passes tests/gate/exports.py, and a Python for arm64 under qemu-user trusts the CAs with it.

Needs what packaging/static makes for arm64, and an unpacked Debian for arm64 (see tests/more)."""

import base64
import csv
import functools
import glob
import hashlib
import io
import os
import re
import struct
import sys
import zipfile

import pack_lab as packs
from pack_lab import lab

sys.path.insert(0, os.path.join(packs.TOP, "tests", "gate"))

import exports  # noqa: E402

ARM64 = 183  # e_machine of ELF
TAGS = ["py3-none-" + name for name in ("manylinux2014_aarch64", "manylinux_2_17_aarch64", "musllinux_1_2_aarch64")]
URL = "import sys, urllib.request\nprint(urllib.request.urlopen(sys.argv[1], timeout=120).read().decode())\n"
INJECT = "import catrust\ncatrust.inject()\n" + URL


def build(name):
    out = packs.build(packs.tree(name), "--static", lab.more("static-arm64"), "wheel", SOURCE_DATE_EPOCH="1700000000")
    wheel, = glob.glob(out + "/*aarch64.whl")
    return wheel


@functools.lru_cache(None)
def wheel():
    packs.need("cmake", "ninja", "aarch64-linux-gnu-gcc")
    return build("tree")


def pip(*args):
    lab.need(modules=["pip"])
    return lab.run([lab.PYTHON, "-m", "pip", "--disable-pip-version-check", *args], timeout=300)


class Wheel(lab.Case):
    @classmethod
    def setUpClass(cls):
        with zipfile.ZipFile(wheel()) as made:
            cls.files = {entry.filename: made.read(entry) for entry in made.infolist()}

    def test_same_bytes(self):
        again = build("another tree")
        self.assertEqual(os.path.basename(wheel()), os.path.basename(again))
        self.assertEqual(lab.read(wheel()), lab.read(again))

    def test_tags(self):
        platforms = ".".join(tag.split("-")[2] for tag in TAGS)
        self.assertRegex(os.path.basename(wheel()), r"^catrust-[0-9.]+-py3-none-%s\.whl$" % re.escape(platforms))
        told, = (data.decode() for name, data in self.files.items() if name.endswith(".dist-info/WHEEL"))
        self.assertEqual(TAGS, re.findall(r"(?m)^Tag: (.*)$", told))

    def test_record(self):
        name, = (name for name in self.files if name.endswith(".dist-info/RECORD"))
        rows = {row[0]: row[1:] for row in csv.reader(io.StringIO(self.files[name].decode()))}
        self.assertEqual(["", ""], rows.pop(name))
        digest = lambda data: base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip("=")  # noqa: E731
        self.assertEqual({path: ["sha256=" + digest(data), str(len(data))] for path, data in self.files.items()
                          if path != name}, rows)

    def test_same_files_as_for_this_machine(self):
        """packaging/package makes both wheels in one run."""
        own, = {*glob.glob(os.path.dirname(wheel()) + "/*.whl")} - {wheel()}
        with zipfile.ZipFile(own) as made:
            self.assertEqual(sorted(made.namelist()), sorted(self.files))

    def test_machine(self):
        programs = {name: data for name, data in self.files.items() if data.startswith(b"\x7fELF")}
        self.assertEqual(["catrust", "libcatrust.so"], sorted(map(os.path.basename, programs)))
        for name, data in programs.items():
            self.assertEqual(ARM64, struct.unpack_from("<H", data, 18)[0], name)
            self.assertNotIn(lab.scratch().encode(), data, name)

    def test_library(self):
        """The library passes the gate: it needs only glibc 2.17, or musl."""
        packs.need("aarch64-linux-gnu-strip")
        path = lab.write(os.path.join(lab.folder("library"), "libcatrust.so"), self.files["catrust/libcatrust.so"])
        before = os.environ.get("STRIP")
        os.environ["STRIP"] = "aarch64-linux-gnu-strip"
        try:
            self.assertEqual([], exports.faults(path))
        finally:
            os.environ.pop("STRIP")
            if before is not None:
                os.environ["STRIP"] = before

    def test_pip(self):
        """pip accepts the wheel for these platforms, and for no others."""
        for platform in "manylinux2014_aarch64", "manylinux_2_17_aarch64", "musllinux_1_2_aarch64", "manylinux2014_x86_64":
            with self.subTest(platform):
                done = pip("install", "-q", "--no-index", "--no-deps", "--only-binary", ":all:", "--platform", platform,
                           "--target", lab.folder("target"), wheel())
                self.assertEqual("aarch64" in platform, done.code == 0, done)


class Used(lab.Case):
    """Debian's Python for arm64 uses the wheel, without LD_PRELOAD."""

    @classmethod
    def setUpClass(cls):
        packs.need("qemu-aarch64-static")
        cls.root = os.path.join(lab.more("arm64"), "arm64")
        cls.python, = glob.glob(cls.root + "/usr/bin/python3.[0-9]*[0-9]")
        cls.site = lab.folder("site")
        done = pip("install", "-q", "--no-index", "--no-deps", "--only-binary", ":all:", "--platform", "manylinux2014_aarch64",
                   "--target", cls.site, wheel())
        if done.code != 0:
            raise AssertionError(done)
        cls.dirs = [lab.trustdir("corp-root.pem")]
        cls.server = lab.server()
        cls.server.__enter__()
        cls.addClassCleanup(cls.server.__exit__)

    def run_python(self, *args, **env):
        return self.emulate(self.python, *args, PYTHONPATH=self.site, **env)

    def emulate(self, program, *args, **env):
        return lab.run(["qemu-aarch64-static", "-L", self.root, program, *args], dirs=self.dirs, env=env, timeout=300)

    def test_inject(self):
        self.assertIn("aarch64", self.run_python("-c", "import platform; print(platform.machine())").out)
        self.refused(self.run_python("-c", URL, self.server.url))
        self.got_page(self.run_python("-c", INJECT, self.server.url))
        with lab.server("other-server") as other:
            self.refused(self.run_python("-c", INJECT, other.url))

    def test_too_late(self):
        late = self.run_python("-c", "import ssl, catrust\ntry: catrust.inject()\nexcept catrust.TooLate as e: print(e)")
        self.assertEqual(0, late.code, late)
        self.assertIn("is in use already", late.out)

    def test_status(self):
        code = "import catrust\n%simport ssl\nprint([t.reached for t in catrust.status().tls])"
        for inject, reached in ("", "[False]"), ("catrust.inject()\n", "[True]"):
            done = self.run_python("-c", code % inject)
            self.assertEqual((0, reached), (done.code, done.out.strip()), done)

    def test_tool(self):
        """The command catrust of the wheel, which is a static program."""
        done = self.emulate(os.path.join(self.site, "bin", "catrust"), "list")
        self.assertEqual(0, done.code, done)
        self.assertIn("Example Corp Root CA", done.out)


if __name__ == "__main__":
    lab.main()
