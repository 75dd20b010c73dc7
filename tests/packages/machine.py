# SPDX-License-Identifier: Apache-2.0
"""catrust enable --system as installed from the .deb: in a Debian with sudo, cron and sshd, and in a container's image.
Needs a Debian root (see tests/more), and the Debian mirror."""

import functools
import glob
import os
import re
import shutil
import signal
import subprocess

import chroot
import pack_lab as packs
from pack_lab import lab

BUNDLE = "/var/lib/catrust/bundle.pem"


@functools.lru_cache(None)
def deb():
    packs.need("dpkg-shlibdeps", "cmake", "ninja", "gcc")
    found, = glob.glob(packs.build(packs.tree("tree"), "deb") + "/*.deb")
    return found


class Debian(chroot.CleanDebian):
    """The tests of this class share one namespace, in which the daemons keep running."""

    test_start_of_readme = None

    @classmethod
    def setUpClass(cls):
        cls.root = packs.copy_root()
        script = 'root=$0; mount -t proc proc "$root/proc" && mount -t tmpfs none "$root/dev" && ' \
                 'mkdir "$root/dev/pts" "$root/dev/shm" && mount -t devpts -o newinstance,ptmxmode=666 none "$root/dev/pts" && ' \
                 'ln -s pts/ptmx "$root/dev/ptmx" && ln -s /proc/self/fd "$root/dev/fd" && ' \
                 'for f in null zero random urandom tty; do touch "$root/dev/$f" && mount --bind "/dev/$f" "$root/dev/$f"; done; ' \
                 'chmod 1777 "$root/dev/shm"; echo ready; exec sleep 3000'
        cls.holder = lab.Process(["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", script, cls.root],
                                 ready="ready")
        cls.holder.__enter__()
        cls.addClassCleanup(cls.holder.__exit__)
        with open("/proc/%d/task/%d/children" % (cls.holder.process.pid, cls.holder.process.pid)) as f:
            cls.pid = f.read().strip()
        shutil.copy(deb(), os.path.join(cls.root, "tmp"))
        lab.write(cls.root + "/usr/sbin/policy-rc.d", "#!/bin/sh\nexit 101\n", 0o755)
        cls.inside("apt-get", "-q", "update", timeout=300)
        cls.inside("apt-get", "-qy", "install", "--no-install-recommends", "/tmp/" + os.path.basename(deb()),
                   "sudo", "cron", "openssh-server", "openssh-client", "ca-certificates", timeout=900)
        packs.app(os.path.join(cls.root, "srv"))
        shutil.copy(lab.cert("corp-root.pem"), cls.root + "/etc/catrust/ca.d")
        # sudo looks up the name of the machine. Containers can't audit logins.
        with open(cls.root + "/etc/hosts", "a", encoding="utf-8") as hosts:
            hosts.write("\n127.0.0.1 localhost %s\n" % os.uname().nodename)
        cls.inside("sed", "-i", "/pam_loginuid/d", "/etc/pam.d/cron", "/etc/pam.d/sshd")
        cls.inside("useradd", "-m", "-s", "/bin/bash", "worker")
        lab.write(cls.root + "/etc/sudoers.d/worker", "worker ALL=(ALL) NOPASSWD: ALL\n", 0o440)
        cls.server = lab.server()
        cls.server.__enter__()
        cls.addClassCleanup(cls.server.__exit__)
        cls.app = ["python3", "/srv/app.py", cls.server.url]

    @classmethod
    def argv(cls, *command):
        return ["nsenter", "-m", "-p", "-t", cls.pid, "chroot", cls.root, *command]

    def setUp(self):
        self.refused(self.attempt(*self.app))

    def tearDown(self):
        self.attempt("catrust", "disable")

    def files(self):
        found = {}
        for top in "etc", "var/lib/catrust", "usr/lib":
            for folder, _, names in os.walk(os.path.join(self.root, top)):
                for name in names:
                    path = os.path.join(folder, name)
                    if not os.path.islink(path) and os.stat(path).st_size < 1 << 20:
                        found[path[len(self.root):]] = os.stat(path).st_mode, hash(lab.read(path))
        return found

    def test_who_is_reached(self):
        command = " ".join(self.app)
        ways = {
            "env -i": ["/usr/bin/env", "-i", "/usr/bin/python3", *self.app[1:]],
            "su -": ["su", "-", "worker", "-c", command],
            "sudo": ["sudo", *self.app],
            "sudo of a user": ["su", "worker", "-c", "sudo " + command],
            "sudo -i": ["su", "worker", "-c", "sudo -i " + command],
        }
        for name, argv in ways.items():
            with self.subTest(name):
                self.refused(self.attempt(*argv))
        self.inside("catrust", "enable", "--system", timeout=120)
        for name, argv in ways.items():
            with self.subTest(name):
                self.got_page(self.attempt(*argv))
        with self.subTest("doctor"):
            self.assertEqual(0, self.attempt("catrust", "status").code)

    def test_cron(self):
        """A line in a user's crontab, run by Debian's cron."""
        self.inside("catrust", "enable", "--system", timeout=120)
        lab.write(self.root + "/etc/cron.d/fetch",
                  "* * * * * worker %s >/home/worker/cron 2>&1; echo >>/home/worker/cron\n" % " ".join(self.app))
        daemon = subprocess.Popen(self.argv("cron", "-f"), env=lab.clean_env(**self.env()), stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL, start_new_session=True)
        out = self.root + "/home/worker/cron"
        try:
            lab.wait_for(lambda: os.path.exists(out) and lab.read(out).endswith(b"\n\n"), self.holder, 130)
        finally:
            os.unlink(self.root + "/etc/cron.d/fetch")
            # nsenter forks to enter the process namespace.
            os.killpg(daemon.pid, signal.SIGKILL)
            daemon.wait()
        self.assertEqual(lab.PAGE, lab.read(out).decode().rstrip("\n") + "\n")

    def test_ssh(self):
        self.inside("catrust", "enable", "--system", "--env", timeout=120)
        self.inside("sh", "-c", "mkdir -p /run/sshd /root/.ssh /home/worker/.ssh; rm -f /root/.ssh/id; "
                    "ssh-keygen -q -t ed25519 -N '' -f /root/.ssh/id; cp /root/.ssh/id.pub /home/worker/.ssh/authorized_keys; "
                    "chown -R worker: /home/worker/.ssh")
        port = lab.free_port()
        with lab.Process(self.argv("/usr/sbin/sshd", "-D", "-e", "-p", str(port), "-o", "ListenAddress=127.0.0.1"),
                         ready="Server listening", env=lab.clean_env(**self.env())):
            done = self.attempt("ssh", "-q", "-i", "/root/.ssh/id", "-p", str(port), "-o", "StrictHostKeyChecking=no",
                                "worker@127.0.0.1", " ".join(self.app) + "; env")
        self.assertTrue(done.out.startswith(lab.PAGE), done)
        # PAM sets it from /etc/environment.
        self.assertIn("SSL_CERT_FILE=%s\n" % BUNDLE, done.out)

    def test_update_of_the_public_cas(self):
        """The hook of update-ca-certificates, and the trigger of dpkg."""
        self.inside("catrust", "enable", "--system", "--env", timeout=120)
        count = lambda: lab.read(self.root + BUNDLE).count(b"BEGIN CERTIFICATE")  # noqa: E731
        before = count()
        shutil.copy(lab.cert("other-root.pem"), self.root + "/usr/local/share/ca-certificates/other.crt")
        self.inside("update-ca-certificates", timeout=120)
        self.assertEqual(before + 1, count())
        os.unlink(self.root + "/usr/local/share/ca-certificates/other.crt")
        self.inside("update-ca-certificates", timeout=120)
        self.assertEqual(before, count())
        package = os.path.join(lab.folder("package"), "corp")
        os.makedirs(package + "/DEBIAN")
        os.makedirs(package + "/etc/catrust/ca.d")
        lab.write(package + "/DEBIAN/control", "Package: corp-ca\nVersion: 1\nArchitecture: all\nMaintainer: a <a@b.invalid>\n"
                  "Description: a CA\n")
        shutil.copy(lab.cert("client-root.pem"), package + "/etc/catrust/ca.d")
        packs.run(["dpkg-deb", "--root-owner-group", "-b", package, self.root + "/tmp/corp.deb"])
        self.inside("dpkg", "-i", "/tmp/corp.deb")
        self.assertEqual(before + 1, count())
        self.inside("dpkg", "-P", "corp-ca")
        self.assertEqual(before, count())

    def test_z_removal(self):
        """The removal of the package undoes what enable has written, byte for byte."""
        before = self.files()
        self.inside("catrust", "enable", "--system", "--env", timeout=120)
        self.got_page(self.attempt(*self.app))
        self.inside("dpkg", "--remove", "catrust")
        after = self.files()
        self.assertEqual([], [p for p in after if before.get(p) != after[p]])
        self.assertEqual([], [p for p in before if p not in after and "catrust" not in p])
        self.assertFalse(os.path.exists(self.root + "/etc/ld.so.preload"))
        self.assertFalse(os.path.exists(self.root + "/var/lib/catrust"))
        self.assertEqual((0, "", ""), self.attempt("true"))
        self.refused(self.attempt(*self.app))
        # The files that stay until the package is purged print nothing.
        self.inside("update-ca-certificates", timeout=120)
        self.inside("dpkg", "--purge", "catrust")


class Image(lab.Case):
    """RUN catrust enable --system, as in examples/README.md."""

    def test_image(self):
        packs.need("buildah")
        buildah = packs.Buildah(type(self))
        buildah.base()
        made = buildah.start("localhost/base")
        buildah("add", made, deb(), "/tmp/")
        buildah("add", made, lab.cert("corp-root.pem"), "/etc/catrust/ca.d/")
        buildah("add", made, packs.app(lab.folder("app")), "/srv/")
        buildah("copy", made, "/etc/resolv.conf", "/etc/resolv.conf")
        for command in (["apt-get", "-q", "update"],
                        ["apt-get", "-qy", "install", "--no-install-recommends", "/tmp/" + os.path.basename(deb())],
                        ["catrust", "enable", "--system"]):
            done = buildah.run_in(made, *command)
            self.assertEqual(0, done.code, done)
        self.assertIn("enabled: each program", done.out)
        buildah("commit", "--signature-policy", buildah.policy, "--rm", made, "localhost/enabled")
        container = buildah.start("localhost/enabled")
        with lab.server() as server:
            app = ["python3", "/srv/app.py", server.url]
            for wrap in [], ["env", "-i"], ["catrust-run"]:
                self.got_page(buildah.run_in(container, *wrap, *app))
            done = buildah.run_in(container, "catrust", "status")
            self.assertEqual(0, done.code, done)
            self.assertIsNotNone(re.search(r"(?m)^preload    on", done.out))
            done = buildah.run_in(container, "catrust", "disable")
            self.assertEqual(0, done.code, done)
            self.refused(buildah.run_in(container, *app))


if __name__ == "__main__":
    lab.main()
