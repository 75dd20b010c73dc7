# SPDX-License-Identifier: Apache-2.0
"""examples/systemd: systemd-analyze checks the units and drop-ins. The tests run their commands with their variables,
but start no service manager."""

import os
import re
import shutil

import pack_lab as packs
from pack_lab import lab

SYSTEMD = os.path.join(packs.TOP, "examples", "systemd")
TOOL = os.path.join(os.path.abspath(os.environ.get("CATRUST_BUILD", ".")), "tools", "catrust")
APP = "[Service]\nExecStart=/bin/true\n"


def text(name):
    return lab.read(os.path.join(SYSTEMD, name)).decode()


def values(name, key):
    """The values of a unit's key, in order."""
    return re.findall(r"^%s=(.*)$" % key, text(name), re.M)


class Verified(lab.Case):
    @classmethod
    def setUpClass(cls):
        packs.need("systemd-analyze")

    def verify(self, *units, **files):
        """Runs systemd-analyze verify. files: these replace the example's files of the same names."""
        folder = lab.folder("units")
        there = {"app.service": APP,
                 "app.service.d/catrust.conf": text("catrust.conf"), "service.d/catrust.conf": text("catrust.conf"),
                 "app.service.d/catrust-bundle.conf": text("bundle.conf"),
                 "catrust-bundle.path": text("catrust-bundle.path"),
                 # systemd-analyze also checks that the program exists.
                 "catrust-bundle.service": text("catrust-bundle.service").replace("/usr/bin/catrust ", TOOL + " ")}
        there.update({name.replace("__", "/").replace("_", "."): content for name, content in files.items()})
        for name, content in there.items():
            os.makedirs(os.path.dirname(os.path.join(folder, name)), exist_ok=True)
            lab.write(os.path.join(folder, name), content)
        return lab.run(["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", *units],
                       env={"SYSTEMD_UNIT_PATH": folder + ":"})

    def test_units(self):
        units = "app.service", "catrust-bundle.service", "catrust-bundle.path"
        wrong = text("catrust.conf").replace("Environment=", "Enviroment=")
        for name in "app_service_d__x_conf", "service_d__x_conf":
            if "Enviroment" not in self.verify("app.service", **{name: wrong}).err:
                self.skipTest("systemd-analyze does not read drop-ins here")
        done = self.verify(*units)
        self.assertEqual((0, ""), (done.code, done.err))
        gone = self.verify(*units, **{"catrust-bundle_service": text("catrust-bundle.service").replace("oneshot", "onehot")})
        self.assertIn("onehot", gone.err)


class Commands(lab.Case):
    def test_its_variable(self):
        """A program with this value gets the library: $LIB is the folder where the packages put it."""
        value, = values("catrust.conf", "Environment")
        name, value = value.split("=", 1)
        self.assertTrue(value.startswith("/usr/$LIB/"), value)
        # The root is a folder of the test, so only the prefix differs.
        root = lab.folder("root")
        multiarch = lab.run(["gcc", "-print-multiarch"]).out.strip()
        for libdir in "lib/" + multiarch, "lib64":
            os.makedirs(os.path.join(root, libdir), exist_ok=True)
            shutil.copy(lab.shim(), os.path.join(root, libdir))
        with lab.server() as server:
            argv = [lab.PYTHON, packs.app(lab.folder("app")), server.url]
            self.got_page(lab.run(argv, dirs=[lab.trustdir("corp-root.pem")], env={name: value.replace("/usr", root)}))

    def test_bundle(self):
        """Runs the service, again after a change of the directory, and a program with the variables of the drop-in."""
        trusted, run = lab.trustdir("corp-root.pem"), lab.folder("run")
        runtime, = values("catrust-bundle.service", "RuntimeDirectory")
        folder = "/run/" + runtime
        self.assertEqual(["CATRUST_DIR=/etc/catrust/ca.d"], values("catrust-bundle.service", "Environment"))
        self.assertIn("/etc/catrust/ca.d", values("catrust-bundle.path", "PathChanged"))
        command, = values("catrust-bundle.service", "ExecStart")
        self.assertTrue(command.startswith("/usr/bin/catrust "), command)
        command = command.replace("/usr/bin/catrust", TOOL).replace(folder, run).split()
        variables = dict(value.split("=", 1) for value in values("bundle.conf", "Environment"))
        self.assertEqual({folder}, {os.path.dirname(path) for path in variables.values()})
        env = {name: path.replace(folder, run) for name, path in variables.items()}
        with lab.server() as first, lab.server("other-server") as second:
            get = [lab.PYTHON, packs.app(lab.folder("app"))]
            self.refused(lab.run([*get, first.url]))
            packs.run(command, env={"CATRUST_DIR": trusted})
            self.got_page(lab.run([*get, first.url], env=env))
            self.refused(lab.run([*get, second.url], env=env))
            shutil.copy(lab.cert("other-root.pem"), trusted)
            packs.run(command, env={"CATRUST_DIR": trusted})
            self.got_page(lab.run([*get, second.url], env=env))

    def test_readme(self):
        """The README's lines put each file where its table says."""
        root = lab.folder("root")
        os.makedirs(root + "/etc/systemd/system")
        lines = [line for line in text("README.md").splitlines() if line.startswith("install ")]
        packs.run(["sh", "-ec", "\n".join(lines).replace("/etc/", root + "/etc/")], cwd=SYSTEMD)
        there = sorted(os.path.relpath(os.path.join(folder, name), root + "/etc/systemd/system")
                       for folder, _, names in os.walk(root) for name in names)
        self.assertEqual(["NAME.service.d/catrust-bundle.conf", "catrust-bundle.path", "catrust-bundle.service",
                          "service.d/catrust.conf"], there)


if __name__ == "__main__":
    lab.main()
