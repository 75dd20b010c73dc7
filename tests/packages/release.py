# SPDX-License-Identifier: Apache-2.0
"""packaging/release: the folder has all parts of a release, and two runs give the same bytes."""

import concurrent.futures
import hashlib
import json
import os
import shutil
import unittest

import image
import pack_lab as pack
from pack_lab import lab

# The ends of the files' names; there is one file for each.
FORMATS = (".deb", ".rpm", "-source.tar.gz", "-linux-%s.tar.gz" % os.uname().machine, "_%s.whl" % os.uname().machine)


def commit(folder):
    """Makes a repository with one commit of a copy of the sources."""
    git = ["git", "-C", folder, "-c", "user.name=Test", "-c", "user.email=test@example.org", "-c", "safe.directory=*"]
    pack.run([*git, "init", "-q"])
    pack.run([*git, "add", "-A"])
    pack.run([*git, "commit", "-qm", "A release"],
             env={"GIT_AUTHOR_DATE": "2026-01-02T03:04:05Z", "GIT_COMMITTER_DATE": "2026-01-02T03:04:05Z"})
    return folder


def release(folder, statics):
    out = os.path.join(lab.folder("release"), "out")
    pack.run([os.path.join(folder, "packaging", "release"), *statics, out], timeout=pack.BUILD_TIMEOUT)
    return {name: lab.read(os.path.join(out, name)) for name in sorted(os.listdir(out))}


class Release(lab.Case):
    def test_what_is_in_it_and_that_it_is_the_same_twice(self):
        self.check((), FORMATS, {"catrust", "openssl", "curl"})

    def test_static_release(self):
        statics = image.statics()
        arm64 = ["_aarch64.whl"] if len(statics) > 2 else []
        one = self.check(statics, (*FORMATS, *arm64, ".oci.tar", ".oci.spdx.json"), {"catrust", "openssl", "curl", "musl"})
        described = json.loads(next(data for name, data in one.items() if name.endswith(".oci.spdx.json")))
        self.assertTrue(described["packages"])

    def check(self, statics, formats, packages):
        """Builds a release twice, and returns its files."""
        pack.need("dpkg-shlibdeps", "rpmbuild", "git")
        one = commit(pack.tree("one"))
        trees = [one, shutil.copytree(one, os.path.join(lab.folder("tree"), "another"), symlinks=True)]
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            one, two = pool.map(lambda tree: release(tree, statics), trees)
        for end in formats:
            self.assertEqual(1, len([name for name in one if name.endswith(end)]), (end, list(one)))
        sums = dict(reversed(line.split("  ")) for line in one.pop("SHA256SUMS").decode().splitlines())
        self.assertEqual({name: hashlib.sha256(data).hexdigest() for name, data in one.items()}, sums)
        own = next(name for name in one if name.endswith(".spdx.json") and not name.endswith(".oci.spdx.json"))
        sbom = json.loads(one[own])
        self.assertEqual({"./" + name for name in one if name != own},
                         {file["fileName"] for file in sbom["files"]})
        for file in sbom["files"]:
            self.assertEqual(sums[file["fileName"][2:]], file["checksums"][0]["checksumValue"])
        self.assertEqual(packages, {package["name"] for package in sbom["packages"]})
        for name in one:
            self.assertEqual(one[name], two[name], name)
        self.assertEqual(len(formats) + 1, len(one), list(one))
        self.is_spdx(json.dumps(sbom))
        return one

    def is_spdx(self, text):
        path = lab.write(os.path.join(lab.folder(), "release.spdx.json"), text)
        done = lab.run([os.path.join(lab.more("validators"), "bin", "pyspdxtools"), "-i", path], timeout=180)
        self.assertEqual(0, done.code, done)

    def test_sbom_of_a_static_release(self):
        """The SBOM has the versions that packaging/static has recorded."""
        static, out = lab.folder("static"), lab.folder("out")
        lab.write(os.path.join(out, "catrust.tar.gz"), "as it is")
        lab.write(os.path.join(static, "components"), "openssl\t3.0.20\tApache-2.0\tDebian source package openssl 3.0.20-1\n"
                  "curl\t7.88.1\tcurl\tDebian source package curl 7.88.1-10\nmusl\t1.2.3\tMIT\tDebian source package musl 1.2.3-1\n")
        done = pack.run([os.path.join(pack.TOP, "packaging", "sbom"), "1.0.0", "0" * 40, static, out],
                        env={"SOURCE_DATE_EPOCH": "1700000000"})
        linked = [p for p in json.loads(done)["packages"] if p["name"] != "catrust"]
        self.assertEqual([("openssl", "3.0.20"), ("curl", "7.88.1"), ("musl", "1.2.3")],
                         [(p["name"], p["versionInfo"]) for p in linked])
        self.is_spdx(done)

    def test_what_is_not_committed_is_refused(self):
        pack.need("git")
        folder = commit(pack.tree("dirty"))
        lab.write(os.path.join(folder, "README.md"), "changed")
        done = lab.run([os.path.join(folder, "packaging", "release"), os.path.join(folder, "out")])
        self.assertEqual(1, done.code)
        self.assertIn("not committed", done.err)


if __name__ == "__main__":
    unittest.main()
