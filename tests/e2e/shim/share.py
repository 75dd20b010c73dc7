#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A program can't tell whether a file of certificates is decoded once for the process, or each time.

Every test runs a program with the library and without it, and compares all that the program can see: return values,
errno, the queue of errors with its marks, exceptions, and what the stores have, in order. They use every OpenSSL at
hand: this machine's, and other releases' (see tests/more). They also run with CATRUST_SHARE=off, which shares nothing.

Needs cc."""

import os
import re
import shutil
import textwrap
import time

from lab import lab
from lab import share as share_lab

# A file may be shared after this time, because its times have a coarse resolution.
SETTLED = 3.1
TIMEOUT = 900


class Loads(lab.Case):
    @classmethod
    def setUpClass(cls):
        lab.need(programs=["cc"])
        cls.folder = lab.folder("share")
        cls.programs, cls.why = share_lab.programs(cls.folder)
        cls.odd = lab.folder("odd")
        for name, data in share_lab.odd_files().items():
            lab.write(os.path.join(cls.odd, name), data)
        cls.bundle = shutil.copy("/etc/ssl/certs/ca-certificates.crt", cls.odd)
        cls.again = shutil.copy(cls.bundle, cls.odd + "/again.crt")
        time.sleep(SETTLED)

    @classmethod
    def use(cls, name, *args, shim=False, share="on", wrap=(), **more):
        return lab.run([*wrap, *cls.programs[name], *map(str, args)], shim=shim, timeout=TIMEOUT,
                       env={"CATRUST_SHARE": share, "MALLOC_ARENA_MAX": "1"}, **more)

    def each(self, check):
        for name in self.programs:
            with self.subTest(name):
                check(name)
        if self.why:
            print("left out: " + ", ".join(self.why))

    def same_lines(self, without, there):
        self.assertEqual((0, ""), (without.code, without.err), without.err)
        self.assertEqual((0, ""), (there.code, there.err), there.err)
        for a, b in zip(without.out.splitlines(), there.out.splitlines()):
            self.assertEqual(a, b)
        self.assertEqual(len(without.out), len(there.out))

    def test_every_way_and_file(self):
        """12 ways to load, about 170 files, the error queue in 6 states, three loads into each context."""
        files = sorted(os.listdir(self.odd))
        self.assertGreater(len(files), 150)
        def check(name):
            without, there = (self.use(name, "same", *files, shim=shim, cwd=self.odd) for shim in (False, True))
            self.assertGreater(without.out.count("\n"), 150 * 12 * 2)
            self.assertGreater(without.out.count(": 1 77 "), 1000)
            self.assertGreater(without.out.count(": 0 "), 500)
            self.same_lines(without, there)
            for share in ("eager", "off") if name == "system" else ():
                self.same_lines(without, self.use(name, "same", *files, shim=True, share=share, cwd=self.odd))

        self.each(check)

    def test_handshakes(self):
        """Handshakes between loads and looks at the store, in 26 orders: the result, the chain, and the store afterwards."""
        folder, where = lab.folder("pki"), lab.folder("bundles")
        chain, key, other, files = share_lab.bundles(folder)
        for name, data in files.items():
            lab.write(os.path.join(where, name), data)
        time.sleep(SETTLED)
        def check(name):
            args = ["verify", chain, key, other, *sorted(files)]
            without = self.use(name, *args, cwd=where)
            self.assertEqual(26 * len(files), without.out.count("\n"))
            self.assertGreater(len(re.findall(r"\)0 [0-9a-f]{16} ", without.out)), 100)
            for share in "on", "eager":
                self.same_lines(without, self.use(name, *args, shim=True, share=share, cwd=where))
            told = self.use(name, "shared", chain, key, os.path.join(where, "root-last"), 60, shim=True)
            self.assertEqual((0, "", "1440 handshakes, 0 wrong\n"), (told.code, told.err, told.out))

        self.each(check)

    def test_certificates_are_shared(self):
        """Otherwise the tests above would show nothing. Certificates of another library context are not shared."""
        def check(name):
            for shim, share, shared in (False, None, 0), (True, "eager", 1), (True, "on", 1), (True, "off", 0):
                told = self.use(name, "contexts", self.bundle, shim=shim, share=share)
                self.assertEqual((0, ""), (told.code, told.err))
                first, *others = told.out.splitlines()
                self.assertEqual("default: %d" % shared, first)
                if name != "1.1":
                    self.assertEqual(["own: 0 0", "properties: 0", "own by default: 0",
                                      "default again: %d" % shared], others)

        self.each(check)

    def test_a_changed_certificate_is_shared_no_more(self):
        """A program changes trust, names or other data of a certificate from a store: the next load is as in the
        file."""
        def check(name):
            for path in (os.path.join(self.odd, "three"), self.bundle):
                without, there = (self.use(name, "setters", path, shim=shim) for shim in (False, True))
                self.assertEqual(22, without.out.count("\n"), without)
                self.assertEqual(1, len({line.split(":")[1] for line in without.out.splitlines()}))
                self.same_lines(without, there)

        self.each(check)

    def test_threads(self):
        def check(name):
            told = self.use(name, "threads", self.bundle, self.again, 200, shim=True)
            self.assertEqual((0, "", "1600 contexts, 0 wrong\n"), (told.code, told.err, told.out))

        self.each(check)

    def test_fork_in_a_thread_s_load(self):
        def check(name):
            told = self.use(name, "fork", self.bundle, self.again, 200, shim=True)
            self.assertEqual((0, "", "200 children, 0 wrong\n"), (told.code, told.err, told.out))

        self.each(check)

    def test_another_library_context_costs_no_certificate(self):
        """A certificate that is decoded while the thread has a library context without algorithms is good afterwards."""
        chain, key, _, files = share_lab.bundles(lab.folder("pki"))
        path = lab.write(os.path.join(lab.folder("bundle"), "root-last"), files["root-last"])
        time.sleep(SETTLED)

        def check(name):
            without = self.use(name, "providers", chain, key, path)
            self.assertEqual((0, ""), (without.code, without.err))
            self.assertEqual(["1: 0", "2: 0"], without.out.splitlines()[1:])
            for share in "on", "eager":
                self.same_lines(without, self.use(name, "providers", chain, key, path, shim=True, share=share))

        self.each(check)

    def test_another_library_context_costs_no_anchor(self):
        """Likewise for an anchor: it is not reported as one that can't be read."""
        folder = lab.folder("pki")
        chain, key, _, files = share_lab.bundles(folder)
        path = lab.write(os.path.join(lab.folder("bundle"), "none"), files["none"])
        directory = lab.trustdir(os.path.join(folder, "first.pem"))

        def check(name):
            told = self.use(name, "providers", chain, key, path, shim=True, dirs=[directory])
            self.assertEqual((0, "", ["1: 0", "2: 0"]), (told.code, told.err, told.out.splitlines()[1:]))

        self.each(check)

    def test_a_file_that_cannot_be_shared_is_opened_once(self):
        """And then by OpenSSL: if that calls another hooked function, nothing is tried again."""
        lab.need(programs=["strace"])
        path, trace = os.path.join(self.odd, "key-last"), os.path.join(self.folder, "trace")

        def check(name):
            without = self.use(name, "ways", path)
            told = self.use(name, "ways", path, wrap=["strace", "-f", "-o", trace, "-e", "trace=open,openat", "-E",
                                                      "LD_PRELOAD=" + lab.shim()])
            self.assertEqual((0, "", without.out), (told.code, told.err, told.out))
            ways = [line for line in told.out.splitlines() if not line.endswith("-9")]
            opened = [line for line in lab.read(trace).decode().splitlines() if '"%s"' % path in line]
            # DER is never shared.
            self.assertEqual(len(ways) - 1, sum("O_NOCTTY" in line for line in opened), opened)
            self.assertEqual(len(ways), sum("O_NOCTTY" not in line for line in opened), opened)

        self.each(check)

    def test_a_load_in_a_callback_of_a_load(self):
        """A program's lookup loads a file into another store, or leaves by longjmp: that file is shared, too. After a
        tail call, OpenSSL loads it itself."""
        def check(name):
            without, there = (self.use(name, "inner", self.bundle, shim=shim) for shim in (False, True))
            self.assertEqual((0, "", 0, ""), (without.code, without.err, there.code, there.err))
            stores, shared = zip(*(line.split(" shared ") for line in there.out.splitlines()))
            self.assertEqual([line.split(" shared ")[0] for line in without.out.splitlines()], list(stores))
            self.assertEqual(("1", "1", "0", "1"), shared)

        self.each(check)

    def test_a_locked_store_is_not_locked_again(self):
        """If OpenSSL takes no lock, the child of a process that holds the store's lock does not wait for it."""
        def check(name):
            for share in None, "on", "eager":
                told = self.use(name, "locked", self.bundle, shim=share is not None, share=share)
                self.assertEqual((0, "", "0\n"), (told.code, told.err, told.out))

        self.each(check)

    def test_memory(self):
        """Another context takes less than a tenth."""
        def check(name):
            sizes = {}
            for share in "off", "on":
                told = self.use(name, "times", self.bundle, 20, 1, shim=True, share=share)
                sizes[share] = list(map(int, re.fullmatch(r"first (\d+) further (\d+)\n", told.out).groups()))
            self.assertLess(sizes["on"][1], sizes["off"][1] / (8 if name == "4" else 10), sizes)
            self.assertLess(sizes["on"][0], sizes["off"][0] * 1.06, sizes)

        self.each(check)

    def test_on_is_the_default(self):
        """What the first context decoded, measured by the heap."""
        first = {share: int(self.use("system", "times", self.bundle, 1, 1, shim=True, share=share).out.split()[1])
                 for share in (None, "", "on", "eager", "off")}
        for share in None, "":
            self.assertAlmostEqual(first[share], first["on"], delta=first["on"] / 20, msg=first)
        for share in "eager", "off":
            self.assertGreater(first[share], first["on"] * 2, first)

    def test_valgrind(self):
        """No errors, no leaks."""
        lab.need(programs=["valgrind"])
        wrap = ["valgrind", "-q", "--error-exitcode=99", "--leak-check=full", "--errors-for-leak-kinds=definite"]
        three = os.path.join(self.odd, "three")
        for args in ["setters", three], ["contexts", three], ["same", three, os.path.join(self.odd, "crl-last")]:
            told = self.use("system", *args, shim=True, wrap=wrap)
            self.assertEqual((0, ""), (told.code, told.err))

    def test_default_directory_is_looked_into_once(self):
        """truststore#212: OpenSSL 3.0 to 3.3 search it again for each time that the program asked for it."""
        lab.need(programs=["strace"])
        seen = {}
        program = """
            import ssl, sys
            c = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            for i in range(20):
                c.set_default_verify_paths()
            incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
            tls = c.wrap_bio(incoming, outgoing, server_hostname="localhost")
            s = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            s.load_cert_chain(*sys.argv[1:3])
            back, forth = ssl.MemoryBIO(), ssl.MemoryBIO()
            server = s.wrap_bio(back, forth, server_side=True)
            for side, out, to in [(tls, outgoing, back), (server, forth, incoming), (tls, outgoing, back)]:
                try:
                    side.do_handshake()
                except ssl.SSLWantReadError:
                    pass
                except ssl.SSLCertVerificationError as e:
                    print(e.verify_code)
                to.write(out.read())
            """
        for share in "off", "on":
            folder = lab.folder("certs")
            trace = os.path.join(self.folder, "trace-" + share)
            script = lab.write(os.path.join(self.folder, "program.py"), textwrap.dedent(program))
            told = lab.run(["strace", "-f", "-o", trace, "-e", "trace=openat", "-E", "LD_PRELOAD=" + lab.shim(),
                            lab.PYTHON, script, lab.cert("server-chain.pem"), lab.cert("server.key")], timeout=TIMEOUT,
                           env={"SSL_CERT_DIR": folder, "SSL_CERT_FILE": "/none", "CATRUST_SHARE": share})
            self.assertEqual((0, "20\n"), (told.code, told.out), told.err)
            seen[share] = lab.read(trace).decode().count('"%s", ' % folder)
        version = lab.run("import ssl; print(*ssl.OPENSSL_VERSION_INFO[:2])").out.split()
        if version < ["3", "4"] and version[0] == "3":
            self.assertGreater(seen["off"], 19 + seen["on"], seen)
        self.assertLessEqual(seen["on"], seen["off"], seen)


# Loads a file again and again, and does something to it in between. The tests compare what is printed.
CHANGES = """
import hashlib, os, shutil, ssl, sys, time
folder = sys.argv[1]
three, two, other = (open(os.path.join(folder, name), "rb").read() for name in ("three", "twice", "sub"))
path = os.path.join(sys.argv[2], "bundle.pem")

def put(data, to=path):
    with open(to, "wb") as f:
        f.write(data)

def load(what, path=path):
    for kind in ssl.PROTOCOL_TLS_CLIENT, ssl.PROTOCOL_TLS_SERVER:
        c = ssl.SSLContext(kind)
        try:
            c.load_verify_locations(path)
            told = "ok"
        except Exception as e:
            told = "%s %s %s %s" % (type(e).__name__, e, e.errno, getattr(e, "reason", ""))
        certs = c.get_ca_certs(True)
        print(what, told, len(certs), hashlib.sha256(b"".join(certs)).hexdigest()[:16], c.cert_store_stats())

def settle():
    time.sleep(3.1)

def loads(what):
    load(what)
    load(what + ", again")

put(three)
load("new")
settle()
loads("settled")
os.utime(path, (1, 1))
loads("touched")
put(two, path + ".new")
os.rename(path + ".new", path)
loads("renamed into place")
# The same inode and size, and as many changes in one step of the clock as there can be.
settle()
loads("renamed, settled")
status = os.stat(path)
for i in range(20):
    changed = bytearray(two)
    changed[100 + i] ^= 1
    put(bytes(changed) if i % 2 else two)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    load("change %d" % i)
put(three)
settle()
loads("written over")
put(three + b"\\n")
load("appended")
os.truncate(path, len(three) - 40)
load("cut")
os.unlink(path)
load("removed")
os.mkdir(path)
load("a folder")
os.rmdir(path)
put(three)
settle()
loads("back")
os.symlink(path, path + ".link")
load("by a link", path + ".link")
os.link(path, path + ".hard")
load("by another name", path + ".hard")
settle()
load("by another name, settled", path + ".hard")
for name in "trusted", "crl-last", "key-last", "bad-base64", "large", "nearly-large", "empty", "nul-inside", "der":
    load(name, os.path.join(folder, name))
    load(name, os.path.join(folder, name))
load("nothing", "/nonexistent/bundle.pem")
load("a device", "/dev/null")
load("too long", "/" + "x" * 5000)
fd = os.open(path, os.O_RDONLY)
load("a descriptor", "/proc/self/fd/%d" % fd)
os.read(fd, 100)
load("a descriptor that was read from", "/proc/self/fd/%d" % fd)
os.close(fd)
# No descriptor is left.
import resource
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
held = []
try:
    while True:
        held.append(os.open("/dev/null", os.O_RDONLY))
except OSError:
    pass
load("no descriptor")
for fd in held:
    os.close(fd)
load("descriptors again")
# A FIFO: opened once, by the load itself.
import threading
fifo = path + ".fifo"
os.mkfifo(fifo)
def feed():
    for i in range(2):
        with open(fifo, "wb") as f:
            f.write(three)
        time.sleep(0.3)
thread = threading.Thread(target=feed)
thread.start()
load("a FIFO", fifo)
thread.join()
# A second copy in a chroot, where the name is another file, or none; and without the permission.
if os.geteuid() == 0:
    root = path + ".root"
    os.makedirs(root + os.path.dirname(path))
    put(other, root + path)
    settle()
    load("before the chroot")
    if os.fork() == 0:
        os.chroot(root)
        load("in a chroot")
        os.unlink(path)
        load("in a chroot, removed")
        sys.stdout.flush()
        os._exit(0)
    os.wait()
    os.chmod(path, 0o600)
    settle()
    loads("mode 600")
    if os.fork() == 0:
        os.setgid(65534)
        os.setuid(65534)
        load("another user")
        sys.stdout.flush()
        os._exit(0)
    os.wait()
    load("the same user")
"""


class Changes(lab.Case):
    def test_what_happens_to_a_file_between_loads(self):
        odd = lab.folder("odd")
        for name, data in share_lab.odd_files().items():
            lab.write(os.path.join(odd, name), data)
        outcomes = []
        for share in None, "on", "eager":
            place = lab.folder("place")
            told = lab.run(CHANGES, args=[odd, place], shim=share is not None, timeout=TIMEOUT,
                           env={"CATRUST_SHARE": share})
            self.assertEqual((0, ""), (told.code, told.err))
            outcomes.append(told.out.replace(place, "place").splitlines())
        self.assertGreater(len(outcomes[0]), 100)
        for there in outcomes[1:]:
            for a, b in zip(outcomes[0], there):
                self.assertEqual(a, b)
            self.assertEqual(len(outcomes[0]), len(there))


if __name__ == "__main__":
    lab.main()
