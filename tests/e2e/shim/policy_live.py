# SPDX-License-Identifier: Apache-2.0
"""The trust directory changes while a program runs: its contents count for the next handshake, within a second."""

import functools
import json
import os
import re
import shutil
import ssl
import threading
import time

from lab import lab
from lab.policy import Case, Pki, SHAKE

UNKNOWN, SCOPE = 20, 47


@functools.lru_cache(None)
def pki():
    p = Pki()
    p.ca("root")
    p.ca("sub", "root")
    p.ca("other")
    p.ca("rekeyed", cn="CA root")
    p.leaf("www", "root", "DNS:www.corp.example")
    p.leaf("far", "root", "DNS:www.far.example")
    p.leaf("sub-www", "sub", "DNS:www.corp.example")
    p.leaf("other-www", "other", "DNS:www.corp.example")
    p.leaf("rekeyed-www", "rekeyed", "DNS:www.corp.example")
    return p


# Changes the trust directory and looks what a handshake says after each change, on contexts made before all of it
# and on new ones. Lines of A["steps"]: [what to do (code), {stem of a chain: result}].
STEPS = r"""
A = json.loads(sys.argv[1])
T = os.environ["CATRUST_DIR"]
import shutil

def pem(*stems):
    return b"".join(open(A["folder"] + "/" + stem + ".pem", "rb").read() for stem in stems)

def write(name, *stems):
    with open(T + "/" + name, "wb") as f:
        f.write(pem(*stems))

def within(wanted, call):
    "What call() returns as soon as that is what is wanted, or when it was begun after a second."
    end = time.monotonic() + 1
    while True:
        late = time.monotonic() > end
        got = call()
        if got == wanted or late:
            return got
        time.sleep(0.02)

def new(kind):
    c = context(kind)()
    c.verify_flags |= A["flags"]
    return c

old = {kind: new(kind) for kind in A["kinds"]}
wrong = []
for number, (step, results) in enumerate(A["steps"]):
    exec(step)
    for stem, wanted in results.items():
        name = "www.far.example" if stem == "far" else "www.corp.example"
        for kind, c in old.items():
            for what, one in ("old", c), ("new", new(kind)):
                for version in A["versions"]:
                    got = within(wanted, lambda: shake(one, A["chains"][stem], name, version=version))
                    if got != wanted:
                        wrong.append([number, step, stem, kind, what, version, got, wanted])
print(json.dumps(wrong))
"""


class Live(Case):
    def steps(self, *steps, kinds=("client", "generic"), versions=(None,), setup=None, env=None, dirs=None, flags=0):
        path = dirs or lab.folder("ca.d")
        if setup:
            setup(path)
        p = pki()
        chains = {stem: p.chain(stem) for stem in ("www", "far", "sub-www", "other-www", "rekeyed-www")}
        chains["sub-alone"] = p.alone("sub-www")
        wrong = self.value(STEPS, {"folder": p.folder, "chains": chains, "steps": steps, "kinds": kinds,
                                   "versions": versions, "flags": flags}, dirs=[path], lines=None,
                           env={"CATRUST_LOG": "off", **(env or {})}, timeout=120)
        self.assertEqual([], wrong)

    def test_add_and_remove(self):
        self.steps(("", {"www": UNKNOWN}),
                   ("write('a.pem', 'root')", {"www": "ok", "other-www": UNKNOWN}),
                   ("write('b.pem', 'other')", {"www": "ok", "other-www": "ok"}),
                   ("os.remove(T + '/a.pem')", {"www": UNKNOWN, "other-www": "ok"}),
                   ("write('a.pem', 'root')", {"www": "ok", "other-www": "ok"}),
                   ("os.remove(T + '/a.pem'); os.remove(T + '/b.pem')", {"www": UNKNOWN, "other-www": UNKNOWN}))

    def test_certificate_of_one_server(self):
        """As an anchor, both if the server sends only its own certificate and if it also sends the issuer."""
        self.steps(("write('a.pem', 'sub-www')", {"sub-www": "ok", "sub-alone": "ok", "www": UNKNOWN}),
                   ("os.remove(T + '/a.pem')", {"sub-www": UNKNOWN, "sub-alone": UNKNOWN}),
                   ("write('b.pem', 'sub-www')", {"sub-www": "ok", "sub-alone": "ok"}),
                   ("write('b.pem', 'other')", {"sub-www": UNKNOWN, "sub-alone": UNKNOWN, "other-www": "ok"}),
                   flags=0x80000)  # X509_V_FLAG_PARTIAL_CHAIN

    def test_every_version_of_tls(self):
        self.steps(("write('a.pem', 'root')", {"www": "ok"}),
                   ("os.remove(T + '/a.pem')", {"www": UNKNOWN}),
                   versions=[int(ssl.TLSVersion.TLSv1_2), int(ssl.TLSVersion.TLSv1_3)])

    def test_default_context(self):
        self.steps(("write('a.pem', 'root')", {"www": "ok"}),
                   ("os.remove(T + '/a.pem')", {"www": UNKNOWN}), kinds=["default"])

    def test_in_place(self):
        self.steps(("write('a.pem', 'root')", {"www": "ok", "other-www": UNKNOWN}),
                   ("write('a.pem', 'other')", {"www": UNKNOWN, "other-www": "ok"}),
                   ("write('a.pem', 'root', 'other')", {"www": "ok", "other-www": "ok"}),
                   ("write('a.pem', 'root')", {"www": "ok", "other-www": UNKNOWN}))

    def test_in_place_with_the_old_times(self):
        """Like cp -p and rsync."""
        self.steps(("write('a.pem', 'root'); os.utime(T + '/a.pem', (1e9, 1e9))", {"www": "ok"}),
                   ("time.sleep(2.5)", {"www": "ok"}),
                   ("write('a.pem', 'other'); os.utime(T + '/a.pem', (1e9, 1e9))",
                    {"www": UNKNOWN, "other-www": "ok"}))

    def test_by_rename(self):
        self.steps(("write('a.pem', 'root')", {"www": "ok"}),
                   ("write('.new', 'other'); os.rename(T + '/.new', T + '/a.pem')",
                    {"www": UNKNOWN, "other-www": "ok"}),
                   ("write('.new', 'root'); os.rename(T + '/.new', T + '/a.pem')",
                    {"www": "ok", "other-www": UNKNOWN}),
                   ("os.rename(T + '/a.pem', T + '/a.off')", {"www": UNKNOWN}),
                   ("os.rename(T + '/a.off', T + '/b.crt')", {"www": "ok"}))

    def test_config_map(self):
        """Kubernetes writes a new folder next to the old one and replaces the link ..data."""
        def setup(path):
            for name, stems in ("..1", ["root"]), ("..2", ["other"]), ("..3", ["root", "other"]):
                pki().trustdir({"": []}, os.path.join(path, name))
                lab.write(os.path.join(path, name, "ca.pem"), pki().pem(*stems))
            os.symlink("..1", os.path.join(path, "..data"))
            os.symlink("..data/ca.pem", os.path.join(path, "ca.pem"))
        swap = "os.symlink('..%d', T + '/..data_tmp'); os.rename(T + '/..data_tmp', T + '/..data')"
        self.steps(("", {"www": "ok", "other-www": UNKNOWN}),
                   (swap % 2 + "; shutil.rmtree(T + '/..1')", {"www": UNKNOWN, "other-www": "ok"}),
                   (swap % 3, {"www": "ok", "other-www": "ok"}),
                   (swap % 2, {"www": UNKNOWN, "other-www": "ok"}), setup=setup)

    def test_link_to_another_folder(self):
        top = lab.folder("links")
        for name, stem in ("one", "root"), ("two", "other"):
            pki().trustdir({"": [stem]}, os.path.join(top, name))
        os.symlink("one", os.path.join(top, "ca.d"))
        swap = "os.symlink('%s', T + '.new'); os.rename(T + '.new', T)"
        self.steps(("", {"www": "ok", "other-www": UNKNOWN}),
                   (swap % "two", {"www": UNKNOWN, "other-www": "ok"}),
                   (swap % "nowhere", {"www": UNKNOWN, "other-www": UNKNOWN}),
                   (swap % "one", {"www": "ok", "other-www": UNKNOWN}), dirs=os.path.join(top, "ca.d"))

    def test_folder_comes_and_goes(self):
        path = os.path.join(lab.folder("late"), "ca.d")
        self.steps(("", {"www": UNKNOWN}),
                   ("os.mkdir(T); write('a.pem', 'root')", {"www": "ok"}),
                   ("shutil.rmtree(T)", {"www": UNKNOWN}),
                   ("os.mkdir(T); write('a.pem', 'root')", {"www": "ok"}), dirs=path)

    def test_single_file(self):
        path = os.path.join(lab.folder("file"), "ca.pem")
        self.steps(("", {"www": UNKNOWN}),
                   ("open(T, 'wb').write(pem('root'))", {"www": "ok"}),
                   ("open(T + '.new', 'wb').write(pem('other')); os.rename(T + '.new', T)",
                    {"www": UNKNOWN, "other-www": "ok"}),
                   ("os.remove(T)", {"other-www": UNKNOWN}), dirs=path)

    def test_permissions(self):
        self.steps(("write('a.pem', 'root')", {"www": "ok"}),
                   ("os.chmod(T + '/a.pem', 0o666)", {"www": UNKNOWN}),
                   ("os.chmod(T + '/a.pem', 0o644)", {"www": "ok"}),
                   ("os.chmod(T, 0o777)", {"www": UNKNOWN}),
                   ("os.chmod(T, 0o755)", {"www": "ok"}))

    def test_scopes(self):
        self.steps(("write('a.pem', 'root')", {"www": "ok", "far": "ok"}),
                   ("os.mkdir(T + '/corp.example'); os.rename(T + '/a.pem', T + '/corp.example/a.pem')",
                    {"www": "ok", "far": SCOPE}),
                   ("os.mkdir(T + '/far.example'); shutil.copy(T + '/corp.example/a.pem', T + '/far.example/a.pem')",
                    {"www": "ok", "far": "ok"}),
                   ("shutil.rmtree(T + '/corp.example')", {"www": SCOPE, "far": "ok"}),
                   ("os.rename(T + '/far.example', T + '/corp.example')", {"www": "ok", "far": SCOPE}),
                   ("write('a.pem', 'root')", {"www": "ok", "far": "ok"}),
                   ("shutil.rmtree(T + '/corp.example')", {"www": "ok", "far": "ok"}),
                   ("os.remove(T + '/a.pem')", {"www": UNKNOWN, "far": UNKNOWN}))

    def test_new_key_of_the_same_name(self):
        self.steps(("write('a.pem', 'root')", {"www": "ok"}),
                   ("write('a.pem', 'rekeyed')", {"rekeyed-www": "ok"}),
                   ("write('a.pem', 'root', 'rekeyed')", {"www": "ok", "rekeyed-www": "ok"}),
                   ("write('a.pem', 'root')", {"www": "ok"}))

    def test_intermediate_and_root(self):
        """The anchor that stays keeps its hosts; a chain may end at either."""
        self.steps(("write('sub.pem', 'sub')", {"sub-www": "ok", "sub-alone": "ok", "www": UNKNOWN}),
                   ("write('root.pem', 'root')", {"sub-www": "ok", "sub-alone": "ok", "www": "ok"}),
                   ("os.remove(T + '/sub.pem')", {"sub-www": "ok", "www": "ok"}),
                   ("write('sub.pem', 'sub'); os.remove(T + '/root.pem')",
                    {"sub-www": "ok", "sub-alone": "ok", "www": UNKNOWN}),
                   ("os.remove(T + '/sub.pem')", {"sub-www": UNKNOWN, "sub-alone": UNKNOWN}))

    def test_bad_file_meanwhile(self):
        self.steps(("write('a.pem', 'root')", {"www": "ok"}),
                   ("open(T + '/b.pem', 'wb').write(b'junk')", {"www": "ok"}),
                   ("open(T + '/a.pem', 'wb').write(pem('root')[:200])", {"www": UNKNOWN}),
                   ("write('a.pem', 'root')", {"www": "ok"}))

    def test_strict(self):
        self.steps(("write('a.pem', 'root')", {"www": "ok"}), ("os.remove(T + '/a.pem')", {"www": UNKNOWN}),
                   env={"CATRUST_STRICT": "relax"})

    def test_not_valid_yet(self):
        """A certificate counts as soon as it is valid, and not before."""
        p = Pki()
        starts = time.time() + 8
        p.ca("soon", days=((starts - time.time()) / 86400, 30))
        p.leaf("www", "soon", "DNS:www.corp.example")
        got = self.value(r"""
A = json.loads(sys.argv[1])
old, got = context("client")(), None
results = [shake(old, A["chain"], "www.corp.example")]
end = time.monotonic() + 20
while got != "ok" and time.monotonic() < end:
    time.sleep(0.02)
    early = time.time() < A["starts"] - 1  # certificates tell whole seconds
    got = shake(old, A["chain"], "www.corp.example")
print(json.dumps([*results, got, shake(context("client")(), A["chain"], "www.corp.example"), early]))
""", {"chain": p.chain("www"), "starts": starts}, dirs=[p.trustdir({"": ["soon"]})])
        self.assertEqual([UNKNOWN, "ok", "ok", False], got)

    OWN = r"""
import shutil
A = json.loads(sys.argv[1])
T = os.environ["CATRUST_DIR"]
def put(scope=""):
    os.makedirs(T + "/" + scope, exist_ok=True)
    with open(T + "/" + scope + "/a.pem", "wb") as f:
        f.write(open(A["root"], "rb").read())
def until(wanted, c):
    end = time.monotonic() + 1
    while True:
        late = time.monotonic() > end
        got = shake(c, A["chain"], "www.corp.example")
        if got == wanted or late:
            return got
        time.sleep(0.02)
results = {}
for kind in "client", "generic":
    for how in "cafile", "str", "bytes", "capath":
        own = A["hashed" if how == "capath" else "root"]
        for story in A["stories"]:
            c, got = context(kind)(), []
            shutil.rmtree(T + "/far.example", True)
            if os.path.exists(T + "/a.pem"):
                os.remove(T + "/a.pem")
            time.sleep(1)
            for word in story.split():
                if word == "load":
                    load(c, how, own)
                elif word == "add":
                    put()
                elif word == "scope":
                    put("far.example")
                elif word == "narrow":
                    put("far.example"); os.remove(T + "/a.pem")
                elif word == "remove":
                    for path in "/a.pem", "/far.example/a.pem":
                        if os.path.exists(T + path):
                            os.remove(T + path)
                elif word == "wait":
                    time.sleep(1)
                else:
                    got.append([word, until(int(word) if word.isdigit() else word, c)])
            bad = [pair for pair in got if str(pair[1]) != pair[0]]
            if bad:
                results["%s, %s: %s" % (kind, how, story)] = got
print(json.dumps(results))
"""

    def test_what_the_program_loads_itself_stays(self):
        """The program's own copy of an anchor counts, whenever it was loaded and whatever happens to the anchor."""
        hashed = pki().trustdir({"": ["root"]}, lab.folder("capath"))
        lab.openssl("rehash", hashed)
        stories = ["add ok load ok remove wait ok",
                   "load ok add wait ok remove wait ok",
                   "add ok remove 20 load ok",
                   "add ok remove 20 load ok add wait ok remove wait ok",
                   "add ok load ok narrow wait ok",
                   "scope 47 load ok remove wait ok",
                   "scope 47 remove 20 load ok",
                   "load ok scope wait ok",
                   "load add wait ok remove wait ok",
                   "load scope wait ok remove wait ok"]
        # One process for each story: they sleep most of the time.
        threads, failed = [], {}

        def tell(story):
            try:
                failed.update(self.value(self.OWN, {
                    "root": pki().cert("root"), "hashed": hashed, "chain": pki().chain("www"), "stories": [story]},
                    dirs=[lab.folder("ca.d")], env={"CATRUST_LOG": "off"}, lines=None, timeout=120))
            except AssertionError as e:
                failed[story] = str(e)
        for story in stories:
            threads.append(threading.Thread(target=tell, args=(story,)))
            threads[-1].start()
        for thread in threads:
            thread.join()
        self.assertEqual({}, failed)

    def test_session_resumption(self):
        """Sessions are resumed as before, whatever happens to the CA; a full handshake needs the CA."""
        program = r"""
A = json.loads(sys.argv[1])
T = os.environ["CATRUST_DIR"]
out = []
for version in ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3:
    c = context("client")()
    for stem in "root", "other":
        shutil.copy(A[stem], T)
    time.sleep(1)
    kept = []
    def one(session=None):
        got = shake(c, A["chain"], "www.corp.example", session=session, version=version, keep=kept)
        return [got, kept[-1][1] if got == "ok" else None]
    out.append(one())
    out.append(one(kept[-1][0]))
    os.remove(T + "/" + os.path.basename(A["other"]))
    time.sleep(1)
    out.append(one(kept[-1][0]))
    out.append(one())
    os.remove(T + "/" + os.path.basename(A["root"]))
    time.sleep(1)
    out.append(one())
    out.append(one(kept[-1][0]))
print(json.dumps(out))
"""
        got = self.value("import shutil\n" + program, {
            "root": pki().cert("root"), "other": pki().cert("other"), "chain": pki().chain("www")},
            dirs=[lab.folder("ca.d")], env={"CATRUST_LOG": "off"}, lines=None)
        each = [["ok", False], ["ok", True], ["ok", True], ["ok", False], [UNKNOWN, None],
                ["ok", True]]
        self.assertEqual(each + each, got)


class Threads(Case):
    """Many threads use one context while the directory changes."""

    PROGRAM = r"""
A = json.loads(sys.argv[1])
c = context(A["kind"])()
stop, lock, seen, count = threading.Event(), threading.Lock(), {}, [0]
def work(stem):
    chain, name = A["chains"][stem]
    while not stop.is_set():
        start = time.monotonic()
        got = shake(c, chain, name)
        with lock:
            count[0] += 1
            seen.setdefault(stem, []).append([start, time.monotonic(), got])
server_context(A["chains"]["www"][0]), [server_context(chain) for chain, _ in A["chains"].values()]
threads = [threading.Thread(target=work, args=(stem,)) for stem in A["threads"]]
for t in threads:
    t.start()
for line in iter(sys.stdin.readline, ""):
    time.sleep(float(line))
    break
stop.set()
for t in threads:
    t.join()
print(json.dumps(seen))
"""

    def run_threads(self, kind, seconds, threads, change, path):
        """change(now): changes the directory now and then; returns what the threads saw, and the changes."""
        p = pki()
        chains = {"www": (p.chain("www"), "www.corp.example"), "far": (p.chain("far"), "www.far.example"),
                  "other-www": (p.chain("other-www"), "www.corp.example")}
        result, stop, done = [], threading.Event(), []

        def changes():
            while not stop.is_set():
                before = time.monotonic()
                what = change()
                done.append((before, time.monotonic(), what))
                stop.wait(0.9)
        changer = threading.Thread(target=changes)
        changer.start()
        try:
            result = lab.run(SHAKE + self.PROGRAM, [json.dumps({"kind": kind, "chains": chains, "threads": threads})],
                             shim=True, dirs=[path], env={"CATRUST_LOG": "off"}, stdin=b"%d\n" % seconds,
                             timeout=seconds + 60)
        finally:
            stop.set()
            changer.join()
        self.assertEqual((0, ""), (result.code, result.err))
        return json.loads(result.out), done

    def test_anchors_come_and_go(self):
        """Hosts of an anchor that stays never fail; hosts of a removed anchor fail after a second."""
        for kind in "client", "generic":
            path = pki().trustdir({"": ["root"]})
            there = [False]

            def change():
                there[0] = not there[0]
                if there[0]:
                    lab.write(path + "/.new", pki().pem("other"))
                    os.rename(path + "/.new", path + "/other.pem")
                else:
                    os.remove(path + "/other.pem")
                return there[0]
            seen, done = self.run_threads(kind, 6, ["www", "far", "other-www", "other-www"], change, path)
            self.assertGreater(len(seen["www"]), 50)
            self.assertEqual({"ok"}, {got for stem in ("www", "far") for _, _, got in seen[stem]})
            self.assertEqual({"ok", UNKNOWN}, {got for _, _, got in seen["other-www"]})

    def test_removed_for_good(self):
        path = pki().trustdir({"": ["root", "other"]})
        started, removed = time.monotonic(), []

        def change():
            if not removed and time.monotonic() - started > 1.5:
                os.remove(path + "/other.pem")
                removed.append(time.monotonic())
        seen, _ = self.run_threads("generic", 5, ["www", "other-www", "other-www", "other-www"], change, path)
        self.assertEqual({"ok"}, {got for _, _, got in seen["www"]})
        late = [(start - removed[0], got) for start, _, got in seen["other-www"] if start > removed[0] + 1]
        self.assertGreater(len(late), 20)
        self.assertEqual({UNKNOWN}, {got for _, got in late})
        self.assertIn("ok", {got for _, end, got in seen["other-www"] if end < removed[0]})

    def test_scoped_anchor_is_never_seen_without_its_scope(self):
        """Renewals of a CA appear in a scope one after another. A name outside the scope is never trusted, whichever
        of them a thread uses."""
        p = pki()
        renewals = [p.ca("again%d" % i, cn="CA root", key="root") for i in range(10)]
        for kind in "client", "generic":
            path, left = p.trustdir({"": ["other"]}), list(renewals)

            def change():
                shutil.rmtree(path + "/corp.example", ignore_errors=True)
                if left:
                    p.trustdir({"corp.example": [left.pop()]}, path)
            seen, _ = self.run_threads(kind, 10, ["far"] * 4 + ["www"], change, path)
            self.assertEqual(set(), {got for _, _, got in seen["far"]} - {UNKNOWN, SCOPE})
            self.assertIn("ok", {got for _, _, got in seen["www"]})


class Curl(Case):
    """Its store is cached for a day and shared by all connections of a run."""

    def test_between_two_transfers(self):
        self.transfers(["--no-sessionid"], "20")

    def test_a_resumed_session_is_not_verified_again(self):
        """As without the shim: after removing a CA, the user must wait for the sessions to end, or end the program."""
        self.transfers([], "0")

    def transfers(self, options, last):
        lab.need(programs=["curl"])
        version = lab.run(["curl", "--version"]).out
        found = re.match(r"curl (\d+)\.(\d+)", version)
        if "OpenSSL" not in version.splitlines()[0] or (int(found[1]), int(found[2])) < (7, 84):
            self.skipTest("no curl with OpenSSL and --rate")
        path, done = lab.folder("ca.d"), []
        other = lab.read(lab.cert("other-root.pem"))
        root = lab.read(lab.cert("corp-root.pem"))
        lab.write(path + "/other.pem", other)
        results = os.path.join(lab.folder("out"), "results")
        with lab.server() as one, lab.server("other-server") as two:
            # Two seconds from one transfer to the next; the directory changes after the second and the fourth.
            urls = [one.url, two.url, one.url, two.url, one.url, two.url]

            def change():
                for lines, action in ((2, lambda: lab.write(path + "/corp.pem", root)),
                                      (4, lambda: os.remove(path + "/other.pem"))):
                    while not stop.is_set() and len(lab.read(results).splitlines()) < lines:
                        time.sleep(0.02)
                    if not stop.is_set():
                        action()
                        done.append(lines)
            stop = threading.Event()
            lab.write(results, "")
            changer = threading.Thread(target=change)
            changer.start()
            try:
                # A file, not a pipe: what is written is there at once.
                lab.run(["sh", "-c", 'exec curl -s --rate 30/m -w "%{stderr}%{ssl_verify_result}\\n" "$@" 2>"$0"',
                         results, *options, *[word for url in urls for word in (url, "-o", "/dev/null")]],
                        shim=True, dirs=[path])
            finally:
                stop.set()
                changer.join()
        self.assertEqual([2, 4], done)
        self.assertEqual(["20", "0", "0", "0", "0", last], lab.read(results).decode().split())


class Cost(Case):
    def looks(self, path):
        """How often a program with many handshakes looks at the trust directory: its calls, and the seconds."""
        program = SHAKE + r"""
c, chain = context("client")(), sys.argv[1]
assert shake(c, chain, "www.corp.example") == "ok"
time.sleep(1)
os.path.exists("/marks-the-start")
start = time.monotonic()
end = start + 2
for i in range(200):
    assert shake(c, chain, "www.corp.example") == "ok"
    time.sleep(max(0, (end - time.monotonic()) / (200 - i)))
os.path.exists("/marks-the-end")
print(time.monotonic() - start)
"""
        log = os.path.join(lab.folder("strace"), "log")
        trace = ["strace", "-f", "-qq", "-e", "trace=stat,lstat,fstat,newfstatat,statx,open,openat,read,getdents64",
                 "-E", "LD_PRELOAD=" + lab.shim(), "-o", log, lab.PYTHON, "-c", program, pki().chain("www")]
        result = lab.run(trace, dirs=[path], timeout=90)
        self.assertEqual((0, ""), (result.code, result.err))
        text = lab.read(log).decode(errors="replace")
        between = text.split("/marks-the-start", 1)[1].split("/marks-the-end", 1)[0]
        return [line for line in between.splitlines() if path in line or '"/"' in line], float(result.out)

    def test_stat_calls_while_nothing_changes(self):
        """One for each file and folder, at most every 800 ms, however many handshakes there are."""
        lab.need(programs=["strace"])
        if lab.run(["strace", "-o", "/dev/null", "true"]).code != 0:
            self.skipTest("strace cannot trace here")
        few = pki().trustdir({"": ["root", "other"], "corp.example": ["sub"]})
        many = pki().trustdir({"": ["root"]})
        for i in range(40):
            lab.write("%s/%d.pem" % (many, i), pki().pem("root"))
        # Old enough to be settled; then the programs measure themselves.
        time.sleep(3)
        for path, each in (few, 5), (many, 42):
            ours, took = self.looks(path)
            # Each look begins with the root directory. Three in two seconds, and one for the edges; more if it took longer.
            looks = sum('"/"' in line for line in ours)
            self.assertGreaterEqual(looks, 2)
            self.assertLessEqual(looks, took / 0.8 + 1.5, took)
            self.assertEqual(looks * (1 + each), len(ours), "\n".join(ours))
            self.assertEqual([], [line for line in ours if "stat" not in line.split("(")[0]])


if __name__ == "__main__":
    lab.main()
