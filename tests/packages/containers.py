# SPDX-License-Identifier: Apache-2.0
"""The Dockerfile for Debian built and run, and the commands of the Kubernetes pod run as its user on a
read-only root. Needs buildah, and a Debian root (see tests/more)."""

import glob
import json
import os
import shutil
import signal
import sys

import image
import pack_lab as packs
from pack_lab import lab

EXAMPLES = os.path.join(packs.TOP, "examples")


ENDS = """
import os, signal, time
def end(number, frame):
    os.write(1, b"ended by %d\\n" % number)
    os._exit(7)
signal.signal(signal.SIGTERM, end)
print("process", os.getpid(), "of", os.getuid(), flush=True)
time.sleep(120)
"""


class Container(lab.Case):
    """examples/debian/Dockerfile, on a base image that is made from a Debian root."""

    @classmethod
    def setUpClass(cls):
        packs.need("buildah", "dpkg-shlibdeps", "cmake", "ninja", "gcc")
        cls.buildah = packs.Buildah(cls)
        cls.buildah.base()
        cls.build("debian", "base", "app", cls.context())
        cls.container = cls.buildah.start("localhost/app")

    @classmethod
    def context(cls):
        """A folder with the files that the Dockerfile expects beside it."""
        context = lab.folder("context")
        deb, = glob.glob(packs.build(packs.tree("tree"), "deb") + "/*.deb")
        for path in deb, os.path.join(EXAMPLES, "entrypoint.sh"), packs.app(lab.folder("app")):
            shutil.copy(path, context)
        shutil.copytree(lab.trustdir("corp-root.pem"), os.path.join(context, "ca.d"))
        return context

    @classmethod
    def build(cls, example, base, name, context):
        cls.buildah("build", "--isolation", "chroot", "--signature-policy", cls.buildah.policy, "--pull-never",
                    "--build-arg", "BASE=localhost/" + base, "-t", "localhost/" + name,
                    "-f", os.path.join(EXAMPLES, example, "Dockerfile"), context)

    def run_in(self, *command, **options):
        return self.buildah.run_in(self.container, *command, **options)

    def entry(self):
        """The image's entry point and command, and its user."""
        config = json.loads(self.buildah("inspect", "--type", "image", "localhost/app"))["OCIv1"]["config"]
        self.assertEqual("65534:65534", config["User"])
        return config["Entrypoint"], config["Cmd"]

    def test_it_trusts_what_it_was_built_with(self):
        entry, command = self.entry()
        with lab.server() as server:
            self.refused(self.run_in(*command, server.url))
            done = self.run_in(*entry, *command, server.url)
            self.assertEqual(0, done.code, done)
            self.assertIn(lab.PAGE.strip(), done.out)
        with lab.server("other-server") as server:
            self.refused(self.run_in(*entry, *command, server.url))

    def test_user_and_status(self):
        entry, _ = self.entry()
        self.assertEqual("65534\n", self.run_in(*entry, "id", "-u").out)
        for status in 0, 42:
            self.assertEqual(status, self.run_in(*entry, "sh", "-c", "exit %d" % status).code)

    def test_mount(self):
        """catrust-run --mount works in a container with CAP_SYS_ADMIN. In others it says why not, and runs nothing."""
        count = ["grep", "-c", "BEGIN", "/etc/ssl/certs/ca-certificates.crt"]
        root = ["--user", "root"]
        plain = self.run_in(*count, options=root)
        self.assertEqual((0, ""), (plain.code, plain.err))
        for options in [], root:
            done = self.run_in("catrust-run", "--mount", *count, options=options)
            self.assertEqual(("", 125), (done.out, done.code), done)
            self.assertRegex(done.err, r"(?m)^catrust: --mount: can't make a mount namespace here: .*catrust-run --env ")
        may = self.run_in("catrust-run", "--mount", "env", "-i", *count, options=[*root, "--cap-add", "CAP_SYS_ADMIN"])
        self.assertEqual((0, int(plain.out) + 1), (may.code, int(may.out or 0)), may)
        self.assertEqual(plain, self.run_in(*count, options=root))

    def test_process_one(self):
        """In a process namespace of its own, which buildah's chroot does not make: the program gets signals, and its
        exit status is passed on."""
        packs.need("unshare")
        entry, _ = self.entry()
        root = self.buildah("mount", self.container).strip()
        self.addCleanup(self.buildah, "umount", self.container)
        script = 'root=$0; mount -t proc proc "$root/proc" && touch "$root/dev/null" && ' \
                 'mount --bind /dev/null "$root/dev/null" && exec chroot --userspec=65534:65534 "$root" "$@"'
        argv = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", script, root, *entry,
                "python3", "-c", ENDS]
        with lab.Process(argv, ready=r"process 1 of 65534") as process:
            with open("/proc/%d/task/%d/children" % (process.process.pid, process.process.pid)) as f:
                os.kill(int(f.read()), signal.SIGTERM)
            self.assertEqual(7, process.process.wait(lab.TIMEOUT), process.output())
            self.assertIn("ended by 15", process.output())


class Pod(lab.Case):
    """The commands of examples/kubernetes/deployment.yaml, as a kubelet would run them, except for the images:
    the containers' root is read-only, they share a folder, and the ConfigMap is mounted read-only."""

    SCRIPT = r"""
set -eu
root=$1 map=$2 uid=$3 catrust=$4
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount --bind /dev/null "$root/dev/null"
mount -t tmpfs -o mode=777 tmpfs "$root/catrust"
mount --bind "$map" "$root/etc/catrust/ca.d"
mount -o remount,bind,ro "$root/etc/catrust/ca.d"
mount -o remount,bind,ro "$root"
enter() {
	setpriv --no-new-privs chroot --userspec="$uid:$uid" "$root" "$@"
}
shift 4
mount --bind "$catrust/opt" "$root/opt"
eval "enter $1"
umount "$root/opt"
shift
exec setpriv --no-new-privs chroot --userspec="$uid:$uid" "$root" "$@"
"""

    def test_commands(self):
        try:
            import yaml
        except ImportError:
            self.skipTest("no module yaml for %s" % sys.executable)
        root = packs.copy_root()
        packs.need("cmake", "ninja", "gcc", "musl-gcc", "setpriv")
        with open(os.path.join(EXAMPLES, "kubernetes", "deployment.yaml"), encoding="utf-8") as f:
            pod = yaml.safe_load(f)["spec"]["template"]["spec"]
        first, second = pod["initContainers"][0], pod["containers"][0]
        self.assertEqual({"/catrust", "/etc/catrust/ca.d"}, {m["mountPath"] for m in second["volumeMounts"]})
        # The root of the image; the init container sees all of it.
        opt = lab.folder("image")
        image.unpack(opt)
        for mount in "catrust", "etc/catrust/ca.d":
            os.makedirs(os.path.join(root, mount))
        packs.app(os.path.join(root, "srv"))
        quoted = " ".join("'%s'" % word for word in ["/opt/catrust/bin/catrust", *first["args"]])
        uid = str(pod["securityContext"]["runAsUser"])
        argv = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", self.SCRIPT, "pod",
                root, self.config_map(), uid, opt, quoted]
        with lab.server() as server:
            command = [*second["command"], server.url]
            self.got_page(lab.run([*argv, *command]))
            self.refused(lab.run([*argv, *command[1:]]))
        shown = lab.run([*argv, *second["command"][:1], "sh", "-c", "id -u; touch /srv/new; echo $?"])
        self.assertRegex(shown.out, r"^%s\n[1-9]" % uid)
        self.assertIn("Read-only file system", shown.err)

    @staticmethod
    def config_map():
        """A folder as the kubelet mounts it: everybody can read it, and the files are behind two links."""
        folder = lab.folder("map")
        os.mkdir(os.path.join(folder, "..2026_01_01"))
        lab.write(os.path.join(folder, "..2026_01_01", "corp-root.pem"), lab.read(lab.cert("corp-root.pem")))
        os.symlink("..2026_01_01", os.path.join(folder, "..data"))
        os.symlink("..data/corp-root.pem", os.path.join(folder, "corp-root.pem"))
        os.chmod(folder, 0o777)
        return folder


if __name__ == "__main__":
    lab.main()
