# SPDX-License-Identifier: Apache-2.0
"""The image of packaging/package oci, built once for a run of tests."""

import functools
import gzip
import io
import json
import os
import tarfile

import pack_lab as packs
from pack_lab import lab

EPOCH = "1700000000"


def statics():
    """--static for each architecture that is there."""
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
    """The paths of layout and SBOM, from a tree called name."""
    out = packs.build(packs.tree(name), *(linked or statics()), "oci", SOURCE_DATE_EPOCH=EPOCH)
    layout, = (os.path.join(out, n) for n in os.listdir(out) if n.endswith(".oci.tar"))
    return layout, layout.replace(".oci.tar", ".spdx.json")


@functools.lru_cache(None)
def built():
    return build("tree")


@functools.lru_cache(None)
def own():
    """The path of the layout with this machine's architecture alone, which is built faster."""
    return build("tree", ["--static", lab.more("static")])[0]


def unpack(folder):
    """The root of the image for this machine, into a folder."""
    with tarfile.open(own()) as tar:
        def blob(descriptor):
            return tar.extractfile("blobs/sha256/" + descriptor["digest"].split(":")[1]).read()

        index = json.loads(blob(json.load(tar.extractfile("index.json"))["manifests"][0]))
        described, = index["manifests"]
        layer = gzip.decompress(blob(json.loads(blob(described))["layers"][0]))
    with tarfile.open(fileobj=io.BytesIO(layer)) as tar:
        tar.extractall(folder)
