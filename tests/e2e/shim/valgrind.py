#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The shim under valgrind: no wrong access, nothing lost, nothing that grows with use.

Python runs under memcheck, with and without the shim, and trusts the same CAs in both runs. An error or
lost memory is the shim's if libcatrust is on its stack, or if the run without the shim does not have it.
"""

import collections
import concurrent.futures
import contextlib
import os
import re
import unittest
import xml.etree.ElementTree

from lab import lab

TIMEOUT = 300
CONTEXTS = (20, 220) if lab.NIGHTLY else (20, 70)
# One pointer for each context would be a leak. Python's own tables also grow and shrink a little, which is no leak:
# at night the growth without the shim is subtracted, and this much more is allowed.
SLACK = (CONTEXTS[1] - CONTEXTS[0]) * 5
BOTH = (True, False) if lab.NIGHTLY else (True,)

COMMON = """
import gc, os, socket, ssl, sys, threading, urllib.request
pki, url, unknown_url = sys.argv[1:4]
cert = lambda name: os.path.join(pki, name)

def attempt(function, *args, **options):
    try:
        function(*args, **options)
    except OSError as e:  # ssl.SSLError is one
        return e

def loads(context):
    context.load_default_certs()
    context.load_verify_locations(cafile=cert("corp-root.pem"))
    context.load_verify_locations(capath=pki)
    pem = open(cert("client-root.pem")).read()
    context.load_verify_locations(cadata=pem)
    context.load_verify_locations(cadata=ssl.PEM_cert_to_DER_cert(pem))
    assert attempt(context.load_verify_locations, cafile=cert("no such file"))
    assert attempt(context.load_verify_locations, cafile=cert("index.txt"))
    assert attempt(context.load_verify_locations, cadata="junk")
    context.get_ca_certs()
    context.cert_store_stats()
"""

# Does everything once: kinds of contexts and loads, both roles, failures, threads, changes.
ALL = COMMON + """
kinds = [ssl.PROTOCOL_TLS_CLIENT, ssl.PROTOCOL_TLS_SERVER, ssl.PROTOCOL_TLS]
for kind in kinds:
    for _ in range(3):
        loads(ssl.SSLContext(kind))
    ssl.SSLContext(kind)

def visit(url, context=None):
    urllib.request.urlopen(url, timeout=60, context=context or ssl.create_default_context()).read()

generic = ssl.SSLContext(ssl.PROTOCOL_TLS)
generic.verify_mode = ssl.CERT_REQUIRED
generic.load_default_certs()
visit(url)
visit(url, generic)
visit(url, generic)
assert attempt(visit, unknown_url)
assert attempt(visit, unknown_url, generic)

def pair(server_kind, client_ca, client_cert):
    server = ssl.SSLContext(server_kind)
    server.load_cert_chain(cert("server-chain.pem"), cert("server.key"))
    if client_ca:
        server.load_verify_locations(cert(client_ca))
    else:
        server.load_default_certs(ssl.Purpose.CLIENT_AUTH)
    server.verify_mode = ssl.CERT_REQUIRED
    client = ssl.create_default_context()
    client.load_cert_chain(cert(client_cert + ".pem"), cert(client_cert + ".key"))
    a, b = socket.socketpair()
    a.settimeout(60)
    b.settimeout(60)

    def serve():
        with a, server.wrap_socket(a, server_side=True) as tls:
            tls.sendall(b"hello")

    thread = threading.Thread(target=attempt, args=(serve,))
    thread.start()
    def ask():
        with b, client.wrap_socket(b, server_hostname="localhost") as tls:
            assert tls.recv(5) == b"hello"
    result = attempt(ask)
    thread.join()
    return result

for kind in (ssl.PROTOCOL_TLS_SERVER, ssl.PROTOCOL_TLS):
    assert pair(kind, "client-root.pem", "own-client") is None
    pair(kind, "client-root.pem", "client")
    pair(kind, None, "own-client")

def busy():
    for _ in range(3):
        context = ssl.create_default_context()
        loads(context)
        visit(url, context)

threads = [threading.Thread(target=busy) for _ in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()

# The trust directory changes under a context that is in use.
folder = os.environ.get("CATRUST_DIR")
context = ssl.create_default_context()
visit(url, context)
for name, text in [("more.pem", open(cert("other-root.pem")).read()), ("junk.pem", "-----BEGIN JUNK"),
                   ("more.pem", "")]:
    if folder:
        open(os.path.join(folder, name), "w").write(text)
    visit(url, context)
    attempt(visit, unknown_url, context)
    loads(ssl.create_default_context())

del generic
gc.collect()
print("done")
"""

# valgrind can't write a forked child's errors to XML. The child's exit status shows whether there were any.
FORK = COMMON + """
def work():
    context = ssl.create_default_context()
    loads(context)
    urllib.request.urlopen(url, timeout=60, context=context).read()

for before in (False, True):
    if before:
        work()
    child = os.fork()
    if child == 0:
        work()
        os._exit(0)
    work()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
print("done")
"""

MANY = COMMON + """
for i in range(int(sys.argv[4])):
    context = ssl.create_default_context()
    loads(context)
    if i % 20 == 0:
        urllib.request.urlopen(url, timeout=60, context=context).read()
    del context
gc.collect()
print("done")
"""

Error = collections.namedtuple("Error", "kind what frames objects")


def read_errors(path):
    """The errors in memcheck's XML file, each as an Error with the names of its frames, innermost first."""
    errors = []
    for error in xml.etree.ElementTree.parse(path).getroot().iter("error"):
        frames = [(frame.findtext("fn") or frame.findtext("ip"), os.path.basename(frame.findtext("obj") or ""))
                  for frame in error.iter("frame")]
        errors.append(Error(error.findtext("kind"), error.findtext("what") or error.findtext("xwhat/text"),
                            tuple(name for name, _ in frames), tuple(obj for _, obj in frames)))
    return errors


def show(error):
    stack = "\n".join("    %s (%s)" % frame for frame in zip(error.frames, error.objects))
    return "%s: %s\n%s" % (error.kind, error.what, stack)


class Memory(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        lab.need(cls, modules=["ssl"], programs=["valgrind"])
        resources = contextlib.ExitStack()
        cls.addClassCleanup(resources.close)
        cls.known = resources.enter_context(lab.server())
        cls.unknown = resources.enter_context(lab.server("other-server"))
        cls.pool = resources.enter_context(concurrent.futures.ThreadPoolExecutor(2))

    def start(self, code, *args, shim, options):
        """Runs Python code under memcheck. Returns a future whose result is the log."""
        log = os.path.join(lab.folder("valgrind"), "log")
        # A small default file for both: parsing 150 roots under valgrind takes seconds each time.
        env = {"PYTHONMALLOC": "malloc", "PYTHONWARNINGS": "ignore", "VALGRIND_OPTS": None,
               "SSL_CERT_FILE": lab.cert("client-root.pem" if shim else "corp-root.pem")}
        trust = lab.trustdir("corp-root.pem", "corp-sub.pem")
        options = [option.replace("LOG", log) for option in options]
        python = os.path.realpath(lab.PYTHON)
        program = ["valgrind", "--quiet", "--num-callers=60", "--trace-children=no",
                   *options, python, "-c", code, lab.certificates(),
                   self.known.named_url, self.unknown.named_url, *args]

        def work():
            done = lab.run(program, shim=shim, dirs=[trust] if shim else None, env=env, timeout=TIMEOUT)
            return done, log

        return self.pool.submit(work)

    def finish(self, future):
        done, log = future.result()
        said = lab.read(log).decode(errors="replace")[-3000:]
        self.assertEqual((done.code, done.out), (0, "done\n"), done.err + said)
        return log

    def test_errors_and_leaks(self):
        options = ["--leak-check=full", "--show-leak-kinds=definite,indirect,possible",
                   "--errors-for-leak-kinds=all", "--xml=yes", "--xml-file=LOG"]
        runs = [self.start(ALL, shim=shim, options=options) for shim in (True, False)]
        ours, others = (read_errors(self.finish(run)) for run in runs)
        # Only the frames down to the library: the frames of the two programs below it differ.
        known = {(e.kind, e.frames[:3]) for e in others}
        bad = []
        for error in ours:
            of_shim = any(obj.startswith("libcatrust.so") for obj in error.objects)
            lost = error.kind.startswith("Leak_")
            if of_shim and error.kind != "Leak_StillReachable":
                bad.append(error)
            elif not lost and (error.kind, error.frames[:3]) not in known:
                bad.append(error)
        self.assertEqual(bad, [], "\n\n".join(show(error) for error in bad))

    def test_fork(self):
        options = ["--leak-check=no", "--error-exitcode=99", "--log-file=LOG"]
        for run in [self.start(FORK, shim=shim, options=options) for shim in BOTH]:
            self.finish(run)

    def test_nothing_grows(self):
        options = ["--leak-check=no", "--log-file=LOG", "--verbose"]
        few, many = CONTEXTS
        runs = {(shim, n): self.start(MANY, str(n), shim=shim, options=options)
                for n in (many, few) for shim in BOTH}
        left = {}
        for key, run in runs.items():
            log = lab.read(self.finish(run)).decode(errors="replace")
            found = re.search(r"in use at exit: ([\d,]+) bytes in ([\d,]+) blocks", log)
            left[key] = int(found.group(1).replace(",", ""))
        growth = {shim: left[shim, many] - left[shim, few] for shim in BOTH}
        print("in use at exit after %d and %d contexts: %s" % (few, many, left))
        self.assertLessEqual(growth[True], max(growth.get(False, 0), 0) + SLACK)


if __name__ == "__main__":
    lab.main()
