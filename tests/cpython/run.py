#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""CPython's own tests of ssl, and of modules that use it, with and without the shim.

Each test must come out the same under the shim as without it, with an empty trust directory and with a filled one.

CATRUST_BUILD names the build folder, CATRUST_PYTHON another interpreter than Debian's 3.11; its
standard library must have the test package (Debian: libpython3.11-testsuite). Arguments: the test
modules to run, instead of all.
"""

import collections
import concurrent.futures
import fnmatch
import os
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))

from lab import lab  # noqa: E402

PYTHON = os.environ.get("CATRUST_PYTHON", "/usr/bin/python3.11")
WITHOUT, EMPTY, FILLED = "without the shim", "empty trust directory", "filled trust directory"
ANCHORS = ["corp-root.pem", "corp-sub.pem", "other-root.pem"]
AT_ONCE = 2
TIMEOUT = 300
RETRIES = 2

# The longest are first. Of test_asyncio, only those that use ssl; they depend on the version.
MODULES = ["test_ssl", "test_asyncio.test_ssl", "test_asyncio.test_sslproto", "test_asyncio.test_events",
           "test_asyncio.test_streams", "test_asyncio.test_sendfile", "test_asyncio.test_base_events",
           "test_asyncio.test_selector_events", "test_asyncio.test_unix_events", "test_httplib",
           "test_urllib2_localnet"]

# Says whether the shim is there, what CAs a program sees, and whether it trusts the lab's server.
PROBE = """
import socket, ssl, sys
context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
context.load_default_certs()
trusted = True
try:
    with socket.create_connection(("127.0.0.1", int(sys.argv[1])), 30) as s:
        context.wrap_socket(s, server_hostname="localhost").close()
except ssl.SSLCertVerificationError:
    trusted = False
print("libcatrust.so" in open("/proc/self/maps").read(), trusted, len(context.get_ca_certs()))
"""

Run = collections.namedtuple("Run", "outcomes log")


def skip(reason):
    print("skipped: " + reason)
    sys.exit(77)


def settings():
    """name → environment."""
    tmp = {"TMPDIR": lab.folder("tmp")}
    return {
        WITHOUT: lab.clean_env(**tmp),
        EMPTY: lab.shim_env([lab.trustdir()], **tmp),
        FILLED: lab.shim_env([lab.trustdir(*ANCHORS)], **tmp),
    }


def check_settings(environments):
    """Checks that each setting has the effect that its name says; otherwise the comparison would show nothing."""
    seen = {}
    with lab.server() as srv:
        for name, env in environments.items():
            out = subprocess.run([PYTHON, "-c", PROBE, str(srv.port)], env=dict(env, CATRUST_LOG="off"), check=True,
                                 stdout=subprocess.PIPE)
            seen[name] = out.stdout.decode().split()
    own = seen[WITHOUT][2]
    if seen != {WITHOUT: ["False", "False", own], EMPTY: ["True", "False", own], FILLED: ["True", "True", own]}:
        sys.exit("the settings are not what they should be: %s" % seen)


def read_outcomes(path):
    """test id → outcome, from regrtest's JUnit file."""
    outcomes = collections.defaultdict(set)
    for case in xml.etree.ElementTree.parse(path).getroot().iter("testcase"):
        kinds = {child.tag for child in case if not child.tag.startswith("system-")}
        outcomes[case.get("name")] |= kinds or {case.get("result", "no result")}
    return {name: "+".join(sorted(kinds)) for name, kinds in outcomes.items()}


def run_module(env, module, test=None):
    """One module, or one test of it, in a process of its own."""
    folder = tempfile.mkdtemp(dir=env["TMPDIR"])
    junit, log = os.path.join(folder, "junit.xml"), os.path.join(folder, "log")
    argv = [PYTHON, "-m", "test", "-v", "--junit-xml", junit, module]
    if test:
        argv += ["-m", test]
    status = lab.status_of(argv, log, TIMEOUT, env=dict(env, TMPDIR=folder), cwd=folder)
    text = lab.read(log).decode(errors="replace")
    try:
        outcomes = read_outcomes(junit)
    except (OSError, xml.etree.ElementTree.ParseError):
        # The module crashed. How it ended is the outcome of the module itself.
        outcomes = {}
    if not outcomes or not isinstance(status, int) or status < 0:
        outcomes = {module: "died (%s)" % status}
    return Run(outcomes, text)


def module_of(test, modules):
    return next((m for m in modules if test == m or re.search(r"\btest\.%s\." % re.escape(m), test)), None)


def same_when_alone(environments, setting, module, test):
    """Does a test that came out differently come out the same when both are run again, alone?"""
    alone = test if re.fullmatch(r"[\w.]+", test) and test != module else None
    for _ in range(RETRIES):
        first, second = (run_module(environments[name], module, alone).outcomes.get(test)
                         for name in (WITHOUT, setting))
        if first == second:
            return True
    return False


def tail_of(log, test):
    """What the log says about one test, or the end of the log if it says nothing."""
    name = test.rsplit(".", 1)[-1]
    blocks = [b for b in re.split(r"^=+$", log, flags=re.M) if re.match(r"\s*(FAIL|ERROR): %s\b" % name, b)]
    return (blocks[0] if blocks else log)[-3000:]


def compare(environments, runs, setting, modules):
    """Prints each difference and returns how many of them are errors."""
    errors = 0
    before = {t: o for m in modules for t, o in runs[WITHOUT, m].outcomes.items()}
    after = {t: o for m in modules for t, o in runs[setting, m].outcomes.items()}
    died = {m for m in modules if m in after and m not in before}
    for module in sorted(died):
        print("%s: %s: %s\n%s" % (setting, module, after[module], runs[setting, module].log[-3000:]))
        errors += 1
    for test in sorted(set(before) | set(after)):
        module = module_of(test, modules)
        if module is None or module in died or before.get(test) == after.get(test):
            continue
        line = "%s: %s: %s instead of %s" % (setting, test, after.get(test, "not run"),
                                             before.get(test, "not run"))
        if same_when_alone(environments, setting, module, test):
            print(line + "; the same when run again, so not of the shim's making")
        else:
            print(line + "\n" + tail_of(runs[setting, module].log, test))
            errors += 1
    return errors


def has(module):
    code = "import importlib.util, sys; sys.exit(importlib.util.find_spec('test.%s') is None)" % module
    return subprocess.run([PYTHON, "-c", code], env=lab.clean_env(), stderr=subprocess.DEVNULL).returncode == 0


def main():
    if lab.run("pass", python=PYTHON).code != 0:
        skip("no " + PYTHON)
    version = lab.python_version(PYTHON)
    if version < (3, 8):
        skip("%s is older than 3.8: its test runner writes no results" % PYTHON)
    if not has("test_ssl") or not has("libregrtest"):
        skip("%s has no test package (Debian: libpython3.11-testsuite)" % PYTHON)
    modules = [m for m in MODULES if has(m)]
    if sys.argv[1:]:
        modules = [m for m in modules if any(fnmatch.fnmatch(m, wanted) for wanted in sys.argv[1:])]

    environments = settings()
    check_settings(environments)
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        jobs = {(name, m): pool.submit(run_module, env, m) for m in modules
                for name, env in environments.items()}
        runs = {key: job.result() for key, job in jobs.items()}

    errors = 0
    for module in modules:
        base = runs[WITHOUT, module]
        if module in base.outcomes or "completed" not in base.outcomes.values():
            print("%s does not even run without the shim:\n%s" % (module, base.log[-3000:]))
            errors += 1
        for test, outcome in sorted(base.outcomes.items()):
            if outcome not in ("completed", "skipped"):
                print("%s: %s: %s" % (WITHOUT, test, outcome))
    for name in environments:
        counts = collections.Counter(o for m in modules for o in runs[name, m].outcomes.values())
        print("%s: %s" % (name, ", ".join("%d %s" % (n, o) for o, n in sorted(counts.items()))))
    errors += compare(environments, runs, EMPTY, modules) + compare(environments, runs, FILLED, modules)
    print("Python %d.%d: %d unexpected differences" % (*version, errors))
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
