# SPDX-License-Identifier: Apache-2.0
"""The packages: two builds give the same bytes, they have the right files, and they work once installed."""

import filecmp
import functools
import glob
import os
import re
import shutil
import unittest
import zipfile

import pack_lab as packs
from pack_lab import lab

# The files are below /usr in a .deb and an .rpm, and below the archive's own folder in an archive.
COMMON = [
    "bin/catrust", "bin/catrust-run",
    "share/bash-completion/completions/catrust", "share/bash-completion/completions/catrust-run",
    "share/fish/vendor_completions.d/catrust.fish", "share/fish/vendor_completions.d/catrust-run.fish",
    "share/zsh/site-functions/_catrust", "share/zsh/site-functions/_catrust-run",
]
MAN = ["share/man/man1/catrust.1", "share/man/man1/catrust-run.1", "share/man/man7/libcatrust.7"]


def formats():
    """The formats that this machine can build."""
    tools = {"deb": "dpkg-shlibdeps", "rpm": "rpmbuild"}
    return [f for f in ("deb", "rpm", "tgz", "wheel") if f not in tools or shutil.which(tools[f])]


@functools.lru_cache(maxsize=None)
def built():
    """The packages, and at night those of a second build, which has another folder, time, umask and environment."""
    packs.need("cmake", "ninja", "gcc")
    first = packs.tree("first")
    out = packs.build(first, *formats(), SOURCE_DATE_EPOCH="1700000000")
    if not lab.NIGHTLY:
        return out, None
    second = packs.tree("the second tree")
    for folder, _, names in os.walk(second):
        for name in names:
            os.utime(os.path.join(folder, name), follow_symlinks=False)
    # Uses a file system that lists files in another order, if there is one.
    tmp = "/dev/shm" if os.access("/dev/shm", os.W_OK | os.X_OK) else lab.folder("tmp")
    umask = os.umask(0o077)
    try:
        again = packs.build(second, *formats(), SOURCE_DATE_EPOCH="1700000000", TMPDIR=tmp,
                            TZ="Asia/Tokyo", LC_ALL="C", USER="somebody", HOSTNAME="elsewhere")
    finally:
        os.umask(umask)
    return out, again


def package(pattern):
    found = glob.glob(os.path.join(built()[0], pattern))
    if not found:
        raise unittest.SkipTest("no tools here to build a " + pattern)
    return found[0]


class Packages(lab.Case):
    def works(self, prefix):
        """Checks that the commands below prefix work."""
        run = os.path.join(prefix, "bin", "catrust-run")
        dirs = [lab.trustdir("corp-root.pem")]
        with lab.server() as server:
            argv = [lab.PYTHON, packs.app(lab.folder("app")), server.url]
            self.refused(lab.run(argv, dirs=dirs))
            self.got_page(lab.run([run, *argv], dirs=dirs))
            link = os.path.join(lab.folder("bin"), "catrust-run")
            os.symlink(run, link)
            self.got_page(lab.run([link, *argv], dirs=dirs))
        listed = lab.run([os.path.join(prefix, "bin", "catrust"), "list"], dirs=dirs)
        self.assertEqual(0, listed.code, listed)
        self.assertIn("Example Corp Root CA", listed.out)

    def no_trace(self, folder):
        """Checks that no file below folder contains the path of the build."""
        for top, _, names in os.walk(folder):
            for name in names:
                data = lab.read(os.path.join(top, name))
                self.assertIsNone(re.search(lab.scratch().encode() + rb"|/(tmp|shm)/tmp\.", data), name)

    @lab.nightly
    def test_same_bytes(self):
        first, second = built()
        names = sorted(os.listdir(first))
        self.assertEqual(len(formats()), len(names), names)
        self.assertEqual(names, sorted(os.listdir(second)))
        for name in names:
            self.assertTrue(filecmp.cmp(os.path.join(first, name), os.path.join(second, name), shallow=False),
                            name)

    def test_deb(self):
        deb = package("*.deb")
        self.assertRegex(os.path.basename(deb), r"^catrust_[0-9.]+-1_[a-z0-9]+\.deb$")
        fields = dict(line.split(": ", 1) for line in packs.run(["dpkg-deb", "-f", deb]).splitlines()
                      if not line.startswith(" ") and ": " in line)
        for name in "libc6", "libcurl4", "libssl3":
            self.assertRegex(fields["Depends"], r"(^|, )%s(t64)? \(>= " % name)
        root = lab.folder("root")
        packs.run(["dpkg-deb", "-x", deb, root])
        multiarch = packs.run(["dpkg-architecture", "-qDEB_HOST_MULTIARCH"]).strip()
        doc = ["share/doc/catrust/" + name for name in ("changelog.Debian.gz", "changelog.gz", "copyright")]
        self.assertEqual(
            ["etc/ca-certificates/update.d/catrust"] + sorted("usr/" + path for path in [
                *COMMON, *(page + ".gz" for page in MAN), *doc, "share/lintian/overrides/catrust",
                "lib/%s/libcatrust.so" % multiarch]), files_below(root))
        listing = packs.run(["dpkg-deb", "-c", deb]).splitlines()
        for line in listing:
            self.assertRegex(line, r"^(drwxr-xr-x|-rwxr-xr-x|-rw-r--r--) root/root ")
        self.assertTrue(any(line.endswith(" ./etc/catrust/ca.d/") for line in listing), listing)
        for path in glob.glob(root + "/usr/share/**/*.gz", recursive=True):
            # gzip's header has no name of the file (flags) and no time.
            self.assertEqual(b"\0\0\0\0\0", lab.read(path)[3:8], path)
        # These are the only scripts that run as root.
        packs.run(["dpkg-deb", "-e", deb, os.path.join(root, "DEBIAN")])
        self.assertEqual(["conffiles", "control", "md5sums", "postinst", "prerm", "triggers"],
                         sorted(os.listdir(os.path.join(root, "DEBIAN"))))
        self.no_trace(root)
        self.works(os.path.join(root, "usr"))

    def test_deb_is_what_debian_wants(self):
        packs.need("lintian")
        done = lab.run(["lintian", "--allow-root", "--fail-on", "error,warning", package("*.deb")],
                       timeout=180)
        self.assertEqual(0, done.code, done)

    def test_rpm(self):
        rpm = package("*.rpm")
        packs.need("rpm")
        self.assertRegex(os.path.basename(rpm), r"^catrust-[0-9.]+-1\.[a-z0-9_]+\.rpm$")
        root = lab.folder("root")
        query = ["rpm", "--dbpath", lab.folder("db")]
        paths = packs.run([*query, "-qpl", rpm]).split()
        doc = ["/usr/share/doc/catrust/" + name for name in ("", "CHANGELOG.md", "README.md")]
        self.assertEqual(
            sorted(["/usr/" + path for path in [*COMMON, *(page + ".gz" for page in MAN)]] + doc +
                   ["/usr/share/licenses/catrust/", "/usr/share/licenses/catrust/LICENSE",
                    "/etc/catrust/", "/etc/catrust/ca.d/", "/usr/lib64/libcatrust.so"]),
            sorted(path + "/" * (path in DIRECTORIES) for path in paths))
        scripts = packs.run([*query, "-qp", "--scripts", rpm])
        self.assertEqual(["preuninstall"], re.findall(r"(?m)^(\w+) scriptlet", scripts))
        self.assertIn('if [ "$1" = 0 ]; then\n\t/usr/bin/catrust disable --system ', scripts)
        self.assertEqual("1700000000 localhost\n", packs.run(
            [*query, "-qp", "--qf", "%{BUILDTIME} %{BUILDHOST}\n", rpm]))
        owners = packs.run([*query, "-qp", "--qf", "[%{FILEUSERNAME} %{FILEGROUPNAME}\n]", rpm])
        self.assertEqual({"root root"}, set(owners.splitlines()))
        if os.getuid() != 0:
            self.skipTest("not root: rpm can't install into another root")
        packs.run(["rpm", "--root", root, "--nodeps", "-i", rpm])
        self.assertEqual([], glob.glob(root + "/etc/catrust/ca.d/*"))
        self.no_trace(os.path.join(root, "usr", "bin"))
        self.works(os.path.join(root, "usr"))
        # The root has no shell.
        packs.run(["rpm", "--root", root, "--noscripts", "-e", "catrust"])
        self.assertEqual([], glob.glob(root + "/usr/**/*catrust*", recursive=True))

    def test_archive(self):
        archive = package("*.tar.gz")
        listing = packs.run(["tar", "-tvzf", archive]).splitlines()
        for line in listing:
            self.assertRegex(line, r"^(drwxr-xr-x|-rwxr-xr-x|-rw-r--r--) root/root ")
        folder = os.path.basename(archive)[:-len(".tar.gz")]
        root = lab.folder("root")
        packs.run(["tar", "-xzf", archive, "-C", root])
        doc = ["share/doc/catrust/" + name for name in ("CHANGELOG.md", "LICENSE", "README.md")]
        self.assertEqual(sorted(folder + "/" + path for path in [*COMMON, *MAN, *doc, "lib/libcatrust.so"]),
                         files_below(root))
        self.no_trace(root)
        moved = os.path.join(lab.folder("moved"), "tools")
        os.rename(os.path.join(root, folder), moved)
        self.works(moved)

    def install_wheel(self, wheel):
        """Installs the wheel into an environment whose path has spaces, uses it, and uninstalls it."""
        lab.need(modules=["pip", "venv"])
        venv = os.path.join(lab.folder("venvs"), "an environment")
        packs.run([lab.PYTHON, "-m", "venv", "--without-pip", venv])
        # pip removes a folder when its last file goes. Usually other packages have files there, so this one has too.
        lab.write(glob.glob(venv + "/lib/python3*/site-packages")[0] + "/other.py", "")
        before = files_below(venv)
        pip = [lab.PYTHON, "-m", "pip", "--python", os.path.join(venv, "bin", "python")]
        packs.run([*pip, "install", "--no-index", "--no-compile", wheel])
        self.assertIn("bin/catrust-run", files_below(venv))
        path = os.path.join(venv, "bin") + ":" + lab.clean_env()["PATH"]
        dirs = [lab.trustdir("corp-root.pem")]
        with lab.server() as server:
            argv = ["python", packs.app(lab.folder("app")), server.url]
            self.refused(lab.run(argv, dirs=dirs, env={"PATH": path}))
            self.got_page(lab.run(["catrust-run", *argv], dirs=dirs, env={"PATH": path}))
        listed = lab.run(["catrust", "list"], dirs=dirs, env={"PATH": path})
        self.assertIn("Example Corp Root CA", listed.out, listed)
        packs.run([*pip, "uninstall", "--yes", "catrust"])
        self.assertEqual(before, files_below(venv))

    def test_wheel(self):
        wheel = package("*.whl")
        # This one needs the libcurl and OpenSSL of this system.
        self.assertRegex(os.path.basename(wheel), r"^catrust-[0-9.]+-py3-none-linux_[a-z0-9_]+\.whl$")
        with zipfile.ZipFile(wheel) as files:
            for entry in files.infolist():
                self.assertEqual((2023, 11, 14, 22, 13, 20), entry.date_time)
                mode = 0o755 if ".data/scripts/" in entry.filename else 0o644
                self.assertEqual(0o100000 | mode, entry.external_attr >> 16, entry.filename)
        self.install_wheel(wheel)

    def test_static(self):
        """With what packaging/static makes, packages need no library of the system."""
        static = lab.more("static")
        packs.need("musl-gcc")
        out = packs.build(packs.tree("static"), "--static", static, "wheel", "tgz")
        wheel, = glob.glob(out + "/*.whl")
        self.assertRegex(wheel, r"\.manylinux_2_17_([a-z0-9_]+)\.musllinux_1_2_\1\.whl$")
        self.install_wheel(wheel)
        archive, = glob.glob(out + "/*.tar.gz")
        root = lab.folder("root")
        packs.run(["tar", "-xzf", archive, "-C", root, "--strip-components=1"])
        self.no_trace(root)
        self.works(root)

    def test_unknown_format(self):
        done = lab.run([os.path.join(packs.TOP, "packaging", "package"), "-o", lab.folder(), "msi"])
        self.assertEqual((1, ""), (done.code, done.out), done)
        self.assertIn("there is no format msi", done.err)


DIRECTORIES = ["/etc/catrust", "/etc/catrust/ca.d", "/usr/share/doc/catrust", "/usr/share/licenses/catrust"]


def files_below(root):
    return sorted(os.path.relpath(os.path.join(folder, name), root)
                  for folder, _, names in os.walk(root) for name in names)


if __name__ == "__main__":
    lab.main()
