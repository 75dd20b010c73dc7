# SPDX-License-Identifier: Apache-2.0
"""docs/recipes.md and docs/wsl.md: each command is run as it is, except for the names of servers. Without
catrust-run it fails. A recipe without a command names an example or a page, which has tests of its own."""

import base64
import os
import re
import shutil
import unittest

import ci
import pack_lab as packs
from pack_lab import lab

from e2e.tool import run_env as programs  # noqa: E402  (pack_lab sets the path)

DOCS = os.path.join(packs.TOP, "docs")
SHA = "0123456789" * 4
PAGES = {
    "/simple/demo/": "<a href='/demo-1.0-py3-none-any.whl'>demo-1.0-py3-none-any.whl</a>",
    "/demo": '{"name": "demo", "dist-tags": {"latest": "1.0.0"}, "versions": {"1.0.0": {"name": "demo", "version": "1.0.0"}}}',
    "/x.git/info/refs": SHA + "\trefs/heads/main\n", "/x.git/HEAD": "ref: refs/heads/main\n",
    "/corp.example/m/@v/list": "v1.2.3\n", "/corp.example/m/@v/v1.2.3.info": '{"Version": "v1.2.3"}',
}
# The expected output of a recipe's commands, followed by ls. The key is the beginning of the recipe's title.
SAYS = {
    "Python: `CERTIFICATE": lab.PAGE, "The browser": lab.PAGE, "pip install": "Successfully installed demo-1.0",
    "`unable to get": "verif", "npm": "1[.]0[.]0", "Go": "corp.example/m v1[.]2[.]3", "uv": "demo==1.0|Checked 1 package",
    "Java": "trust.p12", "git": SHA, "It works in my shell": lab.PAGE, "Python 3.13": lab.PAGE,
    "The administrator": "Example Corp Root CA", "The CA should": "corp.example", "A program wants": "all.pem",
    "Tell me": r"\Aapp[.]py", "Kubernetes": "LD_PRELOAD",
}
FINGERPRINT = "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"
RUN = r"(\w+=\S+ )?catrust-run( --\w+)* (?!--)"


def recipes(page):
    """The (title, text) of each section."""
    text = lab.read(os.path.join(DOCS, page)).decode()
    return [(part.split("\n", 1)[0], part) for part in re.split(r"^## ", text, flags=re.M)[1:]]


def commands(text):
    return "".join(re.findall(r"^```sh\n(.*?)^```", text, re.M | re.S))


def fingerprint(path):
    return lab.openssl("x509", "-noout", "-fingerprint", "-sha256", "-in", path).decode().split("=")[1].strip().replace(":", "")


class Recipes(lab.Case):
    @classmethod
    def setUpClass(cls):
        cls.server = lab.server("server-full", pages={**PAGES, "/demo-1.0-py3-none-any.whl": ci.wheel()})
        cls.server.__enter__()
        cls.addClassCleanup(cls.server.__exit__)

    def shell(self, script, trusted):
        """Runs the commands in a folder that has the files which they name."""
        folder = lab.folder("recipe")
        shutil.copy(lab.cert("corp-root.pem"), os.path.join(folder, "corp-root.cer"))
        lab.write(os.path.join(folder, "app.py"), packs.APP.replace("sys.argv[1]", repr(self.server.url)))
        script = re.sub(r"https://\w+\.corp\.example/?", self.server.url, script)
        script = script.replace("git.corp.example", "127.0.0.1:%d" % self.server.port)
        script = script.replace(FINGERPRINT, fingerprint(lab.cert("corp-root.pem")))
        tools = os.path.join(os.path.abspath(os.environ["CATRUST_BUILD"]), "tools")
        env = {"PATH": ":".join([tools, os.path.join(ci.environment(), "bin"), *self.path(script), lab.clean_env()["PATH"]]),
               "HOME": folder, "CATRUST_DIR": trusted, "XDG_RUNTIME_DIR": folder, "VIRTUAL_ENV": ci.environment(),
               "PIP_RETRIES": "0", "PIP_DISABLE_PIP_VERSION_CHECK": "1", "UV_HTTP_RETRIES": "0", "UV_NO_CACHE": "1",
               "npm_config_fetch_retries": "0", "npm_config_globalconfig": "/dev/null", "npm_config_update_notifier": "false", "GIT_TERMINAL_PROMPT": "0",
               "GONOSUMDB": "*", "GOFLAGS": "-modcacherw", "GOTOOLCHAIN": "local", "GOENV": "off", "GOPATH": folder + "/go"}
        return lab.run(["sh", "-ec", script], env=env, cwd=folder, timeout=200)

    @staticmethod
    def path(script):
        """The path of a recipe's program that the system may not have. If it is missing, the recipe is skipped."""
        for name, *places in ("npm",), ("go", "/usr/local/go/bin"), ("uv", os.path.expanduser("~/.local/bin")), ("git",):
            if re.search(r"catrust-run( --\w+)* %s " % name, script):
                # A script behind a link may look for its interpreter in its own folder.
                return [os.path.dirname(programs.find(name, *places))]
        return []

    def test_commands(self):
        for title, text in recipes("recipes.md"):
            script = commands(text)
            if not script:
                continue
            with self.subTest(title):
                says, = (words for start, words in SAYS.items() if title.startswith(start))
                saves = re.search("catrust (fetch|add) ", script)
                trusted = lab.trustdir(*([] if saves else ["corp-root.pem"]))
                if re.search(RUN, script):
                    # Without catrust-run, the server is refused.
                    plain = self.shell(re.sub(RUN, r"\1", script), trusted if not saves else lab.trustdir())
                    self.assertNotEqual(0, plain.code, plain)
                done = self.shell(script + "ls\n", trusted)
                self.assertEqual(0, done.code, done)
                self.assertRegex(done.out + done.err, says)
                if saves:
                    self.assertEqual(1, sum(len(names) for _, _, names in os.walk(trusted)))

    def test_table(self):
        """Each recipe with commands has a test, and each other one names a page or an example that exists."""
        titles = [title for title, _ in recipes("recipes.md")]
        for start in SAYS:
            self.assertEqual(1, sum(title.startswith(start) for title in titles), start)
        for page in "recipes.md", "wsl.md":
            for title, text in recipes(page):
                links = re.findall(r"\]\(([^)#]*)\)", text)
                self.assertTrue(links or commands(text) or "`catrust " in text or "certificate has expired" in title, title)
                for link in links:
                    self.assertTrue(link.startswith("https:") or os.path.exists(os.path.join(DOCS, link)), link)


class Wsl(lab.Case):
    """The Linux part of docs/wsl.md, with files as Windows writes them."""

    @classmethod
    def setUpClass(cls):
        cls.der = lab.openssl("x509", "-in", lab.cert("corp-root.pem"), "-outform", "DER")
        lines = base64.encodebytes(cls.der).decode().split()
        # The format of "Base-64 encoded" and of certutil -encode.
        cls.pem = "-----BEGIN CERTIFICATE-----\r\n" + "\r\n".join(lines) + "\r\n-----END CERTIFICATE-----\r\n"

    def add(self, line, name, data):
        """Runs the page's line with this file instead of the one on Windows."""
        path = lab.write(os.path.join(lab.folder("windows"), name), data)
        trusted = lab.trustdir()
        fingerprints = "--fingerprint sha256:" + fingerprint(lab.cert("corp-root.pem"))
        script = re.sub(r"/mnt/c/\S*/", os.path.dirname(path) + "/", line).replace("catrust add", "catrust add " + fingerprints)
        self.assertIn(path, script)
        tools = os.path.join(os.path.abspath(os.environ["CATRUST_BUILD"]), "tools")
        done = lab.run(["sh", "-ec", script], dirs=[trusted], env={"PATH": tools + ":" + lab.clean_env()["PATH"]})
        self.assertEqual(0, done.code, done)
        with lab.server() as server:
            argv = [os.path.join(tools, "catrust-run"), lab.PYTHON, packs.app(lab.folder("app")), server.url]
            self.got_page(lab.run(argv, dirs=[trusted]))
        return trusted

    def line(self, pattern):
        line, = re.findall(r"^catrust .*%s.*$" % pattern, lab.read(os.path.join(DOCS, "wsl.md")).decode(), re.M)
        return line

    def test_one_certificate(self):
        line = self.line("corp-root.cer")
        for form, data in {"DER": self.der, "Base-64": self.pem.encode(), "UTF-16": b"\xff\xfe" + self.pem.encode("utf-16-le")}.items():
            with self.subTest(form):
                self.add(line, "corp-root.cer", data)

    def test_all_of_the_store(self):
        """Export-Certificate -Type P7B also exports public CAs, which are not saved."""
        public = "/etc/ssl/certs/ca-certificates.crt"
        if not os.path.exists(public):
            raise unittest.SkipTest("no " + public)
        both = lab.write(os.path.join(lab.folder("store"), "both.pem"), lab.read(public) + lab.read(lab.cert("corp-root.pem")))
        data = lab.openssl("crl2pkcs7", "-nocrl", "-certfile", both, "-outform", "DER")
        trusted = self.add(self.line("roots.p7b"), "roots.p7b", data)
        self.assertEqual(1, len(os.listdir(trusted)))

    def test_a_folder_of_windows(self):
        """drvfs shows the files of Windows with mode 0777: everybody may write to them."""
        trusted = lab.trustdir("corp-root.pem")
        os.chmod(trusted, 0o777)
        os.chmod(os.path.join(trusted, "corp-root.pem"), 0o777)
        with lab.server() as server:
            done = lab.run([lab.PYTHON, packs.app(lab.folder("app")), server.url], shim=True, dirs=[trusted])
            self.refused(done)
            self.assertIn("catrust: ", done.err)

    def test_profile(self):
        """The line for ~/.profile and server-env-setup."""
        line, = re.findall(r"^echo '(eval .*)' >>~/[.]profile$", lab.read(os.path.join(DOCS, "wsl.md")).decode(), re.M)
        tools = os.path.join(os.path.abspath(os.environ["CATRUST_BUILD"]), "tools")
        with lab.server() as server:
            script = "%s\nexec %s %s %s" % (line, lab.PYTHON, packs.app(lab.folder("app")), server.url)
            done = lab.run(["sh", "-ec", script], dirs=[lab.trustdir("corp-root.pem")],
                           env={"PATH": tools + ":" + lab.clean_env()["PATH"], "XDG_RUNTIME_DIR": lab.folder("run")})
            self.got_page(done)


if __name__ == "__main__":
    lab.main()
