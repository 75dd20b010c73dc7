# SPDX-License-Identifier: Apache-2.0
"""Bad input in the trust directory: the program still gets its page, thanks to the good anchor there, and one line
names the file, the place in it, and the reason."""

import os
import pwd
import re
import shutil
import socket
import ssl
import subprocess

from lab import lab

PROGRAM = lab.PRELUDE + """
# The number of descriptors: one that the shim leaves open would show.
print(get(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), sys.argv[1]), len(os.listdir("/proc/self/fd")))
"""


def certificate_like(der, number):
    """The certificate with another serial number: still a certificate, but not signed by the CA."""
    # The serial is the first INTEGER of the TBSCertificate after the version; 8 bytes and more in ours.
    at = der.index(b"\xa0\x03\x02\x01\x02\x02") + 6
    length = der[at]
    return der[:at + 1] + b"\x01" + number.to_bytes(length - 1, "big") + der[at + 1 + length:]


def pem(der):
    return ssl.DER_cert_to_PEM_cert(der).encode()


class BadInput(lab.Case):
    @classmethod
    def setUpClass(cls):
        cls.server = lab.server()
        cls.server.__enter__()
        cls.addClassCleanup(cls.server.__exit__)
        cls.root = lab.read(lab.cert("corp-root.pem"))
        cls.other = lab.read(lab.cert("other-root.pem"))
        cls.other_der = lab.openssl("x509", "-in", lab.cert("other-root.pem"), "-outform", "DER")
        cls.clean = lab.run(PROGRAM, [cls.server.port], shim=True, dirs=[lab.trustdir("corp-root.pem")]).out

    def dir(self, name=None, data=None, mode=0o644):
        """A trust directory with the good anchor and one bad file, which comes first by name."""
        path = lab.folder("ca.d")
        lab.write(path + "/z-good.pem", self.root)
        if name:
            lab.write(os.path.join(path, name), data, mode)
        return path

    def runs_on(self, path, lines, dirs=None, **options):
        """One pattern each; {} is the directory."""
        result = lab.run(PROGRAM, [self.server.port], shim=True, dirs=dirs or [path], **options)
        self.got_page(result, [line.replace("{}", re.escape(path)) for line in lines])
        self.assertEqual(self.clean, result.out)
        return result

    def refused_with(self, path, lines, **options):
        result = lab.run(PROGRAM, [self.server.port], shim=True, dirs=[path], **options)
        self.refused(result)
        ours = [line for line in result.err.splitlines() if line.startswith("catrust: ")]
        self.lines("\n".join(ours), [line.replace("{}", re.escape(path)) for line in lines])


class Directories(BadInput):
    def test_empty_directory(self):
        self.refused_with(lab.folder("ca.d"), ["{}: there is no certificate"])

    def test_missing_directory(self):
        self.refused_with("/nowhere/ca.d", ["{}: no such file or directory"])
        path = self.dir()
        self.runs_on(path, ["/nowhere/ca.d: no such file or directory"], dirs=["/nowhere/ca.d", path])

    def test_directory_named_as_a_file(self):
        path = self.dir()
        os.mkdir(path + "/x.pem")
        self.runs_on(path, [r"{}/x\.pem: .*directory"])

    def test_a_file_as_a_component(self):
        path = self.dir()
        self.runs_on(path, ["z-good.pem/ca.d: not a directory"], dirs=[path + "/z-good.pem/ca.d", path])

    def test_too_long_a_path(self):
        path = self.dir()
        self.runs_on(path, ["too long"], dirs=["/" + "x" * 5000, path])

    def test_ten_thousand_files(self):
        """Not all of them are read, and not each gets a line."""
        path = lab.folder("ca.d")
        for n in range(10000):
            open("%s/%05d.pem" % (path, n), "w").close()
        good = self.dir()
        result = lab.run(PROGRAM, [self.server.port], shim=True, dirs=[good, path])
        self.assertEqual((0, self.clean), (result.code, result.out))
        lines = result.err.splitlines()
        self.assertTrue(0 < len(lines) <= 102, len(lines))
        self.assertRegex(lines[-1], "^catrust: .*more")

    def test_more_than_a_thousand_files(self):
        path = lab.folder("ca.d")
        for n in range(1000):
            lab.write("%s/%05d.pem" % (path, n), self.root)
        self.runs_on(path, [])
        for n in range(1000, 1200):
            lab.write("%s/%05d.pem" % (path, n), self.root)
        self.runs_on(path, ["1000"])


class Files(BadInput):
    def test_junk(self):
        for data in b"junk\n", os.urandom(4096).replace(b"\x30", b"\x31"), b"\0" * 100, b"<html></html>\n":
            self.runs_on(self.dir("junk.pem", data), [r"{}/junk\.pem: not a certificate \(neither PEM nor DER\)"])

    def test_empty_file(self):
        self.runs_on(self.dir("empty.pem", b""), [r"{}/empty\.pem: the file is empty"])

    def test_pem_without_a_certificate(self):
        self.runs_on(self.dir("dh.pem", b"-----BEGIN DH PARAMETERS-----\nMAA=\n-----END DH PARAMETERS-----\n"),
                     [r"{}/dh\.pem: .*no certificate"])

    def test_other_files_are_named_and_the_command_converts_them(self):
        """UTF-16, keystores, bare base64 and a text with literal line breaks: the message says what it is and what
        to do."""
        folder = lab.folder("made")
        der = lab.openssl("x509", "-outform", "DER", data=self.root)
        lines = self.root.split(b"-----")[2].strip()
        p12 = lab.openssl("pkcs12", "-export", "-nokeys", "-in", lab.cert("corp-root.pem"), "-passout", "pass:secret")
        files = [("windows.pem", b"\xff\xfe" + self.root.decode().replace("\n", "\r\n").encode("utf-16-le"), "UTF-16"),
                 ("big.crt", b"\xfe\xff" + self.root.decode().encode("utf-16-be"), "UTF-16"),
                 ("store.cer", p12, "PKCS#12"),
                 ("bare.pem", lines.replace(b"\n", b"\r\n"), "base64"), ("line.pem", lines.replace(b"\n", b""), "base64"),
                 ("quoted.pem", self.root.replace(b"\n", b"\\n"), "instead of line breaks")]
        if shutil.which("keytool"):
            lab.write(folder + "/root.der", der)
            made = lab.run(["keytool", "-importcert", "-noprompt", "-alias", "corp", "-file", folder + "/root.der",
                            "-keystore", folder + "/store", "-storetype", "JKS", "-storepass", "secret"])
            self.assertEqual(0, made.code, made)
            files.append(("java.crt", lab.read(folder + "/store"), "Java keystore"))
        for name, data, what in files:
            with self.subTest(name):
                path = lab.folder("ca.d")
                lab.write(path + "/" + name, data)
                result = lab.run(PROGRAM, [self.server.port], shim=True, dirs=[path])
                self.refused(result)
                line = [line for line in result.err.splitlines() if line.startswith("catrust: ")]
                self.assertEqual(1, len(line), result.err)
                self.assertIn(what, line[0])
                command = line[0].split(", skipped; to convert it: ")[1].replace("FILE", path + "/" + name).replace("NEW", path + "/new")
                done = lab.run(["sh", "-c", command], stdin=b"secret\n", cwd=folder)
                self.assertEqual(0, done.code, (command, done))
                os.remove(path + "/" + name)
                self.runs_on(path, [])

    def test_revocation_lists(self):
        """One line, as for a private key."""
        crl = b"-----BEGIN X509 CRL-----\nMAA=\n-----END X509 CRL-----\n"
        folder = lab.folder("crl")
        lab.write(folder + "/index.txt", b"")
        lab.write(folder + "/ca.cnf", b"[ca]\ndefault_ca = c\n[c]\ndatabase = index.txt\ndefault_md = sha256\n")
        lab.openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=c",
                    cwd=folder)
        lab.openssl("ca", "-config", "ca.cnf", "-gencrl", "-crldays", "30", "-keyfile", "ca.key", "-cert", "ca.pem",
                    "-out", "crl.pem", cwd=folder)
        real = lab.read(folder + "/crl.pem")
        binary = lab.openssl("crl", "-outform", "DER", data=real)
        for name, data in ("crl.pem", crl), ("crl.pem", real), ("crl.der", binary):
            self.runs_on(self.dir(name, data), [r"{}/crl\....: (line 1: )?a revocation list, ignored"])
        self.runs_on(self.dir("both.pem", real + self.other), [r"{}/both\.pem: line 1: a revocation list, ignored"])

    def test_truncated_pem(self):
        for at, why in ((40, "END"), (len(self.other) // 2, "END"), (len(self.other) - 8, "END")):
            with self.subTest(at):
                self.runs_on(self.dir("torn.pem", self.other[:at]), [r"{}/torn\.pem: line 1: .*" + why])

    def test_truncated_after_a_good_one(self):
        """Only the block is lost, not the file."""
        path = lab.folder("ca.d")
        lab.write(path + "/torn.pem", self.root + self.other[:200])
        lines = self.root.count(b"\n")
        self.runs_on(path, [r"{}/torn\.pem: line %d: " % (lines + 1)])

    def test_torn_before_a_good_one(self):
        path = lab.folder("ca.d")
        lab.write(path + "/torn.pem", self.other[:200] + b"\n" + self.root)
        self.runs_on(path, [r"{}/torn\.pem: line 1: "])

    def test_broken_base64(self):
        for bad in (self.other.replace(b"\nMI", b"\nM!", 1), self.other.replace(b"\nMI", b"\nM=I", 1),
                    self.other.replace(b"\nMI", b"\nMI\xff", 1)):
            path = lab.folder("ca.d")
            lab.write(path + "/bad.pem", bad + self.root)
            self.runs_on(path, [r"{}/bad\.pem: line 1: .*base64"])

    def test_base64_of_something_else(self):
        block = b"-----BEGIN CERTIFICATE-----\naGVsbG8gd29ybGQ=\n-----END CERTIFICATE-----\n"
        path = lab.folder("ca.d")
        lab.write(path + "/bad.pem", block + self.root)
        self.runs_on(path, [r"{}/bad\.pem: line 1: .*certificate"])

    def test_der_that_only_looks_like_a_certificate(self):
        """The framing and the name are right, so OpenSSL decides when a chain needs it."""
        broken = bytearray(lab.openssl("x509", "-in", lab.cert("corp-root.pem"), "-outform", "DER"))
        at = bytes(broken).index(b"\xa0\x03\x02\x01\x02")
        broken[at + 2] = 0x04  # a version that is no INTEGER
        for name, data, where in (("bad.pem", pem(bytes(broken)), "line 1: "), ("bad.der", bytes(broken), "OpenSSL can't read ")):
            self.runs_on(self.dir(name, data), [r"{}/bad\.[a-z]+: " + where + ".*certificate"])

    def test_der_with_trailing_bytes(self):
        self.runs_on(self.dir("a.der", self.other_der + b"trailing"), [r"{}/a\.der: byte %d: .*after"
                                                                       % len(self.other_der)])
        # Whatever follows, the certificate before it counts.
        der = lab.openssl("x509", "-in", lab.cert("corp-root.pem"), "-outform", "DER")
        for more, lines in ((b"\0\1", [r"{}/a\.der: byte %d: " % len(der)]), (der[:100], [r"{}/a\.der: byte %d: " % len(der)]),
                            (b"\n", []), (self.other_der, [])):
            path = lab.folder("ca.d")
            lab.write(path + "/a.der", der + more)
            self.runs_on(path, lines)

    def test_truncated_der(self):
        for at in 3, 5, 200, len(self.other_der) - 1:
            self.runs_on(self.dir("a.der", self.other_der[:at]), [r"{}/a\.der: "])

    def test_lengths_that_lie(self):
        for data in b"\x30\x84\xff\xff\xff\xff", b"\x30\x88" + b"\xff" * 8, b"\x30\x80\x00\x00", b"\x30\xff" + b"x" * 200:
            self.runs_on(self.dir("a.der", data + b"\x02\x01\x00"), [r"{}/a\.der: "])

    def test_private_key(self):
        key = lab.read(lab.cert("server.key"))
        self.runs_on(self.dir("key.pem", key), [r"{}/key\.pem: line 1: .*private key"])
        encrypted = lab.openssl("pkcs8", "-topk8", "-passout", "pass:x", data=key)
        self.runs_on(self.dir("key.pem", encrypted), [r"{}/key\.pem: line 1: .*private key"])
        path = lab.folder("ca.d")
        lab.write(path + "/both.pem", key + self.root)
        result = self.runs_on(path, [r"{}/both\.pem: line 1: .*private key"])
        self.assertNotIn(key.decode().splitlines()[1][:20], result.err)

    def test_line_ends_and_marks(self):
        for data in (self.root.replace(b"\n", b"\r\n"), b"\xef\xbb\xbf" + self.root,
                     b"\xef\xbb\xbf" + self.root.replace(b"\n", b"\r\n"), self.root.rstrip(b"\n"),
                     b"\n\n  \n" + self.root + b"\n\n", self.root.replace(b"\n", b" \n"),
                     self.root.replace(b"\n", b"\r")):
            path = lab.folder("ca.d")
            lab.write(path + "/a.pem", data)
            with self.subTest(data[:40]):
                self.runs_on(path, [])

    def test_headers(self):
        """RFC 1421 headers are skipped, as OpenSSL does."""
        first, rest = self.root.split(b"\n", 1)
        path = lab.folder("ca.d")
        lab.write(path + "/a.pem", first + b"\nX-From: somewhere\nX-Folded: a\n b\n\n" + rest)
        self.runs_on(path, [])

    def test_duplicates(self):
        path = self.dir("a.pem", self.root * 50)
        self.runs_on(path, [])
        result = lab.run(lab.PRELUDE + "print(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).cert_store_stats());"
                         "c = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT);"
                         "c.load_verify_locations(sys.argv[1]); print(c.cert_store_stats()['x509'])",
                         [lab.cert("other-root.pem")], shim=True, dirs=[path, path, lab.cert("corp-root.pem")])
        self.assertEqual("1", result.out.split()[-1], result)

    def many(self, count):
        der = lab.openssl("x509", "-in", lab.cert("other-root.pem"), "-outform", "DER")
        bundle = b"".join(pem(certificate_like(der, n)) for n in range(count))
        self.assertEqual(count, len(set(bundle.split(b"-----END")) - {b" CERTIFICATE-----\n"}))
        return bundle

    def test_two_thousand_certificates(self):
        path = lab.folder("ca.d")
        lab.write(path + "/many.pem", self.many(2000) + self.root)
        self.runs_on(path, [])

    def test_more_than_four_thousand_certificates(self):
        bundle = self.many(4096)
        self.runs_on(self.dir("many.pem", bundle + self.root), [r"{}/many\.pem: .*more than 4096"])
        # Whole, not the first of them.
        path = lab.folder("ca.d")
        lab.write(path + "/many.pem", self.root + bundle)
        self.refused_with(path, [r"{}/many\.pem: .*more than 4096"])

    def test_a_thousand_certificates(self):
        der = lab.openssl("x509", "-in", lab.cert("other-root.pem"), "-outform", "DER")
        bundle = b"".join(pem(certificate_like(der, n)) for n in range(999))
        path = lab.folder("ca.d")
        lab.write(path + "/many.pem", bundle + self.root)
        self.runs_on(path, [])

    def test_twenty_megabytes(self):
        self.runs_on(self.dir("big.pem", self.other + b"x" * (20 << 20)), [r"{}/big\.pem: .*8 MiB"])
        path = lab.folder("ca.d")
        lab.write(path + "/big.pem", self.root + b"# comment\n" * 700000)
        self.runs_on(path, [])

    def test_sparse_terabyte(self):
        path = self.dir("big.pem", b"")
        try:
            os.truncate(path + "/big.pem", 1 << 40)
        except OSError as e:
            self.skipTest(str(e))
        self.runs_on(path, [r"{}/big\.pem: .*8 MiB"])

    def test_subject_that_is_no_utf8(self):
        """The subject of a real CA has a BMPString, a T61String in Latin-1, and bytes that are not text."""
        der = lab.openssl("x509", "-in", lab.cert("corp-root.pem"), "-outform", "DER")
        name = b"Example Corp Root CA"
        for tag, text in ((b"\x0c", b"Ex\xe4mple C\xffrp Root \x1b["), (b"\x14", b"Ex\xe4mple Corp Root\xa0CA"),
                          (b"\x1e", b"\0E\0x\0\xe4\xd8\0\0m\0p\0l\0e\0C\0o")):
            self.assertEqual(len(name), len(text))
            changed = der.replace(b"\x0c\x14" + name, tag + b"\x14" + text)
            self.assertNotEqual(der, changed)
            # Whether such a subject is well-formed is for OpenSSL to say; that there is a line if not, for us.
            readable = lab.run(["openssl", "x509", "-noout", "-inform", "PEM"], stdin=pem(changed)).code == 0
            for file, data, where in (("a.der", changed, "OpenSSL can't read "), ("a.pem", pem(changed), "line 1: ")):
                self.runs_on(self.dir(file, data), [] if readable else [r"{}/%s: %s.*certificate" % (file, where)])
            result = lab.run(PROGRAM, [self.server.port], shim=True, dirs=[self.dir("a.pem", pem(changed))],
                             env={"CATRUST_LOG": "debug"})
            self.assertEqual(0, result.code)
            for line in result.err.splitlines():
                self.assertRegex(line, "^catrust: [^\x00-\x1f\x7f-\x9f\ud800-\udfff]+$")

    def test_bad_files_together(self):
        path = self.dir("a.pem", b"junk\n")
        lab.write(path + "/b.pem", b"")
        lab.write(path + "/c.der", self.other_der[:100])
        os.mkdir(path + "/d example")
        self.runs_on(path, [r"{}/a\.pem: ", r"{}/b\.pem: ", r"{}/c\.der: ", r"{}/d example: "])

    def test_said_once_a_process(self):
        path = self.dir("a.pem", b"junk\n")
        code = lab.PRELUDE + """
import threading
def one():
    for _ in range(3):
        print(get(context(sys.argv[2])(), sys.argv[1]))
threads = [threading.Thread(target=one) for _ in range(8)]
for t in threads: t.start()
for t in threads: t.join()
"""
        for kind in "default", "generic":
            result = lab.run(code, [self.server.port, kind], shim=True, dirs=[path])
            self.got_page(result, [r"a\.pem"])


class Special(BadInput):
    def test_fifo(self):
        path = self.dir()
        os.mkfifo(path + "/a.pem")
        self.runs_on(path, [r"{}/a\.pem: not a regular file"], timeout=20)
        good = self.dir()
        self.runs_on(path, [r"{}/a\.pem: not a regular file"], dirs=[path + "/a.pem", good], timeout=20)

    def test_fifo_with_a_writer(self):
        path = self.dir()
        os.mkfifo(path + "/a.pem")
        writer = os.open(path + "/a.pem", os.O_RDWR)
        try:
            os.write(writer, self.other)
            self.runs_on(path, [r"{}/a\.pem: not a regular file"], timeout=20)
            # Nothing was taken out of it.
            self.assertEqual(self.other, os.read(writer, 65536))
        finally:
            os.close(writer)

    def test_socket_and_devices(self):
        path = self.dir()
        with socket.socket(socket.AF_UNIX) as s:
            s.bind(path + "/a.pem")
            self.runs_on(path, [r"{}/a\.pem: not a regular file"])
        for device in "/dev/zero", "/dev/null", "/dev/tty":
            path = self.dir()
            os.symlink(device, path + "/a.pem")
            self.runs_on(path, [r"{}/a\.pem: "], timeout=20)

    def test_symbolic_link_loop(self):
        path = self.dir()
        os.symlink("b.pem", path + "/a.pem")
        os.symlink("a.pem", path + "/b.pem")
        self.runs_on(path, [r"{}/a\.pem: too many levels", r"{}/b\.pem: too many levels"])

    def test_dangling_link(self):
        path = self.dir()
        os.symlink("/nowhere/a.pem", path + "/a.pem")
        self.runs_on(path, [r"{}/a\.pem: no such file"])

    def test_loop_of_directories(self):
        path = self.dir()
        os.symlink(path, path + "/loop.example")
        self.runs_on(path, [r"{}/loop\.example/loop\.example: "])

    def test_name_with_control_characters(self):
        for name, shown in (("a\nb.pem", r"a\\x0ab\.pem"), ("\x1b[31mred.pem", r"\\x1b\[31mred\.pem"),
                            ("bell\x07\r.pem", r"bell\\x07\\x0d\.pem"), ("\x7f\x9b.pem", r"\\x7f\\xc2\\x9b\.pem"),
                            (b"\xff\xfe.pem", r"\\xff\\xfe\.pem"), ("\u202e\u00fc.pem", r".*\.pem"),
                            ("%s%n.pem", r"%s%n\.pem"), ("back\\slash.pem", r"back.*slash\.pem")):
            path = self.dir()
            lab.write(os.path.join(os.fsencode(path), os.fsencode(name)), b"junk\n")
            with self.subTest(name):
                self.runs_on(path, ["{}/" + shown + ": .*neither"])

    def test_one_write(self):
        """A line is written in one piece: the reader of a pipe gets whole lines."""
        lab.need(programs=["strace"])
        path = self.dir("a.pem", b"junk\n")
        trace = lab.folder("trace") + "/trace"
        result = lab.run(["strace", "-f", "-e", "trace=write", "-e", "write=2", "-s", "200", "-o", trace,
                          "env", "LD_PRELOAD=" + lab.shim(), lab.PYTHON, "-c", PROGRAM, self.server.port], dirs=[path])
        self.got_page(result, [r"{}/a\.pem".replace("{}", path)])
        writes = [line for line in lab.read(trace).decode().splitlines() if "write(2," in line]
        self.assertEqual(1, len(writes), writes)
        self.assertRegex(writes[0], r'write\(2, "catrust: .*\\n", \d+\)')

    def test_stderr_that_nobody_reads(self):
        """If the pipe is full, the line is dropped and the program goes on. If it is closed, there is no SIGPIPE."""
        path = self.dir("a.pem", b"junk\n")
        for full in True, False:
            reader, writer = os.pipe()
            try:
                if full:
                    os.set_blocking(writer, False)
                    try:
                        while True:
                            os.write(writer, b"x" * 65536)
                    except BlockingIOError:
                        os.set_blocking(writer, True)
                else:
                    os.close(reader)
                    reader = None
                done = subprocess.run([lab.PYTHON, "-c", PROGRAM, str(self.server.port)], env=lab.shim_env([path]),
                                      stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=writer, timeout=20)
                self.assertEqual((0, self.clean), (done.returncode, done.stdout.decode()))
            finally:
                os.close(writer)
                if reader is not None:
                    os.close(reader)


class Permissions(BadInput):
    def test_writable_by_others(self):
        for mode in 0o666, 0o646, 0o622:
            path = self.dir("a.pem", self.other, mode)
            with self.subTest(oct(mode)):
                self.runs_on(path, [r"{}/a\.pem: .*write"])
                self.runs_on(path, [], env={"CATRUST_ALLOW_WRITABLE": "1"})
                self.runs_on(path, [r"{}/a\.pem: .*write"], env={"CATRUST_ALLOW_WRITABLE": "0"})

    def test_writable_is_not_trusted(self):
        path = lab.folder("ca.d")
        lab.write(path + "/a.pem", self.root, 0o666)
        self.refused_with(path, [r"{}/a\.pem: .*CATRUST_ALLOW_WRITABLE"])

    def test_writable_directory(self):
        path, good = self.dir(), self.dir()
        for mode in 0o777, 0o757:
            os.chmod(path, mode)
            self.refused_with(path, ["{}: .*write"])
            self.runs_on(path, ["{}: .*write"], dirs=[path, good])
            self.runs_on(path, [], env={"CATRUST_ALLOW_WRITABLE": "1"})
        # As in /tmp: each may add, only the owner may change.
        os.chmod(path, 0o1777)
        self.runs_on(path, [])

    def test_directory_of_links_to_a_writable_file(self):
        target = lab.write(lab.folder("target") + "/target", self.root, 0o666)
        path = lab.folder("ca.d")
        os.symlink(target, path + "/a.pem")
        self.refused_with(path, [r"{}/a\.pem: .*write"])


class OtherUsers(BadInput):
    NOBODY = {"user": "nobody", "group": "nogroup"}

    @classmethod
    def setUpClass(cls):
        lab.need(user="nobody")
        super().setUpClass()

    def test_unreadable_file(self):
        path = self.dir("a.pem", self.other, 0o600)
        self.runs_on(path, [r"{}/a\.pem: permission denied"], **self.NOBODY)

    def test_unreadable_directory(self):
        path, good = self.dir(), self.dir()
        os.chmod(path, 0o700)
        self.refused_with(path, ["{}: permission denied"], **self.NOBODY)
        self.runs_on(path, ["{}: permission denied"], dirs=[path, good], **self.NOBODY)

    def test_owned_by_another_user(self):
        path = self.dir("a.pem", self.other)
        os.chown(path + "/a.pem", 1234, 1234)
        self.runs_on(path, [r"{}/a\.pem: .*belongs"])
        self.runs_on(path, [r"{}/a\.pem: .*belongs"], **self.NOBODY)
        self.runs_on(path, [], env={"CATRUST_ALLOW_WRITABLE": "1"})

    def test_directory_of_another_user(self):
        path, good = self.dir(), self.dir()
        os.chown(path, 1234, 1234)
        self.refused_with(path, ["{}: .*belongs"])
        self.runs_on(path, ["{}: .*belongs"], dirs=[path, good])

    def test_ones_own_files(self):
        nobody = pwd.getpwnam("nobody").pw_uid
        path = self.dir("a.pem", self.other)
        for name in path, path + "/a.pem", path + "/z-good.pem":
            os.chown(name, nobody, -1)
        self.runs_on(path, [], **self.NOBODY)

    def test_group_writable(self):
        path = self.dir("a.pem", self.other, 0o664)
        os.chown(path + "/a.pem", 0, 1234)
        self.runs_on(path, [r"{}/a\.pem: .*write"])
        os.chown(path + "/a.pem", 0, 0)  # root's own group
        self.runs_on(path, [])

    def test_read_only_mount(self):
        """As in Kubernetes: mode 0777, on a mount where nobody can write."""
        lab.need(programs=["unshare", "mount"])
        path = lab.folder("ca.d")
        script = """
            set -e
            mount -t tmpfs none "$1"
            cp "$2" "$1/corp.pem"
            chmod 666 "$1/corp.pem"
            chmod 777 "$1"
            [ "$3" = rw ] || mount -o remount,ro "$1"
            """
        wrap = ["unshare", "-m", "--propagation", "private", "sh", "-c"]
        if lab.run(wrap + [script, "sh", path, lab.cert("corp-root.pem"), "ro"]).code != 0:
            self.skipTest("no mount namespace here")
        for how in "ro", "rw":
            script_and_program = script + 'export CATRUST_DIR="$1" LD_PRELOAD="$4"; exec "$5" -c "$6" "$7"'
            result = lab.run(wrap + [script_and_program, "sh", path, lab.cert("corp-root.pem"), how, lab.shim(),
                                     lab.PYTHON, PROGRAM, self.server.port])
            if how == "ro":
                self.got_page(result, [])
            else:
                self.refused(result)


if __name__ == "__main__":
    lab.main()
