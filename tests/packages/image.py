# SPDX-License-Identifier: Apache-2.0
"""The image of packaging/package oci, built once for a run of tests; and an image of the files of this build."""

import functools
import gzip
import io
import json
import os
import struct
import tarfile

import pack_lab as packs
from pack_lab import lab

EPOCH = "1700000000"
MACHINES = {"amd64": 62, "arm64": 183}  # e_machine of ELF
LICENSES = ["opt/catrust/share/licenses/" + name for name in ("catrust", "curl", "musl", "openssl")]


def statics():
    """The options --static, one for each architecture that packaging/static has built."""
    found = ["--static", lab.more("static")]
    other = os.path.join(lab.MORE, "static-arm64")
    if os.path.isdir(other):
        found += ["--static", other]
    return found


def own_architecture():
    return lab.read(os.path.join(lab.more("static"), "architecture")).decode().strip()


def architectures():
    return sorted({own_architecture(), *(["arm64"] if len(statics()) > 2 else [])})


def build(name, linked=None):
    """The paths of layout and SBOM, built from a tree called name."""
    out = packs.build(packs.tree(name), *(linked or statics()), "oci", SOURCE_DATE_EPOCH=EPOCH)
    layout, = (os.path.join(out, n) for n in os.listdir(out) if n.endswith(".oci.tar"))
    return layout, layout.replace(".oci.tar", ".oci.spdx.json")


@functools.lru_cache(None)
def built():
    return build("tree")


@functools.lru_cache(None)
def own():
    """The path of a layout with only this machine's architecture, which is built faster."""
    return build("tree", ["--static", lab.more("static")])[0]


def machine():
    """The architecture of this build."""
    number, = struct.unpack_from("<H", lab.read(lab.built_shim()), 18)
    return next(name for name, other in MACHINES.items() if other == number)


def packed():
    """The paths of layout and SBOM, with the files of this build. Its tool is not static; the library is the same."""
    folder = lab.folder("image")
    top = os.path.join(folder, "root", "opt", "catrust")
    built_in = os.path.abspath(os.environ["CATRUST_BUILD"])
    for name in "bin", "lib", "share/licenses":
        os.makedirs(os.path.join(top, name))
    for name, mode in ("tools/catrust", 0o755), ("tools/catrust-run", 0o755), ("shim/libcatrust.so", 0o644):
        to = os.path.join(top, "lib" if name.endswith(".so") else "bin", os.path.basename(name))
        lab.write(to, lab.read(os.path.join(built_in, name)), mode)
    for path in LICENSES:
        lab.write(os.path.join(folder, "root", path), "as it is")
    lab.write(os.path.join(folder, "components"), "".join("%s\t1.0\tMIT\there\n" % n for n in ("openssl", "curl", "musl")))
    out = lab.folder("out")
    packs.run([os.path.join(packs.TOP, "packaging", "oci"), "1.0.0", out, "%s=%s" % (machine(), folder)],
              env={"SOURCE_DATE_EPOCH": EPOCH})
    return [os.path.join(out, "catrust-1.0.0" + ending) for ending in (".oci.tar", ".oci.spdx.json")]


def unpack(folder):
    """Unpacks the root of the image for this machine into a folder."""
    with tarfile.open(own()) as tar:
        def blob(descriptor):
            return tar.extractfile("blobs/sha256/" + descriptor["digest"].split(":")[1]).read()

        index = json.loads(blob(json.load(tar.extractfile("index.json"))["manifests"][0]))
        described, = index["manifests"]
        layer = gzip.decompress(blob(json.loads(blob(described))["layers"][0]))
    with tarfile.open(fileobj=io.BytesIO(layer)) as tar:
        tar.extractall(folder)
