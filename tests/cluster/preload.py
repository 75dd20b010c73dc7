# SPDX-License-Identifier: Apache-2.0
"""An image that sets LD_PRELOAD, to Debian's jemalloc. A policy can't see that. The pod is as the policies of
examples/kubernetes/inject make it, and buildah runs it.

pods.py has the patched pods; policy.py and server.py check that the API server makes them. Needs a Debian
root (see tests/more), and the Debian mirror."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "packages"))

import image  # noqa: E402
import kubelet  # noqa: E402
import pack_lab as packs  # noqa: E402
import pods  # noqa: E402
from pack_lab import lab  # noqa: E402

# Prints which of these libraries are loaded, and LD_PRELOAD; then the page.
PROGRAM = """
import os, sys, urllib.request
with open("/proc/self/maps") as f:
    maps = f.read()
print(*(name for name in ("libjemalloc", "libcatrust") if name in maps), os.environ["LD_PRELOAD"], flush=True)
print(urllib.request.urlopen(sys.argv[1], timeout=30).read().decode())
"""


class PreloadOfTheImage(lab.Case):
    @classmethod
    def setUpClass(cls):
        packs.need("buildah")
        cls.buildah = packs.Buildah(cls)
        cls.buildah.base()
        made = cls.buildah.start("localhost/base")
        cls.buildah("copy", made, "/etc/resolv.conf", "/etc/resolv.conf")
        for command in (["apt-get", "-q", "update"],
                        ["apt-get", "-qy", "install", "--no-install-recommends", "libjemalloc2"],
                        ["sh", "-c", "ln -s /usr/lib/*/libjemalloc.so.2 " + pods.JEMALLOC]):
            done = cls.buildah.run_in(made, *command)
            if done.code != 0:
                raise AssertionError(done)
        cls.buildah("config", "--env", "LD_PRELOAD=" + pods.JEMALLOC, made)
        cls.buildah("commit", "--signature-policy", cls.buildah.policy, "--rm", made, "localhost/jemalloc")
        cls.image = cls.buildah.pull("oci-archive:" + image.packed()[0])
        cls.server = lab.server()
        cls.server.__enter__()
        cls.addClassCleanup(cls.server.__exit__)
        cls.command = ["python3", "-c", PROGRAM, cls.server.url]

    def run_pod(self, row):
        """Runs the first container of the patched pod of a row, with that image."""
        pod, gets = next((pod, gets) for name, pod, gets, _ in pods.ROWS if name == row)
        patched = pods.expected(pod, gets, None)
        maps = {"corp-ca": {"corp.pem": lab.read(lab.cert("corp-root.pem"))}}
        node = kubelet.Kubelet(self, self.buildah, self.image, patched, maps, base="localhost/jemalloc")
        return lab.run(node.argv(patched["spec"]["containers"][0], *self.command), timeout=180)

    def loads(self, result, *words):
        self.assertEqual(0, result.code, result)
        self.assertEqual([" ".join(words), lab.PAGE.strip()], result.out.split("\n")[:2])

    def test_the_image_alone(self):
        done = self.buildah.run_in(self.buildah.start("localhost/jemalloc"), *self.command)
        self.assertEqual("libjemalloc %s\n" % pods.JEMALLOC, done.out)
        self.refused(done)

    def test_with_the_annotation(self):
        """Both libraries are loaded, the image's first."""
        self.loads(self.run_pod("ld_preload_of_the_image"), "libjemalloc", "libcatrust",
                   pods.JEMALLOC + ":" + pods.LIBRARY)

    def test_without_the_annotation(self):
        """As the README warns, the policy's value replaces the image's own LD_PRELOAD, so jemalloc is not loaded."""
        self.loads(self.run_pod("bare"), "libcatrust", pods.LIBRARY)


if __name__ == "__main__":
    lab.main()
