# SPDX-License-Identifier: Apache-2.0
"""What the tests of examples/kubernetes/inject share: the programs that tests/cluster/make builds, and the
manifests."""

import functools
import os
import subprocess
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
INJECT = os.path.join(TOP, "examples", "kubernetes", "inject")
OVERLAYS = ["1.36-configmap", "1.36-trust-manager", "1.37-clustertrustbundle"]


def program(name):
    """The path of one of the programs. The test is skipped if this machine can't get it."""
    done = subprocess.run([os.path.join(HERE, "make"), "--if-cheap", name], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode == 77:
        raise unittest.SkipTest(done.stdout.strip().rsplit("\n", 1)[-1])
    if done.returncode != 0:
        raise AssertionError(done.stdout)
    return done.stdout.strip().rsplit("\n", 1)[-1]


def documents(text):
    try:
        import yaml
    except ImportError:
        raise unittest.SkipTest("no module yaml") from None
    return [d for d in yaml.safe_load_all(text) if d]


@functools.lru_cache(None)
def rendered(overlay):
    """The manifests of an overlay, as the repository has them."""
    with open(os.path.join(INJECT, "rendered", overlay + ".yaml"), encoding="utf-8") as f:
        return documents(f.read())
