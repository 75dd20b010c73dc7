# SPDX-License-Identifier: Apache-2.0
"""What all end-to-end tests use: a company's CAs, real TLS servers, clean environments.

It needs only the standard library and the openssl program. It reads these variables:
  CATRUST_BUILD   the build folder; the shim under test is shim/libcatrust.so in it
  CATRUST_PYTHON  the Python under test (default /usr/bin/python3)
  CATRUST_LAB     a folder that keeps the certificates from one run to the next (default: none)
  CATRUST_MORE    the folder that tests/more fills (default: more/ in the build folder)
  CATRUST_LAB_SHARE  CATRUST_SHARE of the programs under test (default: it is not set)
  CATRUST_NIGHTLY if it is set, long tests run as well

    with lab.server() as srv:
        plain = lab.run("import urllib.request, sys; urllib.request.urlopen(sys.argv[1])", args=[srv.url])
        there = lab.run([...], shim=True, dirs=[lab.trustdir("corp-root.pem")])
"""

import atexit
import collections
import fcntl
import functools
import glob
import hashlib
import http.server
import os
import re
import shutil
import signal
import socket
import socketserver
import ssl
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
import unittest

PAGE = "the page of the lab\n"
PYTHON = os.environ.get("CATRUST_PYTHON", "/usr/bin/python3")
TIMEOUT = 60
NIGHTLY = bool(os.environ.get("CATRUST_NIGHTLY"))
MORE = os.path.abspath(os.environ.get("CATRUST_MORE") or os.path.join(os.environ.get("CATRUST_BUILD", "."), "more"))

# The certificates are made by openssl ca. It is the only command that can set both dates in every version
# of OpenSSL.
CONFIG = """
[ca]
default_ca = lab
[lab]
database = index.txt
new_certs_dir = issued
rand_serial = yes
default_md = sha256
unique_subject = no
policy = any
email_in_dn = no
[any]
commonName = supplied
organizationName = optional
[req]
distinguished_name = dn
string_mask = utf8only
utf8 = yes
[dn]
[root]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid:always
[sub]
basicConstraints = critical,CA:TRUE,pathlen:0
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid:always
[server]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = serverAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid:always
subjectAltName = DNS:localhost,IP:127.0.0.1,IP:::1
[wrongname]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = serverAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid:always
subjectAltName = DNS:elsewhere.example,IP:192.0.2.1
[client]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = clientAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid:always
"""

# file stem, common name, extensions, issuer (None: itself), days until it starts, until it ends
CERTIFICATES = [
    ("corp-root", "Example Corp Root CA", "root", None, -30, 3650),
    ("corp-root-old", "Example Corp Root CA", "root", None, -400, 3650),
    ("corp-sub", "Example Corp Issuing CA", "sub", "corp-root", -30, 1825),
    ("server", "localhost", "server", "corp-sub", -1, 90),
    ("server-direct", "localhost", "server", "corp-root", -1, 90),
    ("expired", "localhost", "server", "corp-root", -20, -10),
    ("future", "localhost", "server", "corp-root", 10, 90),
    ("wrongname", "elsewhere.example", "wrongname", "corp-root", -1, 90),
    ("client", "corp client", "client", "corp-root", -1, 90),
    ("other-root", "Unknown Root CA", "root", None, -30, 3650),
    ("other-server", "localhost", "server", "other-root", -1, 90),
    ("client-root", "Client CA of one service", "root", None, -30, 3650),
    ("own-client", "own client", "client", "client-root", -1, 90),
    ("selfsigned", "localhost", "server", None, -1, 90),
]


def openssl(*args, cwd=None, data=None):
    """Runs the openssl program and returns its output as bytes."""
    done = subprocess.run(["openssl", *args], cwd=cwd, input=data, env=clean_env(), timeout=TIMEOUT,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if done.returncode != 0:
        raise RuntimeError("openssl %s: %s" % (" ".join(args), done.stderr.decode(errors="replace")))
    return done.stdout


def clean_env(**extra):
    """An environment with PATH, HOME, LANG and extra, so that no variable of the machine names a CA."""
    env = {"PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "HOME": home(), "LANG": "C.UTF-8"}
    if os.environ.get("CATRUST_LAB_SHARE"):
        env["CATRUST_SHARE"] = os.environ["CATRUST_LAB_SHARE"]
    env.update(extra)
    return env


def _date(days):
    return time.strftime("%Y%m%d%H%M%SZ", time.gmtime(time.time() + days * 86400))


def make_certificate(folder, stem, name, extensions, issuer, start, end, key=None):
    """Makes a certificate STEM.pem and its key STEM.key in folder, which prepare_ca() has prepared."""
    if key is None:
        key = stem + ".key"
        openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", key, cwd=folder)
    openssl("req", "-new", "-config", "ca.cnf", "-key", key, "-out", stem + ".csr",
            "-subj", "/O=Example/CN=" + name, cwd=folder)
    signer = ["-selfsign", "-keyfile", key] if issuer is None else \
        ["-cert", issuer + ".pem", "-keyfile", issuer + ".key"]
    openssl("ca", "-batch", "-notext", "-config", "ca.cnf", *signer, "-extensions", extensions,
            "-startdate", _date(start), "-enddate", _date(end), "-in", stem + ".csr",
            "-out", stem + ".pem", cwd=folder)
    os.unlink(os.path.join(folder, stem + ".csr"))


def prepare_ca(folder):
    write(os.path.join(folder, "ca.cnf"), CONFIG)
    write(os.path.join(folder, "index.txt"), "")
    os.mkdir(os.path.join(folder, "issued"))


def _make_all(folder):
    prepare_ca(folder)
    for row in CERTIFICATES:
        make_certificate(folder, *row)
    leaf, sub, root = (read(os.path.join(folder, name + ".pem"))
                       for name in ("server", "corp-sub", "corp-root"))
    write(os.path.join(folder, "server-chain.pem"), leaf + sub)
    write(os.path.join(folder, "server-full.pem"), leaf + sub + root)


@functools.lru_cache(maxsize=None)
def scratch():
    """The temporary folder of this run, removed at exit. All users can read it, for tests that change the user."""
    os.umask(0o022)
    folder = tempfile.mkdtemp(prefix="catrust-e2e-")
    os.chmod(folder, 0o755)
    owner = os.getpid()

    def remove():
        if os.getpid() == owner:
            shutil.rmtree(folder, ignore_errors=True)

    atexit.register(remove)
    return folder


@functools.lru_cache(maxsize=None)
def home():
    """An empty home directory."""
    folder = os.path.join(scratch(), "home")
    os.mkdir(folder)
    return folder


@functools.lru_cache(maxsize=None)
def certificates():
    """The folder of the certificates, made when first asked for."""
    keep = os.environ.get("CATRUST_LAB")
    if not keep:
        folder = os.path.join(scratch(), "pki")
        os.mkdir(folder)
        _make_all(folder)
        return folder
    # The name depends on what is in the folder, and on the month, because the leaves last 90 days. The folder is
    # made under another name and then renamed, so that no other run sees half of it.
    stamp = hashlib.sha256(repr((CONFIG, CERTIFICATES, time.strftime("%Y%m"))).encode())
    folder = os.path.join(os.path.abspath(keep), stamp.hexdigest()[:16])
    os.makedirs(keep, exist_ok=True)
    with open(os.path.join(keep, "lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.isdir(folder):
            half = tempfile.mkdtemp(dir=keep)
            os.chmod(half, 0o755)
            _make_all(half)
            os.rename(half, folder)
    # Every user can read this copy; the original may be in a folder of one user.
    return shutil.copytree(folder, os.path.join(scratch(), "pki"))


def cert(name):
    """The path of one of the files of certificates(): "corp-root.pem", "server.key", "server-chain.pem"..."""
    return os.path.join(certificates(), name)


def keyfile(chain):
    """The file of the key that belongs to a certificate or chain of certificates()."""
    return re.sub(r"(-chain|-full)?\.pem$", ".key", chain)


def read(path):
    with open(path, "rb") as f:
        return f.read()


def write(path, data, mode=0o644):
    if isinstance(data, str):
        data = data.encode()
    with open(path, "wb") as f:
        f.write(data)
    os.chmod(path, mode)
    return path


def folder(name="d"):
    """A new empty folder, mode 0755, in the temporary folder of this run."""
    path = tempfile.mkdtemp(prefix=name + "-", dir=scratch())
    os.chmod(path, 0o755)
    return path


def trustdir(*names, **files):
    """A new trust directory. names: certificates, or paths of files, to copy into it. files: NAME=bytes; the last
    _ in NAME stands for a dot, so root_pem becomes root.pem."""
    path = folder("ca.d")
    for name in names:
        source = name if os.path.isabs(name) else cert(name)
        write(os.path.join(path, os.path.basename(source)), read(source))
    for name, data in files.items():
        write(os.path.join(path, ".".join(name.rsplit("_", 1))), data)
    return path


def built_shim():
    """The library under test."""
    build = os.environ.get("CATRUST_BUILD")
    if not build:
        raise RuntimeError("CATRUST_BUILD is not set: it names the build folder")
    path = os.path.join(os.path.abspath(build), "shim", "libcatrust.so")
    if not os.path.exists(path):
        raise RuntimeError("there is no " + path)
    return path


@functools.lru_cache(None)
def shim():
    """The path of a copy of the library that every user can read; the build folder may be closed to others."""
    return shutil.copy(built_shim(), folder("shim"))


def shim_env(dirs=None, **extra):
    """A clean environment with the shim. If dirs is None, CATRUST_DIR is not set: the default directories apply."""
    env = clean_env(LD_PRELOAD=shim())
    if dirs is not None:
        env["CATRUST_DIR"] = ":".join(dirs)
    env.update(extra)
    return env


# For the programs under test: contexts, ways to load trust, one request, and a failure as data.
PRELUDE = r"""
import json, os, socket, ssl, sys, warnings
warnings.simplefilter("ignore")

def context(kind):
    if kind == "default":
        return ssl.create_default_context
    def make(cafile=None, capath=None, cadata=None):
        c = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT if kind == "client" else ssl.PROTOCOL_TLS)
        if kind == "generic":
            c.verify_mode, c.check_hostname = ssl.CERT_REQUIRED, True
        if cafile or capath or cadata:
            c.load_verify_locations(cafile, capath, cadata)
        return c
    return make

def get(c, port, name="127.0.0.1", host="127.0.0.1"):
    with socket.create_connection((host, int(port)), 30) as s:
        with c.wrap_socket(s, server_hostname=name) as t:
            t.sendall(b"GET / HTTP/1.0\r\n\r\n")
            data = b""
            while True:
                try:
                    more = t.recv(65536)
                except ssl.SSLError as e:
                    # The server closed without close_notify. Before Python 3.8 this error has no class of its own.
                    if "EOF" not in str(e).upper():
                        raise
                    break
                if not more:
                    break
                data += more
    return data.split(b"\r\n\r\n", 1)[-1].decode()

def failure(e):
    return {"type": type(e).__name__, "text": str(e), "args": repr(e.args), "errno": getattr(e, "errno", None),
            "code": getattr(e, "verify_code", None), "message": getattr(e, "verify_message", None),
            "reason": getattr(e, "reason", None), "library": getattr(e, "library", None)}

def attempt(call, *args, **more):
    try:
        return call(*args, **more)
    except Exception as e:
        return failure(e)
"""


Result = collections.namedtuple("Result", "code out err")


def run(program, args=(), shim=False, dirs=None, env=None, python=None, timeout=TIMEOUT, cwd=None,
        user=None, group=None, stdin=None):
    """Runs program, an argv or Python code, in a clean environment and returns (code, out, err).

    With and without the shim, everything except LD_PRELOAD is the same. If the program does not end within timeout,
    it raises an AssertionError with the output. env is added last; a value of None removes a variable."""
    if isinstance(program, str):
        argv = [python or PYTHON, "-c", textwrap.dedent(program), *map(str, args)]
    else:
        argv = [*map(str, program), *map(str, args)]
    full = shim_env() if shim else clean_env()
    if dirs is not None:
        full["CATRUST_DIR"] = ":".join(dirs)
    full.update(env or {})
    full = {name: value for name, value in full.items() if value is not None}
    extra = {} if user is None else {"user": user, "group": group or user, "extra_groups": []}
    process = subprocess.Popen(argv, env=full, cwd=cwd or scratch(), start_new_session=True,
                               stdin=subprocess.PIPE if stdin is not None else subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, **extra)
    try:
        out, err = process.communicate(stdin, timeout=timeout)
        late = False
    except subprocess.TimeoutExpired:
        late = True
    finally:
        # Ends the whole session, so that no child outlives the call.
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass
        if process.poll() is None:
            process.kill()
    if late:
        out, err = process.communicate()
    result = Result(process.returncode, out.decode(errors="surrogateescape"),
                    err.decode(errors="surrogateescape"))
    if late:
        raise AssertionError("no end within %s s: %s\n%s%s" % (timeout, argv[0], result.out, result.err))
    return result


class Server:
    """An HTTPS server in a thread of the driver, on a port that the kernel chose.

    certificate: the name of the chain without .pem. client_ca: if it is given, the server asks for a client
    certificate and verifies it with that file. .good counts handshakes; .bad has the failures, as text."""

    def __init__(self, certificate="server-chain", key=None, client_ca=None, host="127.0.0.1",
                 minimum=None, maximum=None, pages=None, port=0):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        chain = certificate if os.path.isabs(certificate) else cert(certificate + ".pem")
        self.context.load_cert_chain(chain, key or keyfile(chain))
        if client_ca:
            self.context.load_verify_locations(cert(client_ca))
            self.context.verify_mode = ssl.CERT_REQUIRED
        if minimum:
            self.context.minimum_version = minimum
        if maximum:
            self.context.maximum_version = maximum
        self.good, self.bad, self.peers = 0, [], []
        self.lock = threading.Lock()
        self.pages = pages or {}
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            timeout = 20

            def date_time_string(self, timestamp=None):
                return "Thu, 01 Jan 1970 00:00:00 GMT"  # a fixed date, so that two answers are the same

            def do_GET(self):
                body = outer.pages.get(self.path.split("?")[0])
                kind = "application/octet-stream" if body is not None else "text/plain"
                if body is None:
                    body = PAGE
                if isinstance(body, str):
                    kind, body = "text/html" if "<" in body else "text/plain", body.encode()
                self.send_response(200)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if self.command == "GET":
                    self.wfile.write(body)

            do_HEAD = do_GET

            def log_message(self, *args):
                pass

        class Http(http.server.ThreadingHTTPServer):
            address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
            request_queue_size = 128
            daemon_threads = True

            # The handshake runs in the connection's own thread, so that one client can't block the others.
            def finish_request(self, request, address):
                request.settimeout(20)
                try:
                    with outer.context.wrap_socket(request, server_side=True) as tls:
                        with outer.lock:
                            outer.good += 1
                            outer.peers.append(tls.getpeercert() if client_ca else None)
                        self.RequestHandlerClass(tls, address, self)
                except OSError as e:
                    with outer.lock:
                        outer.bad.append(str(e))

            def server_bind(self):
                # HTTPServer's own method asks the resolver for the host's name.
                socketserver.TCPServer.server_bind(self)
                self.server_name, self.server_port = self.server_address[:2]

        self.http = Http((host, port), Handler)
        self.port = self.http.server_address[1]
        self.host = host
        self.url = "https://%s:%d/" % ("[%s]" % host if ":" in host else host, self.port)
        self.named_url = "https://localhost:%d/" % self.port
        self.thread = threading.Thread(target=self.http.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *what):
        self.http.shutdown()
        self.http.server_close()
        self.thread.join()


def status_of(argv, log, timeout, **options):
    """The exit status of a program that writes to log, or "no end within N s". Ends all processes that it started."""
    with open(log, "wb") as f:
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=f, stderr=f, start_new_session=True, **options)
        try:
            return process.wait(timeout)
        except subprocess.TimeoutExpired:
            return "no end within %d s" % timeout
        finally:
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            process.wait()


def server(certificate="server-chain", **options):
    return Server(certificate, **options)


def guarded(argv):
    """argv of a server, changed so that the kernel ends the server when the test driver dies."""
    return ["setpriv", "--pdeathsig", "KILL", "--", *map(str, argv)]


class Process:
    """A server in a process of its own. ready: a pattern for the output of the server when it listens. If it has a
    group, that is the port."""

    def __init__(self, argv, ready=None, env=None, timeout=20, stop=signal.SIGTERM, **options):
        self.argv, self.ready, self.timeout, self.stop = argv, ready, timeout, stop
        self.env = env if env is not None else clean_env()
        self.options = options
        self.log = os.path.join(folder("server"), "log")

    def output(self):
        return read(self.log).decode(errors="replace")

    def __enter__(self):
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(guarded(self.argv), env=self.env, stdin=subprocess.PIPE,
                                            stdout=log, stderr=log, start_new_session=True,
                                            **{"cwd": scratch(), **self.options})
        try:
            if self.ready:
                wait_for(lambda: re.search(self.ready, self.output()), self, self.timeout)
                found = re.search(self.ready, self.output())
                if found.groups():
                    self.port = int(found.group(1))
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *what):
        try:
            os.killpg(self.process.pid, self.stop)
            self.process.wait(10)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            pass
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()
        self.process.stdin.close()


class SServer(Process):
    """openssl s_server -www."""

    def __init__(self, certificate="server-chain", *options, env=None):
        chain = cert(certificate + ".pem")
        super().__init__(["openssl", "s_server", "-accept", "127.0.0.1:0", "-cert", chain,
                          "-cert_chain", chain, "-key", keyfile(chain), "-www", *options],
                         ready=r"ACCEPT \S*:(\d+)", env=env)

    def __enter__(self):
        super().__enter__()
        self.url = "https://127.0.0.1:%d/" % self.port
        return self


def s_server(certificate="server-chain", *options, **more):
    return SServer(certificate, *options, **more)


def wait_for(condition, server, timeout=20):
    """Waits until condition() is true. Fails if the server ends, or after timeout seconds."""
    end = time.monotonic() + timeout
    while not condition():
        if server.process.poll() is not None or time.monotonic() > end:
            raise RuntimeError("%s did not start: %s" % (server.argv[0], server.output()))
        time.sleep(0.02)


def free_port(host="127.0.0.1"):
    """A port that was free just now, for servers that don't accept port 0."""
    with socket.socket() as s:
        s.bind((host, 0))
        return s.getsockname()[1]


@functools.lru_cache(maxsize=None)
def has_module(name, python=None):
    return run("import " + name, python=python).code == 0


@functools.lru_cache(maxsize=None)
def runs_as(user):
    """Can this process run the Python under test as another user?"""
    try:
        return run("", user=user, group="nogroup").code == 0
    except (PermissionError, LookupError):
        return False


def need(_test=None, modules=(), programs=(), user=None):
    """Skips a test (or a class, from setUpClass) if something is missing, and says what."""
    missing = ["no module %s for %s" % (m, PYTHON) for m in modules if not has_module(m)]
    missing += ["no program " + p for p in programs if not shutil.which(p, path=clean_env()["PATH"])]
    if user and not runs_as(user):
        missing.append("cannot run %s as %s" % (PYTHON, user))
    if missing:
        raise unittest.SkipTest(", ".join(missing))


def more(name):
    """The folder of what tests/more has downloaded. If it is missing, the test or the class is skipped."""
    path = os.path.join(MORE, name)
    if not os.path.isdir(path):
        raise unittest.SkipTest("no %s: `tests/more FOLDER %s` brings it, CATRUST_MORE names FOLDER" % (path, name))
    return path


def other_openssl(package):
    """The folder of the libraries of a package that tests/more has downloaded, or None."""
    for debs in "debs", "newer-debs":
        found = glob.glob(os.path.join(MORE, debs, package, "usr/lib/*-linux-gnu*/lib*.so*"))
        if found:
            return os.path.dirname(found[0])
    return None


@functools.lru_cache(maxsize=None)
def python_version(python=None):
    out = run("import sys; print(*sys.version_info[:2])", python=python).out
    return tuple(map(int, out.split()))


@functools.lru_cache(maxsize=None)
def takes_der():
    """Does the Python under test load DER? Before 3.8 and with OpenSSL 3, it reports an error at the end."""
    return run("import ssl, sys; ssl.SSLContext(ssl.PROTOCOL_TLS).load_verify_locations("
               "cadata=ssl.PEM_cert_to_DER_cert(open(sys.argv[1]).read()))", [cert("corp-root.pem")]).code == 0


# A decorator for a test, or a class of tests, that takes minutes.
nightly = unittest.skipUnless(NIGHTLY, "it takes long; CATRUST_NIGHTLY=1 tests/run runs it")


@functools.lru_cache(None)
def left_out(what):
    """Says which part of a test is left out without CATRUST_NIGHTLY; tests/run lists it with the skipped tests."""
    print("%s ... skipped 'it takes long; CATRUST_NIGHTLY=1 tests/run runs it'" % what, flush=True)


def built_go(name, source):
    """Compiles a Go program from source, and returns its path. The tests share one cache of Go's compiler."""
    go = shutil.which("go", path=clean_env()["PATH"] + ":/usr/local/go/bin")
    if go is None:
        raise unittest.SkipTest("no go")
    path = folder("go")
    write(os.path.join(path, name + ".go"), source)
    env = {"GOCACHE": os.path.join(os.path.abspath(os.environ["CATRUST_BUILD"]), "go-cache"), "GOPATH": path + "/path",
           "CGO_ENABLED": "0", "GO111MODULE": "off", "GOTOOLCHAIN": "local", "GOFLAGS": ""}
    done = run([go, "build", "-o", name, name + ".go"], env=env, cwd=path, timeout=500)
    if done.code != 0:
        raise AssertionError(done.err)
    return os.path.join(path, name)


class Case(unittest.TestCase):
    """Tests that compare a program without the shim and the same program with it."""

    maxDiff = None
    untrusted = r"CERTIFICATE_VERIFY_FAILED|certificate verify failed"

    def refused(self, result, pattern=None):
        """Checks that the program ended because it does not trust the server."""
        self.assertNotEqual(0, result.code, result)
        self.assertRegex(result.out + result.err, pattern or self.untrusted)

    def got_page(self, result, lines=None):
        """Checks that the program got the page, and that stderr is empty, or has one line for each pattern of lines."""
        self.assertEqual(0, result.code, result)
        self.assertIn(PAGE.strip(), result.out)
        self.lines(result.err, lines or [])

    def lines(self, text, patterns):
        """Checks that text is one line from the shim for each pattern, in any order, and nothing else."""
        got = text.splitlines()
        for line in got:
            self.assertRegex(line, r"^catrust: [^\x00-\x1f\x7f-\x9f\ud800-\udfff]+$")
        for pattern in patterns:
            self.assertEqual(1, sum(bool(re.search(pattern, line)) for line in got), (pattern, text))
        self.assertEqual(len(patterns), len(got), text)

    def only_with_shim(self, program, args=(), dirs=None, lines=None, untrusted=None, **options):
        """Checks that the server is refused without the shim and trusted with it. Returns the result with it."""
        if dirs is None:
            dirs = [trustdir("corp-root.pem")]
        if isinstance(program, str):
            program = PRELUDE + textwrap.dedent(program)
        self.refused(run(program, args, dirs=dirs, **options), untrusted)
        result = run(program, args, shim=True, dirs=dirs, **options)
        self.got_page(result, lines)
        return result

    def same(self, program, args=(), dirs=None, **options):
        """Checks that output and exit code are the same with and without the shim. Returns the result."""
        if dirs is None:
            dirs = [trustdir("corp-root.pem")]
        if isinstance(program, str):
            program = PRELUDE + textwrap.dedent(program)
        without = run(program, args, dirs=dirs, **options)
        self.assertEqual(without, run(program, args, shim=True, dirs=dirs, **options))
        return without


def main():
    """unittest's main. The exit status is 77 (skipped, for ctest) if no test was run."""
    if not shutil.which(PYTHON):
        print("skipped: no " + PYTHON)
        sys.exit(77)
    result = unittest.main(module="__main__", exit=False).result
    if not result.wasSuccessful():
        sys.exit(1)
    sys.exit(77 if result.skipped and len(result.skipped) >= result.testsRun else 0)
