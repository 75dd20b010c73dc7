# SPDX-License-Identifier: Apache-2.0
"""The examples: manifests against their schemas, and the entry point as process 1.

The validators come from PyPI (see tests/more)."""

import glob
import os
import re
import shutil
import signal
import subprocess
import unittest

import pack_lab as packs
from pack_lab import lab

EXAMPLES = os.path.join(packs.TOP, "examples")


class Schemas(lab.Case):
    def check(self, path, *command):
        """Checks that the file matches its schema, and that a wrong word in it is noticed."""
        program = os.path.join(lab.more("validators"), "bin", command[0])
        done = lab.run([program, *command[1:], path])
        self.assertEqual(0, done.code, done)
        text = lab.read(path).decode()
        wrong = lab.write(os.path.join(lab.folder(), os.path.basename(path)), self.spoiled(text))
        self.assertNotEqual(text, lab.read(wrong).decode())
        done = lab.run([program, *command[1:], wrong])
        self.assertNotEqual(0, done.code, done)

    @staticmethod
    def spoiled(text):
        """The text with one key replaced by a key that no schema has."""
        return re.sub(r"^( +)(image|runs-on|data|kind|name|key|shell|before_script)(:.*)$", r"\1no-such-\2\3", text, count=1,
                      flags=re.M)

    def test_kubernetes(self):
        for name in "configmap", "deployment":
            with self.subTest(name):
                path = os.path.join(EXAMPLES, "kubernetes", name + ".yaml")
                self.check(path, "kubernetes-validate", "--strict")

    def test_compose(self):
        self.check(os.path.join(EXAMPLES, "compose.yaml"), "check-jsonschema", "--builtin-schema",
                   "vendor.compose-spec")

    def test_github_actions(self):
        for name, schema in ("workflow", "workflows"), ("action", "actions"):
            with self.subTest(name):
                self.check(os.path.join(EXAMPLES, "github", name + ".yml"), "check-jsonschema", "--builtin-schema",
                           "vendor.github-" + schema)

    def test_gitlab_ci(self):
        # The template is checked as the job that extends it, because the schema ignores hidden jobs.
        text = lab.read(os.path.join(EXAMPLES, "gitlab", "catrust.yml")).decode()
        job = lab.write(os.path.join(lab.folder(), "job.yml"), text.replace("\n.catrust:\n", "\njob:\n  script: ['true']\n"))
        for path in os.path.join(EXAMPLES, "gitlab", "gitlab-ci.yml"), job:
            with self.subTest(path):
                self.check(path, "check-jsonschema", "--builtin-schema", "vendor.gitlab-ci", "--data-transform",
                           "gitlab-ci")


class ProcessOne(lab.Case):
    """catrust-run and the entry point in a process namespace of their own, as in a container."""

    PROGRAM = """
import os, signal, time
def end(number, frame):
    os.write(1, b"ended by %d\\n" % number)
    os._exit(7)
signal.signal(signal.SIGTERM, end)
# The machine's /proc says who this is to the machine.
print("process", os.getpid(), os.readlink("/proc/self"), flush=True)
time.sleep(120)
"""

    @classmethod
    def setUpClass(cls):
        packs.need("unshare")
        cls.unshare = ["unshare", "--pid", "--fork", "--kill-child"]
        if os.getuid() != 0:
            cls.unshare[1:1] = ["--user", "--map-root-user"]
        if lab.run([*cls.unshare, "true"]).code != 0:
            raise unittest.SkipTest("no process namespace of one's own here")
        cls.bin = lab.folder("bin")
        build = os.path.abspath(os.environ["CATRUST_BUILD"])
        for name in "catrust", "catrust-run":
            os.symlink(os.path.join(build, "tools", name), os.path.join(cls.bin, name))
        shutil.copy(os.path.join(EXAMPLES, "entrypoint.sh"), cls.bin)

    def env(self, **extra):
        return lab.clean_env(PATH=self.bin + ":" + lab.clean_env()["PATH"], CATRUST_LIB=lab.built_shim(), **extra)

    def ended(self, entry):
        """Starts the program as process 1 behind entry, stops it as a container is stopped, and returns its
        output and status."""
        env = self.env(CATRUST_PEM=lab.read(lab.cert("corp-root.pem")).decode())
        process = subprocess.Popen([*self.unshare, *entry, lab.PYTHON, "-c", self.PROGRAM], env=env,
                                   stdout=subprocess.PIPE, text=True, start_new_session=True)
        try:
            word, inside, outside = process.stdout.readline().split()
            self.assertEqual(("process", "1"), (word, inside))
            os.kill(int(outside), signal.SIGTERM)
            out, _ = process.communicate(timeout=lab.TIMEOUT)
            return out, process.returncode
        finally:
            process.kill()
            process.communicate()

    def test_signal_and_status(self):
        for entry in ["catrust-run"], ["entrypoint.sh"]:
            with self.subTest(entry[0]):
                self.assertEqual(("ended by 15\n", 7), self.ended(entry))

    def start(self, **env):
        return lab.run(["entrypoint.sh", "echo", "started"], env=self.env(**env))

    def test_entry_point_without_a_ca(self):
        if glob.glob("/etc/catrust/ca.d/*"):
            self.skipTest("/etc/catrust/ca.d is not empty on this machine")
        junk = lab.trustdir(junk_pem=b"-----BEGIN CERTIFICATE-----\nnone\n-----END CERTIFICATE-----\n")
        for env in {}, {"CATRUST_PEM": "junk"}, {"CATRUST_DIR": lab.folder("empty")}, {"CATRUST_DIR": junk}, \
                {"CATRUST_DIR": "/nowhere"}:
            with self.subTest(env):
                done = self.start(**env)
                self.assertEqual((125, ""), (done.code, done.out), done)
                self.assertIn("no CA in CATRUST_DIR", done.err)

    def test_entry_point_with_a_ca(self):
        """The CA is in any of the places where catrust-run looks."""
        for env in {"CATRUST_PEM": lab.read(lab.cert("corp-root.pem")).decode()}, \
                {"CATRUST_DIR": lab.trustdir("corp-root.pem")}, \
                {"CATRUST_DIR": lab.cert("corp-root.pem")}:
            with self.subTest(list(env)):
                done = self.start(**env)
                self.assertEqual((0, "started\n", ""), done)

    def test_entry_point_and_odd_variables(self):
        odd = {"discovery.type": "single-node", "a-b": " x\n"}
        env = self.env(CATRUST_PEM=lab.read(lab.cert("corp-root.pem")).decode(), **odd)
        done = lab.run(["entrypoint.sh", "env", "-0"], env=env)
        self.assertLessEqual({"%s=%s" % pair for pair in odd.items()}, set(done.out.split("\0")), done)


class Readme(lab.Case):
    def test_every_example_is_listed(self):
        text = lab.read(os.path.join(EXAMPLES, "README.md")).decode()
        named = set(re.findall(r"\]\(([^)]*)\)", text))
        there = {os.path.relpath(path, EXAMPLES) for path in glob.glob(EXAMPLES + "/**/*", recursive=True)
                 if os.path.isfile(path)} - {"README.md"}
        folders = {path for path in named if os.path.isdir(os.path.join(EXAMPLES, path))}
        self.assertEqual(set(), {path for path in named - folders - there
                                 if not os.path.isfile(os.path.join(EXAMPLES, path))})
        self.assertEqual(set(), {path for path in there - named
                                 if not any(path.startswith(folder + "/") for folder in folders)})


if __name__ == "__main__":
    lab.main()
