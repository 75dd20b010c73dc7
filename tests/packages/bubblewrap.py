# SPDX-License-Identifier: Apache-2.0
"""examples/bubblewrap: programs of many kinds in the sandbox reach a server of the company, in the environment
that they are given and in an empty one. In a sandbox without the CA, they refuse the server."""

import os
import shutil
import unittest

import pack_lab as packs
from pack_lab import lab

from e2e.tool import run_env as programs  # noqa: E402  (pack_lab sets the path)

SANDBOX = os.path.join(packs.TOP, "examples", "bubblewrap", "sandbox")
CHILDREN = "import subprocess, sys\nsubprocess.run(sys.argv[1:], check=True, env={})"


class Sandbox(lab.Case):
    user = None

    @classmethod
    def setUpClass(cls):
        lab.need(programs=["bwrap"], user=cls.user)
        cls.server = lab.server()
        cls.server.__enter__()
        cls.addClassCleanup(cls.server.__exit__)
        cls.with_ca, cls.without = cls.prepare("corp-root.pem"), cls.prepare()
        done = cls.inside(cls.with_ca, "true")
        if done.code != 0:
            raise unittest.SkipTest("bwrap makes no sandbox here: " + done.err)

    @classmethod
    def prepare(cls, *names):
        """Prepares the folder as the comment at the top of the example says."""
        folder = os.path.join(lab.folder("sandbox"), "catrust")
        build = os.path.abspath(os.environ["CATRUST_BUILD"])
        for name, *files in ("bin", "tools/catrust", "tools/catrust-run"), ("lib", "shim/libcatrust.so"), ("ca.d",):
            os.makedirs(os.path.join(folder, name))
            for file in files:
                shutil.copy(os.path.join(build, file), os.path.join(folder, name))
        for name in names:
            shutil.copy(lab.cert(name), os.path.join(folder, "ca.d"))
        packs.run([os.path.join(folder, "bin", "catrust"), "bundle", "--dir", os.path.join(folder, "ca.d"),
                   "-o", os.path.join(folder, "bundle.pem")])
        if cls.user:
            os.chmod(os.path.dirname(folder), 0o755)
            packs.run(["chown", "-R", cls.user, folder])
        return folder

    @classmethod
    def inside(cls, folder, *argv, options=(), env=None):
        home = "/home/agent" if cls.user else os.path.expanduser("~")
        return lab.run([SANDBOX, folder, *options, "--", *argv], env={"HOME": home, **(env or {})}, user=cls.user,
                       group="nogroup" if cls.user else None, timeout=200)

    def as_root_at_night(self):
        """By day, only Unprivileged runs: root can do what any user can."""
        if self.user is None and lab.runs_as(Unprivileged.user) and not lab.NIGHTLY:
            self.skipTest("it takes long; CATRUST_NIGHTLY=1 tests/run runs it")

    def only_with_ca(self, argv, refusal, out=lab.PAGE, empty=True, **more):
        """Checks that a program works only with the CA. empty: it also works without any variable."""
        for argv in [argv, ["env", "-i", *argv]] if empty else [argv]:
            with self.subTest(argv[0]):
                refused = self.inside(self.without, *argv, **more)
                self.assertNotEqual(0, refused.code, refused)
                self.assertRegex(refused.out + refused.err, refusal)
                done = self.inside(self.with_ca, *argv, **more)
                self.assertEqual((0, out), (done.code, done.out), done)

    def program(self, name, *places):
        """The program's real path, and bwrap's options that bring in a program outside /usr."""
        path = os.path.realpath(programs.find(name, *places))
        folder = os.path.dirname(os.path.dirname(path))
        return path, [] if path.startswith("/usr/") else ["--ro-bind", folder, folder]

    def test_python(self):
        argv = ["/usr/bin/python3", "-c", packs.APP.replace("print(", "sys.stdout.write("), self.server.url]
        self.only_with_ca(argv, "CERTIFICATE_VERIFY_FAILED")
        self.only_with_ca(["/usr/bin/python3", "-c", CHILDREN, *argv], "CERTIFICATE_VERIFY_FAILED")

    def test_curl_and_git(self):
        lab.need(programs=["curl", "git"])
        self.as_root_at_night()
        self.only_with_ca(["/usr/bin/curl", "-sS", self.server.url], "SSL certificate problem")
        sha = "0123456789" * 4
        pages = {"/x.git/info/refs": sha + "\trefs/heads/main\n", "/x.git/HEAD": "ref: refs/heads/main\n"}
        with lab.server(pages=pages) as server:
            self.only_with_ca(["/usr/bin/git", "ls-remote", server.url + "x.git"], "certificate",
                              out="%s\tHEAD\n%s\trefs/heads/main\n" % (sha, sha))

    def test_pip(self):
        """pip gets past TLS, and then refuses the wheel."""
        self.as_root_at_night()
        page = "<a href='/demo-1.0-py3-none-any.whl'>demo-1.0-py3-none-any.whl</a>"
        argv = ["/usr/bin/python3", "-m", "pip", "-v", "download", "--no-deps", "--retries", "0", "-d", "/tmp/x", "--index-url"]
        with lab.server(pages={"/simple/demo/": page, "/demo-1.0-py3-none-any.whl": "no wheel"}) as server:
            argv += [server.url + "simple", "demo"]
            done = self.inside(self.without, *argv)
            self.assertIn("CERTIFICATE_VERIFY_FAILED", done.out + done.err)
            for before in [], ["env", "-i"]:
                done = self.inside(self.with_ca, *before, *argv)
                self.assertRegex(done.out + done.err, r"Wheel 'demo' .* is invalid|invalid wheel")

    def test_node(self):
        """node needs its variable, so it fails in an empty environment."""
        self.as_root_at_night()
        node, options = self.program("node")
        self.only_with_ca([node, "-e", programs.NODE, self.server.url], "UNABLE_TO_", options=options, empty=False)

    def test_go(self):
        self.as_root_at_night()
        program = lab.built_go("get", programs.GO)
        folder = os.path.dirname(program)
        self.only_with_ca([program, self.server.url], "x509: certificate signed by unknown authority",
                          options=["--ro-bind", folder, folder])

    def test_uv(self):
        uv, options = self.program("uv", os.path.expanduser("~/.local/bin"))
        if self.user:
            self.skipTest("uv may be in a folder that is its user's alone")
        page = "<a href='/demo-1.0-py3-none-any.whl'>demo-1.0-py3-none-any.whl</a>"
        with lab.server(pages={"/simple/demo/": page, "/demo-1.0-py3-none-any.whl": "no wheel"}) as server:
            argv = [uv, "pip", "install", "--no-cache", "--python", "/usr/bin/python3", "--target", "/tmp/x",
                    "--index-url", server.url + "simple", "demo"]
            self.assertIn("UnknownIssuer", self.inside(self.without, *argv, options=options).err)
            self.assertRegex(self.inside(self.with_ca, *argv, options=options).err, "(?i)zip")

    def test_cargo(self):
        cargo = programs.find("cargo", os.path.expanduser("~/.cargo/bin"))
        if self.user:
            self.skipTest("cargo may be in a folder that is its user's alone")
        rustup = os.environ.get("RUSTUP_HOME", os.path.expanduser("~/.rustup"))
        folder = lab.folder("cargo")
        os.mkdir(folder + "/src")
        lab.write(folder + "/src/lib.rs", "")
        lab.write(folder + "/Cargo.toml", '[package]\nname = "x"\nversion = "1.0.0"\n[dependencies]\n'
                  'demo = { version = "1", registry = "lab" }\n')
        crate = '{"name": "demo", "vers": "1.0.0", "deps": [], "cksum": "%s", "features": {}, "yanked": false}' % ("0" * 64)
        home = os.path.dirname(os.path.dirname(cargo))
        options = ["--ro-bind", home, home, "--bind", folder, folder, "--chdir", folder,
                   "--ro-bind-try", rustup, rustup]
        env = {"CARGO_HOME": folder + "/home", "CARGO_NET_RETRY": "0", "RUSTUP_HOME": rustup}
        with lab.server(pages={"/config.json": '{"dl": "https://nowhere.invalid"}', "/de/mo/demo": crate}) as server:
            env["CARGO_REGISTRIES_LAB_INDEX"] = "sparse+" + server.url
            if self.inside(self.with_ca, cargo, "--version", options=options, env=env).code != 0:
                self.skipTest("cargo does not run")
            self.only_with_ca([cargo, "generate-lockfile", "--quiet"], "failed to download", out="", options=options,
                              env=env, empty=False)
        self.assertIn('name = "demo"', lab.read(folder + "/Cargo.lock").decode())

    def test_what_can_be_written(self):
        done = self.inside(self.with_ca, "sh", "-c", "cd /tmp && touch x ~/x && for f in /opt/catrust/ca.d/x /etc/x.conf "
                           "/usr/x /etc/ld.so.preload; do (: >>$f) 2>/dev/null && echo $f; done; ls -A ~")
        self.assertEqual((0, ["x"]), (done.code, [w for w in done.out.split() if w != ".cache" and w != "/etc/x.conf"]), done)

    def test_wrong_usage(self):
        self.assertEqual(2, lab.run([SANDBOX, self.with_ca, "true", "x"]).code)
        self.assertEqual(2, lab.run([SANDBOX]).code)
        done = lab.run([SANDBOX, lab.folder("empty"), "--", "true"])
        self.assertEqual(125, done.code)
        self.assertIn("there is no", done.err)


class Unprivileged(Sandbox):
    user = "nobody"

    def test_cas_of_roots(self):
        """Inside, root is nobody, and so is every other user."""
        folder = self.prepare("corp-root.pem")
        paths = [os.path.join(folder, "ca.d", "corp-root.pem"), os.path.join(folder, "ca.d")]
        fetch = [lab.PYTHON, "-c", "import sys, urllib.request as u; print(u.urlopen(sys.argv[1]).read().decode())",
                 self.server.url]
        for path in paths:
            os.chown(path, 12345, -1)
            done = self.inside(folder, "true")
            self.assertEqual((125, ""), (done.code, done.out), done)
            self.assertIn("ca.d must belong to you or root", done.err)
            os.chown(path, 0, 0)
        self.got_page(self.inside(folder, *fetch))


if __name__ == "__main__":
    lab.main()
