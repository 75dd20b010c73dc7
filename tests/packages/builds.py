# SPDX-License-Identifier: Apache-2.0
"""examples/build-behind-proxy and examples/devcontainer, by buildah: images that are built behind mitmproxy, which makes
the certificate of every server, and a Feature that is installed as the devcontainer command installs it.

Needs buildah, mitmproxy, and what packaging/static makes (see tests/more)."""

import glob
import json
import os
import shutil
import socket
import unittest

import ci
import image
import pack_lab as packs
from pack_lab import lab

EXAMPLES = os.path.join(packs.TOP, "examples")
APP = "import demo, os\nprint('demo is here')\n" \
      "print([p for p in ('/opt/catrust', '/etc/catrust') if os.path.exists(p)], os.environ.get('LD_PRELOAD'))\n"


BUNDLE = "/etc/ssl/certs/ca-certificates.crt"


def buildah_with_pip(cls):
    """localhost/base has Python. localhost/pip also has this machine's pip, and public CAs."""
    packs.need("buildah", "cmake", "ninja", "gcc", "musl-gcc")
    lab.need(modules=["pip"])
    buildah = packs.Buildah(cls)
    buildah.base()
    made = buildah.start("localhost/base")
    places = lab.run("import pip, os; print(os.path.dirname(pip.__file__))").out.strip()
    buildah("copy", made, places, "/usr/lib/python3/dist-packages/pip")
    if not os.path.exists(BUNDLE):
        raise unittest.SkipTest("no " + BUNDLE)
    buildah("copy", made, BUNDLE, BUNDLE)
    buildah("commit", "--signature-policy", buildah.policy, "--rm", made, "localhost/pip")
    return buildah


class Proxy(lab.Case):
    @classmethod
    def setUpClass(cls):
        packs.need("mitmdump")
        cls.buildah = buildah_with_pip(cls)
        cls.image = cls.buildah.pull("oci-archive:" + image.own())
        page = "<a href='/demo-1.0-py3-none-any.whl'>demo-1.0-py3-none-any.whl</a>"
        cls.server = lab.server("server-full", pages={"/simple/demo/": page, "/demo-1.0-py3-none-any.whl": ci.wheel()})
        cls.server.__enter__()
        cls.addClassCleanup(cls.server.__exit__)
        cls.start_proxy()

    @classmethod
    def start_proxy(cls):
        there = lab.folder("mitmproxy")
        port = lab.free_port()
        cls.proxy = "http://127.0.0.1:%d" % port
        cls.ca = os.path.join(there, "mitmproxy-ca-cert.pem")
        process = lab.Process(["mitmdump", "-q", "--listen-host", "127.0.0.1", "-p", port, "--set", "confdir=" + there,
                               "--set", "ssl_verify_upstream_trusted_ca=" + lab.cert("corp-root.pem")])
        process.__enter__()
        cls.addClassCleanup(process.__exit__)

        def listens():
            with socket.socket() as s:
                return s.connect_ex(("127.0.0.1", port)) == 0

        lab.wait_for(listens, process, 120)

    def context(self):
        """A folder with the files that the Dockerfile expects beside it."""
        folder = lab.folder("context")
        lab.write(os.path.join(folder, "requirements.txt"), "--index-url %ssimple\ndemo\n" % self.server.url)
        lab.write(os.path.join(folder, "app.py"), APP)
        os.mkdir(os.path.join(folder, "ca.d"))
        shutil.copy(self.ca, os.path.join(folder, "ca.d", "proxy.pem"))
        return folder

    def build(self, dockerfile, *options):
        argv = [*self.buildah.argv, "build", "--isolation", "chroot", "--format", "docker", "--pull-never",
                "--signature-policy", self.buildah.policy, "--build-arg", "BASE=localhost/pip",
                "--build-arg", "CATRUST=" + self.image, *options]
        for name in "HTTPS_PROXY", "https_proxy":
            argv += ["--build-arg", "%s=%s" % (name, self.proxy)]
        return lab.run([*argv, "-t", "localhost/app", "-f", dockerfile, self.context()], timeout=900,
                       env={"PIP_RETRIES": "0"})

    def is_built(self, done):
        """Checks that the image's program runs, has the package, and has nothing of the proxy or of catrust."""
        self.assertEqual(0, done.code, done)
        made = self.buildah.start("localhost/app")
        config = json.loads(self.buildah("inspect", "--type", "image", "localhost/app"))["Docker"]["config"]
        ran = self.buildah.run_in(made, *config["Cmd"])
        self.assertEqual((0, "demo is here\n[] None\n"), (ran.code, ran.out), ran)
        root = self.buildah("mount", made).strip()
        self.addCleanup(self.buildah, "umount", made)
        self.assertEqual([], lab.run(["grep", "-rlF", lab.read(self.ca).decode().splitlines()[3], root]).out.splitlines())

    def without(self, dockerfile, *dropped):
        """The same Dockerfile without the lines that make RUN trust the proxy."""
        text = lab.read(dockerfile).decode()
        for old, new in dropped:
            self.assertIn(old, text)
            text = text.replace(old, new)
        return lab.write(os.path.join(lab.folder("dockerfile"), "Dockerfile"), text)

    def test_stage(self):
        dockerfile = os.path.join(EXAMPLES, "build-behind-proxy", "Dockerfile")
        shell = 'SHELL ["/opt/catrust/bin/catrust-run", "--env", "/bin/sh", "-c"]\n'
        self.refused(self.build(self.without(dockerfile, (shell, ""))))
        self.is_built(self.build(dockerfile))

    def test_mounts(self):
        dockerfile = os.path.join(EXAMPLES, "build-behind-proxy", "Dockerfile.mounts")
        secret = ["--secret", "id=corp-ca,src=" + self.ca]
        run = "/opt/catrust/bin/catrust-run --env --dir /run/secrets/corp-ca -- "
        self.refused(self.build(self.without(dockerfile, (run, ""), (" && \\\n    rm -r /run/catrust", "")), *secret))
        self.is_built(self.build(dockerfile, *secret))


class Feature(lab.Case):
    """Installs the Feature as the devcontainer command does: copies its folder, writes the options to
    devcontainer-features.env and the names of the users to a second file, and runs install.sh as root."""

    FEATURE = os.path.join(EXAMPLES, "devcontainer", "catrust")
    # The specification of Features defines these.
    PROPERTIES = {"id", "version", "name", "documentationURL", "licenseURL", "description", "keywords", "options",
                  "containerEnv", "privileged", "init", "capAdd", "securityOpt", "entrypoint", "customizations",
                  "dependsOn", "installsAfter", "legacyIds", "deprecated", "mounts"}
    PLACE = "/tmp/dev-container-features"

    @classmethod
    def setUpClass(cls):
        cls.buildah = buildah_with_pip(cls)
        cls.metadata = json.loads(lab.read(os.path.join(cls.FEATURE, "devcontainer-feature.json")))
        cls.archive, = glob.glob(packs.build(packs.tree("tree"), "--static", lab.more("static"), "tgz") + "/*.tar.gz")

    def feature(self, *cas):
        folder = os.path.join(lab.folder("feature"), "catrust")
        shutil.copytree(self.FEATURE, folder)
        shutil.copy(self.archive, folder)
        os.mkdir(os.path.join(folder, "ca.d"))
        for ca in cas:
            shutil.copy(lab.cert(ca), os.path.join(folder, "ca.d"))
        return folder

    def install(self, folder, **options):
        """A container with the Feature, and the exit status of install.sh."""
        made = self.buildah.start("localhost/pip")
        values = {name.upper(): str(option["default"]).lower() for name, option in self.metadata["options"].items()}
        values.update(options)
        inside = os.path.join(self.PLACE, "catrust_0")
        lab.write(os.path.join(folder, "devcontainer-features.env"),
                  "".join('%s="%s"\n' % pair for pair in values.items()))
        builtin = lab.write(os.path.join(lab.folder("builtin"), "devcontainer-features.builtin.env"),
                            "_CONTAINER_USER=root\n_REMOTE_USER=root\n_CONTAINER_USER_HOME=/root\n_REMOTE_USER_HOME=/root\n")
        self.buildah("copy", made, builtin, self.PLACE + "/")
        self.buildah("copy", made, folder, inside)
        for name, value in self.metadata["containerEnv"].items():
            self.buildah("config", "--env", "%s=%s" % (name, value), made)
        script = "chmod -R 0755 . && set -a && . ../devcontainer-features.builtin.env && . ./devcontainer-features.env " \
                 "&& set +a && chmod +x ./install.sh && ./install.sh"
        return made, self.buildah.run_in(made, "sh", "-ec", script, options=["--workingdir", inside])

    def test_metadata(self):
        self.assertEqual(os.path.basename(self.FEATURE), self.metadata["id"])
        self.assertLessEqual(set(self.metadata), self.PROPERTIES)
        for option in self.metadata["options"].values():
            self.assertEqual(("boolean", True), (option["type"], option["default"]))
        config = json.loads(lab.read(os.path.join(EXAMPLES, "devcontainer", "devcontainer.json")))
        self.assertEqual({"./catrust": {}}, config["features"])

    def get(self, made, url, *before):
        return self.buildah.run_in(made, *before, "python3", "-c", packs.APP, url)

    def test_installed(self):
        made, done = self.install(self.feature("corp-root.pem"))
        self.assertEqual((0, ""), (done.code, done.err), done)
        with lab.server() as server, lab.server("other-server") as other:
            self.assertIn(lab.PAGE, self.get(made, server.url).out)
            # It works in a user's environment, and in an empty one.
            for before in ["env", "-i"], ["setpriv", "--reuid", "65534", "--clear-groups"]:
                self.assertIn(lab.PAGE, self.get(made, server.url, *before).out)
            self.refused(self.get(made, other.url))
            shown = self.buildah.run_in(made, "env")
            self.assertIn("NODE_EXTRA_CA_CERTS=/opt/catrust/corp.pem", shown.out.splitlines())
            self.assertEqual(1, self.buildah.run_in(made, "cat", "/opt/catrust/corp.pem").out.count("BEGIN CERT"))
        login = self.buildah.run_in(made, "bash", "-lc", "echo $DENO_CERT && test -f $DENO_CERT")
        self.assertEqual(0, login.code, login)
        self.assertRegex(login.out, "^/.*catrust.*pem\n$")
        listed = self.buildah.run_in(made, "catrust", "list")
        self.assertIn("Example Corp Root CA", listed.out, listed)

    def test_twice(self):
        """A second run, as in a container that is built upon another, changes nothing."""
        folder = self.feature("corp-root.pem")
        made, _ = self.install(folder)
        again = self.buildah.run_in(made, "sh", "-c", "./install.sh && cat /etc/ld.so.preload",
                                    options=["--workingdir", os.path.join(self.PLACE, "catrust_0")])
        self.assertEqual((0, "/opt/catrust/lib/libcatrust.so\n"), (again.code, again.out), again)

    def test_without_variables(self):
        made, done = self.install(self.feature("corp-root.pem"), VARIABLES="false")
        self.assertEqual(0, done.code, done)
        self.assertEqual("\n", self.buildah.run_in(made, "bash", "-lc", "echo $DENO_CERT").out)

    def test_what_is_missing(self):
        """No CA, or no archive for this machine: the build ends, and the file of the loader is not written."""
        empty = self.feature()
        other = self.feature("corp-root.pem")
        for path in glob.glob(other + "/*.tar.gz"):
            os.rename(path, path.replace("x86_64", "other").replace("aarch64", "other"))
        for folder, words in (empty, "there is no CA in"), (other, "must be beside install.sh"):
            made, done = self.install(folder)
            self.assertEqual(1, done.code, done)
            self.assertIn("catrust: ", done.err)
            self.assertIn(words, done.err)
            self.assertNotEqual(0, self.buildah.run_in(made, "test", "-e", "/etc/ld.so.preload").code)


if __name__ == "__main__":
    lab.main()
