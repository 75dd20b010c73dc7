# SPDX-License-Identifier: Apache-2.0
"""Which runtimes are reached in Python by import, by catrust-run --mount, and by catrust enable --system: each is run in
each way, on this machine, by root. ways.tsv holds what came of it, and docs.py makes columns of docs/reached.md of that.

usage: python3 -m compat.ways          runs all, and compares with ways.tsv
       python3 -m compat.ways --take   runs all, and writes ways.tsv"""

import csv
import os
import re
import shutil
import sys
import unittest

from e2e.tool import run_env, system
from lab import lab

HERE = os.path.dirname(os.path.abspath(__file__))
TABLE = os.path.join(HERE, "ways.tsv")
COLUMNS = ["runtime", "import", "mount", "enable"]
PACKAGE = os.path.join(os.path.dirname(os.path.dirname(HERE)), "packaging", "python")

PYTHON = {
    "ssl": "import http.client, ssl, urllib.parse\n"
           "u = urllib.parse.urlparse(sys.argv[1])\n"
           "c = http.client.HTTPSConnection(u.hostname, u.port, context=ssl.create_default_context(), timeout=30)\n"
           "c.request('GET', '/'); c.getresponse()",
    "urllib": "import urllib.request; urllib.request.urlopen(sys.argv[1], timeout=30)",
    "requests": "import requests; requests.get(sys.argv[1], timeout=30)",
    "urllib3": "import urllib3; urllib3.PoolManager(cert_reqs='CERT_REQUIRED').request('GET', sys.argv[1], retries=False)",
    "httpx": "import httpx; httpx.get(sys.argv[1])",
    "aiohttp": "import aiohttp, asyncio\n"
               "async def get():\n"
               "    async with aiohttp.ClientSession() as s, s.get(sys.argv[1]): pass\n"
               "asyncio.run(get())",
}
ERLANG = "{ok,_}=application:ensure_all_started(ssl),{ok,_}=application:ensure_all_started(inets)," \
         "[U]=init:get_plain_arguments()," \
         "httpc:request(get,{U,[]},[{ssl,[{verify,verify_peer},{cacerts,public_key:cacerts_get()},{log_level,none}]}],[])," \
         "halt(0)."
PERL = "use LWP::UserAgent; LWP::UserAgent->new(timeout => 30)->get($ARGV[0])"
RUBY = "require 'net/http'; Net::HTTP.get(URI(ARGV[0]))"


def go_program():
    go = shutil.which("go", path="/usr/local/go/bin:" + lab.clean_env()["PATH"])
    if go is None:
        return None
    folder = lab.folder("go")
    lab.write(os.path.join(folder, "get.go"), run_env.GO)
    env = {"GOCACHE": os.environ.get("GOCACHE", folder + "/cache"), "GOPATH": folder + "/path", "CGO_ENABLED": "0",
           "GO111MODULE": "off", "GOTOOLCHAIN": "local", "GOFLAGS": ""}
    done = lab.run([go, "build", "-o", "get", "get.go"], env=env, cwd=folder, timeout=900)
    return [folder + "/get"] if done.code == 0 else None


def java_program():
    java = shutil.which("java", path=lab.clean_env()["PATH"])
    if java is None:
        return None
    return [java, "-XX:TieredStopAtLevel=1", lab.write(os.path.join(lab.folder("java"), "Get.java"), run_env.JAVA)]


def programs():
    """Of each runtime, how it asks for the page at the URL that is added; None: it is not there."""
    found = {name: [lab.PYTHON, "-c", "import sys\n" + code] for name, code in PYTHON.items()}
    found.update({
        "curl": ["curl", "-sS"],
        "openssl": ["sh", "-c", 'openssl s_client -verify_return_error -connect "$(echo "$0" | cut -d/ -f3)" </dev/null'],
        "php": ["php", "-r", "file_get_contents($argv[1]);", "--"],
        "ruby": ["ruby", "-e", RUBY],
        "perl": ["perl", "-e", PERL],
        "wget": ["wget", "-nv", "-O", "/dev/null", "--tries=1"],
        "git": ["git", "ls-remote"],
        "node": ["node", "-e", run_env.NODE],
        "erlang": ["erl", "-noshell", "-eval", ERLANG, "-extra"],
        "go": go_program(),
        "java": java_program(),
    })
    path = lab.clean_env()["PATH"]
    return {name: argv for name, argv in found.items() if argv is None or shutil.which(argv[0], path=path)}


class Ways(system.Machine):
    """One machine of its own; a runtime is reached if the server saw it agree to a handshake, and it did not complain
    then: with TLS 1.3 a client may refuse the certificate after that."""

    maxDiff = None

    def reached(self, argv, *wrap, env=None):
        before = self.server.good
        # Erlang compares no addresses.
        url = self.server.named_url if argv[0] == "erl" else self.server.url
        try:
            done = self.inside(*wrap, *argv, url, env=env, timeout=120)
        except AssertionError:
            return False
        return self.server.good > before and not re.search("certificate|verification", done.err)

    def usable(self, argv):
        """Is it there, and refuses the server by itself?"""
        before = self.server.good + len(self.server.bad)
        return argv is not None and not self.reached(argv) and self.server.good + len(self.server.bad) > before

    def by_import(self, argv):
        code = "import sys; sys.path.insert(0, %r); import catrust; catrust.inject()\n" % PACKAGE + argv[2]
        return self.reached([argv[0], "-c", code], env={"CATRUST_LIB": lab.shim()})

    def test_all(self):
        found, login = {}, ["sh", "-c", '. /etc/profile.d/catrust.sh; exec "$@"', "sh"]
        there = {name: argv for name, argv in programs().items() if self.usable(argv)}
        for name, argv in there.items():
            found[name] = {"runtime": name, "enable": "no",
                           "import": ("yes" if self.by_import(argv) else "no") if name in PYTHON else "",
                           "mount": "yes" if self.reached(argv, system.BIN + "catrust-run", "--mount") else "no"}
        self.enable()
        for name, argv in there.items():
            if self.reached(argv):
                found[name]["enable"] = "yes"
        self.enable("--env")
        for name, argv in there.items():
            if found[name]["enable"] == "no" and self.reached(argv, *login):
                found[name]["enable"] = "env"
        if "--take" in sys.argv:
            with open(TABLE, "w", newline="") as f:
                writer = csv.DictWriter(f, COLUMNS, delimiter="\t", lineterminator="\n")
                writer.writeheader()
                writer.writerows(found.values())
            return
        with open(TABLE, newline="") as f:
            kept = {row["runtime"]: row for row in csv.DictReader(f, delimiter="\t")}
        # What is not on this machine is not compared.
        self.assertEqual({name: kept.get(name) for name in found}, found)


if __name__ == "__main__":
    unittest.main(argv=[arg for arg in sys.argv if arg != "--take"])
