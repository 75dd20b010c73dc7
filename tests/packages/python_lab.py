# SPDX-License-Identifier: Apache-2.0
"""What the tests of the Python package share: its wheel, environments with it, and Pythons."""

import functools
import glob
import os
import shutil
import zipfile

import pack_lab as packs
from pack_lab import lab

URL = "import sys, urllib.request\nprint(urllib.request.urlopen(sys.argv[1], timeout=30).read().decode())\n"


@functools.lru_cache(maxsize=None)
def wheel():
    """The wheel of this build, as packaging/package makes it."""
    packs.need("cmake")
    prefix, out = lab.folder("prefix"), lab.folder("wheel")
    build = os.path.dirname(os.path.dirname(lab.built_shim()))
    packs.run(["cmake", "--install", build, "--prefix", prefix, "--strip"], env={"DESTDIR": ""})
    # The package expects the library in lib; this system may call that folder lib64.
    library, = glob.glob(prefix + "/**/libcatrust.so", recursive=True)
    os.makedirs(os.path.join(prefix, "lib"), exist_ok=True)
    if library != os.path.join(prefix, "lib", "libcatrust.so"):
        os.rename(library, os.path.join(prefix, "lib", "libcatrust.so"))
    return packs.run([lab.PYTHON, os.path.join(packs.TOP, "packaging", "wheel"), prefix, "1.0", out],
                     env={"SOURCE_DATE_EPOCH": "1700000000"}).strip()


def pythons():
    """The Pythons to test with: lab.PYTHON, and those in CATRUST_PYTHONS (paths with colons), or else, at
    night, all of pyenv's."""
    listed = os.environ.get("CATRUST_PYTHONS")
    home = os.environ.get("PYENV_ROOT") or os.path.expanduser("~/.pyenv")
    more = listed.split(":") if listed else sorted(glob.glob(home + "/versions/3.*/bin/python"))
    if more and not listed and not lab.NIGHTLY:
        lab.left_out("python_package, pyenv's Pythons")
        more = []
    return [lab.PYTHON, *(path for path in more if lab.run([path, "-c", "import ssl"]).code == 0)]


class Environment:
    """A virtual environment of python with the package."""

    def __init__(self, python=None, name="env", options=(), empty=False):
        self.folder = os.path.join(lab.folder("venvs"), name)
        packs.run([python or lab.PYTHON, "-m", "venv", "--without-pip", *options, self.folder])
        self.python = os.path.join(self.folder, "bin", "python")
        self.site, = glob.glob(self.folder + "/lib/python3*/site-packages")
        self.library = os.path.join(self.site, "catrust", "libcatrust.so")
        self.pth = os.path.join(self.site, "_catrust.pth")
        if empty:
            return
        with zipfile.ZipFile(wheel()) as files:
            for entry in files.infolist():
                if ".data/scripts/" in entry.filename:
                    path = os.path.join(self.folder, "bin", os.path.basename(entry.filename))
                    lab.write(path, files.read(entry), 0o755)
                elif ".data/" not in entry.filename:
                    files.extract(entry, self.site)

    def pip(self, *args, find=(), **options):
        """Runs lab.PYTHON's pip in this environment, with the packages in the folders of find."""
        argv = [lab.PYTHON, "-m", "pip", "--python", self.python, "--disable-pip-version-check", "-q"]
        links = [word for path in find for word in ("--find-links", path)]
        return packs.run([*argv, *args, "--no-index", *links], **{"timeout": 300, **options})

    def run(self, *argv, **options):
        return lab.run([self.python, *argv], **options)

    def path(self):
        return os.path.join(self.folder, "bin") + ":" + lab.clean_env()["PATH"]

    def remove(self):
        shutil.rmtree(self.folder)


class Case(lab.Case):
    """Tests in which a program trusts the lab's server because of the package, without catrust-run."""

    @classmethod
    def setUpClass(cls):
        lab.need(modules=["venv"])
        cls.server = lab.server()
        cls.server.__enter__()
        cls.addClassCleanup(cls.server.__exit__)
        cls.dirs = [lab.trustdir("corp-root.pem")]
        cls.program = lab.write(os.path.join(lab.folder("program"), "program.py"), URL)

    def fine(self, result):
        self.assertEqual(0, result.code, result)
        return result
