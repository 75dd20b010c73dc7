# SPDX-License-Identifier: Apache-2.0
"""catrust fetch over STARTTLS: real servers, and Python's clients with what it saved from them."""

import contextlib
import glob
import os
import pwd
import shutil
import socket
import subprocess
import time
import unittest

from lab import lab, tools


# For want of a client in Python: what such a client says before TLS, and then its default context.
CLIENT = r"""
import re, socket, ssl, sys
s = socket.create_connection(("localhost", int(sys.argv[1])), 30)
f = s.makefile("rwb", 0)
seen = b""
for word, until in {talk}:
    f.write(word)
    while not re.search(until, seen):
        more = s.recv(1)
        if not more:
            raise SystemExit("it hung up: %r" % seen)
        seen += more
    seen = b""
ssl.create_default_context().wrap_socket(s, server_hostname="localhost").close()
"""


def client(*talk):
    """A program that sends each first word, waits for each second one, then starts TLS; its argument is the port."""
    return CLIENT.replace("{talk}", repr(list(talk)))


class Case(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.dir = os.path.join(lab.folder("fetch"), "ca.d")
        self.root = tools.fingerprint(lab.cert("corp-root.pem"))

    def fetch(self, *args, code=0, **options):
        result = tools.catrust("fetch", *args, dirs=[self.dir], **options)
        self.assertEqual(result.code, code, result.err)
        saved = os.listdir(self.dir) if os.path.isdir(self.dir) else []
        self.assertEqual(len(saved), 1 if code == 0 else 0)
        return result

    def fetch_root(self, *args):
        result = self.fetch("--fingerprint", self.root, *args)
        self.assertEqual(tools.fingerprint(result.out.strip()), self.root)
        return result

    def python(self, code, *args):
        """Python fails with an empty trust directory, and succeeds with what was saved."""
        self.python_refuses(lab.folder("empty"), code, *args)
        with_it = self.run_python(self.dir, code, *args)
        self.assertEqual(with_it.code, 0, with_it.err)

    def run_python(self, there, code, *args):
        return lab.run([tools.tool("catrust-run"), "/usr/bin/python3", "-c", code, *map(str, args)], dirs=[there])

    def python_refuses(self, there, code, *args):
        result = self.run_python(there, code, *args)
        self.assertNotEqual(result.code, 0)
        self.assertIn("certificate verify failed", result.err)

    def check(self, target, program, *args):
        """What fetch refuses is not saved, and Python's program trusts the server with what it saves. target:
        fetch's target, or a list of targets; args: the program's."""
        words = [target] if isinstance(target, str) else target
        os.makedirs(self.dir, exist_ok=True)
        self.fetch(*words, code=1)
        self.fetch("--fingerprint", tools.fingerprint(lab.cert("other-root.pem")), *words, code=1)
        self.python_refuses(self.dir, program, *args)
        self.fetch_root(*words)
        self.python(program, *args)


def wait_for_port(port, server, timeout=40):
    def listens():
        with socket.socket() as s:
            s.settimeout(1)
            return s.connect_ex(("127.0.0.1", port)) == 0
    lab.wait_for(listens, server, timeout)


def program(*names):
    """The first one that exists; otherwise skips the test."""
    for name in names:
        found = shutil.which(name, path=lab.clean_env()["PATH"]) or (glob.glob(name) or [None])[-1]
        if found:
            return found
    raise unittest.SkipTest("no program " + " or ".join(names))


def needs_root():
    if os.geteuid() != 0:
        raise unittest.SkipTest("this server starts as root only")


SCRIPTS = {
    # protocol: what the server says, and waits for, until TLS starts
    "smtp": [b"220-mx\r\n220 mx ESMTP\r\n", b"EHLO localhost\r\n", b"250-mx\r\n250 STARTTLS\r\n", b"STARTTLS\r\n", b"220 go\r\n"],
    "lmtp": [b"220 mx LMTP\r\n", b"LHLO localhost\r\n", b"250 STARTTLS\r\n", b"STARTTLS\r\n", b"220 go\r\n"],
    "imap": [b"* OK hi\r\n", b"STARTTLS\r\n", b"* X\r\na OK go\r\n"],
    "pop3": [b"+OK hi\r\n", b"STLS\r\n", b"+OK go\r\n"],
    "ftp": [b"220 hi\r\n", b"AUTH TLS\r\n", b"234 go\r\n"],
    "ldap": [b"", b"1.3.6.1.4.1.1466.20037", b"\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x00\x04\x00\x04\x00"],
    "xmpp": [b"", b"jabber:client' to='localhost' version='1.0'>", b"<stream:stream><stream:features><starttls/></stream:features>",
             b"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>", b"<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"],
    "xmpp-server": [b"", b"jabber:server' to='localhost' version='1.0'>", b"<stream:stream><stream:features></stream:features>",
                    b"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>", b"<proceed xmlns='x'></proceed>"],
    "irc": [b":x NOTICE * :hi\r\n", b"STARTTLS\r\n", b":x 670 * :go\r\n"],
    "nntp": [b"200 hi\r\n", b"STARTTLS\r\n", b"382 go\r\n"],
    "sieve": [b"\"STARTTLS\"\r\nOK\r\n", b"STARTTLS\r\n", b"OK go\r\n"],
    "postgres": [b"", b"\x04\xd2\x16\x2f", b"S"],
    "mysql": [b"\x1c\0\0\0\x0a8.0\0\1\0\0\x0012345678\0\xff\xff\x21\2\0\xff\xff\x15\0\0", b"\x20\0\0\1\1\x8a\0\0\0\0\0\1\x21" + bytes(23), b""],
}


def scripted(script, context, pause=0):
    """A behaviour for tools.tcp_server(): sends its lines, byte by byte if there is a pause."""
    def behave(connection, stop):
        connection.settimeout(10)
        for i, part in enumerate(script):
            if i % 2 == 1:
                seen = b""
                while part not in seen:
                    more = connection.recv(1)  # and no byte of TLS
                    if not more:
                        return
                    seen += more
            elif pause:
                for byte in part:
                    connection.send(bytes([byte]))
                    if stop.wait(pause):
                        return
            else:
                connection.sendall(part)
        if context is None:
            return  # hangs up
        with contextlib.suppress(OSError), context.wrap_socket(connection, server_side=True) as tls:
            tls.recv(1)
    return behave


class Scripted(Case):
    """Every protocol, with a server that follows it strictly."""

    @classmethod
    def setUpClass(cls):
        cls.server = lab.server("server-full")  # for its context
        cls.addClassCleanup(cls.server.http.server_close)

    def serve(self, script, **options):
        return tools.tcp_server(scripted(script, self.server.context, **options))

    def test_option(self):
        for name, script in SCRIPTS.items():
            self.setUp()
            with self.subTest(name), self.serve(script) as port:
                self.fetch_root("--starttls", name, "localhost:%d" % port)

    def test_scheme(self):
        for name, script in SCRIPTS.items():
            self.setUp()
            with self.subTest(name), self.serve(script) as port:
                self.fetch_root("%s://localhost:%d/x" % (name, port))

    def test_byte_by_byte(self):
        with self.serve(SCRIPTS["smtp"], pause=0.005) as port:
            self.fetch_root("smtp://localhost:%d" % port)

    def test_none(self):
        with lab.server("server-full") as srv:
            self.fetch_root("--starttls", "none", "smtp://localhost:%d" % srv.port)

    def test_refused(self):
        for script, words in (
                ([b"554 not \x1b[2Jyou\r\n"], "554 not \\x1b[2Jyou"),
                ([b"220 a\r\n", b"EHLO localhost\r\n", b"250 a\r\n", b"STARTTLS\r\n", b"454 later\r\n"], "454 later"),
                ([b"220 a\r\n", b"EHLO localhost\r\n", b"250 a\r\n", b"STARTTLS\r\n", b"220 go\r\n250 injected\r\n"], "an attacker may have inserted"),
                ([b"220-x\r\n" * 20000], "answer does not end"),
                ([b"2" * 70000], "answer does not end"),
                ([b"\x16\x03\x01\n"], "\\x16\\x03\\x01"),
                ([b"220 a\r\n", b"EHLO localhost\r\n"], "closed the connection|connection failed")):
            with self.subTest(words):
                with tools.tcp_server(scripted(script, None)) as port:
                    result = self.fetch("smtp://localhost:%d" % port, code=3)
                self.assertNotIn("\x1b", result.err)
                self.assertRegex(result.err, words if "|" in words else words.replace("\\", "\\\\").replace("[", "\\["))

    def test_silent_and_slow(self):
        for behave in ((lambda s, stop: stop.wait(20)), scripted([b"220 x" * 100], None, pause=0.1)):
            start = time.monotonic()
            with tools.tcp_server(behave) as port:
                result = self.fetch("--timeout", "0.5", "smtp://localhost:%d" % port, code=3)
            self.assertIn("did not go through STARTTLS within 0.5 s", result.err)
            self.assertLess(time.monotonic() - start, 5)


class Dovecot(Case):
    """IMAP, POP3 and ManageSieve."""

    @classmethod
    def setUpClass(cls):
        needs_root()
        dovecot = program("dovecot")
        there = lab.folder("dovecot")
        cls.port = {name: lab.free_port() for name in ("imap", "pop3", "sieve")}
        protocols = "imap pop3"
        if os.path.exists("/usr/lib/dovecot/managesieve-login"):
            protocols += " sieve"
        conf = lab.write(os.path.join(there, "dovecot.conf"), """
base_dir = {there}/run
state_dir = {there}/run
log_path = {there}/log
protocols = {protocols}
listen = 127.0.0.1
ssl = yes
ssl_cert = <{chain}
ssl_key = <{key}
mail_location = maildir:{there}/mail
disable_plaintext_auth = yes
passdb {{
  driver = static
  args = nopassword=y
}}
userdb {{
  driver = static
  args = uid=nobody gid=nogroup home={there}
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service pop3-login {{
  chroot =
  inet_listener pop3 {{
    port = {pop3}
  }}
  inet_listener pop3s {{
    port = 0
  }}
}}
service managesieve-login {{
  chroot =
  inet_listener sieve {{
    port = {sieve}
  }}
}}
""".format(there=there, protocols=protocols, chain=lab.cert("server-full.pem"), key=lab.cert("server.key"), **cls.port))
        if "sieve" not in protocols:
            conf_text = lab.read(conf).decode()
            lab.write(conf, conf_text[:conf_text.index("service managesieve-login")])
            del cls.port["sieve"]
        server = cls.enterClassContext(lab.Process([dovecot, "-F", "-c", conf]))
        for port in cls.port.values():
            wait_for_port(port, server)

    def test_imap(self):
        self.check("imap://localhost:%d" % self.port["imap"],
                   "import imaplib, ssl, sys; imaplib.IMAP4('localhost', int(sys.argv[1]))"
                   ".starttls(ssl.create_default_context())", self.port["imap"])

    def test_pop3(self):
        self.check(["--starttls", "pop3", "localhost:%d" % self.port["pop3"]],
                   "import poplib, ssl, sys; poplib.POP3('localhost', int(sys.argv[1]))"
                   ".stls(ssl.create_default_context())", self.port["pop3"])

    def test_sieve(self):
        if "sieve" not in self.port:
            self.skipTest("no ManageSieve in this Dovecot")
        self.check("sieve://localhost:%d" % self.port["sieve"],
                   client((b"", b"OK[^\n]*\n"), (b"STARTTLS\r\n", b"OK[^\n]*\n")), self.port["sieve"])

    def test_wrong_protocol(self):
        result = self.fetch("smtp://localhost:%d" % self.port["imap"], code=3)
        self.assertIn("the server greets with", result.err)


class Slapd(Case):
    @classmethod
    def setUpClass(cls):
        slapd = program("slapd")
        there = lab.folder("slapd")
        cls.port = lab.free_port()
        conf = lab.write(os.path.join(there, "slapd.conf"), """
include /etc/ldap/schema/core.schema
pidfile {there}/pid
argsfile {there}/args
TLSCertificateFile {chain}
TLSCertificateKeyFile {key}
TLSCACertificateFile {ca}
database config
""".format(there=there, chain=lab.cert("server.pem"), key=lab.cert("server.key"),
           ca=tools.joined(lab.cert("corp-sub.pem"), lab.cert("corp-root.pem"))))
        server = cls.enterClassContext(lab.Process(
            [slapd, "-d", "0", "-f", conf, "-h", "ldap://127.0.0.1:%d" % cls.port]))
        wait_for_port(cls.port, server)

    def test_ldap(self):
        self.check("ldap://localhost:%d/dc=example" % self.port,
                   client((b"\x30\x1d\x02\x01\x01\x77\x18\x80\x161.3.6.1.4.1.1466.20037", rb"\x0a\x01\x00\x04\x00\x04\x00")),
                   self.port)

    def test_client(self):
        lab.need(modules=["ldap3"])
        self.fetch_root("--starttls", "ldap", "localhost:%d" % self.port)
        self.python("import ldap3, ssl, sys; ldap3.Connection(ldap3.Server('localhost', int(sys.argv[1]), "
                    "tls=ldap3.Tls(validate=ssl.CERT_REQUIRED)), auto_bind='TLS_BEFORE_BIND')", self.port)


class Postgres(Case):
    @classmethod
    def setUpClass(cls):
        needs_root()
        initdb = program("/usr/lib/postgresql/*/bin/initdb")
        try:
            user = pwd.getpwnam("postgres")
        except KeyError:
            raise unittest.SkipTest("no user postgres")
        there = lab.folder("postgres")
        os.chown(there, user.pw_uid, user.pw_gid)
        who = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        data, key = os.path.join(there, "data"), os.path.join(there, "server.key")
        subprocess.run([initdb, "-D", data, "-A", "trust", "-N", "--locale=C"], check=True, env=lab.clean_env(),
                       stdout=subprocess.DEVNULL, cwd=there, timeout=lab.TIMEOUT, **who)
        lab.write(key, lab.read(lab.cert("server.key")), 0o600)
        os.chown(key, user.pw_uid, user.pw_gid)
        cls.port = lab.free_port()
        server = cls.enterClassContext(lab.Process(
            [os.path.join(os.path.dirname(initdb), "postgres"), "-D", data, "-p", cls.port, "-F", "-c",
             "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "ssl=on", "-c",
             "ssl_cert_file=" + lab.cert("server-full.pem"), "-c", "ssl_key_file=" + key],
            stop=2, cwd=there, **who))
        wait_for_port(cls.port, server)

    def test_postgres(self):
        self.check("postgres://someone:secret@localhost:%d/db" % self.port,
                   client((b"\0\0\0\x08\x04\xd2\x16\x2f", b"S")), self.port)

    def test_client(self):
        lab.need(modules=["psycopg2"])
        self.fetch_root("--starttls", "postgresql", "localhost:%d" % self.port)
        self.python("import psycopg2, sys; psycopg2.connect(host='localhost', port=sys.argv[1], user='postgres', "
                    "dbname='postgres', sslmode='verify-full', sslrootcert=%r)" % lab.cert("other-root.pem"), self.port)


class Mariadb(Case):
    @classmethod
    def setUpClass(cls):
        mariadbd, install = program("mariadbd"), program("mariadb-install-db")
        there = lab.folder("mariadb")
        cls.port = lab.free_port()
        data = os.path.join(there, "data")
        user = pwd.getpwuid(os.geteuid()).pw_name
        subprocess.run([install, "--no-defaults", "--datadir=" + data, "--user=" + user, "--skip-test-db",
                        "--auth-root-authentication-method=normal"], check=True, env=lab.clean_env(), cwd=there,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=120)
        server = cls.enterClassContext(lab.Process(
            [mariadbd, "--no-defaults", "--datadir=" + data, "--user=" + user, "--port=%d" % cls.port,
             "--bind-address=127.0.0.1", "--socket=" + os.path.join(there, "s"), "--pid-file=" + os.path.join(there, "pid"),
             "--innodb-buffer-pool-size=8M", "--ssl-cert=" + lab.cert("server-full.pem"),
             "--ssl-key=" + lab.cert("server.key")]))
        wait_for_port(cls.port, server)

    def test_mysql(self):
        # 4.1's protocol, TLS and secure passwords; the greeting ends with the name of a plugin
        self.check("mysql://localhost:%d/db" % self.port,
                   client((b"", rb"mysql_native_password\x00"),
                          (b"\x20\0\0\1\x00\x8a\0\0\0\0\0\1\x21" + bytes(23), b"")), self.port)

    def test_client(self):
        lab.need(modules=["pymysql"])
        self.fetch_root("--starttls", "mysql", "localhost:%d" % self.port)
        self.python("import pymysql, ssl, sys; pymysql.connect(host='localhost', port=int(sys.argv[1]), user='root', "
                    "ssl=ssl.create_default_context())", self.port)


class Vsftpd(Case):
    @classmethod
    def setUpClass(cls):
        needs_root()
        vsftpd = program("vsftpd")
        there = lab.folder("vsftpd")
        cls.port = lab.free_port()
        conf = lab.write(os.path.join(there, "vsftpd.conf"), """
listen=YES
background=NO
listen_address=127.0.0.1
listen_port={port}
anonymous_enable=YES
local_enable=NO
anon_root={root}
secure_chroot_dir={root}
ssl_enable=YES
allow_anon_ssl=YES
require_ssl_reuse=NO
seccomp_sandbox=NO
rsa_cert_file={chain}
rsa_private_key_file={key}
ssl_ciphers=HIGH
ssl_tlsv1=YES
xferlog_enable=NO
""".format(port=cls.port, root=lab.folder("ftproot"), chain=lab.cert("server-full.pem"), key=lab.cert("server.key")))
        server = cls.enterClassContext(lab.Process([vsftpd, conf]))
        wait_for_port(cls.port, server)

    def test_ftp(self):
        self.check("ftp://localhost:%d/pub" % self.port,
                   "import ftplib, ssl, sys; f = ftplib.FTP_TLS(context=ssl.create_default_context()); "
                   "f.connect('localhost', int(sys.argv[1])); f.auth()", self.port)


class Postfix(Case):
    @classmethod
    def setUpClass(cls):
        needs_root()
        postfix, master = program("postfix"), program("/usr/lib/postfix/sbin/master")
        there = lab.folder("postfix")
        conf, queue, data = (os.path.join(there, n) for n in ("conf", "queue", "data"))
        for path in conf, queue, data:
            os.mkdir(path)
        shutil.chown(data, "postfix")
        cls.port = lab.free_port()
        lab.write(os.path.join(conf, "main.cf"), """
compatibility_level = 3.6
queue_directory = {queue}
data_directory = {data}
daemon_directory = {daemons}
command_directory = /usr/sbin
mail_owner = postfix
setgid_group = postdrop
myhostname = localhost
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
maillog_file = /dev/stdout
smtpd_tls_chain_files = {chain}
smtpd_tls_security_level = may
smtpd_relay_restrictions = reject
local_recipient_maps =
alias_maps =
""".format(queue=queue, data=data, daemons=os.path.dirname(master),
           chain=tools.joined(lab.cert("server.key"), lab.cert("server-full.pem"))))
        lab.write(os.path.join(conf, "master.cf"), """
127.0.0.1:{port} inet n - n - - smtpd
postlog unix-dgram n - n - 1 postlogd
tlsmgr unix - - n 1000? 1 tlsmgr
anvil unix - - n - 1 anvil
proxymap unix - - n - - proxymap
rewrite unix - - n - - trivial-rewrite
""".format(port=cls.port))
        subprocess.run([postfix, "-c", conf, "check"], check=True, env=lab.clean_env(), timeout=lab.TIMEOUT,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        # Not "postfix start-fg", which leaves the process group that ends with the test.
        server = cls.enterClassContext(lab.Process([master, "-c", conf, "-d"]))
        wait_for_port(cls.port, server)

    def test_smtp(self):
        self.check("smtp://localhost:%d" % self.port,
                   "import smtplib, ssl, sys; smtplib.SMTP('localhost', int(sys.argv[1]))"
                   ".starttls(context=ssl.create_default_context())", self.port)

    def test_refused_stays_out(self):
        result = self.fetch("--fingerprint", "00" * 32, "smtp://localhost:%d" % self.port, code=1)
        self.assertIn("nothing is saved", result.err)


if __name__ == "__main__":
    lab.main()
