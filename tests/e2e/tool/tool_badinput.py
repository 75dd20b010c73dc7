# SPDX-License-Identifier: Apache-2.0
"""catrust if things go wrong: full and read-only disks, interrupts, two runs at once, and servers that try to write
to the terminal."""

import contextlib
import functools
import json
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import unittest

from lab import lab, tools
from e2e.tool.tool_command import compiled

# What no output may have in it: all control characters but the newline, and those that reorder text.
UNSAFE = r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]"
EVIL = b"evil\x1b[2J\x1b]0;owned\x07\x08\x9b2J\xc2\x9b1m\xe2\x80\xae"

# All names of the lab's servers.
SCOPES = ["--scope", "localhost", "--scope", "127.0.0.1", "--scope", "::1"]


def listing(path):
    """Everything below a directory, hidden files included."""
    return sorted(os.path.relpath(os.path.join(where, name), path)
                  for where, dirs, files in os.walk(path) for name in dirs + files)


class Case(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.dir = lab.folder("ca.d")
        self.root = tools.fingerprint(lab.cert("corp-root.pem"))

    def no_unsafe(self, result):
        text = (result.out + result.err).encode(errors="surrogateescape").decode(errors="replace")
        self.assertNotRegex(text, UNSAFE)
        self.assertNotIn("\ufffd", text)


class Disk(Case):
    """On a small file system of its own, prepared by prepare."""

    def on_disk(self, options, prepare, *command):
        """(result, the directory's contents after it, and before it)"""
        script = """set -e
            mount -t tmpfs -o mode=755,%s none "$1"
            mkdir "$1/ca.d"
            cd "$1"
            %s
            find ca.d | sort
            echo BEFORE
            shift
            status=0
            "$@" >&2 || status=$?
            find ca.d | sort
            exit $status\n""" % (options, prepare)
        result = lab.run([*tools.namespace(), "sh", "-c", script, "sh", self.dir, *command],
                         dirs=[os.path.join(self.dir, "ca.d")])
        before, _, after = result.out.partition("BEFORE\n")
        return result, before, after

    def commands(self, server):
        """The commands that write into the directory."""
        catrust = tools.tool("catrust")
        return [
            [catrust, "add", lab.cert("corp-root.pem"), "--fingerprint", self.root],
            [catrust, "fetch", server.url, "--fingerprint", self.root],
            [catrust, "fetch", server.named_url, "--fingerprint", self.root, *SCOPES],
            [catrust, "bundle", "--output", os.path.join(self.dir, "ca.d", "bundle.crt")],
        ]

    def fails(self, options, prepare, words):
        with lab.server("server-full") as server:
            for command in self.commands(server):
                with self.subTest(command[1:]):
                    result, before, after = self.on_disk(options, prepare, *command)
                    self.assertEqual(result.code, 1, result)
                    self.assertIn(words, result.err)
                    self.assertIn(os.path.join(self.dir, "ca.d"), result.err)
                    self.assertEqual(after, before)

    def test_full(self):
        self.fails("size=64k", "cp '%s' ca.d/there.pem; dd if=/dev/zero of=fill bs=4k 2>/dev/null || :"
                   % lab.cert("other-root.pem"), "No space left on device")

    def test_no_inode(self):
        self.fails("size=256k,nr_inodes=4", "cp '%s' ca.d/there.pem; : >fill" % lab.cert("other-root.pem"),
                   "No space left on device")

    def test_read_only(self):
        self.fails("size=256k", "cp '%s' ca.d/there.pem; mount -o remount,ro ." % lab.cert("other-root.pem"),
                   "Read-only file system")

    def test_read_only_remove(self):
        result, before, after = self.on_disk(
            "size=256k", "cp '%s' ca.d/there.pem; mount -o remount,ro ." % lab.cert("other-root.pem"),
            tools.tool("catrust"), "remove", "there.pem")
        self.assertEqual((result.code, after), (1, before), result)
        self.assertIn("Read-only file system", result.err)

    # A file system without hard links, as vfat and some of FUSE; and one that has not even a way to
    # rename without replacing.
    NO_LINKS = """
        #include <dlfcn.h>
        #include <errno.h>
        #include <stdarg.h>
        #include <sys/syscall.h>
        int linkat(int a, const char *b, int c, const char *d, int e)
        {
            (void)a, (void)b, (void)c, (void)d, (void)e;
            errno = EPERM;
            return -1;
        }
        #ifdef NO_RENAME
        long syscall(long number, ...)
        {
            long (*real)(long, ...) = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
            long a[6];
            va_list args;
            va_start(args, number);
            for (int i = 0; i < 6; i++)
                a[i] = va_arg(args, long);
            va_end(args);
            errno = EINVAL;
            return number == SYS_renameat2 ? -1 : real(number, a[0], a[1], a[2], a[3], a[4], a[5]);
        }
        #endif
    """

    def test_no_hard_links(self):
        there = os.path.join(self.dir, "ca.d")
        for flags in [], ["-DNO_RENAME"]:
            library = compiled("nolinks.so", self.NO_LINKS, "-shared", "-fPIC", "-D_GNU_SOURCE", "-ldl", *flags)
            with lab.server("server-full") as server, self.subTest(flags):
                os.mkdir(there)
                command = [tools.tool("catrust"), "fetch", server.url, "--fingerprint", self.root]
                result = lab.run(command, dirs=[there], env={"LD_PRELOAD": library})
                self.assertEqual(result.code, 0, result.err)
                saved = result.out.strip()
                self.assertEqual(listing(there), [os.path.basename(saved)])
                self.assertEqual(tools.fingerprint(saved), self.root)
                # and never over another file
                lab.write(saved, "in the way")
                result = lab.run(command, dirs=[there], env={"LD_PRELOAD": library})
                self.assertEqual(result.code, 1, result.err)
                self.assertIn("File exists", result.err)
                self.assertEqual(lab.read(saved), b"in the way")
                self.assertEqual(listing(there), [os.path.basename(saved)])
                shutil.rmtree(there)

    def test_advice_is_what_helps(self):
        """The message does not suggest becoming root if that would not help."""
        result, _, _ = self.on_disk("size=256k", "mount -o remount,ro .", tools.tool("catrust"), "add",
                                    lab.cert("corp-root.pem"), "--fingerprint", self.root)
        self.assertIn("(choose another directory with --dir)", result.err)
        self.assertNotIn("become root", result.err)

    def test_limit_on_files(self):
        # where nothing can be mounted: a write of no byte more
        with lab.server("server-full") as server:
            for command in self.commands(server):
                os.makedirs(os.path.join(self.dir, "ca.d"), exist_ok=True)
                shutil.copy(lab.cert("other-root.pem"), os.path.join(self.dir, "ca.d"))
                with self.subTest(command[1:]):
                    result = lab.run(["sh", "-c", 'ulimit -f 0; exec "$@"', "sh", *command],
                                     dirs=[os.path.join(self.dir, "ca.d")])
                    self.assertEqual(result.code, 1, result)
                    self.assertIn("File too large", result.err)
                    self.assertEqual(listing(self.dir), ["ca.d", "ca.d/other-root.pem"])


class Interrupted(Case):
    """Ctrl-C, Ctrl-\\ and Ctrl-D at every question."""

    def stopped(self, argv, key, questions=1, answers="y"):
        """Answers all questions but the last, which gets key; what was there before stays."""
        there = lab.folder("ca.d")
        env = lab.clean_env(CATRUST_DIR=there)
        with tools.Terminal([tools.tool("catrust"), *argv], env) as t:
            for number in range(1, questions + 1):
                while t.seen.count("[y/N] ") < number:
                    self.assertTrue(t._read(20), t.seen)
                t.type(answers + "\n" if number < questions else key)
            code = t.end()
            out = t.process.stdout.read().decode()
        if key == "\x04":
            self.assertEqual(code, 1, t.seen)
        else:
            self.assertEqual(code, -signal.SIGINT if key == "\x03" else -signal.SIGQUIT, t.seen)
        return there, out

    def test_fetch(self):
        with lab.server("server-full") as server:
            for key in "\x03", "\x1c", "\x04":
                for options in ([], ["--stdout"], ["--with-intermediate"], SCOPES)[:4 if key == "\x03" else 1]:
                    with self.subTest(key=key, options=options):
                        there, out = self.stopped(["fetch", server.named_url, *options], key)
                        self.assertEqual((listing(there), out), ([], ""))

    def test_pin(self):
        with lab.server("selfsigned") as server:
            there, _ = self.stopped(["fetch", "--pin", server.named_url], "\x03")
            self.assertEqual(listing(there), [])

    def test_second_question(self):
        # what was confirmed before is saved, whole
        for key in "\x03", "\x04":
            with self.subTest(key=key):
                bundle = tools.joined(lab.cert("corp-root.pem"), lab.cert("other-root.pem"))
                there, out = self.stopped(["add", bundle], key, questions=2)
                self.assertEqual(len(listing(there)), 1)
                path = os.path.join(there, listing(there)[0])
                self.assertEqual(tools.fingerprint(path), self.root)
                self.assertIn(path, out)

    def test_files(self):
        for key in "\x03", "\x1c", "\x04":
            with self.subTest(key=key):
                there, out = self.stopped(["add", lab.cert("corp-root.pem")], key)
                self.assertEqual((listing(there), out), ([], ""))


class AtOnce(Case):
    """Several parallel runs on one directory."""

    COUNT = 8

    @classmethod
    def setUpClass(cls):
        cls.pki = lab.folder("pki")
        lab.prepare_ca(cls.pki)
        for i in range(cls.COUNT):
            # the same name, so that the names of the files differ by their fingerprints alone
            lab.make_certificate(cls.pki, "ca%d" % i, "One of many", "root", None, -1, 100)
        cls.paths = [os.path.join(cls.pki, "ca%d.pem" % i) for i in range(cls.COUNT)]

    def together(self, commands):
        """Starts all, and returns their results when all have ended."""
        env = lab.clean_env(CATRUST_DIR=self.dir)
        processes = [subprocess.Popen([tools.tool("catrust"), *command], env=env, cwd=lab.scratch(),
                                      stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
                     for command in commands]
        results = []
        for process in processes:
            try:
                out, err = process.communicate(timeout=lab.TIMEOUT)
            finally:
                process.kill()
            results.append(lab.Result(process.returncode, out.decode(), err.decode()))
        return results

    def saved(self):
        names = listing(self.dir)
        self.assertFalse([name for name in names if name.startswith(".")])
        return sorted(tools.fingerprint(os.path.join(self.dir, name)) for name in names)

    def test_different(self):
        self.dir = os.path.join(self.dir, "made", "by", "all")
        results = self.together([["add", path, "--fingerprint", tools.fingerprint(path)] for path in self.paths])
        for result in results:
            self.assertEqual(result.code, 0, result)
        self.assertEqual(self.saved(), sorted(map(tools.fingerprint, self.paths)))

    def test_same(self):
        for _ in range(2):
            self.dir = lab.folder("ca.d")
            for result in self.together([["add", lab.cert("corp-root.pem"), "--fingerprint", self.root]] * self.COUNT):
                self.assertEqual(result.code, 0, result)
                self.assertEqual(result.out, os.path.join(self.dir, listing(self.dir)[0]) + "\n")
            self.assertEqual(self.saved(), [self.root])

    def test_fetch_and_add(self):
        with lab.server("server-full") as server:
            fetch = ["fetch", server.url, "--fingerprint", self.root]
            sub = tools.fingerprint(lab.cert("corp-sub.pem"))
            commands = [fetch, [*fetch, "--with-intermediate"], ["add", lab.cert("corp-root.pem"), "--fingerprint", self.root]]
            commands += [["add", path, "--fingerprint", tools.fingerprint(path)] for path in self.paths[:3]]
            for result in self.together(commands * 2):
                self.assertEqual(result.code, 0, result)
        self.assertEqual(self.saved(), sorted({self.root, sub, *map(tools.fingerprint, self.paths[:3])}))

    def test_remove_and_add(self):
        for path in self.paths[4:]:
            shutil.copy(path, self.dir)
        results = self.together([["add", path, "--fingerprint", tools.fingerprint(path)] for path in self.paths[:4]] +
                                [["remove", tools.fingerprint(path)] for path in self.paths[4:]])
        for result in results:
            self.assertEqual(result.code, 0, result)
        self.assertEqual(self.saved(), sorted(map(tools.fingerprint, self.paths[:4])))


def ldap_refusal(text):
    answer = b"\x0a\x01\x34\x04\x00\x04" + bytes([len(text)]) + text
    return b"\x30" + bytes([len(answer) + 5]) + b"\x02\x01\x01\x78" + bytes([len(answer)]) + answer


def mysql_error(text):
    packet = b"\xff\x15\x04#08004" + text
    return struct.pack("<I", len(packet))[:3] + b"\0" + packet


# What a server that refuses may say before TLS: after as many exchanges as there are parts.
REFUSALS = {
    "smtp": [[b"554 " + EVIL + b"\r\n"], [b"220 " + EVIL + b"\r\n", b"250 " + EVIL + b"\r\n", b"454 " + EVIL + b"\r\n"]],
    "lmtp": [[b"220 x\r\n", b"250 STARTTLS\r\n", b"502 " + EVIL + b"\r\n"]],
    "imap": [[b"* BYE " + EVIL + b"\r\n"], [b"* OK x\r\n", b"a NO " + EVIL + b"\r\n"], [EVIL + b"\r\n"]],
    "pop3": [[b"-ERR " + EVIL + b"\r\n"], [b"+OK x\r\n", b"-ERR " + EVIL + b"\r\n"]],
    "ftp": [[b"421 " + EVIL + b"\r\n"], [b"220 x\r\n", b"534 " + EVIL + b"\r\n"]],
    "ldap": [[b"", ldap_refusal(EVIL)], [b"", EVIL]],
    "xmpp": [[b"", EVIL * 100], [b"", b"<stream:stream><stream:error>" + EVIL + b"</stream:error>"],
             [b"", b"<stream:stream><stream:features><starttls/></stream:features>", b"<failure>" + EVIL + b"</failure>"]],
    "xmpp-server": [[b"", b"<stream:stream>" + EVIL + b"</stream:stream>"]],
    "irc": [[b":x NOTICE * :" + EVIL + b"\r\n", b":x 691 * :" + EVIL + b"\r\n"], [b"ERROR :" + EVIL + b"\r\n"]],
    "nntp": [[b"400 " + EVIL + b"\r\n"], [b"200 x\r\n", b"580 " + EVIL + b"\r\n"]],
    "sieve": [[b"BYE \"" + EVIL + b"\"\r\n"], [b"\"STARTTLS\"\r\nOK\r\n", b"NO \"" + EVIL + b"\"\r\n"]],
    "postgres": [[b"", b"N"], [b"", b"E" + struct.pack(">I", 40) + b"SFATAL\0M" + EVIL + b"\0\0"], [b"", EVIL]],
    "mysql": [[mysql_error(EVIL)], [b"\x1c\0\0\0\x0a" + EVIL], [EVIL]],
}


def refusing(parts):
    """A behaviour for tools.tcp_server(): sends one part, then one after each message."""
    def behave(connection, stop):
        connection.settimeout(10)
        connection.sendall(parts[0])
        for part in parts[1:]:
            if not connection.recv(4096):
                return
            connection.sendall(part)
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(4096):
            pass
    return behave


HOSTILE = """
[evil]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid:always
[evilserver]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = serverAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid:always
subjectAltName = DNS:elsewhere.example,DER_NAME
"""


def der(tag, *parts):
    body = b"".join(parts)
    length = bytes([len(body)]) if len(body) < 128 else b"\x82" + struct.pack(">H", len(body))
    return bytes([tag]) + length + body


def extension_hex(data):
    return "DER:" + data.hex()


class Texts(Case):
    """No text from elsewhere reaches the terminal unchanged."""

    def test_before_tls(self):
        for options in [], ["--json"]:
            with self.subTest(options), contextlib.ExitStack() as servers:
                targets = [(name, servers.enter_context(tools.tcp_server(refusing(parts))))
                           for name, scripts in REFUSALS.items() for parts in scripts]
                result = tools.catrust("fetch", "--timeout", "20", *options, *("%s://127.0.0.1:%d" % t for t in targets),
                                       dirs=[self.dir])
                self.assertEqual(result.code, 3, result)
                self.no_unsafe(result)
                for _, port in targets:
                    self.assertIn("127.0.0.1:%d" % port, result.err + result.out)
                if options:
                    report = json.loads(result.out)
                    self.assertEqual([t["result"] for t in report["targets"]], ["unreachable"] * len(targets))
                    self.assertTrue(any("evil" in t["error"] for t in report["targets"]))
        self.assertEqual(listing(self.dir), [])

    def test_no_tls(self):
        for answer in b"HTTP/1.0 400 " + EVIL + b"\r\n\r\n" + EVIL, EVIL * 50, b"\x15\x03\x01" + EVIL, b"":
            with self.subTest(answer), tools.tcp_server(refusing([b"", answer])) as port:
                result = tools.catrust("fetch", "--timeout", "10", "127.0.0.1:%d" % port, dirs=[self.dir])
                self.assertEqual(result.code, 3, result)
                self.no_unsafe(result)

    @functools.lru_cache(maxsize=None)
    def hostile(self):
        """A folder with evil.pem, a root, and evil-server.pem; all their texts are hostile."""
        folder = lab.folder("hostile")
        lab.prepare_ca(folder)
        text = EVIL.replace(b"\x9b2J", b"").decode()  # in UTF8String, it is text that hurts
        url = der(0x86, b"http://192.0.2.1/" + EVIL)
        aia = der(0x30, der(0x30, bytes.fromhex("06082b06010505073002"), url))
        names = der(0x30, der(0x82, b"elsewhere." + EVIL), der(0x82, b"*." + EVIL), der(0x86, EVIL))
        with open(os.path.join(folder, "ca.cnf"), "a") as config:
            config.write(HOSTILE.replace("DNS:elsewhere.example,DER_NAME", extension_hex(names)))
            config.write("authorityInfoAccess = %s\n" % extension_hex(aia))
        lab.make_certificate(folder, "evil", text, "evil", None, -1, 100)
        lab.make_certificate(folder, "evil-server", text, "evilserver", "evil", -1, 90)
        return folder

    def test_certificates(self):
        folder = self.hostile()
        root = os.path.join(folder, "evil.pem")
        leaf = os.path.join(folder, "evil-server.pem")
        print_of_root = tools.fingerprint(root)
        for chain in leaf, tools.joined(leaf, root):
            for options in ([], ["--json"], ["--aia-local"], ["--fingerprint", print_of_root], ["--pin"],
                            ["--servername", "elsewhere.example", "--fingerprint", print_of_root]):
                with self.subTest(chain=chain, options=options), lab.server(chain, key=leaf[:-4] + ".key") as server:
                    result = tools.catrust("fetch", "--timeout", "2", *options, server.url, dirs=[self.dir])
                    self.assertEqual(result.code, 1, result)
                    self.no_unsafe(result)
                    self.assertIn("evil", result.err + result.out)
        self.assertEqual(listing(self.dir), [])

    def test_files(self):
        root = os.path.join(self.hostile(), "evil.pem")
        shutil.copy(root, os.path.join(os.fsencode(lab.folder()).decode(), "x.pem"))
        added = tools.catrust("add", root, "--fingerprint", tools.fingerprint(root), dirs=[self.dir])
        self.assertEqual(added.code, 0, added)
        name = listing(self.dir)[0]
        self.assertRegex(name, r"\A[a-z0-9-]+\.pem\Z")
        for command in (["list"], ["list", "--json"], ["add", root], ["bundle", "--no-public"],
                        ["remove", "no\x1b[2J"], ["remove", name]):
            with self.subTest(command):
                result = tools.catrust(*command, dirs=[self.dir])
                self.no_unsafe(result)
                if command[0] == "list":
                    self.assertIn("evil", result.out)

    def test_name_of_the_file(self):
        # the comment in the saved file is as safe, and holds no PEM but the certificate
        root = os.path.join(self.hostile(), "evil.pem")
        result = tools.catrust("add", root, "--fingerprint", tools.fingerprint(root), dirs=[self.dir])
        text = lab.read(result.out.strip()).decode()
        self.assertNotRegex(text, UNSAFE)
        self.assertEqual(text.count("-----BEGIN"), 1)

    def test_doctor(self):
        leaf = os.path.join(self.hostile(), "evil-server.pem")
        if not re.search(r"doctor .*TARGET", tools.catrust("doctor", "--help").out):
            self.skipTest("no doctor TARGET")
        for options in [], ["--json"]:
            with self.subTest(options), lab.server(leaf, key=leaf[:-4] + ".key") as server:
                result = tools.catrust("doctor", "--timeout", "2", *options, server.url, dirs=[self.dir])
                self.assertIn(result.code, (1, 4), result)
                self.no_unsafe(result)
        for name in "smtp", "ldap", "mysql":
            with self.subTest(name), tools.tcp_server(refusing(REFUSALS[name][0])) as port:
                result = tools.catrust("doctor", "--timeout", "10", "%s://127.0.0.1:%d" % (name, port), dirs=[self.dir])
                self.assertIn(result.code, (3, 4), result)
                self.no_unsafe(result)


class Elsewhere(Case):
    def test_nothing_is_written_elsewhere(self):
        home, temporary, where = lab.folder("home"), lab.folder("tmp"), lab.folder("cwd")
        env = {"HOME": home, "TMPDIR": temporary, "CATRUST_DIR": None, "XDG_CONFIG_HOME": None}
        path = tools.cert("evil-root")
        for directory in None, self.dir:
            with self.subTest(directory):
                if directory is None and os.geteuid() == 0:
                    continue  # that would be the system's
                options = ["--dir", directory] if directory else []
                result = tools.catrust("add", path, "--fingerprint", tools.fingerprint(path), *options, env=env, cwd=where)
                self.assertEqual(result.code, 0, result)
                wanted = directory or os.path.join(home, ".config", "catrust", "ca.d")
                self.assertEqual(os.path.dirname(result.out.strip()), wanted)
        self.assertEqual((listing(temporary), listing(where)), ([], []))
        self.assertEqual(len(listing(self.dir)), 1)
        if os.geteuid() == 0:
            self.assertEqual(listing(home), [])

    def test_links_lead_nowhere(self):
        # a link in the directory with the name of the file to come is not followed
        path = lab.cert("corp-root.pem")
        target = os.path.join(lab.folder(), "target")
        link = os.path.join(self.dir, "example-corp-root-ca-%s.pem" % self.root[7:15])
        os.symlink(target, link)
        result = tools.catrust("add", path, "--fingerprint", self.root, dirs=[self.dir])
        self.assertEqual(result.code, 1, result)
        self.assertFalse(os.path.exists(target))
        self.assertTrue(os.path.islink(link))
        self.assertEqual(len(listing(self.dir)), 1)


if __name__ == "__main__":
    lab.main()
