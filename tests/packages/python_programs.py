# SPDX-License-Identifier: Apache-2.0
"""Real programs in environments with the Python package. Each test runs the lines of docs/python.md.

The programs come from PyPI (see tests/more). Long tests run only if CATRUST_NIGHTLY is set."""

import glob
import json
import os
import re
import signal
import time
import urllib.error
import urllib.request

import pack_lab as packs
import python_lab
from pack_lab import lab

PAGE = os.path.join(packs.TOP, "docs", "python.md")
NIGHTLY = bool(os.environ.get("CATRUST_NIGHTLY"))
FETCH = "urllib.request.urlopen(os.environ['LAB_URL'], timeout=30).read()"
# Answers each request with the page of the lab's server, or with the error.
GET = "import os, urllib.request\ndef get():\n    try:\n        return %s\n    except Exception as e:\n" \
      "        return str(e).encode()\n" % FETCH
WSGI = GET + "def application(environ, start):\n    start('200 OK', [])\n    return [get()]\napp = application\n"
ASGI = GET + """
async def app(scope, receive, send):
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": get()})
"""


def lines_of(title):
    """The commands below a title of the page."""
    text = lab.read(PAGE).decode()
    found = re.search(r"^## %s\n\n```sh\n(.*?)^```" % re.escape(title), text, re.M | re.S)
    if not found:
        raise AssertionError("docs/python.md has no commands for " + title)
    return found.group(1).splitlines()


class Programs(python_lab.Case):
    """Each test runs the lines of the page, with and without the one that enables the environment."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        lab.need(modules=["pip"])
        cls.find = [lab.more("python-programs"), os.path.dirname(python_lab.wheel())]

    def nightly(self):
        if not NIGHTLY:
            self.skipTest("it takes long; CATRUST_NIGHTLY=1 tests/run runs it")
        self.find = [lab.more("python-nightly"), *self.find]

    def env(self, path, **more):
        """The environment of the commands: CATRUST_DIR has their CAs, and pip finds only the wheels of tests/more."""
        home = lab.folder("home")
        return {"PATH": path, "HOME": home, "LAB_URL": self.server.url, "CATRUST_DIR": ":".join(self.dirs),
                "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": " ".join(self.find), "PIP_DISABLE_PIP_VERSION_CHECK": "1",
                "UV_OFFLINE": "1", "UV_NO_INDEX": "1", "UV_FIND_LINKS": ",".join(self.find),
                "PYTHONDONTWRITEBYTECODE": "1", **more}

    def sh(self, lines, env, cwd):
        done = lab.run(["sh", "-ec", "\n".join(lines)], env=env, cwd=cwd, timeout=300)
        return done

    def environment(self, *packages):
        env = python_lab.Environment(empty=True)
        packs.run([lab.PYTHON, "-m", "venv", env.folder], timeout=120)
        if packages:
            env.pip("install", *packages, find=self.find)
        return env

    def twice(self, title, files):
        """Checks that the page's last line fails before enable and works after it. Returns its output."""
        lines = lines_of(title)
        env, project = self.environment(), lab.folder("project")
        for name, text in files.items():
            lab.write(os.path.join(project, name), text)
        clean = self.env(env.path())
        install = [line for line in lines[:-1] if "enable" not in line]
        packs.run(["sh", "-ec", "\n".join(install)], env=clean, cwd=project, timeout=300)
        before = self.sh([lines[-1]], clean, project)
        after = self.sh(lines[-2:], clean, project)
        self.refused(before)
        self.fine(after)
        return after

    def answers(self, title, files, ready, host, **more):
        """Checks the page's last line, which starts a server, without and with enable. The server answers with the
        page that it gets itself."""
        lines = lines_of(title)
        env, project = self.environment(), lab.folder("project")
        for name, text in files.items():
            lab.write(os.path.join(project, name), text)
        port = lab.free_port()
        clean = lab.clean_env(**self.env(env.path(), **{name: value % port for name, value in more.items()}))
        command = lines[-1].replace("127.0.0.1:8000", "127.0.0.1:%d" % port)
        packs.run(["sh", "-ec", lines[0]], env=clean, cwd=project, timeout=300)
        for enable in False, True:
            if enable:
                packs.run(["sh", "-ec", lines[1]], env=clean, cwd=project)
            with lab.Process(["sh", "-ec", "exec " + command], ready=ready, env=clean, cwd=project, timeout=60) as server:
                end = time.monotonic() + 30
                while True:
                    try:
                        answer = urllib.request.urlopen("http://%s:%d/" % (host, port), timeout=30).read().decode()
                        break
                    except (urllib.error.URLError, ConnectionError):
                        if time.monotonic() > end:
                            raise AssertionError(server.output())
                        time.sleep(0.1)
            if enable:
                self.assertEqual(lab.PAGE, answer)
            else:
                self.assertRegex(answer, self.untrusted)
        return env, project, clean

    def test_jupyter(self):
        notebook = {"cells": [{"cell_type": "code", "id": "one", "execution_count": None, "metadata": {}, "outputs": [],
                               "source": "import os, urllib.request\nprint(%s.decode())" % FETCH}],
                    "metadata": {"kernelspec": {"name": "python3", "display_name": "p"}}, "nbformat": 4, "nbformat_minor": 5}
        # The metapackage has very many dependencies.
        lines = lines_of("Jupyter")
        self.assertEqual("pip install catrust jupyter", lines[0])
        env, project = self.environment(python_lab.wheel(), "nbclient", "ipykernel"), lab.folder("project")
        path = lab.write(os.path.join(project, "notebook.ipynb"), json.dumps(notebook))
        clean = self.env(env.path())
        self.refused(self.sh(lines[2:], clean, project))
        self.fine(self.sh([lines[1], lines[2] + " --inplace"], clean, project))
        self.assertIn(lab.PAGE.strip(), lab.read(path).decode())

    def test_gunicorn(self):
        env, project, clean = self.answers("gunicorn", {"app.py": WSGI}, "Booting worker", "127.0.0.1",
                                           GUNICORN_CMD_ARGS="--bind 127.0.0.1:%d")
        self.stays_closed(env, project, clean)

    def stays_closed(self, env, project, clean):
        """The program's TLS server accepts clients of the CA that it names, but none because of a corporate CA."""
        port = lab.free_port()
        options = "--certfile %s --keyfile %s --ca-certs %s --cert-reqs 2 --bind 127.0.0.1:%d" % (
            lab.cert("server-chain.pem"), lab.cert("server.key"), lab.cert("client-root.pem"), port)
        with lab.Process(["gunicorn", "--workers", "2", "app:app"], ready="Booting worker", cwd=project, timeout=60,
                         env={**clean, "GUNICORN_CMD_ARGS": options}):
            for stem, fine in ("own-client", True), ("client", False):
                done = lab.run(["curl", "-sS", "--max-time", "30", "--retry", "20", "--retry-connrefused", "--cacert",
                                lab.cert("corp-root.pem"), "--cert", lab.cert(stem + ".pem"), "--key",
                                lab.cert(stem + ".key"), "https://127.0.0.1:%d/" % port])
                self.assertEqual(fine, done.code == 0 and lab.PAGE in done.out, done)

    def test_uvicorn(self):
        self.answers("uvicorn", {"asgi.py": ASGI}, "startup complete", "127.0.0.1", UVICORN_PORT="%d")

    def test_pytest(self):
        test = "import os, urllib.request\ndef test_it():\n    assert b'lab' in %s\n" % FETCH
        done = self.twice("pytest", {"test_it.py": test})
        self.assertIn("1 passed", done.out)

    def test_multiprocessing(self):
        pool = "import multiprocessing, os, urllib.request\ndef one(n):\n    return %s\nif __name__ == '__main__':\n" \
               "    with multiprocessing.get_context('spawn').Pool(2) as pool:\n        print(pool.map(one, range(4)))\n" % FETCH
        done = self.twice("multiprocessing", {"pool.py": pool})
        self.assertEqual(4, done.out.count(lab.PAGE.strip()))

    def test_uv(self):
        env, project = self.environment("uv"), lab.folder("project")
        clean = self.env(env.path())
        lines = lines_of("uv")
        program = lab.write(os.path.join(project, "program.py"), "import os, urllib.request\nprint(%s.decode())" % FETCH)
        for upto, fine in (2, False), (3, True):
            self.fine(self.sh(lines[:upto], {**clean, "UV_VENV_CLEAR": "1"}, project))
            done = lab.run([os.path.join(project, ".venv", "bin", "python"), program], env=clean)
            self.got_page(done) if fine else self.refused(done)

    def test_celery(self):
        self.nightly()
        tasks = GET + """
import celery
app = celery.Celery("tasks", broker="filesystem://")
app.conf.update(broker_transport_options={"data_folder_in": "queue", "data_folder_out": "queue", "control_folder": "control"},
                worker_concurrency=2)
@app.task
def fetch(to):
    with open(to + ".new", "wb") as f:
        f.write(get())
    os.rename(to + ".new", to)
"""
        lines = lines_of("Celery")
        env, project = self.environment(), lab.folder("project")
        lab.write(os.path.join(project, "tasks.py"), tasks)
        for name in "queue", "control":
            os.mkdir(os.path.join(project, name))
        clean = lab.clean_env(**self.env(env.path()))
        packs.run(["sh", "-ec", lines[0]], env=clean, cwd=project, timeout=300)
        for enable in False, True:
            if enable:
                packs.run(["sh", "-ec", lines[1]], env=clean, cwd=project)
            answer = os.path.join(project, "answer-%d" % enable)
            with lab.Process(["sh", "-ec", "exec " + lines[2]], ready=r"\[queues\]", env=clean, cwd=project, timeout=60) as worker:
                packs.run([env.python, "-c", "import tasks, sys; tasks.fetch.delay(sys.argv[1])", answer], env=clean, cwd=project)
                lab.wait_for(lambda: os.path.exists(answer), worker, 60)
            said = lab.read(answer).decode()
            self.assertEqual(lab.PAGE, said) if enable else self.assertRegex(said, self.untrusted)

    def test_uwsgi(self):
        self.nightly()
        self.answers("uWSGI", {"app.py": WSGI}, "spawned uWSGI worker 2", "127.0.0.1")

    def test_types(self):
        """The package has complete type annotations, so that users can check their programs."""
        self.nightly()
        env = self.environment(python_lab.wheel(), "mypy")
        sources = os.path.join(packs.TOP, "packaging", "python")
        done = lab.run([env.python, "-m", "mypy", "--strict", "--cache-dir", lab.folder("cache"), "_catrust_start.py", "catrust"],
                       cwd=sources, timeout=300)
        self.assertEqual(0, done.code, done)
        user = lab.write(os.path.join(lab.folder("user"), "user.py"),
                         "import catrust\ncatrust.inject()\nlibrary: int = catrust.status().library\n")
        done = lab.run([env.python, "-m", "mypy", "--strict", "--cache-dir", lab.folder("cache"), user], timeout=300)
        self.assertRegex(done.out, r'user\.py:3: error: Incompatible types in assignment .*"(str \| None|Optional\[str\])"')
        self.assertIn("Found 1 error", done.out)

    def test_pyinstaller(self):
        self.nightly()
        env, project = self.environment(python_lab.wheel(), "pyinstaller"), lab.folder("project")
        lab.write(os.path.join(project, "app.py"), "import os, urllib.request\nprint(%s.decode())" % FETCH)
        clean = self.env(env.path())
        lines = lines_of("PyInstaller")
        without = self.sh([lines[1].replace("--hidden-import catrust --runtime-hook hook.py ", ""), lines[2]], clean, project)
        self.refused(without)
        with_hook = self.sh(lines, clean, project)
        self.assertEqual(0, with_hook.code, with_hook)
        self.assertIn(lab.PAGE.strip(), with_hook.out)
        # The frozen program runs without the environment and without Python's folder.
        env.remove()
        self.got_page(lab.run([os.path.join(project, "dist", "app")], env={**clean, "PATH": "/usr/bin:/bin"}))

    def test_pipx(self):
        """The test installs its own program in place of httpie."""
        self.nightly()
        env, project = self.environment("pipx"), lab.folder("project")
        lab.write(project + "/httpie.py", "import os, urllib.request\ndef main():\n    print(%s.decode())" % FETCH)
        lab.write(project + "/pyproject.toml", '[project]\nname = "httpie"\nversion = "1"\n[project.scripts]\nhttpie = "httpie:main"\n'
                  '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n')
        wheels = lab.folder("wheels")
        env.pip("wheel", "--no-deps", "-w", wheels, project, find=self.find)
        self.find = [wheels, *self.find]
        clean = self.env(env.path())
        lines = lines_of("pipx")
        program = os.path.join(clean["HOME"], ".local", "bin", "httpie")
        self.fine(self.sh(lines[:2], clean, project))
        self.refused(lab.run([program], env=clean))
        self.fine(self.sh(lines[2:], clean, project))
        self.got_page(lab.run([program], env=clean))

    def test_poetry(self):
        self.nightly()
        env, project = self.environment("poetry"), lab.folder("project")
        lab.write(project + "/pyproject.toml", '[project]\nname = "app"\nversion = "1"\nrequires-python = ">=3.11"\n'
                  "[tool.poetry]\npackage-mode = false\n")
        lab.write(project + "/app.py", "import os, urllib.request\nprint(%s.decode())" % FETCH)
        clean = self.env(env.path())
        lines = lines_of("Poetry")
        # There is no index, so the file is given.
        self.fine(self.sh([lines[0].replace("catrust", python_lab.wheel())], clean, project))
        self.refused(self.sh(lines[2:], clean, project))
        done = self.fine(self.sh(lines[1:], clean, project))
        self.assertIn(lab.PAGE.strip(), done.out)


class TheProgramUwsgi(python_lab.Case):
    def test_libssl_is_there_first(self):
        """In Debian's program, libssl is loaded before inject(), which says so. catrust-run reaches it."""
        lab.need(programs=["uwsgi"])
        plugins = glob.glob("/usr/lib/uwsgi/plugins/python3*_plugin.so")
        if not plugins:
            self.skipTest("no plug-in of uwsgi for Python")
        env, project = python_lab.Environment(), lab.folder("project")
        lab.write(project + "/app.py", "import catrust\ntry:\n    catrust.inject()\n    said = b'injected '\n"
                  "except catrust.TooLate as e:\n    said = str(e).encode()\n" + WSGI.replace("[get()]", "[said, get()]"))
        for run, trusts in ([], False), ([os.path.join(env.folder, "bin", "catrust-run")], True):
            port = lab.free_port()
            argv = [*run, "/usr/bin/uwsgi", "--plugin", plugins[0], "--http-socket", "127.0.0.1:%d" % port,
                    "--wsgi-file", "app.py", "--master", "--processes", "2", "--virtualenv", env.folder]
            with lab.Process(argv, ready="spawned uWSGI worker 2", cwd=project, stop=signal.SIGINT,
                             env=lab.clean_env(LAB_URL=self.server.url, CATRUST_DIR=self.dirs[0])):
                said = urllib.request.urlopen("http://127.0.0.1:%d/" % port, timeout=30).read().decode()
            self.assertRegex(said, "^injected " + lab.PAGE if trusts else
                             "(?s)is in use already .*catrust-run.*CERTIFICATE_VERIFY_FAILED")


if __name__ == "__main__":
    lab.main()
