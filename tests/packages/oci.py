# SPDX-License-Identifier: Apache-2.0
"""The image of packaging/package oci: two builds give the same bytes, and it has the right files for each
architecture and the right SBOM. buildah uses it with COPY --from, and as an init container that fills a volume.

Needs what packaging/static makes (see tests/more). The image has arm64 if that was made for arm64, too."""

import gzip
import hashlib
import io
import json
import os
import struct
import tarfile

import image
import pack_lab as packs
from pack_lab import lab

FILES = ["opt/catrust/bin/catrust", "opt/catrust/bin/catrust-run", "opt/catrust/lib/libcatrust.so"]


def asks_for_a_loader(program):
    """Has the 64-bit ELF file a program header PT_INTERP?"""
    start, = struct.unpack_from("<Q", program, 32)
    size, count = struct.unpack_from("<HH", program, 54)
    return any(struct.unpack_from("<I", program, start + i * size)[0] == 3 for i in range(count))


class Layout(lab.Case):
    """The layout follows the OCI image specification, and every blob matches its checksum."""

    @classmethod
    def setUpClass(cls):
        packs.need("cmake", "ninja", "gcc", "musl-gcc")
        cls.architectures = image.architectures()
        cls.look_at(*image.built())

    @classmethod
    def look_at(cls, layout, sbom):
        cls.layout, cls.sbom = layout, sbom
        with tarfile.open(cls.layout) as tar:
            cls.files = {m.name: tar.extractfile(m).read() for m in tar if m.isfile()}
            for member in tar:
                assert (member.mtime, member.uid, member.gid) == (int(image.EPOCH), 0, 0), member

    def blob(self, descriptor):
        data = self.files["blobs/sha256/" + descriptor["digest"].split(":")[1]]
        self.assertEqual((descriptor["size"], descriptor["digest"]),
                         (len(data), "sha256:" + hashlib.sha256(data).hexdigest()))
        return data

    def images(self):
        """(architecture, manifest, config, members of the layer)"""
        self.assertEqual({"imageLayoutVersion": "1.0.0"}, json.loads(self.files["oci-layout"]))
        top, = json.loads(self.files["index.json"])["manifests"]
        index = json.loads(self.blob(top))
        for described in index["manifests"]:
            manifest = json.loads(self.blob(described))
            config = json.loads(self.blob(manifest["config"]))
            layer, = manifest["layers"]
            unpacked = gzip.decompress(self.blob(layer))
            self.assertEqual(["sha256:" + hashlib.sha256(unpacked).hexdigest()], config["rootfs"]["diff_ids"])
            with tarfile.open(fileobj=io.BytesIO(unpacked)) as tar:
                members = {m.name: (m, tar.extractfile(m).read() if m.isfile() else None) for m in tar}
            self.assertEqual(described["platform"], {"architecture": config["architecture"], "os": config["os"]})
            yield config["architecture"], manifest, config, members

    def test_size(self):
        self.assertLess(os.path.getsize(self.layout), 8 << 20)

    def test_content(self):
        self.assertEqual(self.architectures, [row[0] for row in self.images()])
        for architecture, _, _, members in self.images():
            with self.subTest(architecture):
                self.assertEqual(sorted(FILES + image.LICENSES), sorted(n for n, (m, _) in members.items() if m.isfile()))
                links = {n: m.linkname for n, (m, _) in members.items() if m.issym()}
                self.assertEqual({"bin": "opt/catrust/bin", "lib": "opt/catrust/lib"}, links)
                for name, (member, data) in members.items():
                    if name in links:
                        continue
                    self.assertEqual((0, 0, int(image.EPOCH)), (member.uid, member.gid, member.mtime), name)
                    self.assertEqual(0o755 if data is None or "/bin/" in name else 0o644, member.mode, name)
                for name in FILES[0], FILES[2]:
                    self.assertEqual(image.MACHINES[architecture], struct.unpack_from("<H", members[name][1], 18)[0], name)
                self.look_into({name: members[name][1] for name in FILES})

    def look_into(self, programs):
        self.assertFalse(asks_for_a_loader(programs[FILES[0]]))
        for name, data in programs.items():
            self.assertFalse(lab.scratch().encode() in data, name)

    def test_labels(self):
        for _, manifest, config, _ in self.images():
            labels = config["config"]["Labels"]
            self.assertEqual(labels, manifest["annotations"])
            name = "org.opencontainers.image."
            self.assertEqual(("catrust", "Apache-2.0", "2023-11-14T22:13:20Z"),
                             (labels[name + "title"], labels[name + "licenses"], labels[name + "created"]))
            self.assertRegex(labels[name + "version"], r"^\d+\.\d+\.\d+$")
            self.assertEqual("65534:65534", config["config"]["User"])

    def test_sbom(self):
        """The SBOM has each file of the image with its checksum, and the libraries that are linked into the program."""
        sbom = json.loads(lab.read(self.sbom))
        told = {f["fileName"]: {c["algorithm"]: c["checksumValue"] for c in f["checksums"]} for f in sbom["files"]}
        there = {"./%s/%s" % (architecture, name): data for architecture, _, _, members in self.images()
                 for name, (_, data) in members.items() if data is not None}
        self.assertEqual({name: {"SHA1": hashlib.sha1(data).hexdigest(), "SHA256": hashlib.sha256(data).hexdigest()}
                          for name, data in there.items()}, told)
        sums = "".join(sorted(f["SHA1"] for f in told.values()))
        self.assertEqual(hashlib.sha1(sums.encode()).hexdigest(),
                         sbom["packages"][0]["packageVerificationCode"]["packageVerificationCodeValue"])
        names = [p["name"] for p in sbom["packages"]]
        self.assertEqual(["catrust"] + len(self.architectures) * ["openssl", "curl", "musl"], names)
        done = lab.run([os.path.join(lab.more("validators"), "bin", "pyspdxtools"), "-i", self.sbom], timeout=180)
        self.assertEqual(0, done.code, done)
        wrong = lab.write(os.path.join(lab.folder(), "wrong.spdx.json"),
                          lab.read(self.sbom).replace(b'"SPDXRef-image"', b'"image"'))
        self.assertNotEqual(0, lab.run([os.path.join(lab.more("validators"), "bin", "pyspdxtools"), "-i", wrong],
                                       timeout=180).code)

    def test_same_bytes(self):
        for first, second in zip((self.layout, self.sbom), self.another()):
            self.assertEqual(lab.read(first), lab.read(second), first)

    def another(self):
        return image.build("another-tree")


class Packed(Layout):
    """The same checks with the files of this build. They take little time, so every run makes them."""

    @classmethod
    def setUpClass(cls):
        cls.architectures = [image.machine()]
        cls.look_at(*image.packed())

    def look_into(self, programs):
        """The files are those for this machine."""

    def another(self):
        return image.packed()


class Uses(lab.Case):
    """buildah reads the image for this machine's architecture from the layout."""

    @classmethod
    def setUpClass(cls):
        packs.need("buildah", "cmake", "ninja", "gcc", "musl-gcc")
        cls.buildah = packs.Buildah(cls)
        cls.image = cls.buildah.pull("oci-archive:" + image.built()[0])

    def test_copy_from(self):
        """A Dockerfile copies the files with COPY --from into a Debian without catrust."""
        context = lab.folder("context")
        lab.write(os.path.join(context, "Dockerfile"), "FROM localhost/base\nCOPY --from=%s /opt/catrust /opt/catrust\n"
                  "COPY ca.d /etc/catrust/ca.d\nCOPY app.py /srv/\nENV LD_PRELOAD=/opt/catrust/lib/libcatrust.so\n"
                  % self.image)
        packs.app(context)
        os.rename(lab.trustdir("corp-root.pem"), os.path.join(context, "ca.d"))
        self.buildah.base()
        self.buildah("build", "--isolation", "chroot", "--signature-policy", self.buildah.policy, "--pull-never",
                     "-t", "localhost/copied", context)
        made = self.buildah.start("localhost/copied")
        with lab.server() as server:
            done = self.buildah.run_in(made, "python3", "/srv/app.py", server.url)
            self.assertEqual(0, done.code, done)
            self.assertIn(lab.PAGE.strip(), done.out)
            self.refused(self.buildah.run_in(made, "env", "-u", "LD_PRELOAD", "python3", "/srv/app.py", server.url))
        listed = self.buildah.run_in(made, "/opt/catrust/bin/catrust", "list")
        self.assertIn("Example Corp Root CA", listed.out, listed)

    def copy(self, volume, *args):
        """The image as an init container: its root has nothing else, and only the volume can be written to."""
        made = self.buildah.start(self.image)
        return lab.run([*self.buildah.argv, "run", "--isolation", "chroot", "-v", volume + ":/opt/copy", made, "--",
                        "/opt/catrust/bin/catrust", "copy", *args], timeout=180)

    def test_init_container(self):
        volume = lab.folder("volume")
        os.chmod(volume, 0o777)
        for _ in range(2):  # a restart of the pod
            done = self.copy(volume, "/opt/copy")
            self.assertEqual((0, ""), (done.code, done.out), done)
        copied = {os.path.relpath(os.path.join(f, n), volume) for f, _, names in os.walk(volume) for n in names}
        self.assertEqual({"bin/catrust", "bin/catrust-run", "lib/libcatrust.so"}, copied)
        with lab.server() as server:
            argv = [os.path.join(volume, "bin", "catrust-run"), lab.PYTHON, packs.app(lab.folder("app")), server.url]
            self.got_page(lab.run(argv, dirs=[lab.trustdir("corp-root.pem")]))
        self.assertNotEqual(0, self.copy(volume, "/opt/copy/bin/catrust/x").code)
        wrong = self.copy(volume)
        self.assertEqual(2, wrong.code, wrong)


if __name__ == "__main__":
    lab.main()
