# SPDX-License-Identifier: Apache-2.0
"""catrust-run --env and --print-env: the variables, their bundles, and the real programs that read them."""

import concurrent.futures
import functools
import glob
import hashlib
import http.server
import json
import os
import re
import shutil
import socketserver
import ssl
import struct
import subprocess
import threading
import time
import unittest

from lab import lab, tools
from e2e.tool.tool_run import harmless_library

ADDING = ["DENO_CERT", "NODE_EXTRA_CA_CERTS"]
REPLACING = ["AWS_CA_BUNDLE", "CARGO_HTTP_CAINFO", "GIT_SSL_CAINFO", "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH",
             "HEX_CACERTS_PATH", "SSL_CERT_FILE", "SYSTEM_CERTIFICATE_PATH"]
FOLLOWING = ["CLOUDSDK_CORE_CUSTOM_CA_CERTS_FILE", "CURL_CA_BUNDLE", "NIX_SSL_CERT_FILE", "NPM_CONFIG_CAFILE",
             "OCI_CLI_CA_BUNDLE", "VAULT_CACERT", "npm_config_cafile"]
STORE = "-Djavax.net.ssl.trustStore="
SYSTEM_BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
ODD = "a b'c\"d$e`f\\g%h%%"


@functools.lru_cache(maxsize=None)
def installed():
    """Copies of both commands that every user can read."""
    folder = lab.folder("bin")
    for name in "catrust", "catrust-run":
        shutil.copy(tools.tool(name), folder)
    return folder


@functools.lru_cache(maxsize=None)
def inert():
    """Replaces the library, for programs that it would reach."""
    return shutil.copy(harmless_library(), os.path.join(lab.folder("lib"), "libcatrust.so"))


def as_user():
    """Options of lab.run: a user without rights, so that /run can't be used."""
    return {"user": "nobody", "group": "nogroup"} if os.geteuid() == 0 else {}


# A user of no other use. Not nobody: in a user namespace, its number is also that of all who have none there.
NUMBERED = 54321


def own(path):
    """Gives path to the user who runs the tools."""
    if os.geteuid() == 0:
        shutil.chown(path, "nobody", "nogroup")
    return path


def private(name=None):
    """A new directory of that user, or one with an odd name below it."""
    path = own(lab.folder("run"))
    if name:
        path = os.path.join(path, name)
        os.mkdir(path)
        own(path)
    os.chmod(path, 0o700)
    return path


def ders(path):
    """The certificates of a PEM file, which must have nothing else but comments."""
    text = lab.read(path).decode()
    blocks = re.findall(r"-----BEGIN CERTIFICATE-----\n.*?-----END CERTIFICATE-----\n", text, re.DOTALL)
    for block in blocks:
        text = text.replace(block, "")
    if re.search(r"^[^#]", text, re.MULTILINE):
        raise AssertionError("not only certificates in %s: %r" % (path, text))
    return [ssl.PEM_cert_to_DER_cert(block) for block in blocks]


def der(name):
    return ders(lab.cert(name + ".pem"))[0]


def jks(certificate, key=None, count=1):
    """A trust store as Java's keytool made it before PKCS#12; if key is its certificate, a key entry comes first."""
    def entry(tag, der, head=b""):
        return (struct.pack(">IH", tag, 1) + b"a" + struct.pack(">Q", 0) + head + struct.pack(">H", 5) + b"X.509" +
                struct.pack(">I", len(der)) + der)

    data = b"" if key is None else entry(1, key, struct.pack(">I", 4) + b"\0\1\2\3" + struct.pack(">I", 1))
    data = struct.pack(">III", 0xfeedfeed, 2, count + bool(key)) + data + (entry(2, certificate) if count else b"")
    return data + hashlib.sha1("secret".encode("utf-16-be") + b"Mighty Aphrodite" + data).digest()


def split(output):
    """What env -0 printed."""
    return dict(entry.split("=", 1) for entry in output.split("\0") if entry)


class Base(unittest.TestCase):
    shell = ["dash"]

    @classmethod
    def setUpClass(cls):
        lab.need(programs=[cls.shell[0]])
        if not os.path.exists(tools.tool("catrust")):
            raise unittest.SkipTest("no " + tools.tool("catrust"))
        if os.geteuid() == 0:
            lab.need(user="nobody")

    def setUp(self):
        self.runtime = private()
        self.home = private()
        self.dirs = [lab.trustdir("corp-root.pem")]

    def as_user(self):
        return as_user()

    def run_it(self, *args, env=None, script=None, dirs=None, **options):
        full = {"CATRUST_LIB": lab.shim(), "XDG_RUNTIME_DIR": self.runtime, "HOME": self.home,
                "TMPDIR": self.home, "JAVA_HOME": "/nonexistent", "GIT_CONFIG_NOSYSTEM": "1",
                "SSL_CERT_FILE": lab.cert("other-root.pem")}
        full.update(env or {})
        return lab.run([*self.shell, script or os.path.join(installed(), "catrust-run"), *args], env=full,
                       dirs=self.dirs if dirs is None else dirs, **{**self.as_user(), **options})

    def shown(self, *args, err="", **options):
        """The environment that a command sees."""
        result = self.run_it(*args, "env", "-0", **options)
        self.assertEqual((result.code, result.err), (0, err))
        return split(result.out)

    def as_oneself(self):
        """For a run without as_user(): root's bundles must be in a temporary folder, too."""
        self.runtime = lab.folder("run")
        path = self.runtime
        while path != "/" and os.geteuid() == 0:
            if not os.stat(path).st_mode & 0o001:
                self.skipTest("not all may pass %s, so that root would use /run" % path)
            path = os.path.dirname(path)

    def holds(self, path, *names):
        self.assertEqual(ders(path), [der(name) for name in names])


class Cases:
    """In each shell."""

    def test_what_is_set(self):
        before = self.shown()
        env = self.shown("--env")
        self.assertEqual(sorted(set(env) - set(before)),
                         sorted(set(ADDING + REPLACING + ["JAVA_TOOL_OPTIONS"]) - {"SSL_CERT_FILE"}))
        for name in ADDING:
            self.holds(env[name], "corp-root")
        for name in REPLACING:
            self.holds(env[name], "other-root", "corp-root")
        for name in ADDING + REPLACING:
            self.assertEqual(os.path.dirname(env[name]), os.path.join(self.runtime, "catrust"))
        for name in set(before) - {"SSL_CERT_FILE", "_"}:
            self.assertEqual(env[name], before[name])

    def test_short_option_and_others(self):
        env = self.shown("-e", "-d", lab.trustdir("client-root.pem"))
        self.holds(env["NODE_EXTRA_CA_CERTS"], "client-root", "corp-root")
        self.assertIn(lab.shim(), env["LD_PRELOAD"])
        env = self.shown("-e", env={"CATRUST_PEM": lab.read(lab.cert("corp-sub.pem")).decode()})
        self.holds(env["NODE_EXTRA_CA_CERTS"], "corp-root", "corp-sub")

    def test_what_the_user_has_set_is_merged(self):
        mine = lab.cert("client-root.pem")
        names = ADDING + REPLACING + FOLLOWING
        env = self.shown("-e", env=dict.fromkeys(names, mine))
        for name in names:
            with self.subTest(name):
                self.holds(env[name], "client-root", "corp-root")

    def test_what_the_library_reaches_is_left_alone(self):
        names = ["REQUESTS_CA_BUNDLE", "PIP_CERT", "PERL_LWP_SSL_CA_FILE"]
        mine = dict.fromkeys(names, lab.cert("client-root.pem"))
        env = self.shown("-e", env=mine)
        self.assertEqual({name: env[name] for name in names}, mine)

    def test_directories(self):
        where = lab.trustdir("client-root.pem", "other-root.pem", "client.key")
        env = self.shown("-e", env={"SSL_CERT_DIR": "/nonexistent:" + where})
        self.holds(env["SSL_CERT_FILE"], "other-root", "client-root", "corp-root")
        self.assertEqual(env["SSL_CERT_DIR"], "/nonexistent:" + where)
        env = self.shown("-e", env={"SYSTEM_CERTIFICATE_PATH": where})
        self.holds(env["SYSTEM_CERTIFICATE_PATH"], "client-root", "other-root", "corp-root")

    def test_the_systems_bundle(self):
        if not os.path.exists(SYSTEM_BUNDLE):
            raise unittest.SkipTest("no " + SYSTEM_BUNDLE)
        env = self.shown("-e", env={"SSL_CERT_FILE": None})
        got = ders(env["SSL_CERT_FILE"])
        self.assertEqual(set(got), set(ders(SYSTEM_BUNDLE)) | {der("corp-root")})
        self.assertEqual(len(got), len(set(got)))

    def test_runs_within_runs(self):
        names = {"NODE_EXTRA_CA_CERTS": lab.cert("client-root.pem"), "JAVA_TOOL_OPTIONS": " -Xmx64m  -Da='b c'"}
        run = os.path.join(installed(), "catrust-run")
        once = self.shown("-e", env=names)
        for more in ["-e"], ["-e", *self.shell, run, "-e"]:
            again = self.shown("-e", *self.shell, run, *more, env=names)
            for env in once, again:
                env.pop("SHLVL", None)  # some shells count themselves
            self.assertEqual(again, once)
        self.assertEqual(once["JAVA_TOOL_OPTIONS"],
                         names["JAVA_TOOL_OPTIONS"] + " " + STORE +
                         once["SSL_CERT_FILE"][:-len("pem")] + "p12")

    def test_run_within_a_run_forgets_what_is_trusted_no_more(self):
        outer = self.shown("-e", env={"NODE_EXTRA_CA_CERTS": lab.cert("client-root.pem")})
        given = {name: outer[name] for name in ADDING + REPLACING + ["JAVA_TOOL_OPTIONS"]}
        inner = self.shown("-e", env=given, dirs=[lab.trustdir("corp-sub.pem")])
        self.holds(inner["NODE_EXTRA_CA_CERTS"], "client-root", "corp-sub")
        self.holds(inner["SSL_CERT_FILE"], "other-root", "corp-sub")
        self.assertEqual(inner["JAVA_TOOL_OPTIONS"], STORE + inner["SSL_CERT_FILE"][:-len("pem")] + "p12")

    def stored(self, env):
        """The bundle next to Java's trust store, and the other options."""
        found = re.findall(r"(?:^| )" + STORE + r"(\S+)\.p12", env["JAVA_TOOL_OPTIONS"])
        self.assertEqual(len(found), 1, env["JAVA_TOOL_OPTIONS"])
        return found[0] + ".pem", env["JAVA_TOOL_OPTIONS"].replace(STORE + found[0] + ".p12", "STORE")

    def test_trust_store_of_the_users(self):
        """Its contents count, with a password that Java gets."""
        made = tools.catrust("bundle", "--no-public", "--format", "pkcs12", "--password", "secret", "-o",
                             lab.folder("store") + "/a b.p12", dirs=[lab.trustdir("client-root.pem")])
        self.assertEqual(made.code, 0, made.err)
        p12 = glob.glob(lab.scratch() + "/store-*/a b.p12")[0]
        for store in p12, lab.write(os.path.dirname(p12) + "/a b.jks", jks(der("client-root"), key=der("selfsigned"))):
            mine = "-Da=b '%s%s' %sPassword=secret %sType=jks -Dc=d" % (STORE, store, STORE[:-1], STORE[:-1])
            env = self.shown("-e", env={"JAVA_TOOL_OPTIONS": mine})
            bundle, others = self.stored(env)
            self.holds(bundle, "client-root", "corp-root")
            self.assertEqual(others, "-Da=b STORE %sPassword=changeit %sType=PKCS12 -Dc=d" % (STORE[:-1], STORE[:-1]))
            again = self.shown("-e", *self.shell, os.path.join(installed(), "catrust-run"), "-e",
                               env={"JAVA_TOOL_OPTIONS": mine})
            self.assertEqual(again["JAVA_TOOL_OPTIONS"], env["JAVA_TOOL_OPTIONS"])

    def test_variables_of_java_that_outweigh_the_first(self):
        where = lab.folder("store")
        stores = {name: lab.write(os.path.join(where, name), jks(der(name))) for name in ("client-root", "selfsigned")}
        mine = {"JDK_JAVA_OPTIONS": "-Xmx64m %s%s -Da=b" % (STORE, stores["client-root"]),
                "_JAVA_OPTIONS": "%s%s %sPassword=secret" % (STORE, stores["selfsigned"], STORE[:-1])}
        env = self.shown("-e", env=mine)
        for name, there, rest in [("JAVA_TOOL_OPTIONS", "other-root", "%s"), ("JDK_JAVA_OPTIONS", "client-root", "-Xmx64m %s -Da=b"),
                                  ("_JAVA_OPTIONS", "selfsigned", "%%s %sPassword=changeit" % STORE[:-1])]:
            bundle, = re.findall(STORE + r"(\S+)\.p12", env[name])
            self.holds(bundle + ".pem", there, "corp-root")
            self.assertEqual(env[name], rest % (STORE + bundle + ".p12"))
        again = self.shown("-e", *self.shell, os.path.join(installed(), "catrust-run"), "-e", env=mine)
        self.assertEqual({name: again[name] for name in mine}, {name: env[name] for name in mine})
        # A password stands in another variable than its store; neither is changed where the store can't be read.
        mine = {"JDK_JAVA_OPTIONS": STORE + stores["client-root"], "JAVA_TOOL_OPTIONS": STORE[:-1] + "Password=secret"}
        env = self.shown("-e", env=mine)
        self.assertRegex(env["JAVA_TOOL_OPTIONS"], r"\A%sPassword=changeit %s\S+/bundle-" % (STORE[:-1], STORE))
        self.assertIn("/bundle-", env["JDK_JAVA_OPTIONS"])
        mine["_JAVA_OPTIONS"] = STORE + "/none"
        result = self.run_it("-e", "env", "-0", env=mine)
        self.assertEqual("catrust: _JAVA_OPTIONS is left as it is: /none: No such file or directory\n", result.err)
        self.assertEqual(mine["_JAVA_OPTIONS"], split(result.out)["_JAVA_OPTIONS"])
        # What names no store stays.
        mine = {"JDK_JAVA_OPTIONS": "-Xmx64m", "_JAVA_OPTIONS": "-Da=b"}
        env = self.shown("-e", env=mine)
        self.assertEqual(mine, {name: env[name] for name in mine})
        self.assertNotIn("_OPTIONS='-", self.run_it("-e", "--print-env", env=mine).out.replace("JAVA_TOOL_OPTIONS", ""))

    def test_trust_store_that_is_not_to_be_read(self):
        where = lab.folder("store")
        for content, reason in [(b"junk", "it can't be read"), (jks(b"", count=0), "no trusted certificate in it"),
                                (jks(der("client-root"))[:-200], "it can't be read"), (None, "No such file")]:
            path = os.path.join(where, "x")
            if content is not None:
                lab.write(path, content)
            elif os.path.exists(path):
                os.unlink(path)
            result = self.run_it("-e", "env", "-0", env={"JAVA_TOOL_OPTIONS": STORE + path})
            self.assertEqual(split(result.out)["JAVA_TOOL_OPTIONS"], STORE + path)
            self.assertRegex(result.err, r"\Acatrust: JAVA_TOOL_OPTIONS is left as it is: %s: %s[^\n]*\n\Z" % (path, reason))

    def test_trust_store_of_the_jvm(self):
        home = lab.folder("jvm")
        os.makedirs(home + "/lib/security")
        cacerts = lab.write(home + "/lib/security/cacerts", jks(der("client-root")))
        bundle, _ = self.stored(self.shown("-e", env={"JAVA_HOME": home}))
        self.holds(bundle, "client-root", "corp-root")
        os.mkdir(home + "/bin")
        lab.write(home + "/bin/java", "", mode=0o755)
        env = {"JAVA_HOME": None, "PATH": home + "/bin:" + lab.clean_env()["PATH"]}
        self.assertEqual(self.stored(self.shown("-e", env=env))[0], bundle)
        lab.write(cacerts, "junk")
        self.holds(self.stored(self.shown("-e", env=env))[0], "other-root", "corp-root")

    def test_odd_names(self):
        for odd in ODD, "new\nline\n", "\u00e9\u20ac -x":
            with self.subTest(odd):
                self.runtime = private(odd)
                mine = lab.write(os.path.join(lab.folder("odd"), odd), lab.read(lab.cert("client-root.pem")))
                env = self.shown("-e", env={"NODE_EXTRA_CA_CERTS": mine, "VAULT_CACERT": mine})
                self.assertTrue(env["SSL_CERT_FILE"].startswith(self.runtime + "/catrust/"), env)
                for name in "NODE_EXTRA_CA_CERTS", "VAULT_CACERT":
                    self.holds(env[name], "client-root", "corp-root")

    def test_only_certificates(self):
        """No private key; of trust settings, only prohibitions count."""
        trusted = lab.openssl("x509", "-in", lab.cert("client-root.pem"), "-trustout", "-addtrust", "serverAuth")
        rejected = lab.openssl("x509", "-in", lab.cert("selfsigned.pem"), "-trustout", "-addreject", "serverAuth")
        self.assertIn(b"BEGIN TRUSTED CERTIFICATE", trusted)
        mine = lab.write(os.path.join(lab.folder(), "mine.pem"),
                         lab.read(lab.cert("server.key")) + trusted + rejected +
                         lab.read(lab.cert("other-root.key")) + lab.read(lab.cert("other-root.pem")))
        env = self.shown("-e", env={"SSL_CERT_FILE": mine})
        self.holds(env["SSL_CERT_FILE"], "client-root", "other-root", "corp-root")
        for path in glob.glob(self.runtime + "/catrust/*"):
            self.assertNotIn(b"PRIVATE KEY", lab.read(path))

    def test_scoped_anchors_are_in_no_bundle(self):
        folder = lab.trustdir("corp-root.pem")
        os.mkdir(os.path.join(folder, "corp.example"))
        shutil.copy(lab.cert("client-root.pem"), os.path.join(folder, "corp.example"))
        env = self.shown("-e", dirs=[folder])
        self.holds(env["NODE_EXTRA_CA_CERTS"], "corp-root")
        self.holds(env["SSL_CERT_FILE"], "other-root", "corp-root")
        result = self.run_it("-v", "-e", "true", dirs=[folder])
        self.assertIn("catrust: 1 CAs that may not vouch for every name are not in the bundles", result.err)

    def test_nothing_to_trust(self):
        nothing = [lab.trustdir()]
        env = self.shown("-e", dirs=nothing, err=
                         "catrust: %s: there is no certificate, so no CA is added\n"
                         "catrust: no CA is trusted for every name, so there is no variable to set\n" % nothing[0])
        self.assertEqual(env["SSL_CERT_FILE"], lab.cert("other-root.pem"))
        self.assertNotIn("NODE_EXTRA_CA_CERTS", env)
        self.assertEqual(os.listdir(self.runtime), [])
        self.shown("-q", "-e", dirs=nothing)

    def test_kill_switch(self):
        env = {"CATRUST_DISABLE": "1"}
        self.assertEqual(self.shown("-e", env=env), self.shown(env=env))
        self.assertIn("NODE_EXTRA_CA_CERTS", self.shown("-e", env={"CATRUST_DISABLE": "0"}))

    def test_unusable_file_of_the_users(self):
        empty = lab.write(os.path.join(lab.folder(), "empty.pem"), "")
        env = self.shown("-e", env={"NODE_EXTRA_CA_CERTS": "/none.pem", "VAULT_CACERT": empty},
                         err="catrust: NODE_EXTRA_CA_CERTS is left as it is: /none.pem: No such file or directory\n"
                             "catrust: VAULT_CACERT is left as it is: %s: no certificate in it\n" % empty)
        self.assertEqual((env["NODE_EXTRA_CA_CERTS"], env["VAULT_CACERT"]), ("/none.pem", empty))
        self.holds(env["DENO_CERT"], "corp-root")

    def test_no_public_bundle(self):
        """A bundle with only the anchors would cut programs off from everything else."""
        env = self.shown("-e", env={"SSL_CERT_FILE": "/none.pem"},
                         err="catrust: SSL_CERT_FILE is left as it is: /none.pem: No such file or directory\n"
                             "catrust: variables that replace what a program trusts are not set: "
                             "/none.pem: No such file or directory\n")
        self.assertEqual(env["SSL_CERT_FILE"], "/none.pem")
        self.assertEqual(set(REPLACING) & set(env), {"SSL_CERT_FILE"})
        self.assertNotIn("JAVA_TOOL_OPTIONS", env)
        self.holds(env["NODE_EXTRA_CA_CERTS"], "corp-root")

    def test_without_the_tool(self):
        alone = shutil.copy(tools.tool("catrust-run"), lab.folder("alone"))
        for option in ["--env", "true"], ["--print-env"]:
            result = self.run_it(*option, script=alone)
            self.assertEqual((result.code, result.out), (125, ""))
            self.assertRegex(result.err, r"\Acatrust-run: %s needs \S+/catrust, which is not there\n\Z" % option[0])

    # the printed form

    def test_print_for_sh(self):
        self.runtime = private(ODD)
        expected = self.shown("-e", "-v", err=self.run_it("-e", "-v", "true").err)
        result = self.run_it("-e", "-v", "--print-env")
        self.assertEqual(result, self.run_it("-e", "-v", "--print-env=sh"))
        self.assertEqual(result.code, 0, result.err)
        names = re.findall(r"^export (\w+)='", result.out, re.MULTILINE)
        self.assertEqual(names[:3], ["LD_PRELOAD", "CATRUST_DIR", "CATRUST_LOG"])
        again = lab.run([*self.shell, "-c", result.out + "exec env -0"], env={"CATRUST_LOG_FILE": "/dev/null"})
        self.assertEqual({name: split(again.out)[name] for name in names},
                         {name: expected[name] for name in names})
        self.assertEqual(set(names) - {"LD_PRELOAD", "CATRUST_DIR", "CATRUST_LOG"},
                         set(ADDING + REPLACING + ["JAVA_TOOL_OPTIONS"]))

    def test_print_without_env(self):
        result = self.run_it("--print-env", "-q")
        self.assertEqual(result, (0, "export LD_PRELOAD='%s'\nexport CATRUST_DIR='%s'\nexport CATRUST_LOG='off'\n"
                                  % (lab.shim(), self.dirs[0]), ""))
        self.assertEqual(os.listdir(self.runtime), [])

    def test_print_what_the_library_is_told(self):
        told = {"CATRUST_PEM": lab.read(lab.cert("corp-sub.pem")).decode(), "CATRUST_CONTEXTS": "public",
                "CATRUST_STRICT": "relax", "CATRUST_FILES": "off", "CATRUST_LOG": "debug", "CATRUST_LOG_FILE": "/dev/null",
                "CATRUST_ALLOW_WRITABLE": "1", "CATRUST_DISABLE": "0"}
        result = self.run_it("--print-env", env={**told, "CATRUST_LIB_ELSEWHERE": "x"})
        again = split(lab.run([*self.shell, "-c", result.out + "exec env -0"]).out)
        self.assertEqual(told, {name: again.get(name) for name in told})
        self.assertNotIn("ELSEWHERE", result.out)
        self.assertEqual(self.run_it("--print-env=docker", env={"CATRUST_STRICT": "relax"}).out.splitlines()[-1],
                         "CATRUST_STRICT=relax")
        self.assertIn('Environment="CATRUST_PEM=-----BEGIN CERTIFICATE-----\\x0a',
                      self.run_it("--print-env=systemd", env=told).out)
        result = self.run_it("--print-env=docker", env=told)
        self.assertEqual(result.code, 125)
        self.assertRegex(result.err, "CATRUST_PEM=.*: a file of variables for docker can't hold a line break")

    def test_print_for_docker(self):
        self.runtime = private(ODD)
        expected = self.shown("-e")
        result = self.run_it("-e", "--print-env=docker")
        self.assertEqual((result.code, result.err), (0, ""))
        # its documented format: what is on a line is the value
        got = dict(line.split("=", 1) for line in result.out.splitlines())
        self.assertEqual(got, {name: expected[name] for name in got})
        self.assertLessEqual(set(ADDING + REPLACING + ["LD_PRELOAD", "CATRUST_DIR"]), set(got))
        self.runtime = private("new\nline")
        result = self.run_it("-e", "--print-env=docker")
        self.assertEqual(result.code, 125)
        self.assertIn("can't hold a line break", result.err)

    def test_print_for_systemd(self):
        self.runtime = private(ODD)
        expected = self.shown("-e")
        result = self.run_it("-e", "--print-env=systemd")
        self.assertEqual((result.code, result.err), (0, ""))
        got = {}
        for line in result.out.splitlines():
            self.assertRegex(line, r'\AEnvironment="\w+=([^"\\%]|\\["\\]|%%)*"\Z')
            name, value = re.sub(r"\\(.)|%(%)", r"\1\2", line[len('Environment="'):-1]).split("=", 1)
            got[name] = value
        self.assertEqual(got, {name: expected[name] for name in got})
        self.assertLessEqual(set(ADDING + REPLACING + ["LD_PRELOAD", "CATRUST_DIR"]), set(got))
        if not shutil.which("systemd-analyze"):
            return
        unit = lab.write(os.path.join(lab.folder(), "catrust-test.service"),
                         "[Service]\nExecStart=/bin/true\nEnvironment=\"X=\\q\"\n" + result.out)
        said = lab.run(["systemd-analyze", "verify", unit], timeout=300)
        # it names lines that it can't read: here, one that is wrong
        if "Invalid syntax" in said.err:
            self.assertEqual(re.findall(r"service:(\d+): Invalid syntax", said.err), ["3"], said.err)

    def test_print_for_kubernetes(self):
        """It prints a pod's spec: everything needed is mounted, and each value reads back unchanged."""
        told = {"CATRUST_STRICT": "relax", "CATRUST_CONTEXTS": 'a "b\\c" $(D) e', "CATRUST_DIR": None}
        result = self.run_it("-e", "--print-env=kubernetes", env=told)
        self.assertEqual((result.code, result.err), (0, ""))
        self.assertNotIn(os.path.dirname(lab.shim()), result.out)
        got = dict(re.findall(r'(?m)^  - name: (\w+)\n    value: "(.*)"$', result.out))
        got = {name: re.sub(r"\\(.)", r"\1", value).replace("$$", "$") for name, value in got.items()}
        self.assertEqual(got, {"LD_PRELOAD": "/opt/catrust/lib/libcatrust.so", "CATRUST_STRICT": "relax",
                               "CATRUST_CONTEXTS": told["CATRUST_CONTEXTS"],
                               "NODE_EXTRA_CA_CERTS": "/etc/catrust/ca.d/corp.pem",
                               "DENO_CERT": "/etc/catrust/ca.d/corp.pem"})
        result = self.run_it("-d", "/x", "--print-env=kubernetes")
        self.assertEqual((result.code, result.out), (125, ""))
        self.assertIn("--dir names a directory of this machine", result.err)
        result = self.run_it("--print-env=kubernetes", env={"CATRUST_CONTEXTS": "\udcff"})
        self.assertEqual((result.code, result.out), (125, ""))
        self.assertIn("not UTF-8", result.err)

    def test_wrong_usage(self):
        for args, text in [(["--print-env=csh"], "sh, docker, systemd or kubernetes"), (["--print-env", "true"], "runs no command"),
                           (["-e"], "name a command to run"), (["--env=x", "true"], "no option --env=x")]:
            result = self.run_it(*args)
            self.assertEqual((result.code, result.out), (125, ""))
            self.assertIn(text, result.err)


class Dash(Cases, Base):
    pass


class Busybox(Cases, Base):
    shell = ["busybox", "sh"]


class Keeping(Base):
    """Where the bundles are kept, and what others may attempt."""

    def kept(self, **options):
        env = self.shown("-e", **options)
        self.holds(env["NODE_EXTRA_CA_CERTS"], "corp-root")
        return os.path.dirname(env["NODE_EXTRA_CA_CERTS"])

    def test_modes(self):
        folder = self.kept()
        self.assertEqual(os.stat(folder).st_mode & 0o7777, 0o700)
        for name in os.listdir(folder):
            self.assertRegex(name, r"\Abundle-[0-9a-f]{16}\.(pem|p12)\Z")
            self.assertEqual(os.stat(os.path.join(folder, name)).st_mode & 0o7777, 0o644)

    def test_places(self):
        cache = os.path.join(self.home, ".cache", "catrust")
        self.assertEqual(self.kept(env={"XDG_RUNTIME_DIR": None}), cache)
        self.assertEqual(self.kept(env={"XDG_RUNTIME_DIR": "/nonexistent"}), cache)
        self.assertEqual(self.kept(env={"XDG_RUNTIME_DIR": "relative"}), cache)
        other = private()
        self.assertEqual(self.kept(env={"XDG_RUNTIME_DIR": None, "XDG_CACHE_HOME": other}), other + "/catrust")
        self.assertRegex(self.kept(env={"XDG_RUNTIME_DIR": None, "HOME": "/nonexistent"}),
                         r"\A%s/catrust-\d+\Z" % re.escape(self.home))

    def test_no_place(self):
        gone = {"XDG_RUNTIME_DIR": "/nonexistent/1", "HOME": "/nonexistent/2", "TMPDIR": "/nonexistent/3"}
        result = self.run_it("-e", "echo", "ran", env=gone)
        self.assertEqual((result.code, result.out), (125, ""))
        self.assertIn("no directory to keep a bundle", result.err)
        for number in "123":
            self.assertIn("/nonexistent/" + number, result.err)

    def evades(self):
        """The contents of runtime/catrust are not used, and do not change."""
        folder = self.kept()
        self.assertEqual(folder, os.path.join(self.home, ".cache", "catrust"))

    def test_symbolic_link(self):
        elsewhere = private()
        os.symlink(elsewhere, os.path.join(self.runtime, "catrust"))
        self.evades()
        self.assertEqual(os.listdir(elsewhere), [])

    def test_dangling_link_and_file(self):
        path = os.path.join(self.runtime, "catrust")
        os.symlink("/nonexistent/x", path)
        self.evades()
        os.unlink(path)
        lab.write(path, "")
        self.evades()

    def test_others_may_write(self):
        path = os.path.join(self.runtime, "catrust")
        os.mkdir(path)
        own(path)
        for mode in 0o770, 0o707, 0o1777:
            os.chmod(path, mode)
            self.evades()
        os.chmod(path, 0o700)
        os.chmod(self.runtime, 0o777)
        self.evades()
        self.assertEqual(os.listdir(path), [])

    @unittest.skipUnless(os.geteuid() == 0, "takes root to make somebody else's directory")
    def test_other_owner(self):
        path = os.path.join(self.runtime, "catrust")
        os.mkdir(path, 0o755)
        os.chown(path, 12345, 12345)
        os.chmod(path, 0o755)
        self.evades()
        os.chown(path, 0, 0)
        self.evades()
        os.rmdir(path)
        os.chown(self.runtime, 12345, 12345)
        os.chmod(self.runtime, 0o755)
        self.evades()

    @unittest.skipUnless(os.geteuid() == 0, "takes root")
    def test_of_root_all_may_read(self):
        """A service that root starts often continues as another user."""
        self.as_oneself()
        env = self.shown("-e", user=None, group=None)
        self.assertEqual(os.path.dirname(env["SSL_CERT_FILE"]), self.runtime + "/catrust")
        done = lab.run(["cat", env["SSL_CERT_FILE"]], **as_user())
        self.assertEqual(done.out, lab.read(env["SSL_CERT_FILE"]).decode())

    def test_damaged_files_are_mended(self):
        env = self.shown("-e")
        path, store = env["SSL_CERT_FILE"], env["JAVA_TOOL_OPTIONS"][len(STORE):]
        good = lab.read(path), lab.read(store)
        evil = lab.read(lab.cert("client-root.pem"))
        for bad in b"", good[0][:-1], good[0] + b"\n", evil:
            lab.write(path, bad)
            lab.write(store, bad)
            self.assertEqual(self.shown("-e"), env)
            self.assertEqual((lab.read(path), lab.read(store)), good)
        for make in self.link_to_evil, self.writable:
            os.unlink(path)
            make(path, good[0])
            self.assertEqual(self.shown("-e"), env)
            self.assertEqual(lab.read(path), good[0])
            self.assertEqual(os.lstat(path).st_mode, 0o100644)

    def link_to_evil(self, path, good):
        """The contents are right, but another user could change them."""
        os.symlink(lab.write(os.path.join(lab.folder(), "theirs"), good), path)

    def writable(self, path, good):
        own(lab.write(path, good, mode=0o666))

    def test_old_bundles_are_removed(self):
        """Not if it is in use, or not a bundle."""
        env = self.shown("-e")
        folder = os.path.dirname(env["SSL_CERT_FILE"])
        names = {name: "bundle-" + digit * 16 + ending for name, digit, ending in
                 [("old", "0", ".pem"), ("older", "1", ".p12"), ("new", "2", ".pem"), ("used", "3", ".pem"),
                  ("quoted", "4", ".p12"), ("half", "5", ".pe")]}
        names.update({"left": ".12-34.tmp", "mine": "mine.pem", "no number": "bundle-" + "x" * 16 + ".pem"})
        names["asked for"] = os.path.basename(env["SSL_CERT_FILE"])
        old = time.time() - 40 * 24 * 3600
        for what, name in names.items():
            path = os.path.join(folder, name)
            if what != "asked for":
                own(lab.write(path, ""))
            if what != "new":
                os.utime(path, (old, old))
        used = {"SSL_CERT_FILE": os.path.join(folder, names["used"]),
                "JAVA_TOOL_OPTIONS": "%s'%s'/%s" % (STORE, folder, names["quoted"])}
        with lab.Process(["sh", "-c", "echo ready; exec sleep 100"], ready="ready", env=lab.clean_env(**used),
                         **as_user()):
            self.shown("-e")
            left = {what for what, name in names.items() if os.path.exists(os.path.join(folder, name))}
        self.assertEqual({"new", "mine", "no number", "half", "asked for", "used", "quoted"}, left)
        self.holds(env["SSL_CERT_FILE"], "other-root", "corp-root")
        for what in "used", "asked for":
            self.assertLess(old + 1000, os.stat(os.path.join(folder, names[what])).st_mtime)

    def test_side_by_side(self):
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            paths = set(pool.map(lambda _: self.shown("-e")["SSL_CERT_FILE"], range(16)))
        self.assertEqual(len(paths), 1)
        self.holds(paths.pop(), "other-root", "corp-root")
        self.assertEqual([n for n in os.listdir(self.runtime + "/catrust") if not n.startswith("bundle-")], [])


class Daemon(http.server.BaseHTTPRequestHandler):
    """What docker's client sends to create a container."""

    created = []

    def answer(self, code, text):
        self.send_response(code)
        self.send_header("API-Version", "1.40")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def do_GET(self):
        self.answer(200, b"OK")

    def do_HEAD(self):
        self.answer(200, b"")

    def do_POST(self):
        self.created.append(json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0)))))
        self.answer(500, b'{"message": "enough"}')

    def address_string(self):
        return "client"

    def log_message(self, *args):
        pass


class Docker(Base):
    def test_the_client_reads_it(self):
        docker = find("docker")
        self.runtime = private(ODD)
        expected = self.shown("-e")
        folder = lab.folder("docker")
        printed = self.run_it("-e", "--print-env=docker").out
        names = [line.split("=", 1)[0] for line in printed.splitlines()]
        if len(folder) > 90:
            self.skipTest("%s: too long for a socket" % folder)
        with socketserver.UnixStreamServer(folder + "/socket", Daemon) as daemon:
            thread = threading.Thread(target=daemon.serve_forever, args=(0.05,), daemon=True)
            thread.start()
            done = lab.run([docker, "create", "--env-file", lab.write(folder + "/env", printed), "image"],
                           env={"DOCKER_HOST": "unix://%s/socket" % folder, "DOCKER_CONFIG": folder})
            daemon.shutdown()
            thread.join()
        self.assertTrue(Daemon.created, done)
        self.assertEqual(sorted(Daemon.created[0]["Env"]), sorted("%s=%s" % (name, expected[name]) for name in names))


GO = r"""
package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
)

func main() {
	answer, err := http.Get(os.Args[1])
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	text, _ := io.ReadAll(answer.Body)
	fmt.Print(string(text))
}
"""

NODE = r"""
require("https").get(process.argv[1], answer => answer.pipe(process.stdout))
    .on("error", error => { console.log(error.code); process.exitCode = 1 })
"""

JAVA = r"""
import java.net.URL;

public class Get {
	public static void main(String[] arguments) throws Exception {
		System.out.print(new String(new URL(arguments[0]).openStream().readAllBytes()));
	}
}
"""


DENO = "console.log((await (await fetch(Deno.args[0])).text()).trimEnd())"

RUST = r"""
fn main() {
    let url = std::env::args().nth(1).unwrap();
    match ureq::get(&url).call() {
        Ok(answer) => print!("{}", answer.into_string().unwrap()),
        Err(error) => {
            println!("{error}");
            std::process::exit(1)
        }
    }
}
"""


def find(name, *places):
    """The path of a program of a toolchain, which may be outside the PATH of clean_env()."""
    places = [lab.clean_env()["PATH"], os.environ.get("PATH", ""), *places, os.path.join(lab.MORE, "programs", "bin")]
    path = shutil.which(name, path=os.pathsep.join(places))
    if not path:
        raise unittest.SkipTest("no " + name)
    return path


class Programs(Base):
    """Refused with only the library; accepted if --env is added."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server = lab.server()
        cls.server.__enter__()
        cls.addClassCleanup(cls.server.__exit__)

    def only_with_env(self, argv, refusal, env=None, out=lab.PAGE, err="", **options):
        plain = self.run_it(*argv, env=env, **options)
        self.assertNotEqual(plain.code, 0, plain)
        self.assertRegex(plain.out + plain.err, refusal)
        there = self.run_it("-e", *argv, env=env, **options)
        self.assertEqual((there.code, there.out), (0, out), there.err)
        self.assertRegex(there.err, r"\A%s\Z" % err)

    def also_by_mount(self, program):
        """The same with --mount, without any variable."""
        user = {}
        if os.geteuid() == 0:
            user = {"user": NUMBERED, "group": NUMBERED}
            for path in self.home, self.runtime:
                os.chown(path, NUMBERED, NUMBERED)
        done = self.run_it("--mount", "env", "-i", program, self.server.url, env={"SSL_CERT_FILE": None}, **user)
        if done.code == 125 and "can't make a mount namespace here" in done.err:
            self.skipTest(done.err)
        self.assertEqual((0, lab.PAGE, ""), done, done.err)

    def test_go(self):
        """The go command itself asks a proxy for modules."""
        go = find("go", "/usr/local/go/bin")
        pages = {"list": "v1.2.3\n", "v1.2.3.info": '{"Version": "v1.2.3"}', "v1.2.3.mod": "module corp.example/m\n"}
        with lab.server(pages={"/corp.example/m/@v/" + name: text for name, text in pages.items()}) as server:
            env = {"GOPROXY": server.url, "GONOSUMDB": "*", "GOFLAGS": "-modcacherw", "GOTOOLCHAIN": "local",
                   "GOPATH": self.home + "/go", "GOCACHE": self.home + "/cache", "GOENV": "off"}
            argv = [go, "list", "-m", "-versions", "corp.example/m"]
            self.only_with_env(argv, "x509: certificate signed by unknown authority", env=env,
                               out="corp.example/m v1.2.3\n", cwd=self.home)

    def test_go_program(self):
        program = lab.built_go("get", GO)
        self.only_with_env([program, self.server.url], "x509: certificate signed by unknown authority")
        self.also_by_mount(program)

    def test_node(self):
        node = find("node")
        self.only_with_env([node, "-e", NODE, self.server.url], "UNABLE_TO_(GET_ISSUER_CERT_LOCALLY|VERIFY)")
        # what the user has set counts as well
        with lab.server("other-server") as other:
            mine = {"NODE_EXTRA_CA_CERTS": lab.cert("other-root.pem")}
            result = self.run_it("-e", node, "-e", NODE, other.url, env=mine)
            self.assertEqual((result.code, result.out), (0, lab.PAGE), result)
        self.only_with_env([node, "-e", NODE, self.server.url], "UNABLE_TO_", env=mine)

    def test_java(self):
        java = find("java")
        folder = lab.folder("java")
        source = lab.write(os.path.join(folder, "Get.java"), JAVA)
        compiled = lab.run([find("javac"), "--release", "11", "-d", folder, source], timeout=200)
        self.assertEqual(0, compiled.code, compiled)
        self.runtime = private(ODD)
        argv = [java, "-XX:TieredStopAtLevel=1", "-cp", folder, "Get", self.server.url]
        self.only_with_env(argv, "PKIX path building failed|unable to find valid certification path", timeout=200,
                           err=r"Picked up JAVA_TOOL_OPTIONS: .*\n")
        with lab.server("other-server") as other:
            result = self.run_it("-e", *argv[:-1], other.url, timeout=200)
            self.assertEqual((result.code, result.out), (0, lab.PAGE), result)
            # the user's own trust store, with a password that Java checks
            store = lab.write(os.path.join(lab.folder("store"), "mine.jks"), jks(der("other-root")))
            mine = {"JAVA_TOOL_OPTIONS": "%s%s %sPassword=secret" % (STORE, store, STORE[:-1])}
            for option, url, code in [("-q", other.url, 0), ("-q", self.server.url, 1), ("-e", other.url, 0),
                                      ("-e", self.server.url, 0)]:
                result = self.run_it(option, *argv[:-1], url, env=mine, timeout=200)
                self.assertEqual(result.code, code, result)
            # one that outweighs the variable, whose password is in another
            for mine in {"JDK_JAVA_OPTIONS": STORE + store, "JAVA_TOOL_OPTIONS": STORE[:-1] + "Password=secret"}, \
                    {"_JAVA_OPTIONS": "%s%s %sPassword=secret" % (STORE, store, STORE[:-1])}:
                for url in self.server.url, other.url:
                    result = self.run_it("-e", *argv[:-1], url, env=mine, timeout=200)
                    self.assertEqual(result.code, 0, result)

    def test_cargo(self):
        """It asks a registry for a crate, with a library that does nothing. rustup's cargo belongs only to its user."""
        cargo = find("cargo", os.path.expanduser("~/.cargo/bin"))
        self.as_oneself()
        folder = lab.folder("cargo")
        os.mkdir(folder + "/src")
        lab.write(folder + "/src/lib.rs", "")
        lab.write(folder + "/Cargo.toml", '[package]\nname = "x"\nversion = "1.0.0"\n[dependencies]\n'
                  'demo = { version = "1", registry = "lab" }\n')
        crate = {"name": "demo", "vers": "1.0.0", "deps": [], "cksum": "0" * 64, "features": {}, "yanked": False}
        pages = {"/config.json": '{"dl": "https://nowhere.invalid"}', "/de/mo/demo": json.dumps(crate)}
        with lab.server(pages=pages) as server:
            env = {"CATRUST_LIB": inert(), "CARGO_HOME": folder + "/home", "CARGO_NET_RETRY": "0",
                   "RUSTUP_HOME": os.environ.get("RUSTUP_HOME", os.path.expanduser("~/.rustup")),
                   "CARGO_REGISTRIES_LAB_INDEX": "sparse+" + server.url}
            options = {"env": env, "cwd": folder, "user": None, "group": None}
            if self.run_it(cargo, "--version", **options).code != 0:
                raise unittest.SkipTest("cargo does not run")
            self.only_with_env([cargo, "generate-lockfile", "--quiet"], "failed to download", out="", **options)
        self.assertIn('name = "demo"', lab.read(folder + "/Cargo.lock").decode())

    def test_git(self):
        """Only through its variable: the library does nothing."""
        git, sha = find("git"), "0123456789" * 4
        pages = {"/x.git/info/refs": sha + "\trefs/heads/main\n", "/x.git/HEAD": "ref: refs/heads/main\n"}
        with lab.server(pages=pages) as server:
            env = {"CATRUST_LIB": inert(), "GIT_TERMINAL_PROMPT": "0"}
            self.only_with_env([git, "ls-remote", server.url + "x.git"], "certificate", env=env,
                               out="%s\tHEAD\n%s\trefs/heads/main\n" % (sha, sha))

    def test_git_with_a_configuration(self):
        """The variable would override it."""
        find("git")
        config = self.home + "/.gitconfig"
        for section in "http", 'http "https://git.corp.example"':
            lab.write(config, "[%s]\n\tsslCAInfo = /x.pem\n" % section)
            self.assertNotIn("GIT_SSL_CAINFO", self.shown("-e"))
            env = {"GIT_SSL_CAINFO": lab.cert("client-root.pem")}
            self.holds(self.shown("-e", env=env)["GIT_SSL_CAINFO"], "client-root", "corp-root")
        lab.write(config, "[http]\n\tsslVersion = tlsv1.2\n")
        self.assertIn("GIT_SSL_CAINFO", self.shown("-e"))

    def test_cargo_with_a_configuration(self):
        work = own(lab.folder("work"))
        os.makedirs(work + "/a/b")
        for folder, env, cwd in [(self.home + "/.cargo", {}, None), (work + "/.cargo", {}, work + "/a/b"),
                                 (work + "/cargo", {"CARGO_HOME": work + "/cargo"}, None)]:
            os.mkdir(folder)
            for name in "config", "config.toml":
                with self.subTest(folder, name=name):
                    path = lab.write(os.path.join(folder, name), "[http]\ncainfo = \"/x.pem\"\n")
                    self.assertNotIn("CARGO_HTTP_CAINFO", self.shown("-e", env=env, cwd=cwd))
                    mine = {**env, "CARGO_HTTP_CAINFO": lab.cert("client-root.pem")}
                    self.holds(self.shown("-e", env=mine, cwd=cwd)["CARGO_HTTP_CAINFO"], "client-root", "corp-root")
                    lab.write(path, "[http]\n# cainfo = \"/x.pem\"\n")
                    self.assertIn("CARGO_HTTP_CAINFO", self.shown("-e", env=env, cwd=cwd))
                    os.unlink(path)

    def test_aws_with_a_configuration(self):
        os.mkdir(self.home + "/.aws")
        path = lab.write(self.home + "/.aws/config", "[default]\nca_bundle = /x.pem\n")
        self.assertNotIn("AWS_CA_BUNDLE", self.shown("-e"))
        self.assertIn("AWS_CA_BUNDLE is not set, to keep aws's own ca_bundle", self.run_it("-v", "-e", "true").err)
        env = {"AWS_CONFIG_FILE": lab.write(os.path.join(lab.folder("aws"), "x"), "region = x\n")}
        self.assertIn("AWS_CA_BUNDLE", self.shown("-e", env=env))
        lab.write(path, "[default]\nregion = x\n")
        self.assertIn("AWS_CA_BUNDLE", self.shown("-e"))

    def test_uv(self):
        uv = find("uv", os.path.expanduser("~/.local/bin"))
        self.as_oneself()
        page = "<a href='/demo-1.0-py3-none-any.whl'>demo-1.0-py3-none-any.whl</a>"
        with lab.server(pages={"/simple/demo/": page, "/demo-1.0-py3-none-any.whl": "no wheel"}) as server:
            argv = [uv, "pip", "install", "--no-cache", "--python", lab.PYTHON, "--target", lab.folder("uv"),
                    "--index-url", server.url + "simple", "demo"]
            options = {"env": {"UV_HTTP_RETRIES": "0"}, "user": None, "group": None}
            self.assertRegex(self.run_it(*argv, **options).err, "invalid peer certificate: UnknownIssuer")
            # past TLS: it does not like the wheel
            self.assertRegex(self.run_it("-e", *argv, **options).err, "(?i)zip")

    def test_deno(self):
        deno = find("deno", os.path.expanduser("~/.deno/bin"))
        self.as_oneself()
        source = lab.write(os.path.join(lab.folder("deno"), "get.js"), DENO)
        argv = [deno, "run", "--quiet", "--allow-net", source, self.server.url]
        self.only_with_env(argv, "UnknownIssuer", env={"DENO_DIR": lab.folder("deno"), "DENO_NO_UPDATE_CHECK": "1"},
                           user=None, group=None)

    @lab.nightly
    def test_rust_program(self):
        """With rustls and rustls-native-certs; needs its crates."""
        cargo = find("cargo", os.path.expanduser("~/.cargo/bin"))
        folder = lab.folder("rust")
        os.mkdir(folder + "/src")
        lab.write(folder + "/src/main.rs", RUST)
        lab.write(folder + "/Cargo.toml", '[package]\nname = "get"\nversion = "1.0.0"\nedition = "2021"\n[dependencies]\n'
                  'ureq = { version = "2", default-features = false, features = ["tls", "native-certs"] }\n')
        # in the environment of the machine, which knows where crates are
        done = subprocess.run([cargo, "build", "--quiet"], cwd=folder, timeout=1500, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if done.returncode != 0:
            raise unittest.SkipTest("no crates: " + done.stdout.decode(errors="replace")[-300:])
        self.only_with_env([folder + "/target/debug/get", self.server.url], "UnknownIssuer")
        self.also_by_mount(folder + "/target/debug/get")

    def test_curl_with_a_bundle_of_the_users(self):
        lab.need(programs=["curl"])
        mine = {"CURL_CA_BUNDLE": lab.cert("client-root.pem"), "CATRUST_LIB": inert()}
        self.only_with_env(["curl", "-sS", self.server.url], "SSL certificate problem", env=mine)


if __name__ == "__main__":
    lab.main()
