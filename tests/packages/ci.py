# SPDX-License-Identifier: Apache-2.0
"""examples/github and examples/gitlab: their steps and lines, run with the files and variables that the runners of
these services document. A job installs a package from the company's index and runs its tests, which use a server of
the company. Without the example, both fail."""

import functools
import glob
import os
import re
import shlex
import shutil
import unittest
import zipfile

import pack_lab as packs
from pack_lab import lab

from e2e.tool import run_env as programs  # noqa: E402  (pack_lab sets the path)

EXAMPLES = os.path.join(packs.TOP, "examples")
INDEX = "https://pypi.corp.example/"
TEST = """
import os, unittest, urllib.request, demo
class Test(unittest.TestCase):
    def test_page(self):
        self.assertIn("the page", urllib.request.urlopen(os.environ["LAB_URL"], timeout=30).read().decode())
"""


def load(*path):
    try:
        import yaml
    except ImportError:
        raise unittest.SkipTest("no module yaml") from None
    return yaml.safe_load(lab.read(os.path.join(EXAMPLES, *path)))


def wheel():
    """A package with one empty module, demo."""
    path = os.path.join(lab.folder("wheel"), "demo-1.0-py3-none-any.whl")
    with zipfile.ZipFile(path, "w") as archive:
        info = "demo-1.0.dist-info/"
        archive.writestr("demo.py", "")
        archive.writestr(info + "METADATA", "Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n")
        archive.writestr(info + "WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(info + "RECORD", "demo.py,,\n%sMETADATA,,\n%sWHEEL,,\n%sRECORD,,\n" % (info, info, info))
    return lab.read(path)


@functools.lru_cache(None)
def environment():
    folder = os.path.join(lab.folder("venv"), "python")
    done = lab.run([lab.PYTHON, "-m", "venv", folder], timeout=120)
    if done.code != 0:
        raise unittest.SkipTest("no venv: " + done.err)
    return folder


class Case(lab.Case):
    @classmethod
    def setUpClass(cls):
        packs.need("bash", "cmake")
        page = "<a href='/demo-1.0-py3-none-any.whl'>demo-1.0-py3-none-any.whl</a>"
        cls.server = lab.server(pages={"/simple/demo/": page, "/demo-1.0-py3-none-any.whl": wheel()})
        cls.server.__enter__()
        cls.addClassCleanup(cls.server.__exit__)
        cls.ca = lab.read(lab.cert("corp-root.pem")).decode()
        cls.archive = os.path.join(lab.folder("archive"), "catrust-1.0.0-linux-any.tar.gz")
        # The files in the .tar.gz of packaging/package.
        made = lab.folder("made")
        packs.run(["cmake", "--install", os.path.abspath(os.environ["CATRUST_BUILD"]), "--prefix",
                   os.path.join(made, "catrust-1.0.0-linux-any")])
        packs.run(["tar", "-czf", cls.archive, "-C", made, "catrust-1.0.0-linux-any"])

    def project(self):
        """A checkout, and a Python with pip, as the image or machine of a job has them."""
        folder = lab.folder("project")
        os.mkdir(os.path.join(folder, "ci"))
        shutil.copy(self.archive, os.path.join(folder, "ci"))
        lab.write(os.path.join(folder, "requirements.txt"), "demo\n")
        lab.write(os.path.join(folder, "test_demo.py"), TEST)
        for path in glob.glob(os.path.join(environment(), "lib", "python*", "site-packages", "demo*")):
            (shutil.rmtree if os.path.isdir(path) else os.unlink)(path)
        return folder, lab.clean_env(
            PATH=os.path.join(environment(), "bin") + ":" + lab.clean_env()["PATH"], LAB_URL=self.server.url,
            PIP_DISABLE_PIP_VERSION_CHECK="1", PIP_RETRIES="0", XDG_RUNTIME_DIR=lab.folder("run"))

    def here(self, script):
        """The script, changed to use the lab's server as the company's index."""
        self.assertIn(INDEX, script)
        return script.replace(INDEX, self.server.url)

    def runs(self, argv, env, cwd):
        return lab.run(["env", "-i", *("%s=%s" % pair for pair in env.items()), *argv], cwd=cwd, timeout=200)

    def passed(self, done):
        self.assertEqual(0, done.code, done)
        self.assertRegex(done.err, r"Ran 1 test[^\0]*OK")

    def gets_by_node(self, env):
        """Checks that node, which runs actions and jobs in JavaScript, gets the page."""
        try:
            node = programs.find("node")
        except unittest.SkipTest:
            return
        self.got_page(self.runs([node, "-e", programs.NODE, self.server.url], env, lab.scratch()))


class Github(Case):
    """Does what the service does: expressions, files of variables and of the path, and the shells' templates."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.action = load("github", "action.yml")
        cls.workflow = load("github", "workflow.yml")

    def expand(self, text, values):
        found = re.sub(r"\$\{\{ *([\w.]+) *\}\}", lambda m: values[m.group(1)], str(text))
        self.assertNotIn("${{", found)
        return found

    def step(self, step, shell, env, cwd):
        """Runs the script of one step. What it writes to the files applies to the next step."""
        files = {name: lab.write(os.path.join(lab.folder("runner"), name), "") for name in ("GITHUB_ENV", "GITHUB_PATH")}
        script = lab.write(os.path.join(lab.folder("script"), "0.sh"), step["run"])
        argv = shlex.split(shell.replace("{0}", script))
        done = self.runs(argv, {**env, **step.get("env", {}), **files}, cwd)
        for line in lab.read(files["GITHUB_ENV"]).decode().splitlines():
            name, value = line.split("=", 1)
            env[name] = value
        for line in lab.read(files["GITHUB_PATH"]).decode().splitlines():
            env["PATH"] = line + ":" + env["PATH"]
        return done

    def run_action(self, given, env, cwd):
        names = self.action["inputs"]
        self.assertLessEqual(set(given), set(names))
        values = {"inputs." + name: str(given.get(name, names[name].get("default", ""))) for name in names}
        done = None
        for step in self.action["runs"]["steps"]:
            self.assertNotIn("${{", step["run"], "a script that is made of what comes from outside")
            self.assertEqual("sh", step["shell"])
            expanded = {name: self.expand(value, values) for name, value in step.get("env", {}).items()}
            done = self.step({**step, "env": expanded}, "sh -e {0}", env, cwd)
            if done.code != 0:
                break
        return done

    def job(self, ca, with_action=True):
        """The result of the last step, and its variables."""
        cwd, env = self.project()
        env.update(RUNNER_TEMP=lab.folder("runner"), GITHUB_WORKSPACE=cwd, GITHUB_ACTIONS="true", CI="true")
        job, = self.workflow["jobs"].values()
        done = None
        for step in job["steps"]:
            if step.get("uses", "").startswith("./"):
                if not with_action:
                    continue
                given = {name: self.expand(value, {"vars.CORP_CA_PEM": ca}) for name, value in step["with"].items()}
                done = self.run_action(given, env, cwd)
            elif "run" in step:
                shell = self.workflow["defaults"]["run"]["shell"]
                self.assertTrue(shell.startswith("catrust-run --env bash "), shell)
                text = step["run"]
                script = self.here(text) if INDEX in text else text
                done = self.step({"run": script}, shell if with_action else "bash -e {0}", env, cwd)
            else:
                self.assertRegex(step["uses"], "^actions/")
                continue
            if done.code != 0:
                break
        return done, env

    def test_job(self):
        done, env = self.job(self.ca)
        self.passed(done)
        self.assertNotIn("LD_PRELOAD", env)
        self.gets_by_node(env)

    def test_job_without(self):
        done, _ = self.job(self.ca, with_action=False)
        self.refused(done)

    def test_no_ca(self):
        """If the variable of the service is not set, the value is empty."""
        for ca in "", "junk":
            done, env = self.job(ca)
            self.assertEqual(1, done.code, done)
            self.assertRegex(done.out, r"(?m)^::error::.*no certificate")
            self.assertNotIn("CATRUST_DIR", env)

    def test_preload(self):
        """The steps then trust the CA without any change."""
        cwd, env = self.project()
        env["RUNNER_TEMP"] = lab.folder("runner")
        self.assertEqual(0, self.run_action({"ca": self.ca, "preload": "true"}, env, cwd).code)
        step = {"run": "python -c 'import os, urllib.request as u; print(u.urlopen(os.environ[\"LAB_URL\"]).read().decode())'"}
        self.got_page(self.step(step, "bash -e {0}", env, cwd))
        self.assertEqual(0, self.run_action({"ca": self.ca, "archive": self.archive}, env, cwd).code)

    def test_it_is_a_variable(self):
        self.assertNotIn("secrets.", lab.read(os.path.join(EXAMPLES, "github", "workflow.yml")).decode())


class Gitlab(Case):
    """Does what the service does: include and extends, and one shell for before_script and script."""

    def job(self, shell, template=True, **more):
        cwd, env = self.project()
        included = load("gitlab", "catrust.yml")[".catrust"]
        job = load("gitlab", "gitlab-ci.yml")["test"]
        self.assertEqual(".catrust", job["extends"])
        lines = [*(included["before_script"] if template else []), *job["script"]]
        env.update(included["variables"], CI_PROJECT_DIR=cwd, CI="true", GITLAB_CI="true", **more)
        script = lab.write(os.path.join(lab.folder("script"), "script.sh"), self.here("\n".join(lines)))
        self.addCleanup(shutil.rmtree, cwd + ".tmp", ignore_errors=True)
        return self.runs([*shell, script], env, cwd)

    def test_job(self):
        for shell in ["bash", "-eo", "pipefail"], ["sh", "-e"]:
            with self.subTest(shell[0]):
                self.passed(self.job(shell, CATRUST_PEM=self.ca))
        self.refused(self.job(["sh", "-e"], template=False, CATRUST_PEM=self.ca))

    def test_ca_of_the_server(self):
        self.passed(self.job(["sh", "-e"], CI_SERVER_TLS_CA_FILE=lab.cert("corp-root.pem")))

    def test_no_archive(self):
        """If the archive is missing, the job ends."""
        done = self.job(["sh", "-e"], CATRUST_PEM=self.ca, CATRUST_ARCHIVE="nowhere/*.tar.gz")
        self.assertNotEqual(0, done.code)
        self.assertNotIn("demo", done.out)


if __name__ == "__main__":
    lab.main()
