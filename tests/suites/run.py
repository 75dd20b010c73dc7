#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Other projects' own tests of TLS, with and without the shim.

Each test must come out the same under the shim as without it: with a filled trust directory, and with one where
bundles are not shared (CATRUST_SHARE=off). A test that differs is run again before it counts. Tests that fail without
the shim, for example because there is no network, must fail with it.

CATRUST_BUILD names the build folder. Sources come from PyPI and Debian (make). Arguments: the suites to run, instead
of all. Exit status: 1 if a result differs; 77 if there was no suite to run.
"""

import argparse
import collections
import concurrent.futures
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))

from lab import lab  # noqa: E402

PYTHON = "/usr/bin/python3"
WITHOUT, FILLED, UNSHARED = "without the shim", "filled trust directory", "CATRUST_SHARE=off"
ANCHORS = ["corp-root.pem", "corp-sub.pem", "other-root.pem"]
AT_ONCE = 2
# For one file of a suite, in seconds. Some take minutes.
TIMEOUT = 600
RETRIES = 3

PYTEST = [PYTHON, "-m", "pytest", "-p", "no:cacheprovider", "-c", "/dev/null", "--rootdir", ".", "-o",
          "junit_family=xunit1", "-o", "python_classes=Test *TestCase", "--tb=short"]
# For each language, a program that says whether the shim is there, and whether it trusts the lab's server.
PYTHON_PROBE = [PYTHON, "-c", """
import socket, ssl, sys
c = ssl.create_default_context()
try:
    c.wrap_socket(socket.create_connection(("127.0.0.1", int(sys.argv[1])), 30), server_hostname="localhost")
    print("trusted")
except ssl.SSLCertVerificationError:
    print("untrusted")
"""]
RUBY_PROBE = ["ruby", "-rnet/http", "-e", """
begin
  Net::HTTP.start("localhost", ARGV[0].to_i, use_ssl: true) { |h| h.get("/") }
  puts "trusted"
rescue OpenSSL::SSL::SSLError
  puts "untrusted"
end
"""]
PERL_PROBE = ["perl", "-MIO::Socket::SSL", "-e", """
print IO::Socket::SSL->new(PeerAddr => "127.0.0.1:$ARGV[0]", SSL_verifycn_name => "localhost") ? "trusted" : "untrusted";
"""]

# source: of make. keep: what of it is copied into each run's own folder. files: patterns, there. at_least: so many
# tests pass without the shim.
Suite = collections.namedtuple("Suite", "source keep files at_least command read probe modules")
Run = collections.namedtuple("Run", "outcomes log")


def read_junit(path, _log):
    outcomes = collections.defaultdict(list)
    for case in xml.etree.ElementTree.parse(path).getroot().iter("testcase"):
        kinds = {child.tag for child in case if child.tag in ("failure", "error", "skipped")}
        # Addresses and ports in the name of a parameter differ each time.
        name = re.sub(r"0x[0-9a-f]+|\b\d{5}\b", "N", "%s.%s" % (case.get("classname"), case.get("name")))
        outcomes[name].append("+".join(sorted(kinds)) or "passed")
    return outcomes


def read_ruby(_path, log):
    """Reads lines such as "[ 1/63] OpenSSL::TestSSL#test_x = 0.33 s", and those of tests that did not pass."""
    outcomes = {name: ["passed"] for name in re.findall(r"^\[ *\d+/\d+\] (\S+) = ", log, re.M)}
    for kind, name in re.findall(r"^ *\d+\) (Failure|Error|Skipped):\n(\S+#\S+?)(?: \[|:|$)", log, re.M):
        outcomes[name] = [kind.lower()]
    return outcomes


def read_tap(_path, log):
    """Names tests by their number, or by their text if there is none: parent and child write to one log in any order."""
    outcomes = collections.defaultdict(list)
    for ok, number, rest in re.findall(r"^((?:not )?ok)\b *(\d*)(.*)$", log, re.M):
        todo = re.search(r"# *(skip|todo)", rest, re.I)
        name = number or re.sub(r"0x[0-9a-f]+|\b\d{4,5}\b", "N", rest.strip())
        outcomes[name].append(todo.group(1).lower() if todo else "passed" if ok == "ok" else "failed")
    skipped = re.search(r"^1\.\.0 *(# *skip.*)", log, re.M | re.I)
    if skipped:
        outcomes["all"] = ["skipped"]
    return outcomes


def pytest(*more):
    return lambda file, junit: [*PYTEST, "--junitxml", junit, *more, file]


def python_suite(source, keep, files, at_least, more=(), modules=()):
    return Suite(source, keep, files, at_least, pytest(*more), read_junit, PYTHON_PROBE, ["pytest", *modules])


SUITES = {
    "urllib3": python_suite("urllib3", ["test", "dummyserver", "src"], [
        "test/test_ssl.py", "test/test_ssltransport.py", "test/test_util.py", "test/contrib/test_pyopenssl.py",
        "test/with_dummyserver/test_https.py", "test/with_dummyserver/test_socketlevel.py",
        "test/with_dummyserver/test_proxy_poolmanager.py"], 400, modules=["mock", "trustme", "tornado", "flaky", "freezegun"]),
    "requests": python_suite("requests", ["tests"], ["tests/test_*.py"], 400, modules=["pytest_httpbin", "pytest_mock"]),
    "aiohttp": python_suite("aiohttp", ["tests"], [
        "tests/test_client_functional.py", "tests/test_connector.py", "tests/test_client_fingerprint.py",
        "tests/test_web_runner.py", "tests/test_web_functional.py", "tests/test_run_app.py",
        "tests/test_web_sendfile_functional.py"], 100,
        ["-k", "ssl or tls or https or cert or fingerprint or secure or connector or runner"],
        modules=["trustme", "pytest_mock", "freezegun"]),
    "pyOpenSSL": python_suite("pyOpenSSL", ["tests"], ["tests/test_*.py"], 400, modules=["flaky", "pretend"]),
    "Ruby": Suite("ruby3.1", ["test/openssl", "tool/lib"], ["test/openssl/test_*.rb"], 300,
                  lambda file, junit: ["ruby", "-Itool/lib", "-W0", file, "-v"], read_ruby, RUBY_PROBE, []),
    "Net::SSLeay": Suite("libnet-ssleay-perl", ["t", "inc"], ["t/local/[0-9]*.t", "t/handle/local/*.t"], 500,
                         lambda file, junit: ["perl", "-Iinc", file], read_tap, PERL_PROBE, []),
    "IO::Socket::SSL": Suite("libio-socket-ssl-perl", ["t"], ["t/*.t"], 300,
                             lambda file, junit: ["perl", "-I.", file], read_tap, PERL_PROBE, []),
}


class Absent(Exception):
    """Why a suite is not run."""


def settings():
    """name → environment."""
    more = {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": "src", "CATRUST_LOG": "off"}
    filled = [lab.trustdir(*ANCHORS)]
    return {WITHOUT: lab.clean_env(**more), FILLED: lab.shim_env(filled, **more),
            UNSHARED: lab.shim_env(filled, CATRUST_SHARE="off", **more)}


def source_of(suite):
    missing = [m for m in suite.modules if not lab.has_module(m)]
    program = suite.command("", "")[0]
    if missing or not shutil.which(program, path=lab.clean_env()["PATH"]):
        raise Absent("no " + ", ".join(missing or [program]))
    made = subprocess.run([os.path.join(HERE, "make"), suite.source], stdout=subprocess.PIPE, timeout=TIMEOUT)
    lines = made.stdout.decode().splitlines()
    if made.returncode != 0:
        raise Absent(lines[-1] if lines else "no source")
    return lines[-1]


def check_settings(suite, environments):
    """Checks that each setting has the effect that its name says; otherwise the comparison would show nothing."""
    with lab.server() as srv:
        seen = {name: lab.run([*suite.probe, srv.port], env=env).out.strip() for name, env in environments.items()}
    if seen != {WITHOUT: "untrusted", FILLED: "trusted", UNSHARED: "trusted"}:
        raise RuntimeError("the settings are not what they should be: %s" % seen)


def run_file(suite, source, env, file):
    """One file of a suite, in a process and a folder of its own."""
    folder = tempfile.mkdtemp(dir=lab.scratch())
    work, junit, log = (os.path.join(folder, name) for name in ("work", "junit.xml", "log"))
    for name in suite.keep:
        if os.path.exists(os.path.join(source, name)):
            shutil.copytree(os.path.join(source, name), os.path.join(work, name), symlinks=True)
    os.mkdir(os.path.join(folder, "tmp"))
    status = lab.status_of(suite.command(file, junit), log, TIMEOUT, env=dict(env, TMPDIR=os.path.join(folder, "tmp")),
                           cwd=work)
    text = lab.read(log).decode(errors="replace")
    try:
        # The folder differs each time, too.
        outcomes = {name.replace(work, "WORK"): kinds for name, kinds in suite.read(junit, text).items()}
    except (OSError, xml.etree.ElementTree.ParseError):
        outcomes = {}
    if not isinstance(status, int) or status < 0 or not outcomes:
        outcomes = {**outcomes, "the file": ["ended with " + str(status)]}
    shutil.rmtree(folder, ignore_errors=True)
    return Run({"%s: %s" % (file, name): "+".join(sorted(kinds)) for name, kinds in outcomes.items()}, text)


def differences(before, after):
    return {t: "%s instead of %s" % (after.get(t, "not run"), before.get(t, "not run"))
            for t in set(before) | set(after) if before.get(t) != after.get(t)}


def compare(suite, source, environments, setting, file, runs):
    """Prints each difference of a file, and returns how many count: those that appear in each try."""
    found = differences(runs[WITHOUT, file].outcomes, runs[setting, file].outcomes)
    left, log = found, runs[setting, file].log
    for _ in range(RETRIES):
        if not left:
            break
        first, second = (run_file(suite, source, environments[name], file) for name in (WITHOUT, setting))
        again = differences(first.outcomes, second.outcomes)
        left, log = {t: said for t, said in left.items() if t in again}, second.log
    for test, said in sorted(found.items()):
        print("%s: %s: %s%s" % (setting, test, said, "" if test in left else
                                "; the same when run again, so not of the shim's making"), flush=True)
    if left:
        print(log[-3000:])
    return len(left)


def run_suite(name):
    """The number of errors."""
    suite = SUITES[name]
    source = source_of(suite)
    environments = settings()
    check_settings(suite, environments)
    files = sorted({os.path.relpath(path, source) for pattern in suite.files
                    for path in glob.glob(os.path.join(source, pattern))})
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        jobs = {(setting, file): pool.submit(run_file, suite, source, env, file) for file in files
                for setting, env in environments.items()}
        runs = {key: job.result() for key, job in jobs.items()}
    errors = 0
    for setting in environments:
        counts = collections.Counter(o for file in files for o in runs[setting, file].outcomes.values())
        print("%s: %s: %s" % (name, setting, ", ".join("%d %s" % (n, o) for o, n in sorted(counts.items()))), flush=True)
        if setting == WITHOUT and counts["passed"] < suite.at_least:
            print("%s: fewer than %d tests pass without the shim\n%s" % (
                name, suite.at_least, "\n".join(runs[setting, file].log[-1500:] for file in files)))
            errors += 1
    for file in files:
        for setting in FILLED, UNSHARED:
            errors += compare(suite, source, environments, setting, file, runs)
    print("%s: %d differences" % (name, errors), flush=True)
    return errors


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("suites", nargs="*", metavar="SUITE", help="of " + " ".join(SUITES))
    names = parser.parse_args().suites or list(SUITES)
    errors, ran = 0, 0
    for name in names:
        try:
            errors += run_suite(name)
            ran += 1
        except Absent as e:
            print("%s ... skipped '%s'" % (name, e), flush=True)
    if not ran:
        print("skipped: no suite is to be had here")
        sys.exit(77)
    sys.exit(1 if errors else 0)


if __name__ == "__main__":
    main()
