# SPDX-License-Identifier: Apache-2.0
"""The list of cases, and their run in one place: the tests of tests/e2e, under the Python and the shim that
CATRUST_PYTHON and CATRUST_BUILD name, as lab.py has them.

usage: cases.py [GROUP|CLIENT]...     of the list below (default: all); the group main is the Python clients, in short

Writes a line for each case to stdout, with tabs between: client, outcome (ok, failed, absent), tests run, tests
skipped, seconds, why. Exit status 1 if one failed."""

import glob
import importlib
import os
import sys
import time
import unittest

# groups, client, what of tests/e2e (module[.Class[.test]], several with spaces between). A client's tests are those
# that need it, so that they skip where it is not there. New clients: a line here.
CASES = [
    ("python", "ssl", "python_trust"),
    ("main python", "urllib", "python_trust.Contexts.test_urlopen python_apps.Libraries.test_http_client "
                              "python_apps.Libraries.test_ssl_cert_file_in_the_environment"),
    ("main python", "asyncio", "python_apps.Libraries.test_asyncio python_apps.Libraries.test_memory_bio"),
    ("main python", "certifi", "python_trust.Contexts.test_certifi"),
    ("main python", "requests", "python_apps.Libraries.test_requests python_apps.Libraries.test_requests_with_a_bundle "
                                "python_apps.Libraries.test_requests_with_the_wrong_bundle_in_the_environment "
                                "python_apps.Libraries.test_requests_unverified"),
    ("main python", "urllib3", "python_apps.Libraries.test_urllib3 python_apps.Libraries.test_urllib3_with_certifi"),
    ("main python", "httpx", "python_apps.Libraries.test_httpx python_apps.Libraries.test_httpx_asynchronous"),
    ("main python", "aiohttp", "python_apps.Libraries.test_aiohttp"),
    ("main python", "pyOpenSSL", "python_apps.PyOpenSSL"),
    ("main python", "pip", "python_apps.Pip"),
    ("main python", "client certificates", "python_process.ClientCertificates"),
    ("python", "mTLS server", "servers.PythonServers"),
    ("process", "threads and forks", "python_process.Threads python_process.Forks python_process.Sessions"),
    ("process", "configuration", "python_config"),
    ("process", "the same refusals", "python_same"),
    ("policy", "scope", "policy_scope"),
    ("policy", "strict", "policy_strict"),
    ("policy", "contexts", "policy_contexts"),
    ("policy", "live changes", "policy_live"),
    ("clients", "curl", "clients.Curl"),
    ("clients", "openssl s_client", "clients.OpenSSL"),
    ("clients", "PHP", "clients.PHP"),
    ("clients", "Ruby", "clients.Ruby"),
    ("clients", "Perl", "clients.Perl"),
    ("clients", "wget (GnuTLS)", "gnutls.Wget"),
    ("clients", "git (GnuTLS)", "gnutls.Git"),
    ("clients", "pycurl (GnuTLS)", "gnutls.Pycurl"),
    ("clients", "nginx", "servers.Nginx"),
    ("clients", "PostgreSQL", "servers.PostgreSQL"),
    ("clients", "several OpenSSLs", "copies"),
    ("clients", "static OpenSSL", "files.Served files.Refused files.Unchanged files.Surroundings"),
    ("clients", "Python with OpenSSL inside", "files.Python"),
    ("clients", "cryptography's wheel", "files.Wheels.test_cryptography"),
    ("clients", "grpc's wheel", "files.Wheels.test_grpc"),
    ("clients", "node", "files.Node"),
    ("clients", "privileged programs", "hostile.Privileges"),
    ("clients", "cleared environment", "hostile.Processes.test_environment_cleared_for_the_child "
                "hostile.Processes.test_catrust_run_behind_what_clears_the_environment"),
    ("clients", "32-bit programs", "hostile.Linking.test_program_of_32_bits "
                                   "hostile.Linking.test_no_message_for_32_bits_by_lib"),
    ("clients", "static programs", "hostile.Linking.test_static_program hostile.Linking.test_static_program_of_musl"),
    ("clients", "Go (--env)", "run_env.Programs.test_go run_env.Programs.test_go_program"),
    ("clients", "rustls (--env)", "run_env.Programs.test_rust_program"),
    ("clients", "cargo (--env)", "run_env.Programs.test_cargo"),
    ("clients", "uv (--env)", "run_env.Programs.test_uv"),
    ("clients", "Java (--env)", "run_env.Programs.test_java"),
    ("clients", "node (--env)", "run_env.Programs.test_node"),
    ("clients", "Deno (--env)", "run_env.Programs.test_deno"),
    ("program", "C program", "program.Client"),
    ("program", "gates", "program.Gates"),
    ("unserved", "C program of AWS-LC", "program.Unserved"),
    ("process", "no libdl", "program.WithoutLibdl"),
]


class Result(unittest.TestResult):
    """The last line of what was wrong, for each."""

    def __init__(self):
        super().__init__()
        self.why = []

    def startTest(self, test):
        super().startTest(test)
        self.began = time.time()

    def stopTest(self, test):
        super().stopTest(test)
        print("%6.1f s %s" % (time.time() - self.began, test.id()), file=sys.stderr, flush=True)

    def note(self, test, error):
        self.why.append("%s: %s" % (test.id(), str(error[1]).split("\n", 1)[0]))

    def addError(self, test, error):
        super().addError(test, error)
        self.note(test, error)

    def addFailure(self, test, error):
        super().addFailure(test, error)
        self.note(test, error)

    def addSubTest(self, test, subtest, error):
        super().addSubTest(test, subtest, error)
        if error is not None:
            self.note(subtest, error)


HERE = os.path.dirname(os.path.abspath(__file__))
TESTS = os.path.dirname(HERE)


def with_room(name):
    """A module of tests/e2e by its full name: hostile.Linking is e2e.shim.hostile.Linking."""
    found = glob.glob(os.path.join(TESTS, "e2e", "*", name.split(".")[0] + ".py"))
    return "e2e.%s.%s" % (os.path.basename(os.path.dirname(found[0])), name) if found else name


def load(names):
    suite = unittest.TestSuite()
    for name in map(with_room, names.split()):
        # unittest would hide why a module can't be imported.
        importlib.import_module(".".join(name.split(".")[:3 if name.startswith("e2e.") else 1]))
        suite.addTests(unittest.defaultTestLoader.loadTestsFromName(name))
    return suite


def run(names):
    """outcome, tests, skipped, seconds, why"""
    began = time.time()
    suite, result = load(names), Result()
    count = suite.countTestCases()
    suite.run(result)
    for _, trace in result.errors + result.failures:
        print(trace, file=sys.stderr, flush=True)
    skipped = len(result.skipped)
    # A class that skips as a whole does so once.
    if result.errors or result.failures:
        outcome, why = "failed", result.why
    elif result.testsRun <= skipped:
        outcome, why = "absent", [reason for _, reason in result.skipped]
    else:
        outcome, why = "ok", []
    return outcome, count, skipped, time.time() - began, "; ".join(dict.fromkeys(why))


def main():
    sys.path[:0] = [HERE, TESTS]
    groups, failed = sys.argv[1:], False
    for its_groups, client, names in CASES:
        if groups and not set(groups).intersection([client, *its_groups.split()]):
            continue
        outcome, tests, skipped, seconds, why = run(names)
        failed = failed or outcome == "failed"
        print(client, outcome, tests, skipped, "%.1f" % seconds, " ".join(why.split()), sep="\t", flush=True)
    sys.exit(failed)


if __name__ == "__main__":
    main()
