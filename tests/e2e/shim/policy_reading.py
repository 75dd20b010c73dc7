# SPDX-License-Identifier: Apache-2.0
"""The trust directory can't be read for a while, or no longer, or changes during reading: nothing that is there is
lost, and nothing counts that must not."""

import functools
import os

from lab import lab
from lab.policy import Case, Pki

UNKNOWN = 20
NAME = "www.corp.example"


@functools.lru_cache(None)
def pki():
    p = Pki()
    p.ca("root")
    p.ca("other")
    p.leaf("www", "root", "DNS:" + NAME)
    p.leaf("other-www", "other", "DNS:" + NAME)
    return p


# What the programs here do: handshakes on a context from before and on a new one each time.
HANDSHAKES = r"""
import shutil
A = json.loads(sys.argv[1])
T = os.environ["CATRUST_DIR"]
old = context("client")()
"x.y".encode("idna")  # its module is loaded

def once(stem="www"):
    got = shake(old, A["chains"][stem], A["name"])
    new = shake(context("client")(), A["chains"][stem], A["name"])
    return got if got == new else [got, new]

def until(wanted, stem="www", seconds=30):
    "What a handshake says as soon as that is what is wanted, or at last."
    end = time.monotonic() + seconds
    while True:
        got = once(stem)
        if got == wanted or time.monotonic() > end:
            return got
        time.sleep(0.02)

def during(seconds, stem="www"):
    "All that handshakes say for so long."
    end, seen = time.monotonic() + seconds, []
    while time.monotonic() < end:
        got = once(stem)
        if got not in seen:
            seen.append(got)
        time.sleep(0.005)
    return seen

for chain in A["chains"].values():
    server_context(chain)
"""


class Reading(Case):
    def program(self, program, path, lines=(), **options):
        p = pki()
        chains = {stem: p.chain(stem) for stem in ("www", "other-www")}
        return self.value(HANDSHAKES + program, {"name": NAME, "chains": chains, "other": p.cert("other")},
                          dirs=[path], lines=lines, timeout=120, **options)

    def private(self):
        """A trust directory that other users can't reach, for example below root's home."""
        home = lab.folder("home")
        os.chmod(home, 0o700)
        return pki().trustdir({"": ["root"]}, os.path.join(home, "ca.d"))

    def need_root(self):
        if os.geteuid() != 0:
            self.skipTest("only root can become another user")

    def test_root_is_dropped_and_the_directory_is_out_of_reach(self):
        """Fault 8: its certificates counted forever."""
        self.need_root()
        got = self.program(r"""
seen = [once()]
os.setgroups([]); os.setresgid(65534, 65534, 65534); os.setresuid(65534, 65534, 65534)
print(json.dumps([*seen, until(20), *during(2)]))
""", self.private(), [r"ca\.d[^/]*: permission denied, so its certificates are no longer trusted"])
        self.assertEqual(["ok", UNKNOWN, UNKNOWN], got)

    def test_root_is_dropped_and_the_directory_is_in_reach(self):
        self.need_root()
        got = self.program(r"""
seen = [once()]
os.setgroups([]); os.setresgid(65534, 65534, 65534); os.setresuid(65534, 65534, 65534)
print(json.dumps([*seen, *during(2)]))
""", pki().trustdir({"": ["root"]}))
        self.assertEqual(["ok", "ok"], got)

    def test_chroot_after_a_connection_and_before_the_first(self):
        """What was readable when the client's trust was loaded still counts."""
        self.need_root()
        for before in True, False:
            with self.subTest(connected_before=before):
                got = self.program(r"""
old.load_verify_locations(A["other"])
seen = [once()] if %r else []
os.chroot(A["root"])
new = shake(old, A["chains"]["www"], A["name"])
time.sleep(1)
print(json.dumps([*seen, new, *{shake(old, A["chains"]["www"], A["name"]) for _ in range(50)}]))
""".replace('A["root"]', repr(lab.folder("root"))) % before, pki().trustdir({"": ["root"]}))
                self.assertEqual(["ok"] * (2 + before), got)

    def test_descriptors_are_used_up_while_it_changes(self):
        """Fault 8: every anchor was dropped until there were descriptors again."""
        got = self.program(r"""
import resource
seen = [once(), once("other-www")]
soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (64, hard))
held = []
try:
    while True:
        held.append(os.open("/dev/null", os.O_RDONLY))
except OSError:
    pass
os.link(T + "/.other", T + "/other.pem")
os.utime(T)
seen += during(2)
for fd in held:
    os.close(fd)
print(json.dumps([*seen, until("ok", "other-www"), once()]))
""", self.with_hidden_other())
        self.assertEqual(["ok", UNKNOWN, "ok", "ok", "ok"], got)

    def with_hidden_other(self):
        path = pki().trustdir({"": ["root"]})
        lab.write(path + "/.other", pki().pem("other"))
        return path

    RENAMES = r"""
stop = threading.Event()
def rename():
    names, at, count = ["/00.pem", "/mm.pem", "/zz.pem", "/root.pem"], 3, 0
    while not stop.is_set():
        to = (at + 1 + count % 3) % 4
        os.rename(T + names[at], T + names[to])
        at, count = to, count + 1
        time.sleep(A_PAUSE)
threading.Thread(target=rename, daemon=True).start()
seen = during(6)
stop.set()
print(json.dumps(seen))
"""

    def test_renames(self):
        """Fault 9: with 70 renames per second, 30 % of all handshakes failed."""
        for pause in "0.014", "0":
            with self.subTest(pause=pause):
                self.assertEqual(["ok"], self.program(self.RENAMES.replace("A_PAUSE", pause),
                                                      pki().trustdir({"": ["root", "other"]})))

    def test_first_reading_during_renames(self):
        got = self.program(r"""
import subprocess
renamer = subprocess.Popen([sys.executable, "-c", '''
import os, sys, time
T, at = sys.argv[1], 0
names = ["/root.pem", "/zz.pem", "/00.pem"]
while True:
    os.rename(T + names[at % 3], T + names[(at + 1) % 3])
    at += 1
    time.sleep(0.014)
''', T], env={})
one = 'import sys; exec(sys.argv[2]); print(shake(context("client")(), *sys.argv[3:5]))'
seen = [subprocess.run([sys.executable, "-c", one, "", A["shake"], A["chains"]["www"], A["name"]],
                       stdout=subprocess.PIPE, text=True, check=True).stdout.strip() for _ in range(12)]
renamer.kill()
renamer.wait()
print(json.dumps(sorted(set(seen))))
""".replace('A["shake"]', repr(self.shake_text())), pki().trustdir({"": ["root", "other"]}))
        self.assertEqual(["ok"], got)

    @staticmethod
    def shake_text():
        from lab.policy import SHAKE
        return SHAKE

    def test_config_map_is_swapped_all_the_time(self):
        """Like the kubelet: makes a new folder, renames the link ..data over the old one, removes the old folder."""
        path = lab.folder("ca.d")
        pki().trustdir({"": ["root"]}, path + "/..0")
        os.symlink("..0", path + "/..data")
        os.symlink("..data/root.pem", path + "/root.pem")
        got = self.program(r"""
stop = threading.Event()
def swap():
    at = 0
    while not stop.is_set():
        shutil.copytree("%s/..%d" % (T, at), "%s/..%d" % (T, at + 1))
        os.symlink("..%d" % (at + 1), T + "/..data_tmp")
        os.rename(T + "/..data_tmp", T + "/..data")
        shutil.rmtree("%s/..%d" % (T, at))
        at += 1
        time.sleep(0.02)
swapper = threading.Thread(target=swap, daemon=True)
swapper.start()
seen = during(6)
stop.set()
swapper.join()
print(json.dumps(seen))
""", path)
        self.assertEqual(["ok"], got)

    def test_another_users_file_while_root_acts_as_that_user(self):
        """Fault 10: it counted, and even forever."""
        self.need_root()
        for how in "os.seteuid(65534)", "os.setresuid(65534, 65534, 65534)":
            with self.subTest(how=how):
                path = pki().trustdir({"": ["root"]})
                lab.write(path + "/evil.pem", pki().pem("other"))
                os.chown(path + "/evil.pem", 65534, 65534)
                os.chmod(path, 0o1777)
                got = self.program(r"""
seen = [once("other-www")]
HOW
os.utime(T + "/evil.pem")
seen += during(2.5, "other-www")
if os.getuid() == 0:
    os.seteuid(0)
    os.utime(T + "/evil.pem")
    seen += during(2.5, "other-www")
print(json.dumps(sorted(set(seen))))
""".replace("HOW", how), path, [r"/evil\.pem: skipped, because it belongs neither to root nor to the user who started the program"])
                self.assertEqual([UNKNOWN], got)


if __name__ == "__main__":
    lab.main()
